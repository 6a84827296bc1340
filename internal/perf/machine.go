package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// machine tells on what all of it was measured, and when.
func (b *bench) machine(ctx context.Context) (table, error) {
	t := table{title: "Machine", columns: []string{"", "measured on " + time.Now().Format(time.DateOnly)}}
	t.add("run", fact(b.name))
	t.add("processor", fact(fmt.Sprintf("%s, %d cores, %s/%s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)))
	if load, err := os.ReadFile("/proc/loadavg"); err == nil { // Linux has it
		t.add("busy with other programs: load average before it began", fact(strings.Fields(string(load))[0]))
	}
	sync, err := b.syncs()
	if err != nil {
		return t, err
	}
	p50, p99 := latencies(sync)
	t.add("disk: 4 KB written and synced (fsync)", fact(fmt.Sprintf("p50 %v, p99 %v", p50, p99)))
	t.add("Go", fact(strings.TrimPrefix(runtime.Version(), "go")))
	db, err := openPlainSQLite(ctx, filepath.Join(b.dir, "version.db"))
	if err != nil {
		return t, err
	}
	rows, err := db.rows(`SELECT sqlite_version()`)
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return t, err
	}
	t.add("SQLite", fact(fmt.Sprintf("%v in %s", rows[0][0], module("modernc.org/sqlite"))))
	if b.has(inPostgres) {
		var version string
		if err := b.ask(ctx, "postgres", `SHOW server_version`, &version); err != nil {
			return t, err
		}
		t.add("PostgreSQL", fact(fmt.Sprintf("%s as installed, %s, %d connections", version, module("github.com/jackc/pgx/v5"), connections)))
		t.add("river", fact(module("github.com/riverqueue/river")))
	}
	reads, writes, err := callsPerTurn(ctx)
	if err != nil {
		return t, err
	}
	t.add("a whole turn asks its store for", fact(fmt.Sprintf("%d transactions that write, %d that read", writes, reads)))
	return t, nil
}

// syncs writes and syncs one page of a file again and again.
func (b *bench) syncs() (timing, error) {
	f, err := os.Create(filepath.Join(b.dir, "sync"))
	if err != nil {
		return timing{}, err
	}
	page := make([]byte, 4096)
	t, err := together(1, b.syncing, func(_, i int) error {
		if _, err := f.WriteAt(page, int64(i)*int64(len(page))); err != nil {
			return err
		}
		return f.Sync()
	})
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return t, err
}

// processor is the name of the processor, where the system tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "a processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a processor"
}

// module is a module that is built in, with its version.
func module(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return path + " " + m.Version
			}
		}
	}
	return path
}
