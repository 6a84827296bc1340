package sqlitestore

// Integrity runs SQLite's own check of a file.
func Integrity(path string) (string, error) {
	c, err := connect(fileURI(path), nil)
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
