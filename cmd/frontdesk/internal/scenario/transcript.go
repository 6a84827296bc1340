package scenario

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/session"
)

// turn writes a turn into the transcript.
func (r *run) turn(t agent.Turn) {
	r.last = append(r.last, t)
	r.res.Turns++
	r.out.WriteString(FormatTurn(t, r.clock()))
}

// message writes what reached the contact.
func (r *run) message(m agent.Outbound) {
	r.sent = append(r.sent, m.Text)
	who := m.Author.Name
	if who == "" {
		who = string(m.Author.Kind)
	}
	fmt.Fprintf(&r.out, "  %s\n", indent(who+" → contact: "+m.Text))
}

// unsent writes what should have reached the contact and did not.
func (r *run) unsent(ctx context.Context) error {
	list, err := r.session.Unsent(ctx)
	for _, m := range list {
		fmt.Fprintf(&r.out, "  not sent: %s (%s)\n", indent(m.Text), m.Reason)
	}
	return err
}

// indent keeps the lines of a text under its first.
func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") }

// FormatTurn writes a turn's record as text. The time is left out when it is
// empty.
func FormatTurn(t agent.Turn, at string) string {
	var b strings.Builder
	name := t.Agent
	if name == "" {
		name = "no agent"
	}
	fmt.Fprintf(&b, "  [%s", name)
	if k := t.Trigger.Kind; k != "" {
		fmt.Fprintf(&b, ", %s", k)
		if k == agent.TriggerFollowUp {
			fmt.Fprintf(&b, " %d", t.Trigger.Step+1)
		}
		if k == agent.TriggerHandoff {
			fmt.Fprintf(&b, " from %s", t.Trigger.From)
		}
	}
	if at != "" {
		fmt.Fprintf(&b, ", %s", at)
	}
	fmt.Fprintf(&b, "] %s", t.Exit)
	if t.Rounds > 0 {
		fmt.Fprintf(&b, ", LLM calls: %d", t.Rounds)
	}
	b.WriteString("\n")
	if t.Failure != "" {
		fmt.Fprintf(&b, "    because %s\n", indent(oneLine(t.Failure)))
	}
	for _, source := range t.Sources {
		fmt.Fprintf(&b, "    found %s\n", oneLine(source))
	}
	for _, c := range t.Calls {
		fmt.Fprintf(&b, "    call %s %s: %s", c.Name, oneLine(string(c.Arguments)), c.Outcome)
		if c.Outcome != agent.CallDone && c.Detail != "" {
			fmt.Fprintf(&b, ", %s", oneLine(c.Detail))
		}
		b.WriteString("\n")
	}
	for _, c := range t.Changes {
		fmt.Fprintf(&b, "    %s: %s → %s\n", c.What, orNone(oneLine(c.Old)), orNone(oneLine(c.New)))
	}
	for _, v := range t.Missing {
		fmt.Fprintf(&b, "    no value for %s\n", v)
	}
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// WriteState writes how things stand: who has the conversation, and what is
// known of the contact.
func WriteState(ctx context.Context, w io.Writer, s *session.Session) error {
	v, err := s.View(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	if v.Conversation == nil {
		_, err := io.WriteString(w, "  no conversation\n")
		return err
	}
	fmt.Fprintf(&b, "  conversation: %s, team %s, assignee %s\n", v.Conversation.Status, orNone(v.Conversation.TeamID), assignee(v.Conversation))
	if v.Conversation.Status == frontdesk.Closed {
		fmt.Fprintf(&b, "  closed with note %s, summary %s\n", orNone(v.Conversation.ClosingNote), orNone(oneLine(v.Conversation.Summary)))
	}
	fmt.Fprintf(&b, "  contact: stage %s", orNone(v.Contact.Stage))
	if len(v.Contact.Tags) > 0 {
		fmt.Fprintf(&b, ", tags %s", strings.Join(v.Contact.Tags, ", "))
	}
	b.WriteString("\n")
	var ids []string
	for id := range v.Contact.Fields {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		fmt.Fprintf(&b, "  %s: %s\n", id, v.Contact.Fields[id])
	}
	for _, t := range v.Tasks {
		if t.Kind == agent.TaskFollowUp && t.Ladder != nil && !t.Due.IsZero() {
			fmt.Fprintf(&b, "  a follow-up is due in %s\n", t.Due.Sub(s.Clock.Now()).Round(time.Second))
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func assignee(c *frontdesk.Conversation) string {
	if c.Assignee.Kind == frontdesk.Nobody {
		if c.AwaitsHuman {
			return "none (waits for a human)"
		}
		return "none"
	}
	return string(c.Assignee.Kind) + ":" + c.Assignee.ID
}

// maxDiff bounds what a comparison costs, in pairs of lines.
const maxDiff = 4 << 20

// diff compares two texts by lines: "-" is what was expected, "+" what came.
// Lines far from a difference are left out.
func diff(want, got string) string {
	a, b := strings.Split(strings.TrimSuffix(want, "\n"), "\n"), strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(a)*len(b) > maxDiff {
		return fmt.Sprintf("    %d lines were expected and %d came", len(a), len(b))
	}
	// common[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, "  "+a[i])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return near(lines)
}

// near keeps the changed lines and two around each.
func near(lines []string) string {
	const around = 2
	keep := make([]bool, len(lines))
	for i, l := range lines {
		if l[0] != ' ' {
			for k := max(0, i-around); k <= min(len(lines)-1, i+around); k++ {
				keep[k] = true
			}
		}
	}
	var b strings.Builder
	for i, l := range lines {
		if keep[i] {
			b.WriteString("    " + l + "\n")
		} else if i > 0 && keep[i-1] {
			b.WriteString("    …\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
