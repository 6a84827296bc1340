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
)

func main() {
	lang := flag.String("lang", "id", "language of the prompt: id or en")
	provider := flag.String("llm", "", "chat with a model: offline (no key), openai, ollama or anthropic")
	model := flag.String("model", "", "name of the model, with -llm")
	baseURL := flag.String("base-url", "", "address of the provider, with -llm")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *provider == "" {
		err = playDay(os.Stdout, *lang)
	} else {
		err = chat(ctx, os.Stdin, os.Stdout, *lang, *provider, *model, *baseURL)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}
