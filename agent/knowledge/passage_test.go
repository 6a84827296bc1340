package knowledge

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// S12.2: each format is cut where its reader would.
func TestPassages(t *testing.T) {
	const file = "testdata/passages.txtar"
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	out := &txtar.Archive{Comment: archive.Comment}
	inputs := map[string]bool{}
	for _, f := range archive.Files {
		if strings.HasSuffix(f.Name, ".passages") {
			continue
		}
		inputs[f.Name] = true
		format, ok := FormatOf(f.Name)
		require.True(t, ok, f.Name)
		sections, err := formats[format](context.Background(), f.Data)
		require.NoError(t, err, f.Name)
		var b strings.Builder
		for _, p := range cut(sections, 120) {
			fmt.Fprintf(&b, "[%s]\n%s\n", p.part, p.text)
		}
		out.Files = append(out.Files, f, txtar.File{Name: f.Name + ".passages", Data: []byte(b.String())})
	}
	got := txtar.Format(out)
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "if that is right, run the test with -update")
	assert.GreaterOrEqual(t, len(inputs), 8)
}

// Nothing is lost, no passage is longer than it may be, and none is cut inside
// a character.
func TestPassagesKeepAllText(t *testing.T) {
	family := "👨‍👩‍👧‍👦"
	for _, text := range []string{
		strings.Repeat("word ", 1000), strings.Repeat("没有空格的长句子。", 300), strings.Repeat(family, 200), strings.Repeat("x", 5000),
		strings.Repeat("A sentence of some words. ", 200), strings.Repeat("paragraph\n\n", 300), strings.Repeat("ภาษาไทยไม่มีช่องว่าง", 100),
	} {
		got := pieces(text, 100)
		bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
		assert.Equal(t, bare(text), bare(strings.Join(got, "")))
		for _, p := range got {
			assert.LessOrEqual(t, utf8.RuneCountInString(p), 100)
			assert.Zero(t, strings.Count(p, "👨")-strings.Count(p, family), "%q", p)
		}
	}
}

// A text is UTF-8, or says by its mark that it is UTF-16; all else would be
// stored as nonsense.
func TestEncodings(t *testing.T) {
	for text, want := range map[string]string{
		"\xef\xbb\xbfHarga\r\nsatu\rdua":  "Harga\nsatu\ndua",
		"\xff\xfeH\x00a\x00=\xd8\x42\xde": "Ha🙂",
		"\xfe\xff\x00H\x00a":              "Ha",
		"":                                "",
	} {
		got, err := decode([]byte(text))
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for text, want := range map[string]string{"caf\xe9": "not in UTF-8", "a\x00b": "not a text"} {
		_, err := decode([]byte(text))
		assert.ErrorContains(t, err, want)
	}
}

// A page says in what encoding it is.
func TestHTMLEncoding(t *testing.T) {
	sections, err := readHTML(context.Background(), []byte("<meta charset=windows-1252><p>Caf\xe9 cr\xe8me</p>"))
	require.NoError(t, err)
	require.Len(t, sections, 1)
	assert.Contains(t, sections[0].text, "Café crème")
}

// What costs a reader much is refused or costs little.
func TestHostileTexts(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		format Format
		data   string
		err    string
	}{
		"deep HTML":         {HTML, strings.Repeat("<div><b>", 1<<17) + "text", ""},
		"unclosed tags":     {HTML, strings.Repeat("<", 1<<16), ""},
		"long tag":          {HTML, "<a href=\"" + strings.Repeat("x", 5<<20), "too long"},
		"unclosed script":   {HTML, "text<script>" + strings.Repeat("<", 1<<16), ""},
		"unclosed comment":  {Markdown, strings.Repeat("<!-- ", 1<<15) + "text", ""},
		"many headings":     {Markdown, strings.Repeat("# a\nb\n", 1<<14), ""},
		"deep headings":     {Markdown, strings.Repeat("###### "+strings.Repeat("a", 1000)+"\nb\n", 100), ""},
		"one long line":     {Markdown, strings.Repeat("a", 1<<20), ""},
		"quotes":            {CSV, "a,b\n\"" + strings.Repeat("\"\"", 1<<15), ""},
		"many columns":      {CSV, strings.Repeat("a,", 1<<15) + "\n" + strings.Repeat("b,", 1<<15), ""},
		"NUL":               {CSV, "a,b\n\x00,c", "NUL"},
		"no text":           {Text, strings.Repeat("\u200b\u00ad \n", 1000), ""},
		"direction":         {Text, "a\u202eb", ""},
		"a mark and no end": {Markdown, "---\ntitle: x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			sections, err := formats[c.format](ctx, []byte(c.data))
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			for _, p := range cut(sections, 800) {
				assert.LessOrEqual(t, utf8.RuneCountInString(p.text), 800)
				assert.LessOrEqual(t, utf8.RuneCountInString(p.part), mostPart+len(", part 100000"))
			}
		})
	}
}

// A heading stands with everything under it, and the name of a column with each
// row: a small file with a long one does not become a large one, and there is
// an end to how much a file may become.
func TestWhatIsRepeatedIsBounded(t *testing.T) {
	ctx, long := context.Background(), strings.Repeat("x", 50_000)
	for format, data := range map[Format]string{
		Markdown: "# " + long + "\n" + strings.Repeat("## a\nb\n", 1000),
		HTML:     "<h1>" + long + "</h1>" + strings.Repeat("<h2>a</h2>b", 1000),
		CSV:      long + "\n" + strings.Repeat("b\n", 1000),
	} {
		sections, err := formats[format](ctx, []byte(data))
		require.NoError(t, err, format)
		bytes := 0
		for _, s := range sections {
			bytes += len(s.part) + len(s.text)
		}
		assert.Less(t, bytes, 10*len(data), format)
	}
	_, err := readCSV(ctx, []byte("a\n"+strings.Repeat("b\n", mostSections+1)))
	assert.ErrorContains(t, err, "divide it")
	_, err = readMarkdown(ctx, []byte(strings.Repeat("# a\nb\n", mostSections+1)))
	assert.ErrorContains(t, err, "divide it")
	var c collector
	for range mostText/len(long) + 1 {
		assert.NoError(t, c.err)
		c.add(section{text: long})
	}
	assert.ErrorContains(t, c.err, "names of the columns")
}

func FuzzFormats(f *testing.F) {
	for _, format := range []Format{Text, Markdown, CSV, HTML, PDF} {
		f.Add(string(format), []byte("# a\n\nb,c\n<p>d</p>"))
	}
	f.Add(string(PDF), simplePDF("Hello"))
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		read := formats[Format(format)]
		if read == nil {
			return
		}
		sections, err := read(t.Context(), data)
		if err != nil {
			return
		}
		for _, p := range cut(sections, 100) {
			if utf8.RuneCountInString(p.text) > 100 || !utf8.ValidString(p.text) || strings.TrimSpace(p.text) == "" {
				t.Fatalf("a passage of %q", p.text)
			}
		}
	})
}
