package memstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/cursor"
)

var _ agent.Desk = (*Store)(nil)

// Conversations implements [agent.Desk]. It looks at all conversations for
// every page, as there are no indexes: a first run has a few.
func (s *Store) Conversations(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
	var page agent.Page[agent.Listed]
	from, err := cursor.Start(q.Cursor)
	if err != nil {
		return page, fmt.Errorf("memstore: conversations: %w", err)
	}
	if err := s.begin(ctx, "conversations"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	order := func(a, b cursor.Place) int {
		if q.LongestFirst {
			return a.Compare(b)
		}
		return b.Compare(a)
	}
	approvals := s.pendingApprovals(&q)
	var found []*conversation
	for _, c := range s.conversations {
		if matches(c, &q) && (!q.AwaitsApproval || approvals[c.data.ID]) && (from == nil || order(placeOf(c), *from) > 0) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *conversation) int { return order(placeOf(a), placeOf(b)) })
	found, page.Next = cursor.Cut(found, agent.PageLimit(q.Limit), func(c *conversation) string { return placeOf(c).String() })
	for _, c := range found {
		page.Items = append(page.Items, agent.Listed{Conversation: *c.data, Contact: *c.contact.data})
	}
	return page, nil
}

func placeOf(c *conversation) cursor.Place {
	return cursor.Place{At: c.data.LastInbound.UTC().Round(0), ID: c.data.ID}
}

// matches reports whether a conversation is asked for, approvals aside.
func matches(c *conversation, q *agent.ConversationQuery) bool {
	v := c.data
	return (q.ContactID == "" || v.ContactID == q.ContactID) &&
		(q.Channel == "" || v.Channel == q.Channel) &&
		(q.Status == "" || v.Status == q.Status) &&
		(q.Assignee == nil || v.Assignee == *q.Assignee) &&
		(q.TeamID == "" || v.TeamID == q.TeamID) &&
		(!q.AwaitsHuman || v.AwaitsHuman)
}

// pendingApprovals are the conversations with a call that waits for a person,
// if the query asks for them.
func (s *Store) pendingApprovals(q *agent.ConversationQuery) map[string]bool {
	out := map[string]bool{}
	if q.AwaitsApproval {
		for _, a := range s.approvals {
			if a.Status == agent.ApprovalPending {
				out[a.ConversationID] = true
			}
		}
	}
	return out
}

// Messages implements [agent.Desk].
func (s *Store) Messages(ctx context.Context, q agent.MessageQuery) (agent.Page[frontdesk.Message], error) {
	page, err := s.messagePage(ctx, &q)
	if err != nil {
		return agent.Page[frontdesk.Message]{}, fmt.Errorf("memstore: messages: %w", err)
	}
	return page, nil
}

func (s *Store) messagePage(ctx context.Context, q *agent.MessageQuery) (page agent.Page[frontdesk.Message], err error) {
	if q.ConversationID == "" && !q.Undelivered {
		return page, errors.New("ConversationID or Undelivered is required: nobody reads all messages of everybody")
	}
	if err := ctx.Err(); err != nil {
		return page, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.ConversationID == "" {
		return s.undelivered(q)
	}
	before, err := cursor.Before(q.Cursor, q.Before)
	if err != nil {
		return page, err
	}
	c := s.conversations[q.ConversationID]
	if c == nil {
		return page, nil
	}
	var found []frontdesk.Message
	for i := len(c.messages) - 1; i >= 0 && len(found) <= agent.PageLimit(q.Limit); i-- {
		m := &c.messages[i]
		if m.Seq > q.After && m.Seq < before && (!q.Undelivered || undelivered(m)) {
			found = append(found, *m)
		}
	}
	page.Items, page.Next = cursor.Cut(found, agent.PageLimit(q.Limit), func(m frontdesk.Message) string { return cursor.Seq(m.Seq) })
	return page, nil
}

func undelivered(m *frontdesk.Message) bool {
	return m.Direction == frontdesk.DirOutbound && (m.Status == frontdesk.Failed || m.Status == frontdesk.Unknown)
}

// undelivered looks at all messages.
func (s *Store) undelivered(q *agent.MessageQuery) (page agent.Page[frontdesk.Message], err error) {
	from, err := cursor.Start(q.Cursor)
	if err != nil {
		return page, err
	}
	place := func(m *frontdesk.Message) cursor.Place {
		return cursor.Place{At: m.SettledAt.UTC().Round(0), ID: m.ID}
	}
	var found []frontdesk.Message
	for _, c := range s.conversations {
		for i := range c.messages {
			if m := &c.messages[i]; undelivered(m) && (from == nil || place(m).Compare(*from) < 0) {
				found = append(found, *m)
			}
		}
	}
	slices.SortFunc(found, func(a, b frontdesk.Message) int { return place(&b).Compare(place(&a)) })
	page.Items, page.Next = cursor.Cut(found, agent.PageLimit(q.Limit), func(m frontdesk.Message) string { return place(&m).String() })
	return page, nil
}

// Pending implements [agent.Desk].
func (s *Store) Pending(ctx context.Context, conversationID string) (agent.Pending, error) {
	if err := s.begin(ctx, "pending"); err != nil {
		return agent.Pending{}, err
	}
	defer s.mu.Unlock()
	c := s.conversations[conversationID]
	if c == nil {
		return agent.Pending{}, nil
	}
	all := s.approvalsOf(c)
	return agent.Pending{
		Tasks:     c.tasksByDue(),
		Approvals: slices.DeleteFunc(all, func(a agent.Approval) bool { return a.Status != agent.ApprovalPending }),
	}, nil
}

// tasksByDue are the tasks by due time, blocked ones last.
func (c *conversation) tasksByDue() []agent.Task {
	var out []agent.Task
	for _, t := range c.tasks {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b agent.Task) int {
		blocked := func(t agent.Task) int {
			if t.Due.IsZero() {
				return 1
			}
			return 0
		}
		return cmp.Or(blocked(a)-blocked(b), a.Due.Compare(b.Due), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return out
}

// approvalsOf are the approvals of a conversation, the oldest first.
func (s *Store) approvalsOf(c *conversation) []agent.Approval {
	var out []agent.Approval
	for _, a := range s.approvals {
		if a.ConversationID == c.data.ID {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b agent.Approval) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	return out
}

// Export implements [agent.Desk].
func (s *Store) Export(ctx context.Context, contactID string) (*agent.Export, error) {
	if err := s.begin(ctx, "export"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	p := s.contacts[contactID]
	if p == nil {
		return nil, fmt.Errorf("memstore: export: %w: %q", agent.ErrNoContact, contactID)
	}
	out := &agent.Export{Contact: *p.data}
	for _, c := range p.conversations {
		out.Conversations = append(out.Conversations, agent.ExportedConversation{
			Conversation: *c.data, Messages: slices.Clone(c.messages), Turns: s.exportTurns(c), Tasks: c.tasksByDue(), Approvals: s.approvalsOf(c),
		})
	}
	slices.SortFunc(out.Conversations, func(a, b agent.ExportedConversation) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (s *Store) exportTurns(c *conversation) []agent.ExportedTurn {
	var out []agent.ExportedTurn
	for id, t := range s.turns {
		if t.conversation != c.data.ID {
			continue
		}
		e := agent.ExportedTurn{ID: id, Record: t.data}
		for _, r := range t.journal {
			e.Journal = append(e.Journal, agent.ExportedEntry{N: r.N, Kind: r.Kind, At: r.At, Data: r.Data})
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b agent.ExportedTurn) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Delete implements [agent.Desk].
func (s *Store) Delete(ctx context.Context, contactIDs ...string) error {
	if err := s.begin(ctx, "delete"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, id := range contactIDs {
		if p := s.contacts[id]; p != nil {
			s.forget(p)
		}
	}
	return nil
}

// forget removes a contact with all that is theirs.
func (s *Store) forget(p *contact) {
	delete(s.contacts, p.data.ID)
	for _, id := range p.data.Identities {
		delete(s.identities, id)
	}
	theirs := map[string]bool{} // conversations by ID
	for _, c := range p.conversations {
		theirs[c.data.ID] = true
		delete(s.conversations, c.data.ID)
		s.queue.drop(&c.turn)
		s.queue.drop(&c.send)
		s.loads.change(owner(c.data), "")
	}
	for id, t := range s.turns {
		if theirs[t.conversation] {
			delete(s.turns, id)
		}
	}
	for id, a := range s.approvals {
		if theirs[a.ConversationID] {
			delete(s.approvals, id)
		}
	}
	for key, id := range s.dedupe {
		if m, ok := s.messages[id]; ok && m.conversation.contact == p {
			delete(s.dedupe, key)
		}
	}
	for key, id := range s.provider {
		if m, ok := s.messages[id]; ok && m.conversation.contact == p {
			delete(s.provider, key)
		}
	}
	for _, c := range p.conversations {
		for i := range c.messages {
			delete(s.messages, c.messages[i].ID)
		}
	}
}

// drop takes a lane away for good.
func (q *queue) drop(l *lane) {
	q.move(l, nil, l.key)
	l.held = false
}
