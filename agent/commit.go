package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// errSuperseded sends a turn back to thinking: the contact wrote meanwhile.
var errSuperseded = errors.New("agent: a newer message supersedes the reply")

// commit applies all that a turn decided in one transaction (S7.4): messages,
// changes, assignment, close, follow-ups, outbox, the turn's record. It is
// tried again on what is stored now as often as somebody else gets in between,
// unless that somebody took the conversation or the contact wrote.
func (r *run) commit(ctx context.Context, out outcome) (*Turn, error) {
	unknown := 0
	for range conflictLimit {
		if err := r.notice(); err != nil {
			return nil, err
		}
		if r.newer() && !switches.Off(switches.Supersede) && r.j.superseded < r.a.cfg.Limits.Supersedes || !r.complete(out) {
			return nil, errSuperseded
		}
		turn, c, err := r.build(ctx, out)
		if err != nil {
			return nil, err
		}
		switch err = r.m.store.Commit(ctx, c); {
		case err == nil:
			return turn, nil
		case errors.Is(err, ErrConflict):
		case errors.Is(err, ErrFenced):
			return nil, err
		default:
			// Whether it was applied is not known: the turn's record tells.
			// If it was not, it is tried again; should it arrive late, the
			// versions keep it from being applied twice.
			view, lerr := r.m.store.Load(ctx, Query{ConversationID: turn.ConversationID, TurnID: turn.ID})
			if lerr == nil && view.Turn != nil {
				if e := view.Turn.Exit; e == ExitCancelled || e == ExitDropped {
					return nil, errDropped // not applied: somebody ended the ladder or took the turn away first
				}
				return turn, nil
			}
			if unknown++; lerr != nil || unknown >= 3 {
				return nil, fmt.Errorf("agent: commit: %w", err)
			}
		}
		if err := r.refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errNoProgress
}

// complete reports whether the outcome still stands: notice may have dropped
// the reply for a newer message.
func (r *run) complete(out outcome) bool {
	if out.failure != "" || r.ladder != nil {
		return true
	}
	s := r.j.last()
	return s != nil && len(s.answer.Calls) == 0
}

// record makes the record of the turn as it stands.
func (r *run) record(out outcome) *Turn {
	t := &Turn{
		ID: r.task.TurnID, ConversationID: r.task.ConversationID, Trigger: r.task.Trigger,
		Calls: append(r.j.calls(), r.j.begun()...), Sources: union(r.j.sources, r.sources), Missing: union(r.j.missing, r.missing), Rounds: r.j.rounds + r.j.failed, Superseded: r.j.superseded,
		Usage: r.j.usage, Failure: out.failure, Started: r.now, Ended: r.m.now(),
	}
	if r.a != nil {
		t.Agent, t.Instructions = r.a.cfg.Name, r.a.playbook.Hash
	}
	if r.j.start != nil && !r.j.start.Started.IsZero() {
		t.Started = r.j.start.Started
	}
	return t
}

// builder makes the one commit of a turn.
type builder struct {
	*run
	out    outcome
	now    time.Time
	conv   frontdesk.Conversation
	before frontdesk.Conversation
	staged staged
	// fallback is what the contact reads of a turn that failed.
	fallback string
	turn     *Turn
	c        Commit
	tasks    map[TaskKind]*Task // nil: deleted
	moved    bool               // the epoch rises
}

// build turns what was decided into a commit on what was read last.
func (r *run) build(ctx context.Context, out outcome) (*Turn, Commit, error) {
	b := &builder{run: r, out: out, now: r.m.now(), before: *r.view.Conversation, conv: *r.view.Conversation, staged: r.j.stage()}
	b.turn = r.record(out)
	b.tasks = map[TaskKind]*Task{r.task.Kind: nil}
	if r.ladder != nil {
		for _, res := range r.ladder.results {
			b.staged.add(res)
			b.turn.Calls = append(b.turn.Calls, res.Call)
		}
	}
	if out.failure != "" {
		b.fallback = r.fallbackText()
	}
	b.c = Commit{Fence: &r.task.Fence, Release: true, Journal: r.j.rows}
	b.contact()
	if out.failure != "" {
		// Whoever did not get an answer is not closed: the fallback sees to
		// them (S7.6).
		b.staged.close = nil
	}
	if err := b.route(ctx); err != nil {
		return nil, Commit{}, err
	}
	b.closing()
	if b.moved {
		b.conv.Epoch++ // once, whatever it was that moved it (S6.7)
	}
	b.notes()
	if r.ladder != nil {
		b.ladderMessages()
	} else {
		b.replies()
	}
	b.approvals()
	b.resolved()
	b.consume()
	b.followUps()
	b.exit()
	b.c.Conversation = &b.conv
	b.c.Turns = []Turn{*b.turn}
	for _, kind := range []TaskKind{TaskTurn, TaskFollowUp, TaskApproval, TaskSend} { // in a fixed order
		t, ok := b.tasks[kind]
		if !ok {
			continue
		}
		if t == nil {
			b.c.Delete = append(b.c.Delete, kind)
		} else {
			b.c.Put = append(b.c.Put, *t)
		}
	}
	if err := r.m.endTurn(ctx, &r.view, &b.c); err != nil {
		return nil, Commit{}, err
	}
	return b.turn, b.c, nil
}

// contact applies the staged changes to the contact as it is now.
func (b *builder) contact() {
	c, changes := b.staged.applyContact(*b.view.Contact)
	if len(changes) > 0 {
		b.c.Contact = &c
		b.turn.Changes = append(b.turn.Changes, changes...)
	}
}

// route carries out the staged assignment, or the fallback's, or makes the
// default agent the assignee of a conversation that nobody had (S1.2).
func (b *builder) route(ctx context.Context) error {
	target, method, ok := b.destination()
	if !ok {
		if b.conv.Assignee.Kind == frontdesk.Nobody {
			b.conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeAgent, ID: b.a.id}
			b.conv.AwaitsHuman = false
			b.turn.Changes = append(b.turn.Changes, assignChanges(&b.before, &b.conv)...)
			b.moved = true
		}
		return nil
	}
	d, err := b.m.choose(ctx, target, method, b.a.cfg.Fallback.Assign)
	if err != nil {
		return err
	}
	if d.choice.AIAgentID != "" && (b.out.failure != "" || d.fellBack) && b.hadIt(d.choice.AIAgentID) {
		// Agents that fall back on each other would go on for ever (S9.3).
		d = decision{target: frontdesk.Target{Kind: frontdesk.TargetNobody}, fellBack: d.fellBack, nobody: true}
	}
	if d.fellBack {
		to := "It waits for a human."
		if !d.nobody {
			to = "It went to " + d.target.Label() + " instead."
		}
		b.note("Nobody of " + target.Label() + " was available. " + to)
	}
	b.turn.Changes = append(b.turn.Changes, d.assign(&b.conv)...)
	b.c.Rotations, b.c.Loads = d.rotations, d.loads
	b.moved = true
	return nil
}

// hadIt reports whether an agent may not get the conversation once more since
// the contact wrote.
func (b *builder) hadIt(id string) bool {
	chain := b.task.Trigger.Agents
	return id == b.a.id || slices.Contains(chain, id) || len(chain) >= b.a.cfg.Limits.Handoffs
}

// destination is where the conversation goes, if it goes anywhere.
func (b *builder) destination() (t frontdesk.Target, m frontdesk.Method, ok bool) {
	if as := b.staged.assign; as != nil {
		return as.Target, as.Method, true
	}
	f := b.a.cfg.Fallback
	if b.out.failure == "" || switches.Off(switches.Fallback) {
		return t, m, false
	}
	if t, err := b.a.rules.exists(f.Assign); err == nil && t.Kind != "" {
		return t, b.a.rules.method(t, ""), true
	}
	if b.fallback == "" {
		return frontdesk.Target{Kind: frontdesk.TargetNobody}, "", true
	}
	return t, m, false
}

func (b *builder) closing() {
	if b.staged.close == nil {
		return
	}
	cl := *b.staged.close
	cl.Summary = b.filled(cl.Summary)
	b.turn.Changes = append(b.turn.Changes, closeConversation(&b.conv, cl, b.now)...)
	b.moved = true
	if b.ladder == nil && b.newer() {
		// The contact has written more than the turn could take up: it is as if
		// that came right after the close, and opens it again (S1.1, S7.3).
		b.conv.Status, b.conv.ClosedAt = frontdesk.Open, zeroTime
		b.turn.Changes = append(b.turn.Changes, Change{What: "status", Old: string(frontdesk.Closed), New: string(frontdesk.Open)})
	}
}

// filled completes what an agent wrote: the assignee's name is filled in, and
// no raw variable is left (S5.5, I22).
func (b *builder) filled(text string) string {
	if switches.Off(switches.Fill) {
		return text
	}
	return variables.Fill(text, func(namespace, name string) (string, bool) {
		return b.m.assigneeName(&b.conv), isAssigneeName(namespace, name)
	})
}

// note adds an internal message by the agent.
func (b *builder) note(text string) {
	m := b.m.note(&b.conv, b.turn.ID, text)
	m.Author = frontdesk.Author{Kind: frontdesk.AuthorAgent, ID: b.a.id, Name: b.a.cfg.Name}
	b.c.Messages = append(b.c.Messages, m)
}

// note makes an internal message by the system, next in the conversation.
func (m *Mux) note(c *frontdesk.Conversation, turnID, text string) frontdesk.Message {
	c.LastSeq++
	return frontdesk.Message{
		ID: m.newID(), ConversationID: c.ID, Seq: c.LastSeq, Direction: frontdesk.DirInternal,
		Author: frontdesk.Author{Kind: frontdesk.AuthorSystem}, Text: text, At: m.now(), TurnID: turnID,
	}
}

// notes writes what humans should know: comments, why the conversation comes
// to them, why the agent gave up.
func (b *builder) notes() {
	for _, text := range b.staged.comments {
		if text = b.filled(text); text == "" {
			continue
		}
		b.note(text)
		b.turn.Changes = append(b.turn.Changes, Change{What: "comment", New: text})
	}
	if as := b.staged.assign; as != nil && b.conv.Assignee.Kind != frontdesk.AssigneeAgent && (as.Reason != "" || as.Summary != "") {
		b.note(strings.TrimSpace("Handed over. " + b.filled(as.Reason) + "\n" + b.filled(as.Summary)))
	}
	if b.out.failure != "" {
		b.note(fmt.Sprintf("%s could not answer: %s.", b.a.cfg.Name, b.out.failure))
	}
}

// replies queues what the contact will read, split as the channel needs
// (S10.4), in the epoch that this commit makes.
func (b *builder) replies() {
	text := b.out.text
	if b.out.failure != "" {
		text = b.fallback
	}
	b.queue(text, false, "")
}

// fallbackText is the set text of the fallback with its variables replaced;
// empty where there is none, or the policy on outgoing texts forbids it.
func (r *run) fallbackText() string {
	text := cleanText(r.expand(r.a.cfg.Fallback.Text), r.a.cfg.Limits.ReplyBytes)
	if text == "" {
		return ""
	}
	return strings.Join(r.allowed([]string{text}), "")
}

// queue adds a text to the outbox. It returns the ID of the last message, or
// nothing if there was no text.
func (b *builder) queue(text string, followUp bool, template string) (last string) {
	// Nothing but the assignee's name is filled in, and no raw variable leaves
	// (S5.5, I22). The text is cleaned first: a character that is taken out
	// must not complete a variable.
	text = b.filled(cleanText(text, b.a.cfg.Limits.ReplyBytes))
	if text = cleanText(text, b.a.cfg.Limits.ReplyBytes); text == "" {
		return ""
	}
	for _, part := range splitText(text, b.a.cfg.Channel.Capabilities(b.conv.Channel).MaxLength) {
		b.conv.LastSeq++
		b.conv.Unanswered++
		msg := frontdesk.Message{
			ID: b.m.newID(), ConversationID: b.conv.ID, Seq: b.conv.LastSeq, Direction: frontdesk.DirOutbound,
			Author: frontdesk.Author{Kind: frontdesk.AuthorAgent, ID: b.a.id, Name: b.a.cfg.Name},
			Text:   part, At: b.now, TurnID: b.turn.ID, Status: frontdesk.Queued, Epoch: b.conv.Epoch, FollowUp: followUp, Template: template,
		}
		b.c.Messages = append(b.c.Messages, msg)
		b.turn.Replies = append(b.turn.Replies, msg)
		last = msg.ID
	}
	send := sendTask(&b.view, b.conv.ID, b.now)
	b.tasks[TaskSend] = &send
	return last
}

// approvals stores the calls that wait for a person, with the epoch in which
// they may run (S6.9).
func (b *builder) approvals() {
	for _, rec := range b.turn.Calls {
		if rec.Outcome != CallPending {
			continue
		}
		b.c.Approvals = append(b.c.Approvals, Approval{
			ID: rec.ID, ConversationID: b.conv.ID, TurnID: b.turn.ID, Agent: b.a.id, Name: rec.Name, Key: rec.ID,
			Arguments: string(rec.Arguments), Instructions: b.a.playbook.Hash, Epoch: b.conv.Epoch, Status: ApprovalPending, At: b.now,
		})
	}
}

// consume marks the messages that the turn answers, and leaves the others to
// the next turn or to whoever has the conversation now.
func (b *builder) consume() {
	var rest []frontdesk.Message
	for _, w := range b.view.Waiting {
		if w.Seq > b.j.seen {
			rest = append(rest, w)
			continue
		}
		w.TurnID = b.turn.ID
		if b.out.poisoned {
			w.Disposition = frontdesk.DispositionQuarantined
		}
		b.turn.Inbound = append(b.turn.Inbound, w.ID)
		b.c.Messages = append(b.c.Messages, w)
	}
	next := b.m.agentOf(&b.conv)
	switch {
	case next != nil && next != b.a:
		t := Trigger{
			Kind: TriggerHandoff, From: b.a.cfg.Name, TurnID: b.turn.ID, Reason: b.out.failure,
			Agents: append(append([]string(nil), b.task.Trigger.Agents...), b.a.id),
		}
		if as := b.staged.assign; as != nil {
			t.Reason, t.Summary = b.filled(as.Reason), b.filled(as.Summary)
		}
		b.turn.NextID = b.nextTurn(t)
	case len(rest) == 0:
	case next != nil:
		b.nextTurn(Trigger{Kind: TriggerInbound})
	default:
		b.c.Messages = append(b.c.Messages, dispose(rest, dispositionFor(&b.conv))...)
	}
	if _, set := b.tasks[TaskTurn]; !set && next == nil && b.view.Task(TaskTurn) != nil {
		// An approval's turn may have answered what a waiting turn was for: it
		// does not outlive a close (I17).
		b.tasks[TaskTurn] = nil
	}
}

// nextTurn triggers a turn in this commit, under an ID that does not change
// when the commit has to be made again.
func (b *builder) nextTurn(t Trigger) string {
	// A turn that waits while an approval's runs goes on under its ID. One that
	// was begun in the epoch before could only be dropped, and what it is to do
	// with it: a conversation that moves gets a new one.
	if b.task.Kind == TaskApproval && !b.moved {
		if have := b.view.Task(TaskTurn); have != nil {
			again := *have
			b.tasks[TaskTurn] = &again
			return again.TurnID
		}
	}
	next := &Task{ConversationID: b.conv.ID, Kind: TaskTurn, Due: b.now, TurnID: b.m.newID(), Trigger: t}
	b.tasks[TaskTurn] = next
	return next.TurnID
}

// followUps arms a ladder for the silence that may follow this reply, or ends
// the one that runs (S8.2, S8.4).
func (b *builder) followUps() {
	if _, own := b.tasks[TaskFollowUp]; own {
		return // a ladder's own step decides for itself
	}
	had := b.view.Task(TaskFollowUp)
	ends := b.staged.moves() || b.staged.stopped != "" || b.out.failure != "" || b.m.agentOf(&b.conv) != b.a
	if n := len(b.turn.Replies); n > 0 && !ends {
		if l, ok := b.pickLadder(); ok {
			if t := b.arm(l, b.turn.Replies[n-1].ID); t != nil {
				b.tasks[TaskFollowUp] = t
				b.turn.Changes = append(b.turn.Changes, Change{What: "follow_up", New: "armed"})
				return
			}
		}
	}
	if had != nil {
		b.tasks[TaskFollowUp] = nil
		b.turn.Changes = append(b.turn.Changes, Change{What: "follow_up", Old: "armed", New: "cancelled"})
	} else if b.staged.stopped != "" {
		b.turn.Changes = append(b.turn.Changes, Change{What: "follow_up", New: "stopped: " + b.staged.stopped})
	}
}

// pickLadder is the ladder that the LLM chose, else the first that applies
// always.
func (b *builder) pickLadder() (followup.Ladder, bool) {
	if n := b.staged.ladder; n >= 1 && n <= len(b.a.ladders) {
		return b.a.ladders[n-1], true
	}
	for _, l := range b.a.ladders {
		if l.Condition == "" {
			return l, true
		}
	}
	return followup.Ladder{}, false
}

func (b *builder) arm(l followup.Ladder, after string) *Task {
	s, ok := followup.Arm(l, followup.ArmOptions{
		After: after, DefaultDelay: b.a.cfg.FollowUps.DefaultDelay, Agent: b.a.id, Epoch: b.conv.Epoch, At: b.now,
	})
	if !ok {
		return nil
	}
	// The ladder knows who had the conversation: its own handoffs count since
	// the contact wrote, too (S9.3).
	t := Trigger{Kind: TriggerFollowUp, Agents: b.task.Trigger.Agents}
	return &Task{ConversationID: b.conv.ID, Kind: TaskFollowUp, TurnID: b.m.newID(), Trigger: t, Ladder: &s}
}

// exit names the one reason for which the turn ended.
func (b *builder) exit() {
	switch {
	case b.out.failure != "":
		b.turn.Exit = ExitFallback
	case b.ladder != nil:
		b.turn.Exit = ExitFollowedUp
	case b.staged.close != nil:
		b.turn.Exit = ExitClosed
	case b.staged.assign != nil:
		b.turn.Exit = ExitHandedOff
	default:
		b.turn.Exit = ExitReplied
	}
}

// ladderNumber reads the argument of choose_follow_up; 0 if there is none.
func ladderNumber(args json.RawMessage) int {
	var a struct {
		Number string `json:"number"`
	}
	if json.Unmarshal(args, &a) != nil {
		return 0
	}
	n, err := strconv.Atoi(a.Number)
	if err != nil {
		return 0
	}
	return n
}
