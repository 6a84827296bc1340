package instructions

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// token is a phrase of the vocabulary or a number, with its place in the text.
// Tokens in quotes, headings, names and variables are left out: text there is
// never read for actions or delays (grammar 5).
type token struct {
	vocabulary.Token
	start, end int    // in the text
	marks      uint64 // of the kinds it may have; 0: not known
}

// kindMark gives a kind one bit of 64, so that most questions about a token are
// answered without a comparison of names.
func kindMark(k vocabulary.Kind) uint64 {
	if k == "" {
		return 1
	}
	return 1 << ((uint(k[0]) + 5*uint(k[len(k)-1]) + 11*uint(len(k))) & 63)
}

// marksOf gives the bits of some kinds.
func marksOf(kinds ...vocabulary.Kind) (marks uint64) {
	for _, k := range kinds {
		marks |= kindMark(k)
	}
	return marks
}

// negationMarks are the marks of the kinds that make a negation.
var negationMarks = marksOf("not", "prohibit", "cannot", "none", "declines")

// kindMarks gives the bits of all that a phrase means.
func kindMarks(meanings []vocabulary.Meaning) (marks uint64) {
	for _, m := range meanings {
		marks |= kindMark(m.Kind)
	}
	return marks
}

// any reports whether a token means one of the kinds.
func (t *token) any(kinds ...vocabulary.Kind) bool {
	for _, k := range kinds {
		if (t.marks == 0 || t.marks&kindMark(k) != 0) && t.Is(k) {
			return true
		}
	}
	return false
}

func (t token) language() string { return t.Meanings[0].Language }

func (c *compiler) scanTokens() {
	c.joinLines()
	found := c.vocab.Scan(c.shadow.Text)
	c.language = mainLanguage(found)
	found = c.vocab.Ended(c.shadow.Text, c.language, c.ownWords(c.shadow.Text, found))
	numbers := scanNumbers(c.shadow.Text)
	c.tokens = make([]token, 0, len(found)+len(numbers))
	r, v, q, line := 0, 0, 0, 0 // they move on with the tokens
	covered := -1
	for len(found)+len(numbers) > 0 {
		var t vocabulary.Token
		if len(numbers) == 0 || len(found) > 0 && comesFirst(found[0], numbers[0]) {
			t, found = found[0], found[1:]
		} else {
			t, numbers = numbers[0], numbers[1:]
		}
		if t.End <= covered {
			continue // inside a longer one
		}
		tok := token{t, c.shadow.Start(t.Start), c.shadow.End(c.text, t.End), kindMarks(t.Meanings)}
		if c.inCompound(tok, found) || c.isShortened(tok) {
			continue
		}
		for q < len(c.quotes) && c.quotes[q].end <= tok.start {
			q++
		}
		if q < len(c.quotes) && c.quotes[q].start <= tok.start || c.isStruck(tok.start) {
			continue
		}
		if (within(c.refs, &r, tok) || within(c.variables, &v, tok)) && !tok.any(remarkMarks...) { // "[old]"
			continue
		}
		for line+1 < len(c.lines) && c.lines[line+1].start <= tok.start {
			line++
		}
		if h := c.lines[line].heading; h != nil {
			h.remark = h.remark || tok.any("old_rule", "retracted", "set_aside", "shelved")
			continue
		}
		covered = t.End
		c.hedges = c.hedges || tok.any("hedge", "hedge_after")
		if tok.any(remarkMarks...) {
			c.remarks = append(c.remarks, len(c.tokens))
			tok = c.withNegation(tok)
		}
		c.tokens = append(c.tokens, tok)
	}
}

// isShortened reports whether a token is one letter behind an apostrophe: the "s"
// of "it's" is no second.
func (c *compiler) isShortened(t token) bool {
	return t.End-t.Start == 1 && t.Start > 1 && c.shadow.Text[t.Start-1] == '\'' && c.shadow.Text[t.Start] >= 'a'
}

// withNegation gives a remark what a negation inside it means, where the sentence
// goes on under it: "not used to assign", "never write like this or assign".
func (c *compiler) withNegation(tok token) token {
	const near = 24 // bytes
	behind := strings.TrimLeft(c.shadow.Text[tok.End:min(len(c.shadow.Text), tok.End+near)], " ,")
	next := c.vocab.ScanAll(behind)
	if first, _ := utf8.DecodeRuneInString(behind); len(next) == 0 || next[0].Start > 0 || !unicode.IsLetter(first) || !slices.ContainsFunc(next[0].Meanings, func(m vocabulary.Meaning) bool { return slices.Contains(underNegation, m.Kind) }) {
		return tok
	}
	phrase := c.shadow.Text[tok.Start:tok.End]
	for end := strings.LastIndexByte(phrase, ' '); end > 0; end = strings.LastIndexByte(phrase[:end], ' ') {
		for _, t := range c.vocab.Scan(phrase[:end]) {
			if kindMarks(t.Meanings)&negationMarks != 0 {
				tok.Meanings = slices.Concat(tok.Meanings, t.Meanings)
			}
		}
	}
	tok.marks = kindMarks(tok.Meanings)
	return tok
}

// underNegation are the kinds of words with which a negated phrase goes on.
var underNegation = []vocabulary.Kind{"or", "to", "attempt", "relative_that"}

// joinLines makes a space of each line end within a sentence, so that a phrase
// may go on in the next line: "it has been⏎assigned to @X".
func (c *compiler) joinLines() {
	var joined []byte
	for n := 1; n < len(c.lines); n++ {
		last, l := &c.lines[n-1], &c.lines[n]
		if last.blank || last.heading != nil || l.heading != nil || !c.goesOn(n) {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(strings.TrimRight(c.text[last.start:last.end], " *_\t"))
		at := c.shadow.Index(last.end)
		if !fold.WordRune(before) || at >= len(c.shadow.Text) || c.shadow.Text[at] != '\n' {
			continue
		}
		if joined == nil {
			joined = []byte(c.shadow.Text)
		}
		joined[at] = ' '
	}
	if joined != nil {
		c.shadow.Text = string(joined)
	}
}

// comesFirst orders tokens by where they start; of two at one place the longer
// comes first.
func comesFirst(a, b vocabulary.Token) bool {
	return a.Start < b.Start || a.Start == b.Start && a.End >= b.End
}

// mainLanguage is the language that most of the text's phrases belong to, by
// those that are of one language only.
func mainLanguage(tokens []vocabulary.Token) string {
	type score struct {
		language string
		bytes    int
	}
	var scores []score // of a few languages: a map costs more
	for _, t := range tokens {
		first := t.Meanings[0].Language
		if slices.ContainsFunc(t.Meanings[1:], func(m vocabulary.Meaning) bool { return m.Language != first }) {
			continue
		}
		k := slices.IndexFunc(scores, func(s score) bool { return s.language == first })
		if k < 0 {
			k, scores = len(scores), append(scores, score{language: first})
		}
		scores[k].bytes += t.End - t.Start
	}
	best := score{}
	for _, s := range scores {
		if best.language == "" || s.bytes > best.bytes || s.bytes == best.bytes && s.language < best.language {
			best = s
		}
	}
	return best.language
}

// ownWords drops what words mean in other languages than the text's, where
// that matters: all of a word of one or two letters ("o" is "or" in Spanish and
// an article in Portuguese), and of any word the values that disagree ("saat"
// is an hour in Turkish and a second in Malay).
func (c *compiler) ownWords(text string, tokens []vocabulary.Token) []vocabulary.Token {
	out := tokens[:0]
	for _, t := range tokens {
		r, _ := utf8.DecodeRuneInString(text[t.Start:])
		short := t.End-t.Start <= 2 && !fold.Unspaced(r)
		foreign := func(m vocabulary.Meaning) bool {
			return m.Kind == "common" || c.language != "" && m.Language != c.language && (short && m.Kind != vocabulary.Unit || c.disagrees(t, m))
		}
		if !slices.ContainsFunc(t.Meanings, foreign) {
			out = append(out, t)
			continue
		}
		if slices.ContainsFunc(t.Meanings, func(m vocabulary.Meaning) bool { return !foreign(m) }) {
			own := slices.DeleteFunc(slices.Clone(t.Meanings), foreign)
			out = append(out, vocabulary.Token{Meanings: own, Start: t.Start, End: t.End})
		}
	}
	return out
}

// disagrees reports whether the text's own language has another value for what
// m means.
func (c *compiler) disagrees(t vocabulary.Token, m vocabulary.Meaning) bool {
	return m.Value != "" && slices.ContainsFunc(t.Meanings, func(o vocabulary.Meaning) bool {
		return o.Language == c.language && o.Kind == m.Kind && o.Value != m.Value
	})
}

// scan finds phrases in a folded piece of the text.
func (c *compiler) scan(folded string) []vocabulary.Token {
	return c.ownWords(folded, c.vocab.Scan(folded))
}

// within reports whether a token stands in one of the references; *i moves on
// with the tokens.
func within(refs []ref, i *int, t token) bool {
	for *i < len(refs) && refs[*i].end <= t.start {
		*i++
	}
	return *i < len(refs) && refs[*i].start <= t.start
}

// scanNumbers finds numbers in digits: "6", "1.5", "1½", "½".
func scanNumbers(s string) []vocabulary.Token {
	var out []vocabulary.Token
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' && s[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if (r < '0' || r > '9') && fraction(r) == 0 {
			i += n
			continue
		}
		start, value, digits := i, 0.0, 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			value = value*10 + float64(s[i]-'0')
			i++
			digits++
		}
		if digits > 0 && i+1 < len(s) && (s[i] == '.' || s[i] == ',') && s[i+1] >= '0' && s[i+1] <= '9' {
			k := i + 1
			for k < len(s) && s[k] >= '0' && s[k] <= '9' {
				k++
			}
			if k-i-1 < 3 {
				value, _ = strconv.ParseFloat(s[start:i]+"."+s[i+1:k], 64)
				i = k
			}
		}
		if r, n := utf8.DecodeRuneInString(s[i:]); fraction(r) > 0 {
			value += fraction(r)
			i += n
		}
		if i == start {
			i++
			continue
		}
		out = append(out, vocabulary.Token{
			Meanings: numberMeaning(value),
			Start:    start, End: i,
		})
	}
	return out
}

// small holds the meanings of the numbers that prompts are full of.
var small = func() (m [100][]vocabulary.Meaning) {
	for n := range m {
		m[n] = []vocabulary.Meaning{{Kind: vocabulary.Number, Value: strconv.Itoa(n)}}
	}
	return m
}()

func numberMeaning(value float64) []vocabulary.Meaning {
	if n := int(value); value >= 0 && n < len(small) && float64(n) == value {
		return small[n]
	}
	return []vocabulary.Meaning{{Kind: vocabulary.Number, Value: strconv.FormatFloat(value, 'f', -1, 64)}}
}

func fraction(r rune) float64 {
	switch r {
	case '½':
		return 0.5
	case '¼':
		return 0.25
	case '¾':
		return 0.75
	}
	return 0
}

func isWordByte(b byte) bool { return b == '_' || isDigitByte(b) || b >= 'a' && b <= 'z' }

func isDigitByte(b byte) bool { return b >= '0' && b <= '9' }
