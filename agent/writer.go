package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// Writer makes a writer of an LLM, for [instructions.Optimize] and
// [instructions.Propose]: one request, without tools. An answer that was cut
// off or refused is an error.
func Writer(llm LLM) instructions.Writer {
	return func(ctx context.Context, system, prompt string) (string, error) {
		resp, err := llm.Generate(ctx, &Request{System: system, Messages: []ChatMessage{{Role: RoleUser, Text: prompt}}})
		switch {
		case err != nil:
			return "", err
		case resp == nil:
			return "", errors.New("agent: the LLM returned neither an answer nor an error: check it with agenttest.TestLLM")
		case resp.Stop == StopLength || resp.Stop == StopRefuse:
			return "", fmt.Errorf("agent: the LLM did not finish its answer (%s): use a model that takes and gives longer texts", resp.Stop)
		}
		return resp.Text, nil
	}
}
