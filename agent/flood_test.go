package agent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// I2: a flood of messages is one turn of bounded size, and answered once.
func TestAFloodOfMessagesIsBounded(t *testing.T) {
	var size, count int
	k := newKit(t, agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		count = len(req.Messages)
		for _, m := range req.Messages {
			size += len(m.Text)
		}
		return &agent.Response{Text: "ok"}, nil
	}))
	big := strings.Repeat("x", 60<<10)
	for i := range 3000 {
		if i < 100 {
			k.accept(big)
		} else {
			k.accept("hello")
		}
	}
	k.pass(time.Minute)
	assert.Less(t, count, 300)
	assert.Less(t, size, 1<<20)
	assert.Equal(t, []string{"ok"}, k.sent())
	assert.Empty(t, k.view().Waiting)
}
