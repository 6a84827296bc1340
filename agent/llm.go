package agent

import (
	"context"
	"encoding/json"
	"time"
)

// LLM is a language model with tools. Implementers run agenttest.TestLLM.
//
// Generate answers one request. It is called from several goroutines at once.
// It neither keeps nor changes the request after it returned, and the caller
// owns the response. It makes one attempt and does not retry or wait: a
// failure comes back as an error, a *LLMError where the cause is known, and
// the turn retries on its own clock. It returns soon after ctx is done, with
// an error that wraps ctx.Err(). It never returns partial text: an answer
// that was cut off has Stop set to StopLength, or is an error. It does not
// panic on any request.
type LLM interface {
	Generate(ctx context.Context, req *Request) (*Response, error)
}

// Request is what the LLM is asked. Its parts come in a fixed order, so that
// prompt caches hit.
type Request struct {
	// System is the system prompt.
	System string
	// Messages are the conversation, oldest first. The last is never the
	// assistant's.
	Messages []ChatMessage
	// Tools are the actions on offer, in a fixed order. Empty: none, and the
	// answer must have no calls.
	Tools []Tool
	// MaxTokens bounds the answer. 0: the model's default.
	MaxTokens int
}

// Role is who a chat message is from.
type Role string

// The roles. The system prompt stands apart.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// ChatMessage is one message of a request.
type ChatMessage struct {
	Role Role   `json:"role"`
	Text string `json:"text,omitempty"`
	// Calls are those of an assistant's message. Each is followed by a tool
	// message with its result before anything else comes.
	Calls []ToolCall `json:"calls,omitempty"`
	// CallID and Name are those of the call that a tool message answers.
	CallID string `json:"call_id,omitempty"`
	Name   string `json:"name,omitempty"`
	// IsError is set for the result of a failed call.
	IsError bool `json:"is_error,omitempty"`
}

// Tool is an action as the LLM sees it.
type Tool struct {
	Name        string
	Description string
	// Schema is a JSON Schema of type object.
	Schema json.RawMessage
}

// ToolCall is a call that the LLM asks for.
type ToolCall struct {
	// ID is the LLM's, unique within a request as the agent renders it. The
	// LLM may leave it empty or use it twice: the agent gives its own.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Arguments are what the LLM wrote, JSON or not. Empty counts as {}.
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

// StopReason is why an answer ended.
type StopReason string

// The stop reasons. The zero value counts as StopEnd.
const (
	StopEnd    StopReason = "end"
	StopCalls  StopReason = "calls"
	StopLength StopReason = "length"  // cut off
	StopRefuse StopReason = "refused" // the model or a filter would not
)

// Response is the LLM's answer.
type Response struct {
	Text  string     `json:"text,omitempty"`
	Calls []ToolCall `json:"calls,omitempty"`
	Stop  StopReason `json:"stop,omitempty"`
	Usage Usage      `json:"usage,omitzero"`
}

// Usage counts tokens; zero where the provider says nothing.
type Usage struct {
	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

// LLMErrorKind classifies a failure by what to do about it.
type LLMErrorKind string

// The kinds of LLM errors.
const (
	// LLMTemporary may go away: time-outs, 5xx, overload, a cut stream. It is
	// retried with backoff.
	LLMTemporary LLMErrorKind = "temporary"
	// LLMRateLimited is temporary, with RetryAfter where the provider says.
	LLMRateLimited LLMErrorKind = "rate_limited"
	// LLMInvalid means that the request itself is refused (HTTP 400): asking
	// again the same way is no use.
	LLMInvalid LLMErrorKind = "invalid"
	// LLMDenied means bad credentials, no credit, an unknown model.
	LLMDenied LLMErrorKind = "denied"
	// LLMRefused means that a content filter would not answer.
	LLMRefused LLMErrorKind = "refused"
)

// LLMError is a failure of an LLM. An error that is no *LLMError counts as
// LLMTemporary.
type LLMError struct {
	Kind LLMErrorKind
	// RetryAfter is how long the provider asks to wait. 0: it does not say.
	RetryAfter time.Duration
	Err        error
}

// Error gives the kind and the cause.
func (e *LLMError) Error() string {
	if e.Err == nil {
		return "agent: LLM: " + string(e.Kind)
	}
	return "agent: LLM: " + string(e.Kind) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *LLMError) Unwrap() error { return e.Err }
