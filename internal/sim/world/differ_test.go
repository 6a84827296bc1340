package world

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/internal/race"
)

// I30: the same seed is the same trace on either store.
func TestStoresDoTheSame(t *testing.T) {
	usual := 60
	if race.On {
		usual = 15
	}
	for seed := range uint64(limit(t, usual)) {
		require.NoError(t, Differ(seed+1))
	}
}
