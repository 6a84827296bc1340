package knowledge

import (
	_ "embed"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

//go:embed stopwords.txt
var stopwordList string

// stopwords say nothing about what a question is about.
var stopwords = func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(stopwordList) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, w := range words(line) {
			set[w] = true
		}
	}
	return set
}()

// mostWord is the longest word in code points; what is longer is cut, in the
// index as in a question.
const mostWord = 40

// words takes a text apart into what is compared: words without case and
// accents, and pairs of characters where words are not divided by spaces.
// They hold letters, marks and digits, and nothing else: no sign that the
// search engine would read as its own.
func words(text string) []string {
	w := &wordReader{}
	runes := []rune(plain(text))
	for i, r := range runes {
		switch {
		case pairwise(r):
			w.endWord()
			w.run = append(w.run, r)
		case isWordRune(r):
			w.endRun()
			w.word = append(w.word, r)
		case (r == '.' || r == ',') && i > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i-1]) && unicode.IsDigit(runes[i+1]):
			// 250.000 and 250,000 are 250000: one amount, written as people do.
		default:
			w.endWord()
			w.endRun()
		}
	}
	w.endWord()
	w.endRun()
	return w.out
}

// wordReader collects the words of a text.
type wordReader struct {
	out       []string
	word, run []rune // under way; at most one of them is not empty
}

// endWord takes a word. Of letters and digits that touch, as in Rp250000, each
// part counts too.
func (w *wordReader) endWord() {
	word := w.word
	w.word = w.word[:0]
	if len(word) == 0 {
		return
	}
	w.add(word)
	start := 0
	for i := 1; i <= len(word); i++ {
		if i < len(word) && unicode.IsDigit(word[i]) == unicode.IsDigit(word[i-1]) {
			continue
		}
		if i-start > 1 && i-start < len(word) {
			w.add(word[start:i])
		}
		start = i
	}
}

// endRun takes a run of characters that are not divided: each, so that a
// question of one character finds something, and each pair.
func (w *wordReader) endRun() {
	for i := range w.run {
		w.add(w.run[i : i+1])
		if i > 0 {
			w.add(w.run[i-1 : i+1])
		}
	}
	w.run = w.run[:0]
}

func (w *wordReader) add(word []rune) {
	w.out = append(w.out, string(word[:min(len(word), mostWord)]))
}

// plain folds case and takes accents away.
func plain(text string) string {
	text = cases.Fold().String(norm.NFKC.String(text))
	if isASCII(text) {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if isAccent(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		if letter, ok := undecomposed[r]; ok {
			return letter
		}
		return r
	}, norm.NFD.String(text))
	return norm.NFC.String(text)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// isAccent reports whether a mark may be left out in writing: those of Latin,
// Greek and Cyrillic, the vowel signs of Arabic and Hebrew. The vowels of
// Indian scripts and of Thai are letters in all but name.
func isAccent(r rune) bool {
	return r >= 0x300 && r <= 0x36f || r >= 0x591 && r <= 0x5c7 || r >= 0x64b && r <= 0x65f || r == 0x670 || r == 0x640
}

// undecomposed are letters with a stroke or without a dot, which Unicode does
// not take apart.
var undecomposed = map[rune]rune{'đ': 'd', 'ð': 'd', 'ħ': 'h', 'ı': 'i', 'ł': 'l', 'ø': 'o', 'ŧ': 't'}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// pairwise reports whether a character is of a script that puts no spaces
// between words, or of Korean, whose words grow endings.
func pairwise(r rune) bool {
	return r >= 0x0e00 && isWordRune(r) && (r == 'ー' ||
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar))
}

// isPair reports whether a word is of such a script.
func isPair(word string) bool {
	for _, r := range word {
		return pairwise(r)
	}
	return false
}

// wordsOf are the words by which a passage is found: those of its part and of
// its text.
func wordsOf(part, text string) []string { return append(words(part), words(text)...) }
