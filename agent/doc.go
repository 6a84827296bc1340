// Package agent turns a compiled prompt into an agent that answers contacts,
// acts, routes, hands over and follows up.
//
// A program builds each agent with [New], joins them in a [Mux], and gives
// the Mux what happens: [Mux.Handle] answers one inbound message and returns
// what was done; [Mux.Accept] stores it and returns, for webhooks; [Mux.RunDue]
// does all work that is due now; [Mux.Run] is the only thing that waits.
// Humans act through [Mux.Reply], [Mux.Assign], [Mux.Close] and their kin.
//
// What the library needs of the world are three small interfaces: [LLM],
// [Store] and [Channel]. Whoever implements one runs its conformance suite in
// package agenttest.
//
// Everything that waits is a task with a due time in the Store: the answer
// after the debounce, the retry, the follow-up, the send. So a crash, a second
// process and a test's fake clock are all the same to it: a task that is due
// is claimed under a lease and done. No function of this package other than
// Run starts a goroutine or waits.
package agent
