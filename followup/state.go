package followup

import (
	"slices"
	"time"
)

// State is a ladder that was armed for one silence of one contact (S8.2). It
// is a value: every change gives a new State, and copies share the ladder,
// which nobody modifies. It is stored as JSON beside the task that fires it,
// so that times survive a restart (S8.9).
//
// A State is always in one of three conditions. It awaits the outcome of the
// message before (After is set, nothing is due). It waits for its time (Due
// gives it). Or it is over (Done).
//
// The zero value is over: it has no steps.
type State struct {
	// Ladder is frozen at arming (S8.10), with every delay filled in.
	Ladder Ladder `json:"ladder"`
	// Step is the index of the step that fires next. It only ever rises, which
	// is why a clock that goes back fires nothing twice.
	Step int `json:"step"`
	// After is the ID of the message whose outcome is awaited. Empty: known,
	// or there was no message.
	After string `json:"after,omitempty"`
	// Since is when that outcome was recorded; the delay of the next step
	// counts from it. Zero while the outcome is awaited.
	Since time.Time `json:"since,omitzero"`
	// Agent is the AI agent that armed the ladder.
	Agent string `json:"agent,omitempty"`
	// Epoch is the conversation's epoch at arming.
	Epoch int64 `json:"epoch,omitempty"`
	// Ended says why the ladder ended before its last step. Empty: it did not.
	Ended string `json:"ended,omitempty"`
}

// ArmOptions are what [Arm] needs besides the ladder.
type ArmOptions struct {
	// After is the ID of the message that awaits the contact's answer: the
	// first delay counts from its outcome. Empty: no outcome is awaited, and
	// the first delay counts from At.
	After string
	// DefaultDelay is the delay of steps for which the ladder gives no time at
	// all. 0: a ladder without any time is not armed (S8.6).
	DefaultDelay time.Duration
	// Agent is the AI agent that arms the ladder.
	Agent string
	// Epoch is the conversation's epoch.
	Epoch int64
	// At is the present time.
	At time.Time
}

// Arm freezes a ladder for one silence. It reports false, and nothing is
// armed, when the ladder has no steps, or no time at all and no default delay
// was given (S8.6).
//
// A step without a time takes that of the step before it. A first step
// without one takes the default delay or, where there is none, the first time
// that the ladder does give: it is the author's own measure of silence.
//
// Arm does not judge the ladder; see [Validate].
func Arm(l Ladder, o ArmOptions) (State, bool) {
	delay := Delay(max(o.DefaultDelay, 0))
	for i := 0; delay == 0 && i < len(l.Steps); i++ {
		delay = max(l.Steps[i].Delay, 0)
	}
	if delay == 0 || len(l.Steps) == 0 {
		return State{}, false
	}
	// A ladder that gives every time is shared as it is: nobody modifies it,
	// and a million contacts may wait on the same one.
	if slices.ContainsFunc(l.Steps, func(s Step) bool { return s.Delay <= 0 }) {
		l.Steps = slices.Clone(l.Steps)
	}
	for i := range l.Steps {
		step := &l.Steps[i]
		if step.Delay > 0 {
			delay = step.Delay
		} else {
			step.Delay, step.Inherited = delay, true
		}
	}
	return State{Ladder: l, Agent: o.Agent, Epoch: o.Epoch}.await(o.After, o.At), true
}

// await makes the state wait for the outcome of a message or, without one,
// for the delay counted from at.
func (s State) await(messageID string, at time.Time) State {
	s.After, s.Since = messageID, time.Time{}
	if messageID == "" {
		s.Since = at.Round(0).UTC()
	}
	return s
}

// Done reports whether nothing is left to fire.
func (s State) Done() bool {
	return s.Ended != "" || s.Step < 0 || s.Step >= len(s.Ladder.Steps)
}

// Due returns when the next step fires. It is false when there is none, and
// while the outcome of the message before is awaited: nothing is due before
// that is known (S8.2). Steps never become due in a row: the time of a step
// is known only once the one before it has left (protocol rule 8).
func (s State) Due() (time.Time, bool) {
	if s.Done() || s.After != "" {
		return time.Time{}, false
	}
	return s.Since.Add(time.Duration(s.Ladder.Steps[s.Step].Delay)), true
}

// Next returns the step that fires next and its index, whether or not it is
// due. It is false when there is none.
func (s State) Next() (Step, int, bool) {
	if s.Done() {
		return Step{}, 0, false
	}
	return s.Ladder.Steps[s.Step], s.Step, true
}

// Settled records that the outcome of a message became known at the given
// time: sent, failed or unknown, it does not matter which (S8.2, S8.7). An ID
// that is not awaited changes nothing, so it is safe to report every message,
// and to report one twice.
func (s State) Settled(messageID string, at time.Time) State {
	if messageID == "" || messageID != s.After {
		return s
	}
	return s.await("", at)
}

// Fired records that the next step was done at the given time. lastMessageID
// is the last message that it queued: the delay of the step after it counts
// from that message's outcome, however late the step itself was (S8.3, S8.9).
// With no message it counts from at.
//
// While the outcome of the message before is awaited, and when nothing is
// left, Fired changes nothing: a step that was not due cannot have fired.
func (s State) Fired(at time.Time, lastMessageID string) State {
	if s.Done() || s.After != "" {
		return s
	}
	s.Step++
	if s.Done() { // nothing waits for this outcome
		lastMessageID = ""
	}
	return s.await(lastMessageID, at)
}

// End records why the ladder ends before its last step: the contact wrote,
// the conversation was closed (S8.4). A ladder that is over keeps the reason
// it has; an empty reason is recorded as "ended".
func (s State) End(reason string) State {
	if s.Done() {
		return s
	}
	if reason == "" {
		reason = "ended"
	}
	s.Ended, s.After = reason, ""
	return s
}
