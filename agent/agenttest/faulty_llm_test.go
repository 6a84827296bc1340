package agenttest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// soon is a context whose deadline comes when somebody waits for it, and not
// before, however slow the machine is.
type soon struct {
	context.Context
	done chan struct{}
	once sync.Once
}

func (s *soon) Done() <-chan struct{} {
	s.once.Do(func() { close(s.done) })
	return s.done
}

func (s *soon) Err() error {
	select {
	case <-s.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// withFault asks once, with a call and a text as the inner answer.
func withFault(t *testing.T, fault LLMFault) (*agent.Response, *ScriptedLLM, error) {
	t.Helper()
	inner := Script(nil, Raw(agent.Response{Text: "Hello there", Calls: []agent.ToolCall{Call("a", `{"n":1}`), Call("b", nil)}, Stop: agent.StopCalls}).Times(-1))
	llm := NewFaultyLLM(inner, LLMFaultAlways(fault))
	llm.RetryAfter = 3 * time.Second
	req := ask("hi")
	req.Tools = []agent.Tool{{Name: "assign"}}
	resp, err := llm.Generate(&soon{Context: context.Background(), done: make(chan struct{})}, req)
	assert.Equal(t, []LLMFault{fault}, llm.Faults())
	return resp, inner, err
}

func TestFaultyLLMErrors(t *testing.T) {
	for _, tt := range []struct {
		fault LLMFault
		kind  agent.LLMErrorKind // empty: no LLMError
		asked int
	}{
		{LLMErrorBefore, agent.LLMTemporary, 0},
		{LLMErrorAfter, agent.LLMTemporary, 1},
		{LLMRateLimit, agent.LLMRateLimited, 0},
		{LLMBadRequest, agent.LLMInvalid, 0},
		{LLMBadKey, agent.LLMDenied, 0},
		{LLMFiltered, agent.LLMRefused, 0},
		{LLMPlainError, "", 0},
		{LLMTimeout, agent.LLMTemporary, 0},
		{LLMTimeoutAfter, agent.LLMTemporary, 1},
		{LLMHangs, "", 0},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			resp, inner, err := withFault(t, tt.fault)
			assert.Nil(t, resp)
			require.Error(t, err)
			var le *agent.LLMError
			if tt.kind == "" {
				assert.NotErrorAs(t, err, &le)
			} else if assert.ErrorAs(t, err, &le) {
				assert.Equal(t, tt.kind, le.Kind)
			}
			assert.Equal(t, tt.asked, inner.Count(), "requests of the inner LLM")
			switch tt.fault {
			case LLMRateLimit:
				assert.Equal(t, 3*time.Second, le.RetryAfter)
			case LLMTimeout, LLMTimeoutAfter, LLMHangs:
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			}
		})
	}
}

func TestFaultyLLMAnswers(t *testing.T) {
	for fault, check := range map[LLMFault]func(t *testing.T, r *agent.Response){
		LLMFine: func(t *testing.T, r *agent.Response) {
			assert.Equal(t, "Hello there", r.Text)
			assert.Len(t, r.Calls, 2)
		},
		LLMEmpty: func(t *testing.T, r *agent.Response) { assert.Equal(t, agent.Response{Stop: agent.StopEnd}, *r) },
		LLMBlank: func(t *testing.T, r *agent.Response) { assert.NotEmpty(t, r.Text); assert.Empty(t, r.Calls) },
		LLMRefusal: func(t *testing.T, r *agent.Response) {
			assert.Equal(t, agent.StopRefuse, r.Stop)
		},
		LLMCutOff: func(t *testing.T, r *agent.Response) {
			assert.Equal(t, agent.Response{Text: "Hello", Stop: agent.StopLength}, *r)
		},
		LLMCutCalls: func(t *testing.T, r *agent.Response) {
			assert.Equal(t, `{"n":1}`, string(r.Calls[0].Arguments))
			assert.Equal(t, `{`, string(r.Calls[1].Arguments))
			assert.Equal(t, agent.StopCalls, r.Stop)
		},
		LLMSameIDs: func(t *testing.T, r *agent.Response) { assert.Equal(t, r.Calls[0].ID, r.Calls[1].ID) },
		LLMNoIDs:   func(t *testing.T, r *agent.Response) { assert.Empty(t, r.Calls[0].ID+r.Calls[1].ID) },
		LLMTwice: func(t *testing.T, r *agent.Response) {
			require.Len(t, r.Calls, 4)
			assert.Equal(t, r.Calls[0], r.Calls[2])
		},
		LLMGarbage: func(t *testing.T, r *agent.Response) {
			assert.False(t, json.Valid(r.Calls[0].Arguments))
		},
		LLMDuplicateKeys: func(t *testing.T, r *agent.Response) {
			assert.Contains(t, string(r.Calls[0].Arguments), "TO")
		},
		LLMUnknownTool: func(t *testing.T, r *agent.Response) { assert.Equal(t, "drop_all_tables", r.Calls[0].Name) },
		LLMToolText: func(t *testing.T, r *agent.Response) {
			assert.Empty(t, r.Calls)
			assert.Equal(t, agent.StopEnd, r.Stop)
			assert.Contains(t, r.Text, `<tool_call>{"name": "a", "arguments": {"n":1}}</tool_call>`)
		},
		LLMHuge: func(t *testing.T, r *agent.Response) {
			assert.GreaterOrEqual(t, len(r.Text), 200_000)
			assert.True(t, utf8.ValidString(r.Text))
		},
		LLMInvalidText: func(t *testing.T, r *agent.Response) {
			assert.False(t, utf8.ValidString(r.Text))
			assert.True(t, strings.ContainsRune(r.Text, 0))
		},
		LLMEndlessCalls: func(t *testing.T, r *agent.Response) {
			require.Len(t, r.Calls, 1)
			assert.Equal(t, "assign", r.Calls[0].Name)
		},
	} {
		t.Run(string(fault), func(t *testing.T) {
			r, _, err := withFault(t, fault)
			require.NoError(t, err)
			require.NotNil(t, r)
			check(t, r)
		})
	}
}

func TestFaultyLLMBreaksTheContract(t *testing.T) {
	r, _, err := withFault(t, LLMNothing)
	assert.Nil(t, r)
	assert.NoError(t, err)
	assert.Panics(t, func() {
		_, err := NewFaultyLLM(Script(nil), LLMFaultAlways(LLMPanics)).Generate(context.Background(), ask("x"))
		assert.NoError(t, err)
	})
}

func TestFaultyLLMPlans(t *testing.T) {
	llm := NewFaultyLLM(Script(t, Say("a").Times(2)), LLMFaultsInOrder(LLMErrorBefore, LLMFine, LLMTimeout))
	var errs []bool
	for range 4 {
		_, err := llm.Generate(context.Background(), ask("x"))
		errs = append(errs, err != nil)
	}
	assert.Equal(t, []bool{true, false, true, false}, errs)

	one, other := LLMFaultsAtRandom(7, 0.5), LLMFaultsAtRandom(8, 0.5)
	again := LLMFaultsAtRandom(7, 0.5)
	fine, differs := 0, false
	for n := range 1000 {
		fault := one(n)
		assert.Equal(t, fault, again(n), "same seed, same plan")
		differs = differs || fault != other(n)
		if fault == LLMFine {
			fine++
		}
		assert.NotContains(t, []LLMFault{LLMHangs, LLMPanics, LLMNothing}, fault)
	}
	assert.True(t, differs)
	assert.InDelta(t, 500, fine, 60)
	assert.Equal(t, LLMTwice, LLMFaultsAtRandom(1, 1, LLMTwice)(3))
	assert.Len(t, LLMFaults(), 27)
}

func TestFaultyLLMEndlessCallsDiffer(t *testing.T) {
	llm := NewFaultyLLM(Script(nil), LLMFaultAlways(LLMEndlessCalls))
	a, err := llm.Generate(context.Background(), ask("x"))
	require.NoError(t, err)
	b, err := llm.Generate(context.Background(), ask("x"))
	require.NoError(t, err)
	assert.NotEqual(t, a.Calls[0].Arguments, b.Calls[0].Arguments)
	assert.NotEqual(t, a.Calls[0].ID, b.Calls[0].ID)
}

func TestFaultyLLMWithoutAPlanIsTheInnerOne(t *testing.T) {
	TestLLM(t, func(*testing.T) LLMHarness {
		b := &backend{}
		return LLMHarness{LLM: NewFaultyLLM(b, nil), Answer: b.tell}
	})
}

// What a script is told must not be changed by a fault of an earlier play.
func TestFaultyLLMDoesNotTouchTheInnerAnswer(t *testing.T) {
	kept := &agent.Response{Calls: []agent.ToolCall{Call("a", `{"n":1}`)}}
	llm := NewFaultyLLM(LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) { return kept, nil }), LLMFaultAlways(LLMUnknownTool))
	_, err := llm.Generate(context.Background(), ask("x"))
	require.NoError(t, err)
	assert.Equal(t, "a", kept.Calls[0].Name)
}

func ExampleNewFaultyLLM() {
	llm := NewFaultyLLM(
		Script(nil, Say("Hello!").Times(-1)),
		LLMFaultsInOrder(LLMRateLimit, LLMFine, LLMCutOff),
	)
	llm.RetryAfter = 20 * time.Second
	for range 3 {
		r, err := llm.Generate(context.Background(), ask("Hi"))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%q %s\n", r.Text, r.Stop)
	}
	// Output:
	// agent: LLM: rate_limited: HTTP 429
	// "Hello!" end
	// "Hel" length
}
