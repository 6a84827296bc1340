package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/workspacefile"
)

// Offsets point into the file as it is, whatever the compiler made of it
// before it read it: each character that it left alone is found again.
func FuzzOffsets(f *testing.F) {
	for _, s := range []string{"", "a\r\nb", "\r\r\n\r", "a\xff\xfeb\x00c", "\uFFFD\xff\uFFFD", "⏰\r\n@Sales", "\xe2\x28\xa1\r\n"} {
		f.Add(s)
	}
	// The vocabulary is loaded before the first input: a worker that takes ten
	// seconds for one, on a busy machine, counts as hung.
	instructions.Compile("", instructions.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		p, _ := instructions.Compile(text, instructions.Options{})
		m := mapOffsets(text)
		if m == nil {
			assert.Len(t, p.Text, len(text))
		}
		before := -1
		for i, r := range p.Text {
			at := m.original(i)
			require.Greater(t, at, before, "offsets rise")
			require.Less(t, at, len(text))
			before = at
			got, n := utf8.DecodeRuneInString(text[at:])
			switch {
			case r == '\n':
				assert.Contains(t, "\r\n", string(got))
			case r == utf8.RuneError:
				assert.True(t, got == 0 || got == utf8.RuneError, "%q, %d", got, n)
			default:
				assert.Equal(t, r, got)
			}
		}
		if p.Text != "" {
			assert.Equal(t, len(text), m.original(len(p.Text)))
		}
	})
}

func testWorkspace(t testing.TB) *workspacefile.File {
	t.Helper()
	f, err := workspacefile.Parse("w.yaml", []byte("teams: [{name: Sales Team}, {name: Support}]\nlifecycle_stages: [Hot Lead]\nclosing_notes: [Done]\n"))
	require.NoError(t, err)
	return f
}

// Repairs end: a repaired text has none left, and each is where it says.
func FuzzFix(f *testing.F) {
	f.Add("# FLOW\n1. If asked, assign to @Sales Taem, set stage Hot Leed.\n")
	f.Add("Update the lifecycle stage to \"Hot Leed\" if $contact.emial.\r\n@Suport @Sales Taem")
	f.Add("\xff@Sales Taem\x00 $contact.firstnme|x")
	file := testWorkspace(f)
	f.Fuzz(func(t *testing.T, text string) {
		s := newSource("p.md", "p.md", text)
		s.file = file
		fixed, n := fixAll(s)
		if n == 0 {
			assert.Equal(t, s.text, fixed.text)
			return
		}
		again, more := fixAll(fixed)
		assert.Zero(t, more, "%q", again.text)
		_, diags := fixed.compile()
		next, left := applyFixes(fixed, diags)
		assert.Zero(t, left, "%q → %q", fixed.text, next)
	})
}

// Of two repairs of one place one is made, and what stands before it stays
// where it is.
func TestApplyFixes(t *testing.T) {
	s := newSource("p.md", "p.md", "aa\r\nbb cc")
	at := func(from, to int, fix string) instructions.Diagnostic {
		return instructions.Diagnostic{Span: instructions.Span{Offset: from, End: to}, Fix: fix}
	}
	text, n := applyFixes(s, instructions.Diagnostics{at(0, 2, "xxx"), at(3, 5, "y"), at(3, 5, "y"), at(3, 8, "never"), at(6, 8, "zz")})
	assert.Equal(t, "xxx\r\ny zz", text)
	assert.Equal(t, 3, n)
	text, n = applyFixes(s, instructions.Diagnostics{at(0, 2, ""), at(3, 5, "bb")})
	assert.Equal(t, s.text, text)
	assert.Zero(t, n)
}

// A file is replaced as a whole: its mode stays, a link stays a link, and
// nothing is left beside it.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "p.md"), filepath.Join(dir, "link.md")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, replaceFile(link, "new"))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(data))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	info, err = os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2)
	require.Error(t, replaceFile(filepath.Join(dir, "missing.md"), "new"))
}

// What is read-only is not written by the way of a new file in its place.
func TestReadOnlyFile(t *testing.T) {
	t.Chdir(t.TempDir())
	const text = "# FLOW\n1. Greet the Contact (name: $contact.firstnme).\n"
	require.NoError(t, os.WriteFile("prompt.md", []byte(text), 0o444))
	require.NoError(t, os.WriteFile("workspace.yaml", []byte("users: [{name: Ana}]\n"), 0o600))
	assert.Equal(t, "! frontdesk lint: prompt.md is read-only: make it writable first\n[exit 2]\n", shell(t, "frontdesk lint -fix -workspace workspace.yaml prompt.md"))
	data, err := os.ReadFile("prompt.md")
	require.NoError(t, err)
	assert.Equal(t, text, string(data))
}

func TestTooLargeFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("big.md", make([]byte, maxFile+1), 0o644))
	assert.Contains(t, shell(t, "frontdesk lint big.md"), "larger than 16 MiB")
}

// What is no text is refused before it is read as a prompt.
func TestNoText(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, data := range map[string]string{"utf16.md": "\xff\xfe#\x00", "image.md": "\x89PNG\r\n\x1a\n\x00\x00"} {
		require.NoError(t, os.WriteFile(name, []byte(data), 0o644))
	}
	assert.Equal(t, "! frontdesk lint: utf16.md is UTF-16: save it as UTF-8\n[exit 2]\n", shell(t, "frontdesk lint utf16.md"))
	assert.Equal(t, "! frontdesk compile: image.md is no text: it holds NUL bytes\n[exit 2]\n", shell(t, "frontdesk compile image.md"))
	assert.Equal(t, "! frontdesk lint: . is a directory: name the files in it\n[exit 2]\n", shell(t, "frontdesk lint ."))
}

// Colours are for terminals, which a test is not: what would be printed there.
func TestColours(t *testing.T) {
	var out strings.Builder
	e := &env{stdout: &out, colour: true}
	require.NoError(t, e.lintText([]finding{{file: "p.md", Diagnostic: instructions.Diagnostic{
		Code: "x", Severity: instructions.SeverityError, Span: instructions.Span{Line: 1, Column: 2}, Message: "m",
	}}}))
	assert.Equal(t, "p.md:1:2: \x1b[31merror\x1b[0m: m [x]\n", out.String())
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	assert.False(t, isTerminal(null))
	assert.False(t, isTerminal(&out))
}

// The program that users install holds no test code.
func TestNoTestCodeInTheBinary(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, "github.com/seed-a71cb1d8/frontdesk/agent")
	for _, d := range deps {
		assert.False(t, d == "testing" || strings.HasPrefix(d, "github.com/stretchr/") || strings.HasSuffix(d, "/agenttest"), d)
	}
}

func TestDuration(t *testing.T) {
	for want, d := range map[string]string{
		"1 hour 30 minutes": "1h30m", "24 hours": "24h", "2 minutes": "120s", "1 second": "1s", "500ms": "500ms",
	} {
		assert.Equal(t, want, duration(parseDuration(t, d)))
	}
}
