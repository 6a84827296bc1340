package actions

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// S6.4: an agent narrows a built-in action to what its instructions allow.
func TestWithEnum(t *testing.T) {
	for _, c := range []struct {
		action Action
		path   string
		good   string
		bad    string
	}{
		{Assign(), "target", `{"target":"Sales Team"}`, `{"target":"Evil Team"}`},
		{UpdateStage(), "stage", `{"stage":"Sales Team"}`, `{"stage":"sales team"}`},
		{Close(), "closing_note", `{"closing_note":"Sales Team"}`, `{"closing_note":""}`},
		{UpdateFields(), "fields[].field", `{"fields":[{"field":"Sales Team","value":"x"}]}`, `{"fields":[{"field":"x","value":"Sales Team"}]}`},
		{UpdateTags(), "add[]", `{"add":["Sales Team"]}`, `{"add":["Sales Team","x"]}`},
	} {
		before := string(c.action.Schema)
		got, err := c.action.WithEnum(c.path, []string{"Sales Team", `Te"am`, "Sales Team"})
		require.NoError(t, err, c.path)
		assert.Equal(t, before, string(c.action.Schema), "the original changed")
		assert.Contains(t, string(got.Schema), `"enum":["Sales Team","Te\"am"]`)
		require.NoError(t, got.Validate())
		ck := checker(t, string(got.Schema))
		_, err = ck.Check(json.RawMessage(c.good))
		assert.NoError(t, err, c.path)
		_, err = ck.Check(json.RawMessage(c.bad))
		assert.ErrorContains(t, err, `use "Sales Team" or "Te\"am"`, c.path)
		_, err = run(t, got, c.good)
		assert.NoError(t, err, "what the narrow schema allows, Run takes")

		again, err := got.WithEnum(c.path, []string{"Sales Team", `Te"am`})
		require.NoError(t, err)
		assert.Equal(t, string(got.Schema), string(again.Schema), "an enum is replaced in its place")
	}
}

func TestWithEnumKeepsTheRest(t *testing.T) {
	a, err := UpdateStage().WithEnum("stage", []string{"New", "Hot Lead"})
	require.NoError(t, err)
	assert.Equal(t, `{"type":"object","properties":{"stage":{"type":"string","description":"Name of the lifecycle stage.","enum":["New","Hot Lead"]}},"required":["stage"],"additionalProperties":false}`, string(a.Schema))
}

func TestWithEnumErrors(t *testing.T) {
	for path, want := range map[string]string{
		"":                    "no property",
		"nope":                "no property",
		"fields[].nope":       "no property",
		"fields.field":        "no property",
		"fields[]]":           "no property",
		"[]":                  "no property",
		"fields[][]":          "no property",
		"fields[].field.more": "no property",
		"fields[]":            "not a string",
		"fields":              "not a string",
	} {
		a, err := UpdateFields().WithEnum(path, []string{"x"})
		assert.ErrorContains(t, err, want, path)
		assert.Equal(t, UpdateFields().Schema, a.Schema)
	}
	_, err := Action{Name: "x", Schema: json.RawMessage(`[`)}.WithEnum("a", nil)
	assert.Error(t, err)
}

// S6.5: with "do not generate a summary" none is asked for; a workspace
// without closing notes has none to offer.
func TestWithout(t *testing.T) {
	a, err := Close().Without("summary")
	require.NoError(t, err)
	a, err = a.WithEnum("closing_note", nil)
	require.NoError(t, err)
	assert.Equal(t, `{"type":"object","properties":{},"additionalProperties":false}`, string(a.Schema))
	_, err = checker(t, string(a.Schema)).Check(json.RawMessage(`{"summary":"x"}`))
	assert.ErrorContains(t, err, `the key "summary" does not exist: leave it out`)

	_, err = Assign().WithEnum("target", nil)
	assert.ErrorContains(t, err, "leave the action out")
	_, err = UpdateStage().Without("stage")
	assert.ErrorContains(t, err, "leave the action out")
	_, err = Close().Without("nope")
	assert.ErrorContains(t, err, "no property")
	a, err = UpdateTags().Without("remove")
	require.NoError(t, err)
	assert.NotContains(t, string(a.Schema), "remove")
}

// Keys keep their order: prompt caches hit only on the same bytes.
func TestNodeRoundTrip(t *testing.T) {
	for _, s := range []string{`{}`, `[]`, `{"b":1,"a":[true,null,"x\u0000"],"c":{"z":{},"y":[]}}`, assignSchema, fieldsSchema} {
		n, err := parseNode([]byte(s))
		require.NoError(t, err)
		assert.Equal(t, s, string(n.append(nil)))
	}
	for _, s := range []string{``, `{`, `{"a"}`, `[1,`, `{"a":1,"a":2}`} {
		_, err := parseNode([]byte(s))
		assert.Error(t, err, s)
	}
}
