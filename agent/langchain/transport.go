package langchain

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Transport is an http.RoundTripper that lets the LLM see the status and the
// Retry-After header of a provider's answers. It changes nothing in requests
// and answers. The zero value is ready to use.
type Transport struct {
	// Base does the work. nil: http.DefaultTransport.
	Base http.RoundTripper
}

// HTTPClient returns a client with a Transport, for the provider's
// WithHTTPClient option. It has no time-out of its own: the context has.
func HTTPClient() *http.Client { return &http.Client{Transport: &Transport{}} }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(req)
	if seen, ok := req.Context().Value(exchangeKey{}).(*exchange); ok && err == nil {
		seen.saw(resp)
	}
	return resp, err
}

// exchange is what a Transport saw of one Generate. It travels in the
// context, which is all that the adapter and the transport share.
type exchange struct {
	mu         sync.Mutex
	status     int
	retryAfter time.Duration
}

type exchangeKey struct{}

func (e *exchange) saw(resp *http.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = resp.StatusCode
	e.retryAfter = retryAfterOf(resp.Header)
}

// last returns the status of the last answer and how long it asks to wait;
// zeros if there was none.
func (e *exchange) last() (status int, retryAfter time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status, e.retryAfter
}

// retryAfterOf reads how long an answer asks to wait. A date counts from the
// answer's own Date header: the clocks on both sides may differ.
func retryAfterOf(h http.Header) time.Duration {
	if ms, ok := number(h.Get("Retry-After-Ms")); ok {
		return asDuration(ms, time.Millisecond)
	}
	value := h.Get("Retry-After")
	if s, ok := number(value); ok {
		return asDuration(s, time.Second)
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 {
		return 0, false
	}
	return f, true
}

// asDuration multiplies without overflow; a year is the most.
func asDuration(n float64, unit time.Duration) time.Duration {
	const most = 365 * 24 * time.Hour
	if n > float64(most/unit) {
		return most
	}
	return time.Duration(n * float64(unit))
}
