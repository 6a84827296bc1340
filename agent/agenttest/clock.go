package agenttest

import (
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// Start is where a FakeClock starts: a Monday morning, in UTC.
var Start = time.Date(2025, time.January, 6, 9, 0, 0, 0, time.UTC)

// FakeClock is a [frontdesk.Clock] that stands still until it is told to
// move. It is safe for concurrent use. Make one with [NewFakeClock].
//
// Moving it does nothing by itself: everything that waits is a row in the
// store, so a test moves the clock and then calls RunDue.
//
// The fake clocks of jonboulle/clockwork do the same job.
type FakeClock struct {
	mu  sync.Mutex
	now time.Time
}

var _ frontdesk.Clock = (*FakeClock)(nil)

// NewFakeClock returns a clock that stands at t, or without t at [Start].
func NewFakeClock(t ...time.Time) *FakeClock {
	c := &FakeClock{now: Start}
	if len(t) > 0 {
		c.now = t[0]
	}
	return c
}

// Now returns the time at which the clock stands.
func (c *FakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d and returns the new time. A negative d moves
// it back, as a corrected system clock may go.
func (c *FakeClock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// Set moves the clock to t, forward or back.
func (c *FakeClock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}
