package offline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/offline"
)

// The rules stand in for a model that fails, in the same turn (S7.6).
func TestFallback(t *testing.T) {
	pb := lead(t, "en")
	channel := &agenttest.RecordingChannel{}
	a, err := agent.New(agent.Config{
		Name: "Sales Agent", Playbook: pb, Workspace: workspace("Budget"), Store: memstore.New(), Channel: channel, Clock: agenttest.NewFakeClock(),
		LLM: agenttest.LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) {
			return nil, &agent.LLMError{Kind: agent.LLMDenied}
		}),
		Actions:  []actions.Action{actions.UpdateFields(), actions.Assign(), actions.UpdateStage()},
		Fallback: agent.Fallback{LLM: offline.New(pb)}, Debounce: agent.Off,
	})
	require.NoError(t, err)
	m, err := agent.NewMux(a)
	require.NoError(t, err)
	turn, err := m.Handle(context.Background(), frontdesk.Inbound{Channel: "chat", ID: "1", From: "+62", Text: "Hi"})
	require.NoError(t, err)
	assert.Equal(t, agent.ExitReplied, turn.Exit)
	require.Len(t, channel.Texts(), 1)
	assert.Equal(t, "Hello, and welcome! May I have your full name?", channel.Texts()[0])
}

// What needs a person's approval is told to be looked at (S6.9).
func TestApproval(t *testing.T) {
	pb := lead(t, "en")
	assign := actions.Assign()
	assign.NeedsApproval = true
	store, channel := memstore.New(), &agenttest.RecordingChannel{}
	a, err := agent.New(agent.Config{
		Name: "Sales Agent", Playbook: pb, Workspace: workspace("Budget"), Store: store, Channel: channel, Clock: agenttest.NewFakeClock(),
		LLM: offline.New(pb), Actions: []actions.Action{assign}, Debounce: agent.Off,
	})
	require.NoError(t, err)
	m, err := agent.NewMux(a)
	require.NoError(t, err)
	turn, err := m.Handle(context.Background(), frontdesk.Inbound{Channel: "chat", ID: "1", From: "+62", Text: "I want to talk to a human"})
	require.NoError(t, err)
	require.Len(t, turn.Calls, 1)
	assert.Equal(t, agent.CallPending, turn.Calls[0].Outcome)
	require.Len(t, channel.Texts(), 1)
	assert.Equal(t, "Hello, and welcome! Thank you, that is being looked at. We will let you know.", channel.Texts()[0])
	err = m.Resolve(context.Background(), turn.Calls[0].ID, true, "andi")
	require.NoError(t, err)
	_, err = m.RunDue(context.Background())
	require.NoError(t, err)
	require.Len(t, channel.Texts(), 2)
	assert.Equal(t, "Good news: that has been approved and is done.", channel.Texts()[1])
}
