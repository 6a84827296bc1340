package sqlitestore

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

var start = storebench.Start

// temporary opens a store in a file of its own.
func temporary(t testing.TB, o *Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "frontdesk.db"), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// BenchmarkCommit measures commits a second from several goroutines, beside
// transactions of as many commits each that one goroutine runs by hand, with
// the same statements on the same disk: "of_plain" is the share of that rate.
func BenchmarkCommit(b *testing.B) {
	for _, workers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", workers), func(b *testing.B) {
			s := temporary(b, nil)
			name := func(kind string, i int) string { return fmt.Sprintf("%s-%d", kind, i) }
			for i := range workers {
				require.NoError(b, s.Commit(b.Context(), storebench.Opening(name("plain", i))))
				require.NoError(b, s.Commit(b.Context(), storebench.Opening(name("group", i))))
			}
			each, grouped := storebench.AtOnce(b, workers, func(i int, n int64) error {
				return s.Commit(b.Context(), storebench.Inbound(name("group", i), n))
			})
			begun := time.Now()
			for n := 1; n <= each; n++ {
				_, err := s.writer.exec(beginImmediate)
				require.NoError(b, err)
				for i := range workers {
					c := storebench.Inbound(name("plain", i), int64(n))
					e, err := encodeCommit(&c)
					require.NoError(b, err)
					w := writer{conn: s.writer, c: &c, encoded: e}
					require.NoError(b, w.apply())
				}
				_, err = s.writer.exec(commit)
				require.NoError(b, err)
			}
			plain := time.Since(begun)
			total := float64(each * workers)
			b.ReportMetric(total/plain.Seconds(), "plain/s")
			b.ReportMetric(plain.Seconds()/grouped.Seconds(), "of_plain")
		})
	}
}

// pendingTasks fills a store with tasks that wait for tomorrow.
func pendingTasks(b *testing.B, s *Store, n int) {
	b.Helper()
	const batch = 1000
	for from := 0; from < n; from += batch {
		err := s.write(b.Context(), func(c *conn) error {
			for i := from; i < min(n, from+batch); i++ {
				k := storebench.Opening(fmt.Sprintf("waiting-%d", i), agent.Task{Kind: agent.TaskFollowUp, Due: start.Add(24*time.Hour + time.Duration(i)*time.Millisecond)})
				e, err := encodeCommit(&k)
				if err != nil {
					return err
				}
				w := writer{conn: c, c: &k, encoded: e}
				if err := w.apply(); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(b, err)
	}
}

// BenchmarkPending measures what a task costs while others wait.
func BenchmarkPending(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		s := temporary(b, nil)
		pendingTasks(b, s, n)
		require.NoError(b, s.Commit(b.Context(), storebench.Opening("one")))
		version := int64(1)
		put := func(b *testing.B, due time.Time) {
			c := storebench.Opening("one", agent.Task{Kind: agent.TaskFollowUp, Due: due})
			c.Contact, c.Conversation.Version = nil, version
			require.NoError(b, s.Commit(b.Context(), c))
			version++
		}
		cancel := func(b *testing.B) {
			c := storebench.Opening("one")
			c.Contact, c.Conversation.Version, c.Delete = nil, version, []agent.TaskKind{agent.TaskFollowUp}
			require.NoError(b, s.Commit(b.Context(), c))
			version++
		}
		claim := func(b *testing.B, now time.Time, want int) agent.Claimed {
			got, err := s.Claim(b.Context(), agent.ClaimQuery{Now: now, Until: now.Add(time.Minute), Worker: "w", Max: 10})
			require.NoError(b, err)
			require.Len(b, got.Tasks, want)
			return got
		}
		b.Run(fmt.Sprintf("idle/pending=%d", n), func(b *testing.B) {
			for b.Loop() {
				claim(b, start, 0)
			}
		})
		b.Run(fmt.Sprintf("arm-cancel/pending=%d", n), func(b *testing.B) {
			for b.Loop() {
				put(b, start.Add(time.Hour))
				cancel(b)
			}
		})
		b.Run(fmt.Sprintf("claim-release/pending=%d", n), func(b *testing.B) {
			put(b, start)
			for b.Loop() {
				got := claim(b, start, 1)
				require.NoError(b, s.Commit(b.Context(), agent.Commit{Fence: &got.Tasks[0].Fence, Release: true}))
			}
			cancel(b)
		})
	}
}

// BenchmarkLoad measures what a turn reads, from several goroutines.
func BenchmarkLoad(b *testing.B) { storebench.Load(b, temporary(b, nil)) }
