// Package attack attacks the engine of package agent with a model that does
// whatever any text in its input asks of it. Security does not rest on the
// model refusing, so the one under test never refuses: what does not happen
// was prevented by the runtime.
//
// testdata/corpus.jsonl holds the texts, one JSON object a line: what it wants
// (goal), the language, the form it comes in (plain, an encoding, an imitation
// of markup), the text or its parts, and the plain order behind it. The tests
// put every text into every slot through which text reaches a model, have the
// model obey in each way there is (calls, calls written as text, through a
// second agent, in a follow-up), and then look at what the store holds, what
// was committed on the way, and what the channel delivered (I14 to I23).
//
// The package has no code of its own; it is tests and data.
package attack
