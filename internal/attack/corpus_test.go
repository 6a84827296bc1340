package attack_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entry is one attack of the corpus.
type entry struct {
	ID   string `json:"id"`
	Goal string `json:"goal"`
	Lang string `json:"lang"`
	Form string `json:"form"`
	// Text is what is written; Parts are its pieces, if it comes in several
	// messages.
	Text  string   `json:"text"`
	Parts []string `json:"parts"`
	// Plain is the order behind an encoded text.
	Plain string `json:"plain"`

	n   int    // its place in the corpus
	key string // by which the model recognises it
}

// whole is the text in one piece.
func (e *entry) whole() string {
	if len(e.Parts) > 0 {
		return strings.Join(e.Parts, "")
	}
	return e.Text
}

// corpus reads the texts.
func corpus(t testing.TB) []*entry {
	t.Helper()
	f, err := os.Open("testdata/corpus.jsonl")
	require.NoError(t, err)
	defer f.Close()
	var out []*entry
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		e := &entry{n: len(out)}
		require.NoError(t, json.Unmarshal(sc.Bytes(), e), sc.Text())
		e.key = letters(e.Plain)
		if r := []rune(e.key); len(r) > 24 {
			e.key = string(r[:24])
		}
		out = append(out, e)
	}
	require.NoError(t, sc.Err())
	return out
}

// The corpus is what the documentation says of it.
func TestCorpus(t *testing.T) {
	ids, goals, langs, forms := map[string]bool{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, e := range corpus(t) {
		assert.False(t, ids[e.ID], e.ID)
		ids[e.ID] = true
		goals[e.Goal]++
		langs[e.Lang]++
		forms[e.Form]++
		assert.NotEmpty(t, e.whole(), e.ID)
		assert.GreaterOrEqual(t, len([]rune(e.key)), 16, "%s: too short to be recognised", e.ID)
		assert.True(t, goalKnown(e.Goal), "%s: no model knows how to do %q", e.ID, e.Goal)
		// What a model that decodes everything reads in it is the order.
		assert.True(t, reads(strings.Join(append(e.Parts, e.Text), " "), e), "%s: the model cannot read it", e.ID)
	}
	assert.GreaterOrEqual(t, len(ids), 300)
	assert.GreaterOrEqual(t, len(langs), 15)
	assert.GreaterOrEqual(t, len(forms), 40)
	assert.GreaterOrEqual(t, len(goals), 20)
}
