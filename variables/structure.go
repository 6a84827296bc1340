package variables

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// edge is how a text leaves the line that it ends in.
type edge struct {
	line  bool // a line begins in it
	blank bool // since then only white space and list markers
}

func edgeOf(text string) edge {
	i := strings.LastIndexAny(text, "\n\r")
	return edge{i >= 0, strings.IndexFunc(text[i+1:], func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.IsNumber(r) && !strings.ContainsRune("-*+>#•·●▪‣◦–—.)、．）", r)
	}) < 0}
}

// structural reports whether a value at the start of a line reads as Markdown
// structure, or as a label in front of a text ("System: …"). next is what the
// template has behind it.
func structural(value string, next *part) bool {
	first, size := utf8.DecodeRuneInString(value)
	switch {
	case strings.ContainsRune("#-*>=[<`~|•·●▪‣◦–—【＃＊＞", first):
		return true
	case first == '+': // +62 is a phone number, "+ x" a list
		return len(value) == size || value[size] == ' '
	case unicode.Is(unicode.No, first): // ①
		return true
	case unicode.IsDigit(first):
		rest := strings.TrimLeftFunc(value, unicode.IsDigit)
		if rest == "" {
			if next.text == "" && next.slot >= 0 {
				return true // another value, which may bring the full stop
			}
			rest = next.text
		}
		mark, n := utf8.DecodeRuneInString(rest)
		after, _ := utf8.DecodeRuneInString(rest[n:])
		return strings.ContainsRune(".)、．）", mark) && !unicode.IsDigit(after)
	}
	label := strings.IndexAny(value, ":：")
	return label > 0 && label <= 60 && strings.IndexFunc(value[:label], func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != ' '
	}) < 0
}

// word returns the length of the part of a name that s begins with.
func word(s string) int {
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if !nameRune(r) || i > 0 && unspaced(r) && !unspacedStart(s) {
			return i
		}
		i += size
	}
	return len(s)
}

func nameRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}

func unspacedStart(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unspaced(r)
}

// unspaced reports letters of scripts that put no space between words: a name
// in another script ends where they begin ("$contact.firstname様").
func unspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// letters returns the length of the letters, digits, marks and underscores
// that s begins with.
func letters(s string) int {
	if n := strings.IndexFunc(s, func(r rune) bool { return !nameRune(r) }); n >= 0 {
		return n
	}
	return len(s)
}

// isBracedName reports whether all of s can be the name in braces.
func isBracedName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !nameRune(r) && r != ' ' && r != '-' && r != '.'
	}) < 0
}
