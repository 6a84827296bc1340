package offline

import "unicode"

// Numbers in words, in English and Indonesian.
var (
	smallNumbers = map[string]float64{
		"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
		"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
		"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "half": 0.5,
		"satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7, "delapan": 8, "sembilan": 9,
		"sepuluh": 10, "sebelas": 11, "setengah": 0.5,
	}
	// oneOf stands for what already holds its "one": "seratus" is a hundred.
	oneOf       = map[string]string{"seratus": "ratus", "seribu": "ribu", "sejuta": "juta"}
	numberScale = map[string]float64{
		"hundred": 100, "ratus": 100, "thousand": 1e3, "ribu": 1e3, "rb": 1e3, "k": 1e3, "million": 1e6, "juta": 1e6, "jt": 1e6, "billion": 1e9, "miliar": 1e9, "milyar": 1e9,
	}
)

// wordNumber is a number in words while it is read.
type wordNumber struct {
	total, group float64
	start        int
	end          int // behind the last word
	scale        float64
	open         bool
}

// add takes one more word; false: it belongs to no number. A scale begins one
// behind an article alone: "a thousand".
func (n *wordNumber) add(w string, start, end int, article bool) bool {
	if !n.open {
		*n = wordNumber{start: start}
	}
	if scale, ok := oneOf[w]; ok {
		n.group++
		w = scale
	}
	v, small := smallNumbers[w]
	scale, scales := numberScale[w]
	switch {
	case small:
		n.group += v
	case w == "belas" && n.open:
		n.group += 10
	case w == "puluh" && n.open:
		n.group += lastDigit(n.group) * 9
	case scales && (n.open || article || n.group > 0):
		if n.group == 0 {
			n.group = 1
		}
		n.scale = max(n.scale, scale)
		if scale == 100 {
			n.group += lastDigit(n.group) * 99
			break
		}
		n.total, n.group = n.total+n.group*scale, 0
	default:
		return false
	}
	n.open, n.end = true, end
	return true
}

// lastDigit is what "puluh" and "ratus" multiply: the ones of what was read.
func lastDigit(v float64) float64 { return float64(int(v) % 10) }

// wordAmounts finds numbers in words: "two hundred thousand", "lima ratus
// ribu", "satu setengah juta".
func wordAmounts(s string) []amount {
	var out []amount
	var n wordNumber
	flush := func() {
		if v := n.total + n.group; n.open {
			out = append(out, amount{low: v, high: v, said: v, start: n.start, end: n.end, scale: n.scale, money: n.scale > 0, small: n.scale == 0 && v < 10})
		}
		n = wordNumber{}
	}
	word, at, article, between := "", 0, false, false
	end := func(i int) {
		switch {
		case word == "":
			return
		case between && word == "and": // "between fifty and sixty thousand"
			flush()
			between = false
		case n.open && (word == "and" || word == "a"): // "two hundred and fifty", "half a million"
		case !n.add(word, at, i, article):
			flush()
		}
		article, between = word == "a", between || word == "between"
		word = ""
	}
	for i, r := range s {
		switch {
		case unicode.IsLetter(r):
			if word == "" {
				at = i
			}
			word += string(unicode.ToLower(r))
		case unicode.IsDigit(r):
			end(i)
			flush()
			word = "0" // what touches digits is no word
		case unicode.IsSpace(r), r == '-':
			end(i)
		default:
			end(i)
			flush()
		}
	}
	end(len(s))
	flush()
	return out
}
