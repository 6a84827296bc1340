package langchain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/schema"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// sourceKeys are the keys of a document's metadata that say where it is from,
// in the order in which they are asked: those that langchaingo's loaders and
// vector stores, and most programs, use.
var sourceKeys = []string{"source", "file_path", "file_name", "filename", "file", "url", "uri", "link", "title", "name", "id"}

// partKeys say which part of it.
var partKeys = []string{"page", "row", "section", "chunk"}

// Retriever is an agent.Knowledge over a langchaingo retriever, such as a
// vector store. It may be used from several goroutines at once if the
// retriever may.
type Retriever struct {
	retriever schema.Retriever
	sourceKey string
}

var _ agent.Knowledge = (*Retriever)(nil)

// Knowledge returns an agent.Knowledge over a retriever (S12.2).
//
// The source of a passage is the value of the first of these keys of the
// document's metadata that there is: source, file_path, file_name, filename,
// file, url, uri, link, title, name, id; with page, row, section or chunk behind
// it. A document without any is of an "unknown source". The score is
// Document.Score, whose scale is the retriever's; documents come in the
// retriever's order, unless their scores say otherwise: then the highest comes
// first.
//
// A retriever decides by itself how many documents it returns: give it at
// least as many as agent.Limits.Passages. A panic of it is an error.
func Knowledge(retriever schema.Retriever) *Retriever { return KnowledgeFrom(retriever, "") }

// KnowledgeFrom is Knowledge with the key of the metadata that says where a
// document is from. Empty, and where a document does not have it: as in
// Knowledge.
func KnowledgeFrom(retriever schema.Retriever, sourceKey string) *Retriever {
	return &Retriever{retriever: retriever, sourceKey: sourceKey}
}

// Search implements agent.Knowledge.
func (r *Retriever) Search(ctx context.Context, query string, limit int) ([]agent.Passage, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("langchain: retrieve: %w", err)
	}
	if r == nil || r.retriever == nil {
		return nil, errors.New("langchain: there is no retriever; give Knowledge a schema.Retriever that is not nil")
	}
	query = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(query, "\x00", " "), "\uFFFD"))
	if query == "" || limit <= 0 {
		return nil, nil // embedders refuse a text of nothing
	}
	docs, err := r.documents(ctx, query)
	if err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			err = ctxErr // retrievers hide it behind their own text
		}
		return nil, fmt.Errorf("langchain: retrieve: %w", err)
	}
	var out []agent.Passage
	for _, d := range docs {
		text := strings.TrimSpace(strings.ToValidUTF8(d.PageContent, "\uFFFD"))
		if text == "" {
			continue
		}
		score := float64(d.Score)
		if math.IsNaN(score) || math.IsInf(score, 0) {
			score = 0
		}
		out = append(out, agent.Passage{Text: text, Source: r.source(d.Metadata), Score: score})
	}
	slices.SortStableFunc(out, func(a, b agent.Passage) int { return cmp.Compare(b.Score, a.Score) })
	return out[:min(len(out), limit)], nil
}

// documents asks the retriever and turns a panic into an error.
func (r *Retriever) documents(ctx context.Context, query string) (docs []schema.Document, err error) {
	defer func() {
		if v := recover(); v != nil {
			docs, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return r.retriever.GetRelevantDocuments(ctx, query)
}

// source says where a document is from.
func (r *Retriever) source(metadata map[string]any) string {
	keys := sourceKeys
	if r.sourceKey != "" {
		keys = append([]string{r.sourceKey}, keys...)
	}
	name := first(metadata, keys)
	if name == "" {
		return "unknown source"
	}
	for _, key := range partKeys {
		if part := first(metadata, []string{key}); part != "" {
			return name + ": " + key + " " + part
		}
	}
	return name
}

// first is the first of the keys that has a value that says something.
func first(metadata map[string]any, keys []string) string {
	for _, key := range keys {
		v, ok := metadata[key]
		if !ok || v == nil {
			continue
		}
		if text := strings.Join(strings.Fields(strings.ToValidUTF8(fmt.Sprint(v), "\uFFFD")), " "); text != "" {
			return text
		}
	}
	return ""
}
