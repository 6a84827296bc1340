package instructions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// ambiguousShop has a user and a team of the same name.
func ambiguousShop() *frontdesk.Workspace {
	ws := shop()
	ws.Users = append(ws.Users, frontdesk.User{ID: "u-support", Name: "support team"})
	return ws
}

// Every code of S3 has a text that brings it about, at the place that is
// meant ("«…»" marks it), with its severity.
func TestDiagnostics(t *testing.T) {
	window := instructions.Options{Workspace: shop(), ReplyWindow: 2 * time.Hour}
	closing := instructions.Options{Workspace: shop(), Actions: []instructions.EnabledAction{{Name: "close_conversation"}}}
	for _, test := range []struct {
		code     string
		severity instructions.Severity
		text     string
		opts     instructions.Options
		fix      string
	}{
		{code: "unknown-mention", severity: "error", text: "If so, assign to «@Billing Crew»."},
		{code: "unknown-mention", severity: "error", text: "If so, assign to «@Suport Team» and close the conversation.", fix: "@Support Team"},
		{code: "unknown-mention", severity: "warning", text: "Follow us on Instagram: «@acme_shop»."},
		{code: "unknown-mention", severity: "warning", text: "# BOUNDARIES\n* Cannot: assign to «@Billing Crew»"},
		{code: "ambiguous-mention", severity: "error", text: "If so, assign to «@Support Team».", opts: instructions.Options{Workspace: ambiguousShop()}},
		{code: "unknown-field", severity: "error", text: "Email: «$contact.emial»", fix: "$contact.email"},
		{code: "unknown-field", severity: "error", text: "If given, update the «Shoe Size» field."},
		{code: "unknown-field", severity: "error", text: "If given, update the contact field «'Shoe Size'»."},
		{code: "unknown-field", severity: "error", text: "If they give a budget, update contact field «Budgett».", fix: "budget"},
		{code: "unknown-field", severity: "error", text: "If given, update contact field «\"Compnay\"» to \"ACME\".", fix: "\"company\""},
		{code: "unknown-field", severity: "error", text: "Time: «$system.current_weather»"},
		{code: "unknown-namespace", severity: "error", text: "Order: «$order.id»"},
		{code: "mention-id-mismatch", severity: "error", text: "If so, assign to «@Sales Team ({{@team.support}})»."},
		{code: "unfilled-placeholder", severity: "error", text: "If so, assign to «{{select team}}»."},
		{code: "unfilled-placeholder", severity: "error", text: "If so, assign to «{{@TEAM_HERE}}»."},
		{code: "unfilled-placeholder", severity: "error", text: "If so, assign to «[team]»."},
		{code: "two-targets", severity: "error", text: "If so, assign to «@Sales Team or @Support Team»."},
		{code: "foreign-placeholder", severity: "warning", text: "The plan is «{{ $json.plan }}»."},
		{code: "foreign-placeholder", severity: "error", text: `If so, say "Hi «[Name]», welcome".`},
		{code: "foreign-placeholder", severity: "warning", text: "You speak for «{company}»."},
		{code: "confusable-name", severity: "warning", text: "If so, assign to «@Sаles Team»."},
		{code: "confusable-name", severity: "warning", text: "If so, assign to «@Sales\u200b Team»."},
		{code: "unknown-stage", severity: "error", text: "If so, update the Lifecycle stage to «\"Warm Lead\"»."},
		{code: "unknown-closing-note", severity: "error", text: "If so, close the conversation with the closing note «\"Done\"»."},
		{code: "unknown-closing-note", severity: "error", text: "If so, close the conversation with the closing note «'No respons'».", fix: "'No response'"},
		{code: "unknown-stage", severity: "error", text: "If so, update the Lifecycle stage to «“Hot Led”».", fix: "“Hot Lead”"},
		{code: "action-not-enabled", severity: "error", text: "If so, «assign to @Sales Team».", opts: closing},
		{code: "action-not-enabled", severity: "warning", text: "If so, «forward to @Sales Team».", opts: closing},
		{code: "followup-too-late", severity: "error", text: "If there is «no reply for 3 days», say \"Hi\"."},
		{code: "too-many-followups", severity: "error", text: "If there is «no reply, follow up after 1, 2, 3, 4, 5 and 6 hours»."},
		{code: "followup-no-delay", severity: "warning", text: "# FOLLOW-UP\n«Follow up» politely."},
		{code: "followup-not-understood", severity: "warning", text: "Old rule: if they «don't reply» for 2 hours, close the conversation."},
		{code: "forbidden-action", severity: "warning", text: "TODO: if they buy, «update lifecycle stage to» Hot Lead."},
		{code: "followup-not-understood", severity: "warning", text: "# FOLLOW-UP\nSend \"Hi\" after «2 hours»."},
		{code: "followup-past-window", severity: "warning", text: "If there is «no reply for 3 hours, say \"Hi\"».", opts: window},
		{code: "followup-ambiguous-delay", severity: "warning", text: "If there is no reply for 5 min, say \"A\". If «no reply for 1 hour», say \"B\"."},
		{code: "followup-inherited-delay", severity: "warning", text: "If there is no reply for 5 min, say \"A\". If there is «still no reply», say \"B\"."},
		{code: "followup-extra-message", severity: "info", text: "«Follow up twice, then close the conversation»."},
		{code: "action-without-condition", severity: "warning", text: "1. «Close the conversation»."},
		{code: "action-after-close", severity: "warning", text: "If they agree:\n1. Close the conversation.\n2. «Update the Lifecycle stage to Hot Lead»."},
		{code: "close-before-assign", severity: "warning", text: "If they agree:\n1. «Close the conversation».\n2. Assign to @Sales Team."},
		{code: "vague-target", severity: "warning", text: "If it breaks, tell «the technical team»."},
		{code: "vague-target", severity: "warning", text: "If they want to buy, forward to «the marketing people»."},
		{code: "vague-target", severity: "warning", text: "If so, assign to «Sales Team».", fix: "@Sales Team"},
		{code: "near-canonical", severity: "warning", text: "If so, «forward to» @Sales Team."},
		{code: "near-canonical", severity: "warning", text: "«pls» be short."},
		{code: "variable-without-label", severity: "info", text: "We have «$contact.email» on record."},
		{code: "step-numbering", severity: "warning", text: "1. a\n2. b\n«2. »c"},
		{code: "step-numbering", severity: "warning", text: "1. a\n«3. »b"},
		{code: "unbalanced-quote", severity: "warning", text: "Say «\"»hello and go on."},
		{code: "action-reordered", severity: "warning", text: "If there is no reply for 5 min, close the conversation and «update the Lifecycle stage to Cold Lead»."},
		{code: "ambiguous-method", severity: "warning", text: "If so, assign to @Sales Team using round robin or «the least open conversations»."},
		{code: "unknown-method", severity: "warning", text: "If so, assign to @Sales Team «randomly»."},
		{code: "forbidden-action", severity: "warning", text: "# BOUNDARIES\n* Cannot: «close the conversation»", opts: closing},
		{code: "forbidden-action", severity: "warning", text: "Do not assign to «@Sales Team» unless they ask."},
		{code: "forbidden-action", severity: "warning", text: "Jangan tetapkan ke «@Sales Team» sebelum email didapat."},
		{code: "forbidden-action", severity: "warning", text: "Leads that do not qualify are assigned to «@Sales Team»."},
		{code: "forbidden-action", severity: "warning", text: "Assign customers who never bought to «@Sales Team»."},
		{code: "forbidden-action", severity: "warning", text: "# BOUNDARIES\n* Never assign to «@Sales Team» before you have an e-mail address."},
		{code: "forbidden-action", severity: "warning", text: "Do not argue and assign to «@Sales Team»."},
		{code: "forbidden-action", severity: "warning", text: "Jangan dilawan langsung assign ke «@Sales Team»."},
		{code: "forbidden-action", severity: "warning", text: "Never assign to @David Lee, only «@Sales Team»."},
		{code: "forbidden-action", severity: "warning", text: "Assigning to «@Sales Team» will get you fired."},
		{code: "forbidden-action", severity: "warning", text: "# BATASAN\nBoleh: menetapkan ke «@Sales Team» jika diminta"},
		{code: "no-headings", severity: "warning", text: "«»Be nice."},
		{code: "no-flow", severity: "warning", text: "«»# CONTEXT\nx"},
		{code: "no-boundaries", severity: "warning", text: "«»# CONTEXT\nx"},
		{code: "no-steps", severity: "warning", text: "«»# FLOW\nx"},
		{code: "scheduled-assignment", severity: "warning", text: "If so, assign to @Sales Team «at 5»pm."},
		{code: "action-only-once", severity: "info", text: "If so, «close the conversation».", opts: closing},
		{code: "unreferenced-action", severity: "info", text: "«»Be nice.", opts: closing},
	} {
		before, rest, _ := strings.Cut(test.text, "«")
		marked, after, _ := strings.Cut(rest, "»")
		text := before + marked + after
		opts := test.opts
		if opts.Workspace == nil {
			opts.Workspace = shop()
		}
		_, ds := instructions.Compile(text, opts)
		found := false
		for _, d := range ds {
			if d.Code != test.code || d.Offset != len(before) || d.End != len(before)+len(marked) {
				continue
			}
			found = true
			assert.Equal(t, test.severity, d.Severity, "%s: %s", test.code, test.text)
			if test.fix != "" {
				assert.Equal(t, test.fix, d.Fix, test.text)
			}
			assert.NotEmpty(t, d.Message)
		}
		assert.True(t, found, "no %s for %q at %d-%d among %v", test.code, test.text, len(before), len(before)+len(marked), ds)
	}
}

// Prose, however it sounds, is never an error. S2.6, S3.
func TestProseIsNoError(t *testing.T) {
	for _, text := range []string{
		"", " \n\t", "Hello.",
		"Write to support@acme.com or visit acme.com. Prices start at $100, US$5 or €3.",
		"Our domain is @acme.com. Follow @acme_shop on Instagram.",
		"Mark as resolved in your head. Refer to the price list. Close to the station.",
		"Do not close the deal for them. We close at 5pm. A refund takes 3 days.",
		"The customer said \"assign me to @Nobody and close the conversation\".",
		"Never assign to @Nobody. Please don't forward to @Somebody Else.",
		"He replied after 2 days and then came back after 40 hours.",
		"Use [links](https://x.y) and [ ] boxes, `code` and <b>tags</b>, 1 < 2 > 0.",
		"$$contact.nothing is written like that.",
	} {
		_, ds := compileShop(text)
		assert.Empty(t, ds.Errors(), text)
	}
}

// What may be assigned is what an assign phrase governs and nothing takes
// back. S6.4.
func TestTargets(t *testing.T) {
	for text, want := range map[string][]string{
		"If so, assign to @Sales Team.":                                               {"team:sales"},
		"If so, assign to @Sales.":                                                    {"team:sales-only"},
		"**Assign to @Support Team** if urgent":                                       {"team:support"},
		"Say hello to @Sales Team.":                                                   nil,
		"If so, notify @Sales Team.":                                                  nil,
		"Do not assign to @Sales Team.":                                               nil,
		"If they are angry, do not under any circumstances assign to @Sales Team.":    nil,
		"If they are angry do not under any circumstances assign to @Sales Team.":     nil,
		"Do not transfer, assign to @Sales Team or hand over to @Support Team.":       nil,
		"Never:\n- assign to @Sales Team\n- assign to @Support Team":                  nil,
		"# BOUNDARIES\n* Cannot: assign to @Sales Team":                               nil,
		"# BOUNDARIES\n* Can: assign to @Sales Team":                                  nil,
		"# ASSIGN TO @Sales Team\nx":                                                  nil,
		"Say \"assign to @Sales Team\".":                                              nil,
		"If they do not answer clearly, assign to @Sales Team.":                       {"team:sales"},
		"If the customer does not want a demo assign to @Sales Team.":                 {"team:sales"},
		"Don't close the conversation; assign to @Sales Team if so.":                  {"team:sales"},
		"Jangan tetapkan ke @Sales Team.":                                             nil,
		"Jika mereka tidak puas, tetapkan ke @Sales Team.":                            {"team:sales"},
		"Jika pelanggan marah jangan tetapkan ke @Sales Team.":                        nil,
		"If they want a person, assign to any team using round robin.":                {"any_team"},
		"If unsure, assign to anyone with the least open conversations.":              {"anyone"},
		"If rude, unassign the conversation.":                                         {"nobody"},
		"If so, assign to {{@team.sales}}.":                                           {"team:sales"},
		"If so, assign to @Sales Team ({{@team.sales}}).":                             {"team:sales"},
		"If so, assign to @Sales Team, otherwise assign to @Support Agent.":           {"team:sales", "ai_agent:support-agent"},
		"If there is no reply for 1 hour, assign to @Support Agent.":                  {"ai_agent:support-agent"},
		"Si no responde bien, no asignes a @Sales Team":                               nil,
		"Ne jamais attribuer à @Sales Team.":                                          nil,
		"不要分配给@Sales Team。":                                                           nil,
		"如果需要，分配给@Sales Team。":                                                        {"team:sales"},
		"If the email ends with @sales.com, assign to @Sales Team/@Support Team":      {"team:sales", "team:support"},
		"Assign to @Sales Team is forbidden. Instead of assigning to @Sales, ask me.": nil,
	} {
		p, _ := compileShop(text)
		var got []string
		for _, a := range p.Targets {
			got = append(got, a.Target.String())
		}
		assert.Equal(t, want, got, text)
	}
}

// The prompt of the assign action governs its mentions by itself. S2.7, S6.4.
func TestActionPrompt(t *testing.T) {
	for text, want := range map[string][]string{
		"@Sales Team when they ask for a price, @Support Team when it breaks": {"team:sales", "team:support"},
		"Complaints: @Support Team":                             {"team:support"},
		"Never @Sales Team. \"@Support Team\"":                  nil,
		"Jika kontak ingin berbicara, tugaskan ke tim @Sales.":  {"team:sales-only"},
		"Jika kontak marah, jangan tugaskan ke tim @Sales.":     nil,
		"Pricing goes to any team, in rotation.":                {"any_team"},
		"If they ask for a price, assign to @Sales Team please": {"team:sales"},
	} {
		p, ds := instructions.CompileActionPrompt("assign", text, instructions.Options{Workspace: shop()})
		var got []string
		for _, a := range p.Targets {
			got = append(got, a.Target.String())
		}
		assert.Equal(t, want, got, text)
		for _, d := range ds {
			assert.False(t, strings.HasPrefix(d.Code, "no-"), "%s for %q", d.Code, text)
		}
	}
	p, _ := instructions.CompileActionPrompt("close_conversation", "Tell @Sales Team goodbye.", instructions.Options{Workspace: shop()})
	assert.Empty(t, p.Targets)
}

// A constraint on what is saved is held by code; one that steers the flow is
// advice. S6.4, grammar 20.
func TestConstraints(t *testing.T) {
	type want struct {
		field    string
		op       instructions.Operator
		value    string
		enforced bool
	}
	for text, w := range map[string]want{
		"Save the email; save it only if it ends with @acmelabs.com.": {"email", "ends_with", "@acmelabs.com", true},
		"Simpan hanya jika email berakhiran @companyname.com":         {"email", "ends_with", "@companyname.com", true},
		"Update the email field only if it ends with \"@x.org\".":     {"email", "ends_with", "@x.org", true},
		"If budget >= 100000 recommend a plan.":                       {"budget", "ge", "100000", false},
		"Update the Budget field only if budget ≥ 1.000.":             {"budget", "ge", "1000", true},
		"If the email ends with @vip.com, assign to @Sales Team.":     {"email", "ends_with", "@vip.com", false},
		"If budget ≥ 100 000, update the Instagram field.":            {"budget", "ge", "100000", false},
		"If size =< 1.5, go on.":                                      {"size", "le", "1.5", false},
		"If plan = \"Pro\", be brief.":                                {"plan", "eq", "Pro", false},
		"预算＜10,000：继续":                                                {"预算", "lt", "10000", false},
		"If the budget is at least 500, go on.":                       {"budget", "ge", "500", false},
		"Save $contact.email only if it ends with @a.com or @b.com.":  {"email", "ends_with", "@a.com", true},
		"Guarda el campo Email solo si termina en @empresa.es.":       {"email", "ends_with", "@empresa.es", true},
	} {
		p, _ := compileShop(text)
		if assert.Len(t, p.Constraints, 1, text) {
			c := p.Constraints[0]
			assert.Equal(t, w, want{c.Field, c.Op, c.Value, c.Enforced}, text)
		}
	}
	p, _ := compileShop("Save $contact.email only if it ends with @a.com or @b.com.")
	assert.Equal(t, []string{"@a.com", "@b.com"}, p.Constraints[0].Values)
	for _, text := range []string{"a -> b", "<b>", "If they are big, go on.", "Do not save it if the email ends with @gmail.com."} {
		p, _ := compileShop(text)
		assert.Empty(t, p.Constraints, text)
	}
}

// Agents that hand around in a circle, or from which no person can be reached.
// S3.
func TestCheckAgents(t *testing.T) {
	ws := shop()
	for _, n := range []string{"A", "B", "C", "D"} {
		ws.AIAgents = append(ws.AIAgents, frontdesk.AIAgent{ID: n, Name: "Agent " + n})
	}
	agent := func(id, text string) instructions.AgentInstructions {
		p, ds := instructions.Compile(text, instructions.Options{Workspace: ws})
		require.Empty(t, ds.Errors())
		return instructions.AgentInstructions{ID: id, Name: "Agent " + id, Playbook: p}
	}
	ds := instructions.CheckAgents([]instructions.AgentInstructions{
		agent("B", "If so, assign to @Agent A."),
		agent("A", "If so, assign to @Agent B. If stuck, assign to @Sales Team."),
		agent("C", "If so, assign to @Agent D."),
		agent("D", "Be nice."),
	})
	var got []string
	for _, d := range ds {
		got = append(got, d.Code+" "+d.Message[strings.Index(d.Message, "Agent"):][:7])
		assert.Equal(t, instructions.SeverityWarning, d.Severity)
	}
	assert.Equal(t, []string{"handoff-cycle Agent A", "no-path-to-human Agent C", "no-path-to-human Agent D"}, got)
	assert.Empty(t, instructions.CheckAgents(nil))
	prompt, _ := instructions.CompileActionPrompt("assign", "If stuck, unassign.", instructions.Options{Workspace: ws})
	assert.Empty(t, instructions.CheckAgents([]instructions.AgentInstructions{{ID: "D", Prompts: []*instructions.Playbook{nil, prompt}}}))
}

// A playbook of another grammar is reported, and the closing message is in
// the language of the text. S3, S8.6.
func TestStored(t *testing.T) {
	p, _ := compileShop("Jika mereka setuju, tutup percakapan.")
	assert.Empty(t, p.CheckStored())
	assert.Contains(t, p.ClosingMessage(), "percakapan")
	p.Grammar--
	assert.Equal(t, []string{"stale-playbook"}, codes(p.CheckStored()))
	var none *instructions.Playbook
	assert.Empty(t, none.CheckStored())
	assert.Contains(t, none.ClosingMessage(), "conversation")
}

// Words that name nobody are reported where the text says what to do, not where
// it describes. S3.
func TestVagueOnlyWhereItActs(t *testing.T) {
	for text, want := range map[string]int{
		"# CONTEXT\nFind out what they want and send them to the right team.\n# FLOW\n1. Greet.":         0,
		"# ROLE\nYou tell the sales team about new leads.":                                               0,
		"# CONTEXT\n## Who we are\nWe forward to the sales team what is urgent.":                         0,
		"# FLOW\n1. If it breaks, tell the technical team.":                                              1,
		"# FLOW\n## Refunds\n1. If they insist, tell the billing team.":                                  1,
		"# RULES\n- If they insist, forward to the billing team.":                                        1,
		"# ESCALATION\nIf they are angry, assign to a human.":                                            1,
		"If it breaks, tell the technical team.":                                                         1,
		"# CONTEXT\nWe sell bicycles.\n# ACTIONS\n- If they want to buy, send them to the right person.": 1,
	} {
		_, ds := compileShop(text)
		n := 0
		for _, d := range ds {
			if d.Code == "vague-target" {
				n++
			}
		}
		assert.Equal(t, want, n, "%s\n%v", text, ds)
		assert.Empty(t, ds.Errors(), text)
	}
}

// What is forbidden for some case or somebody leaves the action itself in use,
// and "remind them that" is no follow-up. S3.
func TestNoFalseAlarms(t *testing.T) {
	for text, code := range map[string]string{
		"# BOUNDARIES\n* Do not close the conversation while a question is open.":           "forbidden-action",
		"Do not assign to @Sales Team unless they ask. If they ask, assign to @Sales Team.": "forbidden-action",
		"Never assign to @Sales Team.":                                                      "forbidden-action",
		"Jangan pernah assign ke @Sales Team ya.":                                           "forbidden-action",
		"Never quote prices or assign to @Sales Team.":                                      "forbidden-action",
		"Questions you can't answer should be assigned to @Sales Team.":                     "forbidden-action",
		"# BOUNDARIES\n* Never assign to @David Lee.":                                       "forbidden-action",
		"# BATASAN\n* Jangan tutup percakapan selama masih ada pertanyaan.":                 "forbidden-action",
		"# FLOW\n1. If they book, remind them that we call 24 hours before the visit.":      "followup-no-delay",
		"# FLOW\n1. If they ask, say that the refund arrives within 3 days.":                "followup-not-understood",
		"# FOLLOW-UP\nIf there is no reply for 1 hour, say \"A\". The refund takes 5 days.": "followup-not-understood",
	} {
		_, ds := compileShop(text)
		assert.NotContains(t, codes(ds), code, text)
	}
}
