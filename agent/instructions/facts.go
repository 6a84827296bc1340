package instructions

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// compileText compiles, and goes through the first stages once more for what
// they find and the playbook does not keep: quotes, tokens and delays.
func compileText(source string, opts Options, action string) (*compiler, Diagnostics) {
	whole := compiled(source, opts, action)
	pb, diags := whole.pb, whole.finish()
	c := &compiler{opts: opts, action: action, text: pb.Text, pb: pb, forbidden: whole.forbidden}
	if pb.Text == "" {
		return c, diags
	}
	c.setWorkspace()
	c.countRunes()
	c.shadow = fold.NewShadow(c.text)
	c.scanLines()
	c.buildSections()
	c.findQuotes()
	c.buildLists()
	c.scanReferences()
	c.scanTokens()
	c.splitSentences()
	c.findDelays()
	return c, diags
}

// The facts of a reading. Each is one line of text, so that it can be compared
// and shown.

func (r *reading) mentionFacts() []string {
	var out []string
	for _, m := range r.pb.Mentions {
		out = append(out, m.Target.String()+" "+m.Name)
	}
	return out
}

func (r *reading) variableFacts() []string {
	var out []string
	for _, v := range r.pb.Variables {
		out = append(out, strings.TrimSuffix(v.Name+"|"+v.Fallback, "|"))
	}
	return out
}

func (r *reading) targetFacts() []string {
	var out []string
	for _, t := range r.pb.Targets {
		out = append(out, strings.TrimSpace(t.Target.String()+" "+string(t.Method)))
	}
	return out
}

func (r *reading) actionFacts() []string {
	var out []string
	for _, a := range r.pb.Actions {
		out = append(out, inJSON(a.Action)+flag(a.Conditional, " under a condition")+flag(a.FollowUp, " in a follow-up"))
	}
	return out
}

func flag(set bool, text string) string {
	if set {
		return text
	}
	return ""
}

func (r *reading) constraintFacts() []string {
	var out []string
	for _, c := range r.pb.Constraints {
		value := c.Value
		if len(c.Values) > 0 {
			value = strings.Join(c.Values, ", ")
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", fold.Phrase(c.Field), c.Op, value))+flag(c.Enforced, ", enforced"))
	}
	return out
}

// ladderFacts are the ladders without their prose conditions, which may be put
// in other words, and without their lines.
func (r *reading) ladderFacts() []string {
	var out []string
	for _, l := range r.pb.Ladders {
		ladder := l.Ladder
		ladder.Steps = append(ladder.Steps[:0:0], ladder.Steps...)
		for i := range ladder.Steps {
			ladder.Steps[i].Line = 0
		}
		out = append(out, inJSON(ladder.Steps)+flag(ladder.Condition != "", " under a condition"))
	}
	return out
}

func (r *reading) quoteFacts() []string {
	var out []string
	for _, q := range r.quotes {
		out = append(out, strings.Join(strings.Fields(q.text(r.text)), " "))
	}
	return out
}

// numberFacts are all numbers outside quotes and labels of steps, in digits or
// in words. "One" is left out: in most languages it is an article as well.
func (r *reading) numberFacts() []string {
	labels := map[int]int{} // from the beginning of a line to the end of its label
	for _, s := range r.steps {
		start := r.lineStarts[s.line]
		if i := strings.Index(r.text[start:], s.label); i >= 0 {
			labels[start] = start + i + len(s.label)
		}
	}
	var out []string
	for n, start := range r.lineStarts {
		end := len(r.text)
		if n+1 < len(r.lineStarts) {
			end = r.lineStarts[n+1]
		}
		out = append(out, r.digits(max(start, labels[start]), end)...)
	}
	for _, t := range r.tokens {
		if v, ok := t.Value(vocabulary.Number); ok && v != "1" && !strings.ContainsFunc(r.text[t.start:t.end], unicode.IsDigit) {
			out = append(out, v)
		}
	}
	return out
}

// digits are the runs of digits with their separators in text[from:to],
// without those in quotes.
func (r *reading) digits(from, to int) []string {
	var out []string
	begin, last := -1, 0
	flush := func() {
		if begin >= 0 {
			out = append(out, norm.NFKC.String(r.text[begin:last]))
		}
		begin = -1
	}
	for i, c := range r.text[from:to] {
		i += from
		if _, quoted := r.quoteAt(i); quoted {
			flush()
			continue
		}
		switch {
		case unicode.IsDigit(c):
			if begin < 0 {
				begin = i
			}
			last = i + len(string(c))
		case begin >= 0 && (c == '.' || c == ',' || c == ':') && last == i:
		default:
			flush()
		}
	}
	flush()
	return out
}

// durationFacts are the durations that the grammar reads, in follow-ups and
// elsewhere.
func (r *reading) durationFacts() []string {
	var out []string
	for _, d := range r.delays {
		for _, one := range d.list {
			out = append(out, one.String())
		}
	}
	return out
}

// foldedItems compares the items of a list by their words.
func foldedItems(items []string) []string {
	var out []string
	for _, s := range items {
		out = append(out, strings.Trim(fold.Phrase(s), " .;,*"))
	}
	return out
}

// inJSON writes a value as one line of JSON.
func inJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // data of this package always marshals
	}
	return string(b)
}
