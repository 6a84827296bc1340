package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// Errors of Resolve.
var (
	// ErrNoCall means that no call with that ID waits or waited for approval.
	ErrNoCall = errors.New("agent: there is no such call")
	// ErrResolved means that somebody resolved the call before.
	ErrResolved = errors.New("agent: the call was resolved before")
	// ErrStale means that the conversation was closed, assigned or taken over
	// since, or in the turn that made the call: the call was refused.
	ErrStale = errors.New("agent: the conversation changed hands since the call was made")
)

// Resolve approves or refuses a call that waits for a person (S6.9). It is
// done once, whoever comes first: later calls get ErrResolved. The action runs
// as a task, under the key it had when it was called, and its outcome sets off
// a turn. by names the user who decided.
func (m *Mux) Resolve(ctx context.Context, callID string, approve bool, by string) error {
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{CallID: callID, Tasks: true})
		if err != nil {
			return fmt.Errorf("agent: load call: %w", err)
		}
		if view.Approval == nil || view.Conversation == nil {
			return ErrNoCall
		}
		ap := *view.Approval
		if ap.Status != ApprovalPending && !switches.Off(switches.ResolveOnce) {
			return ErrResolved
		}
		ap.By, ap.At = clip(by, 200), m.now()
		stale := ap.Epoch != view.Conversation.Epoch || !ap.mayRun(view.Conversation)
		c := Commit{Conversation: clone(view.Conversation)}
		switch {
		case stale:
			ap.Status, ap.Outcome = ApprovalRefused, "the conversation changed hands"
		case approve:
			ap.Status = ApprovalApproved
		default:
			ap.Status = ApprovalRefused
		}
		if !stale {
			task := Task{ConversationID: ap.ConversationID, Kind: TaskApproval, Due: m.now(), TurnID: m.newID()}
			if t := view.Task(TaskApproval); t != nil {
				task = *t
			}
			task.CallIDs = append(slices.Clone(task.CallIDs), ap.ID)
			task.Trigger = Trigger{Kind: TriggerApproval, CallID: task.CallIDs[0]}
			c.Put = []Task{task}
		}
		c.Approvals = []Approval{ap}
		switch err := m.store.Commit(ctx, c); {
		case errors.Is(err, ErrConflict):
		case err != nil:
			// Whether it was stored is not known: the call tells.
			view, lerr := m.store.Load(ctx, Query{CallID: callID})
			if lerr == nil && view.Approval != nil && view.Approval.Status == ap.Status && view.Approval.By == ap.By && view.Approval.At.Equal(ap.At) {
				if stale {
					return ErrStale
				}
				m.notify()
				return nil
			}
			return fmt.Errorf("agent: resolve: %w", err)
		case stale:
			return ErrStale
		default:
			m.notify()
			return nil
		}
	}
	return errNoProgress
}

// mayRun reports whether the agent that made the call has the conversation. The
// commit that stored the call may have taken it away: a turn that failed then, a
// step of a ladder that closes.
func (ap *Approval) mayRun(c *frontdesk.Conversation) bool {
	mine := frontdesk.Assignee{Kind: frontdesk.AssigneeAgent, ID: ap.Agent}
	return c.Status == frontdesk.Open && !c.OptedOut && c.Assignee == mine
}

// runApproval runs a call that was approved, or takes note that it was
// refused, and lets the agent tell the contact.
func (m *Mux) runApproval(ctx context.Context, t ClaimedTask) (*Turn, error) {
	r, err := m.newRun(ctx, t)
	if err != nil {
		return nil, err
	}
	task := r.view.Task(TaskApproval)
	if r.view.Conversation == nil || task == nil || task.TurnID != t.TurnID || len(task.CallIDs) == 0 {
		return nil, m.release(ctx, t)
	}
	r.task.Task = *task
	view, err := m.store.Load(ctx, Query{CallID: task.CallIDs[0]})
	if err != nil {
		return nil, fmt.Errorf("agent: load call: %w", err)
	}
	ap := view.Approval
	a := m.agentOf(r.view.Conversation)
	begun := r.j.start != nil
	if ap == nil || a == nil || a.id != ap.Agent || ap.Epoch != r.view.Conversation.Epoch {
		return r.staleApproval(ctx, ap, begun)
	}
	r.approval = ap
	if r.task.Trigger.Agents, err = r.chainOf(ctx, ap); err != nil {
		return nil, err
	}
	if err := r.begin(a); err != nil {
		return r.staleApproval(ctx, ap, begun)
	}
	if t.Attempts > a.cfg.Limits.Attempts {
		return r.commit(ctx, outcome{failure: fmt.Sprintf("an approved call did not get on in %d attempts", a.cfg.Limits.Attempts), poisoned: true})
	}
	if !r.approvalDone() {
		err := r.runApproved(ctx, ap, begun)
		if errors.Is(err, errDropped) {
			return r.staleApproval(ctx, ap, begun)
		}
		if err != nil {
			return nil, r.keep(ctx, err)
		}
	}
	verb := "approved"
	if ap.Status == ApprovalRefused {
		verb = "refused"
	}
	r.extra = fmt.Sprintf("The call of %s that waited for approval was %s by a person; its result stands above. Tell the contact what they need to know.", callName(ap.Name), verb)
	return r.conductStarted(ctx)
}

// chainOf are the agents that had the conversation before the turn which made
// the call, if the contact has not written since (S9.3): the call that waited
// is no way around the limit on handoffs.
func (r *run) chainOf(ctx context.Context, ap *Approval) ([]string, error) {
	view, err := r.m.store.Load(ctx, Query{ConversationID: ap.ConversationID, TurnID: ap.TurnID})
	if err != nil {
		return nil, fmt.Errorf("agent: load the turn of a call: %w", err)
	}
	if view.Turn == nil || r.view.Conversation.LastInbound.After(view.Turn.Ended) {
		return nil, nil
	}
	return view.Turn.Trigger.Agents, nil
}

// approvalDone reports whether the journal holds the outcome already.
func (r *run) approvalDone() bool {
	for _, c := range r.j.carried {
		if c.Call.ID == r.approval.ID {
			return true
		}
	}
	return false
}

// runApproved runs the approved call and records its result. begun is set if it
// was begun before, and a crash hid how far it came.
func (r *run) runApproved(ctx context.Context, ap *Approval, begun bool) error {
	res := resultData{Call: CallRecord{ID: ap.Key, Name: ap.Name, Arguments: json.RawMessage(ap.Arguments)}}
	refuse := func(o CallOutcome, detail string) (resultData, string, error) {
		res.Call.Outcome, res.Call.Detail = o, detail
		return res, "", nil
	}
	gone := func(why string) (resultData, string, error) {
		if begun {
			res.Outside = true
			return refuse(CallUnknown, "it is not run again, for "+why+"; it was begun before, and whether it was done is not known")
		}
		return refuse(CallRefused, "nothing was done: "+why)
	}
	var err error
	t := r.a.byName[ap.Name]
	switch {
	case r.j.started != nil: // whatever is enabled by now
		res.Outside = true
		res, _, err = refuse(CallUnknown, notKnown)
	case ap.Status == ApprovalRefused:
		res, _, err = refuse(CallRefused, "a person refused it: nothing was done")
	case t == nil:
		res, _, err = gone("the action is no longer enabled")
	default:
		args, cerr := t.checker.Check(res.Call.Arguments)
		if cerr != nil {
			res, _, err = gone("the action has changed since: " + cerr.Error())
			break
		}
		res.Call.Arguments = args
		if err = r.owns(ctx, t); err != nil {
			break
		}
		res, _, err = r.perform(ctx, t, res, refuse)
	}
	if err != nil {
		return err
	}
	// It happened before this turn's first answer, so it stands with what is
	// carried over.
	if err := r.j.add(EntryResult, r.m.now(), res); err != nil {
		return err
	}
	r.j.carried, r.j.started = append(r.j.carried, res), nil
	return r.flush(ctx)
}

// staleApproval ends an approval whose conversation went elsewhere. A call that
// was begun before keeps its outcome, and the turn that ran it gets its record
// (S7.4): only one that was not begun is refused.
func (r *run) staleApproval(ctx context.Context, ap *Approval, begun bool) (*Turn, error) {
	if ap != nil && begun {
		r.approval, r.a = ap, r.m.byID[ap.Agent]
		if !r.approvalDone() {
			res := resultData{Outside: true, Call: CallRecord{
				ID: ap.Key, Name: ap.Name, Arguments: json.RawMessage(ap.Arguments), Outcome: CallUnknown,
				Detail: "the conversation changed hands while it was run: its outcome is not known",
			}}
			if err := r.j.add(EntryResult, r.m.now(), res); err != nil {
				return nil, err
			}
			r.j.carried, r.j.started = append(r.j.carried, res), nil
		}
		return r.drop(ctx)
	}
	for range conflictLimit {
		view, err := r.m.store.Load(ctx, Query{ConversationID: r.task.ConversationID, Tasks: true})
		if err != nil || view.Conversation == nil {
			return nil, err
		}
		c := Commit{Fence: &r.task.Fence, Release: true, Conversation: clone(view.Conversation)}
		if ap != nil {
			refused := *ap
			refused.Status, refused.Outcome = ApprovalRefused, "the conversation changed hands"
			c.Approvals = []Approval{refused}
		}
		if t := view.Task(TaskApproval); t != nil {
			if next := r.m.nextApproval(*t, r.task.CallIDs[0]); next != nil {
				c.Put = []Task{*next}
			} else {
				c.Delete = []TaskKind{TaskApproval}
			}
		}
		if err := r.m.store.Commit(ctx, c); !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return nil, errNoProgress
}

// nextApproval is what is left of the task when one call is done.
func (m *Mux) nextApproval(t Task, done string) *Task {
	t.CallIDs = slices.DeleteFunc(slices.Clone(t.CallIDs), func(id string) bool { return id == done })
	if len(t.CallIDs) == 0 {
		return nil
	}
	t.TurnID, t.Attempts, t.Due = m.newID(), 0, m.now()
	t.Trigger = Trigger{Kind: TriggerApproval, CallID: t.CallIDs[0]}
	return &t
}

// resolved records the outcome of an approved call with the turn that tells
// of it.
func (b *builder) resolved() {
	if b.approval == nil {
		return
	}
	ap := b.concluded()
	if ap.Outcome == "" {
		ap.Outcome = string(CallUnknown) + ": " + b.out.failure
	}
	b.c.Approvals = append(b.c.Approvals, ap)
	if t := b.view.Task(TaskApproval); t != nil {
		b.tasks[TaskApproval] = b.m.nextApproval(*t, ap.ID)
	}
}

// concluded is the approval of the run with the outcome of its call.
func (r *run) concluded() Approval {
	ap := *r.approval
	for _, c := range r.j.carried {
		if c.Call.ID == ap.ID {
			ap.Outcome = string(c.Call.Outcome) + ": " + clip(c.Call.Detail, 500)
		}
	}
	return ap
}
