package routing

import (
	"math"
	"slices"
	"sort"
)

// Pool is a set of members to choose from, in ring order: sorted by ID, the
// last followed by the first. A position in it is the ID of who was chosen
// last, whether or not they are still a member; so joining and leaving shift
// nobody else's turn (S5.4).
//
// The zero value has no members; make one with NewPool. A Pool is not safe for
// concurrent use while its counts change; [Router] takes care of that.
type Pool struct {
	ids []string // sorted, distinct; never modified
	// tree holds the open counts as a tree of minimums: the leaves are
	// tree[size:], a node is the smaller of its two children. Nil: all are 0.
	tree []int
	size int
}

// none is the count of leaves that stand for nobody.
const none = math.MaxInt

// NewPool makes a pool of the IDs, in any order; one that stands twice counts
// once. All open counts are 0.
func NewPool(ids []string) *Pool {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return &Pool{ids: slices.Compact(ids)}
}

// Len returns the number of members.
func (p *Pool) Len() int { return len(p.ids) }

// after returns the index of the first member after last in ring order.
func (p *Pool) after(last string) int {
	i := sort.Search(len(p.ids), func(i int) bool { return p.ids[i] > last })
	if i == len(p.ids) {
		return 0
	}
	return i
}

// Next returns the first member after last in ring order that skip does not
// refuse (nil: refuses nobody). An empty last means before the first. It is
// false when all are refused. The cost is O(log n) and one step for each
// member that was refused (S5.7).
func (p *Pool) Next(last string, skip func(id string) bool) (string, bool) {
	i := p.after(last)
	for range p.ids {
		if skip == nil || !skip(p.ids[i]) {
			return p.ids[i], true
		}
		if i++; i == len(p.ids) {
			i = 0
		}
	}
	return "", false
}

// SetOpen sets how many open conversations a member has; below 0 counts as 0.
// It returns false for somebody who is no member. O(log n).
func (p *Pool) SetOpen(id string, n int) bool {
	i, ok := slices.BinarySearch(p.ids, id)
	if !ok {
		return false
	}
	if n = max(n, 0); p.tree == nil {
		if n == 0 {
			return true
		}
		p.grow()
	}
	node := p.size + i
	p.tree[node] = n
	for node > 1 {
		node /= 2
		p.tree[node] = min(p.tree[2*node], p.tree[2*node+1])
	}
	return true
}

// grow makes the tree: pools that only ever turn round robin need none.
func (p *Pool) grow() {
	p.size = 1
	for p.size < len(p.ids) {
		p.size *= 2
	}
	p.tree = make([]int, 2*p.size)
	for i := len(p.ids); i < p.size; i++ {
		p.tree[p.size+i] = none
	}
	for node := p.size - 1; node > 0; node-- {
		p.tree[node] = min(p.tree[2*node], p.tree[2*node+1])
	}
}

// Least returns the member with the fewest open conversations whom skip does
// not refuse (nil: refuses nobody). Among equals it is the first after last in
// ring order (S5.5). It is false when all are refused. The cost is O(log n),
// and that again for each member that was refused.
func (p *Pool) Least(last string, skip func(id string) bool) (string, bool) {
	found := p.least(last, skip, 1)
	if len(found) == 0 {
		return "", false
	}
	return found[0], true
}

// least returns the first at most limit members by count and ring order that
// skip does not refuse.
func (p *Pool) least(last string, skip func(id string) bool, limit int) []string {
	var out []string
	if p.tree == nil { // all are 0: ring order alone decides
		i := p.after(last)
		for n := 0; n < len(p.ids) && len(out) < limit; n++ {
			if id := p.ids[(i+n)%len(p.ids)]; skip == nil || !skip(id) {
				out = append(out, id)
			}
		}
		return out
	}
	// Best first: a subtree is as good as its best member, so that only the
	// way down to each member that is looked at is opened.
	q := queue{pool: p, start: p.after(last)}
	q.add(1, 0, p.size)
	for len(out) < limit {
		s, ok := q.pop()
		if !ok {
			break
		}
		if s.to-s.from > 1 {
			q.split(s)
		} else if id := p.ids[s.from]; skip == nil || !skip(id) {
			out = append(out, id)
		}
	}
	return out
}

// span is a subtree: the members from..to, the least of their counts, and how
// far behind the start of the ring the first of them stands.
type span struct{ node, from, to, count, rank int }

func (s span) before(o span) bool {
	return s.count < o.count || s.count == o.count && s.rank < o.rank
}

// queue is a heap of spans, the best first. No span reaches over the start of
// the ring, so that ranks order spans as they order their members.
type queue struct {
	pool  *Pool
	start int
	heap  []span
}

func (q *queue) split(s span) {
	mid := (s.from + s.to) / 2
	q.add(2*s.node, s.from, mid)
	q.add(2*s.node+1, mid, s.to)
}

func (q *queue) add(node, from, to int) {
	s := span{node: node, from: from, to: to, count: q.pool.tree[node], rank: from - q.start}
	if s.count == none {
		return
	}
	if from < q.start && q.start < to {
		q.split(s)
		return
	}
	if s.rank < 0 {
		s.rank += q.pool.size
	}
	q.heap = append(q.heap, s)
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.heap[i].before(q.heap[parent]) {
			break
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

func (q *queue) pop() (span, bool) {
	if len(q.heap) == 0 {
		return span{}, false
	}
	best, n := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[n]
	q.heap = q.heap[:n]
	for i := 0; ; {
		child := 2*i + 1
		if child >= n {
			return best, true
		}
		if child+1 < n && q.heap[child+1].before(q.heap[child]) {
			child++
		}
		if !q.heap[child].before(q.heap[i]) {
			return best, true
		}
		q.heap[i], q.heap[child] = q.heap[child], q.heap[i]
		i = child
	}
}
