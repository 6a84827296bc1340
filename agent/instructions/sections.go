package instructions

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// section is a heading and the lines under it.
type section struct {
	title      string
	level      int
	kinds      []SectionKind
	line       int // index of the heading's line, or of the first line
	first, end int // lines of the content, end exclusive
	steps      []*step
	untitled   bool
	above      *section // that of the next higher heading before it; nil: none is
}

func (s *section) is(k SectionKind) bool { return slices.Contains(s.kinds, k) }

// step is an item of a list while the tree is built.
type step struct {
	label    string
	style    string
	number   []int
	indent   int
	line     int
	end      int // offset where its own text ends
	start    int // offset of its text
	head     int // the line of text above the list of a top-level step; -1: none
	parent   *step
	children []*step
	section  *section
}

// own returns the text of the step itself.
func (s *step) own(text string) string { return strings.TrimSpace(text[s.start:s.end]) }

// top returns the item of the outermost list that the step stands under.
func (s *step) top() *step {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

func (s *step) opensList(text string) bool {
	own := strings.TrimRight(s.own(text), "* _")
	return strings.HasSuffix(own, ":") || strings.HasSuffix(own, "：")
}

func (c *compiler) buildSections() {
	c.acceptHeadings()
	var cur *section
	for i := range c.lines {
		l := &c.lines[i]
		if h := l.heading; h != nil {
			cur = &section{title: h.title, level: h.level, kinds: h.kinds, line: i, first: i + 1, end: i + 1}
			cur.above = enclosing(c.sections, cur.level)
			c.sections = append(c.sections, cur)
			l.section = cur
			continue
		}
		if cur == nil {
			if l.blank {
				continue
			}
			cur = &section{kinds: []SectionKind{SectionOther}, level: 1, line: i, first: i, end: i, untitled: true}
			c.sections = append(c.sections, cur)
		}
		l.section = cur
		cur.end = i + 1
	}
}

// buildLists makes the trees of all sections' lists. The numbers and bullets of
// a text that is quoted over several lines, such as a menu, are the text's, and
// no steps of the flow.
func (c *compiler) buildLists() {
	c.joinQuoted()
	for _, s := range c.sections {
		c.buildSteps(s)
	}
}

// joinQuoted takes the labels off the lines that a quotation goes on over.
func (c *compiler) joinQuoted() {
	for _, q := range c.quotes {
		first, last := c.lineAt(q.start), c.lineAt(max(q.start, q.end-1))
		if q.block || first == last || c.swallows(first, last) {
			continue
		}
		for i := first + 1; i <= last; i++ {
			l := &c.lines[i]
			if l.label != "" {
				l.label, l.style, l.number = "", "", nil
				l.body = l.start + leading(c.text[l.start:l.end])
			}
		}
	}
}

// swallows reports whether the quotation that begins on the first of the lines
// holds the step that comes next: a mark was forgotten, and it is no menu.
func (c *compiler) swallows(first, last int) bool {
	for ; first > 0 && c.lines[first].label == "" && c.lines[first].heading == nil; first-- {
		continue
	}
	step := c.lines[first]
	if len(step.number) != 1 {
		return false
	}
	for i := first + 1; i <= last; i++ {
		if l := c.lines[i]; len(l.number) == 1 {
			return l.style == step.style && l.number[0] == step.number[0]+1 && l.indent <= step.indent
		}
	}
	return false
}

// goesOnFrom reports whether line i is inside a quotation that began before it.
func (c *compiler) goesOnFrom(i int) bool {
	q, ok := c.quoteAt(c.lines[i].start)
	return ok && q.start < c.lines[i].start && !q.block
}

// enclosing returns the section that a heading of that level stands in.
func enclosing(before []*section, level int) *section {
	if len(before) == 0 {
		return nil
	}
	s := before[len(before)-1]
	for s != nil && (s.level >= level || s.untitled) {
		s = s.above
	}
	return s
}

// acceptHeadings decides which candidates are headings: those whose title is
// in the vocabulary, and those whose style an accepted one has (grammar 8).
func (c *compiler) acceptHeadings() {
	candidates := make([]*heading, len(c.lines))
	accepted := map[string]bool{"#": true}
	for i, l := range c.lines {
		if l.blank {
			continue
		}
		h := c.candidate(l)
		if h == nil {
			continue
		}
		h.kinds = c.titleKinds(h.title, h.style != ":" && h.style != "bare" && h.style != "emoji" && h.style != "**")
		candidates[i] = h
		if h.style != ":" && h.style != "bare" {
			if k := c.listTitle(h.title, h.style != "emoji"); k != "" {
				h.kinds, h.list = []SectionKind{SectionBoundaries}, k
			}
		}
		if len(h.kinds) > 0 {
			accepted[h.style] = true
		}
	}
	for i, h := range candidates {
		if h == nil {
			continue
		}
		if len(h.kinds) == 0 {
			if !accepted[h.style] || h.style == ":" || h.style == "bare" || h.style == "emoji" {
				continue
			}
			if h.style != "#" && !c.standsAlone(i) {
				continue
			}
			h.kinds = []SectionKind{SectionOther}
		}
		c.lines[i].heading = h
	}
}

// listTitle gives the list that a title names: "can", "cannot", or mixed for
// one that names both; empty: none. "Never assign to" is one of cannot, where
// the style is one of headings and not a sentence with its full stop.
func (c *compiler) listTitle(title string, phrases bool) string {
	folded := foldTitle(title)
	if k, ok := c.vocab.Heading(folded); ok {
		if k == "can" || k == "cannot" || k == listMixed {
			return k
		}
		return ""
	}
	if !phrases {
		return ""
	}
	forbidden := false
	for i, t := range c.scan(folded) {
		if i == 0 {
			forbidden = t.Start == 0 && t.Is("prohibit")
			continue
		}
		if _, _, ok := actionKind(token{Token: t}); ok && forbidden {
			return "cannot"
		}
	}
	return ""
}

// standsAlone reports whether a blank line, a heading or an end is above the
// line: an unknown bold line within a paragraph is emphasis, not a heading.
func (c *compiler) standsAlone(i int) bool {
	return i == 0 || c.lines[i-1].blank || c.lines[i-1].heading != nil || c.lines[i].style == ""
}

// joiners stand between the two kinds that one title may name (grammar 9).
var joiners = []string{" & ", " / ", "/", " + ", " and ", " dan ", " y ", " e ", " et ", " und ", " и ", "与", "與", "和", " و", " ve ", " và ", " "}

// titleKinds returns the kinds that a title names. loose titles need only
// contain a known one.
func (c *compiler) titleKinds(title string, loose bool) []SectionKind {
	folded := foldTitle(title)
	if folded == "" {
		return nil
	}
	if k, ok := c.vocab.Heading(folded); ok {
		return sectionKinds(k)
	}
	for _, j := range joiners[:len(joiners)-1] {
		a, b, ok := strings.Cut(folded, j)
		if !ok {
			continue
		}
		ka, okA := c.vocab.Heading(strings.TrimSpace(a))
		kb, okB := c.vocab.Heading(strings.TrimSpace(b))
		if okA && okB || loose && (okA || okB) {
			return sectionKinds(ka, kb)
		}
	}
	if !loose {
		return nil
	}
	// The longest known title that stands in this one as whole words.
	words := strings.Fields(folded)
	for n := min(len(words)-1, 4); n > 0; n-- {
		for i := 0; i+n <= len(words); i++ {
			if k, ok := c.vocab.Heading(strings.Join(words[i:i+n], " ")); ok && k != "can" && k != "cannot" && k != listMixed {
				return sectionKinds(k)
			}
		}
	}
	return nil
}

func sectionKinds(names ...string) []SectionKind {
	var out []SectionKind
	for _, n := range names {
		if n == "can" || n == "cannot" || n == listMixed {
			continue // a list of boundaries, not a section
		}
		if n != "" && !slices.Contains(out, SectionKind(n)) {
			out = append(out, SectionKind(n))
		}
	}
	return out
}

// foldTitle folds a title: without brackets, numbers in front and signs.
func foldTitle(title string) string {
	for _, open := range []string{"(", "（"} { // strings.IndexAny is slow for a wide one
		if i := strings.Index(title, open); i > 0 {
			title = title[:i]
		}
	}
	s := fold.Phrase(title)
	s = strings.TrimLeftFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	s = strings.TrimRightFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) })
	return strings.Join(strings.Fields(s), " ")
}

// buildSteps makes the tree of a section's list items. Indentation nests; so
// does a longer number ("1.1"), and an item of another shape after one that
// ends in a colon.
func (c *compiler) buildSteps(sec *section) {
	var stack []*step
	var last *step
	head := -1
	for i := sec.first; i < sec.end; i++ {
		l := &c.lines[i]
		switch {
		case l.blank:
			continue
		case l.label == "":
			if last != nil && (l.indent > 0 || !c.lines[i-1].blank || c.goesOnFrom(i)) {
				l.step = last
				last.end = l.end
			} else {
				last, stack, head = nil, nil, i
			}
			continue
		}
		st := &step{label: l.label, style: l.style, number: l.number, indent: l.indent, line: i, start: l.body, end: l.end, section: sec}
		stack = c.openFor(stack, st)
		if len(stack) > 0 {
			st.parent = stack[len(stack)-1]
			st.parent.children = append(st.parent.children, st)
		} else {
			st.head = head
			sec.steps = append(sec.steps, st)
		}
		stack = append(stack, st)
		l.step, last = st, st
		c.steps = append(c.steps, st)
	}
}

// openFor returns the items of the stack that the new one stands under.
func (c *compiler) openFor(stack []*step, st *step) []*step {
	for n := len(stack); n > 0; n-- {
		top := stack[n-1]
		switch {
		case st.indent > top.indent+1:
			return stack[:n]
		case len(st.number) > len(top.number) && len(top.number) > 0 && slices.Equal(st.number[:len(top.number)], top.number):
			return stack[:n]
		case st.indent+1 < top.indent:
			continue
		case st.style == top.style && len(st.number) == len(top.number):
			return stack[:n-1]
		case st.follows(top): // "2)" and then "3."
			return stack[:n-1]
		case hasStyle(stack[:n-1], st):
			continue
		case st.style != top.style && (top.opensList(c.text) || c.namesList(top)):
			return stack[:n]
		case len(st.number) < len(top.number):
			continue
		default:
			return stack[:n-1]
		}
	}
	return nil
}

// namesList reports whether an item is nothing but the name of a can or cannot
// list: "2. What not to do", with its items at the margin.
func (c *compiler) namesList(st *step) bool {
	const longest = 60 // bytes of a name
	if own := st.own(c.text); len(own) <= longest {
		k, known := c.vocab.Heading(foldTitle(strings.Trim(own, " *_")))
		return known && (k == "can" || k == "cannot" || k == listMixed)
	}
	return false
}

// follows reports whether the number of the item is the next after top's.
func (st *step) follows(top *step) bool {
	n := len(st.number)
	return n > 0 && len(top.number) == n && slices.Equal(st.number[:n-1], top.number[:n-1]) && st.number[n-1] == top.number[n-1]+1
}

func hasStyle(stack []*step, st *step) bool {
	return slices.ContainsFunc(stack, func(o *step) bool {
		return o.style == st.style && len(o.number) == len(st.number) && o.indent+1 >= st.indent
	})
}

// emitSections writes the sections and their steps into the playbook.
func (c *compiler) emitSections() {
	for _, s := range c.sections {
		out := Section{Kind: s.kinds[0], Title: s.title, Level: s.level, Line: s.line + 1, Steps: c.emitSteps(s.steps)}
		if len(s.kinds) > 1 {
			out.Kinds = slices.Clone(s.kinds)
		}
		c.pb.Sections = append(c.pb.Sections, out)
	}
}

func (c *compiler) emitSteps(steps []*step) []Step {
	var out []Step
	for _, s := range steps {
		out = append(out, Step{Label: s.label, Text: s.own(c.text), Line: s.line + 1, Steps: c.emitSteps(s.children)})
	}
	return out
}

// checkStructure reports what is missing, and labels that repeat or skip.
func (c *compiler) checkStructure() {
	if c.action != "" {
		return
	}
	headings, flow, boundaries := false, false, false
	for _, s := range c.sections {
		headings = headings || !s.untitled
		flow = flow || s.is(SectionFlow) || s.is(SectionScenarios) || s.is(SectionActions)
		boundaries = boundaries || s.is(SectionBoundaries)
	}
	missing := func(there bool, code, message string) {
		if !there {
			c.report(code, SeverityWarning, 0, 0, message, "")
		}
	}
	missing(headings, "no-headings", "the text has no headings: give each part one, such as \"# CONTEXT\", \"# ROLE\", \"# FLOW\", \"# BOUNDARIES\"")
	missing(flow, "no-flow", "no section says what to do step by step: add one under \"# FLOW\"")
	missing(boundaries, "no-boundaries", "no section says what the agent must not do: add one under \"# BOUNDARIES\"")
	missing(c.hasSteps(headings), "no-steps", "no part of the text is a list of steps: write the flow as \"1. …\", \"2. …\"")
	for _, s := range c.sections {
		c.checkNumbers(s.steps)
	}
}

// hasSteps reports whether the flow, or without headings any part, has a list.
func (c *compiler) hasSteps(headings bool) bool {
	for _, s := range c.sections {
		flowing := s.is(SectionFlow) || s.is(SectionScenarios) || s.is(SectionActions) || !headings
		if flowing && len(s.steps) > 0 {
			return true
		}
	}
	return false
}

func (c *compiler) checkNumbers(steps []*step) {
	prev := map[string]int{}
	for _, s := range steps {
		c.checkNumbers(s.children)
		if len(s.number) == 0 {
			continue
		}
		n, before := s.number[len(s.number)-1], prev[s.style]
		prev[s.style] = n
		if before == 0 || n == before+1 || n == 1 && before > 1 {
			continue
		}
		l := c.lines[s.line]
		what := "skips a number"
		if n <= before {
			what = "repeats a number"
		}
		c.report("step-numbering", SeverityWarning, l.body-len(c.text[l.start:l.body])+leading(c.text[l.start:l.body]), l.body,
			fmt.Sprintf("the label %q %s (the one before is %d): steps keep the order in which they are written, number them so", s.label, what, before), "")
	}
}

func leading(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\u00a0")) }
