package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

// deskStore is a store that can be looked through: ours all can.
type deskStore interface {
	agent.Store
	agent.Desk
}

// withStore runs f with a store in memory, or with that of a file, which keeps
// everything for the next run.
func withStore(file string, f func(deskStore) error) error {
	if file == "" {
		return f(memstore.New())
	}
	store, err := sqlitestore.Open(file, nil)
	if err != nil {
		return err
	}
	return errors.Join(f(store), store.Close())
}

// progress is how far a day has been played, as its store tells: it needs no
// notes of its own, and knows no more than what was committed.
type progress struct {
	inbound int       // messages of contacts
	helps   int       // messages of humans
	answers int       // answers of the model, those of a turn that was cut off among them
	last    time.Time // of anything
	cut     bool      // something was cut off: the run was killed
}

// progressOf looks through a store.
func progressOf(ctx context.Context, desk agent.Desk) (p progress, err error) {
	for q := (agent.ConversationQuery{Channel: "whatsapp"}); ; {
		page, err := desk.Conversations(ctx, q)
		if err != nil {
			return p, err
		}
		for _, l := range page.Items {
			e, err := desk.Export(ctx, l.Conversation.ContactID)
			if err != nil {
				return p, err
			}
			for _, c := range e.Conversations {
				p.add(c)
			}
		}
		if page.Next == "" {
			return p, nil
		}
		q.Cursor = page.Next
	}
}

// add counts what there is of a conversation.
func (p *progress) add(c agent.ExportedConversation) {
	for _, m := range c.Messages {
		switch {
		case m.Direction == frontdesk.DirInbound:
			p.inbound++
		case m.Direction == frontdesk.DirOutbound && m.Author.Kind == frontdesk.AuthorUser:
			p.helps++
		}
		p.saw(m.At)
		p.saw(m.SettledAt)
	}
	for _, t := range c.Tasks {
		// At an end of its own, a run leaves nothing but follow-ups.
		p.cut = p.cut || t.Kind != agent.TaskFollowUp
	}
	for _, t := range c.Turns {
		if t.Record != nil {
			p.answers += t.Record.Rounds
			p.saw(t.Record.Ended)
			continue
		}
		for _, e := range t.Journal {
			if e.Kind == agent.EntryAnswer {
				p.answers++
			}
		}
	}
}

func (p *progress) saw(t time.Time) {
	if t.After(p.last) {
		p.last = t
	}
}
