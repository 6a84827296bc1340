package followup_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/followup"
)

func TestValidate(t *testing.T) {
	step := func(change func(*followup.Step)) followup.Ladder {
		s := followup.Step{Delay: followup.Delay(time.Hour)}
		change(&s)
		return followup.Ladder{Steps: []followup.Step{s}}
	}
	message := func(text string) followup.Ladder {
		return step(func(s *followup.Step) { s.Messages = []followup.Message{{Text: text}} })
	}
	action := func(a followup.Action) followup.Ladder {
		return step(func(s *followup.Step) { s.Actions = []followup.Action{a} })
	}
	for _, c := range []struct {
		name   string
		ladder followup.Ladder
		want   string // empty: valid
	}{
		{"the LLM writes", step(func(*followup.Step) {}), ""},
		{"24 hours are allowed", delays(24 * time.Hour), ""}, // S8.1
		{"a nanosecond more is not", delays(24*time.Hour + 1), "longer than 24h0m0s since the message before"},
		{"negative", delays(-1), "is negative"},
		{"first without", delays(0, time.Hour), "the first step has no delay"},
		{"a later one inherits", delays(time.Hour, 0, 0), ""}, // S8.6
		{"no steps", delays(), "there are no steps"},
		{"mode", step(func(s *followup.Step) { s.Mode = "random" }), `mode "random" does not exist`},
		{"silent close", step(func(s *followup.Step) { s.Silent, s.Actions = true, []followup.Action{{Name: "close_conversation"}} }), ""},
		{"silent for nothing", step(func(s *followup.Step) { s.Silent = true }), "does nothing"},
		{"silent with messages", step(func(s *followup.Step) { s.Silent, s.Messages = true, []followup.Message{{Text: "x"}} }), "is silent and has messages"},
		{"message", message("Hi $contact.firstname|there"), ""},
		{"empty message", message(" \n"), "message 1 is empty"},
		{"NUL", message("a\x00"), "not valid UTF-8"},
		{"bad UTF-8", message("a\xff"), "not valid UTF-8"},
		{"action", action(followup.Action{Name: "assign", Method: "least_open", Args: json.RawMessage(`{}`)}), ""},
		{"action without a name", action(followup.Action{}), "action 1 has no name"},
		{"method", action(followup.Action{Name: "assign", Method: "randomly"}), `the method "randomly"`},
		{"arguments", action(followup.Action{Name: "quote", Args: json.RawMessage(`{`)}), "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := followup.Validate(c.ladder)
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, "followup: ")
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// S8.1: five steps over all ladders; an untimed one at the end does not count.
func TestValidateCountsOverAllLadders(t *testing.T) {
	h := time.Hour
	assert.NoError(t, followup.ValidateAll(nil))
	assert.NoError(t, followup.Validate(delays(h, h, h, h, h)))
	assert.NoError(t, followup.Validate(delays(h, h, h, h, h, 0)))
	assert.ErrorContains(t, followup.Validate(delays(h, h, h, h, h, h)), "6 steps are more than the 5")
	assert.ErrorContains(t, followup.Validate(delays(h, h, h, h, 0, h)), "6 steps", "untimed, but not at the end")
	assert.NoError(t, followup.ValidateAll([]followup.Ladder{delays(h, h, 0), delays(h, h, h, 0)}))
	assert.ErrorContains(t, followup.ValidateAll([]followup.Ladder{delays(h, h, h), delays(h, h, h)}), "remove 1")

	inherited := delays(h, h)
	inherited.Steps[1].Inherited = true
	assert.Equal(t, 1, inherited.Counted(), "as compiled: the delay is filled in")
	assert.Equal(t, 1, delays(0).Counted(), "a step that stands alone is a follow-up")
	assert.Equal(t, 0, delays().Counted())
}

// All faults at once, and where each is.
func TestValidateReportsEveryFault(t *testing.T) {
	bad := delays(0, -1)
	err := followup.ValidateAll([]followup.Ladder{{}, bad})
	require.Error(t, err)
	assert.Equal(t, "followup: ladder 1: there are no steps: add one, or leave the ladder out\n"+
		"followup: ladder 2: step 1: the first step has no delay: give one\n"+
		"followup: ladder 2: step 2: the delay -1ns is negative: give one above 0", err.Error())
}

func TestDelayAsJSON(t *testing.T) {
	for text, want := range map[string]time.Duration{`""`: 0, `"2m0s"`: 2 * time.Minute, `"1h30m"`: 90 * time.Minute} {
		var d followup.Delay
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		assert.Equal(t, followup.Delay(want), d)
		again, err := json.Marshal(d)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(again, &d))
		assert.Equal(t, followup.Delay(want), d)
	}
	var d followup.Delay
	assert.ErrorContains(t, json.Unmarshal([]byte(`"soon"`), &d), "write one such as")
	assert.ErrorContains(t, json.Unmarshal([]byte(`120`), &d), "a delay is a duration")
}
