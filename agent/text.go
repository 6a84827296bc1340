package agent

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
	"github.com/seed-a71cb1d8/frontdesk/internal/textsplit"
)

// cleanText makes a text fit to be stored and sent: valid UTF-8, no NUL, no
// control characters but line breaks and tabs, no characters that turn the
// direction of what follows, at most max code points, no white space around
// it. PostgreSQL refuses some of these, and a row that cannot be written is
// poison.
func cleanText(s string, max int) string {
	if isClean(s) && len(s) <= max || switches.Off(switches.Clean) {
		return trimText(s)
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		if r == '\r' {
			return '\n'
		}
		if harmful(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > max { // bytes are an upper bound for code points
		n := 0
		for i := range s {
			if n == max {
				s = s[:i]
				break
			}
			n++
		}
	}
	return trimText(s)
}

// trimText takes away the white space around a text; one of nothing but
// invisible characters is empty.
func trimText(s string) string {
	s = strings.TrimSpace(s)
	for _, r := range s {
		if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
			return s
		}
	}
	return ""
}

func isClean(s string) bool {
	for _, r := range s {
		if r == '\r' || r == utf8.RuneError || harmful(r) {
			return false
		}
	}
	return true
}

// harmful characters are never stored or sent: controls, and the marks that
// override the direction of the text after them.
func harmful(r rune) bool {
	if r < 0x20 {
		return r != '\n' && r != '\t' && r != '\r'
	}
	if r < 0x7f {
		return false
	}
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF
}

// invisible reports whether there is nothing in a text that a person would
// see: zero-width characters count as nothing.
func invisible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Mn, r)
	}) < 0
}

// clip shortens a text for a message to people.
func clip(s string, max int) string {
	s = strings.Join(strings.Fields(cleanText(s, max+1)), " ")
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max-1]) + "…"
}

// clipBytes cuts a text to at most max bytes, between characters.
func clipBytes(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// splitText cuts a text into pieces that a channel takes (S10.4). 0 means that
// there is no limit.
func splitText(text string, max int) []string {
	if switches.Off(switches.Split) {
		return []string{text}
	}
	return textsplit.Text(text, max)
}
