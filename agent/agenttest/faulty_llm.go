package agenttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// LLMFault is something that goes wrong with one request.
type LLMFault string

// The faults of a FaultyLLM. Of the errors, those before the effect ask
// nobody, those after it ask the inner LLM and lose its answer, as a broken
// connection does: the tokens are spent and a script moves on.
const (
	// LLMFine is no fault.
	LLMFine LLMFault = ""
	// LLMErrorBefore and LLMErrorAfter are an error 5xx.
	LLMErrorBefore LLMFault = "error before"
	LLMErrorAfter  LLMFault = "error after"
	// LLMRateLimit is an error 429 that asks to wait for RetryAfter.
	LLMRateLimit LLMFault = "rate limit"
	// LLMBadRequest is an error 400: the request is refused for good.
	LLMBadRequest LLMFault = "bad request"
	// LLMBadKey is an error 401.
	LLMBadKey LLMFault = "bad key"
	// LLMFiltered is an error of a content filter.
	LLMFiltered LLMFault = "filtered"
	// LLMPlainError is an error that is no *agent.LLMError.
	LLMPlainError LLMFault = "plain error"
	// LLMTimeout and LLMTimeoutAfter wrap context.DeadlineExceeded. Nothing
	// waits: the time-out is reported, not spent.
	LLMTimeout      LLMFault = "timeout"
	LLMTimeoutAfter LLMFault = "timeout after"
	// LLMHangs waits until the context is done.
	LLMHangs LLMFault = "hangs"
	// LLMPanics panics, which the contract forbids.
	LLMPanics LLMFault = "panics"
	// LLMNothing returns neither a response nor an error, which the contract
	// forbids.
	LLMNothing LLMFault = "nothing"
	// LLMEmpty is an answer with neither text nor calls, LLMBlank one of
	// white space.
	LLMEmpty LLMFault = "empty"
	LLMBlank LLMFault = "blank"
	// LLMRefusal is an answer with StopRefuse.
	LLMRefusal LLMFault = "refusal"
	// LLMCutOff ends the inner LLM's answer halfway, with StopLength.
	LLMCutOff LLMFault = "cut off"
	// LLMCutCalls ends the arguments of the last call halfway and says
	// nothing of it.
	LLMCutCalls LLMFault = "cut calls"
	// LLMSameIDs gives all calls, of all answers, the same ID, LLMNoIDs none.
	LLMSameIDs LLMFault = "same IDs"
	LLMNoIDs   LLMFault = "no IDs"
	// LLMTwice repeats each call, ID and all.
	LLMTwice LLMFault = "twice"
	// LLMGarbage makes the arguments of each call something that is no JSON.
	LLMGarbage LLMFault = "garbage"
	// LLMDuplicateKeys gives each call's arguments a key twice, once in
	// capitals, and trailing data.
	LLMDuplicateKeys LLMFault = "duplicate keys"
	// LLMUnknownTool renames each call.
	LLMUnknownTool LLMFault = "unknown tool"
	// LLMToolText writes the answer's calls as JSON into its text.
	LLMToolText LLMFault = "tool text"
	// LLMHuge makes the text 200 kB long.
	LLMHuge LLMFault = "huge"
	// LLMInvalidText puts invalid UTF-8 and a NUL into the text.
	LLMInvalidText LLMFault = "invalid text"
	// LLMEndlessCalls answers with one more call of the first tool on offer,
	// different each time, and never comes to an end by itself.
	LLMEndlessCalls LLMFault = "endless calls"
)

// LLMFaults are all faults, in a fixed order.
func LLMFaults() []LLMFault {
	return []LLMFault{
		LLMErrorBefore, LLMErrorAfter, LLMRateLimit, LLMBadRequest, LLMBadKey, LLMFiltered, LLMPlainError,
		LLMTimeout, LLMTimeoutAfter, LLMHangs, LLMPanics, LLMNothing,
		LLMEmpty, LLMBlank, LLMRefusal, LLMCutOff, LLMCutCalls, LLMSameIDs, LLMNoIDs, LLMTwice,
		LLMGarbage, LLMDuplicateKeys, LLMUnknownTool, LLMToolText, LLMHuge, LLMInvalidText, LLMEndlessCalls,
	}
}

// LLMPlan says what goes wrong with the n-th request, counted from 0.
type LLMPlan func(n int) LLMFault

// LLMFaultsInOrder is the plan that gives the first requests these faults,
// LLMFine among them, and then none.
func LLMFaultsInOrder(faults ...LLMFault) LLMPlan {
	return func(n int) LLMFault {
		if n < len(faults) {
			return faults[n]
		}
		return LLMFine
	}
}

// LLMFaultAlways is the plan that gives each request this fault.
func LLMFaultAlways(fault LLMFault) LLMPlan {
	return func(int) LLMFault { return fault }
}

// LLMFaultsAtRandom is the plan that gives a request, with this probability,
// one of the faults. The same seed gives the same plan, whatever the order
// the requests come in. Without faults, all are taken that need no deadline
// and keep the contract.
func LLMFaultsAtRandom(seed uint64, probability float64, faults ...LLMFault) LLMPlan {
	if len(faults) == 0 {
		faults = slices.DeleteFunc(LLMFaults(), func(f LLMFault) bool {
			return f == LLMHangs || f == LLMPanics || f == LLMNothing
		})
	}
	faults = slices.Clone(faults)
	return func(n int) LLMFault {
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		if rng.Float64() >= probability {
			return LLMFine
		}
		return faults[rng.IntN(len(faults))]
	}
}

// FaultyLLM is an LLM that goes wrong by a plan. Requests without a fault are
// those of the inner LLM.
type FaultyLLM struct {
	// RetryAfter is what LLMRateLimit asks for. 0: it does not say.
	RetryAfter time.Duration

	inner agent.LLM
	plan  LLMPlan

	mu     sync.Mutex
	n      int
	faults []LLMFault
}

// NewFaultyLLM returns an LLM that goes wrong by the plan and is otherwise
// the inner one.
func NewFaultyLLM(inner agent.LLM, plan LLMPlan) *FaultyLLM {
	return &FaultyLLM{inner: inner, plan: plan}
}

// Faults returns what went wrong with each request so far.
func (l *FaultyLLM) Faults() []LLMFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.faults)
}

// Generate answers with the fault that the plan has for this request.
func (l *FaultyLLM) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("agenttest: LLM: %w", err)
	}
	l.mu.Lock()
	n := l.n
	l.n++
	fault := LLMFine
	if l.plan != nil {
		fault = l.plan(n)
	}
	l.faults = append(l.faults, fault)
	l.mu.Unlock()

	if resp, err, done := l.before(ctx, fault, n, req); done {
		return resp, err
	}
	resp, err := l.inner.Generate(ctx, req)
	switch fault {
	case LLMErrorAfter:
		return nil, errors.Join(faultError(agent.LLMTemporary, "HTTP 500, after the answer was made"), err)
	case LLMTimeoutAfter:
		return nil, timeoutError("the time was up after the answer was made")
	}
	if err != nil || resp == nil {
		return resp, err
	}
	return spoil(fault, n, *resp), nil
}

// before answers for the faults that do not ask the inner LLM.
func (l *FaultyLLM) before(ctx context.Context, fault LLMFault, n int, req *agent.Request) (*agent.Response, error, bool) {
	var resp *agent.Response
	var err error
	switch fault {
	case LLMErrorBefore:
		err = faultError(agent.LLMTemporary, "HTTP 503")
	case LLMRateLimit:
		err = &agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: l.RetryAfter, Err: errors.New("HTTP 429")}
	case LLMBadRequest:
		err = faultError(agent.LLMInvalid, "HTTP 400")
	case LLMBadKey:
		err = faultError(agent.LLMDenied, "HTTP 401")
	case LLMFiltered:
		err = faultError(agent.LLMRefused, "content filter")
	case LLMPlainError:
		err = errors.New("agenttest: connection reset by peer")
	case LLMTimeout:
		err = timeoutError("the time was up")
	case LLMHangs:
		<-ctx.Done()
		err = fmt.Errorf("agenttest: LLM: %w", ctx.Err())
	case LLMPanics:
		panic("agenttest: the LLM panics, as planned")
	case LLMNothing:
	case LLMEmpty:
		resp = &agent.Response{Stop: agent.StopEnd}
	case LLMBlank:
		resp = &agent.Response{Text: " \n\t\u200b ", Stop: agent.StopEnd}
	case LLMRefusal:
		resp = &agent.Response{Text: "I cannot help with that.", Stop: agent.StopRefuse}
	case LLMEndlessCalls:
		resp = endlessCall(n, req)
	default:
		return nil, nil, false
	}
	return resp, err, true
}

func faultError(kind agent.LLMErrorKind, text string) error {
	return &agent.LLMError{Kind: kind, Err: errors.New("agenttest: " + text + ", as planned")}
}

func timeoutError(text string) error {
	return &agent.LLMError{Kind: agent.LLMTemporary, Err: fmt.Errorf("agenttest: %s, as planned: %w", text, context.DeadlineExceeded)}
}

// endlessCall is one more call, with arguments of its own so that no guard
// against identical calls ends it.
func endlessCall(n int, req *agent.Request) *agent.Response {
	name := "more"
	if req != nil && len(req.Tools) > 0 {
		name = req.Tools[0].Name
	}
	return &agent.Response{
		Calls: []agent.ToolCall{{ID: fmt.Sprintf("endless_%d", n), Name: name, Arguments: fmt.Appendf(nil, `{"n":%d}`, n)}},
		Stop:  agent.StopCalls,
	}
}

// hugeText is 200 kB, of sentences with characters of several bytes.
var hugeText = sync.OnceValue(func() string {
	const sentence = "Ini jawaban yang sangat panjang — terus menerus. "
	return strings.Repeat(sentence, 200_000/len(sentence)+1)
})

// spoil returns the answer with the fault in it. Faults of calls leave an
// answer without calls as it is.
func spoil(fault LLMFault, n int, resp agent.Response) *agent.Response {
	resp.Calls = cloneCalls(resp.Calls)
	switch fault {
	case LLMCutOff:
		runes := []rune(resp.Text)
		resp.Text = string(runes[:len(runes)/2])
		resp.Calls = nil
		resp.Stop = agent.StopLength
	case LLMCutCalls:
		if last := len(resp.Calls) - 1; last >= 0 {
			a := resp.Calls[last].Arguments
			if len(a) == 0 {
				a = []byte("{}")
			}
			resp.Calls[last].Arguments = a[:(len(a)+1)/2]
		}
	case LLMTwice:
		resp.Calls = append(resp.Calls, cloneCalls(resp.Calls)...)
	case LLMToolText:
		resp = toolText(resp)
	case LLMHuge:
		resp.Text = hugeText()
	case LLMInvalidText:
		resp.Text += "\xff\x00\xed\xa0\x80"
	default:
		for i := range resp.Calls {
			spoilCall(fault, n, &resp.Calls[i])
		}
	}
	return &resp
}

func spoilCall(fault LLMFault, n int, call *agent.ToolCall) {
	switch fault {
	case LLMSameIDs:
		call.ID = "call_same"
	case LLMNoIDs:
		call.ID = ""
	case LLMGarbage:
		garbage := []string{`{"to": "Sales`, `to=Sales`, `[1,2`, `"text"`, `NaN`, "```json\n{}\n```", "\xff\xfe"}
		call.Arguments = []byte(garbage[n%len(garbage)])
	case LLMDuplicateKeys:
		call.Arguments = []byte(`{"to":"@Sales Team","TO":"@Support","to":"@Support"} trailing`)
	case LLMUnknownTool:
		call.Name = "drop_all_tables"
	}
}

// toolText moves the calls into the text, as models do that were not trained
// on tools.
func toolText(resp agent.Response) agent.Response {
	var b strings.Builder
	b.WriteString(resp.Text)
	for _, call := range resp.Calls {
		arguments := string(call.Arguments)
		if arguments == "" {
			arguments = "{}"
		}
		fmt.Fprintf(&b, "<tool_call>{\"name\": %q, \"arguments\": %s}</tool_call>", call.Name, arguments)
	}
	resp.Text, resp.Calls, resp.Stop = b.String(), nil, agent.StopEnd
	return resp
}
