package frontdesk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every fault of a workspace is reported at once.
func TestWorkspaceValidate(t *testing.T) {
	w := Workspace{
		Teams:           []Team{{ID: "t", Name: "T", Members: []string{"ana", "ana", "ghost"}}, {ID: "t", Name: "U"}, {ID: "x"}},
		Users:           []User{{ID: "ana", Name: "Ana"}},
		Fields:          []Field{{ID: "size", Type: "colour"}, {ID: "Si_ze"}},
		LifecycleStages: []string{"New", "New"},
		TimeZone:        "Mars/Olympus",
	}
	err := w.Validate()
	require.Error(t, err)
	for _, want := range []string{"twice", "ghost", `two teams have the ID "t"`, "a team has no name", "colour", "two fields", "two lifecycle stages", "Mars/Olympus"} {
		assert.ErrorContains(t, err, want)
	}
	for range 20 { // the faults of names come in one order
		err := (&Workspace{LifecycleStages: []string{"New", "New"}, ClosingNotes: []string{"Done", "Done"}, Tags: []string{""}}).Validate()
		require.EqualError(t, err, "frontdesk: workspace: two lifecycle stages are called \"New\": leave one out\n"+
			"frontdesk: workspace: two closing notes are called \"Done\": leave one out\nfrontdesk: workspace: a tag has no name: give it one")
	}
	require.NoError(t, (&Workspace{}).Validate(), "the zero value is valid")
	require.NoError(t, (&Workspace{TimeZone: "Asia/Jakarta"}).Validate())
}

// S1: the standard fields are there without being listed, and can be given
// another type.
func TestAllFields(t *testing.T) {
	w := Workspace{Fields: []Field{{ID: "E-Mail", Type: TypeText}, {Name: "Company Size", Type: TypeNumber}}}
	fields := map[string]Field{}
	for _, f := range w.AllFields() {
		fields[f.Key()] = f
	}
	assert.Len(t, fields, 8)
	assert.Equal(t, TypeText, fields["E-Mail"].Kind(), "one listed takes the place of the standard one")
	assert.Equal(t, TypeNumber, fields["company_size"].Kind())
	assert.Equal(t, TypePhone, fields["phone"].Kind())
}

// S4.1: look-up ignores case and underscores.
func TestContactField(t *testing.T) {
	c := Contact{Fields: map[string]Value{"first_name": Text("Ana"), "email": Text("a@example.com")}}
	assert.Equal(t, "Ana", c.Field("FirstName").String())
	assert.Equal(t, "a@example.com", c.Field("EMAIL").String())
	assert.True(t, c.Field("phone").IsZero())
}

func TestContactClone(t *testing.T) {
	c := Contact{Fields: map[string]Value{"a": Text("1")}, Tags: []string{"x"}, Identities: []Identity{{"wa", "1"}}}
	d := c.Clone()
	d.Fields["a"], d.Tags[0], d.Identities[0].Address = Text("2"), "y", "2"
	assert.Equal(t, "1", c.Field("a").String())
	assert.Equal(t, "x", c.Tags[0])
	assert.Equal(t, "1", c.Address("wa"))
}

// The names that an LLM writes, and that people read of it. S5.2.
func TestTargetLabel(t *testing.T) {
	for target, want := range map[Target]string{
		{Kind: TargetTeam, ID: "sales", Name: "Sales Team"}: "Sales Team",
		{Kind: TargetUser, ID: "12"}:                        "user:12",
		{Kind: TargetAnyTeam}:                               "any team",
		{Kind: TargetAnyone, Name: "x"}:                     "anyone",
		{Kind: TargetNobody}:                                "nobody",
		{}:                                                  "",
	} {
		assert.Equal(t, want, target.Label())
	}
}

func TestTarget(t *testing.T) {
	for _, s := range []string{"team:sales", "user:a:b", "ai_agent:x", "any_team", "anyone", "nobody"} {
		target, err := ParseTarget(s)
		require.NoError(t, err)
		assert.Equal(t, s, target.String())
	}
	for _, s := range []string{"", "team", "team:", "nobody:x", "role:admin"} {
		_, err := ParseTarget(s)
		require.Error(t, err, s)
	}
	assert.True(t, Target{Kind: TargetTeam, ID: "s", Name: "A"}.Same(Target{Kind: TargetTeam, ID: "s"}))
}

// S10.1: statuses never go backwards.
func TestDeliveryStatusNeverGoesBack(t *testing.T) {
	all := []DeliveryStatus{Queued, Sending, Unknown, Sent, Failed, Cancelled, Delivered, Read}
	for _, s := range all {
		assert.False(t, s.Before(s))
		for _, next := range all {
			assert.False(t, s.Before(next) && next.Before(s), "%s and %s", s, next)
			if s == Failed || s == Cancelled {
				assert.False(t, s.Before(next))
			}
		}
	}
	assert.True(t, Unknown.Before(Delivered), "a receipt proves it")
	assert.False(t, Read.Before(Delivered))
	assert.False(t, Queued.Settled())
	assert.True(t, Unknown.Settled())
}
