package knowledge

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// What a search looks at.
const (
	mostQuestion   = 4096 // bytes of the question
	mostTerms      = 24   // words of it that are looked for, the rarest
	mostVariants   = 12   // other endings of a word
	leastStem      = 3    // code points that words with other endings share
	mostCandidates = 200  // passages that are ranked
	leastShare     = 0.25 // of the best passage's score: less is left out
)

// Of the ranking, as everybody has them: how fast a word that is repeated
// stops to count, and how much a passage's length does.
const (
	bm25K = 1.2
	bm25B = 0.75
	// variantWeight is what a word with another ending counts.
	variantWeight = 0.8
)

// Search implements [agent.Knowledge]. The best passages come first. Their
// score is between 0 and 1: BM25, divided by what a passage could have at the
// most that is full of the question's words; so it says how much of the
// question a passage holds, rare words first. Passages with less than a
// quarter of the best one's score are left out, and there may be none.
//
// Any text is a question; one without words finds nothing. A search that runs
// while documents are put sees each as it was or as it is.
func (b *Base) Search(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("knowledge: search: %w", err)
	}
	if limit <= 0 {
		return nil, nil
	}
	// One moment of the file, for the counts and the passages.
	tx, err := b.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("knowledge: search: %w", err)
	}
	s := &search{ctx: ctx, tx: tx}
	out, err := s.run(query, limit)
	if rerr := tx.Rollback(); err == nil && ctx.Err() == nil {
		err = rerr // nothing was written: this ends the reading
	}
	if err != nil {
		return nil, fmt.Errorf("knowledge: search: %w", err)
	}
	return out, nil
}

// search is one search.
type search struct {
	ctx context.Context
	tx  *sql.Tx
	// passages and words are how many there are of each.
	passages, words float64
}

// term is a word of the question with the forms of it that the index has.
type term struct {
	weights map[string]float64 // by form; none: nobody wrote of it
	idf     float64            // the rarer, the more it says
}

func (s *search) run(query string, limit int) ([]agent.Passage, error) {
	if err := s.tx.QueryRowContext(s.ctx, "SELECT passages, words FROM totals").Scan(&s.passages, &s.words); err != nil {
		return nil, err
	}
	list := questionWords(query)
	if len(list) == 0 || s.passages == 0 {
		return nil, nil
	}
	terms, err := s.terms(list)
	if err != nil {
		return nil, err
	}
	best := 0.0 // what a passage could have at most
	var forms []string
	for _, t := range terms {
		best += t.idf * (bm25K + 1)
		for form := range t.weights {
			forms = append(forms, form)
		}
	}
	if len(forms) == 0 {
		return nil, nil
	}
	slices.Sort(forms)
	found, err := s.candidates(forms, limit)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].passage.Score = s.score(&found[i], terms) / best
	}
	return pick(found, limit), nil
}

// questionWords are the words that are looked for: those that are not stop
// words, or all if there are no others.
func questionWords(query string) []string {
	if len(query) > mostQuestion {
		query = query[:mostQuestion]
		for !utf8.ValidString(query[len(query)-1:]) && len(query) > mostQuestion-utf8.UTFMax {
			query = query[:len(query)-1]
		}
	}
	var all, telling []string
	seen := map[string]bool{}
	for _, w := range words(strings.ToValidUTF8(query, " ")) {
		if seen[w] {
			continue
		}
		seen[w] = true
		all = append(all, w)
		// One character of a script without spaces says less than the pairs it
		// is part of.
		if !stopwords[w] && !(isPair(w) && utf8.RuneCountInString(w) == 1) {
			telling = append(telling, w)
		}
	}
	if len(telling) > 0 {
		return telling
	}
	return all
}

// terms finds the forms of the words and how rare they are, and keeps the
// rarest.
func (s *search) terms(list []string) ([]term, error) {
	var out []term
	for _, w := range list {
		t := term{weights: map[string]float64{}}
		docs, err := s.forms(w, t.weights)
		if err != nil {
			return nil, err
		}
		t.idf = math.Log(1 + (s.passages-docs+0.5)/(docs+0.5))
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b term) int { return cmp.Compare(b.idf, a.idf) })
	out = out[:min(len(out), mostTerms)]
	// What is in every second of many passages finds nothing and costs a look at
	// all of them.
	rare := slices.DeleteFunc(slices.Clone(out), func(t term) bool {
		return s.passages > 1000 && t.idf < math.Ln2
	})
	if slices.ContainsFunc(rare, func(t term) bool { return len(t.weights) > 0 }) {
		out = rare
	}
	return out, nil
}

// forms finds a word in the index, and those that begin like it and end in
// another way. It returns in how many passages the commonest of them is.
func (s *search) forms(word string, weights map[string]float64) (docs float64, err error) {
	stem, others := formsOf(word)
	args := append([]any{stem, noWord, utf8.RuneCountInString(word) + 3, word}, others...)
	type count struct {
		form string
		docs float64
	}
	found, err := collect(s.ctx, s.tx, func(rows *sql.Rows) (c count, err error) {
		return c, rows.Scan(&c.form, &c.docs)
	}, `SELECT term, doc FROM word_counts WHERE term IN (?4`+strings.Repeat(", ?", len(others))+`) UNION
		SELECT * FROM (SELECT term, doc FROM word_counts WHERE term >= ?1 AND term < ?1 || ?2 AND length(term) <= ?3 LIMIT 500)`, args...)
	if err != nil {
		return 0, err
	}
	var variants []count
	for _, c := range found {
		if c.form == word {
			weights[c.form], docs = 1, max(docs, c.docs)
		} else if sameStem(word, c.form) {
			variants = append(variants, c)
		}
	}
	slices.SortStableFunc(variants, func(a, b count) int { return cmp.Compare(len(a.form), len(b.form)) })
	for _, c := range variants[:min(len(variants), mostVariants)] {
		weights[c.form], docs = variantWeight, max(docs, c.docs)
	}
	return min(docs, s.passages), nil
}

// noWord is in no index, and nothing that begins like it.
const noWord = "\U0010ffff"

// formsOf are where the words stand that [sameStem] takes for a word's forms:
// what most of them begin with, and the others. The longer the stem, the fewer
// words there are to look at: in many a language, hundreds share three letters.
func formsOf(word string) (stem string, others []any) {
	runes := []rune(word)
	n := len(runes)
	if isPair(word) || n < leastStem || hasDigit(word) {
		return noWord, nil
	}
	for ending := range shortEndings {
		rest, ok := strings.CutSuffix(word, ending)
		short := utf8.RuneCountInString(rest) - leastStem
		if ok && short >= 0 {
			others = append(others, rest)
		}
		if short == 0 || ok && short == 1 { // "opened" and "opening"
			for other := range shortEndings {
				others = append(others, rest+other)
			}
		}
	}
	switch {
	case n == leastStem:
		stem = noWord
	case n <= leastStem+2:
		stem = string(runes[:leastStem+1])
	default:
		// deliveries and delivery share all but the last three.
		stem = string(runes[:max(leastStem+2, n-3)])
	}
	return stem, others
}

// shortEndings are the endings of words so short that not any will do, with
// how short they may be: "pot" and "pots", "jam" and "jamnya", "open" and
// "opening", but not "car" and "card", or "rest" and "restful".
var shortEndings = map[string]int{
	"s": leastStem, "nya": leastStem, "es": leastStem + 1, "ed": leastStem + 1, "ing": leastStem + 1, "an": leastStem + 1, "kan": leastStem + 1, "lah": leastStem + 1,
}

// sameStem reports whether two words differ only in a short ending.
func sameStem(a, b string) bool {
	x, y := []rune(a), []rune(b)
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	x, y = x[same:], y[same:]
	if same < leastStem {
		return false
	}
	if same > leastStem+1 {
		return len(x) <= 3 && len(y) <= 3
	}
	return same == leastStem+1 && len(x) <= 1 && len(y) <= 1 || shortEnding(string(x), same) && shortEnding(string(y), same)
}

// shortEnding reports whether a stem so long may end like that.
func shortEnding(ending string, stem int) bool {
	least, ok := shortEndings[ending]
	return ending == "" || ok && stem >= least
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// candidate is a passage that holds one of the words.
type candidate struct {
	passage agent.Passage
	part    string
	n       int64
}

// candidates are the passages that the index likes best. Every word is put in
// quotes and holds no sign that could end them.
func (s *search) candidates(forms []string, limit int) ([]candidate, error) {
	match := `"` + strings.Join(forms, `" OR "`) + `"`
	return collect(s.ctx, s.tx, func(rows *sql.Rows) (c candidate, err error) {
		var source string
		err = rows.Scan(&c.n, &source, &c.part, &c.passage.Text)
		c.passage.Source = source
		if c.part != "" {
			c.passage.Source += ": " + c.part
		}
		return c, err
	}, `SELECT p.n, d.source, p.part, p.text FROM
			(SELECT rowid AS n FROM word_index WHERE word_index MATCH ? ORDER BY rank LIMIT ?) AS found
			JOIN passages AS p ON p.n = found.n JOIN documents AS d ON d.n = p.document`,
		match, min(mostCandidates, 50+limit))
}

// score is BM25 over terms instead of words. The index's own function knows no
// forms, and gives a word nothing that half of the passages hold, which in a
// handful of passages is most of them.
func (s *search) score(c *candidate, terms []term) float64 {
	list := wordsOf(c.part, c.passage.Text)
	counts := make(map[string]float64, len(list))
	for _, w := range list {
		counts[w]++
	}
	length := bm25K * (1 - bm25B + bm25B*float64(len(list))/max(s.words/s.passages, 1))
	sum := 0.0
	for _, t := range terms {
		tf := 0.0
		for form, weight := range t.weights {
			tf += weight * counts[form]
		}
		sum += t.idf * tf * (bm25K + 1) / (tf + length)
	}
	return sum
}

// pick sorts the passages and returns the best.
func pick(found []candidate, limit int) []agent.Passage {
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.passage.Score, a.passage.Score), cmp.Compare(a.n, b.n))
	})
	var out []agent.Passage
	for _, c := range found[:min(len(found), limit)] {
		if c.passage.Score < leastShare*found[0].passage.Score {
			break
		}
		out = append(out, c.passage)
	}
	return out
}
