package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata and docs/cli.md")

// shell runs lines as a shell would, in the present directory, and returns
// what a terminal would show without the lines themselves: standard output,
// then standard error behind "! ", then an exit code that is not 0. It knows
// "frontdesk ARGS", with "< FILE" at the end, and "cat FILE".
func shell(t *testing.T, command string) string {
	t.Helper()
	words := split(t, command)
	require.NotEmpty(t, words, command)
	if words[0] == "cat" {
		data, err := os.ReadFile(words[1])
		require.NoError(t, err)
		return string(data)
	}
	require.Equal(t, "frontdesk", words[0], command)
	args, input := words[1:], ""
	if n := len(args); n > 1 && args[n-2] == "<" {
		data, err := os.ReadFile(args[n-1])
		require.NoError(t, err)
		args, input = args[:n-2], string(data)
	}
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(input), &stdout, &stderr)
	out := stdout.String()
	for line := range strings.Lines(stderr.String()) {
		out += "! " + line
	}
	if code != 0 {
		out += "[exit " + string(rune('0'+code)) + "]\n"
	}
	return out
}

// split cuts a command line at spaces outside quotes.
func split(t *testing.T, line string) (words []string) {
	t.Helper()
	var word strings.Builder
	quote, in := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ':
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	require.Zero(t, quote, "unbalanced quote in %s", line)
	if in {
		words = append(words, word.String())
	}
	return words
}

// TestGolden runs the command lines of each archive over its files and
// compares what a terminal would show. An archive is: files; "commands", one a
// line; "want".
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/cli/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		file, err := filepath.Abs(file)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			require.NoError(t, err)
			t.Chdir(t.TempDir())
			var commands, want string
			for _, f := range a.Files {
				switch f.Name {
				case "commands":
					commands = string(f.Data)
				case "want":
					want = string(f.Data)
				default:
					require.NoError(t, os.MkdirAll(filepath.Dir(f.Name), 0o755))
					data := string(f.Data)
					if strings.HasPrefix(filepath.Base(f.Name), "crlf") { // as some editors save
						data = "\uFEFF" + strings.ReplaceAll(data, "\n", "\r\n")
					}
					if filepath.Ext(f.Name) == ".txtar" { // an archive in an archive
						data = strings.ReplaceAll("\n"+data, "\n|", "\n")[1:]
					}
					require.NoError(t, os.WriteFile(f.Name, []byte(data), 0o644))
				}
			}
			var got strings.Builder
			for line := range strings.Lines(commands) {
				line = strings.TrimSpace(line)
				// What looks like a marker of the archive would end the file.
				got.WriteString("$ " + line + "\n" + strings.ReplaceAll("\n"+shell(t, line), "\n-- ", "\n|-- ")[1:])
			}
			if !*update {
				assert.Equal(t, want, got.String())
				return
			}
			if last := len(a.Files) - 1; a.Files[last].Name == "want" {
				a.Files = a.Files[:last]
			}
			a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got.String())})
			require.NoError(t, os.WriteFile(file, txtar.Format(a), 0o644))
		})
	}
}

// The scenarios that ship as examples pass, and say how the conversation went.
func TestScenarios(t *testing.T) {
	t.Chdir("testdata/example")
	if *update {
		shell(t, "frontdesk test -update scenarios")
	}
	out := shell(t, "frontdesk test scenarios")
	assert.Contains(t, out, " 0 failed, 0 could not be run")
	files, err := filepath.Glob("scenarios/*.txtar")
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.Contains(t, string(data), "\n-- want.txt --\n", "%s has no record of how it went", f)
	}
}

// TestDocs holds the documentation to what the program prints: each console
// block of docs/cli.md is run in testdata/example.
func TestDocs(t *testing.T) {
	doc, err := filepath.Abs("../../docs/cli.md")
	require.NoError(t, err)
	data, err := os.ReadFile(doc)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/example")))
	t.Chdir(dir)
	parts := strings.Split(string(data), "```console\n")
	require.Greater(t, len(parts), 5, "the document shows commands")
	got := parts[0]
	for _, part := range parts[1:] {
		block, rest, ok := strings.Cut(part, "```\n")
		require.True(t, ok, "a console block does not end")
		got += "```console\n"
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				got += line + shell(t, strings.TrimSpace(command))
			}
		}
		got += "```\n" + rest
	}
	if *update {
		require.NoError(t, os.WriteFile(doc, []byte(got), 0o644))
		return
	}
	assert.Equal(t, string(data), got)
}
