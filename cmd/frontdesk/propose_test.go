package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const unclear = "# FLOW\n1. If it breaks, tell the technical team.\n# FOLLOW-UP\nFollow up politely, with a hello from us.\nWe wait 2 hours before that.\n# BOUNDARIES\n* Cannot: offer discounts.\n"

const proposed = `[{"item": 1, "target": "Sales Team", "reason": "there is no other"},
	{"item": 2, "delay": "2h", "delay_text": "2 hours", "delay_line": 5, "message_text": "a hello from us", "message_line": 4}]`

// proposals writes the prompt and has a model propose what it means.
func proposals(t *testing.T, answer, args string) (out, prompt, file string) {
	t.Helper()
	dir := t.TempDir()
	prompt, file = filepath.Join(dir, "prompt.md"), filepath.Join(dir, "proposals.json")
	require.NoError(t, os.WriteFile(prompt, []byte(unclear), 0o644))
	t.Setenv("OPENAI_API_KEY", "test")
	url, _ := provider(t, answer)
	out = shell(t, "frontdesk propose -llm openai -base-url "+url+" -output "+file+" "+args+" "+prompt)
	return strings.ReplaceAll(out, prompt, "prompt.md"), prompt, file
}

// What a model proposes for unclear places is checked, shown, stored, and
// counts where a person passes it on, until the prompt is edited. Before that
// it allows nobody (S6.4).
func TestPropose(t *testing.T) {
	t.Chdir("testdata/example")
	out, prompt, file := proposals(t, proposed, "-workspace workspace.yaml")
	assert.Equal(t, `prompt.md:2:23: assign to the team Sales Team
  why, by the model: there is no other
prompt.md:4:1: 2 hours with no answer: send a message like “a hello from us”
  the time stands in “2 hours”
`, out)

	out = shell(t, "frontdesk compile -workspace workspace.yaml "+prompt)
	assert.NotContains(t, out, "Can be assigned")
	assert.Contains(t, out, "[vague-target]")
	out = shell(t, "frontdesk compile -workspace workspace.yaml -proposals "+file+" "+prompt)
	assert.Contains(t, out, "the team Sales Team (2 members)")
	assert.Contains(t, out, "2 hours after our message with no answer: send a message like “a hello from us”")
	assert.NotContains(t, out, "[vague-target]")
	assert.NotContains(t, out, "[followup-no-delay]")
	assert.Contains(t, shell(t, "frontdesk compile -json -workspace workspace.yaml -proposals "+file+" "+prompt), `"diagnostics":[]`)

	lines := filepath.Join(filepath.Dir(prompt), "lines.txt")
	require.NoError(t, os.WriteFile(lines, []byte("Hello\n/advance 3h\n"), 0o644))
	t.Setenv("OPENAI_API_KEY", "test")
	url, _ := provider(t, proposed)
	assert.Contains(t, shell(t, "frontdesk propose -llm openai -base-url "+url+" -workspace workspace.yaml -output "+prompt+" "+prompt), "is the file of the prompt")

	chat := "frontdesk chat -llm offline -workspace workspace.yaml -proposals " + file + " " + prompt + " < " + lines
	assert.Contains(t, shell(t, chat), "Agent: a hello from us\n")

	require.NoError(t, os.WriteFile(prompt, []byte(unclear+"* Cannot: be late.\n"), 0o644))
	assert.Contains(t, shell(t, chat), "the text has changed since these proposals were made")
	out = shell(t, "frontdesk compile -workspace workspace.yaml -proposals "+file+" "+prompt)
	assert.Contains(t, out, "the text has changed since these proposals were made")
	assert.Contains(t, out, "[exit 2]")
}

// What does not hold is refused, and what is left unclear is told.
func TestProposeRefuses(t *testing.T) {
	t.Chdir("testdata/example")
	out, _, file := proposals(t, `[{"item": 1, "target": "Technical Team"}]`, "-workspace workspace.yaml")
	assert.Contains(t, out, "refused: item 1: \"Technical Team\" is no one name of the workspace\n")
	assert.Contains(t, out, "prompt.md:2:23: warning: still unclear: ")
	assert.Contains(t, out, "prompt.md:4:1: warning: still unclear: ")
	assert.True(t, strings.HasSuffix(out, "[exit 1]\n"), out)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"items": []`)
}

// Nothing unclear: no model is asked.
func TestProposeNothing(t *testing.T) {
	t.Chdir("testdata/example")
	t.Setenv("OPENAI_API_KEY", "test")
	url, requests := provider(t, proposed)
	out := shell(t, "frontdesk propose -llm openai -base-url "+url+" -workspace workspace.yaml follow-up.en.md")
	assert.Equal(t, "nothing is unclear: no model was asked\n", out)
	assert.Empty(t, requests())
}

func TestProposeCannot(t *testing.T) {
	t.Chdir("testdata/example")
	dir := t.TempDir()
	broken, more := filepath.Join(dir, "broken.json"), filepath.Join(dir, "more.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"hash": "x", "entries": []}`), 0o644))
	require.NoError(t, os.WriteFile(more, []byte(`{"hash": "x", "items": []} {}`), 0o644))
	for args, why := range map[string]string{
		"propose":                                                "no prompt is named",
		"propose follow-up.en.md":                                "proposals need a model",
		"propose -llm offline follow-up.en.md":                   "proposals need a model",
		"propose follow-up.en.md follow-up.id.md":                "one prompt is asked about at a time",
		"compile -proposals none.json follow-up.en.md":           "none.json",
		"compile -proposals " + broken + " follow-up.en.md":      `unknown field "entries"`,
		"compile -proposals " + more + " follow-up.en.md":        "more than one value",
		"chat -llm offline -proposals none.json follow-up.en.md": "none.json",
	} {
		out := shell(t, "frontdesk "+args)
		assert.Contains(t, out, why, args)
		assert.Contains(t, out, "[exit 2]", args)
	}
}
