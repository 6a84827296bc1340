// Package variables replaces $contact.firstname and its like in texts (S4).
//
// A text is read once with [Parse] and expanded any number of times with
// [Template.Expand]. It is one pass: what came out of a variable is data, is
// put on one line, loses whatever could be read as a variable, and is never
// expanded again (S4.3).
//
// # Syntax
//
//   - $contact.firstname: a dollar sign, a namespace of ASCII letters, digits
//     and _, a full stop, and a name of letters, digits and _. A name may have
//     several parts: $contact.plan.name is the one name "plan.name"; a part behind
//     the first begins with no digit. A full stop or comma that no name follows
//     belongs to the text. $100 and US$5 are no variables. A name in a Latin or
//     other spaced script ends where Chinese, Japanese, Korean, Thai, Lao, Khmer
//     or Burmese text begins.
//   - {{$contact.firstname}} and {{contact.firstname}} are the same, and there
//     the name may also hold spaces and hyphens.
//   - $contact.firstname|there gives a fallback. It is one word (letters,
//     digits, marks, and ' _ - between them) or a text in double quotes on the
//     same line: $contact.firstname|"dear customer". Inside braces it is all
//     up to the closing ones. A bar that neither follows belongs to the text.
//   - $$contact.firstname is the literal text $contact.firstname.
//
// The namespaces are contact, assignee and system; case and _ do not count.
package variables

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
)

// DefaultLimit is how many code points of a value are shown where Env gives
// no limit (S4.3).
const DefaultLimit = 200

// Template is a text that was read for variables. It is read-only and safe
// for concurrent use. The zero value is the empty text.
type Template struct {
	source string
	parts  []part
	vars   []Variable // as they stand in the text
	slots  []slot     // distinct ones
}

// part is text, and after it one variable (the last part: none).
type part struct {
	text   string
	spaced bool // a space follows text, which goes if the variable is missing
	slot   int  // -1: no variable
	// fallback is what stands in for a missing value, cleaned and defused.
	fallback string
	edge     edge // of text and space
}

// slot is one distinct variable, as it was written first.
type slot struct{ namespace, name string }

// Variable is one variable of a text.
type Variable struct {
	// Namespace is in lower case and without underscores.
	Namespace string
	// Name is as written.
	Name string
	// Fallback is what stands in for a missing value. Empty: none was given.
	Fallback string
	// Offset and End are the byte offsets of the whole variable in the text,
	// braces and fallback included.
	Offset, End int
}

// String returns "namespace.name".
func (v Variable) String() string { return v.Namespace + "." + v.Name }

// Parse reads a text in one pass. It never fails: what is no variable is text.
func Parse(text string) *Template {
	t := &Template{source: text}
	index := map[slot]int{}
	var literal strings.Builder // of the part at hand, once something was left out
	start := 0                  // of the text that is in neither
	flush := func(end int) string {
		if literal.Len() == 0 {
			return text[start:end]
		}
		literal.WriteString(text[start:end])
		s := literal.String()
		literal = strings.Builder{}
		return s
	}
	for i := nextSigil(text, 0); i < len(text); i = nextSigil(text, i) {
		if strings.HasPrefix(text[i:], "$$") {
			if _, end, ok := scan(text, i+1); ok { // $$contact.x
				literal.WriteString(text[start:i])
				start, i = i+1, end
				continue
			}
		}
		v, end, ok := scan(text, i)
		if !ok {
			i++
			continue
		}
		key := slot{v.Namespace, frontdesk.FoldField(v.Name)}
		n, seen := index[key]
		if !seen {
			n = len(t.slots)
			index[key] = n
			t.slots = append(t.slots, slot{v.Namespace, v.Name})
		}
		t.vars = append(t.vars, v)
		t.parts = append(t.parts, newPart(flush(i), n, Defuse(Clean(v.Fallback, maxFallback))))
		start, i = end, end
	}
	if rest := flush(len(text)); rest != "" || len(t.parts) == 0 {
		t.parts = append(t.parts, newPart(rest, -1, ""))
	}
	return t
}

func newPart(text string, slot int, fallback string) part {
	if slot >= 0 {
		text = closeBraces(text)
	}
	p := part{text: text, slot: slot, fallback: fallback, edge: edgeOf(text)}
	if slot >= 0 && strings.HasSuffix(text, " ") {
		p.text, p.spaced = text[:len(text)-1], true
	}
	return p
}

// closeBraces takes one brace off a "{{" that a text before a variable leaves
// open: in "{{contact.{{contact.x}}}}" a value would else be read as a name.
func closeBraces(text string) string {
	i := strings.LastIndex(text, "{{")
	if i < 0 || strings.ContainsAny(text[i+2:], "{}\n\r") {
		return text
	}
	inside := strings.TrimPrefix(strings.TrimLeft(text[i+2:], " \t"), "$")
	if inside != "" && letters(inside) == 0 {
		return text
	}
	return strings.TrimRight(text[:i+1], "{") + text[i+1:]
}

// String returns the text that was parsed.
func (t *Template) String() string { return t.source }

// Variables returns the variables in the order of the text, each time they
// stand there. The caller owns the slice.
func (t *Template) Variables() []Variable { return slices.Clone(t.vars) }

// nextSigil returns where the next "$" or "{{" stands at or after i, else the
// length of the text.
func nextSigil(text string, i int) int {
	for ; i < len(text); i++ {
		n := strings.IndexAny(text[i:], "${")
		if n < 0 {
			return len(text)
		}
		if i += n; text[i] == '$' || strings.HasPrefix(text[i:], "{{") {
			return i
		}
	}
	return len(text)
}

// scan reads the variable that starts at text[i], with its fallback, and
// returns where it ends. It looks at no byte twice that another call could
// look at again, but for the bounded look for a closing quote, so that
// scanning a whole text is linear.
func scan(text string, i int) (v Variable, end int, ok bool) {
	if strings.HasPrefix(text[i:], "{{") {
		return scanBraces(text, i)
	}
	if i >= len(text) || text[i] != '$' {
		return v, 0, false
	}
	namespace, end, ok := scanNamespace(text, i+1)
	if !ok {
		return v, 0, false
	}
	first := end
	for { // name, or parts of one between full stops
		n := word(text[end:])
		if n == 0 {
			break
		}
		end += n
		if end+1 >= len(text) || text[end] != '.' || '0' <= text[end+1] && text[end+1] <= '9' || word(text[end+1:]) == 0 {
			break
		}
		end++
	}
	if end == first {
		return v, 0, false
	}
	v = Variable{Namespace: namespace, Name: text[first:end], Offset: i}
	if end < len(text) && text[end] == '|' {
		if fallback, n := scanFallback(text[end+1:]); n > 0 {
			v.Fallback = fallback
			end += 1 + n
		}
	}
	v.End = end
	return v, end, true
}

// scanBraces reads {{$contact.x|fallback}}. An opening brace or the end of the
// line inside means that it is none.
func scanBraces(text string, i int) (v Variable, end int, ok bool) {
	const open = 2
	at := i + open
	at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t"))
	if at < len(text) && text[at] == '$' {
		at++
	}
	namespace, at, ok := scanNamespace(text, at)
	if !ok {
		return v, 0, false
	}
	stop := strings.IndexAny(text[at:], "{}\n\r")
	if stop < 0 || !strings.HasPrefix(text[at+stop:], "}}") {
		return v, 0, false
	}
	name, fallback, _ := strings.Cut(text[at:at+stop], "|")
	name = strings.TrimSpace(name)
	if !isBracedName(name) {
		return v, 0, false
	}
	end = at + stop + len("}}")
	return Variable{Namespace: namespace, Name: name, Fallback: strings.Trim(strings.TrimSpace(fallback), `"“”`), Offset: i, End: end}, end, true
}

// maxNamespace is the length of the longest namespace, in bytes. There is no
// such long one; a bound lets the ends of texts be looked at in bounded time.
const maxNamespace = 32

// scanNamespace reads "contact." and returns the folded namespace and the
// offset behind the full stop.
func scanNamespace(text string, i int) (namespace string, end int, ok bool) {
	j, plain := i, true
	for ; j < len(text) && j-i <= maxNamespace; j++ {
		switch c := text[j]; {
		case 'a' <= c && c <= 'z':
		case 'A' <= c && c <= 'Z', c == '_', '0' <= c && c <= '9' && j > i:
			plain = plain && '0' <= c && c <= '9'
		default:
			if j == i || c != '.' {
				return "", 0, false
			}
			if namespace = text[i:j]; !plain {
				namespace = strings.ReplaceAll(strings.ToLower(namespace), "_", "")
			}
			return namespace, j + 1, namespace != ""
		}
	}
	return "", 0, false
}

// maxFallback bounds the look for a closing quote, in bytes.
const maxFallback = 800

// scanFallback reads what stands behind the bar. n is 0 if that is none.
func scanFallback(s string) (fallback string, n int) {
	quote, closing := 0, ""
	switch {
	case strings.HasPrefix(s, `"`):
		quote, closing = 1, `"`
	case strings.HasPrefix(s, "“"):
		quote, closing = len("“"), "”"
	}
	if quote > 0 {
		body := s[quote:min(len(s), quote+maxFallback)]
		end := strings.Index(body, closing)
		if end < 0 || strings.ContainsAny(body[:end], "\r\n") {
			return "", 0
		}
		return strings.TrimSpace(body[:end]), quote + end + len(closing)
	}
	for n < len(s) { // words joined by ' ’ - : "o'clock", "co-worker"
		w := letters(s[n:])
		if w == 0 {
			break
		}
		n += w
		r, size := utf8.DecodeRuneInString(s[n:])
		if !strings.ContainsRune("'’-", r) || letters(s[n+size:]) == 0 {
			break
		}
		n += size
	}
	return s[:n], n
}
