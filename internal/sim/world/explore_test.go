package world

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
)

// limit is how many schedules of each scenario are run. FRONTDESK_SIM=0 runs
// all, another number that many.
func limit(t *testing.T, usual int) int {
	s := os.Getenv("FRONTDESK_SIM")
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	require.NoError(t, err, "FRONTDESK_SIM is the number of schedules of each scenario, or 0 for all")
	return n
}

// begun has one message of the contact accepted and not yet answered.
func begun(text string) func(*World) {
	return func(w *World) {
		if err := w.mux().Accept(context.Background(), Inbound("bo", 1, text)); err != nil {
			w.log.violate("setup: %v", err)
		}
	}
}

// answered has one message answered, and time gone by.
func answered(d time.Duration) func(*World) {
	return func(w *World) {
		if _, err := w.mux().Handle(context.Background(), Inbound("bo", 1, "hi")); err != nil {
			w.log.violate("setup: %v", err)
		}
		w.advance(d)
	}
}

func second(w *World) Actor   { return w.Accept("contact", Inbound("bo", 2, "more")) }
func takeover(w *World) Actor { return w.Takeover("ana", "bo") }
func closing(w *World) Actor  { return w.Close("ben", "bo") }
func deletion(w *World) Actor { return w.Delete("eve", "bo") }
func falls(w *World) Actor    { return w.Clock(ladderDelay) }
func workerA(w *World) Actor  { return w.Worker("A") }
func workerB(w *World) Actor  { return w.Worker("B") }

// stall is a process that does not get on while the lease runs out.
func stall(w *World) Actor { return w.Clock(121 * time.Second) }

func actors(makers ...func(*World) Actor) func(*World) []Actor {
	return func(w *World) []Actor {
		var out []Actor
		for _, m := range makers {
			out = append(out, m(w))
		}
		return out
	}
}

type named struct {
	name string
	Scenario
}

// scenarios are one turn or one follow-up on one conversation against all that
// may come between.
func scenarios() []named {
	var out []named
	add := func(name string, cfg Config, setup func(*World), crashes int, makers ...func(*World) Actor) {
		out = append(out, named{name, Scenario{Config: cfg, Setup: setup, Actors: actors(makers...), Crashes: crashes}})
	}
	safe := Config{Idempotent: true}
	plain := Config{}
	ladder := Config{Idempotent: true, Ladder: true}
	clocked := Config{Idempotent: true, Clocked: true}
	add("second inbound", safe, begun("hi"), 0, workerA, workerB, second)
	add("takeover", safe, begun("hi"), 0, workerA, workerB, takeover)
	add("close", safe, begun("hi"), 0, workerA, workerB, closing)
	add("second inbound, takeover", safe, begun("hi"), 0, workerA, second, takeover)
	add("second inbound, close", safe, begun("hi"), 0, workerA, second, closing)
	add("takeover, close", safe, begun("hi"), 0, workerA, takeover, closing)
	add("second inbound, takeover, close", safe, begun("hi"), 0, workerA, second, takeover, closing)
	add("two workers, second inbound, takeover", safe, begun("hi"), 0, workerA, workerB, second, takeover)
	add("two workers, second inbound, close", safe, begun("hi"), 0, workerA, workerB, second, closing)
	add("a channel that does not deduplicate", plain, begun("hi"), 1, workerA, workerB, takeover)
	add("actions, second inbound", safe, begun("price"), 0, workerA, workerB, second)
	add("actions, crash", safe, begun("price"), 1, workerA, workerB, takeover)
	add("assign, close", safe, begun("demo"), 0, workerA, workerB, closing)
	add("close by the agent, second inbound", safe, begun("done"), 0, workerA, workerB, second)
	add("handoff, second inbound", safe, begun("help"), 0, workerA, workerB, second)
	add("handoff, takeover", safe, begun("help"), 0, workerA, workerB, takeover)
	add("crash, second inbound", safe, begun("hi"), 1, workerA, workerB, second)
	add("crash, takeover", safe, begun("hi"), 1, workerA, workerB, takeover)
	add("stall, second inbound", safe, begun("hi"), 0, workerA, workerB, stall, second)
	add("stall, takeover", safe, begun("hi"), 0, workerA, workerB, stall, takeover)
	add("stall at each reading of the clock", clocked, begun("hi"), 0, workerA, workerB, stall)
	add("stall, no deduplication", Config{Clocked: true}, begun("hi"), 0, workerA, workerB, stall)
	add("stall, actions", safe, begun("price"), 0, workerA, workerB, stall)
	add("the same inbound twice", safe, nil, 0, workerA,
		func(w *World) Actor { return w.Accept("hook", Inbound("bo", 1, "hi")) },
		func(w *World) Actor { return w.Handle("again", Inbound("bo", 1, "hi")) })
	add("the first two inbound at once", safe, nil, 0, workerA,
		func(w *World) Actor { return w.Accept("hook", Inbound("bo", 1, "hi")) },
		func(w *World) Actor { return w.Handle("program", Inbound("bo", 2, "hi")) })
	add("follow-up, reply", ladder, answered(ladderDelay), 0, workerA, workerB, second)
	add("follow-up, takeover", ladder, answered(ladderDelay), 0, workerA, workerB, takeover)
	add("follow-up, close", ladder, answered(ladderDelay), 0, workerA, workerB, closing)
	add("follow-up, reply, takeover", ladder, answered(ladderDelay), 0, workerA, second, takeover)
	add("follow-up, reply, close", ladder, answered(ladderDelay), 0, workerA, second, closing)
	add("follow-up falls due, reply", ladder, answered(0), 0, workerA, workerB, second, falls)
	add("follow-up, crash, reply", ladder, answered(ladderDelay), 1, workerA, workerB, second)
	add("follow-up, stall, reply", ladder, answered(ladderDelay), 0, workerA, workerB, second, stall)
	add("deletion", safe, begun("hi"), 0, workerA, workerB, deletion)
	add("deletion, no deduplication", plain, begun("hi"), 1, workerA, workerB, deletion)
	add("second inbound, deletion", safe, begun("hi"), 0, workerA, workerB, second, deletion)
	add("takeover, deletion", safe, begun("hi"), 0, workerA, takeover, deletion)
	add("close, deletion", safe, begun("hi"), 0, workerA, closing, deletion)
	add("actions, deletion", safe, begun("price"), 0, workerA, workerB, deletion)
	add("handoff, deletion", safe, begun("help"), 0, workerA, workerB, deletion)
	add("follow-up, deletion", ladder, answered(ladderDelay), 0, workerA, workerB, deletion)
	add("follow-up, reply, deletion", ladder, answered(ladderDelay), 0, workerA, second, deletion)
	add("stall, deletion", safe, begun("hi"), 0, workerA, workerB, stall, deletion)
	restart := func(name string, cfg Config, setup func(*World), makers ...func(*World) Actor) {
		add(name, cfg, setup, 1, makers...)
		out[len(out)-1].Restart = true
	}
	restart("restart", safe, begun("hi"), workerA, workerB)
	restart("restart, no deduplication", plain, begun("hi"), workerA, workerB)
	restart("restart, second inbound", safe, begun("hi"), workerA, workerB, second)
	restart("restart, takeover", safe, begun("hi"), workerA, workerB, takeover)
	restart("restart, close", safe, begun("hi"), workerA, workerB, closing)
	restart("restart, deletion", safe, begun("hi"), workerA, workerB, deletion)
	restart("restart, actions", safe, begun("price"), workerA, workerB)
	restart("restart, follow-up falls due, reply", ladder, answered(0), workerA, workerB, second, falls)
	restart("restart, follow-up, deletion", ladder, answered(ladderDelay), workerA, workerB, deletion)
	restart("all at once", ladder, answered(0), workerA, workerB, second, takeover, closing, deletion, falls)
	return out
}

// S7.2 to S7.5, S8.4, S10.1, I1 to I13: whatever the order of steps, no
// promise is broken.
func TestExplore(t *testing.T) {
	begin, total, all := time.Now(), Result{}, limit(t, 400)
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			began := time.Now()
			r, err := Explore(s.Scenario, all)
			require.NoError(t, err)
			t.Log(r, time.Since(began).Round(time.Millisecond))
			total.Schedules += r.Schedules
			total.States += r.States
			if r.Failure != nil {
				t.Fatal(r.Failure)
			}
			assert.NotZero(t, r.Complete)
		})
	}
	t.Logf("%d schedules, %d states in %v", total.Schedules, total.States, time.Since(begin).Round(time.Millisecond))
}

// leg is a part of a schedule: the actor goes on until it is about to do op for
// the n-th time, or without op to its end.
type leg struct {
	actor, op string
	n         int
}

// directed runs the legs, and then whatever is left.
func directed(legs ...leg) picker {
	return func(options []option) (int, bool) {
		for len(legs) > 0 {
			l := &legs[0]
			for i, o := range options {
				if o.actor.name != l.actor {
					continue
				}
				if o.actor.at == l.op {
					l.n--
				}
				if l.op == "" || l.n > 0 || o.actor.at != l.op {
					return i, true
				}
			}
			legs = legs[1:]
		}
		return 0, true
	}
}

// S8.4, protocol rule 5: a follow-up that is queued when the contact answers
// is not sent any more. It was.
func TestQueuedFollowUpIsNotSentAfterAReply(t *testing.T) {
	s := Scenario{Config: Config{Idempotent: true, Ladder: true}, Setup: answered(ladderDelay), Actors: actors(workerA, second)}
	w, err := NewWorld(s.Config)
	require.NoError(t, err)
	require.True(t, w.run(s, directed(leg{"A", "claim", 2}, leg{actor: "contact"})), "the step is committed and not yet claimed for sending")
	require.Nil(t, w.failure(nil), "%v", w.log)
	var cancelled []string
	for _, m := range w.log.messages {
		if m.Status == frontdesk.Cancelled {
			cancelled = append(cancelled, m.Text+": "+m.Reason)
		}
	}
	assert.Equal(t, []string{"Still there?: the contact answered meanwhile"}, cancelled, "%v", w.log)
}

// S10.1, I6: a worker whose lease ran out before it sends leaves the message to
// the one that holds the lane now. It sent it, beside the other.
func TestSendDoesNotOutlastTheLease(t *testing.T) {
	for _, idempotent := range []bool{true, false} {
		s := Scenario{Config: Config{Idempotent: idempotent}, Setup: begun("hi"), Actors: actors(workerA, stall, workerB)}
		w, err := NewWorld(s.Config)
		require.NoError(t, err)
		// Time goes by before A reads the outbox, and again before it sends.
		require.True(t, w.run(s, directed(leg{"A", "load", 2}, leg{actor: "clock"}, leg{"A", "send", 1}, leg{actor: "B"})))
		require.Nil(t, w.failure(nil), "%v", w.log)
	}
}
