package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// ladderStep is a step of a ladder that is being done.
type ladderStep struct {
	state   followup.State
	step    followup.Step
	texts   []string
	results []resultData
	// outside are the custom actions, which are run after the texts are there.
	outside []resultData
}

// runFollowUp does the next step of a ladder, if it may still be done (S8.3).
func (m *Mux) runFollowUp(ctx context.Context, t ClaimedTask) (*Turn, error) {
	r, err := m.newRun(ctx, t)
	if err != nil {
		return nil, err
	}
	if r.view.Conversation == nil {
		return nil, nil // deleted, and the task with it
	}
	now := r.view.Task(TaskFollowUp)
	if now == nil || now.TurnID != t.TurnID || now.Ladder == nil || now.Due.After(r.now) {
		return nil, m.release(ctx, t)
	}
	r.task.Task = *now
	step, index, ok := now.Ladder.Next()
	r.task.Trigger.Step = index
	a, why := r.ladderAgent(now.Ladder)
	if !ok {
		why = "no step is left"
	}
	if r.task.Attempts > m.cfg.Limits.Attempts {
		why = fmt.Sprintf("it did not get on in %d attempts", m.cfg.Limits.Attempts)
	}
	if why != "" {
		return r.cancelStep(ctx, why)
	}
	if later := m.followUpDue(r.view.Conversation, r.now); later.After(r.now) {
		return nil, m.delayStep(ctx, r, *now, later)
	}
	if err := r.begin(a); err != nil {
		return r.cancelStep(ctx, "the conversation was closed, assigned or taken over")
	}
	r.ladder = &ladderStep{state: *now.Ladder, step: step}
	if why := r.checkActions(ctx); why != "" {
		return r.cancelStep(ctx, why)
	}
	// The outside actions come last: the contact may write while the LLM does,
	// and then nothing of the step is done.
	if err = r.stepTexts(ctx); err == nil {
		err = r.outsideActions(ctx)
	}
	if err == nil {
		var turn *Turn
		if turn, err = r.commit(ctx, outcome{}); err == nil {
			return turn, nil
		}
	}
	if errors.Is(err, errDropped) {
		var turn *Turn
		turn, err = r.cancelStep(ctx, "the contact answered, or the conversation went elsewhere")
		return turn, r.keep(ctx, err)
	}
	return nil, r.keep(ctx, err)
}

// ladderAgent returns the agent whose ladder it is, or why the ladder ends
// here (S8.4, protocol rule 7).
func (r *run) ladderAgent(s *followup.State) (*Agent, string) {
	conv := r.view.Conversation
	a := r.m.agentOf(conv)
	switch {
	case conv.Status != frontdesk.Open:
		return nil, "the conversation is closed"
	case conv.OptedOut:
		return nil, "the contact opted out"
	case len(r.view.Waiting) > 0:
		return nil, "the contact answered"
	case a == nil || a.id != s.Agent:
		return nil, "the agent no longer has the conversation"
	case s.Epoch != conv.Epoch:
		return nil, "the conversation was closed, assigned or taken over"
	}
	if n := a.cfg.FollowUps.MaxUnanswered; n > 0 && conv.Unanswered >= n {
		return nil, fmt.Sprintf("%d messages stand unanswered", conv.Unanswered)
	}
	return a, ""
}

// delayStep puts a step off to the end of the quiet hours.
func (m *Mux) delayStep(ctx context.Context, r *run, t Task, due time.Time) error {
	t.Due, t.Attempts = due, 0
	err := m.store.Commit(ctx, Commit{Fence: &r.task.Fence, Release: true, Conversation: clone(r.view.Conversation), Put: []Task{t}})
	if errors.Is(err, ErrConflict) {
		return m.release(ctx, r.task) // it is still due and will be claimed again
	}
	return err
}

// cancelStep ends a ladder whose step may not be done, and records why (I12).
func (r *run) cancelStep(ctx context.Context, why string) (*Turn, error) {
	turn := r.record(outcome{failure: why})
	turn.Exit = ExitCancelled
	for range conflictLimit {
		view, err := r.m.store.Load(ctx, Query{ConversationID: r.task.ConversationID, Tasks: true, TurnID: r.task.TurnID})
		if err != nil {
			return nil, fmt.Errorf("agent: load conversation: %w", err)
		}
		if view.Conversation == nil {
			return nil, nil
		}
		if done := view.Turn; done != nil {
			if done.Exit != ExitCancelled || len(done.Calls) > 0 || len(turn.Calls) == 0 {
				return done, r.m.release(ctx, r.task) // its own commit came through
			}
			// Whoever ended the ladder did not know what the step had done
			// outside by then: the record keeps it (S7.4, S7.8).
			turn.Failure = done.Failure
		}
		c := Commit{Fence: &r.task.Fence, Release: true, Conversation: clone(view.Conversation), Turns: []Turn{*turn}, Journal: r.j.rows}
		if t := view.Task(TaskFollowUp); t != nil && t.TurnID == r.task.TurnID {
			c.Delete = []TaskKind{TaskFollowUp}
		}
		if err := r.m.store.Commit(ctx, c); !errors.Is(err, ErrConflict) {
			return turn, err
		}
	}
	return nil, errNoProgress
}

// checkActions turns the built-in actions of a step into checked changes and
// sees that its custom ones can be run. It returns why the step must be
// cancelled when something it names is gone (protocol rule 7). Actions of a
// step need no LLM (S8.8).
func (r *run) checkActions(ctx context.Context) (why string) {
	for i, act := range r.ladder.step.Actions {
		name, res := ladderResult(act)
		t := r.a.byName[name]
		if t == nil {
			return "action " + clip(name, 60) + " is no longer enabled"
		}
		var err error
		gone := func(err error) string { return "action " + name + " is no longer possible: " + err.Error() }
		rec := CallRecord{ID: r.stepCallID(i), Name: name, Arguments: act.Args, Outcome: CallDone, Detail: "done"}
		if !t.action.Builtin {
			if rec.Arguments, err = t.checker.Check(act.Args); err != nil {
				return gone(err)
			}
			if t.action.NeedsApproval {
				r.ladder.waits(rec)
				continue
			}
			r.ladder.outside = append(r.ladder.outside, resultData{Call: rec, Outside: true})
			continue
		}
		r.expandResult(&res)
		checked, err := r.a.rules.check(res, false)
		if err != nil {
			return gone(err)
		}
		if as := checked.Assign; as != nil && as.Target.Kind == frontdesk.TargetAIAgent {
			if _, refusal, _ := r.checkAssign(ctx, as); refusal != "" {
				return gone(errors.New(refusal))
			}
		}
		if args := callArguments(checked); t.action.NeedsApproval && args != nil {
			if rec.Arguments, err = json.Marshal(args); err != nil {
				return gone(err)
			}
			r.ladder.waits(rec)
			continue
		}
		if rec.Arguments, err = json.Marshal(act); err != nil {
			return gone(err)
		}
		r.ladder.results = append(r.ladder.results, resultData{Call: rec, Result: &checked})
	}
	return ""
}

// expandResult replaces the variables in what a step writes down (S4.3).
func (r *run) expandResult(res *actions.Result) {
	env := r.env()
	expand := func(text string) string {
		text, missing := variables.Parse(text).Expand(env)
		r.missing = append(r.missing, missing...)
		return text
	}
	res.Comment = expand(res.Comment)
	env.Deferred = nil // fields and tags are set before anybody is assigned
	for id, v := range res.Set {
		res.Set[id] = frontdesk.Text(expand(v.String()))
	}
	for i, tag := range res.AddTags {
		res.AddTags[i] = expand(tag)
	}
	res.AddTags = slices.DeleteFunc(res.AddTags, func(tag string) bool { return strings.TrimSpace(tag) == "" })
}

// env is what texts of the configuration are expanded with. The assignee is
// left to the commit, which may assign (S5.5).
func (r *run) env() variables.Env {
	return variables.Env{
		Lookup:   variables.ForContact(*r.view.Contact, "", r.now, r.a.location),
		Limit:    r.a.cfg.Limits.ValueLength,
		Deferred: isAssigneeName,
	}
}

// stepCallID is the ID, and the idempotency key, of the i-th action of a step.
func (r *run) stepCallID(i int) string { return fmt.Sprintf("%s/ladder/%d", r.task.TurnID, i+1) }

// outsideActions runs the custom actions of a step and records what came of
// them, so that after a crash a recorded one is not run again (S6.8, S7.5).
// One that fails does not stop the others, nor the step.
func (r *run) outsideActions(ctx context.Context) error {
	for _, res := range r.ladder.outside {
		if r.recorded(res.Call.ID) {
			continue
		}
		if err := r.refresh(ctx); err != nil {
			return err
		}
		refuse := func(o CallOutcome, detail string) (resultData, string, error) {
			res.Call.Outcome, res.Call.Detail = o, detail
			return res, "", nil
		}
		var err error
		if s := r.j.started; s != nil && s.ID == res.Call.ID {
			res, _, err = refuse(CallUnknown, notKnown)
		} else {
			res, _, err = r.perform(ctx, r.a.byName[res.Call.Name], res, refuse)
		}
		if err != nil {
			return err
		}
		if err := r.j.add(EntryResult, r.m.now(), res); err != nil {
			return err
		}
		r.j.carried, r.j.started = append(r.j.carried, res), nil
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recorded reports whether the journal holds the outcome of a call.
func (r *run) recorded(callID string) bool {
	for _, c := range r.j.carried {
		if c.Call.ID == callID {
			return true
		}
	}
	return false
}

// endLadder deletes the pending follow-up of a conversation and records why,
// so that each armed step has an end that can be found (I12).
func (m *Mux) endLadder(view *View, why string, c *Commit) {
	if switches.Off(switches.EndLadder) {
		return
	}
	c.Delete = append(c.Delete, TaskFollowUp)
	t := view.Task(TaskFollowUp)
	if t == nil || t.Ladder == nil {
		return
	}
	now := m.now()
	turn := Turn{
		ID: t.TurnID, ConversationID: t.ConversationID, Trigger: t.Trigger, Exit: ExitCancelled, Failure: why, Started: now, Ended: now,
	}
	turn.Trigger.Step = t.Ladder.Step
	if a := m.byID[t.Ladder.Agent]; a != nil {
		turn.Agent = a.cfg.Name
	}
	c.Turns = append(c.Turns, turn)
}

// ladderResult says what a ladder's built-in action changes; of a custom one
// only the name.
func ladderResult(a followup.Action) (name string, res actions.Result) {
	switch a.Name {
	case "assign":
		t := frontdesk.Target{Name: a.Target}
		if p, perr := frontdesk.ParseTarget(a.Target); perr == nil {
			t = p
		}
		return actions.NameAssign, actions.Result{Assign: &actions.Assignment{
			Target: t, Method: frontdesk.Method(a.Method), Reason: "The contact did not answer.",
		}}
	case "unassign":
		return actions.NameAssign, actions.Result{Assign: &actions.Assignment{Target: frontdesk.Target{Kind: frontdesk.TargetNobody}}}
	case actions.NameClose:
		return a.Name, actions.Result{Close: &actions.Closing{Note: a.Note}}
	case actions.NameUpdateFields:
		return a.Name, actions.Result{Set: map[string]frontdesk.Value{a.Field: frontdesk.Text(a.Value)}}
	case actions.NameUpdateStage:
		return a.Name, actions.Result{Stage: a.Value}
	case actions.NameAddComment:
		return a.Name, actions.Result{Comment: a.Value}
	case actions.NameUpdateTags:
		return a.Name, actions.Result{AddTags: []string{a.Value}}
	}
	return a.Name, res
}

// performable leaves out of a prompt's ladder what sets a field and does not say
// to what, of which the compiler warns: nobody asked for the field to be
// emptied, as Go does by giving no value. A step with nothing else sends nothing.
func performable(l followup.Ladder) followup.Ladder {
	aimless := func(act followup.Action) bool { return act.Name == actions.NameUpdateFields && act.Value == "" }
	l.Steps = slices.Clone(l.Steps)
	for i := range l.Steps {
		st := &l.Steps[i]
		if !slices.ContainsFunc(st.Actions, aimless) {
			continue
		}
		st.Actions = slices.DeleteFunc(slices.Clone(st.Actions), aimless)
		st.Silent = st.Silent || len(st.Actions) == 0 && len(st.Messages) == 0
	}
	return l
}

// eachLadderAction calls do with the actions in the ladders of the configuration
// and where each stands.
func (a *Agent) eachLadderAction(do func(where string, act followup.Action)) {
	for l, ladder := range a.cfg.Ladders {
		for s, step := range ladder.Steps {
			for i, act := range step.Actions {
				do(fmt.Sprintf("ladder %d: step %d: action %d", l+1, s+1, i+1), act)
			}
		}
	}
}

// checkLadders reports actions in the ladders of the configuration that could
// never be done: those of a prompt have the compiler to look at them.
func (a *Agent) checkLadders() (errs []error) {
	enabled := map[string]actions.Action{}
	for _, act := range a.cfg.Actions {
		enabled[act.Name] = act
	}
	a.eachLadderAction(func(where string, act followup.Action) {
		if act.Name == "" {
			return // followup.Validate has reported it
		}
		if err := a.checkLadderAction(act, enabled); err != nil {
			errs = append(errs, fmt.Errorf("agent: Ladders of %q: %s: %w", a.cfg.Name, where, err))
		}
	})
	return errs
}

// ladderTargets are whom the ladders of the configuration assign.
func (a *Agent) ladderTargets() (targets []frontdesk.Target) {
	a.eachLadderAction(func(_ string, act followup.Action) {
		if _, res := ladderResult(act); res.Assign != nil {
			if t, err := a.rules.exists(res.Assign.Target); err == nil {
				targets = append(targets, t)
			}
		}
	})
	return targets
}

func (a *Agent) checkLadderAction(act followup.Action, enabled map[string]actions.Action) error {
	name, res := ladderResult(act)
	to, ok := enabled[name]
	if !ok {
		return fmt.Errorf("%q is not among Config.Actions: enable it, or take it out", clip(name, 60))
	}
	if !to.Builtin {
		checker, err := actions.NewChecker(to.Schema)
		if err != nil {
			return nil // Action.Validate has reported it
		}
		_, err = checker.Check(act.Args)
		return err
	}
	switch name {
	case actions.NameAssign, actions.NameClose, actions.NameUpdateFields:
	case actions.NameUpdateStage, actions.NameAddComment, actions.NameUpdateTags:
		if strings.TrimSpace(act.Value) == "" {
			return fmt.Errorf("%q has no Value: give one", name)
		}
	default: // to stop follow-ups, or a built-in one under another name
		return fmt.Errorf("%q in a ladder does nothing: take it out", clip(name, 60))
	}
	if len(variables.Parse(act.Value).Variables()) > 0 { // what it will be is not known yet
		res.AddTags = nil
		if res.Set != nil {
			res.Set = map[string]frontdesk.Value{act.Field: {}}
		}
	}
	_, err := a.rules.check(res, false)
	return err
}

// callArguments are the arguments with which a call of a built-in action asks for
// what a step does: whoever approves it later runs it as a call (S6.9). Nil:
// there is nothing to do, as a variable has no value.
func callArguments(res actions.Result) map[string]any {
	type object = map[string]any
	switch {
	case res.Assign != nil:
		return object{"target": res.Assign.Target.Label(), "method": res.Assign.Method, "reason": res.Assign.Reason}
	case res.Close != nil:
		return object{"closing_note": res.Close.Note}
	case res.Stage != "":
		return object{"stage": res.Stage}
	case res.Comment != "":
		return object{"text": res.Comment}
	case len(res.AddTags) > 0:
		return object{"add": res.AddTags}
	}
	var fields []object
	for _, id := range sortedKeys(res.Set) {
		fields = append(fields, object{"field": id, "value": res.Set[id].String()})
	}
	if fields == nil {
		return nil
	}
	return object{"fields": fields}
}

// waits records a call that a person has to approve.
func (s *ladderStep) waits(rec CallRecord) {
	rec.Outcome, rec.Detail = CallPending, "pending: a person has to approve it"
	s.results = append(s.results, resultData{Call: rec})
}

// closes finds the close among the step's actions, if it is done now.
func (s *ladderStep) closes() *followup.Action {
	for _, res := range s.results {
		if res.Call.Name == actions.NameClose && res.Call.Outcome == CallPending {
			return nil
		}
	}
	for i := range s.step.Actions {
		if s.step.Actions[i].Name == actions.NameClose {
			return &s.step.Actions[i]
		}
	}
	return nil
}

// stepTexts makes the messages of a step: the prompt's own where they are to
// be sent as they stand, else the LLM's, else the prompt's (S8.8), else the
// vocabulary's (S8.6). It also gets the summary of a close.
func (r *run) stepTexts(ctx context.Context) error {
	s := r.ladder
	closing := s.closes()
	wanted := !s.step.Silent && (len(s.step.Messages) > 0 || closing != nil || len(s.step.Actions) == 0)
	if r.windowClosed() && r.a.cfg.FollowUps.Window == WindowSkip {
		wanted = false
	}
	if wanted {
		if err := r.writeStep(ctx, closing != nil); err != nil {
			return err
		}
	}
	if closing == nil || closing.NoSummary || r.a.rules.summaryOff {
		return nil
	}
	r.extra = "The contact did not answer and the conversation is closed now. Write a summary of it for your colleagues, in a few sentences. It is not sent to the contact."
	summary, err := r.write(ctx, "summary")
	if err != nil {
		return err
	}
	for i := range s.results {
		if res := s.results[i].Result; res != nil && res.Close != nil {
			res.Close.Summary = clipRunes(summary, maxComment)
		}
	}
	return nil
}

func (r *run) writeStep(ctx context.Context, closing bool) error {
	s := r.ladder
	examples := r.ownTexts()
	own := examples
	if s.step.Mode == followup.Alternatives && len(own) > 1 {
		own = own[:1] // one of them is sent
	}
	verbatim := len(own) > 0
	for _, msg := range s.step.Messages {
		verbatim = verbatim && msg.Verbatim
	}
	if verbatim {
		s.texts = r.allowed(own)
		return nil
	}
	r.extra = stepRequest(examples, s.step.Mode, closing)
	text, err := r.write(ctx, "follow_up")
	if err != nil {
		return err
	}
	switch {
	case text != "":
		wanted := 1
		if s.step.Mode != followup.Alternatives {
			wanted = max(len(examples), 1) // however many the LLM wrote
		}
		for _, part := range strings.SplitN(text, "\n---\n", wanted) {
			if part = strings.TrimSpace(strings.ReplaceAll(part, "\n---\n", "\n\n")); part != "" {
				s.texts = append(s.texts, part)
			}
		}
	case len(own) > 0:
		s.texts = r.allowed(own)
	default:
		s.texts = r.allowed([]string{r.vocabularyText(closing)})
	}
	return nil
}

// allowed puts texts that the LLM did not write through the policy on what
// goes out; the LLM's have been through it.
func (r *run) allowed(texts []string) []string {
	hook := r.a.cfg.Outgoing
	if hook == nil {
		return texts
	}
	var out []string
	for _, text := range texts {
		text, err := applyHook(hook, text)
		if err != nil {
			r.m.log.Warn("a rule for outgoing texts forbids a text", "turn", r.task.TurnID, "error", r.m.loggable(err))
			continue
		}
		out = append(out, text)
	}
	return out
}

// ownTexts are the prompt's texts with their variables replaced (S4.3).
func (r *run) ownTexts() []string {
	var out []string
	for _, msg := range r.ladder.step.Messages {
		if text := cleanText(r.expand(msg.Text), r.a.cfg.Limits.ReplyBytes); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// stepRequest asks the LLM for the messages of a step.
func stepRequest(own []string, mode followup.Mode, closing bool) string {
	text := "The contact has not answered. Write the follow-up that the instructions ask for now, in the language of the conversation."
	if closing {
		text = "The contact has not answered and the conversation is closed now. Write the last message to them, in the language of the conversation."
	}
	if len(own) > 0 {
		var q []string
		for _, o := range own {
			q = append(q, quote(o))
		}
		sep := " "
		if mode == followup.Alternatives {
			sep = " or "
		}
		text += " Like: " + strings.Join(q, sep)
		if len(own) > 1 && mode != followup.Alternatives {
			text += fmt.Sprintf(" Write %d messages, with a line of only --- between them.", len(own))
		}
	}
	return text
}

// write has the LLM write a text for a step, with no actions on offer. The
// answer is recorded under its purpose, so that after a crash it is not asked
// for again. No text and no error means that the LLM could not be had: the
// step does without.
func (r *run) write(ctx context.Context, purpose string) (string, error) {
	if text, ok := r.j.written[purpose]; ok {
		return text, nil
	}
	if err := r.refresh(ctx); err != nil {
		return "", err
	}
	if _, closed := r.a.gate.closed(r.m.now()); closed {
		return "", nil
	}
	if err := r.flush(ctx); err != nil {
		return "", err
	}
	req := r.request(ctx)
	req.Tools = nil
	r.j.rounds++
	resp, err := r.generate(ctx, req)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		var le *LLMError
		if errors.As(err, &le) && le.Kind == LLMRateLimited && le.RetryAfter > 0 {
			r.a.gate.pause(r.m.now(), le.RetryAfter) // one limiter for all
		}
		r.m.log.Warn("LLM", "turn", r.task.TurnID, "purpose", purpose, "error", r.m.loggable(err))
		return "", nil
	}
	answer, useless := r.examine(resp, false)
	r.j.rounds-- // addWritten counts it
	d := answerData{Response: answer, Dropped: useless, For: purpose}
	if err := r.j.add(EntryAnswer, r.m.now(), d); err != nil {
		return "", err
	}
	r.j.addAnswer(d)
	return r.j.written[purpose], nil
}

// windowClosed reports whether the channel would not let the agent write.
func (r *run) windowClosed() bool {
	conv := r.view.Conversation
	w := r.a.cfg.Channel.Capabilities(conv.Channel).ReplyWindow
	return w > 0 && r.m.now().Sub(conv.LastInbound) > w
}

// ladderMessages queues the texts of a step and moves the ladder on.
func (b *builder) ladderMessages() {
	s := b.ladder
	template := ""
	if b.windowClosed() && b.a.cfg.FollowUps.Window == WindowTemplate {
		template = b.a.cfg.FollowUps.Template
	}
	last := ""
	for _, text := range s.texts {
		if id := b.queue(text, true, template); id != "" {
			last = id
		}
		if template != "" && last != "" {
			break // it stands in for all of them
		}
	}
	if switches.Off(switches.LadderWaits) {
		last = ""
	}
	next := s.state.Fired(b.now, last)
	if next.Done() || b.moved {
		return // the task is deleted
	}
	t := b.task.Task
	t.Ladder, t.TurnID, t.Attempts, t.Due = &next, b.m.newID(), 0, time.Time{}
	if due, ok := next.Due(); ok {
		t.Due = b.m.followUpDue(&b.conv, due)
	}
	b.tasks[TaskFollowUp] = &t
}

func clipRunes(s string, max int) string {
	if r := []rune(s); len(r) > max {
		return string(r[:max])
	}
	return s
}

// vocabularyText is what a step says when neither the prompt nor the LLM has a
// text (S8.6): in the contact's language where it is known, else in that of
// the instructions, else in English.
func (r *run) vocabularyText(closing bool) string {
	words := vocabulary.Default()
	lang := r.a.playbook.Language
	if tag, err := language.Parse(r.view.Contact.Field("language").String()); err == nil {
		if base, _ := tag.Base(); slices.Contains(words.Languages(), base.String()) {
			lang = base.String()
		}
	}
	if closing {
		return words.ClosingMessage(lang)
	}
	return words.FollowUpMessage(lang)
}
