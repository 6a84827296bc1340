// Handoff passes a conversation from one AI agent to another and on to a
// human, and prints what each of them is told. It needs no key and no network.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

const reception = `# CONTEXT
* You are the first whom a contact meets.
# FLOW
1. Greet the contact.
2. If they ask about an invoice, assign to @Billing Agent.
# BOUNDARIES
* Cannot: talk about amounts.
`

const billing = `# CONTEXT
* You know invoices.
# FLOW
1. Ask for the number of the invoice.
2. If they dispute an amount, assign to @Billing Team using the least open conversations method.
# BOUNDARIES
* Cannot: promise a refund.
`

// console prints what is sent.
type console struct{}

func (console) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	_, err := fmt.Printf("%-16s %s\n", msg.Author.Name+":", msg.Text)
	return agent.SendReceipt{}, err
}

func (console) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }

func main() {
	store, channel := memstore.New(), console{}
	build := func(name, prompt string, llm agent.LLM) *agent.Agent {
		a, err := agent.New(agent.Config{
			Name: name, Instructions: prompt, LLM: llm, Store: store, Channel: channel, Actions: []actions.Action{actions.Assign()},
			Workspace: frontdesk.Workspace{
				Users:    []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}},
				Teams:    []frontdesk.Team{{ID: "billing", Name: "Billing Team", Members: []string{"ana", "ben"}}},
				AIAgents: []frontdesk.AIAgent{{ID: "reception", Name: "Reception"}, {ID: "billing", Name: "Billing Agent"}},
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		return a
	}
	// What the second agent is told stands in its first request.
	told := func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		fmt.Printf("%-16s %s\n", "  (it is told)", req.Messages[len(req.Messages)-1].Text)
		return &agent.Response{Text: "I can help with that. Which invoice is it?"}, nil
	}
	mux, err := agent.NewMux(
		build("Reception", reception, agenttest.Script(nil,
			agenttest.CallTool("assign", map[string]any{"target": "Billing Agent", "reason": "asks about an invoice", "summary": "Invoice too high, number not known yet."}),
			agenttest.Say("One moment, my colleague knows invoices."))),
		build("Billing Agent", billing, agenttest.Script(nil,
			agenttest.Func(told),
			agenttest.CallTool("assign", map[string]any{"target": "Reception"}),
			agenttest.CallTool("assign", map[string]any{"target": "Billing Team", "reason": "disputes an amount", "summary": "Invoice 1207: 90 instead of 60 euros."}),
			agenttest.Say("$assignee.name from our team will check invoice 1207 for you."))),
	)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for i, text := range []string{"Hi, my invoice is too high", "1207: it says 90 euros, we agreed on 60", "Thanks"} {
		fmt.Printf("%-16s %s\n", "Contact:", text)
		turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: fmt.Sprint(i), From: "+49151", Text: text})
		if err != nil {
			log.Fatal(err)
		}
		if turn.Agent == "" {
			fmt.Printf("  (no agent answers: %s)\n", turn.Failure)
			break
		}
		for t := &turn; t != nil; t = t.Next {
			fmt.Printf("  (%s turn of %q: %s)\n", t.Trigger.Kind, t.Agent, t.Exit)
			for _, c := range t.Calls {
				fmt.Printf("    %s %s: %s\n", c.Name, c.Outcome, c.Detail)
			}
		}
	}

	view, err := store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: "+49151"}, History: 20})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("\nassigned to %s of team %q, who finds these notes:\n", view.Conversation.Assignee.ID, view.Conversation.TeamID)
	for _, m := range view.History {
		if m.Direction == frontdesk.DirInternal {
			fmt.Println("-", m.Text)
		}
	}
}
