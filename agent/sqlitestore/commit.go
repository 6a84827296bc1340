package sqlitestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlrow"
)

var (
	fenceHolds = &statement{`SELECT v.n FROM conversations v JOIN lanes l ON l.conversation = v.n
	WHERE v.id = ? AND l.lane = ? AND l.token = ? AND l.until IS NOT NULL`}
	renewLane = &statement{`UPDATE lanes SET until = ?3, ready = NULL, leased = max(due, ?3) WHERE conversation = ?1 AND lane = ?2`}
	freeLane  = &statement{`UPDATE lanes SET until = NULL, worker = '', ready = due, leased = NULL WHERE conversation = ? AND lane = ?`}
	// placeLane puts a lane where it belongs after its tasks changed.
	placeLane = &statement{`INSERT INTO lanes (conversation, lane, token, worker, due, ready)
	SELECT ?1, ?2, 0, '', min(due), min(due) FROM tasks WHERE conversation = ?1 AND lane = ?2
	ON CONFLICT (conversation, lane) DO UPDATE SET
		due    = excluded.due,
		ready  = CASE WHEN until IS NULL THEN excluded.due END,
		leased = max(excluded.due, until)`}

	addKey = &statement{`INSERT INTO dedupe (key, message_id) VALUES (?, ?) ON CONFLICT DO NOTHING`}

	contactState  = &statement{`SELECT n, version, identities FROM contacts WHERE id = ?`}
	addContact    = &statement{`INSERT INTO contacts (id, version, stage, created, identities, tags, fields) VALUES (?, 1, ?, ?, ?, ?, ?)`}
	setContact    = &statement{`UPDATE contacts SET version = version + 1, stage = ?2, created = ?3, identities = ?4, tags = ?5, fields = ?6 WHERE n = ?1`}
	addIdentity   = &statement{`INSERT INTO identities (channel, address, contact) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`}
	dropIdentity  = &statement{`DELETE FROM identities WHERE channel = ? AND address = ?`}
	identityOwner = &statement{`SELECT contact FROM identities WHERE channel = ? AND address = ?`}

	conversationState = &statement{`SELECT n, version, contact, channel, status, assignee_kind, assignee_id, team_id, awaits_human, last_inbound
	FROM conversations WHERE id = ?`}
	conversationOn  = &statement{`SELECT id FROM conversations WHERE contact = ? AND channel = ?`}
	addConversation = &statement{`INSERT INTO conversations (id, contact, channel, status, team_id, assignee_kind, assignee_id, awaits_human, opted_out,
	epoch, version, last_seq, last_inbound, unanswered, summary, closing_note, created, closed_at)
	VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, ?12, ?13, ?14, ?15, ?16, ?17, ?18)`}
	setConversation = &statement{`UPDATE conversations SET status = ?5, team_id = ?6, assignee_kind = ?7, assignee_id = ?8, awaits_human = ?9,
	opted_out = ?10, epoch = ?11, version = version + 1, last_seq = ?12, last_inbound = ?13, unanswered = ?14, summary = ?15, closing_note = ?16,
	created = ?17, closed_at = ?18 WHERE n = ?1`}
	// setRest leaves the columns alone that the desk's indexes hold: SQLite
	// writes an index anew for a column that is set to what it was.
	setRest = &statement{`UPDATE conversations SET opted_out = ?10, epoch = ?11, version = version + 1, last_seq = ?12, unanswered = ?14, summary = ?15,
	closing_note = ?16, created = ?17, closed_at = ?18 WHERE n = ?1`}
	addLoad = &statement{`INSERT INTO loads (user_id, open, version) VALUES (?1, ?2, ?3)
	ON CONFLICT (user_id) DO UPDATE SET open = open + ?2, version = ?3`}

	messagePlace = &statement{`SELECT conversation, seq FROM messages WHERE id = ?`}
	messageAt    = &statement{`SELECT id FROM messages WHERE conversation = ? AND seq = ?`}
	addMessage   = &statement{`INSERT INTO messages (conversation, seq, id, direction, author_kind, author_id, author_name, text, at, turn_id, disposition, status,
	reason, provider_id, channel, epoch, exempt, follow_up, template, attempts, claimed_at, settled_at, pending)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`}
	setMessage = &statement{`UPDATE messages SET direction = ?4, author_kind = ?5, author_id = ?6, author_name = ?7, text = ?8, at = ?9, turn_id = ?10,
	disposition = ?11, status = ?12, reason = ?13, provider_id = ?14, channel = ?15, epoch = ?16, exempt = ?17, follow_up = ?18, template = ?19,
	attempts = ?20, claimed_at = ?21, settled_at = ?22, pending = ?23 WHERE conversation = ?1 AND seq = ?2 AND id = ?3`}

	putTurn = &statement{`INSERT INTO turns (id, conversation, record) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record`}
	addTurn = &statement{`INSERT INTO turns (id, conversation) VALUES (?, ?) RETURNING n`}
	addRow  = &statement{`INSERT INTO journal (turn, n, kind, at, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`}

	putTask = &statement{`INSERT INTO tasks (conversation, kind, lane, due, attempts, turn_id, failures, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (conversation, kind) DO UPDATE SET due = excluded.due, attempts = excluded.attempts, turn_id = excluded.turn_id,
		failures = excluded.failures, detail = excluded.detail`}
	dropTask = &statement{`DELETE FROM tasks WHERE conversation = ? AND kind = ?`}

	putApproval = &statement{`INSERT OR REPLACE INTO approvals (id, conversation, turn_id, agent, name, key, arguments, instructions, epoch, status, by, outcome, at)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`}

	addRotation = &statement{`INSERT INTO rotations (name, last, version) VALUES (?1, ?2, 1) ON CONFLICT DO NOTHING`}
	setRotation = &statement{`UPDATE rotations SET last = ?2, version = version + 1 WHERE name = ?1 AND version = ?3`}
)

// Append implements [agent.Store].
func (s *Store) Append(ctx context.Context, a agent.Append) error {
	err := s.write(ctx, func(c *conn) error {
		w := writer{conn: c}
		n, err := w.fence(a.Fence)
		if err != nil {
			return err
		}
		if err := w.journal(n, a.Rows); err != nil || a.Until.IsZero() {
			return err
		}
		_, err = w.exec(renewLane, n, string(a.Fence.Lane), a.Until.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("sqlitestore: append: %w", err)
	}
	return nil
}

// Commit implements [agent.Store].
func (s *Store) Commit(ctx context.Context, c agent.Commit) error {
	if err := s.commit(ctx, &c); err != nil {
		return fmt.Errorf("sqlitestore: commit: %w", err)
	}
	return nil
}

func (s *Store) commit(ctx context.Context, c *agent.Commit) error {
	// JSON is written before the turn of this commit comes, beside the others.
	e, err := encodeCommit(c)
	if err != nil {
		return err
	}
	return s.write(ctx, func(conn *conn) error {
		w := writer{conn: conn, c: c, encoded: e}
		return w.apply()
	})
}

// encoded is what a commit holds as JSON.
type encoded struct {
	identities, tags, fields string
	turns, tasks             []string
}

func encodeCommit(c *agent.Commit) (e encoded, err error) {
	var errs []error
	write := func(what string, v any) string {
		s, err := sqlrow.Encode(v)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s cannot be written as JSON: %w", what, err))
		}
		return s
	}
	if p := c.Contact; p != nil {
		e.identities, e.tags = write("the identities", p.Identities), write("the tags", p.Tags)
		e.fields = write("the fields", p.Fields)
	}
	for i := range c.Turns {
		e.turns = append(e.turns, write("turn "+c.Turns[i].ID, &c.Turns[i]))
	}
	for _, t := range c.Put {
		kind := string(t.Kind)
		// What has a column is not repeated.
		t = agent.Task{Trigger: t.Trigger, Ladder: t.Ladder, CallIDs: t.CallIDs, Echoes: t.Echoes}
		e.tasks = append(e.tasks, write("task "+kind, t))
	}
	return e, errors.Join(errs...)
}

// writer applies one commit, inside a transaction that is rolled back if it
// returns an error. So it checks and writes in one go.
type writer struct {
	*conn
	c *agent.Commit
	encoded
	fenced  int64                    // the fence's conversation
	contact int64                    // the commit's contact
	homes   map[string]*conversation // those that were looked up
}

// conversation is what the writer has to know of a conversation.
type conversation struct {
	n, version, contact int64
	channel             string
	listed              listed
}

// listed is what lists of conversations are searched by.
type listed struct {
	status      frontdesk.Status
	assignee    frontdesk.Assignee
	team        string
	waits       bool
	lastInbound any
}

func listedOf(v *frontdesk.Conversation) listed {
	return listed{v.Status, v.Assignee, v.TeamID, v.AwaitsHuman, sqlrow.Micros(v.LastInbound)}
}

func conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, agent.ErrConflict)...)
}

// apply goes in the order in which the contract checks: the fence, the keys,
// then everything else.
func (w *writer) apply() error {
	steps := []func() error{
		w.checkFence, w.keys, w.rotations, w.checkLoads, w.putContact, w.putConversation, w.messages, w.turns, w.entries, w.tasks,
		w.approvals, w.free,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) checkFence() (err error) {
	if w.c.Fence != nil {
		w.fenced, err = w.fence(*w.c.Fence)
	}
	return err
}

// fence returns the number of the conversation of a fence that holds.
func (w *writer) fence(f agent.Fence) (n int64, err error) {
	err = w.query(fenceHolds, []any{f.ConversationID, string(f.Lane), f.Token}, func(r *row) { n = r.int() })
	if err == nil && n == 0 {
		err = fmt.Errorf("%s lane of conversation %s under token %d: %w", f.Lane, f.ConversationID, f.Token, agent.ErrFenced)
	}
	return n, err
}

func (w *writer) keys() error {
	for key, id := range w.c.Dedupe {
		added, err := w.exec(addKey, key, id)
		if err != nil {
			return err
		}
		if added == 0 {
			return fmt.Errorf("message %s came before: %w", id, agent.ErrDuplicate)
		}
	}
	return nil
}

func (w *writer) rotations() error {
	for i := range w.c.Rotations {
		r := &w.c.Rotations[i]
		put, args := setRotation, []any{r.Name, r.Last, r.Version}
		if r.Version == 0 {
			put, args = addRotation, args[:2]
		}
		changed, err := w.exec(put, args...)
		if err != nil {
			return err
		}
		if changed == 0 {
			return conflict("rotation %s is not at version %d", r.Name, r.Version)
		}
	}
	return nil
}

// checkLoads comes before this commit moves the version itself.
func (w *writer) checkLoads() error {
	if w.c.Loads == nil {
		return nil
	}
	now, err := w.loadVersion()
	if err == nil && now != *w.c.Loads {
		err = conflict("the loads are not at version %d", *w.c.Loads)
	}
	return err
}

func (w *writer) loadVersion() (version int64, err error) {
	err = w.query(loadsNow, nil, func(r *row) { version = r.int() })
	return version, err
}

func (w *writer) putContact() error {
	p := w.c.Contact
	if p == nil {
		return nil
	}
	var version int64
	var before string
	var old []frontdesk.Identity
	err := w.query(contactState, []any{p.ID}, func(r *row) {
		w.contact, version = r.int(), r.int()
		before = r.text()
		r.at-- // once more, as what it means
		r.json(&old)
	})
	if err != nil {
		return err
	}
	if version != p.Version {
		return conflict("contact %s is not at version %d", p.ID, p.Version)
	}
	rest := []any{p.Stage, sqlrow.Micros(p.Created), w.encoded.identities, w.tags, w.fields}
	if w.contact == 0 {
		if _, err := w.exec(addContact, append([]any{p.ID}, rest...)...); err != nil {
			return err
		}
		err = w.query(contactState, []any{p.ID}, func(r *row) { w.contact = r.int() })
	} else {
		_, err = w.exec(setContact, append([]any{w.contact}, rest...)...)
	}
	if err != nil || before == w.encoded.identities {
		return err
	}
	return w.putIdentities(old, p.Identities)
}

func (w *writer) putIdentities(old, now []frontdesk.Identity) error {
	for _, id := range old {
		if _, err := w.exec(dropIdentity, id.Channel, id.Address); err != nil {
			return err
		}
	}
	for _, id := range now {
		added, err := w.exec(addIdentity, id.Channel, id.Address, w.contact)
		if err != nil {
			return err
		}
		if added > 0 {
			continue
		}
		var owner int64
		if err := w.query(identityOwner, []any{id.Channel, id.Address}, func(r *row) { owner = r.int() }); err != nil {
			return err
		}
		if owner != w.contact {
			return conflict("an identity of contact %s on channel %s belongs to another", w.c.Contact.ID, id.Channel)
		}
	}
	return nil
}

// find looks a conversation up; nil if it is not there.
func (w *writer) find(id string) (*conversation, error) {
	if v, ok := w.homes[id]; ok {
		return v, nil
	}
	var v *conversation
	err := w.query(conversationState, []any{id}, func(r *row) {
		v = &conversation{n: r.int(), version: r.int(), contact: r.int(), channel: r.text()}
		v.listed = listed{
			frontdesk.Status(r.text()), frontdesk.Assignee{Kind: frontdesk.AssigneeKind(r.text()), ID: r.text()}, r.text(), r.bool(), sqlrow.Micros(r.time()),
		}
	})
	if err != nil {
		return nil, err
	}
	if v != nil {
		w.keep(id, v)
	}
	return v, nil
}

func (w *writer) keep(id string, v *conversation) {
	if w.homes == nil {
		w.homes = map[string]*conversation{}
	}
	w.homes[id] = v
}

// owner is the user for whom a conversation counts; empty: nobody.
func owner(s frontdesk.Status, a frontdesk.Assignee) string {
	if s == frontdesk.Open && a.Kind == frontdesk.AssigneeUser {
		return a.ID
	}
	return ""
}

func (w *writer) putConversation() error {
	v := w.c.Conversation
	if v == nil {
		return nil
	}
	stored, err := w.find(v.ID)
	if err != nil {
		return err
	}
	if stored == nil && v.Version != 0 || stored != nil && stored.version != v.Version {
		return conflict("conversation %s is not at version %d", v.ID, v.Version)
	}
	contact, err := w.contactOf(v)
	if err != nil {
		return err
	}
	before, now, put := "", listedOf(v), setConversation
	if stored == nil {
		if err := w.checkSecond(v, contact); err != nil {
			return err
		}
		stored, put = &conversation{contact: contact, channel: v.Channel}, addConversation
	} else if before = owner(stored.listed.status, stored.listed.assignee); stored.contact != contact || stored.channel != v.Channel {
		return fmt.Errorf("conversation %s cannot change its contact or channel: make another", v.ID)
	} else if stored.listed == now {
		put = setRest
	}
	_, err = w.exec(put, stored.n, v.ID, contact, v.Channel, string(v.Status), v.TeamID, string(v.Assignee.Kind), v.Assignee.ID,
		flag(v.AwaitsHuman), flag(v.OptedOut), v.Epoch, v.LastSeq, sqlrow.Micros(v.LastInbound), int64(v.Unanswered), v.Summary, v.ClosingNote,
		sqlrow.Micros(v.Created), sqlrow.Micros(v.ClosedAt))
	if err != nil {
		return err
	}
	if stored.n == 0 {
		if err := w.query(conversationState, []any{v.ID}, func(r *row) { stored.n = r.int() }); err != nil {
			return err
		}
		w.keep(v.ID, stored)
	}
	return w.moveLoad(before, owner(v.Status, v.Assignee))
}

// contactOf returns the number of a conversation's contact.
func (w *writer) contactOf(v *frontdesk.Conversation) (n int64, err error) {
	if p := w.c.Contact; p != nil && p.ID == v.ContactID {
		return w.contact, nil
	}
	err = w.query(contactState, []any{v.ContactID}, func(r *row) { n = r.int() })
	if err == nil && n == 0 {
		err = fmt.Errorf("conversation %s is of contact %q, whom the store does not know: put the contact too", v.ID, v.ContactID)
	}
	return n, err
}

// checkSecond refuses a second conversation of a contact on one channel.
func (w *writer) checkSecond(v *frontdesk.Conversation, contact int64) error {
	other := ""
	if err := w.query(conversationOn, []any{contact, v.Channel}, func(r *row) { other = r.text() }); err != nil {
		return err
	}
	if other != "" {
		return conflict("contact %s has conversation %s on that channel", v.ContactID, other)
	}
	return nil
}

// moveLoad counts a conversation for another user; either may be nobody.
func (w *writer) moveLoad(from, to string) error {
	if from == to {
		return nil
	}
	version, err := w.loadVersion()
	if err != nil {
		return err
	}
	for _, by := range []struct {
		user string
		n    int64
	}{{from, -1}, {to, 1}} {
		if by.user == "" {
			continue
		}
		if _, err := w.exec(addLoad, by.user, by.n, version+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) messages() error {
	for i := range w.c.Messages {
		if err := w.message(&w.c.Messages[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) message(m *frontdesk.Message) error {
	v, err := w.known("message "+m.ID, m.ConversationID)
	if err != nil {
		return err
	}
	var at, seq int64
	if err := w.query(messagePlace, []any{m.ID}, func(r *row) { at, seq = r.int(), r.int() }); err != nil {
		return err
	}
	put := setMessage
	switch {
	case at == 0:
		if err := w.checkSeq(m, v.n); err != nil {
			return err
		}
		put = addMessage
	case at != v.n || seq != m.Seq:
		return fmt.Errorf("message %s cannot change its conversation or Seq: make another", m.ID)
	}
	var channel any
	if m.ProviderID != "" {
		channel = v.channel
	}
	_, err = w.exec(put, v.n, m.Seq, m.ID, string(m.Direction), string(m.Author.Kind), m.Author.ID, m.Author.Name, m.Text, sqlrow.Micros(m.At), m.TurnID,
		string(m.Disposition), string(m.Status), m.Reason, sqlrow.OrNull(m.ProviderID), channel, m.Epoch, flag(m.Exempt), flag(m.FollowUp), m.Template,
		int64(m.Attempts), sqlrow.Micros(m.ClaimedAt), sqlrow.Micros(m.SettledAt), sqlrow.Pending(m))
	return err
}

func (w *writer) checkSeq(m *frontdesk.Message, conversation int64) error {
	other := ""
	if err := w.query(messageAt, []any{conversation, m.Seq}, func(r *row) { other = r.text() }); err != nil {
		return err
	}
	if other != "" {
		return conflict("message %s has the Seq %d of message %s", m.ID, m.Seq, other)
	}
	return nil
}

// known looks up a conversation that has to be there.
func (w *writer) known(what, id string) (*conversation, error) {
	v, err := w.find(id)
	if err == nil && v == nil {
		err = fmt.Errorf("%s is of conversation %q, which the store does not know: put the conversation too", what, id)
	}
	return v, err
}

func (w *writer) turns() error {
	for i := range w.c.Turns {
		t := &w.c.Turns[i]
		v, err := w.known("turn "+t.ID, t.ConversationID)
		if err != nil {
			return err
		}
		if _, err := w.exec(putTurn, t.ID, v.n, w.encoded.turns[i]); err != nil {
			return err
		}
	}
	return nil
}

// home returns the conversation that the commit is about: its own or else the
// fence's; 0 without either.
func (w *writer) home() (id string, n int64) {
	switch {
	case w.c.Conversation != nil:
		return w.c.Conversation.ID, w.homes[w.c.Conversation.ID].n
	case w.c.Fence != nil:
		return w.c.Fence.ConversationID, w.fenced
	}
	return "", 0
}

func (w *writer) entries() error {
	if len(w.c.Journal) == 0 {
		return nil
	}
	_, n := w.home()
	if n == 0 {
		return errors.New("journal rows of no conversation: give the conversation or the fence")
	}
	return w.journal(n, w.c.Journal)
}

// journal adds rows to the journals of turns of a conversation.
func (w *writer) journal(conversation int64, rows []agent.Entry) error {
	var turn int64
	for i := range rows {
		e := &rows[i]
		if i == 0 || e.TurnID != rows[i-1].TurnID {
			var err error
			if turn, err = w.turnNumber(e.TurnID, conversation); err != nil {
				return err
			}
		}
		added, err := w.exec(addRow, turn, int64(e.N), string(e.Kind), sqlrow.Micros(e.At), e.Data)
		if err != nil {
			return err
		}
		if added == 0 {
			return conflict("row %d of the journal of turn %s is there", e.N, e.TurnID)
		}
	}
	return nil
}

// turnNumber returns the number of a turn, which need not have a record yet.
func (w *writer) turnNumber(id string, conversation int64) (n int64, err error) {
	if err = w.query(turnNumber, []any{id}, func(r *row) { n = r.int() }); err != nil || n != 0 {
		return n, err
	}
	err = w.query(addTurn, []any{id, conversation}, func(r *row) { n = r.int() })
	return n, err
}

var turnNumber = &statement{`SELECT n FROM turns WHERE id = ?`}

// tasks deletes and puts, in this order, and then puts the lanes where they
// belong.
func (w *writer) tasks() error {
	if len(w.c.Put)+len(w.c.Delete) == 0 {
		return nil
	}
	id, n := w.home()
	if n == 0 {
		return errors.New("tasks of no conversation: give the conversation or the fence")
	}
	touched := map[agent.Lane]bool{}
	for _, kind := range w.c.Delete {
		gone, err := w.exec(dropTask, n, string(kind))
		if err != nil {
			return err
		}
		if gone > 0 {
			touched[kind.Lane()] = true
		}
	}
	for i := range w.c.Put {
		t := &w.c.Put[i]
		if t.ConversationID != id {
			return fmt.Errorf("a task of conversation %q in a commit of %q: commit them apart", t.ConversationID, id)
		}
		lane := t.Kind.Lane()
		_, err := w.exec(putTask, n, string(t.Kind), string(lane), sqlrow.Micros(t.Due), int64(t.Attempts), t.TurnID, int64(t.Failures), w.encoded.tasks[i])
		if err != nil {
			return err
		}
		touched[lane] = true
	}
	for lane := range touched {
		if _, err := w.exec(placeLane, n, string(lane)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) approvals() error {
	for i := range w.c.Approvals {
		a := &w.c.Approvals[i]
		v, err := w.known("approval "+a.ID, a.ConversationID)
		if err != nil {
			return err
		}
		_, err = w.exec(putApproval, a.ID, v.n, a.TurnID, a.Agent, a.Name, a.Key, a.Arguments, a.Instructions, a.Epoch, string(a.Status), a.By,
			a.Outcome, sqlrow.Micros(a.At))
		if err != nil {
			return err
		}
	}
	return nil
}

// free ends the lease. It comes last, when the lane is where its tasks say.
func (w *writer) free() error {
	if w.c.Fence == nil || !w.c.Release {
		return nil
	}
	_, err := w.exec(freeLane, w.fenced, string(w.c.Fence.Lane))
	return err
}
