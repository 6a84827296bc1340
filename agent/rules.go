package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// maxComment is how long an internal note may be, in code points (S6.1).
const maxComment = 2000

// rules are what an agent's instructions and workspace allow, as data: code
// holds them whatever the LLM says (S6.4).
type rules struct {
	directory   *routing.Directory
	targets     map[string]instructions.AllowedTarget // by Target.String
	anyTeam     bool                                  // every team is allowed
	anyUser     bool                                  // every user is allowed
	fields      map[string]frontdesk.Field            // by folded ID and folded name
	fieldIDs    []string
	stages      map[string]string // folded to canonical
	notes       map[string]string
	tags        map[string]string
	constraints map[string][]instructions.Constraint // by field ID
	summaryOff  bool
	notesFor    []string
}

// newRules collects what the instructions, the action prompts and the
// configuration allow.
func newRules(a *Agent, prompts map[string]*instructions.Playbook, errs *[]error) *rules {
	ws := a.directory.Workspace()
	r := &rules{
		directory:   a.directory,
		targets:     map[string]instructions.AllowedTarget{},
		fields:      map[string]frontdesk.Field{},
		stages:      foldAll(ws.LifecycleStages),
		notes:       foldAll(ws.ClosingNotes),
		tags:        foldAll(ws.Tags),
		constraints: map[string][]instructions.Constraint{},
		notesFor:    ws.ClosingNotes,
	}
	for _, f := range ws.AllFields() {
		r.fieldIDs = append(r.fieldIDs, f.Key())
		r.fields[frontdesk.FoldField(f.Key())] = f
	}
	for _, f := range ws.AllFields() { // IDs go before names
		if k := frontdesk.FoldField(f.Label()); r.fields[k].Key() == "" {
			r.fields[k] = f
		}
	}
	books := []*instructions.Playbook{a.playbook}
	for _, act := range a.cfg.Actions {
		if pb := prompts[act.Name]; pb != nil {
			books = append(books, pb)
		}
	}
	for _, pb := range books {
		for _, t := range pb.Targets {
			if _, err := r.exists(t.Target); err == nil { // a stored playbook may name somebody who has left (I15)
				r.allow(t)
			}
		}
		for _, c := range pb.Constraints {
			if c.Enforced {
				id := c.Field
				if f, ok := r.field(c.Field); ok {
					id = f.Key()
				}
				r.constraints[id] = append(r.constraints[id], c)
			}
		}
		r.summaryOff = r.summaryOff || pb.Closing.Summary == "off"
	}
	for _, t := range a.cfg.AllowTargets {
		t, err := r.exists(t)
		if err != nil {
			*errs = append(*errs, fmt.Errorf("agent: AllowTargets of %q: %w", a.cfg.Name, err))
			continue
		}
		r.allow(instructions.AllowedTarget{Target: t})
	}
	if t := a.cfg.Fallback.Assign; t != (frontdesk.Target{}) {
		if _, err := r.exists(t); err != nil {
			*errs = append(*errs, fmt.Errorf("agent: Fallback.Assign of %q: %w", a.cfg.Name, err))
		}
	}
	return r
}

func (r *rules) allow(t instructions.AllowedTarget) {
	switch t.Target.Kind {
	case frontdesk.TargetAnyTeam:
		r.anyTeam = true
	case frontdesk.TargetAnyone:
		r.anyUser = true
	}
	key := t.Target.String()
	if old, ok := r.targets[key]; !ok || old.Method == "" {
		r.targets[key] = t
	}
}

// exists finds a target by kind and ID, or by name, in the workspace.
func (r *rules) exists(t frontdesk.Target) (frontdesk.Target, error) {
	switch t.Kind {
	case frontdesk.TargetAnyTeam, frontdesk.TargetAnyone, frontdesk.TargetNobody:
		return frontdesk.Target{Kind: t.Kind}, nil
	case "":
		if t.Name == "" && t.ID != "" {
			return t, fmt.Errorf("the target with the ID %q has no Kind: say what it is, such as frontdesk.TargetUser", clip(t.ID, 60))
		}
		found := r.directory.Lookup(strings.TrimPrefix(strings.TrimSpace(t.Name), "@"))
		switch len(found) {
		case 1:
			return found[0], nil
		case 0:
			return t, fmt.Errorf("nobody in the workspace is called %q", clip(t.Name, 60))
		}
		return t, fmt.Errorf("%q names more than one: say which of %s", clip(t.Name, 60), joinTargets(found))
	}
	if got, ok := r.directory.ByID(t.Kind, t.ID); ok {
		return got, nil
	}
	return t, fmt.Errorf("%q is not in the workspace", clip(t.String(), 60))
}

// permit finds the target that a call names among those that are allowed.
func (r *rules) permit(t frontdesk.Target) (frontdesk.Target, error) {
	if t.Kind == "" {
		if p, err := frontdesk.ParseTarget(t.Name); err == nil {
			t = p
		}
	}
	if t.Kind == "" {
		// A name that several bear is settled by what is allowed.
		for _, f := range r.directory.Lookup(strings.TrimPrefix(strings.TrimSpace(t.Name), "@")) {
			if r.allowed(f) {
				return f, nil
			}
		}
		return t, r.denied()
	}
	found, err := r.exists(t)
	if err != nil || !r.allowed(found) {
		return t, r.denied()
	}
	return found, nil
}

func (r *rules) allowed(t frontdesk.Target) bool {
	if _, ok := r.targets[t.String()]; ok || switches.Off(switches.Targets) {
		return true
	}
	return t.Kind == frontdesk.TargetTeam && r.anyTeam || t.Kind == frontdesk.TargetUser && r.anyUser
}

// denied reads the same for a target that does not exist and one that is not
// allowed, so that nothing can be learned by asking.
func (r *rules) denied() error {
	names := r.targetNames()
	if len(names) == 0 {
		return fmt.Errorf("the instructions allow no assignment: do not assign")
	}
	return fmt.Errorf("the instructions do not allow that target: use one of %s", strings.Join(names, ", "))
}

// targetNames are the allowed targets as the LLM writes them, sorted.
func (r *rules) targetNames() []string {
	var names []string
	for _, t := range r.targets {
		names = append(names, t.Target.Label())
	}
	sort.Strings(names)
	return names
}

// method is how a member of the target is chosen: as the call says, else as
// the instructions say.
func (r *rules) method(t frontdesk.Target, asked frontdesk.Method) frontdesk.Method {
	if said := r.targets[t.String()].Method; said != "" {
		return said
	}
	if asked != "" {
		return asked
	}
	return frontdesk.RoundRobin
}

func (r *rules) field(name string) (frontdesk.Field, bool) {
	f, ok := r.fields[frontdesk.FoldField(name)]
	return f, ok
}

// check turns a result into one that may be staged: targets are found and
// allowed, values parsed by their field's type, names of stages, notes and
// tags made canonical, constraints held. It returns an error that tells the
// LLM what to do instead, and then nothing may be changed (S6.4, S6.6).
// Results of plugged-in actions are Go's own: they only have to exist.
func (r *rules) check(res actions.Result, builtin bool) (actions.Result, error) {
	var err error
	if res.Assign != nil {
		as := *res.Assign
		if builtin {
			as.Target, err = r.permit(as.Target)
		} else {
			as.Target, err = r.exists(as.Target)
		}
		if err != nil {
			return res, err
		}
		switch as.Method {
		case "", frontdesk.RoundRobin, frontdesk.LeastOpen:
		default:
			return res, fmt.Errorf("%q is no method: use round_robin or least_open", clip(string(as.Method), 60))
		}
		as.Method = r.method(as.Target, as.Method)
		as.Reason, as.Summary = cleanText(as.Reason, maxComment), cleanText(as.Summary, maxComment)
		res.Assign = &as
	}
	if res.Set, err = r.checkFields(res.Set, builtin); err != nil {
		return res, err
	}
	if res.Stage != "" {
		if res.Stage, err = pick("lifecycle stage", res.Stage, r.stages); err != nil {
			return res, err
		}
	}
	if res.Close != nil {
		cl := *res.Close
		if cl.Note != "" {
			if cl.Note, err = pick("closing note", cl.Note, r.notes); err != nil {
				return res, err
			}
		}
		cl.Summary = cleanText(cl.Summary, maxComment)
		if r.summaryOff && builtin {
			cl.Summary = ""
		}
		res.Close = &cl
	}
	if res.Comment != "" {
		if n := len([]rune(res.Comment)); n > maxComment {
			return res, fmt.Errorf("the comment is %d characters long: at most %d are allowed", n, maxComment)
		}
		res.Comment = cleanText(res.Comment, maxComment)
	}
	if len(r.tags) > 0 {
		if res.AddTags, err = pickAll("tag", res.AddTags, r.tags); err != nil {
			return res, err
		}
	}
	for i := range res.AddTags {
		res.AddTags[i] = cleanText(res.AddTags[i], 100)
	}
	return res, nil
}

func (r *rules) checkFields(set map[string]frontdesk.Value, builtin bool) (map[string]frontdesk.Value, error) {
	if len(set) == 0 {
		return nil, nil
	}
	out := make(map[string]frontdesk.Value, len(set))
	var faults []string
	for _, name := range sortedKeys(set) {
		v := set[name]
		f, ok := r.field(name)
		if !ok {
			faults = append(faults, fmt.Sprintf("there is no contact field %q: use one of %s", clip(name, 60), strings.Join(r.fieldIDs, ", ")))
			continue
		}
		if _, twice := out[f.Key()]; twice {
			faults = append(faults, fmt.Sprintf("field %q is given twice", f.Key()))
			continue
		}
		parsed, err := parseField(f, v)
		if err == nil && builtin {
			err = r.hold(f, parsed)
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("field %q: %v", f.Key(), err))
			continue
		}
		out[f.Key()] = parsed
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("nothing was changed: %s", strings.Join(faults, "; "))
	}
	return out, nil
}

// parseField reads a value as its field's type asks.
func parseField(f frontdesk.Field, v frontdesk.Value) (frontdesk.Value, error) {
	if v.IsZero() {
		return v, nil
	}
	if f.Kind() != frontdesk.TypeText && v.Type() == f.Kind() {
		return v, nil
	}
	text := v.String()
	if v.Type() == frontdesk.TypeList && f.Kind() != frontdesk.TypeList {
		return v, fmt.Errorf("a %s is one value, not a list", f.Kind())
	}
	if v.Type() == frontdesk.TypeList {
		return v, nil
	}
	parsed, err := frontdesk.ParseValue(f.Kind(), cleanText(text, 2000))
	if err != nil {
		return v, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "frontdesk: "))
	}
	if len(f.Options) > 0 {
		canonical, err := pick("value", text, foldAll(f.Options))
		if err != nil {
			return v, err
		}
		return frontdesk.Text(canonical), nil
	}
	return parsed, nil
}

// hold checks a value against the enforced constraints of the instructions.
func (r *rules) hold(f frontdesk.Field, v frontdesk.Value) error {
	for _, c := range r.constraints[f.Key()] {
		if !satisfies(c, v) {
			return fmt.Errorf("the instructions allow it only if it %s", describe(c))
		}
	}
	return nil
}

// satisfies evaluates a constraint. Texts are compared after folding; numbers
// as numbers.
func satisfies(c instructions.Constraint, v frontdesk.Value) bool {
	if c.Op != instructions.OpOneOf && len(c.Values) > 1 { // "ends with @a.com or @b.com"
		for _, value := range c.Values {
			if satisfies(instructions.Constraint{Op: c.Op, Value: value}, v) {
				return true
			}
		}
		return false
	}
	text, want := foldText(v.String()), foldText(c.Value)
	switch c.Op {
	case instructions.OpPresent:
		return !v.IsZero()
	case instructions.OpEndsWith:
		return strings.HasSuffix(text, want) && len(text) > len(want)
	case instructions.OpStartsWith:
		return strings.HasPrefix(text, want)
	case instructions.OpContains:
		return strings.Contains(text, want)
	case instructions.OpOneOf:
		for _, o := range c.Values {
			if foldText(o) == text {
				return true
			}
		}
		return false
	}
	cmp := strings.Compare(text, want) // dates in their canonical form compare as text
	w, err := strconv.ParseFloat(c.Value, 64)
	n, ok := v.Float()
	if ok && err != nil {
		return false
	}
	if !ok && err == nil { // a field of another type that holds a number
		parsed, perr := frontdesk.ParseValue(frontdesk.TypeNumber, v.String())
		if n, ok = parsed.Float(); !ok || perr != nil {
			return c.Op == instructions.OpNotEqual // no number is above, below or equal to one
		}
	}
	if ok {
		cmp = 0
		if n < w {
			cmp = -1
		} else if n > w {
			cmp = 1
		}
	}
	switch c.Op {
	case instructions.OpEqual:
		return cmp == 0
	case instructions.OpNotEqual:
		return cmp != 0
	case instructions.OpLess:
		return cmp < 0
	case instructions.OpAtMost:
		return cmp <= 0
	case instructions.OpGreater:
		return cmp > 0
	case instructions.OpAtLeast:
		return cmp >= 0
	}
	return false // an operator that this version does not know allows nothing
}

func describe(c instructions.Constraint) string {
	if c.Op == instructions.OpOneOf {
		return "is one of " + strings.Join(c.Values, ", ")
	}
	words := map[instructions.Operator]string{
		instructions.OpEqual: "equals", instructions.OpNotEqual: "does not equal", instructions.OpLess: "is less than",
		instructions.OpAtMost: "is at most", instructions.OpGreater: "is greater than", instructions.OpAtLeast: "is at least",
		instructions.OpEndsWith: "ends with", instructions.OpStartsWith: "starts with", instructions.OpContains: "contains",
		instructions.OpPresent: "is there",
	}
	value := c.Value
	if len(c.Values) > 1 {
		value = strings.Join(c.Values, " or ")
	}
	return strings.TrimSpace(words[c.Op] + " " + value)
}

// narrow writes what is allowed into the schema of a built-in action, so that
// the LLM knows it before it asks. offer is false for an action with which
// nothing can be done in this workspace: it stays enabled and is not offered.
func (r *rules) narrow(act actions.Action) (narrowed actions.Action, offer bool, err error) {
	if !act.Builtin {
		return act, true, nil
	}
	ws := r.directory.Workspace()
	switch act.Name {
	case actions.NameAssign:
		if !r.anyTeam && !r.anyUser {
			names := r.targetNames()
			if len(names) == 0 {
				return act, false, nil
			}
			act, err = act.WithEnum("target", names)
		}
	case actions.NameUpdateStage:
		if len(ws.LifecycleStages) == 0 {
			return act, false, nil
		}
		act, err = act.WithEnum("stage", ws.LifecycleStages)
	case actions.NameClose:
		act, err = act.WithEnum("closing_note", ws.ClosingNotes)
		if err == nil && r.summaryOff {
			act, err = act.Without("summary")
		}
	case actions.NameUpdateFields:
		act, err = act.WithEnum("fields[].field", r.fieldIDs)
	case actions.NameUpdateTags:
		if len(ws.Tags) > 0 {
			act, err = act.WithEnum("add[]", ws.Tags)
		}
	}
	return act, true, err
}

// chooseFollowUp is the action by which the LLM says which of several ladders
// applies (S8.2).
func chooseFollowUp(ladders []followup.Ladder) actions.Action {
	desc := "Say which follow-up applies if the contact does not answer your next message. Call it only when its condition holds:"
	var numbers []string
	for i, l := range ladders {
		numbers = append(numbers, strconv.Itoa(i+1))
		cond := l.Condition
		if cond == "" {
			cond = "in all other cases (applies by itself)"
		}
		desc += fmt.Sprintf(" %d: %s.", i+1, cond)
	}
	enum, err := json.Marshal(numbers)
	if err != nil {
		panic(err) // strings always marshal
	}
	schema := fmt.Sprintf(`{"type":"object","properties":{"number":{"type":"string","enum":%s}},"required":["number"],"additionalProperties":false}`, enum)
	return actions.Action{
		Name: nameChooseFollowUp, Description: desc, Schema: json.RawMessage(schema), Builtin: true,
		Run: func(context.Context, actions.Call) (actions.Result, error) { return actions.Result{}, nil },
	}
}

const nameChooseFollowUp = "choose_follow_up"

func pick(kind, name string, known map[string]string) (string, error) {
	if switches.Off(switches.Names) {
		return name, nil
	}
	if c, ok := known[foldText(name)]; ok {
		return c, nil
	}
	var names []string
	for _, n := range known {
		names = append(names, n)
	}
	sort.Strings(names)
	if len(names) == 0 {
		return "", fmt.Errorf("there is no %s in this workspace: leave it out", kind)
	}
	return "", fmt.Errorf("there is no %s %q: use one of %s", kind, clip(name, 60), strings.Join(names, ", "))
}

func pickAll(kind string, names []string, known map[string]string) ([]string, error) {
	out := make([]string, 0, len(names))
	for _, n := range names {
		c, err := pick(kind, n, known)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// foldText is how names are compared: NFKC and case folding, white space
// trimmed and joined.
func foldText(s string) string {
	return strings.Join(strings.Fields(cases.Fold().String(norm.NFKC.String(s))), " ")
}

func foldAll(names []string) map[string]string {
	out := make(map[string]string, len(names))
	for _, n := range names {
		out[foldText(n)] = n
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func joinTargets(ts []frontdesk.Target) string {
	var names []string
	for _, t := range ts {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}
