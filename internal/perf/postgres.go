package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// connections is how many connections to PostgreSQL there are, for everyone.
const connections = 16

// database makes an empty database and returns its address.
func (b *bench) database(ctx context.Context) (dsn string, err error) {
	name, err := b.server.CreateDatabase(ctx, "")
	if err != nil {
		return "", err
	}
	return b.server.DSN(name), nil
}

// connect opens connections to a database.
func connect(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = connections
	return pgxpool.NewWithConfig(ctx, cfg)
}

// databaseOf is the name of the database at an address.
func databaseOf(dsn string) (string, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", err
	}
	return cfg.Database, nil
}

// databaseSize is what a database takes on disk.
func databaseSize(ctx context.Context, dsn string) (bytes float64, err error) {
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, err
	}
	// What the store wrote before it was armed stays behind as dead rows, which
	// the server takes away sooner or later, but not while it is looked at.
	_, err = c.Exec(ctx, `VACUUM`)
	if err == nil {
		err = c.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes)
	}
	return bytes, errors.Join(err, c.Close(ctx))
}

// ask sends one statement to a database and reads one value; nil: none.
func (b *bench) ask(ctx context.Context, database, sql string, into any) error {
	c, err := pgx.Connect(ctx, b.server.DSN(database))
	if err != nil {
		return err
	}
	if into == nil {
		_, err = c.Exec(ctx, sql)
	} else {
		err = c.QueryRow(ctx, sql).Scan(into)
	}
	return errors.Join(err, c.Close(ctx))
}

// drop removes a database, so that the next one finds the disk as this did.
func (b *bench) drop(ctx context.Context, dsn string) error {
	name, err := databaseOf(dsn)
	if err != nil {
		return err
	}
	return b.ask(ctx, "postgres", fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", pgx.Identifier{name}.Sanitize()), nil)
}

// limitsOfPostgres adds what PostgreSQL does by hand, and the store's share of
// it.
func (b *bench) limitsOfPostgres(ctx context.Context, t *table, ours []float64) error {
	var same, sameShares, rows, shares []figure
	for i, l := range b.levels {
		v, err := b.sameOnPostgres(ctx, l.conversations, l.commits)
		if err != nil {
			return err
		}
		same, sameShares = append(same, rate(v)), append(sameShares, ratio(ours[i]/v))
		if v, err = b.rowsOnPostgres(ctx, l.conversations, l.commits); err != nil {
			return err
		}
		rows, shares = append(rows, rate(v)), append(shares, ratio(ours[i]/v))
	}
	t.add("PostgreSQL: the same rows by hand, one transaction and one round trip each", same...)
	t.add("pgstore's share of that", sameShares...)
	t.add(fmt.Sprintf("PostgreSQL: one plain INSERT a transaction, %d connections", connections), rows...)
	t.add("pgstore's share of that", shares...)
	return nil
}

// handTables are what sameOnPostgres needs besides the tables of conversations:
// what is due.
const handTables = ownTables + `
CREATE TABLE tasks (conversation_id text PRIMARY KEY, due timestamptz NOT NULL, task text NOT NULL);
CREATE INDEX tasks_due ON tasks (due);
`

// sameOnPostgres writes what commitsOf writes by hand, in tables of its own.
func (b *bench) sameOnPostgres(ctx context.Context, conversations, commits int) (perSecond float64, err error) {
	err = b.inDatabase(ctx, func(pool *pgxpool.Pool) error {
		if _, err := pool.Exec(ctx, handTables); err != nil {
			return err
		}
		people, err := meet(ctx, pool, "", conversations)
		if err != nil {
			return err
		}
		t, err := together(conversations, max(commits/conversations, 1), func(w, _ int) error {
			var batch pgx.Batch
			id := people[w].accepted(&batch)
			task, err := json.Marshal(agent.Task{Kind: agent.TaskTurn, TurnID: "turn-" + id, Trigger: agent.Trigger{Kind: agent.TriggerInbound}})
			if err != nil {
				return err
			}
			batch.Queue(`INSERT INTO tasks (conversation_id, due, task) VALUES ($1, $2, $3)
				ON CONFLICT (conversation_id) DO UPDATE SET due = excluded.due, task = excluded.task`, "conversation-"+people[w].name, begin, string(task))
			return pool.SendBatch(ctx, &batch).Close()
		})
		perSecond = t.perSecond()
		return err
	})
	return perSecond, err
}

// rowsOnPostgres writes rows of a plain table, each in a transaction.
func (b *bench) rowsOnPostgres(ctx context.Context, conversations, commits int) (perSecond float64, err error) {
	err = b.inDatabase(ctx, func(pool *pgxpool.Pool) error {
		if _, err := pool.Exec(ctx, `CREATE TABLE small (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL, text text NOT NULL)`); err != nil {
			return err
		}
		t, err := together(conversations, max(commits/conversations, 1), func(w, i int) error {
			_, err := pool.Exec(ctx, `INSERT INTO small (id, text) VALUES ($1, $2)`, fmt.Sprintf("message-%d-%d", w, i), question)
			return err
		})
		perSecond = t.perSecond()
		return err
	})
	return perSecond, err
}

// inDatabase lets f use a database of its own.
func (b *bench) inDatabase(ctx context.Context, f func(pool *pgxpool.Pool) error) error {
	dsn, err := b.database(ctx)
	if err != nil {
		return err
	}
	pool, err := connect(ctx, dsn)
	if err != nil {
		return err
	}
	err = f(pool)
	pool.Close()
	return errors.Join(err, b.drop(ctx, dsn))
}
