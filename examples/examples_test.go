// Package examples_test runs the example programs and holds what they print to
// golden files.
package examples_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// runs are the programs with their arguments, by golden file.
var runs = map[string][]string{
	"quickstart-id": {"quickstart"},
	"quickstart-en": {"quickstart", "-lang", "en"},
	"handoff":       {"handoff"},
	"followups":     {"followups"},
	"customaction":  {"customaction"},
	"presence":      {"presence"},
	"knowledge":     {"knowledge"},
	"twoprocesses":  {"twoprocesses"},
}

// bin holds the programs, built once.
var bin string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		return 1
	}
	return pgtest.Run(m)
}

// Each program ends well, prints the same every time, and says nothing to
// standard error.
func TestExamples(t *testing.T) {
	for name, args := range runs {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(filepath.Join(bin, args[0]), args[1:]...)
			if name == "twoprocesses" {
				cmd.Env = append(os.Environ(), "FRONTDESK_POSTGRES="+pgtest.DSN(t)) // or the test is skipped
			}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			assert.Empty(t, stderr.String())
			file := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(file, out, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err, "run the test with -update")
			assert.Equal(t, string(want), string(out), "if that is right, run the test with -update")
		})
	}
}

// Every program here is run, and every golden file is some program's.
func TestEveryExampleIsRun(t *testing.T) {
	dirs, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	run := map[string]bool{}
	for _, args := range runs {
		run[args[0]] = true
	}
	for _, d := range dirs {
		assert.True(t, run[filepath.Dir(d)], "%s is not run: add it to runs", d)
	}
	golden, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	assert.Len(t, golden, len(runs))
}

// The quickstart refuses what it does not know with a message and a status.
func TestQuickstartRefuses(t *testing.T) {
	for _, args := range [][]string{{"-lang", "xx"}, {"-llm", "nobody"}} {
		out, err := exec.Command(filepath.Join(bin, "quickstart"), args...).CombinedOutput()
		assert.Error(t, err)
		assert.Contains(t, string(out), "quickstart: there is no")
	}
}

// A day in a file goes on where it was stopped, whenever that was: the parts
// are together the whole day, and nothing happens twice. (S8.9)
func TestQuickstartResumes(t *testing.T) {
	for _, times := range [][]string{
		{"09:01", "09:05"}, {"10:31", "10:32", "10:33"}, {"11:00", "16:00"},
	} {
		t.Run(strings.Join(times, " "), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "day.db")
			var got strings.Builder
			for _, until := range append(times, "") {
				out, err := exec.Command(filepath.Join(bin, "quickstart"), "-lang", "en", "-db", file, "-until", until).CombinedOutput()
				require.NoError(t, err, string(out))
				got.WriteString(played(string(out)))
				if until == "" {
					break
				}
				assert.Contains(t, string(out), "(stopped at "+until+")")
			}
			assert.Equal(t, played(golden(t, "quickstart-en")), got.String())
		})
	}
}

// A run that is killed, whatever it is doing, is gone on with: in the evening
// everything is as if it had not been.
func TestQuickstartIsKilled(t *testing.T) {
	_, evening, _ := strings.Cut(golden(t, "quickstart-en"), "--- in the store, in the evening")
	for lines := 15; lines < 60; lines += 20 {
		t.Run(fmt.Sprint(lines), func(t *testing.T) {
			args := []string{"-lang", "en", "-db", filepath.Join(t.TempDir(), "day.db")}
			cmd := exec.Command(filepath.Join(bin, "quickstart"), args...)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			for s, n := bufio.NewScanner(out), 0; n < lines && s.Scan(); n++ {
			}
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
			rest, err := exec.Command(filepath.Join(bin, "quickstart"), args...).CombinedOutput()
			require.NoError(t, err, string(rest))
			_, got, _ := strings.Cut(string(rest), "--- in the store, in the evening")
			assert.Equal(t, evening, got, string(rest))
		})
	}
}

// golden reads a golden file.
func golden(t *testing.T, name string) string {
	data, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	require.NoError(t, err)
	return string(data)
}

// played is what happened in a run of the quickstart: what it printed, without
// the prompt and the remarks on where it begins and ends.
func played(out string) string {
	_, out, _ = strings.Cut(out, "remarks of no weight\n")
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "(") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// A file of another program is left alone.
func TestQuickstartRefusesFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(file, []byte("no database, and long enough to be looked at"), 0o600))
	out, err := exec.Command(filepath.Join(bin, "quickstart"), "-db", file).CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(out), "quickstart: sqlitestore: open ")
}
