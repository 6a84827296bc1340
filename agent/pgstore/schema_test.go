package pgstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

func (s *Store) value(t *testing.T, sql string, args ...any) (out string) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(t.Context(), sql, args...).Scan(&out))
	return out
}

func TestMigrations(t *testing.T) {
	dsn := pgtest.DSN(t)
	first := "CREATE TABLE frontdesk.one (a text)"
	second := "CREATE TABLE frontdesk.two (b text); INSERT INTO frontdesk.one VALUES ('seen')"
	version := func(steps ...string) (*Store, error) { return open(context.Background(), dsn, nil, steps) }

	s, err := version(first)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for range 2 { // the second time there is nothing to do
		s, err = version(first, second)
		require.NoError(t, err)
		assert.Equal(t, "1", s.value(t, "SELECT count(*)::text FROM frontdesk.one"))
		require.NoError(t, s.Close())
	}
	_, err = version(first)
	require.ErrorContains(t, err, "schema frontdesk: its version is 2 and this program knows versions up to 1: a newer program has used it")

	_, err = version(first, second, "CREATE TABLE frontdesk.three (c text); CREATE TABLE frontdesk.one (a text)")
	require.ErrorContains(t, err, "migration 3")
	s, err = version(first, second, "CREATE TABLE frontdesk.three (c text)")
	require.NoError(t, err, "of a migration that failed nothing is left")
	require.NoError(t, s.Close())
}

// What an older version of the schema holds is there after each later step.
func TestOlderSchemaIsBroughtUp(t *testing.T) {
	dsn := pgtest.DSN(t)
	for version := 1; version < len(migrations); version++ {
		o := &Options{Schema: fmt.Sprint("version ", version)}
		old, err := open(t.Context(), dsn, o, migrations[:version])
		require.NoError(t, err)
		begin(t, old, "a", agent.Task{Kind: agent.TaskTurn, Due: start})
		require.NoError(t, old.Commit(t.Context(), storebench.Inbound("a", 1)))
		require.NoError(t, old.Close())
		e, err := opened(t, dsn, o).Export(t.Context(), "contact-a")
		require.NoError(t, err)
		require.Len(t, e.Conversations, 1)
		assert.Equal(t, storebench.Inbound("a", 1).Messages, e.Conversations[0].Messages)
		assert.Len(t, e.Conversations[0].Tasks, 1)
	}
}

func TestOpenRefuses(t *testing.T) {
	dsn := pgtest.DSN(t)
	s := opened(t, dsn, nil)
	_, err := s.pool.Exec(t.Context(), "CREATE SCHEMA other; CREATE TABLE other.t (a int)")
	require.NoError(t, err)
	for _, test := range []struct {
		dsn     string
		options *Options
		want    string
	}{
		{"postgres://%", nil, "cannot parse"},
		{"postgres://a:b@127.0.0.1:1/c", nil, "failed to connect"},
		{dsn, &Options{Connections: -1}, "Options.Connections"},
		{dsn, &Options{Schema: "pg_mine"}, `Options.Schema cannot be "pg_mine"`},
		{dsn, &Options{Schema: `a"b`}, "Options.Schema cannot be"},
		{dsn, &Options{Schema: strings.Repeat("x", 64)}, "Options.Schema cannot be"},
		{dsn, &Options{Schema: "other"}, "schema other: it has tables of another program: give Options.Schema a name of its own"},
	} {
		s, err := Open(t.Context(), test.dsn, test.options)
		require.ErrorContains(t, err, test.want)
		assert.ErrorContains(t, err, "pgstore: open: ")
		assert.NotContains(t, err.Error(), "a:b@", "no password in an error")
		assert.Nil(t, s)
	}
}

// Several programs start at once on a database that knows nothing of us.
func TestOpenAtOnce(t *testing.T) {
	dsn := pgtest.DSN(t)
	var all sync.WaitGroup
	stores, errs := make([]*Store, 6), make([]error, 6)
	for i := range stores {
		all.Go(func() { stores[i], errs[i] = Open(t.Context(), dsn, nil) })
	}
	all.Wait()
	for i, s := range stores {
		require.NoError(t, errs[i])
		begin(t, s, fmt.Sprint(i))
		v, err := stores[0].Load(t.Context(), agent.Query{ConversationID: fmt.Sprint(i)})
		require.NoError(t, err)
		assert.NotNil(t, v.Conversation)
	}
	for _, s := range stores {
		require.NoError(t, s.Close())
	}
	_, err := stores[0].Load(t.Context(), agent.Query{ConversationID: "0"})
	require.ErrorContains(t, err, "pgstore: load: ", "it is closed")
}

// Two schemas of one database know nothing of each other, and a role needs no
// more than a schema of its own.
func TestSchemas(t *testing.T) {
	dsn := pgtest.DSN(t)
	one := opened(t, dsn, nil)
	two := opened(t, dsn, &Options{Schema: "Tenant 2; ü"})
	begin(t, one, "a")
	begin(t, two, "b")
	for id, there := range map[string]*Store{"a": one, "b": two} {
		for _, s := range []*Store{one, two} {
			v, err := s.Load(t.Context(), agent.Query{ConversationID: id})
			require.NoError(t, err)
			assert.Equal(t, s == there, v.Conversation != nil, id)
		}
	}
	assert.Equal(t, "0", one.value(t, "SELECT count(*)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"))
}

// What a connection has to be like does not depend on the database's defaults.
func TestSettings(t *testing.T) {
	dsn := pgtest.DSN(t)
	first := opened(t, dsn, nil)
	for _, set := range []string{
		"synchronous_commit = off", "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on", "bytea_output = 'escape'",
		"standard_conforming_strings = off",
	} {
		_, err := first.pool.Exec(t.Context(), "ALTER DATABASE "+first.value(t, "SELECT current_database()")+" SET "+set)
		require.NoError(t, err)
	}
	s := opened(t, dsn, nil)
	assert.Equal(t, "on", s.value(t, "SHOW synchronous_commit"), "an acknowledged commit is on the disk")
	assert.Equal(t, "read committed", s.value(t, "SHOW transaction_isolation"))
	data := []byte("\\'\xff\x00")
	for _, mode := range []string{"", "exec", "simple_protocol"} {
		s, id := opened(t, inMode(t, dsn, mode), nil), `\'`+mode
		begin(t, s, id)
		c := storebench.Inbound(id, 1)
		c.Journal = []agent.Entry{{TurnID: "t", N: 1, Data: data}}
		require.NoError(t, s.Commit(t.Context(), c), mode)
		v, err := s.Load(t.Context(), agent.Query{ConversationID: id, History: 1, TurnID: "t"})
		require.NoError(t, err, mode)
		assert.Equal(t, c.Messages, v.History, mode)
		require.Len(t, v.Journal, 1, mode)
		assert.Equal(t, data, v.Journal[0].Data, mode)
	}
}

// A value that is not what it should be is an error that says so, and no
// panic.
func TestDamagedRows(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a", agent.Task{Kind: agent.TaskTurn, Due: start})
	require.NoError(t, s.Commit(t.Context(), storebench.Inbound("a", 1)))
	require.NoError(t, s.Commit(t.Context(), answered("a", 2, nil)))
	all := agent.Query{ConversationID: "a", History: 9, Turns: true, Tasks: true}
	v, err := s.Load(t.Context(), all)
	require.NoError(t, err)
	require.Len(t, v.Turns, 1)
	for _, damage := range []string{
		"UPDATE frontdesk.lanes SET tasks = jsonb_build_object('send', jsonb_build_object('d', 1, 'a', 1, 't', '[]'))",
		"UPDATE frontdesk.turns SET record = 'x'", "UPDATE frontdesk.contacts SET tags = '7'",
	} {
		_, err := s.pool.Exec(t.Context(), damage)
		require.NoError(t, err)
		_, err = s.Load(t.Context(), all)
		require.ErrorContains(t, err, "cannot be read", damage)
	}
	_, err = s.pool.Exec(t.Context(), "UPDATE frontdesk.lanes SET tasks = '{}', due = 1")
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), agent.ClaimQuery{Now: start, Until: start.Add(1e9), Max: 1})
	require.ErrorContains(t, err, "pgstore: claim: ")
}
