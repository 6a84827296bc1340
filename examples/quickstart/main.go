// Quickstart plays a whole day of a lead-qualification agent: contacts who
// qualify, one who goes silent and is followed up, one who does not qualify.
// It needs no key and no network: the model's answers are scripted and the
// clock is a fake one. All else is the library.
//
//	go run ./examples/quickstart            # the prompt as it is written, in Indonesian
//	go run ./examples/quickstart -lang en   # the same in English
//	go run ./examples/quickstart -llm offline
//	go run ./examples/quickstart -llm openai -model gpt-4.1
//
// With -db FILE everything is kept in a file: stop the program, with -until,
// Ctrl-C or worse, run it again, and it goes on where it was.
//
//	go run ./examples/quickstart -db day.db -until 10:33   # one follow-up was sent
//	go run ./examples/quickstart -db day.db                # the next is, and the rest of the day
//
// With -llm it is a chat on the same prompt: offline follows the prompt by
// rules and needs no key; openai, ollama and anthropic are real models. Keys come from OPENAI_API_KEY and ANTHROPIC_API_KEY, Ollama's
// address from OLLAMA_HOST.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/seed-a71cb1d8/frontdesk"
)

func main() {
	lang := flag.String("lang", "id", "language of the prompt: id or en")
	provider := flag.String("llm", "", "chat with a model: offline (no key), openai, ollama or anthropic")
	model := flag.String("model", "", "name of the model, with -llm")
	baseURL := flag.String("base-url", "", "address of the provider, with -llm")
	db := flag.String("db", "", "`file` that keeps everything, to go on with in the next run, one at a time; empty: memory")
	until := flag.String("until", "", "`time` of the day, as 10:33, at which to stop playing")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := withStore(*db, func(store deskStore) error {
		if *provider == "" {
			return playDay(ctx, os.Stdout, *lang, store, *until)
		}
		c := &console{lang: *lang, store: store, clock: frontdesk.SystemClock{}, in: os.Stdin, out: os.Stdout}
		llm, err := liveLLM(*lang, *provider, *model, *baseURL)
		if err != nil {
			return err
		}
		return c.chat(ctx, llm)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}
