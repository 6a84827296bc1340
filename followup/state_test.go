package followup_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/followup"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func delays(ds ...time.Duration) followup.Ladder {
	var l followup.Ladder
	for _, d := range ds {
		l.Steps = append(l.Steps, followup.Step{Delay: followup.Delay(d)})
	}
	return l
}

func arm(t *testing.T, l followup.Ladder, o followup.ArmOptions) followup.State {
	t.Helper()
	s, ok := followup.Arm(l, o)
	require.True(t, ok)
	return s
}

func due(t *testing.T, s followup.State) time.Time {
	t.Helper()
	at, ok := s.Due()
	require.True(t, ok, "%+v", s)
	return at
}

// S8.6
func TestArmFillsDelays(t *testing.T) {
	minute, hour := time.Minute, time.Hour
	for _, c := range []struct {
		name    string
		ladder  followup.Ladder
		def     time.Duration
		want    []time.Duration // nil: not armed
		inherit []bool
	}{
		{"own times", delays(minute, hour), 0, []time.Duration{minute, hour}, []bool{false, false}},
		{"the previous one", delays(minute, 0, hour, 0), 0, []time.Duration{minute, minute, hour, hour}, []bool{false, true, false, true}},
		{"no time, no default", delays(0, 0), 0, nil, nil},
		{"no time, a default", delays(0, 0), hour, []time.Duration{hour, hour}, []bool{true, true}},
		{"first without, a default", delays(0, minute), hour, []time.Duration{hour, minute}, []bool{true, false}},
		{"first without, no default", delays(0, minute, 0), 0, []time.Duration{minute, minute, minute}, []bool{true, false, true}},
		{"a default changes no time that is given", delays(minute), hour, []time.Duration{minute}, []bool{false}},
		{"no steps", delays(), hour, nil, nil},
		{"negative is none", delays(-minute), -hour, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := json.Marshal(c.ladder)
			require.NoError(t, err)
			s, ok := followup.Arm(c.ladder, followup.ArmOptions{DefaultDelay: c.def, At: noon})
			require.Equal(t, c.want != nil, ok)
			for i, step := range s.Ladder.Steps {
				assert.Equal(t, followup.Delay(c.want[i]), step.Delay, "step %d", i)
				assert.Equal(t, c.inherit[i], step.Inherited, "step %d", i)
			}
			after, err := json.Marshal(c.ladder)
			require.NoError(t, err)
			assert.JSONEq(t, string(before), string(after), "the caller's ladder is left alone")
		})
	}
}

// S8.2: nothing is due before the outcome of the message before is known, and
// the delay counts from when it became known.
func TestOutcomeIsAwaited(t *testing.T) {
	s := arm(t, delays(2*time.Minute, 2*time.Minute), followup.ArmOptions{After: "m1", At: noon, Agent: "sales", Epoch: 4})
	_, ok := s.Due()
	assert.False(t, ok)
	assert.Equal(t, s, s.Settled("m0", noon), "an ID that is not awaited changes nothing")
	assert.Equal(t, s, s.Settled("", noon))
	assert.Equal(t, s, s.Fired(noon, "m2"), "what was not due cannot have fired")
	_, i, ok := s.Next()
	assert.True(t, ok)
	assert.Equal(t, 0, i)

	s = s.Settled("m1", noon.Add(time.Hour))
	assert.Equal(t, noon.Add(time.Hour+2*time.Minute), due(t, s))
	assert.Equal(t, s, s.Settled("m1", noon.Add(2*time.Hour)), "reported twice, counted once")
	assert.Equal(t, "sales", s.Agent)
	assert.Equal(t, int64(4), s.Epoch)
}

// S8.9, protocol rule 8: an outage never ends in a burst.
func TestOutageNeverEndsInABurst(t *testing.T) {
	s := arm(t, delays(2*time.Minute, 2*time.Minute, 2*time.Minute), followup.ArmOptions{At: noon})
	back := noon.Add(10 * time.Hour)
	assert.True(t, due(t, s).Before(back))
	s = s.Fired(back, "m2")
	_, ok := s.Due()
	assert.False(t, ok, "the second step waits for the first one's message")
	left := back.Add(5 * time.Hour) // the channel was down as well
	s = s.Settled("m2", left)
	assert.Equal(t, left.Add(2*time.Minute), due(t, s))
	assert.Equal(t, 1, s.Step)
}

// I29 to I32: a clock that goes back fires nothing twice, one that goes
// forward hurries one step at most.
func TestClockJumps(t *testing.T) {
	s := arm(t, delays(time.Hour, time.Hour), followup.ArmOptions{At: noon})
	forward := noon.Add(1000 * time.Hour)
	s = s.Fired(forward, "")
	assert.False(t, due(t, s).Before(forward.Add(time.Hour)), "only one step was hurried")

	s = arm(t, delays(time.Hour, time.Hour), followup.ArmOptions{At: noon})
	s = s.Fired(noon.Add(time.Hour), "m2")
	s = s.Settled("m2", noon.Add(-24*time.Hour)) // the clock was corrected
	_, i, _ := s.Next()
	assert.Equal(t, 1, i, "the first step does not come again")
	assert.Equal(t, noon.Add(-23*time.Hour), due(t, s))
}

func TestEnd(t *testing.T) {
	s := arm(t, delays(time.Minute, time.Minute), followup.ArmOptions{After: "m1", At: noon})
	e := s.End("the contact wrote")
	assert.True(t, e.Done())
	_, ok := e.Due()
	assert.False(t, ok)
	_, _, ok = e.Next()
	assert.False(t, ok)
	assert.Equal(t, e, e.End("closed"), "the first reason stays")
	assert.Equal(t, e, e.Settled("m1", noon))
	assert.Equal(t, e, e.Fired(noon, "m2"))
	assert.False(t, s.Done(), "a state is a value")
	assert.Equal(t, "ended", s.End("").Ended)

	var zero followup.State
	assert.True(t, zero.Done())
	assert.Equal(t, zero, zero.Fired(noon, "m").Settled("m", noon).End("x"))
	broken := s
	broken.Step = -1 // from a damaged row
	assert.True(t, broken.Done())
}

// After the last step no outcome is awaited.
func TestFiredLast(t *testing.T) {
	s := arm(t, delays(time.Minute), followup.ArmOptions{At: noon}).Fired(noon.Add(2*time.Hour), "last")
	assert.True(t, s.Done())
	assert.Empty(t, s.After)
}

// S8.9: a state survives a restart as JSON, and adds little to its ladder.
func TestStateAsJSON(t *testing.T) {
	l := seedLadder()
	s := arm(t, l, followup.ArmOptions{After: "0190b3c6-0000-7000-8000-000000000000", Agent: "Lead Qualification Agent", Epoch: 1 << 60, At: noon})
	for range 3 {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var back followup.State
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, s, back)
		own, err := json.Marshal(s.Ladder)
		require.NoError(t, err)
		assert.Less(t, len(data)-len(own), 500)
		s = s.Settled(s.After, noon.In(time.FixedZone("WIB", 7*3600))).Fired(noon, "m")
	}
}

// S8.11: days pass in microseconds.
func TestFiveDays(t *testing.T) {
	const day = followup.MaxDelay
	now := noon
	s := arm(t, delays(day, day, day, day, day), followup.ArmOptions{At: now})
	for i := range 5 {
		now = due(t, s)
		assert.Equal(t, noon.Add(time.Duration(i+1)*day), now)
		_, n, _ := s.Next()
		assert.Equal(t, i, n)
		id := fmt.Sprint("m", i)
		s = s.Fired(now, id).Settled(id, now)
	}
	assert.True(t, s.Done())
	assert.Equal(t, 5, s.Step)
}

// model is the state machine told once more, as plainly as possible: what is
// left, and when the wait for the first of it began.
type model struct {
	left    []time.Duration
	awaited string
	since   time.Time
}

func (m *model) fire(at time.Time, id string) {
	if len(m.left) == 0 || m.awaited != "" {
		return
	}
	m.left = m.left[1:]
	m.since = at
	if len(m.left) > 0 {
		m.awaited = id
	}
}

func (m *model) settle(id string, at time.Time) {
	if id != "" && id == m.awaited {
		m.awaited, m.since = "", at
	}
}

func checkAgainstModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 8))
	var ds []time.Duration
	for range 1 + rng.IntN(6) {
		ds = append(ds, time.Duration(1+rng.Int64N(int64(followup.MaxDelay))))
	}
	ids := []string{"", "m1", "m2", "m3"}
	now, first := noon, ids[rng.IntN(4)]
	s := arm(t, delays(ds...), followup.ArmOptions{After: first, At: now})
	m := model{left: ds, awaited: first, since: now}
	for range 40 {
		now = now.Add(time.Duration(rng.Int64N(int64(50*time.Hour))) - 5*time.Hour) // clocks go back, too
		step := s.Step
		switch id := ids[rng.IntN(4)]; rng.IntN(4) {
		case 0, 1:
			s = s.Settled(id, now)
			m.settle(id, now)
		case 2:
			s = s.Fired(now, id)
			m.fire(now, id)
		default:
			s = s.Fired(now, "")
			m.fire(now, "")
		}
		require.Equal(t, len(m.left) == 0, s.Done())
		require.Equal(t, len(ds)-len(m.left), s.Step)
		require.True(t, s.Step == step || s.Step == step+1, "one step at a time, never back")
		at, ok := s.Due()
		require.Equal(t, len(m.left) > 0 && m.awaited == "", ok)
		if ok {
			require.True(t, at.Equal(m.since.Add(m.left[0])))
		}
	}
}

func TestStateAgainstModel(t *testing.T) {
	for seed := range uint64(2000) {
		checkAgainstModel(t, seed)
	}
}

func FuzzState(f *testing.F) {
	f.Add(uint64(1 << 40))
	f.Fuzz(checkAgainstModel)
}

// seedLadder is the ladder of a common prompt: a reminder after two minutes
// and, if there is still no reply, a goodbye with the close after two more.
func seedLadder() followup.Ladder {
	return followup.Ladder{Steps: []followup.Step{
		{Delay: followup.Delay(2 * time.Minute), Mode: followup.Alternatives, Messages: []followup.Message{
			{Text: "Hey, are you still there?"}, {Text: "No rush, just checking."},
		}},
		{Messages: []followup.Message{{Text: "I'll close the conversation for now. Reach out any time!", Verbatim: true}},
			Actions: []followup.Action{{Name: "update_stage", Value: "Cold Lead"}, {Name: "close_conversation"}}},
	}}
}

func ExampleState() {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	state, _ := followup.Arm(seedLadder(), followup.ArmOptions{After: "reply", At: now})
	for lastMessage := "reply"; !state.Done(); {
		if _, ok := state.Due(); !ok { // the message before has just left
			state = state.Settled(lastMessage, now)
		}
		now, _ = state.Due()
		step, i, _ := state.Next()
		fmt.Printf("%s step %d: %s\n", now.Format("15:04"), i+1, step.Messages[0].Text)
		for _, a := range step.Actions {
			fmt.Println("      then", a.Name, a.Value)
		}
		lastMessage = fmt.Sprint("follow-up ", i+1)
		state = state.Fired(now, lastMessage)
	}
	// Output:
	// 09:02 step 1: Hey, are you still there?
	// 09:04 step 2: I'll close the conversation for now. Reach out any time!
	//       then update_stage Cold Lead
	//       then close_conversation
}

func BenchmarkState(b *testing.B) {
	l := seedLadder()
	b.ReportAllocs()
	for b.Loop() {
		s, _ := followup.Arm(l, followup.ArmOptions{After: "m1", At: noon})
		s = s.Settled("m1", noon)
		at, _ := s.Due()
		if s = s.Fired(at, "m2"); s.Step != 1 {
			b.Fatal("the first step did not fire")
		}
	}
}
