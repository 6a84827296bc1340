package main

import (
	"context"
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
	t     *transcript
	clock *agenttest.FakeClock
	llm   *agenttest.ScriptedLLM
	order []string // addresses, in the order in which they wrote
	sent  int      // inbound messages so far
	err   error    // the first
}

// playDay plays the day in a language and prints it.
func playDay(w io.Writer, lang string) error {
	clock := agenttest.NewFakeClock(monday)
	t, err := newTranscript(w, clock, lang)
	if err != nil {
		return err
	}
	d := &day{t: t, clock: clock, llm: agenttest.Script(nil)}
	if d.office, err = newOffice(lang, d.llm, t, clock, t.turn); err != nil {
		return err
	}
	t.compiled(d.agent)
	if lang == "en" {
		dayInEnglish(d)
	} else {
		dayInIndonesian(d)
	}
	d.evening()
	if d.err == nil {
		d.err = d.llm.Done() // every answer was asked for
	}
	if err := t.w.Flush(); d.err == nil {
		d.err = err
	}
	return d.err
}

// contact is a person who writes.
type contact struct{ address, name string }

// scene begins a part of the day.
func (d *day) scene(title string) { fmt.Fprintf(d.t.w, "\n--- %s\n", title) }

// at lets time pass until hh:mm. What falls due before is done at its minute;
// steps are what the model answers meanwhile.
func (d *day) at(hhmm string, steps ...agenttest.Step) {
	d.llm.Add(steps...)
	clock, err := time.Parse("15:04", hhmm)
	if err != nil {
		d.fail(err)
		return
	}
	until := time.Date(monday.Year(), monday.Month(), monday.Day(), clock.Hour(), clock.Minute(), 0, 0, monday.Location())
	for d.err == nil {
		due, ok, err := d.mux.NextDue(context.Background())
		if err != nil || !ok || due.After(until) {
			d.fail(err)
			break
		}
		d.clock.Set(due)
		_, err = d.mux.RunDue(context.Background())
		d.fail(err)
	}
	d.clock.Set(until)
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
	d.llm.Add(steps...)
	d.t.line(d.t.names[c.address], text)
	d.sent++
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
