package instructions

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// The kinds of tokens that say no. A negation forbids ("do not") or describes
// ("they do not"); what it forbids is read from where it stands.
var (
	negations = []vocabulary.Kind{"not", "prohibit", "cannot", "not_after"}
	refusals  = []vocabulary.Kind{"not", "prohibit", "cannot", "not_after", "refusal"}
)

// longestSentence is how many known phrases of a sentence are read for what
// forbids or governs an action: more than a prompt of the full length has, when
// people write it. It keeps the time linear (S2.5); what stands further behind
// is no action.
const longestSentence = 1000

// negated reports whether the action at token t is forbidden where it stands
// (grammar 17). In doubt it is: what is not read as an action is never done
// against the author's will.
func (c *compiler) negated(s *sentence, t int) bool { return c.read(s, t) != ordered }

// read returns what a sentence says of the action at token t.
func (c *compiler) read(s *sentence, t int) sense {
	if how := c.readNegation(s, t); how != ordered {
		return how
	}
	return c.readWanted(s, t)
}

// readNegation is read but for what only others want done.
func (c *compiler) readNegation(s *sentence, t int) sense {
	switch {
	case t-s.lo > longestSentence:
		return doubted
	case c.underProhibition(s.step), c.isCrossedOut(s, t), c.isShouted(s):
		return forbidden
	case c.refusedBehind(s):
		answer := c.answer(s) // "Assign to @X? Not unless they ask."
		return certainly(!c.anyIn(answer.lo, answer.hi, "lifts", "if_not", "except"))
	case s.isTakenBack(c.tokens[t].start):
		return doubted
	}
	if how := c.readState(s, t); how != ordered {
		return how
	}
	if c.isAsked(s, t) || c.isHedged(s, t) {
		return doubted
	}
	tok := c.tokens[t]
	carried := -1     // the negation of an earlier clause, whose list may go on here
	dangling := false // an earlier clause ends in "do not": what it forbids follows
	whose := false    // "patients who cannot, ...": it may be about them
	for i, cl := range s.clauses {
		if cl.lo > t {
			break
		}
		hit, condition := c.negationBefore(cl, t, &carried, &dangling)
		if cl.hi > t || cl.start > tok.start {
			switch {
			case hit >= 0 && !c.isOver(cl, hit, t):
				return certainly(c.governs(cl, hit, t))
			case dangling:
				return certainly(!whose && !c.anyIn(cl.lo, t, "always") && !c.besideYes(s))
			case carried >= 0 && !condition && c.listGoesOn(s, carried):
				return certainly(c.inList(s, carried, t))
			}
			return c.negatedBehind(s, i, t)
		}
		if hit >= 0 && !c.isAnswer(s, cl) {
			carried = hit
			whose = whose || c.hasHead(cl, hit)
			// "never, ever" goes on into the next clause
			dangling = dangling || !condition && c.dangles(cl, hit) || c.tokens[hit].end > cl.end
		}
		dangling = dangling || c.isHeadOfRefusal(cl) && !c.isAnswer(s, cl)
	}
	return ordered
}

// negationBefore returns the negation of a clause that governs what follows up
// to token t, or -1, and whether the clause states a condition.
func (c *compiler) negationBefore(cl clause, t int, carried *int, dangling *bool) (hit int, condition bool) {
	hit = -1
	first := -1     // the first of several, as in "ne fermez jamais"
	lifted := -1    // a negation that a word such as "without" or "until" ended
	hushed := false // "do not reply", which is a phrase of its own
	for k := cl.lo; k < min(cl.hi, t); k++ {
		n := c.tokens[k]
		no := n.any(negations...) && !n.any("if_not")
		switch {
		case !condition && n.any("hush") && !c.behindSubject(k):
			hushed = true
		case hushed && n.any("lifts", "but"):
			hushed = false
		case n.any("except") && hit < 0 && c.follows(k, t):
			hit, first = k, k
		case *dangling && t < cl.hi && n.any("lifts") && n.any("not"): // "never close, without assigning"
			*dangling = false
		case hit >= 0 && n.any("lifts", "but", "except") && !c.follows(first, k) && !c.describesWithout(k, t):
			// "never close without assigning to @X": the two make a yes.
			hit, first, lifted = -1, -1, hit
			condition = condition || n.any("if", "if_not")
		case lifted >= 0 && n.any("or"):
			hit, first, lifted = lifted, lifted, -1
		case n.any("if", "if_not", "else", "then") && !n.any("not", "prohibit"):
			condition, *carried = true, -1
			*dangling = *dangling && !n.any("then", "else")
			if hit >= 0 && n.any("then", "else") {
				hit, first = -1, -1
			}
		case no && condition && !c.forbids(k) && !c.follows(k, t):
		case no:
			hit = k
			if first < 0 {
				first = k
			}
		case n.any("not_next") && c.adjacent(k, t):
			hit, first = k, k
		}
	}
	if hushed && hit < 0 && !condition {
		hit = c.clauseHas(cl, "hush")
	}
	return hit, condition
}

// describesWithout reports whether a "without" says what something is without, and
// does not turn what forbids the action at token t around: "never leave a chat
// without a number assigned to @X", unlike "never close without assigning to @X".
func (c *compiler) describesWithout(k, t int) bool {
	return c.tokens[k].any("not") && c.tokens[t].any("assigned") && c.words(c.tokens[k].End, c.tokens[t].Start).bare(governing...) > 0
}

// follows reports whether nothing but words such as "ever" stands between two
// tokens: "do not, if it is late, assign" forbids, "do not close if you can
// assign" does not.
func (c *compiler) follows(k, t int) bool {
	at := c.tokens[k].End
	for i := k + 1; i < t; i++ {
		if !c.tokens[i].any("adverb", "to") {
			continue
		}
		if !noWord(c.shadow.Text[min(at, c.tokens[i].Start):c.tokens[i].Start]) {
			return false
		}
		at = c.tokens[i].End
	}
	return noWord(c.shadow.Text[min(at, c.tokens[t].Start):c.tokens[t].Start])
}

// dangles reports whether a prohibition is the last of its clause, but for
// words such as "ever": "do not ever, even if asked, assign to …".
func (c *compiler) dangles(cl clause, hit int) bool {
	return c.tokens[hit].any("prohibit") && c.blankBut(c.tokens[hit].end, cl, "adverb")
}

// blankBut reports whether a clause holds nothing from the offset on but
// phrases of the kinds, and punctuation.
func (c *compiler) blankBut(from int, cl clause, kinds ...vocabulary.Kind) bool {
	for k := cl.lo; k < cl.hi; k++ {
		if c.tokens[k].start < from || noWord(c.text[c.tokens[k].start:c.tokens[k].end]) {
			continue
		}
		if !c.tokens[k].any(kinds...) || !noWord(c.text[from:c.tokens[k].start]) {
			return false
		}
		from = max(from, c.tokens[k].end)
	}
	return noWord(c.text[from:max(from, cl.end)])
}

// noWord reports whether a piece of text holds no word.
func noWord(s string) bool { return !strings.ContainsFunc(s, fold.WordRune) }

// isRefusal reports whether a clause is nothing but a refusal: "never", "not
// allowed", "jangan".
func (c *compiler) isRefusal(cl clause) bool {
	return cl.lo < cl.hi && c.blankBut(cl.start, cl, "not", "prohibit", "cannot", "not_after", "refusal", "adverb", "addressee", "but") &&
		slices.ContainsFunc(c.tokens[cl.lo:cl.hi], func(t token) bool { return t.any(refusals...) })
}

// isHeadOfRefusal reports whether a clause refuses what follows its colon or
// dash: "Forbidden: assign to …".
func (c *compiler) isHeadOfRefusal(cl clause) bool {
	end := strings.TrimRight(c.text[cl.start:cl.end], " *_")
	return (strings.HasSuffix(end, ":") || strings.HasSuffix(end, "：") || strings.HasSuffix(end, "—")) && c.isRefusal(cl)
}

// forbids reports whether a negation is an order: "do not", unless somebody
// stands before it ("if they do not").
func (c *compiler) forbids(k int) bool {
	if !c.tokens[k].any("prohibit") {
		return false
	}
	return !c.behindSubject(k)
}

// behindSubject reports whether the word right before a token is somebody.
func (c *compiler) behindSubject(k int) bool {
	return k > 0 && c.tokens[k-1].any("subject") && c.tokens[k].Start-c.tokens[k-1].End <= 1
}

// isCrossedOut reports whether a sign that forbids stands right before the action
// at token t: "✅ assign to @A, ❌ assign to @B".
func (c *compiler) isCrossedOut(s *sentence, t int) bool {
	before := strings.TrimRight(c.text[c.near(s.start, c.tokens[t].start):c.tokens[t].start], " \n\t*_:\ufe0f")
	return before != "" && strings.ContainsRune(crossSigns, lastRune(before))
}

// isShouted reports whether the sentence before one on its line is nothing but a
// prohibition that this one goes on from: "Do NOT!!! assign to @X". A "never!" that
// answers a question is none.
func (c *compiler) isShouted(s *sentence) bool {
	const marks = 8 // "!!!"
	i := c.sentenceIndex(s)
	for n := 0; n < marks && i > 0 && noWord(c.text[c.sentences[i-1].start:c.sentences[i-1].end]); n++ {
		i--
	}
	if i == 0 {
		return false
	}
	before := &c.sentences[i-1]
	if before.step != s.step || before.line < s.line-1 || before.hi == before.lo || !c.blankBut(before.start, clause{start: before.start, end: before.end, lo: before.lo, hi: before.hi}, "prohibit", "adverb") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(c.text[s.start:s.end], " \n*_"))
	if !unicode.IsLower(first) && strings.ContainsFunc(c.text[before.start:s.end], unicode.IsLower) {
		return false // a sentence of its own, in a text that is not all in capitals
	}
	return (c.anyIn(before.lo, before.hi, "order_not") || !c.anyIn(before.lo, before.hi, "refusal")) && (i == 1 || !c.isQuestion(&c.sentences[i-2]))
}

// adjacent reports whether at most one word stands between two tokens.
func (c *compiler) adjacent(k, t int) bool {
	if k+1 == t && c.tokens[k].any("subject") {
		return false
	}
	between := c.shadow.Text[min(c.tokens[k].End, c.tokens[t].Start):c.tokens[t].Start]
	return len(strings.Fields(between)) <= 1 && len(between) < 16
}

// listGoesOn reports whether the clauses after a negation are a list of what
// it forbids: an "or" follows, and not between two mentions.
func (c *compiler) listGoesOn(s *sentence, hit int) bool {
	for k := hit + 1; k < s.hi; k++ {
		if c.tokens[k].any("if", "then", "else", "but") {
			return false
		}
		if c.tokens[k].any("or") && !c.betweenMentions(c.tokens[k]) {
			return true
		}
	}
	return false
}

// betweenMentions reports whether a word stands between two mentions: "@A or
// @B" is one target of two, and no list of actions.
func (c *compiler) betweenMentions(t token) bool {
	k, _ := slices.BinarySearchFunc(c.refs, t.start, func(r ref, o int) int { return r.start - o })
	return k > 0 && k < len(c.refs) && noWord(c.text[min(c.refs[k-1].end, t.start):t.start]) && noWord(c.text[t.end:max(t.end, c.refs[k].start)])
}

// negatedBehind reads a negation that stands behind its verb: in its clause, as
// in German or "assigning to @X is forbidden", or as the clause after it
// ("assign to @X: never").
func (c *compiler) negatedBehind(s *sentence, i, t int) sense {
	cl := s.clauses[i]
	for k := t + 1; k < min(cl.hi, s.hi); k++ {
		last := noWord(c.text[c.tokens[k].end:max(c.tokens[k].end, cl.end)])
		if c.tokens[k].any("not_after") || last && (c.tokens[k].any("prohibit") || c.tokens[k].any(refusals...) && c.behindMention(c.tokens[k].start)) {
			return certainly(c.closelyBehind(t, k))
		}
		if c.tokens[k].any("if", "only_if") {
			return ordered // what is negated there is the condition
		}
		if _, _, ok := actionKind(c.tokens[k]); ok {
			return ordered
		}
	}
	for i++; i < len(s.clauses); i++ {
		if !noWord(c.text[s.clauses[i].start:s.clauses[i].end]) && !c.isMention(s.clauses[i]) {
			if c.isRefusal(s.clauses[i]) && !c.isAnswer(s, s.clauses[i]) {
				return forbidden
			}
			break
		}
	}
	return c.readNaming(s, cl, t)
}

// behindMention reports whether no word stands between the mention before the
// offset and it.
func (c *compiler) behindMention(at int) bool {
	r := c.refBefore(at)
	return r < len(c.refs) && c.refs[r].end <= at && noWord(c.text[c.refs[r].end:at])
}

// isMention reports whether a clause holds mentions alone.
func (c *compiler) isMention(cl clause) bool {
	k, _ := slices.BinarySearchFunc(c.refs, cl.start, func(r ref, o int) int { return r.start - o })
	at := cl.start
	for ; k < len(c.refs) && c.refs[k].start < cl.end; k++ {
		if !noWord(c.text[at:max(at, c.refs[k].start)]) {
			return false
		}
		at = c.refs[k].end
	}
	return at > cl.start && noWord(c.text[at:max(at, cl.end)])
}

// readState reads a phrase such as "assigned to" that says what is, and not what
// to do: "if it is already assigned to @X". Behind "do not close until" it may
// be either, but for "until you have assigned to @X".
func (c *compiler) readState(s *sentence, t int) sense {
	if !c.tokens[t].any("assigned") {
		return ordered
	}
	for _, cl := range s.clauses {
		if cl.lo > t || cl.hi <= t {
			continue
		}
		for k := t - 1; k >= cl.lo; k-- {
			condition := c.tokens[k]
			if condition.any("not_silence") { // "do not reply until"
				condition = c.lastWord(k)
			}
			switch {
			case condition.any("then", "else"):
				return ordered
			case !condition.any("if", "if_not"):
				continue
			case !condition.any("first") || !c.anyIn(cl.lo, k, "not", "prohibit", "cannot", "not_after", "hush") && !c.tokens[k].any("not_silence"):
				return described
			}
			own := c.words(c.tokens[k].End, c.tokens[t].Start)
			if own.has("addressee") && own.has("perfect") && own.only("addressee", "perfect", "adverb") {
				return ordered
			}
			return doubted
		}
	}
	if c.tokens[t].any("was_assigned") {
		return doubted // "it has been assigned to @X", "was this lead assigned to @X?"
	}
	return ordered
}

// endOfAction returns where the last mention behind the action at token t ends,
// or the action where there is none.
func (c *compiler) endOfAction(s *sentence, t int) int {
	end := c.tokens[t].end
	if r := c.refBefore(s.end); r < len(c.refs) && c.refs[r].start >= end {
		end = c.refs[r].end
	}
	return min(end, s.end)
}

// lastWord returns what the last word of a phrase means on its own.
func (c *compiler) lastWord(k int) token {
	t := c.tokens[k]
	text := strings.TrimRight(c.shadow.Text[t.Start:t.End], " ")
	for _, w := range c.scan(text[strings.LastIndexByte(text, ' ')+1:]) {
		return token{Token: w, start: t.start, end: t.end}
	}
	return token{}
}

// anyIn reports whether one of the tokens is of a kind.
func (c *compiler) anyIn(lo, hi int, kinds ...vocabulary.Kind) bool {
	return slices.ContainsFunc(c.tokens[lo:max(lo, hi)], func(t token) bool { return t.any(kinds...) })
}

// underProhibition reports whether a step stands under one such as "Never:".
func (c *compiler) underProhibition(st *step) bool {
	if st == nil {
		return false
	}
	for p := st.parent; p != nil; p = p.parent {
		if p.opensList(c.text) && c.prohibits(p.start, p.end) {
			return true
		}
	}
	return false
}

// prohibits reports whether a text that opens a list forbids what stands in it:
// "Never:", "You must not:", "The following is forbidden:". "Customers who
// cannot pay:" does not.
func (c *compiler) prohibits(start, end int) bool {
	first, last := c.tokensIn(start, end)
	for k := first; k < last; k++ {
		switch {
		case c.tokens[k].any("if", "if_not"):
			return c.endsForbidding(start, end)
		case c.tokens[k].any("not_after"):
			return true
		case c.tokens[k].any("prohibit", "cannot"):
			return c.blankBut(start, clause{start: start, end: c.tokens[k].start, lo: first, hi: k}, "addressee", "adverb") || c.endsForbidding(start, end)
		}
	}
	return false
}

// endsForbidding reports whether the last words of a text that opens a list are
// a prohibition: "Make sure that you never:", "If they are rude, do not:". In
// "if they do not:" they belong to the condition.
func (c *compiler) endsForbidding(start, end int) bool {
	if k := strings.LastIndexAny(c.text[start:end], ",;，；、"); k >= 0 {
		_, n := utf8.DecodeRuneInString(c.text[start+k:])
		start += k + n
	}
	lo, hi := c.tokensIn(start, end)
	for k := hi - 1; k >= lo; k-- {
		switch {
		case c.tokens[k].any("prohibit", "cannot"):
			return (!c.anyIn(lo, k, "if", "if_not", "only_if") || c.ordersNot(lo, k)) && c.blankBut(c.tokens[k].end, clause{end: end, lo: k + 1, hi: hi}, "addressee", "adverb")
		case !c.tokens[k].any("addressee", "adverb") && !noWord(c.text[c.tokens[k].start:c.tokens[k].end]):
			return false
		}
	}
	return false
}

// ordersNot reports whether the prohibition at token k is an order of its own
// behind a condition that no comma ends: "When a customer is rude never do the
// following:". In "if they never do the following:" it is the condition's.
func (c *compiler) ordersNot(lo, k int) bool {
	const words = 3 // of a condition: "a customer is rude"
	if !c.tokens[k].any("order_not") {
		return false
	}
	for t := k - 1; t >= lo; t-- {
		if c.tokens[t].any("if", "if_not", "only_if") {
			between := strings.Fields(c.text[c.tokens[t].end:max(c.tokens[t].end, c.tokens[k].start)])
			return len(between) >= words || len(between) > 1 && c.tokens[k].language() != "en" // "jangan" is no statement
		}
		if c.tokens[t].any("subject", "addressee") && noWord(c.text[c.tokens[t].end:max(c.tokens[t].end, c.tokens[k].start)]) {
			return false
		}
	}
	return false
}

// tokensIn returns the tokens that begin in text[from:to].
func (c *compiler) tokensIn(from, to int) (lo, hi int) {
	lo, _ = slices.BinarySearchFunc(c.tokens, from, func(t token, o int) int { return t.start - o })
	hi, _ = slices.BinarySearchFunc(c.tokens, to, func(t token, o int) int { return t.start - o })
	return lo, max(lo, hi)
}

// onlyForbids reports whether a sentence forbids an action and tells to do
// nothing: "do not close the conversation if they do not reply for an hour".
func (c *compiler) onlyForbids(s *sentence) bool {
	forbids := false
	for t := s.lo; t < s.hi; t++ {
		tok := c.tokens[t]
		if _, _, ok := actionKind(tok); !ok && !tok.any("send", "follow_up") {
			continue
		}
		if !c.negated(s, t) {
			return false
		}
		forbids = true
	}
	if !forbids {
		return false
	}
	k, _ := slices.BinarySearchFunc(c.quotes, s.start, func(q quote, o int) int { return q.start - o })
	return k == len(c.quotes) || c.quotes[k].start >= s.end
}

// struckMarks are the marks around what an author takes back in HTML: comments,
// and tags, which may have attributes.
var struckMarks = []struct {
	open, close string
	tag         bool
}{{"<!--", "-->", false}, {"<del", "</del>", true}, {"<s", "</s>", true}, {"<strike", "</strike>", true}}

// findStruck finds what the author crossed out (~~…~~, <del>…</del>) or
// commented out (<!-- … -->): nothing there is read.
func (c *compiler) findStruck() {
	unclosed := map[string]bool{} // marks that do not close any more
	small := ""                   // the text in small letters, once a tag or comment is found
	paragraph := 0                // the end of the lines without a blank one
	for i := 0; i < len(c.text); {
		k := strings.IndexAny(c.text[i:], "~<")
		if k < 0 {
			return
		}
		i += k
		if c.text[i] == '~' {
			if i >= paragraph {
				paragraph = c.paragraphEnd(i)
			}
			i = c.crossedOut(i, paragraph)
			continue
		}
		end := i + 1
		for _, m := range struckMarks {
			from := c.opens(i, m.open, m.tag)
			if from < 0 || unclosed[m.close] {
				continue
			}
			if small == "" {
				small = smallASCII(c.text)
			}
			if n := strings.Index(small[from:], m.close); n >= 0 {
				end = from + n + len(m.close)
				c.struck = append(c.struck, [2]int{i, end})
			} else {
				end = from
				unclosed[m.close] = true
			}
			break
		}
		i = end
	}
}

// opens returns the end of a mark at the offset; -1: it is another.
func (c *compiler) opens(i int, open string, tag bool) int {
	const longest = 200 // bytes of attributes
	from := i + len(open)
	switch {
	case from > len(c.text) || !strings.EqualFold(c.text[i:from], open):
		return -1
	case !tag:
		return from
	}
	n := strings.IndexAny(c.text[from:min(len(c.text), from+longest)], "<>")
	if n < 0 || c.text[from+n] != '>' || n > 0 && !strings.ContainsAny(c.text[from:from+1], " \t\n") {
		return -1
	}
	return from + n + 1
}

// crossedOut reads what stands at a "~": "~~…~~", in its line or on in the next
// ones of the paragraph where both marks touch words, and returns where to go on.
func (c *compiler) crossedOut(i, paragraph int) int {
	const mark = "~~"
	from := i + len(mark)
	if !strings.HasPrefix(c.text[i:], mark) {
		return i + 1
	}
	n := strings.Index(c.text[from:max(from, paragraph)], mark)
	if n < 0 {
		return from
	}
	inner, end := c.text[from:from+n], from+n+len(mark)
	if strings.Contains(inner, "\n") {
		if tight := strings.Trim(inner, " \t\n~"); tight != inner || strings.HasPrefix(c.text[end:], "~") {
			return from
		}
	}
	c.struck = append(c.struck, [2]int{i, end})
	return end
}

// paragraphEnd returns the end of the last line before a blank one.
func (c *compiler) paragraphEnd(i int) int {
	n := c.lineAt(i)
	for n+1 < len(c.lines) && !c.lines[n+1].blank {
		n++
	}
	return c.lines[n].end
}

// smallASCII returns a text of the same length with its ASCII letters small.
func smallASCII(s string) string {
	b := []byte(s)
	for i, ch := range b {
		if 'A' <= ch && ch <= 'Z' {
			b[i] = ch + 'a' - 'A'
		}
	}
	return string(b)
}

// isStruck reports whether the author took back what stands at the offset.
func (c *compiler) isStruck(at int) bool {
	k, _ := slices.BinarySearchFunc(c.struck, at, func(x [2]int, o int) int { return x[1] - o - 1 })
	return k < len(c.struck) && c.struck[k][0] <= at
}
