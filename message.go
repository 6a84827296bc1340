package frontdesk

import "time"

// Direction says which way a message goes.
type Direction string

// The directions of a message (S1).
const (
	DirInbound  Direction = "inbound"
	DirOutbound Direction = "outbound"
	// DirInternal is a note that the contact never sees.
	DirInternal Direction = "internal"
)

// AuthorKind says who wrote a message.
type AuthorKind string

// The kinds of authors (S1).
const (
	AuthorContact AuthorKind = "contact"
	AuthorAgent   AuthorKind = "ai_agent"
	AuthorUser    AuthorKind = "user"
	AuthorSystem  AuthorKind = "system"
)

// Author is who wrote a message.
type Author struct {
	Kind AuthorKind `json:"kind"`
	// ID is the contact's, user's or AI agent's; empty for the system, and for
	// a user whom nobody named (a reply typed on the phone).
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// DeliveryStatus is how far an outbound message has come (S10). Statuses
// never go backwards: see [DeliveryStatus.Before].
type DeliveryStatus string

// The delivery statuses. Inbound and internal messages have none.
const (
	Queued    DeliveryStatus = "queued"
	Sending   DeliveryStatus = "sending" // claimed; the send may be under way
	Sent      DeliveryStatus = "sent"
	Delivered DeliveryStatus = "delivered"
	Read      DeliveryStatus = "read"
	Failed    DeliveryStatus = "failed"    // not sent, for good; Reason says why
	Unknown   DeliveryStatus = "unknown"   // sent or not: nobody can say
	Cancelled DeliveryStatus = "cancelled" // not sent, on purpose; Reason says why
)

var deliveryRank = map[DeliveryStatus]int{
	Queued: 0, Sending: 1, Unknown: 2, Sent: 3, Cancelled: 3, Failed: 4, Delivered: 5, Read: 6,
}

// Before reports whether a message may go from status s to status next.
// Unknown may still become anything that a receipt proves; a message that
// failed or was cancelled stays so. A channel that took a message may still
// report that it failed, until it reports delivery.
func (s DeliveryStatus) Before(next DeliveryStatus) bool {
	if s == Failed || s == Cancelled {
		return false
	}
	return deliveryRank[s] < deliveryRank[next]
}

// Settled reports whether the outcome of sending is known or known to be
// unknowable: nothing more will be tried.
func (s DeliveryStatus) Settled() bool { return s != Queued && s != Sending }

// Message is one message of a conversation.
type Message struct {
	// ID is unique; an outbound message's ID is the idempotency key of its
	// sending (S10.1).
	ID             string `json:"id"`
	ConversationID string `json:"conversation_id"`
	// Seq orders the messages of a conversation, from 1, without gaps.
	Seq       int64     `json:"seq"`
	Direction Direction `json:"direction"`
	Author    Author    `json:"author"`
	Text      string    `json:"text"`
	At        time.Time `json:"at"`
	// TurnID is the turn that wrote an outbound message or consumed an
	// inbound one; empty for the latter while it waits.
	TurnID string `json:"turn_id,omitempty"`
	// Disposition says why no turn will answer an inbound message: see the
	// Disposition constants. Empty: a turn has answered or will.
	Disposition Disposition `json:"disposition,omitempty"`

	// The rest concerns outbound messages only.

	Status DeliveryStatus `json:"status,omitempty"`
	// Reason says why a message failed, was cancelled or is unknown.
	Reason string `json:"reason,omitempty"`
	// ProviderID is the channel's ID of the message, once sent; of an inbound
	// message the provider's ID of it.
	ProviderID string `json:"provider_id,omitempty"`
	// Epoch is the conversation's epoch in which the message may be sent.
	Epoch int64 `json:"epoch,omitempty"`
	// Exempt messages are sent whatever the epoch: those of humans and
	// opt-out confirmations (S7.4).
	Exempt bool `json:"exempt,omitempty"`
	// FollowUp is set for messages of a ladder.
	FollowUp bool `json:"follow_up,omitempty"`
	// Template is the channel's template to send instead of free text, where
	// the reply window is closed (S8.7). Empty: free text.
	Template string `json:"template,omitempty"`
	// Attempts counts the sends that were started.
	Attempts int `json:"attempts,omitempty"`
	// ClaimedAt is when the last send was claimed.
	ClaimedAt time.Time `json:"claimed_at,omitzero"`
	// SettledAt is when the outcome was recorded.
	SettledAt time.Time `json:"settled_at,omitzero"`
}

// Disposition is the end of an inbound message that no turn answers.
type Disposition string

// The dispositions.
const (
	DispositionHuman       Disposition = "human_owned" // a human has the conversation, or it waits for one
	DispositionOptOut      Disposition = "opted_out"
	DispositionQuarantined Disposition = "quarantined" // every attempt failed; a human was asked
	DispositionClosed      Disposition = "closed"      // closed before an agent could answer
)

// Inbound is a message as a channel receives it.
type Inbound struct {
	// Channel is the channel's name, with its account where it has several.
	// Empty: the default channel of a program that has only one. At most 1,024
	// bytes.
	Channel string `json:"channel,omitempty"`
	// ID is the provider's ID of the message, however long. The same ID on the
	// same channel is the same message (S7.1). Required.
	ID string `json:"id"`
	// From is the contact's address on the channel, of at most 1,024 bytes.
	// Required.
	From string `json:"from"`
	// Text is what they wrote. It is cleaned at the edge: invalid UTF-8 and
	// control characters do not get in.
	Text string `json:"text"`
	// Name is the name the channel gives for the contact, if any; it fills the
	// fields name and firstname of a contact that has no name.
	Name string `json:"name,omitempty"`
	// At is when they wrote it, if the channel says; zero, or outside of the
	// years 1 to 9999: when it is accepted. It is recorded only; order and
	// delays count from acceptance.
	At time.Time `json:"at,omitzero"`
	// OptOut and OptIn are the channel's own signals (S8.13).
	OptOut bool `json:"opt_out,omitempty"`
	OptIn  bool `json:"opt_in,omitempty"`
}
