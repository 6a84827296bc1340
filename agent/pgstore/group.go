package pgstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// leadersLimit is how many transactions at most hold the work of several
	// callers at the same time: some are written while others sync. With more of
	// them each holds less, and what is saved by sharing is lost.
	leadersLimit = 3
	// groupLimit is how many callers share a transaction at most, of which there
	// are fewer, but not fewer than groupLeast, while many are refused; and
	// groupBytes is about how many bytes of values it has at most, so that nobody
	// waits long for others.
	groupLimit = 64
	groupLeast = 2
	groupBytes = 1 << 20
	// tries is how often a group is sent, each time without the one that was
	// refused, before each of the others goes alone.
	tries = 2
	// leaderStays is how long a group that was sent is waited for when the context
	// of its leader is done.
	leaderStays = time.Second
)

// waitLess is the first statement of a group: nobody waits long for what another
// one wants to lock.
var waitLess = define(`SELECT set_config('lock_timeout', '100ms', true)`)

// change is what one call writes. It is written whole or not at all.
type change struct {
	*batch
	// only is the conversation whose rows are written, and no other's. Empty:
	// others are too, and the change shares no transaction.
	only string
	// The calls up to lanes lock lanes, those up to keys write keys.
	lanes, keys int
}

// bytes is about how large the values are.
func (c *change) bytes() (n int) {
	for i := range c.calls {
		for _, arg := range c.calls[i].args {
			switch v := arg.(type) {
			case string:
				n += len(v)
			case [][]byte:
				for _, b := range v {
					n += len(b)
				}
			}
		}
	}
	return n
}

// request is a change that waits for its outcome.
type request struct {
	*change
	size int   // in bytes
	err  error // once it was woken
	// wake tells the one who waits to lead (true) or that it is done (false).
	wake  chan bool
	leads bool // it was told to lead
}

// errAlone tells a caller that nothing was written, and to try alone.
var errAlone = errors.New("refused with others")

// errNoAnswer is the outcome, which nobody knows, for those whose leader gave up.
var errNoAnswer = errors.New("the database did not answer")

// group is the queue of those who want to write. Up to leadersLimit of them
// lead; only if there are as many, others are queued.
type group struct {
	mu      sync.Mutex
	queue   []*request
	leaders int
	alone   bool // somebody writes who found nobody writing
	less    int  // by how much the limit is below groupLimit now
}

// place is what a caller does next.
type place int

const (
	waits place = iota
	leads
	writesAlone
)

// join finds the place of a request.
func (g *group) join(r *request) place {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.leaders == 0 && !g.alone:
		g.alone = true
		return writesAlone
	case g.leaders < leadersLimit:
		g.leaders++
		r.leads = true
		return leads
	}
	g.queue = append(g.queue, r)
	return waits
}

// leave takes a request back, and reports false if it is being written.
func (g *group) leave(r *request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.queue, r)
	switch {
	case i >= 0:
		g.queue = slices.Delete(g.queue, i, i+1)
	case r.leads:
		g.next()
	default:
		return false
	}
	return true
}

// take gives the leader those who go with it: each of another conversation, as
// the second change of one is most often refused after the first.
func (g *group) take(leader *request) []*request {
	g.mu.Lock()
	defer g.mu.Unlock()
	out, size := []*request{leader}, leader.size
	taken := map[string]bool{leader.only: true}
	g.queue = slices.DeleteFunc(g.queue, func(r *request) bool {
		if len(out) >= groupLimit-g.less || taken[r.only] || size+r.size > groupBytes {
			return false
		}
		out, size, taken[r.only] = append(out, r), size+r.size, true
		return true
	})
	return out
}

// learn halves the limit when a group was refused, and raises it by one when one
// was written. The larger a group is, the more often it has one that is refused,
// and the more is sent in vain then: so its size finds its own level.
func (g *group) learn(refused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if refused {
		g.less = groupLimit - max(groupLeast, (groupLimit-g.less)/2)
	} else {
		g.less = max(0, g.less-1)
	}
}

// pass ends a leader's time.
func (g *group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next()
}

// next makes the first in the queue a leader in place of one that was.
func (g *group) next() {
	if len(g.queue) == 0 {
		g.leaders--
		return
	}
	r := g.queue[0]
	g.queue = slices.Delete(g.queue, 0, 1)
	r.leads = true
	r.wake <- true
}

// wroteAlone ends the time of the one who writes alone.
func (g *group) wroteAlone() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.alone = false
}

// write writes a change in a transaction that is on the disk when write returns
// nil. The transaction may hold the changes of others too, of which none is
// refused for another one's sake.
func (s *Store) write(ctx context.Context, c *change) error {
	if err := ctx.Err(); err != nil || len(c.calls) == 0 {
		return err
	}
	alone := func() error {
		return retry(func() error { return c.run(ctx, s.pool) })
	}
	if c.only == "" {
		return alone()
	}
	r := &request{change: c, size: c.bytes(), wake: make(chan bool, 1)}
	switch s.group.join(r) {
	case writesAlone:
		defer s.group.wroteAlone()
		return alone()
	case leads:
		s.lead(ctx, r)
	case waits:
		select {
		case lead := <-r.wake:
			if lead {
				s.lead(ctx, r)
			}
		case <-ctx.Done():
			// Taken back, or else the leader has it: then what becomes of it is
			// not known here.
			s.group.leave(r)
			return ctx.Err()
		}
	}
	switch {
	case r.err == errAlone:
		return alone()
	case r.err == errNoAnswer && ctx.Err() != nil:
		return ctx.Err() // it was the leader
	}
	return r.err
}

// lead writes r, the leader's own request, and what is queued by others when
// there is a connection.
func (s *Store) lead(ctx context.Context, r *request) {
	defer s.group.pass()
	c, err := s.pool.Acquire(ctx)
	if err != nil && ctx.Err() != nil {
		r.err = err // the others go on waiting
		return
	}
	all := s.group.take(r)
	if err != nil {
		finish(all, r, err)
		return
	}
	defer c.Release()
	if len(all) > 1 {
		// The others do not end with the leader, nor does it stay with them for ever.
		together, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() { time.AfterFunc(leaderStays, func() { cancel(errNoAnswer) }) })()
		ctx = together
	}
	s.writeAll(ctx, c, all, r)
}

// writeAll writes the changes of a group in one transaction. Where the database
// refuses one and rolls back, the others are written without it.
func (s *Store) writeAll(ctx context.Context, c connection, all []*request, leader *request) {
	lost := errors.New("the leader of the group panicked")
	defer func() { finish(all, leader, lost) }() // should it, the others must not wait for ever
	slices.SortFunc(all, func(a, b *request) int { return strings.Compare(a.only, b.only) })
	for range tries {
		b, owners := s.joined(all)
		done, err := b.try(ctx, c)
		if err == nil || !rolledBack(err) {
			if lost = err; err != nil && context.Cause(ctx) == errNoAnswer {
				lost = errNoAnswer // the others' contexts are not done
			}
			if err == nil {
				s.group.learn(false)
			}
			return
		}
		s.group.learn(true)
		if len(all) == 1 || done == len(owners) { // that is the commit, of all of them
			break
		}
		i := owners[done]
		finish(all[i:i+1], leader, errAlone)
		all = slices.Delete(all, i, i+1)
	}
	lost = errAlone
}

// joined is the statements of all changes, with whose each is: lanes first and
// then keys, each in order, as every transaction locks them.
func (s *Store) joined(all []*request) (b *batch, owners []int) {
	type owned struct {
		call
		owner int
	}
	var calls []owned
	add := func(part func(c *change) (from, to int)) {
		for i, r := range all {
			from, to := part(r.change)
			for _, c := range r.calls[from:to] {
				calls = append(calls, owned{c, i})
			}
		}
	}
	add(func(c *change) (int, int) { return 0, c.lanes })
	locked := len(calls)
	add(func(c *change) (int, int) { return c.lanes, c.keys })
	slices.SortFunc(calls[locked:], func(a, b owned) int { return strings.Compare(a.args[0].(string), b.args[0].(string)) })
	add(func(c *change) (int, int) { return c.keys, len(c.calls) })
	b = s.batch()
	b.do(waitLess)
	owners = append(owners, 0)
	for _, c := range calls {
		b.calls, owners = append(b.calls, c.call), append(owners, c.owner)
	}
	return b, owners
}

// finish wakes those of a group.
func finish(some []*request, leader *request, err error) {
	for _, r := range some {
		r.err = err
		if r != leader {
			r.wake <- false
		}
	}
}

// rolledBack reports whether an error of the database says that nothing was
// written and that the connection goes on.
func rolledBack(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR"
}
