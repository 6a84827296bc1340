package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// wellFormed checks what an LLM may be sent: every call has a result right
// after it, arguments are JSON objects, the last word is not the assistant's.
func wellFormed(t assert.TestingT, req *agent.Request) {
	if !assert.NotEmpty(t, req.Messages) {
		return
	}
	assert.Equal(t, agent.RoleUser, req.Messages[0].Role)
	assert.NotEqual(t, agent.RoleAssistant, req.Messages[len(req.Messages)-1].Role)
	ids := map[string]bool{}
	for i, m := range req.Messages {
		for _, c := range m.Calls {
			var obj map[string]any
			assert.NoError(t, json.Unmarshal(c.Arguments, &obj), "arguments in the history: %s", c.Arguments)
			assert.False(t, ids[c.ID], "call ID %s is used twice", c.ID)
			ids[c.ID] = true
			if assert.Less(t, i+1, len(req.Messages)) {
				assert.Equal(t, c.ID, req.Messages[i+1].CallID)
			}
		}
	}
}

// The fault table: whatever the LLM does, once or always, the turn ends in a
// reply or in the fallback with one reason, and nothing malformed is sent.
func TestEveryFaultOfTheLLMHasOneEnd(t *testing.T) {
	answers := map[agent.ExitReason]bool{agent.ExitReplied: true, agent.ExitFallback: true, agent.ExitClosed: true, agent.ExitHandedOff: true}
	for _, fault := range agenttest.LLMFaults() {
		for _, always := range []bool{false, true} {
			if fault == agenttest.LLMFine {
				continue
			}
			name := fmt.Sprintf("%s, always=%v", fault, always)
			inner := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
				wellFormed(t, req)
				if len(req.Tools) > 0 && req.Messages[len(req.Messages)-1].Role != agent.RoleTool {
					return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("update_stage", args{"stage": "Hot Lead"})}}, nil
				}
				return &agent.Response{Text: "All good."}, nil
			})
			plan := agenttest.LLMFaultsInOrder(fault)
			if always {
				plan = agenttest.LLMFaultAlways(fault)
			}
			llm := agenttest.NewFaultyLLM(inner, plan)
			llm.RetryAfter = 10 * time.Second
			var last agent.Turn
			k := newKit(t, llm, func(c *agent.Config) {
				c.Timeouts.LLM = time.Millisecond * 20
				c.OnTurn = func(turn agent.Turn) { last = turn }
			})
			k.say("Hi")
			for range 10 {
				k.pass(time.Minute)
			}
			assert.True(t, answers[last.Exit], "%s: %s", name, last.Exit)
			assert.Equal(t, last.Exit == agent.ExitFallback, last.Failure != "", name)
			for _, text := range k.sent() {
				assert.Equal(t, "All good.", strings.TrimRight(text, "\uFFFD"), name)
			}
			if last.Exit == agent.ExitFallback {
				assert.True(t, k.conversation().AwaitsHuman, name)
				assert.Empty(t, k.sent(), name)
			} else {
				assert.NotEmpty(t, k.sent(), name)
			}
			assert.Empty(t, k.view().Waiting, "%s: I1", name)
			if !always {
				assert.NotEqual(t, agent.ExitRetrying, last.Exit, name)
			}
			_, waits, err := k.mux.NextDue(k.ctx)
			require.NoError(t, err)
			assert.False(t, waits, "%s: I32: everything settles", name)
		}
	}
}

// S7.6: what cannot be used is asked for once more, with the reason; then the
// fallback runs.
func TestUselessAnswersAreAskedForOnceMore(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  agent.Response
		why  string
	}{
		{"empty", agent.Response{}, "it is empty"},
		{"blank", agent.Response{Text: " \n\u0000\t"}, "it is empty"},
		{"refusal", agent.Response{Text: "I would rather not.", Stop: agent.StopRefuse}, "it was refused"},
		{"cut off", agent.Response{Text: "Half an ans", Stop: agent.StopLength}, "cut off"},
		{"cut off in a call", agent.Response{Calls: []agent.ToolCall{agenttest.Call("close_conversation", `{"summ`)}, Stop: agent.StopLength}, "cut off"},
		{"huge", agent.Response{Text: strings.Repeat("long ", 40_000)}, "longer than 16384 bytes"},
		{"call as text", agent.Response{Text: `Sure: {"name":"assign","arguments":{"target":"Sales Team"}}`}, "action call written as text"},
		{"call as tag", agent.Response{Text: `<tool_call>close_conversation()</tool_call>`}, "action call written as text"},
		{"call as openai", agent.Response{Text: `{"tool_calls":[{"id":"1"}]}`}, "action call written as text"},
	} {
		k := newKit(t, agenttest.Script(t, agenttest.Raw(c.bad), agenttest.Say("Hello!").ExpectLast("was not used", c.why)))
		turn := k.say("Hi")
		assert.Equal(t, agent.ExitReplied, turn.Exit, c.name)
		assert.Empty(t, turn.Calls, c.name)
		assert.Equal(t, []string{"Hello!"}, k.sent(), c.name)

		k = newKit(t, agenttest.Script(t, agenttest.Raw(c.bad).Times(2)))
		turn = k.say("Hi")
		assert.Equal(t, agent.ExitFallback, turn.Exit, c.name)
		assert.Contains(t, turn.Failure, c.why, c.name)
		assert.Empty(t, k.sent(), c.name)
		assert.True(t, k.conversation().AwaitsHuman, c.name)
	}
}

// Arguments that are no strict JSON object are refused, and never shown to
// the LLM again.
func TestBrokenArguments(t *testing.T) {
	for _, raw := range []string{
		`{"text": "cut`, `text=hello`, `[1,2`, `["x"]`, `"text"`, `NaN`, `null`, "```json\n{}\n```", "\xff\xfe",
		`{"text":"a","text":"b"}`, `{"text":"a","Text":"b"}`, `{"TEXT":"a"}`, `{"text":"a"} trailing`, `{"text":"\ud800"}`, `{"text":"a` + "\x00" + `"}`,
		`{"text":{"text":"a"}}`, `{"text":null}`, strings.Repeat(`{"text":`, 5000),
	} {
		k := newKit(t, agenttest.Script(t,
			agenttest.CallTool("add_comment", raw),
			agenttest.Say("OK.").Expect(func(t agenttest.TB, req *agent.Request) {
				wellFormed(t, req)
				assert.True(t, req.Messages[len(req.Messages)-1].IsError)
			}),
		))
		turn := k.say("Hi")
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
		assert.Equal(t, agent.CallRefused, turn.Calls[0].Outcome, "%.40s", raw)
		assert.True(t, json.Valid(turn.Calls[0].Arguments))
		for _, m := range k.view().History {
			assert.NotEqual(t, frontdesk.DirInternal, m.Direction, "%.40s", raw)
		}
	}
}

// Same call ID and arguments once; other arguments refused; keys are ours;
// IDs used again in a later answer, and empty ones, are fine.
func TestCallIDs(t *testing.T) {
	act, keys := counter("ping", nil)
	call := func(id, name string, a any) agent.ToolCall {
		c := agenttest.Call(name, a)
		c.ID = id
		return c
	}
	k := newKit(t, agenttest.Script(t,
		agenttest.Calls(call("x", "ping", nil), call("x", "ping", nil), call("x", "add_comment", args{"text": "sneaky"})),
		agenttest.Calls(call("x", "ping", nil)),
		agenttest.Say("OK.").Expect(func(t agenttest.TB, req *agent.Request) { wellFormed(t, req) }),
	), with(act))
	turn := k.say("Hi")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Equal(t, agent.CallDone, turn.Calls[1].Outcome)
	assert.Equal(t, agent.CallRefused, turn.Calls[2].Outcome)
	assert.Equal(t, []string{turn.ID + "/1/1", turn.ID + "/2/1"}, *keys)
}

// A name that the LLM made up cannot break the next request.
func TestStrangeActionNames(t *testing.T) {
	for _, name := range []string{"", "drop table;", strings.Repeat("n", 300), "näme", "a\nb"} {
		k := newKit(t, agenttest.Script(t, agenttest.CallTool(name, nil), agenttest.Say("OK.").Expect(func(t agenttest.TB, req *agent.Request) {
			wellFormed(t, req)
			assert.Equal(t, "unknown_action", req.Messages[len(req.Messages)-1].Name)
		})))
		assert.Equal(t, agent.CallRefused, k.say("Hi").Calls[0].Outcome)
	}
}

// S7.6: 429 closes the gate for all conversations of the agent until the
// provider's time; the pause itself is no failure.
func TestRetryAfterHoldsAllConversationsBack(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Fail(&agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: 90 * time.Second}),
		agenttest.Say("Hello!").Times(2),
	))
	assert.Equal(t, agent.ExitRetrying, k.say("Hi").Exit)
	other, err := k.mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: "o1", From: "+62999", Text: "Hi"})
	require.NoError(t, err)
	assert.Equal(t, agent.ExitRetrying, other.Exit, "nobody asks before the time")
	k.pass(89 * time.Second)
	assert.Empty(t, k.sent())
	k.pass(time.Second)
	assert.Len(t, k.sent(), 2)
}

// S7.8: the record counts the calls that failed and were tried again later.
func TestRoundsCountRetries(t *testing.T) {
	var turns []agent.Turn
	k := newKit(t, agenttest.Script(t, agenttest.Fail(errors.New("503")).Times(2), agenttest.Say("Hello!")), func(c *agent.Config) {
		c.OnTurn = func(turn agent.Turn) { turns = append(turns, turn) }
	})
	k.say("Hi")
	k.pass(time.Minute)
	k.pass(time.Minute)
	require.Len(t, turns, 3)
	for i, exit := range []agent.ExitReason{agent.ExitRetrying, agent.ExitRetrying, agent.ExitReplied} {
		assert.Equal(t, exit, turns[i].Exit)
		assert.Equal(t, i+1, turns[i].Rounds)
	}
}

// S7.6: the retries back off, and the delays are the clock's.
func TestBackoff(t *testing.T) {
	llm := agenttest.Script(t, agenttest.Fail(errors.New("503")).Times(4), agenttest.Say("Hello!"))
	k := newKit(t, llm, func(c *agent.Config) { c.Retry = agent.Retry{Attempts: 5, First: time.Second, Max: 3 * time.Second} })
	k.say("Hi")
	for i, wait := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		k.pass(wait - time.Millisecond)
		assert.Equal(t, i+1, llm.Count())
		k.pass(time.Millisecond)
		assert.Equal(t, i+2, llm.Count())
	}
	assert.Equal(t, []string{"Hello!"}, k.sent())
}

// S7.6: the fallback's variants.
func TestFallbacks(t *testing.T) {
	denied := func() agent.LLM {
		return agenttest.Script(t, agenttest.Fail(&agent.LLMError{Kind: agent.LLMDenied, Err: errors.New("no credit")}))
	}
	t.Run("nothing set", func(t *testing.T) {
		k := newKit(t, denied())
		assert.Equal(t, agent.ExitFallback, k.say("Hi").Exit)
		assert.True(t, k.conversation().AwaitsHuman)
		assert.Equal(t, agent.ExitNotOurs, k.say("Hello?").Exit, "S1.2: it waits for a human")
	})
	t.Run("assign", func(t *testing.T) {
		k := newKit(t, denied(), func(c *agent.Config) { c.Fallback.Assign = frontdesk.Target{Name: "Support Team"} })
		assert.Equal(t, agent.ExitFallback, k.say("Hi").Exit)
		assert.Equal(t, user("cy"), k.conversation().Assignee)
		h := k.view().History
		assert.Contains(t, h[len(h)-1].Text, "could not answer")
		assert.Equal(t, frontdesk.DirInternal, h[len(h)-1].Direction)
	})
	t.Run("text", func(t *testing.T) {
		k := newKit(t, denied(), func(c *agent.Config) { c.Fallback.Text = "Please wait, $contact.firstname." })
		assert.Equal(t, agent.ExitFallback, k.say("Hi").Exit)
		require.Len(t, k.sent(), 1)
		assert.NotContains(t, k.sent()[0], "$", "I22")
		assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee, "the agent keeps it")
	})
	t.Run("another LLM", func(t *testing.T) {
		k := newKit(t, denied(), func(c *agent.Config) { c.Fallback.LLM = agenttest.Script(t, agenttest.Say("Second here.")) })
		turn := k.say("Hi")
		assert.Equal(t, agent.ExitReplied, turn.Exit)
		assert.Equal(t, []string{"Second here."}, k.sent())
	})
	t.Run("both down", func(t *testing.T) {
		down := func(n int) *agenttest.ScriptedLLM {
			return agenttest.Script(t, agenttest.Fail(errors.New("503")).Times(n))
		}
		k := newKit(t, down(3), func(c *agent.Config) { c.Fallback.LLM = down(3) })
		k.say("Hi")
		for range 10 {
			k.pass(time.Minute)
		}
		assert.True(t, k.conversation().AwaitsHuman, "it comes to an end")
	})
	t.Run("AI agent", func(t *testing.T) {
		k := newKit(t, nobody(t))
		sales := k.config("Sales Agent", denied())
		sales.Fallback.Assign = frontdesk.Target{Name: "Support Agent"}
		support := k.config("Support Agent", agenttest.Script(t, agenttest.Say("Support here.")))
		k.join(sales, support)
		turn := k.say("Hi")
		assert.Equal(t, agent.ExitFallback, turn.Exit)
		require.NotNil(t, turn.Next, "the message is not dropped")
		assert.Equal(t, []string{"Support here."}, k.sent())
	})
	t.Run("AI agents that fall back on each other", func(t *testing.T) {
		k := newKit(t, nobody(t))
		sales, support := k.config("Sales Agent", denied()), k.config("Support Agent", denied())
		sales.Fallback.Assign, support.Fallback.Assign = frontdesk.Target{Name: "Support Agent"}, frontdesk.Target{Name: "Sales Agent"}
		k.join(sales, support)
		k.say("Hi")
		k.runDue()
		assert.True(t, k.conversation().AwaitsHuman)
	})
}

// 400 on every request: the turn's own steps are dropped once, then the
// conversation is quarantined (I26).
func TestPoisonedConversation(t *testing.T) {
	bad := &agent.LLMError{Kind: agent.LLMInvalid, Err: errors.New("HTTP 400")}
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("add_comment", args{"text": "x"}), agenttest.Fail(bad), agenttest.Say("Hello!")))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Empty(t, turn.Calls, "the step was dropped, its staged changes with it")

	k = newKit(t, agenttest.Script(t, agenttest.Fail(bad)))
	turn = k.say("Hi")
	assert.Equal(t, agent.ExitFallback, turn.Exit)
	assert.Equal(t, frontdesk.DispositionQuarantined, k.view().History[0].Disposition)
}

// Panics of an action, the LLM, Presence, Knowledge and the hooks stay inside
// their call (I28).
func TestPanicsAreContained(t *testing.T) {
	boom, _ := counter("boom", func(int) (actions.Result, error) { panic("boom") })
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("boom", nil),
		agenttest.CallTool("assign", args{"target": "Sales Team"}).ExpectLast("it failed: internal error"),
		agenttest.Say("hooked").ExpectLast("nobody of Sales Team is available now"),
		agenttest.Say("fine"),
	), with(boom), func(c *agent.Config) {
		c.Presence = presence(func(string) (bool, error) { panic("presence") })
		c.Knowledge = knowledge(func(string) ([]agent.Passage, error) { panic("knowledge") })
		c.Outgoing = func(text string) (string, error) {
			if text == "hooked" {
				panic("outgoing")
			}
			return text, nil
		}
		c.OnTurn = func(agent.Turn) { panic("on turn") }
	})
	turn := k.say("Hi")
	require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
	assert.Equal(t, agent.CallFailed, turn.Call("boom").Outcome)
	assert.Equal(t, []string{"fine"}, k.sent())
	assert.True(t, k.conversation().AwaitsHuman)
	assert.Equal(t, []string{"(knowledge could not be searched)"}, turn.Sources)
}

type presence func(id string) (bool, error)

func (p presence) Available(_ context.Context, id string) (bool, error) { return p(id) }

type knowledge func(query string) ([]agent.Passage, error)

func (k knowledge) Search(_ context.Context, query string, _ int) ([]agent.Passage, error) {
	return k(query)
}

// The outgoing hook changes a text, or fails it and the LLM is asked again.
func TestOutgoingHook(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Say("see http://evil.example"), agenttest.Say("see our site").ExpectLast("a rule for outgoing texts forbids it"),
	), func(c *agent.Config) {
		c.Outgoing = func(text string) (string, error) {
			if strings.Contains(text, "evil") {
				return "", errors.New("no such links")
			}
			return strings.ReplaceAll(text, "our site", "acme.example"), nil
		}
	})
	k.say("Hi")
	assert.Equal(t, []string{"see acme.example"}, k.sent())
}

// S13.3: logs carry IDs and outcomes; what a contact wrote, and what an error
// from outside quotes of it, only when asked for.
func TestLogsHoldNothingOfTheContact(t *testing.T) {
	const secret = "SECRET-4711"
	run := func(c func(*agent.Config)) string {
		var out bytes.Buffer
		fail, _ := counter("fail", func(int) (actions.Result, error) { return actions.Result{}, errors.New("no order of " + secret) })
		boom, _ := counter("boom", func(int) (actions.Result, error) { panic("boom " + secret) })
		k := newKit(t, agenttest.Script(t,
			agenttest.Fail(errors.New("cannot read "+secret)),
			agenttest.CallTool("fail", nil),
			agenttest.CallTool("boom", nil),
			agenttest.CallTool("update_tags", args{"add": []string{secret}, "remove": []string{secret}}),
			agenttest.CallTool("update_field", set("name", secret)),
			agenttest.CallTool("add_comment", args{"text": secret, secret: 1}),
			agenttest.Say("Your number is "+secret),
		), with(fail, boom, actions.UpdateTags()), c, func(c *agent.Config) {
			c.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.Knowledge = knowledge(func(q string) ([]agent.Passage, error) { return nil, errors.New("nothing on " + q) })
		})
		k.channel.FailNext(1, agenttest.NotSent("cannot send "+secret))
		in := k.inbound("I am " + secret)
		in.Name = secret
		_, err := k.mux.Handle(k.ctx, in)
		require.NoError(t, err)
		for range 5 {
			k.pass(time.Minute)
		}
		assert.Equal(t, []string{"Your number is " + secret}, k.sent())
		assert.Contains(t, out.String(), `"exit":"replied"`, "outcomes are logged")
		return out.String()
	}
	assert.NotContains(t, run(func(*agent.Config) {}), "4711")
	assert.Contains(t, run(func(c *agent.Config) { c.LogErrors = true }), "no order of "+secret)
}

// S7.6: answers of no use end a turn when they come one after the other: one of
// use in between begins the count anew.
func TestUselessAnswersCountInARow(t *testing.T) {
	act, _ := counter("note_it", nil)
	k := newKit(t, agenttest.Script(t, agenttest.Say(" "), agenttest.CallTool("note_it", nil), agenttest.Say(" "), agenttest.Say("Noted.")), with(act))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	assert.Equal(t, []string{"Noted."}, k.sent())
}
