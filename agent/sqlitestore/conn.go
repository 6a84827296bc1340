package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/seed-a71cb1d8/frontdesk/internal/sqlitefile"
)

// statement is one SQL statement of the package. Its address is its name: each
// connection prepares it once, when it first needs it.
type statement struct{ sql string }

// conn is one connection with its prepared statements. It is used by one
// goroutine at a time.
//
// It stands on the driver and not on database/sql, which would bring a
// goroutine, a pool that knows nothing of one writer and many readers, and a
// conversion of every value that is read.
type conn struct {
	driver   driver.Conn
	prepared map[*statement]driver.StmtQueryContext
	args     []driver.NamedValue // of the running statement, kept to be filled again
	row      row                 // likewise
}

// engine is the SQLite that the package stands on. Tests put another one in
// its place, on a file system that loses power.
var engine = struct {
	connect func(dsn string) (driver.Conn, error)
	// code is the result code of an error; ok is false if it is not SQLite's.
	code func(err error) (code int, ok bool)
}{
	connect: func(dsn string) (driver.Conn, error) {
		connector, err := sqlite.NewConnector(dsn)
		if err != nil {
			return nil, err
		}
		return connector.Connect(context.Background())
	},
	code: func(err error) (int, bool) {
		var e *sqlite.Error
		if !errors.As(err, &e) {
			return 0, false
		}
		return e.Code(), true
	},
}

// connect opens a connection and sets it up.
func connect(dsn string, pragmas []string) (*conn, error) {
	d, err := engine.connect(dsn)
	if err != nil {
		return nil, err
	}
	c := &conn{driver: d, prepared: map[*statement]driver.StmtQueryContext{}}
	for _, p := range pragmas {
		if err := c.run("PRAGMA " + p); err != nil {
			return nil, errors.Join(fmt.Errorf("PRAGMA %s: %w", p, err), c.close())
		}
	}
	return c, nil
}

// close gives the connection back. The driver finalizes what was prepared.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.prepared {
		errs = append(errs, s.(driver.Stmt).Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

// run runs statements that are not worth preparing, and ignores what they
// return.
func (c *conn) run(sql string) error {
	_, err := c.driver.(driver.ExecerContext).ExecContext(context.Background(), sql, nil)
	return err
}

// file is the connection for what all SQLite files of the module share.
func (c *conn) file() sqlitefile.Conn {
	return sqlitefile.Conn{Run: c.run, Value: func(sql string) (any, error) { return c.value(sql) }, Busy: isBusy}
}

// value reads one value with a statement that is not worth preparing.
func (c *conn) value(sql string) (out driver.Value, err error) {
	err = c.once(sql, nil, func(r *row) { out = r.next() })
	return out, err
}

// once is query with a statement that is not worth keeping.
func (c *conn) once(sql string, args []any, each func(r *row)) error {
	s := &statement{sql}
	err := c.query(s, args, each)
	if p := c.prepared[s]; p != nil {
		delete(c.prepared, s)
		err = errors.Join(err, p.(driver.Stmt).Close())
	}
	return err
}

func (c *conn) prepare(s *statement) (driver.StmtQueryContext, error) {
	if p := c.prepared[s]; p != nil {
		return p, nil
	}
	p, err := c.driver.(driver.ConnPrepareContext).PrepareContext(context.Background(), s.sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.sql, err)
	}
	q, ok := p.(driver.StmtQueryContext)
	if _, exec := p.(driver.StmtExecContext); !ok || !exec {
		return nil, errors.Join(errors.New("the driver's statements take no arguments"), p.Close())
	}
	c.prepared[s] = q
	return q, nil
}

func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement and returns how many rows it changed. Arguments are
// nil, int64, string and []byte.
//
// The context is never the caller's: the driver would start a goroutine for
// it, and a statement that is interrupted in the middle of a group would take
// the others with it.
func (c *conn) exec(s *statement, args ...any) (int64, error) {
	p, err := c.prepare(s)
	if err != nil {
		return 0, err
	}
	res, err := p.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query calls each for every row. each must not use the connection.
func (c *conn) query(s *statement, args []any, each func(r *row)) (err error) {
	p, err := c.prepare(s)
	if err != nil {
		return err
	}
	rows, err := p.QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	r := &c.row
	r.reset(len(rows.Columns()))
	for {
		switch err := rows.Next(r.values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		r.at = 0
		each(r)
		if r.err != nil {
			return r.err
		}
	}
}

// isCode reports whether an error is of SQLite and has that primary code.
func isCode(err error, code int) bool {
	c, ok := engine.code(err)
	return ok && c&0xff == code
}

// isBusy reports whether another connection holds the lock.
func isBusy(err error) bool {
	return isCode(err, sqlite3.SQLITE_BUSY) || isCode(err, sqlite3.SQLITE_LOCKED)
}
