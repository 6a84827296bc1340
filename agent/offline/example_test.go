package offline_test

import (
	"context"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/offline"
)

// The rules follow a prompt without a model and without a key.
func Example() {
	playbook, _ := instructions.Compile(`# FLOW
1. Greet the contact.
2. Ask: "Would you like to book a table?"
3. If yes, say "For how many people?"
`, instructions.Options{})
	llm := offline.New(playbook)

	req := &agent.Request{Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: "[contact] Hi"}}}
	for _, answer := range []string{"Yes please", ""} {
		resp, err := llm.Generate(context.Background(), req)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.Text)
		req.Messages = append(req.Messages,
			agent.ChatMessage{Role: agent.RoleAssistant, Text: resp.Text},
			agent.ChatMessage{Role: agent.RoleUser, Text: "[contact] " + answer})
	}
	// Output:
	// Hello, and welcome! Would you like to book a table?
	// Thank you. For how many people?
}
