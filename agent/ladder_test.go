package agent_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// S8.9: times survive a restart; what fell due meanwhile fires once, and what
// follows counts from then.
func TestRestart(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(goLadder()))
	k.say("Hi")
	k.build(nobody(t), withLadders(goLadder()))
	k.pass(10 * time.Hour)
	assert.Equal(t, []string{"Hello!", "Still there?"}, k.sent(), "one step, not a burst")
	k.build(nobody(t), withLadders(goLadder()))
	assert.Zero(t, k.pass(2*time.Minute-1))
	k.pass(1)
	assert.Equal(t, []string{"Hello!", "Still there?", "I will close this for now."}, k.sent())
}

// S8.9, I7: a step fires once, however many processes share the store, and a
// crash anywhere in it changes nothing about that.
func TestStepFiresOnceInTwoProcesses(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Minute, "one"), after(time.Minute, "two"))))
	k.say("Hi")
	first := k.mux
	k.build(nobody(t), withLadders(steps(after(time.Minute, "one"), after(time.Minute, "two"))))
	for range 4 {
		k.clock.Advance(time.Minute)
		for _, m := range []*agent.Mux{first, k.mux, first} {
			_, err := m.RunDue(k.ctx)
			require.NoError(t, err)
		}
	}
	assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())
}

// I29: a text that was written for a step under instructions that have changed
// since a crash is not sent: it is written anew, and the outside action that
// ran keeps its key.
func TestStepIsWrittenAnewUnderNewInstructions(t *testing.T) {
	k := newKit(t, nobody(t))
	inner := k.store
	dying := &crash{Store: inner}
	k.store = dying
	var keys []string
	act := actions.MustFunc("note_it", "Note.", func(_ context.Context, c actions.Call, _ struct{}) (actions.Result, error) {
		keys = append(keys, c.Key)
		dying.dead = len(keys) == 1
		return actions.Result{}, nil
	})
	ladder := withLadders(steps(followup.Step{
		Delay: followup.Delay(time.Minute), Messages: []followup.Message{{Text: "ex"}}, Actions: []followup.Action{{Name: "note_it"}},
	}))
	k.build(agenttest.Script(t, agenttest.Say("Hello"), agenttest.Say("by the old rules")), with(act), ladder)
	k.say("Hi")
	k.clock.Advance(time.Minute)
	_, err := k.mux.RunDue(k.ctx)
	require.Error(t, err)
	require.True(t, dying.dead)
	k.store = inner
	k.build(agenttest.Script(t, agenttest.Say("by the new rules").ExpectSystem("Chat only")), with(act), ladder, instructionsOf("# FLOW\n1. Chat only."))
	k.pass(5 * time.Minute)
	assert.Equal(t, []string{"Hello", "by the new rules"}, k.sent())
	require.Len(t, keys, 2)
	assert.Equal(t, keys[0], keys[1])
}

// S7.4, S7.8: a contact who writes while a step's outside action runs ends the
// ladder; the record of the step tells of the action all the same.
func TestCancelledStepKeepsWhatItDid(t *testing.T) {
	var k *kit
	act := actions.MustFunc("note_it", "Note.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		k.accept("wait")
		return actions.Result{}, nil
	})
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("I wait.")), with(act),
		withLadders(steps(after(time.Minute, "one", followup.Action{Name: "note_it"}))))
	k.say("Hi")
	id := k.pending().TurnID
	k.pass(time.Minute)
	k.pass(time.Minute)
	view, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: id})
	require.NoError(t, err)
	require.NotNil(t, view.Turn)
	assert.Equal(t, agent.ExitCancelled, view.Turn.Exit)
	assert.Equal(t, "the contact wrote", view.Turn.Failure)
	require.Len(t, view.Turn.Calls, 1)
	assert.Equal(t, agent.CallDone, view.Turn.Calls[0].Outcome)
	assert.Equal(t, []string{"Hello!", "I wait."}, k.sent())
}

// S8.9, S7.5: a crash before or after any call to the store while a step is
// done loses nothing and repeats nothing.
func TestStepSurvivesACrashAnywhere(t *testing.T) {
	example := followup.Step{Delay: followup.Delay(time.Minute), Messages: []followup.Message{{Text: "ex"}}, Actions: []followup.Action{{Name: "note_it"}, {Name: actions.NameUpdateStage, Value: "Cold Lead"}}}
	for n := 1; ; n++ {
		finished := false
		for _, before := range []bool{true, false} {
			ran := map[string]int{}
			act := actions.MustFunc("note_it", "Note.", func(_ context.Context, c actions.Call, _ struct{}) (actions.Result, error) {
				ran[c.Key]++
				return actions.Result{}, nil
			})
			with := func(c *agent.Config) {
				c.Actions = append(c.Actions, act)
				c.Ladders = []followup.Ladder{steps(example, after(time.Hour, "later"))}
			}
			plan := &agenttest.Plan{}
			k := &kit{t: t, ctx: t.Context(), clock: agenttest.NewFakeClock(), channel: &agenttest.RecordingChannel{Caps: agent.Capabilities{Idempotent: true}}}
			k.store = memstore.New()
			asked := 0
			llm := agenttest.LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) {
				asked++
				return &agent.Response{Text: fmt.Sprintf("text %d", asked)}, nil
			})
			k.build(llm, with)
			k.say("Hi")
			k.clock.Advance(time.Minute)
			store := k.store
			k.store = agenttest.NewFaultyStore(store, plan)
			k.build(llm, with)
			crashed, calls := false, 0
			ctx, cancel := context.WithCancel(k.ctx)
			dead := func() bool { return crashed }
			plan.Before = func(context.Context, agenttest.Op) error {
				if dead() {
					return agenttest.ErrCrashed
				}
				if calls++; before && calls == n {
					crashed = true
					cancel()
					return agenttest.ErrCrashed
				}
				return nil
			}
			plan.After = func(_ context.Context, _ agenttest.Op, err error) error {
				if !before && calls == n {
					crashed = true
					cancel()
					return agenttest.ErrCrashed
				}
				return err
			}
			_, err := k.mux.RunDue(ctx)
			cancel()
			if !crashed {
				require.NoError(t, err)
				finished = true
				continue
			}
			k.store = store
			k.build(llm, with)
			k.pass(3 * time.Minute) // the lease of the dead process ends
			k.pass(time.Minute)
			texts := k.sent()
			require.Len(t, texts, 2, "call %d, before %v: %q", n, before, texts)
			assert.Equal(t, "Cold Lead", k.view().Contact.Stage)
			assert.Len(t, ran, 1, "call %d, before %v: one key", n, before)
			assert.LessOrEqual(t, asked, 3)
			require.NotNil(t, k.pending())
			assert.Equal(t, 1, k.pending().Ladder.Step)
		}
		if finished {
			require.Greater(t, n, 5, "there was something to crash in")
			break
		}
	}
}

// S8.10: the ladder of a silence is the one it was armed with.
func TestLadderIsFrozen(t *testing.T) {
	llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good."))
	k := newKit(t, llm, withLadders(steps(after(time.Minute, "old one"), after(time.Minute, "old two"))))
	k.say("Hi")
	k.build(llm, withLadders(steps(after(time.Hour, "new one"))), withInstructions(prompt+"\n* Be brief.\n"))
	k.pass(time.Minute)
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "old one", "old two"}, k.sent())
	k.say("back")
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!", "old one", "old two", "Good.", "new one"}, k.sent(), "the next arming takes the new one")
}

// S8.11: a ladder of five days takes a test no time.
func TestFiveDays(t *testing.T) {
	day := 24 * time.Hour
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(
		after(day, "1"), after(day, "2"), after(day, "3"), after(day, "4"), after(day, "5", closeSilently),
	)))
	k.say("Hi")
	for i := 1; i <= 5; i++ {
		assert.Zero(t, k.pass(day-1))
		k.pass(1)
		assert.Len(t, k.sent(), i+1)
	}
	assert.Equal(t, []string{"Hello!", "1", "2", "3", "4", "5"}, k.sent())
	assert.Equal(t, frontdesk.Closed, k.conversation().Status)
	_, waits, err := k.mux.NextDue(k.ctx)
	require.NoError(t, err)
	assert.False(t, waits)
}

// I30: a clock that goes back fires nothing twice; one that jumps forward
// hurries one step at most.
func TestClockJumps(t *testing.T) {
	build := func() *kit {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"), after(time.Hour, "two"), after(time.Hour, "three"))))
		k.say("Hi")
		return k
	}
	k := build()
	k.pass(time.Hour)
	k.pass(-30 * time.Minute)
	k.pass(-48 * time.Hour)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	k.pass(48*time.Hour + 90*time.Minute)
	assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())

	k = build()
	k.pass(1000 * time.Hour)
	k.runDue()
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	k.pass(-999 * time.Hour) // corrected: what was hurried is not done again
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
}

// I10, I31: a worker read the clock before it was set back, claims a step that
// is not due by the new time, and cannot go on. The retry hurries nothing.
func TestRetryOfAStaleClaimHurriesNoStep(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"))))
	k.say("Hi")
	due := k.pending().Due
	back, failed := false, false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		switch {
		case op.Name == agenttest.OpClaim && !back:
			back = true
			k.clock.Advance(-30 * time.Minute)
		case op.Name == agenttest.OpLoad && back && !failed:
			failed = true
			return agenttest.ErrUnknown
		}
		return nil
	}
	k.pass(time.Hour)
	require.True(t, failed)
	assert.Equal(t, due, k.pending().Due)
	k.pass(29 * time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
}

// I31: the clock is set back between the claim of a step and the look at it: it
// waits for its time.
func TestStepThatWasClaimedByAnotherClock(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"))))
	k.say("Hi")
	back := false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		if op.Name == agenttest.OpClaim && !back {
			back = true
			k.clock.Advance(-30 * time.Minute)
		}
		return nil
	}
	k.pass(time.Hour)
	k.pass(29 * time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
}

// S8.2: a report on a message whose outcome was known moves no step that was
// put off since.
func TestReceiptHurriesNoStepThatWasPutOff(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"))))
	k.say("Hi")
	claimed, failed := false, false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		claimed = claimed || op.Name == agenttest.OpClaim
		if claimed && !failed && op.Name == agenttest.OpLoad {
			failed = true
			return agenttest.ErrUnknown
		}
		return nil
	}
	k.pass(time.Hour)
	due := k.pending().Due
	require.True(t, due.After(k.clock.Now()), "it is tried again later")
	settled := k.lastOutbound().SettledAt
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: k.lastOutbound().ID, Status: frontdesk.Delivered}))
	require.Equal(t, frontdesk.Delivered, k.lastOutbound().Status)
	assert.Equal(t, due, k.pending().Due)
	assert.Equal(t, settled, k.lastOutbound().SettledAt, "it is that of the first outcome")
}

// S8.4, protocol rule 5: a ladder that was armed in an earlier epoch does not
// fire, though whoever raised the epoch left it: a program that is not ours.
func TestLadderOfAnEarlierEpochDoesNotFire(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"))))
	k.say("Hi")
	step := k.pending().TurnID
	conv := k.conversation()
	conv.Epoch++
	require.NoError(t, k.store.Commit(k.ctx, agent.Commit{Conversation: &conv}))
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	assert.Nil(t, k.pending())
	assert.Equal(t, agent.ExitCancelled, k.ended(step).Exit)
}

// S7.5, S8.3: a process dies when the outside action of a step is done and its
// result recorded, before the step is committed: it is not run again.
func TestActionOfAStepIsRecordedBeforeTheStep(t *testing.T) {
	act, keys := counter("ping", nil)
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), with(act),
		withLadders(steps(after(time.Hour, "one", followup.Action{Name: "ping"}))))
	k.say("Hi")
	dead, died := false, false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		if c, ok := op.Arg.(agent.Commit); ok && !died && len(c.Turns) == 1 && c.Turns[0].Exit == agent.ExitFollowedUp {
			dead, died = true, true
		}
		if dead {
			return agenttest.ErrUnknown
		}
		return nil
	}
	k.clock.Advance(time.Hour)
	_, err := k.mux.RunDue(k.ctx)
	require.Error(t, err)
	require.Len(t, *keys, 1)
	dead = false
	k.pass(5 * time.Minute)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	assert.Len(t, *keys, 1)
}

// I26: each step has its attempts to itself.
func TestStepsDoNotShareTheirAttempts(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"), after(time.Hour, "two"), after(time.Hour, "three"))), func(c *agent.Config) {
		c.Limits.Attempts = 1
	})
	k.say("Hi")
	for range 3 {
		k.pass(time.Hour)
	}
	assert.Equal(t, []string{"Hello!", "one", "two", "three"}, k.sent())
}

// S8.12: quiet hours in the workspace's zone; delays are elapsed time.
func TestQuietHours(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Hour, "one"), after(time.Hour, "two"))), func(c *agent.Config) {
		c.Workspace.TimeZone = "Asia/Jakarta" // UTC+7
		c.FollowUps.Quiet = followup.QuietHours{From: 21 * time.Hour, To: 8 * time.Hour}
	})
	k.clock.Set(time.Date(2025, 1, 6, 13, 30, 0, 0, time.UTC)) // 20:30 in Jakarta
	k.say("Hi")
	assert.Equal(t, time.Date(2025, 1, 7, 1, 0, 0, 0, time.UTC), k.pending().Due, "08:00 in Jakarta")
	k.pass(11 * time.Hour)
	assert.Len(t, k.sent(), 1)
	k.pass(30 * time.Minute)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	assert.Equal(t, k.clock.Now().Add(time.Hour), k.pending().Due)
	// A process that comes late into the night waits for the morning.
	k.clock.Set(time.Date(2025, 1, 7, 16, 0, 0, 0, time.UTC)) // 23:00
	k.runDue()
	assert.Len(t, k.sent(), 2)
	assert.Equal(t, time.Date(2025, 1, 8, 1, 0, 0, 0, time.UTC), k.pending().Due)
}

// S8.12: a budget of unanswered messages.
func TestMaxUnanswered(t *testing.T) {
	var turns *[]agent.Turn
	llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good."))
	k := newKit(t, llm, withLadders(steps(after(time.Hour, "one"), after(time.Hour, "two"), after(time.Hour, "three"))), func(c *agent.Config) {
		c.FollowUps.MaxUnanswered = 3
		var got []agent.Turn
		turns = &got
		c.OnTurn = func(t agent.Turn) { got = append(got, t) }
	})
	k.say("Hi")
	for range 5 {
		k.pass(time.Hour)
	}
	assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())
	last := (*turns)[len(*turns)-1]
	assert.Equal(t, agent.ExitCancelled, last.Exit)
	assert.Contains(t, last.Failure, "unanswered")
	k.say("here") // the budget is whole again
	for range 5 {
		k.pass(time.Hour)
	}
	assert.Equal(t, []string{"Hello!", "one", "two", "Good.", "one", "two"}, k.sent())
}

// S6.5: the summary of a ladder's close is one bounded LLM call, and a close
// does not wait for one that cannot be had.
func TestLadderSummary(t *testing.T) {
	bye := steps(after(time.Minute, "Closing.", followup.Action{Name: actions.NameClose, Note: "no response"}))
	t.Run("had", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Asked, fell silent.").ExpectTools().ExpectLast("summary")), withLadders(bye))
		k.say("Hi")
		k.pass(time.Minute)
		conv := k.conversation()
		assert.Equal(t, "Asked, fell silent.", conv.Summary)
		assert.Equal(t, "No Response", conv.ClosingNote)
		assert.Equal(t, []string{"Hello!", "Closing."}, k.sent(), "it is not for the contact")
	})
	t.Run("not had", func(t *testing.T) {
		llm := agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Fail(errors.New("down")))
		k := newKit(t, llm, withLadders(bye))
		k.say("Hi")
		k.pass(time.Minute)
		assert.Equal(t, frontdesk.Closed, k.conversation().Status)
		assert.Empty(t, k.conversation().Summary)
		assert.Equal(t, 2, llm.Count())
	})
	t.Run("too long", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say(strings.Repeat("long ", 1000))), withLadders(bye))
		k.say("Hi")
		k.pass(time.Minute)
		assert.Len(t, []rune(k.conversation().Summary), 2000)
	})
	t.Run("not wanted", func(t *testing.T) {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withInstructions(ladderPrompt))
		k.say("Hi")
		k.pass(2 * time.Minute)
		k.pass(2 * time.Minute)
		assert.Equal(t, frontdesk.Closed, k.conversation().Status)
		assert.Empty(t, k.conversation().Summary)
	})
}

// Protocol rule 7: a step whose agent, action or target is gone is cancelled
// with a reason, and nothing of it is done.
func TestStepWithSomethingGone(t *testing.T) {
	for _, c := range []struct {
		name   string
		act    followup.Action
		change func(k *kit) []agent.Config
		why    string
	}{
		{"action", followup.Action{Name: actions.NameUpdateStage, Value: "Cold Lead"}, func(k *kit) []agent.Config {
			c := k.config("Sales Agent", nobody(k.t))
			c.Actions = []actions.Action{actions.Assign(), actions.Close()}
			return []agent.Config{c}
		}, "no longer enabled"},
		{"stage", followup.Action{Name: actions.NameUpdateStage, Value: "Cold Lead"}, func(k *kit) []agent.Config {
			c := k.config("Sales Agent", nobody(k.t))
			c.Workspace.LifecycleStages = []string{"New Lead", "Hot Lead"}
			return []agent.Config{c}
		}, "Cold Lead"},
		{"team", followup.Action{Name: "assign", Target: "Support Team"}, func(k *kit) []agent.Config {
			c := k.config("Sales Agent", nobody(k.t))
			c.Workspace.Teams = c.Workspace.Teams[:1]
			return []agent.Config{c}
		}, "Support Team"},
		{"agent", closeSilently, func(k *kit) []agent.Config {
			c := k.config("Third Agent", nobody(k.t))
			return []agent.Config{c}
		}, "agent"},
		{"AI agent", followup.Action{Name: "assign", Target: "Third Agent"}, func(k *kit) []agent.Config {
			return []agent.Config{k.config("Sales Agent", nobody(k.t))}
		}, "Third Agent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nobody(t))
			sales := k.config("Sales Agent", agenttest.Script(t, agenttest.Say("Hello!")))
			sales.Ladders = []followup.Ladder{steps(after(time.Minute, "must not go out", c.act))}
			sales.Instructions = "Be kind to the contact."
			third := k.config("Third Agent", nobody(t))
			third.Instructions = "Be kind to the contact."
			k.join(sales, third)
			k.say("Hi")
			p := k.pending()
			cfgs := c.change(k)
			for i := range cfgs {
				cfgs[i].Instructions = "Be kind to the contact."
			}
			k.join(cfgs...)
			k.pass(time.Minute)
			assert.Equal(t, []string{"Hello!"}, k.sent())
			assert.Nil(t, k.pending())
			rec := k.ended(p.TurnID)
			require.NotNil(t, rec)
			assert.Equal(t, agent.ExitCancelled, rec.Exit)
			assert.Contains(t, rec.Failure, c.why)
			assert.Equal(t, frontdesk.Open, k.conversation().Status)
		})
	}
}

// S8.1, S6.8: a ladder given in Go may run a custom action, under a key of its
// own; one that fails does not stop the step.
func TestCustomActionInALadder(t *testing.T) {
	type in struct {
		List string `json:"list"`
	}
	var calls []actions.Call
	fail := false
	add := actions.MustFunc("add_to_list", "Add the contact to a list.", func(_ context.Context, c actions.Call, a in) (actions.Result, error) {
		calls = append(calls, c)
		if fail {
			return actions.Result{}, errors.New("the list is full")
		}
		return actions.Result{Set: map[string]frontdesk.Value{"budget": frontdesk.Number(7)}}, nil
	})
	act := followup.Action{Name: "add_to_list", Args: []byte(`{"list":"silent"}`)}
	for _, fail = range []bool{false, true} {
		var turn agent.Turn
		calls = nil
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Minute, "one", act, followup.Action{Name: actions.NameUpdateStage, Value: "Cold Lead"}))), func(c *agent.Config) {
			c.Actions = append(c.Actions, add)
			c.OnTurn = func(t agent.Turn) { turn = t }
		})
		k.say("Hi")
		k.pass(time.Minute)
		require.Len(t, calls, 1)
		assert.JSONEq(t, `{"list":"silent"}`, string(calls[0].Arguments))
		assert.NotEmpty(t, calls[0].Key)
		assert.Equal(t, []string{"Hello!", "one"}, k.sent())
		assert.Equal(t, "Cold Lead", k.view().Contact.Stage)
		require.NotNil(t, turn.Call("add_to_list"))
		if fail {
			assert.Equal(t, agent.CallFailed, turn.Call("add_to_list").Outcome)
			assert.Contains(t, turn.Call("add_to_list").Detail, "the list is full")
		} else {
			assert.Equal(t, agent.CallDone, turn.Call("add_to_list").Outcome)
			assert.Equal(t, "7", k.view().Contact.Field("budget").String())
		}
	}
}

// S8.4: a custom action of a step is not run for a contact who wrote while the
// LLM did.
func TestCustomActionNotRunAfterAReply(t *testing.T) {
	ran := 0
	act := actions.MustFunc("note_it", "Note.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		ran++
		return actions.Result{}, nil
	})
	var k *kit
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!"),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("wait")
			return &agent.Response{Text: "too late"}, nil
		}), agenttest.Say("Good.")),
		withLadders(steps(followup.Step{Delay: followup.Delay(time.Minute), Actions: []followup.Action{{Name: "note_it"}, closeSilently}})),
		func(c *agent.Config) { c.Actions = append(c.Actions, act) })
	k.say("Hi")
	k.pass(time.Minute)
	k.pass(time.Minute)
	assert.Zero(t, ran)
	assert.Equal(t, []string{"Hello!", "Good."}, k.sent())
}

// S6.9: an action of a ladder that needs approval waits for a person.
func TestApprovalInALadder(t *testing.T) {
	ran := 0
	act := actions.MustFunc("gift", "Send a gift.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		ran++
		return actions.Result{Content: "sent"}, nil
	})
	act.NeedsApproval = true
	var last agent.Turn
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("A gift is on its way!")), withLadders(steps(after(time.Minute, "one", followup.Action{Name: "gift"}))),
		func(c *agent.Config) {
			c.Actions = append(c.Actions, act)
			c.OnTurn = func(t agent.Turn) { last = t }
		})
	k.say("Hi")
	k.pass(time.Minute)
	assert.Zero(t, ran)
	require.NotNil(t, last.Call("gift"))
	require.NoError(t, k.mux.Resolve(k.ctx, last.Call("gift").ID, true, "ana"))
	k.runDue()
	assert.Equal(t, 1, ran)
	assert.Equal(t, []string{"Hello!", "one", "A gift is on its way!"}, k.sent())
}

// A policy on outgoing texts holds for a ladder's own texts too.
func TestOutgoingHoldsForLadders(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Minute, "see http://a.example"), after(time.Minute, "bad"), after(time.Minute, "good"))), func(c *agent.Config) {
		c.Outgoing = func(s string) (string, error) {
			if s == "bad" {
				return "", errors.New("no")
			}
			return strings.ReplaceAll(s, "http://", "https://"), nil
		}
	})
	k.say("Hi")
	for range 3 {
		k.pass(time.Minute)
	}
	assert.Equal(t, []string{"Hello!", "see https://a.example", "good"}, k.sent())
}

// I26: a step that never gets on is given up after its attempts.
func TestStepThatNeverGetsOn(t *testing.T) {
	plan := &agenttest.Plan{}
	k := &kit{t: t, ctx: t.Context(), clock: agenttest.NewFakeClock(), channel: &agenttest.RecordingChannel{}}
	k.store = agenttest.NewFaultyStore(memstore.New(), plan)
	k.build(agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Minute, "one"))))
	k.say("Hi")
	p := k.pending()
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		if c, ok := op.Arg.(agent.Commit); ok && len(c.Turns) > 0 && c.Turns[0].Exit == agent.ExitFollowedUp {
			return errors.New("disk full")
		}
		return nil
	}
	for range 10 {
		k.pass(2 * time.Minute)
	}
	rec := k.ended(p.TurnID)
	require.NotNil(t, rec)
	assert.Equal(t, agent.ExitCancelled, rec.Exit)
	assert.Contains(t, rec.Failure, "attempts")
	assert.Nil(t, k.pending())
}

// S6.8: an action of a ladder that runs at most once is not run again after a
// crash hid its outcome, and the step goes on.
func TestAtMostOnceInALadder(t *testing.T) {
	plan := &agenttest.Plan{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := 0
	act := actions.MustFunc("charge", "Charge.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		ran++
		plan.Before = func(context.Context, agenttest.Op) error { return agenttest.ErrCrashed }
		cancel()
		return actions.Result{}, nil
	})
	act.Delivery = actions.AtMostOnce
	var turn agent.Turn
	with := func(c *agent.Config) {
		c.Actions = append(c.Actions, act)
		c.Ladders = []followup.Ladder{steps(after(time.Minute, "one", followup.Action{Name: "charge"}))}
		c.OnTurn = func(t agent.Turn) { turn = t }
	}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), with)
	k.say("Hi")
	k.clock.Advance(time.Minute)
	_, err := k.mux.RunDue(ctx)
	require.Error(t, err)
	plan.Before = nil
	k.build(nobody(t), with)
	k.pass(3 * time.Minute)
	assert.Equal(t, 1, ran)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	require.NotNil(t, turn.Call("charge"))
	assert.Equal(t, agent.CallUnknown, turn.Call("charge").Outcome)
}

// S8.9: a commit whose answer got lost is read again by key before anything is
// decided: the step is done once, whether it was applied or not.
func TestStepWhoseCommitIsUnknown(t *testing.T) {
	for name, make := range map[string]func(agenttest.Match) *agenttest.Plan{
		"applied":     func(m agenttest.Match) *agenttest.Plan { return agenttest.FailAfter(m, agenttest.ErrUnknown) },
		"not applied": func(m agenttest.Match) *agenttest.Plan { return agenttest.FailBefore(m, agenttest.ErrUnknown) },
		"late":        agenttest.Delay,
		"twice":       agenttest.Repeat,
	} {
		t.Run(name, func(t *testing.T) {
			done := false
			plan := make(func(op agenttest.Op) bool {
				c, ok := op.Arg.(agent.Commit)
				hit := ok && !done && len(c.Turns) > 0 && c.Turns[0].Exit == agent.ExitFollowedUp
				done = done || hit
				return hit
			})
			k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(time.Minute, "one"), after(time.Minute, "two"))))
			k.say("Hi")
			k.pass(time.Minute)
			k.pass(3 * time.Minute)
			plan.Flush()
			require.True(t, done)
			k.pass(3 * time.Minute)
			assert.Equal(t, []string{"Hello!", "one", "two"}, k.sent())
		})
	}
}

// S8.4, S8.9: the contact writes while the outcome of a step's commit is not
// known and it was not applied: it never is.
func TestReplyWhileACommitIsUnknown(t *testing.T) {
	var k *kit
	done := false
	plan := &agenttest.Plan{}
	k = newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.")), withLadders(steps(after(time.Minute, "one"))))
	k.say("Hi")
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		if c, ok := op.Arg.(agent.Commit); ok && !done && len(c.Turns) > 0 && c.Turns[0].Exit == agent.ExitFollowedUp {
			done = true
			k.accept("here I am")
			return agenttest.ErrUnknown
		}
		return nil
	}
	k.pass(time.Minute)
	k.pass(time.Second) // the debounce; the lane is free at once
	assert.Equal(t, []string{"Hello!", "Good."}, k.sent())
}

// S8.4, I8: a step's message that waits to be sent is not sent after a reply.
func TestQueuedFollowUpIsNotSentAfterAReply(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.")), withLadders(steps(after(time.Minute, "one"))))
	k.say("Hi")
	k.channel.FailNext(1, agenttest.NotSent("busy"))
	k.pass(time.Minute)
	k.accept("here I am")
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "Good."}, k.sent())
	assert.Equal(t, frontdesk.Cancelled, k.outbound()[1].Status)
	assert.Contains(t, k.outbound()[1].Reason, "answered")
}

// Clocks that change: delays are elapsed time, only quiet hours use the zone.
func TestDelaysAcrossDaylightSaving(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(steps(after(24*time.Hour, "one"))), func(c *agent.Config) {
		c.Workspace.TimeZone = "America/New_York"
		c.FollowUps.Quiet = followup.QuietHours{From: 22 * time.Hour, To: 7 * time.Hour}
	})
	ny, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	k.clock.Set(time.Date(2026, 3, 7, 12, 0, 0, 0, ny)) // the night brings the change
	k.say("Hi")
	assert.Zero(t, k.pass(24*time.Hour-1))
	k.pass(1)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	assert.Equal(t, 13, k.clock.Now().In(ny).Hour())
}

// S6.8, S7.5: an outside action whose outcome is recorded is not run again when
// the step's commit has to be tried again.
func TestRecordedActionOfAStepIsNotRunAgain(t *testing.T) {
	ran, failures := 0, 0
	act := actions.MustFunc("note_it", "Note.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		ran++
		return actions.Result{}, nil
	})
	plan := &agenttest.Plan{Before: func(_ context.Context, op agenttest.Op) error {
		if c, ok := op.Arg.(agent.Commit); ok && failures < 4 && len(c.Turns) > 0 && c.Turns[0].Exit == agent.ExitFollowedUp {
			failures++
			return errors.New("disk full")
		}
		return nil
	}}
	k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")), func(c *agent.Config) {
		c.Actions = append(c.Actions, act)
		c.Ladders = []followup.Ladder{steps(after(time.Minute, "one", followup.Action{Name: "note_it"}))}
	})
	k.say("Hi")
	k.pass(time.Minute)
	k.pass(time.Minute)
	assert.Equal(t, 4, failures)
	assert.Equal(t, 1, ran)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
}

// S4.3, S4.4, S6.6: a follow-up sets a field to what the prompt says, a variable
// among it. One that says no value, or none that is certain, sets nothing: the
// field was emptied, and so was the one that the variable names.
func TestStepUpdatesAField(t *testing.T) {
	for line, want := range map[string]string{
		`update the Note field to $contact.email`:            "budget=5 email=a@b.c note=a@b.c",
		`update the Note field to "$contact.email"`:          "budget=5 email=a@b.c note=a@b.c",
		`update the Note field to {{$contact.country|none}}`: "budget=5 email=a@b.c note=none",
		`update the Note field to "Silent"`:                  "budget=5 email=a@b.c note=Silent",
		`update the Note field`:                              "budget=5 email=a@b.c note=old",
		`update the Note field to silent`:                    "budget=5 email=a@b.c note=old",
		`update the Note and Budget fields`:                  "budget=5 email=a@b.c note=old",
	} {
		k := newKit(t, agenttest.Script(t, agenttest.CallTool("update_field", args{"fields": []map[string]string{
			{"field": "email", "value": "a@b.c"}, {"field": "budget", "value": "5"}, {"field": "note", "value": "old"},
		}}), agenttest.Say("Hello!")), func(c *agent.Config) {
			c.Workspace.Fields = append(c.Workspace.Fields, frontdesk.Field{ID: "note", Name: "Note"})
			c.Instructions += "# FOLLOW-UP\nIf the contact does not reply after 2 minutes, say \"Still there?\" and " + line + ".\n"
		})
		k.say("hi")
		k.pass(2 * time.Minute)
		require.Equal(t, []string{"Hello!", "Still there?"}, k.sent(), line)
		fields := k.view().Contact.Fields
		var got []string
		for _, id := range slices.Sorted(maps.Keys(fields)) {
			got = append(got, id+"="+fields[id].String())
		}
		assert.Equal(t, want, strings.Join(got, " "), line)
	}
}

// S8.3: a step that is left with nothing to do sends nothing either, and the
// ladder goes on.
func TestStepThatIsLeftWithNothing(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), func(c *agent.Config) {
		c.Instructions += "# FOLLOW-UP\nIf the contact does not reply after 2 minutes, update the Budget field. If there is still no reply after another 5 minutes, say \"Still there?\"\n"
	})
	k.say("hi")
	k.pass(2 * time.Minute)
	assert.Equal(t, []string{"Hello!"}, k.sent())
	k.pass(5 * time.Minute)
	assert.Equal(t, []string{"Hello!", "Still there?"}, k.sent())
}

// S4.3, S4.4: a variable in a tag gets its value, in a prompt and in Go; one
// without a value tags nothing. The raw name was the tag.
func TestStepTagsWithAVariable(t *testing.T) {
	for _, known := range [][]string{nil, {"Hot Lead", "gone"}} {
		for _, inGo := range []bool{false, true} {
			var missing []string
			k := newKit(t, agenttest.Script(t, agenttest.CallTool("update_stage", args{"stage": "Hot Lead"}), agenttest.Say("Hello!")), func(c *agent.Config) {
				c.OnTurn = func(turn agent.Turn) { missing = turn.Missing }
				c.Workspace.Tags = known
				c.Actions = append(c.Actions, actions.UpdateTags())
				if inGo {
					c.Ladders = []followup.Ladder{steps(after(2*time.Minute, "Still there?",
						followup.Action{Name: "update_tags", Value: "$contact.stage"}, followup.Action{Name: "update_tags", Value: "$contact.country"},
						followup.Action{Name: "add_comment", Value: "From $contact.phone."}))}
				} else {
					c.Instructions += "# FOLLOW-UP\nIf the contact does not reply after 2 minutes, say \"Still there?\", add the tag \"$contact.stage\", add the tag \"$contact.country\" and add a comment \"From $contact.phone.\".\n"
				}
			})
			k.say("hi")
			k.pass(2 * time.Minute)
			require.Equal(t, []string{"Hello!", "Still there?"}, k.sent())
			assert.Equal(t, []string{"Hot Lead"}, k.view().Contact.Tags, "tags %v, in Go %t", known, inGo)
			assert.Equal(t, []string{"contact.country", "contact.phone"}, missing, "tags %v, in Go %t", known, inGo)
		}
	}
}

// S6.9: a built-in action of a ladder that needs approval waits for a person as
// a plugged-in one does, and one that closes says no goodbye before. It was done
// at once.
func TestApprovalOfABuiltInInALadder(t *testing.T) {
	approved := func(act actions.Action) actions.Action { act.NeedsApproval = true; return act }
	for _, c := range []struct {
		act  followup.Action
		done func(agent.View) bool
	}{
		{followup.Action{Name: "update_stage", Value: "cold lead"}, func(v agent.View) bool { return v.Contact.Stage == "Cold Lead" }},
		{followup.Action{Name: "update_field", Field: "Budget", Value: "200"}, func(v agent.View) bool { return v.Contact.Field("budget").String() == "200" }},
		{followup.Action{Name: "update_tags", Value: "gone"}, func(v agent.View) bool { return slices.Contains(v.Contact.Tags, "gone") }},
		{followup.Action{Name: "assign", Target: "team:sales", Method: "least_open"}, func(v agent.View) bool { return v.Conversation.TeamID == "sales" }},
		{followup.Action{Name: "unassign"}, func(v agent.View) bool { return v.Conversation.AwaitsHuman }},
		{followup.Action{Name: "close_conversation", Note: "no response"}, func(v agent.View) bool { return v.Conversation.ClosingNote == "No Response" }},
		{followup.Action{Name: "add_comment", Value: "No word since $system.current_date."}, func(v agent.View) bool {
			return slices.ContainsFunc(v.History, func(m frontdesk.Message) bool { return m.Text == "No word since 2025-01-06." })
		}},
	} {
		t.Run(c.act.Name, func(t *testing.T) {
			var last agent.Turn
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("It is done.")), func(cfg *agent.Config) {
				cfg.AllowTargets = []frontdesk.Target{{Kind: frontdesk.TargetNobody}}
				cfg.Actions = []actions.Action{
					approved(actions.Assign()), approved(actions.Close()), approved(actions.UpdateFields()), approved(actions.UpdateStage()),
					approved(actions.AddComment()), approved(actions.UpdateTags()),
				}
				step := followup.Step{Delay: followup.Delay(time.Minute), Actions: []followup.Action{c.act}}
				cfg.Ladders = []followup.Ladder{steps(step)}
				cfg.OnTurn = func(turn agent.Turn) { last = turn }
			})
			k.say("Hi")
			k.pass(time.Minute)
			require.Len(t, last.Calls, 1)
			require.Equal(t, agent.CallPending, last.Calls[0].Outcome)
			require.False(t, c.done(k.view()))
			require.Equal(t, []string{"Hello!"}, k.sent())
			require.NoError(t, k.mux.Resolve(k.ctx, last.Calls[0].ID, true, "ana"))
			k.runDue()
			require.Equal(t, agent.CallDone, last.Calls[0].Outcome, last.Calls[0].Detail)
			assert.True(t, c.done(k.view()))
			assert.Equal(t, []string{"Hello!", "It is done."}, k.sent())
		})
	}
}

// S4.4, S6.9: nobody is asked to approve a tag that a missing variable leaves
// without a name.
func TestApprovalOfNothingInALadder(t *testing.T) {
	act := actions.UpdateTags()
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), with(act),
		withLadders(steps(after(time.Minute, "one", followup.Action{Name: "update_tags", Value: "$contact.country"}))))
	k.say("Hi")
	k.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "one"}, k.sent())
	pending, err := k.store.(agent.Desk).Pending(k.ctx, k.conversation().ID)
	require.NoError(t, err)
	assert.Empty(t, pending.Approvals)
}
