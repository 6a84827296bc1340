package agent_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// S7.3, I1: what came too late for a turn that gave the conversation to a
// human is the human's, by the same commit.
func TestWhatCameWhileHandingOverIsTheHumans(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("two")
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("assign", map[string]any{"target": "Sales Team"})}}, nil
		}),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("three")
			return &agent.Response{Text: "Ana will help you."}, nil
		}),
	), func(c *agent.Config) { c.Limits.Supersedes = 1 })
	turn := k.say("one")
	require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
	assert.Len(t, turn.Inbound, 2)
	v := k.view()
	assert.Equal(t, user("ana"), v.Conversation.Assignee)
	assert.Empty(t, v.Waiting)
	assert.Nil(t, v.Task(agent.TaskTurn))
	var third frontdesk.Message
	for _, m := range v.History {
		if m.Text == "three" {
			third = m
		}
	}
	assert.Equal(t, frontdesk.DispositionHuman, third.Disposition)
	assert.Equal(t, []string{"Ana will help you."}, k.sent())
}

// I1, S7.3: a turn that was superseded as often as it may be, and then decides
// anew because the LLM refuses its steps, consumes nothing that its LLM was not
// shown.
func TestDecidingAnewConsumesOnlyWhatTheModelSaw(t *testing.T) {
	refused := &agent.LLMError{Kind: agent.LLMInvalid, Err: errors.New("400")}
	var k *kit
	shown := ""
	k = newKit(t, agenttest.Script(t,
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("two")
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("add_comment", map[string]any{"text": "a"})}}, nil
		}),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			k.accept("three")
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("assign", map[string]any{"target": "Sales Team"})}}, nil
		}),
		agenttest.Fail(refused),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("assign", map[string]any{"target": "Sales Team"})}}, nil
		}),
		agenttest.Func(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
			for _, m := range req.Messages {
				shown += m.Text + "\n"
			}
			return &agent.Response{Text: "Ana will help you."}, nil
		}),
	), func(c *agent.Config) { c.Limits.Supersedes = 1 })
	turn := k.say("one")
	require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
	for _, m := range k.view().History {
		if m.TurnID != "" && m.Direction == frontdesk.DirInbound {
			assert.Contains(t, shown, m.Text, "the turn consumed what its LLM never saw")
		}
	}
	assert.Contains(t, shown, "[contact] three", "a turn that decides anew decides on all that is there")
}
