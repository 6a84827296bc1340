package agent_test

import (
	"context"
	"errors"
	"slices"
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

// notes are the internal notes, oldest first.
func (k *kit) notes() []frontdesk.Message {
	k.t.Helper()
	var out []frontdesk.Message
	for _, m := range k.view().History {
		if m.Direction == frontdesk.DirInternal {
			out = append(out, m)
		}
	}
	return out
}

// S1.1: a contact has one open conversation per channel; writing to a closed
// one reopens it in a new epoch and keeps its assignee.
func TestClosedConversationIsReopened(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Welcome back.")))
	k.say("Hi")
	before := k.conversation()
	require.NoError(t, k.mux.Close(k.ctx, before.ID, actions.Closing{Summary: "done", Note: "issue resolved"}, "ana"))
	closed := k.conversation()
	assert.Equal(t, frontdesk.Closed, closed.Status)
	assert.Equal(t, k.clock.Now(), closed.ClosedAt)
	assert.Equal(t, "done", closed.Summary)
	assert.Equal(t, "Issue Resolved", closed.ClosingNote)
	assert.Equal(t, before.Epoch+1, closed.Epoch)
	k.say("me again")
	again := k.conversation()
	assert.Equal(t, before.ID, again.ID)
	assert.Equal(t, frontdesk.Open, again.Status)
	assert.True(t, again.ClosedAt.IsZero())
	assert.Equal(t, closed.Epoch+1, again.Epoch)
	assert.Equal(t, aiAgent("a-sales"), again.Assignee)
	assert.Equal(t, []string{"Hello!", "Welcome back."}, k.sent())

	require.NoError(t, k.mux.Assign(k.ctx, before.ID, frontdesk.Target{Name: "Ben"}, "ana"))
	require.NoError(t, k.mux.Close(k.ctx, before.ID, actions.Closing{}, "ben"))
	assert.Equal(t, agent.ExitNotOurs, k.say("and again").Exit, "it comes back to Ben, not to an agent")
	assert.Equal(t, user("ben"), k.conversation().Assignee)
}

// S1.1: the same contact on another channel is another conversation.
func TestOneConversationPerChannel(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!").Times(2)))
	one := k.say("Hi")
	in := k.inbound("Hi")
	in.Channel = "mail"
	two, err := k.mux.Handle(k.ctx, in)
	require.NoError(t, err)
	assert.NotEqual(t, one.ConversationID, two.ConversationID)
}

// S1.2: a conversation that was unassigned on purpose waits for a human; no
// agent acts on it until it is assigned.
func TestUnassignedWaitsForAHuman(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Back.")), withLadders(goLadder()))
	k.say("Hi")
	id := k.conversation().ID
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetNobody}, "ana"))
	assert.True(t, k.conversation().AwaitsHuman)
	turn := k.say("anybody?")
	assert.Equal(t, agent.ExitNotOurs, turn.Exit)
	assert.Equal(t, string(frontdesk.DispositionHuman), turn.Failure)
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "a-sales"}, "ana"))
	k.runDue()
	assert.Equal(t, []string{"Hello!", "Back."}, k.sent())
}

// S7.9: a human's reply is a takeover, unless said otherwise.
func TestReply(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Indeed.").Expect(func(t agenttest.TB, req *agent.Request) {
		found := false
		for _, m := range req.Messages {
			found = found || m.Text == "[human Ana] A word from me"
		}
		assert.True(t, found, "S7.7: the agent sees what the human wrote, and who")
	})), withLadders(goLadder()))
	k.say("Hi")
	conv := k.conversation()
	msg, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: conv.ID, UserID: "ana", Text: "A word from me", KeepAssignee: true})
	require.NoError(t, err)
	assert.Equal(t, frontdesk.Author{Kind: frontdesk.AuthorUser, ID: "ana", Name: "Ana"}, msg.Author)
	assert.Equal(t, conv.Epoch, k.conversation().Epoch)
	assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
	k.say("really?")
	assert.Equal(t, []string{"Hello!", "A word from me", "Indeed."}, k.sent())

	k.takeover("ana", "I take over")
	k.runDue()
	after := k.conversation()
	assert.Equal(t, user("ana"), after.Assignee)
	assert.Equal(t, conv.Epoch+1, after.Epoch)
	assert.Nil(t, k.pending())
	k.takeover("ana", "and go on")
	assert.Equal(t, after.Epoch, k.conversation().Epoch, "it is theirs already")

	require.NoError(t, k.mux.Close(k.ctx, conv.ID, actions.Closing{}, "ana"))
	for _, keep := range []bool{true, false} {
		before := k.conversation().Epoch
		_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: conv.ID, UserID: "ben", Text: "One more thing", KeepAssignee: keep})
		require.NoError(t, err)
		assert.Equal(t, frontdesk.Open, k.conversation().Status, "a reply reopens")
		assert.Greater(t, k.conversation().Epoch, before)
		if keep {
			assert.Equal(t, user("ana"), k.conversation().Assignee)
		} else {
			assert.Equal(t, user("ben"), k.conversation().Assignee)
		}
		require.NoError(t, k.mux.Close(k.ctx, conv.ID, actions.Closing{}, "ana"))
	}
	k.runDue()
	assert.Equal(t, []string{"Hello!", "A word from me", "Indeed.", "I take over", "and go on", "One more thing", "One more thing"}, k.sent(), "a human's message goes out whatever came after it")
}

// S5.2, S5.4: every kind of target, by a human; rotations do not move.
func TestAssignTargets(t *testing.T) {
	rotations := []string{"team:sales", "any_team", "anyone"}
	for _, c := range []struct {
		name   string
		target frontdesk.Target
		team   string
		want   func(t *testing.T, a frontdesk.Assignee)
	}{
		{"user", frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ben"}, "", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, user("ben"), a) }},
		{"user by name", frontdesk.Target{Name: "@Ben"}, "", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, user("ben"), a) }},
		{"team", frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "support"}, "support", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, user("cy"), a) }},
		{"empty team", frontdesk.Target{Name: "Empty Team"}, "empty", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, frontdesk.Assignee{}, a) }},
		{"any team", frontdesk.Target{Kind: frontdesk.TargetAnyTeam}, "*", func(t *testing.T, a frontdesk.Assignee) { assert.NotEqual(t, frontdesk.AssigneeAgent, a.Kind) }},
		{"anyone", frontdesk.Target{Kind: frontdesk.TargetAnyone}, "", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, frontdesk.AssigneeUser, a.Kind) }},
		{"nobody", frontdesk.Target{Kind: frontdesk.TargetNobody}, "", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, frontdesk.Assignee{}, a) }},
		{"AI agent", frontdesk.Target{Name: "Support Agent"}, "", func(t *testing.T, a frontdesk.Assignee) { assert.Equal(t, aiAgent("a-support"), a) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
			k.say("Hi")
			before := k.conversation()
			require.NoError(t, k.mux.Assign(k.ctx, before.ID, c.target, "ana"))
			conv := k.conversation()
			c.want(t, conv.Assignee)
			if c.team == "*" {
				assert.NotEmpty(t, conv.TeamID)
			} else {
				assert.Equal(t, c.team, conv.TeamID)
			}
			assert.Equal(t, before.Epoch+1, conv.Epoch)
			assert.Equal(t, conv.Assignee.Kind == frontdesk.Nobody, conv.AwaitsHuman)
			v, err := k.store.Load(k.ctx, agent.Query{Rotations: rotations})
			require.NoError(t, err)
			for _, r := range v.Rotations {
				assert.Empty(t, r.Last, "%s moved", r.Name)
			}
			k.runDue()
			assert.Equal(t, []string{"Hello!"}, k.sent(), "the contact was answered: nobody is asked to write")
		})
	}
}

// absent is a Presence for which nobody is there.
type absent struct{}

func (absent) Available(context.Context, string) (bool, error) { return false, nil }

// S5.6: when nobody of the target is available the conversation waits, with a
// note; a person who is named gets it all the same.
func TestAssignToNobodyAvailable(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), func(c *agent.Config) { c.Presence = absent{} })
	k.say("Hi")
	id := k.conversation().ID
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Sales Team"}, "ana"))
	assert.True(t, k.conversation().AwaitsHuman)
	require.NotEmpty(t, k.notes())
	assert.Contains(t, k.notes()[0].Text, "Nobody of Sales Team was available")
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Ben"}, "ana"))
	assert.Equal(t, user("ben"), k.conversation().Assignee)
}

// A hand-back: the agent answers if the contact waits, and is told by a mark
// in the history that the conversation is its own again.
func TestHandBack(t *testing.T) {
	llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("I am back.").ExpectLast("[note]", "given to AI agent Sales Agent"))
	k := newKit(t, llm)
	k.say("Hi")
	id := k.conversation().ID
	k.takeover("ana", "Ana here")
	k.runDue()
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Sales Agent"}, "ana"))
	assert.Zero(t, k.runDue(), "Ana wrote last: the contact does not wait")
	k.takeover("ana", "No, me")
	k.runDue()
	k.say("one more question")
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Sales Agent"}, "ana"))
	k.runDue()
	assert.Equal(t, []string{"Hello!", "Ana here", "No, me", "I am back."}, k.sent())
	assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
}

// S7.4: assigning to another agent while one thinks drops the turn of the
// first; the message that waits is answered by the second.
func TestAssignToAnotherAgentDuringATurn(t *testing.T) {
	k := newKit(t, nobody(t))
	sales := k.config("Sales Agent", agenttest.Script(t, agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		require.NoError(k.t, k.mux.Assign(k.ctx, k.conversation().ID, frontdesk.Target{Name: "Support Agent"}, "ana"))
		return &agent.Response{Text: "must not be sent"}, nil
	})))
	support := k.config("Support Agent", agenttest.Script(t, agenttest.Say("Support here.")))
	k.join(sales, support)
	k.say("Hi")
	k.runDue()
	assert.Equal(t, []string{"Support here."}, k.sent())
	assert.Empty(t, k.view().Waiting, "I1")
}

// S7.4: closing while an agent thinks drops its turn and gives the message
// that waits its end.
func TestCloseDuringATurn(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t, agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		require.NoError(k.t, k.mux.Close(k.ctx, k.conversation().ID, actions.Closing{}, "ana"))
		return &agent.Response{Text: "must not be sent"}, nil
	})))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitNotOurs, turn.Exit)
	assert.Equal(t, string(frontdesk.DispositionClosed), turn.Failure)
	k.pass(time.Hour)
	assert.Empty(t, k.sent())
	assert.Equal(t, frontdesk.Closed, k.conversation().Status)
}

// Reopen keeps the assignee; closing and reopening twice changes nothing.
func TestReopen(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Yes?")))
	k.say("Hi")
	id := k.conversation().ID
	for range 2 {
		require.NoError(t, k.mux.Close(k.ctx, id, actions.Closing{}, "ana"))
	}
	closed := k.conversation()
	assert.Len(t, k.notes(), 1)
	for range 2 {
		require.NoError(t, k.mux.Reopen(k.ctx, id, "ana"))
	}
	conv := k.conversation()
	assert.Equal(t, frontdesk.Open, conv.Status)
	assert.Equal(t, closed.Epoch+1, conv.Epoch)
	assert.Equal(t, aiAgent("a-sales"), conv.Assignee)
	assert.Len(t, k.notes(), 2)
	k.say("hello?")
	assert.Equal(t, []string{"Hello!", "Yes?"}, k.sent())
}

// A note is for colleagues and agents, never for the contact.
func TestNote(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.").Expect(func(t agenttest.TB, req *agent.Request) {
		found := false
		for _, m := range req.Messages {
			found = found || m.Text == "[note] VIP, be kind"
		}
		assert.True(t, found)
	})))
	k.say("Hi")
	require.NoError(t, k.mux.Note(k.ctx, k.conversation().ID, "ana", "VIP, be kind"))
	k.runDue()
	assert.Equal(t, []string{"Hello!"}, k.sent())
	require.Len(t, k.notes(), 1)
	assert.Equal(t, frontdesk.Author{Kind: frontdesk.AuthorUser, ID: "ana", Name: "Ana"}, k.notes()[0].Author)
	k.say("well?")
}

// Mistakes of the caller come back as errors that say what to do, and change
// nothing.
func TestOperatorErrors(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.say("Hi")
	before := k.conversation()
	id := before.ID
	reply := func(r agent.HumanReply) error { _, err := k.mux.Reply(k.ctx, r); return err }
	require.ErrorIs(t, reply(agent.HumanReply{ConversationID: "none", UserID: "ana", Text: "x"}), agent.ErrNoConversation)
	require.ErrorContains(t, reply(agent.HumanReply{ConversationID: id, UserID: "ana", Text: " \x00 "}), "the text is empty")
	require.ErrorContains(t, reply(agent.HumanReply{ConversationID: id, UserID: "zoe", Text: "x"}), "no user of the workspace")
	require.ErrorIs(t, k.mux.Assign(k.ctx, "none", frontdesk.Target{Name: "Ana"}, "ana"), agent.ErrNoConversation)
	require.ErrorContains(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Zoe"}, "ana"), "Zoe")
	require.ErrorContains(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Third Agent"}, "ana"), "not in the Mux")
	require.ErrorContains(t, k.mux.Close(k.ctx, id, actions.Closing{Note: "Made up"}, "ana"), "closing note")
	require.ErrorIs(t, k.mux.Close(k.ctx, "none", actions.Closing{}, "ana"), agent.ErrNoConversation)
	require.ErrorIs(t, k.mux.Reopen(k.ctx, "none", "ana"), agent.ErrNoConversation)
	require.ErrorIs(t, k.mux.Note(k.ctx, "none", "ana", "x"), agent.ErrNoConversation)
	require.ErrorContains(t, k.mux.Note(k.ctx, id, "ana", "\u200b\x00"), "empty")
	assert.Equal(t, before, k.conversation())
}

// I32, S9.2: the words with which an agent hands over, or gives up, are no
// answer: an agent that gets the conversation before anybody else has written
// answers the contact. It was silent for ever.
func TestHandBackAfterWordsThatAreNoAnswer(t *testing.T) {
	passing := []agenttest.Step{agenttest.CallTool("assign", args{"target": "Support Agent", "reason": "technical"}), agenttest.Say("Passing you on.")}
	toPeople := []agenttest.Step{agenttest.CallTool("assign", args{"target": "Sales Team", "reason": "a demo"}), agenttest.Say("A colleague will write.")}
	down := agenttest.Fail(errors.New("503"))
	sales, support := frontdesk.Target{Name: "Sales Agent"}, frontdesk.Target{Name: "Support Agent"}
	ana := frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"}
	for _, c := range []struct {
		name         string
		sales, other []agenttest.Step
		to           []frontdesk.Target
		by           string
	}{
		{"to the agent whose turn waits", passing, []agenttest.Step{down}, []frontdesk.Target{support}, "Support"},
		{"by way of a human", passing, []agenttest.Step{down}, []frontdesk.Target{ana, support}, "Support"},
		{"to the first", passing, []agenttest.Step{down}, []frontdesk.Target{sales}, "Sales"},
		{"from a team", toPeople, nil, []frontdesk.Target{sales}, "Sales"},
		{"from a team to another", toPeople, nil, []frontdesk.Target{support}, "Support"},
		{"after the fallback", []agenttest.Step{agenttest.Say(""), agenttest.Say("")}, nil, []frontdesk.Target{ana, sales}, "Sales"},
	} {
		run := func(t *testing.T, answered bool) {
			k := newKit(t, nobody(t))
			first, second := slices.Clone(c.sales), slices.Clone(c.other)
			if !answered && c.by == "Sales" {
				first = append(first, agenttest.Say("Sales again."))
			}
			if !answered && c.by == "Support" {
				second = append(second, agenttest.Say("Support here."))
			}
			one := k.config("Sales Agent", agenttest.Script(t, first...))
			one.Fallback.Text = "A colleague will write."
			k.join(one, k.config("Support Agent", agenttest.Script(t, second...)))
			k.say("It is broken")
			require.Len(t, k.sent(), 1)
			id := k.conversation().ID
			if answered {
				_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: id, UserID: "ana", Text: "Ana here.", KeepAssignee: true})
				require.NoError(t, err)
			}
			for _, to := range append(c.to, support) { // the last finds an answer
				require.NoError(t, k.mux.Assign(k.ctx, id, to, "ana"))
				if to != ana {
					k.pass(time.Hour)
				}
			}
			require.Len(t, k.sent(), 2, "%v", k.sent())
			if !answered {
				assert.Contains(t, k.sent()[1], c.by)
			}
		}
		t.Run(c.name, func(t *testing.T) { run(t, false) })
		t.Run(c.name+", and a human has answered", func(t *testing.T) { run(t, true) })
	}
}

// I32, S6.9: a takeover refuses the call that waits for approval, and what the
// contact read of it ("we look into it") is no answer, whatever follow-ups came
// after it: an agent that the human hands the conversation back to answers.
func TestHandBackWhileACallWaits(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "after a follow-up": time.Minute} {
		t.Run(name, func(t *testing.T) {
			act, keys := counter("refund", nil)
			act.NeedsApproval = true
			k := newKit(t, agenttest.Script(t, agenttest.CallTool("refund", nil), agenttest.Say("We look into it."), agenttest.Say("I ask once more.")),
				with(act), func(c *agent.Config) { c.Ladders = []followup.Ladder{steps(after(time.Minute, "Still there?"))} })
			call := k.say("refund me").Calls[0].ID
			k.pass(wait)
			id := k.conversation().ID
			require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"}, "ana"))
			require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Sales Agent"}, "ana"))
			k.runDue()
			assert.Equal(t, "I ask once more.", k.sent()[len(k.sent())-1])
			require.ErrorIs(t, k.mux.Resolve(k.ctx, call, true, "ana"), agent.ErrStale)
			assert.Empty(t, *keys)
		})
	}
}

// S1.2, S7.9: a conversation goes from one agent to another after a human has
// answered the contact: what the first was to do is not done by the second.
func TestHandBackAfterAHumansAnswerEndsATurnThatWaits(t *testing.T) {
	k := newKit(t, nobody(t))
	k.accept("Hi")
	id := k.conversation().ID
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"}, "ana"))
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "a-support"}, "ana"))
	v := k.view()
	require.NotNil(t, v.Task(agent.TaskTurn), "nobody has answered yet")
	_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: id, UserID: "ana", Text: "mine", KeepAssignee: true})
	require.NoError(t, err)
	require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "a-sales"}, "ana"))
	v = k.view()
	assert.Nil(t, v.Task(agent.TaskTurn))
	k.pass(time.Hour)
	assert.Equal(t, []string{"mine"}, k.sent())
}

// I32: whether the contact waits for an answer is found behind any number of
// internal notes.
func TestHandBackBehindManyNotes(t *testing.T) {
	for _, answered := range []bool{false, true} {
		script := []agenttest.Step{agenttest.CallTool("assign", args{"target": "Sales Team", "reason": "a demo"}), agenttest.Say("A colleague will write.")}
		want := []string{"A colleague will write.", "Ana here."}
		if !answered {
			script, want[1] = append(script, agenttest.Say("Sales again.")), "Sales again."
		}
		k := newKit(t, agenttest.Script(t, script...))
		k.say("A demo, please")
		id := k.conversation().ID
		if answered {
			_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: id, UserID: "ana", Text: "Ana here."})
			require.NoError(t, err)
		}
		for range 100 {
			require.NoError(t, k.mux.Note(k.ctx, id, "ana", "I look into it."))
		}
		require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Sales Agent"}, "ana"))
		k.pass(time.Hour)
		assert.Equal(t, want, k.sent())
	}
}
