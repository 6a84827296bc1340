package sqlitestore

import (
	"database/sql/driver"

	"github.com/seed-a71cb1d8/frontdesk/internal/sqlitefile"
)

// UseEngine puts another SQLite in the place of the package's until restore is
// called. No store may be open before or after.
func UseEngine(connect func(dsn string) (driver.Conn, error), code func(err error) (int, bool)) (restore func()) {
	old := engine
	engine.connect, engine.code = connect, code
	return func() { engine = old }
}

// Integrity runs SQLite's own check of a file.
func Integrity(path string) (string, error) {
	c, err := connect(sqlitefile.URI(path), nil)
	if err != nil {
		return "", err
	}
	v, err := c.value("PRAGMA integrity_check")
	if cerr := c.close(); err == nil {
		err = cerr
	}
	text, _ := v.(string)
	return text, err
}
