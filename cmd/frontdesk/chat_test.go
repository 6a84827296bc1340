package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parseDuration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	require.NoError(t, err)
	return d
}

// provider is a server that speaks the protocol of OpenAI or Anthropic and
// answers each request with the text.
func provider(t *testing.T, answer string) (url string, requests func() []string) {
	t.Helper()
	var mu sync.Mutex
	var bodies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		mu.Lock()
		bodies = append(bodies, r.URL.Path+" "+string(body))
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		reply := map[string]any{"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": answer}}}}
		if strings.HasSuffix(r.URL.Path, "/messages") {
			reply = map[string]any{"type": "message", "role": "assistant", "stop_reason": "end_turn", "content": []any{map[string]any{"type": "text", "text": answer}}}
		}
		assert.NoError(t, json.NewEncoder(w).Encode(reply))
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []string { mu.Lock(); defer mu.Unlock(); return bodies }
}

// A chat with each provider goes over its own protocol, with the instructions
// and the tools, and time can be moved ahead of the system's clock.
func TestChatWithProviders(t *testing.T) {
	t.Chdir("testdata/example")
	t.Setenv("OPENAI_API_KEY", "test")
	t.Setenv("ANTHROPIC_API_KEY", "test")
	for _, name := range []string{"openai", "anthropic", "ollama"} {
		t.Run(name, func(t *testing.T) {
			url, requests := provider(t, "Good day!")
			var out, errs bytes.Buffer
			code := run([]string{"chat", "-llm", name, "-model", "m", "-base-url", url, "-workspace", "workspace.yaml", "follow-up.en.md"},
				strings.NewReader("Hello\n/advance 2m"), &out, &errs)
			require.Zero(t, code, errs.String())
			assert.Equal(t, "(assignee: ai_agent:Agent)\n(follow_up: armed)\nAgent: Good day!\nAgent: Good day!\n", out.String(), "the answer, and a follow-up in the model's words")
			require.NotEmpty(t, requests())
			assert.Contains(t, requests()[0], "exploring our products")
			assert.Contains(t, requests()[0], `"assign"`)
		})
	}
}

// A provider without its key is a wrong call, not a chat that fails later.
func TestChatWithoutKey(t *testing.T) {
	t.Chdir("testdata/example")
	t.Setenv("OPENAI_API_KEY", "")
	t.Setenv("ANTHROPIC_API_KEY", "")
	for _, name := range []string{"openai", "anthropic"} {
		out := shell(t, "frontdesk chat -llm "+name+" follow-up.en.md")
		assert.Contains(t, out, name+": ")
		assert.Contains(t, out, "[exit 2]")
	}
}

func TestOllamaURL(t *testing.T) {
	assert.Equal(t, "http://localhost:11434/v1", ollamaURL("", ""))
	assert.Equal(t, "http://10.0.0.7:11434/v1", ollamaURL("", "10.0.0.7:11434"))
	assert.Equal(t, "https://llm.example.com/v1", ollamaURL("", "https://llm.example.com/"))
	assert.Equal(t, "http://x/api", ollamaURL("http://x/api", "ignored"))
}

// The end of input that has no line break counts as a line, and what cannot
// be done is said without ending the chat.
func TestChatGoesOn(t *testing.T) {
	t.Chdir("testdata/example")
	var out, errs bytes.Buffer
	code := run([]string{"chat", "-llm", "scripted", "-script", "answers.txt", "follow-up.en.md"},
		strings.NewReader("/close\n/nonsense\nHi\n/assign Nobody Here\n/turn json"), &out, &errs)
	require.Zero(t, code, errs.String())
	assert.Contains(t, out.String(), "there is no conversation yet")
	assert.Contains(t, out.String(), `nobody in the workspace is called "Nobody Here"`)
	assert.Contains(t, out.String(), `"exit": "replied"`)
}

// failing is an input that breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestInputBreaks(t *testing.T) {
	t.Chdir("testdata/example")
	var out, errs bytes.Buffer
	assert.Equal(t, exitUsage, run([]string{"chat", "-llm", "scripted", "-script", "answers.txt", "follow-up.en.md"}, failing{}, &out, &errs))
	assert.Equal(t, exitUsage, run([]string{"lint", "-"}, failing{}, &out, &errs))
	assert.Contains(t, errs.String(), "closed pipe")
}

// broken is an output that takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A result that could not be written is no success.
func TestOutputBreaks(t *testing.T) {
	t.Chdir("testdata/example")
	for _, args := range []string{
		"compile -json follow-up.en.md", "compile follow-up.en.md", "lint -workspace workspace.yaml typos.en.md",
		"lint -format json follow-up.en.md", "lint -format sarif follow-up.en.md", "test scenarios",
	} {
		var errs bytes.Buffer
		assert.Equal(t, exitUsage, run(strings.Fields(args), nil, broken{}, &errs), args)
		assert.Contains(t, errs.String(), "closed pipe", args)
	}
}

func TestVersion(t *testing.T) {
	assert.Regexp(t, `^frontdesk \S+, grammar \d+, go1\.\d+`, shell(t, "frontdesk version"))
}
