// Package routing decides who gets a conversation (S5).
package routing

import (
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

// Directory is an index of a workspace's names: of teams, users and AI agents.
// It is built once and is then read-only, so that any number of goroutines may
// use it. A workspace of 100,000 names is fine. Make one with NewDirectory.
type Directory struct {
	ws      *frontdesk.Workspace
	byName  map[string][]frontdesk.Target
	lengths []int // distinct lengths of folded names in bytes, longest first
	near    nearIndex
	teams   map[string]int
	users   map[string]int
	agents  map[string]int
	userIDs []string
	teamIDs []string
}

// NewDirectory indexes the workspace. Nil is a workspace with nobody in it.
// The workspace must not change afterwards.
func NewDirectory(ws *frontdesk.Workspace) *Directory {
	if ws == nil {
		ws = &frontdesk.Workspace{}
	}
	n := len(ws.Teams) + len(ws.Users) + len(ws.AIAgents)
	d := &Directory{
		ws:     ws,
		byName: make(map[string][]frontdesk.Target, n),
		teams:  make(map[string]int, len(ws.Teams)),
		users:  make(map[string]int, len(ws.Users)),
		agents: make(map[string]int, len(ws.AIAgents)),
	}
	for i, t := range ws.Teams {
		if keep(d.teams, t.Key(), i) {
			d.teamIDs = append(d.teamIDs, t.Key())
			d.add(frontdesk.Target{Kind: frontdesk.TargetTeam, ID: t.Key(), Name: t.Name})
		}
	}
	for i, u := range ws.Users {
		if keep(d.users, u.Key(), i) {
			d.userIDs = append(d.userIDs, u.Key())
			d.add(frontdesk.Target{Kind: frontdesk.TargetUser, ID: u.Key(), Name: u.Name})
		}
	}
	for i, a := range ws.AIAgents {
		if keep(d.agents, a.Key(), i) {
			d.add(frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: a.Key(), Name: a.Name})
		}
	}
	slices.Sort(d.userIDs)
	slices.Sort(d.teamIDs)
	seen := map[int]bool{}
	for name := range d.byName {
		if !seen[len(name)] {
			seen[len(name)] = true
			d.lengths = append(d.lengths, len(name))
		}
	}
	slices.SortFunc(d.lengths, func(a, b int) int { return b - a })
	d.near = newNearIndex(d.byName)
	return d
}

// keep enters the index of the first with that ID; a workspace that lists an
// ID twice is invalid and reported by Workspace.Validate.
func keep(m map[string]int, id string, i int) bool {
	if _, ok := m[id]; ok || id == "" {
		return false
	}
	m[id] = i
	return true
}

func (d *Directory) add(t frontdesk.Target) {
	if key := fold.Name(t.Name); key != "" {
		d.byName[key] = append(d.byName[key], t)
	}
}

// Workspace returns what the directory was built of; never nil.
func (d *Directory) Workspace() *frontdesk.Workspace { return d.ws }

// Lookup returns everybody with exactly that name, case and Unicode form
// aside: teams first, then users, then AI agents. The result must not be
// changed.
func (d *Directory) Lookup(name string) []frontdesk.Target {
	return d.byName[fold.Name(strings.TrimPrefix(strings.TrimSpace(name), "@"))]
}

// ByID finds a team, user or AI agent by its ID. The kinds that have no ID
// (any team, anyone, nobody) are found with an empty one.
func (d *Directory) ByID(kind frontdesk.TargetKind, id string) (frontdesk.Target, bool) {
	t := frontdesk.Target{Kind: kind, ID: id}
	switch kind {
	case frontdesk.TargetTeam:
		v, ok := d.Team(id)
		t.Name = v.Name
		return orNone(t, ok)
	case frontdesk.TargetUser:
		v, ok := d.User(id)
		t.Name = v.Name
		return orNone(t, ok)
	case frontdesk.TargetAIAgent:
		v, ok := d.AIAgent(id)
		t.Name = v.Name
		return orNone(t, ok)
	case frontdesk.TargetAnyTeam, frontdesk.TargetAnyone, frontdesk.TargetNobody:
		return orNone(t, id == "")
	}
	return frontdesk.Target{}, false
}

func orNone(t frontdesk.Target, ok bool) (frontdesk.Target, bool) {
	if !ok {
		return frontdesk.Target{}, false
	}
	return t, true
}

// Team finds a team by its ID.
func (d *Directory) Team(id string) (frontdesk.Team, bool) {
	i, ok := d.teams[id]
	if !ok {
		return frontdesk.Team{}, false
	}
	return d.ws.Teams[i], true
}

// User finds a user by their ID.
func (d *Directory) User(id string) (frontdesk.User, bool) {
	i, ok := d.users[id]
	if !ok {
		return frontdesk.User{}, false
	}
	return d.ws.Users[i], true
}

// AIAgent finds an AI agent by its ID.
func (d *Directory) AIAgent(id string) (frontdesk.AIAgent, bool) {
	i, ok := d.agents[id]
	if !ok {
		return frontdesk.AIAgent{}, false
	}
	return d.ws.AIAgents[i], true
}

// Users returns the IDs of all users, sorted. The slice must not be changed.
func (d *Directory) Users() []string { return d.userIDs }

// Teams returns the IDs of all teams, sorted. The slice must not be changed.
func (d *Directory) Teams() []string { return d.teamIDs }
