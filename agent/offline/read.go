package offline

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What contacts write, recognised. All of it is linear in the text: the
// regular expressions are RE2's.

var (
	emailPattern  = regexp.MustCompile(`[\p{L}\d._%+\-]+@[\p{L}\d\-]+(?:\.[\p{L}\d\-]+)*\.\p{L}{2,}`)
	phonePattern  = regexp.MustCompile(`\+?\(?\d[\d\s().\-]{6,20}\d`)
	titleStop     = regexp.MustCompile(`\b[A-Za-z]{1,4}\.`)
	numberPattern = regexp.MustCompile(`(?i)(rp\.?|idr|usd|us\$|\$|€|£|eur)?\s*(\d{1,15}(?:[.,\s]\d{1,3})*)\s*(k|rb|ribu|jt|juta|m|mio|million|thousand|milyar|miliar|billion)?`)
)

// folded makes texts comparable: NFKC, lower case, white space joined, curly
// apostrophes straight.
func folded(s string) string {
	s = strings.ReplaceAll(strings.ToLower(norm.NFKC.String(s)), "’", "'")
	return strings.Join(strings.Fields(s), " ")
}

// wordsOf are the words of a text, folded. An apostrophe or a hyphen within a
// word belongs to it.
func wordsOf(s string) []string {
	words := strings.FieldsFunc(folded(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && r != '\'' && r != '-'
	})
	out := words[:0]
	for _, w := range words {
		if w = strings.Trim(w, "'-"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// phrased is a text as words between spaces, so that a phrase is found in it
// at the bounds of words.
func phrased(s string) string { return " " + strings.Join(wordsOf(s), " ") + " " }

// hasAny reports whether one of the phrases stands in a text made by phrased.
func hasAny(text string, phrases map[string]bool) bool {
	for p := range phrases {
		if strings.Contains(text, " "+p+" ") {
			return true
		}
	}
	return false
}

// reply is how a text answers a question of yes or no.
type reply int

const (
	unclear reply = iota
	yes
	no
)

// readYesNo reads yes or no. A text that says both is a no: "yes, but not
// now".
func readYesNo(s string) reply {
	text := phrased(s)
	positive := false
	for p := range yesPhrases {
		if strings.Contains(text, " "+p+" ") {
			positive, text = true, strings.ReplaceAll(text, " "+p+" ", " ")
		}
	}
	if strings.Contains(text, " not sure ") {
		return unclear
	}
	if hasAny(text, noPhrases) || hasAny(text, noWords) {
		return no
	}
	if positive || hasAny(text, yesWords) {
		return yes
	}
	return unclear
}

// isQuestion reports whether a contact asks something.
func isQuestion(s string) bool {
	if strings.ContainsAny(s, "?？") {
		return true
	}
	words := wordsOf(s)
	for len(words) > 0 && greetings[words[0]] {
		words = words[1:]
	}
	return len(words) > 1 && askers[words[0]]
}

func findEmail(s string) string {
	return strings.Trim(emailPattern.FindString(norm.NFKC.String(s)), ".")
}

// findPhone finds a phone number: 9 to 15 digits that begin as numbers of
// phones do, or any such number where one was asked for.
func findPhone(s string, asked bool) string {
	for _, m := range phonePattern.FindAllString(emailPattern.ReplaceAllString(norm.NFKC.String(s), " "), -1) {
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, m)
		if n := len(digits); n < 8 || n > 15 {
			continue
		}
		if asked || m[0] == '+' || strings.HasPrefix(digits, "0") || strings.HasPrefix(digits, "62") && len(digits) >= 10 {
			return strings.TrimSpace(m)
		}
	}
	return ""
}

// amount is a number that a contact wrote, or a range of numbers.
type amount struct {
	low, high  float64 // equal but for a range
	said       float64 // the number as it was said: the lower one of two
	start, end int
	scale      float64 // what it was multiplied by; 0: nothing
	money      bool    // it has a currency, a multiplier or separators of thousands
	small      bool    // a word below ten, which alone is more often no number
}

// findAmounts finds numbers: 100.000, 100,000, 100 000, 200 ribu, 2 juta, 1,5
// juta, 5k. E-mail addresses and phone numbers hold none.
func findAmounts(s string) []amount {
	s = emailPattern.ReplaceAllStringFunc(norm.NFKC.String(s), blank)
	if p := findPhone(s, false); p != "" {
		s = strings.ReplaceAll(s, p, blank(p))
	}
	out := wordAmounts(s)
	for _, m := range numberPattern.FindAllStringSubmatchIndex(s, -1) {
		digits, unit := s[m[4]:m[5]], ""
		if before, _ := utf8.DecodeLastRuneInString(s[:m[4]]); m[2] < 0 && (unicode.IsLetter(before) || before == '.' || before == ',') {
			continue // part of a word or of a longer number
		}
		if m[6] >= 0 {
			unit = strings.ToLower(s[m[6]:m[7]])
			if after, _ := utf8.DecodeRuneInString(s[m[7]:]); unicode.IsLetter(after) || unicode.IsDigit(after) {
				unit = "" // "12 months" is no 12 million
			}
		}
		v, grouped, ok := parseDigits(digits)
		if !ok {
			continue
		}
		end, scale := m[5], currencyUnits[unit]
		if scale > 0 {
			v *= scale
			end = m[7]
		}
		out = append(out, amount{low: v, high: v, said: v, start: m[4], end: end, scale: scale, money: grouped || unit != "" || m[2] >= 0})
	}
	slices.SortStableFunc(out, func(a, b amount) int { return a.start - b.start })
	return findRanges(s, out)
}

func blank(s string) string { return strings.Repeat(" ", len(s)) }

// parseDigits reads digits with separators: before exactly three digits a
// separator is one of thousands (grammar 20), before others of decimals.
func parseDigits(s string) (v float64, grouped, ok bool) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ',' || unicode.IsSpace(r) })
	if len(parts) == 0 {
		return 0, false, false
	}
	whole, fraction := parts[0], ""
	for i, p := range parts[1:] {
		switch {
		case len(p) == 3:
			whole += p
			grouped = true
		case i == len(parts)-2 && !strings.ContainsFunc(s, unicode.IsSpace):
			fraction = p
		default: // "12 500": two numbers next to each other
			return number(parts[0], "", false)
		}
	}
	return number(whole, fraction, grouped)
}

func number(whole, fraction string, grouped bool) (float64, bool, bool) {
	text := whole
	if fraction != "" {
		text += "." + fraction
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, grouped, err == nil
}

// pickAmount chooses the number that is meant: the one right behind a word of
// the topic, else one of money, else the only one or the first.
func pickAmount(s string, topic []string) (amount, bool) {
	found := findAmounts(s)
	if len(found) == 0 {
		return amount{}, false
	}
	text := strings.ToLower(norm.NFKC.String(s))
	for _, w := range topic {
		if i := strings.Index(text, w); i >= 0 {
			for _, a := range found {
				if a.start > i && a.start-i-len(w) < 30 {
					return a, true
				}
			}
		}
	}
	for _, a := range found {
		if a.money {
			return a, true
		}
	}
	return found[0], true
}

// findName finds the name that a contact gives: behind "my name is" and the
// like, and where a name was asked for the words that are left without e-mail
// address, phone number and courtesies.
func findName(s string, asked bool) string {
	text := withoutStops(strings.ReplaceAll(norm.NFKC.String(s), "’", "'"))
	text = phonePattern.ReplaceAllString(emailPattern.ReplaceAllString(text, "\n"), "\n")
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		text = lower // a few letters change their length with their case
	}
	for _, intro := range nameIntroducers {
		weak := intro == "i'm" || intro == "im" || intro == "i m" || intro == "i am" || intro == "saya" || intro == "it's" || intro == "it is" || intro == "this is" || intro == "aku"
		i := wordIndex(lower, intro)
		if i < 0 {
			continue
		}
		if name := nameIn(text[i+len(intro):]); name != "" && (asked || !weak || capitalised(name)) {
			return name
		}
	}
	if !asked {
		return ""
	}
	for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\n,;.!/|", r) }) {
		if name := nameIn(piece); name != "" {
			return name
		}
	}
	return ""
}

// withoutStops takes the full stops off titles: "Dr. Ann Lee" is one name.
func withoutStops(s string) string {
	return titleStop.ReplaceAllStringFunc(s, func(m string) string {
		if word := strings.TrimSuffix(m, "."); nameTitles[strings.ToLower(word)] {
			return word
		}
		return m
	})
}

// capitalised reports whether every word of a name begins with a capital: who
// writes "I'm Bob Smith" without being asked gives a name, who writes "I'm new"
// does not.
func capitalised(name string) bool {
	for _, w := range strings.Fields(name) {
		if r, _ := utf8.DecodeRuneInString(w); !unicode.IsUpper(r) {
			return false
		}
	}
	return len(strings.Fields(name)) <= 3
}

// nameIn reads a name at the beginning of a text: one to five words of letters
// that are no courtesy, no answer and no question.
func nameIn(s string) string {
	if strings.ContainsAny(s, "?？") {
		s = s[:strings.IndexAny(s, "?？")]
		if isQuestion(s+"?") && len(strings.Fields(s)) > 3 {
			return ""
		}
	}
	s = strings.TrimLeft(s, " \t:=-")
	if i := strings.IndexAny(s, ",;.!\n/|()"); i >= 0 {
		s = s[:i]
	}
	var words []string
	for _, w := range strings.Fields(s) {
		f := folded(w)
		if nameStops[f] {
			return ""
		}
		if len(words) == 0 && (greetings[f] || yesWords[f] || thanksSet[f] || f == "nama" || f == "name" || f == "email" || f == "phone" || f == "telepon") {
			continue
		}
		if f == "dan" || f == "and" || f == "email" || f == "nomor" || f == "my" {
			break
		}
		if !nameWord(w) || noWords[f] || askers[f] {
			return ""
		}
		words = append(words, w)
	}
	if len(words) == 0 || len(words) > 5 {
		return ""
	}
	name := strings.Join(words, " ")
	if text := phrased(name); hasAny(text, thanksSet) || hasAny(text, goodbyes) || utf8.RuneCountInString(name) > 60 {
		return ""
	}
	return name
}

func nameWord(w string) bool {
	letters := 0
	for _, r := range w {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.Is(unicode.Mn, r), r == '\'', r == '-':
		default:
			return false
		}
	}
	return letters > 0
}

// wordIndex finds a phrase at the bounds of words, else -1.
func wordIndex(text, phrase string) int {
	for from := 0; from < len(text); {
		i := strings.Index(text[from:], phrase)
		if i < 0 {
			return -1
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(phrase):])
		last, _ := utf8.DecodeLastRuneInString(phrase)
		if !unicode.IsLetter(before) && !unicode.IsDigit(before) && (!unicode.IsLetter(last) || !unicode.IsLetter(after) && !unicode.IsDigit(after) && after != '\'') {
			return i
		}
		from = i + len(phrase)
	}
	return -1
}

// alike reports whether two words are forms of one: equal, with a long
// beginning in common, or one within the other ("hilang", "kehilangan").
func alike(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 4 {
		return false
	}
	if len(a) >= 5 && strings.Contains(b, a) {
		return true
	}
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n >= 5 && n >= len(a)-2 || n == len(a) && len(b)-n <= 3
}

// contentWords are the words of a text that can tell one condition from
// another.
func contentWords(s string) []string {
	var out []string
	for _, w := range wordsOf(s) {
		if (len(w) >= 4 || hasDigit(w)) && !emptyWords[w] && !conditionWords[w] {
			out = append(out, w)
		}
	}
	return out
}

func hasDigit(s string) bool { return strings.ContainsFunc(s, unicode.IsDigit) }

// clipText cuts a text to at most max code points.
func clipText(s string, max int) string {
	n := 0
	for i := range s {
		if n == max {
			return s[:i]
		}
		n++
	}
	return s
}
