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
)

// S10.1: a send may take nearly as long as a lease: the lease is renewed and
// sending goes on.
func TestSendTimeoutNearTheLease(t *testing.T) {
	var k *kit
	sent := 0
	ch := channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) {
		sent++
		k.clock.Advance(6 * time.Second)
		return agent.SendReceipt{}, nil
	})
	k = newKit(t, nobody(t), withChannel(ch), func(c *agent.Config) {
		c.Timeouts.Send = 115 * time.Second // of a lease of 120
	})
	k.accept("hi")
	id := k.conversation().ID
	for range 3 {
		_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: id, UserID: "ana", Text: "yo"})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(k.ctx, 5*time.Minute) // else it would go on for ever
	defer cancel()
	_, err := k.mux.RunDue(ctx)
	assert.NoError(t, err)
	assert.Equal(t, 3, sent)
}

// S10.1: a store that is slower than the lease and the send's time limit allow
// for is not asked again and again without a pause; when it is faster the
// message goes.
func TestSlowStoreDoesNotSpin(t *testing.T) {
	slow := 60 * time.Millisecond
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, nobody(t), func(c *agent.Config) {
		c.Timeouts.Lease, c.Timeouts.Send, c.Timeouts.LLM = 61*time.Second, 60900*time.Millisecond, 10*time.Second
	})
	plan.Before = func(context.Context, agenttest.Op) error {
		k.clock.Advance(slow)
		return nil
	}
	k.accept("hi")
	_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "yo"})
	require.NoError(t, err)
	before := len(plan.Ops())
	k.runDue()
	assert.Less(t, len(plan.Ops())-before, 40)
	assert.Empty(t, k.sent())
	slow = 0
	k.pass(time.Minute)
	assert.Equal(t, []string{"yo"}, k.sent())
}

// S10.2: a send that is known to have delivered nothing is tried again, also
// when the program was stopping.
func TestKnownNotSentWhileStopping(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	ch := channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) {
		if n++; n == 1 {
			cancel()
			return agent.SendReceipt{}, &agent.SendError{Outcome: agent.NotSent, Reason: "stopping"}
		}
		return agent.SendReceipt{}, nil
	})
	k := newKit(t, agenttest.Script(t, agenttest.Say("hello")), withChannel(ch))
	_, err := k.mux.Handle(ctx, k.inbound("hi"))
	require.NoError(t, err)
	k.pass(5 * time.Minute)
	assert.Equal(t, 2, n)
	assert.Equal(t, frontdesk.Sent, k.lastOutbound().Status)
}

// Fault table, unknown commit: the claim of a send whose answer was lost is read
// again; nothing was sent yet, so nothing is lost.
func TestClaimOfASendWhoseAnswerWasLost(t *testing.T) {
	lost := false
	plan := &agenttest.Plan{After: func(_ context.Context, op agenttest.Op, err error) error {
		if c, ok := op.Arg.(agent.Commit); ok && err == nil && !lost && len(c.Messages) == 1 && c.Messages[0].Status == frontdesk.Sending {
			lost = true
			return agenttest.ErrUnknown
		}
		return err
	}}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("hello")))
	k.say("hi")
	k.pass(5 * time.Minute)
	require.True(t, lost)
	assert.Equal(t, []string{"hello"}, k.sent())
}

// Fault table, unknown commit: a human's reply that was stored is no error, or
// they would write it twice.
func TestAReplyWhoseAnswerWasLostIsNotDoubled(t *testing.T) {
	lost := false
	plan := &agenttest.Plan{After: func(_ context.Context, op agenttest.Op, err error) error {
		if c, ok := op.Arg.(agent.Commit); ok && err == nil && !lost && c.Fence == nil && len(c.Messages) > 0 && c.Messages[len(c.Messages)-1].Author.Kind == frontdesk.AuthorUser {
			lost = true
			return agenttest.ErrUnknown
		}
		return err
	}}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("hello")))
	k.say("hi")
	_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "mine"})
	require.True(t, lost)
	assert.NoError(t, err)
}

// S7.3: Handle gives an error only if the message was not stored.
func TestHandleOfADuplicateNeverFails(t *testing.T) {
	fail := false
	plan := &agenttest.Plan{Before: func(_ context.Context, op agenttest.Op) error {
		if q, ok := op.Arg.(agent.Query); ok && fail && q.MessageID != "" {
			return errors.New("down")
		}
		return nil
	}}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("hello")))
	in := k.inbound("hi")
	_, err := k.mux.Handle(k.ctx, in)
	require.NoError(t, err)
	fail = true
	turn, err := k.mux.Handle(k.ctx, in)
	assert.NoError(t, err)
	assert.Equal(t, agent.ExitDuplicate, turn.Exit)
}

// Protocol rule 4: nothing that may outlast the lease gets past New and NewMux.
func TestALeaseOutlastsWhatItProtects(t *testing.T) {
	k := newKit(t, nobody(t))
	act, _ := counter("slow", nil)
	act.Timeout = 10 * time.Minute
	c := k.config("Sales Agent", nobody(t))
	c.Actions = append(c.Actions, act)
	_, err := agent.New(c)
	assert.ErrorContains(t, err, "slow")
	one, err := agent.New(k.config("Sales Agent", nobody(t)))
	require.NoError(t, err)
	c = k.config("Support Agent", nobody(t))
	c.Timeouts.LLM, c.Timeouts.Lease = 5*time.Minute, 10*time.Minute
	two, err := agent.New(c)
	require.NoError(t, err)
	_, err = agent.NewMux(one, two)
	assert.ErrorContains(t, err, "Lease")
}
