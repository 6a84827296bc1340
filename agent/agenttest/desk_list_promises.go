package agenttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// assigned gives a conversation to somebody.
func assigned(kind frontdesk.AssigneeKind, id string) func(*frontdesk.Conversation) {
	return func(v *frontdesk.Conversation) { v.Assignee = frontdesk.Assignee{Kind: kind, ID: id} }
}

// listPromises are about Conversations.
var listPromises = []deskPromise{
	{"list/empty", "lists nothing when there is nothing", func(c *deskCase) {
		c.equal("conversations of an empty store", agent.Page[agent.Listed]{}, c.list(agent.ConversationQuery{}))
		c.commit("a contact without a conversation", agent.Commit{Contact: person("a")})
		c.equal("conversations when there is but a contact", agent.Page[agent.Listed]{}, c.list(agent.ConversationQuery{}))
	}},
	{"list/fields", "gives every field of a conversation and of its contact", func(c *deskCase) {
		w := c.whole("a")
		got := c.list(agent.ConversationQuery{ContactID: w.contact, Channel: "mail"})
		want := []agent.Listed{{Conversation: w.export.Conversations[1].Conversation, Contact: w.export.Contact}}
		c.equal("the list", want, got.Items)
	}},
	{"list/filters", "lists the conversations that match all of the query, and no others", func(c *deskCase) {
		ann := assigned(frontdesk.AssigneeUser, "ann")
		closed := func(v *frontdesk.Conversation) { v.Status = frontdesk.Closed }
		team := func(id string) func(*frontdesk.Conversation) {
			return func(v *frontdesk.Conversation) { v.TeamID = id }
		}
		waits := func(v *frontdesk.Conversation) { v.AwaitsHuman = true }
		c.wrote("a", 1)
		c.wrote("b", 2, ann)
		c.wrote("c", 3, ann, closed, team("sales"))
		c.wrote("d", 4, assigned(frontdesk.AssigneeAgent, "ann"), team("sales"))
		c.wrote("e", 5, waits)
		c.wrote("f", 6, waits, team("support"), closed)
		c.wrote("g", 7, assigned(frontdesk.AssigneeUser, "bob"), team("sales"), func(v *frontdesk.Conversation) { v.Channel = "mail" })
		second := *opened("h")
		second.ContactID, second.Channel, second.LastInbound = "contact-a", "mail", c.at(8)
		c.commit("a second conversation of a contact", agent.Commit{Conversation: &second})
		user := func(kind frontdesk.AssigneeKind, id string) *frontdesk.Assignee {
			return &frontdesk.Assignee{Kind: kind, ID: id}
		}
		for _, q := range []struct {
			q    agent.ConversationQuery
			want string
		}{
			{agent.ConversationQuery{}, "h g f e d c b a"},
			{agent.ConversationQuery{Assignee: user(frontdesk.AssigneeUser, "ann")}, "c b"},
			{agent.ConversationQuery{Assignee: user(frontdesk.AssigneeAgent, "ann")}, "d"},
			{agent.ConversationQuery{Assignee: user(frontdesk.AssigneeUser, "nobody")}, ""},
			{agent.ConversationQuery{Assignee: user("", "")}, "h f e a"},
			{agent.ConversationQuery{Assignee: user(frontdesk.AssigneeUser, "ann"), Status: frontdesk.Open}, "b"},
			{agent.ConversationQuery{Assignee: user("", ""), Status: frontdesk.Open, AwaitsHuman: true}, "e"},
			{agent.ConversationQuery{Status: frontdesk.Closed}, "f c"},
			{agent.ConversationQuery{Status: frontdesk.Open}, "h g e d b a"},
			{agent.ConversationQuery{TeamID: "sales"}, "g d c"},
			{agent.ConversationQuery{TeamID: "sales", Status: frontdesk.Open}, "g d"},
			{agent.ConversationQuery{TeamID: "Sales"}, ""},
			{agent.ConversationQuery{AwaitsHuman: true}, "f e"},
			{agent.ConversationQuery{AwaitsHuman: true, TeamID: "support"}, "f"},
			{agent.ConversationQuery{ContactID: "contact-a"}, "h a"},
			{agent.ConversationQuery{ContactID: "contact-a", Channel: "chat"}, "a"},
			{agent.ConversationQuery{ContactID: "contact-z"}, ""},
			{agent.ConversationQuery{Channel: "mail"}, "h g"},
			{agent.ConversationQuery{Channel: "mail", Assignee: user(frontdesk.AssigneeUser, "bob"), TeamID: "sales", Status: frontdesk.Open}, "g"},
			{agent.ConversationQuery{Channel: "mail", Assignee: user(frontdesk.AssigneeUser, "bob"), TeamID: "support"}, ""},
		} {
			c.equal("conversations of "+canon(q.q), strings.Fields(q.want), c.walk(q.q, nil))
			q.q.LongestFirst = true
			back := strings.Fields(q.want)
			slices.Reverse(back)
			c.equal("conversations of "+canon(q.q), back, c.walk(q.q, nil))
			q.q.Limit = 1
			c.equal("conversations of "+canon(q.q), back, c.walk(q.q, nil))
		}
	}},
	{"list/changes", "lists conversations as they are now", func(c *deskCase) {
		c.wrote("a", 1)
		ann := agent.ConversationQuery{Assignee: &frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}, Status: frontdesk.Open}
		c.equal("before the assignment", nil, c.walk(ann, nil))
		c.change("a", assigned(frontdesk.AssigneeUser, "ann"))
		c.equal("after the assignment", []string{"a"}, c.walk(ann, nil))
		c.change("a", func(v *frontdesk.Conversation) { v.Status = frontdesk.Closed })
		c.equal("after the close", nil, c.walk(ann, nil))
		c.change("a", func(v *frontdesk.Conversation) { v.Status, v.TeamID, v.AwaitsHuman = frontdesk.Open, "sales", true })
		c.equal("after it was opened again", []string{"a"}, c.walk(ann, nil))
		ann.TeamID, ann.AwaitsHuman = "sales", true
		c.equal("by its team", []string{"a"}, c.walk(ann, nil))
		c.change("a", func(v *frontdesk.Conversation) { v.TeamID = "" })
		c.equal("without its team", nil, c.walk(ann, nil))
		c.change("a", func(v *frontdesk.Conversation) { v.TeamID, v.AwaitsHuman = "sales", false })
		c.equal("when it waits no more", nil, c.walk(ann, nil))
	}},
	{"list/order", "sorts by when the contact wrote last, then by ID, the newest first or the longest, and those who never wrote as the longest", func(c *deskCase) {
		c.wrote("b", 10)
		c.wrote("never", 0, func(v *frontdesk.Conversation) { v.LastInbound = time.Time{} })
		c.wrote("c", 10)
		c.wrote("A", 10)
		c.wrote("early", -1_000_000_000)
		c.wrote("late", 20, func(v *frontdesk.Conversation) {
			v.LastInbound = v.LastInbound.In(time.FixedZone("early by the clock on the wall", -8*3600))
		})
		want := []string{"late", "c", "b", "A", "early", "never"}
		for _, limit := range []int{0, 1, 2, 4} {
			c.equal("the newest first", want, c.walk(agent.ConversationQuery{Limit: limit}, nil))
			back := slices.Clone(want)
			slices.Reverse(back)
			c.equal("the longest first", back, c.walk(agent.ConversationQuery{LongestFirst: true, Limit: limit}, nil))
		}
		c.change("never", func(v *frontdesk.Conversation) { v.LastInbound = c.at(30) })
		c.equal("when one wrote", append([]string{"never"}, want[:5]...), c.walk(agent.ConversationQuery{}, nil))
	}},
	{"list/pages", "gives each conversation on one page, and ends with the last", func(c *deskCase) {
		var want []string
		for i := range 24 {
			id := fmt.Sprintf("c%02d", i)
			c.wrote(id, i/5, func(v *frontdesk.Conversation) {
				v.LastInbound = v.LastInbound.Add(time.Duration(i%2) * time.Microsecond)
			}) // many at once
			want = append(want, id)
		}
		for _, longest := range []bool{false, true} {
			all := c.walk(agent.ConversationQuery{LongestFirst: longest}, nil)
			c.equal("all on one page", want, slices.Sorted(slices.Values(all)))
			for _, limit := range []int{1, 2, 5, 8, 12, 23, 24, 25} {
				c.equal(fmt.Sprintf("in pages of %d", limit), all, c.walk(agent.ConversationQuery{Limit: limit, LongestFirst: longest}, nil))
			}
			if next := c.list(agent.ConversationQuery{Limit: 24, LongestFirst: longest}).Next; next != "" {
				c.failf("a page that holds all that there is has the Next %q; expected none", next)
			}
		}
	}},
	{"list/limit", "gives 50 on a page when no Limit is set, and 200 at most", func(c *deskCase) {
		for i := range 201 {
			c.wrote(fmt.Sprintf("c%03d", i), i)
		}
		for limit, want := range map[int]int{0: 50, -1: 50, 3: 3, 199: 199, 200: 200, 201: 200, 1 << 40: 200} {
			page := c.list(agent.ConversationQuery{Limit: limit})
			if len(page.Items) != want || page.Next == "" {
				c.failf("the Limit %d gives %d items and the Next %q; expected %d and a Next", limit, len(page.Items), page.Next, want)
			}
		}
		// The Limit may change on the way.
		first := c.list(agent.ConversationQuery{Limit: 100})
		rest := c.list(agent.ConversationQuery{Limit: 200, Cursor: first.Next})
		c.equal("number of all", 201, len(first.Items)+len(rest.Items))
	}},
	{"list/moving", "goes on right when conversations come, go and move between two pages", func(c *deskCase) {
		for _, longest := range []bool{false, true} {
			prefix := fmt.Sprintf("%v-", longest)
			var still, moved []string
			for i := range 20 {
				id := fmt.Sprintf("%s%02d", prefix, i)
				c.wrote(id, i/3)
				if i%5 == 2 {
					moved = append(moved, id)
				} else if i != 11 {
					still = append(still, id)
				}
			}
			q := agent.ConversationQuery{Limit: 4, LongestFirst: longest, Channel: "chat"}
			seen := map[string]int{}
			for _, id := range c.walk(q, func(page int) {
				if page <= len(moved) {
					c.change(moved[page-1], func(v *frontdesk.Conversation) { v.LastInbound = c.at(1000 + page) })
				}
				if page == 2 { // the one in the middle, and all of a page that was given
					c.delete("contact-" + prefix + "11")
					c.wrote(prefix+"new", 999)
				}
			}) {
				seen[id]++
			}
			for _, id := range still {
				if seen[id] != 1 {
					c.failf("LongestFirst %v: %s, which stood still, was given %d times; expected once", longest, id, seen[id])
				}
			}
			for _, id := range append(moved, prefix+"new") {
				if longest && seen[id] == 0 {
					c.failf("LongestFirst: %s, which moved to the end, was not given; expected it there", id)
				}
			}
			for _, l := range c.list(agent.ConversationQuery{Limit: 200}).Items {
				c.delete(l.Contact.ID)
			}
		}
	}},
	{"list/gone", "goes on after a conversation that was deleted since", func(c *deskCase) {
		for i := range 6 {
			c.wrote(fmt.Sprintf("c%d", i), i)
		}
		q := agent.ConversationQuery{Limit: 2}
		got := c.walk(q, func(page int) {
			if page == 1 {
				c.delete("contact-c4") // the last of the first page
			}
		})
		c.equal("the walk", []string{"c5", "c4", "c3", "c2", "c1", "c0"}, got)
	}},
	{"list/approvals", "lists the conversations with a call that waits for approval", func(c *deskCase) {
		for i, id := range []string{"a", "b", "c"} {
			c.wrote(id, i)
		}
		approval := func(id, call string, status agent.ApprovalStatus) {
			v := c.stored(id)
			c.commit("an approval", agent.Commit{Conversation: &v, Approvals: []agent.Approval{{ID: call, ConversationID: id, Status: status, At: c.at(1)}}})
		}
		approval("a", "a1", agent.ApprovalPending)
		approval("a", "a2", agent.ApprovalPending)
		approval("b", "b1", agent.ApprovalRefused)
		approval("c", "c1", agent.ApprovalPending)
		q := agent.ConversationQuery{AwaitsApproval: true, Limit: 1}
		c.equal("those that wait", []string{"c", "a"}, c.walk(q, nil))
		approval("c", "c1", agent.ApprovalApproved)
		c.equal("after one was approved", []string{"a"}, c.walk(q, nil))
		approval("a", "a1", agent.ApprovalRefused)
		c.equal("after one of two was refused", []string{"a"}, c.walk(q, nil))
		q.Status = frontdesk.Closed
		c.equal("among the closed ones", nil, c.walk(q, nil))
	}},
	{"list/cursor", "refuses what is no cursor", func(c *deskCase) {
		c.wrote("a", 1)
		for _, bad := range []string{"x", "1", "c3RyYW5nZQ", "'; DROP TABLE", strings.Repeat("A", 5000)} {
			if _, err := c.desk.Conversations(c.ctx, agent.ConversationQuery{Cursor: bad}); err == nil {
				c.failf("Conversations took the cursor %q; expected an error", shortenAround(bad, ""))
			}
			if _, err := c.desk.Messages(c.ctx, agent.MessageQuery{Undelivered: true, Cursor: bad}); err == nil && bad != "1" {
				c.failf("Messages took the cursor %q; expected an error", shortenAround(bad, ""))
			}
			if _, err := c.desk.Messages(c.ctx, agent.MessageQuery{ConversationID: "a", Cursor: bad}); err == nil && bad != "1" {
				c.failf("Messages of a conversation took the cursor %q; expected an error", shortenAround(bad, ""))
			}
		}
	}},
	{"desk/done-context", "gives an error when the context is done, and does nothing", func(c *deskCase) {
		c.whole("a")
		before := canon(c.export("mark-a-mark-contact"))
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		for what, f := range map[string]func() error{
			"Conversations": func() error { _, err := c.desk.Conversations(ctx, agent.ConversationQuery{}); return err },
			"Messages":      func() error { _, err := c.desk.Messages(ctx, agent.MessageQuery{Undelivered: true}); return err },
			"Pending":       func() error { _, err := c.desk.Pending(ctx, "mark-a-mark-1"); return err },
			"Export":        func() error { _, err := c.desk.Export(ctx, "mark-a-mark-contact"); return err },
			"Delete":        func() error { return c.desk.Delete(ctx, "mark-a-mark-contact") },
		} {
			if f() == nil {
				c.failf("%s with a done context returned no error", what)
			}
		}
		c.equal("the contact after all that", before, canon(c.export("mark-a-mark-contact")))
	}},
}

// historyPromises are about Messages and Pending.
var historyPromises = []deskPromise{
	{"history/order", "gives the messages of a conversation by Seq, the newest first, between the bounds", func(c *deskCase) {
		c.conversation("a")
		c.conversation("b")
		var want []string
		for seq := range int64(9) {
			m := inbound("a", seq+1)
			m.At = c.at(-int(seq)) // times do not count
			c.messages("a", m)
			want = append([]string{m.ID}, want...)
		}
		c.messages("b", inbound("b", 1))
		of := func(after, before int64, limit int) []string {
			return c.read(agent.MessageQuery{ConversationID: "a", After: after, Before: before, Limit: limit}, nil)
		}
		for _, limit := range []int{0, 1, 3, 9} {
			c.equal("all", want, of(0, 0, limit))
			c.equal("after 6", want[:3], of(6, 0, limit))
			c.equal("before 3", want[7:], of(0, 3, limit))
			c.equal("after 3, before 6", want[4:6], of(3, 6, limit))
			c.equal("after 9", nil, of(9, 0, limit))
			c.equal("before 1", nil, of(0, 1, limit))
			c.equal("after 6, before 3", nil, of(6, 3, limit))
		}
		c.equal("of a conversation that is not there", agent.Page[frontdesk.Message]{}, c.page(agent.MessageQuery{ConversationID: "z"}))
	}},
	{"history/long", "pages through a transcript of thousands of messages, each of them once, and exports it whole", func(c *deskCase) {
		c.conversation("a")
		var want []string
		const batches, batch = 12, 200
		for i := range batches {
			messages := make([]frontdesk.Message, batch)
			for k := range messages {
				messages[k] = inbound("a", int64(i*batch+k+1))
				want = append(want, messages[k].ID)
			}
			c.messages("a", messages...)
		}
		exported := c.export("contact-a").Conversations[0].Messages
		c.equal("number of exported messages", len(want), len(exported))
		for i, m := range exported {
			if m.ID != want[i] {
				c.failf("message %d of the export is %s; expected %s", i+1, m.ID, want[i])
			}
		}
		slices.Reverse(want)
		for _, limit := range []int{0, 7, 199, 200} {
			c.equal("all", want, c.read(agent.MessageQuery{ConversationID: "a", Limit: limit}, nil))
		}
	}},
	{"history/fields", "gives every field of a message", func(c *deskCase) {
		w := c.whole("a")
		want := slices.Clone(w.export.Conversations[0].Messages)
		slices.Reverse(want)
		c.equal("messages", want, c.page(agent.MessageQuery{ConversationID: w.ids[0]}).Items)
	}},
	{"history/growing", "is not shifted by messages that come between two pages", func(c *deskCase) {
		c.conversation("a")
		var want []string
		for seq := range int64(10) {
			c.messages("a", inbound("a", seq+1))
			want = append([]string{inbound("a", seq+1).ID}, want...)
		}
		seq := int64(10)
		c.equal("a walk", want, c.read(agent.MessageQuery{ConversationID: "a", Limit: 3}, func(int) {
			seq++
			c.messages("a", inbound("a", seq))
		}))
		c.equal("what came since", []string{"a-13", "a-12", "a-11"}, c.read(agent.MessageQuery{ConversationID: "a", After: 10, Limit: 2}, nil))
	}},
	{"history/required", "refuses a query for all messages of everybody", func(c *deskCase) {
		if _, err := c.desk.Messages(c.ctx, agent.MessageQuery{Limit: 1}); err == nil {
			c.failf("Messages with neither ConversationID nor Undelivered returned no error")
		}
	}},
	{"undelivered/all", "gives the outbound messages of all conversations that failed or whose outcome is unknown, by when that was recorded", func(c *deskCase) {
		statuses := []frontdesk.DeliveryStatus{
			frontdesk.Queued, frontdesk.Sending, frontdesk.Sent, frontdesk.Delivered, frontdesk.Read, frontdesk.Failed, frontdesk.Unknown, frontdesk.Cancelled,
		}
		for i, id := range []string{"a", "b"} {
			c.conversation(id)
			for seq, status := range statuses {
				m := outbound(id, int64(seq+1), status)
				m.SettledAt = c.at(10*(seq%2) + i) // failed ones are newer than unknown ones
				c.messages(id, m)
			}
			odd := inbound(id, 9)
			odd.Status = frontdesk.Failed
			c.messages(id, odd)
		}
		for _, limit := range []int{0, 1, 2, 3} {
			q := agent.MessageQuery{Undelivered: true, Limit: limit}
			c.equal("undelivered messages", []string{"b-6", "a-6", "b-7", "a-7"}, c.read(q, nil))
			q.ConversationID = "a"
			c.equal("those of one conversation", []string{"a-7", "a-6"}, c.read(q, nil))
			q.After = 6
			c.equal("those after a Seq", []string{"a-7"}, c.read(q, nil))
		}
		m := outbound("a", 7, frontdesk.Delivered)
		m.SettledAt = c.at(0)
		c.messages("a", m)
		late := outbound("b", 3, frontdesk.Failed)
		late.SettledAt = c.at(100)
		c.messages("b", late)
		c.equal("after one arrived and another failed", []string{"b-3", "b-6", "a-6", "b-7"}, c.read(agent.MessageQuery{Undelivered: true, Limit: 3}, nil))
	}},
	{"undelivered/pages", "gives each undelivered message once, however many were recorded at once, and whatever fails meanwhile", func(c *deskCase) {
		c.conversation("a")
		var want []string
		for seq := range int64(23) {
			m := outbound("a", seq+1, frontdesk.Failed)
			if m.ID = fmt.Sprintf("m%02d", seq); seq >= 3 {
				m.SettledAt = c.at(int(seq) / 6)
			}
			c.messages("a", m)
			want = append([]string{m.ID}, want...)
		}
		for _, limit := range []int{1, 2, 7, 22, 23} {
			c.equal(fmt.Sprintf("in pages of %d", limit), want, c.read(agent.MessageQuery{Undelivered: true, Limit: limit}, nil))
		}
		seq := int64(23)
		c.equal("while others fail", want, c.read(agent.MessageQuery{Undelivered: true, Limit: 5}, func(int) {
			seq++
			m := outbound("a", seq, frontdesk.Unknown)
			m.SettledAt = c.at(100)
			c.messages("a", m)
		}))
	}},
	{"pending/tasks", "gives the tasks of a conversation by their due time, blocked ones last", func(c *deskCase) {
		w := c.whole("a")
		c.whole("b")
		got := c.pending(w.ids[1])
		c.equal("tasks", w.export.Conversations[1].Tasks, got.Tasks)
		c.equal("nothing of a conversation that is not there", agent.Pending{}, c.pending("z"))
		c.conversation("idle")
		c.equal("nothing of an idle conversation", agent.Pending{}, c.pending("idle"))
		c.put("idle", task(agent.TaskFollowUp, c.at(5)), task(agent.TaskSend, c.at(3)), turnTask(c.at(4)), task(agent.TaskEcho, time.Time{}))
		var kinds []agent.TaskKind
		for _, t := range c.pending("idle").Tasks {
			kinds = append(kinds, t.Kind)
		}
		c.equal("kinds", []agent.TaskKind{agent.TaskSend, agent.TaskTurn, agent.TaskFollowUp, agent.TaskEcho}, kinds)
	}},
	{"pending/claimed", "gives a task that is being worked on, too", func(c *deskCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.claimOne(c.at(0), "a", agent.TaskTurn)
		got := c.pending("a").Tasks
		if len(got) != 1 || got[0].Attempts != 1 {
			c.failf("the tasks are %s; expected the one that was claimed, with one attempt", canon(got))
		}
	}},
	{"pending/approvals", "gives the calls that wait for a person, the oldest first", func(c *deskCase) {
		w := c.whole("a")
		c.whole("b")
		all := w.export.Conversations[0].Approvals
		c.equal("approvals", []agent.Approval{all[0], all[2]}, c.pending(w.ids[0]).Approvals)
		conv := c.stored(w.ids[0])
		older := all[1]
		older.Status, older.At = agent.ApprovalPending, all[0].At.Add(-time.Hour)
		done := all[0]
		done.Status = agent.ApprovalApproved
		c.commit("other statuses", agent.Commit{Conversation: &conv, Approvals: []agent.Approval{older, done}})
		c.equal("approvals", []agent.Approval{older, all[2]}, c.pending(w.ids[0]).Approvals)
	}},
}
