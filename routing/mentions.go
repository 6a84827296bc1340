package routing

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// Match finds the longest name of the directory that starts at the byte offset
// of text (just after the "@"), and returns everybody who is called so and the
// offset after it. It returns nil and the offset itself when there is none.
//
// What follows a name must not continue its last word: "@David Lee-Jones" is
// not David Lee, "@Salesforce" is not Sales. An apostrophe and a suffix may
// follow ("@Satış Ekibi'ne"), and Han, Kana, Hangul and Thai letters may touch
// a name on either side (grammar 1).
func (d *Directory) Match(text string, offset int) (targets []frontdesk.Target, end int) {
	if offset < 0 || offset >= len(text) || len(d.lengths) == 0 {
		return nil, max(offset, 0)
	}
	folded, ends := fold.Prefix(text[offset:], d.lengths[0])
	for _, n := range d.lengths {
		if n > len(folded) || ends[n-1] < 0 {
			continue
		}
		found, ok := d.byName[string(folded[:n])]
		if !ok {
			continue
		}
		if end := offset + ends[n-1]; !continues(text, end) {
			return found, end
		}
	}
	return nil, offset
}

// continues reports whether the text goes on with the word that ended at end.
func continues(text string, end int) bool {
	next, n := utf8.DecodeRuneInString(text[end:])
	last, _ := utf8.DecodeLastRuneInString(text[:end])
	if n == 0 || fold.Unspaced(next) || fold.WordRune(next) && fold.Unspaced(last) {
		return false
	}
	if fold.Invisible(next) || unicode.Is(unicode.M, next) {
		return true // it would change the name without being seen
	}
	if fold.WordRune(next) {
		return fold.WordRune(last)
	}
	after, _ := utf8.DecodeRuneInString(text[end+n:])
	switch next {
	case '-', '‐', '‑', '.':
		return fold.WordRune(after) && !fold.Unspaced(after)
	}
	return false
}

// maxSuggestions bounds what Nearest returns: more names than that help nobody.
const maxSuggestions = 3

// Nearest returns the names that are spelt almost like name: an edit distance
// of at most 2 and at most 20 % of the longer one, over the whole or word by
// word (grammar 2). The closest come first, equals in alphabetical order; at
// most three.
func (d *Directory) Nearest(name string) []string {
	name = fold.Name(strings.TrimPrefix(strings.TrimSpace(name), "@"))
	if name == "" {
		return nil
	}
	type hit struct {
		name string
		dist int
	}
	var hits []hit
	for _, key := range d.near.candidates(name) {
		if dist, ok := Near(name, key); ok {
			hits = append(hits, hit{d.byName[key][0].Name, dist})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		if a.dist != b.dist {
			return a.dist - b.dist
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, h := range hits[:min(len(hits), maxSuggestions)] {
		out = append(out, h.name)
	}
	return out
}

// Near reports whether two folded names are spelt almost the same, and how
// many letters they differ by. Word by word, a word of four letters may differ
// by one.
func Near(a, b string) (int, bool) {
	dist, longest := spread(a, b)
	if dist <= 2 && dist*5 <= longest {
		return dist, true
	}
	if strings.Count(a, " ") != strings.Count(b, " ") {
		return 0, false
	}
	sum := 0
	for more := true; more; {
		var wa, wb string
		wa, a, more = strings.Cut(a, " ")
		wb, b, _ = strings.Cut(b, " ")
		dist, n := spread(wa, wb)
		if dist > 2 || dist*5 > n && (dist > 1 || n < 4) {
			return 0, false
		}
		sum += dist
	}
	return sum, true
}

// spread returns the edit distance of two folded texts, or 3 when it is more
// than 2, and the length of the longer one in letters.
func spread(a, b string) (dist, longest int) {
	const limit = 2
	if ascii(a) && ascii(b) {
		longest = max(len(a), len(b))
		for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
			a, b = a[1:], b[1:]
		}
		for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
			a, b = a[:len(a)-1], b[:len(b)-1]
		}
		return distance([]byte(a), []byte(b), limit), longest
	}
	ra, rb := []rune(a), []rune(b)
	return distance(ra, rb, limit), max(len(ra), len(rb))
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// distance is the edit distance (a swap of neighbours counts as one), or
// limit+1 when it is more than limit.
func distance[T byte | rune](a, b []T, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var space [3 * 48]int // names are short: no allocation
	rows := space[:]
	if n := 3 * (len(b) + 1); n > len(rows) {
		rows = make([]int, n)
	}
	n := len(b) + 1
	before, prev, cur := rows[:n], rows[n:2*n], rows[2*n:3*n]
	for j := range prev {
		prev[j] = j
	}
	// Cells further than limit from the diagonal are over it in any case.
	for i := 1; i <= len(a); i++ {
		lo, hi := max(1, i-limit), min(len(b), i+limit)
		cur[lo-1] = limit + 1
		if lo == 1 {
			cur[0] = i
		}
		best := cur[lo-1]
		for j := lo; j <= hi; j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cell := min(cur[j-1]+1, prev[j-1]+cost)
			if j < i+limit {
				cell = min(cell, prev[j]+1)
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cell = min(cell, before[j-2]+1)
			}
			cur[j] = cell
			best = min(best, cell)
		}
		if best > limit {
			return limit + 1
		}
		before, prev, cur = prev, cur, before
	}
	return min(prev[len(b)], limit+1)
}

// nearIndex narrows the search for near names: by their size, then by the set
// of letters, so that 100,000 names cost a pass over small integers.
type nearIndex struct {
	bySize map[size]*nearNames
}

// size is how many letters and spaces a name has.
type size struct{ letters, spaces int }

func sizeOf(name string) size {
	return size{utf8.RuneCountInString(name), strings.Count(name, " ")}
}

// nearNames are the names of one size, their letters apart: the pass reads
// nothing else.
type nearNames struct {
	letters []uint64
	first   []uint64 // the letters of the first word
	keys    []string
}

func newNearIndex(names map[string][]frontdesk.Target) nearIndex {
	x := nearIndex{bySize: map[size]*nearNames{}}
	for key := range names {
		n := sizeOf(key)
		if x.bySize[n] == nil {
			x.bySize[n] = &nearNames{}
		}
		l := x.bySize[n]
		l.letters, l.first, l.keys = append(l.letters, letters(key)), append(l.first, letters(firstWord(key))), append(l.keys, key)
	}
	return x
}

func firstWord(name string) string {
	word, _, _ := strings.Cut(name, " ")
	return word
}

// wordSlack is the most letters by which a near word may differ. A word may
// grow a letter and then differ by more, hence the one that is added.
func wordSlack(word string) int {
	switch n := utf8.RuneCountInString(word) + 1; {
	case n >= 9:
		return 2
	case n >= 4:
		return 1
	}
	return 0
}

// candidates returns the names that can be near: as a whole by up to two
// letters, and where there are as many words by up to four over all of them.
func (x nearIndex) candidates(name string) []string {
	const whole, most = 2, 4
	n, mask, first := sizeOf(name), letters(name), letters(firstWord(name))
	inFirst, inAll := 2*wordSlack(firstWord(name)), 0
	for word := range strings.FieldsSeq(name) {
		inAll = min(inAll+wordSlack(word), most)
	}
	var out []string
	for spaces := n.spaces - whole; spaces <= n.spaces+whole; spaces++ {
		slack := whole
		if spaces == n.spaces {
			slack = max(whole, inAll)
		}
		for l := n.letters - slack; l <= n.letters+slack; l++ {
			names := x.bySize[size{l, spaces}]
			if names == nil {
				continue
			}
			for i, m := range names.letters {
				d := bits.OnesCount64(m ^ mask)
				if d <= 2*whole || d <= 2*slack && bits.OnesCount64(names.first[i]^first) <= inFirst {
					out = append(out, names.keys[i])
				}
			}
		}
	}
	return out
}

func letters(s string) (mask uint64) {
	for _, r := range s {
		mask |= 1 << (r % 64)
	}
	return mask
}
