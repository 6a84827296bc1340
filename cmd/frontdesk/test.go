package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/scenario"
)

func testCommand() command {
	c := command{
		name:    "test",
		summary: "run conversations that are written down against a prompt",
		usage:   "[-update] [-v] SCENARIO...",
		help: `Runs each SCENARIO, a .txtar file or a directory with such files, with the real
engine, a scripted model and a clock that the scenario moves: no key, no
network, no waiting. The files of an archive are

  prompt.md        the instructions
  workspace.yaml   the workspace (or workspace.json)
  scenario.txt     what happens, a line each
  want.txt         how the conversation went; -update writes it

Lines of scenario.txt:

  # a comment
  prompt FILE, workspace FILE       files on disk in place of those above
  agent NAME                        whose prompt it is, by the workspace file
  clock 2025-01-06T09:00:00+07:00   when it begins
  field NAME VALUE, stage NAME, tag NAME       what is known of the contact
  default_delay 10m                 the time of follow-ups that have none
  action NAME returns|fails TEXT    what a custom action gives
  llm say TEXT                      the model's next answer; \n is a line break
  llm call NAME {JSON}              … or a call of an action
  llm also NAME {JSON}              … and one more in the same answer
  llm fail KIND [TEXT]              … or temporary, rate_limited, invalid, denied, refused
  contact TEXT                      the contact writes
  advance 2m                        time passes: 90s, 1h30m, 2d
  operator reply USER: TEXT         a human acts: also assign TARGET, close [NOTE],
                                    reopen, note TEXT
  expect reply TEXT                 about what happened last: also no reply,
                                    action NAME [OUTCOME], no action [NAME],
                                    exit REASON, system TEXT
  expect status open                about how things stand: also stage, team,
                                    assignee, note, field NAME VALUE, tag

Exit codes: 0 all passed; 1 some failed; 2 one could not be run.
`,
	}
	c.run = func(e *env, args []string) int { return e.test(c, args) }
	return c
}

func (e *env) test(c command, args []string) int {
	flags := e.flags(c)
	update := flags.Bool("update", false, "write how the conversations went into want.txt")
	verbose := flags.Bool("v", false, "print the conversations")
	paths, code, ok := e.parse(c, flags, args)
	if !ok {
		return code
	}
	files, err := scenarioFiles(paths)
	if err != nil {
		return e.usageError(c.name, err)
	}
	var failed, broken int
	progress := e.progress(len(files))
	for i, path := range files {
		progress(i)
		switch e.testOne(path, *update, *verbose) {
		case exitFound:
			failed++
		case exitUsage:
			broken++
		}
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %d passed, %d failed, %d could not be run\n", plural(len(files), "scenario"), len(files)-failed-broken, failed, broken)
	if err != nil {
		return e.usageError(c.name, err)
	}
	switch {
	case broken > 0:
		return exitUsage
	case failed > 0:
		return exitFound
	}
	return exitOK
}

// testOne runs a scenario and says how it went.
func (e *env) testOne(path string, update, verbose bool) int {
	s, err := scenario.Load(path)
	var res *scenario.Result
	if err == nil {
		res, err = s.Run(context.Background())
	}
	if err != nil {
		fmt.Fprintf(e.stdout, "%s  %s\n", e.paint("31", "ERROR"), path)
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintf(e.stdout, "  %s\n", line)
		}
		return exitUsage
	}
	note := ""
	if update {
		changed, err := s.Update(res.Text, replaceFile)
		if err != nil {
			return e.usageError("test", err)
		}
		if changed {
			note = ", want.txt updated"
			if res, err = s.Run(context.Background()); err != nil {
				return e.usageError("test", err)
			}
		}
	}
	if len(res.Failures) > 0 {
		fmt.Fprintf(e.stdout, "%s   %s\n", e.paint("31", "FAIL"), path)
		for _, f := range res.Failures {
			fmt.Fprintf(e.stdout, "  %s\n", f)
		}
	} else {
		fmt.Fprintf(e.stdout, "%s     %s (%s%s)\n", e.paint("32", "ok"), path, plural(res.Turns, "turn"), note)
	}
	if verbose {
		fmt.Fprintf(e.stdout, "\n%s\n", res.Text)
	}
	if len(res.Failures) > 0 {
		return exitFound
	}
	return exitOK
}

// scenarioFiles finds the scenarios of a command line, in the order of their
// names within a directory.
func scenarioFiles(paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, errors.New("no scenario is named: give a .txtar file, or a directory with some")
	}
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, path)
			continue
		}
		var found []string
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(p) == ".txtar" {
				found = append(found, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, fmt.Errorf("%s holds no .txtar file: name the directory of the scenarios", path)
		}
		slices.Sort(found)
		out = append(out, found...)
	}
	return out, nil
}

// progress returns what is called before each piece of work. It speaks only
// on a terminal, and only of work that takes longer than a second.
func (e *env) progress(total int) func(done int) {
	if !e.terminal {
		return func(int) {}
	}
	begun := e.now()
	return func(done int) {
		if e.now().Sub(begun) > time.Second {
			fmt.Fprintf(e.stderr, "%d of %d\r", done, total)
		}
	}
}
