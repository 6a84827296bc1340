package knowledge

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Format says how a document is read.
type Format string

// The formats. The zero value goes by the ending of the source's name.
const (
	Text     Format = "text"     // .txt
	Markdown Format = "markdown" // .md, .markdown: cut at headings
	CSV      Format = "csv"      // .csv, .tsv: each row is a passage, with the names of the columns
	HTML     Format = "html"     // .html, .htm, .xhtml: cut at headings
	PDF      Format = "pdf"      // .pdf: the text of each page, where it has any
)

// formats are the readers, and the endings that stand for them.
var formats = map[Format]func(ctx context.Context, data []byte) ([]section, error){
	Text:     readText,
	Markdown: readMarkdown,
	CSV:      readCSV,
	HTML:     readHTML,
	PDF:      readPDF,
}

var endings = map[string]Format{
	".txt": Text, ".md": Markdown, ".markdown": Markdown, ".csv": CSV, ".tsv": CSV, ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".pdf": PDF,
}

// FormatOf returns the format that the ending of a name stands for, and
// whether there is one.
func FormatOf(name string) (Format, bool) {
	f, ok := endings[strings.ToLower(path.Ext(name))]
	return f, ok
}

// section is a part of a document that stays apart from the others.
type section struct {
	// part says which it is, for people: headings, a row, a page. Empty: the
	// whole document.
	part string
	text string
}

// What may become of a document: its headings and the names of its columns are
// repeated with each section, so that a small file may become a large one.
const (
	mostSections = 250_000
	mostText     = 256 << 20 // bytes of all sections
)

// collector collects the sections of a document.
type collector struct {
	sections []section
	bytes    int
	err      error // there are too many: the rest is left out
}

func (c *collector) add(s section) {
	c.bytes += len(s.part) + len(s.text)
	switch {
	case c.err != nil:
	case len(c.sections) == mostSections:
		c.err = fmt.Errorf("it has more than %d parts (headings or rows): divide it", mostSections)
	case c.bytes > mostText:
		c.err = fmt.Errorf("its text is longer than %d bytes, with the headings or the names of the columns in each of its parts: divide it", mostText)
	default:
		c.sections = append(c.sections, s)
	}
}

// decode makes a text of bytes: UTF-8, with or without its mark, or UTF-16
// with its mark.
func decode(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return decode16(data[2:], func(a, b byte) uint16 { return uint16(b)<<8 | uint16(a) }), nil
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return decode16(data[2:], func(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }), nil
	}
	if !utf8.Valid(data) {
		return "", errors.New("it is not in UTF-8: save it as UTF-8")
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return "", errors.New("it is not a text: it holds NUL characters")
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n"), nil
}

func decode16(data []byte, unit func(a, b byte) uint16) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, unit(data[i], data[i+1]))
	}
	text := strings.ReplaceAll(string(utf16.Decode(units)), "\x00", "")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

func readText(_ context.Context, data []byte) ([]section, error) {
	text, err := decode(data)
	return []section{{text: text}}, err
}

// readCSV makes a section of each row: "column: value", line by line, since a
// value says little without its column. The first row names the columns; the
// first value names the row.
func readCSV(ctx context.Context, data []byte) ([]section, error) {
	text, err := decode(data)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord = -1 // a row may be short
	r.LazyQuotes = true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i, name := range header {
		header[i] = clipPart(name)
	}
	var out collector
	for n := 1; out.err == nil; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out.sections, nil
		}
		if err != nil {
			return nil, err // it has the line
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line, _ := r.FieldPos(0)
		if s, ok := rowSection(header, row, line); ok {
			out.add(s)
		}
	}
	return nil, out.err
}

// separator finds what divides the columns: whatever the first line has most
// of.
func separator(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	best, most := ',', strings.Count(first, ",")
	for _, r := range ";\t|" {
		if n := strings.Count(first, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}

func rowSection(header, row []string, line int) (section, bool) {
	s := section{part: fmt.Sprintf("line %d", line)}
	var b strings.Builder
	for i, value := range row {
		value = strings.Join(strings.Fields(value), " ")
		if value == "" {
			continue
		}
		if b.Len() == 0 && utf8.RuneCountInString(value) <= mostPart {
			s.part = value
		}
		if i < len(header) && header[i] != "" {
			b.WriteString(header[i] + ": ")
		}
		b.WriteString(value + "\n")
	}
	s.text = b.String()
	return s, b.Len() > 0
}
