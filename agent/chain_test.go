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
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// always is an LLM that says the same whatever it is asked.
func always(text string) agent.LLM {
	return agenttest.LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) {
		return &agent.Response{Text: text}, nil
	})
}

// S9.3: ladders whose steps hand over to AI agents do not go on for ever: who
// had the conversation since the contact wrote does not get it once more.
func TestLaddersDoNotHandOverForEver(t *testing.T) {
	k := newKit(t, nobody(t))
	k.three(always("A"), always("B"), always("C"), func(c *agent.Config) {
		to := "Support Agent"
		if c.Name == "Support Agent" {
			to = "Sales Agent"
		}
		c.Ladders = []followup.Ladder{steps(after(time.Minute, "still there?", followup.Action{Name: "assign", Target: to}))}
	})
	k.say("hi")
	for range 20 {
		k.pass(2 * time.Minute)
	}
	assert.Less(t, len(k.sent()), 8, "%v", k.sent())
}

// I32: a reply that was queued when the conversation was given to another AI
// agent is never sent, so it is no answer: that agent answers.
func TestReassignedBeforeTheReplyWasSent(t *testing.T) {
	k := newKit(t, nobody(t))
	k.three(always("A"), always("B"), always("C"))
	k.channel.FailNext(1, agenttest.NotSent("down"))
	k.say("hi")
	require.Empty(t, k.sent())
	require.NoError(t, k.mux.Assign(k.ctx, k.conversation().ID, frontdesk.Target{Name: "Support Agent"}, "ana"))
	k.pass(time.Minute)
	assert.Equal(t, []string{"B"}, k.sent())
}

// S9.3, S6.9: a call that waits for approval is no way around the limit on
// handoffs: who had the conversation since the contact wrote does not get it
// back by the turn that tells of the outcome. After a new message they may.
func TestApprovalRemembersWhoHadTheConversation(t *testing.T) {
	for name, writes := range map[string]bool{"silence": false, "the contact wrote": true} {
		t.Run(name, func(t *testing.T) {
			act, _ := counter("refund", nil)
			act.NeedsApproval = true
			k := newKit(t, nobody(t))
			hand := func(to string) agenttest.Step {
				return agenttest.CallTool("assign", map[string]any{"target": to})
			}
			sales, support := k.config("Sales Agent", nil), k.config("Support Agent", nil)
			first := []agenttest.Step{hand("Support Agent"), agenttest.Say("A colleague will help.")}
			second := []agenttest.Step{agenttest.CallTool("refund", nil), agenttest.Say("We look into it.")}
			if writes {
				first = append(first, agenttest.Say("Sales again."))
				second = append(second, agenttest.Say("Still waiting."), hand("Sales Agent"), agenttest.Say("Back to sales."))
			} else {
				second = append(second, hand("Sales Agent"))
			}
			sales.LLM, support.LLM = agenttest.Script(t, first...), agenttest.Script(t, second...)
			support.Actions = append(support.Actions, act)
			support.Instructions = strings.ReplaceAll(support.Instructions, "@Support Agent", "@Sales Agent")
			k.join(sales, support)
			turn := k.say("refund me")
			require.NotNil(t, turn.Next)
			require.Equal(t, agent.CallPending, turn.Next.Calls[0].Outcome)
			k.clock.Advance(time.Minute)
			if writes {
				k.say("and?")
			}
			require.NoError(t, k.mux.Resolve(k.ctx, turn.Next.Calls[0].ID, true, "ana"))
			k.runDue()
			if writes {
				assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
			} else {
				assert.True(t, k.conversation().AwaitsHuman)
			}
		})
	}
}

// S9.2, S6.9: the turn of an approval takes up a message that waits and hands
// over: the next agent answers all the same.
func TestApprovalTurnHandsOverWhileAMessageWaits(t *testing.T) {
	act, _ := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, nobody(t))
	k.three(agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("looking"),
		passTo("Support Agent"), agenttest.Say("passing on"),
	), agenttest.Script(t, agenttest.Say("Support here")), nobody(t), with(act))
	turn := k.say("refund")
	require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
	k.accept("and also this")
	k.runDue()
	k.pass(time.Minute)
	assert.Equal(t, []string{"looking", "passing on", "Support here"}, k.sent())
}

// S7.5, S6.9: a turn that waits for its next try, and has done something
// outside, goes on as itself when an approval's turn leaves a message over.
func TestApprovalTurnLeavesAWaitingTurnItsJournal(t *testing.T) {
	refund, _ := counter("refund", nil)
	refund.NeedsApproval = true
	noteIt, keys := counter("note_it", nil)
	var k *kit
	busy := agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		k.accept("and more")
		return &agent.Response{Text: "dropped"}, nil
	})
	k = newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("it waits"),
		agenttest.CallTool("note_it", nil), agenttest.Fail(&agent.LLMError{Kind: agent.LLMTemporary, Err: errors.New("busy")}),
		busy, busy, busy, agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("the last")
			return &agent.Response{Text: "refunded"}, nil
		}),
		agenttest.Say("noted, and the last too"),
	), with(refund), with(noteIt))
	call := k.say("refund").Calls[0].ID
	waiting := k.say("note it")
	require.Equal(t, agent.ExitRetrying, waiting.Exit)
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	k.runDue()
	k.pass(time.Minute)
	assert.Equal(t, []string{"it waits", "refunded", "noted, and the last too"}, k.sent())
	view, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: waiting.ID})
	require.NoError(t, err)
	require.NotNil(t, view.Turn, "the turn that did something has its record")
	assert.Equal(t, "noted, and the last too", view.Turn.Reply())
	require.Len(t, view.Turn.Calls, 1)
	assert.Equal(t, agent.CallDone, view.Turn.Calls[0].Outcome)
	assert.Len(t, *keys, 1)
}

// S7.8, S6.9: an approval's turn answers what a waiting turn was for. What that
// one had done outside is in its record all the same.
func TestAnsweredByAnApprovalTurnItHasARecord(t *testing.T) {
	refund, _ := counter("refund", nil)
	refund.NeedsApproval = true
	noteIt, keys := counter("note_it", nil)
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("it waits"),
		agenttest.CallTool("note_it", nil), agenttest.Fail(&agent.LLMError{Kind: agent.LLMTemporary, Err: errors.New("busy")}),
		agenttest.Say("refunded"),
	), with(refund), with(noteIt))
	call := k.say("refund").Calls[0].ID
	waiting := k.say("note it")
	require.Equal(t, agent.ExitRetrying, waiting.Exit)
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	k.runDue()
	k.pass(time.Minute)
	assert.Equal(t, []string{"it waits", "refunded"}, k.sent())
	view, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: waiting.ID, Tasks: true})
	require.NoError(t, err)
	require.NotNil(t, view.Turn)
	assert.Equal(t, agent.ExitDropped, view.Turn.Exit)
	require.Len(t, view.Turn.Calls, 1)
	assert.Len(t, *keys, 1)
	assert.Empty(t, view.Tasks)
}

// I17, S6.9: a turn that waits for its next try does not outlive the close by
// an approval's turn, which has answered what it was for.
func TestWaitingTurnDoesNotOutliveACloseByAnApproval(t *testing.T) {
	act, _ := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("We look into it."),
		agenttest.Fail(errors.New("503")),
		agenttest.CallTool("close_conversation", nil), agenttest.Say("Done, goodbye."),
	), with(act))
	turn := k.say("refund")
	require.Equal(t, agent.ExitRetrying, k.say("and?").Exit)
	require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
	k.runDue()
	v := k.view()
	assert.Equal(t, frontdesk.Closed, v.Conversation.Status)
	assert.Nil(t, v.Task(agent.TaskTurn))
	assert.Empty(t, v.Waiting)
	k.pass(time.Hour)
	assert.Equal(t, []string{"We look into it.", "Done, goodbye."}, k.sent())
}

// S6.9: calls that were approved and not run when the conversation was taken
// over are refused, and those that were run keep their outcome.
func TestApprovalsAreRefusedWhenTheTurnIsDropped(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("one"),
		agenttest.CallTool("refund", nil), agenttest.Say("two"),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "mine"})
			return &agent.Response{Text: "never"}, err
		}),
	), with(act))
	first, second := k.say("a"), k.say("b")
	require.NoError(t, k.mux.Resolve(k.ctx, first.Calls[0].ID, true, "ana"))
	require.NoError(t, k.mux.Resolve(k.ctx, second.Calls[0].ID, true, "ana"))
	k.runDue()
	assert.Len(t, *keys, 1)
	v1, err := k.store.Load(k.ctx, agent.Query{CallID: first.Calls[0].ID})
	require.NoError(t, err)
	v2, err := k.store.Load(k.ctx, agent.Query{CallID: second.Calls[0].ID})
	require.NoError(t, err)
	assert.Equal(t, agent.ApprovalApproved, v1.Approval.Status)
	assert.Contains(t, v1.Approval.Outcome, "done")
	assert.Equal(t, agent.ApprovalRefused, v2.Approval.Status, "S6.9: a changed epoch refuses it")
	assert.NotEmpty(t, v2.Approval.Outcome)
	assert.Empty(t, k.view().Tasks)
}

// S7.3, S1.1: what comes while a turn closes, after the last supersede, opens
// the conversation again and is answered.
func TestWhatCameWhileClosingIsAnswered(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.CallTool("close_conversation", args{}),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("wait!")
			return &agent.Response{Text: "bye 1"}, nil
		}).Times(4),
		agenttest.Say("I am here"),
	))
	k.say("done")
	k.pass(time.Minute)
	assert.Equal(t, []string{"bye 1", "I am here"}, k.sent())
}

// S6.9, S7.4: an approved call that was run before the conversation was taken
// over keeps its outcome, and the turn that ran it has a record of it.
func TestApprovedCallKeepsItsOutcomeAfterATakeover(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("We look into it."),
		agenttest.Fail(errors.New("503")),
	), with(act))
	call := k.say("refund").Calls[0].ID
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	k.runDue()
	require.Len(t, *keys, 1)
	before := k.view()
	task := before.Task(agent.TaskApproval)
	require.NotNil(t, task, "it waits for the LLM")
	_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "mine"})
	require.NoError(t, err)
	k.pass(time.Hour)
	v, err := k.store.Load(k.ctx, agent.Query{CallID: call})
	require.NoError(t, err)
	assert.Equal(t, agent.ApprovalApproved, v.Approval.Status, "it was approved, and it was run")
	assert.Contains(t, v.Approval.Outcome, "done")
	v, err = k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: task.TurnID})
	require.NoError(t, err)
	require.NotNil(t, v.Turn, "S7.4: what it did outside stays recorded")
	assert.Equal(t, agent.ExitDropped, v.Turn.Exit)
	require.Len(t, v.Turn.Calls, 1)
	assert.Equal(t, agent.CallDone, v.Turn.Calls[0].Outcome)
	assert.Empty(t, k.view().Tasks)
}

// S6.9, S6.8: nor does one count as refused that was under way when the process
// died: nobody knows whether it was done.
func TestApprovedCallThatWasBegunIsNotRefusedByATakeover(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	llm := agenttest.Script(t, agenttest.CallTool("refund", nil), agenttest.Say("We look into it."))
	k := newKit(t, llm, with(act))
	call := k.say("refund").Calls[0].ID
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	inner := k.store
	k.store = &crash{Store: inner, at: 2} // after the start of the turn, with the result
	k.build(llm, with(act))
	_, err := k.mux.RunDue(k.ctx)
	require.Error(t, err)
	require.Len(t, *keys, 1)
	k.store = inner
	k.build(llm, with(act))
	require.NoError(t, k.mux.Close(k.ctx, k.conversation().ID, actions.Closing{}, "ana"))
	k.pass(time.Hour)
	v, err := k.store.Load(k.ctx, agent.Query{CallID: call})
	require.NoError(t, err)
	assert.Equal(t, agent.ApprovalApproved, v.Approval.Status)
	assert.Contains(t, v.Approval.Outcome, string(agent.CallUnknown))
	assert.Len(t, *keys, 1, "S6.9: a changed epoch does not run it again")
	assert.Empty(t, k.view().Tasks)
}

// S6.9: a call was approved, and before it ran the conversation was closed and
// opened again: the agent has it still, in another epoch, and the call is
// refused.
func TestApprovedCallIsNotRunInAnotherEpoch(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t, agenttest.CallTool("refund", nil), agenttest.Say("We look into it.")), with(act))
	call := k.say("refund").Calls[0].ID
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	id := k.conversation().ID
	require.NoError(t, k.mux.Close(k.ctx, id, actions.Closing{}, "ana"))
	require.NoError(t, k.mux.Reopen(k.ctx, id, "ana"))
	require.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
	k.pass(time.Minute)
	assert.Empty(t, *keys)
	v, err := k.store.Load(k.ctx, agent.Query{CallID: call})
	require.NoError(t, err)
	assert.Equal(t, agent.ApprovalRefused, v.Approval.Status)
	assert.Empty(t, k.view().Tasks)
}

// I26, S6.9: each of several calls that were approved has its attempts to
// itself.
func TestApprovedCallsDoNotShareTheirAttempts(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("one"), agenttest.CallTool("refund", nil), agenttest.Say("two"),
		agenttest.Say("one done"), agenttest.Say("two done"),
	), with(act), func(c *agent.Config) { c.Limits.Attempts = 1 })
	first, second := k.say("a").Calls[0].ID, k.say("b").Calls[0].ID
	require.NoError(t, k.mux.Resolve(k.ctx, first, true, "ana"))
	require.NoError(t, k.mux.Resolve(k.ctx, second, true, "ana"))
	k.runDue()
	k.pass(time.Minute)
	assert.Equal(t, []string{first, second}, *keys)
	assert.Equal(t, []string{"one", "two", "one done", "two done"}, k.sent())
}

// S6.9: the answer to a decision is lost, and it had not been stored: another
// person was faster, who decided otherwise. That one's is not taken for it.
func TestLostDecisionIsNotSomebodyElses(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.CallTool("refund", nil), agenttest.Say("We look into it."), agenttest.Say("Refused.")), with(act))
	call := k.say("refund").Calls[0].ID
	lost := false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		if c, ok := op.Arg.(agent.Commit); !ok || lost || len(c.Approvals) == 0 {
			return nil
		}
		lost = true
		if err := k.mux.Resolve(k.ctx, call, false, "ben"); err != nil {
			return err
		}
		return agenttest.ErrUnknown
	}
	require.ErrorIs(t, k.mux.Resolve(k.ctx, call, true, "ana"), agenttest.ErrUnknown)
	require.True(t, lost)
	assert.ErrorIs(t, k.mux.Resolve(k.ctx, call, true, "ana"), agent.ErrResolved)
	k.runDue()
	assert.Empty(t, *keys)
	assert.Equal(t, []string{"We look into it.", "Refused."}, k.sent())
}
