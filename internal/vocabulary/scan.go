package vocabulary

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// node is a place of the trie of phrases, while it is loaded.
type node struct {
	keys     []byte
	kids     []int32
	meanings []Meaning
	prefix   []Meaning // of phrases that end in "*"
}

// place is a node as it is searched: small, and the edges of all in one slice,
// so that a scan stays in the processor's caches. Breadth first, edge i leads to
// place i+1.
type place struct {
	edge int32 // the first of its edges
	wide int32 // its table in wide, plus one; 0: its edges are few
	n    int16 // how many it has
	ends bool  // a phrase ends here
	node int32
}

// gap is the second half of a phrase with "…" and what the whole means.
type gap struct {
	second string
	Meaning
}

// ending is the end of a word and what such words mean.
type ending struct {
	end      string
	meanings []Meaning
}

// Scan finds the phrases in a folded text: at each word start the longest one,
// less those that stand wholly inside a longer one. It takes time linear in
// the text, as phrases are of bounded length.
func (v *Vocabulary) Scan(text string) []Token {
	out := make([]Token, 0, len(text)/8+1)
	covered := 0
	prev := rune(' ')
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		if startsWord(text, i, prev, r) {
			if t, ok := v.longest(text, i); ok && t.End > covered {
				covered = t.End
				out = append(out, t)
			}
		}
		prev = r
		i += n
	}
	return v.closeGaps(text, out)
}

// ScanAll finds the phrases in a folded text and the asides too: words such as
// "should" and "so", which a prompt is full of and which matter only where a
// question about them comes up. What begins and ends at one place is one token.
func (v *Vocabulary) ScanAll(text string) []Token {
	phrases, asides := v.Scan(text), v.asides.Scan(text)
	if len(asides) == 0 {
		return phrases
	}
	out := make([]Token, 0, len(phrases)+len(asides))
	for len(phrases)+len(asides) > 0 {
		switch {
		case len(asides) == 0 || len(phrases) > 0 && (phrases[0].Start < asides[0].Start || phrases[0].Start == asides[0].Start && phrases[0].End > asides[0].End):
			out, phrases = append(out, phrases[0]), phrases[1:]
		case len(phrases) > 0 && phrases[0].Start == asides[0].Start && phrases[0].End == asides[0].End:
			both := phrases[0]
			both.Meanings = slices.Concat(both.Meanings, asides[0].Meanings)
			out, phrases, asides = append(out, both), phrases[1:], asides[1:]
		default:
			out, asides = append(out, asides[0]), asides[1:]
		}
	}
	return out
}

// IsAside reports whether a folded text is, as a whole, a phrase among the asides
// that means this in the language; in any, where none is given.
func (v *Vocabulary) IsAside(text string, kind Kind, language string) bool {
	if text == "" {
		return false
	}
	t, ok := v.asides.longest(text, 0)
	return ok && t.End == len(text) && slices.ContainsFunc(t.Meanings, func(m Meaning) bool {
		return m.Kind == kind && (language == "" || m.Language == language)
	})
}

// Ended adds to the tokens of a text in that language the words that mean
// something by how they end, where no phrase begins.
func (v *Vocabulary) Ended(text, language string, tokens []Token) []Token {
	const shortest = 5 // letters: "masa" is a table, and no condition
	endings := v.endings[language]
	if len(endings) == 0 {
		return tokens
	}
	out := make([]Token, 0, len(tokens)+len(tokens)/8)
	next := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !fold.WordRune(r) || fold.Unspaced(r) {
			i += n
			continue
		}
		end := wordEnd(text, i+n)
		for next < len(tokens) && tokens[next].Start < i {
			out = append(out, tokens[next])
			next++
		}
		taken := next < len(tokens) && tokens[next].Start == i || len(out) > 0 && out[len(out)-1].End > i
		if word := text[i:end]; !taken && utf8.RuneCountInString(word) >= shortest {
			if k := slices.IndexFunc(endings, func(e ending) bool { return strings.HasSuffix(word, e.end) }); k >= 0 {
				out = append(out, Token{endings[k].meanings, i, end})
			}
		}
		i = end
	}
	return append(out, tokens[next:]...)
}

func startsWord(text string, i int, prev, r rune) bool {
	if r == ' ' || r == '\n' {
		return false
	}
	if prev < utf8.RuneSelf && r < utf8.RuneSelf { // the common case
		return !asciiWord(prev) || !asciiWord(r) || digit(prev) && !digit(r)
	}
	if !fold.WordRune(prev) || !fold.WordRune(r) || fold.Unspaced(prev) || fold.Unspaced(r) {
		return true
	}
	if digit(prev) && !digit(r) { // "30min"
		return true
	}
	// Arabic writes "and", "so" and "then" onto the next word.
	if prev == 'و' || prev == 'ف' || prev == 'ل' || prev == 'ب' {
		before, _ := utf8.DecodeLastRuneInString(text[:i-utf8.RuneLen(prev)])
		return !fold.WordRune(before)
	}
	return false
}

func asciiWord(r rune) bool {
	return r == '_' || digit(r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func digit(r rune) bool { return '0' <= r && r <= '9' }

func (v *Vocabulary) longest(text string, start int) (Token, bool) {
	var best Token
	found := false
	inNumber := start > 0 && digit(rune(text[start-1])) // the h of "1h30"
	cur := v.root[text[start]]
	for i := start + 1; cur != 0; i++ {
		p := &v.places[cur]
		if p.ends {
			n := &v.nodes[p.node]
			end := wordEnd(text, i)
			if inNumber && i < len(text) && digit(rune(text[i])) {
				end = i
			}
			if len(n.meanings) > 0 && end == i {
				best, found = Token{n.meanings, start, i}, true
			} else if len(n.prefix) > 0 {
				best, found = Token{n.prefix, start, end}, true
			}
		}
		if i >= len(text) {
			break
		}
		if p.wide > 0 {
			cur = v.wide[p.wide-1][text[i]]
			continue
		}
		cur = 0
		for k, key := range v.keys[p.edge : p.edge+int32(p.n)] {
			if key == text[i] {
				cur = p.edge + int32(k) + 1
				break
			}
		}
	}
	return best, found
}

// wordEnd returns i when a word ends there, else where the word goes on to.
func wordEnd(text string, i int) int {
	if i == len(text) || !utf8.RuneStart(text[i]) {
		return i
	}
	if text[i-1] < utf8.RuneSelf && text[i] < utf8.RuneSelf && (!asciiWord(rune(text[i-1])) || !asciiWord(rune(text[i]))) {
		return i // the common case
	}
	last, _ := utf8.DecodeLastRuneInString(text[:i])
	if !fold.WordRune(last) || fold.Unspaced(last) {
		return i
	}
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !fold.WordRune(r) || fold.Unspaced(r) {
			break
		}
		i += n
	}
	return i
}

// closeGaps turns the first half of a phrase with a gap into a token of the
// whole where the second half follows in the same clause.
func (v *Vocabulary) closeGaps(text string, tokens []Token) []Token {
	const reach = 120 // bytes: a clause, and a bound on the work per token
	out := tokens[:0]
	for _, t := range tokens {
		first, isGap := t.Value("gap")
		if !isGap {
			out = append(out, t)
			continue
		}
		rest := text[t.End:min(len(text), t.End+reach)]
		if i := strings.IndexAny(rest, "\n,;!?"); i >= 0 {
			rest = rest[:i]
		}
		meanings := slices.DeleteFunc(slices.Clone(t.Meanings), func(m Meaning) bool { return m.Kind == "gap" })
		for _, g := range v.gaps[first] {
			if containsWord(rest, g.second) {
				meanings = append(meanings, g.Meaning)
			}
		}
		if len(meanings) > 0 {
			out = append(out, Token{meanings, t.Start, t.End})
		}
	}
	return out
}

func containsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		prev, _ := utf8.DecodeLastRuneInString(text[:i])
		if (i == 0 || !fold.WordRune(prev) || fold.Unspaced(prev)) && wordEnd(text, i+len(word)) == i+len(word) {
			return true
		}
		from = i + len(word)
	}
}
