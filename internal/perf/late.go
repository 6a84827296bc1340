package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// firing measures follow-ups as the engine does them: how many Run fires and
// sends when many are due at once, and how late it is when they are not.
func (b *bench) firing(ctx context.Context) (table, error) {
	t := table{
		title:   "Follow-ups by Run",
		columns: []string{"store", "fired and sent/s, all due at once", "late p50", "late p99", "late at most", "sent p50", "sent p99"},
	}
	for _, kind := range b.kinds {
		b.say("follow-ups by Run on %s", kind)
		var perSecond float64
		var began, sent timing
		err := b.with(ctx, kind, func(s store) (err error) {
			perSecond, err = b.burst(ctx, s)
			return err
		})
		if err == nil {
			err = b.with(ctx, kind, func(s store) (err error) {
				began, sent, err = b.lateness(ctx, s)
				return err
			})
		}
		if err != nil {
			return t, fmt.Errorf("follow-ups by Run on %s: %w", kind, err)
		}
		t.add(kind, rate(perSecond), lasting(began.at(0.5)), lasting(began.at(0.99)), lasting(began.at(1)), lasting(sent.at(0.5)), lasting(sent.at(0.99)))
	}
	return t, nil
}

// ahead is a clock that is ahead of the system's.
type ahead struct{ by atomic.Int64 }

func (a *ahead) Now() time.Time { return time.Now().Add(time.Duration(a.by.Load())) }

// burst arms follow-ups by turns, lets the clock jump to where all are due,
// and measures until all were sent.
func (b *bench) burst(ctx context.Context, s store) (perSecond float64, err error) {
	clock := &ahead{}
	var sent atomic.Int64
	done := make(chan struct{})
	all := int64(b.fired)
	m, err := newMux(s, func(c *agent.Config) {
		c.Clock = clock
		c.Channel = channel{sent: func(agent.Outbound) {
			if sent.Add(1) == 2*all { // the reply, and the follow-up
				close(done)
			}
		}}
	})
	if err != nil {
		return 0, err
	}
	if _, err := share(workers, b.fired, func(i int) error { return handle(ctx, m, inbound(i, 0)) }); err != nil {
		return 0, err
	}
	clock.by.Store(int64(2*time.Hour + time.Minute))
	begun := time.Now()
	err = running(ctx, m, func() error {
		select {
		case <-done:
			return nil
		case <-time.After(answerLimit):
			return fmt.Errorf("perf: %d of %d follow-ups were not sent in %s", 2*all-sent.Load(), all, answerLimit)
		}
	})
	return float64(all) / time.Since(begun).Seconds(), err
}

// lateness lets Run fire follow-ups at their times, and measures how much
// later their turns began, and their messages were given to the channel.
func (b *bench) lateness(ctx context.Context, s store) (began, sent timing, err error) {
	people, err := open(ctx, s, b.timed)
	if err != nil {
		return began, sent, err
	}
	var (
		mu   sync.Mutex
		due  = map[string]time.Time{} // by conversation
		done = make(chan struct{}, 2*len(people))
		late = func(t *timing, conversation string, at time.Time) {
			mu.Lock()
			t.each = append(t.each, at.Sub(due[conversation]))
			mu.Unlock()
			done <- struct{}{}
		}
	)
	m, err := newMux(s, func(c *agent.Config) {
		c.Channel = channel{sent: func(o agent.Outbound) { late(&sent, o.ConversationID, time.Now()) }}
		c.OnTurn = func(t agent.Turn) { late(&began, t.ConversationID, t.Started) }
	})
	if err != nil {
		return began, sent, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	from := time.Now().Add(b.over / 2).UTC().Truncate(time.Microsecond)
	for _, p := range people {
		due["conversation-"+p.name] = from.Add(time.Duration(random.Int64N(int64(b.over))).Truncate(time.Microsecond))
	}
	_, err = share(workers, len(people), func(i int) error { return s.Commit(ctx, people[i].arms(due["conversation-"+people[i].name])) })
	if err != nil {
		return began, sent, err
	}
	err = running(ctx, m, func() error {
		for range cap(done) {
			select {
			case <-done:
			case <-time.After(answerLimit):
				return fmt.Errorf("perf: not all of %d follow-ups were sent %s after the last", len(people), answerLimit)
			}
		}
		return nil
	})
	slices.Sort(began.each)
	slices.Sort(sent.each)
	return began, sent, err
}
