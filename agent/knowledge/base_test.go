package knowledge

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// temporary opens a base in a file that is gone with the test.
func temporary(t *testing.T, o *Options) *Base {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "knowledge.db"), o)
}

func reopen(t *testing.T, path string, o *Options) *Base {
	t.Helper()
	b, err := Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return b
}

// S12.1, S12.2
func TestConformance(t *testing.T) {
	for name, path := range map[string]func(t *testing.T) string{
		"file":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "a b%20c?#.db") },
		"memory": func(*testing.T) string { return Memory },
	} {
		t.Run(name, func(t *testing.T) {
			agenttest.TestKnowledge(t, func(t *testing.T, docs []agenttest.KnowledgeDocument) agent.Knowledge {
				b := reopen(t, path(t), nil)
				for _, d := range docs {
					require.NoError(t, b.Put(context.Background(), []Document{{Source: d.Source, Format: Text, Data: []byte(d.Text)}}, nil))
				}
				return b
			})
		})
	}
}
