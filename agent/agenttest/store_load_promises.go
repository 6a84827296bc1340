package agenttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// entry is a row of a journal.
func entry(turnID string, n int) agent.Entry {
	e := filled[agent.Entry](n)
	e.TurnID, e.N, e.Kind = turnID, n, agent.EntryAnswer
	return e
}

// append makes an Append that has to succeed.
func (c *storeCase) append(a agent.Append) {
	if err := c.Append(c.ctx, a); err != nil {
		c.failf("Append returned %v", err)
	}
}

// journal checks the journal of a turn.
func (c *storeCase) journal(conversationID, turnID string, want ...agent.Entry) {
	c.equal("Journal", want, c.load(agent.Query{ConversationID: conversationID, TurnID: turnID}).Journal)
}

// journalPromises are about Append and journals.
var journalPromises = []storePromise{
	{"append/rows", "gives journal rows back byte for byte, by N, before and after their turn has a record", func(c *storeCase) {
		conv := c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("turn", 1), entry("turn", 2)}})
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("turn", 3)}})
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("other", 1)}})
		c.journal("a", "turn", entry("turn", 1), entry("turn", 2), entry("turn", 3))
		c.journal("a", "other", entry("other", 1))
		if turn := c.load(agent.Query{ConversationID: "a", TurnID: "turn"}).Turn; turn != nil {
			c.failf("a turn that has a journal and no record is %s; expected nil", canon(turn))
		}
		turn := agent.Turn{ID: "turn", ConversationID: "a", Exit: agent.ExitReplied}
		c.commit("the record and the last row", agent.Commit{
			Fence: &f, Conversation: &conv, Turns: []agent.Turn{turn}, Journal: []agent.Entry{entry("turn", 4)},
		})
		c.journal("a", "turn", entry("turn", 1), entry("turn", 2), entry("turn", 3), entry("turn", 4))
		c.equal("the turn", &turn, c.load(agent.Query{ConversationID: "a", TurnID: "turn"}).Turn)
	}},
	{"append/many", "keeps a long journal in order", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		var want []agent.Entry
		for n := 1; n <= 120; n++ {
			want = append(want, entry("turn", n))
			if n%3 == 0 {
				c.append(agent.Append{Fence: f, Rows: want[n-3:]})
			}
		}
		c.journal("a", "turn", want...)
	}},
	{"append/by-number", "gives a journal by N, in whatever order its rows came", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("turn", 10), entry("turn", 2)}})
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("turn", 1)}})
		c.journal("a", "turn", entry("turn", 1), entry("turn", 2), entry("turn", 10))
	}},
	{"append/renews", "moves the end of the lease to Until, with rows and without", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.append(agent.Append{Fence: f, Until: c.at(100), Rows: []agent.Entry{entry("turn", 1)}})
		c.claimed(c.claim(c.at(99), 10))
		c.append(agent.Append{Fence: f, Until: c.at(200)})
		c.claimed(c.claim(c.at(199), 10))
		c.claimed(c.claim(c.at(200), 10), "a/turn")
		c.journal("a", "turn", entry("turn", 1))
	}},
	{"append/leaves", "leaves the end of the lease when Until is zero", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("turn", 1)}})
		c.claimed(c.claim(c.at(59), 10))
		c.claimed(c.claim(c.at(60), 10), "a/turn")
	}},
	{"append/own-lane", "renews the fence's lane alone", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskSend, c.at(0)))
		c.conversation("b", turnTask(c.at(0)))
		got := c.claim(c.at(0), 10)
		for _, t := range got.Tasks {
			if t.ConversationID == "a" && t.Kind == agent.TaskTurn {
				c.append(agent.Append{Fence: t.Fence, Until: c.at(500)})
			}
		}
		c.equal("number of lanes that are free at the end of the first leases", 2, len(c.claim(c.at(60), 10).Tasks))
	}},
	{"append/fenced", "refuses an Append whose fence does not hold (ErrFenced), and writes nothing of it", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		wrong := []agent.Fence{
			{ConversationID: "a", Lane: agent.LaneTurn, Token: f.Token + 1},
			{ConversationID: "a", Lane: agent.LaneTurn, Token: f.Token - 1},
			{ConversationID: "a", Lane: agent.LaneTurn},
			{ConversationID: "a", Lane: agent.LaneSend, Token: f.Token},
			{ConversationID: "nobody", Lane: agent.LaneTurn, Token: f.Token},
		}
		for _, w := range wrong {
			err := c.Append(c.ctx, agent.Append{Fence: w, Until: c.at(500), Rows: []agent.Entry{entry("turn", 1)}})
			c.is("Append under "+canon(w), err, agent.ErrFenced)
		}
		c.journal("a", "turn")
		c.claimed(c.claim(c.at(60), 10), "a/turn")
	}},
	{"append/twice", "refuses a journal row that is there (ErrConflict), and then neither adds the others nor renews", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		f := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.append(agent.Append{Fence: f, Rows: []agent.Entry{entry("turn", 1), entry("turn", 2)}})
		again := entry("turn", 2)
		again.Data = []byte(`{"another": true}`)
		err := c.Append(c.ctx, agent.Append{Fence: f, Until: c.at(500), Rows: []agent.Entry{entry("turn", 3), again}})
		c.is("Append of a row that is there", err, agent.ErrConflict)
		c.journal("a", "turn", entry("turn", 1), entry("turn", 2))
		c.claimed(c.claim(c.at(60), 10), "a/turn")
	}},
}

// loadPromises are about Load.
var loadPromises = []storePromise{
	{"load/nothing", "leaves zero what is not there, whatever names it, and that is no error", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		rest := agent.Query{History: 9, Turns: true, Waiting: true, Outbox: true, Tasks: true, TurnID: "nothing", DedupeKey: "nothing", Rotations: []string{"nothing"}}
		for what, q := range map[string]agent.Query{
			"a conversation": {ConversationID: "nothing"},
			"an address":     {Identity: frontdesk.Identity{Channel: "chat", Address: "nothing"}},
			"a channel":      {Identity: frontdesk.Identity{Channel: "nothing", Address: "address-a"}},
			"a message":      {MessageID: "nothing"},
			"a provider ID":  {ProviderID: "nothing", Identity: frontdesk.Identity{Channel: "chat"}},
			"a call":         {CallID: "nothing"},
			"nothing at all": {},
		} {
			rest := rest
			rest.ConversationID, rest.Identity, rest.MessageID, rest.ProviderID, rest.CallID = q.ConversationID, q.Identity, q.MessageID, q.ProviderID, q.CallID
			c.equal("the View of "+what, agent.View{}, c.load(rest))
		}
	}},
	{"load/names", "finds a conversation and its contact by ID, identity, message, provider's ID and call", func(c *storeCase) {
		for _, id := range []string{"a", "b"} {
			commit := c.whole(id)
			commit.Messages[0].ProviderID = "provider-" + id
			c.commit("a commit of everything", commit)
		}
		for _, id := range []string{"a", "b"} {
			for what, q := range map[string]agent.Query{
				"its ID":          {ConversationID: id},
				"its identity":    {Identity: identity(id)},
				"its message":     {MessageID: id + "-1"},
				"its provider ID": {ProviderID: "provider-" + id, Identity: frontdesk.Identity{Channel: "chat"}},
				"its call":        {CallID: id + "-call"},
			} {
				v := c.load(q)
				if v.Conversation == nil || v.Conversation.ID != id || v.Contact == nil || v.Contact.ID != "contact-"+id {
					c.failf("by %s of %s: the conversation is %s, the contact %s", what, id, canon(v.Conversation), canon(v.Contact))
				}
				if by := what == "its message" || what == "its provider ID"; by != (v.Found != nil) || by && v.Found.ID != id+"-1" {
					c.failf("by %s of %s: Found is %s", what, id, canon(v.Found))
				}
				if by := what == "its call"; by != (v.Approval != nil) || by && v.Approval.ID != id+"-call" {
					c.failf("by %s of %s: Approval is %s", what, id, canon(v.Approval))
				}
			}
		}
	}},
	{"load/names-all", "reads the same of a conversation by whatever name it is asked for", func(c *storeCase) {
		commit := c.whole("a")
		commit.Messages[0].ProviderID = "provider"
		c.commit("a commit of everything", commit)
		full := agent.Query{History: 9, Turns: true, Waiting: true, Outbox: true, Tasks: true, TurnID: "a-turn", DedupeKey: "a-key", Rotations: []string{"a-rotation"}, Loads: true}
		byID := full
		byID.ConversationID = "a"
		c.stored("a")
		want := c.load(byID)
		for _, q := range []agent.Query{
			{Identity: identity("a")}, {MessageID: "a-1"}, {CallID: "a-call"}, {ProviderID: "provider", Identity: frontdesk.Identity{Channel: "chat"}},
		} {
			named := full
			named.Identity, named.MessageID, named.CallID, named.ProviderID = q.Identity, q.MessageID, q.CallID, q.ProviderID
			got := c.load(named)
			got.Found, got.Approval = nil, nil
			c.equal("the View by "+canon(q), want, got)
		}
	}},
	{"load/contact-alone", "gives the contact of an identity alone when it has no conversation on that channel", func(c *storeCase) {
		p := person("a")
		phone := frontdesk.Identity{Channel: "phone", Address: "1"}
		p.Identities = append(p.Identities, phone)
		c.commit("a contact and one conversation", agent.Commit{Contact: p, Conversation: opened("a")})
		v := c.load(agent.Query{Identity: phone, History: 5, Waiting: true, Tasks: true})
		if v.Contact == nil || v.Contact.ID != p.ID || v.Conversation != nil {
			c.failf("the contact is %s and the conversation %s; expected %s and nil", canon(v.Contact), canon(v.Conversation), p.ID)
		}
	}},
	{"load/provider-channel", "tells the same provider's ID on two channels apart", func(c *storeCase) {
		c.conversation("a")
		other := opened("b")
		other.Channel = "phone"
		c.commit("a conversation on another channel", agent.Commit{Contact: person("b"), Conversation: other})
		for _, id := range []string{"a", "b"} {
			m := inbound(id, 1)
			m.ProviderID = "same"
			c.messages(id, m)
		}
		for channel, want := range map[string]string{"chat": "a-1", "phone": "b-1"} {
			v := c.load(agent.Query{ProviderID: "same", Identity: frontdesk.Identity{Channel: channel}})
			if v.Found == nil || v.Found.ID != want || v.Conversation == nil || v.Conversation.Channel != channel {
				c.failf("on channel %q: Found is %s; expected %s", channel, canon(v.Found), want)
			}
		}
	}},
	{"load/provider-later", "finds a message by a provider's ID that it got after it was sent", func(c *storeCase) {
		c.conversation("a")
		m := outbound("a", 1, frontdesk.Queued)
		c.messages("a", m)
		m.Status, m.ProviderID = frontdesk.Sent, "late"
		c.commit("the outcome", agent.Commit{Messages: []frontdesk.Message{m}})
		c.equal("Found", &m, c.load(agent.Query{ProviderID: "late", Identity: frontdesk.Identity{Channel: "chat"}}).Found)
	}},
	{"load/history", "gives the newest messages as History, as many as were asked for, oldest first", func(c *storeCase) {
		c.conversation("a")
		c.conversation("b")
		c.messages("b", inbound("b", 1), inbound("b", 2))
		var all []frontdesk.Message
		for seq := int64(1); seq <= 150; seq++ {
			m := inbound("a", seq)
			// Neither IDs nor times sort as Seq does.
			m.ID = fmt.Sprintf("m-%d", (seq*37)%151)
			m.At = c.at(int(-seq))
			all = append(all, m)
		}
		for i := 0; i < 150; i += 10 {
			chunk := slices.Clone(all[i : i+10])
			slices.Reverse(chunk)
			c.messages("a", chunk...)
		}
		for _, n := range []int{1, 20, 100, 149, 150, 151, 1000} {
			got := c.load(agent.Query{ConversationID: "a", History: n}).History
			c.equal(fmt.Sprintf("History of %d", n), all[max(0, len(all)-n):], got)
		}
	}},
	{"load/asked", "reads no more than was asked for", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		v := c.load(agent.Query{ConversationID: "a"})
		v.Contact, v.Conversation = nil, nil
		c.equal("the View of a query for nothing but the conversation", agent.View{}, v)
	}},
	{"load/waiting", "gives as Waiting the inbound messages without TurnID and Disposition, oldest first", func(c *storeCase) {
		c.conversation("a")
		taken, disposed, note := inbound("a", 2), inbound("a", 4), inbound("a", 5)
		taken.TurnID, disposed.Disposition, note.Direction = "turn", frontdesk.DispositionHuman, frontdesk.DirInternal
		c.messages("a", inbound("a", 1), taken, inbound("a", 3), disposed, note, outbound("a", 6, frontdesk.Queued), inbound("a", 7))
		c.equal("Waiting", []frontdesk.Message{inbound("a", 1), inbound("a", 3), inbound("a", 7)}, c.all("a").Waiting)
		first, last := inbound("a", 1), inbound("a", 7)
		first.TurnID, last.Disposition = "turn", frontdesk.DispositionOptOut
		c.commit("ends", agent.Commit{Messages: []frontdesk.Message{last, first}})
		c.equal("Waiting", []frontdesk.Message{inbound("a", 3)}, c.all("a").Waiting)
		taken.TurnID = ""
		c.commit("given back", agent.Commit{Messages: []frontdesk.Message{taken}})
		c.equal("Waiting", []frontdesk.Message{taken, inbound("a", 3)}, c.all("a").Waiting)
	}},
	{"load/outbox", "gives as Outbox the outbound messages that are not settled, oldest first", func(c *storeCase) {
		c.conversation("a")
		statuses := []frontdesk.DeliveryStatus{
			frontdesk.Queued, frontdesk.Sending, frontdesk.Sent, frontdesk.Delivered, frontdesk.Read,
			frontdesk.Failed, frontdesk.Unknown, frontdesk.Cancelled, frontdesk.Queued,
		}
		var all, want []frontdesk.Message
		for i, s := range statuses {
			m := outbound("a", int64(i+1), s)
			all = append(all, m)
			if !s.Settled() {
				want = append(want, m)
			}
		}
		note := inbound("a", 10)
		note.Direction, note.Status = frontdesk.DirInternal, ""
		c.messages("a", append(all, note, inbound("a", 11))...)
		c.equal("Outbox", want, c.all("a").Outbox)
		sent := want[0]
		sent.Status = frontdesk.Sent
		c.commit("an outcome", agent.Commit{Messages: []frontdesk.Message{sent}})
		c.equal("Outbox", want[1:], c.all("a").Outbox)
	}},
	{"load/turns", "gives the turns that wrote the outbound messages of History, each once, oldest first", func(c *storeCase) {
		conv := c.conversation("a")
		message := func(seq int64, turn string, dir frontdesk.Direction) frontdesk.Message {
			m := outbound("a", seq, frontdesk.Sent)
			m.TurnID, m.Direction = turn, dir
			return m
		}
		turns := make([]agent.Turn, 4)
		for i := range turns {
			turns[i] = filled[agent.Turn](i)
			turns[i].ID, turns[i].ConversationID = fmt.Sprintf("turn-%d", 4-i), "a"
		}
		c.commit("turns", agent.Commit{Conversation: &conv, Turns: turns, Messages: []frontdesk.Message{
			message(1, "turn-4", frontdesk.DirOutbound),
			message(2, "turn-3", frontdesk.DirOutbound), message(3, "turn-2", frontdesk.DirOutbound), message(4, "turn-3", frontdesk.DirOutbound),
			message(5, "turn-1", frontdesk.DirInbound), message(6, "no record", frontdesk.DirOutbound), message(7, "", frontdesk.DirOutbound),
		}})
		v := c.load(agent.Query{ConversationID: "a", History: 6, Turns: true})
		c.equal("Turns", []agent.Turn{turns[1], turns[2]}, v.Turns)
		c.equal("Turns of all", []agent.Turn{turns[0], turns[1], turns[2]}, c.load(agent.Query{ConversationID: "a", History: 7, Turns: true}).Turns)
	}},
	{"load/turn-of-conversation", "does not show a turn or a journal under another conversation", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		c.commit("another conversation", c.whole("b"))
		v := c.load(agent.Query{ConversationID: "b", TurnID: "a-turn"})
		if v.Turn != nil || len(v.Journal) > 0 {
			c.failf("conversation b shows turn a-turn, which is conversation a's")
		}
	}},
	{"load/apart", "keeps the messages, tasks and turns of conversations apart", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		c.stored("a")
		before := canon(c.all("a"))
		c.commit("another conversation", c.whole("b"))
		c.equal("the first conversation after the second was made", before, canon(c.all("a")))
		for _, m := range slices.Concat(c.all("b").History, c.all("b").Waiting, c.all("b").Outbox) {
			c.equal("conversation of a message of b", "b", m.ConversationID)
		}
	}},
	{"load/rotations", "gives the rotations that were asked for and exist, with a conversation and without", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		c.commit("two more", agent.Commit{Rotations: []agent.Rotation{{Name: "r1", Last: "x"}, {Name: "r2", Last: "y"}}})
		want := map[string]agent.Rotation{"r1": {Name: "r1", Last: "x", Version: 1}}
		c.equal("Rotations", want, c.load(agent.Query{Rotations: []string{"r1", "none"}}).Rotations)
		c.equal("Rotations", want, c.load(agent.Query{ConversationID: "a", Rotations: []string{"none", "r1"}}).Rotations)
	}},
	{"load/duplicate", "says for which message a dedupe key stands, with a conversation and without", func(c *storeCase) {
		c.commit("keys", agent.Commit{Dedupe: map[string]string{"k1": "m1", "k2": "m2"}})
		c.conversation("a")
		c.equal("Duplicate", "m2", c.load(agent.Query{DedupeKey: "k2"}).Duplicate)
		v := c.load(agent.Query{DedupeKey: "k1", Identity: identity("a")})
		c.equal("Duplicate", "m1", v.Duplicate)
		if v.Conversation == nil {
			c.failf("with a key that exists the conversation is nil; expected a")
		}
		c.equal("Duplicate of another key", "", c.load(agent.Query{DedupeKey: "K1"}).Duplicate)
	}},
}

// loadsPromises are about the number of open conversations of each user.
var loadsPromises = []storePromise{
	{"loads/counts", "counts the open conversations of each user, over assignment, reassignment, take-over, close and reopening", func(c *storeCase) {
		for i := range 3 {
			c.conversation(fmt.Sprintf("c%d", i))
		}
		change := func(id string, f func(v *frontdesk.Conversation)) {
			v := c.stored(id)
			f(&v)
			c.commit("a change of "+id, agent.Commit{Conversation: &v})
		}
		to := func(kind frontdesk.AssigneeKind, who string) func(v *frontdesk.Conversation) {
			return func(v *frontdesk.Conversation) { v.Assignee = frontdesk.Assignee{Kind: kind, ID: who} }
		}
		status := func(s frontdesk.Status) func(v *frontdesk.Conversation) {
			return func(v *frontdesk.Conversation) { v.Status = s }
		}
		steps := []struct {
			what     string
			id       string
			do       func(v *frontdesk.Conversation)
			ann, bob int
		}{
			{"c0 to ann", "c0", to(frontdesk.AssigneeUser, "ann"), 1, 0},
			{"c1 to ann", "c1", to(frontdesk.AssigneeUser, "ann"), 2, 0},
			{"c2 to bob", "c2", to(frontdesk.AssigneeUser, "bob"), 2, 1},
			{"c1 to bob", "c1", to(frontdesk.AssigneeUser, "bob"), 1, 2},
			{"close of c1", "c1", status(frontdesk.Closed), 1, 1},
			{"closed c1 to ann", "c1", to(frontdesk.AssigneeUser, "ann"), 1, 1},
			{"reopening of c1", "c1", status(frontdesk.Open), 2, 1},
			{"c0 to an agent with the ID of a user", "c0", to(frontdesk.AssigneeAgent, "ann"), 1, 1},
			{"c0 unassigned", "c0", to(frontdesk.Nobody, ""), 1, 1},
			{"c2 to bob again", "c2", to(frontdesk.AssigneeUser, "bob"), 1, 1},
			{"c2 closed and unassigned", "c2", func(v *frontdesk.Conversation) {
				v.Status, v.Assignee = frontdesk.Closed, frontdesk.Assignee{}
			}, 1, 0},
		}
		var last agent.View
		have := map[string]int{}
		for _, s := range steps {
			change(s.id, s.do)
			v := c.load(agent.Query{Loads: true, LoadsSince: last.LoadVersion})
			moved := have["ann"] != s.ann || have["bob"] != s.bob
			if moved && v.LoadVersion <= last.LoadVersion {
				c.failf("%s moved a number, and the load version went from %d to %d; expected it to rise", s.what, last.LoadVersion, v.LoadVersion)
			}
			if !moved && v.LoadVersion != last.LoadVersion {
				c.failf("%s moved no number, and the load version went from %d to %d; expected it to stay", s.what, last.LoadVersion, v.LoadVersion)
			}
			for _, l := range v.Loads {
				have[l.UserID] = l.Open
			}
			c.equal("open conversations after "+s.what+", as the changes say", map[string]int{"ann": s.ann, "bob": s.bob}, map[string]int{"ann": have["ann"], "bob": have["bob"]})
			last = v
		}
		c.equal("changes since the present version", nil, c.load(agent.Query{Loads: true, LoadsSince: last.LoadVersion}).Loads)
	}},
	{"loads/new", "counts a conversation that is new and assigned to a user", func(c *storeCase) {
		c.equal("loads of an empty store", agent.View{}, c.load(agent.Query{Loads: true}))
		v := opened("a")
		v.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
		c.commit("a conversation", agent.Commit{Contact: person("a"), Conversation: v})
		got := c.load(agent.Query{Loads: true})
		c.equal("Loads", []agent.Load{{UserID: "ann", Open: 1}}, got.Loads)
		if got.LoadVersion <= 0 {
			c.failf("the load version is %d; expected one above 0", got.LoadVersion)
		}
	}},
	{"loads/since", "gives the users whose number changed after a version, and no others", func(c *storeCase) {
		assign := func(i int, user string) {
			v := opened(fmt.Sprintf("c%02d", i))
			v.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: user}
			c.commit("a conversation", agent.Commit{Contact: person(v.ID), Conversation: v})
		}
		for i := range 20 {
			assign(i, fmt.Sprintf("user-%d", i%10))
		}
		since := c.load(agent.Query{Loads: true}).LoadVersion
		assign(20, "user-3")
		assign(21, "user-7")
		assign(22, "user-3")
		v := c.load(agent.Query{Loads: true, LoadsSince: since})
		slices.SortFunc(v.Loads, func(a, b agent.Load) int { return strings.Compare(a.UserID, b.UserID) })
		c.equal("Loads", []agent.Load{{UserID: "user-3", Open: 4}, {UserID: "user-7", Open: 3}}, v.Loads)
		c.equal("number of users in all", 10, len(c.load(agent.Query{Loads: true}).Loads))
	}},
	{"loads/checked", "takes a commit whose load version is the stored one, and moves the version with it", func(c *storeCase) {
		for i, id := range []string{"a", "b"} {
			conv := c.conversation(id)
			version := c.load(agent.Query{Loads: true}).LoadVersion
			conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ann"}
			c.commit("an assignment by the present version", agent.Commit{Conversation: &conv, Loads: &version})
			v := c.load(agent.Query{Loads: true})
			c.equal("Loads", []agent.Load{{UserID: "ann", Open: i + 1}}, v.Loads)
			again := c.stored(id)
			c.refuse("an assignment by the version before", agent.Commit{Conversation: &again, Loads: &version}, agent.ErrConflict)
			c.commit("a commit by the present version that moves nothing", agent.Commit{Conversation: &again, Loads: &v.LoadVersion})
			c.equal("the load version", v.LoadVersion, c.load(agent.Query{Loads: true}).LoadVersion)
		}
	}},
}
