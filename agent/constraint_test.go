package agent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// S6.4: a constraint with several values holds for any of them and for no
// other, and the LLM is told which they are.
func TestConstraintWithSeveralValues(t *testing.T) {
	text := strings.Replace(prompt, "1. Greet", "1. Update the Email field only if it ends with @acme.example or @acme.test.\n1. Greet", 1)
	for value, ok := range map[string]bool{"a@acme.example": true, "a@ACME.test": true, "a@acme.invalid": false, "@acme.test": false} {
		k := newKit(t, agenttest.Script(t,
			agenttest.CallTool("update_field", map[string]any{"fields": []map[string]string{{"field": "email", "value": value}}}),
			agenttest.Say("Fine."),
		), func(c *agent.Config) { c.Instructions = text })
		turn := k.say("my address is " + value)
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
		call := turn.Call("update_field")
		if ok {
			assert.Equal(t, agent.CallDone, call.Outcome, value)
			assert.Equal(t, value, k.view().Contact.Field("email").String())
			continue
		}
		assert.Equal(t, agent.CallRefused, call.Outcome, value)
		if value != "@acme.test" {
			assert.Contains(t, call.Detail, "ends with @acme.example or @acme.test")
		}
		assert.True(t, k.view().Contact.Field("email").IsZero())
	}
}
