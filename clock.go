package frontdesk

import "time"

// Clock tells the time. Everything that the library decides by time, it
// decides by the Clock of its configuration, so that a test can move days in
// microseconds. Deadlines of input and output are exempt: they use contexts.
//
// Now must be safe for concurrent use. It may go backwards (a corrected
// system clock does): the library then fires nothing twice.
//
// Any type with a Now method fits, jonboulle/clockwork's clocks among them.
type Clock interface {
	Now() time.Time
}

// SystemClock is the clock of the machine. It is what a nil Clock in a
// configuration means.
type SystemClock struct{}

// Now returns the machine's time in UTC.
func (SystemClock) Now() time.Time { return systemNow().UTC() }

// systemNow is the one place where library code reads the wall clock.
var systemNow = time.Now
