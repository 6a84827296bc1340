// Package world runs the engine of package agent under a scheduler that decides
// every step: who goes on at each call of the store, the LLM, the channel, an
// action or the clock, and who dies there. There is no wall time, no luck and
// no goroutine that runs beside another, so the same choices give the same
// run, and a failure is repeated from the list of its choices.
//
// A [World] holds one workspace with its agents and the doubles around them.
// [Explore] runs all schedules of a scenario, [Walk] random ones. What went
// wrong is found by a [Log], which knows only the commits that the store took
// and the messages that the channel delivered, never what the engine says of
// itself.
//
// A storm ([World.Storm]) is a random simulation of several conversations,
// channels and processes over hours, drawn from a seed; a [Campaign] runs many,
// on memstore or on sqlitestore, which do the same ([Differ]).
// docs/reliability.md says which check holds which invariant, and what is not
// seen here. A [Case] is a storm that is written by hand.
//
// Rules of the protocol can be switched off ([Rules]), to prove that the log
// would see what they prevent.
package world
