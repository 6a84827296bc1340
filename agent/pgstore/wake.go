package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

var _ agent.Waker = (*Store)(nil)

var tell = define(`SELECT pg_notify($1, '')`)

// herald tells the other programs that there is work. It does so after the
// commit and apart from it: a NOTIFY in a transaction takes a lock at its
// commit that all others wait for. Those who want to tell at the same time
// share it.
type herald struct {
	turn  chan struct{} // full while somebody tells
	asked atomic.Int64
	told  int64 // those who asked before the newest telling began
}

func newHerald() *herald { return &herald{turn: make(chan struct{}, 1)} }

// tell calls send, unless somebody does who began after the call and did not
// fail. It gives up when ctx is done: a commit does not wait for another one's
// network.
func (h *herald) tell(ctx context.Context, send func() error) {
	n := h.asked.Add(1)
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-h.turn }()
	if h.told >= n {
		return
	}
	asked := h.asked.Load()
	if send() == nil {
		h.told = asked
	}
}

// wakes reports whether others may have to hear of a commit. One under a fence
// is a worker's, who looks for more work anyway.
func (s *Store) wakes(c *agent.Commit) bool {
	if !s.notify || c.Fence != nil {
		return false
	}
	for i := range c.Put {
		if !c.Put[i].Due.IsZero() {
			return true
		}
	}
	return false
}

// announce tells the others. That it fails is no error: the commit is done, and
// they find it when they look.
func (s *Store) announce(ctx context.Context) {
	s.herald.tell(ctx, func() error {
		_, err := s.pool.Exec(ctx, s.sql[tell.n], s.schema)
		return err
	})
}

// Wake implements [agent.Waker], on a connection of its own, if
// Options.Notify is set.
func (s *Store) Wake(ctx context.Context, wake func()) error {
	if !s.notify {
		return nil
	}
	listening, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.open, cancel)()
	err := s.listen(listening, wake)
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case s.open.Err() != nil:
		return fmt.Errorf("pgstore: listen: the store is closed: %w", err)
	}
	return fmt.Errorf("pgstore: listen: %w", err)
}

func (s *Store) listen(ctx context.Context, wake func()) (err error) {
	c, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		// Not with ctx, which is done: it would leave the session to its end.
		err = errors.Join(err, c.Close(context.WithoutCancel(ctx)))
	}()
	if _, err := c.Exec(ctx, "LISTEN "+pgx.Identifier{s.schema}.Sanitize()); err != nil {
		return err
	}
	wake() // for what came before
	for {
		if _, err := c.WaitForNotification(ctx); err != nil {
			return err
		}
		wake()
	}
}
