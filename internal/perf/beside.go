package main

import (
	"context"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// beside compares pgstore with river on the same server.
func (b *bench) beside(ctx context.Context) (table, error) {
	t := table{title: "River beside pgstore, on one PostgreSQL", columns: []string{"a second", inPostgres, "river", "times", inSQLite}}
	add := func(name string, ours, theirs, file float64) {
		f := none
		if b.has(inSQLite) {
			f = rate(file)
		}
		t.add(name, rate(ours), rate(theirs), ratio(ours/theirs), f)
	}
	dsn, err := b.database(ctx)
	if err != nil {
		return t, err
	}
	r, err := openRiver(ctx, dsn)
	if err != nil {
		return t, fmt.Errorf("river: %w", err)
	}
	defer r.pool.Close()
	b.say("turns on river")
	theirs, err := b.riverTurns(ctx, r, b.active)
	if err != nil {
		return t, fmt.Errorf("turns on river: %w", err)
	}
	b.say("turns on pgstore")
	ours, err := b.shortTurns(ctx, inPostgres, b.active)
	if err != nil {
		return t, fmt.Errorf("turns on pgstore: %w", err)
	}
	file := 0.0
	if b.has(inSQLite) {
		if file, err = b.shortTurns(ctx, inSQLite, b.active); err != nil {
			return t, fmt.Errorf("turns on sqlitestore: %w", err)
		}
	}
	add("a turn: message accepted, claimed, answer committed", ours, theirs, file)
	scheduled := 0
	for _, n := range b.pending {
		b.say("river with %d scheduled", n)
		theirs, err := b.riverWith(ctx, r, n-scheduled)
		if err != nil {
			return t, fmt.Errorf("river with %d scheduled: %w", n, err)
		}
		scheduled = n
		ours, file, with := b.found[inPostgres][n], b.found[inSQLite][n], fmt.Sprintf(", %s wait", thousands(float64(n)))
		add("scheduled"+with, ours.armed, theirs.armed, file.armed)
		add("cancelled"+with, ours.cancelled, theirs.cancelled, file.cancelled)
		add("worked, with a message and a record"+with, ours.fired, theirs.fired, file.fired)
		add("worked, with nothing to do"+with, ours.bare, theirs.bare, file.bare)
	}
	return t, nil
}

// shortTurns is how many turns of two commits a store does in a second:
// messages are accepted while earlier ones are claimed and answered.
func (b *bench) shortTurns(ctx context.Context, kind string, n int) (perSecond float64, err error) {
	err = b.with(ctx, kind, func(s store) error {
		people, err := open(ctx, s, n)
		if err != nil {
			return err
		}
		known := crowdOf(people)
		wake := make(chan struct{}, 1)
		accepted := make(chan error, 1)
		go func() {
			_, err := share(atOnce, n, func(i int) error {
				err := s.Commit(ctx, people[i].writes())
				select {
				case wake <- struct{}{}:
				default:
				}
				return err
			})
			accepted <- err
		}()
		t, err := work(ctx, s, begin, n, wake, func(t agent.ClaimedTask) error {
			return s.Commit(ctx, known[t.ConversationID].ends(t, reply))
		})
		if aerr := <-accepted; err == nil {
			err = aerr
		}
		perSecond = t.perSecond()
		return err
	})
	return perSecond, err
}
