package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

func withOptOut(c *agent.Config) {
	c.OptOut = agent.OptOut{Words: []string{"stop", "berhenti"}, BackWords: []string{"start"}, Confirmation: "You are out."}
}

// S8.13: an opt-out by a word or by the channel's own signal ends the ladder,
// sends one confirmation, and nothing of an agent comes after it until the
// contact wants it again.
func TestOptOut(t *testing.T) {
	for name, out := range map[string]frontdesk.Inbound{
		"word":                {Text: "stop"},
		"folded, punctuation": {Text: " STOP! "},
		"wide letters":        {Text: "ＳＴＯＰ"},
		"other language":      {Text: "Berhenti."},
		"signal":              {OptOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Welcome back."), agenttest.Say("Sure.")), withOptOut, withLadders(goLadder()))
			k.say("Hi")
			leave := func() agent.Turn {
				in := k.inbound(out.Text)
				in.OptOut = out.OptOut
				turn, err := k.mux.Handle(k.ctx, in)
				require.NoError(t, err)
				return turn
			}
			turn := leave()
			assert.Equal(t, agent.ExitNotOurs, turn.Exit)
			assert.Equal(t, string(frontdesk.DispositionOptOut), turn.Failure)
			assert.True(t, k.conversation().OptedOut)
			assert.Nil(t, k.pending())
			assert.Equal(t, []string{"Hello!", "You are out."}, k.sent())
			leave()
			assert.Equal(t, agent.ExitNotOurs, k.say("hello?").Exit)
			k.pass(240 * time.Hour)
			assert.Equal(t, []string{"Hello!", "You are out."}, k.sent(), "one confirmation, and nothing after it")
			require.NoError(t, k.mux.Assign(k.ctx, k.conversation().ID, frontdesk.Target{Name: "Sales Agent"}, "ana"))
			k.runDue()
			assert.Len(t, k.sent(), 2, "nor if somebody gives it to an agent")

			k.say("Start")
			assert.False(t, k.conversation().OptedOut)
			assert.Equal(t, []string{"Hello!", "You are out.", "Welcome back."}, k.sent())
			assert.Equal(t, agent.ExitReplied, k.say("a question").Exit)
		})
	}
}

// S10.4, S8.13: a confirmation that is longer than the channel takes is split as
// any text is. It was refused, and the contact never knew.
func TestLongConfirmationIsSplit(t *testing.T) {
	k := newKit(t, nobody(t), withOptOut, func(c *agent.Config) {
		c.OptOut.Confirmation = "You will get no more messages from us. Write start if you change your mind."
	})
	k.channel.Caps.MaxLength = 40
	k.say("stop")
	assert.Equal(t, []string{"You will get no more messages from us.", "Write start if you change your mind."}, k.sent())
}

// S8.13: a message that merely contains the word is no opt-out; without words
// in the configuration none is.
func TestNoOptOut(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("ok").Times(3)), withOptOut)
	k.say("please don't stop")
	k.say("stop stop")
	assert.False(t, k.conversation().OptedOut)
	k.say("start")
	assert.Len(t, k.sent(), 3)
	k = newKit(t, agenttest.Script(t, agenttest.Say("ok")))
	k.say("stop")
	assert.False(t, k.conversation().OptedOut)
}

// S8.13: the channel's signal brings agents back too.
func TestOptInSignal(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello again.")))
	in := k.inbound("")
	in.OptOut = true
	require.NoError(t, k.mux.Accept(k.ctx, in))
	k.runDue()
	assert.Len(t, k.sent(), 1, "a default confirmation")
	in = k.inbound("hi")
	in.OptIn = true
	_, err := k.mux.Handle(k.ctx, in)
	require.NoError(t, err)
	assert.Equal(t, "Hello again.", k.sent()[1])
}

// S8.13, S7.4: an opt-out while a turn thinks, while a step is written and
// while a reply waits to be sent.
func TestOptOutInTheMiddle(t *testing.T) {
	t.Run("of a turn", func(t *testing.T) {
		var k *kit
		k = newKit(t, agenttest.Script(t, agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("stop")
			return &agent.Response{Text: "must not be sent"}, nil
		})), withOptOut)
		k.say("Hi")
		k.runDue()
		assert.Equal(t, []string{"You are out."}, k.sent())
		assert.Empty(t, k.view().Waiting, "I1: each message has its end")
	})
	t.Run("of a retry", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("must not be sent")), withOptOut)
		k.channel.FailNext(1, agenttest.NotSent("busy"))
		k.say("Hi")
		k.accept("stop")
		k.pass(time.Minute)
		assert.Equal(t, []string{"You are out."}, k.sent())
		assert.Equal(t, frontdesk.Cancelled, k.outbound()[0].Status)
	})
	t.Run("humans may still write", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withOptOut)
		k.say("Hi")
		k.say("stop")
		k.takeover("ana", "Sorry to see you go")
		k.runDue()
		assert.Equal(t, []string{"Hello!", "You are out.", "Sorry to see you go"}, k.sent())
	})
}
