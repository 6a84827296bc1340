// Package followup is the pure state machine of follow-ups on silence (S8).
//
// A [Ladder] is data: steps with a delay, messages and actions. A [State] is
// a ladder that was armed for one silence of one contact; it is a value, and
// every change gives a new one. The package reads no clock, starts no
// goroutine and talks to nobody: times come in as arguments, what to do comes
// out as data.
package followup

import (
	"encoding/json"
	"fmt"
	"time"
)

// MaxDelay is the longest delay of a step since the message before (S8.1).
const MaxDelay = 24 * time.Hour

// MaxSteps is how many steps a prompt has at most over all its ladders; an
// untimed step at the end does not count (S8.1).
const MaxSteps = 5

// Ladder is a sequence of follow-ups. It is compiled from instructions or
// given in Go, and is not modified afterwards.
type Ladder struct {
	// Condition is when the ladder applies, in the prompt's words. Empty: it
	// always does.
	Condition string `json:"condition"`
	Steps     []Step `json:"steps"`
}

// Step is one follow-up.
type Step struct {
	// Delay counts from the message before. 0: the prompt gives no time.
	Delay Delay `json:"delay"`
	// Inherited is set when the delay is that of the step before (S8.6).
	Inherited bool `json:"inherited,omitempty"`
	// Messages are sent as one follow-up: all of them, or one of them as Mode
	// says. None: the message is left to the LLM, unless Silent.
	Messages []Message `json:"messages,omitempty"`
	// Mode is how several messages are meant. Empty: a sequence.
	Mode Mode `json:"mode,omitempty"`
	// Silent steps send nothing; the prompt asked for that.
	Silent bool `json:"silent,omitempty"`
	// Actions run after the message, in this order.
	Actions []Action `json:"actions,omitempty"`
	// Line is the line of the instructions it was compiled from, from 1.
	Line int `json:"line,omitempty"`
}

// Mode says how several messages of a step are meant.
type Mode string

// The modes.
const (
	Sequence     Mode = "sequence"     // all, one after the other
	Alternatives Mode = "alternatives" // one of them, or like them
)

// Message is a message of a step. Its text may hold variables; they are
// expanded when the step fires (S4.3).
type Message struct {
	Text string `json:"text"`
	// Verbatim texts are sent as they are. Others are examples for the LLM.
	Verbatim bool `json:"verbatim"`
}

// Action is an action of a step, or an action site of instructions: the name
// of a built-in action and what the text says of its arguments.
type Action struct {
	// Name is assign, unassign, close_conversation, update_field,
	// update_stage, add_comment or update_tags. In a ladder given in Go it
	// may also name a custom action, with Args.
	Name string `json:"action"`
	// Target is the name of who is assigned, as in the workspace.
	Target string `json:"target,omitempty"`
	// Method is round_robin or least_open; empty: none said.
	Method string `json:"method,omitempty"`
	// Field is the ID of the field that is updated.
	Field string `json:"field,omitempty"`
	// Value is the value of the field, the stage, the tag or the comment. All
	// but the stage may hold variables. A field without one is emptied by a
	// ladder given in Go, and left as it is by one that was compiled.
	Value string `json:"value,omitempty"`
	// Note is the closing note of a close.
	Note string `json:"note,omitempty"`
	// NoSummary is set when the prompt wants no summary for this close.
	NoSummary bool `json:"no_summary,omitempty"`
	// Args are the arguments of a custom action.
	Args json.RawMessage `json:"args,omitempty"`
}

// Delay is a duration that JSON writes as Go does ("2m0s"); 0 is "".
type Delay time.Duration

// MarshalJSON implements json.Marshaler.
func (d Delay) MarshalJSON() ([]byte, error) {
	if d == 0 {
		return []byte(`""`), nil
	}
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Delay) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("followup: a delay is a duration such as \"2m\": %w", err)
	}
	if s == "" {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("followup: %q is no duration: write one such as \"2m\" or \"1h30m\"", s)
	}
	*d = Delay(v)
	return nil
}
