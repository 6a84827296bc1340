package instructions

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// sense is what a sentence says of an action in it (grammar 17).
type sense int

const (
	ordered   sense = iota // do it
	forbidden              // plainly: do not
	doubted                // a negation is about it, or about something else
	described              // it is said to be so: "if it is assigned to @X"
)

// certainly is the sense of a negation that governs an action beyond doubt,
// or not.
func certainly(plain bool) sense {
	if plain {
		return forbidden
	}
	return doubted
}

// governing are the kinds of words that may stand between a negation and the
// verb that it forbids.
var governing = []vocabulary.Kind{"adverb", "to", "addressee", "auxiliary", "attempt", "not", "prohibit", "cannot", "not_after", "not_next", "or", "always", "wants_done"}

// breaking are the kinds of words behind which something else begins than what
// a negation before them forbids.
var breaking = []vocabulary.Kind{"and", "then", "else", "relative", "relative_that", "reason", "but", "if", "if_not", "lifts", "hence"}

// stretch is a short piece of the folded text, with all words that the
// vocabulary knows in it.
type stretch struct {
	text     string
	words    []vocabulary.Token
	language string
}

// longestStretch is how many bytes are looked at between two phrases. Behind
// more, nothing is certain.
const longestStretch = 160

// words scans the folded text between two of its offsets, without the mentions
// in it.
func (c *compiler) words(from, to int) stretch {
	to = max(from, to)
	g := stretch{text: c.shadow.Text[from:to], language: c.language}
	if to-from > longestStretch {
		return g
	}
	k, _ := slices.BinarySearchFunc(c.refs, c.shadow.Start(from), func(r ref, o int) int { return r.start - o })
	if k < len(c.refs) && c.shadow.Index(c.refs[k].start) < to {
		at, text := from, strings.Builder{}
		for ; k < len(c.refs) && c.shadow.Index(c.refs[k].start) < to; k++ {
			text.WriteString(c.shadow.Text[at:max(at, c.shadow.Index(c.refs[k].start))])
			at = min(to, max(at, c.shadow.Index(c.refs[k].end)))
		}
		text.WriteString(c.shadow.Text[at:to])
		g.text = text.String()
	}
	g.words = c.vocab.ScanAll(g.text)
	return g
}

// wordsOf scans what stands between two offsets of the text.
func (c *compiler) wordsOf(from, to int) stretch {
	return c.words(c.shadow.Index(from), c.shadow.Index(max(from, to)))
}

// is reports whether a word is of one of the kinds. One of two letters or less
// counts only in the language of the text.
func (g stretch) is(w vocabulary.Token, kinds ...vocabulary.Kind) bool {
	first, _ := utf8.DecodeRuneInString(g.text[w.Start:])
	short := w.End-w.Start <= 2 && !fold.Unspaced(first)
	return slices.ContainsFunc(w.Meanings, func(m vocabulary.Meaning) bool {
		return slices.Contains(kinds, m.Kind) && (!short || g.language == "" || m.Language == g.language)
	})
}

// has reports whether a word of one of the kinds stands in it.
func (g stretch) has(kinds ...vocabulary.Kind) bool {
	return slices.ContainsFunc(g.words, func(w vocabulary.Token) bool { return g.is(w, kinds...) })
}

// bare counts the words that are of none of the kinds.
func (g stretch) bare(kinds ...vocabulary.Kind) int {
	n, at := 0, 0
	for _, w := range g.words {
		if !g.is(w, kinds...) {
			continue
		}
		n += countWords(g.text[min(at, w.Start):w.Start])
		at = max(at, w.End)
	}
	return n + countWords(g.text[at:])
}

// only reports whether all words are of the kinds.
func (g stretch) only(kinds ...vocabulary.Kind) bool { return g.bare(kinds...) == 0 }

// behind returns what stands behind a word of it.
func (g stretch) behind(i int) stretch {
	end := g.words[i].End
	out := stretch{text: g.text[end:], language: g.language}
	for _, w := range g.words[i+1:] {
		if w.Start >= end {
			out.words = append(out.words, vocabulary.Token{Meanings: w.Meanings, Start: w.Start - end, End: w.End - end})
		}
	}
	return out
}

// before returns what stands before a word of it.
func (g stretch) before(i int) stretch {
	return stretch{text: g.text[:g.words[i].Start], words: g.words[:i], language: g.language}
}

// last returns the index of the last word of one of the kinds, or -1.
func (g stretch) last(kinds ...vocabulary.Kind) int {
	for i := len(g.words) - 1; i >= 0; i-- {
		if g.is(g.words[i], kinds...) {
			return i
		}
	}
	return -1
}

func countWords(s string) int {
	return len(strings.FieldsFunc(s, func(r rune) bool { return !fold.WordRune(r) && r != '\'' && r != '’' }))
}

// breaks reports whether something else begins in it than what a negation
// before it forbids.
func (g stretch) breaks() bool {
	return slices.ContainsFunc(g.words, func(w vocabulary.Token) bool { return !g.is(w, governing...) && g.is(w, breaking...) })
}

// governs reports whether a negation is about the verb at token t beyond doubt:
// nothing stands between them but words such as "ever", "try to" or "be", or a
// list that ends in "or", or the negation is the subject ("no chat may be
// assigned").
func (c *compiler) governs(cl clause, hit, t int) bool {
	no := c.tokens[hit]
	g := c.words(no.End, c.tokens[t].Start)
	if no.any("declines") && c.anyIn(cl.lo, hit, negations...) || g.breaks() {
		return false // "never refuse to assign"
	}
	if always := g.last("always"); always > 0 && g.is(g.words[always-1], "attempt") {
		return false // "do not try always assign"
	}
	if or := g.last("or"); or >= 0 && g.behind(or).only(governing...) {
		return true
	}
	own := g.bare("to", "adverb", "attempt") > 0 || g.has("saying")
	if no.any("hush") || own && c.hasHead(cl, hit) {
		return false // "do not reply assign to @X", "people we do not want assigned to @X"
	}
	if g.only(governing...) {
		return true
	}
	const subject = 4 // words of "none of the agents"
	aux := g.last("auxiliary")
	return no.any("none") && aux >= 0 && g.behind(aux).only(governing...) && g.bare(governing...) <= subject &&
		c.blankBut(cl.start, clause{start: cl.start, end: no.start, lo: cl.lo, hi: hit}, "adverb", "addressee", "to", "if")
}

// isHedged reports whether a sentence leaves open if the action at token t is
// done at all: "maybe assign to @X later", "perhaps we should assign to @X",
// "assign to @X, maybe". In "maybe they want a price: assign to @X" something
// else is open, and "maybe: assign to @X" is a case.
func (c *compiler) isHedged(s *sentence, t int) bool {
	if !c.hedges {
		return false
	}
	most := 0 // words between that are none of those before a verb
	if c.tokens[t].any("assign_after") {
		most = 2 // "vielleicht später an @X zuweisen"
	}
	cl := s.clauses[s.clauseAt(c.tokens[t].start)]
	for k := t - 1; k >= cl.lo; k-- {
		if c.tokens[k].any("hedge") {
			return c.wordsOf(cl.start, c.tokens[k].start).only("and", "then", "but", "adverb", "addressee", "subject", "speaker", "auxiliary") &&
				c.wordsOf(c.tokens[k].end, c.tokens[t].start).bare("adverb", "addressee", "subject", "speaker", "auxiliary", "always", "another") <= most
		}
	}
	end := c.endOfAction(s, t)
	for k := t + 1; k < s.hi; k++ {
		if c.tokens[k].start >= end && c.tokens[k].any("hedge", "hedge_after") {
			return noWord(c.text[end:c.tokens[k].start]) && c.wordsOf(c.tokens[k].end, s.end).only("adverb", "another")
		}
	}
	return false
}

// isLeftOpen reports whether the author leaves open if the action at token t is
// done: by a "maybe", or by a question that is one to himself ("if they are done,
// close the conversation?") and not about the contact ("do they want to ...?").
func (c *compiler) isLeftOpen(s *sentence, t int) bool {
	if c.isHedged(s, t) {
		return true
	}
	cl := s.clauses[s.clauseAt(c.tokens[t].start)]
	return c.isAsked(s, t) && (c.anyIn(s.lo, t, "whether", "if") || c.wordsOf(cl.start, c.tokens[t].start).only("and", "then"))
}

// readWanted reads an action that somebody else wants done, which is no order of
// the author: "ignore it when they ask you to assign to @X". One that the
// sentence tells to comply with is one: "if they ask you to assign to @X, do it".
func (c *compiler) readWanted(s *sentence, t int) sense {
	cl := s.clauses[s.clauseAt(c.tokens[t].start)]
	k := t - 1
	for k >= cl.lo && !c.tokens[k].any("wants_done", "wants_said", "others_do") {
		k--
	}
	if k < cl.lo || !c.wordsOf(c.tokens[k].end, c.tokens[t].start).only("adverb", "to") {
		return ordered
	}
	who := c.wordsOf(cl.start, c.tokens[k].start)
	us := who.last("author")
	switch {
	case c.tokens[k].any("others_do"):
		return described // "wait for them to close the conversation"
	case noWord(who.text), us >= 0 && who.behind(us).only(): // "tell the bot to", "we want you to"
		return ordered
	case c.tokens[k].any("wants_said") && !who.has("if", "if_not"):
		return ordered // "no matter what they say assign to @X"
	case c.anyIn(s.lo, k, "pass_over", "declines"), c.anyIn(t, s.hi, "refusal", "pass_over", "declines"):
		return forbidden
	case c.anyIn(t, s.hi, "comply"):
		return ordered
	}
	return doubted
}

// hasHead reports whether a negation has a subject with a word before it:
// "questions you cannot", "leads who do not".
func (c *compiler) hasHead(cl clause, hit int) bool {
	who, _ := c.subjectOf(cl, hit)
	return who > cl.start && !c.blankBut(cl.start, clause{start: cl.start, end: who, lo: cl.lo, hi: hit}, "adverb", "addressee", "always", "and", "but")
}

// isWithout reports whether a negation says of the first word of its clause what it
// is without: "chats without a number", "questions that are not about prices".
func (c *compiler) isWithout(cl clause, hit int) bool {
	head := c.wordsOf(cl.start, c.tokens[hit].start)
	if c.tokens[hit].any("lifts") {
		return c.tokens[hit].any("not") && countWords(head.text) > 0 && !head.has(refusals...) && c.clauseHas(clause{lo: cl.lo, hi: hit}, "if", "assign", "assign_loose", "always") < 0
	}
	that := head.last("relative", "relative_that")
	return that >= 0 && countWords(head.before(that).text) > 0 && countWords(head.behind(that).text) > 0 && head.behind(that).only("auxiliary") && !head.before(that).has("saying", "always", "addressee")
}

// subjectOf returns where the subject right before a negation begins, or inside
// it ("you can't"), and whether it is a relative pronoun; -1: it has none.
func (c *compiler) subjectOf(cl clause, hit int) (start int, relative bool) {
	no := c.tokens[hit]
	text := c.shadow.Text[no.Start:no.End]
	if first, _, ok := strings.Cut(text, " "); ok && slices.ContainsFunc(c.scan(first), func(t vocabulary.Token) bool { return t.End == len(first) && t.Is("subject") }) {
		return no.start, false
	}
	if hit == cl.lo {
		return -1, false
	}
	who := c.tokens[hit-1]
	if relative = who.any("relative"); !relative && !who.any("subject") || !noWord(c.shadow.Text[min(who.End, no.Start):no.Start]) {
		return -1, false
	}
	return who.start, relative
}

// inList reports whether an action is in the list of what an earlier clause
// forbids beyond doubt: "or" stands right before it, or behind it.
func (c *compiler) inList(s *sentence, carried, t int) bool {
	for k := t + 1; k < s.hi; k++ {
		if c.tokens[k].any("or") && !c.betweenMentions(c.tokens[k]) {
			return true
		}
	}
	for k := t - 1; k > carried; k-- {
		if c.tokens[k].any("or") {
			return c.words(c.tokens[k].End, c.tokens[t].Start).only(governing...)
		}
	}
	return false
}

// isOver reports whether what a negation is about ends before the action at
// token t, which is an order of its own.
func (c *compiler) isOver(cl clause, hit, t int) bool {
	g := c.words(c.tokens[hit].End, c.tokens[t].Start)
	return c.ordersAnew(g, t) || c.isRelative(cl, hit, t, g) || c.isSaid(cl, hit, g)
}

// isSaid reads "say that you don't know and assign to @X": what is negated is what
// is said, and the action behind it is an order.
func (c *compiler) isSaid(cl clause, hit int, g stretch) bool {
	and := g.last("and")
	if and < 0 || !g.behind(and).only("then", "adverb", "always") || g.before(and).has("or") {
		return false
	}
	said := c.wordsOf(cl.start, c.tokens[hit].start)
	i := said.last("saying")
	return i >= 0 && said.behind(i).has("subject") && said.behind(i).only("subject", "relative_that", "pronoun", "addressee", "auxiliary", "attempt") &&
		!said.before(i).has(refusals...)
}

// ordersAnew reads "we don't offer repairs so assign" and "never quote prices
// and always assign". A form of the verb that is no order may go on with what is
// forbidden: "don't be lazy and always assigned to @X".
func (c *compiler) ordersAnew(g stretch, t int) bool {
	if c.tokens[t].any("assigned", "as_noun") {
		return false
	}
	for i := len(g.words) - 1; i > 0; i-- {
		w := g.words[i]
		if !g.behind(i).only("adverb", "to", "always", "addressee") {
			return false
		}
		before := g.before(i)
		joined := before.last("and") >= 0 && before.behind(before.last("and")).only()
		switch {
		case g.is(w, "hence") && !joined:
			return before.bare(governing...) > 0
		case g.is(w, "always") && joined:
			return before.before(before.last("and")).bare(governing...) > 0
		}
	}
	if len(g.words) > 0 && g.is(g.words[0], "hence") {
		return countWords(g.text[:g.words[0].Start]) > 0 && g.behind(0).only("adverb", "to", "always", "addressee")
	}
	return false
}

// isRelative reads "questions you can't answer should be assigned to @X": the
// negation has a subject and a verb of its own, and the action is what the rest
// of the sentence says.
func (c *compiler) isRelative(cl clause, hit, t int, g stretch) bool {
	if !c.tokens[t].any("assigned") || g.breaks() || !c.hasHead(cl, hit) && !c.isWithout(cl, hit) {
		return false
	}
	_, relative := c.subjectOf(cl, hit)
	relative = relative || c.isWithout(cl, hit)
	most := 1
	if relative {
		most = 3 // "who cannot pay online"
	}
	aux := -1 // the first of the auxiliaries right before the action
	for i := len(g.words) - 1; i >= 0 && g.is(g.words[i], "auxiliary") && g.behind(i).only("auxiliary"); i-- {
		if g.is(g.words[i], "finite") {
			aux = i
		}
	}
	if aux < 0 || g.has("saying", "or") {
		return false
	}
	own := g.before(aux)
	n := own.bare("particle", "adverb")
	return n >= 1 && n <= most && own.bare("particle", "adverb", "subject") == n && countWords(own.text) >= n
}

// closelyBehind reports whether a negation behind the action at token t is about
// it beyond doubt: few words stand between it and the mention.
func (c *compiler) closelyBehind(t, k int) bool {
	from := c.tokens[t].end
	if r := c.refBefore(c.tokens[k].start); r < len(c.refs) && c.refs[r].end <= c.tokens[k].start {
		from = max(from, c.refs[r].end)
	}
	g := c.wordsOf(from, c.tokens[k].start)
	return g.bare(governing...) <= 2 && !g.has("relative", "relative_that", "if", "and")
}

// readNaming reads "assigning to @X will get you fired": what names the action
// and says of it neither that it is right nor when it is done may be meant to
// forbid it.
func (c *compiler) readNaming(s *sentence, cl clause, t int) sense {
	if !c.tokens[t].any("as_noun") || !c.blankBut(cl.start, clause{start: cl.start, end: c.tokens[t].start, lo: cl.lo, hi: t}, "adverb") ||
		c.anyIn(s.lo, s.hi, "if", "if_not", "only_if", "else") {
		return ordered
	}
	r := c.refBefore(cl.end)
	if r >= len(c.refs) || c.refs[r].start < c.tokens[t].end {
		return ordered
	}
	g := c.wordsOf(c.refs[r].end, cl.end)
	goesOn := len(g.words) > 0 && countWords(g.text[:g.words[0].Start]) == 0 && g.is(g.words[0], "and", "then", "to")
	if goesOn || noWord(g.text) || g.has("permits", "can", "round_robin", "least_open", "other_method", "silently", "note", "note_with", "no_summary") {
		return ordered
	}
	return doubted
}

// usedInstead reads "do not assign to @A; use @B", from the end of the one
// mention to the start of the other.
func (c *compiler) usedInstead(from, to int) bool {
	if !c.cutOrDash(from, to) {
		return false
	}
	g := c.wordsOf(from, to)
	use := g.last("use")
	return use >= 0 && !g.has(refusals...) && !g.has("or", "if", "if_not", "relative", "reason") &&
		g.behind(use).only("adverb", "to") && g.before(use).only("adverb", "addressee", "always", "and", "lifts", "but", "particle")
}

// cutOrDash reports whether a clause ends in text[from:to], at a hyphen between
// spaces too.
func (c *compiler) cutOrDash(from, to int) bool {
	return c.cutBetween(from, to) || strings.Contains(c.text[from:to], " - ") || strings.Contains(c.text[from:to], " – ")
}

// inCompound reports whether a negation is the beginning of a word that is
// written with a hyphen: "non-paying", "no-fee".
func (c *compiler) inCompound(t token, next []vocabulary.Token) bool {
	if !t.any("not") || t.any("prohibit") || t.end+1 >= len(c.text) || c.text[t.end] != '-' {
		return false
	}
	r, _ := utf8.DecodeRuneInString(c.text[t.end+1:])
	if !fold.WordRune(r) {
		return false
	}
	if len(next) == 0 || next[0].Start != t.End+1 {
		return true
	}
	behind := token{Token: next[0]} // "not-under any circumstances"
	_, _, acts := actionKind(behind)
	return !acts && !behind.any("adverb", "not", "prohibit", "cannot", "always")
}
