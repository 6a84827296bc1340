package agent_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// An agent is a prompt, the workspace that it speaks of, a model, a store and
// a channel. Here the model is a script that first tries what the prompt does
// not allow.
func Example() {
	sales, err := agent.New(agent.Config{
		Name:         "Sales Agent",
		Instructions: "# FLOW\n1. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.",
		Workspace: frontdesk.Workspace{
			Users:           []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}},
			Teams:           []frontdesk.Team{{Name: "Sales Team", Members: []string{"ana"}}, {Name: "Support Team", Members: []string{"ben"}}},
			LifecycleStages: []string{"New Lead", "Hot Lead"},
		},
		LLM: agenttest.Script(nil, // or langchain.New(model), for any model of langchaingo
			agenttest.CallTool("assign", map[string]any{"target": "Support Team"}),
			agenttest.CallTool("assign", map[string]any{"target": "Sales Team"}),
			agenttest.Say("$assignee.name will show you around.")),
		Store:   memstore.New(),
		Channel: &agenttest.RecordingChannel{},
		Actions: []actions.Action{actions.Assign(), actions.UpdateStage()},
	})
	if err != nil {
		fmt.Println(err) // every fault of the prompt, with line and column
		return
	}
	mux, err := agent.NewMux(sales)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: "1", From: "+62811", Text: "A demo, please"})
	for _, call := range turn.Calls {
		fmt.Printf("%s %s: %s\n", call.Name, call.Arguments, call.Detail)
	}
	fmt.Println(turn.Reply(), turn.Exit, err)
	// Output:
	// assign {"target":"Support Team"}: the instructions do not allow that target: use one of Sales Team
	// assign {"target":"Sales Team"}: it will be assigned to Sales Team when this turn ends
	// Ana will show you around. handed_off <nil>
}

// A fault of the prompt is found when it is saved, not when a contact meets
// it.
func ExampleNew() {
	_, err := agent.New(agent.Config{
		Name: "Sales Agent",
		Instructions: "# FLOW\n" +
			"1. Greet $contact.fristname.\n" +
			"2. If they want a demo, assign to @Sales Taem.\n",
		Workspace: frontdesk.Workspace{Teams: []frontdesk.Team{{Name: "Sales Team"}}},
		LLM:       agenttest.Script(nil), Store: memstore.New(), Channel: &agenttest.RecordingChannel{},
		Actions: []actions.Action{actions.Assign()},
	})
	var faults *agent.InstructionError
	if errors.As(err, &faults) {
		for _, d := range faults.Diagnostics {
			fmt.Println(d)
		}
	}
	// Output:
	// 2:10: error: there is no contact field "fristname": did you mean $contact.firstname? [unknown-field]
	// 3:35: error: nobody in the workspace is called "Sales Taem": did you mean @Sales Team? [unknown-mention]
}

// shop is what the examples below have in common.
func shop(llm agent.LLM, channel agent.Channel, clock frontdesk.Clock) agent.Config {
	return agent.Config{
		Name:         "Sales Agent",
		Instructions: "# CONTEXT\nYou sell plants.\n# FLOW\n1. Greet the contact.\n2. If a plant is ill, assign to @Plant Doctor.\n# BOUNDARIES\n* Cannot: offer discounts.\n",
		Workspace: frontdesk.Workspace{
			Users:           []frontdesk.User{{ID: "ana", Name: "Ana"}},
			AIAgents:        []frontdesk.AIAgent{{Name: "Sales Agent"}, {Name: "Plant Doctor"}},
			LifecycleStages: []string{"New Lead", "Cold Lead"},
		},
		LLM: llm, Store: memstore.New(), Channel: channel, Clock: clock,
		Actions:  []actions.Action{actions.Assign(), actions.Close(), actions.UpdateStage()},
		Debounce: agent.Off,
	}
}

// open joins the configurations to a Mux. Programs handle the errors one by
// one.
func open(configs ...agent.Config) (*agent.Mux, error) {
	var agents []*agent.Agent
	for _, c := range configs {
		a, err := agent.New(c)
		if err != nil {
			return nil, err
		}
		agents = append(agents, a)
	}
	return agent.NewMux(agents...)
}

// A message that comes twice is answered once.
func ExampleMux_Handle() {
	channel := &agenttest.RecordingChannel{}
	mux, err := open(plain(shop(agenttest.Script(nil, agenttest.Say("Hello! What are you looking for?")), channel, nil)))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := frontdesk.Inbound{ID: "wamid.1", From: "+62811", Text: "Hi"}
	first, err := mux.Handle(context.Background(), in)
	fmt.Println(first.Reply(), err)
	again, err := mux.Handle(context.Background(), in)
	fmt.Println(again.ID == first.ID, err)
	fmt.Println(len(channel.Texts()), "message was sent")
	// Output:
	// Hello! What are you looking for? <nil>
	// true <nil>
	// 1 message was sent
}

// plain takes the mention of a second agent out of the instructions.
func plain(c agent.Config) agent.Config {
	c.Instructions = "# FLOW\n1. Greet the contact.\n# BOUNDARIES\n* Cannot: offer discounts.\n"
	return c
}

// A webhook stores the message and answers the provider; Run, or here RunDue,
// does the work. What comes within the debounce is answered together.
func ExampleMux_Accept() {
	clock := agenttest.NewFakeClock()
	channel := &agenttest.RecordingChannel{}
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello! A cactus is 5 euros.")), channel, clock))
	cfg.Debounce = time.Second
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for i, text := range []string{"Hi", "how much is a cactus?"} {
		if err := mux.Accept(ctx, frontdesk.Inbound{ID: fmt.Sprint(i), From: "+62811", Text: text}); err != nil {
			fmt.Println(err)
		}
	}
	n, err := mux.RunDue(ctx)
	fmt.Println(n, err)
	clock.Advance(time.Second)
	n, err = mux.RunDue(ctx)
	fmt.Println(n, err, channel.Texts())
	// Output:
	// 0 <nil>
	// 2 <nil> [Hello! A cactus is 5 euros.]
}

// An agent hands over to another one, which answers in the same trigger and
// knows why.
func Example_handoff() {
	channel := &agenttest.RecordingChannel{}
	front := shop(agenttest.Script(nil,
		agenttest.CallTool("assign", map[string]any{"target": "Plant Doctor", "reason": "brown leaves", "summary": "A ficus by the window."}),
		agenttest.Say("Our plant doctor will have a look.")), channel, nil)
	doctor := front
	doctor.Name, doctor.Instructions = "Plant Doctor", "# FLOW\n1. Ask how often they water it.\n# BOUNDARIES\n* Cannot: sell.\n"
	doctor.LLM = agenttest.Script(nil, agenttest.Say("How often do you water your ficus?").ExpectLast("brown leaves", "A ficus by the window."))
	mux, err := open(front, doctor)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: "1", From: "+62811", Text: "My ficus has brown leaves"})
	fmt.Println(turn.Agent, turn.Exit, err)
	fmt.Println(turn.Next.Agent, turn.Next.Exit)
	for _, text := range channel.Texts() {
		fmt.Println(">", text)
	}
	// Output:
	// Sales Agent handed_off <nil>
	// Plant Doctor replied
	// > Our plant doctor will have a look.
	// > How often do you water your ficus?
}

// Follow-ups are written in the prompt and run by the clock. A test moves a
// fake one.
func Example_followUps() {
	clock := agenttest.NewFakeClock()
	channel := &agenttest.RecordingChannel{}
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello! What are you looking for?")), channel, clock))
	cfg.Instructions += `# FOLLOW-UP
If the contact does not reply after 2 minutes, say "Still there?". If there is still no reply after another 10 minutes, say "Write to us any time.", update the lifecycle stage to Cold Lead and close the conversation without a summary.
`
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "Hi"}); err != nil {
		fmt.Println(err)
	}
	for {
		due, ok, err := mux.NextDue(ctx)
		if err != nil || !ok {
			break
		}
		clock.Set(due)
		if _, err := mux.RunDue(ctx); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(due.Sub(agenttest.Start), channel.Texts()[len(channel.Texts())-1])
	}
	view, err := cfg.Store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: "+62811"}})
	fmt.Println(view.Conversation.Status, view.Contact.Stage, err)
	// Output:
	// 2m0s Still there?
	// 12m0s Write to us any time.
	// closed Cold Lead <nil>
}

// An action of one's own is a Go function. Arguments that do not fit never
// reach it; the model reads why and calls again.
func Example_customAction() {
	type order struct {
		Plant  string `json:"plant"`
		Pieces int    `json:"pieces"`
	}
	reserve := actions.MustFunc("reserve", "Reserve plants for the contact.",
		func(_ context.Context, call actions.Call, in order) (actions.Result, error) {
			return actions.Result{Content: fmt.Sprintf("%d x %s reserved until Friday", in.Pieces, in.Plant)}, nil
		})
	cfg := plain(shop(agenttest.Script(nil,
		agenttest.CallTool("reserve", map[string]any{"plant": "cactus", "pieces": "two"}),
		agenttest.CallTool("reserve", map[string]any{"plant": "cactus", "pieces": 2}),
		agenttest.Say("Two cacti are reserved for you until Friday.").ExpectLast("reserved until Friday")), &agenttest.RecordingChannel{}, nil))
	cfg.Actions = append(cfg.Actions, reserve)
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: "1", From: "+62811", Text: "Two cacti please"})
	for _, call := range turn.Calls {
		fmt.Println(call.Outcome, call.Detail)
	}
	fmt.Println(turn.Reply(), err)
	// Output:
	// refused arguments refused: at /pieces: is a string: give an integer
	// done 2 x cactus reserved until Friday
	// Two cacti are reserved for you until Friday. <nil>
}

// A call that needs approval waits for a person, and is run once.
func ExampleMux_Resolve() {
	refund := actions.MustFunc("refund", "Pay the contact back.",
		func(context.Context, actions.Call, struct{}) (actions.Result, error) {
			return actions.Result{Content: "20 euros were paid back"}, nil
		})
	refund.NeedsApproval = true
	channel := &agenttest.RecordingChannel{}
	cfg := plain(shop(agenttest.Script(nil,
		agenttest.CallTool("refund", nil),
		agenttest.Say("I have asked my colleagues."),
		agenttest.Say("You get 20 euros back.").ExpectLast("approved")), channel, nil))
	cfg.Actions = append(cfg.Actions, refund)
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "My cactus came broken"})
	fmt.Println(turn.Calls[0].Outcome, err)
	fmt.Println(mux.Resolve(ctx, turn.Calls[0].ID, true, "ana"))
	fmt.Println(mux.Resolve(ctx, turn.Calls[0].ID, false, "ana"))
	if _, err := mux.RunDue(ctx); err != nil {
		fmt.Println(err)
	}
	for _, text := range channel.Texts() {
		fmt.Println(">", text)
	}
	// Output:
	// pending <nil>
	// <nil>
	// agent: the call was resolved before
	// > I have asked my colleagues.
	// > You get 20 euros back.
}

// A human who writes takes the conversation over: the agent is silent until
// the conversation is given back.
func ExampleMux_Reply() {
	channel := &agenttest.RecordingChannel{}
	mux, err := open(plain(shop(agenttest.Script(nil, agenttest.Say("Hello!"), agenttest.Say("Good to have you back.")), channel, nil)))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	say := func(id, text string) agent.Turn {
		turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: id, From: "+62811", Text: text})
		if err != nil {
			fmt.Println(err)
		}
		return turn
	}
	conversation := say("1", "Hi").ConversationID
	if _, err := mux.Reply(ctx, agent.HumanReply{ConversationID: conversation, UserID: "ana", Text: "Ana here."}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(say("2", "Hi Ana").Exit)
	fmt.Println(mux.Assign(ctx, conversation, frontdesk.Target{Name: "Sales Agent"}, "ana"))
	fmt.Println(say("3", "I am back").Exit)
	for _, m := range channel.Delivered() {
		fmt.Printf("%s: %s\n", m.Author.Name, m.Text)
	}
	// Output:
	// not_ours
	// <nil>
	// replied
	// Sales Agent: Hello!
	// Ana: Ana here.
	// Sales Agent: Good to have you back.
}

// priceList is a Knowledge source of one page.
type priceList string

func (p priceList) Search(context.Context, string, int) ([]agent.Passage, error) {
	return []agent.Passage{{Text: string(p), Source: "price list 2026", Score: 1}}, nil
}

// Knowledge reaches the model as data, with its source; the turn's record
// says which passages it was given.
func ExampleKnowledge() {
	cfg := plain(shop(agenttest.Script(nil,
		agenttest.Say("A cactus is 5 euros.").ExpectSystem(`source "price list 2026": "Cactus: 5 euros."`)), &agenttest.RecordingChannel{}, nil))
	cfg.Knowledge = priceList("Cactus: 5 euros.")
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: "1", From: "+62811", Text: "How much is a cactus?"})
	fmt.Println(turn.Reply(), turn.Sources, err)
	// Output: A cactus is 5 euros. [price list 2026] <nil>
}

// A contact who opts out hears nothing more from agents until they want it
// again.
func ExampleOptOut() {
	channel := &agenttest.RecordingChannel{}
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello!"), agenttest.Say("Welcome back!")), channel, nil))
	cfg.OptOut = agent.OptOut{Words: []string{"stop"}, BackWords: []string{"start"}}
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, text := range []string{"Hi", "STOP.", "are you there?", "start"} {
		turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: fmt.Sprint(i), From: "+62811", Text: text})
		fmt.Println(text, turn.Exit, err)
	}
	for _, text := range channel.Texts() {
		fmt.Println(">", text)
	}
	// Output:
	// Hi replied <nil>
	// STOP. not_ours <nil>
	// are you there? not_ours <nil>
	// start replied <nil>
	// > Hello!
	// > You will not get any more messages from us. Write start if you change your mind.
	// > Welcome back!
}

// A constraint of the prompt is held by code: what the model saves must keep
// it.
func Example_constraint() {
	cfg := plain(shop(agenttest.Script(nil,
		agenttest.CallTool("update_field", map[string]any{"fields": []any{map[string]any{"field": "email", "value": "eve@gmail.com"}}}),
		agenttest.Say("Which is your company address?").ExpectLast("ends with")), &agenttest.RecordingChannel{}, nil))
	cfg.Instructions = "# FLOW\n1. Ask for the email and update field $contact.email only if it ends with @acme.com.\n# BOUNDARIES\n* Cannot: offer discounts.\n"
	cfg.Actions = []actions.Action{actions.UpdateFields()}
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: "1", From: "+62811", Text: "eve@gmail.com"})
	fmt.Println(turn.Calls[0].Outcome, turn.Calls[0].Detail, err)
	// Output:
	// refused nothing was changed: field "email": the instructions allow it only if it ends with @acme.com <nil>
}

// When the model stays down, is refused or runs into a limit, the fallback
// runs: here a text, and a person.
func Example_fallback() {
	channel := &agenttest.RecordingChannel{}
	cfg := plain(shop(agenttest.Script(nil,
		agenttest.Fail(&agent.LLMError{Kind: agent.LLMDenied, Err: errors.New("no credit left")})), channel, nil))
	cfg.Fallback = agent.Fallback{
		Assign: frontdesk.Target{Kind: frontdesk.TargetUser, ID: "ana"},
		Text:   "One moment, a colleague will write to you.",
	}
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	turn, err := mux.Handle(context.Background(), frontdesk.Inbound{ID: "1", From: "+62811", Text: "Hi"})
	fmt.Println(turn.Exit, err)
	fmt.Println(turn.Failure)
	fmt.Println(channel.Texts())
	// Output:
	// fallback <nil>
	// the LLM does not answer: agent: LLM: denied: no credit left
	// [One moment, a colleague will write to you.]
}

// A human who answers on the phone has taken over, too: the channel shows
// what they wrote.
func ExampleMux_AcceptEcho() {
	mux, err := open(plain(shop(agenttest.Script(nil, agenttest.Say("Hello!")), &agenttest.RecordingChannel{}, nil)))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "Hi"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(mux.AcceptEcho(ctx, agent.Echo{ProviderID: "wamid.77", To: "+62811", Text: "Hi, this is Ana. I will take care of it."}))
	turn, err := mux.Handle(ctx, frontdesk.Inbound{ID: "2", From: "+62811", Text: "Thanks, Ana"})
	fmt.Println(turn.Exit, turn.Failure, err)
	// Output:
	// <nil>
	// not_ours human_owned <nil>
}

// Follow-ups can be given in Go, too. Texts that are not verbatim are examples
// for the model.
func Example_ladderInGo() {
	clock := agenttest.NewFakeClock()
	channel := &agenttest.RecordingChannel{}
	cfg := plain(shop(agenttest.Script(nil, agenttest.Say("Hello!"), agenttest.Say("Do you still need a cactus?")), channel, clock))
	cfg.Ladders = []followup.Ladder{{Steps: []followup.Step{
		{Delay: followup.Delay(time.Hour), Messages: []followup.Message{{Text: "Still interested?"}}},
		{Delay: followup.Delay(24 * time.Hour), Silent: true, Actions: []followup.Action{{Name: "close_conversation", NoSummary: true}}},
	}}}
	mux, err := open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := mux.Handle(ctx, frontdesk.Inbound{ID: "1", From: "+62811", Text: "Hi"}); err != nil {
		fmt.Println(err)
	}
	for range 2 {
		clock.Advance(24 * time.Hour)
		if _, err := mux.RunDue(ctx); err != nil {
			fmt.Println(err)
		}
	}
	view, err := cfg.Store.Load(ctx, agent.Query{Identity: frontdesk.Identity{Address: "+62811"}})
	fmt.Println(channel.Texts(), view.Conversation.Status, err)
	// Output:
	// [Hello! Do you still need a cactus?] closed <nil>
}
