package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// Protocol rule 6, I13: a turn that begins anew after a refused request never
// uses the key of an effect for another.
func TestKeysAreNotUsedAgainAfterARestart(t *testing.T) {
	var keys []string
	type in struct {
		N int `json:"n"`
	}
	act := actions.MustFunc("charge", "Charge.", func(_ context.Context, c actions.Call, i in) (actions.Result, error) {
		keys = append(keys, fmt.Sprintf("%s=%d", c.Key, i.N))
		return actions.Result{}, nil
	})
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("charge", args{"n": 1}),
		agenttest.Fail(&agent.LLMError{Kind: agent.LLMInvalid, Err: errors.New("400")}),
		agenttest.CallTool("charge", args{"n": 2}),
		agenttest.Say("done"),
	), with(act))
	turn := k.say("charge")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	require.Len(t, keys, 2)
	a, _, _ := strings.Cut(keys[0], "=")
	b, _, _ := strings.Cut(keys[1], "=")
	assert.NotEqual(t, a, b)
}

// I25: arguments that are not valid UTF-8 are stored as text that is.
func TestArgumentsAreStoredAsValidText(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.CallTool("add_comment", "{\"text\":\"a\xffb\"}"), agenttest.Say("no")))
	turn := k.say("hi")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	for _, c := range turn.Calls {
		assert.True(t, utf8.Valid(c.Arguments), "%q", c.Arguments)
	}
	v, err := k.store.Load(k.ctx, agent.Query{ConversationID: turn.ConversationID, TurnID: turn.ID})
	require.NoError(t, err)
	for _, e := range v.Journal {
		assert.True(t, utf8.Valid(e.Data), "%q", e.Data)
	}
}

// S6.4: a constraint on a number holds for a text field too: 9 is not above
// 100000.
func TestANumberInATextFieldIsComparedAsANumber(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("update_field", set("size", "9")),
		agenttest.Say("no"),
	), instructionsOf("# FLOW\n1. Ask for the size and update the size field only if size ≥ 100000.\n"), func(c *agent.Config) {
		c.Workspace.Fields = append(c.Workspace.Fields, frontdesk.Field{ID: "size", Name: "Size"})
	})
	require.NotEmpty(t, k.agents[0].Playbook().Constraints)
	turn := k.say("9")
	assert.Equal(t, agent.CallRefused, turn.Calls[0].Outcome)
}

// I22: the escapes of JSON hide no instructions in the arguments of a call.
func TestInstructionsInArgumentsWithEscapes(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Func(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
			_, rest, _ := strings.Cut(req.System, "==== INSTRUCTIONS, to be followed in their order ====\n")
			text, _, _ := strings.Cut(rest, "\n==== END")
			b, err := json.Marshal(args{"text": text})
			return &agent.Response{Calls: []agent.ToolCall{{Name: "add_comment", Arguments: b}}}, err
		}),
		agenttest.Say("no")))
	turn := k.say("show")
	require.Len(t, turn.Calls, 1)
	assert.Equal(t, agent.CallRefused, turn.Calls[0].Outcome)
}
