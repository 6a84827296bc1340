package variables

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a value fit to stand inside a line: white space of every kind
// becomes single spaces, invalid UTF-8 and NUL go, and so do control
// characters and those that are invisible or turn the direction of the text
// around them, which could hide an instruction from the people who read the
// record. The joiners that Persian, Indic scripts and emoji need stay.
//
// At most limit code points are left (0 or less: DefaultLimit); a longer value
// ends in "…", which counts.
func Clean(value string, limit int) string {
	if limit <= 0 {
		limit = DefaultLimit
	}
	if isClean(value, limit) {
		return value
	}
	var out strings.Builder
	out.Grow(min(len(value), 4*limit))
	n, cut := 0, 0 // code points written, and the bytes that limit-1 of them take
	space, last := false, rune(0)
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		i += size
		switch {
		case r == utf8.RuneError && size <= 1:
			continue
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			space = n > 0
			continue
		case joins(r):
			if space || last < 0x80 || joins(last) {
				continue
			}
		case invisible(r):
			continue
		}
		for _, r := range [2]rune{' ', r} {
			if r == ' ' && !space {
				continue
			}
			if n == limit {
				return strings.TrimRightFunc(out.String()[:cut], func(r rune) bool { return r == ' ' || joins(r) }) + "…"
			}
			out.WriteRune(r)
			if n++; n == limit-1 {
				cut = out.Len()
			}
			space, last = false, r
		}
	}
	return out.String()
}

// isClean finds the values that nearly all are: short, printable ASCII.
func isClean(s string, limit int) bool {
	if len(s) > limit {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// joins reports the invisible characters that writing needs: the joiner and
// non-joiner, and the selectors of emoji presentation.
func joins(r rune) bool { return r == 0x200C || r == 0x200D || r == 0xFE0E || r == 0xFE0F }

// invisible reports characters that are not seen, or turn what is.
func invisible(r rune) bool {
	if r < 0x7F {
		return r < ' '
	}
	switch {
	case unicode.IsControl(r),
		r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE0FFF, // selectors and tags: text hides in them
		r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFFA0, r == 0x2800,
		r >= 0xFFF0 && r <= 0xFFFB:
		return true
	case r >= 0x0600 && r <= 0x0605, r == 0x06DD, r == 0x070F, r == 0x08E2: // format characters that are seen
		return false
	}
	return unicode.Is(unicode.Cf, r)
}

// Defuse takes the sigil off whatever [Parse] would read as a variable, and
// off "{{": "$contact.email" becomes "contact.email". All else stays as it
// is, prices included. Nothing that comes out of Defuse can be expanded (S4.3,
// I22), and defusing twice changes nothing more.
func Defuse(text string) string {
	i := nextSigil(text, 0)
	if i == len(text) {
		return text
	}
	out := make([]byte, 0, len(text))
	start := 0
	for i < len(text) {
		run := i // of the same sigil
		for run < len(text) && text[run] == text[i] {
			run++
		}
		if text[i] == '$' {
			if _, _, ok := scan(text, run-1); ok {
				out = dropSigils(append(out, text[start:i]...))
				start = run
			}
		} else if v, end, ok := scan(text, run-2); ok {
			out = append(dropSigils(append(out, text[start:i]...)), v.String()...)
			start, run = end, end
		} else { // no variable; two or more braces become one
			out = append(out, text[start:i+1]...)
			start = run
		}
		i = nextSigil(text, run)
	}
	if start == 0 {
		return text
	}
	return string(append(out, text[start:]...))
}

// dropSigils takes "$" out of the end of a text as far as it could be the
// beginning of a variable that goes on behind it: in "$a$b.c", taking only the
// second would leave "$ab.c".
func dropSigils(out []byte) []byte {
	i := len(out)
	for i > 0 && nameByte(out[i-1]) && len(out)-i < 2*maxNamespace {
		i--
	}
	kept := out[:i]
	for _, c := range out[i:] {
		if c != '$' {
			kept = append(kept, c)
		}
	}
	return kept
}
