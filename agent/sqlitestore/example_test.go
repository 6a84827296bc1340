package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

// What was accepted before the program ended is answered when it runs again.
func Example() {
	dir, err := os.MkdirTemp("", "frontdesk")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	clock, channel := agenttest.NewFakeClock(), &agenttest.RecordingChannel{}

	// program is what runs twice.
	program := func(do func(mux *agent.Mux) error) error {
		store, err := sqlitestore.Open(filepath.Join(dir, "frontdesk.db"), nil)
		if err != nil {
			return err
		}
		defer store.Close()
		a, err := agent.New(agent.Config{
			Name:         "Support Agent",
			Instructions: "# FLOW\n1. Answer the question.\n2. If they are done, close the conversation.",
			Workspace:    frontdesk.Workspace{Name: "Acme"},
			LLM:          agenttest.Script(nil, agenttest.Say("We open at nine.")),
			Store:        store, Channel: channel, Clock: clock,
			Actions: []actions.Action{actions.Close()},
		})
		if err != nil {
			return err
		}
		mux, err := agent.NewMux(a)
		if err != nil {
			return err
		}
		return do(mux)
	}

	ctx := context.Background()
	err = program(func(mux *agent.Mux) error {
		return mux.Accept(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "When do you open?"})
	})
	fmt.Println("first run:", channel.Texts(), err)
	clock.Advance(time.Minute)
	err = program(func(mux *agent.Mux) error {
		_, err := mux.RunDue(ctx)
		return err
	})
	fmt.Println("second run:", channel.Texts(), err)
	// Output:
	// first run: [] <nil>
	// second run: [We open at nine.] <nil>
}
