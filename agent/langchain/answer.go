package langchain

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// merge makes one answer of all choices: langchaingo's anthropic gives each
// block of the content a choice of its own, so that the calls may be in the
// third. Texts are joined by a blank line, calls concatenated, usage taken
// once.
func merge(content *llms.ContentResponse) *agent.Response {
	resp := &agent.Response{Stop: agent.StopEnd}
	if content == nil {
		return resp
	}
	var texts []string
	var stop agent.StopReason
	for _, choice := range content.Choices {
		if choice == nil {
			continue
		}
		if text := withoutThinking(choice.Content); strings.TrimSpace(text) != "" {
			texts = append(texts, text)
		}
		resp.Calls = append(resp.Calls, callsOf(choice)...)
		if resp.Usage == (agent.Usage{}) {
			resp.Usage = usageOf(choice.GenerationInfo)
		}
		stop = worse(stop, stopOf(choice.StopReason))
	}
	resp.Text = strings.Join(texts, "\n\n")
	switch stop {
	case agent.StopLength, agent.StopRefuse:
		// A call of an answer that was cut off may lack half its arguments
		// and still be valid JSON.
		resp.Stop, resp.Calls = stop, nil
	default:
		if len(resp.Calls) > 0 {
			resp.Stop = agent.StopCalls
		}
	}
	giveIDs(resp.Calls)
	return resp
}

// worse returns the reason that counts when choices differ.
func worse(a, b agent.StopReason) agent.StopReason {
	rank := map[agent.StopReason]int{agent.StopLength: 1, agent.StopRefuse: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// stopOf classifies a provider's word for why it stopped, such as max_tokens,
// length or FinishReasonMaxTokens. Words that are unknown count as an end.
func stopOf(reason string) agent.StopReason {
	word := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(reason))
	for _, s := range []string{"length", "maxtokens", "contextwindow", "tokenlimit"} {
		if strings.Contains(word, s) {
			return agent.StopLength
		}
	}
	for _, s := range []string{"refus", "filter", "safety", "recitation", "blocklist", "prohibited", "spii", "guardrail"} {
		if strings.Contains(word, s) {
			return agent.StopRefuse
		}
	}
	return agent.StopEnd
}

// callsOf are the calls of a choice. FuncCall repeats the first of ToolCalls,
// but older providers set nothing else.
func callsOf(choice *llms.ContentChoice) []agent.ToolCall {
	var calls []agent.ToolCall
	for _, c := range choice.ToolCalls {
		if c.FunctionCall != nil {
			calls = append(calls, call(c.ID, *c.FunctionCall))
		}
	}
	if len(choice.ToolCalls) == 0 && choice.FuncCall != nil {
		calls = append(calls, call("", *choice.FuncCall))
	}
	return calls
}

// call keeps the arguments as they were written: whether they are valid is
// for the turn to say. Only nothing becomes an empty object.
func call(id string, f llms.FunctionCall) agent.ToolCall {
	arguments := f.Arguments
	if a := strings.TrimSpace(arguments); a == "" || a == "null" {
		arguments = "{}"
	}
	return agent.ToolCall{ID: id, Name: f.Name, Arguments: json.RawMessage(arguments)}
}

// giveIDs gives an ID to each call that has none.
func giveIDs(calls []agent.ToolCall) {
	taken := make(map[string]bool, len(calls))
	for _, c := range calls {
		taken[c.ID] = true
	}
	n := 0
	for i := range calls {
		for calls[i].ID == "" {
			n++
			if id := fmt.Sprintf("call%05d", n); !taken[id] {
				calls[i].ID = id
			}
		}
	}
}

// withoutThinking drops the reasoning that some open models write at the
// beginning of their text. It is not for the contact. Reasoning that does not
// end leaves nothing.
func withoutThinking(text string) string {
	trimmed := strings.TrimSpace(text)
	for _, tag := range []string{"think", "thinking"} {
		rest, ok := strings.CutPrefix(trimmed, "<"+tag+">")
		if !ok {
			continue
		}
		_, after, found := strings.Cut(rest, "</"+tag+">")
		if !found {
			return ""
		}
		return strings.TrimSpace(after)
	}
	return text
}

// usageOf reads the token counts, which each provider names and types in its
// own way. Anthropic counts cached input apart from the rest.
func usageOf(info map[string]any) agent.Usage {
	if in, ok := count(info, "InputTokens"); ok {
		written, _ := count(info, "CacheCreationInputTokens")
		read, _ := count(info, "CacheReadInputTokens")
		out, _ := count(info, "OutputTokens")
		return agent.Usage{InputTokens: in + written + read, OutputTokens: out}
	}
	in, _ := count(info, "PromptTokens", "input_tokens", "prompt_tokens")
	out, _ := count(info, "CompletionTokens", "output_tokens", "completion_tokens")
	return agent.Usage{InputTokens: in, OutputTokens: out}
}

// count reads the first of the keys that is a number.
func count(info map[string]any, keys ...string) (int, bool) {
	for _, key := range keys {
		switch n := info[key].(type) {
		case int:
			return n, true
		case int32:
			return int(n), true
		case int64:
			return int(n), true
		case float64:
			return int(n), true
		case json.Number:
			if i, err := n.Int64(); err == nil {
				return int(i), true
			}
		}
	}
	return 0, false
}
