package knowledge_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/knowledge"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// A folder of documents is indexed; an agent answers from it, and its turn says
// from what.
func Example() {
	ctx := context.Background()
	folder := fstest.MapFS{ // os.DirFS("help"), most often
		"returns.md": {Data: []byte("# Returns\n## Shoes\nUnworn shoes may be returned within 30 days.\n## Food\nFood is not taken back.\n")},
		"prices.csv": {Data: []byte("item,price\nShoes,50 euros\nBread,3 euros\n")},
	}

	base, err := knowledge.Open(knowledge.Memory, nil) // or the path of a file
	if err != nil {
		fmt.Println(err)
		return
	}
	defer base.Close()
	progress := func(p knowledge.Progress) {
		fmt.Printf("%d of %d: %s %s, %d passages\n", p.Done, p.Total, p.Outcome, p.Source, p.Passages)
	}
	if err := base.Sync(ctx, "help", folder, progress); err != nil {
		fmt.Println(err) // which files, and what is wrong with them; the others are there
	}

	cfg := agent.Config{
		Name: "Shop Agent", Store: memstore.New(), Channel: &agenttest.RecordingChannel{}, Debounce: agent.Off,
		Instructions: "# FLOW\n1. Answer from the Knowledge Sources.\n# BOUNDARIES\n* Cannot: guess.\n",
		LLM:          agenttest.Script(nil, agenttest.Say("Within 30 days, unworn.").ExpectSystem("Unworn shoes may be returned")),
	}
	cfg.Knowledge = base
	a, err := agent.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux, err := agent.NewMux(a)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "Hi! Until when can I return shoes?"})
	fmt.Println(turn.Reply(), turn.Sources, err)
	// Output:
	// 1 of 2: added help/prices.csv, 2 passages
	// 2 of 2: added help/returns.md, 2 passages
	// Within 30 days, unworn. [help/returns.md: Returns > Shoes help/prices.csv: Shoes help/returns.md: Returns > Food] <nil>
}

// Documents come from anywhere: under a source that is known one is replaced,
// if it has changed.
func ExampleBase_Put() {
	ctx := context.Background()
	base, err := knowledge.Open(knowledge.Memory, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer base.Close()
	for _, hours := range []string{"Open from nine.", "Open from nine.", "Open from ten."} {
		page := knowledge.Document{Source: "https://shop.example/hours", Format: knowledge.HTML, Data: []byte("<h1>Hours</h1><p>" + hours)}
		err := base.Put(ctx, []knowledge.Document{page}, func(p knowledge.Progress) { fmt.Println(p.Outcome) })
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	found, err := base.Search(ctx, "when do you open?", 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range found {
		fmt.Println(p.Source, "-", p.Text)
	}
	// Output:
	// added
	// unchanged
	// replaced
	// https://shop.example/hours: Hours - Open from ten.
}
