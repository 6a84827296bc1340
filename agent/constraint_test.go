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

// S6.4, grammar 20: sets of values and ranges hold whatever the LLM says.
func TestSetsAndRangesHold(t *testing.T) {
	for _, c := range []struct {
		says, field, value string
		ok                 bool
	}{
		{"Save Budget only if it is between 100 and 5000.", "budget", "100", true},
		{"Save Budget only if it is between 100 and 5000.", "budget", "5000", true},
		{"Save Budget only if it is between 100 and 5000.", "budget", "99", false},
		{"Save Budget only if it is between 100 and 5000.", "budget", "5001", false},
		{"Simpan Budget hanya jika 100, 200 atau 300.", "budget", "200", true},
		{"Simpan Budget hanya jika 100, 200 atau 300.", "budget", "250", false},
		{"Save Country only if it is Indonesia, Malaysia or Singapore.", "country", "malaysia", true},
		{"Save Country only if it is Indonesia, Malaysia or Singapore.", "country", "Germany", false},
		{"Save Country only if it is not Germany.", "country", "Germany", false},
		{"Do not save Country unless it is Indonesia.", "country", "Germany", false},
		{"Do not save Country unless it is Indonesia.", "country", "Indonesia", true},
	} {
		k := newKit(t, agenttest.Script(t,
			agenttest.CallTool("update_field", map[string]any{"fields": []map[string]string{{"field": c.field, "value": c.value}}}),
			agenttest.Say("Fine."),
		), func(cfg *agent.Config) {
			cfg.Instructions = strings.Replace(prompt, "1. Greet", "1. "+c.says+"\n1. Greet", 1)
		})
		turn := k.say("it is " + c.value)
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
		want := agent.CallRefused
		if c.ok {
			want = agent.CallDone
		}
		assert.Equal(t, want, turn.Call("update_field").Outcome, "%s: %s", c.says, c.value)
		assert.Equal(t, !c.ok, k.view().Contact.Field(c.field).IsZero(), "%s: %s", c.says, c.value)
	}
}
