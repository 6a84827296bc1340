package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// think asks the LLM and runs the calls it makes until it has a reply, a
// limit is reached or nothing more can be done.
func (r *run) think(ctx context.Context) (outcome, error) {
	for {
		if s := r.j.last(); s != nil && len(s.results) < len(s.answer.Calls) {
			failure, err := r.runCalls(ctx, s)
			if err != nil || failure != "" {
				return outcome{failure: failure}, err
			}
			continue
		}
		if s := r.j.last(); s != nil && len(s.answer.Calls) == 0 {
			return outcome{text: s.answer.Text}, nil
		}
		if r.j.rounds >= r.a.cfg.Limits.LLMCalls && !switches.Off(switches.Limits) {
			return outcome{failure: fmt.Sprintf("the turn took %d LLM calls without ending", r.j.rounds)}, nil
		}
		if !r.fresh {
			if err := r.refresh(ctx); err != nil {
				return outcome{}, err
			}
		}
		out, done, err := r.ask(ctx)
		if done || err != nil {
			return out, err
		}
	}
}

// ask makes one LLM call and records the answer. done is set when the turn
// cannot go on.
func (r *run) ask(ctx context.Context) (out outcome, done bool, err error) {
	now := r.m.now()
	if until, closed := r.a.gate.closed(now); closed {
		return out, true, &errRetry{at: until, cause: errors.New("the LLM asked for a pause")}
	}
	// The fence is checked and the lease renewed before each call that costs
	// money (protocol rule 4); the journal's rows go with it.
	if err := r.flush(ctx); err != nil {
		return out, true, err
	}
	req := r.request(ctx)
	r.typing(ctx)
	resp, err := r.generate(ctx, req)
	if err != nil {
		return r.llmFailed(ctx, err)
	}
	answer, useless := r.examine(resp, len(req.Tools) > 0)
	d := answerData{Response: answer, Dropped: useless, Sources: r.sources, Missing: r.missing}
	if err := r.j.add(EntryAnswer, r.m.now(), d); err != nil {
		return out, true, err
	}
	r.j.addAnswer(d)
	r.hint = ""
	if useless == "" {
		return out, false, nil
	}
	if r.j.dropped < 2 {
		r.hint = hint(useless)
		return out, false, nil
	}
	if r.useFallbackLLM() {
		return out, false, nil
	}
	return outcome{failure: "the LLM gave no usable answer: " + useless}, true, nil
}

// hint tells the LLM why its last answer was no use.
func hint(useless string) string {
	return "Your last answer was not used: " + useless + ". Answer again, with the text of your message to the contact or with calls."
}

// useFallbackLLM goes on with the fallback's LLM; false when there is none, or
// it is in use already.
func (r *run) useFallbackLLM() bool {
	f := r.a.cfg.Fallback.LLM
	if f == nil || r.llm == nil || r.onFallback {
		return false
	}
	// The failures say, after a pause or a crash, which LLM it is the turn of.
	r.llm, r.onFallback, r.j.dropped = f, true, 0
	r.task.Failures = max(r.task.Failures, r.a.cfg.Retry.Attempts)
	return true
}

// generate calls the LLM within its time, and turns a panic into an error.
func (r *run) generate(ctx context.Context, req *Request) (resp *Response, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.a.cfg.Timeouts.LLM)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, &LLMError{Kind: LLMTemporary, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	resp, err = r.llm.Generate(ctx, req)
	if err == nil && resp == nil {
		err = &LLMError{Kind: LLMTemporary, Err: errors.New("it returned neither an answer nor an error")}
	}
	return resp, err
}

// llmFailed decides what to do about a failed LLM call.
func (r *run) llmFailed(ctx context.Context, cause error) (out outcome, done bool, err error) {
	if ctx.Err() != nil {
		return out, true, ctx.Err() // the program is stopping, not the LLM failing
	}
	kind := LLMTemporary
	var le *LLMError
	if errors.As(cause, &le) {
		kind = le.Kind
	}
	r.m.log.Warn("LLM", "turn", r.task.TurnID, "kind", kind, "failures", r.task.Failures+1, "error", r.m.loggable(cause))
	now := r.m.now()
	r.j.rounds++
	switch kind {
	case LLMInvalid:
		// Asking the same again is no use. The turn's own steps may be what is
		// refused: they are dropped once; if that does not help the
		// conversation is poisoned.
		if len(r.j.steps) > 0 {
			return out, false, r.restart()
		}
		if r.useFallbackLLM() {
			return out, false, nil
		}
		return outcome{failure: "the LLM refuses the request: " + clip(cause.Error(), 200), poisoned: true}, true, nil
	case LLMDenied, LLMRefused:
		if r.useFallbackLLM() {
			return out, false, nil
		}
		return outcome{failure: "the LLM does not answer: " + clip(cause.Error(), 200)}, true, nil
	case LLMRateLimited:
		if le.RetryAfter > 0 {
			r.a.gate.pause(now, le.RetryAfter)
		}
	}
	attempts := r.a.cfg.Retry.Attempts
	if r.onFallback {
		attempts *= 2
	}
	if r.task.Failures+1 >= attempts {
		if r.useFallbackLLM() {
			return out, false, nil
		}
		return outcome{failure: fmt.Sprintf("the LLM failed %d times: %s", r.task.Failures+1, clip(cause.Error(), 200))}, true, nil
	}
	r.j.rounds, r.j.failed = r.j.rounds-1, r.j.failed+1
	if err := r.j.add(EntryFailure, now, struct{}{}); err != nil {
		return out, true, err
	}
	at := now.Add(r.m.backoff(r.task.Failures%r.a.cfg.Retry.Attempts + 1))
	if until, closed := r.a.gate.closed(at); closed {
		at = until
	}
	return out, true, &errRetry{at: at, counts: true, cause: fmt.Errorf("LLM: %s", clip(cause.Error(), 200))}
}

// examine cleans an answer and says why it is no use, if it is none.
func (r *run) examine(resp *Response, tools bool) (Response, string) {
	a := Response{Text: resp.Text, Calls: resp.Calls, Stop: resp.Stop, Usage: resp.Usage}
	drop := func(why string) (Response, string) {
		return Response{Usage: a.Usage, Stop: a.Stop}, why
	}
	switch {
	case a.Stop == StopRefuse:
		return drop("it was refused")
	case a.Stop == StopLength:
		return drop("it was cut off for its length")
	case len(a.Calls) > 0 && !tools:
		return drop("no action can be called now")
	case len(a.Calls) > 0:
		a.Text = clipBytes(cleanText(a.Text, r.a.cfg.Limits.ReplyBytes), r.a.cfg.Limits.ReplyBytes)
		if n := r.a.cfg.Limits.ActionCalls + 1; len(a.Calls) > n {
			a.Calls = a.Calls[:n] // one more than the limit: enough to run into it
		}
		// A copy: an LLM that gives the same answer twice is not to find it
		// changed.
		a.Calls = slices.Clone(a.Calls)
		for i := range a.Calls {
			a.Calls[i].Arguments = journalled(a.Calls[i].Arguments)
		}
		return a, ""
	case len(a.Text) > r.a.cfg.Limits.ReplyBytes:
		return drop(fmt.Sprintf("it is longer than %d bytes", r.a.cfg.Limits.ReplyBytes))
	}
	a.Text = cleanText(a.Text, r.a.cfg.Limits.ReplyBytes)
	if invisible(a.Text) {
		a.Text = ""
		if s := r.j.stage(); s.moves() {
			return a, "" // whoever has it next will write, or it is closed
		}
		return drop("it is empty")
	}
	if why := r.unsendable(a.Text); why != "" {
		return drop(why)
	}
	if hook := r.a.cfg.Outgoing; hook != nil {
		text, err := applyHook(hook, a.Text)
		if text = cleanText(text, r.a.cfg.Limits.ReplyBytes); err != nil || invisible(text) {
			return drop("a rule for outgoing texts forbids it")
		}
		a.Text = text
	}
	return a, ""
}

// unsendable says why a text must not reach a contact.
func (r *run) unsendable(text string) string {
	switch {
	case switches.Off(switches.Unsendable):
	case r.a.callAsText(text):
		return "it is an action call written as text"
	case r.leaks(text):
		return "it shows the instructions"
	}
	return ""
}

func applyHook(hook func(string) (string, error), text string) (out string, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = "", fmt.Errorf("agent: Outgoing: panic: %v", p)
		}
	}()
	return hook(text)
}

// journalled makes arguments fit for a JSON journal: what is no JSON is kept
// as a JSON string, so that it is refused by the same rule after a crash.
func journalled(args json.RawMessage) json.RawMessage {
	if len(args) == 0 {
		return json.RawMessage(`{}`)
	}
	if len(args) > 128<<10 {
		args = args[:128<<10]
	}
	if json.Valid(args) && utf8.Valid(args) {
		return args
	}
	b, err := json.Marshal(cleanText(string(args), len(args)))
	if err != nil {
		return json.RawMessage(`""`)
	}
	return b
}

// runCalls runs the calls of an answer that have no result yet, in their
// order. A failure ends the turn.
func (r *run) runCalls(ctx context.Context, s *step) (failure string, err error) {
	for len(s.results) < len(s.answer.Calls) {
		i := len(s.results)
		res, failure, err := r.runCall(ctx, s, i)
		if err != nil {
			return "", err
		}
		res.Call.Detail = clipBytes(res.Call.Detail, r.a.cfg.Limits.ResultBytes)
		if err := r.j.add(EntryResult, r.m.now(), res); err != nil {
			return "", err
		}
		s.results = append(s.results, res)
		s.started = nil
		r.fresh = false
		if failure != "" {
			return failure, nil
		}
	}
	return "", nil
}

// runCall runs the i-th call of an answer, or says why not.
func (r *run) runCall(ctx context.Context, s *step, i int) (res resultData, failure string, err error) {
	call := s.answer.Calls[i]
	id := fmt.Sprintf("%s/%d/%d", r.task.TurnID, r.j.past+len(r.j.steps), i+1)
	if switches.Off(switches.Keys) {
		id = call.ID
	}
	res.Call = CallRecord{ID: id, Name: clip(call.Name, 64), Arguments: call.Arguments}
	refuse := func(outcome CallOutcome, detail string) (resultData, string, error) {
		res.Call.Outcome, res.Call.Detail = outcome, detail
		return res, r.errorBudget(s, res.Call), nil
	}
	if s.started != nil && !switches.Off(switches.AtMostOnce) {
		// It was in order when it was begun, whatever is enabled by now.
		res = begun(*s.started)
		return res, r.errorBudget(s, res.Call), nil
	}
	if failure := r.guard(s, call); failure != "" {
		res.Call.Outcome, res.Call.Detail = CallRefused, failure
		return res, failure, nil
	}
	for k := range s.results {
		switch s.results[k].Call.Outcome {
		case CallDone:
		case CallPending:
			return refuse(CallSkipped, "not run: an earlier call waits for approval")
		default:
			return refuse(CallSkipped, "not run: an earlier call of the same answer was not done; call it again if it is still right")
		}
		if first := s.answer.Calls[k]; call.ID != "" && first.ID == call.ID {
			if first.Name == call.Name && bytes.Equal(first.Arguments, call.Arguments) {
				res.Call.Outcome, res.Call.Detail = CallDone, "the same call as before: it was run once"
				return res, "", nil
			}
			return refuse(CallRefused, "not run: another call of this answer has the same ID")
		}
	}
	t := r.a.byName[call.Name]
	if t == nil {
		return refuse(CallRefused, "there is no such action: use one of "+strings.Join(r.a.toolNames(), ", "))
	}
	if r.leaksIn(call.Arguments) {
		return refuse(CallRefused, "not run: the instructions are not shown to anybody, actions among them")
	}
	args, cerr := t.checker.Check(call.Arguments)
	if cerr != nil && switches.Off(switches.Schemas) {
		args, cerr = call.Arguments, nil
	}
	if cerr != nil {
		return refuse(CallRefused, strings.TrimPrefix(cerr.Error(), "actions: "))
	}
	res.Call.Arguments = args
	if t.action.NeedsApproval && !switches.Off(switches.Approvals) {
		res.Call.Outcome, res.Call.Detail = CallPending, "pending: a person has to approve it; tell the contact that it is being looked at"
		return res, "", nil
	}
	if err := r.owns(ctx, t); err != nil {
		return res, "", err
	}
	return r.perform(ctx, t, res, refuse)
}

// ranInVain begins what the LLM is told of an action that was run outside, and
// asks for a change that cannot be: it must not read as if nothing was done.
const ranInVain = "it ran, but what it wants changed cannot be: "

// perform runs an action whose call is in order, and checks what it wants
// changed.
func (r *run) perform(ctx context.Context, t *tool, res resultData, refuse func(CallOutcome, string) (resultData, string, error)) (resultData, string, error) {
	if !t.action.Builtin {
		res.Outside = true
		if t.action.Delivery == actions.AtMostOnce {
			if err := r.j.add(EntryCallStart, r.m.now(), callStartData{res.Call}); err != nil {
				return res, "", err
			}
		}
		// The answer is recorded before its calls run (protocol rule 2).
		if len(r.j.rows) > 0 {
			if err := r.flush(ctx); err != nil {
				return res, "", err
			}
		}
	}
	result, err := r.runAction(ctx, t.action, res.Call)
	if err != nil {
		if ctx.Err() != nil {
			return res, "", ctx.Err()
		}
		if t.action.Builtin { // it only reads its arguments: they are at fault
			return refuse(CallRefused, strings.ReplaceAll(clip(err.Error(), 500), "actions: ", ""))
		}
		r.m.log.Warn("action", "turn", r.task.TurnID, "action", t.action.Name, "call", res.Call.ID, "error", r.m.loggable(err))
		res.Call.Outcome, res.Call.Detail = CallFailed, "it failed: "+clip(err.Error(), 500)
		if t.action.Delivery == actions.AtMostOnce && errors.Is(err, context.DeadlineExceeded) {
			// As after a crash: it may have been done, and who is told that it
			// failed does it again (S6.8).
			res.Call.Outcome, res.Call.Detail = CallUnknown, "it ran out of its time: whether it was done is not known"
		}
		return res, r.errorBudget(r.j.last(), res.Call), nil
	}
	content := result.Content
	result.Content = ""
	if t.action.Builtin {
		if result, err = r.a.plain(result); err != nil {
			return refuse(CallRefused, err.Error())
		}
	}
	checked, err := r.a.rules.check(result, t.action.Builtin)
	if err != nil {
		if t.action.Builtin {
			return refuse(CallRefused, err.Error())
		}
		return refuse(CallFailed, ranInVain+err.Error())
	}
	if checked.Assign != nil {
		note, why, failure := r.checkAssign(ctx, checked.Assign)
		if why != "" {
			res.Call.Outcome, res.Call.Detail = CallRefused, why
			if !t.action.Builtin {
				res.Call.Outcome, res.Call.Detail = CallFailed, ranInVain+why
			}
			if failure != "" {
				return res, failure, nil
			}
			return res, r.errorBudget(r.j.last(), res.Call), nil
		}
		if t.action.Builtin {
			content = ""
		}
		content = strings.TrimSpace(content + " " + note)
	}
	if content = cleanText(content, r.a.cfg.Limits.ResultBytes); content == "" {
		content = "done"
	}
	res.Result = &checked
	res.Call.Outcome, res.Call.Detail = CallDone, content
	return res, "", nil
}

// runAction calls an action's Run. A panic is a failed call; its stack goes to
// the log only.
func (r *run) runAction(ctx context.Context, a actions.Action, rec CallRecord) (result actions.Result, err error) {
	call := actions.Call{
		ID: rec.ID, Key: rec.ID, Name: rec.Name, Arguments: rec.Arguments, Agent: r.a.cfg.Name, Now: r.m.now(),
		Contact: *r.view.Contact, Conversation: *r.view.Conversation,
	}
	if !a.Builtin {
		s := r.j.stage()
		call.Contact, _ = s.applyContact(call.Contact)
		timeout := a.Timeout
		if timeout <= 0 {
			timeout = r.a.cfg.Timeouts.Action
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			r.m.log.Error("action panicked", "turn", r.task.TurnID, "action", a.Name, "panic", r.m.loggablePanic(p), "stack", string(debug.Stack()))
			result, err = actions.Result{}, errors.New("internal error")
		}
	}()
	return a.Run(ctx, call)
}

// checkAssign looks at an assignment before it is staged: it tells the LLM
// who may get the conversation, or why it cannot be (S5.6, S9.3). A failure
// ends the turn.
func (r *run) checkAssign(ctx context.Context, as *actions.Assignment) (note, refusal, failure string) {
	t := as.Target
	if t.Kind == frontdesk.TargetAIAgent {
		if t.ID == r.a.id {
			return "", "the conversation is yours already", ""
		}
		if r.m.byID[t.ID] == nil { // a custom action named it: NewMux saw to all others
			return "", "AI agent " + quote(t.Name) + " is not running here: assign to somebody else", ""
		}
		chain := r.task.Trigger.Agents
		if switches.Off(switches.Handoffs) {
			chain = nil
		}
		if len(chain) >= r.a.cfg.Limits.Handoffs {
			why := fmt.Sprintf("the conversation was handed over %d times since the contact wrote", len(chain))
			return "", why, why
		}
		for _, id := range chain {
			if id == t.ID {
				why := "that AI agent had the conversation since the contact wrote"
				return "", why, why
			}
		}
		return "it will be handed over to AI agent " + quote(t.Name) + " when this turn ends, which then answers", "", ""
	}
	if t.Kind == frontdesk.TargetNobody {
		return "it will be unassigned when this turn ends and wait for a human", "", ""
	}
	d, err := r.m.choose(ctx, t, as.Method, r.a.cfg.Fallback.Assign)
	if err != nil {
		r.m.log.Warn("routing", "turn", r.task.TurnID, "target", t.String(), "error", err)
	}
	switch {
	case err == nil && d.fellBack && d.nobody:
		return "nobody of " + t.Label() + " is available now: the conversation will be unassigned when this turn ends and wait for a human", "", ""
	case err == nil && d.fellBack:
		return "nobody of " + t.Label() + " is available now: the conversation will go to " + d.target.Label() + " when this turn ends", "", ""
	}
	return "it will be assigned to " + t.Label() + " when this turn ends", "", ""
}

// guard bounds what a turn may call (S6.10).
func (r *run) guard(s *step, call ToolCall) string {
	total, same := len(r.j.carried), 0
	for i := range r.j.steps {
		st := &r.j.steps[i]
		for k := range st.results {
			total++
			if c := st.answer.Calls[k]; c.Name == call.Name && bytes.Equal(c.Arguments, call.Arguments) {
				same++
			}
		}
	}
	switch l := r.a.cfg.Limits; {
	case switches.Off(switches.Limits):
	case total >= l.ActionCalls:
		return fmt.Sprintf("the turn made more than %d action calls", l.ActionCalls)
	case same >= l.IdenticalCalls:
		return fmt.Sprintf("the turn made the same call more than %d times", l.IdenticalCalls)
	}
	return ""
}

// errorBudget ends a turn in which one action fails again and again.
func (r *run) errorBudget(_ *step, c CallRecord) string {
	n := 1
	for _, old := range r.j.calls() {
		if old.Name == c.Name && old.Outcome != CallDone && old.Outcome != CallPending && old.Outcome != CallSkipped {
			n++
		}
	}
	if c.Outcome != CallSkipped && n > r.a.cfg.Limits.ErrorsPerAction {
		return fmt.Sprintf("action %s failed or was refused %d times", c.Name, n)
	}
	return ""
}

func (a *Agent) toolNames() []string {
	names := make([]string, len(a.tools))
	for i, t := range a.tools {
		names[i] = t.Name
	}
	return names
}

// typing shows the contact that an answer is being written, where the channel
// can.
func (r *run) typing(ctx context.Context) {
	t, ok := r.a.cfg.Channel.(Typer)
	if !ok || r.task.Kind != TaskTurn {
		return
	}
	conv := r.view.Conversation
	ctx, cancel := context.WithTimeout(ctx, r.a.cfg.Timeouts.Presence)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.m.log.Warn("typing panicked", "conversation", conv.ID, "panic", r.m.loggablePanic(p))
		}
	}()
	if err := t.Typing(ctx, conv.Channel, r.view.Contact.Address(conv.Channel)); err != nil {
		r.m.log.Debug("typing", "conversation", conv.ID, "error", r.m.loggable(err))
	}
}
