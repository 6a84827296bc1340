// Customaction plugs two Go functions in as actions: one that looks up an
// order, and one that pays money back, which a person has to approve and which
// is run at most once. It needs no key and no network.
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

const prompt = `# CONTEXT
* You help people with their orders.
# FLOW
1. Look up the order.
2. If something arrived broken, refund it.
# BOUNDARIES
* Cannot: promise a refund before it is made.
`

type orderQuery struct {
	Number int `json:"number" jsonschema:"The number of the order"`
}

type refund struct {
	Number int    `json:"number" jsonschema:"The number of the order"`
	Reason string `json:"reason" jsonschema:"Why it is paid back"`
}

func lookUp(_ context.Context, _ actions.Call, in orderQuery) (actions.Result, error) {
	if in.Number != 1207 {
		return actions.Result{}, fmt.Errorf("there is no order %d: ask for the number again", in.Number)
	}
	// What an action wants changed is data: the agent checks it and commits it
	// with the rest of the turn.
	return actions.Result{
		Content: "order 1207: a lamp, 60 euros, delivered on Monday",
		Set:     map[string]frontdesk.Value{"last_order": frontdesk.Number(1207)},
	}, nil
}

func payBack(_ context.Context, call actions.Call, in refund) (actions.Result, error) {
	// A payment provider takes the key: the same call is never paid twice.
	fmt.Printf("  [bank] pays order %d back (has a key: %t)\n", in.Number, call.Key != "")
	return actions.Result{Content: "60 euros were paid back", AddTags: []string{"refunded"}}, nil
}

func main() {
	find, err := actions.Func("find_order", "Look up an order by its number.", lookUp)
	if err != nil {
		log.Fatal(err)
	}
	pay, err := actions.Func("refund", "Pay an order back.", payBack)
	if err != nil {
		log.Fatal(err)
	}
	if pay, err = pay.WithEnum("reason", []string{"broken", "late", "wrong item"}); err != nil {
		log.Fatal(err)
	}
	pay.NeedsApproval, pay.Delivery = true, actions.AtMostOnce

	store, channel := memstore.New(), &agenttest.RecordingChannel{}
	support, err := agent.New(agent.Config{
		Name: "Support Agent", Instructions: prompt, Store: store, Channel: channel, Actions: []actions.Action{find, pay},
		Workspace: frontdesk.Workspace{Fields: []frontdesk.Field{{ID: "last_order", Type: frontdesk.TypeNumber}}},
		LLM: agenttest.Script(nil,
			agenttest.CallTool("find_order", `{"number": 12}`),
			agenttest.CallTool("find_order", `{"number": 1207}`),
			agenttest.CallTool("refund", `{"number": 1207, "reason": "did not like it"}`),
			agenttest.CallTool("refund", `{"number": 1207, "reason": "broken"}`),
			agenttest.Say("I am sorry about your lamp. I have asked for your money back."),
			agenttest.Say("Good news: 60 euros are on their way to you.")),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux, err := agent.NewMux(support)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	fmt.Println("Contact: my lamp, order 1207, came broken")
	turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+49151", Text: "My lamp, order 1207, came broken"})
	if err != nil {
		log.Fatal(err)
	}
	waits := ""
	for _, c := range turn.Calls {
		fmt.Printf("  %s %s: %s: %s\n", c.Name, c.Arguments, c.Outcome, c.Detail)
		if c.Outcome == agent.CallPending {
			waits = c.ID
		}
	}
	fmt.Println("Agent:  ", turn.Reply())

	fmt.Println("  a person approves:", mux.Resolve(ctx, waits, true, "ana") == nil)
	fmt.Println("  another one too:  ", mux.Resolve(ctx, waits, true, "ben"))
	if _, err := mux.RunDue(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("Agent:  ", channel.Texts()[1])
	view, err := store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: "+49151"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("  in the store: last_order", view.Contact.Field("last_order"), "tags", view.Contact.Tags)
}
