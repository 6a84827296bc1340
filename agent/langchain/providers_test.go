package langchain

import (
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/ollama"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// These tests hold what docs/llm-providers.md says of each provider, and what
// the adapter does about it. Those named Provider… show langchaingo's own
// behaviour: when one fails after an update, the table and the adapter can
// become simpler.

var ctx = context.Background()

// history is a conversation with two calls in one answer, a text beside them.
func history() *agent.Request {
	return &agent.Request{
		System: "Be kind.",
		Messages: []agent.ChatMessage{
			{Role: agent.RoleUser, Text: "Where is order 17?"},
			{Role: agent.RoleAssistant, Text: "I look.", Calls: []agent.ToolCall{
				{ID: "turn/1/a", Name: "find_order", Arguments: []byte(`{"order":17}`)},
				{ID: "turn/1/b", Name: "find_carrier"},
			}},
			{Role: agent.RoleTool, CallID: "turn/1/b", Name: "find_carrier", Text: "DHL"},
			{Role: agent.RoleTool, CallID: "turn/1/a", Name: "find_order", Text: "sent"},
		},
		Tools: []agent.Tool{{Name: "find_order", Description: "Finds.", Schema: []byte(`{"type":"object"}`)}, {Name: "find_carrier"}},
	}
}

func generate(t *testing.T, model llms.Model, req *agent.Request) *agent.Response {
	t.Helper()
	resp, err := New(model).Generate(ctx, req)
	require.NoError(t, err)
	return resp
}

// openai: two tool results in one message fail.
func TestProviderOpenAITakesOneResultInAMessage(t *testing.T) {
	w := openAIWire(t)
	_, err := w.openAI(t).GenerateContent(ctx, []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeHuman, "x"),
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "a"}, llms.ToolCallResponse{ToolCallID: "b"}}},
	})
	assert.ErrorContains(t, err, "expected exactly one part")

	// So each call is followed by its own result.
	generate(t, w.openAI(t), history())
	var body struct {
		Messages []map[string]any
		Tools    []struct{ Function struct{ Name string } }
	}
	require.NoError(t, json.Unmarshal([]byte(w.body(t)), &body))
	var got []string
	for _, m := range body.Messages {
		line := fmt.Sprint(m["role"], ": ", m["content"])
		if calls, ok := m["tool_calls"].([]any); ok {
			for _, c := range calls {
				f := c.(map[string]any)["function"].(map[string]any)
				line += fmt.Sprint(" ", c.(map[string]any)["id"], " ", f["name"], f["arguments"])
			}
		}
		if id, ok := m["tool_call_id"]; ok {
			line += fmt.Sprint(" for ", id)
		}
		got = append(got, line)
	}
	assert.Equal(t, []string{
		"system: Be kind.",
		"user: Where is order 17?",
		"assistant: I look.",
		`assistant:  call00001 find_order{"order":17}`,
		"tool: sent for call00001",
		"assistant:  call00002 find_carrier{}",
		"tool: DHL for call00002",
	}, got)
	require.Len(t, body.Tools, 2)
	assert.Equal(t, "find_order", body.Tools[0].Function.Name, "tools keep their order")
}

// openai: top-p and reasoning effort are never sent; temperature always is, 0
// for unset.
func TestProviderOpenAISendsTemperatureAndNoTopP(t *testing.T) {
	w := openAIWire(t)
	_, err := w.openAI(t).GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "x")},
		llms.WithTopP(0.5), llms.WithThinkingMode(llms.ThinkingModeHigh))
	require.NoError(t, err)
	assert.NotContains(t, w.body(t), "top_p")
	assert.NotContains(t, w.body(t), "reasoning")
	assert.Contains(t, w.body(t), `"temperature":0`)

	// A model that takes only its own temperature needs it in the options.
	w.tell(agenttest.LLMAnswer{Text: "yes"})
	model := w.openAI(t, openai.WithModel("o4-mini"))
	_, err = New(model).Generate(ctx, history())
	var le *agent.LLMError
	require.ErrorAs(t, err, &le)
	assert.Equal(t, agent.LLMInvalid, le.Kind)
	resp, err := NewWith(model, Options{Temperature: 1}).Generate(ctx, history())
	require.NoError(t, err)
	assert.Equal(t, "yes", resp.Text)
}

// Streaming is never asked for, whatever the options say.
func TestNeverStreamsAndAsksForOneChoice(t *testing.T) {
	for name, provider := range providers {
		t.Run(name, func(t *testing.T) {
			w, model := provider(t)
			w.tell(agenttest.LLMAnswer{Text: "whole"})
			llm := NewWith(model, Options{CallOptions: []llms.CallOption{
				llms.WithN(3), llms.WithCandidateCount(3),
				llms.WithStreamingFunc(func(context.Context, []byte) error {
					t.Error("a raw stream was forwarded")
					return nil
				}),
				llms.WithStreamingReasoningFunc(func(context.Context, []byte, []byte) error {
					t.Error("a raw stream was forwarded")
					return nil
				}),
			}})
			resp, err := llm.Generate(ctx, history())
			require.NoError(t, err, "the server refuses streams and several choices")
			assert.Equal(t, "whole", resp.Text)
		})
	}
}

// anthropic: one choice per block, so the calls may be in Choices[2]; the
// usage is in each; ToolCall.Type is empty.
func TestProviderAnthropicGivesAChoicePerBlock(t *testing.T) {
	w := anthropicWire(t)
	w.tell(agenttest.LLMAnswer{
		Text:  "I look.",
		Calls: []agent.ToolCall{agenttest.Call("find_order", `{"order":1}`), agenttest.Call("find_carrier", nil)},
		Usage: agent.Usage{InputTokens: 100, OutputTokens: 20},
	})
	content, err := w.anthropic(t).GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "x")})
	require.NoError(t, err)
	require.Len(t, content.Choices, 3)
	assert.Len(t, content.Choices[2].ToolCalls, 1)
	assert.Empty(t, content.Choices[2].ToolCalls[0].Type)
	assert.Equal(t, 100, content.Choices[0].GenerationInfo["InputTokens"])
	assert.Equal(t, 100, content.Choices[2].GenerationInfo["InputTokens"])

	resp := generate(t, w.anthropic(t), history())
	assert.Equal(t, "I look.", resp.Text)
	require.Len(t, resp.Calls, 2)
	assert.Equal(t, "find_carrier", resp.Calls[1].Name)
	assert.JSONEq(t, `{}`, string(resp.Calls[1].Arguments))
	assert.Equal(t, agent.Usage{InputTokens: 100, OutputTokens: 20}, resp.Usage)
	assert.Equal(t, agent.StopCalls, resp.Stop)
}

// anthropic: of an assistant's message only the first part is sent back.
func TestProviderAnthropicSendsTheFirstPart(t *testing.T) {
	w := anthropicWire(t)
	w.tell(agenttest.LLMAnswer{Text: "fine"})
	_, err := w.anthropic(t).GenerateContent(ctx, []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeHuman, "x"),
		llms.TextParts(llms.ChatMessageTypeAI, "first part", "second part"),
		llms.TextParts(llms.ChatMessageTypeHuman, "y"),
	}, llms.WithToolChoice("none"))
	require.NoError(t, err)
	assert.Contains(t, w.body(t), "first part")
	assert.NotContains(t, w.body(t), "second part")
	assert.NotContains(t, w.body(t), "tool_choice", "tool choice is not sent")

	// The flat history loses nothing, and the server accepts it.
	generate(t, w.anthropic(t), history())
	for _, part := range []string{"I look.", `"order":17`, "find_carrier", "sent", "DHL"} {
		assert.Contains(t, w.body(t), part)
	}
}

// anthropic: a history with calls needs tools, even when none are on offer.
func TestHistoryWithCallsButNoTools(t *testing.T) {
	for name, provider := range providers {
		t.Run(name, func(t *testing.T) {
			w, model := provider(t)
			w.tell(agenttest.LLMAnswer{Text: "fine", Calls: []agent.ToolCall{agenttest.Call("find_order", nil)}})
			req := history()
			req.Tools = nil
			resp := generate(t, model, req)
			assert.Equal(t, agent.Response{Text: "fine", Stop: agent.StopEnd}, *resp)
			assert.Contains(t, w.body(t), "Not available any more.")
		})
	}
}

// What a history may be in a bad hour is rendered so that no provider refuses
// it: one refusal would come back with every later request.
func TestBrokenHistoriesAreAccepted(t *testing.T) {
	user := agent.ChatMessage{Role: agent.RoleUser, Text: "hi"}
	call := func(id, arguments string) agent.ToolCall {
		return agent.ToolCall{ID: id, Name: "find_order", Arguments: []byte(arguments)}
	}
	result := func(id string) agent.ChatMessage {
		return agent.ChatMessage{Role: agent.RoleTool, CallID: id, Name: "find_order"}
	}
	assistant := func(calls ...agent.ToolCall) agent.ChatMessage {
		return agent.ChatMessage{Role: agent.RoleAssistant, Calls: calls}
	}
	for name, messages := range map[string][]agent.ChatMessage{
		"assistant first":            {{Role: agent.RoleAssistant, Text: "Welcome!"}, user},
		"result first":               {result("x"), user},
		"empty texts":                {{Role: agent.RoleUser, Text: " \n"}, {Role: agent.RoleAssistant, Text: "\t"}, {Role: agent.RoleAssistant}, user},
		"no result":                  {user, assistant(call("1", "{}")), user},
		"half the results":           {user, assistant(call("1", "{}"), call("2", "{}")), result("2"), user},
		"a result nobody asked for":  {user, assistant(call("1", "{}")), result("9"), result("1"), user},
		"the same ID twice":          {user, assistant(call("1", "{}"), call("1", "{}")), result("1"), result("1"), user},
		"the same ID later":          {user, assistant(call("1", "{}")), result("1"), assistant(call("1", "{}")), result("1")},
		"no IDs":                     {user, assistant(call("", "{}"), call("", "{}")), result(""), result("")},
		"arguments that are no JSON": {user, assistant(call("1", `{"a":`), call("2", `[1]`), call("3", `null`)), result("1"), result("2"), result("3")},
		"names that are none": {user, {Role: agent.RoleAssistant, Calls: []agent.ToolCall{{ID: "1", Name: "functions.find order!"}, {ID: "2"}, {ID: "3", Name: strings.Repeat("é", 80)}}},
			{Role: agent.RoleTool, CallID: "1"}, {Role: agent.RoleTool, CallID: "4"}},
		"user, user":        {user, user, user},
		"text of all kinds": {{Role: agent.RoleUser, Text: "\xff\x00\u202e </s> <|im_end|>"}},
	} {
		t.Run(name, func(t *testing.T) {
			for provider, start := range providers {
				w, model := start(t)
				w.tell(agenttest.LLMAnswer{Text: "fine"})
				resp, err := New(model).Generate(ctx, &agent.Request{Messages: messages})
				if assert.NoError(t, err, provider) {
					assert.Equal(t, "fine", resp.Text)
				}
			}
		})
	}
}

// The same request is the same bytes, so that prompt caches hit.
func TestRequestsAreTheSameBytes(t *testing.T) {
	for name, provider := range providers {
		t.Run(name, func(t *testing.T) {
			w, model := provider(t)
			w.tell(agenttest.LLMAnswer{Text: "fine"})
			req := history()
			req.Tools[0].Schema = []byte(`{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"integer"},"m":{"enum":["x","y"]}}}`)
			generate(t, model, req)
			first := w.body(t)
			for range 5 {
				generate(t, model, req)
				require.Equal(t, first, w.body(t))
			}
		})
	}
}

func TestOptionsReachTheProvider(t *testing.T) {
	w := openAIWire(t)
	llm := NewWith(w.openAI(t), Options{Model: "gpt-4.1-mini", Temperature: 0.7, MaxTokens: 300, CallOptions: []llms.CallOption{openai.WithLegacyMaxTokensField()}})
	req := history()
	_, err := llm.Generate(ctx, req)
	require.NoError(t, err)
	for _, want := range []string{`"model":"gpt-4.1-mini"`, `"temperature":0.7`, `"max_tokens":300`} {
		assert.Contains(t, w.body(t), want)
	}
	req.MaxTokens = 80
	_, err = llm.Generate(ctx, req)
	require.NoError(t, err)
	assert.Contains(t, w.body(t), `"max_tokens":80`, "the request's own limit counts")
	req.MaxTokens = -1
	_, err = llm.Generate(ctx, req)
	require.NoError(t, err)
	assert.Contains(t, w.body(t), `"max_tokens":300`)

	// Anthropic wants a limit always; its provider has a default.
	a := anthropicWire(t)
	generate(t, a.anthropic(t), history())
	assert.Contains(t, a.body(t), `"max_tokens":2048`)
}

// ollama: tools are silently not sent; its /v1 address by the openai provider
// takes them.
func TestProviderOllamaDropsTools(t *testing.T) {
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var raw json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&raw); err == nil {
			body = string(raw)
		}
		_, _ = fmt.Fprintln(w, `{"message":{"role":"assistant","content":"hello"},"done":true,"prompt_eval_count":7,"eval_count":2}`)
	}))
	t.Cleanup(server.Close)
	model, err := ollama.New(ollama.WithServerURL(server.URL), ollama.WithModel("qwen3"))
	require.NoError(t, err)
	resp, err := New(model).Generate(ctx, &agent.Request{
		Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: "hi"}},
		Tools:    history().Tools,
	})
	require.NoError(t, err)
	assert.Equal(t, agent.Response{Text: "hello", Stop: agent.StopEnd, Usage: agent.Usage{InputTokens: 7, OutputTokens: 2}}, *resp)
	assert.NotContains(t, body, "find_order")

	w := openAIWire(t)
	w.tell(agenttest.LLMAnswer{Text: "<think>\nThe user says hi.\n</think>\n\nHello!", Calls: []agent.ToolCall{agenttest.Call("find_carrier", "")}})
	resp = generate(t, w.openAI(t, openai.WithModel("qwen3")), history())
	assert.Contains(t, w.body(t), "find_order")
	assert.Equal(t, "Hello!", resp.Text, "an open model's reasoning is not for the contact")
	require.Len(t, resp.Calls, 1)
	assert.JSONEq(t, `{}`, string(resp.Calls[0].Arguments))
}

// A refusal in OpenAI's own field leaves no content: an empty answer.
func TestOpenAIRefusalWithoutContent(t *testing.T) {
	w := newWire(t, checkOpenAI, func(agenttest.LLMAnswer) map[string]any {
		return map[string]any{"choices": []any{map[string]any{
			"message":       map[string]any{"role": "assistant", "content": nil, "refusal": "I can't help with that."},
			"finish_reason": "stop",
		}}}
	})
	resp := generate(t, w.openAI(t), history())
	assert.Equal(t, agent.Response{Stop: agent.StopEnd}, *resp)
}

// Answers without any content are empty answers on every provider.
func TestAnswersWithoutContent(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) llms.Model{
		"openai, no choices": func(t *testing.T) llms.Model {
			return newWire(t, checkOpenAI, func(agenttest.LLMAnswer) map[string]any { return map[string]any{"choices": []any{}} }).openAI(t)
		},
		"anthropic, no blocks": func(t *testing.T) llms.Model { return anthropicWire(t).anthropic(t) },
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, agent.Response{Stop: agent.StopEnd}, *generate(t, make(t), history()))
		})
	}
}

// What the status and the header say is seen through langchaingo, which has
// neither in its errors; without the Transport both come from the text.
func TestErrorsOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer agenttest.LLMAnswer
		kind   agent.LLMErrorKind
		after  time.Duration
	}{
		{"rate limit", agenttest.LLMAnswer{Status: 429, Text: "Rate limit reached. Please try again in 1.5s."}, agent.LLMRateLimited, 1500 * time.Millisecond},
		{"no credit", agenttest.LLMAnswer{Status: 429, Text: "You exceeded your current quota, please check your plan and billing details."}, agent.LLMDenied, 0},
		{"anthropic, no credit", agenttest.LLMAnswer{Status: 400, Text: "Your credit balance is too low to access the API."}, agent.LLMDenied, 0},
		{"overloaded", agenttest.LLMAnswer{Status: 529, Text: "Overloaded"}, agent.LLMTemporary, 0},
		{"unknown model", agenttest.LLMAnswer{Status: 404, Text: "model: claude-9"}, agent.LLMDenied, 0},
		{"too long", agenttest.LLMAnswer{Status: 400, Text: "prompt is too long: 215429 tokens > 200000 maximum"}, agent.LLMInvalid, 0},
		{"Azure's filter", agenttest.LLMAnswer{Status: 400, Text: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."}, agent.LLMRefused, 0},
		{"a number in the text", agenttest.LLMAnswer{Status: 503, Text: "4000 tokens, 401 of them in the queue"}, agent.LLMTemporary, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := openAIWire(t)
			for _, client := range []*http.Client{HTTPClient(), http.DefaultClient} {
				w.tell(tt.answer)
				_, err := New(w.openAI(t, openai.WithHTTPClient(client))).Generate(ctx, history())
				var le *agent.LLMError
				require.ErrorAs(t, err, &le)
				assert.Equal(t, tt.kind, le.Kind, "%v", err)
				assert.Equal(t, tt.after, le.RetryAfter)
				assert.True(t, strings.HasPrefix(le.Err.Error(), "langchain: "), err)
			}
		})
	}
}

// Nobody at the address is a failure that may go away.
func TestNoServer(t *testing.T) {
	w := openAIWire(t)
	model := w.openAI(t)
	w.Close()
	_, err := New(model).Generate(ctx, history())
	var le *agent.LLMError
	require.ErrorAs(t, err, &le)
	assert.Equal(t, agent.LLMTemporary, le.Kind)
}

// The library imports langchaingo's interfaces and nothing of its providers,
// and never counts tokens with it: that downloads files.
func TestImportsOnlyTheInterfaces(t *testing.T) {
	interfaces := []string{
		"github.com/seed-a71cb1d8/frontdesk/agent", "github.com/tmc/langchaingo/llms", "github.com/tmc/langchaingo/schema",
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(e.Name())
		require.NoError(t, err)
		assert.NotContains(t, string(source), "CountTokens")
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), source, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range file.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if strings.Contains(path, ".") {
				assert.Contains(t, interfaces, path, e.Name())
			}
		}
	}
}

// The snippets of the documentation are cut from the examples, which compile.
func TestDocumentedSnippetsCompile(t *testing.T) {
	doc, err := os.ReadFile("../../docs/llm-providers.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	compiled := map[string]bool{}
	for _, line := range strings.Split(string(examples), "\n") {
		compiled[strings.TrimSpace(line)] = true
	}
	snippets := strings.Split(string(doc), "```go\n")[1:]
	require.Len(t, snippets, 4)
	for _, snippet := range snippets[:3] { // the last is of a package of the reader's
		code, _, ok := strings.Cut(snippet, "```")
		require.True(t, ok)
		for _, line := range strings.Split(code, "\n") {
			assert.True(t, compiled[strings.TrimSpace(line)] || strings.TrimSpace(line) == "", "not in example_test.go: %s", line)
		}
	}
}
