package instructions

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// The names of the actions that instructions speak of.
const (
	actAssign   = "assign"
	actUnassign = "unassign"
	actClose    = "close_conversation"
	actField    = "update_field"
	actStage    = "update_stage"
	actComment  = "add_comment"
	actTags     = "update_tags"
)

// site is an action site while the text is read.
type site struct {
	followup.Action
	resolved    frontdesk.Target
	canonical   bool // the product's own term
	conditional bool
	followUp    bool
	variable    string // what a field is set to, where that is a variable
	start, end  int
	sentence    int
	token       int
}

// actionMarks are the marks of the kinds that actionKind knows.
var actionMarks = marksOf("assign", "assign_after", "assign_loose", "unassign", "close_conversation", "close_loose", "update_stage", "stage_loose",
	"update_field", "save", "save_loose", "add_comment", "update_tags")

// actionKind gives the action that a token speaks of, and whether it is the
// product's own term for it.
func actionKind(t token) (name string, canonical, ok bool) {
	if t.marks != 0 && t.marks&actionMarks == 0 {
		return "", false, false
	}
	for _, m := range t.Meanings {
		switch m.Kind {
		case "assign", "assign_after":
			return actAssign, true, true
		case "assign_loose":
			return actAssign, false, true
		case "unassign":
			return actUnassign, true, true
		case "close_conversation":
			return actClose, true, true
		case "close_loose":
			return actClose, false, true
		case "update_stage":
			return actStage, true, true
		case "stage_loose":
			return actStage, false, true
		case "update_field", "save":
			return actField, true, true
		case "save_loose":
			return actField, false, true
		case "add_comment":
			return actComment, true, true
		case "update_tags":
			return actTags, true, true
		}
	}
	return "", false, false
}

func (c *compiler) findActions() {
	c.markLists()
	c.acting = make([][]*site, len(c.sentences))
	c.values = map[int]bool{}
	ref := 0
	for i := range c.sentences {
		c.actionsOf(i, &ref)
	}
}

// actionsOf reads the action sites of a sentence.
func (c *compiler) actionsOf(i int, ref *int) {
	s := &c.sentences[i]
	for *ref < len(c.refs) && c.refs[*ref].start < s.start {
		*ref++
	}
	lo := *ref
	for *ref < len(c.refs) && c.refs[*ref].start < s.end {
		*ref++
	}
	refs := c.refs[lo:*ref]
	own := c.lines[s.line].own
	if list := c.lines[s.line].list; list != "" && !own {
		c.forbidListed(s, refs)
		return // an item of a can or cannot list is no action site
	}
	acted := false
	for t := s.lo; t < s.hi; t++ {
		name, canonical, ok := actionKind(c.tokens[t])
		switch {
		case own && name != actAssign:
			continue // a boundary, though a sentence of it may say whom to assign
		case !ok:
			c.weakTarget(i, t, refs)
			c.bareStage(i, t)
			continue
		}
		how := c.read(s, t)
		acted = acted || name == actAssign
		if how != ordered && name != actAssign {
			switch {
			case s.isTakenBack(c.tokens[t].start):
				if c.timedSilence(s) < 0 {
					c.reportTakenBack("forbidden-action", t)
				}
			case canonical && how == doubted && c.isLeftOpen(s, t):
				c.reportOpen("forbidden-action", t)
			}
			continue
		}
		st := site{canonical: canonical, start: c.tokens[t].start, end: c.tokens[t].end, sentence: i, token: t}
		st.Name = name
		st.conditional = c.conditional(s, t)
		switch name {
		case actAssign:
			c.assignSite(st, refs, how)
		case actStage:
			c.stageSite(st)
		case actField:
			c.fieldSite(st)
		case actComment, actTags:
			c.valueSite(st)
		case actClose:
			if canonical || c.closesSomething(t, s) {
				c.putSite(st)
			}
		default:
			c.putSite(st)
		}
	}
	if c.action == actAssign && !acted {
		c.governAll(i, refs)
	}
}

func (c *compiler) putSite(st site) *site {
	s := &st
	c.sites = append(c.sites, s)
	c.acting[s.sentence] = append(c.acting[s.sentence], s)
	return s
}

// took notes that an action has this piece of text as its value: a quotation
// there is no message.
func (c *compiler) took(start int) {
	if q, ok := c.quoteAt(start); ok {
		c.values[q.start] = true
	}
}

// isName notes that a piece of text is the name of a stage or note: "No
// Response" there says nothing of the contact's silence.
func (c *compiler) isName(from, to int) {
	lo, hi := c.tokensIn(from, to)
	for k := lo; k < hi; k++ {
		if !c.tokens[k].any("silence") {
			continue
		}
		own := slices.Clone(c.tokens[k].Meanings) // the vocabulary's are shared
		for i := range own {
			if own[i].Kind == "silence" {
				own[i].Kind = ""
			}
		}
		c.tokens[k].Meanings = own
	}
}

// closesSomething reports whether a bare "close" is an action: the last word
// of its clause, or before a connective.
func (c *compiler) closesSomething(t int, s *sentence) bool {
	tok := c.tokens[t]
	if strings.Contains(c.shadow.Text[tok.Start:tok.End], " ") || !isLatinWord(c.shadow.Text[tok.Start:tok.End]) || len(c.shadow.Text[tok.Start:tok.End]) > 7 {
		return true
	}
	rest := strings.TrimLeft(c.text[tok.end:s.end], " *_")
	r, n := utf8.DecodeRuneInString(rest)
	if n == 0 || !fold.WordRune(r) {
		return r != '-' && r != '\''
	}
	return t+1 < s.hi && c.tokens[t+1].start-tok.end <= 3 && c.tokens[t+1].any("if", "and", "then", "note_with", "note", "silently", "no_summary")
}

func isLatinWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.Is(unicode.Latin, r)
}

// nextAction returns where the scope of the action at token t ends: at the
// next action term, else at the sentence's end.
func (c *compiler) nextAction(s *sentence, t int) int {
	for k := t + 1; k < s.hi; k++ {
		if _, _, ok := actionKind(c.tokens[k]); ok && c.tokens[k].start >= c.tokens[t].end {
			return c.tokens[k].start
		}
	}
	return s.end
}

// assignSite finds the targets that an assign phrase governs: the mentions
// after it, up to the next action; where none stands there and the language
// puts the verb last, the one before it. A phrase that is negated forbids them,
// but for those that it excepts.
func (c *compiler) assignSite(st site, refs []ref, how sense) {
	negated := how != ordered
	s := &c.sentences[st.sentence]
	end := c.nextAction(s, st.token)
	var governed []*ref
	for k := range refs {
		r := &refs[k]
		if r.start >= st.end && r.start < end && !r.quoted && (r.kind == refMention || r.kind == refHole) {
			governed = append(governed, r)
		}
	}
	if governed == nil {
		governed = c.namedBefore(st.token, refs)
	}
	all, named := governed, len(governed)
	governed, except := c.spared(st.end, governed, negated)
	if !except || negated {
		c.noteLost(s, st.token, all, governed, how)
	}
	switch {
	case negated && governed == nil:
		if how == forbidden {
			c.forbidTargets(s, st.token, all)
		}
		return
	case except && governed == nil:
		c.report("vague-target", SeverityWarning, st.start, min(end, c.refs[c.refBefore(end)].end), "this leaves open who is meant, and an exception cannot be held to: name those who may be assigned", "")
		return
	case named > 0 && governed == nil:
		return
	}
	st.Method = c.method(s, st.token, end)
	if pool, ok := c.pool(s, st, end); ok && governed == nil {
		st.resolved, st.Target, st.end = pool.target, string(pool.target.Kind), max(st.end, pool.end)
		c.putSite(st)
		return
	}
	if governed == nil {
		if all == nil && how == ordered {
			c.noteBeyond(s, st, refs, end)
		}
		c.assignNobody(st, end)
		return
	}
	c.checkTwoTargets(governed)
	for _, r := range governed {
		r.governed = true
		r.certain = r.certain || st.canonical
		one := st
		one.Target, one.resolved = r.name, r.target
		one.start, one.end = min(st.start, r.start), max(st.end, r.end)
		if r.kind == refHole {
			one.Target = ""
		}
		c.putSite(one)
	}
	if !st.canonical {
		c.nonCanonical(st)
	}
}

// namedBefore returns the mention before an assign phrase that ends its
// sentence, in a language that puts the verb last.
func (c *compiler) namedBefore(t int, refs []ref) []*ref {
	if !c.tokens[t].any("assign_after") {
		return nil
	}
	for k := len(refs) - 1; k >= 0; k-- {
		if r := &refs[k]; r.end <= c.tokens[t].start && !r.quoted && !r.governed && r.kind == refMention {
			return []*ref{r}
		}
	}
	return nil
}

// refBefore returns the index of the last reference that begins before the
// offset.
func (c *compiler) refBefore(at int) int {
	k, _ := slices.BinarySearchFunc(c.refs, at, func(r ref, o int) int { return r.start - o })
	return max(0, k-1)
}

// nonCanonical names the product's own term for looser wording.
func (c *compiler) nonCanonical(st site) {
	tok := c.tokens[st.token]
	want := c.vocab.Canonical(tok.language(), vocabulary.Kind(st.Name))
	c.report("near-canonical", SeverityWarning, tok.start, tok.end,
		fmt.Sprintf("%q is understood, but %q is the term for it: write that", c.text[tok.start:tok.end], want), "")
}

// pool finds "any team" and "anyone" as the target.
func (c *compiler) pool(s *sentence, st site, end int) (ref, bool) {
	for t := st.token + 1; t < s.hi && c.tokens[t].start < end; t++ {
		kind := frontdesk.TargetKind("")
		switch {
		case c.tokens[t].any("any_team"):
			kind = frontdesk.TargetAnyTeam
		case c.tokens[t].any("anyone"):
			kind = frontdesk.TargetAnyone
		default:
			continue
		}
		return ref{kind: refPool, end: c.tokens[t].end, target: frontdesk.Target{Kind: kind}}, true
	}
	return ref{}, false
}

// assignNobody handles an assign phrase without a mention: a person or team in
// common words is a vague target.
func (c *compiler) assignNobody(st site, end int) {
	s := &c.sentences[st.sentence]
	tok := c.tokens[st.token]
	if name, from, to, ok := c.bareName(st.end, end); ok {
		if c.acts(s.section, true) {
			c.report("vague-target", SeverityWarning, from, to, fmt.Sprintf("%q stands without its sign: write @%s, or nobody can be assigned here", c.text[from:to], name), "@"+name)
		}
		c.putSite(st)
		return
	}
	for t := st.token + 1; t < s.hi && c.tokens[t].start < end; t++ {
		h := c.tokens[t]
		if !h.any("human") || !st.canonical && h.start-tok.end > 24 {
			continue
		}
		if c.acts(s.section, true) {
			c.vague(h.start, h.end)
			c.nonCanonicalUnless(st)
		}
		c.putSite(st)
		return
	}
	if bare := !strings.Contains(c.shadow.Text[tok.Start:tok.End], " "); !st.canonical || bare && isLatinWord(c.shadow.Text[tok.Start:tok.End]) {
		return // "refer to the price list"
	}
	if !c.acts(s.section, true) {
		return
	}
	c.report("vague-target", SeverityWarning, st.start, st.end, "this does not say whom to assign: name them, such as @Sales Team", "")
	c.putSite(st)
}

func (c *compiler) nonCanonicalUnless(st site) {
	if !st.canonical {
		c.nonCanonical(st)
	}
}

func (c *compiler) vague(start, end int) {
	c.report("vague-target", SeverityWarning, start, end, fmt.Sprintf("%q is nobody that can be assigned: name a team, user or AI agent, such as @Sales Team", c.text[start:end]), "")
}

// bareName finds a name of the workspace without its "@" right behind an
// assign phrase.
func (c *compiler) bareName(from, end int) (name string, start, stop int, ok bool) {
	if !c.known {
		return "", 0, 0, false
	}
	i := from
	for words := 0; words < 4 && i < end; words++ {
		for i < end && strings.ContainsRune(" *_`", rune(c.text[i])) {
			i++
		}
		if i >= end {
			break
		}
		if targets, stop := c.dir.Match(c.text[:end], i); len(targets) > 0 {
			return targets[0].Name, i, stop, true
		}
		r, _ := utf8.DecodeRuneInString(c.text[i:])
		if !fold.WordRune(r) {
			break
		}
		k := strings.IndexAny(c.text[i:end], " ,.;:\n")
		if k < 0 {
			break
		}
		i += k
	}
	return "", 0, 0, false
}

// acts reports whether a section tells the agent what to do, so that words that
// name nobody are worth a warning: a context that says that somebody will
// "send them to the right team" only describes. An assign phrase counts among
// rules and under a heading that is not known, too.
func (c *compiler) acts(sec *section, phrase bool) bool {
	if c.action != "" || sec == nil {
		return true
	}
	if sec.untitled {
		return len(c.sections) == 1 || phrase
	}
	for s := sec; s != nil; s = s.above {
		switch {
		case s.is(SectionFlow), s.is(SectionScenarios), s.is(SectionActions), s.is(SectionFollowUp):
			return true
		case s.is(SectionContext), s.is(SectionRole):
			return false
		}
	}
	return phrase
}

// weakTarget reports "tell the technical team": words that sound like an
// assignment and assign nothing.
func (c *compiler) weakTarget(i, t int, refs []ref) {
	tok := c.tokens[t]
	if !tok.any("assign_weak") {
		return
	}
	s := &c.sentences[i]
	for _, r := range refs {
		if r.start >= tok.end && r.start-tok.end <= 4 && r.kind == refMention && !r.quoted {
			return
		}
	}
	if name, from, to, ok := c.nearName(tok.end, s.end); ok {
		c.report("near-canonical", SeverityWarning, from, to, fmt.Sprintf("%q is spelt almost like %q: write @%s", c.text[from:to], name, name), "@"+name)
	}
	if !c.acts(s.section, false) {
		return
	}
	for k := t + 1; k < s.hi && c.tokens[k].start-tok.end <= 2; k++ {
		if c.tokens[k].any("human") && !c.negated(s, t) {
			c.vague(c.tokens[k].start, c.tokens[k].end)
			return
		}
	}
}

// nearName finds a misspelt name of the workspace behind a word, without "@".
func (c *compiler) nearName(from, end int) (name string, start, stop int, ok bool) {
	if !c.known {
		return "", 0, 0, false
	}
	run := strings.ToValidUTF8(c.text[from:min(end, from+50)], "")
	if k := nameEnd(run); k >= 0 {
		run = run[:k]
	}
	run, _, _ = strings.Cut(run, "@")
	ends := wordEnds(run)
	for first := 0; first < min(2, len(ends)); first++ {
		begin := 0
		if first > 0 {
			begin = ends[first-1]
		}
		begin += len(run[begin:]) - len(strings.TrimLeft(run[begin:], " "))
		for n := min(len(ends), first+4); n > first; n-- {
			if near := c.nearest(run[begin:ends[n-1]]); near != nil {
				return near[0], from + begin, from + ends[n-1], true
			}
		}
	}
	return "", 0, 0, false
}

// checkTwoTargets reports "@A or @B" for one assignment (grammar 6).
func (c *compiler) checkTwoTargets(refs []*ref) {
	for i := 1; i < len(refs); i++ {
		a, b := refs[i-1], refs[i]
		between := strings.Trim(c.text[a.end:b.start], " *_\"'`()")
		if strings.ContainsAny(between, ".;:→\n") {
			continue
		}
		or := between == "/" || between == ""
		words := strings.FieldsFunc(fold.Phrase(between), func(r rune) bool { return r == ' ' || r == ',' })
		and := between == "," || between == "&" || between == "+"
		if len(words) == 1 {
			for _, t := range c.scan(words[0]) {
				or = or || t.Is("or")
				and = and || t.Is("and")
			}
		}
		if or || and {
			c.report("two-targets", severity(or), a.start, b.end, fmt.Sprintf("one assignment goes to one target, and here are two, %s and %s: keep one, or give each its own condition", c.text[a.start:a.end], c.text[b.start:b.end]), "")
		}
	}
}

// method reads how a member is chosen (S5.3).
func (c *compiler) method(s *sentence, t, end int) string {
	var found []frontdesk.Method
	var at token
	for k := s.lo; k < s.hi; k++ {
		tok := c.tokens[k]
		if tok.start >= end && k > t {
			break
		}
		m := frontdesk.Method("")
		switch {
		case tok.any("round_robin"):
			m = frontdesk.RoundRobin
		case tok.any("least_open"):
			m = frontdesk.LeastOpen
		case tok.any("other_method"):
			c.report("unknown-method", SeverityWarning, tok.start, tok.end, fmt.Sprintf("%q is no way to choose: there are round robin, which is used, and least open conversations", c.text[tok.start:tok.end]), "")
		}
		if m != "" && !slices.Contains(found, m) {
			found = append(found, m)
			at = tok
		}
	}
	if len(found) == 0 {
		return ""
	}
	if len(found) > 1 {
		c.report("ambiguous-method", SeverityWarning, at.start, at.end, fmt.Sprintf("both methods are named; the first, %s, is used: keep one", strings.ReplaceAll(string(found[0]), "_", " ")), "")
	}
	return string(found[0])
}

// governAll makes the mentions in the prompt of the assign action its targets:
// the action itself is the phrase that governs them.
func (c *compiler) governAll(i int, refs []ref) {
	s := &c.sentences[i]
	for k := range refs {
		r := &refs[k]
		if r.kind != refMention || r.quoted || !c.sparesInPrompt(s, refs, k) {
			continue
		}
		r.governed, r.certain = true, true
		if s.isTakenBack(r.start) {
			c.noteLost(s, s.lo, []*ref{r}, nil, doubted)
			continue
		}
		st := site{start: r.start, end: r.end, sentence: i, token: s.lo, resolved: r.target, canonical: true}
		st.Name, st.Target, st.conditional = actAssign, r.name, true
		st.Method = c.method(s, s.lo, s.end)
		c.putSite(st)
	}
	for t := s.lo; t < s.hi && len(refs) == 0; t++ {
		kind := frontdesk.TargetKind("")
		switch {
		case c.negated(s, t):
			continue
		case c.tokens[t].any("any_team"):
			kind = frontdesk.TargetAnyTeam
		case c.tokens[t].any("anyone") && c.method(s, t, s.end) != "":
			kind = frontdesk.TargetAnyone
		default:
			continue
		}
		st := site{start: c.tokens[t].start, end: c.tokens[t].end, sentence: i, token: t, resolved: frontdesk.Target{Kind: kind}, canonical: true}
		st.Name, st.Target, st.conditional, st.Method = actAssign, string(kind), true, c.method(s, t, s.end)
		c.putSite(st)
		return
	}
}

// stageSite finds the stage that an update names (grammar 19).
func (c *compiler) stageSite(st site) {
	s := &c.sentences[st.sentence]
	end := c.nextAction(s, st.token)
	if v, from, to, ok := c.findName(&c.names.stages, st.end, end); ok {
		if !st.canonical && c.ofCondition(st.end, from) {
			return // "move to step 3 if the stage is Hot Lead"
		}
		st.Value, st.end = v, to
		c.took(from)
		c.isName(from, to)
		c.nonCanonicalUnless(st)
		c.putSite(st)
		return
	}
	cand, from, to, clear := c.candidateValue(st.end, end)
	if cand == "" {
		if st.canonical {
			c.putSite(st)
		}
		return
	}
	near := c.names.stages.nearest(cand)
	if !st.canonical && (c.known && near == "" || !clear) {
		return // "mark as resolved"
	}
	st.Value, st.end = cand, to
	c.took(from)
	if c.known {
		message, fix := fmt.Sprintf("there is no lifecycle stage %q", cand), ""
		if near != "" {
			message += fmt.Sprintf(": did you mean %q?", near)
			fix = c.fixed(from, to, near)
			c.report("near-canonical", SeverityWarning, from, to, fmt.Sprintf("%q is spelt almost like the stage %q: write that", cand, near), fix)
		} else {
			message += c.names.stages.known("stages")
		}
		c.report("unknown-stage", severity(st.canonical && clear), from, to, message, fix)
	}
	c.putSite(st)
}

// ofCondition reports whether a stage at an offset belongs to a condition that
// stands between it and the words for setting one. "Set the stage for paid leads
// to Hot Lead" sets it all the same.
func (c *compiler) ofCondition(from, at int) bool {
	lo, hi := c.tokensIn(from, at)
	if !c.anyIn(lo, hi, "if", "if_not", "only_if") {
		return false
	}
	return c.endsInTo(from, "") || !c.endsInTo(at, "")
}

// bareStage reads a stage that is set without a verb: "and close, stage Cold
// Lead", "mark them Hot Lead". The name must stand right behind, as the workspace
// has it, and no condition may be what speaks of it.
func (c *compiler) bareStage(i, t int) {
	s, tok := &c.sentences[i], c.tokens[t]
	if !tok.any("stage_bare", "stage_mark") {
		return
	}
	mark := tok.any("stage_mark")
	at := c.skipMarks(tok.end, s.end)
	const arrows = "→=-> "
	at += len(c.text[at:s.end]) - len(strings.TrimLeft(c.text[at:s.end], arrows))
	if c.tokenAt(at, "to") {
		at = c.skipMarks(c.tokenEnd(at), s.end)
	}
	name, from, to, ok := c.findName(&c.names.stages, at, min(s.end, at+longestName))
	if !ok || !noWord(c.text[at:max(at, from)]) || c.read(s, t) != ordered || !c.conditional(s, t) {
		return
	}
	n := slices.IndexFunc(s.clauses, func(cl clause) bool { return cl.lo <= t && t < cl.hi })
	if n < 0 || !mark && !c.setsAlone(s, n, t, to) || mark && c.anyIn(s.clauses[n].lo, t, "if", "if_not", "only_if") {
		return
	}
	st := site{start: tok.start, end: to, sentence: i, token: t, conditional: true}
	st.Name, st.Value = actStage, name
	c.took(from)
	c.isName(from, to)
	c.nonCanonical(st)
	c.putSite(st)
}

// longestName is how many bytes of text are looked at for a name.
const longestName = 120

// setsAlone reports whether a stage without a verb, in clause n, is something to
// do: its clause says nothing else, the sentence ends with it or has named
// another action before, and a case stands before it or above.
func (c *compiler) setsAlone(s *sentence, n, t, end int) bool {
	cl := s.clauses[n]
	if !c.blankBut(cl.start, clause{start: cl.start, end: c.tokens[t].start, lo: cl.lo, hi: t}, "and", "then") {
		return false
	}
	acted := false
	for k := s.lo; k < t; k++ {
		if _, _, ok := actionKind(c.tokens[k]); ok {
			acted = true
		} else if acted && c.tokens[k].any("if", "if_not", "only_if") {
			return false // "assign to @X if they paid, stage Hot Lead"
		}
	}
	first := noWord(c.text[s.start:cl.start])
	if noWord(c.text[end:max(end, s.end)]) {
		return !first || s.step != nil && s.step.parent != nil && c.lineHas(s.step.parent.line, "if")
	}
	_, cut := c.nextValue(end, s.end)
	return acted && !first && cut && !c.tokenAt(c.skipMarks(end, s.end), "or")
}

// findName finds the first name of an index that stands in text[from:end], in
// quotes or not.
func (c *compiler) findName(x *nameIndex, from, end int) (name string, start, stop int, ok bool) {
	last := c.shadow.Index(end)
	for i := c.shadow.Index(from); i < last; {
		_, n := utf8.DecodeRuneInString(c.shadow.Text[i:])
		if v, to, ok := x.match(c.shadow.Text[:last], i); ok {
			return v, c.shadow.Start(i), c.shadow.End(c.text, to), true
		}
		i += n
	}
	return "", 0, 0, false
}

// candidateValue reads what stands where a value is expected: a quotation, a
// bold run, or capitalised words behind "to". clear is set where it is certain
// where it begins and ends.
func (c *compiler) candidateValue(from, end int) (v string, start, stop int, clear bool) {
	i := from
	for i < end {
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		if q, ok := c.quoteAt(i); ok && q.start == i {
			return q.text(c.text), q.start, q.end, true
		}
		switch {
		case strings.HasPrefix(c.text[i:end], "**") || strings.HasPrefix(c.text[i:end], "__"):
			mark := c.text[i : i+2]
			k := strings.Index(c.text[i+2:end], mark)
			if k <= 0 {
				i += 2
				continue
			}
			inner := strings.TrimSpace(c.text[i+2 : i+2+k])
			if strings.ContainsFunc(inner, unicode.IsLetter) {
				return inner, i, i + 4 + k, true
			}
			i += 2
		case unicode.IsUpper(r) || fold.Unspaced(r):
			run := c.text[i:end]
			if k := nameEnd(run); k >= 0 {
				run = run[:k]
			}
			ends := wordEnds(run)
			if len(ends) == 0 {
				return "", 0, 0, false
			}
			to := i + nameLength(run, ends)
			return c.text[i:to], i, to, unicode.IsUpper(r)
		case unicode.IsSpace(r) || unicode.IsPunct(r) && r != ',' && r != '.' && r != ';' && r != '!' && r != '?' || unicode.IsSymbol(r):
			i += n
		default:
			// A connective may stand before the value; any other word ends it.
			next := c.skipConnective(i, end)
			if next == i {
				return "", 0, 0, false
			}
			i = next
		}
	}
	return "", 0, 0, false
}

func (c *compiler) skipConnective(i, end int) int {
	k, _ := slices.BinarySearchFunc(c.tokens, i, func(t token, o int) int { return t.start - o })
	if k < len(c.tokens) && c.tokens[k].start == i && c.tokens[k].any("to", vocabulary.Number) && c.tokens[k].end <= end {
		return c.tokens[k].end
	}
	return i
}

// valueSite reads the text of a comment and the name of a tag.
func (c *compiler) valueSite(st site) {
	s := &c.sentences[st.sentence]
	end := c.nextAction(s, st.token)
	v, start, stop, _ := c.candidateValue(st.end, end)
	if v != "" {
		st.Value, st.end = v, stop
		c.took(start)
	} else if i := strings.IndexByte(c.text[st.end:end], '%'); i >= 0 && st.Name == actTags {
		run := c.text[st.end+i+1 : end]
		if k := nameEnd(run); k >= 0 {
			run = run[:k]
		}
		st.Value = strings.TrimSpace(run)
	}
	c.putSite(st)
}
