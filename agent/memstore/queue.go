package memstore

import (
	"context"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// lane is what is leased: the turns of a conversation, or its sending.
//
// A lane stands in at most one of two heaps, and only while it has a task
// with a due time, so that whatever is blocked or leased is in nobody's way:
//
//   - ready: sorted by the oldest due time of its tasks;
//   - leased: sorted by when it may be claimed again, which is the end of the
//     lease or the due time, whichever is later.
//
// A lane whose lease ran out moves from leased to ready when somebody claims.
// It moves back if a claimer with an older clock finds it leased still.
type lane struct {
	conversation *conversation
	name         agent.Lane

	// token is that of the newest claim; the lease is held until it is
	// released, or another claim is made after until.
	token  int64
	held   bool
	until  time.Time
	worker string

	key  time.Time // the place in the heap goes by it
	heap *laneHeap // nil: in none
	pos  int
}

// leasedAt reports whether the lane may not be claimed at that time.
func (l *lane) leasedAt(now time.Time) bool { return l.held && l.until.After(now) }

// holds reports whether the token is that of a lease that nobody took over.
func (l *lane) holds(token int64) bool { return l.held && l.token == token }

// oldest returns the task that is due first, nil if all are blocked. Of those
// that are due at the same time it is the one whose kind sorts first, as in the
// other stores: a storm is the same on each.
func (l *lane) oldest() *agent.Task {
	var first *agent.Task
	for _, t := range l.conversation.tasks {
		if t.Due.IsZero() || t.Kind.Lane() != l.name {
			continue
		}
		if first == nil || t.Due.Before(first.Due) || t.Due.Equal(first.Due) && t.Kind < first.Kind {
			first = t
		}
	}
	return first
}

// queue finds due lanes.
type queue struct {
	ready, leased laneHeap
	// token is the last one given. One counter for all lanes is larger than
	// every earlier token of each of them.
	token int64
}

// place puts a lane where it belongs after its tasks or its lease changed.
func (q *queue) place(l *lane) {
	first := l.oldest()
	switch {
	case first == nil:
		q.move(l, nil, time.Time{})
	case l.held:
		q.move(l, &q.leased, later(first.Due, l.until))
	default:
		q.move(l, &q.ready, first.Due)
	}
}

// move puts a lane into a heap, or with nil into none.
func (q *queue) move(l *lane, to *laneHeap, key time.Time) {
	key = key.Round(0) // a store compares wall times, as one on disk does
	if l.heap == to {
		if to != nil && !key.Equal(l.key) {
			l.key = key
			to.fix(l)
		}
		return
	}
	if l.heap != nil {
		l.heap.remove(l)
	}
	if l.key = key; to != nil {
		to.add(l)
	}
}

// settle brings both heaps up to the time of a claimer. Afterwards the first
// of ready is not leased, and the first of leased cannot be claimed yet.
func (q *queue) settle(now time.Time) {
	for l := q.leased.first(); l != nil && !l.key.After(now); l = q.leased.first() {
		q.move(l, &q.ready, l.oldest().Due)
	}
	for l := q.ready.first(); l != nil && l.leasedAt(now); l = q.ready.first() {
		q.move(l, &q.leased, later(l.key, l.until))
	}
}

// next is the earliest time at which there may be something to claim.
func (q *queue) next() time.Time {
	a, b := q.ready.first(), q.leased.first()
	switch {
	case a == nil && b == nil:
		return time.Time{}
	case b == nil || a != nil && a.key.Before(b.key):
		return a.key
	}
	return b.key
}

// claim leases the lane and returns its oldest task.
func (q *queue) claim(l *lane, c *agent.ClaimQuery) agent.ClaimedTask {
	t := l.oldest()
	t.Attempts++
	q.token++
	l.token, l.held, l.until, l.worker = q.token, true, c.Until.Round(0), c.Worker
	q.place(l)
	return agent.ClaimedTask{
		Task:  *t,
		Fence: agent.Fence{ConversationID: l.conversation.data.ID, Lane: l.name, Token: l.token},
	}
}

// Claim implements [agent.Store].
func (s *Store) Claim(ctx context.Context, c agent.ClaimQuery) (agent.Claimed, error) {
	if err := s.begin(ctx, "claim"); err != nil {
		return agent.Claimed{}, err
	}
	defer s.mu.Unlock()
	if c.ConversationID != "" {
		return s.claimOf(s.conversations[c.ConversationID], &c), nil
	}
	var out agent.Claimed
	q := &s.queue
	for q.settle(c.Now); len(out.Tasks) < max(c.Max, 1); q.settle(c.Now) {
		l := q.ready.first()
		if l == nil || l.key.After(c.Now) {
			break
		}
		out.Tasks = append(out.Tasks, q.claim(l, &c))
		if l.heap == &q.leased && !l.key.After(c.Now) {
			// A lease that is over as it begins. Who asks for it gets it, but
			// not the same lane twice.
			break
		}
	}
	out.Next = q.next()
	return out, nil
}

// claimOf claims from the lanes of one conversation.
func (s *Store) claimOf(conv *conversation, c *agent.ClaimQuery) agent.Claimed {
	var out agent.Claimed
	if conv == nil {
		return out
	}
	lanes := [2]*lane{&conv.turn, &conv.send}
	due := func(l *lane) time.Time {
		if t := l.oldest(); t != nil {
			return t.Due
		}
		return time.Time{}
	}
	if a, b := due(lanes[0]), due(lanes[1]); !b.IsZero() && b.Before(a) {
		lanes[0], lanes[1] = lanes[1], lanes[0]
	}
	for _, l := range lanes {
		at := due(l)
		if at.IsZero() {
			continue
		}
		if !at.After(c.Now) && !l.leasedAt(c.Now) && len(out.Tasks) < max(c.Max, 1) {
			out.Tasks = append(out.Tasks, s.queue.claim(l, c))
		}
		if l.held {
			at = later(at, l.until)
		}
		if out.Next.IsZero() || at.Before(out.Next) {
			out.Next = at
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// laneHeap is a binary heap of lanes that know their place in it.
type laneHeap struct{ lanes []*lane }

func (h *laneHeap) first() *lane {
	if len(h.lanes) == 0 {
		return nil
	}
	return h.lanes[0]
}

func (h *laneHeap) add(l *lane) {
	l.heap, l.pos = h, len(h.lanes)
	h.lanes = append(h.lanes, l)
	h.up(l.pos)
}

func (h *laneHeap) remove(l *lane) {
	n := len(h.lanes) - 1
	moved := h.lanes[n]
	h.put(l.pos, moved)
	h.lanes[n] = nil
	h.lanes = h.lanes[:n]
	if moved != l {
		h.fix(moved)
	}
	l.heap = nil
}

// fix restores the order after the key of l changed.
func (h *laneHeap) fix(l *lane) {
	if !h.up(l.pos) {
		h.down(l.pos)
	}
}

func (h *laneHeap) put(i int, l *lane) {
	h.lanes[i] = l
	l.pos = i
}

func (h *laneHeap) up(i int) bool {
	l, from := h.lanes[i], i
	for i > 0 {
		parent := (i - 1) / 2
		if !l.key.Before(h.lanes[parent].key) {
			break
		}
		h.put(i, h.lanes[parent])
		i = parent
	}
	h.put(i, l)
	return i != from
}

func (h *laneHeap) down(i int) {
	l := h.lanes[i]
	for {
		child := 2*i + 1
		if child >= len(h.lanes) {
			break
		}
		if right := child + 1; right < len(h.lanes) && h.lanes[right].key.Before(h.lanes[child].key) {
			child = right
		}
		if !h.lanes[child].key.Before(l.key) {
			break
		}
		h.put(i, h.lanes[child])
		i = child
	}
	h.put(i, l)
}
