package langchain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// What stands where a provider refuses an empty message.
const (
	noText     = "(no text)"
	noOutput   = "(no output)"
	notRun     = "Error: this call has no result."
	earlierOut = "(Earlier messages are not shown.)"
)

// render returns the messages of a request in the flat form: one part to a
// message, each call directly followed by its own result. langchaingo's
// anthropic sends only the first part of an assistant's message, its openai
// takes only one result in a message: this is the form that loses nothing on
// either. It also returns the names of the tools that the history calls, in
// order and once each.
func render(req *agent.Request) ([]llms.MessageContent, []string, error) {
	if len(req.Messages) == 0 {
		return nil, nil, fmt.Errorf("langchain: the request has no messages; a request ends with what is to be answered")
	}
	r := renderer{out: make([]llms.MessageContent, 0, len(req.Messages)+2)}
	if system := clean(req.System); strings.TrimSpace(system) != "" {
		r.text(llms.ChatMessageTypeSystem, system)
	}
	if req.Messages[0].Role != agent.RoleUser {
		// A window over a long conversation may begin with the agent's own
		// words, and several providers want the first from the user.
		r.text(llms.ChatMessageTypeHuman, earlierOut)
	}
	for i := 0; i < len(req.Messages); {
		m := req.Messages[i]
		i++
		switch m.Role {
		case agent.RoleUser:
			text := clean(m.Text)
			if strings.TrimSpace(text) == "" {
				text = noText
			}
			r.text(llms.ChatMessageTypeHuman, text)
		case agent.RoleAssistant:
			results := toolMessages(req.Messages[i:])
			i += len(results)
			if text := clean(m.Text); strings.TrimSpace(text) != "" {
				r.text(llms.ChatMessageTypeAI, text)
			}
			r.calls(m.Calls, results)
		case agent.RoleTool:
			r.orphan(m)
		default:
			return nil, nil, fmt.Errorf("langchain: message %d has the role %q; use user, assistant or tool", i-1, m.Role)
		}
	}
	return r.out, r.called, nil
}

// toolMessages returns the tool messages that messages begin with.
func toolMessages(messages []agent.ChatMessage) []agent.ChatMessage {
	for i, m := range messages {
		if m.Role != agent.RoleTool {
			return messages[:i]
		}
	}
	return messages
}

type renderer struct {
	out    []llms.MessageContent
	ids    int
	called []string
}

func (r *renderer) text(role llms.ChatMessageType, text string) {
	r.part(role, llms.TextContent{Text: text})
}

func (r *renderer) part(role llms.ChatMessageType, part llms.ContentPart) {
	r.out = append(r.out, llms.MessageContent{Role: role, Parts: []llms.ContentPart{part}})
}

// calls renders calls, each followed by its result. A call without a result
// gets one, and a result without a call gets a call: an unpaired one makes a
// provider refuse the conversation for ever.
func (r *renderer) calls(calls []agent.ToolCall, results []agent.ChatMessage) {
	used := make([]bool, len(results))
	for _, call := range calls {
		result := notRun
		for i, m := range results {
			if !used[i] && m.CallID == call.ID {
				used[i] = true
				result = resultText(m)
				break
			}
		}
		r.pair(call.Name, call.Arguments, result)
	}
	for i, m := range results {
		if !used[i] {
			r.orphan(m)
		}
	}
}

func (r *renderer) orphan(m agent.ChatMessage) { r.pair(m.Name, nil, resultText(m)) }

// pair renders a call and its result. The ID is the call's place in the
// request, in nine letters and digits: unique whatever the IDs in the history
// are, the same each time, and in the form that the strictest provider
// (Mistral) wants.
func (r *renderer) pair(name string, arguments json.RawMessage, result string) {
	r.ids++
	id := fmt.Sprintf("call%05d", r.ids)
	name = pastName(name)
	r.part(llms.ChatMessageTypeAI, llms.ToolCall{
		ID:           id,
		Type:         "function",
		FunctionCall: &llms.FunctionCall{Name: name, Arguments: pastArguments(arguments)},
	})
	r.part(llms.ChatMessageTypeTool, llms.ToolCallResponse{ToolCallID: id, Name: name, Content: result})
	if !slices.Contains(r.called, name) {
		r.called = append(r.called, name)
	}
}

// pastName is the name of a call in the history. Models call tools that do
// not exist by names that no provider takes back.
func pastName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
	if name == "" {
		return "unknown"
	}
	return name[:min(len(name), maxNameLength)]
}

// maxNameLength is the longest name of a tool that OpenAI takes; others take
// longer ones.
const maxNameLength = 64

// pastArguments are the arguments of a call in the history. A provider that
// decodes them refuses all that is no JSON object, with each later request of
// the conversation; the result tells the model what was wrong with them.
func pastArguments(arguments json.RawMessage) string {
	trimmed := bytes.TrimSpace(arguments)
	if len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(trimmed) {
		return "{}"
	}
	return string(trimmed)
}

// resultText is the result of a call as text. Providers have no common flag
// for a failed call, so the text says it.
func resultText(m agent.ChatMessage) string {
	text := clean(m.Text)
	if strings.TrimSpace(text) == "" {
		text = noOutput
	}
	if m.IsError && !strings.HasPrefix(strings.ToLower(text), "error") {
		text = "Error: " + text
	}
	return text
}

// clean returns text as every wire format takes it: valid UTF-8 without NUL.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.ReplaceAll(text, "\x00", "")
}

// renderTools returns the tools, in the order given.
func renderTools(tools []agent.Tool) ([]llms.Tool, error) {
	out := make([]llms.Tool, 0, len(tools))
	for _, tool := range tools {
		schema, err := plainSchema(tool.Schema)
		if err != nil {
			return nil, fmt.Errorf("langchain: tool %q: %w", tool.Name, err)
		}
		out = append(out, function(tool.Name, clean(tool.Description), schema))
	}
	return out, nil
}

// pastTools defines the tools that only the history calls.
func pastTools(names []string) []llms.Tool {
	out := make([]llms.Tool, 0, len(names))
	for _, name := range names {
		out = append(out, function(name, "Not available any more.", emptySchema()))
	}
	return out
}

func function(name, description string, schema map[string]any) llms.Tool {
	return llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
		Name: name, Description: description, Parameters: schema,
	}}
}
