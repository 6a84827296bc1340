package langchain

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// retrieverFunc is a function as a retriever.
type retrieverFunc func(ctx context.Context, query string) ([]schema.Document, error)

func (f retrieverFunc) GetRelevantDocuments(ctx context.Context, query string) ([]schema.Document, error) {
	return f(ctx, query)
}

// byWords is a retriever that counts the words that a document shares with the
// question, and gives all documents back, as vector stores do.
func byWords(docs []schema.Document) retrieverFunc {
	return func(ctx context.Context, query string) ([]schema.Document, error) {
		var out []schema.Document
		asked := map[string]bool{}
		for _, w := range strings.FieldsFunc(strings.ToLower(query), notLetter) {
			asked[w] = true
		}
		for _, d := range docs {
			for _, w := range strings.FieldsFunc(strings.ToLower(d.PageContent), notLetter) {
				if asked[w] {
					d.Score++
				}
			}
			out = append(out, d)
		}
		return out, ctx.Err()
	}
}

func notLetter(r rune) bool { return !('a' <= r && r <= 'z') }

// S12.1, S12.2
func TestKnowledgeConformance(t *testing.T) {
	agenttest.TestKnowledge(t, func(_ *testing.T, docs []agenttest.KnowledgeDocument) agent.Knowledge {
		var stored []schema.Document
		for _, d := range docs {
			stored = append(stored, schema.Document{PageContent: d.Text, Metadata: map[string]any{"source": d.Source}})
		}
		return Knowledge(byWords(stored))
	})
}

func TestKnowledgeSources(t *testing.T) {
	for _, c := range []struct {
		key      string
		metadata map[string]any
		want     string
	}{
		{"", map[string]any{"source": "faq.md", "title": "FAQ"}, "faq.md"},
		{"", map[string]any{"title": "FAQ", "page": 3, "total_pages": 9}, "FAQ: page 3"},
		{"", map[string]any{"source": "", "url": "https://example.com/a\nb"}, "https://example.com/a b"},
		{"", map[string]any{"source": nil, "id": 7}, "7"},
		{"", map[string]any{"page": 3}, "unknown source"},
		{"", nil, "unknown source"},
		{"article", map[string]any{"article": "Returns", "source": "cms"}, "Returns"},
		{"article", map[string]any{"source": "cms"}, "cms"},
		{"", map[string]any{"source": "bad\xff"}, "bad\uFFFD"},
	} {
		k := KnowledgeFrom(retrieverFunc(func(context.Context, string) ([]schema.Document, error) {
			return []schema.Document{{PageContent: "text", Metadata: c.metadata}}, nil
		}), c.key)
		got, err := k.Search(context.Background(), "q", 1)
		require.NoError(t, err)
		require.Len(t, got, 1)
		assert.Equal(t, c.want, got[0].Source, c.metadata)
	}
}

// What a retriever gives is not trusted to be in order, whole, or a number.
func TestKnowledgeOfOddDocuments(t *testing.T) {
	k := Knowledge(retrieverFunc(func(context.Context, string) ([]schema.Document, error) {
		return []schema.Document{
			{PageContent: "a", Score: 0.1}, {PageContent: " \n"}, {PageContent: "b\xff", Score: 0.9}, {PageContent: "c", Score: float32(math.NaN())},
			{PageContent: "d", Score: 0.1},
		}, nil
	}))
	got, err := k.Search(context.Background(), "q", 3)
	require.NoError(t, err)
	var texts []string
	for _, p := range got {
		texts = append(texts, p.Text)
	}
	assert.Equal(t, []string{"b\uFFFD", "a", "d"}, texts)
}

func TestKnowledgeFaults(t *testing.T) {
	ctx := context.Background()
	down := errors.New("connection refused")
	_, err := Knowledge(retrieverFunc(func(context.Context, string) ([]schema.Document, error) { return nil, down })).Search(ctx, "q", 1)
	assert.ErrorIs(t, err, down)
	assert.ErrorContains(t, err, "langchain: retrieve: ")

	_, err = Knowledge(retrieverFunc(func(context.Context, string) ([]schema.Document, error) { panic("boom") })).Search(ctx, "q", 1)
	var p *PanicError
	require.ErrorAs(t, err, &p)
	assert.ErrorContains(t, err, "boom")

	giveUp, cancel := context.WithCancel(ctx)
	_, err = Knowledge(retrieverFunc(func(context.Context, string) ([]schema.Document, error) {
		cancel()
		return nil, errors.New("request failed")
	})).Search(giveUp, "q", 1)
	assert.ErrorIs(t, err, context.Canceled)

	_, err = Knowledge(nil).Search(ctx, "q", 1)
	assert.ErrorContains(t, err, "there is no retriever")

	// An embedder is never asked about nothing, and gets no NUL.
	asked := []string{}
	k := Knowledge(retrieverFunc(func(_ context.Context, q string) ([]schema.Document, error) {
		asked = append(asked, q)
		return nil, nil
	}))
	for _, q := range []string{"", " \n", "\x00", "a\x00b"} {
		_, err := k.Search(ctx, q, 5)
		assert.NoError(t, err)
	}
	assert.Equal(t, []string{"a b"}, asked)
}
