package main

import (
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// report is what "compile -json" prints of one prompt. Editors and CI read
// it: names may be added, and none is ever changed or left out. Lists are
// never null; what an entry does not have is left out of it.
type report struct {
	File        string                  `json:"file"`
	Characters  int                     `json:"characters"`
	Sections    []sectionReport         `json:"sections"`
	Mentions    []mentionReport         `json:"mentions"`
	Variables   []variableReport        `json:"variables"`
	Actions     []actionReport          `json:"actions"`
	Constraints []constraintReport      `json:"constraints"`
	Closing     instructions.Closing    `json:"closing"`
	Boundaries  instructions.Boundaries `json:"boundaries"`
	Ladders     []ladderReport          `json:"ladders"`
	Diagnostics []diagnosticReport      `json:"diagnostics"`
}

type sectionReport struct {
	Kind  instructions.SectionKind   `json:"kind"`
	Kinds []instructions.SectionKind `json:"kinds,omitempty"`
	Title string                     `json:"title"`
	Level int                        `json:"level"`
	Line  int                        `json:"line"`
}

type mentionReport struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type variableReport struct {
	Name   string `json:"name"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type actionReport struct {
	followup.Action
	Line   int `json:"line"`
	Column int `json:"column"`
}

type constraintReport struct {
	Field  string                `json:"field"`
	Op     instructions.Operator `json:"op"`
	Value  string                `json:"value"`
	Values []string              `json:"values,omitempty"`
	Line   int                   `json:"line"`
	Column int                   `json:"column"`
}

type ladderReport struct {
	Condition string       `json:"condition"`
	Steps     []stepReport `json:"steps"`
}

type stepReport struct {
	Delay     followup.Delay     `json:"delay"`
	Inherited bool               `json:"inherited,omitempty"`
	Messages  []followup.Message `json:"messages"`
	Mode      followup.Mode      `json:"mode"`
	Silent    bool               `json:"silent,omitempty"`
	Actions   []followup.Action  `json:"actions"`
	Line      int                `json:"line"`
}

type diagnosticReport struct {
	Code     string                `json:"code"`
	Severity instructions.Severity `json:"severity"`
	Line     int                   `json:"line"`
	Column   int                   `json:"column"`
	Offset   int                   `json:"offset"`
	End      int                   `json:"end"`
	Message  string                `json:"message"`
	Fix      string                `json:"fix,omitempty"`
}

func newReport(s *source, p *instructions.Playbook, diags instructions.Diagnostics) report {
	r := report{
		File: s.title(), Characters: p.Characters, Closing: p.Closing, Boundaries: p.Boundaries,
		Sections: []sectionReport{}, Mentions: []mentionReport{}, Variables: []variableReport{}, Actions: []actionReport{},
		Constraints: []constraintReport{}, Ladders: []ladderReport{}, Diagnostics: []diagnosticReport{},
	}
	r.Closing.Notes = notNil(r.Closing.Notes)
	r.Boundaries.Can, r.Boundaries.Cannot = notNil(r.Boundaries.Can), notNil(r.Boundaries.Cannot)
	for _, sec := range p.Sections {
		if sec.Title != "" { // text before the first heading has none
			r.Sections = append(r.Sections, sectionReport{sec.Kind, sec.Kinds, sec.Title, sec.Level, sec.Line})
		}
	}
	for _, m := range p.Mentions {
		r.Mentions = append(r.Mentions, mentionReport{m.Name, m.Target.String(), m.Line, m.Column})
	}
	for _, v := range p.Variables {
		r.Variables = append(r.Variables, variableReport{v.Name, v.Line, v.Column})
	}
	for _, a := range p.Actions {
		r.Actions = append(r.Actions, actionReport{a.Action, a.Line, a.Column})
	}
	for _, c := range p.Constraints {
		value := c.Value
		if value == "" {
			value = strings.Join(c.Values, ", ")
		}
		r.Constraints = append(r.Constraints, constraintReport{c.Field, c.Op, value, c.Values, c.Line, c.Column})
	}
	for _, l := range p.Ladders {
		r.Ladders = append(r.Ladders, newLadderReport(l.Ladder))
	}
	for _, d := range diags {
		at := s.place(d.Span)
		r.Diagnostics = append(r.Diagnostics, diagnosticReport{d.Code, d.Severity, at.Line, at.Column, at.Offset, at.End, d.Message, d.Fix})
	}
	return r
}

func newLadderReport(l followup.Ladder) ladderReport {
	out := ladderReport{Condition: l.Condition, Steps: []stepReport{}}
	for _, s := range l.Steps {
		mode := s.Mode
		if mode == "" {
			mode = followup.Sequence
		}
		out.Steps = append(out.Steps, stepReport{
			Delay: s.Delay, Inherited: s.Inherited, Messages: notNil(s.Messages), Mode: mode, Silent: s.Silent,
			Actions: notNil(s.Actions), Line: s.Line,
		})
	}
	return out
}

// notNil makes an empty list [] in JSON, never null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
