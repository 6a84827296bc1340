package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// A desk lists conversations, shows a history and says what is pending.
func ExampleDesk() {
	clock := agenttest.NewFakeClock()
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello!"), agenttest.Say("Five euros.")), &agenttest.RecordingChannel{}, clock))
	cfg.Instructions += "# FOLLOW-UP\nIf the contact does not reply after 2 minutes, say \"Still there?\".\n"
	store := memstore.New()
	cfg.Store = store
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for i, text := range []string{"Hi", "How much is a cactus?"} {
		in := frontdesk.Inbound{ID: fmt.Sprint(i), From: "+62811", Name: "Budi", Text: text}
		if _, err := mux.Handle(ctx, in); err != nil {
			fmt.Println(err)
		}
	}

	var desk agent.Desk = store
	query := agent.ConversationQuery{Status: frontdesk.Open, Limit: 20}
	for {
		page, err := desk.Conversations(ctx, query)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, item := range page.Items {
			fmt.Println(item.Contact.Field("name"), "with", item.Conversation.Assignee.ID)
			show(ctx, desk, item.Conversation.ID)
		}
		if page.Next == "" {
			break
		}
		query.Cursor = page.Next
	}
	failed, err := desk.Messages(ctx, agent.MessageQuery{Undelivered: true})
	fmt.Println(len(failed.Items), "messages did not arrive", err)
	// Output:
	// Budi with Sales Agent
	//   ai_agent: Five euros.
	//   contact: How much is a cactus?
	//   ai_agent: Hello!
	//   pending: follow_up in 2m0s
	// 0 messages did not arrive <nil>
}

// show prints the newest messages of a conversation and what waits on it.
func show(ctx context.Context, desk agent.Desk, conversation string) {
	page, err := desk.Messages(ctx, agent.MessageQuery{ConversationID: conversation, Limit: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range page.Items {
		fmt.Printf("  %s: %s\n", m.Author.Kind, m.Text)
	}
	pending, err := desk.Pending(ctx, conversation)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, task := range pending.Tasks {
		fmt.Printf("  pending: %s in %s\n", task.Kind, task.Due.Sub(agenttest.Start))
	}
}

// Everything about a contact is exported as JSON, and deleted.
func ExampleDesk_delete() {
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello!")), &agenttest.RecordingChannel{}, nil))
	store := memstore.New()
	cfg.Store = store
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "Hi"}); err != nil {
		fmt.Println(err)
	}

	var desk agent.Desk = store
	view, err := store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: "+62811"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	export, err := desk.Export(ctx, view.Contact.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := json.Marshal(export)
	fmt.Println(json.Valid(data), len(export.Conversations[0].Messages), "messages", err)

	if err := desk.Delete(ctx, view.Contact.ID); err != nil {
		fmt.Println(err)
		return
	}
	_, err = desk.Export(ctx, view.Contact.ID)
	fmt.Println(errors.Is(err, agent.ErrNoContact))
	// Output:
	// true 2 messages <nil>
	// true
}

// unreachable is a channel that rejects every message to one address.
type unreachable string

func (u unreachable) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	if msg.To == string(u) {
		return agent.SendReceipt{}, &agent.SendError{Outcome: agent.Rejected, Reason: "number not in use"}
	}
	return agent.SendReceipt{}, nil
}

func (unreachable) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }

// What somebody has, what a contact ever wrote, and what did not arrive, page by
// page.
func ExampleDesk_lists() {
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello!").Times(4)), unreachable("+0"), agenttest.NewFakeClock()))
	store := memstore.New()
	cfg.Store = store
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for i, from := range []string{"+62811", "+62822", "+0", "+0"} {
		if _, err := mux.Handle(ctx, frontdesk.Inbound{ID: fmt.Sprint(i), From: from, Text: "Hi"}); err != nil {
			fmt.Println(err)
		}
	}
	view, err := store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: "+62811"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := mux.Assign(ctx, view.Conversation.ID, frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"}, ""); err != nil {
		fmt.Println(err)
	}

	var desk agent.Desk = store
	ana := frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: "ana"}
	hers, err := desk.Conversations(ctx, agent.ConversationQuery{Assignee: &ana, Status: frontdesk.Open})
	fmt.Println("Ana has", len(hers.Items), err)

	// On every channel: each is a conversation of the contact.
	his, err := desk.Conversations(ctx, agent.ConversationQuery{ContactID: view.Contact.ID})
	fmt.Println("the contact has", len(his.Items), err)

	failed := agent.MessageQuery{Undelivered: true, Limit: 1}
	for {
		page, err := desk.Messages(ctx, failed)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, m := range page.Items {
			fmt.Println(m.Text, m.Status, m.Reason)
		}
		if page.Next == "" {
			break
		}
		failed.Cursor = page.Next
	}
	// Output:
	// Ana has 1 <nil>
	// the contact has 1 <nil>
	// Hello! failed agent: channel: rejected: number not in use
	// Hello! failed agent: channel: rejected: number not in use
}
