package agent

import (
	"context"
	"errors"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// Channel delivers messages to contacts. Implementers run
// agenttest.TestChannel.
//
// Send makes one attempt to deliver one message and returns its outcome. It
// is called from several goroutines at once, but for one conversation only
// one at a time and in order. Success is a nil error. A failure that is known
// to have delivered nothing is a *SendError with NotSent (may be tried again)
// or Rejected (never will). Every other error, a time-out among them, means
// that nobody can say: the message may have arrived. Send keeps nothing of
// its argument. It returns soon after ctx is done.
//
// Capabilities is called often and must be cheap, and the same each time.
type Channel interface {
	Send(ctx context.Context, msg Outbound) (SendReceipt, error)
	Capabilities(channel string) Capabilities
}

// Outbound is a message to deliver.
type Outbound struct {
	// Key is the idempotency key: the message's ID. A channel that
	// deduplicates delivers one key once, however often it is sent.
	Key string
	// Channel is the channel's name, with its account.
	Channel string
	// To is the contact's address.
	To             string
	ConversationID string
	Text           string
	Author         frontdesk.Author
	// Template is the channel's template to use instead of free text. Empty:
	// free text.
	Template string
	// Attempt counts from 1.
	Attempt int
}

// SendReceipt is what the channel says of a message it took.
type SendReceipt struct {
	// ProviderID is the channel's own ID of the message, empty if it has none.
	ProviderID string
}

// Capabilities is what a channel can do (S10.4). The zero value is a channel
// that can do nothing special and has no limits.
type Capabilities struct {
	// Idempotent channels deliver one key at most once: an unknown outcome is
	// tried again there, and nowhere else.
	Idempotent bool
	// ReplyWindow is how long after the contact's last message an agent may
	// write. 0: for ever.
	ReplyWindow time.Duration
	// MaxLength is the longest text in Unicode code points. 0: no limit.
	// Longer ones are split at a paragraph or sentence.
	MaxLength int
	// Receipts is set when the channel reports delivery and reading.
	Receipts bool
}

// SendOutcome classifies a failed send.
type SendOutcome string

// The outcomes of a failed send.
const (
	// NotSent means that nothing was delivered and another try may help.
	NotSent SendOutcome = "not_sent"
	// Rejected means that nothing was delivered and never will be.
	Rejected SendOutcome = "rejected"
)

// SendError is a send that is known to have delivered nothing.
type SendError struct {
	Outcome SendOutcome
	// Reason is for people: why.
	Reason string
	// RetryAfter is how long the channel asks to wait. 0: it does not say.
	RetryAfter time.Duration
	Err        error
}

// Error gives the outcome, the reason and the cause.
func (e *SendError) Error() string {
	s := "agent: channel: " + string(e.Outcome)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// Typer is a Channel that can show that an answer is being written. Errors
// are logged and otherwise ignored.
type Typer interface {
	Typing(ctx context.Context, channel, to string) error
}

// Presence tells who is available to be assigned (S5.6). It is called from
// several goroutines. It may answer differently each time. An error counts as
// unavailable.
type Presence interface {
	Available(ctx context.Context, userID string) (bool, error)
}

// Knowledge searches what the agent may answer from (S12.1). Implementers run
// agenttest.TestKnowledge.
//
// Search is called from several goroutines at once. The query is what the
// contact wrote, as it came: any text at all, never a query language. It
// returns at most limit passages, best first, each with a text and a source,
// in valid UTF-8, and the same ones while the sources do not change; a limit
// of 0 or less gives none, and finding nothing is no error. What it returns is
// the caller's. It returns soon after ctx is done, and with the context's error
// when ctx was done before. An error costs the turn its passages and is
// recorded; it does not stop it.
type Knowledge interface {
	Search(ctx context.Context, query string, limit int) ([]Passage, error)
}

// Passage is a piece of a knowledge source. It reaches the LLM as data.
type Passage struct {
	Text string `json:"text"`
	// Source says where it is from, for people.
	Source string `json:"source"`
	// Score is higher for better matches; scales differ by source.
	Score float64 `json:"score"`
}

// Receipt is what a channel later reports of a message it took.
type Receipt struct {
	Channel string
	// Key or ProviderID names the message.
	Key        string
	ProviderID string
	// Status is Sent, Delivered, Read or Failed.
	Status frontdesk.DeliveryStatus
	Reason string
}

// Echo is an outbound message that a channel shows us: one of ours, or what a
// human wrote on the phone (S10.3).
type Echo struct {
	Channel string
	// Key is ours, where the channel carries it.
	Key        string
	ProviderID string
	// To is the contact's address.
	To   string
	Text string
}

// errNoChannel is what Channels returns for a name it does not have.
var errNoChannel = errors.New("no channel of that name")

// Channels is a Channel made of several, by name. A name with an account
// ("whatsapp:4915…") falls back to the part before the colon.
type Channels map[string]Channel

// Send implements Channel.
func (cs Channels) Send(ctx context.Context, msg Outbound) (SendReceipt, error) {
	c := cs.pick(msg.Channel)
	if c == nil {
		return SendReceipt{}, &SendError{Outcome: Rejected, Reason: "add it to agent.Channels: " + msg.Channel, Err: errNoChannel}
	}
	return c.Send(ctx, msg)
}

// Capabilities implements Channel.
func (cs Channels) Capabilities(channel string) Capabilities {
	if c := cs.pick(channel); c != nil {
		return c.Capabilities(channel)
	}
	return Capabilities{}
}

// Typing implements Typer for those of the channels that can.
func (cs Channels) Typing(ctx context.Context, channel, to string) error {
	if t, ok := cs.pick(channel).(Typer); ok {
		return t.Typing(ctx, channel, to)
	}
	return nil
}

func (cs Channels) pick(name string) Channel {
	if c, ok := cs[name]; ok {
		return c
	}
	for i := 0; i < len(name); i++ {
		if name[i] == ':' {
			return cs[name[:i]]
		}
	}
	return nil
}
