package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// I1 to I32: storms of some hundred seeds break no promise.
func TestShortRun(t *testing.T) {
	var out, errs bytes.Buffer
	code := run([]string{"-seeds", "400", "-workers", "2"}, &out, &errs)
	assert.Zero(t, code, "%s%s", out.String(), errs.String())
	assert.Contains(t, out.String(), "400 runs, 0 failed, 4 repeated with the same hash")
	for _, what := range []string{"crash at commit", "freeze at ", "stall at ", "jump", "outage of ", "takeover", "resolve", "our echo", "receipt read"} {
		assert.Contains(t, out.String(), what, "the generator brings it about")
	}
}

// A failure is found again from the part of the storm that was printed.
func TestArguments(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Zero(t, run([]string{"-seeds", "1", "-seed", "7"}, &out, &errs))
	assert.Contains(t, out.String(), "seed 7: no promise is broken; hash ")
	first := out.String()
	out.Reset()
	require.Zero(t, run([]string{"-seeds", "1", "-seed", "7"}, &out, &errs))
	assert.Equal(t, first, out.String(), "the same seed, the same storm")
	assert.Equal(t, 2, run([]string{"-keep", "x7"}, &out, &errs))
	assert.Contains(t, errs.String(), "give what a failure printed")
	assert.Equal(t, 2, run([]string{"-nothing"}, &out, &errs))
}

// I1 to I32 on the other store.
func TestShortRunOnSQLite(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Zero(t, run([]string{"-seeds", "60", "-workers", "2", "-store", "sqlite"}, &out, &errs), "%s%s", out.String(), errs.String())
	assert.Contains(t, out.String(), "60 runs, 0 failed")
	assert.Equal(t, 2, run([]string{"-store", "paper"}, &out, &errs))
	assert.Contains(t, errs.String(), "give memory or sqlite")
}
