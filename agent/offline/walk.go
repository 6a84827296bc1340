package offline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// walk goes through the plan from its beginning to the first question that is
// open, and collects what there is to do and to say on the way. Actions come
// first: the engine asks again with their results, and the same way is gone
// with them done.
type walk struct {
	plan *plan
	in   *input
	st   *state

	parts []string
	calls []agent.ToolCall
	stop  bool
	moved bool // assigned or closed, done or called
	lost  bool // handing over was tried
	reply bool // the contact's own question was answered
}

func (w *walk) answer() ([]agent.ToolCall, string) {
	p, st := w.plan, w.st
	latest := strings.Join(st.latest, "\n")
	w.save()
	if len(w.calls) > 0 {
		return w.calls, ""
	}
	if len(st.said) == 0 {
		w.greet()
	}
	words := phrased(latest)
	switch {
	case slices.ContainsFunc(st.calls, func(c call) bool { return c.wait }):
		w.parts = append(w.parts, p.say.pending) // nothing else is done before a person decides
	case hasAny(words, persons) && (st.pending == nil || !st.pending.yesNo):
		w.handOver()
	case len(wordsOf(latest)) <= 8 && hasAny(words, goodbyes) && !st.learned && len(st.said) > 0:
		w.bye()
	default:
		w.nodes(p.nodes)
		if !w.stop && !w.moved && len(w.calls) == 0 {
			w.rest(latest)
		}
	}
	if len(w.calls) > 0 {
		return w.calls, ""
	}
	w.farewell()
	text := strings.TrimSpace(strings.ReplaceAll(strings.Join(w.parts, " "), "\n ", "\n"))
	if text == "" {
		text = p.say.anything
	}
	return nil, text
}

// greet welcomes a contact, in the prompt's own words where there are any.
func (w *walk) greet() {
	p := w.plan
	for _, c := range p.clauses {
		if c.greet && c.cond == nil && len(c.says) > 0 {
			w.parts = append(w.parts, p.expand(c.says[0], w.st.fields, w.in.now))
			return
		}
	}
	name := w.st.fields["firstname"]
	if name == "" {
		name, _, _ = strings.Cut(w.st.fields["name"], " ")
	}
	if name = clipText(strings.Join(strings.Fields(name), " "), 60); name == "" {
		w.parts = append(w.parts, p.say.greet)
		return
	}
	w.parts = append(w.parts, fmt.Sprintf(p.say.greetName, name))
}

func (w *walk) bye() {
	w.stop = true
	if w.in.offers(actions.NameStopFollowUps, "reason", "goodbye") {
		w.call(actions.NameStopFollowUps, map[string]any{"reason": "goodbye"})
	}
	if len(w.calls) > 0 {
		return
	}
	// What the prompt says to those who are not ready is said to them.
	for _, c := range w.plan.clauses {
		if c.cond != nil && c.cond.kind == whenNo && len(c.says) > 0 && len(c.acts) == 0 {
			w.parts = append(w.parts, w.plan.expand(c.says[0], w.st.fields, w.in.now))
			return
		}
	}
	w.parts = append(w.parts, w.plan.say.goodbye)
}

// nodes does steps in their order. Of those whose conditions are words it does
// the one that shares most with what the contact wrote, just now before earlier.
func (w *walk) nodes(list []*node) {
	best, score := -1, 0
	for i, n := range list {
		if c := n.first(); c != nil && (c.kind == whenWords || c.kind == whenAll) {
			const now = 10 // times what was said earlier
			if s := w.score(c) + now*w.scoreIn(c, w.st.latest); s > score && w.holds(c) == yes {
				best, score = i, s
			}
		}
	}
	for i, n := range list {
		if c := n.first(); c != nil && (c.kind == whenWords || c.kind == whenAll) && i != best {
			continue
		}
		w.node(n)
		if w.stop {
			return
		}
		if w.moved && n.first() != nil {
			w.stop = true
			return
		}
	}
}

func (w *walk) node(n *node) {
	if n.cond != nil && !w.allowed(n.cond) {
		return
	}
	for _, c := range n.clauses {
		if c.cond != nil && !w.allowed(c.cond) {
			if w.stop {
				return
			}
			continue
		}
		w.clause(c)
		if w.stop {
			return
		}
		// A recommendation waits for what the contact says to it.
		if c.recommend && !w.moved && len(w.calls) == 0 && waits(n) {
			if _, heard := w.st.answers[c.id]; !heard {
				w.parts = append(w.parts, w.plan.say.reaction)
				w.stop = true
				return
			}
		}
	}
	if first := n.first(); first == nil || w.holds(first) == yes {
		w.nodes(n.kids)
	}
}

// waits reports whether what follows a recommendation depends on the answer.
func waits(n *node) bool {
	for _, k := range n.kids {
		if c := k.first(); c != nil && (c.kind == whenInterested || c.kind == whenYes || c.kind == whenNo) {
			return true
		}
	}
	return false
}

// clause does one.
func (w *walk) clause(c *clause) {
	p, st := w.plan, w.st
	if !w.moved {
		for i, f := range c.fields {
			if st.fields[f] != "" {
				continue
			}
			text := p.fieldQuestion(f)
			if c.question != "" && i == 0 && !(w.wasAsked(c) && st.learned && len(c.fields) > 1) {
				text = c.question
			}
			if w.ask(text, st.field == f && st.pending == c, st.declined[f], nil) {
				return
			}
		}
	}
	if c.recommend && !w.moved {
		w.recommend()
	}
	if c.question != "" && len(c.fields) == 0 && !w.moved {
		if _, heard := st.answers[c.id]; !heard && !w.numberKnown(c) {
			if w.ask(c.question, st.pending == c, false, c) {
				return
			}
		}
	}
	if c.answer && !w.moved {
		w.help(c)
		if w.stop {
			return
		}
	}
	if !c.greet || c.cond != nil {
		for _, text := range c.says {
			if text = p.expand(text, st.fields, w.in.now); text != "" && !slices.Contains(w.parts, text) && w.times(text, "") == 0 {
				w.parts = append(w.parts, text)
			}
		}
	}
	for _, a := range c.acts {
		w.act(a)
	}
}

// rest answers when the flow has nothing more to say.
func (w *walk) rest(latest string) {
	p := w.plan
	if w.reply {
		return
	}
	switch {
	case isQuestion(latest):
		w.respond()
		if !w.moved && !w.lost && len(w.calls) == 0 {
			w.parts = append(w.parts, p.say.anything)
		}
	case hasAny(phrased(latest), thanksSet), readYesNo(latest) == no && len(w.st.said) > 0 && strings.Contains(w.st.said[len(w.st.said)-1], p.say.anything):
		if len(w.parts) == 0 {
			w.parts = append(w.parts, p.say.goodbye)
		}
	case w.times(p.say.anything, "") >= 2 && !w.st.learned:
		w.handOver()
	case slices.ContainsFunc(w.parts, func(s string) bool { return strings.Contains(s, "?") }): // the prompt's own text asks
	case len(w.parts) == 0 || len(w.st.said) == 0:
		w.parts = append(w.parts, p.say.anything)
	}
}
