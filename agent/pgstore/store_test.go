package pgstore

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
	"github.com/seed-a71cb1d8/frontdesk/internal/storediff"
)

// patience is how long to wait for what comes by itself, on a machine however
// busy, before a test would wait for ever.
const patience = 5 * time.Minute

// opened opens a store that is closed when the test ends.
func opened(t testing.TB, dsn string, o *Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// temporary opens a store in a database of its own.
func temporary(t testing.TB, o *Options) *Store {
	t.Helper()
	return opened(t, pgtest.DSN(t), o)
}

// empty takes every row out of a store, as if it had just been made: that is
// sooner done than to make one, and the statements stay prepared.
func (s *Store) empty(t *testing.T) {
	t.Helper()
	tables := s.value(t, `SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
		WHERE schemaname = $1 AND tablename NOT IN ('schema_version', 'load_version', 'purge')`, s.schema)
	_, err := s.pool.Exec(t.Context(), "TRUNCATE "+tables)
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), qualified(`WITH p AS (UPDATE frontdesk.purge SET wanted = 0, done = 0, transaction = NULL)
		UPDATE frontdesk.load_version SET version = 0`, s.schema))
	require.NoError(t, err)
}

// programs are the stores of two programs on one database: each call goes to
// the other one.
type programs struct {
	stores [2]*Store
	calls  atomic.Int64
}

func (p *programs) next() *Store { return p.stores[p.calls.Add(1)%2] }

func (p *programs) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	return p.next().Load(ctx, q)
}

func (p *programs) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	return p.next().Claim(ctx, q)
}

func (p *programs) Append(ctx context.Context, a agent.Append) error { return p.next().Append(ctx, a) }

func (p *programs) Commit(ctx context.Context, c agent.Commit) error { return p.next().Commit(ctx, c) }

// inMode is an address with pgx's default_query_exec_mode; empty: pgx's own.
func inMode(t *testing.T, dsn, mode string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	if mode != "" {
		q := u.Query()
		q.Set("default_query_exec_mode", mode)
		u.RawQuery = q.Encode()
	}
	return u.String()
}

// together gives the stores of two programs on one database, which talk to it
// in those modes. They are the same each time, and empty.
func together(t *testing.T, one, other string) func(t *testing.T) agent.Store {
	dsn := pgtest.DSN(t)
	o := &Options{Schema: "store 1"}
	p := &programs{stores: [2]*Store{opened(t, inMode(t, dsn, one), o), opened(t, inMode(t, dsn, other), o)}}
	return func(t *testing.T) agent.Store {
		t.Helper()
		p.stores[0].empty(t)
		return p
	}
}

// What is promised of a store is promised of several on one database.
func TestStore(t *testing.T) { agenttest.TestStore(t, together(t, "", "")) }

// A pooler may allow no prepared statements, or nothing but plain text: what
// is promised is promised without them.
func TestWithoutPreparedStatements(t *testing.T) {
	agenttest.TestStore(t, together(t, "exec", "simple_protocol"))
	t.Run("desk", func(t *testing.T) {
		s := opened(t, inMode(t, pgtest.DSN(t), "simple_protocol"), &Options{PurgeLater: true})
		agenttest.TestDesk(t, func(t *testing.T) agenttest.DeskHarness {
			s.empty(t)
			return agenttest.DeskHarness{Store: s}
		})
	})
}

// Whatever happens, this store answers as the reference does.
func TestAnswersAsTheReference(t *testing.T) {
	s := temporary(t, nil)
	storediff.Test(t, func(t *testing.T) agent.Store {
		s.empty(t)
		return s
	})
}
