package instructions

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// amount is a number of a comparison as it is written: "100.000", "1.5jt",
// "5 million", "10%".
type amount struct {
	value string // in plain digits; as written where it is not certain
	end   int
	// certain is not set where what stands behind the digits may change them:
	// "5m" in a language that has no such word, "5-10k". Nothing is enforced
	// by such a number.
	certain bool
}

// currency is what may stand before an amount.
var currency = regexp.MustCompile(`^(?i:rp|idr|us\$|usd|eur|gbp|r\$|rm|s\$|[$€£¥₹₽₺₫])\.?[ \x{00a0}]?`)

// readAmount reads the number at the offset, up to the limit.
func (c *compiler) readAmount(at, limit int) amount {
	rest := c.text[at:limit]
	run := grouped(rest, numberLength(rest))
	a := amount{value: plainNumber(run), end: at + len(run), certain: true}
	if strings.HasSuffix(run, "%") {
		return a
	}
	factor := 1.0
	const most = 2 // "5 mil millones"
	for range most {
		n, length, certain := c.magnitudeAt(a.end, limit)
		a.certain = a.certain && certain
		if a.end += length; n == 0 {
			break
		}
		factor *= n
	}
	if tail := strings.TrimLeft(c.text[a.end:limit], " "); len(tail) > 1 && (tail[0] == '-' || strings.HasPrefix(tail, "–")) {
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(tail, "-– "))
		a.certain = a.certain && !unicode.IsDigit(next) // a range
	}
	switch n, err := strconv.ParseFloat(a.value, 64); {
	case !a.certain || err != nil:
		a.value = strings.TrimSpace(c.text[at:a.end])
	case factor != 1:
		const places = 1e6 // 1.1 million is 1100000, whatever floats make of it
		a.value = strconv.FormatFloat(math.Round(n*factor*places)/places, 'f', -1, 64)
	}
	return a
}

// magnitudeAt reads the word behind a number that multiplies it, and how long
// it is with the space before it; n is 0 where there is none. certain is not
// set where the word, or letters that touch the digits, may mean several things.
func (c *compiler) magnitudeAt(at, limit int) (n float64, length int, certain bool) {
	rest := c.text[at:limit]
	lead := len(rest) - len(strings.TrimLeft(rest, " \u00a0\u202f"))
	word := rest[lead:]
	end := 0
	for i, r := range word {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) || i > 0 && fold.Unspaced(r) != fold.Unspaced(first(word)) {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	word = word[:end]
	if word == "" {
		return 0, 0, true
	}
	if fold.Unspaced(first(word)) {
		return c.unspacedMagnitude(word, lead)
	}
	n, known, certain := c.vocab.Magnitude(fold.Phrase(word), c.language)
	meters := utf8.RuneCountInString(word) == 1 && n != 1000 // "5 m" may be
	switch {
	case lead == 0 && !known:
		return 0, len(word), false // "10kg", "5x"
	case !known:
		return 0, 0, true // "at least 5 rooms"
	case !certain, lead > 0 && meters:
		return 0, lead + len(word), false
	}
	return n, lead + len(word), true
}

// unspacedMagnitude finds the longest word at the start of text that has no
// spaces between its words.
func (c *compiler) unspacedMagnitude(word string, lead int) (n float64, length int, certain bool) {
	_, one := utf8.DecodeRuneInString(word)
	_, two := utf8.DecodeRuneInString(word[one:])
	for _, size := range []int{one + two, one} {
		if n, known, certain := c.vocab.Magnitude(fold.Phrase(word[:size]), c.language); known {
			return n, lead + size, certain
		}
	}
	return 0, 0, true
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// uncertainAmount says that a limit on what may be saved is not held, because
// its number can be read in several ways.
func (c *compiler) uncertainAmount(start, end int) {
	c.report("near-canonical", SeverityWarning, start, end,
		fmt.Sprintf("%q can be read as several numbers, and nothing is held to it: write it in full, such as 5000000", strings.TrimSpace(c.text[start:end])), "")
}
