package variables_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// values is a Lookup over a map keyed "namespace.foldedname".
func values(m map[string]string) variables.Lookup {
	return func(namespace, name string) (string, bool) {
		v, ok := m[namespace+"."+frontdesk.FoldField(name)]
		return v, ok
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{
		"Hi $contact.firstname, how are you?", "{{contact.a|x}}{{ $contact.b }}", "$a$contact.x.b", "$$contact.x", "${{contact.x}}.y",
		"{{{contact.x}}}", "- $contact.x. y", "$contact.x|\"a b\" $contact.y|z", "$a{{contact.x}}.b", "{$contact.a{", "1. $contact.x", "{{A0{{A0.0}}.0}}", "{{contact.{{contact.aa}}}}",
	} {
		f.Add(s, "$contact.email")
		f.Add(s, "$")
		f.Add(s, "{{")
		f.Add(s, "# x\n- y")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		tpl := variables.Parse(text)
		assert.Equal(t, text, tpl.String())
		end := 0
		for _, v := range tpl.Variables() {
			assert.True(t, end <= v.Offset && v.Offset < v.End && v.End <= len(text))
			end = v.End
		}
		out, missing := tpl.Expand(variables.Env{Lookup: func(_, name string) (string, bool) { return value, len(name)%2 == 0 }})
		if !strings.Contains(text, "$$") { // what the author escaped stays raw
			assert.Empty(t, variables.Parse(out).Variables(), "S4.3: %q became %q", text, out)
		}
		if len(missing) > 0 {
			assert.NotEmpty(t, tpl.Variables())
		}
		for _, s := range []string{text, value, text + value} {
			defused := variables.Defuse(s)
			assert.Empty(t, variables.Parse(defused).Variables(), "I22: %q became %q", s, defused)
			assert.NotContains(t, defused, "{{")
			assert.Equal(t, defused, variables.Defuse(defused))
		}
		filled := variables.Fill(text, func(ns, _ string) (string, bool) { return value, ns == "assignee" })
		assert.Empty(t, variables.Parse(filled).Variables())
		cleaned := variables.Clean(value, 20)
		assert.Equal(t, cleaned, variables.Clean(cleaned, 20))
	})
}

// S5.5: the LLM is given the token, and the reply's token is filled in.
func TestDeferredAndFill(t *testing.T) {
	env := variables.Env{Lookup: anaLookup(t), Deferred: func(namespace, _ string) bool { return namespace == "assignee" }}
	for _, c := range []struct{ in, want string }{
		{"Say: $assignee.name will help.", "Say: $assignee.name will help."},
		{"{{assignee.name}}, $Assignee.Name|someone", "$assignee.name, $assignee.name"},
		{"{{assignee.name}}s and {{assignee.name}}.x", "{{$assignee.name}}s and {{$assignee.name}}.x"},
		{"{{assignee.name}}{{contact.firstname}}", "$assignee.name Ana"},
		{"$contact.firstname$assignee.name", "Ana$assignee.name"},
	} {
		out, missing := variables.Parse(c.in).Expand(env)
		assert.Equal(t, c.want, out)
		assert.Empty(t, missing, "what is deferred is not missing")
	}
	assignee := func(name string) variables.Lookup {
		return func(namespace, _ string) (string, bool) { return name, namespace == "assignee" }
	}
	for _, c := range []struct{ in, name, want string }{
		{"$assignee.name will help.", "Budi", "Budi will help."},
		{"{{$assignee.name}}s desk", "Budi", "Budis desk"},
		{"I hand you to $assignee.name.", "", "I hand you to."},
		{"I hand you to $assignee.name|them.", "", "I hand you to them."},
		{"Your $contact.email and $assignee.name", "Budi", "Your contact.email and Budi"}, // I22
		{"$$assignee.name", "Budi", "Budi"},
		{"$assignee.name", "$contact.email\nx", "contact.email x"},
		{"$a{{assignee.name}}", ".b", "a.b"},
		{"Nothing for $100", "Budi", "Nothing for $100"},
	} {
		assert.Equal(t, c.want, variables.Fill(c.in, assignee(c.name)), c.in)
	}
	assert.Equal(t, "Hi contact.x", variables.Fill("Hi $contact.x", nil))
}

// The same value stands for all spellings, and is asked for once.
func TestLookupOncePerVariable(t *testing.T) {
	calls := 0
	out, missing := variables.Parse("$contact.first_name {{contact.First Name}} $CONTACT.firstname").Expand(variables.Env{
		Lookup: func(namespace, name string) (string, bool) {
			calls++
			assert.Equal(t, "contact", namespace)
			assert.Equal(t, "first_name", name)
			return "Ana", true
		},
	})
	assert.Equal(t, "Ana Ana Ana", out)
	assert.Empty(t, missing)
	assert.Equal(t, 1, calls)
}

func TestExpandLimitAndZeroValues(t *testing.T) {
	long := values(map[string]string{"contact.name": strings.Repeat("x", 500)})
	out, _ := variables.Parse("$contact.name").Expand(variables.Env{Lookup: long, Limit: 10})
	assert.Equal(t, "xxxxxxxxx…", out)
	out, _ = variables.Parse("$contact.name").Expand(variables.Env{Lookup: long})
	assert.Equal(t, variables.DefaultLimit, utf8.RuneCountInString(out))

	var zero variables.Template
	out, missing := zero.Expand(variables.Env{})
	assert.Empty(t, out)
	assert.Empty(t, missing)
	out, missing = variables.Parse("Hi $contact.name").Expand(variables.Env{})
	assert.Equal(t, "Hi", out)
	assert.Equal(t, []string{"contact.name"}, missing)
	blank := variables.Env{Lookup: func(string, string) (string, bool) { return " \u200b\n", true }}
	out, missing = variables.Parse("Hi $contact.name|there").Expand(blank)
	assert.Equal(t, "Hi there", out, "a value that cleaning leaves nothing of is none")
	assert.Equal(t, []string{"contact.name"}, missing)
}

func TestVariables(t *testing.T) {
	text := "é $contact.plan.name, {{ Contact.first name | dear you }} $order.x $$contact.y"
	got := variables.Parse(text).Variables()
	assert.Equal(t, []string{"$contact.plan.name", "{{ Contact.first name | dear you }}", "$order.x"},
		[]string{text[got[0].Offset:got[0].End], text[got[1].Offset:got[1].End], text[got[2].Offset:got[2].End]})
	assert.Equal(t, "contact.plan.name", got[0].String())
	assert.Equal(t, "dear you", got[1].Fallback)
	assert.Len(t, got, 3)
}

// S4.1, S4.5
func TestForContact(t *testing.T) {
	lookup := anaLookup(t)
	for _, c := range []struct{ namespace, name, want string }{
		{"contact", "FIRST_NAME", "Ana"}, {"contact", "name", "Ana Maria"}, {"contact", "loyalty_points", "1200.5"},
		{"contact", "id", "c1"}, {"contact", "Lifecycle_Stage", "Hot Lead"}, {"contact", "lifecycle", "Hot Lead"}, {"contact", "stage", "Hot Lead"},
		{"contact", "tags", "vip, 2026"}, {"contact", "nothing", ""}, {"assignee", "name", "Budi"}, {"assignee", "email", ""},
		{"system", "current_date", "2026-11-24"}, {"system", "CurrentTime", "16:05"}, {"system", "x", ""}, {"order", "id", ""},
	} {
		got, ok := lookup(c.namespace, c.name)
		assert.Equal(t, c.want, got, c.name)
		assert.Equal(t, c.want != "", ok, c.name)
	}
	get := func(fields map[string]frontdesk.Value, name string) string {
		v, _ := variables.ForContact(frontdesk.Contact{ID: "c", Fields: fields}, "", time.Time{}, nil)("contact", name)
		return v
	}
	first, last := frontdesk.Text("Ana"), frontdesk.Text("Maria")
	assert.Equal(t, "Ana Maria", get(map[string]frontdesk.Value{"firstname": first, "lastname": last}, "name"))
	assert.Equal(t, "Maria", get(map[string]frontdesk.Value{"lastname": last}, "name"))
	assert.Empty(t, get(map[string]frontdesk.Value{"name": frontdesk.Text("Ana Maria")}, "firstname"), "a name is not taken apart")
	assert.Equal(t, "7", get(map[string]frontdesk.Value{"ID": frontdesk.Number(7)}, "id"), "a field comes before the words of the package")
	assert.Equal(t, "true", get(map[string]frontdesk.Value{"vip": frontdesk.Boolean(true)}, "vip"))
	assert.Equal(t, "a, b", get(map[string]frontdesk.Value{"list": frontdesk.List("a", "b")}, "list"))
	assert.Empty(t, get(nil, "name"), "no <nil>")
}

// I16: whatever a contact is called, the lines of a prompt begin alike.
func TestStructureIsTheSameForAnyContact(t *testing.T) {
	const text = "# CONTEXT\n$contact.x\n\n- $contact.x\n1. $contact.x rest\n> $contact.x: y\nName: $contact.x\n## FLOW\n  $contact.x. Then"
	structure := regexp.MustCompile("^\\s*([-#>*+=~|\\[<`•①]+|\\pN+[.)．]|\\pL+:)?")
	shape := func(value string) []string {
		out, _ := variables.Parse(text).Expand(variables.Env{Lookup: func(string, string) (string, bool) { return value, true }})
		var lines []string
		for line := range strings.Lines(out) {
			lines = append(lines, structure.FindString(line))
		}
		return lines
	}
	want := shape("Ana")
	for _, value := range []string{"# x", "## FLOW", "- x", "* x", "+ x", "> x", "=== X ===", "---", "===", "[x]: y", "<x>", "1. x", "1) x", "1",
		"```", "~~~", "| a |", "① x", "１．x", "• x", "SYSTEM: x", "\n# x\n- y", "\u200b# x", "  - x", "\ufeff# x"} {
		assert.Equal(t, want, shape(value), "%q", value)
	}
}

func ExampleTemplate_Expand() {
	contact := frontdesk.Contact{Fields: map[string]frontdesk.Value{"firstname": frontdesk.Text("Ana")}}
	lookup := variables.ForContact(contact, "Budi", time.Date(2026, 11, 24, 9, 5, 0, 0, time.UTC), nil)
	text, missing := variables.Parse("Hi $contact.firstname, from $contact.company|\"your company\"! $assignee.name answers today ($system.current_date).").
		Expand(variables.Env{Lookup: lookup})
	fmt.Println(text)
	fmt.Println("missing:", missing)
	// Output:
	// Hi Ana, from your company! Budi answers today (2026-11-24).
	// missing: [contact.company]
}

func ExampleFill() {
	reply := "I've asked $assignee.name to help with $contact.email."
	fmt.Println(variables.Fill(reply, func(namespace, name string) (string, bool) {
		return "Budi", namespace == "assignee" && name == "name"
	}))
	// Output: I've asked Budi to help with contact.email.
}

func benchmarkText() string {
	var b strings.Builder
	for i := range 20 {
		b.WriteString(strings.Repeat("All work is done in the order in which it is written here. ", 8))
		fmt.Fprintf(&b, "Note %d: {{contact.field_%d}} and so on.\n", i, i)
	}
	return b.String()[:10_000]
}

func BenchmarkParse(b *testing.B) {
	text := benchmarkText()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		variables.Parse(text)
	}
}

func BenchmarkExpand(b *testing.B) {
	t := variables.Parse(benchmarkText())
	env := variables.Env{Lookup: func(string, string) (string, bool) { return "Ana Maria", true }}
	b.ReportAllocs()
	for b.Loop() {
		t.Expand(env)
	}
}
