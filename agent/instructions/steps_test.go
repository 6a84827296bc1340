package instructions_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// outline writes steps as they are nested, one a line.
func outline(steps []instructions.Step, depth int) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(strings.Repeat("  ", depth) + s.Label + " " + s.Text + "\n" + outline(s.Steps, depth+1))
	}
	return b.String()
}

// S2.3: numbered steps, numbers of two levels and bullets keep their order and
// their nesting, whatever marks them.
func TestStepsKeepOrderAndNesting(t *testing.T) {
	p, _ := compileShop("# FLOW\n" +
		"1. Greet the contact.\n" +
		"   - Use the first name.\n" +
		"   - Be short.\n" +
		"2) Ask what they need:\n" +
		"   * prices\n" +
		"   * an appointment\n" +
		"     * which day\n" +
		"3. Book.\n" +
		"3.1 Confirm the day.\n" +
		"3.2 Confirm the time.\n" +
		"4. Say goodbye.\n")
	require.Len(t, p.Sections, 1)
	assert.Equal(t, `1. Greet the contact.
  - Use the first name.
  - Be short.
2) Ask what they need:
  * prices
  * an appointment
    * which day
3. Book.
  3.1 Confirm the day.
  3.2 Confirm the time.
4. Say goodbye.
`, outline(p.Sections[0].Steps, 0))
}
