package agenttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// backend is an LLM that keeps the contract and answers as it is told. The
// planted bugs are built on it.
type backend struct {
	mu     sync.Mutex
	answer LLMAnswer
}

func (b *backend) tell(a LLMAnswer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = a
}

func (b *backend) told() LLMAnswer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answer
}

func (b *backend) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("backend: %w", err)
	}
	a := b.told()
	a.Arrived()
	switch {
	case a.Hang:
		<-ctx.Done()
		return nil, fmt.Errorf("backend: %w", ctx.Err())
	case a.Cut:
		return nil, io.ErrUnexpectedEOF
	case a.Status != 0:
		return nil, statusError(a.Status, a.RetryAfter)
	}
	resp := &agent.Response{Text: a.Text, Calls: cloneCalls(a.Calls), Stop: a.Stop, Usage: a.Usage}
	for i := range resp.Calls {
		if resp.Calls[i].ID == "" {
			resp.Calls[i].ID = fmt.Sprintf("id_%d", i)
		}
	}
	switch {
	case a.Stop != "", len(req.Tools) == 0:
		resp.Calls = nil
	case len(resp.Calls) > 0:
		resp.Stop = agent.StopCalls
	}
	return resp, nil
}

func statusError(status int, retryAfter time.Duration) error {
	kind := agent.LLMTemporary
	switch status {
	case 400, 418:
		kind = agent.LLMInvalid
	case 401, 403:
		kind = agent.LLMDenied
	case 429:
		kind = agent.LLMRateLimited
	}
	return &agent.LLMError{Kind: kind, RetryAfter: retryAfter, Err: fmt.Errorf("HTTP %d", status)}
}

func TestLLMSuiteAcceptsAGoodLLM(t *testing.T) {
	TestLLM(t, func(*testing.T) LLMHarness {
		b := &backend{}
		return LLMHarness{LLM: b, Answer: b.tell}
	})
}

func TestLLMSuiteWithoutABackend(t *testing.T) {
	TestLLM(t, func(*testing.T) LLMHarness {
		return LLMHarness{LLM: LLMFunc(func(ctx context.Context, _ *agent.Request) (*agent.Response, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return &agent.Response{Text: "by rule"}, nil
		})}
	})
}

// brokenPromises runs the suite without a test and returns the names of the
// promises that the LLM broke.
func brokenPromises(setup func() LLMHarness) map[string]error {
	broken := map[string]error{}
	for _, p := range llmPromises {
		if err := p.check(setup()); err != nil {
			broken[p.name] = err
		}
	}
	return broken
}

// llmBug is an LLM that is broken in one way. Wrap gets the good one.
type llmBug struct {
	name   string
	breaks string // the promise that must be seen to break
	wrap   func(b *backend) agent.LLM
}

// changed is a bug in the answers.
func changed(f func(req *agent.Request, r *agent.Response)) func(b *backend) agent.LLM {
	return func(b *backend) agent.LLM {
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			r, err := b.Generate(ctx, req)
			if err == nil {
				f(req, r)
			}
			return r, err
		})
	}
}

// failing is a bug in the errors.
func failing(f func(err error) (*agent.Response, error)) func(b *backend) agent.LLM {
	return func(b *backend) agent.LLM {
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			r, err := b.Generate(ctx, req)
			if err != nil {
				return f(err)
			}
			return r, nil
		})
	}
}

// kinded changes the kind of an LLMError.
func kinded(from, to agent.LLMErrorKind) func(b *backend) agent.LLM {
	return failing(func(err error) (*agent.Response, error) {
		var le *agent.LLMError
		if errors.As(err, &le) && le.Kind == from {
			le.Kind = to
		}
		return nil, err
	})
}

var llmBugs = []llmBug{
	{"trims text", "text", changed(func(_ *agent.Request, r *agent.Response) { r.Text, _, _ = strings.Cut(r.Text, "\n") })},
	{"plain text stops as calls", "text", changed(func(_ *agent.Request, r *agent.Response) {
		if r.Stop == "" {
			r.Stop = agent.StopCalls
		}
	})},
	{"counts usage per call", "usage", changed(func(_ *agent.Request, r *agent.Response) {
		if len(r.Calls) > 1 {
			r.Usage.InputTokens *= len(r.Calls)
		}
	})},
	{"executes tool JSON", "tool JSON as text", changed(func(_ *agent.Request, r *agent.Response) {
		if strings.HasPrefix(r.Text, "{") {
			r.Calls, r.Text = []agent.ToolCall{{ID: "x", Name: "find_order"}}, ""
		}
	})},
	{"loses arguments", "call", changed(func(_ *agent.Request, r *agent.Response) {
		for i := range r.Calls {
			r.Calls[i].Arguments = []byte("{}")
		}
	})},
	{"loses the name", "call", changed(func(_ *agent.Request, r *agent.Response) {
		for i := range r.Calls {
			r.Calls[i].Name = "function"
		}
	})},
	{"says end on calls", "call", changed(func(_ *agent.Request, r *agent.Response) {
		if r.Stop == agent.StopCalls {
			r.Stop = agent.StopEnd
		}
	})},
	{"keeps the first call", "calls", changed(func(_ *agent.Request, r *agent.Response) {
		if len(r.Calls) > 1 {
			r.Calls = r.Calls[:1]
		}
	})},
	{"reverses calls", "calls", changed(func(_ *agent.Request, r *agent.Response) { slices.Reverse(r.Calls) })},
	{"one ID for all", "calls", changed(func(_ *agent.Request, r *agent.Response) {
		for i := range r.Calls {
			r.Calls[i].ID = "same"
		}
	})},
	{"drops text beside calls", "calls", changed(func(_ *agent.Request, r *agent.Response) {
		if len(r.Calls) > 0 {
			r.Text = ""
		}
	})},
	{"null for no arguments", "call without arguments", changed(func(_ *agent.Request, r *agent.Response) {
		for i := range r.Calls {
			if len(r.Calls[i].Arguments) == 0 {
				r.Calls[i].Arguments = json.RawMessage("null")
			}
		}
	})},
	{"calls without tools", "no tools", changed(func(req *agent.Request, r *agent.Response) {
		if len(req.Tools) == 0 {
			r.Calls, r.Stop = []agent.ToolCall{{ID: "x", Name: "find_order"}}, agent.StopCalls
		}
	})},
	{"hides the length stop", "cut-off text", changed(func(_ *agent.Request, r *agent.Response) {
		if r.Stop == agent.StopLength {
			r.Stop = agent.StopEnd
		}
	})},
	{"calls of a cut-off answer", "cut-off call", changed(func(_ *agent.Request, r *agent.Response) {
		if r.Stop == agent.StopLength {
			r.Calls = []agent.ToolCall{{ID: "x", Name: "find_order", Arguments: []byte(`{"or`)}}
		}
	})},
	{"partial text of a cut connection", "cut connection", failing(func(err error) (*agent.Response, error) {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return &agent.Response{Text: "Your order co"}, nil
		}
		return nil, err
	})},
	{"hides the refusal", "refusal", changed(func(_ *agent.Request, r *agent.Response) {
		if r.Stop == agent.StopRefuse {
			r.Stop = agent.StopEnd
		}
	})},
	{"rate limit as invalid", "rate limit", kinded(agent.LLMRateLimited, agent.LLMInvalid)},
	{"loses Retry-After", "retry after", failing(func(err error) (*agent.Response, error) {
		var le *agent.LLMError
		if errors.As(err, &le) {
			le.RetryAfter = 0
		}
		return nil, err
	})},
	{"server error as denied", "server errors", kinded(agent.LLMTemporary, agent.LLMDenied)},
	{"bad request as temporary", "bad request", kinded(agent.LLMInvalid, agent.LLMTemporary)},
	{"unclassified errors", "bad credentials", failing(func(err error) (*agent.Response, error) {
		return nil, errors.New(err.Error())
	})},
	{"retries", "one attempt", func(b *backend) agent.LLM {
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			r, err := b.Generate(ctx, req)
			if err != nil && ctx.Err() == nil {
				return b.Generate(ctx, req)
			}
			return r, err
		})
	}},
	{"ignores the context beforehand", "cancelled before", func(b *backend) agent.LLM {
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			if ctx.Err() != nil {
				ctx = context.WithoutCancel(ctx)
			}
			return b.Generate(ctx, req)
		})
	}},
	{"hides the cancellation", "cancelled meanwhile", failing(func(err error) (*agent.Response, error) {
		if errors.Is(err, context.Canceled) {
			return nil, errors.New("request cancelled")
		}
		return nil, err
	})},
	{"hides the time-out", "deadline", failing(func(err error) (*agent.Response, error) {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, &agent.LLMError{Kind: agent.LLMTemporary, Err: errors.New("timeout")}
		}
		return nil, err
	})},
	{"changes the request", "request untouched", func(b *backend) agent.LLM {
		var once sync.Once // so that the suite finds it, not the race detector
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			if len(req.Messages) > 2 {
				once.Do(func() { req.Messages[1].Calls[0].ID = "call_1" })
			}
			return b.Generate(ctx, req)
		})
	}},
	{"answers with the request's memory", "request untouched", changed(func(req *agent.Request, r *agent.Response) {
		if len(r.Calls) > 0 && len(req.Messages) > 1 && len(req.Messages[1].Calls) > 0 {
			r.Calls[0].Arguments = req.Messages[1].Calls[0].Arguments
		}
	})},
	{"keeps the response", "response owned", func(b *backend) agent.LLM {
		var mu sync.Mutex
		var kept *agent.Response
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if kept != nil {
				return kept, nil
			}
			r, err := b.Generate(ctx, req)
			if err == nil {
				kept = r
			}
			return r, err
		})
	}},
	{"mixes up concurrent answers", "concurrency", func(b *backend) agent.LLM {
		var mu sync.Mutex
		n := 0
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			r, err := b.Generate(ctx, req)
			mu.Lock()
			defer mu.Unlock()
			n++
			if err == nil && n > 20 {
				r.Text = "no"
			}
			return r, err
		})
	}},
	{"panics without messages", "hostile requests", func(b *backend) agent.LLM {
		return LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
			if req.Messages[0].Role == "" {
				return nil, errors.New("no role")
			}
			return b.Generate(ctx, req)
		})
	}},
	{"panics on an empty answer", "hostile answers", changed(func(_ *agent.Request, r *agent.Response) {
		if r.Text == "" && len(r.Calls) == 0 {
			panic("index out of range")
		}
	})},
	{"nothing at all", "hostile answers", failing(func(err error) (*agent.Response, error) {
		var le *agent.LLMError
		if errors.As(err, &le) && strings.Contains(err.Error(), "418") {
			return nil, nil
		}
		return nil, err
	})},
	{"response beside the error", "server errors", failing(func(err error) (*agent.Response, error) {
		return &agent.Response{Text: "partial"}, err
	})},
}

// The suite must see each bug, at the promise that it breaks.
func TestLLMSuiteCatchesPlantedBugs(t *testing.T) {
	seen := map[string]bool{}
	for _, bug := range llmBugs {
		t.Run(bug.name, func(t *testing.T) {
			broken := brokenPromises(func() LLMHarness {
				b := &backend{}
				return LLMHarness{LLM: bug.wrap(b), Answer: b.tell}
			})
			assert.Contains(t, broken, bug.breaks)
			for name := range broken {
				seen[name] = true
			}
		})
	}
	for _, p := range llmPromises {
		assert.True(t, seen[p.name], "no planted bug breaks the promise %q", p.name)
	}
}

func TestLLMSuiteAsksForArrived(t *testing.T) {
	broken := brokenPromises(func() LLMHarness {
		b := &backend{}
		return LLMHarness{LLM: b, Answer: func(a LLMAnswer) {
			hang := a.Hang
			a.Arrived = func() {}
			a.Hang = false // else the suite waits for a cancellation that Arrived brings
			if hang {
				a.Text = "no waiting"
			}
			b.tell(a)
		}}
	})
	require.Contains(t, broken, "one attempt")
	assert.ErrorContains(t, broken["one attempt"], "got 0 requests")
}

func TestLLMSuiteNamesThePromise(t *testing.T) {
	b := &backend{}
	p := llmPromises[0]
	err := p.check(LLMHarness{LLM: changed(func(_ *agent.Request, r *agent.Response) { r.Text = "" })(b), Answer: b.tell})
	assert.ErrorContains(t, err, `Text is ""; the backend said`)
	for _, p := range llmPromises {
		assert.NotEmpty(t, p.promise)
		assert.False(t, strings.HasSuffix(p.promise, "."), p.name)
	}
}

// The suite must fail the test it runs in, and say which promise was broken:
// seen from outside, in a process of its own.
func TestLLMSuiteFailsTheTest(t *testing.T) {
	const inside = "AGENTTEST_BROKEN_LLM"
	if os.Getenv(inside) != "" {
		TestLLM(t, func(*testing.T) LLMHarness {
			b := &backend{}
			mute := changed(func(_ *agent.Request, r *agent.Response) { r.Text = "" })
			return LLMHarness{LLM: mute(b), Answer: b.tell}
		})
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLLMSuiteFailsTheTest$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	assert.Contains(t, string(out), "--- FAIL: TestLLMSuiteFailsTheTest/text")
	assert.Contains(t, string(out), "an LLM returns the text of the answer, with StopEnd and without calls")
	assert.Contains(t, string(out), "--- PASS: TestLLMSuiteFailsTheTest/rate_limit")
}
