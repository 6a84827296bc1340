package frontdesk

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a workspace's zone must load on machines without a zone database
)

// Workspace is what exists around an agent: who can be assigned, which fields,
// lifecycle stages, closing notes and tags there are, and in which time zone
// its people live (S1). Instructions are compiled against it.
//
// The zero value is a workspace with nobody in it; it is valid. A Workspace
// is read-only once it was handed to the library.
type Workspace struct {
	// ID names the workspace in logs and stores. Empty is allowed.
	ID string `json:"id,omitempty"`
	// Name is what people call it.
	Name string `json:"name,omitempty"`
	// Teams can be assigned conversations; a team's members are users.
	Teams []Team `json:"teams,omitempty"`
	// Users are the humans.
	Users []User `json:"users,omitempty"`
	// AIAgents are the agents that a mention can hand a conversation to.
	AIAgents []AIAgent `json:"ai_agents,omitempty"`
	// Fields are the contact fields that exist. The standard ones
	// (StandardFields) exist without being listed.
	Fields []Field `json:"fields,omitempty"`
	// LifecycleStages are the names of the stages, in order.
	LifecycleStages []string `json:"lifecycle_stages,omitempty"`
	// ClosingNotes are the notes that a close may carry.
	ClosingNotes []string `json:"closing_notes,omitempty"`
	// Tags are the tags that exist. Empty: any tag may be set.
	Tags []string `json:"tags,omitempty"`
	// TimeZone is an IANA name such as "Asia/Jakarta". Empty is UTC.
	TimeZone string `json:"time_zone,omitempty"`
}

// Team is a group of users. An empty team is allowed: a conversation assigned
// to it has the team and nobody in it (S5.3).
type Team struct {
	// ID is unique among teams. Empty: the name is the ID.
	ID string `json:"id,omitempty"`
	// Name is what a mention names.
	Name string `json:"name"`
	// Members are user IDs, or names of users that have no ID.
	Members []string `json:"members,omitempty"`
}

// User is a human of the workspace.
type User struct {
	// ID is unique among users. Empty: the name is the ID.
	ID string `json:"id,omitempty"`
	// Name is what a mention names.
	Name string `json:"name"`
}

// AIAgent is an agent that exists in the workspace.
type AIAgent struct {
	// ID is unique among AI agents. Empty: the name is the ID.
	ID string `json:"id,omitempty"`
	// Name is what a mention names.
	Name string `json:"name"`
}

// Field is a contact field: a custom one, or a standard one with another type
// or name.
type Field struct {
	// ID is how variables and updates name the field: $contact.ID. Empty: the
	// name, lower-cased, with spaces turned into underscores.
	ID string `json:"id,omitempty"`
	// Name is what people call it. Empty: the ID.
	Name string `json:"name,omitempty"`
	// Type is the type of its values. Empty is TypeText.
	Type FieldType `json:"type,omitempty"`
	// Options are the values a field of TypeText may have. Empty: any.
	Options []string `json:"options,omitempty"`
}

// Key returns the ID of the team, which is its name when it has none.
func (t Team) Key() string { return firstOf(t.ID, t.Name) }

// Key returns the ID of the user, which is their name when they have none.
func (u User) Key() string { return firstOf(u.ID, u.Name) }

// Key returns the ID of the agent, which is its name when it has none.
func (a AIAgent) Key() string { return firstOf(a.ID, a.Name) }

// Key returns the ID of the field, made from the name when it has none.
func (f Field) Key() string {
	if f.ID != "" {
		return f.ID
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(f.Name)), " ", "_")
}

// Label returns the name of the field, which is its ID when it has none.
func (f Field) Label() string { return firstOf(f.Name, f.ID) }

// Kind returns the type of the field's values; empty counts as TypeText.
func (f Field) Kind() FieldType {
	if f.Type == "" {
		return TypeText
	}
	return f.Type
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// StandardFields are the fields that every workspace has (S1): a workspace
// lists them only to give them another name or type.
func StandardFields() []Field {
	return []Field{
		{ID: "firstname", Name: "First Name", Type: TypeText},
		{ID: "lastname", Name: "Last Name", Type: TypeText},
		{ID: "name", Name: "Name", Type: TypeText},
		{ID: "email", Name: "Email", Type: TypeEmail},
		{ID: "phone", Name: "Phone", Type: TypePhone},
		{ID: "language", Name: "Language", Type: TypeText},
		{ID: "country", Name: "Country", Type: TypeText},
	}
}

// AllFields returns the workspace's fields and the standard ones it does not
// list itself, in that order.
func (w *Workspace) AllFields() []Field {
	out := make([]Field, 0, len(w.Fields)+7)
	seen := make(map[string]bool, len(w.Fields))
	for _, f := range w.Fields {
		out = append(out, f)
		seen[FoldField(f.Key())] = true
	}
	for _, f := range StandardFields() {
		if !seen[FoldField(f.ID)] {
			out = append(out, f)
		}
	}
	return out
}

// FoldField is how field names are compared: case and underscores do not
// count (S4.1), nor do spaces and hyphens. It looks one field up in a list;
// code that does so often should keep a map by FoldField.
func FoldField(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '_', ' ', '-':
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// Location loads the workspace's time zone.
func (w *Workspace) Location() (*time.Location, error) {
	if w.TimeZone == "" {
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(w.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("frontdesk: time zone %q is unknown: give an IANA name such as \"Asia/Jakarta\"", w.TimeZone)
	}
	return loc, nil
}

// Validate reports every fault of the workspace at once: names that are
// missing, IDs (and names of stages, closing notes and tags) that stand twice
// among their kind, members that are no users, field types and time zones that
// do not exist. Nil means that there is none.
func (w *Workspace) Validate() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("frontdesk: workspace: "+format, args...))
	}
	unique := func(kind string) func(key, name string) {
		keys := map[string]bool{}
		return func(key, name string) {
			switch {
			case strings.TrimSpace(name) == "":
				fault("a %s has no name: give it one", kind)
			case keys[key]:
				fault("two %ss have the ID %q: give each its own", kind, key)
			}
			keys[key] = true
		}
	}
	users := make(map[string]bool, len(w.Users))
	check := unique("user")
	for _, u := range w.Users {
		check(u.Key(), u.Name)
		users[u.Key()] = true
	}
	check = unique("team")
	for _, t := range w.Teams {
		check(t.Key(), t.Name)
		in := make(map[string]bool, len(t.Members))
		for _, m := range t.Members {
			if !users[m] {
				fault("team %q has the member %q, who is no user: list them in Users", t.Name, m)
			}
			if in[m] {
				fault("team %q lists the member %q twice: once is enough", t.Name, m)
			}
			in[m] = true
		}
	}
	check = unique("AI agent")
	for _, a := range w.AIAgents {
		check(a.Key(), a.Name)
	}
	check = unique("field")
	for _, f := range w.Fields {
		check(FoldField(f.Key()), f.Key())
		if !f.Kind().valid() {
			fault("field %q has the type %q, which does not exist: use one of %s", f.Key(), f.Type, strings.Join(fieldTypeNames(), ", "))
		}
	}
	for _, list := range []struct {
		kind  string
		names []string
	}{{"lifecycle stage", w.LifecycleStages}, {"closing note", w.ClosingNotes}, {"tag", w.Tags}} {
		seen := map[string]bool{}
		for _, name := range list.names {
			switch {
			case strings.TrimSpace(name) == "":
				fault("a %s has no name: give it one", list.kind)
			case seen[name]:
				fault("two %ss are called %q: leave one out", list.kind, name)
			}
			seen[name] = true
		}
	}
	if _, err := w.Location(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
