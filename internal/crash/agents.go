package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// Times are real and short. A lease has to outlast what it protects, on a busy
// machine too.
const (
	lease       = 1000 * time.Millisecond
	callTime    = 500 * time.Millisecond
	ladderDelay = 250 * time.Millisecond
)

const prompt = `# CONTEXT
* You talk with someone who visits our pricing page.
# FLOW
1. Answer.
2. If they want a demo, assign to @Sales Team.
3. If they need technical help, assign to @Support Agent.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
`

// followUps are the texts of the ladder; the last closes the conversation.
var followUps = []string{"Are you still there?", "Shall I wait?", "I close this for now."}

// members are those of the team, in the order of the rotation.
var members = []string{"ana", "ben", "cy"}

func workspace() frontdesk.Workspace {
	ws := frontdesk.Workspace{
		ID: "ws", Name: "Acme", Teams: []frontdesk.Team{{ID: "sales", Name: "Sales Team", Members: members}},
		AIAgents: []frontdesk.AIAgent{{ID: "a-sales", Name: "Sales Agent"}, {ID: "a-support", Name: "Support Agent"}},
	}
	for _, id := range members {
		ws.Users = append(ws.Users, frontdesk.User{ID: id, Name: strings.ToUpper(id[:1]) + id[1:]})
	}
	return ws
}

// parts are what agents are built of.
type parts struct {
	store   agent.Store
	channel agent.Channel
	llm     agent.LLM
	// act runs an outside action.
	act func(ctx context.Context, call actions.Call, token string) error
	log *slog.Logger
	// clock is nil for the system's.
	clock frontdesk.Clock
}

type tokenArgs struct {
	Token string `json:"token" jsonschema:"what it is for"`
}

func (p parts) action(name string, d actions.Delivery) actions.Action {
	a := actions.MustFunc(name, "Does "+name+".", func(ctx context.Context, call actions.Call, in tokenArgs) (actions.Result, error) {
		return actions.Result{Content: name + " done"}, p.act(ctx, call, in.Token)
	})
	a.Delivery = d
	return a
}

// newMux builds the agents.
func (p parts) newMux() (*agent.Mux, error) {
	verbatim := func(i int, acts ...followup.Action) followup.Step {
		return followup.Step{
			Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: followUps[i], Verbatim: true}}, Actions: acts,
		}
	}
	ladder := followup.Ladder{Steps: []followup.Step{
		verbatim(0), verbatim(1),
		verbatim(2, followup.Action{Name: "archive", Args: json.RawMessage(`{"token":"silence"}`)}, followup.Action{Name: actions.NameClose, NoSummary: true}),
	}}
	var all []*agent.Agent
	for _, name := range []string{"Sales Agent", "Support Agent"} {
		a, err := agent.New(agent.Config{
			Name: name, Instructions: prompt, Workspace: workspace(), LLM: p.llm, Store: p.store, Channel: p.channel, Logger: p.log, Clock: p.clock,
			Actions: []actions.Action{
				actions.Assign(), actions.Close(), p.action("quote", actions.AtLeastOnce), p.action("charge", actions.AtMostOnce), p.action("archive", actions.AtLeastOnce),
			},
			Ladders:  []followup.Ladder{ladder},
			Debounce: 10 * time.Millisecond,
			// Whoever is killed again and again is not to blame: nothing is
			// given up here.
			Limits:   agent.Limits{Supersedes: 1000, Attempts: 1000, History: 60, LLMCalls: 1000, ErrorsPerAction: 1000},
			Retry:    agent.Retry{Attempts: 1000, SendAttempts: 1000, First: 20 * time.Millisecond, Max: 200 * time.Millisecond},
			Timeouts: agent.Timeouts{LLM: callTime, Action: callTime, Send: callTime, Knowledge: callTime, Lease: lease, Poll: 50 * time.Millisecond},
		})
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return agent.NewMux(all...)
}

// A contact's message is a word and a token that no other message has. The
// answer to it names the token behind answerTo.
const answerTo = "Answer to"

var asks = regexp.MustCompile(`\b(hello|quote|charge|demo|help) (c\d+-\d+)\b`)

// generate is the LLM: the same answer to the same request, whoever asks.
func generate(req *agent.Request) *agent.Response {
	type ask struct{ word, token string }
	var open []ask
	called, last := map[string]bool{}, ""
	for _, m := range req.Messages {
		contact := m.Role == agent.RoleUser && strings.HasPrefix(m.Text, "[contact]")
		switch {
		case contact:
			for _, found := range asks.FindAllStringSubmatch(m.Text, -1) {
				open = append(open, ask{found[1], found[2]})
			}
		default:
			done := answers(m.Text)
			open = slices.DeleteFunc(open, func(a ask) bool { return slices.Contains(done, a.token) })
		}
		for _, c := range m.Calls {
			last = c.Name + string(c.Arguments)
			called[last] = true
		}
		if m.Role == agent.RoleTool && strings.HasPrefix(m.Text, "not run: ") {
			delete(called, last) // the call before it was not done
		}
	}
	var calls []agent.ToolCall
	call := func(name, args string) bool {
		if called[name+args] {
			return false
		}
		calls = append(calls, agent.ToolCall{ID: fmt.Sprintf("call-%d", len(calls)), Name: name, Arguments: json.RawMessage(args)})
		return true
	}
	reply := ""
	var tokens []string
	// Who wants a human gets one, and all else is answered before: of two
	// assignments the last is carried out, and nobody would be left to help.
	human := slices.ContainsFunc(open, func(a ask) bool { return a.word == "demo" })
	for _, a := range open {
		if a.word == "help" && !human && strings.HasPrefix(req.System, `You are "Sales Agent"`) {
			// The next agent answers that, and only that: it does not know what
			// was called before.
			call("assign", fmt.Sprintf(`{"target":"Support Agent","reason":%q}`, a.token))
			reply = "One moment, " + a.token + ". "
			continue
		}
		tokens = append(tokens, a.token)
		switch {
		case a.word == "quote" || a.word == "charge":
			call(a.word, fmt.Sprintf(`{"token":%q}`, a.token))
		case a.word == "demo":
			call("assign", fmt.Sprintf(`{"target":"Sales Team","reason":%q}`, a.token))
			reply = "$assignee.name will help you. "
		}
	}
	if len(calls) > 0 {
		return &agent.Response{Calls: calls, Stop: agent.StopCalls}
	}
	if len(tokens) > 0 {
		reply += answerTo + " " + strings.Join(tokens, " ")
	}
	return &agent.Response{Text: strings.TrimSpace(reply), Stop: agent.StopEnd}
}

// answers are the tokens that a text answers.
func answers(text string) []string {
	_, tokens, _ := strings.Cut(text, answerTo)
	return strings.Fields(tokens)
}
