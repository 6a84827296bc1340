package actions_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
)

// An action of one's own: a typed function. Its schema comes from the type,
// and wrong arguments never reach it.
func ExampleFunc() {
	type Quote struct {
		Plan  string `json:"plan"  jsonschema:"The plan the contact asked about"`
		Seats int    `json:"seats" jsonschema:"How many people will use it"`
	}
	prices := map[string]int{"starter": 9, "team": 19}

	quote, err := actions.Func("quote", "Calculate the monthly price of a plan.",
		func(ctx context.Context, call actions.Call, in Quote) (actions.Result, error) {
			return actions.Result{
				Content: fmt.Sprintf("%d USD a month", prices[in.Plan]*in.Seats),
				Set:     map[string]frontdesk.Value{"seats": frontdesk.Number(float64(in.Seats))},
			}, nil
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	if quote, err = quote.WithEnum("plan", []string{"starter", "team"}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(quote.Schema))

	// An agent does the rest when the LLM calls the action.
	checker, err := actions.NewChecker(quote.Schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, args := range []string{`{"plan":"team","seats":40}`, `{"plan":"gold","Seats":"40"}`} {
		checked, err := checker.Check(json.RawMessage(args))
		if err != nil {
			fmt.Println(err)
			continue
		}
		result, err := quote.Run(context.Background(), actions.Call{Name: quote.Name, Arguments: checked})
		fmt.Println(result.Content, err)
	}
	// Output:
	// {"type":"object","properties":{"plan":{"type":"string","description":"The plan the contact asked about","enum":["starter","team"]},"seats":{"type":"integer","description":"How many people will use it"}},"required":["plan","seats"],"additionalProperties":false}
	// 760 USD a month <nil>
	// actions: arguments refused: "seats" is missing: add it; at /Seats: the key must be written "seats"; at /plan: "gold" is not allowed: use "starter" or "team"
}

// A built-in action only says what is to change; the agent holds that to the
// instructions and commits it.
func ExampleAssign() {
	assign := actions.Assign("When the contact asks for a price, assign to @Sales Team.")
	result, err := assign.Run(context.Background(), actions.Call{
		Name:      assign.Name,
		Arguments: json.RawMessage(`{"target":"Sales Team","summary":"Wants 40 seats."}`),
	})
	fmt.Println(result.Assign.Target.Name, err)
	fmt.Println(result.Assign.Summary)
	fmt.Println(result.Content)
	// Output:
	// Sales Team <nil>
	// Wants 40 seats.
	// Noted: assign to Sales Team. It takes effect when this turn ends.
}

// Where a workspace has no closing notes, the LLM is offered none.
func ExampleAction_Without() {
	closing, err := actions.Close().Without("closing_note")
	fmt.Println(string(closing.Schema), err)
	// Output:
	// {"type":"object","properties":{"summary":{"type":"string","description":"What the contact wanted and how it ended, in at most three sentences."}},"additionalProperties":false} <nil>
}
