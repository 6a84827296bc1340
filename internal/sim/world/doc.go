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
// channels and processes over hours, drawn from a seed; a [Campaign] runs many.
// Which check holds which invariant in a storm:
//
//	I1, I28, I32  Log.settle, checkAnswered, accepted; beforeTurn (fallback)
//	I2            beforeTurn: answers and calls of a turn
//	I3, I4, I24   checkMessage, sending, deleted; before (nothing written after deletion)
//	I5, I6        deliver, fence, claim, settleStorm (numbers without gaps)
//	I7 to I12     checkFollowUp, early, beforeTurn, before, ladderEnds, settle
//	I13, I14      run, ran, ask
//	I15           moved; I17 after; I18, I19 contact; I20 beforeTurn
//	I21           before, contact, settleStorm (the commits make what is stored)
//	I22, I23, I25 words, shown, request
//	I26           settle: a poisoned conversation comes to an end
//	I29           request, beforeTurn; I30 Campaign.Twice; I31 early
//
// Not seen here: I16 (the structure of prompts), I27 (memory, goroutines), and
// of I24 the bytes that are left after a purge.
//
// Rules of the protocol can be switched off ([Rules]), to prove that the log
// would see what they prevent.
package world
