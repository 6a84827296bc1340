package world

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// Rules are rules of the protocol that are switched off, one at a time, to
// prove that the log sees what they prevent. The zero value has all of them.
type Rules struct {
	// NoFence lets commits and appends of a lost lease through (rule 4).
	NoFence bool
	// NoVersion lets commits through that were decided from what is no longer
	// so.
	NoVersion bool
	// NoDedupe stores an inbound as often as it comes (rule 1).
	NoDedupe bool
	// NoJournal forgets what is appended to a journal (rule 2).
	NoJournal bool
	// Torn applies a commit in two transactions, with a point between them
	// (rule 3).
	Torn bool
	// NoRecheck hides from whoever sends that a message is of another epoch,
	// and that the contact wrote since (rule 5).
	NoRecheck bool
	// ClaimBlocked lets tasks be claimed that wait for something (rules 8, 9).
	ClaimBlocked bool
	// NoDelete has a contact deleted who is not (I24).
	NoDelete bool
	// NoOrder arms ladders without their first step (I8).
	NoOrder bool
	// NoLease gives leases of turns that end as they begin: it costs money, and
	// must harm nothing. The order of sends does rest on leases: what happens
	// outside of the store has no token.
	NoLease bool
}

// Fault is what becomes of one operation.
type Fault int

// The faults.
const (
	// None lets the operation be.
	None Fault = iota
	// Before is an error, and the operation had no effect.
	Before
	// After is an error, though the operation had its effect.
	After
	// Crash stops the process before the operation.
	Crash
	// Reject is a channel that takes the message never. For other operations it
	// is Before.
	Reject
)

func (f Fault) String() string {
	return [...]string{"none", "error before", "error after", "crash", "rejection"}[f]
}

// Config is what a World is made of. The zero value is ready for use.
type Config struct {
	Rules Rules
	// Idempotent is whether the channel deduplicates.
	Idempotent bool
	// Ladder has the agent follow up on silence, in three steps, or in five if
	// Long is set: as many as there may be.
	Ladder, Long bool
	// SQLite runs on sqlitestore, in memory, instead of memstore. What happens
	// is the same.
	SQLite bool
	// Brief ends a storm at the first promise that it breaks, and describes it
	// no further: for controls, of which many spin once they are broken.
	Brief bool
	// Clocked makes each reading of the clock a point at which an actor named
	// "clock" may go on.
	Clocked bool
}

// ladderDelay is the delay of each step of the ladder.
const ladderDelay = 2 * time.Minute

// sendWindow is how long after its claim a message may still go out.
const sendWindow = 10 * time.Second

// maxOps is after how many operations a run counts as one without end.
const maxOps = 3000

// spins is what a run without end breaks.
const spins = "rule 9: a worker spins"

// ErrInjected is the error of Before and After.
var ErrInjected = errors.New("sim: injected")

var start = time.Date(2025, time.January, 6, 9, 0, 0, 0, time.UTC)

// backend is the store that the engine's calls come to in the end.
type backend interface {
	agent.Store
	Delete(ctx context.Context, contactIDs ...string) error
}

// Discard gives back what the store of the world holds. The world can be used
// again.
func (w *World) Discard() {
	if old, ok := w.store.(io.Closer); ok {
		if err := old.Close(); err != nil {
			panic(err) // nothing is under way in it
		}
	}
	w.store = nil
}

// open opens an empty store, and closes the one before.
func (w *World) open() backend {
	w.Discard()
	if !w.cfg.SQLite {
		return memstore.New()
	}
	s, err := sqlitestore.Open(sqlitestore.Memory, &sqlitestore.Options{PurgeLater: true})
	if err != nil {
		panic(err) // a store in memory opens, or there is no memory
	}
	return s
}

// World is one workspace, its agents and what is around them. It is used by
// one run after another, each begun by reset.
type World struct {
	cfg    Config
	sched  scheduler
	now    time.Time
	store  backend
	log    *Log
	agents []*agent.Agent
	// fault decides on the n-th operation, from 1. Nil: no faults.
	fault func(op string, n int) Fault
	ops   int
	// outsideIDs counts IDs that are made outside of a run.
	outsideIDs int
	delivered  map[string]agent.SendReceipt
	// skew is how far the clock is ahead of the truth.
	skew time.Duration
	// storm is set while a random simulation runs.
	storm     *storm
	pools     map[poolKey][][]*agent.Agent
	used      map[poolKey]int
	playbooks map[poolKey]*instructions.Playbook
	// limited is set when an agent was told to pause.
	limited bool
	maxOps  int
	// chosen are the conversations that were claimed from, in order, with an
	// empty one where there was nothing to claim; follow are those of another
	// world, which this one does the same as.
	chosen, follow []string
	coverage       Coverage
}

// NewWorld makes a world.
func NewWorld(cfg Config) (*World, error) {
	w := &World{cfg: cfg}
	w.reset()
	for _, name := range []string{"Sales Agent", "Support Agent"} {
		a, err := agent.New(w.config(name))
		if err != nil {
			return nil, err
		}
		w.agents = append(w.agents, a)
	}
	return w, nil
}

// reset empties the world for the next run.
func (w *World) reset() {
	w.sched = scheduler{now: func() time.Time { return w.now }, advance: func(to time.Time) { w.now = to }}
	w.now, w.skew = start, 0
	w.maxOps = maxOps
	w.store = w.open()
	w.log = newLog(w)
	w.fault, w.ops, w.outsideIDs, w.chosen = nil, 0, 0, nil
	w.delivered = map[string]agent.SendReceipt{}
}

const prompt = `# CONTEXT
* You talk with someone who visits our pricing page.
# FLOW
1. Answer.
2. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.
3. If they need technical help, assign to @Support Agent.
4. If they are done, close the conversation.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
`

func workspace() frontdesk.Workspace {
	return frontdesk.Workspace{
		ID: "ws", Name: "Acme",
		Users:           []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}, {ID: "cy", Name: "Cy"}},
		Teams:           []frontdesk.Team{{ID: "sales", Name: "Sales Team", Members: []string{"ana", "ben", "cy"}}},
		AIAgents:        []frontdesk.AIAgent{{ID: "a-sales", Name: "Sales Agent"}, {ID: "a-support", Name: "Support Agent"}},
		LifecycleStages: []string{"New Lead", "Hot Lead", "Cold Lead"},
		ClosingNotes:    []string{"Issue Resolved"},
	}
}

func (w *World) config(name string) agent.Config {
	cfg := agent.Config{
		Name: name, Instructions: prompt, Workspace: workspace(), LLM: (*llm)(w), Store: (*store)(w), Channel: (*channel)(w), Clock: (*clock)(w),
		Actions:  []actions.Action{actions.Assign(), actions.Close(), actions.UpdateStage(), w.action("quote", actions.AtLeastOnce), w.action("charge", actions.AtMostOnce)},
		NewID:    w.newID,
		Debounce: agent.Off,
		Timeouts: agent.Timeouts{Send: sendWindow},
	}
	if w.cfg.Ladder {
		cfg.Ladders = []followup.Ladder{{Steps: []followup.Step{
			{Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: "Still there?", Verbatim: true}}},
			{Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: "Hello?", Verbatim: true}}},
			{
				Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: "I close this for now.", Verbatim: true}},
				Actions: []followup.Action{{Name: actions.NameUpdateStage, Value: "Cold Lead"}, {Name: actions.NameClose, NoSummary: true}},
			},
		}}}
	}
	return cfg
}

// mux is a new process.
func (w *World) mux() *agent.Mux {
	m, err := agent.NewMux(w.agents...)
	if err != nil {
		panic(err) // the world was built with the same agents
	}
	return m
}

// newID gives IDs that depend on nothing but what the actor did before.
func (w *World) newID() string {
	if a := w.sched.current; a != nil {
		a.ids++
		return fmt.Sprintf("%s-%d", a.name, a.ids)
	}
	w.outsideIDs++
	return fmt.Sprintf("id-%d", w.outsideIDs)
}

// point is where an operation begins: others may go on first, the actor may
// crash, the operation may fail.
func (w *World) point(op string) Fault {
	w.sched.step(op)
	if w.sched.current == nil {
		return None // while the world is set up
	}
	if w.ops++; w.ops > w.maxOps {
		w.log.violate(spins+": %d operations and no end", w.ops)
		w.sched.abort(w.sched.current)
	}
	if w.cfg.Brief && len(w.log.violations) > 0 {
		w.sched.abort(w.sched.current)
	}
	f := None
	switch {
	case w.storm != nil:
		f = w.storm.decide(op)
	case w.fault != nil:
		f = w.fault(op, w.ops)
	}
	if f == Crash {
		a := w.sched.current
		if a == nil || !a.mortal {
			return None
		}
		w.log.add(Event{Op: "crash"})
		a.crashed = true
		w.sched.step(op) // does not return
	}
	if f != None {
		w.log.add(Event{Op: "fault", Text: f.String() + " of " + op})
	}
	return f
}

// learn takes note of what an operation told its actor.
func (w *World) learn(op string, told uint64, err error) {
	a := w.sched.current
	if a == nil {
		return
	}
	if op == "load" && !a.mortal && err == nil {
		// A person or a webhook reads and commits, and reads again if that
		// fails: all that counts is whether what it read still holds.
		a.seen, a.read = 2, w.log.stored
		return
	}
	a.seen = mix(a.seen, text(op), told, uint64(w.now.UnixNano()))
	if err != nil {
		a.seen = mix(a.seen, text(err.Error()))
	}
}

// key stands for the whole state of the world: what was written, in which
// order, the time, and what each actor has learned. Of two runs with one key
// the future is the same, and so is what the log has seen.
func (w *World) key() uint64 {
	l := w.log
	k := mix(l.stored, l.journals, l.lanes, l.outside, uint64(w.now.UnixNano()), uint64(w.sched.crashes))
	for _, a := range w.sched.actors {
		k = mix(k, a.seen, text(a.at))
		if a.seen == 2 && a.read != l.stored {
			k++ // what it read is stale
		}
		if a.ended {
			k++
		}
	}
	return k
}

func mix(h uint64, vs ...uint64) uint64 {
	for _, v := range vs {
		h ^= v + 0x9e3779b97f4a7c15 + h<<6 + h>>2
		h *= 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

func text(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // never fails
	return h.Sum64()
}

type clock World

// Now implements frontdesk.Clock.
func (c *clock) Now() time.Time {
	w := (*World)(c)
	if !w.cfg.Clocked || w.sched.current == nil {
		return w.now
	}
	for _, a := range w.sched.actors {
		if a.name == "clock" && !a.ended && a != w.sched.current {
			at := w.sched.current.at
			w.sched.step("now", a)
			w.sched.current.at = at
			w.sched.current.seen = mix(w.sched.current.seen, uint64(w.now.UnixNano()))
			break
		}
	}
	return w.now
}

// advance moves the clock.
func (w *World) advance(d time.Duration) {
	w.now = w.now.Add(d)
	w.log.add(Event{Op: "clock", Text: d.String()})
}

type channel World

// Send implements agent.Channel.
func (c *channel) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	w := (*World)(c)
	if w.storm != nil {
		return w.storm.send(msg)
	}
	begun := w.now
	f := w.point("send")
	if w.now.Sub(begun) >= sendWindow {
		// The context of the send has ended long ago.
		w.learn("send", 0, context.DeadlineExceeded)
		return agent.SendReceipt{}, context.DeadlineExceeded
	}
	if f == Before {
		err := &agent.SendError{Outcome: agent.NotSent, Err: ErrInjected}
		w.learn("send", 0, err)
		return agent.SendReceipt{}, err
	}
	receipt, again := w.delivered[msg.Key]
	if !again || !w.cfg.Idempotent {
		receipt = agent.SendReceipt{ProviderID: "p-" + msg.Key}
		w.delivered[msg.Key] = receipt
		w.log.deliver(msg)
	}
	if f == After {
		w.learn("send", 0, ErrInjected)
		return agent.SendReceipt{}, ErrInjected
	}
	w.learn("send", 0, nil)
	return receipt, nil
}

// Capabilities implements agent.Channel.
func (c *channel) Capabilities(name string) agent.Capabilities {
	caps := agent.Capabilities{Idempotent: (*World)(c).idempotent(name)}
	if name == "sms" {
		caps.MaxLength, caps.ReplyWindow = smsLength, smsWindow
	}
	return caps
}

// What the channel "sms" can do.
const (
	smsLength = 160
	smsWindow = 90 * time.Minute
)

type llm World

// Generate implements agent.LLM. What it answers depends on what the contact
// wrote last, and on the calls that were made since:
//
//	"demo"   assigns to the team and sets the stage
//	"help"   hands over to the other agent
//	"done"   closes
//	"price"  calls quote, then charge
func (l *llm) Generate(_ context.Context, req *agent.Request) (*agent.Response, error) {
	w := (*World)(l)
	if w.storm != nil {
		return w.storm.generate(req)
	}
	f := w.point("llm")
	w.log.thought()
	request := hashOf(req.Messages)
	if f == Before {
		err := &agent.LLMError{Kind: agent.LLMTemporary, Err: ErrInjected}
		w.learn("llm", 0, err)
		return nil, err
	}
	w.log.ask(request)
	if f == After {
		err := &agent.LLMError{Kind: agent.LLMTemporary, Err: ErrInjected}
		w.learn("llm", 0, err)
		return nil, err
	}
	w.learn("llm", 0, nil)
	return answer(req), nil
}

func answer(req *agent.Request) *agent.Response {
	if len(req.Tools) == 0 {
		return &agent.Response{Text: "They wrote nothing more.", Stop: agent.StopEnd}
	}
	last, calls := "", 0
	for _, m := range req.Messages {
		switch {
		case m.Role == agent.RoleUser:
			last, calls = m.Text, 0
		case m.Role == agent.RoleTool:
			calls++
		}
	}
	call := func(name, args string) *agent.Response {
		return &agent.Response{Calls: []agent.ToolCall{{ID: "c1", Name: name, Arguments: []byte(args)}}, Stop: agent.StopCalls}
	}
	has := func(word string) bool { return strings.Contains(last, word) && strings.Contains(last, "[contact") }
	switch {
	case has("demo") && calls == 0:
		r := call("assign", `{"target":"Sales Team","reason":"wants a demo"}`)
		r.Calls = append(r.Calls, agent.ToolCall{ID: "c2", Name: "update_stage", Arguments: []byte(`{"stage":"Hot Lead"}`)})
		return r
	case has("help") && calls == 0:
		return call("assign", `{"target":"Support Agent","reason":"technical"}`)
	case has("done") && calls == 0:
		return call("close_conversation", `{"summary":"all done"}`)
	case has("price") && calls == 0:
		return call("quote", `{}`)
	case has("price") && calls == 1:
		return call("charge", `{}`)
	}
	return &agent.Response{Text: "Answer to " + last[strings.LastIndex(last, "]")+1:], Stop: agent.StopEnd}
}

// purchase is what actions are called with.
type purchase struct {
	Amount int `json:"amount,omitempty"`
}

const purchaseSchema = `{"type":"object","properties":{"amount":{"type":"integer","maximum":100}},"additionalProperties":false}`

// action is an effect outside of the store.
func (w *World) action(name string, d actions.Delivery) actions.Action {
	a := actions.MustFunc(name, "Does "+name+".", func(_ context.Context, c actions.Call, in purchase) (actions.Result, error) {
		f := w.point("action")
		if f == Before {
			w.learn("action", 0, ErrInjected)
			return actions.Result{}, ErrInjected
		}
		w.log.run(c, name, in)
		if f == After {
			w.learn("action", 0, ErrInjected)
			return actions.Result{}, ErrInjected
		}
		w.learn("action", 0, nil)
		return actions.Result{Content: name + " done"}, nil
	})
	a.Delivery, a.Schema = d, []byte(purchaseSchema)
	return a
}
