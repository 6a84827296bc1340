package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
)

// MaxComment is how long an internal note may be, in Unicode code points
// (S6.1). Summaries and reasons are cut there.
const MaxComment = 2000

// Names of targets that are no person and no team, as the LLM writes them.
const (
	targetAnyTeam = "any team"
	targetAnyone  = "anyone"
	targetNobody  = "nobody"
)

// builtin makes a built-in action. The arguments are read into In after they
// were held to the schema once more: Run is pure and total whoever calls it.
func builtin[In any](name, description, schema string, prompts []string, run func(in In) (Result, error)) Action {
	checker, err := NewChecker(json.RawMessage(schema))
	return Action{
		Name:        name,
		Description: description,
		Prompt:      strings.Join(prompts, "\n"),
		Schema:      json.RawMessage(schema),
		Builtin:     true,
		Run: func(_ context.Context, call Call) (Result, error) {
			if err != nil { // a schema of ours that does not compile: a test holds that none is
				return Result{}, err
			}
			var in In
			if err := decode(checker, call.Arguments, &in); err != nil {
				return Result{}, err
			}
			return run(in)
		},
	}
}

// decode holds arguments to the schema and reads them into a struct.
func decode(c *Checker, args json.RawMessage, in any) error {
	checked, err := c.Check(args)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(checked, in); err != nil {
		return newArgumentError([]fault{decodeFault(err)})
	}
	return nil
}

// decodeFault is a value that the schema allows and the Go type does not hold,
// such as a number that is too large for an int.
func decodeFault(err error) fault {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault{shortPath("/" + strings.ReplaceAll(t.Field, ".", "/")), fmt.Sprintf("%s does not fit: give a value of type %s", shorten(t.Value, maxQuoted), t.Type)}
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return fault{"", "a time does not fit: write one such as 2026-11-24T15:04:05Z"}
	}
	return fault{"", "a value does not fit: " + shorten(err.Error(), maxQuoted)}
}

// cut trims a text that explains an action and bounds it. It is never worth a
// refusal: a handoff matters more than its summary (S6.5).
func cut(text string) string { return shorten(strings.TrimSpace(text), MaxComment) }

// noted is what the LLM is told of a change that is staged. It repeats what
// the LLM itself wrote, so it is bounded.
func noted(what string, names ...string) string {
	return "Noted: " + what + shorten(strings.Join(names, ", "), 5*maxQuoted) + ". It takes effect when this turn ends."
}

const assignSchema = `{"type":"object","properties":{` +
	`"target":{"type":"string","description":"Team, user or AI agent by the exact name in the instructions, or \"any team\", \"anyone\", or \"nobody\" to unassign."},` +
	`"method":{"type":"string","description":"How a member is chosen. Leave it out unless the instructions say.","enum":["round_robin","least_open"]},` +
	`"reason":{"type":"string","description":"Why, in one sentence."},` +
	`"summary":{"type":"string","description":"What whoever takes over must know: the request, facts given, what was done."}},` +
	`"required":["target"],"additionalProperties":false}`

// Assign hands the conversation to a team, a user or an AI agent, or unassigns
// it (S5, S6.1). Each prompt is a rule of the support lead for when to do so.
//
// The result's target has a Name and no Kind when the LLM named somebody: the
// agent resolves it against its instructions. "any team", "anyone" and
// "nobody" come with their Kind.
func Assign(prompt ...string) Action {
	return builtin(NameAssign,
		"Hand the conversation to a person, team or AI agent, or unassign it. Do it only when the instructions call for it. It takes effect after your reply.",
		assignSchema, prompt, runAssign)
}

type assignArgs struct {
	Target  string           `json:"target"`
	Method  frontdesk.Method `json:"method"`
	Reason  string           `json:"reason"`
	Summary string           `json:"summary"`
}

func runAssign(in assignArgs) (Result, error) {
	target, err := namedTarget(in.Target)
	if err != nil {
		return Result{}, err
	}
	content := noted("assign to ", target.Name)
	if target.Kind == frontdesk.TargetNobody {
		content = noted("unassign")
	}
	return Result{
		Content: content,
		Assign:  &Assignment{Target: target, Method: in.Method, Reason: cut(in.Reason), Summary: cut(in.Summary)},
	}, nil
}

// namedTarget reads what the LLM wrote. Models copy the @ of a mention, and
// write the special targets as the instructions do or as identifiers.
func namedTarget(name string) (frontdesk.Target, error) {
	name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "@"))
	if name == "" {
		return frontdesk.Target{}, errors.New("actions: the target is empty: name a team, a user or an AI agent, or nobody")
	}
	switch strings.ReplaceAll(strings.ToLower(name), "_", " ") {
	case targetAnyTeam:
		return frontdesk.Target{Kind: frontdesk.TargetAnyTeam, Name: targetAnyTeam}, nil
	case targetAnyone, "anyone in the workspace":
		return frontdesk.Target{Kind: frontdesk.TargetAnyone, Name: targetAnyone}, nil
	case targetNobody:
		return frontdesk.Target{Kind: frontdesk.TargetNobody, Name: targetNobody}, nil
	}
	return frontdesk.Target{Name: name}, nil
}

const closeSchema = `{"type":"object","properties":{` +
	`"summary":{"type":"string","description":"What the contact wanted and how it ended, in at most three sentences."},` +
	`"closing_note":{"type":"string","description":"One of the closing notes, as the instructions say."}},` +
	`"additionalProperties":false}`

// Close closes the conversation (S6.5). Where instructions say "do not
// generate a summary", and where a workspace has no closing notes, the agent
// takes the property out of the schema ([Action.Without]).
func Close(prompt ...string) Action {
	return builtin(NameClose,
		"Close the conversation. Do it only when the instructions call for it, after all other actions. It takes effect after your reply.",
		closeSchema, prompt, runClose)
}

type closeArgs struct {
	Summary string `json:"summary"`
	Note    string `json:"closing_note"`
}

func runClose(in closeArgs) (Result, error) {
	return Result{
		Content: noted("close the conversation"),
		Close:   &Closing{Summary: cut(in.Summary), Note: strings.TrimSpace(in.Note)},
	}, nil
}

const fieldsSchema = `{"type":"object","properties":{` +
	`"fields":{"type":"array","description":"The fields to set, each once.","items":{"type":"object","properties":{` +
	`"field":{"type":"string","description":"Name of the contact field."},` +
	`"value":{"type":"string","description":"The new value as text: a number as digits, a date as 2026-11-24, true or false, list items separated by commas. Empty clears the field."}},` +
	`"required":["field","value"],"additionalProperties":false}}},` +
	`"required":["fields"],"additionalProperties":false}`

// UpdateFields sets contact fields, several in one call, all or none (S6.6).
// The values of the result are texts; the agent reads them by the field's
// type. An empty one clears the field.
//
// The arguments are a list of pairs, as a map with free keys cannot be
// described to every LLM provider.
func UpdateFields(prompt ...string) Action {
	return builtin(NameUpdateFields,
		"Save facts that the contact gave into contact fields, several at once. All are saved or none. Never guess a value.",
		fieldsSchema, prompt, runFields)
}

type fieldsArgs struct {
	Fields []struct {
		Field string `json:"field"`
		Value string `json:"value"`
	} `json:"fields"`
}

func runFields(in fieldsArgs) (Result, error) {
	if len(in.Fields) == 0 {
		return Result{}, errors.New("actions: no field is given: name at least one with its value")
	}
	var errs []error
	res := Result{Set: make(map[string]frontdesk.Value, len(in.Fields))}
	seen := make(map[string]bool, len(in.Fields))
	names := make([]string, 0, len(in.Fields))
	for i, f := range in.Fields {
		name := strings.TrimSpace(f.Field)
		folded := frontdesk.FoldField(name)
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("actions: at /fields/%d: the field has no name: give one", i))
		case seen[folded]:
			errs = append(errs, fmt.Errorf("actions: the field %s is given twice: give it once", quote(name)))
		default:
			seen[folded] = true
			names = append(names, name)
			res.Set[name] = frontdesk.Text(strings.TrimSpace(f.Value))
		}
	}
	if len(errs) > 0 {
		return Result{}, errors.Join(errs...)
	}
	res.Content = noted("set ", names...)
	return res, nil
}

const stageSchema = `{"type":"object","properties":{` +
	`"stage":{"type":"string","description":"Name of the lifecycle stage."}},` +
	`"required":["stage"],"additionalProperties":false}`

// UpdateStage moves the contact to a lifecycle stage (S6.1).
func UpdateStage(prompt ...string) Action {
	return builtin(NameUpdateStage,
		"Move the contact to a lifecycle stage. Do it only when the instructions call for it.",
		stageSchema, prompt, runStage)
}

type stageArgs struct {
	Stage string `json:"stage"`
}

func runStage(in stageArgs) (Result, error) {
	stage := strings.TrimSpace(in.Stage)
	if stage == "" {
		return Result{}, errors.New("actions: the stage is empty: name a lifecycle stage")
	}
	return Result{Content: noted("lifecycle stage ", stage), Stage: stage}, nil
}

const commentSchema = `{"type":"object","properties":{` +
	`"text":{"type":"string","description":"The note, at most 2,000 characters."}},` +
	`"required":["text"],"additionalProperties":false}`

// AddComment adds an internal note, which the contact never sees (S6.1).
func AddComment(prompt ...string) Action {
	return builtin(NameAddComment,
		"Add an internal note for the human team. The contact never sees it.",
		commentSchema, prompt, runComment)
}

type commentArgs struct {
	Text string `json:"text"`
}

func runComment(in commentArgs) (Result, error) {
	text := strings.TrimSpace(in.Text)
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return Result{}, errors.New("actions: the comment is empty: write one")
	case n > MaxComment:
		return Result{}, fmt.Errorf("actions: the comment is %d characters long, the limit is %d: shorten it", n, MaxComment)
	}
	return Result{Content: noted("internal comment"), Comment: text}, nil
}

const tagsSchema = `{"type":"object","properties":{` +
	`"add":{"type":"array","description":"Tags to add.","items":{"type":"string"}},` +
	`"remove":{"type":"array","description":"Tags to remove.","items":{"type":"string"}}},` +
	`"additionalProperties":false}`

// UpdateTags adds tags to the contact and removes tags (S6.1).
func UpdateTags(prompt ...string) Action {
	return builtin(NameUpdateTags,
		"Add tags to the contact, or remove tags.",
		tagsSchema, prompt, runTags)
}

type tagsArgs struct {
	Add    []string `json:"add"`
	Remove []string `json:"remove"`
}

func runTags(in tagsArgs) (Result, error) {
	seen := map[string]string{} // tag → what is done with it
	clean := func(tags []string, what string) (out []string, err error) {
		for _, tag := range tags {
			tag = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(tag), "%"))
			switch before, ok := seen[tag]; {
			case tag == "":
				return nil, errors.New("actions: a tag is empty: name it or leave it out")
			case ok && before != what:
				return nil, fmt.Errorf("actions: the tag %s is both added and removed: do one", quote(tag))
			case !ok:
				seen[tag] = what
				out = append(out, tag)
			}
		}
		return out, nil
	}
	add, err := clean(in.Add, "add")
	if err != nil {
		return Result{}, err
	}
	remove, err := clean(in.Remove, "remove")
	if err != nil {
		return Result{}, err
	}
	if len(add)+len(remove) == 0 {
		return Result{}, errors.New("actions: no tag is given: name one in add or remove")
	}
	return Result{Content: noted("tags ", slices.Concat(add, remove)...), AddTags: add, RemoveTags: remove}, nil
}

const stopSchema = `{"type":"object","properties":{` +
	`"reason":{"type":"string","description":"Why.","enum":["not_interested","goodbye","goal_reached"]}},` +
	`"required":["reason"],"additionalProperties":false}`

// StopFollowUps cancels the pending follow-ups of the conversation (S8.4).
func StopFollowUps(prompt ...string) Action {
	return builtin(NameStopFollowUps,
		"Send no further follow-ups: the contact is not interested, has said goodbye, or has reached the goal.",
		stopSchema, prompt, runStop)
}

type stopArgs struct {
	Reason string `json:"reason"`
}

func runStop(in stopArgs) (Result, error) {
	reason := strings.ReplaceAll(in.Reason, "_", " ")
	return Result{Content: noted("no further follow-ups, ", reason), StopFollowUps: reason}, nil
}
