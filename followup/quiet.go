package followup

import (
	"fmt"
	"time"
)

// QuietHours are hours of the day in which no follow-up is sent (S8.12).
// Both ends are durations since midnight, by the wall clock of the place:
// {22 * time.Hour, 7 * time.Hour} is ten in the evening to seven in the
// morning. From is quiet, To is not. When both are the same, as in the zero
// value, no hour is quiet.
type QuietHours struct {
	From, To time.Duration
}

// Validate reports ends that are no time of a day: below 0 or over 24 hours.
func (q QuietHours) Validate() error {
	for _, d := range []time.Duration{q.From, q.To} {
		if d < 0 || d > 24*time.Hour {
			return fmt.Errorf("followup: quiet hours from %v to %v are no times of a day: give durations since midnight, 0 to 24h", q.From, q.To)
		}
	}
	return nil
}

// Next returns the earliest time at or after t that is not quiet in loc (nil:
// UTC). A t that is not quiet is returned as it is.
//
// Each night is one stretch of time, whatever the clocks do in it. An end
// that daylight saving skips is the moment after the gap; an end that it
// brings twice is the first of the two, and the second is not quiet again.
func (q QuietHours) Next(t time.Time, loc *time.Location) time.Time {
	if q.From == q.To || q.Validate() != nil {
		return t
	}
	if loc == nil {
		loc = time.UTC
	}
	year, month, day := t.In(loc).Date()
	next := t
	// Yesterday's night may still last, and where clocks skip a day's end one
	// night may begin where another stops; so in order.
	for offset := -1; offset <= 2; offset++ {
		midnight := time.Date(year, month, day+offset, 0, 0, 0, 0, time.UTC)
		from, to := midnight.Add(q.From), midnight.Add(q.To)
		if q.To < q.From {
			to = to.AddDate(0, 0, 1)
		}
		if end := instant(to, loc); !next.Before(instant(from, loc)) && next.Before(end) {
			next = end.In(t.Location())
		}
	}
	return next
}

// instant returns the moment at which clocks in loc show the wall time that
// is given as a time in UTC. time.Date would do but for the hours of a
// change, where it promises nothing.
func instant(wall time.Time, loc *time.Location) time.Time {
	shown := func(t time.Time) time.Time { // the wall time of t, as a time in UTC
		_, offset := t.Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	y, mo, d := wall.Date()
	h, mi, s := wall.Clock()
	t := time.Date(y, mo, d, h, mi, s, wall.Nanosecond(), loc)
	start, end := t.ZoneBounds()
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		before := shown(change.Add(-1)).Add(1) // what clocks would show had they not changed
		after := shown(change)
		switch {
		case before.Before(after) && !wall.Before(before) && wall.Before(after): // gap
			return change.In(loc)
		case after.Before(before) && !wall.Before(after) && wall.Before(before): // fold
			return change.Add(-before.Sub(wall)).In(loc)
		}
	}
	return t
}
