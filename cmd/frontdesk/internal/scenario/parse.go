// Package scenario runs conversations that are written down: a prompt, what
// the contact and the LLM say, how time passes, and what is expected. It is
// the engine of "frontdesk test".
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/workspacefile"
)

// The files of an archive.
const (
	promptFile   = "prompt.md"
	scenarioFile = "scenario.txt"
	wantFile     = "want.txt"
)

// Scenario is a conversation to run.
type Scenario struct {
	// Path is the archive's.
	Path string

	prompt, promptName string
	file               *workspacefile.File
	lines              []line
	want               string
	hasWant            bool
}

// line is one line of the scenario.
type line struct {
	number int // in the archive
	verb   string
	rest   string
}

// Load reads a scenario from a txtar archive. The prompt and the workspace are
// files in it, or files on disk that its lines "prompt FILE" and "workspace
// FILE" name, relative to the archive.
func Load(path string) (*Scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Scenario{Path: path}
	found := false
	for _, f := range txtar.Parse(data).Files {
		text := string(f.Data)
		switch f.Name {
		case promptFile:
			s.prompt, s.promptName = text, path+"("+promptFile+")"
		case "workspace.yaml", "workspace.yml", "workspace.json":
			if s.file != nil {
				return nil, fmt.Errorf("%s holds two workspace files: keep one", path)
			}
			if s.file, err = workspacefile.Parse(path+"("+f.Name+")", f.Data); err != nil {
				return nil, err
			}
		case scenarioFile:
			found = true
			s.lines = parseLines(text, lineOf(data, scenarioFile))
		case wantFile:
			s.want, s.hasWant = text, true
		default:
			return nil, fmt.Errorf("%s holds the file %q, which nobody reads: known are %s, workspace.yaml, workspace.json, %s and %s", path, f.Name, promptFile, scenarioFile, wantFile)
		}
	}
	if !found {
		return nil, fmt.Errorf("%s has no -- %s --: write what the contact and the LLM say there", path, scenarioFile)
	}
	return s, s.outside()
}

// lineOf finds the line of the archive on which a file's text begins.
func lineOf(data []byte, name string) int {
	for i, l := range bytes.Split(data, []byte("\n")) {
		if strings.TrimSpace(string(l)) == "-- "+name+" --" {
			return i + 2
		}
	}
	return 1
}

func parseLines(text string, first int) (out []line) {
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(l, " ")
		out = append(out, line{first + i, verb, strings.TrimSpace(rest)})
	}
	return out
}

// outside reads the files that lines name.
func (s *Scenario) outside() error {
	var kept []line
	for _, l := range s.lines {
		if l.verb != "prompt" && l.verb != "workspace" {
			kept = append(kept, l)
			continue
		}
		path := filepath.Join(filepath.Dir(s.Path), filepath.FromSlash(l.rest))
		switch {
		case l.verb == "prompt" && s.prompt == "":
			data, err := os.ReadFile(path)
			if err != nil {
				return s.errorAt(l, err)
			}
			s.prompt, s.promptName = string(data), path
		case l.verb == "workspace" && s.file == nil:
			file, err := workspacefile.Load(path)
			if err != nil {
				return err
			}
			s.file = file
		default:
			return s.errorAt(l, fmt.Errorf("there is a %s already: keep one", l.verb))
		}
	}
	s.lines = kept
	if s.prompt == "" && s.file == nil {
		return fmt.Errorf("%s has no prompt: add -- %s --, or a line \"prompt FILE\"", s.Path, promptFile)
	}
	return nil
}

func (s *Scenario) errorAt(l line, err error) error {
	return fmt.Errorf("%s:%d: %w", s.Path, l.number, err)
}

// Update writes the text of a run into the archive's want.txt, in place or at
// the end, and leaves all else as it is. It reports whether anything changed.
func (s *Scenario) Update(got string, write func(path, text string) error) (bool, error) {
	if s.hasWant && s.want == got {
		return false, nil
	}
	if err := representable(got); err != nil {
		return false, err
	}
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return false, err
	}
	s.want, s.hasWant = got, true
	return true, write(s.Path, withWant(string(data), got))
}

// withWant puts a text into the want.txt of an archive. The bytes of the other
// files, line ends included, are not touched.
func withWant(archive, got string) string {
	begin, end := -1, len(archive)
	at := 0
	for l := range strings.SplitAfterSeq(archive, "\n") {
		marker := strings.TrimRight(l, "\r\n")
		switch {
		case !strings.HasPrefix(marker, "-- ") || !strings.HasSuffix(marker, " --"):
		case begin >= 0:
			end = min(end, at)
		case strings.TrimSpace(marker[3:len(marker)-3]) == wantFile:
			begin = at + len(l)
		}
		at += len(l)
	}
	if begin >= 0 {
		return archive[:begin] + got + archive[end:]
	}
	if archive != "" && !strings.HasSuffix(archive, "\n") {
		archive += "\n"
	}
	return archive + "-- " + wantFile + " --\n" + got
}

// representable holds a text against the one thing that an archive cannot
// hold: a line that looks like its own marker.
func representable(text string) error {
	for l := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(l, "-- ") && strings.HasSuffix(l, " --") {
			return errors.New("a line of the result looks like a marker of the archive (-- … --): change what is said")
		}
	}
	return nil
}
