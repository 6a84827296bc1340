package memstore_test

import (
	"testing"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

func TestStore(t *testing.T) {
	agenttest.TestStore(t, func(*testing.T) agent.Store { return memstore.New() })
}
