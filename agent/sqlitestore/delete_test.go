package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/cursor"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

// desk makes the store run every statement of a desk.
func desk(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	b := storebench.Opening("b", agent.Task{Kind: agent.TaskTurn, Due: start})
	b.Conversation.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
	failed := frontdesk.Message{ID: "b-9", ConversationID: "b", Seq: 9, Direction: frontdesk.DirOutbound, Status: frontdesk.Failed, SettledAt: start}
	b.Messages = append(b.Messages, failed)
	b.Turns = []agent.Turn{{ID: "b-turn", ConversationID: "b"}}
	b.Journal = []agent.Entry{{TurnID: "b-turn", N: 1}}
	require.NoError(t, s.Commit(ctx, b))
	for _, q := range []agent.MessageQuery{{ConversationID: "b"}, {ConversationID: "b", Undelivered: true}, {Undelivered: true}} {
		page, err := s.Messages(ctx, q)
		require.NoError(t, err)
		require.NotEmpty(t, page.Items)
	}
	p, err := s.Pending(ctx, "b")
	require.NoError(t, err)
	require.Len(t, p.Tasks, 1)
	e, err := s.Export(ctx, b.Contact.ID)
	require.NoError(t, err)
	require.Len(t, e.Conversations, 1)
	require.NoError(t, s.Delete(ctx, b.Contact.ID))
}

// Every list finds what it needs by an index and stops when a page is full,
// whatever the filter; those of a contact and of pending approvals are short.
func TestListsGoByIndex(t *testing.T) {
	s := temporary(t, nil)
	one := &frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
	for n := range 1 << 8 {
		has := func(bit int) bool { return n&(1<<bit) != 0 }
		q := agent.ConversationQuery{AwaitsHuman: has(0), AwaitsApproval: has(1), LongestFirst: has(2)}
		status := frontdesk.Open
		if has(3) {
			q.Assignee = one
		}
		if has(4) {
			q.TeamID = "team"
		}
		if has(5) {
			q.Channel = "chat"
		}
		if has(6) {
			q.ContactID = "contact"
		}
		var from *cursor.Place
		if has(7) {
			from = &cursor.Place{At: start, ID: "a"}
		}
		l := listing(&q, status, from)
		short := q.ContactID != "" || q.AwaitsApproval
		var steps []string
		require.NoError(t, s.read(context.Background(), func(c *conn) error {
			return c.once("EXPLAIN QUERY PLAN "+l.String(), l.args, func(r *row) {
				r.at = 3
				steps = append(steps, r.text())
			})
		}), l)
		for _, step := range steps {
			scans := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "approvals_pending") && step != "SCAN a"
			assert.False(t, scans || strings.Contains(step, "TEMP B-TREE") && !short, "%s\n\t%s", l, strings.Join(steps, "\n\t"))
		}
	}
}

// A file of the first version of the schema is brought up to date, and what is
// in it can be listed and deleted.
func TestDeskOfAnOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frontdesk.db")
	old, err := open(path, nil, migrations[:1])
	require.NoError(t, err)
	for i := range 3 {
		c := storebench.Opening(fmt.Sprintf("c%d", i))
		c.Conversation.LastInbound = start.Add(time.Duration(i) * time.Minute)
		require.NoError(t, old.Commit(context.Background(), c))
	}
	require.NoError(t, old.Close())
	s := temporaryAt(t, path)
	page, err := s.Conversations(context.Background(), agent.ConversationQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	assert.Equal(t, "c2", page.Items[0].Conversation.ID)
	require.NoError(t, s.Delete(context.Background(), page.Items[0].Contact.ID))
	page, err = s.Conversations(context.Background(), agent.ConversationQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Items, 2)
}

// secret stores a contact with a text, and returns it.
func secret(t *testing.T, s *Store, id, text string) string {
	t.Helper()
	c := storebench.Opening(id)
	m := storebench.Inbound(id, 1).Messages[0]
	m.Text = strings.Repeat(text+" ", 50)
	c.Messages = []frontdesk.Message{m}
	require.NoError(t, s.Commit(context.Background(), c))
	return c.Contact.ID
}

// holds reports whether the text stands anywhere in the store's files.
func holds(t *testing.T, s *Store, text string) bool {
	t.Helper()
	files, err := filepath.Glob(s.path + "*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// S13.1: the transaction alone leaves bytes; the purge takes them away. This is
// the control of the search in agenttest.TestDesk.
func TestBytesStayWithoutAPurge(t *testing.T) {
	s := temporary(t, nil)
	id := secret(t, s, "a", "the secret")
	other := secret(t, s, "b", "another text")
	require.NoError(t, s.write(context.Background(), func(c *conn) error {
		w := writer{conn: c}
		_, err := w.forget(id)
		return err
	}))
	assert.True(t, holds(t, s, "the secret"))
	require.NoError(t, s.Delete(context.Background(), other))
	assert.False(t, holds(t, s, "the secret"), "each purge takes away what any deletion left")
	assert.False(t, holds(t, s, "another text"))
}

// Somebody reads an old moment, so that the WAL cannot be emptied: the deletion
// says so, and is done when it is called again.
func TestPurgeWaitsForReaders(t *testing.T) {
	s := temporary(t, &Options{BusyTimeout: 100 * time.Millisecond})
	id := secret(t, s, "a", "the secret")
	reader, err := s.openReader()
	require.NoError(t, err)
	require.NoError(t, reader.run("BEGIN"))
	_, err = reader.value("SELECT count(*) FROM messages")
	require.NoError(t, err)

	err = s.Delete(context.Background(), id)
	require.ErrorIs(t, err, errReading)
	require.ErrorContains(t, err, "sqlitestore: delete: all of it is deleted, but its bytes may still be in the file, call Delete again")
	_, err = s.Export(context.Background(), id)
	require.ErrorIs(t, err, agent.ErrNoContact)
	assert.True(t, holds(t, s, "the secret"), "the reader still sees it")
	secret(t, s, "b", "life goes on")

	require.NoError(t, reader.run("COMMIT"))
	require.NoError(t, reader.close())
	require.NoError(t, s.Delete(context.Background(), id))
	assert.False(t, holds(t, s, "the secret"))
	assert.True(t, holds(t, s, "life goes on"))
}

// With PurgeLater the bytes stay until somebody has the time.
func TestPurgeLater(t *testing.T) {
	s := temporary(t, &Options{PurgeLater: true})
	id := secret(t, s, "a", "the secret")
	require.NoError(t, s.Delete(context.Background(), id))
	_, err := s.Export(context.Background(), id)
	require.ErrorIs(t, err, agent.ErrNoContact)
	assert.True(t, holds(t, s, "the secret"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorContains(t, s.Purge(ctx), "sqlitestore: purge: context canceled")
	require.NoError(t, s.Purge(context.Background()))
	assert.False(t, holds(t, s, "the secret"))
}

// A program that crashed between the two leaves the purge to the next.
func TestPurgeIsNotForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frontdesk.db")
	s, err := Open(path, nil)
	require.NoError(t, err)
	id := secret(t, s, "a", "the secret")
	err = s.write(context.Background(), func(c *conn) error {
		w := writer{conn: c}
		if _, err := w.forget(id); err != nil {
			return err
		}
		_, err := w.exec(wantPurge)
		return err
	})
	require.NoError(t, errors.Join(err, s.Close()))
	s = temporaryAt(t, path)
	assert.True(t, holds(t, s, "the secret"))
	require.NoError(t, s.Delete(context.Background()), "a deletion of nobody does what is left to do")
	assert.False(t, holds(t, s, "the secret"))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, s.Delete(context.Background(), id, "nobody"))
	again, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, info.ModTime(), again.ModTime(), "and then there is nothing to do")
}

// Deletions and commits come at once, from two stores on one file.
func TestDeletionsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frontdesk.db")
	stores := []*Store{temporaryAt(t, path), temporaryAt(t, path)}
	var ids []string
	for i := range 12 {
		ids = append(ids, secret(t, stores[0], fmt.Sprintf("gone-%02d", i), fmt.Sprintf("secret %02d", i)))
	}
	var all sync.WaitGroup
	errs := make(chan error, 100)
	for i, id := range ids {
		all.Go(func() { errs <- stores[i%2].Delete(context.Background(), id) })
	}
	for i := range 8 {
		all.Go(func() {
			for j := range 5 {
				if err := stores[i%2].Commit(context.Background(), storebench.Opening(fmt.Sprintf("stays-%d-%d", i, j))); err != nil {
					errs <- err
				}
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	assert.False(t, holds(t, stores[0], "secret"))
	assert.False(t, holds(t, stores[0], "gone-"))
	page, err := stores[1].Conversations(context.Background(), agent.ConversationQuery{Limit: 100})
	require.NoError(t, err)
	assert.Len(t, page.Items, 40)
	var wanted, done int64
	require.NoError(t, stores[0].read(context.Background(), func(c *conn) error {
		return c.query(purgeState, nil, func(r *row) { wanted, done = r.int(), r.int() })
	}))
	assert.Equal(t, int64(12), wanted)
	assert.Equal(t, wanted, done)
	text, err := Integrity(path)
	require.NoError(t, err)
	assert.Equal(t, "ok", text)
}

// A purge that nobody waits for any more is given up, and those behind it go
// on.
func TestPurgeIsGivenUp(t *testing.T) {
	s := temporary(t, nil)
	id := secret(t, s, "a", "the secret")
	ctx, cancel := context.WithCancel(context.Background())
	inside, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		assert.NoError(t, s.alone(context.Background(), func() error { close(inside); <-leave; return nil }))
	})
	<-inside
	waiting := make(chan error, 1)
	all.Go(func() { waiting <- s.alone(ctx, func() error { return errors.New("it ran") }) })
	all.Go(func() { assert.NoError(t, s.Commit(context.Background(), rotate("r"))) })
	for queued := 0; queued < 2; {
		s.group.mu.Lock()
		queued = len(s.group.queue)
		s.group.mu.Unlock()
	}
	cancel()
	require.ErrorIs(t, <-waiting, context.Canceled)
	close(leave)
	all.Wait()
	assert.Equal(t, 1, stored(t, s, "r"))
	require.NoError(t, s.Delete(context.Background(), id))
	require.ErrorIs(t, s.alone(ctx, nil), context.Canceled)
}

// The indexes are left alone by a commit that changes nothing that they hold.
func TestListsFollowEveryChange(t *testing.T) {
	s := temporary(t, nil)
	ctx := context.Background()
	require.NoError(t, s.Commit(ctx, storebench.Opening("a")))
	change := func(f func(*frontdesk.Conversation)) {
		v, err := s.Load(ctx, agent.Query{ConversationID: "a"})
		require.NoError(t, err)
		conv := *v.Conversation
		f(&conv)
		require.NoError(t, s.Commit(ctx, agent.Commit{Conversation: &conv}))
		v, err = s.Load(ctx, agent.Query{ConversationID: "a"})
		require.NoError(t, err)
		conv.Version++
		assert.Equal(t, conv, *v.Conversation)
		page, err := s.Conversations(ctx, agent.ConversationQuery{Status: conv.Status, Assignee: &conv.Assignee, TeamID: conv.TeamID, AwaitsHuman: conv.AwaitsHuman})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		assert.Equal(t, conv, page.Items[0].Conversation)
	}
	for _, f := range []func(*frontdesk.Conversation){
		func(v *frontdesk.Conversation) { v.Summary = "a summary" },
		func(v *frontdesk.Conversation) { v.Status = frontdesk.Closed },
		func(v *frontdesk.Conversation) { v.LastSeq, v.Unanswered, v.OptedOut, v.Epoch = 9, 3, true, 7 },
		func(v *frontdesk.Conversation) {
			v.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
		},
		func(v *frontdesk.Conversation) { v.ClosingNote, v.ClosedAt, v.Created = "note", start, start.Add(1000) },
		func(v *frontdesk.Conversation) { v.TeamID = "sales" },
		func(v *frontdesk.Conversation) { v.AwaitsHuman = true },
		func(v *frontdesk.Conversation) { v.LastInbound = start.Add(time.Hour) },
		func(v *frontdesk.Conversation) {},
	} {
		change(f)
	}
	text, err := Integrity(s.path)
	require.NoError(t, err)
	assert.Equal(t, "ok", text)
}
