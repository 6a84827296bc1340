package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"unicode"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

func optimizeCommand() command {
	c := command{
		name:    "optimize",
		summary: "have a model rewrite a prompt for clarity, and lose nothing",
		usage:   "-llm openai|ollama|anthropic [-workspace FILE] [-agent NAME] [-action NAME] [-output FILE] [PROMPT]",
		help: `Asks a model to rewrite the PROMPT (a file, or - for standard input), holds the
rewrite to the original and prints the difference and the model's reasons. What
can be read by code must be the same: mentions, variables, actions, stages,
closing notes, fields, comparisons, numbers, times, quoted texts, follow-ups and
boundaries; and no new error may appear. A rewrite with a fault is asked for
again, with the fault named, at most twice, and then refused. Whether the prose
still means the same is for you to read.

The prompt is never changed. -output writes the rewrite into a file of its own.
With -agent and no PROMPT, the agent's instructions in the workspace file are
rewritten; with -action, the agent's prompt of that action, or PROMPT as one.

Exit codes: 0 there is a rewrite; 1 it was refused; 2 could not run.
`,
	}
	c.run = func(e *env, args []string) int { return e.optimize(c, args) }
	return c
}

func (e *env) optimize(c command, args []string) int {
	fs := e.flags(c)
	var m modelFlags
	m.register(fs)
	action := fs.String("action", "", "`name` of the action whose prompt it is; empty: it is instructions")
	output := fs.String("output", "", "`file` to write the rewrite to")
	var w workspaceFlags
	w.register(fs)
	paths, code, ok := e.parse(c, fs, args)
	if !ok {
		return code
	}
	s, err := e.toOptimize(w, paths, *action)
	if err != nil {
		return e.usageError(c.name, err)
	}
	write, err := m.writer(e, "a rewrite needs")
	if err != nil {
		return e.usageError(c.name, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	got, err := s.optimize(ctx, write)
	var refused *instructions.RefusedError
	switch {
	case errors.As(err, &refused):
		fmt.Fprintf(e.stdout, "refused after %d attempts: the last rewrite has these faults\n", refused.Attempts)
		for _, f := range refused.Faults {
			fmt.Fprintf(e.stdout, "  - %s\n", f)
		}
		return exitFound
	case err != nil:
		return e.usageError(c.name, err)
	}
	if *output != "" {
		if err := s.writeBeside(*output, []byte(got.Text)); err != nil {
			return e.usageError(c.name, err)
		}
	}
	e.showRewrite(got)
	return exitOK
}

// modelFlags are those that say which model writes.
type modelFlags struct{ provider, name, baseURL string }

func (m *modelFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&m.provider, "llm", "", "`provider` of the model: openai, ollama or anthropic")
	fs.StringVar(&m.name, "model", "", "`name` of the model; empty: the provider's usual one")
	fs.StringVar(&m.baseURL, "base-url", "", "`URL` of the provider's API, for those that speak the protocol of another")
}

// writer makes the model write, and says when it is asked. what says for whom
// a model is needed.
func (m *modelFlags) writer(e *env, what string) (instructions.Writer, error) {
	if m.provider == "" || m.provider == "offline" || m.provider == "scripted" {
		return nil, fmt.Errorf("%s a model: add -llm openai, ollama or anthropic", what)
	}
	llm, err := newLLM(m.provider, m.name, m.baseURL)
	if err != nil {
		return nil, err
	}
	write := agent.Writer(llm)
	return func(ctx context.Context, system, prompt string) (string, error) {
		if e.terminal {
			fmt.Fprintln(e.stderr, "asking the model …")
		}
		return write(ctx, system, prompt)
	}, nil
}

// toOptimize finds the text that is to be rewritten.
func (e *env) toOptimize(w workspaceFlags, paths []string, action string) (*source, error) {
	if len(paths) > 1 {
		return nil, errors.New("one prompt is rewritten at a time: name one file")
	}
	sources, err := e.load(w, paths)
	if err != nil {
		return nil, err
	}
	s := sources[0]
	if action == "" {
		return s, nil
	}
	if len(paths) > 0 {
		s.action = action
		return s, nil
	}
	prompts := promptsOf(s.file, s.agent)
	i := slices.IndexFunc(prompts, func(p *source) bool { return p.action == action })
	if i < 0 {
		return nil, fmt.Errorf("%q has no prompt of the action %q in %s: add it, or name the file of the prompt", s.agent.Name, action, s.file.Name)
	}
	return prompts[i], nil
}

// optimize rewrites the text.
func (s *source) optimize(ctx context.Context, w instructions.Writer) (*instructions.Optimized, error) {
	if s.action != "" {
		return instructions.OptimizeActionPrompt(ctx, w, s.action, s.text, s.options())
	}
	return instructions.Optimize(ctx, w, s.text, s.options())
}

func (e *env) showRewrite(got *instructions.Optimized) {
	if got.Diff == "" {
		fmt.Fprintln(e.stdout, "the model changes nothing")
		return
	}
	for line := range strings.Lines(got.Diff) {
		switch text := printable(strings.TrimSuffix(line, "\n")); text[0] {
		case '-':
			fmt.Fprintln(e.stdout, e.paint("31", text))
		case '+':
			fmt.Fprintln(e.stdout, e.paint("32", text))
		default:
			fmt.Fprintln(e.stdout, text)
		}
	}
	if len(got.Reasons) > 0 {
		fmt.Fprintln(e.stdout, "\nReasons, by the model:")
	}
	for _, r := range got.Reasons {
		fmt.Fprintf(e.stdout, "  - %s\n", r)
	}
}

// printable shows what a model wrote on a terminal without acting on it.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		const joins = "\u200c\u200d" // emoji and some scripts are written with them
		if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && !strings.ContainsRune(joins, r) {
			fmt.Fprintf(&b, "\\u{%x}", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
