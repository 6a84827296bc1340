package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/workspacefile"
)

// maxFile bounds what is read: far above any prompt, so that a wrong file is a
// message and not a swapped-out machine.
const maxFile = 16 << 20

// source is a text to compile and where it came from.
type source struct {
	// name is for messages; path is empty for a text that cannot be written
	// back.
	name, path string
	// text is what is compiled: without the byte order mark that some editors
	// write.
	text string
	// action is the action whose prompt it is; empty: instructions.
	action string
	// agent and file are where the options come from; nil: none.
	agent *workspacefile.Agent
	file  *workspacefile.File
	// in is set for a text that stands in a workspace file.
	in   *workspacefile.Text
	mark int // bytes of the byte order mark
	// offsets maps those of the compiler, which reads LF and valid UTF-8, to
	// those of the text; nil when they are the same.
	offsets *offsetMap
}

const byteOrderMark = "\uFEFF"

func newSource(name, path, text string) *source {
	s := &source{name: name, path: path, text: text}
	if strings.HasPrefix(text, byteOrderMark) {
		s.mark, s.text = len(byteOrderMark), text[len(byteOrderMark):]
	}
	s.offsets = mapOffsets(s.text)
	return s
}

// read reads a file, or for "-" standard input, which can be read once.
func (e *env) read(path string) (string, error) {
	in := e.stdin
	if path == "-" {
		if e.stdinUsed {
			return "", errors.New("standard input (-) is named twice: it can be read once")
		}
		e.stdinUsed = true
	} else {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return "", fmt.Errorf("%s is a directory: name the files in it", path)
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("%s is larger than %d MiB: a prompt has at most %d characters", path, maxFile>>20, instructions.MaxCharacters)
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return "", fmt.Errorf("%s is UTF-16: save it as UTF-8", path)
	case bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0:
		return "", fmt.Errorf("%s is no text: it holds NUL bytes", path)
	}
	return string(data), nil
}

func (e *env) readSource(path string) (*source, error) {
	text, err := e.read(path)
	if err != nil {
		return nil, err
	}
	if path == "-" {
		return newSource("<stdin>", "", text), nil
	}
	return newSource(path, path, text), nil
}

// readWorkspace reads the workspace file; nil for an empty path.
func (e *env) readWorkspace(path string) (*workspacefile.File, error) {
	if path == "" {
		return nil, nil
	}
	text, err := e.read(path)
	if err != nil {
		return nil, err
	}
	if path == "-" {
		path = "<stdin>"
	}
	return workspacefile.Parse(path, []byte(text))
}

// compile compiles the text.
func (s *source) compile() (*instructions.Playbook, instructions.Diagnostics) {
	if s.action != "" {
		return instructions.CompileActionPrompt(s.action, s.text, s.options())
	}
	p, diags := instructions.Compile(s.text, s.options())
	if s.agent == nil {
		// enabled_actions has no prompts: what compares texts with prompts has
		// nothing to say (S3).
		diags = slices.DeleteFunc(diags, func(d instructions.Diagnostic) bool {
			return d.Code == "action-only-once" || d.Code == "unreferenced-action"
		})
	}
	return p, diags
}

// options are what the text is compiled with.
func (s *source) options() instructions.Options {
	if s.file == nil {
		return instructions.Options{}
	}
	return s.file.Options(s.agent)
}

// writeBeside writes what was made of the text, and never over the text.
func (s *source) writeBeside(path string, data []byte) error {
	from := s.path
	if s.in != nil {
		from = s.file.Name
	}
	was, err := os.Stat(from)
	if is, there := os.Stat(path); err == nil && there == nil && os.SameFile(was, is) {
		return fmt.Errorf("-output %s is the file of the prompt: name another, the prompt is not changed", path)
	}
	return os.WriteFile(path, data, 0o644)
}

// title is the source's name where its lines are told apart from the file's.
func (s *source) title() string {
	if s.in != nil {
		return s.name + "#" + s.agent.Name
	}
	return s.name
}

// load reads what a command line names: the workspace file, then the texts.
func (e *env) load(w workspaceFlags, paths []string) ([]*source, error) {
	file, err := e.readWorkspace(w.workspace)
	if err != nil {
		return nil, err
	}
	return e.sources(file, w.agent, paths)
}

// sources are the texts that a command line names: its files, or else what
// the workspace file holds of the agent.
func (e *env) sources(file *workspacefile.File, agentName string, paths []string) ([]*source, error) {
	var agent *workspacefile.Agent
	if agentName != "" {
		if file == nil {
			return nil, errors.New("-agent needs the file that describes the agent: add -workspace FILE")
		}
		var err error
		if agent, err = file.Agent(agentName); err != nil {
			return nil, err
		}
	}
	var out []*source
	for _, path := range paths {
		s, err := e.readSource(path)
		if err != nil {
			return nil, err
		}
		s.file, s.agent = file, agent
		out = append(out, s)
	}
	if len(paths) > 0 {
		return out, nil
	}
	if agent == nil {
		return nil, errors.New("no prompt is named: give its file, or - for standard input")
	}
	if agent.Instructions.Value == "" {
		return nil, fmt.Errorf("%s has no instructions for %q: add them, or give the file of its prompt", file.Name, agent.Name)
	}
	return []*source{instructionsOf(file, agent)}, nil
}

// instructionsOf is the prompt of an agent that stands in the workspace file.
func instructionsOf(file *workspacefile.File, a *workspacefile.Agent) *source {
	s := newSource(file.Name, "", a.Instructions.Value)
	s.file, s.agent, s.in = file, a, &a.Instructions
	return s
}

// promptsOf are the action prompts of an agent.
func promptsOf(file *workspacefile.File, a *workspacefile.Agent) (out []*source) {
	if a == nil {
		return nil
	}
	for i := range a.Actions {
		act := &a.Actions[i]
		if strings.TrimSpace(act.Prompt.Value) == "" {
			continue
		}
		s := newSource(file.Name, "", act.Prompt.Value)
		s.file, s.agent, s.in, s.action = file, a, &act.Prompt, act.Name
		out = append(out, s)
	}
	return out
}

// place moves a position of the compiler to where the text stands: offsets
// count the bytes of the file as it is.
func (s *source) place(span instructions.Span) instructions.Span {
	span.Offset = s.mark + s.offsets.original(span.Offset)
	span.End = s.mark + s.offsets.original(span.End)
	return span
}

// offsetMap maps offsets of the text that the compiler reads (LF line ends,
// valid UTF-8, no NUL) to those of the text as it was given. The zero value
// and nil map each to itself.
type offsetMap struct {
	// at are the places after which the distance is another: clean is an
	// offset of the compiler's text, shift what is to be added from there on.
	at []shift
}

type shift struct{ clean, add int }

func mapOffsets(text string) *offsetMap {
	m := &offsetMap{}
	clean, add := 0, 0
	step := func(from, to int) { // from bytes of the text became to bytes
		clean += to
		if from != to {
			add += from - to
			m.at = append(m.at, shift{clean, add})
		}
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\r' && i+1 < len(text) && text[i+1] == '\n':
			n = 2
			step(n, 1)
		case r == utf8.RuneError && n == 1:
			for i+n < len(text) { // a run of invalid bytes becomes one character
				if r, w := utf8.DecodeRuneInString(text[i+n:]); r != utf8.RuneError || w != 1 {
					break
				}
				n++
			}
			step(n, len("\uFFFD"))
		case r == 0:
			step(n, len("\uFFFD"))
		default:
			step(n, n)
		}
		i += n
	}
	if len(m.at) == 0 {
		return nil
	}
	return m
}

func (m *offsetMap) original(offset int) int {
	if m == nil {
		return offset
	}
	i := sort.Search(len(m.at), func(i int) bool { return m.at[i].clean > offset })
	if i == 0 {
		return offset
	}
	return offset + m.at[i-1].add
}
