package sqlitestore

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

var start = time.Date(2025, 1, 6, 9, 0, 0, 0, time.UTC)

// temporary opens a store in a file of its own.
func temporary(t testing.TB, o *Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "frontdesk.db"), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// opening is the commit of the first message of a contact.
func opening(name string, tasks ...agent.Task) agent.Commit {
	for i := range tasks {
		tasks[i].ConversationID = name
	}
	return agent.Commit{
		Contact: &frontdesk.Contact{ID: "contact-" + name, Created: start, Identities: []frontdesk.Identity{{Channel: "chat", Address: name}}},
		Conversation: &frontdesk.Conversation{
			ID: name, ContactID: "contact-" + name, Channel: "chat", Status: frontdesk.Open, Epoch: 1, Created: start,
		},
		Put: tasks,
	}
}

// inbound is the commit of the n-th message of a contact, as the engine makes
// it.
func inbound(name string, n int64) agent.Commit {
	id := fmt.Sprintf("%s-%d", name, n)
	return agent.Commit{
		Dedupe: map[string]string{"chat\x1f" + id: id},
		Conversation: &frontdesk.Conversation{
			ID: name, ContactID: "contact-" + name, Channel: "chat", Status: frontdesk.Open, Epoch: 1, Created: start,
			Version: n, LastSeq: n, LastInbound: start,
		},
		Messages: []frontdesk.Message{{
			ID: id, ConversationID: name, Seq: n, Direction: frontdesk.DirInbound, Author: frontdesk.Author{Kind: frontdesk.AuthorContact, ID: "contact-" + name},
			Text: "Hello, I would like to know what the large plan costs for a team of twelve.", At: start, ProviderID: id,
		}},
		Put: []agent.Task{{ConversationID: name, Kind: agent.TaskTurn, Due: start.Add(time.Second), TurnID: "turn-" + id, Trigger: agent.Trigger{Kind: agent.TriggerInbound}}},
	}
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
				require.NoError(b, s.Commit(b.Context(), opening(name("plain", i))))
				require.NoError(b, s.Commit(b.Context(), opening(name("group", i))))
			}
			each := b.N/workers + 1
			b.ResetTimer()
			begun := time.Now()
			var all sync.WaitGroup
			errs := make([]error, workers)
			for i := range workers {
				all.Go(func() {
					for n := 1; n <= each && errs[i] == nil; n++ {
						errs[i] = s.Commit(b.Context(), inbound(name("group", i), int64(n)))
					}
				})
			}
			all.Wait()
			grouped := time.Since(begun)
			b.StopTimer()
			for _, err := range errs {
				require.NoError(b, err)
			}
			begun = time.Now()
			for n := 1; n <= each; n++ {
				_, err := s.writer.exec(beginImmediate)
				require.NoError(b, err)
				for i := range workers {
					c := inbound(name("plain", i), int64(n))
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
			b.ReportMetric(total/grouped.Seconds(), "commits/s")
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
				k := opening(fmt.Sprintf("waiting-%d", i), agent.Task{Kind: agent.TaskFollowUp, Due: start.Add(24*time.Hour + time.Duration(i)*time.Millisecond)})
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
		require.NoError(b, s.Commit(b.Context(), opening("one")))
		version := int64(1)
		put := func(b *testing.B, due time.Time) {
			c := opening("one", agent.Task{Kind: agent.TaskFollowUp, Due: due})
			c.Contact, c.Conversation.Version = nil, version
			require.NoError(b, s.Commit(b.Context(), c))
			version++
		}
		cancel := func(b *testing.B) {
			c := opening("one")
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
func BenchmarkLoad(b *testing.B) {
	s := temporary(b, nil)
	require.NoError(b, s.Commit(b.Context(), opening("one")))
	for n := int64(1); n <= 50; n++ {
		require.NoError(b, s.Commit(b.Context(), inbound("one", n)))
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			v, err := s.Load(b.Context(), agent.Query{ConversationID: "one", History: 20, Turns: true, Tasks: true, TurnID: "turn"})
			if err != nil || len(v.History) != 20 {
				b.Errorf("%d messages, %v", len(v.History), err)
			}
		}
	})
}
