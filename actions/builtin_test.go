package actions

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
)

func builtins() []Action {
	return []Action{Assign(), Close(), UpdateFields(), UpdateStage(), AddComment(), UpdateTags(), StopFollowUps()}
}

func run(t testing.TB, a Action, args string) (Result, error) {
	t.Helper()
	return a.Run(context.Background(), Call{ID: "c1", Key: "k1", Name: a.Name, Arguments: json.RawMessage(args)})
}

// S6.1: what the LLM is told of the built-in actions, for people to review.
func TestBuiltinsAsOffered(t *testing.T) {
	const file = "testdata/builtin.txtar"
	a, err := txtar.ParseFile(file)
	require.NoError(t, err)
	var got strings.Builder
	for _, b := range builtins() {
		require.NoError(t, b.Validate())
		assert.True(t, b.Builtin)
		fmt.Fprintf(&got, "%s: %s\n%s\n", b.Name, b.Description, b.Schema)
	}
	matchGolden(t, file, a, got.String())
}

// Schemas hold what every provider takes (llm-providers): one type per value,
// properties always there, nothing beside them.
func TestBuiltinSchemasPortable(t *testing.T) {
	for _, b := range builtins() {
		root, err := parseNode(b.Schema)
		require.NoError(t, err)
		require.NoError(t, normalise(root, b.Name))
		assert.JSONEq(t, string(b.Schema), string(root.append(nil)))
		assert.Equal(t, string(b.Schema), string(root.append(nil)), "keys out of order")
	}
}

func TestBuiltinPrompts(t *testing.T) {
	assert.Empty(t, Assign().Prompt)
	assert.Equal(t, "When they ask for a price.\nWhen they are angry.", Assign("When they ask for a price.", "When they are angry.").Prompt)
}

// S5.2, S6.1
func TestAssign(t *testing.T) {
	for args, want := range map[string]Assignment{
		`{"target":"Sales Team"}`:                        {Target: frontdesk.Target{Name: "Sales Team"}},
		`{"target":" @Sales Team "}`:                     {Target: frontdesk.Target{Name: "Sales Team"}},
		`{"target":"any team"}`:                          {Target: frontdesk.Target{Kind: frontdesk.TargetAnyTeam, Name: "any team"}},
		`{"target":"Any_Team"}`:                          {Target: frontdesk.Target{Kind: frontdesk.TargetAnyTeam, Name: "any team"}},
		`{"target":"anyone in the workspace"}`:           {Target: frontdesk.Target{Kind: frontdesk.TargetAnyone, Name: "anyone"}},
		`{"target":"nobody"}`:                            {Target: frontdesk.Target{Kind: frontdesk.TargetNobody, Name: "nobody"}},
		`{"target":"Ana","method":"least_open"}`:         {Target: frontdesk.Target{Name: "Ana"}, Method: frontdesk.LeastOpen},
		`{"target":"Ana","reason":" r ","summary":" s"}`: {Target: frontdesk.Target{Name: "Ana"}, Reason: "r", Summary: "s"},
	} {
		res, err := run(t, Assign(), args)
		require.NoError(t, err, args)
		assert.Equal(t, want, *res.Assign, args)
		assert.NotEmpty(t, res.Content)
	}
	for _, args := range []string{`{}`, `{"target":""}`, `{"target":" @ "}`, `{"target":"Ana","method":"randomly"}`, `{"target":["Ana"]}`, `{"target":"Ana","now":true}`} {
		res, err := run(t, Assign(), args)
		assert.Error(t, err, args)
		assert.Zero(t, res, args)
	}
	// A summary is never worth a refused handoff, and is bounded.
	long := strings.Repeat("é", 5000)
	res, err := run(t, Assign(), `{"target":"Ana","summary":"`+long+`"}`)
	require.NoError(t, err)
	assert.Equal(t, MaxComment, utf8.RuneCountInString(res.Assign.Summary))
	// What the LLM wrote comes back to it bounded.
	res, err = run(t, Assign(), `{"target":"`+long+`"}`)
	require.NoError(t, err)
	assert.LessOrEqual(t, utf8.RuneCountInString(res.Content), 400)
}

// S6.5: a summary that cannot be had, or is too long, does not stop the close.
func TestClose(t *testing.T) {
	res, err := run(t, Close(), ``)
	require.NoError(t, err)
	assert.Equal(t, Closing{}, *res.Close)
	res, err = run(t, Close(), `{"summary":" Asked for a refund. ","closing_note":"Issue Resolved"}`)
	require.NoError(t, err)
	assert.Equal(t, Closing{Summary: "Asked for a refund.", Note: "Issue Resolved"}, *res.Close)
	res, err = run(t, Close(), `{"summary":"`+strings.Repeat("x", 10_000)+`"}`)
	require.NoError(t, err)
	assert.Equal(t, MaxComment, utf8.RuneCountInString(res.Close.Summary))
	_, err = run(t, Close(), `{"note":"Issue Resolved"}`)
	assert.ErrorContains(t, err, `use "closing_note" or "summary"`)
}

// S6.6: several in one call, all or none.
func TestUpdateFields(t *testing.T) {
	res, err := run(t, UpdateFields(), `{"fields":[{"field":"email","value":" ana@example.com "},{"field":"Company Size","value":"40"},{"field":"phone","value":""}]}`)
	require.NoError(t, err)
	assert.Equal(t, map[string]frontdesk.Value{
		"email": frontdesk.Text("ana@example.com"), "Company Size": frontdesk.Text("40"), "phone": {},
	}, res.Set)
	for args, want := range map[string]string{
		`{"fields":[]}`: "no field is given",
		`{"fields":[{"field":"email","value":"a@b.c"},{"field":"E_mail","value":"x"}]}`:  "given twice",
		`{"fields":[{"field":"email","value":"a@b.c"},{"field":" ","value":"x"}]}`:       "at /fields/1",
		`{"fields":[{"field":"email","value":"a@b.c"},{"field":"age"}]}`:                 `"value" is missing`,
		`{"fields":[{"field":"email","value":"a@b.c"},{"field":"age","value":40}]}`:      "is a number: give a string",
		`{"fields":[{"field":"email","value":"a@b.c","Value":"evil"}]}`:                  `must be written "value"`,
		`{"fields":[{"field":"email","value":"a@b.c","value":"evil"}]}`:                  "stands twice",
		`{"fields":{"email":"a@b.c"}}`:                                                   "is an object: give an array",
		`{"fields":[{"field":"email","value":"a@b.c"}],"contact_id":"another customer"}`: "does not exist",
	} {
		res, err := run(t, UpdateFields(), args)
		assert.ErrorContains(t, err, want, args)
		assert.Zero(t, res, args)
	}
}

func TestUpdateStage(t *testing.T) {
	res, err := run(t, UpdateStage(), `{"stage":" Hot Lead"}`)
	require.NoError(t, err)
	assert.Equal(t, "Hot Lead", res.Stage)
	_, err = run(t, UpdateStage(), `{"stage":"  "}`)
	assert.ErrorContains(t, err, "name a lifecycle stage")
}

// S6.1: at most 2,000 characters, counted as people do.
func TestAddComment(t *testing.T) {
	res, err := run(t, AddComment(), `{"text":"`+strings.Repeat("é", MaxComment)+`"}`)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("é", MaxComment), res.Comment)
	_, err = run(t, AddComment(), `{"text":"`+strings.Repeat("é", MaxComment+1)+`"}`)
	assert.ErrorContains(t, err, "2001 characters long, the limit is 2000")
	_, err = run(t, AddComment(), `{"text":"\n"}`)
	assert.ErrorContains(t, err, "empty")
}

func TestUpdateTags(t *testing.T) {
	res, err := run(t, UpdateTags(), `{"add":["vip","%vip"," new "],"remove":["cold"]}`)
	require.NoError(t, err)
	assert.Equal(t, []string{"vip", "new"}, res.AddTags)
	assert.Equal(t, []string{"cold"}, res.RemoveTags)
	for args, want := range map[string]string{
		`{}`:                               "no tag is given",
		`{"add":[]}`:                       "no tag is given",
		`{"add":[""]}`:                     "a tag is empty",
		`{"add":["vip"],"remove":["vip"]}`: "both added and removed",
		`{"add":"vip"}`:                    "is a string: give an array",
	} {
		res, err := run(t, UpdateTags(), args)
		assert.ErrorContains(t, err, want, args)
		assert.Zero(t, res, args)
	}
}

// S8.4
func TestStopFollowUps(t *testing.T) {
	for reason, want := range map[string]string{"not_interested": "not interested", "goodbye": "goodbye", "goal_reached": "goal reached"} {
		res, err := run(t, StopFollowUps(), `{"reason":"`+reason+`"}`)
		require.NoError(t, err)
		assert.Equal(t, want, res.StopFollowUps)
	}
	_, err := run(t, StopFollowUps(), `{"reason":"bored"}`)
	assert.ErrorContains(t, err, `use "not_interested", "goodbye" or "goal_reached"`)
}

// Whatever the arguments, a built-in action neither panics nor returns both an
// error and changes; its texts are bounded.
func FuzzBuiltins(f *testing.F) {
	for _, s := range []string{
		`{"target":"anyone"}`, `{"fields":[{"field":"a","value":"b"}]}`, `{"add":["a"],"remove":["b"]}`,
		`{"reason":"goodbye"}`, `{"text":"x"}`, `{"stage":"x"}`, `{"summary":"x","closing_note":"y"}`, `{"target":"@` + "\u2066" + `"}`,
	} {
		f.Add([]byte(s))
	}
	all := builtins()
	f.Fuzz(func(t *testing.T, args []byte) {
		for _, a := range all {
			res, err := a.Run(context.Background(), Call{Name: a.Name, Arguments: args})
			if err != nil {
				require.Zero(t, res)
				require.NotEmpty(t, err.Error())
				continue
			}
			require.True(t, utf8.ValidString(res.Content))
			require.LessOrEqual(t, utf8.RuneCountInString(res.Content), 400)
			require.LessOrEqual(t, utf8.RuneCountInString(res.Comment), MaxComment)
			if res.Assign != nil {
				require.NotEmpty(t, res.Assign.Target.Name)
			}
		}
	})
}
