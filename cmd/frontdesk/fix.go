package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// fixRounds bounds how often a text is repaired: a repair may bring another
// to light, and none may go round in a circle.
const fixRounds = 10

// fix writes the certain repairs of a prompt into its file. A text that
// cannot be written back is left as it is.
func (e *env) fix(s *source) error {
	if s.in != nil {
		return nil // findings of action prompts are reported, not repaired
	}
	if s.path == "" {
		return errors.New("-fix writes files: it cannot be used with standard input")
	}
	fixed, n := fixAll(s)
	if n == 0 {
		return nil
	}
	mark := strings.Repeat(byteOrderMark, s.mark/len(byteOrderMark))
	if err := replaceFile(s.path, mark+fixed.text); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%s: %d fixed\n", s.name, n)
	*s = *fixed
	return nil
}

// fixAll repairs the text until nothing certain is left, and returns it and
// how many repairs it took.
func fixAll(s *source) (fixed *source, repairs int) {
	fixed = s
	seen := map[string]bool{s.text: true}
	for range fixRounds {
		_, diags := fixed.compile()
		text, n := applyFixes(fixed, diags)
		if n == 0 || seen[text] {
			break
		}
		seen[text] = true
		next := newSource(s.name, s.path, text)
		next.mark, next.file, next.agent, next.action = s.mark, s.file, s.agent, s.action
		fixed, repairs = next, repairs+n
	}
	return fixed, repairs
}

// applyFixes makes the repairs of one round, from the end of the text on, so
// that the offsets before stay true. Of two that overlap the later one in the
// text is made; the other comes back in the next round, if it still holds.
func applyFixes(s *source, diags instructions.Diagnostics) (string, int) {
	text, n := s.text, 0
	limit := len(text)
	for _, d := range slices.Backward(diags) {
		if d.Fix == "" {
			continue
		}
		from, to := s.offsets.original(d.Offset), s.offsets.original(d.End)
		if from > to || to > limit || text[from:to] == d.Fix {
			continue
		}
		text = text[:from] + d.Fix + text[to:]
		limit = from
		n++
	}
	return text, n
}

// replaceFile writes a file in one step: a reader, and a crash, finds the old
// text or the new one. A link stays a link, and a file that is read-only as it is.
func replaceFile(path, text string) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	const writable = 0o222
	if info.Mode().Perm()&writable == 0 { // renaming over it would not mind
		return fmt.Errorf("%s is read-only: make it writable first", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
