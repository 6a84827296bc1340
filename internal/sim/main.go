// Command sim runs the engine in random storms of messages, people, faults and
// crashes, and checks its promises from a log of its own.
//
//	go run ./internal/sim -seeds 10000
//
// Each seed is one storm, the same each time. If a promise is broken, the
// seed, the smallest part of the storm that still breaks it and the command
// that repeats it are printed, and the exit code is 1.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/internal/sim/world"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	seeds := flags.Uint64("seeds", 1000, "how many seeds")
	seed := flags.Uint64("seed", 1, "the first seed")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "how many storms at the same time")
	keepText := flags.String("keep", "", "the part of one storm that is kept, as a failure prints it")
	all := flags.Bool("all", false, "go on after a failure")
	verbose := flags.Bool("v", false, "print progress, and the log of a single seed")
	shrink := flags.Duration("shrink", 20*time.Second, "how long to look for the smallest part that fails")
	controls := flags.Bool("controls", false, "switch each rule and guard off in turn, and print which storms see it")
	only := flags.String("only", "", "with -controls: the names of those to switch off, separated by commas")
	store := flags.String("store", "memory", "the store they run on: memory or sqlite")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	keep, err := world.ParseKeep(*keepText)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if *store != "memory" && *store != "sqlite" {
		fmt.Fprintf(stderr, "sim: -store %q: give memory or sqlite\n", *store)
		return 2
	}
	sqlite := *store == "sqlite"
	if *controls {
		return table(*seeds, *workers, *only, stdout, stderr)
	}
	if *seeds == 1 {
		return single(*seed, keep, sqlite, *shrink, *verbose, stdout, stderr)
	}
	began := time.Now()
	c := world.Campaign{First: *seed, Seeds: *seeds, Workers: *workers, All: *all, Twice: 100, SQLite: sqlite}
	if *verbose {
		c.Progress = func(done uint64) {
			fmt.Fprintf(stderr, "%d of %d seeds, %v\n", done, *seeds, time.Since(began).Round(time.Second))
		}
	}
	sum, err := c.Run()
	fmt.Fprint(stdout, sum.Coverage)
	took := time.Since(began)
	fmt.Fprintf(stdout, "%v\n%v, %.0f seeds a minute\n", sum, took.Round(time.Millisecond), float64(sum.Runs)/took.Minutes())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if len(sum.Failures) == 0 {
		return 0
	}
	for _, f := range sum.Failures[1:] {
		fmt.Fprintf(stdout, "seed %d: %s\n", f.Seed, f.Violations[0])
	}
	return single(sum.Failures[0].Seed, nil, sqlite, *shrink, true, stdout, stderr)
}

// table switches each rule and guard off in turn. It fails if one is not seen,
// or if one is that ought to be harmless.
func table(seeds uint64, workers int, only string, stdout, stderr io.Writer) int {
	code := 0
	fmt.Fprintln(stdout, world.ControlHeader)
	for _, c := range world.Controls() {
		if only != "" && !slices.Contains(strings.Split(only, ","), c.Name) {
			continue
		}
		res, err := c.Run(seeds, workers, true)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		note := ""
		if !res.AsExpected() {
			code, note = 1, "  NOT AS EXPECTED"
		}
		fmt.Fprintln(stdout, res.String()+note)
	}
	return code
}

// single runs one storm, makes it small if it fails, and describes it.
func single(seed uint64, keep *world.Keep, sqlite bool, shrink time.Duration, verbose bool, stdout, stderr io.Writer) int {
	w, err := world.NewWorld(world.Config{SQLite: sqlite})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer w.Discard()
	res := w.Storm(seed, keep)
	if len(res.Violations) == 0 {
		fmt.Fprintf(stdout, "seed %d: no promise is broken; hash %016x, %d commits, %d deliveries\n", seed, res.Hash, res.Commits, res.Deliveries)
		return 0
	}
	if keep == nil && shrink > 0 {
		res, keep = w.Shrink(res, shrink)
	}
	fmt.Fprint(stdout, res.Report(keep))
	return 1
}
