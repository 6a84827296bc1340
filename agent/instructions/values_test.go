package instructions_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// saysOfValues are the codes that testdata/values.txtar labels.
var saysOfValues = map[string]bool{"near-canonical": true, "unknown-field": true, "unknown-closing-note": true, "constraint-not-understood": true}

// TestWordingsOfValues holds comparisons, closing notes, fields and names to
// what a person reads in them: testdata/values.txtar, which says of itself how
// it is read. Grammar 1, 2, 19 and 20.
func TestWordingsOfValues(t *testing.T) {
	a, err := txtar.ParseFile("testdata/values.txtar")
	require.NoError(t, err)
	ws := &frontdesk.Workspace{}
	for line := range strings.Lines(string(a.Comment)) {
		kind, name, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch kind {
		case "team":
			ws.Teams = append(ws.Teams, frontdesk.Team{ID: name, Name: name})
		case "field":
			parts := append(strings.Fields(name), "", "")
			f := frontdesk.Field{ID: strings.ToLower(parts[0]), Name: parts[0], Type: frontdesk.FieldType(parts[1])}
			if parts[2] != "" {
				f.Options = strings.Split(parts[2], "|")
			}
			ws.Fields = append(ws.Fields, f)
		case "stage":
			ws.LifecycleStages = append(ws.LifecycleStages, name)
		case "note":
			ws.ClosingNotes = append(ws.ClosingNotes, name)
		}
	}
	for _, f := range a.Files {
		for line := range strings.Lines(string(f.Data)) {
			want, text, ok := strings.Cut(strings.TrimRight(line, "\n"), " | ")
			require.True(t, ok, line)
			p, ds := instructions.Compile("# FLOW\n1. "+text, instructions.Options{Workspace: ws})
			assert.Equal(t, strings.ReplaceAll(want, " ;", ";"), values(p, ds), "%s: %s", f.Name, text)
			for _, d := range ds {
				if d.Fix == "" {
					continue
				}
				fixed, after := instructions.Compile(p.Text[:d.Offset]+d.Fix+p.Text[d.End:], instructions.Options{Workspace: ws})
				assert.NotContains(t, codes(after), d.Code, "%s after the fix: %s", d.Code, fixed.Text)
			}
		}
	}
}

// values writes what a playbook says of values as the labels do.
func values(p *instructions.Playbook, ds instructions.Diagnostics) string {
	var out []string
	for _, c := range p.Constraints {
		value := c.Value
		if c.Op == instructions.OpOneOf {
			value = strings.Join(c.Values, "|")
		}
		s := strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Field, c.Op, value))
		if c.Enforced {
			s += "!"
		}
		out = append(out, s)
	}
	for _, n := range p.Closing.Notes {
		out = append(out, "note "+n)
	}
	for _, f := range p.Fields {
		out = append(out, "field "+f)
	}
	for _, d := range ds {
		if saysOfValues[d.Code] {
			out = append(out, fmt.Sprintf("[%s %s]", d.Code, p.Text[d.Offset:d.End]))
		}
	}
	if out == nil {
		return "-"
	}
	return strings.Join(out, "; ")
}

// S6.5: a summary is written unless the text says not to.
func TestSummaryIsOff(t *testing.T) {
	for text, want := range map[string]string{
		"If it is spam, close the conversation without a summary.":                 "off",
		"If it is spam, close without summary.":                                    "off",
		"If it is spam, close the conversation. Do not generate a summary.":        "off",
		"Jika selesai, tutup percakapan dan ga usah bikin ringkasan.":              "off",
		"If they are done, close the conversation and write a summary.":            "default",
		"Never close the conversation without a summary.":                          "default",
		"Do not close the conversation without writing a summary.":                 "default",
		"Jangan tutup percakapan tanpa ringkasan.":                                 "default",
		"Never close the conversation on your own, and do not generate a summary.": "off",
	} {
		p, _ := instructions.Compile("# FLOW\n1. Greet.\n2. "+text, instructions.Options{})
		assert.Equal(t, want, p.Closing.Summary, text)
	}
}

// S2.4: stages in the words that people use for setting one.
func TestLooseStages(t *testing.T) {
	ws := &frontdesk.Workspace{LifecycleStages: []string{"Hot Lead", "Booked"}, Teams: []frontdesk.Team{{ID: "Sales", Name: "Sales"}}}
	for text, want := range map[string][]string{
		"If they book a demo, move to Hot Lead.":       {"Hot Lead"},
		"If they book a demo, move her to Hot Lead.":   {"Hot Lead"},
		"Kalau sudah DP, ganti stage ke Booked.":       {"Booked"},
		"Kalau sudah DP, set lifecycle jadi Booked.":   {"Booked"},
		"If they pay, move to the next question.":      nil,
		"If they book a demo, do not move to Hot Lead": nil,
		"If they pay and close, stage Booked.":         {"Booked"},
		"If they book a demo → stage Hot Lead.":        {"Hot Lead"},
		"If they book:\n   - stage: Hot Lead":          {"Hot Lead"},
		"If they book, close, stage: Booked.":          {"Booked"},
		"If they book a demo, mark them Hot Lead.":     {"Hot Lead"},
		"Kalau sudah DP, lifecycle stage jadi Booked.": {"Booked"},
		"Kalau sudah DP, tandai pelanggan Booked.":     {"Booked"},
		"Set the stage for paid leads to Booked.":      {"Booked"},

		"Move to step 3 if the stage is Hot Lead.":                    nil,
		"Move to the next step when marked Hot Lead.":                 nil,
		"If stage = Hot Lead, assign to @Sales.":                      nil,
		"If the lifecycle stage: Hot Lead, assign to @Sales.":         nil,
		"Stage Hot Lead: assign to @Sales.":                           nil,
		"For people from Bali, stage Hot Lead, assign to @Sales.":     nil,
		"Assign to @Sales if they paid, stage Hot Lead.":              nil,
		"Jika stage jadi Hot Lead, assign to @Sales.":                 nil,
		"If they book a demo, do not mark them Hot Lead.":             nil,
		"Ask which stage, Hot Lead or Booked, they think they are in": nil,
	} {
		p, _ := instructions.Compile("# FLOW\n1. Greet.\n2. "+text, instructions.Options{Workspace: ws})
		assert.Equal(t, want, p.Stages, text)
	}
}
