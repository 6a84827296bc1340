package scenario

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/session"
)

// Result is what a run gave.
type Result struct {
	// Text is the conversation as it went: what want.txt is compared with.
	Text string
	// Failures are the expectations that did not hold, the difference from
	// want.txt among them.
	Failures []string
	// Turns counts the turns.
	Turns int
}

// run is a scenario under way.
type run struct {
	s       *Scenario
	cfg     session.Config
	script  *session.Script
	session *session.Session
	out     strings.Builder
	res     *Result
	// last and sent are of the last thing that happened: its turns, and what
	// reached the contact.
	last  []agent.Turn
	sent  []string
	zone  *time.Location
	began bool
}

// Run runs the scenario. An error means that it cannot be run: a line that
// cannot be read, instructions with faults.
func (s *Scenario) Run(ctx context.Context) (*Result, error) {
	r := &run{s: s, script: &session.Script{}, res: &Result{}, zone: time.UTC}
	r.cfg = session.Config{
		Prompt: s.prompt, File: s.file, LLM: r.script, Clock: session.NewClock(),
		Contact: frontdesk.Contact{Fields: map[string]frontdesk.Value{}}, Actions: map[string]session.Simulated{},
		OnTurn: r.turn, OnMessage: r.message,
	}
	for _, l := range s.lines {
		do := verbs[l.verb]
		if do == nil {
			return nil, s.errorAt(l, fmt.Errorf("there is no line %q: known are %s", l.verb, knownVerbs()))
		}
		if err := do(r, ctx, l); err != nil {
			return nil, r.explain(l, err)
		}
		if r.session != nil {
			if err := r.unsent(ctx); err != nil {
				return nil, err
			}
		}
		if n := r.script.TakeMissing(); n > 0 {
			r.fail(l, "the LLM was asked more often than the script answers, by %d: add llm lines before this one", n)
		}
	}
	if err := r.begin(); err != nil {
		return nil, r.explain(line{}, err)
	}
	for _, step := range r.script.Unused() {
		r.res.Failures = append(r.res.Failures, fmt.Sprintf("%s: this answer of the LLM was never asked for: remove it, or find out why the turn ended early", step.Where))
	}
	r.out.WriteString("\nIn the end:\n")
	if err := WriteState(ctx, &r.out, r.session); err != nil {
		return nil, err
	}
	r.res.Text = r.out.String()
	if s.hasWant && s.want != r.res.Text {
		r.res.Failures = append(r.res.Failures, fmt.Sprintf("%s: the conversation went otherwise than %s says (run with -update to accept it):\n%s", s.Path, wantFile, diff(s.want, r.res.Text)))
	}
	return r.res, nil
}

// explain puts a place before an error. Faults of instructions have their own.
func (r *run) explain(l line, err error) error {
	var faults []error
	var collect func(error)
	collect = func(err error) {
		var in *agent.InstructionError
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				collect(e)
			}
		} else if errors.As(err, &in) {
			where := r.s.promptName
			if in.Where != "instructions" || where == "" {
				where = fmt.Sprintf("%s of %s", in.Where, in.Agent)
			}
			for _, d := range in.Diagnostics {
				faults = append(faults, fmt.Errorf("%s:%s", where, d))
			}
		} else {
			faults = append(faults, err)
		}
	}
	collect(err)
	err = errors.Join(faults...)
	if l.number == 0 {
		return fmt.Errorf("%s: %w", r.s.Path, err)
	}
	return r.s.errorAt(l, err)
}

// begin builds the agents, once all that describes them is read.
func (r *run) begin() error {
	if r.began {
		return nil
	}
	r.began = true
	var err error
	if r.session, err = session.New(r.cfg); err != nil {
		return err
	}
	r.zone, err = r.session.Workspace.Location()
	return err
}

func (r *run) fail(l line, format string, args ...any) {
	r.res.Failures = append(r.res.Failures, fmt.Sprintf("%s:%d: %s", r.s.Path, l.number, fmt.Sprintf(format, args...)))
}

// event begins a paragraph of the transcript.
func (r *run) event(format string, args ...any) error {
	if err := r.begin(); err != nil {
		return err
	}
	r.last, r.sent = nil, nil
	if r.out.Len() > 0 {
		r.out.WriteString("\n")
	}
	fmt.Fprintf(&r.out, "%s %s\n", r.clock(), fmt.Sprintf(format, args...))
	return nil
}

func (r *run) clock() string { return r.session.Clock.Now().In(r.zone).Format("Mon 15:04:05") }

// verbs are the lines of a scenario.
var verbs map[string]func(*run, context.Context, line) error

func init() { // the table and its functions name each other
	verbs = map[string]func(*run, context.Context, line) error{
		"agent": (*run).setAgent, "clock": (*run).setClock, "field": (*run).setField, "stage": (*run).setStage, "tag": (*run).setTag,
		"default_delay": (*run).setDelay, "action": (*run).setAction,
		"llm": (*run).llm, "contact": (*run).contact, "advance": (*run).advance, "operator": (*run).operator, "expect": (*run).expect,
	}
}

func knownVerbs() string {
	return "prompt, workspace, agent, clock, field, stage, tag, default_delay, action, llm, contact, advance, operator and expect"
}

// early is for lines that describe what is there before anything happens.
func (r *run) early(l line) error {
	if r.began {
		return fmt.Errorf("%q describes the beginning: put it before the first contact, advance or operator line", l.verb)
	}
	return nil
}

func (r *run) setAgent(_ context.Context, l line) error {
	r.cfg.Agent = l.rest
	if r.cfg.File == nil {
		return errors.New("an agent needs the workspace that describes it: add workspace.yaml")
	}
	return r.early(l)
}

func (r *run) setClock(_ context.Context, l line) error {
	t, err := time.Parse(time.RFC3339, l.rest)
	if err != nil {
		return fmt.Errorf("%q is no time: write one such as 2025-01-06T09:00:00+07:00", l.rest)
	}
	if t.Before(session.Start) {
		return fmt.Errorf("the clock starts at %s and never goes back: give a later time", session.Start.Format(time.RFC3339))
	}
	r.cfg.Clock.Set(t)
	return r.early(l)
}

func (r *run) setField(_ context.Context, l line) error {
	name, value, _ := strings.Cut(l.rest, " ")
	ws := frontdesk.Workspace{}
	if r.cfg.File != nil {
		ws = r.cfg.File.Workspace
	}
	kind, id := frontdesk.TypeText, name
	for _, f := range ws.AllFields() {
		if frontdesk.FoldField(f.Key()) == frontdesk.FoldField(name) {
			kind, id = f.Kind(), f.Key()
		}
	}
	v, err := frontdesk.ParseValue(kind, strings.TrimSpace(value))
	if err != nil {
		return err
	}
	r.cfg.Contact.Fields[id] = v
	return r.early(l)
}

func (r *run) setStage(_ context.Context, l line) error {
	r.cfg.Contact.Stage = l.rest
	return r.early(l)
}

func (r *run) setTag(_ context.Context, l line) error {
	r.cfg.Contact.Tags = append(r.cfg.Contact.Tags, l.rest)
	return r.early(l)
}

func (r *run) setDelay(_ context.Context, l line) error {
	d, err := ParseDuration(l.rest)
	r.cfg.DefaultDelay = d
	return errors.Join(err, r.early(l))
}

func (r *run) setAction(_ context.Context, l line) error {
	f := strings.SplitN(l.rest, " ", 3)
	if len(f) < 2 || f[1] != "returns" && f[1] != "fails" {
		return errors.New("write: action NAME returns TEXT, or: action NAME fails TEXT")
	}
	does := session.Simulated{Fail: f[1] == "fails", Result: "done"}
	if len(f) == 3 {
		does.Result = session.Unescape(f[2])
	}
	r.cfg.Actions[f[0]] = does
	return r.early(l)
}

func (r *run) llm(_ context.Context, l line) error {
	if rest, ok := strings.CutPrefix(l.rest, "also "); ok {
		call, err := session.ParseCall(strings.TrimPrefix(rest, "call "))
		if err != nil {
			return err
		}
		return r.script.Amend(call)
	}
	step, err := session.ParseStep(l.rest)
	if err != nil {
		return err
	}
	step.Where = fmt.Sprintf("%s:%d", r.s.Path, l.number)
	r.script.Add(step)
	return nil
}

func (r *run) contact(ctx context.Context, l line) error {
	if err := r.event("contact: %s", oneLine(session.Unescape(l.rest))); err != nil {
		return err
	}
	return r.session.Say(ctx, session.Unescape(l.rest))
}

func (r *run) advance(ctx context.Context, l line) error {
	d, err := ParseDuration(l.rest)
	if err != nil {
		return err
	}
	if err := r.event("advance %s", l.rest); err != nil {
		return err
	}
	return r.session.Advance(ctx, d)
}

// operator reads "reply USER: TEXT", "assign TARGET", "close [NOTE]",
// "reopen", "note TEXT".
func (r *run) operator(ctx context.Context, l line) error {
	verb, rest, _ := strings.Cut(l.rest, " ")
	rest = strings.TrimSpace(rest)
	var do func(m *agent.Mux, id string) error
	switch verb {
	case "reply":
		name, text, ok := strings.Cut(rest, ":")
		if !ok {
			return errors.New("write who replies: operator reply USER: TEXT")
		}
		do = func(m *agent.Mux, id string) error {
			user, err := r.session.User(strings.TrimSpace(name))
			if err != nil {
				return err
			}
			_, err = m.Reply(ctx, agent.HumanReply{ConversationID: id, UserID: user, Text: session.Unescape(strings.TrimSpace(text))})
			return err
		}
	case "assign":
		do = func(m *agent.Mux, id string) error { return m.Assign(ctx, id, r.session.Target(rest), "") }
	case "close":
		do = func(m *agent.Mux, id string) error { return m.Close(ctx, id, actions.Closing{Note: rest}, "") }
	case "reopen":
		do = func(m *agent.Mux, id string) error { return m.Reopen(ctx, id, "") }
	case "note":
		do = func(m *agent.Mux, id string) error { return m.Note(ctx, id, "", rest) }
	default:
		return fmt.Errorf("an operator cannot %q: write reply USER: TEXT, assign TARGET, close, reopen or note TEXT", verb)
	}
	if err := r.event("operator: %s", oneLine(l.rest)); err != nil {
		return err
	}
	return r.session.Operate(ctx, do)
}

// ParseDuration reads a Go duration, or days such as 2d.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); err != nil && ok {
		if n, convErr := strconv.Atoi(days); convErr == nil && n >= 0 && n < 10_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration: write one such as 90s, 2m, 1h30m or 2d", s)
	}
	return d, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
