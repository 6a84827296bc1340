package instructions

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// remark are the kinds of words that a remark such as "this is outdated" is made
// of, beside those that make it one.
var remark = []vocabulary.Kind{"old_rule", "retracted", "draft", "shelved", "remark_noun", "remark_word", "below", "pronoun", "addressee", "adverb", "auxiliary", "relative_that", "and", "but", "refusal"}

// remarkMarks are the kinds that make a remark. A "set_aside" is one only alone in
// brackets or behind a sign, a "shelved" before a colon too, a "to_use" behind a
// prohibition.
var remarkMarks = []vocabulary.Kind{"old_rule", "retracted", "draft", "set_aside", "shelved", "to_use"}

// findTakenBack marks what the author says is not in force: "Old rule: …",
// "Draft: …", "… (outdated)", "Contoh jawaban yang salah: …". It may be no more
// than a note, so that what it tells to do is in doubt, not forbidden. A remark
// stands before what it is about, with a colon or in brackets, or behind it; or
// it is a sentence of its own, or the title of a section or list.
func (c *compiler) findTakenBack() {
	for i := range c.sentences {
		s := &c.sentences[i]
		if l := c.lines[s.line]; isComment(strings.TrimLeft(c.text[l.body:l.end], "*_")) {
			s.takeBack(s.start, s.end)
			continue
		}
		c.takeBackPast(i)
		k, _ := slices.BinarySearch(c.remarks, s.lo)
		first := k
		for ; k < len(c.remarks) && c.remarks[k] < s.hi; k++ {
			t := c.tokens[c.remarks[k]]
			begins, ends := noWord(c.text[s.start:t.start]), noWord(strings.TrimLeft(c.text[t.end:max(t.end, s.end)], " 0123456789"))
			switch {
			case begins && c.isDraft(t):
				s.takeBack(s.start, s.end)
			case !t.any("to_use") && c.isEnclosed(t):
				switch {
				case begins && ends:
					c.takeBackAround(i)
				case begins, c.onlyNumbersRule(s.start, t.start), ends && !c.settlesAt(s, t):
					s.takeBack(s.start, s.end)
				}
			case !t.any("to_use") && c.isCommented(t):
				if begins {
					c.takeBackAround(i)
				} else {
					s.takeBack(s.start, s.end)
				}
			case ends && !begins && c.isDashed(t):
				s.takeBack(s.start, s.end)
			case begins && t.any("shelved") && !c.inCases(s):
				if ends && strings.HasSuffix(strings.TrimRight(c.text[s.start:s.end], " *_"), ".") {
					c.takeBackAround(i)
				} else {
					c.takeBackHeaded(i, t.end)
				}
			case t.any("to_use"):
				c.takeBackUnused(i, c.remarks[k])
			case begins && t.any("old_rule"):
				c.takeBackBehind(i, t)
			}
		}
		if k == first {
			continue
		}
		if c.isRemark(s.start, s.end) {
			c.takeBackAround(i)
			continue
		}
		c.takeBackWithin(s)
	}
	c.takeBackSections()
}

// isComment reports whether a line begins with a sign by which programmers take
// it out of use.
func isComment(line string) bool {
	return strings.HasPrefix(line, "//") || strings.HasPrefix(line, "/*")
}

// takeBack marks a part of a sentence as not in force.
func (s *sentence) takeBack(from, to int) {
	if s.taken[1] > s.taken[0] {
		from, to = min(from, s.taken[0]), max(to, s.taken[1])
	}
	s.taken = [2]int{from, to}
}

// clauseAt returns the index of the clause that the offset stands in.
func (s *sentence) clauseAt(at int) int {
	n, ok := slices.BinarySearchFunc(s.clauses, at, func(cl clause, o int) int { return cl.start - o })
	if !ok {
		n--
	}
	return max(0, n)
}

// isTakenBack reports whether the author says of what stands at the offset that
// it is not in force.
func (s *sentence) isTakenBack(at int) bool { return s.taken[0] <= at && at < s.taken[1] }

// isDraft reports whether a token begins a note of the author to himself. In a
// language that has the word for something else ("todo" is "all" in Spanish) it
// is none.
func (c *compiler) isDraft(t token) bool {
	return slices.ContainsFunc(t.Meanings, func(m vocabulary.Meaning) bool {
		return m.Kind == "draft" && (c.language == "" || m.Language == c.language)
	})
}

// isEnclosed reports whether a token stands alone in brackets: "(old)", "[disabled]".
func (c *compiler) isEnclosed(t token) bool {
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(c.text[t.end:], " *_.!0123456789")) // "(replaced by rule 4)"
	return opensBracket(lastRune(strings.TrimRight(c.text[:t.start], " *_"))) && closesBracket(next)
}

// isCommented reports whether a token stands right behind the sign of a remark on
// what is before it: "assign to @X // old", "... <- outdated".
func (c *compiler) isCommented(t token) bool {
	before := strings.TrimRight(c.text[c.near(0, t.start):t.start], " *_")
	for _, sign := range []string{"//", "<-", "←", "#"} {
		if rest, ok := strings.CutSuffix(before, sign); ok {
			return strings.HasSuffix(strings.TrimRight(rest, "-<"), " ")
		}
	}
	return false
}

// isDashed reports whether a dash makes a token that ends its sentence a remark:
// "assign to @X if they pay - replaced".
func (c *compiler) isDashed(t token) bool {
	before := strings.TrimRight(c.text[c.near(0, t.start):t.start], " *_")
	dash, n := utf8.DecodeLastRuneInString(before)
	return t.any("set_aside", "shelved") && strings.ContainsRune("-–—", dash) && strings.HasSuffix(strings.TrimRight(before[:len(before)-n], "-"), " ")
}

// onlyNumbersRule reports whether nothing but the name of a rule stands between
// two offsets: "Rule 7 (void): ...".
func (c *compiler) onlyNumbersRule(from, to int) bool {
	g := c.wordsOf(from, to)
	noun := g.last("remark_noun")
	return noun >= 0 && g.before(noun).only("remark_word") && !strings.ContainsFunc(g.behind(noun).text, unicode.IsLetter)
}

// takeBackPast marks what a sentence says of the past: "Was: assign to @A. Now:
// assign to @B." "Before: ..." says it only beside "Now: ...".
func (c *compiler) takeBackPast(i int) {
	s := &c.sentences[i]
	head := s.clauses[0]
	if head.end-head.start > longestHead || !c.clauseEnds(head, ":：") {
		return
	}
	now := i+1 < len(c.sentences) && c.headIs(c.sentences[i+1].clauses[0], "now_said")
	switch {
	case !c.headIs(head, "past") && !(now && c.headIs(head, "earlier")):
	case noWord(c.text[head.end:max(head.end, s.end)]):
		c.takeBackBelow(i)
	default:
		s.takeBack(head.end, s.end)
	}
}

// inCases reports whether a sentence is one of a list of cases ("- Shipped: ...",
// "- Replaced: ..."), where its first words name a case too.
func (c *compiler) inCases(s *sentence) bool {
	return c.lines[s.line].label != "" && (c.namesCase(s.line-1) || c.namesCase(s.line+1))
}

// namesCase reports whether a line is an item that begins with the name of a
// case: a few words and a colon, which are no remark.
func (c *compiler) namesCase(n int) bool {
	const longest, words = 40, 3
	if n < 0 || n >= len(c.lines) || c.lines[n].label == "" {
		return false
	}
	l := c.lines[n]
	head := c.text[l.body:l.end]
	colon := firstColon(head, longest)
	if colon < 0 || noWord(head[colon:]) {
		return false
	}
	g := c.wordsOf(l.body, l.body+colon)
	return countWords(g.text) <= words && !g.has(remarkMarks...) && !g.has("remark_noun") && !strings.ContainsFunc(g.text, unicode.IsDigit)
}

func opensBracket(r rune) bool  { return strings.ContainsRune("([（［【", r) }
func closesBracket(r rune) bool { return strings.ContainsRune(")]）］】", r) }

// isRemark reports whether text[from:to] says nothing but that something is not
// in force.
func (c *compiler) isRemark(from, to int) bool {
	lo, hi := c.tokensIn(from, to)
	return c.anyIn(lo, hi, "old_rule", "retracted", "draft", "shelved") && c.remarkIn(c.shadow.Text[c.shadow.Index(from):c.shadow.Index(to)])
}

// remarkIn is isRemark for a folded text.
func (c *compiler) remarkIn(folded string) bool {
	if len(folded) > longestStretch {
		return false
	}
	g := stretch{text: folded, words: c.vocab.ScanAll(folded), language: c.language}
	// "It was replaced" may be said of anything, "this rule was replaced" of a rule.
	return (g.has("old_rule", "retracted", "draft") || g.has("shelved") && g.has("remark_noun")) && g.only(remark...)
}

// takeBackWithin reads the remarks that stand in a sentence beside what they are
// about.
func (c *compiler) takeBackWithin(s *sentence) {
	const before, behind = ":：)）—–-", ":：(（—–-"
	first, last := -1, -1 // the clauses of a remark
	set := false          // a sign that begins a remark stands before it
	flush := func() {
		switch rest := noWord(c.text[s.clauses[max(last, 0)].end:s.end]); {
		case first < 0:
		case !rest && c.clauseEnds(s.clauses[last], before):
			s.takeBack(s.clauses[last].end, s.end)
		case rest && (set || c.saysOfRule(s.clauses[first])):
			s.takeBack(s.start, s.clauses[first].start)
		}
		first, set = -1, false
	}
	for i, cl := range s.clauses {
		switch {
		case noWord(c.text[cl.start:cl.end]):
		case !c.isRemark(cl.start, cl.end):
			flush()
			set = c.clauseEnds(cl, behind)
		case first < 0 && set && c.settles(s, i):
			set = false // "If spam (ignore), if buyer (assign to @X)"
		default:
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	flush()
}

// saysOfRule reports whether a remark says what it is about, or goes against what
// stands before it: "..., this rule is outdated", "..., but it is not decided yet".
func (c *compiler) saysOfRule(cl clause) bool {
	return c.tokens[cl.lo].any("but") || c.wordsOf(cl.start, cl.end).has("remark_noun")
}

// settlesAt is settles for the clause that a token stands in.
func (c *compiler) settlesAt(s *sentence, t token) bool {
	n := s.clauseAt(t.start)
	return n > 0 && c.settles(s, n)
}

// settles reports whether clause i says what is done in the case that the clause
// before it names, and is no remark on an order: "spam - ignore, buyers - ...".
func (c *compiler) settles(s *sentence, i int) bool {
	const words = 3 // of a case: "spam and bots"
	cl, of := s.clauses[i], s.clauses[i-1]
	if c.anyIn(cl.lo, cl.hi, "old_rule", "draft", "shelved") || !c.anyIn(cl.lo, cl.hi, "pass_over") || c.hasAction(of.lo, of.end) {
		return false
	}
	if behind := strings.TrimLeft(c.text[cl.end:s.end], " *_"); c.clauseEnds(cl, ":：") || strings.IndexAny(behind, ":：—–-") == 0 {
		return false
	}
	g := c.wordsOf(of.start, of.end)
	if len(g.words) > 0 && noWord(g.text[:g.words[0].Start]) && g.is(g.words[0], "if", "if_not", "else") {
		return true
	}
	return countWords(g.text) <= words && !g.has("and", "or")
}

// clauseEnds reports whether one of the signs stands behind the last word of a
// clause.
func (c *compiler) clauseEnds(cl clause, signs string) bool {
	return strings.LastIndexAny(strings.TrimRight(c.text[cl.start:cl.end], " \t\n*_"), signs) > strings.LastIndexFunc(c.text[cl.start:cl.end], fold.WordRune)
}

// takeBackUnused reads "Do not use: …" at the beginning of a sentence, and
// "(don't use this)" at either end of one, where the token says "use".
func (c *compiler) takeBackUnused(i, use int) {
	const before = 16 // bytes: "we", "please"
	s, t := &c.sentences[i], c.tokens[use]
	if use == s.lo || !c.tokens[use-1].any("prohibit") || !noWord(c.text[c.tokens[use-1].end:max(c.tokens[use-1].end, t.start)]) {
		return
	}
	not := c.tokens[use-1]
	behind := strings.TrimLeft(c.text[t.end:max(t.end, s.end)], " *_")
	next, _ := utf8.DecodeRuneInString(behind)
	if closesBracket(next) && opensBracket(lastRune(c.text[:not.start])) && (noWord(c.text[s.start:not.start]) || noWord(behind)) {
		s.takeBack(s.start, s.end)
		return
	}
	if not.start-s.start > before || !c.wordsOf(s.start, not.start).only("addressee", "adverb") {
		return
	}
	c.takeBackHeaded(i, t.end)
}

// takeBackHeaded marks what stands behind a colon at the offset, or below it
// where nothing does.
func (c *compiler) takeBackHeaded(i, at int) {
	s := &c.sentences[i]
	behind := strings.TrimLeft(c.text[at:max(at, s.end)], " *_")
	if next, n := utf8.DecodeRuneInString(behind); next != ':' && next != '：' {
		return
	} else if behind = behind[n:]; noWord(behind) {
		c.takeBackBelow(i)
	} else {
		s.takeBack(s.end-len(behind), s.end)
	}
}

// takeBackBehind marks what stands behind the colon of a sentence that begins
// with a rule that is not in force and says more of it: "Old rule from May: …".
func (c *compiler) takeBackBehind(i int, t token) {
	const longest = 48 // bytes about the rule
	s := &c.sentences[i]
	about := c.text[t.end:max(t.end, min(s.end, t.end+longest))]
	at := strings.IndexAny(about, ":：")
	if at < 0 {
		return
	}
	g := c.wordsOf(t.end, t.end+at)
	if first := strings.IndexFunc(g.text, unicode.IsLetter); first >= 0 && noWord(g.text[:first]) && !slices.ContainsFunc(g.words, func(w vocabulary.Token) bool { return w.Start == first && g.is(w, "of_rule") }) {
		return // "Old script requests: …"
	}
	lo, hi := c.tokensIn(t.end, t.end+at)
	if c.anyIn(lo, hi, "not") && !c.anyIn(lo, hi, remarkMarks...) {
		return // "The old rules do not apply to them: …"
	}
	_, n := utf8.DecodeRuneInString(about[at:])
	if from := t.end + at + n; noWord(c.text[from:max(from, s.end)]) {
		c.takeBackBelow(i)
	} else {
		s.takeBack(from, s.end)
	}
}

// takeBackAround marks what a sentence that is nothing but a remark is about:
// what stands below it where it ends in a colon, else the sentence before it in
// its step, else the rest of the step.
func (c *compiler) takeBackAround(i int) {
	s := &c.sentences[i]
	if c.clauseEnds(clause{start: s.start, end: s.end}, ":：") || c.isTitle(s) || c.wordsOf(s.start, s.end).has("below") {
		c.takeBackBelow(i)
		return
	}
	if i > 0 && c.answer(&c.sentences[i-1]) == s {
		before := &c.sentences[i-1]
		before.takeBack(before.start, before.end)
		return
	}
	for k := i + 1; k < len(c.sentences) && c.sentences[k].step == s.step && c.sentences[k].line == s.line; k++ {
		c.sentences[k].takeBack(c.sentences[k].start, c.sentences[k].end)
	}
}

// isTitle reports whether a sentence is a line of its own in bold, which is no
// section's title: "**Old rules**".
func (c *compiler) isTitle(s *sentence) bool {
	l := c.lines[s.line]
	own := strings.TrimSpace(c.text[l.body:l.end])
	return len(own) > len("****") && strings.HasPrefix(own, "**") && strings.HasSuffix(own, "**") && noWord(c.text[l.body:max(l.body, s.start)]) && s.end <= l.end
}

// takeBackBelow marks what stands under a line such as "Old rules:": the items
// of its list, or the lines up to the next blank one or item.
func (c *compiler) takeBackBelow(i int) {
	head := &c.sentences[i]
	if head.isTakenBack(head.start) {
		return // with what is above it, and so is all below it
	}
	for k := i + 1; k < len(c.sentences); k++ {
		s := &c.sentences[k]
		switch {
		case head.step != nil && s.step != head.step && !s.step.below(head.step),
			head.step == nil && s.step == nil && c.blankBetween(c.sentences[k-1].line, s.line),
			head.step == nil && s.step != nil && s.step.top().head != head.line,
			s.section != head.section:
			return
		}
		s.takeBack(s.start, s.end)
	}
}

// blankBetween reports whether a blank line stands between two lines.
func (c *compiler) blankBetween(a, b int) bool {
	return slices.ContainsFunc(c.lines[a:b], func(l line) bool { return l.blank })
}

// takeBackSections marks all under a title such as "Old rules", and under the
// lower titles below it.
func (c *compiler) takeBackSections() {
	taken := map[*section]bool{}
	for _, sec := range c.sections { // what is above a section is before it
		if taken[sec.above] || !sec.untitled && c.isRemarkTitle(sec) {
			taken[sec] = true
		}
	}
	for i := 0; i < len(c.sentences) && len(taken) > 0; i++ {
		if s := &c.sentences[i]; taken[s.section] {
			s.takeBack(s.start, s.end)
		}
	}
}

// isRemarkTitle reports whether a title says that what stands under it is not in
// force: "Old rules", "Prices (outdated)", "FLOW (OLD)".
func (c *compiler) isRemarkTitle(sec *section) bool {
	title := foldTitle(sec.title)
	if sec.above == nil && c.vocab.IsAside(title, "shelf", "") {
		return true
	}
	if !c.lines[sec.line].heading.remark {
		return false
	}
	if c.remarkIn(title) || sec.above == nil && c.isShelved(title) {
		return true
	}
	open := strings.IndexFunc(sec.title, opensBracket)
	if open < 0 {
		return false
	}
	behind := fold.Phrase(strings.TrimFunc(sec.title[open:], func(r rune) bool { return !fold.WordRune(r) }))
	g := stretch{text: behind, words: c.vocab.ScanAll(behind), language: c.language}
	// "(old)" says of the flow that it is; of customers it says which.
	ofPrompt := slices.ContainsFunc(c.lines[sec.line].heading.kinds, func(k SectionKind) bool { return k != SectionOther })
	return c.remarkIn(behind) || ofPrompt && g.has("set_aside", "shelved") && g.only("set_aside", "shelved")
}

// isShelved reports whether a folded text is nothing but words that set a rule
// aside: "on hold".
func (c *compiler) isShelved(folded string) bool {
	g := stretch{text: folded, words: c.vocab.Scan(folded), language: c.language}
	return g.has("shelved") && g.only("shelved")
}

// reportOpen reports an action that is not done because the sentence leaves open
// if it is: "maybe close the conversation", "if they pay, close the conversation?".
func (c *compiler) reportOpen(code string, t int) {
	const message = "the text leaves open whether this is done, so it is not: write plainly when to, or take it out"
	c.report(code, SeverityWarning, c.tokens[t].start, c.tokens[t].end, message, "")
}

// reportTakenBack reports what a sentence does not do because the author says
// that it is not in force, from the token t on.
func (c *compiler) reportTakenBack(code string, t int) {
	const message = "the text says that this is not in force, so it is not done: take it out, or if it is in force the words that say so"
	c.report(code, SeverityWarning, c.tokens[t].start, c.tokens[t].end, message, "")
}
