package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// chat runs a chat with a store in memory, on the system's clock.
func chat(ctx context.Context, in io.Reader, out io.Writer, lang, provider, model, baseURL string) error {
	llm, err := liveLLM(lang, provider, model, baseURL)
	if err != nil {
		return err
	}
	c := &console{lang: lang, store: memstore.New(), clock: frontdesk.SystemClock{}, in: in, out: out}
	return c.chat(ctx, llm)
}

// The live chat goes through a provider of langchaingo, and the same rules
// hold for its model. The end of the input loses no answer.
func TestChat(t *testing.T) {
	// The model answers what it is asked, not the n-th request: a request under
	// way when the input ends is given up and asked again.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Messages []struct{ Role string }
			Tools    []struct {
				Function struct{ Name string }
			}
		}
		err := json.NewDecoder(r.Body).Decode(&body)
		if r.Context().Err() != nil {
			return
		}
		assert.NoError(t, err)
		assert.Len(t, body.Tools, 5, "the enabled actions and stop_follow_ups")
		assert.Equal(t, "/v1/chat/completions", r.URL.Path)
		message := `{"role": "assistant", "content": "Welcome!"}`
		if len(body.Messages) == 0 || body.Messages[len(body.Messages)-1].Role != "tool" {
			message = `{"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function",
				"function": {"name": "assign", "arguments": "{\"target\":\"Support Team\"}"}}]}`
		}
		_, err = fmt.Fprintf(w, `{"choices": [{"message": %s}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}`, message)
		if r.Context().Err() == nil {
			assert.NoError(t, err)
		}
	}))
	defer server.Close()

	var out strings.Builder
	address := strings.TrimPrefix(server.URL, "http://")
	require.NoError(t, chat(context.Background(), strings.NewReader("Hi\n\n"), &out, "en", "ollama", "", address))
	assert.Contains(t, out.String(), "refused: the instructions do not allow that target: use one of Sales Team")
	assert.Equal(t, 1, strings.Count(out.String(), "Sales Agent >    Welcome!"))
}

// A chat that is interrupted ends without an error.
func TestChatInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in, w := io.Pipe()
	defer w.Close()
	assert.NoError(t, chat(ctx, in, io.Discard, "id", "ollama", "", ""))
}

// Input that cannot be read is not the end of the input.
func TestChatSaysWhatItCannotRead(t *testing.T) {
	err := chat(context.Background(), iotest.ErrReader(io.ErrUnexpectedEOF), io.Discard, "id", "ollama", "", "")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// Without a model and a key the prompt is followed all the same, by rules.
func TestChatOffline(t *testing.T) {
	var out strings.Builder
	require.NoError(t, chat(context.Background(), strings.NewReader("Halo\n"), &out, "id", "offline", "", ""))
	assert.Contains(t, out.String(), "Sales Agent >    Halo, selamat datang! Boleh saya tahu nama lengkap Anda?")
}

// Without a key the provider says what is missing.
func TestChatNeedsAKey(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	t.Setenv("ANTHROPIC_API_KEY", "")
	for _, provider := range []string{"openai", "anthropic"} {
		err := chat(context.Background(), strings.NewReader(""), io.Discard, "id", provider, "", "")
		assert.ErrorContains(t, err, "API", provider)
	}
}

// A chat in a file goes on with the same conversation. A follow-up that fell
// due while nothing ran comes once, and the next one counts from then. (S8.9)
func TestChatGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chat.db")
	clock := agenttest.NewFakeClock()
	model := agenttest.Script(t,
		agenttest.Say("Hello! May I have your name?"),
		agenttest.Say("Hey, are you still there?"),
		agenttest.Say("Welcome back, Sari.").ExpectLast("Sari here"))
	run := func(lines string) string {
		var out strings.Builder
		require.NoError(t, withStore(file, func(store deskStore) error {
			c := &console{lang: "en", store: store, clock: clock, in: strings.NewReader(lines), out: &out}
			return c.chat(context.Background(), model)
		}))
		return out.String()
	}
	const followUp = "Sales Agent >    Hey, are you still there?"
	assert.NotContains(t, run("Hi\n"), followUp)
	clock.Advance(5 * time.Minute)
	out := run("")
	assert.Contains(t, out, "you              Hi\n", "what was before is shown")
	assert.Equal(t, 1, strings.Count(out, followUp))
	assert.NotContains(t, run(""), "is due", "the second counts from when the first was sent")

	out = run("Sari here\n")
	assert.Contains(t, out, "Welcome back, Sari.")
	require.NoError(t, withStore(file, func(store deskStore) error {
		page, err := store.Conversations(context.Background(), agent.ConversationQuery{})
		assert.Len(t, page.Items, 1, "one conversation, over all runs")
		return err
	}))
	assert.NoError(t, model.Done())
}
