// Presence routes to people who are there: it passes over who is away, falls
// back to another team, and when nobody is left says so, to the model and in a
// note. It needs no key and no network.
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
* You greet people who want to buy.
# FLOW
1. If they want to talk to someone, assign to @Sales Team.
# BOUNDARIES
* Cannot: offer discounts.
`

// away is a Presence: a set of users who are not there.
type away map[string]bool

func (a away) Available(_ context.Context, userID string) (bool, error) { return !a[userID], nil }

func main() {
	store := memstore.New()
	out := away{}
	llm := agenttest.Script(nil)
	sales, err := agent.New(agent.Config{
		Name: "Sales Agent", Instructions: prompt, LLM: llm, Store: store, Channel: &agenttest.RecordingChannel{},
		Actions: []actions.Action{actions.Assign()},
		Workspace: frontdesk.Workspace{
			Users: []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}, {ID: "cy", Name: "Cy"}},
			Teams: []frontdesk.Team{
				{ID: "sales", Name: "Sales Team", Members: []string{"ana", "ben"}},
				{ID: "office", Name: "Office", Members: []string{"cy"}},
			},
		},
		Presence: out,
		Fallback: agent.Fallback{Assign: frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "office"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux, err := agent.NewMux(sales)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	n := 0
	// visit has a new contact ask for a person.
	visit := func(situation string) {
		n++
		llm.Add(agenttest.CallTool("assign", map[string]any{"target": "Sales Team"}), agenttest.Say("You will hear from $assignee.name|us soon."))
		from := fmt.Sprintf("+4915%d", n)
		turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: fmt.Sprint(n), From: from, Text: "Can I talk to someone?"})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n  the model is told: %s\n  the contact reads: %s\n", situation, turn.Calls[0].Detail, turn.Reply())
		view, err := store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: from}, History: 10})
		if err != nil {
			log.Fatal(err)
		}
		for _, m := range view.History {
			if m.Direction == frontdesk.DirInternal {
				fmt.Println("  a note says:      ", m.Text)
			}
		}
		c := view.Conversation
		fmt.Printf("  in the store:      assignee %q, team %q, waits for a human: %t\n", c.Assignee.ID, c.TeamID, c.AwaitsHuman)
	}

	visit("everyone is there")
	visit("everyone is there: the next in turn")
	out["ana"] = true
	visit("Ana is away")
	delete(out, "ana")
	visit("Ana is back")
	out["ana"], out["ben"] = true, true
	visit("all of Sales are away: the fallback")
	out["cy"] = true
	visit("nobody is there")
	if err := llm.Done(); err != nil {
		log.Fatal(err)
	}
}
