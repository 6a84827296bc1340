package agent_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// An LLM writes texts for the optimizer: one request, without tools. What it
// did not finish is no text (S11.2).
func TestWriter(t *testing.T) {
	boom := errors.New("boom")
	llm := agenttest.Script(t, agenttest.Say("a text"), agenttest.Fail(boom),
		agenttest.Raw(agent.Response{Text: "half a te", Stop: agent.StopLength}), agenttest.Raw(agent.Response{Stop: agent.StopRefuse}))
	w := agent.Writer(llm)
	text, err := w(context.Background(), "be clear", "this text")
	require.NoError(t, err)
	assert.Equal(t, "a text", text)
	_, err = w(context.Background(), "", "")
	assert.ErrorIs(t, err, boom)
	for range 2 {
		text, err = w(context.Background(), "", "")
		assert.ErrorContains(t, err, "did not finish")
		assert.Empty(t, text)
	}
	_, err = agent.Writer(agenttest.LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) { return nil, nil }))(context.Background(), "", "")
	assert.ErrorContains(t, err, "agenttest.TestLLM")
}
