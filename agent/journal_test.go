package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// crash is a store of a process that dies at its n-th write: before it has an
// effect, or after it. From then on the process reaches nothing.
type crash struct {
	agent.Store
	at    int
	after bool
	n     int
	dead  bool
}

var errDead = errors.New("the process is dead")

func (c *crash) write(do func() error) error {
	if c.dead {
		return errDead
	}
	c.n++
	if c.n != c.at {
		return do()
	}
	c.dead = true
	if c.after {
		if err := do(); err != nil {
			return err
		}
	}
	return errDead
}

func (c *crash) Append(ctx context.Context, a agent.Append) error {
	return c.write(func() error { return c.Store.Append(ctx, a) })
}

func (c *crash) Commit(ctx context.Context, m agent.Commit) error {
	return c.write(func() error { return c.Store.Commit(ctx, m) })
}

func (c *crash) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	if c.dead {
		return agent.View{}, errDead
	}
	return c.Store.Load(ctx, q)
}

func (c *crash) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	if c.dead {
		return agent.Claimed{}, errDead
	}
	return c.Store.Claim(ctx, q)
}

// S7.5, S6.8, protocol rule 2, I13, I28: a turn with an action dies at each of
// its writes, before it and after it. Another process goes on: at most what
// was not recorded is done again, under the same key, and the contact gets one
// reply.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, delivery := range []actions.Delivery{actions.AtLeastOnce, actions.AtMostOnce} {
		for _, after := range []bool{false, true} {
			points := 0
			for at := 1; ; at++ {
				name := fmt.Sprintf("delivery %d, write %d, after=%v", delivery, at, after)
				asked := map[int]int{} // by how many results the request held
				llm := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
					results := 0
					for _, m := range req.Messages {
						if m.Role == agent.RoleTool {
							results++
						}
					}
					asked[results]++
					if results == 0 {
						return &agent.Response{Calls: []agent.ToolCall{
							agenttest.Call("ping", nil), agenttest.Call("update_stage", args{"stage": "Hot Lead"}),
						}}, nil
					}
					return &agent.Response{Text: "Pinged."}, nil
				})
				act, keys := counter("ping", nil)
				act.Delivery = delivery
				k := newKit(t, llm, with(act))
				k.channel.Caps.Idempotent = true
				inner := k.store
				dying := &crash{Store: inner, at: at, after: after}
				k.store = dying
				k.build(llm, with(act))
				in := k.inbound("ping")
				_, err := k.mux.Handle(k.ctx, in)
				k.store = inner
				k.build(llm, with(act))
				if !dying.dead {
					require.Greater(t, points, 6, "the turn has more writes than that")
					break
				}
				points++
				if err != nil { // not accepted: the provider sends it again
					require.Equal(t, 1, at, name)
					require.NoError(t, k.mux.Accept(k.ctx, in))
				}
				k.pass(5 * time.Minute)
				k.pass(5 * time.Minute)

				require.Equal(t, []string{"Pinged."}, k.sent(), name)
				view := k.view()
				require.Empty(t, view.Waiting, name)
				require.Empty(t, view.Tasks, name)
				for _, n := range asked {
					assert.LessOrEqual(t, n, 2, name)
				}
				total := 0
				for _, n := range asked {
					total += n
				}
				assert.LessOrEqual(t, total, 3, "%s: one answer may be lost with the process, no more", name)
				turn, err := inner.Load(k.ctx, agent.Query{ConversationID: view.Conversation.ID, TurnID: view.History[0].TurnID})
				require.NoError(t, err)
				require.NotNil(t, turn.Turn, name)
				ping := turn.Turn.Call("ping")
				for _, key := range *keys {
					assert.Equal(t, ping.ID, key, name)
				}
				if delivery == actions.AtMostOnce {
					assert.LessOrEqual(t, len(*keys), 1, name)
					if ping.Outcome == agent.CallUnknown {
						assert.Equal(t, agent.CallSkipped, turn.Turn.Call("update_stage").Outcome, name)
						continue
					}
				}
				assert.NotEmpty(t, *keys, name)
				assert.Equal(t, agent.CallDone, ping.Outcome, name)
				assert.Equal(t, "Hot Lead", view.Contact.Stage, name)
			}
		}
	}
}

// S6.8: at most once records the start first; after a crash the outcome is
// unknown and the LLM is told.
func TestAtMostOnceGivesUnknown(t *testing.T) {
	llm := agenttest.Script(t, agenttest.CallTool("ping", nil), agenttest.Say("I do not know.").ExpectLast("its outcome is not known"))
	var dying *crash
	act, keys := counter("ping", func(int) (actions.Result, error) {
		dying.dead = true // the process dies while the action runs
		return actions.Result{}, nil
	})
	act.Delivery = actions.AtMostOnce
	k := newKit(t, llm, with(act))
	inner := k.store
	dying = &crash{Store: inner}
	k.store = dying
	k.build(llm, with(act))
	k.say("ping")
	k.store = inner
	k.build(llm, with(act))
	k.pass(5 * time.Minute)
	assert.Len(t, *keys, 1)
	assert.Equal(t, []string{"I do not know."}, k.sent())
}

// I29: the instructions changed between a crash and the resumption: the turn
// decides anew under the new ones, what it staged is dropped, and what outside
// actions did stays known and is not done again.
func TestInstructionsChangedBetweenCrashAndResumption(t *testing.T) {
	act, keys := counter("ping", nil)
	k := newKit(t, nobody(t))
	inner := k.store
	dying := &crash{Store: inner}
	k.store = dying
	first := agenttest.Script(t,
		agenttest.Calls(agenttest.Call("ping", nil), agenttest.Call("update_stage", args{"stage": "Hot Lead"})),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			dying.dead = true
			return &agent.Response{Text: "lost"}, nil
		}),
	)
	k.build(first, with(act))
	began := k.clock.Now()
	k.say("Hi")
	k.store = inner
	second := agenttest.Script(t, agenttest.Say("New rules.").ExpectLast("did it").ExpectSystem("Chat only"))
	k.build(second, with(act), instructionsOf("# FLOW\n1. Chat only."))
	k.pass(5 * time.Minute)
	assert.Equal(t, []string{"New rules."}, k.sent())
	assert.Len(t, *keys, 1)
	assert.Empty(t, k.view().Contact.Stage)
	v, err := inner.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: k.view().History[0].TurnID})
	require.NoError(t, err)
	assert.Equal(t, k.agents[0].Playbook().Hash, v.Turn.Instructions)
	assert.NotNil(t, v.Turn.Call("ping"))
	assert.Equal(t, began, v.Turn.Started, "S7.8: it is one turn")
}

// S6.8, I29, I21: a call that runs at most once and was begun before a crash
// stays known as that when the turn decides anew under other instructions, and
// when it ends without going on. The LLM was not told of it, and the turn's
// record did not hold it.
func TestBegunCallStaysKnown(t *testing.T) {
	for _, c := range []struct {
		name   string
		llm    agent.LLM
		change func(*agent.Config)
		exit   agent.ExitReason
	}{
		{"other instructions", agenttest.Script(t, agenttest.Say("I do not know.").ExpectLast("its outcome is not known")), instructionsOf("# FLOW\n1. Chat only."), agent.ExitReplied},
		{"no attempt left", nobody(t), func(c *agent.Config) { c.Limits.Attempts = 1 }, agent.ExitFallback},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nobody(t))
			inner := k.store
			dying := &crash{Store: inner}
			act, keys := counter("ping", func(int) (actions.Result, error) {
				dying.dead = true // the process dies while the action runs
				return actions.Result{}, nil
			})
			act.Delivery = actions.AtMostOnce
			k.store = dying
			k.build(agenttest.Script(t, agenttest.CallTool("ping", nil)), with(act))
			k.say("ping")
			k.store = inner
			k.build(c.llm, with(act), c.change)
			k.pass(5 * time.Minute)
			v, err := inner.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: k.view().History[0].TurnID})
			require.NoError(t, err)
			require.NotNil(t, v.Turn)
			assert.Equal(t, c.exit, v.Turn.Exit)
			require.Len(t, v.Turn.Calls, 1)
			assert.Equal(t, agent.CallUnknown, v.Turn.Calls[0].Outcome)
			assert.Equal(t, *keys, []string{v.Turn.Calls[0].ID})
		})
	}
}

// S6.8, S7.5: a call that runs at most once, or was approved, and was begun stays
// known as that when its action is not enabled any more after the crash, or the
// call is not in order by what is checked now. The LLM and the record were told that it had
// been refused, and of one that a person had approved that nothing was done.
func TestBegunCallOfAnActionThatIsGone(t *testing.T) {
	for _, c := range []struct {
		approved bool
		delivery actions.Delivery
	}{{false, actions.AtMostOnce}, {true, actions.AtMostOnce}, {true, actions.AtLeastOnce}} {
		approved := c.approved
		for _, then := range []string{"gone", "other arguments"} {
			t.Run(fmt.Sprintf("approved %t, at most once %t, %s", approved, c.delivery == actions.AtMostOnce, then), func(t *testing.T) {
				k := newKit(t, nobody(t))
				inner := k.store
				dying := &crash{Store: inner}
				act, keys := counter("refund", func(int) (actions.Result, error) {
					dying.dead = true // the process dies while the action runs
					return actions.Result{}, nil
				})
				act.Delivery, act.NeedsApproval = c.delivery, approved
				steps := []agenttest.Step{agenttest.CallTool("refund", nil)}
				if approved {
					steps = append(steps, agenttest.Say("It waits."))
				}
				k.store = dying
				k.build(agenttest.Script(t, steps...), with(act))
				turn := k.say("refund")
				if approved {
					require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
					_, err := k.mux.RunDue(k.ctx)
					require.Error(t, err)
				}
				k.store = inner
				var now []func(*agent.Config)
				if then == "other arguments" {
					act.Schema = json.RawMessage(`{"type":"object","properties":{"amount":{"type":"integer"}},"required":["amount"]}`)
					now = append(now, with(act))
				}
				var turns []agent.Turn
				now = append(now, func(c *agent.Config) { c.OnTurn = func(turn agent.Turn) { turns = append(turns, turn) } })
				told := agenttest.Say("I do not know.").Expect(func(t agenttest.TB, req *agent.Request) {
					assert.Contains(t, fmt.Sprint(req.Messages), "is not known")
				})
				k.build(agenttest.Script(t, told), now...)
				k.pass(5 * time.Minute)
				require.Len(t, *keys, 1)
				require.Len(t, turns, 1)
				require.Len(t, turns[0].Calls, 1)
				assert.Equal(t, agent.CallUnknown, turns[0].Calls[0].Outcome, turns[0].Calls[0].Detail)
				assert.Equal(t, (*keys)[0], turns[0].Calls[0].ID)
				if approved {
					v, err := k.store.Load(k.ctx, agent.Query{CallID: (*keys)[0]})
					require.NoError(t, err)
					assert.Contains(t, v.Approval.Outcome, string(agent.CallUnknown))
				}
			})
		}
	}
}

// S6.8: whether an action that ran out of its time has done anything is not
// known. One that runs at most once was told to the LLM as failed, which invites
// it to call again.
func TestAtMostOnceOutOfItsTime(t *testing.T) {
	for _, d := range []actions.Delivery{actions.AtLeastOnce, actions.AtMostOnce} {
		act := actions.MustFunc("charge", "Charges.", func(ctx context.Context, _ actions.Call, _ struct{}) (actions.Result, error) {
			<-ctx.Done()
			return actions.Result{}, fmt.Errorf("charge: %w", ctx.Err())
		})
		act.Delivery, act.Timeout = d, time.Nanosecond
		k := newKit(t, agenttest.Script(t, agenttest.CallTool("charge", nil), agenttest.Say("I see.")), with(act))
		turn := k.say("charge me")
		require.Len(t, turn.Calls, 1)
		if d == actions.AtLeastOnce {
			assert.Equal(t, agent.CallFailed, turn.Calls[0].Outcome)
			continue
		}
		assert.Equal(t, agent.CallUnknown, turn.Calls[0].Outcome, turn.Calls[0].Detail)
		assert.Contains(t, turn.Calls[0].Detail, "not known")
	}
}

// S7.4, S7.8: what a turn did outside before a crash is in its record, though
// its agent is not there any more. It was not.
func TestTurnOfAnAgentThatIsGoneTellsWhatItDid(t *testing.T) {
	act, keys := counter("ping", nil)
	k := newKit(t, nobody(t))
	k.build(agenttest.Script(t, agenttest.Say("Hello!"), agenttest.CallTool("ping", nil), agenttest.Fail(errors.New("503"))), with(act))
	k.say("Hi")
	turn := k.say("ping")
	require.Equal(t, agent.ExitRetrying, turn.Exit)
	k.join(k.config("Support Agent", nobody(t)))
	k.pass(time.Hour)
	v, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: turn.ID})
	require.NoError(t, err)
	require.NotNil(t, v.Turn)
	assert.Equal(t, agent.ExitFallback, v.Turn.Exit)
	require.Len(t, v.Turn.Calls, 1)
	assert.Equal(t, *keys, []string{v.Turn.Calls[0].ID})
}

// S7.4: after a change by anybody else nothing of the older turn is sent, its
// staged changes are dropped, and its outside effects stay recorded.
func TestEpochFence(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(k *kit, id string) error
	}{
		{"takeover", func(k *kit, id string) error {
			_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: id, UserID: "ana", Text: "Ana here"})
			return err
		}},
		{"assign", func(k *kit, id string) error {
			return k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Support Team"}, "ana")
		}},
		{"unassign", func(k *kit, id string) error {
			return k.mux.Assign(k.ctx, id, frontdesk.Target{Kind: frontdesk.TargetNobody}, "ana")
		}},
		{"close", func(k *kit, id string) error { return k.mux.Close(k.ctx, id, actions.Closing{}, "ana") }},
		{"opt-out", func(k *kit, id string) error {
			in := k.inbound("stop")
			in.OptOut = true
			return k.mux.Accept(k.ctx, in)
		}},
	} {
		var k *kit
		act, keys := counter("ping", nil)
		k = newKit(t, agenttest.Script(t,
			agenttest.Say("Hello!"),
			agenttest.Calls(agenttest.Call("update_stage", args{"stage": "Hot Lead"}), agenttest.Call("ping", nil)),
			agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
				require.NoError(t, c.do(k, k.conversation().ID), c.name)
				return &agent.Response{Text: "too late"}, nil
			}),
		), with(act))
		k.say("Hi")
		turn := k.say("ping")
		assert.Contains(t, []agent.ExitReason{agent.ExitDropped, agent.ExitNotOurs}, turn.Exit, c.name)
		k.pass(time.Minute)
		assert.NotContains(t, k.sent(), "too late", c.name)
		assert.Empty(t, k.view().Contact.Stage, c.name)
		assert.Len(t, *keys, 1, c.name)
		assert.Empty(t, k.view().Waiting, "%s: I1", c.name)
		v, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: turn.ID})
		require.NoError(t, err)
		if turn.Exit == agent.ExitDropped {
			require.NotNil(t, v.Turn, c.name)
			assert.Equal(t, agent.CallDone, v.Turn.Call("ping").Outcome, c.name)
		}
	}
}

// S7.3: a turn is superseded at most 3 times; then its reply goes out and the
// rest is the next turn's.
func TestSupersededAtMostThreeTimes(t *testing.T) {
	var k *kit
	asked := 0
	k = newKit(t, agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		if asked++; asked <= 4 {
			k.accept(fmt.Sprintf("and %d", asked))
		}
		return &agent.Response{Text: fmt.Sprintf("reply %d", asked)}, nil
	}))
	turn := k.say("Hi")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Equal(t, 3, turn.Superseded)
	assert.Equal(t, 4, turn.Rounds)
	assert.Len(t, turn.Inbound, 4)
	k.pass(time.Second)
	assert.Equal(t, []string{"reply 4", "reply 5"}, k.sent())
	assert.Empty(t, k.view().Waiting)
}

// S7.3: the same turn goes on: staged changes and what outside actions did
// stay.
func TestSupersedeKeepsWhatWasDone(t *testing.T) {
	var k *kit
	act, keys := counter("ping", nil)
	k = newKit(t, agenttest.Script(t,
		agenttest.Calls(agenttest.Call("ping", nil), agenttest.Call("update_stage", args{"stage": "Hot Lead"})),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("wait")
			return &agent.Response{Text: "dropped"}, nil
		}),
		agenttest.Say("both").ExpectLast("wait").Expect(func(t agenttest.TB, req *agent.Request) { wellFormed(t, req) }),
	), with(act))
	turn := k.say("ping")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Len(t, *keys, 1)
	assert.Equal(t, "Hot Lead", k.view().Contact.Stage)
	assert.Equal(t, []string{"both"}, k.sent())
}

// S7.2, S7.3: while another worker holds the conversation, Handle defers.
func TestHandleDefers(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			turn, err := k.mux.Handle(k.ctx, k.inbound("more"))
			require.NoError(t, err)
			assert.Equal(t, agent.ExitDeferred, turn.Exit)
			return &agent.Response{Text: "first"}, nil
		}),
		agenttest.Say("both").ExpectLast("more"),
	))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitReplied, turn.Exit)
	assert.Equal(t, []string{"both"}, k.sent())
}

// S6.9: what a person decides happens once, in the epoch it was asked in.
func TestApprovals(t *testing.T) {
	build := func(t *testing.T, steps ...agenttest.Step) (*kit, *[]string, agent.Turn) {
		act, keys := counter("refund", nil)
		act.NeedsApproval = true
		k := newKit(t, agenttest.Script(t, append([]agenttest.Step{
			agenttest.Calls(agenttest.Call("refund", nil), agenttest.Call("add_comment", args{"text": "after"})),
			agenttest.Say("We look into it.").ExpectTools(),
		}, steps...)...), with(act))
		turn := k.say("refund me")
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
		require.Equal(t, agent.CallPending, turn.Calls[0].Outcome)
		require.Equal(t, agent.CallSkipped, turn.Calls[1].Outcome, "calls after it are not run")
		return k, keys, turn
	}
	t.Run("a new message does not cancel it", func(t *testing.T) {
		k, keys, turn := build(t, agenttest.Say("Still waiting."), agenttest.Say("Refunded!").ExpectLast("approved"))
		k.say("and?")
		require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
		k.runDue()
		assert.Equal(t, []string{turn.Calls[0].ID}, *keys)
		assert.Equal(t, []string{"We look into it.", "Still waiting.", "Refunded!"}, k.sent())
	})
	t.Run("refused", func(t *testing.T) {
		k, keys, turn := build(t, agenttest.Say("Sorry, no.").ExpectLast("refused"))
		require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, false, "ana"))
		require.ErrorIs(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"), agent.ErrResolved)
		k.runDue()
		assert.Empty(t, *keys)
		assert.Equal(t, "Sorry, no.", k.sent()[1])
	})
	t.Run("stale", func(t *testing.T) {
		k, keys, turn := build(t)
		_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "Hi"})
		require.NoError(t, err)
		require.ErrorIs(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"), agent.ErrStale)
		k.runDue()
		assert.Empty(t, *keys)
	})
	t.Run("stale between the decision and the run", func(t *testing.T) {
		k, keys, turn := build(t)
		require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
		require.NoError(t, k.mux.Close(k.ctx, k.conversation().ID, actions.Closing{}, "ana"))
		k.runDue()
		assert.Empty(t, *keys)
		v, err := k.store.Load(k.ctx, agent.Query{CallID: turn.Calls[0].ID})
		require.NoError(t, err)
		assert.Equal(t, agent.ApprovalRefused, v.Approval.Status)
	})
	t.Run("the turn that asked ended without the agent", func(t *testing.T) {
		// The person was told that it is decided, and the call was refused.
		act, keys := counter("refund", nil)
		act.NeedsApproval = true
		k := newKit(t, agenttest.Script(t, agenttest.CallTool("refund", nil), agenttest.Say(""), agenttest.Say("")), with(act))
		turn := k.say("refund me")
		require.Equal(t, agent.ExitFallback, turn.Exit)
		require.True(t, k.conversation().AwaitsHuman)
		require.ErrorIs(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"), agent.ErrStale)
		require.ErrorIs(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"), agent.ErrResolved)
		k.runDue()
		assert.Empty(t, *keys)
		assert.Empty(t, k.view().Tasks)
		v, err := k.store.Load(k.ctx, agent.Query{CallID: turn.Calls[0].ID})
		require.NoError(t, err)
		assert.Equal(t, agent.ApprovalRefused, v.Approval.Status)
	})
	t.Run("unknown", func(t *testing.T) {
		k, _, _ := build(t)
		require.ErrorIs(t, k.mux.Resolve(k.ctx, "no such call", true, "ana"), agent.ErrNoCall)
	})
}

// S6.9: two calls of two turns are resolved one after the other, each with a
// turn of its own.
func TestTwoApprovals(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("one waits"),
		agenttest.CallTool("refund", nil), agenttest.Say("two wait"),
		agenttest.Say("first done"), agenttest.Say("second refused"),
	), with(act))
	first, second := k.say("refund"), k.say("another")
	require.NoError(t, k.mux.Resolve(k.ctx, first.Calls[0].ID, true, "ana"))
	require.NoError(t, k.mux.Resolve(k.ctx, second.Calls[0].ID, false, "ana"))
	k.runDue()
	assert.Equal(t, []string{first.Calls[0].ID}, *keys)
	assert.Equal(t, []string{"one waits", "two wait", "first done", "second refused"}, k.sent())
	assert.Empty(t, k.view().Tasks)
}

// S6.9, S6.8: an approved action that runs at most once, and died with the
// process, is not run again: its outcome is unknown.
func TestApprovedCallAtMostOnce(t *testing.T) {
	var k *kit
	ran := 0
	dying := &crash{}
	act := actions.MustFunc("refund", "Refund.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		ran++
		dying.dead = true
		return actions.Result{}, nil
	})
	act.NeedsApproval, act.Delivery = true, actions.AtMostOnce
	llm := agenttest.Script(t, agenttest.CallTool("refund", nil), agenttest.Say("one waits"), agenttest.Say("I do not know whether it went through."))
	k = newKit(t, llm, with(act))
	call := k.say("refund").Calls[0].ID
	require.NoError(t, k.mux.Resolve(k.ctx, call, true, "ana"))
	inner := k.store
	dying.Store = inner
	k.store = dying
	k.build(llm, with(act))
	_, err := k.mux.RunDue(k.ctx)
	require.Error(t, err)
	k.store = inner
	k.build(llm, with(act))
	k.pass(time.Hour)
	assert.Equal(t, 1, ran)
	assert.Equal(t, []string{"one waits", "I do not know whether it went through."}, k.sent())
	v, err := k.store.Load(k.ctx, agent.Query{CallID: call})
	require.NoError(t, err)
	assert.Contains(t, v.Approval.Outcome, string(agent.CallUnknown))
}

// S6.9: calls that were approved, and not yet begun when a human took the
// conversation over, are refused, each of them.
func TestApprovedCallsAreRefusedAfterATakeover(t *testing.T) {
	act, keys := counter("refund", nil)
	act.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil), agenttest.Say("one waits"),
		agenttest.CallTool("refund", nil), agenttest.Say("two wait"),
	), with(act))
	calls := []string{k.say("refund").Calls[0].ID, k.say("another").Calls[0].ID}
	for _, id := range calls {
		require.NoError(t, k.mux.Resolve(k.ctx, id, true, "ana"))
	}
	k.takeover("ben", "I see to both")
	k.runDue()
	assert.Empty(t, *keys)
	for _, id := range calls {
		v, err := k.store.Load(k.ctx, agent.Query{CallID: id})
		require.NoError(t, err)
		assert.Equal(t, agent.ApprovalRefused, v.Approval.Status)
		assert.Equal(t, "the conversation changed hands", v.Approval.Outcome)
	}
	assert.Empty(t, k.view().Tasks)
}

// S6.9, S6.8: an approved call survives a crash at each write, under its key.
func TestApprovalCrash(t *testing.T) {
	for at := 1; ; at++ {
		act, keys := counter("refund", nil)
		act.NeedsApproval = true
		llm := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
			switch {
			case len(req.Messages) == 1:
				return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("refund", nil)}}, nil
			case len(req.Tools) == 0:
				return &agent.Response{Text: "waiting"}, nil
			}
			return &agent.Response{Text: "refunded"}, nil
		})
		k := newKit(t, llm, with(act))
		k.channel.Caps.Idempotent = true
		turn := k.say("refund")
		require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
		inner := k.store
		dying := &crash{Store: inner, at: at, after: at%2 == 0}
		k.store = dying
		k.build(llm, with(act))
		if _, err := k.mux.RunDue(k.ctx); err == nil {
			require.False(t, dying.dead)
			require.Greater(t, at, 4)
			break
		}
		k.store = inner
		k.build(llm, with(act))
		k.pass(5 * time.Minute)
		k.pass(5 * time.Minute)
		require.Equal(t, []string{"waiting", "refunded"}, k.sent(), "write %d", at)
		for _, key := range *keys {
			assert.Equal(t, turn.Calls[0].ID, key)
		}
		assert.LessOrEqual(t, len(*keys), 2)
	}
}

// S6.8, S10.2: what an action did stays known though the program is being
// stopped while it runs: the next one does not run it again, nor takes its
// outcome for unknown. It was lost.
func TestStopDuringAnAction(t *testing.T) {
	for _, how := range []string{"turn", "step", "approval"} {
		for _, d := range []actions.Delivery{actions.AtLeastOnce, actions.AtMostOnce} {
			t.Run(how, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				act, keys := counter("ping", func(int) (actions.Result, error) {
					stop()
					return actions.Result{Content: "did it"}, nil
				})
				act.Delivery = d
				act.NeedsApproval = how == "approval"
				change := []func(*agent.Config){with(act)}
				var before, behind []agenttest.Step
				switch how {
				case "turn":
					before, behind = []agenttest.Step{agenttest.CallTool("ping", nil)}, []agenttest.Step{agenttest.Say("Done.")}
				case "step":
					before = []agenttest.Step{agenttest.Say("Hello!")}
					change = append(change, withLadders(steps(after(time.Minute, "Still there?", followup.Action{Name: "ping"}))))
				case "approval":
					before = []agenttest.Step{agenttest.CallTool("ping", nil), agenttest.Say("We look into it.")}
					behind = []agenttest.Step{agenttest.Say("Done.")}
				}
				k := newKit(t, agenttest.Script(t, before...), change...)
				if how == "turn" {
					k.accept("ping")
				} else {
					turn := k.say("ping")
					if how == "approval" {
						require.NoError(t, k.mux.Resolve(k.ctx, turn.Calls[0].ID, true, "ana"))
					}
				}
				k.clock.Advance(time.Minute)
				_, err := k.mux.RunDue(ctx)
				require.ErrorIs(t, err, context.Canceled)
				require.Len(t, *keys, 1)
				var id string
				for _, task := range k.view().Tasks {
					if task.Kind.Lane() == agent.LaneTurn {
						id = task.TurnID
					}
				}
				k.build(agenttest.Script(t, behind...), change...)
				k.pass(5 * time.Minute)
				assert.Len(t, *keys, 1)
				v, err := k.store.Load(k.ctx, agent.Query{ConversationID: k.conversation().ID, TurnID: id})
				require.NoError(t, err)
				require.NotNil(t, v.Turn)
				require.Len(t, v.Turn.Calls, 1)
				assert.Equal(t, agent.CallDone, v.Turn.Calls[0].Outcome)
			})
		}
	}
}

// I26, S7.3: a turn whose attempts are used up gets them anew when the contact
// writes: what is to be answered is not what it was.
func TestNewMessageGivesATurnItsAttemptsAnew(t *testing.T) {
	one := func(c *agent.Config) { c.Limits.Attempts = 1 }
	k := newKit(t, nobody(t))
	inner := k.store
	dying := &crash{Store: inner}
	k.store = dying
	k.build(agenttest.Script(t, agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		dying.dead = true
		return &agent.Response{Text: "lost"}, nil
	})), one)
	k.say("Hi")
	k.store = inner
	k.build(agenttest.Script(t, agenttest.Say("Hello to both.")), one)
	k.accept("Hi again")
	k.pass(5 * time.Minute)
	assert.Equal(t, []string{"Hello to both."}, k.sent())
}

// I28: a message is acknowledged when it is stored, and only then, whatever the
// store's answer was.
func TestAcceptWhoseCommitWasLost(t *testing.T) {
	for _, stored := range []bool{false, true} {
		plan := &agenttest.Plan{}
		k := newFaultyKit(t, plan, agenttest.Script(t, agenttest.Say("Hello!")))
		lost := 0
		fail := func(op agenttest.Op) bool {
			if op.Name != agenttest.OpCommit || lost > 0 {
				return false
			}
			lost++
			return true
		}
		plan.Before = func(_ context.Context, op agenttest.Op) error {
			if !stored && fail(op) {
				return agenttest.ErrUnknown
			}
			return nil
		}
		plan.After = func(_ context.Context, op agenttest.Op, err error) error {
			if stored && fail(op) {
				return agenttest.ErrUnknown
			}
			return err
		}
		in := k.inbound("Hi")
		err := k.mux.Accept(k.ctx, in)
		require.Equal(t, 1, lost)
		assert.Equal(t, stored, err == nil, "%v", err)
		require.NoError(t, k.mux.Accept(k.ctx, in), "the provider delivers it again")
		k.pass(time.Minute)
		assert.Equal(t, []string{"Hello!"}, k.sent())
	}
}
