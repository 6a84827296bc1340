package main

import (
	"context"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// prompt is what the agent works by. Its ladder is armed by each reply and
// ended by the contact's next message, as in most prompts that people run.
const prompt = `# CONTEXT
You talk with people who visit our pricing page.
# ROLE AND COMMUNICATION STYLE
Warm and short.
# FLOW
1. Greet the contact (name: $contact.firstname) and ask what they need.
2. If they want a demo, assign to @Sales Team.
3. If they are done, close the conversation.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
# FOLLOW-UP
If the contact does not reply after 2 hours, say "Is there anything else I can help you with?". If there is still no reply after another 2 hours, close the conversation without a summary and say "I will close this for now. Write to us whenever you like."
`

const (
	question = "Hello, I would like to know what the large plan costs for a team of twelve."
	reply    = "The large plan is 20 a seat and month, so a team of twelve pays 240 a month. Would you like to see it in a demo?"
	chat     = "chat" // the channel
)

// instant is a model that answers at once, always the same.
type instant struct{}

func (instant) Generate(context.Context, *agent.Request) (*agent.Response, error) {
	return &agent.Response{Text: reply, Stop: agent.StopEnd, Usage: agent.Usage{InputTokens: 600, OutputTokens: 30}}, nil
}

// channel takes every message at once. Nil sent: nobody is told.
type channel struct{ sent func(agent.Outbound) }

func (c channel) Send(_ context.Context, m agent.Outbound) (agent.SendReceipt, error) {
	if c.sent != nil {
		c.sent(m)
	}
	return agent.SendReceipt{ProviderID: "provider-" + m.Key}, nil
}

func (channel) Capabilities(string) agent.Capabilities { return agent.Capabilities{Idempotent: true} }

// newMux is an agent at work on a store.
func newMux(s agent.Store, change func(*agent.Config)) (*agent.Mux, error) {
	cfg := agent.Config{
		Name: "Sales Agent", Instructions: prompt, LLM: instant{}, Store: s, Channel: channel{}, Debounce: agent.Off,
		Actions: []actions.Action{actions.Assign(), actions.Close()},
		Workspace: frontdesk.Workspace{
			ID: "ws", Name: "Acme",
			Users:    []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}},
			Teams:    []frontdesk.Team{{ID: "sales", Name: "Sales Team", Members: []string{"ana", "ben"}}},
			AIAgents: []frontdesk.AIAgent{{ID: agentID, Name: "Sales Agent"}},
		},
	}
	if change != nil {
		change(&cfg)
	}
	a, err := agent.New(cfg)
	if err != nil {
		return nil, err
	}
	return agent.NewMux(a)
}

const agentID = "a-sales"

// inbound is the i-th message of a contact.
func inbound(contact, i int) frontdesk.Inbound {
	return frontdesk.Inbound{Channel: chat, ID: fmt.Sprintf("in-%d-%d", contact, i), From: fmt.Sprintf("contact-%d", contact), Text: question}
}

// handle lets the agent answer a message, and makes sure that it did.
func handle(ctx context.Context, m *agent.Mux, in frontdesk.Inbound) error {
	turn, err := m.Handle(ctx, in)
	if err == nil && turn.Exit != agent.ExitReplied {
		err = fmt.Errorf("perf: message %s ended in %q: %s", in.ID, turn.Exit, turn.Failure)
	}
	return err
}
