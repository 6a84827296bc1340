// Package offline is a model without a model: an [agent.LLM] that follows a
// compiled playbook by rules alone. It needs no key and no network, and it
// answers the same request with the same response each time.
//
// It greets, asks for what the flow collects, one question at a time and in
// the prompt's own words where the prompt quotes them, recognises names,
// e-mail addresses, phone numbers, numbers and yes or no in English and
// Indonesian (numbers in words too: "two hundred thousand"), saves what it
// learned where the prompt says so, evaluates the structured comparisons of
// the playbook ("budget ≥ 100000"), chooses a scenario by the words of its
// condition, performs the actions of the branch, says the prompt's own texts,
// answers with passages of the knowledge sources, and writes follow-ups and
// summaries when the engine asks for them. It makes a console chat a real
// conversation without a key, lets an author dry-run a prompt, and can be the
// Fallback.LLM of an agent.
//
// # What it cannot understand
//
// It has no idea of what words mean. It follows only what the compiler found
// and what its own short word lists know:
//
//   - Prose that is no step, tone and style, action prompts and boundaries do
//     not reach it. It cannot break a boundary that forbids an action the flow
//     does not name, as it does only what the flow names.
//   - A condition in words holds when the contact used the words of one of its
//     alternatives. Irony, negation ("no outage at all"), synonyms and
//     misspellings are missed. Of several scenarios it takes the one that
//     shares the most words.
//   - It speaks English or Indonesian as the playbook does, whatever language
//     the contact writes in, and reads answers in these two alone.
//   - Of a step that asks for name, e-mail and phone together it asks for what
//     is missing, one at a time; of other things asked for together any answer
//     counts as all of them.
//   - A name that was not asked for is taken behind "my name is", or behind "I'm"
//     where it is written in capitals. Asked for a name, it takes any one to
//     five words that its lists do not know as something else.
//   - A number that the contact gives a range for ("50-60k", "at least 100k") is
//     taken where all comparisons with it come out the same over the whole
//     range, as the number that was said, of two the lower; else it is asked for
//     once more. "Around 50k" is 50k. "Not more than" turns a bound around; behind a
//     negation further ahead ("I can't go over 150k") it is asked for again.
//   - A refusal is asked once more, and then passed over, required or not. An
//     e-mail address is checked for its form, not whether it exists.
//   - It cannot calculate, compare products, read pictures or reason over a
//     passage: it quotes the first passages as they were found.
//   - Of several ladders with conditions it chooses none: the unconditional
//     one applies. Custom actions are not called.
//   - It remembers what the request shows. An answer that is saved in no field
//     is forgotten when it leaves the history.
//
// Where it is lost, or the contact asks for a person, it hands over to the
// first target that the instructions allow, and where they allow none it says
// that it will ask a colleague.
package offline

import (
	"context"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// LLM follows a playbook by rules. It is stateless: all that it knows comes
// from its playbook and from the request. It is safe for concurrent use. Make
// one with [New].
type LLM struct{ plan *plan }

var _ agent.LLM = (*LLM)(nil)

// New returns an LLM that follows a playbook. The playbook is not changed and
// must not be changed afterwards. Nil is a playbook that says nothing: the LLM
// then greets and hands over.
func New(playbook *instructions.Playbook) *LLM {
	if playbook == nil {
		playbook = &instructions.Playbook{}
	}
	return &LLM{plan: newPlan(playbook)}
}

// Generate answers a request. Its only errors are those of ctx.
func (l *LLM) Generate(ctx context.Context, req *agent.Request) (*agent.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("offline: the request was given up, ask again: %w", err)
	}
	in := readRequest(req)
	if text, ok := l.plan.errand(in); ok {
		return &agent.Response{Text: text, Stop: agent.StopEnd}, nil
	}
	st := l.plan.replay(in)
	w := &walk{plan: l.plan, in: in, st: st}
	calls, text := w.answer()
	if len(calls) > 0 {
		return &agent.Response{Calls: calls, Stop: agent.StopCalls}, nil
	}
	return &agent.Response{Text: text, Stop: agent.StopEnd}, nil
}
