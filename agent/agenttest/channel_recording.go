package agenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// RecordingChannel is an [agent.Channel] that keeps what it delivers, for
// tests to look at. It keeps the contract of a Channel: with Caps.Idempotent
// it delivers a key once, and a text that is longer than Caps.MaxLength is
// rejected. It is safe for concurrent use. The zero value is ready for use.
type RecordingChannel struct {
	// Caps is what the channel says it can do, whatever its name. Set it
	// before use.
	Caps agent.Capabilities

	mu        sync.Mutex
	attempts  []agent.Outbound
	delivered []agent.Outbound
	receipts  map[string]agent.SendReceipt // by key
	outcomes  []outcome
	gate      *Gate
	typed     int
}

var (
	_ agent.Channel = (*RecordingChannel)(nil)
	_ agent.Typer   = (*RecordingChannel)(nil)
)

// outcome is what becomes of a send.
type outcome struct {
	deliver bool
	err     error
}

// NotSent is the error of a send that delivered nothing and may be tried
// again.
func NotSent(reason string) error {
	return &agent.SendError{Outcome: agent.NotSent, Reason: reason}
}

// Rejected is the error of a send that delivered nothing and never will.
func Rejected(reason string) error {
	return &agent.SendError{Outcome: agent.Rejected, Reason: reason}
}

// ErrUnknown is the error of a send, or a commit, of which nobody can say
// whether it was done.
var ErrUnknown = errors.New("agenttest: the answer was lost: whether it was done is not known")

// FailNext makes the next n sends fail with err and deliver nothing. Calls
// add up. err is NotSent, Rejected, or another one, which leaves the outcome
// unknown to the caller; nil is ErrUnknown.
func (c *RecordingChannel) FailNext(n int, err error) { c.plan(n, outcome{false, err}) }

// LoseNext makes the next n sends deliver and then fail with ErrUnknown: the
// answer got lost.
func (c *RecordingChannel) LoseNext(n int) { c.plan(n, outcome{true, ErrUnknown}) }

// PassNext lets the next n sends through, before what is planned after it.
func (c *RecordingChannel) PassNext(n int) { c.plan(n, outcome{true, nil}) }

func (c *RecordingChannel) plan(n int, o outcome) {
	if !o.deliver && o.err == nil {
		o.err = ErrUnknown
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.outcomes = append(c.outcomes, o)
	}
}

// Block makes sends wait until the gate is released or their context is done.
func (c *RecordingChannel) Block() *Gate {
	g := &Gate{arrived: make(chan agent.Outbound, 1024), open: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate = g
	return g
}

// Gate holds sends back. Make one with [RecordingChannel.Block].
type Gate struct {
	arrived chan agent.Outbound
	open    chan struct{}
	once    sync.Once
}

// Arrived gives each message that came to the gate.
func (g *Gate) Arrived() <-chan agent.Outbound { return g.arrived }

// Release lets everything through, now and later. It may be called again.
func (g *Gate) Release() { g.once.Do(func() { close(g.open) }) }

// pass waits for the gate.
func (g *Gate) pass(ctx context.Context, msg agent.Outbound) error {
	select {
	case <-g.open:
		return nil
	default:
	}
	select {
	case g.arrived <- msg:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Send implements [agent.Channel].
func (c *RecordingChannel) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	c.mu.Lock()
	c.attempts = append(c.attempts, msg)
	gate := c.gate
	c.mu.Unlock()
	if gate != nil {
		if err := gate.pass(ctx, msg); err != nil {
			return agent.SendReceipt{}, notDelivered(err)
		}
	}
	if err := ctx.Err(); err != nil {
		return agent.SendReceipt{}, notDelivered(err)
	}
	if err := c.check(msg); err != nil {
		return agent.SendReceipt{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := outcome{deliver: true}
	if len(c.outcomes) > 0 {
		o, c.outcomes = c.outcomes[0], c.outcomes[1:]
	}
	if !o.deliver {
		return agent.SendReceipt{}, o.err
	}
	receipt := c.deliver(msg)
	if o.err != nil {
		return agent.SendReceipt{}, o.err
	}
	return receipt, nil
}

// notDelivered is what a send answers that gave up before it delivered.
func notDelivered(err error) error {
	return &agent.SendError{Outcome: agent.NotSent, Reason: "gave up before it was delivered", Err: err}
}

// check refuses what a real channel would.
func (c *RecordingChannel) check(msg agent.Outbound) error {
	n := utf8.RuneCountInString(msg.Text)
	switch {
	case msg.Key == "":
		return Rejected("the message has no key")
	case msg.To == "":
		return Rejected("the message has no address")
	case !utf8.ValidString(msg.Text) || strings.ContainsRune(msg.Text, 0):
		return Rejected("the text is not valid UTF-8 without NUL")
	case c.Caps.MaxLength > 0 && n > c.Caps.MaxLength:
		return Rejected(fmt.Sprintf("the text has %d code points: at most %d are allowed", n, c.Caps.MaxLength))
	}
	return nil
}

func (c *RecordingChannel) deliver(msg agent.Outbound) agent.SendReceipt {
	if r, ok := c.receipts[msg.Key]; ok && c.Caps.Idempotent {
		return r
	}
	c.delivered = append(c.delivered, msg)
	r := agent.SendReceipt{ProviderID: fmt.Sprintf("provider-%d", len(c.delivered))}
	if c.receipts == nil {
		c.receipts = map[string]agent.SendReceipt{}
	}
	c.receipts[msg.Key] = r
	return r
}

// Capabilities implements [agent.Channel].
func (c *RecordingChannel) Capabilities(string) agent.Capabilities { return c.Caps }

// Typing implements [agent.Typer].
func (c *RecordingChannel) Typing(ctx context.Context, channel, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.typed++
	return ctx.Err()
}

// Typed returns how often typing was shown.
func (c *RecordingChannel) Typed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.typed
}

// Delivered returns what reached contacts, in order: all of it, or that of
// the conversations.
func (c *RecordingChannel) Delivered(conversationIDs ...string) []agent.Outbound {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(conversationIDs) == 0 {
		return slices.Clone(c.delivered)
	}
	var out []agent.Outbound
	for _, m := range c.delivered {
		if slices.Contains(conversationIDs, m.ConversationID) {
			out = append(out, m)
		}
	}
	return out
}

// Texts returns the texts of Delivered.
func (c *RecordingChannel) Texts(conversationIDs ...string) []string {
	var out []string
	for _, m := range c.Delivered(conversationIDs...) {
		out = append(out, m.Text)
	}
	return out
}

// Attempts returns every message that Send was called with, delivered or not,
// in order.
func (c *RecordingChannel) Attempts() []agent.Outbound {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.attempts)
}

// Reset forgets what was recorded and what was planned.
func (c *RecordingChannel) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts, c.delivered, c.receipts, c.outcomes, c.gate, c.typed = nil, nil, nil, nil, nil, 0
}
