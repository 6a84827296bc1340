package actions

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The limits of what an LLM may send as arguments. They are far above what
// any action needs and far below what could hurt.
const (
	maxArgumentBytes = 64 << 10
	maxDepth         = 32
	maxSchemaDepth   = 128 // a level of data is three of schema
	maxNumberBytes   = 64
	maxExponent      = 308
	maxFaults        = 20
	maxQuoted        = 60
)

// fault is one thing that is wrong with arguments.
type fault struct {
	path    string // JSON pointer; empty: the arguments themselves
	message string
}

// parser reads JSON strictly: encoding/json alone takes the last of two equal
// keys, replaces invalid UTF-8 and sees keys that differ by case as one.
type parser struct {
	dec    *jsontext.Decoder
	out    []byte // the same value, compact
	faults []fault
}

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// parseStrict reads one JSON value and nothing behind it. It returns the value
// as santhosh-tekuri/jsonschema wants it (numbers as json.Number), its compact
// text and the faults that do not keep the rest from being read. The error is
// a fault that does.
func parseStrict(data []byte, depth int) (v any, compact []byte, faults []fault, err error) {
	dec := decoders.Get().(*jsontext.Decoder)
	defer func() {
		dec.Reset(strings.NewReader("")) // let go of the data
		decoders.Put(dec)
	}()
	// Duplicates are refused below, so that each is reported with its path.
	dec.Reset(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	p := parser{dec: dec, out: make([]byte, 0, len(data))}
	v, err = p.value(depth)
	if err == nil {
		_, err = dec.ReadToken()
		switch {
		case err == io.EOF:
			return v, p.out, p.faults, nil
		case err == nil:
			err = errors.New("something follows the JSON object: send that object alone")
		}
	}
	return nil, nil, nil, p.explain(err, data)
}

// errDepth and the like end the reading at once: going on would cost what the
// limit is there to save.
var errDepth = errors.New("nested too deeply: send a flatter object, of at most 32 levels")

// explain turns the decoder's error into one for the LLM. The decoder's own
// text holds the path, which is whatever the sender wanted it to be.
func (p *parser) explain(err error, data []byte) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("cut off after %d bytes: send the whole JSON object again, shorter if need be", len(data))
	}
	if syn, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at := min(max(int(syn.ByteOffset), 0), len(data))
		near := data[at:min(at+maxQuoted, len(data))]
		return fmt.Errorf("not valid JSON after byte %d, near %s: send one JSON object in valid UTF-8", at, quote(string(near)))
	}
	return err
}

func (p *parser) fault(format string, args ...any) {
	p.faults = append(p.faults, fault{shortPath(string(p.dec.StackPointer())), fmt.Sprintf(format, args...)})
}

// value reads one value that may hold depth more levels.
func (p *parser) value(depth int) (any, error) {
	tok, err := p.dec.ReadToken()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch tok.Kind() {
	case jsontext.KindNull:
		p.out = append(p.out, "null"...)
		return nil, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		p.out = strconv.AppendBool(p.out, tok.Bool())
		return tok.Bool(), nil
	case jsontext.KindNumber:
		return p.number(tok.String())
	case jsontext.KindString:
		return p.text(tok.String())
	case jsontext.KindBeginObject:
		if depth == 0 {
			return nil, errDepth
		}
		return p.object(depth - 1)
	case jsontext.KindBeginArray:
		if depth == 0 {
			return nil, errDepth
		}
		return p.array(depth - 1)
	}
	return nil, errors.New("not valid JSON: send one JSON object")
}

func (p *parser) object(depth int) (any, error) {
	obj := map[string]any{}
	p.out = append(p.out, '{')
	for p.dec.PeekKind() != jsontext.KindEndObject {
		tok, err := p.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := tok.String()
		if len(obj) > 0 {
			p.out = append(p.out, ',')
		}
		if _, dup := obj[key]; dup {
			p.fault("the key stands twice: give it once")
		}
		if _, err := p.text(key); err != nil {
			return nil, err
		}
		p.out = append(p.out, ':')
		if obj[key], err = p.value(depth); err != nil {
			return nil, err
		}
	}
	p.out = append(p.out, '}')
	_, err := p.dec.ReadToken()
	return obj, err
}

func (p *parser) array(depth int) (any, error) {
	list := []any{}
	p.out = append(p.out, '[')
	for p.dec.PeekKind() != jsontext.KindEndArray {
		if len(list) > 0 {
			p.out = append(p.out, ',')
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	p.out = append(p.out, ']')
	_, err := p.dec.ReadToken()
	return list, err
}

func (p *parser) text(s string) (any, error) {
	if strings.IndexByte(s, 0) >= 0 {
		p.fault("holds the character U+0000: leave it out")
	}
	var err error
	p.out, err = jsontext.AppendQuote(p.out, s)
	return s, err
}

// number refuses numbers that nobody means and that cost much to compute
// with, and writes whole numbers as such: 1.0 and 1e3 are integers to a schema
// but not to encoding/json.
func (p *parser) number(s string) (any, error) {
	exp := 0
	if len(s) > maxNumberBytes {
		exp = maxExponent + 1 // not even looked at
	} else if _, e, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		var err error
		if exp, err = strconv.Atoi(e); err != nil {
			exp = maxExponent + 1
		}
	}
	if exp > maxExponent || exp < -maxExponent || !finite(s) {
		p.fault("the number %s is out of range: give one of ordinary size", quote(s))
		s = "0"
	} else if strings.ContainsAny(s, ".eE") && exp <= maxNumberBytes && exp >= -maxNumberBytes {
		// Beyond these exponents no number of so few digits is an int64, and
		// exact arithmetic with thousands of them would take long.
		if r, ok := new(big.Rat).SetString(s); ok && r.IsInt() && r.Num().IsInt64() {
			s = r.Num().String()
		}
	}
	p.out = append(p.out, s...)
	return json.Number(s), nil
}

func finite(number string) bool {
	_, err := strconv.ParseFloat(number, 64)
	return err == nil
}

// foldKey gives names that differ only by case the same text, as encoding/json
// compares them: ſ is s, and the Kelvin sign is k.
func foldKey(s string) string {
	return strings.Map(func(r rune) rune {
		for next := unicode.SimpleFold(r); ; next = unicode.SimpleFold(r) {
			if next <= r { // the orbit has come round to its smallest rune
				return next
			}
			r = next
		}
	}, s)
}

// quote quotes at most 60 characters of what somebody else wrote.
func quote(s string) string { return strconv.Quote(shorten(s, maxQuoted)) }

func shorten(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// shortPath bounds a path that may hold keys of the sender's.
func shortPath(p string) string {
	if len(p) <= maxQuoted && !strings.ContainsFunc(p, unicode.IsControl) {
		return p
	}
	p = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '�'
		}
		return r
	}, p)
	return shorten(p, maxQuoted)
}

// ArgumentError is what [Checker.Check] says of arguments that it refuses. Its
// text is meant for the LLM: it says what is wrong, where, and what to send
// instead, and quotes at most 60 characters of any one thing it was sent.
type ArgumentError struct {
	// Faults are all that was found, sorted by path, at most 20.
	Faults []string
	// More is how many faults were left out.
	More int
}

// Error lists the faults in one line.
func (e *ArgumentError) Error() string {
	s := "actions: arguments refused: " + strings.Join(e.Faults, "; ")
	if e.More > 0 {
		s += fmt.Sprintf("; and %d more", e.More)
	}
	return s
}

func newArgumentError(faults []fault) *ArgumentError {
	slices.SortStableFunc(faults, func(a, b fault) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.message, b.message))
	})
	faults = slices.Compact(faults)
	e := &ArgumentError{}
	for i, f := range faults {
		if i == maxFaults {
			e.More = len(faults) - i
			break
		}
		if f.path == "" {
			e.Faults = append(e.Faults, f.message)
		} else {
			e.Faults = append(e.Faults, "at "+f.path+": "+f.message)
		}
	}
	return e
}
