package pgstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlrow"
)

// newTasks sets the tasks of a lane l, without some and with others, and what
// follows from them.
func newTasks(gone, put string) string {
	return `(tasks, due) = (SELECT n.tasks, (SELECT min((value->>'d')::bigint) FROM jsonb_each(n.tasks))
		FROM (SELECT (l.tasks - ` + gone + `::text[]) || ` + put + `::jsonb AS tasks OFFSET 0) n)`
}

// fenceHolds is true if a fence does, and keeps it so until the end of the
// transaction.
const fenceHolds = `(SELECT true FROM frontdesk.lanes WHERE conversation = $1 AND lane = $2 AND token = $3 AND until IS NOT NULL FOR NO KEY UPDATE)`

var (
	checkFence = define(`SELECT frontdesk.must(` + fenceHolds + `, 'FD001', 'fence')`)
	renewLane  = define(`WITH renewed AS (
	UPDATE frontdesk.lanes SET until = $4 WHERE conversation = $1 AND lane = $2 AND token = $3 AND until IS NOT NULL RETURNING true
) SELECT frontdesk.must((SELECT * FROM renewed), 'FD001', 'fence')`)
	// putTasks changes the tasks of a lane: $3 are the kinds that go, $4 the tasks
	// that are put.
	putTasks = define(`UPDATE frontdesk.lanes l SET ` + newTasks("$3", "$4") + ` WHERE conversation = $1 AND lane = $2`)
	// fencedTasks is putTasks of the lane of a fence ($5), which is checked and,
	// with $6, released.
	fencedTasks = define(`WITH changed AS (
	UPDATE frontdesk.lanes l SET until = CASE WHEN $6 THEN NULL ELSE l.until END, worker = CASE WHEN $6 THEN '' ELSE l.worker END, ` + newTasks("$3", "$4") + `
	WHERE conversation = $1 AND lane = $2 AND token = $5 AND until IS NOT NULL RETURNING true
) SELECT frontdesk.must((SELECT * FROM changed), 'FD001', 'fence')`)

	addKey = define(`INSERT INTO frontdesk.dedupe AS d (key, message_id) VALUES ($1, $2)
	ON CONFLICT (key) DO UPDATE SET message_id = d.message_id WHERE frontdesk.must(false, 'FD002', 'dedupe key')`)

	addContact = define(`WITH added AS (
	INSERT INTO frontdesk.contacts (id, version, stage, created, identities, tags, fields) VALUES ($1, 1, $2, $3, $4, $5, $6)
	ON CONFLICT DO NOTHING RETURNING true
) SELECT frontdesk.must((SELECT * FROM added), 'FD003', 'contact')`)
	setContact = define(`WITH changed AS (
	UPDATE frontdesk.contacts SET version = version + 1, stage = $2, created = $3, identities = $4, tags = $5, fields = $6
	WHERE id = $1 AND version = $7 RETURNING true
) SELECT frontdesk.must((SELECT * FROM changed), 'FD003', 'contact')`)

	dropIdentities = define(`DELETE FROM frontdesk.identities i WHERE i.contact = $1
	AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) n(channel, address) WHERE n.channel = i.channel AND n.address = i.address)`)
	// addIdentities writes nothing of those that are there.
	addIdentities = define(`INSERT INTO frontdesk.identities AS i (channel, address, contact)
	SELECT DISTINCT n.channel, n.address, $1 FROM unnest($2::text[], $3::text[]) n(channel, address) ORDER BY 1, 2
	ON CONFLICT (channel, address) DO UPDATE SET contact = i.contact WHERE NOT frontdesk.must(i.contact = excluded.contact, 'FD003', 'identity')`)

	// addConversation makes the lanes too, with the tasks: $18 in send, due at
	// $19, and $20 in turn, due at $21.
	addConversation = define(`WITH added AS (
	INSERT INTO frontdesk.conversations (id, contact, channel, status, team_id, assignee_kind, assignee_id, awaits_human, opted_out, epoch, version,
		last_seq, last_inbound, unanswered, summary, closing_note, created, closed_at)
	SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14, $15, $16, $17 FROM frontdesk.contacts WHERE id = $2 FOR KEY SHARE
	ON CONFLICT DO NOTHING RETURNING id
), placed AS (
	INSERT INTO frontdesk.lanes (conversation, lane, token, worker, tasks, due)
	SELECT id, lane, 0, '', tasks, due FROM added, (VALUES ('send', $18::jsonb, $19::bigint), ('turn', $20::jsonb, $21::bigint)) v(lane, tasks, due)
) SELECT frontdesk.must(EXISTS (SELECT FROM added), 'FD003', 'conversation')`)
	setConversation = define(`WITH changed AS (
	UPDATE frontdesk.conversations SET status = $4, team_id = $5, assignee_kind = $6, assignee_id = $7, awaits_human = $8, opted_out = $9, epoch = $10,
		version = version + 1, last_seq = $11, last_inbound = $12, unanswered = $13, summary = $14, closing_note = $15, created = $16, closed_at = $17
	WHERE id = $1 AND version = $18
	RETURNING frontdesk.must(contact = $2 AND channel = $3, 'FD004', 'a conversation cannot change its contact or channel: make another')
) SELECT frontdesk.must((SELECT * FROM changed), 'FD003', 'conversation')`)
	// keepConversation makes sure that a conversation is there, and stays while
	// rows of it are written.
	keepConversation = define(`SELECT frontdesk.must((SELECT true FROM frontdesk.conversations WHERE id = $1 FOR KEY SHARE), 'FD004', $2)`)

	putMessage = define(putMessageOn(`$23`))
	// putMessageOf is putMessage where the commit does not say of what channel
	// the conversation is.
	putMessageOf = define(putMessageOn(`CASE WHEN $14::text IS NOT NULL THEN (SELECT channel FROM frontdesk.conversations WHERE id = $1) END`))

	putTurn = define(`INSERT INTO frontdesk.turns (conversation, id, record) VALUES ($1, $2, $3)
	ON CONFLICT (conversation, id) DO UPDATE SET record = excluded.record`)
	addRows = define(`INSERT INTO frontdesk.journal (conversation, turn, n, kind, at, data)
	SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bytea[])`)

	putApproval = define(`INSERT INTO frontdesk.approvals (id, conversation, turn_id, agent, name, key, arguments, instructions, epoch, status, by, outcome, at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
	ON CONFLICT (id) DO UPDATE SET conversation = excluded.conversation, turn_id = excluded.turn_id, agent = excluded.agent, name = excluded.name,
		key = excluded.key, arguments = excluded.arguments, instructions = excluded.instructions, epoch = excluded.epoch, status = excluded.status,
		by = excluded.by, outcome = excluded.outcome, at = excluded.at`)

	addRotation = define(`WITH added AS (
	INSERT INTO frontdesk.rotations (name, last, version) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING RETURNING true
) SELECT frontdesk.must((SELECT * FROM added), 'FD003', 'rotation')`)
	setRotation = define(`WITH changed AS (
	UPDATE frontdesk.rotations SET last = $2, version = version + 1 WHERE name = $1 AND version = $3 RETURNING true
) SELECT frontdesk.must((SELECT * FROM changed), 'FD003', 'rotation')`)
	checkLoads = define(`SELECT frontdesk.must((SELECT version = $1 FROM frontdesk.load_version FOR NO KEY UPDATE), 'FD003', 'loads')`)
)

// putMessageOn writes a message; channel is that of its conversation, where it
// has an ID of the provider.
func putMessageOn(channel string) string {
	return `INSERT INTO frontdesk.messages AS m (conversation, seq, id, direction, author_kind, author_id, author_name, text, at, turn_id, disposition, status,
		reason, provider_id, channel, epoch, exempt, follow_up, template, attempts, claimed_at, settled_at, pending)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, ` + channel + `, $15, $16, $17, $18, $19, $20, $21, $22)
	ON CONFLICT (conversation, seq) DO UPDATE SET direction = excluded.direction, author_kind = excluded.author_kind, author_id = excluded.author_id,
		author_name = excluded.author_name, text = excluded.text, at = excluded.at, turn_id = excluded.turn_id, disposition = excluded.disposition,
		status = excluded.status, reason = excluded.reason, provider_id = excluded.provider_id, channel = excluded.channel, epoch = excluded.epoch,
		exempt = excluded.exempt, follow_up = excluded.follow_up, template = excluded.template, attempts = excluded.attempts,
		claimed_at = excluded.claimed_at, settled_at = excluded.settled_at, pending = excluded.pending
	WHERE frontdesk.must(m.id = excluded.id, 'FD003', 'Seq of a message')`
}

// Append implements [agent.Store].
func (s *Store) Append(ctx context.Context, a agent.Append) error {
	b := s.batch()
	fence := []any{a.Fence.ConversationID, string(a.Fence.Lane), a.Fence.Token}
	if a.Until.IsZero() {
		b.do(checkFence, fence...)
	} else {
		b.do(renewLane, append(fence, a.Until.UnixMicro())...)
	}
	lanes := len(b.calls)
	b.journal(a.Fence.ConversationID, a.Rows)
	if err := s.write(ctx, &change{batch: b, only: a.Fence.ConversationID, lanes: lanes, keys: lanes}); err != nil {
		return fmt.Errorf("pgstore: append: %w", err)
	}
	return nil
}

// Commit implements [agent.Store].
func (s *Store) Commit(ctx context.Context, c agent.Commit) error {
	w := writer{change: change{batch: s.batch()}, c: &c}
	err := w.apply()
	if err == nil {
		err = s.write(ctx, &w.change)
	}
	if err != nil {
		return fmt.Errorf("pgstore: commit: %w", err)
	}
	if s.wakes(&c) {
		s.announce(ctx)
	}
	return nil
}

// writer writes down one commit as a list of statements, each of which checks
// what it changes.
type writer struct {
	change
	c    *agent.Commit
	kept map[string]bool // conversations that cannot go meanwhile
}

// apply goes in the order in which the contract checks: the fence, the keys,
// then everything else. What many commits want is locked last.
func (w *writer) apply() error {
	w.kept = map[string]bool{}
	if err := w.lanesAndTasks(); err != nil {
		return err
	}
	w.lanes = len(w.calls)
	w.dedupe()
	w.keys = len(w.calls)
	for _, step := range []func() error{w.contact, w.conversation, w.messages, w.turns, w.entries, w.approvals, w.rotations, w.loads} {
		if err := step(); err != nil {
			return err
		}
	}
	if w.ownRows() {
		w.only = w.home()
	}
	return nil
}

// ownRows reports whether a commit writes nothing but rows of its home, and keys.
func (w *writer) ownRows() bool {
	c, home := w.c, w.home()
	foreign := func(id string) bool { return id != home }
	return c.Contact == nil && !w.makesHome() && len(c.Approvals) == 0 && len(c.Rotations) == 0 && c.Loads == nil &&
		(c.Fence == nil || c.Fence.ConversationID == home) &&
		!slices.ContainsFunc(c.Messages, func(m frontdesk.Message) bool { return foreign(m.ConversationID) }) &&
		!slices.ContainsFunc(c.Turns, func(t agent.Turn) bool { return foreign(t.ConversationID) })
}

// home is the conversation that the commit is about: its own or else the
// fence's; empty without either.
func (w *writer) home() string {
	switch {
	case w.c.Conversation != nil:
		return w.c.Conversation.ID
	case w.c.Fence != nil:
		return w.c.Fence.ConversationID
	}
	return ""
}

// makesHome reports whether the commit makes its conversation.
func (w *writer) makesHome() bool { return w.c.Conversation != nil && w.c.Conversation.Version == 0 }

// lanesAndTasks checks the fence and changes the tasks. All commits lock the
// lanes first and in one order, so that none waits for another that waits for it.
func (w *writer) lanesAndTasks() error {
	t, err := w.tasks()
	if err != nil {
		return err
	}
	if w.makesHome() {
		t = noTasks() // with a new conversation come its lanes
	}
	f, home := w.c.Fence, w.home()
	if f != nil {
		w.kept[f.ConversationID] = true
	}
	if f != nil && f.ConversationID != home {
		none := noTasks()
		w.held(f, &none)
		f = nil
	}
	for _, lane := range t.and(f) {
		if f != nil && lane == string(f.Lane) {
			w.held(f, &t)
		} else {
			w.do(putTasks, home, lane, t.gone, t.put(lane))
		}
	}
	return nil
}

// held checks the fence, changes the tasks of its lane, and releases it.
func (w *writer) held(f *agent.Fence, t *tasks) {
	lane := string(f.Lane)
	if !w.c.Release && !slices.Contains(t.lanes, lane) {
		w.do(checkFence, f.ConversationID, lane, f.Token)
		return
	}
	w.do(fencedTasks, f.ConversationID, lane, t.gone, t.put(lane), f.Token, w.c.Release)
}

// tasks are the changes of a commit in the lanes of its conversation.
type tasks struct {
	gone             []string // kinds
	send, turn       string   // JSON: those that are put, by kind
	sendDue, turnDue any      // the earliest of these
	lanes            []string // those that change
}

// stored is a task as it stands in its lane.
type stored struct {
	Due      any    `json:"d"` // microseconds; null: blocked
	Attempts int    `json:"a"`
	Detail   string `json:"t"` // JSON of what has no name here
}

func noTasks() tasks { return tasks{gone: []string{}, send: "{}", turn: "{}"} }

// put are the tasks that are put in a lane.
func (t *tasks) put(lane string) string {
	if lane == string(agent.LaneSend) {
		return t.send
	}
	return t.turn
}

// and are the lanes that change, with that of a fence, in order.
func (t *tasks) and(f *agent.Fence) []string {
	lanes := t.lanes
	if f != nil && !slices.Contains(lanes, string(f.Lane)) {
		lanes = append(slices.Clone(lanes), string(f.Lane))
		slices.Sort(lanes)
	}
	return lanes
}

func (w *writer) tasks() (t tasks, err error) {
	t = noTasks()
	if len(w.c.Put)+len(w.c.Delete) == 0 {
		return t, nil
	}
	home := w.home()
	if home == "" {
		return t, errors.New("tasks of no conversation: give the conversation or the fence")
	}
	touched := map[string]bool{}
	for _, kind := range w.c.Delete {
		t.gone = append(t.gone, string(kind))
		touched[string(kind.Lane())] = true
	}
	put := map[agent.Lane]map[agent.TaskKind]stored{agent.LaneSend: {}, agent.LaneTurn: {}}
	for _, task := range w.c.Put {
		if task.ConversationID != home {
			return t, fmt.Errorf("a task of conversation %q in a commit of %q: commit them apart", task.ConversationID, home)
		}
		// What stands beside it is not repeated.
		kind := task.Kind
		s := stored{Due: sqlrow.Micros(task.Due), Attempts: task.Attempts}
		task.ConversationID, task.Kind, task.Due, task.Attempts = "", "", agent.Task{}.Due, 0
		if s.Detail, err = sqlrow.Encode(task); err != nil {
			return t, fmt.Errorf("task %s cannot be written as JSON: %w", kind, err)
		}
		put[kind.Lane()][kind] = s
		touched[string(kind.Lane())] = true
	}
	t.lanes = slices.Sorted(maps.Keys(touched))
	t.sendDue, t.turnDue = earliest(put[agent.LaneSend]), earliest(put[agent.LaneTurn])
	if t.send, err = sqlrow.Encode(put[agent.LaneSend]); err == nil {
		t.turn, err = sqlrow.Encode(put[agent.LaneTurn])
	}
	return t, err
}

func earliest(tasks map[agent.TaskKind]stored) any {
	var out any
	for _, t := range tasks {
		if at, ok := t.Due.(int64); ok && (out == nil || at < out.(int64)) {
			out = at
		}
	}
	return out
}

func (w *writer) dedupe() {
	for _, key := range slices.Sorted(maps.Keys(w.c.Dedupe)) {
		w.do(addKey, key, w.c.Dedupe[key])
	}
}

func (w *writer) contact() error {
	p := w.c.Contact
	if p == nil {
		return nil
	}
	identities, err1 := sqlrow.Encode(p.Identities)
	tags, err2 := sqlrow.Encode(p.Tags)
	fields, err3 := sqlrow.Encode(p.Fields)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("contact %s cannot be written as JSON: %w", p.ID, err)
	}
	args := []any{p.ID, p.Stage, sqlrow.Micros(p.Created), identities, tags, fields}
	channels, addresses := []string{}, []string{}
	for _, i := range p.Identities {
		channels, addresses = append(channels, i.Channel), append(addresses, i.Address)
	}
	if p.Version == 0 {
		w.do(addContact, args...)
	} else {
		w.do(setContact, append(args, p.Version)...)
		w.do(dropIdentities, p.ID, channels, addresses)
	}
	if len(channels) > 0 {
		w.do(addIdentities, p.ID, channels, addresses)
	}
	return nil
}

func (w *writer) conversation() error {
	v := w.c.Conversation
	if v == nil {
		return nil
	}
	w.kept[v.ID] = true
	args := []any{
		v.ID, v.ContactID, v.Channel, string(v.Status), v.TeamID, string(v.Assignee.Kind), v.Assignee.ID, v.AwaitsHuman, v.OptedOut, v.Epoch, v.LastSeq,
		sqlrow.Micros(v.LastInbound), int64(v.Unanswered), v.Summary, v.ClosingNote, sqlrow.Micros(v.Created), sqlrow.Micros(v.ClosedAt),
	}
	if v.Version != 0 {
		w.do(setConversation, append(args, v.Version)...)
		return nil
	}
	t, err := w.tasks()
	w.do(addConversation, append(args, t.send, t.sendDue, t.turn, t.turnDue)...)
	return err
}

// keep makes sure that a conversation is there.
func (w *writer) keep(what, id string) {
	if !w.kept[id] {
		w.kept[id] = true
		w.do(keepConversation, id, what+" is of a conversation that the store does not know: put the conversation too")
	}
}

func (w *writer) messages() error {
	for i := range w.c.Messages {
		m := &w.c.Messages[i]
		w.keep("a message", m.ConversationID)
		args := []any{
			m.ConversationID, m.Seq, m.ID, string(m.Direction), string(m.Author.Kind), m.Author.ID, m.Author.Name, m.Text, sqlrow.Micros(m.At),
			m.TurnID, string(m.Disposition), string(m.Status), m.Reason, sqlrow.OrNull(m.ProviderID), m.Epoch, m.Exempt, m.FollowUp, m.Template,
			int64(m.Attempts), sqlrow.Micros(m.ClaimedAt), sqlrow.Micros(m.SettledAt), sqlrow.Pending(m),
		}
		switch v := w.c.Conversation; {
		case m.ProviderID == "":
			w.do(putMessage, append(args, nil)...)
		case v != nil && v.ID == m.ConversationID:
			w.do(putMessage, append(args, v.Channel)...)
		default:
			w.do(putMessageOf, args...)
		}
	}
	return nil
}

func (w *writer) turns() error {
	for i := range w.c.Turns {
		t := &w.c.Turns[i]
		record, err := sqlrow.Encode(t)
		if err != nil {
			return fmt.Errorf("turn %s cannot be written as JSON: %w", t.ID, err)
		}
		w.keep("a turn", t.ConversationID)
		w.do(putTurn, t.ConversationID, t.ID, record)
	}
	return nil
}

func (w *writer) entries() error {
	if len(w.c.Journal) == 0 {
		return nil
	}
	home := w.home()
	if home == "" {
		return errors.New("journal rows of no conversation: give the conversation or the fence")
	}
	w.journal(home, w.c.Journal)
	return nil
}

// journal adds rows to the journals of turns of a conversation.
func (b *batch) journal(conversation string, rows []agent.Entry) {
	if len(rows) == 0 {
		return
	}
	turns, numbers, kinds, data := make([]string, len(rows)), make([]int64, len(rows)), make([]string, len(rows)), make([][]byte, len(rows))
	times := make([]*int64, len(rows))
	for i := range rows {
		e := &rows[i]
		turns[i], numbers[i], kinds[i], data[i] = e.TurnID, int64(e.N), string(e.Kind), e.Data
		if at, ok := sqlrow.Micros(e.At).(int64); ok {
			times[i] = &at
		}
	}
	b.do(addRows, conversation, turns, numbers, kinds, times, data)
}

func (w *writer) approvals() error {
	for i := range w.c.Approvals {
		a := &w.c.Approvals[i]
		w.keep("an approval", a.ConversationID)
		w.do(putApproval, a.ID, a.ConversationID, a.TurnID, a.Agent, a.Name, a.Key, a.Arguments, a.Instructions, a.Epoch, string(a.Status), a.By,
			a.Outcome, sqlrow.Micros(a.At))
	}
	return nil
}

func (w *writer) rotations() error {
	for _, r := range slices.SortedFunc(slices.Values(w.c.Rotations), func(a, b agent.Rotation) int { return strings.Compare(a.Name, b.Name) }) {
		if r.Version == 0 {
			w.do(addRotation, r.Name, r.Last)
		} else {
			w.do(setRotation, r.Name, r.Last, r.Version)
		}
	}
	return nil
}

// loads comes last: what the commit moves itself moves at its end.
func (w *writer) loads() error {
	if w.c.Loads != nil {
		w.do(checkLoads, *w.c.Loads)
	}
	return nil
}
