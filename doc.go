// Package frontdesk holds the nouns of customer messaging that the rest of the
// module speaks in: [Workspace], [Contact], [Conversation], [Message],
// [Inbound] and [Clock].
//
// The package imports only the standard library, so that an engine, a store,
// a channel and an action can all name a contact without depending on each
// other. To build an agent, start at package
// github.com/seed-a71cb1d8/frontdesk/agent.
//
// All structs are plain data: they grow by fields, their zero values are
// documented, and a value that was handed to another part of the library must
// not be modified afterwards (copy it, change the copy, hand over the copy).
package frontdesk
