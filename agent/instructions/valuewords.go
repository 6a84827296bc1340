package instructions

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// skipMarks returns the offset behind spaces and marks of emphasis.
func (c *compiler) skipMarks(at, end int) int {
	for at < end {
		r, n := utf8.DecodeRuneInString(c.text[at:end])
		if !strings.ContainsRune(" *_`:,\u00a0\n\t", r) {
			break
		}
		at += n
	}
	return at
}

// wordEnd returns the end of the word at the offset; in a script without
// spaces that of its run.
func (c *compiler) wordEnd(at, end int) int {
	i := at
	for i < end {
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		if !fold.WordRune(r) && (i == at || r != '-' && r != '\'' && r != '’') && !unicode.Is(unicode.M, r) {
			break
		}
		i += n
	}
	return i
}

func (c *compiler) skipWord(at, end int) int { return c.skipMarks(c.wordEnd(at, end), end) }

// skipWords returns the offset behind the longest phrase of one of the kinds
// that stands at the offset, and the space behind it; at: there is none.
func (c *compiler) skipWords(at, end int, kinds ...vocabulary.Kind) int {
	if at >= end {
		return at
	}
	if fold.Unspaced(first(c.text[at:end])) {
		i := at
		best := at
		for n := 0; n < 2 && i < end; n++ {
			_, size := utf8.DecodeRuneInString(c.text[i:end])
			i += size
			if c.isValueWord(c.text[at:i], kinds...) {
				best = i
			}
		}
		return c.skipMarksIf(best, at, end)
	}
	const longest = 3 // words
	best, i := at, at
	for range longest {
		to := i
		for to < end && c.text[to] != ' ' && !strings.ContainsRune(",;:()\"“”\n", rune(c.text[to])) {
			to++
		}
		if to == i && c.text[at] != '=' {
			break
		}
		if word := strings.TrimRight(c.text[at:to], "."); c.isValueWord(word, kinds...) || c.isValueWord(c.text[at:to], kinds...) {
			best = to
		}
		if to >= end || c.text[to] != ' ' {
			break
		}
		i = to + 1
	}
	return c.skipMarksIf(best, at, end)
}

func (c *compiler) skipMarksIf(best, at, end int) int {
	if best == at {
		return at
	}
	return c.skipMarks(best, end)
}

func (c *compiler) isValueWord(word string, kinds ...vocabulary.Kind) bool {
	const longest = 40
	if word == "" || len(word) > longest {
		return false
	}
	folded := fold.Phrase(word)
	return slices.ContainsFunc(kinds, func(k vocabulary.Kind) bool { return c.vocab.ValueWord(folded, k) })
}

// tokenAt reports whether a token of one of the kinds begins at the offset.
func (c *compiler) tokenAt(at int, kinds ...vocabulary.Kind) bool {
	k, ok := slices.BinarySearchFunc(c.tokens, at, func(t token, o int) int { return t.start - o })
	return ok && c.tokens[k].any(kinds...)
}

// tokenEnd is where the token at the offset ends.
func (c *compiler) tokenEnd(at int) int {
	k, ok := slices.BinarySearchFunc(c.tokens, at, func(t token, o int) int { return t.start - o })
	if !ok {
		return at
	}
	return c.tokens[k].end
}
