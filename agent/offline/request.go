package offline

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// input is what a request says, read once.
type input struct {
	known    map[string]string // the contact's fields, by ID
	passages []string          // of the knowledge sources
	tools    map[string]tool
	events   []event
	stage    string
	tags     string
	now      time.Time
	system   string // the last request of the engine itself, if it stands last
}

// tool is an action on offer with the values that its arguments may have.
type tool struct{ enums map[string][]string }

// event is a message of the conversation, or a call with its result.
type event struct {
	kind eventKind
	text string
	call agent.ToolCall
	ok   bool // of a call: it was done, or waits for approval
	wait bool // of a call: it waits for approval
	skip bool // of a call: it was not run because of another
}

type eventKind int

const (
	eventContact eventKind = iota
	eventOwn
	eventCall
)

var (
	nowLine     = regexp.MustCompile(`(?m)^Now it is [A-Za-z]+, (\d{4}-\d\d-\d\d \d\d:\d\d) `)
	knownLine   = regexp.MustCompile(`(?m)^- ([^\n:]{1,100}): ("(?:[^"\\\n]|\\.)*")$`)
	passageLine = regexp.MustCompile(`(?m)^- source "(?:[^"\\\n]|\\.)*": ("(?:[^"\\\n]|\\.)*")$`)
)

// maxText bounds what is read of one message: what a contact says that a rule
// could understand is short, and time stays linear in the rest.
const maxText = 4000

// readRequest takes a request apart. What the engine writes as JSON strings is
// read as such, so that no value of a contact can pass for a line of another
// kind.
func readRequest(req *agent.Request) *input {
	in := &input{known: map[string]string{}, tools: map[string]tool{}}
	if req == nil {
		return in
	}
	in.readSystem(req.System)
	for _, t := range req.Tools {
		in.tools[t.Name] = tool{enums(t.Schema)}
	}
	open := map[string]int{} // calls without a result, by ID
	for i, m := range req.Messages {
		switch m.Role {
		case agent.RoleAssistant:
			for _, c := range m.Calls {
				open[c.ID] = len(in.events)
				in.events = append(in.events, event{kind: eventCall, call: c})
			}
			if len(m.Calls) == 0 && strings.TrimSpace(m.Text) != "" {
				in.events = append(in.events, event{kind: eventOwn, text: clipText(m.Text, maxText)})
			}
		case agent.RoleTool:
			if k, found := open[m.CallID]; found {
				in.events[k].ok = !m.IsError
				in.events[k].wait = !m.IsError && strings.HasPrefix(m.Text, "pending: ")
				in.events[k].skip = m.IsError && strings.HasPrefix(m.Text, "not run: an earlier call")
				delete(open, m.CallID)
			}
		case agent.RoleUser:
			if text, ok := strings.CutPrefix(m.Text, "[contact] "); ok {
				in.events = append(in.events, event{kind: eventContact, text: clipText(text, maxText)})
			} else if text, ok := strings.CutPrefix(m.Text, "[system] "); ok && i == len(req.Messages)-1 {
				in.system = text
			} else if !strings.HasPrefix(m.Text, "[") { // a request that no engine made
				in.events = append(in.events, event{kind: eventContact, text: clipText(m.Text, maxText)})
			}
		}
	}
	return in
}

func (in *input) readSystem(system string) {
	if i := strings.LastIndex(system, "\n==== END OF INSTRUCTIONS ====\n"); i >= 0 {
		system = system[i:]
	}
	facts, knowledge, _ := strings.Cut(system, "\nFound in the knowledge sources")
	if _, list, ok := strings.Cut(facts, "\nKnown of the contact (data):\n"); ok {
		for _, m := range knownLine.FindAllStringSubmatch(list, -1) {
			var value string
			if json.Unmarshal([]byte(m[2]), &value) == nil && value != "" {
				switch m[1] {
				case "lifecycle stage":
					in.stage = value
				case "tags":
					in.tags = value
				default:
					in.known[m[1]] = value
				}
			}
		}
	}
	if m := nowLine.FindStringSubmatch(facts); m != nil {
		if t, err := time.Parse("2006-01-02 15:04", m[1]); err == nil { // else the zone's words are not known
			in.now = t
		}
	}
	for _, m := range passageLine.FindAllStringSubmatch(knowledge, -1) {
		var text string
		if json.Unmarshal([]byte(m[1]), &text) == nil && strings.TrimSpace(text) != "" {
			in.passages = append(in.passages, strings.TrimSpace(text))
		}
	}
}

// enums collects the values that a schema allows, by the name of the property.
func enums(schema json.RawMessage) map[string][]string {
	out := map[string][]string{}
	var root any
	if json.Unmarshal(schema, &root) != nil {
		return out
	}
	var visit func(name string, v any, depth int)
	visit = func(name string, v any, depth int) {
		obj, ok := v.(map[string]any)
		if !ok || depth > 6 {
			return
		}
		if list, ok := obj["enum"].([]any); ok && name != "" {
			for _, e := range list {
				if s, ok := e.(string); ok {
					out[name] = append(out[name], s)
				}
			}
		}
		if props, ok := obj["properties"].(map[string]any); ok {
			for k, p := range props {
				visit(k, p, depth+1)
			}
		}
		visit(name, obj["items"], depth+1)
	}
	visit("", root, 0)
	return out
}

// offers reports whether a tool is on offer, and takes the value for the
// property where it lists the values that it takes.
func (in *input) offers(name, property, value string) bool {
	t, ok := in.tools[name]
	if !ok {
		return false
	}
	list := t.enums[property]
	for _, v := range list {
		if folded(v) == folded(value) {
			return true
		}
	}
	return len(list) == 0
}
