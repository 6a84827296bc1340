package main

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// plainSQLite writes to an SQLite file by hand, with the driver and the
// settings that sqlitestore uses: what a program could reach that has nothing
// but its statements, one goroutine, and transactions as large as it likes.
type plainSQLite struct {
	conn     driver.Conn
	prepared map[string]driver.Stmt
}

func openPlainSQLite(ctx context.Context, path string) (*plainSQLite, error) {
	connector, err := sqlite.NewConnector("file:" + path)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	p := &plainSQLite{conn: c, prepared: map[string]driver.Stmt{}}
	for _, sql := range []string{"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -16384"} {
		if _, err := p.rows(sql); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

func (p *plainSQLite) Close() error {
	var errs []error
	for _, s := range p.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, p.conn.Close())...)
}

// rows runs a statement and returns what it gives.
func (p *plainSQLite) rows(sql string, args ...any) (out [][]driver.Value, err error) {
	s := p.prepared[sql]
	if s == nil {
		if s, err = p.conn.Prepare(sql); err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
		p.prepared[sql] = s
	}
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), named)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		r := make([]driver.Value, len(rows.Columns()))
		switch err := rows.Next(r); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
		out = append(out, r)
	}
}

// together runs f in one transaction.
func (p *plainSQLite) together(f func() error) error {
	if _, err := p.rows("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	_, err := p.rows("COMMIT")
	return err
}

// accept writes what a store writes for the message of a person, and looks up
// what it looks up.
func (p *plainSQLite) accept(c agent.Commit) error {
	conv, m, task := c.Conversation, c.Messages[0], c.Put[0]
	detail, err := json.Marshal(agent.Task{Trigger: task.Trigger})
	if err != nil {
		return err
	}
	for key, id := range c.Dedupe {
		if _, err := p.rows(`INSERT INTO dedupe (key, message_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, key, id); err != nil {
			return err
		}
	}
	stored, err := p.rows(`SELECT n, version, contact FROM conversations WHERE id = ?`, conv.ID)
	if err != nil {
		return err
	}
	if len(stored) != 1 || stored[0][1] != conv.Version {
		return fmt.Errorf("conversation %s is not at version %d", conv.ID, conv.Version)
	}
	n := stored[0][0]
	at := m.At.UnixMicro()
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`SELECT version FROM contacts WHERE id = ?`, []any{conv.ContactID}},
		{`UPDATE conversations SET opted_out = 0, epoch = ?2, version = version + 1, last_seq = ?3, unanswered = 0, summary = '', closing_note = '',
			created = ?4, closed_at = NULL WHERE n = ?1`, []any{n, conv.Epoch, conv.LastSeq, conv.Created.UnixMicro()}},
		{`SELECT conversation, seq FROM messages WHERE id = ?`, []any{m.ID}},
		{`SELECT id FROM messages WHERE conversation = ? AND seq = ?`, []any{n, m.Seq}},
		{`INSERT INTO messages (conversation, seq, id, direction, author_kind, author_id, author_name, text, at, turn_id, disposition, status, reason, provider_id,
			channel, epoch, exempt, follow_up, template, attempts, claimed_at, settled_at, pending)
			VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, '', '', '', '', ?, ?, 0, 0, 0, '', 0, NULL, NULL, 'waiting')`,
			[]any{n, m.Seq, m.ID, string(m.Direction), string(m.Author.Kind), m.Author.ID, m.Text, at, m.ProviderID, conv.Channel}},
		{`INSERT INTO tasks (conversation, kind, lane, due, attempts, turn_id, failures, detail) VALUES (?, ?, ?, ?, 0, ?, 0, ?)
			ON CONFLICT (conversation, kind) DO UPDATE SET due = excluded.due, attempts = 0, turn_id = excluded.turn_id, failures = 0, detail = excluded.detail`,
			[]any{n, string(task.Kind), string(task.Kind.Lane()), task.Due.UnixMicro(), task.TurnID, string(detail)}},
		{`INSERT INTO lanes (conversation, lane, token, worker, due, ready) SELECT ?1, ?2, 0, '', min(due), min(due) FROM tasks WHERE conversation = ?1 AND lane = ?2
			ON CONFLICT (conversation, lane) DO UPDATE SET due = excluded.due, ready = CASE WHEN until IS NULL THEN excluded.due END, leased = max(excluded.due, until)`,
			[]any{n, string(task.Kind.Lane())}},
	} {
		if _, err := p.rows(s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// A row of a message, without anything around it.
const (
	smallTable  = `CREATE TABLE small (n INTEGER PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL)`
	smallInsert = `INSERT INTO small (id, text) VALUES (?, ?)`
)
