package knowledge

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/textsplit"
)

// cutVersion is part of each document's digest: when documents are cut or read
// in another way, all are put anew at their next turn.
const cutVersion = 2

// passage is a piece of a document as it is stored.
type passage struct{ part, text string }

// cut makes passages of sections, each at most max code points long.
func cut(sections []section, max int) []passage {
	var out []passage
	for _, s := range sections {
		pieces := pieces(s.text, max)
		for i, text := range pieces {
			part := clipPart(s.part)
			if len(pieces) > 1 {
				part = strings.TrimPrefix(fmt.Sprintf("%s, part %d", part, i+1), ", ")
			}
			out = append(out, passage{part, text})
		}
	}
	return out
}

// pieces cuts a text at its paragraphs, several of which share a piece while
// there is room, and a paragraph that is too long where a person would.
func pieces(text string, max int) []string {
	var out []string
	under := "" // the piece under way
	for paragraph := range strings.SplitSeq(tidy(text), "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph == "" {
			continue
		}
		switch {
		case under == "":
			under = paragraph
		case utf8.RuneCountInString(under)+2+utf8.RuneCountInString(paragraph) <= max:
			under += "\n\n" + paragraph
			continue
		default:
			out = append(out, under)
			under = paragraph
		}
		if parts := textsplit.Text(under, max); len(parts) > 1 {
			out = append(out, parts[:len(parts)-1]...)
			under = parts[len(parts)-1]
		}
	}
	if under != "" {
		out = append(out, under)
	}
	return out
}

// tidy takes out what is not text, and white space that says nothing.
func tidy(text string) string {
	lines := strings.Split(strings.ToValidUTF8(text, "\uFFFD"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(strings.Map(func(r rune) rune {
			switch {
			case r == '\t' || !unicode.IsControl(r) && r != 0xfeff:
				return r
			case r == '\f' || r == '\v':
				return ' '
			}
			return -1
		}, line), unicode.IsSpace)
	}
	return strings.Join(lines, "\n")
}

// clipPart shortens the name of a part in its middle: its end tells it from
// its neighbours.
func clipPart(s string) string {
	runes := []rune(strings.Join(strings.Fields(tidy(s)), " "))
	if len(runes) <= mostPart {
		return string(runes)
	}
	return string(runes[:mostPart/3]) + " … " + string(runes[len(runes)-mostPart*2/3+3:])
}
