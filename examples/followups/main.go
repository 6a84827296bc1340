// Followups runs the follow-ups of a prompt over days in an instant: one
// contact stays silent, one answers, quiet hours are kept, and a process that
// was down for a weekend sends no burst. It needs no key and no network.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

const prompt = `# CONTEXT
* You talk with people who asked for an offer.
# FLOW
1. Ask what they need.
# BOUNDARIES
* Cannot: offer discounts.
# FOLLOW-UP
If the contact does not reply after 1 hour, say "Did you see my question, $contact.firstname|there?". If there is still no reply after another 10 hours, say "I am still here."
If there is still no reply after another 24 hours, update the lifecycle stage to Cold Lead, close the conversation without a summary and say "I will close this for now."
`

// console prints what is sent, and when.
type console struct{ clock frontdesk.Clock }

func (c console) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	_, err := fmt.Printf("%s  to %-5s %s\n", stamp(c.clock.Now()), msg.To, msg.Text)
	return agent.SendReceipt{}, err
}

func (console) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }

func stamp(t time.Time) string { return t.Format("Mon 15:04") }

func main() {
	clock := agenttest.NewFakeClock(time.Date(2026, time.March, 5, 12, 0, 0, 0, time.UTC)) // a Thursday
	sales, err := agent.New(agent.Config{
		Name: "Sales Agent", Instructions: prompt, Store: memstore.New(), Channel: console{clock}, Clock: clock,
		Workspace: frontdesk.Workspace{LifecycleStages: []string{"New Lead", "Cold Lead"}},
		LLM:       agenttest.Script(nil, agenttest.Say("What do you need?").Times(-1)),
		Actions:   []actions.Action{actions.UpdateStage(), actions.Close()},
		FollowUps: agent.FollowUps{Quiet: followup.QuietHours{From: 20 * time.Hour, To: 8 * time.Hour}},
		OnTurn: func(t agent.Turn) {
			for _, c := range t.Changes {
				if c.What == "stage" || c.What == "status" {
					fmt.Printf("           %s: %s\n", c.What, c.New)
				}
			}
		},
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
	says := func(from, text string) {
		n++
		fmt.Printf("%s  %-8s %s\n", stamp(clock.Now()), from, text)
		if _, err := mux.Handle(ctx, frontdesk.Inbound{ID: fmt.Sprint(n), From: from, Name: from, Text: text}); err != nil {
			log.Fatal(err)
		}
	}
	// until does what falls due before a moment, each at its time.
	until := func(t time.Time) {
		for {
			due, ok, err := mux.NextDue(ctx)
			if err != nil {
				log.Fatal(err)
			}
			if !ok || due.After(t) {
				clock.Set(t)
				return
			}
			clock.Set(due)
			if _, err := mux.RunDue(ctx); err != nil {
				log.Fatal(err)
			}
		}
	}

	says("Mia", "An offer, please")
	says("Noah", "An offer, please")
	until(clock.Now().Add(2 * time.Hour))
	says("Noah", "40 chairs")
	until(clock.Now().Add(30 * time.Minute))
	fmt.Println("           (nothing runs until Saturday noon)")
	clock.Set(time.Date(2026, time.March, 7, 12, 0, 0, 0, time.UTC))
	if _, err := mux.RunDue(ctx); err != nil {
		log.Fatal(err)
	}
	until(clock.Now().Add(30 * 24 * time.Hour))
	if _, ok, err := mux.NextDue(ctx); err != nil || ok {
		log.Fatal("something still waits: ", err)
	}
	fmt.Println("           (nothing waits any more)")
}
