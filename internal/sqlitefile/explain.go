package sqlitefile

import (
	"fmt"
	"os"
	"path/filepath"
)

// The primary result codes of SQLite that say that a file cannot be used.
const (
	codeReadOnly = 8
	codeCantOpen = 14
	codeNotADB   = 26
)

// Explain adds to an error of opening a file why that may be, and what to do.
// The code is the result code of SQLite; of one that is not about the file the
// error stays as it is. The file itself is not opened: to close it again would
// end the locks that this process has on it.
func Explain(abs string, code int, err error) error {
	what := ""
	switch code & 0xff {
	case codeNotADB:
		what = "the file is not an SQLite database, or a damaged one: give another path, or restore a backup"
	case codeReadOnly:
		what = "the file cannot be written: let the user of this program write it and its directory, or give another path"
	case codeCantOpen:
		what = cantOpen(abs)
	default:
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// cantOpen looks at a path from outside.
func cantOpen(abs string) string {
	dir := filepath.Dir(abs)
	file, err := os.Stat(abs)
	parent, derr := os.Stat(dir)
	switch {
	case err == nil && file.IsDir():
		return "it is a directory: give the path of a file in it"
	case err == nil:
		return "the user of this program may not open the file, or not write beside it: let them read and write it and its directory, or give another path"
	case os.IsNotExist(derr):
		return fmt.Sprintf("there is no directory %s: make it, or give another path", dir)
	case derr == nil && !parent.IsDir():
		return fmt.Sprintf("%s is not a directory: give another path", dir)
	}
	return fmt.Sprintf("no file can be made in directory %s: let the user of this program write there, or give another path", dir)
}
