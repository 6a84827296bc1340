package offline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
)

func (w *walk) numberKnown(c *clause) bool {
	if c.topic == nil {
		return false
	}
	_, ok := w.st.numbers[c.topic.key]
	return ok
}

// times counts how often a text was said, with another before it.
func (w *walk) times(text, before string) int {
	n := 0
	for _, s := range w.st.said {
		if strings.Contains(s, text) && strings.Contains(s, before) {
			n++
		}
	}
	return n
}

// ask asks a question and stops there. It returns false when the question is
// given up: the contact would not answer it.
func (w *walk) ask(question string, pending, declined bool, c *clause) bool {
	p, st := w.plan, w.st
	if len(w.calls) > 0 {
		w.stop = true // what was called comes first
		return true
	}
	text := p.expand(question, w.in.known, w.in.now)
	if declined && w.times(text, "") > 1 {
		return false
	}
	latest := strings.Join(st.latest, "\n")
	switch {
	case !pending || len(st.latest) == 0:
		if isQuestion(latest) && !st.learned {
			w.respond()
		} else if st.learned && len(w.parts) == 0 {
			w.parts = append(w.parts, p.say.thanks)
		}
	case isQuestion(latest):
		if w.respond(); w.lost {
			return true
		}
	case (st.vague || c != nil && c.topic != nil && readYesNo(latest) == yes) && w.times(p.say.howMuch, "") == 0:
		text = p.say.howMuch
	case slices.ContainsFunc(st.calls, func(c call) bool { return c.name == actions.NameUpdateFields && !c.ok }):
		w.parts = append(w.parts, p.say.cannot) // the prompt allows other values
	case st.learned:
	case declined && w.times(p.say.understand, text) == 0:
		w.parts = append(w.parts, p.say.understand)
	case hasAny(phrased(latest), thanksSet) && len(wordsOf(latest)) <= 4:
	case w.times(p.say.sorry, text) > 0:
		return w.handOver()
	default:
		w.parts = append(w.parts, p.say.sorry)
	}
	w.parts = append(w.parts, text)
	w.stop = true
	return true
}

// respond answers what the contact asks: by a passage, else by a colleague,
// and when colleagues are promised too often by handing over.
func (w *walk) respond() {
	if w.reply {
		return
	}
	w.reply = true
	latest := wordsOf(strings.Join(w.st.latest, " "))
	for _, c := range w.plan.clauses { // a scenario of the prompt that answers it
		if c.cond != nil && c.cond.kind == whenWords && len(c.says) > 0 && len(c.acts) == 0 && score(c.cond.words, latest) > 0 {
			if text := w.plan.expand(c.says[0], w.st.fields, w.in.now); !slices.Contains(w.parts, text) {
				w.parts = append(w.parts, text)
			}
			return
		}
	}
	if text := w.passages(1); text != "" {
		w.parts = append(w.parts, text)
		return
	}
	if w.times(w.plan.say.colleague, "") >= 2 {
		w.handOver()
		return
	}
	w.parts = append(w.parts, w.plan.say.colleague)
}

// passages quotes what the knowledge sources hold.
func (w *walk) passages(n int) string {
	var out []string
	for _, p := range w.in.passages[:min(n, len(w.in.passages))] {
		out = append(out, clipText(strings.Join(strings.Fields(p), " "), 400))
	}
	return strings.Join(out, "\n")
}

// recommend quotes passages once, and once more when the contact asks.
func (w *walk) recommend() {
	p := w.plan
	if w.times(p.say.recommend, "")+w.times(p.say.noPassages, "") > 0 {
		latest := strings.Join(w.st.latest, "\n")
		if w.st.reacting && isQuestion(latest) && !w.reply {
			w.respond()
		}
		return
	}
	w.reply = true
	if len(w.in.passages) == 0 {
		w.parts = append(w.parts, p.say.noPassages)
	} else {
		w.parts = append(w.parts, p.say.recommend+"\n"+w.passages(2)+"\n")
	}
}

// help answers the contact's questions, and asks whether that helped where
// something depends on it.
func (w *walk) help(c *clause) {
	latest := strings.Join(w.st.latest, "\n")
	depends := slices.ContainsFunc(w.plan.clauses, func(o *clause) bool { return depends(o.cond, c) })
	if _, heard := w.st.answers[c.id]; heard {
		return
	}
	if !depends {
		if isQuestion(latest) {
			w.respond()
			w.stop = true
		}
		return
	}
	if len(w.calls) > 0 {
		w.stop = true
		return
	}
	if text := w.passages(2); text != "" {
		w.parts = append(w.parts, w.plan.say.found+"\n"+text+"\n")
	} else {
		// There is nothing to help with, so nothing is solved.
		w.st.answers[c.id] = answer{no, latest}
		if isQuestion(latest) {
			w.respond()
		}
		return
	}
	w.parts = append(w.parts, w.plan.say.helped)
	w.stop = true
}

func depends(c *condition, on *clause) bool {
	if c == nil {
		return false
	}
	return c.about == on || slices.ContainsFunc(c.of, func(o *condition) bool { return depends(o, on) })
}

// fieldQuestion asks for a field.
func (p *plan) fieldQuestion(field string) string {
	switch frontdesk.FoldField(field) {
	case "name", "fullname", "firstname":
		return p.say.name
	case "email":
		return p.say.email
	case "phone":
		return p.say.phone
	}
	for _, t := range p.topics {
		if t.key == frontdesk.FoldField(field) && len(t.words) > 0 {
			return fmt.Sprintf(p.say.field, t.words[len(t.words)-1])
		}
	}
	return fmt.Sprintf(p.say.field, strings.ReplaceAll(field, "_", " "))
}
