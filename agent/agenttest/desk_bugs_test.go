package agenttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// bentDesk is a store of which some methods are replaced.
type bentDesk struct {
	bent
	inner         *memstore.Store
	conversations func(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error)
	messages      func(ctx context.Context, q agent.MessageQuery) (agent.Page[frontdesk.Message], error)
	pending       func(ctx context.Context, id string) (agent.Pending, error)
	export        func(ctx context.Context, id string) (*agent.Export, error)
	remove        func(ctx context.Context, ids ...string) error
}

func newBentDesk() *bentDesk {
	s := memstore.New()
	return &bentDesk{
		bent: bent{Store: s}, inner: s,
		conversations: s.Conversations, messages: s.Messages, pending: s.Pending, export: s.Export, remove: s.Delete,
	}
}

func (b *bentDesk) Conversations(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
	return b.conversations(ctx, q)
}

func (b *bentDesk) Messages(ctx context.Context, q agent.MessageQuery) (agent.Page[frontdesk.Message], error) {
	return b.messages(ctx, q)
}

func (b *bentDesk) Pending(ctx context.Context, id string) (agent.Pending, error) {
	return b.pending(ctx, id)
}

func (b *bentDesk) Export(ctx context.Context, id string) (*agent.Export, error) {
	return b.export(ctx, id)
}

func (b *bentDesk) Delete(ctx context.Context, ids ...string) error { return b.remove(ctx, ids...) }

// removes bends what is done for each contact.
func removes(f func(b *bentDesk, ctx context.Context, id string) error) func(*bentDesk) {
	return func(b *bentDesk) {
		b.remove = func(ctx context.Context, ids ...string) error {
			for _, id := range ids {
				if err := f(b, ctx, id); err != nil {
					return err
				}
			}
			return nil
		}
	}
}

// lists bends the query and the page of Conversations.
func lists(before func(q *agent.ConversationQuery), after func(q agent.ConversationQuery, p *agent.Page[agent.Listed])) func(*bentDesk) {
	return func(b *bentDesk) {
		b.conversations = func(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
			if before != nil {
				before(&q)
			}
			p, err := b.inner.Conversations(ctx, q)
			if after != nil {
				after(q, &p)
			}
			return p, err
		}
	}
}

// reads bends the query and the page of Messages.
func reads(before func(q *agent.MessageQuery), after func(p *agent.Page[frontdesk.Message])) func(*bentDesk) {
	return func(b *bentDesk) {
		b.messages = func(ctx context.Context, q agent.MessageQuery) (agent.Page[frontdesk.Message], error) {
			if before != nil {
				before(&q)
			}
			p, err := b.inner.Messages(ctx, q)
			if after != nil {
				after(&p)
			}
			return p, err
		}
	}
}

func pends(after func(p *agent.Pending)) func(*bentDesk) {
	return func(b *bentDesk) {
		b.pending = func(ctx context.Context, id string) (agent.Pending, error) {
			p, err := b.inner.Pending(ctx, id)
			after(&p)
			return p, err
		}
	}
}

func exports(after func(e *agent.Export)) func(*bentDesk) {
	return func(b *bentDesk) {
		b.export = func(ctx context.Context, id string) (*agent.Export, error) {
			e, err := b.inner.Export(ctx, id)
			if e != nil {
				after(e)
			}
			return e, err
		}
	}
}

// keeps writes something of a deleted contact again after the deletion.
func keeps(part func(e *agent.Export) agent.Commit) func(*bentDesk) {
	return removes(func(b *bentDesk, ctx context.Context, id string) error {
		e, err := b.inner.Export(ctx, id)
		if err != nil {
			return b.inner.Delete(ctx, id)
		}
		if err := b.inner.Delete(ctx, id); err != nil {
			return err
		}
		return b.inner.Commit(ctx, part(e))
	})
}

// anew is the first conversation of an export, and its contact, to be stored
// again.
func anew(e *agent.Export) agent.Commit {
	p := e.Contact
	p.Version = 0
	if len(e.Conversations) == 0 {
		return agent.Commit{Contact: &p}
	}
	v := e.Conversations[0].Conversation
	v.Version = 0
	return agent.Commit{Contact: &p, Conversation: &v}
}

// after does something else besides deleting.
func after(f func(b *bentDesk, e *agent.Export)) func(*bentDesk) {
	return removes(func(b *bentDesk, ctx context.Context, id string) error {
		e, _ := b.inner.Export(ctx, id)
		err := b.inner.Delete(ctx, id)
		if e != nil && err == nil {
			f(b, e)
		}
		return err
	})
}

// deskBugs are stores that are wrong, and promises that see it.
var deskBugs = []struct {
	name   string
	plant  func(*bentDesk)
	broken []string
}{
	{"the assignee is not looked at", lists(func(q *agent.ConversationQuery) { q.Assignee = nil }, nil), []string{"list/filters", "list/changes"}},
	{"nobody means anybody", lists(func(q *agent.ConversationQuery) {
		if q.Assignee != nil && *q.Assignee == (frontdesk.Assignee{}) {
			q.Assignee = nil
		}
	}, nil), []string{"list/filters"}},
	{"the kind of an assignee is not looked at", lists(nil, func(q agent.ConversationQuery, p *agent.Page[agent.Listed]) {
		for i := range p.Items {
			if v := &p.Items[i].Conversation; q.Assignee != nil && v.Assignee.ID == q.Assignee.ID {
				v.Assignee = *q.Assignee
			}
		}
		if q.Assignee != nil && q.Assignee.Kind == frontdesk.AssigneeAgent {
			p.Items = nil
		}
	}), []string{"list/filters"}},
	{"the status is not looked at", lists(func(q *agent.ConversationQuery) { q.Status = "" }, nil), []string{"list/filters", "list/changes"}},
	{"the team is not looked at", lists(func(q *agent.ConversationQuery) { q.TeamID = "" }, nil), []string{"list/filters", "list/changes"}},
	{"teams are compared without case", lists(func(q *agent.ConversationQuery) { q.TeamID = strings.ToLower(q.TeamID) }, nil), []string{"list/filters"}},
	{"waiting is not looked at", lists(func(q *agent.ConversationQuery) { q.AwaitsHuman = false }, nil), []string{"list/filters"}},
	{"approvals are not looked at", lists(func(q *agent.ConversationQuery) { q.AwaitsApproval = false }, nil), []string{"list/approvals"}},
	{"the contact is not looked at", lists(func(q *agent.ConversationQuery) { q.ContactID = "" }, nil), []string{"list/filters"}},
	{"the channel is not looked at", lists(func(q *agent.ConversationQuery) { q.Channel = "" }, nil), []string{"list/filters"}},
	{"the order is not looked at", lists(func(q *agent.ConversationQuery) { q.LongestFirst = false }, nil), []string{"list/filters", "list/order", "list/moving"}},
	{"the order is that of the IDs", lists(nil, func(_ agent.ConversationQuery, p *agent.Page[agent.Listed]) {
		slices.SortFunc(p.Items, func(a, b agent.Listed) int { return strings.Compare(a.Conversation.ID, b.Conversation.ID) })
	}), []string{"list/order", "list/filters"}},
	{"a contact's name alone is listed", lists(nil, func(_ agent.ConversationQuery, p *agent.Page[agent.Listed]) {
		for i := range p.Items {
			p.Items[i].Contact = frontdesk.Contact{ID: p.Items[i].Contact.ID}
		}
	}), []string{"list/fields"}},
	{"pages are of any length", lists(func(q *agent.ConversationQuery) { q.Limit *= 2 }, nil), []string{"list/limit"}},
	{"there is always one more page", lists(nil, func(q agent.ConversationQuery, p *agent.Page[agent.Listed]) {
		if n := len(p.Items); n > 0 && p.Next == "" {
			q.Limit = 1
			p.Next = "MDAwMS0wMS0wMVQwMDowMDowMFoA"
		}
	}), []string{"list/pages"}},
	{"the last page has no Next but more", lists(nil, func(q agent.ConversationQuery, p *agent.Page[agent.Listed]) {
		if len(p.Items) == 12 {
			p.Next = ""
		}
	}), []string{"list/pages"}},
	{"pages are counted, not kept a place of", func(b *bentDesk) {
		// An offset: what is inserted before it shifts the rest.
		b.conversations = func(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
			offset := len(q.Cursor)
			limit := agent.PageLimit(q.Limit)
			q.Cursor, q.Limit = "", 200
			p, err := b.inner.Conversations(ctx, q)
			p.Items = p.Items[min(offset, len(p.Items)):]
			if p.Next = ""; len(p.Items) > limit {
				p.Items, p.Next = p.Items[:limit], strings.Repeat("x", offset+limit)
			}
			return p, err
		}
	}, []string{"list/moving", "list/gone"}},
	{"a cursor is a time alone", func(b *bentDesk) {
		b.conversations = func(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
			from, limit := q.Cursor, agent.PageLimit(q.Limit)
			q.Cursor, q.Limit = "", 200
			p, err := b.inner.Conversations(ctx, q)
			at := func(l agent.Listed) string {
				return l.Conversation.LastInbound.UTC().Format("2006-01-02T15:04:05.000000Z")
			}
			p.Items = slices.DeleteFunc(p.Items, func(l agent.Listed) bool {
				return from != "" && (q.LongestFirst && at(l) <= from || !q.LongestFirst && at(l) >= from)
			})
			if p.Next = ""; len(p.Items) > limit {
				p.Items, p.Next = p.Items[:limit], at(p.Items[limit-1])
			}
			return p, err
		}
	}, []string{"list/pages", "list/order"}},
	{"a bad cursor is the first page", func(b *bentDesk) {
		b.conversations = func(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
			p, err := b.inner.Conversations(ctx, q)
			if err != nil && ctx.Err() == nil {
				q.Cursor = ""
				return b.inner.Conversations(ctx, q)
			}
			return p, err
		}
	}, []string{"list/cursor"}},
	{"lists are of yesterday", func(b *bentDesk) {
		var mu sync.Mutex
		old := map[string]agent.Page[agent.Listed]{}
		b.conversations = func(ctx context.Context, q agent.ConversationQuery) (agent.Page[agent.Listed], error) {
			mu.Lock()
			defer mu.Unlock()
			p, err := b.inner.Conversations(ctx, q)
			if was, ok := old[canon(q)]; ok {
				return was, err
			}
			old[canon(q)] = p
			return p, err
		}
	}, []string{"list/changes", "list/approvals"}},
	{"contexts are not looked at", func(b *bentDesk) {
		b.remove = func(ctx context.Context, ids ...string) error {
			return b.inner.Delete(context.WithoutCancel(ctx), ids...)
		}
	}, []string{"desk/done-context"}},

	{"the history comes oldest first", reads(nil, func(p *agent.Page[frontdesk.Message]) { slices.Reverse(p.Items) }),
		[]string{"history/order", "history/fields", "undelivered/all"}},
	{"a transcript ends after a while", reads(nil, func(p *agent.Page[frontdesk.Message]) {
		if n := len(p.Items); n > 0 && p.Items[n-1].Seq < 300 && p.Items[0].Seq > 100 {
			p.Next = ""
		}
	}), []string{"history/long"}},
	{"After is not looked at", reads(func(q *agent.MessageQuery) { q.After = 0 }, nil), []string{"history/order", "history/growing", "undelivered/all"}},
	{"Before is not looked at", reads(func(q *agent.MessageQuery) { q.Before = 0 }, nil), []string{"history/order"}},
	{"Before is one of them", reads(func(q *agent.MessageQuery) {
		if q.Before > 0 {
			q.Before++
		}
	}, nil), []string{"history/order"}},
	{"history lacks what failed", reads(nil, func(p *agent.Page[frontdesk.Message]) {
		p.Items = slices.DeleteFunc(p.Items, func(m frontdesk.Message) bool { return m.Status == frontdesk.Failed })
	}), []string{"history/fields", "undelivered/all"}},
	{"unknown is not undelivered", reads(nil, func(p *agent.Page[frontdesk.Message]) {
		p.Items = slices.DeleteFunc(p.Items, func(m frontdesk.Message) bool { return m.Status == frontdesk.Unknown })
	}), []string{"undelivered/all"}},
	{"undelivered is of all conversations always", reads(func(q *agent.MessageQuery) {
		if q.Undelivered {
			q.ConversationID = ""
		}
	}, nil), []string{"undelivered/all"}},
	{"all of a conversation is undelivered", reads(func(q *agent.MessageQuery) {
		if q.ConversationID != "" {
			q.Undelivered = false
		}
	}, nil), []string{"undelivered/all"}},
	{"messages of everybody are given", reads(func(q *agent.MessageQuery) {
		if q.ConversationID == "" {
			q.Undelivered = true
		}
	}, nil), []string{"history/required"}},
	{"undelivered messages go by Seq", reads(nil, func(p *agent.Page[frontdesk.Message]) {
		slices.SortFunc(p.Items, func(a, b frontdesk.Message) int { return int(b.Seq - a.Seq) })
	}), []string{"undelivered/all"}},

	{"blocked tasks come first", pends(func(p *agent.Pending) { slices.Reverse(p.Tasks) }), []string{"pending/tasks"}},
	{"blocked tasks are left out", pends(func(p *agent.Pending) {
		p.Tasks = slices.DeleteFunc(p.Tasks, func(t agent.Task) bool { return t.Due.IsZero() })
	}), []string{"pending/tasks"}},
	{"claimed tasks are left out", pends(func(p *agent.Pending) {
		p.Tasks = slices.DeleteFunc(p.Tasks, func(t agent.Task) bool { return t.Attempts == 1 })
	}), []string{"pending/claimed"}},
	{"ladders are left out", pends(func(p *agent.Pending) {
		for i := range p.Tasks {
			p.Tasks[i].Ladder = nil
		}
	}), []string{"pending/tasks"}},
	{"approvals come newest first", pends(func(p *agent.Pending) { slices.Reverse(p.Approvals) }), []string{"pending/approvals"}},
	{"resolved calls are pending", func(b *bentDesk) {
		b.pending = func(ctx context.Context, id string) (agent.Pending, error) {
			p, err := b.inner.Pending(ctx, id)
			if v, _ := b.inner.Load(ctx, agent.Query{ConversationID: id}); v.Contact != nil {
				e, _ := b.inner.Export(ctx, v.Contact.ID)
				for _, c := range e.Conversations {
					if c.ID == id {
						p.Approvals = c.Approvals
					}
				}
			}
			return p, err
		}
	}, []string{"pending/approvals"}},

	{"an export lacks messages", exports(func(e *agent.Export) {
		for i := range e.Conversations {
			e.Conversations[i].Messages = e.Conversations[i].Messages[:min(4, len(e.Conversations[i].Messages))]
		}
	}), []string{"export/everything"}},
	{"an export lacks turns without a record", exports(func(e *agent.Export) {
		for i := range e.Conversations {
			e.Conversations[i].Turns = slices.DeleteFunc(e.Conversations[i].Turns, func(t agent.ExportedTurn) bool { return t.Record == nil })
		}
	}), []string{"export/everything"}},
	{"an export lacks journals", exports(func(e *agent.Export) {
		for i := range e.Conversations {
			for j := range e.Conversations[i].Turns {
				e.Conversations[i].Turns[j].Journal = nil
			}
		}
	}), []string{"export/everything"}},
	{"an export's journal is written anew", exports(func(e *agent.Export) {
		for _, c := range e.Conversations {
			for _, t := range c.Turns {
				for k := range t.Journal {
					var b bytes.Buffer
					if json.Compact(&b, t.Journal[k].Data) == nil {
						t.Journal[k].Data = b.Bytes()
					}
				}
			}
		}
	}), []string{"export/everything"}},
	{"an export lacks tasks", exports(func(e *agent.Export) {
		for i := range e.Conversations {
			e.Conversations[i].Tasks = nil
		}
	}), []string{"export/everything"}},
	{"an export has pending approvals only", exports(func(e *agent.Export) {
		for i := range e.Conversations {
			e.Conversations[i].Approvals = slices.DeleteFunc(e.Conversations[i].Approvals, func(a agent.Approval) bool { return a.Status != agent.ApprovalPending })
		}
	}), []string{"export/everything"}},
	{"an export has one conversation", exports(func(e *agent.Export) { e.Conversations = e.Conversations[:min(1, len(e.Conversations))] }),
		[]string{"export/everything", "export/order"}},
	{"an export's conversations are in any order", exports(func(e *agent.Export) { slices.Reverse(e.Conversations) }),
		[]string{"export/everything", "export/order"}},
	{"an export's journal is no JSON", exports(func(e *agent.Export) {
		for _, c := range e.Conversations {
			for _, t := range c.Turns {
				for k := range t.Journal {
					t.Journal[k].Data = json.RawMessage("{")
				}
			}
		}
	}), []string{"export/json"}},
	{"whoever is not there has an empty export", func(b *bentDesk) {
		b.export = func(ctx context.Context, id string) (*agent.Export, error) {
			e, err := b.inner.Export(ctx, id)
			if errors.Is(err, agent.ErrNoContact) {
				return &agent.Export{}, nil
			}
			return e, err
		}
	}, []string{"export/unknown", "delete/everything"}},

	{"nothing is deleted", func(b *bentDesk) { b.remove = func(context.Context, ...string) error { return nil } },
		[]string{"delete/everything", "delete/stops", "delete/fences", "delete/writes", "delete/loads", "delete/anew", "delete/part", "delete/moment", "delete/race"}},
	{"the contact stays", keeps(func(e *agent.Export) agent.Commit { c := anew(e); c.Conversation = nil; return c }), []string{"delete/everything", "delete/part"}},
	{"a message stays", keeps(func(e *agent.Export) agent.Commit {
		c := anew(e)
		if c.Conversation != nil && len(e.Conversations[0].Messages) > 0 {
			c.Messages = e.Conversations[0].Messages[:1]
		}
		return c
	}), []string{"delete/everything"}},
	{"dedupe keys stay", keeps(func(e *agent.Export) agent.Commit {
		c := agent.Commit{Dedupe: map[string]string{}}
		for _, v := range e.Conversations {
			for _, m := range v.Messages {
				c.Dedupe["key\x1f"+m.ID] = m.ID
			}
		}
		return c
	}), []string{"delete/everything", "delete/anew"}},
	{"approvals stay", func(b *bentDesk) {
		var gone []agent.Approval
		after(func(_ *bentDesk, e *agent.Export) {
			for _, v := range e.Conversations {
				gone = append(gone, v.Approvals...)
			}
		})(b)
		views(func(q agent.Query, v *agent.View) {
			for i := range gone {
				if gone[i].ID == q.CallID {
					v.Approval = &gone[i]
				}
			}
		})(&b.bent)
	}, []string{"delete/everything"}},
	{"tasks stay", keeps(func(e *agent.Export) agent.Commit {
		c := anew(e)
		if c.Conversation != nil {
			c.Put = e.Conversations[0].Tasks
		}
		return c
	}), []string{"delete/stops", "delete/race"}},
	{"another contact goes too", after(func(b *bentDesk, _ *agent.Export) {
		p, _ := b.inner.Conversations(context.Background(), agent.ConversationQuery{Limit: 1})
		for _, l := range p.Items {
			_ = b.inner.Delete(context.Background(), l.Contact.ID)
		}
	}), []string{"delete/others"}},
	{"a task of another contact goes too", after(func(b *bentDesk, _ *agent.Export) {
		p, _ := b.inner.Conversations(context.Background(), agent.ConversationQuery{})
		for _, l := range p.Items {
			_ = b.inner.Commit(context.Background(), agent.Commit{Conversation: &l.Conversation, Delete: []agent.TaskKind{agent.TaskEcho}})
		}
	}), []string{"delete/others"}},
	{"fences hold", func(b *bentDesk) {
		gone := map[string]bool{}
		after(func(_ *bentDesk, e *agent.Export) {
			for _, v := range e.Conversations {
				gone[v.ID] = true
			}
		})(b)
		b.bent.append = func(ctx context.Context, a agent.Append) error {
			if err := b.inner.Append(ctx, a); err == nil || !gone[a.Fence.ConversationID] {
				return err
			}
			return nil
		}
	}, []string{"delete/fences"}},
	{"a conversation comes back by a commit", func(b *bentDesk) {
		refused(agent.ErrConflict, func(_ *bent, c *agent.Commit) {
			if c.Conversation != nil && c.Contact != nil {
				v, p := *c.Conversation, *c.Contact
				v.Version, p.Version = 0, 0
				c.Conversation, c.Contact = &v, &p
			}
		})(&b.bent)
	}, []string{"delete/writes"}},
	{"loads do not go down", func(b *bentDesk) {
		extra := 0
		after(func(_ *bentDesk, e *agent.Export) {
			for _, v := range e.Conversations {
				if v.Status == frontdesk.Open && v.Assignee.Kind == frontdesk.AssigneeUser {
					extra++
				}
			}
		})(b)
		views(func(_ agent.Query, v *agent.View) {
			for i := range v.Loads {
				v.Loads[i].Open += extra
			}
		})(&b.bent)
	}, []string{"delete/loads"}},
	{"closed conversations are taken off the loads", func(b *bentDesk) {
		less := 0
		after(func(_ *bentDesk, e *agent.Export) {
			for _, v := range e.Conversations {
				if v.Status == frontdesk.Closed {
					less++
				}
			}
		})(b)
		views(func(_ agent.Query, v *agent.View) {
			for i := range v.Loads {
				v.Loads[i].Open -= less
			}
		})(&b.bent)
	}, []string{"delete/loads"}},
	{"the load version does not move", func(b *bentDesk) {
		var at int64 = -1
		removes(func(b *bentDesk, ctx context.Context, id string) error {
			v, _ := b.inner.Load(ctx, agent.Query{Loads: true})
			at = v.LoadVersion
			return b.inner.Delete(ctx, id)
		})(b)
		views(func(q agent.Query, v *agent.View) {
			if q.Loads && at >= 0 {
				v.LoadVersion = at
			}
		})(&b.bent)
	}, []string{"delete/loads"}},
	{"the first contact alone is deleted", func(b *bentDesk) {
		b.remove = func(ctx context.Context, ids ...string) error { return b.inner.Delete(ctx, ids[:min(1, len(ids))]...) }
	}, []string{"delete/several"}},
	{"nobody means everybody", func(b *bentDesk) {
		b.remove = func(ctx context.Context, ids ...string) error {
			if len(ids) == 0 {
				p, _ := b.inner.Conversations(ctx, agent.ConversationQuery{})
				for _, l := range p.Items {
					ids = append(ids, l.Contact.ID)
				}
			}
			return b.inner.Delete(ctx, ids...)
		}
	}, []string{"delete/several"}},
	{"deleting nobody is an error", removes(func(b *bentDesk, ctx context.Context, id string) error {
		if _, err := b.inner.Export(ctx, id); err != nil {
			return err
		}
		return b.inner.Delete(ctx, id)
	}), []string{"delete/again", "delete/several"}},
	{"a deletion is done bit by bit", func(b *bentDesk) {
		removes(func(b *bentDesk, ctx context.Context, id string) error {
			e, err := b.inner.Export(ctx, id)
			if err != nil {
				return nil
			}
			for _, v := range e.Conversations {
				var none []agent.TaskKind
				for _, t := range v.Tasks {
					none = append(none, t.Kind)
				}
				for {
					now, err := b.inner.Load(ctx, agent.Query{ConversationID: v.ID})
					if err != nil || now.Conversation == nil {
						break
					}
					if b.inner.Commit(ctx, agent.Commit{Conversation: now.Conversation, Delete: none}) == nil {
						break
					}
				}
			}
			for range 100 {
				_, _ = b.inner.Export(ctx, id) // somebody looks
			}
			return b.inner.Delete(ctx, id)
		})(b)
	}, []string{"delete/moment"}},
}

// TestDeskSuiteCatchesPlantedBugs is the test of the tester.
func TestDeskSuiteCatchesPlantedBugs(t *testing.T) {
	promises := map[string]deskPromise{}
	for _, p := range deskPromises() {
		require.NotContains(t, promises, p.name, "two promises of one name")
		promises[p.name] = p
	}
	fine := map[string]bool{}
	for _, bug := range deskBugs {
		t.Run(bug.name, func(t *testing.T) {
			require.NotEmpty(t, bug.broken)
			for _, name := range bug.broken {
				p, ok := promises[name]
				require.True(t, ok, "there is no promise %q", name)
				if !fine[name] {
					require.NoError(t, p.check(DeskHarness{Store: newBentDesk()}), "%s without the bug", name)
					fine[name] = true
				}
				// What goes on in parallel shows a bug only when it falls that
				// way; on a busy machine it takes a few tries.
				tries := 1
				if strings.HasSuffix(name, "/moment") {
					tries = 50
				}
				var err error
				for range tries {
					b := newBentDesk()
					bug.plant(b)
					if err = p.check(DeskHarness{Store: b}); err != nil {
						break
					}
				}
				assert.Error(t, err, "%s was not seen to be broken", name)
			}
		})
	}
}

// What a store leaves in a corner is seen, and so is a harness that does not
// show everything.
func TestDeskSuiteSearchesBytes(t *testing.T) {
	for _, p := range deletePromises {
		if !strings.HasPrefix(p.name, "delete/bytes") {
			continue
		}
		var corner bytes.Buffer
		leaky := func() *bentDesk {
			b := newBentDesk()
			b.commit = func(ctx context.Context, c agent.Commit) error {
				if len(c.Put) > 0 {
					corner.WriteString(canon(c.Put[0]))
				}
				return b.inner.Commit(ctx, c)
			}
			return b
		}
		assert.ErrorAs(t, p.check(DeskHarness{Store: leaky()}), new(untested), "without Bytes there is nothing to be seen")
		assert.ErrorContains(t, p.check(DeskHarness{Store: leaky(), Bytes: corner.Bytes}), "there are still bytes")
		assert.ErrorContains(t, p.check(DeskHarness{Store: newBentDesk(), Bytes: func() []byte { return nil }}), "does not return everything")
	}
}

// Each promise is broken by a store that does nothing at all, except those
// that a store keeps by doing nothing.
func TestDeskSuiteCatchesAStoreThatDoesNothing(t *testing.T) {
	for _, p := range deskPromises() {
		b := newBentDesk()
		b.conversations = func(context.Context, agent.ConversationQuery) (agent.Page[agent.Listed], error) {
			return agent.Page[agent.Listed]{}, nil
		}
		b.messages = func(context.Context, agent.MessageQuery) (agent.Page[frontdesk.Message], error) {
			return agent.Page[frontdesk.Message]{}, nil
		}
		b.pending = func(context.Context, string) (agent.Pending, error) { return agent.Pending{}, nil }
		b.export = func(context.Context, string) (*agent.Export, error) { return &agent.Export{}, nil }
		b.remove = func(context.Context, ...string) error { return nil }
		switch p.name {
		case "list/empty", "delete/again", "delete/bytes", "delete/bytes-among": // the latter two without Bytes
			continue
		}
		assert.Error(t, p.check(DeskHarness{Store: b}), p.name)
	}
}
