package actions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Checker holds arguments to a schema (S6.4). It is compiled once and then
// safe for concurrent use. Make one with NewChecker.
type Checker struct {
	schema *jsonschema.Schema
	quick  *quick // nil: the schema is not simple enough
	// inPlace are the schemas that speak of the same value: a schema itself,
	// what it refers to, and the parts of its allOf, anyOf and so on.
	inPlace map[*jsonschema.Schema][]*jsonschema.Schema
	// folded are the property names of a schema by their folded form.
	folded map[*jsonschema.Schema]map[string]string
	// at finds a schema by the location that errors name.
	at map[string]*jsonschema.Schema
}

// schemaURL is what the schema is called inside the compiler. It is an address
// with a path, so that a relative reference is seen to lead out.
const schemaURL = "frontdesk://arguments/schema.json"

// refuseLoader keeps a schema from reading files or the network: it may come
// from a server that is not ours.
type refuseLoader struct{}

func (refuseLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("the reference to %s leads out of the schema: put the definition under $defs", quote(url))
}

// NewChecker compiles a JSON Schema (draft 2020-12 unless it names another).
// The schema must be of type object, be strict JSON (no key twice) and refer
// to nothing outside itself.
func NewChecker(schema json.RawMessage) (*Checker, error) {
	doc, err := readSchema(schema)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(refuseLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, fmt.Errorf("actions: the schema does not compile: %s: repair it", shorten(schemaFault(err), 300))
	}
	compiled, err := c.Compile(schemaURL)
	if err != nil {
		return nil, fmt.Errorf("actions: the schema does not compile: %s: repair it", shorten(schemaFault(err), 300))
	}
	ck := &Checker{
		schema:  compiled,
		quick:   newQuick(doc),
		inPlace: map[*jsonschema.Schema][]*jsonschema.Schema{},
		folded:  map[*jsonschema.Schema]map[string]string{},
		at:      map[string]*jsonschema.Schema{},
	}
	ck.index(compiled)
	return ck, nil
}

// schemaFault says where a schema breaks the rules for schemas. The compiler's
// own text begins with the rules, level by level, and comes to the fault last.
func schemaFault(err error) string {
	broken, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		return err.Error()
	}
	top, ok := errors.AsType[*jsonschema.ValidationError](broken.Err)
	if !ok {
		return err.Error()
	}
	english := message.NewPrinter(language.English)
	var faults []string
	var leaves func(e *jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			leaves(cause)
		}
		if len(e.Causes) == 0 {
			faults = append(faults, "at /"+strings.Join(e.InstanceLocation, "/")+": "+e.ErrorKind.LocalizedString(english))
		}
	}
	leaves(top)
	return strings.Join(faults, "; ")
}

// readSchema reads a schema strictly and checks that it is one of an object.
func readSchema(schema json.RawMessage) (map[string]any, error) {
	if len(schema) == 0 {
		return nil, errors.New("actions: there is no schema: give a JSON Schema of type object")
	}
	v, _, faults, err := parseStrict(schema, maxSchemaDepth)
	if err != nil {
		return nil, fmt.Errorf("actions: the schema is %w", err)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("actions: the schema at %s: %s", faults[0].path, faults[0].message)
	}
	doc, ok := v.(map[string]any)
	if !ok || doc["type"] != "object" {
		return nil, errors.New(`actions: the schema is not of type object: write {"type":"object","properties":{…}}`)
	}
	return doc, nil
}

// index visits every schema that can come to apply and notes what checkKeys
// and the messages need to know of it.
func (c *Checker) index(s *jsonschema.Schema) {
	if s == nil || c.inPlace[s] != nil {
		return
	}
	c.inPlace[s] = gather(s, nil)
	c.at[s.Location] = s
	if len(s.Properties) > 0 {
		f := make(map[string]string, len(s.Properties))
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			f[foldKey(name)] = name
		}
		c.folded[s] = f
	}
	for _, sub := range c.inPlace[s] {
		c.index(sub)
	}
	for _, sub := range s.Properties {
		c.index(sub)
	}
	for _, sub := range s.PatternProperties {
		c.index(sub)
	}
	for _, sub := range elements(s) {
		c.index(sub)
	}
	if sub, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		c.index(sub)
	}
}

// gather collects the schemas that speak of the same value as s. References
// may go in circles; each schema is taken once.
func gather(s *jsonschema.Schema, seen []*jsonschema.Schema) []*jsonschema.Schema {
	if s == nil || slices.Contains(seen, s) {
		return seen
	}
	seen = append(seen, s)
	subs := []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.If, s.Then, s.Else}
	if s.DynamicRef != nil {
		subs = append(subs, s.DynamicRef.Ref)
	}
	subs = slices.Concat(subs, s.AllOf, s.AnyOf, s.OneOf)
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		subs = append(subs, s.DependentSchemas[name])
	}
	for _, sub := range subs {
		seen = gather(sub, seen)
	}
	return seen
}

// elements are the schemas of a list's items, whatever the draft.
func elements(s *jsonschema.Schema) []*jsonschema.Schema {
	out := slices.Clone(s.PrefixItems)
	if s.Items2020 != nil {
		out = append(out, s.Items2020)
	}
	for _, items := range []any{s.Items, s.AdditionalItems} {
		switch items := items.(type) {
		case *jsonschema.Schema:
			out = append(out, items)
		case []*jsonschema.Schema:
			out = append(out, items...)
		}
	}
	return out
}

// Check holds arguments to the schema and returns them in compact form, whole
// numbers written as such. Empty arguments and null count as {}.
//
// It refuses what encoding/json would let pass: invalid UTF-8, a key that
// stands twice or that differs from one of the schema only by case, anything
// after the object, U+0000, more than 64 KiB, more than 32 levels, numbers
// beyond a float64. The error is an *[ArgumentError] with all that is wrong.
func (c *Checker) Check(args json.RawMessage) (json.RawMessage, error) {
	if len(args) > maxArgumentBytes {
		return nil, tooLong(len(args))
	}
	if c.quick.accepts(args) {
		return args, nil
	}
	return c.check(args)
}

// check is Check in full.
func (c *Checker) check(args json.RawMessage) (json.RawMessage, error) {
	if trimmed := bytes.TrimSpace(args); len(trimmed) == 0 || string(trimmed) == "null" {
		args = json.RawMessage("{}")
	}
	v, compact, faults, err := parseStrict(args, maxDepth)
	if err != nil {
		return nil, newArgumentError([]fault{{"", err.Error()}})
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, newArgumentError([]fault{{"", "they are " + typeName(v) + ", not an object: send one JSON object"}})
	}
	if len(compact) > maxArgumentBytes { // numbers such as 1e18 grow
		return nil, tooLong(len(compact))
	}
	broken := make(map[string]bool, len(faults))
	for _, f := range faults {
		broken[f.path] = true
	}
	faults = c.keys(faults, []*jsonschema.Schema{c.schema}, v, "")
	if err := c.schema.Validate(v); err != nil {
		invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
		if !ok {
			return nil, newArgumentError([]fault{{"", "they cannot be checked: send simpler ones"}})
		}
		for _, f := range c.explain(nil, invalid) {
			if !broken[f.path] { // what the schema says of a broken value is no help
				faults = append(faults, f)
			}
		}
	}
	if len(faults) > 0 {
		return nil, newArgumentError(faults)
	}
	return compact, nil
}

func tooLong(n int) error {
	return newArgumentError([]fault{{"", fmt.Sprintf("they are %d bytes long, the limit is %d: send less", n, maxArgumentBytes)}})
}

// keys finds keys that differ only by case from a property of a schema that
// applies: encoding/json would read them as that property, the schema does not
// see them at all.
func (c *Checker) keys(faults []fault, schemas []*jsonschema.Schema, v any, path string) []fault {
	switch v := v.(type) {
	case map[string]any:
		for key, val := range v {
			var below []*jsonschema.Schema
			known, twin := false, ""
			for _, root := range schemas {
				for _, s := range c.inPlace[root] {
					if sub, ok := s.Properties[key]; ok {
						known = true
						below = addNew(below, sub)
					} else if sub, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
						below = addNew(below, sub)
					}
					for re, sub := range s.PatternProperties {
						if re.MatchString(key) {
							below = addNew(below, sub)
						}
					}
					if name, ok := c.folded[s][foldKey(key)]; ok {
						twin = name
					}
				}
			}
			at := path + "/" + escapePointer(key)
			if !known && twin != "" {
				faults = append(faults, fault{shortPath(at), fmt.Sprintf("the key must be written %q", twin)})
			}
			if len(below) > 0 {
				faults = c.keys(faults, below, val, at)
			}
		}
	case []any:
		var below []*jsonschema.Schema
		for _, root := range schemas {
			for _, s := range c.inPlace[root] {
				below = addNew(below, elements(s)...)
			}
		}
		if len(below) == 0 {
			return faults
		}
		for i, val := range v {
			faults = c.keys(faults, below, val, fmt.Sprintf("%s/%d", path, i))
		}
	}
	return faults
}

// addNew keeps the list a set: in a schema that refers to itself it would
// double with every level.
func addNew(list []*jsonschema.Schema, more ...*jsonschema.Schema) []*jsonschema.Schema {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func escapePointer(key string) string {
	if !strings.ContainsAny(key, "~/") {
		return key
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// explain turns the validator's findings into messages of our own: its texts
// quote the arguments at any length.
func (c *Checker) explain(faults []fault, e *jsonschema.ValidationError) []fault {
	if len(e.Causes) > 0 {
		if _, ok := e.ErrorKind.(*kind.OneOf); ok || isAnyOf(e.ErrorKind) {
			faults = append(faults, fault{pointer(e.InstanceLocation), "fits none of the forms allowed here"})
		}
		for _, cause := range e.Causes {
			faults = c.explain(faults, cause)
		}
		return faults
	}
	path := pointer(e.InstanceLocation)
	add := func(format string, args ...any) { faults = append(faults, fault{path, fmt.Sprintf(format, args...)}) }
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			if c.isTwin(e.SchemaURL, key) {
				continue // keys has said so
			}
			add("the key %s does not exist: %s", quote(key), c.allowedKeys(e.SchemaURL))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			add("%s is missing: add it", quote(name))
		}
	case *kind.Type:
		if k.Got == "null" {
			add("is null: give %s, or leave the key out where it is optional", article(k.Want))
		} else {
			add("is %s: give %s", article([]string{k.Got}), article(k.Want))
		}
	case *kind.Enum:
		add("%s is not allowed: use %s", quoteValue(k.Got), oneOf(k.Want))
	case *kind.Const:
		add("%s is not allowed: use %s", quoteValue(k.Got), quoteValue(k.Want))
	case *kind.MinLength:
		add("is %d characters long: give at least %d", k.Got, k.Want)
	case *kind.MaxLength:
		add("is %d characters long: give at most %d", k.Got, k.Want)
	case *kind.MinItems:
		add("has %d items: give at least %d", k.Got, k.Want)
	case *kind.MaxItems:
		add("has %d items: give at most %d", k.Got, k.Want)
	case *kind.UniqueItems:
		add("has the same item twice: give each once")
	case *kind.MinProperties:
		add("has %d keys: give at least %d", k.Got, k.Want)
	case *kind.MaxProperties:
		add("has %d keys: give at most %d", k.Got, k.Want)
	case *kind.Minimum:
		add("is too small: give at least %s", decimal(k.Want))
	case *kind.Maximum:
		add("is too large: give at most %s", decimal(k.Want))
	case *kind.ExclusiveMinimum:
		add("is too small: give more than %s", decimal(k.Want))
	case *kind.ExclusiveMaximum:
		add("is too large: give less than %s", decimal(k.Want))
	case *kind.Pattern:
		add("%s does not match the pattern %s", quote(k.Got), quote(k.Want))
	case *kind.MultipleOf:
		add("is no multiple of %s: give one", decimal(k.Want))
	case *kind.Not:
		add("is what the schema rules out here: give something else")
	case *kind.FalseSchema:
		add("nothing is allowed here: leave it out")
	default:
		// Rarer rules are named, not described: the schema itself, which the
		// LLM has, says what they want.
		add("breaks the rule %s of the schema", quote(strings.Join(e.ErrorKind.KeywordPath(), "/")))
	}
	return faults
}

// decimal writes a limit of the schema as people do.
func decimal(r *big.Rat) string {
	if n, exact := r.FloatPrec(); exact {
		return shorten(r.FloatString(n), maxQuoted)
	}
	return shorten(r.RatString(), maxQuoted)
}

func isAnyOf(k jsonschema.ErrorKind) bool { _, ok := k.(*kind.AnyOf); return ok }

func (c *Checker) isTwin(location, key string) bool {
	s := c.at[location]
	if s == nil {
		return false
	}
	_, ok := c.folded[s][foldKey(key)]
	return ok
}

func (c *Checker) allowedKeys(location string) string {
	s := c.at[location]
	if s == nil || len(s.Properties) == 0 {
		return "leave it out"
	}
	names := make([]any, 0, len(s.Properties))
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		names = append(names, name)
	}
	return "use " + oneOf(names)
}

// oneOf lists what is allowed. A long list is cut: the schema has it whole.
func oneOf(values []any) string {
	const most = 20
	var sb strings.Builder
	for i, v := range values {
		switch {
		case i == most:
			fmt.Fprintf(&sb, " or another of the %d that the schema lists", len(values))
			return sb.String()
		case i > 0 && i == len(values)-1:
			sb.WriteString(" or ")
		case i > 0:
			sb.WriteString(", ")
		}
		sb.WriteString(quoteValue(v))
	}
	return sb.String()
}

func quoteValue(v any) string {
	if s, ok := v.(string); ok {
		return quote(s)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return typeName(v)
	}
	return shorten(string(data), maxQuoted)
}

func pointer(tokens []string) string {
	var sb strings.Builder
	for _, tok := range tokens {
		sb.WriteString("/" + escapePointer(tok))
	}
	return shortPath(sb.String())
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}

func article(types []string) string {
	out := make([]string, len(types))
	for i, t := range types {
		switch t {
		case "null":
			out[i] = t
		case "array", "object", "integer":
			out[i] = "an " + t
		default:
			out[i] = "a " + t
		}
	}
	return strings.Join(out, " or ")
}
