package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/pgstore"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

// store is a store that can be closed.
type store interface {
	agent.Store
	Close() error
}

// place is where a store keeps its data. Its data outlive the store, except
// in memory.
type place struct {
	kind string // the package's name
	at   string // a path, or the address of a database; empty: in memory
}

// The kinds of places.
const (
	inMemory   = "memstore"
	inSQLite   = "sqlitestore"
	inPostgres = "pgstore"
)

// memory is a store that forgets what it has when it is closed.
type memory struct{ *memstore.Store }

func (memory) Close() error { return nil }

// open opens the store of a place.
func (p place) open(ctx context.Context) (store, error) {
	switch p.kind {
	case inMemory:
		return memory{memstore.New()}, nil
	case inSQLite:
		return sqlitestore.Open(p.at, nil)
	case inPostgres:
		return pgstore.Open(ctx, p.at, &pgstore.Options{Connections: connections})
	}
	return nil, fmt.Errorf("perf: there is no store %q", p.kind)
}

// durable reports whether data outlive the process.
func (p place) durable() bool { return p.kind != inMemory }

// bytes is what the place takes on disk.
func (p place) bytes(ctx context.Context) (float64, error) {
	if p.kind == inPostgres {
		return databaseSize(ctx, p.at)
	}
	info, err := os.Stat(p.at)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()), nil
}

// newPlace makes an empty place for a store.
func (b *bench) newPlace(ctx context.Context, kind string) (place, error) {
	switch kind {
	case inSQLite:
		b.files++
		return place{kind, filepath.Join(b.dir, fmt.Sprintf("store-%d.db", b.files))}, nil
	case inPostgres:
		dsn, err := b.database(ctx)
		return place{kind, dsn}, err
	}
	return place{kind: kind}, nil
}

// with opens the store of a new place, lets f use it, and removes it.
func (b *bench) with(ctx context.Context, kind string, f func(s store) error) error {
	p, err := b.newPlace(ctx, kind)
	if err != nil {
		return err
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	err = f(s)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	if rerr := b.remove(ctx, p); err == nil {
		err = rerr
	}
	return err
}

// remove takes a place away.
func (b *bench) remove(ctx context.Context, p place) error {
	switch p.kind {
	case inSQLite:
		return os.Remove(p.at) // the last program that closed it took the rest
	case inPostgres:
		return b.drop(ctx, p.at)
	}
	return nil
}
