package instructions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// TestFollowUpForms reads follow-up wordings of all forms and languages and
// compares the ladders with what a person wrote behind "=> " before the
// compiler was asked. Cases are parted by "====". A label gives the steps of a
// ladder between bars ("~": an inherited delay, "-": none), ladders and the
// codes of what is reported between semicolons. Grammar 11 to 16, S8.1.
func TestFollowUpForms(t *testing.T) {
	files, err := filepath.Glob("testdata/forms/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for one := range strings.SplitSeq(string(data), "\n====\n") {
			text, want, ok := strings.Cut(one, "\n=>")
			require.True(t, ok, "%s: no label: %s", file, one)
			p, ds := instructions.Compile(text, instructions.Options{Workspace: shop()})
			assert.Equal(t, strings.TrimSpace(want), formOf(p, ds), "%s: %s", file, text)
		}
	}
}

func formOf(p *instructions.Playbook, ds instructions.Diagnostics) string {
	var out []string
	for _, l := range p.Ladders {
		var steps []string
		for _, s := range l.Steps {
			steps = append(steps, formStep(s))
		}
		form := strings.Join(steps, " | ")
		if l.Condition != "" {
			form += " for " + l.Condition
		}
		out = append(out, form)
	}
	for _, d := range ds {
		switch {
		case strings.HasPrefix(d.Code, "followup-"), d.Code == "too-many-followups", d.Code == "unbalanced-quote", d.Code == "action-reordered", d.Severity == instructions.SeverityError:
			out = append(out, "["+d.Code+"]")
		}
	}
	return strings.Join(out, " ;; ")
}

func formStep(s followup.Step) string {
	x := "-"
	if s.Delay != 0 {
		x = time.Duration(s.Delay).String()
		if trimmed, ok := strings.CutSuffix(x, "m0s"); ok {
			x = strings.Replace(trimmed+"m", "h0m", "h", 1)
		}
	}
	if s.Inherited {
		x += "~"
	}
	if s.Mode == followup.Alternatives {
		x += " alt"
	}
	if s.Silent {
		x += " silent"
	}
	for _, m := range s.Messages {
		verb := " like"
		if m.Verbatim {
			verb = " say"
		}
		x += verb + "'" + m.Text + "'"
	}
	for _, a := range s.Actions {
		x += " " + strings.TrimSuffix(a.Name, "_conversation")
		for _, v := range []struct{ sign, value string }{{":", a.Value}, {"@", a.Target}, {"#", a.Note}} {
			if v.value != "" {
				x += v.sign + v.value
			}
		}
	}
	return x
}
