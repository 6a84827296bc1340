package workspacefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseNode reads JSON or YAML into one kind of tree with positions. JSON is
// read as JSON: YAML readers stumble over its tabs and escapes.
func parseNode(name string, data []byte) (*yaml.Node, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(data) {
		return nil, &Fault{name, 1, 1, "the file is not UTF-8: save it as UTF-8"}
	}
	if strings.EqualFold(filepath.Ext(name), ".json") || bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return parseJSON(name, data)
	}
	return parseYAML(name, data)
}

// yamlLine finds the line that messages of the YAML reader begin with.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func parseYAML(name string, data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])) {
		return &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}, nil
	}
	if err != nil {
		return nil, yamlFault(name, data, err)
	}
	var more yaml.Node
	switch err := dec.Decode(&more); {
	case err == nil:
		return nil, &Fault{name, max(1, more.Line), 1, "a second document begins: a workspace file holds one"}
	case !errors.Is(err, io.EOF):
		return nil, yamlFault(name, data, err)
	}
	return doc.Content[0], nil
}

// yamlFault says where a text stops being YAML: on the line behind the longest
// beginning that is. The parser itself names the line where the block begins.
func yamlFault(name string, data []byte, err error) error {
	line := 1
	if m := yamlLine.FindStringSubmatch(err.Error()); len(m) == 2 {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil && n > 0 {
			line = n
		}
	}
	const most = 400 // lines that are tried: each costs a reading of the text
	ends := []int{0}
	for i, b := range data {
		if b == '\n' {
			ends = append(ends, i+1)
		}
	}
	for n := len(ends) - 1; n > 0 && len(ends) <= most; n-- {
		var doc yaml.Node
		if yaml.Unmarshal(data[:ends[n]], &doc) == nil {
			line = max(line, n+1)
			break
		}
	}
	return &Fault{name, line, 1, "this is not YAML: " + yamlLine.ReplaceAllString(err.Error(), "")}
}

// jsonReader builds nodes from JSON tokens.
type jsonReader struct {
	name  string
	data  []byte
	dec   *json.Decoder
	lines []int // offsets at which lines begin
}

func parseJSON(name string, data []byte) (*yaml.Node, error) {
	r := &jsonReader{name: name, data: data, dec: json.NewDecoder(bytes.NewReader(data)), lines: []int{0}}
	r.dec.UseNumber()
	for i, b := range data {
		if b == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.fault(int(r.dec.InputOffset()), "something follows the JSON object: remove it")
	}
	return n, nil
}

func (r *jsonReader) position(offset int) (line, column int) {
	i := sort.Search(len(r.lines), func(i int) bool { return r.lines[i] > offset }) - 1
	return i + 1, utf8.RuneCount(r.data[r.lines[i]:min(offset, len(r.data))]) + 1
}

func (r *jsonReader) fault(offset int, message string) error {
	line, column := r.position(offset)
	return &Fault{r.name, line, column, message}
}

// next returns a token and where it begins.
func (r *jsonReader) next() (json.Token, int, error) {
	start := int(r.dec.InputOffset())
	for start < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[start]) >= 0 {
		start++
	}
	tok, err := r.dec.Token()
	if err == nil {
		return tok, start, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, r.fault(len(r.data), "the JSON ends too early: close what is open")
	}
	return nil, 0, r.fault(start, "this is not JSON: "+err.Error())
}

// maxDepth bounds the nesting; a workspace has four levels.
const maxDepth = 100

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	tok, start, err := r.next()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}
	n.Line, n.Column = r.position(start)
	switch v := tok.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case string:
		n.Value, n.Style = v, yaml.DoubleQuotedStyle
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case json.Number:
		n.Tag, n.Value = "!!int", v.String()
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if v == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		if depth > maxDepth {
			return nil, r.fault(start, fmt.Sprintf("this nests deeper than %d levels: a workspace file has four", maxDepth))
		}
		// In a mapping, keys and values alternate; both are values here.
		for r.dec.More() {
			child, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		if _, _, err := r.next(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
