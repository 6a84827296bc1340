// Command crash runs agents in processes that are killed at random, and checks
// afterwards that nothing was lost and nothing was done twice.
//
//	go run ./internal/crash -store sqlite -kills 300
//
// The program is a supervisor. It starts workers, which are itself in other
// processes: real agents on one store, that accept messages, ask a model,
// run actions, send, and follow up. What must survive them is the supervisor's:
// the contacts who write, the channel that delivers and deduplicates, and what
// actions did outside. Workers announce what they are doing, and are killed
// with SIGKILL at a random announcement or at any time, one or two of them at
// once; some are stopped with SIGSTOP until their leases have run out and
// another worker has taken over, and then go on. Now and then the disk is full
// (SQLite: a limit on the size of files, so that every write fails, or with
// -mount, which takes root, no free block on a disk of its own), or the
// database is away (PostgreSQL).
//
// With -control all it makes runs that are wrong on purpose, each of which the
// checks have to see.
//
// The seed repeats what contacts say and where workers are struck, and not how
// the processes get on: a failure is not sure to come again.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if spec := os.Getenv(workerVariable); spec != "" {
		if err := runWorker(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // what is mounted goes
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.SetOutput(stderr)
	store := flags.String("store", storeSQLite, "sqlite or postgres")
	kills := flags.Int("kills", 300, "how many workers are killed")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "what contacts say and where workers are struck")
	talking := flags.Int("talking", 100, "how many contacts talk at once")
	control := flags.String("control", "", "make a run that must fail: all, or the name of one")
	mount := flags.Bool("mount", os.Geteuid() == 0, "sqlite: mount a small file system for the store, to fill it up; takes root")
	verbose := flags.Bool("v", false, "print what the workers log")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *store != storeSQLite && *store != storePostgres {
		fmt.Fprintf(stderr, "crash: there is no store %q: give sqlite or postgres\n", *store)
		return 2
	}
	if err := supported(); err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	cfg := config{store: *store, kills: *kills, seed: *seed, talking: *talking, outages: true, mounts: *mount, patience: 2 * time.Minute, log: io.Discard}
	if *verbose {
		cfg.log = stderr
	}
	fmt.Fprintf(stdout, "seed %d, store %s\n", cfg.seed, cfg.store)
	if *control != "" {
		return runControls(ctx, cfg, *control, stdout, stderr)
	}
	began := time.Now()
	res, err := run(ctx, cfg)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	fmt.Fprintf(stdout, "%s%v; %d promises were broken\n", res.report, time.Since(began).Round(time.Second), len(res.wrong))
	for i, w := range res.wrong {
		if i == 50 {
			fmt.Fprintln(stdout, "and so on")
			break
		}
		fmt.Fprintln(stdout, "WRONG:", w)
	}
	if len(res.wrong) > 0 {
		return 1
	}
	return 0
}

// runControls makes one of the runs that must fail, or all of them. It fails if
// one does not.
func runControls(ctx context.Context, cfg config, name string, stdout, stderr io.Writer) int {
	code, found := 0, false
	for _, c := range controls() {
		if name != "all" && name != string(c.fault) {
			continue
		}
		found = true
		seen, res, err := c.run(ctx, cfg)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
		what := "seen: " + seen
		if seen == "" {
			code, what = 1, fmt.Sprintf("NOT SEEN, of %d: %v", len(res.wrong), res.wrong)
		}
		fmt.Fprintf(stdout, "%-16s %s\n%16s %s\n", c.fault, c.what, "", what)
	}
	if !found {
		fmt.Fprintf(stderr, "crash: there is no control %q: give all or a name that it prints\n", name)
		return 2
	}
	return code
}

// run makes runs with the fault until the checks see it, and returns what they
// said; empty: they do not.
func (c control) run(ctx context.Context, cfg config) (seen string, res result, err error) {
	cfg.control, cfg.outages, cfg.mounts = &c, false, false
	cfg.patience = min(cfg.patience, 10*time.Second) // what is broken may never come to rest
	for try := range 3 {
		cfg.seed += uint64(try)
		if res, err = run(ctx, cfg); err != nil {
			return "", res, err
		}
		for _, w := range res.wrong {
			if strings.Contains(w, c.seen) {
				return w, res, nil
			}
		}
	}
	return "", res, nil
}
