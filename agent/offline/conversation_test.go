package offline_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/offline"
)

var update = flag.Bool("update", false, "write the conversations into testdata")

func workspace(budget string) frontdesk.Workspace {
	return frontdesk.Workspace{
		Name: "Kotakku", TimeZone: "Asia/Jakarta",
		Users: []frontdesk.User{{ID: "andi", Name: "Andi"}, {ID: "tono", Name: "Tono"}},
		Teams: []frontdesk.Team{
			{ID: "sales", Name: "Sales Team", Members: []string{"andi"}},
			{ID: "support", Name: "Support Team", Members: []string{"tono"}},
		},
		AIAgents:        []frontdesk.AIAgent{{ID: "sales-agent", Name: "Sales Agent"}},
		Fields:          []frontdesk.Field{{ID: "budget", Name: budget, Type: frontdesk.TypeNumber}, {ID: "company", Name: "Company"}},
		LifecycleStages: []string{"New Lead", "Hot Lead", "Cold Lead", "Prospek Dingin", "Prospek Hangat"},
		ClosingNotes:    []string{"Issue Resolved"},
		Tags:            []string{"vip"},
	}
}

// shelf is a knowledge source that finds the lines that share a word with the
// question.
type shelf []string

func (s shelf) Search(_ context.Context, query string, limit int) ([]agent.Passage, error) {
	var out []agent.Passage
	for _, line := range s {
		for _, word := range strings.Fields(strings.ToLower(query)) {
			if word = strings.Trim(word, ".,?!"); len(word) > 3 && strings.Contains(strings.ToLower(line), word) && len(out) < limit {
				out = append(out, agent.Passage{Text: line, Source: "shelf"})
				break
			}
		}
	}
	return out, nil
}

// desk is an agent that the model under test answers for, with the engine and
// a store around it.
type desk struct {
	t     *testing.T
	clock *agenttest.FakeClock
	store *memstore.Store
	mux   *agent.Mux
	out   strings.Builder
	n     int
	name  string
}

func newDesk(t *testing.T, prompt, budget string, knowledge agent.Knowledge) *desk {
	ws := workspace(budget)
	pb, diags := instructions.Compile(prompt, instructions.Options{Workspace: &ws})
	require.Empty(t, diags.Errors())
	d := &desk{t: t, clock: agenttest.NewFakeClock(), store: memstore.New()}
	channel := &agenttest.RecordingChannel{}
	a, err := agent.New(agent.Config{
		Name: "Sales Agent", Playbook: pb, Workspace: ws, LLM: offline.New(pb), Store: d.store, Channel: channel, Clock: d.clock,
		Actions: []actions.Action{
			actions.UpdateFields(), actions.Assign(), actions.UpdateStage(), actions.Close(), actions.UpdateTags(), actions.AddComment(),
		},
		Knowledge: knowledge, Debounce: agent.Off,
		Fallback: agent.Fallback{Text: "(fallback)"},
		OnTurn:   d.turn,
	})
	require.NoError(t, err)
	d.mux, err = agent.NewMux(a)
	require.NoError(t, err)
	return d
}

// turn writes a turn's record down.
func (d *desk) turn(turn agent.Turn) {
	for _, c := range turn.Calls {
		fmt.Fprintf(&d.out, "  + %s %s", c.Name, withoutSummary(c.Arguments))
		if c.Outcome != agent.CallDone {
			fmt.Fprintf(&d.out, " %s: %s", c.Outcome, c.Detail)
		}
		d.out.WriteByte('\n')
	}
	for _, c := range turn.Changes {
		if c.What != "summary" {
			fmt.Fprintf(&d.out, "  = %s: %s\n", c.What, c.New)
		}
	}
	if turn.Exit != agent.ExitReplied || turn.Failure != "" {
		fmt.Fprintf(&d.out, "  (%s %s)\n", turn.Exit, turn.Failure)
	}
}

// withoutSummary leaves out what repeats the conversation.
func withoutSummary(args json.RawMessage) string {
	var m map[string]any
	if json.Unmarshal(args, &m) != nil {
		return string(args)
	}
	for _, k := range []string{"summary", "reason"} {
		if s, ok := m[k].(string); ok && len(s) > 20 {
			m[k] = "…"
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func (d *desk) messages() []frontdesk.Message {
	v, err := d.store.Load(context.Background(), agent.Query{Identity: frontdesk.Identity{Channel: "chat", Address: "+62"}, History: 1000})
	require.NoError(d.t, err)
	return v.History
}

func (d *desk) show(seen int) int {
	msgs := d.messages()
	for _, m := range msgs[min(seen, len(msgs)):] {
		if m.Direction == frontdesk.DirOutbound {
			fmt.Fprintf(&d.out, "< %s\n", strings.ReplaceAll(m.Text, "\n", "\n  "))
		}
	}
	return len(msgs)
}

// play reads a line at a time: what the contact writes, or "/advance 2m".
func (d *desk) play(script string) string {
	seen := 0
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch rest, advance := strings.CutPrefix(line, "/advance "); {
		case line == "":
			continue
		case advance:
			by, err := time.ParseDuration(rest)
			require.NoError(d.t, err)
			fmt.Fprintf(&d.out, "%s\n", line)
			d.clock.Advance(by)
			_, err = d.mux.RunDue(context.Background())
			require.NoError(d.t, err)
		default:
			if name, ok := strings.CutPrefix(line, "/name "); ok {
				d.name = name
				continue
			}
			fmt.Fprintf(&d.out, "> %s\n", line)
			d.n++
			d.clock.Advance(time.Second)
			_, err := d.mux.Handle(context.Background(), frontdesk.Inbound{
				Channel: "chat", ID: fmt.Sprint(d.n), From: "+62", Name: d.name, Text: strings.ReplaceAll(line, `\n`, "\n"),
			})
			require.NoError(d.t, err)
		}
		seen = d.show(seen)
	}
	return d.out.String()
}

// Conversations that a contact types, through the engine, the store and a fake
// clock. Each file has a prompt, what the sources hold, what the contact
// writes, and what comes of it.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			require.NoError(t, err)
			part := func(name string) *txtar.File {
				for i := range ar.Files {
					if ar.Files[i].Name == name {
						return &ar.Files[i]
					}
				}
				return &txtar.File{}
			}
			prompt := string(part("prompt").Data)
			for name := range strings.FieldsSeq(string(part("prompts").Data)) {
				data, err := os.ReadFile(filepath.Join("testdata", name))
				require.NoError(t, err)
				prompt += string(data)
			}
			budget := "Anggaran"
			if strings.Contains(prompt, "FLOW") {
				budget = "Budget"
			}
			var knowledge agent.Knowledge
			if lines := strings.TrimSpace(string(part("knowledge").Data)); lines != "" {
				knowledge = shelf(strings.Split(lines, "\n"))
			}
			got := newDesk(t, prompt, budget, knowledge).play(string(part("contact").Data))
			assert.NotContains(t, got, "(fallback)", "the model never leaves the engine without an answer")
			if *update {
				part("want").Data = []byte(got)
				require.NoError(t, os.WriteFile(file, txtar.Format(ar), 0o644))
				return
			}
			assert.Equal(t, string(part("want").Data), got)
		})
	}
}
