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
// is not known: everything was written, or nothing; the engine reads again
// before it decides. A done ctx gives such an error, soon.
//
// All texts that come in are valid UTF-8 without NUL, and come back as they
// were; Entry.Data comes back byte for byte. IDs, keys, addresses and names of
// channels and rotations have at most 1,024 bytes. Times come back as the same
// instant to the microsecond at least (what is finer may be cut off, not
// rounded up), in any zone. Nil and empty lists are the same.
type Store interface {
	// Load reads what the query asks for, as of one moment that is not before
	// the call: it sees every commit that returned earlier, in whatever
	// process. What is not there is left zero in the View; that is no error.
	Load(ctx context.Context, q Query) (View, error)

	// Claim takes due tasks: those with a Due that is not zero and not after
	// q.Now, whose lane (conversation and TaskKind.Lane) is free at q.Now,
	// oldest due first, at most one a lane. A lane is free if it was never
	// leased, its lease was released, or the lease ends at or before q.Now.
	// Each claimed lane is leased to q.Worker until q.Until, under a token
	// that is larger than every earlier token of that lane. Attempts of a
	// claimed task rises by one. Two claims never get the same lane at once.
	//
	// Tasks that are blocked, not due yet or in a leased lane are skipped, not
	// counted: q.Max of them never hide a task that can be claimed.
	Claim(ctx context.Context, q ClaimQuery) (Claimed, error)

	// Append adds rows to the journal of a turn and moves the lease's end to
	// a.Until, in one transaction. With no rows it only renews. A fence that
	// does not hold: ErrFenced. A row (TurnID, N) that is there: ErrConflict.
	Append(ctx context.Context, a Append) error

	// Commit applies c whole, or nothing of it. It checks in this order:
	//
	//   - a fence that does not hold: ErrFenced
	//   - a Dedupe key that exists: ErrDuplicate
	//   - a Contact, Conversation or Rotation whose Version is not the stored
	//     one (0: must not exist), a contact's identity that belongs to
	//     another, a second conversation for a contact and channel, a Loads
	//     version that is not the stored one, a new message whose Seq is taken
	//     in its conversation, a journal row that is there: ErrConflict
	//
	// Stored versions become the given one plus one. If the change moves a
	// user's number of open conversations, that number and the load version
	// move in the same transaction. A conversation counts for a user while it
	// is open and assigned to them.
	Commit(ctx context.Context, c Commit) error
}

// Waker is what a [Store] may be besides: one that tells of work which another
// process put, so that Run need not wait for its next look.
type Waker interface {
	// Wake calls wake whenever there may be work that another process put, and
	// once at the beginning, as there may be some already. It calls it from
	// its own goroutine, one call after the other; a call for nothing does no
	// harm. It returns nil when ctx is done, or at once if it has nothing to
	// tell ever. After an error, Run calls it again in a while.
	//
	// Nothing depends on it: what it does not tell is found after
	// Timeouts.Poll.
	Wake(ctx context.Context, wake func()) error
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
	// on that channel. A contact without one there is in the View alone.
	Identity frontdesk.Identity
	// MessageID finds the conversation of a message; the message itself is
	// View.Found.
	MessageID string
	// ProviderID finds the message with that ID on Identity.Channel (which
	// must be set, its Address may be empty); View.Found and its conversation.
	ProviderID string
	// CallID finds an approval and its conversation.
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
	// TurnID reads that turn of the conversation, if it has a record yet, and
	// its journal, by N.
	TurnID string
	// Tasks reads the conversation's tasks.
	Tasks bool

	// Rotations are the names of rotations to read.
	Rotations []string
	// Loads reads the open conversations per user that changed after version
	// LoadsSince, users whose number fell to zero among them, and the present
	// version. Versions count from 0, which is before any change.
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
	Turns    []*Turn
	Waiting  []frontdesk.Message
	Outbox   []frontdesk.Message
	Turn     *Turn
	Journal  []Entry
	Tasks    []Task
	Approval *Approval

	// Rotations are by name, without those that do not exist yet.
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

// Fence proves that a lane is still held: it holds from the claim that gave
// its token until the lane is released or claimed again. The end of the lease
// alone does not break it: nobody else can have begun, so what the holder did
// is still right.
type Fence struct {
	ConversationID string
	Lane           Lane
	Token          int64
}

// ClaimQuery says which tasks to claim.
type ClaimQuery struct {
	// Now is the present, Until the end of the leases that are given, after
	// Now.
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
	// Next is the earliest time at which there will be more to claim if
	// nothing else happens, among what was asked for: over all lanes, the
	// earliest due time or the end of the lane's lease, whichever is later.
	// The lanes just claimed count: their lease may run out. It is not after
	// q.Now if Max left something. Zero: nothing waits.
	Next time.Time
}

// ClaimedTask is a task and the fence under which to work on it.
type ClaimedTask struct {
	Task
	Fence Fence
	// until is the end of the lease; the engine fills it in.
	until time.Time
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
	EntryFailure    EntryKind = "failure"    // an LLM call failed and will be tried again
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
	// Delete and Put are tasks of Conversation, or without one of the
	// fence's; Delete goes first, and deleting what is not there is fine.
	// Putting replaces the task of that kind whole, Attempts among it, and
	// leaves the lane's lease alone.
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
