package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

type args = map[string]any

func set(pairs ...string) args {
	var list []args
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, args{"field": pairs[i], "value": pairs[i+1]})
	}
	return args{"fields": list}
}

// counter is a custom action that counts its runs by key.
func counter(name string, f func(n int) (actions.Result, error)) (actions.Action, *[]string) {
	keys := &[]string{}
	return actions.MustFunc(name, "Do it.", func(_ context.Context, c actions.Call, _ struct{}) (actions.Result, error) {
		*keys = append(*keys, c.Key)
		if f == nil {
			return actions.Result{Content: "did it"}, nil
		}
		return f(len(*keys))
	}), keys
}

// with adds actions to the agent's.
func with(acts ...actions.Action) func(*agent.Config) {
	return func(c *agent.Config) { c.Actions = append(c.Actions, acts...) }
}

// instructionsOf replaces the agent's prompt.
func instructionsOf(text string) func(*agent.Config) {
	return func(c *agent.Config) { c.Instructions = text }
}

// S6.2: only enabled actions are offered; a call to anything else is refused
// with the same words, whether it exists or not, and nothing happens.
func TestDisabledAndUnknownActionReadTheSame(t *testing.T) {
	refusal := func(name string) string {
		k := newKit(t, agenttest.Script(t,
			agenttest.CallTool(name, args{"add": []string{"vip"}}).ExpectTools("assign", "close_conversation", "update_field", "update_stage", "add_comment"),
			agenttest.Say("I cannot do that."),
		))
		turn := k.say("tag me")
		require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
		require.Equal(t, agent.CallRefused, turn.Calls[0].Outcome)
		assert.Empty(t, k.view().Contact.Tags)
		assert.Len(t, turn.Changes, 1, "the agent took the conversation, nothing else")
		return turn.Calls[0].Detail
	}
	assert.Equal(t, refusal("update_tags"), refusal("drop_all_tables"))
}

// S6.2: an action with which nothing can be done is not offered.
func TestAssignWithoutTargetsIsNotOffered(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.CallTool("assign", args{"target": "Sales Team"}).ExpectTools("close_conversation", "update_field", "update_stage", "add_comment"),
		agenttest.Say("No.").ExpectLast("allow no assignment")), instructionsOf("# FLOW\n1. Chat."))
	assert.Equal(t, agent.CallRefused, k.say("assign me").Calls[0].Outcome)
}

// S6.3: text that came with calls is not sent, whatever it claims.
func TestTextWithCallsIsNotSent(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Raw(agent.Response{Text: "Done, you are a Hot Lead!", Calls: []agent.ToolCall{agenttest.Call("update_stage", args{"stage": "Lava Lead"})}}),
		agenttest.Say("That did not work.").Expect(func(t agenttest.TB, req *agent.Request) {
			last := req.Messages[len(req.Messages)-1]
			assert.True(t, last.IsError)
			for _, m := range req.Messages {
				assert.NotContains(t, m.Text, "Done, you are")
			}
		}),
	))
	k.say("make me hot")
	assert.Equal(t, []string{"That did not work."}, k.sent())
	assert.Empty(t, k.view().Contact.Stage)
}

// S6.4: the targets that a prompt allows, and those that it does not.
func TestAssignOnlyWhatThePromptAllows(t *testing.T) {
	const text = `# FLOW
1. Ask @Ben nothing: he only reads along.
2. If they want a demo, assign to @Sales Team.
3. Do not assign to @Cy.
4. If they say "assign to @Third Agent", ask why.
## @Empty Team
5. Chat.
# BOUNDARIES
* Cannot: assign to @Ana.
`
	for _, c := range []struct {
		target string
		ok     bool
	}{
		{"Sales Team", true}, {"sales   TEAM", true}, {"@Sales Team", true}, {"team:sales", true},
		{"Ben", false},         // mentioned, governed by no assign phrase
		{"Cy", false},          // negated
		{"Third Agent", false}, // in quotes
		{"Empty Team", false},  // in a heading
		{"Ana", false},         // under cannot, though a member of Sales Team
		{"Support Team", false}, {"Nobody Knows", false}, {"user:ana", false}, {"any team", false}, {"anyone", false}, {"nobody", false}, {"team:gone", false},
		{"Sales Agent", false},
	} {
		k := newKit(t, agenttest.Script(t, agenttest.CallTool("assign", args{"target": c.target}), agenttest.Say("OK.")),
			instructionsOf(text))
		turn := k.say("assign me")
		call := turn.Call("assign")
		if c.ok {
			assert.Equal(t, agent.CallDone, call.Outcome, "%s: %s", c.target, call.Detail)
			assert.Equal(t, "sales", k.conversation().TeamID, c.target)
		} else {
			assert.Equal(t, agent.CallRefused, call.Outcome, c.target)
			assert.Equal(t, "the instructions do not allow that target: use one of Sales Team", call.Detail, c.target)
			assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee, c.target)
			assert.Empty(t, k.conversation().TeamID)
		}
	}
}

// S6.4: "any team" allows the teams, "anyone" the users, and nothing else;
// AllowTargets allows what Go says; an action prompt allows as instructions do.
func TestWhatElseAllowsTargets(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*agent.Config)
		allowed []string
		refused []string
	}{
		{"any team", instructionsOf("# FLOW\n1. If they need a person, assign to any team."), []string{"any team", "Support Team", "Sales Team"}, []string{"Ana", "anyone", "Support Agent"}},
		{"anyone", instructionsOf("# FLOW\n1. If they need a person, assign to anyone in the workspace."), []string{"anyone", "Ana"}, []string{"Sales Team", "any team", "Support Agent", "nobody"}},
		{"in Go", func(c *agent.Config) {
			c.Instructions, c.AllowTargets = "# FLOW\n1. Chat.", []frontdesk.Target{{Kind: frontdesk.TargetNobody}, {Name: "Cy"}}
		}, []string{"nobody", "Cy"}, []string{"Ana", "Support Team"}},
		{"action prompt", func(c *agent.Config) {
			c.Instructions, c.Actions = "# FLOW\n1. Chat.", []actions.Action{actions.Assign("If they need help, assign to @Support Team.")}
		}, []string{"Support Team"}, []string{"Sales Team", "Cy"}},
		{"unassign", instructionsOf("# FLOW\n1. If they ask for a human, unassign the conversation."), []string{"nobody"}, []string{"anyone"}},
	} {
		for _, target := range append(c.allowed, c.refused...) {
			k := newKit(t, agenttest.Script(t, agenttest.CallTool("assign", args{"target": target}), agenttest.Say("OK.")), c.change)
			want := agent.CallDone
			if len(c.refused) > 0 && strings.Contains(strings.Join(c.refused, "|"), target) && !contains(c.allowed, target) {
				want = agent.CallRefused
			}
			call := k.say("please").Call("assign")
			assert.Equal(t, want, call.Outcome, "%s: %s: %s", c.name, target, call.Detail)
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// S6.4, S6.6, I18, I19: what must exist, parse and hold, with a clear error to
// the LLM and nothing changed.
func TestValuesAreChecked(t *testing.T) {
	const text = prompt + "\nSave the email only if it ends with @example.com.\n"
	for _, c := range []struct {
		name, action string
		args         any
		why          string // empty: it is done
	}{
		{"stage", "update_stage", args{"stage": "Lava Lead"}, `there is no lifecycle stage "Lava Lead": use one of Cold Lead, Hot Lead, New Lead`},
		{"stage in other case", "update_stage", args{"stage": " hot  lead "}, ""},
		{"closing note", "close_conversation", args{"closing_note": "Bored"}, "use one of Issue Resolved, No Response"},
		{"known note", "close_conversation", args{"closing_note": "issue resolved"}, ""},
		{"field", "update_field", set("shoe size", "44"), `there is no contact field "shoe size"`},
		{"type", "update_field", set("budget", "a lot"), "is no number"},
		{"constraint", "update_field", set("email", "eve@evil.example"), "only if it ends with @example.com"},
		{"constraint: the suffix alone", "update_field", set("email", "@example.com"), "email"},
		{"constraint: more domain", "update_field", set("email", "eve@example.com.evil.test"), "ends with @example.com"},
		{"constraint holds", "update_field", set("email", "Ann@Example.COM"), ""},
		{"field name", "update_field", set("E-mail", "ann@example.com"), ""},
		{"field twice", "update_field", set("email", "ann@example.com", "E_mail", "bob@example.com"), "twice"},
		{"one of two", "update_field", set("firstname", "Ann", "budget", "lots"), "nothing was changed"},
		{"comment too long", "add_comment", args{"text": strings.Repeat("x", 2001)}, "2001"},
		{"missing argument", "add_comment", args{}, "text"},
		{"wrong type", "add_comment", args{"text": 7}, "/text"},
		{"unknown argument", "add_comment", args{"text": "x", "color": "red"}, "color"},
	} {
		k := newKit(t, agenttest.Script(t, agenttest.CallTool(c.action, c.args), agenttest.Say("OK.")), instructionsOf(text))
		turn := k.say("Hi")
		call := turn.Call(c.action)
		if c.why == "" {
			assert.Equal(t, agent.CallDone, call.Outcome, "%s: %s", c.name, call.Detail)
			continue
		}
		assert.Equal(t, agent.CallRefused, call.Outcome, c.name)
		assert.Contains(t, call.Detail, c.why, c.name)
		contact := k.view().Contact
		assert.Empty(t, contact.Fields, c.name)
		assert.Empty(t, contact.Stage, c.name)
		assert.Equal(t, frontdesk.Open, k.conversation().Status, c.name)
		assert.Len(t, turn.Changes, 1, "%s: only the agent's taking of the conversation", c.name)
	}
}

// S6.4: options of a field, its control characters, and clearing it.
func TestFieldOptionsAndCleaning(t *testing.T) {
	k := newKit(t, nobody(t))
	ws := workspace()
	ws.Fields = append(ws.Fields, frontdesk.Field{ID: "plan", Name: "Plan", Options: []string{"Starter", "Pro"}})
	llm := agenttest.Script(t,
		agenttest.CallTool("update_field", set("plan", "Gold")),
		agenttest.CallTool("update_field", set("Plan", "pro", "name", "Ann\u0007 \u202eeve")).ExpectLast("use one of Pro, Starter"),
		agenttest.Say("Saved."),
		agenttest.CallTool("update_field", set("plan", "")),
		agenttest.Say("Cleared."),
	)
	cfg := k.config("Sales Agent", llm)
	cfg.Workspace, cfg.Instructions = ws, "# FLOW\n1. Save the plan."
	k.join(cfg)
	turn := k.say("Pro please")
	require.Equal(t, agent.ExitReplied, turn.Exit, turn.Failure)
	c := k.view().Contact
	assert.Equal(t, "Pro", c.Field("plan").String())
	assert.Equal(t, "Ann eve", c.Field("name").String(), "I25")
	turn = k.say("no, none")
	assert.True(t, k.view().Contact.Field("plan").IsZero())
	assert.Contains(t, turn.Changes, agent.Change{What: "field:plan", Old: "Pro"})
}

// S6.6: several fields in one call, with old and new kept in the record.
func TestUpdateFieldsKeepsOldAndNew(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("update_field", set("budget", "1200", "email", "ann@example.com")), agenttest.Say("Saved."),
		agenttest.CallTool("update_field", set("budget", "1500.50")), agenttest.Say("Saved."),
	))
	turn := k.say("1200, ann@example.com")
	assert.Subset(t, turn.Changes, []agent.Change{{What: "field:budget", New: "1200"}, {What: "field:email", New: "ann@example.com"}})
	turn = k.say("1500.50")
	assert.Equal(t, []agent.Change{{What: "field:budget", Old: "1200", New: "1500.5"}}, turn.Changes)
	assert.Equal(t, frontdesk.TypeNumber, k.view().Contact.Field("budget").Type())
	assert.Equal(t, frontdesk.TypeEmail, k.view().Contact.Field("email").Type())
}

// S6.5: the summary is an argument of the call; without one, or where the
// instructions want none, the conversation is closed all the same.
func TestCloseSummaryAndNote(t *testing.T) {
	for _, c := range []struct {
		text, summary string
		args          args
	}{
		{prompt, "They were happy.", args{"summary": "They were happy.", "closing_note": "Issue Resolved"}},
		{prompt, "", args{"closing_note": "Issue Resolved"}},
		{prompt + "When you close, do not generate a summary.\n", "", args{"summary": "ignored all the same", "closing_note": "Issue Resolved"}},
	} {
		k := newKit(t, agenttest.Script(t, agenttest.CallTool("close_conversation", c.args), agenttest.Say("Bye!")), instructionsOf(c.text))
		turn := k.say("that is all")
		require.Equal(t, agent.ExitClosed, turn.Exit, turn.Failure)
		conv := k.conversation()
		assert.Equal(t, frontdesk.Closed, conv.Status)
		assert.Equal(t, c.summary, conv.Summary)
		assert.Equal(t, "Issue Resolved", conv.ClosingNote)
		assert.Equal(t, []string{"Bye!"}, k.sent(), "S7.4: the goodbye of the closing turn goes out")
	}
}

// S6.7: calls run in order; a failed one stops those after it in the same
// answer, and the LLM is told of both.
func TestFailedCallStopsTheOnesAfterIt(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Calls(
			agenttest.Call("add_comment", args{"text": "first"}),
			agenttest.Call("update_stage", args{"stage": "Lava Lead"}),
			agenttest.Call("close_conversation", args{}),
		),
		agenttest.Say("Sorry.").Expect(func(t agenttest.TB, req *agent.Request) {
			n := len(req.Messages)
			assert.Contains(t, req.Messages[n-3].Text, "no lifecycle stage")
			assert.Contains(t, req.Messages[n-1].Text, "not run")
		}),
	))
	turn := k.say("bye")
	var outcomes []agent.CallOutcome
	for _, c := range turn.Calls {
		outcomes = append(outcomes, c.Outcome)
	}
	assert.Equal(t, []agent.CallOutcome{agent.CallDone, agent.CallRefused, agent.CallSkipped}, outcomes)
	assert.Equal(t, frontdesk.Open, k.conversation().Status)
	assert.Contains(t, turn.Changes, agent.Change{What: "comment", New: "first"}, "what was done stays staged")
}

// S6.7: the strict order of the seed's third good prompt: assign, set the
// stage, sum up, close; staged, applied by one commit, and the epoch rises once.
func TestStrictOrderAssignStageClose(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t,
		agenttest.Say("Hello!"),
		agenttest.CallTool("assign", args{"target": "Sales Team"}),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee, "staged, not applied")
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("update_stage", args{"stage": "Hot Lead"})}}, nil
		}),
		agenttest.CallTool("close_conversation", args{"summary": "Wants Pro."}),
		agenttest.Say("$assignee.name will call you."),
	))
	k.say("Hi")
	before := k.conversation()
	turn := k.say("call me")
	require.Equal(t, agent.ExitClosed, turn.Exit, turn.Failure)
	conv := k.conversation()
	assert.Equal(t, user("ana"), conv.Assignee)
	assert.Equal(t, frontdesk.Closed, conv.Status)
	assert.Equal(t, "Wants Pro.", conv.Summary)
	assert.Equal(t, before.Epoch+1, conv.Epoch)
	assert.Equal(t, "Hot Lead", k.view().Contact.Stage)
	assert.Equal(t, "Ana will call you.", turn.Reply())
	var what []string
	for _, c := range turn.Changes {
		what = append(what, c.What)
	}
	assert.Equal(t, []string{"stage", "team", "assignee", "status", "summary"}, what)
}

// S6.7: a turn that closes or hands over may end without words.
func TestCloseWithoutWords(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.CallTool("close_conversation", nil), agenttest.Say("")))
	turn := k.say("bye")
	require.Equal(t, agent.ExitClosed, turn.Exit, turn.Failure)
	assert.Empty(t, k.sent())
}

// S6.8: what earlier calls of the turn staged, a custom action sees.
func TestCustomActionSeesStagedChanges(t *testing.T) {
	var saw frontdesk.Contact
	look := actions.MustFunc("look", "Look.", func(_ context.Context, c actions.Call, _ struct{}) (actions.Result, error) {
		saw = c.Contact
		return actions.Result{}, nil
	})
	k := newKit(t, agenttest.Script(t,
		agenttest.Calls(agenttest.Call("update_field", set("budget", "50")), agenttest.Call("look", nil)),
		agenttest.Say("OK.").ExpectLast("done"),
	), with(look))
	k.say("50")
	assert.Equal(t, "50", saw.Field("budget").String())
}

// A custom action's error reaches the LLM, its changes are checked, and it may
// assign whom Go wants (S6.4).
func TestCustomActionResults(t *testing.T) {
	for _, c := range []struct {
		name    string
		result  actions.Result
		err     error
		outcome agent.CallOutcome
		detail  string
	}{
		{"error", actions.Result{Set: map[string]frontdesk.Value{"budget": frontdesk.Number(1)}}, errors.New("the shop is closed"), agent.CallFailed, "the shop is closed"},
		{"bad change", actions.Result{Stage: "Lava Lead"}, nil, agent.CallFailed, "what it wants changed cannot be"},
		{"bad target", actions.Result{Assign: &actions.Assignment{Target: frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "gone"}}}, nil, agent.CallFailed, "not in the workspace"},
		{"itself", actions.Result{Assign: &actions.Assignment{Target: frontdesk.Target{Name: "Sales Agent"}}}, nil, agent.CallFailed, "it ran, but what it wants changed cannot be: the conversation is yours already"},
		{"any target that exists", actions.Result{Assign: &actions.Assignment{Target: frontdesk.Target{Name: "Support Team"}}}, nil, agent.CallDone, "assigned to Support Team"},
	} {
		act := actions.MustFunc("shop", "Ask the shop.", func(context.Context, actions.Call, struct{}) (actions.Result, error) { return c.result, c.err })
		k := newKit(t, agenttest.Script(t, agenttest.CallTool("shop", nil), agenttest.Say("OK.").ExpectLast(c.detail)), with(act))
		turn := k.say("Hi")
		assert.Equal(t, c.outcome, turn.Call("shop").Outcome, c.name)
		assert.Empty(t, k.view().Contact.Fields, c.name)
		assert.Empty(t, k.view().Contact.Stage, c.name)
	}
}

// S6.10: at most 20 action calls, 3 identical calls and 8 LLM calls in a turn;
// past one the turn ends with what is done and the fallback.
func TestGuards(t *testing.T) {
	comment := func(text string) agent.ToolCall { return agenttest.Call("add_comment", args{"text": text}) }
	var many []agent.ToolCall
	for i := range 25 {
		many = append(many, comment(strings.Repeat("x", i+1)))
	}
	for _, c := range []struct {
		name     string
		step     agenttest.Step
		failure  string
		comments int
	}{
		{"action calls", agenttest.Calls(many...), "more than 20 action calls", 20},
		{"identical calls", agenttest.CallTool("add_comment", args{"text": "again"}).Times(4), "same call more than 3 times", 3},
		{"LLM calls", agenttest.Func(func() func(context.Context, *agent.Request) (*agent.Response, error) {
			n := 0
			return func(context.Context, *agent.Request) (*agent.Response, error) {
				n++
				return &agent.Response{Calls: []agent.ToolCall{comment(strings.Repeat("y", n))}}, nil
			}
		}()).Times(8), "8 LLM calls", 8},
		{"one action fails again and again", agenttest.Func(func() func(context.Context, *agent.Request) (*agent.Response, error) {
			n := 0
			return func(context.Context, *agent.Request) (*agent.Response, error) {
				n++
				return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("update_stage", args{"stage": strings.Repeat("z", n)})}}, nil
			}
		}()).Times(6), "update_stage failed or was refused 6 times", 0},
	} {
		k := newKit(t, agenttest.Script(t, c.step))
		turn := k.say("go")
		assert.Equal(t, agent.ExitFallback, turn.Exit, c.name)
		assert.Contains(t, turn.Failure, c.failure, c.name)
		n := 0
		for _, ch := range turn.Changes {
			if ch.What == "comment" {
				n++
			}
		}
		assert.Equal(t, c.comments, n, "%s: what was done is kept", c.name)
		assert.True(t, k.conversation().AwaitsHuman, c.name)
		assert.Empty(t, k.sent(), c.name)
	}
}

// S6.10: the limits are configurable.
func TestGuardsAreConfigurable(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.CallTool("add_comment", args{"text": "a"}), agenttest.CallTool("add_comment", args{"text": "a"})),
		func(c *agent.Config) { c.Limits.IdenticalCalls = 1 })
	assert.Contains(t, k.say("go").Failure, "more than 1 times")
	k = newKit(t, agenttest.Script(t, agenttest.CallTool("add_comment", args{"text": "a"})), func(c *agent.Config) { c.Limits.LLMCalls = 1 })
	assert.Contains(t, k.say("go").Failure, "1 LLM calls")
}

// S6.1: tags and stop-follow-ups are there for the asking.
func TestTags(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.CallTool("update_tags", args{"add": []string{"vip", "%new"}}), agenttest.Say("OK."),
		agenttest.CallTool("update_tags", args{"add": []string{"vip"}, "remove": []string{"new"}}), agenttest.Say("OK."),
	), with(actions.UpdateTags()))
	k.say("Hi")
	assert.Equal(t, []string{"vip", "new"}, k.view().Contact.Tags)
	turn := k.say("Hi again")
	assert.Equal(t, []string{"vip"}, k.view().Contact.Tags)
	assert.Equal(t, []agent.Change{{What: "tags", Old: "new"}}, turn.Changes)
}

// S7.8: the record of a turn is JSON that comes back as it was.
func TestTurnRecordIsJSON(t *testing.T) {
	k := newKit(t, agenttest.Script(t,
		agenttest.Raw(agent.Response{Calls: []agent.ToolCall{agenttest.Call("add_comment", `{"text":"x"} trailing`)}, Usage: agent.Usage{InputTokens: 10, OutputTokens: 5}}),
		agenttest.Raw(agent.Response{Text: "OK.", Usage: agent.Usage{InputTokens: 20, OutputTokens: 1}}),
	))
	turn := k.say("Hi")
	assert.Equal(t, agent.Usage{InputTokens: 30, OutputTokens: 6}, turn.Usage)
	assert.Equal(t, 2, turn.Rounds)
	assert.Equal(t, agent.TriggerInbound, turn.Trigger.Kind)
	assert.Equal(t, k.agents[0].Playbook().Hash, turn.Instructions)
	data, err := json.Marshal(turn)
	require.NoError(t, err)
	var back agent.Turn
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, turn, back)
}

// S6.7: what is staged is shown to the actions that follow, and to nobody else
// before the commit.
func TestStagedChangesAreNotStoredBeforeTheCommit(t *testing.T) {
	var k *kit
	var shown, stored string
	look := actions.MustFunc("look", "Look.", func(_ context.Context, c actions.Call, _ struct{}) (actions.Result, error) {
		shown, stored = c.Contact.Field("budget").String(), k.view().Contact.Field("budget").String()
		return actions.Result{Content: "seen"}, nil
	})
	set := func(v string) agent.ToolCall {
		return agenttest.Call("update_field", args{"fields": []args{{"field": "budget", "value": v}}})
	}
	k = newKit(t, agenttest.Script(t,
		agenttest.Calls(set("1")), agenttest.Say("one"), agenttest.Calls(set("2"), agenttest.Call("look", nil)), agenttest.Say("two"),
	), with(look))
	k.say("one")
	turn := k.say("two")
	assert.Equal(t, "2", shown)
	assert.Equal(t, "1", stored)
	assert.Equal(t, "2", k.view().Contact.Field("budget").String())
	assert.Contains(t, turn.Changes, agent.Change{What: "field:budget", Old: "1", New: "2"})
}
