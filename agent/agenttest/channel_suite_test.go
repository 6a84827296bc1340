package agenttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// sender is a Channel of a function.
type sender struct {
	*RecordingChannel
	send func(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error)
}

func (s sender) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	return s.send(ctx, msg)
}

// recordingHarness looks behind a RecordingChannel through which every
// message goes. Bend gives the channel under test, which sends by send.
func recordingHarness(caps agent.Capabilities, bend func(c *RecordingChannel, send sender) agent.Channel) ChannelHarness {
	c := &RecordingChannel{Caps: caps}
	answer := ChannelAnswer{Outcome: ChannelTakes, Arrived: func() {}}
	gate := &Gate{open: make(chan struct{})}
	h := ChannelHarness{
		Delivered: func() []agent.Outbound { return c.Delivered() },
		Answer: func(a ChannelAnswer) {
			answer = a
			gate.Release()
			c.mu.Lock()
			c.outcomes = nil
			c.mu.Unlock()
			switch a.Outcome {
			case ChannelRejects:
				c.FailNext(100, Rejected("no such address"))
			case ChannelBusy:
				c.FailNext(100, &agent.SendError{Outcome: agent.NotSent, RetryAfter: a.RetryAfter})
			case ChannelLoses:
				c.LoseNext(100)
			case ChannelHangs:
				gate = c.Block()
			}
		},
	}
	inner := sender{c, func(ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		if ctx.Err() == nil {
			answer.Arrived()
		}
		return c.Send(ctx, m)
	}}
	h.Channel = bend(c, inner)
	return h
}

func straight(_ *RecordingChannel, s sender) agent.Channel { return s }

var channelCaps = map[string]agent.Capabilities{
	"plain":      {},
	"idempotent": {Idempotent: true},
	"limited":    {Idempotent: true, MaxLength: 100, Receipts: true, ReplyWindow: 24 * time.Hour},
}

func TestRecordingChannelKeepsTheContract(t *testing.T) {
	for name, caps := range channelCaps {
		t.Run(name, func(t *testing.T) {
			TestChannel(t, func(*testing.T) ChannelHarness { return recordingHarness(caps, straight) })
		})
	}
}

// A faulty channel whose plan does nothing is as good as the inner one.
func TestFaultyChannelKeepsTheContract(t *testing.T) {
	TestChannel(t, func(*testing.T) ChannelHarness {
		return recordingHarness(channelCaps["idempotent"], func(_ *RecordingChannel, s sender) agent.Channel {
			return NewFaultyChannel(s, nil)
		})
	})
}

// sending bends what Send does.
func sending(f func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error)) func(*RecordingChannel, sender) agent.Channel {
	return func(c *RecordingChannel, s sender) agent.Channel {
		return sender{c, func(ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) { return f(s, ctx, m) }}
	}
}

// answering bends the error of a Send.
func answering(f func(err error) error) func(*RecordingChannel, sender) agent.Channel {
	return sending(func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		r, err := s.Send(ctx, m)
		return r, f(err)
	})
}

// carrying bends the message.
func carrying(f func(m *agent.Outbound)) func(*RecordingChannel, sender) agent.Channel {
	return sending(func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		f(&m)
		return s.Send(ctx, m)
	})
}

type shifting struct {
	sender
	n *int
}

func (s shifting) Capabilities(string) agent.Capabilities {
	*s.n++
	return agent.Capabilities{MaxLength: 1000 + *s.n}
}

// channelBugs are faults that a channel could have, and the promises that
// they break.
var channelBugs = []struct {
	name   string
	bend   func(*RecordingChannel, sender) agent.Channel
	broken []string
}{
	{"nothing is delivered", sending(func(sender, context.Context, agent.Outbound) (agent.SendReceipt, error) {
		return agent.SendReceipt{}, nil
	}), []string{"send", "order", "same-text", "text", "length", "parallel", "idempotent"}},
	{"everything is delivered twice", sending(func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		r, err := s.Send(ctx, m)
		m.Key += "/2"
		_, _ = s.Send(ctx, m)
		return r, err
	}), []string{"send", "one-attempt", "parallel"}},
	{"failures are tried again", sending(func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		r, err := s.Send(ctx, m)
		if err != nil {
			return s.Send(ctx, m)
		}
		return r, err
	}), []string{"one-attempt"}},
	{"keys are not looked at", carrying(func() func(m *agent.Outbound) {
		n := 0
		return func(m *agent.Outbound) { n++; m.Key = fmt.Sprint(n) }
	}()), []string{"idempotent", "idempotent-lost"}},
	{"keys are looked at with the attempt", carrying(func(m *agent.Outbound) { m.Key = fmt.Sprint(m.Key, m.Attempt) }), []string{"idempotent"}},
	{"the text is the key", carrying(func(m *agent.Outbound) { m.Key = m.Text }), []string{"same-text"}},
	{"a key that failed counts as delivered", func() func(*RecordingChannel, sender) agent.Channel {
		return func(c *RecordingChannel, s sender) agent.Channel {
			seen := map[string]bool{}
			return sender{c, func(ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
				if seen[m.Key] {
					return agent.SendReceipt{}, nil
				}
				seen[m.Key] = true
				return s.Send(ctx, m)
			}}
		}
	}(), []string{"after-failure", "idempotent"}},
	{"all go to one contact", carrying(func(m *agent.Outbound) { m.To = "contact-0" }), []string{"parallel"}},
	{"texts are trimmed", carrying(func(m *agent.Outbound) { m.Text = strings.TrimSpace(m.Text) }), []string{"text"}},
	{"texts are cut", carrying(func(m *agent.Outbound) { m.Text = m.Text[:min(len(m.Text), 200)] }), []string{"length"}},
	{"errors are swallowed", answering(func(error) error { return nil }), []string{"rejected", "not-sent", "unknown", "context-done"}},
	{"all failures are rejections", answering(func(err error) error {
		if err != nil {
			return Rejected("failed")
		}
		return nil
	}), []string{"not-sent", "unknown", "context-soon", "idempotent-lost"}},
	{"all failures may be tried again", answering(func(err error) error {
		if err != nil {
			return NotSent("failed")
		}
		return nil
	}), []string{"rejected", "unknown", "retry-after"}},
	{"all failures are unknown", answering(func(err error) error {
		if err != nil {
			return errors.New("failed")
		}
		return nil
	}), []string{"rejected", "not-sent"}},
	{"contexts are not looked at", sending(func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		return s.RecordingChannel.Send(context.WithoutCancel(ctx), m)
	}), []string{"context-done"}},
	{"what was given up arrives later", sending(func() func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		var late []agent.Outbound
		return func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
			for _, l := range late {
				_, _ = s.Send(ctx, l)
			}
			r, err := s.Send(ctx, m)
			if ctx.Err() != nil {
				late = append(late, m)
			}
			return r, err
		}
	}()), []string{"context-soon"}},
	{"capabilities change", func(_ *RecordingChannel, s sender) agent.Channel { return shifting{s, new(int)} }, []string{"capabilities"}},
	{"it panics over long texts", sending(func(s sender, ctx context.Context, m agent.Outbound) (agent.SendReceipt, error) {
		if len(m.Text) > 10_000 {
			panic("too long")
		}
		return s.Send(ctx, m)
	}), []string{"length"}},
}

func TestChannelSuiteCatchesPlantedBugs(t *testing.T) {
	promises := map[string]channelPromise{}
	for _, p := range channelPromises {
		promises[p.name] = p
	}
	for _, bug := range channelBugs {
		t.Run(bug.name, func(t *testing.T) {
			for _, name := range bug.broken {
				p, ok := promises[name]
				require.True(t, ok, "there is no promise %q", name)
				require.NoError(t, p.check(recordingHarness(channelCaps["idempotent"], straight)), "%s without the bug", name)
				assert.Error(t, p.check(recordingHarness(channelCaps["idempotent"], bug.bend)), "%s was not seen to be broken", name)
			}
		})
	}
}

// Without a backend that can be told what to answer, the rest is tested all
// the same.
func TestChannelSuiteWithoutABackend(t *testing.T) {
	TestChannel(t, func(*testing.T) ChannelHarness {
		c := &RecordingChannel{}
		return ChannelHarness{Channel: c, Delivered: func() []agent.Outbound { return c.Delivered() }}
	})
}
