package world

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// I30: the same seed is the same trace on either store.
func TestStoresDoTheSame(t *testing.T) {
	for seed := range uint64(limit(t, 60)) {
		require.NoError(t, Differ(seed+1))
	}
}
