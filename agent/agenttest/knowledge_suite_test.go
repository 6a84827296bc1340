package agenttest

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// wordSearch is a Knowledge that does as it should, in its simplest form.
type wordSearch struct{ docs []KnowledgeDocument }

func wordsIn(text string) []string {
	return strings.FieldsFunc(strings.ToLower(strings.ToValidUTF8(text, " ")), func(r rune) bool { return !unicode.IsLetter(r) })
}

func (s wordSearch) Search(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out []agent.Passage
	asked := wordsIn(query)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	for _, d := range s.docs {
		p := agent.Passage{Text: d.Text, Source: d.Source}
		for _, w := range asked {
			if slices.Contains(wordsIn(d.Text), w) {
				p.Score += 1
			}
		}
		if p.Score > 0 {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b agent.Passage) int { return cmp.Compare(b.Score, a.Score) })
	return out[:max(min(limit, len(out)), 0)], nil
}

// searchFunc bends a search.
type searchFunc func(ctx context.Context, query string, limit int) ([]agent.Passage, error)

func (f searchFunc) Search(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
	return f(ctx, query, limit)
}

func TestKnowledgeSuitePasses(t *testing.T) {
	TestKnowledge(t, func(_ *testing.T, docs []KnowledgeDocument) agent.Knowledge { return wordSearch{docs} })
}

// each changes the passages of every answer.
func each(f func(i int, p *agent.Passage)) func(wordSearch) agent.Knowledge {
	return func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			out, err := s.Search(ctx, query, limit)
			for i := range out {
				f(i, &out[i])
			}
			return out, err
		})
	}
}

// errorOn fails where a question holds something.
func errorOn(signs string) func(wordSearch) agent.Knowledge {
	return func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			if strings.ContainsAny(query, signs) {
				return nil, errors.New("syntax error")
			}
			return s.Search(ctx, query, limit)
		})
	}
}

// knowledgeBugs are bugs that a Knowledge may have, and the promises that they
// break.
var knowledgeBugs = []struct {
	name   string
	plant  func(wordSearch) agent.Knowledge
	broken []string
}{
	{"finds nothing", func(wordSearch) agent.Knowledge {
		return searchFunc(func(context.Context, string, int) ([]agent.Passage, error) { return nil, nil })
	}, []string{"find", "hostile", "context"}},
	{"takes the first documents", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, _ string, limit int) ([]agent.Passage, error) {
			return s.Search(ctx, "greenhouse", limit)
		})
	}, []string{"find", "hostile"}},
	{"worst first", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			out, err := s.Search(ctx, "greenhouse "+query, limit)
			slices.Reverse(out)
			return out, err
		})
	}, []string{"find", "limit"}},
	{"ignores the limit", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, _ int) ([]agent.Passage, error) {
			return s.Search(ctx, query, 100)
		})
	}, []string{"limit"}},
	{"limits before it sorts", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			return wordSearch{s.docs[:max(min(limit, len(s.docs)), 0)]}.Search(ctx, query, limit)
		})
	}, []string{"find", "limit"}},
	{"a panic on a limit of -1", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			out, err := s.Search(ctx, query, 100)
			return out[:min(limit, len(out))], err
		})
	}, []string{"limit"}},
	{"no source", each(func(_ int, p *agent.Passage) { p.Source = "" }), []string{"find"}},
	{"another's source", each(func(_ int, p *agent.Passage) { p.Source = "documents" }), []string{"find"}},
	{"text in small letters", each(func(_ int, p *agent.Passage) { p.Text = strings.ToLower(p.Text) }), []string{"text"}},
	{"text cut inside a character", each(func(_ int, p *agent.Passage) {
		p.Text = p.Text[:strings.IndexFunc(p.Text, func(r rune) bool { return r > 127 })+2]
	}), []string{"text"}},
	{"text with its quotes escaped", each(func(_ int, p *agent.Passage) { p.Text = strings.ReplaceAll(p.Text, `"`, `\"`) }), []string{"text"}},
	{"scores that are distances", each(func(_ int, p *agent.Passage) { p.Score = -p.Score }), []string{"limit"}},
	{"scores that are no numbers", each(func(_ int, p *agent.Passage) { p.Score = math.NaN() }), []string{"find"}},
	{"quotes are syntax", errorOn(`"`), []string{"hostile"}},
	{"parentheses are syntax", errorOn(`()`), []string{"hostile"}},
	{"NUL is an error", errorOn("\x00"), []string{"hostile"}},
	{"an empty question is an error", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			if strings.TrimSpace(query) == "" {
				return nil, errors.New("nothing to search for")
			}
			return s.Search(ctx, query, limit)
		})
	}, []string{"hostile"}},
	{"nothing found is an error", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			out, err := s.Search(ctx, query, limit)
			if err == nil && len(out) == 0 {
				err = errors.New("no rows")
			}
			return out, err
		})
	}, []string{"hostile"}},
	{"a prefix is an operator", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			if strings.HasPrefix(query, "-") {
				return nil, nil
			}
			return s.Search(ctx, query, limit)
		})
	}, []string{"hostile"}},
	{"another answer each time", func(s wordSearch) agent.Knowledge {
		var n atomic.Int64
		return each(func(_ int, p *agent.Passage) { p.Score += float64(n.Add(1)) * -0.001 })(s)
	}, []string{"same", "parallel"}},
	{"keeps what it returned", func(s wordSearch) agent.Knowledge {
		kept := map[string][]agent.Passage{}
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			if kept[query] == nil {
				kept[query], _ = s.Search(ctx, query, limit)
			}
			return kept[query], nil
		})
	}, []string{"caller's", "context"}},
	{"ignores its context", func(s wordSearch) agent.Knowledge {
		return searchFunc(func(_ context.Context, query string, limit int) ([]agent.Passage, error) {
			return s.Search(context.Background(), query, limit)
		})
	}, []string{"context"}},
	{"breaks when it is given up", func(s wordSearch) agent.Knowledge {
		var broken error
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			if broken == nil {
				broken = ctx.Err()
			}
			if broken != nil {
				return nil, broken
			}
			return s.Search(ctx, query, limit)
		})
	}, []string{"context"}},
	{"one at a time", func(s wordSearch) agent.Knowledge {
		var busy atomic.Bool
		return searchFunc(func(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
			if !busy.CompareAndSwap(false, true) {
				return nil, errors.New("busy")
			}
			defer busy.Store(false)
			return s.Search(ctx, query, limit)
		})
	}, []string{"parallel"}},
}

// TestKnowledgeSuiteCatchesPlantedBugs is the test of the tester.
func TestKnowledgeSuiteCatchesPlantedBugs(t *testing.T) {
	promises := map[string]knowledgePromise{}
	for _, p := range knowledgePromises {
		require.NotContains(t, promises, p.name, "two promises of one name")
		promises[p.name] = p
	}
	seen := map[string]bool{}
	for _, bug := range knowledgeBugs {
		t.Run(bug.name, func(t *testing.T) {
			require.NotEmpty(t, bug.broken)
			for _, name := range bug.broken {
				p, ok := promises[name]
				require.True(t, ok, "there is no promise %q", name)
				seen[name] = true
				var err error
				for range 50 { // what goes on in parallel shows a bug only when it falls that way
					if err = p.check(bug.plant(wordSearch{knowledgeDocuments})); err != nil || name != "parallel" {
						break
					}
				}
				assert.Error(t, err, "%s was not seen to be broken", name)
			}
		})
	}
	for name := range promises {
		assert.True(t, seen[name], "no bug breaks %q", name)
	}
}
