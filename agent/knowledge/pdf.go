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
	file := &meteredFile{ctx: ctx, data: data, left: 64*int64(len(data)) + 64<<20}
	r, err := pdf.NewReader(file, int64(len(data)))
	if errors.Is(err, pdf.ErrInvalidPassword) {
		return nil, errors.New("it is encrypted: save it without a password")
	}
	if err != nil {
		return nil, pdfError(ctx, err)
	}
	n := r.NumPage()
	if n < 0 || n > mostPages {
		return nil, fmt.Errorf("it has %d pages: divide it into files of at most %d", n, mostPages)
	}
	p := &pdfReader{ctx: ctx, left: mostUnpacked, fonts: map[string]*pdf.Font{}}
	for i := 1; i <= n; i++ {
		text, err := p.text(r, i)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", i, err)
		}
		out = append(out, section{part: fmt.Sprintf("page %d", i), text: text})
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
	left  int64                // bytes that may still be unpacked
	fonts map[string]*pdf.Font // by their description: pages share them
}

// text reads a page.
func (p *pdfReader) text(r *pdf.Reader, n int) (text string, err error) {
	defer func() {
		if v := recover(); v != nil {
			text, err = "", pdfError(p.ctx, v)
		}
	}()
	if err := p.ctx.Err(); err != nil {
		return "", err
	}
	return p.page(r.Page(n))
}

func (p *pdfReader) page(page pdf.Page) (string, error) {
	contents := page.V.Key("Contents")
	if page.V.IsNull() || contents.IsNull() {
		return "", nil
	}
	// The parser's interpreter never ends at a string that is not closed, and
	// unpacks without bound: what it will read is looked at before.
	streams := []pdf.Value{contents}
	if contents.Kind() == pdf.Array {
		streams = streams[:0]
		for i := range contents.Len() {
			streams = append(streams, contents.Index(i))
		}
	}
	size := 0
	for _, s := range streams {
		data, err := p.unpack(s, mostContent-size)
		if err != nil {
			return "", err
		}
		size += len(data)
	}
	t := &pdfText{reader: p, page: page, encodings: map[string]pdf.TextEncoding{}}
	pdf.Interpret(contents, t.operator)
	return t.text.String(), t.err
}

// unpack reads a stream and checks that it may be interpreted.
func (p *pdfReader) unpack(stream pdf.Value, most int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(stream.Reader(), int64(most)+1))
	if err != nil {
		return nil, err
	}
	if p.left -= int64(len(data)); len(data) > most || p.left < 0 {
		return nil, errors.New("there is too much in it: save it anew with another program")
	}
	if bytes.LastIndexByte(data, '<') > bytes.LastIndexByte(data, '>') {
		return nil, errors.New("a string in it has no end: save it anew with another program")
	}
	return data, nil
}

// encoder returns how the text of a font is read.
func (p *pdfReader) encoder(page pdf.Page, name string) (pdf.TextEncoding, error) {
	font := page.Font(name)
	id := font.V.String()
	if f := p.fonts[id]; f != nil {
		return f.Encoder(), nil
	}
	if table := font.V.Key("ToUnicode"); table.Kind() == pdf.Stream {
		data, err := p.unpack(table, mostMap)
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
		for _, m := range mapCounts.FindAllSubmatch(data, -1) {
			if n, err := strconv.Atoi(string(m[1])); err != nil || n > 1<<16 {
				return nil, fmt.Errorf("font %s: a table of it claims %s entries", name, m[1])
			}
		}
	}
	p.fonts[id] = &font
	return font.Encoder(), nil
}

var mapCounts = regexp.MustCompile(`(\d+)\s+begin(?:bfchar|bfrange|codespacerange)`)

// pdfText puts the text of a page together. A page says where its letters
// stand and seldom where a word or a line ends: that is told from the places.
type pdfText struct {
	reader   *pdfReader
	page     pdf.Page
	encoding pdf.TextEncoding
	// encodings are those of the page's fonts, by their names on it.
	encodings map[string]pdf.TextEncoding
	text      strings.Builder
	y         float64 // of the line
	leading   float64
	ops       int
	err       error // the first; what follows is passed over
}

// operator does one step of the page's drawing.
func (t *pdfText) operator(stk *pdf.Stack, op string) {
	args := make([]pdf.Value, stk.Len())
	for i := len(args) - 1; i >= 0; i-- {
		args[i] = stk.Pop()
	}
	if t.ops++; t.ops%1024 == 0 && t.err == nil {
		t.err = t.reader.ctx.Err()
	}
	if t.err != nil {
		return
	}
	number := func(i int) float64 {
		if i < len(args) && (args[i].Kind() == pdf.Integer || args[i].Kind() == pdf.Real) {
			return args[i].Float64()
		}
		return 0
	}
	switch op {
	case "BT":
		t.y = 0
		t.space("\n")
	case "Tf":
		if len(args) > 0 {
			t.font(args[0].Name())
		}
	case "TL":
		t.leading = number(0)
	case "Td":
		t.move(number(1))
	case "TD":
		t.leading = -number(1)
		t.move(number(1))
	case "Tm":
		t.move(number(5) - t.y)
	case "T*":
		t.move(-max(t.leading, 1))
	case "'", "\"":
		t.move(-max(t.leading, 1))
		fallthrough
	case "Tj":
		if len(args) > 0 {
			t.show(args[len(args)-1])
		}
	case "TJ":
		if len(args) > 0 {
			t.showAll(args[0])
		}
	}
}

// font begins to write in a font.
func (t *pdfText) font(name string) {
	encoding, known := t.encodings[name]
	if !known {
		encoding, t.err = t.reader.encoder(t.page, name)
		t.encodings[name] = encoding
	}
	t.encoding = encoding
}

// move goes to another place: up or down is another line.
func (t *pdfText) move(dy float64) {
	t.y += dy
	if dy > 0.5 || dy < -0.5 {
		t.space("\n")
	} else {
		t.space(" ")
	}
}

// showAll writes strings with gaps between them, in thousandths of the size of
// the letters: one of a fifth is a space.
func (t *pdfText) showAll(list pdf.Value) {
	for i := range list.Len() {
		switch v := list.Index(i); v.Kind() {
		case pdf.String:
			t.show(v)
		case pdf.Integer, pdf.Real:
			if v.Float64() < -200 {
				t.space(" ")
			}
		}
	}
}

func (t *pdfText) show(v pdf.Value) {
	if v.Kind() != pdf.String {
		return
	}
	text := v.RawString()
	if t.encoding != nil {
		text = t.encoding.Decode(text)
	}
	if t.text.Len()+len(text) > mostPageText {
		t.err = errors.New("there is too much text on it: save it anew with another program")
		return
	}
	t.text.WriteString(strings.ToValidUTF8(text, ""))
}

// space writes white space, once.
func (t *pdfText) space(s string) {
	text := t.text.String()
	switch {
	case text == "" || strings.HasSuffix(text, "\n") || s == " " && strings.HasSuffix(text, " "):
	default:
		t.text.WriteString(s)
	}
}
