package instructions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// prompts returns every prompt of testdata by name.
func prompts(t testing.TB) map[string]string {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	out := map[string]string{}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		require.NoError(t, err)
		for _, x := range a.Files {
			if strings.HasSuffix(x.Name, ".md") {
				out[filepath.Base(f)+"/"+x.Name] = string(x.Data)
			}
		}
	}
	require.NotEmpty(t, out)
	return out
}

func compileShop(text string) (*instructions.Playbook, instructions.Diagnostics) {
	return instructions.Compile(text, instructions.Options{Workspace: shop(), Actions: allActions()})
}

func codes(ds instructions.Diagnostics) []string {
	var out []string
	for _, d := range ds {
		out = append(out, d.Code)
	}
	return out
}

// The seed's good prompts give no error, its bad ones say why they are bad. S3.
func TestSeedPrompts(t *testing.T) {
	all := prompts(t)
	find := func(name string) string {
		for k, v := range all {
			if strings.Contains(k, name) {
				return v
			}
		}
		t.Fatalf("no prompt %s", name)
		return ""
	}
	for _, good := range []string{"seed-id-01", "seed-id-02", "seed-id-04", "seed-id-06", "lead-en.md", "lead-id.md"} {
		_, ds := compileShop(find(good))
		assert.Empty(t, ds.Errors(), good)
	}
	for name, want := range map[string][]string{
		"seed-id-03": {"no-headings", "no-steps", "action-without-condition"},
		"seed-id-05": {"no-headings", "vague-target"},
		"seed-id-07": {"no-headings", "close-before-assign", "vague-target"},
		"en-29":      {"no-headings", "near-canonical"},
	} {
		_, ds := compileShop(find(name))
		assert.Subset(t, codes(ds), want, name)
		if name != "en-29" {
			assert.Empty(t, ds.Errors(), name)
		}
	}
	// "pls" and "suppot teem", which the translation of the seed lost.
	_, ds := compileShop(find("en-29"))
	var near []string
	for _, d := range ds {
		if d.Code == "near-canonical" {
			near = append(near, find("en-29")[d.Offset:d.End])
		}
	}
	assert.Subset(t, near, []string{"pls", "suppot teem"})
}

// Both lead-qualification prompts have the same structure in both languages.
func TestLeadPromptsAgree(t *testing.T) {
	all := prompts(t)
	en, _ := compileShop(all["lead-with-followup.txtar/lead-en.md"])
	id, _ := compileShop(all["lead-with-followup.txtar/lead-id.md"])
	kinds := func(p *instructions.Playbook) (out []instructions.SectionKind) {
		for _, s := range p.Sections {
			out = append(out, s.Kind)
		}
		return out
	}
	assert.Equal(t, kinds(en), kinds(id))
	assert.Equal(t, en.Targets, id.Targets)
	assert.Equal(t, len(en.Actions), len(id.Actions))
	require.Len(t, en.Ladders, 1)
	require.Len(t, id.Ladders, 1)
	for i, s := range en.Ladders[0].Steps {
		o := id.Ladders[0].Steps[i]
		assert.Equal(t, s.Delay, o.Delay)
		assert.Equal(t, s.Inherited, o.Inherited)
		assert.Len(t, o.Messages, len(s.Messages))
		assert.Len(t, o.Actions, len(s.Actions))
	}
}

// The seed's follow-up example in full. S8.6, grammar 14 and 18.
func TestSeedFollowUp(t *testing.T) {
	text := ""
	for k, v := range prompts(t) {
		if strings.Contains(k, "seed-id-08") {
			text = v
		}
	}
	p, ds := compileShop(text)
	require.Len(t, p.Ladders, 1)
	steps := p.Ladders[0].Steps
	require.Len(t, steps, 2)
	assert.Equal(t, followup.Step{
		Delay: followup.Delay(2 * time.Minute), Line: 1, Mode: followup.Sequence,
		Messages: []followup.Message{{Text: "Hei, Anda masih di sana?"}, {Text: "Tidak terburu‑buru, hanya mengecek."}},
	}, steps[0])
	assert.Equal(t, followup.Step{
		Delay: followup.Delay(2 * time.Minute), Inherited: true, Line: 1,
		Messages: []followup.Message{{Text: "Saya akan menutup percakapan. Silakan hubungi saya kapan saja jika Anda ingin melanjutkan!", Verbatim: true}},
		Actions:  []followup.Action{{Name: "update_stage", Value: "Prospek Dingin"}, {Name: "close_conversation"}},
	}, steps[1])
	assert.Subset(t, codes(ds), []string{"unbalanced-quote", "action-reordered", "followup-inherited-delay"})
}

// A playbook goes through JSON without loss, and the same text gives the same
// bytes. S2.5.
func TestPlaybookRoundTrip(t *testing.T) {
	for name, text := range prompts(t) {
		p, ds := compileShop(text)
		first, err := json.Marshal(p)
		require.NoError(t, err)
		var back instructions.Playbook
		require.NoError(t, json.Unmarshal(first, &back))
		assert.Equal(t, *p, back, name)
		again, ds2 := compileShop(text)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(first), string(second), name)
		assert.Equal(t, ds, ds2, name)
		fromStored, _ := compileShop(back.Text)
		assert.Equal(t, *p, *fromStored, name)
	}
}

// shape is what a playbook says, without positions.
func shape(p *instructions.Playbook) string {
	var b strings.Builder
	for _, s := range p.Sections {
		b.WriteString(string(s.Kind) + "\n")
	}
	for _, m := range p.Mentions {
		b.WriteString(m.Name + " " + m.Target.String() + "\n")
	}
	for _, v := range p.Variables {
		b.WriteString(v.Name + "\n")
	}
	for _, a := range p.Actions {
		b.WriteString(action(a.Action) + " " + a.Resolved.String() + "\n")
	}
	for _, c := range p.Constraints {
		b.WriteString(c.Field + string(c.Op) + c.Value + "\n")
	}
	for _, l := range p.Ladders {
		for _, s := range l.Steps {
			s.Line = 0
			renderLadderStep(&b, s)
		}
	}
	return b.String()
}

// Changes that do not change what a person reads do not change the result.
func TestMutations(t *testing.T) {
	mutations := map[string]func(string) string{
		"CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"trailing space": func(s string) string { return strings.ReplaceAll(s, "\n", "  \n") },
		"full-width digits": func(s string) string {
			var b strings.Builder
			for line := range strings.Lines(s) {
				// Numbers that stand alone; labels and identifiers stay.
				i := strings.IndexAny(line, " ")
				b.WriteString(line[:max(i, 0)])
				for j, r := range line[max(i, 0):] {
					if r >= '0' && r <= '9' && j > 0 && !strings.ContainsAny(line, "$@") {
						r = r - '0' + '０'
					}
					b.WriteRune(r)
				}
			}
			return b.String()
		},
		"heading level": func(s string) string {
			return strings.ReplaceAll("\n"+s, "\n# ", "\n## ")[1:]
		},
		"dash bullets": func(s string) string { return strings.ReplaceAll("\n"+s, "\n* ", "\n- ")[1:] },
		"bold mentions": func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, "**", ""), "@Sales Team", "**@Sales Team**")
		},
		"blank lines": func(s string) string { return strings.ReplaceAll(s, "\n# ", "\n\n\n# ") },
	}
	for name, text := range prompts(t) {
		p, _ := compileShop(text)
		for how, mutate := range mutations {
			switch {
			case how == "dash bullets" && strings.Contains(name, "seed-id-06"):
				continue // its nesting rests on two shapes of bullets
			case how == "bold mentions" && strings.Contains(name, "clinic"):
				continue // its headings are bold
			}
			m, _ := compileShop(mutate(text))
			assert.Equal(t, shape(p), shape(m), "%s: %s", name, how)
		}
	}
}

// Positions are inside the text, at character boundaries, and sorted. S3.
func checkPositions(t *testing.T, p *instructions.Playbook, ds instructions.Diagnostics) {
	spans := []instructions.Span{}
	for _, m := range p.Mentions {
		spans = append(spans, m.Span)
	}
	for _, v := range p.Variables {
		spans = append(spans, v.Span)
	}
	for _, a := range p.Actions {
		spans = append(spans, a.Span)
	}
	for _, c := range p.Constraints {
		spans = append(spans, c.Span)
	}
	for _, l := range p.Ladders {
		spans = append(spans, l.Span)
	}
	for _, d := range ds {
		spans = append(spans, d.Span)
	}
	for _, s := range spans {
		require.True(t, 0 <= s.Offset && s.Offset <= s.End && s.End <= len(p.Text), "%+v in %d bytes", s, len(p.Text))
		require.True(t, s.Offset == len(p.Text) || utf8.RuneStart(p.Text[s.Offset]), "%+v", s)
		line := strings.Count(p.Text[:s.Offset], "\n") + 1
		require.Equal(t, line, s.Line)
		from := strings.LastIndexByte(p.Text[:s.Offset], '\n') + 1
		require.Equal(t, utf8.RuneCountInString(p.Text[from:s.Offset])+1, s.Column)
	}
	require.True(t, slices.IsSortedFunc(ds, func(a, b instructions.Diagnostic) int { return a.Offset - b.Offset }))
}

func TestPositions(t *testing.T) {
	for _, text := range prompts(t) {
		p, ds := compileShop(text)
		checkPositions(t, p, ds)
	}
}

// Too long a text is one error that says by how much, at once. S2.1.
func TestTooLong(t *testing.T) {
	exact := strings.Repeat("é", instructions.MaxCharacters)
	_, ds := compileShop(exact)
	assert.NotContains(t, codes(ds), "too-long")
	p, ds := compileShop(exact + "\r\nab")
	require.Len(t, ds, 1)
	assert.Equal(t, "too-long", ds[0].Code)
	assert.Contains(t, ds[0].Message, "3 over")
	assert.Equal(t, instructions.MaxCharacters+3, p.Characters)
	assert.NotEmpty(t, p.Hash)
	p, ds = compileShop(strings.Repeat("assign to @Sales Team \"'", 500_000))
	assert.Equal(t, []string{"too-long"}, codes(ds))
	assert.Empty(t, p.Mentions)
}

// Nothing is known without a workspace, and nothing is said of names. S3.
func TestWithoutWorkspace(t *testing.T) {
	p, ds := instructions.Compile("If they ask for a price, assign to @Sales Team. Then update the Lifecycle stage to Hot Lead. $contact.plan", instructions.Options{})
	assert.Empty(t, ds.Errors())
	require.Len(t, p.Mentions, 1)
	assert.Equal(t, "Sales Team", p.Mentions[0].Name)
	assert.Equal(t, frontdesk.Target{}, p.Mentions[0].Target)
	assert.Empty(t, p.Targets)
	require.Len(t, p.Actions, 2)
	assert.Equal(t, "Hot Lead", p.Actions[1].Value)
}

func FuzzCompile(f *testing.F) {
	for _, text := range prompts(f) {
		f.Add(text)
	}
	f.Add("\"“”«»'‘’ @ $ {{ [x] # ** __ \x00\xff ½ 1️⃣ ①")
	for _, name := range []string{"testdata/allowed.txtar", "testdata/values.txtar"} {
		a, err := txtar.ParseFile(name)
		require.NoError(f, err)
		for _, x := range a.Files {
			f.Add(string(x.Data))
		}
	}
	ws := shop()
	if _, err := os.Stat("testdata"); err != nil {
		f.Fatal(err)
	}
	// The vocabulary is loaded before the first input: a worker that takes ten
	// seconds for one, on a busy machine, counts as hung.
	compileShop("")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"", "assign", "update_field"} {
			opts := instructions.Options{Workspace: ws, Actions: allActions(), ReplyWindow: time.Hour}
			p, ds := compileAs(name, text, opts)
			require.NotNil(t, p)
			if p.Text == "" {
				continue
			}
			checkPositions(t, p, ds)
			data, err := json.Marshal(p)
			require.NoError(t, err)
			var back instructions.Playbook
			require.NoError(t, json.Unmarshal(data, &back))
			again, _ := compileAs(name, back.Text, opts)
			second, err := json.Marshal(again)
			require.NoError(t, err)
			require.JSONEq(t, string(data), string(second))
		}
	})
}

// S8.8: the model, which could find another way, is not asked what a follow-up
// does: a tag or a value that is none of the workspace's is told to the author,
// as the step would be cancelled.
func TestStepsThatCannotBeDone(t *testing.T) {
	ws := shop()
	ws.Tags = []string{"Gone Quiet", "VIP"}
	ws.Fields = append(ws.Fields, frontdesk.Field{ID: "plan", Name: "Plan", Options: []string{"Free", "Team"}})
	for line, want := range map[string]string{
		`add the tag "gone  quiet"`:                 "",
		`add the tag "$contact.stage"`:              "",
		`add the tag "Lost"`:                        `there is no tag "Lost" in the workspace`,
		`update the Plan field to "free"`:           "",
		`update the Plan field to "$contact.email"`: "",
		`update the Plan field to "Gold"`:           `"plan" cannot be set to "Gold", so the step will not be done: it is none of the field's values`,
		`update the Budget field to "much"`:         `"budget" cannot be set to "much", so the step will not be done: `,
		`update the Budget field to much`:           "without the model",
	} {
		_, ds := instructions.Compile("# FOLLOW-UP\nIf there is no reply for 1 hour, say \"Hi\" and "+line+".\n", instructions.Options{Workspace: ws})
		var got []string
		for _, d := range ds {
			if d.Code == "followup-not-understood" {
				got = append(got, d.Message)
			}
		}
		if want == "" {
			assert.Empty(t, got, line)
		} else if assert.Len(t, got, 1, line) {
			assert.Contains(t, got[0], want, line)
		}
	}
}
