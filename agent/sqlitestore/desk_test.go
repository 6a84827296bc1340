package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

func TestKeepsTheContractOfADesk(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		agenttest.TestDesk(t, func(t *testing.T) agenttest.DeskHarness {
			dir := t.TempDir()
			s := open(t, filepath.Join(dir, "frontdesk.db"))
			return agenttest.DeskHarness{Store: s, Bytes: func() []byte { return everyByte(t, dir) }}
		})
	})
	t.Run("memory", func(t *testing.T) {
		agenttest.TestDesk(t, func(t *testing.T) agenttest.DeskHarness {
			return agenttest.DeskHarness{Store: open(t, sqlitestore.Memory)}
		})
	})
}

// everyByte reads all files of a directory: the store's, its WAL, its index of
// the WAL.
func everyByte(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var out []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		out = append(out, data...)
	}
	return out
}
