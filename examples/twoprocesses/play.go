package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

// patience is how long anything may take here.
const patience = time.Minute

// play starts the processes, plays the provider, and prints what happens.
func play(w io.Writer) (err error) {
	dsn := os.Getenv("FRONTDESK_POSTGRES")
	if dsn == "" {
		server, err := pgtest.Start(pgtest.Options{})
		if err != nil {
			return fmt.Errorf("set FRONTDESK_POSTGRES to the URL of a database: %w", err)
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		dsn = server.DSN("postgres")
	}
	t := &theatre{w: w, dsn: dsn, contact: rand.Text(), answers: make(chan string, 100)}
	defer func() { err = errors.Join(err, t.end()) }()
	return t.play()
}

// theatre is a running play.
type theatre struct {
	w       io.Writer
	dsn     string
	contact string // somebody new in each run, as the database may be kept
	running []*process
	answers chan string // of all workers
	address string      // of the web process
}

// play is the play.
func (t *theatre) play() error {
	address := make(chan string, 1)
	if _, err := t.start("web", address); err != nil {
		return err
	}
	select {
	case t.address = <-address:
	case <-time.After(patience):
		return errors.New("the web process does not start")
	}
	worker, err := t.start("worker", t.answers)
	if err != nil {
		return err
	}
	fmt.Fprintln(t.w, "One process accepts messages, another one answers them.")
	if err := t.say("1", "How much is a cactus?"); err != nil {
		return err
	}
	if err := t.hear("worker"); err != nil {
		return err
	}

	fmt.Fprintln(t.w, "\nThe provider sends the same message again, as they do. It changes nothing.")
	if err := t.say("1", "How much is a cactus?"); err != nil {
		return err
	}

	fmt.Fprintln(t.w, "\nThe worker is stopped. Messages are accepted all the same.")
	if err := t.stop(worker); err != nil {
		return err
	}
	if err := t.say("2", "And when are you open?"); err != nil {
		return err
	}

	fmt.Fprintln(t.w, "\nTwo workers are started. One of them answers.")
	for range 2 {
		if _, err := t.start("worker", t.answers); err != nil {
			return err
		}
	}
	if err := t.hear("a worker"); err != nil {
		return err
	}
	if err := t.end(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.w, "\nAll are stopped. Answers that nobody asked for: %d.\n", len(t.answers))
	return err
}

// say posts a message, as the provider would.
func (t *theatre) say(id, text string) error {
	body, err := json.Marshal(message{ID: t.contact + "-" + id, From: t.contact, Text: text})
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: patience}
	resp, err := client.Post("http://"+t.address, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the web process answered %s: %s", resp.Status, answer)
	}
	_, err = fmt.Fprintf(t.w, "  contact -> web: %s\n  web: stored\n", text)
	return err
}

// hear waits for an answer of whichever worker.
func (t *theatre) hear(who string) error {
	select {
	case line := <-t.answers:
		_, err := fmt.Fprintf(t.w, "  %s -> contact: %s\n", who, line)
		return err
	case <-time.After(patience):
		return errors.New("nobody answered")
	}
}

// stop stops a process.
func (t *theatre) stop(p *process) error {
	t.running = slices.DeleteFunc(t.running, func(r *process) bool { return r == p })
	return p.stop()
}

// end stops what is still running.
func (t *theatre) end() error {
	var errs []error
	for len(t.running) > 0 {
		errs = append(errs, t.stop(t.running[0]))
	}
	return errors.Join(errs...)
}

// process is this program in one of its roles.
type process struct {
	cmd  *exec.Cmd
	in   io.Closer
	read chan struct{} // closed when all that it printed is read
}

// start starts a process whose lines go to a channel.
func (t *theatre) start(role string, lines chan<- string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self, "-role", role, "-dsn", t.dsn), read: make(chan struct{})}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.in = in
	t.running = append(t.running, p)
	go func() {
		defer close(p.read)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return p, nil
}

// stop has the process end by itself, and waits for it.
func (p *process) stop() error {
	err := p.in.Close()
	<-p.read // the pipe must be read before Wait
	return errors.Join(err, p.cmd.Wait())
}
