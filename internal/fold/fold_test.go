package fold_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// Names are equal by NFKC and full case folding. S5.1.
func TestName(t *testing.T) {
	for a, b := range map[string]string{
		"Sales Team": "  SALES \t team ", "STRASSE": "straße", "Ｓales": "sales", "ﬁ": "FI", "É": "e\u0301", "ΣΑΣ": "σας",
	} {
		assert.Equal(t, fold.Name(a), fold.Name(b), "%q and %q", a, b)
	}
	for a, b := range map[string]string{"Sales": "Saᴌes", "a": "а" /* Cyrillic */, "x": "x\u200b"} {
		assert.NotEqual(t, fold.Name(a), fold.Name(b), "%q and %q", a, b)
	}
}

func TestPhrase(t *testing.T) {
	for in, want := range map[string]string{
		"**Close**  `conversation`": "close conversation",
		"TAKİP":                     "takip",
		"SINIRLAR":                  "sinirlar",
		"sınırlar":                  "sinirlar",
		"Ещё":                       "еще",
		"أغلق المحادثة":             "اغلق المحادثة",
		"رحّب":                      "رحب",
		"٦ ساعات":                   "6 ساعات",
		"１００":                       "100",
		"don’t":                     "don't",
		"1½ h":                      "1½ h",
		"a\u200bb":                  "ab",
		"预算＜1，2":                    "预算<1,2",
		"__x__ y_z":                 "x y_z",
	} {
		assert.Equal(t, want, fold.Phrase(in), in)
	}
}

// Every folded byte maps to the character it came from.
func TestShadowOffsets(t *testing.T) {
	text := "**É１**  ﬁn\n½ e\u0301x"
	s := fold.NewShadow(text)
	assert.Equal(t, "é1 fin\n½ éx", s.Text)
	i := strings.Index(s.Text, "fin")
	assert.Equal(t, strings.Index(text, "ﬁ"), s.Start(i))
	assert.Equal(t, strings.Index(text, "ﬁ")+len("ﬁn"), s.End(text, i+3))
	i = strings.Index(s.Text, "1")
	assert.Equal(t, "１", text[s.Start(i):s.End(text, i+1)], "the marks behind are left out")
	assert.Equal(t, i, s.Index(s.Start(i)))
	assert.Equal(t, len(text), s.Start(len(s.Text)))
}

func TestPrefix(t *testing.T) {
	folded, ends := fold.Prefix("É  b\nc", 100)
	assert.Equal(t, "é b", string(folded))
	assert.Equal(t, []int{-1, 2, 4, 5}, ends)
	folded, _ = fold.Prefix("abcdef", 2)
	assert.Equal(t, "ab", string(folded))
}

// The short ways of Phrase fold as the long one does.
func TestPhraseShortWays(t *testing.T) {
	for _, text := range []string{"", " ", "a", "A  b\t\vC ", "__x__ y_z _", "**B** `c`*", "a * b", "Team\nSales", "\x7f\x01", "Équipe  VENTES", "1️⃣ ½", "a_ _b"} {
		assert.Equal(t, strings.Join(strings.Fields(fold.NewShadow(text).Text), " "), fold.Phrase(text), "%q", text)
	}
}

func TestRunes(t *testing.T) {
	assert.True(t, fold.WordRune('é') && fold.WordRune('_') && fold.WordRune('7') && !fold.WordRune('-'))
	assert.True(t, fold.Unspaced('团') && fold.Unspaced('ก') && fold.Unspaced('한') && !fold.Unspaced('a'))
	assert.True(t, fold.Invisible('\u200b') && fold.Invisible('\u202e') && !fold.Invisible(' '))
}

func FuzzShadow(f *testing.F) {
	f.Add("ﬁ É\u0301 \xff１½")
	f.Fuzz(func(t *testing.T, text string) {
		s := fold.NewShadow(text)
		require.Equal(t, strings.Join(strings.Fields(s.Text), " "), fold.Phrase(text))
		last := 0
		for i := 0; i <= len(s.Text); i++ {
			start := s.Start(i)
			require.GreaterOrEqual(t, start, last)
			require.LessOrEqual(t, start, len(text))
			require.LessOrEqual(t, s.End(text, i), len(text))
			last = start
		}
		if utf8.ValidString(text) {
			require.True(t, utf8.ValidString(s.Text))
			require.Equal(t, fold.Name(text), fold.Name(fold.Name(text)))
		}
	})
}
