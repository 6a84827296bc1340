package cursor

import (
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, p := range []Place{
		{},
		{ID: "a"},
		{At: time.Date(2025, 3, 10, 9, 0, 0, 123456789, time.UTC), ID: "id/with \"all\"\u2028 ü"},
		{At: time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)},
	} {
		s := p.String()
		assert.Equal(t, s, url.QueryEscape(s))
		got, err := Parse(s)
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	zoned := time.Date(2025, 3, 10, 9, 0, 0, 0, time.FixedZone("WIB", 7*3600))
	got, err := Parse(Place{At: zoned}.String())
	require.NoError(t, err)
	assert.True(t, zoned.Equal(got.At))
}

func TestWhatIsNoCursorIsRefused(t *testing.T) {
	for _, s := range []string{"", "!", "YQ", "AA", "bm90IGEgdGltZQBpZA"} {
		_, err := Parse(s)
		assert.ErrorIs(t, err, ErrBad, "%q", s)
	}
}

func TestPlacesAreOrderedByTimeThenID(t *testing.T) {
	at := time.Date(2025, 3, 10, 9, 0, 0, 0, time.UTC)
	assert.Negative(t, Place{at, "b"}.Compare(Place{at.Add(1), "a"}))
	assert.Negative(t, Place{at, "a"}.Compare(Place{at, "b"}))
	assert.Zero(t, Place{at, "a"}.Compare(Place{at.In(time.FixedZone("", 60)), "a"}))
	assert.Positive(t, Place{At: at}.Compare(Place{ID: "z"}))
}

func FuzzParse(f *testing.F) {
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("9999-12-31T23:59:59-01:00\x00id")))
	f.Add(Place{At: time.Unix(1, 2), ID: "x"}.String())
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, again)
	})
}

func TestPages(t *testing.T) {
	from, err := Start("")
	require.NoError(t, err)
	assert.Nil(t, from)
	from, err = Start(Place{ID: "a"}.String())
	require.NoError(t, err)
	assert.Equal(t, &Place{ID: "a"}, from)
	_, err = Start("x")
	require.ErrorIs(t, err, ErrBad)

	place := func(s string) string { return "after " + s }
	page, next := Cut([]string{"a", "b"}, 2, place)
	assert.Equal(t, []string{"a", "b"}, page)
	assert.Empty(t, next)
	page, next = Cut([]string{"a", "b", "c"}, 2, place)
	assert.Equal(t, []string{"a", "b"}, page)
	assert.Equal(t, "after b", next)
}
