package routing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

func office() *frontdesk.Workspace {
	return &frontdesk.Workspace{
		Teams: []frontdesk.Team{
			{ID: "sales", Name: "Sales Team", Members: []string{"ayu", "budi", "citra"}},
			{ID: "support", Name: "Support Team", Members: []string{"dewi", "eko"}},
			{ID: "night", Name: "Night Team"},
		},
		Users: []frontdesk.User{
			{ID: "ayu", Name: "Ayu"}, {ID: "budi", Name: "Budi"}, {ID: "citra", Name: "Citra"},
			{ID: "dewi", Name: "Dewi"}, {ID: "eko", Name: "Eko"},
		},
		AIAgents: []frontdesk.AIAgent{{ID: "bot", Name: "Bot"}},
	}
}

// desk plays the caller: it holds positions and commits what a choice moved.
type desk struct {
	router    *routing.Router
	positions map[string]string
	away      map[string]bool
}

func newDesk(ws *frontdesk.Workspace) *desk {
	return &desk{routing.NewRouter(routing.NewDirectory(ws)), map[string]string{}, map[string]bool{}}
}

func (d *desk) request(t frontdesk.Target, m frontdesk.Method) routing.Request {
	return routing.Request{
		Target: t, Method: m,
		Position:  func(rotation string) (string, error) { return d.positions[rotation], nil },
		Available: func(_ context.Context, id string) bool { return !d.away[id] },
	}
}

func (d *desk) assign(t *testing.T, target frontdesk.Target, m frontdesk.Method) routing.Choice {
	t.Helper()
	c, err := d.router.Choose(t.Context(), d.request(target, m))
	require.NoError(t, err)
	maps.Copy(d.positions, c.Moved)
	return c
}

var (
	sales   = frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "sales"}
	night   = frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "night"}
	anyTeam = frontdesk.Target{Kind: frontdesk.TargetAnyTeam}
	anyone  = frontdesk.Target{Kind: frontdesk.TargetAnyone}
	ayu     = frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ayu"}
)

// S5.3
func TestChooseTargets(t *testing.T) {
	d := newDesk(office())
	assert.Equal(t, routing.Choice{TeamID: "sales", UserID: "ayu", Moved: map[string]string{"team:sales": "ayu"}}, d.assign(t, sales, ""))
	assert.Equal(t, routing.Choice{TeamID: "sales", UserID: "budi", Moved: map[string]string{"team:sales": "budi"}}, d.assign(t, sales, frontdesk.RoundRobin))
	assert.Equal(t, routing.Choice{TeamID: "night"}, d.assign(t, night, ""), "an empty team: the team alone")
	assert.Equal(t, routing.Choice{UserID: "ayu", Moved: map[string]string{"anyone": "ayu"}}, d.assign(t, anyone, ""))
	assert.Equal(t, routing.Choice{UserID: "ayu"}, d.assign(t, ayu, ""))
	assert.Equal(t, routing.Choice{AIAgentID: "bot"}, d.assign(t, frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "bot"}, ""))
	assert.Equal(t, routing.Choice{}, d.assign(t, frontdesk.Target{Kind: frontdesk.TargetNobody}, ""))
}

// S5.4: a restarted router goes on where the positions are.
func TestRoundRobinIsFairAcrossRestarts(t *testing.T) {
	d, got := newDesk(office()), map[string]int{}
	for i := range 3000 {
		if i%7 == 0 {
			d.router = routing.NewRouter(routing.NewDirectory(office()))
		}
		got[d.assign(t, sales, "").UserID]++
	}
	assert.Equal(t, map[string]int{"ayu": 1000, "budi": 1000, "citra": 1000}, got)
}

// S5.3: any team turns over the teams that have members, and each turns on.
func TestAnyTeamRotation(t *testing.T) {
	d, teams, users := newDesk(office()), map[string]int{}, map[string]int{}
	for range 12 {
		c := d.assign(t, anyTeam, "")
		teams[c.TeamID]++
		users[c.UserID]++
	}
	assert.Equal(t, map[string]int{"sales": 6, "support": 6}, teams)
	assert.Equal(t, map[string]int{"ayu": 2, "budi": 2, "citra": 2, "dewi": 3, "eko": 3}, users)

	d.away = map[string]bool{"dewi": true, "eko": true}
	before := d.positions["team:support"]
	for range 3 {
		assert.Equal(t, "sales", d.assign(t, anyTeam, "").TeamID, "a team with nobody available is passed over")
	}
	assert.Equal(t, before, d.positions["team:support"], "and its rotation stays")

	empty := newDesk(&frontdesk.Workspace{Teams: []frontdesk.Team{{ID: "a", Name: "A"}, {ID: "b", Name: "B", Members: []string{"ghost"}}}})
	assert.Equal(t, routing.Choice{TeamID: "a", Moved: map[string]string{"any_team": "a"}}, empty.assign(t, anyTeam, ""))
	assert.Equal(t, "b", empty.assign(t, anyTeam, "").TeamID, "where no team has members, the teams themselves")
}

// S5.4, S5.5: least open moves no rotation among members, any_team's own does.
func TestLeastOpen(t *testing.T) {
	d := newDesk(office())
	d.router.Update(map[string]int{"ayu": 2, "budi": 1, "dewi": 0, "ghost": 9}, 7)
	c := d.assign(t, sales, frontdesk.LeastOpen)
	assert.Equal(t, routing.Choice{TeamID: "sales", UserID: "citra", UsedLoads: true, LoadVersion: 7}, c)

	d.router.Update(map[string]int{"citra": 1, "ayu": 1}, 8)
	d.positions["team:sales"] = "budi"
	c = d.assign(t, sales, frontdesk.LeastOpen)
	assert.Equal(t, "citra", c.UserID, "ties go by round robin")
	assert.Equal(t, int64(8), c.LoadVersion)

	d.router.Update(map[string]int{"citra": 0}, 6)
	assert.Equal(t, int64(8), d.router.LoadVersion(), "older counts are ignored")
	d.away["citra"] = true
	assert.Equal(t, "ayu", d.assign(t, sales, frontdesk.LeastOpen).UserID)

	c = d.assign(t, anyTeam, frontdesk.LeastOpen)
	assert.Equal(t, map[string]string{"any_team": "sales"}, c.Moved)
	assert.True(t, c.UsedLoads)

	c = d.assign(t, anyone, frontdesk.LeastOpen)
	assert.Equal(t, routing.Choice{UserID: "dewi", UsedLoads: true, LoadVersion: 8}, c, "over all users; pools built late know the counts")
	d.router.Update(map[string]int{"dewi": 5}, 9)
	assert.Equal(t, "eko", d.assign(t, anyone, frontdesk.LeastOpen).UserID, "a pool that exists is kept up to date")
}

// S5.6
func TestNobodyAvailable(t *testing.T) {
	d := newDesk(office())
	for _, u := range office().Users {
		d.away[u.ID] = true
	}
	d.router.Update(map[string]int{"ayu": 1}, 1)
	for _, target := range []frontdesk.Target{sales, anyTeam, anyone, ayu} {
		for _, m := range []frontdesk.Method{frontdesk.RoundRobin, frontdesk.LeastOpen} {
			assert.Equal(t, routing.Choice{Nobody: true}, d.assign(t, target, m), "%s %s", target, m)
		}
	}
	assert.Equal(t, routing.Choice{TeamID: "night"}, d.assign(t, night, ""), "nobody in it can be unavailable")
	assert.Empty(t, d.positions, "nothing moves")
	nowhere := newDesk(nil)
	assert.True(t, nowhere.assign(t, anyone, "").Nobody)
	assert.True(t, nowhere.assign(t, anyTeam, frontdesk.LeastOpen).Nobody)
}

// S5.6: an absent member's turn is not counted, and comes back with them.
func TestAbsenceKeepsTheOthersEven(t *testing.T) {
	d, got := newDesk(office()), map[string]int{}
	d.away["budi"] = true
	for range 10 {
		got[d.assign(t, sales, "").UserID]++
	}
	assert.Equal(t, map[string]int{"ayu": 5, "citra": 5}, got)
	d.away["budi"] = false
	clear(got)
	for range 30 {
		got[d.assign(t, sales, "").UserID]++
	}
	assert.Equal(t, map[string]int{"ayu": 10, "budi": 10, "citra": 10}, got)
}

func TestChooseErrors(t *testing.T) {
	d := newDesk(office())
	fails := func(q routing.Request, want string) {
		t.Helper()
		c, err := d.router.Choose(t.Context(), q)
		assert.ErrorContains(t, err, want)
		assert.Equal(t, routing.Choice{}, c)
	}
	fails(d.request(frontdesk.Target{}, ""), "is no target")
	fails(d.request(frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "x"}, ""), `no team with the ID "x"`)
	fails(d.request(frontdesk.Target{Kind: frontdesk.TargetUser, ID: "x"}, ""), `no user with the ID "x"`)
	fails(d.request(frontdesk.Target{Kind: frontdesk.TargetAIAgent, ID: "x"}, ""), `no AI agent with the ID "x"`)
	fails(d.request(sales, "randomly"), `no method "randomly"`)
	broken := errors.New("disk full")
	for _, target := range []frontdesk.Target{sales, anyTeam, anyone} {
		q := d.request(target, "")
		q.Position = func(string) (string, error) { return "", broken }
		_, err := d.router.Choose(t.Context(), q)
		assert.ErrorIs(t, err, broken)
	}
	q := d.request(anyTeam, "")
	q.Position = func(rotation string) (string, error) {
		if rotation == "any_team" {
			return "", nil
		}
		return "", broken
	}
	_, err := d.router.Choose(t.Context(), q)
	assert.ErrorIs(t, err, broken)
}

// An ended context is an error and not "nobody is available".
func TestChooseUnderAnEndedContext(t *testing.T) {
	d := newDesk(office())
	ctx, cancel := context.WithCancel(t.Context())
	q := d.request(anyone, frontdesk.LeastOpen)
	asked := 0
	q.Available = func(context.Context, string) bool { asked++; cancel(); return false }
	_, err := d.router.Choose(ctx, q)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, asked)
}

// Presence and the store are asked outside the lock, each user and each
// rotation once, also where a user is in several teams.
func TestPortsMayCallTheRouter(t *testing.T) {
	ws := office()
	ws.Teams[1].Members = ws.Teams[0].Members
	d := newDesk(ws)
	asked, read := map[string]int{}, map[string]int{}
	for _, m := range []frontdesk.Method{frontdesk.RoundRobin, frontdesk.LeastOpen} {
		clear(asked)
		clear(read)
		c, err := d.router.Choose(t.Context(), routing.Request{
			Target: anyTeam, Method: m,
			Position: func(rotation string) (string, error) {
				d.router.Update(nil, 1)
				read[rotation]++
				return "", nil
			},
			Available: func(_ context.Context, id string) bool {
				asked[id]++
				return d.router.LoadVersion() < 0 // a deadlock, were the lock held
			},
		})
		require.NoError(t, err)
		assert.True(t, c.Nobody)
		assert.Equal(t, map[string]int{"ayu": 1, "budi": 1, "citra": 1}, asked)
		assert.Equal(t, map[string]int{"any_team": 1, "team:sales": 1, "team:support": 1}, read)
	}
}

// S5.5: counts that change while presence is asked are never mixed: the
// version that comes back is the one the choice is right for.
func TestLoadVersionIsThatOfTheChoice(t *testing.T) {
	d := newDesk(office())
	d.router.Update(map[string]int{"budi": 1, "citra": 2}, 1)
	q := d.request(sales, frontdesk.LeastOpen)
	q.Available = func(_ context.Context, id string) bool {
		if id == "ayu" {
			d.router.Update(map[string]int{"budi": 3}, 2)
			return false
		}
		return true
	}
	c, err := d.router.Choose(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, routing.Choice{TeamID: "sales", UserID: "citra", UsedLoads: true, LoadVersion: 2}, c)
}

func TestRouterConcurrently(t *testing.T) {
	d := newDesk(office())
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 300 {
				d.router.Update(map[string]int{"ayu": i % 5, "eko": w}, int64(i))
				for _, target := range []frontdesk.Target{sales, anyone, anyTeam} {
					c, err := d.router.Choose(context.Background(), routing.Request{Target: target, Method: frontdesk.LeastOpen})
					assert.NoError(t, err)
					assert.NotEmpty(t, c.UserID)
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, int64(299), d.router.LoadVersion())
}

// S5.7: 100,000 members, all but the last unavailable.
func TestManyUnavailable(t *testing.T) {
	ws := &frontdesk.Workspace{}
	for _, id := range ids(100_000) {
		ws.Users = append(ws.Users, frontdesk.User{ID: id, Name: id})
	}
	r := routing.NewRouter(routing.NewDirectory(ws))
	r.Update(map[string]int{"u099999": 4, "u000000": 1}, 1)
	for _, m := range []frontdesk.Method{frontdesk.RoundRobin, frontdesk.LeastOpen} {
		c, err := r.Choose(t.Context(), routing.Request{Target: anyone, Method: m,
			Available: func(_ context.Context, id string) bool { return id == "u099999" }})
		require.NoError(t, err)
		assert.Equal(t, "u099999", c.UserID)
	}
}

func ExampleRouter() {
	router := routing.NewRouter(routing.NewDirectory(&frontdesk.Workspace{
		Teams: []frontdesk.Team{{ID: "sales", Name: "Sales Team", Members: []string{"ayu", "budi"}}},
		Users: []frontdesk.User{{ID: "ayu", Name: "Ayu"}, {ID: "budi", Name: "Budi"}},
	}))
	choice, err := router.Choose(context.Background(), routing.Request{
		Target:   frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "sales"},
		Position: func(string) (string, error) { return "ayu", nil }, // from the store
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(choice.TeamID, choice.UserID, choice.Moved)
	// Output: sales budi map[team:sales:budi]
}

// S5.7
func BenchmarkChoose(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		ws := &frontdesk.Workspace{}
		for _, id := range ids(n) {
			ws.Users = append(ws.Users, frontdesk.User{ID: id, Name: id})
		}
		d := routing.NewDirectory(ws)
		for _, m := range []frontdesk.Method{frontdesk.RoundRobin, frontdesk.LeastOpen} {
			b.Run(fmt.Sprintf("%s/%d", m, n), func(b *testing.B) {
				r, last, i := routing.NewRouter(d), "", 0
				q := routing.Request{Target: anyone, Method: m, Position: func(string) (string, error) { return last, nil }}
				b.ReportAllocs()
				for b.Loop() {
					c, err := r.Choose(b.Context(), q)
					if err != nil {
						b.Fatal(err)
					}
					last, i = c.UserID, i+1
					r.Update(map[string]int{last: i%9 + 1}, int64(i))
				}
			})
		}
	}
}
