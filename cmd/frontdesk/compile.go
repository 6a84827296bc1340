package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
)

func compileCommand() command {
	c := command{
		name:    "compile",
		summary: "show what instructions mean, for people or as JSON",
		usage:   "[-json] [-workspace FILE] [-agent NAME] [-proposals FILE] PROMPT...",
		help: `Compiles each PROMPT (a file, or - for standard input) and shows its sections,
who can be assigned, what code will enforce, and its follow-ups. With -json it
prints one JSON object for each prompt, one a line.

Without -workspace, names are taken from the text and only what needs no
workspace is checked. With -agent and no PROMPT, the agent's instructions are
read from the workspace file. With -proposals, a prompt is shown as it is with
the proposals that were accepted for it.

Faults of the prompt do not change the exit code, which is 0 when all prompts
were compiled and 2 when one could not be read: "frontdesk lint" judges.
`,
	}
	c.run = func(e *env, args []string) int { return e.compile(c, args) }
	return c
}

// workspaceFlags are those that say what a prompt is compiled against.
type workspaceFlags struct{ workspace, agent string }

func (w *workspaceFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&w.workspace, "workspace", "", "JSON or YAML `file` that describes the workspace")
	fs.StringVar(&w.agent, "agent", "", "`name` of the AI agent in the workspace file that the prompt is for")
}

func (e *env) compile(c command, args []string) int {
	fs := e.flags(c)
	asJSON := fs.Bool("json", false, "print JSON, one object a line")
	accepted := fs.String("proposals", "", "`file` with accepted proposals for the prompt, from frontdesk propose")
	var w workspaceFlags
	w.register(fs)
	paths, code, ok := e.parse(c, fs, args)
	if !ok {
		return code
	}
	proposals, err := e.readProposals(*accepted)
	if err != nil {
		return e.usageError(c.name, err)
	}
	sources, err := e.load(w, paths)
	if err != nil {
		return e.usageError(c.name, err)
	}
	for i, s := range sources {
		p, diags := s.compile()
		if proposals != nil {
			if p, err = proposals.Apply(p, s.options()); err != nil {
				return e.usageError(c.name, fmt.Errorf("%s: %s: %w", *accepted, s.title(), err))
			}
			diags = proposals.Open(diags)
		}
		if *asJSON {
			err = writeJSON(e.stdout, newReport(s, p, diags))
		} else {
			if i > 0 {
				fmt.Fprintln(e.stdout)
			}
			err = e.explain(s, p, diags)
		}
		if err != nil {
			return e.usageError(c.name, err)
		}
	}
	return exitOK
}

// writeJSON writes a value on a line. Texts stay as they are: nobody puts
// this into HTML.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
