package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// parts are what a program plugs in.
var parts = []string{"LLM", "action", "at-most-once action", "outgoing", "presence", "knowledge", "channel", "idempotent channel", "typing", "on turn"}

// trouble is a program with one part that makes trouble in the conversation of
// one contact, who writes "BAD". make gets a text to pass on in its place.
type trouble struct {
	part string
	make func(ctx context.Context) (text string, err error)

	mu   sync.Mutex
	keys []string // of the action's runs
	sent []agent.Outbound
	tell chan agent.Outbound // deliveries, if somebody listens
}

// strike makes the trouble if it is this part's.
func (tr *trouble) strike(ctx context.Context, part string, bad bool) (string, error) {
	if bad && part == tr.part {
		return tr.make(ctx)
	}
	return "", nil
}

func (tr *trouble) config(c *agent.Config) {
	c.Debounce = agent.Off
	c.LLM = agenttest.LLMFunc(func(ctx context.Context, req *agent.Request) (*agent.Response, error) {
		bad, last := false, req.Messages[len(req.Messages)-1]
		for _, m := range req.Messages {
			bad = bad || strings.Contains(m.Text, "[contact] BAD")
		}
		text, err := tr.strike(ctx, "LLM", bad)
		if err != nil {
			return nil, err
		}
		switch {
		case text != "":
			return &agent.Response{Text: text}, nil
		case !bad:
			return &agent.Response{Text: "good day"}, nil
		case last.Role == agent.RoleTool || strings.HasPrefix(last.Text, "[system]"):
			return &agent.Response{Text: "BAD day"}, nil
		case tr.part == "presence":
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("assign", args{"target": "Sales Team"})}}, nil
		}
		return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("work", nil)}}, nil
	})
	delivery := actions.AtLeastOnce
	if tr.part == "at-most-once action" {
		delivery = actions.AtMostOnce
	}
	work := actions.MustFunc("work", "Work.", func(ctx context.Context, call actions.Call, _ struct{}) (actions.Result, error) {
		tr.mu.Lock()
		tr.keys = append(tr.keys, call.Key)
		tr.mu.Unlock()
		text, err := tr.strike(ctx, "action", true)
		if tr.part == "at-most-once action" {
			text, err = tr.make(ctx)
		}
		return actions.Result{Content: text}, err
	})
	work.Delivery = delivery
	c.Actions = append(c.Actions, work)
	c.Outgoing = func(text string) (string, error) {
		more, err := tr.strike(context.Background(), "outgoing", strings.Contains(text, "BAD"))
		return text + more, err
	}
	c.Presence = presenceFunc(func(ctx context.Context, _ string) (bool, error) {
		_, err := tr.strike(ctx, "presence", true)
		return err == nil, err
	})
	c.Knowledge = searchFunc(func(ctx context.Context, query string) ([]agent.Passage, error) {
		text, err := tr.strike(ctx, "knowledge", strings.Contains(query, "BAD"))
		return []agent.Passage{{Text: "Open from nine. " + text, Source: "hours" + text}}, err
	})
	c.OnTurn = func(turn agent.Turn) {
		if _, err := tr.strike(context.Background(), "on turn", strings.Contains(turn.Reply(), "BAD")); err != nil {
			panic(err)
		}
	}
	c.Channel = tr
}

// Send implements agent.Channel.
func (tr *trouble) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	text, err := tr.strike(ctx, strings.TrimPrefix(tr.part, "idempotent "), strings.Contains(msg.Text, "BAD") && strings.HasSuffix(tr.part, "channel"))
	if strings.HasSuffix(tr.part, "channel") && strings.Contains(msg.Text, "BAD") && tr.part != "channel" {
		text, err = tr.make(ctx)
	}
	if err != nil {
		return agent.SendReceipt{}, err
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, m := range tr.sent {
		if m.Key == msg.Key && tr.part == "idempotent channel" {
			return agent.SendReceipt{ProviderID: "again"}, nil
		}
	}
	tr.sent = append(tr.sent, msg)
	if tr.tell != nil {
		tr.tell <- msg
	}
	return agent.SendReceipt{ProviderID: "p-" + msg.Key + text}, nil
}

// Capabilities implements agent.Channel.
func (tr *trouble) Capabilities(string) agent.Capabilities {
	return agent.Capabilities{Idempotent: tr.part == "idempotent channel"}
}

// Typing implements agent.Typer.
func (tr *trouble) Typing(ctx context.Context, _, to string) error {
	_, err := tr.strike(ctx, "typing", to == "+62811")
	return err
}

// to are the texts that were delivered to an address.
func (tr *trouble) to(address string) (texts []string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, m := range tr.sent {
		if m.To == address {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

type presenceFunc func(ctx context.Context, id string) (bool, error)

func (p presenceFunc) Available(ctx context.Context, id string) (bool, error) { return p(ctx, id) }

type searchFunc func(ctx context.Context, query string) ([]agent.Passage, error)

func (k searchFunc) Search(ctx context.Context, query string, _ int) ([]agent.Passage, error) {
	return k(ctx, query)
}

// I27: a part that panics, hangs until its deadline, returns 10 MB or leaves a
// goroutine behind harms the conversation it did that in, and no other; that
// one comes to an end too, and nothing large is kept.
func TestTroubleStaysInItsConversation(t *testing.T) {
	huge := strings.Repeat("0123456789 ", 1<<20)
	for _, kind := range []string{"panic", "hang until the deadline", "10 MB", "10 MB of error", "goroutine", "panic in the runtime"} {
		for _, part := range parts {
			if kind == "hang until the deadline" && (part == "outgoing" || part == "on turn") {
				continue // they get no context: see the next test
			}
			t.Run(kind+"/"+part, func(t *testing.T) {
				left := make(chan struct{})
				struck := 0
				tr := &trouble{part: part, make: func(ctx context.Context) (string, error) {
					struck++
					switch kind {
					case "panic":
						panic("trouble " + huge[:1000])
					case "panic in the runtime":
						_ = huge[len(huge)+struck:][0] // out of range
					case "hang until the deadline":
						<-ctx.Done()
						return "", ctx.Err()
					case "10 MB":
						return huge, nil
					case "10 MB of error":
						return "", errors.New(huge)
					case "goroutine":
						go func() { <-left }()
					}
					return "", nil
				}}
				defer close(left)
				k := newKit(t, nobody(t), tr.config, func(c *agent.Config) {
					short := 2 * time.Millisecond
					c.Timeouts = agent.Timeouts{LLM: short, Action: short, Knowledge: short, Presence: short, Send: short}
					c.Timeouts.Send = 10 * time.Second // also the window in which a send may start
					if strings.HasSuffix(part, "channel") {
						c.Timeouts.Send = short
					}
				})
				bad := k.say("BAD")
				require.NotEmpty(t, bad.Exit)
				good, err := k.mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: "g1", From: "+62999", Text: "Hello"})
				require.NoError(t, err)
				assert.Equal(t, agent.ExitReplied, good.Exit, good.Failure)
				assert.Equal(t, []string{"good day"}, tr.to("+62999"))
				assert.NotZero(t, struck, "the trouble was made")

				for range 30 { // all retries, and what follows them
					k.pass(time.Minute)
				}
				v := k.view()
				assert.Empty(t, v.Tasks, "it came to an end")
				assert.Empty(t, v.Waiting)
				assert.Empty(t, v.Outbox)
				answered := len(tr.to("+62811")) > 0 || v.Conversation.AwaitsHuman
				for _, m := range v.History {
					answered = answered || m.Direction == frontdesk.DirOutbound && m.Status == frontdesk.Unknown
				}
				assert.True(t, answered, "it has a reply, a human, or an outcome that is known to be unknown")
				stored, err := json.Marshal(v)
				require.NoError(t, err)
				journal, err := k.store.Load(k.ctx, agent.Query{ConversationID: v.Conversation.ID, TurnID: bad.ID})
				require.NoError(t, err)
				rows, err := json.Marshal(journal)
				require.NoError(t, err)
				assert.Less(t, len(stored)+len(rows), 400<<10, "nothing large is stored")
				assert.Less(t, len(strings.Join(tr.to("+62811"), "")), 64<<10, "nor sent")
			})
		}
	}
}

// What is promised of a part that hangs and does not look at its context: the
// library starts no goroutine to run away from it, so it holds one of the
// workers of Run, which has others; the conversation's lease runs out, another
// worker takes it and brings it to its end; and what the part returns at last
// is refused (protocol rule 4, S7.5).
func TestHangThatIgnoresItsContext(t *testing.T) {
	for _, part := range parts {
		t.Run(part, func(t *testing.T) {
			entered, release := make(chan struct{}), make(chan struct{})
			var struck atomic.Bool
			tr := &trouble{part: part, tell: make(chan agent.Outbound, 100)}
			tr.make = func(context.Context) (string, error) {
				if struck.CompareAndSwap(false, true) {
					close(entered)
					<-release
				}
				return "", nil
			}
			slow := func(c *agent.Config) { c.Timeouts.Poll = time.Hour }
			k := newKit(t, nobody(t), tr.config, slow)
			first := k.mux
			ctx, stop := context.WithCancel(k.ctx)
			ended := make(chan error, 1)
			go func() { ended <- first.Run(ctx) }()

			k.accept("BAD")
			<-entered
			require.NoError(t, first.Accept(k.ctx, frontdesk.Inbound{Channel: "test", ID: "g1", From: "+62999", Text: "Hello"}))
			for got := ""; got != "+62999"; { // the others are served meanwhile
				got = (<-tr.tell).To
			}
			if part == "on turn" { // its reply is on its way, and is not to be taken over
				require.Eventually(t, func() bool { return len(k.view().Outbox) == 0 }, 5*time.Minute, time.Millisecond)
			}

			k.build(nobody(t), tr.config, slow) // another process
			assert.Zero(t, k.runDue(), "the lease still protects what hangs")
			k.clock.Advance(3 * time.Minute)
			k.runDue()
			before := k.view()
			assert.Empty(t, before.Waiting, "another worker brought it to its end")
			assert.Empty(t, before.Tasks)

			close(release) // and now it comes back
			stop()
			require.ErrorIs(t, <-ended, context.Canceled)
			after := k.view()
			assert.Equal(t, before, after, "what came late changed nothing")
			want := []string{"BAD day"}
			assert.Equal(t, want, tr.to("+62811"), "one reply")
			var out []frontdesk.Message
			for _, m := range after.History {
				if m.Direction == frontdesk.DirOutbound {
					out = append(out, m)
				}
			}
			require.Len(t, out, 1)
			switch part {
			case "channel": // sent or not: who took over could not know, and did not send again
				assert.Equal(t, frontdesk.Unknown, out[0].Status)
			default:
				assert.Equal(t, frontdesk.Sent, out[0].Status)
			}
			tr.mu.Lock()
			defer tr.mu.Unlock()
			switch part {
			case "action": // at least once, under one key
				require.Len(t, tr.keys, 2)
				assert.Equal(t, tr.keys[0], tr.keys[1])
			case "presence":
			default:
				assert.Len(t, tr.keys, 1)
			}
		})
	}
}

// swapStore is a Store that starts anew now and then, so that what grows is
// not the store.
type swapStore struct{ agent.Store }

// I27: memory and goroutines are flat over many turns. What is measured is the
// engine: the store, which keeps everything, is replaced by an empty one every
// thousand turns. FRONTDESK_TURNS=1000000 makes it a million.
func TestMemoryIsFlat(t *testing.T) {
	turns := 20_000
	if testing.Short() {
		turns = 4_000
	}
	if s := os.Getenv("FRONTDESK_TURNS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		turns = n
	}
	store := &swapStore{memstore.New()}
	llm := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		if m := req.Messages[len(req.Messages)-1]; m.Role == agent.RoleTool {
			return &agent.Response{Text: "Done, " + m.Name + "."}, nil
		}
		return &agent.Response{Calls: []agent.ToolCall{
			agenttest.Call("update_stage", args{"stage": "Hot Lead"}), agenttest.Call("add_comment", args{"text": "They are keen."}),
		}}, nil
	})
	k := newKit(t, nobody(t))
	k.store = store
	k.build(llm, func(c *agent.Config) {
		c.Channel = channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) { return agent.SendReceipt{}, nil })
		c.Instructions = ladderPrompt
	})
	measure := func() (heap uint64, goroutines int) {
		store.Store = memstore.New()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	var base uint64
	var running int
	for i := range turns {
		if i%1000 == 0 {
			store.Store = memstore.New()
		}
		if i == turns/10 {
			base, running = measure()
		}
		turn, err := k.mux.Handle(k.ctx, frontdesk.Inbound{
			Channel: "test", ID: fmt.Sprintf("m%d", i), From: fmt.Sprintf("+%d", i%100), Text: "I want a demo.", Name: "Ann",
		})
		require.NoError(t, err)
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	}
	heap, now := measure()
	t.Logf("%d turns: heap %d KiB after a tenth of them, %d KiB after all", turns, base>>10, heap>>10)
	assert.Less(t, heap, base+512<<10, "the heap grew")
	assert.LessOrEqual(t, now, running, "goroutines are left")
}
