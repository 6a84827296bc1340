package agent_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// newFaultyKit is newKit on a store that goes wrong by a plan.
func newFaultyKit(t *testing.T, plan *agenttest.Plan, llm agent.LLM, change ...func(*agent.Config)) *kit {
	t.Helper()
	k := &kit{t: t, ctx: t.Context(), clock: agenttest.NewFakeClock(), channel: &agenttest.RecordingChannel{}}
	k.store = agenttest.NewFaultyStore(memstore.New(), plan)
	k.build(llm, change...)
	return k
}

// outbound are the outbound messages, oldest first.
func (k *kit) outbound() []frontdesk.Message {
	k.t.Helper()
	var out []frontdesk.Message
	for _, m := range k.view().History {
		if m.Direction == frontdesk.DirOutbound {
			out = append(out, m)
		}
	}
	return out
}

// lastOutbound is the newest outbound message.
func (k *kit) lastOutbound() frontdesk.Message {
	k.t.Helper()
	out := k.outbound()
	require.NotEmpty(k.t, out)
	return out[len(out)-1]
}

// S10.1: messages are sent in order; one that has to wait holds back those
// behind it, and each send carries the message's ID as its key.
func TestSendOrderAndKey(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("one\n\ntwo\n\nthree"), agenttest.Say("four")))
	k.channel.Caps.MaxLength = 5
	k.channel.PassNext(1)
	k.channel.FailNext(1, agenttest.NotSent("busy"))
	k.say("Hi")
	assert.Equal(t, []string{"one"}, k.sent())
	k.say("and?")
	assert.Equal(t, []string{"one"}, k.sent(), "nothing overtakes a message that waits for its retry")
	k.pass(2 * time.Second)
	assert.Equal(t, []string{"one", "two", "three", "four"}, k.sent())
	byKey := map[string]string{}
	for _, m := range k.outbound() {
		byKey[m.ID] = m.Text
		assert.Equal(t, frontdesk.Sent, m.Status)
		assert.NotEmpty(t, m.ProviderID)
	}
	for _, a := range k.channel.Attempts() {
		assert.Equal(t, byKey[a.Key], a.Text)
		assert.Equal(t, "+62811", a.To)
	}
	assert.Equal(t, 2, k.channel.Attempts()[2].Attempt)
}

// I5, I6: the claim of a message failed, and another worker whose clock is
// ahead claimed the same message meanwhile. Its claim is not taken for ours.
func TestClaimOfAnotherWorkerIsNotOurs(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.Caps.Idempotent = true
	other := &kit{t: t, ctx: k.ctx, clock: agenttest.NewFakeClock(), store: k.store, channel: k.channel}
	other.clock.Advance(time.Hour)
	other.build(nobody(t))
	once := false
	plan.Before = func(ctx context.Context, op agenttest.Op) error {
		c, ok := op.Arg.(agent.Commit)
		if !ok || once || len(c.Messages) != 1 || c.Messages[0].Status != frontdesk.Sending {
			return nil
		}
		once = true
		k.channel.FailNext(1, agenttest.ErrUnknown)
		if _, err := other.mux.RunDue(ctx); err != nil {
			t.Error(err)
		}
		return agenttest.ErrUnknown
	}
	k.say("Hi")
	require.True(t, once)
	require.Equal(t, frontdesk.Sending, k.lastOutbound().Status)
	assert.Len(t, k.channel.Attempts(), 1, "the other worker's")
}

// S10.1: the claim of a second attempt fails and is not stored. That of the
// first, which stands, is not taken for it: nothing is sent under it.
func TestClaimOfTheAttemptBeforeIsNotThisOne(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.Caps.Idempotent = true
	failed := false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		c, ok := op.Arg.(agent.Commit)
		if !ok || failed || len(c.Messages) != 1 || c.Messages[0].Status != frontdesk.Sending || c.Messages[0].Attempts != 2 {
			return nil
		}
		failed = true
		return agenttest.ErrUnknown
	}
	k.channel.LoseNext(1)
	k.say("Hi")
	k.pass(2 * time.Second)
	require.True(t, failed)
	assert.Len(t, k.channel.Attempts(), 1)
	k.pass(time.Minute)
	assert.Len(t, k.channel.Attempts(), 2)
	assert.Equal(t, 2, k.lastOutbound().Attempts)
	assert.Equal(t, frontdesk.Sent, k.lastOutbound().Status)
}

// S10.1, S7.4, S8.4: a message whose first attempt may have gone out, and which
// must not be sent again, does not count as cancelled.
func TestDoubtfulMessageThatMayNotGoIsUnknown(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.Caps.Idempotent = true
	k.channel.LoseNext(1)
	k.say("Hi")
	_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "mine"})
	require.NoError(t, err)
	k.runDue()
	assert.Equal(t, []string{"Hello!", "mine"}, k.sent())
	assert.Len(t, k.channel.Attempts(), 2)
	assert.Equal(t, frontdesk.Unknown, k.outbound()[0].Status, "taken over")

	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Welcome back.")), withLadders(steps(after(time.Hour, "Still there?"))))
	k.channel.Caps.Idempotent = true
	k.say("Hi")
	k.channel.LoseNext(1)
	k.pass(time.Hour)
	require.Equal(t, frontdesk.Sending, k.lastOutbound().Status)
	k.accept("I am")
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "Still there?", "Welcome back."}, k.sent())
	assert.Equal(t, frontdesk.Unknown, k.outbound()[1].Status, "answered")
}

// S10.1: a doubtful message whose next claim took too long is still doubtful: a
// rejection says nothing about the first attempt.
func TestLateClaimLeavesTheDoubt(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.Caps.Idempotent = true
	late := false
	plan.After = func(_ context.Context, op agenttest.Op, err error) error {
		c, ok := op.Arg.(agent.Commit)
		if ok && !late && len(c.Messages) == 1 && c.Messages[0].Status == frontdesk.Sending && c.Messages[0].Attempts == 2 {
			late = true
			k.clock.Advance(11 * time.Second)
		}
		return err
	}
	k.channel.LoseNext(1)
	k.channel.FailNext(1, agenttest.Rejected("no such number"))
	k.say("Hi")
	k.pass(2 * time.Second)
	require.True(t, late)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status)
}

// S10.1: a send that delivered nothing is tried again with backoff, later if
// the channel says so, and given up in the end; a rejected one is not.
func TestNotSentAndRejected(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.FailNext(5, agenttest.NotSent("busy"))
	k.say("Hi")
	for _, wait := range []time.Duration{2, 4, 8, 16} {
		n := len(k.channel.Attempts())
		assert.Zero(t, k.pass(wait*time.Second-1))
		k.pass(1)
		assert.Len(t, k.channel.Attempts(), n+1)
	}
	m := k.lastOutbound()
	assert.Equal(t, frontdesk.Failed, m.Status)
	assert.Contains(t, m.Reason, "5 attempts")
	assert.Zero(t, k.pass(time.Hour))

	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.FailNext(1, &agent.SendError{Outcome: agent.NotSent, RetryAfter: time.Minute})
	k.say("Hi")
	assert.Zero(t, k.pass(time.Minute-1))
	k.pass(1)
	assert.Equal(t, []string{"Hello!"}, k.sent())

	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.")))
	k.channel.FailNext(1, agenttest.Rejected("no such number"))
	k.say("Hi")
	assert.Zero(t, k.pass(time.Hour))
	assert.Equal(t, frontdesk.Failed, k.lastOutbound().Status)
	assert.Contains(t, k.lastOutbound().Reason, "no such number")
	k.say("and?")
	assert.Equal(t, []string{"Good."}, k.sent(), "one failure holds nothing back")
}

// S10.1, I5: an unknown outcome is not tried again, unless the channel
// deduplicates.
func TestUnknownOutcome(t *testing.T) {
	for _, delivered := range []bool{true, false} {
		for _, idempotent := range []bool{false, true} {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
			k.channel.Caps.Idempotent = idempotent
			if delivered {
				k.channel.LoseNext(1)
			} else {
				k.channel.FailNext(1, agenttest.ErrUnknown)
			}
			k.say("Hi")
			k.pass(time.Minute)
			k.pass(time.Hour)
			switch {
			case idempotent:
				assert.Equal(t, []string{"Hello!"}, k.sent(), "once, whether the first got through or not")
				assert.Equal(t, frontdesk.Sent, k.lastOutbound().Status)
				assert.Len(t, k.channel.Attempts(), 2)
			default:
				assert.Len(t, k.channel.Attempts(), 1)
				assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status)
			}
		}
	}
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.Caps.Idempotent = true
	k.channel.FailNext(99, agenttest.ErrUnknown)
	k.say("Hi")
	for range 10 {
		k.pass(time.Minute)
	}
	assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status, "given up: still nobody can say")
	assert.Len(t, k.channel.Attempts(), 5)
}

// S10.1: after an attempt of unknown outcome a rejection of the next one does
// not say that nothing was sent. It counted as failed.
func TestRejectionAfterADoubtfulAttempt(t *testing.T) {
	for _, second := range []error{agenttest.Rejected("no such number"), agenttest.NotSent("busy")} {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
		k.channel.Caps.Idempotent = true
		k.channel.LoseNext(1)
		k.channel.FailNext(9, second)
		k.say("Hi")
		for range 9 {
			k.pass(time.Minute)
		}
		assert.Equal(t, []string{"Hello!"}, k.sent())
		assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status, "%v", second)
	}
}

// S10.2: a crash between the claim of a send and its outcome repeats nothing
// on a channel that deduplicates, and elsewhere leaves the outcome unknown.
func TestCrashInASend(t *testing.T) {
	for _, idempotent := range []bool{false, true} {
		for name, match := range map[string]func(m frontdesk.Message) bool{
			"before the send": func(m frontdesk.Message) bool { return m.Status == frontdesk.Sending },
			"after the send":  func(m frontdesk.Message) bool { return m.Status == frontdesk.Sent },
		} {
			t.Run(name, func(t *testing.T) {
				plan := &agenttest.Plan{}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				crashed := false
				hit := func(op agenttest.Op) bool {
					c, ok := op.Arg.(agent.Commit)
					return ok && len(c.Messages) == 1 && c.Messages[0].Direction == frontdesk.DirOutbound && match(c.Messages[0])
				}
				plan.Before = func(_ context.Context, op agenttest.Op) error {
					if crashed || name == "after the send" && hit(op) {
						crashed = true
						cancel()
						return agenttest.ErrCrashed
					}
					return nil
				}
				plan.After = func(_ context.Context, op agenttest.Op, err error) error {
					if name == "before the send" && hit(op) {
						crashed = true
						cancel()
						return agenttest.ErrCrashed
					}
					return err
				}
				k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("one\n\ntwo")))
				k.channel.Caps = agent.Capabilities{Idempotent: idempotent, MaxLength: 5}
				k.ctx = ctx
				_, err := k.mux.Handle(ctx, k.inbound("Hi"))
				require.NoError(t, err)
				require.True(t, crashed)
				plan.Before, plan.After = nil, nil
				k.ctx = t.Context()
				k.build(nobody(t))
				k.pass(2*time.Minute + time.Second)
				statuses := []frontdesk.DeliveryStatus{k.outbound()[0].Status, k.outbound()[1].Status}
				if idempotent {
					assert.Equal(t, []string{"one", "two"}, k.sent())
					assert.Equal(t, []frontdesk.DeliveryStatus{frontdesk.Sent, frontdesk.Sent}, statuses)
				} else {
					assert.Equal(t, []frontdesk.DeliveryStatus{frontdesk.Unknown, frontdesk.Sent}, statuses)
					if name == "before the send" {
						assert.Equal(t, []string{"two"}, k.sent(), "at most once")
					} else {
						assert.Equal(t, []string{"one", "two"}, k.sent())
					}
				}
			})
		}
	}
}

// S10.1: statuses never go backwards, whatever the order of the receipts.
func TestReceipts(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.say("Hi")
	m := k.lastOutbound()
	report := func(s frontdesk.DeliveryStatus) frontdesk.DeliveryStatus {
		t.Helper()
		require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", ProviderID: m.ProviderID, Status: s}))
		return k.lastOutbound().Status
	}
	assert.Equal(t, frontdesk.Delivered, report(frontdesk.Delivered))
	assert.Equal(t, frontdesk.Delivered, report(frontdesk.Sent))
	assert.Equal(t, frontdesk.Read, report(frontdesk.Read))
	assert.Equal(t, frontdesk.Read, report(frontdesk.Delivered))
	assert.Equal(t, frontdesk.Read, report(frontdesk.Failed))
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: "nobody's", Status: frontdesk.Read}))
	require.ErrorContains(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Key: m.ID, Status: frontdesk.Queued}), "give sent, delivered, read or failed")

	// A channel that took a message may find out later that it cannot deliver.
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.say("Hi")
	m = k.lastOutbound()
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: m.ID, Status: frontdesk.Failed, Reason: "not on this network"}))
	assert.Equal(t, frontdesk.Failed, k.lastOutbound().Status)
	assert.Equal(t, "not on this network", k.lastOutbound().Reason)
	assert.Equal(t, frontdesk.Failed, report(frontdesk.Delivered))

	// An unknown outcome becomes known, and the wait of the ladder begins then.
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.LoseNext(1)
	k.say("Hi")
	m = k.lastOutbound()
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: m.ID, ProviderID: "wamid.1", Status: frontdesk.Delivered}))
	assert.Equal(t, frontdesk.Delivered, k.lastOutbound().Status)
	assert.Equal(t, "wamid.1", k.lastOutbound().ProviderID)
}

// channelFunc is a Send as a channel.
type channelFunc func(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error)

func (f channelFunc) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	return f(ctx, msg)
}
func (f channelFunc) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }

func withChannel(c agent.Channel) func(*agent.Config) {
	return func(cfg *agent.Config) { cfg.Channel = c }
}

// S10.1: a receipt that is faster than the send's own answer counts, and that
// answer takes nothing back.
func TestReceiptDuringTheSend(t *testing.T) {
	for _, answer := range []error{nil, agenttest.NotSent("busy"), agenttest.Rejected("no"), agenttest.ErrUnknown} {
		for _, status := range []frontdesk.DeliveryStatus{frontdesk.Sent, frontdesk.Delivered} {
			var k *kit
			sends := 0
			ch := channelFunc(func(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
				sends++
				require.NoError(t, k.mux.AcceptReceipt(ctx, agent.Receipt{Channel: "test", Key: msg.Key, Status: status}))
				return agent.SendReceipt{ProviderID: "p1"}, answer
			})
			k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withChannel(ch), withLadders(steps(after(2*time.Hour, "Still there?"))))
			said := k.clock.Now()
			k.say("Hi")
			k.pass(time.Hour)
			assert.Equal(t, status, k.lastOutbound().Status, "%v", answer)
			assert.Equal(t, said.Add(2*time.Hour), k.pending().Due, "S8.2: its outcome is known")
			assert.Equal(t, 1, sends, "%v", answer)
			if answer == nil {
				assert.Equal(t, "p1", k.lastOutbound().ProviderID, "later receipts name it")
			}
		}
	}
}

// S10.1: the reason of a receipt that came during the send is kept, and what
// stands behind the message does not wait for a retry that is not needed.
func TestFailedReceiptDuringTheSend(t *testing.T) {
	var k *kit
	sends := 0
	ch := channelFunc(func(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
		if sends++; sends > 1 {
			return agent.SendReceipt{}, nil
		}
		require.NoError(t, k.mux.AcceptReceipt(ctx, agent.Receipt{Channel: "test", Key: msg.Key, Status: frontdesk.Failed, Reason: "not on this network"}))
		return agent.SendReceipt{}, agenttest.NotSent("busy")
	})
	k = newKit(t, agenttest.Script(t, agenttest.Say("one"), agenttest.Say("two")), withChannel(ch))
	k.say("Hi")
	k.say("and?")
	require.Len(t, k.outbound(), 2)
	assert.Equal(t, frontdesk.Failed, k.outbound()[0].Status)
	assert.Equal(t, "not on this network", k.outbound()[0].Reason)
	assert.Equal(t, frontdesk.Sent, k.outbound()[1].Status)
	assert.Equal(t, 2, sends)
}

// S10.2: a send that succeeds while the program is stopping is recorded as
// sent: nobody has to wonder later whether it was.
func TestSendThatEndsWhileStopping(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")),
		withChannel(channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) {
			stop()
			return agent.SendReceipt{ProviderID: "p1"}, nil
		})))
	_, err := k.mux.Handle(ctx, k.inbound("Hi"))
	require.NoError(t, err)
	assert.Equal(t, frontdesk.Sent, k.lastOutbound().Status)
	assert.Equal(t, "p1", k.lastOutbound().ProviderID)
}

// S10.1: what stands behind a message whose outcome a receipt tells does not
// wait for a retry of it.
func TestReceiptLetsWhatStandsBehindGo(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("one"), agenttest.Say("two")))
	k.channel.Caps.Idempotent = true
	k.channel.FailNext(1, agenttest.ErrUnknown)
	k.say("Hi")
	k.say("and?")
	require.Empty(t, k.sent())
	require.Len(t, k.outbound(), 2)
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: k.outbound()[0].ID, Status: frontdesk.Delivered}))
	k.runDue()
	assert.Equal(t, []string{"two"}, k.sent())
	assert.Equal(t, frontdesk.Delivered, k.outbound()[0].Status)
}

// S10.1: the outcome of the last message of the outbox and the end of the
// sending are one transaction, so that a turn has four commits: the message is
// accepted, the turn commits, its reply is claimed, its outcome recorded.
func TestTransactionsOfATurn(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")))
	k.say("Hi")
	n := map[string]int{}
	for _, op := range plan.Ops() {
		n[op.Name]++
	}
	assert.Equal(t, map[string]int{
		agenttest.OpCommit: 4, agenttest.OpAppend: 1, agenttest.OpLoad: 4,
		agenttest.OpClaim: 3, // the turn, the sending, and nothing more
	}, n)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	assert.Empty(t, k.view().Tasks)
}

// I28: a channel that panics is an unknown outcome of one message.
func TestPanickingChannel(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.")),
		withChannel(channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) { panic("boom") })))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitReplied, turn.Exit)
	assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status)
	assert.Equal(t, agent.ExitReplied, k.say("still?").Exit)
}

// A channel that never answers costs at most Timeouts.Send.
func TestBlockedChannel(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), func(c *agent.Config) {
		c.Timeouts.Send = 10 * time.Millisecond
		c.Channel = channelFunc(func(ctx context.Context, _ agent.Outbound) (agent.SendReceipt, error) {
			<-ctx.Done()
			return agent.SendReceipt{}, ctx.Err()
		})
	})
	k.say("Hi")
	assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status, "it may have gone out")
}

// S10.2, S7.4: closing or assigning loses no message of the same commit, nor
// does a stop between the commit and the send; what is older is cancelled with
// the reason.
func TestCloseAndAssignKeepTheirOwnMessages(t *testing.T) {
	for name, call := range map[string]agenttest.Step{
		"close":  agenttest.CallTool("close_conversation", nil),
		"assign": agenttest.CallTool("assign", map[string]any{"target": "Sales Team"}),
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("older"), call, agenttest.Say("Goodbye.")))
			k.channel.FailNext(2, agenttest.NotSent("down"))
			k.say("Hi")
			k.say("bye")
			k.build(nobody(t))
			for range 5 {
				k.pass(time.Minute)
			}
			assert.Equal(t, []string{"Goodbye."}, k.sent())
			out := k.outbound()
			assert.Equal(t, frontdesk.Cancelled, out[0].Status)
			assert.Contains(t, out[0].Reason, "closed, assigned or taken over")
			assert.Equal(t, frontdesk.Sent, out[1].Status)
		})
	}
}

// S7.4: after a takeover what an agent had queued is cancelled and the human's
// message goes out at once, not after the agent's retry.
func TestHumanMessageAfterTakeover(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("from the agent")))
	k.channel.FailNext(1, &agent.SendError{Outcome: agent.NotSent, RetryAfter: time.Hour})
	k.say("Hi")
	k.takeover("ana", "Ana here")
	k.runDue()
	assert.Equal(t, []string{"Ana here"}, k.sent())
	assert.Equal(t, frontdesk.Cancelled, k.outbound()[0].Status)
}

// Protocol rule 5: a claim that is older than the send window is looked at
// again before anything goes out.
func TestStaleClaimIsLookedAtAgain(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("too late")))
	stalled := false
	plan.After = func(_ context.Context, op agenttest.Op, err error) error {
		c, ok := op.Arg.(agent.Commit)
		if ok && !stalled && len(c.Messages) == 1 && c.Messages[0].Status == frontdesk.Sending {
			stalled = true
			k.clock.Advance(11 * time.Second) // the process stalls here
			k.takeover("ana", "Ana here")
		}
		return err
	}
	k.say("Hi")
	k.runDue()
	require.True(t, stalled)
	assert.Equal(t, []string{"Ana here"}, k.sent())
	assert.Equal(t, frontdesk.Cancelled, k.outbound()[0].Status)
}

// S10.1: a claim after which nothing was sent is no attempt: it takes none of
// those that a message has.
func TestAClaimThatCameToNothingIsNoAttempt(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")))
	stalls := 0
	plan.After = func(_ context.Context, op agenttest.Op, err error) error {
		c, ok := op.Arg.(agent.Commit)
		if ok && stalls < 3 && len(c.Messages) == 1 && c.Messages[0].Status == frontdesk.Sending {
			stalls++
			k.clock.Advance(11 * time.Second)
		}
		return err
	}
	k.say("Hi")
	require.Equal(t, 3, stalls)
	k.pass(time.Minute) // it pauses after the third
	assert.Equal(t, []string{"Hello!"}, k.sent())
	assert.Equal(t, 1, k.lastOutbound().Attempts)
}

// S10.2: a send that a stopping program cut off is taken up by the next.
func TestStopDuringASend(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	k := newKit(t, nobody(t))
	k.channel.Caps.Idempotent = true
	k.build(agenttest.Script(t, agenttest.Say("Hello!")), withChannel(&stopping{k.channel, cancel}))
	_, err := k.mux.Handle(ctx, k.inbound("Hi"))
	require.NoError(t, err)
	k.build(nobody(t))
	k.pass(3 * time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	assert.Equal(t, frontdesk.Sent, k.lastOutbound().Status)
}

// stopping cancels the program's context in the middle of each send.
type stopping struct {
	agent.Channel
	stop context.CancelFunc
}

func (c *stopping) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	c.stop()
	return agent.SendReceipt{}, ctx.Err()
}

// S10.1, I26: a message in whose sending each process dies is given up like any
// other: it had as many workers as there were, one after the other.
func TestASendThatNeverEndsIsGivenUp(t *testing.T) {
	k := newKit(t, nobody(t))
	k.channel.Caps.Idempotent = true
	ch := &stopping{Channel: k.channel}
	k.build(agenttest.Script(t, agenttest.Say("Hello!")), withChannel(ch))
	k.accept("Hi")
	k.clock.Advance(time.Second)
	for range 9 {
		ctx, cancel := context.WithCancel(t.Context())
		ch.stop = cancel
		if _, err := k.mux.RunDue(ctx); err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
		cancel()
		k.clock.Advance(3 * time.Minute)
	}
	assert.Equal(t, 5, k.lastOutbound().Attempts)
	assert.Equal(t, frontdesk.Unknown, k.lastOutbound().Status)
	assert.Contains(t, k.lastOutbound().Reason, "given up after 5 attempts")
	assert.Empty(t, k.view().Tasks)
}

// S10.4: an agent's and a human's long texts are split by what the channel can
// take; nothing is lost.
func TestLongTextsAreSplit(t *testing.T) {
	long := strings.Repeat("This is a sentence. ", 20)
	k := newKit(t, agenttest.Script(t, agenttest.Say(long)))
	k.channel.Caps.MaxLength = 100
	turn := k.say("Hi")
	require.Greater(t, len(turn.Replies), 3)
	for _, text := range k.sent() {
		assert.LessOrEqual(t, len(text), 100)
		assert.True(t, strings.HasSuffix(text, "."), "cut at a sentence: %q", text)
	}
	assert.Equal(t, strings.TrimSpace(long), strings.Join(k.sent(), " "))
	k.takeover("ana", long)
	k.runDue()
	assert.Equal(t, strings.TrimSpace(long)+" "+strings.TrimSpace(long), strings.Join(k.sent(), " "))
	require.NoError(t, k.mux.Close(k.ctx, k.conversation().ID, actions.Closing{}, "ana"))
}

// I25: what a store and a channel cannot take is cleaned at the edge.
func TestTextIsCleaned(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("a\x00b\xff\u202ec")))
	k.say("x\x00y\xff")
	assert.Equal(t, []string{"ab\uFFFDc"}, k.sent())
	assert.Equal(t, "xy\uFFFD", k.view().History[0].Text)
}

// Channels: a name with an account falls back to the part before the colon,
// and a message for a channel that is not there fails for good.
func TestChannelsByName(t *testing.T) {
	inner := &agenttest.RecordingChannel{}
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withChannel(agent.Channels{"test": inner}))
	in := k.inbound("Hi")
	in.Channel = "test:account-2"
	_, err := k.mux.Handle(k.ctx, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"Hello!"}, inner.Texts())

	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withChannel(agent.Channels{"other": inner}))
	k.say("Hi")
	assert.Equal(t, frontdesk.Failed, k.lastOutbound().Status)
	var se *agent.SendError
	_, err = agent.Channels{}.Send(k.ctx, agent.Outbound{Channel: "x"})
	require.ErrorAs(t, err, &se)
	assert.Equal(t, agent.Rejected, se.Outcome)
	assert.NotNil(t, errors.Unwrap(se))
}
