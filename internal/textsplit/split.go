// Package textsplit cuts long texts where a person would.
package textsplit

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Text cuts a text into pieces of at most max code points: at a paragraph, else
// at a line, a sentence or a word, and only if a single word is too long inside
// it, between characters as people see them (S10.4). 0 means that there is no
// limit.
func Text(text string, max int) []string {
	if max <= 0 || !longer(text, max) {
		return []string{text}
	}
	var parts []string
	for longer(text, max) {
		cut := cutPoint(text, max)
		if part := strings.TrimSpace(text[:cut]); part != "" {
			parts = append(parts, part)
		}
		text = strings.TrimSpace(text[cut:])
	}
	if text != "" {
		parts = append(parts, text)
	}
	return parts
}

// longer reports whether a text has more than max code points. It looks no
// further, so that a long text is cut in linear time.
func longer(text string, max int) bool {
	n := 0
	for range text {
		if n++; n > max {
			return true
		}
	}
	return false
}

// behind is how many bytes behind the limit are looked at.
const behind = 1024

// cutPoint returns the byte offset at which a text that is longer than max
// code points is cut. It is never 0.
func cutPoint(text string, max int) int {
	head := text
	n := 0
	for i := range text {
		if n == max {
			head = text[:i]
			break
		}
		n++
	}
	// A cut in the first third would make many small messages.
	least := len(head) / 3
	for _, sep := range []string{"\n\n", "\n"} {
		if i := strings.LastIndex(head, sep); i > least {
			return i + len(sep)
		}
	}
	// More is walked than the head: a character that begins before the limit and
	// ends behind it must not be cut. Not all: one of a million accents would be
	// walked anew at each cut.
	if next := text[len(head):]; len(next) > behind {
		end := behind
		for !utf8.RuneStart(next[end]) {
			end--
		}
		text = text[:len(head)+end]
	}
	sentence, word, char := 0, 0, 0
	for pos, rest, state := 0, text, -1; rest != ""; {
		var cluster string
		var bounds int
		cluster, rest, bounds, state = uniseg.StepString(rest, state)
		if pos += len(cluster); pos > len(head) {
			break
		}
		char = pos
		if bounds&uniseg.MaskSentence != 0 {
			sentence = pos
		}
		if strings.TrimSpace(cluster) == "" {
			word = pos
		}
	}
	switch {
	case sentence > least:
		return sentence
	case word > least:
		return word
	case char > 0:
		return char
	}
	// One character longer than the limit: it cannot be kept whole.
	return len(head)
}
