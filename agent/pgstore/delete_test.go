package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// held begins a transaction that keeps a row locked, on a connection of its
// own. The function ends it.
func held(t *testing.T, s *Store, sql string, args ...any) func() {
	t.Helper()
	c, err := pgx.ConnectConfig(t.Context(), s.pool.Config().ConnConfig)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	_, err = c.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), qualified(sql, s.schema), args...)
	require.NoError(t, err)
	return func() {
		_, err := c.Exec(t.Context(), "ROLLBACK")
		require.NoError(t, err)
	}
}

// waits waits until a statement that names a table waits for a lock.
func waits(t *testing.T, s *Store, table string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waiting bool
		err := s.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND strpos(query, $1) > 0)`, qualified(defaultSchema+"."+table, s.schema)).Scan(&waiting)
		return err == nil && waiting
	}, 30*time.Second, 5*time.Millisecond)
}

// A conversation that begins while a deletion waits, and on which somebody
// works at once, goes with the contact, and what is just being written of it
// too (S13.1).
func TestDeleteMeetsANewConversation(t *testing.T) {
	s := temporary(t, &Options{PurgeLater: true})
	begin(t, s, "a")
	require.NoError(t, s.Commit(t.Context(), agent.Commit{Rotations: []agent.Rotation{{Name: "r"}}}))

	contact := held(t, s, "SELECT FROM frontdesk.contacts WHERE id = $1 FOR KEY SHARE", "contact-a")
	deleted := make(chan error, 1)
	go func() { deleted <- s.Delete(t.Context(), "contact-a") }()
	waits(t, s, "contacts")

	conv := homeOf("b", 0)
	conv.ContactID, conv.Channel = "contact-a", "another"
	require.NoError(t, s.Commit(t.Context(), agent.Commit{
		Conversation: conv, Put: []agent.Task{{ConversationID: "b", Kind: agent.TaskTurn, Due: start}},
	}))
	got, err := s.Claim(t.Context(), agent.ClaimQuery{Now: start, Until: start.Add(time.Minute), Max: 1, ConversationID: "b"})
	require.NoError(t, err)
	require.Len(t, got.Tasks, 1)

	rotation := held(t, s, "SELECT FROM frontdesk.rotations FOR UPDATE")
	written := make(chan error, 1)
	go func() {
		written <- s.Commit(t.Context(), agent.Commit{
			Fence: &got.Tasks[0].Fence,
			Messages: []frontdesk.Message{{
				ID: "secret", ConversationID: "b", Seq: 1, Direction: frontdesk.DirOutbound, Status: frontdesk.Queued, Text: "secret", At: start,
			}},
			Journal:   []agent.Entry{{TurnID: "t", N: 1, At: start}},
			Rotations: []agent.Rotation{{Name: "r", Last: "x", Version: 1}},
		})
	}()
	waits(t, s, "rotations")
	contact() // the deletion goes on
	waits(t, s, "lanes")
	rotation() // and now the commit
	require.NoError(t, <-written)
	require.NoError(t, <-deleted)

	for _, table := range []string{"contacts", "identities", "conversations", "messages", "journal", "lanes"} {
		var left int
		require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT count(*) FROM frontdesk."+table).Scan(&left))
		assert.Zero(t, left, table)
	}
}
