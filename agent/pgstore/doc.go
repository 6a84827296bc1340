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
// A Load is one round trip, or two if it has to find the conversation first,
// and sees one moment.
//
// # Locks
//
// Every commit locks rows in one order: the lanes of its conversation, then
// keys, contact, conversation and the rest, and at last what many commits want,
// rotations and loads. A claim passes over lanes that others are just writing;
// only if it would go away with nothing, it waits for one of them. Where the
// database rolls one of two transactions back all the same, it is run again.
//
// # Time
//
// All times are the library's. No statement asks the database's clock, so that
// a test with a fake clock, and servers whose clocks differ, behave alike.
package pgstore
