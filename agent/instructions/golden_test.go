package instructions_test

import (
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
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// shop is the workspace that the prompts of testdata are compiled against.
func shop() *frontdesk.Workspace {
	return &frontdesk.Workspace{
		Teams: []frontdesk.Team{
			{ID: "sales", Name: "Sales Team", Members: []string{"dl", "dlj"}}, {ID: "support", Name: "Support Team"},
			{ID: "sales-only", Name: "Sales"}, {ID: "finance", Name: "Finance & Billing (EMEA)"},
			{ID: "ventes", Name: "Équipe Ventes"}, {ID: "iscrizioni", Name: "Team Iscrizioni"}, {ID: "satis", Name: "Satış Ekibi"},
		},
		Users: []frontdesk.User{
			{ID: "dl", Name: "David Lee"}, {ID: "dlj", Name: "David Lee-Jones"}, {ID: "ivan", Name: "Иван Петров"},
		},
		AIAgents: []frontdesk.AIAgent{{ID: "support-agent", Name: "Support Agent"}},
		Fields: []frontdesk.Field{
			{ID: "instagram", Name: "Instagram"}, {ID: "company", Name: "Company"}, {ID: "perusahaan", Name: "Perusahaan"},
			{ID: "budget", Name: "Budget", Type: frontdesk.TypeNumber},
		},
		LifecycleStages: []string{"New Lead", "Hot Lead", "Cold Lead", "Qualified", "Prospek Hangat", "Prospek Dingin"},
		ClosingNotes:    []string{"Issue Resolved", "No response", "Sem resposta"},
		TimeZone:        "Asia/Jakarta",
	}
}

func allActions() []instructions.EnabledAction {
	var out []instructions.EnabledAction
	for _, n := range []string{"assign", "close_conversation", "update_field", "update_stage", "add_comment", "update_tags"} {
		out = append(out, instructions.EnabledAction{Name: n, Prompt: "When the instructions say so."})
	}
	return out
}

// options reads what the comment of a txtar file says about the compilation.
func options(t *testing.T, comment string) (opts instructions.Options, action string) {
	opts = instructions.Options{Workspace: shop(), Actions: allActions()}
	for line := range strings.Lines(comment) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "workspace":
			require.Equal(t, "none", value)
			opts.Workspace = nil
		case "actions":
			opts.Actions = nil
			if value != "unknown" {
				opts.Actions = []instructions.EnabledAction{}
				for n := range strings.FieldsSeq(value) {
					opts.Actions = append(opts.Actions, instructions.EnabledAction{Name: n})
				}
			}
		case "window":
			d, err := time.ParseDuration(value)
			require.NoError(t, err)
			opts.ReplyWindow = d
		case "action-prompt":
			action = value
		case "team":
			opts.Workspace.Teams = append(opts.Workspace.Teams, frontdesk.Team{ID: value, Name: value})
		case "user":
			opts.Workspace.Users = append(opts.Workspace.Users, frontdesk.User{ID: value, Name: value})
		case "field":
			opts.Workspace.Fields = append(opts.Workspace.Fields, frontdesk.Field{ID: strings.ToLower(value), Name: value})
		case "stage":
			opts.Workspace.LifecycleStages = append(opts.Workspace.LifecycleStages, value)
		case "note":
			opts.Workspace.ClosingNotes = append(opts.Workspace.ClosingNotes, value)
		}
	}
	return opts, action
}

// TestGolden compiles every prompt of testdata and compares what comes out
// with what a person reviewed. S2, S3, grammar.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			require.NoError(t, err)
			opts, action := options(t, string(a.Comment))
			for i := 0; i < len(a.Files); i++ { // grows while it is updated
				prompt, ok := strings.CutSuffix(a.Files[i].Name, ".md")
				if !ok {
					continue
				}
				p, diags := compileAs(action, string(a.Files[i].Data), opts)
				got := render(p, diags)
				if *update {
					put(a, prompt+".want", got)
					continue
				}
				assert.Equal(t, section(a, prompt+".want"), got, prompt)
			}
			if *update {
				require.NoError(t, os.WriteFile(file, txtar.Format(a), 0o644))
			}
		})
	}
}

func compileAs(action, text string, opts instructions.Options) (*instructions.Playbook, instructions.Diagnostics) {
	if action != "" {
		return instructions.CompileActionPrompt(action, text, opts)
	}
	return instructions.Compile(text, opts)
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func put(a *txtar.Archive, name, data string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(data)
			return
		}
	}
	for i := range a.Files {
		if strings.TrimSuffix(a.Files[i].Name, ".md") == strings.TrimSuffix(name, ".want") {
			f := txtar.File{Name: name, Data: []byte(data)}
			a.Files = append(a.Files[:i+1], append([]txtar.File{f}, a.Files[i+1:]...)...)
			return
		}
	}
}

// render writes a playbook and its diagnostics for people.
func render(p *instructions.Playbook, diags instructions.Diagnostics) string {
	var b strings.Builder
	for _, s := range p.Sections {
		kinds := string(s.Kind)
		for i, k := range s.Kinds {
			if i > 0 {
				kinds += "+" + string(k)
			}
		}
		fmt.Fprintf(&b, "section %d: %s %q level %d\n", s.Line, kinds, s.Title, s.Level)
		renderSteps(&b, s.Steps, "  ")
	}
	for _, m := range p.Mentions {
		fmt.Fprintf(&b, "mention %s: %q is %s\n", at(m.Span), m.Name, orNone(m.Target.String()))
	}
	for _, v := range p.Variables {
		fmt.Fprintf(&b, "variable %s: %s", at(v.Span), v.Name)
		if v.Fallback != "" {
			fmt.Fprintf(&b, " or %q", v.Fallback)
		}
		b.WriteString("\n")
	}
	for _, s := range p.Actions {
		fmt.Fprintf(&b, "action %s: %s", at(s.Span), action(s.Action))
		if s.Resolved.Kind != "" {
			fmt.Fprintf(&b, " [%s]", s.Resolved)
		}
		if s.FollowUp {
			b.WriteString(" in a follow-up")
		} else if s.Conditional {
			b.WriteString(" if")
		}
		b.WriteString("\n")
	}
	for _, c := range p.Constraints {
		fmt.Fprintf(&b, "constraint %s: %s %s %q", at(c.Span), c.Field, c.Op, c.Value)
		if c.Values != nil {
			fmt.Fprintf(&b, " of %q", c.Values)
		}
		if c.Enforced {
			b.WriteString(" enforced")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "closing: summary %s", p.Closing.Summary)
	for _, n := range p.Closing.Notes {
		fmt.Fprintf(&b, ", note %q", n)
	}
	b.WriteString("\n")
	for _, x := range p.Boundaries.Can {
		fmt.Fprintf(&b, "can: %s\n", x)
	}
	for _, x := range p.Boundaries.Cannot {
		fmt.Fprintf(&b, "cannot: %s\n", x)
	}
	for _, l := range p.Ladders {
		fmt.Fprintf(&b, "ladder %s", at(l.Span))
		if l.Condition != "" {
			fmt.Fprintf(&b, " for %q", l.Condition)
		}
		b.WriteString("\n")
		for _, s := range l.Steps {
			renderLadderStep(&b, s)
		}
	}
	for _, a := range p.Targets {
		fmt.Fprintf(&b, "may assign: %s %s\n", a.Target, a.Method)
	}
	for _, d := range diags {
		fmt.Fprintf(&b, "%s", d)
		if d.Fix != "" {
			fmt.Fprintf(&b, " fix %q", d.Fix)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func renderSteps(b *strings.Builder, steps []instructions.Step, indent string) {
	for _, s := range steps {
		fmt.Fprintf(b, "%s%s %s\n", indent, s.Label, strings.ReplaceAll(s.Text, "\n", " / "))
		renderSteps(b, s.Steps, indent+"  ")
	}
}

func renderLadderStep(b *strings.Builder, s followup.Step) {
	fmt.Fprintf(b, "  after %s", orNone(short(s.Delay)))
	if s.Inherited {
		b.WriteString(" (inherited)")
	}
	if s.Silent {
		b.WriteString(" silently")
	}
	if s.Mode != "" {
		fmt.Fprintf(b, " %s", s.Mode)
	}
	for _, m := range s.Messages {
		verb := "like"
		if m.Verbatim {
			verb = "say"
		}
		fmt.Fprintf(b, ", %s %q", verb, m.Text)
	}
	for _, a := range s.Actions {
		fmt.Fprintf(b, ", %s", action(a))
	}
	fmt.Fprintf(b, " (line %d)\n", s.Line)
}

func short(d followup.Delay) string {
	if d == 0 {
		return ""
	}
	return time.Duration(d).String()
}

func action(a followup.Action) string {
	s := a.Name
	for _, x := range []struct{ name, value string }{{"to", a.Target}, {"by", a.Method}, {"field", a.Field}, {"value", a.Value}, {"note", a.Note}} {
		if x.value != "" {
			s += fmt.Sprintf(" %s %q", x.name, x.value)
		}
	}
	if a.NoSummary {
		s += " without summary"
	}
	return s
}

func at(s instructions.Span) string { return fmt.Sprintf("%d:%d", s.Line, s.Column) }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
