package instructions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// TestForbiddenTargets holds wordings of a prohibition to what they forbid and
// no more: the targets of the other lines stay. S6.4, grammar 17.
func TestForbiddenTargets(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		targets    []string
	}{
		{"words between", "# FLOW\n1. Do not, under any circumstances, assign to @A Team.\n2. You must not, even if asked, assign to @B Team.", nil},
		{"somebody else does not", "# FLOW\n1. If they do not, assign to @A Team.", []string{"A Team"}},
		{"forbidden from", "# FLOW\n1. You are forbidden from assigning to @A Team.", nil},
		{"behind the verb", "# FLOW\n1. Assigning to @A Team is prohibited.", nil},
		{"a negated condition behind the verb", "# FLOW\n1. Assign to @A Team if a refund is not allowed.", []string{"A Team"}},
		{"a negated condition in French", "# FLUX\n1. Attribuez à @A Team si le client ne répond pas à la question.", []string{"A Team"}},
		{"a double negation", "# FLOW\n1. If they ask, do not hesitate to assign to @A Team.\n2. If they buy, don't forget to assign to @B Team.\n3. Jika diminta, jangan ragu untuk tetapkan ke @C Team.", []string{"A Team", "B Team", "C Team"}},
		{"don'ts", "# FLOW\n1. Greet.\n# DON'TS\n- assign to @A Team\n# WHAT NOT TO DO\n- assign to @B Team", nil},
		{"behind a nested list", "# RULES\n- Never:\n  - assign to @A Team\n- If they are angry, assign to @B Team", []string{"B Team"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := instructions.Compile(tt.text, instructions.Options{})
			var got []string
			for _, a := range p.Actions {
				got = append(got, a.Target)
			}
			assert.Equal(t, tt.targets, got)
		})
	}
}

// TestDomainsAreNoMentions: grammar 4, in capitals too.
func TestDomainsAreNoMentions(t *testing.T) {
	p, _ := instructions.Compile("# FLOW\n1. Update the email field only if it ends with @CompanyName.com or @ACME.COM.\n2. If they buy, assign to @Sales.Then close.", instructions.Options{})
	require.Len(t, p.Mentions, 1)
	assert.Equal(t, "Sales", p.Mentions[0].Name)
}

// TestRhythm: how often a follow-up is repeated may stand behind a comma, and a
// time before its silence phrase has its own position. Grammar 12 and 16.
func TestRhythm(t *testing.T) {
	p, _ := instructions.Compile("# FOLLOW-UP\nFollow up 3 times, every 2 hours, then close the conversation.", instructions.Options{})
	require.Len(t, p.Ladders, 1)
	var got []string
	for _, s := range p.Ladders[0].Steps {
		got = append(got, time.Duration(s.Delay).String())
	}
	assert.Equal(t, []string{"2h0m0s", "2h0m0s", "2h0m0s", "2h0m0s"}, got)

	text := "# FOLLOW-UP\n1. 5 minutes without an answer → \"still there?\"\n2. 10 minutes without an answer → close"
	_, ds := instructions.Compile(text, instructions.Options{})
	found := false
	for _, d := range ds {
		if d.Code == "followup-ambiguous-delay" {
			found = true
			assert.Equal(t, "10 minutes", text[d.Offset:d.End])
		}
	}
	assert.True(t, found)
}
