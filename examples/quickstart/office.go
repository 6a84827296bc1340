package main

import (
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// office is the shop in which the agent works: everything but the model, the
// clock and the channel, which differ between the recorded day and a live
// chat.
type office struct {
	store agent.Store
	agent *agent.Agent
	mux   *agent.Mux
}

// workspace is what exists around the agent. The instructions are compiled
// against it: a name that they use and that is not here is an error with line
// and column.
func workspace(lang string) frontdesk.Workspace {
	budget, cold := "Anggaran", "Prospek Dingin"
	if lang == "en" {
		budget, cold = "Budget", "Cold Lead"
	}
	return frontdesk.Workspace{
		Name:     "Kotakku",
		TimeZone: "Asia/Jakarta",
		Users: []frontdesk.User{
			{ID: "andi", Name: "Andi"}, {ID: "rina", Name: "Rina"}, {ID: "tono", Name: "Tono"},
		},
		Teams: []frontdesk.Team{
			{ID: "sales", Name: "Sales Team", Members: []string{"andi", "rina"}},
			{ID: "support", Name: "Support Team", Members: []string{"tono"}},
		},
		AIAgents:        []frontdesk.AIAgent{{ID: "sales-agent", Name: "Sales Agent"}},
		Fields:          []frontdesk.Field{{ID: "budget", Name: budget, Type: frontdesk.TypeNumber}},
		LifecycleStages: []string{"New Lead", "Hot Lead", cold},
	}
}

// instructionsOf reads the prompt in a language.
func instructionsOf(lang string) (string, error) {
	prompt, err := files.ReadFile("lead-qualification." + lang + ".md")
	if err != nil {
		return "", fmt.Errorf("there is no prompt in %q: use -lang id or -lang en", lang)
	}
	followUp, err := files.ReadFile("follow-up." + lang + ".md")
	return string(prompt) + "\n" + string(followUp), err
}

// newOffice compiles the prompt and builds the agent on it.
func newOffice(lang string, llm agent.LLM, store agent.Store, channel agent.Channel, clock frontdesk.Clock, timeouts agent.Timeouts, onTurn func(agent.Turn)) (*office, error) {
	prompt, err := instructionsOf(lang)
	if err != nil {
		return nil, err
	}
	products, err := newCatalogue("catalogue." + lang + ".csv")
	if err != nil {
		return nil, err
	}
	o := &office{store: store}
	o.agent, err = agent.New(agent.Config{
		Name:         "Sales Agent",
		Instructions: prompt,
		Workspace:    workspace(lang),
		LLM:          llm,
		Store:        o.store,
		Channel:      channel,
		Clock:        clock,
		Knowledge:    products,
		Actions:      []actions.Action{actions.UpdateFields(), actions.Assign(), actions.UpdateStage(), actions.Close()},
		Debounce:     agent.Off,
		Timeouts:     timeouts,
		OnTurn:       onTurn,
	})
	if err != nil {
		return nil, err
	}
	o.mux, err = agent.NewMux(o.agent)
	return o, err
}
