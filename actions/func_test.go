package actions

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
)

type address struct {
	Street string `json:"street"`
	City   string `json:"city,omitempty"`
}

type common struct {
	Locale string `json:"locale,omitempty" jsonschema:"Language tag of the contact"`
}

type everything struct {
	common
	Text    string             `json:"text" jsonschema:"A text"`
	Bool    bool               `json:"bool"`
	Int     int                `json:"int"`
	Small   int8               `json:"small,omitempty"`
	Count   uint               `json:"count,omitempty"`
	Price   float64            `json:"price,omitzero"`
	Maybe   *string            `json:"maybe,omitempty"`
	Must    *int               `json:"must"`
	List    []string           `json:"list,omitempty"`
	Matrix  [][]int            `json:"matrix,omitempty"`
	Fixed   [2]string          `json:"fixed,omitzero"`
	Home    address            `json:"home,omitzero"`
	Other   *address           `json:"other,omitempty"`
	Past    []address          `json:"past,omitempty"`
	Byname  map[string]address `json:"byname,omitempty"`
	Raw     []byte             `json:"raw,omitempty"`
	At      time.Time          `json:"at,omitzero"`
	Addr    netip.Addr         `json:"addr,omitzero"`
	Nothing struct{}           `json:"nothing,omitzero"`
	Hidden  func()             `json:"-"`
	//lint:ignore U1000 what is not exported must not show in the schema
	private int
	NoTag   string
}

func done[In any](context.Context, Call, In) (Result, error) { return Result{}, nil }

// S6.1 and llm-providers: every type one string (an optional slice or pointer
// too), properties always there, nothing beside them, a fixed order.
func TestFuncSchema(t *testing.T) {
	const file = "testdata/func.txtar"
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	a := MustFunc("x", "y", done[everything])
	root, err := parseNode(a.Schema)
	require.NoError(t, err)
	matchGolden(t, file, archive, string(a.Schema)+"\n")
	assert.NotContains(t, string(a.Schema), `"type":[`)
	require.NoError(t, normalise(root, "again"))
	assert.Equal(t, string(a.Schema), string(root.append(nil)))
	for range 20 {
		require.Equal(t, string(a.Schema), string(MustFunc("x", "y", done[everything]).Schema))
	}
	assert.Equal(t, `{"type":"object","properties":{},"additionalProperties":false}`, string(MustFunc("x", "y", done[struct{}]).Schema))
}

// What Go writes for the type passes the schema made of it, and comes back as
// it was.
func TestFuncRoundTrip(t *testing.T) {
	seven, hi := 7, "hi"
	want := everything{
		common: common{Locale: "id"}, Text: "<a> & \u2028 b", Bool: true, Int: -3, Small: 5, Count: 9, Price: 1e21, Maybe: &hi, Must: &seven,
		List: []string{"x"}, Matrix: [][]int{{1}, {}}, Fixed: [2]string{"a", "b"}, Home: address{Street: "s"}, Other: &address{City: "c"},
		Past: []address{{}}, Byname: map[string]address{"Home": {}, "home": {Street: "z"}}, Raw: []byte{0, 255}, NoTag: "n",
		At: time.Date(2026, 11, 24, 15, 4, 5, 0, time.UTC), Addr: netip.MustParseAddr("::1"),
	}
	args, err := json.Marshal(want)
	require.NoError(t, err)
	var got everything
	a := MustFunc("x", "y", func(_ context.Context, _ Call, in everything) (Result, error) {
		got = in
		return Result{Content: "ok"}, nil
	})
	res, err := run(t, a, string(args))
	require.NoError(t, err)
	assert.Equal(t, "ok", res.Content)
	assert.Equal(t, want, got)
}

type order1 struct {
	Item  string    `json:"item"`
	Count int       `json:"count,omitempty"`
	Raw   []byte    `json:"raw,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

// Wrong arguments do not reach the function (S6.4): most Go agent frameworks
// run the tool all the same.
func TestFuncRefuses(t *testing.T) {
	a := MustFunc("order", "Order.", func(context.Context, Call, order1) (Result, error) {
		t.Error("the function ran")
		return Result{}, nil
	})
	for args, want := range map[string]string{
		``:                         `"item" is missing`,
		`{"item":7}`:               "at /item: is a number: give a string",
		`{"item":"a","count":"2"}`: "at /count: is a string: give an integer",
		`{"item":"a","count":2.5}`: "at /count: is a number: give an integer",
		`{"item":"a","count":99999999999999999999}`:      "/count: number 99999999999999999999 does not fit: give a value of type int",
		`{"item":"a","raw":"%%"}`:                        "does not fit",
		`{"item":"a","at":"tomorrow"}`:                   "write one such as 2026-11-24T15:04:05Z",
		`{"item":"a","Count":2}`:                         `must be written "count"`,
		`{"item":"a","count":1,"count":2}`:               "stands twice",
		`{"item":"a","colour":"red"}`:                    `the key "colour" does not exist`,
		`{"item":"a"`:                                    "cut off",
		`{"item":"a"} {"item":"b"}`:                      "something follows",
		strings.Repeat(`{"item":`, 500):                  "nested too deeply",
		`{"item":"` + strings.Repeat("a", 70_000) + `"}`: "the limit is 65536",
	} {
		res, err := run(t, a, args)
		require.ErrorContains(t, err, want, shorten(args, 60))
		_, ok := err.(*ArgumentError)
		assert.True(t, ok)
		assert.Less(t, len(err.Error()), 300)
		assert.Zero(t, res)
	}
}

// 2.0 and 1e2 are integers to a schema, and so they are to Go.
func TestFuncWholeNumbers(t *testing.T) {
	var got []int
	a := MustFunc("order", "Order.", func(_ context.Context, _ Call, in order1) (Result, error) {
		got = append(got, in.Count)
		return Result{}, nil
	})
	for _, n := range []string{"2.0", "1e2", "-0", "12e-1e"} {
		_, err := run(t, a, `{"item":"a","count":`+n+`}`)
		assert.Equal(t, n == "12e-1e", err != nil, n)
	}
	assert.Equal(t, []int{2, 100, 0}, got)
}

// The function gets the call as it is, and its error is the caller's.
func TestFuncPassesCall(t *testing.T) {
	type key struct{}
	boom := errors.New("shop: closed")
	a := MustFunc("order", "Order.", func(ctx context.Context, call Call, in order1) (Result, error) {
		assert.Equal(t, "v", ctx.Value(key{}))
		assert.Equal(t, "k1", call.Key)
		assert.Equal(t, "c9", call.Contact.ID)
		return Result{}, boom
	})
	_, err := a.Run(context.WithValue(t.Context(), key{}, "v"), Call{Key: "k1", Contact: frontdesk.Contact{ID: "c9"}, Arguments: json.RawMessage(`{"item":"a"}`)})
	assert.ErrorIs(t, err, boom)
}

func TestFuncWithEnum(t *testing.T) {
	a, err := MustFunc("order", "Order.", done[order1]).WithEnum("item", []string{"tea", "cake"})
	require.NoError(t, err)
	assert.Contains(t, string(a.Schema), `"item":{"type":"string","enum":["tea","cake"]}`)
}

type ownJSON struct{}

func (o *ownJSON) UnmarshalJSON([]byte) error { return nil }

type named string

type loop struct {
	Next *loop `json:"next,omitempty"`
}

type hidden struct{ A string }

// What cannot be described truthfully is refused when the action is made.
func TestFuncTypes(t *testing.T) {
	check := func(name string, err error, want string) {
		t.Helper()
		require.ErrorContains(t, err, want, name)
		assert.True(t, strings.HasPrefix(err.Error(), "actions: "), err.Error())
	}
	try := func(_ Action, err error) error { return err }
	check("string", try(Func("x", "y", done[string])), "use a struct")
	check("pointer", try(Func("x", "y", done[*order1])), "use a struct")
	check("map", try(Func("x", "y", done[map[string]string])), "use a struct")
	check("any", try(Func("x", "y", done[any])), "use a struct")
	check("any inside", try(Func("x", "y", done[struct{ A any }])), ".A may be anything")
	check("any in a list", try(Func("x", "y", done[struct{ A []any }])), ".A[] may be anything")
	check("any in a map", try(Func("x", "y", done[struct{ A map[string]any }])), ".A{} may be anything")
	check("raw", try(Func("x", "y", done[struct{ A json.RawMessage }])), "reads its own JSON")
	check("own JSON", try(Func("x", "y", done[struct{ A []ownJSON }])), "reads its own JSON")
	check("big", try(Func("x", "y", done[struct{ A *big.Int }])), "reads its own JSON")
	check("func", try(Func("x", "y", done[struct{ A func() }])), "unsupported")
	check("chan", try(Func("x", "y", done[struct{ A chan int }])), "unsupported")
	check("complex", try(Func("x", "y", done[struct{ A complex64 }])), "unsupported")
	check("cycle", try(Func("x", "y", done[loop])), "cycle")
	check("string option", try(Func("x", "y", done[struct {
		A int `json:"a,string"`
	}])), "json option string")
	check("embedded with a name", try(Func("x", "y", done[struct {
		order1 `json:"order"`
	}])), "give it a name of its own")
	check("embedded text", try(Func("x", "y", done[struct{ named }])), "give it a name of its own")
	check("embedded hidden pointer", try(Func("x", "y", done[struct{ *hidden }])), "give it a name of its own")
	check("key", try(Func("x", "y", done[struct {
		A int `json:"größe"`
	}])), "not usable")
	check("text type", try(Func("x", "y", done[netip.Addr])), "not of type object")
}

// Every fault at once (habit 6), and no usable value with an error (habit 7).
func TestFuncFaults(t *testing.T) {
	a, err := Func[order1]("1 order", " ", nil)
	assert.ErrorContains(t, err, "has no function")
	assert.ErrorContains(t, err, "name is not usable")
	assert.ErrorContains(t, err, "no description")
	assert.Nil(t, a.Run)
	assert.PanicsWithError(t, err.Error(), func() { MustFunc[order1]("1 order", " ", nil) })
}

func TestValidate(t *testing.T) {
	good := MustFunc("order", "Order.", done[order1])
	require.NoError(t, good.Validate())
	for _, name := range []string{"a", "_", "close_conversation", "A-1", strings.Repeat("x", 64)} {
		a := good
		a.Name = name
		assert.NoError(t, a.Validate(), name)
	}
	for _, name := range []string{"", "1a", "-a", "a b", "a.b", "café", "a\n", strings.Repeat("x", 65)} {
		a := good
		a.Name = name
		assert.ErrorContains(t, a.Validate(), "name is not usable", name)
	}
	err := Action{Name: "?", Delivery: 7, Timeout: -1, Schema: json.RawMessage(`{"type":"array"}`)}.Validate()
	for _, want := range []string{"name is not usable", "no description", "not of type object", "Run is nil", "timeout is negative", "no delivery 7"} {
		assert.ErrorContains(t, err, want)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		assert.True(t, strings.HasPrefix(line, "actions: "), line)
	}
}
