package langchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// modelFunc is a function as a llms.Model.
type modelFunc func(ctx context.Context, messages []llms.MessageContent, options *llms.CallOptions) (*llms.ContentResponse, error)

func (f modelFunc) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var o llms.CallOptions
	for _, option := range options {
		option(&o)
	}
	return f(ctx, messages, &o)
}

func (f modelFunc) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, f, prompt, options...)
}

func choices(c ...*llms.ContentChoice) modelFunc {
	return func(context.Context, []llms.MessageContent, *llms.CallOptions) (*llms.ContentResponse, error) {
		return &llms.ContentResponse{Choices: c}, nil
	}
}

func failure(err error) modelFunc {
	return func(context.Context, []llms.MessageContent, *llms.CallOptions) (*llms.ContentResponse, error) {
		return nil, err
	}
}

func toolCall(id, name, arguments string) llms.ToolCall {
	return llms.ToolCall{ID: id, FunctionCall: &llms.FunctionCall{Name: name, Arguments: arguments}}
}

func TestMerge(t *testing.T) {
	end := agent.StopEnd
	call := func(id, name, arguments string) agent.ToolCall {
		return agent.ToolCall{ID: id, Name: name, Arguments: json.RawMessage(arguments)}
	}
	for _, tt := range []struct {
		name    string
		choices []*llms.ContentChoice
		want    agent.Response
	}{
		{"nothing", nil, agent.Response{Stop: end}},
		{"a nil choice", []*llms.ContentChoice{nil, {Content: "x"}}, agent.Response{Text: "x", Stop: end}},
		{"texts are joined", []*llms.ContentChoice{{Content: "one"}, {Content: " \n"}, {Content: "two"}}, agent.Response{Text: "one\n\ntwo", Stop: end}},
		{"calls are concatenated", []*llms.ContentChoice{
			{ToolCalls: []llms.ToolCall{toolCall("a", "x", `{}`)}},
			{Content: "text"},
			{ToolCalls: []llms.ToolCall{toolCall("b", "y", `{"n":1}`), toolCall("c", "z", `{}`)}},
		}, agent.Response{Text: "text", Calls: []agent.ToolCall{call("a", "x", `{}`), call("b", "y", `{"n":1}`), call("c", "z", `{}`)}, Stop: agent.StopCalls}},
		{"IDs are given, and not twice", []*llms.ContentChoice{{ToolCalls: []llms.ToolCall{toolCall("", "x", ""), toolCall("call00001", "y", "null"), toolCall("", "z", " ")}}},
			agent.Response{Calls: []agent.ToolCall{call("call00002", "x", `{}`), call("call00001", "y", `{}`), call("call00003", "z", `{}`)}, Stop: agent.StopCalls}},
		{"arguments stay as written", []*llms.ContentChoice{{ToolCalls: []llms.ToolCall{toolCall("a", "x", `{"n": 1, "N": 2} trailing`)}}},
			agent.Response{Calls: []agent.ToolCall{call("a", "x", `{"n": 1, "N": 2} trailing`)}, Stop: agent.StopCalls}},
		{"the old field for a call", []*llms.ContentChoice{{FuncCall: &llms.FunctionCall{Name: "x"}}},
			agent.Response{Calls: []agent.ToolCall{call("call00001", "x", `{}`)}, Stop: agent.StopCalls}},
		{"the old field beside the new", []*llms.ContentChoice{{FuncCall: &llms.FunctionCall{Name: "x"}, ToolCalls: []llms.ToolCall{toolCall("a", "x", "{}")}}},
			agent.Response{Calls: []agent.ToolCall{call("a", "x", `{}`)}, Stop: agent.StopCalls}},
		{"a call of nothing", []*llms.ContentChoice{{ToolCalls: []llms.ToolCall{{ID: "a"}}}}, agent.Response{Stop: end}},
		{"tool JSON as text", []*llms.ContentChoice{{Content: `{"name":"x","arguments":{}}`}}, agent.Response{Text: `{"name":"x","arguments":{}}`, Stop: end}},
		{"cut off in mid-call", []*llms.ContentChoice{{Content: "I look.", StopReason: "max_tokens"}, {StopReason: "max_tokens", ToolCalls: []llms.ToolCall{toolCall("a", "x", `{"n":`)}}},
			agent.Response{Text: "I look.", Stop: agent.StopLength}},
		{"refused in mid-call", []*llms.ContentChoice{{Content: "No", StopReason: "refusal"}, {StopReason: "length", ToolCalls: []llms.ToolCall{toolCall("a", "x", `{}`)}}},
			agent.Response{Text: "No", Stop: agent.StopRefuse}},
		{"reasoning is dropped", []*llms.ContentChoice{{Content: "<think>\nHm.\n</think>\n\nHello", ReasoningContent: "more"}, {Content: "<thinking>x</thinking>there <think>"}},
			agent.Response{Text: "Hello\n\nthere <think>", Stop: end}},
		{"reasoning without end", []*llms.ContentChoice{{Content: "<think>Hm. The contact", StopReason: "length"}}, agent.Response{Stop: agent.StopLength}},
		{"usage counts once", []*llms.ContentChoice{{Content: "a", GenerationInfo: map[string]any{"InputTokens": 10, "OutputTokens": 2}}, {Content: "b", GenerationInfo: map[string]any{"InputTokens": 10, "OutputTokens": 2}}},
			agent.Response{Text: "a\n\nb", Stop: end, Usage: agent.Usage{InputTokens: 10, OutputTokens: 2}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := New(choices(tt.choices...)).Generate(ctx, history())
			require.NoError(t, err)
			assert.Equal(t, tt.want, *resp)
		})
	}
	resp, err := New(modelFunc(func(context.Context, []llms.MessageContent, *llms.CallOptions) (*llms.ContentResponse, error) {
		return nil, nil
	})).Generate(ctx, history())
	require.NoError(t, err)
	assert.Equal(t, agent.Response{Stop: end}, *resp)
}

// Each provider has its own word for why it stopped.
func TestStopReasons(t *testing.T) {
	for reason, want := range map[string]agent.StopReason{
		"": agent.StopEnd, "stop": agent.StopEnd, "end_turn": agent.StopEnd, "tool_use": agent.StopEnd, "tool_calls": agent.StopEnd,
		"STOP": agent.StopEnd, "FinishReasonStop": agent.StopEnd, "stop_sequence": agent.StopEnd, "something new": agent.StopEnd,
		"length": agent.StopLength, "max_tokens": agent.StopLength, "MAX_TOKENS": agent.StopLength, "FinishReasonMaxTokens": agent.StopLength,
		"model_context_window_exceeded": agent.StopLength, "model_length": agent.StopLength,
		"content_filter": agent.StopRefuse, "refusal": agent.StopRefuse, "FinishReasonSafety": agent.StopRefuse, "RECITATION": agent.StopRefuse,
		"PROHIBITED_CONTENT": agent.StopRefuse, "content_filtered": agent.StopRefuse, "guardrail_intervened": agent.StopRefuse,
	} {
		assert.Equal(t, want, stopOf(reason), reason)
	}
}

// Each provider names and types its token counts in its own way.
func TestUsage(t *testing.T) {
	for name, info := range map[string]map[string]any{
		"openai":    {"PromptTokens": 30, "CompletionTokens": 4, "TotalTokens": 34},
		"anthropic": {"InputTokens": 10, "OutputTokens": 4, "CacheCreationInputTokens": 5, "CacheReadInputTokens": 15},
		"googleai":  {"input_tokens": int32(30), "output_tokens": int32(4), "PromptTokens": int32(30), "CompletionTokens": int32(4), "CacheReadInputTokens": int32(7)},
		"bedrock":   {"input_tokens": 30, "output_tokens": 4},
		"others":    {"prompt_tokens": float64(30), "completion_tokens": json.Number("4")},
		"64 bits":   {"InputTokens": int64(30), "OutputTokens": int64(4)},
	} {
		assert.Equal(t, agent.Usage{InputTokens: 30, OutputTokens: 4}, usageOf(info), name)
	}
	assert.Zero(t, usageOf(nil))
	assert.Zero(t, usageOf(map[string]any{"PromptTokens": "many", "CompletionTokens": json.Number("x")}))
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		err   error
		kind  agent.LLMErrorKind
		after time.Duration
	}{
		{errors.New("something else"), agent.LLMTemporary, 0},
		{io.ErrUnexpectedEOF, agent.LLMTemporary, 0},
		// A port is no status.
		{&url.Error{Op: "Post", URL: "http://127.0.0.1:40045/v1/messages", Err: io.EOF}, agent.LLMTemporary, 0},
		{errors.New(`send request: Post "http://127.0.0.1:40145/v1/messages": EOF`), agent.LLMTemporary, 0},
		{errors.New("dial tcp 127.0.0.1:42900: connection refused"), agent.LLMTemporary, 0},
		{errors.New("dial tcp [::1]:40100: connection reset"), agent.LLMTemporary, 0},
		{errors.New("read localhost:40301: connection reset"), agent.LLMTemporary, 0},
		{errors.New("read api.example.com:40301: connection reset"), agent.LLMTemporary, 0},
		{errors.New("googleapi: Error 429: Resource has been exhausted. Please retry in 39.5s."), agent.LLMRateLimited, 39500 * time.Millisecond},
		{errors.New("googleapi: Error 429: You exceeded your current quota, please check your plan and billing details. Please retry in 12s."), agent.LLMRateLimited, 12 * time.Second},
		{errors.New("googleapi: Error 400: API key not valid. Please pass a valid API key."), agent.LLMDenied, 0},
		{errors.New("operation error Bedrock Runtime: InvokeModel, https response error StatusCode: 503, RequestID: x"), agent.LLMTemporary, 0},
		{errors.New("status code: 408"), agent.LLMTemporary, 0},
		{errors.New("status: 422 unprocessable"), agent.LLMInvalid, 0},
		{errors.New("rate limit exceeded, retry after 2 minutes"), agent.LLMRateLimited, 2 * time.Minute},
		{errors.New("too many requests; try again in 1m2.5s"), agent.LLMRateLimited, time.Minute + 2500*time.Millisecond},
		{errors.New("too many requests; try again in 20 seconds"), agent.LLMRateLimited, 20 * time.Second},
		{errors.New("too many requests; try again in 250ms"), agent.LLMRateLimited, 250 * time.Millisecond},
		{errors.New("the maximum context length is 8192"), agent.LLMInvalid, 0},
		{errors.New("blocked: FinishReasonSafety"), agent.LLMRefused, 0},
		{fmt.Errorf("x: %w", llms.NewError(llms.ErrCodeRateLimit, "p", "slow down")), agent.LLMRateLimited, 0},
		{llms.NewError(llms.ErrCodeAuthentication, "p", "no"), agent.LLMDenied, 0},
		{llms.NewError(llms.ErrCodeQuotaExceeded, "p", "no"), agent.LLMDenied, 0},
		{llms.NewError(llms.ErrCodeTokenLimit, "p", "no"), agent.LLMInvalid, 0},
		{llms.NewError(llms.ErrCodeContentFilter, "p", "no"), agent.LLMRefused, 0},
		{llms.NewError(llms.ErrCodeProviderUnavailable, "p", "no"), agent.LLMTemporary, 0},
		// A model that is itself an adapter may classify; that is kept.
		{&agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: time.Hour}, agent.LLMRateLimited, time.Hour},
	} {
		_, err := New(failure(tt.err)).Generate(ctx, history())
		var le *agent.LLMError
		if assert.ErrorAs(t, err, &le) {
			assert.Equal(t, tt.kind, le.Kind, "%v", tt.err)
			assert.Equal(t, tt.after, le.RetryAfter, "%v", tt.err)
			assert.ErrorIs(t, err, tt.err)
		}
	}
}

// An answer that a provider makes an error of is an answer to the turn.
func TestAnswersInErrors(t *testing.T) {
	for text, want := range map[string]agent.StopReason{
		"no response":    agent.StopEnd,
		"empty response": agent.StopEnd,
		"no results":     agent.StopEnd,
		"completed due to max_tokens. Maybe try increasing max tokens": agent.StopLength,
		"completed due to refusal. Maybe try increasing max tokens":    agent.StopRefuse,
	} {
		resp, err := New(failure(fmt.Errorf("provider: failed: %w", errors.New(text)))).Generate(ctx, history())
		if assert.NoError(t, err) {
			assert.Equal(t, agent.Response{Stop: want}, *resp)
		}
	}
	_, err := New(failure(errors.New("no response from server"))).Generate(ctx, history())
	assert.Error(t, err)
}

func TestPanicIsAnError(t *testing.T) {
	model := modelFunc(func(context.Context, []llms.MessageContent, *llms.CallOptions) (*llms.ContentResponse, error) {
		var choices []string
		return nil, errors.New(choices[7])
	})
	_, err := New(model).Generate(ctx, history())
	var le *agent.LLMError
	require.ErrorAs(t, err, &le)
	assert.Equal(t, agent.LLMTemporary, le.Kind)
	var p *PanicError
	require.ErrorAs(t, err, &p)
	assert.Contains(t, string(p.Stack), "langchain_test.go")
	assert.NotContains(t, err.Error(), "langchain_test.go", "the stack is for the log")
}

func TestContextIsCheckedFirst(t *testing.T) {
	done, cancel := context.WithCancel(ctx)
	cancel()
	model := modelFunc(func(context.Context, []llms.MessageContent, *llms.CallOptions) (*llms.ContentResponse, error) {
		t.Error("the model was asked")
		return nil, nil
	})
	_, err := New(model).Generate(done, history())
	assert.ErrorIs(t, err, context.Canceled)
}

// A provider hides the context's error behind a text of its own; both are
// there.
func TestContextDoneMeanwhile(t *testing.T) {
	running, cancel := context.WithCancel(ctx)
	hidden := errors.New("request cancelled")
	_, err := New(modelFunc(func(context.Context, []llms.MessageContent, *llms.CallOptions) (*llms.ContentResponse, error) {
		cancel()
		return nil, hidden
	})).Generate(running, history())
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, hidden)
}

func TestBadUse(t *testing.T) {
	var nobody *LLM
	for name, tt := range map[string]struct {
		llm  *LLM
		req  *agent.Request
		kind agent.LLMErrorKind
		text string
	}{
		"no model":      {New(nil), history(), agent.LLMDenied, "give New a llms.Model"},
		"no LLM":        {nobody, history(), agent.LLMDenied, "give New a llms.Model"},
		"no request":    {New(choices()), nil, agent.LLMInvalid, "request is nil"},
		"no messages":   {New(choices()), &agent.Request{}, agent.LLMInvalid, "has no messages"},
		"unknown role":  {New(choices()), &agent.Request{Messages: []agent.ChatMessage{{Role: "wizard"}}}, agent.LLMInvalid, `message 0 has the role "wizard"`},
		"broken schema": {New(choices()), &agent.Request{Messages: history().Messages, Tools: []agent.Tool{{Name: "x", Schema: []byte("{")}}}, agent.LLMInvalid, `tool "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.llm.Generate(ctx, tt.req)
			var le *agent.LLMError
			require.ErrorAs(t, err, &le)
			assert.Equal(t, tt.kind, le.Kind)
			assert.ErrorContains(t, err, tt.text)
		})
	}
}

// What a tool is told and what its result says.
func TestRenderedTexts(t *testing.T) {
	messages, called, err := render(&agent.Request{
		System: " \n",
		Messages: []agent.ChatMessage{
			{Role: agent.RoleAssistant, Calls: []agent.ToolCall{{ID: "1", Name: "a"}, {ID: "2", Name: "b"}, {ID: "3", Name: "a"}}},
			{Role: agent.RoleTool, CallID: "1", Text: "not found", IsError: true},
			{Role: agent.RoleTool, CallID: "3", Text: "error: no", IsError: true},
			{Role: agent.RoleUser, Text: "a\xffb\x00c"},
		},
	})
	require.NoError(t, err)
	var got []string
	for _, m := range messages {
		require.Len(t, m.Parts, 1, "one part a message")
		switch p := m.Parts[0].(type) {
		case llms.TextContent:
			got = append(got, string(m.Role)+" "+p.Text)
		case llms.ToolCall:
			assert.Equal(t, "function", p.Type)
			got = append(got, string(m.Role)+" "+p.FunctionCall.Name+p.FunctionCall.Arguments)
		case llms.ToolCallResponse:
			got = append(got, string(m.Role)+" "+p.Content)
		}
	}
	assert.Equal(t, []string{
		"human (Earlier messages are not shown.)",
		"ai a{}", "tool Error: not found",
		"ai b{}", "tool Error: this call has no result.",
		"ai a{}", "tool error: no",
		"human a\uFFFDbc",
	}, got)
	assert.Equal(t, []string{"a", "b"}, called)
}

func TestOptionsAreCopied(t *testing.T) {
	options := []llms.CallOption{llms.WithSeed(1)}
	var seed int
	llm := NewWith(modelFunc(func(_ context.Context, _ []llms.MessageContent, o *llms.CallOptions) (*llms.ContentResponse, error) {
		seed = o.Seed
		return nil, nil
	}), Options{CallOptions: options})
	options[0] = llms.WithSeed(2)
	_, err := llm.Generate(ctx, history())
	require.NoError(t, err)
	assert.Equal(t, 1, seed)
}

func TestRetryAfterHeader(t *testing.T) {
	for _, tt := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, 0},
		{http.Header{"Retry-After": {"20"}}, 20 * time.Second},
		{http.Header{"Retry-After": {"0.5"}}, 500 * time.Millisecond},
		{http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"2"}}, 1500 * time.Millisecond},
		{http.Header{"Retry-After": {"-3"}}, 0},
		{http.Header{"Retry-After": {"soon"}}, 0},
		{http.Header{"Retry-After": {"NaN"}}, 0},
		{http.Header{"Retry-After": {"1e300"}}, 365 * 24 * time.Hour},
		{http.Header{"Retry-After": {"Inf"}}, 365 * 24 * time.Hour},
		{http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:30 GMT"}, "Date": {"Wed, 21 Oct 2026 07:28:00 GMT"}}, 30 * time.Second},
		{http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:00 GMT"}, "Date": {"Wed, 21 Oct 2026 07:28:30 GMT"}}, 0},
		{http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:30 GMT"}}, 0},
	} {
		assert.Equal(t, tt.want, retryAfterOf(tt.header), "%v", tt.header)
	}
	assert.Equal(t, 365*24*time.Hour, asDuration(math.MaxFloat64, time.Millisecond))
	assert.Zero(t, retryAfterIn("try again in "+strings.Repeat("9", 400)+"s"))
}

// A Transport over another one, and outside a Generate.
func TestTransport(t *testing.T) {
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {"7"}}, Body: http.NoBody}, nil
	})
	client := &http.Client{Transport: &Transport{Base: base}}
	get := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		return resp.Body.Close()
	}
	require.NoError(t, get(ctx))
	_, err := New(modelFunc(func(ctx context.Context, _ []llms.MessageContent, _ *llms.CallOptions) (*llms.ContentResponse, error) {
		return nil, errors.Join(errors.New("some text"), get(ctx))
	})).Generate(ctx, history())
	var le *agent.LLMError
	require.ErrorAs(t, err, &le)
	assert.Equal(t, agent.LLMTemporary, le.Kind)
	assert.Equal(t, 7*time.Second, le.RetryAfter)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
