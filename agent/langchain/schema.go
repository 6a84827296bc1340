package langchain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What lies deeper in a schema than this, or past so many schemas in it,
// becomes an object without properties: with references, a small text can
// stand for a schema without end.
const (
	maxSchemaDepth = 32
	maxSchemas     = 4096
)

// plainSchema returns a JSON Schema in the dialect that all providers
// understand: map[string]any all the way down, one type in each schema,
// properties in each object, items in each array, no references, optional
// unions with null collapsed, and the values of an enum repeated in the
// description because langchaingo's googleai drops the enum.
//
// What is lost (alternatives of several types become the first) is only
// advice to the model: arguments are validated against the action's own
// schema.
func plainSchema(raw json.RawMessage) (map[string]any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return emptySchema(), nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("the schema is not valid JSON: %w; give a JSON Schema of type object", err)
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the schema is not a JSON object; give a JSON Schema of type object")
	}
	p := &plainer{root: root, active: map[string]bool{}}
	out := p.schema(root, 0)
	if out["type"] != "object" {
		return nil, fmt.Errorf("the schema is of type %v; give a JSON Schema of type object", out["type"])
	}
	return out, nil
}

func emptySchema() map[string]any {
	return map[string]any{"type": "object", "properties": map[string]any{}}
}

type plainer struct {
	root   map[string]any  // where references point into
	active map[string]bool // references that are being followed
	count  int             // schemas so far
}

// schema returns a plain copy of one schema, which may be true or false.
func (p *plainer) schema(v any, depth int) map[string]any {
	p.count++
	if depth > maxSchemaDepth || p.count > maxSchemas {
		return emptySchema()
	}
	in, ok := v.(map[string]any)
	if !ok {
		return map[string]any{"type": "string"}
	}
	in, followed, ok := p.flatten(in)
	defer p.leave(followed)
	if !ok {
		return emptySchema()
	}
	out := map[string]any{}
	for key, value := range in {
		switch key {
		case "$schema", "$id", "$defs", "definitions", "$ref", "$comment", "prefixItems":
		case "properties":
			out[key] = p.properties(value, depth)
		case "items":
			out[key] = p.items(value, depth)
		case "additionalProperties":
			if _, isSchema := value.(map[string]any); isSchema {
				value = p.schema(value, depth+1)
			}
			out[key] = value
		case "anyOf", "oneOf", "allOf":
			if branches, isList := value.([]any); isList {
				out[key] = p.branches(branches, depth)
			}
		case "required":
			if names, isList := value.([]any); isList {
				out[key] = names
			}
		case "default":
			if value != nil {
				out[key] = value
			}
		default:
			out[key] = value
		}
	}
	p.setType(out)
	switch out["type"] {
	case "object":
		if _, ok := out["properties"].(map[string]any); !ok {
			out["properties"] = map[string]any{}
		}
	case "array":
		if _, ok := out["items"].(map[string]any); !ok {
			out["items"] = p.items(in["prefixItems"], depth)
		}
	}
	describeEnum(out)
	return out
}

// flatten follows references and collapses the alternatives of a schema when
// only one is left beside null. It returns the references it followed, which
// stay active until the caller leaves them, and reports false for one that
// leads round in a circle or nowhere.
func (p *plainer) flatten(in map[string]any) (out map[string]any, followed []string, ok bool) {
	for range maxSchemaDepth {
		if ref, isRef := in["$ref"].(string); isRef {
			target, found := p.resolve(ref)
			if !found || p.active[ref] {
				return nil, followed, false
			}
			p.active[ref] = true
			followed = append(followed, ref)
			in = overlay(target, in, "$ref")
			continue
		}
		key, branch := soleBranch(in)
		if key == "" {
			return in, followed, true
		}
		in = overlay(branch, in, key)
	}
	return nil, followed, false
}

func (p *plainer) leave(refs []string) {
	for _, ref := range refs {
		delete(p.active, ref)
	}
}

// overlay returns base with what top says besides, without top's key drop.
func overlay(base, top map[string]any, drop string) map[string]any {
	out := maps.Clone(base)
	for key, value := range top {
		if key != drop {
			out[key] = value
		}
	}
	return out
}

// resolve finds a reference of the form "#/$defs/Name" or "#".
func (p *plainer) resolve(ref string) (map[string]any, bool) {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, false
	}
	at := p.root
	for _, key := range strings.Split(path, "/")[1:] {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		next, ok := at[key].(map[string]any)
		if !ok {
			return nil, false
		}
		at = next
	}
	return at, true
}

// soleBranch finds a union that is none: with one alternative beside null.
func soleBranch(in map[string]any) (key string, branch map[string]any) {
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		list, ok := in[key].([]any)
		if !ok {
			continue
		}
		list = withoutNull(list)
		if len(list) != 1 {
			continue
		}
		if branch, ok := list[0].(map[string]any); ok {
			return key, branch
		}
	}
	return "", nil
}

// withoutNull drops the alternative that allows only null.
func withoutNull(branches []any) []any {
	return slices.DeleteFunc(slices.Clone(branches), func(b any) bool {
		m, ok := b.(map[string]any)
		return ok && m["type"] == "null"
	})
}

func (p *plainer) branches(list []any, depth int) []any {
	list = withoutNull(list)
	out := make([]any, len(list))
	for i, b := range list {
		out[i] = p.schema(b, depth+1)
	}
	return out
}

func (p *plainer) properties(v any, depth int) map[string]any {
	in, ok := v.(map[string]any)
	if !ok {
		return map[string]any{}
	}
	out := make(map[string]any, len(in))
	for name, schema := range in {
		if schema == false {
			continue // a property that must not be there
		}
		out[name] = p.schema(schema, depth+1)
	}
	return out
}

// items returns the schema of an array's elements; of a tuple, the first's.
func (p *plainer) items(v any, depth int) map[string]any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	return p.schema(v, depth+1)
}

// setType makes the type one that there is.
func (p *plainer) setType(out map[string]any) {
	names, ok := out["type"].([]any)
	if !ok {
		names = []any{out["type"]}
	}
	for _, name := range names {
		switch name {
		case "object", "array", "string", "number", "integer", "boolean":
			out["type"] = name
			return
		}
	}
	delete(out, "type")
	out["type"] = impliedType(out)
}

// impliedType is the type of a schema that does not say.
func impliedType(out map[string]any) string {
	if _, ok := out["properties"]; ok {
		return "object"
	}
	if _, ok := out["items"]; ok {
		return "array"
	}
	if values := enumValues(out); len(values) > 0 {
		switch values[0].(type) {
		case bool:
			return "boolean"
		case json.Number:
			return "number"
		}
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		if list, ok := out[key].([]any); ok && len(list) > 0 {
			if first, ok := list[0].(map[string]any); ok {
				if t, ok := first["type"].(string); ok {
					return t
				}
			}
		}
	}
	return "string"
}

// enumValues are the values that an enum or const allows, without null.
func enumValues(schema map[string]any) []any {
	values, _ := schema["enum"].([]any)
	if c, ok := schema["const"]; ok {
		values = []any{c}
	}
	return slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
}

// describeEnum repeats the allowed values in the description.
func describeEnum(schema map[string]any) {
	if description, ok := schema["description"]; ok {
		if _, isText := description.(string); !isText {
			delete(schema, "description")
		}
	}
	values := enumValues(schema)
	if len(values) == 0 {
		return
	}
	if _, ok := schema["enum"]; ok {
		schema["enum"] = values
	}
	texts := make([]string, len(values))
	for i, v := range values {
		if s, ok := v.(string); ok {
			texts[i] = s
			continue
		}
		data, err := json.Marshal(v)
		if err != nil {
			// Cannot be: v came out of JSON. Its Go form still informs.
			data = []byte(fmt.Sprint(v))
		}
		texts[i] = string(data)
	}
	allowed := "One of: " + strings.Join(texts, ", ") + "."
	if description, _ := schema["description"].(string); description != "" {
		if strings.Contains(description, allowed) {
			return
		}
		allowed = strings.TrimRight(description, " \n") + " " + allowed
	}
	schema["description"] = allowed
}
