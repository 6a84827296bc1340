// Package workspacefile reads the file that tells the command line what exists
// around an agent: teams, users, AI agents with their instructions and action
// prompts, fields, stages, closing notes. It is JSON or YAML.
//
// Reading is strict, because a key that is silently ignored is a check that
// silently does not happen: unknown and repeated keys are faults, each with
// its line and column, and all of them are reported at once.
package workspacefile

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// File is a workspace file that was read.
type File struct {
	// Name is the file's, for messages.
	Name string
	// Workspace is valid: Parse has checked it.
	Workspace frontdesk.Workspace
	// Agents are the AI agents of the workspace with what they were told, in
	// the order of the file.
	Agents []Agent
	// EnabledActions are those of the prompt at hand, for when no agent is
	// named. Nil: the file does not say, and nothing is checked against it.
	EnabledActions []string
	// ReplyWindow is the channel's. 0: none.
	ReplyWindow time.Duration
}

// Agent is an AI agent of the file.
type Agent struct {
	frontdesk.AIAgent
	// Instructions are empty when the file gives none.
	Instructions Text
	// Actions are those that are enabled. Nil: the file does not say.
	Actions []Action
}

// Action is an enabled action of an agent.
type Action struct {
	Name   string
	Prompt Text
}

// Text is a text that stands in the file, and where.
type Text struct {
	Value string
	// Line and Column are of the text's beginning in the file.
	Line, Column int
	// block is set when each line of the text is a line of the file, behind
	// indent spaces: a literal block of YAML.
	block  bool
	indent int
}

// Position turns a place in the text into a place in the file. Where the two
// do not run side by side (a quoted string, a folded block) it is the
// beginning of the text.
func (t Text) Position(line, column int) (int, int) {
	if !t.block {
		return t.Line, t.Column
	}
	return t.Line + line - 1, t.indent + column
}

// Exact reports whether Position gives the very place.
func (t Text) Exact() bool { return t.block }

// Load reads and parses a file.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("workspacefile: %w", err)
	}
	return Parse(path, data)
}

// Agent returns the agent of this name or ID.
func (f *File) Agent(name string) (*Agent, error) {
	var known []string
	for i := range f.Agents {
		if a := &f.Agents[i]; a.Name == name || a.Key() == name {
			return a, nil
		}
		known = append(known, fmt.Sprintf("%q", f.Agents[i].Name))
	}
	if known == nil {
		return nil, fmt.Errorf("workspacefile: %s has no ai_agents: list %q there", f.Name, name)
	}
	return nil, fmt.Errorf("workspacefile: %s has no AI agent %q: name one of %s", f.Name, name, list(known))
}

// Options are what a prompt is compiled with: those of the agent, or for a nil
// agent those of the file.
func (f *File) Options(a *Agent) instructions.Options {
	opts := instructions.Options{Workspace: &f.Workspace, ReplyWindow: f.ReplyWindow}
	seen := map[string]bool{}
	enable := func(name, prompt string) {
		if name == "unassign" { // the assign action does it
			name = actions.NameAssign
		}
		if seen[name] && prompt == "" {
			return
		}
		seen[name] = true
		opts.Actions = append(opts.Actions, instructions.EnabledAction{Name: name, Prompt: prompt})
	}
	switch {
	case a != nil && a.Actions != nil:
		opts.Actions = []instructions.EnabledAction{}
		for _, act := range a.Actions {
			enable(act.Name, act.Prompt.Value)
		}
	case a == nil && f.EnabledActions != nil:
		opts.Actions = []instructions.EnabledAction{}
		for _, name := range f.EnabledActions {
			enable(name, "")
		}
	}
	return opts
}

// Fault is one thing that is wrong with a file.
type Fault struct {
	File         string
	Line, Column int
	Message      string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Faults returns the single faults that an error of Parse joins.
func Faults(err error) []*Fault {
	var out []*Fault
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, Faults(e)...)
		}
		return out
	}
	var f *Fault
	if errors.As(err, &f) {
		out = append(out, f)
	}
	return out
}
