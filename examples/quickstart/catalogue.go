package main

import (
	"context"
	"embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

//go:embed *.md *.csv
var files embed.FS

// catalogue is a Knowledge source: a product list that is searched by words.
// A program of your own would search documents or a vector store here; the
// agent only sees the interface.
type catalogue struct {
	passages []agent.Passage
	words    []map[string]bool // of each passage
}

// newCatalogue reads a CSV file of products: product, price, description.
func newCatalogue(file string) (*catalogue, error) {
	f, err := files.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c := &catalogue{}
	for _, row := range rows[1:] {
		text := fmt.Sprintf("%s (%s): %s", row[0], row[1], row[2])
		c.passages = append(c.passages, agent.Passage{Text: text, Source: file + ": " + row[0]})
		c.words = append(c.words, words(text))
	}
	return c, nil
}

// Search returns the products that share the most words with the query.
func (c *catalogue) Search(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
	var found []agent.Passage
	for i, p := range c.passages {
		for w := range words(query) {
			if c.words[i][w] {
				p.Score++
			}
		}
		if p.Score > 0 {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b agent.Passage) int { return int(b.Score - a.Score) })
	return found[:min(limit, len(found))], ctx.Err()
}

// words are the words of a text that can tell one product from another.
func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(w) > 3 {
			set[w] = true
		}
	}
	return set
}
