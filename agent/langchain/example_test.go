package langchain_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
	"github.com/tmc/langchaingo/schema"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/langchain"
)

// Any server that speaks OpenAI's format will do: OpenAI, Mistral, Ollama's
// /v1, and here one that always calls a tool.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "content": "One moment.",
			"tool_calls": [{"id": "call_7", "type": "function", "function": {"name": "assign", "arguments": "{\"to\": \"Sales Team\"}"}}]}}],
			"usage": {"prompt_tokens": 120, "completion_tokens": 14}}`)
	}))
	defer server.Close()

	model, err := openai.New(
		openai.WithBaseURL(server.URL+"/v1"),
		openai.WithToken("unused"),
		openai.WithModel("qwen3"),
		openai.WithHTTPClient(langchain.HTTPClient()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	var llm agent.LLM = langchain.New(model)

	resp, err := llm.Generate(context.Background(), &agent.Request{
		System:   "You greet contacts and assign them.",
		Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: "What does it cost?"}},
		Tools:    []agent.Tool{{Name: "assign", Description: "Assigns the conversation.", Schema: []byte(`{"type":"object","properties":{"to":{"type":"string"}}}`)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Stop, resp.Calls[0].Name, string(resp.Calls[0].Arguments), resp.Usage.InputTokens)
	// Output: calls assign {"to": "Sales Team"} 120
}

// With HTTPClient the adapter sees what the provider's headers say.
func ExampleHTTPClient() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()

	model, err := openai.New(openai.WithBaseURL(server.URL), openai.WithToken("unused"), openai.WithHTTPClient(langchain.HTTPClient()))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = langchain.New(model).Generate(context.Background(), &agent.Request{
		Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: "hello"}},
	})
	var failure *agent.LLMError
	if errors.As(err, &failure) {
		fmt.Println(failure.Kind, failure.RetryAfter)
	}
	// Output: rate_limited 20s
}

func ExampleNew_openAI() {
	// Programs leave this out: the key comes from OPENAI_API_KEY.
	if err := os.Setenv("OPENAI_API_KEY", "key"); err != nil {
		fmt.Println(err)
		return
	}

	model, err := openai.New(
		openai.WithModel("gpt-4.1"),
		openai.WithHTTPClient(langchain.HTTPClient()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	var llm agent.LLM = langchain.New(model)
	fmt.Printf("%T\n", llm)
	// Output: *langchain.LLM
}

// Ollama's own provider in langchaingo drops tools; its /v1 address takes
// them.
func ExampleNew_ollama() {
	model, err := openai.New(
		openai.WithBaseURL("http://127.0.0.1:11434/v1"),
		openai.WithToken("ollama"), // not looked at, but not empty either
		openai.WithModel("qwen3"),
		openai.WithHTTPClient(langchain.HTTPClient()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	var llm agent.LLM = langchain.New(model)
	fmt.Printf("%T\n", llm)
	// Output: *langchain.LLM
}

func ExampleNewWith_mistral() {
	// Programs leave this out.
	if err := os.Setenv("MISTRAL_API_KEY", "key"); err != nil {
		fmt.Println(err)
		return
	}

	model, err := openai.New(
		openai.WithBaseURL("https://api.mistral.ai/v1"),
		openai.WithToken(os.Getenv("MISTRAL_API_KEY")),
		openai.WithModel("mistral-large-latest"),
		openai.WithHTTPClient(langchain.HTTPClient()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	llm := langchain.NewWith(model, langchain.Options{
		// Mistral knows max_tokens, not max_completion_tokens.
		CallOptions: []llms.CallOption{openai.WithLegacyMaxTokensField()},
	})
	fmt.Printf("%T\n", llm)
	// Output: *langchain.LLM
}

// shelf stands for a vector store: vectorstores.ToRetriever makes a retriever
// of any that langchaingo has.
type shelf []schema.Document

func (s shelf) GetRelevantDocuments(context.Context, string) ([]schema.Document, error) {
	return s, nil
}

func ExampleKnowledge() {
	knowledge := langchain.Knowledge(shelf{
		{PageContent: "Returns are free within 30 days.", Score: 0.8, Metadata: map[string]any{"source": "returns.pdf", "page": 2}},
	})
	passages, err := knowledge.Search(context.Background(), "How long can I send it back?", 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(passages[0].Source, "-", passages[0].Text)
	// Output: returns.pdf: page 2 - Returns are free within 30 days.
}
