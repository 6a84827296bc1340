package sqlitestore

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// row is a row that is being read, column by column. The first value that is
// not what it should be is kept in err.
type row struct {
	values []driver.Value
	at     int
	err    error
}

func (r *row) reset(n int) {
	if cap(r.values) < n {
		r.values = make([]driver.Value, n)
	}
	r.values, r.at, r.err = r.values[:n], 0, nil
}

func (r *row) next() driver.Value {
	if r.at >= len(r.values) {
		r.fail("another column")
		return nil
	}
	r.at++
	return r.values[r.at-1]
}

func (r *row) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("column %d is not %s: the file was changed by another program; restore a backup", r.at, want)
	}
}

// null reports whether the next column is NULL, and does not read it.
func (r *row) null() bool { return r.at < len(r.values) && r.values[r.at] == nil }

// text reads a text; NULL is the empty one.
func (r *row) text() string {
	switch v := r.next().(type) {
	case nil:
	case string:
		return v
	default:
		r.fail("text")
	}
	return ""
}

// blob reads bytes; NULL is none.
func (r *row) blob() []byte {
	switch v := r.next().(type) {
	case nil:
	case []byte:
		return v
	default:
		r.fail("bytes")
	}
	return nil
}

// int reads a number; NULL is 0.
func (r *row) int() int64 {
	switch v := r.next().(type) {
	case nil:
	case int64:
		return v
	default:
		r.fail("a number")
	}
	return 0
}

func (r *row) bool() bool { return r.int() != 0 }

// time reads microseconds; NULL is the zero time.
func (r *row) time() time.Time {
	switch v := r.next().(type) {
	case nil:
	case int64:
		return time.UnixMicro(v).UTC()
	default:
		r.fail("a time")
	}
	return time.Time{}
}

// json reads what encode wrote; NULL leaves v.
func (r *row) json(v any) {
	data := r.text()
	if data == "" {
		return
	}
	if err := json.Unmarshal([]byte(data), v); err != nil && r.err == nil {
		r.err = fmt.Errorf("column %d cannot be read as %T: %w", r.at, v, err)
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
