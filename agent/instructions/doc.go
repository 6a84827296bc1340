// Package instructions compiles the prompt of an AI agent: what can be known
// from the text becomes data that code enforces, and faults are found when the
// prompt is saved, with line and column.
//
// [Compile] takes the text and what it is compiled against ([Options]: the
// workspace, the enabled actions, the channel's reply window) and gives a
// [Playbook] and [Diagnostics]. The playbook holds sections and steps,
// mentions, variables, places where the text acts, constraints on values, what
// is said of closing, the *can* and *cannot* lists, follow-up ladders, and whom
// the text allows to assign. It serialises to JSON without loss, with the
// text's hash and the version of the grammar. [CompileActionPrompt] reads the
// prompt of an action with the same grammar.
//
// Compiling needs no model and no network, is deterministic, never panics, and
// takes time linear in the text. A text over the limit of [MaxCharacters] is
// refused before anything of it is read.
//
// # How a text is read
//
// A scanner goes over lines, and a closed vocabulary, one data file for each of
// thirteen languages that are looked up together, says what their words mean.
// Nothing else is understood, and nothing of it is lost: prose reaches the
// model of the agent as it was written and is never an error (S2.6).
//
// Some rules that are easily asked for:
//
//   - Quoted text is said, never done: no mention, action or delay is read from
//     it. A quotation may go on over the next lines. Lines that begin with ">"
//     are one quotation, an example.
//   - A time is a follow-up's only where the clause speaks of silence ("does
//     not reply", "tidak membalas") or says "follow up". Opening hours, refunds
//     and "an hour before the visit" are no delays.
//   - An action that a sentence negates is not done, and a target that a text
//     forbids is not allowed, wherever the text does it.
//   - An error stands only where the meaning is certain: a canonical action
//     phrase or a sigil (@, $). The same find in looser words is a warning.
//
// [CheckAgents] looks at the agents of a workspace together: handoffs in a
// circle, and agents from which nobody gets to a human.
//
// # Models may propose
//
// [Optimize] has a model rewrite a prompt and refuses what loses or adds
// anything that code can read. [Propose] asks a model what the grammar left
// open, and takes only what the text bears out. A person decides on both. This
// package knows no models: it asks a [Writer].
package instructions
