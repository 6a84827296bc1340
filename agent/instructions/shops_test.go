package instructions_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// TestHandLabels holds prompts to what a person who read them, and not the
// compiler's result, wrote down: the NAME.label files of testdata. What a label
// does not name must not come out. S2.4, S6.4, S8.1.
func TestHandLabels(t *testing.T) {
	files, err := filepath.Glob("testdata/shops-*.txtar")
	require.NoError(t, err)
	labelled := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		require.NoError(t, err)
		opts, action := options(t, string(a.Comment))
		for _, f := range a.Files {
			prompt, ok := strings.CutSuffix(f.Name, ".md")
			if !ok {
				continue
			}
			labelled++
			p, ds := compileAs(action, string(f.Data), opts)
			want := section(a, prompt+".label")
			require.NotEmpty(t, want, prompt)
			got := summary(p, ds)
			for line := range strings.Lines(strings.TrimSpace(want) + "\n") {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
				value = strings.TrimSpace(value)
				switch name {
				case "":
				case "has":
					assert.Contains(t, codes(ds), value, "%s %s", file, prompt)
				case "sections":
					assert.Equal(t, value, kinds(p), "%s %s", file, prompt)
				default:
					k := slices.Index(got, name+": "+value)
					if k < 0 && value == "*" { // any
						k = slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, name+":") })
					}
					if assert.GreaterOrEqual(t, k, 0, "%s %s: no %q among\n%s", file, prompt, line, strings.Join(got, "\n")) {
						got = slices.Delete(got, k, k+1)
					}
				}
			}
			assert.Empty(t, got, "%s %s: more than the label says", file, prompt)
		}
	}
	assert.GreaterOrEqual(t, labelled, 40)
}

// summary is what a playbook makes an agent do, one thing a line.
func summary(p *instructions.Playbook, ds instructions.Diagnostics) []string {
	var out []string
	list := func(name string, values []string) {
		if len(values) > 0 {
			out = append(out, name+": "+strings.Join(values, ", "))
		}
	}
	var targets, errors []string
	for _, a := range p.Targets {
		targets = append(targets, strings.TrimSpace(a.Target.String()+" "+string(a.Method)))
	}
	for _, d := range ds.Errors() {
		errors = append(errors, d.Code)
	}
	list("targets", targets)
	list("fields", p.Fields)
	list("stages", p.Stages)
	list("notes", p.Closing.Notes)
	list("errors", errors)
	if p.Closing.Summary == "off" {
		out = append(out, "summary: off")
	}
	for _, c := range p.Constraints {
		s := fmt.Sprintf("constraint: %s %s %s", c.Field, c.Op, c.Value)
		if c.Enforced {
			s += " enforced"
		}
		out = append(out, s)
	}
	for _, l := range p.Ladders {
		var steps []string
		for _, s := range l.Steps {
			steps = append(steps, shortStep(s))
		}
		s := "ladder: " + strings.Join(steps, " | ")
		if l.Condition != "" {
			s += " for " + l.Condition
		}
		out = append(out, s)
	}
	return out
}

// shortStep gives a step's delay, how many messages it has, and its actions.
func shortStep(s followup.Step) string {
	out := fmt.Sprintf("%s %d", orNone(short(s.Delay)), len(s.Messages))
	for _, a := range s.Actions {
		out += " " + a.Name
	}
	return out
}

func kinds(p *instructions.Playbook) string {
	var out []string
	for _, s := range p.Sections {
		out = append(out, string(s.Kind))
	}
	return strings.Join(out, " ")
}
