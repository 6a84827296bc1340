// Package sqlrow is what the stores that keep rows in an SQL database have in
// common: how values are written into columns, and what is worked out of them.
package sqlrow

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Encode writes a value that the store never looks into. Characters stay as
// they are.
func Encode(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// Micros writes a time as microseconds since 1970, NULL for the zero one. What
// is finer is cut off.
func Micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// OrNull writes a text, NULL for the empty one.
func OrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// The values of the column that says which messages a query for what is
// pending gives.
const (
	Waiting = "waiting" // agent.Query.Waiting
	Outbox  = "outbox"  // agent.Query.Outbox
)

// Pending says which of Waiting and Outbox asks for a message; NULL: neither.
func Pending(m *frontdesk.Message) any {
	switch {
	case m.Direction == frontdesk.DirInbound && m.TurnID == "" && m.Disposition == "":
		return Waiting
	case m.Direction == frontdesk.DirOutbound && !m.Status.Settled():
		return Outbox
	}
	return nil
}

// SortPending sorts tasks by due time, blocked ones last, and approvals, the
// oldest first.
func SortPending(tasks []agent.Task, approvals []agent.Approval) {
	blocked := func(t agent.Task) int {
		if t.Due.IsZero() {
			return 1
		}
		return 0
	}
	slices.SortFunc(tasks, func(a, b agent.Task) int {
		return cmp.Or(blocked(a)-blocked(b), a.Due.Compare(b.Due), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	slices.SortFunc(approvals, func(a, b agent.Approval) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
}

// SortConversations sorts the conversations of an export, the oldest first.
func SortConversations(list []agent.ExportedConversation) {
	slices.SortFunc(list, func(a, b agent.ExportedConversation) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
}
