package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Store is an [agent.Store] in a PostgreSQL database. It is safe for
// concurrent use. Make one with [Open].
type Store struct {
	pool   *pgxpool.Pool
	schema string
	sql    []string // of each statement, in this store's schema
	later  bool     // Options.PurgeLater
	notify bool     // Options.Notify
	herald *herald
	group  group
	// open ends with Close, which calls shut.
	open context.Context
	shut context.CancelFunc
}

var _ agent.Store = (*Store)(nil)

// Options are what [Open] may be told. The zero value is good.
type Options struct {
	// Schema is the schema that the store makes and keeps its tables in. Empty:
	// "frontdesk".
	Schema string
	// Connections is how many connections there are at most. Each is used by
	// one call at a time, for as long as the database takes, never while a
	// model thinks. 0: pool_max_conns of the DSN, or else 16.
	Connections int
	// Notify tells the other programs on the database at once when there is
	// work for them (LISTEN and NOTIFY), and lets Run hear of theirs, so that
	// none waits for Timeouts.Poll. All programs that share the database have
	// to set it. It costs a round trip for each message that comes in, and one
	// more connection for each Run.
	Notify bool
	// PurgeLater lets Delete return when its transaction is done, and leaves
	// the bytes of what was deleted to the next [Store.Purge]: for tables so
	// large that nobody can wait while they are written anew.
	PurgeLater bool
}

// Open connects to a database, makes the schema if it is not there, and brings
// it up to date. The DSN is a URL or a list of settings, as pgx takes them:
// see pgxpool.ParseConfig. Open refuses a schema that a newer version of this
// package has used, and one of another program. A nil o is the zero Options.
func Open(ctx context.Context, dsn string, o *Options) (*Store, error) {
	s, err := open(ctx, dsn, o, migrations)
	if err != nil {
		return nil, fmt.Errorf("pgstore: open: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, dsn string, o *Options, steps []string) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Store{schema: o.Schema, later: o.PurgeLater, notify: o.Notify, herald: newHerald()}
	if s.schema == "" {
		s.schema = defaultSchema
	}
	switch {
	case o.Connections < 0:
		return nil, errors.New("Options.Connections is not negative: use 0 for the default")
	case len(s.schema) > 63 || strings.HasPrefix(s.schema, "pg_") || strings.ContainsAny(s.schema, "\x00'\"$\\.?"):
		return nil, fmt.Errorf("Options.Schema cannot be %q: up to 63 bytes, not beginning with pg_, without quotes, dots, dollar and question marks", s.schema)
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Connections > 0:
		config.MaxConns = int32(min(o.Connections, 10_000))
	case !strings.Contains(dsn, "pool_max_conns"):
		config.MaxConns = 16
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, settings)
		return err
	}
	for _, st := range statements {
		s.sql = append(s.sql, qualified(st.sql, s.schema))
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	err = s.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if err := migrate(ctx, c.Conn(), s.schema, steps); err != nil {
			return fmt.Errorf("schema %s: %w", s.schema, err)
		}
		return nil
	})
	if err != nil {
		s.pool.Close()
		return nil, err
	}
	s.open, s.shut = context.WithCancel(context.Background())
	return s, nil
}

// settings prepare a connection. Every statement of the package goes by an
// index; which one is known here, and not to a planner that guesses from
// statistics of yesterday how many rows there are. There are no bitmaps: they
// do not mark the entries of dead rows, so that each commit of a busy
// conversation would read more of them until the next vacuum. A commit that was
// acknowledged is on the disk, and text and bytes come as they are read here,
// whatever the database's defaults.
const settings = `SELECT set_config(name, value, false) FROM (VALUES
	('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off'),
	('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'),
	('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('jit', 'off'),
	('bytea_output', 'hex'), ('standard_conforming_strings', 'on'),
	('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END)) s(name, value)`

// Close ends Wake, waits until everything else that was begun has ended, and
// closes the connections. Afterwards every method returns an error. Closing again does
// nothing.
func (s *Store) Close() error {
	s.shut()
	s.pool.Close()
	return nil
}

// batch is a list of statements that are sent together.
type batch struct {
	s     *Store
	calls []call
}

// call is one statement of a batch.
type call struct {
	sql  string
	args []any
	each func(r *row) // is called for every row; nil: nobody reads them
}

func (s *Store) batch() *batch { return &batch{s: s} }

// do adds a statement whose rows nobody reads.
func (b *batch) do(st *statement, args ...any) { b.query(st, args, nil) }

// query adds a statement and calls each for every row.
func (b *batch) query(st *statement, args []any, each func(r *row)) {
	b.send(b.s.sql[st.n], args, each)
}

// send is query with SQL that was written for the occasion.
func (b *batch) send(sql string, args []any, each func(r *row)) {
	b.calls = append(b.calls, call{sql, args, each})
}

// enclose puts a statement before the others and one after them; nil: none.
func (b *batch) enclose(before, after *statement) {
	inner := b.calls
	b.calls = nil
	b.do(before)
	b.calls = append(b.calls, inner...)
	if after != nil {
		b.do(after)
	}
}

// connection is what a batch is sent on: a pool or a connection.
type connection interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// run sends a batch in one round trip. Without a BEGIN of its own it is one
// transaction, which is committed before run returns.
func (b *batch) run(ctx context.Context, c connection) error {
	_, err := b.try(ctx, c)
	return translate(err)
}

// try is run with the error as the driver has it, and with how many calls were
// done before it: all of them, if it was the commit that failed.
func (b *batch) try(ctx context.Context, c connection) (done int, err error) {
	var sent pgx.Batch
	for i := range b.calls {
		sent.Queue(b.calls[i].sql, b.calls[i].args...)
	}
	results := c.SendBatch(ctx, &sent)
	done, err = b.results(results)
	// The commit comes last: only now the outcome is known.
	if cerr := results.Close(); err == nil {
		err = cerr
	}
	return done, err
}

func (b *batch) results(results pgx.BatchResults) (done int, err error) {
	for i := range b.calls {
		if err := b.calls[i].result(results); err != nil {
			return i, err
		}
	}
	return len(b.calls), nil
}

// result takes the next result, which is that of the call.
func (c *call) result(results pgx.BatchResults) error {
	if c.each == nil {
		_, err := results.Exec()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	r := &row{}
	for rows.Next() {
		r.values, r.fields, r.at = rows.RawValues(), rows.FieldDescriptions(), 0
		if c.each(r); r.err != nil {
			return r.err
		}
	}
	rows.Close() // tells of an error that came after the last row
	return rows.Err()
}

// The codes that the SQL of the package raises.
const (
	codeFenced    = "FD001"
	codeDuplicate = "FD002"
	codeConflict  = "FD003"
	codeMisuse    = "FD004"
)

// translate gives an error of the database the meaning that the contract has
// for it.
func translate(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	what := strings.TrimPrefix(e.Message, "frontdesk: ")
	switch e.Code {
	case codeFenced:
		return fmt.Errorf("%s: %w", what, agent.ErrFenced)
	case codeDuplicate:
		return fmt.Errorf("%s: %w", what, agent.ErrDuplicate)
	case codeConflict:
		return fmt.Errorf("%s: %w", what, agent.ErrConflict)
	case codeMisuse:
		return errors.New(what)
	case "23505": // unique_violation: a key that was free when it was read
		return fmt.Errorf("%s is taken: %w", e.ConstraintName, agent.ErrConflict)
	}
	return err
}

// retries is how often a transaction is tried again that another one pushed
// aside.
const retries = 5

// retry runs a transaction again that the database rolled back for the sake
// of another one: of it nothing is left.
func retry(f func() error) error {
	var err error
	for range retries {
		err = f()
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "40P01" && e.Code != "40001" { // deadlock_detected, serialization_failure
			return err
		}
	}
	return fmt.Errorf("%w (%w)", agent.ErrConflict, err)
}
