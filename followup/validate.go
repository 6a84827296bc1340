package followup

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Counted returns how many of the ladder's steps count towards MaxSteps: all
// but an untimed one at the end ("if still no reply, close"), which belongs to
// the follow-up before it (S8.1). A step that inherits its delay is untimed.
func (l Ladder) Counted() int {
	n := len(l.Steps)
	if n > 1 && (l.Steps[n-1].Delay <= 0 || l.Steps[n-1].Inherited) {
		n--
	}
	return n
}

// Validate reports every fault of a ladder given in Go at once: no steps, a
// first step without a time, a delay that is not above 0 and at most MaxDelay,
// steps that do nothing, texts that cannot be sent, more than MaxSteps steps.
// Nil means that there is none. Whether what actions name exists is for
// agent.New, which knows the workspace; instructions are checked by their
// compiler, which knows the line of each fault.
func Validate(l Ladder) error { return ValidateAll([]Ladder{l}) }

// ValidateAll checks the ladders of one agent as Validate does; MaxSteps
// counts over all of them.
func ValidateAll(ladders []Ladder) error {
	var errs []error
	total := 0
	for i, l := range ladders {
		where := ""
		if len(ladders) > 1 {
			where = fmt.Sprintf("ladder %d: ", i+1)
		}
		fault := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("followup: "+where+format, args...))
		}
		if len(l.Steps) == 0 {
			fault("there are no steps: add one, or leave the ladder out")
		}
		for n, step := range l.Steps {
			step.validate(n, fault)
		}
		total += l.Counted()
	}
	if total > MaxSteps {
		errs = append(errs, fmt.Errorf("followup: %d steps are more than the %d that are allowed over all ladders: remove %d", total, MaxSteps, total-MaxSteps))
	}
	return errors.Join(errs...)
}

func (s Step) validate(index int, report func(format string, args ...any)) {
	fault := func(format string, args ...any) {
		report("step %d: "+format, append([]any{index + 1}, args...)...)
	}
	switch d := time.Duration(s.Delay); {
	case d < 0:
		fault("the delay %v is negative: give one above 0", d)
	case d > MaxDelay:
		fault("the delay %v is longer than %v since the message before: shorten it", d, MaxDelay)
	case d == 0 && index == 0:
		fault("the first step has no delay: give one")
	}
	switch s.Mode {
	case "", Sequence, Alternatives:
	default:
		fault("the mode %q does not exist: use %q or %q", s.Mode, Sequence, Alternatives)
	}
	if s.Silent && len(s.Messages) > 0 {
		fault("it is silent and has messages: drop one of the two")
	}
	if s.Silent && len(s.Actions) == 0 {
		fault("it is silent and has no actions, so it does nothing: remove it")
	}
	for n, m := range s.Messages {
		switch {
		case strings.TrimSpace(m.Text) == "":
			fault("message %d is empty: give it a text, or leave the messages out so that the LLM writes one", n+1)
		case !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0):
			fault("message %d is not valid UTF-8 without NUL: clean the text", n+1)
		}
	}
	for n, a := range s.Actions {
		if a.Name == "" {
			fault("action %d has no name: set Name, for example to \"close_conversation\"", n+1)
		}
		if a.Method != "" && a.Method != "round_robin" && a.Method != "least_open" {
			fault("action %d has the method %q: use \"round_robin\" or \"least_open\"", n+1, a.Method)
		}
		if len(a.Args) > 0 && !json.Valid(a.Args) {
			fault("action %d has arguments that are not JSON: give a JSON object", n+1)
		}
	}
}
