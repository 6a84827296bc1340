package instructions

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// prohibitionFacts has one entry for each word that forbids ("never", "do
// not"): a rewrite may put one for the other, and neither drop nor add one.
func (r *reading) prohibitionFacts() []string {
	var out []string
	for _, t := range r.tokens {
		if t.any("prohibit") {
			out = append(out, "never, do not")
		}
	}
	return out
}

// negationFacts has one entry for each other word that negates where the text
// acts or sets a condition: "if they are not ready" is no longer the same
// without it. In other prose ("new or not") words may change.
func (r *reading) negationFacts() []string {
	var out []string
	for i := range r.sentences {
		s := &r.sentences[i]
		if !r.sentenceHas(s, "if", "if_not", "only_if", "else") && !slices.ContainsFunc(r.pb.Actions, func(a ActionSite) bool { return a.Offset >= s.start && a.Offset < s.end }) {
			continue
		}
		for t := s.lo; t < s.hi; t++ {
			if r.tokens[t].any("not", "if_not") && !r.tokens[t].any("prohibit") {
				out = append(out, "not, without, unless")
			}
		}
	}
	return out
}

// anchor is something of a text whose place means something.
type anchor struct {
	fact  string
	what  string
	start int
	line  int
	words map[string]bool // of its sentence
}

// anchors are the actions and the quoted texts outside follow-ups, in their
// order. Follow-ups are compared as a whole.
func (r *reading) anchors() []anchor {
	var out []anchor
	for _, a := range r.pb.Actions {
		if !a.FollowUp {
			out = append(out, anchor{inJSON(a.Action), "action", a.Offset, a.Line, r.wordsAround(a.Offset)})
		}
	}
	for _, q := range r.quotes {
		inLadder := slices.ContainsFunc(r.pb.Ladders, func(l LadderSource) bool { return q.start < l.End && l.Offset < q.end })
		if !inLadder {
			out = append(out, anchor{q.text(r.text), "quoted text", q.start, r.lineAt(q.start) + 1, nil})
		}
	}
	slices.SortStableFunc(out, func(a, b anchor) int { return a.start - b.start })
	return out
}

// wordsAround are the words of four letters and more in the sentence at an
// offset; of a language without spaces, its characters.
func (r *reading) wordsAround(offset int) map[string]bool {
	i, ok := slices.BinarySearchFunc(r.sentences, offset, func(s sentence, o int) int {
		switch {
		case s.end <= o:
			return -1
		case s.start > o:
			return 1
		}
		return 0
	})
	out := map[string]bool{}
	if !ok {
		return out
	}
	for _, w := range strings.FieldsFunc(fold.Phrase(r.text[r.sentences[i].start:r.sentences[i].end]), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		first, _ := utf8.DecodeRuneInString(w)
		switch {
		case fold.Unspaced(first):
			for _, c := range w {
				out[string(c)] = true
			}
		case utf8.RuneCountInString(w) >= 4:
			out[w] = true
		}
	}
	return out
}

// moved are the faults of a rewrite that has all that the text has, in another
// place: a step before another one, two actions with each other's words, or an
// action that left the line of one for the line of another.
func (r *reading) moved(after *reading) []string {
	was, is := r.anchors(), after.anchors()
	var out []string
	used := make([]bool, len(was))
	last := (*anchor)(nil)
	type pair struct{ was, is anchor }
	var pairs []pair
	for _, a := range is {
		k := -1
		for i := range was {
			if !used[i] && was[i].fact == a.fact && was[i].what == a.what {
				k = i
				break
			}
		}
		if k < 0 {
			continue // reported as new
		}
		used[k] = true
		if last != nil && was[k].line < last.line && len(out) == 0 {
			out = append(out, fmt.Sprintf("the %s %s stood before the %s %s, and stands behind it", was[k].what, shown(was[k].fact), last.what, shown(last.fact)))
		}
		last = &was[k]
		if a.what == "action" {
			pairs = append(pairs, pair{was[k], a})
		}
	}
	const most = 200 // pairs are compared with each other
	pairs = pairs[:min(len(pairs), most)]
	for i := range pairs {
		for j := range pairs[:i] {
			a, b := pairs[i], pairs[j]
			if a.was.line == b.was.line || a.was.fact == b.was.fact {
				continue
			}
			if shared(a.is.words, b.was.words, a.was.words) > 0 && shared(b.is.words, a.was.words, b.was.words) > 0 {
				out = append(out, fmt.Sprintf("the action %s has the words of the action %s, and the other way round", shown(a.was.fact), shown(b.was.fact)))
				return out
			}
		}
	}
	for _, a := range pairs {
		left := slices.IndexFunc(pairs, func(b pair) bool { return b.was.line == a.was.line && b.is.line != a.is.line })
		joined := slices.IndexFunc(pairs, func(b pair) bool { return b.was.line != a.was.line && b.is.line == a.is.line })
		if left >= 0 && joined >= 0 {
			return append(out, fmt.Sprintf("the action %s stood with the action %s, and stands with the action %s", shown(a.was.fact), shown(pairs[left].was.fact), shown(pairs[joined].was.fact)))
		}
	}
	return out
}

// shared is how many more words a sentence has of one that is its own by
// neither's than of the one that is: above 0 it is the other's.
func shared(words, other, own map[string]bool) int {
	n := 0
	for w := range words {
		switch {
		case other[w] && !own[w]:
			n++
		case own[w] && !other[w]:
			n--
		}
	}
	return n
}
