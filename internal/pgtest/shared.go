package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
)

// Variable is the environment variable that names a server to test on instead
// of a throwaway one: a URL such as postgres://user:password@host/database. Its
// user must be allowed to make databases.
const Variable = "FRONTDESK_TEST_POSTGRES"

const howTo = "set " + Variable + " to the URL of a server whose user may make databases, such as postgres://user:password@localhost/postgres"

// T is what DSN needs of a testing.TB. It keeps package testing out of
// programs that use this package.
type T interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
	Error(args ...any)
	Cleanup(f func())
	Context() context.Context
}

// shared is the server of this program's tests.
var shared struct {
	sync.Mutex
	running bool // between the beginning and the end of Run
	options Options
	server  *Server
	err     error
	tried   bool
}

// Run runs the tests of a package, and ends the server that they shared.
func Run(m interface{ Run() int }) int { return RunWith(m, Options{}) }

// RunWith is [Run] with a server of those options.
func RunWith(m interface{ Run() int }, o Options) int {
	shared.Lock()
	shared.running, shared.options = true, o
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	shared.running = false
	if shared.server == nil {
		return code
	}
	if err := shared.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	shared.server = nil
	return code
}

// address returns the DSN of a database of the shared server.
func address() (func(database string) (string, error), error) {
	if dsn := os.Getenv(Variable); dsn != "" {
		return func(database string) (string, error) { return withDatabase(dsn, database) }, nil
	}
	shared.Lock()
	defer shared.Unlock()
	if !shared.running {
		return nil, errors.New("pgtest: nobody would end the server: let TestMain call pgtest.Run")
	}
	if !shared.tried {
		shared.tried = true
		shared.server, shared.err = Start(shared.options)
	}
	if shared.err != nil {
		return nil, shared.err
	}
	server := shared.server
	return func(database string) (string, error) {
		if database == "" {
			database = "postgres"
		}
		return server.DSN(database), nil
	}, nil
}

// withDatabase changes the database of a DSN; empty: leaves it.
func withDatabase(dsn, database string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return "", fmt.Errorf("pgtest: %s is not the URL of a PostgreSQL server: %s", Variable, howTo)
	}
	if database != "" {
		u.Path = "/" + database
	}
	return u.String(), nil
}

// DSN returns the address of an empty database for a test, which is dropped
// when the test ends. The server is the one that FRONTDESK_TEST_POSTGRES
// names, or a throwaway one that the tests of a package share. Where there is
// neither, the test is skipped, and in CI (environment variable CI) it fails.
func DSN(t T) string {
	t.Helper()
	return DSNWith(t, "")
}

// DSNWith is DSN with the end of the CREATE DATABASE.
func DSNWith(t T, with string) string {
	t.Helper()
	dsn, err := database(t, with)
	switch {
	case err == nil:
	case errors.Is(err, ErrUnavailable) && os.Getenv("CI") == "":
		t.Skip("NOT TESTED: " + err.Error() + "; or " + howTo)
	case errors.Is(err, ErrUnavailable):
		t.Fatal("in CI this is not skipped: " + err.Error() + "; or " + howTo)
	default:
		t.Fatal(err)
	}
	return dsn
}

// Shared is the throwaway server on which DSN makes databases, for a test that
// looks at its files. Nil: there is none, or none yet.
func Shared() *Server {
	shared.Lock()
	defer shared.Unlock()
	return shared.server
}

// database makes a database that is dropped when the test ends.
func database(t T, with string) (string, error) {
	dsn, err := address()
	if err != nil {
		return "", err
	}
	server, err := dsn("")
	if err != nil {
		return "", err
	}
	name, err := createDatabase(t.Context(), server, with)
	if err != nil {
		return "", err
	}
	t.Cleanup(func() {
		if err := execute(context.Background(), server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error("pgtest: drop the database of a test:", err)
		}
	})
	return dsn(name)
}
