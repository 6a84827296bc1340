package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
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

// A chat, unless it is scripted, has the system's clock; what it says of a follow-up is in seconds.
func TestChatSaysWhenInSeconds(t *testing.T) {
	t.Chdir("testdata/example")
	var out, errs bytes.Buffer
	code := run([]string{"chat", "-llm", "offline", "follow-up.en.md"}, strings.NewReader("Hi\n/advance 1s\n/state\n"), &out, &errs)
	require.Zero(t, code, errs.String())
	assert.Regexp(t, `a follow-up is due in [0-9a-z]+\n`, out.String())
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

// A chat in a file goes on: the same conversation, no line taken for one of
// before, and what fell due meanwhile is done once. (S8.9)
func TestChatInAFile(t *testing.T) {
	prompt, err := filepath.Abs("testdata/example/follow-up.en.md")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	clock := agenttest.NewFakeClock()
	chat := func(input string) string {
		var out, errs bytes.Buffer
		e := &env{stdin: strings.NewReader(input), stdout: &out, stderr: &errs, clock: clock}
		code := e.chat(chatCommand(), []string{"-llm", "offline", "-db", "chat.db", prompt})
		require.Zero(t, code, errs.String())
		return out.String()
	}
	const followUp = "Agent: Hey, are you still there?\n"
	first := chat("Hi")
	assert.Contains(t, first, "Agent: ")
	assert.NotContains(t, first, "so far")
	clock.Advance(time.Hour)
	second := chat("")
	assert.Contains(t, second, "(2 messages so far)\n  contact: Hi\n  Agent: ")
	assert.Equal(t, 1, strings.Count(second, "\n"+followUp), second)
	third := chat("/state")
	assert.Contains(t, third, "\n  "+followUp, "it is shown as what was before")
	assert.NotContains(t, third, "\n"+followUp, "and does not come again")
	assert.Contains(t, third, "conversation: open")
	fourth := chat("I am here\n/advance 2m\n/advance 2m\n/state")
	assert.Contains(t, fourth, "follow_up: armed")
	assert.Contains(t, fourth, "conversation: closed")
	// The clock was ahead when that chat ended, and does not go back.
	assert.Contains(t, chat("And again\n/state"), "conversation: open")

	require.NoError(t, os.WriteFile("notes.txt", []byte("no database, and long enough to be looked at"), 0o600))
	var errs bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs, clock: clock}
	assert.Equal(t, exitUsage, e.chat(chatCommand(), []string{"-llm", "offline", "-db", "notes.txt", prompt}))
	assert.Contains(t, errs.String(), "sqlitestore: open notes.txt")
}

// What a person does in a chat is said, and so is every message that no agent
// answers, with the way back. S1.2, S9.1
func TestChatWithAPerson(t *testing.T) {
	dir := t.TempDir()
	prompt, input := filepath.Join(dir, "prompt.md"), filepath.Join(dir, "input.txt")
	require.NoError(t, os.WriteFile(prompt, []byte("# FLOW\n1. Greet. If they want a demo, assign to @Sales Team.\n"), 0o600))
	require.NoError(t, os.WriteFile(input, []byte("hi\n/assign Sales Team\nyo\nyo again\n/close\n"), 0o600))
	out := shell(t, "frontdesk chat -llm offline "+prompt+" < "+input)
	assert.Contains(t, out, "(conversation: open, team Sales Team, assignee user:user-1)\n")
	assert.Equal(t, 2, strings.Count(out, "(no agent answers: human_owned;"), out)
	assert.True(t, strings.HasSuffix(out, "(conversation: closed, team Sales Team, assignee user:user-1)\n"), out)
}
