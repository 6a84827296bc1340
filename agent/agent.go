package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/routing"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// Agent is a compiled configuration. It does nothing by itself: a [Mux] gives
// it conversations. It is safe for concurrent use.
// Make one with New.
type Agent struct {
	cfg         Config
	id          string // in the workspace
	playbook    *instructions.Playbook
	diagnostics instructions.Diagnostics
	directory   *routing.Directory
	location    *time.Location

	rules   *rules
	tools   []Tool
	byName  map[string]*tool
	text    *variables.Template
	prompts []actionPrompt
	ladders []followup.Ladder
	canary  string
	frame   string // what every system prompt of this agent begins with
	shield  *shield
	called  *regexp.Regexp // a call of one of its actions, written as text
	targets string         // the sentence that says who can be assigned
	gate    gate
}

// tool is an enabled action with what was made of it once.
type tool struct {
	action  actions.Action
	checker *actions.Checker
}

type actionPrompt struct {
	name string
	text *variables.Template
}

// InstructionError is what New returns when the text has faults: all of them,
// with line and column.
type InstructionError struct {
	// Agent is the agent's name.
	Agent string
	// Where is "instructions" or the name of the action whose prompt it is.
	Where       string
	Diagnostics instructions.Diagnostics
}

// Error lists the diagnostics, one a line.
func (e *InstructionError) Error() string {
	s := fmt.Sprintf("agent: %s of %q:", e.Where, e.Agent)
	for _, d := range e.Diagnostics {
		s += "\n\t" + d.String()
	}
	return s
}

// New compiles a configuration into an Agent. It reports every fault at once:
// missing parts, a workspace that contradicts itself, and each error of the
// instructions and action prompts as *[InstructionError] (use errors.As, or
// print it). Warnings do not stop it; see [Agent.Diagnostics].
func New(c Config) (*Agent, error) {
	c = c.withDefaults()
	c.Actions = slices.Clone(c.Actions)
	var errs []error
	if err := c.validate(); err != nil {
		errs = append(errs, err) // the texts are compiled all the same: their faults come with these
	}
	location, err := c.Workspace.Location()
	if err != nil {
		location = time.UTC // validate has reported it
	}
	ws := c.Workspace
	a := &Agent{cfg: c, id: c.Name, location: location, directory: routing.NewDirectory(&ws)}
	for _, t := range a.directory.Lookup(c.Name) {
		if t.Kind == frontdesk.TargetAIAgent {
			a.id = t.ID
		}
	}
	action := a.compile(&errs)
	a.rules = newRules(a, action, &errs)
	errs = append(errs, a.checkLadders()...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	a.buildTools(&errs)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sum := sha256.Sum256([]byte("canary\x00" + a.cfg.Name + "\x00" + a.playbook.Hash))
	a.canary = "fd-" + hex.EncodeToString(sum[:8])
	a.frame = a.systemFrame()
	a.shield = newShield(a.canary, a.frame)
	names := []string{
		actions.NameAssign, actions.NameClose, actions.NameUpdateFields, actions.NameUpdateStage, actions.NameAddComment,
		actions.NameUpdateTags, actions.NameStopFollowUps,
	}
	a.called = calledNames(append(names, sortedKeys(a.byName)...))
	if names := a.rules.targetNames(); len(names) > 0 {
		a.targets = "\nThe conversation can be assigned to: " + strings.Join(names, ", ") + ".\n"
	}
	return a, nil
}

// compile compiles the instructions and the action prompts, and returns the
// latter's playbooks by action name.
func (a *Agent) compile(errs *[]error) map[string]*instructions.Playbook {
	c := &a.cfg
	opts := instructions.Options{
		Workspace: a.directory.Workspace(),
		Directory: a.directory,
		Actions:   []instructions.EnabledAction{},
	}
	if c.Channel != nil {
		opts.ReplyWindow = c.Channel.Capabilities("").ReplyWindow
	}
	for _, act := range c.Actions {
		opts.Actions = append(opts.Actions, instructions.EnabledAction{Name: act.Name, Prompt: act.Prompt})
	}
	fault := func(where string, ds instructions.Diagnostics) {
		if bad := ds.Errors(); len(bad) > 0 {
			*errs = append(*errs, &InstructionError{Agent: c.Name, Where: where, Diagnostics: bad})
		}
	}
	if c.Playbook != nil {
		a.playbook = c.Playbook
		a.diagnostics = append(a.diagnostics, a.vanished(c.Playbook)...)
		a.diagnostics = append(a.diagnostics, c.Playbook.CheckStored()...)
	} else {
		pb, ds := instructions.Compile(c.Instructions, opts)
		a.playbook, a.diagnostics = pb, ds
		fault("instructions", ds)
	}
	compiled := map[string]*instructions.Playbook{}
	for _, act := range c.Actions {
		if act.Prompt == "" {
			continue
		}
		pb, ds := instructions.CompileActionPrompt(act.Name, act.Prompt, opts)
		compiled[act.Name] = pb
		where := "the prompt of action " + act.Name
		a.diagnostics = append(a.diagnostics, within(where, ds)...)
		fault(where, ds)
		a.prompts = append(a.prompts, actionPrompt{act.Name, variables.Parse(act.Prompt)})
	}
	a.text = variables.Parse(a.playbook.Text)
	for _, l := range a.playbook.Ladders {
		a.ladders = append(a.ladders, performable(l.Ladder))
	}
	a.ladders = append(a.ladders, c.Ladders...)
	return compiled
}

// within says of each diagnostic which text its line and column are in.
func within(where string, ds instructions.Diagnostics) instructions.Diagnostics {
	ds = slices.Clone(ds)
	for i := range ds {
		ds[i].Message = "in " + where + ": " + ds[i].Message
	}
	return ds
}

// vanished warns of the targets of a stored playbook that have left the
// workspace since: they are not allowed any more (I15).
func (a *Agent) vanished(pb *instructions.Playbook) (ds instructions.Diagnostics) {
	for _, t := range pb.Targets {
		if t.Target.ID == "" {
			continue
		}
		if _, ok := a.directory.ByID(t.Target.Kind, t.Target.ID); ok {
			continue
		}
		span := instructions.Span{Line: 1, Column: 1}
		for _, m := range pb.Mentions {
			if m.Target.Same(t.Target) {
				span = m.Span
				break
			}
		}
		ds = append(ds, instructions.Diagnostic{
			Code: "unknown-mention", Severity: instructions.SeverityWarning, Span: span,
			Message: fmt.Sprintf("@%s is not in the workspace any more and is not assigned to: change the prompt and save it again", t.Target.Name),
		})
	}
	return ds
}

// buildTools makes what the LLM is offered: the enabled actions, with the
// names that the instructions allow as enumerations, and what ladders need.
func (a *Agent) buildTools(errs *[]error) {
	a.byName = map[string]*tool{}
	add := func(act actions.Action) {
		// The names are shown to the LLM as enumerations, but checked by the
		// rules, which fold case and say more when one is wrong.
		checker, err := actions.NewChecker(act.Schema)
		if err != nil {
			*errs = append(*errs, fmt.Errorf("agent: action %q: %w", act.Name, err))
			return
		}
		act, offer, err := a.rules.narrow(act)
		if err != nil {
			*errs = append(*errs, fmt.Errorf("agent: action %q: %w", act.Name, err))
			return
		}
		a.byName[act.Name] = &tool{act, checker}
		if offer {
			a.tools = append(a.tools, Tool{Name: act.Name, Description: act.Description, Schema: act.Schema})
		}
	}
	for _, act := range a.cfg.Actions {
		add(act)
	}
	if len(a.ladders) == 0 {
		return
	}
	// The LLM's own finding that the contact is not interested, said goodbye
	// or reached the goal ends follow-ups (S8.4), so a prompt with follow-ups
	// has the action without asking for it.
	if a.byName[actions.NameStopFollowUps] == nil {
		add(actions.StopFollowUps())
	}
	if a.choosesLadder() {
		add(chooseFollowUp(a.ladders))
	}
}

// choosesLadder reports whether the LLM has to say which ladder applies
// (S8.2).
func (a *Agent) choosesLadder() bool {
	return len(a.ladders) > 1 || len(a.ladders) == 1 && a.ladders[0].Condition != ""
}

// Name returns the agent's name.
func (a *Agent) Name() string { return a.cfg.Name }

// Playbook returns the compiled instructions. It must not be modified.
func (a *Agent) Playbook() *instructions.Playbook { return a.playbook }

// Diagnostics returns what the compiler had to say besides errors: warnings
// and infos on the instructions, and after them on the prompt of each action,
// whose messages name the action. Its String has one a line.
func (a *Agent) Diagnostics() instructions.Diagnostics { return a.diagnostics }

// gate holds an LLM's callers back after the provider asked for a pause: one
// limiter for all conversations of an agent.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

// maxPause is the longest pause that a provider's Retry-After can make. One
// that asks for more is asked again, and then the fallback sees to the
// contacts: they must not wait for an hour.
const maxPause = 10 * time.Minute

// pause lets nobody through for as long as a provider asks, from now.
func (g *gate) pause(now time.Time, d time.Duration) { g.closeUntil(now.Add(min(d, maxPause))) }

// closeUntil lets nobody through before t.
func (g *gate) closeUntil(t time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.After(g.until) {
		g.until = t
	}
}

// closed returns until when the gate is closed; ok is false when it is open.
func (g *gate) closed(now time.Time) (until time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until, now.Before(g.until)
}
