package offline

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// What makes a range of numbers, in English and Indonesian.
var (
	rangeJoints = set("-", "–", "—", "to", "or", "until", "till", "sampai", "hingga", "sd", "s/d", "s.d", "atau")
	// atLeast and atMost stand before a number. Of "no more than" and "more than"
	// the longer counts.
	atLeast = []string{"at least", "minimum", "min", "more than", "over", "above", "starting at", "minimal", "paling sedikit", "setidaknya", "lebih dari", "di atas", "diatas", "mulai dari", "mulai"}
	atMost  = []string{"under", "below", "less than", "up to", "at most", "maximum", "max", "no more than", "not more than", "not over", "di bawah", "dibawah", "kurang dari", "maksimal", "maks", "paling banyak", "tidak lebih dari", "sampai", "hingga"}
	// orMore and orLess stand behind one.
	orMore = []string{"+", "or more", "and up", "or above", "minimum", "ke atas", "atau lebih", "lebih"}
	orLess = []string{"or less", "or below", "max", "maximum", "tops", "ke bawah", "atau kurang", "maksimal"}
)

// findRanges joins the two ends of a range ("50-60k", "between 50k and 150k",
// "antara 50 dan 60 ribu"), opens what has one end only ("under 100k"), and
// leaves out the small words that are the end of none.
func findRanges(s string, found []amount) []amount {
	var out []amount
	for _, a := range found {
		if k := len(out) - 1; k >= 0 && joins(s, out[k], a) {
			low := out[k].said
			if out[k].scale == 0 && a.scale > 0 && low*a.scale <= a.said {
				low *= a.scale // "50-60k"
			}
			if low <= a.said {
				out[k] = amount{low: low, high: a.said, said: low, start: out[k].start, end: a.end, scale: a.scale, money: out[k].money || a.money}
				continue
			}
		}
		out = append(out, a)
	}
	out = slices.DeleteFunc(out, func(a amount) bool { return a.small })
	for k := range out {
		if a := &out[k]; a.low == a.high {
			least, most := boundsAt(s, a.start, a.end)
			switch {
			case least > most:
				a.high = math.Inf(1)
			case most > least:
				a.low = math.Inf(-1)
			}
		}
	}
	return out
}

// joins reports whether two numbers are the ends of a range.
func joins(s string, a, b amount) bool {
	if a.low != a.high || b.start < a.end {
		return false
	}
	between := strings.ToLower(strings.Trim(s[a.end:b.start], " .\u00a0$€£"))
	between = strings.TrimSpace(strings.TrimSuffix(between, "rp"))
	if rangeJoints[between] {
		return true
	}
	before := beforeNumber(s, a.start)
	return (between == "and" || between == "dan") && (strings.HasSuffix(before, "between") || strings.HasSuffix(before, "antara"))
}

// beforeNumber is what stands before a number, without its currency.
func beforeNumber(s string, at int) string {
	s = strings.TrimRight(strings.ToLower(s[:at]), " .$€£")
	for _, currency := range []string{"rp", "idr", "usd", "us", "eur"} {
		if cut, ok := strings.CutSuffix(s, currency); ok && (cut == "" || strings.HasSuffix(cut, " ")) {
			return strings.TrimRight(cut, " ")
		}
	}
	return s
}

// boundsAt gives the lengths of the longest words around a number that make it
// the least or the most.
func boundsAt(s string, start, end int) (least, most int) {
	before, behind := beforeNumber(s, start), strings.TrimLeft(strings.ToLower(s[end:]), " ")
	longest := func(before, behind string, leading, trailing []string) (n int) {
		for _, w := range leading {
			if cut, ok := strings.CutSuffix(before, w); ok && !endsInLetter(cut) {
				n = max(n, len(w))
			}
		}
		for _, w := range trailing {
			if rest, ok := strings.CutPrefix(behind, w); ok && strings.IndexFunc(rest, unicode.IsLetter) != 0 {
				n = max(n, len(w))
			}
		}
		return n
	}
	return longest(before, behind, atLeast, orMore), longest(before, behind, atMost, orLess)
}

func endsInLetter(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r)
}

// number gives the number that an answer counts as. One number is itself. A
// range counts as the number that was said, of two the lower, where all
// comparisons of the playbook with the topic come out the same over the whole
// range; else it says too little, and ok is not set.
func (p *plan) number(t *topic, a amount) (v float64, ok bool) {
	for _, c := range p.pb.Constraints {
		if frontdesk.FoldField(c.Field) != t.key {
			continue
		}
		limit, err := strconv.ParseFloat(c.Value, 64)
		if err != nil {
			continue
		}
		low, known := holds(c.Op, a.low, limit)
		high, _ := holds(c.Op, a.high, limit)
		within := a.low < a.high && a.low <= limit && limit <= a.high && (c.Op == instructions.OpEqual || c.Op == instructions.OpNotEqual)
		if known && (low != high || within) {
			return 0, false
		}
	}
	return a.said, true
}

// holds evaluates a comparison of numbers; known is not set where the operator
// is none.
func holds(op instructions.Operator, v, limit float64) (holds, known bool) {
	switch op {
	case instructions.OpLess:
		return v < limit, true
	case instructions.OpAtMost:
		return v <= limit, true
	case instructions.OpGreater:
		return v > limit, true
	case instructions.OpAtLeast:
		return v >= limit, true
	case instructions.OpEqual:
		return v == limit, true
	case instructions.OpNotEqual:
		return v != limit, true
	}
	return false, false
}
