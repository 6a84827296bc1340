package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// lintFormats write findings.
var lintFormats = map[string]func(*env, []finding) error{
	"text": (*env).lintText, "json": (*env).lintJSON, "sarif": (*env).lintSARIF,
}

// colours of severities, as the terminal's own palette has them.
var colours = map[instructions.Severity]string{
	instructions.SeverityError: "31", instructions.SeverityWarning: "33", instructions.SeverityInfo: "36",
}

// paint colours a text where that is wanted.
func (e *env) paint(colour, s string) string {
	if !e.colour || colour == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (e *env) lintText(findings []finding) error {
	for _, f := range findings {
		if _, err := fmt.Fprintf(e.stdout, "%s:%d:%d: %s: %s [%s]\n", f.file, f.Line, f.Column,
			e.paint(colours[f.Severity], string(f.Severity)), f.Message, f.Code); err != nil {
			return err
		}
	}
	return nil
}

// lintJSON writes one array of all findings.
func (e *env) lintJSON(findings []finding) error {
	type entry struct {
		File  string `json:"file"`
		Agent string `json:"agent,omitempty"`
		diagnosticReport
	}
	out := []entry{}
	for _, f := range findings {
		d := f.Diagnostic
		out = append(out, entry{f.file, f.agent, diagnosticReport{d.Code, d.Severity, d.Line, d.Column, d.Offset, d.End, d.Message, d.Fix}})
	}
	return writeJSON(e.stdout, out)
}

// sarif is as much of SARIF 2.1.0 as code hosts show.
type sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	HelpURI string    `json:"helpUri"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
	Fixes     []sarifFix      `json:"fixes,omitempty"`
}

// sarifFix replaces a region where a repair is certain.
type sarifFix struct {
	Description sarifText     `json:"description"`
	Changes     []sarifChange `json:"artifactChanges"`
}

type sarifChange struct {
	Artifact     sarifArtifact      `json:"artifactLocation"`
	Replacements []sarifReplacement `json:"replacements"`
}

type sarifReplacement struct {
	Deleted  sarifRegion `json:"deletedRegion"`
	Inserted sarifText   `json:"insertedContent"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

// sarifRegion is a place of a file; the bytes are left out for what is said of
// a text as a whole, and inside a workspace file.
type sarifRegion struct {
	StartLine   int  `json:"startLine"`
	StartColumn int  `json:"startColumn"`
	ByteOffset  *int `json:"byteOffset,omitempty"`
	ByteLength  int  `json:"byteLength,omitempty"`
}

const sarifHome = "https://github.com/seed-a71cb1d8/frontdesk"

// sarifLevels are SARIF's names of severities.
var sarifLevels = map[instructions.Severity]string{
	instructions.SeverityError: "error", instructions.SeverityWarning: "warning", instructions.SeverityInfo: "note",
}

func (e *env) lintSARIF(findings []finding) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "frontdesk", InformationURI: sarifHome, Rules: []sarifRule{}}
	var codes []string
	for _, f := range findings {
		codes = append(codes, f.Code)
		run.Results = append(run.Results, f.sarif())
	}
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{code, sarifText{strings.ReplaceAll(code, "-", " ")}, sarifHome + "/blob/main/docs/diagnostics.md"})
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarif{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func (f finding) sarif() sarifResult {
	file := sarifArtifact{(&url.URL{Path: filepath.ToSlash(f.file)}).String()}
	at := sarifRegion{StartLine: f.Line, StartColumn: f.Column}
	if f.agent == "" && f.End > f.Offset {
		at.ByteOffset, at.ByteLength = &f.Offset, f.End-f.Offset
	}
	r := sarifResult{
		RuleID: f.Code, Level: sarifLevels[f.Severity], Message: sarifText{f.Message},
		Locations: []sarifLocation{{sarifPhysical{file, at}}},
	}
	if f.Fix != "" && at.ByteOffset != nil {
		r.Fixes = []sarifFix{{sarifText{"write " + f.Fix}, []sarifChange{{file, []sarifReplacement{{at, sarifText{f.Fix}}}}}}}
	}
	return r
}
