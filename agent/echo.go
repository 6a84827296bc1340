package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

var zeroTime time.Time

// AcceptReceipt records what a channel reports of a message that it took.
// Statuses never go backwards (S10.1); a report on an unknown message changes
// nothing and is no error. A status that is none of a report is ErrMalformed.
func (m *Mux) AcceptReceipt(ctx context.Context, rc Receipt) error {
	switch rc.Status {
	case frontdesk.Sent, frontdesk.Delivered, frontdesk.Read, frontdesk.Failed:
	default:
		return fmt.Errorf("%w: Receipt.Status %q: give sent, delivered, read or failed", ErrMalformed, clip(string(rc.Status), 40))
	}
	return m.reported(ctx, cleanKey(rc.Channel), cleanKey(rc.Key), cleanKey(rc.ProviderID), rc.Status, clip(rc.Reason, 300))
}

// reported moves one of our messages on to a status that the channel reports.
func (m *Mux) reported(ctx context.Context, channel, key, providerID string, status frontdesk.DeliveryStatus, reason string) error {
	for range conflictLimit {
		view, err := m.find(ctx, channel, key, providerID)
		if err != nil || view.Found == nil || view.Conversation == nil || view.Found.Direction != frontdesk.DirOutbound {
			return err
		}
		msg := *view.Found
		if !msg.Status.Before(status) && !switches.Off(switches.Forward) {
			return nil
		}
		c := Commit{Conversation: clone(view.Conversation)}
		settled := msg.Status.Settled()
		msg.Status, msg.Reason = status, reason
		if providerID != "" {
			msg.ProviderID = providerID
		}
		if !settled || msg.SettledAt.IsZero() {
			msg.SettledAt = m.now()
		}
		m.tellLadder(&view, msg.ID, &c)
		if t := view.Task(TaskSend); t != nil && !settled && t.Due.After(m.now()) {
			// What stands behind it need not wait for a retry of this one.
			now := *t
			now.Due = m.now()
			c.Put = append(c.Put, now)
		}
		c.Messages = []frontdesk.Message{msg}
		switch err := m.store.Commit(ctx, c); {
		case err == nil:
			m.notify()
			return nil
		case !errors.Is(err, ErrConflict):
			return err
		}
	}
	return errNoProgress
}

// find looks a message up by our key, else by the provider's ID.
func (m *Mux) find(ctx context.Context, channel, key, providerID string) (View, error) {
	if key != "" {
		view, err := m.store.Load(ctx, Query{MessageID: key, Tasks: true})
		if err != nil || view.Found != nil {
			return view, err
		}
	}
	if providerID == "" {
		return View{}, nil
	}
	return m.store.Load(ctx, Query{ProviderID: providerID, Identity: frontdesk.Identity{Channel: channel}, Tasks: true})
}

// AcceptEcho takes an outbound message that the channel shows: one of ours,
// which is recognised by its key or provider ID and changes nothing but its
// status, or what a human wrote elsewhere, on the phone, which is a takeover.
// While one of our messages is under way or its outcome unknown, an echo that
// nothing matches is held until that resolves, at most Timeouts.Send, before
// it counts as a human's (S10.3). An echo without an address, or without a key
// and a provider ID, is ErrMalformed.
func (m *Mux) AcceptEcho(ctx context.Context, e Echo) error {
	e.Text = cleanText(clipBytes(e.Text, m.cfg.Limits.InboundBytes), m.cfg.Limits.InboundBytes)
	if err := errors.Join(tooLong("Echo.To", e.To), tooLong("Echo.Channel", e.Channel)); err != nil {
		return err
	}
	e.To, e.Key, e.ProviderID, e.Channel = cleanKey(e.To), cleanKey(e.Key), cleanKey(e.ProviderID), cleanKey(e.Channel)
	if e.To == "" || e.ProviderID == "" && e.Key == "" {
		return fmt.Errorf("%w: Echo.To and one of Echo.Key and Echo.ProviderID are required: without them it cannot be told whose it is", ErrMalformed)
	}
	view, err := m.find(ctx, e.Channel, e.Key, e.ProviderID)
	if err != nil {
		return fmt.Errorf("agent: echo: %w", err)
	}
	if view.Found != nil {
		return m.reported(ctx, e.Channel, view.Found.ID, e.ProviderID, frontdesk.Sent, "")
	}
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{
			Identity: frontdesk.Identity{Channel: e.Channel, Address: e.To}, Tasks: true, Waiting: true, History: 20, DedupeKey: echoKey(e),
		})
		if err != nil {
			return fmt.Errorf("agent: echo: %w", err)
		}
		if view.Duplicate != "" {
			return nil
		}
		if view.Conversation == nil {
			// A human wrote first, to somebody who never wrote: there is no
			// conversation that an agent could be in.
			m.log.Info("echo to an unknown contact", "channel", e.Channel)
			return nil
		}
		c := m.echoCommit(&view, e)
		if err := m.endTurn(ctx, &view, &c); err != nil {
			return err
		}
		switch err := m.store.Commit(ctx, c); {
		case err == nil:
			m.notify()
			return nil
		case errors.Is(err, ErrDuplicate):
			return nil
		case !errors.Is(err, ErrConflict):
			return fmt.Errorf("agent: echo: %w", err)
		}
	}
	return errNoProgress
}

func echoKey(e Echo) string {
	return shortKey("echo\x1f" + e.Channel + "\x1f" + e.ProviderID + "\x1f" + e.Key)
}

// echoCommit holds the echo, or makes it the takeover that it is.
func (m *Mux) echoCommit(view *View, e Echo) Commit {
	if until, ok := m.undecided(view); ok {
		task := Task{ConversationID: view.Conversation.ID, Kind: TaskEcho, Due: until, TurnID: m.newID()}
		if t := view.Task(TaskEcho); t != nil {
			task = *t
		}
		for _, held := range task.Echoes {
			if held == e {
				return Commit{Conversation: clone(view.Conversation)}
			}
		}
		task.Echoes = append(append([]Echo(nil), task.Echoes...), e)
		return Commit{Conversation: clone(view.Conversation), Put: []Task{task}}
	}
	o := &operation{m: m, view: view, conv: *view.Conversation, before: *view.Conversation}
	if msg := ourEcho(view, e, nil); msg != nil {
		// It comes later than an echo is held, and shows after all what became
		// of a message whose outcome nobody knew.
		m.oursAfterAll(o, msg, e)
		o.c.Conversation = &o.conv
		return o.c
	}
	m.phoneReply(o, e)
	return o.c
}

// undecided reports whether a send of the conversation is under way or its
// outcome unknown, and until when that holds an echo.
func (m *Mux) undecided(view *View) (until time.Time, ok bool) {
	now := m.now()
	for i := range view.History {
		msg := &view.History[i]
		if switches.Off(switches.EchoHold) || msg.Direction != frontdesk.DirOutbound || msg.Status != frontdesk.Sending && msg.Status != frontdesk.Unknown {
			continue
		}
		if end := msg.ClaimedAt.Add(m.cfg.Timeouts.Send); end.After(now) && end.After(until) {
			until, ok = end, true
		}
	}
	return until, ok
}

// echoNow is the task of held echoes, due at once, if all sends of the
// conversation have resolved; nothing if there is none, or an outcome is
// unknown: then they are held to their end (S10.3).
func (m *Mux) echoNow(ctx context.Context, view *View) ([]Task, error) {
	t := view.Task(TaskEcho)
	if t == nil || !t.Due.After(m.now()) {
		return nil, nil
	}
	full, err := m.store.Load(ctx, Query{ConversationID: t.ConversationID, History: 20})
	if err != nil {
		return nil, fmt.Errorf("agent: load conversation: %w", err)
	}
	if _, undecided := m.undecided(&full); undecided {
		return nil, nil
	}
	now := *t
	now.Due = m.now()
	return []Task{now}, nil
}

// phoneReply records what a human wrote elsewhere: a takeover by somebody
// whom nobody named.
func (m *Mux) phoneReply(o *operation, e Echo) {
	if o.conv.Status == frontdesk.Closed {
		o.reopen()
	}
	if o.conv.Assignee.Kind == frontdesk.AssigneeUser {
		o.conv.AwaitsHuman = false // they, or a colleague: it is in human hands
		if o.before.Status == frontdesk.Closed {
			o.conv.Epoch++
		}
	} else if len(o.c.Dedupe) == 0 { // the first of several that were held takes over
		o.takeover("")
	}
	o.conv.LastSeq++
	id := m.newID()
	o.c.Messages = append(o.c.Messages, frontdesk.Message{
		ID: id, ConversationID: o.conv.ID, Seq: o.conv.LastSeq, Direction: frontdesk.DirOutbound,
		Author: frontdesk.Author{Kind: frontdesk.AuthorUser}, Text: e.Text, At: m.now(),
		Status: frontdesk.Sent, ProviderID: e.ProviderID, SettledAt: m.now(), Epoch: o.conv.Epoch, Exempt: true,
	})
	if o.c.Dedupe == nil {
		o.c.Dedupe = map[string]string{}
	}
	o.c.Dedupe[echoKey(e)] = id
	o.c.Conversation = &o.conv
}

// runEcho decides on the echoes that were held: ours by now, or a human's.
func (m *Mux) runEcho(ctx context.Context, t ClaimedTask) error {
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{ConversationID: t.ConversationID, Tasks: true, Waiting: true, History: 20})
		if err != nil {
			return fmt.Errorf("agent: load conversation: %w", err)
		}
		task := view.Task(TaskEcho)
		if view.Conversation == nil || task == nil {
			return m.release(ctx, t)
		}
		o := &operation{m: m, view: &view, conv: *view.Conversation, before: *view.Conversation}
		claimed := map[string]bool{}
		for _, e := range task.Echoes {
			if msg := ourEcho(&view, e, claimed); msg != nil {
				claimed[msg.ID] = true
				m.oursAfterAll(o, msg, e)
				continue
			}
			m.phoneReply(o, e)
		}
		o.c.Conversation = &o.conv
		o.c.Fence, o.c.Release = &t.Fence, true
		o.c.Delete = append(o.c.Delete, TaskEcho)
		if err := m.endTurn(ctx, &view, &o.c); err != nil {
			return err
		}
		switch err := m.store.Commit(ctx, o.c); {
		case errors.Is(err, ErrDuplicate):
			return m.finish(ctx, t, Commit{Delete: []TaskKind{TaskEcho}})
		case !errors.Is(err, ErrConflict):
			return err
		}
	}
	return errNoProgress
}

// oursAfterAll records that a message of ours was sent, as its echo shows.
func (m *Mux) oursAfterAll(o *operation, msg *frontdesk.Message, e Echo) {
	ours := *msg
	if e.ProviderID != "" {
		ours.ProviderID = e.ProviderID
	}
	switch {
	case msg.Status.Before(frontdesk.Sent):
		ours.Status, ours.Reason, ours.SettledAt = frontdesk.Sent, "", m.now()
		m.tellLadder(o.view, ours.ID, &o.c)
	case ours.ProviderID == msg.ProviderID:
		return
	}
	o.c.Messages = append(o.c.Messages, ours)
}

// ourEcho finds the message of ours that an echo shows: by its IDs, or, where
// the outcome is unknown and no ID came back, by its text.
func ourEcho(view *View, e Echo, claimed map[string]bool) *frontdesk.Message {
	for i := range view.History {
		msg := &view.History[i]
		if msg.Direction != frontdesk.DirOutbound || claimed[msg.ID] {
			continue
		}
		if e.Key != "" && msg.ID == e.Key || e.ProviderID != "" && msg.ProviderID == e.ProviderID {
			return msg
		}
		open := msg.Status == frontdesk.Sending || msg.Status == frontdesk.Unknown
		if e.ProviderID != "" && (msg.Status == frontdesk.Sent || msg.Status == frontdesk.Delivered || msg.Status == frontdesk.Read) {
			open = true // a receipt that did not bring the provider's ID came first
		}
		if open && !switches.Off(switches.EchoText) && msg.ProviderID == "" && msg.Text == e.Text {
			return msg
		}
	}
	return nil
}
