package routing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/routing"
)

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("u%06d", i)
	}
	return out
}

// S5.4: over any k·n assignments each member gets exactly k, from any start.
func TestNextIsFair(t *testing.T) {
	for start := range 7 {
		p := routing.NewPool(ids(7))
		last, got := fmt.Sprintf("u%06d", start), map[string]int{}
		for range 7000 {
			var ok bool
			last, ok = p.Next(last, nil)
			require.True(t, ok)
			got[last]++
		}
		require.Len(t, got, 7)
		for id, n := range got {
			assert.Equal(t, 1000, n, id)
		}
	}
}

func TestNextEdges(t *testing.T) {
	empty := routing.NewPool(nil)
	_, ok := empty.Next("a", nil)
	assert.False(t, ok)
	_, ok = empty.Least("a", nil)
	assert.False(t, ok)
	assert.False(t, empty.SetOpen("a", 1))

	p := routing.NewPool([]string{"c", "a", "e", "a"})
	assert.Equal(t, 3, p.Len(), "an ID that stands twice counts once")
	for _, c := range []struct{ last, want string }{
		{"", "a"}, {"a", "c"}, {"b", "c"}, {"c", "e"}, {"e", "a"}, {"z", "a"}, // somebody who has left keeps the place
	} {
		got, ok := p.Next(c.last, nil)
		assert.True(t, ok)
		assert.Equal(t, c.want, got, "after %q", c.last)
	}
	all := func(string) bool { return true }
	_, ok = p.Next("a", all)
	assert.False(t, ok)
	got, _ := p.Next("a", func(id string) bool { return id != "a" })
	assert.Equal(t, "a", got, "the last one again, when all others are refused")
	p.SetOpen("a", 1)
	_, ok = p.Least("a", all)
	assert.False(t, ok)
}

// S5.4: whoever stays through joins, leaves and absences is not passed over:
// between two turns of theirs, nobody else has more than one turn.
func TestNextStaysFairWhileMembersChange(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		members := map[string]bool{"u000003": true, "u000017": true} // these stay
		for _, id := range ids(20) {
			if rng.IntN(2) == 0 {
				members[id] = true
			}
		}
		since := map[string]map[string]int{"u000003": {}, "u000017": {}}
		last := ""
		for range 600 {
			if rng.IntN(3) == 0 { // somebody joins or leaves
				id := ids(20)[rng.IntN(20)]
				if _, stays := since[id]; !stays {
					members[id] = !members[id]
				}
			}
			var list []string
			for id, in := range members {
				if in {
					list = append(list, id)
				}
			}
			absent := ids(20)[rng.IntN(20)]
			next, ok := routing.NewPool(list).Next(last, func(id string) bool { _, stays := since[id]; return id == absent && !stays })
			require.True(t, ok)
			for stayer, turns := range since {
				if next == stayer {
					clear(turns)
					continue
				}
				turns[next]++
				require.LessOrEqual(t, turns[next], 1, "seed %d: %s had two turns while %s waited", seed, next, stayer)
			}
			last = next
		}
	}
}

// S5.5: the lowest count, ties to the first after last; against a plain search.
func TestLeastAgainstPlainSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for n := 1; n <= 40; n++ {
		p, list, open := routing.NewPool(ids(n)), ids(n), map[string]int{}
		for range 120 {
			id := list[rng.IntN(n)]
			open[id] = rng.IntN(4)
			assert.True(t, p.SetOpen(id, open[id]))
			last := list[rng.IntN(n)]
			if rng.IntN(5) == 0 {
				last = []string{"", "zzz", last + "x"}[rng.IntN(3)]
			}
			refused := map[string]bool{}
			for range rng.IntN(n + 1) {
				refused[list[rng.IntN(n)]] = true
			}
			skip := func(id string) bool { return refused[id] }

			want, found := "", false
			start := slices.IndexFunc(list, func(s string) bool { return s > last })
			for i := range list {
				id := list[(max(start, 0)+i)%n]
				if !refused[id] && (!found || open[id] < open[want]) {
					want, found = id, true
				}
			}
			got, ok := p.Least(last, skip)
			require.Equal(t, found, ok)
			require.Equal(t, want, got, "n %d, last %q, open %v, refused %v", n, last, open, refused)
		}
	}
}

// S5.5: with nothing closing, least open deals out as evenly as round robin.
func TestLeastLevels(t *testing.T) {
	p, open := routing.NewPool(ids(9)), map[string]int{}
	for range 900 {
		id, ok := p.Least("u000004", nil)
		require.True(t, ok)
		open[id]++
		p.SetOpen(id, open[id])
	}
	for _, id := range ids(9) {
		assert.Equal(t, 100, open[id])
	}
	p.SetOpen("u000002", -5)
	got, _ := p.Least("", nil)
	assert.Equal(t, "u000002", got, "below 0 counts as 0")
}

func ExamplePool() {
	pool := routing.NewPool([]string{"ayu", "budi", "citra"})
	last := ""
	for range 4 {
		last, _ = pool.Next(last, nil)
		fmt.Println(last)
	}
	pool.SetOpen("ayu", 3)
	pool.SetOpen("budi", 1)
	pool.SetOpen("citra", 1)
	least, _ := pool.Least("budi", nil)
	fmt.Println("least open:", least)
	// Output:
	// ayu
	// budi
	// citra
	// ayu
	// least open: citra
}

// S5.7
func BenchmarkPool(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		list := ids(n)
		b.Run(fmt.Sprintf("Next/%d", n), func(b *testing.B) {
			p, last := routing.NewPool(list), ""
			b.ReportAllocs()
			for b.Loop() {
				last, _ = p.Next(last, nil)
			}
		})
		b.Run(fmt.Sprintf("Least/%d", n), func(b *testing.B) {
			p, i := routing.NewPool(list), 0
			b.ReportAllocs()
			for b.Loop() {
				id, _ := p.Least(list[i%n], nil)
				p.SetOpen(id, i%7+1)
				i += 37
			}
		})
	}
}
