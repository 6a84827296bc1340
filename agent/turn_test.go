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
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// S6.3, S6.7, S5.5, S9.1: actions run before the reply, changes are applied by
// one commit, the assignee's name is filled in, closing words still go out.
func TestTurnActsThenReplies(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Say("Hello!"),
		agenttest.Raw(agent.Response{Text: "I have assigned you.", Calls: []agent.ToolCall{
			agenttest.Call("assign", map[string]any{"target": "Sales Team", "reason": "wants a demo"}),
			agenttest.Call("update_stage", map[string]any{"stage": "hot lead"}),
		}}),
		agenttest.Say("$assignee.name will help you."),
	))
	turn := k.say("Hi")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee, "S1.2: the default agent takes it")
	turn = k.say("A demo please")
	require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
	assert.Equal(t, []string{"Hello!", "Ana will help you."}, k.sent())
	conv := k.conversation()
	assert.Equal(t, user("ana"), conv.Assignee)
	assert.Equal(t, "sales", conv.TeamID)
	assert.EqualValues(t, 3, conv.Epoch, "once for the agent, once for the handover")
	assert.Equal(t, "Hot Lead", k.view().Contact.Stage)
	assert.Equal(t, agent.CallDone, turn.Call("assign").Outcome)
}

// S7.1
func TestDuplicateInboundChangesNothing(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	in := k.inbound("Hi")
	first, err := k.mux.Handle(k.ctx, in)
	require.NoError(t, err)
	second, err := k.mux.Handle(k.ctx, in)
	require.NoError(t, err)
	assert.Equal(t, first.ID, second.ID, "the recorded turn")
	assert.Equal(t, []string{"Hello!"}, k.sent())
}

// S7.3: messages within the debounce are answered by one turn; each one
// restarts it.
func TestDebounce(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!").Expect(func(t agenttest.TB, req *agent.Request) {
		assert.Len(t, req.Messages, 2)
	})))
	k.accept("Hi")
	assert.Zero(t, k.pass(900*time.Millisecond))
	k.accept("there")
	assert.Zero(t, k.pass(900*time.Millisecond))
	k.pass(100 * time.Millisecond)
	assert.Equal(t, []string{"Hello!"}, k.sent())
}

// S7.3: a message that comes while the turn thinks supersedes its reply; the
// same turn answers all.
func TestSupersede(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("and one more thing")
			return &agent.Response{Text: "too early"}, nil
		}),
		agenttest.Say("both answered").ExpectLast("and one more thing"),
	))
	turn := k.say("Hi")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Equal(t, 1, turn.Superseded)
	assert.Len(t, turn.Inbound, 2)
	assert.Equal(t, []string{"both answered"}, k.sent())
	assert.Zero(t, k.pass(time.Minute))
}

// S7.4, I3: after a takeover nothing of the older turn is sent.
func TestTakeoverDropsTheTurn(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.Say("Hello!"),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "Ana here"})
			require.NoError(t, err)
			return &agent.Response{Text: "must not be sent"}, nil
		}),
	))
	k.say("Hi")
	turn := k.say("Hello?")
	assert.Equal(t, agent.ExitNotOurs, turn.Exit)
	k.runDue()
	assert.Equal(t, []string{"Hello!", "Ana here"}, k.sent())
	assert.Equal(t, user("ana"), k.conversation().Assignee)
	assert.Equal(t, agent.ExitNotOurs, k.say("thanks").Exit)
}

// S7.6, S7.3: transient errors are retried with backoff by a task, then the
// fallback runs.
func TestRetryThenFallback(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Fail(errors.New("overloaded")), agenttest.Fail(errors.New("overloaded")), agenttest.Fail(errors.New("overloaded")),
	))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitRetrying, turn.Exit)
	assert.Zero(t, k.pass(time.Second))
	assert.NotZero(t, k.pass(time.Second))
	k.pass(4 * time.Second)
	conv := k.conversation()
	assert.True(t, conv.AwaitsHuman)
	assert.Equal(t, frontdesk.Assignee{}, conv.Assignee)
	assert.Empty(t, k.sent())
	h := k.view().History
	assert.Equal(t, frontdesk.DirInternal, h[len(h)-1].Direction)
	assert.Contains(t, h[len(h)-1].Text, "could not answer")
}

// S9.2: an AI agent that gets the conversation answers in the same trigger.
func TestHandoffToAgent(t *testing.T) {
	k := newKit(t, nobody(t))
	sales := k.config("Sales Agent", agenttest.Script(t,
		agenttest.CallTool("assign", map[string]any{"target": "Support Agent", "reason": "technical", "summary": "cannot log in"}),
		agenttest.Say("I am passing you on."),
	))
	support := k.config("Support Agent", agenttest.Script(t,
		agenttest.Say("Support here.").Expect(func(t agenttest.TB, req *agent.Request) {
			last := req.Messages[len(req.Messages)-1].Text
			assert.Contains(t, last, "Sales Agent")
			assert.Contains(t, last, "cannot log in")
		}),
	))
	k.join(sales, support)
	turn := k.say("I cannot log in")
	require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
	require.NotNil(t, turn.Next)
	assert.Equal(t, "Support here.", turn.Next.Reply())
	assert.Equal(t, []string{"I am passing you on.", "Support here."}, k.sent())
	assert.Equal(t, aiAgent("a-support"), k.conversation().Assignee)
}

func goLadder() followup.Ladder {
	return followup.Ladder{Steps: []followup.Step{
		{Delay: followup.Delay(2 * time.Minute), Messages: []followup.Message{{Text: "Still there?", Verbatim: true}}},
		{
			Delay: followup.Delay(2 * time.Minute), Messages: []followup.Message{{Text: "I will close this for now.", Verbatim: true}},
			Actions: []followup.Action{{Name: "update_stage", Value: "Cold Lead"}, {Name: "close_conversation", NoSummary: true}},
		},
	}}
}

// S8.2, S8.3, S8.4: a ladder is armed by a reply, fires by the clock, and ends
// with the contact's next message.
func TestLadder(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Good.")), func(c *agent.Config) { c.Ladders = []followup.Ladder{goLadder()} })
	k.say("Hi")
	assert.Zero(t, k.pass(119*time.Second))
	k.pass(time.Second)
	assert.Equal(t, []string{"Hello!", "Still there?"}, k.sent())
	k.say("yes")
	assert.Equal(t, []string{"Hello!", "Still there?", "Good."}, k.sent())
	k.pass(2 * time.Minute)
	k.pass(2 * time.Minute)
	assert.Equal(t, []string{"Hello!", "Still there?", "Good.", "Still there?", "I will close this for now."}, k.sent())
	conv := k.conversation()
	assert.Equal(t, frontdesk.Closed, conv.Status)
	assert.Equal(t, "Cold Lead", k.view().Contact.Stage)
	assert.Zero(t, k.pass(240*time.Hour))
}

// S6.8: a custom action is run under a key of its own, its result is told to
// the LLM.
func TestCustomAction(t *testing.T) {
	var keys []string
	quote := actions.MustFunc("quote", "Give the price of a plan.", func(_ context.Context, c actions.Call, in quoteArgs) (actions.Result, error) {
		keys = append(keys, c.Key)
		return actions.Result{Content: "100 per month", Set: map[string]frontdesk.Value{"budget": frontdesk.Number(100)}}, nil
	})
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("quote", map[string]any{"plan": "Pro", "seats": 5}),
		agenttest.Say("It costs 100 per month.").ExpectLast("100 per month"),
	), func(c *agent.Config) { c.Actions = append(c.Actions, quote) })
	turn := k.say("How much?")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Equal(t, []string{turn.Calls[0].ID}, keys)
	assert.Equal(t, "100", k.view().Contact.Field("budget").String())
}

// S6.9
func TestApproval(t *testing.T) {
	ran := 0
	refund := actions.MustFunc("refund", "Refund.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		ran++
		return actions.Result{Content: "refunded"}, nil
	})
	refund.NeedsApproval = true
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("refund", nil),
		agenttest.Say("We look into it.").ExpectLast("pending"),
		agenttest.Say("Refunded!").ExpectLast("approved"),
	), func(c *agent.Config) { c.Actions = append(c.Actions, refund) })
	turn := k.say("refund me")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	id := turn.Calls[0].ID
	assert.Zero(t, ran)
	require.NoError(t, k.mux.Resolve(k.ctx, id, true, "ana"))
	require.ErrorIs(t, k.mux.Resolve(k.ctx, id, true, "ben"), agent.ErrResolved)
	k.runDue()
	assert.Equal(t, 1, ran)
	assert.Equal(t, []string{"We look into it.", "Refunded!"}, k.sent())
}

// S1.2: what happens outside happens only while the agent has the conversation.
// A human who took over while the LLM thought is not to find the contact charged
// after that; the next call of the same answer is not run either.
func TestNoOutsideActionAfterATakeover(t *testing.T) {
	for _, at := range []string{"while the LLM thinks", "during the call before"} {
		t.Run(at, func(t *testing.T) {
			var k *kit
			takeOver := func() {
				_, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: k.conversation().ID, UserID: "ana", Text: "Ana here"})
				require.NoError(t, err)
			}
			var turns []agent.Turn
			ran := 0
			act := actions.MustFunc("charge", "Charge.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
				if ran++; at == "during the call before" {
					takeOver()
				}
				return actions.Result{Content: "charged"}, nil
			})
			k = newKit(t, agenttest.Script(t,
				agenttest.Say("Hello!"),
				agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
					if at == "while the LLM thinks" {
						takeOver()
					}
					return &agent.Response{Calls: []agent.ToolCall{
						{ID: "1", Name: "charge", Arguments: []byte(`{}`)}, {ID: "2", Name: "charge", Arguments: []byte(`{ }`)},
					}}, nil
				}),
			), func(c *agent.Config) {
				c.Actions = append(c.Actions, act)
				c.OnTurn = func(turn agent.Turn) { turns = append(turns, turn) }
			})
			k.say("Hi")
			k.say("Charge me")
			turn := turns[1]
			want := 0
			if at == "during the call before" {
				want = 1
			}
			assert.Equal(t, want, ran)
			assert.Len(t, turn.Calls, want, "what was not run is not told of")
			assert.Equal(t, agent.ExitDropped, turn.Exit)
			assert.Equal(t, user("ana"), k.conversation().Assignee)
		})
	}
}
