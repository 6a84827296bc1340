package pgstore

import (
	"fmt"
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

func TestStore(t *testing.T) {
	next := schemas(t)
	agenttest.TestStore(t, func(t *testing.T) agent.Store { return next(t) })
}

// Whatever happens, this store answers as the reference does.
func TestAnswersAsTheReference(t *testing.T) {
	next := schemas(t)
	storediff.Test(t, func(t *testing.T) agent.Store { return next(t) })
}
