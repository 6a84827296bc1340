package agenttest

import (
	"path"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// A promise that a harness gives no means to test is skipped and says so: it
// must not look like one that was kept.
func TestSuitesSkipWhatTheyCannotTest(t *testing.T) {
	skipped := map[string]bool{}
	note := func(t *testing.T) {
		t.Cleanup(func() { skipped[path.Base(t.Name())] = t.Skipped() })
	}
	t.Run("suites", func(t *testing.T) {
		TestChannel(t, func(t *testing.T) ChannelHarness {
			note(t)
			// One that is not idempotent and cannot show that somebody types.
			c := &RecordingChannel{}
			return ChannelHarness{Channel: struct{ agent.Channel }{c}, Delivered: func() []agent.Outbound { return c.Delivered() }}
		})
		TestLLM(t, func(t *testing.T) LLMHarness {
			note(t)
			return LLMHarness{LLM: Script(nil, Say("Hello.").Times(-1))}
		})
		TestDesk(t, func(t *testing.T) DeskHarness {
			note(t)
			return DeskHarness{Store: newBentDesk()}
		})
	})
	for _, name := range []string{"one-attempt", "rejected", "not-sent", "idempotent", "idempotent-lost", "typing", "usage", "rate_limit", "bytes", "bytes-among"} {
		assert.True(t, skipped[name], name)
	}
	for _, name := range []string{"send", "order", "concurrency", "cancelled_before", "everything", "fences"} {
		was, ran := skipped[name]
		assert.True(t, ran && !was, name)
	}
}
