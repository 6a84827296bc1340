package instructions

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// quote is a quoted span: start and end are those of the marks, from and to
// those of the text between them.
type quote struct {
	start, end int
	from, to   int
	// stray is the offset of a closing mark further on that the text is
	// extended to; 0: none. The mark at inner is then part of no text.
	inner, innerEnd int
	block           bool // lines that begin with ">"
}

// text returns what is quoted.
func (q quote) text(source string) string {
	s := source[q.from:q.to]
	if q.inner > q.from && q.inner < q.to {
		s = source[q.from:q.inner] + source[q.innerEnd:q.to]
	}
	if !strings.Contains(s, "\n") {
		return strings.TrimSpace(s)
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines { // a message has no indentation
		if q.block {
			l = strings.TrimLeft(l, " \t>")
		}
		lines[i] = strings.TrimSpace(l)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// pairs are the quotation marks that differ at both ends.
var pairs = map[rune]rune{'“': '”', '„': '“', '«': '»', '「': '」', '『': '』', '‹': '›', '»': '«', '‘': '’', '‚': '‘'}

// findQuotes pairs the quotation marks of each line, and of a text that goes on
// over the next ones (grammar 14). A block of lines that begin with ">" is one
// quotation.
func (c *compiler) findQuotes() {
	for i, l := range c.lines {
		done := 0
		if n := len(c.quotes); n > 0 {
			done = c.quotes[n-1].end
		}
		switch {
		case l.block && i > 0 && c.lines[i-1].block:
			q := &c.quotes[len(c.quotes)-1]
			q.to, q.end = l.end, l.end
		case l.block:
			c.quotes = append(c.quotes, quote{start: l.body, end: l.end, from: l.body, to: l.end, block: true})
		case l.heading == nil && !l.blank && done < l.end:
			c.quotesOfLine(i, max(l.body, done))
		}
	}
}

func (c *compiler) quotesOfLine(line, start int) {
	end := c.lines[line].end
	first := len(c.quotes)
	lastCurly := start + strings.LastIndex(c.text[start:end], "”")
	hopeless := map[rune]bool{} // marks that the rest of the line does not hold
	for i := start; i < end; {
		if b := c.text[i]; b < utf8.RuneSelf && b != '"' && b != '\'' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		close := rune(0)
		switch {
		case r == '"' || r == '＂':
			close = r
		case r == '\'' || r == '‘':
			if opensWord(c.text, start, i, i+n, end) {
				close = '\''
			}
		case r == '”' && lastCurly > i && opensWord(c.text, start, i, i+n, end):
			close = '”' // Swedish and Finnish, and slips of the keyboard
		default:
			close = pairs[r]
			if r == '»' && !opensWord(c.text, start, i, i+n, end) {
				close = 0
			}
		}
		if close == 0 {
			if (r == '”' || r == '»' || r == '」' || r == '』') && len(c.quotes) >= first {
				c.strayClose(first, i, i+n)
			}
			i += n
			continue
		}
		at, size := -1, 0
		if !hopeless[close] {
			at, size = c.closingMark(i+n, end, lastCurly, r, close)
		}
		if at < 0 && !hopeless[close] && (r != close && r != '»' || opensWord(c.text, start, i, i+n, end)) {
			at, size = c.closingBelow(line, r, close)
		}
		if at < 0 {
			hopeless[close] = true
			if close == '\'' {
				i += n
				continue
			}
			i = c.strayMark(first, i, i+n, end)
			continue
		}
		c.quotes = append(c.quotes, quote{start: i, end: at + size, from: i + n, to: at})
		i = at + size
	}
}

// opensWord reports whether a mark stands where a quotation may begin: not
// behind a letter, as an apostrophe does, and not before a space.
func opensWord(text string, start, at, after, end int) bool {
	prev, n := utf8.DecodeLastRuneInString(text[start:at])
	next, m := utf8.DecodeRuneInString(text[after:end])
	return (n == 0 || !fold.WordRune(prev) || fold.Unspaced(prev)) && m > 0 && !unicode.IsSpace(next)
}

// closingMark finds the mark that closes a quotation opened by open.
func (c *compiler) closingMark(from, end, lastCurly int, open, close rune) (int, int) {
	for i := from; i < end; {
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		switch {
		case close == '\'':
			next, m := utf8.DecodeRuneInString(c.text[i+n : end])
			if (r == '\'' || r == '’') && i > from && (m == 0 || !fold.WordRune(next)) {
				return i, n
			}
		case r == close, open == '“' && r == '"', open == '„' && (r == '”' || r == '"'):
			if i > from {
				return i, n
			}
		case open == '“' && r == '“' && i > from && lastCurly < i:
			return i, n
		}
		i += n
	}
	return -1, 0
}

// mostLines is over how many lines a quoted text goes at most. Nobody follows up
// with longer ones, and a search without end would not be linear.
const mostLines = 12

// closingBelow finds the mark that closes a quotation on one of the next lines.
// The first mark of its kind there must close and not open; a heading or two
// blank lines end the search.
func (c *compiler) closingBelow(line int, open, close rune) (int, int) {
	if close == '\'' {
		return -1, 0 // an apostrophe, more often than not
	}
	for n := line + 1; n < len(c.lines) && n <= line+mostLines; n++ {
		l := c.lines[n]
		if l.heading != nil || l.block || l.blank && c.lines[n-1].blank {
			return -1, 0
		}
		for i := l.start; i < l.end; {
			r, size := utf8.DecodeRuneInString(c.text[i:l.end])
			switch {
			case r == open && r != close:
				return -1, 0
			case r == close || r == '"' && (open == '“' || open == '„') || r == '”' && open == '„':
				if r == '"' && !closesWord(c.text, i, i+size, l.end) {
					return -1, 0
				}
				return i, size
			}
			i += size
		}
	}
	return -1, 0
}

// closesWord reports whether a mark stands where a quotation may end: behind no
// space, and before no word.
func closesWord(text string, at, after, end int) bool {
	prev, _ := utf8.DecodeLastRuneInString(text[:at])
	next, n := utf8.DecodeRuneInString(text[after:end])
	return !unicode.IsSpace(prev) && (n == 0 || !fold.WordRune(next))
}

// strayMark handles a mark without a partner: behind a word it closes, and
// extends the quotation before it; before a word it opens one that ends with
// its sentence. It returns where the search goes on.
func (c *compiler) strayMark(first, at, after, end int) int {
	prev, _ := utf8.DecodeLastRuneInString(c.text[:at])
	next, n := utf8.DecodeRuneInString(c.text[after:end])
	if at > 0 && !unicode.IsSpace(prev) && (n == 0 || unicode.IsSpace(next) || unicode.IsPunct(next)) && !c.afterColon(at) {
		c.strayClose(first, at, after)
		return after
	}
	c.unbalanced(at, after)
	if n > 0 && !unicode.IsSpace(next) && next != '*' {
		to := c.sentenceEnd(after, end)
		c.quotes = append(c.quotes, quote{start: at, end: to, from: after, to: to})
		return to
	}
	return after
}

func (c *compiler) afterColon(at int) bool {
	s := strings.TrimRight(c.text[max(0, at-4):at], " *")
	return strings.HasSuffix(s, ":")
}

// strayClose extends the last quotation to a closing mark further on. Between
// the two there must be words of the same kind of mark; a mark behind an emoji
// or a bold run closes nothing.
func (c *compiler) strayClose(first, at, after int) {
	c.unbalanced(at, after)
	if len(c.quotes) <= first {
		return
	}
	q := &c.quotes[len(c.quotes)-1]
	between := c.text[q.end:at]
	if !strings.ContainsFunc(between, unicode.IsLetter) || q.inner > 0 {
		return
	}
	q.inner, q.innerEnd = q.to, q.end
	q.to, q.end = at, after
}

func (c *compiler) unbalanced(at, after int) {
	c.report("unbalanced-quote", SeverityWarning, at, after, "this quotation mark has no partner: add it, or take this one out", "")
}

// sentenceEnd returns where the sentence that begins at from ends.
func (c *compiler) sentenceEnd(from, end int) int {
	for i := from; i < end; {
		r, n := utf8.DecodeRuneInString(c.text[i:end])
		i += n
		if isStop(r) {
			next, m := utf8.DecodeRuneInString(c.text[i:end])
			if m == 0 || unicode.IsSpace(next) || fold.Unspaced(next) {
				return i
			}
		}
	}
	return end
}

func isStop(r rune) bool {
	switch r {
	case '.', '!', '?', '。', '！', '？', '؟', '…', '।':
		return true
	}
	return false
}

// fixed returns what replaces a misspelt name at text[from:to]: in the marks
// that stand there.
func (c *compiler) fixed(from, to int, name string) string {
	if q, ok := c.quoteAt(from); ok && q.start == from && q.end == to && q.inner == 0 {
		return c.text[q.start:q.from] + name + c.text[q.to:q.end]
	}
	return name
}

// quoteAt returns the quotation that holds the offset.
func (c *compiler) quoteAt(offset int) (quote, bool) {
	i, ok := slices.BinarySearchFunc(c.quotes, offset, func(q quote, o int) int {
		switch {
		case q.end <= o:
			return -1
		case q.start > o:
			return 1
		}
		return 0
	})
	if !ok {
		return quote{}, false
	}
	return c.quotes[i], true
}
