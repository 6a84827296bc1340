// Package cursor writes down the place between two pages of a list: the time
// and the ID that the list is sorted by.
package cursor

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrBad means that a text is no cursor.
var ErrBad = errors.New("that is no cursor: give the Next of a page, or none for the first")

// separator stands in no time of RFC 3339.
const separator = "\x00"

// Place is where a page ended: the time and the ID of its last item.
type Place struct {
	At time.Time
	ID string
}

// String writes a place so that it fits into a URL.
func (p Place) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.At.UTC().Format(time.RFC3339Nano) + separator + p.ID))
}

// Parse reads what String wrote.
func Parse(s string) (Place, error) {
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return Place{}, ErrBad
	}
	at, id, ok := strings.Cut(string(data), separator)
	if !ok {
		return Place{}, ErrBad
	}
	t, err := time.Parse(time.RFC3339Nano, at)
	if t = t.UTC(); err != nil || t.Year() < 0 || t.Year() > 9999 {
		return Place{}, ErrBad
	}
	return Place{t, id}, nil
}

// Compare orders places by time, then by ID.
func (p Place) Compare(o Place) int {
	if c := p.At.Compare(o.At); c != 0 {
		return c
	}
	return strings.Compare(p.ID, o.ID)
}

// Start parses the cursor of a query; nil: the first page.
func Start(s string) (*Place, error) {
	if s == "" {
		return nil, nil
	}
	p, err := Parse(s)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// Cut keeps a page of up to n items of a sorted list, and says where the next
// one begins, if there is one.
func Cut[T any](list []T, n int, place func(T) string) (page []T, next string) {
	if len(list) <= n {
		return list, ""
	}
	return list[:n], place(list[n-1])
}

// Seq is the cursor of a list that is sorted by Seq, the newest first: that of
// the last item of a page.
func Seq(seq int64) string { return strconv.FormatInt(seq, 10) }

// Before is the Seq below which a page begins, by its cursor and the limit of
// the query; 0 or less: none.
func Before(s string, limit int64) (int64, error) {
	if limit <= 0 {
		limit = math.MaxInt64
	}
	if s == "" {
		return limit, nil
	}
	seq, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, ErrBad
	}
	return min(limit, seq), nil
}
