package instructions

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// saveCondition is a condition on the value that a sentence saves: "save City
// only if it is Jakarta or Bandung", "… between 100 and 5000" (grammar 20).
type saveCondition struct {
	fields     []field // that may be meant; a constraint needs exactly one
	start, end int     // from its subject to the end of the sentence
	at         int     // where what is said of the value begins
	copula     bool    // a verb says that the value is something, or has it
	has        bool    // the verb is "has" or "contains": what follows is not all of the value
	says       bool    // the subject is the value, not somebody
	negated    bool    // "is not"
	unless     bool    // "do not save it unless": the save is negated, and so is this
	forbids    bool    // "do not save it if": nothing reads its opposite
	except     bool    // "save it unless": its opposite is the condition
	other      bool    // its subject is a field that the sentence does not save
	held       bool
}

// maxValues is how many values a set may have.
const maxValues = 100

// savedValues reads the conditions of a sentence that saves a field, makes
// constraints of sets of values and ranges, and returns all it read.
func (c *compiler) savedValues(i int) []saveCondition {
	s := &c.sentences[i]
	if !c.mayCondition(s) {
		return nil
	}
	saves, forbids := c.saves(s)
	if c.action == actField && len(c.acting[i]) == 0 {
		saves = true
	}
	var out []saveCondition
	for t := s.lo; t < s.hi; t++ {
		tok := c.tokens[t]
		opposite := (forbids || saves) && tok.any("if", "only_if", "if_not") && c.excepts(s, t)
		unless, except := forbids && opposite, saves && opposite
		ranged := false
		switch {
		case !saves && !forbids: // a condition of the flow
			ranged = true
		case !tok.any("only_if") && !unless && !except:
			continue
		}
		if !tok.any("only_if", "if") && !unless && !except {
			continue
		}
		k, ok := c.saveCondition(i, t)
		if !ok {
			continue
		}
		k.unless, k.forbids, k.except = unless, forbids && !unless, except
		if ranged {
			c.adviseRange(s, k)
			continue
		}
		k.held = !k.forbids && c.holdValues(s, t, k)
		if k.other {
			continue
		}
		out = append(out, k)
	}
	return out
}

// excepts reports whether the condition at token t is the opposite of what it
// says: "unless", "kecuali jika". "If not, save it" has none of its own.
func (c *compiler) excepts(s *sentence, t int) bool {
	tok := c.tokens[t]
	if tok.any("if_not") {
		only := t > s.lo && c.tokens[t-1].any("only_if") && c.tokens[t-1].end > tok.start // "hanya jika bukan"
		return !only && !strings.HasPrefix(strings.TrimLeft(c.text[tok.end:s.end], " *"), ",")
	}
	return t > s.lo && tok.any("if", "only_if") && c.tokens[t-1].any("if_not") && c.tokens[t-1].end <= tok.start && noWord(c.text[c.tokens[t-1].end:tok.start])
}

// conditionMarks are the marks of the kinds that mayCondition looks for.
var conditionMarks = marksOf("save", "update_field", "only_if", "if", "if_not", vocabulary.Number)

// mayCondition reports whether a sentence has what a condition on a value needs:
// a word for the condition, and a save, or the two numbers of a range. Most have
// not, and cost no more than this look.
func (c *compiler) mayCondition(s *sentence) bool {
	const near = 16 // bytes between the two numbers
	saves, when, ranged, last := c.action == actField, false, false, -near-1
	for t := s.lo; t < s.hi; t++ {
		if c.tokens[t].marks&conditionMarks == 0 {
			continue
		}
		for _, m := range c.tokens[t].Meanings {
			switch m.Kind {
			case "save", "update_field":
				saves = true
			case "only_if", "if", "if_not":
				when = true
			case vocabulary.Number:
				ranged = ranged || c.tokens[t].start-last <= near && c.tokens[t].start > last
				last = c.tokens[t].end
			}
		}
	}
	return when && (saves || ranged)
}

// saves reports whether a sentence saves a field, and whether one forbids to.
func (c *compiler) saves(s *sentence) (saves, forbids bool) {
	for t := s.lo; t < s.hi; t++ {
		if !c.tokens[t].any("save", "update_field") {
			continue
		}
		if c.negated(s, t) {
			forbids = true
		} else {
			saves = true
		}
	}
	return saves, forbids && !saves
}

// saveCondition reads whom the condition behind token t is about, up to what it
// says of it.
func (c *compiler) saveCondition(i, t int) (saveCondition, bool) {
	s := &c.sentences[i]
	k := saveCondition{at: c.skipMarks(c.tokens[t].end, s.end)}
	if n := t + 1; n < s.hi && c.tokens[n].start < c.tokens[t].end && c.tokens[n].any("if_not") { // "hanya jika bukan"
		k.negated, k.copula, k.at = true, true, c.skipMarks(c.tokens[n].end, s.end)
	}
	k.start = k.at
	if c.tokens[t].any("if_not") && c.namesValue(c.tokens[t]) { // "if it isn't"
		k.says, k.copula = true, true
	}
	if c.tokenAt(k.at, "only_if") {
		return k, false // it is read by itself
	}
	k.end = c.conditionEnd(s, k.at)
	fields := c.savedFields(i, t)
	switch f, ok := c.fieldAt(k.at, k.end); {
	case ok:
		k.other = len(fields) > 0 && !slices.ContainsFunc(fields, func(o field) bool { return c.sameField(o.id, f.id) })
		k.fields, k.says = []field{f}, true
		k.at = c.skipMarks(f.end, k.end)
		k.at = c.skipWords(k.at, k.end, vocabulary.ValueNoun)
	default:
		k.fields = fields
		if at, ok := c.valueSubject(k.at, k.end, fields); ok {
			k.says, k.at = true, at
		}
	}
	for range 2 { // "is", "should be"; "it is", as one word
		n := k.at
		if q, stop := c.quoteAt(n); stop && q.start == n {
			break
		}
		if c.tokenAt(n, "not") {
			k.negated = true
			k.at = c.skipMarks(c.tokenEnd(n), k.end)
			k.copula = true
		}
		k.has = k.has || c.skipWords(k.at, k.end, vocabulary.Has) > k.at
		if k.at = c.skipWords(k.at, k.end, vocabulary.Copula, vocabulary.Has); k.at > n {
			k.copula = true
		}
	}
	if !k.says && k.copula { // languages that leave "it" out: "solo si es Madrid"
		k.says = true
	}
	k.at = c.skipWords(k.at, k.end, vocabulary.Either)
	return k, k.at < k.end
}

// namesValue reports whether a phrase holds its subject, which is the value.
func (c *compiler) namesValue(t token) bool {
	return slices.ContainsFunc(strings.Fields(c.text[t.start:t.end]), func(w string) bool {
		return c.isValueWord(w, vocabulary.It) || strings.HasPrefix(strings.ToLower(w), "it'") || strings.HasPrefix(strings.ToLower(w), "it’")
	})
}

// conditionEnd is where what a condition says ends: with the sentence, or
// before the verb that saves where that stands behind it.
func (c *compiler) conditionEnd(s *sentence, at int) int {
	end := s.end
	for t := s.lo; t < s.hi; t++ {
		if c.tokens[t].start >= at && c.tokens[t].any("save", "update_field", "else") {
			end = c.tokens[t].start
			break
		}
	}
	said := strings.TrimRight(c.text[at:max(at, end)], " \t\n.,;:!?*_)…。，；")
	end = at + len(said)
	if strings.Count(said, "(") > strings.Count(said, ")") && strings.HasPrefix(c.text[end:], ")") {
		end++
	}
	return end
}

// savedFields are the fields that a condition behind token t may be about:
// those that the sentence saves, else the last one named before it on its line.
func (c *compiler) savedFields(i, t int) []field {
	s := &c.sentences[i]
	at := c.tokens[t].start
	const longest = 60 // bytes of a name
	if near := c.knownFields(max(s.start, at-longest), at); len(near) > 0 && noWord(c.text[near[len(near)-1].end:at]) {
		return near[len(near)-1:] // "save City, and Budget only if it is"
	}
	var out []field
	for _, st := range c.acting[i] {
		if st.Name == actField && st.Field != "" && !slices.ContainsFunc(out, func(f field) bool { return f.id == st.Field }) {
			out = append(out, field{id: st.Field, start: st.start, end: st.end})
		}
	}
	if len(out) > 0 {
		return out
	}
	known := c.knownFields(c.near(c.lines[s.line].body, c.tokens[t].start), c.tokens[t].start)
	if n := len(known); n > 0 {
		return known[n-1:]
	}
	return nil
}

// fieldAt reads the name of a field at the offset, an article or one word of
// the kind before it: "the City", "la ville".
func (c *compiler) fieldAt(at, end int) (field, bool) {
	if v, ok := c.variableAt(at); ok {
		return v, true
	}
	const most = 60 // bytes to the end of the name
	known := c.knownFields(at, min(end, at+most))
	if len(known) == 0 {
		return field{}, false
	}
	between := strings.Fields(c.text[at:known[0].start])
	if len(between) > 1 || len(between) == 1 && (startsUpper(between[0]) || unicode.IsDigit(first(between[0])) || c.isValueWord(between[0], vocabulary.Copula, vocabulary.It)) {
		return field{}, false
	}
	return known[0], true
}

func (c *compiler) sameField(a, b string) bool {
	x, ok := c.fieldID(a)
	y, known := c.fieldID(b)
	return a == b || ok && known && x == y
}

func (c *compiler) variableAt(at int) (field, bool) {
	k, ok := slices.BinarySearchFunc(c.variables, at, func(v ref, o int) int { return v.start - o })
	if !ok {
		return field{}, false
	}
	name, ok := strings.CutPrefix(c.variables[k].name, "contact.")
	return field{name, at, c.variables[k].end}, ok
}

// valueSubject reads a subject that is the value: "it", "the value", "the value
// of City", "nilainya", or the field with an ending ("kotanya").
func (c *compiler) valueSubject(at, end int, fields []field) (int, bool) {
	if n := c.skipWords(at, end, vocabulary.It); n > at {
		if v := c.skipWords(n, end, vocabulary.ValueNoun); v > n { // "this value"
			n = v
		}
		return n, true
	}
	for _, from := range []int{at, c.skipWord(at, end)} { // behind an article
		n := c.skipWords(from, end, vocabulary.ValueNoun)
		if n == from {
			continue
		}
		if of := c.skipWords(n, end, vocabulary.ValueOf); of > n {
			if f, ok := c.fieldAt(of, end); ok {
				n = c.skipMarks(f.end, end)
			}
		}
		return n, true
	}
	word := c.text[at:c.wordEnd(at, end)]
	for size := 2; size < len(word) && size <= 6; size++ {
		stem, ending := word[:len(word)-size], word[len(word)-size:]
		if !c.isValueWord(ending, vocabulary.ItsEnding) {
			continue
		}
		id, ok := c.fieldID(stem)
		if ok && slices.ContainsFunc(fields, func(f field) bool { return f.id == id }) {
			return c.skipMarks(at+len(word), end), true
		}
	}
	return at, false
}

// holdValues makes constraints of the set or range that a condition says.
func (c *compiler) holdValues(s *sentence, t int, k saveCondition) bool {
	if len(k.fields) != 1 {
		return false
	}
	id, ok := c.fieldID(k.fields[0].id)
	if !ok {
		return false
	}
	opposite := k.negated != k.except
	var found []Constraint
	if op, limit, stop, ok := c.readLimit(k, id); ok {
		if opposite {
			op = opposites[op]
		}
		found = []Constraint{{Op: op, Value: limit}}
		k.end = stop
	} else if low, high, stop, ok := c.readRange(k.at, k.end, id); ok {
		if opposite || !c.endsValues(stop, k.end) {
			return false
		}
		found = []Constraint{{Op: OpAtLeast, Value: low}, {Op: OpAtMost, Value: high}}
		k.end = stop
	} else {
		values, stop, ok := c.readSet(k, id)
		if !ok || k.has || k.except && k.negated {
			return false // "unless it is not" is nothing that people write
		}
		k.end = stop
		switch {
		case opposite:
			for _, v := range values {
				found = append(found, Constraint{Op: OpNotEqual, Value: v})
			}
		case len(values) == 1:
			found = []Constraint{{Op: OpEqual, Value: values[0]}}
		default:
			found = []Constraint{{Op: OpOneOf, Value: values[0], Values: values}}
		}
	}
	for i := range found {
		found[i].Field, found[i].Span = id, c.span(k.start, k.end)
		if k.unless {
			found[i].Enforced = true
			c.saveNamed(id, s, true)
		} else {
			c.bind(&found[i], s, k.at, true)
		}
		if !found[i].Enforced {
			return false
		}
	}
	c.pb.Constraints = append(c.pb.Constraints, found...)
	c.valued = append(c.valued, [2]int{c.tokens[t].start, k.end})
	for q := range c.quotes {
		if c.quotes[q].start >= k.at && c.quotes[q].start < k.end {
			c.took(c.quotes[q].start)
		}
	}
	return true
}

// adviseRange enters a range that steers the flow: "if the Budget is between
// 100 and 5000". It is advice to the model.
func (c *compiler) adviseRange(s *sentence, k saveCondition) {
	if len(k.fields) != 1 || k.negated || c.fieldStart(k) != k.fields[0].start {
		return
	}
	id, ok := c.fieldID(k.fields[0].id)
	if !ok || c.names.fieldTypes[id] == "" {
		return
	}
	low, high, stop, ok := c.readRange(k.at, k.end, id)
	if !ok {
		return
	}
	span := c.span(k.fields[0].start, stop)
	c.pb.Constraints = append(c.pb.Constraints, Constraint{Field: id, Op: OpAtLeast, Value: low, Span: span}, Constraint{Field: id, Op: OpAtMost, Value: high, Span: span})
	c.valued = append(c.valued, [2]int{span.Offset, stop})
}

// fieldStart is where the field that a condition names stands: an article may
// be before it.
func (c *compiler) fieldStart(k saveCondition) int {
	if f, ok := c.fieldAt(k.start, k.end); ok {
		return f.start
	}
	return -1
}

// wasRead reports whether a set or range has read the text at the offset.
func (c *compiler) wasRead(at int) bool {
	const last = 8 // more than a sentence has
	return slices.ContainsFunc(c.valued[max(0, len(c.valued)-last):], func(r [2]int) bool { return r[0] <= at && at < r[1] })
}

// isoDate is a date as fields of dates hold it.
var isoDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}`)

// readRange reads "between 100 and 5000", "from 5 to 10", "100-5000". ok is not
// set where the numbers may mean several things.
func (c *compiler) readRange(at, end int, id string) (low, high string, stop int, ok bool) {
	from := c.skipWords(at, end, vocabulary.Between)
	low, i, by, ok := c.bound(from, end, id)
	if !ok {
		return "", "", at, false
	}
	next := c.skipMarks(i, end)
	through := c.skipWords(next, end, vocabulary.Through)
	dash := strings.HasPrefix(c.text[next:end], "-") || strings.HasPrefix(c.text[next:end], "–")
	switch {
	case dash:
		_, n := utf8.DecodeRuneInString(c.text[next:])
		through = c.skipMarks(next+n, end)
	case through == next:
		return "", "", at, false
	case from == at && c.tokenAt(next, "and"):
		return "", "", at, false // "5 and 10" are two values
	}
	high, stop, scaled, ok := c.bound(through, end, id)
	if !ok {
		return "", "", at, false
	}
	if c.names.fieldTypes[id] == frontdesk.TypeDate {
		return low, high, stop, low <= high
	}
	a, err1 := strconv.ParseFloat(low, 64)
	b, err2 := strconv.ParseFloat(high, 64)
	// "5 to 10k" may begin at 5 or at 5k.
	either := by == 1 && scaled > 1 && a*scaled <= b
	return low, high, stop, err1 == nil && err2 == nil && a <= b && !either && !c.countsLength(stop, end)
}

// bound reads one end of a range, and what its digits were multiplied by.
func (c *compiler) bound(at, end int, id string) (value string, stop int, by float64, ok bool) {
	if c.names.fieldTypes[id] == frontdesk.TypeDate {
		d := isoDate.FindString(c.text[at:max(at, end)])
		return d, at + len(d), 1, d != ""
	}
	at += len(currency.FindString(c.text[at:max(at, end)]))
	if at >= end || !unicode.IsDigit(first(c.text[at:end])) {
		return "", at, 1, false
	}
	limit := end
	if k := strings.IndexAny(c.text[at:end], "-\u2013"); k > 0 { // what is behind is the other end
		limit = at + k
	}
	a := c.readAmount(at, limit)
	by = 1
	digits, err1 := strconv.ParseFloat(plainNumber(grouped(c.text[at:limit], numberLength(c.text[at:limit]))), 64)
	if n, err2 := strconv.ParseFloat(a.value, 64); err1 == nil && err2 == nil && digits > 0 {
		by = n / digits
	}
	return a.value, a.end, by, a.certain && !strings.HasSuffix(a.value, "%")
}

// countsLength reports whether a number counts characters or digits, and is no
// limit of the value itself.
func (c *compiler) countsLength(at, end int) bool {
	at = c.skipMarks(at, end)
	return c.skipWords(at, end, vocabulary.LengthUnit) > at
}

// readSet reads the values that a condition allows: in quotes, with a capital,
// numbers, or those that the field has as options. ok is not set where something
// else stands among them or behind them.
func (c *compiler) readSet(k saveCondition, id string) (values []string, stop int, ok bool) {
	i := k.at
	for len(values) < maxValues {
		v, next, known := c.setValue(i, k.end, id)
		if !known {
			return nil, i, false
		}
		if len(values) > 0 && c.tokenAt(c.skipMarks(next, k.end), "only_if") {
			return values, stop, true // "… and Budget only if": another condition
		}
		values, stop = append(values, v), next
		i, ok = c.nextValue(next, k.end)
		if !ok {
			break
		}
		if _, _, known := c.setValue(i, k.end, id); !known { // "Jakarta, and they agreed"
			return values, stop, !c.hasToken(next, i, "or") && c.endsValues(stop, k.end)
		}
	}
	return values, stop, c.endsValues(stop, k.end)
}

// setValue reads one value of a set.
func (c *compiler) setValue(at, end int, id string) (value string, stop int, ok bool) {
	if at >= end {
		return "", at, false
	}
	f := c.fieldNamed(id)
	if q, quoted := c.quoteAt(at); quoted && q.start == at {
		return c.typed(f, q.text(c.text), q.end)
	}
	if n := len(currency.FindString(c.text[at:end])); unicode.IsDigit(first(c.text[at+n : end])) {
		if f.Kind() == frontdesk.TypeDate {
			d := isoDate.FindString(c.text[at:end])
			return c.typed(f, d, at+len(d))
		}
		a := c.readAmount(at+n, end)
		if !a.certain || c.countsLength(a.end, end) {
			return "", at, false
		}
		return c.typed(f, a.value, a.end)
	}
	stop = c.nameLike(at, end, f)
	if c.isValueWord(c.text[at:stop], vocabulary.NoValue) && len(f.Options) == 0 { // "if it is Friday", "if it is OK"
		return "", at, false
	}
	return c.typed(f, c.text[at:stop], stop)
}

// typed turns a value into the form in which its field holds it.
func (c *compiler) typed(f frontdesk.Field, text string, stop int) (string, int, bool) {
	v, err := frontdesk.ParseValue(f.Kind(), text)
	if err != nil || v.IsZero() || f.Kind() == frontdesk.TypeList {
		return "", stop, false
	}
	return v.String(), stop, true
}

// fieldNamed is a contact field, as far as its values go.
func (c *compiler) fieldNamed(id string) frontdesk.Field {
	return frontdesk.Field{ID: id, Type: c.names.fieldTypes[id], Options: c.names.fieldOptions[id]}
}

// nameLike returns the end of a value without quotes: the field's own option,
// or words with capitals and the small ones among them; at: there is none.
func (c *compiler) nameLike(at, end int, f frontdesk.Field) int {
	for _, o := range f.Options {
		if n := len(o); n > 0 && at+n <= end && strings.EqualFold(c.text[at:at+n], o) && c.wordEnd(at+n, end) == at+n {
			return at + n
		}
	}
	stop, pending := at, at
	const most = 6 // words
	for range most {
		to := c.wordEnd(pending, end)
		word := c.text[pending:to]
		switch {
		case word == "" || c.tokenAt(pending, "or", "and", "only_if", "if"):
			return stop
		case startsUpper(word):
			stop = to
		case stop == at || !c.isValueWord(word, vocabulary.Particle):
			return stop
		}
		if to >= end || c.text[to] != ' ' {
			return stop
		}
		pending = to + 1
	}
	return stop
}

// nextValue returns where the next value of a set begins: behind a comma, a
// slash, "or", or "and".
func (c *compiler) nextValue(at, end int) (int, bool) {
	i := at
	for i < end {
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		if !strings.ContainsRune(" ,、，/|*_\u00a0\n", r) {
			break
		}
		i += n
	}
	comma := strings.ContainsAny(c.text[at:i], ",、，/|")
	if !c.tokenAt(i, "or", "and") {
		return i, comma && i < end
	}
	return c.skipMarks(c.tokenEnd(i), end), true
}

// hasToken reports whether a word of the kind stands in text[from:to].
func (c *compiler) hasToken(from, to int, kind vocabulary.Kind) bool {
	lo, hi := c.tokensIn(from, to)
	return slices.ContainsFunc(c.tokens[lo:hi], func(t token) bool { return t.any(kind) })
}

// endsValues reports whether nothing that could change the values stands behind
// them: the condition ends, another one is added, or the verb of the language
// comes last.
func (c *compiler) endsValues(at, end int) bool {
	i := c.skipMarks(at, end)
	if n := c.skipWords(i, end, vocabulary.Copula); n > i {
		i = n
	}
	if i >= end || c.tokenAt(i, "and", "then", "only_if", "if") {
		return true
	}
	if c.tokenAt(i, "or") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(c.text[i:end])
	if strings.ContainsRune(",;:.)—–→，；：", r) {
		next, joined := c.nextValue(at, end)
		return !joined || !c.hasToken(at, next, "or")
	}
	// "between 18 and 65 years": a unit that says nothing new
	return unicode.IsDigit(lastRune(c.text[:at])) && c.wordEnd(i, end) == end && !c.countsLength(at, end)
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// saysOfValue reports whether a condition looks like one on the value, though
// nothing came of it: a number, a text in quotes, a name or a word of comparing
// stands where the value is described.
func (c *compiler) saysOfValue(k saveCondition) bool {
	if len(k.fields) == 1 && (k.forbids || k.except) { // "do not save City if Jakarta"
		id, known := c.fieldID(k.fields[0].id)
		if _, _, ok := c.readSet(k, id); ok && known {
			return true
		}
	}
	if comparison.MatchString(c.text[k.at:min(k.end, k.at+longestComparison)]) {
		return true
	}
	if !k.says {
		return c.limitsAt(k)
	}
	i := k.at
	const near, capitals = 3, 2 // words
	for n := range near {
		if i = c.skipMarks(i, k.end); i >= k.end {
			return false
		}
		if q, ok := c.quoteAt(i); ok && q.start == i {
			return true
		}
		lo, _ := c.tokensIn(i, i+1)
		if lo < len(c.tokens) && c.tokens[lo].start == i {
			if op, _ := wordOperator(c.tokens[lo]); op != "" && op != OpPresent {
				return true
			}
			if c.tokens[lo].any("and") || n > 0 && c.tokens[lo].any("if", "only_if") {
				return false
			}
		}
		to := c.wordEnd(i, k.end)
		word := c.text[i:to]
		switch r := first(word); {
		case unicode.IsDigit(r) || c.skipWords(i, k.end, vocabulary.Between) > i && strings.ContainsFunc(c.text[i:k.end], unicode.IsDigit):
			return true
		case c.isValueWord(word, vocabulary.NoValue): // a day is said of a date alone
			return len(k.fields) == 1 && c.names.fieldTypes[k.fields[0].id] == frontdesk.TypeDate
		case n < capitals && k.copula && unicode.IsUpper(r) && utf8.RuneCountInString(word) > 1:
			return true
		}
		if i == k.at && c.looseSet(i, k.end) {
			return true
		}
		if i = to; to >= k.end || word == "" {
			return false
		}
	}
	return false
}

// limitsAt reports whether a condition without a subject is nothing but a limit:
// "do not save it if below 100", "if ending with @gmail.com".
func (c *compiler) limitsAt(k saveCondition) bool {
	if len(k.fields) == 1 {
		id, _ := c.fieldID(k.fields[0].id)
		if _, _, _, ok := c.readLimit(k, id); ok {
			return true
		}
	}
	lo, _ := c.tokensIn(k.at, k.at+1)
	if lo >= len(c.tokens) || c.tokens[lo].start != k.at {
		return false
	}
	op, _ := wordOperator(c.tokens[lo])
	if op == "" || op == OpPresent {
		return false
	}
	values, stop, _ := c.constraintValues(c.tokens[lo].end, k.end, op)
	return len(values) > 0 && c.endsValues(stop, k.end)
}

// looseSet reports whether single words joined by "or" stand there, and nothing
// else: "red, blue or green".
func (c *compiler) looseSet(at, end int) bool {
	n, or := 0, false
	for at < end {
		to := c.wordEnd(at, end)
		if to == at || c.tokenAt(at, "not") {
			return false
		}
		n++
		next, ok := c.nextValue(to, end)
		if !ok {
			return n > 1 && or && c.endsValues(to, end)
		}
		or = or || c.hasToken(to, next, "or")
		at = next
	}
	return n > 1 && or
}

// unheld says of a condition on a value that nothing holds it.
func (c *compiler) unheld(k saveCondition) {
	c.report("constraint-not-understood", SeverityWarning, k.start, k.end,
		"no code holds this condition on the value, it is left to the model: write it as values in quotes (only if it is \"A\" or \"B\"), as a range (between 100 and 5000) or as a limit (at least 100)", "")
}
