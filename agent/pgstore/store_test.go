package pgstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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

// What is promised of a store is promised of several on one database.
func TestStore(t *testing.T) {
	next := schemas(t)
	agenttest.TestStore(t, func(t *testing.T) agent.Store {
		one := next(t)
		return &programs{stores: [2]*Store{one, opened(t, one.pool.Config().ConnString(), &Options{Schema: one.schema})}}
	})
}

// A pooler may allow no prepared statements.
func TestWithoutPreparedStatements(t *testing.T) {
	s := opened(t, pgtest.DSN(t)+"&default_query_exec_mode=exec", nil)
	begin(t, s, "a", agent.Task{Kind: agent.TaskTurn, Due: start})
	require.NoError(t, s.Commit(t.Context(), received("a", 1)))
	require.ErrorIs(t, s.Commit(t.Context(), received("a", 1)), agent.ErrDuplicate)
	got, err := s.Claim(t.Context(), agent.ClaimQuery{Now: start.Add(time.Hour), Until: start.Add(2 * time.Hour), Max: 1})
	require.NoError(t, err)
	require.Len(t, got.Tasks, 1)
	fence := got.Tasks[0].Fence
	entry := agent.Entry{TurnID: "t", N: 1, At: start, Data: []byte{0, 1, 255}}
	require.NoError(t, s.Append(t.Context(), agent.Append{Fence: fence, Rows: []agent.Entry{entry}}))
	require.NoError(t, s.Commit(t.Context(), answered("a", 2, &fence)))
	v, err := s.Load(t.Context(), agent.Query{ConversationID: "a", History: 5, Turns: true, Outbox: true, TurnID: "t", Tasks: true})
	require.NoError(t, err)
	assert.Equal(t, []agent.Entry{entry}, v.Journal)
	assert.Len(t, v.History, 2)
	assert.Len(t, v.Turns, 1)
	assert.Equal(t, agent.TaskSend, v.Tasks[0].Kind)
}

// Whatever happens, this store answers as the reference does.
func TestAnswersAsTheReference(t *testing.T) {
	next := schemas(t)
	storediff.Test(t, func(t *testing.T) agent.Store { return next(t) })
}
