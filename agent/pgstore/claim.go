package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// The parameters of a claim: now, how many, until, worker.
const (
	isReady   = `until IS NULL AND due IS NOT NULL AND due <= $1`
	isExpired = `until IS NOT NULL AND due IS NOT NULL AND greatest(due, until) <= $1`
	// lease leases the lanes of the list chosen, and counts the claim of the
	// oldest task of each.
	lease = `, picked AS MATERIALIZED (
	SELECT conversation, lane, due,
		(SELECT key FROM jsonb_each(tasks) WHERE (value->>'d')::bigint = due ORDER BY key LIMIT 1) AS kind
	FROM chosen ORDER BY due LIMIT $2
)
UPDATE frontdesk.lanes l SET token = l.token + 1, until = $3, worker = $4,
	tasks = jsonb_set(l.tasks, ARRAY[p.kind, 'a'], to_jsonb((l.tasks->p.kind->>'a')::bigint + 1))
FROM picked p WHERE l.conversation = p.conversation AND l.lane = p.lane
RETURNING l.conversation, l.lane, l.token, p.kind, l.due, (l.tasks->p.kind->>'a')::bigint, l.tasks->p.kind->>'t'`
)

// claimAny takes from all lanes, and passes over those that somebody else is
// just writing: it is most often another claim. waitAny waits for one of them.
// So it never holds one lane while it waits for another.
func claimAny() *statement {
	part := func(which, where string) string {
		return which + ` AS MATERIALIZED (
	SELECT conversation, lane, due, tasks FROM frontdesk.lanes WHERE ` + where + ` ORDER BY due LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)`
	}
	return define(`WITH ` + part("ready", isReady) + `, ` + part("expired", isExpired) + `, chosen AS (
	SELECT * FROM ready UNION ALL SELECT * FROM expired
)` + lease)
}

// waitFor chooses a lane before it waits for it. A scan that waits would go on
// to the next one with the lock of the first, if that cannot be claimed after
// all.
func waitFor(where, order string) *statement {
	return define(`WITH chosen AS MATERIALIZED (
	SELECT conversation, lane, due, tasks FROM frontdesk.lanes
	WHERE (conversation, lane) = (SELECT conversation, lane FROM frontdesk.lanes WHERE ` + where + ` ORDER BY ` + order + ` LIMIT 1) AND ` + where + `
	FOR NO KEY UPDATE
)` + lease)
}

var (
	claimFree = claimAny()
	// The lanes of one conversation are locked in the order in which a commit
	// does it, and only if there is something to claim.
	claimOf = define(`WITH both_lanes AS MATERIALIZED (
	SELECT conversation, lane, due, until, tasks FROM frontdesk.lanes WHERE conversation = $5
		AND EXISTS (SELECT FROM frontdesk.lanes x WHERE x.conversation = $5 AND x.due <= $1 AND (x.until IS NULL OR x.until <= $1))
	ORDER BY lane FOR NO KEY UPDATE
), chosen AS (
	SELECT conversation, lane, due, tasks FROM both_lanes WHERE due <= $1 AND (until IS NULL OR until <= $1)
)` + lease)
	// waitReady and waitExpired wait for the first lane, which somebody else is
	// writing, and take it if it can be claimed then.
	waitReady   = waitFor(isReady, `due`)
	waitExpired = waitFor(isExpired, `greatest(due, until)`)

	// The earliest time at which a lane may be claimed.
	nextOf  = define(`SELECT min(greatest(due, until)) FROM frontdesk.lanes WHERE conversation = $1 AND due IS NOT NULL`)
	nextAny = define(`SELECT (SELECT due FROM frontdesk.lanes WHERE until IS NULL AND due IS NOT NULL ORDER BY due LIMIT 1),
	(SELECT greatest(due, until) FROM frontdesk.lanes WHERE until IS NOT NULL AND due IS NOT NULL ORDER BY greatest(due, until) LIMIT 1)`)
)

// rounds is how often a claim waits for lanes that others then keep. Out.Next
// tells the caller to try again.
const rounds = 100

// Claim implements [agent.Store].
func (s *Store) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	var out agent.Claimed
	err := retry(func() (err error) {
		out, err = s.claim(ctx, &q)
		return err
	})
	if err != nil {
		return agent.Claimed{}, fmt.Errorf("pgstore: claim: %w", err)
	}
	return out, nil
}

func (s *Store) claim(ctx context.Context, q *agent.ClaimQuery) (out agent.Claimed, err error) {
	if q.ConversationID != "" {
		return s.claimBy(ctx, q, claimOf)
	}
	for range rounds {
		for _, by := range []*statement{claimFree, waitReady, waitExpired} {
			out, err = s.claimBy(ctx, q, by)
			// What is due and was not given is being written by somebody else. If
			// nothing was given at all, wait: it may be what was asked for.
			if err != nil || len(out.Tasks) > 0 || out.Next.IsZero() || out.Next.After(q.Now) {
				return out, err
			}
		}
	}
	return out, nil
}

// claimBy claims with one statement and asks for what comes next, in one round
// trip. Where nothing is due it writes nothing.
func (s *Store) claimBy(ctx context.Context, q *agent.ClaimQuery, by *statement) (out agent.Claimed, err error) {
	args := []any{q.Now.UnixMicro(), int64(max(q.Max, 1)), q.Until.UnixMicro(), q.Worker}
	b := s.batch()
	b.query(by, append(args, only(q.ConversationID)...), func(r *row) { out.Tasks = append(out.Tasks, claimedFrom(r)) })
	var next []int64
	due := func(r *row) {
		for range r.values {
			if !r.null() {
				next = append(next, r.int())
			} else {
				r.at++
			}
		}
	}
	if q.ConversationID != "" {
		b.query(nextOf, []any{q.ConversationID}, due)
	} else {
		b.query(nextAny, nil, due)
	}
	if err := b.run(ctx, s.pool); err != nil {
		return agent.Claimed{}, err
	}
	slices.SortFunc(out.Tasks, func(a, b agent.ClaimedTask) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ConversationID, b.ConversationID), cmp.Compare(a.Fence.Lane, b.Fence.Lane))
	})
	if len(next) > 0 {
		out.Next = time.UnixMicro(slices.Min(next)).UTC()
	}
	return out, nil
}

// only is the parameter of a claim from one conversation.
func only(conversationID string) []any {
	if conversationID == "" {
		return nil
	}
	return []any{conversationID}
}

func claimedFrom(r *row) agent.ClaimedTask {
	id, lane, token := r.text(), r.text(), r.int()
	return agent.ClaimedTask{
		Task:  taskFrom(r, id),
		Fence: agent.Fence{ConversationID: id, Lane: agent.Lane(lane), Token: token},
	}
}
