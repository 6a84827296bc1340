package actions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value whose objects keep the order of their keys: schemas
// must come out the same each time, or the prompt caches of LLM providers miss.
type node struct {
	kind    jsontext.Kind // KindBeginObject, KindBeginArray; else raw holds it
	raw     jsontext.Value
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

// parseNode reads JSON that was checked before, or made by us.
func parseNode(data []byte) (*node, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	n, err := readNode(dec)
	if err != nil {
		return nil, fmt.Errorf("actions: the schema is not valid JSON: repair it")
	}
	return n, nil
}

func readNode(dec *jsontext.Decoder) (*node, error) {
	n := &node{kind: dec.PeekKind()}
	switch n.kind {
	case jsontext.KindBeginObject:
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		for dec.PeekKind() != jsontext.KindEndObject {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			m := member{name: name.String()}
			if m.value, err = readNode(dec); err != nil {
				return nil, err
			}
			n.members = append(n.members, m)
		}
		_, err := dec.ReadToken()
		return n, err
	case jsontext.KindBeginArray:
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		for dec.PeekKind() != jsontext.KindEndArray {
			item, err := readNode(dec)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err := dec.ReadToken()
		return n, err
	}
	raw, err := dec.ReadValue()
	n.raw = raw.Clone()
	return n, err
}

func (n *node) append(dst []byte) []byte {
	switch n.kind {
	case jsontext.KindBeginObject:
		dst = append(dst, '{')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, textNode(m.name).raw...)
			dst = append(dst, ':')
			dst = m.value.append(dst)
		}
		return append(dst, '}')
	case jsontext.KindBeginArray:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst)
		}
		return append(dst, ']')
	}
	return append(dst, n.raw...)
}

func (n *node) isObject() bool { return n != nil && n.kind == jsontext.KindBeginObject }

// get returns the member of that name; nil if there is none.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// set replaces a member in its place, or adds it behind the others.
func (n *node) set(name string, v *node) {
	for i := range n.members {
		if n.members[i].name == name {
			n.members[i].value = v
			return
		}
	}
	n.members = append(n.members, member{name, v})
}

func (n *node) remove(name string) {
	n.members = slices.DeleteFunc(n.members, func(m member) bool { return m.name == name })
}

// text returns the text of a string; empty for anything else.
func (n *node) text() string {
	if n == nil || n.kind != jsontext.KindString {
		return ""
	}
	b, err := jsontext.AppendUnquote(nil, n.raw)
	if err != nil {
		return ""
	}
	return string(b)
}

func textNode(s string) *node {
	// AppendQuote replaces invalid UTF-8 and says so; replacing is what a
	// schema needs.
	raw, _ := jsontext.AppendQuote(nil, s)
	return &node{kind: jsontext.KindString, raw: raw}
}

func listNode(texts []string) *node {
	n := &node{kind: jsontext.KindBeginArray}
	seen := make(map[string]bool, len(texts))
	for _, s := range texts {
		if seen[s] {
			continue // providers refuse an enum that says a thing twice
		}
		seen[s] = true
		n.items = append(n.items, textNode(s))
	}
	return n
}

// WithEnum returns the action with one property of its schema narrowed to the
// given texts, in their order; an enum that is there is replaced. The path
// names the property: "stage", or "fields[].field" for one inside the items of
// a list, "add[]" for the items themselves. An agent narrows the built-in
// actions so to what its instructions allow; of an action made by [Func] it is
// the way to give a property an enum.
//
// With no values, nothing can be given: an optional property (the nearest one
// on the path) is taken out of the schema, a required one is an error. It is
// an error too when the path leads nowhere or to anything but a string.
func (a Action) WithEnum(path string, values []string) (Action, error) {
	spot, err := a.find(path)
	if err != nil {
		return a, err
	}
	if spot.value.get("type").text() != "string" {
		return a, fmt.Errorf("actions: the property %s of %s is not a string: only strings can be narrowed", quote(path), quote(a.Name))
	}
	if len(values) == 0 {
		return a.without(spot, path)
	}
	spot.value.set("enum", listNode(values))
	order(spot.value, schemaKeys)
	a.Schema = json.RawMessage(spot.root.append(nil))
	return a, nil
}

// Without returns the action with an optional property taken out of its
// schema, such as "summary" of [Close]. The path is that of [Action.WithEnum].
// A property that is required, or not there, is an error.
func (a Action) Without(path string) (Action, error) {
	spot, err := a.find(path)
	if err != nil {
		return a, err
	}
	return a.without(spot, path)
}

func (a Action) without(s spot, path string) (Action, error) {
	required := s.owner.get("required")
	if required != nil && slices.ContainsFunc(required.items, func(n *node) bool { return n.text() == s.name }) {
		return a, fmt.Errorf("actions: %s requires %s and nothing is allowed for it: leave the action out", quote(a.Name), quote(path))
	}
	s.owner.get("properties").remove(s.name)
	a.Schema = json.RawMessage(s.root.append(nil))
	return a, nil
}

// spot is a place in a schema: value is what a path names, owner the object
// schema that has the last property on it, name that property.
type spot struct {
	root, owner, value *node
	name               string
}

func (a Action) find(path string) (spot, error) {
	if _, err := readSchema(a.Schema); err != nil {
		return spot{}, err
	}
	root, err := parseNode(a.Schema)
	if err != nil {
		return spot{}, err
	}
	s := spot{root: root, value: root}
	for part := range strings.SplitSeq(path, ".") {
		s.name = strings.TrimRight(part, "[]")
		lists := strings.Count(part, "[]")
		if s.name == "" || s.name+strings.Repeat("[]", lists) != part {
			s.value = nil
			break
		}
		s.owner = s.value
		s.value = s.owner.get("properties").get(s.name)
		for range lists {
			s.value = s.value.get("items")
		}
	}
	if !s.value.isObject() {
		return spot{}, fmt.Errorf("actions: %s has no property %s: name one of its schema, such as \"target\" or \"fields[].field\"", quote(a.Name), quote(path))
	}
	return s, nil
}

// schemaKeys is the order in which the keys of a schema are written.
var schemaKeys = []string{"type", "description", "enum", "items", "properties", "required", "additionalProperties"}

// order sorts members by a list of names; others follow as they stood.
func order(n *node, names []string) {
	rank := func(name string) int {
		if i := slices.Index(names, name); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(n.members, func(a, b member) int { return rank(a.name) - rank(b.name) })
}
