package agenttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// A faulty store whose plan does nothing is as good as the inner one.
func TestFaultyStoreKeepsTheContract(t *testing.T) {
	TestStore(t, func(*testing.T) agent.Store { return NewFaultyStore(memstore.New(), nil) })
}

// keyed makes commits that each leave a key, and says which are there.
type keyed struct {
	store, inner agent.Store
	plan         *Plan
}

func newKeyed(plan *Plan) keyed {
	inner := memstore.New()
	return keyed{NewFaultyStore(inner, plan), inner, plan}
}

func (k keyed) commit(key string) error {
	return k.store.Commit(context.Background(), agent.Commit{Dedupe: map[string]string{key: key}})
}

func (k keyed) has(t *testing.T, key string) bool {
	v, err := k.inner.Load(context.Background(), agent.Query{DedupeKey: key})
	require.NoError(t, err)
	return v.Duplicate == key
}

func TestFaultsBeforeAndAfterTheEffect(t *testing.T) {
	boom := errors.New("disk full")
	k := newKeyed(Plans(FailBefore(NthOf(OpCommit, 2), boom), FailAfter(NthOf(OpCommit, 3), nil)))
	require.NoError(t, k.commit("1"))
	require.ErrorIs(t, k.commit("2"), boom)
	assert.False(t, k.has(t, "2"))
	require.ErrorIs(t, k.commit("3"), ErrUnknown)
	assert.True(t, k.has(t, "3"), "an unknown commit that was written")
	require.NoError(t, k.commit("2"), "the same again")
	// A commit that is refused anyway keeps its own error.
	lost := newKeyed(FailAfter(Each(OpCommit), nil))
	require.ErrorIs(t, lost.commit("1"), ErrUnknown)
	require.ErrorIs(t, lost.commit("1"), agent.ErrDuplicate)
}

func TestRepeatedAndOvertakenCalls(t *testing.T) {
	k := newKeyed(Plans(Repeat(NthOf(OpCommit, 1)), Delay(NthOf(OpCommit, 2))))
	require.NoError(t, k.commit("1"), "the second time is refused, and the first answer counts")
	require.ErrorIs(t, k.commit("2"), ErrUnknown)
	assert.False(t, k.has(t, "2"), "it is on its way")
	require.NoError(t, k.commit("3"))
	assert.True(t, k.has(t, "2"), "it has arrived after the next call")

	k = newKeyed(Delay(Each()))
	require.ErrorIs(t, k.commit("1"), ErrUnknown)
	k.plan.Flush()
	assert.True(t, k.has(t, "1"))
}

// S10.1: an overtaken send is what a channel's queue may do to us.
func TestOvertakenSend(t *testing.T) {
	c := &RecordingChannel{}
	faulty := NewFaultyChannel(c, Delay(Nth(1)))
	for i, want := range []error{ErrUnknown, nil} {
		_, err := faulty.Send(context.Background(), agent.Outbound{Key: fmt.Sprint(i), To: "x", Text: fmt.Sprint(i)})
		require.ErrorIs(t, err, want)
	}
	assert.Equal(t, []string{"1", "0"}, c.Texts())
}

func TestCrashes(t *testing.T) {
	before := newKeyed(CrashBefore(NthOf(OpCommit, 2)))
	require.NoError(t, before.commit("1"))
	require.ErrorIs(t, before.commit("2"), ErrCrashed)
	require.ErrorIs(t, before.commit("3"), ErrCrashed, "for good")
	assert.False(t, before.has(t, "2") || before.has(t, "3"))

	after := newKeyed(CrashAfter(NthOf(OpCommit, 2)))
	require.NoError(t, after.commit("1"))
	require.ErrorIs(t, after.commit("2"), ErrCrashed)
	require.ErrorIs(t, after.commit("3"), ErrCrashed)
	assert.True(t, after.has(t, "2"))
	assert.False(t, after.has(t, "3"))
}

// One plan counts the calls of the store and the channel together, so that
// every point of a process can be a crash point.
func TestOnePlanForAProcess(t *testing.T) {
	plan := CrashAfter(Nth(2))
	store, channel := NewFaultyStore(memstore.New(), plan), NewFaultyChannel(&RecordingChannel{}, plan)
	_, err := store.Load(context.Background(), agent.Query{})
	require.NoError(t, err)
	_, err = channel.Send(context.Background(), agent.Outbound{Key: "k", To: "x"})
	require.ErrorIs(t, err, ErrCrashed)
	_, err = store.Claim(context.Background(), agent.ClaimQuery{})
	require.ErrorIs(t, err, ErrCrashed)
	require.ErrorIs(t, store.Append(context.Background(), agent.Append{}), ErrCrashed)
	assert.Equal(t, []Op{{Name: OpLoad, N: 1, Nth: 1}, {Name: OpSend, N: 2, Nth: 1}, {Name: OpClaim, N: 3, Nth: 1}, {Name: OpAppend, N: 4, Nth: 1}}, plan.Ops())
}

// A scheduler can stop each call and choose the order.
func TestPlanLetsASchedulerChooseTheOrder(t *testing.T) {
	arrived := make(chan string)
	turn := map[string]chan struct{}{"a": make(chan struct{}), "b": make(chan struct{})}
	plan := &Plan{Before: func(_ context.Context, op Op) error {
		for key := range op.Arg.(agent.Commit).Dedupe {
			arrived <- key
			<-turn[key]
		}
		return nil
	}}
	k := newKeyed(plan)
	done := make(chan string)
	for _, key := range []string{"a", "b"} {
		go func() {
			if err := k.commit(key); err != nil {
				key = err.Error()
			}
			done <- key
		}()
	}
	<-arrived
	<-arrived
	close(turn["b"])
	assert.Equal(t, "b", <-done)
	assert.True(t, k.has(t, "b") && !k.has(t, "a"))
	close(turn["a"])
	assert.Equal(t, "a", <-done)
}

// I30: same seed, same faults.
func TestAtRandomIsDeterministic(t *testing.T) {
	run := func(seed uint64) (answers string, faults int) {
		k := newKeyed(AtRandom(seed, 0.3))
		for i := range 200 {
			err := k.commit(fmt.Sprint(i))
			if err != nil {
				faults++
			}
			answers += fmt.Sprintln(err, k.has(t, fmt.Sprint(i)))
		}
		return answers, faults
	}
	one, faults := run(1)
	again, _ := run(1)
	other, _ := run(2)
	assert.Equal(t, one, again)
	assert.NotEqual(t, one, other)
	assert.Greater(t, faults, 20)
	assert.Less(t, faults, 100)
	for _, kind := range []string{ErrUnknown.Error(), context.DeadlineExceeded.Error(), "not known true", "not known false"} {
		assert.Contains(t, one, kind)
	}
	none, faults := run(0)
	assert.NotEmpty(t, none)
	assert.NotZero(t, faults)
	quiet := newKeyed(AtRandom(1, 0))
	for i := range 100 {
		require.NoError(t, quiet.commit(fmt.Sprint(i)))
	}
}

// S8.11: any type with a Now method is a Clock, clockwork's among them.
func TestClocks(t *testing.T) {
	type fake interface {
		frontdesk.Clock
		Advance(time.Duration)
	}
	ours := NewFakeClock()
	for name, clock := range map[string]fake{"ours": advancer{ours}, "clockwork": clockwork.NewFakeClockAt(Start)} {
		assert.Equal(t, Start, clock.Now(), name)
		clock.Advance(24 * time.Hour)
		assert.Equal(t, Start.Add(24*time.Hour), clock.Now(), name)
	}
	assert.Equal(t, Start, ours.Advance(-24*time.Hour), "clocks go back too")
	ours.Set(Start.AddDate(1, 0, 0))
	assert.Equal(t, Start.AddDate(1, 0, 0), ours.Now())
	assert.Equal(t, time.Unix(7, 0), NewFakeClock(time.Unix(7, 0)).Now())
	assert.Equal(t, time.UTC, Start.Location())
}

// advancer drops what clockwork's Advance does not return.
type advancer struct{ *FakeClock }

func (a advancer) Advance(d time.Duration) { a.FakeClock.Advance(d) }

func TestRecordingChannelRecords(t *testing.T) {
	c := &RecordingChannel{Caps: agent.Capabilities{MaxLength: 5}}
	ctx := context.Background()
	send := func(key, conversation, text string) error {
		_, err := c.Send(ctx, agent.Outbound{Key: key, ConversationID: conversation, To: "x", Text: text})
		return err
	}
	c.PassNext(1)
	c.FailNext(1, nil)
	c.FailNext(1, Rejected("blocked"))
	c.LoseNext(1)
	require.NoError(t, send("1", "a", "one"))
	require.ErrorIs(t, send("2", "a", "two"), ErrUnknown)
	var known *agent.SendError
	require.ErrorAs(t, send("3", "a", "three"), &known)
	assert.Equal(t, agent.Rejected, known.Outcome)
	require.ErrorIs(t, send("4", "b", "four"), ErrUnknown)
	require.NoError(t, send("1", "a", "again"), "not idempotent: it is delivered again")
	assert.Equal(t, []string{"one", "four", "again"}, c.Texts())
	assert.Equal(t, []string{"four"}, c.Texts("b"))
	assert.Equal(t, []string{"one", "again"}, c.Texts("a"))
	assert.Len(t, c.Attempts(), 5)
	for name, m := range map[string]agent.Outbound{
		"too long": {Key: "k", To: "x", Text: "123456"}, "no key": {To: "x"}, "no address": {Key: "k"},
		"NUL": {Key: "k", To: "x", Text: "\x00"}, "no UTF-8": {Key: "k", To: "x", Text: "\xff"},
	} {
		_, err := c.Send(ctx, m)
		require.ErrorAs(t, err, &known, name)
		assert.Equal(t, agent.Rejected, known.Outcome, name)
	}
	require.NoError(t, c.Typing(ctx, "chat", "x"))
	assert.Equal(t, 1, c.Typed())
	c.Reset()
	assert.Empty(t, c.Texts())
	assert.Empty(t, c.Attempts())
	assert.Zero(t, c.Typed())
}

func TestRecordingChannelBlocks(t *testing.T) {
	c := &RecordingChannel{}
	gate := c.Block()
	done := make(chan error)
	go func() {
		_, err := c.Send(context.Background(), agent.Outbound{Key: "k", To: "x", Text: "held"})
		done <- err
	}()
	assert.Equal(t, "held", (<-gate.Arrived()).Text)
	assert.Empty(t, c.Texts())
	gate.Release()
	gate.Release()
	require.NoError(t, <-done)
	assert.Equal(t, []string{"held"}, c.Texts())

	gate = c.Block()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, err := c.Send(ctx, agent.Outbound{Key: "k2", To: "x", Text: "given up"})
		done <- err
	}()
	<-gate.Arrived()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	assert.Equal(t, []string{"held"}, c.Texts())
}
