package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Step is one answer of a Script.
type Step struct {
	Text  string
	Calls []agent.ToolCall
	// Err is what the LLM fails with. Nil: it answers.
	Err error
	// Where is the step's place in the file, for messages.
	Where string
}

// ParseStep reads an answer as scenarios write it:
//
//	say TEXT
//	call NAME {JSON}
//	fail KIND [TEXT]
//
// In a text, \n is a line break. KIND is that of an agent.LLMError.
func ParseStep(line string) (Step, error) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "say":
		return Step{Text: Unescape(rest)}, nil
	case "call":
		call, err := ParseCall(rest)
		return Step{Calls: []agent.ToolCall{call}}, err
	case "fail":
		kind, why, _ := strings.Cut(rest, " ")
		k := agent.LLMErrorKind(kind)
		switch k {
		case agent.LLMTemporary, agent.LLMRateLimited, agent.LLMInvalid, agent.LLMDenied, agent.LLMRefused:
		default:
			return Step{}, fmt.Errorf("there is no kind of failure %q: use temporary, rate_limited, invalid, denied or refused", kind)
		}
		if why == "" {
			why = "scripted"
		}
		return Step{Err: &agent.LLMError{Kind: k, Err: errors.New(why)}}, nil
	}
	return Step{}, fmt.Errorf("%q is no answer of an LLM: write say TEXT, call NAME {…} or fail KIND", verb)
}

// ParseCall reads NAME {JSON}. The JSON may be wrong: that is something to
// test.
func ParseCall(s string) (agent.ToolCall, error) {
	name, args, _ := strings.Cut(strings.TrimSpace(s), " ")
	if name == "" {
		return agent.ToolCall{}, errors.New("name the action to call, such as: call assign {\"target\": \"Sales Team\"}")
	}
	call := agent.ToolCall{Name: name}
	if args = strings.TrimSpace(args); args != "" {
		call.Arguments = json.RawMessage(args)
	}
	return call, nil
}

// Unescape turns \n into a line break and \\ into a backslash.
func Unescape(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(s)
}

// Script is an LLM that plays steps in order. It is safe for concurrent use.
type Script struct {
	mu    sync.Mutex
	steps []Step
	next  int
	// missing counts the requests that had no step.
	missing int
	system  string
}

// Add appends steps.
func (l *Script) Add(steps ...Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, steps...)
}

// Amend adds a call to the answer that was added last.
func (l *Script) Amend(call agent.ToolCall) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.steps) == l.next || l.steps[len(l.steps)-1].Err != nil {
		return errors.New("there is no answer to add a call to: write it right after a say or call")
	}
	last := &l.steps[len(l.steps)-1]
	last.Calls = append(last.Calls, call)
	return nil
}

// Unused are the steps that nobody has asked for.
func (l *Script) Unused() []Step {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.steps[l.next:]
}

// TakeMissing returns how many requests had no step, and forgets them.
func (l *Script) TakeMissing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.missing
	l.missing = 0
	return n
}

// System is the system prompt of the last request; empty before the first.
func (l *Script) System() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.system
}

// Generate implements agent.LLM.
func (l *Script) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("session: LLM: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.system = req.System
	if l.next == len(l.steps) {
		l.missing++
		// Not temporary: asking again would find no step either.
		return nil, &agent.LLMError{Kind: agent.LLMInvalid, Err: errors.New("session: the script has no answer left: add one")}
	}
	step := l.steps[l.next]
	l.next++
	if step.Err != nil {
		return nil, step.Err
	}
	resp := &agent.Response{Text: step.Text, Stop: agent.StopEnd}
	for i, c := range step.Calls {
		c.ID = fmt.Sprintf("call-%d-%d", l.next, i+1)
		resp.Calls = append(resp.Calls, c)
	}
	if len(resp.Calls) > 0 {
		resp.Stop = agent.StopCalls
	}
	return resp, nil
}
