package frontdesk

import (
	"maps"
	"slices"
	"time"
)

// Contact is the customer (S1).
type Contact struct {
	ID string `json:"id"`
	// Fields are the known values by field ID (Field.Key).
	Fields map[string]Value `json:"fields,omitempty"`
	// Stage is the lifecycle stage; empty: none yet.
	Stage string `json:"stage,omitempty"`
	// Tags are the contact's tags, in the order they were set.
	Tags []string `json:"tags,omitempty"`
	// Identities are the channel addresses under which the contact is known.
	Identities []Identity `json:"identities,omitempty"`
	// Created is when the contact was first seen.
	Created time.Time `json:"created"`
	// Version rises by one with every stored change. 0: not stored yet.
	Version int64 `json:"version"`
}

// Identity is one address of a contact on one channel. A pair of channel and
// address belongs to at most one contact.
type Identity struct {
	// Channel is the channel's name, with its account where it has several.
	Channel string `json:"channel"`
	// Address is the channel's name for the contact: a number, an ID.
	Address string `json:"address"`
}

// Clone returns a copy that shares nothing with c.
func (c Contact) Clone() Contact {
	c.Fields = maps.Clone(c.Fields)
	c.Tags = slices.Clone(c.Tags)
	c.Identities = slices.Clone(c.Identities)
	return c
}

// Field returns the value of a field, looked up as variables are (case,
// spaces and underscores do not count). No value: the zero Value.
func (c Contact) Field(name string) Value {
	if v, ok := c.Fields[name]; ok {
		return v
	}
	folded := FoldField(name)
	for k, v := range c.Fields {
		if FoldField(k) == folded {
			return v
		}
	}
	return Value{}
}

// Address returns the contact's address on the channel, empty if none.
func (c Contact) Address(channel string) string {
	for _, id := range c.Identities {
		if id.Channel == channel {
			return id.Address
		}
	}
	return ""
}
