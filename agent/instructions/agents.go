package instructions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
)

// AgentInstructions is one AI agent of a workspace with what it was told.
type AgentInstructions struct {
	// ID is the agent's in the workspace (frontdesk.AIAgent.Key).
	ID string
	// Name is for messages. Empty: the ID.
	Name string
	// Playbook is the compiled instructions. Nil counts as empty ones.
	Playbook *Playbook
	// Prompts are the compiled action prompts; their targets count too.
	Prompts []*Playbook
}

func (a AgentInstructions) label() string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// targets returns all that the agent may assign to.
func (a AgentInstructions) targets() []frontdesk.Target {
	var out []frontdesk.Target
	for _, p := range append([]*Playbook{a.Playbook}, a.Prompts...) {
		if p == nil {
			continue
		}
		for _, t := range p.Targets {
			out = append(out, t.Target)
		}
	}
	return out
}

// CheckAgents reports what only shows over all AI agents of a workspace (S3):
// agents that hand a conversation around in a circle (handoff-cycle), and
// agents from which no chain of handoffs leads to a person (no-path-to-human).
// The positions are 1:1: no single place in one agent's text is at fault. The
// result does not depend on the order of the set.
func CheckAgents(set []AgentInstructions) Diagnostics {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b AgentInstructions) int { return strings.Compare(a.ID, b.ID) })
	g := newHandoffs(set)
	var out Diagnostics
	warn := func(code, message string) {
		out = append(out, Diagnostic{Code: code, Severity: SeverityWarning, Span: Span{Line: 1, Column: 1}, Message: message})
	}
	for _, cycle := range g.cycles() {
		warn("handoff-cycle", fmt.Sprintf("these AI agents can hand a conversation around in a circle: %s: let one of them assign to people only", strings.Join(cycle, " → ")))
	}
	for i, a := range set {
		if !g.human[i] {
			warn("no-path-to-human", fmt.Sprintf("no handoff leads from the AI agent %q to a person: let it assign to a team or user, or unassign", a.label()))
		}
	}
	return out
}

// handoffs is the graph of who hands over to whom.
type handoffs struct {
	set   []AgentInstructions
	next  [][]int
	human []bool // a person can be reached
}

func newHandoffs(set []AgentInstructions) *handoffs {
	g := &handoffs{set: set, next: make([][]int, len(set)), human: make([]bool, len(set))}
	index := map[string]int{}
	for i, a := range set {
		index[a.ID] = i
	}
	back := make([][]int, len(set))
	var queue []int
	for i, a := range set {
		for _, t := range a.targets() {
			if t.Kind != frontdesk.TargetAIAgent {
				if !g.human[i] {
					g.human[i] = true
					queue = append(queue, i)
				}
				continue
			}
			if j, ok := index[t.ID]; ok && !slices.Contains(g.next[i], j) {
				g.next[i] = append(g.next[i], j)
				back[j] = append(back[j], i)
			}
		}
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range back[i] {
			if !g.human[j] {
				g.human[j] = true
				queue = append(queue, j)
			}
		}
	}
	return g
}

// cycles returns one circle for each group of agents that can hand around,
// by name, its first agent repeated at the end.
func (g *handoffs) cycles() [][]string {
	var out [][]string
	seen := make([]bool, len(g.set))
	for start := range g.set {
		if seen[start] {
			continue
		}
		path := g.pathBack(start)
		if path == nil {
			continue
		}
		var names []string
		for _, i := range path {
			seen[i] = true
			names = append(names, g.set[i].label())
		}
		out = append(out, append(names, g.set[start].label()))
	}
	return out
}

// pathBack finds the shortest way from an agent back to itself.
func (g *handoffs) pathBack(start int) []int {
	from := map[int]int{}
	queue := []int{start}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range g.next[i] {
			if j == start {
				path := []int{i}
				for i != start {
					i = from[i]
					path = append(path, i)
				}
				slices.Reverse(path)
				return path
			}
			if _, ok := from[j]; !ok {
				from[j] = i
				queue = append(queue, j)
			}
		}
	}
	return nil
}

// CheckStored reports a stored playbook that another version of the grammar
// compiled, as stale-playbook. It runs unchanged; saving the prompt again
// compiles it anew.
func (p *Playbook) CheckStored() Diagnostics {
	if p == nil || p.Grammar == GrammarVersion {
		return nil
	}
	return Diagnostics{{
		Code: "stale-playbook", Severity: SeverityWarning, Span: Span{Line: 1, Column: 1},
		Message: fmt.Sprintf("this playbook was compiled with grammar %d and the present one is %d: it runs unchanged, save the prompt again to compile it anew", p.Grammar, GrammarVersion),
	}}
}

// ClosingMessage is what a ladder's close says when the prompt gives no words
// and no model can be had (S8.6), in the language that the instructions are
// written in; English where that cannot be told.
func (p *Playbook) ClosingMessage() string {
	if p == nil {
		return vocabulary.Default().ClosingMessage("en")
	}
	return vocabulary.Default().ClosingMessage(p.Language)
}
