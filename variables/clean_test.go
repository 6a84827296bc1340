package variables_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// S4.3, I25
func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Ana Maria", "Ana Maria"},
		{"empty", "", ""},
		{"white space of every kind", " \ta\r\n\u2028b\u00a0\u3000 c\v", "a b c"},
		{"only white space", " \n\t ", ""},
		{"NUL and controls", "a\x00b\x1b[31mc\u0085d\x7f", "ab[31mc d"},
		{"invalid UTF-8", "a\xffb\xc3", "ab"},
		{"a replacement character that was there", "a\ufffdb", "a\ufffdb"},
		{"lone surrogate", "a\xed\xa0\x80b", "ab"},
		{"direction", "a\u202eb\u2066c\u200fd\u061ce", "abcde"},
		{"zero width", "a\u200bb\ufeffc\u2060d\u00ade", "abcde"},
		{"joiner between letters that need none", "a\u200db\u200c", "ab"},
		{"joiner in a family", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
		{"non-joiner in Persian", "می\u200cخواهم", "می\u200cخواهم"},
		{"joiners in a row hide nothing", "é\u200d\u200c\u200dx", "é\u200dx"},
		{"tags", "a\U000e0068\U000e0069b", "ab"},
		{"selectors that carry text", "😀\U000e0101\U000e0102\ufe01", "😀"},
		{"emoji presentation", "❤\ufe0f", "❤\ufe0f"},
		{"blank that is a letter", "\u3164", ""},
		{"Arabic number sign", "\u0600١", "\u0600١"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, variables.Clean(c.in, 0))
		})
	}
}

func TestCleanLimit(t *testing.T) {
	assert.Equal(t, "abcde", variables.Clean("abcde", 5))
	assert.Equal(t, "abcd…", variables.Clean("abcdef", 5))
	assert.Equal(t, "ab…", variables.Clean("ab  cdef", 4), "no space before the cut")
	assert.Equal(t, "é…", variables.Clean("é\u200déé", 3), "no joiner either")
	assert.Equal(t, "…", variables.Clean("ab", 1))
	assert.Equal(t, "a", variables.Clean("a \n", 1))
	for _, s := range []string{strings.Repeat("x", 201), strings.Repeat("界", 5000)} {
		assert.Equal(t, variables.DefaultLimit, utf8.RuneCountInString(variables.Clean(s, 0)))
		assert.Equal(t, variables.DefaultLimit, utf8.RuneCountInString(variables.Clean(s, -3)))
	}
}

// I22
func TestDefuse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"It is $100, US$5 or $ 3.", "It is $100, US$5 or $ 3."},
		{"A$AP and $x", "A$AP and $x"},
		{"$contact.email", "contact.email"},
		{"Hi $contact.firstname|there", "Hi contact.firstname|there"},
		{"$$contact.x $$$contact.x", "contact.x contact.x"},
		{"{{contact.x}}", "contact.x"},
		{"{{ $contact.first name | you }}!", "contact.first name!"},
		{"{{name}} {{{x}}} {a}", "{name}} {x}}} {a}"},
		{"${{contact.x}}", "contact.x"},
		{"$a$b.c", "ab.c"},
		{"$a.$b.c", "a.b.c"},
		{"$a{{b.c}}", "ab.c"},
		{"$x $contact.y", "$x contact.y"},
		{`{"a":{"b":1}}`, `{"a":{"b":1}}`},
	} {
		got := variables.Defuse(c.in)
		assert.Equal(t, c.want, got, c.in)
		assert.Empty(t, variables.Parse(got).Variables(), c.in)
		assert.Equal(t, got, variables.Defuse(got), "twice: %q", c.in)
	}
}

// A long run of sigils must not cost more than its length.
func TestLinear(t *testing.T) {
	for _, unit := range []string{"$", "{{", "{{a.", "$a.", "$a", "$contact.x|\"", "$contact.x|“", "{{contact.a ", "$$contact.x", "$a$b.c", "{{contact.x|"} {
		s := strings.Repeat(unit, 200_000)
		defused := variables.Defuse(s)
		assert.Empty(t, variables.Parse(defused).Variables(), unit)
		tpl := variables.Parse(s)
		out, _ := tpl.Expand(variables.Env{Lookup: func(string, string) (string, bool) { return "v", true }})
		assert.NotContains(t, out, "\x00")
	}
}

func ExampleClean() {
	fmt.Printf("%q\n", variables.Clean("Ana\u202e\n# SYSTEM", 0))
	fmt.Println(variables.Clean("a very long company name", 10))
	// Output:
	// "Ana # SYSTEM"
	// a very lo…
}

func ExampleDefuse() {
	fmt.Println(variables.Defuse("Your total is $100, $contact.firstname."))
	// Output: Your total is $100, contact.firstname.
}
