package instructions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// unread reports a time of a plan's sentence that became no delay, where another
// of the sentence did: "for 3 hours, then 6 hours, then 12 hours send ...".
func (r *reader) unread(s *sentence) {
	c, d := r.c, r.cur.last()
	if d.timeStart < s.start || d.timeEnd > s.end || len(d.messages) == 0 && len(d.sites) == 0 {
		return
	}
	for _, k := range r.delaysFrom(clause{start: d.timeEnd, end: s.end}) {
		x := c.delays[k]
		if _, quoted := c.quoteAt(x.start); quoted {
			continue
		}
		c.report("followup-not-understood", SeverityWarning, x.start, x.end,
			fmt.Sprintf("%q belongs to no step of this follow-up: give each step its time and what is done then, such as \"after %s without a reply, send ...\"", c.text[x.start:x.end], c.text[x.start:x.end]), "")
		return
	}
}

// unreadTime reports a sentence that says what to send when the contact does not
// answer, and a time that is no delay: "within 2 business hours", "H+1".
func (r *reader) unreadTime(s *sentence, t int) {
	c := r.c
	near := s.around(t)
	if !c.sentenceHas(near, "send") || !c.asksForText(s) {
		return
	}
	for k := near.lo; k < near.hi; k++ {
		start, end, ok := c.oddTime(near, k)
		if _, quoted := c.quoteAt(start); !ok || quoted {
			continue
		}
		c.report("followup-not-understood", SeverityWarning, start, end,
			fmt.Sprintf("%q is read as no delay, and nothing is sent when the contact is silent: write it in hours or minutes, such as \"if the contact does not reply for 2 hours, ...\"", c.text[start:end]), "")
		return
	}
	for _, k := range r.delaysFrom(clause{start: s.start, end: s.end}) {
		x := c.delays[k]
		c.report("followup-not-understood", SeverityWarning, x.start, x.end,
			fmt.Sprintf("nothing says that %q is how long the contact is silent, and nothing is sent then: write \"if the contact does not reply for %s, ...\"", c.text[x.start:x.end], c.text[x.start:x.end]), "")
		return
	}
}

// unreadSilence reports a sentence that says what to send when the contact has not
// done something for some time, which is no silence that the grammar knows: "if
// the customer has not paid within 2 hours, send ...".
func (r *reader) unreadSilence(s *sentence) {
	c := r.c
	if s.lo == s.hi || !c.tokens[s.lo].any("if", "if_not") || !noWord(c.text[s.start:c.tokens[s.lo].start]) || !c.asksForText(s) || c.sentenceHas(s, "silence", "silence_about", "follow_up") {
		return
	}
	cl := s.clauses[0]
	who := c.clauseHas(cl, "subject")
	says := c.tokens[s.lo].any("if_not") || who >= 0 && c.anyIn(who+1, cl.hi, "not") // "if they don't" is one phrase
	if !says || !c.anyIn(cl.hi, s.hi, "send") {
		return
	}
	for _, k := range r.delaysFrom(cl) {
		if x := c.delays[k]; slices.Max(x.list) <= followup.MaxDelay {
			c.report("followup-not-understood", SeverityWarning, x.start, x.end,
				fmt.Sprintf("this is no follow-up, as nothing says that the contact is silent for %q: write \"if the contact does not reply for %s, ...\"", c.text[x.start:x.end], c.text[x.start:x.end]), "")
			return
		}
	}
}

// oddTime finds a time at the number of token k that the grammar reads as none: a
// word stands before its unit ("2 business hours"), or it counts days ("H+1").
func (c *compiler) oddTime(s *sentence, k int) (start, end int, ok bool) {
	const days, near = "h+", 16 // near: bytes between number and unit
	start, end = c.tokens[k].start, c.tokens[k].end
	if _, number := c.tokens[k].Value(vocabulary.Number); !number {
		return start, end, false
	}
	if strings.HasSuffix(strings.ToLower(c.text[s.start:start]), days) {
		return start - len(days), end, true
	}
	if k+1 >= s.hi {
		return start, end, false
	}
	unit := c.tokens[k+1]
	if unit.any("not_delay") && unit.start-end <= 1 { // "2 business days"
		return start, unit.end, true
	}
	return start, unit.end, unit.any(vocabulary.Unit) && unit.start-end <= near && c.gap(k) != "" && !c.cutBetween(end, unit.start)
}

// asksForText reports whether a sentence holds a quotation, which may be a message.
func (c *compiler) asksForText(s *sentence) bool {
	k, _ := slices.BinarySearchFunc(c.quotes, s.start, func(q quote, o int) int { return q.start - o })
	return k < len(c.quotes) && c.quotes[k].start < s.end
}
