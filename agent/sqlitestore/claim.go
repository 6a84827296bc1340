package sqlitestore

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

const laneColumns = `l.conversation, v.id, l.lane, l.token, l.until, l.due, l.ready, l.leased`

var (
	firstReady  = &statement{`SELECT ` + laneColumns + ` FROM lanes l JOIN conversations v ON v.n = l.conversation WHERE l.ready IS NOT NULL ORDER BY l.ready LIMIT ?`}
	firstLeased = &statement{`SELECT min(leased) FROM lanes WHERE leased IS NOT NULL`}
	lanesOf     = &statement{`SELECT ` + laneColumns + ` FROM conversations v JOIN lanes l ON l.conversation = v.n WHERE v.id = ?`}
	// settle moves the lanes whose lease ran out to those that may be claimed.
	settle = &statement{`UPDATE lanes SET ready = due, leased = NULL WHERE leased <= ?`}
	// unsettle moves one back: for a clock that is behind it is leased still.
	unsettle  = &statement{`UPDATE lanes SET ready = NULL, leased = max(due, until) WHERE conversation = ? AND lane = ?`}
	leaseLane = &statement{`UPDATE lanes SET token = token + 1, until = ?3, worker = ?4, ready = NULL, leased = max(due, ?3) WHERE conversation = ?1 AND lane = ?2`}
	// countClaim needs no sorting: a conversation has five tasks at most.
	countClaim = &statement{`UPDATE tasks SET attempts = attempts + 1 WHERE conversation = ?1 AND kind = (
	SELECT kind FROM tasks WHERE conversation = ?1 AND lane = ?2 AND due = ?3 LIMIT 1) RETURNING ` + taskColumns}
)

// lane is a row of lanes. Times are microseconds.
type lane struct {
	conversation int64
	id           string // the conversation's
	name         string
	token        int64
	until        int64
	held         bool // until is set
	due          int64
	waits        bool // due is set: it is in one of the indexes
	ready        bool // in the first of them
}

func laneFrom(r *row) lane {
	l := lane{conversation: r.int(), id: r.text(), name: r.text(), token: r.int()}
	l.held = !r.null()
	l.until = r.int()
	l.waits = !r.null()
	l.due = r.int()
	l.ready = !r.null()
	return l
}

// free is when the lane may be claimed.
func (l *lane) free() int64 {
	if l.held {
		return max(l.due, l.until)
	}
	return l.due
}

// leasedAt reports whether the lane may not be claimed at that time.
func (l *lane) leasedAt(now int64) bool { return l.held && l.until > now }

// next keeps the earliest of some times.
type next struct {
	at  int64
	set bool
}

func (n *next) add(at int64) {
	if !n.set || at < n.at {
		n.at, n.set = at, true
	}
}

func (n *next) time() time.Time {
	if !n.set {
		return time.Time{}
	}
	return time.UnixMicro(n.at).UTC()
}

// Claim implements [agent.Store].
func (s *Store) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	out, err := s.claim(ctx, &q)
	if err != nil {
		return agent.Claimed{}, fmt.Errorf("sqlitestore: claim: %w", err)
	}
	return out, nil
}

func (s *Store) claim(ctx context.Context, q *agent.ClaimQuery) (out agent.Claimed, err error) {
	// Mostly there is nothing to claim, which a reader finds out as well. What
	// it sees is not older than the call.
	idle := false
	err = s.read(ctx, func(c *conn) (err error) {
		k := claimer{conn: c, q: q, now: q.Now.UnixMicro()}
		out, idle, err = k.look()
		return err
	})
	if err != nil || idle {
		return out, err
	}
	err = s.write(ctx, func(c *conn) (err error) {
		k := claimer{conn: c, q: q, now: q.Now.UnixMicro()}
		if q.ConversationID != "" {
			out, err = k.claimOf()
		} else {
			out, err = k.claim()
		}
		return err
	})
	return out, err
}

// claimer serves one claim.
type claimer struct {
	*conn
	q   *agent.ClaimQuery
	now int64
}

// look reports whether nothing can be claimed, and when there will be more.
func (k *claimer) look() (out agent.Claimed, idle bool, err error) {
	var n next
	if k.q.ConversationID != "" {
		lanes, err := k.lanes(lanesOf, k.q.ConversationID)
		for _, l := range lanes {
			if l.waits {
				n.add(l.free())
			}
		}
		return agent.Claimed{Next: n.time()}, !n.set || n.at > k.now, err
	}
	ready, err := k.lanes(firstReady, int64(1))
	if err != nil {
		return out, false, err
	}
	if err := k.leased(&n); err != nil {
		return out, false, err
	}
	for _, l := range ready {
		if l.leasedAt(k.now) {
			return out, false, nil // it stands in the wrong index
		}
		n.add(l.due)
	}
	return agent.Claimed{Next: n.time()}, !n.set || n.at > k.now, nil
}

func (k *claimer) lanes(s *statement, arg any) ([]lane, error) {
	var out []lane
	err := k.query(s, []any{arg}, func(r *row) { out = append(out, laneFrom(r)) })
	return out, err
}

// leased adds when the first of the leased lanes may be claimed.
func (k *claimer) leased(n *next) error {
	return k.query(firstLeased, nil, func(r *row) {
		if !r.null() {
			n.add(r.int())
		}
	})
}

// claim takes from all lanes.
func (k *claimer) claim() (out agent.Claimed, err error) {
	if _, err := k.exec(settle, k.now); err != nil {
		return out, err
	}
	limit := max(k.q.Max, 1)
	var n next
	for more := true; more; {
		// One more than wanted, for Next. Those that were taken have left the
		// index, and so have those that do not belong there.
		want := limit - len(out.Tasks) + 1
		lanes, err := k.lanes(firstReady, int64(want))
		if err != nil {
			return out, err
		}
		more = false
		for _, l := range lanes {
			switch {
			case l.leasedAt(k.now):
				if _, err := k.exec(unsettle, l.conversation, l.name); err != nil {
					return out, err
				}
				more = len(lanes) == want // others may stand behind it
				continue
			case l.due <= k.now && len(out.Tasks) < limit:
				if err := k.take(&l, &out); err != nil {
					return out, err
				}
				continue
			}
			n.add(l.due)
			more = false
			break
		}
		if n.set {
			break
		}
	}
	err = k.leased(&n)
	out.Next = n.time()
	return out, err
}

// claimOf takes from the lanes of one conversation.
func (k *claimer) claimOf() (out agent.Claimed, err error) {
	lanes, err := k.lanes(lanesOf, k.q.ConversationID)
	if err != nil {
		return out, err
	}
	if len(lanes) == 2 && lanes[1].due < lanes[0].due {
		lanes[0], lanes[1] = lanes[1], lanes[0]
	}
	var n next
	for _, l := range lanes {
		if !l.waits {
			continue
		}
		if l.free() <= k.now && len(out.Tasks) < max(k.q.Max, 1) {
			if err := k.take(&l, &out); err != nil {
				return out, err
			}
		}
		n.add(l.free())
	}
	out.Next = n.time()
	return out, nil
}

// take leases a lane and claims its oldest task.
func (k *claimer) take(l *lane, out *agent.Claimed) error {
	until := k.q.Until.UnixMicro()
	if _, err := k.exec(leaseLane, l.conversation, l.name, until, k.q.Worker); err != nil {
		return err
	}
	l.token, l.until, l.held = l.token+1, until, true
	return k.query(countClaim, []any{l.conversation, l.name, l.due}, func(r *row) {
		out.Tasks = append(out.Tasks, agent.ClaimedTask{
			Task:  taskFrom(r, l.id),
			Fence: agent.Fence{ConversationID: l.id, Lane: agent.Lane(l.name), Token: l.token},
		})
	})
}
