package agenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// commitPromises are about what a commit that succeeds writes.
var commitPromises = []storePromise{
	{"commit/nothing", "takes an empty commit, and does nothing", func(c *storeCase) {
		c.conversation("a")
		before := canon(c.all("a"))
		c.commit("an empty commit", agent.Commit{})
		c.equal("the conversation after an empty commit", before, canon(c.all("a")))
	}},
	{"commit/contact", "gives every field of a contact back as it was committed, its version one higher", func(c *storeCase) {
		p := filled[frontdesk.Contact](1)
		p.Version = 0
		c.commit("a contact", agent.Commit{Contact: &p})
		p.Version = 1
		for _, id := range p.Identities {
			c.equal("the contact by its identity", p, c.load(agent.Query{Identity: id}).Contact)
		}
		again := filled[frontdesk.Contact](2)
		again.ID, again.Version = p.ID, 1
		c.commit("the contact, changed", agent.Commit{Contact: &again})
		again.Version = 2
		c.equal("the changed contact", again, c.load(agent.Query{Identity: again.Identities[0]}).Contact)
		bare := frontdesk.Contact{ID: p.ID, Identities: again.Identities, Created: again.Created, Version: 2}
		c.commit("the contact with its fields taken away", agent.Commit{Contact: &bare})
		bare.Version = 3
		c.equal("the contact without fields", bare, c.load(agent.Query{Identity: again.Identities[0]}).Contact)
	}},
	{"commit/conversation", "gives every field of a conversation back as it was committed, its version one higher", func(c *storeCase) {
		made := c.conversation("a")
		c.equal("version of a new conversation", 1, made.Version)
		v := filled[frontdesk.Conversation](1)
		v.ID, v.ContactID, v.Channel, v.Status, v.Version = made.ID, made.ContactID, made.Channel, frontdesk.Open, 1
		v.Assignee.Kind = frontdesk.AssigneeUser
		c.commit("every field", agent.Commit{Conversation: &v})
		v.Version = 2
		c.equal("the conversation", v, c.stored("a"))
		bare := *opened("a")
		bare.Version = 2
		c.commit("the fields taken away", agent.Commit{Conversation: &bare})
		bare.Version = 3
		c.equal("the conversation without them", bare, c.stored("a"))
		c.equal("its contact", func() any { p := person("a"); p.Version = 1; return p }(), c.load(agent.Query{ConversationID: "a"}).Contact)
	}},
	{"commit/message", "gives every field of a message back as it was committed", func(c *storeCase) {
		c.conversation("a")
		m := filled[frontdesk.Message](1)
		m.ID, m.ConversationID, m.Seq, m.Direction, m.Status = "m", "a", 1, frontdesk.DirOutbound, frontdesk.Queued
		c.messages("a", m)
		v := c.all("a")
		c.equal("History", []frontdesk.Message{m}, v.History)
		c.equal("Outbox", []frontdesk.Message{m}, v.Outbox)
		c.equal("Found", &m, c.load(agent.Query{MessageID: "m"}).Found)
	}},
	{"commit/message-put", "puts a message by its ID, whole", func(c *storeCase) {
		c.conversation("a")
		m := filled[frontdesk.Message](1)
		m.ID, m.ConversationID, m.Seq, m.Direction, m.Status = "a-2", "a", 2, frontdesk.DirOutbound, frontdesk.Queued
		c.messages("a", inbound("a", 1), m, inbound("a", 3))
		changed := filled[frontdesk.Message](2)
		changed.ID, changed.ConversationID, changed.Seq, changed.Direction, changed.Status = m.ID, "a", 2, m.Direction, frontdesk.Delivered
		c.messages("a", changed)
		c.equal("History", []frontdesk.Message{inbound("a", 1), changed, inbound("a", 3)}, c.all("a").History)
		bare := outbound("a", 2, frontdesk.Sent)
		c.messages("a", bare)
		c.equal("History", []frontdesk.Message{inbound("a", 1), bare, inbound("a", 3)}, c.all("a").History)
	}},
	{"commit/message-alone", "takes messages without their conversation, and leaves its version alone then", func(c *storeCase) {
		c.conversation("a")
		c.messages("a", outbound("a", 1, frontdesk.Queued))
		version := c.stored("a").Version
		sent := outbound("a", 1, frontdesk.Sent)
		c.commit("a message's status", agent.Commit{Messages: []frontdesk.Message{sent}})
		c.equal("History", []frontdesk.Message{sent}, c.all("a").History)
		c.equal("the conversation's version", version, c.stored("a").Version)
	}},
	{"commit/turn", "puts a turn by its ID and gives every field of it back, but Turn.Next, which is not stored", func(c *storeCase) {
		conv := c.conversation("a")
		turn := filled[agent.Turn](1)
		turn.ConversationID, turn.Next = "a", &agent.Turn{ID: "next"}
		c.commit("a turn", agent.Commit{Conversation: &conv, Turns: []agent.Turn{turn}})
		got := c.load(agent.Query{ConversationID: "a", TurnID: turn.ID}).Turn
		c.equal("the turn", &turn, got)
		if got.Next != nil {
			c.failf("Turn.Next of a stored turn is %s; expected nil", got.Next.ID)
		}
		again := filled[agent.Turn](2)
		again.ID, again.ConversationID = turn.ID, "a"
		c.commit("the turn again", agent.Commit{Turns: []agent.Turn{again}})
		c.equal("the changed turn", &again, c.load(agent.Query{ConversationID: "a", TurnID: turn.ID}).Turn)
	}},
	{"commit/approval", "puts an approval by its ID and gives every field of it back", func(c *storeCase) {
		c.conversation("a")
		a := filled[agent.Approval](1)
		a.ConversationID, a.Status = "a", agent.ApprovalPending
		c.commit("an approval", agent.Commit{Approvals: []agent.Approval{a}})
		c.equal("the approval", &a, c.load(agent.Query{CallID: a.ID}).Approval)
		again := filled[agent.Approval](2)
		again.ID, again.ConversationID, again.Status = a.ID, "a", agent.ApprovalApproved
		c.commit("the approval, resolved", agent.Commit{Approvals: []agent.Approval{again}})
		c.equal("the resolved approval", &again, c.load(agent.Query{CallID: a.ID}).Approval)
	}},
	{"commit/rotation", "puts a rotation by its name, its version one higher", func(c *storeCase) {
		query := agent.Query{Rotations: []string{"team:a", "team:b"}}
		c.commit("two rotations", agent.Commit{Rotations: []agent.Rotation{{Name: "team:a", Last: "x"}, {Name: "team:b", Last: ""}}})
		c.commit("one of them moved", agent.Commit{Rotations: []agent.Rotation{{Name: "team:a", Last: "y", Version: 1}}})
		c.equal("the rotations", map[string]agent.Rotation{
			"team:a": {Name: "team:a", Last: "y", Version: 2}, "team:b": {Name: "team:b", Version: 1},
		}, c.load(query).Rotations)
	}},
	{"commit/task", "gives every field of a task back as it was put, when it is loaded and when it is claimed", func(c *storeCase) {
		t := filled[agent.Task](1)
		t.ConversationID, t.Kind = "a", agent.TaskFollowUp
		c.conversation("a", t)
		c.equal("Tasks", []agent.Task{t}, c.all("a").Tasks)
		got := c.claimOne(t.Due, "a", agent.TaskFollowUp)
		t.Attempts++
		c.equal("the claimed task", t, got.Task)
		c.equal("Tasks after the claim", []agent.Task{t}, c.all("a").Tasks)
	}},
	{"commit/task-kinds", "keeps one task of each kind", func(c *storeCase) {
		kinds := []agent.TaskKind{agent.TaskTurn, agent.TaskFollowUp, agent.TaskSend, agent.TaskApproval, agent.TaskEcho}
		var tasks []agent.Task
		for i, k := range kinds {
			tasks = append(tasks, task(k, c.at(i)))
		}
		c.conversation("a", tasks...)
		v := c.all("a")
		c.equal("number of tasks", len(kinds), len(v.Tasks))
		for i, k := range kinds {
			c.equal("task "+string(k), tasks[i], v.Task(k))
		}
	}},
	{"commit/task-replace", "replaces a task whole when one of its kind is put, Attempts among it", func(c *storeCase) {
		first := filled[agent.Task](1)
		first.Kind, first.Due = agent.TaskTurn, c.at(0)
		c.conversation("a", first)
		c.claimOne(c.at(0), "a", agent.TaskTurn)
		second := agent.Task{ConversationID: "a", Kind: agent.TaskTurn, Due: c.at(30), TurnID: "t2", Attempts: 7}
		c.put("a", second)
		c.equal("Tasks", []agent.Task{second}, c.all("a").Tasks)
	}},
	{"commit/task-delete", "deletes tasks, and does not mind those that are not there", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskSend, c.at(0)))
		c.conversation("b", turnTask(c.at(0)))
		conv := c.stored("a")
		c.commit("deleting", agent.Commit{Conversation: &conv, Delete: []agent.TaskKind{agent.TaskTurn, agent.TaskFollowUp}})
		v := c.all("a")
		if v.Task(agent.TaskTurn) != nil || v.Task(agent.TaskSend) == nil {
			c.failf("after deleting turn, the tasks are %s; expected send alone", canon(v.Tasks))
		}
		c.claimed(c.claimOf("a", c.at(0)), "a/send")
		c.claimed(c.claimOf("b", c.at(0)), "b/turn")
	}},
	{"commit/task-delete-put", "deletes before it puts", func(c *storeCase) {
		old := turnTask(c.at(0))
		old.TurnID = "old"
		conv := c.conversation("a", old)
		fresh := agent.Task{ConversationID: "a", Kind: agent.TaskTurn, Due: c.at(5), TurnID: "new"}
		c.commit("delete and put of one kind", agent.Commit{Conversation: &conv, Delete: []agent.TaskKind{agent.TaskTurn}, Put: []agent.Task{fresh}})
		c.equal("Tasks", []agent.Task{fresh}, c.all("a").Tasks)
	}},
	{"commit/task-by-fence", "takes the tasks of the fence's conversation in a commit without Conversation", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskFollowUp, c.at(9)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		send := agent.Task{ConversationID: "a", Kind: agent.TaskSend, Due: c.at(1)}
		c.commit("tasks under a fence", agent.Commit{Fence: &fence, Delete: []agent.TaskKind{agent.TaskTurn, agent.TaskFollowUp}, Put: []agent.Task{send}})
		c.equal("Tasks", []agent.Task{send}, c.all("a").Tasks)
	}},
	{"commit/parts", "leaves alone what a commit does not name", func(c *storeCase) {
		conv := c.conversation("a", turnTask(c.at(0)))
		c.messages("a", inbound("a", 1))
		c.commit("rotation and key", agent.Commit{Rotations: []agent.Rotation{{Name: "r", Last: "x"}}, Dedupe: map[string]string{"k": "m"}})
		before := c.all("a")
		p := before.Contact.Clone()
		p.Stage = "Hot Lead"
		c.commit("the contact alone", agent.Commit{Contact: &p})
		after := c.all("a")
		p.Version++
		c.equal("the contact", p, after.Contact)
		after.Contact = before.Contact
		c.equal("all but the contact", before, after)
		conv = c.stored("a")
		conv.TeamID = "sales"
		c.commit("the conversation alone", agent.Commit{Conversation: &conv})
		after = c.all("a")
		conv.Version++
		c.equal("the conversation", conv, after.Conversation)
		c.equal("messages", before.History, after.History)
		c.equal("tasks", before.Tasks, after.Tasks)
		rest := c.load(agent.Query{Rotations: []string{"r"}, DedupeKey: "k"})
		c.equal("the rotation", agent.Rotation{Name: "r", Last: "x", Version: 1}, rest.Rotations["r"])
		c.equal("the key", "m", rest.Duplicate)
	}},
	{"commit/identities", "finds a contact by each identity that it has, and by none that it gave up", func(c *storeCase) {
		p := person("a")
		phone := frontdesk.Identity{Channel: "phone", Address: "1"}
		c.commit("a contact", agent.Commit{Contact: p})
		moved := p.Clone()
		moved.Identities, moved.Version = []frontdesk.Identity{phone}, 1
		c.commit("with another identity", agent.Commit{Contact: &moved})
		c.equal("contact by the old identity", nil, c.load(agent.Query{Identity: identity("a")}).Contact)
		if got := c.load(agent.Query{Identity: phone}).Contact; got == nil || got.ID != p.ID {
			c.failf("the contact by its new identity is %s; expected %s", canon(got), p.ID)
		}
		other := person("b")
		other.Identities = []frontdesk.Identity{identity("a")}
		c.commit("another contact with the identity that is free now", agent.Commit{Contact: other})
		if got := c.load(agent.Query{Identity: identity("a")}).Contact; got == nil || got.ID != other.ID {
			c.failf("the contact by that identity is %s; expected %s", canon(got), other.ID)
		}
	}},
	{"commit/channels", "keeps one conversation of a contact for each channel", func(c *storeCase) {
		p := person("a")
		phone := frontdesk.Identity{Channel: "phone", Address: "1"}
		p.Identities = append(p.Identities, phone)
		c.commit("first channel", agent.Commit{Contact: p, Conversation: opened("a")})
		second := opened("a")
		second.ID, second.Channel = "a2", "phone"
		c.commit("second channel", agent.Commit{Conversation: second})
		c.equal("conversation on the first", "a", c.load(agent.Query{Identity: identity("a")}).Conversation.ID)
		c.equal("conversation on the second", "a2", c.load(agent.Query{Identity: phone}).Conversation.ID)
	}},
	{"commit/arguments", "does not change what it was given", func(c *storeCase) {
		commit := c.whole("a")
		before := canon(commit)
		c.commit("a commit of everything", commit)
		c.equal("the commit after it", before, canon(commit))
	}},
	{"commit/snapshot", "never changes a View that it gave away", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		q := agent.Query{
			ConversationID: "a", History: 100, Turns: true, Waiting: true, Outbox: true, Tasks: true, TurnID: "a-turn",
			Rotations: []string{"a-rotation"}, Loads: true,
		}
		v := c.load(q)
		before := canon(v)
		conv, p := *v.Conversation, v.Contact.Clone()
		conv.LastSeq, conv.Assignee.ID, p.Stage = 99, "somebody else", "another"
		done := v.Waiting[0]
		done.TurnID, done.Text = "a-turn", "changed"
		sent := v.Outbox[0]
		sent.Status = frontdesk.Sent
		turn := *v.Turn
		turn.Exit = agent.ExitClosed
		c.commit("changes of everything", agent.Commit{
			Fence: &fence, Contact: &p, Conversation: &conv, Messages: []frontdesk.Message{done, sent, inbound("a", 9)}, Turns: []agent.Turn{turn},
			Journal: []agent.Entry{{TurnID: "a-turn", N: 3, Kind: agent.EntryResult, Data: []byte(`{}`)}},
			Put:     []agent.Task{{ConversationID: "a", Kind: agent.TaskTurn, Due: c.at(77), TurnID: "other"}},
			Delete:  []agent.TaskKind{agent.TaskSend}, Rotations: []agent.Rotation{{Name: "a-rotation", Last: "z", Version: 1}},
		})
		c.claimOf("a", c.at(1000))
		c.equal("the View after later commits", before, canon(v))
	}},
}

// whole is a first commit with every part.
func (c *storeCase) whole(id string) agent.Commit {
	conv := opened(id)
	conv.LastSeq, conv.Assignee = 2, frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "user-" + id}
	turn := filled[agent.Turn](3)
	turn.ID, turn.ConversationID = id+"-turn", id
	out := outbound(id, 2, frontdesk.Queued)
	out.TurnID = turn.ID
	return agent.Commit{
		Dedupe: map[string]string{id + "-key": id + "-1"}, Contact: person(id), Conversation: conv,
		Messages: []frontdesk.Message{inbound(id, 1), out},
		Turns:    []agent.Turn{turn},
		Journal: []agent.Entry{
			{TurnID: turn.ID, N: 1, Kind: agent.EntryStart, At: c.now, Data: []byte(`{"a": 1}`)},
			{TurnID: turn.ID, N: 2, Kind: agent.EntryAnswer, At: c.at(1), Data: []byte(`{}`)},
		},
		Put: []agent.Task{
			{ConversationID: id, Kind: agent.TaskTurn, Due: c.at(0), TurnID: turn.ID},
			{ConversationID: id, Kind: agent.TaskSend, Due: c.at(3600)},
		},
		Approvals: []agent.Approval{{ID: id + "-call", ConversationID: id, Status: agent.ApprovalPending, At: c.now}},
		Rotations: []agent.Rotation{{Name: id + "-rotation", Last: "x"}},
	}
}

// change is a commit with every part on a conversation that whole made, under
// a fence: every part of it would leave a trace.
func (c *storeCase) change(id string, fence agent.Fence) agent.Commit {
	v := c.all(id)
	conv, p := *v.Conversation, v.Contact.Clone()
	conv.Summary, conv.LastSeq, conv.Assignee.ID = "changed", 3, "other-"+id
	p.Stage = "changed"
	p.Identities = append(slices.Clip(p.Identities), frontdesk.Identity{Channel: "phone", Address: "changed-" + id})
	old := v.History[0]
	old.Text = "changed"
	turn := filled[agent.Turn](4)
	turn.ID, turn.ConversationID = id+"-turn", id
	return agent.Commit{
		Fence: &fence, Release: true,
		Dedupe: map[string]string{id + "-key-2": id + "-3"}, Contact: &p, Conversation: &conv,
		Messages: []frontdesk.Message{old, inbound(id, 3)},
		Turns:    []agent.Turn{turn, {ID: id + "-turn-2", ConversationID: id}},
		Journal: []agent.Entry{
			{TurnID: turn.ID, N: 3, Kind: agent.EntryResult, At: c.at(2), Data: []byte(`{}`)},
			{TurnID: id + "-turn-2", N: 1, Kind: agent.EntryStart, At: c.at(2), Data: []byte(`{}`)},
		},
		Put:    []agent.Task{{ConversationID: id, Kind: agent.TaskFollowUp, Due: c.at(50)}, {ConversationID: id, Kind: agent.TaskTurn, Due: c.at(51)}},
		Delete: []agent.TaskKind{agent.TaskSend},
		Approvals: []agent.Approval{
			{ID: id + "-call", ConversationID: id, Status: agent.ApprovalApproved}, {ID: id + "-call-2", ConversationID: id, Status: agent.ApprovalPending},
		},
		Rotations: []agent.Rotation{{Name: id + "-rotation", Last: "y", Version: 1}, {Name: id + "-rotation-2", Last: "z"}},
	}
}

// refusal makes the promise that a commit with one thing wrong is refused,
// that nothing of it is written, and that the lease stays.
func refusal(name, fault string, want error, spoil func(c *storeCase, commit *agent.Commit)) storePromise {
	short := strings.TrimPrefix(want.Error(), "agent: store: ")
	return storePromise{
		"refuse/" + name, fmt.Sprintf("refuses a commit with %s (%s), and writes nothing of it", fault, short),
		func(c *storeCase) {
			c.commit("a commit of everything", c.whole("a"))
			c.commit("another conversation", c.whole("b"))
			fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
			good := c.change("a", fence)
			bad := good
			spoil(c, &bad)
			c.refuse("a commit with "+fault, bad, want)
			c.claimed(c.claimOf("a", c.at(1))) // it did not release the lane
			c.commit("the same commit, put right", good)
		},
	}
}

// refusalPromises are about commits that are refused.
var refusalPromises = []storePromise{
	refusal("fence-token", "a token that was never given", agent.ErrFenced, func(c *storeCase, k *agent.Commit) {
		f := *k.Fence
		f.Token++
		k.Fence = &f
	}),
	refusal("fence-lane", "the token of the other lane", agent.ErrFenced, func(c *storeCase, k *agent.Commit) {
		f := *k.Fence
		f.Lane = agent.LaneSend
		k.Fence = &f
	}),
	refusal("fence-conversation", "a fence of a conversation that does not exist", agent.ErrFenced, func(c *storeCase, k *agent.Commit) {
		f := *k.Fence
		f.ConversationID = "nobody"
		k.Fence = &f
	}),
	refusal("duplicate", "a dedupe key that exists", agent.ErrDuplicate, func(c *storeCase, k *agent.Commit) {
		k.Dedupe = map[string]string{"a-key-2": "a-3", "b-key": "a-3"}
	}),
	refusal("contact-stale", "an older version of a contact", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		p := k.Contact.Clone()
		p.Version = 0
		k.Contact = &p
	}),
	refusal("contact-ahead", "a contact's version that is not there yet", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		p := k.Contact.Clone()
		p.Version++
		k.Contact = &p
	}),
	refusal("contact-missing", "a version of a contact that does not exist", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		p := k.Contact.Clone()
		p.ID, p.Identities = "contact-nobody", nil
		k.Contact = &p
	}),
	refusal("identity-new", "a new contact whose identity belongs to another", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		p := person("new")
		p.Identities = append(p.Identities, identity("b"))
		k.Contact = p
	}),
	refusal("identity-old", "a stored contact that takes another's identity", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		p := k.Contact.Clone()
		p.Identities = append(p.Identities, identity("b"))
		k.Contact = &p
	}),
	refusal("conversation-stale", "an older version of a conversation", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		v := *k.Conversation
		v.Version = 0
		k.Conversation = &v
	}),
	refusal("conversation-ahead", "a conversation's version that is not there yet", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		v := *k.Conversation
		v.Version++
		k.Conversation = &v
	}),
	refusal("conversation-second", "a second conversation for a contact and channel", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		second := opened("b")
		second.ID = "b2"
		*k = agent.Commit{Conversation: second, Dedupe: map[string]string{"second": "x"}}
	}),
	refusal("conversation-missing", "a version of a conversation that does not exist", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		gone := opened("b")
		gone.ID, gone.Channel, gone.Version = "b2", "phone", 3
		*k = agent.Commit{Conversation: gone, Dedupe: map[string]string{"gone": "x"}}
	}),
	refusal("rotation-stale", "an older version of a rotation", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		k.Rotations = []agent.Rotation{{Name: "a-rotation-2", Last: "z"}, {Name: "a-rotation", Last: "y"}}
	}),
	refusal("rotation-missing", "a version of a rotation that does not exist", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		k.Rotations = []agent.Rotation{{Name: "a-rotation", Last: "y", Version: 1}, {Name: "a-rotation-2", Last: "z", Version: 1}}
	}),
	refusal("loads-stale", "a load version that is not the stored one", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		stale := c.load(agent.Query{Loads: true}).LoadVersion - 1
		k.Loads = &stale
	}),
	refusal("loads-ahead", "a load version that is not there yet", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		ahead := c.load(agent.Query{Loads: true}).LoadVersion + 1
		k.Loads = &ahead
	}),
	refusal("seq", "a new message whose Seq is taken", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		m := inbound("a", 2)
		m.ID = "a-intruder"
		k.Messages = append(slices.Clip(k.Messages), m)
	}),
	refusal("journal-row", "a journal row that is there", agent.ErrConflict, func(c *storeCase, k *agent.Commit) {
		k.Journal = append(slices.Clip(k.Journal), agent.Entry{TurnID: "a-turn", N: 2, Kind: agent.EntryResult, Data: []byte(`{}`)})
	}),
	refusal("order-fence", "a lost fence, a key that exists and a version that is stale: the fence counts first", agent.ErrFenced, func(c *storeCase, k *agent.Commit) {
		f := *k.Fence
		f.Token--
		k.Fence = &f
		k.Dedupe = map[string]string{"a-key": "a-1"}
		k.Rotations = []agent.Rotation{{Name: "a-rotation", Version: 9}}
	}),
	refusal("order-duplicate", "a key that exists and a version that is stale: the key counts first", agent.ErrDuplicate, func(c *storeCase, k *agent.Commit) {
		k.Dedupe = map[string]string{"a-key": "a-1"}
		v := *k.Conversation
		v.Version = 0
		k.Conversation = &v
	}),
	{"refuse/done-context", "returns an error when its context is done, and a commit writes nothing of its own afterwards", func(c *storeCase) {
		c.commit("a commit of everything", c.whole("a"))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		good := c.change("a", fence)
		done, cancel := context.WithCancel(c.ctx)
		cancel()
		before := c.traces(good)
		err := c.Commit(done, good)
		if err == nil {
			c.failf("Commit with a context that is done returned nil")
		}
		for _, sentinel := range []error{agent.ErrConflict, agent.ErrDuplicate, agent.ErrFenced} {
			if errors.Is(err, sentinel) {
				c.failf("Commit with a context that is done returned %v, which says that somebody else was faster", err)
			}
		}
		c.equal("what can be read", before, c.traces(good))
		if _, err := c.Load(done, agent.Query{ConversationID: "a"}); err == nil {
			c.failf("Load with a context that is done returned nil")
		}
		if _, err := c.Claim(done, agent.ClaimQuery{Now: c.at(0), Until: c.at(1), Max: 1}); err == nil {
			c.failf("Claim with a context that is done returned nil")
		}
		if err := c.Append(done, agent.Append{Fence: fence, Until: c.at(99)}); err == nil {
			c.failf("Append with a context that is done returned nil")
		}
		c.commit("the same commit with another context", good)
	}},
}
