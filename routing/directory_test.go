package routing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

func names() *frontdesk.Workspace {
	return &frontdesk.Workspace{
		Teams: []frontdesk.Team{
			{ID: "t1", Name: "Sales"}, {ID: "t2", Name: "Sales Team"}, {ID: "t3", Name: "Finance & Billing (EMEA)"},
			{ID: "t4", Name: "Satış Ekibi"}, {ID: "t5", Name: "销售团队"}, {Name: "R&D"}, {ID: "t7", Name: "acme.com"},
		},
		Users:    []frontdesk.User{{ID: "u2", Name: "David Lee-Jones"}, {ID: "u1", Name: "David Lee"}, {ID: "u3", Name: "Alex"}},
		AIAgents: []frontdesk.AIAgent{{ID: "a1", Name: "Support Agent"}, {ID: "a2", Name: "Alex"}},
	}
}

// The longest name wins, whatever its case and Unicode form, and what follows
// must not continue it. S5.1, grammar 1.
func TestMatch(t *testing.T) {
	d := routing.NewDirectory(names())
	for _, test := range []struct {
		text string // from behind the "@"
		id   string
		name string // as it stands in the text
	}{
		{"Sales Team and", "t2", "Sales Team"},
		{"sales  TEAM.", "t2", "sales  TEAM"},
		{"Ｓａｌｅｓ Team", "t2", "Ｓａｌｅｓ Team"},
		{"Sales\u00a0Team", "t2", "Sales\u00a0Team"},
		{"Sales, Team", "t1", "Sales"},
		{"Sales Teams", "t1", "Sales"},
		{"Sales's", "t1", "Sales"},
		{"Salesforce", "", ""},
		{"Sales_1", "", ""},
		{"Sales.io", "", ""},
		{"Sales.", "t1", "Sales"},
		{"Sales-Team", "", ""},
		{"Sales\nTeam", "t1", "Sales"},
		{"Sales\u200bTeam", "", ""},
		{"Sales\u0301", "", ""},
		{"ſales", "t1", "ſales"}, // NFKC: a long s is an s
		{"David Lee-Jones", "u2", "David Lee-Jones"},
		{"David Lee-Smith", "", ""},
		{"David Lee's", "u1", "David Lee"},
		{"Finance & Billing (EMEA)**", "t3", "Finance & Billing (EMEA)"},
		{"Satış Ekibi'ne ata", "t4", "Satış Ekibi"},
		{"销售团队处理", "t5", "销售团队"},
		{"Sales Team，并将", "t2", "Sales Team"},
		{"Sales Team并将", "t2", "Sales Team"},
		{"R&D!", "R&D", "R&D"},
		{"Nobody", "", ""},
		{"", "", ""},
	} {
		targets, end := d.Match("@"+test.text, 1)
		if test.id == "" {
			assert.Empty(t, targets, test.text)
			assert.Equal(t, 1, end, test.text)
			continue
		}
		if assert.NotEmpty(t, targets, test.text) {
			assert.Equal(t, test.id, targets[0].ID, test.text)
			assert.Equal(t, test.name, ("@" + test.text)[1:end], test.text)
		}
	}
	targets, _ := d.Match("Alex", 0)
	assert.Len(t, targets, 2, "a user and an AI agent")
	for _, offset := range []int{-1, 0, 99} {
		got, _ := d.Match("", offset)
		assert.Empty(t, got)
	}
}

func TestLookup(t *testing.T) {
	d := routing.NewDirectory(names())
	assert.Equal(t, []frontdesk.Target{{Kind: frontdesk.TargetTeam, ID: "t2", Name: "Sales Team"}}, d.Lookup(" @SALES   team "))
	assert.Len(t, d.Lookup("alex"), 2)
	assert.Empty(t, d.Lookup("Sale"))
	assert.Empty(t, d.Lookup(""))
	got, ok := d.ByID(frontdesk.TargetUser, "u1")
	assert.True(t, ok)
	assert.Equal(t, "David Lee", got.Name)
	_, ok = d.ByID(frontdesk.TargetTeam, "u1")
	assert.False(t, ok, "an ID of another kind")
	_, ok = d.ByID(frontdesk.TargetAnyTeam, "")
	assert.True(t, ok)
	_, ok = d.ByID(frontdesk.TargetAnyone, "u1")
	assert.False(t, ok)
	_, ok = d.ByID("", "u1")
	assert.False(t, ok)
	team, ok := d.Team("R&D")
	assert.True(t, ok, "a team without an ID has its name as one")
	assert.Equal(t, "R&D", team.Name)
	_, ok = d.User("nobody")
	assert.False(t, ok)
	_, ok = d.AIAgent("a1")
	assert.True(t, ok)
	assert.Equal(t, []string{"u1", "u2", "u3"}, d.Users())
	assert.Equal(t, []string{"R&D", "t1", "t2", "t3", "t4", "t5", "t7"}, d.Teams())
}

// Suggestions are within 2 letters and 20 %, or word by word. Grammar 2.
func TestNearest(t *testing.T) {
	d := routing.NewDirectory(names())
	for name, want := range map[string][]string{
		"Slaes Team":    {"Sales Team"},
		"sales teem":    {"Sales Team"},
		"Suport Agent":  {"Support Agent"},
		"suppot agnet":  {"Support Agent"},
		"Davd Lee":      {"David Lee"},
		"@Sale":         {"Sales"},
		"Purchasing":    nil,
		"Al":            nil,
		"":              nil,
		"Support Agint": {"Support Agent"},
	} {
		assert.Equal(t, want, d.Nearest(name), name)
	}
	for range 5 {
		assert.Equal(t, d.Nearest("Sales Tam"), d.Nearest("Sales Tam"))
	}
}

// No workspace is a workspace with nobody in it.
func TestNilWorkspace(t *testing.T) {
	d := routing.NewDirectory(nil)
	assert.NotNil(t, d.Workspace())
	assert.Empty(t, d.Lookup("x"))
	assert.Empty(t, d.Nearest("x"))
	assert.Empty(t, d.Users())
	targets, end := d.Match("x", 0)
	assert.Empty(t, targets)
	assert.Zero(t, end)
}

// 100,000 names work. S5.7.
func TestManyNames(t *testing.T) {
	ws := &frontdesk.Workspace{}
	for i := range 100_000 {
		ws.Users = append(ws.Users, frontdesk.User{ID: fmt.Sprint(i), Name: fmt.Sprintf("User %06d %s", i, strings.Repeat("x", i%7))})
	}
	d := routing.NewDirectory(ws)
	require.Len(t, d.Users(), 100_000)
	targets, _ := d.Match("user 099999 "+strings.Repeat("X", 99_999%7)+", hello", 0)
	require.Len(t, targets, 1)
	assert.Equal(t, "99999", targets[0].ID)
	assert.Len(t, d.Nearest("User 01234"), 3)
}

func FuzzMatch(f *testing.F) {
	for _, s := range []string{"Sales Team", "Ｓales", "ﬀ\u0301x", "\xff", "销售团队 x", "e\u0301"} {
		f.Add(s, 0)
	}
	d := routing.NewDirectory(names())
	f.Fuzz(func(t *testing.T, s string, offset int) {
		targets, end := d.Match(s, offset)
		if len(targets) == 0 {
			return
		}
		require.True(t, offset < end && end <= len(s))
		require.Equal(t, d.Lookup(s[offset:end]), targets)
		_ = d.Nearest(s)
	})
}

func BenchmarkMatch(b *testing.B) {
	ws := names()
	for i := range 100_000 {
		ws.Users = append(ws.Users, frontdesk.User{ID: fmt.Sprint("x", i), Name: fmt.Sprintf("User Number %d", i)})
	}
	d := routing.NewDirectory(ws)
	b.ResetTimer()
	for b.Loop() {
		d.Match("User Number 77777 is away", 0)
	}
}

// The index that narrows the search for near names loses none of them:
// grammar 2.
func TestNearestLosesNobody(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := []string{"sales", "support", "team", "billing", "finance", "it", "vip", "müller", "anna", "продажи", "客服部", "international", "x"}
	ws := &frontdesk.Workspace{}
	for i := range 400 {
		name := words[rnd.IntN(len(words))]
		for range rnd.IntN(3) {
			name += " " + words[rnd.IntN(len(words))]
		}
		ws.Users = append(ws.Users, frontdesk.User{ID: fmt.Sprint(i), Name: name})
	}
	d := routing.NewDirectory(ws)
	for range 3000 {
		query := []rune(ws.Users[rnd.IntN(len(ws.Users))].Name)
		for range 1 + rnd.IntN(3) {
			k := rnd.IntN(len(query))
			switch rnd.IntN(3) {
			case 0:
				query[k] = 'q'
			case 1:
				query = slices.Insert(query, k, 'w')
			default:
				if len(query) > 1 {
					query = slices.Delete(query, k, k+1)
				}
			}
		}
		q := strings.Join(strings.Fields(string(query)), " ")
		closest := -1
		for _, u := range ws.Users {
			if n, ok := routing.Near(q, u.Name); ok && (closest < 0 || n < closest) {
				closest = n
			}
		}
		found := d.Nearest(q)
		if closest < 0 {
			assert.Empty(t, found, q)
			continue
		}
		require.NotEmpty(t, found, q)
		n, ok := routing.Near(q, found[0])
		assert.True(t, ok && n == closest, "%q: %q at %d, and one is at %d", q, found[0], n, closest)
	}
}
