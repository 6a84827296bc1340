package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// Off turns a duration of the configuration off where zero means a default.
const Off time.Duration = -1

// Config is all that an agent needs. Every zero value has the default that
// its comment gives. New copies it.
type Config struct {
	// Name is the agent's name in the workspace, as mentions write it.
	// Required.
	Name string
	// Instructions are the prompt, in plain language (S2). They are compiled
	// by New. Required, unless Playbook is set.
	Instructions string
	// Playbook is a stored, compiled prompt, used in place of Instructions.
	Playbook *instructions.Playbook
	// Workspace is what exists around the agent.
	Workspace frontdesk.Workspace

	// LLM, Store and Channel are required.
	LLM     LLM
	Store   Store
	Channel Channel

	// Actions are those that the LLM is offered (S6.2). Nil: none; the agent
	// only talks.
	Actions []actions.Action
	// AllowTargets may be assigned besides those that the instructions and
	// action prompts allow (S6.4). TargetAnyTeam allows every team,
	// TargetAnyone every user.
	AllowTargets []frontdesk.Target
	// Ladders are follow-ups given in Go, besides those of the instructions
	// (S8.1). What their actions name must exist and be among Actions. They
	// may assign whoever is in the workspace; where that needs approval, only
	// whom the instructions or AllowTargets allow.
	Ladders []followup.Ladder

	// Clock tells the time. Nil: the system's.
	Clock frontdesk.Clock
	// Presence tells who is available. Nil: everyone is (S5.6).
	Presence Presence
	// Knowledge is searched with what the contact wrote. Nil: nothing is.
	Knowledge Knowledge
	// Fallback is what happens when a turn cannot end by itself (S7.6).
	Fallback Fallback

	// Debounce is how long to wait for more messages before answering; each
	// one restarts it. 0: 1 s. Off: none. (S7.3)
	Debounce time.Duration
	// Limits bound one turn (S6.10, I2).
	Limits Limits
	// Retry says how transient failures are retried.
	Retry Retry
	// Timeouts bound single calls of the outside world.
	Timeouts Timeouts
	// FollowUps say how ladders run.
	FollowUps FollowUps
	// OptOut is how a contact leaves and comes back (S8.13). The zero value
	// knows only the channel's own signals.
	OptOut OptOut

	// Outgoing is called with each text of an agent before it is queued, for a
	// policy on links, images or words. It returns the text to send; an empty
	// text or an error fails the answer, and the LLM is asked once more. Nil:
	// texts go out as they are.
	Outgoing func(text string) (string, error)
	// OnTurn is called with each turn that ended, after its commit, on the
	// goroutine that ran it. Nil: nobody is told.
	OnTurn func(Turn)
	// Logger gets IDs and outcomes, never what a contact wrote (S13.3). Nil:
	// nothing is logged.
	Logger *slog.Logger
	// LogErrors lets the Logger have the texts of errors that actions, LLMs and
	// channels return, which may quote what a contact wrote. False: their kinds
	// only. Turns keep the texts either way.
	LogErrors bool
	// NewID makes the IDs of contacts, conversations, messages and turns. It
	// must be safe for concurrent use and never give an ID twice. Nil: UUIDs
	// of version 7.
	NewID func() string
}

// Limits bound a turn. Zero values mean the default, negative ones are errors.
type Limits struct {
	// LLMCalls, ActionCalls and IdenticalCalls are per turn: 8, 20, 3.
	LLMCalls, ActionCalls, IdenticalCalls int
	// ErrorsPerAction is how often one action may fail or be refused in a
	// turn: 5.
	ErrorsPerAction int
	// History is how many messages the LLM sees: 20 (S7.7).
	History int
	// Supersedes is how often newer messages send a turn back: 3 (S7.3).
	Supersedes int
	// Handoffs is how many handoffs one inbound message may set off: 3 (S9.3).
	Handoffs int
	// ValueLength is how many code points of a variable's value are shown:
	// 200 (S4.3).
	ValueLength int
	// InboundBytes is how much of an inbound text is kept: 64 KiB.
	InboundBytes int
	// ReplyBytes is how long a reply may be: 16 KiB. A longer one is no answer.
	ReplyBytes int
	// ResultBytes is how much of an action's result the LLM sees: 8 KiB.
	ResultBytes int
	// Passages is how many passages of Knowledge the LLM is given: 5.
	Passages int
	// Attempts is how many times a turn may be claimed without getting on
	// before the conversation is quarantined (I26): 5.
	Attempts int
}

// Retry says how transient failures are retried: Attempts tries in all, the
// n-th retry after First·2ⁿ⁻¹, at most Max, or later if the provider says so.
type Retry struct {
	// Attempts of one LLM call: 3. SendAttempts of one message: 5.
	Attempts, SendAttempts int
	// First: 2 s. Max: 1 min.
	First, Max time.Duration
}

// Timeouts bound single calls, in real time, by context; Lease and what is said
// of a takeover go by [Config.Clock]. LLM, Action, Knowledge and Send must be
// shorter than Lease.
type Timeouts struct {
	// LLM bounds one LLM call: 60 s.
	LLM time.Duration
	// Action bounds one run of an action: 30 s.
	Action time.Duration
	// Knowledge and Presence bound one look-up: 10 s, 2 s.
	Knowledge, Presence time.Duration
	// Send bounds one send: 10 s. It is the window in which a message that was
	// claimed may still go out after a takeover.
	Send time.Duration
	// Lease is how long a worker holds a conversation without renewing, and so
	// how long that of one that was killed waits: 2 min.
	Lease time.Duration
	// Poll is how often Run looks for work that another process made: 1 s.
	Poll time.Duration
}

// WindowPolicy is what becomes of a follow-up when the channel's reply window
// has closed (S8.7).
type WindowPolicy string

// The window policies. The zero value is WindowFail.
const (
	// WindowFail records the message as failed; the step's actions are done.
	WindowFail WindowPolicy = ""
	// WindowSkip makes no message; the step's actions are done.
	WindowSkip WindowPolicy = "skip"
	// WindowTemplate sends FollowUps.Template of the channel in its place.
	WindowTemplate WindowPolicy = "template"
	// WindowPullForward sends a step that would come too late just before the
	// window closes.
	WindowPullForward WindowPolicy = "pull_forward"
)

// FollowUps say how ladders run. The zero value is the rules of S8.
type FollowUps struct {
	// DefaultDelay is the delay of ladders that have no time at all. 0: such
	// ladders are not armed (S8.6).
	DefaultDelay time.Duration
	// Window is what happens when the reply window has closed.
	Window WindowPolicy
	// Template is the channel's template of WindowTemplate.
	Template string
	// Quiet are hours in which no follow-up is sent, in the workspace's time
	// zone. The zero value: none.
	Quiet followup.QuietHours
	// MaxUnanswered is how many messages of agents may stand unanswered before
	// follow-ups end. 0: no limit.
	MaxUnanswered int
}

// OptOut is how a contact stops and restarts what agents write to them. A
// message that is one of the words, and nothing else, counts.
type OptOut struct {
	// Words such as "stop", "berhenti". Case and punctuation do not count.
	Words []string
	// BackWords bring agents back: "start", "mulai".
	BackWords []string
	// Confirmation is sent once. Empty: a short English one.
	Confirmation string
}

// Fallback is what happens when a turn cannot end by itself: the LLM stays
// down, answers with nothing, refuses, or runs into a limit (S7.6). The zero
// value unassigns the conversation with an internal note, so that a human
// finds it.
type Fallback struct {
	// LLM is asked in place of the failing one, with the same turn. Nil: none.
	LLM LLM
	// Assign is who gets the conversation when that does not help either. The
	// zero Target: nobody; with Text set the agent keeps it.
	Assign frontdesk.Target
	// Text is sent to the contact. Empty: nothing is.
	Text string
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	dur := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	l := &c.Limits
	def(&l.LLMCalls, 8)
	def(&l.ActionCalls, 20)
	def(&l.IdenticalCalls, 3)
	def(&l.ErrorsPerAction, 5)
	def(&l.History, 20)
	def(&l.Supersedes, 3)
	def(&l.Handoffs, 3)
	def(&l.ValueLength, 200)
	def(&l.InboundBytes, 64<<10)
	def(&l.ReplyBytes, 16<<10)
	def(&l.ResultBytes, 8<<10)
	def(&l.Passages, 5)
	def(&l.Attempts, 5)
	def(&c.Retry.Attempts, 3)
	def(&c.Retry.SendAttempts, 5)
	dur(&c.Retry.First, 2*time.Second)
	dur(&c.Retry.Max, time.Minute)
	dur(&c.Timeouts.LLM, time.Minute)
	dur(&c.Timeouts.Action, 30*time.Second)
	dur(&c.Timeouts.Knowledge, 10*time.Second)
	dur(&c.Timeouts.Presence, 2*time.Second)
	dur(&c.Timeouts.Send, 10*time.Second)
	dur(&c.Timeouts.Lease, 2*time.Minute)
	dur(&c.Timeouts.Poll, time.Second)
	dur(&c.Debounce, time.Second)
	if c.Debounce == Off {
		c.Debounce = 0
	}
	if c.Clock == nil {
		c.Clock = frontdesk.SystemClock{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.NewID == nil {
		c.NewID = newUUID
	}
	if c.OptOut.Confirmation == "" {
		c.OptOut.Confirmation = "You will not get any more messages from us."
		if len(c.OptOut.BackWords) > 0 {
			c.OptOut.Confirmation += " Write " + c.OptOut.BackWords[0] + " if you change your mind."
		}
	}
	return c
}

// newUUID makes a version 7 UUID. Its clock is the system's: an ID only has to
// be unique, and no decision is taken from its time.
func newUUID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness; a version 4 would fail too
		panic("agent: the system gives no random numbers: " + err.Error())
	}
	return id.String()
}

// validate reports every fault that does not need the compiler.
func (c *Config) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("agent: "+format, args...)) }
	if strings.TrimSpace(c.Name) == "" {
		fault("Config.Name is empty: give the agent the name that mentions use")
	}
	if strings.TrimSpace(c.Instructions) == "" && c.Playbook == nil {
		fault("agent %q has no Instructions: give it a prompt, or a Playbook", c.Name)
	}
	if c.Instructions != "" && c.Playbook != nil {
		fault("agent %q has both Instructions and a Playbook: give one of them", c.Name)
	}
	if c.Playbook != nil && strings.TrimSpace(c.Playbook.Text) == "" {
		fault("the Playbook of agent %q is empty: compile one with instructions.Compile", c.Name)
	}
	if c.LLM == nil {
		fault("agent %q has no LLM: give one, for example langchain.New(model)", c.Name)
	}
	if c.Store == nil {
		fault("agent %q has no Store: give one, for example memstore.New()", c.Name)
	}
	if c.Channel == nil {
		fault("agent %q has no Channel: give one", c.Name)
	}
	if err := c.Workspace.Validate(); err != nil {
		errs = append(errs, err)
	}
	seen := map[string]bool{}
	for _, a := range c.Actions {
		if err := a.Validate(); err != nil {
			errs = append(errs, err)
		}
		if seen[a.Name] {
			fault("agent %q has two actions named %q: rename one", c.Name, a.Name)
		}
		seen[a.Name] = true
		if a.Name == nameChooseFollowUp {
			fault("%q is the name of the action by which the LLM chooses among follow-ups: give yours another", a.Name)
		}
	}
	if err := followup.ValidateAll(c.Ladders); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.validateNumbers()...)
	return errors.Join(errs...)
}

func (c *Config) validateNumbers() (errs []error) {
	l := c.Limits
	counts := map[string]int{
		"Limits.LLMCalls": l.LLMCalls, "Limits.ActionCalls": l.ActionCalls, "Limits.IdenticalCalls": l.IdenticalCalls,
		"Limits.ErrorsPerAction": l.ErrorsPerAction, "Limits.History": l.History, "Limits.Supersedes": l.Supersedes,
		"Limits.Handoffs": l.Handoffs, "Limits.ValueLength": l.ValueLength, "Limits.InboundBytes": l.InboundBytes,
		"Limits.ReplyBytes": l.ReplyBytes, "Limits.ResultBytes": l.ResultBytes, "Limits.Passages": l.Passages, "Limits.Attempts": l.Attempts,
		"Retry.Attempts": c.Retry.Attempts, "Retry.SendAttempts": c.Retry.SendAttempts, "FollowUps.MaxUnanswered": c.FollowUps.MaxUnanswered,
	}
	for _, name := range sortedKeys(counts) {
		if v := counts[name]; v < 0 {
			errs = append(errs, fmt.Errorf("agent: %s is %d: give a positive number, or 0 for the default", name, v))
		}
	}
	t := c.Timeouts
	bounds := map[string]time.Duration{
		"LLM": t.LLM, "Action": t.Action, "Knowledge": t.Knowledge, "Presence": t.Presence, "Send": t.Send, "Lease": t.Lease, "Poll": t.Poll,
	}
	durations := map[string]time.Duration{
		"Retry.First": c.Retry.First, "Retry.Max": c.Retry.Max, "FollowUps.DefaultDelay": c.FollowUps.DefaultDelay,
	}
	for name, d := range bounds {
		durations["Timeouts."+name] = d
	}
	for _, name := range sortedKeys(durations) {
		if v := durations[name]; v < 0 {
			errs = append(errs, fmt.Errorf("agent: %s is %v: give a positive duration, or 0 for the default", name, v))
		}
	}
	if c.Debounce < 0 {
		errs = append(errs, fmt.Errorf("agent: Debounce is %v: give a positive duration, 0 for the default, or Off", c.Debounce))
	}
	errs = append(errs, c.outlasted(t.Lease)...)
	if err := c.FollowUps.Quiet.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("agent: FollowUps.Quiet: %w", err))
	}
	switch c.FollowUps.Window {
	case WindowFail, WindowSkip, WindowTemplate, WindowPullForward:
	default:
		errs = append(errs, fmt.Errorf("agent: FollowUps.Window is %q, which is no policy: use one of the WindowPolicy constants", c.FollowUps.Window))
	}
	if c.FollowUps.Window == WindowTemplate && c.FollowUps.Template == "" {
		errs = append(errs, errors.New("agent: FollowUps.Window is WindowTemplate and FollowUps.Template is empty: name the channel's template"))
	}
	return errs
}

// outlasted reports what a lease would not outlast: another worker would begin
// the same while it is under way (protocol rule 4).
func (c *Config) outlasted(lease time.Duration) (errs []error) {
	if lease <= 0 {
		return nil // reported as a fault of its own
	}
	fault := func(name string, v time.Duration) {
		if v >= lease {
			errs = append(errs, fmt.Errorf("agent: %s (%v) is not shorter than Timeouts.Lease (%v): a lease must outlast what it protects", name, v, lease))
		}
	}
	fault("Timeouts.LLM", c.Timeouts.LLM)
	fault("Timeouts.Action", c.Timeouts.Action)
	fault("Timeouts.Send", c.Timeouts.Send)
	fault("Timeouts.Knowledge", c.Timeouts.Knowledge)
	for _, a := range c.Actions {
		fault("the Timeout of action "+a.Name, a.Timeout)
	}
	return errs
}
