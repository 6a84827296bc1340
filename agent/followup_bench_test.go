package agent_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// pendingStore is a store with n conversations, each with a ladder that waits
// for its time, and what it costs to have them wait.
func pendingStore(b *testing.B, n int, start time.Time) (store agent.Store, bytesEach float64) {
	b.Helper()
	s := memstore.New()
	ctx := b.Context()
	conv := func(i int) frontdesk.Conversation {
		return frontdesk.Conversation{
			ID: fmt.Sprintf("conv-%026d", i), ContactID: fmt.Sprintf("cont-%026d", i), Channel: "c", Status: frontdesk.Open,
			Assignee: frontdesk.Assignee{Kind: frontdesk.AssigneeAgent, ID: "a-sales"}, Epoch: 1, Created: start, LastInbound: start,
		}
	}
	for i := range n {
		c := conv(i)
		require.NoError(b, s.Commit(ctx, agent.Commit{
			Contact:      &frontdesk.Contact{ID: c.ContactID, Created: start, Identities: []frontdesk.Identity{{Channel: "c", Address: c.ID}}},
			Conversation: &c,
		}))
	}
	before := heap()
	for i := range n {
		c := conv(i)
		c.Version = 1
		require.NoError(b, s.Commit(ctx, agent.Commit{Conversation: &c, Put: []agent.Task{armed(c.ID, i, start)}}))
	}
	return s, float64(heap()-before) / float64(n)
}

// benchMux is a Mux whose agents have what ladders do.
func benchMux(b *testing.B, store agent.Store, clock frontdesk.Clock) *agent.Mux {
	b.Helper()
	cfg := agent.Config{
		Name: "Sales Agent", Instructions: prompt, Workspace: workspace(), LLM: loopLLM(), Store: store,
		Channel: nullChannel{}, Clock: clock, Actions: []actions.Action{actions.Assign(), actions.Close(), actions.UpdateStage()},
	}
	a, err := agent.New(cfg)
	require.NoError(b, err)
	cfg.Name = "Support Agent"
	other, err := agent.New(cfg)
	require.NoError(b, err)
	m, err := agent.NewMux(a, other)
	require.NoError(b, err)
	return m
}

// armed is a ladder that waits, due a day from start and later.
func armed(conversationID string, i int, start time.Time) agent.Task {
	after := fmt.Sprintf("mess-%031d", i)
	s, _ := followup.Arm(benchLadder, followup.ArmOptions{After: after, Agent: "a-sales", Epoch: 1})
	s = s.Settled(after, start.Add(time.Duration(i)*time.Millisecond))
	due, _ := s.Due()
	return agent.Task{
		ConversationID: conversationID, Kind: agent.TaskFollowUp, Due: due, TurnID: fmt.Sprintf("turn-%031d", i),
		Trigger: agent.Trigger{Kind: agent.TriggerFollowUp}, Ladder: &s,
	}
}

var benchLadder = func() followup.Ladder {
	l := goLadder()
	l.Steps[0].Delay = followup.Delay(24 * time.Hour)
	return l
}()

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFollowUps arms, cancels and fires one follow-up while others wait.
// The cost must hardly grow with their number, and a pending ladder takes less
// than 500 bytes beyond its own text.
func BenchmarkFollowUps(b *testing.B) {
	sizes := []int{1_000, 1_000_000}
	if testing.Short() {
		sizes = []int{1_000, 10_000}
	}
	for _, n := range sizes {
		clock := agenttest.NewFakeClock()
		store, each := pendingStore(b, n, clock.Now())
		b.Run(fmt.Sprintf("arm+cancel/pending=%d", n), func(b *testing.B) {
			ctx := b.Context()
			view, err := store.Load(ctx, agent.Query{ConversationID: fmt.Sprintf("conv-%026d", n/2), Tasks: true})
			require.NoError(b, err)
			conv := *view.Conversation
			task := armed(conv.ID, n/2, clock.Now())
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c1 := conv
				require.NoError(b, store.Commit(ctx, agent.Commit{Conversation: &c1, Delete: []agent.TaskKind{agent.TaskFollowUp}}))
				conv.Version++
				c2 := conv
				require.NoError(b, store.Commit(ctx, agent.Commit{Conversation: &c2, Put: []agent.Task{task}}))
				conv.Version++
			}
			b.ReportMetric(each, "bytes/pending")
		})
		b.Run(fmt.Sprintf("fire/pending=%d", n), func(b *testing.B) {
			m := benchMux(b, store, clock)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				due, ok, err := m.NextDue(b.Context())
				require.NoError(b, err)
				if !ok { // more were fired than wait: start over
					b.StopTimer()
					store, _ := pendingStore(b, n, clock.Now())
					m = benchMux(b, store, clock)
					b.StartTimer()
					continue
				}
				if due.After(clock.Now()) {
					clock.Set(due)
				}
				_, err = m.RunDue(b.Context())
				require.NoError(b, err)
			}
		})
	}
}
