package instructions

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// fieldSite finds the fields that an update names.
func (c *compiler) fieldSite(st site) {
	s := &c.sentences[st.sentence]
	end := c.nextAction(s, st.token)
	fields := c.fieldsIn(st, s, end)
	if len(fields) == 0 {
		fields = c.fieldsBefore(st, s, end)
	}
	if len(fields) == 0 {
		if c.tokens[st.token].any("update_field") {
			c.putSite(st)
		}
		return
	}
	var set fieldValue
	for _, f := range fields {
		if set.start <= f.start && f.start < set.end {
			continue // the value of the one before is called like a field
		}
		set = c.valueOf(f, end)
		one := st
		one.Field = f.id
		one.Value, one.variable = set.value, set.variable
		one.end = max(st.end, f.end)
		one.start = min(st.start, f.start)
		c.putSite(one)
	}
	if !st.canonical {
		c.nonCanonical(st)
	}
}

// fieldsBefore reads "ask for their email and phone, then update the contact
// fields": the update names none, and those that the sentence named since the
// action before are meant.
func (c *compiler) fieldsBefore(st site, s *sentence, end int) []field {
	all := c.tokens[st.token].any("update_field")
	for t := st.token + 1; t < s.hi && c.tokens[t].start < end; t++ {
		all = all || c.tokens[t].any("field_word")
	}
	if !all {
		return nil
	}
	from := s.start
	for t := st.token - 1; t >= s.lo && from == s.start; t-- {
		if _, _, ok := actionKind(c.tokens[t]); ok {
			from = c.tokens[t].end
		}
	}
	var out []field
	for _, f := range c.knownFields(c.near(from, st.start), st.start) {
		if !slices.ContainsFunc(out, func(o field) bool { return o.id == f.id }) {
			out = append(out, f)
		}
	}
	return out
}

// field is a field that the text names.
type field struct {
	id         string
	start, end int
}

// fieldsIn collects the fields a save names: those next to the word "field",
// and where it stands before a list, all of the list.
func (c *compiler) fieldsIn(st site, s *sentence, end int) []field {
	word := -1
	for t := st.token; t < s.hi && c.tokens[t].start < end && word < 0; t++ {
		if c.tokens[t].any("field_word", "update_field") {
			word = t
		}
	}
	// Where the verb stands last, the field is behind it: back to the action
	// before.
	first := s.start
	for t := st.token - 1; t >= s.lo && word < 0; t-- {
		if _, _, ok := actionKind(c.tokens[t]); ok {
			break
		}
		if c.tokens[t].any("field_word") {
			word = t
			for k := t; k >= s.lo; k-- {
				if _, _, ok := actionKind(c.tokens[k]); ok {
					first = c.tokens[k].end
					break
				}
			}
		}
	}
	if word < 0 {
		return c.directFields(st, s, end)
	}
	var out []field
	add := func(f field) {
		if !slices.ContainsFunc(out, func(o field) bool { return o.id == f.id }) {
			out = append(out, f)
		}
	}
	from := st.end
	if c.tokens[word].start < st.start {
		from = first
		end = st.start
	}
	for _, f := range c.knownFields(from, end) {
		add(f)
	}
	for t := s.lo; t < s.hi; t++ {
		own := t == st.token && c.tokens[t].any("update_field")
		if !own && (!c.tokens[t].any("field_word") || c.tokens[t].start < from || c.tokens[t].start >= end) {
			continue
		}
		quoted := c.quotedFields(t, end)
		for _, f := range quoted {
			add(f)
		}
		if len(quoted) > 0 {
			continue
		}
		if f, certain, ok := c.namedField(t, st.end, end); ok && !c.covers(out, f) {
			if c.known {
				c.unknownField(f, certain && st.canonical)
			}
			add(f)
		}
	}
	return out
}

// quotedFields reads the names in quotes next to the word "field", with what
// joins them: "update the contact fields 'Budget' and 'Size'".
func (c *compiler) quotedFields(t, end int) []field {
	var out []field
	take := func(q quote) {
		c.took(q.start)
		f := field{q.text(c.text), q.start, q.end}
		if id, ok := c.names.fields.find(f.id); ok {
			f.id = id
		} else if c.known {
			c.unknownField(f, true)
		}
		out = append(out, f)
	}
	tok := c.tokens[t]
	at := tok.start - 1
	for at > 0 && c.text[at] == ' ' {
		at--
	}
	if q, ok := c.quoteAt(at); ok && at >= 0 && !q.block && q.end <= tok.start && !tok.any("update_field") {
		take(q)
		return out
	}
	for at = tok.end; at < end; {
		for at < end && strings.IndexByte(" *:,", c.text[at]) >= 0 {
			at++
		}
		q, ok := c.quoteAt(at)
		if !ok || q.start != at || q.block {
			return out
		}
		take(q)
		at = q.end
		k, _ := slices.BinarySearchFunc(c.tokens, at, func(t token, o int) int { return t.start - o })
		if k < len(c.tokens) && c.tokens[k].any("and") && c.tokens[k].start-at <= 2 {
			at = c.tokens[k].end
		}
	}
	return out
}

func (c *compiler) covers(known []field, f field) bool {
	return slices.ContainsFunc(known, func(k field) bool { return k.start < f.end && f.start < k.end })
}

// directFields reads "save their email and phone": field names right behind
// the verb.
func (c *compiler) directFields(st site, s *sentence, end int) []field {
	fields := c.knownFields(st.end, end)
	if len(fields) == 0 || !st.canonical && len(fields) < 2 && c.action != actField {
		return nil
	}
	between := strings.Fields(c.text[st.end:fields[0].start])
	if len(between) > 2 || strings.ContainsAny(c.text[st.end:fields[0].start], ",;.→") {
		return nil
	}
	var out []field
	at := fields[0].start
	for _, f := range fields {
		if gap := c.text[at:f.start]; len(strings.Fields(gap)) > 2 {
			break
		}
		if !slices.ContainsFunc(out, func(o field) bool { return o.id == f.id }) {
			out = append(out, f) // "save the email if the email …" saves one
		}
		at = f.end
	}
	return out
}

// knownFields finds the names of fields in text[from:end], in order: those of
// the workspace, and what the standard ones are called in each language.
func (c *compiler) knownFields(from, end int) []field {
	var out []field
	last := c.shadow.Index(end)
	k, _ := slices.BinarySearchFunc(c.tokens, from, func(t token, o int) int { return t.start - o })
	for i := c.shadow.Index(from); i < last; {
		if i > 0 && isWordByte(c.shadow.Text[i-1]) && isWordByte(c.shadow.Text[i]) && !isDigitByte(c.shadow.Text[i-1]) {
			i++ // no name begins within a word
			continue
		}
		for k < len(c.tokens) && c.tokens[k].Start < i {
			k++
		}
		if id, to, ok := c.names.fields.match(c.shadow.Text[:last], i); ok {
			start := c.shadow.Start(i)
			if _, quoted := c.quoteAt(start); !quoted {
				out = append(out, field{id, start, c.shadow.End(c.text, to)})
				i = to
				continue
			}
		}
		if k < len(c.tokens) && c.tokens[k].Start == i || k > 0 && c.tokens[k-1].End > i {
			if f, to, ok := c.standardField(k, i); ok && to <= end {
				out = append(out, f)
				i = c.shadow.Index(to)
				continue
			}
		}
		_, n := utf8.DecodeRuneInString(c.shadow.Text[i:])
		i += n
	}
	return out
}

// standardField reads a standard field's name in any language at the place in
// the folded text; k is the first token that begins there or behind it.
func (c *compiler) standardField(k, at int) (field, int, bool) {
	start := c.shadow.Start(at)
	if k == len(c.tokens) || c.tokens[k].Start > at {
		return c.coveredField(k-1, start)
	}
	for ; k < len(c.tokens) && c.tokens[k].Start == at; k++ {
		if id, ok := c.tokens[k].Value(vocabulary.Field); ok {
			return field{id, start, c.tokens[k].end}, c.tokens[k].end, true
		}
	}
	return field{}, 0, false
}

// coveredField reads a standard field's name within token k, a phrase that says
// to ask for it ("minta nama").
func (c *compiler) coveredField(k, start int) (field, int, bool) {
	if k < 0 || c.tokens[k].end <= start || !c.tokens[k].any("not_action") {
		return field{}, 0, false
	}
	from := c.shadow.Index(start)
	for _, t := range c.scan(c.shadow.Text[from:c.tokens[k].End]) {
		if id, ok := t.Value(vocabulary.Field); ok && t.Start == 0 {
			return field{id, start, c.tokens[k].end}, c.tokens[k].end, true
		}
	}
	return field{}, 0, false
}

// namedField reads the name next to the word "field" where it is no known one:
// the rest of the bold run, the words between the article and "field", or
// capitalised words behind it.
func (c *compiler) namedField(t, from, end int) (f field, certain, ok bool) {
	tok := c.tokens[t]
	l := c.lines[c.lineAt(tok.start)]
	lineStart := c.near(l.start, tok.start)
	if open := strings.LastIndex(c.text[lineStart:tok.start], "**"); open >= 0 && strings.Count(c.text[lineStart:tok.start], "**")%2 == 1 {
		start := lineStart + open + 2
		close := strings.Index(c.text[tok.end:min(l.end, tok.end+80)], "**")
		if close >= 0 {
			before := strings.TrimSpace(c.text[start:tok.start])
			after := strings.TrimSpace(c.text[tok.end : tok.end+close])
			name := strings.TrimSpace(before + " " + after)
			if name != "" && before == "" || after == "" {
				return field{name, start, tok.end + close}, true, name != "" && !c.generic(name)
			}
		}
	}
	if start := tok.start; start > from {
		before := strings.TrimSpace(c.text[from:start])
		if k := strings.LastIndexAny(before, ",;:.&→"); k >= 0 {
			before = strings.TrimSpace(before[k+1:])
		}
		words := strings.Fields(strings.ToValidUTF8(before, ""))
		for len(words) > 0 && articles[strings.ToLower(words[0])] {
			words = words[1:]
		}
		if f, ok := c.almostField(words, tok.start); ok {
			return f, true, true
		}
		if n := len(words); n > 0 && n <= 3 && startsUpper(words[0]) {
			name := strings.Join(words, " ")
			begin := strings.LastIndex(c.text[:start], words[0])
			stop := begin + len(strings.TrimSpace(c.text[begin:start])) // a fix keeps the space behind
			return field{name, begin, stop}, true, !c.generic(name)
		}
	}
	if tok.end > end {
		return field{}, false, false
	}
	rest := c.text[tok.end:end]
	lead := len(rest) - len(strings.TrimLeft(rest, " *"))
	run := rest[lead:]
	if k := nameEnd(run); k >= 0 {
		run = run[:k]
	}
	ends := wordEnds(run)
	if len(ends) == 0 {
		return field{}, false, false
	}
	if !startsUpper(run) {
		f, ok := c.almostField(strings.Fields(run[:ends[0]]), tok.end+lead+ends[0])
		return f, true, ok
	}
	name := run[:nameLength(run, ends)]
	return field{name, tok.end + lead, tok.end + lead + len(name)}, true, !c.generic(name)
}

// almostField reads a name without a capital, whose last word ends at the
// offset or before it, that is spelt almost like a field: "the emial field". A
// name that is like none may be any words ("the relevant field").
func (c *compiler) almostField(words []string, end int) (field, bool) {
	const most = 2 // words
	for n := min(most, len(words)); n > 0 && c.known && c.lookups < maxLookups; n-- {
		name := strings.Join(words[len(words)-n:], " ")
		if startsUpper(name) || c.generic(name) {
			continue
		}
		if _, ok := c.names.fields.find(name); ok {
			return field{}, false
		}
		c.lookups++
		if c.names.fields.nearest(name) == "" {
			continue
		}
		if start := strings.LastIndex(c.text[max(0, end-len(name)-8):end], name); start >= 0 {
			start += max(0, end-len(name)-8)
			return field{name, start, start + len(name)}, true
		}
	}
	return field{}, false
}

var articles = map[string]bool{"the": true, "their": true, "a": true, "an": true, "his": true, "her": true, "and": true, "el": true, "la": true, "le": true, "o": true, "il": true, "das": true, "die": true, "der": true}

func startsUpper(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

// generic reports whether a name is just "contact", as in "contact field".
func (c *compiler) generic(name string) bool {
	switch fold.Phrase(name) {
	case "contact", "kontak", "contacto", "contato", "контакта", "contatto", "kontakt", "联系人", "聯絡人", "the", "custom", "all":
		return true
	}
	return false
}

func (c *compiler) unknownField(f field, certain bool) {
	message, fix := fmt.Sprintf("there is no contact field %q", f.id), ""
	if near := c.names.fields.nearest(f.id); near != "" {
		message += fmt.Sprintf(": did you mean %q?", near)
		fix = c.fixed(f.start, f.end, near)
	} else {
		message += ": the fields are " + c.names.fields.list()
	}
	c.report("unknown-field", severity(certain), f.start, f.end, message, fix)
}

// fieldValue is what an update sets a field to, a text or a variable, and where
// that stands.
type fieldValue struct {
	value, variable string
	start, end      int
}

// valueOf reads "… field to Gold" and "… field to $contact.email": what stands
// behind a connective behind the field.
func (c *compiler) valueOf(f field, end int) (out fieldValue) {
	k, _ := slices.BinarySearchFunc(c.tokens, f.end, func(t token, o int) int { return t.start - o })
	for ; k < len(c.tokens) && c.tokens[k].start < end && c.tokens[k].start-f.end < 12; k++ {
		if !c.tokens[k].any("to") {
			continue
		}
		at := c.skipMarks(c.tokens[k].end, end)
		v, ok := slices.BinarySearchFunc(c.variables, at, func(v ref, o int) int { return v.start - o })
		if ok && c.variables[v].end <= end {
			to := c.variables[v].end
			return fieldValue{variable: c.text[at:to], start: at, end: to}
		}
		value, start, to, clear := c.candidateValue(c.tokens[k].end, end)
		_, quoted := c.quoteAt(start)
		if !clear || c.tokens[k].any("if") && !quoted { // "para" is "to" and "for"
			return out
		}
		c.took(start)
		return fieldValue{value: value, start: start, end: to}
	}
	return out
}
