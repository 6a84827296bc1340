package instructions

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

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
