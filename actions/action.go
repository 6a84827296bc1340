// Package actions holds what an agent can do besides writing: the built-in
// actions of customer messaging (assign, close, update fields, update stage,
// comment, tags, stop follow-ups) and those that a program plugs in with
// [Func].
//
// An action does not change the conversation itself: it returns changes as
// data in a [Result], and the agent commits all of a turn's changes at once
// (S6.7). Only effects outside the store happen in Run, under the call's
// idempotency key (S6.8).
package actions

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// The names of the built-in actions.
const (
	NameAssign        = "assign"
	NameClose         = "close_conversation"
	NameUpdateFields  = "update_field"
	NameUpdateStage   = "update_stage"
	NameAddComment    = "add_comment"
	NameUpdateTags    = "update_tags"
	NameStopFollowUps = "stop_follow_ups"
)

// Delivery is what is promised of an action's outside effects (S6.8).
type Delivery int

const (
	// AtLeastOnce runs an action again after a crash, under the same key.
	AtLeastOnce Delivery = iota
	// AtMostOnce records the start first; after a crash, or when it runs out
	// of its time, the outcome is unknown and the action is not run again.
	AtMostOnce
)

// Action is something that the LLM may call. Build one with a constructor of
// this package ([Assign], [Close], [Func], …) and change its fields before it
// is handed to an agent; afterwards it is read-only.
type Action struct {
	// Name is what the LLM calls: letters, digits, _ and -, at most 64.
	Name string
	// Description tells the LLM what the action does.
	Description string
	// Prompt is the support lead's rule for when to perform it (S2.7). It is
	// compiled like instructions: mentions, variables, constraints.
	Prompt string
	// Schema is the JSON Schema of the arguments: an object schema.
	Schema json.RawMessage
	// Delivery is the promise for outside effects. Zero: at least once.
	Delivery Delivery
	// NeedsApproval stores the call until a person resolves it (S6.9).
	NeedsApproval bool
	// Timeout bounds one run. 0: the agent's default (30 s).
	Timeout time.Duration
	// Run performs the action. It may be called from several goroutines, one
	// conversation at a time. An error is a failed call: its text is shown to
	// the LLM, nothing is changed. A panic is a failed call too.
	Run func(ctx context.Context, call Call) (Result, error)

	// Builtin marks the actions of this package whose Run is pure: it reads
	// its arguments and returns changes. The agent checks those changes
	// against the instructions (S6.4); changes of a plugged-in action are
	// Go's own and only need to exist.
	Builtin bool
}

// Call is one call of an action.
type Call struct {
	// ID names the call in the turn's record.
	ID string
	// Key is the idempotency key: the same whenever this call is run again
	// after a crash (S6.8).
	Key  string
	Name string
	// Arguments are the JSON object that was validated against the schema.
	Arguments json.RawMessage
	// Agent is the AI agent's name.
	Agent string
	// Contact and Conversation are as the turn sees them, with the changes
	// that earlier calls of the turn staged. They are read-only.
	Contact      frontdesk.Contact
	Conversation frontdesk.Conversation
	// Now is the clock's time.
	Now time.Time
}

// Result is what an action did and wants changed. The zero value is "done,
// nothing to change".
type Result struct {
	// Content is told to the LLM. Empty: "done".
	Content string
	// Set are contact fields to set; the zero Value clears one.
	Set map[string]frontdesk.Value
	// Stage is the lifecycle stage to set. Empty: none.
	Stage string
	// Assign asks for an assignment. Nil: none.
	Assign *Assignment
	// Close asks to close the conversation. Nil: no.
	Close *Closing
	// Comment is an internal note, at most 2,000 characters. Empty: none.
	Comment string
	// AddTags and RemoveTags change the contact's tags.
	AddTags    []string
	RemoveTags []string
	// StopFollowUps cancels the pending ladder and keeps this turn from
	// arming one. The text says why: not interested, goodbye, goal reached.
	StopFollowUps string
}

// Assignment asks for an assignment (S5).
type Assignment struct {
	Target frontdesk.Target
	// Method is how a member is chosen. Empty: as the instructions say for
	// this target, else round robin.
	Method frontdesk.Method
	// Reason and Summary are told to the AI agent that takes over (S9.2), and
	// noted for the human who does.
	Reason  string
	Summary string
}

// Closing asks to close the conversation (S6.5).
type Closing struct {
	Summary string
	// Note is a closing note of the workspace. Empty: none.
	Note string
}
