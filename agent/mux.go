package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// Mux gives conversations to agents: each inbound message goes to the agent
// that its conversation is assigned to, a new conversation to the first agent,
// and handoffs are followed. It is safe for concurrent use, and any number of
// processes may have a Mux with the same agents on one Store. Make one with
// NewMux.
type Mux struct {
	agents []*Agent
	byID   map[string]*Agent
	def    *Agent // the first
	store  Store
	clock  frontdesk.Clock
	log    *slog.Logger
	newID  func() string
	cfg    *Config // of the first agent: what all share
	router *routing.Router
	loads  sync.Mutex // one at a time brings the router up to date
	worker string
	wake   chan struct{} // tells Run that there may be work
	busy   atomic.Bool   // Run is running
}

// NewMux joins agents. They must share Store, Channel, Clock and Workspace,
// have names of their own, and every AI agent that the instructions, a ladder or
// the fallback of one may hand over to must be among them; all faults are
// reported at once. The first agent is the default one: it takes conversations
// that nobody has.
//
// What concerns conversations and not one agent's thinking (debounce, opt-out,
// timeouts, presence, IDs, logger) is taken from the first agent.
func NewMux(agents ...*Agent) (*Mux, error) {
	if len(agents) == 0 || agents[0] == nil {
		return nil, errors.New("agent: NewMux needs at least one agent: build it with agent.New")
	}
	first := agents[0]
	m := &Mux{
		agents: agents, byID: map[string]*Agent{}, def: first,
		store: first.cfg.Store, clock: first.cfg.Clock, log: first.cfg.Logger, newID: first.cfg.NewID, cfg: &first.cfg,
		router: routing.NewRouter(first.directory), worker: first.cfg.NewID(), wake: make(chan struct{}, 1),
	}
	var errs []error
	for _, a := range agents {
		if a == nil {
			errs = append(errs, errors.New("agent: NewMux was given a nil agent: check the error of agent.New"))
			continue
		}
		if m.byID[a.id] != nil {
			errs = append(errs, fmt.Errorf("agent: two agents are named %q: rename one", a.cfg.Name))
		}
		m.byID[a.id] = a
		for _, part := range []struct {
			name string
			same bool
		}{
			{"Store", same(a.cfg.Store, first.cfg.Store)},
			{"Channel", same(a.cfg.Channel, first.cfg.Channel)},
			{"Clock", same(a.cfg.Clock, first.cfg.Clock)},
			{"Workspace", a == first || reflect.DeepEqual(a.cfg.Workspace, first.cfg.Workspace)},
		} {
			if !part.same && a != first {
				errs = append(errs, fmt.Errorf("agent: %q and %q have different %ss: agents of one Mux share one, give both the same", a.cfg.Name, first.cfg.Name, part.name))
			}
		}
	}
	for _, a := range agents {
		if a == nil {
			continue
		}
		for _, err := range a.cfg.outlasted(first.cfg.Timeouts.Lease) { // the lease that all work under
			if a != first {
				errs = append(errs, fmt.Errorf("%w (the lease of a Mux is its first agent's)", err))
			}
		}
		for _, name := range sortedKeys(a.rules.targets) {
			t := a.rules.targets[name].Target
			if t.Kind == frontdesk.TargetAIAgent && m.byID[t.ID] == nil {
				errs = append(errs, fmt.Errorf("agent: %q may hand over to @%s, which is not in the Mux: add that agent", a.cfg.Name, t.Name))
			}
		}
		for _, t := range a.ladderTargets() {
			if t.Kind == frontdesk.TargetAIAgent && m.byID[t.ID] == nil {
				errs = append(errs, fmt.Errorf("agent: a ladder of %q hands over to @%s, which is not in the Mux: add that agent", a.cfg.Name, t.Name))
			}
		}
		if t, err := a.rules.exists(a.cfg.Fallback.Assign); err == nil && t.Kind == frontdesk.TargetAIAgent && m.byID[t.ID] == nil {
			errs = append(errs, fmt.Errorf("agent: the fallback of %q is @%s, which is not in the Mux: add that agent", a.cfg.Name, t.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

// same compares two interface values without the panic that comparing maps
// (Channels is one) would bring.
func same(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if !va.IsValid() || !vb.IsValid() || va.Type() != vb.Type() {
		return va.IsValid() == vb.IsValid() && !va.IsValid()
	}
	switch va.Kind() {
	case reflect.Map, reflect.Slice, reflect.Func:
		return va.Pointer() == vb.Pointer()
	}
	if va.Comparable() {
		return va.Equal(vb)
	}
	return reflect.DeepEqual(a, b)
}

// now is the clock's time, in UTC and without a monotonic part, so that what
// is stored compares equal to what is read.
func (m *Mux) now() time.Time { return m.clock.Now().UTC().Round(0) }

// agentOf returns the agent that may act on the conversation: its assignee,
// or the default agent where nobody has it and nobody decided that it should
// wait for a human (S1.2). Nil: none may.
func (m *Mux) agentOf(c *frontdesk.Conversation) *Agent {
	switch {
	case c.Status != frontdesk.Open || c.OptedOut && !switches.Off(switches.OptOut):
		return nil
	case c.Assignee.Kind == frontdesk.AssigneeAgent:
		return m.byID[c.Assignee.ID]
	case c.Assignee.Kind == frontdesk.Nobody && !c.AwaitsHuman:
		return m.def
	}
	return nil
}

// configOf is the configuration of the agent that has the conversation, for
// what may differ by agent; else the default agent's.
func (m *Mux) configOf(c *frontdesk.Conversation) *Config {
	if a := m.agentOf(c); a != nil {
		return &a.cfg
	}
	return m.cfg
}

// Accept stores an inbound message and returns: for webhooks, which answer
// the provider when the message is safe. Run or RunDue does the rest. A
// message that was accepted before changes nothing and is no error (S7.1).
//
// An error means that the message was not stored: let the provider send it
// again, unless it is ErrMalformed.
func (m *Mux) Accept(ctx context.Context, in frontdesk.Inbound) error {
	_, err := m.accept(ctx, in, m.cfg.Debounce)
	if err == nil {
		m.notify()
	}
	return err
}

// notify tells Run that there may be work.
func (m *Mux) notify() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Handle stores an inbound message, does at once whatever is due on its
// conversation, and returns the turn that answered it: for programs without a
// queue of their own, and for tests. It does not wait: it skips the debounce,
// and a turn that has to be tried again later is left to a task, with the exit
// reason ExitRetrying. If another worker has the conversation, ctx ends or the
// store fails on the way, the exit reason is ExitDeferred; a message that was
// accepted before gives its recorded turn; one that no agent may answer gives
// ExitNotOurs. Turn.Next follows a handoff.
//
// The error is nil once the message is stored, whatever happens then.
func (m *Mux) Handle(ctx context.Context, in frontdesk.Inbound) (Turn, error) {
	acc, err := m.accept(ctx, in, 0)
	if err != nil {
		return Turn{}, err
	}
	if acc.duplicate {
		t, err := m.recorded(ctx, acc)
		if err != nil {
			m.log.Error("load turn", "conversation", acc.conversationID, "error", err)
		}
		return t, nil
	}
	var done []*Turn
	for {
		claimed, err := m.claim(ctx, acc.conversationID, 1)
		if err != nil {
			m.log.Error("claim", "conversation", acc.conversationID, "error", err)
			break
		}
		if len(claimed.Tasks) == 0 {
			break
		}
		for _, t := range claimed.Tasks {
			if turn := m.work(ctx, t); turn != nil {
				done = append(done, turn)
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return m.answered(ctx, acc, done), nil
}

// answered finds among the turns that were done the one that answered the
// message, and links the handoffs that followed it.
func (m *Mux) answered(ctx context.Context, acc accepted, done []*Turn) Turn {
	for i, t := range done {
		for _, id := range t.Inbound {
			if id == acc.messageID {
				link(t, done[i+1:])
				return *t
			}
		}
	}
	t, err := m.recorded(ctx, acc)
	if err != nil {
		m.log.Error("load turn", "conversation", acc.conversationID, "error", err)
	}
	for _, d := range done { // a turn that waits for its next try
		if d.Exit == ExitRetrying && t.Exit == ExitDuplicate {
			return *d
		}
	}
	if t.Exit == ExitDuplicate {
		t.Exit = ExitDeferred
	}
	return t
}

func link(t *Turn, later []*Turn) {
	for i, n := range later {
		if n.ID == t.NextID && t.NextID != "" {
			link(n, later[i+1:])
			t.Next = n
			return
		}
	}
}

// recorded loads the turn that answered a message which was accepted before.
func (m *Mux) recorded(ctx context.Context, acc accepted) (Turn, error) {
	t := Turn{ConversationID: acc.conversationID, Exit: ExitDuplicate}
	view, err := m.store.Load(ctx, Query{MessageID: acc.messageID})
	if err != nil {
		return t, err
	}
	if view.Found == nil {
		t.Exit = ExitDropped // the contact was deleted meanwhile
		return t, nil
	}
	t.ConversationID = view.Found.ConversationID
	if view.Found.TurnID == "" {
		if view.Found.Disposition != "" {
			t.Exit, t.Failure, t.Inbound = ExitNotOurs, string(view.Found.Disposition), []string{view.Found.ID}
		}
		return t, nil
	}
	view, err = m.store.Load(ctx, Query{ConversationID: t.ConversationID, TurnID: view.Found.TurnID})
	if err != nil || view.Turn == nil {
		return t, err
	}
	return *view.Turn, nil
}

// RunDue does all work that is due now, on the caller's goroutine, and
// returns how many tasks it did: for cron jobs and for tests with a fake
// clock. Work that another worker holds is left to it.
func (m *Mux) RunDue(ctx context.Context) (int, error) {
	n := 0
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		// One at a time: the lease of a task counts from its claim.
		claimed, err := m.claim(ctx, "", 1)
		if err != nil {
			return n, fmt.Errorf("agent: claim: %w", err)
		}
		if len(claimed.Tasks) == 0 {
			return n, nil
		}
		for _, t := range claimed.Tasks {
			m.work(ctx, t)
			n++
		}
	}
}

// NextDue returns when the next task falls due; ok is false when nothing
// waits. It does no work.
func (m *Mux) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	// No task is due at the zero time: this only asks for what comes next.
	claimed, err := m.store.Claim(ctx, ClaimQuery{Until: time.Time{}.Add(time.Second), Worker: m.worker, Max: 1})
	if err != nil {
		return time.Time{}, false, fmt.Errorf("agent: claim: %w", err)
	}
	return claimed.Next, !claimed.Next.IsZero(), nil
}

func (m *Mux) claim(ctx context.Context, conversation string, max int) (Claimed, error) {
	now := m.now()
	until := now.Add(m.cfg.Timeouts.Lease)
	claimed, err := m.store.Claim(ctx, ClaimQuery{Now: now, Until: until, Worker: m.worker, Max: max, ConversationID: conversation})
	for i := range claimed.Tasks {
		claimed.Tasks[i].until = until
	}
	return claimed, err
}

// maxWorkers is how many conversations Run works on at once. LLM calls spend
// their time waiting, so it is far more than the cores of a machine.
const maxWorkers = 64

// Run does work as it falls due until ctx is done. It is the only function of
// the package that waits and starts goroutines; it returns when all that it
// started has stopped. A second Run on the same Mux returns an error.
func (m *Mux) Run(ctx context.Context) error {
	if !m.busy.CompareAndSwap(false, true) {
		return errors.New("agent: Run is running already on this Mux: one is enough")
	}
	defer m.busy.Store(false)
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, maxWorkers)
	)
	defer wg.Wait()
	if w, ok := m.store.(Waker); ok {
		wg.Go(func() { m.listen(ctx, w) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.wake:
		case <-timer.C:
		}
		wait := m.cfg.Timeouts.Poll
		for ctx.Err() == nil {
			free := maxWorkers - len(slots)
			if free == 0 {
				break // a worker that ends wakes us
			}
			claimed, err := m.claim(ctx, "", free)
			if err != nil {
				if ctx.Err() == nil {
					m.log.Error("claim", "error", err)
				}
				break
			}
			for _, t := range claimed.Tasks {
				slots <- struct{}{}
				wg.Add(1)
				go func() {
					defer func() { <-slots; m.notify(); wg.Done() }()
					m.work(ctx, t)
				}()
			}
			if len(claimed.Tasks) == 0 {
				if d := claimed.Next.Sub(m.now()); !claimed.Next.IsZero() && d < wait {
					wait = max(d, time.Millisecond)
				}
				break
			}
		}
		timer.Reset(wait)
	}
}

// The time between two tries to hear from a Waker that failed.
const (
	minListen = 100 * time.Millisecond
	maxListen = 10 * time.Second
)

// listen lets a Waker wake Run until ctx is done, and tries again when it
// fails. Meanwhile Run polls.
func (m *Mux) listen(ctx context.Context, w Waker) {
	wait := minListen
	for {
		err := w.Wake(ctx, func() {
			wait = minListen
			m.notify()
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		m.log.Warn("wake", "error", err, "again in", wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = min(2*wait, maxListen)
	}
}
