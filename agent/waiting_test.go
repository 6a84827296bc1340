package agent_test

import (
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
