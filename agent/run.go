package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// run is one attempt at one turn: what was read, what the journal holds, and
// what came of it.
type run struct {
	m    *Mux
	a    *Agent
	task ClaimedTask
	view View
	j    *journal
	llm  LLM
	// onFallback is set when llm is the fallback's.
	onFallback bool
	// messages are those that the LLM may see, by Seq.
	messages []frontdesk.Message
	// fresh is set while the view was read after the last append: the first
	// LLM call of a run needs no second look.
	fresh  bool
	system string
	// secret is what of the instructions must not be shown to anybody, made
	// when a text is long enough to show it.
	secret []string
	// before is the rendered conversation up to the message beforeSeq.
	before    []ChatMessage
	beforeSeq int64
	missing   []string
	sources   []string
	// hint tells the LLM why its last answer was no use.
	hint string
	// extra is a last word of the system to the LLM: a step of a ladder to be
	// written, the outcome of an approval.
	extra string
	// ladder is the step that is being done, in a run of TaskFollowUp.
	ladder *ladderStep
	// approval is the call that was resolved, in a run of TaskApproval.
	approval *Approval
	now      time.Time
}

// outcome is how thinking ended: with a text for the contact, or with a
// failure that calls for the fallback.
type outcome struct {
	text    string
	failure string
	// poisoned is set when trying again would be no use (I26).
	poisoned bool
}

// errRetry ends a run that has to wait for its next try.
type errRetry struct {
	at time.Time
	// counts is set when it counts as a failure of the LLM.
	counts bool
	cause  error
}

func (e *errRetry) Error() string { return "agent: to be tried again: " + e.cause.Error() }

// newRun reads all that a turn needs.
func (m *Mux) newRun(ctx context.Context, t ClaimedTask) (*run, error) {
	r := &run{m: m, task: t, now: m.now()}
	history := m.cfg.Limits.History
	if t.Kind == TaskTurn {
		for _, a := range m.agents {
			history = max(history, a.cfg.Limits.History)
		}
	}
	view, err := m.store.Load(ctx, Query{
		ConversationID: t.ConversationID, History: history, Turns: true, Waiting: true, TurnID: t.TurnID, Tasks: true,
	})
	if err != nil {
		return nil, fmt.Errorf("agent: load conversation: %w", err)
	}
	r.view = view
	if r.j, err = replay(t.TurnID, view.Journal); err != nil {
		if t.Attempts <= m.cfg.Limits.Attempts {
			return nil, err
		}
		// A journal that cannot be read would hold the conversation for ever:
		// it is left behind, and the attempts end the turn (I26).
		m.log.Error("journal", "turn", t.TurnID, "error", err)
		r.j = &journal{turnID: t.TurnID, n: len(view.Journal)}
	}
	if r.j.useless != "" && !switches.Off(switches.Hint) && t.Kind != TaskFollowUp {
		r.hint = hint(r.j.useless) // the crash came before the answer to it
	}
	r.messages = mergeMessages(view.History, view.Waiting)
	r.fresh = true
	return r, nil
}

// mergeMessages joins two lists that are sorted by Seq; waiting messages that
// are older than the history come first.
func mergeMessages(a, b []frontdesk.Message) []frontdesk.Message {
	if len(b) == 0 || len(a) > 0 && b[0].Seq >= a[0].Seq && b[len(b)-1].Seq <= a[len(a)-1].Seq {
		return a
	}
	out := slices.Concat(a, b)
	slices.SortStableFunc(out, func(x, y frontdesk.Message) int { return int(x.Seq - y.Seq) })
	return slices.CompactFunc(out, func(x, y frontdesk.Message) bool { return x.ID == y.ID })
}

// begin makes the run an agent's: it opens the journal, or checks that an
// open one may go on. errDropped: it may not.
func (r *run) begin(a *Agent) error {
	r.a, r.llm = a, a.cfg.LLM
	if f := a.cfg.Fallback.LLM; f != nil && r.task.Failures >= a.cfg.Retry.Attempts {
		r.llm, r.onFallback = f, true
	}
	conv := r.view.Conversation
	start := startData{Epoch: conv.Epoch, Instructions: a.playbook.Hash, Agent: a.id, Seen: conv.LastSeq, Started: r.now}
	switch s := r.j.start; {
	case s == nil:
		r.j.start, r.j.seen = &start, start.Seen
		return r.j.add(EntryStart, r.now, start)
	case (s.Epoch != conv.Epoch || s.Agent != a.id) && !switches.Off(switches.Epochs):
		return errDropped
	case s.Instructions != a.playbook.Hash && !switches.Off(switches.OneVersion):
		// The instructions were changed since the crash. One turn runs under
		// one version of them (I29): it decides anew, and what outside actions
		// did stays known.
		return r.restart()
	}
	return r.notice()
}

// restart drops all answers so far, but not what outside actions did. The turn
// decides anew on all that is there, also on what came when it was superseded
// as often as it may be: what counts as seen has to be shown.
func (r *run) restart() error {
	conv := r.view.Conversation
	if r.newer() {
		r.takeUp()
	}
	d := startData{Epoch: conv.Epoch, Instructions: r.a.playbook.Hash, Agent: r.a.id, Seen: conv.LastSeq, Started: r.j.start.Started}
	if err := r.j.add(EntryRestart, r.now, d); err != nil {
		return err
	}
	return r.j.apply(r.j.rows[len(r.j.rows)-1])
}

// flush stores the journal's new rows, renews the lease and thereby checks
// the fence.
func (r *run) flush(ctx context.Context) error {
	now := r.m.now()
	err := r.m.store.Append(ctx, Append{Fence: r.task.Fence, Until: now.Add(r.m.cfg.Timeouts.Lease), Rows: r.j.rows})
	if err != nil {
		return fmt.Errorf("agent: append to the journal: %w", err)
	}
	r.j.rows = nil
	r.fresh = false
	return nil
}

// refresh looks for what happened since the last look: somebody else's
// commits (errDropped) and newer messages of the contact (S7.3).
func (r *run) refresh(ctx context.Context) error {
	view, err := r.m.store.Load(ctx, Query{ConversationID: r.task.ConversationID, Waiting: true, Tasks: true})
	if err != nil {
		return fmt.Errorf("agent: load conversation: %w", err)
	}
	if view.Conversation == nil {
		return errDropped
	}
	r.view.Conversation, r.view.Contact, r.view.Waiting, r.view.Tasks = view.Conversation, view.Contact, view.Waiting, view.Tasks
	return r.notice()
}

// notice takes up newer messages of the contact, and gives up when the epoch
// is another.
func (r *run) notice() error {
	if r.lost(r.view) {
		return errDropped
	}
	if switches.Off(switches.Supersede) || r.task.Kind == TaskFollowUp || !r.newer() || r.j.superseded >= r.a.cfg.Limits.Supersedes {
		return nil
	}
	r.takeUp()
	seen := r.view.Waiting[len(r.view.Waiting)-1].Seq
	if err := r.j.add(EntrySuperseded, r.m.now(), supersededData{Seen: seen}); err != nil {
		return err
	}
	r.j.supersede(seen)
	return nil
}

// lost reports whether the turn was ended from outside.
func (r *run) lost(v View) bool {
	if v.Conversation == nil || v.Conversation.Epoch != r.j.start.Epoch && !switches.Off(switches.Epochs) {
		return true
	}
	// The task is taken away by whoever ends the turn: a human, and for a ladder
	// whatever the contact writes (S8.4). It is gone too when a commit of ours
	// whose outcome was not known has arrived after all.
	t := v.Task(r.task.Kind)
	return t == nil || t.TurnID != r.task.TurnID && !switches.Off(switches.Epochs)
}

// owns looks whether the turn may still call an action (S1.2): a human may have
// the conversation since. What a built-in one stages is looked at by the commit,
// what happens outside only here. Newer messages of the contact are left to the
// next look: they are for the LLM, not for the call at hand.
func (r *run) owns(ctx context.Context, t *tool) error {
	if t.action.Builtin || switches.Off(switches.Owns) {
		return nil
	}
	view, err := r.m.store.Load(ctx, Query{ConversationID: r.task.ConversationID, Tasks: true})
	switch {
	case err != nil:
		return fmt.Errorf("agent: load conversation: %w", err)
	case r.lost(view):
		return errDropped
	}
	return nil
}

// takeUp shows the LLM the messages that wait.
func (r *run) takeUp() {
	if t := r.view.Task(r.task.Kind); t != nil {
		r.task.Trigger.Agents = t.Trigger.Agents // S9.3: it counts anew
	}
	r.messages = mergeMessages(r.messages, r.view.Waiting)
	if r.a.cfg.Knowledge != nil {
		r.system = "" // the sources are searched for the new message too
	}
}

// newer reports whether the contact wrote something that the LLM has not
// read.
func (r *run) newer() bool {
	w := r.view.Waiting
	return len(w) > 0 && w[len(w)-1].Seq > r.j.seen
}

// runTurn lets the conversation's agent answer.
func (m *Mux) runTurn(ctx context.Context, t ClaimedTask) (*Turn, error) {
	r, err := m.newRun(ctx, t)
	if err != nil {
		return nil, err
	}
	conv := r.view.Conversation
	if conv == nil {
		return nil, nil // deleted, and the task with it
	}
	if now := r.view.Task(TaskTurn); now == nil || now.TurnID != t.TurnID {
		return nil, m.release(ctx, t) // done already, by a commit whose outcome was not known
	} else {
		r.task.Task = *now
	}
	a := m.agentOf(conv)
	if a == nil {
		return r.notOurs(ctx)
	}
	if len(r.view.Waiting) == 0 && r.task.Trigger.Kind == TriggerInbound {
		if r.j.start != nil {
			// An approval's turn answered what this one was for. What it did
			// before stays recorded (S7.8).
			r.a = a
			return r.drop(ctx)
		}
		return nil, m.finish(ctx, t, Commit{Delete: []TaskKind{TaskTurn}})
	}
	return r.conduct(ctx, a)
}

// conduct runs a turn to its end: it thinks, commits, and thinks again if the
// contact wrote meanwhile.
func (r *run) conduct(ctx context.Context, a *Agent) (*Turn, error) {
	err := r.begin(a)
	if err == nil && r.task.Attempts > a.cfg.Limits.Attempts {
		return r.commit(ctx, outcome{failure: fmt.Sprintf("it did not get on in %d attempts", a.cfg.Limits.Attempts), poisoned: true})
	}
	if err == nil {
		return r.conductStarted(ctx)
	}
	return r.ended(ctx, err)
}

// conductStarted runs a turn whose journal is open to its end.
func (r *run) conductStarted(ctx context.Context) (*Turn, error) {
	for {
		out, err := r.think(ctx)
		if err == nil {
			var turn *Turn
			if turn, err = r.commit(ctx, out); err == nil {
				return turn, nil
			}
		}
		if !errors.Is(err, errSuperseded) {
			return r.ended(ctx, err)
		}
	}
}

// ended deals with a run that could not be brought to its end now.
func (r *run) ended(ctx context.Context, err error) (turn *Turn, _ error) {
	var retry *errRetry
	switch {
	case errors.Is(err, errDropped):
		turn, err = r.drop(ctx)
	case errors.As(err, &retry):
		turn, err = r.postpone(ctx, retry)
	}
	return turn, r.keep(ctx, err)
}

// keep stores the results of calls that a run could not store before it failed,
// be it that the program is stopping: what was done outside is done, and must
// be neither done again nor forgotten (S6.8).
func (r *run) keep(ctx context.Context, cause error) error {
	result := func(e Entry) bool { return e.Kind == EntryResult }
	if cause == nil || errors.Is(cause, ErrFenced) || !slices.ContainsFunc(r.j.rows, result) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.m.cfg.Timeouts.Send)
	defer cancel()
	return errors.Join(cause, r.flush(ctx))
}

// postpone leaves the turn to a later try.
func (r *run) postpone(ctx context.Context, retry *errRetry) (*Turn, error) {
	if err := r.flush(ctx); err != nil {
		return nil, err
	}
	for range conflictLimit {
		task := r.view.Task(r.task.Kind)
		if task == nil || r.view.Conversation == nil {
			return r.drop(ctx)
		}
		again := *task
		again.Due, again.Attempts = retry.at, 0
		again.Failures = r.task.Failures
		if retry.counts {
			again.Failures++
		}
		conv := *r.view.Conversation
		err := r.m.store.Commit(ctx, Commit{Fence: &r.task.Fence, Release: true, Conversation: &conv, Put: []Task{again}})
		if err == nil {
			turn := r.record(outcome{failure: retry.cause.Error()})
			turn.Exit = ExitRetrying
			return turn, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
		if err := r.refresh(ctx); err != nil {
			if errors.Is(err, errDropped) {
				return r.drop(ctx)
			}
			return nil, err
		}
	}
	return nil, errNoProgress
}

// notOurs ends a turn that no agent may run: what waits gets its disposition.
// A conversation whose agent does not exist (any more) goes to a human.
func (r *run) notOurs(ctx context.Context) (*Turn, error) {
	for range conflictLimit {
		conv := *r.view.Conversation
		if r.m.agentOf(&conv) != nil {
			return nil, r.m.release(ctx, r.task) // it became ours: the task is still there
		}
		turn := r.record(outcome{}) // with what an agent that had it did before
		turn.Exit = ExitNotOurs
		c := Commit{Fence: &r.task.Fence, Release: true, Conversation: &conv, Delete: []TaskKind{TaskTurn}}
		if conv.Status == frontdesk.Open && conv.Assignee.Kind == frontdesk.AssigneeAgent && !conv.OptedOut {
			turn.Exit, turn.Failure = ExitFallback, "no agent with the ID "+clip(conv.Assignee.ID, 60)+" is running here"
			turn.Changes = unassign(&conv)
			c.Delete = append(c.Delete, TaskFollowUp)
			c.Messages = append(c.Messages, r.m.note(&conv, turn.ID, "Nobody could answer: "+turn.Failure+". The conversation waits for a human."))
		}
		turn.Inbound = ids(r.view.Waiting)
		for _, w := range dispose(r.view.Waiting, dispositionFor(&conv)) {
			w.TurnID = turn.ID
			c.Messages = append(c.Messages, w)
		}
		c.Turns = []Turn{*turn}
		err := r.m.store.Commit(ctx, c)
		if err == nil {
			return turn, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
		view, err := r.m.store.Load(ctx, Query{ConversationID: conv.ID, Waiting: true, Tasks: true})
		if err != nil || view.Conversation == nil {
			return nil, err
		}
		r.view = view
	}
	return nil, errNoProgress
}

// drop ends a run whose conversation went elsewhere: nothing of it is sent,
// its staged changes are gone, what outside actions did stays recorded
// (S7.4).
func (r *run) drop(ctx context.Context) (*Turn, error) {
	turn := r.record(outcome{})
	turn.Exit = ExitDropped
	for range conflictLimit {
		view, err := r.m.store.Load(ctx, Query{ConversationID: r.task.ConversationID, Waiting: true, Tasks: true, TurnID: r.task.TurnID})
		if err != nil {
			return nil, fmt.Errorf("agent: load conversation: %w", err)
		}
		if view.Conversation == nil {
			return nil, nil // deleted: there is nothing to record it in
		}
		if view.Turn != nil && !completes(view.Turn, turn) {
			return view.Turn, r.m.release(ctx, r.task) // its own commit came through
		}
		conv := *view.Conversation
		c := Commit{Fence: &r.task.Fence, Release: true, Conversation: &conv, Turns: []Turn{*turn}, Journal: r.j.rows}
		if t := view.Task(r.task.Kind); t != nil && t.TurnID == r.task.TurnID {
			c.Delete = append(c.Delete, r.task.Kind)
			if len(view.Waiting) > 0 && r.task.Kind == TaskTurn {
				// The messages still wait for somebody: a turn of the new epoch.
				c.Delete = nil
				c.Put = append(c.Put, Task{ConversationID: conv.ID, Kind: TaskTurn, Due: r.m.now(), TurnID: r.m.newID(), Trigger: Trigger{Kind: TriggerInbound}})
			}
			if r.approval != nil {
				if next := r.m.nextApproval(*t, r.approval.ID); next != nil {
					c.Delete, c.Put = nil, []Task{*next} // the other calls are refused in their turn
				}
			}
		}
		if r.approval != nil {
			c.Approvals = []Approval{r.concluded()}
		}
		if err = r.m.store.Commit(ctx, c); err == nil {
			return turn, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return nil, errNoProgress
}

// completes reports whether a turn that was taken away knows more than the
// record which whoever took it left: it was under way by then (S7.4, S7.8).
func completes(left, turn *Turn) bool {
	return left.Exit == ExitDropped && (left.Rounds < turn.Rounds || !slices.EqualFunc(left.Calls, turn.Calls, func(a, b CallRecord) bool {
		return a.ID == b.ID && a.Outcome == b.Outcome
	}))
}

// endTurn records the end of a turn whose task a commit takes away that is not
// its own: a human's, an opt-out, that of an approval's turn. If it waits for
// its next try nobody else would ever tell what it did (S7.8); if it is under
// way, its worker completes the record when it notices: see drop. A turn that
// was not begun leaves none.
func (m *Mux) endTurn(ctx context.Context, view *View, c *Commit) error {
	t := view.Task(TaskTurn)
	if t == nil || slices.ContainsFunc(c.Turns, func(own Turn) bool { return own.ID == t.TurnID }) {
		return nil
	}
	other := func(put Task) bool { return put.Kind == TaskTurn && put.TurnID != t.TurnID }
	if !slices.Contains(c.Delete, TaskTurn) && !slices.ContainsFunc(c.Put, other) {
		return nil
	}
	turn, err := m.left(ctx, *t)
	if turn != nil {
		c.Turns = append(c.Turns, *turn)
	}
	return err
}

// left is the record of a turn that was taken away, as far as its journal
// tells; nil if it was not begun, has ended by itself, or its record says as
// much.
func (m *Mux) left(ctx context.Context, t Task) (*Turn, error) {
	view, err := m.store.Load(ctx, Query{ConversationID: t.ConversationID, TurnID: t.TurnID})
	if err != nil {
		return nil, fmt.Errorf("agent: load the turn that was taken away: %w", err)
	}
	if len(view.Journal) == 0 {
		return nil, nil
	}
	j, err := replay(t.TurnID, view.Journal)
	if err != nil || j.start == nil {
		// Nobody is kept from a conversation by a journal that cannot be read.
		m.log.Error("journal", "turn", t.TurnID, "error", err)
		return nil, nil
	}
	r := &run{m: m, a: m.byID[j.start.Agent], task: ClaimedTask{Task: t}, j: j, now: m.now()}
	turn := r.record(outcome{})
	turn.Exit, turn.Instructions = ExitDropped, j.start.Instructions
	if view.Turn != nil && !completes(view.Turn, turn) {
		return nil, nil
	}
	return turn, nil
}

// release gives a lane back and changes nothing else.
func (m *Mux) release(ctx context.Context, t ClaimedTask) error {
	return m.store.Commit(ctx, Commit{Fence: &t.Fence, Release: true})
}

// finish applies a small commit to the conversation as it is, whatever
// happened to it meanwhile, and gives the lane back.
func (m *Mux) finish(ctx context.Context, t ClaimedTask, c Commit) error {
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{ConversationID: t.ConversationID, Waiting: true, Tasks: true})
		if err != nil || view.Conversation == nil {
			return err
		}
		if len(view.Waiting) > 0 && slices.Contains(c.Delete, TaskTurn) {
			return m.release(ctx, t) // something came meanwhile: the task stays
		}
		conv := *view.Conversation
		c.Fence, c.Release, c.Conversation = &t.Fence, true, &conv
		if err := m.store.Commit(ctx, c); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return errNoProgress
}

func ids(msgs []frontdesk.Message) []string {
	var out []string
	for _, m := range msgs {
		out = append(out, m.ID)
	}
	return out
}
