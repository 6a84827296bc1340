package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

// open opens a store that is closed at the end of the test.
func open(t testing.TB, path string) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestKeepsTheContract(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		agenttest.TestStore(t, func(t *testing.T) agent.Store { return open(t, filepath.Join(t.TempDir(), "frontdesk.db")) })
	})
	t.Run("memory", func(t *testing.T) {
		agenttest.TestStore(t, func(t *testing.T) agent.Store { return open(t, sqlitestore.Memory) })
	})
}
