package session

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/workspacefile"
)

const prompt = `# FLOW
1. Greet the contact (name: $contact.firstname, plan: $contact.plan).
2. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.
3. If they are done, close the conversation with the closing note "Issue Resolved".
# FOLLOW-UP
If there is no reply after 2 minutes, say "Still there?". If there is still no reply after another 5 minutes, say "Bye" and close the conversation.
`

// system is a clock that a test moves in place of the machine's.
type system struct{ now time.Time }

func (s *system) Now() time.Time { return s.now }

// A running clock goes by the machine's, can be moved ahead of it, and never
// goes back.
func TestRunningClock(t *testing.T) {
	machine := &system{Start}
	c := NewRunningClock(machine)
	assert.Equal(t, Start, c.Now())
	machine.now = machine.now.Add(time.Second)
	assert.Equal(t, Start.Add(time.Second), c.Now())
	c.Set(Start.Add(time.Hour))
	machine.now = machine.now.Add(time.Second)
	assert.Equal(t, Start.Add(time.Hour+time.Second), c.Now())
	c.Set(Start)
	assert.Equal(t, Start.Add(time.Hour+time.Second), c.Now())
}

// Without a workspace file, a prompt's own names are enough to run it.
func TestWorkspaceOfPrompt(t *testing.T) {
	ws := workspaceOf(prompt)
	require.NoError(t, ws.Validate())
	assert.Equal(t, []frontdesk.Team{{Name: "Sales Team", Members: []string{"user-1"}}}, ws.Teams)
	assert.Equal(t, []string{"Hot Lead"}, ws.LifecycleStages)
	assert.Equal(t, []string{"Issue Resolved"}, ws.ClosingNotes)
	assert.Equal(t, []frontdesk.Field{{ID: "plan"}}, ws.Fields, "the standard ones exist already")
}

// Each thing that falls due while time passes happens at its own time, and
// one long step is the same as many short ones. S8.3, S8.11
func TestAdvance(t *testing.T) {
	for name, steps := range map[string][]time.Duration{
		"one":  {time.Hour},
		"many": {time.Minute, time.Minute, 5 * time.Minute, 53 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			script := &Script{}
			script.Add(Step{Text: "Hello!"}, Step{Text: "They did not answer."})
			var at []time.Duration
			var sent []string
			clock := NewClock()
			s, err := New(Config{
				Prompt: prompt, LLM: script, Clock: clock,
				OnTurn:    func(agent.Turn) { at = append(at, clock.Now().Sub(Start)) },
				OnMessage: func(m agent.Outbound) { sent = append(sent, m.Text) },
			})
			require.NoError(t, err)
			require.NoError(t, s.Say(t.Context(), "Hi"))
			for _, d := range steps {
				require.NoError(t, s.Advance(t.Context(), d))
			}
			assert.Equal(t, []time.Duration{0, 2 * time.Minute, 7 * time.Minute}, at)
			assert.Equal(t, []string{"Hello!", "Still there?", "Bye"}, sent)
			assert.Equal(t, Start.Add(time.Hour), clock.Now())
			assert.Empty(t, script.Unused())
		})
	}
}

func file(t *testing.T, text string) *workspacefile.File {
	t.Helper()
	f, err := workspacefile.Parse("w.yaml", []byte(text))
	require.NoError(t, err)
	return f
}

const twoAgents = `
users: [{id: ana, name: Ana}]
teams: [{id: sales, name: Sales Team, members: [ana]}]
ai_agents:
  - {name: Silent}
  - {id: b, name: Speaking, instructions: "# FLOW\n1. If asked, assign to @Silent.", actions: [{action: assign}, {action: quote}]}
`

// Who answers: the named agent, the first that has instructions, or one that
// the prompt alone makes.
func TestCast(t *testing.T) {
	f := file(t, twoAgents)
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{File: f}, "Speaking"},
		{Config{File: f, Agent: "b"}, "Speaking"},
		{Config{File: f, Agent: "Silent", Prompt: "# FLOW\n1. Hi."}, "Silent"},
		{Config{File: f, Prompt: "# FLOW\n1. Hi."}, "Agent"},
		{Config{Prompt: "# FLOW\n1. Hi."}, "Agent"},
	} {
		c.cfg.LLM = &Script{}
		s, err := New(c.cfg)
		require.NoError(t, err)
		assert.Equal(t, c.want, s.Agent.Name())
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{File: f, Agent: "Nobody"}, "no AI agent"},
		{Config{File: f, Agent: "Silent"}, "no instructions for"},
		{Config{File: file(t, "tags: [a]")}, "no agent with instructions"},
		{Config{}, "no Instructions"},
		{Config{File: file(t, `ai_agents: [{name: A, instructions: "1. If asked, assign to @Nobody."}]`)}, "unknown-mention"},
	} {
		c.cfg.LLM = &Script{}
		_, err := New(c.cfg)
		require.ErrorContains(t, err, c.want)
	}
}

func TestTargets(t *testing.T) {
	s, err := New(Config{File: file(t, twoAgents), LLM: &Script{}})
	require.NoError(t, err)
	for name, want := range map[string]frontdesk.Target{
		"Sales Team": {Name: "Sales Team"}, "team:sales": {Kind: frontdesk.TargetTeam, ID: "sales"},
		"any team": {Kind: frontdesk.TargetAnyTeam}, "nobody": {Kind: frontdesk.TargetNobody},
	} {
		assert.Equal(t, want, s.Target(name))
	}
	id, err := s.User("Ana")
	require.NoError(t, err)
	assert.Equal(t, "ana", id)
	_, err = s.User("Eve")
	require.ErrorContains(t, err, "no user")
}

func TestScript(t *testing.T) {
	l := &Script{}
	call, err := ParseCall("assign")
	require.NoError(t, err)
	require.ErrorContains(t, l.Amend(call), "no answer to add a call to")
	for _, line := range []string{`say one\ntwo \\n`, `call assign {"a": 1}`, "fail refused by a filter"} {
		step, err := ParseStep(line)
		require.NoError(t, err)
		l.Add(step)
	}
	require.ErrorContains(t, l.Amend(call), "no answer", "a failure has no calls")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Generate(ctx, &agent.Request{})
	require.ErrorIs(t, err, context.Canceled)
	resp, err := l.Generate(t.Context(), &agent.Request{System: "S"})
	require.NoError(t, err, "a cancelled request uses no answer up")
	assert.Equal(t, "one\ntwo \\n", resp.Text)
	assert.Equal(t, "S", l.System())
	resp, err = l.Generate(t.Context(), &agent.Request{})
	require.NoError(t, err)
	assert.Equal(t, agent.StopCalls, resp.Stop)
	assert.JSONEq(t, `{"a": 1}`, string(resp.Calls[0].Arguments))
	_, err = l.Generate(t.Context(), &agent.Request{})
	var failure *agent.LLMError
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, agent.LLMRefused, failure.Kind)
	_, err = l.Generate(t.Context(), &agent.Request{})
	require.ErrorContains(t, err, "no answer left")
	assert.Equal(t, 1, l.TakeMissing())
	assert.Zero(t, l.TakeMissing())
	for line, want := range map[string]string{"": "no answer of an LLM", "call": "name the action", "fail": "no kind of failure", "fail often": "no kind of failure"} {
		_, err := ParseStep(line)
		require.ErrorContains(t, err, want, line)
	}
}
