package agent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// desk is a workspace of one team with n members, and a LLM that assigns every
// contact to it.
func desk(n int, target, method string) (frontdesk.Workspace, agent.LLM, string) {
	ws := frontdesk.Workspace{Name: "Acme", AIAgents: []frontdesk.AIAgent{{ID: "a", Name: "Agent"}}}
	team := frontdesk.Team{ID: "sales", Name: "Sales Team"}
	for i := range n {
		id := fmt.Sprintf("u%02d", i)
		ws.Users = append(ws.Users, frontdesk.User{ID: id, Name: "User " + id})
		team.Members = append(team.Members, id)
	}
	ws.Teams = []frontdesk.Team{team}
	llm := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		if req.Messages[len(req.Messages)-1].Role == agent.RoleTool {
			return &agent.Response{Text: "$assignee.name will help you."}, nil
		}
		return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("assign", args{"target": target})}}, nil
	})
	return ws, llm, "# FLOW\n1. If they want anything, assign to @Sales Team" + method + "."
}

func (k *kit) deskMux(ws frontdesk.Workspace, llm agent.LLM, text string) *agent.Mux {
	cfg := k.config("Agent", llm)
	cfg.Workspace, cfg.Instructions, cfg.Actions = ws, text, []actions.Action{actions.Assign()}
	a, err := agent.New(cfg)
	require.NoError(k.t, err)
	m, err := agent.NewMux(a)
	require.NoError(k.t, err)
	return m
}

func (k *kit) assigneeOf(from string) frontdesk.Assignee {
	v, err := k.store.Load(k.ctx, agent.Query{Identity: frontdesk.Identity{Channel: "test", Address: from}})
	require.NoError(k.t, err)
	require.NotNil(k.t, v.Conversation)
	return v.Conversation.Assignee
}

// S5.4: round robin gives each of 7 members exactly 1,000 of 7,000, across
// restarts.
func TestRoundRobinIsFairAcrossRestarts(t *testing.T) {
	k := newKit(t, nobody(t))
	ws, llm, text := desk(7, "Sales Team", "")
	counts := map[string]int{}
	var mux *agent.Mux
	for i := range 7000 {
		if i%333 == 0 {
			mux = k.deskMux(ws, llm, text)
		}
		from := fmt.Sprintf("c%d", i)
		turn, err := mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: from, From: from, Text: "Hi"})
		require.NoError(t, err)
		require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
		a := k.assigneeOf(from)
		require.Equal(t, user(fmt.Sprintf("u%02d", i%7)), a, "in turn")
		counts[a.ID]++
	}
	for id, n := range counts {
		assert.Equal(t, 1000, n, id)
	}
}

// S5.4: so do 8 processes at once on one store.
func TestRoundRobinIsFairAcrossProcesses(t *testing.T) {
	k := newKit(t, nobody(t))
	ws, llm, text := desk(7, "Sales Team", "")
	const workers, each = 8, 70
	var wg sync.WaitGroup
	for w := range workers {
		mux := k.deskMux(ws, llm, text)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				from := fmt.Sprintf("w%d-%d", w, i)
				turn, err := mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: from, From: from, Text: "Hi"})
				assert.NoError(t, err)
				assert.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
			}
		}()
	}
	wg.Wait()
	counts := map[string]int{}
	for w := range workers {
		for i := range each {
			counts[k.assigneeOf(fmt.Sprintf("w%d-%d", w, i)).ID]++
		}
	}
	assert.Len(t, counts, 7)
	for id, n := range counts {
		assert.Equal(t, workers*each/7, n, id)
	}
}

// S5.5: least open goes to who has least; two at the same time do not both see
// the old count.
func TestLeastOpen(t *testing.T) {
	k := newKit(t, nobody(t))
	ws, llm, text := desk(3, "Sales Team", " using least open conversations")
	var wg sync.WaitGroup
	for w := range 6 {
		mux := k.deskMux(ws, llm, text)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 10 {
				from := fmt.Sprintf("w%d-%d", w, i)
				turn, err := mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: from, From: from, Text: "Hi"})
				assert.NoError(t, err)
				assert.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
			}
		}()
	}
	wg.Wait()
	v, err := k.store.Load(k.ctx, agent.Query{Loads: true, Rotations: []string{"team:sales"}})
	require.NoError(t, err)
	require.Len(t, v.Loads, 3)
	for _, l := range v.Loads {
		assert.Equal(t, 20, l.Open, l.UserID)
	}
	assert.Empty(t, v.Rotations, "S5.4: least-open choices do not move the round robin")

	// Closing some makes room: the next ones go there.
	mux := k.deskMux(ws, llm, text)
	closed := 0
	for w := range 6 {
		for i := range 10 {
			from := fmt.Sprintf("w%d-%d", w, i)
			if k.assigneeOf(from) == user("u01") && closed < 3 {
				v, err := k.store.Load(k.ctx, agent.Query{Identity: frontdesk.Identity{Channel: "test", Address: from}})
				require.NoError(t, err)
				require.NoError(t, mux.Close(k.ctx, v.Conversation.ID, actions.Closing{}, "u01"))
				closed++
			}
		}
	}
	for i := range 3 {
		from := fmt.Sprintf("late%d", i)
		_, err := mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: from, From: from, Text: "Hi"})
		require.NoError(t, err)
		assert.Equal(t, user("u01"), k.assigneeOf(from))
	}
}

// S5.2, S5.3: every kind of target ends where it should.
func TestEveryKindOfTarget(t *testing.T) {
	for _, c := range []struct {
		target, text string
		team         string
		who          []frontdesk.Assignee
		reply        string
	}{
		{"Support Team", "assign to @Support Team", "support", []frontdesk.Assignee{user("cy"), user("cy")}, "Cy"},
		{"Empty Team", "assign to @Empty Team", "empty", []frontdesk.Assignee{{}, {}}, "Empty Team"},
		{"Ben", "assign to @Ben", "", []frontdesk.Assignee{user("ben"), user("ben")}, "Ben"},
		{"anyone", "assign to anyone in the workspace", "", []frontdesk.Assignee{user("ana"), user("ben"), user("cy")}, "Ana"},
		{"any team", "assign to any team", "sales", []frontdesk.Assignee{user("ana"), user("cy"), user("ben"), user("cy")}, "Ana"},
		{"nobody", "unassign the conversation", "", []frontdesk.Assignee{{}}, ""},
	} {
		k := newKit(t, agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
			if req.Messages[len(req.Messages)-1].Role == agent.RoleTool {
				return &agent.Response{Text: "Next: $assignee.name."}, nil
			}
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("assign", args{"target": c.target})}}, nil
		}), instructionsOf("# FLOW\n1. If they want a person, "+c.text+"."))
		for i, want := range c.who {
			from := fmt.Sprintf("c%d", i)
			turn, err := k.mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: from, From: from, Text: "Hi"})
			require.NoError(t, err)
			require.Equal(t, agent.ExitHandedOff, turn.Exit, "%s: %s", c.target, turn.Failure)
			assert.Equal(t, want, k.assigneeOf(from), "%s, %d", c.target, i)
			if i == 0 {
				v, err := k.store.Load(k.ctx, agent.Query{Identity: frontdesk.Identity{Channel: "test", Address: from}})
				require.NoError(t, err)
				assert.Equal(t, c.team, v.Conversation.TeamID, c.target)
				assert.Equal(t, want == frontdesk.Assignee{}, v.Conversation.AwaitsHuman, c.target)
				if c.reply != "" {
					assert.Equal(t, "Next: "+c.reply+".", turn.Reply(), "S5.5")
				} else {
					assert.NotContains(t, turn.Reply(), "$", "S4.4")
				}
			}
		}
	}
}

// S5.6: unavailable members are passed over; when nobody is available the
// fallback chain runs, and the LLM knows.
func TestPresenceAndFallbackChain(t *testing.T) {
	for _, c := range []struct {
		name     string
		away     []string
		fallback string
		who      frontdesk.Assignee
		told     string
		note     string
	}{
		{"ana away", []string{"ana"}, "", user("ben"), "it will be assigned to Sales Team", ""},
		{"sales away", []string{"ana", "ben"}, "Support Team", user("cy"), "nobody of Sales Team is available now: the conversation will go to Support Team", "Nobody of Sales Team was available. It went to Support Team instead."},
		{"all away", []string{"ana", "ben", "cy"}, "Support Team", frontdesk.Assignee{}, "unassigned when this turn ends and wait for a human", "Nobody of Sales Team was available. It waits for a human."},
		{"sales away, no fallback", []string{"ana", "ben"}, "", frontdesk.Assignee{}, "wait for a human", "It waits for a human."},
	} {
		k := newKit(t, agenttest.Script(t,
			agenttest.CallTool("assign", args{"target": "Sales Team"}), agenttest.Say("OK.").ExpectLast(c.told),
		), func(cfg *agent.Config) {
			cfg.Presence = presence(func(id string) (bool, error) { return !contains(c.away, id), nil })
			if c.fallback != "" {
				cfg.Fallback.Assign = frontdesk.Target{Name: c.fallback}
			}
		})
		turn := k.say("a demo")
		require.Equal(t, agent.ExitHandedOff, turn.Exit, "%s: %s", c.name, turn.Failure)
		assert.Equal(t, c.who, k.conversation().Assignee, c.name)
		assert.Equal(t, c.who == frontdesk.Assignee{}, k.conversation().AwaitsHuman, c.name)
		notes := ""
		for _, m := range k.view().History {
			if m.Direction == frontdesk.DirInternal {
				notes += m.Text
			}
		}
		assert.Contains(t, notes, c.note, c.name)
	}
}

// S5.4: assignments by humans do not move the round robin.
func TestHumansDoNotMoveTheRoundRobin(t *testing.T) {
	k := newKit(t, nobody(t))
	ws, llm, text := desk(3, "Sales Team", "")
	mux := k.deskMux(ws, llm, text)
	for i := range 6 {
		from := fmt.Sprintf("c%d", i)
		_, err := mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: from, From: from, Text: "Hi"})
		require.NoError(t, err)
		assert.Equal(t, user(fmt.Sprintf("u%02d", i%3)), k.assigneeOf(from))
		v, err := k.store.Load(k.ctx, agent.Query{Identity: frontdesk.Identity{Channel: "test", Address: from}})
		require.NoError(t, err)
		require.NoError(t, mux.Assign(k.ctx, v.Conversation.ID, frontdesk.Target{Name: "Sales Team"}, "u00"))
	}
}

// S5.5: somebody else gets a conversation between a turn's choice and its
// commit: the turn chooses again.
func TestLeastOpenIsChosenAgain(t *testing.T) {
	plan := &agenttest.Plan{}
	k := newFaultyKit(t, plan, nobody(t))
	ws, llm, text := desk(2, "Sales Team", " using least open conversations")
	mux := k.deskMux(ws, llm, text)
	k.accept("the other contact's")
	other := k.conversation().ID
	between := false
	plan.Before = func(_ context.Context, op agenttest.Op) error {
		c, ok := op.Arg.(agent.Commit)
		if !ok || between || len(c.Turns) == 0 || c.Turns[0].Exit != agent.ExitHandedOff {
			return nil
		}
		between = true
		return mux.Assign(k.ctx, other, frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "sales"}, "")
	}
	_, err := mux.Handle(k.ctx, frontdesk.Inbound{Channel: "test", ID: "m", From: "c", Text: "Hi"})
	require.NoError(t, err)
	require.True(t, between)
	assert.Equal(t, user("u00"), k.conversation().Assignee)
	assert.Equal(t, user("u01"), k.assigneeOf("c"))
}
