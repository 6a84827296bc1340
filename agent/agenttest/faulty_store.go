package agenttest

import (
	"context"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// FaultyStore is a Store that goes wrong by a plan. Calls that the plan lets
// through are those of the inner store.
type FaultyStore struct {
	inner agent.Store
	plan  *Plan
}

var _ agent.Store = (*FaultyStore)(nil)

// NewFaultyStore returns a Store that goes wrong by the plan and is otherwise
// the inner one. A nil plan changes nothing.
func NewFaultyStore(inner agent.Store, plan *Plan) *FaultyStore {
	if plan == nil {
		plan = &Plan{}
	}
	return &FaultyStore{inner, plan}
}

// Load implements [agent.Store].
func (s *FaultyStore) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	v, err := do(ctx, s.plan, OpLoad, q, func(ctx context.Context) (agent.View, error) { return s.inner.Load(ctx, q) })
	if err != nil {
		return agent.View{}, err
	}
	return v, nil
}

// Claim implements [agent.Store].
func (s *FaultyStore) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	c, err := do(ctx, s.plan, OpClaim, q, func(ctx context.Context) (agent.Claimed, error) { return s.inner.Claim(ctx, q) })
	if err != nil {
		return agent.Claimed{}, err
	}
	return c, nil
}

// Append implements [agent.Store].
func (s *FaultyStore) Append(ctx context.Context, a agent.Append) error {
	_, err := do(ctx, s.plan, OpAppend, a, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.inner.Append(ctx, a) })
	return err
}

// Commit implements [agent.Store].
func (s *FaultyStore) Commit(ctx context.Context, c agent.Commit) error {
	_, err := do(ctx, s.plan, OpCommit, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.inner.Commit(ctx, c) })
	return err
}
