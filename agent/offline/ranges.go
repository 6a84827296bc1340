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
	// atLeast and atMost stand before a number.
	atLeast = []string{"at least", "minimum", "min", "more than", "over", "above", "starting at", "minimal", "paling sedikit", "setidaknya", "lebih dari", "di atas", "diatas", "mulai dari", "mulai", ">", ">=", "≥"}
	atMost  = []string{"under", "below", "less than", "up to", "at most", "maximum", "max", "di bawah", "dibawah", "kurang dari", "maksimal", "maks", "paling banyak", "sampai", "hingga", "<", "<=", "≤"}
	// nearly stands between them and the number, and changes nothing.
	nearly = []string{"of", "about", "around", "roughly", "approximately", "or equal to", "or equal", "sekitar", "kira-kira", "dengan"}
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
			low, high, scale := out[k].said, a.said, max(out[k].scale, a.scale)
			switch {
			case out[k].scale == 0 && a.scale > 0 && low*a.scale <= high:
				low *= a.scale // "50-60k"
			case a.scale == 0 && out[k].scale > 0 && high*out[k].scale >= low:
				high *= out[k].scale // "100 ribu sampai 150"
			}
			low, high = min(low, high), max(low, high)
			out[k] = amount{low: low, high: high, said: low, start: out[k].start, end: a.end, scale: scale, money: out[k].money || a.money}
			continue
		}
		out = append(out, a)
	}
	out = slices.DeleteFunc(out, func(a amount) bool { return a.small })
	for k := range out {
		if a := &out[k]; a.low == a.high {
			least, most := boundsAt(s, a.start, a.end)
			if least {
				a.high = math.Inf(1)
			}
			if most {
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

// beforeNumber is what stands before a number, without its currency and words
// such as "about".
func beforeNumber(s string, at int) string {
	s = strings.TrimRight(strings.ToLower(s[:at]), " .$€£")
	for _, words := range [][]string{{"rp", "idr", "usd", "us", "eur"}, nearly} {
		for _, w := range words {
			if cut, ok := strings.CutSuffix(s, w); ok && (cut == "" || strings.HasSuffix(cut, " ")) {
				s = strings.TrimRight(cut, " ")
				break
			}
		}
	}
	return s
}

// boundsAt reports whether the words around a number make it the least or the
// most. Behind a negation that may be about something else it may be both.
func boundsAt(s string, start, end int) (least, most bool) {
	before, behind := beforeNumber(s, start), strings.TrimLeft(strings.ToLower(s[end:]), " ")
	if rest, ok := cutBound(before, atLeast); ok {
		return turned(rest, true, false)
	}
	if rest, ok := cutBound(before, atMost); ok {
		return turned(rest, false, true)
	}
	follows := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool {
			rest, ok := strings.CutPrefix(behind, w)
			return ok && strings.IndexFunc(rest, unicode.IsLetter) != 0
		})
	}
	return follows(orMore), follows(orLess)
}

// cutBound cuts one of the words off the end of what stands before a number.
func cutBound(before string, words []string) (rest string, ok bool) {
	for _, w := range words {
		if cut, found := strings.CutSuffix(before, w); found && !endsInLetter(cut) && !strings.HasSuffix(cut, "-") && !strings.HasSuffix(cut, "=") {
			return cut, true
		}
	}
	return before, false
}

// turned turns a bound around where a negation stands right before it ("no more
// than"); one further ahead in its clause ("I can't go over") may be about
// something else, and leaves both sides open.
func turned(before string, least, most bool) (bool, bool) {
	words := strings.Fields(before[strings.LastIndexAny(before, ",.;:!?\n")+1:])
	for i, w := range words {
		switch w = strings.ReplaceAll(w, "’", "'"); {
		case !noWords[w] && w != "nothing" && w != "cannot" && !strings.HasSuffix(w, "n't"):
		case i == len(words)-1:
			return most, least
		default:
			return true, true
		}
	}
	return least, most
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
