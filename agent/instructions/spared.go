package instructions

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// spared returns those of the mentions behind an assign phrase that it allows.
// Between two mentions the text may turn around: "assign to @A, not to @B",
// "do not assign to @A but to @B", "assign to @A if @B is busy".
func (c *compiler) spared(from int, refs []*ref, negated bool) (allowed []*ref, except bool) {
	yes, at := !negated, from
	named := false // the mention before is only spoken of
	for i, r := range refs {
		lo, hi := c.tokensIn(at, r.start)
		switch {
		case i == 0 && !negated && c.describes(from, lo, hi, refs):
			yes = true
		case i == 0 || named && c.endsInTo(r.start, "") || !c.joins(at, r.start, lo, hi):
			var x bool
			yes, x = c.turn(r, lo, hi, yes, negated)
			except = except || x && !yes
			yes = yes || i > 0 && (len(allowed) == 0 && c.usedInstead(at, r.start) || !negated && c.usedFor(at, r.start))
		}
		named = yes && c.onlyNamed(at, r, i == 0, len(refs) > 1)
		yes = yes && !named
		if yes {
			allowed = append(allowed, r)
		}
		at = r.end
	}
	return allowed, except
}

// usedFor reads "assign to @A; for VIPs use @B", from the end of the one mention to
// the start of the other.
func (c *compiler) usedFor(from, to int) bool {
	g := c.wordsOf(from, to)
	use := g.last("use")
	return use >= 0 && g.has("if") && !g.has(refusals...) && !g.has("if_not", "reason", "relative") && g.behind(use).only("adverb", "to")
}

// onlyNamed reports whether a mention behind another is only spoken of: "assign
// to @A (formerly @B)", "assign to @A and tell @B", "assign to @A, @B is full".
// Of the first of several it is read only where it is taken from: "reassign from
// @B to @A".
func (c *compiler) onlyNamed(at int, r *ref, first, several bool) bool {
	g := c.wordsOf(at, r.start)
	if first {
		i := g.last("from")
		return several && i >= 0 && g.behind(i).only()
	}
	if i := g.last("formerly", "informs", "of_other"); i >= 0 && (g.behind(i).only() || g.is(g.words[i], "informs") && g.behind(i).only("to", "adverb")) {
		return true
	}
	const near = 32 // bytes
	behind := c.text[r.end:min(len(c.text), r.end+near)]
	if end := strings.IndexFunc(behind, func(r rune) bool { return isCut(r) || isStop(r) || r == '\n' }); end >= 0 {
		behind = behind[:end]
	}
	if !c.cutBetween(at, r.start) || !g.only("and", "but", "reason") {
		return false
	}
	says := c.wordsOf(r.end, r.end+len(strings.ToValidUTF8(behind, "")))
	return says.has("unavailable", "not", "prohibit", "cannot") && countWords(says.text[:says.words[0].Start]) == 0 &&
		says.is(says.words[0], "predicate", "unavailable", "auxiliary", "not", "prohibit", "cannot")
}

// describes reports whether what stands between an assign phrase and its first
// mention says who is assigned: "assign customers who speak German to @A". It
// holds a relative clause and no negation, the phrase has no "to" before it
// ("assign to the person who reports to @A"), and no other mention is the target
// ("assign those who wrote to @A to @B").
func (c *compiler) describes(from, lo, hi int, refs []*ref) bool {
	language, to := "", c.endsInTo(from, "")
	for k := lo; k < hi; k++ {
		t := c.tokens[k]
		switch {
		case t.any(refusals...) || t.any("not_next", "except", "but", "else", "then", "reason", "lifts"), language == "" && t.any("if", "to"):
			return false
		case t.any("relative"):
			language = t.language()
		}
	}
	if language == "" || to || c.cutBetween(from, refs[0].start) || !c.endsInTo(refs[0].start, language) {
		return false
	}
	if len(refs) == 1 {
		return true
	}
	nlo, nhi := c.tokensIn(refs[0].end, refs[1].start)
	return slices.ContainsFunc(c.tokens[nlo:nhi], func(t token) bool { return t.any("and") })
}

// endsInTo reports whether the word before an offset is a "to" of the language;
// of any, where none is given.
func (c *compiler) endsInTo(at int, language string) bool {
	before := strings.TrimRight(c.text[c.near(0, at):at], " *_`")
	word := fold.Phrase(strings.ToValidUTF8(before[strings.LastIndexAny(before, " \n\t")+1:], ""))
	return slices.ContainsFunc(c.scan(word), func(t vocabulary.Token) bool {
		return t.Start == 0 && t.End == len(word) && slices.ContainsFunc(t.Meanings, func(m vocabulary.Meaning) bool {
			return m.Kind == "to" && (language == "" || m.Language == language)
		})
	})
}

// joins reports whether what stands between two mentions makes them one list.
func (c *compiler) joins(from, to, lo, hi int) bool {
	return c.blankBut(from, clause{start: from, end: to, lo: lo, hi: hi}, "and", "or", "to") &&
		!slices.ContainsFunc(c.tokens[lo:hi], func(t token) bool { return t.any("then", "else", "reason") })
}

// turn reads the tokens before a mention, back to the one before it: whether
// the mention is allowed, and whether it is an exception of something wider.
func (c *compiler) turn(r *ref, lo, hi int, yes, negated bool) (allowed, except bool) {
	allowed = !negated
	condition, at, excepted := false, 0, 0
	for k := lo; k < hi; k++ {
		t := c.tokens[k]
		if condition && c.cutBetween(at, t.start) {
			condition, allowed = false, !negated
		}
		switch {
		case t.any("except"):
			allowed, except, excepted = negated, true, t.end
		case t.any("but"):
			allowed = allowed || negated || !yes
		case t.any(negations...) && !t.any("if_not") && !condition:
			allowed, excepted = false, 0
		case t.any("else", "then"):
			condition, allowed = false, !negated
		case t.any("if", "if_not", "reason", "relative"):
			condition, allowed = true, false
		case condition && t.any("and", "or") && c.preposition(t.end, r.start):
			// "… and to @B": a preposition at most stands between
			condition, allowed = false, !negated
		}
		at = t.end
	}
	if condition && c.cutBetween(at, r.start) {
		allowed = !negated
	}
	if excepted > 0 && !negated && c.cutBetween(excepted, r.start) && c.endsInTo(r.start, "") {
		return true, false // "assign to @A, except VIPs, which go to @B"
	}
	return allowed, except
}

// preposition reports whether one short word stands in text[from:to], or none.
func (c *compiler) preposition(from, to int) bool {
	const longest = 3 // letters
	word := strings.TrimFunc(c.text[from:max(from, to)], func(r rune) bool { return !fold.WordRune(r) })
	return utf8.RuneCountInString(word) <= longest && !strings.ContainsFunc(word, func(r rune) bool { return !fold.WordRune(r) })
}

// cutBetween reports whether a clause ends in text[from:to].
func (c *compiler) cutBetween(from, to int) bool {
	return from < to && strings.ContainsFunc(c.text[from:to], isCut)
}

// sparesInPrompt reports whether a mention in the prompt of the assign action,
// where no assign phrase stands, is a target: no negation of its clause is
// about it.
func (c *compiler) sparesInPrompt(s *sentence, refs []ref, i int) bool {
	if c.underProhibition(s.step) {
		return false
	}
	r := &refs[i]
	n := slices.IndexFunc(s.clauses, func(cl clause) bool { return cl.start <= r.start && r.start < cl.end })
	if n < 0 {
		return true
	}
	cl := s.clauses[n]
	// Of a list of mentions, what stands before the first and behind the last
	// counts for each.
	from, to := cl.start, cl.end
	for j := i; j > 0 && refs[j-1].start >= cl.start; j-- {
		lo, hi := c.tokensIn(refs[j-1].end, refs[j].start)
		if !c.joins(refs[j-1].end, refs[j].start, lo, hi) {
			from = refs[j-1].end
			break
		}
	}
	behind := r.end
	for j := i; j+1 < len(refs) && refs[j+1].start < cl.end; j++ {
		lo, hi := c.tokensIn(refs[j].end, refs[j+1].start)
		if !c.joins(refs[j].end, refs[j+1].start, lo, hi) {
			to = refs[j].end
			break
		}
		behind = refs[j+1].end
	}
	if told := c.wordsOf(from, r.start); told.last("informs") >= 0 && told.behind(told.last("informs")).only("to", "adverb") {
		return false // "Assign to @A. Tell @B."
	}
	lo, hi := c.tokensIn(from, r.start)
	no, condition := false, false
	for k := lo; k < hi; k++ {
		t := c.tokens[k]
		switch {
		case t.any("except"):
			no = !no
		case t.any("but", "then", "else"):
			no, condition = false, false
		case t.any("if", "if_not", "relative"):
			condition = true
		case t.any(negations...) || t.any("not_next", "not_after"):
			no = no || !condition
		}
	}
	if no {
		return false
	}
	lo, hi = c.tokensIn(behind, to)
	for k := lo; k < hi; k++ {
		t := c.tokens[k]
		if t.any("if", "if_not", "relative") {
			break
		}
		if t.any(refusals...) {
			return false
		}
	}
	for n++; n < len(s.clauses); n++ {
		if !noWord(c.text[s.clauses[n].start:s.clauses[n].end]) {
			return !c.isRefusal(s.clauses[n])
		}
	}
	return true
}
