package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// decision is who gets a conversation, and what the choice was made from: a
// commit that carries it is refused if any of that has changed (S5.4, S5.5).
type decision struct {
	// target is the one that was chosen from: the wanted one or the fallback.
	target    frontdesk.Target
	choice    routing.Choice
	rotations []Rotation
	loads     *int64
	// fellBack is set when nobody of the wanted target was available, nobody
	// when nobody of the fallback was either.
	fellBack, nobody bool
}

// choose picks who gets a conversation: a member of the target, else of the
// fallback, else nobody (S5.6).
func (m *Mux) choose(ctx context.Context, t frontdesk.Target, method frontdesk.Method, fallback frontdesk.Target) (decision, error) {
	d, err := m.chooseOf(ctx, t, method)
	if err != nil || !d.nobody {
		return d, err
	}
	if f, ferr := m.def.rules.exists(fallback); ferr == nil && f.Kind != "" && !f.Same(t) {
		if d, err = m.chooseOf(ctx, f, m.def.rules.method(f, "")); err != nil {
			return d, err
		}
	}
	if d.nobody {
		d = decision{target: frontdesk.Target{Kind: frontdesk.TargetNobody}, nobody: true}
	}
	d.fellBack = true
	return d, nil
}

func (m *Mux) chooseOf(ctx context.Context, t frontdesk.Target, method frontdesk.Method) (decision, error) {
	d := decision{target: t}
	switch t.Kind {
	case frontdesk.TargetNobody:
		return d, nil
	case frontdesk.TargetAIAgent:
		d.choice.AIAgentID = t.ID
		return d, nil
	}
	if method == frontdesk.LeastOpen {
		if err := m.syncLoads(ctx); err != nil {
			return d, err
		}
	}
	read := map[string]Rotation{}
	choice, err := m.router.Choose(ctx, routing.Request{
		Target: t, Method: method, Available: m.available(),
		Position: func(name string) (string, error) {
			view, err := m.store.Load(ctx, Query{Rotations: []string{name}})
			if err != nil {
				return "", err
			}
			rot := view.Rotations[name]
			rot.Name = name
			read[name] = rot
			return rot.Last, nil
		},
	})
	if err != nil {
		return d, fmt.Errorf("agent: choose a member of %s: %w", t, err)
	}
	d.choice, d.nobody = choice, choice.Nobody
	for _, name := range sortedKeys(choice.Moved) {
		rot := read[name]
		rot.Last = choice.Moved[name]
		d.rotations = append(d.rotations, rot)
	}
	if choice.UsedLoads {
		version := choice.LoadVersion
		d.loads = &version
	}
	return d, nil
}

// available asks the Presence port, if there is one. An error or a panic
// counts as unavailable.
func (m *Mux) available() func(context.Context, string) bool {
	p := m.cfg.Presence
	if p == nil {
		return nil
	}
	return func(ctx context.Context, id string) (ok bool) {
		ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeouts.Presence)
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				m.log.Error("presence panicked", "user", id, "panic", m.loggablePanic(r))
				ok = false
			}
		}()
		ok, err := p.Available(ctx, id)
		if err != nil && !errors.Is(err, context.Canceled) {
			m.log.Warn("presence", "user", id, "error", m.loggable(err))
		}
		return ok && err == nil
	}
}

// syncLoads brings the router's counts of open conversations up to the
// store's.
func (m *Mux) syncLoads(ctx context.Context) error {
	m.loads.Lock()
	defer m.loads.Unlock()
	view, err := m.store.Load(ctx, Query{Loads: true, LoadsSince: m.router.LoadVersion()})
	if err != nil {
		return fmt.Errorf("agent: load open conversations: %w", err)
	}
	changed := make(map[string]int, len(view.Loads))
	for _, l := range view.Loads {
		changed[l.UserID] = l.Open
	}
	m.router.Update(changed, view.LoadVersion)
	return nil
}

// assign puts the decision into the conversation and returns what changed.
// The epoch is the caller's to raise.
func (d *decision) assign(c *frontdesk.Conversation) []Change {
	before := *c
	switch {
	case d.target.Kind == frontdesk.TargetNobody:
		return unassign(c)
	case d.choice.AIAgentID != "":
		c.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeAgent, ID: d.choice.AIAgentID}
	case d.choice.UserID != "":
		c.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: d.choice.UserID}
	default:
		c.Assignee = frontdesk.Assignee{} // a team with nobody in it
	}
	if d.choice.TeamID != "" {
		c.TeamID = d.choice.TeamID
	}
	c.AwaitsHuman = c.Assignee.Kind == frontdesk.Nobody
	return assignChanges(&before, c)
}

// unassign leaves the conversation to nobody, waiting for a human.
func unassign(c *frontdesk.Conversation) []Change {
	before := *c
	c.Assignee, c.AwaitsHuman = frontdesk.Assignee{}, true
	return assignChanges(&before, c)
}

func assignChanges(before, after *frontdesk.Conversation) []Change {
	var out []Change
	if before.TeamID != after.TeamID {
		out = append(out, Change{What: "team", Old: before.TeamID, New: after.TeamID})
	}
	if o, n := assigneeText(before.Assignee), assigneeText(after.Assignee); o != n || before.AwaitsHuman != after.AwaitsHuman {
		out = append(out, Change{What: "assignee", Old: o, New: n})
	}
	return out
}

func assigneeText(a frontdesk.Assignee) string {
	if a.Kind == frontdesk.Nobody {
		return "nobody"
	}
	return string(a.Kind) + ":" + a.ID
}

// assigneeName is what $assignee.name stands for: the person, else the team,
// else nothing.
func (m *Mux) assigneeName(c *frontdesk.Conversation) string {
	dir := m.def.directory
	switch c.Assignee.Kind {
	case frontdesk.AssigneeUser:
		if u, ok := dir.User(c.Assignee.ID); ok {
			return u.Name
		}
	case frontdesk.AssigneeAgent:
		if a := m.byID[c.Assignee.ID]; a != nil {
			return a.cfg.Name
		}
	default:
		if t, ok := dir.Team(c.TeamID); ok {
			return t.Name
		}
	}
	return ""
}
