package instructions_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// wording is a line of testdata/allowed.txtar: what a person wrote, and whom it
// allows to assign.
type wording struct {
	file, text, who string
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
			out = append(out, wording{f.Name, strings.ReplaceAll(text, " / ", "\n"), who})
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
