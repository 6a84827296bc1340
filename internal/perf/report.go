package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// figure is one measured number.
type figure struct {
	value float64
	write func(float64) string // nil: nothing is measured here
	// mayBeNothing is set where zero and less is a good outcome.
	mayBeNothing bool
}

func (f figure) String() string {
	if f.write == nil {
		return "-"
	}
	return f.write(f.value)
}

// fact is a figure that is no number.
func fact(s string) figure { return figure{value: 1, write: func(float64) string { return s }} }

// none stands where there is nothing to measure.
var none figure

func rate(v float64) figure          { return figure{value: v, write: thousands} }
func lasting(d time.Duration) figure { return figure{value: d.Seconds(), write: seconds} }
func ratio(v float64) figure {
	return figure{value: v, write: func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }}
}
func size(v float64) figure                { return figure{value: v, write: bytes} }
func mayBeNothing(f figure) figure         { f.mayBeNothing = true; return f }
func latencies(t timing) (p50, p99 figure) { return lasting(t.at(0.5)), lasting(t.at(0.99)) }

// thousands writes a whole number with commas, to three digits that count.
func thousands(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	s := strconv.FormatFloat(math.Round(v/unit)*unit, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func seconds(v float64) string {
	switch {
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64) + " s"
	case v >= 0.0995:
		return strconv.FormatFloat(v*1e3, 'f', 0, 64) + " ms"
	case v >= 0.001:
		return strconv.FormatFloat(v*1e3, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(v*1e6, 'f', 0, 64) + " us"
}

func bytes(v float64) string {
	switch a := math.Abs(v); {
	case a < 0.5:
		return "none"
	case a >= 1<<20:
		return strconv.FormatFloat(v/(1<<20), 'f', 0, 64) + " MB"
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " B"
}

// table is one table of the page.
type table struct {
	title   string
	columns []string // that of the names first
	rows    []row
}

type row struct {
	name    string
	figures []figure
}

func (t *table) add(name string, figures ...figure) {
	t.rows = append(t.rows, row{name, figures})
}

// check reports what should have been measured and was not.
func (t *table) check() error {
	var errs []error
	for _, r := range t.rows {
		if len(r.figures) != len(t.columns)-1 {
			errs = append(errs, fmt.Errorf("perf: %s, %s: %d figures for %d columns", t.title, r.name, len(r.figures), len(t.columns)-1))
		}
		for i, f := range r.figures {
			if f.write != nil && !f.mayBeNothing && !(f.value > 0) {
				errs = append(errs, fmt.Errorf("perf: %s, %s: figure %d is %v", t.title, r.name, i+1, f.value))
			}
		}
	}
	return errors.Join(errs...)
}

func (t *table) write(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n| %s |\n|%s|", t.title, strings.Join(t.columns, " | "), "---"+strings.Repeat("|--:", len(t.columns)-1))
	for _, r := range t.rows {
		fmt.Fprintf(w, "\n| %s |", r.name)
		for _, f := range r.figures {
			fmt.Fprintf(w, " %s |", f)
		}
	}
	fmt.Fprint(w, "\n\n")
}

// The marks between which -update writes.
const (
	numbersBegin = "<!-- numbers: begin -->"
	numbersEnd   = "<!-- numbers: end -->"
)

// update puts the numbers into the page, between its marks.
func update(page, numbers string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("perf: %w: give the page with -page", err)
	}
	before, rest, ok := strings.Cut(string(old), numbersBegin)
	_, after, end := strings.Cut(rest, numbersEnd)
	if !ok || !end {
		return fmt.Errorf("perf: %s has no lines %q and %q: put them where the numbers go", page, numbersBegin, numbersEnd)
	}
	text := before + numbersBegin + "\n\n" + strings.TrimSpace(numbers) + "\n\n" + numbersEnd + after
	return os.WriteFile(page, []byte(text), 0o644)
}
