package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// Start is where a session's clock starts: a Monday morning, in UTC.
var Start = time.Date(2025, time.January, 6, 9, 0, 0, 0, time.UTC)

// Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	real func() time.Time // what passes by itself; nil: nothing does
	from time.Time        // real time at which now was set
}

// NewClock returns a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// NewRunningClock returns a clock that goes by the system's and can be moved
// ahead of it.
func NewRunningClock(system frontdesk.Clock) *Clock {
	now := system.Now()
	return &Clock{now: now, real: system.Now, from: now}
}

// Now implements frontdesk.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real == nil {
		return c.now
	}
	return c.now.Add(c.real().Sub(c.from))
}

// Set moves the clock to t; it never goes back.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real != nil {
		c.now, c.from = c.now.Add(c.real().Sub(c.from)), c.real()
	}
	if t.After(c.now) {
		c.now = t
	}
}

// channel delivers to whoever looks on.
type channel struct {
	deliver func(agent.Outbound)
	window  time.Duration
}

// Send implements agent.Channel.
func (c *channel) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	if err := ctx.Err(); err != nil {
		return agent.SendReceipt{}, err
	}
	if c.deliver != nil {
		c.deliver(msg)
	}
	return agent.SendReceipt{ProviderID: msg.Key}, nil
}

// Capabilities implements agent.Channel.
func (c *channel) Capabilities(string) agent.Capabilities {
	return agent.Capabilities{ReplyWindow: c.window}
}

// builtins are the actions that exist without being plugged in.
var builtins = map[string]func(...string) actions.Action{
	actions.NameAssign: actions.Assign, actions.NameClose: actions.Close, actions.NameUpdateFields: actions.UpdateFields,
	actions.NameUpdateStage: actions.UpdateStage, actions.NameAddComment: actions.AddComment, actions.NameUpdateTags: actions.UpdateTags,
	actions.NameStopFollowUps: actions.StopFollowUps,
}

// allActions are offered when nothing says which are enabled.
var allActions = []instructions.EnabledAction{
	{Name: actions.NameAssign}, {Name: actions.NameClose}, {Name: actions.NameUpdateFields}, {Name: actions.NameUpdateStage},
	{Name: actions.NameAddComment}, {Name: actions.NameUpdateTags},
}

// simulate makes actions of their names. Custom ones do nothing outside and
// say so.
func (s *Session) simulate(enabled []instructions.EnabledAction) (out []actions.Action) {
	if enabled == nil {
		enabled = allActions
		for name := range s.cfg.Actions {
			if builtins[name] == nil {
				enabled = append(slices.Clip(enabled), instructions.EnabledAction{Name: name})
			}
		}
	}
	for _, e := range enabled {
		if builtin := builtins[e.Name]; builtin != nil {
			out = append(out, builtin(e.Prompt))
			continue
		}
		out = append(out, custom(e, s.cfg.Actions[e.Name]))
	}
	return out
}

func custom(e instructions.EnabledAction, does Simulated) actions.Action {
	description := e.Prompt
	if strings.TrimSpace(description) == "" {
		description = "Perform " + e.Name + "."
	}
	return actions.Action{
		Name: e.Name, Description: description, Prompt: e.Prompt, Schema: json.RawMessage(`{"type":"object"}`),
		Run: func(context.Context, actions.Call) (actions.Result, error) {
			switch {
			case does.Fail:
				return actions.Result{}, errors.New(does.Result)
			case does.Result == "":
				return actions.Result{Content: "done (simulated)"}, nil
			}
			return actions.Result{Content: does.Result}, nil
		},
	}
}

// workspaceOf makes a workspace of the names in a prompt, for a first try
// without a workspace file: every mention is a team with somebody in it.
func workspaceOf(prompt string) frontdesk.Workspace {
	p, _ := instructions.Compile(prompt, instructions.Options{})
	var ws frontdesk.Workspace
	for _, m := range p.Mentions {
		if slices.ContainsFunc(ws.Teams, func(t frontdesk.Team) bool { return t.Name == m.Name }) {
			continue
		}
		user := frontdesk.User{ID: fmt.Sprintf("user-%d", len(ws.Users)+1), Name: "somebody in " + m.Name}
		ws.Users = append(ws.Users, user)
		ws.Teams = append(ws.Teams, frontdesk.Team{Name: m.Name, Members: []string{user.ID}})
	}
	for _, a := range p.Actions {
		if a.Name == actions.NameUpdateStage && a.Value != "" && !slices.Contains(ws.LifecycleStages, a.Value) {
			ws.LifecycleStages = append(ws.LifecycleStages, a.Value)
		}
	}
	ws.ClosingNotes = slices.Compact(slices.Sorted(slices.Values(p.Closing.Notes)))
	standard := map[string]bool{}
	for _, f := range frontdesk.StandardFields() {
		standard[frontdesk.FoldField(f.ID)] = true
	}
	field := func(id string) {
		if id != "" && !standard[frontdesk.FoldField(id)] {
			standard[frontdesk.FoldField(id)] = true
			ws.Fields = append(ws.Fields, frontdesk.Field{ID: id})
		}
	}
	for _, v := range p.Variables {
		if rest, ok := strings.CutPrefix(v.Name, "contact."); ok {
			field(rest)
		}
	}
	for _, id := range p.Fields {
		field(id)
	}
	return ws
}
