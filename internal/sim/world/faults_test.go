package world

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// handle is a message that a program takes; if it is not accepted the provider
// delivers it again.
func handle(contact string, n int, text string) func(*World) Actor {
	return func(w *World) Actor { return w.Handle(fmt.Sprintf("%s%d", contact, n), Inbound(contact, n, text)) }
}

// again is the same message delivered once more.
func again(contact string, n int, text string) func(*World) Actor {
	return func(w *World) Actor {
		return w.Accept(fmt.Sprintf("again-%s%d", contact, n), Inbound(contact, n, text))
	}
}

func scripts() []named {
	script := func(name string, cfg Config, makers ...func(*World) Actor) named {
		return named{name, Scenario{Config: cfg, Actors: actors(makers...)}}
	}
	safe, plain := Config{Idempotent: true}, Config{}
	ladder := Config{Idempotent: true, Ladder: true}
	return []named{
		script("plain reply", safe, handle("bo", 1, "hi"), again("bo", 1, "hi"), handle("bo", 2, "more"), again("bo", 2, "more")),
		script("plain reply, no deduplication", plain, handle("bo", 1, "hi"), again("bo", 1, "hi")),
		script("actions", safe, handle("bo", 1, "price"), again("bo", 1, "price")),
		script("close", safe, handle("bo", 1, "done"), again("bo", 1, "done"), handle("bo", 2, "hi"), again("bo", 2, "hi")),
		script("assign", safe, handle("al", 1, "demo"), again("al", 1, "demo"), handle("bo", 1, "demo"), again("bo", 1, "demo"),
			handle("cy", 1, "demo"), again("cy", 1, "demo"), handle("di", 1, "demo"), again("di", 1, "demo")),
		script("handoff", safe, handle("bo", 1, "help"), again("bo", 1, "help")),
		script("ladder", ladder, handle("bo", 1, "hi"), again("bo", 1, "hi")),
		script("takeover", safe, handle("bo", 1, "hi"), again("bo", 1, "hi"), takeover, again("bo", 2, "thanks")),
	}
}

// S7.5, S6.8, S10.2, I28, I32: whatever fails or dies at whichever operation,
// everything settles and nothing happens twice.
func TestEachOperationFails(t *testing.T) {
	runs := 0
	for _, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			w, err := NewWorld(s.Config)
			require.NoError(t, err)
			came := map[string]int{}
			last, f := w.Script(s.Scenario, func(op string, _ int) Fault {
				came[op]++
				return None
			})
			require.Nil(t, f, "%v", f)
			require.Greater(t, last, 5)
			for _, op := range []string{"llm", "send", "load", "commit", "append", "claim"} {
				require.NotZero(t, came[op], "no %s: the scenario is not what it was", op)
			}
			for n := 1; n <= last+5; n++ {
				for _, fault := range []Fault{Before, After, Crash} {
					_, f := w.Script(s.Scenario, func(_ string, i int) Fault {
						if i == n {
							return fault
						}
						return None
					})
					runs++
					if f != nil {
						t.Fatalf("%s of operation %d: %v", fault, n, f)
					}
				}
				// And for good, from that operation on.
				for _, op := range []string{"llm", "send", "action", "load", "commit", "append", "claim"} {
					if came[op] == 0 {
						continue
					}
					for _, fault := range []Fault{Before, After} {
						_, f := w.Script(s.Scenario, func(o string, i int) Fault {
							// The outside may stay broken; a store comes back.
							if o == op && i >= n && (op == "llm" || op == "send" || op == "action" || i < n+25) {
								return fault
							}
							return None
						})
						runs++
						if f != nil {
							t.Fatalf("%s of each %s from operation %d: %v", fault, op, n, f)
						}
					}
				}
			}
		})
	}
	t.Log(runs, "runs")
}

// I29 to I32: random walks of several contacts, workers, people, stalls,
// crashes and faults. The same seed gives the same trace.
func TestWalk(t *testing.T) {
	s := walkScenario()
	w, err := NewWorld(s.Config)
	require.NoError(t, err)
	seeds := limit(t, 200)
	if seeds == 0 {
		seeds = 20000
	}
	hashes := map[uint64]bool{}
	for seed := range uint64(seeds) {
		hash, f := w.Walk(s, seed)
		if f != nil {
			t.Fatalf("seed %d: %v", seed, f)
		}
		hashes[hash] = true
		if seed%10 == 0 {
			twice, _, err := Walk(s, seed)
			require.NoError(t, err)
			require.Equal(t, hash, twice, "seed %d gives another trace the second time", seed)
		}
	}
	assert.Greater(t, len(hashes), seeds*9/10, "seeds give different walks")
}

func walkScenario() Scenario {
	return Scenario{Config: Config{Idempotent: true, Ladder: true}, Crashes: 2, Actors: func(w *World) []Actor {
		contact := func(name string, texts ...string) Actor {
			return Actor{Name: name, Do: func(ctx context.Context) error {
				for i, text := range texts {
					if err := w.Accept(name, Inbound(name, i+1, text)).Do(ctx); err != nil {
						return err
					}
				}
				return nil
			}}
		}
		return []Actor{
			contact("al", "hi", "price", "demo"), contact("bo", "demo", "thanks"), contact("cy", "help", "more", "done"), contact("di", "hi"),
			w.Worker("A"), w.Worker("B"), w.Worker("C"), w.Worker("D"), w.Worker("E"),
			{Name: "ana", Do: func(ctx context.Context) error {
				if w.conversationOf("di") == "" {
					return nil
				}
				return w.Takeover("ana", "di").Do(ctx)
			}},
			{Name: "ben", Do: func(ctx context.Context) error {
				if w.conversationOf("al") == "" {
					return nil
				}
				return w.Close("ben", "al").Do(ctx)
			}},
			w.Clock(ladderDelay-1, 1, 121e9, ladderDelay),
		}
	}}
}

// Each rule of the protocol is switched off in turn: the log must see it.
func TestRulesSwitchedOff(t *testing.T) {
	safe := func(r Rules) Config { return Config{Idempotent: true, Rules: r} }
	for _, c := range []struct {
		rule     string
		scenario Scenario
	}{
		{"NoFence", Scenario{Config: safe(Rules{NoFence: true}), Setup: begun("hi"), Actors: actors(workerA, workerB, stall)}},
		{"NoVersion", Scenario{Config: safe(Rules{NoVersion: true}), Setup: begun("hi"), Actors: actors(workerA, takeover)}},
		{"NoDedupe", Scenario{Config: safe(Rules{NoDedupe: true}), Actors: actors(again("bo", 1, "hi"), handle("bo", 1, "hi"))}},
		{"NoJournal", Scenario{Config: safe(Rules{NoJournal: true}), Setup: begun("price"), Crashes: 1, Actors: actors(workerA, workerB)}},
		{"Torn", Scenario{Config: safe(Rules{Torn: true}), Setup: begun("hi"), Crashes: 1, Actors: actors(workerA, workerB)}},
		{"NoRecheck, takeover", Scenario{Config: safe(Rules{NoRecheck: true}), Setup: begun("hi"), Actors: actors(workerA, takeover)}},
		{"NoRecheck, reply", Scenario{Config: Config{Idempotent: true, Ladder: true, Rules: Rules{NoRecheck: true}}, Setup: answered(ladderDelay), Actors: actors(workerA, second)}},
		{"ClaimBlocked", Scenario{Config: Config{Idempotent: true, Ladder: true, Rules: Rules{ClaimBlocked: true}}, Setup: begun("hi"), Actors: actors(workerA, workerB)}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r, err := Explore(c.scenario, 20000)
			require.NoError(t, err)
			require.NotNil(t, r.Failure, "%s: nothing was seen in %v", c.rule, r)
			t.Log(r, r.Failure.Violations)
			f, err := Replay(c.scenario, r.Failure.Choices)
			require.NoError(t, err)
			require.NotNil(t, f, "a failure is repeated from its choices")
			assert.Equal(t, r.Failure.Violations, f.Violations)
			assert.Equal(t, r.Failure.Log, f.Log)
		})
	}
}

// Protocol rule 4: the lease saves money, the token saves correctness.
func TestWithoutLeasesNothingIsHarmed(t *testing.T) {
	s := Scenario{Config: Config{Idempotent: true, Rules: Rules{NoLease: true}}, Setup: begun("hi"), Actors: actors(workerA, workerB, takeover)}
	r, err := Explore(s, limit(t, 400))
	require.NoError(t, err)
	if r.Failure != nil {
		t.Fatal(r.Failure)
	}
}
