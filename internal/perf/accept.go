package main

import (
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// begin is when everything here happens.
var begin = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// person is a contact with one conversation, whose changes are committed one
// after the other.
type person struct {
	name    string
	version int64 // of the conversation
	seq     int64 // of its newest message
}

func (p *person) conversation() *frontdesk.Conversation {
	return &frontdesk.Conversation{
		ID: "conversation-" + p.name, ContactID: "contact-" + p.name, Channel: chat, Status: frontdesk.Open, Epoch: 1, Created: begin,
		Assignee: frontdesk.Assignee{Kind: frontdesk.AssigneeAgent, ID: agentID}, LastInbound: begin, Version: p.version, LastSeq: p.seq,
	}
}

// opening is the commit that makes the person known.
func (p *person) opening() agent.Commit {
	c := agent.Commit{
		Contact: &frontdesk.Contact{
			ID: "contact-" + p.name, Created: begin, Identities: []frontdesk.Identity{{Channel: chat, Address: p.name}},
		},
		Conversation: p.conversation(),
	}
	p.version = 1
	return c
}

// writes is the commit of a message of the person, as the engine makes it: the
// key that tells duplicates, the message, and the task that answers.
func (p *person) writes() agent.Commit {
	p.seq++
	id := fmt.Sprintf("message-%s-%d", p.name, p.seq)
	conv := p.conversation()
	p.version++
	return agent.Commit{
		Dedupe:       map[string]string{chat + "\x1f" + id: id},
		Conversation: conv,
		Messages:     []frontdesk.Message{p.written(id)},
		Put:          []agent.Task{{ConversationID: conv.ID, Kind: agent.TaskTurn, Due: begin, TurnID: "turn-" + id, Trigger: agent.Trigger{Kind: agent.TriggerInbound}}},
	}
}

// written is the newest message of the person.
func (p *person) written(id string) frontdesk.Message {
	return frontdesk.Message{
		ID: id, ConversationID: "conversation-" + p.name, Seq: p.seq, Direction: frontdesk.DirInbound,
		Author: frontdesk.Author{Kind: frontdesk.AuthorContact, ID: "contact-" + p.name}, Text: question, At: begin, ProviderID: id,
	}
}

// answer is the message by which the agent answers, and the record of its
// turn.
func (p *person) answer(text string, trigger agent.Trigger) (frontdesk.Message, agent.Turn) {
	p.seq++
	turn := fmt.Sprintf("turn-%s-%d", p.name, p.seq)
	m := frontdesk.Message{
		ID: fmt.Sprintf("message-%s-%d", p.name, p.seq), ConversationID: "conversation-" + p.name, Seq: p.seq, Direction: frontdesk.DirOutbound,
		Author: frontdesk.Author{Kind: frontdesk.AuthorAgent, ID: agentID, Name: "Sales Agent"}, Text: text, At: begin, TurnID: turn,
		Status: frontdesk.Queued, Epoch: 1, FollowUp: trigger.Kind == agent.TriggerFollowUp,
	}
	return m, agent.Turn{
		ID: turn, ConversationID: m.ConversationID, Agent: "Sales Agent", Trigger: trigger, Instructions: "8f14e45fceea167a5a36dedd4bea2543",
		Replies: []frontdesk.Message{m}, Rounds: 1, Usage: agent.Usage{InputTokens: 600, OutputTokens: 30}, Exit: agent.ExitReplied, Started: begin, Ended: begin,
	}
}
