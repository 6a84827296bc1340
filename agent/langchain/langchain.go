package langchain

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/tmc/langchaingo/llms"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Options are settings of an LLM. The zero value leaves everything to the
// model.
type Options struct {
	// Model names the model to ask. Empty: the one the llms.Model was made
	// with.
	Model string
	// Temperature is sent when it is not 0. langchaingo cannot tell 0 from
	// unset, and its openai and anthropic providers send 0 then; a model that
	// takes only its own default needs that default here, most often 1.
	Temperature float64
	// MaxTokens bounds an answer whose request does not say. 0: the
	// provider's default, which for langchaingo's anthropic is 2048.
	MaxTokens int
	// CallOptions are further options of the provider. Streaming and more
	// than one candidate are taken out of them again: a partial answer is
	// never used, and candidates would be merged into one.
	CallOptions []llms.CallOption
}

// LLM is an agent.LLM over a langchaingo model. It may be used from several
// goroutines at once if the model may, as langchaingo's providers may.
//
// A call returns as soon after its context is done as the model does; those
// that go over HTTP do so at once.
type LLM struct {
	model   llms.Model
	options Options
}

var _ agent.LLM = (*LLM)(nil)

// New returns an LLM over the model, with the zero Options.
func New(model llms.Model) *LLM { return NewWith(model, Options{}) }

// NewWith returns an LLM over the model. Options are copied.
func NewWith(model llms.Model, options Options) *LLM {
	options.CallOptions = slices.Clone(options.CallOptions)
	return &LLM{model: model, options: options}
}

// PanicError is a panic of the model, as the cause of an agent.LLMError, or of a
// retriever.
type PanicError struct {
	// Value is what the model panicked with.
	Value any
	// Stack is for the log. It is not part of the message.
	Stack []byte
}

// Error gives the value, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("langchain: the model or retriever panicked: %v; report it to its provider package", e.Value)
}

// Generate asks the model once. Each failure is an *agent.LLMError.
func (l *LLM) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, cancelled(err, nil)
	}
	if l == nil || l.model == nil {
		return nil, fail(agent.LLMDenied, errors.New("langchain: there is no model; give New a llms.Model that is not nil"))
	}
	if req == nil {
		return nil, fail(agent.LLMInvalid, errors.New("langchain: the request is nil; give one"))
	}
	messages, called, err := render(req)
	if err != nil {
		return nil, fail(agent.LLMInvalid, err)
	}
	tools, err := renderTools(req.Tools)
	if err != nil {
		return nil, fail(agent.LLMInvalid, err)
	}
	options := l.callOptions(req, tools, called)

	seen := &exchange{}
	content, err := l.call(context.WithValue(ctx, exchangeKey{}, seen), messages, options)
	if err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			// Providers hide the context's error behind their own text.
			return nil, cancelled(ctxErr, err)
		}
		if resp := answerInError(err); resp != nil {
			return resp, nil
		}
		return nil, classify(err, seen)
	}
	resp := merge(content)
	if len(req.Tools) == 0 {
		resp.Calls = nil
		if resp.Stop == agent.StopCalls {
			resp.Stop = agent.StopEnd
		}
	}
	return resp, nil
}

// callOptions are the options of one request. called are the tools that the
// history calls.
func (l *LLM) callOptions(req *agent.Request, tools []llms.Tool, called []string) []llms.CallOption {
	options := slices.Clone(l.options.CallOptions)
	if l.options.Model != "" {
		options = append(options, llms.WithModel(l.options.Model))
	}
	if l.options.Temperature != 0 {
		options = append(options, llms.WithTemperature(l.options.Temperature))
	}
	maxTokens := req.MaxTokens
	if maxTokens <= 0 {
		maxTokens = l.options.MaxTokens
	}
	if maxTokens > 0 {
		options = append(options, llms.WithMaxTokens(maxTokens))
	}
	switch {
	case len(tools) > 0:
		options = append(options, llms.WithTools(tools))
	case len(called) > 0:
		// Anthropic refuses a history with calls when no tools are defined.
		// These are defined and not to be used; what is called all the same
		// is dropped.
		options = append(options, llms.WithTools(pastTools(called)), llms.WithToolChoice("none"))
	}
	return append(options, oneWholeAnswer)
}

// oneWholeAnswer takes out what would break the merging of choices.
func oneWholeAnswer(o *llms.CallOptions) {
	o.StreamingFunc = nil
	o.StreamingReasoningFunc = nil
	// 0 stays: to some providers it means their own default.
	o.N = min(o.N, 1)
	o.CandidateCount = min(o.CandidateCount, 1)
}

// call asks the model and turns a panic into an error: a provider that trips
// over an odd answer must not take the process with it.
func (l *LLM) call(ctx context.Context, messages []llms.MessageContent, options []llms.CallOption) (content *llms.ContentResponse, err error) {
	defer func() {
		if v := recover(); v != nil {
			content, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return l.model.GenerateContent(ctx, messages, options...)
}
