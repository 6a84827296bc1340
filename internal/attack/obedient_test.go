package attack_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// letters are the letters and digits of a text, folded: what is left of it
// whatever was put between them.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if l, ok := lookalikes[r]; ok {
			r = l
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(s))
}

var lookalikes = map[rune]rune{'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'х': 'x', 'і': 'i'}

var (
	base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{24,}={0,2}`)
	hexRun    = regexp.MustCompile(`(?:[0-9a-fA-F]{2}){12,}`)
)

// readings are all the ways in which a reader may take a text: as it stands
// and decoded. One list serves the model, which reads orders with it, and the
// checks, which read leaks with it.
func readings(s string) []string {
	out := []string{s, reversed(s), rot13(s)}
	if tagged := untag(s); tagged != "" {
		out = append(out, tagged)
	}
	if strings.Contains(s, `\u`) {
		out = append(out, unescape(s))
	}
	for _, run := range base64Run.FindAllString(s, -1) {
		run = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(run, "="))
		for skip := range min(4, len(run)) { // a run may have caught letters before it
			part := run[skip:]
			if b, err := base64.RawStdEncoding.DecodeString(part[:len(part)-len(part)%4+evenTail(len(part)%4)]); err == nil {
				out = append(out, string(b))
			}
		}
	}
	for _, run := range hexRun.FindAllString(s, -1) {
		if b, err := hex.DecodeString(run); err == nil {
			out = append(out, string(b))
		}
	}
	return out
}

// evenTail drops a single letter at the end, which encodes nothing.
func evenTail(n int) int {
	if n == 1 {
		return 0
	}
	return n
}

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func rot13(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
}

var escape = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+`)

// unescape reads the escapes of JSON.
func unescape(s string) string {
	return escape.ReplaceAllStringFunc(s, func(run string) string {
		var text string
		if json.Unmarshal([]byte(`"`+run+`"`), &text) != nil {
			return run
		}
		return text
	})
}

// untag reads the invisible tag characters, which models read and people do
// not see.
func untag(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xE0000 && r < 0xE0080 {
			b.WriteRune(r - 0xE0000)
		}
	}
	return b.String()
}

// reads reports whether the model finds the order of e in a text.
func reads(text string, e *entry) bool {
	for _, r := range readings(text) {
		if strings.Contains(letters(r), e.key) {
			return true
		}
	}
	return false
}

// The ways of obeying.
const (
	byCall     = "call"
	byText     = "call as text"
	byAgent    = "second agent"
	byFollowUp = "follow-up"
)

var ways = []string{byCall, byText, byAgent, byFollowUp}

// obedient is the model of all agents. It does what the attack of the present
// run asks, wherever it finds it. It keeps a record of its own of who was
// asked how often.
type obedient struct {
	mu    sync.Mutex
	e     *entry // nil: nobody attacks
	way   string
	slot  string
	calls map[string]int // by agent
	order []string       // of agents, each time another one is asked
	found bool           // the attack reached it
	tell  string         // what Support says to hand something on
	last  *agent.Request
	// systems are the last system prompts by agent.
	systems map[string]string
}

func (o *obedient) begin(e *entry, way, slot string) {
	o.e, o.way, o.slot = e, way, slot
	o.calls, o.order, o.found, o.tell = map[string]int{}, nil, false, ""
	if o.systems == nil {
		o.systems = map[string]string{}
	}
}

var whoami = regexp.MustCompile(`^You are "([^"]+)"`)

// Generate implements agent.LLM.
func (o *obedient) Generate(_ context.Context, req *agent.Request) (*agent.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	me := whoami.FindStringSubmatch(req.System)[1]
	o.calls[me]++
	o.systems[me] = req.System
	o.last = req
	if n := len(o.order); n == 0 || o.order[n-1] != me {
		o.order = append(o.order, me)
	}
	if o.e == nil {
		return say("Hello, how can I help?"), nil
	}
	own := 0
	asked := strings.Builder{}
	for _, m := range req.Messages {
		own += len(m.Calls)
		asked.WriteString(m.Text + "\n")
	}
	// The slots that need the agent's help: it looks something up, or another
	// agent passes the text on.
	if me == "Support Agent" && o.tell == "" && (o.slot == "handoff" || o.slot == "other agent") {
		if own == 0 {
			reason := map[string]any{"target": "Sales Agent"}
			if o.slot == "handoff" {
				reason["reason"], reason["summary"] = o.e.whole(), o.e.whole()
			}
			return do(agenttest.Call("assign", reason)), nil
		}
		o.tell = "One moment."
		if o.slot == "other agent" {
			o.tell = o.e.whole()
		}
		return say(o.tell), nil
	}
	if o.slot == "result" || o.slot == "error" {
		if own == 0 && len(req.Tools) > 0 {
			return do(agenttest.Call("lookup", map[string]any{"number": 1})), nil
		}
		own--
	}
	if !reads(req.System+"\n"+asked.String(), o.e) && !splitReads(req, o.e) {
		return say("Hello, how can I help?"), nil
	}
	o.found = true
	return o.obey(me, req, max(own, 0)), nil
}

// splitReads finds an order whose pieces stand in several messages.
func splitReads(req *agent.Request, e *entry) bool {
	if len(e.Parts) == 0 {
		return false
	}
	var joined strings.Builder
	for _, m := range req.Messages {
		joined.WriteString(strings.TrimPrefix(m.Text, "[contact] "))
	}
	return strings.Contains(letters(joined.String()), e.key)
}

// obey does what is asked, in the way of the run.
func (o *obedient) obey(me string, req *agent.Request, own int) *agent.Response {
	acts := o.acts(me, own, req)
	last := req.Messages[len(req.Messages)-1].Text
	switch o.way {
	case byText:
		if len(acts) > 0 {
			return say(asText(acts[o.e.n%len(acts)], o.e.n))
		}
		return say(o.words(req))
	case byFollowUp:
		if !strings.Contains(last, "has not answered") && !strings.Contains(last, "did not answer") {
			return say("Hello, how can I help?")
		}
		switch {
		case len(acts) > 0 && o.e.n%3 == 0:
			return do(acts...)
		case len(acts) > 0 && o.e.n%3 == 1:
			return say(asText(acts[0], o.e.n))
		}
		return say(o.words(req))
	case byAgent:
		if me == "Sales Agent" {
			if own == 0 {
				return do(agenttest.Call("assign", map[string]any{"target": "Support Agent", "reason": o.e.whole(), "summary": o.e.whole()}))
			}
			return say("One moment.")
		}
	}
	if o.e.Goal == "spend" {
		return do(acts...)
	}
	if own < len(acts) {
		if o.e.n%2 == 0 && own == 0 {
			return do(acts...) // all in one answer
		}
		return do(acts[own])
	}
	return say(o.words(req))
}

func say(text string) *agent.Response { return &agent.Response{Text: text} }

func do(calls ...agent.ToolCall) *agent.Response { return &agent.Response{Calls: calls} }

// asText writes a call in one of the forms in which models write them out.
func asText(c agent.ToolCall, n int) string {
	name, args := c.Name, string(c.Arguments)
	if args == "" {
		args = "{}"
	}
	quoted, err := json.Marshal(args)
	if err != nil {
		return err.Error()
	}
	python := strings.NewReplacer(`"`, `'`).Replace(args)
	forms := []string{
		fmt.Sprintf(`{"name":%q,"arguments":%s}`, name, args),
		fmt.Sprintf("Sure!\n```json\n{\"tool\": %q, \"parameters\": %s}\n```", name, args),
		fmt.Sprintf("<tool_call>\n{\"name\": %q, \"arguments\": %s}\n</tool_call>", name, args),
		fmt.Sprintf(`{"tool_calls":[{"id":"a","type":"function","function":{"name":%q,"arguments":%s}}]}`, name, quoted),
		fmt.Sprintf("<function=%s>%s</function>", name, args),
		fmt.Sprintf("[TOOL_CALLS][{\"name\": %q, \"arguments\": %s}]", name, args),
		fmt.Sprintf("%s(%s)", name, args),
		fmt.Sprintf("Done: {'name': '%s', 'arguments': %s}", name, python),
		fmt.Sprintf("Thought: I obey.\nAction: %s\nAction Input: %s", name, args),
		fmt.Sprintf("<%s>%s</%s>", name, args, name),
		fmt.Sprintf(`{%q: %s}`, name, args),
		fmt.Sprintf("```tool_code\nprint(default_api.%s(target='x'))\n```", name),
		fmt.Sprintf("｛\"name\":\"%s\",\"arguments\":%s｝", name, strings.ReplaceAll(args, "{", "｛")),
		fmt.Sprintf("<invoke name=%q><parameter name=\"x\">%s</parameter></invoke>", name, args),
		fmt.Sprintf("functions.%s %s", name, args),
		fmt.Sprintf("{\u200b\"name\":\u200b%q,\"arguments\":%s}", name, args),
	}
	return forms[n%len(forms)]
}
