package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/cursor"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlrow"
)

var _ agent.Desk = (*Store)(nil)

// Those who never wrote come before the others: the indexes sort the zero time
// instead of NULL.
const (
	lastInbound = `ifnull(v.last_inbound, -62135596800000000)`
	settledAt   = `ifnull(m.settled_at, -62135596800000000)`
	// didNotArrive is the condition of the index messages_undelivered.
	didNotArrive = `m.direction = 'outbound' AND m.status IN ('failed', 'unknown')`
)

var (
	contactByID     = &statement{`SELECT c.n, ` + contactColumns + ` FROM contacts c WHERE c.id = ?`}
	conversationsOf = &statement{`SELECT ` + conversationColumns + ` FROM conversations v WHERE v.contact = ?`}
	messagesOf      = &statement{`SELECT ` + messageColumns + ` FROM messages WHERE conversation = ? AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?`}
	undeliveredOf   = &statement{`SELECT ` + messageColumns + ` FROM messages m WHERE conversation = ? AND seq > ? AND seq < ? AND ` + didNotArrive + ` ORDER BY seq DESC LIMIT ?`}
	undelivered     = &statement{`SELECT (SELECT v.id FROM conversations v WHERE v.n = m.conversation), ` + messageColumns + `
	FROM messages m INDEXED BY messages_undelivered WHERE ` + didNotArrive + ` AND ` + settledAt + ` <= ?1 AND (` + settledAt + ` < ?1 OR m.id < ?2)
	ORDER BY ` + settledAt + ` DESC, m.id DESC LIMIT ?3`}
	turnsOf     = &statement{`SELECT n, id, record FROM turns WHERE conversation = ?`}
	approvalsOf = &statement{`SELECT ` + approvalColumns + ` FROM approvals WHERE conversation = ?`}
)

// Conversations implements [agent.Desk].
func (s *Store) Conversations(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
	var page agent.Page[agent.Listed]
	from, err := cursor.Start(q.Cursor)
	if err == nil {
		err = s.read(ctx, func(c *conn) (err error) {
			page.Items, err = c.list(&q, from)
			return err
		})
	}
	if err != nil {
		return agent.Page[agent.Listed]{}, fmt.Errorf("sqlitestore: conversations: %w", err)
	}
	place := func(l agent.Listed) cursor.Place {
		return cursor.Place{At: l.Conversation.LastInbound, ID: l.Conversation.ID}
	}
	slices.SortFunc(page.Items, func(a, b agent.Listed) int {
		if q.LongestFirst {
			return place(a).Compare(place(b))
		}
		return place(b).Compare(place(a))
	})
	page.Items, page.Next = cursor.Cut(page.Items, agent.PageLimit(q.Limit), func(l agent.Listed) string { return place(l).String() })
	return page, nil
}

// list reads the first of what was asked for, at least one more than a page
// holds if there is.
func (c *conn) list(q *agent.ConversationQuery, from *cursor.Place) (out []agent.Listed, err error) {
	statuses := []frontdesk.Status{q.Status}
	if q.Status == "" && q.ContactID == "" && !q.AwaitsApproval {
		// The indexes begin with the status, so that the few open conversations
		// are found among many closed ones.
		statuses = []frontdesk.Status{frontdesk.Open, frontdesk.Closed}
	}
	for _, status := range statuses {
		l := listing(q, status, from)
		err := c.once(l.String(), l.args, func(r *row) {
			_ = r.int() // its number
			v := conversationFrom(r)
			p := contactFrom(r)
			v.ContactID = p.ID
			out = append(out, agent.Listed{Conversation: *v, Contact: *p})
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// query is an SQL query that is being written.
type query struct {
	strings.Builder
	args []any
}

func (q *query) add(sql string, args ...any) {
	q.WriteString(sql)
	q.args = append(q.args, args...)
}

// listing writes the query for a list of conversations with one status, or
// with any. It names the index: which is the best one is known here, and not
// to a planner that knows nothing of what is in the tables.
func listing(q *agent.ConversationQuery, status frontdesk.Status, from *cursor.Place) *query {
	s := &query{}
	s.add("SELECT " + conversationColumns + ", " + contactColumns + " FROM ")
	contact := " CROSS JOIN contacts c ON c.n = v.contact WHERE true"
	switch {
	case q.ContactID != "":
		s.add("contacts c CROSS JOIN conversations v ON v.contact = c.n WHERE c.id = ?", q.ContactID)
	case q.AwaitsApproval:
		s.add("(SELECT DISTINCT conversation FROM approvals INDEXED BY approvals_pending WHERE status = 'pending') a CROSS JOIN conversations v ON v.n = a.conversation" + contact)
	case q.Assignee != nil:
		s.add("conversations v INDEXED BY conversations_assignee" + contact)
	case q.AwaitsHuman:
		s.add("conversations v INDEXED BY conversations_waiting" + contact)
	case q.TeamID != "":
		s.add("conversations v INDEXED BY conversations_team" + contact)
	default:
		s.add("conversations v INDEXED BY conversations_recent" + contact)
	}
	if status != "" {
		s.add(" AND v.status = ?", string(status))
	}
	if a := q.Assignee; a != nil {
		s.add(" AND v.assignee_kind = ? AND v.assignee_id = ?", string(a.Kind), a.ID)
	}
	if q.AwaitsHuman {
		s.add(" AND v.awaits_human = 1")
	}
	if q.TeamID != "" {
		s.add(" AND v.team_id <> '' AND v.team_id = ?", q.TeamID)
	}
	if q.Channel != "" {
		s.add(" AND v.channel = ?", q.Channel)
	}
	if q.ContactID != "" && q.AwaitsApproval {
		s.add(" AND EXISTS (SELECT 1 FROM approvals WHERE conversation = v.n AND status = 'pending')")
	}
	than, order := "<", "DESC"
	if q.LongestFirst {
		than, order = ">", "ASC"
	}
	if from != nil {
		at := from.At.UnixMicro()
		s.add(" AND "+lastInbound+" "+than+"= ? AND ("+lastInbound+" "+than+" ? OR v.id "+than+" ?)", at, at, from.ID)
	}
	s.add(" ORDER BY "+lastInbound+" "+order+", v.id "+order+" LIMIT ?", int64(agent.PageLimit(q.Limit)+1))
	return s
}

// Messages implements [agent.Desk].
func (s *Store) Messages(ctx context.Context, q agent.MessageQuery) (agent.Page[frontdesk.Message], error) {
	page, err := s.messagePage(ctx, &q)
	if err != nil {
		return agent.Page[frontdesk.Message]{}, fmt.Errorf("sqlitestore: messages: %w", err)
	}
	return page, nil
}

func (s *Store) messagePage(ctx context.Context, q *agent.MessageQuery) (page agent.Page[frontdesk.Message], err error) {
	switch {
	case q.ConversationID != "":
		return s.history(ctx, q)
	case q.Undelivered:
		return s.undelivered(ctx, q)
	}
	return page, errors.New("ConversationID or Undelivered is required: nobody reads all messages of everybody")
}

func (s *Store) history(ctx context.Context, q *agent.MessageQuery) (page agent.Page[frontdesk.Message], err error) {
	before, err := cursor.Before(q.Cursor, q.Before)
	if err != nil {
		return page, err
	}
	by := messagesOf
	if q.Undelivered {
		by = undeliveredOf
	}
	err = s.read(ctx, func(c *conn) error {
		n, err := c.numberOf(q.ConversationID)
		if err != nil || n == 0 {
			return err
		}
		return c.query(by, []any{n, q.After, before, int64(agent.PageLimit(q.Limit) + 1)}, func(r *row) {
			page.Items = append(page.Items, messageFrom(r, q.ConversationID))
		})
	})
	page.Items, page.Next = cursor.Cut(page.Items, agent.PageLimit(q.Limit), func(m frontdesk.Message) string { return cursor.Seq(m.Seq) })
	return page, err
}

// numberOf returns the number of a conversation, 0 if it is not there.
func (c *conn) numberOf(conversationID string) (n int64, err error) {
	err = c.query(conversationState, []any{conversationID}, func(r *row) { n = r.int() })
	return n, err
}

func (s *Store) undelivered(ctx context.Context, q *agent.MessageQuery) (page agent.Page[frontdesk.Message], err error) {
	from, err := cursor.Start(q.Cursor)
	if err != nil {
		return page, err
	}
	at, id := int64(math.MaxInt64), ""
	if from != nil {
		at, id = from.At.UnixMicro(), from.ID
	}
	err = s.read(ctx, func(c *conn) error {
		return c.query(undelivered, []any{at, id, int64(agent.PageLimit(q.Limit) + 1)}, func(r *row) {
			conversation := r.text()
			page.Items = append(page.Items, messageFrom(r, conversation))
		})
	})
	page.Items, page.Next = cursor.Cut(page.Items, agent.PageLimit(q.Limit), func(m frontdesk.Message) string {
		return cursor.Place{At: m.SettledAt, ID: m.ID}.String()
	})
	return page, err
}

// Pending implements [agent.Desk].
func (s *Store) Pending(ctx context.Context, conversationID string) (agent.Pending, error) {
	var p agent.Pending
	err := s.read(ctx, func(c *conn) error {
		n, err := c.numberOf(conversationID)
		if err != nil || n == 0 {
			return err
		}
		p.Tasks, p.Approvals, err = c.waiting(n, conversationID)
		return err
	})
	if err != nil {
		return agent.Pending{}, fmt.Errorf("sqlitestore: pending: %w", err)
	}
	p.Approvals = slices.DeleteFunc(p.Approvals, func(a agent.Approval) bool { return a.Status != agent.ApprovalPending })
	return p, nil
}

// waiting reads the tasks of a conversation by due time, blocked ones last, and
// its approvals, the oldest first.
func (c *conn) waiting(n int64, id string) (tasks []agent.Task, approvals []agent.Approval, err error) {
	if err := c.query(tasksOf, []any{n}, func(r *row) { tasks = append(tasks, taskFrom(r, id)) }); err != nil {
		return nil, nil, err
	}
	err = c.query(approvalsOf, []any{n}, func(r *row) {
		a := approvalFrom(r)
		a.ConversationID = id
		approvals = append(approvals, *a)
	})
	sqlrow.SortPending(tasks, approvals)
	return tasks, approvals, err
}

// Export implements [agent.Desk].
func (s *Store) Export(ctx context.Context, contactID string) (*agent.Export, error) {
	var out *agent.Export
	err := s.read(ctx, func(c *conn) (err error) {
		out, err = c.export(contactID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: export: %w", err)
	}
	return out, nil
}

func (c *conn) export(contactID string) (*agent.Export, error) {
	var n int64
	out := &agent.Export{}
	err := c.query(contactByID, []any{contactID}, func(r *row) {
		n = r.int()
		out.Contact = *contactFrom(r)
	})
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: %q", agent.ErrNoContact, contactID)
	}
	var numbers []int64
	err = c.query(conversationsOf, []any{n}, func(r *row) {
		numbers = append(numbers, r.int())
		v := conversationFrom(r)
		v.ContactID = contactID
		out.Conversations = append(out.Conversations, agent.ExportedConversation{Conversation: *v})
	})
	if err != nil {
		return nil, err
	}
	for i, n := range numbers {
		if err := c.exportConversation(n, &out.Conversations[i]); err != nil {
			return nil, err
		}
	}
	sqlrow.SortConversations(out.Conversations)
	return out, nil
}

func (c *conn) exportConversation(n int64, e *agent.ExportedConversation) (err error) {
	err = c.query(messagesOf, []any{n, int64(math.MinInt64), int64(math.MaxInt64), int64(-1)}, func(r *row) {
		e.Messages = append(e.Messages, messageFrom(r, e.ID))
	})
	if err != nil {
		return err
	}
	slices.Reverse(e.Messages)
	if e.Tasks, e.Approvals, err = c.waiting(n, e.ID); err != nil {
		return err
	}
	var numbers []int64
	err = c.query(turnsOf, []any{n}, func(r *row) {
		numbers = append(numbers, r.int())
		t := agent.ExportedTurn{ID: r.text()}
		r.json(&t.Record)
		e.Turns = append(e.Turns, t)
	})
	if err != nil {
		return err
	}
	for i, n := range numbers {
		t := &e.Turns[i]
		err := c.query(journalOf, []any{n}, func(r *row) {
			t.Journal = append(t.Journal, agent.ExportedEntry{N: int(r.int()), Kind: agent.EntryKind(r.text()), At: r.time(), Data: r.blob()})
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(e.Turns, func(a, b agent.ExportedTurn) int { return strings.Compare(a.ID, b.ID) })
	return nil
}
