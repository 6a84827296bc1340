package world

import (
	"context"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Differ runs the storm of a seed on sqlitestore and on memstore, and says
// whether they did the same. Where several conversations have tasks that fell
// due at the same time a store may claim from any, so memstore follows the
// choices of the other, and it is an error if it cannot. Everything else is
// determined: each commit, with all that is in it, has to be the same.
func Differ(seed uint64) error {
	disk, err := NewWorld(Config{SQLite: true})
	if err != nil {
		return err
	}
	defer disk.Discard()
	memory, err := NewWorld(Config{})
	if err != nil {
		return err
	}
	want := disk.Storm(seed, nil)
	memory.follow = append(disk.chosen, end)
	got := memory.Storm(seed, nil)
	for _, r := range []StormResult{want, got} {
		if len(r.Violations) > 0 {
			return fmt.Errorf("sim: seed %d: %s", seed, r.Violations[0])
		}
	}
	if want.Hash != got.Hash || len(memory.follow) != 1 {
		return fmt.Errorf("sim: seed %d gives another trace on memstore than on sqlitestore: %d commits and %d, hash %016x and %016x",
			seed, got.Commits, want.Commits, got.Hash, want.Hash)
	}
	return nil
}

// end stands behind all choices that are followed.
const end = "(end)"

// choose claims a task, of whatever conversation the store chooses, or of that
// which another store chose.
func (w *World) choose(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	if q.ConversationID != "" {
		return w.store.Claim(ctx, q)
	}
	if len(w.follow) > 0 {
		next := w.follow[0]
		if next == end {
			w.log.violate("stores: this one is asked for a task once more")
			return w.store.Claim(ctx, q)
		}
		w.follow = w.follow[1:]
		q.ConversationID = next
	}
	c, err := w.store.Claim(ctx, q)
	if err != nil {
		return c, err
	}
	got := ""
	if len(c.Tasks) > 0 {
		got = c.Tasks[0].ConversationID
	}
	w.chosen = append(w.chosen, got)
	if len(w.follow) > 0 && got != q.ConversationID {
		w.log.violate("stores: this one claims from %q, the other from %q", got, q.ConversationID)
	}
	return c, nil
}
