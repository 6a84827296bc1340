package agenttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// exportPromises are about Export.
var exportPromises = []deskPromise{
	// S13.2: everything, as JSON.
	{"export/everything", "exports everything about a contact, and nothing of anybody else", func(c *deskCase) {
		b := c.whole("b")
		a := c.whole("a")
		c.whole("c")
		got := c.export(a.contact)
		c.equal("the contact", a.export.Contact, got.Contact)
		if len(got.Conversations) != 2 {
			c.failf("the export has %d conversations; expected 2", len(got.Conversations))
		}
		for i, want := range a.export.Conversations {
			have := got.Conversations[i]
			c.equal("the conversation", want.Conversation, have.Conversation)
			c.equal("the messages", want.Messages, have.Messages)
			c.equal("the turns", want.Turns, have.Turns)
			for j, t := range want.Turns {
				for k, e := range t.Journal {
					if have := have.Turns[j].Journal[k].Data; string(have) != string(e.Data) {
						c.failf("the data of a journal row is %s; expected %s, byte for byte", have, e.Data)
					}
				}
			}
			c.equal("the tasks", want.Tasks, have.Tasks)
			c.equal("the approvals", want.Approvals, have.Approvals)
		}
		c.equal("the export", a.export, got)
		if text := canon(got); strings.Contains(text, b.mark) {
			c.failf("the export of one contact names another: %s", shortenAround(text, ""))
		}
	}},
	{"export/json", "gives an export that marshals to JSON and back", func(c *deskCase) {
		w := c.whole("a")
		got := c.export(w.contact)
		data, err := json.Marshal(got)
		if err != nil {
			c.failf("json.Marshal of an export returned %v", err)
		}
		var back agent.Export
		if err := json.Unmarshal(data, &back); err != nil {
			c.failf("json.Unmarshal of an export returned %v", err)
		}
		c.equal("the export from JSON", w.export, back)
	}},
	{"export/bare", "exports a contact without a conversation, and one without anything in it", func(c *deskCase) {
		c.commit("a contact", agent.Commit{Contact: person("a")})
		p := person("a")
		p.Version = 1
		c.equal("the export", agent.Export{Contact: *p}, c.export("contact-a"))
		v := c.conversation("b")
		p = person("b")
		p.Version = 1
		c.equal("the export", agent.Export{Contact: *p, Conversations: []agent.ExportedConversation{{Conversation: v}}}, c.export("contact-b"))
	}},
	{"export/unknown", "says that there is no such contact", func(c *deskCase) {
		c.conversation("a")
		for _, id := range []string{"", "a", "contact-b", "Contact-a"} {
			e, err := c.desk.Export(c.ctx, id)
			c.is(fmt.Sprintf("Export(%q)", id), err, agent.ErrNoContact)
			if e != nil {
				c.failf("Export(%q) gave an error and %s", id, canon(e))
			}
		}
	}},
	{"export/order", "exports conversations by when they were made", func(c *deskCase) {
		c.commit("a contact", agent.Commit{Contact: person("a")})
		for i, id := range []string{"late", "early", "b", "a"} {
			v := *opened(id)
			v.ContactID, v.Channel = "contact-a", "channel "+id
			if v.Created = c.at(-10 * i); id == "a" {
				v.Created = c.at(-20) // with b
			}
			c.commit("a conversation", agent.Commit{Conversation: &v})
		}
		var got []string
		for _, v := range c.export("contact-a").Conversations {
			got = append(got, v.ID)
		}
		c.equal("conversations", []string{"a", "b", "early", "late"}, got)
	}},
}

// deletePromises are about Delete.
var deletePromises = []deskPromise{
	// S13.1
	{"delete/everything", "leaves nothing of a deleted contact that could be read", func(c *deskCase) {
		w := c.whole("a")
		for _, line := range c.found(w) {
			if isNothing(line) && !strings.Contains(line, "mark-3") && !strings.Contains(line, "-turn\"") && !strings.Contains(line, "-turn-running\"") {
				c.failf("before the deletion, nothing is found by %s", line)
			}
		}
		c.delete(w.contact)
		for _, line := range c.found(w) {
			if !isNothing(line) {
				c.failf("after the deletion there is still, by %s", line)
			}
		}
		_, err := c.desk.Export(c.ctx, w.contact)
		c.is("Export of a deleted contact", err, agent.ErrNoContact)
		c.equal("conversations", nil, c.walk(agent.ConversationQuery{}, nil))
		c.equal("conversations with approvals", nil, c.walk(agent.ConversationQuery{AwaitsApproval: true}, nil))
		c.equal("undelivered messages", nil, c.read(agent.MessageQuery{Undelivered: true}, nil))
	}},
	{"delete/others", "leaves everything of all other contacts as it was", func(c *deskCase) {
		first, a, last := c.whole("1"), c.whole("a"), c.whole("2")
		c.conversation("b", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "b", agent.TaskTurn).Fence
		rotation := agent.Rotation{Name: "team:sales", Last: "ann"}
		c.commit("a rotation", agent.Commit{Rotations: []agent.Rotation{rotation}})
		state := func(w *whole) string {
			return strings.Join(c.found(w), "\n") + canon(c.export(w.contact))
		}
		before, after := state(first), state(last)
		c.delete(a.contact)
		c.equal("a contact that was there before", before, state(first))
		c.equal("a contact that came later", after, state(last))
		rotation.Version = 1
		c.equal("the rotation", rotation, c.load(agent.Query{Rotations: []string{"team:sales"}}).Rotations["team:sales"])
		c.equal("conversations", []string{first.ids[0], first.ids[1], last.ids[0], last.ids[1], "b"},
			sortedLike(c.walk(agent.ConversationQuery{}, nil), first.ids[0], first.ids[1], last.ids[0], last.ids[1], "b"))
		c.append(agent.Append{Fence: fence, Rows: []agent.Entry{entry("turn", 1)}})
		c.claimed(byID(c.claim(c.at(60), 10)), "b/turn", first.ids[0]+"/send", first.ids[1]+"/send", last.ids[0]+"/send", last.ids[1]+"/send")
	}},
	{"delete/stops", "leaves no task to claim, and no time at which there will be one", func(c *deskCase) {
		w := c.whole("a")
		c.claim(c.at(60), 1) // leased while it is deleted
		c.delete(w.contact)
		got := c.claim(c.at(1_000_000), 100)
		c.claimed(got)
		c.next(got, time.Time{})
		got = c.claimOf(w.ids[0], c.at(1_000_000))
		c.claimed(got)
		c.next(got, time.Time{})
	}},
	{"delete/fences", "breaks every fence of a deleted contact, for good", func(c *deskCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskSend, c.at(0)))
		claimed := c.claimOf("a", c.at(0))
		c.equal("tasks claimed", 2, len(claimed.Tasks))
		conv := c.stored("a")
		c.delete("contact-a")
		broken := func(when string) {
			for _, t := range claimed.Tasks {
				f := t.Fence
				c.is(when+": Append", c.Append(c.ctx, agent.Append{Fence: f, Until: c.at(100), Rows: []agent.Entry{entry("turn", 1)}}), agent.ErrFenced)
				c.is(when+": renewal", c.Append(c.ctx, agent.Append{Fence: f, Until: c.at(100)}), agent.ErrFenced)
				c.is(when+": release", c.Commit(c.ctx, agent.Commit{Fence: &f, Release: true}), agent.ErrFenced)
				c.is(when+": Commit", c.Commit(c.ctx, agent.Commit{
					Fence: &f, Conversation: &conv, Messages: []frontdesk.Message{inbound("a", 1)}, Put: []agent.Task{{ConversationID: "a", Kind: agent.TaskTurn, Due: c.at(0)}},
				}), agent.ErrFenced)
			}
		}
		broken("after the deletion")
		c.conversation("b", turnTask(c.at(0)), task(agent.TaskSend, c.at(0)))
		c.claimOf("b", c.at(0))
		broken("after another contact came")
		c.equal("the conversation", agent.View{}, c.all("a"))
	}},
	{"delete/writes", "lets nobody write to a contact or conversation that is gone", func(c *deskCase) {
		conv := c.conversation("a")
		p := *c.load(agent.Query{ConversationID: "a"}).Contact
		c.delete("contact-a")
		c.is("a change of the conversation", c.Commit(c.ctx, agent.Commit{Conversation: &conv, Messages: []frontdesk.Message{inbound("a", 1)}}), agent.ErrConflict)
		c.is("a change of the contact", c.Commit(c.ctx, agent.Commit{Contact: &p}), agent.ErrConflict)
		c.is("a change of both", c.Commit(c.ctx, agent.Commit{Contact: &p, Conversation: &conv}), agent.ErrConflict)
		if err := c.Commit(c.ctx, agent.Commit{Messages: []frontdesk.Message{inbound("a", 1)}}); err == nil {
			c.failf("a message for a conversation that is gone was taken")
		}
		fresh := *opened("a")
		if err := c.Commit(c.ctx, agent.Commit{Conversation: &fresh}); err == nil {
			c.failf("a new conversation for a contact who is gone was taken")
		}
		c.equal("the conversation", agent.View{}, c.all("a"))
		c.equal("the message", agent.View{}, c.load(agent.Query{MessageID: "a-1"}))
		c.equal("the contact by identity", agent.View{}, c.load(agent.Query{Identity: identity("a")}))
	}},
	{"delete/loads", "takes the open conversations of a deleted contact off the users' numbers, and moves the load version", func(c *deskCase) {
		ann := assigned(frontdesk.AssigneeUser, "ann")
		c.whole("a") // two of them
		c.wrote("b", 1, ann)
		c.wrote("closed", 1, ann, func(v *frontdesk.Conversation) { v.Status = frontdesk.Closed })
		c.wrote("agents", 1, assigned(frontdesk.AssigneeAgent, "ann"))
		before := c.load(agent.Query{Loads: true})
		c.equal("loads", []agent.Load{{UserID: "ann", Open: 3}}, before.Loads)
		c.delete("contact-closed")
		c.delete("contact-agents")
		v := c.load(agent.Query{Loads: true})
		c.equal("loads after contacts without an open conversation", before, v)
		c.delete("mark-a-mark-contact")
		v = c.load(agent.Query{Loads: true, LoadsSince: before.LoadVersion})
		c.equal("loads that changed", []agent.Load{{UserID: "ann", Open: 1}}, v.Loads)
		if v.LoadVersion <= before.LoadVersion {
			c.failf("the load version went from %d to %d; expected it to rise", before.LoadVersion, v.LoadVersion)
		}
		conv := c.stored("b")
		c.is("a choice from before", c.Commit(c.ctx, agent.Commit{Conversation: &conv, Loads: &before.LoadVersion}), agent.ErrConflict)
		c.delete("contact-b")
		c.equal("loads at the end", []agent.Load{{UserID: "ann", Open: 0}}, c.load(agent.Query{Loads: true, LoadsSince: v.LoadVersion}).Loads)
	}},
	{"delete/again", "deletes once; again, or somebody who never was, changes nothing and is no error", func(c *deskCase) {
		w, other := c.whole("a"), c.whole("b")
		c.delete(w.contact)
		before := strings.Join(c.found(other), "\n") + canon(c.load(agent.Query{Loads: true}))
		for range 2 {
			c.delete(w.contact)
			c.delete("nobody")
			c.delete("")
		}
		c.equal("another contact", before, strings.Join(c.found(other), "\n")+canon(c.load(agent.Query{Loads: true})))
	}},
	{"delete/several", "deletes several contacts in one call, in which one may be twice or nobody", func(c *deskCase) {
		a, b, stays := c.whole("a"), c.whole("b"), c.whole("stays")
		before := strings.Join(c.found(stays), "\n")
		c.delete()
		c.equal("a contact after a deletion of nobody", a.export, c.export(a.contact))
		c.delete(a.contact, "nobody", b.contact, a.contact)
		for _, line := range append(c.found(a), c.found(b)...) {
			if !isNothing(line) {
				c.failf("after the deletion there is still, by %s", line)
			}
		}
		c.equal("another contact", before, strings.Join(c.found(stays), "\n"))
		c.equal("loads", []agent.Load{{UserID: "ann", Open: 2}}, c.load(agent.Query{Loads: true}).Loads)
		c.searched(a.mark, stays.mark)
		c.searched(b.mark, stays.mark)
	}},
	{"delete/anew", "takes the same identity, dedupe keys and IDs for new ones afterwards", func(c *deskCase) {
		for n := range 3 {
			w := c.whole("a") // the same from top to toe
			c.equal(fmt.Sprintf("the contact, for the %d. time", n+1), w.export, c.export(w.contact))
			got := byID(c.claim(c.at(60), 10))
			c.claimed(got, w.ids[0]+"/send", w.ids[1]+"/send")
			conv := c.stored(w.ids[0])
			c.commit("a commit under the new fence", agent.Commit{Fence: &got.Tasks[0].Fence, Conversation: &conv, Release: true})
			c.delete(w.contact)
		}
	}},
	{"delete/part", "deletes a contact without conversations, and one with nothing in them", func(c *deskCase) {
		c.commit("a contact", agent.Commit{Contact: person("a")})
		c.conversation("b")
		c.delete("contact-a")
		c.delete("contact-b")
		for _, id := range []string{"a", "b"} {
			c.equal("the contact", agent.View{}, c.load(agent.Query{Identity: identity(id)}))
		}
	}},
	{"delete/bytes", "leaves no byte of a deleted contact anywhere", func(c *deskCase) {
		c.needsBytes()
		w := c.whole("gone")
		stay := c.whole("stay")
		// Whatever changes leaves something behind too.
		for n := range 10 {
			conv := c.stored(w.ids[0])
			conv.Summary = strings.Repeat(fmt.Sprintf("%s summary %d ", w.mark, n), 1+200*(n%3))
			m := w.export.Conversations[0].Messages[4]
			m.Text = strings.Repeat(w.mark+" text ", 1+700*(n%4))
			t := w.export.Conversations[0].Tasks[1]
			t.Trigger.Summary = conv.Summary
			c.commit("a change", agent.Commit{Conversation: &conv, Messages: []frontdesk.Message{m}, Put: []agent.Task{t}, Delete: []agent.TaskKind{agent.TaskEcho}})
		}
		c.delete(w.contact)
		c.searched(w.mark, stay.mark)
	}},
	{"delete/bytes-among", "leaves no byte of those who were deleted among many others who come and go", func(c *deskCase) {
		c.needsBytes()
		var later []string
		for i := range 40 {
			w := c.whole(fmt.Sprintf("%02d", i))
			switch {
			case i%4 == 1 && i < 10:
				c.delete(w.contact)
			case i%4 == 1:
				later = append(later, w.contact)
			}
		}
		c.delete(later...)
		for i := 1; i < 40; i += 4 {
			c.searched(fmt.Sprintf("mark-%02d-mark", i), "mark-00-mark")
		}
	}},
	{"delete/moment", "deletes in one moment: a reader sees everything or nothing", func(c *deskCase) {
		for n := range 4 {
			w := c.whole(fmt.Sprintf("%d", n))
			full := canon(c.load(agent.Query{ConversationID: w.ids[1], History: 100, Turns: true, Waiting: true, Outbox: true, Tasks: true}))
			var wg sync.WaitGroup
			faults := make(chan string, 100)
			begun := make(chan struct{})
			for r := range 3 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := range 8 {
						v, err := c.Load(c.ctx, agent.Query{ConversationID: w.ids[1], History: 100, Turns: true, Waiting: true, Outbox: true, Tasks: true})
						if got := canon(v); err != nil || got != full && got != canon(agent.View{}) {
							faults <- fmt.Sprintf("a reader saw, error %v,\n\t%s", err, shortenAround(got, full))
						}
						e, err := c.desk.Export(c.ctx, w.contact)
						if (err == nil || !errors.Is(err, agent.ErrNoContact)) && canon(e) != canon(w.export) {
							faults <- fmt.Sprintf("an export gave, error %v,\n\t%s", err, shortenAround(canon(e), canon(w.export)))
						}
						if r == 0 && i == 2 {
							close(begun)
						}
					}
				}()
			}
			<-begun
			err := c.desk.Delete(c.ctx, w.contact)
			wg.Wait()
			if err != nil {
				c.failf("Delete while others read returned %v", err)
			}
			c.equal("the conversation", agent.View{}, c.all(w.ids[1]))
			select {
			case f := <-faults:
				c.failf("%s", f)
			default:
			}
		}
	}},
	{"delete/race", "leaves nothing behind when others write all the while", func(c *deskCase) {
		for n := range 5 {
			id := fmt.Sprintf("c%d", n)
			c.conversation(id, turnTask(c.at(0)))
			fence := c.claimOne(c.at(0), id, agent.TaskTurn).Fence
			var wg sync.WaitGroup
			begun := make(chan struct{}, 100)
			loop := func(f func(i int) error) {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := 1; i < 200; i++ {
						if f(i) != nil {
							return
						}
						select {
						case begun <- struct{}{}:
						default:
						}
					}
				}()
			}
			loop(func(i int) error {
				return c.Append(c.ctx, agent.Append{Fence: fence, Rows: []agent.Entry{entry(id+"-turn", i)}})
			})
			loop(func(int) error {
				v, err := c.Load(c.ctx, agent.Query{ConversationID: id})
				if err != nil || v.Conversation == nil {
					return context.Canceled
				}
				conv := *v.Conversation
				conv.LastSeq++
				m := inbound(id, conv.LastSeq)
				err = c.Commit(c.ctx, agent.Commit{
					Conversation: &conv, Messages: []frontdesk.Message{m}, Dedupe: map[string]string{"key " + m.ID: m.ID},
					Put: []agent.Task{{ConversationID: id, Kind: agent.TaskSend, Due: c.at(1)}},
				})
				if errors.Is(err, agent.ErrConflict) {
					return nil
				}
				return err
			})
			for range 10 {
				<-begun
			}
			err := c.desk.Delete(c.ctx, "contact-"+id)
			wg.Wait()
			if err != nil {
				c.failf("Delete while others write returned %v", err)
			}
			c.equal("the conversation", agent.View{}, c.all(id))
			c.equal("its turn", agent.View{}, c.load(agent.Query{ConversationID: id, TurnID: id + "-turn"}))
			for seq := range int64(200) {
				m := inbound(id, seq+1)
				c.equal("a message", agent.View{}, c.load(agent.Query{MessageID: m.ID}))
				c.equal("a key", agent.View{}, c.load(agent.Query{DedupeKey: "key " + m.ID}))
			}
			c.claimed(c.claim(c.at(1_000_000), 10))
		}
	}},
}

// byID sorts tasks that are due at the same time.
func byID(c agent.Claimed) agent.Claimed {
	slices.SortFunc(c.Tasks, func(a, b agent.ClaimedTask) int { return strings.Compare(a.ConversationID, b.ConversationID) })
	return c
}

// isNothing reports whether a line of found says that nothing is there.
func isNothing(line string) bool {
	return strings.HasSuffix(line, ": null") || strings.HasSuffix(line, ": "+canon(agent.View{}))
}

// sortedLike puts a list into an order, what is not in it last.
func sortedLike(list []string, order ...string) []string {
	place := func(s string) int {
		if i := slices.Index(order, s); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b string) int { return place(a) - place(b) })
	return list
}
