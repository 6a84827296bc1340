// Package session runs a prompt with the real engine on a console or in a
// scenario: one contact, in memory or in a store that outlives it, a clock that is moved by hand
// where that is wanted.
package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/workspacefile"
)

// The contact's place.
const (
	channelName = "console"
	address     = "contact"
)

// Config is what a session is made of.
type Config struct {
	// Prompt is the instructions of the agent that answers first. Empty: those
	// that the workspace file holds of it.
	Prompt string
	// Proposals are the accepted readings of what the first agent's prompt
	// leaves open. Nil: none.
	Proposals *instructions.Proposals
	// File is the workspace file. Nil: a workspace of the names in the prompt.
	File *workspacefile.File
	// Agent is the agent's name in the file. Empty: with a prompt, an agent of
	// its own, named "Agent", with the file's enabled actions; without, the
	// first agent of the file that has instructions.
	Agent string
	// LLM answers for all agents. Nil: NewLLM makes one for each.
	LLM agent.LLM
	// NewLLM makes an LLM of an agent's playbook, for one that follows it by
	// rules. It counts where LLM is nil.
	NewLLM func(*instructions.Playbook) agent.LLM
	// Clock is the session's. Nil: one that stands at Start.
	Clock *Clock
	// Contact is the contact at the start: Fields, Stage and Tags count.
	Contact frontdesk.Contact
	// DefaultDelay is that of follow-ups without a time. 0: they do not run.
	DefaultDelay time.Duration
	// Actions are the custom ones that are more than a name, by name.
	Actions map[string]Simulated
	// Store keeps everything; what it holds of the contact goes on. Nil: one in
	// memory.
	Store agent.Store
	// Knowledge is what the agents may answer from. Nil: nothing.
	Knowledge agent.Knowledge
	// OnTurn is called with each turn that ended, OnMessage with each message
	// that reached the contact. Nil: nobody is told.
	OnTurn    func(agent.Turn)
	OnMessage func(agent.Outbound)
}

// Simulated is what a custom action does here, where nothing outside exists.
type Simulated struct {
	// Result is what the LLM is told. Empty: that the action was simulated.
	Result string
	// Fail makes Result an error.
	Fail bool
}

// Session is a running conversation. It is for one goroutine.
type Session struct {
	Mux       *agent.Mux
	Clock     *Clock
	Workspace frontdesk.Workspace
	// Agent is the one that answers first.
	Agent *agent.Agent

	cfg      Config
	store    agent.Store
	messages int64
	seen     map[string]bool // turns that were told of
	unsent   map[string]bool // messages that Unsent has returned
}

// New builds the agents of a session. Faults of the instructions are
// *agent.InstructionError.
func New(cfg Config) (*Session, error) {
	if cfg.Clock == nil {
		cfg.Clock = NewClock()
	}
	newID := sequence()
	if cfg.Store == nil {
		cfg.Store = memstore.New()
	} else {
		newID = nil // IDs that no other run gives
	}
	s := &Session{cfg: cfg, Clock: cfg.Clock, store: cfg.Store, seen: map[string]bool{}, unsent: map[string]bool{}}
	first, others, err := s.cast()
	if err != nil {
		return nil, err
	}
	var built []*agent.Agent
	var errs []error
	ch := &channel{deliver: cfg.OnMessage}
	if cfg.File != nil {
		ch.window = cfg.File.ReplyWindow
	}
	for i, r := range append([]role{first}, others...) {
		conf := agent.Config{
			Name: r.name, Instructions: r.instructions, Workspace: s.Workspace, Actions: r.actions,
			LLM: cfg.LLM, Store: s.store, Channel: ch, Clock: s.Clock, Debounce: agent.Off, NewID: newID, OnTurn: s.told,
			FollowUps: agent.FollowUps{DefaultDelay: cfg.DefaultDelay}, Knowledge: cfg.Knowledge,
		}
		pb, diags := instructions.Compile(r.instructions, instructions.Options{Workspace: &s.Workspace})
		if i == 0 && cfg.Proposals != nil && len(diags.Errors()) == 0 {
			if pb, err = cfg.Proposals.Apply(pb, instructions.Options{Workspace: &s.Workspace}); err != nil {
				return nil, err
			}
			conf.Instructions, conf.Playbook = "", pb
		}
		if conf.LLM == nil && cfg.NewLLM != nil {
			conf.LLM = cfg.NewLLM(pb)
		}
		a, err := agent.New(conf) // which reports the faults
		if err != nil {
			errs = append(errs, err)
			continue
		}
		built = append(built, a)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s.Agent = built[0]
	s.Mux, err = agent.NewMux(built...)
	return s, err
}

// Resume takes up what the store holds of an earlier session, and returns the
// conversation so far; nil: there is none. The clock does not stand before
// what has happened. Call it before anything else.
func (s *Session) Resume(ctx context.Context) ([]frontdesk.Message, error) {
	v, err := s.View(ctx)
	if err != nil || v.Conversation == nil {
		return nil, err
	}
	s.messages = v.Conversation.LastSeq // no line has an ID that another had
	for _, m := range v.History {
		s.Clock.Set(m.At)
		s.Clock.Set(m.SettledAt)
	}
	_, err = s.Unsent(ctx) // these were told of
	return v.History, err
}

// role is an agent to be built.
type role struct {
	name, instructions string
	actions            []actions.Action
}

// cast finds who plays: the agent that answers first, and all others of the
// file, which a handoff may reach.
func (s *Session) cast() (first role, others []role, err error) {
	file := s.cfg.File
	if file == nil {
		s.Workspace = workspaceOf(s.cfg.Prompt)
		first = role{"Agent", s.cfg.Prompt, s.simulate(nil)}
		for _, a := range s.Workspace.AIAgents {
			others = append(others, s.bystander(a.Name))
		}
		return first, others, nil
	}
	s.Workspace = file.Workspace
	main, err := s.main()
	if err != nil {
		return first, nil, err
	}
	opts := file.Options(main)
	first = role{"Agent", s.cfg.Prompt, nil}
	if main != nil {
		first.name = main.Name
		if first.instructions == "" {
			first.instructions = main.Instructions.Value
		}
	}
	first.actions = s.simulate(opts.Actions)
	for i := range file.Agents {
		a := &file.Agents[i]
		if main != nil && a.Name == main.Name {
			continue
		}
		r := s.bystander(a.Name)
		if a.Instructions.Value != "" {
			r = role{a.Name, a.Instructions.Value, s.simulate(file.Options(a).Actions)}
		}
		others = append(others, r)
	}
	return first, others, nil
}

// main is the agent that answers first; nil: one that the file does not have.
func (s *Session) main() (*workspacefile.Agent, error) {
	file := s.cfg.File
	if s.cfg.Agent != "" {
		a, err := file.Agent(s.cfg.Agent)
		if err == nil && s.cfg.Prompt == "" && a.Instructions.Value == "" {
			err = fmt.Errorf("session: %s has no instructions for %q: add them, or give a prompt", file.Name, a.Name)
		}
		return a, err
	}
	if s.cfg.Prompt != "" {
		return nil, nil
	}
	for i := range file.Agents {
		if a := &file.Agents[i]; strings.TrimSpace(a.Instructions.Value) != "" {
			return a, nil
		}
	}
	return nil, fmt.Errorf("session: there is no prompt, and %s has no agent with instructions: give one", file.Name)
}

// bystander is an agent that the file names and says nothing of: it takes
// over what it is handed.
func (s *Session) bystander(name string) role {
	return role{name, "# CONTEXT\n* You are " + name + ". You have taken this conversation over.\n", []actions.Action{actions.Close()}}
}

// told passes a turn on, once.
func (s *Session) told(t agent.Turn) {
	s.seen[t.ID] = true
	if s.cfg.OnTurn != nil {
		s.cfg.OnTurn(t)
	}
}

// Say has the contact write, and does what follows from it at once.
func (s *Session) Say(ctx context.Context, text string) error {
	if s.messages == 0 {
		if err := s.introduce(ctx); err != nil {
			return err
		}
	}
	s.messages++
	t, err := s.Mux.Handle(ctx, frontdesk.Inbound{Channel: channelName, ID: fmt.Sprint("in-", s.messages), From: address, Text: text})
	if err != nil {
		return err
	}
	if t.ID == "" || !s.seen[t.ID] {
		s.told(t) // nobody's turn: a human has the conversation
	}
	_, err = s.Mux.RunDue(ctx)
	return err
}

// introduce stores the contact that the session begins with.
func (s *Session) introduce(ctx context.Context) error {
	if v, err := s.View(ctx); err != nil || v.Contact != nil {
		return err // known from an earlier session
	}
	c := s.cfg.Contact.Clone()
	if len(c.Fields) == 0 && c.Stage == "" && len(c.Tags) == 0 {
		return nil
	}
	c.ID, c.Created, c.Version = "contact", s.Clock.Now(), 0
	c.Identities = []frontdesk.Identity{{Channel: channelName, Address: address}}
	return s.store.Commit(ctx, agent.Commit{Contact: &c})
}

// Advance moves the clock, and does each thing that falls due on the way at
// its own time.
func (s *Session) Advance(ctx context.Context, d time.Duration) error {
	end := s.Clock.Now().Add(d)
	for {
		if _, err := s.Mux.RunDue(ctx); err != nil {
			return err
		}
		next, ok, err := s.Mux.NextDue(ctx)
		if err != nil {
			return err
		}
		if !ok || next.After(end) {
			break
		}
		if !next.After(s.Clock.Now()) {
			break // due, and not to be had: a lease is held
		}
		s.Clock.Set(next)
	}
	s.Clock.Set(end)
	_, err := s.Mux.RunDue(ctx)
	return err
}

// Next returns when something falls due by itself.
func (s *Session) Next(ctx context.Context) (time.Time, bool, error) { return s.Mux.NextDue(ctx) }

// View reads the contact and the conversation; both are nil before the
// contact has written.
func (s *Session) View(ctx context.Context) (agent.View, error) {
	return s.store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Channel: channelName, Address: address}, History: 1000, Tasks: true})
}

// Unsent returns the messages that failed or were cancelled since the last
// call: those that a contact should have got and did not.
func (s *Session) Unsent(ctx context.Context) ([]frontdesk.Message, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	var out []frontdesk.Message
	for _, m := range v.History {
		if (m.Status == frontdesk.Failed || m.Status == frontdesk.Cancelled) && !s.unsent[m.ID] {
			s.unsent[m.ID] = true
			out = append(out, m)
		}
	}
	return out, nil
}

// conversation is the ID that an operator acts on.
func (s *Session) conversation(ctx context.Context) (string, error) {
	v, err := s.View(ctx)
	if err != nil {
		return "", err
	}
	if v.Conversation == nil {
		return "", errors.New("session: there is no conversation yet: let the contact write first")
	}
	return v.Conversation.ID, nil
}

// Operate does what a human does, and what follows from it.
func (s *Session) Operate(ctx context.Context, do func(m *agent.Mux, conversation string) error) error {
	id, err := s.conversation(ctx)
	if err != nil {
		return err
	}
	if err := do(s.Mux, id); err != nil {
		return err
	}
	_, err = s.Mux.RunDue(ctx)
	return err
}

// Target finds who a person means: a name, or team:ID and the like.
func (s *Session) Target(name string) frontdesk.Target {
	if t, err := frontdesk.ParseTarget(strings.ReplaceAll(name, " ", "_")); err == nil && t.ID == "" {
		return t // any team, anyone, nobody
	}
	if t, err := frontdesk.ParseTarget(name); err == nil {
		return t
	}
	return frontdesk.Target{Name: name}
}

// User finds a user of the workspace by ID or name.
func (s *Session) User(name string) (string, error) {
	for _, u := range s.Workspace.Users {
		if u.Key() == name || u.Name == name {
			return u.Key(), nil
		}
	}
	return "", fmt.Errorf("session: %q is no user of the workspace: list them under users", name)
}

// sequence gives IDs that are the same in each run.
func sequence() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("id-%d", n)
	}
}
