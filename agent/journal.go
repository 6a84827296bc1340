package agent

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/actions"
)

// The journal of a turn is what it goes on from after a crash (S7.5): the
// answers of the LLM, and what became of their calls.

type startData struct {
	Epoch        int64  `json:"epoch"`
	Instructions string `json:"instructions"`
	Agent        string `json:"agent"`
	// Seen is the sequence number of the newest message the turn has read.
	Seen    int64     `json:"seen"`
	Started time.Time `json:"started"`
}

type answerData struct {
	Response Response `json:"response"`
	// Dropped answers are kept for the record only: they were no use.
	Dropped string `json:"dropped,omitempty"`
	// Sources and Missing are what the request told of: passages that were
	// given, variables that had no value.
	Sources []string `json:"sources,omitempty"`
	Missing []string `json:"missing,omitempty"`
	// For is what a step of a ladder wanted the text for.
	For string `json:"for,omitempty"`
}

type resultData struct {
	Call CallRecord `json:"call"`
	// Outside is set for an action that may have had effects outside.
	Outside bool `json:"outside,omitempty"`
	// Result is what the action wants changed, checked.
	Result *actions.Result `json:"result,omitempty"`
}

type callStartData struct {
	Call CallRecord `json:"call"`
}

// notKnown is the outcome of a call that runs at most once, was begun, and left
// no result (S6.8).
const notKnown = "it was started and its outcome is not known: it is not run again"

func begun(c CallRecord) resultData {
	c.Outcome, c.Detail = CallUnknown, notKnown
	return resultData{Call: c, Outside: true}
}

type supersededData struct {
	Seen int64 `json:"seen"`
}

// step is one answer of the LLM and the results of its calls.
type step struct {
	answer  Response
	results []resultData
	// seen is the newest message that the LLM had read when it answered.
	seen int64
	// started is the at-most-once call whose outcome a crash hid.
	started *CallRecord
}

// journal is the state of a turn that is being run: what was replayed from
// the store and what was added since.
type journal struct {
	turnID string
	n      int     // rows so far, stored or not
	rows   []Entry // not stored yet
	start  *startData
	steps  []step
	// past counts the answers with calls that a restart dropped: the key of an
	// effect is never used for another (protocol rule 6).
	past int
	seen int64
	// superseded counts the marks.
	superseded int
	rounds     int
	// failed counts the calls of the LLM that failed and were tried again
	// later; they do not count into the limit of a turn.
	failed  int
	usage   Usage
	sources []string
	missing []string
	// dropped counts answers in a row that were no use, useless says why the
	// last one was not.
	dropped int
	useless string
	// written are the texts of a ladder's step by what they are for.
	written map[string]string
	// started is an approved at-most-once call whose outcome a crash hid.
	started *CallRecord
	// carried are results of outside actions from before a restart, and calls
	// that were begun then: they stay known, though their answers no longer
	// count; and of calls that were approved.
	carried []resultData
}

// replay reads a stored journal.
func replay(turnID string, rows []Entry) (*journal, error) {
	j := &journal{turnID: turnID, n: len(rows)}
	for i, row := range rows {
		if row.N != i+1 {
			return nil, fmt.Errorf("agent: journal of turn %s: row %d is numbered %d", turnID, i+1, row.N)
		}
		if err := j.apply(row); err != nil {
			return nil, fmt.Errorf("agent: journal of turn %s, row %d: %w", turnID, row.N, err)
		}
	}
	return j, nil
}

func (j *journal) apply(row Entry) error {
	switch row.Kind {
	case EntryStart, EntryRestart:
		var d startData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return err
		}
		if row.Kind == EntryRestart {
			for _, s := range j.steps {
				for _, r := range s.results {
					if r.Outside {
						j.carried = append(j.carried, r)
					}
				}
				if s.started != nil { // nobody knows what it did: it must not be forgotten
					j.carried = append(j.carried, begun(*s.started))
				}
			}
			j.past += len(j.steps)
			j.steps, j.written = nil, nil
			d.Started = j.start.Started
		}
		j.start, j.seen = &d, d.Seen
	case EntryAnswer:
		var d answerData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return err
		}
		j.addAnswer(d)
	case EntryCallStart:
		var d callStartData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return err
		}
		if s := j.open(); s != nil {
			s.started = &d.Call
		} else {
			j.started = &d.Call
		}
	case EntryResult:
		var d resultData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return err
		}
		if s := j.open(); s != nil {
			s.results, s.started = append(s.results, d), nil
		} else {
			j.carried, j.started = append(j.carried, d), nil
		}
	case EntryFailure:
		j.failed++
	case EntrySuperseded:
		var d supersededData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return err
		}
		j.supersede(d.Seen)
	}
	return nil
}

func (j *journal) addAnswer(d answerData) {
	j.rounds++
	j.usage.InputTokens += d.Response.Usage.InputTokens
	j.usage.OutputTokens += d.Response.Usage.OutputTokens
	j.sources, j.missing = union(j.sources, d.Sources), union(j.missing, d.Missing)
	if j.useless = d.Dropped; d.Dropped != "" {
		j.dropped++
		return
	}
	j.dropped = 0
	if d.For != "" {
		if j.written == nil {
			j.written = map[string]string{}
		}
		j.written[d.For] = d.Response.Text
		return
	}
	j.steps = append(j.steps, step{answer: d.Response, seen: j.seen})
}

// supersede drops a reply that was not sent: it had no calls, so nothing that
// happened is forgotten.
// Messages that come before the LLM has answered at all supersede nothing:
// they are read along.
func (j *journal) supersede(seen int64) {
	j.seen = seen
	s := j.last()
	if s == nil {
		return
	}
	j.superseded++
	if len(s.answer.Calls) == 0 {
		j.steps = j.steps[:len(j.steps)-1]
	}
}

func (j *journal) last() *step {
	if len(j.steps) == 0 {
		return nil
	}
	return &j.steps[len(j.steps)-1]
}

// open returns the step that has calls without a result.
func (j *journal) open() *step {
	if s := j.last(); s != nil && len(s.results) < len(s.answer.Calls) {
		return s
	}
	return nil
}

// add appends a row that is to be stored with the next Append or Commit.
func (j *journal) add(kind EntryKind, at time.Time, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("agent: journal of turn %s: %w", j.turnID, err)
	}
	j.n++
	j.rows = append(j.rows, Entry{TurnID: j.turnID, N: j.n, Kind: kind, At: at, Data: b})
	return nil
}

// calls returns the record of all calls so far, in order.
func (j *journal) calls() []CallRecord {
	var out []CallRecord
	for _, r := range j.carried {
		out = append(out, r.Call)
	}
	for _, s := range j.steps {
		for _, r := range s.results {
			out = append(out, r.Call)
		}
	}
	return out
}

// begun are the calls that run at most once and have no result: whoever ends
// the turn without going on with them records that they were begun.
func (j *journal) begun() []CallRecord {
	var out []CallRecord
	if j.started != nil {
		out = append(out, begun(*j.started).Call)
	}
	if s := j.last(); s != nil && s.started != nil {
		out = append(out, begun(*s.started).Call)
	}
	return out
}

// union adds to a list what it does not hold yet.
func union(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(slices.Clip(list), s)
		}
	}
	return list
}
