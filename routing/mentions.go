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
	ra, rb := []rune(a), []rune(b)
	longest := max(len(ra), len(rb))
	dist := distance(ra, rb, 2)
	if dist <= 2 && dist*5 <= longest {
		return dist, true
	}
	wa, wb := strings.Fields(a), strings.Fields(b)
	if len(wa) != len(wb) {
		return 0, false
	}
	sum := 0
	for i := range wa {
		ra, rb := []rune(wa[i]), []rune(wb[i])
		n := max(len(ra), len(rb))
		dist := distance(ra, rb, 2)
		if dist > 2 || dist*5 > n && (dist > 1 || n < 4) {
			return 0, false
		}
		sum += dist
	}
	return sum, true
}

// distance is the edit distance (a swap of neighbours counts as one), or
// limit+1 when it is more than limit.
func distance(a, b []rune, limit int) int {
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
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		best := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
			best = min(best, cur[j])
		}
		if best > limit {
			return limit + 1
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}

// nearIndex narrows the search for near names: by length, then by the set of
// letters, so that 100,000 names cost a pass over small integers.
type nearIndex struct {
	byLength map[int][]nearName
}

type nearName struct {
	key  string
	mask uint64
}

func newNearIndex(names map[string][]frontdesk.Target) nearIndex {
	x := nearIndex{byLength: map[int][]nearName{}}
	for key := range names {
		n := utf8.RuneCountInString(key)
		x.byLength[n] = append(x.byLength[n], nearName{key, letters(key)})
	}
	return x
}

// slack is how far lengths may be apart: names of several words may differ by
// a letter or two in each.
const slack = 4

func (x nearIndex) candidates(name string) []string {
	n, mask := utf8.RuneCountInString(name), letters(name)
	var out []string
	for l := n - slack; l <= n+slack; l++ {
		for _, c := range x.byLength[l] {
			if bits.OnesCount64(c.mask^mask) <= 2*slack {
				out = append(out, c.key)
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
