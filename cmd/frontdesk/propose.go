package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

func proposeCommand() command {
	c := command{
		name:    "propose",
		summary: "have a model say what the unclear places of a prompt mean",
		usage:   "-llm openai|ollama|anthropic [-workspace FILE] [-agent NAME] [-output FILE] [PROMPT]",
		help: `Asks a model, once, what the places of the PROMPT (a file, or - for standard
input) mean that the compiler does not understand: whom "the technical team" is,
when a follow-up comes that has no time, what it says. Code checks each answer:
the words stand where the model says, the name exists, the time is read from the
same words, and the limits hold. What does not hold is refused, with the reason.

Nothing is decided by it. -output writes the proposals that hold, as JSON: read
them, take away those that you do not want, and give the file to "frontdesk
compile -proposals" and "frontdesk chat -proposals", or to Proposals.Apply in a
program. After an edit of the prompt they are void. Else write what is meant
into the prompt: then nobody has to propose anything.

Exit codes: 0 nothing is left unclear; 1 something is; 2 could not run.
`,
	}
	c.run = func(e *env, args []string) int { return e.propose(c, args) }
	return c
}

func (e *env) propose(c command, args []string) int {
	fs := e.flags(c)
	var m modelFlags
	m.register(fs)
	output := fs.String("output", "", "`file` to write the proposals to")
	var w workspaceFlags
	w.register(fs)
	paths, code, ok := e.parse(c, fs, args)
	if !ok {
		return code
	}
	if len(paths) > 1 {
		return e.usageError(c.name, errors.New("one prompt is asked about at a time: name one file"))
	}
	sources, err := e.load(w, paths)
	if err != nil {
		return e.usageError(c.name, err)
	}
	write, err := m.writer(e, "proposals need")
	if err != nil {
		return e.usageError(c.name, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := sources[0]
	got, err := instructions.Propose(ctx, write, s.text, s.options())
	if err != nil {
		return e.usageError(c.name, err)
	}
	if *output != "" {
		if err := s.writeProposals(*output, got); err != nil {
			return e.usageError(c.name, err)
		}
	}
	return e.showProposals(s, got)
}

func (s *source) writeProposals(path string, p *instructions.Proposals) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return err
	}
	return s.writeBeside(path, b.Bytes())
}

// showProposals prints what was proposed, what was refused, and what is still
// unclear.
func (e *env) showProposals(s *source, got *instructions.Proposals) int {
	for _, p := range got.Items {
		fmt.Fprintf(e.stdout, "%s:%d:%d: %s\n", s.title(), p.Line, p.Column, e.paint("32", describeProposal(p)))
		if p.DelayAt.Text != "" {
			fmt.Fprintf(e.stdout, "  the time stands in %s\n", quoted(p.DelayAt.Text))
		}
		if p.Reason != "" {
			fmt.Fprintf(e.stdout, "  why, by the model: %s\n", p.Reason)
		}
	}
	for _, why := range got.Refused {
		fmt.Fprintf(e.stdout, "%s: %s\n", e.paint("33", "refused"), why)
	}
	_, diags := s.compile()
	open := instructions.Unclear(got.Open(diags))
	for _, d := range open {
		fmt.Fprintf(e.stdout, "%s:%d:%d: %s: still unclear: %s [%s]\n", s.title(), d.Line, d.Column, e.paint(colours[d.Severity], string(d.Severity)), d.Message, d.Code)
	}
	switch {
	case len(open) > 0:
		return exitFound
	case len(got.Items) == 0:
		fmt.Fprintln(e.stdout, "nothing is unclear: no model was asked")
	}
	return exitOK
}

func describeProposal(p instructions.Proposal) string {
	if p.Delay == 0 {
		return "assign to " + describeTarget(p.Target)
	}
	text := "a message in the agent's words"
	if p.Message.Text != "" {
		text = "a message like " + quoted(p.Message.Text)
	}
	return fmt.Sprintf("%s with no answer: send %s", duration(time.Duration(p.Delay)), text)
}

// readProposals reads accepted proposals; nil for an empty path.
func (e *env) readProposals(path string) (*instructions.Proposals, error) {
	if path == "" {
		return nil, nil
	}
	text, err := e.read(path)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	var p instructions.Proposals
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("%s holds no proposals: %w; make them with \"frontdesk propose -output\"", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s holds more than one value: make it with \"frontdesk propose -output\"", path)
	}
	return &p, nil
}
