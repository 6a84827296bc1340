package world

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Campaign runs storms of many seeds.
type Campaign struct {
	// First is the first seed, Seeds how many.
	First, Seeds uint64
	// Workers is how many storms run at the same time, each in a world of its
	// own. 0: one.
	Workers int
	// Rules are off in all of them.
	Rules Rules
	// SQLite runs them on sqlitestore instead of memstore.
	SQLite bool
	// Brief ends each storm at the first promise that it breaks.
	Brief bool
	// All goes on after a failure. Else the campaign stops soon after it.
	All bool
	// Twice runs every n-th seed once more and compares the hashes. 0: none.
	Twice uint64
	// Progress is called now and then, from one goroutine at a time. Nil: never.
	Progress func(done uint64)
}

// Summary is what a campaign came to.
type Summary struct {
	Runs, Failed, Repeated          uint64
	Commits, Deliveries, Operations int
	Decisions                       int
	Coverage                        Coverage
	// Failures are the first few, by seed.
	Failures []StormResult
	// Hash stands for all hashes, in whatever order they were made.
	Hash uint64
}

func (s Summary) String() string {
	return fmt.Sprintf("%d runs, %d failed, %d repeated with the same hash; %d commits, %d deliveries, %d operations, %d faults, pauses and switches; hash %016x",
		s.Runs, s.Failed, s.Repeated, s.Commits, s.Deliveries, s.Operations, s.Decisions, s.Hash)
}

// Run runs the campaign. What it comes to does not depend on how many workers
// there are: seeds count in their order, up to the first that fails.
func (c Campaign) Run() (Summary, error) {
	t := &tally{Campaign: c, sum: Summary{Coverage: Coverage{}}, early: map[uint64]outcome{}}
	var wg sync.WaitGroup
	for range max(c.Workers, 1) {
		w, err := c.world()
		if err != nil {
			return t.sum, err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := t.work(w); err != nil {
				t.fail(err)
			}
		}()
	}
	wg.Wait()
	return t.sum, t.err
}

func (c Campaign) world() (*World, error) {
	return NewWorld(Config{Rules: c.Rules, SQLite: c.SQLite, Brief: c.Brief})
}

// tally counts what the storms of a campaign came to.
type tally struct {
	Campaign
	next atomic.Uint64
	stop atomic.Bool
	mu   sync.Mutex
	sum  Summary
	err  error
	// early are the storms that ended before one with a lower seed had.
	early map[uint64]outcome
	done  uint64 // how many were counted
}

// outcome is a storm, and its hash when it was run once more.
type outcome struct {
	StormResult
	again bool
	hash  uint64
}

// work runs storms until there are no more to run.
func (t *tally) work(w *World) (err error) {
	defer func() {
		w.Discard()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.sum.Coverage.Add(w.coverage)
	}()
	for !t.stop.Load() {
		n := t.next.Add(1) - 1
		if n >= t.Seeds {
			return nil
		}
		o := outcome{StormResult: w.Storm(t.First+n, nil), again: t.Twice > 0 && n%t.Twice == 0}
		if o.hash = o.Hash; o.again && !w.Lost() {
			o.hash = w.Storm(t.First+n, nil).Hash
		}
		t.end(n, o)
		if w.Lost() {
			coverage := w.coverage
			if w, err = t.world(); err != nil {
				return err
			}
			w.coverage = coverage
		}
	}
	return nil
}

// end counts the n-th storm, and those that waited for it.
func (t *tally) end(n uint64, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.early[n] = o
	for {
		o, ok := t.early[t.done]
		if !ok || t.err != nil || t.sum.Failed > 0 && !t.All {
			return
		}
		delete(t.early, t.done)
		t.done++
		t.sum.take(o.StormResult)
		switch {
		case o.hash != o.Hash:
			t.err = fmt.Errorf("sim: seed %d gives another trace the second time", o.Seed)
			t.stop.Store(true)
		case o.again:
			t.sum.Repeated++
		}
		if len(o.Violations) > 0 && !t.All {
			t.stop.Store(true)
		}
		if t.Progress != nil && t.sum.Runs%1000 == 0 {
			t.Progress(t.sum.Runs)
		}
	}
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	t.stop.Store(true)
}

func (s *Summary) take(r StormResult) {
	s.Runs++
	s.Commits += r.Commits
	s.Deliveries += r.Deliveries
	s.Operations += r.Operations
	s.Decisions += len(r.Decisions)
	s.Hash ^= mix(r.Hash, r.Seed)
	if len(r.Violations) == 0 {
		return
	}
	s.Failed++
	s.Failures = append(s.Failures, r)
	s.Failures = s.Failures[:min(len(s.Failures), 20)]
}

// Shrink makes a failing storm small: it leaves out happenings and decisions
// as long as the same promise is broken. It takes at most so much time.
func (w *World) Shrink(r StormResult, limit time.Duration) (StormResult, *Keep) {
	began := time.Now()
	want := promise(r.Violations)
	keep := &Keep{Happenings: map[int]bool{}, Decisions: map[uint32]bool{}}
	for i := range r.Plan.Happenings {
		keep.Happenings[i] = true
	}
	for _, d := range r.Decisions {
		keep.Decisions[d.ID] = true
	}
	best := r
	try := func(k *Keep) bool {
		got := w.Storm(r.Seed, k)
		if promise(got.Violations) != want {
			return false
		}
		best, keep = got, k
		return true
	}
	if !try(keep) {
		return r, nil
	}
	for smaller := true; smaller && time.Since(began) < limit; {
		smaller = false
		for size := 32; size >= 1; size /= 2 {
			items := items(keep)
			for i := 0; i < len(items) && time.Since(began) < limit; i += size {
				k := &Keep{Happenings: maps.Clone(keep.Happenings), Decisions: maps.Clone(keep.Decisions)}
				n := 0
				for _, it := range items[i:min(i+size, len(items))] {
					n += it.remove(k)
				}
				if n > 0 && try(k) {
					smaller = true
				}
			}
		}
		// What no longer comes up need not be kept.
		k := &Keep{Happenings: keep.Happenings, Decisions: map[uint32]bool{}}
		for _, d := range best.Decisions {
			k.Decisions[d.ID] = true
		}
		try(k)
	}
	return best, keep
}

// promise is which promise was broken first, without whose it was.
func promise(violations []string) string {
	if len(violations) == 0 {
		return ""
	}
	p, _, _ := strings.Cut(violations[0], ":")
	return p
}

type item struct {
	happening int
	decision  uint32
	isEvent   bool
}

func items(k *Keep) []item {
	var out []item
	for _, i := range slices.Sorted(maps.Keys(k.Happenings)) {
		out = append(out, item{happening: i, isEvent: true})
	}
	for _, d := range slices.Sorted(maps.Keys(k.Decisions)) {
		out = append(out, item{decision: d})
	}
	return out
}

func (it item) remove(k *Keep) int {
	if it.isEvent {
		if !k.Happenings[it.happening] {
			return 0
		}
		delete(k.Happenings, it.happening)
		return 1
	}
	if !k.Decisions[it.decision] {
		return 0
	}
	delete(k.Decisions, it.decision)
	return 1
}

// String writes what is kept as ParseKeep reads it: "e3,e7,d1f0c".
func (k *Keep) String() string {
	var out []string
	for _, it := range items(k) {
		if it.isEvent {
			out = append(out, "e"+strconv.Itoa(it.happening))
		} else {
			out = append(out, "d"+strconv.FormatUint(uint64(it.decision), 16))
		}
	}
	return strings.Join(out, ",")
}

// ParseKeep reads what String wrote. "" keeps all.
func ParseKeep(s string) (*Keep, error) {
	if s == "" {
		return nil, nil
	}
	k := &Keep{Happenings: map[int]bool{}, Decisions: map[uint32]bool{}}
	for _, part := range strings.Split(s, ",") {
		n, err := uint64(0), error(nil)
		switch {
		case strings.HasPrefix(part, "e"):
			n, err = strconv.ParseUint(part[1:], 10, 31)
			k.Happenings[int(n)] = true
		case strings.HasPrefix(part, "d"):
			n, err = strconv.ParseUint(part[1:], 16, 32)
			k.Decisions[uint32(n)] = true
		default:
			err = strconv.ErrSyntax
		}
		if err != nil {
			return nil, fmt.Errorf("sim: -keep %q: %w: give what a failure printed", part, err)
		}
	}
	return k, nil
}

// middleOut keeps the first and the last n lines: what a worker that spins does
// is the same thousands of times.
func middleOut(log string, n int) string {
	lines := strings.SplitAfter(log, "\n")
	if len(lines) <= 2*n {
		return log
	}
	gap := fmt.Sprintf("  … %d lines …\n", len(lines)-2*n)
	return strings.Join(lines[:n], "") + gap + strings.Join(lines[len(lines)-n:], "")
}

// Report describes a storm that failed, and how to repeat it.
func (r StormResult) Report(keep *Keep) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d breaks a promise:\n", r.Seed)
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "  %s\n", v)
	}
	fmt.Fprintf(&b, "%d workers, chat deduplicates: %t, ladder: %t, roughness %d. What happened:\n", r.Plan.Workers, r.Plan.Idempotent, r.Plan.Ladder, r.Plan.Rough)
	for i, h := range r.Plan.Happenings {
		if keep == nil || keep.Happenings[i] {
			fmt.Fprintf(&b, "  %s\n", h)
		}
	}
	b.WriteString("What chance decided against the usual:\n")
	for i, d := range r.Decisions {
		if i == 60 {
			fmt.Fprintf(&b, "  … and %d more\n", len(r.Decisions)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", d)
	}
	b.WriteString("Log:\n" + middleOut(r.Log, 200))
	fmt.Fprintf(&b, "to repeat it: go run ./internal/sim -seed %d -seeds 1", r.Seed)
	if keep != nil {
		fmt.Fprintf(&b, " -keep %s", keep)
	}
	return b.String() + "\n"
}
