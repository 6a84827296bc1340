package sqlitestore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An error of Open names the path, and says what to do.
func TestOpenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("Buy milk. ", 200)), 0o600))
	short := filepath.Join(dir, "short.txt")
	require.NoError(t, os.WriteFile(short, []byte("Buy milk and bread."), 0o600))
	for path, want := range map[string]string{
		dir:                                "it is a directory: give the path of a file in it",
		filepath.Join(dir, "none", "x.db"): "there is no directory " + filepath.Join(dir, "none") + ": make it",
		filepath.Join(text, "x.db"):        text + " is not a directory: give another path",
		text:                               "the file is not an SQLite database",
		short:                              "the file is not an SQLite database",
	} {
		s, err := Open(path, nil)
		require.ErrorContains(t, err, "sqlitestore: open "+path+": "+want)
		assert.Nil(t, s)
	}
	left, err := os.ReadFile(text)
	require.NoError(t, err)
	assert.Len(t, left, 2000, "what is not ours is left alone")

	s := temporary(t, nil)
	require.ErrorContains(t, s.Backup(t.Context(), filepath.Join(dir, "none", "copy.db")), "there is no directory "+filepath.Join(dir, "none"))
}
