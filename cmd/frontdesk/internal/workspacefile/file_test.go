package workspacefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

const inYAML = `# comments are allowed
id: ws
name: Acme
time_zone: Asia/Jakarta
users: [{id: 0012, name: Ana}, {name: Ben}]
teams:
  - {id: sales, name: Sales Team, members: [Ana, Ben]}
  - {name: No, members: ["0012"]}
  - name: Empty
    members:
ai_agents:
  - {id: a, name: Sales Agent, instructions: "x\ny", actions: [{action: unassign}, {action: assign, prompt: p}]}
  - {name: Bare}
fields:
  - {name: Company Size, type: number}
  - {id: tier, options: [gold, silver]}
lifecycle_stages: [yes, 1.0, null_stage]
closing_notes: [Done]
tags: [vip]
enabled_actions: [unassign, assign, update_field]
reply_window: 24h
`

const inJSON = "\uFEFF" + `{
	"id": "ws", "name": "Acme", "time_zone": "Asia\/Jakarta",
	"users": [{"id": "0012", "name": "Ana"}, {"name": "Ben"}],
	"teams": [
		{"id": "sales", "name": "Sales Team", "members": ["Ana", "Ben"]},
		{"name": "No", "members": ["0012"]},
		{"name": "Empty", "members": null}
	],
	"ai_agents": [
		{"id": "a", "name": "Sales Agent", "instructions": "x\ny", "actions": [{"action": "unassign"}, {"action": "assign", "prompt": "p"}]},
		{"name": "Bare"}
	],
	"fields": [{"name": "Company Size", "type": "number"}, {"id": "tier", "options": ["gold", "silver"]}],
	"lifecycle_stages": ["yes", 1.0, "null_stage"],
	"closing_notes": ["Done"], "tags": ["vip"], "enabled_actions": ["unassign", "assign", "update_field"],
	"reply_window": "24h"
}`

// Both notations say the same, and scalars are taken as they are written.
func TestParse(t *testing.T) {
	y, err := Parse("w.yaml", []byte(inYAML))
	require.NoError(t, err)
	j, err := Parse("w.json", []byte(inJSON))
	require.NoError(t, err)
	assert.Equal(t, y.Workspace, j.Workspace)
	ws := y.Workspace
	assert.Equal(t, []string{"0012", "Ben"}, ws.Teams[0].Members, "IDs, or the name where there is none")
	assert.Equal(t, "No", ws.Teams[1].Name, "not a boolean")
	assert.Equal(t, []string{"yes", "1.0", "null_stage"}, ws.LifecycleStages)
	assert.Equal(t, "company_size", ws.Fields[0].Key())
	assert.Equal(t, []string{"gold", "silver"}, ws.Fields[1].Options)
	assert.Equal(t, 24*time.Hour, y.ReplyWindow)
	assert.Len(t, ws.AIAgents, 2)

	for _, f := range []*File{y, j} {
		a, err := f.Agent("Sales Agent")
		require.NoError(t, err)
		byID, err := f.Agent("a")
		require.NoError(t, err)
		assert.Same(t, a, byID)
		assert.Equal(t, "x\ny", a.Instructions.Value)
		assert.Equal(t, []instructions.EnabledAction{{Name: "assign"}, {Name: "assign", Prompt: "p"}}, f.Options(a).Actions, "unassign is what assign does")
		assert.Equal(t, []instructions.EnabledAction{{Name: "assign"}, {Name: "update_field"}}, f.Options(nil).Actions)
		bare, err := f.Agent("Bare")
		require.NoError(t, err)
		assert.Nil(t, f.Options(bare).Actions, "the file does not say which are enabled")
		_, err = f.Agent("Nobody")
		require.ErrorContains(t, err, `name one of "Sales Agent", "Bare"`)
	}
}

// An absent list of actions is not known; an empty one is none.
func TestEnabledActions(t *testing.T) {
	f, err := Parse("w.yaml", []byte("enabled_actions: []\nai_agents: [{name: A, actions: []}]"))
	require.NoError(t, err)
	assert.Equal(t, []instructions.EnabledAction{}, f.Options(nil).Actions)
	assert.Equal(t, []instructions.EnabledAction{}, f.Options(&f.Agents[0]).Actions)
	f, err = Parse("w.yaml", nil)
	require.NoError(t, err)
	assert.Nil(t, f.Options(nil).Actions)
	_, err = f.Agent("A")
	require.ErrorContains(t, err, "has no ai_agents")
}

// The lines of a literal block are lines of the file; other notations only
// have a beginning.
func TestPosition(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		exact        bool
		line, column int // of line 2, column 3 of the text
	}{
		"block":     {"ai_agents:\n  - name: A\n    instructions: |\n      one\n      two\n", true, 5, 9},
		"stripped":  {"ai_agents:\n- name: A\n  instructions: |-\n    one\n    two\n", true, 5, 7},
		"indicator": {"ai_agents:\n- name: A\n  instructions: |2\n     one\n    two\n", true, 5, 7},
		"crlf":      {"ai_agents:\r\n- name: A\r\n  instructions: |\r\n    one\r\n    two\r\n", true, 5, 7},
		"folded":    {"ai_agents:\n- name: A\n  instructions: >\n    one\n\n    two\n", false, 3, 17},
		"quoted":    {"ai_agents:\n- name: A\n  instructions: \"one\\ntwo\"\n", false, 3, 17},
		"json":      {"{\"ai_agents\": [\n {\"name\": \"A\", \"instructions\": \"one\\ntwo\"}]}", false, 2, 32},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Parse("w", []byte(c.text))
			require.NoError(t, err)
			in := f.Agents[0].Instructions
			assert.Equal(t, c.exact, in.Exact())
			line, column := in.Position(2, 3)
			assert.Equal(t, []int{c.line, c.column}, []int{line, column})
			if c.exact {
				rest := strings.Split(c.text, "\n")[line-1][column-1:]
				assert.Equal(t, "o", strings.TrimRight(rest, "\r"), "the o of two")
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"users: 3":                                  "w:1:8: users must be a list",
		"users: [{name: [x]}]":                      "w:1:16: users[0].name must be a text",
		"users: [{name: ' '}]":                      "w:1:9: users[0] has no name: give it one",
		"users: [{name: A}, {name: A}]":             `w:1:20: users[1] is "A", as users[0] is: give each its own`,
		"fields: [{id: a_b}, {id: AB}]":             `w:1:21: fields[1] is "ab", as fields[0] is: give each its own`,
		"tags: [a, a]":                              `w:1:11: tags[1] is "a", as tags[0] is: give each its own`,
		"tags: ['']":                                "w:1:8: tags[0] has no name: give it one",
		"reply_window: -1h":                         `w:1:15: reply_window "-1h" is no duration: write one such as "24h"`,
		"{\"a\": ":                                  "w:1:7: the JSON ends too early: close what is open",
		"{\"users\": [}":                            "w:1:12: this is not JSON",
		"{\"users\": [], \"users\": []}":            `w:1:15: the key "users" stands twice`,
		strings.Repeat("{\"a\":", 200):              "w:1:506: this nests deeper than 100 levels",
		"users: [\n  a: b: c":                       "w:1:1: this is not YAML",
		"name: A\nteams:\n  - name: A\n   - x: 1\n": "w:4:1: this is not YAML",
		"name: \xff":                                "w:1:1: the file is not UTF-8",
		"teams: &t [{name: A}]\nusers: *t\n<<: *t":  `w:3:1: unknown key "<<" in the workspace`,
		"teams: &t\n- *t":                           "w:1:8: teams[0] must be an object",
	} {
		t.Run(text[:min(20, len(text))], func(t *testing.T) {
			_, err := Parse("w", []byte(text))
			require.ErrorContains(t, err, want)
			require.NotEmpty(t, Faults(err))
		})
	}
	assert.Empty(t, Faults(os.ErrNotExist))
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.yaml")
	_, err := Load(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("tags: [a]"), 0o644))
	f, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, f.Workspace.Tags)
}

// Whatever stands in a file, it is a valid workspace or a list of faults with
// places in it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{inYAML, inJSON, "", "{}", "[]", "a: &a [*a]", "users: [{name: A}]\nteams: [{name: T, members: [A, A]}]", "{\"users\":[{\"name\":\"\\ud800\"}]}", "ai_agents:\n- name: A\n  instructions: |+\n\n\n   x\n", "- |\n", "a: !!binary x", "? {a: b}\n: c"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("w", data)
		if err == nil {
			require.NoError(t, file.Workspace.Validate())
			for _, a := range file.Agents {
				line, column := a.Instructions.Position(1, 1)
				assert.True(t, a.Instructions.Value == "" || line > 0 && column > 0)
			}
			return
		}
		faults := Faults(err)
		require.NotEmpty(t, faults)
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029") + strings.Count(string(data), "\u0085") + 2
		for _, fault := range faults {
			assert.True(t, fault.Line >= 1 && fault.Line <= lines && fault.Column >= 1, fmt.Sprint(fault))
		}
	})
}
