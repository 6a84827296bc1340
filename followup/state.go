package followup

import "time"

// State is a ladder that was armed for one silence.
type State struct {
	Ladder Ladder    `json:"ladder"`
	Step   int       `json:"step"`
	After  string    `json:"after,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}
