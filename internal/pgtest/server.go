// Package pgtest gives tests and experiments a PostgreSQL server that they may
// do anything with: a throwaway one on a free port of the loopback, ended with
// the program that started it.
//
// A test asks for a database of its own:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestSomething(t *testing.T) {
//		dsn := pgtest.DSN(t)
//		…
//	}
//
// A program that has to stop, kill and start the server itself uses [Start].
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrUnavailable means that no throwaway server can be had here: PostgreSQL is
// not installed, or the system is not Linux.
var ErrUnavailable = errors.New("no throwaway PostgreSQL")

// Options are what [Start] may be told. The zero value is good.
type Options struct {
	// NoSync turns fsync off: faster, and of no use where durability is what
	// is tested.
	NoSync bool
	// Settings are further settings of the server, such as "max_connections".
	Settings map[string]string
}

// Server is a PostgreSQL server that [Start] started.
type Server struct {
	bin      string // the directory of the binaries
	dir      string // everything of this server
	lock     *os.File
	account  *account
	password string
	port     int
	settings map[string]string
	process  *process // nil: not running
}

// user is the superuser of the server, and the owner of its databases.
const user = "frontdesk"

// patience is how long a server may take to start or to stop, on a machine
// however busy.
const patience = 5 * time.Minute

// Start makes a server with an empty data directory under the directory for
// temporary files, and starts it. End it with Stop. On Linux the system ends
// it when this program dies, however it dies; what such a program leaves on
// the disk is removed by the next Start.
func Start(o Options) (*Server, error) {
	s, err := start(o)
	if err != nil {
		return nil, fmt.Errorf("pgtest: start: %w", err)
	}
	return s, nil
}

func start(o Options) (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, password: rand.Text(), settings: map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"max_connections":         "200",
	}}
	if o.NoSync {
		s.settings["fsync"] = "off"
	}
	for name, value := range o.Settings {
		s.settings[name] = value
	}
	if s.account, err = accountToUse(); err != nil {
		return nil, err
	}
	sweep()
	if s.dir, s.lock, err = makeDir(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := s.initdb(); err != nil {
		return nil, err
	}
	for range 5 { // the port may be taken before the server takes it
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.Restart(); err == nil || !strings.Contains(err.Error(), "in use") {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// binaries returns the directory of initdb and postgres: that in PATH, or the
// newest where Debian puts them.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is right
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0: not a version
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), dirs...) {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil {
			continue
		}
		real := filepath.Dir(path)
		if _, err := os.Stat(filepath.Join(real, "initdb")); err == nil {
			return real, nil
		}
	}
	return "", fmt.Errorf("%w: there are no binaries in PATH nor in /usr/lib/postgresql: install the package postgresql", ErrUnavailable)
}

// dirPrefix begins the names of the directories of servers.
const dirPrefix = "frontdesk-pgtest-"

// makeDir makes the directory of a server, and locks it as long as this
// program lives.
func makeDir() (dir string, lock *os.File, err error) {
	if dir, err = os.MkdirTemp("", dirPrefix); err != nil {
		return "", nil, err
	}
	if lock, err = lockDir(dir); err == nil && lock == nil {
		err = fmt.Errorf("%s is locked by another program", dir)
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

// sweep removes what programs left that were killed. It is a courtesy: what it
// cannot remove stays.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*")) // the pattern is right
	for _, dir := range dirs {
		if lock, err := lockDir(dir); err == nil && lock != nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// DataDir is the directory of the server's data.
func (s *Server) DataDir() string { return filepath.Join(s.dir, "data") }

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *Server) initdb() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(s.logFile(), nil, 0o600); err != nil {
		return err
	}
	if err := s.account.own(s.dir, secret, s.logFile()); err != nil {
		return err
	}
	cmd := s.command("initdb", "--pgdata", s.DataDir(), "--username", user, "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// Restart starts the server again, after Stop of its process by Kill or
// Shutdown, on the same data and the same port, and waits until it serves. A
// server that runs is shut down before.
func (s *Server) Restart() error {
	if err := s.Shutdown(); err != nil {
		return err
	}
	args := []string{"-D", s.DataDir(), "-p", strconv.Itoa(s.port)}
	for name, value := range s.settings {
		args = append(args, "-c", name+"="+value)
	}
	out, err := os.OpenFile(s.logFile(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("pgtest: restart: %w", err)
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil {
		return fmt.Errorf("pgtest: restart: %w", err)
	}
	cmd := s.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = out, out
	if s.process, err = startProcess(cmd); err != nil {
		return fmt.Errorf("pgtest: restart: %w", err)
	}
	if err := s.ready(); err != nil {
		return fmt.Errorf("pgtest: restart: %w; the server's log: %s", errors.Join(err, s.Kill()), s.logFrom(info.Size()))
	}
	return nil
}

// ready waits until the server takes connections.
func (s *Server) ready() error {
	deadline := time.After(patience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		c, err := pgx.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			err = c.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-s.process.ended:
			return errors.New("the server ended")
		case <-deadline:
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) logFrom(offset int64) string {
	data, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(data[min(offset, int64(len(data))):]))
}

// Log is what the server wrote to its log since it was made.
func (s *Server) Log() string { return s.logFrom(0) }

// DSN is the address of a database of the server: one that CreateDatabase
// made, or "postgres", which is always there. Whoever has it is superuser.
func (s *Server) DSN(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, s.password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// CreateDatabase makes an empty database with a new name. With is the end of
// the CREATE DATABASE; empty: nothing.
func (s *Server) CreateDatabase(ctx context.Context, with string) (name string, err error) {
	return createDatabase(ctx, s.DSN("postgres"), with)
}

func createDatabase(ctx context.Context, dsn, with string) (name string, err error) {
	name = "frontdesk_test_" + strings.ToLower(rand.Text())
	if err := execute(ctx, dsn, "CREATE DATABASE "+name+" "+with); err != nil {
		return "", fmt.Errorf("pgtest: make a database: %w", err)
	}
	return name, nil
}

func execute(ctx context.Context, dsn, sql string) error {
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

// Shutdown ends the server in good order: connections are cut, what was
// committed is written. Restart starts it again. It does nothing if the server
// does not run.
func (s *Server) Shutdown() error {
	if s.process == nil {
		return nil
	}
	if err := s.process.interrupt(patience); err != nil {
		return fmt.Errorf("pgtest: shutdown: %w", errors.Join(err, s.Kill()))
	}
	s.process = nil
	return nil
}

// Kill ends all processes of the server at once (SIGKILL), as a crash does.
// Restart starts it again. It does nothing if the server does not run.
func (s *Server) Kill() error {
	if s.process == nil {
		return nil
	}
	if err := s.process.kill(); err != nil {
		return fmt.Errorf("pgtest: kill: %w", err)
	}
	s.process = nil
	return nil
}

// Stop ends the server for good and removes its data.
func (s *Server) Stop() error {
	err := s.Kill() // nothing of it is needed any more
	err = errors.Join(err, os.RemoveAll(s.dir))
	return errors.Join(err, s.lock.Close())
}
