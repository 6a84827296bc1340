package pgstore

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
	"github.com/seed-a71cb1d8/frontdesk/internal/storediff"
)

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

// schemas gives stores in one database, each in a schema of its own: they are
// made sooner than databases.
func schemas(t *testing.T) func(t *testing.T) *Store {
	dsn, n := pgtest.DSN(t), 0
	return func(t *testing.T) *Store {
		t.Helper()
		n++
		return opened(t, dsn, &Options{Schema: fmt.Sprintf("store %d", n)})
	}
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
// in those modes.
func together(t *testing.T, one, other string) func(t *testing.T) agent.Store {
	dsn, n := pgtest.DSN(t), 0
	return func(t *testing.T) agent.Store {
		t.Helper()
		n++
		o := &Options{Schema: fmt.Sprintf("store %d", n)}
		return &programs{stores: [2]*Store{opened(t, inMode(t, dsn, one), o), opened(t, inMode(t, dsn, other), o)}}
	}
}

// What is promised of a store is promised of several on one database.
func TestStore(t *testing.T) { agenttest.TestStore(t, together(t, "", "")) }

// A pooler may allow no prepared statements, or nothing but plain text: what
// is promised is promised without them.
func TestWithoutPreparedStatements(t *testing.T) {
	agenttest.TestStore(t, together(t, "exec", "simple_protocol"))
	t.Run("desk", func(t *testing.T) {
		dsn, n := inMode(t, pgtest.DSN(t), "simple_protocol"), 0
		agenttest.TestDesk(t, func(t *testing.T) agenttest.DeskHarness {
			n++
			return agenttest.DeskHarness{Store: opened(t, dsn, &Options{Schema: fmt.Sprintf("desk %d", n), PurgeLater: true})}
		})
	})
}

// Whatever happens, this store answers as the reference does.
func TestAnswersAsTheReference(t *testing.T) {
	next := schemas(t)
	storediff.Test(t, func(t *testing.T) agent.Store { return next(t) })
}
