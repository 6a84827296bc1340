package main

import "github.com/seed-a71cb1d8/frontdesk/internal/switches"

// fault is something that workers do wrong on purpose, to prove that the checks
// see it. The zero value is none.
type fault string

// control is one run that must fail.
type control struct {
	fault fault
	// what says what is wrong.
	what string
	// seen is a part of what the checks must say.
	seen string
	// at are the moments at which workers are struck; stop is set where they
	// are stopped past their lease instead of killed.
	at   []string
	stop bool
	// guard is switched off in the workers, if it is not negative.
	guard switches.Guard
}

const noGuard switches.Guard = -1

// The faults.
const (
	ackEarly    fault = "ack-early"
	sendEarly   fault = "send-early"
	newKeys     fault = "new-keys"
	noFence     fault = "no-fence"
	noDedupe    fault = "no-dedupe"
	apart       fault = "rotation-apart"
	ladderApart fault = "ladder-apart"
	runAgain    fault = "run-again"
	newCallKeys fault = "new-call-keys"
)

// controls are the runs that must fail.
func controls() []control {
	return []control{
		{ackEarly, "a message is acknowledged before its commit", "was acknowledged and is not stored", []string{"acknowledged"}, false, noGuard},
		{sendEarly, "a reply is sent before its commit", "which is not stored", []string{"sent early"}, false, noGuard},
		{newKeys, "each attempt of a send has a key of its own", "arrived under two keys", []string{"sent"}, false, noGuard},
		{newCallKeys, "each run of an action has a key of its own", "ran under", []string{"acted"}, false, noGuard},
		{noFence, "a worker whose lease ran out goes on", "two keys", []string{"llm"}, true, noGuard},
		{noDedupe, "a message that comes again is stored again", "stored 2 times", []string{"accepted"}, false, noGuard},
		{apart, "a rotation moves in a commit of its own", "unfair", []string{"commit rotation"}, false, noGuard},
		{ladderApart, "a ladder moves in a commit of its own", "S8.9", []string{"commit ladder"}, false, noGuard},
		{runAgain, "an action that was started runs again after a crash", "at most once, and ran", []string{"acted"}, false, switches.AtMostOnce},
	}
}

// guardOf is what a fault switches off in the engine.
func guardOf(f fault) (switches.Guard, bool) {
	for _, c := range controls() {
		if c.fault == f && c.guard != noGuard {
			return c.guard, true
		}
	}
	return 0, false
}
