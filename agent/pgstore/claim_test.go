package pgstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// A claim that waits for a lane holds none meanwhile: a commit takes the lanes
// of a conversation in another order than a claim meets them.
func TestClaimHoldsNoLaneWhileItWaits(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a", agent.Task{Kind: agent.TaskTurn, Due: start}, agent.Task{Kind: agent.TaskSend, Due: start.Add(time.Second)})
	turn := held(t, s, "UPDATE frontdesk.lanes SET due = NULL WHERE lane = 'turn'")
	send := held(t, s, "SELECT FROM frontdesk.lanes WHERE lane = 'send' FOR NO KEY UPDATE")
	type result struct {
		agent.Claimed
		err error
	}
	claimed := make(chan result, 1)
	go func() {
		got, err := s.Claim(t.Context(), agent.ClaimQuery{Now: start.Add(time.Second), Until: start.Add(time.Minute), Max: 10})
		claimed <- result{got, err}
	}()
	turn.delays(s, false)
	turn.end()
	send.delays(s, false)
	_, err := send.Exec(t.Context(), "SELECT FROM frontdesk.lanes WHERE lane = 'turn' FOR NO KEY UPDATE NOWAIT")
	require.NoError(t, err)
	send.end()
	got := <-claimed
	require.NoError(t, got.err)
	require.Len(t, got.Tasks, 1)
	assert.Equal(t, agent.TaskSend, got.Tasks[0].Kind)
}
