package memstore

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// A whole turn, as the engine asks it of a store: accept, think, send.
func BenchmarkTurn(b *testing.B) {
	for _, history := range []int{0, 100} {
		b.Run(fmt.Sprintf("history=%d", history), func(b *testing.B) {
			s := New()
			const conversations = 1000
			for i := range conversations {
				require.NoError(b, s.Commit(ctx, newConversation(i)))
				conv := load(b, s, agent.Query{ConversationID: fmt.Sprintf("conv-%d", i)}).Conversation
				c := agent.Commit{Conversation: conv}
				for n := range history {
					c.Messages = append(c.Messages, frontdesk.Message{
						ID: fmt.Sprintf("old-%d-%d", i, n), ConversationID: conv.ID, Seq: int64(n + 2), Direction: frontdesk.DirInbound, TurnID: "old", Text: "hello",
					})
				}
				next := *conv
				next.LastSeq += int64(history)
				c.Conversation = &next
				require.NoError(b, s.Commit(ctx, c))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				oneTurn(b, s, n%conversations, strconv.Itoa(n), t0)
			}
		})
	}
}

func load(t testing.TB, s *Store, q agent.Query) agent.View {
	v, err := s.Load(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func commit(t testing.TB, s *Store, c agent.Commit) {
	if err := s.Commit(ctx, c); err != nil {
		t.Fatal(err)
	}
}

func oneTurn(t testing.TB, s *Store, i int, id string, now time.Time) {
	address := "contact-" + strconv.Itoa(i)
	v := load(t, s, agent.Query{Identity: frontdesk.Identity{Channel: "chat", Address: address}, DedupeKey: id, Tasks: true, Waiting: true})
	conv := *v.Conversation
	conv.LastSeq++
	in := frontdesk.Message{ID: "in-" + id, ConversationID: conv.ID, Seq: conv.LastSeq, Direction: frontdesk.DirInbound, Text: "hello", ProviderID: id, At: now}
	turnID := "turn-" + id
	commit(t, s, agent.Commit{
		Dedupe: map[string]string{id: in.ID}, Conversation: &conv, Messages: []frontdesk.Message{in}, Delete: []agent.TaskKind{agent.TaskFollowUp},
		Put: []agent.Task{{ConversationID: conv.ID, Kind: agent.TaskTurn, Due: now, TurnID: turnID}},
	})

	turn := claimOf(t, s, conv.ID, now)
	v = load(t, s, agent.Query{ConversationID: conv.ID, History: 20, Turns: true, Waiting: true, TurnID: turnID, Tasks: true})
	for n := 1; n <= 2; n++ {
		row := agent.Entry{TurnID: turnID, N: n, Kind: agent.EntryAnswer, At: now}
		if err := s.Append(ctx, agent.Append{Fence: turn.Fence, Until: now.Add(time.Minute), Rows: []agent.Entry{row}}); err != nil {
			t.Fatal(err)
		}
	}
	conv = *v.Conversation
	conv.LastSeq++
	in.TurnID = turnID
	out := frontdesk.Message{ID: "out-" + id, ConversationID: conv.ID, Seq: conv.LastSeq, Direction: frontdesk.DirOutbound, TurnID: turnID, Text: "hi", Status: frontdesk.Queued}
	commit(t, s, agent.Commit{
		Fence: &turn.Fence, Release: true, Conversation: &conv, Messages: []frontdesk.Message{in, out},
		Turns: []agent.Turn{{ID: turnID, ConversationID: conv.ID}}, Delete: []agent.TaskKind{agent.TaskTurn},
		Put: []agent.Task{{ConversationID: conv.ID, Kind: agent.TaskSend, Due: now}, {ConversationID: conv.ID, Kind: agent.TaskFollowUp}},
	})

	send := claimOf(t, s, conv.ID, now)
	v = load(t, s, agent.Query{ConversationID: conv.ID, Outbox: true})
	for _, status := range []frontdesk.DeliveryStatus{frontdesk.Sending, frontdesk.Sent} {
		out.Status = status
		c := agent.Commit{Fence: &send.Fence, Messages: []frontdesk.Message{out}}
		if status == frontdesk.Sent {
			c.Release, c.Delete = true, []agent.TaskKind{agent.TaskSend}
		}
		commit(t, s, c)
	}
	if len(v.Outbox) != 1 {
		t.Fatalf("outbox: %v", v.Outbox)
	}
}

func claimOf(t testing.TB, s *Store, id string, now time.Time) agent.ClaimedTask {
	got, err := s.Claim(ctx, agent.ClaimQuery{Now: now, Until: now.Add(time.Minute), Worker: "w", Max: 4, ConversationID: id})
	if err != nil || len(got.Tasks) != 1 {
		t.Fatalf("claim of %s: %v %v", id, got, err)
	}
	return got.Tasks[0]
}

// Arming, moving and cancelling one ladder among very many.
func BenchmarkFollowUps(b *testing.B) {
	const pending = 200_000
	s := withLadders(b, pending)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		id := "conv-" + strconv.Itoa(n%pending)
		conv := load(b, s, agent.Query{ConversationID: id}).Conversation
		commit(b, s, agent.Commit{Conversation: conv, Delete: []agent.TaskKind{agent.TaskFollowUp}})
		conv = load(b, s, agent.Query{ConversationID: id}).Conversation
		commit(b, s, agent.Commit{Conversation: conv, Put: []agent.Task{ladderTask(id, n)}})
		claimOrNothing(b, s)
	}
}

func claimOrNothing(t testing.TB, s *Store) {
	if _, err := s.Claim(ctx, agent.ClaimQuery{Now: t0, Until: t0.Add(time.Minute), Max: 10}); err != nil {
		t.Fatal(err)
	}
}

var ladder = followup.Ladder{Steps: []followup.Step{{Delay: followup.Delay(time.Hour)}, {Delay: followup.Delay(time.Hour)}}}

func ladderTask(id string, n int) agent.Task {
	return agent.Task{
		ConversationID: id, Kind: agent.TaskFollowUp, Due: t0.Add(time.Duration(1+n*7919%86400) * time.Second),
		Ladder: &followup.State{Ladder: ladder},
	}
}

func withLadders(t testing.TB, n int) *Store {
	s := New()
	for i := range n {
		commit(t, s, newConversation(i))
	}
	for i := range n {
		id := "conv-" + strconv.Itoa(i)
		conv := load(t, s, agent.Query{ConversationID: id}).Conversation
		commit(t, s, agent.Commit{Conversation: conv, Put: []agent.Task{ladderTask(id, i)}})
	}
	return s
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// S8.9, I28: a pending ladder costs little, and one that is cancelled
// nothing.
func TestPendingLaddersAreSmall(t *testing.T) {
	const n = 8_000
	s := New()
	for i := range n {
		commit(t, s, newConversation(i))
	}
	put := func(tasks func(id string, i int) ([]agent.Task, []agent.TaskKind)) {
		for i := range n {
			id := "conv-" + strconv.Itoa(i)
			conv := load(t, s, agent.Query{ConversationID: id}).Conversation
			put, del := tasks(id, i)
			commit(t, s, agent.Commit{Conversation: conv, Put: put, Delete: del})
		}
	}
	none := heap()
	put(func(id string, i int) ([]agent.Task, []agent.TaskKind) { return []agent.Task{ladderTask(id, i)}, nil })
	armed := heap()
	perLadder := (int64(armed) - int64(none)) / n
	t.Logf("%d bytes for each pending ladder", perLadder)
	assert.Less(t, perLadder, int64(500))
	put(func(string, int) ([]agent.Task, []agent.TaskKind) { return nil, []agent.TaskKind{agent.TaskFollowUp} })
	left := (int64(heap()) - int64(none)) / n
	t.Logf("%d bytes left of each cancelled ladder", left)
	assert.Less(t, left, int64(64))
	runtime.KeepAlive(s)
}
