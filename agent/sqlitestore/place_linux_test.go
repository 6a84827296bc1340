package sqlitestore

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file or a directory that may not be written is told apart from one that is
// not there.
func TestOpenWithoutTheRight(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	file := filepath.Join(dir, "frontdesk.db")
	s, err := Open(file, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(file, 0o444))
	require.NoError(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o755)) })

	if os.Geteuid() == 0 { // who may do anything: let this thread be nobody to the file system
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		require.NoError(t, syscall.Setfsuid(65534))
		defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	}
	_, err = Open(file, nil)
	require.ErrorContains(t, err, "sqlitestore: open "+file+": the file cannot be written: let the user of this program write it and its directory")
	other := filepath.Join(dir, "other.db")
	_, err = Open(other, nil)
	require.ErrorContains(t, err, "sqlitestore: open "+other+": no file can be made in directory "+dir+": let the user of this program write there")
}
