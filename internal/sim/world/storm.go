package world

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// A storm is a random simulation: contacts, humans, channels and workers act
// at times of their own, sleep, stall and die, until nothing more is to be
// done. All chance is drawn from the seed, the actor and how many decisions
// were taken for it before: leaving one happening out changes little of the
// rest, which is what makes a failing storm small.

// Decision is something that chance decided against the usual: a fault, a
// pause, a switch from one actor to another.
type Decision struct {
	ID    uint32
	What  string
	Actor string
	At    time.Duration
}

func (d Decision) String() string { return fmt.Sprintf("%9s %s: %s", d.At, d.Actor, d.What) }

// Keep says what of a storm is kept: the indices of happenings and the IDs of
// decisions. Nil: all.
type Keep struct {
	Happenings map[int]bool
	Decisions  map[uint32]bool
}

// StormResult is what a storm came to.
type StormResult struct {
	Seed       uint64
	Hash       uint64
	Violations []string
	Plan       Plan
	Decisions  []Decision
	// Log is what happened, for people; it is made only of a storm that failed.
	Log string
	// Commits, Deliveries and Operations count.
	Commits, Deliveries, Operations int
}

// stormOps is after how many operations a storm counts as one without end.
const stormOps = 30000

type storm struct {
	w     *World
	plan  Plan
	keep  *Keep
	taken []Decision
	// version is that of the instructions as they are saved now.
	version   int
	processes []*process
	web       *process
	outages   []Happening
	over      bool // faults have stopped
	root      *actor
	died      int
	jumps     []jump
	// worth counts the actors that a delivery set off.
	worth int
	// count is how often each kind of operation came.
	count map[string]int
}

// jump is one of the clock.
type jump struct {
	at time.Time // true
	by time.Duration
}

// process is a program with agents of its own. It may be frozen whole, and
// it dies whole.
type process struct {
	name    string
	version int
	agents  []*agent.Agent
	mux     *agent.Mux
	frozen  time.Time
	// shared is set where several actors work at once. Each has a Mux of its
	// own: one must not wait for a lock that another holds while it stands.
	shared bool
}

// Storm runs the storm of a seed.
func (w *World) Storm(seed uint64, keep *Keep) StormResult { return w.runPlan(NewPlan(seed), keep) }

func (w *World) runPlan(p Plan, keep *Keep) StormResult {
	w.cfg.Idempotent, w.cfg.Ladder, w.cfg.Long = p.Idempotent, p.Ladder, p.Long
	w.reset()
	w.maxOps = stormOps
	w.used = map[poolKey]int{}
	if w.limited {
		w.pools, w.limited = nil, false // their gates know of times that are over
	}
	st := &storm{w: w, plan: p, keep: keep, root: &actor{name: "root"}, count: map[string]int{}}
	w.storm, w.log.full = st, true
	defer func() { w.storm = nil }()
	w.log.stormy()
	w.sched.now, w.sched.advance, w.sched.pick, w.sched.silent = w.truth, st.advance, st.pick, true
	st.web = &process{name: "web", shared: true}
	for i := range p.Workers {
		pr := &process{name: string(rune('A' + i))}
		st.processes = append(st.processes, pr)
		st.worker(pr, pr.name, start)
	}
	for i, h := range p.Happenings {
		if keep != nil && !keep.Happenings[i] {
			continue
		}
		st.begin(h, fmt.Sprintf("%s%d", short(h), i))
	}
	ctx := context.Background()
	went := w.sched.run()
	if w.trouble(); went {
		w.log.settle()
		w.log.settleStorm(ctx)
	}
	res := StormResult{
		Seed: p.Seed, Hash: w.log.Hash(), Violations: w.log.violations, Plan: p, Decisions: st.taken,
		Commits: w.log.commits, Deliveries: w.log.deliveries, Operations: w.ops,
	}
	if len(res.Violations) > 0 && !w.cfg.Brief {
		res.Log = w.log.String()
	}
	return res
}

// short names the actor of a happening.
func short(h Happening) string {
	if h.Contact != "" {
		return h.Contact + "-" + h.Kind
	}
	return h.Kind
}

// truth is the time as it is, whatever the clock shows.
func (w *World) truth() time.Time { return w.now.Add(-w.skew) }

func (st *storm) advance(to time.Time) { st.w.now = to.Add(st.w.skew) }

// calm reports whether faults have stopped.
func (st *storm) calm() bool {
	if !st.over && st.w.truth().Sub(start) > st.plan.End {
		st.over = true
	}
	return st.over
}

// chance decides for an actor whether something unusual happens, one in so
// many times. h is more chance.
func (st *storm) chance(a *actor, what string, oneIn uint64) (h uint64, ok bool) {
	if c := a.conversation; c != "" && a.mortal {
		// What is decided for a conversation does not depend on what the same
		// worker did for others before.
		l := st.w.log.lane(c)
		l.decided++
		h = mix(st.plan.Seed, text(what), text(c), l.decided)
	} else {
		a.decided++
		h = mix(st.plan.Seed, text(what), text(a.name), a.decided)
	}
	if oneIn == 0 || (h>>7)%oneIn != 0 {
		return h, false
	}
	id := uint32(h >> 20)
	if st.keep != nil && !st.keep.Decisions[id] {
		return h, false
	}
	st.taken = append(st.taken, Decision{ID: id, What: what, Actor: a.name, At: st.w.truth().Sub(start)})
	return mix(h, 1), true
}

// pick decides who goes on: mostly the same actor, else the one that waits
// longest.
func (st *storm) pick(options []option) (int, bool) {
	current := st.w.sched.current
	at := slices.IndexFunc(options, func(o option) bool { return o.actor == current })
	if at < 0 {
		if h, ok := st.chance(st.root, "another first", 2); ok {
			return int(h % uint64(len(options))), true
		}
		return 0, true
	}
	h, ok := st.chance(current, "another goes on", 4)
	if !ok {
		return at, true
	}
	i := int(h % uint64(len(options)-1))
	if i >= at {
		i++
	}
	return i, true
}

// pause has the current actor sleep.
func (st *storm) pause(d time.Duration) { st.w.sched.sleep(st.w.truth().Add(d)) }

// decide says what becomes of an operation.
func (st *storm) decide(op string) Fault {
	w, a := st.w, st.w.sched.current
	if a.process != nil {
		for !st.over && a.process.frozen.After(w.truth()) {
			st.cover("freeze at " + op)
			w.sched.sleep(a.process.frozen)
		}
	}
	if f := st.cue(op); f != None {
		return f
	}
	if st.calm() {
		return None
	}
	for _, o := range st.outages {
		since := w.truth().Sub(start.Add(o.At))
		if o.Text == op && since >= 0 && since < o.For {
			st.cover("outage of " + op)
			if o.N == 1 && op != "claim" && op != "load" {
				return After
			}
			return Before
		}
	}
	if st.plan.Charges && a.behind && st.behind(a) {
		return Crash
	}
	rough := uint64(st.plan.Rough)
	if rough == 0 {
		return None
	}
	if a.mortal {
		if _, ok := st.chance(a, "crash before "+op, 300/rough); ok {
			st.cover("crash at " + op)
			st.succeed(a)
			return Crash
		}
	}
	if h, ok := st.chance(a, "pause before "+op, 120/rough); ok {
		d := time.Duration(h%9000) * time.Millisecond
		if h>>20%4 == 0 {
			d = time.Duration(100+h>>24%300) * time.Second // longer than a lease
			st.cover("stall at " + op)
		} else {
			st.cover("pause at " + op)
		}
		st.pause(d)
	}
	if h, ok := st.chance(a, "failure of "+op, 150/rough); ok {
		if h%2 == 0 {
			st.cover("error before " + op)
			return Before
		}
		st.cover("error after " + op)
		return After
	}
	return None
}

// behind reports whether an actor dies between what a call did, which may
// happen once, and the record of its result. It may as well outstay its lease
// there: another one takes the turn.
func (st *storm) behind(a *actor) bool {
	if !a.mortal {
		return false
	}
	if _, ok := st.chance(a, "crash behind a call", 3); ok {
		st.cover("crash behind a call")
		st.succeed(a)
		return true
	}
	if h, ok := st.chance(a, "stall behind a call", 6); ok {
		st.cover("stall behind a call")
		st.pause(time.Duration(130+h%200) * time.Second)
	}
	return false
}

// cue does what a plan says of this operation.
func (st *storm) cue(op string) Fault {
	if len(st.plan.Cues) == 0 {
		return None
	}
	kind := op
	if op == "commit" {
		kind += ":" + st.w.sched.current.kind
		st.count[op]++
	}
	st.count[kind]++
	for _, c := range st.plan.Cues {
		if c.N != st.count[c.Op] || c.Op != op && c.Op != kind {
			continue
		}
		if c.Pause > 0 {
			st.pause(c.Pause)
		}
		if c.Fault == Crash {
			st.succeed(st.w.sched.current)
		}
		return c.Fault
	}
	return None
}

// succeed has somebody take the place of an actor that dies: a worker starts
// again, a provider delivers again.
func (st *storm) succeed(a *actor) {
	st.died++
	h := mix(st.plan.Seed, text(a.name), 77)
	at := st.w.truth().Add(time.Duration(1+h%90) * time.Second)
	name := fmt.Sprintf("%s'%d", cmp.Or(a.root, a.name), st.died)
	if a.again != nil {
		next := st.spawn(name, false, at, a.again)
		next.root = cmp.Or(a.root, a.name)
		return
	}
	p := a.process
	p.agents = nil // it starts anew, with whatever is saved by then
	st.worker(p, name, at).root = cmp.Or(a.root, a.name)
}

// spawn adds an actor that begins at a time.
func (st *storm) spawn(name string, mortal bool, at time.Time, body func(ctx context.Context) error) *actor {
	a := st.w.sched.spawn(name, mortal, func() {
		if err := body(context.Background()); err != nil {
			st.w.log.add(Event{Op: "error", Text: err.Error()})
		}
	})
	a.wake = at
	return a
}

// mux is the process's, made anew when other instructions were saved.
func (st *storm) mux(p *process) *agent.Mux {
	if p.agents == nil || p.version != st.version {
		p.version = st.version
		p.agents, p.mux = st.w.stormAgents(p.version), nil
	}
	if p.mux == nil || p.shared {
		m, err := agent.NewMux(p.agents...)
		if err != nil {
			panic(err) // the same agents make one in every storm
		}
		p.mux = m
	}
	return p.mux
}

// worker does what is due whenever something is, as Mux.Run does.
func (st *storm) worker(p *process, name string, at time.Time) *actor {
	var self *actor
	self = st.spawn(name, true, at, func(ctx context.Context) error {
		for {
			if _, err := st.mux(p).RunDue(ctx); err != nil {
				st.pause(time.Second)
				continue
			}
			self.conversation = ""
			// No task is due at the zero time: this only asks for what comes next.
			c, err := st.w.store.Claim(ctx, agent.ClaimQuery{Until: time.Time{}.Add(time.Second), Max: 1})
			if err != nil {
				return err
			}
			until := forever
			if !c.Next.IsZero() {
				if until = even(c.Next).Add(-st.w.skew); !until.After(st.w.truth()) {
					continue
				}
			}
			self.idle = true
			st.w.sched.sleep(until)
			self.idle = false
			if st.w.sched.stopping {
				return nil
			}
		}
	})
	self.process = p
	return self
}

// even rounds up to a tick.
func even(t time.Time) time.Time {
	if down := t.Truncate(tick); down.Before(t) {
		return down.Add(tick)
	}
	return t
}

// wakeWorkers is called when something was written.
func (st *storm) wakeWorkers() {
	h := mix(st.plan.Seed, uint64(st.w.ops))
	st.w.sched.rouse(st.w.truth().Add(time.Duration(h%1000) * time.Millisecond))
}

// jumped reports whether the clock jumped after a (true) time.
func (st *storm) jumped(since time.Time, forward bool) bool {
	return slices.ContainsFunc(st.jumps, func(j jump) bool { return !j.at.Before(since) && j.by > 0 == forward })
}

// insist does something until it is done, as providers deliver again and people
// press a button again. What is refused for good is refused.
func (st *storm) insist(do func() error) error {
	var err error
	for i := range 60 {
		if err = do(); err == nil || refused(err) {
			return nil
		}
		st.pause(min(time.Duration(1<<min(i, 10))*time.Second, 5*time.Minute))
	}
	return err
}

// conversationOf finds a contact's conversation.
func (st *storm) conversationOf(h Happening) string {
	v, err := st.w.store.Load(context.Background(), agent.Query{Identity: frontdesk.Identity{Channel: h.Channel, Address: h.Contact}})
	if err != nil || v.Conversation == nil {
		return ""
	}
	return v.Conversation.ID
}
