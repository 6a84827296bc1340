package offline

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// plan is a playbook as it is followed: steps as a tree, each cut into clauses
// that ask, say, recommend or act, under their conditions.
type plan struct {
	pb       *instructions.Playbook
	language string
	say      *phrases
	nodes    []*node
	clauses  []*clause // all, in their order
	topics   []*topic  // what is compared
	lines    []int     // where each line of the text begins
	// forgets are the fields that the flow asks for and saves nowhere.
	forgets map[string]bool
}

// node is a step.
type node struct {
	label   string
	clauses []*clause
	cond    *condition // of the step as a whole
	kids    []*node
}

// first is the condition under which the steps below are done.
func (n *node) first() *condition {
	if n.cond != nil || len(n.clauses) == 0 {
		return n.cond
	}
	return n.clauses[0].cond
}

// clause is a sentence of a step, or a part of one.
type clause struct {
	id        int
	cond      *condition
	body      string // without the condition and markup
	start     int
	end       int
	greet     bool
	recommend bool
	answer    bool
	question  string // asked as it stands, with its variables
	yesNo     bool
	topic     *topic   // the number that the question asks for
	fields    []string // collected
	says      []string
	acts      []instructions.ActionSite
}

// topic is something that the playbook compares: a field, or a word of the
// text.
type topic struct {
	key     string
	words   []string
	numeric bool
	ask     *clause // where no step asks for it
}

type conditionKind int

const (
	whenCompared conditionKind = iota
	whenYes
	whenNo
	whenInterested
	whenResolved
	whenWords
	whenNot // the negation of another
	whenAll
)

// condition is what must hold for a clause.
type condition struct {
	kind    conditionKind
	compare instructions.Constraint
	topic   *topic
	words   [][]string // of each alternative
	of      []*condition
	about   *clause // the question that yes and no answer
}

func newPlan(pb *instructions.Playbook) *plan {
	p := &plan{pb: pb, forgets: map[string]bool{}, language: pb.Language, say: &english}
	if inIndonesian(pb) {
		p.say, p.language = &indonesian, "id"
	}
	p.lines = []int{0}
	for i, r := range []byte(pb.Text) {
		if r == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	p.findTopics()
	followed := slices.ContainsFunc(pb.Sections, func(s instructions.Section) bool { return flows(s.Kind) })
	for i, s := range pb.Sections {
		if !flows(s.Kind) && (followed || s.Kind != instructions.SectionOther) {
			continue
		}
		end := len(p.lines) + 1
		if i+1 < len(pb.Sections) {
			end = pb.Sections[i+1].Line
		}
		p.section(s, end)
	}
	p.link()
	p.askRest()
	for _, a := range pb.Actions {
		delete(p.forgets, a.Field)
	}
	return p
}

// inIndonesian reports whether most of a prompt's words are Indonesian: one
// that names actions and fields in English is still written in it.
func inIndonesian(pb *instructions.Playbook) bool {
	id, en := 0, 0
	for _, w := range wordsOf(pb.Text) {
		if indonesianWords[w] {
			id++
		} else if englishWords[w] {
			en++
		}
	}
	if id == en {
		return pb.Language == "id" || pb.Language == "ms"
	}
	return id > en
}

func flows(k instructions.SectionKind) bool {
	return k == instructions.SectionFlow || k == instructions.SectionScenarios || k == instructions.SectionActions
}

// offset is where a line begins; the text's end for a line that is not there.
func (p *plan) offset(line int) int {
	if line < 1 {
		return 0
	}
	if line > len(p.lines) {
		return len(p.pb.Text)
	}
	return p.lines[line-1]
}

func (p *plan) findTopics() {
	for _, c := range p.pb.Constraints {
		t := p.topicOf(c)
		if t == nil {
			t = &topic{key: frontdesk.FoldField(c.Field)}
			p.topics = append(p.topics, t)
		}
		for _, w := range append(wordsOf(strings.ReplaceAll(c.Field, "_", " ")), wordsOf(p.named(c))...) {
			if !hasDigit(w) && !emptyWords[w] && len(w) > 2 && !slices.Contains(t.words, w) {
				t.words = append(t.words, w)
			}
		}
		for _, same := range sameWords { // a contact may use the other language's
			if slices.ContainsFunc(same, func(w string) bool { return slices.Contains(t.words, w) }) {
				for _, w := range same {
					if !slices.Contains(t.words, w) {
						t.words = append([]string{w}, t.words...)
					}
				}
			}
		}
		switch c.Op {
		case instructions.OpLess, instructions.OpAtMost, instructions.OpGreater, instructions.OpAtLeast:
			t.numeric = true
		}
	}
}

// named is what the prompt calls the thing that a comparison is about: what
// stands before its sign. A comparison in words ("is at least") names it by its
// field.
func (p *plan) named(c instructions.Constraint) string {
	text := p.text(c.Offset, c.End)
	if i := strings.IndexAny(text, "<>=!≥≤≠＜＞＝"); i > 0 {
		return text[:i]
	}
	return ""
}

func (p *plan) topicOf(c instructions.Constraint) *topic {
	key := frontdesk.FoldField(c.Field)
	for _, t := range p.topics {
		if t.key == key {
			return t
		}
	}
	return nil
}

// text is a piece of the playbook's text; empty where the positions are not
// inside it, as in a playbook that was not compiled.
func (p *plan) text(start, end int) string {
	if start < 0 || end > len(p.pb.Text) || start >= end {
		return ""
	}
	return p.pb.Text[start:end]
}

// section makes nodes of a section's steps; of its lines where it has none.
func (p *plan) section(s instructions.Section, endLine int) {
	var flat []instructions.Step
	var list func([]instructions.Step)
	list = func(steps []instructions.Step) {
		for _, st := range steps {
			flat = append(flat, st)
			list(st.Steps)
		}
	}
	list(s.Steps)
	firstLine := s.Line + 1
	if s.Title == "" {
		firstLine = s.Line
	}
	if len(flat) == 0 {
		for line := firstLine; line < endLine && line <= len(p.lines); line++ {
			if n := p.node("", p.offset(line), p.offset(line+1)); n != nil {
				p.nodes = append(p.nodes, n)
			}
		}
		return
	}
	next := 0
	var build func(steps []instructions.Step) []*node
	build = func(steps []instructions.Step) []*node {
		var out []*node
		for _, st := range steps {
			next++
			end := p.offset(endLine)
			if next < len(flat) {
				end = p.offset(flat[next].Line)
			}
			n := p.node(st.Label, p.offset(st.Line), end)
			kids := build(st.Steps)
			switch {
			case n == nil && len(kids) == 0:
				continue
			case n == nil:
				n = &node{label: st.Label}
			}
			n.kids = kids
			if len(out) > 0 && below(out, n) {
				up := out[len(out)-1]
				up.kids = append(up.kids, n)
				continue
			}
			out = append(out, n)
		}
		return out
	}
	nodes := build(s.Steps)
	if c := p.headingCondition(s); c != nil {
		nodes = []*node{{cond: c, kids: nodes}}
	}
	p.nodes = append(p.nodes, nodes...)
}

// below reports whether a bullet of another kind than its siblings' stands
// under the one before: "* If so … - If yes …", without an indent.
func below(siblings []*node, n *node) bool {
	first := siblings[0].label
	return isBullet(first) && isBullet(n.label) && n.label != first
}

func isBullet(label string) bool {
	r, n := utf8.DecodeRuneInString(label)
	return n == len(label) && n > 0 && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

func (p *plan) headingCondition(s instructions.Section) *condition {
	words := wordsOf(s.Title)
	if len(words) < 2 || !conditionWords[words[0]] {
		return nil
	}
	return p.condition(s.Title, -1, nil)
}

// inLadder reports whether a piece of the text belongs to a follow-up, which
// the engine does by itself.
func (p *plan) inLadder(start, end int) bool {
	return slices.ContainsFunc(p.pb.Ladders, func(l instructions.LadderSource) bool { return start < l.End && l.Offset < end })
}

// node reads a step; nil when there is nothing in it to follow.
func (p *plan) node(label string, start, end int) *node {
	text := p.text(start, end)
	lead := len(text) - len(strings.TrimLeft(text, " \t"))
	if strings.HasPrefix(text[lead:], label) {
		lead += len(label)
	}
	n := &node{label: strings.TrimSpace(label)}
	var inherited *condition
	pieces := split(text[lead:])
	for i, piece := range pieces {
		from := start + lead + piece.start
		to := start + lead + piece.end
		if p.inLadder(from, to) {
			continue
		}
		c := p.clause(from, to, n, inherited)
		if c == nil {
			continue
		}
		if c.cond == nil {
			c.cond = inherited
		}
		inherited = c.cond
		// "If they want a demo:" with its steps below it has nothing to do by
		// itself.
		if i == len(pieces)-1 && c.empty() {
			if n.cond == nil && len(n.clauses) == 0 {
				n.cond = c.cond
			}
			continue
		}
		// "Save the company. Ask: 'Which company?'" is one question.
		if k := len(n.clauses) - 1; k >= 0 && len(n.clauses[k].fields) == 1 && n.clauses[k].question == "" && c.question != "" && len(c.fields)+len(c.acts) == 0 && c.cond == n.clauses[k].cond {
			c.fields, n.clauses[k].fields = n.clauses[k].fields, nil
		}
		n.clauses = append(n.clauses, c)
	}
	if len(n.clauses) == 0 && n.cond == nil {
		return nil
	}
	return n
}

// empty reports whether there is nothing to do in a clause.
func (c *clause) empty() bool {
	return !c.greet && !c.recommend && !c.answer && c.question == "" && len(c.fields)+len(c.says)+len(c.acts) == 0
}

type piece struct{ start, end int }

// split cuts a step into sentences and parts between semicolons, outside
// quotes.
func split(s string) []piece {
	quotes := findQuotes(s)
	var out []piece
	start := 0
	cut := func(end int) {
		if strings.TrimSpace(s[start:end]) != "" {
			out = append(out, piece{start, end})
		}
		start = end
	}
	for i, r := range s {
		if inQuotes(quotes, i) {
			continue
		}
		after := i + utf8.RuneLen(r)
		switch r {
		case '\n', ';', '。', '！', '？', '；':
			cut(after)
		case '.', '!', '?':
			rest := s[after:]
			next, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, "*_ )"))
			if rest == "" || strings.HasPrefix(strings.TrimLeft(rest, "*_)"), " ") && !unicode.IsDigit(next) && strings.TrimSpace(s[start:i]) != "" {
				cut(after)
			}
		}
	}
	cut(len(s))
	return out
}

type quoted struct {
	start, end int // with the marks
	text       string
}

var closers = map[rune]string{'"': "\"”", '“': "”\"", '«': "»", '「': "」", '„': "“”\""}

// findQuotes pairs quotation marks within a line, and over the lines of a menu.
func findQuotes(s string) []quoted {
	var out []quoted
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		marks, ok := closers[r]
		if !ok {
			i += n
			continue
		}
		line := s[i+n:]
		k := strings.IndexAny(line, marks)
		if k < 0 || strings.Trim(line[:k], " *_\n") == "" || strings.Contains(line[:k], "\n") && !closesBelow(line, k) {
			i += n
			continue
		}
		_, m := utf8.DecodeRuneInString(line[k:])
		out = append(out, quoted{i, i + n + k + m, trimLines(line[:k])})
		i += n + k + m
	}
	return out
}

// closesBelow reports whether the mark at k, on a later line, ends a quotation
// and begins none: it stands behind a word and before none.
func closesBelow(s string, k int) bool {
	const mostLines = 12
	before, _ := utf8.DecodeLastRuneInString(s[:k])
	_, n := utf8.DecodeRuneInString(s[k:])
	after, _ := utf8.DecodeRuneInString(s[k+n:])
	return strings.Count(s[:k], "\n") <= mostLines && !unicode.IsSpace(before) && !unicode.IsLetter(after) && !unicode.IsDigit(after)
}

// trimLines takes marks of emphasis off the ends of a quoted text, and the
// indentation off its lines.
func trimLines(s string) string {
	lines := strings.Split(strings.Trim(s, " *_\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func inQuotes(quotes []quoted, i int) bool {
	return slices.ContainsFunc(quotes, func(q quoted) bool { return i >= q.start && i < q.end })
}

// unmarked takes markup away.
func unmarked(s string) string {
	return strings.TrimSpace(strings.NewReplacer("**", "", "__", "", "`", "").Replace(s))
}

// clause reads a part of a step.
func (p *plan) clause(start, end int, n *node, inherited *condition) *clause {
	raw := p.text(start, end)
	quotes := findQuotes(raw)
	plain := withoutQuoted(raw, quotes) // of the same length
	condFrom, condTo, bodyFrom, bodyTo := p.findCondition(plain, start)
	c := &clause{start: start, end: end}
	if condTo > condFrom && !p.held(start+condFrom, start+condTo) {
		c.cond = p.condition(raw[condFrom:condTo], start+condFrom, p.before(n, inherited))
	}
	body := plain[bodyFrom:bodyTo]
	c.body = unmarked(body)
	words := phrased(c.body)
	if starts(c.body, guardWords) {
		return nil // what must not be done is not done
	}
	for _, a := range p.pb.Actions {
		if a.Offset < start || a.Offset >= end || a.FollowUp {
			continue
		}
		if a.Name == "update_field" && a.Value == "" {
			c.fields = append(c.fields, a.Field)
			continue
		}
		c.acts = append(c.acts, a)
	}
	asks := hasAny(words, askVerbs)
	c.greet = hasAny(words, greetVerbs)
	c.recommend = hasAny(words, recommendVerbs)
	for _, q := range quotes {
		switch {
		case q.start < bodyFrom || q.start >= bodyTo:
		case asks && c.question == "" || strings.HasSuffix(q.text, "?") && c.question == "":
			c.question = q.text
		default:
			c.says = append(c.says, q.text)
		}
	}
	if asks && len(c.acts) == 0 {
		// "Ask for their name and e-mail" asks for two things, saved or not.
		var more []string
		for _, f := range details(c.body, c.question) {
			if !slices.Contains(c.fields, f) {
				more = append(more, f)
				if forgets, asked := p.forgets[f]; !asked || forgets { // saved in one place is saved
					p.forgets[f] = !savesIt(c.body)
				}
			}
		}
		c.fields = append(more, c.fields...)
	}
	switch {
	case c.question != "":
		c.yesNo = yesNoOpeners[firstWord(c.question)]
	case asks && len(c.fields) == 0 && len(c.acts) == 0:
		c.question, c.yesNo = p.askFor(c.body)
	case len(c.says) == 0 && hasAny(words, sayVerbs):
		if text := p.tell(c.body); text != "" {
			c.says = append(c.says, text)
		}
	}
	if c.question == "" && len(c.fields) == 0 && !c.recommend && len(c.says) == 0 {
		c.answer = hasAny(words, answerVerbs)
	}
	for _, t := range p.topics {
		if t.numeric && c.question != "" && slices.ContainsFunc(t.words, func(w string) bool { return strings.Contains(phrased(c.question), " "+w) }) {
			c.topic = t
		}
	}
	c.id = len(p.clauses)
	p.clauses = append(p.clauses, c)
	return c
}

// savesIt reports whether a step that asks says to save what it asks for, by no
// name of its own: "ask for their name and save it", "lalu simpan".
func savesIt(body string) bool {
	words := wordsOf(body)
	for i, w := range words {
		if !saveVerbs[w] || i == 0 || saveGuards[words[i-1]] {
			continue
		}
		if i+1 == len(words) || saveObjects[words[i+1]] {
			return true
		}
	}
	return false
}

// held reports whether a condition is one on what may be saved, which the
// engine holds: the field is asked for in any case. Such a constraint ends in
// the condition and may begin before it, where the field is named ("ask for
// their email and save it only if it ends with …").
func (p *plan) held(start, end int) bool {
	return slices.ContainsFunc(p.pb.Constraints, func(k instructions.Constraint) bool { return k.Enforced && k.End > start && k.End <= end })
}

// details are the standard fields that a step asks for in the prompt's words or
// in its question: name, e-mail and phone, in the order in which they stand.
func details(body, question string) []string {
	text := question
	if text == "" {
		text = body
	}
	words := wordsOf(text)
	var out []string
	add := func(f string) {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for i, w := range words {
		before, after := "", ""
		if i > 0 {
			before = words[i-1]
		}
		if i+1 < len(words) {
			after = words[i+1]
		}
		switch {
		case (w == "name" || w == "names") && ownName[before], w == "nama" && !otherNames[after]:
			add("name")
		case w == "email" || w == "e-mail" || w == "emails" || w == "surel":
			add("email")
		case w == "phone" || w == "telepon" || w == "telp" || w == "hp" || w == "mobile" && after == "number" || w == "handphone":
			add("phone")
		}
	}
	return out
}

// before is the condition that "otherwise" turns around: the last one of the
// step.
func (p *plan) before(n *node, inherited *condition) *condition {
	if inherited != nil {
		return inherited
	}
	return n.cond
}

func withoutQuoted(s string, quotes []quoted) string {
	b := []byte(s)
	for _, q := range quotes {
		for i := q.start; i < q.end; i++ {
			b[i] = ' '
		}
	}
	return string(b)
}

// askRest adds a question for each number that is compared and that no step
// asks for.
func (p *plan) askRest() {
	for _, t := range p.topics {
		if !t.numeric || slices.ContainsFunc(p.clauses, func(c *clause) bool {
			return c.topic == t || slices.ContainsFunc(c.fields, func(f string) bool { return frontdesk.FoldField(f) == t.key })
		}) {
			continue
		}
		t.ask = &clause{id: len(p.clauses), question: p.fieldQuestion(t.key), topic: t}
		p.clauses = append(p.clauses, t.ask)
	}
}

// link joins yes and no with the question that they answer, and "otherwise"
// with the sibling before it.
func (p *plan) link() {
	var last *clause
	var visit func(nodes []*node)
	join := func(c *condition) {
		if c == nil {
			return
		}
		for _, one := range append([]*condition{c}, c.of...) {
			switch one.kind {
			case whenYes, whenNo, whenInterested, whenResolved:
				if one.about == nil {
					one.about = last
				}
				if last != nil && (one.kind == whenYes || one.kind == whenNo) && last.topic == nil && len(last.fields) == 0 {
					last.yesNo = true
				}
			}
		}
	}
	visit = func(nodes []*node) {
		var before *condition
		for _, n := range nodes {
			first := n.first()
			if first != nil && first.kind == whenNo && before != nil && (before.kind == whenCompared || before.kind == whenWords || before.kind == whenAll) {
				*first = condition{kind: whenNot, of: []*condition{before}}
			}
			if first != nil {
				before = first
			}
			join(n.cond)
			for _, c := range n.clauses {
				join(c.cond)
				if c.question != "" || c.recommend || c.answer {
					last = c
				}
			}
			visit(n.kids)
		}
	}
	visit(p.nodes)
	for _, c := range p.clauses {
		// "Ask for a demo" with "if yes" behind it is an offer.
		if c.yesNo && strings.HasPrefix(c.question, "\x00") {
			c.question = fmt.Sprintf(p.say.wantTo, c.question[1:])
		} else if strings.HasPrefix(c.question, "\x00") {
			c.question = p.request(c.body, c.question[1:])
		}
	}
}
