package instructions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// TestWhatWordingsDo holds closes and changes of the stage to what a person reads
// in testdata/acts.txtar, which says of itself how it is read: none is done that
// the author forbids or leaves open, and none is lost unsaid. Grammar 17, S3.
func TestWhatWordingsDo(t *testing.T) {
	a, err := txtar.ParseFile("testdata/acts.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, a.Files)
	for _, f := range a.Files {
		for line := range strings.Lines(string(f.Data)) {
			want, text, ok := strings.Cut(strings.TrimRight(line, "\n"), " | ")
			require.True(t, ok, "%s: %s", f.Name, line)
			for _, form := range []string{text, "# FLOW\n1. Greet.\n2. " + text + "\n3. Thank them."} {
				p, ds := instructions.Compile(form, instructions.Options{Workspace: shop()})
				assert.Equal(t, want, actsOf(p, ds), "%s: %s", f.Name, form)
			}
		}
	}
}

// actsOf names what a playbook does, as testdata/acts.txtar does.
func actsOf(p *instructions.Playbook, ds instructions.Diagnostics) string {
	var out []string
	for _, a := range p.Actions {
		switch a.Name {
		case "close_conversation":
			out = append(out, "close")
		case "update_stage":
			out = append(out, "stage "+a.Value)
		default:
			out = append(out, a.Name)
		}
	}
	switch {
	case out != nil:
		return strings.Join(out, ", ")
	case slices.ContainsFunc(ds, func(d instructions.Diagnostic) bool { return d.Code == "forbidden-action" }):
		return "?"
	}
	return "-"
}
