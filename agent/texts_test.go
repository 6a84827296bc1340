package agent_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// S4.1, S4.4, I22: no raw variable reaches a contact or a record, from whatever
// text it comes: fallback, opt-out, notes, summaries, ladders.
func TestVariablesInEveryText(t *testing.T) {
	t.Run("fallback", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Fail(&agent.LLMError{Kind: agent.LLMDenied})), func(c *agent.Config) {
			c.Fallback.Text = "Sorry $contact.firstname|there, $assignee.name will write."
		})
		in := k.inbound("hi")
		in.Name = "Budi Santoso"
		_, err := k.mux.Handle(k.ctx, in)
		require.NoError(t, err)
		assert.Equal(t, []string{"Sorry Budi, Sales Agent will write."}, k.sent())
	})
	t.Run("opt out", func(t *testing.T) {
		k := newKit(t, nobody(t), func(c *agent.Config) {
			c.OptOut = agent.OptOut{Words: []string{"stop"}, Confirmation: "Bye $contact.firstname."}
		})
		in := k.inbound("stop")
		in.Name = "Budi Santoso"
		_, err := k.mux.Handle(k.ctx, in)
		require.NoError(t, err)
		assert.Equal(t, []string{"Bye Budi."}, k.sent())
	})
	t.Run("notes and summaries", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t,
			agenttest.CallTool("add_comment", args{"text": "Goes to $assignee.name, {{contact.email}}"}),
			agenttest.CallTool("assign", args{"target": "Sales Team", "reason": "for $assignee.name", "summary": "s $contact.email"}),
			agenttest.CallTool("close_conversation", args{"summary": "Closed by $assignee.name."}),
			agenttest.Say("bye")))
		k.say("hi")
		for _, n := range k.notes() {
			assert.NotContains(t, n.Text, "$")
			assert.NotContains(t, n.Text, "{{")
		}
		assert.NotContains(t, k.conversation().Summary, "$")
	})
	t.Run("ladder", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("hello")), withLadders(steps(after(time.Minute, "x",
			followup.Action{Name: "add_comment", Value: "$contact.firstname did not answer"},
			followup.Action{Name: "update_field", Field: "country", Value: "$contact.firstname"},
		))))
		in := k.inbound("hi")
		in.Name = "Budi Santoso"
		_, err := k.mux.Handle(k.ctx, in)
		require.NoError(t, err)
		k.pass(2 * time.Minute)
		require.Len(t, k.notes(), 1)
		assert.Equal(t, "Budi did not answer", k.notes()[0].Text)
		assert.Equal(t, "Budi", k.view().Contact.Field("country").String())
	})
}

// S13.3: what a policy on outgoing texts quotes in its error is not logged.
func TestOutgoingErrorsAreNotLogged(t *testing.T) {
	var buf bytes.Buffer
	k := newKit(t, agenttest.Script(t, agenttest.Say("hello")), withLadders(steps(after(time.Minute, "secret follow-up"))), func(c *agent.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&buf, nil))
		c.Outgoing = func(s string) (string, error) {
			if s == "hello" {
				return s, nil
			}
			return "", fmt.Errorf("not allowed: %s", s)
		}
	})
	k.say("hi")
	k.pass(2 * time.Minute)
	assert.NotContains(t, buf.String(), "secret")
}

// S8.1: a follow-up of one message is one message, however many the LLM writes.
func TestAFollowUpIsOneMessage(t *testing.T) {
	l := followup.Ladder{Steps: []followup.Step{{Delay: followup.Delay(time.Minute), Messages: []followup.Message{{Text: "like this"}}}}}
	k := newKit(t, agenttest.Script(t, agenttest.Say("hello"), agenttest.Say("a\n---\nb\n---\nc\n---\nd")), withLadders(l))
	k.say("hi")
	k.pass(2 * time.Minute)
	assert.Len(t, k.sent(), 2)
}

// S7.6: a policy that leaves nothing to be seen of a reply has refused it.
func TestOutgoingThatLeavesNothing(t *testing.T) {
	n := 0
	k := newKit(t, agenttest.Script(t, agenttest.Say("hello"), agenttest.Say("hello again")), func(c *agent.Config) {
		c.Outgoing = func(s string) (string, error) {
			if n++; n == 1 {
				return " \u200b\n", nil
			}
			return s, nil
		}
	})
	k.say("hi")
	assert.Equal(t, []string{"hello again"}, k.sent())
}

// S8.7: a template stands in for all messages of a step.
func TestTemplateIsSentOnce(t *testing.T) {
	l := followup.Ladder{Steps: []followup.Step{{Delay: followup.Delay(2 * time.Hour), Messages: []followup.Message{{Text: "a", Verbatim: true}, {Text: "b", Verbatim: true}}}}}
	k := newKit(t, agenttest.Script(t, agenttest.Say("hello")), withLadders(l), func(c *agent.Config) {
		c.FollowUps.Window, c.FollowUps.Template = agent.WindowTemplate, "tpl"
	})
	k.channel.Caps.ReplyWindow = time.Hour
	k.say("hi")
	k.pass(3 * time.Hour)
	assert.Len(t, k.sent(), 2)
}
