package instructions

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// markLists finds the can and cannot lists: a line that begins with such a
// word and a colon, its children, and what stands under such a heading.
// Inside boundaries, an item that begins with a prohibition is one of cannot;
// anywhere, one that is crossed out by its sign. Under a heading that names
// both ("DO'S AND DON'TS") an item's own wording decides.
func (c *compiler) markLists() {
	list, under := "", (*step)(nil)
	head := (*heading)(nil) // the heading that the list stands under
	open := false           // a list was begun by a line that holds nothing but its name
	nested := false         // its items stand below its name, and so end with them
	tok := 0
	for i := range c.lines {
		l := &c.lines[i]
		if l.heading != nil {
			if h := l.heading; h.list != "" || head == nil || h.level <= head.level || !slices.Contains(subjects, h.kinds[0]) {
				head = h
			}
			list, open, under, nested = head.list, head.list != "", nil, false
			continue
		}
		if l.blank {
			continue
		}
		for tok < len(c.tokens) && c.tokens[tok].start < l.body {
			tok++
		}
		if kind, items, ok := c.listName(l, tok); ok {
			l.list, l.items = kind, items
			list, open, under, nested = kind, noWord(c.text[items:l.end]), l.step, false
			continue
		}
		switch {
		case c.isCrossed(l):
			l.list = "cannot"
		case under != nil && l.step.below(under):
			l.list = list
			nested = nested || l.step != under
		case open && !nested && (l.label != "" || l.step != nil || under == nil && list != "" && l.section != nil && l.section.is(SectionBoundaries)):
			l.list = list
		case l.section != nil && l.section.is(SectionBoundaries):
			list, open, under = "", false, nil
			if c.beginsProhibited(l, tok) {
				l.list, l.own = "cannot", true
			}
		default:
			list, open, under = "", false, nil
		}
		if l.list == listMixed {
			l.list = c.ownWording(l, tok)
			l.own = l.list == "cannot"
		}
	}
}

// subjects are the kinds of headings that only divide the list that they stand
// in, a level below its name.
var subjects = []SectionKind{SectionOther, SectionScenarios}

// The lists that are neither can nor cannot.
const (
	listMixed  = "mixed"  // the heading names both
	listUnsaid = "unsaid" // an item under such a heading that does not say which it is
)

// ownWording decides which list an item under a mixed heading belongs to. One
// with a case or an "always" is a rule of the flow; a bare "assign to @X" may be
// either, and allows nothing.
func (c *compiler) ownWording(l *line, tok int) string {
	if c.beginsProhibited(l, tok) {
		return "cannot"
	}
	for k := tok; k < len(c.tokens) && c.tokens[k].start < l.end; k++ {
		t := c.tokens[k]
		if t.any("if", "if_not", "only_if") || t.start == l.body && t.any("always", "can") {
			return ""
		}
	}
	if strings.ContainsAny(l.label, "✅✔✓") || hasCondition(c.text[l.body:l.end]) {
		return ""
	}
	return listUnsaid
}

// crossSigns are the signs that forbid what they stand by.
const crossSigns = "❌✗✘✖🚫⛔🚷❎"

// isCrossed reports whether the sign of an item forbids it.
func (c *compiler) isCrossed(l *line) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(c.text[l.body:l.end], " *_"))
	label, _ := utf8.DecodeRuneInString(l.label)
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(c.text[l.body:l.end], " *_\ufe0f"))
	if last != utf8.RuneError && strings.ContainsRune(crossSigns, last) {
		return true // "Assign to @Sales ❌"
	}
	return l.label != "" && strings.ContainsRune(crossSigns, label) || first >= utf8.RuneSelf && strings.ContainsRune(crossSigns, first)
}

// below reports whether s stands under the other step.
func (s *step) below(o *step) bool {
	for p := s; p != nil; p = p.parent {
		if p == o {
			return true
		}
	}
	return false
}

// listName reads "Can:", "* Tidak bisa:", "Do not give:", "You must never:" at
// the start of a line, or a line that is nothing but such a name, and where its
// items begin.
func (c *compiler) listName(l *line, tok int) (kind string, items int, ok bool) {
	head, end := c.text[l.body:l.end], l.end
	if i := c.lineAt(l.start) + 1; i < len(c.lines) && c.lines[i].label == "" {
		end = c.lines[i].end // it may go on there
	}
	colon := firstColon(head, 60)
	if colon < 0 {
		if len(head) > 60 || l.step != nil && l.step.line != c.lineAt(l.start) {
			return "", 0, false
		}
		k, known := c.vocab.Heading(foldTitle(strings.Trim(head, " *_")))
		return k, l.end, known && (k == "can" || k == "cannot" || k == listMixed) && (l.step == nil || len(l.step.children) > 0)
	}
	_, n := utf8.DecodeRuneInString(head[colon:])
	title := fold.Phrase(strings.Trim(head[:colon], " *_"))
	if c.headIs(clause{start: l.body, end: l.body + colon + n}, "answer_no") && !noWord(c.text[l.body+colon+n:end]) && !(l.section != nil && l.section.is(SectionBoundaries)) {
		return "", 0, false // "Urgent? - Yes: ... - No: ..."
	}
	if k, known := c.vocab.Heading(title); known && (k == "can" || k == "cannot" || k == listMixed) {
		return k, l.body + colon + n, true
	}
	if tok < len(c.tokens) && strings.Trim(c.text[l.body:max(l.body, c.tokens[tok].start)], " *_✅❌") == "" && c.tokens[tok].end <= l.body+colon {
		if c.tokens[tok].any("cannot") && len(strings.Fields(title)) <= 4 && (l.section != nil && l.section.is(SectionBoundaries) || !c.hasAction(tok, end)) {
			return "cannot", l.body + colon + n, true
		}
	}
	if noWord(head[colon:]) && l.step == nil && c.prohibits(l.body, l.body+colon) {
		return "cannot", l.body + colon + n, true
	}
	return "", 0, false
}

// hasAction reports whether an action term stands from token k up to the offset.
func (c *compiler) hasAction(k, end int) bool {
	for ; k < len(c.tokens) && c.tokens[k].start < end; k++ {
		if _, _, ok := actionKind(c.tokens[k]); ok {
			return true
		}
	}
	return false
}

// firstColon returns the index of the first colon of s, narrow or wide, that is
// at most the given one; -1: there is none.
func firstColon(s string, most int) int {
	for i := 0; i < len(s) && i <= most; i++ {
		if s[i] == ':' || s[i] == 0xef && strings.HasPrefix(s[i:], "：") {
			return i
		}
	}
	return -1
}

// beginsProhibited reports whether a line of boundaries begins with a
// prohibition, or holds nothing but one.
func (c *compiler) beginsProhibited(l *line, tok int) bool {
	for k := tok; k < len(c.tokens) && c.tokens[k].start < l.end; k++ {
		t := c.tokens[k]
		if t.any("if") {
			return false
		}
		if t.any("prohibit", "not", "cannot", "not_after", "no_summary") {
			return true
		}
	}
	return false
}

// conditional reports whether a condition governs the action at token t: in
// its sentence, before it on the line, or in a step above.
func (c *compiler) conditional(s *sentence, t int) bool {
	if c.action != "" || s.hi-s.lo > longestSentence {
		return true // the prompt of an action is a rule
	}
	for k := s.lo; k < s.hi; k++ {
		if k != t && c.tokens[k].any("if", "if_not", "else", "only_if", "silence") {
			return true
		}
	}
	l := c.lines[s.line]
	if hasCondition(c.text[c.near(l.body, c.tokens[t].start):c.tokens[t].start]) || hasComparison(c.text[s.start:s.end]) {
		return true
	}
	if c.conditionEarlier(l, s) {
		return true
	}
	if s.step != nil && c.governedAbove(s.step) {
		return true
	}
	sec := s.section
	return sec != nil && !sec.untitled && sec.level > 1 && sec.is(SectionOther)
}

// conditionEarlier reports a condition in an earlier sentence of the same line
// that still governs: it stands alone ("If they ask for a person. Then assign
// …"), or what it led to was an action too ("If they are a VIP, assign to @A.
// Close …"), or "then" goes on from it. "If they hesitate, keep talking. We
// close it later." is over with its own sentence.
func (c *compiler) conditionEarlier(l line, s *sentence) bool {
	k, _ := slices.BinarySearchFunc(c.tokens, c.near(l.body, s.start), func(t token, o int) int { return t.start - o })
	condition, acted := -1, false
	for ; k < s.lo; k++ {
		if c.tokens[k].any("if", "if_not") {
			condition = k
		}
		if _, _, ok := actionKind(c.tokens[k]); ok && condition >= 0 {
			acted = true
		}
	}
	switch {
	case condition < 0:
		return false
	case acted, s.lo < s.hi && c.tokens[s.lo].any("then", "finally"):
		return true
	}
	return !strings.ContainsAny(c.text[c.tokens[condition].end:s.start], ",;，；、")
}

// hasCondition reports whether what stands before an action names a case:
// "Urgent →", "**VIP:**".
func hasCondition(before string) bool {
	for _, mark := range []string{"→", "->", "=>", "⇒", "➜", "←", ":", "：", "?", "？"} {
		if i := strings.Index(before, mark); i > 0 && strings.Trim(before[:i], " *_") != "" {
			return true
		}
	}
	return false
}

// governedAbove reports whether a step above states a condition or a case.
func (c *compiler) governedAbove(st *step) bool {
	for p := st.parent; p != nil; p = p.parent {
		if p.opensList(c.text) {
			return true
		}
		k, _ := slices.BinarySearchFunc(c.tokens, p.start, func(t token, o int) int { return t.start - o })
		for ; k < len(c.tokens) && c.tokens[k].start < p.end; k++ {
			if c.tokens[k].any("if", "if_not", "else") {
				return true
			}
		}
	}
	return c.textAboveOpens(st)
}

// textAboveOpens reports whether the list stands under a line of text that
// states a condition and ends in a colon.
func (c *compiler) textAboveOpens(st *step) bool {
	for st.parent != nil {
		st = st.parent
	}
	if st.head < 0 {
		return false
	}
	l := c.lines[st.head]
	s := strings.TrimRight(c.text[l.start:l.end], "* _")
	return (strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：")) && c.lineHas(st.head, "if")
}

func (c *compiler) lineHas(i int, kind string) bool {
	l := c.lines[i]
	k, _ := slices.BinarySearchFunc(c.tokens, l.start, func(t token, o int) int { return t.start - o })
	for ; k < len(c.tokens) && c.tokens[k].start < l.end; k++ {
		if kind == "if" && c.tokens[k].any("if", "if_not") {
			return true
		}
	}
	return false
}

// readBoundaries collects the items of the can and cannot lists.
func (c *compiler) readBoundaries() {
	add := func(list string, items ...string) {
		for _, it := range items {
			it = strings.Trim(strings.TrimSpace(it), " *_.;。")
			if it == "" {
				continue
			}
			if list == "can" {
				c.pb.Boundaries.Can = append(c.pb.Boundaries.Can, it)
			} else {
				c.pb.Boundaries.Cannot = append(c.pb.Boundaries.Cannot, it)
			}
		}
	}
	headings := false
	for _, s := range c.sections {
		headings = headings || !s.untitled
	}
	tok := 0
	for i := range c.lines {
		l := &c.lines[i]
		if l.heading != nil || l.blank {
			continue
		}
		for tok < len(c.tokens) && c.tokens[tok].start < l.body {
			tok++
		}
		switch {
		case l.list == listUnsaid || l.list == listMixed:
		case l.list != "" && l.items > 0:
			add(l.list, c.splitItems(l.items, l.end)...)
		case l.list != "":
			add(l.list, c.text[l.body:l.end])
		case !headings && tok < len(c.tokens) && c.tokens[tok].start == l.body && c.tokens[tok].any("prohibit"):
			add("cannot", c.text[l.body:l.end])
		}
	}
}

// splitItems cuts "a, b or c" into its items. "or" cuts only between phrases
// of two words or more: "medical or financial" is one.
func (c *compiler) splitItems(from, end int) []string {
	s := strings.TrimSpace(c.text[from:end])
	if isSentence(s) {
		return []string{s}
	}
	var items [][2]int
	start := from
	depth := 0
	for i := from; i < end; {
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		switch r {
		case '(', '（':
			depth++
		case ')', '）':
			depth--
		case ',', '，', '、', '،', ';', '；':
			if depth == 0 && !c.betweenDigits(i, i+n) {
				items = append(items, [2]int{start, i})
				start = i + n
			}
		}
		i += n
	}
	items = append(items, [2]int{start, end})
	var out []string
	for i, it := range items {
		parts, or := c.splitOr(it[0], it[1])
		if i > 0 && len(parts) == 1 && len(out) > 0 && or && len(strings.Fields(parts[0])) <= 3 {
			out[len(out)-1] += "," + parts[0]
			continue
		}
		out = append(out, parts...)
	}
	return out
}

// isSentence reports whether the text holds more than one sentence: its commas
// are then not those of a list.
func isSentence(s string) bool {
	i := strings.IndexAny(strings.TrimRight(s, ".!?。 "), ".!?。")
	return i > 0 && i+1 < len(s) && (s[i+1] == ' ' || s[i] >= utf8.RuneSelf)
}

// splitOr cuts an item at its first "or" between two phrases, and reports
// whether it holds one.
func (c *compiler) splitOr(from, end int) (parts []string, or bool) {
	lo, hi := c.tokensIn(from, end)
	for k := lo; k < hi; k++ {
		if !c.tokens[k].any("or") {
			continue
		}
		or = true
		a, b := c.text[from:c.tokens[k].start], c.text[min(c.tokens[k].end, end):end]
		if len(strings.Fields(a)) >= 2 && len(strings.Fields(b)) >= 2 {
			return []string{a, b}, true
		}
	}
	return []string{c.text[from:end]}, or
}
