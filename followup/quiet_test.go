package followup_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/followup"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func hours(from, to float64) followup.QuietHours {
	return followup.QuietHours{From: time.Duration(from * float64(time.Hour)), To: time.Duration(to * float64(time.Hour))}
}

// S8.12; times are RFC 3339 so that both sides of a change can be told apart.
func TestQuietHours(t *testing.T) {
	for _, c := range []struct {
		name     string
		quiet    followup.QuietHours
		zone     string
		at, want string
	}{
		{"none", followup.QuietHours{}, "Asia/Jakarta", "2026-11-24T03:00:00+07:00", "2026-11-24T03:00:00+07:00"},
		{"equal ends are none", hours(8, 8), "Asia/Jakarta", "2026-11-24T09:00:00+07:00", "2026-11-24T09:00:00+07:00"},
		{"before", hours(22, 7), "Asia/Jakarta", "2026-11-24T21:59:59+07:00", "2026-11-24T21:59:59+07:00"},
		{"From is quiet", hours(22, 7), "Asia/Jakarta", "2026-11-24T22:00:00+07:00", "2026-11-25T07:00:00+07:00"},
		{"after midnight", hours(22, 7), "Asia/Jakarta", "2026-11-25T01:00:00+07:00", "2026-11-25T07:00:00+07:00"},
		{"To is not", hours(22, 7), "Asia/Jakarta", "2026-11-25T07:00:00+07:00", "2026-11-25T07:00:00+07:00"},
		{"within a day", hours(12, 13.5), "Asia/Jakarta", "2026-11-24T12:59:00+07:00", "2026-11-24T13:30:00+07:00"},
		{"to midnight", hours(20, 24), "Asia/Jakarta", "2026-12-31T23:00:00+07:00", "2027-01-01T00:00:00+07:00"},
		{"a place far ahead", hours(22, 7), "Pacific/Kiritimati", "2026-11-24T09:00:00Z", "2026-11-24T17:00:00Z"},
		// New York, 8 March 2026: 02:00 becomes 03:00.
		{"the end is in a gap: after it", hours(22, 2.5), "America/New_York", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"the end is where a gap begins", hours(22, 2), "America/New_York", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"the start is in a gap", hours(2.5, 5), "America/New_York", "2026-03-08T03:10:00-04:00", "2026-03-08T05:00:00-04:00"},
		{"all of it is in a gap", hours(2.25, 2.75), "America/New_York", "2026-03-08T03:10:00-04:00", "2026-03-08T03:10:00-04:00"},
		{"the next night joins on in a gap", hours(2.75, 2.25), "America/New_York", "2026-03-08T01:00:00-05:00", "2026-03-09T02:15:00-04:00"},
		// New York, 1 November 2026: 02:00 becomes 01:00.
		{"the end comes twice: the first", hours(22, 1.5), "America/New_York", "2026-11-01T00:30:00-04:00", "2026-11-01T01:30:00-04:00"},
		{"the second is not quiet again", hours(22, 1.5), "America/New_York", "2026-11-01T01:10:00-05:00", "2026-11-01T01:10:00-05:00"},
		{"the start comes twice: from the first on", hours(1.5, 4), "America/New_York", "2026-11-01T01:10:00-05:00", "2026-11-01T04:00:00-05:00"},
		{"a fold inside", hours(22, 7), "America/New_York", "2026-11-01T01:10:00-05:00", "2026-11-01T07:00:00-05:00"},
		// Lord Howe moves by half an hour.
		{"half an hour", hours(22, 2.25), "Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00"},
		// Samoa left out 30 December 2011: the night goes on into the 31st.
		{"a day that did not exist", hours(22, 7), "Pacific/Apia", "2011-12-29T23:00:00-10:00", "2011-12-31T07:00:00+14:00"},
		{"not valid is none", hours(-1, 30), "Asia/Jakarta", "2026-11-24T03:00:00+07:00", "2026-11-24T03:00:00+07:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			require.NoError(t, err)
			want, err := time.Parse(time.RFC3339, c.want)
			require.NoError(t, err)
			got := c.quiet.Next(at, zone(t, c.zone))
			assert.True(t, got.Equal(want), "got %s, want %s", got.In(want.Location()), want)
		})
	}
	at := time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC)
	assert.Equal(t, at.Add(8*time.Hour), hours(22, 7).Next(at, nil), "no zone is UTC")
}

// Next is never before t, settles at once, and never changes order.
func TestQuietHoursProperties(t *testing.T) {
	for _, name := range []string{"America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Jakarta"} {
		loc := zone(t, name)
		for _, q := range []followup.QuietHours{hours(22, 7), hours(1, 2.5), hours(2.5, 1.5), hours(0, 24), hours(23.5, 0)} {
			at, last := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}
			for range 365 * 24 {
				next := q.Next(at, loc)
				require.False(t, next.Before(at), "%s %v %s", name, q, at)
				require.False(t, next.Before(last), "%s %v %s", name, q, at)
				if q != hours(0, 24) { // quiet all day: there is no time to settle at
					require.True(t, q.Next(next, loc).Equal(next), "%s %v %s", name, q, at)
				}
				at, last = at.Add(time.Hour), next
			}
		}
	}
}

func TestQuietHoursValidate(t *testing.T) {
	assert.NoError(t, followup.QuietHours{}.Validate())
	assert.NoError(t, hours(20, 24).Validate())
	assert.ErrorContains(t, hours(-1, 3).Validate(), "followup: quiet hours from -1h0m0s to 3h0m0s")
	assert.ErrorContains(t, hours(3, 25).Validate(), "give durations since midnight")
}

func ExampleQuietHours_Next() {
	jakarta := time.FixedZone("WIB", 7*60*60)
	night := followup.QuietHours{From: 22 * time.Hour, To: 7 * time.Hour}
	fmt.Println(night.Next(time.Date(2026, 11, 24, 23, 30, 0, 0, jakarta), jakarta))
	// Output: 2026-11-25 07:00:00 +0700 WIB
}
