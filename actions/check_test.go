package actions

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected texts under testdata")

// section returns a file of an archive, without the last line end.
func section(t *testing.T, a *txtar.Archive, name string) string {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == name {
			return strings.TrimSuffix(string(f.Data), "\n")
		}
	}
	if name != "want" || !*update {
		t.Fatalf("no section %q", name)
	}
	return ""
}

// matchGolden compares got with the "want" section of an archive, or writes it
// there.
func matchGolden(t *testing.T, file string, a *txtar.Archive, got string) {
	t.Helper()
	if !*update {
		assert.Equal(t, section(t, a, "want"), strings.TrimSuffix(got, "\n"), "run with -update and review the difference")
		return
	}
	files := []txtar.File{}
	for _, f := range a.Files {
		if f.Name != "want" {
			files = append(files, f)
		}
	}
	a.Files = append(files, txtar.File{Name: "want", Data: []byte(got)})
	require.NoError(t, os.WriteFile(file, txtar.Format(a), 0o644))
}

// S6.4, fault table: wrong or cut arguments have no effect and an error that
// the LLM can act on.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			require.NoError(t, err)
			c := checker(t, section(t, a, "schema"))
			var got strings.Builder
			for args := range strings.SplitSeq(section(t, a, "args"), "\n") {
				compact, err := c.Check(json.RawMessage(args))
				if err != nil {
					got.WriteString(strings.TrimPrefix(err.Error(), "actions: ") + "\n")
				} else {
					got.WriteString("ok " + string(compact) + "\n")
				}
			}
			matchGolden(t, file, a, got.String())
		})
	}
}

func checker(t testing.TB, schema string) *Checker {
	t.Helper()
	c, err := NewChecker(json.RawMessage(schema))
	require.NoError(t, err)
	return c
}

// Fault table: what cannot be written in a text file.
func TestCheckBytes(t *testing.T) {
	c := checker(t, stageSchema)
	for name, args := range map[string]string{
		"invalid UTF-8 in a value": "{\"stage\":\"a\xffb\"}",
		"invalid UTF-8 in a key":   "{\"sta\xc3\":\"a\"}",
		"raw control character":    "{\"stage\":\"a\x01b\"}",
		"raw NUL":                  "{\"stage\":\"a\x00b\"}",
		"NUL behind":               "{\"stage\":\"a\"}\x00",
		"byte order mark":          "\xef\xbb\xbf{\"stage\":\"a\"}",
		"deep nesting":             `{"stage":` + strings.Repeat("[", 10_000),
		"deep, well formed":        `{"stage":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"deep objects":             strings.Repeat(`{"stage":`, 5_000),
		"huge":                     `{"stage":"` + strings.Repeat("x", maxArgumentBytes) + `"}`,
		"grows when compacted":     `{"stage":"a","n":[` + strings.TrimSuffix(strings.Repeat("1e18,", 12_000), ",") + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Check(json.RawMessage(args))
			_, ok := err.(*ArgumentError)
			require.True(t, ok, "%v", err)
			assert.Less(t, len(err.Error()), 300)
			assert.True(t, utf8.ValidString(err.Error()))
			assert.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }), "%q", err.Error())
		})
	}
}

// The limits are exact: what is at them passes.
func TestCheckLimits(t *testing.T) {
	c := checker(t, `{"type":"object"}`)
	ok := func(args string) error { _, err := c.Check(json.RawMessage(args)); return err }
	nested := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	assert.NoError(t, ok(nested(32)))
	assert.Error(t, ok(nested(33)))
	filled := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	assert.NoError(t, ok(filled(maxArgumentBytes)))
	assert.Error(t, ok(filled(maxArgumentBytes+1)))
	assert.NoError(t, ok(`{"a":1e308,"b":-1.7976931348623157e308,"c":1e-308}`))
	assert.Error(t, ok(`{"a":1e309}`))
}

// Numbers that are whole are written so, whatever their form; others and those
// beyond an int64 stay as they were written.
func TestCheckNumbers(t *testing.T) {
	c := checker(t, `{"type":"object","properties":{"n":{"type":"number"}}}`)
	for in, want := range map[string]string{
		"1.0": "1", "1e3": "1000", "-2.50e1": "-25", "1.5": "1.5", "0.1e1": "1", "-0.0": "0", "1e18": "1000000000000000000",
		"1e19": "1e19", "1e300": "1e300", "1e-300": "1e-300", "9223372036854775807": "9223372036854775807",
		"9007199254740993.0": "9007199254740993", "1" + strings.Repeat("0", 40) + "e-40": "1",
	} {
		got, err := c.Check(json.RawMessage(`{"n":` + in + `}`))
		require.NoError(t, err, in)
		assert.Equal(t, `{"n":`+want+`}`, string(got), in)
	}
}

// Many faults are all counted, few are shown, and the message stays short
// whatever was sent (fault table: huge output, bytes capped).
func TestArgumentErrorBounded(t *testing.T) {
	c := checker(t, `{"type":"object","properties":{"a":{"type":"object","additionalProperties":false}},"additionalProperties":false}`)
	var sb strings.Builder
	sb.WriteString(`{"a":{`)
	for i := range 1000 {
		if i > 0 {
			sb.WriteByte(',')
		}
		sb.WriteString(`"` + strings.Repeat("k", 20+i%7) + string(rune('a'+i%26)) + strings.Repeat("z", i/26) + `":1`)
	}
	sb.WriteString(`}}`)
	_, err := c.Check(json.RawMessage(sb.String()))
	argErr, ok := err.(*ArgumentError)
	require.True(t, ok, "%v", err)
	assert.Len(t, argErr.Faults, maxFaults)
	assert.Positive(t, argErr.More)
	assert.Less(t, len(err.Error()), 4000)
	assert.True(t, strings.HasPrefix(err.Error(), "actions: "))
}

// The same arguments give the same message: it is part of the journal, and
// replaying a trace must give the same bytes (I30).
func TestCheckDeterministic(t *testing.T) {
	c := checker(t, fieldsSchema)
	args := json.RawMessage(`{"z":1,"y":2,"Fields":[],"x":{"a":1},"fields":[{"q":1,"p":2,"Value":3}]}`)
	_, first := c.Check(args)
	require.Error(t, first)
	for range 50 {
		_, again := c.Check(args)
		require.EqualError(t, again, first.Error())
	}
}

// A Checker is used by all conversations at once.
func TestCheckConcurrent(t *testing.T) {
	c := checker(t, fieldsSchema)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				got, err := c.Check(json.RawMessage(` {"fields":[ {"field":"email","value":"a@b.c"} ]}`))
				assert.NoError(t, err)
				assert.Equal(t, `{"fields":[{"field":"email","value":"a@b.c"}]}`, string(got))
			}
		})
	}
	wg.Wait()
}

// A schema may come from a server that is not ours: it can make nobody read a
// file or an address.
func TestNewCheckerRefuses(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	require.NoError(t, os.WriteFile(secret, []byte(`{"type":"string"}`), 0o600))
	for name, c := range map[string]struct{ schema, want string }{
		"nothing":           {"", "there is no schema"},
		"not JSON":          {"{", "cut off"},
		"key twice":         {`{"type":"object","type":"object"}`, "stands twice"},
		"a string":          {`{"type":"string"}`, "not of type object"},
		"several types":     {`{"type":["object","null"]}`, "not of type object"},
		"true":              {`true`, "not of type object"},
		"bad keyword":       {`{"type":"object","properties":{"a":{"type":"strin"}}}`, "does not compile: at /properties/a/type: value must be one of 'array',"},
		"bad bound":         {`{"type":"object","properties":{"a":{"type":"string","minLength":"3"}}}`, "does not compile: at /properties/a/minLength: got string, want integer"},
		"bad pattern":       {`{"type":"object","properties":{"a":{"pattern":"("}}}`, "does not compile"},
		"file reference":    {`{"type":"object","properties":{"a":{"$ref":"file://` + secret + `"}}}`, "leads out of the schema"},
		"web reference":     {`{"type":"object","properties":{"a":{"$ref":"http://127.0.0.1:1/x"}}}`, "leads out of the schema"},
		"foreign meta":      {`{"$schema":"http://127.0.0.1:1/x","type":"object"}`, "leads out of the schema"},
		"missing reference": {`{"type":"object","properties":{"a":{"$ref":"#/$defs/none"}}}`, "does not compile"},
		"relative":          {`{"type":"object","properties":{"a":{"$ref":"other.json"}}}`, "does not compile"},
		"too deep":          {`{"type":"object","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			ck, err := NewChecker(json.RawMessage(c.schema))
			require.ErrorContains(t, err, c.want)
			assert.Nil(t, ck)
			assert.True(t, strings.HasPrefix(err.Error(), "actions: "), err.Error())
		})
	}
}

// A schema that refers to itself costs no more than its arguments are long.
func TestCheckRecursiveSchema(t *testing.T) {
	c := checker(t, `{"type":"object","$defs":{"n":{"anyOf":[{"type":"object","properties":{"n":{"$ref":"#/$defs/n"},"m":{"$ref":"#/$defs/n"}}},{"type":"integer"}]}},
		"properties":{"n":{"$ref":"#/$defs/n"}}}`)
	_, err := c.Check(json.RawMessage(strings.Repeat(`{"n":`, 30) + "1" + strings.Repeat("}", 30)))
	assert.NoError(t, err)
	_, err = c.Check(json.RawMessage(strings.Repeat(`{"n":`, 20) + `{"N":1}` + strings.Repeat("}", 20)))
	assert.ErrorContains(t, err, `must be written "n"`)
}

// foldKey takes for equal what encoding/json takes for equal.
func TestFoldKey(t *testing.T) {
	for _, pair := range [][2]string{{"stage", "STAGE"}, {"stage", "ſtage"}, {"key", "\u212aey"}, {"größe", "GRÖẞE"}, {"Σ", "ς"}} {
		assert.Equal(t, foldKey(pair[0]), foldKey(pair[1]), "%q", pair)
	}
	for _, pair := range [][2]string{{"stage", "stages"}, {"closing_note", "closingNote"}, {"ı", "i"}, {"", "a"}} {
		assert.NotEqual(t, foldKey(pair[0]), foldKey(pair[1]), "%q", pair)
	}
}

// What passes is what encoding/json reads too, in the same keys; it is short,
// valid, and passes again as it is.
func FuzzCheck(f *testing.F) {
	schemas := []string{assignSchema, fieldsSchema, tagsSchema, `{"type":"object","properties":{"a":{"type":"object","properties":{"n":{"type":"number"}}}}}`}
	checkers := make([]*Checker, len(schemas))
	for i, s := range schemas {
		checkers[i] = checker(f, s)
	}
	paths, err := filepath.Glob("testdata/check/*.txtar")
	require.NoError(f, err)
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for _, file := range a.Files {
			for line := range bytes.Lines(file.Data) {
				f.Add(line)
			}
		}
	}
	for _, s := range []string{
		`{"target":"anyone","method":"least_open"}`, `{"fields":[{"field":"a","value":""}]}`, `{"add":["vip"]}`, `{"a":{"n":1.50e2}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		for i, c := range checkers {
			before := bytes.Clone(args)
			got, err := c.Check(args)
			require.Equal(t, before, args, "the arguments were changed")
			if err != nil {
				require.True(t, utf8.ValidString(err.Error()))
				require.LessOrEqual(t, len(err.Error()), 8000)
				continue
			}
			require.True(t, json.Valid(got))
			require.True(t, utf8.Valid(got))
			require.NotContains(t, string(got), `\u0000`)
			again, err := c.Check(got)
			require.NoError(t, err)
			require.Equal(t, string(got), string(again))
			var strict, plain any
			require.NoError(t, json.Unmarshal(got, &strict))
			if trimmed := bytes.TrimSpace(args); len(trimmed) > 0 && string(trimmed) != "null" {
				require.NoError(t, json.Unmarshal(args, &plain))
				require.Equal(t, plain, strict)
			}
			switch i { // what passes decodes
			case 0:
				require.NoError(t, json.Unmarshal(got, new(assignArgs)))
			case 1:
				require.NoError(t, json.Unmarshal(got, new(fieldsArgs)))
			case 2:
				require.NoError(t, json.Unmarshal(got, new(tagsArgs)))
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct{ name, schema, args string }{
		{"assign", assignSchema, `{"target":"Sales Team","method":"round_robin","summary":"Wants 40 seats, asked for a quote"}`},
		{"fields", fieldsSchema, `{"fields":[{"field":"email","value":"ana@example.com"},{"field":"budget","value":"120000"}]}`},
		{"refused", assignSchema, `{"target":7,"Method":"random"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			ck := checker(b, c.schema)
			b.ReportAllocs()
			for b.Loop() {
				_, err := ck.Check(json.RawMessage(c.args))
				if (err != nil) != (c.name == "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}
