package agent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// S7.6, I32: a turn that staged a close and then could not answer does not
// close: the contact would be left without a reply and without a human.
func TestFailureDoesNotClose(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Calls(agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"}), agenttest.Call("close_conversation", nil)),
		agenttest.Fail(&agent.LLMError{Kind: agent.LLMDenied, Err: errors.New("no credit")}),
	))
	turn := k.say("That is all")
	require.Equal(t, agent.ExitFallback, turn.Exit)
	conv := k.conversation()
	assert.Equal(t, frontdesk.Open, conv.Status)
	assert.True(t, conv.AwaitsHuman)
	assert.Equal(t, "Hot Lead", k.view().Contact.Stage, "S6.10: what is done stays done")
}

// S7.6: a provider that asks for a pause of hours does not make contacts wait
// for hours.
func TestLongPauseIsCapped(t *testing.T) {
	long := agenttest.Fail(&agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: 24 * time.Hour})
	k := newKit(t, agenttest.Script(t, long, agenttest.Say("Hello!")))
	require.Equal(t, agent.ExitRetrying, k.say("Hi").Exit)
	assert.Zero(t, k.pass(9*time.Minute))
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
}
