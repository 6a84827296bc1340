package offline

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
)

// state is where a conversation stands, found by going through it from the
// beginning: the LLM has no memory of its own.
type state struct {
	fields   map[string]string // known, saved or learned
	saved    map[string]string // what a field holds already
	rejected map[string]bool   // "field\x00value" that an action refused
	declined map[string]bool   // fields that the contact does not give
	answers  map[int]answer    // by clause
	numbers  map[string]float64
	said     []string // by this agent, since the last handover or close
	heard    []string // from the contact, likewise

	pending  *clause
	field    string // that the pending question asks for
	reacting bool   // the last text recommended something

	latest  []string // what the contact wrote since the last text
	learned bool     // something in it was understood
	vague   bool     // a range in it leaves a comparison open
	calls   []call   // since the last text
}

type answer struct {
	reply reply
	text  string
}

type call struct {
	name string
	args string // compact JSON
	ok   bool
	wait bool
	skip bool
}

func (p *plan) replay(in *input) *state {
	st := &state{
		fields: map[string]string{}, saved: map[string]string{}, rejected: map[string]bool{},
	}
	st.begin()
	for k, v := range in.known {
		st.fields[k], st.saved[k] = v, v
	}
	p.numbersOf(st)
	ended := false
	for _, e := range in.events {
		switch e.kind {
		case eventOwn:
			ended = ended || st.moved()
			st.said = append(st.said, e.text)
			st.latest, st.calls, st.learned, st.vague = nil, nil, false, false
			p.expect(st, in, e.text)
		case eventCall:
			st.calls = append(st.calls, call{e.call.Name, compact(e.call.Arguments), e.ok, e.wait, e.skip})
			st.note(e)
		case eventContact:
			if ended { // it was handed over or closed, and came back
				st.begin()
				p.numbersOf(st)
				ended = false
			}
			st.latest = append(st.latest, e.text)
			st.heard = append(st.heard, e.text)
			p.learn(st, in, e.text)
		}
	}
	return st
}

// begin forgets a conversation that ended; the fields stay known.
func (st *state) begin() {
	st.answers, st.numbers, st.declined = map[int]answer{}, map[string]float64{}, map[string]bool{}
	st.said, st.heard, st.latest, st.calls = nil, nil, nil, nil
	st.pending, st.field, st.reacting, st.learned, st.vague = nil, "", false, false, false
}

// moved reports whether the conversation was assigned or closed since the last
// text.
func (st *state) moved() bool {
	return slices.ContainsFunc(st.calls, func(c call) bool {
		return c.ok && !c.wait && (c.name == actions.NameAssign || c.name == actions.NameClose)
	})
}

// note takes the fields of an update that was made or refused.
func (st *state) note(e event) {
	if e.call.Name != actions.NameUpdateFields {
		return
	}
	var args struct {
		Fields []struct{ Field, Value string }
	}
	if json.Unmarshal(e.call.Arguments, &args) != nil {
		return
	}
	for _, f := range args.Fields {
		switch {
		case e.ok:
			st.fields[f.Field], st.saved[f.Field] = f.Value, f.Value
		case len(args.Fields) == 1 && !e.skip:
			st.rejected[f.Field+"\x00"+f.Value] = true
			if st.fields[f.Field] == f.Value {
				delete(st.fields, f.Field)
			}
		}
	}
}

// numbersOf takes the numbers that are known by a field.
func (p *plan) numbersOf(st *state) {
	for _, t := range p.topics {
		for id, v := range st.fields {
			if frontdesk.FoldField(id) != t.key {
				continue
			}
			if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
				st.numbers[t.key] = f
			} else if a, ok := pickAmount(v, nil); ok {
				if f, ok := p.number(t, a); ok {
					st.numbers[t.key] = f
				}
			}
		}
	}
}

// expect finds out what a text of this agent asked for.
func (p *plan) expect(st *state, in *input, text string) {
	if strings.Contains(text, p.say.howMuch) {
		return // the question before is still open
	}
	st.pending, st.field = nil, ""
	st.reacting = strings.Contains(text, p.say.recommend) || strings.Contains(text, p.say.noPassages)
	at := -1
	for _, c := range p.clauses {
		for _, q := range p.questions(c) {
			if i := strings.LastIndex(text, p.expand(q.text, in.known, in.now)); i > at {
				at, st.pending, st.field = i, c, q.field
			}
		}
	}
}

// asked is a question of a clause.
type asked struct {
	text  string
	field string // empty: the clause's own
}

// questions are those that a clause may ask.
func (p *plan) questions(c *clause) []asked {
	var out []asked
	for i, f := range c.fields {
		text := p.fieldQuestion(f)
		if c.question != "" && i == 0 {
			// What is missing of it is asked for by itself.
			out = append(out, asked{text, f})
			text = c.question
		}
		out = append(out, asked{text, f})
	}
	if c.question != "" && len(c.fields) == 0 {
		out = append(out, asked{c.question, ""})
	}
	if c.answer {
		out = append(out, asked{p.say.helped, ""})
	}
	return out
}

// learn reads what the contact wrote.
func (p *plan) learn(st *state, in *input, text string) {
	set := func(field, value string) {
		if value == "" || st.rejected[field+"\x00"+value] {
			return
		}
		st.fields[field] = value
		st.learned = true
	}
	if p.collects("email") {
		set("email", findEmail(text))
	}
	if p.collects("phone") {
		set("phone", findPhone(text, st.field == "phone"))
	}
	if name := findName(text, st.field == "name"); p.collects("name") && (st.field == "name" || st.fields["name"] == "") {
		set("name", name)
	}
	p.learnNumbers(st, in, text, set)
	question := isQuestion(text)
	c := st.pending
	switch {
	case c == nil:
	case st.field != "":
		p.learnField(st, text, question, set)
	case c.topic != nil:
		if _, ok := st.numbers[c.topic.key]; ok {
			st.answers[c.id] = answer{yes, text}
		} else if readYesNo(text) == no && !question {
			st.answers[c.id] = answer{no, text}
			st.learned = true
		}
	case c.yesNo || c.answer:
		r := readYesNo(text)
		if r == unclear && !question && shares(text, c.question) {
			r = yes // "the demo, please"
		}
		if r == unclear && c.answer && hasAny(phrased(text), thanksSet) {
			r = yes
		}
		if r != unclear {
			st.answers[c.id] = answer{r, text}
			st.learned = true
		}
	case !question || len(wordsOf(text)) > 6:
		st.answers[c.id] = answer{yes, text}
		st.learned = true
	}
	if st.reacting {
		r := yes
		if said := readYesNo(text); said == no || hasAny(phrased(text), goodbyes) {
			r = no
		}
		for _, c := range p.clauses {
			if c.recommend {
				st.answers[c.id] = answer{r, text}
			}
		}
		st.learned = st.learned || r == no || !question
	}
}

// learnField reads the answer to the question for a field.
func (p *plan) learnField(st *state, text string, question bool, set func(field, value string)) {
	f := st.field
	if st.fields[f] != "" {
		return
	}
	switch {
	case readYesNo(text) == no && !question && len(wordsOf(text)) <= 8:
		st.declined[f] = true
	case f == "name" || f == "email" || f == "phone" || question:
	case p.numeric(f):
		// learnNumbers has read it if there is one
	default:
		if clean := strings.Join(strings.Fields(text), " "); !hasAny(phrased(text), greetings) || len(wordsOf(text)) > 2 {
			set(f, clipText(clean, 200))
		}
	}
}

func (p *plan) numeric(field string) bool {
	return slices.ContainsFunc(p.topics, func(t *topic) bool { return t.numeric && t.key == frontdesk.FoldField(field) })
}

// learnNumbers reads the numbers that are compared: in answer to the question
// for them, or next to their word.
func (p *plan) learnNumbers(st *state, in *input, text string, set func(field, value string)) {
	for _, t := range p.topics {
		if !t.numeric {
			continue
		}
		now := st.pending != nil && st.pending.topic == t || st.field != "" && frontdesk.FoldField(st.field) == t.key
		asked := now || p.late(st, in, t, text)
		words := phrased(text)
		named := slices.ContainsFunc(t.words, func(w string) bool { return strings.Contains(words, " "+w) })
		if !asked && !named {
			continue
		}
		a, ok := pickAmount(text, t.words)
		if !ok {
			continue
		}
		v, ok := p.number(t, a)
		if !ok {
			st.vague = st.vague || now
			continue
		}
		st.numbers[t.key] = v
		st.learned = true
		if id := p.fieldID(t); id != "" {
			set(id, strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
}

// late reports whether a text gives a number that was asked for earlier: an
// amount of money, which is not known yet and can be no other.
func (p *plan) late(st *state, in *input, t *topic, text string) bool {
	if _, ok := st.numbers[t.key]; ok || slices.ContainsFunc(p.topics, func(o *topic) bool { return o != t && o.numeric }) {
		return false
	}
	if !slices.ContainsFunc(findAmounts(text), func(a amount) bool { return a.money }) {
		return false
	}
	return slices.ContainsFunc(p.clauses, func(c *clause) bool {
		if c.topic != t || c.question == "" {
			return false
		}
		question := p.expand(c.question, in.known, in.now)
		return slices.ContainsFunc(st.said, func(s string) bool { return strings.Contains(s, question) })
	})
}

// fieldID is the field that a topic is saved in: as the playbook spells it.
func (p *plan) fieldID(t *topic) string {
	for _, c := range p.pb.Constraints {
		if frontdesk.FoldField(c.Field) == t.key {
			return c.Field
		}
	}
	return ""
}

// collects reports whether the flow asks for a field.
func (p *plan) collects(field string) bool {
	return slices.ContainsFunc(p.clauses, func(c *clause) bool { return slices.Contains(c.fields, field) })
}

// shares reports whether an answer uses a word of the question that tells
// something.
func shares(text, question string) bool {
	for _, a := range contentWords(text) {
		for _, b := range contentWords(question) {
			if alike(a, b) {
				return true
			}
		}
	}
	return false
}

// compact is JSON in one form, so that calls can be compared.
func compact(args json.RawMessage) string {
	var v any
	if json.Unmarshal(args, &v) != nil {
		return string(args)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(args)
	}
	return string(b)
}
