package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/langchain"
	"github.com/seed-a71cb1d8/frontdesk/agent/offline"
)

// console is a live chat on the console with the same agent: a real model or
// rules, the system's clock, follow-ups after two minutes of silence.
type console struct {
	lang  string
	store deskStore
	clock frontdesk.Clock
	in    io.Reader
	out   io.Writer
}

// chat runs the chat to the end of its input.
func (c *console) chat(ctx context.Context, llm agent.LLM) error {
	t, err := newTranscript(c.out, c.clock, c.lang)
	if err != nil {
		return err
	}
	o, err := newOffice(c.lang, llm, c.store, t, c.clock, agent.Timeouts{}, t.turn)
	if err != nil {
		return err
	}
	t.compiled(o.agent)
	first, err := c.before(ctx, t)
	if err != nil {
		return err
	}
	fmt.Fprintln(t.w, "Write to the agent, a line at a time. The end of the input ends the chat.")
	if err := t.w.Flush(); err != nil {
		return err
	}

	// Run does the answers, retries and follow-ups as they fall due.
	running, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- o.mux.Run(running) }()

	lines, broken := make(chan string), make(chan error, 1)
	go func() { // a read from a terminal cannot be cancelled
		defer close(lines)
		s := bufio.NewScanner(c.in)
		for s.Scan() {
			lines <- s.Text()
		}
		broken <- s.Err()
	}()
	for n := first; ; n++ {
		select {
		case <-ctx.Done():
			stop()
			<-stopped
			return nil
		case text, ok := <-lines:
			if !ok {
				stop()
				if err := <-stopped; !errors.Is(err, context.Canceled) {
					return err
				}
				// What was under way was given back, and is done here.
				_, err := o.mux.RunDue(ctx)
				return errors.Join(err, <-broken)
			}
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			err := o.mux.Accept(ctx, frontdesk.Inbound{Channel: "console", ID: fmt.Sprint(n), From: "you", Text: text})
			if err != nil {
				return err
			}
		}
	}
}

// before prints the end of what an earlier run has stored, and returns the
// number of the next line: a line has an ID that no other ever had.
func (c *console) before(ctx context.Context, t *transcript) (next int64, err error) {
	v, err := c.store.Load(context.WithoutCancel(ctx), agent.Query{Identity: frontdesk.Identity{Channel: "console", Address: "you"}, History: 10})
	if err != nil || v.Conversation == nil {
		return 1, err
	}
	fmt.Fprintln(t.w, "Before this:")
	for _, m := range v.History {
		if m.Direction == frontdesk.DirInternal {
			continue
		}
		who := m.Author.Name + " >"
		if m.Direction == frontdesk.DirInbound {
			who = "you"
		}
		fmt.Fprintf(t.w, "%s  %-16s %s\n", m.At.In(t.zone).Format("15:04"), who, m.Text)
	}
	return v.Conversation.LastSeq + 1, nil
}

// liveLLM makes the LLM that the flags and the environment name.
func liveLLM(lang, provider, model, baseURL string) (agent.LLM, error) {
	if provider == "offline" {
		prompt, err := instructionsOf(lang)
		if err != nil {
			return nil, err
		}
		ws := workspace(lang)
		playbook, _ := instructions.Compile(prompt, instructions.Options{Workspace: &ws}) // agent.New reports its faults
		return offline.New(playbook), nil
	}
	m, err := liveModel(provider, model, baseURL)
	if err != nil {
		return nil, err
	}
	return langchain.New(m), nil
}

// liveModel makes the model that the flags and the environment name.
func liveModel(provider, model, baseURL string) (llms.Model, error) {
	or := func(values ...string) string {
		for _, v := range values {
			if v != "" {
				return v
			}
		}
		return ""
	}
	switch provider {
	case "openai":
		options := []openai.Option{openai.WithModel(or(model, "gpt-4.1")), openai.WithHTTPClient(langchain.HTTPClient())}
		if baseURL != "" {
			options = append(options, openai.WithBaseURL(baseURL))
		}
		return openai.New(options...) // the key comes from OPENAI_API_KEY
	case "ollama":
		// Ollama's own provider drops tools; its OpenAI address takes them.
		host := strings.TrimSuffix(or(baseURL, os.Getenv("OLLAMA_HOST"), "127.0.0.1:11434"), "/")
		if !strings.Contains(host, "://") {
			host = "http://" + host
		}
		if !strings.HasSuffix(host, "/v1") {
			host += "/v1"
		}
		return openai.New(openai.WithBaseURL(host), openai.WithToken("ollama"), openai.WithModel(or(model, "qwen3")),
			openai.WithHTTPClient(langchain.HTTPClient()))
	case "anthropic":
		options := []anthropic.Option{anthropic.WithModel(or(model, "claude-sonnet-4-5")), anthropic.WithHTTPClient(langchain.HTTPClient())}
		if baseURL != "" {
			options = append(options, anthropic.WithBaseURL(baseURL))
		}
		return anthropic.New(options...) // the key comes from ANTHROPIC_API_KEY
	}
	return nil, fmt.Errorf("there is no provider %q here: use -llm offline, openai, ollama or anthropic", provider)
}
