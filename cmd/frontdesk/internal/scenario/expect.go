package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/session"
)

// expect checks one thing about what happened last, or about how things
// stand. What cannot be read is an error; what does not hold is a failure.
func (r *run) expect(ctx context.Context, l line) error {
	if err := r.begin(); err != nil {
		return err
	}
	what, rest, _ := strings.Cut(l.rest, " ")
	rest = strings.TrimSpace(rest)
	switch what {
	case "no":
		return r.expectNot(l, rest)
	case "reply":
		r.expectReply(l, session.Unescape(rest))
		return nil
	case "action":
		return r.expectAction(l, rest)
	case "exit":
		r.expectExit(l, rest)
		return nil
	case "system":
		if !strings.Contains(r.script.System(), session.Unescape(rest)) {
			r.fail(l, "the system prompt of the last LLM call does not contain %q", session.Unescape(rest))
		}
		return nil
	}
	return r.expectState(ctx, l, what, rest)
}

func (r *run) expectReply(l line, want string) {
	for _, text := range r.sent {
		if strings.Contains(text, want) {
			return
		}
	}
	if len(r.sent) == 0 {
		r.fail(l, "expected a message with %q; none reached the contact", want)
		return
	}
	r.fail(l, "expected a message with %q; the contact got %q", want, r.sent)
}

func (r *run) expectNot(l line, rest string) error {
	what, name, _ := strings.Cut(rest, " ")
	switch what {
	case "reply":
		if len(r.sent) > 0 {
			r.fail(l, "expected no message; the contact got %q", r.sent)
		}
	case "action":
		for _, t := range r.last {
			for _, c := range t.Calls {
				if c.Outcome == agent.CallDone && (name == "" || c.Name == name) {
					r.fail(l, "expected no action %s; %s was done with %s", name, c.Name, c.Arguments)
				}
			}
		}
	default:
		return fmt.Errorf("write expect no reply, or expect no action [NAME], not %q", rest)
	}
	return nil
}

func (r *run) expectAction(l line, rest string) error {
	name, outcome, _ := strings.Cut(rest, " ")
	if name == "" {
		return errors.New("name the action: expect action NAME [done|refused|failed|skipped|pending]")
	}
	if outcome == "" {
		outcome = string(agent.CallDone)
	}
	var got []string
	for _, t := range r.last {
		for _, c := range t.Calls {
			if c.Name == name && string(c.Outcome) == outcome {
				return nil
			}
			got = append(got, fmt.Sprintf("%s %s", c.Name, c.Outcome))
		}
	}
	r.fail(l, "expected the action %s to be %s; there was %s", name, outcome, orNone(strings.Join(got, ", ")))
	return nil
}

func (r *run) expectExit(l line, want string) {
	var got []string
	for _, t := range r.last {
		if string(t.Exit) == want {
			return
		}
		got = append(got, string(t.Exit))
	}
	r.fail(l, "expected a turn to end with %s; they ended with %s", want, orNone(strings.Join(got, ", ")))
}

// expectState checks how things stand now.
func (r *run) expectState(ctx context.Context, l line, what, rest string) error {
	v, err := r.session.View(ctx)
	if err != nil {
		return err
	}
	conv, contact := frontdesk.Conversation{}, frontdesk.Contact{}
	if v.Conversation != nil {
		conv, contact = *v.Conversation, *v.Contact
	}
	want, got := rest, ""
	switch what {
	case "status":
		got = string(conv.Status)
	case "stage":
		got = contact.Stage
	case "team":
		got = conv.TeamID
		for _, t := range r.session.Workspace.Teams {
			if t.Key() == got && t.Name == want {
				got = want
			}
		}
	case "assignee":
		got = assignee(&conv)
		if want == "nobody" {
			want = "none"
		}
		got = strings.TrimSuffix(got, " (waits for a human)")
		if id, err := r.session.User(want); err == nil && conv.Assignee == (frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: id}) {
			return nil
		}
	case "note":
		got = conv.ClosingNote
	case "field":
		var name string
		name, want, _ = strings.Cut(rest, " ")
		got = contact.Field(name).String()
		what += " " + name
	case "tag":
		if !strings.Contains("\n"+strings.Join(contact.Tags, "\n")+"\n", "\n"+want+"\n") {
			r.fail(l, "expected the tag %q; the contact has %q", want, contact.Tags)
		}
		return nil
	default:
		return fmt.Errorf("%q cannot be expected: known are reply, no reply, action, no action, exit, system, status, stage, team, assignee, note, field and tag", what)
	}
	if want == "none" {
		want = ""
	}
	if got == "none" {
		got = ""
	}
	if got != want {
		r.fail(l, "expected %s %s; it is %s", what, orNone(want), orNone(got))
	}
	return nil
}
