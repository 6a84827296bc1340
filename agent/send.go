package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// runSend empties the outbox of a conversation, in order (S10.1). Each message
// is claimed in one commit, sent, and its outcome recorded in another: after a
// crash in between, the claim tells that the message may have gone out.
func (m *Mux) runSend(ctx context.Context, t ClaimedTask) error {
	for {
		if now := m.now(); t.until.Sub(now) < m.cfg.Timeouts.Lease*3/4 {
			// A long outbox on a slow channel outlasts a lease.
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
// set when the conversation's sending has to pause or stop.
func (m *Mux) sendOne(ctx context.Context, t ClaimedTask, view *View) (wait bool, err error) {
	msg := view.Outbox[0]
	caps := m.cfg.Channel.Capabilities(view.Conversation.Channel)
	if msg.Status == frontdesk.Sending && !caps.Idempotent {
		// An earlier worker claimed it and left no outcome: sent or not, and
		// sending again might double it.
		return false, m.settle(ctx, t, view, msg, frontdesk.Unknown, "the process ended while it was being sent", "")
	}
	if status, reason := m.mayNotGo(view.Conversation, &msg, caps); reason != "" {
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
	msg.Status, msg.ClaimedAt = frontdesk.Sending, m.now()
	msg.Attempts++
	claim := Commit{Fence: &t.Fence, Conversation: clone(view.Conversation), Messages: []frontdesk.Message{msg}}
	if err := m.store.Commit(ctx, claim); err != nil {
		return false, err
	}
	if now := m.now(); now.Sub(msg.ClaimedAt) > m.cfg.Timeouts.Send || t.until.Sub(now) < m.cfg.Timeouts.Send {
		// The claim took longer than a send may start after it: look again
		// whether the message may still go (protocol rule 5). Or the send might
		// outlast the lease: another worker would go on with what follows, and
		// the order be lost.
		msg.Status = frontdesk.Queued
	}
}

// update changes one message of the outbox as it is stored now.
func (m *Mux) update(ctx context.Context, t ClaimedTask, id string, change func(*View, *frontdesk.Message, *Commit)) error {
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{MessageID: id, Tasks: true})
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
	return errors.New("agent: the store reports a conflict every time: check it with agenttest.TestStore")
}
