package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// atOnce is how many goroutines arm and cancel at once.
const atOnce = 16

// found is what was measured with so many pending.
type found struct{ armed, cancelled, fired, bare float64 }

// followUps measures what one follow-up costs while others wait.
func (b *bench) followUps(ctx context.Context) (table, error) {
	t := table{
		title: "Follow-ups while others wait",
		columns: []string{
			"store, pending", "armed/s", "cancelled/s", "fired/s", "disk, each", "memory, each", "new process: memory", "open", "next due", "first claim",
		},
	}
	b.found = map[string]map[int]found{}
	for _, kind := range b.kinds {
		b.found[kind] = map[int]found{}
		if err := b.followUpsOn(ctx, kind, &t); err != nil {
			return t, fmt.Errorf("follow-ups on %s: %w", kind, err)
		}
	}
	return t, nil
}

// pendings is a store in which follow-ups wait.
type pendings struct {
	b       *bench
	place   place
	store   store
	waiting int       // how many wait for tomorrow
	active  []*person // with whom things are done
	crowd   crowd
	least   resumed // with the fewest pending
	leastOf int
}

func (b *bench) followUpsOn(ctx context.Context, kind string, t *table) (err error) {
	q := &pendings{b: b}
	if q.place, err = b.newPlace(ctx, kind); err != nil {
		return err
	}
	if q.store, err = q.place.open(ctx); err != nil {
		return err
	}
	defer func() {
		if cerr := q.store.Close(); err == nil {
			err = cerr
		}
		if rerr := b.remove(ctx, q.place); err == nil {
			err = rerr
		}
	}()
	if q.active, err = open(ctx, q.store, b.active); err != nil {
		return err
	}
	q.crowd = crowdOf(q.active)
	for _, n := range b.pending {
		figures, err := q.level(ctx, n)
		if err != nil {
			return err
		}
		t.add(fmt.Sprintf("%s, %s", kind, thousands(float64(n))), figures...)
	}
	return nil
}

// level measures with n pending.
func (q *pendings) level(ctx context.Context, n int) ([]figure, error) {
	q.b.say("follow-ups on %s with %d pending", q.place.kind, n)
	before := q.waiting
	disk, memory, err := q.grow(ctx, n)
	if err != nil {
		return nil, err
	}
	q.b.say("  %d more wait", n-before)
	f, err := q.measure(ctx)
	if err != nil {
		return nil, err
	}
	q.b.found[q.place.kind][n] = f
	figures := []figure{rate(f.armed), rate(f.cancelled), rate(f.fired), disk, memory, none, none, none, none}
	if !q.place.durable() {
		return figures, nil
	}
	if err := q.store.Close(); err != nil {
		return nil, err
	}
	r, err := q.place.resume(ctx)
	if err != nil {
		return nil, err
	}
	if q.store, err = q.place.open(ctx); err != nil {
		return nil, err
	}
	if q.leastOf == 0 {
		q.least, q.leastOf = r, n
	} else {
		figures[4] = mayBeNothing(size(max(r.Memory-q.least.Memory, 0) / float64(n-q.leastOf)))
	}
	figures[5], figures[6], figures[7], figures[8] = size(r.Memory), lasting(r.Open), lasting(r.Next), lasting(r.Claim)
	return figures, nil
}

// grow lets people wait until n do. For those that are not too many it tells
// what a follow-up alone takes, on disk or in memory.
func (q *pendings) grow(ctx context.Context, n int) (disk, memory figure, err error) {
	from, more := q.waiting, n-q.waiting
	q.waiting = n
	if n > q.b.apart {
		return none, none, q.fill(ctx, from, more)
	}
	people := make([]*person, more)
	_, err = share(workers, more, func(i int) error {
		people[i] = &person{name: fmt.Sprintf("waiting-%d", from+i)}
		return q.store.Commit(ctx, people[i].opening())
	})
	if err != nil {
		return none, none, err
	}
	before, err := q.held(ctx)
	if err != nil {
		return none, none, err
	}
	if _, err := share(workers, more, func(i int) error { return q.store.Commit(ctx, people[i].arms(tomorrow(from+i))) }); err != nil {
		return none, none, err
	}
	after, err := q.held(ctx)
	runtime.KeepAlive(people)
	each := size((after - before) / float64(more))
	if q.place.durable() {
		return each, none, err
	}
	return none, each, err
}

// fillers is how many commit at once when nothing is measured.
const fillers = 512

// fill lets more people wait. It is not measured, and need not outlive anything.
func (q *pendings) fill(ctx context.Context, from, more int) (err error) {
	store := q.store
	if q.place.kind == inPostgres {
		unsynced := place{q.place.kind, q.place.at + "&synchronous_commit=off"}
		if store, err = unsynced.open(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
	}
	_, err = share(min(fillers, more), more, func(i int) error {
		p := &person{name: fmt.Sprintf("waiting-%d", from+i)}
		c := p.opening()
		c.Put = []agent.Task{p.followUp(tomorrow(from + i))}
		return store.Commit(ctx, c)
	})
	return err
}

// tomorrow is when the i-th follow-up of those who wait is due.
func tomorrow(i int) time.Time { return begin.Add(24*time.Hour + time.Duration(i)*time.Millisecond) }

// held is what the store holds, on disk or else in memory.
func (q *pendings) held(ctx context.Context) (float64, error) {
	if !q.place.durable() {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc), nil
	}
	if err := q.store.Close(); err != nil { // what is still in a log goes where it belongs
		return 0, err
	}
	n, err := q.place.bytes(ctx)
	if err != nil {
		return 0, err
	}
	q.store, err = q.place.open(ctx)
	return n, err
}

// measure arms, cancels, arms again and fires follow-ups of the active.
func (q *pendings) measure(ctx context.Context) (f found, err error) {
	each := max(len(q.active)/atOnce, 1)
	everybody := func(do func(p *person, r *rand.Rand) agent.Commit) (float64, error) {
		random := make([]*rand.Rand, atOnce)
		for w := range random {
			random[w] = rand.New(rand.NewPCG(uint64(w), 1))
		}
		t, err := together(atOnce, each, func(w, i int) error { return q.store.Commit(ctx, do(q.active[w*each+i], random[w])) })
		return t.perSecond(), err
	}
	// In between those who wait, as it would be.
	some := func(p *person, r *rand.Rand) agent.Commit { return p.arms(tomorrow(r.IntN(q.waiting))) }
	if f.armed, err = everybody(some); err != nil {
		return f, err
	}
	if f.cancelled, err = everybody(func(p *person, _ *rand.Rand) agent.Commit { return p.cancels() }); err != nil {
		return f, err
	}
	now := func(p *person, _ *rand.Rand) agent.Commit { return p.arms(begin) }
	if _, err = everybody(now); err != nil {
		return f, err
	}
	t, err := work(ctx, q.store, begin, each*atOnce, nil, func(t agent.ClaimedTask) error {
		return q.store.Commit(ctx, q.crowd[t.ConversationID].ends(t, ladder.Steps[0].Messages[0].Text))
	})
	if err != nil {
		return f, err
	}
	f.fired = t.perSecond()
	if _, err = everybody(now); err != nil {
		return f, err
	}
	t, err = work(ctx, q.store, begin, each*atOnce, nil, func(t agent.ClaimedTask) error {
		return q.store.Commit(ctx, agent.Commit{Fence: &t.Fence, Release: true, Delete: []agent.TaskKind{t.Kind}})
	})
	f.bare = t.perSecond()
	return f, err
}
