package pgstore

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
	lastInbound = `coalesce(v.last_inbound, -62135596800000000)`
	settledAt   = `coalesce(m.settled_at, -62135596800000000)`
	// didNotArrive is the condition of the index messages_undelivered.
	didNotArrive = `m.direction = 'outbound' AND m.status IN ('failed', 'unknown')`
)

var (
	contactByID     = define(`SELECT ` + contactColumns + ` FROM frontdesk.contacts c WHERE c.id = $1`)
	conversationsOf = define(`SELECT ` + conversationColumns + ` FROM frontdesk.conversations v WHERE v.contact = $1`)
	messagesOf      = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE m.conversation = $1 AND m.seq > $2 AND m.seq < $3 ORDER BY m.seq DESC LIMIT $4`)
	undeliveredOf   = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE m.conversation = $1 AND m.seq > $2 AND m.seq < $3 AND ` + didNotArrive + ` ORDER BY m.seq DESC LIMIT $4`)
	undelivered     = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE ` + didNotArrive + ` AND (` + settledAt + `, m.id) < ($1, $2)
	ORDER BY ` + settledAt + ` DESC, m.id DESC LIMIT $3`)
	turnsOf     = define(`SELECT id, record FROM frontdesk.turns WHERE conversation = $1`)
	journalsOf  = define(`SELECT turn, n, kind, at, data FROM frontdesk.journal WHERE conversation = $1 ORDER BY turn, n`)
	approvalsOf = define(`SELECT ` + approvalColumns + ` FROM frontdesk.approvals a WHERE a.conversation = $1`)
	pendingOf   = define(`SELECT ` + approvalColumns + ` FROM frontdesk.approvals a WHERE a.conversation = $1 AND a.status = 'pending'`)
)

// Conversations implements [agent.Desk].
func (s *Store) Conversations(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
	var page agent.Page[agent.Listed]
	from, err := cursor.Start(q.Cursor)
	if err == nil {
		page.Items, err = s.list(ctx, &q, from)
	}
	if err != nil {
		return agent.Page[agent.Listed]{}, fmt.Errorf("pgstore: conversations: %w", err)
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
func (s *Store) list(ctx context.Context, q *agent.ConversationQuery, from *cursor.Place) (out []agent.Listed, err error) {
	statuses := []frontdesk.Status{q.Status}
	if q.Status == "" && q.ContactID == "" && !q.AwaitsApproval {
		// The indexes begin with the status, so that the few open conversations
		// are found among many closed ones.
		statuses = []frontdesk.Status{frontdesk.Open, frontdesk.Closed}
	}
	b := s.batch()
	for _, status := range statuses {
		l := listing(q, status, from)
		b.send(qualified(l.String(), s.schema), l.args, func(r *row) {
			v := conversationFrom(r)
			p := contactFrom(r)
			v.ContactID = p.ID
			out = append(out, agent.Listed{Conversation: *v, Contact: *p})
		})
	}
	err = s.read(ctx, b)
	return out, err
}

// query is an SQL query that is being written. Each ? of it is a parameter.
type query struct {
	strings.Builder
	args []any
}

func (q *query) add(sql string, args ...any) {
	for i, part := range strings.Split(sql, "?") {
		if i > 0 {
			q.args = append(q.args, args[i-1])
			fmt.Fprintf(q, "$%d", len(q.args))
		}
		q.WriteString(part)
	}
}

// listing writes the query for a list of conversations with one status, or
// with any.
func listing(q *agent.ConversationQuery, status frontdesk.Status, from *cursor.Place) *query {
	s := &query{}
	s.add("SELECT " + conversationColumns + ", " + contactColumns + " FROM ")
	// OFFSET 0 keeps the planner from beginning anywhere else.
	switch {
	case q.ContactID != "":
		s.add("(SELECT * FROM frontdesk.conversations WHERE contact = ? OFFSET 0) v", q.ContactID)
	case q.AwaitsApproval:
		s.add("(SELECT DISTINCT conversation FROM frontdesk.approvals WHERE status = 'pending' OFFSET 0) a JOIN frontdesk.conversations v ON v.id = a.conversation")
	default:
		s.add("frontdesk.conversations v")
	}
	s.add(" JOIN frontdesk.contacts c ON c.id = v.contact WHERE true")
	if q.ContactID != "" && q.AwaitsApproval {
		s.add(" AND (SELECT true FROM frontdesk.approvals WHERE conversation = v.id AND status = 'pending' LIMIT 1)")
	}
	if status != "" {
		s.add(" AND v.status = ?", string(status))
	}
	if a := q.Assignee; a != nil {
		s.add(" AND v.assignee_kind = ? AND v.assignee_id = ?", string(a.Kind), a.ID)
	}
	if q.AwaitsHuman {
		s.add(" AND v.awaits_human")
	}
	if q.TeamID != "" {
		s.add(" AND v.team_id <> '' AND v.team_id = ?", q.TeamID)
	}
	if q.Channel != "" {
		s.add(" AND v.channel = ?", q.Channel)
	}
	than, order := "<", "DESC"
	if q.LongestFirst {
		than, order = ">", "ASC"
	}
	if from != nil {
		s.add(" AND ("+lastInbound+", v.id) "+than+" (?, ?)", from.At.UnixMicro(), from.ID)
	}
	s.add(" ORDER BY "+lastInbound+" "+order+", v.id "+order+" LIMIT ?", int64(agent.PageLimit(q.Limit)+1))
	return s
}

// Messages implements [agent.Desk].
func (s *Store) Messages(ctx context.Context, q agent.MessageQuery) (agent.Page[frontdesk.Message], error) {
	page, err := s.messagePage(ctx, &q)
	if err != nil {
		return agent.Page[frontdesk.Message]{}, fmt.Errorf("pgstore: messages: %w", err)
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
	page.Items, err = s.messages(ctx, by, q.ConversationID, q.After, before, int64(agent.PageLimit(q.Limit)+1))
	page.Items, page.Next = cursor.Cut(page.Items, agent.PageLimit(q.Limit), func(m frontdesk.Message) string { return cursor.Seq(m.Seq) })
	return page, err
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
	page.Items, err = s.messages(ctx, undelivered, at, id, int64(agent.PageLimit(q.Limit)+1))
	page.Items, page.Next = cursor.Cut(page.Items, agent.PageLimit(q.Limit), func(m frontdesk.Message) string {
		return cursor.Place{At: m.SettledAt, ID: m.ID}.String()
	})
	return page, err
}

func (s *Store) messages(ctx context.Context, by *statement, args ...any) (out []frontdesk.Message, err error) {
	b := s.batch()
	b.query(by, args, func(r *row) { out = append(out, messageFrom(r)) })
	err = s.read(ctx, b)
	return out, err
}

// Pending implements [agent.Desk].
func (s *Store) Pending(ctx context.Context, conversationID string) (agent.Pending, error) {
	var p agent.Pending
	b := s.batch()
	b.waiting(conversationID, pendingOf, &p.Tasks, &p.Approvals)
	if err := s.read(ctx, b); err != nil {
		return agent.Pending{}, fmt.Errorf("pgstore: pending: %w", err)
	}
	sqlrow.SortPending(p.Tasks, p.Approvals)
	return p, nil
}

// waiting reads the tasks of a conversation and its approvals.
func (b *batch) waiting(id string, by *statement, tasks *[]agent.Task, approvals *[]agent.Approval) {
	b.query(tasksOf, []any{id}, func(r *row) { *tasks = append(*tasks, taskFrom(r, id)) })
	b.query(by, []any{id}, func(r *row) { *approvals = append(*approvals, *approvalFrom(r)) })
}

// Export implements [agent.Desk].
func (s *Store) Export(ctx context.Context, contactID string) (*agent.Export, error) {
	out, err := s.export(ctx, contactID)
	if err != nil {
		return nil, fmt.Errorf("pgstore: export: %w", err)
	}
	return out, nil
}

// export reads in two round trips as of one moment.
func (s *Store) export(ctx context.Context, contactID string) (*agent.Export, error) {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Release() // one that is left in a transaction is closed
	out, found := &agent.Export{}, false
	b := s.batch()
	b.do(beginRead)
	b.query(contactByID, []any{contactID}, func(r *row) { out.Contact, found = *contactFrom(r), true })
	b.query(conversationsOf, []any{contactID}, func(r *row) {
		v := conversationFrom(r)
		v.ContactID = contactID
		out.Conversations = append(out.Conversations, agent.ExportedConversation{Conversation: *v})
	})
	if err := b.run(ctx, c); err != nil {
		return nil, err
	}
	b = s.batch()
	for i := range out.Conversations {
		b.export(&out.Conversations[i])
	}
	b.do(commit)
	if err := b.run(ctx, c); err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: %q", agent.ErrNoContact, contactID)
	}
	for i := range out.Conversations {
		e := &out.Conversations[i]
		slices.Reverse(e.Messages)
		sqlrow.SortPending(e.Tasks, e.Approvals)
		slices.SortFunc(e.Turns, func(a, b agent.ExportedTurn) int { return strings.Compare(a.ID, b.ID) })
	}
	sqlrow.SortConversations(out.Conversations)
	return out, nil
}

// export reads all that belongs to a conversation.
func (b *batch) export(e *agent.ExportedConversation) {
	b.query(messagesOf, []any{e.ID, int64(math.MinInt64), int64(math.MaxInt64), nil}, func(r *row) { e.Messages = append(e.Messages, messageFrom(r)) })
	b.waiting(e.ID, approvalsOf, &e.Tasks, &e.Approvals)
	turn := func(id string) *agent.ExportedTurn {
		for i := range e.Turns {
			if e.Turns[i].ID == id {
				return &e.Turns[i]
			}
		}
		e.Turns = append(e.Turns, agent.ExportedTurn{ID: id})
		return &e.Turns[len(e.Turns)-1]
	}
	b.query(turnsOf, []any{e.ID}, func(r *row) { r.json(&turn(r.text()).Record) })
	b.query(journalsOf, []any{e.ID}, func(r *row) {
		t := turn(r.text())
		t.Journal = append(t.Journal, agent.ExportedEntry{N: int(r.int()), Kind: agent.EntryKind(r.text()), At: r.time(), Data: r.blob()})
	})
}
