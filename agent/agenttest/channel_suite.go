package agenttest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// ChannelHarness is a Channel under test with the means to look behind it.
type ChannelHarness struct {
	// Channel is the one under test.
	Channel agent.Channel
	// Name is the Channel of the messages. Empty: "test".
	Name string
	// To returns the address of the n-th contact, from 0. Nil: "contact-0"
	// and so on.
	To func(n int) string
	// Delivered returns what has reached contacts, in order. Only To and Text
	// are looked at.
	Delivered func() []agent.Outbound
	// Answer tells the backend how to answer each request from now on. It is
	// nil for a channel that has none; then only those promises are tested
	// that concern success, and the others are skipped. A new harness takes
	// what it is given.
	Answer func(ChannelAnswer)
}

// ChannelOutcome is what a backend does with a request.
type ChannelOutcome string

// What a backend can be told to do.
const (
	// ChannelTakes delivers the message and says so.
	ChannelTakes ChannelOutcome = "takes"
	// ChannelRejects does not deliver it and never will: a wrong address, say.
	ChannelRejects ChannelOutcome = "rejects"
	// ChannelBusy does not deliver it, and may at another time: an HTTP
	// status 429, say.
	ChannelBusy ChannelOutcome = "is busy"
	// ChannelLoses delivers the message and breaks off before it says so.
	ChannelLoses ChannelOutcome = "loses the answer"
	// ChannelHangs does not answer until the request is given up.
	ChannelHangs ChannelOutcome = "hangs"
)

// ChannelAnswer is how a backend answers.
type ChannelAnswer struct {
	Outcome ChannelOutcome
	// RetryAfter goes with ChannelBusy. 0: none is given.
	RetryAfter time.Duration
	// Arrived is called for each request that reaches the backend, before it
	// is answered.
	Arrived func()
}

// TestChannel tests that a Channel keeps the contract of agent.Channel. Setup
// makes a fresh harness for each promise. A failure prints the promise that
// was broken.
func TestChannel(t *testing.T, setup func(t *testing.T) ChannelHarness) {
	for _, p := range channelPromises {
		t.Run(p.name, func(t *testing.T) {
			h := setup(t)
			if h.Channel == nil || h.Delivered == nil {
				t.Fatal("agenttest: the harness cannot be used: set ChannelHarness.Channel and Delivered")
			}
			judge(t, "a Channel", p.promise, p.check(h))
		})
	}
}

// channelPromise is one promise of the contract.
type channelPromise struct {
	name    string
	promise string // completes "a Channel …"
	answer  bool   // it takes a backend that can be told what to answer
	run     func(c *channelCase)
}

func (p channelPromise) check(h ChannelHarness) (err error) {
	if p.answer && h.Answer == nil {
		return untested("ChannelHarness.Answer is nil, so nothing can be made to fail")
	}
	c := &channelCase{ChannelHarness: h}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(caseOver); !ok {
				c.Errorf("panic, in the channel or the harness: %v\n%s", r, debug.Stack())
			}
		}
		err = errors.Join(c.faults...)
	}()
	p.run(c)
	return nil
}

// channelCase is a running promise.
type channelCase struct {
	ChannelHarness
	collector
	requests atomic.Int64
}

func (c *channelCase) failf(format string, args ...any) {
	c.Errorf(format, args...)
	panic(caseOver{})
}

// untested ends a promise that the Channel does not give.
func (c *channelCase) untested(why string) {
	c.faults = append(c.faults, untested(why))
	panic(caseOver{})
}

// idempotent ends a promise of idempotent channels where this is none.
func (c *channelCase) idempotent(channel string) {
	if !c.Channel.Capabilities(channel).Idempotent {
		c.untested("the Channel does not say Idempotent")
	}
}

// tell tells the backend what to answer.
func (c *channelCase) tell(a ChannelAnswer) {
	arrived := a.Arrived
	a.Arrived = func() {
		c.requests.Add(1)
		if arrived != nil {
			arrived()
		}
	}
	c.Answer(a)
}

// message is the n-th message to a contact.
func (c *channelCase) message(contact, n int) agent.Outbound {
	m := agent.Outbound{
		Key: fmt.Sprintf("key-%d-%d", contact, n), Channel: c.Name, To: fmt.Sprintf("contact-%d", contact),
		ConversationID: fmt.Sprintf("conversation-%d", contact), Text: fmt.Sprintf("message %d", n), Attempt: 1,
	}
	if m.Channel == "" {
		m.Channel = "test"
	}
	if c.To != nil {
		m.To = c.To(contact)
	}
	return m
}

// send sends once, with panics caught and the waiting bounded.
func (c *channelCase) send(ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type sent struct {
		receipt agent.SendReceipt
		err     error
	}
	done := make(chan sent, 1)
	go func() {
		var s sent
		defer func() {
			if p := recover(); p != nil {
				c.Errorf("Send panicked: %v", p)
				s.err = fmt.Errorf("panic: %v", p)
			}
			done <- s
		}()
		s.receipt, s.err = c.Channel.Send(ctx, m)
	}()
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	select {
	case s := <-done:
		return s.receipt, s.err
	case <-timer.C:
		c.Errorf("Send had not returned %v after its context was done", patience)
		return agent.SendReceipt{}, errors.New("Send did not return")
	}
}

// sends sends what has to succeed.
func (c *channelCase) sends(m agent.Outbound) agent.SendReceipt {
	r, err := c.send(context.Background(), m)
	if err != nil {
		c.failf("Send of %s to %s returned %v", excerpt(m.Text), m.To, err)
	}
	return r
}

// fails sends what has to fail with a *SendError of this outcome; an empty
// outcome asks for an error that leaves it unknown.
func (c *channelCase) fails(m agent.Outbound, what string, outcome agent.SendOutcome) *agent.SendError {
	_, err := c.send(context.Background(), m)
	var known *agent.SendError
	switch is := errors.As(err, &known); {
	case err == nil:
		c.failf("Send through a backend that %s returned nil", what)
	case outcome == "" && is:
		c.failf("Send through a backend that %s returned %v, which says that nothing was delivered", what, err)
	case outcome != "" && (!is || known.Outcome != outcome):
		c.failf("Send through a backend that %s returned %v; expected a *SendError with %s", what, err, outcome)
	}
	return known
}

// delivered checks what reached contacts.
func (c *channelCase) delivered(want ...agent.Outbound) {
	form := func(ms []agent.Outbound) []string {
		out := []string{}
		for _, m := range ms {
			out = append(out, m.To+": "+m.Text)
		}
		return out
	}
	if w, g := form(want), form(c.Delivered()); !slices.Equal(w, g) {
		a, b := strings.Join(g, "\n\t"), strings.Join(w, "\n\t")
		c.failf("delivered was\n\t%s\nexpected\n\t%s", shortenAround(a, b), shortenAround(b, a))
	}
}

// channelPromises are what the contract promises.
var channelPromises = []channelPromise{
	{"send", "delivers a message once, to its address, and then returns nil", false, func(c *channelCase) {
		m := c.message(0, 1)
		c.sends(m)
		c.delivered(m)
	}},
	{"order", "delivers the messages of one conversation in the order in which they were sent", false, func(c *channelCase) {
		var want []agent.Outbound
		for n := range 30 {
			m := c.message(0, n)
			c.sends(m)
			want = append(want, m)
		}
		c.delivered(want...)
	}},
	{"same-text", "delivers two messages with the same text", false, func(c *channelCase) {
		one, two := c.message(0, 1), c.message(0, 2)
		two.Text = one.Text
		c.sends(one)
		c.sends(two)
		c.delivered(one, two)
	}},
	{"text", "delivers any text as it is, if it is valid UTF-8 without NUL", false, func(c *channelCase) {
		limit := c.Channel.Capabilities(c.message(0, 0).Channel).MaxLength
		var want []agent.Outbound
		for n, text := range hostileTexts {
			if limit > 0 && len([]rune(text)) > limit {
				continue
			}
			m := c.message(0, n)
			m.Text = text
			c.sends(m)
			want = append(want, m)
		}
		c.delivered(want...)
	}},
	{"length", "delivers a text of MaxLength code points whole, one of 1 MB if there is no limit", false, func(c *channelCase) {
		m := c.message(0, 1)
		if limit := c.Channel.Capabilities(m.Channel).MaxLength; limit > 0 {
			m.Text = strings.Repeat("👋", limit)
		} else {
			m.Text = strings.Repeat("0123456789 héllo 👋 ", 50_000)
		}
		c.sends(m)
		c.delivered(m)
	}},
	{"parallel", "sends for several conversations at once, each in its order, and loses and doubles none", false, func(c *channelCase) {
		const contacts, each = 8, 12
		errs := make([]error, contacts)
		var group sync.WaitGroup
		for i := range contacts {
			group.Go(func() {
				for n := range each {
					if _, err := c.send(context.Background(), c.message(i, n)); err != nil {
						errs[i] = err
						return
					}
				}
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			c.failf("Send returned %v", err)
		}
		got := map[string][]string{}
		for _, m := range c.Delivered() {
			got[m.To] = append(got[m.To], m.Text)
		}
		for i := range contacts {
			var want []string
			for n := range each {
				want = append(want, c.message(i, n).Text)
			}
			if to := c.message(i, 0).To; !slices.Equal(want, got[to]) {
				c.failf("%s was sent %q and got %q", to, want, got[to])
			}
		}
	}},
	{"idempotent", "delivers one key once and returns nil and the same receipt each time, if it says Idempotent", false, func(c *channelCase) {
		m := c.message(0, 1)
		c.idempotent(m.Channel)
		first := c.sends(m)
		for attempt := 2; attempt <= 3; attempt++ {
			again := m
			again.Attempt = attempt
			if r := c.sends(again); r != first {
				c.failf("attempt %d of the same key got the receipt %+v after %+v", attempt, r, first)
			}
		}
		c.sends(c.message(0, 2))
		c.delivered(m, c.message(0, 2))
	}},
	{"idempotent-parallel", "delivers one key once when two send it at once, if it says Idempotent", false, func(c *channelCase) {
		m := c.message(0, 1)
		c.idempotent(m.Channel)
		var group sync.WaitGroup
		for range 8 {
			// One of them may be told to try again; only a second delivery
			// would be wrong.
			group.Go(func() { _, _ = c.send(context.Background(), m) })
		}
		group.Wait()
		c.delivered(m)
	}},
	{"idempotent-lost", "delivers a key once though the first answer was lost, if it says Idempotent", true, func(c *channelCase) {
		m := c.message(0, 1)
		c.idempotent(m.Channel)
		c.tell(ChannelAnswer{Outcome: ChannelLoses})
		c.fails(m, "loses the answer", "")
		c.tell(ChannelAnswer{Outcome: ChannelTakes})
		c.sends(m)
		c.delivered(m)
	}},
	{"after-failure", "delivers a key that failed before, when it is sent again", true, func(c *channelCase) {
		m := c.message(0, 1)
		c.tell(ChannelAnswer{Outcome: ChannelBusy})
		c.fails(m, "is busy", agent.NotSent)
		c.delivered()
		c.tell(ChannelAnswer{Outcome: ChannelTakes})
		c.sends(m)
		c.delivered(m)
	}},
	{"one-attempt", "makes one attempt for one Send, whatever comes of it", true, func(c *channelCase) {
		for n, o := range []ChannelOutcome{ChannelTakes, ChannelRejects, ChannelBusy, ChannelLoses} {
			c.requests.Store(0)
			c.tell(ChannelAnswer{Outcome: o})
			_, err := c.send(context.Background(), c.message(0, n))
			if got := c.requests.Load(); got != 1 {
				c.failf("a backend that %s was asked %d times by one Send, which returned %v; expected once (net/http repeats a request with an Idempotency-Key by itself unless its GetBody is nil)", o, got, err)
			}
		}
	}},
	{"rejected", "returns a *SendError with Rejected for what will never be delivered, and delivers nothing", true, func(c *channelCase) {
		c.tell(ChannelAnswer{Outcome: ChannelRejects})
		c.fails(c.message(0, 1), "rejects", agent.Rejected)
		c.delivered()
	}},
	{"not-sent", "returns a *SendError with NotSent for what may be tried again, and delivers nothing", true, func(c *channelCase) {
		c.tell(ChannelAnswer{Outcome: ChannelBusy})
		c.fails(c.message(0, 1), "is busy", agent.NotSent)
		c.delivered()
	}},
	{"retry-after", "hands on how long the backend asks to wait", true, func(c *channelCase) {
		c.tell(ChannelAnswer{Outcome: ChannelBusy, RetryAfter: 7 * time.Second})
		if e := c.fails(c.message(0, 1), "is busy", agent.NotSent); e.RetryAfter != 7*time.Second {
			c.failf("the backend asked to wait 7s, and RetryAfter is %v", e.RetryAfter)
		}
	}},
	{"unknown", "returns an error that is no *SendError when nobody can say whether the message arrived", true, func(c *channelCase) {
		m := c.message(0, 1)
		c.tell(ChannelAnswer{Outcome: ChannelLoses})
		c.fails(m, "loses the answer", "")
		c.delivered(m)
	}},
	{"context-done", "does not deliver when its context is done before it begins", false, func(c *channelCase) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := c.send(ctx, c.message(0, 1)); err == nil {
			c.failf("Send with a context that is done returned nil")
		}
		c.delivered()
	}},
	{"context-soon", "returns soon after its context is done, and says NotSent only of what never arrives", true, func(c *channelCase) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.tell(ChannelAnswer{Outcome: ChannelHangs, Arrived: cancel})
		begin := time.Now()
		_, err := c.send(ctx, c.message(0, 1))
		if took := time.Since(begin); took > patience/2 {
			c.failf("Send returned %v after its context was done", took)
		}
		var known *agent.SendError
		switch {
		case err == nil:
			c.failf("Send through a backend that hangs returned nil")
		case errors.As(err, &known) && known.Outcome == agent.Rejected:
			c.failf("Send that was given up returned %v; another try may help", err)
		}
		// A receipt of a later message shows that the backend goes on.
		c.tell(ChannelAnswer{Outcome: ChannelTakes})
		later := c.message(1, 1)
		c.sends(later)
		if got := c.Delivered(); known != nil && len(got) != 1 {
			c.failf("Send returned %v, and the message was delivered all the same", err)
		}
	}},
	{"capabilities", "says the same capabilities each time, before and after it sent something", false, func(c *channelCase) {
		m := c.message(0, 1)
		want := c.Channel.Capabilities(m.Channel)
		for range 3 {
			if got := c.Channel.Capabilities(m.Channel); got != want {
				c.failf("Capabilities were %+v and are %+v", want, got)
			}
			_, _ = c.send(context.Background(), m) // whatever comes of it
		}
		c.Channel.Capabilities("no channel of that name")
	}},
	{"capabilities-parallel", "says the same capabilities to several goroutines, while it sends", false, func(c *channelCase) {
		name := c.message(0, 0).Channel
		want := c.Channel.Capabilities(name)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for n := range 20 {
					if got := c.Channel.Capabilities(name); got != want {
						c.Errorf("Capabilities were %+v and are %+v", want, got)
						return
					}
					if n%10 == 0 {
						_, _ = c.send(context.Background(), c.message(i, n)) // whatever comes of it
					}
				}
			})
		}
		group.Wait()
	}},
	{"typing", "shows typing without a message being delivered, if it is a Typer", false, func(c *channelCase) {
		typer, ok := c.Channel.(agent.Typer)
		if !ok {
			c.untested("the Channel is no agent.Typer")
		}
		m := c.message(0, 1)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := typer.Typing(ctx, m.Channel, m.To); err != nil {
			c.failf("Typing returned %v", err)
		}
		c.delivered()
	}},
}
