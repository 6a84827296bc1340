// Package sqlitefile is what the SQLite files of this module have in common:
// how a path is written, and how a schema is brought up to date. It knows no
// driver.
package sqlitefile

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Memory is the path of a database in memory.
const Memory = ":memory:"

// Conn is a connection as this package needs it.
type Conn struct {
	// Run runs statements and ignores what they return.
	Run func(sql string) error
	// Value reads one value; nil: NULL.
	Value func(sql string) (any, error)
	// Busy reports whether an error says that another connection holds the lock.
	Busy func(err error) bool
}

// Absolute checks a path and makes it absolute.
func Absolute(path string) (string, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("%q is no path: give that of a file, or Memory", path)
	}
	return filepath.Abs(path)
}

// URI writes an absolute path so that none of its characters means anything
// else.
func URI(abs string) string {
	p := filepath.ToSlash(abs)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive
	}
	return (&url.URL{Scheme: "file", Path: p}).String()
}

// UseWAL puts a file into WAL mode, in which it stays. SQLite does not wait
// here for another program that is just doing the same, but it does at the
// beginning of a transaction.
func UseWAL(c Conn) error {
	for range 100 {
		mode, err := c.Value("PRAGMA journal_mode = WAL")
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("the file system of this path cannot do WAL (journal mode %v): put the file on a local disk", mode)
		case !c.Busy(err):
			return err
		}
		if err := c.Run("BEGIN IMMEDIATE; COMMIT"); err != nil && !c.Busy(err) {
			return err
		}
	}
	return errors.New("another program keeps the file locked: close it and try again")
}

// Migrate brings a file to the newest schema, in one transaction: each step
// leads from one version to the next, and the file remembers how many it has
// seen. It refuses a file that a newer version of the program made, or
// another program: applicationID marks ours.
func Migrate(c Conn, applicationID int64, steps []string) error {
	// A file that is up to date needs no lock, so that a program starts while
	// another one writes.
	if version, err := schemaOf(c, applicationID, steps); err != nil || version == len(steps) {
		return err
	}
	if err := c.Run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := advance(c, applicationID, steps)
	if err == nil {
		err = c.Run("COMMIT")
	}
	if err != nil {
		_ = c.Run("ROLLBACK") // the error that led here says more
	}
	return err
}

// advance runs the steps that the file has not seen, inside a transaction:
// somebody else may have been faster.
func advance(c Conn, applicationID int64, steps []string) error {
	version, err := schemaOf(c, applicationID, steps)
	if err != nil {
		return err
	}
	for i := version; i < len(steps); i++ {
		if err := c.Run(steps[i]); err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
	}
	return c.Run(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps)))
}

// schemaOf returns how many steps the file has seen.
func schemaOf(c Conn, applicationID int64, steps []string) (int, error) {
	var header [3]int64
	for i, sql := range []string{"PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema"} {
		v, err := c.Value(sql)
		if err != nil {
			return 0, err
		}
		header[i], _ = v.(int64)
	}
	id, version, objects := header[0], int(header[1]), header[2]
	switch {
	case id == 0 && version == 0 && objects == 0:
		return 0, nil // new
	case id != applicationID:
		return 0, errors.New("it is a database of another program: give a path of its own")
	case version > len(steps):
		return 0, fmt.Errorf("its schema is version %d and this program knows versions up to %d: a newer program has used it; run that one, or restore a backup from before", version, len(steps))
	}
	return version, nil
}
