package instructions_test

import (
	"fmt"
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

// Compiling takes time within ten times that of a Markdown parser.
func BenchmarkCompile(b *testing.B) {
	prompt, ws := longPrompt(b), shop()
	opts := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws)}
	instructions.Compile(prompt, opts) // loads the vocabulary
	b.SetBytes(int64(len(prompt)))
	for b.Loop() {
		instructions.Compile(prompt, opts)
	}
}

func BenchmarkGoldmark(b *testing.B) {
	prompt := []byte(longPrompt(b))
	b.SetBytes(int64(len(prompt)))
	for b.Loop() {
		goldmark.DefaultParser().Parse(text.NewReader(prompt))
	}
}

// fastest runs each function in turn until its best time satisfies ok, at most
// rounds times: a busy machine spoils single measurements, not the best of
// many.
func fastest(rounds int, ok func(best []time.Duration) bool, fns ...func()) []time.Duration {
	best := make([]time.Duration, len(fns))
	for i := range best {
		best[i] = time.Hour
	}
	for range rounds {
		for i, fn := range fns {
			start := time.Now()
			fn()
			best[i] = min(best[i], time.Since(start))
		}
		if ok(best) {
			break
		}
	}
	return best
}

// 10,000 characters compile in at most ten times what a Markdown parser needs
// for them.
func TestSpeed(t *testing.T) {
	prompt, ws := longPrompt(t), shop()
	opts := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws)}
	parse := func() { goldmark.DefaultParser().Parse(text.NewReader([]byte(prompt))) }
	fits := func(best []time.Duration) bool { return best[0] <= 10*best[1] }
	best := fastest(300, fits, func() { instructions.Compile(prompt, opts) }, parse)
	assert.True(t, fits(best), "compiled in %v, parsed in %v", best[0], best[1])
}

// Ten times the text takes about ten times as long, and a workspace of 100,000
// names at most doubles the time.
func TestSpeedGrows(t *testing.T) {
	ws := shop()
	small := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws), MaxCharacters: 1 << 20}
	many := shop()
	for i := range 100_000 {
		many.Users = append(many.Users, frontdesk.User{ID: fmt.Sprintf("u%d", i), Name: fmt.Sprintf("User %x Person %d", i*7919, i)})
	}
	large := instructions.Options{Workspace: many, Directory: routing.NewDirectory(many)}
	prompt := longPrompt(t)
	short, long := prompt[:1_000], strings.Repeat(prompt+"\n", 10)
	compile := func(s string, opts instructions.Options) func() {
		return func() { instructions.Compile(s, opts) }
	}
	fits := func(b []time.Duration) bool { return b[1] <= 20*b[0] && b[2] <= 15*b[1] && b[3] <= 2*b[1] }
	best := fastest(40, fits, compile(short, small), compile(prompt, small), compile(long, small), compile(prompt, large))
	assert.True(t, fits(best), "1k, 10k and 100k characters, 10k with 100,000 names: %v", best)
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
}

// No text takes more than linear time: twice the text, at most about twice
// the time. S2.5.
func TestLinear(t *testing.T) {
	ws := shop()
	opts := instructions.Options{Workspace: ws, Directory: routing.NewDirectory(ws), Actions: allActions(), MaxCharacters: 1 << 20}
	measure := func(unit string, n int) time.Duration {
		s := strings.Repeat(unit, n/len(unit)+1)[:n]
		best := time.Hour
		for range 3 {
			start := time.Now()
			instructions.Compile(s, opts)
			best = min(best, time.Since(start))
		}
		return best
	}
	for name, unit := range worst {
		// Eight times the text; quadratic would be 64 times the time. A busy
		// machine may spoil one measurement, not five.
		linear := false
		var small, big time.Duration
		for range 5 {
			small, big = measure(unit, 2_500), measure(unit, 20_000)
			if linear = big < 24*small+10*time.Millisecond; linear {
				break
			}
		}
		assert.True(t, linear, "%s: %v for 2,500 bytes, %v for 20,000", name, small, big)
	}
}
