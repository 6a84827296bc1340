package sqlitestore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

// crashPath tells this test binary to be the process that is killed.
const crashPath = "FRONTDESK_SQLITESTORE_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		fmt.Fprintln(os.Stderr, commitUntilKilled(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m) // I27: no goroutine is left
}

// writers is how many goroutines of the killed process commit at once, so that
// it dies with groups in every state.
const writers = 8

// commitUntilKilled acknowledges each commit on standard output, as a webhook
// acknowledges a message.
func commitUntilKilled(path string) error {
	s, err := sqlitestore.Open(path, nil)
	if err != nil {
		return err
	}
	ctx := context.Background()
	errs := make(chan error)
	var out sync.Mutex
	for w := range writers {
		go func() {
			id := fmt.Sprint("c", w)
			errs <- func() error {
				for {
					n, err := commitNext(ctx, s, id)
					if err != nil {
						return err
					}
					out.Lock()
					fmt.Println(id, n)
					out.Unlock()
				}
			}()
		}()
	}
	return <-errs
}

// I28: a process that is killed at any point loses nothing that it
// acknowledged, leaves a file that is whole, and keeps no other process from
// going on, which writes to the same file all the time.
func TestKilledProcessLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frontdesk.db")
	acknowledged := map[string]int64{}
	for round := range 4 {
		s := open(t, path)
		var ours []string
		kill(t, path, 40+97*round, acknowledged, func() {
			name := fmt.Sprintf("round %d, %d", round, len(ours))
			require.NoError(t, s.Commit(t.Context(), agent.Commit{Rotations: []agent.Rotation{{Name: name, Last: "x"}}}))
			ours = append(ours, name)
		})
		v, err := s.Load(t.Context(), agent.Query{Rotations: ours})
		require.NoError(t, err)
		assert.Len(t, v.Rotations, len(ours))
		for id, n := range acknowledged {
			v, err := s.Load(t.Context(), agent.Query{ConversationID: id, History: 1 << 20, Tasks: true, DedupeKey: fmt.Sprintf("key %s-%d", id, n)})
			require.NoError(t, err)
			require.NotNil(t, v.Conversation, id)
			last := v.Conversation.LastSeq
			require.GreaterOrEqual(t, last, n, "%s was acknowledged up to %d", id, n)
			require.LessOrEqual(t, last, n+1, "one commit of each was under way")
			assert.Equal(t, last, v.Conversation.Version)
			require.Len(t, v.History, int(last), "a commit is there whole")
			for i, m := range v.History {
				require.Equal(t, messageText(id, int64(i+1)), m.Text)
			}
			require.Len(t, v.Tasks, 1)
			assert.True(t, time.Unix(last, 0).Equal(v.Tasks[0].Due))
			assert.NotEmpty(t, v.Duplicate)
			acknowledged[id] = last // what was not acknowledged may be there
		}
		require.NoError(t, s.Close())
		text, err := sqlitestore.Integrity(path)
		require.NoError(t, err)
		assert.Equal(t, "ok", text)
	}
	assert.Len(t, acknowledged, writers)
}

// kill runs a process until it has acknowledged so many commits, each of which
// is told, and kills it.
func kill(t *testing.T, path string, after int, acknowledged map[string]int64, tell func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test ended early
	killed := false
	lines := bufio.NewScanner(stdout)
	for seen := 0; lines.Scan(); { // until the pipe ends with the process
		var id string
		var n int64
		if _, err := fmt.Sscan(lines.Text(), &id, &n); err != nil {
			continue // a line that was cut off acknowledges nothing
		}
		acknowledged[id] = max(acknowledged[id], n)
		if seen++; seen < after {
			tell()
		} else if !killed {
			require.NoError(t, cmd.Process.Kill())
			killed = true
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	require.True(t, killed, "it ended by itself")
}
