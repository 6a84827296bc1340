package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

func load(t testing.TB, text string) (*Scenario, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.txtar")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return Load(path)
}

const head = "About this.\n-- prompt.md --\n# FLOW\n1. Greet.\n-- scenario.txt --\n"

// A line that cannot be read says where and what would do.
func TestLines(t *testing.T) {
	for line, want := range map[string]string{
		"agent A":                    ":6: an agent needs the workspace",
		"clock today":                "write one such as 2025-01-06T09:00:00+07:00",
		"clock 2020-01-01T00:00:00Z": "never goes back",
		"field email nobody":         "email",
		"default_delay soon":         "is no duration",
		"action quote":               "write: action NAME returns TEXT",
		"llm also quote":             "no answer to add a call to",
		"llm also":                   "no answer of an LLM",
		"llm sing":                   "no answer of an LLM",
		"advance -1m":                "is no duration",
		"operator dance":             "an operator cannot",
		"operator reply Ana":         "operator reply USER: TEXT",
		"operator reply Ana: Hi":     "no conversation yet",
		"expect miracles":            "cannot be expected",
		"expect no mercy":            "expect no reply",
		"expect action":              "name the action",
		"prompt other.md":            "there is a prompt already",
		"workspace missing.yaml":     "no such file",
	} {
		s, err := load(t, head+line+"\n")
		if err == nil {
			_, err = s.Run(t.Context())
		}
		require.ErrorContains(t, err, want, line)
	}
}

func TestLoadFaults(t *testing.T) {
	for text, want := range map[string]string{
		"-- scenario.txt --\n":                                    "has no prompt",
		head + "-- workspace.yaml --\nx: 1\n":                     `(workspace.yaml):1:1: unknown key "x"`,
		head + "-- workspace.yaml --\n-- workspace.json --\n{}\n": "holds two workspace files",
		"-- scenario.txt --\nprompt missing.md\n":                 "no such file",
	} {
		_, err := load(t, text)
		require.ErrorContains(t, err, want, text)
	}
	_, err := Load("missing.txtar")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// An update changes want.txt and nothing else, and is not written when there
// is nothing to write.
func TestUpdate(t *testing.T) {
	for _, want := range []string{"", "-- want.txt --\nold\n"} {
		s, err := load(t, head+"llm say Hello\ncontact Hi\n"+want)
		require.NoError(t, err)
		res, err := s.Run(t.Context())
		require.NoError(t, err)
		var written string
		write := func(_, text string) error { written = text; return nil }
		changed, err := s.Update(res.Text, write)
		require.NoError(t, err)
		assert.True(t, changed)
		assert.Equal(t, head+"llm say Hello\ncontact Hi\n-- want.txt --\n"+res.Text, written)
		changed, err = s.Update(res.Text, nil)
		require.NoError(t, err)
		assert.False(t, changed)
		_, err = s.Update("a\n-- want.txt --\n", nil)
		require.ErrorContains(t, err, "looks like a marker")
	}
}

// The bytes of the other files stay as they are: line ends, and what follows.
func TestUpdateTouchesNothingElse(t *testing.T) {
	before := "A note.\r\n-- prompt.md --\r\n# FLOW\r\n1. Greet.\r\n"
	behind := "-- scenario.txt --\r\nllm say Hello\r\ncontact Hi\r\n"
	for _, want := range []string{"-- want.txt --\r\nold\r\n", "-- want.txt --\n"} {
		s, err := load(t, before+want+behind)
		require.NoError(t, err)
		res, err := s.Run(t.Context())
		require.NoError(t, err)
		var written string
		changed, err := s.Update(res.Text, func(_, text string) error { written = text; return nil })
		require.NoError(t, err)
		assert.True(t, changed)
		marker, _, _ := strings.Cut(want, "\n")
		assert.Equal(t, before+marker+"\n"+res.Text+behind, written)
	}
}

// A message that the reply window keeps back is shown as not sent. S8.7
func TestWindow(t *testing.T) {
	s, err := load(t, "-- prompt.md --\n# FOLLOW-UP\nIf there is no reply after 2 hours, say \"Still there?\".\n-- workspace.yaml --\nreply_window: 1h\n-- scenario.txt --\nllm say Hello\ncontact Hi\nadvance 2h\nexpect no reply\n")
	require.NoError(t, err)
	res, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, res.Failures)
	assert.Contains(t, res.Text, "not sent: Still there? (")
}

func TestDiff(t *testing.T) {
	assert.Equal(t, "      a\n    - b\n    + x\n      c\n      d\n    …", diff("a\nb\nc\nd\ne\n", "a\nx\nc\nd\ne\n"))
	assert.Equal(t, "    - \n    + a", diff("", "a\n"))
	long := strings.Repeat("x\n", 3000)
	assert.Equal(t, "    3000 lines were expected and 3001 came", diff(long, long+"y\n"))
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{"2d": 48 * time.Hour, "1h30m": 90 * time.Minute, "0": 0} {
		d, err := ParseDuration(s)
		require.NoError(t, err)
		assert.Equal(t, want, d)
	}
	for _, s := range []string{"", "-2d", "d", "1x", "99999d"} {
		_, err := ParseDuration(s)
		require.Error(t, err, s)
	}
}

// Whatever lines stand in a scenario, it runs or says why not, and a second
// run goes the same way.
func FuzzRun(f *testing.F) {
	f.Add("llm say Hello\ncontact Hi\nexpect reply Hello\nadvance 2m\n")
	f.Add("llm call assign {\"target\":\"nobody\"}\nllm also close_conversation {}\nllm say \\n\ncontact x\noperator assign anyone\noperator reopen")
	f.Add("field email a@b.c\ntag x\nstage y\ncontact \\n\ncontact \x00\nllm fail temporary\nadvance 9999h")
	// The vocabulary is loaded before the first input: a worker that takes ten
	// seconds for one, on a busy machine, counts as hung.
	instructions.Compile("", instructions.Options{})
	f.Fuzz(func(t *testing.T, lines string) {
		s, err := load(t, "-- prompt.md --\n# FLOW\n1. If asked, assign to @Sales.\n# FOLLOW-UP\nFollow up after 2 minutes if there is no reply, then close.\n-- scenario.txt --\n"+lines)
		if err != nil {
			return
		}
		first, err := s.Run(t.Context())
		if err != nil {
			return
		}
		second, err := s.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, first, second)
	})
}
