package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// timing is what it took to do something many times.
type timing struct {
	took time.Duration
	each []time.Duration // what each time took, sorted
}

// perSecond is how often it was done in a second.
func (t timing) perSecond() float64 { return float64(len(t.each)) / t.took.Seconds() }

// at is the time within which the share q of all was done.
func (t timing) at(q float64) time.Duration {
	if len(t.each) == 0 {
		return 0
	}
	return t.each[min(int(q*float64(len(t.each))), len(t.each)-1)]
}

// together lets n goroutines do something, each of them so many times, one
// time after the other. A goroutine whose work fails stops.
func together(n, times int, do func(worker, i int) error) (timing, error) {
	var (
		all  sync.WaitGroup
		each = make([][]time.Duration, n)
		errs = make([]error, n)
	)
	begun := time.Now()
	for w := range n {
		all.Go(func() {
			each[w] = make([]time.Duration, 0, times)
			for i := 0; i < times && errs[w] == nil; i++ {
				before := time.Now()
				errs[w] = do(w, i)
				each[w] = append(each[w], time.Since(before))
			}
		})
	}
	all.Wait()
	t := timing{took: time.Since(begun), each: slices.Concat(each...)}
	slices.Sort(t.each)
	return t, errors.Join(errs...)
}

// share lets n goroutines do each of so many things once, in no order.
func share(n, things int, do func(i int) error) (timing, error) {
	var next atomic.Int64
	each := make([][]time.Duration, n)
	begun := time.Now()
	_, err := together(n, 1, func(w, _ int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= things {
				return nil
			}
			before := time.Now()
			if err := do(i); err != nil {
				return fmt.Errorf("%d of %d: %w", i, things, err)
			}
			each[w] = append(each[w], time.Since(before))
		}
	})
	t := timing{took: time.Since(begun), each: slices.Concat(each...)}
	slices.Sort(t.each)
	return t, err
}
