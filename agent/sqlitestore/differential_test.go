package sqlitestore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/storediff"
)

// Whatever happens, this store answers as the reference does.
func TestAnswersAsTheReference(t *testing.T) {
	storediff.Test(t, func(t *testing.T) agent.Store {
		s, err := Open(Memory, nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	})
}
