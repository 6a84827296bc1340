package langchain

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms/anthropic"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// wire is a server on loopback that speaks a provider's wire format: it
// answers as it is told and refuses what the provider refuses.
type wire struct {
	*httptest.Server
	// check returns why the provider would refuse the request; "" if it would
	// not.
	check func(r *http.Request, body map[string]any) string
	// write renders an answer that is no error.
	write func(a agenttest.LLMAnswer) map[string]any

	mu     sync.Mutex
	answer agenttest.LLMAnswer
	bodies []string
}

func newWire(t *testing.T, check func(*http.Request, map[string]any) string, write func(agenttest.LLMAnswer) map[string]any) *wire {
	w := &wire{check: check, write: write}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

func (w *wire) tell(a agenttest.LLMAnswer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = a
}

// body returns the last request.
func (w *wire) body(t *testing.T) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(t, w.bodies, "no request reached the server")
	return w.bodies[len(w.bodies)-1]
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	w.mu.Lock()
	a := w.answer
	w.bodies = append(w.bodies, string(data))
	w.mu.Unlock()
	if a.Arrived != nil {
		a.Arrived()
	}
	var body map[string]any
	if err := json.Unmarshal(data, &body); err != nil {
		w.refuse(rw, 400, "the body is no JSON: "+err.Error())
		return
	}
	if why := w.check(r, body); why != "" {
		w.refuse(rw, 400, why)
		return
	}
	switch {
	case a.Hang:
		<-r.Context().Done()
	case a.Status != 0:
		if a.RetryAfter > 0 {
			rw.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter.Seconds())))
		}
		w.refuse(rw, a.Status, a.Text)
	default:
		w.send(rw, w.write(a), a.Cut)
	}
}

func (w *wire) refuse(rw http.ResponseWriter, status int, message string) {
	if message == "" {
		message = "as told"
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]any{"type": "error", "error": map[string]any{"message": message, "type": "some_error"}})
}

func (w *wire) send(rw http.ResponseWriter, answer map[string]any, cut bool) {
	data, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if !cut {
		_, _ = rw.Write(data)
		return
	}
	_, _ = rw.Write(data[:len(data)/2])
	panic(http.ErrAbortHandler) // closes the connection
}

// openAIWire is OpenAI's chat completions.
func openAIWire(t *testing.T) *wire { return newWire(t, checkOpenAI, writeOpenAI) }

func (w *wire) openAI(t *testing.T, options ...openai.Option) *openai.LLM {
	t.Helper()
	options = append([]openai.Option{
		openai.WithBaseURL(w.URL + "/v1"), openai.WithToken("key"), openai.WithModel("gpt-4.1"), openai.WithHTTPClient(HTTPClient()),
	}, options...)
	model, err := openai.New(options...)
	require.NoError(t, err)
	return model
}

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func checkOpenAI(r *http.Request, body map[string]any) string {
	if r.URL.Path != "/v1/chat/completions" {
		return "no such path: " + r.URL.Path
	}
	if r.Header.Get("Authorization") != "Bearer key" {
		return "You didn't provide an API key."
	}
	if body["stream"] == true {
		return "this test does not stream"
	}
	if n, ok := body["n"].(float64); ok && n > 1 {
		return "this test wants one choice"
	}
	if body["max_tokens"] != nil && body["max_completion_tokens"] != nil {
		return "max_tokens and max_completion_tokens are mutually exclusive"
	}
	model, _ := body["model"].(string)
	if model == "" {
		return "you must provide a model parameter"
	}
	if temperature, ok := body["temperature"].(float64); ok && temperature != 1 && strings.HasPrefix(model, "o") {
		return "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."
	}
	if why := checkOpenAITools(body); why != "" {
		return why
	}
	return checkOpenAIMessages(body)
}

func checkOpenAITools(body map[string]any) string {
	tools, _ := body["tools"].([]any)
	if body["tool_choice"] != nil && len(tools) == 0 {
		return "'tool_choice' is only allowed when 'tools' are specified."
	}
	for _, tool := range tools {
		m, _ := tool.(map[string]any)
		f, _ := m["function"].(map[string]any)
		if m["type"] != "function" || f == nil {
			return fmt.Sprintf("Invalid tool: %v", tool)
		}
		if name, _ := f["name"].(string); !toolName.MatchString(name) {
			return fmt.Sprintf("Invalid 'tools[0].function.name': %q", name)
		}
		parameters, _ := f["parameters"].(map[string]any)
		if parameters["type"] != "object" {
			return "Invalid schema for function: schema must be a JSON Schema of 'type: \"object\"'"
		}
		if parameters["properties"] == nil {
			return "Invalid schema for function: object schema missing properties"
		}
	}
	return ""
}

func checkOpenAIMessages(body map[string]any) string {
	messages, _ := body["messages"].([]any)
	if len(messages) == 0 {
		return "messages: array too short"
	}
	open := map[string]bool{} // calls without a result
	for i, v := range messages {
		m, _ := v.(map[string]any)
		role, _ := m["role"].(string)
		content, isText := m["content"].(string)
		calls, _ := m["tool_calls"].([]any)
		if !isText && (role != "assistant" || len(calls) == 0) {
			return fmt.Sprintf("Invalid value for 'content': expected a string, got null in message %d (%s)", i, content)
		}
		if role == "tool" {
			id, _ := m["tool_call_id"].(string)
			if !open[id] {
				return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
			}
			delete(open, id)
			continue
		}
		if len(open) > 0 {
			return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
		}
		switch role {
		case "system", "user":
		case "assistant":
			for _, c := range calls {
				call, _ := c.(map[string]any)
				id, _ := call["id"].(string)
				f, _ := call["function"].(map[string]any)
				name, _ := f["name"].(string)
				if _, ok := f["arguments"].(string); id == "" || call["type"] != "function" || !ok || !toolName.MatchString(name) {
					return fmt.Sprintf("Invalid tool call: %v", call)
				}
				open[id] = true
			}
		default:
			return fmt.Sprintf("Invalid value: %q. Supported values are: 'system', 'assistant', 'user', 'tool'.", role)
		}
	}
	if len(open) > 0 {
		return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
	}
	return ""
}

func writeOpenAI(a agenttest.LLMAnswer) map[string]any {
	message := map[string]any{"role": "assistant", "content": any(a.Text), "refusal": nil}
	reason := "stop"
	if len(a.Calls) > 0 {
		reason = "tool_calls"
		if a.Text == "" {
			message["content"] = nil
		}
		var calls []any
		for i, c := range a.Calls {
			arguments := string(c.Arguments)
			if a.Stop == agent.StopLength && i == len(a.Calls)-1 {
				arguments = arguments[:len(arguments)/2]
			}
			id := c.ID
			if id == "" {
				id = fmt.Sprintf("call_%024d", i)
			}
			calls = append(calls, map[string]any{"id": id, "type": "function", "function": map[string]any{"name": c.Name, "arguments": arguments}})
		}
		message["tool_calls"] = calls
	}
	switch a.Stop {
	case agent.StopLength:
		reason = "length"
	case agent.StopRefuse:
		reason = "content_filter"
	}
	return map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4.1",
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": reason}},
		"usage":   map[string]any{"prompt_tokens": a.Usage.InputTokens, "completion_tokens": a.Usage.OutputTokens, "total_tokens": a.Usage.InputTokens + a.Usage.OutputTokens},
	}
}

// anthropicWire is Anthropic's messages.
func anthropicWire(t *testing.T) *wire { return newWire(t, checkAnthropic, writeAnthropic) }

func (w *wire) anthropic(t *testing.T, options ...anthropic.Option) *anthropic.LLM {
	t.Helper()
	options = append([]anthropic.Option{
		anthropic.WithBaseURL(w.URL + "/v1"), anthropic.WithToken("key"), anthropic.WithModel("claude-sonnet-4"), anthropic.WithHTTPClient(HTTPClient()),
	}, options...)
	model, err := anthropic.New(options...)
	require.NoError(t, err)
	return model
}

func checkAnthropic(r *http.Request, body map[string]any) string {
	if r.URL.Path != "/v1/messages" {
		return "no such path: " + r.URL.Path
	}
	if r.Header.Get("x-api-key") != "key" || r.Header.Get("anthropic-version") == "" {
		return "x-api-key and anthropic-version headers are required"
	}
	if body["stream"] == true {
		return "this test does not stream"
	}
	if n, _ := body["max_tokens"].(float64); n < 1 {
		return "max_tokens: Field required"
	}
	tools, _ := body["tools"].([]any)
	for i, v := range tools {
		tool, _ := v.(map[string]any)
		name, _ := tool["name"].(string)
		schema, _ := tool["input_schema"].(map[string]any)
		if !toolName.MatchString(name) || schema["type"] != "object" {
			return fmt.Sprintf("tools.%d.input_schema.type: Field required", i)
		}
	}
	return checkAnthropicMessages(body, len(tools) > 0)
}

// anthropicTurn is the content of consecutive messages of one role, which
// Anthropic takes for one message.
type anthropicTurn struct {
	role   string
	blocks []map[string]any
}

func anthropicTurns(messages []any) []anthropicTurn {
	var turns []anthropicTurn
	for _, v := range messages {
		m, _ := v.(map[string]any)
		role, _ := m["role"].(string)
		if len(turns) == 0 || turns[len(turns)-1].role != role {
			turns = append(turns, anthropicTurn{role: role})
		}
		last := &turns[len(turns)-1]
		content, _ := m["content"].([]any)
		for _, b := range content {
			block, _ := b.(map[string]any)
			last.blocks = append(last.blocks, block)
		}
	}
	return turns
}

// checkAnthropicMessages wants each tool_use of an assistant's turn answered
// by a tool_result at the very beginning of the next. In a flat history a
// second call may come only after the first one's result, and so it does.
func checkAnthropicMessages(body map[string]any, hasTools bool) string {
	messages, _ := body["messages"].([]any)
	turns := anthropicTurns(messages)
	if len(turns) == 0 {
		return "messages: at least one message is required"
	}
	if turns[0].role != "user" {
		return "messages: first message must use the \"user\" role"
	}
	used := map[string]bool{}
	var open []string
	for i, turn := range turns {
		if len(turn.blocks) == 0 {
			return fmt.Sprintf("messages.%d: all messages must have non-empty content", i)
		}
		answered := 0
		var calls []string
		for j, b := range turn.blocks {
			switch b["type"] {
			case "text":
				if text, _ := b["text"].(string); strings.TrimSpace(text) == "" {
					return "messages: text content blocks must contain non-whitespace text"
				}
			case "tool_use":
				id, _ := b["id"].(string)
				if name, _ := b["name"].(string); !toolName.MatchString(name) {
					return fmt.Sprintf("messages.%d.content.%d.tool_use.name: String should match pattern", i, j)
				}
				if _, ok := b["input"].(map[string]any); !ok {
					return fmt.Sprintf("messages.%d.content.%d.tool_use.input: Input should be a valid dictionary", i, j)
				}
				if !toolName.MatchString(id) || used[id] {
					return "messages: `tool_use` ids must be unique and match ^[a-zA-Z0-9_-]+$"
				}
				used[id] = true
				calls = append(calls, id)
			case "tool_result":
				id, _ := b["tool_use_id"].(string)
				if j != answered || answered >= len(open) || open[answered] != id {
					return "messages: unexpected `tool_use_id` found in `tool_result` blocks: each must have a corresponding `tool_use` block in the previous message"
				}
				answered++
			default:
				return fmt.Sprintf("messages.%d.content.%d: unknown type %v", i, j, b["type"])
			}
			if (b["type"] == "tool_use" || b["type"] == "tool_result") && !hasTools {
				return "Requests which include `tool_use` or `tool_result` blocks must define tools"
			}
		}
		if answered < len(open) {
			return "messages: `tool_use` ids were found without `tool_result` blocks immediately after"
		}
		open = calls
	}
	if len(open) > 0 {
		return "messages: `tool_use` ids were found without `tool_result` blocks immediately after"
	}
	return ""
}

func writeAnthropic(a agenttest.LLMAnswer) map[string]any {
	content := []any{}
	if a.Text != "" {
		content = append(content, map[string]any{"type": "text", "text": a.Text})
	}
	reason := "end_turn"
	for i, c := range a.Calls {
		reason = "tool_use"
		input := json.RawMessage(c.Arguments)
		if len(input) == 0 || (a.Stop == agent.StopLength && i == len(a.Calls)-1) {
			input = json.RawMessage("{}")
		}
		id := c.ID
		if id == "" {
			id = fmt.Sprintf("toolu_%024d", i)
		}
		content = append(content, map[string]any{"type": "tool_use", "id": id, "name": c.Name, "input": input})
	}
	switch a.Stop {
	case agent.StopLength:
		reason = "max_tokens"
	case agent.StopRefuse:
		reason = "refusal"
	}
	return map[string]any{
		"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4", "content": content, "stop_reason": reason,
		"usage": map[string]any{"input_tokens": a.Usage.InputTokens, "output_tokens": a.Usage.OutputTokens},
	}
}

var mistralID = regexp.MustCompile(`^[a-zA-Z0-9]{9}$`)

// mistralWire is Mistral's chat completions: OpenAI's, with IDs of nine
// letters and digits and the name of the tool in its result left out.
func mistralWire(t *testing.T) *wire {
	return newWire(t, func(r *http.Request, body map[string]any) string {
		messages, _ := body["messages"].([]any)
		for _, v := range messages {
			m, _ := v.(map[string]any)
			calls, _ := m["tool_calls"].([]any)
			for _, c := range calls {
				call, _ := c.(map[string]any)
				if id, _ := call["id"].(string); !mistralID.MatchString(id) {
					return fmt.Sprintf("Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", id)
				}
			}
		}
		return checkOpenAI(r, body)
	}, writeOpenAI)
}
