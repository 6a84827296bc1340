package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
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

// save keeps what was learned in the contact's fields: all in one call, and
// one by one where that was refused.
func (w *walk) save() {
	type pair struct {
		Field string `json:"field"`
		Value string `json:"value"`
	}
	var pairs []pair
	for _, f := range sortedKeys(w.st.fields) {
		v := w.st.fields[f]
		if v != w.st.saved[f] && !w.plan.forgets[f] && !w.st.rejected[f+"\x00"+v] && w.in.offers(actions.NameUpdateFields, "field", f) {
			pairs = append(pairs, pair{f, v})
		}
	}
	if len(pairs) == 0 {
		return
	}
	one := slices.ContainsFunc(w.st.calls, func(c call) bool { return c.name == actions.NameUpdateFields && !c.ok })
	if one {
		pairs = pairs[:1]
	}
	w.call(actions.NameUpdateFields, map[string]any{"fields": pairs})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// call adds a call unless the same one was tried since the last text. It
// reports whether the action is done already.
func (w *walk) call(name string, args map[string]any) (done bool) {
	b, err := json.Marshal(args)
	if err != nil {
		return false // strings always marshal
	}
	key := compact(b)
	skipped := 0
	for _, c := range w.st.calls {
		switch {
		case c.name != name || c.args != key:
		case c.skip:
			skipped++
		default:
			return c.ok
		}
	}
	if skipped < 2 {
		w.calls = append(w.calls, agent.ToolCall{ID: "call_" + strconv.Itoa(len(w.calls)+1), Name: name, Arguments: b})
	}
	return false
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
// the one that shares most with what the contact wrote.
func (w *walk) nodes(list []*node) {
	best, score := -1, 0
	for i, n := range list {
		if c := n.first(); c != nil && (c.kind == whenWords || c.kind == whenAll) {
			if s := w.score(c); s > score && w.holds(c) == yes {
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
		switch k.Op {
		case instructions.OpLess:
			return truth(v < limit)
		case instructions.OpAtMost:
			return truth(v <= limit)
		case instructions.OpGreater:
			return truth(v > limit)
		case instructions.OpAtLeast:
			return truth(v >= limit)
		case instructions.OpEqual:
			return truth(v == limit)
		case instructions.OpNotEqual:
			return truth(v != limit)
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
func (w *walk) score(c *condition) int {
	if c.kind == whenAll {
		sum := 0
		for _, one := range c.of {
			sum += 1 + w.score(one)
		}
		return sum
	}
	heard := wordsOf(strings.Join(w.st.heard, " "))
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
	case c != nil && c.topic != nil && readYesNo(latest) == yes && w.times(p.say.howMuch, "") == 0:
		text = p.say.howMuch
	case st.learned:
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

// act calls an action of the text.
func (w *walk) act(a instructions.ActionSite) {
	switch a.Name {
	case actions.NameAssign, "unassign":
		target := a.Target
		if a.Name == "unassign" {
			target = "nobody"
		} else if target == "" {
			target = targetName(a.Resolved)
		}
		args := map[string]any{"target": target, "summary": w.plan.summary(w.in)}
		if a.Method != "" {
			args["method"] = a.Method
		}
		w.move(actions.NameAssign, "target", target, args)
	case actions.NameClose:
		args := map[string]any{}
		if !a.NoSummary && w.plan.pb.Closing.Summary != "off" {
			args["summary"] = w.plan.summary(w.in)
		}
		if a.Note != "" {
			args["closing_note"] = a.Note
		}
		w.move(actions.NameClose, "closing_note", a.Note, args)
	case actions.NameUpdateStage:
		if w.in.offers(a.Name, "stage", a.Value) && !w.stageSet(a.Value) {
			w.call(a.Name, map[string]any{"stage": a.Value})
		}
	case actions.NameUpdateFields:
		if w.in.offers(a.Name, "field", a.Field) && w.st.saved[a.Field] != a.Value {
			w.call(a.Name, map[string]any{"fields": []map[string]string{{"field": a.Field, "value": a.Value}}})
		}
	case actions.NameUpdateTags:
		if w.in.offers(a.Name, "add", a.Value) && a.Value != "" && !strings.Contains(w.in.tags, a.Value) {
			w.call(a.Name, map[string]any{"add": []string{a.Value}})
		}
	case actions.NameAddComment:
		if w.in.offers(a.Name, "text", "") {
			text := a.Value
			if text == "" {
				text = w.plan.summary(w.in)
			}
			if text != "" && !w.tried(actions.NameAddComment) {
				w.call(a.Name, map[string]any{"text": text})
			}
		}
	}
}

// move assigns or closes, once between two texts.
func (w *walk) move(name, property, value string, args map[string]any) {
	if !w.in.offers(name, property, value) && !(name == actions.NameClose && value == "" && w.has(name)) {
		return
	}
	w.moved = true
	for _, c := range w.st.calls {
		if c.name == name && !c.skip {
			if !c.ok {
				w.lost, w.moved = true, false
				w.parts = append(w.parts, w.plan.say.colleague)
				w.stop = true
			}
			return
		}
	}
	w.call(name, args)
}

func (w *walk) has(tool string) bool {
	_, ok := w.in.tools[tool]
	return ok
}

func (w *walk) tried(name string) bool {
	return slices.ContainsFunc(w.st.calls, func(c call) bool { return c.name == name && !c.skip })
}

// stageSet reports whether the contact is at a stage already.
func (w *walk) stageSet(stage string) bool {
	return w.in.stage == stage && !w.tried(actions.NameUpdateStage)
}

func targetName(t frontdesk.Target) string {
	switch t.Kind {
	case frontdesk.TargetAnyTeam:
		return "any team"
	case frontdesk.TargetAnyone:
		return "anyone"
	case frontdesk.TargetNobody:
		return "nobody"
	}
	return t.Name
}

// handOver gives the conversation to the first target that the instructions
// allow, people before AI agents; where there is none the contact hears that a
// colleague will be asked. It returns true: there is nothing more to ask.
func (w *walk) handOver() bool {
	w.stop, w.lost = true, true
	for _, people := range []bool{true, false} {
		for _, t := range w.plan.pb.Targets {
			name := targetName(t.Target)
			if name == "" || name == "nobody" || (t.Target.Kind == frontdesk.TargetAIAgent) == people || !w.in.offers(actions.NameAssign, "target", name) {
				continue
			}
			w.move(actions.NameAssign, "target", name, map[string]any{
				"target": name, "reason": w.plan.say.assignReason, "summary": w.plan.summary(w.in),
			})
			return true
		}
	}
	w.parts = append(w.parts, w.plan.say.colleague)
	return true
}

// farewell tells the contact where the conversation went.
func (w *walk) farewell() {
	if !w.moved {
		return
	}
	p := w.plan
	for i := len(w.st.calls) - 1; i >= 0; i-- {
		c := w.st.calls[i]
		if !c.ok {
			continue
		}
		switch c.name {
		case actions.NameClose:
			if len(w.parts) == 0 {
				w.parts = append(w.parts, p.say.closed)
			}
			return
		case actions.NameAssign:
			var args struct{ Target string }
			if json.Unmarshal([]byte(c.args), &args) != nil || args.Target == "" || args.Target == "nobody" || strings.HasPrefix(args.Target, "any") {
				w.parts = append(w.parts, p.say.thanks, p.say.handed)
				return
			}
			w.parts = append(w.parts, p.say.thanks, fmt.Sprintf(p.say.handedTo, args.Target))
			return
		}
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
	case len(w.parts) == 0 || len(w.st.said) == 0:
		w.parts = append(w.parts, p.say.anything)
	}
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
