package offline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// allowed evaluates a condition. A number that is not known is asked for.
func (w *walk) allowed(c *condition) bool {
	switch w.holds(c) {
	case yes:
		return true
	case unclear:
		for _, one := range append([]*condition{c}, c.of...) {
			if t := one.topic; one.kind == whenCompared && t != nil && t.ask != nil && !w.moved && !w.numberKnown(t.ask) {
				if _, heard := w.st.answers[t.ask.id]; !heard {
					w.ask(t.ask.question, w.st.pending == t.ask, false, t.ask)
				}
				return false
			}
		}
	}
	return false
}

// holds evaluates a condition; unclear is what cannot be known yet.
func (w *walk) holds(c *condition) reply {
	switch c.kind {
	case whenCompared:
		return w.compare(c)
	case whenWords:
		if w.score(c) > 0 {
			return yes
		}
		return no
	case whenNot:
		switch w.holds(c.of[0]) {
		case yes:
			return no
		case no:
			return yes
		}
		return unclear
	case whenAll:
		all := yes
		for _, one := range c.of {
			switch w.holds(one) {
			case no:
				return no
			case unclear:
				all = unclear
			}
		}
		return all
	}
	if c.about == nil {
		return unclear
	}
	a, heard := w.st.answers[c.about.id]
	if !heard && c.kind == whenNo { // the question was not even asked, for want of interest
		for _, cl := range w.plan.clauses {
			if r, ok := w.st.answers[cl.id]; ok && cl.recommend && r.reply == no && !w.wasAsked(c.about) {
				return yes
			}
		}
	}
	if !heard {
		return unclear
	}
	if c.kind == whenNo {
		if a.reply == no {
			return yes
		}
		return no
	}
	return a.reply
}

func (w *walk) wasAsked(c *clause) bool {
	return c.question != "" && w.times(w.plan.expand(c.question, w.in.known, w.in.now), "") > 0
}

// compare evaluates a structured comparison.
func (w *walk) compare(c *condition) reply {
	k := c.compare
	truth := func(b bool) reply {
		if b {
			return yes
		}
		return no
	}
	if c.topic != nil && c.topic.numeric {
		v, ok := w.st.numbers[c.topic.key]
		limit, err := strconv.ParseFloat(k.Value, 64)
		if !ok || err != nil {
			return unclear
		}
		if held, known := holds(k.Op, v, limit); known {
			return truth(held)
		}
		return unclear
	}
	value := ""
	for id, v := range w.st.fields {
		if frontdesk.FoldField(id) == frontdesk.FoldField(k.Field) {
			value = folded(v)
		}
	}
	if k.Op == instructions.OpPresent {
		return truth(value != "")
	}
	if value == "" {
		return unclear
	}
	wants := k.Values
	if len(wants) == 0 {
		wants = []string{k.Value}
	}
	any := func(match func(value, want string) bool) reply {
		return truth(slices.ContainsFunc(wants, func(want string) bool { return match(value, folded(want)) }))
	}
	switch k.Op {
	case instructions.OpEqual, instructions.OpOneOf:
		return any(func(v, want string) bool { return v == want })
	case instructions.OpNotEqual:
		return truth(!slices.ContainsFunc(wants, func(want string) bool { return value == folded(want) }))
	case instructions.OpEndsWith:
		return any(strings.HasSuffix)
	case instructions.OpStartsWith:
		return any(strings.HasPrefix)
	case instructions.OpContains:
		return any(strings.Contains)
	}
	return unclear
}

// score is how many words of a condition the contact used; 0 when of no
// alternative most were used.
func (w *walk) score(c *condition) int { return w.scoreIn(c, w.st.heard) }

// scoreIn is the score for these messages of the contact.
func (w *walk) scoreIn(c *condition, messages []string) int {
	if c.kind == whenAll {
		sum := 0
		for _, one := range c.of {
			sum += 1 + w.scoreIn(one, messages)
		}
		return sum
	}
	heard := wordsOf(strings.Join(messages, " "))
	if len(heard) > 500 {
		heard = heard[len(heard)-500:]
	}
	return score(c.words, heard)
}

// score counts the words of those alternatives of which most were heard.
func score(alternatives [][]string, heard []string) int {
	sum := 0
	for _, words := range alternatives {
		n := 0
		for _, want := range words {
			if slices.ContainsFunc(heard, func(h string) bool { return alike(h, want) }) {
				n++
			}
		}
		if 2*n > len(words) {
			sum += n
		}
	}
	return sum
}
