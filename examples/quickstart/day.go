package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// monday is the day that is played; offices open at nine.
var monday = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.FixedZone("WIB", 7*3600))

// day plays a day: contacts write at their times, and the clock jumps from
// one thing that is due to the next. Only the model's answers are scripted;
// everything else is the library at work.
type day struct {
	*office
	ctx   context.Context
	desk  agent.Desk
	t     *transcript
	clock *agenttest.FakeClock
	llm   *agenttest.ScriptedLLM
	order []string  // addresses, in the order in which they wrote
	sent  int       // inbound messages so far
	helps int       // replies of humans so far
	title string    // of the part that has not begun yet
	stop  time.Time // when to stop; zero: never
	past  progress  // what an earlier run has played
	err   error     // the first
}

// timeouts are short. What a run that was killed had under way may be taken up
// when its lease is over: by the clock of the day that should be before the next
// contact writes.
var timeouts = agent.Timeouts{LLM: 10 * time.Second, Action: 10 * time.Second, Knowledge: 5 * time.Second, Send: 5 * time.Second, Lease: 20 * time.Second}

// errStopped ends a day before its evening.
var errStopped = errors.New("stopped")

// playDay plays the day in a language and prints it. What the store holds
// already has been played. until ends it early, as hh:mm; empty: never.
func playDay(ctx context.Context, w io.Writer, lang string, store deskStore, until string) error {
	clock := agenttest.NewFakeClock(monday)
	t, err := newTranscript(w, clock, lang)
	if err != nil {
		return err
	}
	d := &day{ctx: ctx, desk: store, t: t, clock: clock, llm: agenttest.Script(nil)}
	if d.office, err = newOffice(lang, d.llm, store, t, clock, timeouts, t.turn); err != nil {
		return err
	}
	if until != "" {
		if d.stop, err = hour(until); err != nil {
			return fmt.Errorf("-until %q: give a time of the day, as 10:33: %w", until, err)
		}
	}
	if d.past, err = progressOf(ctx, store); err != nil {
		return err
	}
	t.compiled(d.agent)
	if d.past.inbound > 0 {
		clock.Set(d.past.last)
		fmt.Fprintf(t.w, "\n(goes on after %s: %d messages of contacts are in the store)\n", d.past.last.In(t.zone).Format("15:04"), d.past.inbound)
	}
	if lang == "en" {
		dayInEnglish(d)
	} else {
		dayInIndonesian(d)
	}
	d.evening()
	if d.err == nil {
		d.err = d.llm.Done() // every answer was asked for
	}
	if errors.Is(d.err, errStopped) {
		fmt.Fprintf(t.w, "\n(stopped at %s)\n", d.clock.Now().In(t.zone).Format("15:04"))
		d.err = nil
	}
	if err := t.w.Flush(); d.err == nil {
		d.err = err
	}
	return d.err
}

// hour is a time of the day that is played.
func hour(hhmm string) (time.Time, error) {
	clock, err := time.Parse("15:04", hhmm)
	return time.Date(monday.Year(), monday.Month(), monday.Day(), clock.Hour(), clock.Minute(), 0, 0, monday.Location()), err
}

// contact is a person who writes.
type contact struct{ address, name string }

// scene begins a part of the day. Its title stands before the first thing that
// happens in it; if that was played already, there is none.
func (d *day) scene(title string) { d.title = title }

// begin is called before something happens, and reports whether it may.
func (d *day) begin() bool {
	switch {
	case d.err != nil:
		return false
	case d.ctx.Err() != nil:
		d.err = errStopped
		return false
	}
	if d.title != "" {
		fmt.Fprintf(d.t.w, "\n--- %s\n", d.title)
		d.title = ""
	}
	return true
}

// answer adds what the model answers next, without what it has answered in an
// earlier run.
func (d *day) answer(steps []agenttest.Step) {
	n := min(d.past.answers, len(steps))
	d.past.answers -= n
	d.llm.Add(steps[n:]...)
}

// at lets time pass until hh:mm. What falls due before is done at its minute;
// steps are what the model answers meanwhile.
func (d *day) at(hhmm string, steps ...agenttest.Step) {
	d.answer(steps)
	until, err := hour(hhmm)
	d.fail(err)
	if !until.After(d.clock.Now()) {
		return // an earlier run came further
	}
	stops := !d.stop.IsZero() && until.After(d.stop)
	if stops {
		until = d.stop
	}
	for d.err == nil {
		due, ok, err := d.mux.NextDue(context.Background())
		if err != nil || !ok || due.After(until) {
			d.fail(err)
			break
		}
		if due.After(d.clock.Now()) {
			d.clock.Set(due)
		}
		if d.begin() {
			_, err = d.mux.RunDue(context.Background())
			d.fail(err)
		}
	}
	if d.err == nil && until.After(d.clock.Now()) {
		d.clock.Set(until)
	}
	if d.err == nil && stops {
		d.err = errStopped
	}
}

// settle ends what an earlier run was killed in the middle of. It may be taken
// up when the lease of that run is over.
func (d *day) settle() {
	now := d.past
	for d.err == nil && now.cut {
		_, err := d.mux.RunDue(context.Background())
		d.fail(err)
		if now, err = progressOf(context.Background(), d.desk); err != nil || !now.cut {
			d.fail(err)
			return
		}
		due, ok, err := d.mux.NextDue(context.Background())
		if err == nil && !ok {
			err = errors.New("something was cut off and cannot be taken up")
		}
		d.fail(err)
		d.clock.Set(due)
	}
}

// says has a contact write. steps are what the model answers.
func (d *day) says(c contact, text string, steps ...agenttest.Step) {
	if _, known := d.t.names[c.address]; !known {
		d.order = append(d.order, c.address)
		d.t.names[c.address] = c.name
		if c.name == "" {
			d.t.names[c.address] = c.address
		}
	}
	d.answer(steps)
	d.sent++
	if d.sent <= d.past.inbound {
		d.title = ""
		if d.sent == d.past.inbound {
			d.settle()
		}
		return
	}
	if !d.begin() {
		return
	}
	d.t.line(d.t.names[c.address], text)
	turn, err := d.mux.Handle(context.Background(), frontdesk.Inbound{
		Channel: "whatsapp", ID: fmt.Sprintf("wamid.%d", d.sent), From: c.address, Name: c.name, Text: text,
	})
	d.fail(err)
	if turn.Exit == agent.ExitNotOurs {
		d.t.detail("= the agent stays silent: %s", turn.Failure)
	}
}

// answers has a human of the workspace write to a contact: the agent is out.
func (d *day) answers(userID string, c contact, text string) {
	d.helps++
	if d.helps <= d.past.helps || !d.begin() {
		return
	}
	v, err := d.load(c.address)
	if err == nil {
		_, err = d.mux.Reply(context.Background(), agent.HumanReply{ConversationID: v.Conversation.ID, UserID: userID, Text: text})
	}
	if err == nil {
		_, err = d.mux.RunDue(context.Background())
	}
	d.fail(err)
}

// evening prints what the store holds when all is done.
func (d *day) evening() {
	d.scene("in the store, in the evening")
	if !d.begin() {
		return
	}
	for _, address := range d.order {
		v, err := d.load(address)
		if err != nil {
			d.fail(err)
			return
		}
		conv := v.Conversation
		fmt.Fprintf(d.t.w, "%-17s %s, stage %q, assigned to %s\n", d.t.names[address], conv.Status, v.Contact.Stage, conv.Assignee.ID)
		for _, id := range []string{"name", "email", "phone", "budget"} {
			if value := v.Contact.Field(id); !value.IsZero() {
				d.t.detail("%s: %s", id, value)
			}
		}
		if conv.Summary != "" {
			d.t.detail("summary: %s", conv.Summary)
		}
	}
}

// load reads the conversation of an address.
func (d *day) load(address string) (agent.View, error) {
	v, err := d.store.Load(context.Background(), agent.Query{Identity: frontdesk.Identity{Channel: "whatsapp", Address: address}})
	if err == nil && v.Conversation == nil {
		err = fmt.Errorf("%s never wrote", address)
	}
	return v, err
}

func (d *day) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// describe says what a step of a ladder does.
func describe(messages []followup.Message, acts []followup.Action) string {
	var parts []string
	for _, m := range messages {
		verb := "like"
		if m.Verbatim {
			verb = "say"
		}
		parts = append(parts, fmt.Sprintf("%s %q", verb, m.Text))
	}
	for _, a := range acts {
		parts = append(parts, strings.TrimSpace(a.Name+" "+a.Value))
	}
	return strings.Join(parts, ", ")
}

// fields are the arguments of update_field: names and values in turn.
func fields(namesAndValues ...string) map[string]any {
	var list []map[string]string
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		list = append(list, map[string]string{"field": namesAndValues[i], "value": namesAndValues[i+1]})
	}
	return map[string]any{"fields": list}
}
