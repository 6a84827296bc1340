package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// ladderStep is a step of a ladder that is being done.
type ladderStep struct {
	state   followup.State
	step    followup.Step
	texts   []string
	results []resultData
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
	if why := r.stepActions(ctx); why != "" {
		return r.cancelStep(ctx, why)
	}
	err = r.stepTexts(ctx)
	if err == nil {
		var turn *Turn
		if turn, err = r.commit(ctx, outcome{}); err == nil {
			return turn, nil
		}
	}
	if errors.Is(err, errDropped) {
		return r.cancelStep(ctx, "the contact answered, or the conversation went elsewhere")
	}
	return nil, err
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
		if view.Turn != nil {
			return view.Turn, r.m.release(ctx, r.task) // its own commit came through
		}
		c := Commit{Fence: &r.task.Fence, Release: true, Conversation: clone(view.Conversation), Turns: []Turn{*turn}, Journal: r.j.rows}
		if t := view.Task(TaskFollowUp); t != nil && t.TurnID == r.task.TurnID {
			c.Delete = []TaskKind{TaskFollowUp}
		}
		if err := r.m.store.Commit(ctx, c); !errors.Is(err, ErrConflict) {
			return turn, err
		}
	}
	return nil, errors.New("agent: the store reports a conflict every time: check it with agenttest.TestStore")
}

// stepActions turns the actions of a step into checked changes. It returns
// why the step must be cancelled when something it names is gone. Actions of
// a step need no LLM (S8.8).
func (r *run) stepActions(ctx context.Context) (why string) {
	for i, act := range r.ladder.step.Actions {
		name, res, err := ladderResult(act)
		t := r.a.byName[name]
		if t == nil {
			return "action " + clip(name, 60) + " is no longer enabled"
		}
		rec := CallRecord{ID: fmt.Sprintf("%s/ladder/%d", r.task.TurnID, i+1), Name: name, Arguments: act.Args, Outcome: CallDone, Detail: "done"}
		if err == nil && !t.action.Builtin {
			res, err = r.runAction(ctx, t.action, rec)
			if err != nil {
				rec.Outcome, rec.Detail = CallFailed, clip(err.Error(), 500)
				r.ladder.results = append(r.ladder.results, resultData{Call: rec, Outside: true})
				continue
			}
		}
		var checked actions.Result
		if err == nil {
			checked, err = r.a.rules.check(res, false)
		}
		if err != nil {
			return "action " + name + " is no longer possible: " + err.Error()
		}
		if rec.Arguments == nil {
			rec.Arguments, err = json.Marshal(act)
			if err != nil {
				return "action " + name + " is no longer possible: " + err.Error()
			}
		}
		r.ladder.results = append(r.ladder.results, resultData{Call: rec, Outside: !t.action.Builtin, Result: &checked})
	}
	return ""
}

// ladderResult says what a ladder's built-in action changes; of a custom one
// only the name.
func ladderResult(a followup.Action) (name string, res actions.Result, err error) {
	switch a.Name {
	case "assign":
		t := frontdesk.Target{Name: a.Target}
		if p, perr := frontdesk.ParseTarget(a.Target); perr == nil {
			t = p
		}
		return actions.NameAssign, actions.Result{Assign: &actions.Assignment{
			Target: t, Method: frontdesk.Method(a.Method), Reason: "The contact did not answer.",
		}}, nil
	case "unassign":
		return actions.NameAssign, actions.Result{Assign: &actions.Assignment{Target: frontdesk.Target{Kind: frontdesk.TargetNobody}}}, nil
	case actions.NameClose:
		return a.Name, actions.Result{Close: &actions.Closing{Note: a.Note}}, nil
	case actions.NameUpdateFields:
		return a.Name, actions.Result{Set: map[string]frontdesk.Value{a.Field: frontdesk.Text(a.Value)}}, nil
	case actions.NameUpdateStage:
		return a.Name, actions.Result{Stage: a.Value}, nil
	case actions.NameAddComment:
		return a.Name, actions.Result{Comment: a.Value}, nil
	case actions.NameUpdateTags:
		return a.Name, actions.Result{AddTags: []string{a.Value}}, nil
	}
	return a.Name, res, nil
}

// closes finds the close among the step's actions.
func (s *ladderStep) closes() *followup.Action {
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
	own := r.ownTexts()
	verbatim := len(own) > 0
	for _, msg := range s.step.Messages {
		verbatim = verbatim && msg.Verbatim
	}
	if verbatim {
		s.texts = own
		return nil
	}
	r.extra = stepRequest(own, s.step.Mode, closing)
	text, err := r.write(ctx, "follow_up")
	if err != nil {
		return err
	}
	switch {
	case text != "":
		for _, part := range strings.Split(text, "\n---\n") {
			if part = strings.TrimSpace(part); part != "" {
				s.texts = append(s.texts, part)
			}
		}
	case len(own) > 0:
		s.texts = own
	default:
		s.texts = []string{ladderText(closing)}
	}
	return nil
}

// ownTexts are the prompt's texts with their variables replaced (S4.3). Of
// alternatives it is the first.
func (r *run) ownTexts() []string {
	env := variables.Env{
		Lookup: variables.ForContact(*r.view.Contact, r.m.assigneeName(r.view.Conversation), r.now, r.a.location),
		Limit:  r.a.cfg.Limits.ValueLength,
	}
	var out []string
	for _, msg := range r.ladder.step.Messages {
		text, missing := variables.Parse(msg.Text).Expand(env)
		r.missing = append(r.missing, missing...)
		if text = cleanText(text, r.a.cfg.Limits.ReplyBytes); text != "" {
			out = append(out, text)
		}
	}
	if r.ladder.step.Mode == followup.Alternatives && len(out) > 1 {
		out = out[:1]
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
		text += " Like: " + strings.Join(q, " ")
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
		r.m.log.Warn("LLM", "turn", r.task.TurnID, "purpose", purpose, "error", err)
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

// ladderText is what a step says when neither the prompt nor the LLM has a
// text (S8.6).
func ladderText(closing bool) string {
	if closing {
		return "I will close this conversation for now. Write to us any time to go on."
	}
	return "Are you still there? Take your time."
}
