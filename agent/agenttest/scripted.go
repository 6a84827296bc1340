package agenttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// TB is what this package's doubles need of a *testing.T. Where one is taken,
// nil is allowed: then a fault is an error from the double itself, so that an
// example or a program can play a script without a test.
//
// It satisfies testify's assert.TestingT.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// LLMFunc is a function as an LLM.
type LLMFunc func(ctx context.Context, req *agent.Request) (*agent.Response, error)

// Generate calls f.
func (f LLMFunc) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	return f(ctx, req)
}

// Step is one answer of a ScriptedLLM, with what is expected of the request
// that it answers. Steps are values: an option returns a changed copy.
// Make one with Say, CallTool, Calls, Raw, Fail or Func.
type Step struct {
	answer  LLMFunc
	expects []expectation
	times   int // 0 counts as 1, below 0 is without end
	name    string
}

// expectation is one check of a request. It reports through t.
type expectation func(t TB, req *agent.Request)

// Say is an answer of text alone.
func Say(text string) Step {
	return Raw(agent.Response{Text: text, Stop: agent.StopEnd}).named("Say(%s)", excerpt(text))
}

// CallTool is an answer with one call. A string, []byte or json.RawMessage
// among args stands for itself, valid JSON or not; nil is no arguments;
// anything else is marshalled.
func CallTool(name string, args any) Step {
	return Calls(Call(name, args)).named("CallTool(%s)", name)
}

// Calls is an answer with the calls in this order.
func Calls(calls ...agent.ToolCall) Step {
	return Raw(agent.Response{Calls: calls, Stop: agent.StopCalls}).named("Calls(%d)", len(calls))
}

// Call returns a call for Calls or Raw, with args as in CallTool. Its ID is
// empty and is given by the ScriptedLLM: "call_1" and so on.
func Call(name string, args any) agent.ToolCall {
	call := agent.ToolCall{Name: name}
	switch a := args.(type) {
	case nil:
	case string:
		call.Arguments = json.RawMessage(a)
	case []byte:
		call.Arguments = json.RawMessage(a)
	case json.RawMessage:
		call.Arguments = a
	default:
		data, err := json.Marshal(a)
		if err != nil {
			// What cannot be marshalled shows up as what it is, in the
			// arguments, where the test that wrote it looks first.
			data = []byte(fmt.Sprintf("agenttest: cannot marshal %T: %v; give a value that encoding/json takes", a, err))
		}
		call.Arguments = data
	}
	return call
}

// Fail is an answer that is an error.
func Fail(err error) Step {
	if err == nil {
		err = errors.New("agenttest: Fail(nil); give the error that the LLM is to return")
	}
	return Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		return nil, err
	}).named("Fail(%v)", err)
}

// Raw is this answer, as it is; only calls without an ID get one.
func Raw(resp agent.Response) Step {
	return Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		r := resp
		// The caller owns the response: what it does to its calls must not
		// reach a later play of the step.
		r.Calls = slices.Clone(resp.Calls)
		return &r, nil
	}).named("Raw")
}

// Func is an answer that f makes from the request.
func Func(f LLMFunc) Step { return Step{answer: f, name: "Func"} }

// Expect checks the request that the step answers. f reports with t.Errorf;
// testify's assert functions take t.
func (s Step) Expect(f func(t TB, req *agent.Request)) Step {
	s.expects = append(slices.Clip(s.expects), f)
	return s
}

// ExpectLast checks that the text of the request's last message contains each
// of the strings.
func (s Step) ExpectLast(containing ...string) Step {
	return s.Expect(func(t TB, req *agent.Request) {
		t.Helper()
		if len(req.Messages) == 0 {
			t.Errorf("agenttest: the request has no messages; expected a last one that contains %q", containing)
			return
		}
		expectContains(t, "the last message", req.Messages[len(req.Messages)-1].Text, containing)
	})
}

// ExpectSystem checks that the system prompt contains each of the strings.
func (s Step) ExpectSystem(containing ...string) Step {
	return s.Expect(func(t TB, req *agent.Request) {
		t.Helper()
		expectContains(t, "the system prompt", req.System, containing)
	})
}

// ExpectTools checks that the tools on offer are these and no others, in any
// order.
func (s Step) ExpectTools(names ...string) Step {
	return s.Expect(func(t TB, req *agent.Request) {
		t.Helper()
		got := make([]string, len(req.Tools))
		for i, tool := range req.Tools {
			got[i] = tool.Name
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(names))
		if !slices.Equal(got, want) {
			t.Errorf("agenttest: the tools on offer are %q; expected %q", got, want)
		}
	})
}

// Times plays the step n times. n < 0 plays it for ever; such a step never
// counts as unused.
func (s Step) Times(n int) Step {
	s.times = n
	return s
}

func (s Step) named(format string, args ...any) Step {
	s.name = fmt.Sprintf(format, args...)
	return s
}

func expectContains(t TB, what, text string, containing []string) {
	t.Helper()
	for _, want := range containing {
		if !strings.Contains(text, want) {
			t.Errorf("agenttest: %s does not contain %q; it is:\n%s", what, want, text)
		}
	}
}

// ScriptedLLM is an LLM that plays steps in order. A request after the last
// step is a fault, and so is a step that nobody asked for. It checks the
// context first, as the contract wants, and such a request uses no step up.
//
// It may be used from several goroutines; then the order of the steps is the
// order in which the requests arrive.
type ScriptedLLM struct {
	t TB

	mu       sync.Mutex
	steps    []Step
	next     int // index of the step to play
	played   int // times that step was played
	calls    int // IDs given
	requests int
	record   bool
	recorded []agent.Request
	faults   []error
}

// Script returns an LLM that plays the steps. When t ends, unused steps are
// reported to it. With a nil t, faults come as errors from Generate, and Done
// tells of unused steps.
func Script(t TB, steps ...Step) *ScriptedLLM {
	l := &ScriptedLLM{t: t, steps: steps}
	if t != nil {
		t.Cleanup(func() {
			t.Helper()
			if err := l.unused(); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
	return l
}

// Add appends steps to the script.
func (l *ScriptedLLM) Add(steps ...Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, steps...)
}

// Record turns the recording of requests on, and returns l. It is off by
// default because it copies each request.
func (l *ScriptedLLM) Record() *ScriptedLLM {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = true
	return l
}

// Requests returns copies of the requests so far; none unless Record was
// called.
func (l *ScriptedLLM) Requests() []agent.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.recorded)
}

// Count returns how many requests were made, those past the last step among
// them.
func (l *ScriptedLLM) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

// Done returns what went wrong so far: missing steps, expectations that did
// not hold, and steps that are not used. nil: the script was played to its
// end.
func (l *ScriptedLLM) Done() error {
	l.mu.Lock()
	faults := slices.Clone(l.faults)
	l.mu.Unlock()
	return errors.Join(append(faults, l.unused())...)
}

func (l *ScriptedLLM) unused() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for i, s := range l.steps[l.next:] {
		if s.times < 0 || (i == 0 && l.played > 0 && l.played >= s.plays()) {
			continue
		}
		names = append(names, s.name)
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("agenttest: the LLM was asked %d times and %d steps are unused: %s; remove them or find out why the turn ended early",
		l.requests, len(names), strings.Join(names, ", "))
}

func (s Step) plays() int {
	if s.times == 0 {
		return 1
	}
	return s.times
}

// Generate plays the next step.
func (l *ScriptedLLM) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("agenttest: LLM: %w", err)
	}
	step, err := l.take(req)
	if err != nil {
		if l.t != nil {
			l.t.Helper()
			l.t.Errorf("%v", err)
		}
		return nil, err
	}
	if len(step.expects) > 0 {
		if err := l.expect(step, req); err != nil {
			return nil, err
		}
	}
	resp, err := step.answer(ctx, req)
	if err != nil || resp == nil {
		return resp, err
	}
	l.giveIDs(resp)
	return resp, nil
}

// take returns the step that answers the request, or an error when the script
// has ended.
func (l *ScriptedLLM) take(req *agent.Request) (Step, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if l.record {
		l.recorded = append(l.recorded, cloneRequest(req))
	}
	for l.next < len(l.steps) && l.steps[l.next].times >= 0 && l.played >= l.steps[l.next].plays() {
		l.next++
		l.played = 0
	}
	if l.next == len(l.steps) {
		// Invalid, because asking again is no use: a turn does not spend its
		// retries on a script that is too short.
		err := &agent.LLMError{Kind: agent.LLMInvalid, Err: fmt.Errorf(
			"agenttest: request %d has no step, the script has %d; add one. The request ends with: %s",
			l.requests, len(l.steps), lastOf(req))}
		l.faults = append(l.faults, err)
		return Step{}, err
	}
	l.played++
	return l.steps[l.next], nil
}

// expect runs the expectations of a step. Without a test, those that do not
// hold are the error.
func (l *ScriptedLLM) expect(step Step, req *agent.Request) error {
	c := &collector{}
	for _, f := range step.expects {
		f(c, req)
	}
	c.finish()
	if len(c.faults) == 0 {
		return nil
	}
	err := &agent.LLMError{Kind: agent.LLMInvalid, Err: fmt.Errorf("step %s: %w", step.name, errors.Join(c.faults...))}
	l.mu.Lock()
	l.faults = append(l.faults, err)
	l.mu.Unlock()
	if l.t != nil {
		l.t.Helper()
		l.t.Errorf("%v", err)
		// The test knows; the turn goes on, so that all else that is wrong
		// shows up in the same run.
		return nil
	}
	return err
}

func (l *ScriptedLLM) giveIDs(resp *agent.Response) {
	for i := range resp.Calls {
		if resp.Calls[i].ID != "" {
			continue
		}
		l.mu.Lock()
		l.calls++
		resp.Calls[i].ID = fmt.Sprintf("call_%d", l.calls)
		l.mu.Unlock()
	}
}

// collector is a TB that keeps what is reported to it.
type collector struct {
	mu       sync.Mutex
	faults   []error
	cleanups []func()
}

func (c *collector) Helper() {}

func (c *collector) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

func (c *collector) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

// finish runs the cleanups, last one first, as a test does.
func (c *collector) finish() {
	for _, f := range slices.Backward(c.cleanups) {
		f()
	}
	c.cleanups = nil
}

// cloneRequest returns a copy that shares nothing with req.
func cloneRequest(req *agent.Request) agent.Request {
	if req == nil {
		return agent.Request{}
	}
	r := *req
	r.Messages = slices.Clone(req.Messages)
	for i := range r.Messages {
		r.Messages[i].Calls = cloneCalls(r.Messages[i].Calls)
	}
	r.Tools = slices.Clone(req.Tools)
	for i := range r.Tools {
		r.Tools[i].Schema = slices.Clone(r.Tools[i].Schema)
	}
	return r
}

func cloneCalls(calls []agent.ToolCall) []agent.ToolCall {
	calls = slices.Clone(calls)
	for i := range calls {
		calls[i].Arguments = slices.Clone(calls[i].Arguments)
	}
	return calls
}

func lastOf(req *agent.Request) string {
	if req == nil || len(req.Messages) == 0 {
		return "(no messages)"
	}
	m := req.Messages[len(req.Messages)-1]
	return string(m.Role) + " " + excerpt(m.Text)
}

// excerpt is the beginning of a text, quoted, for messages.
func excerpt(text string) string {
	const limit = 60
	for i := range text {
		if i >= limit {
			return fmt.Sprintf("%q…", text[:i])
		}
	}
	return fmt.Sprintf("%q", text)
}
