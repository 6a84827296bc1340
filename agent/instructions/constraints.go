package instructions

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// comparison matches a sign of comparison and what it compares with, where it
// stands at the beginning: signs are rare, and are found without it.
var comparison = regexp.MustCompile(`^(>=|<=|=<|=>|≥|≤|≠|!=|==|＞=|＜=|<>|＞|＜|＝|<|>|=)\s*(?:(?i:rp|idr|us\$|usd|eur|r\$)\.?\s*|[$€£¥₹₽]\s*)?([\p{Nd}][\p{Nd}.,  \x{202f}]*%?|"[^"\n]{1,60}"|“[^”\n]{1,60}”|[\p{L}][\p{L}\p{Nd}_-]*)`)

func hasComparison(s string) bool { return nextComparison(s, 0) != nil }

// longestComparison is the length of what can match, but for runs of spaces and
// digits.
const longestComparison = 240

// beginsComparison holds the bytes that a comparison may begin with.
var beginsComparison = [256]bool{'<': true, '>': true, '=': true, '!': true, 0xe2: true, 0xef: true}

// nextComparison returns the submatches of the first comparison at or after
// from; nil: there is none.
func nextComparison(s string, from int) []int {
	for i := from; i < len(s); i++ {
		if !beginsComparison[s[i]] {
			continue
		}
		switch s[i] {
		case 0xe2: // ≥ ≤ ≠
			if i+1 == len(s) || s[i+1] != 0x89 {
				continue
			}
		case 0xef: // ＜ ＞ ＝
			if i+1 == len(s) || s[i+1] != 0xbc {
				continue
			}
		}
		m := comparison.FindStringSubmatchIndex(s[i:min(len(s), i+longestComparison)])
		if m == nil {
			continue
		}
		for k := range m {
			m[k] += i
		}
		return m
	}
	return nil
}

// findConstraints reads comparisons and conditions on what may be saved
// (grammar 20).
func (c *compiler) findConstraints() {
	for i := range c.sentences {
		s := &c.sentences[i]
		conditions := c.savedValues(i)
		before := len(c.pb.Constraints)
		c.comparisons(s)
		c.wordConstraints(i)
		said := len(c.pb.Constraints) > before
		c.releaseAlternatives(s, before)
		c.requiredFields(i)
		for _, k := range conditions {
			if !k.held && !said && c.known && c.saysOfValue(k) {
				c.unheld(k)
			}
		}
	}
	slices.SortStableFunc(c.pb.Constraints, func(a, b Constraint) int { return a.Offset - b.Offset })
}

// releaseAlternatives holds nothing to conditions of which another one may stand
// in their place: "more than 100 or less than 50", "ends with @acme.com or the
// manager agrees". Held one by one they would refuse what the text allows.
func (c *compiler) releaseAlternatives(s *sentence, from int) {
	for i := from; i < len(c.pb.Constraints); i++ {
		k := c.pb.Constraints[i]
		if !k.Enforced || !c.tokenAt(c.skipMarks(k.End, s.end), "or") {
			continue
		}
		start, end := k.Offset, k.End
		for n := from; n < len(c.pb.Constraints); n++ {
			if o := &c.pb.Constraints[n]; o.Field == k.Field && o.Enforced {
				o.Enforced = false
				start, end = min(start, o.Offset), max(end, o.End)
			}
		}
		c.unheld(saveCondition{start: start, end: end})
	}
}

var operators = map[string]Operator{
	">=": OpAtLeast, "≥": OpAtLeast, "=>": OpAtLeast, "＞=": OpAtLeast, "<=": OpAtMost, "=<": OpAtMost, "≤": OpAtMost, "＜=": OpAtMost,
	"<": OpLess, "＜": OpLess, ">": OpGreater, "＞": OpGreater, "=": OpEqual, "==": OpEqual, "＝": OpEqual, "≠": OpNotEqual, "!=": OpNotEqual, "<>": OpNotEqual,
}

func (c *compiler) comparisons(s *sentence) {
	text := c.text[s.start:s.end]
	saves, counted := false, false
	for m := nextComparison(text, 0); m != nil; m = nextComparison(text, m[1]) {
		at, end := s.start+m[2], s.start+m[5]
		op := operators[c.text[at:s.start+m[3]]]
		raw := c.text[s.start+m[4] : end]
		first, _ := utf8.DecodeRuneInString(raw)
		number := unicode.IsDigit(first)
		if !number {
			c.turned(s, at, s.start+m[4], op)
		}
		if !number && op != OpEqual && op != OpNotEqual || c.isArrow(at, s.start+m[3]) || c.wasRead(at) || c.setsStage(s, at) {
			continue // an arrow, a tag, or "set the stage = Hot Lead"
		}
		if _, quoted := c.quoteAt(at); quoted {
			continue
		}
		name, from := c.wordsBefore(s, at)
		if name == "" {
			continue
		}
		value, certain := strings.Trim(raw, `"“” .,`), true
		if number {
			a := c.readAmount(s.start+m[4], s.end)
			value, end, certain = a.value, a.end, a.certain
		}
		if c.excepted(s, at) {
			if !counted {
				saves, _ = c.saves(s)
				counted = true
			}
			if saves {
				op = opposites[op]
			}
		}
		k := Constraint{Field: name, Op: op, Value: value, Span: c.span(from, end)}
		c.bind(&k, s, at, certain)
		c.pb.Constraints = append(c.pb.Constraints, k)
	}
}

// setsStage reports whether a sign stands between the words that set a stage and
// its name.
func (c *compiler) setsStage(s *sentence, at int) bool {
	return slices.ContainsFunc(c.acting[c.sentenceIndex(s)], func(st *site) bool { return st.Name == actStage && st.start <= at && at < st.end })
}

// flipped are the operators seen from the other side.
var flipped = map[Operator]Operator{OpLess: OpGreater, OpAtMost: OpAtLeast, OpGreater: OpLess, OpAtLeast: OpAtMost}

// turned reads a comparison that begins with the number: "100 <= Budget".
func (c *compiler) turned(s *sentence, at, behind int, op Operator) {
	f, ok := c.fieldAt(behind, s.end)
	if !ok || f.start != behind || flipped[op] == "" {
		return
	}
	const longest = 30 // bytes of the number
	from := max(s.start, at-longest)
	for from < at && !unicode.IsDigit(rune(c.text[from])) {
		from++
	}
	a := c.readAmount(from, at)
	if from == at || strings.TrimSpace(c.text[a.end:at]) != "" {
		return
	}
	k := Constraint{Field: f.id, Op: flipped[op], Value: a.value, Span: c.span(from, f.end)}
	c.bind(&k, s, at, a.certain)
	c.pb.Constraints = append(c.pb.Constraints, k)
}

// isArrow reports whether the sign is part of an arrow or of a tag.
func (c *compiler) isArrow(at, end int) bool {
	op := c.text[at:end]
	prev, _ := utf8.DecodeLastRuneInString(c.text[:at])
	return op == "=>" && strings.HasSuffix(c.text[:at], " ") && !isDigitByte(c.text[min(len(c.text)-1, end+1)]) || op == ">" && (prev == '-' || prev == '=') || op == "=" && prev == '='
}

// plainNumber writes a number without its separators: "100.000", "100 000"
// and "10,000" are thousands, "1.5" and "1,5" are not.
func plainNumber(s string) string {
	var b strings.Builder
	runes := []rune(fold.NewShadow(s).Text)
	for i, r := range runes {
		switch {
		case r >= '0' && r <= '9', r == '%':
			b.WriteRune(r)
		case i > 0 && thousands(runes[i+1:]):
		case r == '.' || r == ',':
			b.WriteByte('.')
		default:
			return b.String()
		}
	}
	return b.String()
}

// thousands reports whether exactly three digits follow.
func thousands(rest []rune) bool {
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	return n == 3
}

// wordsBefore reads the name that a comparison is about: a contact field, else
// the last word before the sign.
func (c *compiler) wordsBefore(s *sentence, at int) (name string, from int) {
	if v, ok := before(c.variables, at); ok && at-v.end <= 2 {
		return strings.TrimPrefix(v.name, "contact."), v.start
	}
	if r, ok := before(c.refs, at); ok && r.kind == refForeign && at-r.end <= 2 {
		return r.name, r.start
	}
	last := field{}
	for _, f := range c.knownFields(max(s.start, at-60), at) {
		last = f
	}
	if last.id != "" && strings.Trim(c.text[last.end:at], " *_`\"") == "" {
		return last.id, last.start
	}
	name, i := lastWord(c.text[s.start:at])
	if c.isValueWord(name, vocabulary.Copula) { // "the order is ≥ 1,000"
		name, i = lastWord(c.text[s.start : s.start+i])
	}
	from = s.start + i
	lo, hi := c.tokensIn(from, from+1)
	if lo == hi && lo > 0 && c.tokens[lo-1].end >= from+len(name) { // the last word of "only if"
		lo, hi = lo-1, lo
	}
	if c.isValueWord(name, vocabulary.It) || lo < hi && c.tokens[lo].end == from+len(name) && c.tokens[lo].any("if", "only_if", "if_not") {
		return c.saidOf(s, from)
	}
	return name, from
}

// lastWord returns the word that a text ends with, marks aside, and its offset.
func lastWord(s string) (word string, at int) {
	s = strings.TrimRight(s, " *_`\"\u00a0")
	i := len(s)
	for i > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:i])
		if !fold.WordRune(r) && r != '-' && (r != '\'' && r != '’' || i == len(s)) {
			break
		}
		i -= n
	}
	return s[i:], i
}

// wordConstraints reads "ends with @example.com", "at least 18", "is one of".
func (c *compiler) wordConstraints(i int) {
	s := &c.sentences[i]
	for t := s.lo; t < s.hi; t++ {
		tok := c.tokens[t]
		op, needsField := wordOperator(tok)
		if op == "" || c.wasRead(tok.start) || c.negatesConstraint(s, t) {
			continue
		}
		values, end, certain := c.constraintValues(tok.end, c.lines[s.line].end, op)
		if op != OpPresent && len(values) == 0 {
			continue
		}
		name, from := c.subject(s, tok.start, values)
		if name == "" || needsField && c.names.fieldTypes[name] == "" && !c.foreignBefore(tok.start) {
			continue
		}
		k := Constraint{Field: name, Op: op, Span: c.span(min(from, tok.start), max(end, tok.end))}
		if len(values) > 0 {
			k.Value = values[0]
		}
		if len(values) > 1 || op == OpOneOf {
			k.Values = values
		}
		c.bind(&k, s, tok.start, certain)
		c.pb.Constraints = append(c.pb.Constraints, k)
	}
}

// requiredFields reads what must be given: "name, email and phone (all
// required)", "email (required)", "required fields: name, email".
func (c *compiler) requiredFields(i int) {
	s := &c.sentences[i]
	for t := s.lo; t < s.hi; t++ {
		tok := c.tokens[t]
		switch {
		case tok.any("all_required"):
			c.require(c.fieldsUpTo(i, tok.start))
		case tok.any("required_list"):
			c.require(c.fieldsFrom(s, tok.end))
		case tok.any("required") && c.endsClause(s, t):
			fields := c.knownFields(max(s.start, tok.start-60), tok.start)
			if n := len(fields); n > 0 && noWord(c.text[fields[n-1].end:tok.start]) {
				c.require(fields[n-1:])
			}
		}
	}
}

// fieldsUpTo returns the fields that a sentence names before the offset; those
// of the one before it on the line where it names none.
func (c *compiler) fieldsUpTo(i, at int) []field {
	s := c.sentences[i]
	out := c.knownFields(c.near(s.start, at), at)
	if len(out) == 0 && i > 0 && c.sentences[i-1].line == s.line {
		out = c.knownFields(c.near(c.sentences[i-1].start, s.start), s.start)
	}
	return out
}

// fieldsFrom returns the fields that a list of required ones names: in the
// rest of the sentence, else in the items below it.
func (c *compiler) fieldsFrom(s *sentence, at int) []field {
	const most = 30 // items
	if !noWord(c.text[at:max(at, s.end)]) {
		return c.knownFields(at, s.end)
	}
	var out []field
	for i := s.line + 1; i < len(c.lines) && i <= s.line+most && c.lines[i].label != "" && c.lines[i].heading == nil; i++ {
		out = append(out, c.knownFields(c.lines[i].body, c.lines[i].end)...)
	}
	return out
}

// endsClause reports whether nothing stands in a clause behind token t.
func (c *compiler) endsClause(s *sentence, t int) bool {
	for _, cl := range s.clauses {
		if cl.lo <= t && t < cl.hi {
			return noWord(c.text[c.tokens[t].end:max(c.tokens[t].end, cl.end)])
		}
	}
	return false
}

// require enters the fields as ones that must be present.
func (c *compiler) require(fields []field) {
	for _, f := range fields {
		if !slices.ContainsFunc(c.pb.Constraints, func(k Constraint) bool { return k.Op == OpPresent && k.Offset == f.start }) {
			c.pb.Constraints = append(c.pb.Constraints, Constraint{Field: f.id, Op: OpPresent, Span: c.span(f.start, f.end)})
		}
	}
}

func (c *compiler) foreignBefore(at int) bool {
	r, ok := before(c.refs, at)
	return ok && r.kind == refForeign && at-r.end <= 2
}

// before returns the last reference that ends at or before the offset.
func before(refs []ref, at int) (ref, bool) {
	k, _ := slices.BinarySearchFunc(refs, at, func(r ref, o int) int { return r.end - o - 1 })
	if k == 0 {
		return ref{}, false
	}
	return refs[k-1], true
}

// wordOperator gives the operator that a phrase names. Common words count only
// behind a contact field.
func wordOperator(t token) (op Operator, needsField bool) {
	rank := len(wordOperators)
	for _, m := range t.Meanings {
		rank = min(rank, operatorRank(m.Kind))
	}
	if rank == len(wordOperators) {
		return "", false
	}
	return wordOperators[rank], rank > 0
}

// wordOperators are in order of preference, for phrases that may name several.
var wordOperators = []Operator{OpEndsWith, OpStartsWith, OpContains, OpOneOf, OpEqual, OpPresent, OpAtLeast, OpAtMost, OpGreater, OpLess}

// operatorRank gives the index in wordOperators of what a kind names, or their
// number.
func operatorRank(k vocabulary.Kind) int {
	switch k {
	case "ends_with":
		return 0
	case "starts_with":
		return 1
	case "contains":
		return 2
	case "one_of":
		return 3
	case "equals":
		return 4
	case "present":
		return 5
	case "ge_word":
		return 6
	case "le_word":
		return 7
	case "gt_word":
		return 8
	case "lt_word":
		return 9
	}
	return len(wordOperators)
}

// negatesConstraint reports "do not save it if it ends with": the opposite of
// the comparison would be meant, which is left to the model.
func (c *compiler) negatesConstraint(s *sentence, t int) bool {
	for k := s.lo; k < t; k++ {
		if c.tokens[k].any("not", "prohibit", "if_not") && !c.tokens[k].any("only_if") {
			return true
		}
	}
	return false
}

// constraintValues reads the values behind an operator: quoted texts, domains,
// numbers, or single words; several joined by "or" and commas.
// certain is not set for a number that may mean several.
func (c *compiler) constraintValues(from, end int, op Operator) (values []string, stop int, certain bool) {
	if isComparing(op) {
		return c.amountBehind(from, end)
	}
	i := from
	for i < end {
		rest := c.text[i:end]
		i += len(rest) - len(strings.TrimLeft(rest, " *_:`\u00a0"))
		if i >= end {
			break
		}
		if q, ok := c.quoteAt(i); ok && q.start == i {
			values, i = append(values, q.text(c.text)), q.end
		} else {
			run := c.text[i:end]
			if k := strings.IndexAny(run, " ,;()\"“”*`，；。、\n"); k >= 0 {
				run = run[:k]
			}
			word := strings.TrimRight(run, ".!?'’")
			first, _ := utf8.DecodeRuneInString(word)
			switch op {
			case OpEndsWith, OpStartsWith, OpContains:
				if first != '@' && first != '.' && first != '+' && !unicode.IsDigit(first) && !strings.Contains(word, ".") {
					return values, max(stop, from), true
				}
			default:
				if word == "" || !fold.WordRune(first) {
					return values, max(stop, from), true
				}
			}
			values, i = append(values, word), i+len(word)
		}
		stop = i
		next, ok := c.alternative(i, end)
		if !ok || op != OpEndsWith && op != OpStartsWith && op != OpContains && op != OpOneOf {
			return values, stop, true
		}
		i = next
	}
	return values, stop, true
}

// amountBehind reads the number that an operator compares with, in quotes or
// not, behind a currency or not.
func (c *compiler) amountBehind(from, end int) (values []string, stop int, certain bool) {
	rest := c.text[from:max(from, end)]
	i := from + len(rest) - len(strings.TrimLeft(rest, " *_:`\"'“\u00a0"))
	end = max(i, end)
	i += len(currency.FindString(c.text[i:end]))
	sign := ""
	if strings.HasPrefix(c.text[i:end], "-") && i > from && c.text[i-1] == ' ' {
		sign, i = "-", i+1
	}
	if !unicode.IsDigit(first(c.text[i:end])) {
		return nil, i, true
	}
	a := c.readAmount(i, end)
	if c.countsLength(a.end, end) { // "at least 8 digits" limits no number
		return nil, i, true
	}
	return []string{sign + a.value}, a.end, a.certain
}

// isComparing reports whether an operator compares numbers.
func isComparing(op Operator) bool {
	return op == OpAtLeast || op == OpAtMost || op == OpGreater || op == OpLess
}

// numberLength is how much of a text is a number with full stops or commas
// between its digits, and a "%" behind.
func numberLength(s string) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if unicode.IsDigit(r) {
			n += size
			continue
		}
		next, _ := utf8.DecodeRuneInString(s[n+size:])
		if n == 0 || r != '.' && r != ',' || !unicode.IsDigit(next) {
			break
		}
		n += size
	}
	if n > 0 && n < len(s) && s[n] == '%' {
		n++
	}
	return n
}

// grouped extends a number of n bytes at the start of s by the groups of three
// digits that spaces set apart: "50 000".
func grouped(s string, n int) string {
	for {
		r, size := utf8.DecodeRuneInString(s[n:])
		if r != ' ' && r != '\u00a0' && r != '\u202f' {
			return s[:n]
		}
		k, digits := n+size, 0
		for r, size := utf8.DecodeRuneInString(s[k:]); unicode.IsDigit(r); r, size = utf8.DecodeRuneInString(s[k:]) {
			k += size
			digits++
		}
		if digits != 3 {
			return s[:n]
		}
		n = k
	}
}

// alternative reads "or" or a comma between two values.
func (c *compiler) alternative(i, end int) (int, bool) {
	if i >= end { // a quotation that goes on over the line
		return i, false
	}
	rest := c.text[i:end]
	k := i + len(rest) - len(strings.TrimLeft(rest, " ,、，/"))
	comma := strings.ContainsAny(c.text[i:k], ",、，/")
	t, found := slices.BinarySearchFunc(c.tokens, k, func(t token, o int) int { return t.start - o })
	if found && c.tokens[t].any("or") {
		return c.tokens[t].end, true
	}
	next, _ := utf8.DecodeRuneInString(c.text[k:end])
	return k, comma && (next == '@' || next == '"' || next == '“' || next == '\'')
}

// subject finds what a constraint is about: the last field named before it on
// its line; an address without one is an e-mail's.
func (c *compiler) subject(s *sentence, at int, values []string) (string, int) {
	if r, ok := before(c.refs, at); ok && r.kind == refForeign && at-r.end <= 2 {
		return r.name, r.start
	}
	start := c.near(c.lines[s.line].body, at)
	name, from := "", at
	for _, f := range c.knownFields(start, at) {
		name, from = f.id, f.start
	}
	if v, ok := before(c.variables, at); ok && v.start >= start && strings.HasPrefix(v.name, "contact.") && (name == "" || v.start > from) {
		name, from = strings.TrimPrefix(v.name, "contact."), v.start
	}
	if name == "" && len(values) > 0 && strings.HasPrefix(values[0], "@") {
		return "email", at
	}
	if from < s.start {
		from = at
	}
	return name, from
}

// bind decides whether code holds a constraint: it must be on a contact field
// and govern the saving of that very field (S6.4). A comparison that steers
// the flow is advice to the model, and so is one whose number is not certain.
func (c *compiler) bind(k *Constraint, s *sentence, at int, certain bool) {
	id, ok := c.fieldID(k.Field)
	if !ok {
		return
	}
	k.Field = id
	if !c.governsSave(k, s, at) {
		return
	}
	if !certain {
		c.uncertainAmount(k.Offset, k.End)
		return
	}
	k.Enforced = true
	for i := c.sentenceIndex(s); i >= 0 && c.sentences[i].line == s.line && s.start-c.sentences[i].start <= reach; i-- {
		if slices.ContainsFunc(c.acting[i], func(st *site) bool { return st.Name == actField && st.Field == id }) {
			return
		}
	}
	c.saveNamed(id, s, false)
}

// saveNamed enters the save of a sentence that names its field only in its
// condition: "save it only if it ends with …"; where it is negated, in "do not
// save it unless …".
func (c *compiler) saveNamed(id string, s *sentence, negated bool) {
	for t := s.lo; t < s.hi; t++ {
		if c.tokens[t].any("save", "update_field") && c.negated(s, t) == negated {
			st := site{canonical: true, conditional: true, start: c.tokens[t].start, end: c.tokens[t].end, sentence: c.sentenceIndex(s), token: t}
			st.Name, st.Field = actField, id
			c.putSite(st)
			return
		}
	}
}

// reach is how far back, in bytes, a phrase may refer to what stands before it
// on its line.
const reach = 1500

// near returns the later of a line's start and what is in reach of at.
func (c *compiler) near(start, at int) int {
	if at-start <= reach {
		return start
	}
	at -= reach
	for at > start && !utf8.RuneStart(c.text[at]) {
		at--
	}
	return at
}

func (c *compiler) sentenceIndex(s *sentence) int {
	i, _ := slices.BinarySearchFunc(c.sentences, s.start, func(x sentence, o int) int { return x.start - o })
	return i
}

// governsSave reports whether the constraint's sentence saves that field under
// a condition ("save it only if", "simpan hanya jika"), or is an "only if" of
// the prompt of the update action.
func (c *compiler) governsSave(k *Constraint, s *sentence, at int) bool {
	saves, only := false, false
	for t := s.lo; t < s.hi; t++ {
		tok := c.tokens[t]
		if tok.any("save", "update_field") && !c.negated(s, t) {
			saves = true
		}
		only = only || tok.any("only_if", "if", "if_not") && tok.start < at
	}
	if c.action == actField && only {
		saves = saves || len(c.acting[c.sentenceIndex(s)]) == 0
	}
	if !saves || !only {
		return false
	}
	named := false
	for _, st := range c.acting[c.sentenceIndex(s)] {
		if st.Name != actField || st.Field == "" {
			continue
		}
		if st.Field == k.Field {
			return true
		}
		named = true
	}
	return !named // the save says "it"
}
