package pgstore

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
	conversationColumns = `v.id, v.channel, v.status, v.team_id, v.assignee_kind, v.assignee_id, v.awaits_human, v.opted_out, v.epoch,
	v.version, v.last_seq, v.last_inbound, v.unanswered, v.summary, v.closing_note, v.created, v.closed_at`
	messageColumns = `m.conversation, m.id, m.seq, m.direction, m.author_kind, m.author_id, m.author_name, m.text, m.at, m.turn_id, m.disposition, m.status,
	m.reason, m.provider_id, m.epoch, m.exempt, m.follow_up, m.template, m.attempts, m.claimed_at, m.settled_at`
	taskColumns     = `t.key, (t.value->>'d')::bigint, (t.value->>'a')::bigint, t.value->>'t'`
	approvalColumns = `a.conversation, a.id, a.turn_id, a.agent, a.name, a.key, a.arguments, a.instructions, a.epoch, a.status, a.by, a.outcome, a.at`

	// home joins a conversation and its contact, of which there is always one.
	home = `SELECT ` + conversationColumns + `, ` + contactColumns + ` FROM frontdesk.conversations v JOIN frontdesk.contacts c ON c.id = v.contact `
)

var (
	beginRead = define(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	commit    = define(`COMMIT`)

	homeByID       = define(home + `WHERE v.id = $1`)
	homeByIdentity = define(home + `JOIN frontdesk.identities i ON i.contact = v.contact AND i.channel = v.channel WHERE i.channel = $1 AND i.address = $2`)
	homeByMessage  = define(home + `WHERE v.id = (SELECT conversation FROM frontdesk.messages WHERE id = $1)`)
	homeByTheir    = define(home + `WHERE v.id = (SELECT conversation FROM frontdesk.messages WHERE provider_id = $1 AND channel = $2 ORDER BY id LIMIT 1)`)
	homeByCall     = define(home + `WHERE v.id = (SELECT conversation FROM frontdesk.approvals WHERE id = $1)`)
	contactByName  = define(`SELECT ` + contactColumns + ` FROM frontdesk.identities i JOIN frontdesk.contacts c ON c.id = i.contact WHERE i.channel = $1 AND i.address = $2`)
	messageByID    = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE m.id = $1`)
	messageByTheir = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE m.provider_id = $1 AND m.channel = $2 ORDER BY m.id LIMIT 1`)
	approvalByID   = define(`SELECT ` + approvalColumns + ` FROM frontdesk.approvals a WHERE a.id = $1`)

	newest = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE m.conversation = $1 ORDER BY m.seq DESC LIMIT $2`)
	// writers are the turns that wrote what newest gives.
	writers = define(`SELECT t.record FROM (
	SELECT DISTINCT h.turn_id FROM (SELECT turn_id, direction FROM frontdesk.messages WHERE conversation = $1 ORDER BY seq DESC LIMIT $2) h
	WHERE h.direction = 'outbound' AND h.turn_id <> ''
) w JOIN frontdesk.turns t ON t.conversation = $1 AND t.id = w.turn_id`)
	pending    = define(`SELECT ` + messageColumns + ` FROM frontdesk.messages m WHERE m.conversation = $1 AND m.pending IS NOT NULL AND m.pending = $2 ORDER BY m.seq`)
	turnByID   = define(`SELECT record FROM frontdesk.turns WHERE conversation = $1 AND id = $2`)
	journalOf  = define(`SELECT n, kind, at, data FROM frontdesk.journal WHERE conversation = $1 AND turn = $2 ORDER BY n`)
	tasksOf    = define(`SELECT ` + taskColumns + ` FROM frontdesk.lanes l, jsonb_each(l.tasks) t WHERE l.conversation = $1`)
	duplicate  = define(`SELECT message_id FROM frontdesk.dedupe WHERE key = $1`)
	rotation   = define(`SELECT name, last, version FROM frontdesk.rotations WHERE name = ANY($1)`)
	loadsSince = define(`SELECT user_id, open FROM frontdesk.loads WHERE version > $1 ORDER BY version`)
	loadsNow   = define(`SELECT version FROM frontdesk.load_version`)
)

// Load implements [agent.Store].
func (s *Store) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	l := loader{q: &q}
	if err := s.load(ctx, &l); err != nil {
		return agent.View{}, fmt.Errorf("pgstore: load: %w", err)
	}
	l.finish()
	return l.v, nil
}

// load reads in one round trip, or in two, if it has to find the conversation
// first. All of it is of one moment.
func (s *Store) load(ctx context.Context, l *loader) error {
	first := s.batch()
	l.find(first)
	l.shared(first)
	known := l.q.ConversationID
	switch {
	case !l.details():
	case known != "":
		l.parts(first, known)
	default:
		return s.loadTwice(ctx, l, first)
	}
	return s.read(ctx, first)
}

// read runs a batch as of one moment.
func (s *Store) read(ctx context.Context, b *batch) error {
	switch len(b.calls) {
	case 0:
		return ctx.Err()
	case 1: // a statement has its moment
		return b.run(ctx, s.pool)
	}
	b.enclose(beginRead, commit)
	return b.run(ctx, s.pool)
}

// loadTwice runs a batch that finds a conversation, and then reads its parts
// as of the same moment.
func (s *Store) loadTwice(ctx context.Context, l *loader, first *batch) error {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release() // one that is left in a transaction is closed
	first.enclose(beginRead, nil)
	if err := first.run(ctx, c); err != nil {
		return err
	}
	second := s.batch()
	if l.v.Conversation != nil {
		l.parts(second, l.v.Conversation.ID)
	}
	second.do(commit)
	return second.run(ctx, c)
}

// loader answers one query.
type loader struct {
	q       *agent.Query
	v       agent.View
	writers map[string]*agent.Turn
}

// find reads the conversation that the query names and its contact, and what
// the query finds on the way.
func (l *loader) find(b *batch) {
	q := l.q
	homeBy := func(st *statement, args ...any) {
		b.query(st, args, func(r *row) {
			l.v.Conversation = conversationFrom(r)
			l.v.Contact = contactFrom(r)
			l.v.Conversation.ContactID = l.v.Contact.ID
		})
	}
	found := func(st *statement, args ...any) {
		b.query(st, args, func(r *row) {
			m := messageFrom(r)
			l.v.Found = &m
		})
	}
	switch {
	case q.ConversationID != "":
		homeBy(homeByID, q.ConversationID)
	case q.MessageID != "":
		found(messageByID, q.MessageID)
		homeBy(homeByMessage, q.MessageID)
	case q.ProviderID != "":
		found(messageByTheir, q.ProviderID, q.Identity.Channel)
		homeBy(homeByTheir, q.ProviderID, q.Identity.Channel)
	case q.CallID != "":
		b.query(approvalByID, []any{q.CallID}, func(r *row) { l.v.Approval = approvalFrom(r) })
		homeBy(homeByCall, q.CallID)
	case q.Identity != (frontdesk.Identity{}):
		b.query(contactByName, []any{q.Identity.Channel, q.Identity.Address}, func(r *row) { l.v.Contact = contactFrom(r) })
		homeBy(homeByIdentity, q.Identity.Channel, q.Identity.Address)
	}
}

// shared reads what belongs to no conversation.
func (l *loader) shared(b *batch) {
	if l.q.DedupeKey != "" {
		b.query(duplicate, []any{l.q.DedupeKey}, func(r *row) { l.v.Duplicate = r.text() })
	}
	if len(l.q.Rotations) > 0 {
		b.query(rotation, []any{l.q.Rotations}, func(r *row) {
			if l.v.Rotations == nil {
				l.v.Rotations = make(map[string]agent.Rotation, len(l.q.Rotations))
			}
			found := agent.Rotation{Name: r.text(), Last: r.text(), Version: r.int()}
			l.v.Rotations[found.Name] = found
		})
	}
	if l.q.Loads {
		b.query(loadsNow, nil, func(r *row) { l.v.LoadVersion = r.int() })
		b.query(loadsSince, []any{l.q.LoadsSince}, func(r *row) {
			l.v.Loads = append(l.v.Loads, agent.Load{UserID: r.text(), Open: int(r.int())})
		})
	}
}

// details reports whether more of the conversation is asked for.
func (l *loader) details() bool {
	q := l.q
	return q.History > 0 || q.Waiting || q.Outbox || q.TurnID != "" || q.Tasks
}

// parts reads what belongs to a conversation.
func (l *loader) parts(b *batch, id string) {
	q := l.q
	into := func(list *[]frontdesk.Message) func(r *row) {
		return func(r *row) { *list = append(*list, messageFrom(r)) }
	}
	if q.History > 0 {
		b.query(newest, []any{id, int64(q.History)}, into(&l.v.History))
		if q.Turns {
			l.writers = map[string]*agent.Turn{}
			b.query(writers, []any{id, int64(q.History)}, func(r *row) {
				var t *agent.Turn
				if r.json(&t); t != nil {
					l.writers[t.ID] = t
				}
			})
		}
	}
	if q.Waiting {
		b.query(pending, []any{id, sqlrow.Waiting}, into(&l.v.Waiting))
	}
	if q.Outbox {
		b.query(pending, []any{id, sqlrow.Outbox}, into(&l.v.Outbox))
	}
	if q.TurnID != "" {
		b.query(turnByID, []any{id, q.TurnID}, func(r *row) { r.json(&l.v.Turn) })
		b.query(journalOf, []any{id, q.TurnID}, func(r *row) {
			l.v.Journal = append(l.v.Journal, agent.Entry{TurnID: q.TurnID, N: int(r.int()), Kind: agent.EntryKind(r.text()), At: r.time(), Data: r.blob()})
		})
	}
	if q.Tasks {
		b.query(tasksOf, []any{id}, func(r *row) { l.v.Tasks = append(l.v.Tasks, taskFrom(r, id)) })
	}
}

// finish puts what was read in the order of the contract.
func (l *loader) finish() {
	slices.Reverse(l.v.History)
	for i := range l.v.History {
		m := &l.v.History[i]
		if t := l.writers[m.TurnID]; t != nil && m.Direction == frontdesk.DirOutbound {
			l.v.Turns = append(l.v.Turns, t)
			delete(l.writers, m.TurnID)
		}
	}
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

func messageFrom(r *row) frontdesk.Message {
	return frontdesk.Message{
		ConversationID: r.text(), ID: r.text(), Seq: r.int(), Direction: frontdesk.Direction(r.text()),
		Author: frontdesk.Author{Kind: frontdesk.AuthorKind(r.text()), ID: r.text(), Name: r.text()},
		Text:   r.text(), At: r.time(), TurnID: r.text(), Disposition: frontdesk.Disposition(r.text()),
		Status: frontdesk.DeliveryStatus(r.text()), Reason: r.text(), ProviderID: r.text(), Epoch: r.int(), Exempt: r.bool(), FollowUp: r.bool(),
		Template: r.text(), Attempts: int(r.int()), ClaimedAt: r.time(), SettledAt: r.time(),
	}
}

func taskFrom(r *row, conversationID string) agent.Task {
	kind, due, attempts := agent.TaskKind(r.text()), r.time(), int(r.int())
	var t agent.Task
	r.json(&t) // what has no column
	t.ConversationID, t.Kind, t.Due, t.Attempts = conversationID, kind, due, attempts
	return t
}

func approvalFrom(r *row) *agent.Approval {
	return &agent.Approval{
		ConversationID: r.text(), ID: r.text(), TurnID: r.text(), Agent: r.text(), Name: r.text(), Key: r.text(), Arguments: r.text(),
		Instructions: r.text(), Epoch: r.int(), Status: agent.ApprovalStatus(r.text()), By: r.text(), Outcome: r.text(), At: r.time(),
	}
}
