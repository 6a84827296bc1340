// Package storebench has the commits by which stores are tested and measured,
// as the engine makes them.
package storebench

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Start is when everything happens.
var Start = time.Date(2025, 1, 6, 9, 0, 0, 0, time.UTC)

// Home is an open conversation as of some version.
func Home(name string, version int64) *frontdesk.Conversation {
	return &frontdesk.Conversation{
		ID: name, ContactID: "contact-" + name, Channel: "chat", Status: frontdesk.Open, Epoch: 1, Created: Start, LastInbound: Start, Version: version, LastSeq: version,
	}
}

// Opening is the commit that makes a contact and its conversation, with tasks.
func Opening(name string, tasks ...agent.Task) agent.Commit {
	for i := range tasks {
		tasks[i].ConversationID = name
	}
	return agent.Commit{
		Contact:      &frontdesk.Contact{ID: "contact-" + name, Created: Start, Identities: []frontdesk.Identity{{Channel: "chat", Address: name}}},
		Conversation: Home(name, 0), Put: tasks,
	}
}

// Inbound is the commit of the n-th message of a contact.
func Inbound(name string, n int64) agent.Commit {
	id := fmt.Sprintf("%s-%d", name, n)
	return agent.Commit{
		Dedupe: map[string]string{"chat\x1f" + id: id}, Conversation: Home(name, n),
		Messages: []frontdesk.Message{{
			ID: id, ConversationID: name, Seq: n, Direction: frontdesk.DirInbound, Author: frontdesk.Author{Kind: frontdesk.AuthorContact, ID: "contact-" + name},
			Text: "Hello, I would like to know what the large plan costs for a team of twelve.", At: Start, ProviderID: id,
		}},
		Put: []agent.Task{{ConversationID: name, Kind: agent.TaskTurn, Due: Start.Add(time.Second), TurnID: "turn-" + id, Trigger: agent.Trigger{Kind: agent.TriggerInbound}}},
	}
}

// AtOnce runs f with 1 to each from several goroutines, b.N times in all or a
// little more, and reports how many commits a second that were.
func AtOnce(b *testing.B, workers int, f func(worker int, n int64) error) (each int, took time.Duration) {
	b.Helper()
	each = b.N/workers + 1
	b.ResetTimer()
	begun := time.Now()
	var all sync.WaitGroup
	errs := make([]error, workers)
	for i := range workers {
		all.Go(func() {
			for n := 1; n <= each && errs[i] == nil; n++ {
				errs[i] = f(i, int64(n))
			}
		})
	}
	all.Wait()
	took = time.Since(begun)
	b.StopTimer()
	for _, err := range errs {
		require.NoError(b, err)
	}
	b.ReportMetric(float64(each*workers)/took.Seconds(), "commits/s")
	return each, took
}

// Load measures what a turn reads of a conversation of 50 messages, from
// several goroutines.
func Load(b *testing.B, s agent.Store) {
	require.NoError(b, s.Commit(b.Context(), Opening("one")))
	for n := int64(1); n <= 50; n++ {
		require.NoError(b, s.Commit(b.Context(), Inbound("one", n)))
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
