package agent_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// New reports what is missing, what contradicts itself and what is wrong with
// the texts, all at once.
func TestNewReportsEveryFaultAtOnce(t *testing.T) {
	ws := workspace()
	ws.Teams[0].Members = append(ws.Teams[0].Members, "nobody")
	_, err := agent.New(agent.Config{
		Instructions: "# FLOW\n1. If they want a demo, assign to @Nobody At All.\n2. Ask for $contact.shoe_size.",
		Workspace:    ws,
		Actions:      []actions.Action{actions.Assign(), actions.Assign(), {Name: "no schema"}},
		AllowTargets: []frontdesk.Target{{Kind: frontdesk.TargetTeam, ID: "gone"}},
		Fallback:     agent.Fallback{Assign: frontdesk.Target{Name: "Ghost"}},
		Ladders:      []followup.Ladder{{Steps: []followup.Step{{Delay: followup.Delay(25 * time.Hour)}}}},
		Limits:       agent.Limits{LLMCalls: -1},
		Retry:        agent.Retry{Attempts: -1, First: -time.Second},
		Timeouts:     agent.Timeouts{LLM: 3 * time.Minute, Poll: -1},
		Debounce:     -7,
		FollowUps:    agent.FollowUps{Window: agent.WindowTemplate},
	})
	require.Error(t, err)
	for _, part := range []string{
		"Name is empty", "no LLM", "no Store", "no Channel", "who is no user", `two actions named "assign"`, "no schema",
		"Limits.LLMCalls", "Retry.Attempts", "Retry.First", "Timeouts.LLM (3m0s) is not shorter than Timeouts.Lease (2m0s)", "Timeouts.Poll", "Debounce",
		"FollowUps.Template", "24h", "gone", "Ghost", "unknown-mention", "unknown-field",
	} {
		assert.ErrorContains(t, err, part)
	}
}

// The faults of a text come with line and column, and can be branched on.
func TestNewReportsInstructionFaultsWithPosition(t *testing.T) {
	k := newKit(t, nobody(t))
	cfg := k.config("Sales Agent", nobody(t))
	cfg.Instructions = "# FLOW\n1. Greet.\n2. If they want a demo, assign to @Sales Taem.\n3. Email: $contact.emial\n"
	cfg.Actions = []actions.Action{actions.Assign("If they ask for help, assign to @Suport Team.")}
	a, err := agent.New(cfg)
	assert.Nil(t, a, "no usable value comes with an error")
	var ie *agent.InstructionError
	require.ErrorAs(t, err, &ie)
	assert.Equal(t, "Sales Agent", ie.Agent)
	assert.Equal(t, "instructions", ie.Where)
	require.Len(t, ie.Diagnostics, 2)
	assert.Equal(t, "unknown-mention", ie.Diagnostics[0].Code)
	assert.Equal(t, 3, ie.Diagnostics[0].Line)
	assert.Equal(t, 35, ie.Diagnostics[0].Column)
	assert.Equal(t, "unknown-field", ie.Diagnostics[1].Code)
	assert.Equal(t, 4, ie.Diagnostics[1].Line)
	assert.ErrorContains(t, err, "3:35: error:")
	assert.ErrorContains(t, err, "prompt of action assign", "the faults of the action prompts come with those of the instructions")
	assert.ErrorContains(t, err, "Support Team", "the nearest name")
}

// Warnings do not stop an agent (S3).
func TestNewKeepsWarnings(t *testing.T) {
	k := newKit(t, nobody(t))
	cfg := k.config("Sales Agent", nobody(t))
	cfg.Instructions = "Be nice. Forward hard cases to sales."
	a, err := agent.New(cfg)
	require.NoError(t, err)
	assert.False(t, a.Diagnostics().HasErrors())
	var codes []string
	for _, d := range a.Diagnostics() {
		codes = append(codes, d.Code)
	}
	assert.Contains(t, codes, "no-headings")
}

// A compiled playbook that went through JSON makes the same agent as its text
// (S2.5).
func TestPlaybookInPlaceOfInstructions(t *testing.T) {
	ask := func(c func(*agent.Config)) agent.Request {
		llm := agenttest.Script(t, agenttest.Say("Hello!")).Record()
		k := newKit(t, llm, c)
		turn := k.say("Hi")
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
		return llm.Requests()[0]
	}
	ws := workspace()
	const text = ladderPrompt + "Save the email only if it ends with @example.com. Do not generate a summary.\n"
	compiled, ds := instructions.Compile(text, instructions.Options{Workspace: &ws})
	require.False(t, ds.HasErrors(), "%v", ds)
	data, err := json.Marshal(compiled)
	require.NoError(t, err)
	var stored instructions.Playbook
	require.NoError(t, json.Unmarshal(data, &stored))
	assert.Equal(t, ask(func(c *agent.Config) { c.Instructions = text }),
		ask(func(c *agent.Config) { c.Instructions, c.Playbook = "", &stored }))
}

// A playbook of an older grammar runs unchanged and says so; both a text and
// a playbook, or neither, is a fault.
func TestPlaybookFaults(t *testing.T) {
	k := newKit(t, nobody(t))
	ws := workspace()
	pb, _ := instructions.Compile(prompt, instructions.Options{Workspace: &ws})
	cfg := k.config("Sales Agent", nobody(t))
	cfg.Playbook = pb
	_, err := agent.New(cfg)
	require.ErrorContains(t, err, "both Instructions and a Playbook")
	cfg.Instructions = ""
	old := *pb
	old.Grammar = 0
	cfg.Playbook = &old
	a, err := agent.New(cfg)
	require.NoError(t, err)
	require.Len(t, a.Diagnostics(), 1)
	assert.Equal(t, "stale-playbook", a.Diagnostics()[0].Code)
	cfg.Playbook = nil
	_, err = agent.New(cfg)
	require.ErrorContains(t, err, "no Instructions")
	cfg.Playbook = &instructions.Playbook{}
	_, err = agent.New(cfg)
	require.ErrorContains(t, err, "is empty")
}

// I15: a stored playbook allows nobody who has left the workspace since.
func TestStoredPlaybookOfAnOlderWorkspace(t *testing.T) {
	ws := workspace()
	pb, ds := instructions.Compile("# FLOW\n1. If they want a demo, assign to @Sales Team. If they need help, assign to @Support Team.", instructions.Options{Workspace: &ws})
	require.False(t, ds.HasErrors(), "%v", ds)
	k := newKit(t, nobody(t))
	ws.Teams = ws.Teams[1:]
	llm := agenttest.Script(t,
		agenttest.CallTool("assign", map[string]any{"target": "Sales Team"}),
		agenttest.Say("I cannot.").ExpectLast("do not allow that target: use one of Support Team"),
	)
	cfg := k.config("Sales Agent", llm)
	cfg.Instructions, cfg.Playbook, cfg.Workspace = "", pb, ws
	k.join(cfg)
	require.NotEmpty(t, k.agents[0].Diagnostics())
	assert.Equal(t, "unknown-mention", k.agents[0].Diagnostics()[0].Code)
	turn := k.say("a demo")
	assert.Equal(t, agent.CallRefused, turn.Call("assign").Outcome)
}

// NewMux refuses agents that do not belong together, all faults at once.
func TestNewMuxRefuses(t *testing.T) {
	_, err := agent.NewMux()
	require.ErrorContains(t, err, "at least one agent")
	_, err = agent.NewMux(nil)
	require.ErrorContains(t, err, "at least one agent")

	k := newKit(t, nobody(t))
	mk := func(name string, change ...func(*agent.Config)) *agent.Agent {
		cfg := k.config(name, nobody(t))
		for _, f := range change {
			f(&cfg)
		}
		a, err := agent.New(cfg)
		require.NoError(t, err)
		return a
	}
	plain := func(c *agent.Config) { c.Instructions = "# FLOW\n1. Chat." }
	other := mk("Support Agent", plain, func(c *agent.Config) {
		c.Store, c.Channel, c.Clock = memstore.New(), agent.Channels{"test": k.channel}, agenttest.NewFakeClock()
		c.Workspace.Name = "Elsewhere"
	})
	_, err = agent.NewMux(mk("Sales Agent", plain), other)
	for _, part := range []string{"different Store", "different Channel", "different Clock", "different Workspace"} {
		assert.ErrorContains(t, err, part)
	}
	_, err = agent.NewMux(mk("Sales Agent", plain), mk("Sales Agent", plain))
	require.ErrorContains(t, err, "two agents")
	_, err = agent.NewMux(mk("Sales Agent"))
	require.ErrorContains(t, err, "@Support Agent, which is not in the Mux")
	_, err = agent.NewMux(mk("Sales Agent", plain, func(c *agent.Config) {
		c.Fallback.Assign = frontdesk.Target{Name: "Third Agent"}
	}))
	require.ErrorContains(t, err, "@Third Agent, which is not in the Mux")
	_, err = agent.NewMux(mk("Sales Agent", plain, func(c *agent.Config) {
		c.Ladders = []followup.Ladder{steps(after(time.Minute, "hello?", followup.Action{Name: "assign", Target: "Third Agent"}))}
	}))
	require.ErrorContains(t, err, `a ladder of "Sales Agent" hands over to @Third Agent, which is not in the Mux`)
	_, err = agent.NewMux(mk("Sales Agent", plain), nil)
	require.ErrorContains(t, err, "nil agent")
	_, err = agent.NewMux(mk("Sales Agent", plain), mk("Support Agent", plain))
	require.NoError(t, err)
}

// S7.3: Off turns the debounce off.
func TestDebounceOff(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), func(c *agent.Config) { c.Debounce = agent.Off })
	k.accept("Hi")
	k.runDue()
	assert.Equal(t, []string{"Hello!"}, k.sent())
}

// The configuration is copied: what a program does to its Config afterwards
// changes no agent.
func TestConfigIsCopied(t *testing.T) {
	k := newKit(t, nobody(t))
	cfg := k.config("Sales Agent", agenttest.Script(t, agenttest.Say("Hello!").ExpectTools("close_conversation")))
	cfg.Instructions = "# FLOW\n1. Chat, and close the conversation if they are done."
	cfg.Actions = []actions.Action{actions.Close()}
	a, err := agent.New(cfg)
	require.NoError(t, err)
	cfg.Actions[0] = actions.AddComment()
	cfg.LLM = nil
	k.mux, err = agent.NewMux(a)
	require.NoError(t, err)
	assert.Equal(t, "Hello!", k.say("Hi").Reply())
}

// A Channels map gives each channel its own, by name or by the name before the
// account.
func TestChannels(t *testing.T) {
	k := newKit(t, nobody(t))
	web, wa := &agenttest.RecordingChannel{}, &agenttest.RecordingChannel{Caps: agent.Capabilities{MaxLength: 20}}
	cfg := k.config("Sales Agent", agenttest.Script(t, agenttest.Say("Hello, how can I help?").Times(2)))
	cfg.Instructions = "# FLOW\n1. Chat."
	cfg.Channel = agent.Channels{"web": web, "whatsapp": wa}
	k.join(cfg)
	for _, ch := range []string{"web", "whatsapp:4915"} {
		_, err := k.mux.Handle(context.Background(), frontdesk.Inbound{Channel: ch, ID: "1", From: "x", Text: "Hi"})
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"Hello, how can I help?"}, web.Texts())
	assert.Equal(t, []string{"Hello, how can I", "help?"}, wa.Texts())
}

// A ladder given in Go has no compiler that looks at its names: New does, so
// that a misspelt one is no follow-up that never happens (S6.4, S8.1).
func TestNewChecksTheActionsOfLaddersInGo(t *testing.T) {
	note := actions.MustFunc("note_it", "Note it.", func(context.Context, actions.Call, struct {
		What string `json:"what"`
	}) (actions.Result, error) {
		return actions.Result{}, nil
	})
	renamed := actions.Close()
	renamed.Name = "end_chat"
	build := func(as ...followup.Action) error {
		k := newKit(t, nobody(t))
		cfg := k.config("Sales Agent", nobody(t))
		cfg.Workspace.Tags = []string{"Hot Lead"}
		cfg.Actions = []actions.Action{
			actions.Assign(), actions.Close(), actions.UpdateFields(), actions.UpdateStage(), actions.AddComment(), actions.UpdateTags(), note, renamed,
		}
		cfg.Ladders = []followup.Ladder{
			{Condition: "first", Steps: []followup.Step{after(time.Minute, "hello?")}},
			{Condition: "second", Steps: []followup.Step{after(time.Minute, "hello?"), after(time.Minute, "bye", as...)}},
		}
		_, err := agent.New(cfg)
		return err
	}
	require.NoError(t, build(
		followup.Action{Name: "update_tags", Value: "$contact.stage"},
		followup.Action{Name: "update_field", Field: "Budget", Value: "200"}, followup.Action{Name: "update_field", Field: "budget", Value: "$contact.budget"},
		followup.Action{Name: "update_field", Field: "budget"}, followup.Action{Name: "update_stage", Value: "cold lead"},
		followup.Action{Name: "add_comment", Value: "Gone."}, followup.Action{Name: "assign", Target: "Sales Team", Method: "least_open"},
		followup.Action{Name: "assign", Target: "team:support"}, followup.Action{Name: "note_it", Args: json.RawMessage(`{"what":"silence"}`)},
		followup.Action{Name: "unassign"}, followup.Action{Name: "close_conversation", NoSummary: true},
	))
	for want, act := range map[string]followup.Action{
		`"close_conversaton"`:                       {Name: "close_conversaton"},
		`"stop_follow_ups"`:                         {Name: "stop_follow_ups"},
		`"end_chat" in a ladder does nothing`:       {Name: "end_chat"},
		`there is no tag "gone"`:                    {Name: "update_tags", Value: "gone"},
		`nobody in the workspace is called "Saels"`: {Name: "assign", Target: "Saels"},
		`nobody in the workspace is called ""`:      {Name: "assign"},
		`lifecycle stage`:                           {Name: "update_stage", Value: "Kold Lead"},
		`"update_stage" has no Value`:               {Name: "update_stage"},
		`"add_comment" has no Value`:                {Name: "add_comment", Value: " "},
		`"update_tags" has no Value`:                {Name: "update_tags"},
		`there is no contact field "shoe"`:          {Name: "update_field", Field: "shoe", Value: "1"},
		`is no number`:                              {Name: "update_field", Field: "budget", Value: "much"},
		`closing note`:                              {Name: "close_conversation", Note: "Nope"},
		`what`:                                      {Name: "note_it"},
	} {
		err := build(act)
		if assert.ErrorContains(t, err, want, act.Name) {
			assert.ErrorContains(t, err, "ladder 2: step 2: action 1")
		}
	}
}

// What is nobody, no prompt or no policy is a fault and not a default.
func TestNewRefusesWhatIsNothing(t *testing.T) {
	for want, change := range map[string]func(*agent.Config){
		"has no Instructions": func(c *agent.Config) { c.Instructions = " \n\t" },
		`Fallback.Assign of "Sales Agent"`: func(c *agent.Config) {
			c.Fallback = agent.Fallback{Assign: frontdesk.Target{ID: "ana"}, Text: "One moment."}
		},
		`AllowTargets of "Sales Agent"`:   func(c *agent.Config) { c.AllowTargets = []frontdesk.Target{{ID: "ana"}} },
		`FollowUps.Window is "templates"`: func(c *agent.Config) { c.FollowUps.Window = "templates" },
	} {
		k := newKit(t, nobody(t))
		cfg := k.config("Sales Agent", nobody(t))
		change(&cfg)
		_, err := agent.New(cfg)
		assert.ErrorContains(t, err, want)
	}
}

// What the compiler says of an action's prompt names the action: a line and a
// column alone would point into the instructions.
func TestDiagnosticsNameTheActionPrompt(t *testing.T) {
	k := newKit(t, nobody(t))
	cfg := k.config("Sales Agent", nobody(t))
	cfg.Actions[0] = actions.Assign("If they ask for a demo, hand the conversation to @Sales Team.")
	a, err := agent.New(cfg)
	require.NoError(t, err)
	assert.Contains(t, a.Diagnostics().String()+"\n", "\n1:25: warning: in the prompt of action assign: \"hand the conversation to\" is understood")
	cfg.Actions[0].Prompt = ""
	plain, err := agent.New(cfg)
	require.NoError(t, err)
	for _, d := range plain.Diagnostics() {
		assert.NotContains(t, d.Message, "in the prompt of", "those of the instructions are as they were")
	}
}

// The action by which the LLM chooses among follow-ups is the engine's: one of
// the program's own by that name would be taken for it.
func TestNewRefusesTheNameOfItsOwnAction(t *testing.T) {
	k := newKit(t, nobody(t))
	cfg := k.config("Sales Agent", nobody(t))
	cfg.Actions = append(cfg.Actions, actions.MustFunc("choose_follow_up", "Do it.", func(context.Context, actions.Call, struct{}) (actions.Result, error) {
		return actions.Result{}, nil
	}))
	_, err := agent.New(cfg)
	assert.ErrorContains(t, err, `"choose_follow_up" is the name of the action`)
}
