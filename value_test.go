package frontdesk

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// S1, S4.5: values are typed, and written in one locale-independent form.
func TestParseValue(t *testing.T) {
	for _, c := range []struct {
		kind FieldType
		in   string
		want string
	}{
		{TypeText, "  Ana  ", "Ana"},
		{TypeText, "", ""},
		{TypeNumber, "100000", "100000"},
		{TypeNumber, "1200.50", "1200.5"},
		{TypeNumber, "-3", "-3"},
		{TypeNumber, "1e3", "1000"},
		{TypeNumber, "123456789012345678901234567890", "123456789012345678901234567890"},
		{TypeDate, "2026-11-24", "2026-11-24"},
		{TypeDate, "2026-11-24T15:04:05Z", "2026-11-24T15:04:05Z"},
		{TypeBoolean, "Yes", "true"},
		{TypeBoolean, "0", "false"},
		{TypeList, "a, b ,c", "a, b, c"},
		{TypeList, `["a,b","c"]`, "a,b, c"},
		{TypeEmail, "ana@example.com", "ana@example.com"},
		{TypePhone, "+62 812-3456", "+62 812-3456"},
		{TypeURL, "https://example.com/x", "https://example.com/x"},
	} {
		v, err := ParseValue(c.kind, c.in)
		require.NoError(t, err, "%s %q", c.kind, c.in)
		assert.Equal(t, c.want, v.String(), "%s %q", c.kind, c.in)
	}
}

func TestParseValueRefuses(t *testing.T) {
	for kind, bad := range map[FieldType][]string{
		TypeNumber:  {"12 apples", "0x10", "1_000", "100.000.000", "NaN", "Inf", "1e999999999", "1/3", "i"},
		TypeDate:    {"tomorrow", "24/11/2026"},
		TypeBoolean: {"maybe"},
		TypeEmail:   {"ana", "Ana <ana@example.com>", "a@b@c"},
		TypePhone:   {"call me", "12", "+6281234567890123456789012"},
		TypeURL:     {"javascript:alert(1)", "example.com"},
		TypeText:    {"a\x00b", "\xff"},
		"color":     {"red"},
	} {
		for _, in := range bad {
			_, err := ParseValue(kind, in)
			require.Error(t, err, "%s %q", kind, in)
			assert.True(t, strings.HasPrefix(err.Error(), "frontdesk: "), err)
		}
	}
	_, err := ParseValue(TypeNumber, strings.Repeat("x", 10_000))
	assert.Less(t, len(err.Error()), 300, "hostile text is quoted in part only")
}

// S2.5 and stores: a value comes back from JSON as it was.
func TestValueJSON(t *testing.T) {
	for _, v := range []Value{
		{}, Text("Ana"), Text(" spaced "), Text("12"), Number(1.5), Number(-7), Boolean(true), Boolean(false),
		Date(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), Date(time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)),
		List("a", "b,c", ""), mustParse(t, TypeEmail, "a@example.com"), mustParse(t, TypePhone, "+62811"),
	} {
		data, err := json.Marshal(v)
		require.NoError(t, err)
		var back Value
		require.NoError(t, json.Unmarshal(data, &back), string(data))
		assert.True(t, v.Equal(back), "%s became %#v", data, back)
	}
	var v Value
	require.NoError(t, json.Unmarshal([]byte(`12.50`), &v))
	assert.Equal(t, "12.5", v.String())
	require.NoError(t, json.Unmarshal([]byte(`["a","b"]`), &v))
	assert.Equal(t, []string{"a", "b"}, v.Items())
	require.Error(t, json.Unmarshal([]byte(`{"type":"number","text":"x"}`), &v))
}

func mustParse(t *testing.T, k FieldType, s string) Value {
	t.Helper()
	v, err := ParseValue(k, s)
	require.NoError(t, err)
	return v
}

func TestNoValue(t *testing.T) {
	for _, v := range []Value{{}, Text(""), Number(math.NaN()), Number(math.Inf(1)), Date(time.Time{}), List()} {
		assert.True(t, v.IsZero())
		assert.Equal(t, "", v.String())
		assert.Nil(t, v.Items())
	}
	f, ok := Number(2.5).Float()
	assert.True(t, ok)
	assert.Equal(t, 2.5, f)
	_, ok = Text("2.5").Float()
	assert.False(t, ok)
}

func FuzzParseValue(f *testing.F) {
	f.Add("number", "1e60")
	f.Add("list", `["a"`)
	f.Add("date", "2026-02-30")
	f.Fuzz(func(t *testing.T, kind, text string) {
		v, err := ParseValue(FieldType(kind), text)
		if err != nil {
			return
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		var back Value
		require.NoError(t, json.Unmarshal(data, &back), string(data))
		require.True(t, v.Equal(back), "%s", data)
		again, err := ParseValue(v.Type(), v.String())
		if v.Type() != TypeList && v.Type() != "" {
			require.NoError(t, err)
			require.True(t, v.Equal(again), "%q and %q", v.String(), again.String())
		}
	})
}
