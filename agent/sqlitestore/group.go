package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// groupLimit is how many requests share one commit at most, so that the first
// of them does not wait for ever.
const groupLimit = 256

// request is something to be done by the writer.
type request struct {
	do func(c *conn) error
	// alone is set for one that shares no transaction: see Store.alone.
	alone bool
	err   error // the outcome, once it was woken
	// wake tells the one who waits to lead (true) or that it is done (false).
	wake  chan bool
	leads bool // it was told to lead
}

// group is the queue of those who want to write. At most one of them leads: it
// is the only one that uses the writer.
type group struct {
	mu     sync.Mutex
	queue  []*request
	led    bool
	closed bool
	idle   chan struct{} // closed when a closed group has no leader any more
}

// join queues a request and reports whether its caller has to lead.
func (g *group) join(r *request) (lead bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false, errClosed
	}
	g.queue = append(g.queue, r)
	if g.led {
		return false, nil
	}
	g.led, r.leads = true, true
	return true, nil
}

// leave takes a request back, and reports false if its leader has it already.
func (g *group) leave(r *request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.queue, r)
	if i < 0 {
		return false
	}
	g.queue = slices.Delete(g.queue, i, i+1)
	if r.leads {
		g.next()
	}
	return true
}

// take gives the leader up to n requests, and none behind one that wants to be
// alone.
func (g *group) take(n int) []*request {
	g.mu.Lock()
	defer g.mu.Unlock()
	n = min(n, len(g.queue))
	if i := slices.IndexFunc(g.queue[:n], func(r *request) bool { return r.alone }); i >= 0 {
		n = i
	}
	out := slices.Clone(g.queue[:n])
	g.queue = slices.Delete(g.queue, 0, n)
	return out
}

// pass ends the leader's time.
func (g *group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next()
}

// next makes the first in the queue the leader.
func (g *group) next() {
	if len(g.queue) > 0 {
		r := g.queue[0]
		r.leads = true
		r.wake <- true
		return
	}
	g.led = false
	if g.closed {
		close(g.idle)
	}
}

// close refuses further requests, waits for those that are queued, and reports
// whether it was the first call. A second one waits too.
func (g *group) close() bool {
	g.mu.Lock()
	first := !g.closed
	if first {
		g.closed, g.idle = true, make(chan struct{})
		if !g.led {
			close(g.idle)
		}
	}
	g.mu.Unlock()
	<-g.idle
	return first
}

// write runs do in a transaction that is on the disk when write returns nil.
// The transaction may hold the work of others too; if do returns an error,
// nothing of its own is written.
func (s *Store) write(ctx context.Context, do func(c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{do: do, wake: make(chan bool, 1)}
	lead, err := s.group.join(r)
	if err != nil {
		return err
	}
	if !lead {
		select {
		case lead = <-r.wake:
		case <-ctx.Done():
			// Taken back, or else the leader has it: then what becomes of it is
			// not known here.
			s.group.leave(r)
			return ctx.Err()
		}
	}
	if lead {
		s.lead(ctx, r)
	}
	return r.err
}

// alone runs do, outside of a transaction, while nobody in this process writes.
func (s *Store) alone(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{alone: true, wake: make(chan bool, 1)}
	lead, err := s.group.join(r)
	if err != nil {
		return err
	}
	if !lead {
		select {
		case <-r.wake: // to lead: no other leader takes it
		case <-ctx.Done():
			s.group.leave(r)
			return ctx.Err()
		}
	}
	defer s.group.pass()
	s.group.withdraw(r)
	err = do()
	if err != nil && !isBusy(err) {
		s.abandon()
	}
	return err
}

// lead runs what is queued in one transaction. r, the leader's own request, is
// in the queue.
func (s *Store) lead(ctx context.Context, r *request) {
	defer s.group.pass()
	err := s.begin(ctx)
	if err == nil {
		s.run(r)
		return
	}
	if ctx.Err() != nil && s.group.withdraw(r) {
		r.err = err // the others go on waiting
		return
	}
	if !isBusy(err) {
		s.abandon()
	}
	finish(s.group.take(groupLimit), r, err)
}

// run fills the transaction that was begun, until nobody has anything more,
// and commits it.
func (s *Store) run(r *request) {
	var group []*request
	lost := errors.New("the leader of the group panicked")
	defer func() { // should it, the others must not wait for ever
		if lost != nil {
			s.abandon()
		}
		finish(group, r, lost)
	}()
	for len(group) < groupLimit {
		more := s.group.take(groupLimit - len(group))
		if len(more) == 0 {
			break
		}
		group = append(group, more...)
		for _, q := range more {
			if err := s.one(q); err != nil {
				lost = fmt.Errorf("the transaction was lost: %w", err)
				return
			}
		}
	}
	if _, lost = s.writer.exec(commit); lost == nil {
		s.checkpoint()
	}
}

// finish wakes a group. If the transaction was lost, the outcome of none of
// them holds: one that was refused was refused for what others had written.
func finish(group []*request, leader *request, lost error) {
	for _, q := range group {
		if lost != nil {
			q.err = lost
		}
		if q != leader {
			q.wake <- false
		}
	}
}

// withdraw takes the leader's own request out of the queue, and leaves it the
// leader.
func (g *group) withdraw(r *request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.queue, r)
	if i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	return i >= 0
}

var (
	beginImmediate = &statement{"BEGIN IMMEDIATE"}
	savepoint      = &statement{"SAVEPOINT request"}
	release        = &statement{"RELEASE request"}
	rollbackTo     = &statement{"ROLLBACK TO request"}
)

// begin takes the lock of the file, for which it waits while another process
// writes.
func (s *Store) begin(ctx context.Context) error {
	if err := s.haveWriter(); err != nil {
		return err
	}
	return s.patiently(ctx, func() error {
		_, err := s.writer.exec(beginImmediate)
		return err
	})
}

// haveWriter opens the writer if it was given up.
func (s *Store) haveWriter() error {
	if s.writer != nil {
		return nil
	}
	w, err := s.openWriter(busyStep)
	if err == nil {
		s.writer = w
	}
	return err
}

// errReading means that somebody reads what is to be taken away.
var errReading = errors.New("somebody reads what was deleted")

// patiently does something again while another process is in the way. SQLite
// waits for most of these by itself, up to busyStep, but for some not at all,
// such as a checkpoint that another one is just making: then this waits.
func (s *Store) patiently(ctx context.Context, f func() error) error {
	for waited := time.Duration(0); ; {
		begun := time.Now()
		err := f()
		if err == nil || !isBusy(err) && !errors.Is(err, errReading) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(begun) < busyStep {
			pause := time.NewTimer(shortStep)
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
				return ctx.Err()
			}
		}
		// At most one step: a process that was stopped has not waited meanwhile.
		if waited += min(time.Since(begun), busyStep); waited >= s.timeout {
			return fmt.Errorf("another process has been in the way for %s: find out which, or raise Options.BusyTimeout: %w", s.timeout, err)
		}
	}
}

// one runs one request and keeps its outcome. It returns an error if the
// request could not be undone alone.
func (s *Store) one(q *request) error {
	w := s.writer
	if _, err := w.exec(savepoint); err != nil {
		return err
	}
	if q.err = q.do(w); q.err != nil {
		if _, err := w.exec(rollbackTo); err != nil {
			return errors.Join(q.err, err)
		}
	}
	_, err := w.exec(release)
	return err
}

// abandon gives up what the writer was doing. After an error of the disk the
// state of a connection is not worth a guess: the next leader opens another.
func (s *Store) abandon() {
	w := s.writer
	if w == nil {
		return
	}
	_, _ = w.exec(rollback) // fails if there is no transaction any more
	if s.path != "" {
		_ = w.close() // what was not committed is gone, whatever this says
		s.writer = nil
	}
}

// checkpoint empties the WAL if it has grown too large.
func (s *Store) checkpoint() {
	if s.path == "" {
		return
	}
	info, err := os.Stat(s.path + "-wal")
	if err != nil || info.Size() < s.walLimit {
		return // what is wrong with the file is found by the next commit
	}
	// If a reader is in the way, or the disk is, everything stays in the WAL,
	// which is as safe, and it is tried again when the WAL has grown further.
	s.walLimit = info.Size() + walLimit
	if s.writer.run("PRAGMA wal_checkpoint(TRUNCATE)") == nil {
		if info, err := os.Stat(s.path + "-wal"); err == nil && info.Size() < walLimit {
			s.walLimit = walLimit
		}
	}
}
