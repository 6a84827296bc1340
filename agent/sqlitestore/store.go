package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlitefile"
)

// Store is an [agent.Store] in an SQLite file. It is safe for concurrent use.
// Make one with [Open].
type Store struct {
	path    string // absolute; empty: in memory
	dsn     string
	timeout time.Duration
	later   bool // Options.PurgeLater

	// group is who writes next. The writer belongs to its leader; nil: it has
	// to be opened again.
	group  group
	writer *conn
	// walLimit is the size of the WAL at which the leader empties it.
	walLimit int64

	// readers are the connections that are free, nil for one that was never
	// opened. closing is closed when nobody may read any more.
	readers chan *conn
	closing chan struct{}
}

var _ agent.Store = (*Store)(nil)

// Options are what [Open] may be told. The zero value is good.
type Options struct {
	// Readers is how many Loads may run at once. Each has a connection, with a
	// cache of up to 2 MB. 0: 4.
	Readers int
	// BusyTimeout is how long a commit waits for another process that is
	// writing, before it gives up with an error. 0: 10 seconds.
	BusyTimeout time.Duration
	// PurgeLater lets Delete return when its transaction is done, and leaves
	// the bytes of what was deleted to the next [Store.Purge]: for a file so
	// large that writers cannot wait while it is written anew.
	PurgeLater bool
}

// Memory is the path of a store in memory, for tests: it begins empty, is seen
// by nobody else, and is gone when it is closed. There, reads and writes wait
// for each other.
const Memory = sqlitefile.Memory

// busyStep is how long SQLite waits for another writer before it is asked
// whether anybody still wants to.
const busyStep = 50 * time.Millisecond

// shortStep is how long to wait where SQLite does not.
const shortStep = 5 * time.Millisecond

// walLimit is the size in bytes at which the WAL is emptied by force. SQLite
// does it at 4 MB by itself, but never while somebody reads all the time.
const walLimit = 64 << 20

var errClosed = errors.New("the store is closed: open it again")

// Open opens the file, makes it if it is not there, and brings its schema up
// to date. It refuses a file that a newer version of this package has used,
// and one of another program. A nil o is the zero Options.
func Open(path string, o *Options) (*Store, error) {
	s, err := open(path, o, migrations)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: open %s: %w", path, err)
	}
	return s, nil
}

func open(path string, o *Options, steps []string) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	if o.Readers < 0 || o.BusyTimeout < 0 {
		return nil, errors.New("Options.Readers and Options.BusyTimeout are not negative: use 0 for the default")
	}
	abs, err := sqlitefile.Absolute(path)
	if err != nil {
		return nil, err
	}
	s := &Store{dsn: Memory, timeout: o.BusyTimeout, later: o.PurgeLater, walLimit: walLimit, closing: make(chan struct{})}
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
	}
	readers := o.Readers
	if readers == 0 {
		readers = 4
	}
	if path == Memory {
		readers = 0 // the writer's connection is the database
	} else {
		s.path, s.dsn = abs, sqlitefile.URI(abs)
	}
	s.readers = make(chan *conn, readers)
	for range readers {
		s.readers <- nil
	}
	w, err := s.openWriter(s.timeout)
	if err != nil {
		return nil, explain(abs, err)
	}
	if err := sqlitefile.Migrate(w.file(), applicationID, steps); err != nil {
		return nil, errors.Join(explain(abs, err), w.close())
	}
	if err := w.run(busyPragma(busyStep)); err != nil {
		return nil, errors.Join(err, w.close())
	}
	s.writer = w
	return s, nil
}

// explain adds to an error that is about a file what to do.
func explain(abs string, err error) error {
	if code, ok := engine.code(err); ok {
		return sqlitefile.Explain(abs, code, err)
	}
	return err
}

func busyPragma(d time.Duration) string {
	return fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds())
}

// openWriter opens the connection that writes.
func (s *Store) openWriter(timeout time.Duration) (*conn, error) {
	w, err := connect(s.dsn, []string{
		fmt.Sprintf("busy_timeout = %d", timeout.Milliseconds()),
		"temp_store = MEMORY",  // savepoints need no files
		"cache_size = -16384",  // KB
		"synchronous = FULL",   // a commit is on the disk before it is acknowledged
		"trusted_schema = OFF", // what the file says is data
		fmt.Sprintf("journal_size_limit = %d", walLimit),
	})
	if err != nil {
		return nil, err
	}
	if s.path == "" {
		return w, nil
	}
	if err := sqlitefile.UseWAL(w.file()); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (s *Store) openReader() (*conn, error) {
	return connect(s.dsn, []string{
		fmt.Sprintf("busy_timeout = %d", s.timeout.Milliseconds()),
		"temp_store = MEMORY",
		"query_only = ON",
		"trusted_schema = OFF",
	})
}

var (
	begin    = &statement{"BEGIN"}
	commit   = &statement{"COMMIT"}
	rollback = &statement{"ROLLBACK"}
)

// read runs f on a connection of its own, which sees one moment.
func (s *Store) read(ctx context.Context, f func(c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.path == "" {
		return s.write(ctx, f)
	}
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	select {
	case c := <-s.readers:
		var free *conn // should f panic: a new one next time
		defer func() { s.readers <- free }()
		var err error
		free, err = s.readOn(c, f)
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return errClosed
	}
}

// readOn runs f on a connection, nil for a new one, and returns the
// connection that may be used again.
func (s *Store) readOn(c *conn, f func(c *conn) error) (*conn, error) {
	if c == nil {
		var err error
		if c, err = s.openReader(); err != nil {
			return nil, err
		}
	}
	_, err := c.exec(begin)
	if err == nil {
		if err = f(c); err == nil {
			_, err = c.exec(commit)
		}
	}
	if err == nil {
		return c, nil
	}
	if _, rerr := c.exec(rollback); rerr != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, err
}

// Close waits until everything that was begun has ended, and closes the file.
// Afterwards every method returns an error. Closing again does nothing.
func (s *Store) Close() error {
	if !s.group.close() {
		return nil
	}
	close(s.closing)
	var errs []error
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	// The writer goes last: the last one out empties the WAL into the file.
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sqlitestore: close: %w", err)
	}
	return nil
}

// Backup writes a copy of the store, as of one moment, to a file that must not
// exist yet. Others go on reading and writing meanwhile. The copy is a store
// that [Open] opens.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("sqlitestore: backup to %s: %w", path, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) error {
	if s.path == "" {
		return errors.New("a store in memory has no backup: open a file")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// On a connection of its own: VACUUM allows no transaction around it, and
	// a reader would be away for long.
	c, err := connect(s.dsn, []string{fmt.Sprintf("busy_timeout = %d", s.timeout.Milliseconds())})
	if err != nil {
		return err
	}
	_, err = c.exec(&statement{"VACUUM INTO ?"}, sqlitefile.URI(abs))
	return errors.Join(explain(abs, err), c.close())
}
