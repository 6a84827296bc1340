package agenttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// LLMHarness is an LLM under test with the means to drive it.
type LLMHarness struct {
	// LLM is the one under test.
	LLM agent.LLM
	// Answer tells the backend how to answer each request from now on. It is
	// nil for an LLM whose answers cannot be chosen, such as one that follows
	// rules; then only those promises are tested that hold for any answer, and the
	// others are skipped.
	Answer func(LLMAnswer)
}

// LLMAnswer is what a backend is told to answer, in the backend's own form: a
// response, an HTTP error, or nothing at all.
type LLMAnswer struct {
	// Text and Calls are the content. A backend that cannot leave the ID of
	// a call out gives one.
	Text  string
	Calls []agent.ToolCall
	// Stop is why it ended. Empty: StopCalls with calls, else StopEnd. With
	// StopLength the answer ends in the middle of Calls, when it has some.
	Stop  agent.StopReason
	Usage agent.Usage
	// Status is an HTTP status of 400 or above: an error instead of an
	// answer.
	Status int
	// RetryAfter goes with Status. 0: none is given.
	RetryAfter time.Duration
	// Cut breaks the connection off in the middle of the answer.
	Cut bool
	// Hang does not answer until the request is given up.
	Hang bool
	// Arrived is called for each request that reaches the backend, before it
	// is answered.
	Arrived func()
}

// TestLLM tests that an LLM keeps the contract of agent.LLM. Setup makes a
// fresh harness for each promise. A failure prints the promise that was
// broken.
func TestLLM(t *testing.T, setup func(t *testing.T) LLMHarness) {
	for _, p := range llmPromises {
		t.Run(p.name, func(t *testing.T) {
			h := setup(t)
			if h.LLM == nil {
				t.Fatal("agenttest: the harness has no LLM; set LLMHarness.LLM")
			}
			judge(t, "an LLM", p.promise, p.check(h))
		})
	}
}

// llmPromise is one promise of the contract.
type llmPromise struct {
	name    string
	promise string // completes "an LLM …"
	needs   llmNeeds
	run     func(c *llmCase)
}

// llmNeeds is what a harness must have for a promise to be tested.
type llmNeeds bool

const (
	needsNothing llmNeeds = false
	needsAnswer  llmNeeds = true
)

// check runs a promise and returns how it was broken.
func (p llmPromise) check(h LLMHarness) error {
	if p.needs == needsAnswer && h.Answer == nil {
		return untested("LLMHarness.Answer is nil, so no answer can be chosen")
	}
	c := &llmCase{LLMHarness: h}
	if h.Answer != nil {
		c.Answer = func(a LLMAnswer) {
			arrived := a.Arrived
			a.Arrived = func() {
				c.requests.Add(1)
				if arrived != nil {
					arrived()
				}
			}
			h.Answer(a)
		}
	}
	p.run(c)
	return errors.Join(c.faults...)
}

// llmCase is a running promise.
type llmCase struct {
	LLMHarness
	collector
	requests atomic.Int64 // that reached the backend
}

// patience is how long the suite waits for an LLM that has no reason to wait.
const patience = 10 * time.Second

// answered is one return of Generate.
type answered struct {
	resp     *agent.Response
	err      error
	panicked any
}

// generate asks once, with the panic caught and the waiting bounded.
func (c *llmCase) generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan answered, 1)
	go func() {
		var a answered
		defer func() {
			a.panicked = recover()
			done <- a
		}()
		a.resp, a.err = c.LLM.Generate(ctx, req)
	}()
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	select {
	case a := <-done:
		return c.judge(a)
	case <-timer.C:
		err := fmt.Errorf("Generate had not returned %v after its context was done", patience)
		c.Errorf("%w", err)
		return nil, err
	}
}

// judge checks what holds for every return.
func (c *llmCase) judge(a answered) (*agent.Response, error) {
	switch {
	case a.panicked != nil:
		c.Errorf("Generate panicked: %v", a.panicked)
		return nil, fmt.Errorf("panic: %v", a.panicked)
	case a.err == nil && a.resp == nil:
		c.Errorf("Generate returned neither a response nor an error")
		return nil, errors.New("no response")
	case a.err != nil && a.resp != nil:
		c.Errorf("Generate returned both a response (%+v) and the error %v", *a.resp, a.err)
	}
	return a.resp, a.err
}

// try asks once. Whether an answer or an error comes of it is open: what no
// return may be has been reported.
func (c *llmCase) try(req *agent.Request) { _, _ = c.generate(context.Background(), req) }

// answer makes the backend answer so and returns the response to a plain
// request; nil if there was an error, which is reported.
func (c *llmCase) answer(a LLMAnswer) *agent.Response {
	c.Answer(a)
	resp, err := c.generate(context.Background(), plainRequest())
	if err != nil {
		c.Errorf("Generate returned the error %v; expected an answer", err)
		return nil
	}
	return resp
}

// fails makes the backend answer so and expects an LLMError of one of the
// kinds, which it returns.
func (c *llmCase) fails(a LLMAnswer, kinds ...agent.LLMErrorKind) *agent.LLMError {
	c.Answer(a)
	resp, err := c.generate(context.Background(), plainRequest())
	if err == nil {
		c.Errorf("the backend answered %s, and Generate returned no error but %+v", a.describe(), resp)
		return nil
	}
	got := &agent.LLMError{Kind: agent.LLMTemporary, Err: err} // what another error counts as
	errors.As(err, &got)
	for _, kind := range kinds {
		if got.Kind == kind {
			return got
		}
	}
	c.Errorf("the backend answered %s, and the error is of kind %q; expected %q. It is: %v", a.describe(), got.Kind, kinds, err)
	return nil
}

func (a LLMAnswer) describe() string {
	switch {
	case a.Cut:
		return "half an answer"
	case a.Status != 0 && a.RetryAfter != 0:
		return fmt.Sprintf("HTTP %d with Retry-After %v", a.Status, a.RetryAfter)
	case a.Status != 0:
		return fmt.Sprintf("HTTP %d", a.Status)
	}
	return fmt.Sprintf("%q with %d calls", a.Text, len(a.Calls))
}

// plainRequest has all that a request can have: a system prompt, a history
// with calls and a failed result, and tools.
func plainRequest() *agent.Request {
	return &agent.Request{
		System: "You answer contacts of a shop.",
		Messages: []agent.ChatMessage{
			{Role: agent.RoleUser, Text: "My order 17 is late."},
			{Role: agent.RoleAssistant, Text: "I look it up.", Calls: []agent.ToolCall{
				{ID: "t1/0/1", Name: "find_order", Arguments: []byte(`{"order":17}`)},
				{ID: "t1/0/2", Name: "find_carrier", Arguments: []byte(`{}`)},
			}},
			{Role: agent.RoleTool, CallID: "t1/0/1", Name: "find_order", Text: `{"status":"sent"}`},
			{Role: agent.RoleTool, CallID: "t1/0/2", Name: "find_carrier", Text: "no carrier", IsError: true},
			{Role: agent.RoleAssistant, Text: "It is on its way."},
			{Role: agent.RoleUser, Text: "When does it come?"},
		},
		Tools: []agent.Tool{
			{Name: "find_order", Description: "Finds an order.", Schema: []byte(
				`{"type":"object","properties":{"order":{"type":"integer"},"note":{"type":["null","string"]}},"required":["order"],"additionalProperties":false}`)},
			{Name: "find_carrier", Description: "Finds the carrier.", Schema: []byte(`{"type":"object"}`)},
		},
		MaxTokens: 500,
	}
}

// hostileRequests are requests that an engine would not make, and content
// that contacts do write.
func hostileRequests() map[string]*agent.Request {
	one := func(m ...agent.ChatMessage) *agent.Request { return &agent.Request{Messages: m} }
	user := agent.ChatMessage{Role: agent.RoleUser, Text: "hi"}
	return map[string]*agent.Request{
		"the zero request":        {},
		"an empty message":        one(agent.ChatMessage{Role: agent.RoleUser}),
		"an unknown role":         one(agent.ChatMessage{Role: "wizard", Text: "x"}),
		"assistant first":         one(agent.ChatMessage{Role: agent.RoleAssistant, Text: "x"}, user),
		"a result without a call": one(user, agent.ChatMessage{Role: agent.RoleTool, CallID: "x", Text: "y"}, user),
		"a call without a result": one(user, agent.ChatMessage{Role: agent.RoleAssistant, Calls: []agent.ToolCall{{Name: "x"}}}, user),
		"arguments that are no JSON": one(user,
			agent.ChatMessage{Role: agent.RoleAssistant, Calls: []agent.ToolCall{{ID: "1", Name: "x", Arguments: []byte(`{"a":`)}}},
			agent.ChatMessage{Role: agent.RoleTool, CallID: "1", Name: "x", Text: "no"}, user),
		"the same ID twice": one(user, agent.ChatMessage{Role: agent.RoleAssistant, Calls: []agent.ToolCall{{ID: "1", Name: "x"}, {ID: "1", Name: "x"}}},
			agent.ChatMessage{Role: agent.RoleTool, CallID: "1", Name: "x", Text: "a"}, agent.ChatMessage{Role: agent.RoleTool, CallID: "1", Name: "x", Text: "b"}, user),
		"invalid UTF-8 and NUL": {System: "a\xffb\x00", Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: "\xc3\x28\x00\xed\xa0\xbd"}}},
		"a broken schema":       {Messages: []agent.ChatMessage{user}, Tools: []agent.Tool{{Name: "x", Schema: []byte(`{"type":`)}}},
		"a schema that is no object": {Messages: []agent.ChatMessage{user}, Tools: []agent.Tool{
			{Name: "x", Schema: []byte(`[1]`)}, {Name: "y", Schema: []byte(`null`)}, {Name: "", Schema: nil}}},
		"a schema that refers to itself": {Messages: []agent.ChatMessage{user}, Tools: []agent.Tool{
			{Name: "x", Schema: []byte(`{"type":"object","properties":{"a":{"$ref":"#"}}}`)}}},
		"negative tokens": {Messages: []agent.ChatMessage{user}, MaxTokens: -1},
		"200 kB of text":  one(agent.ChatMessage{Role: agent.RoleUser, Text: strings.Repeat("text ", 40_000)}),
	}
}

var llmPromises = []llmPromise{
	{"text", "returns the text of the answer, with StopEnd and without calls", needsAnswer, func(c *llmCase) {
		want := "Your order comes tomorrow — \"really\"! 😀\n\nAnything else?"
		r := c.answer(LLMAnswer{Text: want, Usage: agent.Usage{InputTokens: 120, OutputTokens: 9}})
		if r == nil {
			return
		}
		if r.Text != want {
			c.Errorf("Text is %q; the backend said %q", r.Text, want)
		}
		if len(r.Calls) != 0 || (r.Stop != agent.StopEnd && r.Stop != "") {
			c.Errorf("there are %d calls and Stop is %q; expected none and %q", len(r.Calls), r.Stop, agent.StopEnd)
		}
	}},
	{"usage", "counts the tokens once, or says nothing of them", needsAnswer, func(c *llmCase) {
		want := agent.Usage{InputTokens: 120, OutputTokens: 9}
		r := c.answer(LLMAnswer{Text: "Well.", Calls: []agent.ToolCall{Call("find_order", `{"order":1}`), Call("find_order", `{"order":2}`)}, Usage: want})
		if r != nil && r.Usage != want && r.Usage != (agent.Usage{}) {
			c.Errorf("Usage is %+v; the backend said %+v", r.Usage, want)
		}
	}},
	{"tool JSON as text", "takes text for text, even if it looks like a call", needsAnswer, func(c *llmCase) {
		want := `{"name": "find_order", "arguments": {"order": 17}}`
		r := c.answer(LLMAnswer{Text: want})
		if r != nil && (r.Text != want || len(r.Calls) != 0) {
			c.Errorf("Text is %q with %d calls; the backend said %q", r.Text, len(r.Calls), want)
		}
	}},
	{"call", "returns a call with its name, ID and arguments, and StopCalls", needsAnswer, func(c *llmCase) {
		r := c.answer(LLMAnswer{Calls: []agent.ToolCall{{ID: "call_abc", Name: "find_order", Arguments: []byte(`{"order":17}`)}}})
		if c.hasCalls(r, 1) {
			c.isCall(r.Calls[0], "find_order", `{"order":17}`)
		}
	}},
	{"calls", "returns all calls in their order, with different IDs, and the text beside them", needsAnswer, func(c *llmCase) {
		r := c.answer(LLMAnswer{Text: "I look.", Calls: []agent.ToolCall{Call("find_order", `{"order":1}`), Call("find_carrier", `{"order":2}`)}})
		if !c.hasCalls(r, 2) {
			return
		}
		c.isCall(r.Calls[0], "find_order", `{"order":1}`)
		c.isCall(r.Calls[1], "find_carrier", `{"order":2}`)
		if r.Calls[0].ID == r.Calls[1].ID {
			c.Errorf("both calls have the ID %q", r.Calls[0].ID)
		}
		if r.Text != "I look." {
			c.Errorf("Text is %q; the backend said %q", r.Text, "I look.")
		}
	}},
	{"call without arguments", "returns a call without arguments, with none or an empty object", needsAnswer, func(c *llmCase) {
		r := c.answer(LLMAnswer{Calls: []agent.ToolCall{Call("find_carrier", nil)}})
		if c.hasCalls(r, 1) && strings.TrimSpace(string(r.Calls[0].Arguments)) != "" {
			c.isCall(r.Calls[0], "find_carrier", "{}")
		}
	}},
	{"no tools", "returns no calls when none were on offer", needsAnswer, func(c *llmCase) {
		c.Answer(LLMAnswer{Text: "I look.", Calls: []agent.ToolCall{Call("find_order", `{"order":17}`)}})
		req := plainRequest()
		req.Tools = nil
		// A backend may refuse the history, or the LLM the answer.
		if r, err := c.generate(context.Background(), req); err == nil && (len(r.Calls) != 0 || r.Stop == agent.StopCalls) {
			c.Errorf("there are %d calls and Stop is %q", len(r.Calls), r.Stop)
		}
	}},
	{"cut-off text", "tells an answer that reached the token limit, by StopLength or an error", needsAnswer, func(c *llmCase) {
		c.isCutOff(LLMAnswer{Text: "Your order comes to", Stop: agent.StopLength})
	}},
	{"cut-off call", "returns no call of an answer that was cut off", needsAnswer, func(c *llmCase) {
		c.isCutOff(LLMAnswer{Text: "I look.", Calls: []agent.ToolCall{Call("find_order", `{"order":17}`)}, Stop: agent.StopLength})
	}},
	{"cut connection", "returns an error that may be retried when the connection breaks in mid-answer", needsAnswer, func(c *llmCase) {
		c.fails(LLMAnswer{Text: "Your order comes tomorrow.", Cut: true}, agent.LLMTemporary)
	}},
	{"refusal", "tells a refusal, by StopRefuse or an error of kind LLMRefused", needsAnswer, func(c *llmCase) {
		c.Answer(LLMAnswer{Text: "I cannot", Stop: agent.StopRefuse})
		r, err := c.generate(context.Background(), plainRequest())
		var le *agent.LLMError
		switch {
		case err == nil && r.Stop != agent.StopRefuse:
			c.Errorf("Stop is %q", r.Stop)
		case err == nil && len(r.Calls) != 0:
			c.Errorf("there are %d calls", len(r.Calls))
		case err != nil && (!errors.As(err, &le) || le.Kind != agent.LLMRefused):
			c.Errorf("the error is %v", err)
		}
	}},
	{"rate limit", "returns LLMRateLimited on HTTP 429", needsAnswer, func(c *llmCase) {
		c.fails(LLMAnswer{Status: 429}, agent.LLMRateLimited)
	}},
	{"retry after", "passes on how long the provider asks to wait", needsAnswer, func(c *llmCase) {
		e := c.fails(LLMAnswer{Status: 429, RetryAfter: 37 * time.Second}, agent.LLMRateLimited)
		if e != nil && e.RetryAfter != 37*time.Second {
			c.Errorf("RetryAfter is %v; the backend said 37s", e.RetryAfter)
		}
	}},
	{"server errors", "returns LLMTemporary on HTTP 5xx", needsAnswer, func(c *llmCase) {
		for _, status := range []int{500, 502, 503, 529} {
			c.fails(LLMAnswer{Status: status}, agent.LLMTemporary)
		}
	}},
	{"bad request", "returns LLMInvalid on HTTP 400", needsAnswer, func(c *llmCase) {
		c.fails(LLMAnswer{Status: 400}, agent.LLMInvalid)
	}},
	{"bad credentials", "returns LLMDenied on HTTP 401 and 403", needsAnswer, func(c *llmCase) {
		c.fails(LLMAnswer{Status: 401}, agent.LLMDenied)
		c.fails(LLMAnswer{Status: 403}, agent.LLMDenied)
	}},
	{"one attempt", "makes one attempt and does not retry by itself", needsAnswer, func(c *llmCase) {
		for _, status := range []int{429, 500, 503} {
			before := c.requests.Load()
			c.fails(LLMAnswer{Status: status}, agent.LLMRateLimited, agent.LLMTemporary)
			if n := c.requests.Load() - before; n != 1 {
				c.Errorf("on HTTP %d the backend got %d requests; expected 1", status, n)
			}
		}
	}},
	{"cancelled before", "returns the context's error, and asks nobody, when the context is done beforehand", needsNothing, func(c *llmCase) {
		if c.Answer != nil {
			c.Answer(LLMAnswer{Text: "too late"})
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := c.generate(ctx, plainRequest())
		if !errors.Is(err, context.Canceled) {
			c.Errorf("the error is %v; it does not wrap context.Canceled", err)
		}
		if c.requests.Load() != 0 {
			c.Errorf("the backend got a request")
		}
	}},
	{"cancelled meanwhile", "returns soon after its context is done, with an error that wraps the context's", needsAnswer, func(c *llmCase) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.Answer(LLMAnswer{Hang: true, Arrived: cancel})
		start := time.Now()
		_, err := c.generate(ctx, plainRequest())
		if !errors.Is(err, context.Canceled) {
			c.Errorf("the error is %v; it does not wrap context.Canceled", err)
		}
		if took := time.Since(start); took > patience/2 {
			c.Errorf("it took %v", took)
		}
	}},
	{"deadline", "returns an error that wraps context.DeadlineExceeded when the time is up", needsAnswer, func(c *llmCase) {
		c.Answer(LLMAnswer{Hang: true})
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		if _, err := c.generate(ctx, plainRequest()); !errors.Is(err, context.DeadlineExceeded) {
			c.Errorf("the error is %v; it does not wrap context.DeadlineExceeded", err)
		}
	}},
	{"request untouched", "neither changes nor keeps the request", needsNothing, func(c *llmCase) {
		if c.Answer != nil {
			c.Answer(LLMAnswer{Text: "x", Calls: []agent.ToolCall{Call("find_order", `{"order":1}`)}})
		}
		req := plainRequest()
		r, err := c.generate(context.Background(), req)
		if !reflect.DeepEqual(req, plainRequest()) {
			c.Errorf("the request was changed to %+v", *req)
		}
		if err != nil {
			return
		}
		// What the caller does to its request later must not reach the answer.
		calls := cloneCalls(r.Calls)
		for _, m := range req.Messages {
			for _, call := range m.Calls {
				for i := range call.Arguments {
					call.Arguments[i] = 'X'
				}
			}
		}
		if !reflect.DeepEqual(calls, r.Calls) && len(calls)+len(r.Calls) > 0 {
			c.Errorf("the answer shares its arguments with the request")
		}
	}},
	{"response owned", "gives the response to the caller, who may change it", needsAnswer, func(c *llmCase) {
		a := LLMAnswer{Calls: []agent.ToolCall{Call("find_order", `{"order":1}`)}}
		first := c.answer(a)
		if !c.hasCalls(first, 1) {
			return
		}
		for i := range first.Calls[0].Arguments {
			first.Calls[0].Arguments[i] = 'X'
		}
		first.Calls[0].Name = "changed"
		if second := c.answer(a); c.hasCalls(second, 1) {
			c.isCall(second.Calls[0], "find_order", `{"order":1}`)
		}
	}},
	{"concurrency", "may be called from several goroutines at once", needsNothing, func(c *llmCase) {
		if c.Answer != nil {
			c.Answer(LLMAnswer{Text: "yes"})
		}
		req := plainRequest()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 4 {
					r, err := c.generate(context.Background(), req)
					if c.Answer == nil {
						continue
					}
					if err != nil || r.Text != "yes" {
						c.Errorf("Generate returned %+v, %v", r, err)
					}
				}
			})
		}
		wg.Wait()
	}},
	{"hostile requests", "does not panic on any request", needsNothing, func(c *llmCase) {
		if c.Answer != nil {
			c.Answer(LLMAnswer{Text: "yes"})
		}
		for name, req := range hostileRequests() {
			before := len(c.faults)
			c.try(req)
			if len(c.faults) > before {
				c.Errorf("with %s", name)
			}
		}
	}},
	{"hostile answers", "does not panic on any answer", needsAnswer, func(c *llmCase) {
		for _, a := range []LLMAnswer{
			{},
			{Text: strings.Repeat("long ", 40_000)},
			{Text: "\u0000\u202e\ufeff </system> {{$contact.email}}"},
			{Calls: []agent.ToolCall{Call("", `{}`)}},
			{Calls: []agent.ToolCall{Call("no_such_tool", `{"a":1}`)}},
			{Status: 418},
		} {
			before := len(c.faults)
			c.Answer(a)
			c.try(plainRequest())
			if len(c.faults) > before {
				c.Errorf("when the backend answered %s", excerpt(a.describe()))
			}
		}
	}},
}

// hasCalls checks the number of calls, and the stop reason that goes with it.
func (c *llmCase) hasCalls(r *agent.Response, n int) bool {
	if r == nil {
		return false
	}
	if len(r.Calls) != n {
		c.Errorf("there are %d calls: %+v; expected %d", len(r.Calls), r.Calls, n)
		return false
	}
	if r.Stop != agent.StopCalls {
		c.Errorf("Stop is %q; expected %q", r.Stop, agent.StopCalls)
	}
	return true
}

func (c *llmCase) isCall(call agent.ToolCall, name, arguments string) {
	if call.Name != name {
		c.Errorf("the call is of %q; expected %q", call.Name, name)
	}
	if !sameJSON(call.Arguments, []byte(arguments)) {
		c.Errorf("the arguments of %s are %s; expected %s", name, call.Arguments, arguments)
	}
}

// isCutOff checks that an answer is told to be cut off, and brings no call.
func (c *llmCase) isCutOff(a LLMAnswer) {
	c.Answer(a)
	r, err := c.generate(context.Background(), plainRequest())
	if err != nil {
		return
	}
	if r.Stop != agent.StopLength {
		c.Errorf("Stop is %q; expected %q", r.Stop, agent.StopLength)
	}
	if len(r.Calls) != 0 {
		c.Errorf("there are %d calls: %+v", len(r.Calls), r.Calls)
	}
}

// sameJSON compares two JSON texts by value.
func sameJSON(a, b []byte) bool {
	var va, vb any
	if json.Unmarshal(a, &va) != nil || json.Unmarshal(b, &vb) != nil {
		return false
	}
	return reflect.DeepEqual(va, vb)
}
