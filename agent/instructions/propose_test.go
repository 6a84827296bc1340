package instructions_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// unclear has a target that is nobody, and a follow-up without a time, which
// another sentence gives.
const unclear = `# FLOW
1. If it breaks, tell the technical team.
# FOLLOW-UP
Follow up politely, with a hello from us.
We wait 2 hours before that.
`

func propose(t *testing.T, answer string) *instructions.Proposals {
	t.Helper()
	var asked []string
	got, err := instructions.Propose(context.Background(), answers(&asked, answer), unclear, instructions.Options{Workspace: shop(), Actions: allActions()})
	require.NoError(t, err)
	require.Len(t, asked, 1)
	assert.Contains(t, asked[0], "4\tFollow up politely")
	assert.Contains(t, asked[0], `1. line 2, vague-target, "the technical team"`)
	return got
}

const goodAnswer = "Sure:\n```json\n" + `[{"item": 1, "target": "@Support Team", "reason": "technical\u001b[2J\u202e \n help"},
 {"item": 2, "delay": "2h", "delay_text": "2 hours", "delay_line": 5, "message_text": "a hello from us", "message_line": 4}]` + "\n```"

func TestPropose(t *testing.T) {
	got := propose(t, goodAnswer)
	assert.Empty(t, got.Refused)
	require.Len(t, got.Items, 2)
	for _, p := range got.Items[1:] {
		assert.Equal(t, p.DelayAt.Text, unclear[p.DelayAt.Offset:p.DelayAt.End])
		assert.Equal(t, "a hello from us", unclear[p.Message.Offset:p.Message.End])
	}
	assert.Equal(t, "technical[2J help", got.Items[0].Reason) // nothing that acts on a terminal

	// Stored, read again, applied.
	data, err := json.Marshal(got)
	require.NoError(t, err)
	var stored instructions.Proposals
	require.NoError(t, json.Unmarshal(data, &stored))
	opts := instructions.Options{Workspace: shop(), Actions: allActions()}
	pb, _ := instructions.Compile(unclear, opts)
	before, err := json.Marshal(pb)
	require.NoError(t, err)
	applied, err := stored.Apply(pb, opts)
	require.NoError(t, err)
	assert.Contains(t, applied.Targets, instructions.AllowedTarget{Target: frontdesk.Target{Kind: frontdesk.TargetTeam, ID: "support", Name: "Support Team"}})
	require.Len(t, applied.Ladders, 1)
	assert.Equal(t, followup.Delay(2*time.Hour), applied.Ladders[0].Steps[0].Delay)
	assert.Equal(t, []followup.Message{{Text: "a hello from us"}}, applied.Ladders[0].Steps[0].Messages, "an example, not verbatim")
	after, err := json.Marshal(pb)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after), "the playbook itself is not changed")

	// An edit asks again.
	edited, _ := instructions.Compile(unclear+"Be kind.\n", opts)
	_, err = stored.Apply(edited, opts)
	assert.ErrorIs(t, err, instructions.ErrStaleProposals)
	_, err = stored.Apply(nil, opts)
	assert.ErrorIs(t, err, instructions.ErrStaleProposals)
	// A name that is gone since is not applied.
	ws := shop()
	ws.Teams = ws.Teams[:1]
	_, err = stored.Apply(pb, instructions.Options{Workspace: ws})
	assert.ErrorContains(t, err, "does not hold")
}

// What the model makes up is refused, with the reason.
func TestProposeRefuses(t *testing.T) {
	for answer, why := range map[string]string{
		`no idea`:                               "no JSON array",
		`[{"item": }]`:                          "no JSON array",
		`[{"item": 7, "target": "Sales Team"}]`: "no such item",
		`[{"item": 1, "target": "Technical Team"}]`: "no one name",
		`[{"item": 1}]`:                  "no one name",
		`[{"item": 2, "delay": "soon"}]`: "no time such as",
		`[{"item": 2, "delay": "2h", "delay_text": "two hours", "delay_line": 5}]`:                                                  "does not say",
		`[{"item": 2, "delay": "2h", "delay_text": "2 hours", "delay_line": 4}]`:                                                    "does not say",
		`[{"item": 2, "delay": "2h", "delay_text": "2 hours", "delay_line": 99}]`:                                                   "no line 99",
		`[{"item": 2, "delay": "3h", "delay_text": "2 hours", "delay_line": 5}]`:                                                    "is not read as 3h0m0s",
		`[{"item": 2, "delay": "2h", "delay_text": "We wait", "delay_line": 5}]`:                                                    "is not read as",
		`[{"item": 2, "delay": "48h", "delay_text": "2 hours", "delay_line": 5}]`:                                                   "not between",
		`[{"item": 2, "delay": "-2h", "delay_text": "2 hours", "delay_line": 5}]`:                                                   "not between",
		`[{"item": 2, "delay": "2h", "delay_text": "2 hours", "delay_line": 5, "message_text": "x", "message_line": 4}]`:            "does not say",
		`[{"item": 2, "delay": "2h", "delay_text": "2 hours", "delay_line": 5, "message_text": "wait 2 hours", "message_line": 5}]`: "same words",
	} {
		got := propose(t, answer)
		assert.Empty(t, got.Items, answer)
		require.Len(t, got.Refused, 1, answer)
		assert.Contains(t, got.Refused[0], why, answer)
	}
	for _, forbids := range []string{"2. Do not assign to @Support Team.\n", "# BOUNDARIES\n* Never assign to @Support Team.\n", "# BATASAN\n* Jangan pernah tetapkan ke @Support Team.\n"} {
		var asked []string
		got, err := instructions.Propose(context.Background(), answers(&asked, `[{"item": 1, "target": "Support Team"}]`), "# FLOW\n1. If it breaks, tell the technical team.\n"+forbids, instructions.Options{Workspace: shop()})
		require.NoError(t, err)
		assert.Empty(t, got.Items, "no proposal allows what the text forbids")
		assert.Contains(t, strings.Join(got.Refused, ""), `forbids to assign to "Support Team"`)
	}
	twice := propose(t, `[{"item": 1, "target": "Sales Team"}, {"item": 1, "target": "Support Team"}]`)
	assert.Len(t, twice.Items, 1)
	assert.Len(t, twice.Refused, 1)
}

// Stored proposals are data that people edit: what does not hold is not
// applied.
func TestApplyChecks(t *testing.T) {
	opts := instructions.Options{Workspace: shop(), Actions: allActions()}
	pb, _ := instructions.Compile(unclear, opts)
	for name, change := range map[string]func(p *instructions.Proposals){
		"offset":    func(p *instructions.Proposals) { p.Items[1].DelayAt.Offset++ },
		"negative":  func(p *instructions.Proposals) { p.Items[1].DelayAt.Offset = -1 },
		"past end":  func(p *instructions.Proposals) { p.Items[1].Message.End = 1 << 40 },
		"words":     func(p *instructions.Proposals) { p.Items[1].Message.Text = "give it away for free" },
		"delay":     func(p *instructions.Proposals) { p.Items[1].Delay *= 2 },
		"target":    func(p *instructions.Proposals) { p.Items[0].Target.ID = "sales" },
		"nobody":    func(p *instructions.Proposals) { p.Items[0].Target = frontdesk.Target{} },
		"place":     func(p *instructions.Proposals) { p.Items[0].Offset++ },
		"code":      func(p *instructions.Proposals) { p.Items[0].Code = "no-flow" },
		"twice":     func(p *instructions.Proposals) { p.Items = append(p.Items, p.Items[0]) },
		"smuggling": func(p *instructions.Proposals) { p.Items[1].Target = p.Items[0].Target },
	} {
		got := propose(t, goodAnswer)
		change(got)
		applied, err := got.Apply(pb, opts)
		assert.ErrorContains(t, err, "does not hold", name)
		assert.Nil(t, applied, name)
	}
	got := propose(t, goodAnswer)
	_, err := got.Apply(pb, instructions.Options{Workspace: shop(), Actions: []instructions.EnabledAction{}})
	assert.ErrorContains(t, err, "not enabled")
}

// Nothing unclear: nobody is asked. A writer's error is passed on.
func TestProposeCannot(t *testing.T) {
	boom := errors.New("boom")
	w := func(context.Context, string, string) (string, error) { return "", boom }
	_, err := instructions.Propose(context.Background(), w, unclear, instructions.Options{Workspace: shop()})
	assert.ErrorIs(t, err, boom)
	got, err := instructions.Propose(context.Background(), w, "# FLOW\n1. Greet.\n", instructions.Options{})
	require.NoError(t, err)
	assert.Empty(t, got.Items)
	_, err = instructions.Propose(context.Background(), nil, unclear, instructions.Options{})
	assert.ErrorContains(t, err, "agent.Writer")
}

// S8.1: at most five follow-ups, proposed ones among them.
func TestProposeKeepsLimits(t *testing.T) {
	text := strings.Replace(unclear, "# FOLLOW-UP\n", "# FOLLOW-UP\nIf there is no reply, follow up after 1, 2, 3, 4 and 5 hours.\n# FOLLOW-UP RULES\n", 1)
	opts := instructions.Options{Workspace: shop(), Actions: allActions()}
	_, diags := instructions.Compile(text, opts)
	item := 0
	for _, d := range diags {
		if d.Code == "vague-target" || strings.HasPrefix(d.Code, "followup-no") {
			item++
			if strings.HasPrefix(d.Code, "followup-no") {
				break
			}
		}
	}
	var asked []string
	answer, err := json.Marshal([]map[string]any{{"item": item, "delay": "2h", "delay_text": "2 hours", "delay_line": 7}})
	require.NoError(t, err)
	got, err := instructions.Propose(context.Background(), answers(&asked, string(answer)), text, opts)
	require.NoError(t, err)
	assert.Empty(t, got.Items)
	require.Len(t, got.Refused, 1, "%v", diags)
	assert.Contains(t, got.Refused[0], "at most 5")
}

// No answer of a model makes it panic, and what is taken can be applied.
func FuzzPropose(f *testing.F) {
	f.Add(unclear, goodAnswer)
	f.Add(unclear, `[{"item":2,"delay":"2h","delay_text":"2 hours","delay_line":5}]`)
	compileShop("") // loads the vocabulary before the first input: see FuzzCompile
	f.Fuzz(func(t *testing.T, text, answer string) {
		opts := instructions.Options{Workspace: shop()}
		w := func(context.Context, string, string) (string, error) { return answer, nil }
		got, err := instructions.Propose(context.Background(), w, text, opts)
		require.NoError(t, err)
		pb, _ := instructions.Compile(text, opts)
		_, err = got.Apply(pb, opts)
		require.NoError(t, err)
		_, _ = instructions.Optimize(context.Background(), w, text, opts)
	})
}
