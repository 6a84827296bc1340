package agent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// Desk is what people who look after conversations need of a store: lists, a
// history, what is pending, everything about a contact, and its deletion. It
// is a second interface of a [Store], which needs none of it for its work.
// The stores of this module have both; implementers run agenttest.TestDesk.
//
// A Desk only reads, save for Delete. What humans change goes through a [Mux]
// ([Mux.Reply], [Mux.Assign] and the like), which knows the rules.
//
// All methods are called from several goroutines and several processes at
// once. Each reads as of one moment that is not before the call. Values that
// were returned are not modified by the caller.
type Desk interface {
	// Conversations returns a page of the conversations that match all of the
	// query, in the order of the query.
	Conversations(ctx context.Context, q ConversationQuery) (Page[Listed], error)

	// Messages returns a page of messages, the newest first: the history of a
	// conversation, or deliveries that failed.
	Messages(ctx context.Context, q MessageQuery) (Page[frontdesk.Message], error)

	// Pending returns what waits on a conversation. One that is not there has
	// nothing pending; that is no error.
	Pending(ctx context.Context, conversationID string) (Pending, error)

	// Export returns everything that the store holds about a contact (S13.2).
	// ErrNoContact: there is none of that ID.
	Export(ctx context.Context, contactID string) (*Export, error)

	// Delete removes contacts with all that is theirs, and nothing else
	// (S13.1): identities, conversations, messages, turns and journals, tasks,
	// leases, approvals, and the dedupe keys of their messages. It is one
	// transaction: before it everything is there, after it nothing. Numbers of
	// open conversations move with it, as in a Commit.
	//
	// Nothing that is under way survives it: no fence of theirs holds any
	// more, a commit on a conversation of theirs is a conflict, no task is
	// left to claim. So nothing is sent that was not claimed for sending
	// before, and nothing is written back.
	//
	// When it returns nil, the bytes are gone too, from wherever the store
	// keeps them. That may take the store a while, whose length depends on all
	// that it holds: who deletes many contacts does so in one call. After an
	// error everything is there, or it is gone and some bytes may be left:
	// call it again. A contact that is not there is deleted already, and no
	// error.
	//
	// The store forgets them: a message of theirs that comes later, or again,
	// is that of a new contact.
	Delete(ctx context.Context, contactIDs ...string) error
}

// ErrNoContact means that there is no contact of that ID.
var ErrNoContact = errors.New("agent: there is no such contact")

// ConversationQuery says which conversations to list. Its zero value lists
// all.
type ConversationQuery struct {
	ContactID string
	Channel   string
	Status    frontdesk.Status
	// Assignee is who has it. Nil: whoever does; the zero Assignee: nobody.
	Assignee *frontdesk.Assignee
	TeamID   string
	// AwaitsHuman lists only those that wait for a human (S1.2).
	AwaitsHuman bool
	// AwaitsApproval lists only those with a call that waits for approval
	// (S6.9); [Desk.Pending] tells which. One whose conversation changed hands
	// waits until somebody resolves it, and is refused then.
	AwaitsApproval bool

	// LongestFirst puts those first whose contact wrote longest ago. Without
	// it the newest come first: by LastInbound, then by ID, in either order.
	//
	// A conversation moves to the newest end when its contact writes. While
	// that happens, a walk over the pages gives each of the others that match
	// all the time once. With LongestFirst, one that moves is given at its new
	// place, be it for the second time, so that nobody is missed; without, it
	// stands on the first page again.
	LongestFirst bool

	// Cursor is Next of the page before; empty: the first page. The rest of
	// the query stays the same from page to page, except for Limit.
	Cursor string
	// Limit is how many to give at most: see [PageLimit].
	Limit int
}

// Listed is a conversation in a list, with its contact.
type Listed struct {
	Conversation frontdesk.Conversation `json:"conversation"`
	Contact      frontdesk.Contact      `json:"contact"`
}

// MessageQuery says which messages to list: those of a conversation, or with
// Undelivered those of all conversations. One of the two is required.
type MessageQuery struct {
	// ConversationID lists the messages of one conversation, by Seq, the
	// newest first.
	ConversationID string
	// After and Before list those with a Seq above and below; 0: no bound.
	// They count with a ConversationID only.
	After, Before int64
	// Undelivered lists only outbound messages that did not arrive as far as
	// anybody knows: those that failed and those whose outcome is unknown.
	// Over all conversations they come by SettledAt, the newest first, then
	// by ID, the last first.
	Undelivered bool

	// Cursor is Next of the page before; empty: the first page. The rest of
	// the query stays the same from page to page, except for Limit. Messages
	// that are stored meanwhile shift nothing: they are newer.
	Cursor string
	// Limit is how many to give at most: see [PageLimit].
	Limit int
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	// Next is the Cursor of the page that follows; empty: this is the last.
	Next string `json:"next,omitempty"`
}

// PageLimit is how many items a page holds at most for the Limit of a query:
// 50 for 0 or less, and never more than 200.
func PageLimit(limit int) int {
	if limit <= 0 {
		return 50
	}
	return min(limit, 200)
}

// Pending is what waits on a conversation.
type Pending struct {
	// Tasks are by Due; those that are blocked, which have none, come last.
	// TaskFollowUp is the next step of a ladder.
	Tasks []Task `json:"tasks,omitempty"`
	// Approvals are the calls that wait for a person, the oldest first; see
	// [Mux.Resolve].
	Approvals []Approval `json:"approvals,omitempty"`
}

// Export is everything about a contact (S13.2). It marshals to JSON.
type Export struct {
	Contact frontdesk.Contact `json:"contact"`
	// Conversations are by Created, then by ID.
	Conversations []ExportedConversation `json:"conversations,omitempty"`
}

// ExportedConversation is a conversation with all that belongs to it.
type ExportedConversation struct {
	frontdesk.Conversation
	// Messages are by Seq.
	Messages []frontdesk.Message `json:"messages,omitempty"`
	// Turns are by ID, which for the IDs that the engine gives is by time.
	Turns []ExportedTurn `json:"turns,omitempty"`
	// Tasks are in the order of Pending.Tasks.
	Tasks []Task `json:"tasks,omitempty"`
	// Approvals are all of them, by At, then by ID.
	Approvals []Approval `json:"approvals,omitempty"`
}

// ExportedTurn is a turn with its journal.
type ExportedTurn struct {
	ID string `json:"id"`
	// Record is nil while the turn has not ended. Where somebody took the
	// conversation while the turn was under way in a process that then died,
	// the record tells what it had done when that was, and the journal the rest.
	Record  *Turn           `json:"record,omitempty"`
	Journal []ExportedEntry `json:"journal,omitempty"`
}

// ExportedEntry is an [Entry] whose data shows as the JSON that it is.
type ExportedEntry struct {
	N    int             `json:"n"`
	Kind EntryKind       `json:"kind"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data,omitempty"`
}
