// Package fold makes texts comparable: names of a workspace, and instructions
// that are searched for the words of a vocabulary.
package fold

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Name folds a name for comparison: NFKC, full case folding, and runs of white
// space become one space. Two names are the same when their folded forms are
// equal (S5.1). strings.EqualFold alone is not enough: it does not see that a
// full-width letter is a letter.
func Name(s string) string {
	if isPlain(s) {
		return strings.Join(strings.Fields(strings.ToLower(s)), " ")
	}
	return strings.Join(strings.Fields(strict(s)), " ")
}

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// strict folds without touching white space. Folding may denormalise, so it is
// normalised once more.
func strict(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// Prefix folds the beginning of text as [Name] does, up to maxFolded bytes of
// output or the end of the line. ends[i] is the offset in text just after what
// became the folded bytes up to and including i; -1 where a folded byte is not
// the last of its character.
func Prefix(text string, maxFolded int) (folded []byte, ends []int) {
	n := min(max(maxFolded, 0), len(text)) + 8
	folded, ends = make([]byte, 0, n), make([]int, 0, n)
	for i := 0; i < len(text) && len(folded) < maxFolded; {
		n, out := segment(text[i:], strict)
		if out == "\n" {
			break
		}
		i += n
		if strings.TrimSpace(out) == "" {
			if k := len(folded); k == 0 || folded[k-1] == ' ' {
				if k > 0 {
					ends[k-1] = i
				}
				continue
			}
			out = " "
		}
		folded = append(folded, out...)
		for range len(out) - 1 {
			ends = append(ends, -1)
		}
		ends = append(ends, i)
	}
	return folded, ends
}

// segment returns the length of the first normalisation segment of s and its
// folded form.
func segment(s string, f func(string) string) (int, string) {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		c := s[0]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return 1, asciiString[c : c+1]
	}
	n := norm.NFKC.NextBoundaryInString(s, true)
	if n <= 0 {
		_, n = utf8.DecodeRuneInString(s)
	}
	return n, f(s[:n])
}

// asciiString holds every ASCII character at its own index, so that folding
// one allocates nothing.
var asciiString = func() string {
	b := make([]byte, utf8.RuneSelf)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// Shadow is a text folded for the search of vocabulary, with a map back to the
// original. Beyond what [Name] does, it drops emphasis marks (* and `),
// invisible characters and Arabic vowel signs, turns all digits into ASCII
// ones, and makes letters equal that people use for each other (dotless i,
// Russian ё, the alefs). Line ends stay, without the spaces before them.
type Shadow struct {
	// Text is the folded text.
	Text string
	off  []int32
}

// lower holds what the ASCII characters fold to that a Shadow always keeps; 0
// for all others.
var lower = func() (t [256]byte) {
	for c := byte('!'); c < utf8.RuneSelf-1; c++ {
		t[c] = c
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = c + 'a' - 'A'
	}
	t['*'], t['`'], t['_'] = 0, 0, 0
	return t
}()

// NewShadow folds text in one pass.
func NewShadow(text string) *Shadow {
	b := make([]byte, 0, len(text)+16)
	off := make([]int32, 0, len(text)+16)
	for i := 0; i < len(text); {
		// A letter of ASCII that nothing combines with folds to itself; most
		// texts hold little else.
		if ch := lower[text[i]]; ch != 0 && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
			b = append(b, ch)
			off = append(off, int32(i))
			i++
			continue
		}
		if text[i] == ' ' && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
			if k := len(b); k == 0 || b[k-1] != ' ' && b[k-1] != '\n' {
				b, off = append(b, ' '), append(off, int32(i))
			}
			i++
			continue
		}
		n, out := segment(text[i:], loose)
		switch {
		case out == "*" || out == "`":
			out = ""
		case out == "\t" || out == " ":
			out = " "
			if k := len(b); k > 0 && (b[k-1] == ' ' || b[k-1] == '\n') {
				out = ""
			}
		case out == "\n":
			if k := len(b); k > 0 && b[k-1] == ' ' {
				b, off = b[:k-1], off[:k-1]
			}
		case out == "_" && i+1 < len(text) && (text[i+1] == '_' || i > 0 && text[i-1] == '_'):
			out = ""
		}
		for range len(out) {
			off = append(off, int32(i))
		}
		b = append(b, out...)
		i += n
	}
	off = append(off, int32(len(text)))
	return &Shadow{Text: string(b), off: off}
}

// Phrase folds a phrase of a vocabulary as a Shadow folds text.
func Phrase(s string) string {
	if isFolded(s) {
		return s
	}
	if isPlain(s) {
		return phraseASCII(s)
	}
	return strings.Join(strings.Fields(NewShadow(s).Text), " ")
}

// isFolded reports whether a phrase is its own folded form: nothing but small
// letters, digits, signs and single spaces.
func isFolded(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if i == 0 || i+1 == len(s) || s[i+1] == ' ' {
				return false
			}
		case c >= utf8.RuneSelf || lower[c] != c:
			return false
		}
	}
	return true
}

// phraseASCII is Phrase for a text of ASCII, where nothing combines.
func phraseASCII(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case lower[c] != 0:
			b = append(b, lower[c])
		case c == ' ' || '\t' <= c && c <= '\r':
			if k := len(b); k > 0 && b[k-1] != ' ' {
				b = append(b, ' ')
			}
		case c == '_' && i+1 < len(s) && (s[i+1] == '_' || i > 0 && s[i-1] == '_'):
		case c == '*' || c == '`':
		default:
			b = append(b, c)
		}
	}
	if k := len(b); k > 0 && b[k-1] == ' ' {
		b = b[:k-1]
	}
	return string(b)
}

// Start returns the offset in the original of the character that the folded
// byte i belongs to.
func (s *Shadow) Start(i int) int {
	return int(s.off[min(max(i, 0), len(s.off)-1)])
}

// End returns the offset in the original just after the character that the
// folded byte before i belongs to. Marks that were dropped behind it are left
// out.
func (s *Shadow) End(text string, i int) int {
	if i <= 0 || i > len(s.off)-1 {
		return s.Start(i)
	}
	at := int(s.off[i-1])
	if at >= len(text) {
		return len(text)
	}
	n := 1
	if text[at] >= utf8.RuneSelf || at+1 < len(text) && text[at+1] >= utf8.RuneSelf {
		n = max(1, norm.NFKC.NextBoundaryInString(text[at:], true))
	}
	return at + n
}

// Index returns the first folded position whose original is at or after the
// offset.
func (s *Shadow) Index(offset int) int {
	i, _ := slices.BinarySearch(s.off, int32(offset))
	return i
}

// loose folds one segment for a Shadow.
func loose(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == len(s) {
		switch r {
		case '½', '¼', '¾':
			return s // NFKC would make 1½ an 11
		case 'İ', 'ı':
			return "i"
		}
		if unicode.Is(unicode.Han, r) || r >= 0x3040 && r <= 0x30ff {
			return norm.NFKC.String(s)
		}
	}
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		b.WriteString(looseRune(unicode.ToLower(r)))
	}
	return b.String()
}

func looseRune(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'ς':
		return "σ"
	case 'ё':
		return "е"
	case 'أ', 'إ', 'آ', 'ٱ':
		return "ا"
	case 'ى':
		return "ي"
	case 'ـ':
		return ""
	case '\u0307', '\ufe0f', '\u20e3':
		return ""
	case '‘', '’', 'ʼ', '´':
		return "'"
	case '‐', '‑', '‒':
		return "-"
	case '，', '،', '、':
		return ","
	case '؛':
		return ";"
	case '؟':
		return "?"
	}
	switch {
	case r >= 0x064b && r <= 0x0652:
		return ""
	case Invisible(r):
		return ""
	case r >= utf8.RuneSelf && unicode.IsDigit(r):
		return string(rune('0' + digit(r)))
	case unicode.IsSpace(r) && r != '\n':
		return " "
	}
	return string(r)
}

// digit gives the value of a decimal digit of any script: Unicode lays each
// script's ten out in a row that starts at a multiple of ten below its run.
func digit(r rune) int {
	n := 0
	for n < 9 && unicode.IsDigit(r-1) {
		r--
		n++
	}
	return n
}

// Invisible reports whether the rune shows nothing: zero-width characters,
// direction marks, soft hyphens. They have no place in a name.
func Invisible(r rune) bool {
	switch {
	case r == 0xad, r == 0x034f, r == 0x061c, r == 0x180e, r == 0xfeff,
		r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2069,
		r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// WordRune reports whether the rune is part of a word.
func WordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// Unspaced reports whether the rune is of a script that puts no spaces between
// words, so that anything may touch it (grammar 1).
func Unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer)
}
