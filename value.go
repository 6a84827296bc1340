package frontdesk

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// FieldType is the type of a contact field's values.
type FieldType string

// The types of contact fields. The zero value counts as TypeText.
const (
	TypeText    FieldType = "text"
	TypeNumber  FieldType = "number"
	TypeDate    FieldType = "date"
	TypeBoolean FieldType = "boolean"
	TypeList    FieldType = "list"
	TypeEmail   FieldType = "email"
	TypePhone   FieldType = "phone"
	TypeURL     FieldType = "url"
)

func fieldTypeNames() []string {
	return []string{"text", "number", "date", "boolean", "list", "email", "phone", "url"}
}

func (t FieldType) valid() bool { return slices.Contains(fieldTypeNames(), string(t)) }

// Value is the value of a contact field. The zero value is "no value".
// Values are immutable and comparable by [Value.Equal].
type Value struct {
	kind FieldType
	text string   // canonical text of all but lists
	list []string // items of a list
}

// Text returns a text value. The empty string is no value.
func Text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{kind: TypeText, text: s}
}

// Number returns a number value. NaN and the infinities are no value.
func Number(f float64) Value {
	if f != f || f > 1.7e308 || f < -1.7e308 {
		return Value{}
	}
	return Value{kind: TypeNumber, text: strconv.FormatFloat(f, 'f', -1, 64)}
}

// Boolean returns a boolean value.
func Boolean(b bool) Value { return Value{kind: TypeBoolean, text: strconv.FormatBool(b)} }

// Date returns a date. A time with a clock time other than midnight keeps it.
func Date(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	if h, m, s := t.Clock(); h == 0 && m == 0 && s == 0 && t.Nanosecond() == 0 {
		return Value{kind: TypeDate, text: t.Format(time.DateOnly)}
	}
	return Value{kind: TypeDate, text: t.Format(time.RFC3339)}
}

// List returns a list of texts; an empty one is no value.
func List(items ...string) Value {
	if len(items) == 0 {
		return Value{}
	}
	return Value{kind: TypeList, list: slices.Clone(items)}
}

// ParseValue reads a value of the given type from its text. Lists are read
// from a JSON array or from items separated by commas. The empty text is no
// value, whatever the type. An error says what is expected and quotes at most
// 60 characters of what came.
func ParseValue(t FieldType, text string) (Value, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Value{}, fmt.Errorf("frontdesk: a %s must be valid UTF-8 text without NUL", t)
	}
	s := strings.TrimSpace(text)
	if s == "" {
		return Value{}, nil
	}
	bad := func(want string) (Value, error) {
		return Value{}, fmt.Errorf("frontdesk: %q is no %s: give %s", shorten(s, 60), t, want)
	}
	switch t {
	case "", TypeText:
		return Value{kind: TypeText, text: s}, nil
	case TypeNumber:
		n, ok := canonicalNumber(s)
		if !ok {
			return bad("digits such as 1200 or 1200.50, without separators or a unit")
		}
		return Value{kind: TypeNumber, text: n}, nil
	case TypeDate:
		for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04"} {
			if d, err := time.Parse(layout, s); err == nil {
				return Date(d), nil
			}
		}
		return bad("a date such as 2026-11-24 or 2026-11-24T15:04:05Z")
	case TypeBoolean:
		switch strings.ToLower(s) {
		case "true", "yes", "1":
			return Boolean(true), nil
		case "false", "no", "0":
			return Boolean(false), nil
		}
		return bad("true or false")
	case TypeList:
		return parseList(s)
	case TypeEmail:
		a, err := mail.ParseAddress(s)
		if err != nil || a.Address != s {
			return bad("an address such as name@example.com")
		}
		return Value{kind: TypeEmail, text: s}, nil
	case TypePhone:
		if !looksLikePhone(s) {
			return bad("a phone number such as +62 812 3456 7890")
		}
		return Value{kind: TypePhone, text: s}, nil
	case TypeURL:
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return bad("a web address such as https://example.com")
		}
		return Value{kind: TypeURL, text: s}, nil
	}
	return Value{}, fmt.Errorf("frontdesk: %q is no field type: use one of %s", t, strings.Join(fieldTypeNames(), ", "))
}

// canonicalNumber checks a decimal number and writes it without exponent. A
// short limit keeps "1e999999999" from growing into a huge text.
func canonicalNumber(s string) (string, bool) {
	if len(s) > 64 || strings.ContainsAny(s, "xXpP_/iInN") {
		return "", false
	}
	if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		if n, err := strconv.Atoi(exp); err != nil || n > 60 || n < -60 {
			return "", false
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return "", false
	}
	digits, exact := r.FloatPrec()
	if !exact {
		return "", false
	}
	return r.FloatString(digits), true
}

func parseList(s string) (Value, error) {
	if strings.HasPrefix(s, "[") {
		var items []string
		if err := json.Unmarshal([]byte(s), &items); err == nil {
			return List(items...), nil
		}
	}
	var items []string
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return List(items...), nil
}

func looksLikePhone(s string) bool {
	digits := 0
	for i, r := range s {
		switch {
		case unicode.IsDigit(r):
			digits++
		case r == '+' && i == 0, r == ' ', r == '-', r == '(', r == ')', r == '.', r == '/':
		default:
			return false
		}
	}
	return digits >= 5 && digits <= 20
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v.kind == "" }

// Type returns the value's type; empty for no value.
func (v Value) Type() FieldType { return v.kind }

// String returns the locale-independent text of the value: numbers without
// separators, dates as 2026-11-24, booleans as true or false, lists joined by
// ", " (S4.5). No value is the empty text.
func (v Value) String() string {
	if v.kind == TypeList {
		return strings.Join(v.list, ", ")
	}
	return v.text
}

// Items returns the items of a list, a copy; of another value its text as the
// only item.
func (v Value) Items() []string {
	switch v.kind {
	case "":
		return nil
	case TypeList:
		return slices.Clone(v.list)
	}
	return []string{v.text}
}

// Equal reports whether both have the same type and the same value.
func (v Value) Equal(o Value) bool {
	return v.kind == o.kind && v.text == o.text && slices.Equal(v.list, o.list)
}

// Float returns the number of a TypeNumber value; ok is false for others.
func (v Value) Float() (f float64, ok bool) {
	if v.kind != TypeNumber {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

type valueJSON struct {
	Type  FieldType `json:"type"`
	Text  string    `json:"text,omitempty"`
	Items []string  `json:"items,omitempty"`
}

// MarshalJSON writes the value so that UnmarshalJSON gives it back as it was:
// a plain text as a string, anything else as an object with its type.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case "":
		return []byte("null"), nil
	case TypeText:
		return json.Marshal(v.text)
	}
	return json.Marshal(valueJSON{v.kind, v.text, v.list})
}

// UnmarshalJSON reads what MarshalJSON writes, and plain JSON numbers,
// booleans and arrays of strings.
func (v *Value) UnmarshalJSON(data []byte) error {
	var raw any
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	var err error
	switch x := raw.(type) {
	case nil:
		*v = Value{}
	case string:
		*v = Text(x)
	case bool:
		*v = Boolean(x)
	case json.Number:
		*v, err = ParseValue(TypeNumber, x.String())
	case []any:
		*v, err = ParseValue(TypeList, string(data))
	default:
		var j valueJSON
		if err = json.Unmarshal(data, &j); err != nil {
			return err
		}
		if j.Type == TypeList {
			*v = List(j.Items...)
			return nil
		}
		*v, err = ParseValue(j.Type, j.Text)
		if j.Type == TypeText && err == nil { // not trimmed: as it was
			v.text = j.Text
		}
	}
	return err
}
