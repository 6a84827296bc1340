package agenttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// The operations that a Plan is asked about.
const (
	OpLoad   = "load"
	OpClaim  = "claim"
	OpAppend = "append"
	OpCommit = "commit"
	OpSend   = "send"
)

// Op is one call of a faulty store or channel.
type Op struct {
	// Name is one of the Op constants.
	Name string
	// N counts all calls under the plan, Nth those of this Name, from 1.
	N, Nth int
	// Arg is the argument: an agent.Query, agent.ClaimQuery, agent.Append,
	// agent.Commit or agent.Outbound.
	Arg any
}

// String gives the name and both counts.
func (o Op) String() string { return fmt.Sprintf("%s %d (call %d)", o.Name, o.Nth, o.N) }

// Plan says what goes wrong with the calls of a [FaultyStore] and a
// [FaultyChannel], and lets a test look at each, stop it and let it go. Its
// fields may be nil; they are called from whatever goroutine makes the call.
// The zero value changes nothing. Doubles that share a plan share its count,
// so that "the n-th call" is that of a whole process.
//
// A scheduler that wants one call to happen at a time waits in Before until
// it is that call's turn.
type Plan struct {
	// Before is called before the call has any effect. An error: it has none,
	// and the error is the answer.
	Before func(ctx context.Context, op Op) error
	// After is called when the call has had its effect and answered err. What
	// After returns is the answer instead; an error in place of nil is an
	// effect whose answer was lost.
	After func(ctx context.Context, op Op, err error) error
	// Twice reports whether the call has its effect twice, as a request does
	// that the network repeats. The first answer counts.
	Twice func(op Op) bool
	// Late reports whether the call answers ErrUnknown at once and has its
	// effect after the next call, or at [Plan.Flush]: it is overtaken.
	Late func(op Op) bool

	mu    sync.Mutex
	n     int
	nth   map[string]int
	late  []func()
	trace []Op
}

// Ops returns the calls so far, in order, without their arguments.
func (p *Plan) Ops() []Op {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.trace)
}

// Flush lets what is late have its effect.
func (p *Plan) Flush() { p.settle() }

func (p *Plan) settle() {
	p.mu.Lock()
	late := p.late
	p.late = nil
	p.mu.Unlock()
	for _, f := range late {
		f()
	}
}

func (p *Plan) begin(name string, arg any) Op {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nth == nil {
		p.nth = map[string]int{}
	}
	p.n++
	p.nth[name]++
	op := Op{Name: name, N: p.n, Nth: p.nth[name]}
	p.trace = append(p.trace, op)
	op.Arg = arg
	return op
}

// do makes a call go by the plan.
func do[T any](ctx context.Context, p *Plan, name string, arg any, call func(context.Context) (T, error)) (T, error) {
	var none T
	op := p.begin(name, arg)
	if p.Before != nil {
		if err := p.Before(ctx, op); err != nil {
			return none, err
		}
	}
	if p.Late != nil && p.Late(op) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.late = append(p.late, func() {
			// Nobody is there any more to hear the answer.
			_, _ = call(context.WithoutCancel(ctx))
		})
		return none, fmt.Errorf("%s: %w", op, ErrUnknown)
	}
	out, err := call(ctx)
	if p.Twice != nil && p.Twice(op) {
		_, _ = call(ctx) // the first answer counts
	}
	p.settle()
	if p.After != nil {
		err = p.After(ctx, op, err)
	}
	return out, err
}

// ErrCrashed is the answer of every call after a crash: the process that
// makes them is dead, and nothing that it still does has any effect.
var ErrCrashed = errors.New("agenttest: the process has crashed: go on with new doubles around the same store")

// Match chooses calls.
type Match func(op Op) bool

// Nth matches the n-th call of all, from 1.
func Nth(n int) Match { return func(op Op) bool { return op.N == n } }

// NthOf matches the n-th call of that name, from 1.
func NthOf(name string, n int) Match {
	return func(op Op) bool { return op.Name == name && op.Nth == n }
}

// Each matches every call of these names; without names, every call.
func Each(names ...string) Match {
	return func(op Op) bool { return len(names) == 0 || slices.Contains(names, op.Name) }
}

// FailBefore fails the calls with err, and they have no effect. A nil err is
// ErrUnknown.
func FailBefore(m Match, err error) *Plan {
	return &Plan{Before: func(_ context.Context, op Op) error { return failure(m, op, err) }}
}

// FailAfter lets the calls have their effect and fails them with err then, as
// a lost answer does. A nil err is ErrUnknown. Calls that failed anyway keep
// their error.
func FailAfter(m Match, err error) *Plan {
	return &Plan{After: func(_ context.Context, op Op, was error) error {
		if was != nil {
			return was
		}
		return failure(m, op, err)
	}}
}

func failure(m Match, op Op, err error) error {
	if !m(op) {
		return nil
	}
	if err == nil {
		err = ErrUnknown
	}
	return fmt.Errorf("%s: %w", op, err)
}

// Repeat lets the calls have their effect twice.
func Repeat(m Match) *Plan { return &Plan{Twice: m} }

// Delay lets the calls answer ErrUnknown and have their effect after the
// next call.
func Delay(m Match) *Plan { return &Plan{Late: m} }

// CrashBefore crashes the process before the first call that matches: it and
// all later ones answer ErrCrashed and have no effect.
func CrashBefore(m Match) *Plan {
	var dead crash
	return &Plan{Before: func(_ context.Context, op Op) error { return dead.now(m(op)) }}
}

// CrashAfter crashes the process after the first call that matches: that one
// has its effect and answers ErrCrashed, as all later ones do, which have
// none.
func CrashAfter(m Match) *Plan {
	var dead crash
	return &Plan{
		Before: func(context.Context, Op) error { return dead.now(false) },
		After: func(_ context.Context, op Op, was error) error {
			if err := dead.now(m(op)); err != nil {
				return err
			}
			return was
		},
	}
}

type crash struct {
	mu   sync.Mutex
	over bool
}

func (c *crash) now(crashed bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over = c.over || crashed; c.over {
		return ErrCrashed
	}
	return nil
}

// AtRandom lets a call, with this probability, fail before its effect, fail
// after it, time out, happen twice or be overtaken. The same seed gives the
// same faults to the same calls, whatever goroutine makes them.
func AtRandom(seed uint64, probability float64) *Plan {
	const before, timeout, after, twice, late, kinds = 0, 1, 2, 3, 4, 5
	fate := func(op Op) int {
		rng := rand.New(rand.NewPCG(seed, uint64(op.N)))
		if rng.Float64() >= probability {
			return kinds
		}
		return rng.IntN(kinds)
	}
	is := func(kind int) Match { return func(op Op) bool { return fate(op) == kind } }
	return Plans(
		FailBefore(is(before), ErrUnknown), FailBefore(is(timeout), context.DeadlineExceeded), FailAfter(is(after), ErrUnknown),
		Repeat(is(twice)), Delay(is(late)),
	)
}

// Plans is a plan of several: the first error of a Before counts, After goes
// through all in order, and a call is repeated or late if one of them says
// so. The count is that of the whole.
func Plans(plans ...*Plan) *Plan {
	either := func(of func(*Plan) func(Op) bool) func(Op) bool {
		return func(op Op) bool {
			return slices.ContainsFunc(plans, func(p *Plan) bool { f := of(p); return f != nil && f(op) })
		}
	}
	return &Plan{
		Before: func(ctx context.Context, op Op) error {
			for _, p := range plans {
				if p.Before != nil {
					if err := p.Before(ctx, op); err != nil {
						return err
					}
				}
			}
			return nil
		},
		After: func(ctx context.Context, op Op, err error) error {
			for _, p := range plans {
				if p.After != nil {
					err = p.After(ctx, op, err)
				}
			}
			return err
		},
		Twice: either(func(p *Plan) func(Op) bool { return p.Twice }),
		Late:  either(func(p *Plan) func(Op) bool { return p.Late }),
	}
}
