package knowledge

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/ledongthuc/pdf"
)

// matrix is a transformation: x' = a*x + c*y + e, y' = b*x + d*y + f.
type matrix [6]float64

var unit = matrix{1, 0, 0, 1, 0, 0}

// mul is first m, then n.
func (m matrix) mul(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// pdfFont is a font as the text needs it.
type pdfFont struct {
	encoding pdf.TextEncoding
	wide     bool            // two bytes a letter
	widths   map[int]float64 // in thousandths of the size, by code
	fallback float64         // of those that are not there
}

// sure reports whether the widths are known, and not guessed.
func (f *pdfFont) sure() bool { return f != nil && len(f.widths) > 0 }

// width is how far a string goes, in sizes of the letters, and how many
// letters it has.
func (f *pdfFont) width(s string) (width float64, letters int) {
	for i := 0; i < len(s); i++ {
		code := int(s[i])
		if f != nil && f.wide && i+1 < len(s) {
			i++
			code = code<<8 | int(s[i])
		}
		w := 500.0
		if f != nil {
			w = f.fallback
			if known, ok := f.widths[code]; ok {
				w = known
			}
		}
		width += w / 1000
		letters++
	}
	return width, letters
}

// pdfText puts the text of a page together. A page says where its letters
// stand and seldom where a word or a line ends: that is told from the places.
type pdfText struct {
	ctx   context.Context
	fonts func(name string) (*pdfFont, error)
	text  strings.Builder

	ctm     matrix
	saved   []matrix // by q
	line    matrix   // where the line begins
	at      float64  // how far it has been written, in its own measure
	font    *pdfFont
	size    float64
	leading float64
	spacing float64 // between letters

	// end is where the last string ended, in the measure of the page.
	ended      bool
	endX, endY float64
	apart      bool // a gap was left on purpose
}

// write interprets the drawing of a page.
func (t *pdfText) write(content []byte) error {
	t.ctm, t.line = unit, unit
	r := &contentReader{data: content}
	for n := 1; ; n++ {
		op, args := r.next()
		if op == "" {
			return nil
		}
		if n%1024 == 0 && t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		if err := t.operator(op, args); err != nil {
			return err
		}
	}
}

// number is the operand i places from the end, 0 for what is none.
func number(args []operand, i int) float64 {
	if i < len(args) && args[len(args)-1-i].kind == 'n' {
		return args[len(args)-1-i].number
	}
	return 0
}

// transformation is that of the last six operands.
func transformation(args []operand) matrix {
	var m matrix
	for i := range m {
		m[i] = number(args, 5-i)
	}
	return m
}

// operator does one step of the drawing.
func (t *pdfText) operator(op string, args []operand) (err error) {
	last := operand{}
	if len(args) > 0 {
		last = args[len(args)-1]
	}
	switch op {
	case "q":
		if len(t.saved) < 256 {
			t.saved = append(t.saved, t.ctm)
		}
	case "Q":
		if n := len(t.saved); n > 0 {
			t.ctm, t.saved = t.saved[n-1], t.saved[:n-1]
		}
	case "cm":
		t.ctm = transformation(args).mul(t.ctm)
	case "BT":
		t.line, t.at = unit, 0
	case "Tf":
		t.size = number(args, 0)
		if len(args) > 1 {
			t.font, err = t.fonts(args[len(args)-2].text)
		}
	case "TL":
		t.leading = number(args, 0)
	case "Tc":
		t.spacing = number(args, 0)
	case "TD":
		t.leading = -number(args, 0)
		fallthrough
	case "Td":
		t.move(number(args, 1), number(args, 0))
	case "Tm":
		t.line, t.at = transformation(args), 0
	case "T*":
		t.move(0, -t.leading)
	case "'", "\"":
		t.move(0, -t.leading)
		fallthrough
	case "Tj":
		err = t.show(last)
	case "TJ":
		for _, o := range last.list {
			if o.kind == 'n' {
				t.at -= o.number / 1000 * t.size
				t.apart = t.apart || o.number < -200 // a fifth of the size is a space in every font
			}
			if err = t.show(o); err != nil {
				break
			}
		}
	}
	return err
}

// move goes to another line.
func (t *pdfText) move(x, y float64) {
	t.line = matrix{1, 0, 0, 1, x, y}.mul(t.line)
	t.at = 0
}

// show writes a string, and before it what stands between it and the last one:
// nothing, a space, or the end of a line.
func (t *pdfText) show(o operand) error {
	if o.kind != 's' || o.text == "" {
		return nil
	}
	m := t.line.mul(t.ctm)
	x, y := m[4]+t.at*m[0], m[5]+t.at*m[1]
	height := math.Abs(t.size) * math.Hypot(m[2], m[3])
	length := math.Hypot(m[0], m[1])
	if t.ended {
		gap, most := x-t.endX, 0.15
		if !t.font.sure() {
			most = 0.45
		}
		switch {
		case math.Abs(y-t.endY) > 0.6*height:
			t.space("\n")
		case t.apart, gap > most*math.Abs(t.size)*length || gap < -math.Abs(t.size)*length:
			t.space(" ")
		}
	}
	t.apart = false
	text := o.text
	if t.font != nil && t.font.encoding != nil {
		text = t.font.encoding.Decode(text)
	}
	if t.text.Len()+len(text) > mostPageText {
		return errors.New("there is too much text on it: save it anew with another program")
	}
	t.text.WriteString(strings.ToValidUTF8(text, ""))
	width, letters := t.font.width(o.text)
	t.at += width*t.size + float64(letters)*t.spacing
	t.ended, t.endX, t.endY = true, m[4]+t.at*m[0], m[5]+t.at*m[1]
	return nil
}

// space writes white space, once.
func (t *pdfText) space(s string) {
	text := t.text.String()
	if text == "" || strings.HasSuffix(text, "\n") || s == " " && strings.HasSuffix(text, " ") {
		return
	}
	t.text.WriteString(s)
}
