package instructions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// emit writes what was found into the playbook.
func (c *compiler) emit() {
	c.pb.Language = c.language
	c.emitSections()
	c.pb.Mentions = make([]Mention, 0, len(c.refs))
	c.pb.Variables = make([]Variable, 0, len(c.variables))
	c.pb.Actions = make([]ActionSite, 0, len(c.sites))
	for _, r := range c.refs {
		if r.kind == refMention && !r.quoted {
			c.pb.Mentions = append(c.pb.Mentions, Mention{Name: r.name, Target: r.target, Span: c.span(r.start, r.end)})
		}
	}
	for _, v := range c.variables {
		c.pb.Variables = append(c.pb.Variables, Variable{Name: v.name, Fallback: v.fallback, Span: c.span(v.start, v.end)})
	}
	slices.SortStableFunc(c.sites, func(a, b *site) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return a.end - b.end
	})
	for _, s := range c.sites {
		c.pb.Actions = append(c.pb.Actions, ActionSite{Action: s.Action, Resolved: s.resolved, Conditional: s.conditional || s.followUp, FollowUp: s.followUp, Span: c.span(s.start, s.end)})
		c.allow(s)
		switch {
		case s.Name == actStage && s.Value != "" && !slices.Contains(c.pb.Stages, s.Value):
			c.pb.Stages = append(c.pb.Stages, s.Value)
		case s.Name == actField && s.Field != "" && !slices.Contains(c.pb.Fields, s.Field):
			c.pb.Fields = append(c.pb.Fields, s.Field)
		}
	}
}

// allow enters the target of an assign phrase into the list of those that may
// be assigned (S6.4).
func (c *compiler) allow(s *site) {
	t := s.resolved
	switch {
	case s.Name == actUnassign:
		t = frontdesk.Target{Kind: frontdesk.TargetNobody}
	case s.Name != actAssign || t.Kind == "":
		return
	}
	for i := range c.pb.Targets {
		if a := &c.pb.Targets[i]; a.Target.Same(t) {
			if a.Method == "" {
				a.Method = frontdesk.Method(s.Method)
			}
			return
		}
	}
	c.pb.Targets = append(c.pb.Targets, AllowedTarget{Target: t, Method: frontdesk.Method(s.Method)})
}

// check reports all that needs the whole text.
func (c *compiler) check() {
	c.foreignInMessages()
	c.checkMentions()
	c.checkVariables()
	c.checkStructure()
	c.checkConditions()
	c.checkOrder()
	c.checkTypos()
	c.checkContradictions()
	c.checkEnabled()
}

// foreignInMessages marks the placeholders of other tools that a contact would
// read: those in what is quoted to be said.
func (c *compiler) foreignInMessages() {
	for i := range c.refs {
		r := &c.refs[i]
		if r.kind != refForeign || !r.quoted {
			continue
		}
		q, _ := c.quoteAt(r.start)
		k, _ := slices.BinarySearchFunc(c.tokens, q.start, func(t token, o int) int { return t.start - o })
		for j := k - 1; j >= 0 && q.start-c.tokens[j].end < 40 && c.lineAt(c.tokens[j].start) == c.lineAt(q.start); j-- {
			if c.tokens[j].any("send") {
				r.certain = true
			}
		}
	}
}

// checkConditions reports actions that nothing governs.
func (c *compiler) checkConditions() {
	for _, s := range c.sites {
		if s.conditional || s.followUp || s.Name == actField {
			continue
		}
		c.report("action-without-condition", SeverityWarning, s.start, s.end,
			fmt.Sprintf("nothing says when to do this: add a condition, such as \"if …, %s\"", strings.TrimSpace(c.text[s.start:s.end])), "")
	}
}

// checkOrder reports a step that closes before a later one acts. Within a step
// the order is that of the calls (grammar 18).
func (c *compiler) checkOrder() {
	type group struct {
		parent  *step
		section *section
	}
	closed := map[group]*site{}
	for _, s := range c.sites {
		step := c.sentences[s.sentence].step
		if s.followUp || step == nil {
			continue
		}
		g := group{step.parent, step.section}
		first := closed[g]
		if s.Name == actClose {
			if first == nil && !c.ownCondition(s) {
				closed[g] = s
			}
			continue
		}
		if first == nil || c.sentences[first.sentence].step == step || s.Name == actUnassign {
			continue
		}
		if s.Name == actAssign {
			c.report("close-before-assign", SeverityWarning, first.start, first.end, closesFirst, "")
		} else {
			c.report("action-after-close", SeverityWarning, s.start, s.end, "an earlier step has closed the conversation: put this before it", "")
		}
	}
	// Wording such as "later assign to sales" behind a close names nobody, and
	// may therefore be no site.
	for i := range c.sentences {
		sen := &c.sentences[i]
		if sen.step == nil {
			continue
		}
		first := closed[group{sen.step.parent, sen.step.section}]
		if first == nil || sen.start < first.end || c.sentences[first.sentence].step == sen.step {
			continue
		}
		if c.sentenceHas(sen, "assign", "assign_loose") && c.sentenceHas(sen, "human") {
			c.report("close-before-assign", SeverityWarning, first.start, first.end, closesFirst, "")
		}
	}
}

const closesFirst = "this closes the conversation before a later step assigns it: close last"

// ownCondition reports whether the sentence of a site holds a condition.
func (c *compiler) ownCondition(s *site) bool {
	sen := &c.sentences[s.sentence]
	l := c.lines[sen.line]
	return c.sentenceHas(sen, "if", "if_not", "else", "only_if") || hasCondition(c.text[l.body:s.start])
}

// checkTypos reports slips that the vocabulary knows, and "asign to @X": what is
// spelt almost like the term for assigning assigns nobody.
func (c *compiler) checkTypos() {
	for _, t := range c.tokens {
		if right, ok := t.Value(vocabulary.Typo); ok {
			c.report("near-canonical", SeverityWarning, t.start, t.end, fmt.Sprintf("%q is short for %q: write that", c.text[t.start:t.end], right), "")
		}
	}
	for _, r := range c.refs {
		if r.kind == refMention && !r.quoted && !r.heading && !r.governed {
			c.checkAssignTerm(r)
		}
	}
}

// checkAssignTerm reports the two words before a mention where they are spelt
// almost like "assign to" in one of the languages.
func (c *compiler) checkAssignTerm(r ref) {
	const most = 40 // bytes of two words
	from := max(c.lineStarts[c.lineAt(r.start)], r.start-most)
	run := strings.TrimRight(c.text[from:r.start], " *_")
	ends := wordEnds(run)
	if len(ends) < 2 {
		return
	}
	begin := 0
	if len(ends) > 2 {
		begin = ends[len(ends)-3]
	}
	begin += len(run[begin:]) - len(strings.TrimLeft(run[begin:], " *_"))
	line := c.lines[c.lineAt(r.start)]
	if lo, hi := c.tokensIn(from, r.start); line.list != "" || c.hasAction(lo, r.start) || c.anyIn(lo, hi, negations...) {
		return // another form of the word, or a prohibition
	}
	said := fold.Phrase(run[begin:])
	for _, language := range c.vocab.Languages() {
		term := c.vocab.Canonical(language, vocabulary.Kind(actAssign))
		if d := len(said) - len(term); d < -4 || d > 4 {
			continue // bytes of two letters
		}
		if _, near := routing.Near(said, fold.Phrase(term)); near && said != fold.Phrase(term) {
			c.report("near-canonical", SeverityWarning, from+begin, from+len(run), fmt.Sprintf("%q is spelt almost like %q, and assigns nobody: write that", run[begin:], term), "")
			return
		}
	}
}

// checkEnabled compares the text with the actions that are enabled.
func (c *compiler) checkEnabled() {
	if c.opts.Actions == nil {
		return
	}
	enabled := map[string]string{}
	for _, a := range c.opts.Actions {
		enabled[a.Name] = a.Prompt
	}
	inText := map[string]*site{}
	for _, s := range c.sites {
		name := s.Name
		if name == actUnassign {
			name = actAssign
		}
		if inText[name] == nil {
			inText[name] = s
		}
		if _, ok := enabled[name]; !ok {
			c.report("action-not-enabled", severity(s.canonical), s.start, s.end, fmt.Sprintf("the text tells the agent to do this, and the action %q is not enabled: enable it, or take this out", name), "")
		}
	}
	c.checkForbidden(enabled)
	if c.action != "" {
		return
	}
	for _, a := range c.opts.Actions {
		s := inText[a.Name]
		prompted := strings.TrimSpace(a.Prompt) != ""
		switch {
		case !builtin[a.Name]:
		case s == nil && !prompted:
			c.report("unreferenced-action", SeverityInfo, 0, 0, fmt.Sprintf("the action %q is enabled, and neither the text nor a prompt says when to use it: say so, or disable it", a.Name), "")
		case s == nil:
			c.report("action-only-once", SeverityInfo, 0, 0, fmt.Sprintf("the action %q is described in its prompt only: name it in the instructions too", a.Name), "")
		case !prompted:
			c.report("action-only-once", SeverityInfo, s.start, s.end, fmt.Sprintf("the action %q is described in the instructions only: give it a prompt too", a.Name), "")
		}
	}
}

var builtin = map[string]bool{actAssign: true, actClose: true, actField: true, actStage: true, actComment: true, actTags: true}

// namesTarget reports whether a mention stands next to the assign phrase at
// token t.
func (c *compiler) namesTarget(s *sentence, t int) bool {
	for _, r := range c.refsOf(s) {
		if r.kind == refMention && !r.quoted && (r.start >= c.tokens[t].end || c.tokens[t].any("assign_after")) {
			return true
		}
	}
	return false
}

// conditionBehind reports whether a condition follows a phrase: "do not close
// the conversation while a question is open".
func (c *compiler) conditionBehind(s *sentence, t int) bool {
	for k := t + 1; k < s.hi; k++ {
		if c.tokens[k].any("if", "if_not", "only_if", "after") {
			return true
		}
	}
	return false
}

// checkForbidden reports enabled actions that a cannot list names.
func (c *compiler) checkForbidden(enabled map[string]string) {
	for i := range c.sentences {
		s := &c.sentences[i]
		if c.lines[s.line].list != "cannot" {
			continue
		}
		for t := s.lo; t < s.hi; t++ {
			name, canonical, ok := actionKind(c.tokens[t])
			if !ok || !canonical || name == actField && !c.tokens[t].any("update_field") {
				continue
			}
			if name == actUnassign {
				name = actAssign
			}
			if name == actAssign && c.namesTarget(s, t) || c.conditionBehind(s, t) {
				continue // somebody in particular, or some case, is forbidden
			}
			if _, on := enabled[name]; on {
				c.report("forbidden-action", SeverityWarning, c.tokens[t].start, c.tokens[t].end, fmt.Sprintf("this is forbidden here, and the action %q is enabled: disable it, or take this out", name), "")
			}
		}
	}
}
