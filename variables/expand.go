package variables

import (
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// Lookup returns the value of a variable. namespace is in lower case and
// without underscores, name is as written: a Lookup ignores case and
// underscores in it (S4.1; frontdesk.FoldField does). ok is false for what
// does not exist or has no value. It is called once for each distinct
// variable of a text.
type Lookup func(namespace, name string) (value string, ok bool)

// Env is what a text is expanded with. The zero value knows no value.
type Env struct {
	// Lookup gives the values. Nil: none is known.
	Lookup Lookup
	// Limit is how many code points of a value are shown. 0: DefaultLimit.
	Limit int
	// Deferred names variables that cannot be known yet. They are left in the
	// text as "$namespace.name", without their fallback, for [Fill] to replace
	// later: the assignee is known only at commit (S5.5). Nil: none.
	Deferred func(namespace, name string) bool
}

// Expand returns the text with values in place of variables, and the names
// ("contact.firstname") of those that had none, each once, in order.
//
// A value is cleaned by [Clean] and defused by [Defuse]. One that stands at
// the start of a line (behind white space or list markers only) and begins
// like Markdown structure is put in double quotes, so that what a contact is
// called cannot make a heading, a list or a role marker (I16).
//
// A missing value becomes its fallback, or else nothing, and then the space
// before it goes too; at the very start of a line the one after it goes
// (S4.4). A variable of an unknown namespace is missing.
func (t *Template) Expand(env Env) (text string, missing []string) {
	if len(t.slots) == 0 {
		if len(t.parts) == 0 {
			return "", nil
		}
		return t.parts[0].text, nil
	}
	values := make([]string, len(t.slots))
	deferred := make([]bool, len(t.slots))
	size := len(t.source)
	for i, s := range t.slots {
		if env.Deferred != nil && env.Deferred(s.namespace, s.name) {
			values[i], deferred[i] = "$"+s.namespace+"."+s.name, true
		} else if env.Lookup != nil {
			if v, ok := env.Lookup(s.namespace, s.name); ok {
				values[i] = Defuse(Clean(v, env.Limit))
			}
		}
		if values[i] == "" {
			missing = append(missing, s.namespace+"."+s.name)
		}
		size += len(values[i])
	}
	w := writer{start: true}
	w.out.Grow(size + len(t.parts))
	for i := range t.parts {
		p := &t.parts[i]
		w.text(p)
		if p.slot < 0 {
			break
		}
		value := values[p.slot]
		if value == "" {
			value = p.fallback
		}
		next := &part{slot: -1}
		if i+1 < len(t.parts) {
			next = &t.parts[i+1]
		}
		if deferred[p.slot] {
			w.token(p, value, next.text)
		} else {
			w.value(p, value, next)
		}
	}
	return w.out.String(), missing
}

// writer puts the parts together.
type writer struct {
	out strings.Builder
	// start: only white space and list markers stand in this line so far.
	start bool
	// trim: a missing value stood at the very start of the line, so a space
	// that comes next is left out.
	trim bool
}

// write appends a piece. Where the piece and what stands before it would read
// as a variable only together, a space keeps them apart: no value can complete
// what the template or another value began (I22).
func (w *writer) write(piece string) {
	if piece == "" {
		return
	}
	if joined(w.out.String(), piece) {
		w.out.WriteByte(' ')
	}
	w.out.WriteString(piece)
}

// joined reports whether a variable reaches from the end of before into piece.
func joined(before, piece string) bool {
	if before == "" {
		return false
	}
	if before[len(before)-1] == '{' && piece[0] == '{' {
		return true
	}
	if !nameByte(before[len(before)-1]) {
		return false
	}
	i := len(before) - 1
	for floor := max(0, i-maxNamespace-1); i > floor && before[i] != '$' && nameByte(before[i]); {
		i--
	}
	if before[i] != '$' {
		return false
	}
	_, end, _ := scan(before[i:], 0)
	_, both, ok := scan(before[i:]+piece[:min(len(piece), maxNamespace+8)], 0)
	return ok && both != end
}

// nameByte reports the bytes of "$namespace.".
func nameByte(c byte) bool {
	return c == '$' || c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// text writes the text of a part, without the space that belongs to its
// variable.
func (w *writer) text(p *part) {
	if p.text != "" {
		if w.trim {
			w.write(strings.TrimPrefix(p.text, " "))
		} else {
			w.write(p.text)
		}
		w.trim = false
	}
	if p.edge.line || p.text != "" || p.spaced {
		w.start = p.edge.blank && (p.edge.line || w.start)
	}
}

// space writes the space before a variable that has a value.
func (w *writer) space(p *part) {
	if p.spaced && !w.trim {
		w.write(" ")
	}
	w.trim = false
}

// token writes a deferred variable, in braces where what follows would be
// read as part of it.
func (w *writer) token(p *part, token, following string) {
	w.space(p)
	if _, end, _ := scan(token+following[:min(len(following), maxNamespace)], 0); end != len(token) {
		token = "{{" + token + "}}"
	}
	w.write(token)
	w.start = false
}

// value writes a value that was cleaned and defused, or nothing.
func (w *writer) value(p *part, value string, next *part) {
	if value == "" {
		out := w.out.String()
		atStart := out == "" || strings.HasSuffix(out, "\n") || strings.HasSuffix(out, "\r")
		w.trim = atStart && (w.trim || !p.spaced)
		return
	}
	w.space(p)
	if w.start && structural(value, next) {
		value = `"` + strings.ReplaceAll(value, `"`, "'") + `"`
	}
	w.write(value)
	w.start = false
}

// Fill replaces the variables of a text that an LLM wrote. Those that lookup
// knows become their value, cleaned and defused, or nothing, with the space
// before it, where the value is empty; all others are defused. So a reply in
// which the LLM used the token $assignee.name is completed at commit (S5.5),
// and nothing else in it is expanded, whoever put it there (I22). A nil lookup
// knows none.
func Fill(text string, lookup Lookup) string {
	if lookup == nil {
		return Defuse(text)
	}
	var out strings.Builder
	start := 0
	for i := nextSigil(text, 0); i < len(text); i = nextSigil(text, i) {
		v, end, ok := scan(text, i)
		if !ok {
			i++
			continue
		}
		value, known := lookup(v.Namespace, v.Name)
		if !known {
			i = end
			continue
		}
		before := strings.TrimRight(text[start:i], "$")
		if value = Clean(value, 0); value == "" {
			value = v.Fallback
		}
		if value == "" {
			before = strings.TrimSuffix(before, " ")
		}
		out.WriteString(before)
		out.WriteString(value)
		start, i = end, end
	}
	out.WriteString(text[start:])
	return Defuse(out.String())
}

// Names returns the names that [ForContact] knows in a namespace besides the
// contact's fields, as they are best written; nil for a namespace that does
// not exist.
func Names(namespace string) []string {
	switch namespace {
	case "contact":
		return []string{"stage", "lifecycle", "lifecycle_stage", "tags", "id"}
	case "assignee":
		return []string{"name"}
	case "system":
		return []string{"current_date", "current_time", "current_datetime"}
	}
	return nil
}

// ForContact returns the Lookup of a contact: its fields by name or ID,
// contact.id, contact.stage (or lifecycle, lifecycle_stage), contact.tags;
// assignee.name, which is assignee; and system.current_date (2006-01-02),
// system.current_time (15:04) and system.current_datetime (2006-01-02 15:04)
// of now in loc (nil: UTC).
//
// A field of the contact comes before the words of this package with the same
// name. contact.name is made of first and last name where there is no name.
// The reverse is not done: the first word of a name is not everywhere what
// people are addressed by, and a fallback reads better than a wrong name.
func ForContact(c frontdesk.Contact, assignee string, now time.Time, loc *time.Location) Lookup {
	if loc == nil {
		loc = time.UTC
	}
	now = now.In(loc)
	return func(namespace, name string) (string, bool) {
		value := ""
		switch namespace {
		case "contact":
			value = contactValue(c, name)
		case "assignee":
			if frontdesk.FoldField(name) == "name" {
				value = assignee
			}
		case "system":
			switch frontdesk.FoldField(name) {
			case "currentdate":
				value = now.Format(time.DateOnly)
			case "currenttime":
				value = now.Format("15:04")
			case "currentdatetime":
				value = now.Format("2006-01-02 15:04")
			}
		}
		return value, value != ""
	}
}

func contactValue(c frontdesk.Contact, name string) string {
	if v := c.Field(name); !v.IsZero() {
		return v.String()
	}
	switch frontdesk.FoldField(name) {
	case "id":
		return c.ID
	case "stage", "lifecycle", "lifecyclestage":
		return c.Stage
	case "tags":
		return strings.Join(c.Tags, ", ")
	case "name":
		return strings.TrimSpace(c.Field("firstname").String() + " " + c.Field("lastname").String())
	}
	return ""
}
