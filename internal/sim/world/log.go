package world

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Event is one line of a log.
type Event struct {
	At           time.Time
	Actor        string
	Op           string
	Conversation string
	// Key is the idempotency key of a send or an action.
	Key  string
	Text string
}

func (e Event) String() string {
	return strings.TrimSpace(fmt.Sprintf("%8s %-10s %-7s %s %s %s", e.At.Sub(start), e.Actor, e.Op, e.Conversation, e.Key, e.Text))
}

// Log is what a run did, from the commits that the store took and what the
// channel delivered, and what was wrong with it. It keeps a model of its own
// of what must be stored, and trusts nothing that the engine says of itself.
type Log struct {
	w          *World
	events     []Event
	violations []string
	state      uint64 // of all that happened, in its order
	// The same by what it is about: two events on different parts commute.
	stored, journals, lanes, outside uint64
	full                             bool // commits count in the hash with all that is in them
	conversations                    map[string]*conversation
	order                            []string // of conversations, as they were made
	messages                         map[string]*message
	inbound                          map[string]string // provider's IDs, to ours
	turns                            map[string]*agent.Turn
	started                          map[string]int64  // turns, to the epoch in which they began
	pinned                           map[string]string // turns, to the hash of their instructions
	restarts                         map[string]uint64
	recorded                         map[uint64]int // requests whose answer was stored, to when
	effects                          map[string]int // keys of actions, to how often they ran
	keys                             map[string]string
	assigned                         map[string]int // by rotation, to users
	commits, deliveries              int
	extra                            *extra // what is known in storms alone
}

// conversation is the log's model of one.
type conversation struct {
	conv  frontdesk.Conversation
	tasks map[agent.TaskKind]agent.Task
	token map[agent.Lane]int64
	// claims counts those of each lane: the tokens are the store's own.
	claims map[agent.Lane]int64
	held   map[agent.Lane]bool
	// returned are the tokens of the lane of turns that their holders gave back.
	returned map[int64]bool
	// contactSeq is the newest message of the contact, armedSeq the newest
	// message of all when a ladder was armed.
	contactSeq, armedSeq int64
	// raised is when the epoch rose last.
	raised time.Time
	// left is the Seq of the newest message that was delivered.
	left     int64
	messages []*message
	gone     time.Time // in truth, when it was deleted
}

type message struct {
	frontdesk.Message
	visible int
	// settled is when its outcome was first known, in truth.
	settled time.Time
	// torn is set when its sending was taken from a worker by one that had read
	// the clock before it was set back.
	torn bool
}

func newLog(w *World) *Log {
	return &Log{
		w: w, conversations: map[string]*conversation{}, messages: map[string]*message{}, inbound: map[string]string{},
		turns: map[string]*agent.Turn{}, started: map[string]int64{}, pinned: map[string]string{}, restarts: map[string]uint64{}, recorded: map[uint64]int{}, effects: map[string]int{},
		keys: map[string]string{}, assigned: map[string]int{},
	}
}

// Hash stands for all that happened. It is the same for the same run.
func (l *Log) Hash() uint64 { return l.state }

// Violations are the promises that were broken.
func (l *Log) Violations() []string { return l.violations }

func (l *Log) String() string {
	var b strings.Builder
	for _, e := range l.events {
		b.WriteString("\t" + e.String() + "\n")
	}
	return b.String()
}

func (l *Log) actor() *actor { return l.w.sched.current }

// add appends an event, and counts it among what was written.
func (l *Log) add(e Event) {
	e.At = l.w.now
	if a := l.actor(); a != nil {
		e.Actor = a.name
	}
	l.state = mix(l.state, text(e.Op), text(e.Actor), text(e.Conversation), text(e.Key), text(e.Text), uint64(e.At.UnixNano()))
	part := &l.outside
	switch e.Op {
	case "commit", "delete":
		part = &l.stored
	case "append":
		part = &l.journals
	case "claim", "release":
		part = &l.lanes
	}
	*part = mix(*part, text(e.Op), text(e.Actor), uint64(e.At.UnixNano()))
	if a := l.actor(); a != nil {
		*part = mix(*part, a.seen)
	}
	l.events = append(l.events, e)
}

func (l *Log) violate(format string, args ...any) {
	v := fmt.Sprintf(format, args...)
	if !slices.Contains(l.violations, v) {
		l.violations = append(l.violations, v)
		l.events = append(l.events, Event{At: l.w.now, Op: "WRONG", Text: v})
	}
}

func (l *Log) conversation(id string) *conversation {
	c := l.conversations[id]
	if c == nil {
		c = &conversation{tasks: map[agent.TaskKind]agent.Task{}, token: map[agent.Lane]int64{}, claims: map[agent.Lane]int64{}, held: map[agent.Lane]bool{}, returned: map[int64]bool{}}
		l.conversations[id] = c
		l.order = append(l.order, id)
	}
	return c
}

// token is the newest of a lane.
func (l *Log) token(f agent.Fence) int64 { return l.conversation(f.ConversationID).token[f.Lane] }

func (l *Log) claim(t agent.ClaimedTask, at time.Time) {
	c := l.conversation(t.ConversationID)
	if t.Fence.Token <= c.token[t.Fence.Lane] {
		l.violate("I6: token %d was given after %d", t.Fence.Token, c.token[t.Fence.Lane])
	}
	if a := l.actor(); a != nil && l.extra != nil {
		a.conversation = t.ConversationID
	}
	if t.Fence.Lane == agent.LaneSend && c.held[t.Fence.Lane] && at.After(l.w.now) {
		// The clock was set back after the worker had read it: it may have taken
		// a lease that had not ended, in the middle of a send.
		for _, m := range l.messages {
			if m.ConversationID == t.ConversationID && m.Status == frontdesk.Sending {
				m.torn = true
			}
		}
	}
	c.token[t.Fence.Lane], c.held[t.Fence.Lane] = t.Fence.Token, true
	c.claims[t.Fence.Lane]++
	if a := l.actor(); a != nil {
		a.turn, a.behind = t.TurnID, false
		if t.Fence.Lane == agent.LaneTurn {
			a.token = t.Fence.Token
		}
	}
	l.add(Event{Op: "claim", Conversation: t.ConversationID, Text: fmt.Sprintf("%s #%d attempt %d", t.Kind, c.claims[t.Fence.Lane], t.Attempts)})
}

func (l *Log) fence(f agent.Fence, op string) {
	c := l.conversation(f.ConversationID)
	if !c.held[f.Lane] || c.token[f.Lane] != f.Token {
		l.violate("I6: %s under the stale token %d of lane %s", op, f.Token, f.Lane)
	}
}

func (l *Log) append(f agent.Fence, rows []agent.Entry) {
	l.fence(f, "append")
	l.rows(rows)
	if a := l.actor(); a != nil {
		a.checked = len(l.events)
	}
	kinds := make([]string, len(rows))
	for i, r := range rows {
		kinds[i] = string(r.Kind)
	}
	l.add(Event{Op: "append", Conversation: f.ConversationID, Text: strings.Join(kinds, " ")})
}

func (l *Log) rows(rows []agent.Entry) {
	for _, r := range rows {
		switch r.Kind {
		case agent.EntryResult:
			if a := l.actor(); a != nil {
				a.behind = false
			}
			if l.extra != nil {
				if l.extra.results[r.TurnID]++; l.extra.results[r.TurnID] == 22 {
					l.violate("I2: turn %s made 22 calls and did not end", r.TurnID)
				}
			}
		case agent.EntryAnswer:
			if l.extra != nil {
				if l.extra.asked[r.TurnID]++; l.extra.asked[r.TurnID] == 10 {
					l.violate("I2: turn %s got 10 answers of the LLM and did not end", r.TurnID)
				}
				l.answer(r)
			}
			if a := l.actor(); a != nil {
				l.recorded[mix(a.asked, text(r.TurnID), l.restarts[r.TurnID])] = len(l.events)
			}
		case agent.EntryStart, agent.EntryRestart:
			var d struct {
				Epoch        int64  `json:"epoch"`
				Instructions string `json:"instructions"`
			}
			if err := json.Unmarshal(r.Data, &d); err != nil {
				l.violate("a journal row that cannot be read: %v", err)
			}
			l.started[r.TurnID] = d.Epoch
			l.pinned[r.TurnID] = d.Instructions
			if r.Kind == agent.EntryRestart {
				l.restarts[r.TurnID]++ // its answers so far no longer count
			}
		}
	}
}

// ask takes note of a request to the LLM.
func (l *Log) ask(request uint64) {
	if a := l.actor(); a != nil {
		a.asked = request
		// Whoever loses the lease between its last check and the call asks in
		// vain: that costs money and nothing else.
		if at, ok := l.recorded[mix(request, text(a.turn), l.restarts[a.turn])]; ok && at < a.checked {
			l.violate("rule 2: the LLM was asked again for an answer that was recorded")
		}
	}
	l.add(Event{Op: "llm"})
}

// run takes note of an action's effect.
func (l *Log) run(call actions.Call, name string, in purchase) {
	conversationID, key := call.Conversation.ID, call.Key
	l.owned(conversationID)
	l.ran(call, name, in)
	l.effects[key]++
	if name == "charge" {
		if l.effects[key] > 1 {
			l.violate("S6.8: an at-most-once action ran twice under %s", key)
		}
		if a := l.actor(); a != nil {
			a.behind = true
		}
	}
	if turn, _, _ := strings.Cut(key, "/"); l.extra == nil {
		// Outside of storms each action is called once in a turn.
		if old, ok := l.keys[turn+name]; ok && old != key {
			l.violate("S6.8: action %s ran under the keys %s and %s", name, old, key)
		}
		l.keys[turn+name] = key
	}
	l.add(Event{Op: "action", Conversation: conversationID, Text: name, Key: key})
}

// thought forgets what the actor saw before the LLM took its time.
func (l *Log) thought() {
	if a := l.actor(); a != nil {
		a.looked = nil
	}
}

// owned sees that whoever acts outside has looked who has the conversation,
// since the LLM took its time (S1.2).
func (l *Log) owned(conversationID string) {
	a := l.actor()
	if a == nil {
		return
	}
	if began, ok := l.started[a.turn]; ok && a.looked[conversationID] != began {
		l.violate("S1.2: turn %s of epoch %d acts outside, and saw the conversation in epoch %d last (0: not since it asked)", a.turn, began, a.looked[conversationID])
	}
}

// deliver takes note of a message that the contact sees.
func (l *Log) deliver(out agent.Outbound) {
	l.deliveries++
	l.add(Event{Op: "deliver", Conversation: out.ConversationID, Key: out.Key, Text: out.Text})
	m := l.messages[out.Key]
	if m == nil {
		l.violate("a message was delivered that was never stored: %s", out.Key)
		return
	}
	if m.visible++; m.visible > 1 {
		l.violate("I5: a message was delivered %d times: %s", m.visible, out.Key)
		return
	}
	c := l.conversation(m.ConversationID)
	if m.Seq < c.left && !l.excused(m) {
		l.violate("I6: message %d was delivered after message %d", m.Seq, c.left)
	}
	c.left = max(c.left, m.Seq)
	if m.Status != frontdesk.Sending && !l.excused(m) {
		l.violate("S7.4: a message was delivered that was not claimed: %s is %s", out.Key, m.Status)
	}
	if now := l.w.now; l.extra == nil && now.Sub(m.ClaimedAt) > sendWindow {
		l.violate("rule 5: a message was delivered %v after its claim: %s", now.Sub(m.ClaimedAt), out.Key)
	}
}

// commit takes note of a transaction that the store took.
func (l *Log) commit(c agent.Commit) {
	id := ""
	switch {
	case c.Conversation != nil:
		id = c.Conversation.ID
	case c.Fence != nil:
		id = c.Fence.ConversationID
	}
	m := l.conversation(id)
	if c.Fence != nil {
		l.fence(*c.Fence, "commit")
	}
	l.rows(c.Journal)
	l.commits++
	before := m.conv
	l.before(m, &c)
	l.checkConversation(&before, c.Conversation)
	for i := range c.Turns {
		l.checkTurn(m, &c, &c.Turns[i])
	}
	for i := range c.Messages {
		l.checkMessage(m, c.Conversation, &c.Messages[i])
	}
	if c.Conversation != nil {
		if c.Conversation.Epoch != before.Epoch {
			m.raised = l.w.now
		}
		m.conv = *c.Conversation
		m.conv.Version++
	}
	for i := range c.Messages {
		l.put(m, &c.Messages[i])
	}
	for i := range c.Turns {
		l.checkLeft(m, &c.Turns[i])
	}
	l.tasks(m, &c)
	l.after(m, &c, &before)
	if c.Fence != nil && c.Release {
		m.held[c.Fence.Lane] = false
		if c.Fence.Lane == agent.LaneTurn {
			m.returned[c.Fence.Token] = true
		}
		l.lanes = mix(l.lanes, text(string(c.Fence.Lane)))
	}
	for _, r := range c.Rotations {
		l.assigned[r.Name+"/"+r.Last]++
	}
	if l.full {
		as := c
		if c.Fence != nil {
			f := *c.Fence
			f.Token = m.claims[f.Lane]
			as.Fence = &f
		}
		l.state = mix(l.state, hashOf(as))
	}
	l.add(Event{Op: "commit", Conversation: id, Text: describe(&before, &c)})
}

func (l *Log) checkConversation(before, after *frontdesk.Conversation) {
	if after == nil {
		return
	}
	switch {
	case after.Version != before.Version:
		l.violate("a commit decided from version %d was taken at version %d", after.Version, before.Version)
	case after.Epoch < before.Epoch:
		l.violate("S1: the epoch fell from %d to %d", before.Epoch, after.Epoch)
	case before.Version > 0 && after.Epoch == before.Epoch && (after.Status != before.Status || after.Assignee != before.Assignee || after.OptedOut != before.OptedOut):
		l.violate("S1: the conversation changed hands in epoch %d", after.Epoch)
	}
}

// checkTurn checks the record of a turn against the conversation as it was
// before its commit.
func (l *Log) checkTurn(m *conversation, c *agent.Commit, t *agent.Turn) {
	if old := l.turns[t.ID]; old != nil && !completes(old, t, c, l.effects) {
		l.violate("I13: turn %s ended twice: %s, then %s", t.ID, old.Exit, t.Exit)
	}
	l.turns[t.ID] = t
	for _, r := range t.Replies {
		if !slices.ContainsFunc(c.Messages, func(m frontdesk.Message) bool { return m.ID == r.ID }) {
			l.violate("rule 3: turn %s was committed without its reply", t.ID)
		}
	}
	if len(t.Replies) == 0 {
		return
	}
	if started, ok := l.started[t.ID]; ok && started != m.conv.Epoch {
		l.violate("S7.4: a turn that began in epoch %d was committed in epoch %d", started, m.conv.Epoch)
	}
	if a := m.conv.Assignee; m.conv.Status != frontdesk.Open || m.conv.AwaitsHuman || a.Kind == frontdesk.AssigneeUser {
		l.violate("S1.2: an agent wrote on a conversation that is %s and assigned to %q", m.conv.Status, a.ID)
	}
}

// completes reports whether the record of a step or a turn that somebody else
// ended while it was being done is only told what it had done by then: it has
// the same end, for the same reason, and says more.
func completes(old, t *agent.Turn, c *agent.Commit, effects map[string]int) bool {
	if old.Exit != t.Exit || old.Failure != t.Failure || c.Fence == nil || len(c.Messages) > 0 || len(c.Put) > 0 {
		return false
	}
	switch old.Exit {
	case agent.ExitCancelled:
		return len(old.Calls) == 0 && len(t.Calls) > 0 // this once
	case agent.ExitDropped:
		more := t.Rounds > old.Rounds || len(t.Calls) > len(old.Calls)
		for _, was := range old.Calls {
			i := slices.IndexFunc(t.Calls, func(c agent.CallRecord) bool { return c.ID == was.ID })
			if i < 0 && effects[was.ID] > 0 || i >= 0 && t.Calls[i].Outcome != was.Outcome && was.Outcome != agent.CallUnknown {
				return false // what was done is not denied; what was only staged is gone when a turn decides anew
			}
			more = more || i >= 0 && t.Calls[i].Outcome != was.Outcome
		}
		return more
	}
	return false
}

// checkLeft checks that a reply left no message unanswered that was stored
// before it (S7.3).
func (l *Log) checkLeft(m *conversation, t *agent.Turn) {
	if t.Exit != agent.ExitReplied || t.Superseded >= 3 {
		return
	}
	for _, msg := range m.messages {
		if msg.Direction == frontdesk.DirInbound && msg.TurnID == "" && msg.Disposition == "" {
			l.violate("S7.3: a reply was committed after message %d, which it does not answer", msg.Seq)
		}
	}
}

// checkMessage checks a message against what was stored of it.
func (l *Log) checkMessage(m *conversation, now *frontdesk.Conversation, msg *frontdesk.Message) {
	old := l.messages[msg.ID]
	switch {
	case old == nil && msg.Direction == frontdesk.DirInbound:
		key := m.conv.Channel + "/" + msg.ProviderID
		if now != nil {
			key = now.Channel + "/" + msg.ProviderID
		}
		if first, ok := l.inbound[key]; ok && first != forgotten {
			l.violate("rule 1: one inbound was stored as %s and %s", first, msg.ID)
		}
		l.inbound[key] = msg.ID
	case old == nil && msg.FollowUp:
		l.checkFollowUp(m)
	case old == nil:
	case msg.Direction == frontdesk.DirInbound:
		if old.TurnID != "" && old.TurnID != msg.TurnID || old.Disposition != "" && old.Disposition != msg.Disposition {
			l.violate("I1: message %d was settled twice", msg.Seq)
		}
	case msg.Status == frontdesk.Sending && msg.Attempts > old.Attempts:
		if !old.Exempt && old.Epoch != m.conv.Epoch {
			l.violate("I3: a message of epoch %d was claimed for sending in epoch %d", old.Epoch, m.conv.Epoch)
		}
		if since := msg.ClaimedAt.Sub(m.conv.LastInbound); !old.Exempt && m.conv.Channel == "sms" && since > smsWindow {
			l.violate("S10.4: a message was claimed for sending %v after the contact wrote", since)
		}
		if old.FollowUp && m.contactSeq > old.Seq {
			l.violate("rule 5: a follow-up was claimed for sending after the contact had written")
		}
	case old.Status != msg.Status && !old.Status.Before(msg.Status) && (old.Status != frontdesk.Sending || msg.Status != frontdesk.Queued):
		l.violate("S10.1: the status of a message went from %s to %s", old.Status, msg.Status)
	}
}

func (l *Log) checkFollowUp(m *conversation) {
	if m.contactSeq > m.armedSeq {
		l.violate("S8.4: a follow-up fired after the contact had written")
	}
	for _, in := range m.messages {
		if in.Direction == frontdesk.DirInbound && in.TurnID == "" && in.Disposition == "" {
			l.violate("S8.4: a follow-up fired while message %d waits for its answer", in.Seq)
		}
	}
	for _, prev := range slices.Backward(m.messages) {
		if prev.Direction != frontdesk.DirOutbound || prev.Author.Kind != frontdesk.AuthorAgent {
			continue
		}
		if !prev.Status.Settled() {
			l.violate("S8.2: a follow-up fired before the outcome of the message before it")
		} else if l.extra != nil {
			l.early(prev)
		} else if l.w.now.Sub(prev.SettledAt) < ladderDelay {
			l.violate("S8.1: a follow-up fired %v after the message before it", l.w.now.Sub(prev.SettledAt))
		}
		break
	}
}

func (l *Log) put(m *conversation, msg *frontdesk.Message) {
	old := l.messages[msg.ID]
	if old == nil {
		old = &message{}
		l.messages[msg.ID] = old
		m.messages = append(m.messages, old)
		if msg.Direction == frontdesk.DirInbound {
			m.contactSeq = max(m.contactSeq, msg.Seq)
		}
		old.Epoch, old.FollowUp = msg.Epoch, msg.FollowUp
	}
	epoch, followUp := old.Epoch, old.FollowUp
	old.Message = *msg
	old.Epoch, old.FollowUp = epoch, followUp
}

func (l *Log) tasks(m *conversation, c *agent.Commit) {
	var armed, left *agent.Task
	if t, ok := m.tasks[agent.TaskFollowUp]; ok {
		armed = &t
	}
	defer func() {
		if t, ok := m.tasks[agent.TaskFollowUp]; ok {
			left = &t
		}
		l.ladderEnds(armed, left, c)
	}()
	for _, k := range c.Delete {
		delete(m.tasks, k)
	}
	for _, t := range c.Put {
		m.tasks[t.Kind] = t
		if t.Kind == agent.TaskFollowUp && len(c.Turns) > 0 && t.Ladder != nil && t.Ladder.Step == 0 {
			m.armedSeq = m.conv.LastSeq
		}
	}
}

// describe says what a commit did, for people.
func describe(before *frontdesk.Conversation, c *agent.Commit) string {
	var parts []string
	if c.Conversation != nil && c.Conversation.Epoch != before.Epoch {
		parts = append(parts, fmt.Sprintf("epoch %d %s %s", c.Conversation.Epoch, c.Conversation.Status, c.Conversation.Assignee.ID))
	}
	for _, m := range c.Messages {
		s := fmt.Sprintf("%s %d", m.Direction, m.Seq)
		if m.Status != "" {
			s += " " + string(m.Status)
		}
		if m.TurnID != "" && m.Direction == frontdesk.DirInbound {
			s += " by " + m.TurnID
		}
		if m.Disposition != "" {
			s += " " + string(m.Disposition)
		}
		parts = append(parts, s)
	}
	for _, t := range c.Turns {
		parts = append(parts, "turn "+t.ID+" "+string(t.Exit)+" "+t.Failure)
	}
	for _, k := range c.Delete {
		parts = append(parts, "-"+string(k))
	}
	for _, t := range c.Put {
		s := "+" + string(t.Kind)
		if t.Due.IsZero() {
			s += " blocked"
		} else {
			s += " at " + t.Due.Sub(start).String()
		}
		parts = append(parts, s)
	}
	if c.Release {
		parts = append(parts, "release")
	}
	return strings.Join(parts, "; ")
}

// settle checks a world in which nothing more is to be done.
func (l *Log) settle() {
	for _, id := range l.order {
		c := l.conversations[id]
		if l.isGone(id) {
			continue
		}
		for _, m := range c.messages {
			switch {
			case m.Direction == frontdesk.DirInbound && m.TurnID == "" && m.Disposition == "":
				l.violate("I1: message %d of %s was neither answered nor disposed of", m.Seq, id)
			case m.Direction == frontdesk.DirInbound && m.Disposition == "":
				l.checkAnswered(m)
			case m.Direction == frontdesk.DirOutbound && !m.Status.Settled():
				l.violate("I32: message %d of %s is %s for ever", m.Seq, id, m.Status)
			case m.Status == frontdesk.Cancelled && m.Epoch == c.conv.Epoch && !m.FollowUp:
				l.violate("S7.4: message %d of %s was cancelled in its own epoch", m.Seq, id)
			case m.Status == frontdesk.Cancelled && m.visible > 0 && !m.torn:
				l.violate("S10.1: message %d of %s counts as cancelled and was delivered", m.Seq, id)
			case m.Status == frontdesk.Failed && m.visible > 0 && m.Reason != "":
				// What a channel reports later has no reason here.
				l.violate("S10.1: message %d of %s counts as failed (%s) and was delivered", m.Seq, id, m.Reason)
			case m.Status == frontdesk.Sent && m.visible == 0 && !strings.HasPrefix(m.ProviderID, "phone-") && !c.showed(m.Text) && !l.ofGone(m.ProviderID):
				l.violate("S10.1: message %d of %s counts as sent and was not delivered", m.Seq, id)
			}
		}
		for _, k := range []agent.TaskKind{agent.TaskTurn, agent.TaskFollowUp, agent.TaskSend, agent.TaskApproval, agent.TaskEcho} {
			if t, ok := c.tasks[k]; ok {
				l.violate("I12: a task %s of %s is left behind, due %v", k, id, t.Due)
			}
		}
	}
	l.checkRotation()
}

// showed reports whether the contact saw a message with that text. Where
// several have the same, nobody can say which an echo without a key shows.
func (c *conversation) showed(text string) bool {
	return slices.ContainsFunc(c.messages, func(m *message) bool { return m.visible > 0 && m.Text == text })
}

// checkAnswered checks that the turn which took a message did something about
// it.
func (l *Log) checkAnswered(m *message) {
	t := l.turns[m.TurnID]
	switch {
	case t == nil:
		l.violate("I1: message %d was taken by turn %s, of which there is no record", m.Seq, m.TurnID)
	case !slices.Contains(t.Inbound, m.ID):
		l.violate("I1: message %d was taken by turn %s, which does not know it", m.Seq, m.TurnID)
	case t.Exit == agent.ExitReplied && len(t.Replies) == 0, t.Exit == agent.ExitDropped, t.Exit == agent.ExitCancelled:
		l.violate("I32: message %d was taken by turn %s, which ended as %s and wrote %d replies", m.Seq, m.TurnID, t.Exit, len(t.Replies))
	}
}

// checkRotation checks that each member of a rotation got as many as any
// other, give or take one (S5.4).
func (l *Log) checkRotation() {
	for _, team := range stormWorkspace().Teams {
		least, most := -1, 0
		for _, u := range team.Members {
			n := l.assigned["team:"+team.ID+"/"+u]
			if least < 0 || n < least {
				least = n
			}
			most = max(most, n)
		}
		if most-least > 1 {
			l.violate("S5.4: one member of team %s got %d conversations, another %d", team.ID, most, least)
		}
	}
}
