// Package agenttest tests what the agent package is given, and stands in for
// it in tests.
//
// Whoever implements [agent.LLM], [agent.Store] or [agent.Channel] runs its
// conformance suite, such as [TestLLM]. A suite fails with the promise that
// was broken, and planted bugs show that it sees them.
//
// The doubles are deterministic and need no network: [Script] plays a script
// as an LLM, [NewFaultyLLM] makes an LLM go wrong by a plan or a seed. None
// needs a *testing.T, so examples and programs can use them as well.
package agenttest
