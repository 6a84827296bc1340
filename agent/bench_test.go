package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

type quoteArgs struct {
	Plan  string `json:"plan" jsonschema:"the plan"`
	Seats int    `json:"seats" jsonschema:"how many seats"`
}

func quotePrice(_ context.Context, _ actions.Call, in quoteArgs) (actions.Result, error) {
	return actions.Result{Content: fmt.Sprintf("%d per month", in.Seats*20)}, nil
}

// loopLLM plays one call and one reply for ever.
func loopLLM() agent.LLM {
	return agenttest.Script(nil, func() []agenttest.Step {
		return []agenttest.Step{agenttest.Func(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
			if req.Messages[len(req.Messages)-1].Role == agent.RoleTool {
				return &agent.Response{Text: "It costs 100 per month."}, nil
			}
			return &agent.Response{Calls: []agent.ToolCall{{ID: "c1", Name: "quote", Arguments: json.RawMessage(`{"plan":"Pro","seats":5}`)}}}, nil
		}).Times(-1)}
	}()...)
}

// BenchmarkTurn compares a turn with one action and one reply, with all its
// bookkeeping, to a bare loop over the same LLM and the same function that
// keeps nothing.
func BenchmarkTurn(b *testing.B) {
	for _, history := range []int{0, 100} {
		b.Run(fmt.Sprintf("frontdesk/history=%d", history), func(b *testing.B) {
			m := turnMux(b)
			ctx := b.Context()
			n := 0
			say := func(contact int) {
				n++
				turn, err := m.Handle(ctx, frontdesk.Inbound{Channel: "c", ID: fmt.Sprint(n), From: fmt.Sprint("contact", contact), Text: "How much is Pro for 5?"})
				if err != nil || turn.Exit != agent.ExitReplied {
					b.Fatal(err, turn.Exit, turn.Failure)
				}
			}
			// Every thousand turns the store is made anew: one that grows for
			// ever is not what is measured. With a history each of twenty
			// contacts has one and takes turns.
			const contacts = 20
			fresh := func() {
				m = turnMux(b)
				for i := range history / 2 * contacts {
					say(i % contacts)
				}
			}
			fresh()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if i%1000 == 999 {
					b.StopTimer()
					fresh()
					b.StartTimer()
				}
				if history == 0 {
					say(i)
				} else {
					say(i % contacts)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		llm := loopLLM()
		ctx := b.Context()
		b.ReportAllocs()
		for range b.N {
			req := &agent.Request{System: prompt, Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: "How much is Pro for 5?"}}}
			for {
				resp, err := llm.Generate(ctx, req)
				if err != nil {
					b.Fatal(err)
				}
				if len(resp.Calls) == 0 {
					break
				}
				for _, c := range resp.Calls {
					var in quoteArgs
					if err := json.Unmarshal(c.Arguments, &in); err != nil {
						b.Fatal(err)
					}
					res, err := quotePrice(ctx, actions.Call{}, in)
					if err != nil {
						b.Fatal(err)
					}
					req.Messages = append(req.Messages, agent.ChatMessage{Role: agent.RoleAssistant, Calls: []agent.ToolCall{c}},
						agent.ChatMessage{Role: agent.RoleTool, CallID: c.ID, Name: c.Name, Text: res.Content})
				}
			}
		}
	})
}

// turnMux is an agent that quotes a price and answers.
func turnMux(b *testing.B) *agent.Mux {
	b.Helper()
	quote := actions.MustFunc("quote", "Give the price of a plan.", quotePrice)
	cfg := agent.Config{
		Name: "Sales Agent", Instructions: prompt, Workspace: workspace(), LLM: loopLLM(), Store: memstore.New(),
		Channel: nullChannel{}, Clock: agenttest.NewFakeClock(),
		Actions: []actions.Action{quote, actions.Assign(), actions.Close(), actions.UpdateStage()},
	}
	a, err := agent.New(cfg)
	require.NoError(b, err)
	cfg.Name = "Support Agent"
	other, err := agent.New(cfg)
	require.NoError(b, err)
	m, err := agent.NewMux(a, other)
	require.NoError(b, err)
	return m
}

// nullChannel takes everything and keeps nothing.
type nullChannel struct{}

func (nullChannel) Send(context.Context, agent.Outbound) (agent.SendReceipt, error) {
	return agent.SendReceipt{}, nil
}
func (nullChannel) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }
