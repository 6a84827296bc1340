package instructions_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

const careless = `# CONTEXT
You are chatting with people, they come from our pricing page and they may be new or not.
# FLOW
1. Greet them, name: $contact.firstname|there.
2. Collect and save their email.
3. If the budget ≥ 100000 and it took less than 3 days, assign to @Sales Team and update the lifecycle stage to "Hot Lead".
4. If they are done, close the conversation with the closing note "Issue Resolved" and do not generate a summary.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
# FOLLOW-UP
If the contact does not reply after 2 minutes, say "Still there?". If there is still no reply after another 2 minutes, close the conversation and say "Bye".
`

var clearer = strings.Replace(careless, "You are chatting with people, they come from our pricing page and they may be new or not.",
	"You chat with visitors of our pricing page.\nThey may be new.", 1)

// answers is a Writer that gives these rewrites in turn and keeps what it was
// asked.
func answers(asked *[]string, texts ...string) instructions.Writer {
	return func(_ context.Context, _, prompt string) (string, error) {
		*asked = append(*asked, prompt)
		if len(*asked) > len(texts) {
			return "", errors.New("asked too often")
		}
		return texts[len(*asked)-1], nil
	}
}

func rewritten(text string) string {
	return "Here it is:\n<<<<REWRITE\n" + strings.TrimSuffix(text, "\n") + "\nREWRITE>>>>\n- shorter sentences\n* and no list\n- one \x1b\u202ethought a line\n"
}

func optimize(w instructions.Writer, text string) (*instructions.Optimized, error) {
	return instructions.Optimize(context.Background(), w, text, instructions.Options{Workspace: shop(), Actions: allActions()})
}

// S11.1: text, diff and reasons.
func TestOptimize(t *testing.T) {
	var asked []string
	got, err := optimize(answers(&asked, rewritten(clearer)), careless)
	require.NoError(t, err)
	assert.Equal(t, clearer, got.Text)
	assert.Equal(t, []string{"shorter sentences", "one thought a line"}, got.Reasons)
	assert.Equal(t, 1, got.Attempts)
	assert.Contains(t, got.Diff, `@@ -1,5 +1,6 @@
 # CONTEXT
-You are chatting with people, they come from our pricing page and they may be new or not.
+You chat with visitors of our pricing page.
+They may be new.
 # FLOW
`)
	assert.Empty(t, got.Diagnostics.Errors())
	require.Len(t, asked, 1)
	assert.Contains(t, asked[0], careless)
}

// S11.2: what code can read is that of the original.
func TestOptimizeLosesNothing(t *testing.T) {
	for name, c := range map[string]struct{ old, new, fault string }{
		"mention":       {"@Sales Team", "@Support Team", `the mention "team:sales Sales Team" is lost`},
		"variable":      {"$contact.firstname|there", "them", `the variable "contact.firstname|there" is lost`},
		"fallback":      {"|there", "|friend", `is new`},
		"action":        {"close the conversation with", "end with", `the action`},
		"condition":     {"If they are done, close", "Close", `the action`},
		"stage":         {`"Hot Lead"`, `"Cold Lead"`, `the lifecycle stage "Hot Lead" is lost`},
		"closing note":  {`"Issue Resolved"`, `"No response"`, `the closing note "Issue Resolved" is lost`},
		"summary":       {" and do not generate a summary", "", `the summary option "off" is lost`},
		"field":         {"save their email", "save their phone", `the field "email" is lost`},
		"comparison":    {"≥ 100000", "> 100000", `the comparison "budget ge 100000" is lost`},
		"number":        {"less than 3 days", "less than 4 days", `the number "3" is lost`},
		"number words":  {"less than 3 days", "less than seven days", `the number "7" is new`},
		"unit":          {"3 days", "3 hours", `the duration`},
		"delay":         {"after 2 minutes", "after 20 minutes", `the follow-up`},
		"quoted text":   {`"Still there?"`, `"Hello?"`, `the quoted text "Still there?" is lost`},
		"boundary":      {"offer discounts", "offer big discounts", `the boundary`},
		"permission":    {"* Can: recommend plans.\n", "", `the permission`},
		"new error":     {"Greet them", "Greet them, $contact.nickname", `there is a new error`},
		"new target":    {"# BOUNDARIES", "5. If it breaks, assign to @Support Team.\n# BOUNDARIES", `is new`},
		"follow-up":     {"If there is still no reply after another 2 minutes, close the conversation and say \"Bye\".", "", `the follow-up`},
		"no rewrite":    {careless, "", `the answer has no rewrite`},
		"too long":      {"# CONTEXT", strings.Repeat("long ", 2000) + "\n# CONTEXT", `too long`},
		"quoted to not": {`say "Bye"`, `say goodbye`, `the quoted text "Bye" is lost`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, careless, c.old)
			bad := rewritten(strings.Replace(careless, c.old, c.new, 1))
			var asked []string
			got, err := optimize(answers(&asked, bad, bad, bad), careless)
			var refused *instructions.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Nil(t, got)
			assert.Equal(t, 3, refused.Attempts, "tried again at most twice")
			assert.Contains(t, strings.Join(refused.Faults, "; "), c.fault)
			assert.Contains(t, asked[1], refused.Faults[0], "the fault is named")
			assert.Contains(t, err.Error(), "instructions: ")
			// And a second rewrite without the fault is taken.
			asked = nil
			got, err = optimize(answers(&asked, bad, rewritten(clearer)), careless)
			require.NoError(t, err)
			assert.Equal(t, 2, got.Attempts)
		})
	}
}

// What is put in other words, another place or another notation of the same
// step is no loss.
func TestOptimizeMayRewrite(t *testing.T) {
	for name, c := range map[string][2]string{
		"labels":        {"1. Greet", "1) Greet"},
		"renumbered":    {"4. If they are done", "5. If they are done"},
		"name again":    {"2. Collect", "2. Hello $contact.firstname|there. Collect"},
		"prose":         {"and they may be new or not", "new or returning"},
		"heading style": {"# BOUNDARIES", "## BOUNDARIES"},
		"the same":      {"# FLOW", "# FLOW"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, careless, c[0])
			text := strings.Replace(careless, c[0], c[1], 1)
			var asked []string
			got, err := optimize(answers(&asked, rewritten(text)), careless)
			require.NoError(t, err)
			assert.Equal(t, name == "the same", got.Diff == "")
		})
	}
}

const twoWays = `# FLOW
1. Greet them: "Welcome to the shop."
2. Never share internal prices with anybody.
3. If the customer wants to buy bicycles, assign to @Sales Team.
4. If a repair is not finished, assign to @Support Team.
5. If they are done, say "See you again." and close the conversation.
# BOUNDARIES
- Do not promise delivery dates.
# FOLLOW-UP
If the contact does not reply for 2 minutes, say "Still there?".
`

// S11.2: rewrites by a model that means no good.
func TestOptimizeAgainstAdversaries(t *testing.T) {
	for name, c := range map[string]struct {
		change []string // pairs of old and new
		fault  string
	}{
		"drops a boundary":          {[]string{"- Do not promise delivery dates.", "- Be nice."}, "the boundary"},
		"weakens a boundary":        {[]string{"Do not promise", "Try not to promise"}, "the boundary"},
		"weakens never":             {[]string{"Never share", "Try not to share"}, "the prohibition"},
		"drops never":               {[]string{"Never share", "Share"}, "the prohibition"},
		"adds a prohibition":        {[]string{"1. Greet them", "1. Never greet them"}, "the prohibition"},
		"drops not":                 {[]string{"is not finished", "is finished"}, "the negation"},
		"2 minutes to 20":           {[]string{"2 minutes", "20 minutes"}, "the follow-up"},
		"2 minutes to 2 hours":      {[]string{"2 minutes", "2 hours"}, "the follow-up"},
		"swaps targets":             {[]string{"@Sales Team", "@X", "@Support Team", "@Sales Team", "@X", "@Support Team"}, "stood before"},
		"swaps conditions":          {[]string{"the customer wants to buy bicycles", "@X", "a repair is not finished", "the customer wants to buy bicycles", "@X", "a repair is not finished"}, "the other way round"},
		"moves a quoted text":       {[]string{`: "Welcome to the shop."`, "", `say "See you again."`, `say "See you again." "Welcome to the shop."`}, "stood before"},
		"swaps quoted texts":        {[]string{"Welcome to the shop.", "@X", "See you again.", "Welcome to the shop.", "@X", "See you again."}, "stood before"},
		"moves a step":              {[]string{"2. Never share internal prices with anybody.\n", "2. If they are done, say \"See you again.\" and close the conversation.\n", "5. If they are done, say \"See you again.\" and close the conversation.", "5. Never share internal prices with anybody."}, "stood before"},
		"adds an action":            {[]string{"# BOUNDARIES", "6. If it is late, close the conversation.\n# BOUNDARIES"}, "is new"},
		"loses a mention":           {[]string{"assign to @Support Team", "assign it"}, `the mention "team:support Support Team" is lost`},
		"an action in place of one": {[]string{"close the conversation", "unassign the conversation"}, "the action"},
		"hides the close in quotes": {[]string{`and close the conversation`, `and "close the conversation"`}, "the action"},
		"hides it in a block":       {[]string{"3. If", "> 3. If"}, "is lost"},
	} {
		t.Run(name, func(t *testing.T) {
			text := twoWays
			for i := 0; i < len(c.change); i += 2 {
				require.Contains(t, text, c.change[i])
				text = strings.Replace(text, c.change[i], c.change[i+1], 1)
			}
			bad := rewritten(text)
			var asked []string
			_, err := optimize(answers(&asked, bad, bad, bad), twoWays)
			var refused *instructions.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Contains(t, strings.Join(refused.Faults, "; "), c.fault)
		})
	}
	// What keeps all of it in its place is taken.
	var asked []string
	text := strings.NewReplacer("Never share internal prices with anybody", "Do not share internal prices", "say \"See you again.\" and close the conversation", "close the conversation and say \"See you again.\"",
		"If the customer wants to buy bicycles", "If somebody would like to buy bicycles").Replace(twoWays)
	_, err := optimize(answers(&asked, rewritten(text)), twoWays)
	require.NoError(t, err)
}

// S11.2: an action does not go over to the case of another one; it may get a
// line of its own.
func TestOptimizeKeepsActionsTogether(t *testing.T) {
	text := "# FLOW\n1. If they buy, assign to @Sales Team.\n2. If they complain, assign to @Support Team and update lifecycle stage to Hot Lead.\n"
	moved := rewritten("# FLOW\n1. If they buy, assign to @Sales Team and update lifecycle stage to Hot Lead.\n2. If they complain, assign to @Support Team.\n")
	var asked []string
	_, err := optimize(answers(&asked, moved, moved, moved), text)
	var refused *instructions.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.Contains(t, strings.Join(refused.Faults, "; "), "stood with the action")
	asked = nil
	own := rewritten("# FLOW\n1. If they buy, assign to @Sales Team.\n2. If they complain:\n   - assign to @Support Team\n   - update lifecycle stage to Hot Lead\n")
	_, err = optimize(answers(&asked, own), text)
	assert.NoError(t, err)
}

func TestOptimizeActionPrompt(t *testing.T) {
	opts := instructions.Options{Workspace: shop()}
	prompt := "Assign to @Sales Team when they, you know, want a demo."
	var asked []string
	got, err := instructions.OptimizeActionPrompt(context.Background(), answers(&asked, rewritten("When they want a demo, assign to @Sales Team.")), "assign", prompt, opts)
	require.NoError(t, err)
	assert.Equal(t, "When they want a demo, assign to @Sales Team.", got.Text)
	assert.Contains(t, asked[0], `the action "assign"`)
	asked = nil
	bad := rewritten("When they want a demo, assign to @Support Team.")
	_, err = instructions.OptimizeActionPrompt(context.Background(), answers(&asked, bad, bad, bad), "assign", prompt, opts)
	var refused *instructions.RefusedError
	assert.ErrorAs(t, err, &refused)
}

func TestOptimizeCannot(t *testing.T) {
	boom := errors.New("boom")
	_, err := optimize(func(context.Context, string, string) (string, error) { return "", boom }, careless)
	assert.ErrorIs(t, err, boom)
	_, err = optimize(nil, careless)
	assert.ErrorContains(t, err, "agent.Writer")
	var asked []string
	for _, text := range []string{"", strings.Repeat("x", 10_001)} {
		_, err = optimize(answers(&asked), text)
		assert.ErrorContains(t, err, "empty or over the limit")
	}
	assert.Empty(t, asked, "nothing is asked in vain")
}
