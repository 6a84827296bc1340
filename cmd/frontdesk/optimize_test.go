package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const wordy = "# CONTEXT\nYou are chatting with people and they come from our pages.\n# FLOW\n1. If they want a demo, assign to @Sales Team.\n# BOUNDARIES\n* Cannot: offer discounts.\n"

func answerWith(text string) string {
	return "<<<<REWRITE\n" + text + "REWRITE>>>>\n- fewer words"
}

func optimizeWith(t *testing.T, answer string, args string) (out string, requests func() []string) {
	t.Helper()
	t.Setenv("OPENAI_API_KEY", "test")
	url, requests := provider(t, answer)
	return shell(t, "frontdesk optimize -llm openai -base-url "+url+" "+args), requests
}

// The difference and the reasons are shown; the prompt is never changed
// (S11.1).
func TestOptimize(t *testing.T) {
	dir := t.TempDir()
	prompt, output := filepath.Join(dir, "prompt.md"), filepath.Join(dir, "new.md")
	require.NoError(t, os.WriteFile(prompt, []byte(wordy), 0o644))
	rewrite := strings.Replace(wordy, "You are chatting with people and they come from our pages.", "You chat with visitors of our pages.", 1)
	out, requests := optimizeWith(t, answerWith(rewrite), "-output "+output+" "+prompt)
	assert.Equal(t, `--- original
+++ rewrite
@@ -1,5 +1,5 @@
 # CONTEXT
-You are chatting with people and they come from our pages.
+You chat with visitors of our pages.
 # FLOW
 1. If they want a demo, assign to @Sales Team.
 # BOUNDARIES

Reasons, by the model:
  - fewer words
`, out)
	assert.Len(t, requests(), 1)
	data, err := os.ReadFile(output)
	require.NoError(t, err)
	assert.Equal(t, rewrite, string(data))
	data, err = os.ReadFile(prompt)
	require.NoError(t, err)
	assert.Equal(t, wordy, string(data))

	out, _ = optimizeWith(t, answerWith(wordy), prompt)
	assert.Equal(t, "the model changes nothing\n", out)
}

// A rewrite that loses something is refused after the third, with the reason,
// and nothing is written (S11.2).
func TestOptimizeRefuses(t *testing.T) {
	dir := t.TempDir()
	prompt, output := filepath.Join(dir, "prompt.md"), filepath.Join(dir, "new.md")
	require.NoError(t, os.WriteFile(prompt, []byte(wordy), 0o644))
	out, requests := optimizeWith(t, answerWith(strings.Replace(wordy, "@Sales Team", "somebody", 1)), "-output "+output+" "+prompt)
	assert.True(t, strings.HasPrefix(out, "refused after 3 attempts: the last rewrite has these faults\n  - the mention "), out)
	assert.True(t, strings.HasSuffix(out, "[exit 1]\n"), out)
	assert.Len(t, requests(), 3)
	assert.NoFileExists(t, output)
}

// What is written goes into a file of its own, and what a model writes does not
// act on a terminal.
func TestOptimizeNeverOverThePrompt(t *testing.T) {
	dir := t.TempDir()
	prompt, link := filepath.Join(dir, "prompt.md"), filepath.Join(dir, "link.md")
	require.NoError(t, os.WriteFile(prompt, []byte(wordy), 0o644))
	require.NoError(t, os.Link(prompt, link))
	for _, over := range []string{prompt, link} {
		out, _ := optimizeWith(t, answerWith(strings.Replace(wordy, "chatting", "talking", 1)), "-output "+over+" "+prompt)
		assert.Contains(t, out, "is the file of the prompt")
		assert.Contains(t, out, "[exit 2]")
	}
	data, err := os.ReadFile(prompt)
	require.NoError(t, err)
	assert.Equal(t, wordy, string(data))
	out, _ := optimizeWith(t, answerWith(strings.Replace(wordy, "chatting", "talking\x1b[K", 1)), prompt)
	assert.Contains(t, out, `talking\u{1b}[K`)
	assert.NotContains(t, out, "\x1b")
}

// The prompts of a workspace file can be rewritten, those of actions too.
func TestOptimizeOfAgent(t *testing.T) {
	t.Chdir("testdata/example")
	same := "Assign to @Sales Team when a contact wants to talk to someone."
	out, requests := optimizeWith(t, answerWith(same+"\n"), `-workspace workspace.yaml -agent "Sales Agent" -action assign`)
	assert.Equal(t, "the model changes nothing\n", out)
	assert.Contains(t, requests()[0], same)
	out, _ = optimizeWith(t, answerWith(same+"\n"), `-workspace workspace.yaml -agent "Sales Agent" -action close_conversation`)
	assert.Contains(t, out, `no prompt of the action "close_conversation"`)
}

func TestOptimizeCannot(t *testing.T) {
	t.Chdir("testdata/example")
	t.Setenv("OPENAI_API_KEY", "")
	for args, why := range map[string]string{
		"":                                     "no prompt is named",
		"follow-up.en.md":                      "a rewrite needs a model",
		"-llm offline follow-up.en.md":         "a rewrite needs a model",
		"-llm openai follow-up.en.md":          "openai: ",
		"-llm clippy follow-up.en.md":          `there is no provider "clippy"`,
		"follow-up.en.md follow-up.id.md":      "one prompt is rewritten at a time",
		"-workspace none.yaml follow-up.en.md": "none.yaml",
		"none.md":                              "none.md",
	} {
		out := shell(t, "frontdesk optimize "+args)
		assert.Contains(t, out, why, args)
		assert.Contains(t, out, "[exit 2]", args)
	}
}

// Without a model the chat is a conversation all the same.
func TestChatOffline(t *testing.T) {
	t.Chdir("testdata/example")
	dir := t.TempDir()
	input := filepath.Join(dir, "input.txt")
	require.NoError(t, os.WriteFile(input, []byte("Hello\nI would like to talk to someone\n"), 0o644))
	out := shell(t, `frontdesk chat -llm offline -workspace workspace.yaml -agent "Sales Agent" < `+input)
	assert.Equal(t, "(assignee: ai_agent:sales-agent)\nSales Agent: Hello, and welcome! Is there anything else that I can help you with?\n(team: sales)\n(assignee: user:ana)\nSales Agent: Thank you. Sales Team will go on with you shortly.\n", out)
}
