package sqlitestore

import "github.com/seed-a71cb1d8/frontdesk/internal/sqlitefile"

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
