package instructions

import (
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// Options are what instructions are compiled against. The zero value checks
// only what needs no workspace.
type Options struct {
	// Workspace is what names are looked up in. Nil: names are taken from the
	// text, and only what needs no workspace is checked.
	Workspace *frontdesk.Workspace
	// Directory is the index of Workspace. Nil: it is built; a program that
	// compiles often against a large workspace builds it once.
	Directory *routing.Directory
	// Actions are the enabled actions with their prompts. Nil (as opposed to
	// empty): it is not known which are enabled, and nothing is said of it.
	Actions []EnabledAction
	// ReplyWindow is the channel's, for followup-past-window. 0: none.
	ReplyWindow time.Duration
	// MaxCharacters overrides the limit of 10,000. 0: that limit.
	MaxCharacters int
}

// EnabledAction is an action that the agent may perform, and its prompt.
type EnabledAction struct {
	// Name is a built-in action's (see followup.Action) or a custom one's.
	Name   string
	Prompt string
}
