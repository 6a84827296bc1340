package memstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

var (
	ctx = context.Background()
	t0  = time.Date(2025, 1, 6, 9, 0, 0, 0, time.UTC)
)

// newConversation is a commit that makes contact and conversation n, with one
// message and a task.
func newConversation(n int, tasks ...agent.Task) agent.Commit {
	conv := fmt.Sprintf("conv-%d", n)
	contact := fmt.Sprintf("contact-%d", n)
	for i := range tasks {
		tasks[i].ConversationID = conv
	}
	return agent.Commit{
		Contact:      &frontdesk.Contact{ID: contact, Identities: []frontdesk.Identity{{Channel: "chat", Address: contact}}},
		Conversation: &frontdesk.Conversation{ID: conv, ContactID: contact, Channel: "chat", Status: frontdesk.Open, LastSeq: 1},
		Messages: []frontdesk.Message{{
			ID: "m-" + conv, ConversationID: conv, Seq: 1, Direction: frontdesk.DirInbound, Text: "hello", At: t0,
		}},
		Put: tasks,
	}
}

func claim(t testing.TB, s *Store, now time.Time, n int) agent.Claimed {
	t.Helper()
	got, err := s.Claim(ctx, agent.ClaimQuery{Now: now, Until: now.Add(time.Minute), Worker: "w", Max: n})
	require.NoError(t, err)
	return got
}

func TestClaimLoadCommit(t *testing.T) {
	s := New()
	require.NoError(t, s.Commit(ctx, newConversation(1, agent.Task{Kind: agent.TaskTurn, Due: t0, TurnID: "turn-1"})))
	require.ErrorIs(t, s.Commit(ctx, newConversation(1)), agent.ErrConflict)

	got := claim(t, s, t0, 10)
	require.Len(t, got.Tasks, 1)
	assert.Equal(t, t0.Add(time.Minute), got.Next)
	fence := got.Tasks[0].Fence
	require.NoError(t, s.Append(ctx, agent.Append{Fence: fence, Rows: []agent.Entry{{TurnID: "turn-1", N: 1, Kind: agent.EntryStart}}}))

	v, err := s.Load(ctx, agent.Query{ConversationID: "conv-1", History: 20, Waiting: true, Tasks: true, TurnID: "turn-1"})
	require.NoError(t, err)
	require.Len(t, v.Waiting, 1)
	require.Len(t, v.Journal, 1)
	assert.Equal(t, 1, v.Task(agent.TaskTurn).Attempts)
	msg := v.Waiting[0]
	msg.TurnID = "turn-1"
	require.NoError(t, s.Commit(ctx, agent.Commit{
		Fence: &fence, Release: true, Conversation: v.Conversation,
		Messages: []frontdesk.Message{msg}, Turns: []agent.Turn{{ID: "turn-1", ConversationID: "conv-1"}},
		Delete: []agent.TaskKind{agent.TaskTurn},
	}))
	assert.Empty(t, v.Waiting[0].TurnID, "what was returned stays as it was")
	require.ErrorIs(t, s.Append(ctx, agent.Append{Fence: fence}), agent.ErrFenced)
	assert.Zero(t, claim(t, s, t0.Add(time.Hour), 10))
}
