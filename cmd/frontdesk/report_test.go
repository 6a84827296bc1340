package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// keys of the machine-readable form: those that are always there, then those
// that are left out where they do not apply.
var shape = map[string][2]string{
	"":                       {"file characters sections mentions variables actions constraints closing boundaries ladders diagnostics", ""},
	"sections":               {"kind title level line", "kinds"},
	"mentions":               {"name target line column", ""},
	"variables":              {"name line column", ""},
	"actions":                {"action line column", "target field value method note no_summary args"},
	"constraints":            {"field op value line column", "values"},
	"closing":                {"summary notes", ""},
	"boundaries":             {"can cannot", ""},
	"ladders":                {"condition steps", ""},
	"ladders.steps":          {"delay messages mode actions line", "inherited silent"},
	"ladders.steps.messages": {"text verbatim", ""},
	"ladders.steps.actions":  {"action", "target field value method note no_summary args"},
	"diagnostics":            {"code severity line column offset end message", "fix"},
}

// checkShape holds a value and all below it to the shape.
func checkShape(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case []any:
		for _, item := range v {
			checkShape(t, path, item)
		}
	case map[string]any:
		want, ok := shape[path]
		if !ok {
			t.Errorf("%s is an object", path)
			return
		}
		always, maybe := strings.Fields(want[0]), strings.Fields(want[1])
		for _, k := range always {
			assert.Contains(t, v, k, path)
		}
		for k := range maps.Keys(v) {
			if !slices.Contains(always, k) && !slices.Contains(maybe, k) {
				t.Errorf("%s has the key %q", path, k)
			}
			checkShape(t, strings.TrimPrefix(path+"."+k, "."), v[k])
		}
	}
}

// The machine-readable form of prompts in many languages: its names, its
// lists, and positions that are places of the file, with LF and with CRLF line
// ends.
func TestReportShape(t *testing.T) {
	files, err := filepath.Glob("../../agent/instructions/testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		require.NoError(t, err)
		for _, f := range a.Files {
			if filepath.Ext(f.Name) != ".md" {
				continue
			}
			t.Run(f.Name, func(t *testing.T) {
				text := string(f.Data)
				plain := checkReport(t, text)
				crlf := checkReport(t, byteOrderMark+strings.ReplaceAll(text, "\n", "\r\n"))
				for i := range plain.Diagnostics {
					d, c := plain.Diagnostics[i], crlf.Diagnostics[i]
					assert.Equal(t, []int{d.Line, d.Column}, []int{c.Line, c.Column})
				}
			})
		}
	}
}

func checkReport(t *testing.T, text string) report {
	t.Helper()
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"compile", "-json", "-"}, strings.NewReader(text), &out, &errs), errs.String())
	require.Equal(t, 1, strings.Count(out.String(), "\n"), "one line")
	var v any
	require.NoError(t, json.Unmarshal(out.Bytes(), &v))
	checkShape(t, "", v)
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	lines := strings.Split(strings.TrimPrefix(text, byteOrderMark), "\n")
	for _, d := range r.Diagnostics {
		require.LessOrEqual(t, d.Offset, d.End)
		require.LessOrEqual(t, d.End, len(text))
		if d.End == 0 {
			continue // about the text as a whole
		}
		before := strings.TrimPrefix(text[:d.Offset], byteOrderMark)
		assert.Equal(t, strings.Count(before, "\n")+1, d.Line)
		assert.Equal(t, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1, d.Column)
	}
	for _, m := range r.Mentions {
		assert.LessOrEqual(t, m.Column, utf8.RuneCountInString(lines[m.Line-1]))
	}
	for _, l := range r.Ladders {
		for _, s := range l.Steps {
			assert.GreaterOrEqual(t, time.Duration(s.Delay), time.Duration(0))
			assert.Contains(t, []string{"sequence", "alternatives"}, string(s.Mode))
		}
	}
	return r
}
