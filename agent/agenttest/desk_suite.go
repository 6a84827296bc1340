package agenttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// DeskStore is what TestDesk tests: a Store that is a Desk too.
type DeskStore interface {
	agent.Store
	agent.Desk
}

// DeskHarness is a DeskStore to test.
type DeskHarness struct {
	Store DeskStore
	// Bytes returns all that the store keeps, wherever it keeps it: the
	// content of its files, or what stands in its memory. Nil: the promises
	// that deletion leaves no bytes are skipped.
	Bytes func() []byte
}

// TestDesk tests that a Store keeps the contract of agent.Desk. Open returns
// an empty store for each promise; what it holds is given back with
// t.Cleanup. A failure prints the promise that was broken. Run TestStore over
// it too.
func TestDesk(t *testing.T, open func(t *testing.T) DeskHarness) {
	for _, p := range deskPromises() {
		t.Run(p.name, func(t *testing.T) {
			h := open(t)
			if h.Store == nil {
				t.Fatal("agenttest: the harness has no Store: set DeskHarness.Store")
			}
			judge(t, "a Desk", p.promise, p.check(h))
		})
	}
}

// deskPromise is one promise of the contract.
type deskPromise struct {
	name    string
	promise string // completes "a Desk …"
	run     func(c *deskCase)
}

func deskPromises() []deskPromise {
	return slices.Concat(listPromises, historyPromises, exportPromises, deletePromises)
}

// check runs a promise and returns how it was broken.
func (p deskPromise) check(h DeskHarness) (err error) {
	c := &deskCase{
		storeCase: storeCase{Store: h.Store, ctx: context.Background(), now: time.Date(2025, 3, 10, 9, 0, 0, 0, time.UTC)},
		desk:      h.Store, bytes: h.Bytes,
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(caseOver); !ok {
				c.Errorf("panic, in the store or over what it gave: %v\n%s", r, debug.Stack())
			}
		}
		err = errors.Join(c.faults...)
	}()
	p.run(c)
	return nil
}

// deskCase is a running promise.
type deskCase struct {
	storeCase
	desk  agent.Desk
	bytes func() []byte
}

// list asks for a page that has to be given.
func (c *deskCase) list(q agent.ConversationQuery) agent.Page[agent.Listed] {
	page, err := c.desk.Conversations(c.ctx, q)
	if err != nil {
		c.failf("Conversations(%s) returned %v", canon(q), err)
	}
	c.within(len(page.Items), q.Limit)
	return page
}

// page asks for a page of messages that has to be given.
func (c *deskCase) page(q agent.MessageQuery) agent.Page[frontdesk.Message] {
	page, err := c.desk.Messages(c.ctx, q)
	if err != nil {
		c.failf("Messages(%s) returned %v", canon(q), err)
	}
	c.within(len(page.Items), q.Limit)
	return page
}

func (c *deskCase) within(n, limit int) {
	if n > agent.PageLimit(limit) {
		c.failf("a page holds %d items with the Limit %d; expected at most %d", n, limit, agent.PageLimit(limit))
	}
}

// walk goes over all pages of a list, and does something after each.
func (c *deskCase) walk(q agent.ConversationQuery, after func(page int)) (out []string) {
	for n := 1; ; n++ {
		page := c.list(q)
		out = append(out, idsOf(page)...)
		if page.Next == "" {
			return out
		}
		if n > 1000 {
			c.failf("a list has more than 1,000 pages of %d: Next never ends", q.Limit)
		}
		if after != nil {
			after(n)
		}
		q.Cursor = page.Next
	}
}

// read goes over all pages of messages, and does something after each.
func (c *deskCase) read(q agent.MessageQuery, after func(page int)) (out []string) {
	for n := 1; ; n++ {
		page := c.page(q)
		for _, m := range page.Items {
			out = append(out, m.ID)
		}
		if page.Next == "" {
			return out
		}
		if n > 1000 {
			c.failf("a list has more than 1,000 pages of %d: Next never ends", q.Limit)
		}
		if after != nil {
			after(n)
		}
		q.Cursor = page.Next
	}
}

func idsOf(page agent.Page[agent.Listed]) []string {
	var out []string
	for _, l := range page.Items {
		out = append(out, l.Conversation.ID)
	}
	return out
}

// wrote stores a conversation whose contact wrote last some seconds from the
// start, with changes.
func (c *deskCase) wrote(id string, seconds int, change ...func(*frontdesk.Conversation)) {
	v := opened(id)
	v.LastInbound = c.at(seconds)
	for _, f := range change {
		f(v)
	}
	c.commit("a conversation", agent.Commit{Contact: person(id), Conversation: v})
}

// change changes a stored conversation.
func (c *deskCase) change(id string, f func(*frontdesk.Conversation)) {
	v := c.stored(id)
	f(&v)
	c.commit("a change of a conversation", agent.Commit{Conversation: &v})
}

// pending asks for what waits.
func (c *deskCase) pending(id string) agent.Pending {
	p, err := c.desk.Pending(c.ctx, id)
	if err != nil {
		c.failf("Pending(%q) returned %v", id, err)
	}
	return p
}

// export exports a contact that has to be there.
func (c *deskCase) export(contactID string) *agent.Export {
	e, err := c.desk.Export(c.ctx, contactID)
	if err != nil {
		c.failf("Export(%q) returned %v", contactID, err)
	}
	if e == nil {
		c.failf("Export(%q) returned nothing and no error", contactID)
	}
	return e
}

// delete deletes contacts, which has to succeed.
func (c *deskCase) delete(contactIDs ...string) {
	if err := c.desk.Delete(c.ctx, contactIDs...); err != nil {
		c.failf("Delete(%q) returned %v", contactIDs, err)
	}
}

// whole is a contact of whom there is one of everything, on two channels, and
// what an export of it has to give. Every text of theirs holds the mark.
type whole struct {
	mark     string
	contact  string
	ids      []string // of the conversations
	calls    []string
	turns    []string
	keys     []string // of deduplication
	provider []frontdesk.Identity
	export   agent.Export
}

// whole stores such a contact. Its conversations are open and of user "ann".
func (c *deskCase) whole(id string) *whole {
	mark := "mark-" + id + "-mark"
	w := &whole{mark: mark, contact: mark + "-contact"}
	p := marked[frontdesk.Contact](1, mark)
	p.ID, p.Version = w.contact, 0
	p.Identities = []frontdesk.Identity{{Channel: "chat", Address: mark + "-1"}, {Channel: "mail", Address: mark + "-2"}, {Channel: "old", Address: mark + "-3"}}
	c.commit("a contact", agent.Commit{Contact: &p})
	p.Version = 1
	w.export.Contact = p
	for i, channel := range []string{"chat", "mail"} {
		w.export.Conversations = append(w.export.Conversations, c.wholeConversation(w, i, channel))
	}
	return w
}

func (c *deskCase) wholeConversation(w *whole, i int, channel string) agent.ExportedConversation {
	id := fmt.Sprintf("%s-%d", w.mark, i+1)
	v := marked[frontdesk.Conversation](2+i, w.mark)
	v.ID, v.ContactID, v.Channel, v.Status, v.Version = id, w.contact, channel, frontdesk.Open, 0
	v.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
	e := agent.ExportedConversation{Conversation: v}
	turnID := id + "-turn"
	commit := agent.Commit{Conversation: &v, Dedupe: map[string]string{}}
	for seq, status := range []frontdesk.DeliveryStatus{"", frontdesk.Sent, frontdesk.Failed, frontdesk.Unknown, frontdesk.Queued} {
		m := marked[frontdesk.Message](10*i+seq+4, w.mark)
		m.ID, m.ConversationID, m.Seq, m.TurnID, m.Disposition, m.Status = fmt.Sprintf("%s-m%d", id, seq+1), id, int64(seq+1), turnID, "", status
		if m.Direction = frontdesk.DirOutbound; status == "" {
			m.Direction, m.TurnID = frontdesk.DirInbound, ""
		}
		commit.Messages = append(commit.Messages, m)
		commit.Dedupe["key\x1f"+m.ID] = m.ID
		w.keys = append(w.keys, "key\x1f"+m.ID)
		w.provider = append(w.provider, frontdesk.Identity{Channel: channel, Address: m.ProviderID})
	}
	e.Messages = commit.Messages
	turn := marked[agent.Turn](50+i, w.mark)
	turn.ID, turn.ConversationID = turnID, id
	commit.Turns = []agent.Turn{turn}
	running := agent.ExportedTurn{ID: id + "-turn-running"}
	ended := agent.ExportedTurn{ID: turnID, Record: &turn}
	for n := 1; n <= 3; n++ {
		for _, t := range []*agent.ExportedTurn{&ended, &running} {
			r := marked[agent.Entry](60+n, w.mark)
			r.TurnID, r.N = t.ID, n
			commit.Journal = append(commit.Journal, r)
			t.Journal = append(t.Journal, agent.ExportedEntry{N: n, Kind: r.Kind, At: r.At, Data: r.Data})
		}
	}
	e.Turns = []agent.ExportedTurn{ended, running}
	for n, kind := range []agent.TaskKind{agent.TaskSend, agent.TaskFollowUp, agent.TaskTurn, agent.TaskApproval, agent.TaskEcho} {
		t := marked[agent.Task](70+n, w.mark)
		t.ConversationID, t.Kind, t.Due = id, kind, c.at(60+n)
		if kind == agent.TaskEcho {
			t.Due = time.Time{}
		}
		commit.Put = append(commit.Put, t)
	}
	e.Tasks = commit.Put
	for n, status := range []agent.ApprovalStatus{agent.ApprovalPending, agent.ApprovalRefused, agent.ApprovalPending} {
		a := marked[agent.Approval](80+n, w.mark)
		a.ID, a.ConversationID, a.Status = fmt.Sprintf("%s-call%d", id, n+1), id, status
		commit.Approvals = append(commit.Approvals, a)
		w.calls = append(w.calls, a.ID)
	}
	e.Approvals = commit.Approvals
	c.commit("a conversation with one of everything", commit)
	e.Version = 1
	w.ids, w.turns = append(w.ids, id), append(w.turns, ended.ID, running.ID)
	return e
}

// found reads all that may be read of a contact in any way, but what Export
// gives.
func (c *deskCase) found(w *whole) []string {
	var out []string
	read := func(q agent.Query) {
		v := c.load(q)
		out = append(out, canon(q)+": "+canon(v))
	}
	for _, i := range w.export.Contact.Identities {
		read(agent.Query{Identity: i, History: 100, Turns: true, Waiting: true, Outbox: true, Tasks: true})
	}
	for _, id := range w.ids {
		read(agent.Query{ConversationID: id, History: 100, Turns: true, Waiting: true, Outbox: true, Tasks: true})
		for _, turn := range w.turns {
			read(agent.Query{ConversationID: id, TurnID: turn})
		}
		out = append(out, "messages of "+id+": "+canon(c.page(agent.MessageQuery{ConversationID: id})))
		out = append(out, "pending of "+id+": "+canon(c.pending(id)))
	}
	for _, e := range w.export.Conversations {
		for _, m := range e.Messages {
			read(agent.Query{MessageID: m.ID})
		}
	}
	for _, p := range w.provider {
		read(agent.Query{ProviderID: p.Address, Identity: frontdesk.Identity{Channel: p.Channel}})
	}
	for _, id := range w.calls {
		read(agent.Query{CallID: id})
	}
	for _, key := range w.keys {
		read(agent.Query{DedupeKey: key})
	}
	out = append(out, "their conversations: "+canon(c.list(agent.ConversationQuery{ContactID: w.contact})))
	return out
}

// needsBytes ends a promise about bytes where the harness shows none.
func (c *deskCase) needsBytes() {
	if c.bytes == nil {
		c.faults = append(c.faults, untested("DeskHarness.Bytes is nil, so there is nothing to search"))
		panic(caseOver{})
	}
}

// searched fails if the store holds any byte of the mark, or none of another.
// Without Bytes it sees nothing: a promise that is about bytes begins with
// needsBytes.
func (c *deskCase) searched(gone, there string) {
	if c.bytes == nil {
		return
	}
	data := c.bytes()
	if !bytes.Contains(data, []byte(there)) {
		c.failf("DeskHarness.Bytes does not hold %q, which the store holds: it does not return everything", there)
	}
	if at := bytes.Index(data, []byte(gone)); at >= 0 {
		c.failf("of a deleted contact there are still bytes in the store, %d times %q, first at %d: …%q…",
			bytes.Count(data, []byte(gone)), gone, at, data[max(0, at-40):min(len(data), at+80)])
	}
}
