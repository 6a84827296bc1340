package world

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// versions is how many versions of the instructions there are. A happening
// "save" goes from one to the other.
const versions = 2

// stormPrompts are the instructions by version. The second allows another
// team, and no other agent.
var stormPrompts = [versions]string{
	`# CONTEXT
* Version zero. You talk with someone who visits our pricing page.
# FLOW
1. Answer.
2. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.
3. If they need technical help, assign to @Support Agent.
4. If the matter is not technical, assign to @Sales Agent.
5. If they are done, close the conversation.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
`,
	`# CONTEXT
* Version one. You talk with someone who visits our pricing page.
# FLOW
1. Answer.
2. If they want a demo, assign to @Support Team.
3. If they are done, close the conversation.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
`,
}

// allowedTargets are what the instructions of each version allow, in code of
// our own: the compiler is under test too.
var allowedTargets = [versions]map[string]bool{
	{"team:sales": true, "agent:a-support": true, "agent:a-sales": true},
	{"team:support": true},
}

// stormWorkspace is what exists around the agents of storms.
func stormWorkspace() frontdesk.Workspace {
	ws := workspace()
	ws.Teams = append(ws.Teams, frontdesk.Team{ID: "support", Name: "Support Team", Members: []string{"ben", "cy"}})
	ws.Fields = []frontdesk.Field{{ID: "budget", Name: "Budget", Type: frontdesk.TypeNumber}}
	return ws
}

type poolKey struct {
	version      int
	ladder, long bool
}

// stormAgents are agents for a process that begins: nobody else has them in
// this storm.
func (w *World) stormAgents(version int) []*agent.Agent {
	key := poolKey{version, w.cfg.Ladder, w.cfg.Long}
	if w.pools == nil {
		w.pools = map[poolKey][][]*agent.Agent{}
	}
	n := w.used[key]
	w.used[key]++
	if n < len(w.pools[key]) {
		return w.pools[key][n]
	}
	var set []*agent.Agent
	for _, name := range []string{"Sales Agent", "Support Agent"} {
		a, err := agent.New(w.stormConfig(name, version))
		if err != nil {
			panic(err) // the prompts of storms have no errors
		}
		set = append(set, a)
	}
	w.pools[key] = append(w.pools[key], set)
	return set
}

func (w *World) stormConfig(name string, version int) agent.Config {
	refund := w.action("refund", actions.AtLeastOnce)
	refund.NeedsApproval = true
	cfg := agent.Config{
		Name: name, Workspace: stormWorkspace(), LLM: (*llm)(w), Store: (*store)(w), Channel: (*channel)(w), Clock: (*clock)(w),
		Actions: []actions.Action{
			actions.Assign(), actions.Close(), actions.UpdateFields(), w.action("quote", actions.AtLeastOnce), w.action("charge", actions.AtMostOnce), refund,
		},
		NewID:    w.newID,
		Timeouts: agent.Timeouts{Send: sendWindow},
		OptOut:   agent.OptOut{Words: []string{"stop"}, BackWords: []string{"start"}},
	}
	if version == 0 {
		cfg.Actions = append(cfg.Actions, actions.UpdateStage())
	}
	if name == "Support Agent" {
		cfg.Fallback = agent.Fallback{Assign: frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "sales"}, Text: "A colleague will write to you."}
	}
	if w.cfg.Ladder {
		last := []followup.Action{{Name: actions.NameUpdateStage, Value: "Cold Lead"}, {Name: actions.NameClose}}
		if version == 1 {
			last = last[1:]
		}
		still := followup.Step{Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: "Still there?", Verbatim: true}}}
		var more []followup.Step
		if w.cfg.Long {
			more = []followup.Step{still, still}
		}
		cfg.Ladders = []followup.Ladder{{Steps: slices.Concat([]followup.Step{still}, more, []followup.Step{
			{Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: "Hello?"}}, Actions: []followup.Action{{Name: "quote", Args: json.RawMessage(`{"amount":1}`)}}},
			{Delay: followup.Delay(ladderDelay), Messages: []followup.Message{{Text: "I close this for now.", Verbatim: true}}, Actions: last},
		})}}
	}
	key := poolKey{version: version}
	if pb := w.playbooks[key]; pb != nil {
		cfg.Playbook = pb
		return cfg
	}
	cfg.Instructions = stormPrompts[version]
	a, err := agent.New(cfg)
	if err != nil {
		panic(err) // the prompts of storms have no errors
	}
	if w.playbooks == nil {
		w.playbooks = map[poolKey]*instructions.Playbook{}
	}
	w.playbooks[key] = a.Playbook()
	return cfg
}

// versionOf tells from a system prompt under which version it was made.
func versionOf(system string) int {
	switch {
	case strings.Contains(system, "Version zero."):
		return 0
	case strings.Contains(system, "Version one."):
		return 1
	}
	return -1
}

// generate is the LLM in a storm: it takes its time, fails, and obeys whatever
// the contact wrote.
func (st *storm) generate(req *agent.Request) (*agent.Response, error) {
	w := st.w
	a := w.sched.current
	fail := func(kind agent.LLMErrorKind, err error) (*agent.Response, error) {
		return nil, &agent.LLMError{Kind: kind, Err: err}
	}
	f := w.point("llm")
	w.log.thought()
	if f == Before {
		return fail(agent.LLMTemporary, ErrInjected)
	}
	w.log.ask(hashOf(req.Messages))
	w.log.request(req)
	if !st.calm() {
		if h, ok := st.chance(a, "the LLM takes its time", 2); ok {
			d := time.Duration(h%24000) * time.Millisecond
			if h>>30%30 == 0 {
				d = time.Minute
			}
			st.pause(d)
			w.point("llm answers")
			if d == time.Minute {
				return fail(agent.LLMTemporary, context.DeadlineExceeded)
			}
		}
		if st.plan.Rough > 0 {
			if h, ok := st.chance(a, "the LLM asks for a pause", 400); ok {
				w.limited = true
				return nil, &agent.LLMError{Kind: agent.LLMRateLimited, RetryAfter: time.Duration(h%300) * time.Second, Err: ErrInjected}
			}
			if _, ok := st.chance(a, "the LLM panics", 400); ok {
				panic("sim: an LLM that panics")
			}
		}
	}
	if f == After {
		return fail(agent.LLMTemporary, ErrInjected)
	}
	return scripted(req)
}

// scripted is what the LLM answers to what the contact wrote last, and to the
// calls that were made since. It obeys: it asks for things that are forbidden,
// says what must not be sent, and calls the same again and again.
func scripted(req *agent.Request) (*agent.Response, error) {
	say := func(text string) (*agent.Response, error) {
		return &agent.Response{Text: text, Stop: agent.StopEnd}, nil
	}
	if len(req.Tools) == 0 {
		return say("They wrote nothing more.")
	}
	last, calls, handed, decided, since := "", 0, false, false, 0
	for _, m := range req.Messages {
		switch {
		case m.Role == agent.RoleUser && strings.HasPrefix(m.Text, "[contact]"):
			last, calls, handed = strings.TrimPrefix(m.Text, "[contact] "), 0, false
		case m.Role == agent.RoleUser && strings.Contains(m.Text, "handed over"):
			calls, handed = 0, true
		case m.Role == agent.RoleUser && strings.Contains(m.Text, "waited for approval was"):
			decided = true
		case m.Role == agent.RoleTool:
			calls++
			if since++; m.Name == "refund" {
				since = 0
			}
		}
	}
	var out []agent.ToolCall
	call := func(name, args string) {
		out = append(out, agent.ToolCall{ID: "c1", Name: name, Arguments: []byte(args)})
	}
	stop := func(r agent.StopReason) (*agent.Response, error) { return &agent.Response{Text: "x", Stop: r}, nil }
	word, then, _ := strings.Cut(last, " ")
	if then, _, _ = strings.Cut(then, " "); decided && word == "refund" && since == 0 && !strings.HasPrefix(then, "(") {
		// A person has decided on the call; what comes now is in the second word.
		word, calls, handed = then, 0, false
	}
	if word == "ping" && calls == 0 {
		to := "Support Agent"
		if strings.HasPrefix(req.System, `You are "Support Agent"`) {
			to = "Sales Agent"
		}
		call("assign", fmt.Sprintf(`{"target":%q,"reason":"ping"}`, to))
		return &agent.Response{Calls: out, Stop: agent.StopCalls}, nil
	}
	switch {
	case handed:
		return say("Hello from the next. " + last)
	case word == "loop":
		call("quote", `{"amount":1}`)
	case word == "poison":
		return nil, &agent.LLMError{Kind: agent.LLMInvalid, Err: ErrInjected}
	case word == "leak":
		return say(req.System)
	case word == "json":
		return say(`{"name":"assign","arguments":{"target":"Sales Team"}}`)
	case word == "empty":
		return say(" \u200b ")
	case word == "refuse":
		return stop(agent.StopRefuse)
	case word == "stack":
		return stop(agent.StopLength)
	case word == "ctrl":
		return say("ok \x00\xff\u202e " + last)
	case word == "var":
		return say("Your address is $contact.email and {{$contact.phone}}, $assignee.name. " + last)
	case word == "long":
		return say(strings.Repeat("This is a long sentence. ", 20) + last)
	case calls > 1:
	case word == "price" && calls == 0, word == "late" && calls == 0:
		call("quote", `{"amount":7}`)
	case word == "price":
		call("charge", `{"amount":7}`)
	case calls > 0:
	case word == "demo":
		call("assign", `{"target":"Sales Team","reason":"wants a demo"}`)
		call("update_stage", `{"stage":"Hot Lead"}`)
		out[1].ID = "c2"
	case word == "support":
		call("assign", `{"target":"Support Team","reason":"wants support"}`)
	case word == "help":
		call("assign", `{"target":"Support Agent","reason":"technical"}`)
	case word == "done":
		call("close_conversation", `{"summary":"all done","closing_note":"Issue Resolved"}`)
	case word == "refund":
		call("refund", `{"amount":7}`)
	case word == "budget":
		call("update_fields", `{"fields":[{"field":"budget","value":"1200"}]}`)
	case word == "stage":
		call("update_stage", `{"stage":"Nowhere"}`)
		call("update_stage", `{"stage":"Cold Lead"}`)
	case word == "bye":
		call("stop_follow_ups", `{"reason":"they said goodbye"}`)
	case word == "twice":
		call("charge", `{"amount":7}`)
		call("charge", `{"amount":7}`)
		call("charge", `{"amount":8}`)
	case word == "rogue":
		call("charge", `{"amount":100000}`)
		call("drop_tables", `{}`)
		call("assign", `{"target":"Billing Team"}`)
	}
	if len(out) > 0 {
		return &agent.Response{Text: "Done already!", Calls: out, Stop: agent.StopCalls}, nil
	}
	return say("Answer to " + last)
}

// send is the channel in a storm.
func (st *storm) send(msg agent.Outbound) (agent.SendReceipt, error) {
	w := st.w
	a := w.sched.current
	begun := w.truth()
	w.log.sending(msg)
	f := w.point("send")
	if !st.calm() {
		if h, ok := st.chance(a, "the channel takes its time", 4); ok {
			st.pause(time.Duration(h%12000) * time.Millisecond)
		}
	}
	if w.truth().Sub(begun) >= sendWindow {
		return agent.SendReceipt{}, context.DeadlineExceeded // its context has ended
	}
	rough := uint64(st.plan.Rough)
	if !st.calm() && rough > 0 {
		if _, ok := st.chance(a, "the channel rejects it", 150/rough); ok {
			return agent.SendReceipt{}, &agent.SendError{Outcome: agent.Rejected, Reason: "no such number"}
		}
		if _, ok := st.chance(a, "the channel panics", 800/rough); ok {
			panic("sim: a channel that panics")
		}
	}
	switch f {
	case Before:
		return agent.SendReceipt{}, &agent.SendError{Outcome: agent.NotSent, Err: ErrInjected}
	case Reject:
		return agent.SendReceipt{}, &agent.SendError{Outcome: agent.Rejected, Reason: "no such number"}
	}
	receipt, again := w.delivered[msg.Key]
	if !again || !w.idempotent(msg.Channel) {
		receipt = agent.SendReceipt{ProviderID: "p-" + msg.Key}
		w.delivered[msg.Key] = receipt
		w.log.shown(msg, begun)
		w.log.deliver(msg)
		st.delivered(msg, receipt)
	}
	if f == After {
		return agent.SendReceipt{}, ErrInjected
	}
	return receipt, nil
}

// idempotent is whether a channel deduplicates.
func (w *World) idempotent(channel string) bool { return channel != "sms" && w.cfg.Idempotent }
