package offline

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// findCondition finds the condition in a clause: behind "if" at the
// beginning, up to the comma, arrow or colon; behind an "if" further on, up to
// the end; or in front of an arrow.
func (p *plan) findCondition(s string, offset int) (condFrom, condTo, bodyFrom, bodyTo int) {
	bodyTo = len(s)
	lower := lowered(s)
	at := -1
	for w := range conditionWords {
		if i := wordIndex(lower, w); i >= 0 && (at < 0 || i < at) && !p.embedded(lower[:i]) {
			at = i
		}
	}
	for _, w := range []string{"only after", "hanya setelah"} {
		if i := wordIndex(lower, w); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	arrow := strings.Index(s, "→")
	switch {
	case at >= 0 && leads(s[:at]):
		stop := firstOf(s[at:], ",", "→", ":", " then ", " maka ", "—")
		if stop < 0 {
			return at, len(s), len(s), len(s)
		}
		condTo = at + stop
		_, n := utf8.DecodeRuneInString(s[condTo:])
		return at, condTo, condTo + n, bodyTo
	case at >= 0:
		return at, len(s), 0, at
	case arrow > 0 && !p.acts(offset, offset+arrow):
		return 0, arrow, arrow + len("→"), bodyTo
	}
	if t := strings.TrimRight(s, " \t\n*_"); strings.HasSuffix(strings.TrimRight(p.text(offset, offset+len(s)), " \t\n*_"), ":") && strings.HasSuffix(t, ":") && !p.acts(offset, offset+len(s)) && !hasAny(phrased(t), askVerbs) && !hasAny(phrased(t), sayVerbs) {
		return 0, len(t) - 1, len(s), len(s)
	}
	return 0, 0, 0, bodyTo
}

// lowered is the text in lower case, of the same length.
func lowered(s string) string {
	if l := strings.ToLower(s); len(l) == len(s) {
		return l
	}
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// embedded reports whether an "if" behind these words begins no condition:
// "ask if", "see if".
func (p *plan) embedded(before string) bool {
	words := wordsOf(before)
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	return askVerbs[last] || last == "them" && len(words) > 1 && askVerbs[words[len(words)-2]] || last == "see" || last == "check" || last == "whether"
}

// leads reports whether a condition behind these words stands at the beginning
// of its clause: nothing but markup, a label or a connective is before it.
func leads(before string) bool {
	before = strings.TrimSpace(unmarked(before))
	if before == "" || strings.HasSuffix(before, ":") && utf8.RuneCountInString(before) <= 60 {
		return true
	}
	words := wordsOf(before)
	return len(words) <= 1 && (len(words) == 0 || words[0] == "and" || words[0] == "but" || words[0] == "dan" || words[0] == "tetapi" || words[0] == "tapi" || words[0] == "only" || words[0] == "hanya")
}

func firstOf(s string, marks ...string) int {
	first := -1
	for _, m := range marks {
		for from := 0; from < len(s); {
			i := strings.Index(s[from:], m)
			if i < 0 {
				break
			}
			i += from
			from = i + len(m)
			if m == "," && from < len(s) && s[from] >= '0' && s[from] <= '9' {
				continue // the separator of a number
			}
			if first < 0 || i < first {
				first = i
			}
			break
		}
	}
	return first
}

func (p *plan) acts(start, end int) bool {
	return slices.ContainsFunc(p.pb.Actions, func(a instructions.ActionSite) bool { return a.Offset >= start && a.Offset < end })
}

func starts(s string, phrases map[string]bool) bool {
	text := phrased(s)
	for w := range phrases {
		if strings.HasPrefix(text, " "+w+" ") {
			return true
		}
	}
	return false
}

func firstWord(s string) string {
	if words := wordsOf(s); len(words) > 0 {
		return words[0]
	}
	return ""
}

// condition reads a condition. offset is -1 where it is not a piece of the
// text that constraints point into; before is what "otherwise" turns around.
func (p *plan) condition(raw string, offset int, before *condition) *condition {
	var all []*condition
	rest := raw
	for _, c := range p.pb.Constraints {
		if offset < 0 || c.Offset < offset || c.End > offset+len(raw) {
			continue
		}
		all = append(all, &condition{kind: whenCompared, compare: c, topic: p.topicOf(c)})
		rest = strings.Replace(rest, p.text(c.Offset, c.End), " ", 1)
	}
	text := phrased(rest)
	switch {
	case len(all) > 0:
		if words := alternatives(rest); len(words) > 0 && (strings.Contains(text, " and ") || strings.Contains(text, " dan ")) {
			all = append(all, &condition{kind: whenWords, words: words})
		}
	case hasAny(text, interest) && !hasAny(text, noConditions):
		all = append(all, &condition{kind: whenInterested})
	case hasAny(text, resolved) && !hasAny(text, noConditions):
		all = append(all, &condition{kind: whenResolved})
	case negates(text):
		switch {
		case before != nil && (before.kind == whenCompared || before.kind == whenWords || before.kind == whenAll || before.kind == whenResolved):
			all = append(all, &condition{kind: whenNot, of: []*condition{before}})
		default:
			all = append(all, &condition{kind: whenNo})
		}
	case hasAny(text, yesConditions) && len(contentWords(rest)) == 0:
		all = append(all, &condition{kind: whenYes})
	default:
		words := alternatives(rest)
		if len(words) == 0 {
			return &condition{kind: whenYes}
		}
		all = append(all, &condition{kind: whenWords, words: words})
	}
	if len(all) == 1 {
		return all[0]
	}
	return &condition{kind: whenAll, of: all}
}

// negates reports whether a condition turns around what was before it: "if
// not", "otherwise", "if they are not ready", "not urgent".
func negates(text string) bool {
	for w := range conditionWords {
		text = strings.TrimPrefix(text, " "+w)
	}
	if hasAny(text, noConditions) {
		return true
	}
	return strings.TrimSpace(text) == "" // a bare "otherwise"
}

// alternatives are the content words of each alternative of a condition.
func alternatives(s string) [][]string {
	for _, or := range []string{"|", "/", ",", ";", "(", ")", ":", " or ", " atau ", " OR ", " ATAU "} {
		s = strings.ReplaceAll(s, or, "\n")
	}
	var out [][]string
	for line := range strings.SplitSeq(s, "\n") {
		if words := contentWords(line); len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}
