package actions

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const quickSchema = `{"type":"object","properties":{
	"target":{"type":"string","enum":["Sales Team","any team"]},"reason":{"type":"string","description":"why"},
	"seats":{"type":"integer"},"price":{"type":"number"},"now":{"type":"boolean"},
	"tags":{"type":"array","items":{"type":"string"}},
	"fields":{"type":"array","items":{"type":"object","properties":{"field":{"type":"string"},"value":{"type":"string"}},"required":["field","value"],"additionalProperties":false}}},
	"required":["target"],"additionalProperties":false}`

// What the quick check accepts, the full check accepts and gives back as it
// came (S6.4).
func TestQuickAgreesWithCheck(t *testing.T) {
	c, err := NewChecker(json.RawMessage(quickSchema))
	require.NoError(t, err)
	require.NotNil(t, c.quick)
	for args, want := range map[string]bool{
		`{"target":"Sales Team"}`:                                        true,
		`{"target":"Sales Team","reason":"a b","seats":-5,"price":0}`:    true,
		`{"target":"any team","now":true,"tags":["a","b"]}`:              true,
		`{"target":"any team","now":false,"tags":[]}`:                    true,
		`{"fields":[{"field":"a","value":"b"}],"target":"any team"}`:     true,
		`{"target": "Sales Team"}`:                                       false, // not compact
		`{"target":"Sales Team","target":"any team"}`:                    false,
		`{"target":"Nobody"}`:                                            false,
		`{"reason":"x"}`:                                                 false,
		`{}`:                                                             false,
		`{"target":"Sales Team","x":1}`:                                  false,
		`{"Target":"Sales Team"}`:                                        false,
		`{"target":"Sales Team","reason":"\u0000"}`:                      false,
		`{"target":"Sales Team","reason":"é"}`:                           false,
		`{"target":"Sales Team","seats":01}`:                             false,
		`{"target":"Sales Team","seats":1.5}`:                            false,
		`{"target":"Sales Team","seats":99999999999999999999}`:           false,
		`{"target":"Sales Team","now":tru}`:                              false,
		`{"target":"Sales Team"}x`:                                       false,
		`{"target":"Sales Team"`:                                         false,
		`{"target":"Sales Team","tags":["a",]}`:                          false,
		`{"target":"Sales Team","fields":[{"field":"a"}]}`:               false,
		`{"target":"Sales Team","fields":[{"field":"a","value":"b"},1]}`: false,
	} {
		assert.Equal(t, want, c.quick.accepts(json.RawMessage(args)), args)
		if want {
			full, err := c.check(json.RawMessage(args))
			require.NoError(t, err, args)
			assert.Equal(t, args, string(full))
		}
	}
}

// A schema with a rule that the quick check does not know is left to the full
// one.
func TestQuickKnowsItsLimits(t *testing.T) {
	for _, prop := range []string{
		`{"type":"string","minLength":2}`, `{"type":["string","null"]}`, `{}`, `true`, `{"type":"string","const":"a"}`, `{"type":"integer","enum":[1]}`,
		`{"type":"object"}`, `{"type":"array"}`, `{"type":"string","enum":[]}`, `{"$ref":"#"}`, `{"type":"string","items":{"type":"string"}}`,
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(prop), &v))
		doc := map[string]any{"type": "object", "properties": map[string]any{"a": v}, "additionalProperties": false}
		assert.Nil(t, newQuick(doc), prop)
	}
	assert.Nil(t, newQuick(map[string]any{"type": "object", "properties": map[string]any{}}), "open to more keys")
	var none *quick
	assert.False(t, none.accepts(json.RawMessage(`{}`)))
}

func FuzzQuick(f *testing.F) {
	c, err := NewChecker(json.RawMessage(quickSchema))
	require.NoError(f, err)
	for _, s := range []string{`{"target":"Sales Team","seats":12,"tags":["x"]}`, `{"target":"any team","fields":[{"field":"a","value":"b"}]}`, `{"target":"any team","now":true}`, `{"price":-0,"target":"any team"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		if len(args) > maxArgumentBytes || !c.quick.accepts(args) {
			return
		}
		full, err := c.check(args)
		require.NoError(t, err)
		require.Equal(t, string(args), string(full))
	})
}
