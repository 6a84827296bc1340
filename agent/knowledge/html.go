package knowledge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// unseen are elements whose content a reader of the page does not see as
// text.
var unseen = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Iframe: true, atom.Object: true,
	atom.Svg: true, atom.Math: true, atom.Select: true, atom.Textarea: true, atom.Title: true, atom.Noembed: true, atom.Noframes: true,
}

// breaks are elements that end a line; those with true end a paragraph.
var breaks = map[atom.Atom]bool{
	atom.Br: false, atom.Li: false, atom.Tr: false, atom.Dt: false, atom.Dd: false, atom.Option: false,
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Table: true,
	atom.Blockquote: true, atom.Pre: true, atom.Header: true, atom.Footer: true, atom.Main: true, atom.Nav: true, atom.Aside: true,
	atom.Form: true, atom.Hr: true, atom.Figure: true, atom.Figcaption: true,
}

var htmlHeadings = map[atom.Atom]int{atom.H1: 1, atom.H2: 2, atom.H3: 3, atom.H4: 4, atom.H5: 5, atom.H6: 6}

// readHTML takes the text that a reader of the page sees. It goes by the tags
// as they come and builds no tree: elements that are nested a million deep
// cost no more than others.
func readHTML(ctx context.Context, data []byte) ([]section, error) {
	r, err := charset.NewReader(bytes.NewReader(data), "text/html")
	if err != nil {
		return nil, err
	}
	p := &htmlReader{tokens: html.NewTokenizer(r)}
	p.tokens.SetMaxBuf(4 << 20)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := p.next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	p.endHeading()
	return p.out.sections()
}

// htmlReader reads a page.
type htmlReader struct {
	tokens  *html.Tokenizer
	out     outline
	skip    atom.Atom // the element whose content is left out, and
	depth   int       // how many of its kind are open in it
	level   int       // of the heading that is open; 0: none
	heading strings.Builder
	pending string // white space that stands before the next text
}

func (p *htmlReader) next() error {
	switch p.tokens.Next() {
	case html.ErrorToken:
		if err := p.tokens.Err(); !errors.Is(err, html.ErrBufferExceeded) {
			return err
		}
		return fmt.Errorf("a tag or text in it is too long: %w", html.ErrBufferExceeded)
	case html.TextToken:
		if p.skip == 0 {
			p.write(string(p.tokens.Text()))
		}
	case html.StartTagToken:
		name, _ := p.tokens.TagName()
		p.start(atom.Lookup(name))
	case html.SelfClosingTagToken:
		p.tokens.NextIsNotRawText() // as in XHTML, <title/> and <script/> have no content
		name, _ := p.tokens.TagName()
		if a := atom.Lookup(name); p.skip == 0 && !unseen[a] {
			p.breakAt(a)
		}
	case html.EndTagToken:
		name, _ := p.tokens.TagName()
		p.end(atom.Lookup(name))
	}
	return nil
}

func (p *htmlReader) start(a atom.Atom) {
	switch {
	case p.skip != 0:
		if a == p.skip {
			p.depth++
		}
	case unseen[a]:
		p.skip, p.depth = a, 1
	case htmlHeadings[a] != 0:
		p.endHeading()
		p.level = htmlHeadings[a]
	case a == atom.Td || a == atom.Th:
		p.space(" ")
	default:
		p.breakAt(a)
	}
}

func (p *htmlReader) end(a atom.Atom) {
	switch {
	case p.skip != 0:
		if a == p.skip {
			if p.depth--; p.depth == 0 {
				p.skip = 0
			}
		}
	case htmlHeadings[a] != 0:
		p.endHeading()
	default:
		p.breakAt(a)
	}
}

func (p *htmlReader) breakAt(a atom.Atom) {
	switch paragraph, ok := breaks[a]; {
	case paragraph:
		if p.heading.Len() > 0 {
			p.endHeading() // one that is not closed is no heading of all the rest
		}
		p.space("\n\n")
	case ok:
		p.space("\n")
	}
}

// space remembers white space; the strongest wins.
func (p *htmlReader) space(s string) {
	if len(s) > len(p.pending) || s == "\n" && p.pending == " " {
		p.pending = s
	}
}

// write adds text, whose own white space is single spaces.
func (p *htmlReader) write(text string) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		if text != "" {
			p.space(" ")
		}
		return
	}
	if strings.TrimLeft(text[:1], " \t\n\r\f") == "" {
		p.space(" ")
	}
	to := &p.out.text
	if p.level > 0 {
		to = &p.heading
	}
	if to.Len() > 0 {
		to.WriteString(p.pending)
	}
	p.pending = ""
	to.WriteString(strings.Join(fields, " "))
	if strings.TrimRight(text[len(text)-1:], " \t\n\r\f") == "" {
		p.space(" ")
	}
}

func (p *htmlReader) endHeading() {
	if p.level == 0 {
		return
	}
	p.out.head(p.level, p.heading.String())
	p.heading.Reset()
	p.level, p.pending = 0, ""
}
