package agent

import (
	"encoding/json"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// TriggerKind is what set a turn off.
type TriggerKind string

// The triggers (S1).
const (
	TriggerInbound  TriggerKind = "inbound"
	TriggerFollowUp TriggerKind = "follow_up"
	TriggerHandoff  TriggerKind = "handoff"
	TriggerApproval TriggerKind = "approval"
	// TriggerAssigned is an operator giving the conversation to an agent while
	// the contact waits for an answer.
	TriggerAssigned TriggerKind = "assigned"
)

// Trigger is what set a turn off.
type Trigger struct {
	Kind TriggerKind `json:"kind,omitempty"`
	// From is the agent that handed over, and TurnID its turn.
	From   string `json:"from,omitempty"`
	TurnID string `json:"turn_id,omitempty"`
	// Reason and Summary are what that agent said.
	Reason  string `json:"reason,omitempty"`
	Summary string `json:"summary,omitempty"`
	// Agents are those that had the conversation since the contact wrote, or a
	// human gave it to one of them, in order (S9.3).
	Agents []string `json:"agents,omitempty"`
	// CallID is the approval that was resolved.
	CallID string `json:"call_id,omitempty"`
	// Step is the index of the ladder's step, from 0.
	Step int `json:"step,omitempty"`
}

// ExitReason is how a turn ended. Each turn has exactly one (S7.8).
type ExitReason string

// The exit reasons.
const (
	// ExitReplied: a reply was committed.
	ExitReplied ExitReason = "replied"
	// ExitHandedOff: the conversation went to somebody else, with a reply or
	// without.
	ExitHandedOff ExitReason = "handed_off"
	// ExitClosed: the conversation was closed.
	ExitClosed ExitReason = "closed"
	// ExitFollowedUp: a step of a ladder was done.
	ExitFollowedUp ExitReason = "followed_up"
	// ExitFallback: the turn could not end by itself; Turn.Failure says why,
	// and the fallback ran (S7.6).
	ExitFallback ExitReason = "fallback"
	// ExitDropped: somebody else took over, closed or reassigned meanwhile
	// (S7.4), the contact was deleted (S13.1), or another turn answered what it
	// was for; nothing was sent.
	ExitDropped ExitReason = "dropped"
	// ExitCancelled: a step of a ladder was not done; Turn.Failure says why.
	ExitCancelled ExitReason = "cancelled"
	// ExitNotOurs: no agent may answer: a human has the conversation, or it
	// waits for one, or the contact opted out.
	ExitNotOurs ExitReason = "not_ours"
	// ExitRetrying: the turn waits for its next try; a task will go on.
	ExitRetrying ExitReason = "retrying"
	// ExitDeferred: the answer is left to a task, as another worker has the
	// conversation, the context ended, or the store failed on the way.
	ExitDeferred ExitReason = "deferred"
	// ExitDuplicate: the message was accepted before and its turn has not
	// ended yet.
	ExitDuplicate ExitReason = "duplicate"
)

// Turn is the record of everything that one agent did on one trigger (S7.8).
// It is what Handle returns, what is logged and what tests assert on.
type Turn struct {
	ID             string `json:"id"`
	ConversationID string `json:"conversation_id"`
	// Agent is the AI agent's name; empty when no agent was asked.
	Agent   string  `json:"agent,omitempty"`
	Trigger Trigger `json:"trigger,omitzero"`
	// Instructions is the hash of the playbook the turn ran under (I29).
	Instructions string `json:"instructions,omitempty"`
	// Inbound are the IDs of the messages that the turn answered.
	Inbound []string `json:"inbound,omitempty"`
	// Replies are the messages it queued, split as the channel needs.
	Replies []frontdesk.Message `json:"replies,omitempty"`
	// Calls are the action calls, in order.
	Calls []CallRecord `json:"calls,omitempty"`
	// Changes are what the commit changed.
	Changes []Change `json:"changes,omitempty"`
	// Sources are the knowledge passages that the LLM was given (S12.1).
	Sources []string `json:"sources,omitempty"`
	// Missing are the variables that had no value (S4.4).
	Missing []string `json:"missing,omitempty"`
	// Rounds counts the LLM calls, retries among them.
	Rounds int `json:"rounds,omitempty"`
	// Superseded counts how often a newer message sent the turn back.
	Superseded int   `json:"superseded,omitempty"`
	Usage      Usage `json:"usage,omitzero"`
	// Exit is how it ended, Failure why, when not by itself.
	Exit    ExitReason `json:"exit"`
	Failure string     `json:"failure,omitempty"`
	Started time.Time  `json:"started"`
	Ended   time.Time  `json:"ended,omitzero"`
	// NextID is the turn that a handoff set off.
	NextID string `json:"next_id,omitempty"`
	// Next is that turn, when Handle ran it. It is not stored.
	Next *Turn `json:"-"`
}

// Reply returns the text of the replies, joined by blank lines.
func (t Turn) Reply() string {
	s := ""
	for i, m := range t.Replies {
		if i > 0 {
			s += "\n\n"
		}
		s += m.Text
	}
	return s
}

// Call returns the first call of the named action; nil if there was none.
func (t Turn) Call(name string) *CallRecord {
	for i := range t.Calls {
		if t.Calls[i].Name == name {
			return &t.Calls[i]
		}
	}
	return nil
}

// CallOutcome is how an action call ended.
type CallOutcome string

// The outcomes of a call.
const (
	CallDone    CallOutcome = "done"
	CallRefused CallOutcome = "refused" // not run: unknown, disabled, invalid or not allowed
	CallFailed  CallOutcome = "failed"  // run, and failed
	CallSkipped CallOutcome = "skipped" // not run: an earlier call of the same answer failed or waits
	CallPending CallOutcome = "pending" // waits for approval
	CallUnknown CallOutcome = "unknown" // at most once, and a crash or the end of its time hid the outcome
)

// CallRecord is one action call of a turn.
type CallRecord struct {
	// ID names the call; of one that waits for approval it is what Mux.Resolve
	// takes.
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Outcome   CallOutcome     `json:"outcome"`
	// Detail is what the LLM was told: the result, or why not.
	Detail string `json:"detail,omitempty"`
}

// Change is one thing that a turn changed.
type Change struct {
	// What is "field:ID", "stage", "tags", "assignee", "team", "status",
	// "closing_note", "summary", "comment" or "follow_up".
	What string `json:"what"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}
