package instructions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// S4.1: the compiler lets a variable pass if, and only if, there is something
// that can give it a value: one that passes and never has any is lost unsaid.
func TestVariablesThatPassCanHaveAValue(t *testing.T) {
	lookup := variables.ForContact(frontdesk.Contact{ID: "c", Stage: "Hot Lead", Tags: []string{"vip"}}, "Ana", time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), nil)
	standard := map[string]bool{}
	for _, f := range frontdesk.StandardFields() {
		standard[frontdesk.FoldField(f.Key())] = true
	}
	passes := func(variable string) bool {
		_, ds := instructions.Compile("# FLOW\n1. It is: $"+variable+"\n", instructions.Options{Workspace: &frontdesk.Workspace{}})
		return !ds.HasErrors()
	}
	for _, namespace := range []string{"contact", "assignee", "system"} {
		names := variables.Names(namespace)
		assert.NotEmpty(t, names)
		for _, name := range append(names, "firstname", "lastname", "email", "id", "phone", "team", "channel", "assignee", "date", "time", "stage", "name") {
			for _, name := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, "_", "")} {
				_, has := lookup(namespace, name)
				if namespace == "contact" && standard[frontdesk.FoldField(name)] {
					has = true
				}
				assert.Equal(t, has, passes(namespace+"."+name), "$%s.%s", namespace, name)
			}
		}
	}
	assert.Nil(t, variables.Names("order"))
}
