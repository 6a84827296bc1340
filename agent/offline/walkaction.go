package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// save keeps what was learned in the contact's fields: all in one call, and
// one by one where that was refused.
func (w *walk) save() {
	type pair struct {
		Field string `json:"field"`
		Value string `json:"value"`
	}
	var pairs []pair
	for _, f := range sortedKeys(w.st.fields) {
		v := w.st.fields[f]
		if v != w.st.saved[f] && !w.plan.forgets[f] && !w.st.rejected[f+"\x00"+v] && w.in.offers(actions.NameUpdateFields, "field", f) {
			pairs = append(pairs, pair{f, v})
		}
	}
	if len(pairs) == 0 {
		return
	}
	one := slices.ContainsFunc(w.st.calls, func(c call) bool { return c.name == actions.NameUpdateFields && !c.ok })
	if one {
		pairs = pairs[:1]
	}
	w.call(actions.NameUpdateFields, map[string]any{"fields": pairs})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// call adds a call unless the same one was tried since the last text. It
// reports whether the action is done already.
func (w *walk) call(name string, args map[string]any) (done bool) {
	b, err := json.Marshal(args)
	if err != nil {
		return false // strings always marshal
	}
	key := compact(b)
	skipped := 0
	for _, c := range w.st.calls {
		switch {
		case c.name != name || c.args != key:
		case c.skip:
			skipped++
		default:
			return c.ok
		}
	}
	if skipped < 2 {
		w.calls = append(w.calls, agent.ToolCall{ID: "call_" + strconv.Itoa(len(w.calls)+1), Name: name, Arguments: b})
	}
	return false
}

// act calls an action of the text.
func (w *walk) act(a instructions.ActionSite) {
	switch a.Name {
	case actions.NameAssign, "unassign":
		target := a.Target
		if a.Name == "unassign" {
			target = "nobody"
		} else if target == "" {
			target = a.Resolved.Label()
		}
		args := map[string]any{"target": target, "summary": w.plan.summary(w.in)}
		if a.Method != "" {
			args["method"] = a.Method
		}
		w.move(actions.NameAssign, "target", target, args)
	case actions.NameClose:
		args := map[string]any{}
		if !a.NoSummary && w.plan.pb.Closing.Summary != "off" {
			args["summary"] = w.plan.summary(w.in)
		}
		if a.Note != "" {
			args["closing_note"] = a.Note
		}
		w.move(actions.NameClose, "closing_note", a.Note, args)
	case actions.NameUpdateStage:
		if w.in.offers(a.Name, "stage", a.Value) && !w.stageSet(a.Value) {
			w.call(a.Name, map[string]any{"stage": a.Value})
		}
	case actions.NameUpdateFields:
		if w.in.offers(a.Name, "field", a.Field) && w.st.saved[a.Field] != a.Value {
			w.call(a.Name, map[string]any{"fields": []map[string]string{{"field": a.Field, "value": a.Value}}})
		}
	case actions.NameUpdateTags:
		if w.in.offers(a.Name, "add", a.Value) && a.Value != "" && !strings.Contains(w.in.tags, a.Value) {
			w.call(a.Name, map[string]any{"add": []string{a.Value}})
		}
	case actions.NameAddComment:
		if w.in.offers(a.Name, "text", "") {
			text := a.Value
			if text == "" {
				text = w.plan.summary(w.in)
			}
			if text != "" && !w.tried(actions.NameAddComment) {
				w.call(a.Name, map[string]any{"text": text})
			}
		}
	}
}

// move assigns or closes, once between two texts.
func (w *walk) move(name, property, value string, args map[string]any) {
	if !w.in.offers(name, property, value) && !(name == actions.NameClose && value == "" && w.has(name)) {
		return
	}
	w.moved = true
	for _, c := range w.st.calls {
		if c.name == name && !c.skip {
			if !c.ok {
				w.lost, w.moved = true, false
				w.parts = append(w.parts, w.plan.say.colleague)
				w.stop = true
			}
			return
		}
	}
	w.call(name, args)
}

func (w *walk) has(tool string) bool {
	_, ok := w.in.tools[tool]
	return ok
}

func (w *walk) tried(name string) bool {
	return slices.ContainsFunc(w.st.calls, func(c call) bool { return c.name == name && !c.skip })
}

// stageSet reports whether the contact is at a stage already.
func (w *walk) stageSet(stage string) bool {
	return w.in.stage == stage && !w.tried(actions.NameUpdateStage)
}

// handOver gives the conversation to the first target that the instructions
// allow, people before AI agents; where there is none the contact hears that a
// colleague will be asked. It returns true: there is nothing more to ask.
func (w *walk) handOver() bool {
	w.stop, w.lost = true, true
	for _, people := range []bool{true, false} {
		for _, t := range w.plan.pb.Targets {
			name := t.Target.Label()
			if name == "" || t.Target.Kind == frontdesk.TargetNobody || (t.Target.Kind == frontdesk.TargetAIAgent) == people || !w.in.offers(actions.NameAssign, "target", name) {
				continue
			}
			w.move(actions.NameAssign, "target", name, map[string]any{
				"target": name, "reason": w.plan.say.assignReason, "summary": w.plan.summary(w.in),
			})
			return true
		}
	}
	w.parts = append(w.parts, w.plan.say.colleague)
	return true
}

// farewell tells the contact where the conversation went.
func (w *walk) farewell() {
	if !w.moved {
		return
	}
	p := w.plan
	for i := len(w.st.calls) - 1; i >= 0; i-- {
		c := w.st.calls[i]
		if !c.ok {
			continue
		}
		switch c.name {
		case actions.NameClose:
			if len(w.parts) == 0 {
				w.parts = append(w.parts, p.say.closed)
			}
			return
		case actions.NameAssign:
			var args struct{ Target string }
			if json.Unmarshal([]byte(c.args), &args) != nil || args.Target == "" || args.Target == "nobody" || strings.HasPrefix(args.Target, "any") {
				w.parts = append(w.parts, p.say.thanks, p.say.handed)
				return
			}
			w.parts = append(w.parts, p.say.thanks, fmt.Sprintf(p.say.handedTo, args.Target))
			return
		}
	}
}
