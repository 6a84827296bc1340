package pgstore

import (
	"context"
	"encoding/binary"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
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
	}, patience, 5*time.Millisecond)
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

// standby is a connection on which a standby is given the log and says what it
// still reads.
type standby struct {
	*pgconn.PgConn
	t *testing.T
}

func follow(t *testing.T, dsn string) standby {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn)
	require.NoError(t, err)
	config.RuntimeParams["replication"] = "true"
	c, err := pgconn.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	system, err := c.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll()
	require.NoError(t, err)
	c.Frontend().SendQuery(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + string(system[0].Rows[0][2])})
	require.NoError(t, c.Frontend().Flush())
	for streaming := false; !streaming; {
		m, err := c.ReceiveMessage(t.Context())
		require.NoError(t, err)
		_, streaming = m.(*pgproto3.CopyBothResponse)
	}
	return standby{c, t}
}

// reads tells of the oldest transaction that it reads beside; 0: none.
func (s standby) reads(transaction uint32) {
	s.t.Helper()
	message := append([]byte{'h'}, make([]byte, 8)...) // the time
	message = binary.BigEndian.AppendUint32(message, transaction)
	message = append(message, make([]byte, 12)...) // epochs, and what it reads of catalogs
	s.Frontend().Send(&pgproto3.CopyData{Data: message})
	require.NoError(s.t, s.Frontend().Flush())
}

// S13.1: as long as a standby may read what was deleted, its bytes stay, and a
// purge is not done.
func TestPurgeWaitsForAStandby(t *testing.T) {
	dsn := pgtest.DSN(t)
	if pgtest.Shared() == nil {
		t.Skip("NOT TESTED: ", pgtest.Variable, " names a server that may allow no standby")
	}
	s := opened(t, dsn, &Options{PurgeLater: true})
	begin(t, s, "a")
	now, err := strconv.ParseUint(s.value(t, "SELECT pg_current_xact_id()::text"), 10, 32)
	require.NoError(t, err)
	reader := follow(t, dsn)
	reader.reads(uint32(now))
	older := func() (n int64) {
		b := s.batch()
		b.query(olderReaders, nil, func(r *row) { n = r.int() })
		require.NoError(t, b.run(t.Context(), s.pool))
		return n
	}
	require.NoError(t, s.Delete(t.Context(), "contact-a"))
	require.Eventually(t, func() bool { return older() > 0 }, patience, 5*time.Millisecond)
	purged := make(chan error, 1)
	go func() { purged <- s.Purge(t.Context()) }()
	reader.reads(0)
	require.NoError(t, <-purged)
	assert.Equal(t, "0", s.value(t, "SELECT pg_relation_size('frontdesk.contacts')::text"))
}
