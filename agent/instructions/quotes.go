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
}

// text returns what is quoted.
func (q quote) text(source string) string {
	s := source[q.from:q.to]
	if q.inner > q.from && q.inner < q.to {
		s = source[q.from:q.inner] + source[q.innerEnd:q.to]
	}
	return strings.TrimSpace(s)
}

// pairs are the quotation marks that differ at both ends.
var pairs = map[rune]rune{'“': '”', '„': '“', '«': '»', '「': '」', '『': '』', '‹': '›', '»': '«', '‘': '’', '‚': '‘'}

// findQuotes pairs the quotation marks of each line (grammar 14).
func (c *compiler) findQuotes() {
	for _, l := range c.lines {
		if l.heading == nil && !l.blank {
			c.quotesOfLine(l.body, l.end)
		}
	}
}

func (c *compiler) quotesOfLine(start, end int) {
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
