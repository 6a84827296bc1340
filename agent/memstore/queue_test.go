package memstore

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// modelLane is what the queue knows of a lane, without any heap.
type modelLane struct {
	due   time.Time // zero: no task
	until time.Time
	fence *agent.Fence
}

func (m *modelLane) free(now time.Time) bool { return m.fence == nil || !m.until.After(now) }

// TestQueueAgainstAModel compares the heaps with a walk over all lanes, under
// operations at random and a clock that goes both ways.
func TestQueueAgainstAModel(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s := New()
		const lanes = 12
		model := make([]modelLane, lanes)
		for i := range lanes {
			require.NoError(t, s.Commit(ctx, newConversation(i)))
		}
		at := func() time.Time { return t0.Add(time.Duration(rng.IntN(50)) * time.Second) }
		for step := range 300 {
			i := rng.IntN(lanes)
			id, m := fmt.Sprintf("conv-%d", i), &model[i]
			conv := load(t, s, agent.Query{ConversationID: id}).Conversation
			where := fmt.Sprintf("seed %d, step %d", seed, step)
			switch rng.IntN(6) {
			case 0, 1: // put, or block
				m.due = at()
				if rng.IntN(4) == 0 {
					m.due = time.Time{}
				}
				commit(t, s, agent.Commit{Conversation: conv, Put: []agent.Task{{ConversationID: id, Kind: agent.TaskTurn, Due: m.due}}})
			case 2:
				m.due = time.Time{}
				commit(t, s, agent.Commit{Conversation: conv, Delete: []agent.TaskKind{agent.TaskTurn}})
			case 3: // release
				if m.fence != nil {
					commit(t, s, agent.Commit{Fence: m.fence, Release: true})
					m.fence = nil
				}
			case 4: // renew
				if m.fence != nil {
					m.until = at().Add(time.Minute)
					require.NoError(t, s.Append(ctx, agent.Append{Fence: *m.fence, Until: m.until}), where)
				}
			case 5:
				claimAgainst(t, s, model, agent.ClaimQuery{Now: at(), Max: 1 + rng.IntN(4)}, where)
			}
			checkHeaps(t, s, where)
		}
	}
}

func claimAgainst(t *testing.T, s *Store, model []modelLane, q agent.ClaimQuery, where string) {
	q.Until = q.Now.Add(20 * time.Second)
	got, err := s.Claim(ctx, q)
	require.NoError(t, err, where)
	claimable := 0
	for i := range model {
		if m := &model[i]; !m.due.IsZero() && !m.due.After(q.Now) && m.free(q.Now) {
			claimable++
		}
	}
	require.Len(t, got.Tasks, min(claimable, q.Max), where)
	var last time.Time
	for _, c := range got.Tasks {
		var i int
		_, err := fmt.Sscanf(c.ConversationID, "conv-%d", &i)
		require.NoError(t, err, where)
		m := &model[i]
		require.True(t, m.free(q.Now) && m.due.Equal(c.Due) && !c.Due.After(q.Now), where)
		require.False(t, c.Due.Before(last), "%s: oldest due first", where)
		last = c.Due
		m.until, m.fence = q.Until, &c.Fence
	}
	var next time.Time
	for i := range model {
		m := &model[i]
		if m.due.IsZero() {
			continue
		}
		at := m.due
		if m.fence != nil {
			at = later(at, m.until)
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	switch left := claimable - len(got.Tasks); {
	case left > 0:
		require.False(t, got.Next.After(q.Now), "%s: Max left %d", where, left)
	default:
		require.Equal(t, next, got.Next, "%s: Next", where)
	}
	for i := range model { // none left that was older
		if m := &model[i]; !m.due.IsZero() && m.free(q.Now) && len(got.Tasks) == q.Max {
			require.False(t, m.due.Before(last) && !m.due.After(q.Now), "%s: an older one was left", where)
		}
	}
}

// checkHeaps checks the order of both heaps, and that each lane knows its
// place.
func checkHeaps(t *testing.T, s *Store, where string) {
	for _, h := range []*laneHeap{&s.queue.ready, &s.queue.leased} {
		for i, l := range h.lanes {
			require.Equal(t, i, l.pos, where)
			require.Same(t, h, l.heap, where)
			if i > 0 {
				require.False(t, l.key.Before(h.lanes[(i-1)/2].key), where)
			}
		}
	}
}

// Reliability rule 9: what cannot be claimed costs a claim nothing.
func TestBlockedAndLeasedLanesAreOutOfTheWay(t *testing.T) {
	s := New()
	for i := range 300 {
		task := agent.Task{Kind: agent.TaskTurn}
		if i%3 == 0 {
			task.Due = t0
		}
		commit(t, s, newConversation(i, task))
	}
	assert.Len(t, s.queue.ready.lanes, 100)
	assert.Len(t, claim(t, s, t0, 60).Tasks, 60)
	assert.Len(t, s.queue.ready.lanes, 40)
	assert.Len(t, s.queue.leased.lanes, 60)
}
