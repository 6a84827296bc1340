package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(workerVariable); spec != "" {
		if err := runWorker(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m) // I27: no goroutine is left
}

func short(t *testing.T) config {
	if err := supported(); err != nil {
		require.Empty(t, os.Getenv("CI"), "in CI this is not skipped: %v", err)
		t.Skip("NOT TESTED: processes are killed on Linux only: ", err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return config{store: storeSQLite, kills: 6, seed: seed, talking: 15, outages: true, patience: time.Minute, log: io.Discard}
}

// I28, S7.1, S7.2, S8.9, S10.2: workers are killed again and again, and nothing
// is lost or done twice.
func TestKilledWorkers(t *testing.T) {
	res, err := run(t.Context(), short(t))
	require.NoError(t, err)
	t.Log(res.report)
	assert.Empty(t, res.wrong)
}

// The same with the database away now and then.
func TestKilledWorkersOnPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED with -short: killed workers on PostgreSQL; run without -short")
	}
	cfg := short(t)
	cfg.store, cfg.kills = storePostgres, 3
	res, err := run(t.Context(), cfg)
	if errors.Is(err, pgtest.ErrUnavailable) && os.Getenv("CI") == "" {
		t.Skip("NOT TESTED: ", err)
	}
	require.NoError(t, err)
	t.Log(res.report)
	assert.Empty(t, res.wrong)
}

// The test of that test: what is wrong on purpose is seen.
func TestControls(t *testing.T) {
	for _, c := range controls() {
		// The others take longer: go run ./internal/crash -control all
		if c.fault != ackEarly && (testing.Short() || c.fault != newCallKeys) {
			continue
		}
		t.Run(string(c.fault), func(t *testing.T) {
			cfg := short(t)
			cfg.kills, cfg.patience = 4, 4*time.Second
			seen, res, err := c.run(t.Context(), cfg)
			require.NoError(t, err)
			assert.NotEmpty(t, seen, "%s\n%s", res.report, strings.Join(res.wrong, "\n"))
		})
	}
}

func TestArguments(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, 2, command(t.Context(), []string{"-store", "paper"}, &out, &errs))
	assert.Contains(t, errs.String(), "give sqlite or postgres")
	assert.Equal(t, 2, command(t.Context(), []string{"-nothing"}, &out, &errs))
	if supported() == nil {
		assert.Equal(t, 2, command(t.Context(), []string{"-control", "nothing"}, &out, &errs))
		assert.Contains(t, errs.String(), `no control "nothing"`)
	}
}
