package agent

import (
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
)

// staged are the changes that a turn's actions asked for, in order, until one
// commit applies them all (S6.7). It is made anew from the journal whenever a
// turn goes on, so it needs no storage of its own.
type staged struct {
	results  []actions.Result
	assign   *actions.Assignment // the last one
	close    *actions.Closing
	stopped  string // why no follow-up is armed
	ladder   int    // the chosen ladder, from 1; 0: none was chosen
	comments []string
}

// stage collects the changes of all calls that were done.
func (j *journal) stage() staged {
	var s staged
	for _, r := range j.carried {
		s.add(r)
	}
	for _, st := range j.steps {
		for _, r := range st.results {
			s.add(r)
		}
	}
	return s
}

func (s *staged) add(r resultData) {
	if r.Result == nil || r.Call.Outcome != CallDone {
		return
	}
	res := *r.Result
	if r.Call.Name == nameChooseFollowUp {
		s.ladder = ladderNumber(r.Call.Arguments)
		return
	}
	s.results = append(s.results, res)
	if res.Assign != nil {
		s.assign = res.Assign
	}
	if res.Close != nil {
		s.close = res.Close
	}
	if res.StopFollowUps != "" {
		s.stopped = res.StopFollowUps
	}
	if res.Comment != "" {
		s.comments = append(s.comments, res.Comment)
	}
}

// moves reports whether the commit will take the conversation away from the
// agent or close it.
func (s *staged) moves() bool { return s.assign != nil || s.close != nil }

// applyContact applies the staged changes to a contact and returns the new
// one and what changed. A contact that nothing changes is returned as it is.
func (s *staged) applyContact(c frontdesk.Contact) (frontdesk.Contact, []Change) {
	var changes []Change
	cloned := false
	own := func() {
		if !cloned {
			c, cloned = c.Clone(), true
			if c.Fields == nil {
				c.Fields = map[string]frontdesk.Value{}
			}
		}
	}
	for _, res := range s.results {
		for _, id := range sortedKeys(res.Set) {
			v, old := res.Set[id], c.Fields[id]
			if v.Equal(old) {
				continue
			}
			own()
			if v.IsZero() {
				delete(c.Fields, id)
			} else {
				c.Fields[id] = v
			}
			changes = append(changes, Change{What: "field:" + id, Old: old.String(), New: v.String()})
		}
		if res.Stage != "" && res.Stage != c.Stage {
			own()
			changes = append(changes, Change{What: "stage", Old: c.Stage, New: res.Stage})
			c.Stage = res.Stage
		}
		for _, t := range res.AddTags {
			if t != "" && !slices.Contains(c.Tags, t) {
				own()
				c.Tags = append(c.Tags, t)
				changes = append(changes, Change{What: "tags", New: t})
			}
		}
		for _, t := range res.RemoveTags {
			if i := slices.Index(c.Tags, t); i >= 0 {
				own()
				c.Tags = slices.Delete(c.Tags, i, i+1)
				changes = append(changes, Change{What: "tags", Old: t})
			}
		}
	}
	return c, changes
}

// closeConversation closes v and returns the changes.
func closeConversation(v *frontdesk.Conversation, c actions.Closing, now time.Time) []Change {
	changes := []Change{{What: "status", Old: string(v.Status), New: string(frontdesk.Closed)}}
	v.Status, v.ClosedAt = frontdesk.Closed, now
	v.Summary, v.ClosingNote = c.Summary, c.Note
	if c.Summary != "" {
		changes = append(changes, Change{What: "summary", New: c.Summary})
	}
	if c.Note != "" {
		changes = append(changes, Change{What: "closing_note", New: c.Note})
	}
	return changes
}
