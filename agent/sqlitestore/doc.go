// Package sqlitestore is an [agent.Store] in one SQLite file, in pure Go: no
// cgo, no server. It is for one machine: one program or several that share
// the file. A commit that was acknowledged survives a crash of the process
// and the loss of power.
//
//	store, err := sqlitestore.Open("frontdesk.db", nil)
//	…
//	defer store.Close()
//
// # Writing
//
// SQLite has one writer at a time, and what a commit costs is the sync of the
// disk. So the commits of many conversations share one: the first caller that
// wants to write becomes the leader, opens a transaction, and runs in it what
// all the others have queued meanwhile, each under a savepoint, so that one
// that conflicts fails alone. It commits once, with one sync, and wakes the
// others; if more came in, the first of those leads next. All of it happens on
// the goroutines of the callers: the store has none of its own. A single caller
// pays nothing for it and waits for nobody. Real time ends one wait, that for
// another process which has the file (Options.BusyTimeout), and decides nothing
// else.
//
// # Reading
//
// The file is in WAL mode, so that reading and writing do not wait for each
// other. Each Load is a read transaction on one of a few connections, and sees
// one moment, which is not before the call. A Claim that finds nothing due is
// a read too: a worker that polls keeps nobody from writing.
//
// # Several processes
//
// Several programs on one machine may open the same file; leases, versions
// and the position of rotations hold over all of them. Never put the file on
// a network file system: its locks do not hold there.
//
// The locks of a file end, on Unix, when the process that has them closes the
// file, whoever in the process opened it. So do not open the file of a Store
// by other means in the same program, not even to copy it: see
// [Store.Backup].
package sqlitestore
