package actions

import (
	"encoding/json"
	"slices"
)

// quick accepts, without allocating, the arguments that LLMs send nearly
// always: a compact object of plain ASCII strings, whole numbers, booleans and
// lists of them, under a schema of the simplest kind. It only ever accepts
// what the full check accepts and would give back unchanged; whatever it is
// not sure of is left to the full check, which also words the refusals. A
// differential fuzz test holds the two together.
type quick struct {
	kind     quickKind
	enum     []string // of a string; nil: any
	items    *quick   // of an array
	names    []string // of an object, sorted
	values   []*quick // by the index of names
	required uint64   // bits by the index of names
}

type quickKind byte

const (
	quickString quickKind = iota + 1
	quickInteger
	quickNumber
	quickBoolean
	quickArray
	quickObject
)

// maxQuickNames is how many properties fit the bits of required.
const maxQuickNames = 64

// newQuick compiles a schema; nil where it holds anything that quick does not
// know.
func newQuick(schema map[string]any) *quick {
	for key := range schema {
		switch key {
		case "type", "description", "title", "enum", "items", "properties", "required", "additionalProperties":
		default:
			return nil
		}
	}
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { _, ok := schema[k]; return ok })
	}
	object := []string{"properties", "required", "additionalProperties"}
	switch schema["type"] {
	case "string":
		if has(object...) || has("items") {
			return nil
		}
		return quickOfString(schema)
	case "integer", "number", "boolean":
		if has(object...) || has("items", "enum") {
			return nil
		}
		kinds := map[any]quickKind{"integer": quickInteger, "number": quickNumber, "boolean": quickBoolean}
		return &quick{kind: kinds[schema["type"]]}
	case "array":
		items, ok := schema["items"].(map[string]any)
		if !ok || has(object...) || has("enum") {
			return nil
		}
		if q := newQuick(items); q != nil {
			return &quick{kind: quickArray, items: q}
		}
	case "object":
		if has("items", "enum") {
			return nil
		}
		return quickOfObject(schema)
	}
	return nil
}

func quickOfString(schema map[string]any) *quick {
	q := &quick{kind: quickString}
	values, given := schema["enum"]
	if !given {
		return q
	}
	list, ok := values.([]any)
	if !ok {
		return nil
	}
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		q.enum = append(q.enum, s)
	}
	if len(q.enum) == 0 {
		return nil
	}
	return q
}

func quickOfObject(schema map[string]any) *quick {
	if schema["additionalProperties"] != false {
		return nil
	}
	props, ok := schema["properties"].(map[string]any)
	if !ok || len(props) > maxQuickNames {
		return nil
	}
	q := &quick{kind: quickObject}
	for name := range props {
		q.names = append(q.names, name)
	}
	slices.Sort(q.names)
	for _, name := range q.names {
		sub, ok := props[name].(map[string]any)
		if !ok {
			return nil
		}
		v := newQuick(sub)
		if v == nil {
			return nil
		}
		q.values = append(q.values, v)
	}
	required, given := schema["required"]
	if !given {
		return q
	}
	list, ok := required.([]any)
	if !ok {
		return nil
	}
	for _, r := range list {
		name, ok := r.(string)
		if !ok {
			return nil
		}
		i, found := slices.BinarySearch(q.names, name)
		if !found {
			return nil
		}
		q.required |= 1 << i
	}
	return q
}

// accepts reports whether the arguments are certainly in order as they stand.
func (q *quick) accepts(args json.RawMessage) bool {
	if q == nil {
		return false
	}
	end, ok := q.value(args, 0, maxDepth)
	return ok && end == len(args)
}

// value reads one value at i and returns where it ends.
func (q *quick) value(b []byte, i, depth int) (int, bool) {
	if i >= len(b) {
		return i, false
	}
	switch q.kind {
	case quickString:
		s, end, ok := plainString(b, i)
		if !ok || q.enum == nil {
			return end, ok
		}
		for _, e := range q.enum {
			if e == string(s) {
				return end, true
			}
		}
		return end, false
	case quickInteger, quickNumber:
		return wholeNumber(b, i)
	case quickBoolean:
		if rest := b[i:]; len(rest) >= 4 && string(rest[:4]) == "true" {
			return i + 4, true
		} else if len(rest) >= 5 && string(rest[:5]) == "false" {
			return i + 5, true
		}
		return i, false
	case quickArray:
		return q.array(b, i, depth)
	case quickObject:
		return q.object(b, i, depth)
	}
	return i, false
}

func (q *quick) array(b []byte, i, depth int) (int, bool) {
	if b[i] != '[' || depth == 0 {
		return i, false
	}
	i++
	if i < len(b) && b[i] == ']' {
		return i + 1, true
	}
	for {
		end, ok := q.items.value(b, i, depth-1)
		if !ok || end >= len(b) {
			return end, false
		}
		switch b[end] {
		case ',':
			i = end + 1
		case ']':
			return end + 1, true
		default:
			return end, false
		}
	}
}

func (q *quick) object(b []byte, i, depth int) (int, bool) {
	if b[i] != '{' || depth == 0 {
		return i, false
	}
	var seen uint64
	i++
	if i < len(b) && b[i] == '}' {
		return i + 1, q.required == 0
	}
	for {
		key, end, ok := plainString(b, i)
		if !ok || end >= len(b) || b[end] != ':' {
			return end, false
		}
		k := q.index(key)
		if k < 0 || seen&(1<<k) != 0 {
			return end, false
		}
		seen |= 1 << k
		end, ok = q.values[k].value(b, end+1, depth-1)
		if !ok || end >= len(b) {
			return end, false
		}
		switch b[end] {
		case ',':
			i = end + 1
		case '}':
			return end + 1, q.required&^seen == 0
		default:
			return end, false
		}
	}
}

func (q *quick) index(key []byte) int {
	for i, name := range q.names {
		if name == string(key) {
			return i
		}
	}
	return -1
}

// plainString reads a string of printable ASCII without escapes.
func plainString(b []byte, i int) (s []byte, end int, ok bool) {
	if i >= len(b) || b[i] != '"' {
		return nil, i, false
	}
	start := i + 1
	for i = start; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[start:i], i + 1, true
		case c < 0x20 || c > 0x7e || c == '\\':
			return nil, i, false
		}
	}
	return nil, i, false
}

// wholeNumber reads a whole number that fits an int64 with room to spare.
func wholeNumber(b []byte, i int) (end int, ok bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	n := i - start
	if n == 0 || n > 15 || n > 1 && b[start] == '0' {
		return i, false
	}
	return i, true
}
