package world

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Coverage counts in which state of a conversation each fault and each
// happening came.
type Coverage map[string]map[string]int

// states are those a conversation can be in. "approving" is one in which a
// decision is being carried out, "call" one with a call that waits for a
// decision, alone or beside a turn that waits or a ladder.
var states = []string{"none", "new", "waiting", "thinking", "queued", "sending", "ladder", "approving", "call+turn", "call+step", "call", "idle", "human", "closed", "opted out"}

func (c Coverage) add(what, state string, n int) {
	if c[what] == nil {
		c[what] = map[string]int{}
	}
	c[what][state] += n
}

// Add adds another coverage to this one.
func (c Coverage) Add(o Coverage) {
	for what, row := range o {
		for state, n := range row {
			c.add(what, state, n)
		}
	}
}

// String is a table. A hole shows as a dot.
func (c Coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s", "fault or happening")
	for _, s := range states {
		fmt.Fprintf(&b, "%10s", s)
	}
	for _, what := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "\n%-26s", what)
		for _, s := range states {
			if n := c[what][s]; n > 0 {
				fmt.Fprintf(&b, "%10d", n)
			} else {
				fmt.Fprintf(&b, "%10s", ".")
			}
		}
	}
	return b.String() + "\n"
}

// cover counts something for the conversation that the current actor works on.
func (st *storm) cover(what string) {
	if st.w.coverage == nil {
		st.w.coverage = Coverage{}
	}
	state := "none"
	if a := st.w.sched.current; a != nil && a.conversation != "" {
		state = st.w.log.stateOf(a.conversation)
	}
	st.w.coverage.add(what, state, 1)
}

// stateOf names the state of a conversation as the commits made it.
func (l *Log) stateOf(id string) string {
	c := l.conversation(id)
	has := func(k agent.TaskKind) bool { _, ok := c.tasks[k]; return ok }
	queued, called := false, len(l.calls(id, true)) > 0
	for _, m := range c.messages {
		switch {
		case m.Status == frontdesk.Sending:
			return "sending"
		case m.Status == frontdesk.Queued:
			queued = true
		}
	}
	switch {
	case c.conv.Version == 0:
		return "new"
	case c.conv.OptedOut:
		return "opted out"
	case c.conv.Status == frontdesk.Closed:
		return "closed"
	case c.held[agent.LaneTurn] && has(agent.TaskTurn):
		return "thinking"
	case has(agent.TaskApproval):
		return "approving"
	case queued:
		return "queued"
	case called && has(agent.TaskTurn):
		return "call+turn"
	case has(agent.TaskTurn):
		return "waiting"
	case c.conv.AwaitsHuman, c.conv.Assignee.Kind == frontdesk.AssigneeUser:
		return "human"
	case called && has(agent.TaskFollowUp):
		return "call+step"
	case called:
		return "call"
	case has(agent.TaskFollowUp):
		return "ladder"
	}
	return "idle"
}
