package actions

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// Func makes an action of a Go function (S6.1). The JSON Schema comes from In,
// which must be a struct: keys are the json tags, fields without omitempty or
// omitzero are required, a jsonschema tag describes a field to the LLM. For a
// property that may have only some values, call [Action.WithEnum] on what Func
// returns.
//
// The arguments are held to the schema before fn runs, whoever calls it
// ([Checker.Check]). An error of fn is a failed call whose text the LLM reads;
// it must hold nothing that the contact may not see. An outside effect belongs
// under call.Key, which is the same when the call is run again after a crash
// (S6.8).
//
// A type that JSON Schema cannot describe in one type per value (any, an
// interface, json.RawMessage, a type with its own UnmarshalJSON) is an error:
// give such an action its Schema and Run by hand.
func Func[In any](name, description string, fn func(ctx context.Context, call Call, in In) (Result, error)) (Action, error) {
	a := Action{Name: name, Description: description}
	var errs []error
	if fn == nil {
		errs = append(errs, fmt.Errorf("actions: %s has no function: give one", quote(name)))
	}
	schema, err := schemaOf(reflect.TypeFor[In]())
	if err != nil {
		return Action{}, errors.Join(append(errs, err)...)
	}
	a.Schema = schema
	checker, err := NewChecker(schema)
	if err != nil {
		return Action{}, errors.Join(append(errs, err)...)
	}
	a.Run = func(ctx context.Context, call Call) (Result, error) {
		var in In
		if err := decode(checker, call.Arguments, &in); err != nil {
			return Result{}, err
		}
		return fn(ctx, call, in)
	}
	if err := errors.Join(append(errs, a.Validate())...); err != nil {
		return Action{}, err
	}
	return a, nil
}

// MustFunc is [Func] for package-level variables and tests: it panics where
// Func returns an error, which depends on the program alone and never on input.
func MustFunc[In any](name, description string, fn func(ctx context.Context, call Call, in In) (Result, error)) Action {
	a, err := Func(name, description, fn)
	if err != nil {
		panic(err)
	}
	return a
}

var validName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// validKey is what every provider takes as the name of a property.
var validKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// Validate reports all that keeps an action from being offered to an LLM: a
// name that providers refuse, no description, a schema that does not compile
// or is not of type object, no Run. Nil means that there is nothing.
func (a Action) Validate() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("actions: %s: "+format, append([]any{quote(a.Name)}, args...)...))
	}
	if !validName.MatchString(a.Name) {
		fault("the name is not usable: begin with a letter or _, go on with letters, digits, _ and -, at most 64 in all")
	}
	if strings.TrimSpace(a.Description) == "" {
		fault("there is no description: tell the LLM what the action does")
	}
	if _, err := NewChecker(a.Schema); err != nil {
		fault("%w", err)
	}
	if a.Run == nil {
		fault("Run is nil: give the function that performs the action")
	}
	if a.Timeout < 0 {
		fault("the timeout is negative: give one above 0, or 0 for the agent's")
	}
	if a.Delivery != AtLeastOnce && a.Delivery != AtMostOnce {
		fault("there is no delivery %d: use AtLeastOnce or AtMostOnce", a.Delivery)
	}
	return errors.Join(errs...)
}

// schemaOf makes the schema of a struct type, in the form that every provider
// takes: one type per value, properties always there, a fixed order.
func schemaOf(t reflect.Type) (json.RawMessage, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("actions: the arguments of a function are of type %s: use a struct", t)
	}
	own := map[reflect.Type]*jsonschema.Schema{}
	if err := ownForms(t, own, map[reflect.Type]bool{}); err != nil {
		return nil, err
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: own})
	if err != nil {
		return nil, fmt.Errorf("actions: no schema can be made of %s: %w: use plain types, or give Schema and Run by hand", t, err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("actions: no schema can be made of %s: %w", t, err)
	}
	root, err := parseNode(data)
	if err != nil {
		return nil, err
	}
	if err := normalise(root, t.String()); err != nil {
		return nil, err
	}
	return json.RawMessage(root.append(nil)), nil
}

var (
	typeTime        = reflect.TypeFor[time.Time]()
	typeText        = reflect.TypeFor[encoding.TextUnmarshaler]()
	typeUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// ownForms finds the types that encoding/json reads from something else than
// their Go shape: bytes come as base64 text, types with UnmarshalText as text.
// A type with UnmarshalJSON may come as anything, so it is refused.
func ownForms(t reflect.Type, own map[reflect.Type]*jsonschema.Schema, seen map[reflect.Type]bool) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if seen[t] {
		return nil
	}
	seen[t] = true
	ptr := reflect.PointerTo(t)
	switch {
	case t == typeTime:
		own[t] = &jsonschema.Schema{Type: "string", Format: "date-time"}
		return nil
	case t.Kind() == reflect.Interface:
		return nil // normalise refuses it, with the path
	case ptr.Implements(typeUnmarshaler):
		return fmt.Errorf("actions: %s reads its own JSON, so that its schema is not known: use a plain type, or give Schema and Run by hand", t)
	case ptr.Implements(typeText):
		own[t] = &jsonschema.Schema{Type: "string"}
		return nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		own[t] = &jsonschema.Schema{Type: "string", ContentEncoding: "base64"}
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return ownForms(t.Elem(), own, seen)
	case reflect.Struct:
		var errs []error
		for f := range t.Fields() {
			tag := f.Tag.Get("json")
			if tag == "-" || (!f.IsExported() && !f.Anonymous) {
				continue
			}
			name, options, _ := strings.Cut(tag, ",")
			if f.Anonymous && (name != "" || !embedsStruct(f.Type)) {
				errs = append(errs, fmt.Errorf("actions: the embedded field %s.%s is not merged into its struct: give it a name of its own", t, f.Name))
				continue
			}
			if slices.Contains(strings.Split(options, ","), "string") {
				errs = append(errs, fmt.Errorf("actions: the field %s.%s has the json option string, which a schema cannot say: leave it out", t, f.Name))
			}
			errs = append(errs, ownForms(f.Type, own, seen))
		}
		return errors.Join(errs...)
	}
	return nil
}

// embedsStruct reports whether the fields of an embedded type are read as the
// outer struct's. Behind a pointer to an unexported type they cannot be set.
func embedsStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
		return t.Kind() == reflect.Struct && token.IsExported(t.Name())
	}
	return t.Kind() == reflect.Struct
}

// normalise makes every type one string and gives objects their properties,
// throughout. What has no type cannot be described to every provider.
func normalise(n *node, where string) error {
	if !n.isObject() {
		return fmt.Errorf("actions: %s may be anything, which not every LLM provider can be told: give it a plain type", where)
	}
	if types := n.get("type"); types != nil && types.items != nil {
		one := slices.DeleteFunc(slices.Clone(types.items), func(t *node) bool { return t.text() == "null" })
		if len(one) != 1 {
			return fmt.Errorf("actions: %s has several types, which not every LLM provider can be told: give it one", where)
		}
		n.set("type", one[0])
	}
	typ := n.get("type").text()
	if typ == "" {
		return fmt.Errorf("actions: %s has no type, which not every LLM provider can be told: give it a plain one", where)
	}
	var errs []error
	if typ == "object" {
		props := n.get("properties")
		if props == nil {
			props, _ = parseNode([]byte("{}"))
			n.set("properties", props)
		}
		for _, m := range props.members {
			if !validKey.MatchString(m.name) {
				errs = append(errs, fmt.Errorf("actions: the key %s of %s is not usable: write letters, digits, _, . and -, at most 64", quote(m.name), where))
			}
			errs = append(errs, normalise(m.value, where+"."+m.name))
		}
		switch extra := n.get("additionalProperties"); {
		case extra == nil:
			extra, _ = parseNode([]byte("false"))
			n.set("additionalProperties", extra)
		case string(extra.raw) != "false":
			errs = append(errs, normalise(extra, where+"{}"))
		}
	}
	if items := n.get("items"); items != nil {
		errs = append(errs, normalise(items, where+"[]"))
	}
	order(n, schemaKeys)
	return errors.Join(errs...)
}
