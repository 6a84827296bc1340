package main

import (
	"fmt"
	"net"
	"net/rpc"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// The link between a worker and the supervisor is net/rpc on a Unix socket: the
// worker calls, and the supervisor answers. A worker that is killed in a call
// does not take the call back: what it sent has arrived.

// Job is what a worker is told when it has connected.
type Job struct {
	Store, DSN string
	Fault      fault
}

// Moment is a point at which a worker may be struck.
type Moment struct {
	Worker int
	Name   string
}

// Given is a message that a worker has to accept.
type Given struct {
	OK bool // there is one
	N  int  // which delivery it is
	In frontdesk.Inbound
}

// Acknowledgement says that a message is safe.
type Acknowledgement struct{ Worker, N int }

// Sending is a message that a worker gives to the channel.
type Sending struct {
	Worker int
	Msg    agent.Outbound
}

// Sent is what the channel says of it.
type Sent struct {
	ProviderID string
	// Refused is set when nothing was delivered, Unknown when nobody can say.
	Refused, Unknown bool
}

// Acting is a run of an outside action.
type Acting struct {
	Worker                         int
	Name, Key, Token, Conversation string
}

// Rest is what a worker says about what waits in the store.
type Rest struct {
	Worker int
	Waits  bool
	Next   time.Time
}

// link is what workers may call.
type link struct{ s *supervisor }

// Hello begins the link of a worker.
func (l link) Hello(worker int, out *Job) error {
	*out = l.s.job
	l.s.hello(worker)
	return nil
}

// Moment announces what the worker is about to do or has just done.
func (l link) Moment(m Moment, _ *struct{}) error {
	l.s.moment(m)
	return nil
}

// Next waits a little for a message to accept.
func (l link) Next(worker int, out *Given) error {
	for range 20 {
		if *out = l.s.people.next(); out.OK {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// Accepted acknowledges a message.
func (l link) Accepted(a Acknowledgement, _ *struct{}) error {
	l.s.people.acknowledge(a.N)
	return nil
}

// NotStored says that a message could not be accepted.
func (l link) NotStored(_ int, _ *struct{}) error {
	l.s.notStored()
	return nil
}

// Send delivers a message.
func (l link) Send(m Sending, out *Sent) error {
	*out = l.s.journal.send(m)
	return nil
}

// Act runs an outside action.
func (l link) Act(a Acting, _ *struct{}) error { return l.s.journal.act(a) }

// Rest reports what waits.
func (l link) Rest(r Rest, _ *struct{}) error {
	l.s.report(r)
	return nil
}

// listen serves workers until the listener is closed.
func (s *supervisor) listen(path string) (net.Listener, error) {
	server := rpc.NewServer()
	if err := server.RegisterName("Link", link{s}); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("crash: listen: %w", err)
	}
	s.background.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // it was closed
			}
			s.background.Go(func() { server.ServeConn(c) })
		}
	})
	return l, nil
}
