package agent_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// prompt is what most tests run under: it allows two targets, has no ladder.
const prompt = `# CONTEXT
* You talk with someone who visits our pricing page.
# ROLE AND COMMUNICATION STYLE
* Warm and short.
# FLOW
1. Greet the contact (name: $contact.firstname).
2. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.
3. If they need technical help, assign to @Support Agent.
4. If they are done, close the conversation.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
`

// ladderPrompt is prompt with the seed's follow-ups.
const ladderPrompt = prompt + `# FOLLOW-UP
If the contact does not reply after 2 minutes, say "Still there?". If there is still no reply after another 2 minutes, update the lifecycle stage to Cold Lead, close the conversation without a summary and say "I will close this for now."
`

func workspace() frontdesk.Workspace {
	return frontdesk.Workspace{
		ID: "ws", Name: "Acme",
		Users: []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}, {ID: "cy", Name: "Cy"}},
		Teams: []frontdesk.Team{
			{ID: "sales", Name: "Sales Team", Members: []string{"ana", "ben"}},
			{ID: "support", Name: "Support Team", Members: []string{"cy"}},
			{ID: "empty", Name: "Empty Team"},
		},
		AIAgents:        []frontdesk.AIAgent{{ID: "a-sales", Name: "Sales Agent"}, {ID: "a-support", Name: "Support Agent"}, {ID: "a-third", Name: "Third Agent"}},
		Fields:          []frontdesk.Field{{ID: "budget", Name: "Budget", Type: frontdesk.TypeNumber}},
		LifecycleStages: []string{"New Lead", "Hot Lead", "Cold Lead"},
		ClosingNotes:    []string{"Issue Resolved", "No Response"},
	}
}

// kit is one agent with everything around it.
type kit struct {
	t       *testing.T
	ctx     context.Context
	clock   *agenttest.FakeClock
	store   agent.Store
	channel *agenttest.RecordingChannel
	mux     *agent.Mux
	agents  []*agent.Agent
	n       int
}

// newKit builds a Mux of a Sales Agent that follows the prompt, and of a
// Support Agent that answers with a second LLM, if one is given.
func newKit(t *testing.T, llm agent.LLM, change ...func(*agent.Config)) *kit {
	t.Helper()
	k := &kit{t: t, ctx: t.Context(), clock: agenttest.NewFakeClock(), store: memstore.New(), channel: &agenttest.RecordingChannel{}}
	k.build(llm, change...)
	return k
}

func (k *kit) config(name string, llm agent.LLM) agent.Config {
	return agent.Config{
		Name: name, Instructions: prompt, Workspace: workspace(), LLM: llm, Store: k.store, Channel: k.channel, Clock: k.clock,
		Actions: []actions.Action{
			actions.Assign(), actions.Close(), actions.UpdateFields(), actions.UpdateStage(), actions.AddComment(),
		},
		NewID: sequence(),
	}
}

// build makes the Mux anew, as a process that starts again does.
func (k *kit) build(llm agent.LLM, change ...func(*agent.Config)) {
	k.t.Helper()
	cfg := k.config("Sales Agent", llm)
	for _, f := range change {
		f(&cfg)
	}
	support := k.config("Support Agent", nobody(k.t))
	support.Channel, support.Clock, support.Store, support.Workspace = cfg.Channel, cfg.Clock, cfg.Store, cfg.Workspace
	k.join(cfg, support)
}

func (k *kit) join(cfgs ...agent.Config) {
	k.t.Helper()
	k.agents = nil
	for _, c := range cfgs {
		a, err := agent.New(c)
		require.NoError(k.t, err)
		k.agents = append(k.agents, a)
	}
	var err error
	k.mux, err = agent.NewMux(k.agents...)
	require.NoError(k.t, err)
}

// nobody is an LLM that must not be asked.
func nobody(t *testing.T) agent.LLM {
	return agenttest.LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) {
		t.Error("an LLM was asked that nobody should have asked")
		return &agent.Response{Text: "?"}, nil
	})
}

var sequences atomic.Int64

// sequence gives IDs that read well in a failure and differ between agents.
func sequence() func() string {
	prefix := sequences.Add(1)
	var n atomic.Int64
	return func() string { return fmt.Sprintf("id%d-%d", prefix, n.Add(1)) }
}

func (k *kit) inbound(text string) frontdesk.Inbound {
	k.n++
	return frontdesk.Inbound{Channel: "test", ID: fmt.Sprintf("m%d", k.n), From: "+62811", Text: text}
}

// say has the contact write, and returns the turn that answered.
func (k *kit) say(text string) agent.Turn {
	k.t.Helper()
	turn, err := k.mux.Handle(k.ctx, k.inbound(text))
	require.NoError(k.t, err)
	return turn
}

// accept has the contact write, and does nothing about it yet.
func (k *kit) accept(text string) {
	k.t.Helper()
	require.NoError(k.t, k.mux.Accept(k.ctx, k.inbound(text)))
}

func (k *kit) runDue() int {
	k.t.Helper()
	n, err := k.mux.RunDue(k.ctx)
	require.NoError(k.t, err)
	return n
}

// pass lets time go by and does what falls due then.
func (k *kit) pass(d time.Duration) int {
	k.t.Helper()
	k.clock.Advance(d)
	return k.runDue()
}

// view reads everything about the test's conversation.
func (k *kit) view() agent.View {
	k.t.Helper()
	v, err := k.store.Load(k.ctx, agent.Query{
		Identity: frontdesk.Identity{Channel: "test", Address: "+62811"}, History: 1000, Waiting: true, Outbox: true, Tasks: true,
	})
	require.NoError(k.t, err)
	return v
}

func (k *kit) conversation() frontdesk.Conversation {
	k.t.Helper()
	v := k.view()
	require.NotNil(k.t, v.Conversation)
	return *v.Conversation
}

// sent are the texts that reached the contact.
func (k *kit) sent() []string { return k.channel.Texts() }

func user(id string) frontdesk.Assignee {
	return frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: id}
}

func aiAgent(id string) frontdesk.Assignee {
	return frontdesk.Assignee{Kind: frontdesk.AssigneeAgent, ID: id}
}
