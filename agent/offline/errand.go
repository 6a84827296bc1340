package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// errand answers what the engine itself asks for, apart from the conversation:
// the texts of a follow-up, a summary, the outcome of an approval. The texts
// are those that package agent writes; a test with the engine holds the two
// together.
func (p *plan) errand(in *input) (string, bool) {
	s := in.system
	switch {
	case s == "":
		return "", false
	case strings.Contains(s, "Write a summary of it"):
		return p.summary(in), true
	case strings.HasPrefix(s, "The contact has not answered"):
		return p.followUp(s), true
	case strings.HasPrefix(s, "The call of ") && strings.Contains(s, "that waited for approval"):
		if strings.Contains(s, " was approved ") && approvedCallDone(in) {
			return p.say.done, true
		}
		return p.say.refused, true
	case strings.HasPrefix(s, "Your last answer was not used"):
		// What was said is not said again in the same words.
		return p.say.colleague, true
	}
	return "", false
}

func approvedCallDone(in *input) bool {
	for i := len(in.events) - 1; i >= 0; i-- {
		if in.events[i].kind == eventCall {
			return in.events[i].ok
		}
	}
	return false
}

// followUp writes the messages of a ladder's step: the prompt's own, in its
// order, or the first of alternatives.
func (p *plan) followUp(s string) string {
	var own []string
	either := false
	if _, list, ok := strings.Cut(s, " Like: "); ok {
		for strings.HasPrefix(list, `"`) {
			dec := json.NewDecoder(strings.NewReader(list))
			var text string
			if dec.Decode(&text) != nil {
				break
			}
			own = append(own, text)
			list = list[dec.InputOffset():]
			if rest, or := strings.CutPrefix(list, " or "); or {
				either, list = true, rest
			}
			list = strings.TrimLeft(list, " ")
		}
	}
	switch {
	case either:
		return own[0]
	case len(own) > 0:
		return strings.Join(own, "\n---\n")
	case strings.Contains(s, "the conversation is closed now"):
		return vocabulary.Default().ClosingMessage(p.language)
	}
	return vocabulary.Default().FollowUpMessage(p.language)
}

// summary is what is known and what the contact wrote, for colleagues.
func (p *plan) summary(in *input) string {
	st := p.replay(in)
	var facts []string
	for k, v := range st.fields {
		facts = append(facts, k+": "+clipText(v, 100))
	}
	slices.Sort(facts)
	var parts []string
	if len(facts) > 0 {
		parts = append(parts, fmt.Sprintf(p.say.summary, strings.Join(facts, ", ")))
	}
	var said []string
	for _, e := range in.events {
		if e.kind == eventContact {
			said = append(said, clipText(strings.Join(strings.Fields(e.text), " "), 200))
		}
	}
	if n := len(said); n > 3 {
		said = said[n-3:]
	}
	if len(said) > 0 {
		parts = append(parts, fmt.Sprintf(p.say.saidThis, strings.Join(said, " / ")))
	}
	return strings.Join(parts, " ")
}
