package instructions_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/text"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// longPrompt is 10,000 characters of real prompts.
func longPrompt(t testing.TB) string {
	all := prompts(t)
	one := all["lead-with-followup.txtar/lead-en.md"] + "\n" + all["en-30-synthetic-mentions-stress.txtar/en-30-synthetic-mentions-stress.md"] + "\n"
	return string([]rune(strings.Repeat(one, 10))[:instructions.MaxCharacters])
}

// fastest runs the functions in turn and returns the best time of each: a busy
// machine spoils single measurements, not the best of many.
func fastest(rounds int, fns ...func()) []float64 {
	best := make([]float64, len(fns))
	for i := range best {
		best[i] = float64(time.Hour)
	}
	for range rounds {
		for i, fn := range fns {
			start := time.Now()
			fn()
			best[i] = min(best[i], float64(time.Since(start)))
		}
	}
	return best
}

// BenchmarkCompile compiles 10,000 characters and compares that, in the same
// run, with what a Markdown parser needs for them. Expected: at most ten
// times.
func BenchmarkCompile(b *testing.B) {
	prompt, ws := longPrompt(b), shop()
	opts := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws)}
	instructions.Compile(prompt, opts) // loads the vocabulary
	b.SetBytes(int64(len(prompt)))
	b.ReportAllocs()
	for b.Loop() {
		instructions.Compile(prompt, opts)
	}
	best := fastest(min(b.N, 200), func() { instructions.Compile(prompt, opts) }, func() {
		goldmark.DefaultParser().Parse(text.NewReader([]byte(prompt)))
	})
	b.ReportMetric(best[0]/best[1], "x/goldmark")
}

// BenchmarkCompileGrows reports what ten times the text costs (expected: about
// ten times, from 1,000 to 10,000 and to 100,000 characters), and what a
// workspace of 100,000 names does (at most twice).
func BenchmarkCompileGrows(b *testing.B) {
	ws := shop()
	small := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws), MaxCharacters: 1 << 20}
	many := shop()
	for i := range 100_000 {
		many.Users = append(many.Users, frontdesk.User{ID: fmt.Sprintf("u%d", i), Name: fmt.Sprintf("User %x Person %d", i*7919, i)})
	}
	large := instructions.Options{Workspace: many, Directory: routing.NewDirectory(many)}
	prompt := longPrompt(b)
	short, long := prompt[:1_000], strings.Repeat(prompt+"\n", 10)
	compile := func(s string, opts instructions.Options) func() {
		return func() { instructions.Compile(s, opts) }
	}
	var best []float64
	for b.Loop() {
		best = fastest(3, compile(short, small), compile(prompt, small), compile(long, small), compile(prompt, large))
	}
	b.ReportMetric(best[1]/best[0], "x/1k-10k")
	b.ReportMetric(best[2]/best[1], "x/10k-100k")
	b.ReportMetric(best[3]/best[1], "x/100k-names")
}

// worst are texts that make careless scanners quadratic.
var worst = map[string]string{
	"double quotes": `"`, "open quotes": "“a ", "single quotes": "'a ", "guillemets": "« ", "stray": `a" `,
	"mentions": "@", "names": "@Sales Team ", "unknown names": "@Salez Taem ", "braces": "{{", "holes": "{{x}} ", "dollars": "$", "variables": "$contact.a.b.c ",
	"brackets": "[a ", "commas": ",", "hashes": "#", "stars": "**", "numbers": "1 ", "list of numbers": "1, ", "hours": "2 hours and ",
	"assign": "assign to ", "assign all": "assign to @Sales Team or ", "save": "save the field ", "stage": "update lifecycle stage to ", "notes": "closing note ",
	"silence": "no reply ", "follow": "follow up ", "if": "if ", "not": "not close conversation ", "ends": "email ends with ", "compare": "a < 1 ",
	"steps": "1. a\n", "nested": "\n 1. a:", "bullets": "- close conversation\n", "headings": "# FLOW\n", "lines": "\n", "combining": "e\u0301\u0301", "cjk": "关闭对话 ",
	"ladder": "If no reply after 2 hours, send \"x\". ", "then": "then close the conversation, ", "never": "never: ", "words": "word ", "gaps": "meldet sich ",
	"struck": "~~a ", "comments": "<!-- ", "arrows": "<", "questions": "assign to @Sales? ", "marks": "?", "exceptions": "assign to @Sales Team but not ", "refusals": "assign to @Sales: no ",
	"required": "required fields:\n- name\n", "amounts": "budget at least 5 million ", "longer names": "@Sales Taem ", "notes with": "close with note no respons, ",
	"parentheses": "(", "low quotes": "„a ", "dotted": "1.", "blocks": "> a\n", "quotes over lines": "\"a\n", "curly over lines": "“a\n", "empty headings": "# \n",
	"quoted fields": "update contact field \"x\" and ", "waits": "no reply after 2 hours, ", "offsets": "T+2, ", "other cases": "if they reply, ", "lists": "Can:\n- a\n",
	"verbs apart": "schließe x ", "stops": "?!", "alternatives": "\"x\" or ", "items": "  - a\n", "refused": "不要分配给", "rates": "2 hours a week ", "old rules": "old rules:\n", "old sections": "# old rules\na\n", "outdated": "outdated. ", "remarks": "(outdated) ", "tags": "<s>a ", "asked": "whether we assign to @Sales Team ", "hedged": "maybe assign to @Sales Team ", "wanted": "ask you to assign to @Sales Team ", "set off": "a // old ", "shelved": "void: a\n", "answers": "no: assign\n", "past": "was: a\n", "named": "assign to @Sales Team, @Sales is ", "broken lines": "has been\n", "mixed": "([{\"“«'<",
}

// The texts that make careless scanners quadratic compile, long as they are:
// 60,000 bytes of any would take such a scanner longer than a test may run.
// BenchmarkWorst has the times. S2.5.
func TestWorst(t *testing.T) {
	ws := shop()
	opts := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws), Actions: allActions(), MaxCharacters: 1 << 20}
	for name, unit := range worst {
		s := strings.Repeat(unit, 60_000/len(unit))
		pb, ds := instructions.Compile(s, opts)
		assert.Equal(t, len([]rune(s)), pb.Characters, name)
		for _, d := range ds {
			assert.LessOrEqual(t, d.End, len(s), name)
		}
	}
}

// BenchmarkWorst reports what eight times of each such text costs: about
// eight times where the compiler is linear, 64 where it is not.
func BenchmarkWorst(b *testing.B) {
	ws := shop()
	opts := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws), Actions: allActions(), MaxCharacters: 1 << 20}
	for _, name := range slices.Sorted(maps.Keys(worst)) {
		unit := worst[name]
		b.Run(name, func(b *testing.B) {
			text := func(n int) string { return strings.Repeat(unit, n/len(unit)+1)[:n] }
			small, big := text(2_500), text(20_000)
			var best []float64
			for b.Loop() {
				best = fastest(3, func() { instructions.Compile(small, opts) }, func() { instructions.Compile(big, opts) })
			}
			b.ReportMetric(best[1]/best[0], "x/8")
		})
	}
}
