package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

// tiny measures nothing that means anything, and all that is measured.
var tiny = sizes{
	name:    "tiny",
	syncing: 3,
	levels:  []level{{1, 2, 4}, {4, 8, 16}},
	pending: []int{100, 300}, active: 32, apart: 100,
	fired: 8, timed: 6, over: 40 * time.Millisecond,
}

func TestMain(m *testing.M) {
	if code, ok := resumeHere(os.Stdout, os.Stderr); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// numbers stands for whatever differs between two sizes.
var numbers = regexp.MustCompile(`\d[\d,]*`)

// shape is a row's name or a heading without its numbers.
func shape(s string) string { return numbers.ReplaceAllString(strings.TrimSpace(s), "N") }

// rowsOf are the headings and the names of rows of a text of tables.
func rowsOf(text string) (out []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "### "); ok {
			out = append(out, shape(rest))
		}
		if cells := strings.Split(line, "|"); len(cells) > 2 && !strings.HasPrefix(cells[1], "---") {
			out = append(out, shape(cells[1]))
		}
	}
	return out
}

// measureTiny runs the program, which checks each figure itself.
func measureTiny(t *testing.T, kinds ...string) string {
	t.Helper()
	b := &bench{sizes: tiny, kinds: kinds, log: t.Output()}
	text, err := b.measure(t.Context())
	require.NoError(t, err)
	assert.NoDirExists(t, b.dir, "what was made has to be removed")
	return text
}

// onPage checks that the page has a row for each of the text.
func onPage(t *testing.T, text string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "performance.md"))
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(page), numbersBegin)
	require.True(t, ok)
	block, _, ok = strings.Cut(block, numbersEnd)
	require.True(t, ok)
	written := rowsOf(block)
	for _, name := range rowsOf(text) {
		assert.Contains(t, written, name, "go run -C internal/perf . -update writes it")
	}
}

// Every figure is produced, and the page has a row for each.
func TestEveryFigure(t *testing.T) {
	text := measureTiny(t, inMemory, inSQLite)
	for _, want := range []string{"4 KB written and synced", "| sqlitestore, 4, by Accept and Run |", "sqlitestore's share", "| sqlitestore, 300 |", "### Follow-ups by Run"} {
		assert.Contains(t, text, want)
	}
	onPage(t, text)
}

func TestEveryFigureOfPostgres(t *testing.T) {
	server, err := pgtest.Start(pgtest.Options{})
	if errors.Is(err, pgtest.ErrUnavailable) && os.Getenv("CI") == "" {
		t.Skip("NOT TESTED: ", err)
	}
	require.NoError(t, err)
	require.NoError(t, server.Stop())
	text := measureTiny(t, inPostgres)
	for _, want := range []string{"| river |", "PostgreSQL: one plain INSERT", "| pgstore, 300 |", "| scheduled, 300 wait |"} {
		assert.Contains(t, text, want)
	}
	onPage(t, text)
}

// A figure that was not measured is found out.
func TestCheck(t *testing.T) {
	tab := table{title: "T", columns: []string{"", "a", "b"}}
	tab.add("good", rate(1), none)
	tab.add("nothing lost", mayBeNothing(size(0)), lasting(time.Second))
	require.NoError(t, tab.check())
	tab.add("zero", rate(0), rate(1))
	assert.ErrorContains(t, tab.check(), "zero: figure 1 is 0")
	tab.rows = nil
	tab.add("short", rate(1))
	assert.ErrorContains(t, tab.check(), "1 figures for 2 columns")
}

func TestFigures(t *testing.T) {
	for want, f := range map[string]figure{
		"12.3": rate(12.34), "123": rate(123.4), "1,230": rate(1234), "1,230,000": rate(1234567), "99.9": rate(99.9),
		"1.5 s": lasting(1500 * time.Millisecond), "12.0 ms": lasting(12 * time.Millisecond), "150 ms": lasting(150 * time.Millisecond),
		"7 us": lasting(7 * time.Microsecond), "0.50": ratio(0.5), "640 B": size(640), "none": size(0.1), "3 MB": size(3 << 20), "-": none,
	} {
		assert.Equal(t, want, f.String())
	}
}

func TestUpdate(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("# A\n"+numbersBegin+"\nold\n"+numbersEnd+"\nend\n"), 0o600))
	require.NoError(t, update(page, "new\n\n"))
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, "# A\n"+numbersBegin+"\n\nnew\n\n"+numbersEnd+"\nend\n", string(got))
	require.NoError(t, os.WriteFile(page, []byte("# A\n"), 0o600))
	assert.ErrorContains(t, update(page, "new"), numbersBegin)
	assert.ErrorContains(t, update(filepath.Join(t.TempDir(), "none.md"), "new"), "-page")
}

func TestArguments(t *testing.T) {
	var out, errs strings.Builder
	assert.Equal(t, 2, run(t.Context(), []string{"-store", "oracle"}, &out, &errs))
	assert.Contains(t, errs.String(), "use memory, sqlite or postgres")
	errs.Reset()
	assert.Equal(t, 2, run(t.Context(), []string{"-store", "sqlite", "-update"}, &out, &errs))
	assert.Contains(t, errs.String(), "leave -store out")
	assert.Empty(t, out.String())
}

// What was recorded is what another store is asked: it ends with the same.
func TestPlayer(t *testing.T) {
	ctx := t.Context()
	recorded, err := record(ctx, 1, 3)
	require.NoError(t, err)
	s := memstore.New()
	p := newPlayer(s)
	for _, turn := range recorded[0] {
		require.NoError(t, p.play(ctx, turn))
	}
	id := recorded[0][0][1].commit.Conversation.ID
	v, err := s.Load(ctx, agent.Query{ConversationID: id, History: 10, Waiting: true, Outbox: true, Tasks: true})
	require.NoError(t, err)
	require.Len(t, v.History, 6)
	assert.Equal(t, reply, v.History[5].Text)
	assert.Empty(t, v.Waiting)
	assert.Empty(t, v.Outbox)
	require.Len(t, v.Tasks, 1, "the ladder, and nothing else")
	assert.Equal(t, agent.TaskFollowUp, v.Tasks[0].Kind)
	assert.False(t, v.Tasks[0].Due.IsZero(), "its first delay runs since the reply was sent")
	assert.ErrorContains(t, p.play(ctx, recorded[0][0]), "call 2", "the same message again is refused")
}

// What is written by hand for the comparison is what the store writes.
func TestByHandIsTheSame(t *testing.T) {
	ctx := t.Context()
	var dumps [2]map[string][]any
	for i, byHand := range []bool{false, true} {
		p := place{inSQLite, filepath.Join(t.TempDir(), "store.db")}
		s, err := p.open(ctx)
		require.NoError(t, err)
		people, err := open(ctx, s, 1)
		require.NoError(t, err)
		var commits []agent.Commit
		for range 3 {
			commits = append(commits, people[0].writes())
		}
		if !byHand {
			for _, c := range commits {
				require.NoError(t, s.Commit(ctx, c))
			}
		}
		require.NoError(t, s.Close())
		db, err := openPlainSQLite(ctx, p.at)
		require.NoError(t, err)
		if byHand {
			for _, c := range commits {
				require.NoError(t, db.together(func() error { return db.accept(c) }))
			}
			assert.ErrorContains(t, db.accept(commits[0]), "is not at version")
		}
		dumps[i] = dump(t, db)
		require.NoError(t, db.Close())
	}
	assert.Len(t, dumps[0]["messages"], 3)
	assert.Equal(t, dumps[0], dumps[1])
}

// dump reads all tables of a file.
func dump(t *testing.T, db *plainSQLite) map[string][]any {
	tables, err := db.rows(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	require.NoError(t, err)
	out := map[string][]any{}
	for _, name := range tables {
		rows, err := db.rows(`SELECT * FROM "` + name[0].(string) + `"`)
		require.NoError(t, err)
		for _, r := range rows {
			out[name[0].(string)] = append(out[name[0].(string)], r)
		}
	}
	return out
}

func TestTogether(t *testing.T) {
	t1, err := together(3, 4, func(int, int) error { return nil })
	require.NoError(t, err)
	assert.Len(t, t1.each, 12)
	assert.LessOrEqual(t, t1.at(0.5), t1.at(1))
	wrong := errors.New("wrong")
	_, err = together(2, 4, func(w, i int) error {
		if w == 1 && i == 1 {
			return wrong
		}
		return nil
	})
	assert.ErrorIs(t, err, wrong)
	done := make([]bool, 10)
	t2, err := share(3, 10, func(i int) error { done[i] = true; return nil })
	require.NoError(t, err)
	assert.Len(t, t2.each, 10)
	assert.NotContains(t, done, false)
	_, err = share(3, 10, func(i int) error { return wrong })
	assert.ErrorIs(t, err, wrong)
	assert.Zero(t, timing{}.at(0.5))
}

// A task that never falls due is an error, and nothing hangs.
func TestWork(t *testing.T) {
	ctx := context.Background()
	s := memory{memstore.New()}
	people, err := open(ctx, s, 1)
	require.NoError(t, err)
	require.NoError(t, s.Commit(ctx, people[0].arms(begin.Add(time.Hour))))
	_, err = work(ctx, s, begin, 1, nil, func(agent.ClaimedTask) error { return nil })
	assert.ErrorContains(t, err, "only 0 of 1")
	wrong := errors.New("wrong")
	_, err = work(ctx, s, begin.Add(time.Hour), 1, nil, func(agent.ClaimedTask) error { return wrong })
	assert.ErrorIs(t, err, wrong)
}
