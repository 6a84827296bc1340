package langchain

import (
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// providers are the ones that programs are told to use, each on its own wire.
var providers = map[string]func(t *testing.T) (*wire, llms.Model){
	"openai": func(t *testing.T) (*wire, llms.Model) {
		w := openAIWire(t)
		return w, w.openAI(t)
	},
	"anthropic": func(t *testing.T) (*wire, llms.Model) {
		w := anthropicWire(t)
		return w, w.anthropic(t)
	},
	"mistral by openai": func(t *testing.T) (*wire, llms.Model) {
		w := mistralWire(t)
		return w, w.openAI(t)
	},
}

func TestConformance(t *testing.T) {
	for name, provider := range providers {
		t.Run(name, func(t *testing.T) {
			agenttest.TestLLM(t, func(t *testing.T) agenttest.LLMHarness {
				w, model := provider(t)
				return agenttest.LLMHarness{LLM: New(model), Answer: w.tell}
			})
		})
	}
}
