package pgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_CHILD") != "" {
		child()
	}
	os.Exit(Run(m))
}

// child starts a server, says where it is, and waits to be killed.
func child() {
	s, err := Start(Options{NoSync: true})
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(s.dir + "\n")
	select {}
}

// started is a server for one test, or none where there is none to be had.
func started(t *testing.T, o Options) *Server {
	DSN(t) // skips
	s, err := Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func value(t *testing.T, dsn, sql string) (out string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close(t.Context())) }()
	require.NoError(t, c.QueryRow(t.Context(), sql).Scan(&out))
	return out
}

func TestServer(t *testing.T) {
	if runtime.GOOS != "linux" && os.Getenv("CI") == "" {
		t.Skip("NOT TESTED: throwaway servers are started on Linux only: run it there")
	}
	s := started(t, Options{Settings: map[string]string{"max_connections": "7"}})
	name, err := s.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	dsn := s.DSN(name)
	assert.Equal(t, "7", value(t, dsn, "SHOW max_connections"))
	assert.Equal(t, "on", value(t, dsn, "SHOW fsync"))
	require.NoError(t, execute(t.Context(), dsn, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)"))

	require.NoError(t, s.Kill())
	require.NoError(t, s.Kill(), "it is dead already")
	_, err = pgx.Connect(t.Context(), dsn)
	require.Error(t, err)
	require.NoError(t, s.Restart())
	assert.Equal(t, "1", value(t, dsn, "SELECT count(*)::text FROM t"), "what was committed is there, at the same address")
	assert.Contains(t, s.Log(), "was not properly shut down")

	require.NoError(t, s.Shutdown())
	require.NoError(t, s.Shutdown(), "it is down already")
	require.NoError(t, s.Restart())
	require.NoError(t, s.Restart(), "one that runs is shut down before")
	assert.Equal(t, "1", value(t, dsn, "SELECT count(*)::text FROM t"))

	require.NoError(t, s.Stop())
	_, err = os.Stat(s.dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	s.lock, err = os.Open(os.DevNull) // for the Stop of the end
	require.NoError(t, err)
}

// A server does not outlive the program that started it, and the next one
// clears up.
func TestServerDiesWithItsProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: throwaway servers are started on Linux only: run it there")
	}
	DSN(t) // skips
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 4096)
	n, err := out.Read(line)
	require.NoError(t, err)
	dir := strings.TrimSpace(string(line[:n]))
	require.DirExists(t, dir)
	sweep()
	require.DirExists(t, dir, "it belongs to a program that lives")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid"))
		return os.IsNotExist(err)
	}, patience, 10*time.Millisecond, "the server ended and removed its file")
	require.Eventually(t, func() bool {
		sweep()
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}, patience, 10*time.Millisecond)
}

func TestEachTestHasItsDatabase(t *testing.T) {
	var first string
	t.Run("one", func(t *testing.T) {
		first = DSN(t)
		require.NoError(t, execute(t.Context(), first, "CREATE TABLE t (a int)"))
		second := DSN(t)
		assert.NotEqual(t, first, second)
		require.NoError(t, execute(t.Context(), second, "CREATE TABLE t (a int)"), "it is empty")
	})
	if first == "" {
		t.Skip("NOT TESTED: there is no server: " + howTo)
	}
	_, err := pgx.Connect(t.Context(), first)
	require.ErrorContains(t, err, "does not exist", "it is dropped")
}

// fake is a T that keeps what became of it.
type fake struct {
	skipped, failed string
}

func (*fake) Helper()                  {}
func (f *fake) Skip(args ...any)       { f.skipped = args[0].(string) }
func (f *fake) Fatal(args ...any)      { f.failed, _ = args[0].(string) }
func (f *fake) Error(args ...any)      { f.failed, _ = args[0].(string) }
func (*fake) Cleanup(func())           {}
func (*fake) Context() context.Context { return context.Background() }

// Nothing is skipped silently, and nothing at all in CI.
func TestWithoutServer(t *testing.T) {
	shared.Lock()
	server, err, tried := shared.server, shared.err, shared.tried
	shared.server, shared.err, shared.tried = nil, ErrUnavailable, true
	shared.Unlock()
	defer func() {
		shared.Lock()
		defer shared.Unlock()
		shared.server, shared.err, shared.tried = server, err, tried
	}()
	t.Setenv(Variable, "")
	t.Setenv("CI", "")
	f := &fake{}
	DSN(f)
	assert.Contains(t, f.skipped, "NOT TESTED: no throwaway PostgreSQL; or set FRONTDESK_TEST_POSTGRES")
	assert.Empty(t, f.failed)
	t.Setenv("CI", "true")
	f = &fake{}
	DSN(f)
	assert.Empty(t, f.skipped)
	assert.Contains(t, f.failed, "in CI this is not skipped")

	t.Setenv(Variable, "host=nobody")
	_, err2 := database(t, "")
	require.ErrorContains(t, err2, "FRONTDESK_TEST_POSTGRES is not the URL")
	t.Setenv(Variable, "postgres://a:b@127.0.0.1:1/c")
	_, err2 = database(t, "")
	require.ErrorContains(t, err2, "pgtest: make a database")
	got, err2 := withDatabase("postgres://a:b@h:1/c?sslmode=disable", "d")
	require.NoError(t, err2)
	assert.Equal(t, "postgres://a:b@h:1/d?sslmode=disable", got)
}

func TestBinariesAreFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir, err := binaries()
	if err != nil {
		require.ErrorIs(t, err, ErrUnavailable)
		return
	}
	assert.FileExists(t, filepath.Join(dir, "initdb"))
}
