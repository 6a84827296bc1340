package instructions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// draft is a step of a ladder while the text is read.
type draft struct {
	start, end int
	head       int // where the words that began the step end
	line       int
	delays     []time.Duration
	offsets    bool // delays count from the contact's silence
	vague      bool // a range of delays
	relative   bool // "another 2 hours"
	messages   []followup.Message
	messageAt  int // where the first message stands
	lastQuote  int // where the last one ends
	timeStart  int // where the step's own time begins
	timeEnd    int // and ends
	mode       followup.Mode
	sites      []*site
	follows    bool // "follow up", without words of a message
	sends      bool // "send", "ask", "tell"
	silent     bool
	times      int
	untimed    bool
}

// waits returns where the step says how long the contact is silent: from its
// beginning to its time, or its time alone where that stands before.
func (d *draft) waits() (start, end int) {
	return min(d.start, d.timeStart), d.timeEnd
}

func (d *draft) hasContent() bool {
	return d.follows || d.sends || len(d.messages) > 0 || len(d.sites) > 0
}

// onlyFollows reports whether a step says "follow up" and nothing more.
func (d *draft) onlyFollows() bool {
	return d.follows && !d.sends && len(d.messages) == 0 && len(d.sites) == 0
}

// plan is a ladder while the text is read.
type plan struct {
	drafts    []*draft
	section   *section
	step      *step
	lastLine  int
	condition string
	head      int // the line that says for whom the list is; -1: none
}

func (p *plan) last() *draft { return p.drafts[len(p.drafts)-1] }

// reader walks the sentences of the text and builds ladders.
type reader struct {
	c         *compiler
	plans     []*plan
	cur       *plan
	then      bool // "then" or "finally" stands before what comes next
	finally   bool
	used      map[int]bool // delays that were taken
	nextDelay int
	nextSite  int
	// proposed is where a duration stands under a follow-up heading without a
	// silence phrase; 0 and 0: nowhere.
	proposed [2]int
	intro    bool // the last line was "If there is no reply:"
	// waiting is the delay of the sentence before, which only says to wait, or
	// -1: "Give them 24 hours. If they don't answer, close."
	waiting int
	// waitFor is the case that sentence is for: "If they want a demo, wait 3
	// hours. If there is no reply, ...".
	waitFor string
	// lastQuote is where the last quotation ends that became a message.
	lastQuote int
}

// findLadders reads the follow-up plans of the text (grammar 11 to 16).
func (c *compiler) findLadders() {
	if c.action != "" && c.action != "follow_up" {
		// The prompt of an action is a rule for that action, not a schedule.
		c.checkScheduled()
		return
	}
	r := &reader{c: c, used: map[int]bool{}, waiting: -1}
	slices.SortStableFunc(c.sites, func(a, b *site) int { return a.token - b.token })
	var sec *section
	for i := range c.sentences {
		s := &c.sentences[i]
		if s.section != sec {
			r.endSection(sec)
			sec = s.section
		}
		r.sentence(i)
	}
	r.endSection(sec)
	for _, p := range r.plans {
		c.buildLadder(p)
	}
	c.checkLadders()
	c.checkScheduled()
}

func (r *reader) endSection(sec *section) {
	if sec != nil && sec.is(SectionFollowUp) && r.proposed[1] > 0 && r.cur == nil {
		d := r.c.text[r.proposed[0]:r.proposed[1]]
		r.c.report("followup-not-understood", SeverityWarning, r.proposed[0], r.proposed[1],
			fmt.Sprintf("%q may be the delay of a follow-up, but nothing says that it follows the contact's silence: write \"if the contact does not reply after %s, …\"", d, d), "")
	}
	r.cur, r.then, r.finally, r.proposed, r.intro, r.waiting, r.waitFor = nil, false, false, [2]int{}, false, -1, ""
}

// sentence reads one sentence into the current plan, a new one or none.
func (r *reader) sentence(i int) {
	c, s := r.c, &r.c.sentences[i]
	follow := s.section != nil && s.section.is(SectionFollowUp)
	if r.cur != nil && !follow && !r.belongs(i) {
		r.cur = nil
	}
	if r.cur != nil && c.otherList(s, r.cur) {
		r.cur = nil
	}
	if s.taken[1] > s.taken[0] && c.lines[s.line].list == "" {
		if t := c.timedSilence(s); t >= 0 {
			c.reportTakenBack("followup-not-understood", t)
		}
		r.skip(s)
		return
	}
	if t := r.leftOpen(s); t >= 0 {
		c.reportOpen("followup-not-understood", t)
		r.skip(s)
		return
	}
	if c.lines[s.line].list != "" || c.sentenceHas(s, "outside") || r.cur == nil && c.onlyForbids(s) {
		r.skip(s)
		return
	}
	if len(s.clauses) > 0 {
		r.then, r.finally = false, false
	}
	if r.cur != nil && r.otherCase(s) {
		r.skip(s)
		r.cur.lastLine = c.lineAt(max(s.start, s.end-1))
		return
	}
	if r.cur != nil && r.anotherDay(s) {
		r.skip(s)
		return
	}
	r.nextItem(s)
	wait := r.onlyWaits(s)
	for k := range s.clauses {
		r.clause(s, k, follow)
	}
	if r.cur == nil {
		r.unreadSilence(s)
	}
	r.waiting, r.waitFor = wait, ""
	if wait >= 0 {
		r.waitFor = c.firstCondition(s, s.end)
	}
	if r.cur != nil {
		r.unread(s)
		r.cur.lastLine = c.lineAt(max(s.start, s.end-1))
	}
}

func (r *reader) skip(s *sentence) {
	for r.nextSite < len(r.c.sites) && r.c.sites[r.nextSite].token < s.hi {
		r.nextSite++
	}
}

// timedSilence returns the token of a sentence that speaks of the contact's
// silence or of a follow-up, where it also says a time; -1: none does.
func (c *compiler) timedSilence(s *sentence) int {
	k, _ := slices.BinarySearchFunc(c.delays, s.start, func(d delay, o int) int { return d.start - o })
	if k == len(c.delays) || c.delays[k].start >= s.end {
		return -1
	}
	for t := s.lo; t < s.hi; t++ {
		if c.tokens[t].any("silence", "follow_up") {
			return t
		}
	}
	return -1
}

// belongs reports whether a sentence outside a follow-up section goes on with
// the current plan: on the same line, under the same step, or on the next line
// with words that go on, or as the text that a colon announced.
func (r *reader) belongs(i int) bool {
	c, s := r.c, &r.c.sentences[i]
	switch {
	case s.section != r.cur.section:
		return false
	case s.line <= r.cur.lastLine, s.step != nil && r.cur.step != nil && s.step.below(r.cur.step):
		return true
	case i > 0 && startsWithQuote(c.text[s.start:], c.text[c.firstQuote(s):]) && strings.HasSuffix(strings.TrimRight(c.text[c.sentences[i-1].start:c.sentences[i-1].end], " *\n"), ":"):
		return true
	case i > 0 && c.lineAt(max(0, c.sentences[i-1].end-1)) <= r.cur.lastLine+1 && c.sentenceHas(s, "silence") && c.sentenceHas(s, "another"):
		return true // the next paragraph: "If there is still no reply after 1 more hour"
	case s.line != r.cur.lastLine+1:
		return false
	}
	return c.sentenceHas(s, "silence") || s.hi > s.lo && c.tokens[s.lo].any("then", "finally")
}

// around is what of a sentence is looked at for one of its phrases: all of it,
// but for a sentence longer than people write.
func (s *sentence) around(t int) *sentence {
	near := *s
	near.lo, near.hi = max(s.lo, t-longestSentence), min(s.hi, t+longestSentence)
	return &near
}

func (c *compiler) sentenceHas(s *sentence, kinds ...vocabulary.Kind) bool {
	for t := s.lo; t < s.hi; t++ {
		if c.tokens[t].any(kinds...) {
			return true
		}
	}
	return false
}

func (c *compiler) clauseHas(cl clause, kinds ...vocabulary.Kind) int {
	for t := cl.lo; t < cl.hi; t++ {
		if c.tokens[t].any(kinds...) {
			return t
		}
	}
	return -1
}

// clause reads one clause.
func (r *reader) clause(s *sentence, k int, follow bool) {
	c, cl := r.c, s.clauses[k]
	if q, ok := c.quoteAt(cl.start); ok && q.start == cl.start {
		r.quotation(s, q)
		return
	}
	delays := r.delaysIn(cl)
	silence, follows := c.clauseHas(cl, "silence"), c.clauseHas(cl, "follow_up")
	if silence < 0 && len(delays) > 0 {
		silence = c.clauseHas(cl, "silence_about")
	}
	if k == 0 && silence < 0 && (r.cur != nil || r.waiting >= 0) {
		silence = r.bareNot(s)
	}
	if after := c.clauseHas(cl, "answers_after"); after >= 0 && after < silence {
		return // "if they reply after 2 hours of silence"
	}
	if follows >= 0 && c.negated(s, follows) {
		follows, delays = -1, nil
		if silence < 0 {
			r.skip(&sentence{hi: cl.hi})
			return
		}
	}
	if t := c.clauseHas(cl, "then", "finally"); t >= 0 && (silence < 0 || t < silence) {
		r.then = true
		r.finally = r.finally || c.tokens[t].any("finally") || k == 0 && !r.saidOnLine(s)
	}
	switch {
	case silence >= 0:
		r.silence(s, k, silence, follow, delays)
	case follows >= 0 && r.isAnchor(s, follows):
		r.then, r.finally = true, true
	case follows >= 0:
		r.follow(s, cl, follows, follow, delays)
	case len(delays) > 0:
		r.duration(s, k, follow, delays)
	}
	r.content(s, cl)
}

// saidOnLine reports whether the current step says a whole sentence on the line
// of s, which is no question: "'I will close this now.' Then close" is one step.
func (r *reader) saidOnLine(s *sentence) bool {
	if r.cur == nil {
		return false
	}
	d := r.cur.last()
	if len(d.messages) == 0 || d.follows || r.c.lineAt(d.lastQuote-1) != s.line {
		return false
	}
	return !asks(d.messages[len(d.messages)-1].Text)
}

// asks reports whether a message ends in a question.
func asks(message string) bool {
	last, _ := utf8.DecodeLastRuneInString(message)
	return last == '?' || last == '？' || last == '؟'
}

// delaysIn returns the delays of a clause, by index.
func (r *reader) delaysIn(cl clause) []int {
	c := r.c
	for r.nextDelay < len(c.delays) && c.delays[r.nextDelay].end <= cl.start {
		r.nextDelay++
	}
	var out []int
	for k := r.nextDelay; k < len(c.delays) && c.delays[k].start < cl.end; k++ {
		if c.delays[k].start >= cl.start && !r.used[k] && !c.clockTime(c.delays[k]) {
			out = append(out, k)
		}
	}
	return out
}

// clockTime reports whether a duration stands in a clause that speaks of
// something else than waiting: an anchor, a price, opening hours.
func (c *compiler) clockTime(d delay) bool {
	for t := d.hi; t < len(c.tokens) && c.tokens[t].start-d.end <= 12; t++ {
		if c.tokens[t].any("not_delay") && !strings.ContainsAny(c.text[d.end:c.tokens[t].start], ",.;") {
			return true
		}
	}
	return false
}

// isAnchor reports whether a follow-up is only named to say when something
// else happens: "after the last follow-up".
func (r *reader) isAnchor(s *sentence, t int) bool {
	c := r.c
	if r.cur == nil {
		return false
	}
	for k := t - 1; k >= s.lo && c.tokens[t].start-c.tokens[k].end <= 14; k-- {
		if c.tokens[k].any("after") && c.clauseHas(clause{lo: k, hi: t}, vocabulary.Unit) < 0 {
			return !strings.ContainsAny(c.text[c.tokens[k].end:c.tokens[t].start], ",;:.")
		}
	}
	return false
}

func (r *reader) begin(s *sentence, start, end int) *draft {
	d := &draft{start: start, end: end, head: end, line: r.c.lineAt(start)}
	if r.cur == nil {
		r.cur = &plan{section: s.section, step: s.step, lastLine: s.line}
		r.cur.condition, r.cur.head = cmp.Or(r.c.ladderCondition(s, start), r.waitFor), r.c.caseHead(s)
		r.plans = append(r.plans, r.cur)
	}
	r.cur.drafts = append(r.cur.drafts, d)
	r.then, r.finally = false, false
	return d
}

func (r *reader) take(d *draft, delays []int, cl clause) {
	c := r.c
	for _, k := range delays {
		if len(d.delays) > 0 {
			break
		}
		x := c.delays[k]
		r.used[k] = true
		d.delays, d.offsets, d.vague = x.list, x.offsets, x.vague
		d.end, d.timeStart, d.timeEnd = max(d.end, x.end), x.start, x.end
		d.relative = d.relative || c.relative(x, cl)
	}
}

// silence handles a clause that says that the contact does not answer.
func (r *reader) silence(s *sentence, k, t int, follow bool, delays []int) {
	c, cl := r.c, s.clauses[k]
	if len(delays) == 0 && k > 0 {
		delays = r.neighbour(s.clauses[k-1], false)
	}
	if len(delays) == 0 && k+1 < len(s.clauses) {
		delays = r.neighbour(s.clauses[k+1], true)
	}
	if len(delays) == 0 && r.waiting >= 0 && !r.used[r.waiting] {
		delays = []int{r.waiting}
	}
	near := s.around(t)
	if r.cur != nil && len(delays) > 0 && !c.sentenceHas(near, "another", "then", "finally") {
		own := c.firstCondition(s, c.tokens[t].start)
		if own != "" && own != r.cur.condition || r.cur.condition != "" && c.saysOtherwise(s) {
			r.cur = nil // a ladder for another case, or for all others
		}
	}
	verb := c.sentenceHas(near, "follow_up")
	switch {
	case r.cur != nil:
	case len(delays) == 0 && !follow && !verb && !r.trailing(s, cl):
		r.unreadTime(s, t)
		return // a condition of the flow, without a time
	case c.forbidsAt(s, t):
		return // "Never leave a customer without a reply for more than 10 minutes"
	}
	var d *draft
	switch {
	case r.cur != nil && r.cur.last().start >= s.start && r.cur.last().onlyFollows() && len(r.cur.last().delays) == 0:
		d = r.cur.last() // "follow up twice, every 2 hours, if they do not reply"
	case r.cur == nil || r.cur.last().hasContent() || len(r.cur.last().delays) > 0 && len(delays) > 0:
		d = r.begin(s, c.tokens[t].start, c.tokens[t].end)
		r.adopt(s, k, t, d)
	default:
		d = r.cur.last()
	}
	if v := c.clauseHas(cl, "follow_up"); v >= 0 && !c.negated(s, v) && !r.isAnchor(s, v) {
		d.follows = true
		if d.times == 0 {
			d.times = c.timesIn(s)
		}
	}
	if n := c.sendsMany(near); n > 0 && d.times == 0 {
		d.times, d.follows = n, true
	}
	r.take(d, delays, cl)
	r.intro = len(delays) == 0 && strings.HasSuffix(strings.TrimRight(c.text[s.start:s.end], "* "), ":")
}

// adopt takes what a sentence says and does before its silence phrase: "close
// the conversation if the contact does not reply for 3 hours".
func (r *reader) adopt(s *sentence, k, t int, d *draft) {
	c, near := r.c, s.around(t)
	i, _ := slices.BinarySearchFunc(c.sites, near.lo, func(st *site, o int) int { return st.token - o })
	first := i
	for ; i < len(c.sites) && c.sites[i].token < near.hi; i++ {
		if c.sites[i].token > t {
			return
		}
	}
	for _, cl := range s.clauses[k:min(len(s.clauses), k+longestSentence)] {
		if q, ok := c.quoteAt(cl.start); ok && q.start == cl.start || cl.lo > t && c.clauseHas(cl, "send", "follow_up") >= 0 {
			return
		}
	}
	for _, cl := range s.clauses[max(0, k-longestSentence):k] {
		if q, ok := c.quoteAt(cl.start); ok && q.start == cl.start && q.start >= r.lastQuote && !c.isValue(q) && q.text(c.text) != "" {
			d.messages = append(d.messages, followup.Message{Text: q.text(c.text), Verbatim: true})
			d.start, d.messageAt, d.lastQuote = min(d.start, q.start), q.start, q.end
		}
	}
	for _, st := range c.sites[first:i] {
		if !st.followUp {
			st.followUp = true
			d.sites = append(d.sites, st)
			d.start = min(d.start, st.start)
		}
	}
}

// trailing reports whether a later clause of the sentence says what to send and
// after how long: "if they do not reply, send 'A' after 5 minutes".
func (r *reader) trailing(s *sentence, cl clause) bool {
	rest := clause{start: cl.end, end: s.end, lo: cl.hi, hi: s.hi}
	found := r.delaysFrom(rest)
	if len(found) == 0 {
		return false
	}
	x := r.c.delays[found[0]]
	return r.c.clauseHas(rest, "send") >= 0 && r.follows(x) || strings.Trim(r.c.text[cl.end-1:x.start], ": *") == ""
}

// follows reports whether "after" stands right before a delay.
func (r *reader) follows(x delay) bool {
	c := r.c
	return x.silence || x.lo > 0 && c.tokens[x.lo-1].any("after", "wait") && x.start-c.tokens[x.lo-1].end <= 2
}

// neighbour returns the delays of the clause beside a silence phrase: "after 2
// hours, if they do not reply", "if they do not reply, wait 2 hours". The
// clause must hold nothing else.
func (r *reader) neighbour(cl clause, next bool) []int {
	c := r.c
	if _, quoted := c.quoteAt(cl.start); quoted {
		return nil
	}
	for t := cl.lo; t < cl.hi; t++ {
		if _, _, ok := actionKind(c.tokens[t]); ok || c.tokens[t].any("send", "silence") && !c.tokens[t].any("follow_up") {
			return nil
		}
	}
	if next && c.clauseHas(cl, "wait", "follow_up", "after", "passes") < 0 {
		return nil
	}
	return r.delaysFrom(cl)
}

func (r *reader) delaysFrom(cl clause) []int {
	c := r.c
	k, _ := slices.BinarySearchFunc(c.delays, cl.start, func(d delay, o int) int { return d.start - o })
	var out []int
	for ; k < len(c.delays) && c.delays[k].start < cl.end; k++ {
		if !r.used[k] && !c.clockTime(c.delays[k]) {
			out = append(out, k)
		}
	}
	return out
}

// follow handles a clause with the verb itself.
func (r *reader) follow(s *sentence, cl clause, t int, follow bool, delays []int) {
	c := r.c
	times := c.timesIn(s)
	switch {
	case r.cur == nil:
		if len(delays) == 0 && times == 0 && !follow && !(r.timeInBrackets(c.tokens[t].end, s.end) && c.asksForText(s)) {
			if !c.sentenceHas(s, "human") && len(c.refsOf(s)) == 0 && c.tokens[t].start-s.start < 40 && !c.saysThat(c.tokens[t].end) && !c.sentenceHas(s, "silence", "not_delay") {
				c.report("followup-no-delay", SeverityWarning, c.tokens[t].start, c.tokens[t].end, "this follow-up has no time: write how long the contact must be silent, such as \"if the contact does not reply after 2 hours\"", "")
			}
			return
		}
		r.begin(s, c.tokens[t].start, c.tokens[t].end)
	case r.cur.last().hasContent() && (len(delays) > 0 || r.then || c.clauseHas(cl, "another") >= 0 || r.timeInBrackets(c.tokens[t].end, s.end)):
		r.begin(s, c.tokens[t].start, c.tokens[t].end)
	}
	d := r.cur.last()
	d.follows = true
	d.end = max(d.end, c.tokens[t].end)
	if d.times == 0 {
		d.times = times
	}
	r.take(d, delays, cl)
}

func (c *compiler) refsOf(s *sentence) []ref {
	k, _ := slices.BinarySearchFunc(c.refs, s.start, func(r ref, o int) int { return r.start - o })
	e := k
	for e < len(c.refs) && c.refs[e].start < s.end {
		e++
	}
	return c.refs[k:e]
}

// duration handles a clause with a time and neither silence nor the verb.
func (r *reader) duration(s *sentence, k int, follow bool, delays []int) {
	c, cl := r.c, s.clauses[k]
	x := c.delays[delays[0]]
	leads := r.heads(cl, x) || k == 0 && strings.Trim(c.text[s.start:x.start], " *_(-–—") == "" || c.leadsWith(s, x)
	switch {
	case r.cur == nil && follow && x.silence:
		r.take(r.begin(s, x.start, x.end), delays, cl)
	case r.cur == nil:
		if follow && r.proposed[1] == 0 {
			r.proposed = [2]int{x.start, x.end}
		}
	case !r.cur.last().hasContent() && len(r.cur.last().delays) == 0 && (leads || c.clauseHas(cl, "wait", "after") >= 0):
		d := r.cur.last()
		r.take(d, delays, cl)
		if d.line != s.line && r.intro {
			d.start, d.line = x.start, s.line
		}
	case r.cur.last().start >= s.start && r.cur.last().onlyFollows() && len(r.cur.last().delays) == 0 && (r.rhythm(cl, x) || r.bracketed(x, cl)):
		r.take(r.cur.last(), delays, cl) // "follow up 3 times, every 2 hours", "1st follow-up (2 hours after …)"
	case r.cur.last().hasContent() && (r.then || leads || r.goesOnAfter(s, k, x) || c.underIf(cl, x) || r.listsAnother(s, k, x)):
		last := r.cur.last()
		d := r.begin(s, x.start, x.end)
		r.take(d, delays, cl)
		if r.heads(cl, x) { // "Close: 2 hours after the second reminder."
			k := len(last.sites)
			for k > 0 && last.sites[k-1].start >= s.start {
				k--
			}
			d.sites, last.sites = slices.Clone(last.sites[k:]), last.sites[:k:k]
		}
	case r.follows(x):
		r.trail(s, x, cl, delays)
	}
}

// trail takes a time that stands behind its message: "'A' after 5 minutes, 'B'
// after an hour". A message behind the step's own time begins the next step.
func (r *reader) trail(s *sentence, x delay, cl clause, delays []int) {
	d := r.cur.last()
	n := len(d.messages)
	switch {
	case n > 0 && len(d.delays) == 0:
		r.take(d, delays, cl)
	case n > 1 && len(d.sites) == 0 && d.lastQuote > d.timeEnd:
		last := d.messages[n-1]
		d.messages = slices.Clip(d.messages[:n-1])
		next := r.begin(s, d.lastQuote, x.end)
		next.messages, next.messageAt, next.lastQuote = []followup.Message{last}, d.lastQuote, d.lastQuote
		r.take(next, delays, cl)
	}
}

// content collects what a step says and does.
func (r *reader) content(s *sentence, cl clause) {
	c, silent := r.c, false
	for t := cl.lo; t < cl.hi && r.cur != nil; t++ {
		tok, d := c.tokens[t], r.cur.last()
		switch {
		case tok.any("silently"):
			silent = true
		case tok.any("send") && !c.negated(s, t):
			if r.then && r.finally && len(d.sites) == 0 && d.hasContent() && r.cur != nil && len(r.delaysFrom(cl)) == 0 && d.start < s.start && c.clauseHas(cl, "finally") >= 0 {
				r.begin(s, tok.start, tok.end)
				d = r.cur.last()
			}
			d.sends = true
			d.end = max(d.end, tok.end)
		}
	}
	for r.nextSite < len(c.sites) && c.sites[r.nextSite].token < cl.hi {
		st := c.sites[r.nextSite]
		r.nextSite++
		if r.cur == nil || st.token < cl.lo {
			continue
		}
		r.action(s, st)
	}
	if silent { // the close that the clause begins a step with, not the step before
		r.cur.last().silent = true
	}
}

// action puts an action site into the current step, or into a new one where
// the text goes on to it ("follow up twice, then close").
func (r *reader) action(s *sentence, st *site) {
	d := r.cur.last()
	ends := st.Name == actClose || st.Name == actAssign || st.Name == actUnassign
	if ends && d.hasContent() && (d.times > 0 && len(d.sites) == 0 || r.then && r.opens(s, d)) {
		d = r.begin(s, st.start, st.end)
		d.untimed = true
	}
	r.then, r.finally = false, false
	st.followUp = true
	d.sites = append(d.sites, st)
	d.end = max(d.end, st.end)
}

// opens reports whether "then close" begins a step of its own: after a
// question or a bare follow-up the contact must get time to answer.
func (r *reader) opens(s *sentence, d *draft) bool {
	if len(d.sites) > 0 {
		return false
	}
	if r.finally || d.follows && len(d.messages) == 0 {
		return true
	}
	if n := len(d.messages); n > 0 {
		return asks(d.messages[n-1].Text)
	}
	return false
}

// quotation makes a quotation a message of the current step, unless it is the
// value of an action.
func (r *reader) quotation(s *sentence, q quote) {
	c := r.c
	if r.cur == nil || c.isValue(q) {
		return
	}
	d := r.cur.last()
	// What stands before the quotation says how it is meant.
	like, or, said := false, false, false
	from := s.lo
	for t := s.hi - 1; t >= from; t-- {
		tok := c.tokens[t]
		if tok.start > q.start || tok.end <= d.lastQuote {
			continue
		}
		like = like || tok.any("like")
		or = or || tok.any("or")
		if !said && tok.any("send") && c.negated(s, t) {
			return // "do not send 'A' but close"
		}
		said = said || tok.any("send")
	}
	between := ""
	if d.lastQuote > 0 && d.lastQuote <= q.start {
		between = strings.Trim(c.text[d.lastQuote:q.start], " *_,;/\n")
		or = or || strings.Trim(c.text[d.lastQuote:q.start], " *") == "/"
	}
	next := d.lastQuote > 0 && (between == "" || or)
	if !next && !like && !said && d.start < s.start && !startsWithQuote(c.text[s.start:], c.text[q.start:]) {
		return
	}
	text := q.text(c.text)
	if text == "" {
		return
	}
	verbatim := !like && !q.block
	if n := len(d.messages); next && n > 0 && !said {
		verbatim = d.messages[n-1].Verbatim && !like
	}
	if or && len(d.messages) > 0 {
		d.mode = followup.Alternatives
	}
	if len(d.messages) == 0 {
		d.messageAt = q.start
	}
	d.messages = append(d.messages, followup.Message{Text: text, Verbatim: verbatim})
	d.lastQuote, r.lastQuote = q.end, q.end
	d.end = max(d.end, q.end)
}

// firstQuote returns where the first quotation of a sentence begins, or where
// the text ends.
func (c *compiler) firstQuote(s *sentence) int {
	if len(s.clauses) > 0 {
		if q, ok := c.quoteAt(s.clauses[0].start); ok && q.start < s.end {
			return q.start
		}
	}
	return len(c.text)
}

func startsWithQuote(sentence, quote string) bool {
	return len(sentence)-len(quote) < 3 && strings.Trim(sentence[:max(0, len(sentence)-len(quote))], " *") == ""
}

func (c *compiler) isValue(q quote) bool {
	return c.values[q.start]
}
