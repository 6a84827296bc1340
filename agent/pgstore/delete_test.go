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
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

// holder is a transaction that keeps rows locked, on a connection of its own.
type holder struct {
	*pgx.Conn
	t *testing.T
}

func held(t *testing.T, s *Store, sql string, args ...any) holder {
	t.Helper()
	c, err := pgx.ConnectConfig(t.Context(), s.pool.Config().ConnConfig)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	_, err = c.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), qualified(sql, s.schema), args...)
	require.NoError(t, err)
	return holder{c, t}
}

// end commits.
func (h holder) end() {
	h.t.Helper()
	_, err := h.Exec(h.t.Context(), "COMMIT")
	require.NoError(h.t, err)
}

// delays waits until another transaction waits for h, and, with behind, until a
// third one waits for that one.
func (h holder) delays(s *Store, behind bool) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		var waiting bool
		err := s.pool.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE $1 = ANY(pg_blocking_pids(a.pid))
			AND (NOT $2 OR EXISTS (SELECT FROM pg_stat_activity b WHERE a.pid = ANY(pg_blocking_pids(b.pid)))))`, int32(h.PgConn().PID()), behind).Scan(&waiting)
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
	contact.delays(s, false)

	conv := storebench.Home("b", 0)
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
	rotation.delays(s, false)
	contact.end() // the deletion goes on, to the lane of the commit
	rotation.delays(s, true)
	rotation.end()
	require.NoError(t, <-written)
	require.NoError(t, <-deleted)

	for _, table := range []string{"contacts", "identities", "conversations", "messages", "journal", "lanes"} {
		var left int
		require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT count(*) FROM frontdesk."+table).Scan(&left))
		assert.Zero(t, left, table)
	}
}
