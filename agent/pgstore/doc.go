// Package pgstore is an [agent.Store] in a PostgreSQL database: for several
// machines, or for programs that have such a database anyway. A commit that
// was acknowledged is on the server's disk.
//
//	store, err := pgstore.Open(ctx, "postgres://user:password@host/database", nil)
//	…
//	defer store.Close()
//
// # Round trips
//
// A Commit, an Append and a Claim are one round trip each: their statements are
// sent together and are one transaction. What they demand (a fence, versions,
// keys) is checked by the statements, which raise an error with a code of this
// package if it does not hold. No transaction is open while a program thinks.
//
// Commits and Appends that wait at the same time share a transaction, if each
// writes rows of one conversation alone and no two of the same. A caller that
// finds nobody writing has one to itself, at once. Of the others a few lead: each
// sends its own statements and those that are queued, and wakes the others. All
// of it happens on the goroutines of the callers. If the database refuses one,
// the transaction is rolled back, that one tries again alone, to learn its own
// outcome, and the others go on without it; groups are smaller for a while. So it
// is for one that waits for a lock. If the connection is lost, nobody of the group
// knows the outcome, as without a group. A context that ends takes its own call
// back while that is queued, and later leaves the others alone; a leader stays
// with what it has sent, for a second at most.
//
// A Load is one round trip, or two if it has to find the conversation first,
// and sees one moment.
//
// # Locks
//
// Every transaction locks rows in one order: the lanes of its conversations, then
// keys, contact, conversations and the rest, and at last what many commits want,
// rotations and loads. A claim passes over lanes that others are just writing;
// only if it would go away with nothing, it waits for one of them. Where the
// database rolls one of two transactions back all the same, it is run again.
//
// # Time
//
// All times are the library's. No statement asks the database's clock, so that
// a test with a fake clock, and servers whose clocks differ, behave alike. Real
// time ends two waits for the database, and decides nothing else: a shared
// transaction waits 100 ms for a lock, and its leader a second for its end when
// the leader's own context is done.
package pgstore
