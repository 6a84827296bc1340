package instructions

import (
	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// GrammarVersion is the version of the grammar that this package compiles
// with. A stored playbook of another version runs unchanged and is reported
// as stale-playbook.
const GrammarVersion = 1

// MaxCharacters is how long instructions may be, in Unicode code points after
// CRLF became LF (S2.1).
const MaxCharacters = 10_000

// Playbook is compiled instructions: the text, and all that can be known from
// it as data (S2.5). It serialises to JSON and back without loss. A Playbook
// is not modified after Compile returned it.
type Playbook struct {
	// Grammar is the GrammarVersion it was compiled with.
	Grammar int `json:"grammar"`
	// Hash is the SHA-256 of Text, in hex.
	Hash string `json:"hash"`
	// Text is the source, CRLF turned into LF. Positions point into it.
	Text string `json:"text"`
	// Characters is the number of code points of Text.
	Characters int `json:"characters"`
	// Language is the code of the language that most of the text's known
	// phrases belong to, such as "id"; empty when there are none.
	Language    string         `json:"language,omitempty"`
	Sections    []Section      `json:"sections"`
	Mentions    []Mention      `json:"mentions"`
	Variables   []Variable     `json:"variables"`
	Actions     []ActionSite   `json:"actions"`
	Constraints []Constraint   `json:"constraints"`
	Closing     Closing        `json:"closing"`
	Boundaries  Boundaries     `json:"boundaries"`
	Ladders     []LadderSource `json:"ladders"`
	// Targets are those that the text allows to assign (S6.4): mentions that
	// an assign phrase governs and no negation takes back; any_team and
	// anyone where the text says so; nobody for unassign. Each stands once.
	Targets []AllowedTarget `json:"targets"`
	// Stages and Fields are the lifecycle stages and field IDs the text names
	// in actions, for review; any stage or field of the workspace may be set.
	Stages []string `json:"stages,omitempty"`
	Fields []string `json:"fields,omitempty"`
}

// Span is a piece of the text: 1-based line and column (in code points) of
// its first character, and byte offsets, the end exclusive.
type Span struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Offset int `json:"offset"`
	End    int `json:"end"`
}

// SectionKind is the kind of a section (S2.2).
type SectionKind string

// The kinds of sections.
const (
	SectionContext    SectionKind = "context"
	SectionRole       SectionKind = "role"
	SectionFlow       SectionKind = "flow"
	SectionScenarios  SectionKind = "scenarios"
	SectionActions    SectionKind = "actions"
	SectionBoundaries SectionKind = "boundaries"
	SectionFollowUp   SectionKind = "follow_up"
	SectionOther      SectionKind = "other"
)

// Section is one heading and what stands under it.
type Section struct {
	Kind SectionKind `json:"kind"`
	// Kinds holds both kinds of a heading that names two.
	Kinds []SectionKind `json:"kinds,omitempty"`
	Title string        `json:"title"`
	// Level is 1 for "# X", 2 for "## X" and so on; other styles are 1.
	Level int `json:"level"`
	// Line is the heading's; text before any heading is a section without a
	// title, of kind other.
	Line  int    `json:"line"`
	Steps []Step `json:"steps,omitempty"`
}

// Step is a numbered step or a bullet, in its written order (S2.3).
type Step struct {
	// Label is the author's own ("1.", "1)", "•").
	Label string `json:"label"`
	Text  string `json:"text"`
	Line  int    `json:"line"`
	Steps []Step `json:"steps,omitempty"`
}

// Mention is an @mention (S5.1).
type Mention struct {
	// Name as the workspace spells it, or as written when nobody is called so.
	Name string `json:"name"`
	// Target is the zero Target when nobody is called so.
	Target frontdesk.Target `json:"target"`
	Span
}

// Variable is a $contact.field reference.
type Variable struct {
	// Name is "contact.firstname", "assignee.name", "system.current_date".
	Name string `json:"name"`
	// Fallback is what follows "|" in $contact.firstname|there.
	Fallback string `json:"fallback,omitempty"`
	Span
}

// ActionSite is a place where the text tells the agent to act.
type ActionSite struct {
	followup.Action
	// Resolved is the target of an assign whose target exists.
	Resolved frontdesk.Target `json:"resolved,omitzero"`
	// Conditional is set when a condition governs the phrase.
	Conditional bool `json:"conditional,omitempty"`
	// FollowUp is set when the phrase belongs to a ladder's step.
	FollowUp bool `json:"follow_up,omitempty"`
	Span
}

// Operator compares in a constraint.
type Operator string

// The operators.
const (
	OpEqual      Operator = "eq"
	OpNotEqual   Operator = "ne"
	OpLess       Operator = "lt"
	OpAtMost     Operator = "le"
	OpGreater    Operator = "gt"
	OpAtLeast    Operator = "ge"
	OpEndsWith   Operator = "ends_with"
	OpStartsWith Operator = "starts_with"
	OpContains   Operator = "contains"
	OpOneOf      Operator = "one_of"
	OpPresent    Operator = "present"
)

// Constraint is a comparison in the text (grammar 20).
type Constraint struct {
	// Field is the field's ID where it is a contact field, else as written.
	Field  string   `json:"field"`
	Op     Operator `json:"op"`
	Value  string   `json:"value,omitempty"`
	Values []string `json:"values,omitempty"` // of one_of
	// Enforced is set for a constraint on what may be saved into a typed
	// contact field: code holds it whatever the LLM says (S6.4). Others are
	// advice to the LLM.
	Enforced bool `json:"enforced,omitempty"`
	Span
}

// Closing is what the text says of closing a conversation (S6.5).
type Closing struct {
	// Summary is "default" (written) or "off".
	Summary string `json:"summary"`
	// Notes are the closing notes that the text names.
	Notes []string `json:"notes"`
}

// Boundaries are the items of the can and cannot lists.
type Boundaries struct {
	Can    []string `json:"can"`
	Cannot []string `json:"cannot"`
}

// LadderSource is a ladder and where it stands.
type LadderSource struct {
	followup.Ladder
	Span
}

// AllowedTarget is a target that may be assigned, with the method the text
// gives for it.
type AllowedTarget struct {
	Target frontdesk.Target `json:"target"`
	// Method is empty when the text gives none: round robin.
	Method frontdesk.Method `json:"method,omitempty"`
}
