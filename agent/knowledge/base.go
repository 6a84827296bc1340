package knowledge

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/sqlitefile"
)

// Base is a collection of documents that can be searched. It is safe for
// concurrent use; several programs on one machine may have the file open.
// Make one with [Open].
type Base struct {
	options Options
	// write serves one transaction at a time, read several. In memory they are
	// the same.
	write, read *sql.DB
	// indexing is held while documents are put or removed.
	indexing sync.Mutex
}

var _ agent.Knowledge = (*Base)(nil)

// Options are what [Open] may be told. The zero value is good.
type Options struct {
	// PassageLength is the longest passage in Unicode code points. 0: 800. An
	// agent shows its model at most 4,096 bytes of each passage.
	PassageLength int
	// MaxBytes is the largest document that is read. 0: 32 MB.
	MaxBytes int64
}

// Memory is the path of a base in memory, which is gone when it is closed.
const Memory = sqlitefile.Memory

// Bounds of PassageLength.
const (
	leastPassage = 100
	mostPassage  = 4096
)

// Open opens the file, makes it if it is not there, and brings its schema up
// to date. It refuses a file that a newer version of this package has used,
// and one of another program, that of a Store among them: documents have a
// file of their own. A nil o is the zero Options.
func Open(path string, o *Options) (*Base, error) {
	b, err := open(path, o, migrations)
	if err != nil {
		return nil, fmt.Errorf("knowledge: open %s: %w", path, err)
	}
	return b, nil
}

func open(path string, o *Options, steps []string) (*Base, error) {
	b := &Base{}
	if o != nil {
		b.options = *o
	}
	if b.options.PassageLength == 0 {
		b.options.PassageLength = 800
	}
	if b.options.MaxBytes == 0 {
		b.options.MaxBytes = 32 << 20
	}
	if n := b.options.PassageLength; n < leastPassage || n > mostPassage {
		return nil, fmt.Errorf("Options.PassageLength is %d: use %d to %d, or 0 for the default", n, leastPassage, mostPassage)
	}
	if b.options.MaxBytes < 0 {
		return nil, errors.New("Options.MaxBytes is not negative: use 0 for the default")
	}
	abs, err := sqlitefile.Absolute(path)
	if err != nil {
		return nil, err
	}
	if path == Memory {
		err = b.connectMemory(steps)
	} else {
		err = b.connect(sqlitefile.URI(abs), steps)
	}
	if err != nil {
		return nil, errors.Join(explain(abs, err), b.close())
	}
	return b, nil
}

// pragmas are those of every connection. A commit that the loss of power takes
// back can be made again from the documents: it is not synced (NORMAL), but
// the file stays whole.
var pragmas = url.Values{"_pragma": {"busy_timeout(10000)", "synchronous(NORMAL)", "temp_store(MEMORY)", "trusted_schema(OFF)"}}

func (b *Base) connect(uri string, steps []string) (err error) {
	if b.write, err = sql.Open("sqlite", uri+"?_txlock=immediate&"+pragmas.Encode()); err != nil {
		return err
	}
	b.write.SetMaxOpenConns(1)
	if err := b.migrate(steps, sqlitefile.UseWAL); err != nil {
		return err
	}
	if b.read, err = sql.Open("sqlite", uri+"?"+pragmas.Encode()+"&_pragma=query_only(ON)"); err != nil {
		return err
	}
	b.read.SetMaxOpenConns(8)
	b.read.SetMaxIdleConns(8)
	return nil
}

func (b *Base) connectMemory(steps []string) (err error) {
	if b.write, err = sql.Open("sqlite", Memory); err != nil {
		return err
	}
	// One connection for all time: it is the database.
	b.write.SetMaxOpenConns(1)
	b.write.SetConnMaxIdleTime(0)
	b.write.SetConnMaxLifetime(0)
	b.read = b.write
	return b.migrate(steps, func(sqlitefile.Conn) error { return nil })
}

// migrate prepares the file on one connection.
func (b *Base) migrate(steps []string, prepare func(sqlitefile.Conn) error) error {
	ctx := context.Background()
	conn, err := b.write.Conn(ctx)
	if err != nil {
		return err
	}
	file := sqlitefile.Conn{
		Run:   func(q string) error { _, err := conn.ExecContext(ctx, q); return err },
		Value: func(q string) (v any, err error) { err = conn.QueryRowContext(ctx, q).Scan(&v); return v, err },
		Busy:  isBusy,
	}
	if err = prepare(file); err == nil {
		err = sqlitefile.Migrate(file, applicationID, steps)
	}
	return errors.Join(err, conn.Close())
}

// explain adds to an error that is about the file what to do.
func explain(abs string, err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return sqlitefile.Explain(abs, e.Code(), err)
	}
	return err
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// Close closes the file. What writes (Put, Remove, Sync) ends first; a search or
// a list that is under way may end with an error. Afterwards every method
// returns an error. Closing again does nothing.
func (b *Base) Close() error {
	b.indexing.Lock()
	defer b.indexing.Unlock()
	if err := b.close(); err != nil {
		return fmt.Errorf("knowledge: close: %w", err)
	}
	return nil
}

func (b *Base) close() error {
	var errs []error
	if b.read != nil && b.read != b.write {
		errs = append(errs, b.read.Close())
	}
	// The writer goes last: the last one out empties the WAL into the file.
	if b.write != nil {
		errs = append(errs, b.write.Close())
	}
	return errors.Join(errs...)
}

// Source is a document of a base.
type Source struct {
	// Source is the name it was put under.
	Source string
	Format Format
	// Bytes is the size of the document, Passages how many it was cut into.
	Bytes    int64
	Passages int
}

// Sources lists the documents, sorted by their names.
func (b *Base) Sources(ctx context.Context) ([]Source, error) {
	out, err := collect(ctx, b.read, func(rows *sql.Rows) (s Source, err error) {
		return s, rows.Scan(&s.Source, &s.Format, &s.Bytes, &s.Passages)
	}, "SELECT source, format, bytes, passages FROM documents ORDER BY source")
	if err != nil {
		return nil, fmt.Errorf("knowledge: list: %w", err)
	}
	return out, nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
