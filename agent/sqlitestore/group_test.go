package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// rotate is a commit that writes one row, which is refused if it is there.
func rotate(name string) agent.Commit {
	return agent.Commit{Rotations: []agent.Rotation{{Name: name, Last: "x"}}}
}

func stored(t testing.TB, s *Store, names ...string) int {
	t.Helper()
	v, err := s.Load(context.Background(), agent.Query{Rotations: names})
	require.NoError(t, err)
	return len(v.Rotations)
}

// held keeps the writer in a transaction until it is let go, so that what
// comes meanwhile has to queue.
type held struct {
	letGo chan struct{}
	done  chan error
}

func hold(s *Store) *held {
	h := &held{make(chan struct{}), make(chan error, 1)}
	in := make(chan struct{})
	go func() {
		h.done <- s.write(context.Background(), func(*conn) error {
			close(in)
			<-h.letGo
			return nil
		})
	}()
	<-in
	return h
}

func (h *held) release(t testing.TB) {
	t.Helper()
	close(h.letGo)
	require.NoError(t, <-h.done)
}

// queued waits until that many requests are in the queue.
func queued(s *Store, n int) {
	for {
		s.group.mu.Lock()
		have := len(s.group.queue)
		s.group.mu.Unlock()
		if have == n {
			return
		}
		runtime.Gosched()
	}
}

// transactions counts the frames that ended a transaction.
func transactions(t testing.TB, s *Store) (n int) {
	t.Helper()
	data, err := os.ReadFile(s.path + "-wal")
	require.NoError(t, err)
	const page, header = 4096, 24
	for at := 32; at+header+page <= len(data); at += header + page {
		if data[at+4]|data[at+5]|data[at+6]|data[at+7] != 0 { // the size of the database, in commit frames alone
			n++
		}
	}
	return n
}

func TestGroupSharesOneCommit(t *testing.T) {
	s := temporary(t, nil)
	before := transactions(t, s)
	h := hold(s)
	const n = 50
	errs := make([]error, n)
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("r%d", i/2) // one of two conflicts
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = s.Commit(context.Background(), rotate(names[i])) })
	}
	queued(s, n)
	h.release(t)
	all.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, agent.ErrConflict)
			refused++
		}
	}
	assert.Equal(t, n/2, refused, "those that conflict fail, and nobody else")
	assert.Equal(t, n/2, stored(t, s, names...))
	assert.Equal(t, 1, transactions(t, s)-before, "and all of them cost one sync")
}

func TestGroupUndoesWhatARefusedCommitWrote(t *testing.T) {
	s := temporary(t, nil)
	require.NoError(t, s.Commit(context.Background(), rotate("taken")))
	h := hold(s)
	var all sync.WaitGroup
	var bad, good error
	all.Go(func() {
		bad = s.Commit(context.Background(), agent.Commit{
			Dedupe: map[string]string{"key": "m"}, Rotations: []agent.Rotation{{Name: "new", Last: "x"}, {Name: "taken", Last: "x"}},
		})
	})
	queued(s, 1)
	all.Go(func() { good = s.Commit(context.Background(), agent.Commit{Dedupe: map[string]string{"key": "m"}}) })
	queued(s, 2)
	h.release(t)
	all.Wait()
	require.ErrorIs(t, bad, agent.ErrConflict)
	require.NoError(t, good, "the key was not taken after all")
	assert.Zero(t, stored(t, s, "new"))
}

func TestWaitingCommitIsTakenBack(t *testing.T) {
	s := temporary(t, nil)
	h := hold(s)
	ctx, cancel := context.WithCancel(context.Background())
	gone, stays := make(chan error, 1), make(chan error, 1)
	go func() { gone <- s.Commit(ctx, rotate("gone")) }()
	queued(s, 1)
	go func() { stays <- s.Commit(context.Background(), rotate("stays")) }()
	queued(s, 2)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled, "while the writer is busy with others")
	h.release(t)
	require.NoError(t, <-stays)
	assert.Equal(t, 1, stored(t, s, "gone", "stays"))
}

// The first of the queue was told to lead at the moment it gave up: the next
// one leads.
func TestLeaderThatGivesUpPassesOn(t *testing.T) {
	var g group
	first, second := &request{wake: make(chan bool, 1)}, &request{wake: make(chan bool, 1)}
	holder := &request{wake: make(chan bool, 1)}
	lead, err := g.join(holder)
	require.NoError(t, err)
	require.True(t, lead)
	g.take(1)
	for _, r := range []*request{first, second} {
		lead, err := g.join(r)
		require.NoError(t, err)
		require.False(t, lead)
	}
	g.pass()
	require.True(t, first.leads)
	require.True(t, g.leave(first))
	require.True(t, <-second.wake)
	g.take(1)
	require.False(t, g.leave(second), "it is being done")
	g.pass()
	lead, err = g.join(first)
	require.NoError(t, err)
	assert.True(t, lead, "nobody leads any more")
}

// Protocol: an error of the disk loses the group as a whole, nobody is told
// that it is written, and the next commit finds a writer that works.
func TestLostTransaction(t *testing.T) {
	s := temporary(t, nil)
	h := hold(s)
	results := make(chan error, 3)
	go func() { results <- s.Commit(context.Background(), rotate("before")) }()
	queued(s, 1)
	go func() {
		results <- s.write(context.Background(), func(c *conn) error {
			_, err := c.exec(rollback) // as SQLite does by itself when the disk is full
			return errors.Join(errors.New("disk full"), err)
		})
	}()
	queued(s, 2)
	go func() { results <- s.Commit(context.Background(), rotate("after")) }()
	queued(s, 3)
	close(h.letGo)
	require.Error(t, <-h.done, "it was lost with its group")
	for range 3 {
		err := <-results
		require.ErrorContains(t, err, "disk full")
		for _, sentinel := range []error{agent.ErrConflict, agent.ErrDuplicate, agent.ErrFenced} {
			assert.NotErrorIs(t, err, sentinel)
		}
	}
	assert.Zero(t, stored(t, s, "before", "after"))
	require.NoError(t, s.Commit(context.Background(), rotate("before")))
	assert.Equal(t, 1, stored(t, s, "before", "after"))
}

// A panic is its caller's; whoever waited for it gets an error and goes on.
func TestPanicOfALeader(t *testing.T) {
	s := temporary(t, nil)
	in, letGo := make(chan struct{}), make(chan struct{})
	panicked := make(chan any, 1)
	go func() {
		defer func() { panicked <- recover() }()
		_ = s.write(context.Background(), func(*conn) error {
			close(in)
			<-letGo
			panic("a bug")
		})
	}()
	<-in
	waits := make(chan error, 1)
	go func() { waits <- s.Commit(context.Background(), rotate("r")) }()
	queued(s, 1)
	close(letGo)
	assert.Equal(t, "a bug", <-panicked)
	require.NoError(t, <-waits, "it was not in the group yet, and leads the next one")
	assert.Equal(t, 1, stored(t, s, "r"))
}

func TestAnotherProcessWrites(t *testing.T) {
	s := temporary(t, &Options{BusyTimeout: busyStep})
	other, err := Open(s.path, nil)
	require.NoError(t, err)
	h := hold(other)
	err = s.Commit(context.Background(), rotate("r"))
	require.ErrorContains(t, err, "another process has been in the way for 50ms")
	for _, sentinel := range []error{agent.ErrConflict, agent.ErrDuplicate, agent.ErrFenced} {
		assert.NotErrorIs(t, err, sentinel)
	}
	assert.Zero(t, stored(t, s, "r"), "reading goes on")
	got, err := s.Claim(context.Background(), agent.ClaimQuery{Now: start, Until: start.Add(time.Minute), Max: 1})
	require.NoError(t, err, "and so does a claim that finds nothing")
	assert.Zero(t, got)
	h.release(t)
	require.NoError(t, s.Commit(context.Background(), rotate("r")))
	require.NoError(t, other.Close())
}

// A leader that waits for another process stops when its context is done, and
// the others go on waiting.
func TestLeaderStopsWaiting(t *testing.T) {
	s := temporary(t, nil)
	other, err := Open(s.path, nil)
	require.NoError(t, err)
	h := hold(other)
	ctx, cancel := context.WithCancel(context.Background())
	leader, follower := make(chan error, 1), make(chan error, 1)
	go func() { leader <- s.Commit(ctx, rotate("leader")) }()
	queued(s, 1)
	go func() { follower <- s.Commit(context.Background(), rotate("follower")) }()
	queued(s, 2)
	cancel()
	require.ErrorIs(t, <-leader, context.Canceled)
	h.release(t)
	require.NoError(t, <-follower)
	assert.Equal(t, 1, stored(t, s, "leader", "follower"))
	require.NoError(t, other.Close())
}

func TestCloseWaitsForWhatWasBegun(t *testing.T) {
	s, err := Open(t.TempDir()+"/frontdesk.db", nil)
	require.NoError(t, err)
	h := hold(s)
	waits, closed := make(chan error, 1), make(chan error, 1)
	go func() { waits <- s.Commit(context.Background(), rotate("r")) }()
	queued(s, 1)
	go func() { closed <- s.Close() }()
	for refused := false; !refused; runtime.Gosched() {
		s.group.mu.Lock()
		refused = s.group.closed
		s.group.mu.Unlock()
	}
	require.ErrorContains(t, s.Commit(context.Background(), rotate("late")), "the store is closed")
	h.release(t)
	require.NoError(t, <-waits)
	require.NoError(t, <-closed)
	require.NoError(t, s.Close(), "again")
	_, err = s.Load(context.Background(), agent.Query{})
	require.ErrorContains(t, err, "the store is closed")
	_, err = s.Claim(context.Background(), agent.ClaimQuery{Max: 1})
	require.ErrorContains(t, err, "the store is closed")
	require.ErrorContains(t, s.Append(context.Background(), agent.Append{}), "the store is closed")
	_, err = os.Stat(s.path + "-wal")
	require.ErrorIs(t, err, os.ErrNotExist, "everything is in the one file")
}

// However many read at once, the WAL does not grow for ever.
func TestLargeWALIsEmptied(t *testing.T) {
	s := temporary(t, nil)
	s.walLimit = 1
	for i := range 20 {
		require.NoError(t, s.Commit(context.Background(), rotate(fmt.Sprint(i))))
		s.walLimit = 1
	}
	info, err := os.Stat(s.path + "-wal")
	require.NoError(t, err)
	assert.Zero(t, info.Size())
}

// SQLite does not wait while another process makes a checkpoint: the store does,
// and does not take forty quick refusals for two seconds.
func TestQuickRefusalsAreWaitedFor(t *testing.T) {
	s := temporary(t, &Options{BusyTimeout: 2 * time.Second})
	tries := 0
	require.NoError(t, s.patiently(t.Context(), func() error {
		if tries++; tries < 42 {
			return errReading
		}
		return nil
	}))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.patiently(ctx, func() error {
		cancel()
		return errReading
	})
	require.ErrorIs(t, err, context.Canceled)
}
