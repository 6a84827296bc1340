package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/rpc"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/pgstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// workerVariable tells this program to be a worker: its number, a colon, and
// the socket of its supervisor.
const workerVariable = "FRONTDESK_CRASH_WORKER"

// accepters is how many messages a worker accepts at once.
const accepters = 8

// runWorker is the whole life of a worker that nobody kills.
func runWorker(spec string) (err error) {
	ignoreFileSize()
	number, socket, _ := strings.Cut(spec, ":")
	w := &worker{}
	if _, err := fmt.Sscan(number, &w.number); err != nil {
		return fmt.Errorf("crash: worker: %w", err)
	}
	if w.client, err = rpc.Dial("unix", socket); err != nil {
		return fmt.Errorf("crash: worker: %w", err)
	}
	var j Job
	if err := w.client.Call("Link.Hello", w.number, &j); err != nil {
		return fmt.Errorf("crash: worker: %w", err)
	}
	w.fault = j.Fault
	if g, ok := guardOf(j.Fault); ok {
		switches.With(func() { err = w.run(j) }, g)
		return err
	}
	return w.run(j)
}

// opened is a store as this program needs it.
type opened interface {
	agent.Store
	agent.Desk
	Close() error
}

func openStore(ctx context.Context, kind, dsn string) (opened, error) {
	if kind == storePostgres {
		return pgstore.Open(ctx, dsn, nil)
	}
	return sqlitestore.Open(dsn, nil)
}

// worker is a process that accepts messages and does what is due.
type worker struct {
	number int
	client *rpc.Client
	fault  fault
	store  agent.Store
	mux    *agent.Mux
	unique atomic.Int64
}

func (w *worker) run(j Job) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := w.open(ctx, j)
	if err != nil {
		return err
	}
	w.store = s
	p := parts{
		store: (*announced)(w), channel: (*channel)(w), llm: (*llm)(w), act: w.act,
		log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("worker", w.number),
	}
	if w.mux, err = p.newMux(); err != nil {
		return errors.Join(err, s.Close())
	}
	var all sync.WaitGroup
	var link error
	var once sync.Once
	each := func(f func() error) {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := f(); err != nil {
					once.Do(func() { link = err })
					stop()
				}
			}
		})
	}
	for range accepters {
		each(func() error { return w.accept(ctx) })
	}
	each(func() error { return w.rest(ctx) })
	if err := w.mux.Run(ctx); !errors.Is(err, context.Canceled) {
		link = errors.Join(link, err)
	}
	all.Wait()
	return errors.Join(link, s.Close())
}

// open opens the store. A database that is away for a while comes back.
func (w *worker) open(ctx context.Context, j Job) (s opened, err error) {
	for range 200 {
		if s, err = openStore(ctx, j.Store, j.DSN); err == nil || ctx.Err() != nil {
			return s, err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, err
}

// moment announces a point at which the worker may be struck.
func (w *worker) moment(name string) {
	if err := w.client.Call("Link.Moment", Moment{w.number, name}, &struct{}{}); err != nil {
		fmt.Fprintln(os.Stderr, "crash: worker: the supervisor is gone:", err)
		os.Exit(1)
	}
}

// accept stores one message and acknowledges it.
func (w *worker) accept(ctx context.Context) error {
	var g Given
	if err := w.client.Call("Link.Next", w.number, &g); err != nil || !g.OK {
		return err
	}
	acknowledge := func() error {
		return w.client.Call("Link.Accepted", Acknowledgement{w.number, g.N}, &struct{}{})
	}
	if w.fault == ackEarly {
		if err := acknowledge(); err != nil {
			return err
		}
		w.moment("acknowledged")
	}
	if err := w.mux.Accept(ctx, g.In); err != nil {
		fmt.Fprintln(os.Stderr, "crash: worker", w.number, "could not accept:", err)
		return w.client.Call("Link.NotStored", w.number, &struct{}{}) // not acknowledged: it comes again
	}
	w.moment("accepted")
	if w.fault == ackEarly {
		return nil
	}
	return acknowledge()
}

// rest tells the supervisor what waits.
func (w *worker) rest(ctx context.Context) error {
	at, waits, err := w.mux.NextDue(ctx)
	if err == nil {
		if err := w.client.Call("Link.Rest", Rest{w.number, waits, at}, &struct{}{}); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
	return nil
}

// act runs an outside action.
func (w *worker) act(_ context.Context, call actions.Call, token string) error {
	w.moment("act")
	key := call.Key
	if w.fault == newCallKeys {
		key = fmt.Sprintf("%s#%d.%d", key, w.number, w.unique.Add(1))
	}
	err := w.client.Call("Link.Act", Acting{w.number, call.Name, key, token, call.Conversation.ID}, &struct{}{})
	w.moment("acted")
	return err
}

// llm is the worker as its agents' LLM.
type llm worker

// Generate implements agent.LLM.
func (l *llm) Generate(_ context.Context, req *agent.Request) (*agent.Response, error) {
	w := (*worker)(l)
	w.moment("llm")
	out := generate(req)
	w.moment("answered")
	return out, nil
}

// channel is the worker as its agents' channel.
type channel worker

// Capabilities implements agent.Channel.
func (*channel) Capabilities(string) agent.Capabilities { return agent.Capabilities{Idempotent: true} }

// Send implements agent.Channel.
func (c *channel) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	w := (*worker)(c)
	w.moment("send")
	if w.fault == newKeys {
		msg.Key = fmt.Sprintf("%s#%d.%d", msg.Key, w.number, msg.Attempt)
	}
	var out Sent
	err := w.client.Call("Link.Send", Sending{w.number, msg}, &out)
	w.moment("sent")
	switch {
	case err != nil:
		return agent.SendReceipt{}, err
	case out.Refused:
		return agent.SendReceipt{}, &agent.SendError{Outcome: agent.NotSent, Reason: "busy"}
	case out.Unknown:
		return agent.SendReceipt{}, errors.New("crash: the channel did not answer")
	}
	return agent.SendReceipt{ProviderID: out.ProviderID}, nil
}

// announced is the worker's store, which announces what is done with it and
// does wrong what the worker's fault says.
type announced worker

// Load implements agent.Store.
func (a *announced) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	v, err := a.store.Load(ctx, q)
	if a.fault == noDedupe {
		v.Duplicate = ""
	}
	return v, err
}

// Claim implements agent.Store.
func (a *announced) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	out, err := a.store.Claim(ctx, q)
	if len(out.Tasks) > 0 {
		(*worker)(a).moment("claimed")
	}
	return out, err
}

// Append implements agent.Store.
func (a *announced) Append(ctx context.Context, rows agent.Append) error {
	w := (*worker)(a)
	w.moment("append")
	err := w.store.Append(ctx, rows)
	w.moment("appended")
	if errors.Is(err, agent.ErrFenced) && w.fault == noFence {
		return nil
	}
	return err
}

// Commit implements agent.Store.
func (a *announced) Commit(ctx context.Context, c agent.Commit) error {
	w := (*worker)(a)
	kind := kindOf(&c)
	w.moment("commit " + kind)
	var err error
	switch {
	case w.fault == noDedupe:
		c.Dedupe = nil
		err = w.store.Commit(ctx, c)
	case w.fault == apart && len(c.Rotations) > 0:
		err = w.commitApart(ctx, c)
	case w.fault == ladderApart && kind == "turn":
		err = w.commitLadderApart(ctx, c)
	case w.fault == sendEarly && kind == "turn":
		if err = w.sendEarly(ctx, c); err == nil {
			err = w.store.Commit(ctx, c)
		}
	default:
		err = w.store.Commit(ctx, c)
		if errors.Is(err, agent.ErrFenced) && w.fault == noFence {
			err = w.overwrite(ctx, c)
		}
	}
	w.moment("committed " + kind)
	return err
}

// kindOf tells commits apart.
func kindOf(c *agent.Commit) string {
	switch {
	case len(c.Turns) > 0 && len(c.Rotations) > 0:
		return "assignment"
	case len(c.Turns) > 0:
		return "turn"
	}
	for i := range c.Messages {
		switch m := &c.Messages[i]; {
		case m.Direction == frontdesk.DirInbound && c.Fence == nil:
			return "inbound"
		case m.Status == frontdesk.Sending:
			return "claim"
		case m.Status.Settled():
			return "outcome"
		}
	}
	return "other"
}

// commitApart is the fault apart.
func (w *worker) commitApart(ctx context.Context, c agent.Commit) error {
	rotations := c.Rotations
	c.Rotations = nil
	if err := w.store.Commit(ctx, c); err != nil {
		return err
	}
	w.moment("commit rotation")
	if err := w.store.Commit(ctx, agent.Commit{Rotations: rotations}); !errors.Is(err, agent.ErrConflict) {
		return err
	}
	return nil
}

// commitLadderApart is the fault ladderApart: killed in between, it loses a
// ladder that was to be armed, and fires a step again.
func (w *worker) commitLadderApart(ctx context.Context, c agent.Commit) error {
	var later []agent.Task
	c.Put = slices.DeleteFunc(slices.Clone(c.Put), func(t agent.Task) bool {
		if t.Kind == agent.TaskFollowUp {
			later = append(later, t)
		}
		return t.Kind == agent.TaskFollowUp
	})
	if err := w.store.Commit(ctx, c); err != nil || len(later) == 0 {
		return err
	}
	w.moment("commit ladder")
	v, err := w.store.Load(ctx, agent.Query{ConversationID: c.Conversation.ID})
	if err != nil || v.Conversation == nil {
		return err
	}
	if err := w.store.Commit(ctx, agent.Commit{Conversation: v.Conversation, Put: later}); !errors.Is(err, agent.ErrConflict) {
		return err
	}
	return nil
}

// sendEarly is the fault of that name.
func (w *worker) sendEarly(ctx context.Context, c agent.Commit) error {
	for _, m := range c.Messages {
		if m.Direction != frontdesk.DirOutbound || m.Status != frontdesk.Queued {
			continue
		}
		v, err := w.store.Load(ctx, agent.Query{ConversationID: m.ConversationID})
		if err != nil {
			return err
		}
		out := agent.Outbound{Key: m.ID, Channel: v.Conversation.Channel, To: v.Contact.Address(v.Conversation.Channel), ConversationID: m.ConversationID, Text: m.Text}
		if err := w.client.Call("Link.Send", Sending{w.number, out}, &Sent{}); err != nil {
			return err
		}
		w.moment("sent early")
	}
	return nil
}

// overwrite is the fault noFence: it applies a commit whatever happened since
// it was decided, as a store without fences and versions does.
func (w *worker) overwrite(ctx context.Context, c agent.Commit) error {
	if c.Conversation == nil {
		return nil
	}
	v, err := w.store.Load(ctx, agent.Query{ConversationID: c.Conversation.ID, History: 1})
	if err != nil || v.Conversation == nil {
		return errors.Join(agent.ErrFenced, err)
	}
	conv := *c.Conversation
	conv.Version = v.Conversation.Version
	conv.LastSeq = v.Conversation.LastSeq
	messages := make([]frontdesk.Message, len(c.Messages))
	for i, m := range c.Messages {
		if m.Direction != frontdesk.DirInbound && m.Attempts == 0 && !m.Status.Settled() {
			conv.LastSeq++
			m.Seq = conv.LastSeq
		}
		messages[i] = m
	}
	c.Conversation, c.Messages, c.Fence, c.Release, c.Journal, c.Contact = &conv, messages, nil, false, nil, nil
	return w.store.Commit(ctx, c)
}
