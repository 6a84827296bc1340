package pgstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

var start = storebench.Start

// begin stores a contact and its conversation, with tasks.
func begin(tb testing.TB, s *Store, name string, tasks ...agent.Task) {
	tb.Helper()
	require.NoError(tb, s.Commit(tb.Context(), storebench.Opening(name, tasks...)))
}

// answered is the commit of the turn that answers it, and goes on holding the
// lane, so that it can be measured alone.
func answered(name string, version int64, fence *agent.Fence) agent.Commit {
	id, turn := fmt.Sprintf("%s-%d", name, version), fmt.Sprintf("turn-%s-%d", name, version)
	return agent.Commit{
		Fence: fence, Conversation: storebench.Home(name, version),
		Messages: []frontdesk.Message{{
			ID: id, ConversationID: name, Seq: version, Direction: frontdesk.DirOutbound, Author: frontdesk.Author{Kind: frontdesk.AuthorAgent, ID: "sales"},
			Text: "The large plan is 120 a month for up to fifteen people. Shall I set it up for you?", At: start, TurnID: turn, Status: frontdesk.Queued,
		}},
		Turns:  []agent.Turn{{ID: turn, ConversationID: name, Agent: "sales", Exit: agent.ExitReplied}},
		Delete: []agent.TaskKind{agent.TaskTurn},
		Put:    []agent.Task{{ConversationID: name, Kind: agent.TaskSend, Due: start.Add(time.Hour)}},
	}
}

// BenchmarkCommit measures commits a second from several goroutines: of
// messages that come in, and of turns.
func BenchmarkCommit(b *testing.B) {
	for _, workers := range []int{1, 16} {
		b.Run(fmt.Sprintf("inbound/goroutines=%d", workers), func(b *testing.B) {
			s := temporary(b, nil)
			for i := range workers {
				begin(b, s, fmt.Sprint(i))
			}
			storebench.AtOnce(b, workers, func(i int, n int64) error { return s.Commit(b.Context(), storebench.Inbound(fmt.Sprint(i), n)) })
		})
		b.Run(fmt.Sprintf("turn/goroutines=%d", workers), func(b *testing.B) {
			s := temporary(b, nil)
			fences := make([]agent.Fence, workers)
			for i := range workers {
				begin(b, s, fmt.Sprint(i), agent.Task{Kind: agent.TaskTurn, Due: start})
			}
			got, err := s.Claim(b.Context(), agent.ClaimQuery{Now: start, Until: start.Add(time.Hour), Max: workers})
			require.NoError(b, err)
			for i, t := range got.Tasks {
				fences[i] = t.Fence
			}
			storebench.AtOnce(b, workers, func(i int, n int64) error {
				return s.Commit(b.Context(), answered(fences[i].ConversationID, n, &fences[i]))
			})
		})
	}
}

// BenchmarkClaim measures a claim and the release, while others wait.
func BenchmarkClaim(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("pending=%d", n), func(b *testing.B) {
			s := temporary(b, nil)
			begin(b, s, "one", agent.Task{Kind: agent.TaskFollowUp, Due: start})
			_, err := s.pool.Exec(b.Context(), `INSERT INTO frontdesk.lanes SELECT 'waiting-' || i, 'turn', 0, NULL, '', $1::bigint + i,
				jsonb_build_object('follow_up', jsonb_build_object('d', $1::bigint + i, 'a', 0, 't', '{}')) FROM generate_series(1, $2) i`,
				start.Add(24*time.Hour).UnixMicro(), n)
			require.NoError(b, err)
			b.Run("idle", func(b *testing.B) {
				for b.Loop() {
					got, err := s.Claim(b.Context(), agent.ClaimQuery{Now: start.Add(-1), Until: start.Add(time.Minute), Max: 10})
					if err != nil || len(got.Tasks) != 0 {
						b.Fatal(got, err)
					}
				}
			})
			b.Run("claim-release", func(b *testing.B) {
				for b.Loop() {
					got, err := s.Claim(b.Context(), agent.ClaimQuery{Now: start, Until: start.Add(time.Minute), Max: 10})
					if err != nil || len(got.Tasks) != 1 {
						b.Fatal(got, err)
					}
					if err := s.Commit(b.Context(), agent.Commit{Fence: &got.Tasks[0].Fence, Release: true}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkLoad measures what a turn reads, from several goroutines.
func BenchmarkLoad(b *testing.B) { storebench.Load(b, temporary(b, nil)) }
