package pgstore

import (
	"context"
	"errors"
	"fmt"
)

const ofThem = `IN (SELECT id FROM frontdesk.conversations WHERE contact = ANY($1::text[]))`

var (
	// What is deleted is locked first, in the order in which a commit locks.
	lockLanes         = define(`SELECT FROM frontdesk.lanes WHERE conversation ` + ofThem + ` ORDER BY conversation, lane FOR UPDATE`)
	lockContacts      = define(`SELECT FROM frontdesk.contacts WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`)
	lockConversations = define(`SELECT FROM frontdesk.conversations WHERE contact = ANY($1::text[]) ORDER BY id FOR UPDATE`)

	dropKeys = define(`DELETE FROM frontdesk.dedupe WHERE message_id IN (SELECT id FROM frontdesk.messages WHERE conversation ` + ofThem + `)`)
	dropRows = []*statement{
		define(`DELETE FROM frontdesk.messages WHERE conversation ` + ofThem),
		define(`DELETE FROM frontdesk.journal WHERE conversation ` + ofThem),
		define(`DELETE FROM frontdesk.turns WHERE conversation ` + ofThem),
		define(`DELETE FROM frontdesk.approvals WHERE conversation ` + ofThem),
		define(`DELETE FROM frontdesk.lanes WHERE conversation ` + ofThem),
		define(`DELETE FROM frontdesk.conversations WHERE contact = ANY($1::text[])`),
		define(`DELETE FROM frontdesk.identities WHERE contact = ANY($1::text[])`),
	}
	// dropContacts remembers that bytes are left, and of which transaction.
	dropContacts = define(`WITH gone AS (DELETE FROM frontdesk.contacts WHERE id = ANY($1::text[]) RETURNING id)
	UPDATE frontdesk.purge SET wanted = wanted + 1, transaction = pg_current_xact_id() WHERE EXISTS (SELECT FROM gone)`)

	purgeState = define(`SELECT wanted, done FROM frontdesk.purge`)
	purged     = define(`UPDATE frontdesk.purge SET done = greatest(done, $1)`)
	// olderReaders counts the transactions that may see what was deleted, those
	// among them that a standby says it has (hot_standby_feedback): it says so on
	// a connection that belongs to no database, or by its slot. It waits a little
	// if there are any: most are over at once.
	olderReaders = define(`SELECT count(*), CASE WHEN count(*) > 0 THEN pg_sleep(0.05) END FROM (
	SELECT backend_xmin AS x FROM pg_catalog.pg_stat_activity
		WHERE (datid IS NULL OR datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
	UNION ALL SELECT transaction FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
	UNION ALL SELECT xmin FROM pg_catalog.pg_replication_slots WHERE xmin IS NOT NULL
) o WHERE age(o.x) >= (SELECT age(transaction::xid) FROM frontdesk.purge)`)
	rewrite = define(`VACUUM (FULL) frontdesk.contacts, frontdesk.identities, frontdesk.conversations, frontdesk.messages, frontdesk.dedupe,
	frontdesk.turns, frontdesk.journal, frontdesk.lanes, frontdesk.approvals`)
)

// Delete implements [agent.Desk]. After the transaction that deletes, it does
// what Purge does, unless Options.PurgeLater is set.
func (s *Store) Delete(ctx context.Context, contactIDs ...string) error {
	if len(contactIDs) == 0 {
		contactIDs = []string{}
	}
	err := retry(func() error {
		b := s.batch()
		// With the contacts locked no conversation can begin any more. One that
		// began before, while this waited for a contact, has lanes to lock too:
		// somebody may be writing under its fence.
		for _, st := range []*statement{lockLanes, lockContacts, lockLanes, lockConversations, dropKeys} {
			b.do(st, contactIDs)
		}
		for _, st := range dropRows {
			b.do(st, contactIDs)
		}
		b.do(dropContacts, contactIDs)
		return b.run(ctx, s.pool)
	})
	if err != nil {
		return fmt.Errorf("pgstore: delete: %w", err)
	}
	if s.later {
		return nil
	}
	if err := s.purge(ctx); err != nil {
		return fmt.Errorf("pgstore: delete: all of it is deleted, but its bytes may still be in the files of the tables, call Delete again: %w", err)
	}
	return nil
}

// Purge takes the bytes of all that was deleted out of the files of the tables
// and indexes: PostgreSQL leaves a deleted row where it is, and a vacuum leaves
// its bytes in the free part of the page. So it writes the tables anew (VACUUM
// FULL), which takes a few seconds for every GB, in which nobody else can use
// them, and as much free space as they have. If nothing was deleted since the
// last time, it does nothing. The write-ahead log and its archive keep what
// they have until they are recycled, and so do backups and replicas that lag
// behind.
func (s *Store) Purge(ctx context.Context) error {
	if err := s.purge(ctx); err != nil {
		return fmt.Errorf("pgstore: purge: %w", err)
	}
	return nil
}

// errReading means that deleted rows cannot go yet.
var errReading = errors.New("a transaction that began before the deletion is still open and may read what was deleted: end it, then call it again")

// looks is how often a purge looks whether older transactions have ended: for
// about 15 seconds, as a standby tells every 10 of what it reads.
const looks = 300

func (s *Store) purge(ctx context.Context) error {
	var wanted, done int64
	b := s.batch()
	b.query(purgeState, nil, func(r *row) { wanted, done = r.int(), r.int() })
	if err := b.run(ctx, s.pool); err != nil || done >= wanted {
		return err
	}
	older := int64(1)
	for range looks {
		b := s.batch()
		b.query(olderReaders, nil, func(r *row) { older = r.int() })
		if err := b.run(ctx, s.pool); err != nil {
			return err
		}
		if older == 0 {
			break
		}
	}
	if older > 0 {
		return errReading
	}
	if _, err := s.pool.Exec(ctx, s.sql[rewrite.n]); err != nil { // it allows no other statement beside it
		return err
	}
	b = s.batch()
	b.do(purged, wanted)
	return b.run(ctx, s.pool)
}
