package instructions

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// sentence is a sentence of the text; lo and hi bound its tokens.
type sentence struct {
	start, end int
	lo, hi     int
	line       int
	step       *step
	section    *section
	clauses    []clause
	taken      [2]int // the part that the author says is not in force
}

// clause is a part of a sentence between punctuation marks and quotes.
type clause struct {
	start, end int
	lo, hi     int
}

// maxSentence is where a sentence ends at the latest, in bytes. Nobody writes
// such; without it a text without full stops could cost more than linear time.
const maxSentence = 1500

// splitSentences cuts each line at full stops, and lines that go on at the
// next one are joined.
func (c *compiler) splitSentences() {
	q, tok := 0, 0
	open := -1
	var cuts []int
	c.sentences = make([]sentence, 0, len(c.lines)+len(c.text)/80)
	c.clauses = make([]clause, 0, len(c.lines)+len(c.text)/30)
	flush := func(end int) {
		if open < 0 || strings.TrimSpace(c.text[open:end]) == "" {
			open, cuts = -1, cuts[:0]
			return
		}
		l := c.lines[c.lineAt(open)]
		s := sentence{start: open, end: end, line: c.lineAt(open), step: l.step, section: l.section}
		s.lo, s.hi = c.tokenRange(&tok, open, end)
		from, t, first := open, s.lo, len(c.clauses)
		cuts = append(cuts, end)
		for _, cut := range cuts {
			if cut <= from {
				continue
			}
			cl := clause{start: from, end: cut, lo: t}
			for t < s.hi && c.tokens[t].start < cut {
				t++
			}
			cl.hi = t
			c.clauses = append(c.clauses, cl)
			from = cut
		}
		s.clauses = c.clauses[first:len(c.clauses):len(c.clauses)]
		c.sentences = append(c.sentences, s)
		open, cuts = -1, cuts[:0]
	}
	ref, quoted := 0, 0 // where the quotation that a line began ends
	for n := range c.lines {
		l := c.lines[n]
		if quoted > 0 && quoted >= l.end {
			continue // inside it, to the end
		}
		begin := l.body
		switch {
		case quoted > l.start:
			begin = quoted
			if c.quoteEndsSentence(c.quotes[q], quoted, l.end) {
				flush(quoted)
			}
		case l.blank || l.heading != nil:
			flush(min(l.start, len(c.text)))
			continue
		case open >= 0 && !c.goesOn(n):
			flush(c.lines[n-1].end)
		}
		for i := begin; i < l.end; {
			if open < 0 {
				open = i
			}
			for q < len(c.quotes) && c.quotes[q].end <= i {
				q++
			}
			for ref < len(c.refs) && c.refs[ref].end <= i {
				ref++
			}
			if ref < len(c.refs) && c.refs[ref].start == i && c.refs[ref].end > i {
				i = min(c.refs[ref].end, l.end)
				continue
			}
			if q < len(c.quotes) && c.quotes[q].start == i {
				end := c.quotes[q].end
				cuts = append(cuts, i, end)
				if end >= l.end {
					quoted = end
					break
				}
				if c.quoteEndsSentence(c.quotes[q], end, l.end) {
					flush(end)
				}
				i = max(end, i+1)
				continue
			}
			if b := c.text[i]; isWordByte(b) || b >= 'A' && b <= 'Z' {
				i++ // ends nothing
				continue
			}
			r, n := utf8.DecodeRuneInString(c.text[i:l.end])
			i += n
			switch {
			case isStop(r) && c.stopsAt(i-n, i, l.end):
				flush(i)
			case isCut(r) && !c.betweenDigits(i-n, i) || c.isDash(r, i-n, i):
				cuts = append(cuts, i)
			case r == ' ' && i-open > maxSentence:
				flush(i)
			}
		}
	}
	flush(len(c.text))
}

func (c *compiler) tokenRange(from *int, start, end int) (lo, hi int) {
	for *from < len(c.tokens) && c.tokens[*from].start < start {
		*from++
	}
	lo = *from
	for *from < len(c.tokens) && c.tokens[*from].start < end {
		*from++
	}
	return lo, *from
}

// goesOn reports whether line n continues the sentence of the line before: it
// has no label and begins in lower case.
func (c *compiler) goesOn(n int) bool {
	l := c.lines[n]
	if l.label != "" || l.blank {
		return false
	}
	r, _ := utf8.DecodeRuneInString(c.text[l.body:l.end])
	return unicode.IsLower(r)
}

func isCut(r rune) bool {
	switch r {
	case ',', ';', ':', '，', '；', '：', '、', '،', '؛', '→', '←', '⇒', '➜', '—', '(', ')', '（', '）', '|', '…':
		return true
	}
	return false
}

// isDash reports whether a hyphen or a short dash cuts a sentence as a long one
// does: between spaces ("no answer - assign"), or as the head of an arrow.
func (c *compiler) isDash(r rune, at, after int) bool {
	if after >= len(c.text) || at == 0 {
		return false
	}
	switch r {
	case '-', '–':
		spaced := c.text[at-1] == ' ' || r == '-' && strings.HasSuffix(c.text[:at], " -") // " -- "
		return spaced && (c.text[after] == ' ' || c.text[after] == '\n')
	case '>':
		return c.text[at-1] == '-' || c.text[at-1] == '='
	case '=':
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(c.text[after:min(len(c.text), after+8)], " \n"))
		return c.text[at-1] == ' ' && (c.text[after] == ' ' || c.text[after] == '\n') && unicode.IsLetter(next)
	}
	return false
}

func (c *compiler) betweenDigits(at, after int) bool {
	return at > 0 && after < len(c.text) && isDigitByte(c.text[at-1]) && isDigitByte(c.text[after])
}

func (c *compiler) stopsAt(at, after, end int) bool {
	if c.betweenDigits(at, after) {
		return false
	}
	rest := c.text[after:end]
	next, n := utf8.DecodeRuneInString(rest)
	if n == 0 {
		return true
	}
	stop, _ := utf8.DecodeRuneInString(c.text[at:])
	if stop != '.' && stop != '…' {
		return true
	}
	if !unicode.IsSpace(next) && !unicode.Is(unicode.Pf, next) && !strings.ContainsRune("*\")»”_", next) && !fold.Unspaced(next) {
		return false
	}
	// A stop before a small letter ends a sentence where it is no abbreviation's:
	// careless authors write no capitals.
	after2, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, " *"))
	return !unicode.IsLower(after2) || stop == '.' && !abbreviates(c.text[:at])
}

// abbreviates reports whether the last word of a text is one that a full stop
// shortens.
func abbreviates(before string) bool {
	i := len(before)
	for i > 0 && len(before)-i < 24 {
		r, n := utf8.DecodeLastRuneInString(before[:i])
		if !fold.WordRune(r) && r != '.' {
			break
		}
		i -= n
	}
	word := fold.Phrase(before[i:])
	return utf8.RuneCountInString(word) < 2 || strings.Contains(word, ".") || abbreviations[word]
}

var abbreviations = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`
		eg ie etc approx incl excl vs no nr mr mrs ms dr st min mins hr hrs sec secs max tel ext inc ltd co corp dept appt prof resp fig
		mis misal dll dsb dst cth tgl jl rp hal
		bzw usw ca zb evtl ggf inkl str std tel ej pej aprox avda sr sra ud uds ex env ecc es pag sig ora
		т.е тел напр стр ул руб мин сек др vb vd örn dk sn tp dvd v.v tk bil`) {
		m[fold.Phrase(w)] = true
	}
	return m
}()

// quoteEndsSentence reports whether a quotation that holds a full sentence is
// the end of the one around it.
func (c *compiler) quoteEndsSentence(q quote, end, lineEnd int) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(c.text[q.from:q.to], " *\u00a0\u202f"))
	next, n := utf8.DecodeRuneInString(strings.TrimLeft(c.text[end:lineEnd], " *\u00a0"))
	return isStop(last) && n > 0 && unicode.IsLetter(next) && !unicode.IsLower(next)
}
