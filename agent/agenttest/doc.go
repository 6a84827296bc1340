// Package agenttest tests what the agent package is given, and stands in for
// it in tests.
//
// Whoever implements [agent.LLM], [agent.Store] or [agent.Channel] runs its
// conformance suite: [TestLLM], [TestStore], [TestChannel]. A suite fails with
// the promise that was broken, and planted bugs show that it sees them. For a
// store it takes as much as
//
//	func TestStore(t *testing.T) {
//		agenttest.TestStore(t, func(t *testing.T) agent.Store { return open(t) })
//	}
//
// The doubles are deterministic and need no network: [Script] plays a script
// as an LLM, [NewFaultyLLM] makes an LLM go wrong by a plan or a seed. None
// needs a *testing.T, so examples and programs can use them as well.
//
// To test an agent of your own, give it a script, a memstore, a
// [RecordingChannel] and a [FakeClock]. Let it handle a message and look at
// the turn and at what the channel delivered; move the clock and call RunDue
// for what happens later. Nothing waits, so days take microseconds.
//
// To see what a failure does, put a [FaultyStore] and a [FaultyChannel] in
// between: a [Plan] says which call fails, whether before or after its
// effect, happens twice, comes late, or is the last of its process. After a
// crash go on with new doubles around the same store.
package agenttest
