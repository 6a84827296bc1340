package instructions_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// What is no character is said, with line and column, and no other position
// moves by it. S2.5, S3.
func TestInvalidText(t *testing.T) {
	p, ds := instructions.Compile("# FLOW\r\n1. Caf\xe9 \xff\xfe and \x00: assign to @Nobody.\r\n", instructions.Options{Workspace: shop()})
	var at [][2]int
	for _, d := range ds {
		switch d.Code {
		case "invalid-text":
			assert.Equal(t, instructions.SeverityWarning, d.Severity)
			assert.Equal(t, "\uFFFD", p.Text[d.Offset:d.End])
			at = append(at, [2]int{d.Line, d.Column})
		case "unknown-mention":
			assert.Equal(t, "@Nobody", p.Text[d.Offset:d.End])
			assert.Equal(t, 28, d.Column)
		}
	}
	assert.Equal(t, [][2]int{{2, 7}, {2, 9}, {2, 15}}, at)

	_, again := instructions.Compile(p.Text, instructions.Options{Workspace: shop()})
	assert.Equal(t, ds, again, "the cleaned text says the same")

	_, ds = instructions.Compile("# FLOW\n1. "+strings.Repeat("a\xe9 ", 100), instructions.Options{})
	n := 0
	for _, d := range ds {
		if d.Code == "invalid-text" {
			n++
		}
	}
	assert.Equal(t, 20, n, "a file in another encoding gives no page of them")

	_, ds = instructions.CompileActionPrompt("assign", "To the caf\xe9.", instructions.Options{})
	assert.Contains(t, codes(ds), "invalid-text")
}
