package variables_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// values is a Lookup over a map keyed "namespace.foldedname".
func values(m map[string]string) variables.Lookup {
	return func(namespace, name string) (string, bool) {
		v, ok := m[namespace+"."+frontdesk.FoldField(name)]
		return v, ok
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{
		"Hi $contact.firstname, how are you?", "{{contact.a|x}}{{ $contact.b }}", "$a$contact.x.b", "$$contact.x", "${{contact.x}}.y",
		"{{{contact.x}}}", "- $contact.x. y", "$contact.x|\"a b\" $contact.y|z", "$a{{contact.x}}.b", "{$contact.a{", "1. $contact.x",
	} {
		f.Add(s, "$contact.email")
		f.Add(s, "$")
		f.Add(s, "{{")
		f.Add(s, "# x\n- y")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		tpl := variables.Parse(text)
		assert.Equal(t, text, tpl.String())
		end := 0
		for _, v := range tpl.Variables() {
			assert.True(t, end <= v.Offset && v.Offset < v.End && v.End <= len(text))
			end = v.End
		}
		out, missing := tpl.Expand(variables.Env{Lookup: func(_, name string) (string, bool) { return value, len(name)%2 == 0 }})
		if !strings.Contains(text, "$$") { // what the author escaped stays raw
			assert.Empty(t, variables.Parse(out).Variables(), "S4.3: %q became %q", text, out)
		}
		if len(missing) > 0 {
			assert.NotEmpty(t, tpl.Variables())
		}
		for _, s := range []string{text, value, text + value} {
			defused := variables.Defuse(s)
			assert.Empty(t, variables.Parse(defused).Variables(), "I22: %q became %q", s, defused)
			assert.NotContains(t, defused, "{{")
			assert.Equal(t, defused, variables.Defuse(defused))
		}
		filled := variables.Fill(text, func(ns, _ string) (string, bool) { return value, ns == "assignee" })
		assert.Empty(t, variables.Parse(filled).Variables())
		cleaned := variables.Clean(value, 20)
		assert.Equal(t, cleaned, variables.Clean(cleaned, 20))
	})
}
