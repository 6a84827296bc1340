package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
