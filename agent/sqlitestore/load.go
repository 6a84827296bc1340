package sqlitestore

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlrow"
)

const (
	contactColumns      = `c.id, c.version, c.stage, c.created, c.identities, c.tags, c.fields`
	conversationColumns = `v.n, v.id, v.channel, v.status, v.team_id, v.assignee_kind, v.assignee_id, v.awaits_human, v.opted_out, v.epoch,
	v.version, v.last_seq, v.last_inbound, v.unanswered, v.summary, v.closing_note, v.created, v.closed_at`
	messageColumns = `id, seq, direction, author_kind, author_id, author_name, text, at, turn_id, disposition, status, reason, provider_id,
	epoch, exempt, follow_up, template, attempts, claimed_at, settled_at`
	taskColumns     = `kind, due, attempts, turn_id, failures, detail`
	approvalColumns = `id, turn_id, agent, name, key, arguments, instructions, epoch, status, by, outcome, at`

	// home joins a conversation and its contact, of which there is always one.
	home = `SELECT ` + conversationColumns + `, ` + contactColumns + ` FROM conversations v JOIN contacts c ON c.n = v.contact `
)

var (
	homeByID       = &statement{home + `WHERE v.id = ?`}
	homeByNumber   = &statement{home + `WHERE v.n = ?`}
	homeByContact  = &statement{home + `WHERE v.contact = ? AND v.channel = ?`}
	contactByName  = &statement{`SELECT c.n, ` + contactColumns + ` FROM identities i JOIN contacts c ON c.n = i.contact WHERE i.channel = ? AND i.address = ?`}
	messageByID    = &statement{`SELECT conversation, ` + messageColumns + ` FROM messages WHERE id = ?`}
	messageByTheir = &statement{`SELECT conversation, ` + messageColumns + ` FROM messages WHERE provider_id = ? AND channel = ? LIMIT 1`}
	approvalByID   = &statement{`SELECT conversation, ` + approvalColumns + ` FROM approvals WHERE id = ?`}

	newest     = &statement{`SELECT ` + messageColumns + ` FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT ?`}
	pending    = &statement{`SELECT ` + messageColumns + ` FROM messages WHERE conversation = ? AND pending = ? ORDER BY seq`}
	turnByID   = &statement{`SELECT n, conversation, record FROM turns WHERE id = ?`}
	journalOf  = &statement{`SELECT n, kind, at, data FROM journal WHERE turn = ? ORDER BY n`}
	tasksOf    = &statement{`SELECT ` + taskColumns + ` FROM tasks WHERE conversation = ?`}
	duplicate  = &statement{`SELECT message_id FROM dedupe WHERE key = ?`}
	rotation   = &statement{`SELECT last, version FROM rotations WHERE name = ?`}
	loadsSince = &statement{`SELECT user_id, open FROM loads WHERE version > ? ORDER BY version`}
	loadsNow   = &statement{`SELECT max(version) FROM loads`}
)

// Load implements [agent.Store].
func (s *Store) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	var v agent.View
	err := s.read(ctx, func(c *conn) error {
		l := loader{conn: c, q: &q, v: &v}
		return l.load()
	})
	if err != nil {
		return agent.View{}, fmt.Errorf("sqlitestore: load: %w", err)
	}
	return v, nil
}

// loader answers one query.
type loader struct {
	*conn
	q *agent.Query
	v *agent.View
	n int64 // the conversation; 0: none
}

// load runs the parts that were asked for. They share one transaction, whose
// first read decides which moment all of them see.
func (l *loader) load() error {
	parts := []func() error{l.find, l.shared, l.history, l.pending, l.turn, l.tasks}
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// find reads the conversation that the query names and its contact, and what
// the query finds on the way.
func (l *loader) find() error {
	q := l.q
	switch {
	case q.ConversationID != "":
		return l.home(homeByID, q.ConversationID)
	case q.MessageID != "":
		return l.found(messageByID, q.MessageID)
	case q.ProviderID != "":
		return l.found(messageByTheir, q.ProviderID, q.Identity.Channel)
	case q.CallID != "":
		return l.approval()
	case q.Identity != (frontdesk.Identity{}):
		var contact int64
		err := l.query(contactByName, []any{q.Identity.Channel, q.Identity.Address}, func(r *row) {
			contact = r.int()
			l.v.Contact = contactFrom(r)
		})
		if err != nil || contact == 0 {
			return err
		}
		return l.home(homeByContact, contact, q.Identity.Channel)
	}
	return nil
}

func (l *loader) home(by *statement, args ...any) error {
	return l.query(by, args, func(r *row) {
		l.n = r.int()
		v := conversationFrom(r)
		l.v.Contact = contactFrom(r)
		v.ContactID = l.v.Contact.ID
		l.v.Conversation = v
	})
}

func (l *loader) found(by *statement, args ...any) error {
	var n int64
	err := l.query(by, args, func(r *row) {
		n = r.int()
		m := messageFrom(r, "")
		l.v.Found = &m
	})
	if err != nil || n == 0 {
		return err
	}
	if err := l.home(homeByNumber, n); err != nil || l.v.Conversation == nil {
		return err
	}
	l.v.Found.ConversationID = l.v.Conversation.ID
	return nil
}

func (l *loader) approval() error {
	var n int64
	err := l.query(approvalByID, []any{l.q.CallID}, func(r *row) {
		n = r.int()
		l.v.Approval = approvalFrom(r)
	})
	if err != nil || n == 0 {
		return err
	}
	if err := l.home(homeByNumber, n); err != nil || l.v.Conversation == nil {
		return err
	}
	l.v.Approval.ConversationID = l.v.Conversation.ID
	return nil
}

// shared reads what belongs to no conversation.
func (l *loader) shared() error {
	if l.q.DedupeKey != "" {
		if err := l.query(duplicate, []any{l.q.DedupeKey}, func(r *row) { l.v.Duplicate = r.text() }); err != nil {
			return err
		}
	}
	for _, name := range l.q.Rotations {
		err := l.query(rotation, []any{name}, func(r *row) {
			if l.v.Rotations == nil {
				l.v.Rotations = make(map[string]agent.Rotation, len(l.q.Rotations))
			}
			l.v.Rotations[name] = agent.Rotation{Name: name, Last: r.text(), Version: r.int()}
		})
		if err != nil {
			return err
		}
	}
	if !l.q.Loads {
		return nil
	}
	if err := l.query(loadsNow, nil, func(r *row) { l.v.LoadVersion = r.int() }); err != nil {
		return err
	}
	return l.query(loadsSince, []any{l.q.LoadsSince}, func(r *row) {
		l.v.Loads = append(l.v.Loads, agent.Load{UserID: r.text(), Open: int(r.int())})
	})
}

func (l *loader) history() error {
	if l.n == 0 || l.q.History <= 0 {
		return nil
	}
	id := l.v.Conversation.ID
	err := l.query(newest, []any{l.n, int64(l.q.History)}, func(r *row) {
		l.v.History = append(l.v.History, messageFrom(r, id))
	})
	if err != nil {
		return err
	}
	slices.Reverse(l.v.History)
	if !l.q.Turns {
		return nil
	}
	seen := map[string]bool{"": true}
	for i := range l.v.History {
		m := &l.v.History[i]
		if m.Direction != frontdesk.DirOutbound || seen[m.TurnID] {
			continue
		}
		seen[m.TurnID] = true
		_, _, t, err := l.turnByID(m.TurnID)
		if err != nil {
			return err
		}
		if t != nil {
			l.v.Turns = append(l.v.Turns, t)
		}
	}
	return nil
}

// turnByID reads a turn: its number, its conversation, and its record, which
// is nil until it has one. Number 0: it is not there.
func (c *conn) turnByID(id string) (n, conversation int64, t *agent.Turn, err error) {
	err = c.query(turnByID, []any{id}, func(r *row) {
		n, conversation = r.int(), r.int()
		r.json(&t)
	})
	return n, conversation, t, err
}

func (l *loader) pending() error {
	if l.n == 0 {
		return nil
	}
	read := func(kind string, into *[]frontdesk.Message) error {
		return l.query(pending, []any{l.n, kind}, func(r *row) {
			*into = append(*into, messageFrom(r, l.v.Conversation.ID))
		})
	}
	if l.q.Waiting {
		if err := read(sqlrow.Waiting, &l.v.Waiting); err != nil {
			return err
		}
	}
	if l.q.Outbox {
		return read(sqlrow.Outbox, &l.v.Outbox)
	}
	return nil
}

func (l *loader) turn() error {
	if l.n == 0 || l.q.TurnID == "" {
		return nil
	}
	n, conversation, t, err := l.turnByID(l.q.TurnID)
	if err != nil || n == 0 || conversation != l.n {
		return err
	}
	l.v.Turn = t
	return l.query(journalOf, []any{n}, func(r *row) {
		l.v.Journal = append(l.v.Journal, agent.Entry{
			TurnID: l.q.TurnID, N: int(r.int()), Kind: agent.EntryKind(r.text()), At: r.time(), Data: r.blob(),
		})
	})
}

func (l *loader) tasks() error {
	if l.n == 0 || !l.q.Tasks {
		return nil
	}
	return l.query(tasksOf, []any{l.n}, func(r *row) {
		l.v.Tasks = append(l.v.Tasks, taskFrom(r, l.v.Conversation.ID))
	})
}

func contactFrom(r *row) *frontdesk.Contact {
	p := &frontdesk.Contact{ID: r.text(), Version: r.int(), Stage: r.text(), Created: r.time()}
	r.json(&p.Identities)
	r.json(&p.Tags)
	r.json(&p.Fields)
	return p
}

// conversationFrom reads a conversation without its contact's ID.
func conversationFrom(r *row) *frontdesk.Conversation {
	return &frontdesk.Conversation{
		ID: r.text(), Channel: r.text(), Status: frontdesk.Status(r.text()), TeamID: r.text(),
		Assignee:    frontdesk.Assignee{Kind: frontdesk.AssigneeKind(r.text()), ID: r.text()},
		AwaitsHuman: r.bool(), OptedOut: r.bool(), Epoch: r.int(), Version: r.int(), LastSeq: r.int(), LastInbound: r.time(),
		Unanswered: int(r.int()), Summary: r.text(), ClosingNote: r.text(), Created: r.time(), ClosedAt: r.time(),
	}
}

func messageFrom(r *row, conversationID string) frontdesk.Message {
	return frontdesk.Message{
		ConversationID: conversationID,
		ID:             r.text(), Seq: r.int(), Direction: frontdesk.Direction(r.text()),
		Author: frontdesk.Author{Kind: frontdesk.AuthorKind(r.text()), ID: r.text(), Name: r.text()},
		Text:   r.text(), At: r.time(), TurnID: r.text(), Disposition: frontdesk.Disposition(r.text()),
		Status: frontdesk.DeliveryStatus(r.text()), Reason: r.text(), ProviderID: r.text(), Epoch: r.int(), Exempt: r.bool(), FollowUp: r.bool(),
		Template: r.text(), Attempts: int(r.int()), ClaimedAt: r.time(), SettledAt: r.time(),
	}
}

func taskFrom(r *row, conversationID string) agent.Task {
	kind, due, attempts, turnID, failures := agent.TaskKind(r.text()), r.time(), int(r.int()), r.text(), int(r.int())
	var t agent.Task
	r.json(&t) // trigger, ladder, calls, echoes
	t.ConversationID, t.Kind, t.Due, t.Attempts, t.TurnID, t.Failures = conversationID, kind, due, attempts, turnID, failures
	return t
}

func approvalFrom(r *row) *agent.Approval {
	return &agent.Approval{
		ID: r.text(), TurnID: r.text(), Agent: r.text(), Name: r.text(), Key: r.text(), Arguments: r.text(), Instructions: r.text(),
		Epoch: r.int(), Status: agent.ApprovalStatus(r.text()), By: r.text(), Outcome: r.text(), At: r.time(),
	}
}
