// Command perf measures what a durable turn and a pending follow-up cost, and
// what limits them.
//
//	go run -C internal/perf . -quick
//
// The disk is that of temporary files: TMPDIR names another. The program starts
// a PostgreSQL server of its own, for which the binaries have to be installed.
// It prints tables. With -update it writes them into docs/performance.md. It
// is a module of its own, so that what it compares with is no requirement of
// the library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

func main() {
	if code, ok := resumeHere(os.Stdout, os.Stderr); ok {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("perf", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "measure less: a minute or two, and 10,000 pending follow-ups instead of 1,000,000")
	only := flags.String("store", "", "measure one store: memory, sqlite or postgres (with river); empty: all")
	write := flags.Bool("update", false, "write the tables into the page")
	page := flags.String("page", filepath.Join("..", "..", "docs", "performance.md"), "the page that -update writes")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	kinds, err := chosen(*only)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if *write && *only != "" {
		fmt.Fprintln(stderr, "perf: -update writes the numbers of all stores: leave -store out")
		return 2
	}
	b := &bench{sizes: full, kinds: kinds, log: stderr, complete: *write}
	if *quick {
		b.sizes = quickly
	}
	text, err := b.measure(ctx)
	fmt.Fprint(stdout, text)
	if err == nil && *write {
		err = update(*page, text)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// chosen are the stores that -store names.
func chosen(name string) ([]string, error) {
	names := map[string]string{"memory": inMemory, "sqlite": inSQLite, "postgres": inPostgres}
	if name == "" {
		return []string{inMemory, inSQLite, inPostgres}, nil
	}
	kind, ok := names[name]
	if !ok {
		return nil, fmt.Errorf("perf: -store %s: use memory, sqlite or postgres", name)
	}
	return []string{kind}, nil
}

// bench is one run of the program.
type bench struct {
	sizes
	kinds  []string
	log    io.Writer
	dir    string
	files  int            // how many were made
	server *pgtest.Server // nil: not started
	// complete is set when nothing may be left out.
	complete bool
	// found is what followUps measured, by store and pending.
	found map[string]map[int]found
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.log, format+"\n", args...)
}

func (b *bench) has(kind string) bool { return slices.Contains(b.kinds, kind) }

// measure makes the tables, on the disk of temporary files.
func (b *bench) measure(ctx context.Context) (text string, err error) {
	if b.dir, err = os.MkdirTemp("", "frontdesk-perf-"); err != nil {
		return "", fmt.Errorf("perf: %w: set TMPDIR to a directory on the disk to measure", err)
	}
	defer func() {
		if b.server != nil {
			err = errors.Join(err, b.server.Stop())
		}
		err = errors.Join(err, os.RemoveAll(b.dir))
	}()
	tables, err := b.tables(ctx)
	var out strings.Builder
	for _, t := range tables {
		t.write(&out)
	}
	return out.String(), err
}

// tables measures everything.
func (b *bench) tables(ctx context.Context) ([]table, error) {
	if err := b.havePostgres(ctx); err != nil {
		return nil, err
	}
	measures := []func(context.Context) (table, error){b.machine, b.turns, b.commits, b.followUps, b.firing}
	if b.has(inPostgres) {
		measures = append(measures, b.beside)
	}
	var out []table
	for _, measure := range measures {
		t, err := measure(ctx)
		if err == nil {
			err = t.check()
		}
		if err != nil {
			return out, fmt.Errorf("perf: %w", err)
		}
		out = append(out, t)
	}
	return out, nil
}

// havePostgres starts the server. Where there is none to start, what needs it
// is left out, unless it was asked for.
func (b *bench) havePostgres(ctx context.Context) error {
	if !b.has(inPostgres) {
		return nil
	}
	server, err := pgtest.Start(pgtest.Options{})
	switch {
	case err == nil:
		b.server = server
	case errors.Is(err, pgtest.ErrUnavailable) && len(b.kinds) > 1 && !b.complete:
		b.say("NOT MEASURED, PostgreSQL and river: %v", err)
		b.kinds = slices.DeleteFunc(b.kinds, func(k string) bool { return k == inPostgres })
	default:
		return err
	}
	return nil
}
