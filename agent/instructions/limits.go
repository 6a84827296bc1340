package instructions

import (
	"strings"
	"unicode"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// opposites are the operators that hold where others do not. Those of texts
// have none.
var opposites = map[Operator]Operator{
	OpLess: OpAtLeast, OpAtLeast: OpLess, OpGreater: OpAtMost, OpAtMost: OpGreater, OpEqual: OpNotEqual, OpNotEqual: OpEqual,
}

// readLimit reads one limit of a number that the words behind it make one ("18
// or older", "1 million or more"), or that is said in the negative ("unless it
// is below 100"): other limits are read as comparisons. Of a person it is read
// for a field of ages alone ("only if they are 18 or older").
func (c *compiler) readLimit(k saveCondition, id string) (op Operator, value string, stop int, ok bool) {
	if c.names.fieldTypes[id] != frontdesk.TypeNumber || k.has {
		return "", "", k.at, false
	}
	at, aged := k.at, c.isValueWord(id, vocabulary.AgeName)
	person := false
	if !k.says {
		at, person = c.skipPerson(k.at, k.end)
	}
	if person && !aged {
		return "", "", at, false
	}
	for _, x := range []struct {
		kind vocabulary.Kind
		op   Operator
	}{{vocabulary.Older, OpGreater}, {vocabulary.Younger, OpLess}} {
		if n := c.skipWords(at, k.end, x.kind); n > at {
			return c.limit(x.op, n, k.end, aged)
		}
	}
	if lo, _ := c.tokensIn(at, at+1); lo < len(c.tokens) && c.tokens[lo].start == at {
		op, _ := wordOperator(c.tokens[lo])
		if isComparing(op) && (k.negated || k.except) {
			return c.limit(op, c.tokens[lo].end, k.end, true)
		}
	}
	return c.limitBehind(at, k.end)
}

// limit reads the number behind an operator, and nothing behind it.
func (c *compiler) limit(op Operator, at, end int, may bool) (Operator, string, int, bool) {
	values, stop, certain := c.amountBehind(at, end)
	if len(values) == 0 || !certain || !may || strings.HasSuffix(values[0], "%") {
		return "", "", at, false
	}
	return op, values[0], stop, c.endsValues(stop, end)
}

// limitBehind reads a number and the words that make it a limit.
func (c *compiler) limitBehind(at, end int) (op Operator, value string, stop int, ok bool) {
	if at >= end || !unicode.IsDigit(first(c.text[at+len(currency.FindString(c.text[at:end])):])) {
		return "", "", at, false
	}
	values, stop, certain := c.amountBehind(at, end)
	if len(values) == 0 || !certain {
		return "", "", at, false
	}
	next := c.skipMarks(stop, end)
	const unit = 2 // words: "18 years old or older"
	for n := range unit + 1 {
		for kind, op := range map[vocabulary.Kind]Operator{vocabulary.OrMore: OpAtLeast, vocabulary.OrLess: OpAtMost} {
			if to := c.skipWords(next, end, kind); to > next {
				return op, values[0], to, to >= end || c.tokenAt(to, "and", "then", "only_if", "if")
			}
		}
		if n < unit && c.tokenAt(next, "or", "and") {
			break
		}
		next = c.skipWord(next, end)
	}
	return "", "", at, false
}

// skipPerson returns the offset behind a subject that is a person, an article
// before it, and the verb: "they are", "the customer is".
func (c *compiler) skipPerson(at, end int) (int, bool) {
	for _, from := range []int{at, c.skipWord(at, end)} {
		if !c.tokenAt(from, "subject") {
			continue
		}
		n := c.skipWord(from, end)
		return c.skipWords(n, end, vocabulary.Copula), true
	}
	return at, false
}

// excepted reports whether a comparison says what is not to be saved: "save
// Budget unless it is > 100". The condition nearest before it counts.
func (c *compiler) excepted(s *sentence, at int) bool {
	_, hi := c.tokensIn(s.start, at)
	for t := hi - 1; t >= s.lo; t-- {
		if c.excepts(s, t) {
			return true
		}
		if c.tokens[t].any("only_if", "if", "save", "update_field") {
			return false
		}
	}
	return false
}

// saidOf returns the field that a comparison behind a pronoun or a condition is
// about: the one number that the sentence names before it ("save Budget only if
// ≥ 0", "only if it's > 5").
func (c *compiler) saidOf(s *sentence, at int) (name string, from int) {
	for _, f := range c.knownFields(c.near(s.start, at), at) {
		id, ok := c.fieldID(f.id)
		if !ok || c.names.fieldTypes[id] != frontdesk.TypeNumber || name != "" && name != id {
			return "", at
		}
		name, from = id, f.start
	}
	return name, from
}
