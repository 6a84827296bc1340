package instructions

import (
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// refusedBehind reports that the next sentence says no: it answers a question
// ("Assign to @X? We don't."), or is nothing but a refusal ("... Never.").
func (c *compiler) refusedBehind(s *sentence) bool {
	const most = 4 // words of an answer that says nothing else
	answer := c.answer(s)
	if answer == nil {
		return false
	}
	if answer.lo == answer.hi {
		return false
	}
	question := c.isQuestion(s)
	if question && (c.isRefusal(answer.clauses[0]) || c.tokens[answer.lo].any("prohibit") && noWord(c.text[answer.start:c.tokens[answer.lo].start])) {
		return true
	}
	whole := !slices.ContainsFunc(answer.clauses, func(cl clause) bool {
		return !noWord(c.text[cl.start:cl.end]) && !c.isRefusal(cl)
	})
	if whole || !question || len(strings.Fields(c.text[answer.start:min(answer.end, answer.start+80)])) > most {
		return whole
	}
	for k := answer.lo; k < answer.hi; k++ {
		if _, _, ok := actionKind(c.tokens[k]); ok {
			return false
		}
		if c.tokens[k].any(negations...) {
			return true
		}
	}
	return false
}

// isQuestion reports whether a sentence ends in a question mark.
func (c *compiler) isQuestion(s *sentence) bool {
	return strings.ContainsRune("?？؟", lastRune(strings.TrimRight(c.text[s.start:s.end], " *_")))
}

// answer returns the sentence behind one of the same step, if there is any.
func (c *compiler) answer(s *sentence) *sentence {
	i := c.sentenceIndex(s) + 1
	for i < len(c.sentences) && c.sentences[i].lo == c.sentences[i].hi && noWord(c.text[c.sentences[i].start:c.sentences[i].end]) {
		i++ // "??"
	}
	if i >= len(c.sentences) || c.sentences[i].step != s.step || c.sentences[i].line > s.line+1 {
		return nil
	}
	return &c.sentences[i]
}

// isAsked reports whether it is a question if the action at token t is done at
// all: "ask Budi whether we assign to @X", "should we assign to @X?", "if they
// pay, assign to @X?". An answer behind it that does not say no says yes.
func (c *compiler) isAsked(s *sentence, t int) bool {
	question := c.isQuestion(s)
	if question && c.answer(s) != nil {
		return false
	}
	for k := t - 1; k >= s.lo; k-- {
		if c.tokens[k].any("whether") {
			return !c.cutBetween(c.tokens[k].end, c.tokens[t].start) && c.words(c.tokens[k].End, c.tokens[t].Start).only("addressee", "subject", "speaker", "auxiliary", "adverb", "always", "to", "perfect")
		}
	}
	if !question || c.anyIn(s.lo, t, "request") {
		return false // "Can you assign to @X if they pay?"
	}
	end := c.endOfAction(s, t)
	if name, _, _ := actionKind(c.tokens[t]); name == actAssign {
		return noWord(c.text[end:s.end]) // "assign to @X, ok?" is a request
	}
	return !c.cutBetween(end, s.end) && !c.anyIn(t+1, s.hi, "if", "if_not")
}

// isAnswer reports whether a clause is the "no" to a question before it:
// "Interested? Yes: ... No: ...". It names a case then, and refuses nothing.
func (c *compiler) isAnswer(s *sentence, cl clause) bool {
	const most = 8 // sentences between
	if !c.headIs(cl, "answer_no") {
		return false
	}
	i := c.sentenceIndex(s)
	for k := i - 1; k >= max(0, i-most); k-- {
		before := &c.sentences[k]
		beside := s.step != nil && before.step != nil && before.step != s.step && before.step.parent == s.step.parent && before.step.style == s.step.style
		switch {
		case before.section != s.section:
			return false
		case c.isQuestion(before) && !beside:
			return before.step == nil || s.step != nil && (before.step == s.step || before.step == s.step.parent || before.step.parent == s.step.parent)
		case !beside && before.line != s.line && !c.headIs(before.clauses[0], "answer_yes"):
			return false
		}
	}
	return false
}

// besideYes reports whether a "yes" stands beside the "no" of a sentence: they may
// be cases, or what is to be done and what not.
func (c *compiler) besideYes(s *sentence) bool {
	i := c.sentenceIndex(s)
	return slices.ContainsFunc(s.clauses, func(o clause) bool { return c.headIs(o, "answer_yes") }) ||
		i > 0 && c.headIs(c.sentences[i-1].clauses[0], "answer_yes") ||
		i+1 < len(c.sentences) && c.headIs(c.sentences[i+1].clauses[0], "answer_yes")
}

// longestHead is how many bytes a head such as "No:" has at most.
const longestHead = 24

// headIs reports whether a clause is a head such as "No:" or "Yes →", which is a
// phrase of a kind. A word of two letters or less counts only in the language of
// the text.
func (c *compiler) headIs(cl clause, kind vocabulary.Kind) bool {
	const short = 2 // bytes
	if cl.end-cl.start > longestHead || !c.clauseEnds(cl, ":：→—–-") {
		return false
	}
	head := strings.TrimFunc(c.shadow.Text[c.shadow.Index(cl.start):c.shadow.Index(cl.end)], func(r rune) bool { return !fold.WordRune(r) })
	language := ""
	if len(head) <= short {
		language = c.language
	}
	return c.vocab.IsAside(head, kind, language)
}
