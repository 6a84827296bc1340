package instructions

import (
	"slices"
	"strings"
)

// findClosing reads what the text says of closing (S6.5).
func (c *compiler) findClosing() {
	for i := range c.sentences {
		s := &c.sentences[i]
		listed := c.lines[s.line].list != ""
		for t := s.lo; t < s.hi; t++ {
			switch {
			case c.tokens[t].any("no_summary") && !c.neverWithout(s, t): // in a list of boundaries too: it means the same there
				c.pb.Closing.Summary = "off"
				c.markClose(i, func(st *site) { st.NoSummary = true })
			case c.tokens[t].any("note") && !listed, c.tokens[t].any("note_with") && c.closesBefore(i, t):
				c.closingNotes(i, t)
			}
		}
	}
}

// neverWithout reports whether a close that is forbidden stands right before
// token t: "never close without a summary" asks for one.
func (c *compiler) neverWithout(s *sentence, t int) bool {
	for k := t - 1; k >= s.lo; k-- {
		if !noWord(c.text[c.tokens[k].end:max(c.tokens[k].end, c.tokens[t].start)]) {
			return false
		}
		if name, _, ok := actionKind(c.tokens[k]); ok && name == actClose {
			return c.negated(s, k)
		}
	}
	return false
}

// markClose changes the close that a sentence speaks of: its own, else the
// last one before it on the line.
func (c *compiler) markClose(i int, change func(*site)) {
	for k := i; k >= 0 && c.sentences[k].line == c.sentences[i].line && c.sentences[i].start-c.sentences[k].start <= reach; k-- {
		for n := len(c.acting[k]) - 1; n >= 0; n-- {
			if st := c.acting[k][n]; st.Name == actClose {
				change(st)
				return
			}
		}
	}
}

// closesBefore reports whether a close is the last action before token t of its
// sentence: in "close with note X" the note is one of closing.
func (c *compiler) closesBefore(i, t int) bool {
	last := (*site)(nil)
	for _, st := range c.acting[i] {
		if st.start < c.tokens[t].start {
			last = st
		}
	}
	return last != nil && last.Name == actClose
}

func (c *compiler) closingNotes(i, t int) {
	s := &c.sentences[i]
	end := min(len(c.text), max(s.end, c.quoteEndAfter(c.tokens[t].end, c.lines[c.lineAt(c.tokens[t].start)].end)))
	for k := t + 1; k < s.hi; k++ {
		if c.tokens[k].any("note") { // the next one reads on from there
			end = c.tokens[k].start
			break
		}
	}
	note := func(v string, from, to int) {
		c.took(from)
		c.isName(from, to)
		if !slices.Contains(c.pb.Closing.Notes, v) {
			c.pb.Closing.Notes = append(c.pb.Closing.Notes, v)
		}
		c.markClose(i, func(st *site) {
			if st.Note == "" {
				st.Note = v
			}
		})
	}
	found := false
	for from := c.tokens[t].end; from < end; {
		v, start, stop, ok := c.findName(&c.names.notes, from, end)
		if !ok {
			break
		}
		note(v, start, stop)
		from, found = stop, true
	}
	if found {
		return
	}
	cand, from, to, clear := c.candidateValue(c.tokens[t].end, end)
	if !clear {
		cand, from, to, clear = c.almostNote(c.tokens[t].end, end)
	}
	if !clear {
		return
	}
	note(cand, from, to)
	if !c.known {
		return
	}
	message, fix := "there is no closing note \""+cand+"\"", ""
	if near := c.names.notes.nearest(cand); near != "" {
		message += ": did you mean \"" + near + "\"?"
		fix = c.fixed(from, to, near)
	} else {
		message += c.names.notes.known("closing notes")
	}
	c.report("unknown-closing-note", SeverityError, from, to, message, fix)
}

// almostNote finds words without a capital that are spelt almost like a
// closing note: "with note no respons".
func (c *compiler) almostNote(from, end int) (v string, start, stop int, ok bool) {
	const most = 4 // words
	if from >= end {
		return "", 0, 0, false
	}
	from += len(c.text[from:end]) - len(strings.TrimLeft(c.text[from:end], " :*"))
	run := c.text[from:end]
	if k := nameEnd(run); k >= 0 {
		run = run[:k]
	}
	ends := wordEnds(run)
	for n := min(most, len(ends)); n > 0 && c.known && c.lookups < maxLookups; n-- {
		c.lookups++
		if c.names.notes.nearest(run[:ends[n-1]]) != "" {
			return run[:ends[n-1]], from, from + ends[n-1], true
		}
	}
	return "", 0, 0, false
}

// quoteEndAfter returns the end of a quotation that begins right behind from.
func (c *compiler) quoteEndAfter(from, end int) int {
	rest := c.text[from:max(from, end)]
	i := from + len(rest) - len(strings.TrimLeft(rest, " :*"))
	if q, ok := c.quoteAt(i); ok && q.start == i {
		return q.end
	}
	return from
}
