package agent

import (
	"context"
	"errors"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// Store keeps everything that must outlive a process: contacts,
// conversations, messages, turns with their journals, tasks, rotations.
// Implementers run agenttest.TestStore.
//
// A Store is deliberately simple. It knows no rule of messaging: the engine
// reads a consistent [View], decides, and hands back a [Commit] that is
// applied whole or not at all, and only if nothing it was decided from has
// changed meanwhile. Everything that waits is a [Task] with a due time.
//
// All methods are called from several goroutines and several processes at
// once. Arguments are not modified by the caller afterwards, so a store may
// keep them without copying; values that a store returned are not modified by
// the caller either. Times are the engine's: a store never reads a clock of
// its own. An error that is none of the sentinels below means that the outcome
// is not known; the engine reads again before it decides. All texts that come
// in are valid UTF-8 without NUL, and come back as they were.
type Store interface {
	// Load reads what the query asks for, as of one moment. What is not there
	// is left zero in the View; that is no error.
	Load(ctx context.Context, q Query) (View, error)

	// Claim takes due tasks: those with a Due that is not zero and not after
	// q.Now, whose lane (conversation and TaskKind.Lane) is not leased beyond
	// q.Now, oldest due first, at most one a lane. Each claimed lane is leased
	// to q.Worker until q.Until, under a token that is larger than every
	// earlier token of that lane. Attempts of a claimed task rises by one.
	// Two claims never get the same lane at once.
	Claim(ctx context.Context, q ClaimQuery) (Claimed, error)

	// Append adds rows to the journal of a turn and moves the lease's end to
	// a.Until, in one transaction, if the fence holds; else ErrFenced. With no
	// rows it only renews.
	Append(ctx context.Context, a Append) error

	// Commit applies c whole, or nothing of it. It checks in this order:
	//
	//   - a fence that does not hold: ErrFenced
	//   - a Dedupe key that exists: ErrDuplicate
	//   - a Contact, Conversation or Rotation whose Version is not the stored
	//     one (0: must not exist), a new contact's identity that belongs to
	//     another, a second conversation for a contact and channel, a Loads
	//     version that is not the stored one: ErrConflict
	//
	// Stored versions become the given one plus one. If the change moves a
	// user's number of open conversations, that number and the load version
	// move in the same transaction.
	Commit(ctx context.Context, c Commit) error
}

// Errors of a Store that the engine branches on. A store may wrap them.
var (
	// ErrConflict means that something changed since it was read: nothing was
	// written, read again.
	ErrConflict = errors.New("agent: store: changed since it was read")
	// ErrFenced means that the lease was lost: nothing was written, stop.
	ErrFenced = errors.New("agent: store: the lease is no longer held")
	// ErrDuplicate means that the dedupe key exists: nothing was written.
	ErrDuplicate = errors.New("agent: store: that message was accepted before")
)

// Query says what Load reads. One of ConversationID, Identity, MessageID,
// ProviderID and CallID names the conversation; with none, only Duplicate,
// Rotations and Loads are read.
type Query struct {
	ConversationID string
	// Identity finds the contact by channel and address, and its conversation
	// on that channel.
	Identity frontdesk.Identity
	// MessageID finds the conversation of a message; the message itself is
	// View.Found.
	MessageID string
	// ProviderID finds the message with that ID on Identity.Channel (which
	// must be set, its Address may be empty); View.Found and its conversation.
	ProviderID string
	// CallID finds an approval.
	CallID string
	// DedupeKey reads View.Duplicate.
	DedupeKey string

	// History is how many of the newest messages to read. 0: none.
	History int
	// Turns reads the turns that wrote the outbound messages of History.
	Turns bool
	// Waiting reads the inbound messages without TurnID and Disposition,
	// oldest first.
	Waiting bool
	// Outbox reads the outbound messages that are not settled, oldest first.
	Outbox bool
	// TurnID reads that turn and its journal.
	TurnID string
	// Tasks reads the conversation's tasks.
	Tasks bool

	// Rotations are the names of rotations to read.
	Rotations []string
	// Loads reads the open conversations per user that changed after version
	// LoadsSince, and the present version.
	Loads      bool
	LoadsSince int64
}

// View is what Load read.
type View struct {
	Contact      *frontdesk.Contact
	Conversation *frontdesk.Conversation
	Found        *frontdesk.Message
	// Duplicate is the ID of the message that the dedupe key stands for.
	Duplicate string
	// History is oldest first.
	History []frontdesk.Message
	// Turns are those that wrote the outbound messages of History, each once,
	// in that order; without those that have no record yet.
	Turns    []Turn
	Waiting  []frontdesk.Message
	Outbox   []frontdesk.Message
	Turn     *Turn
	Journal  []Entry
	Tasks    []Task
	Approval *Approval

	Rotations   map[string]Rotation
	Loads       []Load
	LoadVersion int64
}

// Task finds a task of the view by kind; nil if there is none.
func (v *View) Task(kind TaskKind) *Task {
	for i := range v.Tasks {
		if v.Tasks[i].Kind == kind {
			return &v.Tasks[i]
		}
	}
	return nil
}

// TaskKind is what a task does.
type TaskKind string

// The kinds of tasks. A conversation has at most one of each.
const (
	// TaskTurn lets an agent answer, or go on.
	TaskTurn TaskKind = "turn"
	// TaskFollowUp fires the next step of a ladder.
	TaskFollowUp TaskKind = "follow_up"
	// TaskSend empties the outbox of a conversation.
	TaskSend TaskKind = "send"
	// TaskApproval runs calls that a person resolved (S6.9).
	TaskApproval TaskKind = "approval"
	// TaskEcho decides on outbound messages that are held (S10.3).
	TaskEcho TaskKind = "echo"
)

// Lane is what is leased: the turns of a conversation, or its sending. The
// two do not wait for each other.
type Lane string

// The lanes.
const (
	LaneTurn Lane = "turn"
	LaneSend Lane = "send"
)

// Lane returns the lane in which tasks of this kind run.
func (k TaskKind) Lane() Lane {
	if k == TaskSend || k == TaskEcho {
		return LaneSend
	}
	return LaneTurn
}

// Task is something that waits. Its identity is (ConversationID, Kind).
type Task struct {
	ConversationID string   `json:"conversation_id"`
	Kind           TaskKind `json:"kind"`
	// Due is when it may be claimed. Zero: it is blocked until another commit
	// gives it a time.
	Due time.Time `json:"due,omitzero"`
	// Attempts counts the claims since it was put.
	Attempts int `json:"attempts,omitempty"`
	// TurnID is the turn that the task runs; it is made when the task is, so
	// that a turn keeps its ID over crashes and supersedes.
	TurnID string `json:"turn_id,omitempty"`
	// Trigger is what set it off.
	Trigger Trigger `json:"trigger,omitzero"`
	// Failures counts LLM failures of the turn so far.
	Failures int `json:"failures,omitempty"`
	// Ladder is the frozen ladder of TaskFollowUp.
	Ladder *followup.State `json:"ladder,omitempty"`
	// CallIDs are the resolved calls of TaskApproval, oldest first.
	CallIDs []string `json:"call_ids,omitempty"`
	// Echoes are the held messages of TaskEcho.
	Echoes []Echo `json:"echoes,omitempty"`
}

// Fence proves that a lane is still held.
type Fence struct {
	ConversationID string
	Lane           Lane
	Token          int64
}

// ClaimQuery says which tasks to claim.
type ClaimQuery struct {
	Now    time.Time
	Until  time.Time
	Worker string
	// Max is how many at most; at least 1.
	Max int
	// ConversationID restricts the claim to one conversation. Empty: all.
	ConversationID string
}

// Claimed is what was claimed.
type Claimed struct {
	Tasks []ClaimedTask
	// Next is the earliest time at which there may be more to claim: the due
	// time of a task or the end of a lease, whichever a waiting worker should
	// look at next, among those asked for. Zero: nothing waits.
	Next time.Time
}

// ClaimedTask is a task and the fence under which to work on it.
type ClaimedTask struct {
	Task
	Fence Fence
}

// Append is rows for a turn's journal.
type Append struct {
	Fence Fence
	// Until is the new end of the lease; zero leaves it.
	Until time.Time
	Rows  []Entry
}

// EntryKind is what a journal row records.
type EntryKind string

// The kinds of journal rows.
const (
	EntryStart      EntryKind = "start"      // the turn began: epoch, instructions, newest message seen
	EntryAnswer     EntryKind = "answer"     // an answer of the LLM
	EntryCallStart  EntryKind = "call_start" // an at-most-once action is about to run
	EntryResult     EntryKind = "result"     // the outcome of a call
	EntrySuperseded EntryKind = "superseded" // newer messages were seen: the last reply is dropped
	EntryRestart    EntryKind = "restart"    // the instructions changed: staged changes are dropped
)

// Entry is one row of a turn's journal. Its identity is (TurnID, N).
type Entry struct {
	TurnID string `json:"turn_id"`
	// N counts from 1 without gaps.
	N    int       `json:"n"`
	Kind EntryKind `json:"kind"`
	At   time.Time `json:"at"`
	// Data is JSON whose form is the engine's own.
	Data []byte `json:"data,omitempty"`
}

// Commit is one transaction. Nil and empty parts are left alone.
type Commit struct {
	// Fence must hold. Nil: the commit needs no lease (an inbound, an
	// operator).
	Fence *Fence
	// Release ends the lease of Fence.
	Release bool

	// Dedupe maps keys of accepted messages to message IDs.
	Dedupe map[string]string

	Contact      *frontdesk.Contact
	Conversation *frontdesk.Conversation
	// Messages are put by ID: new ones, and changed ones whole.
	Messages []frontdesk.Message
	// Turns are put by ID.
	Turns []Turn
	// Journal rows are added.
	Journal []Entry
	// Put and Delete are tasks of Conversation's conversation; putting
	// replaces the task of that kind and resets nothing but what it carries.
	Put    []Task
	Delete []TaskKind
	// Approvals are put by ID.
	Approvals []Approval
	// Rotations are put by Name, checked by Version.
	Rotations []Rotation
	// Loads is the load version the choice was made from. Nil: not checked.
	Loads *int64
}

// Rotation is the position of a round robin (S5.4).
type Rotation struct {
	// Name says which: "team:ID", "any_team", "anyone".
	Name string `json:"name"`
	// Last is the member that was chosen last; empty: none yet.
	Last    string `json:"last"`
	Version int64  `json:"version"`
}

// Load is how many open conversations a user has.
type Load struct {
	UserID string `json:"user_id"`
	Open   int    `json:"open"`
}

// ApprovalStatus is how far an approval has come.
type ApprovalStatus string

// The statuses of an approval.
const (
	ApprovalPending  ApprovalStatus = "pending"
	ApprovalApproved ApprovalStatus = "approved" // and run, or being run
	ApprovalRefused  ApprovalStatus = "refused"
)

// Approval is a call that waits for a person (S6.9).
type Approval struct {
	// ID is the call's.
	ID             string `json:"id"`
	ConversationID string `json:"conversation_id"`
	TurnID         string `json:"turn_id"`
	Agent          string `json:"agent"`
	Name           string `json:"name"`
	Key            string `json:"key"`
	Arguments      string `json:"arguments"`
	// Instructions is the hash of the playbook the call was checked against.
	Instructions string `json:"instructions"`
	// Epoch is the conversation's epoch in which it may run.
	Epoch  int64          `json:"epoch"`
	Status ApprovalStatus `json:"status"`
	// By is who resolved it.
	By string `json:"by,omitempty"`
	// Outcome is what the run gave.
	Outcome string    `json:"outcome,omitempty"`
	At      time.Time `json:"at"`
}
