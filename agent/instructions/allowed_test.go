package instructions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// wording is a line of testdata/allowed.txtar: what a person wrote, whom it
// allows to assign, and whether it allows nobody in a way that the author is
// told of.
type wording struct {
	file, text, who string
	lost            bool
}

// wordings reads testdata/allowed.txtar, which says of itself how it is read.
func wordings(t testing.TB) ([]wording, *frontdesk.Workspace) {
	a, err := txtar.ParseFile("testdata/allowed.txtar")
	require.NoError(t, err)
	ws := &frontdesk.Workspace{}
	for line := range strings.Lines(string(a.Comment)) {
		kind, name, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch kind {
		case "team":
			ws.Teams = append(ws.Teams, frontdesk.Team{ID: name, Name: name})
		case "user":
			ws.Users = append(ws.Users, frontdesk.User{ID: name, Name: name})
		}
	}
	var out []wording
	for _, f := range a.Files {
		for line := range strings.Lines(string(f.Data)) {
			who, text, ok := strings.Cut(strings.TrimRight(line, "\n"), " | ")
			require.True(t, ok, "%s: %s", f.Name, line)
			w := wording{file: f.Name, text: strings.ReplaceAll(text, " / ", "\n"), who: who, lost: who == "?"}
			if w.lost {
				w.who = "-"
			}
			out = append(out, w)
		}
	}
	require.NotEmpty(t, out)
	return out, ws
}

// forms are the texts that a wording is tried in: the action's name, empty for
// instructions, and the text.
func (w wording) forms() [][2]string {
	switch {
	case strings.HasSuffix(w.file, "-prompt.txt"):
		return [][2]string{{"assign", w.text}}
	case strings.HasSuffix(w.file, "-text.txt"), strings.HasPrefix(w.text, "# "):
		return [][2]string{{"", w.text}}
	}
	return [][2]string{{"", w.text}, {"", "# FLOW\n1. Greet.\n2. " + w.text + "\n3. Thank them."}, {"assign", w.text}}
}

// targets names whom a playbook allows to assign; "-": nobody at all.
func targets(p *instructions.Playbook) string {
	var out []string
	for _, a := range p.Targets {
		if a.Target.Name != "" {
			out = append(out, a.Target.Name)
		} else {
			out = append(out, string(a.Target.Kind))
		}
	}
	if out == nil {
		return "-"
	}
	return strings.Join(out, ", ")
}

// TestWhomWordingsAllow holds prohibitions, conditions and corrections, and
// what only looks like one, to what a person reads in them. S6.4, grammar 5 and
// 17.
func TestWhomWordingsAllow(t *testing.T) {
	all, ws := wordings(t)
	for _, w := range all {
		for _, form := range w.forms() {
			p, _ := compileAs(form[0], form[1], instructions.Options{Workspace: ws})
			assert.Equal(t, w.who, targets(p), "%s %q: %s", w.file, form[0], form[1])
		}
	}
}

// TestNoTargetIsLostUnsaid: who is named behind an assign phrase and allowed by
// nothing is either plainly forbidden, or the author is told. S3, S6.4.
func TestNoTargetIsLostUnsaid(t *testing.T) {
	all, ws := wordings(t)
	lost := 0
	for _, w := range all {
		for _, form := range w.forms() {
			_, ds := compileAs(form[0], form[1], instructions.Options{Workspace: ws})
			told := slices.ContainsFunc(ds, func(d instructions.Diagnostic) bool {
				return d.Code == "forbidden-action" && strings.Contains(d.Message, "does not let the agent assign")
			})
			assert.Equal(t, w.lost, told, "%s %q: %s", w.file, form[0], form[1])
		}
		if w.lost {
			lost++
		}
	}
	assert.Greater(t, lost, 100)
}

// TestMutationsOfWordings: what does not change what a person reads changes
// nobody who may be assigned.
func TestMutationsOfWordings(t *testing.T) {
	all, ws := wordings(t)
	mutations := map[string]func(string) string{
		"CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"trailing space": func(s string) string { return strings.ReplaceAll(s, "\n", "  \n") + " \t" },
		"heading level":  func(s string) string { return strings.ReplaceAll("\n"+s, "\n#", "\n##")[1:] },
		"bold mentions":  func(s string) string { return strings.ReplaceAll(s, "@Sales", "**@Sales**") },
		"double spaces":  func(s string) string { return strings.ReplaceAll(s, " assign", "  assign") },
		"hard spaces":    func(s string) string { return strings.ReplaceAll(s, " @", "\u00a0@") },
		"blank lines":    func(s string) string { return strings.ReplaceAll(s, "\n#", "\n\n\n#") },
		"bullets":        func(s string) string { return strings.ReplaceAll(s, "\n- ", "\n* ") },
		"round bullets":  func(s string) string { return strings.ReplaceAll(s, "\n- ", "\n• ") },
		"numbers":        func(s string) string { return strings.ReplaceAll(s, "\n2. ", "\n2) ") },
		"bold step": func(s string) string {
			before, step, ok := strings.Cut(s, "\n2. ")
			if !ok || strings.Contains(step, "**") {
				return s
			}
			step, after, _ := strings.Cut(step, "\n")
			return before + "\n2. **" + step + "**\n" + after
		},
		"soft wrap": func(s string) string {
			if i := strings.Index(s, "2. "); i >= 0 {
				return s[:i] + strings.ReplaceAll(s[i:], " assign", "\n   assign")
			}
			return s
		},
		"capitals": func(s string) string {
			before, step, ok := strings.Cut(s, "\n2. ")
			if !ok {
				return s
			}
			return before + "\n2. " + strings.ToUpper(step)
		},
		"curly apostrophes": func(s string) string { return strings.ReplaceAll(s, "n't", "n’t") },
	}
	for _, w := range all {
		forms := w.forms()
		form := forms[len(forms)/2] // as a step, where it may be one
		for how, mutate := range mutations {
			if how == "capitals" && (w.file == "tr.txt" || w.file == "lines-of-a-sentence.txt") || strings.ContainsAny(w.text, "`~*_") {
				continue // other letters; a line that begins with a capital is another sentence; marks of their own
			}
			if changed := mutate(form[1]); changed != form[1] {
				p, _ := compileAs(form[0], changed, instructions.Options{Workspace: ws})
				assert.Equal(t, w.who, targets(p), "%s %q: %s", how, form[0], changed)
			}
		}
	}
}
