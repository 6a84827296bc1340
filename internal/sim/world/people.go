package world

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// refused reports whether an operation will not be done however often it is
// tried.
func refused(err error) bool {
	for _, e := range []error{agent.ErrNoConversation, agent.ErrNoCall, agent.ErrResolved, agent.ErrStale} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// marked is what a contact writes: it names whose it is, so that it is found
// where it must not be.
func marked(h Happening) string {
	return fmt.Sprintf("%s (%s-%s %d)", h.Text, h.Contact, h.Channel, h.N)
}

func inboundOf(h Happening) frontdesk.Inbound {
	return frontdesk.Inbound{Channel: h.Channel, ID: fmt.Sprintf("%s-%d", h.Contact, h.N), From: h.Contact, Text: marked(h)}
}

// begin spawns the actor of a happening.
func (st *storm) begin(h Happening, name string) {
	at := start.Add(h.At)
	act := func(body func(ctx context.Context, id string) error) *actor {
		var self *actor
		self = st.spawn(name, false, at, func(ctx context.Context) error {
			id := st.conversationOf(h)
			self.conversation = id
			st.cover(h.Kind)
			return body(ctx, id)
		})
		return self
	}
	// withConversation leaves out what concerns a conversation that does not
	// exist yet.
	operate := func(do func(ctx context.Context, m *agent.Mux, id string) error) {
		act(func(ctx context.Context, id string) error {
			if id == "" {
				return nil
			}
			return st.insist(func() error { return do(ctx, st.mux(st.web), id) })
		})
	}
	switch h.Kind {
	case "inbound", "again":
		act(func(ctx context.Context, _ string) error { return st.accept(ctx, inboundOf(h)) })
	case "opt out", "opt in":
		in := inboundOf(h)
		in.ID, in.OptOut, in.OptIn, in.Text = "sig-"+name, h.Kind == "opt out", h.Kind == "opt in", "signal"
		if h.N%2 == 0 {
			in.OptOut, in.OptIn, in.Text = false, false, map[string]string{"opt out": "Stop!", "opt in": "start"}[h.Kind]
		}
		act(func(ctx context.Context, _ string) error { return st.accept(ctx, in) })
	case "handle":
		a := act(func(ctx context.Context, _ string) error {
			p := &process{name: name}
			st.w.sched.current.process = p
			if _, err := st.mux(p).Handle(ctx, inboundOf(h)); err == nil {
				st.w.log.accepted(inboundOf(h))
				return nil
			}
			return st.accept(ctx, inboundOf(h))
		})
		a.mortal = true
		a.again = func(ctx context.Context) error { return st.accept(ctx, inboundOf(h)) }
	case "takeover", "reply kept":
		operate(func(ctx context.Context, m *agent.Mux, id string) error {
			_, err := m.Reply(ctx, agent.HumanReply{ConversationID: id, UserID: []string{"ana", "ben"}[h.N%2], Text: fmt.Sprintf("A human here, %d", h.N), KeepAssignee: h.Kind == "reply kept"})
			return err
		})
	case "close":
		operate(func(ctx context.Context, m *agent.Mux, id string) error {
			return m.Close(ctx, id, actions.Closing{Note: "Issue Resolved"}, "ben")
		})
	case "reopen":
		operate(func(ctx context.Context, m *agent.Mux, id string) error { return m.Reopen(ctx, id, "ben") })
	case "delete":
		operate(func(ctx context.Context, _ *agent.Mux, id string) error {
			return st.w.forget(ctx, id)
		})
	case "note":
		operate(func(ctx context.Context, m *agent.Mux, id string) error { return m.Note(ctx, id, "ben", "a note") })
	case "assign", "hand back":
		to := h.Text
		if to == "" {
			to = "ai_agent:a-sales"
		}
		t, err := frontdesk.ParseTarget(to)
		if err != nil {
			panic(err) // plans hold targets that parse
		}
		operate(func(ctx context.Context, m *agent.Mux, id string) error { return m.Assign(ctx, id, t, "ana") })
	case "phone":
		operate(func(ctx context.Context, m *agent.Mux, id string) error {
			return m.AcceptEcho(ctx, agent.Echo{Channel: h.Channel, To: h.Contact, ProviderID: "phone-" + name, Text: "From my phone"})
		})
	case "receipt":
		operate(func(ctx context.Context, m *agent.Mux, id string) error { return st.report(ctx, m, id, h.N) })
	case "resolve again":
		// Somebody who has the list of an hour ago decides on all of it, and
		// otherwise.
		operate(func(ctx context.Context, m *agent.Mux, id string) error {
			for _, call := range st.w.log.calls(id, false) {
				if err := m.Resolve(ctx, call, h.N%3 == 0, "ben"); err != nil && !refused(err) {
					return err
				}
			}
			return nil
		})
	case "resolve":
		operate(func(ctx context.Context, m *agent.Mux, id string) error {
			for _, call := range st.w.log.calls(id, true) {
				if err := m.Resolve(ctx, call, h.N%3 > 0, "ana"); err != nil && !refused(err) {
					return err
				}
			}
			return nil
		})
	default:
		st.accident(h, name, at)
	}
}

// accept is a webhook, and a provider that delivers again until it is told
// that the message is safe.
func (st *storm) accept(ctx context.Context, in frontdesk.Inbound) error {
	return st.insist(func() error {
		err := st.mux(st.web).Accept(ctx, in)
		if err == nil {
			st.w.log.accepted(in)
		}
		return err
	})
}

// report has the channel report on a message of the conversation, whatever
// became of it so far.
func (st *storm) report(ctx context.Context, m *agent.Mux, id string, n int) error {
	var keys []string
	for _, msg := range st.w.log.conversation(id).messages {
		if msg.Direction == frontdesk.DirOutbound && msg.visible > 0 {
			keys = append(keys, msg.ID)
		}
	}
	keys = append(keys, "nothing-that-we-know")
	statuses := []frontdesk.DeliveryStatus{frontdesk.Sent, frontdesk.Delivered, frontdesk.Read, frontdesk.Failed}
	rc := agent.Receipt{Channel: "chat", Key: keys[n%len(keys)], Status: statuses[n/7%4]}
	if n%2 == 0 {
		rc.Key, rc.ProviderID = "", "p-"+rc.Key
	}
	return m.AcceptReceipt(ctx, rc)
}

// accident spawns what happens to the program and its surroundings.
func (st *storm) accident(h Happening, name string, at time.Time) {
	w := st.w
	run := func(do func()) {
		st.spawn(name, false, at, func(context.Context) error {
			st.cover(h.Kind)
			w.log.add(Event{Op: h.Kind, Text: strings.TrimSpace(h.Text + " " + h.For.String())})
			do()
			return nil
		})
	}
	switch h.Kind {
	case "save":
		run(func() { st.version = (st.version + 1) % versions })
	case "freeze":
		run(func() { st.processes[h.N-1].frozen = w.truth().Add(h.For) })
	case "outage":
		st.outages = append(st.outages, h)
		run(func() {})
	case "jump":
		d, err := time.ParseDuration(h.Text)
		if err != nil {
			panic(err) // plans hold durations that parse
		}
		run(func() {
			st.jumps = append(st.jumps, jump{w.truth(), d})
			w.now, w.skew = w.now.Add(d), w.skew+d
			w.sched.rouse(w.truth())
		})
	default:
		panic("sim: a plan with an unknown happening: " + h.Kind)
	}
}

// delivered sets off what a channel does when it has shown a message: it
// echoes it, and reports on it, in any order.
func (st *storm) delivered(msg agent.Outbound, receipt agent.SendReceipt) {
	if cue := st.plan.Echo; cue != nil {
		e := agent.Echo{Channel: msg.Channel, To: msg.To, ProviderID: receipt.ProviderID, Text: msg.Text}
		if cue.Changed {
			e.Text = strings.ToUpper(e.Text)
		}
		st.worth++
		st.spawn(fmt.Sprintf("our echo-%d", st.worth), false, st.w.truth().Add(cue.After), func(ctx context.Context) error {
			return st.insist(func() error { return st.mux(st.web).AcceptEcho(ctx, e) })
		})
		return
	}
	if st.calm() {
		return
	}
	root := st.w.sched.current
	after := func(what string, h uint64, do func(ctx context.Context, m *agent.Mux) error) {
		st.worth++
		var a *actor
		a = st.spawn(fmt.Sprintf("%s-%d", what, st.worth), false, st.w.truth().Add(time.Duration(h%40000)*time.Millisecond), func(ctx context.Context) error {
			a.conversation = msg.ConversationID
			st.cover(what)
			return st.insist(func() error { return do(ctx, st.mux(st.web)) })
		})
	}
	if h, ok := st.chance(root, "our echo", 4); ok {
		e := agent.Echo{Channel: msg.Channel, To: msg.To, ProviderID: receipt.ProviderID, Text: msg.Text}
		if h>>30%2 == 0 {
			e.Key = msg.Key
		}
		after("our echo", h, func(ctx context.Context, m *agent.Mux) error { return m.AcceptEcho(ctx, e) })
	}
	for _, status := range []frontdesk.DeliveryStatus{frontdesk.Delivered, frontdesk.Read, frontdesk.Failed} {
		if h, ok := st.chance(root, "receipt "+string(status), 6); ok {
			rc := agent.Receipt{Channel: msg.Channel, ProviderID: receipt.ProviderID, Status: status}
			if h>>30%2 == 0 {
				rc.Key = msg.Key
			}
			after("receipt "+string(status), h, func(ctx context.Context, m *agent.Mux) error { return m.AcceptReceipt(ctx, rc) })
		}
	}
}
