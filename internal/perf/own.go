package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-a71cb1d8/frontdesk"
)

// The tables of a program that keeps its conversations itself and leaves the
// waiting to river or to a table of its own. They hold what a store holds of a turn.
const ownTables = `
CREATE TABLE conversations (id text PRIMARY KEY, contact_id text NOT NULL, version bigint NOT NULL, last_seq bigint NOT NULL, last_inbound timestamptz NOT NULL);
CREATE TABLE dedupe (key text PRIMARY KEY, message_id text NOT NULL);
CREATE TABLE messages (
	conversation_id text NOT NULL, seq bigint NOT NULL, id text NOT NULL UNIQUE, direction text NOT NULL, author_kind text NOT NULL, author_id text NOT NULL,
	author_name text NOT NULL, text text NOT NULL, at timestamptz NOT NULL, turn_id text NOT NULL, status text NOT NULL, provider_id text NOT NULL, epoch bigint NOT NULL,
	PRIMARY KEY (conversation_id, seq)
);
CREATE TABLE turns (id text PRIMARY KEY, conversation_id text NOT NULL, record text NOT NULL);
`

// meet makes people known.
func meet(ctx context.Context, pool *pgxpool.Pool, name string, n int) ([]*person, error) {
	people := make([]*person, n)
	rows := make([][]any, n)
	for i := range people {
		p := &person{name: fmt.Sprint(name, i), version: 1}
		people[i] = p
		rows[i] = []any{"conversation-" + p.name, "contact-" + p.name, p.version, p.seq, begin}
	}
	_, err := pool.CopyFrom(ctx, pgx.Identifier{"conversations"}, []string{"id", "contact_id", "version", "last_seq", "last_inbound"}, pgx.CopyFromRows(rows))
	return people, err
}

// errChanged means that somebody else changed a conversation.
var errChanged = errors.New("perf: the conversation was changed")

// change writes the person's conversation, if it is as it was read.
func (p *person) change(b *pgx.Batch) {
	version := p.version
	p.version++
	b.Queue(`UPDATE conversations SET version = version + 1, last_seq = $3, last_inbound = $4 WHERE id = $1 AND version = $2`,
		"conversation-"+p.name, version, p.seq, begin).Exec(func(t pgconn.CommandTag) error {
		if t.RowsAffected() != 1 {
			return errChanged
		}
		return nil
	})
}

func insertMessage(b *pgx.Batch, m frontdesk.Message) {
	b.Queue(`INSERT INTO messages (conversation_id, seq, id, direction, author_kind, author_id, author_name, text, at, turn_id, status, provider_id, epoch)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		m.ConversationID, m.Seq, m.ID, string(m.Direction), string(m.Author.Kind), m.Author.ID, m.Author.Name, m.Text, m.At, m.TurnID, string(m.Status), m.ProviderID, m.Epoch)
}

// accepted writes a message of the person, and returns its ID.
func (p *person) accepted(b *pgx.Batch) string {
	p.seq++
	id := fmt.Sprintf("message-%s-%d", p.name, p.seq)
	b.Queue(`INSERT INTO dedupe (key, message_id) VALUES ($1, $2)`, chat+"/"+id, id)
	p.change(b)
	insertMessage(b, p.written(id))
	return id
}
