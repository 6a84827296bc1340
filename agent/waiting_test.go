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
)

// S6.9, S7.3: a message that an approval's turn has answered leaves nothing to
// do for the turn that was to answer it: the LLM is not asked, and the task is
// gone.
func TestTurnWhoseMessageAnApprovalAnswered(t *testing.T) {
	act, _ := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("We look into it."), agenttest.Say("Refunded, and yes."),
	), with(act))
	turn := k.say("refund")
	k.accept("and is it soon?")
	require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
	k.runDue()
	require.Equal(t, []string{"We look into it.", "Refunded, and yes."}, k.sent())
	before := k.view()
	require.Empty(t, before.Waiting)
	require.NotNil(t, before.Task(agent.TaskTurn), "its time has not come")
	assert.Equal(t, 1, k.pass(time.Minute))
	assert.Empty(t, k.view().Tasks)
	assert.Len(t, k.sent(), 2)
}

// I1, S6.9: the same, and the contact writes just when the task of the turn that
// has nothing to do is about to go: it stays, and answers that.
func TestMessageThatComesWhileATurnFindsNothingToDo(t *testing.T) {
	act, _ := counter("refund", nil)
	act.NeedsApproval = true
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("We look into it."), agenttest.Say("Refunded, and yes."), agenttest.Say("You are welcome."),
	), with(act))
	turn := k.say("refund")
	k.accept("and is it soon?")
	require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
	k.runDue()
	v := k.view()
	idle, wrote := v.Task(agent.TaskTurn).TurnID, false
	plan.After = func(_ context.Context, op agenttest.Op, err error) error {
		if q, ok := op.Arg.(agent.Query); ok && q.TurnID == idle && !wrote {
			wrote = true
			k.accept("thanks")
		}
		return err
	}
	k.pass(time.Minute)
	require.True(t, wrote)
	k.pass(time.Minute)
	assert.Equal(t, []string{"We look into it.", "Refunded, and yes.", "You are welcome."}, k.sent())
	assert.Empty(t, k.view().Waiting)
}

// S7.6, I26: a turn that waits for its next try has used none of its attempts:
// those count crashes.
func TestRetryIsNoAttempt(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Fail(errors.New("503")), agenttest.Fail(errors.New("503")), agenttest.Say("Hello!")), func(c *agent.Config) {
		c.Limits.Attempts = 1
	})
	require.Equal(t, agent.ExitRetrying, k.say("Hi").Exit)
	k.pass(time.Minute)
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
}

// S9.2, S6.9: an approval's turn hands over while a turn of the first agent
// waits for its next try: that one ends, and the next agent answers.
func TestApprovalTurnHandsOverWhileATurnIsRetried(t *testing.T) {
	act, _ := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, nobody(t))
	k.three(agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("looking"),
		agenttest.Fail(errors.New("503")),
		passTo("Support Agent"), agenttest.Say("passing on"),
	), agenttest.Script(t, agenttest.Say("Support here")), nobody(t), with(act))
	call := k.say("refund").Calls[0].ID
	require.Equal(t, agent.ExitRetrying, k.say("and?").Exit)
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	k.runDue()
	k.pass(time.Hour)
	assert.Equal(t, []string{"looking", "passing on", "Support here"}, k.sent())
	assert.Empty(t, k.view().Tasks)
}

// S8.3, S8.4: a ladder that was armed by a reply which leaves a newer message
// unanswered does not fire while that one waits, however long the LLM is away.
func TestNoFollowUpWhileAMessageWaits(t *testing.T) {
	var k *kit
	write := func(reply, more string) agenttest.Step {
		return agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept(more)
			return &agent.Response{Text: reply}, nil
		})
	}
	k = newKit(t, agenttest.Script(t,
		write("never", "two"), write("Hello!", "three"),
		agenttest.Fail(&agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: 10 * time.Minute, Err: errors.New("429")}),
		agenttest.Say("Three it is."),
	), withLadders(steps(after(time.Minute, "Still there?"))), func(c *agent.Config) { c.Limits.Supersedes = 1 })
	k.say("one")
	k.pass(2 * time.Second)
	require.Equal(t, []string{"Hello!"}, k.sent())
	require.Len(t, k.view().Waiting, 1)
	k.pass(2 * time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	k.pass(10 * time.Minute)
	assert.Equal(t, []string{"Hello!", "Three it is."}, k.sent())
	k.pass(time.Minute)
	assert.Equal(t, "Still there?", k.sent()[2], "it is armed anew")
}

// S7.1, S1.2: a turn that was begun by an agent which is the default no more
// is dropped, and its message answered by the one that is.
func TestAnotherDefaultAgentAnswersWhatWaits(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Fail(errors.New("503"))))
	require.Equal(t, agent.ExitRetrying, k.say("Hi").Exit)
	k.join(k.config("Support Agent", agenttest.Script(t, agenttest.Say("Support here"))))
	k.pass(time.Hour)
	assert.Equal(t, []string{"Support here"}, k.sent())
	assert.Equal(t, aiAgent("a-support"), k.conversation().Assignee)
	v := k.view()
	assert.Empty(t, v.Waiting)
	assert.Empty(t, v.Tasks)
}

// S7.4, S7.8: a turn that waits for its next try ends with a record of what it
// did, whoever takes the conversation from it.
func TestWaitingTurnThatIsTakenAwayHasARecord(t *testing.T) {
	for name, take := range map[string]func(k *kit, call string) error{
		"takeover": func(k *kit, _ string) error {
			_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "mine"})
			return err
		},
		"phone": func(k *kit, _ string) error {
			return k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "test", To: "+62811", ProviderID: "phone-1", Text: "mine"})
		},
		"close": func(k *kit, _ string) error {
			return k.mux.Close(k.ctx, k.conversation().ID, actions.Closing{}, "ana")
		},
		"assigned to a user": func(k *kit, _ string) error {
			return k.mux.Assign(k.ctx, k.conversation().ID, frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"}, "ana")
		},
		"assigned to an agent": func(k *kit, _ string) error {
			return k.mux.Assign(k.ctx, k.conversation().ID, frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "a-support"}, "ana")
		},
		"opt-out": func(k *kit, _ string) error {
			return k.mux.Accept(k.ctx, frontdesk.Inbound{Channel: "test", ID: "out", From: "+62811", OptOut: true})
		},
		"an approval's turn that closes": func(k *kit, call string) error {
			err := k.mux.Resolve(k.ctx, call, true, "ana")
			k.runDue()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			refund, _ := counter("refund", nil)
			refund.NeedsApproval = true
			noteIt, keys := counter("note_it", nil)
			script := []agenttest.Step{
				agenttest.CallTool("refund", nil), agenttest.Say("it waits"),
				agenttest.CallTool("note_it", nil), agenttest.Fail(errors.New("503")),
			}
			if strings.Contains(name, "approval") {
				script = append(script, agenttest.CallTool("close_conversation", nil), agenttest.Say("Done, goodbye."))
			}
			k := newKit(t, agenttest.Script(t, script...), with(refund), with(noteIt))
			call := k.say("refund").Calls[0].ID
			waiting := k.say("note it")
			require.Equal(t, agent.ExitRetrying, waiting.Exit)
			require.NoError(t, take(k, call))
			record := k.ended(waiting.ID)
			require.NotNil(t, record)
			assert.Equal(t, agent.ExitDropped, record.Exit)
			assert.Equal(t, "Sales Agent", record.Agent)
			assert.Equal(t, waiting.Instructions, record.Instructions)
			assert.Equal(t, waiting.Rounds, record.Rounds)
			assert.Equal(t, waiting.Started, record.Started)
			assert.Empty(t, record.Inbound)
			require.Len(t, record.Calls, 1)
			assert.Equal(t, (*keys)[0], record.Calls[0].ID)
			assert.Equal(t, agent.CallDone, record.Calls[0].Outcome)
		})
	}
}

// S7.4, S7.8: a human takes over while an action runs that is run at most once.
// The record says that its outcome is not known, until the turn comes back and
// tells, be it that its store fails it just then.
func TestTurnThatIsTakenAwayInACallCompletesItsRecord(t *testing.T) {
	for _, c := range []struct{ fails, agent bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		var k *kit
		var id string
		fail := false
		plan := &agenttest.Plan{Before: func(_ context.Context, op agenttest.Op) error {
			if fail && op.Name == agenttest.OpLoad {
				fail = false
				return agenttest.ErrUnknown
			}
			return nil
		}}
		charge := actions.MustFunc("charge", "Do it.", func(_ context.Context, call actions.Call, _ struct{}) (actions.Result, error) {
			id, _, _ = strings.Cut(call.Key, "/")
			to := frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"}
			if c.agent {
				to = frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "a-support"}
			}
			err := k.mux.Assign(k.ctx, k.conversation().ID, to, "ana")
			if record := k.ended(id); assert.NotNil(t, record) && assert.Len(t, record.Calls, 1) {
				assert.Equal(t, agent.CallUnknown, record.Calls[0].Outcome)
			}
			fail = c.fails
			return actions.Result{Content: "charged"}, err
		})
		charge.Delivery = actions.AtMostOnce
		var answers []agenttest.Step
		var want []string
		if c.agent {
			answers, want = []agenttest.Step{agenttest.Say("Support here")}, []string{"Support here"}
		}
		k = newFaultyKit(t, plan, nobody(t))
		k.three(agenttest.Script(t, agenttest.CallTool("charge", nil)), agenttest.Script(t, answers...), nobody(t), with(charge))
		k.say("charge me")
		require.False(t, fail)
		record := k.ended(id)
		assert.Equal(t, agent.ExitDropped, record.Exit)
		require.Len(t, record.Calls, 1)
		assert.Equal(t, agent.CallDone, record.Calls[0].Outcome)
		assert.Equal(t, "charged", record.Calls[0].Detail)
		assert.Equal(t, want, k.sent(), "%+v: the turn that came in its place waits for nothing", c)
	}
}

// S7.4: the answer to the commit of a turn is lost, and it had not been stored:
// a human was faster. The record which that human's commit left is not taken
// for the turn's own.
func TestRecordOfWhoTookOverIsNotTheTurnsOwn(t *testing.T) {
	var ended []agent.ExitReason
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("never")), func(c *agent.Config) {
		c.OnTurn = func(turn agent.Turn) { ended = append(ended, turn.Exit) }
	})
	taken := false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		c, ok := op.Arg.(agent.Commit)
		if !ok || taken || len(c.Turns) == 0 || c.Turns[0].Exit != agent.ExitReplied {
			return nil
		}
		taken = true
		if _, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "mine"}); err != nil {
			return err
		}
		return agenttest.ErrUnknown
	}
	turn := k.say("Hi")
	require.True(t, taken)
	assert.Equal(t, agent.ExitNotOurs, turn.Exit, "the message is the human's")
	assert.Equal(t, []agent.ExitReason{agent.ExitDropped}, ended)
	assert.Equal(t, []string{"mine"}, k.sent())
	assert.Empty(t, k.view().Tasks)
}
