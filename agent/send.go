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

// errTooLate is a claim that took longer than a send may start after it.
var errTooLate = errors.New("agent: claiming a message took so long that its sending may not begin any more: raise Timeouts.Lease, or see why the store is slow")

// runSend empties the outbox of a conversation, in order (S10.1). Each message
// is claimed in one commit, sent, and its outcome recorded in another: after a
// crash in between, the claim tells that the message may have gone out.
func (m *Mux) runSend(ctx context.Context, t ClaimedTask) error {
	for late := 0; ; {
		if now := m.now(); t.until.Sub(now) < max(m.cfg.Timeouts.Lease*3/4, (m.cfg.Timeouts.Lease+m.cfg.Timeouts.Send)/2) {
			// A long outbox on a slow channel outlasts a lease. What is left
			// is always more than a send may take, or none would start.
			until := now.Add(m.cfg.Timeouts.Lease)
			if err := m.store.Append(ctx, Append{Fence: t.Fence, Until: until}); err != nil {
				return fmt.Errorf("agent: renew the lease: %w", err)
			}
			t.until = until
		}
		view, err := m.store.Load(ctx, Query{ConversationID: t.ConversationID, Outbox: true, Tasks: true})
		if err != nil {
			return fmt.Errorf("agent: load outbox: %w", err)
		}
		if view.Conversation == nil {
			return nil // deleted, and the task with it
		}
		if len(view.Outbox) == 0 {
			c := Commit{Fence: &t.Fence, Release: true, Conversation: clone(view.Conversation), Delete: []TaskKind{TaskSend}}
			if c.Put, err = m.echoNow(ctx, &view); err == nil {
				err = m.store.Commit(ctx, c)
			}
		} else {
			var wait bool
			wait, err = m.sendOne(ctx, t, &view)
			if wait {
				return err
			}
		}
		switch {
		case errors.Is(err, ErrConflict):
		case errors.Is(err, errTooLate) && late < 2:
			late++ // a third time is no accident: it goes on after a pause
		case err != nil || len(view.Outbox) == 0:
			return err
		}
	}
}

func clone(c *frontdesk.Conversation) *frontdesk.Conversation {
	cp := *c
	return &cp
}

// sendOne takes the oldest message of the outbox one step further. wait is
// set when the conversation's sending has to pause or stop, or is done.
func (m *Mux) sendOne(ctx context.Context, t ClaimedTask, view *View) (wait bool, err error) {
	msg := view.Outbox[0]
	caps := m.cfg.Channel.Capabilities(view.Conversation.Channel)
	if msg.Status == frontdesk.Sending && !caps.Idempotent {
		// An earlier worker claimed it and left no outcome: sent or not, and
		// sending again might double it.
		return false, m.settle(ctx, t, view, msg, frontdesk.Unknown, "the process ended while it was being sent", "")
	}
	if msg.Status == frontdesk.Sending && msg.Attempts >= m.cfg.Retry.SendAttempts {
		// Each of its workers died or hung over it: it would take one after the
		// other (I26).
		return false, m.settle(ctx, t, view, msg, frontdesk.Unknown, fmt.Sprintf("given up after %d attempts, the last of which had no end", msg.Attempts), "")
	}
	now := m.now() // what is so now counts, and the claim is as old as that
	if status, reason := m.mayNotGo(view.Conversation, &msg, caps, now); reason != "" {
		if msg.Status == frontdesk.Sending {
			status = frontdesk.Unknown // it was claimed before: it may have gone out
		}
		return false, m.settle(ctx, t, view, msg, status, reason, "")
	}
	if answered, err := m.answeredSince(ctx, view.Conversation, &msg); err != nil {
		return false, err
	} else if answered {
		status := frontdesk.Cancelled
		if msg.Status == frontdesk.Sending {
			status = frontdesk.Unknown
		}
		return false, m.settle(ctx, t, view, msg, status, "the contact answered meanwhile", "")
	}
	// An earlier attempt may have gone out: whatever comes of this one, nobody
	// can say then that nothing was sent.
	doubt := msg.Status == frontdesk.Sending
	msg.Status, msg.ClaimedAt = frontdesk.Sending, now
	msg.Attempts++
	claim := Commit{Fence: &t.Fence, Conversation: clone(view.Conversation), Messages: []frontdesk.Message{msg}}
	if err := m.store.Commit(ctx, claim); err != nil && !m.claimed(ctx, t.Fence, msg, err) {
		return false, err
	}
	if now := m.now(); now.Sub(msg.ClaimedAt) > m.cfg.Timeouts.Send && !switches.Off(switches.SendWindow) || t.until.Sub(now) < m.cfg.Timeouts.Send {
		// The claim took longer than a send may start after it: look again
		// whether the message may still go (protocol rule 5). Or the send might
		// outlast the lease: another worker would go on with what follows, and
		// the order be lost.
		err := m.update(ctx, t, msg.ID, func(v *View, now *frontdesk.Message, c *Commit) {
			if !doubt {
				requeue(now)
			}
			now.Attempts-- // nothing was sent
		})
		if err == nil {
			err = errTooLate
		}
		return false, err
	}
	receipt, serr := m.send(ctx, Outbound{
		Key: msg.ID, Channel: view.Conversation.Channel, To: view.Contact.Address(view.Conversation.Channel),
		ConversationID: view.Conversation.ID, Text: msg.Text, Author: msg.Author, Template: msg.Template, Attempt: msg.Attempts,
	})
	return m.outcome(ctx, t, msg, caps, doubt, receipt, serr)
}

// claimed reports whether the claim of a message was stored although the
// commit's answer was lost. Nobody has begun to send it then: to take it for a
// crash in the middle of a send would lose it.
func (m *Mux) claimed(ctx context.Context, fence Fence, msg frontdesk.Message, err error) bool {
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrFenced) {
		return false
	}
	view, err := m.store.Load(ctx, Query{MessageID: msg.ID})
	if err != nil || view.Found == nil || view.Found.Status != frontdesk.Sending || view.Found.Attempts != msg.Attempts {
		return false
	}
	// It may be the claim of another worker that took the lane meanwhile: while
	// the fence holds, nobody else has claimed anything.
	return m.store.Append(ctx, Append{Fence: fence}) == nil
}

// mayNotGo says why a message must not be sent any more, and what becomes of
// it; an empty reason means that it may (S7.4, S8.7, S8.13).
func (m *Mux) mayNotGo(c *frontdesk.Conversation, msg *frontdesk.Message, caps Capabilities, now time.Time) (frontdesk.DeliveryStatus, string) {
	if msg.Exempt {
		return "", ""
	}
	switch {
	case c.OptedOut && !switches.Off(switches.OptOut):
		return frontdesk.Cancelled, "the contact opted out"
	case msg.Epoch != c.Epoch:
		return frontdesk.Cancelled, "the conversation was closed, assigned or taken over meanwhile"
	case caps.ReplyWindow > 0 && msg.Template == "" && now.Sub(c.LastInbound) > caps.ReplyWindow && !switches.Off(switches.Window):
		return frontdesk.Failed, "the channel's reply window is closed"
	}
	return "", ""
}

// answeredSince reports whether the contact wrote after a follow-up was
// queued: its silence is over, so it is not sent any more (S8.4, protocol rule
// 5). What is committed afterwards makes the claim a conflict.
func (m *Mux) answeredSince(ctx context.Context, c *frontdesk.Conversation, msg *frontdesk.Message) (bool, error) {
	newer := int(c.LastSeq - msg.Seq)
	if !msg.FollowUp || newer <= 0 {
		return false, nil
	}
	view, err := m.store.Load(ctx, Query{ConversationID: c.ID, History: newer})
	if err != nil {
		return false, fmt.Errorf("agent: load conversation: %w", err)
	}
	for i := range view.History {
		if view.History[i].Direction == frontdesk.DirInbound {
			return true, nil // messages are numbered without a gap: all of these are newer
		}
	}
	return false, nil
}

// send calls the channel within its time; a panic is an unknown outcome.
func (m *Mux) send(ctx context.Context, msg Outbound) (receipt SendReceipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeouts.Send)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("channel panicked", "message", msg.Key, "panic", m.loggablePanic(p))
			err = fmt.Errorf("agent: channel: panic: %v", p)
		}
	}()
	receipt, err = m.cfg.Channel.Send(ctx, msg)
	receipt.ProviderID = cleanKey(receipt.ProviderID) // it is stored
	return receipt, err
}

// outcome records what became of a send (S10.1).
func (m *Mux) outcome(ctx context.Context, t ClaimedTask, msg frontdesk.Message, caps Capabilities, doubt bool, receipt SendReceipt, serr error) (wait bool, err error) {
	if serr == nil {
		return m.settleAgain(ctx, t, msg.ID, frontdesk.Sent, "", receipt.ProviderID)
	}
	var se *SendError
	known := errors.As(serr, &se)
	if ctx.Err() != nil {
		if !known {
			// The program is stopping. The claim stays: whoever goes on treats
			// it as a crash in the middle of a send.
			return true, ctx.Err()
		}
		ctx = context.WithoutCancel(ctx) // what is known must not be lost (S10.2)
	}
	m.log.Warn("send", "message", msg.ID, "conversation", msg.ConversationID, "attempt", msg.Attempts, "error", m.loggable(serr))
	reason := clip(serr.Error(), 300)
	failed := frontdesk.Failed
	if doubt && !switches.Off(switches.Doubt) {
		failed = frontdesk.Unknown
	}
	switch {
	case known && se.Outcome == Rejected:
		return m.settleAgain(ctx, t, msg.ID, failed, reason, "")
	case !known && !caps.Idempotent:
		return m.settleAgain(ctx, t, msg.ID, frontdesk.Unknown, reason, "")
	case msg.Attempts >= m.cfg.Retry.SendAttempts && known:
		return m.settleAgain(ctx, t, msg.ID, failed, fmt.Sprintf("given up after %d attempts: %s", msg.Attempts, reason), "")
	case msg.Attempts >= m.cfg.Retry.SendAttempts:
		return m.settleAgain(ctx, t, msg.ID, frontdesk.Unknown, fmt.Sprintf("given up after %d attempts: %s", msg.Attempts, reason), "")
	}
	due := m.now().Add(m.backoff(msg.Attempts))
	if known && se.RetryAfter > 0 && m.now().Add(se.RetryAfter).After(due) {
		due = m.now().Add(se.RetryAfter)
	}
	return true, m.update(ctx, t, msg.ID, func(v *View, now *frontdesk.Message, c *Commit) {
		// On a channel that deduplicates an unknown outcome stays claimed: a
		// retry with the same key cannot double it, and a crash changes
		// nothing about that.
		if known && !doubt {
			requeue(now)
		}
		at := due
		if now.Status.Settled() {
			at = m.now() // a receipt or an echo was faster, and is not to be explained by this
		} else {
			now.Reason = reason
		}
		c.Release = true
		if task := v.Task(TaskSend); task != nil {
			again := *task
			again.Due, again.Attempts = at, 0
			c.Put = append(c.Put, again)
		}
	})
}

// settleAgain records an outcome that must not be lost: it reads again as
// often as somebody else gets in between. The fact that a message was sent
// does not depend on the lease either, but only its holder may record it; a
// worker that lost it leaves the message to the next, as after a crash.
//
// The last message of the outbox ends the task in the same commit: done is
// set then.
func (m *Mux) settleAgain(ctx context.Context, t ClaimedTask, id string, status frontdesk.DeliveryStatus, reason, providerID string) (done bool, err error) {
	ctx = context.WithoutCancel(ctx) // what was sent is sent, though the program is stopping
	err = m.update(ctx, t, id, func(v *View, now *frontdesk.Message, c *Commit) {
		m.settled(v, now, c, status, reason, providerID)
		others := slices.ContainsFunc(v.Outbox, func(o frontdesk.Message) bool { return o.ID != id })
		if done = !others && v.Task(TaskEcho) == nil; done {
			c.Delete, c.Release = []TaskKind{TaskSend}, true
		}
	})
	return done && err == nil, err
}

// settle records an outcome on the view as it was read.
func (m *Mux) settle(ctx context.Context, t ClaimedTask, view *View, msg frontdesk.Message, status frontdesk.DeliveryStatus, reason, providerID string) error {
	c := Commit{Fence: &t.Fence, Conversation: clone(view.Conversation)}
	m.settled(view, &msg, &c, status, reason, providerID)
	c.Messages = []frontdesk.Message{msg}
	return m.store.Commit(ctx, c)
}

// settled writes an outcome into a message, and tells the ladder that waits
// for it: its next delay counts from now (S8.2, protocol rule 8).
func (m *Mux) settled(v *View, msg *frontdesk.Message, c *Commit, status frontdesk.DeliveryStatus, reason, providerID string) {
	if msg.ProviderID == "" {
		msg.ProviderID = providerID
	}
	if msg.Status.Settled() && msg.Status != frontdesk.Unknown || !msg.Status.Before(status) {
		return // a receipt or an echo was faster, and proves more
	}
	msg.Status, msg.Reason, msg.SettledAt = status, reason, m.now()
	m.tellLadder(v, msg.ID, c)
}

// tellLadder gives the pending follow-up its time, if it waits for the
// outcome of the message.
func (m *Mux) tellLadder(v *View, messageID string, c *Commit) {
	task := v.Task(TaskFollowUp)
	if task == nil || task.Ladder == nil || !task.Due.IsZero() {
		return
	}
	s := task.Ladder.Settled(messageID, m.now())
	due, ok := s.Due()
	if !ok {
		return
	}
	again := *task
	again.Ladder = &s
	again.Due = m.followUpDue(v.Conversation, due)
	c.Put = append(c.Put, again)
}

// followUpDue is when a step may fire: not in quiet hours, and where steps are
// pulled forward not after the reply window has closed.
func (m *Mux) followUpDue(conv *frontdesk.Conversation, due time.Time) time.Time {
	cfg := m.configOf(conv)
	loc := m.def.location
	if w := cfg.Channel.Capabilities(conv.Channel).ReplyWindow; w > 0 && cfg.FollowUps.Window == WindowPullForward {
		// A minute is left for the sending itself.
		if last := conv.LastInbound.Add(w - time.Minute); due.After(last) && last.After(m.now()) {
			due = last
		}
	}
	return cfg.FollowUps.Quiet.Next(due, loc).UTC()
}

// requeue takes a claim back. A message that a receipt settled meanwhile stays
// as it is: statuses never go backwards (S10.1).
func requeue(msg *frontdesk.Message) {
	if msg.Status == frontdesk.Sending {
		msg.Status = frontdesk.Queued
	}
}

// update changes one message of the outbox as it is stored now.
func (m *Mux) update(ctx context.Context, t ClaimedTask, id string, change func(*View, *frontdesk.Message, *Commit)) error {
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{MessageID: id, Tasks: true, Outbox: true})
		if err != nil {
			return fmt.Errorf("agent: load message: %w", err)
		}
		if view.Found == nil || view.Conversation == nil {
			return nil // deleted
		}
		msg := *view.Found
		c := Commit{Fence: &t.Fence, Conversation: clone(view.Conversation)}
		change(&view, &msg, &c)
		c.Messages = []frontdesk.Message{msg}
		if err := m.store.Commit(ctx, c); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return errNoProgress
}
