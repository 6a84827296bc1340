// Twoprocesses runs an agent in two processes that share one PostgreSQL: one
// accepts what contacts write, over HTTP as a messaging provider would call it,
// and the other answers. Either may be stopped, started again, and run several
// times over: what they have in common is in the database and nowhere else.
//
//	go run ./examples/twoprocesses
//
// It starts both itself and plays the provider: a message, the same one again,
// and one that comes while nobody is there to answer it. The database is that of
// FRONTDESK_POSTGRES, such as postgres://user:password@localhost/frontdesk, or
// else a throwaway server, where PostgreSQL is installed.
//
// It needs no model: a function answers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/pgstore"
)

func main() {
	log.SetFlags(0)
	role := flag.String("role", "", "what this process does: web or worker; empty: start both and play the provider")
	dsn := flag.String("dsn", "", "database of -role")
	flag.Parse()
	var err error
	switch *role {
	case "":
		err = play(os.Stdout)
	case "web":
		err = work(*dsn, web)
	case "worker":
		err = work(*dsn, worker)
	default:
		err = fmt.Errorf("there is no role %q: use web or worker", *role)
	}
	if err != nil {
		log.Fatal("twoprocesses: ", err)
	}
}

// work opens the store and runs a role until standard input ends: that is how
// whoever started the process stops it, and what happens if they die.
func work(dsn string, role func(ctx context.Context, mux *agent.Mux) error) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end too
		stop()
	}()
	// Notify: a worker hears at once of what another process has stored. What it
	// does not hear, it finds when it looks the next time, a second later.
	store, err := pgstore.Open(ctx, dsn, &pgstore.Options{Notify: true})
	if err != nil {
		return err
	}
	mux, err := newMux(store)
	if err == nil {
		err = role(ctx, mux)
	}
	if errors.Is(err, context.Canceled) {
		err = nil // that is the end that was asked for
	}
	return errors.Join(err, store.Close())
}

// newMux builds the agent. Both processes have the same one: the web process
// needs it to know what it accepts messages for.
func newMux(store agent.Store) (*agent.Mux, error) {
	a, err := agent.New(agent.Config{
		Name:         "Shop Agent",
		Instructions: "# CONTEXT\n* You answer questions of a plant shop.\n# FLOW\n1. Answer the question.\n# BOUNDARIES\n* Cannot: offer discounts.\n",
		LLM:          agenttest.LLMFunc(answer),
		Store:        store,
		Channel:      &console{},
		Debounce:     agent.Off,
	})
	if err != nil {
		return nil, err
	}
	return agent.NewMux(a)
}

// answer stands for a model.
func answer(_ context.Context, req *agent.Request) (*agent.Response, error) {
	text := "Could you say that in other words?"
	switch last := req.Messages[len(req.Messages)-1].Text; {
	case strings.Contains(last, "cactus"):
		text = "A cactus is 5 euros."
	case strings.Contains(last, "open"):
		text = "From nine to six, except on Sundays."
	}
	return &agent.Response{Text: text, Stop: agent.StopEnd}, nil
}

// console is the channel: it prints what the contact gets, a line each.
type console struct{ mu sync.Mutex }

// Send implements agent.Channel.
func (c *console) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Println(msg.Text)
	return agent.SendReceipt{ProviderID: msg.Key}, err
}

// Capabilities implements agent.Channel.
func (c *console) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }

// message is what the provider posts.
type message struct{ ID, From, Text string }

// web accepts messages. It answers the provider when they are stored, and not
// before: what it has answered, a worker will see to.
func web(ctx context.Context, mux *agent.Mux) error {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		err := mux.Accept(r.Context(), frontdesk.Inbound{Channel: "web", ID: m.ID, From: m.From, Text: m.Text})
		switch {
		case errors.Is(err, agent.ErrMalformed):
			http.Error(w, err.Error(), http.StatusBadRequest) // as often as it comes
		case err != nil:
			// Not stored: the provider sends it again.
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		// What is being accepted is accepted first.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(last)
	}()
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// worker answers, retries and follows up, whoever has accepted the messages.
func worker(ctx context.Context, mux *agent.Mux) error { return mux.Run(ctx) }
