package instructions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// forbidTargets notes the mentions that an assign phrase forbids in every case:
// no condition stands in its sentence or above it, and nothing behind them.
func (c *compiler) forbidTargets(s *sentence, t int, refs []*ref) {
	n := len(refs)
	if n == 0 || c.conditional(s, t) || !noWord(c.text[refs[n-1].end:max(refs[n-1].end, s.end)]) {
		return
	}
	for k := s.lo; k < s.hi; k++ {
		if c.tokens[k].any("lifts", "reason", "after", "but", "except", "clock", "clock_at") {
			return
		}
	}
	for _, r := range refs {
		if r.kind == refMention && r.target.Kind != "" {
			c.forbidden = append(c.forbidden, *r)
		}
	}
}

// noteLost notes the mentions that an assign phrase may be meant to allow, while
// nobody is allowed by it: "do not assign to @A unless they ask", "do not argue
// and assign to @A". A plain prohibition is none of them, nor a description. A
// negated sentence allows nobody (S6.4), and no author loses a target without a
// word.
func (c *compiler) noteLost(s *sentence, t int, all, allowed []*ref, how sense) {
	if len(all) == 0 || len(allowed) > 0 || how == described {
		return
	}
	doubt := how != forbidden && !c.deniedBehind(t, all[0])
	for k := s.lo; k < s.hi && !doubt; k++ {
		tok := c.tokens[k]
		behind := tok.start >= all[0].end
		switch {
		case tok.any("lifts") && tok.any("if_not") && !behind:
			doubt = true
		case behind && tok.any("lifts", "if", "if_not", "except") && !tok.any("instead"):
			doubt = !c.isEven(k, all[0].end) && (!c.cutOrDash(all[0].end, tok.start) || !c.hasAction(k+1, s.end))
		}
	}
	for i, r := range all {
		if i > 0 && !c.listed(all, i) {
			doubt = c.isAside(all[i-1].end, r.start)
		}
		if doubt && r.kind == refMention && r.target.Kind != "" {
			c.lost = append(c.lost, *r)
		}
	}
}

// noteBeyond notes a mention that another verb cuts off from its assign phrase:
// "assign customers who can't log in to @A".
func (c *compiler) noteBeyond(s *sentence, st site, refs []ref, from int) {
	for k := range refs {
		r := &refs[k]
		if r.start < from || r.quoted {
			continue
		}
		lo, hi := c.tokensIn(from, r.start)
		again := slices.ContainsFunc(c.tokens[lo:hi], func(t token) bool { return t.any("assign", "assign_loose", "assign_weak") })
		if !again && !c.cutBetween(st.end, r.start) && c.endsInTo(r.start, "") {
			c.noteLost(s, st.token, []*ref{r}, nil, doubted)
		}
		return
	}
}

// isEven reports whether a condition behind a mention is none: "even if".
func (c *compiler) isEven(k, from int) bool {
	before := c.shadow.Index(from)
	if k > 0 {
		before = max(before, c.tokens[k-1].End)
	}
	g := c.words(before, c.tokens[k].Start)
	i := g.last("even")
	return i >= 0 && g.behind(i).only()
}

// listed reports whether a mention is the next of a list: "@A and @B", "@A, @B
// or @C".
func (c *compiler) listed(all []*ref, i int) bool {
	for k := i; k < len(all); k++ {
		from, to := all[k-1].end, all[k].start
		lo, hi := c.tokensIn(from, to)
		if !c.joins(from, to, lo, hi) || strings.ContainsAny(c.text[from:to], ";:") || strings.Contains(c.text[from:to], " - ") {
			return false
		}
		if c.anyIn(lo, hi, "and", "or") || strings.ContainsAny(c.text[from:to], "/&+") {
			return true
		}
	}
	return false
}

// deniedBehind reports whether a negation between an assign phrase and its
// mention is about the mention beyond doubt: "assign, but never to @A".
func (c *compiler) deniedBehind(t int, r *ref) bool {
	g := c.wordsOf(c.tokens[t].end, r.start)
	i := g.last("not", "prohibit", "cannot", "not_after", "refusal", "except")
	return i >= 0 && g.behind(i).only("to", "adverb")
}

// isAside reports whether a mention behind a comma, dash or the like is one that
// a prohibition before it may not be about: "never assign to @A, only @B".
func (c *compiler) isAside(from, to int) bool {
	g := c.wordsOf(from, to)
	return c.cutOrDash(from, to) && g.bare("adverb", "always") <= 1 && !g.has(refusals...) &&
		!g.has("or", "except", "if", "if_not", "relative", "relative_that", "reason", "lifts")
}

// forbidListed reads an assign phrase of a list: one of cannot forbids the
// mentions that it names, one of can allows nobody, as it does not say when.
func (c *compiler) forbidListed(s *sentence, refs []ref) {
	list := c.lines[s.line].list
	for t := s.lo; t < s.hi; t++ {
		if name, _, ok := actionKind(c.tokens[t]); !ok || name != actAssign {
			continue
		}
		var named []*ref
		for k := range refs {
			if refs[k].start >= c.tokens[t].end && !refs[k].quoted {
				named = append(named, &refs[k])
			}
		}
		if named == nil {
			named = c.namedBefore(t, refs)
		}
		switch {
		case list != "cannot":
			if c.read(s, t) == ordered {
				c.noteLost(s, t, named, nil, doubted)
			}
		case c.escapes(s, t, named):
			c.noteLost(s, t, named, nil, doubted)
		default:
			c.forbidTargets(s, t, named)
			c.noteLost(s, t, named, nil, forbidden)
		}
		return
	}
}

// escapes reports whether an assign phrase in a cannot list may say what to do
// instead of the rest of its item: "quote prices, always assign to @A instead".
func (c *compiler) escapes(s *sentence, t int, named []*ref) bool {
	if len(named) == 0 || c.negated(s, t) {
		return false
	}
	l := c.lines[s.line]
	from := max(l.body, l.items)
	if from < s.start && !noWord(c.text[c.near(from, s.start):s.start]) && c.anyIn(s.lo, t, "if", "if_not", "always", "else") {
		return true // a sentence of its own behind the item
	}
	begun := slices.ContainsFunc(s.clauses, func(cl clause) bool {
		return cl.end <= c.tokens[t].start && cl.end > from && !noWord(c.text[max(from, cl.start):cl.end])
	})
	always := t > s.lo && c.tokens[t-1].any("always", "then", "else") && noWord(c.shadow.Text[min(c.tokens[t-1].End, c.tokens[t].Start):c.tokens[t].Start])
	after, _ := c.tokensIn(named[len(named)-1].end, s.end)
	return begun && (always || c.anyIn(after, s.hi, "instead"))
}

// checkContradictions reports who may be assigned by one part of the text and
// is forbidden by another, neither under a condition of the prohibition; and
// who may be meant to be allowed by a sentence that allows nobody.
func (c *compiler) checkContradictions() {
	for _, r := range c.forbidden {
		if c.allows(r.target) {
			c.report("forbidden-action", SeverityWarning, r.start, r.end,
				fmt.Sprintf("another part of the text assigns to @%s, and this forbids it in every case: take one out, or say here when it is forbidden", r.name), "")
		}
	}
	if len(c.lost) == 0 {
		return
	}
	prompt := c.assignPrompt()
	for _, r := range c.lost {
		if c.allows(r.target) || prompt != "" && strings.Contains(prompt, fold.Phrase(r.name)) {
			continue
		}
		c.report("forbidden-action", SeverityWarning, r.start, r.end,
			fmt.Sprintf("this does not let the agent assign to @%s, and nothing else does: say when to in a sentence of its own, such as \"If ..., assign to @%s.\"; or forbid it plainly, such as \"Never assign to @%s.\"", r.name, r.name, r.name), "")
	}
}

// allows reports whether the text allows to assign to a target.
func (c *compiler) allows(to frontdesk.Target) bool {
	return slices.ContainsFunc(c.pb.Targets, func(a AllowedTarget) bool { return a.Target.Same(to) })
}

// assignPrompt returns the folded prompt of the enabled assign action: it may
// allow whom the instructions do not.
func (c *compiler) assignPrompt() string {
	k := slices.IndexFunc(c.opts.Actions, func(a EnabledAction) bool { return a.Name == actAssign })
	if k < 0 {
		return ""
	}
	return fold.Phrase(c.opts.Actions[k].Prompt)
}
