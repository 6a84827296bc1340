package langchain

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata")

func TestPlainSchema(t *testing.T) {
	const path = "testdata/schema.txtar"
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	want := map[string]string{}
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if name, ok := strings.CutSuffix(f.Name, ".out"); ok {
			want[name] = string(f.Data)
		}
	}
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".in")
		if !ok {
			continue
		}
		got := plainText(t, f.Data)
		out.Files = append(out.Files, f, txtar.File{Name: name + ".out", Data: []byte(got)})
		if !*update {
			t.Run(name, func(t *testing.T) { assert.Equal(t, want[name], got) })
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(path, txtar.Format(out), 0o644))
	}
}

func plainText(t *testing.T, schema []byte) string {
	t.Helper()
	plain, err := plainSchema(schema)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	require.NoError(t, enc.Encode(plain))
	return b.String()
}

// geminiWants is what langchaingo's googleai wants of a schema before it
// sends it, and what its API wants after.
func geminiWants(schema any, path string) error {
	m, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: %T is no map[string]any", path, schema)
	}
	typ, ok := m["type"].(string)
	if !ok {
		return fmt.Errorf("%s: type is %v", path, m["type"])
	}
	switch typ {
	case "object", "array", "string", "number", "integer", "boolean":
	default:
		return fmt.Errorf("%s: unknown type %q", path, typ)
	}
	if d, ok := m["description"]; ok {
		if _, ok := d.(string); !ok {
			return fmt.Errorf("%s: description is %T", path, d)
		}
	}
	if r, ok := m["required"]; ok {
		if _, ok := r.([]any); !ok {
			return fmt.Errorf("%s: required is %T", path, r)
		}
	}
	if typ == "object" {
		properties, ok := m["properties"].(map[string]any)
		if !ok {
			return fmt.Errorf("%s: properties is %T", path, m["properties"])
		}
		for name, p := range properties {
			if err := geminiWants(p, path+"."+name); err != nil {
				return err
			}
		}
	}
	if typ == "array" {
		return geminiWants(m["items"], path+"[]")
	}
	return nil
}

// The schemas of typed actions: optional slices and pointers come with null.
func TestPlainSchemaOfGoTypes(t *testing.T) {
	type place struct {
		Street string   `json:"street"`
		Floor  *int     `json:"floor,omitempty"`
		Tags   []string `json:"tags,omitempty"`
	}
	schema, err := jsonschema.For[struct {
		Order   int               `json:"order" jsonschema:"the number"`
		Place   *place            `json:"place,omitempty"`
		Places  []place           `json:"places"`
		Extra   map[string]string `json:"extra,omitempty"`
		Any     any               `json:"any,omitempty"`
		Weights []*float64        `json:"weights,omitempty"`
	}](nil)
	require.NoError(t, err)
	raw, err := json.Marshal(schema)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"null"`, "the schema has the unions that this test is about")
	plain, err := plainSchema(raw)
	require.NoError(t, err)
	require.NoError(t, geminiWants(plain, "$"))
	text, err := json.Marshal(plain)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "null")
	assert.Equal(t, "the number", plain["properties"].(map[string]any)["order"].(map[string]any)["description"])
}

// A schema that doubles with each reference must not become a prompt without
// end.
func TestPlainSchemaIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`)
	for i := range 30 {
		fmt.Fprintf(&b, `"d%d":{"type":"object","properties":{"x":{"$ref":"#/$defs/d%d"},"y":{"$ref":"#/$defs/d%d"}}},`, i, i+1, i+1)
	}
	b.WriteString(`"d30":{"type":"string"}}}`)
	plain, err := plainSchema([]byte(b.String()))
	require.NoError(t, err)
	text, err := json.Marshal(plain)
	require.NoError(t, err)
	assert.Less(t, len(text), 1_000_000)
	require.NoError(t, geminiWants(plain, "$"))
}

func FuzzPlainSchema(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/schema.txtar")
	require.NoError(f, err)
	for _, file := range archive.Files {
		f.Add(file.Data)
	}
	f.Add([]byte(`{"$ref":"#"}`))
	f.Add([]byte(`{"anyOf":[{"$ref":"#"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		plain, err := plainSchema(raw)
		if err != nil {
			return
		}
		if err := geminiWants(plain, "$"); err != nil {
			t.Errorf("%s\nbecame a schema that googleai refuses: %v", raw, err)
		}
		again, err := json.Marshal(plain)
		if err != nil {
			t.Fatalf("%s\nbecame what is no JSON: %v", raw, err)
		}
		twice, err := plainSchema(again)
		if err != nil {
			t.Fatalf("%s\nis refused the second time: %v", again, err)
		}
		assert.Equal(t, plainText(t, again), mustText(t, twice))
	})
}

func mustText(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return plainText(t, data)
}
