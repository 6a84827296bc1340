package instructions_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// The numbers and bullets of a text that is quoted over several lines are the
// text's, and no steps of the flow. S2.3, grammar 10, 14.
func TestMenusAreNoSteps(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		labels []string
	}{
		"a menu": {"1. Greet.\n2. Say: \"Hi! What do you need?\n1. Prices\n2. Booking\n3. Something else\"\n3. If they choose 1, send the prices.\n4. Thank them.",
			[]string{"1.", "2.", "3.", "4."}},
		"bullets under the step":   {"1. Say:\n\"Which day?\n- Monday\n- Tuesday\"\n2. Thank them.", []string{"1.", "2."}},
		"curly marks, blank lines": {"1. Greet.\n2. Say: “Menu:\n\n1) Prices\n\n2) Booking”\n\n3. Thank them.", []string{"1.", "2.", "3."}},
		"guillemets":               {"1. Dites : «Bonjour !\n1. Prix\n2. Rendez-vous»\n2. Remerciez.", []string{"1.", "2."}},
		"a mark is missing":        {"1. Say \"Hi\n2. Ask their name\"\n3. Thank them.", []string{"1.", "2.", "3."}},
		"no closing mark at all":   {"1. Say: \"Hi!\n2. Ask.\n3. Thank them.", []string{"1.", "2.", "3."}},
		"quotes within lines":      {"1. Say \"Hi\".\n2. Say \"Bye\".", []string{"1.", "2."}},
	} {
		p, ds := instructions.Compile("# FLOW\n"+c.text, instructions.Options{})
		var labels []string
		for _, s := range p.Sections[0].Steps {
			labels = append(labels, s.Label)
			assert.Empty(t, s.Steps, name)
		}
		assert.Equal(t, c.labels, labels, name)
		assert.NotContains(t, codes(ds), "step-numbering", name)
	}
}
