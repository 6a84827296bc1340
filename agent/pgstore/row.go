package pgstore

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// row is a row that is being read, column by column, as the server sent it.
// The first value that is not what it should be is kept in err.
type row struct {
	values [][]byte
	fields []pgconn.FieldDescription
	at     int
	err    error
}

// next returns the next column; nil is NULL.
func (r *row) next() (value []byte, binary bool) {
	if r.at >= len(r.values) {
		r.fail("another column")
		return nil, false
	}
	r.at++
	return r.values[r.at-1], r.fields[r.at-1].Format == 1
}

func (r *row) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("column %d is not %s: the table was changed by another program; restore a backup", r.at, want)
	}
}

// null reports whether the next column is NULL, and does not read it.
func (r *row) null() bool { return r.at < len(r.values) && r.values[r.at] == nil }

// text reads a text; NULL is the empty one.
func (r *row) text() string {
	v, _ := r.next()
	return string(v)
}

// blob reads bytes; NULL is none.
func (r *row) blob() []byte {
	v, binary := r.next()
	if binary || v == nil {
		return bytes.Clone(v)
	}
	out, err := hex.DecodeString(string(bytes.TrimPrefix(v, []byte(`\x`))))
	if err != nil {
		r.fail("bytes")
	}
	return out
}

// int reads a bigint; NULL is 0.
func (r *row) int() int64 {
	v, isBinary := r.next()
	switch {
	case v == nil:
		return 0
	case isBinary && len(v) == 8:
		return int64(binary.BigEndian.Uint64(v))
	case isBinary:
		r.fail("a number")
		return 0
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		r.fail("a number")
	}
	return n
}

func (r *row) bool() bool {
	v, binary := r.next()
	return len(v) == 1 && (binary && v[0] == 1 || !binary && v[0] == 't')
}

// time reads microseconds; NULL is the zero time.
func (r *row) time() time.Time {
	if r.null() {
		r.at++
		return time.Time{}
	}
	return time.UnixMicro(r.int()).UTC()
}

// json reads what encode wrote; NULL leaves v.
func (r *row) json(v any) {
	data, _ := r.next()
	if len(data) == 0 {
		return
	}
	if err := json.Unmarshal(data, v); err != nil && r.err == nil {
		r.err = fmt.Errorf("column %d cannot be read as %T: %w", r.at, v, err)
	}
}
