package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
)

var (
	ownersOf       = &statement{`SELECT n, status, assignee_kind, assignee_id FROM conversations WHERE contact = ?`}
	dropContact    = &statement{`DELETE FROM contacts WHERE n = ?`}
	dropKeys       = &statement{`DELETE FROM dedupe WHERE message_id IN (SELECT id FROM messages WHERE conversation = ?)`}
	dropMessages   = &statement{`DELETE FROM messages WHERE conversation = ?`}
	dropJournals   = &statement{`DELETE FROM journal WHERE turn IN (SELECT n FROM turns WHERE conversation = ?)`}
	dropTurns      = &statement{`DELETE FROM turns WHERE conversation = ?`}
	dropTasks      = &statement{`DELETE FROM tasks WHERE conversation = ?`}
	dropLanes      = &statement{`DELETE FROM lanes WHERE conversation = ?`}
	dropApprovals  = &statement{`DELETE FROM approvals WHERE conversation = ?`}
	dropHome       = &statement{`DELETE FROM conversations WHERE n = ?`}
	wantPurge      = &statement{`UPDATE purge SET wanted = wanted + 1 WHERE n = 1`}
	purgeState     = &statement{`SELECT wanted, done FROM purge WHERE n = 1`}
	purged         = &statement{`UPDATE purge SET done = max(done, ?) WHERE n = 1`}
	ofConversation = []*statement{dropKeys, dropMessages, dropJournals, dropTurns, dropTasks, dropLanes, dropApprovals, dropHome}
)

// Delete implements [agent.Desk]. After the transaction that deletes, it does
// what Purge does, unless Options.PurgeLater is set.
func (s *Store) Delete(ctx context.Context, contactIDs ...string) error {
	err := s.write(ctx, func(c *conn) error {
		w := writer{conn: c}
		gone := false
		for _, id := range contactIDs {
			found, err := w.forget(id)
			if err != nil {
				return err
			}
			gone = gone || found
		}
		if !gone {
			return nil
		}
		_, err := w.exec(wantPurge)
		return err
	})
	if err != nil {
		return fmt.Errorf("sqlitestore: delete: %w", err)
	}
	if s.later {
		return nil
	}
	if err := s.purge(ctx); err != nil {
		return fmt.Errorf("sqlitestore: delete: all of it is deleted, but its bytes may still be in the file, call Delete again: %w", err)
	}
	return nil
}

// forget removes a contact with all that is theirs.
func (w *writer) forget(contactID string) (found bool, err error) {
	var n int64
	var identities []frontdesk.Identity
	err = w.query(contactState, []any{contactID}, func(r *row) {
		n, _ = r.int(), r.int()
		r.json(&identities)
	})
	if err != nil || n == 0 {
		return false, err
	}
	var homes []int64
	var owners []string
	err = w.query(ownersOf, []any{n}, func(r *row) {
		homes = append(homes, r.int())
		owners = append(owners, owner(frontdesk.Status(r.text()), frontdesk.Assignee{Kind: frontdesk.AssigneeKind(r.text()), ID: r.text()}))
	})
	if err != nil {
		return false, err
	}
	for i, home := range homes {
		if err := w.moveLoad(owners[i], ""); err != nil {
			return false, err
		}
		for _, drop := range ofConversation {
			if _, err := w.exec(drop, home); err != nil {
				return false, err
			}
		}
	}
	for _, id := range identities {
		if _, err := w.exec(dropIdentity, id.Channel, id.Address); err != nil {
			return false, err
		}
	}
	_, err = w.exec(dropContact, n)
	return true, err
}

// Purge takes the bytes of all that was deleted out of the file and its WAL. It
// writes the file anew, as SQLite leaves copies of rows in the free parts of
// pages, also with secure_delete. That takes a second or two for every 100 MB,
// in which nobody else can write, and needs as much free space as the file
// has, twice. Those who want it at the same time share it; if nothing was
// deleted since the last time, it does nothing. Backups keep what they have.
func (s *Store) Purge(ctx context.Context) error {
	if err := s.purge(ctx); err != nil {
		return fmt.Errorf("sqlitestore: purge: %w", err)
	}
	return nil
}

func (s *Store) purge(ctx context.Context) error {
	if s.path == "" {
		return nil // memory that was given back is nobody's
	}
	return s.alone(ctx, func() error {
		if err := s.haveWriter(); err != nil {
			return err
		}
		var wanted, done int64
		err := s.writer.query(purgeState, nil, func(r *row) { wanted, done = r.int(), r.int() })
		if err != nil || done >= wanted {
			return err
		}
		if err := s.vacuum(ctx); err != nil {
			return err
		}
		return s.patiently(ctx, func() error {
			_, err := s.writer.exec(purged, wanted)
			return err
		})
	})
}

// vacuum writes the file anew and empties the WAL. The connection is one of
// its own, as that of the writer would keep the copy in memory.
func (s *Store) vacuum(ctx context.Context) (err error) {
	c, err := connect(s.dsn, []string{fmt.Sprintf("busy_timeout = %d", busyStep.Milliseconds()), "synchronous = FULL"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	err = s.patiently(ctx, func() error {
		// The caller's context, as an exception: it can take long, and nobody
		// else is in this transaction.
		_, err := c.driver.(driver.ExecerContext).ExecContext(ctx, "VACUUM", nil)
		return err
	})
	if err != nil {
		return err
	}
	return s.patiently(ctx, func() error {
		busy, err := c.value("PRAGMA wal_checkpoint(TRUNCATE)")
		if err == nil && busy != int64(0) {
			err = errReading
		}
		return err
	})
}
