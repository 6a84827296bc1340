package frontdesk

import (
	"fmt"
	"strings"
)

// TargetKind says what an assignment goes to.
type TargetKind string

// The kinds of targets (S5.2).
const (
	TargetTeam    TargetKind = "team"
	TargetUser    TargetKind = "user"
	TargetAIAgent TargetKind = "ai_agent"
	// TargetAnyTeam is the next team in fair rotation.
	TargetAnyTeam TargetKind = "any_team"
	// TargetAnyone is anyone in the workspace.
	TargetAnyone TargetKind = "anyone"
	// TargetNobody unassigns.
	TargetNobody TargetKind = "nobody"
)

// Target is who or what a conversation is assigned to. The zero value is no
// target at all, which is an error wherever one is needed.
type Target struct {
	Kind TargetKind `json:"kind"`
	// ID is set for teams, users and AI agents only.
	ID string `json:"id,omitempty"`
	// Name is for people; it does not take part in comparisons.
	Name string `json:"name,omitempty"`
}

// String gives "team:sales", "user:12", "ai_agent:support", "any_team",
// "anyone" or "nobody".
func (t Target) String() string {
	if t.ID == "" {
		return string(t.Kind)
	}
	return string(t.Kind) + ":" + t.ID
}

// Label names the target as people and the LLM write it: by its name, "any
// team", "anyone" or "nobody"; as [Target.String] does where it has no name.
func (t Target) Label() string {
	switch {
	case t.Kind == TargetAnyTeam:
		return "any team"
	case t.Name != "" && t.Kind != TargetAnyone && t.Kind != TargetNobody:
		return t.Name
	}
	return t.String()
}

// Same reports whether both are the same target, whatever their names.
func (t Target) Same(o Target) bool { return t.Kind == o.Kind && t.ID == o.ID }

// ParseTarget reads what [Target.String] writes.
func ParseTarget(s string) (Target, error) {
	kind, id, hasID := strings.Cut(s, ":")
	t := Target{Kind: TargetKind(kind), ID: id}
	switch t.Kind {
	case TargetTeam, TargetUser, TargetAIAgent:
		if id != "" {
			return t, nil
		}
	case TargetAnyTeam, TargetAnyone, TargetNobody:
		if !hasID {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("frontdesk: %q is no target: write team:ID, user:ID, ai_agent:ID, any_team, anyone or nobody", s)
}

// Method is how a member of a pool is chosen (S5.3).
type Method string

// The two methods there are. The zero value is round robin.
const (
	RoundRobin Method = "round_robin"
	LeastOpen  Method = "least_open"
)
