package pgstore

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

func TestDesk(t *testing.T) {
	s := temporary(t, nil)
	agenttest.TestDesk(t, func(t *testing.T) agenttest.DeskHarness {
		s.empty(t)
		h := agenttest.DeskHarness{Store: s}
		if server := pgtest.Shared(); server != nil {
			h.Bytes = func() []byte { return files(t, s, server) }
		}
		return h
	})
}

// files is all that the server keeps, but for other databases and for the
// write-ahead log, which remembers everything for a while.
func files(t *testing.T, s *Store, server *pgtest.Server) []byte {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), "ANALYZE") // what the planner keeps counts too
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), "CHECKPOINT")
	require.NoError(t, err)
	var database string
	require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT oid::text FROM pg_database WHERE datname = current_database()").Scan(&database))
	var all bytes.Buffer
	err = filepath.WalkDir(server.DataDir(), func(path string, d fs.DirEntry, err error) error {
		other := strings.Contains(path, "/base/") && !strings.Contains(path, "/base/"+database+"/") || strings.Contains(path, "/pg_wal/")
		if os.IsNotExist(err) || err == nil && (!d.Type().IsRegular() || other) {
			return nil // a server removes files as it goes
		}
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		all.Write(data)
		return nil
	})
	require.NoError(t, err)
	return all.Bytes()
}
