package main

import (
	"context"
	"fmt"
)

// commits measures one commit of a store beside what the disk and the
// database allow.
func (b *bench) commits(ctx context.Context) (table, error) {
	t := table{title: "Commits, and their limit", columns: []string{"a second"}}
	for _, l := range b.levels {
		t.columns = append(t.columns, fmt.Sprintf("%d at once", l.conversations))
	}
	for _, kind := range b.kinds {
		ours := make([]float64, 0, len(b.levels))
		var figures []figure
		for _, l := range b.levels {
			b.say("commits on %s, %d conversations at once", kind, l.conversations)
			v, err := b.commitsOf(ctx, kind, l.conversations, l.commits)
			if err != nil {
				return t, fmt.Errorf("commits on %s: %w", kind, err)
			}
			ours, figures = append(ours, v), append(figures, rate(v))
		}
		t.add(kind+": message accepted (one commit)", figures...)
		limits := map[string]func(context.Context, *table, []float64) error{inSQLite: b.limitsOfSQLite, inPostgres: b.limitsOfPostgres}
		if f := limits[kind]; f != nil {
			if err := f(ctx, &t, ours); err != nil {
				return t, fmt.Errorf("limits of %s: %w", kind, err)
			}
		}
	}
	return t, nil
}

// commitsOf is how many messages a second a store accepts.
func (b *bench) commitsOf(ctx context.Context, kind string, conversations, commits int) (perSecond float64, err error) {
	err = b.with(ctx, kind, func(s store) error {
		people, err := open(ctx, s, conversations)
		if err != nil {
			return err
		}
		t, err := together(conversations, max(commits/conversations, 1), func(w, _ int) error { return s.Commit(ctx, people[w].writes()) })
		perSecond = t.perSecond()
		return err
	})
	return perSecond, err
}

// open makes people known to a store.
func open(ctx context.Context, s store, n int) ([]*person, error) {
	people := make([]*person, n)
	_, err := share(min(n, 64), n, func(i int) error {
		people[i] = &person{name: fmt.Sprint(i)}
		return s.Commit(ctx, people[i].opening())
	})
	return people, err
}

// limitsOfSQLite adds what SQLite does by hand, and the store's share of it.
func (b *bench) limitsOfSQLite(ctx context.Context, t *table, ours []float64) error {
	var same, shares, rows, alone []figure
	for i, l := range b.levels {
		v, err := b.sameOnSQLite(ctx, l.conversations, l.commits)
		if err != nil {
			return err
		}
		same, shares = append(same, rate(v)), append(shares, ratio(ours[i]/v))
		if v, err = b.rowsOnSQLite(ctx, l.conversations, l.commits); err != nil {
			return err
		}
		rows, alone = append(rows, rate(v)), append(alone, ratio(ours[i]/v))
	}
	t.add("SQLite: the same statements by hand, one transaction for all at once", same...)
	t.add("sqlitestore's share of that", shares...)
	t.add("SQLite: one plain INSERT each, one transaction for all at once", rows...)
	t.add("sqlitestore's share of that", alone...)
	return nil
}

// sameOnSQLite writes what commitsOf writes by hand.
func (b *bench) sameOnSQLite(ctx context.Context, conversations, commits int) (perSecond float64, err error) {
	p, err := b.newPlace(ctx, inSQLite)
	if err != nil {
		return 0, err
	}
	s, err := p.open(ctx)
	if err != nil {
		return 0, err
	}
	people, err := open(ctx, s, conversations)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, err
	}
	return b.byHand(ctx, p, max(commits/conversations, 1), conversations, func(db *plainSQLite, w int) error { return db.accept(people[w].writes()) })
}

// rowsOnSQLite writes rows of a plain table.
func (b *bench) rowsOnSQLite(ctx context.Context, conversations, commits int) (perSecond float64, err error) {
	p, err := b.newPlace(ctx, inSQLite)
	if err != nil {
		return 0, err
	}
	db, err := openPlainSQLite(ctx, p.at)
	if err != nil {
		return 0, err
	}
	_, err = db.rows(smallTable)
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, err
	}
	n := 0
	return b.byHand(ctx, p, max(commits/conversations, 1), conversations, func(db *plainSQLite, _ int) error {
		n++
		_, err := db.rows(smallInsert, fmt.Sprint("message-", n), question)
		return err
	})
}

// byHand does something n times in each of so many transactions, and removes
// the file.
func (b *bench) byHand(ctx context.Context, p place, transactions, n int, do func(db *plainSQLite, w int) error) (perSecond float64, err error) {
	db, err := openPlainSQLite(ctx, p.at)
	if err != nil {
		return 0, err
	}
	t, err := together(1, transactions, func(int, int) error {
		return db.together(func() error {
			for w := range n {
				if err := do(db, w); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if rerr := b.remove(ctx, p); err == nil {
		err = rerr
	}
	return t.perSecond() * float64(n), err
}
