package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// wakingStore is a store that tells of work, but for the first time, when it
// fails.
type wakingStore struct {
	agent.Store
	work  chan struct{}
	calls int
	ended bool
}

func (s *wakingStore) Wake(ctx context.Context, wake func()) error {
	if s.calls++; s.calls == 1 {
		return errors.New("not connected")
	}
	wake()
	for {
		select {
		case <-s.work:
			wake()
		case <-ctx.Done():
			s.ended = true
			return nil
		}
	}
}

// Work of another process wakes Run, whose own look is an hour away.
func TestRunIsWoken(t *testing.T) {
	shared := memstore.New()
	build := func(store agent.Store, channel agent.Channel) *agent.Mux {
		a, err := agent.New(agent.Config{
			Name: "Support Agent", Instructions: "# FLOW\n1. Answer the question.", Workspace: frontdesk.Workspace{Name: "Acme"},
			LLM: agenttest.Script(nil, agenttest.Say("We open at nine.")), Store: store, Channel: channel, Debounce: agent.Off,
			Timeouts: agent.Timeouts{Poll: time.Hour},
		})
		require.NoError(t, err)
		m, err := agent.NewMux(a)
		require.NoError(t, err)
		return m
	}
	waking := &wakingStore{Store: shared, work: make(chan struct{})}
	channel := &agenttest.RecordingChannel{}
	runs, accepts := build(waking, channel), build(shared, &agenttest.RecordingChannel{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- runs.Run(ctx) }()
	waking.work <- struct{}{} // it listens
	require.NoError(t, accepts.Accept(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "When do you open?"}))
	waking.work <- struct{}{}
	require.Eventually(t, func() bool { return len(channel.Texts()) == 1 }, 5*time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	assert.True(t, waking.ended, "Run returned when all that it started had stopped")
	assert.Equal(t, 2, waking.calls, "a Waker that failed is asked again")
}
