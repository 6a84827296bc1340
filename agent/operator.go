package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// ErrNoConversation means that there is no conversation of that ID.
var ErrNoConversation = errors.New("agent: there is no such conversation")

// HumanReply is what a human writes to a contact.
type HumanReply struct {
	ConversationID string
	// UserID is who writes; a user of the workspace.
	UserID string
	Text   string
	// KeepAssignee sends the message without taking the conversation over.
	KeepAssignee bool
}

// operation is one change by a human to a conversation, as it was read.
type operation struct {
	m      *Mux
	view   *View
	conv   frontdesk.Conversation
	before frontdesk.Conversation
	c      Commit
}

// operateHistory is how many messages an operation reads at once.
const operateHistory = 20

// operate reads the conversation, lets change decide, and commits; it does so
// again if somebody else got in between. Humans need no lease: their commit
// raises the epoch, and whatever an agent had under way is void.
func (m *Mux) operate(ctx context.Context, what, conversationID string, change func(*operation) error) error {
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{ConversationID: conversationID, Waiting: true, Tasks: true, History: operateHistory})
		if err != nil {
			return fmt.Errorf("agent: %s: load conversation: %w", what, err)
		}
		if view.Conversation == nil {
			return fmt.Errorf("%w: %q: give the ID of one that is stored", ErrNoConversation, clip(conversationID, 60))
		}
		o := &operation{m: m, view: &view, conv: *view.Conversation, before: *view.Conversation}
		if err := change(o); err != nil {
			return err
		}
		o.c.Conversation = &o.conv
		if err := m.endTurn(ctx, &view, &o.c); err != nil {
			return err
		}
		switch err := m.store.Commit(ctx, o.c); {
		case err == nil:
			m.notify()
			return nil
		case !errors.Is(err, ErrConflict):
			if m.applied(ctx, &o.c) {
				m.notify()
				return nil
			}
			return fmt.Errorf("agent: %s: %w", what, err)
		}
	}
	return errNoProgress
}

// applied reports whether a commit whose outcome is not known was stored: its
// newest message tells. A human who was told that it failed would write twice.
func (m *Mux) applied(ctx context.Context, c *Commit) bool {
	if len(c.Messages) == 0 {
		return false
	}
	newest := &c.Messages[len(c.Messages)-1]
	if newest.Direction == frontdesk.DirInbound {
		return false // it was there before
	}
	view, err := m.store.Load(ctx, Query{MessageID: newest.ID})
	return err == nil && view.Found != nil
}

// changedHands raises the epoch, and ends what an agent had under way: its
// turn, its ladder, and the wait of messages it had not answered.
func (o *operation) changedHands() {
	o.conv.Epoch++
	o.m.endLadder(o.view, "the conversation was closed, assigned or taken over by a human", &o.c)
	if o.m.agentOf(&o.conv) != nil {
		return // an agent goes on: see triggerAgent
	}
	o.c.Delete = append(o.c.Delete, TaskTurn)
	o.c.Messages = append(o.c.Messages, dispose(o.view.Waiting, dispositionFor(&o.conv))...)
}

// takeover makes the user the assignee.
func (o *operation) takeover(userID string) {
	o.conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: userID}
	o.conv.AwaitsHuman = userID == "" // somebody on the phone: nobody we could name
	if userID == "" {
		o.conv.Assignee = frontdesk.Assignee{}
	}
	o.changedHands()
}

// reopen opens a closed conversation.
func (o *operation) reopen() {
	o.conv.Status, o.conv.ClosedAt = frontdesk.Open, zeroTime
}

// internal adds a note by a user.
func (o *operation) internal(by, text string) {
	msg := o.m.note(&o.conv, "", text)
	msg.Author = o.m.author(by)
	o.c.Messages = append(o.c.Messages, msg)
}

// author is a user as the author of a message.
func (m *Mux) author(userID string) frontdesk.Author {
	a := frontdesk.Author{Kind: frontdesk.AuthorUser, ID: userID}
	if u, ok := m.def.directory.User(userID); ok {
		a.Name = u.Name
	}
	return a
}

// outbound queues a human's message: it is sent whatever the epoch.
func (o *operation) outbound(userID, text string) frontdesk.Message {
	var first frontdesk.Message
	max := o.m.cfg.Channel.Capabilities(o.conv.Channel).MaxLength
	for i, part := range splitText(text, max) {
		o.conv.LastSeq++
		msg := frontdesk.Message{
			ID: o.m.newID(), ConversationID: o.conv.ID, Seq: o.conv.LastSeq, Direction: frontdesk.DirOutbound,
			Author: o.m.author(userID), Text: part, At: o.m.now(), Status: frontdesk.Queued, Epoch: o.conv.Epoch, Exempt: true,
		}
		o.c.Messages = append(o.c.Messages, msg)
		if i == 0 {
			first = msg
		}
	}
	send := sendTask(o.view, o.conv.ID, o.m.now())
	if o.conv.Epoch != o.before.Epoch {
		// What waits for its retry is cancelled now: the human need not wait.
		send.Due = o.m.now()
	}
	o.c.Put = append(o.c.Put, send)
	return first
}

// Reply sends a human's message. It is a takeover: the user becomes the
// assignee, whatever an agent had under way is dropped, and its ladder ends,
// unless KeepAssignee is set (S7.9). A closed conversation is reopened. The
// message is queued; Run, RunDue or the next Handle sends it.
func (m *Mux) Reply(ctx context.Context, r HumanReply) (frontdesk.Message, error) {
	text := cleanText(r.Text, m.cfg.Limits.InboundBytes)
	if text == "" {
		return frontdesk.Message{}, errors.New("agent: Reply: the text is empty: give what the human wrote")
	}
	if _, ok := m.def.directory.User(r.UserID); !ok {
		return frontdesk.Message{}, fmt.Errorf("agent: Reply: %q is no user of the workspace: list them in Workspace.Users", clip(r.UserID, 60))
	}
	var msg frontdesk.Message
	err := m.operate(ctx, "reply", r.ConversationID, func(o *operation) error {
		reopened := o.conv.Status == frontdesk.Closed
		if reopened {
			o.reopen()
		}
		mine := frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: r.UserID}
		switch {
		case !r.KeepAssignee && o.conv.Assignee != mine:
			o.takeover(r.UserID)
		case reopened:
			o.conv.Epoch++
		}
		msg = o.outbound(r.UserID, text)
		return nil
	})
	return msg, err
}

// Assign gives the conversation to a team, a user, an AI agent, any team,
// anyone or nobody (S5.2). by names the user who does it. A team's member, or
// anyone's, is the one with the least open conversations: assignments by
// humans do not move a rotation (S5.4). A conversation given to an AI agent
// while the contact waits for an answer is answered by that agent, and marked
// as handed back. A closed conversation is not reopened.
func (m *Mux) Assign(ctx context.Context, conversationID string, t frontdesk.Target, by string) error {
	t, err := m.def.rules.exists(t)
	if err != nil {
		return fmt.Errorf("agent: Assign: %w", err)
	}
	if t.Kind == frontdesk.TargetAIAgent && m.byID[t.ID] == nil {
		return fmt.Errorf("agent: Assign: AI agent %q is not in the Mux: add it to NewMux", clip(t.Label(), 60))
	}
	return m.operate(ctx, "assign", conversationID, func(o *operation) error {
		method := frontdesk.LeastOpen
		if t.Kind == frontdesk.TargetUser {
			// A human who names a person means that person, available or not.
			o.conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: t.ID}
			o.conv.AwaitsHuman = false
		} else {
			d, err := m.choose(ctx, t, method, m.cfg.Fallback.Assign)
			if err != nil {
				return err
			}
			d.assign(&o.conv)
			o.c.Loads = d.loads
			if d.fellBack { // S5.6
				to := "It waits for a human."
				if !d.nobody {
					to = "It went to " + d.target.Label() + " instead."
				}
				o.internal(by, "Nobody of "+clip(t.Label(), 60)+" was available. "+to)
			}
		}
		o.changedHands()
		if o.conv.Assignee.Kind == frontdesk.AssigneeAgent {
			o.internal(by, "The conversation was given to AI agent "+clip(t.Label(), 60)+".")
			return o.triggerAgent(ctx)
		}
		return nil
	})
}

// triggerAgent lets an agent answer if the contact is waiting.
func (o *operation) triggerAgent(ctx context.Context) error {
	if o.conv.Status != frontdesk.Open || o.conv.OptedOut {
		return nil
	}
	waits, err := o.contactWaits(ctx)
	if err != nil {
		return err
	}
	if !waits {
		o.c.Delete = append(o.c.Delete, TaskTurn)
		return nil
	}
	o.c.Put = append(o.c.Put, Task{
		ConversationID: o.conv.ID, Kind: TaskTurn, Due: o.m.now(), TurnID: o.m.newID(), Trigger: Trigger{Kind: TriggerAssigned},
	})
	return nil
}

// contactWaits reports whether the contact waits for an answer. Any number of
// internal notes may stand behind what tells.
func (o *operation) contactWaits(ctx context.Context) (bool, error) {
	if len(o.view.Waiting) > 0 && !switches.Off(switches.HandBack) {
		return true, nil // whoever wrote since without taking over: no turn has answered (I1)
	}
	history := o.view.History
	for limit := operateHistory; ; {
		for i := len(history) - 1; i >= 0; i-- {
			msg := &history[i]
			switch msg.Direction {
			case frontdesk.DirOutbound:
				if msg.Status == frontdesk.Cancelled || msg.Status == frontdesk.Failed || msg.Status == frontdesk.Queued && !msg.Exempt {
					continue // no answer: it did not go out, or is of an older epoch now
				}
				if msg.FollowUp {
					continue // it answers nothing
				}
				return o.promises(ctx, msg)
			case frontdesk.DirInbound:
				return true, nil
			}
		}
		if len(history) < limit {
			return false, nil
		}
		limit *= 8
		view, err := o.m.store.Load(ctx, Query{ConversationID: o.conv.ID, History: limit})
		if err != nil {
			return false, fmt.Errorf("agent: load conversation: %w", err)
		}
		history = view.History
	}
}

// promises reports whether a message only tells the contact that they will be
// answered: it is of a turn that handed the conversation over or gave up, or
// whose call a person was to approve, which the change of hands has refused.
func (o *operation) promises(ctx context.Context, msg *frontdesk.Message) (bool, error) {
	if msg.TurnID == "" {
		return false, nil // a human's
	}
	view, err := o.m.store.Load(ctx, Query{ConversationID: o.conv.ID, TurnID: msg.TurnID})
	if err != nil {
		return false, fmt.Errorf("agent: load the turn of the last message: %w", err)
	}
	if view.Turn == nil {
		return false, nil
	}
	pending := func(c CallRecord) bool { return c.Outcome == CallPending }
	return view.Turn.Exit == ExitHandedOff || view.Turn.Exit == ExitFallback || slices.ContainsFunc(view.Turn.Calls, pending), nil
}

// Close closes the conversation. by names the user who does it. Whatever an
// agent had under way is dropped, and its ladder ends. Closing a closed
// conversation changes nothing.
func (m *Mux) Close(ctx context.Context, conversationID string, c actions.Closing, by string) error {
	res, err := m.def.rules.check(actions.Result{Close: &c}, false)
	if err != nil {
		return fmt.Errorf("agent: Close: %w", err)
	}
	return m.operate(ctx, "close", conversationID, func(o *operation) error {
		if o.conv.Status == frontdesk.Closed {
			return nil
		}
		closeConversation(&o.conv, *res.Close, m.now())
		o.changedHands()
		o.internal(by, "The conversation was closed.")
		return nil
	})
}

// Reopen opens a closed conversation; its assignee is kept. Reopening an open
// one changes nothing.
func (m *Mux) Reopen(ctx context.Context, conversationID, by string) error {
	return m.operate(ctx, "reopen", conversationID, func(o *operation) error {
		if o.conv.Status == frontdesk.Open {
			return nil
		}
		o.reopen()
		o.conv.Epoch++
		o.internal(by, "The conversation was reopened.")
		return nil
	})
}

// Note adds an internal note by a user; the contact never sees it, agents do.
func (m *Mux) Note(ctx context.Context, conversationID, by, text string) error {
	text = cleanText(text, maxComment)
	if text == "" {
		return errors.New("agent: Note: the text is empty: give what is to be noted")
	}
	return m.operate(ctx, "note", conversationID, func(o *operation) error {
		o.internal(by, text)
		return nil
	})
}
