package knowledge

import (
	"bytes"
	"strconv"
)

// operand is what stands before an operator in the drawing of a page. Of the
// kinds that there are, text needs numbers, strings, names and lists of them.
type operand struct {
	kind   byte // 'n'umber, 's'tring, '/' name, '[' list; 0: something else
	number float64
	text   string // of a string, its bytes; of a name, the name
	list   []operand
}

// contentReader takes the drawing of a page apart. It reads every input to its
// end, whatever is wrong with it, and nests nothing: a list inside a list is
// read as one. It stands here because the interpreter of the PDF library runs
// for ever on a string that is not closed, and stumbles over the bytes of
// pictures that stand inline.
type contentReader struct {
	data []byte
	pos  int
}

// mostOperands is how many operands an operator may have; what comes before
// is forgotten.
const mostOperands = 4096

// next reads up to the next operator, "" at the end.
func (c *contentReader) next() (op string, args []operand) {
	var list []operand // that is open
	open := 0
	add := func(o operand) {
		switch {
		case open > 0 && len(list) < 1<<16:
			list = append(list, o)
		case open == 0:
			if len(args) == mostOperands {
				args = args[1:]
			}
			args = append(args, o)
		}
	}
	for {
		c.space()
		if c.pos >= len(c.data) {
			return "", nil
		}
		switch b := c.data[c.pos]; {
		case b == '[':
			open++
			c.pos++
		case b == ']':
			c.pos++
			if open > 0 {
				if open--; open == 0 {
					add(operand{kind: '[', list: list})
					list = nil
				}
			}
		case b == '(':
			add(operand{kind: 's', text: c.literal()})
		case b == '<' && c.pos+1 < len(c.data) && c.data[c.pos+1] == '<', b == '>' && c.pos+1 < len(c.data) && c.data[c.pos+1] == '>':
			c.pos += 2 // what a dictionary holds are operands that nobody asks for
		case b == '<':
			add(operand{kind: 's', text: c.hex()})
		case b == '/':
			c.pos++
			add(operand{kind: '/', text: unescapeName(c.regular())})
		case delimiters[b]: // a stray one
			c.pos++
		default:
			word := c.regular()
			if n, err := strconv.ParseFloat(word, 64); err == nil {
				add(operand{kind: 'n', number: n})
				continue
			}
			if word == "true" || word == "false" || word == "null" {
				add(operand{})
				continue
			}
			if word == "ID" {
				c.picture()
			}
			return word, args
		}
	}
}

var delimiters, blanks [256]bool

func init() {
	for _, b := range []byte("()<>[]{}/%") {
		delimiters[b] = true
	}
	for _, b := range []byte("\x00\t\n\f\r ") {
		blanks[b] = true
	}
}

// space skips white space and comments.
func (c *contentReader) space() {
	for c.pos < len(c.data) {
		switch b := c.data[c.pos]; {
		case blanks[b]:
			c.pos++
		case b == '%':
			n := bytes.IndexAny(c.data[c.pos:], "\r\n")
			if n < 0 {
				n = len(c.data) - c.pos
			}
			c.pos += n
		default:
			return
		}
	}
}

// regular reads up to the next white space or delimiter.
func (c *contentReader) regular() string {
	start := c.pos
	for c.pos < len(c.data) && !blanks[c.data[c.pos]] && !delimiters[c.data[c.pos]] {
		c.pos++
	}
	return string(c.data[start:c.pos])
}

// unescapeName reads #xx in a name.
func unescapeName(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '#' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// literal reads a string in parentheses, which may hold balanced ones.
func (c *contentReader) literal() string {
	c.pos++
	var out []byte
	for depth := 1; c.pos < len(c.data); c.pos++ {
		switch b := c.data[c.pos]; b {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				c.pos++
				return string(out)
			}
		case '\\':
			out = c.escape(out)
			continue
		}
		out = append(out, c.data[c.pos])
	}
	return string(out)
}

// escape reads what a backslash stands before, and stays on its last byte.
func (c *contentReader) escape(out []byte) []byte {
	c.pos++
	if c.pos >= len(c.data) {
		return out
	}
	b := c.data[c.pos]
	if i := bytes.IndexByte([]byte("nrtbf"), b); i >= 0 {
		return append(out, "\n\r\t\b\f"[i])
	}
	switch {
	case b == '\n':
		return out
	case b == '\r':
		if c.pos+1 < len(c.data) && c.data[c.pos+1] == '\n' {
			c.pos++
		}
		return out
	case b >= '0' && b <= '7':
		n := 0
		for i := 0; i < 3 && c.pos < len(c.data) && c.data[c.pos] >= '0' && c.data[c.pos] <= '7'; i++ {
			n = n*8 + int(c.data[c.pos]-'0')
			c.pos++
		}
		c.pos--
		return append(out, byte(n))
	}
	return append(out, b)
}

// hex reads a string of hexadecimal digits.
func (c *contentReader) hex() string {
	c.pos++
	var out []byte
	half, n := byte(0), 0
	for ; c.pos < len(c.data); c.pos++ {
		b := c.data[c.pos]
		if b == '>' {
			c.pos++
			break
		}
		digit, err := strconv.ParseUint(string(b), 16, 8)
		if err != nil {
			continue
		}
		if n++; n%2 == 1 {
			half = byte(digit) << 4
		} else {
			out = append(out, half|byte(digit))
		}
	}
	if n%2 == 1 {
		out = append(out, half)
	}
	return string(out)
}

// picture skips the bytes of an inline picture, up to EI between white space.
func (c *contentReader) picture() {
	for i := c.pos; i+3 < len(c.data); i++ {
		if blanks[c.data[i]] && c.data[i+1] == 'E' && c.data[i+2] == 'I' && blanks[c.data[i+3]] {
			c.pos = i + 3
			return
		}
	}
	c.pos = len(c.data)
}
