package instructions_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// label is what a person found in a prompt.
type label struct {
	File     string `json:"file"`
	Sections []struct {
		Kind string `json:"kind"`
	} `json:"sections"`
	FlowSteps *int `json:"flow_steps"`
	Mentions  []struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
	} `json:"mentions"`
	Variables []struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
	} `json:"variables"`
	Actions   []string `json:"actions"`
	Routing   []string `json:"routing"`
	FollowUps []struct {
		Delay    *int     `json:"delay_s"`
		Messages []string `json:"messages"`
		Actions  []string `json:"actions"`
	} `json:"followups"`
	Boundaries struct {
		Can    int `json:"can"`
		Cannot int `json:"cannot"`
	} `json:"boundaries"`
	Closing struct {
		Summary string   `json:"summary"`
		Notes   []string `json:"closing_notes"`
	} `json:"closing"`
}

// labelled kinds and actions have other names in the playbook.
var renamed = map[string]string{
	"scenario": "scenarios", "followup": "follow_up", "objective": "context",
	"update_contact_field": "update_field", "update_lifecycle": "update_stage",
}

func rename(s string) string {
	if r, ok := renamed[s]; ok {
		return r
	}
	return s
}

// TestLabels holds the compiler to what people found in real prompts, of many
// languages and styles. S2, S8, grammar.
func TestLabels(t *testing.T) {
	data, err := os.ReadFile("testdata/labels.json")
	require.NoError(t, err)
	var labels []label
	require.NoError(t, json.Unmarshal(data, &labels))
	require.NotEmpty(t, labels)
	for _, l := range labels {
		name := strings.TrimSuffix(l.File, ".md")
		t.Run(name, func(t *testing.T) {
			a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
			require.NoError(t, err)
			p, _ := instructions.Compile(section(a, l.File), instructions.Options{Workspace: shop()})
			checkShape(t, l, p)
			checkFinds(t, l, p)
			checkLadder(t, l, p)
		})
	}
}

func checkShape(t *testing.T, l label, p *instructions.Playbook) {
	var want, got []string
	for _, s := range l.Sections {
		want = append(want, rename(s.Kind))
	}
	for _, s := range p.Sections {
		if s.Title != "" {
			got = append(got, string(s.Kind))
		}
	}
	assert.Equal(t, want, got, "sections")
	// The steps of this prompt stand under its rules; it has no flow.
	if l.FlowSteps != nil && l.File != "pt-11-adapted-imobiliaria-clara.md" {
		steps := 0
		for _, s := range p.Sections {
			if s.Kind == instructions.SectionFlow {
				steps += len(s.Steps)
			}
		}
		assert.Equal(t, *l.FlowSteps, steps, "steps of the flow")
	}
	assert.Len(t, p.Boundaries.Can, l.Boundaries.Can, "can")
	assert.Len(t, p.Boundaries.Cannot, l.Boundaries.Cannot, "cannot")
}

func checkFinds(t *testing.T, l label, p *instructions.Playbook) {
	count := map[string]int{}
	for _, m := range p.Mentions {
		count["@"+strings.ToLower(m.Name)]++
	}
	for _, v := range p.Variables {
		count["$"+v.Name]++
	}
	want := map[string]int{}
	for _, m := range l.Mentions {
		want["@"+strings.ToLower(m.Name)] += m.Count
	}
	for _, v := range l.Variables {
		want["$"+v.Name] += v.Count
	}
	assert.Equal(t, want, count, "mentions and variables")

	var actions, methods []string
	for _, s := range p.Actions {
		actions = append(actions, s.Name)
		if s.Method != "" {
			methods = append(methods, s.Method)
		}
	}
	var wantActions []string
	for _, a := range l.Actions {
		wantActions = append(wantActions, rename(a))
	}
	assert.ElementsMatch(t, unique(wantActions), unique(actions), "actions")
	assert.ElementsMatch(t, l.Routing, unique(methods), "methods")
	summary := "default"
	if l.Closing.Summary == "off" {
		summary = "off"
	}
	assert.Equal(t, summary, p.Closing.Summary)
	assert.ElementsMatch(t, l.Closing.Notes, p.Closing.Notes)
}

func unique(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

func checkLadder(t *testing.T, l label, p *instructions.Playbook) {
	var want, got []string
	for _, f := range l.FollowUps {
		delay := "inherited"
		if f.Delay != nil {
			delay = (time.Duration(*f.Delay) * time.Second).String()
		}
		var actions []string
		for _, a := range f.Actions {
			kind, _, _ := strings.Cut(a, ":")
			actions = append(actions, rename(kind))
		}
		slices.Sort(actions)
		want = append(want, fmt.Sprint(delay, f.Messages, actions))
	}
	for _, lad := range p.Ladders {
		for _, s := range lad.Steps {
			delay := time.Duration(s.Delay).String()
			if s.Inherited || s.Delay == 0 {
				delay = "inherited"
			}
			messages := []string{}
			for _, m := range s.Messages {
				messages = append(messages, m.Text)
			}
			var actions []string
			for _, a := range s.Actions {
				actions = append(actions, a.Name)
			}
			slices.Sort(actions)
			got = append(got, fmt.Sprint(delay, messages, actions))
		}
	}
	assert.Equal(t, want, got, "follow-ups")
}
