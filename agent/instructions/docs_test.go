package instructions_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// example is a fenced text of docs/diagnostics.md.
type example struct {
	code, severity string
	kind           string // "text" or "json"
	fixed          bool
	set            string // what the fence says of the options
	text           string
}

// docExamples reads the page.
func docExamples(t *testing.T) []example {
	data, err := os.ReadFile("../../docs/diagnostics.md")
	require.NoError(t, err)
	heading := regexp.MustCompile("^### `([a-z-]+)` \\((error|warning|info)\\)$")
	fence := regexp.MustCompile("^```(text|json) (fails|fixed)(.*)$")
	var out []example
	var cur *example
	code, severity := "", ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case cur != nil && line == "```":
			out = append(out, *cur)
			cur = nil
		case cur != nil:
			cur.text += line + "\n"
		case fence.MatchString(line):
			m := fence.FindStringSubmatch(line)
			cur = &example{code: code, severity: severity, kind: m[1], fixed: m[2] == "fixed", set: strings.TrimSpace(m[3])}
		case strings.HasPrefix(line, "```"):
			t.Fatalf("a fence without a purpose: %s", line)
		default:
			if m := heading.FindStringSubmatch(line); m != nil {
				code, severity = m[1], m[2]
			}
		}
	}
	return out
}

func (e example) compile(t *testing.T) instructions.Diagnostics {
	if e.kind == "json" {
		p := &instructions.Playbook{}
		require.NoError(t, json.Unmarshal([]byte(e.text), p))
		return p.CheckStored()
	}
	opts := instructions.Options{Workspace: shop()}
	for set := range strings.FieldsSeq(e.set) {
		name, value, _ := strings.Cut(set, "=")
		switch name {
		case "limit":
			n, err := strconv.Atoi(value)
			require.NoError(t, err)
			opts.MaxCharacters = n
		case "window":
			d, err := time.ParseDuration(value)
			require.NoError(t, err)
			opts.ReplyWindow = d
		case "namesake":
			opts.Workspace = ambiguousShop()
		case "actions":
			for a := range strings.SplitSeq(value, ",") {
				a, prompted := strings.CutSuffix(a, ":prompted")
				action := instructions.EnabledAction{Name: a}
				if prompted {
					action.Prompt = "When they say goodbye."
				}
				opts.Actions = append(opts.Actions, action)
			}
		default:
			t.Fatalf("the fence of %s says %q, which nobody knows", e.code, set)
		}
	}
	_, ds := instructions.Compile(e.text, opts)
	return ds
}

// Every example of docs/diagnostics.md gives the code that it stands under, and
// what is put right does not. S3.
func TestDocumentedDiagnostics(t *testing.T) {
	documented := map[string][2]int{}
	agents := map[string]map[bool][]instructions.AgentInstructions{}
	ws := shop()
	ws.AIAgents = append(ws.AIAgents, frontdesk.AIAgent{ID: "Front Desk", Name: "Front Desk"}, frontdesk.AIAgent{ID: "Support Agent", Name: "Support Agent"})
	ws.AIAgents = ws.AIAgents[1:]
	severities := map[string]string{}
	for _, e := range docExamples(t) {
		n := documented[e.code]
		n[map[bool]int{false: 0, true: 1}[e.fixed]]++
		documented[e.code], severities[e.code] = n, e.severity
		if name, ok := strings.CutPrefix(e.set, "agent="); ok {
			p, ds := instructions.Compile(e.text, instructions.Options{Workspace: ws})
			require.Empty(t, ds.Errors(), e.text)
			if agents[e.code] == nil {
				agents[e.code] = map[bool][]instructions.AgentInstructions{}
			}
			agents[e.code][e.fixed] = append(agents[e.code][e.fixed], instructions.AgentInstructions{ID: name, Name: name, Playbook: p})
			continue
		}
		ds := e.compile(t)
		if e.fixed {
			assert.NotContains(t, codes(ds), e.code, e.text)
			assert.Empty(t, ds.Errors(), e.text)
			continue
		}
		assert.Contains(t, codes(ds), e.code, e.text)
		for _, d := range ds {
			if d.Code == e.code && e.code != "foreign-placeholder" { // that example is one of the error
				assert.Equal(t, e.severity, string(d.Severity), e.text)
			}
		}
	}
	for code, sets := range agents {
		assert.Contains(t, codes(instructions.CheckAgents(sets[false])), code)
		assert.NotContains(t, codes(instructions.CheckAgents(sets[true])), code)
	}
	for code, n := range documented {
		assert.True(t, n[0] > 0 && n[1] > 0, "%s has %d failing and %d right examples", code, n[0], n[1])
	}
	for _, code := range reported(t) {
		assert.Contains(t, documented, code, "docs/diagnostics.md does not tell of it")
	}
	assert.Len(t, documented, len(reported(t)))
}

// reported finds the codes in the source of the package.
func reported(t *testing.T) []string {
	found := map[string]bool{}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	call := regexp.MustCompile(`(?:report\(|warn\(|missing\([^"\n]*|Code: )"([a-z]+(?:-[a-z]+)+)"`)
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		data, err := os.ReadFile(entry.Name())
		require.NoError(t, err)
		for _, m := range call.FindAllStringSubmatch(string(data), -1) {
			found[m[1]] = true
		}
	}
	var out []string
	for code := range found {
		out = append(out, code)
	}
	return out
}

// A fix replaces exactly what is at its position: the diagnostic goes, and no
// error comes. S3.
func TestFixes(t *testing.T) {
	fixes := 0
	try := func(text string, opts instructions.Options) {
		_, before := instructions.Compile(text, opts)
		for _, d := range before {
			if d.Fix == "" {
				continue
			}
			fixes++
			clean := strings.ReplaceAll(text, "\r\n", "\n")
			fixed := clean[:d.Offset] + d.Fix + clean[d.End:]
			_, after := instructions.Compile(fixed, opts)
			assert.LessOrEqual(t, len(after.Errors()), len(before.Errors()), "%s\n%s", d, fixed)
			for _, a := range after {
				assert.False(t, a.Code == d.Code && a.Offset == d.Offset, "%s remains after %q in\n%s", d, d.Fix, fixed)
			}
		}
	}
	opts := instructions.Options{Workspace: shop(), Actions: allActions()}
	for _, text := range prompts(t) {
		try(text, opts)
	}
	for _, e := range docExamples(t) {
		try(e.text, opts)
	}
	assert.Greater(t, fixes, 5)
}
