package instructions

import (
	"fmt"
	"strings"
)

// Severity is how bad a diagnostic is. Only decidable faults are errors.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Diagnostic is one thing to say about instructions (S3).
type Diagnostic struct {
	// Code is the stable name of the fault, such as "unknown-mention".
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Span
	// Message says what is wrong and what to do.
	Message string `json:"message"`
	// Fix replaces the span where a repair is certain; empty: none is. A fix
	// that deletes is not offered.
	Fix string `json:"fix,omitempty"`
}

// String gives "line:column: severity: message [code]".
func (d Diagnostic) String() string {
	return fmt.Sprintf("%d:%d: %s: %s [%s]", d.Line, d.Column, d.Severity, d.Message, d.Code)
}

// Diagnostics of one text are sorted by position.
type Diagnostics []Diagnostic

// String lists them, one a line.
func (ds Diagnostics) String() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// HasErrors reports whether one of them is an error.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == SeverityError {
			return true
		}
	}
	return false
}

// Errors returns those that are errors.
func (ds Diagnostics) Errors() Diagnostics {
	var out Diagnostics
	for _, d := range ds {
		if d.Severity == SeverityError {
			out = append(out, d)
		}
	}
	return out
}
