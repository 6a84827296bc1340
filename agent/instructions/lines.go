package instructions

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// line is one line of the text.
type line struct {
	start, end int // without the line end
	body       int // where the text after indentation and label begins
	indent     int // columns of white space before it
	label      string
	style      string // the shape of the label: "1.", "1)", "a.", "•", "-", …
	number     []int  // of a numbered label: [1 2] for "1.2"
	blank      bool
	block      bool // begins with ">": quoted text
	heading    *heading
	step       *step // the step the line begins or continues
	section    *section
	list       string // "can" or "cannot": the line is an item of such a list
	own        bool   // it is one by its own wording, in no such list
	items      int    // where the items begin on a line that names the list; 0: not here
}

// heading is a heading candidate.
type heading struct {
	title  string
	style  string
	level  int
	kinds  []SectionKind
	list   string // "can" or "cannot": the heading names such a list
	remark bool   // it may say that what stands under it is not in force
}

func (c *compiler) scanLines() {
	n := strings.Count(c.text, "\n") + 1
	c.lines, c.lineStarts = make([]line, 0, n), make([]int, 0, n)
	for start := 0; start <= len(c.text); {
		end := strings.IndexByte(c.text[start:], '\n')
		if end < 0 {
			end = len(c.text)
		} else {
			end += start
		}
		c.lineStarts = append(c.lineStarts, start)
		l := readLine(c.text, start, end)
		if l.block = isBlock(c.text[start:end], len(c.lines) > 0 && c.lines[len(c.lines)-1].block); l.block {
			l.label, l.style, l.number = "", "", nil
			l.body = end - len(strings.TrimLeft(c.text[start:end], " \t>"))
		}
		c.lines = append(c.lines, l)
		start = end + 1
	}
}

// isBlock reports whether a line is quoted as in Markdown: ">" and words. A
// number behind the sign makes it a comparison, unless the block goes on.
func isBlock(s string, goesOn bool) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(s, " \t\u00a0"), ">")
	if !ok || goesOn {
		return ok
	}
	if !strings.ContainsFunc(rest, unicode.IsLetter) {
		return false
	}
	if n, _, _ := readLabel(strings.TrimLeft(rest, " ")); n > 0 {
		return true // "> 1. …"
	}
	return !strings.ContainsAny(rest[:min(6, len(rest))], "0123456789=<>")
}

func readLine(text string, start, end int) line {
	l := line{start: start, end: end, body: start}
	for l.body < end {
		r, n := utf8.DecodeRuneInString(text[l.body:end])
		if !unicode.IsSpace(r) && r != '\ufeff' && r != '>' {
			break
		}
		if r == '\t' {
			l.indent += 3
		}
		l.indent++
		l.body += n
	}
	if l.body == end {
		l.blank = true
		return l
	}
	s := text[l.body:end]
	if n, style, number := readLabel(s); n > 0 {
		l.label, l.style, l.number = strings.TrimSpace(s[:n]), style, number
		l.body += n
	}
	return l
}

// bullets are the signs that begin a list item.
const bullets = "*-+•‣◦▪▫●○■□–—·✅✔✓❌✗✘➤►▶→"

// readLabel reads the label of a list item at the start of s and returns its
// length with the space after it, its shape and its number. 0: there is none.
// The author's own label is kept whatever it is (grammar 10).
func readLabel(s string) (n int, style string, number []int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case strings.ContainsRune(bullets, r):
		rest := strings.TrimPrefix(s[size:], "\ufe0f")
		if r == '*' && strings.HasPrefix(rest, "*") {
			return 0, "", nil // bold
		}
		if rest == "" || rest[0] == ' ' || rest[0] == '\t' || strings.HasPrefix(rest, "\u00a0") || r >= utf8.RuneSelf && r != '–' && r != '—' {
			return len(s) - len(strings.TrimLeft(rest, " \t\u00a0")), string(r), nil
		}
	case r >= '①' && r <= '⑳':
		return spaceAfter(s, size), "①", []int{int(r-'①') + 1}
	case unicode.IsDigit(r):
		return numberedLabel(s)
	case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
		if len(s) > 2 && (s[1] == '.' || s[1] == ')') && s[2] == ' ' {
			return spaceAfter(s, 2), "a" + s[1:2], []int{int(unicode.ToLower(r)-'a') + 1}
		}
		return wordLabel(s)
	case r == '(':
		if close := strings.IndexByte(s, ')'); close > 1 && close < 4 {
			if k, err := strconv.Atoi(fold.Phrase(s[1:close])); err == nil {
				return spaceAfter(s, close+1), "(1)", []int{k}
			}
		}
	}
	return 0, "", nil
}

func spaceAfter(s string, n int) int {
	return len(s) - len(strings.TrimLeft(s[n:], " \t\u00a0"))
}

// deepest is how many numbers a label has at most: "1.2.3.4" has four.
const deepest = 8

// numberedLabel reads "1.", "1)", "1-", "1、", "１．", "1️⃣", "1.1", "1.1.".
func numberedLabel(s string) (int, string, []int) {
	i, cur := 0, 0
	digits := 0
	var number []int
	depth := ""
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsDigit(r):
			if digits++; digits > 3 {
				return 0, "", nil
			}
			cur = cur*10 + digitOf(r)
			i += n
			continue
		case digits == 0:
			// A second number does not follow: "1." or "1.1." has ended.
			return closeNumber(s, i, depth+".", number)
		case r == '.' || r == '．':
			number = append(number, cur)
			if len(number) > deepest {
				return 0, "", nil
			}
			depth += ".1"
			cur, digits = 0, 0
			i += n
			continue
		case r == ')' || r == '）' || r == '、' || r == '-':
			number = append(number, cur)
			rest, _ := utf8.DecodeRuneInString(s[i+n:])
			if r == '-' && unicode.IsDigit(rest) {
				return 0, "", nil // a range
			}
			return spaceAfter(s, i+n), fold.Phrase(string(r)) + depth, number
		case r == '\ufe0f' || r == '\u20e3':
			i += n
			if r == '\u20e3' {
				return spaceAfter(s, i), "keycap", append(number, cur)
			}
			continue
		case (r == ' ' || r == '\t') && len(number) > 0:
			return spaceAfter(s, i), depth, append(number, cur)
		default:
			return 0, "", nil
		}
	}
	return 0, "", nil
}

func digitOf(r rune) int {
	if r < utf8.RuneSelf {
		return int(r - '0')
	}
	d, _ := strconv.Atoi(fold.Phrase(string(r)))
	return d
}

func closeNumber(s string, i int, style string, number []int) (int, string, []int) {
	prev, _ := utf8.DecodeLastRuneInString(s[:i])
	next, _ := utf8.DecodeRuneInString(s[i:])
	if next != ' ' && next != '\t' && next != '*' && next != '\u00a0' && prev != '．' && !fold.Unspaced(next) && !unicode.IsUpper(next) {
		return 0, "", nil
	}
	return spaceAfter(s, i), style, number
}

// wordLabel reads "STEP 3 —", "Step 3:", "Langkah 2 -".
func wordLabel(s string) (int, string, []int) {
	word, rest, ok := strings.Cut(s, " ")
	if !ok || len(word) > 16 {
		return 0, "", nil
	}
	switch fold.Phrase(word) {
	case "step", "langkah", "paso", "passo", "schritt", "etape", "étape", "шаг", "adim", "bước", "fase", "passo:":
	default:
		return 0, "", nil
	}
	i := 0
	for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
		i++
	}
	k, err := strconv.Atoi(rest[:i])
	if err != nil {
		return 0, "", nil
	}
	tail := strings.TrimLeft(rest[i:], " ")
	for _, sep := range []string{"—", "–", "-", ":", ".", ")"} {
		if strings.HasPrefix(tail, sep) {
			n := len(s) - len(strings.TrimLeft(tail[len(sep):], " "))
			return n, "step", []int{k}
		}
	}
	return 0, "", nil
}

// candidate reads a line as a heading. It is only a candidate: what its title
// says decides (grammar 8).
func (c *compiler) candidate(l line) *heading {
	s := strings.TrimSpace(c.text[l.start:l.end])
	s = strings.TrimSpace(strings.TrimPrefix(s, "\ufeff"))
	if s == "" || l.block || utf8.RuneCountInString(s) > 90 {
		return nil
	}
	if strings.HasPrefix(s, "#") {
		level := len(s) - len(strings.TrimLeft(s, "#"))
		title := strings.TrimSpace(strings.Trim(s, "#"))
		if level > 6 || title == "" {
			return nil
		}
		return &heading{title: title, style: "#", level: level}
	}
	if l.style != "" && l.style != "①" {
		// "* Bold" and "1. CAPITALS" are items; "**Bold**" has no label.
		return nil
	}
	for _, w := range []struct{ open, close, style string }{
		{"===", "===", "="}, {"==", "==", "="}, {"---", "---", "-"}, {"***", "***", "**"}, {"**", "**", "**"}, {"__", "__", "**"}, {"[", "]", "["}, {"【", "】", "["}, {"<", ">", "<"},
	} {
		inner := strings.TrimSuffix(s, ":")
		if title, ok := wrapped(inner, w.open, w.close); ok {
			if strings.HasPrefix(title, "/") {
				return nil // an end tag
			}
			return &heading{title: strings.TrimSpace(strings.TrimSuffix(title, ":")), style: w.style, level: 1}
		}
	}
	plain := strings.TrimSpace(strings.TrimRight(s, ":："))
	letters := withoutSigns(plain)
	if letters == "" || strings.ContainsAny(plain, "@${}") {
		return nil
	}
	upper, colon := isCapitals(letters), plain != s
	switch {
	case upper && colon:
		return &heading{title: plain, style: "CAPS:", level: 1}
	case upper:
		return &heading{title: plain, style: "CAPS", level: 1}
	case colon:
		return &heading{title: plain, style: ":", level: 1}
	case goesOnBehindBracket(plain):
		return nil // "Follow-up 1 (after 2 hours): 'Hello?'"
	case letters != plain:
		return &heading{title: plain, style: "emoji", level: 1}
	}
	return &heading{title: plain, style: "bare", level: 1}
}

func wrapped(s, open, close string) (string, bool) {
	if len(s) <= len(open)+len(close) || !strings.HasPrefix(s, open) || !strings.HasSuffix(s, close) {
		return "", false
	}
	inner := strings.Trim(s[len(open):len(s)-len(close)], " =-")
	if inner == "" || strings.Contains(inner, strings.TrimSpace(close)) || strings.ContainsAny(inner, "@${}|") {
		return "", false
	}
	return inner, true
}

// goesOnBehindBracket reports whether words stand behind the brackets of a line:
// what is in them is then no aside of a title.
func goesOnBehindBracket(s string) bool {
	open, close := strings.IndexAny(s, "(（"), strings.LastIndexAny(s, ")）")
	return open > 0 && close > open && strings.ContainsFunc(s[close:], fold.WordRune)
}

// withoutSigns strips emoji and other signs around a title.
func withoutSigns(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '(' && r != ')' && !unicode.Is(unicode.M, r)
	})
}

func isCapitals(s string) bool {
	cased := 0
	for _, r := range s {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsUpper(r) {
			cased++
		}
	}
	return cased >= 3
}
