package pgstore_test

import (
	"context"
	"log"
	"os"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/pgstore"
)

// A program that works on what it, or any other, accepted. It needs a server,
// so it is compiled and not run here.
func Example() {
	ctx := context.Background()
	store, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), &pgstore.Options{Notify: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	var config agent.Config // with instructions, a model, a channel
	config.Store = store
	a, err := agent.New(config)
	if err != nil {
		log.Print(err)
		return
	}
	mux, err := agent.NewMux(a)
	if err != nil {
		log.Print(err)
		return
	}
	if err := mux.Run(ctx); err != nil {
		log.Print(err)
	}
}
