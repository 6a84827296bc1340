package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// resumeVariable tells a program to resume at a place, and no more.
const resumeVariable = "FRONTDESK_PERF_RESUME"

// resumed is how a new process took up a store.
type resumed struct {
	Open, Next, Claim time.Duration
	// Memory is what the process then holds, in bytes.
	Memory float64
}

// resume starts a new process of this program, which takes up the place.
func (p place) resume(ctx context.Context) (r resumed, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), resumeVariable+"="+p.kind+" "+p.at)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		return r, fmt.Errorf("resume %s in a new process: %w", p.kind, err)
	}
	return r, nil
}

// resumeHere is the new process. It reports false if this is none.
func resumeHere(stdout, stderr io.Writer) (code int, ok bool) {
	kind, at, ok := strings.Cut(os.Getenv(resumeVariable), " ")
	if !ok {
		return 0, false
	}
	r, err := takeUp(context.Background(), place{kind, at})
	if err == nil {
		err = json.NewEncoder(stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1, true
	}
	return 0, true
}

// takeUp opens a store, asks what is due next, and claims it.
func takeUp(ctx context.Context, p place) (r resumed, err error) {
	at := time.Now()
	lap := func() time.Duration {
		now := time.Now()
		d := now.Sub(at)
		at = now
		return d
	}
	s, err := p.open(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r.Open = lap()
	m, err := newMux(s, nil)
	if err != nil {
		return r, err
	}
	lap()
	due, ok, err := m.NextDue(ctx)
	if err != nil || !ok {
		return r, fmt.Errorf("nothing waits: %v", err)
	}
	r.Next = lap()
	got, err := s.Claim(ctx, agent.ClaimQuery{Now: due, Until: due.Add(lease), Worker: "resumed", Max: 1})
	if err != nil || len(got.Tasks) != 1 {
		return r, fmt.Errorf("%d tasks were claimed and not one: %v", len(got.Tasks), err)
	}
	r.Claim = lap()
	r.Memory = resident()
	return r, s.Commit(ctx, agent.Commit{Fence: &got.Tasks[0].Fence, Release: true})
}

// resident is how much memory the process holds, in bytes.
func resident() float64 {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == "kB" {
			if kb, err := strconv.ParseFloat(f[0], 64); err == nil {
				return kb * 1024
			}
		}
	}
	// Not Linux: what the runtime holds, which leaves out what SQLite does.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys)
}
