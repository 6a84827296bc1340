package routing

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed-a71cb1d8/frontdesk"
)

// The names of the two rotations that are not a team's. A team's is "team:"
// and its ID: see [TeamRotation].
const (
	RotationAnyTeam = "any_team"
	RotationAnyone  = "anyone"
)

// TeamRotation returns the name of the rotation among a team's members.
func TeamRotation(teamID string) string { return "team:" + teamID }

// Router chooses who gets a conversation (S5.3 to S5.7). It holds no position
// and decides nothing for good: positions and counts are the store's, and the
// caller commits what it was told together with the versions it was told it
// from, and asks again on a conflict.
//
// A Router is safe for concurrent use. Make one with NewRouter.
type Router struct {
	directory *Directory

	mu      sync.Mutex
	version int64
	open    map[string]int     // open conversations by user, where not 0
	pools   map[string]*Pool   // by rotation name, built when first needed
	counted map[string][]*Pool // the pools each user is in
	teams   *Pool              // that any_team turns over
}

// NewRouter makes a router for the people of a directory. Nil is a directory
// with nobody in it.
func NewRouter(d *Directory) *Router {
	if d == nil {
		d = NewDirectory(nil)
	}
	return &Router{directory: d, open: map[string]int{}, pools: map[string]*Pool{}, counted: map[string][]*Pool{}}
}

// Request asks for a choice.
type Request struct {
	// Target is who or what was asked for.
	Target frontdesk.Target
	// Method is how a member is chosen. Empty: round robin.
	Method frontdesk.Method
	// Position returns who was chosen last in a rotation; empty: nobody yet.
	// It is called at most once for each rotation, and never under a lock.
	// Nil: nobody was chosen yet, anywhere.
	Position func(rotation string) (last string, err error)
	// Available reports whether a user can take the conversation now (S5.6).
	// It is called at most once for each user, and never under a lock. Nil:
	// everyone can.
	Available func(ctx context.Context, userID string) bool
}

// Choice is the answer to a request. One of UserID, AIAgentID and TeamID alone
// (a team without members) says who gets it; all are empty for the target
// "nobody", and with Nobody.
type Choice struct {
	// TeamID is the team that the conversation goes to, if any.
	TeamID string
	UserID string
	// AIAgentID is set for AI agents only.
	AIAgentID string
	// Moved are the rotations that move with this assignment, by name, and
	// their new positions. Least-open choices move no rotation among members.
	// Nil: none.
	Moved map[string]string
	// UsedLoads is set when the choice depends on open counts, and LoadVersion
	// is the version of those that were used: the commit must carry it (S5.5).
	UsedLoads   bool
	LoadVersion int64
	// Nobody is set when there is nobody who is available.
	Nobody bool
}

// Update brings the counts of open conversations up to a version of the
// store's: loads holds those users whose count changed since
// [Router.LoadVersion], or all. Counts older than what the router has are
// ignored. Users whom the directory does not know do no harm.
func (r *Router) Update(loads map[string]int, version int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if version < r.version {
		return
	}
	r.version = version
	for id, n := range loads {
		if n > 0 {
			r.open[id] = n
		} else {
			delete(r.open, id)
		}
		for _, p := range r.counted[id] {
			p.SetOpen(id, n)
		}
	}
}

// LoadVersion returns the version of the counts the router has. 0: it has none.
func (r *Router) LoadVersion() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// Choose says who gets a conversation:
//
//   - a team: a member of it by the method; an empty team alone;
//   - any team: the next team in fair rotation that has somebody available,
//     and a member of it by the method. Teams without members are passed over
//     unless no team has any;
//   - anyone: a user by the method;
//   - a user: that one, if available; an AI agent: that one;
//   - nobody: the empty Choice.
//
// An error means that the target or the method does not exist, that Position
// failed, or that ctx ended. That nobody is available is no error: see
// Choice.Nobody.
func (r *Router) Choose(ctx context.Context, q Request) (Choice, error) {
	switch q.Method {
	case "", frontdesk.RoundRobin, frontdesk.LeastOpen:
	default:
		return Choice{}, fmt.Errorf("routing: there is no method %q: use %q or %q", q.Method, frontdesk.RoundRobin, frontdesk.LeastOpen)
	}
	c := chooser{router: r, ctx: ctx, request: q, asked: map[string]bool{}}
	choice, err := c.choose()
	if err != nil {
		return Choice{}, err
	}
	// Presence that was asked under an ended context has said "no" for lack of
	// time, which must not send anybody to the fallback.
	if choice.Nobody && ctx.Err() != nil {
		return Choice{}, fmt.Errorf("routing: choose a member of %s: %w", q.Target, ctx.Err())
	}
	return choice, nil
}

// pool returns the members of a rotation, which is built when it is first
// needed: a workspace may have many teams, and most are never asked for.
func (r *Router) pool(rotation string, members func() []string) *Pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pools[rotation]
	if p == nil {
		p = NewPool(members())
		for _, id := range p.ids {
			r.counted[id] = append(r.counted[id], p)
			if n := r.open[id]; n > 0 {
				p.SetOpen(id, n)
			}
		}
		r.pools[rotation] = p
	}
	return p
}

func (r *Router) everyone() *Pool { return r.pool(RotationAnyone, r.directory.Users) }

func (r *Router) team(t frontdesk.Team) *Pool {
	return r.pool(TeamRotation(t.Key()), func() []string { return r.members(t) })
}

// members are those of a team who are users of the workspace.
func (r *Router) members(t frontdesk.Team) []string {
	var ids []string
	for _, id := range t.Members {
		if _, ok := r.directory.User(id); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// anyTeam returns the teams that have members or, if none has, all.
func (r *Router) anyTeam() *Pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.teams == nil {
		var staffed []string
		for _, id := range r.directory.Teams() {
			if t, ok := r.directory.Team(id); ok && len(r.members(t)) > 0 {
				staffed = append(staffed, id)
			}
		}
		if len(staffed) == 0 {
			staffed = r.directory.Teams()
		}
		r.teams = NewPool(staffed)
	}
	return r.teams
}

// chooser is one Choose.
type chooser struct {
	router  *Router
	ctx     context.Context
	request Request
	asked   map[string]bool // who is available, of those who were asked
}

func (c *chooser) choose() (Choice, error) {
	r, t := c.router, c.request.Target
	switch t.Kind {
	case frontdesk.TargetNobody:
		return Choice{}, nil
	case frontdesk.TargetAIAgent:
		if _, ok := r.directory.AIAgent(t.ID); !ok {
			return Choice{}, c.unknown("AI agent")
		}
		return Choice{AIAgentID: t.ID}, nil
	case frontdesk.TargetUser:
		if _, ok := r.directory.User(t.ID); !ok {
			return Choice{}, c.unknown("user")
		}
		if c.unavailable(t.ID) {
			return Choice{Nobody: true}, nil
		}
		return Choice{UserID: t.ID}, nil
	case frontdesk.TargetTeam:
		team, ok := r.directory.Team(t.ID)
		if !ok {
			return Choice{}, c.unknown("team")
		}
		return c.fromTeam(team)
	case frontdesk.TargetAnyTeam:
		return c.fromAnyTeam()
	case frontdesk.TargetAnyone:
		return c.member(RotationAnyone, r.everyone())
	}
	return Choice{}, fmt.Errorf("routing: %q is no target: use one of the kinds of frontdesk.Target", t)
}

func (c *chooser) unknown(kind string) error {
	return fmt.Errorf("routing: there is no %s with the ID %q in the workspace: check the ID, or add it", kind, c.request.Target.ID)
}

func (c *chooser) fromTeam(t frontdesk.Team) (Choice, error) {
	p := c.router.team(t)
	if p.Len() == 0 {
		return Choice{TeamID: t.Key()}, nil
	}
	choice, err := c.member(TeamRotation(t.Key()), p)
	if err == nil && !choice.Nobody {
		choice.TeamID = t.Key()
	}
	return choice, err
}

func (c *chooser) fromAnyTeam() (Choice, error) {
	last, err := c.position(RotationAnyTeam)
	if err != nil {
		return Choice{}, err
	}
	var choice Choice
	id, ok := c.router.anyTeam().Next(last, func(id string) bool {
		if err == nil {
			team, _ := c.router.directory.Team(id)
			choice, err = c.fromTeam(team)
		}
		return err == nil && choice.Nobody
	})
	if err != nil || !ok {
		return Choice{Nobody: true}, err
	}
	if choice.Moved == nil {
		choice.Moved = map[string]string{}
	}
	choice.Moved[RotationAnyTeam] = id
	return choice, nil
}

// member chooses from a pool by the request's method.
func (c *chooser) member(rotation string, p *Pool) (Choice, error) {
	last, err := c.position(rotation)
	if err != nil {
		return Choice{}, err
	}
	if c.request.Method == frontdesk.LeastOpen {
		return c.leastOpen(last, p), nil
	}
	// The members of a pool never change, so this needs no lock.
	id, ok := p.Next(last, c.unavailable)
	if !ok {
		return Choice{Nobody: true}, nil
	}
	return Choice{UserID: id, Moved: map[string]string{rotation: id}}, nil
}

// leastOpen asks for availability between locks: in rounds, each twice as
// large as the one before, so that many unavailable members do not cost a
// search from the beginning each. Each round is a choice from one version of
// the counts, among those who were not refused yet.
func (c *chooser) leastOpen(last string, p *Pool) Choice {
	refused := func(id string) bool { ok, asked := c.asked[id]; return asked && !ok }
	for round := 1; ; round *= 2 {
		c.router.mu.Lock()
		found, version := p.least(last, refused, round), c.router.version
		c.router.mu.Unlock()
		if len(found) == 0 {
			return Choice{Nobody: true}
		}
		for _, id := range found {
			if !c.unavailable(id) {
				return Choice{UserID: id, UsedLoads: true, LoadVersion: version}
			}
		}
	}
}

func (c *chooser) position(rotation string) (string, error) {
	if c.request.Position == nil {
		return "", nil
	}
	last, err := c.request.Position(rotation)
	if err != nil {
		return "", fmt.Errorf("routing: read the position of rotation %q: %w", rotation, err)
	}
	return last, nil
}

// unavailable asks each user once, however many teams they are in. After the
// context has ended nobody else is asked.
func (c *chooser) unavailable(id string) bool {
	if c.request.Available == nil {
		return false
	}
	ok, asked := c.asked[id]
	if !asked {
		ok = c.ctx.Err() == nil && c.request.Available(c.ctx, id)
		c.asked[id] = ok
	}
	return !ok
}
