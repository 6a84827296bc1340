package world

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Scenario is what happens at the same time.
type Scenario struct {
	Config Config
	// Setup comes first, one step after another.
	Setup func(*World)
	// Actors run beside each other.
	Actors func(*World) []Actor
	// Crashes is how many processes may die, at any point.
	Crashes int
	// Restart has a worker that died begin again, at any point after.
	Restart bool
}

// Actor is one process, person or contact.
type Actor struct {
	Name string
	// Mortal actors may crash.
	Mortal bool
	Do     func(context.Context) error
}

// Failure is a schedule that broke a promise.
type Failure struct {
	Violations []string
	// Choices repeat it: see Replay.
	Choices []int
	// Trace names them, Log is what happened.
	Trace, Log string
}

func (f *Failure) Error() string {
	return fmt.Sprintf("sim: %s\nto repeat it: Replay(scenario, %#v)\nschedule:\n\t%s\nlog:\n%s", strings.Join(f.Violations, "\n     "), f.Choices, f.Trace, f.Log)
}

// Result is what an exploration found.
type Result struct {
	// Schedules counts the runs, Complete those that went to their end: the
	// others came to a state that was explored before.
	Schedules, Complete int
	// States counts the different states with a choice.
	States int
	// Interruptions is how often the last schedule interrupted an actor that
	// could have gone on.
	Interruptions int
	// Bounded is set if the limit was reached before all was explored.
	Bounded bool
	// Failure is the first one, nil if there is none.
	Failure *Failure
}

func (r Result) String() string {
	s := fmt.Sprintf("%d schedules (%d to the end), %d states, up to %d interruptions", r.Schedules, r.Complete, r.States, r.Interruptions)
	if r.Bounded {
		s += ", not all"
	}
	return s
}

// Explore runs all schedules of a scenario, at most limit of them; 0 is without
// limit. Those with the fewest interruptions come first, so that a limited
// exploration has seen every schedule with one, then two, and so on. A schedule
// that comes to a state which an earlier one went through is not followed
// further: all that may follow is known or queued.
func Explore(s Scenario, limit int) (Result, error) {
	w, err := NewWorld(s.Config)
	if err != nil {
		return Result{}, err
	}
	var res Result
	queue := [][][]int{{nil}} // the beginnings of schedules, by interruptions
	seen := map[uint64]bool{}
	for cost := 0; cost < len(queue); cost++ {
		for len(queue[cost]) > 0 {
			if limit > 0 && res.Schedules >= limit {
				res.Bounded = true
				return res, nil
			}
			last := len(queue[cost]) - 1
			path := queue[cost][last]
			queue[cost] = queue[cost][:last]
			at := 0
			complete := w.run(s, func(options []option) (int, bool) {
				if at < len(path) {
					at++
					return path[at-1], true
				}
				key := w.choiceKey(options)
				if seen[key] {
					return 0, false
				}
				seen[key] = true
				res.States++
				usual, interrupts := w.usual(options)
				for i := range options {
					if i == usual {
						continue
					}
					c := cost + interrupts
					for len(queue) <= c {
						queue = append(queue, nil)
					}
					queue[c] = append(queue[c], append(path[:len(path):len(path)], i))
				}
				path = append(path, usual)
				at++
				return usual, true
			})
			res.Schedules++
			res.Interruptions = cost
			if complete {
				res.Complete++
			}
			if f := w.failure(path[:at]); f != nil {
				res.Failure = f
				return res, nil
			}
		}
	}
	return res, nil
}

// choiceKey stands for the state of the world and what may happen next.
func (w *World) choiceKey(options []option) uint64 {
	key := mix(w.key(), uint64(len(options)))
	if c := w.sched.current; c != nil && c.at == "now" {
		key = mix(key, text(c.name))
	}
	return key
}

// usual is the option in which the current actor goes on, and what any other
// costs: an interruption, unless the actor has ended.
func (w *World) usual(options []option) (i, interrupts int) {
	for i, o := range options {
		if o.actor == w.sched.current && !o.crash {
			return i, 1
		}
	}
	return 0, 0
}

// Replay runs one schedule, the first choice always taken where none is left.
func Replay(s Scenario, choices []int) (*Failure, error) {
	w, err := NewWorld(s.Config)
	if err != nil {
		return nil, err
	}
	at := 0
	w.run(s, func(options []option) (int, bool) {
		if at == len(choices) {
			return 0, true
		}
		i := choices[at]
		at++
		return min(i, len(options)-1), true
	})
	return w.failure(choices), nil
}

// Walk runs one random schedule. The same seed gives the same hash.
func Walk(s Scenario, seed uint64) (hash uint64, f *Failure, err error) {
	w, err := NewWorld(s.Config)
	if err != nil {
		return 0, nil, err
	}
	hash, f = w.Walk(s, seed)
	return hash, f, nil
}

// Walk is like the function, in a world that is used again.
func (w *World) Walk(s Scenario, seed uint64) (hash uint64, f *Failure) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var choices []int
	last := -1
	w.run(s, func(options []option) (int, bool) {
		// Mostly the same actor goes on: what is rare is to be seen too.
		i := rng.IntN(len(options))
		if last >= 0 && last < len(options) && rng.IntN(2) == 0 {
			i = last
		}
		if options[i].crash && rng.IntN(8) != 0 {
			i = 0
		}
		last = i
		choices = append(choices, i)
		return i, true
	}, func() {
		w.log.full = true
		w.fault = func(string, int) Fault {
			switch rng.IntN(150) {
			case 0:
				return Before
			case 1:
				return After
			}
			return None
		}
	})
	return w.log.Hash(), w.failure(choices)
}

// run runs a scenario once and then lets the world come to rest. It reports
// false if the picker gave the run up.
func (w *World) run(s Scenario, pick picker, prepare ...func()) bool {
	w.reset()
	for _, p := range prepare {
		p()
	}
	ctx := context.Background()
	if s.Setup != nil {
		s.Setup(w)
	}
	w.sched.pick, w.sched.crashes = pick, s.Crashes
	if s.Restart {
		w.sched.died = func(a *actor) {
			next := w.Worker(a.name + "'")
			w.sched.spawn(next.Name, next.Mortal, w.body(ctx, next))
		}
	}
	for _, a := range s.Actors(w) {
		w.sched.spawn(a.Name, a.Mortal, w.body(ctx, a))
	}
	went := w.sched.run()
	w.fault = nil // when faults stop, everything settles
	if w.trouble(); !went {
		return false
	}
	w.rest(ctx)
	w.log.settle()
	return true
}

// rest does all that is due and lets time go by, until nothing waits. Each
// process of it may crash where faults say so; the next one goes on.
func (w *World) rest(ctx context.Context) {
	w.sched.pick, w.sched.crashes = first, 0
	for i := range 400 {
		if !w.alone(w.Worker(fmt.Sprintf("rest%d", i))) {
			return
		}
		// No task is due at the zero time: this only asks for what comes next.
		c, err := w.store.Claim(ctx, agent.ClaimQuery{Until: time.Time{}.Add(time.Second), Max: 1})
		switch {
		case err != nil:
			w.log.violate("the store does not answer: %v", err)
			return
		case c.Next.IsZero():
			return
		case c.Next.After(w.now):
			w.advance(c.Next.Sub(w.now))
		}
	}
	w.log.violate("I32: the world does not come to rest")
}

func first([]option) (int, bool) { return 0, true }

// alone runs one actor to its end, or to its crash. It reports false if the run
// had to be given up.
func (w *World) alone(a Actor) bool {
	w.sched.spawn(a.Name, a.Mortal, w.body(context.Background(), a))
	went := w.sched.run()
	w.trouble()
	return went
}

// body is what an actor does; what it could not do is logged.
func (w *World) body(ctx context.Context, a Actor) func() {
	return func() {
		if err := a.Do(ctx); err != nil {
			w.log.add(Event{Op: "error", Text: err.Error()})
		}
	}
}

// trouble reports what ended a run before its time.
func (w *World) trouble() {
	if w.sched.panicked != nil {
		w.log.violate("panic: %v", w.sched.panicked)
	}
	if w.sched.stuck != "" {
		w.log.violate("deadlock: %s", w.sched.stuck)
	}
}

// Lost reports whether an actor of the last run never came back: the world
// cannot be used any more.
func (w *World) Lost() bool { return w.sched.hung }

// Script runs a scenario's actors one after another, with faults, and lets the
// world come to rest. It returns how many operations there were.
func (w *World) Script(s Scenario, fault func(op string, n int) Fault) (ops int, f *Failure) {
	w.reset()
	w.sched.pick, w.fault = first, fault
	for _, a := range s.Actors(w) {
		w.alone(a)
	}
	w.rest(context.Background())
	w.log.settle()
	return w.ops, w.failure(nil)
}

func (w *World) failure(choices []int) *Failure {
	if len(w.log.violations) == 0 {
		return nil
	}
	return &Failure{
		Violations: w.log.violations, Choices: append([]int(nil), choices...), Trace: w.sched.Trace(), Log: w.log.String(),
	}
}

// Inbound is the n-th message of a contact.
func Inbound(contact string, n int, text string) frontdesk.Inbound {
	return frontdesk.Inbound{Channel: "test", ID: fmt.Sprintf("%s-%d", contact, n), From: contact, Text: fmt.Sprintf("%s (%s %d)", text, contact, n)}
}

// Accept is a webhook that takes a message.
func (w *World) Accept(name string, in frontdesk.Inbound) Actor {
	return Actor{Name: name, Do: func(ctx context.Context) error {
		return insist(func() error { return w.mux().Accept(ctx, in) })
	}}
}

// insist does something again until it is done, as providers deliver again and
// people press a button again.
func insist(do func() error) (err error) {
	for range 10 {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

// Worker does what is due, and dies of a crash.
func (w *World) Worker(name string) Actor {
	return Actor{Name: name, Mortal: true, Do: func(ctx context.Context) error {
		_, err := w.mux().RunDue(ctx)
		return err
	}}
}

// Handle is a program that takes a message and answers at once.
func (w *World) Handle(name string, in frontdesk.Inbound) Actor {
	return Actor{Name: name, Mortal: true, Do: func(ctx context.Context) error {
		_, err := w.mux().Handle(ctx, in)
		return err
	}}
}

// conversationOf finds a contact's conversation in the log.
func (w *World) conversationOf(contact string) string {
	v, err := w.store.Load(context.Background(), agent.Query{Identity: frontdesk.Identity{Channel: "test", Address: contact}})
	id := ""
	if err == nil && v.Conversation != nil {
		id = v.Conversation.ID
	}
	if a := w.sched.current; a != nil {
		a.seen = mix(a.seen, text(id)) // a contact who was deleted comes back under another
	}
	return id
}

// Takeover is a human who writes to the contact.
func (w *World) Takeover(name, contact string) Actor {
	return Actor{Name: name, Do: func(ctx context.Context) error {
		return insist(func() error {
			_, err := w.mux().Reply(ctx, agent.HumanReply{ConversationID: w.conversationOf(contact), UserID: "ana", Text: "Ana here"})
			return err
		})
	}}
}

// Close is a human who closes the conversation.
func (w *World) Close(name, contact string) Actor {
	return Actor{Name: name, Do: func(ctx context.Context) error {
		return insist(func() error { return w.mux().Close(ctx, w.conversationOf(contact), actions.Closing{}, "ana") })
	}}
}

// Delete is a program that deletes the contact with all that is theirs.
func (w *World) Delete(name, contact string) Actor {
	return Actor{Name: name, Do: func(ctx context.Context) error {
		return w.forget(ctx, w.conversationOf(contact))
	}}
}

// forget deletes the contact of a conversation.
func (w *World) forget(ctx context.Context, conversationID string) error {
	v, err := w.store.Load(ctx, agent.Query{ConversationID: conversationID})
	if err != nil || v.Contact == nil {
		return err
	}
	if !w.cfg.Rules.NoDelete {
		if err := w.store.Delete(ctx, v.Contact.ID); err != nil {
			return err
		}
	}
	w.log.deleted(conversationID)
	return nil
}

// Clock moves the time.
func (w *World) Clock(ds ...time.Duration) Actor {
	return Actor{Name: "clock", Do: func(context.Context) error {
		for i, d := range ds {
			if i > 0 {
				w.sched.step("clock")
			}
			w.advance(d)
		}
		return nil
	}}
}
