package instructions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// otherCase reports whether a sentence speaks of another case than silence: "If
// they reply 'stop', close the conversation." It begins with a condition and
// says nothing of silence, time or following up.
func (r *reader) otherCase(s *sentence) bool {
	c := r.c
	if s.lo == s.hi {
		return false
	}
	first := c.tokens[s.lo]
	if !first.any("if") || first.any("after", "then", "finally") || first.start-s.start > 4 || r.bareNot(s) >= 0 {
		return false
	}
	k, _ := slices.BinarySearchFunc(c.delays, s.start, func(d delay, o int) int { return d.start - o })
	return !(k < len(c.delays) && c.delays[k].start < s.end) && !c.sentenceHas(s, "silence", "silence_about", "follow_up", "finally", "another")
}

// leftOpen returns the token of what a sentence would send after some time, where
// the author leaves open if it is sent: "maybe send 'A' if they do not reply for 2
// hours"; -1: nothing is.
func (r *reader) leftOpen(s *sentence) int {
	c := r.c
	if c.lines[s.line].list != "" || c.timedSilence(s) < 0 {
		return -1
	}
	for t := s.lo; t < s.hi; t++ {
		if c.tokens[t].any("send", "follow_up") && c.isLeftOpen(s, t) {
			return t
		}
	}
	return -1
}

// anotherDay reports a sentence of a plan that begins with a day: "The next day
// close the conversation." It is no delay (grammar 13), and without it the
// contact would be closed at once.
func (r *reader) anotherDay(s *sentence) bool {
	const most = 24 // bytes before the day
	c := r.c
	for t := s.lo; t < s.hi && c.tokens[t].start-s.start <= most; t++ {
		if !c.tokens[t].any("another_day") {
			continue
		}
		if _, quoted := c.quoteAt(c.tokens[t].start); quoted {
			return false
		}
		k, _ := slices.BinarySearchFunc(c.delays, s.start, func(d delay, o int) int { return d.start - o })
		n, _ := slices.BinarySearchFunc(c.sites, s.lo, func(st *site, o int) int { return st.token - o })
		q, _ := slices.BinarySearchFunc(c.quotes, s.start, func(q quote, o int) int { return q.start - o })
		does := n < len(c.sites) && c.sites[n].token < s.hi || q < len(c.quotes) && c.quotes[q].start < s.end || c.sentenceHas(s, "send", "follow_up")
		if !does || k < len(c.delays) && c.delays[k].start < s.end || c.sentenceHas(s, "silence", "silence_about") {
			return false
		}
		said := c.text[c.tokens[t].start:c.tokens[t].end]
		c.report("followup-not-understood", SeverityWarning, c.tokens[t].start, c.tokens[t].end,
			fmt.Sprintf("%q is no time that a follow-up can wait, and this is no step of it: write the hours, such as \"after another 24 hours without a reply\"", said), "")
		return true
	}
	return false
}

// bareNot returns the token of "if not," or "if they don't," at the beginning of
// a sentence, which goes on from the sentence before; -1: it does not stand there.
func (r *reader) bareNot(s *sentence) int {
	c := r.c
	if len(s.clauses) < 2 {
		return -1
	}
	cl := s.clauses[0]
	for t := cl.lo; t < cl.hi; t++ {
		if c.tokens[t].any("if_not") && c.tokens[t].start-cl.start <= 8 && cl.end-c.tokens[t].end <= 8 {
			return t
		}
	}
	return -1
}

// nextItem lets an item of a list begin a step of its own where the item before
// it is a step with its time: "- Finally: close the conversation".
func (r *reader) nextItem(s *sentence) {
	c := r.c
	if r.cur == nil || s.step == nil || c.lines[s.line].step != s.step || s.start > c.lines[s.line].body+3 {
		return
	}
	d := r.cur.last()
	above := c.lines[d.line].step
	if len(r.delaysFrom(clause{start: s.start, end: s.end})) > 0 || c.sentenceHas(s, "silence") {
		return // it says itself when
	}
	if len(d.delays) == 0 || !d.hasContent() || above == nil || above == s.step || above.parent != s.step.parent || c.lineAt(d.timeStart) != d.line {
		return
	}
	r.then, r.finally = true, true
}

// onlyWaits returns the delay of a sentence that says to wait and nothing else;
// -1: it is none.
func (r *reader) onlyWaits(s *sentence) int {
	c := r.c
	if r.cur != nil || c.sentenceHas(s, "silence", "silence_about", "follow_up", "not") || !c.sentenceHas(s, "wait") || c.hasSite(s) {
		return -1
	}
	if c.tokens[s.lo].any("if") && !c.tokens[s.lo].any("wait") && !slices.ContainsFunc(s.clauses[1:], func(cl clause) bool {
		return cl.lo < cl.hi && c.tokens[cl.lo].any("wait") && noWord(c.text[cl.start:c.tokens[cl.lo].start])
	}) {
		return -1 // "if they have to wait 2 hours"
	}
	found := r.delaysFrom(clause{start: s.start, end: s.end})
	if len(found) != 1 {
		return -1
	}
	return found[0]
}

// hasSite reports whether a sentence holds an action.
func (c *compiler) hasSite(s *sentence) bool {
	i, _ := slices.BinarySearchFunc(c.sites, s.lo, func(st *site, o int) int { return st.token - o })
	return i < len(c.sites) && c.sites[i].token < s.hi
}

// relative reports whether a delay is said to count from the message before.
func (c *compiler) relative(x delay, cl clause) bool {
	for t := cl.lo; t < cl.hi; t++ {
		if c.tokens[t].any("wait") && t+1 == x.lo { // "send 'A', wait 3 hours, send 'B'"
			return true
		}
		if c.tokens[t].any("another") && c.tokens[t].start-x.end < 20 && x.start-c.tokens[t].end < 20 {
			return true
		}
	}
	if x.hi < cl.hi && c.tokens[x.hi].any("after") && c.tokens[x.hi].start-x.end <= 2 { // "2 hours after the second reminder"
		return c.clauseHas(clause{lo: x.hi + 1, hi: cl.hi}, "times_word", "follow_up") >= 0
	}
	return false
}

// forbidsAt reports whether a silence phrase stands in what a sentence forbids
// as a whole: a prohibition before it and no condition.
func (c *compiler) forbidsAt(s *sentence, t int) bool {
	forbids := false
	for k := s.lo; k < t; k++ {
		if c.tokens[k].any("if", "after") {
			return false
		}
		forbids = forbids || c.tokens[k].any("prohibit")
	}
	return forbids
}

// saysThat reports whether "that" follows: "remind them that we call before the
// visit" says something now.
func (c *compiler) saysThat(from int) bool {
	word, _, _ := strings.Cut(strings.TrimLeft(c.text[from:min(len(c.text), from+24)], " "), " ")
	switch fold.Phrase(strings.ToValidUTF8(word, "")) {
	case "that", "bahwa", "bahawa", "que", "dass", "che", "что", "rằng":
		return true
	}
	return false
}

// timesIn reads "twice", "3 times", "dua kali". 0: nothing is said.
func (c *compiler) timesIn(s *sentence) int {
	for t := s.lo; t < s.hi; t++ {
		v, ok := c.tokens[t].Value(vocabulary.Times)
		if !ok && t+1 < s.hi && c.tokens[t+1].any("times_word") && c.gap(t) == "" {
			v, ok = c.tokens[t].Value(vocabulary.Number)
		}
		if n, err := strconv.Atoi(v); ok && err == nil && n > 0 && n <= 50 {
			return n
		}
	}
	return 0
}

// sendsMany reads "send up to 3 reminders". 0: nothing is said.
func (c *compiler) sendsMany(s *sentence) int {
	for t := s.lo; t+2 < s.hi; t++ {
		if !c.tokens[t].any("send") {
			continue
		}
		k := t + 1
		if c.tokens[k].any("le_word") {
			k++
		}
		v, ok := c.tokens[k].Value(vocabulary.Number)
		if n, err := strconv.Atoi(v); ok && err == nil && n > 1 && n <= 50 && c.is(k+1, "times_word") && c.gap(k) == "" && c.tokens[k].start-c.tokens[t].end < 12 {
			return n
		}
	}
	return 0
}

// underIf reports whether a clause of a plan makes a time a condition: whatever
// its words are, what follows is not done before.
func (c *compiler) underIf(cl clause, x delay) bool {
	t := c.clauseHas(clause{lo: cl.lo, hi: x.lo}, "if")
	return t >= 0 && !c.tokens[t].any("after")
}

// heads reports whether a time is the first thing behind a colon: "If there is
// no reply: 5 min → 'A'".
func (r *reader) heads(cl clause, x delay) bool {
	before := strings.TrimRight(r.c.text[:cl.start], " *")
	return strings.HasSuffix(before, ":") && strings.Trim(r.c.text[cl.start:x.start], " *_(-–—") == ""
}

// bracketed reports whether a time is the first thing in brackets behind the
// words that began the current step: "1st follow-up (2 hours after ...)".
func (r *reader) bracketed(x delay, cl clause) bool {
	inner, ok := inBrackets(r.c.text[min(r.cur.last().head, x.start):x.start])
	return ok && (noWord(inner) || r.follows(x) || r.c.relative(x, cl))
}

// timeInBrackets reports whether brackets with a time stand right behind the
// offset, or behind a number there: "Follow-up 2 (another 4 hours)".
func (r *reader) timeInBrackets(at, end int) bool {
	inner, ok := inBrackets(r.c.text[at:max(at, end)])
	if !ok {
		return false
	}
	n := strings.IndexAny(inner, ")）")
	return n > 0 && len(r.delaysFrom(clause{start: max(at, end) - len(inner), end: max(at, end) - len(inner) + n})) > 0
}

// inBrackets cuts the bracket that a text opens with, behind a number at most.
func inBrackets(s string) (inner string, ok bool) {
	s = strings.TrimLeft(s, " *_#0123456789")
	if inner, ok = strings.CutPrefix(s, "("); ok {
		return inner, true
	}
	return strings.CutPrefix(s, "（")
}

// rhythm reports whether a clause begins with how often something is done.
func (r *reader) rhythm(cl clause, x delay) bool {
	for t := cl.lo; t < x.lo; t++ {
		if r.c.tokens[t].any("every") {
			return x.start-cl.start < 20
		}
	}
	return false
}

// goesOnAfter reports whether a clause goes on to the next step: "say 'A' and
// after another hour close the conversation". The step before has its time, and
// something is done after this one.
func (r *reader) goesOnAfter(s *sentence, k int, x delay) bool {
	c, d, cl := r.c, r.cur.last(), s.clauses[k]
	if len(d.delays) == 0 || d.timeEnd > cl.start {
		return false
	}
	if r.follows(x) || c.relative(x, cl) {
		for t := cl.lo; t < x.lo; t++ { // "and close the conversation after another hour"
			if name, _, ok := actionKind(c.tokens[t]); ok && order[name] > 0 && !c.negated(s, t) {
				return true
			}
		}
	}
	if x.start-cl.start > 30 {
		return false
	}
	for t := cl.lo; t < x.lo; t++ {
		if !c.tokens[t].any("after", "another", "and", "then", "to") {
			return false
		}
	}
	for t := x.hi; t < cl.hi; t++ {
		if name, _, ok := actionKind(c.tokens[t]); ok && order[name] > 0 || c.tokens[t].any("send") {
			return true
		}
	}
	for t := x.hi; t < cl.hi; t++ {
		if !c.tokens[t].any("another", "to", "passes") {
			return false
		}
	}
	k++
	for k < len(s.clauses) && strings.TrimSpace(c.text[s.clauses[k].start:s.clauses[k].end]) == "" {
		k++
	}
	if cl.end-x.end > 16 || k == len(s.clauses) {
		return false
	}
	// "; after 1 more hour, close", "; 30 min → 'B'"
	next := s.clauses[k]
	if q, ok := c.quoteAt(next.start); ok && q.start == next.start {
		return strings.ContainsAny(c.text[x.end:cl.end], ":：→⇒➜") || c.endsInArrow(cl)
	}
	for t := next.lo; t < next.hi; t++ {
		if name, _, ok := actionKind(c.tokens[t]); ok && order[name] > 0 || c.tokens[t].any("send") {
			return true
		}
	}
	return false
}

// listsAnother reports whether a clause that is a time and nothing else stands
// before its message or action as the time of the step before does: "1h 'A', 4h
// 'B', 24h close".
func (r *reader) listsAnother(s *sentence, k int, x delay) bool {
	c, d, cl := r.c, r.cur.last(), s.clauses[k]
	if len(d.messages) == 0 || d.timeStart < s.start || d.timeEnd > d.messageAt || strings.Trim(c.text[d.timeEnd:d.messageAt], " *_") != "" || !noWord(c.text[cl.start:x.start]) {
		return false
	}
	if rest := c.text[x.end:cl.end]; noWord(rest) {
		q, ok := c.quoteAt(cl.end)
		return ok && q.start == cl.end
	}
	name, _, ok := actionKind(c.tokens[min(x.hi, len(c.tokens)-1)])
	return ok && order[name] > 0 && x.hi < cl.hi && noWord(c.text[x.end:max(x.end, c.tokens[x.hi].start)])
}

// endsInArrow reports whether a clause ends in an arrow of two signs: "->", "=>".
func (c *compiler) endsInArrow(cl clause) bool {
	own := strings.TrimRight(c.text[cl.start:cl.end], " *_")
	return strings.HasSuffix(own, "->") || strings.HasSuffix(own, "=>")
}

// leadsWith reports whether a sentence begins with a time, "After 3 hours,", or with
// the name of a follow-up and its time: "Second reminder 3 hours later:".
func (c *compiler) leadsWith(s *sentence, x delay) bool {
	const words = 3 // of such a name
	if x.lo > s.lo && c.tokens[x.lo-1].any("times_word", "follow_up") && countWords(c.text[s.start:x.start]) <= words {
		return true
	}
	for t := s.lo; t < x.lo; t++ {
		if !c.tokens[t].any("after", "another", "then", "finally", "to", "if", "and", "every") {
			return false
		}
	}
	return x.start-s.start < 30 && s.lo < len(c.tokens)
}

// ladderCondition reads when a ladder applies: the case that the step above or
// the line itself names.
func (c *compiler) ladderCondition(s *sentence, start int) string {
	l := c.lines[s.line]
	head := strings.TrimSpace(c.text[l.body:start])
	if i := strings.LastIndexAny(head, ":："); i > 0 && utf8.RuneCountInString(head[:i]) < 80 && !c.lineNamesFollowUp(l, l.body+i) {
		return strings.Trim(head[:i], " *_")
	}
	if s.step != nil && c.statesCase(s.step.parent) {
		return strings.Trim(s.step.parent.own(c.text), " *_:：")
	}
	if own := c.firstCondition(s, start); own != "" {
		return own
	}
	if at := c.caseHead(s); at >= 0 {
		head := c.lines[at]
		return strings.Trim(c.text[head.body:head.end], " *_:：")
	}
	return ""
}

// statesCase reports whether a step is the case of the list under it, and does
// not speak of the follow-up itself.
func (c *compiler) statesCase(st *step) bool {
	return st != nil && st.opensList(c.text) && !c.lineNamesFollowUp(c.lines[st.line], st.end)
}

// otherList reports whether an item begins the list of another case than the
// one that the plan is for.
func (c *compiler) otherList(s *sentence, p *plan) bool {
	if s.step == nil || s.step.line != s.line {
		return false
	}
	if s.step.parent == nil {
		return c.caseHead(s) != p.head
	}
	return p.step != nil && s.step.parent != p.step.parent && !s.step.below(p.step) && c.lineHas(s.step.parent.line, "if") && c.statesCase(s.step.parent)
}

// firstCondition returns what a sentence asks for beside the silence at start:
// "If they asked for a price" of "If they asked for a price and don't reply", or
// of "If they asked for a price, when they don't reply".
// What the agent itself has done ("if you have asked and ...") is no case.
func (c *compiler) firstCondition(s *sentence, start int) string {
	_, hi := c.tokensIn(s.start, start)
	if hi <= s.lo || !c.tokens[s.lo].any("if") || c.tokens[s.lo].any("after", "silence") || !noWord(c.text[s.start:c.tokens[s.lo].start]) {
		return ""
	}
	const longest = 160 // bytes
	from, to, whole := c.tokens[s.lo].start, -1, false
	for t := s.lo + 1; t < hi; t++ {
		tok := c.tokens[t]
		switch {
		case tok.start-from > longest, tok.any("addressee") && !tok.any("subject"):
			return ""
		case t == s.lo+1 && tok.any("addressee") && noWord(c.text[c.tokens[s.lo].end:tok.start]):
			return "" // "if you"
		case tok.any("wait") && to < 0 && c.startsClause(s, tok.start):
			to, whole, hi = tok.start, true, t // "when it fails, wait 2 hours; if ..."
		case tok.any(vocabulary.Unit) && to >= 0:
			hi = t // "if they asked for a quote and 4 hours pass without a reply"
		case tok.any("silence", "follow_up", "finally", vocabulary.Unit), tok.any("send") && c.cutBetween(from, tok.start):
			return ""
		case tok.any("and", "but"):
			if to < 0 || whole || !noWord(c.text[c.tokens[t-1].end:tok.start]) || !c.tokens[t-1].any("and", "but") { // "but then"
				to, whole = tok.start, false
			}
		case tok.any("if", "if_not") && (!tok.any("else") || tok.end > start) && c.startsClause(s, tok.start):
			to, whole = tok.start, true
		case tok.any("then", "else"):
			return ""
		}
	}
	if to < 0 {
		return ""
	}
	own := strings.Trim(c.text[from:to], " ,*_\n")
	if whole {
		if strings.ContainsFunc(own, isCut) {
			return "" // "if they reply, thank them; if they don't"
		}
		return own
	}
	const words = 2 // "if they and"
	if len(strings.Fields(own)) <= words && !fold.Unspaced(lastRune(own)) {
		return ""
	}
	return own
}

// saysOtherwise reports whether a sentence is about all other cases than the one
// before it: "Otherwise, if there is no reply for 1 hour, ...".
func (c *compiler) saysOtherwise(s *sentence) bool {
	if s.lo == s.hi {
		return false
	}
	first := c.tokens[s.lo]
	return first.any("else") && !first.any("if", "if_not", "then") && noWord(c.text[s.start:first.start])
}

// startsClause reports whether no word stands before the offset in its clause.
func (c *compiler) startsClause(s *sentence, at int) bool {
	return slices.ContainsFunc(s.clauses, func(cl clause) bool {
		return cl.start <= at && at < cl.end && noWord(c.text[cl.start:at])
	})
}

// caseHead returns the line of text above a sentence's list that says for whom
// the list is ("For leads who asked for a price:"), or -1.
func (c *compiler) caseHead(s *sentence) int {
	st := s.step
	if st == nil {
		return -1
	}
	for st.parent != nil {
		st = st.parent
	}
	if !c.textAboveOpens(st) || c.lineNamesFollowUp(c.lines[st.head], c.lines[st.head].end) {
		return -1
	}
	return st.head
}

// lineNamesFollowUp reports whether a label speaks of the follow-up itself
// ("First reminder:") and is no condition.
func (c *compiler) lineNamesFollowUp(l line, end int) bool {
	k, _ := slices.BinarySearchFunc(c.tokens, l.body, func(t token, o int) int { return t.start - o })
	for ; k < len(c.tokens) && c.tokens[k].start < end; k++ {
		if c.tokens[k].any("follow_up", "silence", "finally", "then", "times_word", vocabulary.Unit) {
			return true
		}
		if v, ok := c.tokens[k].Value(vocabulary.Number); ok && (v != "1" || c.tokens[k].Start < len(c.shadow.Text) && isDigitByte(c.shadow.Text[c.tokens[k].Start])) {
			return true // not the article of "If they want a tour:"
		}
	}
	return false
}
