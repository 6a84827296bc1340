package instructions_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// What can be known from a prompt becomes data.
func ExampleCompile() {
	ws := &frontdesk.Workspace{
		Teams:           []frontdesk.Team{{ID: "sales", Name: "Sales Team"}},
		LifecycleStages: []string{"Hot Lead", "Cold Lead"},
	}
	playbook, diagnostics := instructions.Compile(`# CONTEXT
* You talk with people who visit our pricing page.
# FLOW
1. Greet the contact (name: $contact.firstname).
2. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.
# BOUNDARIES
* Cannot: offer discounts.
# FOLLOW-UP
If the contact does not reply after 2 minutes, say "Still there?". If there is still no reply, update the lifecycle stage to Cold Lead and close the conversation.
`, instructions.Options{Workspace: ws})

	for _, s := range playbook.Sections {
		fmt.Println("section", s.Kind)
	}
	for _, t := range playbook.Targets {
		fmt.Println("may assign", t.Target)
	}
	fmt.Println("cannot", playbook.Boundaries.Cannot)
	for _, l := range playbook.Ladders {
		for _, step := range l.Steps {
			fmt.Println("after", time.Duration(step.Delay), len(step.Messages), "messages", len(step.Actions), "actions")
		}
	}
	for _, d := range diagnostics {
		fmt.Println(d)
	}
	// Output:
	// section context
	// section flow
	// section boundaries
	// section follow_up
	// may assign team:sales
	// cannot [offer discounts]
	// after 2m0s 1 messages 0 actions
	// after 2m0s 0 messages 2 actions
	// 9:80: warning: this step has no time of its own and takes that of the one before, 2m: write it [followup-inherited-delay]
}

// Faults are found before a contact meets them, with the nearest name.
func ExampleCompile_faults() {
	ws := &frontdesk.Workspace{Teams: []frontdesk.Team{{Name: "Sales Team"}}, LifecycleStages: []string{"Hot Lead"}}
	_, diagnostics := instructions.Compile("# FLOW\n1. If they agree, assign to @Sale Team and update the lifecycle stage to Hot Led.\n", instructions.Options{Workspace: ws})
	for _, d := range diagnostics.Errors() {
		fmt.Println(d)
	}
	// Output:
	// 2:29: error: nobody in the workspace is called "Sale Team": did you mean @Sales Team? [unknown-mention]
	// 2:74: error: there is no lifecycle stage "Hot Led": did you mean "Hot Lead"? [unknown-stage]
}

// A model may say what the unclear places mean: code checks it, and a person
// accepts it.
func ExamplePropose() {
	const prompt = "# FLOW\n1. If it breaks, tell the technical team.\n# BOUNDARIES\n* Cannot: offer discounts.\n"
	opts := instructions.Options{Workspace: &frontdesk.Workspace{Teams: []frontdesk.Team{{ID: "support", Name: "Support Team"}}}}
	write := func(ctx context.Context, system, prompt string) (string, error) { // agent.Writer(llm), in a program
		return `[{"item": 1, "target": "Support Team", "reason": "they do the technical help"}]`, nil
	}
	proposals, err := instructions.Propose(context.Background(), write, prompt, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range proposals.Items {
		fmt.Println(p.Code, p.Line, p.Target, p.Reason) // a person says yes or no; the rest is stored as JSON
	}

	playbook, diagnostics := instructions.Compile(prompt, opts)
	fmt.Println(playbook.Targets, len(diagnostics), "left open")
	if playbook, err = proposals.Apply(playbook, opts); err != nil {
		fmt.Println(err) // the prompt was edited, or somebody edited the proposals
		return
	}
	fmt.Println("may assign", playbook.Targets[0].Target) // it goes into agent.Config.Playbook
	fmt.Println(len(proposals.Open(diagnostics)), "left open")
	// Output:
	// vague-target 2 team:support they do the technical help
	// [] 1 left open
	// may assign team:support
	// 0 left open
}
