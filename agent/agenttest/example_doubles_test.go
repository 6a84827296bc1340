package agenttest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

func ExampleFakeClock() {
	clock := agenttest.NewFakeClock()
	fmt.Println(clock.Now().Format(time.DateTime))
	clock.Advance(24 * time.Hour)
	fmt.Println(clock.Now().Format(time.DateTime))
	// Output:
	// 2025-01-06 09:00:00
	// 2025-01-07 09:00:00
}

func ExampleRecordingChannel() {
	channel := &agenttest.RecordingChannel{Caps: agent.Capabilities{Idempotent: true}}
	channel.LoseNext(1) // delivered, but the answer gets lost
	msg := agent.Outbound{Key: "message-1", To: "+6281234", Text: "Hello!"}
	for range 2 {
		_, err := channel.Send(context.Background(), msg)
		fmt.Println("unknown:", errors.Is(err, agenttest.ErrUnknown))
	}
	fmt.Println(channel.Texts())
	// Output:
	// unknown: true
	// unknown: false
	// [Hello!]
}

// A commit whose answer is lost is there all the same: reading again by its
// key tells.
func ExampleNewFaultyStore() {
	store := agenttest.NewFaultyStore(memstore.New(), agenttest.FailAfter(agenttest.NthOf(agenttest.OpCommit, 1), nil))
	ctx := context.Background()
	err := store.Commit(ctx, agent.Commit{Dedupe: map[string]string{"chat/1": "message-1"}})
	fmt.Println("unknown:", errors.Is(err, agenttest.ErrUnknown))
	view, err := store.Load(ctx, agent.Query{DedupeKey: "chat/1"})
	fmt.Println(view.Duplicate, err)
	// Output:
	// unknown: true
	// message-1 <nil>
}
