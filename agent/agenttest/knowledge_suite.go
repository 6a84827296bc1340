package agenttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// KnowledgeDocument is a document that TestKnowledge searches: a paragraph of
// plain text, and the name that the source of its passages has to hold.
type KnowledgeDocument struct{ Source, Text string }

// TestKnowledge tests that a Knowledge keeps its contract. Open returns one
// that holds the documents and nothing else, for each promise; what it holds is
// given back with t.Cleanup. Questions share a word with the passage that is
// looked for, so that a search by words will do as well as one by meaning. A
// failure prints the promise that was broken.
//
// Run it under the race detector too.
func TestKnowledge(t *testing.T, open func(t *testing.T, docs []KnowledgeDocument) agent.Knowledge) {
	for _, p := range knowledgePromises {
		t.Run(p.name, func(t *testing.T) {
			under := open(t, knowledgeDocuments)
			if under == nil {
				t.Fatal("agenttest: open returned no Knowledge: what it opens is what is tested")
			}
			judge(t, "a Knowledge", p.promise, p.check(under))
		})
	}
}

// knowledgeDocuments are about different things, each in words of its own. One
// word is in all of them, so that there is something to limit.
var knowledgeDocuments = []KnowledgeDocument{
	{"returns", "Greenhouse returns: unused pots may be brought back within thirty days."},
	{"delivery", "Greenhouse couriers: parcels reach Jakarta overnight."},
	{"cactus", "Greenhouse cactus: water it once a month, in winter never."},
	{"hours", "Greenhouse timetable: open from Monday, closed on Sunday afternoon."},
	{"payment", "Greenhouse invoices: settle them by bank transfer or card."},
	{"unicode", "Greenhouse orchids: Käse, 日本語のテキスト, ภาษาไทย, e\u0301, 👨‍👩‍👧‍👦 and \"quotes\" <b>&amp;</b> 'as' they\tstand."},
}

// hostileQuestions are what contacts may write. None is a query language.
var hostileQuestions = []string{
	`"`, `'`, `""`, `"cactus`, `cactus"`, `(cactus`, `cactus)`, `()`, `*`, `cactus*`, `^cactus`, `-cactus`, `+cactus`, `text:cactus`, `{text}:cactus`,
	`AND`, `OR`, `NOT`, `NOT cactus`, `cactus AND`, `OR cactus`, `NEAR(cactus water, 2)`, `NEAR(`, `NEAR(cactus,`, `cactus NEAR/2 water`,
	`'; DROP TABLE documents; --`, `%`, `_`, `\`, `$1`, `?`, `?1`, `:name`, `@name`, "`cactus`", `{`, `}`, `[cactus]`, `<cactus>`, `/cactus/i`, `.*`,
	"cactus\x00water", "\x00", "\xff\xfe", "cactus\xff", "\u202ecactus", "👨‍👩‍👧‍👦", "…", "   ", "\n\t\r", "", "e\u0301\u0301\u0301\u0301",
	strings.Repeat("cactus ", 5000), strings.Repeat("x", 1<<16), strings.Repeat("日本", 1<<14), strings.Repeat("(", 5000), strings.Repeat(`"`, 5000),
	strings.Repeat("a OR ", 3000), strings.Repeat("cactus AND ", 3000),
}

// knowledgePromise is one promise of the contract.
type knowledgePromise struct {
	name    string
	promise string // completes "a Knowledge …"
	run     func(c *knowledgeCase)
}

// check runs a promise and returns how it was broken.
func (p knowledgePromise) check(k agent.Knowledge) (err error) {
	c := &knowledgeCase{k: k, ctx: context.Background()}
	defer func() {
		if r := recover(); r != nil {
			c.errorf("panic, in the Knowledge or over what it gave: %v\n%s", r, debug.Stack())
		}
		err = errors.Join(c.faults...)
	}()
	p.run(c)
	return nil
}

// knowledgeCase is a running promise. It may be used from several goroutines.
type knowledgeCase struct {
	k      agent.Knowledge
	ctx    context.Context
	mu     sync.Mutex
	faults []error
}

func (c *knowledgeCase) errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.faults) < 20 {
		c.faults = append(c.faults, fmt.Errorf(format, args...))
	}
}

// search asks a question that has to be answered, and checks what holds of
// every answer.
func (c *knowledgeCase) search(query string, limit int) []agent.Passage {
	got, err := c.k.Search(c.ctx, query, limit)
	shown := query
	if len(shown) > 60 {
		shown = shown[:60]
	}
	if err != nil {
		c.errorf("Search(%q, %d) returned %v", shown, limit, err)
		return nil
	}
	if len(got) > max(limit, 0) {
		c.errorf("Search(%q, %d) returned %d passages", shown, limit, len(got))
	}
	for i, p := range got {
		switch {
		case strings.TrimSpace(p.Text) == "" || strings.TrimSpace(p.Source) == "":
			c.errorf("Search(%q, %d): passage %d has no text or no source: %q, %q", shown, limit, i, p.Text, p.Source)
		case !utf8.ValidString(p.Text) || !utf8.ValidString(p.Source):
			c.errorf("Search(%q, %d): passage %d is not valid UTF-8: %q, %q", shown, limit, i, p.Text, p.Source)
		case math.IsNaN(p.Score) || math.IsInf(p.Score, 0):
			c.errorf("Search(%q, %d): the score of passage %d is %v", shown, limit, i, p.Score)
		case i > 0 && p.Score > got[i-1].Score:
			c.errorf("Search(%q, %d): passage %d has the score %v, the one before it %v: the best comes first", shown, limit, i, p.Score, got[i-1].Score)
		}
	}
	return got
}

// knowledgeQuestions are questions and the documents that answer them.
var knowledgeQuestions = map[string]string{
	"unused pots": "returns", "parcels to Jakarta": "delivery", "how much water does a cactus need in winter?": "cactus",
	"closed on Sunday?": "hours", "settle invoices by card": "payment", "orchids": "unicode",
}

var knowledgePromises = []knowledgePromise{
	{"find", "finds the passage that a question is about, first, with the source it is from", func(c *knowledgeCase) {
		for question, source := range knowledgeQuestions {
			got := c.search(question, 3)
			if len(got) == 0 || !strings.Contains(got[0].Source, source) {
				c.errorf("Search(%q) returned %v; expected the passage of %q first", question, got, source)
			}
		}
	}},
	{"text", "returns the text of a passage as it was written", func(c *knowledgeCase) {
		for question, source := range knowledgeQuestions {
			for _, d := range knowledgeDocuments {
				if got := c.search(question, 1); d.Source == source && len(got) > 0 && !strings.Contains(got[0].Text, d.Text) {
					c.errorf("Search(%q) returned the text %q of %q", question, got[0].Text, d.Text)
				}
			}
		}
	}},
	{"limit", "returns at most as many passages as it is asked for, the best of them", func(c *knowledgeCase) {
		for question := range knowledgeQuestions {
			all := c.search("greenhouse "+question, 100)
			for limit := -1; limit < 8; limit++ {
				got := c.search("greenhouse "+question, limit)
				if len(got) < min(max(limit, 0), len(all)) {
					c.errorf("Search(%q, %d) returned %d passages of %d", question, limit, len(got), len(all))
				}
				if len(got) > 0 && got[0] != all[0] {
					c.errorf("Search(%q, %d) returned %v first, and with another limit %v", question, limit, got[0], all[0])
				}
			}
		}
	}},
	{"hostile", "takes any text for a question, and nothing in it for a query language", func(c *knowledgeCase) {
		for _, q := range hostileQuestions {
			c.search(q, 5)
		}
		for _, q := range []string{`"cactus`, `cactus)`, `NEAR(cactus`, `cactus AND`, `-cactus`, `text:cactus`, `'cactus'`, "cactus\x00"} {
			if got := c.search(q, 5); len(got) == 0 || !strings.Contains(got[0].Source, "cactus") {
				c.errorf("Search(%q) returned %v; expected the passage of \"cactus\" first", q, got)
			}
		}
	}},
	{"same", "returns the same passages for the same question", func(c *knowledgeCase) {
		for question := range knowledgeQuestions {
			first := c.search(question, 5)
			for range 3 {
				if again := c.search(question, 5); fmt.Sprint(again) != fmt.Sprint(first) {
					c.errorf("Search(%q) returned %v and then %v", question, first, again)
				}
			}
		}
	}},
	{"caller's", "leaves what it returned to the caller", func(c *knowledgeCase) {
		first := c.search("unused pots", 5)
		want := fmt.Sprint(first)
		for i := range first {
			first[i] = agent.Passage{Text: "changed", Source: "changed"}
		}
		if again := c.search("unused pots", 5); fmt.Sprint(again) != want {
			c.errorf("Search returned %v, and after the caller had changed that, %v", want, again)
		}
	}},
	{"context", "returns the context's error when its context is done", func(c *knowledgeCase) {
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		if got, err := c.k.Search(ctx, "unused pots", 5); !errors.Is(err, context.Canceled) {
			c.errorf("Search with a context that is done returned %v, %v", got, err)
		}
		// And it works for the next one.
		if got := c.search("unused pots", 5); len(got) == 0 {
			c.errorf("after a Search that was given up, Search found nothing")
		}
	}},
	{"parallel", "answers each of many that ask at once as if they were alone", func(c *knowledgeCase) {
		want := map[string]string{}
		for question := range knowledgeQuestions {
			want[question] = fmt.Sprint(c.search(question, 5))
		}
		var wg sync.WaitGroup
		for range 4 {
			for question := range knowledgeQuestions {
				wg.Go(func() {
					defer func() {
						if r := recover(); r != nil {
							c.errorf("panic: %v", r)
						}
					}()
					for range 10 {
						if got := fmt.Sprint(c.search(question, 5)); got != want[question] {
							c.errorf("Search(%q) returned %s while others searched, and alone %s", question, got, want[question])
						}
					}
				})
			}
		}
		wg.Wait()
	}},
}
