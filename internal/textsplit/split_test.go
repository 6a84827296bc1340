package textsplit

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// S10.4: a paragraph goes before a line, a line before a sentence, a sentence
// before a word, and a word is cut only if it is too long by itself.
func TestText(t *testing.T) {
	family := "👨‍👩‍👧‍👦" // one character, seven code points
	for _, c := range []struct {
		name string
		text string
		max  int
		want []string
	}{
		{"no limit", "a b c", 0, []string{"a b c"}},
		{"short", "a b c", 5, []string{"a b c"}},
		{"paragraph", "One. Two.\n\nThree. Four.", 18, []string{"One. Two.", "Three. Four."}},
		{"line", "one two\nthree four", 12, []string{"one two", "three four"}},
		{"sentence", "One two. Three four five.", 16, []string{"One two.", "Three four five."}},
		{"word", "one two three four", 9, []string{"one two", "three", "four"}},
		{"long word", "abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"no spaces", "我先结束这次对话", 5, []string{"我先结束这", "次对话"}},
		{"never inside a character", strings.Repeat(family, 3), 10, []string{family, family, family}},
		{"a letter and its marks", strings.Repeat("e\u0301", 4), 3, []string{"e\u0301", "e\u0301", "e\u0301", "e\u0301"}},
		{"flags", "🇮🇩🇲🇾🇸🇬", 3, []string{"🇮🇩", "🇲🇾", "🇸🇬"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, Text(c.text, c.max))
			checkSplit(t, c.text, c.max)
		})
	}
}

// checkSplit holds what is promised of every text: nothing is lost but white
// space between the parts, no part is empty or too long, and no character as
// people see it is cut unless it alone is longer than the limit.
func checkSplit(t *testing.T, text string, max int) {
	t.Helper()
	parts := Text(text, max)
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, s)
	}
	require.Equal(t, bare(text), bare(strings.Join(parts, "")), "nothing is lost, nothing moves")
	if max <= 0 {
		return
	}
	pos := 0
	cuts := map[int]bool{}
	for i, p := range parts {
		require.LessOrEqual(t, utf8.RuneCountInString(p), max)
		if len(parts) > 1 {
			require.NotEmpty(t, strings.TrimSpace(p))
		}
		at := strings.Index(text[pos:], p)
		require.GreaterOrEqual(t, at, 0)
		if i > 0 {
			cuts[pos+at] = true
		}
		pos += at + len(p)
		if i < len(parts)-1 {
			cuts[pos] = true
		}
	}
	start := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		cluster := g.Str()
		if utf8.RuneCountInString(cluster) <= max && strings.TrimSpace(cluster) == cluster {
			for i := 1; i < len(cluster); i++ {
				require.False(t, cuts[start+i], "%q is cut inside", cluster)
			}
		}
		start += len(cluster)
	}
}

func TestTextProperties(t *testing.T) {
	pieces := []string{"a", "Hi. ", "word ", "\n", "\n\n", "é", "e\u0301", "👨‍👩‍👧‍👦", "🇮🇩", "我", " ", "…", "\t", "ก็", "د", "।"}
	seed := uint32(1)
	next := func(n int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>16) % n
	}
	for range 2000 {
		var b strings.Builder
		for range next(60) {
			b.WriteString(pieces[next(len(pieces))])
		}
		checkSplit(t, b.String(), 1+next(30))
	}
}

func FuzzText(f *testing.F) {
	f.Add("One. Two.\n\nThree.", 6)
	f.Add(strings.Repeat("👨‍👩‍👧‍👦", 5), 8)
	f.Add("a\u0301\u0301\u0301\u0301", 2)
	f.Fuzz(func(t *testing.T, text string, max int) {
		if max < 0 || max > 1<<16 || len(text) > 1<<12 {
			return
		}
		checkSplit(t, strings.ToValidUTF8(text, ""), max)
	})
}

// A text without an end takes time in proportion to its length: each piece is
// looked at, and not all that follows it.
func TestLongTexts(t *testing.T) {
	parts := Text(strings.Repeat("word ", 1<<18), 100)
	assert.Equal(t, 1<<18, strings.Count(strings.Join(parts, " "), "word"))
	assert.Greater(t, len(parts), 1<<18/20)
	// One character as people see it, which nothing can keep whole.
	accents := "e" + strings.Repeat("\u0301", 1<<20)
	assert.Equal(t, accents, strings.Join(Text(accents, 800), ""))
}
