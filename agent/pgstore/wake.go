package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	mu    sync.Mutex
	asked atomic.Int64
	told  int64 // those who asked before the newest telling began
}

// tell calls send, unless somebody does who began after the call and did not
// fail.
func (h *herald) tell(send func() error) {
	n := h.asked.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
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
	s.herald.tell(func() error {
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
	if err := s.listen(ctx, wake); err != nil && ctx.Err() == nil {
		return fmt.Errorf("pgstore: listen: %w", err)
	}
	return nil
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
