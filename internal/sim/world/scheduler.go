package world

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// option is one thing that may happen next: an actor goes on, or dies where it
// stands.
type option struct {
	actor *actor
	crash bool
}

func (o option) String() string {
	if o.crash {
		return "crash " + o.actor.name
	}
	return o.actor.name + ":" + o.actor.at
}

// actor is a goroutine that runs only while it holds the baton.
type actor struct {
	name string
	// at is the operation that it is about to do.
	at    string
	baton chan struct{}
	body  func()
	// seen stands for all that the actor has learned so far: two runs in which
	// it is equal leave the actor in the same state.
	seen uint64
	// read is the state of the store that an immortal actor has read.
	read    uint64
	started bool
	ended   bool
	crashed bool
	// mortal actors may crash; a human or a webhook does not.
	mortal bool
	ids    int
	// asked is the last request that the actor put to the LLM.
	asked uint64
	// turn is that of the task it claimed last, token that of its lane.
	turn  string
	token int64
	// checked is when it checked its fence last.
	checked int
	// behind is set while what an at-most-once call did is done and its result
	// not recorded.
	behind bool
	// looked are the epochs of the conversations that it looked at since it
	// asked the LLM last.
	looked map[string]int64
	// wake is until when it sleeps, zero when it does not. Idle actors wake
	// earlier when something is written.
	wake time.Time
	idle bool
	// kind is that of the commit it is about to do: see kindOf.
	kind string
	// decided counts the decisions taken for it, conversation is the one that
	// it works on: both for storms alone.
	decided      uint64
	conversation string
	process      *process
	// root is the name of the actor whose place it took, again what takes its
	// place if it dies.
	root  string
	again func(ctx context.Context) error
}

// picker decides what happens next. It returns the index of an option, or
// false to give the run up.
type picker func(options []option) (int, bool)

// scheduler hands the baton to one actor at a time.
type scheduler struct {
	actors  []*actor
	current *actor
	pick    picker
	// crashes is how many actors may still crash.
	crashes int
	// now and advance tell and move the time while actors sleep.
	now      func() time.Time
	advance  func(to time.Time)
	running  bool
	silent   bool // no trace is kept
	stopping bool // all that is left are idle actors
	aborted  bool
	done     chan struct{}
	wg       sync.WaitGroup
	trace    []string
	panicked any
	// stuck says who waits for what, where nobody can go on any more; hung is
	// set where it is an actor that does not give the baton back: its goroutine
	// is lost, and the world with it.
	stuck string
	// died is called when an actor dies. Nil: nothing follows from it.
	died func(*actor)
	hung bool
	// steps counts how often the baton was given.
	steps atomic.Int64
	// patience is how long one step may take by the clock on the wall. 0:
	// patience, the constant.
	patience time.Duration
}

// patience is how long one step of an actor may take. Nothing that an actor
// does takes a thousandth of it: only one that waits for another does.
const patience = 20 * time.Second

// spawn adds an actor. It does nothing before run.
func (s *scheduler) spawn(name string, mortal bool, body func()) *actor {
	a := &actor{name: name, at: "start", baton: make(chan struct{}, 1), body: body, mortal: mortal}
	s.actors = append(s.actors, a)
	if s.running {
		s.wg.Add(1)
		go s.live(a)
	}
	return a
}

// forever is when an idle actor wakes that waits for nothing but others.
var forever = time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)

// sleep lets the others go on until it is that time.
func (s *scheduler) sleep(until time.Time) {
	a := s.current
	if a == nil {
		return
	}
	if s.aborted || a.crashed {
		runtime.Goexit()
	}
	at := a.at
	a.wake, a.at = until, "sleep"
	s.pass(a)
	a.at = at
}

// rouse wakes idle actors, not before the given time.
func (s *scheduler) rouse(at time.Time) {
	for _, o := range s.actors {
		if o.idle && !o.ended && o.wake.After(at) {
			o.wake = at
		}
	}
}

// awake are the actors that may go on. If all sleep, time passes until the
// first wakes.
func (s *scheduler) awake() []*actor {
	var out []*actor
	var next *actor
	for _, o := range s.actors {
		switch {
		case o.ended:
		case o.wake.IsZero() || s.stopping && o.idle || !o.wake.After(s.now()):
			out = append(out, o)
		case next == nil || o.wake.Before(next.wake):
			next = o
		}
	}
	switch {
	case len(out) > 0 || next == nil:
		return out
	case next.wake.Equal(forever) && s.stopping:
		return nil // pass reports it
	case next.wake.Equal(forever):
		s.stopping = true
	default:
		s.advance(next.wake)
	}
	return s.awake()
}

// run lets the actors go until all have ended. It reports false if the picker
// gave the run up.
func (s *scheduler) run() bool {
	s.done, s.running = make(chan struct{}), true
	for _, a := range s.actors {
		s.wg.Add(1)
		go s.live(a)
	}
	s.pass(nil)
	if !s.watch() {
		s.stuck, s.hung, s.running = s.waits(), true, false
		return false
	}
	s.wg.Wait()
	s.current, s.running = nil, false
	actors := s.actors
	s.actors = nil
	for _, a := range actors {
		if !a.ended {
			return false
		}
	}
	return !s.aborted
}

// watch waits for the end of the run. It reports false if an actor does not
// give the baton back.
func (s *scheduler) watch() bool {
	wait := s.patience
	if wait == 0 {
		wait = patience
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for before := int64(0); ; {
		select {
		case <-s.done:
			return true
		case <-timer.C:
			now := s.steps.Load()
			if now == before {
				return false
			}
			before = now
			timer.Reset(wait)
		}
	}
}

// waits says who waits for what.
func (s *scheduler) waits() string {
	var out []string
	for _, a := range s.actors {
		switch {
		case a.ended:
		case a == s.current:
			out = append(out, a.name+" holds the baton since "+a.at)
		case a.wake.Equal(forever):
			out = append(out, a.name+" sleeps until somebody writes")
		case !a.wake.IsZero():
			out = append(out, fmt.Sprintf("%s sleeps for %v", a.name, a.wake.Sub(s.now())))
		default:
			out = append(out, a.name+" waits at "+a.at)
		}
	}
	return strings.Join(out, "; ")
}

func (s *scheduler) live(a *actor) {
	defer s.wg.Done()
	<-a.baton
	if s.aborted {
		return
	}
	a.started = true
	defer func() {
		// A panic of an actor is a fault of the simulator or of the engine:
		// it ends the run and comes out of it.
		if p := recover(); p != nil {
			s.panicked = fmt.Sprintf("%v", p)
			s.abort(a)
			return
		}
		if s.aborted {
			return
		}
		a.ended, a.at, a.seen, a.read = true, "end", 0, 0
		s.pass(a)
	}()
	a.body()
}

// step is a point of preemption and crash: the current actor is about to do
// op. Only those of others are offered, or all if there are none.
func (s *scheduler) step(op string, others ...*actor) {
	a := s.current
	if a == nil {
		return // outside of a run: nothing to decide
	}
	if s.aborted || a.crashed {
		runtime.Goexit()
	}
	a.at = op
	if len(others) > 0 {
		options := []option{{actor: a}}
		for _, o := range others {
			options = append(options, option{actor: o})
		}
		s.follow(a, options)
		return
	}
	s.pass(a)
}

// pass decides who goes on after a, which may have ended.
func (s *scheduler) pass(a *actor) {
	options := make([]option, 0, 8)
	for _, o := range s.awake() {
		options = append(options, option{actor: o})
	}
	if s.crashes > 0 {
		for _, o := range s.actors {
			if !o.ended && o.started && o.mortal {
				options = append(options, option{actor: o, crash: true})
			}
		}
	}
	if len(options) > 0 {
		s.follow(a, options)
		return
	}
	for _, o := range s.actors {
		if !o.ended {
			s.current = nil
			s.stuck = s.waits()
			s.abort(a)
			return
		}
	}
	close(s.done)
}

func (s *scheduler) follow(a *actor, options []option) {
	i := 0
	if len(options) > 1 {
		var ok bool
		if i, ok = s.pick(options); !ok {
			s.abort(a)
			return
		}
	}
	next := options[i]
	next.actor.wake = time.Time{}
	if !s.silent {
		s.trace = append(s.trace, next.String())
	}
	if next.crash {
		s.crashes--
		next.actor.crashed = true
		if s.died != nil {
			s.died(next.actor)
		}
	}
	s.current = next.actor
	s.steps.Add(1)
	if next.actor == a && !a.ended {
		if a.crashed {
			runtime.Goexit()
		}
		return
	}
	next.actor.baton <- struct{}{}
	if a == nil || a.ended {
		return
	}
	<-a.baton
	if s.aborted || a.crashed {
		runtime.Goexit()
	}
}

// abort ends the run: every actor stops where it stands.
func (s *scheduler) abort(a *actor) {
	s.aborted = true
	for _, o := range s.actors {
		if o != a && !o.ended {
			o.baton <- struct{}{}
		}
	}
	close(s.done)
	if a != nil && !a.ended && s.panicked == nil {
		runtime.Goexit()
	}
}

// Trace says what was chosen at each point, in order.
func (s *scheduler) Trace() string { return strings.Join(s.trace, "\n\t") }
