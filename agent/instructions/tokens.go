package instructions

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
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
		if c.inCompound(tok, found) {
			continue
		}
		for q < len(c.quotes) && c.quotes[q].end <= tok.start {
			q++
		}
		if q < len(c.quotes) && c.quotes[q].start <= tok.start || c.isStruck(tok.start) {
			continue
		}
		if (within(c.refs, &r, tok) || within(c.variables, &v, tok)) && !tok.any("draft") { // "[TODO]"
			continue
		}
		for line+1 < len(c.lines) && c.lines[line+1].start <= tok.start {
			line++
		}
		if h := c.lines[line].heading; h != nil {
			h.remark = h.remark || tok.any("retracted")
			continue
		}
		covered = t.End
		if tok.any("retracted", "draft") {
			c.remarks = append(c.remarks, len(c.tokens))
		}
		c.tokens = append(c.tokens, tok)
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
		return c.text[at-1] == ' ' && (c.text[after] == ' ' || c.text[after] == '\n')
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

func isWordByte(b byte) bool { return b == '_' || isDigitByte(b) || b >= 'a' && b <= 'z' }

func isDigitByte(b byte) bool { return b >= '0' && b <= '9' }

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

// delay is one or several durations that stand together.
type delay struct {
	start, end int
	list       []time.Duration
	// offsets: all counted from the contact's silence ("after 3, 6 and 12
	// hours", "T+24").
	offsets bool
	silence bool // "T+": the notation says that it counts from the silence
	vague   bool // a range
	lo, hi  int  // tokens
}

// findDelays reads the durations of the text (grammar 12).
func (c *compiler) findDelays() {
	for i := 0; i < len(c.tokens); {
		d, next, ok := c.readDelay(i)
		if !ok {
			i++
			continue
		}
		d.start, d.end, d.lo, d.hi = c.tokens[i].start, c.tokens[next-1].end, i, next
		i = next
		if after, ok := c.readRate(next); ok {
			i = after
			continue // "20 hours a week"
		}
		if next < len(c.tokens) && c.tokens[next].any("not_delay") && c.tokens[next].start-d.end <= 2 {
			continue
		}
		c.delays = append(c.delays, d)
	}
}

// readRate reads "a week" behind a duration at token i.
func (c *compiler) readRate(i int) (next int, ok bool) {
	if v, is := vocabularyNumber(c.tokens, i); !is || v != "1" || c.gap(i-1) != "" || isDigitByte(c.text[c.tokens[i].start]) {
		return i, false
	}
	return i + 2, c.is(i+1, vocabulary.Unit) && c.gap(i) == ""
}

func vocabularyNumber(tokens []token, i int) (string, bool) {
	if i >= len(tokens) {
		return "", false
	}
	return tokens[i].Value(vocabulary.Number)
}

// gap returns the folded text between tokens i and i+1.
func (c *compiler) gap(i int) string {
	return strings.Trim(c.shadow.Text[min(c.tokens[i].End, c.tokens[i+1].Start):c.tokens[i+1].Start], " ")
}

// listGap is gap without the "T+" of the next time in a list.
func (c *compiler) listGap(i int) string {
	return strings.Trim(strings.TrimSuffix(c.gap(i), "t+"), " ")
}

func (c *compiler) is(i int, kinds ...vocabulary.Kind) bool {
	return i < len(c.tokens) && c.tokens[i].any(kinds...)
}

func (c *compiler) readDelay(i int) (d delay, next int, ok bool) {
	one, next, ok := c.readDuration(i)
	if ok {
		d.list = []time.Duration{one}
		d.offsets = c.isOffset(i)
		d.silence = d.offsets
		// "after 1 hour, 3 hours and 24 hours"
		for next+1 < len(c.tokens) {
			k := next
			sep := c.listGap(next - 1)
			if c.is(k, "and") && !c.is(k, "then") && (sep == "" || sep == ",") {
				sep = cmp.Or(c.listGap(k), "and")
				k++
			}
			if i > 0 && c.is(i-1, "after") && c.is(k, "after") && c.gap(k) == "" && c.gap(i-1) == "" {
				sep = cmp.Or(sep, c.gap(k-1))
				k++ // "after 10 minutes, after 1 hour and after 1 day"
			}
			if sep != "," && sep != "/" && sep != "and" {
				break
			}
			more, after, ok := c.readDuration(k)
			if !ok {
				break
			}
			d.list = append(d.list, more)
			d.offsets = true
			next = after
		}
		return d, next, true
	}
	if d, next, ok := c.readDay(i); ok {
		return d, next, true
	}
	return c.readList(i)
}

// readDay reads "day 3" and "hari ke-3": days of silence, counted from its
// beginning.
func (c *compiler) readDay(i int) (d delay, next int, ok bool) {
	unit, is := c.tokens[i].Value(vocabulary.Unit)
	if !is || vocabulary.UnitLength(unit) != 24*time.Hour || i+1 == len(c.tokens) {
		return d, 0, false
	}
	k := i + 1
	if c.is(k, "to") && c.gap(i) == "" && k+1 < len(c.tokens) {
		k++ // "hari ke-3"
	}
	v, is := vocabularyNumber(c.tokens, k)
	if !is || strings.Trim(c.gap(k-1), "- #") != "" || !isDigitByte(c.text[c.tokens[k].start]) || c.is(k+1, vocabulary.Unit) {
		return d, 0, false
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < 1 {
		return d, 0, false
	}
	d.list, d.offsets = []time.Duration{scale(n, 24*time.Hour)}, true
	return d, k + 1, true
}

// isOffset reports whether "T+" stands before the number.
func (c *compiler) isOffset(i int) bool {
	return strings.HasSuffix(strings.TrimRight(c.shadow.Text[:c.tokens[i].Start], " "), "t+")
}

// readList reads "3, 6 and 12 hours", "2-3 hours" and "T+24".
func (c *compiler) readList(i int) (d delay, next int, ok bool) {
	var numbers []float64
	vague, plus := false, c.isOffset(i)
	inHours := func() (delay, int, bool) { // "T+24"
		for _, n := range numbers {
			d.list = append(d.list, scale(n, time.Hour))
		}
		d.offsets, d.silence = true, true
		return d, next, plus && len(numbers) > 0
	}
	const most = 12
	for k := i; k < len(c.tokens) && len(numbers) < most; {
		v, isNumber := c.tokens[k].Value(vocabulary.Number)
		if !isNumber {
			break
		}
		n, _ := strconv.ParseFloat(v, 64)
		numbers = append(numbers, n)
		next = k + 1
		if next >= len(c.tokens) {
			break
		}
		sep := c.listGap(k)
		switch {
		case c.is(next, vocabulary.Unit) && sep == "" && len(numbers) > 1:
			unit, _ := c.tokens[next].Value(vocabulary.Unit)
			for _, n := range numbers {
				d.list = append(d.list, scale(n, vocabulary.UnitLength(unit)))
			}
			if vague {
				d.list, d.vague = d.list[len(d.list)-1:], true
				return d, next + 1, true
			}
			d.offsets, d.silence = true, plus
			return d, next + 1, true
		case (sep == "-" || sep == "–") && c.is(next, vocabulary.Number):
			vague = true
			k = next
		case (sep == "," || sep == "/") && c.is(next, vocabulary.Number):
			k = next
		case c.is(next, "and") && (sep == "" || sep == ",") && c.is(next+1, vocabulary.Number) && c.listGap(next) == "":
			k = next + 1
		case c.is(next, "or") && sep == "" && next+1 < len(c.tokens) && c.gap(next) == "":
			vague = true
			k = next + 1
		default:
			return inHours()
		}
	}
	return inHours()
}

// readDuration reads one duration at token i: "half an hour", "2 minutes",
// "satu setengah jam", "1 hour 30 minutes", "1h30", "an hour and a half".
func (c *compiler) readDuration(i int) (total time.Duration, next int, ok bool) {
	if v, is := c.tokens[i].Value(vocabulary.Duration); is {
		d, err := time.ParseDuration(v)
		return d, i + 1, err == nil
	}
	smallest := time.Duration(0)
	next = i
	for next < len(c.tokens) {
		d, unit, after, ok := c.readPart(next)
		if !ok || smallest > 0 && unit >= smallest {
			break
		}
		total += d
		smallest = unit
		next = after
		if next >= len(c.tokens) {
			break
		}
		switch sep := c.gap(next - 1); {
		case sep == "" && unit == time.Hour && c.is(next, vocabulary.Number) && c.tokens[next].Start == c.tokens[next-1].End:
			v, _ := c.tokens[next].Value(vocabulary.Number) // 1h30
			n, _ := strconv.ParseFloat(v, 64)
			if n < 60 && !(next+1 < len(c.tokens) && c.is(next+1, vocabulary.Unit) && c.gap(next) == "") {
				return total + scale(n, time.Minute), next + 1, true
			}
			continue
		case sep == "" && c.is(next, "and") && next+1 < len(c.tokens) && c.gap(next) == "":
			if _, unit2, _, ok := c.readPart(next + 1); ok && unit2 < smallest {
				next++
				continue
			}
		case sep == "":
			continue
		}
		break
	}
	return total, next, next > i
}

func (c *compiler) readPart(i int) (d, unit time.Duration, next int, ok bool) {
	if i >= len(c.tokens) {
		return 0, 0, i, false
	}
	v, isNumber := c.tokens[i].Value(vocabulary.Number)
	if !isNumber && c.is(i, "another", "every") && c.is(i+1, vocabulary.Unit) && c.gap(i) == "" {
		v, isNumber = "1", true // "another hour"
	}
	if !isNumber {
		return 0, 0, i, false
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < 0 {
		return 0, 0, i, false
	}
	next = i + 1
	for next < len(c.tokens) && (c.is(next, "half") || c.is(next, "another")) {
		if g := c.gap(next - 1); g != "" {
			return 0, 0, i, false
		}
		if c.is(next, "half") {
			n += 0.5
		}
		next++
	}
	if next >= len(c.tokens) {
		return 0, 0, i, false
	}
	if g := c.gap(next - 1); g != "" && g != "-" {
		return 0, 0, i, false
	}
	name, isUnit := c.tokens[next].Value(vocabulary.Unit)
	if !isUnit {
		return 0, 0, i, false
	}
	unit = vocabulary.UnitLength(name)
	next++
	if next < len(c.tokens) && c.is(next, "half") && c.gap(next-1) == "" {
		n += 0.5
		next++
	}
	return scale(n, unit), unit, next, true
}

// longest is what longer delays are read as: they are refused all the same.
const longest = 365 * 24 * time.Hour

func scale(n float64, unit time.Duration) time.Duration {
	if n > float64(longest/unit) {
		return longest
	}
	return time.Duration(n * float64(unit)).Round(time.Second)
}
