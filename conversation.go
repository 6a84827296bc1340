package frontdesk

import "time"

// Status says whether a conversation is open.
type Status string

// The two statuses of a conversation.
const (
	Open   Status = "open"
	Closed Status = "closed"
)

// AssigneeKind says who a conversation is assigned to.
type AssigneeKind string

// The kinds of assignees. The zero value is nobody.
const (
	Nobody        AssigneeKind = ""
	AssigneeUser  AssigneeKind = "user"
	AssigneeAgent AssigneeKind = "ai_agent"
)

// Assignee is nobody (the zero value), a user or an AI agent.
type Assignee struct {
	Kind AssigneeKind `json:"kind,omitempty"`
	ID   string       `json:"id,omitempty"`
}

// Conversation is one contact on one channel (S1). There is at most one
// conversation for a contact and a channel: it is closed and reopened, never
// doubled (S1.1).
type Conversation struct {
	ID        string `json:"id"`
	ContactID string `json:"contact_id"`
	// Channel is the name of the channel, with its account.
	Channel string `json:"channel"`
	Status  Status `json:"status"`
	// TeamID is the team the conversation was routed to; empty: none.
	TeamID   string   `json:"team_id,omitempty"`
	Assignee Assignee `json:"assignee,omitzero"`
	// AwaitsHuman is set when the conversation was unassigned on purpose, or
	// the fallback left it without a person: no agent acts on it until it is
	// assigned (S1.2).
	AwaitsHuman bool `json:"awaits_human,omitempty"`
	// OptedOut is set while the contact does not want to hear from agents
	// here (S8.13).
	OptedOut bool `json:"opted_out,omitempty"`
	// Epoch rises on every assignment, unassignment, close, reopen, takeover,
	// opt-out and opt-in. Work of an older epoch is never sent.
	Epoch int64 `json:"epoch"`
	// Version rises by one with every stored change. 0: not stored yet.
	Version int64 `json:"version"`
	// LastSeq is the sequence number of the newest message.
	LastSeq int64 `json:"last_seq"`
	// LastInbound is when the contact wrote last; reply windows count from it.
	LastInbound time.Time `json:"last_inbound,omitzero"`
	// Unanswered counts what agents sent since the contact wrote last.
	Unanswered int `json:"unanswered,omitempty"`
	// Summary and ClosingNote are those of the last close.
	Summary     string    `json:"summary,omitempty"`
	ClosingNote string    `json:"closing_note,omitempty"`
	Created     time.Time `json:"created"`
	ClosedAt    time.Time `json:"closed_at,omitzero"`
}
