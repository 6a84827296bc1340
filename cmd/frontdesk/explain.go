package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// explain writes what instructions mean in sentences that their author can
// check.
func (e *env) explain(s *source, p *instructions.Playbook, diags instructions.Diagnostics) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d characters", s.title(), p.Characters)
	if s.agent != nil && s.in == nil {
		fmt.Fprintf(&b, ", for %s", s.agent.Name)
	}
	b.WriteString("\n")
	block := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", e.paint("1", title))
		for _, l := range lines {
			fmt.Fprintf(&b, "  %s\n", l)
		}
	}
	block("Sections", sectionLines(p.Sections))
	block("Can be assigned", targetLines(s, p))
	block("Held by code, whatever the model says", enforcedLines(s, p))
	block("Told to the model", adviceLines(p))
	for _, l := range p.Ladders {
		title := "When the contact does not answer"
		if l.Condition != "" {
			title += ", if: " + l.Condition
		}
		block(title, ladderLines(l.Ladder))
	}
	var found []string
	for _, d := range diags {
		found = append(found, fmt.Sprintf("%d:%d: %s: %s [%s]", d.Line, d.Column, e.paint(colours[d.Severity], string(d.Severity)), d.Message, d.Code))
	}
	block("Findings", found)
	_, err := fmt.Fprint(e.stdout, b.String())
	return err
}

func sectionLines(sections []instructions.Section) (out []string) {
	for _, s := range sections {
		kind := string(s.Kind)
		if len(s.Kinds) > 0 {
			var kinds []string
			for _, k := range s.Kinds {
				kinds = append(kinds, string(k))
			}
			kind = strings.Join(kinds, " + ")
		}
		title := s.Title
		if title == "" {
			title = "(before the first heading)"
		}
		line := fmt.Sprintf("line %d: %s%s (%s)", s.Line, strings.Repeat("  ", max(0, min(s.Level, 6)-1)), title, kind)
		if n := countSteps(s.Steps); n > 0 {
			line += ", " + plural(n, "step")
		}
		out = append(out, line)
	}
	return out
}

func countSteps(steps []instructions.Step) int {
	n := len(steps)
	for _, s := range steps {
		n += countSteps(s.Steps)
	}
	return n
}

func targetLines(s *source, p *instructions.Playbook) (out []string) {
	for _, t := range p.Targets {
		line := describeTarget(t.Target)
		if s.file != nil {
			line += describeMembers(&s.file.Workspace, t.Target)
		}
		if t.Method != "" {
			line += ", by " + strings.ReplaceAll(string(t.Method), "_", " ")
		}
		out = append(out, line)
	}
	if s.file != nil {
		return out
	}
	for _, a := range p.Actions {
		line := a.Target + " (as the text has it: -workspace FILE looks names up)"
		if a.Name == "assign" && a.Target != "" && a.Resolved.Kind == "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// targetKinds are what stands before a target's name.
var targetKinds = map[frontdesk.TargetKind]string{
	frontdesk.TargetTeam: "the team ", frontdesk.TargetUser: "", frontdesk.TargetAIAgent: "the AI agent ",
}

func describeTarget(t frontdesk.Target) string {
	switch t.Kind {
	case frontdesk.TargetAnyTeam:
		return "any team"
	case frontdesk.TargetAnyone:
		return "anyone in the workspace"
	case frontdesk.TargetNobody:
		return "nobody (unassign)"
	}
	name := t.Name
	if name == "" {
		name = t.ID
	}
	return targetKinds[t.Kind] + name
}

func describeMembers(ws *frontdesk.Workspace, t frontdesk.Target) string {
	if t.Kind != frontdesk.TargetTeam {
		return ""
	}
	for _, team := range ws.Teams {
		if team.Key() != t.ID {
			continue
		}
		if len(team.Members) == 0 {
			return " (it has no members: the conversation waits for the team)"
		}
		return " (" + plural(len(team.Members), "member") + ")"
	}
	return ""
}

var operators = map[instructions.Operator]string{
	instructions.OpEqual: "is", instructions.OpNotEqual: "is not", instructions.OpLess: "is less than", instructions.OpAtMost: "is at most",
	instructions.OpGreater: "is more than", instructions.OpAtLeast: "is at least", instructions.OpEndsWith: "ends with",
	instructions.OpStartsWith: "begins with", instructions.OpContains: "contains", instructions.OpOneOf: "is one of", instructions.OpPresent: "is there",
}

func describeConstraint(c instructions.Constraint) string {
	value := c.Value
	if len(c.Values) > 0 {
		value = strings.Join(c.Values, ", ")
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Field, operators[c.Op], value))
}

func enforcedLines(s *source, p *instructions.Playbook) (out []string) {
	if len(p.Targets) > 0 {
		out = append(out, "only those above are assigned")
	}
	for _, c := range p.Constraints {
		if c.Enforced {
			out = append(out, fmt.Sprintf("%s is saved only if it %s (line %d)", c.Field, strings.TrimPrefix(describeConstraint(c), c.Field+" "), c.Line))
		}
	}
	if s.file != nil {
		if names := s.file.Workspace.LifecycleStages; len(names) > 0 {
			out = append(out, "a lifecycle stage is one of "+strings.Join(names, ", "))
		}
		if names := s.file.Workspace.ClosingNotes; len(names) > 0 {
			out = append(out, "a closing note is one of "+strings.Join(names, ", "))
		}
		if opts := s.file.Options(s.agent); opts.Actions != nil {
			var names []string
			for _, a := range opts.Actions {
				names = append(names, a.Name)
			}
			if names == nil {
				names = []string{"none"}
			}
			out = append(out, "the actions on offer are "+strings.Join(names, ", "))
		}
	}
	if p.Closing.Summary == "off" {
		out = append(out, "a close writes no summary")
	}
	if n := countLadderSteps(p); n > 0 {
		out = append(out, plural(n, "follow-up")+", each once, cancelled by any message of the contact")
	}
	return out
}

func countLadderSteps(p *instructions.Playbook) int {
	n := 0
	for _, l := range p.Ladders {
		n += len(l.Steps)
	}
	return n
}

func adviceLines(p *instructions.Playbook) (out []string) {
	for _, c := range p.Constraints {
		if !c.Enforced {
			out = append(out, fmt.Sprintf("%s (line %d)", describeConstraint(c), c.Line))
		}
	}
	for _, can := range p.Boundaries.Can {
		out = append(out, "can: "+can)
	}
	for _, cannot := range p.Boundaries.Cannot {
		out = append(out, "cannot: "+cannot)
	}
	for _, n := range p.Closing.Notes {
		out = append(out, "closing note: "+n)
	}
	return out
}

// ladderLines writes a ladder as sentences, one a step.
func ladderLines(l followup.Ladder) (out []string) {
	for i, s := range l.Steps {
		when := duration(time.Duration(s.Delay)) + " after our message with no answer"
		switch {
		case s.Delay == 0:
			when = "after a time that the text does not give"
		case i > 0:
			when = "then " + duration(time.Duration(s.Delay)) + " later"
			if s.Inherited {
				when += " (the time of the step before)"
			}
		}
		out = append(out, when+": "+strings.Join(describeStep(s), ", then "))
	}
	return out
}

// describeStep is what a step does, in the order in which it is done.
func describeStep(s followup.Step) (out []string) {
	switch {
	case s.Silent:
	case len(s.Messages) == 0 && slices.ContainsFunc(s.Actions, func(a followup.Action) bool { return a.Name == "close_conversation" }):
		out = append(out, "send a closing message in the agent's words")
	case len(s.Messages) == 0:
		out = append(out, "send a message in the agent's words")
	case s.Mode == followup.Alternatives:
		var texts []string
		for _, m := range s.Messages {
			texts = append(texts, quoted(m.Text))
		}
		out = append(out, "send one like "+strings.Join(texts, " or "))
	default:
		for _, m := range s.Messages {
			verb := "send a message like "
			if m.Verbatim {
				verb = "send "
			}
			out = append(out, verb+quoted(m.Text))
		}
	}
	for _, a := range s.Actions {
		out = append(out, describeAction(a))
	}
	if out == nil {
		out = append(out, "do nothing")
	}
	return out
}

func describeAction(a followup.Action) string {
	switch a.Name {
	case "assign":
		s := "assign to " + orUnknown(a.Target)
		if a.Method != "" {
			s += " by " + strings.ReplaceAll(a.Method, "_", " ")
		}
		return s
	case "unassign":
		return "unassign"
	case "close_conversation":
		s := "close the conversation"
		if a.Note != "" {
			s += " with the note " + quoted(a.Note)
		}
		if a.NoSummary {
			s += " without a summary"
		}
		return s
	case "update_stage":
		return "set the stage " + orUnknown(a.Value)
	case "update_field":
		return "set " + orUnknown(a.Field) + " to " + orUnknown(a.Value)
	case "add_comment":
		return strings.TrimSpace("add the comment " + quoted(a.Value))
	case "update_tags":
		return "set the tag " + orUnknown(a.Value)
	}
	return a.Name
}

func orUnknown(s string) string {
	if s == "" {
		return "what the text says"
	}
	return s
}

func quoted(s string) string { return "“" + strings.Join(strings.Fields(s), " ") + "”" }

func plural(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// duration writes "2 minutes", "1 hour 30 minutes".
func duration(d time.Duration) string {
	if d < time.Second {
		return d.String()
	}
	var parts []string
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / u.unit; n > 0 {
			parts = append(parts, plural(int(n), u.name))
			d -= n * u.unit
		}
	}
	return strings.Join(parts, " ")
}
