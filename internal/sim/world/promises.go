package world

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// What is checked in storms besides what the log checks everywhere. Which
// check holds which invariant is said in the package comment.

// extra is what the log knows in storms alone.
type extra struct {
	asked     map[string]int // LLM answers by turn
	results   map[string]int // results of calls by turn
	uses      map[string]use // idempotency keys of actions, to what they stood for
	approvals map[string]agent.Approval
	contacts  map[string]frontdesk.Contact
	owners    map[string]string // conversations, to "contact-channel"
	lane      map[string]*laneState
	useless   map[string]string // turns, to why their last answer was dropped
}

// use is what an idempotency key stood for.
type use struct {
	conversation, name string
	amount             int
	// token is that of the lane under which it ran last.
	token int64
}

// laneState is what the log knows of a conversation in storms alone.
type laneState struct {
	// chain are the agents that had it since the contact wrote, or a human gave
	// it to one.
	chain []string
	// fired is the last step of the ladder that was done in this silence.
	fired int
	// raisedTrue is when the epoch rose last, wrote when the contact did.
	raisedTrue time.Time
	wrote      time.Time
	begun      map[string]time.Time // sends that were begun
	decided    uint64               // decisions taken for it
}

func (l *Log) stormy() {
	l.extra = &extra{
		asked: map[string]int{}, results: map[string]int{}, uses: map[string]use{}, approvals: map[string]agent.Approval{},
		contacts: map[string]frontdesk.Contact{}, owners: map[string]string{}, lane: map[string]*laneState{}, useless: map[string]string{},
	}
}

func (l *Log) lane(id string) *laneState {
	s := l.extra.lane[id]
	if s == nil {
		s = &laneState{fired: -1, begun: map[string]time.Time{}}
		l.extra.lane[id] = s
	}
	return s
}

// deleted takes note that a contact was deleted (I24): nothing of the
// conversation may happen any more, but for a send that was claimed before.
func (l *Log) deleted(id string) {
	c := l.conversation(id)
	c.gone = l.w.truth()
	for key, msg := range l.inbound {
		if m := l.messages[msg]; m != nil && m.ConversationID == id {
			l.inbound[key] = forgotten
		}
	}
	c.tasks, c.held = map[agent.TaskKind]agent.Task{}, map[agent.Lane]bool{}
	l.add(Event{Op: "delete", Conversation: id})
}

// forgotten stands for a message of a contact who was deleted: the same may
// come again.
const forgotten = "(deleted)"

// isGone reports whether a conversation was deleted.
func (l *Log) isGone(id string) bool { return !l.conversation(id).gone.IsZero() }

// ofGone reports whether a provider's ID is that of a message which was deleted:
// an echo of it that comes later can be nobody's but a human's.
func (l *Log) ofGone(providerID string) bool {
	m := l.messages[strings.TrimPrefix(providerID, "p-")]
	return m != nil && l.isGone(m.ConversationID)
}

// accepted takes note that a provider was told its message is safe.
func (l *Log) accepted(in frontdesk.Inbound) {
	if l.inbound[in.Channel+"/"+in.ID] == "" {
		l.violate("I28: message %s was acknowledged and is not stored", in.ID)
	}
}

// calls are those of a conversation that a person has to decide on, sorted:
// those that wait, or all that ever did.
func (l *Log) calls(conversationID string, pending bool) []string {
	var out []string
	for id, a := range l.extra.approvals {
		if a.ConversationID == conversationID && (!pending || a.Status == agent.ApprovalPending) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// ran checks an outside effect (I13, I14, rule 6).
func (l *Log) ran(call actions.Call, name string, in purchase) {
	if l.extra == nil {
		return
	}
	now := use{conversation: call.Conversation.ID, name: name, amount: in.Amount}
	if a := l.actor(); a != nil {
		now.token = a.token
	}
	if was, ok := l.extra.uses[call.Key]; ok && (was.conversation != now.conversation || was.name != name || was.amount != in.Amount) {
		l.violate("rule 6: key %s stood for %v and now for %v", call.Key, was, now)
	}
	l.extra.uses[call.Key] = now
	if turn, _, _ := strings.Cut(call.Key, "/"); l.actor() != nil && turn != l.actor().turn && name != "refund" {
		l.violate("rule 6: turn %s runs an action under the key %s", l.actor().turn, call.Key)
	}
	if in.Amount > 100 {
		l.violate("I14: %s ran with the amount %d", name, in.Amount)
	}
	if name == "refund" {
		a, ok := l.extra.approvals[call.Key]
		if !ok || a.Status != agent.ApprovalApproved {
			l.violate("S6.9: a call ran that nobody approved: %s", call.Key)
		} else if began, ok := l.started[l.actor().turn]; ok && began != a.Epoch {
			l.violate("S6.9: a call approved in epoch %d ran in a turn of epoch %d", a.Epoch, began)
		}
	}
}

// answer takes note of why an answer was dropped, if it was.
func (l *Log) answer(row agent.Entry) {
	var d struct {
		Dropped string `json:"dropped"`
		For     string `json:"for"`
	}
	if err := json.Unmarshal(row.Data, &d); err != nil {
		l.violate("a journal row that cannot be read: %v", err)
	}
	if d.For == "" {
		l.extra.useless[row.TurnID] = d.Dropped
	}
}

// request checks what an LLM is shown (I23, I29).
func (l *Log) request(req *agent.Request) {
	a := l.actor()
	if a == nil {
		return
	}
	version := versionOf(req.System)
	// Whoever loses the lease between its last check and the call asks in vain:
	// that costs money and nothing else.
	if l.conversation(a.conversation).token[agent.LaneTurn] != a.token {
		return
	}
	if pinned := l.pinned[a.turn]; pinned != "" && l.version(pinned) != version {
		l.violate("I29: turn %s was begun under version %d and asks under version %d", a.turn, l.version(pinned), version)
	}
	if why := l.extra.useless[a.turn]; why != "" && len(req.Tools) > 0 {
		told := func(m agent.ChatMessage) bool { return strings.Contains(m.Text, why) }
		if !slices.ContainsFunc(req.Messages, told) {
			l.violate("rule 2: turn %s asks again and does not say why its last answer was not used: %s", a.turn, why)
		}
	}
	mine := l.extra.owners[a.conversation]
	for id, owner := range l.extra.owners {
		if id == a.conversation || owner == mine {
			continue
		}
		for _, m := range req.Messages {
			if strings.Contains(m.Text, "("+owner+" ") {
				l.violate("I23: the LLM was shown a message of %s in the conversation of %s", owner, mine)
			}
		}
	}
}

// version of the instructions with that hash; -1 if there is none.
func (l *Log) version(hash string) int {
	for key, pb := range l.w.playbooks {
		if pb.Hash == hash {
			return key.version
		}
	}
	return -1
}

// sending takes note that a send begins, and checks that it may (rule 5, I3,
// I4).
func (l *Log) sending(out agent.Outbound) {
	m := l.messages[out.Key]
	if m == nil {
		return // deliver reports it
	}
	c, s, now := l.conversation(m.ConversationID), l.lane(m.ConversationID), l.w.truth()
	s.begun[out.Key] = now
	if !c.gone.IsZero() && now.Sub(c.gone) > sendWindow {
		l.violate("I24: a send began %v after the contact was deleted", now.Sub(c.gone))
	}
	claimed := m.ClaimedAt.Add(-l.w.skew)
	if l.w.storm.jumped(claimed.Add(-time.Minute), false) {
		return // where the clock is set back in between, the window is as long as the jump
	}
	if d := now.Sub(claimed); d > sendWindow {
		l.violate("rule 5: the sending of a message began %v after its claim: %s", d, out.Key)
	}
	if d := now.Sub(s.wrote); c.conv.Channel == "sms" && !m.Exempt && d > smsWindow+sendWindow && !l.w.storm.jumped(s.wrote.Add(-time.Minute), false) {
		l.violate("S10.4: the sending of a message began %v after the contact wrote", d)
	}
	if d := now.Sub(s.raisedTrue); m.Epoch != c.conv.Epoch && !m.Exempt && d > sendWindow {
		l.violate("I4: the sending of a message of epoch %d began %v after epoch %d had", m.Epoch, d, c.conv.Epoch)
	}
}

// shown checks what a contact sees (I22, I23, I25).
func (l *Log) shown(out agent.Outbound, begun time.Time) {
	if want := l.extra.owners[out.ConversationID]; want != "" && want != out.To+"-"+out.Channel {
		l.violate("I23: a message for %s was sent to %s on %s", want, out.To, out.Channel)
	}
	l.words(out.Text, out.ConversationID)
	if n := utf8.RuneCountInString(out.Text); out.Channel == "sms" && n > smsLength {
		l.violate("I25: a message of %d characters was sent where %d is the limit", n, smsLength)
	}
	for id, owner := range l.extra.owners {
		if id != out.ConversationID && owner != out.To+"-"+out.Channel && strings.Contains(out.Text, "("+owner+" ") {
			l.violate("I23: words of %s were sent to %s", owner, out.To)
		}
	}
}

// words checks a text that was stored for a contact.
func (l *Log) words(s, id string) {
	switch {
	case !utf8.ValidString(s), strings.ContainsAny(s, "\x00\u202e"):
		l.violate("I25: a text of %s is not clean: %q", id, s)
	case strings.Contains(s, "$contact"), strings.Contains(s, "$assignee"), strings.Contains(s, `"arguments"`),
		strings.Contains(s, "These rules always hold"), strings.Contains(s, "goroutine "), strings.Contains(s, "Done already!"):
		l.violate("I22: a text of %s shows what it must not: %q", id, s)
	case strings.TrimSpace(s) == "":
		l.violate("I22: an empty text of %s", id)
	}
}

// excused reports whether the order of sends may be lost: outside of the store
// order rests on leases, and a clock that jumps ends them early.
func (l *Log) excused(m *message) bool {
	if l.extra == nil {
		return false
	}
	if m.torn {
		return true
	}
	begun, ok := l.lane(m.ConversationID).begun[m.ID]
	return ok && l.w.storm.jumped(begun.Add(-2*time.Minute), true)
}

// early checks that a step does not come before its time: only a clock that
// was put forward hurries it, and one step alone (I10, I31).
func (l *Log) early(prev *message) {
	if d := l.w.truth().Sub(prev.settled); d < ladderDelay && !l.w.storm.jumped(prev.settled, true) {
		l.violate("S8.1: a follow-up fired %v after the message before it", d)
	}
}

// denied reports whether the provider said of a message of ours that it had
// failed. An echo of it by an ID that nobody knew contradicts that, and counts
// as a human's, who may well write again what did not arrive.
func (l *Log) denied(providerID string) bool {
	m := l.messages[strings.TrimPrefix(providerID, "p-")]
	return m != nil && m.Status == frontdesk.Failed
}

// before checks a commit against what was so before it.
func (l *Log) before(m *conversation, c *agent.Commit) {
	if c.Conversation != nil && l.isGone(c.Conversation.ID) {
		l.violate("I24: conversation %s was written after its deletion", c.Conversation.ID)
	}
	if l.extra == nil {
		return
	}
	old := &m.conv
	var turn *agent.Turn
	for i := range c.Turns {
		if c.Turns[i].Agent != "" && c.Turns[i].Exit != agent.ExitCancelled && c.Turns[i].Exit != agent.ExitDropped {
			turn = &c.Turns[i]
		}
	}
	if turn != nil {
		l.beforeTurn(m, c, turn)
	}
	for i := range c.Messages {
		msg := &c.Messages[i]
		if l.messages[msg.ID] != nil {
			continue
		}
		if msg.Direction != frontdesk.DirInbound {
			l.words(msg.Text, msg.ConversationID)
		}
		if msg.Direction == frontdesk.DirOutbound && msg.Author.Kind == frontdesk.AuthorUser && strings.HasPrefix(msg.ProviderID, "p-") && !l.ofGone(msg.ProviderID) && !l.denied(msg.ProviderID) {
			l.violate("S10.3: an echo of our own message %s was taken for a human's", msg.ProviderID)
		}
		if msg.Direction == frontdesk.DirOutbound && msg.Author.Kind == frontdesk.AuthorAgent && (turn == nil || msg.TurnID != turn.ID) {
			l.violate("I21: a message of an agent that no turn in the same commit has written: %s", msg.ID)
		}
		if msg.FollowUp && (old.Status != frontdesk.Open || old.OptedOut || old.AwaitsHuman || old.Assignee.Kind != frontdesk.AssigneeAgent) {
			l.violate("I11: a follow-up fired on a conversation that is %s and assigned to %q (opted out: %t)", old.Status, old.Assignee.ID, old.OptedOut)
		}
	}
	if p := c.Contact; p != nil {
		was, known := l.extra.contacts[p.ID]
		if c.Conversation != nil && p.ID != c.Conversation.ContactID {
			l.violate("I18: a commit of conversation %s changes the contact %s", c.Conversation.ID, p.ID)
		}
		l.contact(&was, p, turn, known)
	}
}

// beforeTurn checks what an agent's turn decided.
func (l *Log) beforeTurn(m *conversation, c *agent.Commit, turn *agent.Turn) {
	old, s := &m.conv, l.lane(turn.ConversationID)
	version := l.version(turn.Instructions)
	if pinned := l.pinned[turn.ID]; pinned != "" && pinned != turn.Instructions {
		l.violate("I29: turn %s was begun under other instructions than it was committed under", turn.ID)
	}
	if version < 0 {
		l.violate("I29: turn %s ran under instructions that nobody saved", turn.ID)
		return
	}
	now := c.Conversation
	if now == nil {
		return
	}
	if turn.Exit == agent.ExitFallback && len(turn.Replies) == 0 && turn.NextID == "" &&
		now.Status == frontdesk.Open && now.Assignee.Kind != frontdesk.AssigneeUser && !now.AwaitsHuman {
		l.violate("I32: turn %s could not end, and nobody was asked to", turn.ID)
	}
	if old.OptedOut && len(turn.Replies) > 0 {
		l.violate("I11: turn %s wrote to a contact who opted out", turn.ID)
	}
	if now.Assignee != old.Assignee && now.Assignee.Kind != frontdesk.Nobody && old.Assignee.Kind != frontdesk.Nobody {
		l.moved(old, now, version, turn)
	}
	if now.Assignee.Kind == frontdesk.AssigneeAgent && old.Assignee.Kind == frontdesk.AssigneeAgent && now.Assignee != old.Assignee {
		s.chain = append(s.chain, old.Assignee.ID)
		if slices.Contains(s.chain, now.Assignee.ID) || len(s.chain) > 3 {
			l.violate("I20: agent %s got the conversation after %v, and no human wrote or decided anything", now.Assignee.ID, s.chain)
		}
	}
	if old.Status == frontdesk.Open && now.Status == frontdesk.Closed && now.ClosedAt.IsZero() {
		l.violate("I17: a close without its time")
	}
	if turn.Exit == agent.ExitFollowedUp {
		step := turn.Trigger.Step
		switch {
		case step <= s.fired:
			l.violate("I7: step %d of a ladder fired after step %d in one silence", step+1, s.fired+1)
		case step > s.fired+1, step > 4:
			l.violate("I8: step %d of a ladder fired after step %d", step+1, s.fired+1)
		}
		s.fired = step
	} else if len(turn.Replies) > 0 {
		s.fired = -1 // it may arm a ladder anew
	}
}

// moved checks who an agent may give a conversation to (I15, rule 7).
func (l *Log) moved(old, now *frontdesk.Conversation, version int, turn *agent.Turn) {
	to := string(now.Assignee.Kind) + ":" + now.Assignee.ID
	switch {
	case now.Assignee.Kind == frontdesk.AssigneeAgent:
		to = "agent:" + now.Assignee.ID
	case now.TeamID != "":
		to = "team:" + now.TeamID
	}
	fallback := turn.Exit == agent.ExitFallback && turn.Agent == "Support Agent" && to == "team:sales"
	if !allowedTargets[version][to] && !fallback {
		l.violate("I15: turn %s gave the conversation to %s, which version %d of the instructions does not allow", turn.ID, to, version)
	}
}

// contact checks a change of a contact (I18, I19).
func (l *Log) contact(was, now *frontdesk.Contact, turn *agent.Turn, known bool) {
	ws := stormWorkspace()
	if now.Stage != "" && !slices.Contains(ws.LifecycleStages, now.Stage) {
		l.violate("I19: the stage %q does not exist", now.Stage)
	}
	if known && turn == nil && (now.Stage != was.Stage || now.Field("budget").String() != was.Field("budget").String()) {
		l.violate("I21: contact %s was changed by nobody", now.ID)
	}
	if turn == nil {
		return
	}
	if now.Stage != was.Stage && l.version(turn.Instructions) == 1 {
		l.violate("I14: turn %s changed the stage, which its version of the instructions does not enable", turn.ID)
	}
	changed := func(what, old, now string) {
		if old != now && !slices.ContainsFunc(turn.Changes, func(c agent.Change) bool { return c.What == what && c.Old == old && c.New == now }) {
			l.violate("I18: turn %s changed %s from %q to %q and does not say so", turn.ID, what, old, now)
		}
	}
	changed("stage", was.Stage, now.Stage)
	changed("field:budget", was.Field("budget").String(), now.Field("budget").String())
	if v := now.Field("budget"); !v.IsZero() && v.Type() != frontdesk.TypeNumber {
		l.violate("I18: the field budget is a %s", v.Type())
	}
}

// after checks a commit against what is so after it, and takes note of it.
func (l *Log) after(m *conversation, c *agent.Commit, before *frontdesk.Conversation) {
	if l.extra == nil {
		return
	}
	l.w.storm.wakeWorkers()
	now, s := &m.conv, l.lane(m.conv.ID)
	if p := c.Contact; p != nil {
		l.extra.contacts[p.ID] = *p
	}
	if now.Epoch != before.Epoch {
		s.raisedTrue = l.w.truth()
		if c.Fence == nil && now.Assignee.Kind == frontdesk.AssigneeAgent {
			s.chain = nil // a human gave it to an agent, and the count begins anew
		}
	}
	for i := range c.Messages {
		msg := &c.Messages[i]
		if msg.Direction == frontdesk.DirInbound && msg.TurnID == "" {
			if before.LastSeq < msg.Seq {
				s.chain, s.fired, s.wrote = nil, -1, l.w.truth()
				if at := msg.At.Add(-l.w.skew); at.After(s.wrote) {
					s.wrote = at // the clock was set back after it was read: it comes to that time again
				}
			}
			if l.extra.owners[msg.ConversationID] == "" {
				l.owner(msg.ConversationID)
			}
		}
		if old := l.messages[msg.ID]; old.settled.IsZero() && msg.Direction == frontdesk.DirOutbound && msg.Status.Settled() {
			old.settled = l.w.truth()
			if at := msg.SettledAt.Add(-l.w.skew); at.Before(old.settled) {
				old.settled = at
			}
		}
	}
	for _, a := range c.Approvals {
		old, ok := l.extra.approvals[a.ID]
		if ok && old.Status != agent.ApprovalPending && old.Status != a.Status && a.Outcome == "" {
			l.violate("S6.9: call %s was resolved twice: %s, then %s", a.ID, old.Status, a.Status)
		}
		if ok && old.Outcome != "" && (old.Status != a.Status || old.Outcome != a.Outcome) {
			l.violate("S6.9: call %s was resolved again after it had its end: %s %q, then %s %q", a.ID, old.Status, old.Outcome, a.Status, a.Outcome)
		}
		if a.Status == agent.ApprovalRefused && l.effects[a.ID] > 0 {
			l.violate("S6.9: call %s was run, and counts as refused: %s", a.ID, a.Outcome)
		}
		l.extra.approvals[a.ID] = a
	}
	if now.Status == frontdesk.Closed || now.OptedOut {
		for _, k := range []agent.TaskKind{agent.TaskTurn, agent.TaskFollowUp} {
			if _, ok := m.tasks[k]; ok && (c.Conversation != nil && (before.Status != now.Status || before.OptedOut != now.OptedOut)) {
				l.violate("I17: a task %s is left by what closed %s or opted it out", k, now.ID)
			}
		}
	}
}

// owner finds out whose conversation it is.
func (l *Log) owner(id string) {
	v, err := l.w.store.Load(context.Background(), agent.Query{ConversationID: id})
	if err != nil || v.Conversation == nil || v.Contact == nil {
		return
	}
	l.extra.owners[id] = v.Contact.Address(v.Conversation.Channel) + "-" + v.Conversation.Channel
}

// ladderEnds checks that a step which is armed no more has an end (I12).
func (l *Log) ladderEnds(old, now *agent.Task, c *agent.Commit) {
	if l.extra == nil || old == nil || now != nil && now.TurnID == old.TurnID || l.turns[old.TurnID] != nil {
		return
	}
	for i := range c.Turns {
		t := &c.Turns[i]
		if t.ID == old.TurnID || slices.ContainsFunc(t.Changes, func(ch agent.Change) bool { return ch.What == "follow_up" }) {
			return
		}
	}
	l.violate("I12: the armed step of turn %s ended without a record", old.TurnID)
}

// checkCauses checks that what runs at most once stands in the record of the
// turn that ran it, whatever became of the turn (S6.8, I21).
func (l *Log) checkCauses() {
	for _, key := range slices.Sorted(maps.Keys(l.extra.uses)) {
		id, _, _ := strings.Cut(key, "/")
		turn := l.turns[id]
		if use := l.extra.uses[key]; use.name != "charge" || l.isGone(use.conversation) {
			continue
		}
		if turn == nil {
			l.violate("I21: call %s ran, and there is no record of its turn", key)
			continue
		}
		if !slices.ContainsFunc(turn.Calls, func(c agent.CallRecord) bool { return c.ID == key }) {
			if turn.Exit == agent.ExitDropped && !l.conversation(turn.ConversationID).returned[l.extra.uses[key].token] {
				continue // it was taken away in the middle, and its worker died or lost the lease: the journal alone tells
			}
			l.violate("I21: call %s ran, and is not in the record of its turn, which ended as %s", key, turn.Exit)
		}
	}
}

// settleStorm checks a world in which nothing more is to be done against what
// is stored.
func (l *Log) settleStorm(ctx context.Context) {
	l.checkCauses()
	for _, id := range l.order {
		c := l.conversations[id]
		if len(c.messages) == 0 || l.isGone(id) {
			continue
		}
		v, err := l.w.store.Load(ctx, agent.Query{ConversationID: id, History: 10000, Waiting: true, Outbox: true, Tasks: true})
		if err != nil || v.Conversation == nil {
			l.violate("I21: conversation %s is not there: %v", id, err)
			continue
		}
		if *v.Conversation != c.conv {
			l.violate("I21: the commits make conversation %s %+v, the store has %+v", id, c.conv, *v.Conversation)
		}
		if len(v.History) != len(c.messages) {
			l.violate("I21: the commits make %d messages of %s, the store has %d", len(c.messages), id, len(v.History))
		}
		for i, msg := range v.History {
			if want := l.messages[msg.ID]; want == nil || want.Status != msg.Status || want.TurnID != msg.TurnID || want.Text != msg.Text {
				l.violate("I21: message %s is not what the commits made it", msg.ID)
			}
			if msg.Seq != int64(i+1) {
				l.violate("I6: message %d of %s is numbered %d", i+1, id, msg.Seq)
			}
		}
	}
}
