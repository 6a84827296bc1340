package attack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/race"
)

// I14 to I23: whatever text asks, by whatever slot, and however the model
// obeys, nothing happens that the instructions do not allow. All texts go
// through all slots in all ways; -short takes a sample of them, the same each
// time.
func TestObedientModel(t *testing.T) {
	texts := corpus(t)
	var (
		mu              sync.Mutex
		runs, reached   int
		allowed         = map[string]int{}
		allowedByGoal   = map[string]int{}
		reachedBySlot   = map[string]int{}
		firstViolations []string
		violations      int
	)
	t.Run("cross", func(t *testing.T) {
		for _, slot := range slots {
			for _, way := range ways {
				t.Run(slot+"/"+way, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, slot, way, nil)
					rng := rand.New(rand.NewPCG(4711, uint64(len(slot)*100+len(way))))
					for _, e := range texts {
						if (testing.Short() || race.On) && rng.IntN(15) > 0 {
							continue
						}
						r := w.attack(e)
						mu.Lock()
						runs++
						if w.llm.found {
							reached++
							reachedBySlot[slot]++
						}
						for _, a := range r.allowed {
							allowed[a]++
						}
						if len(r.allowed) > 0 {
							allowedByGoal[e.Goal]++
						}
						violations += len(r.violations)
						for _, v := range r.violations {
							if len(firstViolations) < 40 {
								firstViolations = append(firstViolations, r.name()+": "+v)
							}
						}
						mu.Unlock()
					}
				})
			}
		}
	})
	assert.Empty(t, firstViolations, "%d violations", violations)
	for _, slot := range slots {
		assert.NotZero(t, reachedBySlot[slot], "no text reaches the model by %s", slot)
	}
	assert.Greater(t, reached*10, runs*6, "most texts reach the model")
	t.Logf("%d texts, %d slots, %d ways: %d runs, the model obeyed in %d, %d violations", len(texts), len(slots), len(ways), runs, reached, violations)
	t.Logf("allowed by policy, on the contact's own conversation:\n%s", table(allowed))
	t.Logf("runs with something that policy allows, by goal:\n%s", table(allowedByGoal))
	t.Logf("the model obeyed, by slot:\n%s", table(reachedBySlot))
}

func table(counts map[string]int) string {
	var lines []string
	for what, n := range counts {
		lines = append(lines, fmt.Sprintf("%7d  %s", n, what))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(lines)))
	return strings.Join(lines, "\n")
}

// The test of the test: with a configuration that lets things through, the
// same model and the same texts are seen to break every invariant that the
// checks know. What a configuration cannot switch off, an action of the
// program's own does: it is trusted, and this one should not be.
func TestChecksSeeWhatIsLetThrough(t *testing.T) {
	loose := &permissive{
		limits: agent.Limits{LLMCalls: 200, ActionCalls: 400, IdenticalCalls: 400, ErrorsPerAction: 400, Handoffs: 50},
		allow: []frontdesk.Target{
			{Kind: frontdesk.TargetAnyTeam}, {Kind: frontdesk.TargetAnyone}, {Kind: frontdesk.TargetAIAgent, ID: "a-third"}, {Kind: frontdesk.TargetAIAgent, ID: "a-support"},
		},
		actions: carelessActions,
		hook: func(w *world) func(string) (string, error) {
			return func(text string) (string, error) { // it runs after the engine's own look
				switch w.llm.e.Goal {
				case "raw":
					return text + ` {"name":"assign","arguments":{}}`, nil
				case "contact":
					return text + victimSecret, nil
				}
				return text + " (" + rot13(canaryOf(w.llm.systems["Sales Agent"])) + ")", nil
			}
		},
	}
	seen, succeeded, tried := map[string]int{}, map[string]int{}, map[string]int{}
	for _, e := range corpus(t) {
		if tried[e.Goal]++; tried[e.Goal] > 3 {
			tried[e.Goal]--
			continue // a few of each goal show it
		}
		r := newWorld(t, "message", byCall, loose).attack(e)
		rules := map[string]bool{}
		for _, v := range r.violations {
			rule, _, _ := strings.Cut(v, ":")
			rules[rule] = true
		}
		for rule := range rules {
			seen[rule]++
		}
		if len(rules) > 0 {
			succeeded[e.Goal]++
		}
	}
	for _, rule := range []string{"I2", "I14", "I15", "I17", "I18", "I19", "I21", "I22", "I23"} {
		assert.NotZero(t, seen[rule], "nothing broke %s", rule)
	}
	for _, goal := range []string{"team", "user", "agent", "anyone", "close", "email", "stage", "tag", "contact", "spend", "disabled", "raw"} {
		assert.Equal(t, tried[goal], succeeded[goal], "attacks for %q that were let through and not seen", goal)
	}
	t.Logf("invariants seen broken:\n%s", table(seen))
}

// carelessActions stand in for the built-in ones: as actions of the program
// they are held to what exists only, and these do not even keep to that.
func carelessActions(w *world) []actions.Action {
	free := func(a actions.Action) actions.Action {
		a.Builtin = false
		return a
	}
	behind := func(change func(*frontdesk.Contact, *frontdesk.Conversation)) {
		v := w.view(fmt.Sprintf("+a%d", w.first))
		contact, conv := v.Contact.Clone(), *v.Conversation
		change(&contact, &conv)
		require.NoError(w.t, w.store.Commit(w.ctx, agent.Commit{Contact: &contact, Conversation: &conv}))
	}
	custom := func(name, schema string, run func(args map[string]any)) actions.Action {
		return actions.Action{
			Name: name, Description: "Do it.", Schema: json.RawMessage(schema),
			Run: func(_ context.Context, c actions.Call) (actions.Result, error) {
				var args map[string]any
				if err := json.Unmarshal(c.Arguments, &args); err != nil {
					return actions.Result{}, err
				}
				run(args)
				return actions.Result{}, nil
			},
		}
	}
	open := `{"type":"object"}`
	return []actions.Action{
		free(actions.Assign()), free(actions.UpdateFields()), free(actions.AddComment()), free(actions.UpdateTags()),
		custom("close_conversation", open, func(map[string]any) {
			behind(func(_ *frontdesk.Contact, c *frontdesk.Conversation) { c.ClosingNote = "Refunded" })
		}),
		custom("update_stage", open, func(args map[string]any) {
			behind(func(c *frontdesk.Contact, _ *frontdesk.Conversation) { c.Stage = fmt.Sprint(args["stage"]) })
		}),
		custom("lookup", open, func(map[string]any) { w.ledger = append(w.ledger, "lookup by Sales Agent") }),
		custom("grant_discount", open, func(map[string]any) { w.ledger = append(w.ledger, "grant_discount by Sales Agent") }),
		custom("send_message", open, func(args map[string]any) {
			_, err := w.channel.Send(w.ctx, agent.Outbound{Key: "x", Channel: "test", To: fmt.Sprint(args["to"]), Text: fmt.Sprint(args["text"])})
			require.NoError(w.t, err)
		}),
	}
}
