// Knowledge has an agent answer from documents: a folder of Markdown, HTML, CSV
// and text is indexed in an SQLite file, what a contact asks is searched in it,
// and each turn says which passages the model was given. It needs no key and no
// network.
package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log"
	"strings"
	"testing/fstest"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/knowledge"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

//go:embed help
var files embed.FS

const prompt = `# CONTEXT
* You answer questions of a plant shop's customers, in their language.
# FLOW
1. Answer from the Knowledge Sources. If they say nothing about it, say that you do not know.
# BOUNDARIES
* Cannot: promise what the sources do not say.
`

func main() {
	ctx := context.Background()
	help, err := fs.Sub(files, "help")
	if err != nil {
		log.Fatal(err)
	}
	// Give a path to keep the index; Sync then reads only what has changed.
	base, err := knowledge.Open(knowledge.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer base.Close()

	told := func(p knowledge.Progress) {
		fmt.Printf("  %d of %d  %-9s %s, passages: %d\n", p.Done, p.Total, p.Outcome, p.Source, p.Passages)
	}
	fmt.Println("The folder is indexed:")
	if err := base.Sync(ctx, "help", help, told); err != nil {
		log.Fatal(err) // says what was wrong with which file; the others are there
	}

	// The model is scripted. Each step says what it must have been shown.
	llm := agenttest.Script(nil,
		agenttest.Say("Yes, for 35,000, in three to five days.").ExpectSystem("Cactuses travel best."),
		agenttest.Say("Within 30 days if it is unused, and we pay for the parcel.").ExpectSystem("within 30 days"),
		agenttest.Say("Sebulan sekali, dan di musim hujan tidak perlu.").ExpectSystem("Siram kaktus"),
		agenttest.Say("I do not know, but I can ask a colleague."),
	)
	a, err := agent.New(agent.Config{
		Name: "Shop Agent", Instructions: prompt, LLM: llm, Store: memstore.New(), Channel: &agenttest.RecordingChannel{},
		Debounce: agent.Off, Knowledge: base,
	})
	if err != nil {
		log.Fatal(err)
	}
	mux, err := agent.NewMux(a)
	if err != nil {
		log.Fatal(err)
	}
	for i, question := range []string{
		"Hi! Do you deliver cactuses to other islands too?",
		`Can I send a pot back? It is "too small" :(`,
		"Kaktusnya harus disiram berapa kali ya kak?",
		"Who won the match yesterday?",
	} {
		turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: fmt.Sprint(i), From: "+62811", Text: question})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("\n%s\n  %s\n", question, turn.Reply())
		for _, source := range turn.Sources {
			fmt.Println("  from", source)
		}
	}

	fmt.Println("\nA file changes, one goes, and the folder is indexed again:")
	changed := fstest.MapFS{}
	for _, name := range []string{"returns.md", "prices.csv", "perawatan.txt"} {
		data, err := fs.ReadFile(help, name)
		if err != nil {
			log.Fatal(err)
		}
		changed[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(data), "30 days", "60 days"))}
	}
	if err := base.Sync(ctx, "help", changed, told); err != nil {
		log.Fatal(err)
	}
	found, err := base.Search(ctx, "returning pots", 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("  found %s: %s\n", found[0].Source, found[0].Text)
	if err := llm.Done(); err != nil {
		log.Fatal(err)
	}
}
