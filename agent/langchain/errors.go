package langchain

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

func fail(kind agent.LLMErrorKind, err error) error {
	return &agent.LLMError{Kind: kind, Err: err}
}

// cancelled is the error of a request whose context is done. It wraps both
// the context's error and the provider's, if there is one.
func cancelled(ctxErr, err error) error {
	if err == nil {
		return fail(agent.LLMTemporary, fmt.Errorf("langchain: %w", ctxErr))
	}
	return fail(agent.LLMTemporary, fmt.Errorf("langchain: %w: %w", ctxErr, err))
}

// classify makes an LLMError of a provider's error. What was seen of the
// exchange over HTTP counts first, then a status in the text, then
// langchaingo's own codes, and its matching on text last of all: that takes
// "4000 tokens" for a status of 400.
func classify(err error, seen *exchange) error {
	var known *agent.LLMError
	if errors.As(err, &known) {
		return err
	}
	text := err.Error()
	status, retryAfter := seen.last()
	if status == 0 {
		status = statusIn(text)
	}
	if retryAfter == 0 {
		retryAfter = retryAfterIn(text)
	}
	out := &agent.LLMError{Err: fmt.Errorf("langchain: %w", err)}
	out.Kind = kindOf(err, text, status, retryAfter)
	if out.Kind == agent.LLMRateLimited || out.Kind == agent.LLMTemporary {
		out.RetryAfter = retryAfter
	}
	return out
}

func kindOf(err error, text string, status int, retryAfter time.Duration) agent.LLMErrorKind {
	text = strings.ToLower(text)
	if status >= 400 && status < 500 {
		// What the text says for certain is finer than the status: providers
		// send 400 and 429 for an account without credit, too.
		if contains(text, "content management policy", "content_filter", "content filter", "responsibleaipolicy") {
			return agent.LLMRefused
		}
		if contains(text, "api key not valid", "credit balance", "insufficient_quota") {
			return agent.LLMDenied
		}
		if retryAfter == 0 && contains(text, "check your plan and billing") {
			return agent.LLMDenied
		}
	}
	if status != 0 {
		return kindOfStatus(status)
	}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		return agent.LLMTemporary
	}
	return kindOfCode(err)
}

// kindOfStatus classifies an HTTP status. One below 400 with an error is an
// answer that was cut off or could not be read.
func kindOfStatus(status int) agent.LLMErrorKind {
	switch {
	case status == http.StatusTooManyRequests:
		return agent.LLMRateLimited
	case status == http.StatusUnauthorized, status == http.StatusForbidden,
		status == http.StatusPaymentRequired, status == http.StatusNotFound:
		return agent.LLMDenied
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
		return agent.LLMTemporary
	case status >= 400 && status < 500:
		return agent.LLMInvalid
	}
	return agent.LLMTemporary
}

// kindOfCode classifies by langchaingo's error code, the provider's own if it
// gave one and else what the mapper reads out of the text.
func kindOfCode(err error) agent.LLMErrorKind {
	var broken *url.Error
	if errors.As(err, &broken) {
		return agent.LLMTemporary // there was no answer at all
	}
	// The mapper takes any "400" of a text for a status, also that of the port
	// in an address.
	if errors.As(err, new(*llms.Error)) {
		err = llms.NewErrorMapper("").WrapError(err)
	} else {
		err = llms.NewErrorMapper("").WrapError(errors.New(addressPattern.ReplaceAllString(err.Error(), "")))
	}
	var coded *llms.Error
	if !errors.As(err, &coded) {
		return agent.LLMTemporary
	}
	switch coded.Code {
	case llms.ErrCodeRateLimit:
		return agent.LLMRateLimited
	case llms.ErrCodeAuthentication, llms.ErrCodeResourceNotFound, llms.ErrCodeQuotaExceeded:
		return agent.LLMDenied
	case llms.ErrCodeInvalidRequest, llms.ErrCodeTokenLimit, llms.ErrCodeNotImplemented:
		return agent.LLMInvalid
	case llms.ErrCodeContentFilter:
		return agent.LLMRefused
	}
	return agent.LLMTemporary
}

// answerInError finds the answer in an error that is none: langchaingo's
// providers return one for an answer without content, and its bedrock for one
// that was cut off or refused. Each has errors of its own, so the text is all
// that they share. nil: it is an error.
func answerInError(err error) *agent.Response {
	for next := err; next != nil; next = errors.Unwrap(next) {
		text := next.Error()
		switch text {
		case "no response", "empty response", "no results":
			return &agent.Response{Stop: agent.StopEnd}
		}
		if reason, ok := strings.CutPrefix(text, "completed due to "); ok {
			reason, _, _ = strings.Cut(reason, ".")
			return &agent.Response{Stop: stopOf(reason)}
		}
	}
	return nil
}

var (
	addressPattern = regexp.MustCompile(`(?i)\b[a-z]+://[^\s"]+|\blocalhost:\d+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)+:\d+|\[[0-9a-f:]+\]:\d+`)
	statusPattern  = regexp.MustCompile(`(?i)(?:status(?: ?code)?|error)[:= ]+([1-5]\d\d)\b`)
	// "Please try again in 1m2.5s", "retry after 20 seconds".
	retryPattern = regexp.MustCompile(`(?i)(?:try again|retry)(?: in| after)[: ]+((?:\d+(?:\.\d+)?(?:ms|h|m|s))+\b|\d+(?:\.\d+)?)(?:\s*(seconds?|minutes?))?`)
)

// statusIn finds an HTTP status in the text of an error. 0: none.
func statusIn(text string) int {
	m := statusPattern.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	status, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return status
}

// retryAfterIn finds in the text of an error how long to wait. 0: it does not
// say.
func retryAfterIn(text string) time.Duration {
	m := retryPattern.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	amount := m[1]
	switch last := amount[len(amount)-1]; {
	case last < '0' || last > '9': // has its unit
	case strings.HasPrefix(strings.ToLower(m[2]), "minute"):
		amount += "m"
	default:
		amount += "s"
	}
	d, err := time.ParseDuration(strings.ToLower(amount))
	if err != nil || d < 0 {
		return 0
	}
	return d
}

func contains(text string, any ...string) bool {
	for _, s := range any {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
