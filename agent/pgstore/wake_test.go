package pgstore

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

// program is a Mux with a store of its own, as another program would have.
func program(t *testing.T, dsn string, o *Options) (*agent.Mux, *Store, *agenttest.RecordingChannel) {
	t.Helper()
	channel, store := &agenttest.RecordingChannel{}, opened(t, dsn, o)
	a, err := agent.New(agent.Config{
		Name: "Support Agent", Instructions: "# FLOW\n1. Answer the question.", Workspace: frontdesk.Workspace{Name: "Acme"},
		LLM:   agenttest.Script(nil, agenttest.Say("We open at nine."), agenttest.Say("And close at five.")),
		Store: store, Channel: channel, Debounce: agent.Off, Timeouts: agent.Timeouts{Poll: time.Hour},
	})
	require.NoError(t, err)
	m, err := agent.NewMux(a)
	require.NoError(t, err)
	return m, store, channel
}

// A message that one program accepted is answered by the other, whose next
// look is an hour away; also after its connection was cut.
func TestNotify(t *testing.T) {
	dsn := pgtest.DSN(t)
	accepts, store, _ := program(t, dsn, &Options{Notify: true})
	runs, _, channel := program(t, dsn, &Options{Notify: true})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- runs.Run(ctx) }()
	listening := func() bool {
		return store.value(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'") == "1"
	}
	require.Eventually(t, listening, patience, 10*time.Millisecond)
	require.NoError(t, accepts.Accept(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "When do you open?"}))
	require.Eventually(t, func() bool { return len(channel.Texts()) == 1 }, patience, 10*time.Millisecond)

	store.value(t, "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'")
	require.NoError(t, accepts.Accept(ctx, frontdesk.Inbound{ID: "2", From: "+62811", Text: "And close?"}))
	require.Eventually(t, func() bool { return len(channel.Texts()) == 2 }, patience, 10*time.Millisecond)
	require.Eventually(t, listening, patience, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

// Who does not ask for it is not woken, and tells nobody.
func TestNoNotify(t *testing.T) {
	_, store, _ := program(t, pgtest.DSN(t), nil)
	require.NoError(t, store.Wake(t.Context(), func() { t.Error("woken") }))
	put := agent.Commit{Put: []agent.Task{{Due: start}}}
	assert.False(t, store.wakes(&put))
	store.notify = true
	assert.True(t, store.wakes(&put))
	assert.False(t, store.wakes(&agent.Commit{Put: []agent.Task{{}}}), "what is blocked is for nobody")
	assert.False(t, store.wakes(&agent.Commit{Put: put.Put, Fence: &agent.Fence{}}), "a worker goes on by himself")
}

// Those who tell at the same time share it, and nobody's telling began before
// they asked. Who fails, as a caller may whose context is done, does not tell
// for the others.
func TestHerald(t *testing.T) {
	for _, failures := range []int{0, 1} {
		h := newHerald()
		var all sync.WaitGroup
		began, release, sent := make(chan struct{}), make(chan struct{}), 0
		all.Go(func() {
			h.tell(t.Context(), func() error {
				sent++
				close(began)
				<-release
				return nil
			})
		})
		<-began
		for range 20 {
			all.Go(func() {
				h.tell(t.Context(), func() error {
					if sent++; sent-1 <= failures {
						return context.Canceled
					}
					return nil
				})
			})
		}
		require.Eventually(t, func() bool { return h.asked.Load() == 21 }, patience, time.Millisecond)
		close(release)
		all.Wait()
		assert.Equal(t, 2+failures, sent)
	}
}

// Whoever waits for another one's telling stops when their context is done.
func TestHeraldGivesUp(t *testing.T) {
	h := newHerald()
	began, release, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		h.tell(t.Context(), func() error {
			close(began)
			<-release
			return nil
		})
		close(told)
	}()
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.tell(ctx, func() error { return errors.New("it is not its turn") })
	close(release)
	<-told
}

// Close ends who listens, and nobody listens on a store that is closed.
func TestCloseEndsWake(t *testing.T) {
	s, err := Open(t.Context(), pgtest.DSN(t), &Options{Notify: true})
	require.NoError(t, err)
	listening, ended := make(chan struct{}), make(chan error)
	go func() { ended <- s.Wake(t.Context(), func() { close(listening) }) }()
	<-listening
	require.NoError(t, s.Close())
	require.ErrorContains(t, <-ended, "pgstore: listen: the store is closed")
	require.ErrorContains(t, s.Wake(t.Context(), func() { t.Error("woken") }), "pgstore: listen: the store is closed")
}
