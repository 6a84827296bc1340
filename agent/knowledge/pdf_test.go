package knowledge

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pdfFile writes a PDF of objects, the first of which is the catalogue.
func pdfFile(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// packed is a stream, compressed.
func packed(content string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(content))
	_ = w.Close() // neither fails in memory
	return fmt.Sprintf("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", b.Len(), b.String())
}

const (
	pdfCatalogue = "<< /Type /Catalog /Pages 2 0 R >>"
	pdfPages     = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
	pdfPage      = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
	pdfHelvetica = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
)

// simplePDF is a page with a text.
func simplePDF(text string) []byte {
	return pdfFile(pdfCatalogue, pdfPages, pdfPage, packed("BT /F1 12 Tf 72 700 Td ("+text+") Tj ET"), pdfHelvetica)
}

// S12.2: words and lines are told apart by where they stand, and letters by
// the tables of their fonts.
func TestPDF(t *testing.T) {
	for name, c := range map[string]struct {
		content, font string
		more          []string
		want          string
	}{
		"lines":     {"BT /F1 12 Tf 72 700 Td (Returns take) Tj 0 -14 Td (thirty days.) Tj ET", pdfHelvetica, nil, "Returns take\nthirty days."},
		"words":     {"BT /F1 12 Tf [(Re) 20 (turns) -300 (take) -30 (n)] TJ 50 0 Td (back) Tj ET", pdfHelvetica, nil, "Returns taken back"},
		"matrix":    {"BT /F1 12 Tf 1 0 0 1 72 700 Tm (a) Tj 1 0 0 1 90 700 Tm (b) Tj 1 0 0 1 72 680 Tm (c) Tj ET", pdfHelvetica, nil, "a b\nc"},
		"operators": {"BT /F1 12 Tf 14 TL (a) Tj T* (b) Tj (c) ' 1 2 (d) \" ET BT (e) Tj ET", pdfHelvetica, nil, "a\nb\nc\nd\ne"},
		"apart":     {"BT /F1 10 Tf 0 0 Td (G) Tj 7.8 0 Td (o) Tj 5.2 0 Td (in) Tj 20 0 Td (g) Tj ET", strings.Replace(pdfHelvetica, ">>", "/FirstChar 71 /Widths [780] >>", 1), nil, "Goin g"},
		"graphics":  {"q 1 0 0 1 0 500 cm BT /F1 10 Tf (a) Tj ET Q q 1 0 0 1 0 400 cm BT /F1 10 Tf (b) Tj ET Q", pdfHelvetica, nil, "a\nb"},
		"picture":   {"BT /F1 10 Tf (a) Tj ET BI /W 1 /H 1 ID \x00<(\xff[ EI BT /F1 10 Tf 20 0 Td (b) Tj ET", pdfHelvetica, nil, "a b"},
		"signs":     {"BT /F1 10 Tf (1 < 2) Tj ET % <", pdfHelvetica, nil, "1 < 2"},
		"no end":    {"BT /F1 10 Tf (a) Tj <414", pdfHelvetica, nil, "a"},
		"hex":       {"BT /F#31 10 Tf <4 14\n2> Tj <4> Tj ET", pdfHelvetica, nil, "AB@"},
		"escapes":   {"BT /F1 10 Tf (a\\\nb\\)\\(\\\\\\053 (c)) Tj ET", pdfHelvetica, nil, "ab)(\\+ (c)"},
		"WinAnsi":   {"BT /F1 12 Tf (caf\\351 \\(\\200 5\\)) Tj ET", pdfHelvetica, nil, "café (€ 5)"},
		"table": {"BT /F1 12 Tf <00010002> Tj ET", "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 6 0 R >>",
			[]string{packed("1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <65E5> <0002> <672C> endbfchar")}, "日本"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := append([]string{pdfCatalogue, pdfPages, pdfPage, packed(c.content), c.font}, c.more...)
			got, err := readPDF(context.Background(), pdfFile(objects...))
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Equal(t, "page 1", got[0].part)
			assert.Equal(t, c.want, strings.TrimSpace(got[0].text))
		})
	}
}

// A file that was made to do harm, or is broken, is an error that says what is
// wrong, and soon.
func TestHostilePDF(t *testing.T) {
	bomb := packed(strings.Repeat("BT (x) Tj ET ", 2<<20))
	cmap := func(text string) []byte {
		return pdfFile(pdfCatalogue, pdfPages, pdfPage, packed("BT /F1 12 Tf (a) Tj ET"),
			"<< /Type /Font /Encoding /Identity-H /ToUnicode 6 0 R >>", packed(text))
	}
	good := simplePDF("Hello")
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                 {nil, "cannot be read as PDF"},
		"another file":          {[]byte("PK\x03\x04"), "cannot be read as PDF"},
		"cut":                   {good[:len(good)/2], "cannot be read as PDF"},
		"pages in a circle":     {pdfFile(pdfCatalogue, "<< /Type /Pages /Kids [2 0 R] /Count 3 >>"), "without end"},
		"parents in a circle":   {pdfFile(pdfCatalogue, pdfPages, "<< /Type /Page /Parent 3 0 R /Contents 4 0 R >>", packed("BT /F1 12 Tf (a) Tj ET")), "without end"},
		"tables in a circle":    {bytes.Replace(good, []byte("/Root"), []byte("/Prev 300 /Root"), 1), "cannot be read as PDF"},
		"unpacks without end":   {pdfFile(pdfCatalogue, pdfPages, pdfPage, bomb, pdfHelvetica), "too much in it"},
		"a table without end":   {cmap("1 beginbfchar <00"), "no end"},
		"a table of billions":   {cmap("4000000000 beginbfchar <00> <00> endbfchar"), "claims 4000000000"},
		"billions of objects":   {bytes.Replace(good, []byte("xref\n0 6"), []byte("xref\n4000000000 6"), 1), "claims 4000000000"},
		"a size of billions":    {bytes.Replace(good, []byte("/Size 6"), []byte("/Size 4000000000"), 1), "claims 4000000000"},
		"billions of pages":     {pdfFile(pdfCatalogue, "<< /Type /Pages /Kids [] /Count 1000000 >>"), "1000000 pages"},
		"deep arrays":           {pdfFile(pdfCatalogue, strings.Repeat("[", 1<<20)), "cannot be read as PDF"},
		"an unknown filter":     {pdfFile(pdfCatalogue, pdfPages, pdfPage, "<< /Length 3 /Filter /Nope >>\nstream\nabc\nendstream", pdfHelvetica), "page 1: it cannot be read"},
		"a broken stream":       {pdfFile(pdfCatalogue, pdfPages, pdfPage, "<< /Length 3 /Filter /FlateDecode >>\nstream\nabc\nendstream", pdfHelvetica), "page 1"},
		"a length that is long": {pdfFile(pdfCatalogue, pdfPages, pdfPage, "<< /Length 999999999999 >>\nstream\nBT (a\nendstream", pdfHelvetica), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readPDF(context.Background(), c.data)
			if c.want == "" {
				return // whatever it gives, it came back
			}
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := readPDF(ctx, good)
	assert.ErrorIs(t, err, context.Canceled)
}

// Many programs write all pages of a file in one list: a long one is read, and
// each page once. Lists inside lists keep their order.
func TestPagesOfPDF(t *testing.T) {
	const n = 600
	objects := []string{pdfCatalogue, "", pdfHelvetica}
	kids := ""
	for i := range n {
		at := len(objects) + 1
		objects = append(objects, fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>", at+1),
			packed(fmt.Sprintf("BT /F1 12 Tf (number %d) Tj ET", i)))
		if i == 1 { // the second stands in a list of its own
			objects = append(objects, fmt.Sprintf("<< /Type /Pages /Kids [%d 0 R] /Count 1 >>", at))
			at += 2
		}
		kids += fmt.Sprintf("%d 0 R ", at)
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids, n)
	got, err := readPDF(context.Background(), pdfFile(objects...))
	require.NoError(t, err)
	require.Len(t, got, n)
	for i, s := range got {
		assert.Equal(t, section{fmt.Sprintf("page %d", i+1), fmt.Sprintf("number %d", i)}, section{s.part, strings.TrimSpace(s.text)})
	}
}

// A file that is changed anywhere is read or refused: nothing panics or hangs.
func TestDamagedPDF(t *testing.T) {
	good := simplePDF("Hello")
	for i := range good {
		for _, c := range []byte{0, '<', '(', '9', 0xff} {
			data := bytes.Clone(good)
			data[i] = c
			_, _ = readPDF(context.Background(), data) // either is right
		}
	}
	got, err := readPDF(context.Background(), good)
	require.NoError(t, err)
	assert.Equal(t, "Hello", strings.TrimSpace(got[0].text))
}
