package main

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// call is one call of a store, as the engine made it.
type call struct {
	load   *agent.Query
	claim  *agent.ClaimQuery
	claims int // how many tasks that claim gave
	append *agent.Append
	commit *agent.Commit
}

// writes reports whether a store has to write for the call.
func (c call) writes() bool { return c.load == nil && (c.claim == nil || c.claims > 0) }

// recorder is a store that writes down what it is asked.
type recorder struct {
	agent.Store
	mu    sync.Mutex
	calls []call
}

func (r *recorder) note(c call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// take returns what was written down since the last time.
func (r *recorder) take() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.calls
	r.calls = nil
	return out
}

func (r *recorder) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	r.note(call{load: &q})
	return r.Store.Load(ctx, q)
}

func (r *recorder) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	out, err := r.Store.Claim(ctx, q)
	r.note(call{claim: &q, claims: len(out.Tasks)})
	return out, err
}

func (r *recorder) Append(ctx context.Context, a agent.Append) error {
	r.note(call{append: &a})
	return r.Store.Append(ctx, a)
}

func (r *recorder) Commit(ctx context.Context, c agent.Commit) error {
	r.note(call{commit: &c})
	return r.Store.Commit(ctx, c)
}

// player makes recorded calls of one conversation again, on another store.
type player struct {
	store agent.Store
	// tokens are those that the other store gave for the lanes.
	tokens map[agent.Lane]int64
}

func newPlayer(s agent.Store) *player { return &player{store: s, tokens: map[agent.Lane]int64{}} }

// play makes the calls one after the other. What a call returns must agree
// with what it returned when it was recorded.
func (p *player) play(ctx context.Context, calls []call) error {
	for i, c := range calls {
		if err := p.one(ctx, c); err != nil {
			return fmt.Errorf("perf: call %d of %d: %w", i+1, len(calls), err)
		}
	}
	return nil
}

func (p *player) one(ctx context.Context, c call) error {
	switch {
	case c.load != nil:
		_, err := p.store.Load(ctx, *c.load)
		return err
	case c.claim != nil:
		got, err := p.store.Claim(ctx, *c.claim)
		if err == nil && len(got.Tasks) != c.claims {
			err = fmt.Errorf("a claim gave %d tasks and not %d", len(got.Tasks), c.claims)
		}
		for _, t := range got.Tasks {
			p.tokens[t.Fence.Lane] = t.Fence.Token
		}
		return err
	case c.append != nil:
		a := *c.append
		a.Fence.Token = p.tokens[a.Fence.Lane]
		return p.store.Append(ctx, a)
	}
	again := *c.commit
	again.Dedupe = maps.Clone(again.Dedupe)
	if again.Fence != nil {
		f := *again.Fence
		f.Token = p.tokens[f.Lane]
		again.Fence = &f
	}
	return p.store.Commit(ctx, again)
}
