package knowledge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/ledongthuc/pdf"
)

// What a PDF may cost. The parser trusts a file in places: these bounds are
// held around it.
const (
	mostPages    = 5_000
	mostContent  = 16 << 20  // bytes of a page's drawing, unpacked
	mostUnpacked = 256 << 20 // bytes of all that is unpacked
	mostMap      = 4 << 20   // bytes of a font's table of characters
	mostObjects  = 1 << 20   // objects, in the tables of the file
	mostPageText = 1 << 20   // bytes of a page's text
	// mostPageReads is how many bytes of the file each page may read besides,
	// however small it is.
	mostPageReads = 256 << 10
)

// readPDF takes the text of each page. Pages that are pictures have none.
func readPDF(ctx context.Context, data []byte) (out []section, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The parser panics over what it cannot read.
			out, err = nil, pdfError(ctx, p)
		}
	}()
	if err := checkTables(data); err != nil {
		return nil, err
	}
	if data, err = whole(data); err != nil {
		return nil, err
	}
	file := &meteredFile{ctx: ctx, data: data, left: 64*int64(len(data)) + 16<<20}
	r, err := pdf.NewReader(file, int64(len(data)))
	if errors.Is(err, pdf.ErrInvalidPassword) {
		return nil, errors.New("it is encrypted: save it without a password")
	}
	if err != nil {
		return nil, pdfError(ctx, err)
	}
	pages, err := pagesOf(r)
	if err != nil {
		return nil, err
	}
	file.left += mostPageReads * int64(len(pages))
	p := &pdfReader{ctx: ctx, left: mostUnpacked, fonts: map[string]*pdfFont{}}
	for i, page := range pages {
		text, err := p.text(page)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", i+1, err)
		}
		out = append(out, section{part: fmt.Sprintf("page %d", i+1), text: text})
	}
	return out, nil
}

// pagesOf finds the pages. The library's own look-up begins anew for each of
// them, and many programs write all pages of a file in one list.
func pagesOf(r *pdf.Reader) (out []pdf.Page, err error) {
	tooMany := func(n int) error {
		return fmt.Errorf("it has %d pages: divide it into files of at most %d", n, mostPages)
	}
	if n := r.NumPage(); n < 0 || n > mostPages {
		return nil, tooMany(n)
	}
	open := []pdf.Value{r.Trailer().Key("Root").Key("Pages")}
	for nodes := 0; len(open) > 0; nodes++ {
		if nodes > 4*mostPages {
			return nil, pdfError(context.Background(), "its pages are listed without end")
		}
		node := open[len(open)-1]
		open = open[:len(open)-1]
		switch node.Key("Type").Name() {
		case "Page":
			if out = append(out, pdf.Page{V: node}); len(out) > mostPages {
				return nil, tooMany(len(out))
			}
		case "Pages":
			kids := node.Key("Kids")
			n := kids.Len()
			if n > 4*mostPages {
				return nil, tooMany(n)
			}
			for i := range n { // the first is taken first
				open = append(open, kids.Index(n-1-i))
			}
			if len(open) > 8*mostPages {
				return nil, tooMany(len(open))
			}
		}
	}
	return out, nil
}

// pdfError says what is wrong with a file, or that somebody does not want to
// wait for it any more.
func pdfError(ctx context.Context, reason any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text := fmt.Sprint(reason)
	if len(text) > 200 {
		text = text[:200]
	}
	return fmt.Errorf("it cannot be read as PDF: %s: save it anew with another program", strings.ToValidUTF8(text, "?"))
}

// whole makes a file begin and end as the parser wants it: without what mail
// programs and web servers put before it or behind it, and with a version that
// it knows. Later ones read alike.
func whole(data []byte) ([]byte, error) {
	const head, tail = "%PDF-", "%%EOF"
	start, end := bytes.Index(data[:min(len(data), 1024)], []byte(head)), bytes.LastIndex(data, []byte(tail))
	if start < 0 || end < start+len("%PDF-1.7\n") {
		return nil, errors.New("it cannot be read as PDF: its beginning or its end is missing")
	}
	data = bytes.Clone(data[start : end+len(tail)])
	copy(data, "%PDF-1.7\n")
	return data, nil
}

var (
	sizes     = regexp.MustCompile(`/(?:Size|Index|W|Columns|Colors|BitsPerComponent|N|First|Count)\b[\s\[]*([\d\s]*)`)
	tables    = regexp.MustCompile(`\bxref\b([\s\dnf]*)`)
	tableHead = regexp.MustCompile(`(\d+)\s+(\d+)\s*[\r\n]`)
)

// checkTables refuses a file that announces more objects, or wider rows, than
// any real one has: the parser makes room for them before it looks.
func checkTables(data []byte) error {
	for _, m := range sizes.FindAllSubmatch(data, -1) {
		if err := checkNumbers(m[1]); err != nil {
			return err
		}
	}
	for _, m := range tables.FindAllSubmatch(data, -1) {
		for _, head := range tableHead.FindAllSubmatch(m[1], -1) {
			if err := checkNumbers(head[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkNumbers(text []byte) error {
	for _, f := range bytes.Fields(text) {
		if n, err := strconv.Atoi(string(f)); err != nil || n > mostObjects {
			return fmt.Errorf("it cannot be read as PDF: a table of it claims %s entries, at most %d are read", f, mostObjects)
		}
	}
	return nil
}

// meteredFile is a file of which only so much is read: a parser that goes
// round in circles reads the same again and again.
type meteredFile struct {
	ctx  context.Context
	data []byte
	left int64
}

func (f *meteredFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		panic(err) // the parser takes some errors for the end of the file, and goes on
	}
	// Each read counts for something, so that one of nothing has an end too.
	if f.left -= int64(len(p)) + 16; f.left < 0 {
		panic(errors.New("it refers to itself without end"))
	}
	if off < 0 || off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// pdfReader reads the pages of a file.
type pdfReader struct {
	ctx   context.Context
	left  int64               // bytes that may still be unpacked
	fonts map[string]*pdfFont // by their description: pages share them
}

// text reads a page.
func (p *pdfReader) text(page pdf.Page) (text string, err error) {
	defer func() {
		if v := recover(); v != nil {
			text, err = "", pdfError(p.ctx, v)
		}
	}()
	if err := p.ctx.Err(); err != nil {
		return "", err
	}
	contents := page.V.Key("Contents")
	if page.V.IsNull() || contents.IsNull() {
		return "", nil
	}
	streams := []pdf.Value{contents}
	if contents.Kind() == pdf.Array {
		streams = streams[:0]
		for i := range contents.Len() {
			streams = append(streams, contents.Index(i))
		}
	}
	var data []byte // a string of a page ends where its stream does, a line does not
	for _, s := range streams {
		part, err := p.unpack(s, mostContent-len(data))
		if err != nil {
			return "", err
		}
		data = append(append(data, part...), '\n')
	}
	known := map[string]*pdfFont{}
	t := &pdfText{ctx: p.ctx, fonts: func(name string) (f *pdfFont, err error) {
		f, ok := known[name]
		if !ok {
			f, err = p.font(page, name)
			known[name] = f
		}
		return f, err
	}}
	err = t.write(data)
	return t.text.String(), err
}

// unpack reads a stream.
func (p *pdfReader) unpack(stream pdf.Value, most int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(stream.Reader(), int64(most)+1))
	if err != nil {
		return nil, err
	}
	if p.left -= int64(len(data)); len(data) > most || p.left < 0 {
		return nil, errors.New("there is too much in it: save it anew with another program")
	}
	return data, nil
}

// font reads a font of a page.
func (p *pdfReader) font(page pdf.Page, name string) (*pdfFont, error) {
	font := page.Font(name)
	id := font.V.String()
	if f := p.fonts[id]; f != nil {
		return f, nil
	}
	if table := font.V.Key("ToUnicode"); table.Kind() == pdf.Stream {
		data, err := p.unpack(table, mostMap)
		if err == nil {
			err = checkMap(data)
		}
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
	}
	f := &pdfFont{encoding: font.Encoder(), fallback: 500, widths: map[int]float64{}}
	if font.V.Key("Subtype").Name() == "Type0" {
		f.wide, f.fallback = true, 1000
		f.readWide(font.V.Key("DescendantFonts").Index(0))
	} else {
		first, widths := font.FirstChar(), font.V.Key("Widths")
		for i := range min(widths.Len(), 256) {
			f.widths[first+i] = widths.Index(i).Float64()
		}
	}
	p.fonts[id] = f
	return f, nil
}

// readWide reads the widths of a font of many letters: runs of codes, each
// with a width of its own, or one for all of them.
func (f *pdfFont) readWide(font pdf.Value) {
	if w := font.Key("DW"); !w.IsNull() {
		f.fallback = w.Float64()
	}
	runs := font.Key("W")
	for i := 0; i+1 < runs.Len() && len(f.widths) < 1<<16; {
		from := int(runs.Index(i).Int64())
		if list := runs.Index(i + 1); list.Kind() == pdf.Array {
			for k := range min(list.Len(), 1<<16) {
				f.widths[from+k] = list.Index(k).Float64()
			}
			i += 2
			continue
		}
		to, width := int(runs.Index(i+1).Int64()), runs.Index(i+2).Float64()
		for code := from; code <= to && code-from < 1<<16; code++ {
			f.widths[code] = width
		}
		i += 3
	}
}

var mapCounts = regexp.MustCompile(`(\d+)\s+begin(?:bfchar|bfrange|codespacerange)`)

// checkMap looks at a font's table of characters before the library's
// interpreter does: it does not end at a string that is not closed, and makes
// room for as many entries as the table claims.
func checkMap(data []byte) error {
	for _, m := range mapCounts.FindAllSubmatch(data, -1) {
		if n, err := strconv.Atoi(string(m[1])); err != nil || n > 1<<16 {
			return fmt.Errorf("a table of it claims %s entries", m[1])
		}
	}
	if bytes.LastIndexByte(data, '<') > bytes.LastIndexByte(data, '>') {
		return errors.New("a string in its table has no end: save it anew with another program")
	}
	return nil
}
