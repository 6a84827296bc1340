package vocabulary_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// A language is a file and nothing else. S2.2.
func TestMadeUpLanguage(t *testing.T) {
	v, err := vocabulary.Load(fstest.MapFS{"xx.json": {Data: []byte(`{
		"language": "xx",
		"headings": {"flow": ["Zuv"], "context": ["Ik (ma|mo)"]},
		"terms": {"close_conversation": ["plo(k|g) nar*"], "silence": ["zin … fo"]},
		"units": {"minute": ["tik"]}, "numbers": {"2": ["du"]}, "durations": {"30m": ["tik pol"]}, "times": {"3": ["tris"]},
		"fields": {"email": ["pošta"]}, "typos": {"plk": "plok"}, "values": {"copula": ["je(st|)"]},
		"canonical": {"close_conversation": "Plok Nar"}, "closing_message": "Adi."
	}`)}})
	require.NoError(t, err)
	assert.Equal(t, []string{"xx"}, v.Languages())
	kind, ok := v.Heading("ik mo")
	assert.True(t, ok)
	assert.Equal(t, "context", kind)
	assert.Equal(t, "Plok Nar", v.Canonical("xx", "close_conversation"))
	assert.Equal(t, "Adi.", v.ClosingMessage("xx"))

	assert.True(t, v.ValueWord("jest", vocabulary.Copula))
	assert.False(t, v.ValueWord("jest", vocabulary.Between))

	text := "zin ami fo, plog narami du tik, tik pol tris pošta plk"
	var got []string
	for _, tok := range v.Scan(text) {
		m := tok.Meanings[0]
		got = append(got, text[tok.Start:tok.End]+"="+string(m.Kind)+" "+m.Value)
	}
	assert.Equal(t, []string{
		"zin=silence ", "plog narami=close_conversation ", "du=number 2", "tik=unit minute", "tik pol=duration 30m", "tris=times 3", "pošta=field email", "plk=typo plok",
	}, got)
	assert.Empty(t, v.Scan("zin ami, fo xplok nar"), "the gap ends with the clause, a word begins at its start")
}

// Every fault of every file is reported at once.
func TestLoadFaults(t *testing.T) {
	_, err := vocabulary.Load(fstest.MapFS{
		"a.json": {Data: []byte(`{"language": "a", "units": {"fortnight": ["x"]}, "numbers": {"two": ["y"]}, "durations": {"soon": ["z"]}, "values": {"verb": ["z"]}}`)},
		"b.json": {Data: []byte(`{"unknown": 1}`)},
		"c.json": {Data: []byte(`{}`)},
		"d.json": {Data: []byte(`{`)},
	})
	require.Error(t, err)
	for _, want := range []string{"a.json", "fortnight", "two", "soon", "verb", "b.json", "unknown", "c.json", "no language", "d.json"} {
		assert.Contains(t, err.Error(), want)
	}
}

// The built-in files are sound, and none lacks what compiling needs.
func TestBuiltIn(t *testing.T) {
	v, err := vocabulary.Load(os.DirFS("."))
	require.NoError(t, err)
	files, err := filepath.Glob("*.json")
	require.NoError(t, err)
	assert.Equal(t, len(files), len(v.Languages()))
	assert.Subset(t, v.Languages(), []string{"en", "id", "es", "pt", "fr", "de", "it", "ru", "zh", "ar", "tr", "vi", "ms"})
	assert.Equal(t, v.Languages(), vocabulary.Default().Languages())
	for _, l := range v.Languages() {
		assert.NotEmpty(t, v.ClosingMessage(l), l)
		for _, a := range []vocabulary.Kind{"assign", "close_conversation", "update_field", "update_stage"} {
			assert.NotEmpty(t, v.Canonical(l, a), l)
			if l != "en" {
				assert.NotEqual(t, v.Canonical("en", a), v.Canonical(l, a), "%s %s", l, a)
			}
		}
	}
	assert.Equal(t, v.ClosingMessage("en"), v.ClosingMessage("nowhere"))
	assert.Equal(t, v.Canonical("en", "assign"), v.Canonical("nowhere", "assign"))
}

// Words are found in scripts without spaces and behind glued particles.
func TestScanScripts(t *testing.T) {
	v := vocabulary.Default()
	for text, want := range map[string]vocabulary.Kind{
		"再过12小时仍无回复":     "silence",
		"请关闭对话":          "close_conversation",
		"واغلق المحادثة": "close_conversation",
		"30min":          vocabulary.Unit,
		"1h30":           vocabulary.Unit,
	} {
		found := false
		for _, tok := range v.Scan(text) {
			found = found || tok.Is(want)
		}
		assert.True(t, found, "%s in %s", want, text)
	}
}

// Words that build a meaning in have it by how they end.
func TestEndings(t *testing.T) {
	v := vocabulary.Default()
	text := fold.Phrase("müşteri insan isterse, kısa kasa; ödemek istemiyorsa veya hazırsanız")
	var got []string
	for _, tok := range v.Ended(text, "tr", v.Scan(text)) {
		if tok.Is("if") {
			got = append(got, text[tok.Start:tok.End])
		}
	}
	assert.Equal(t, []string{"isterse", "istemiyorsa", fold.Phrase("hazırsanız")}, got)
	assert.Equal(t, v.Scan(text), v.Ended(text, "en", v.Scan(text)))
}

// A word behind a number counts in the text's own language, else where all agree.
func TestMagnitude(t *testing.T) {
	v := vocabulary.Default()
	for _, tt := range []struct {
		word, language string
		value          float64
		known, certain bool
	}{
		{"k", "en", 1e3, true, true}, {"k", "", 1e3, true, true}, {"juta", "en", 1e6, true, true}, {"jt", "id", 1e6, true, true},
		{"m", "en", 1e6, true, true}, {"m", "id", 1e9, true, true}, {"m", "ms", 0, true, false}, {"mil", "es", 1e3, true, true}, {"mil", "en", 1e6, true, true},
		{"万", "zh", 1e4, true, true}, {"rooms", "en", 0, false, false},
	} {
		value, known, certain := v.Magnitude(tt.word, tt.language)
		assert.Equal(t, []bool{tt.known, tt.certain}, []bool{known, certain}, "%s in %q", tt.word, tt.language)
		if certain {
			assert.InDelta(t, tt.value, value, 0, "%s in %q", tt.word, tt.language)
		}
	}
	_, err := vocabulary.Load(fstest.MapFS{"a.json": {Data: []byte(`{"language": "a", "magnitudes": {"many": ["x"]}}`)}})
	assert.ErrorContains(t, err, "many")
}

func FuzzScan(f *testing.F) {
	f.Add("if they don't reply after 2 hours, close the conversation")
	f.Add("再过12小时仍无回复")
	v := vocabulary.Default()
	f.Fuzz(func(t *testing.T, text string) {
		last := -1
		for _, tok := range v.Scan(text) {
			require.True(t, last < tok.End && 0 <= tok.Start && tok.Start < tok.End && tok.End <= len(text))
			require.NotEmpty(t, tok.Meanings)
			require.False(t, strings.Contains(text[tok.Start:tok.End], "\n"))
			last = tok.End
		}
	})
}

// TestAsides: words that matter only between two phrases are no phrases of a
// text; where they are asked for, one that is a phrase too is one token.
func TestAsides(t *testing.T) {
	v, err := vocabulary.Load(fstest.MapFS{"xx.json": {Data: []byte(`{"language": "xx", "terms": {"if": ["should they", "should"]}, "asides": {"auxiliary": ["should", "be"]}}`)}})
	require.NoError(t, err)
	assert.Len(t, v.Scan("should be"), 1)
	all := v.ScanAll("should be")
	require.Len(t, all, 2)
	assert.True(t, all[0].Is("if") && all[0].Is("auxiliary"))
	assert.True(t, all[1].Is("auxiliary"))
	all = v.ScanAll("should they be")
	require.Len(t, all, 3)
	assert.Equal(t, []int{0, 0, 12}, []int{all[0].Start, all[1].Start, all[2].Start})
	assert.True(t, all[0].Is("if") && all[1].Is("auxiliary"), "the longer first")
	assert.True(t, v.IsAside("should", "auxiliary", "") && v.IsAside("should", "auxiliary", "xx"))
	assert.False(t, v.IsAside("should", "auxiliary", "yy"))
	assert.False(t, v.IsAside("should be", "auxiliary", "") || v.IsAside("should", "if", "") || v.IsAside("", "if", ""), "whole, an aside, and something")
}
