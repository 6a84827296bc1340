package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// after is a step that says a text as it is.
func after(d time.Duration, text string, acts ...followup.Action) followup.Step {
	return followup.Step{Delay: followup.Delay(d), Messages: []followup.Message{{Text: text, Verbatim: true}}, Actions: acts}
}

func steps(s ...followup.Step) followup.Ladder { return followup.Ladder{Steps: s} }

func withLadders(ls ...followup.Ladder) func(*agent.Config) {
	return func(c *agent.Config) { c.Ladders = ls }
}

func withInstructions(text string) func(*agent.Config) {
	return func(c *agent.Config) { c.Instructions = text }
}

var closeSilently = followup.Action{Name: actions.NameClose, NoSummary: true}

// pending is the follow-up that waits; nil if none does.
func (k *kit) pending() *agent.Task {
	k.t.Helper()
	v := k.view()
	return v.Task(agent.TaskFollowUp)
}

// ended reads the record of a follow-up by the ID of its turn.
func (k *kit) ended(turnID string) *agent.Turn {
	k.t.Helper()
	v, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: turnID})
	require.NoError(k.t, err)
	return v.Turn
}

// S8.1: a prompt has up to five steps over all its ladders, each at most a day
// after the message before it; New refuses others, in text and in Go.
func TestFollowUpLimits(t *testing.T) {
	k := newKit(t, nobody(t))
	build := func(change func(*agent.Config)) error {
		c := k.config("Sales Agent", nobody(t))
		change(&c)
		_, err := agent.New(c)
		return err
	}
	require.NoError(t, build(withLadders(steps(after(24*time.Hour, "a"), after(24*time.Hour, "b"), after(1, "c"), after(1, "d"), after(1, "e")))))
	require.ErrorContains(t, build(withLadders(steps(after(24*time.Hour+1, "a")))), "24h")
	var six []followup.Step
	for range 6 {
		six = append(six, after(time.Hour, "again"))
	}
	require.Error(t, build(withLadders(steps(six...))))
	require.Error(t, build(withLadders(steps(six[:3]...), steps(six[:3]...))), "over all ladders")
	var ie *agent.InstructionError
	require.ErrorAs(t, build(withInstructions(prompt+"# FOLLOW-UP\nIf the contact does not reply after 25 hours, say \"Hi\".\n")), &ie)
	assert.Equal(t, "followup-too-late", string(ie.Diagnostics[0].Code))
}

// S8.2: a ladder is armed by a reply of a turn, not by its own messages, and
// not by a turn that closed, assigned or stopped follow-ups.
func TestArming(t *testing.T) {
	for _, c := range []struct {
		name string
		call agenttest.Step
	}{
		{"closed", agenttest.CallTool("close_conversation", nil)},
		{"assigned", agenttest.CallTool("assign", map[string]any{"target": "Sales Team"})},
		{"stopped", agenttest.CallTool("stop_follow_ups", map[string]any{"reason": "not_interested"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), c.call, agenttest.Say("Bye.")), withLadders(goLadder()))
			k.say("Hi")
			require.NotNil(t, k.pending())
			turn := k.say("go on")
			require.Equal(t, agent.CallDone, turn.Calls[0].Outcome, turn.Calls[0].Detail)
			assert.Nil(t, k.pending())
			k.pass(240 * time.Hour)
			assert.Equal(t, []string{"Hello!", "Bye."}, k.sent())
		})
	}
	t.Run("its own messages do not arm", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Minute, "Still there?"))))
		k.say("Hi")
		for range 5 {
			k.pass(time.Minute)
		}
		assert.Equal(t, []string{"Hello!", "Still there?"}, k.sent())
		assert.Nil(t, k.pending())
	})
	t.Run("a later turn arms anew", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.")), withLadders(steps(after(2*time.Minute, "one"), after(time.Minute, "two"))))
		k.say("Hi")
		k.pass(2 * time.Minute)
		k.say("yes")
		assert.Equal(t, 0, k.pending().Ladder.Step, "from its first step")
		assert.Zero(t, k.pass(119*time.Second))
		k.pass(time.Second)
		assert.Equal(t, []string{"Hello!", "one", "Good.", "one"}, k.sent())
	})
	t.Run("a failed turn does not arm", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Fail(&agent.LLMError{Kind: agent.LLMDenied})), withLadders(goLadder()), func(c *agent.Config) { c.Fallback.Text = "One moment." })
		k.say("Hi")
		assert.Nil(t, k.pending())
	})
}

// S8.2: the delay counts from the recorded outcome of the message before it,
// whichever that is, and nothing is due before it is known.
func TestDelayCountsFromTheOutcome(t *testing.T) {
	for _, c := range []struct {
		name   string
		fail   error
		status frontdesk.DeliveryStatus
	}{
		{"sent", nil, frontdesk.Sent},
		{"failed", agenttest.Rejected("blocked"), frontdesk.Failed},
		{"unknown", agenttest.ErrUnknown, frontdesk.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(goLadder()))
			k.channel.FailNext(1, agenttest.NotSent("busy"))
			if c.fail != nil {
				k.channel.FailNext(1, c.fail)
			}
			k.say("Hi")
			require.True(t, k.pending().Due.IsZero(), "nothing is due before the outcome is known")
			k.pass(2 * time.Second) // the retry
			h := k.view().History
			require.Equal(t, c.status, h[len(h)-1].Status)
			assert.Equal(t, k.clock.Now().Add(2*time.Minute), k.pending().Due, "from the outcome, not from the commit")
			assert.Zero(t, k.pass(2*time.Minute-1))
			k.pass(1)
			assert.Contains(t, k.sent(), "Still there?")
		})
	}
}

// S8.2: of several ladders the LLM says which applies; without a word of it
// the one without condition does.
func TestSeveralLadders(t *testing.T) {
	big := followup.Ladder{Condition: "the budget is big", Steps: []followup.Step{after(time.Hour, "big one")}}
	small := followup.Ladder{Condition: "the budget is small", Steps: []followup.Step{after(2*time.Hour, "small one")}}
	always := steps(after(3*time.Hour, "any one"))
	for _, c := range []struct {
		name   string
		choose []agenttest.Step
		want   []string
	}{
		{"the second", []agenttest.Step{agenttest.CallTool("choose_follow_up", map[string]any{"number": "2"})}, []string{"Hello!", "small one"}},
		{"the last choice counts", []agenttest.Step{
			agenttest.CallTool("choose_follow_up", map[string]any{"number": "2"}), agenttest.CallTool("choose_follow_up", map[string]any{"number": "1"}),
		}, []string{"Hello!", "big one"}},
		{"none said", nil, []string{"Hello!", "any one"}},
		{"one that is not there", []agenttest.Step{agenttest.CallTool("choose_follow_up", map[string]any{"number": "7"})}, []string{"Hello!", "any one"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, append(c.choose, agenttest.Say("Hello!"))...), withLadders(big, small, always))
			k.say("Hi")
			k.pass(4 * time.Hour)
			assert.Equal(t, c.want, k.sent())
		})
	}
	t.Run("one with a condition is not armed unless it is chosen", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(big))
		k.say("Hi")
		assert.Nil(t, k.pending())
	})
}

// S8.3: the message goes out, then the actions are done, and the next delay
// counts from that message.
func TestStepOrder(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(
		after(time.Minute, "Any news?", followup.Action{Name: actions.NameUpdateStage, Value: "Cold Lead"}, followup.Action{Name: actions.NameAddComment, Value: "silent for a minute"}),
		after(time.Hour, "Last call."),
	)))
	k.say("Hi")
	k.channel.FailNext(2, agenttest.NotSent("busy"))
	k.pass(time.Minute)
	assert.Equal(t, "Cold Lead", k.view().Contact.Stage, "actions do not wait for the channel")
	assert.True(t, k.pending().Due.IsZero(), "but the next delay does")
	k.pass(2 * time.Second)
	k.pass(4 * time.Second)
	assert.Equal(t, k.clock.Now().Add(time.Hour), k.pending().Due)
	var notes []string
	for _, m := range k.view().History {
		if m.Direction == frontdesk.DirInternal {
			notes = append(notes, m.Text)
		}
	}
	assert.Equal(t, []string{"silent for a minute"}, notes)
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!", "Any news?", "Last call."}, k.sent())
}

// S8.4, I9: whoever ends the wait ends the ladder, and its record says why.
func TestWhatCancelsALadder(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(k *kit, id string) error
		why  string
	}{
		{"the contact writes", func(k *kit, _ string) error { return k.mux.Accept(k.ctx, k.inbound("hm")) }, "the contact wrote"},
		{"close", func(k *kit, id string) error { return k.mux.Close(k.ctx, id, actions.Closing{}, "ana") }, "closed"},
		{"unassign", func(k *kit, id string) error {
			return k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetNobody}, "ana")
		}, "assigned"},
		{"assignment to a user", func(k *kit, id string) error {
			return k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Ben"}, "ana")
		}, "assigned"},
		{"assignment to another agent", func(k *kit, id string) error {
			return k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Support Agent"}, "ana")
		}, "assigned"},
		{"takeover", func(k *kit, id string) error {
			_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: id, UserID: "ana", Text: "Ana here"})
			return err
		}, "taken over"},
		{"a human on the phone", func(k *kit, _ string) error {
			return k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "test", To: "+62811", ProviderID: "x1", Text: "Ana here"})
		}, "taken over"},
		{"opt-out", func(k *kit, _ string) error {
			in := k.inbound("")
			in.OptOut = true
			return k.mux.Accept(k.ctx, in)
		}, "the contact wrote"},
	} {
		t.Run(c.name, func(t *testing.T) {
			llm := agenttest.Script(t, agenttest.Say("Hello!"))
			k := newKit(t, llm, withLadders(goLadder()))
			k.say("Hi")
			p := k.pending()
			require.NotNil(t, p)
			require.NoError(t, c.do(k, k.conversation().ID))
			assert.Nil(t, k.pending())
			rec := k.ended(p.TurnID)
			require.NotNil(t, rec, "I12: the step has one end, on record")
			assert.Equal(t, agent.ExitCancelled, rec.Exit)
			assert.Contains(t, rec.Failure, c.why)
			assert.Equal(t, "Sales Agent", rec.Agent)
			llm.Add(agenttest.Say("Good.").Times(-1))
			k.pass(time.Minute)
			k.pass(time.Hour)
			assert.NotContains(t, k.sent()[:min(2, len(k.sent()))], "Still there?")
		})
	}
}

// S8.4: a step that was claimed is checked again when it commits, wherever the
// contact's message or the takeover falls in between.
func TestStepLosesAgainstWhateverIsStoredFirst(t *testing.T) {
	stepLadder := followup.Ladder{Steps: []followup.Step{{
		Delay: followup.Delay(time.Minute), Messages: []followup.Message{{Text: "Remind them"}}, Actions: []followup.Action{{Name: actions.NameUpdateStage, Value: "Cold Lead"}},
	}}}
	for name, disturb := range map[string]func(k *kit){
		"message":  func(k *kit) { k.accept("I am here") },
		"close":    func(k *kit) { require.NoError(t, k.mux.Close(k.ctx, k.conversation().ID, actions.Closing{}, "ana")) },
		"takeover": func(k *kit) { k.takeover("ana", "Ana here") },
	} {
		t.Run(name+" during the LLM call", func(t *testing.T) {
			var k *kit
			llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
				disturb(k)
				return &agent.Response{Text: "too late"}, nil
			}))
			k = newKit(t, llm, withLadders(stepLadder))
			k.say("Hi")
			llm.Add(agenttest.Say("Good.").Times(-1))
			k.pass(time.Minute)
			k.pass(time.Minute)
			assert.NotContains(t, k.sent(), "too late")
			assert.Empty(t, k.view().Contact.Stage, "nor its actions")
		})
		t.Run(name+" before the commit", func(t *testing.T) {
			plan := &agenttest.Plan{}
			k := &kit{t: t, ctx: t.Context(), clock: agenttest.NewFakeClock(), channel: &agenttest.RecordingChannel{}}
			inner := memstore.New()
			k.store = agenttest.NewFaultyStore(inner, plan)
			llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("too late"))
			k.build(llm, withLadders(stepLadder))
			k.say("Hi")
			llm.Add(agenttest.Say("Good.").Times(-1))
			done := false
			plan.Before = func(_ context.Context, op agenttest.Op) error {
				if c, ok := op.Arg.(agent.Commit); ok && len(c.Turns) > 0 && c.Turns[0].Exit == agent.ExitFollowedUp && !done {
					done = true
					disturb(k)
				}
				return nil
			}
			k.pass(time.Minute)
			require.True(t, done)
			k.pass(time.Minute)
			assert.NotContains(t, k.sent(), "too late")
			assert.Empty(t, k.view().Contact.Stage)
		})
		t.Run(name+" before the send", func(t *testing.T) {
			llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("reminder"))
			k := newKit(t, llm, withLadders(stepLadder))
			k.say("Hi")
			k.channel.FailNext(1, agenttest.NotSent("busy"))
			k.pass(time.Minute) // fired, not out
			llm.Add(agenttest.Say("Good.").Times(-1))
			disturb(k)
			k.pass(time.Minute)
			if name != "message" { // a message that is on its way may still go out
				assert.NotContains(t, k.sent(), "reminder", "S7.4: an older epoch is not sent")
			}
		})
	}
}

// takeover has a user write.
func (k *kit) takeover(userID, text string) {
	k.t.Helper()
	_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: userID, Text: text})
	require.NoError(k.t, err)
}

// S8.5: "follow up twice, then close" is three messages; the FAQ's rewrite
// with a time of its own for the close is two.
func TestFollowUpTwiceThenClose(t *testing.T) {
	t.Run("three", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("one"), agenttest.Say("two"), agenttest.Say("closing"), agenttest.Say("a summary")),
			withInstructions(prompt+"# FOLLOW-UP\nFollow up twice if they do not reply, then close the conversation.\n"),
			func(c *agent.Config) { c.FollowUps.DefaultDelay = time.Hour })
		k.say("Hi")
		for range 6 {
			k.pass(time.Hour)
		}
		assert.Equal(t, []string{"Hello!", "one", "two", "closing"}, k.sent())
		assert.Equal(t, frontdesk.Closed, k.conversation().Status)
		assert.Equal(t, "a summary", k.conversation().Summary)
	})
	t.Run("two", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("a summary")),
			withInstructions(prompt+"# FOLLOW-UP\nAfter 2 minutes without a reply, say \"Are you still there?\", then if still no reply after another 2 minutes close the conversation and tell them \"I am closing this now.\"\n"))
		k.say("Hi")
		for range 6 {
			k.pass(2 * time.Minute)
		}
		assert.Equal(t, []string{"Hello!", "Are you still there?", "I am closing this now."}, k.sent())
		assert.Equal(t, frontdesk.Closed, k.conversation().Status)
	})
}

// S8.6: a step without a time takes the one before it; a ladder without any
// is armed only with a default delay.
func TestDelaysThatAreNotGiven(t *testing.T) {
	inherit := withInstructions(prompt + "# FOLLOW-UP\nIf they do not reply after 5 minutes, say \"one\". If still no reply, say \"two\".\n")
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), inherit)
	k.say("Hi")
	k.pass(5 * time.Minute)
	assert.Zero(t, k.pass(5*time.Minute-1))
	k.pass(1)
	assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())

	timeless := withInstructions(prompt + "# FOLLOW-UP\nIf they do not reply, say \"one\". If there is still no reply, say \"two\".\n")
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), timeless)
	k.say("Hi")
	assert.Nil(t, k.pending())

	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), timeless, func(c *agent.Config) { c.FollowUps.DefaultDelay = time.Minute })
	k.say("Hi")
	k.pass(time.Minute)
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())
}

// S8.6: a close always has a message: the prompt's, the LLM's or the
// vocabulary's, in the contact's language or that of the instructions, unless
// the prompt wants silence.
func TestCloseHasAMessage(t *testing.T) {
	down := agenttest.Fail(errors.New("down")).Times(-1)
	closing := followup.Step{Delay: followup.Delay(time.Minute), Actions: []followup.Action{closeSilently}}
	for _, c := range []struct {
		name, language, prompt, want string
		step                         followup.Step
		llm                          agenttest.Step
	}{
		{name: "prompt", step: after(time.Minute, "Closing.", closeSilently), want: "Closing.", llm: down},
		{name: "LLM", step: closing, want: "Bye for now.", llm: agenttest.Say("Bye for now.").ExpectTools()},
		{name: "vocabulary", step: closing, want: "I'll close our conversation for now", llm: down},
		{name: "vocabulary, by the contact's language", step: closing, language: "id-ID", want: "Saya akan menutup", llm: down},
		{name: "vocabulary, by the instructions", step: closing, prompt: "# KONTEKS\n* Anda berbicara dengan pengunjung situs kami.\n# ALUR\n1. Sapa kontak dan tanyakan kebutuhan mereka.\n", want: "Saya akan menutup", llm: down},
		{name: "an unknown language is no language", step: closing, language: "Klingon or so", want: "I'll close our conversation", llm: down},
		{name: "a step that does not close", step: followup.Step{Delay: followup.Delay(time.Minute)}, language: "de", want: "Sind Sie noch da?", llm: down},
	} {
		t.Run(c.name, func(t *testing.T) {
			llm := agenttest.Script(t, agenttest.Say("Hello!"))
			k := newKit(t, llm, withLadders(steps(c.step)), func(cfg *agent.Config) {
				if c.prompt != "" {
					cfg.Instructions = c.prompt
				}
			})
			k.say("Hi")
			k.field("language", frontdesk.Text(c.language))
			llm.Add(c.llm.Times(-1))
			k.pass(time.Minute)
			require.Len(t, k.sent(), 2)
			assert.Contains(t, k.sent()[1], c.want)
			if len(c.step.Actions) > 0 {
				assert.Equal(t, frontdesk.Closed, k.conversation().Status)
			}
		})
	}
	t.Run("silent", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(followup.Step{
			Delay: followup.Delay(time.Minute), Silent: true, Actions: []followup.Action{closeSilently},
		})))
		k.say("Hi")
		k.pass(time.Minute)
		assert.Equal(t, []string{"Hello!"}, k.sent())
		assert.Equal(t, frontdesk.Closed, k.conversation().Status)
	})
}

// field sets a field of the contact, as another program would.
func (k *kit) field(id string, v frontdesk.Value) {
	k.t.Helper()
	view := k.view()
	c := view.Contact.Clone()
	if c.Fields == nil {
		c.Fields = map[string]frontdesk.Value{}
	}
	c.Fields[id] = v
	require.NoError(k.t, k.store.Commit(k.ctx, agent.Commit{Contact: &c, Conversation: view.Conversation}))
}

// S8.7: what happens when the channel's reply window has closed.
func TestReplyWindow(t *testing.T) {
	const window = 24 * time.Hour
	ladder := steps(after(23*time.Hour, "one"), after(2*time.Hour, "two", followup.Action{Name: actions.NameUpdateStage, Value: "Cold Lead"}), after(time.Hour, "three"))
	build := func(t *testing.T, f agent.FollowUps) *kit {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(ladder), func(c *agent.Config) { c.FollowUps = f })
		k.channel.Caps.ReplyWindow = window
		k.say("Hi")
		return k
	}
	byText := func(k *kit, text string) *frontdesk.Message {
		for _, m := range k.view().History {
			if m.Text == text {
				return &m
			}
		}
		return nil
	}
	t.Run("fail", func(t *testing.T) {
		k := build(t, agent.FollowUps{})
		k.pass(23 * time.Hour)
		k.pass(2 * time.Hour)
		two := byText(k, "two")
		require.NotNil(t, two)
		assert.Equal(t, frontdesk.Failed, two.Status)
		assert.Contains(t, two.Reason, "window")
		assert.Equal(t, "Cold Lead", k.view().Contact.Stage, "the actions are done all the same")
		k.pass(time.Hour)
		require.NotNil(t, byText(k, "three"), "the ladder goes on")
		assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	})
	t.Run("skip", func(t *testing.T) {
		k := build(t, agent.FollowUps{Window: agent.WindowSkip})
		k.pass(23 * time.Hour)
		k.pass(2 * time.Hour)
		assert.Nil(t, byText(k, "two"))
		assert.Equal(t, "Cold Lead", k.view().Contact.Stage)
		assert.Equal(t, k.clock.Now().Add(time.Hour), k.pending().Due, "it counts from the skipped step")
	})
	t.Run("template", func(t *testing.T) {
		k := build(t, agent.FollowUps{Window: agent.WindowTemplate, Template: "come_back"})
		k.pass(23 * time.Hour)
		k.pass(2 * time.Hour)
		sent := k.channel.Delivered()
		require.Len(t, sent, 3)
		assert.Empty(t, sent[1].Template, "the window was still open")
		assert.Equal(t, "come_back", sent[2].Template)
		assert.Equal(t, frontdesk.Sent, byText(k, "two").Status)
	})
	t.Run("pull forward", func(t *testing.T) {
		k := build(t, agent.FollowUps{Window: agent.WindowPullForward})
		k.pass(23 * time.Hour)
		due := k.pending().Due
		assert.True(t, due.Before(agenttest.Start.Add(window)), "%s", due)
		assert.True(t, due.After(agenttest.Start.Add(window-5*time.Minute)), "%s", due)
		k.pass(due.Sub(k.clock.Now()))
		assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())
	})
}

// S8.8: a step whose LLM text cannot be had uses the prompt's own text; the
// LLM is asked once.
func TestStepWithoutTheLLM(t *testing.T) {
	example := followup.Step{Delay: followup.Delay(time.Minute), Messages: []followup.Message{{Text: "Are you with us, $contact.firstname|there?"}}}
	for name, answer := range map[string]agenttest.Step{
		"down":      agenttest.Fail(errors.New("down")),
		"empty":     agenttest.Say(""),
		"refused":   agenttest.Raw(agent.Response{Text: "no", Stop: agent.StopRefuse}),
		"cut":       agenttest.Raw(agent.Response{Text: "Are y", Stop: agent.StopLength}),
		"call":      agenttest.CallTool("assign", map[string]any{"target": "Sales Team"}),
		"call text": agenttest.Say(`{"name":"assign","arguments":{"target":"Sales Team"}}`),
		"panic":     agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) { panic("boom") }),
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), answer), withLadders(steps(example)))
			k.say("Hi")
			k.pass(time.Minute)
			assert.Equal(t, []string{"Hello!", "Are you with us, there?"}, k.sent())
			assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
		})
	}
	t.Run("the provider asked for a pause", func(t *testing.T) {
		llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Fail(&agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: time.Hour}))
		k := newKit(t, llm, withLadders(steps(example, example)))
		k.say("Hi")
		k.pass(time.Minute)
		k.pass(time.Minute)
		assert.Equal(t, 2, llm.Count(), "it is not asked while the pause lasts")
		assert.Equal(t, []string{"Hello!", "Are you with us, there?", "Are you with us, there?"}, k.sent())
	})
}

// S8.1: verbatim texts go out as they are; examples, alternatives and
// sequences are written by the LLM; a sequence is one follow-up.
func TestStepTexts(t *testing.T) {
	msgs := func(verbatim bool, texts ...string) []followup.Message {
		var out []followup.Message
		for _, x := range texts {
			out = append(out, followup.Message{Text: x, Verbatim: verbatim})
		}
		return out
	}
	for _, c := range []struct {
		name string
		step followup.Step
		llm  []agenttest.Step
		want []string
	}{
		{"verbatim", followup.Step{Messages: msgs(true, "Hi again, $contact.firstname!")}, nil, []string{"Hi again, Rina!"}},
		{"example", followup.Step{Messages: msgs(false, "Hi again, $contact.firstname!")},
			[]agenttest.Step{agenttest.Say("Halo lagi, Rina!").ExpectLast(`Hi again, Rina!`, "language of the conversation")}, []string{"Halo lagi, Rina!"}},
		{"alternatives", followup.Step{Mode: followup.Alternatives, Messages: msgs(false, "A?", "B?")},
			[]agenttest.Step{agenttest.Say("B or so?").ExpectLast("A?", "B?")}, []string{"B or so?"}},
		{"verbatim alternatives", followup.Step{Mode: followup.Alternatives, Messages: msgs(true, "A?", "B?")}, nil, []string{"A?"}},
		{"verbatim sequence", followup.Step{Messages: msgs(true, "First.", "Second.")}, nil, []string{"First.", "Second."}},
		{"sequence by the LLM", followup.Step{Messages: msgs(false, "First.", "Second.")},
			[]agenttest.Step{agenttest.Say("Eins.\n---\nZwei.").ExpectLast("2 messages")}, []string{"Eins.", "Zwei."}},
		{"no text", followup.Step{}, []agenttest.Step{agenttest.Say("Well?")}, []string{"Well?"}},
		{"an action alone says nothing", followup.Step{Actions: []followup.Action{{Name: actions.NameUpdateStage, Value: "Cold Lead"}}}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.step.Delay = followup.Delay(time.Minute)
			llm := agenttest.Script(t, append([]agenttest.Step{agenttest.Say("Hello!")}, c.llm...)...)
			k := newKit(t, llm, withLadders(steps(c.step, after(time.Hour, "next"))))
			k.say("Hi")
			k.field("firstname", frontdesk.Text("Rina")) // S4.3: expanded when the step fires
			k.pass(time.Minute)
			assert.Equal(t, append([]string{"Hello!"}, c.want...), k.sent())
			assert.Equal(t, k.clock.Now().Add(time.Hour), k.pending().Due)
			assert.Equal(t, 1, k.pending().Ladder.Step, "one follow-up")
		})
	}
}

// S5.5, S8.3: a step that assigns names whom it assigned to.
func TestStepNamesTheAssignee(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(
		after(time.Minute, "$assignee.name will call you.", followup.Action{Name: "assign", Target: "Support Team"}), after(time.Minute, "never"),
	)))
	k.say("Hi")
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "Cy will call you."}, k.sent())
	assert.Equal(t, user("cy"), k.conversation().Assignee)
	assert.Nil(t, k.pending(), "S8.4: the assignment ends it")
}
