package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The live chat goes through a provider of langchaingo, and the same rules
// hold for its model. The end of the input loses no answer.
func TestChat(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Tools []struct {
				Function struct{ Name string }
			}
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		assert.Len(t, body.Tools, 5, "the enabled actions and stop_follow_ups")
		assert.Equal(t, "/v1/chat/completions", r.URL.Path)
		message := `{"role": "assistant", "content": "Welcome!"}`
		if requests.Add(1) == 1 {
			message = `{"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function",
				"function": {"name": "assign", "arguments": "{\"target\":\"Support Team\"}"}}]}`
		}
		_, err := fmt.Fprintf(w, `{"choices": [{"message": %s}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}`, message)
		assert.NoError(t, err)
	}))
	defer server.Close()

	var out strings.Builder
	address := strings.TrimPrefix(server.URL, "http://")
	require.NoError(t, chat(context.Background(), strings.NewReader("Hi\n\n"), &out, "en", "ollama", "", address))
	assert.Contains(t, out.String(), "refused: the instructions do not allow that target: use one of Sales Team")
	assert.Contains(t, out.String(), "Sales Agent >    Welcome!")
	assert.EqualValues(t, 2, requests.Load())
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
