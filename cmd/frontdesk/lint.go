package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/workspacefile"
)

func lintCommand() command {
	c := command{
		name:    "lint",
		summary: "report faults of instructions, with line and column",
		usage:   "[-workspace FILE] [-agent NAME] [-fix] [-format text|json|sarif] [PROMPT...]",
		help: `Checks each PROMPT (a file, or - for standard input) and prints what it finds as

  file:line:column: severity: message [code]

Without -workspace only what needs no workspace is checked. With -agent, the
agent's action prompts in the workspace file are checked too. With -workspace
and neither PROMPT nor -agent, all agents that the file gives instructions for
are checked, each by itself and as a set: handoffs that go in a circle, agents
from which no handoff leads to a person.

-fix writes the repairs that are certain into the files and reports what is
left.

Exit codes: 0 no error; 1 errors; 2 could not run.
`,
	}
	c.run = func(e *env, args []string) int { return e.lint(c, args) }
	return c
}

// finding is a diagnostic and the file that it is about.
type finding struct {
	file  string
	agent string // set in a workspace file, where lines are not enough
	instructions.Diagnostic
}

func (e *env) lint(c command, args []string) int {
	fs := e.flags(c)
	fix := fs.Bool("fix", false, "write certain repairs into the files")
	format := fs.String("format", "text", "`format` of the output: text, json or sarif")
	var w workspaceFlags
	w.register(fs)
	paths, code, ok := e.parse(c, fs, args)
	if !ok {
		return code
	}
	write, ok := lintFormats[*format]
	if !ok {
		return e.usageError(c.name, fmt.Errorf("there is no format %q: use text, json or sarif", *format))
	}
	file, err := e.readWorkspace(w.workspace)
	if err != nil {
		return e.lintUnreadable(c, err)
	}
	findings, err := e.findings(file, w.agent, paths, *fix)
	if err != nil {
		return e.usageError(c.name, err)
	}
	if err := write(e, findings); err != nil {
		return e.usageError(c.name, err)
	}
	for _, f := range findings {
		if f.Severity == instructions.SeverityError {
			return exitFound
		}
	}
	return exitOK
}

// lintUnreadable says why a workspace file cannot be used: its faults have
// lines too.
func (e *env) lintUnreadable(c command, err error) int {
	if faults := workspacefile.Faults(err); len(faults) > 0 {
		for _, f := range faults {
			fmt.Fprintf(e.stderr, "%s:%d:%d: error: %s [workspace-file]\n", f.File, f.Line, f.Column, f.Message)
		}
		return exitUsage
	}
	return e.usageError(c.name, err)
}

// findings compiles what the command line names.
func (e *env) findings(file *workspacefile.File, agentName string, paths []string, fix bool) ([]finding, error) {
	if file != nil && agentName == "" && len(paths) == 0 {
		return lintAgents(file, fix)
	}
	sources, err := e.sources(file, agentName, paths)
	if err != nil {
		return nil, err
	}
	if agentName != "" {
		sources = append(sources, promptsOf(file, sources[0].agent)...)
	}
	var out []finding
	for _, s := range sources {
		if fix {
			if err := e.fix(s); err != nil {
				return nil, err
			}
		}
		_, diags := s.compile()
		out = append(out, s.findings(diags)...)
	}
	return out, nil
}

// findings places diagnostics in the source's file.
func (s *source) findings(diags instructions.Diagnostics) (out []finding) {
	for _, d := range diags {
		f := finding{file: s.name, Diagnostic: d}
		f.Span = s.place(d.Span)
		if s.in != nil {
			f.Line, f.Column = s.in.Position(d.Line, d.Column)
			f.agent = s.agent.Name
			if !s.in.Exact() {
				f.Message = fmt.Sprintf("%s (line %d, column %d of the text)", f.Message, d.Line, d.Column)
			}
			if s.action != "" {
				f.Message = fmt.Sprintf("prompt of %s: %s", s.action, f.Message)
			}
		}
		out = append(out, f)
	}
	return out
}

// lintAgents checks all agents of a workspace file.
func lintAgents(file *workspacefile.File, fix bool) ([]finding, error) {
	if fix {
		return nil, errors.New("-fix writes prompts, not workspace files: name the prompt's file")
	}
	var out []finding
	var set []instructions.AgentInstructions
	for i := range file.Agents {
		a := &file.Agents[i]
		if strings.TrimSpace(a.Instructions.Value) == "" {
			continue
		}
		s := instructionsOf(file, a)
		p, diags := s.compile()
		out = append(out, s.findings(diags)...)
		agent := instructions.AgentInstructions{ID: a.Key(), Name: a.Name, Playbook: p}
		for _, s := range promptsOf(file, a) {
			p, diags := s.compile()
			out = append(out, s.findings(diags)...)
			agent.Prompts = append(agent.Prompts, p)
		}
		set = append(set, agent)
	}
	if set == nil {
		return nil, fmt.Errorf("no prompt is named, and %s gives no agent instructions: give the file of a prompt", file.Name)
	}
	for _, d := range instructions.CheckAgents(set) {
		out = append(out, finding{file: file.Name, Diagnostic: d})
	}
	return out, nil
}
