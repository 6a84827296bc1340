package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// ErrMalformed means that what a channel handed over can never be accepted,
// however often it comes: it lacks what it takes to answer it, or has an address
// that is none. Answer the provider so that it does not send it again, and mend
// the channel's code. Any other error of Accept and Handle may be gone the
// next time.
var ErrMalformed = errors.New("agent: malformed")

// conflictLimit is how often a commit that conflicts is tried again. Each
// conflict means that somebody else got on, so the limit is there for stores
// that are broken, not for busy ones.
const conflictLimit = 1000

// errNoProgress ends a commit that conflicted conflictLimit times.
var errNoProgress = errors.New("agent: the store reports a conflict every time: check it with agenttest.TestStore")

// accepted is what accept did.
type accepted struct {
	conversationID string
	messageID      string
	duplicate      bool
}

// accept stores an inbound message with all that follows from it in one
// commit: the dedupe key, the contact and conversation if they are new, the
// end of a pending ladder (S8.4), and the task that answers.
func (m *Mux) accept(ctx context.Context, in frontdesk.Inbound, debounce time.Duration) (accepted, error) {
	in, err := m.checkInbound(in)
	if err != nil {
		return accepted{}, err
	}
	key := shortKey(in.Channel + "\x1f" + in.ID)
	messageID := m.newID()
	// Waiting messages get their end from an opt-out only: not to read them
	// otherwise keeps a flood linear.
	leaves := in.OptOut || m.isWord(in.Text, m.cfg.OptOut.Words)
	for range conflictLimit {
		view, err := m.store.Load(ctx, Query{
			Identity: frontdesk.Identity{Channel: in.Channel, Address: in.From}, DedupeKey: key, Tasks: true, Waiting: leaves,
		})
		if err != nil {
			return accepted{}, fmt.Errorf("agent: accept: load: %w", err)
		}
		if view.Duplicate != "" {
			acc := accepted{messageID: view.Duplicate, duplicate: true}
			if view.Conversation != nil {
				acc.conversationID = view.Conversation.ID
			}
			return acc, nil
		}
		c := m.inboundCommit(&view, in, messageID, debounce)
		c.Dedupe = map[string]string{key: messageID}
		if err := m.endTurn(ctx, &view, &c); err != nil {
			return accepted{}, err
		}
		switch err := m.store.Commit(ctx, c); {
		case err == nil:
			return accepted{conversationID: c.Conversation.ID, messageID: messageID}, nil
		case errors.Is(err, ErrConflict), errors.Is(err, ErrDuplicate):
			// Read again: the duplicate is found by its key.
		default:
			// Whether it was written is not known: the key tells.
			view, lerr := m.store.Load(ctx, Query{DedupeKey: key})
			if lerr == nil && view.Duplicate == messageID {
				return accepted{conversationID: c.Conversation.ID, messageID: messageID}, nil
			}
			return accepted{}, fmt.Errorf("agent: accept: %w", err)
		}
	}
	return accepted{}, errNoProgress
}

// checkInbound cleans an inbound message at the edge.
func (m *Mux) checkInbound(in frontdesk.Inbound) (frontdesk.Inbound, error) {
	for _, f := range []struct{ name, text string }{{"ID", in.ID}, {"From", in.From}, {"Channel", in.Channel}} {
		if f.text != cleanText(f.text, len(f.text)) {
			return in, fmt.Errorf("%w: Inbound.%s is not plain text: fix the channel's code", ErrMalformed, f.name)
		}
	}
	if err := errors.Join(tooLong("Inbound.From", in.From), tooLong("Inbound.Channel", in.Channel)); err != nil {
		return in, err
	}
	in.ID = shortKey(in.ID)
	if in.ID == "" || in.From == "" {
		return in, fmt.Errorf("%w: Inbound.ID and Inbound.From are required: without them a message can be neither told apart nor answered", ErrMalformed)
	}
	in.Text = cleanText(clipBytes(in.Text, m.cfg.Limits.InboundBytes), m.cfg.Limits.InboundBytes)
	in.Name = clip(in.Name, 200)
	return in, nil
}

// inboundCommit decides what an inbound message does to what was read.
func (m *Mux) inboundCommit(view *View, in frontdesk.Inbound, messageID string, debounce time.Duration) Commit {
	now := m.now()
	var c Commit
	contact := view.Contact
	if contact == nil {
		contact = &frontdesk.Contact{
			ID: m.newID(), Created: now, Identities: []frontdesk.Identity{{Channel: in.Channel, Address: in.From}},
		}
		c.Contact = contact
	}
	if in.Name != "" && contact.Field("name").IsZero() {
		named := contact.Clone()
		if named.Fields == nil {
			named.Fields = map[string]frontdesk.Value{}
		}
		named.Fields["name"] = frontdesk.Text(in.Name)
		if first := strings.Fields(in.Name); named.Field("firstname").IsZero() && len(first) > 0 {
			named.Fields["firstname"] = frontdesk.Text(first[0])
		}
		c.Contact = &named
	}
	var conv frontdesk.Conversation
	if view.Conversation != nil {
		conv = *view.Conversation
	} else {
		conv = frontdesk.Conversation{ID: m.newID(), ContactID: contact.ID, Channel: in.Channel, Status: frontdesk.Open, Epoch: 1, Created: now}
	}
	if conv.Status == frontdesk.Closed { // S1.1: the assignee is kept
		conv.Status, conv.ClosedAt = frontdesk.Open, time.Time{}
		conv.Epoch++
	}
	conv.LastInbound, conv.Unanswered = now, 0
	conv.LastSeq++
	at := in.At.UTC().Round(0)
	if in.At.IsZero() || at.Year() < 1 || at.Year() > 9999 { // JSON could not write it (S13.2)
		at = now
	}
	msg := frontdesk.Message{
		ID: messageID, ConversationID: conv.ID, Seq: conv.LastSeq, Direction: frontdesk.DirInbound,
		Author: frontdesk.Author{Kind: frontdesk.AuthorContact, ID: contact.ID}, Text: in.Text, At: at, ProviderID: in.ID,
	}
	m.endLadder(view, "the contact wrote", &c) // S8.4: whatever it was

	wasOut := conv.OptedOut
	switch {
	case in.OptOut || m.isWord(in.Text, m.cfg.OptOut.Words):
		if !wasOut {
			conv.OptedOut = true
			conv.Epoch++ // what is queued or being thought is of the past
			for _, part := range splitText(m.confirmation(c.Contact, contact, &conv), m.cfg.Channel.Capabilities(conv.Channel).MaxLength) {
				conv.LastSeq++
				c.Messages = append(c.Messages, frontdesk.Message{
					ID: m.newID(), ConversationID: conv.ID, Seq: conv.LastSeq, Direction: frontdesk.DirOutbound,
					Author: frontdesk.Author{Kind: frontdesk.AuthorSystem}, Text: part, At: now,
					Status: frontdesk.Queued, Epoch: conv.Epoch, Exempt: true,
				})
			}
			c.Put = append(c.Put, sendTask(view, conv.ID, now))
		}
	case wasOut && (in.OptIn || m.isWord(in.Text, m.cfg.OptOut.BackWords)):
		conv.OptedOut = false
		conv.Epoch++
	}
	if conv.OptedOut && !switches.Off(switches.OptOut) {
		msg.Disposition = dispositionFor(&conv)
		c.Delete = append(c.Delete, TaskTurn)
		c.Messages = append(c.Messages, dispose(view.Waiting, msg.Disposition)...)
	} else if m.agentOf(&conv) != nil {
		c.Put = append(c.Put, m.answerTask(view, conv.ID, now.Add(debounce)))
	} else if conv.Assignee.Kind == frontdesk.AssigneeAgent {
		// An agent that this Mux does not know: the turn finds out and asks a
		// human, so that the message is not lost.
		c.Put = append(c.Put, m.answerTask(view, conv.ID, now.Add(debounce)))
	} else {
		msg.Disposition = dispositionFor(&conv)
	}
	c.Messages = append([]frontdesk.Message{msg}, c.Messages...)
	c.Conversation = &conv
	return c
}

// confirmation is the text that confirms an opt-out, with its variables
// replaced: it never holds a raw one (S4.4).
func (m *Mux) confirmation(changed, contact *frontdesk.Contact, conv *frontdesk.Conversation) string {
	if changed != nil {
		contact = changed
	}
	text, _ := variables.Parse(m.cfg.OptOut.Confirmation).Expand(variables.Env{
		Lookup: variables.ForContact(*contact, m.assigneeName(conv), m.now(), m.def.location), Limit: m.cfg.Limits.ValueLength,
	})
	return cleanText(text, m.cfg.Limits.ReplyBytes)
}

// dispositionFor says why no agent may answer a message on the conversation
// as it stands: the contact opted out, it is closed, or a human has it.
func dispositionFor(c *frontdesk.Conversation) frontdesk.Disposition {
	switch {
	case c.OptedOut:
		return frontdesk.DispositionOptOut
	case c.Status == frontdesk.Closed:
		return frontdesk.DispositionClosed
	}
	return frontdesk.DispositionHuman
}

// dispose gives waiting inbound messages their end.
func dispose(waiting []frontdesk.Message, d frontdesk.Disposition) []frontdesk.Message {
	out := make([]frontdesk.Message, 0, len(waiting))
	for _, w := range waiting {
		if switches.Off(switches.Dispose) {
			break
		}
		w.Disposition = d
		out = append(out, w)
	}
	return out
}

// answerTask is the task that answers. A turn that waits or is under way
// keeps its ID and takes the new message with it (S7.3); only its time moves.
func (m *Mux) answerTask(view *View, conversationID string, due time.Time) Task {
	if t := view.Task(TaskTurn); t != nil {
		again := *t
		again.Due = due
		again.Attempts = 0
		again.Trigger.Agents = nil // S9.3: a new message of the contact
		return again
	}
	return Task{ConversationID: conversationID, Kind: TaskTurn, Due: due, TurnID: m.newID(), Trigger: Trigger{Kind: TriggerInbound}}
}

// sendTask is the task that empties the outbox: at once, unless one waits for
// its retry, which keeps the order.
func sendTask(view *View, conversationID string, now time.Time) Task {
	if t := view.Task(TaskSend); t != nil && !t.Due.IsZero() {
		return *t
	}
	return Task{ConversationID: conversationID, Kind: TaskSend, Due: now}
}

// isWord reports whether the text is one of the words and nothing else.
func (m *Mux) isWord(text string, words []string) bool {
	if len(words) == 0 || len(text) > 100 {
		return false
	}
	bare := func(s string) string {
		return foldText(strings.TrimFunc(s, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSpace(r) }))
	}
	t := bare(text)
	for _, w := range words {
		if t != "" && t == bare(w) {
			return true
		}
	}
	return false
}
