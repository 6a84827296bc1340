package sqlitestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlitefile"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

// everything makes the store run every statement that it has.
func everything(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	conv := storebench.Opening("a", agent.Task{Kind: agent.TaskTurn, Due: start})
	conv.Conversation.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
	require.NoError(t, s.Commit(ctx, conv))
	require.NoError(t, s.Commit(ctx, storebench.Inbound("a", 1)))
	require.NoError(t, s.Commit(ctx, rotate("r")))
	got, err := s.Claim(ctx, agent.ClaimQuery{Now: start.Add(time.Minute), Until: start.Add(time.Hour), Worker: "w", Max: 5})
	require.NoError(t, err)
	require.Len(t, got.Tasks, 1)
	fence := got.Tasks[0].Fence
	// A clock that is ahead makes the lane ready, one that is behind takes it
	// back.
	require.NoError(t, s.write(ctx, func(c *conn) error {
		_, err := c.exec(settle, start.Add(2*time.Hour).UnixMicro())
		return err
	}))
	got, err = s.Claim(ctx, agent.ClaimQuery{Now: start.Add(time.Minute), Until: start.Add(time.Hour), Worker: "w", Max: 5})
	require.NoError(t, err)
	require.Empty(t, got.Tasks)
	require.Equal(t, start.Add(time.Hour), got.Next)
	require.NoError(t, s.Append(ctx, agent.Append{Fence: fence, Until: start.Add(3 * time.Hour), Rows: []agent.Entry{{TurnID: "turn", N: 1}}}))
	v, err := s.Load(ctx, agent.Query{Identity: frontdesk.Identity{Channel: "chat", Address: "a"}, DedupeKey: "k", Rotations: []string{"r"}, Loads: true})
	require.NoError(t, err)
	p := v.Contact.Clone()
	p.Identities = append(p.Identities, frontdesk.Identity{Channel: "phone", Address: "1"}, frontdesk.Identity{Channel: "phone", Address: "1"})
	m := storebench.Inbound("a", 1).Messages[0]
	m.TurnID = "turn"
	out := frontdesk.Message{ID: "out", ConversationID: "a", Seq: 2, Direction: frontdesk.DirOutbound, TurnID: "turn", Status: frontdesk.Queued}
	require.NoError(t, s.Commit(ctx, agent.Commit{
		Fence: &fence, Release: true, Contact: &p, Conversation: v.Conversation, Loads: &v.LoadVersion, Messages: []frontdesk.Message{m, out},
		Turns: []agent.Turn{{ID: "turn", ConversationID: "a"}}, Delete: []agent.TaskKind{agent.TaskTurn},
		Put:       []agent.Task{{ConversationID: "a", Kind: agent.TaskSend, Due: start}},
		Rotations: []agent.Rotation{{Name: "r", Last: "y", Version: 1}},
		Approvals: []agent.Approval{{ID: "call", ConversationID: "a"}},
	}))
	for _, q := range []agent.Query{
		{MessageID: "out"}, {CallID: "call"}, {ProviderID: "a-1", Identity: frontdesk.Identity{Channel: "chat"}}, {ConversationID: "a"},
	} {
		q.History, q.Turns, q.Waiting, q.Outbox, q.TurnID, q.Tasks = 5, true, true, true, "turn", true
		v, err := s.Load(ctx, q)
		require.NoError(t, err)
		require.Len(t, v.History, 2)
		require.Len(t, v.Turns, 1)
		require.Len(t, v.Outbox, 1)
		require.Len(t, v.Journal, 1)
		require.Len(t, v.Tasks, 1)
		require.Empty(t, v.Waiting)
	}
	require.ErrorIs(t, s.Commit(ctx, storebench.Opening("a")), agent.ErrConflict)
	got, err = s.Claim(ctx, agent.ClaimQuery{Now: start, Until: start.Add(time.Hour), Worker: "w", Max: 5, ConversationID: "a"})
	require.NoError(t, err)
	require.Len(t, got.Tasks, 1)
	desk(t, s)
}

// Every statement finds what it needs by an index: reading costs what there is
// to read, and not what there is. (Protocol rule 9 for those of a claim.)
func TestStatementsGoByIndex(t *testing.T) {
	s := temporary(t, &Options{Readers: 1})
	everything(t, s)
	reader := <-s.readers
	defer func() { s.readers <- reader }()
	seen := map[string]bool{}
	for _, c := range []*conn{s.writer, reader} {
		for q := range c.prepared {
			seen[q.sql] = true
		}
	}
	plan := regexp.MustCompile(`(?i)^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)`)
	for sql := range seen {
		if plan.MatchString(sql) {
			continue
		}
		err := reader.query(&statement{"EXPLAIN QUERY PLAN " + sql}, make([]any, parameters(sql)), func(r *row) {
			r.at = 3
			step := r.text()
			// In the order of the index, and only as far as LIMIT goes.
			if strings.HasPrefix(step, "SCAN") && step != "SCAN l USING INDEX lanes_ready" || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\n\t%s", sql, step)
			}
		})
		require.NoError(t, err, sql)
	}
	// None was left out.
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^(?:var|\t)\s*(\w+)\s*= &statement\{`)
	names := map[string]bool{}
	for _, f := range files {
		source, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range declared.FindAllStringSubmatch(string(source), -1) {
			names[m[1]] = true
		}
	}
	delete(names, "rollback") // nothing failed
	assert.Len(t, seen, len(names), "statements that were run, and those that the package has: %v", names)
}

// parameters counts the parameters of a statement.
func parameters(sql string) int {
	n := strings.Count(sql, "?")
	for i := 30; i > 0; i-- {
		if strings.Contains(sql, fmt.Sprintf("?%d", i)) {
			return i
		}
	}
	return n
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frontdesk.db")
	first := "CREATE TABLE one (a TEXT)"
	second := "CREATE TABLE two (b TEXT); INSERT INTO one VALUES ('seen')"
	version := func(steps ...string) (*Store, error) { return open(path, nil, steps) }

	s, err := version(first)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for range 2 { // the second time there is nothing to do
		s, err = version(first, second)
		require.NoError(t, err)
		n, err := s.writer.value("SELECT count(*) FROM one")
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)
		require.NoError(t, s.Close())
	}
	_, err = version(first)
	require.ErrorContains(t, err, "its schema is version 2 and this program knows versions up to 1: a newer program has used it")

	_, err = version(first, second, "CREATE TABLE three (c TEXT); CREATE TABLE one (a TEXT)")
	require.ErrorContains(t, err, "migration 3")
	s, err = version(first, second, "CREATE TABLE three (c TEXT)")
	require.NoError(t, err, "of a migration that failed nothing is left")
	require.NoError(t, s.Close())
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600))
	foreign := filepath.Join(dir, "foreign")
	c, err := connect(sqlitefile.URI(foreign), nil)
	require.NoError(t, err)
	require.NoError(t, c.run("CREATE TABLE t (a)"))
	require.NoError(t, c.close())
	for _, test := range []struct {
		path    string
		options *Options
		want    string
	}{
		{"", nil, `"" is no path`},
		{"a\x00b", nil, `is no path`},
		{filepath.Join(dir, "none", "x"), nil, "unable to open database file"},
		{text, nil, "file is not a database"},
		{foreign, nil, "it is a database of another program: give a path of its own"},
		{foreign, &Options{Readers: -1}, "Options.Readers"},
		{foreign, &Options{BusyTimeout: -1}, "Options.BusyTimeout"},
	} {
		s, err := Open(test.path, test.options)
		require.ErrorContains(t, err, test.want)
		assert.ErrorContains(t, err, "sqlitestore: open ")
		assert.Nil(t, s)
	}
}

func TestOpenTakesAnyPath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"plain.db", "with space.db", "50% of ? & # = ;.db", "ünïcode 数.db", "file:x?mode=ro"} {
		path := filepath.Join(dir, name)
		s, err := Open(path, nil)
		require.NoError(t, err, name)
		require.NoError(t, s.Commit(context.Background(), rotate(name)))
		require.NoError(t, s.Close())
		info, err := os.Stat(path)
		require.NoError(t, err, name)
		assert.NotZero(t, info.Size())
	}
	t.Chdir(dir)
	s, err := Open("plain.db", nil)
	require.NoError(t, err)
	t.Chdir(os.TempDir())
	assert.Equal(t, 1, stored(t, s, "plain.db"), "a relative path is where it was when it was opened")
	require.NoError(t, s.Close())
}

// Several programs start at once on a file that is not there.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frontdesk.db")
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() {
			s, err := Open(path, nil)
			if err != nil {
				errs[i] = err
				return
			}
			if errs[i] = s.Commit(context.Background(), rotate(fmt.Sprint(i))); errs[i] == nil {
				errs[i] = s.Close()
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	assert.Equal(t, 8, stored(t, temporaryAt(t, path), "0", "1", "2", "3", "4", "5", "6", "7"))
}

func temporaryAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestSettings(t *testing.T) {
	s := temporary(t, nil)
	for name, want := range map[string]any{"journal_mode": "wal", "synchronous": int64(2), "busy_timeout": busyStep.Milliseconds()} {
		got, err := s.writer.value("PRAGMA " + name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	s.abandon()
	require.NoError(t, s.Commit(context.Background(), rotate("r")))
	got, err := s.writer.value("PRAGMA synchronous")
	require.NoError(t, err)
	assert.EqualValues(t, 2, got, "of a writer that was opened again too")
	err = s.read(context.Background(), func(c *conn) error { return c.run("DELETE FROM rotations") })
	require.ErrorContains(t, err, "readonly")
	assert.Equal(t, 1, stored(t, s, "r"), "the reader goes on")
}

func TestBackup(t *testing.T) {
	s := temporary(t, nil)
	everything(t, s)
	path := filepath.Join(t.TempDir(), "copy of today.db")
	require.NoError(t, s.Backup(context.Background(), path))
	require.NoError(t, s.Commit(context.Background(), rotate("later")))
	copied := temporaryAt(t, path)
	assert.Equal(t, 1, stored(t, copied, "r", "later"))
	want, err := s.Load(context.Background(), agent.Query{ConversationID: "a", History: 9, Turns: true, Tasks: true})
	require.NoError(t, err)
	got, err := copied.Load(context.Background(), agent.Query{ConversationID: "a", History: 9, Turns: true, Tasks: true})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	require.ErrorContains(t, s.Backup(context.Background(), path), "sqlitestore: backup to")
	memory, err := Open(Memory, nil)
	require.NoError(t, err)
	require.ErrorContains(t, memory.Backup(context.Background(), path), "in memory")
	require.NoError(t, memory.Close())
}

// A value that is not what it should be is an error that says so, and no
// panic.
func TestDamagedRows(t *testing.T) {
	for _, damage := range []string{
		"UPDATE contacts SET fields = '{'", "UPDATE contacts SET tags = '7'", "UPDATE turns SET record = 'x'", "UPDATE tasks SET detail = '[]'",
	} {
		s := temporary(t, nil)
		everything(t, s)
		require.NoError(t, s.write(context.Background(), func(c *conn) error { return c.run(damage) }))
		_, err := s.Load(context.Background(), agent.Query{ConversationID: "a", History: 9, Turns: true, Tasks: true})
		require.ErrorContains(t, err, "cannot be read", damage)
		assert.Equal(t, 1, stored(t, s, "r"))
	}
}
