package memstore

import (
	"slices"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// loads counts the open conversations of each user. Users stand in a list in
// the order in which their number changed last, so that what changed since a
// version is found without looking at the rest.
type loads struct {
	version int64
	users   map[string]*userLoad
	newest  *userLoad
}

type userLoad struct {
	agent.Load
	version      int64
	older, newer *userLoad
}

// owner is the user who has the conversation open; empty if nobody has.
func owner(c *frontdesk.Conversation) string {
	if c != nil && c.Status == frontdesk.Open && c.Assignee.Kind == frontdesk.AssigneeUser {
		return c.Assignee.ID
	}
	return ""
}

// change moves a conversation from one user to another; either may be
// nobody.
func (l *loads) change(from, to string) {
	if from == to {
		return
	}
	l.version++
	if from != "" {
		l.touch(from).Open--
	}
	if to != "" {
		l.touch(to).Open++
	}
}

// touch makes the user the one that changed last.
func (l *loads) touch(userID string) *userLoad {
	u := l.users[userID]
	if u == nil {
		u = &userLoad{Load: agent.Load{UserID: userID}}
		l.users[userID] = u
	}
	u.version = l.version
	if u == l.newest {
		return u
	}
	if u.newer != nil {
		u.newer.older = u.older
	}
	if u.older != nil {
		u.older.newer = u.newer
	}
	u.older, u.newer = l.newest, nil
	if l.newest != nil {
		l.newest.newer = u
	}
	l.newest = u
	return u
}

// since returns the numbers that changed after the version, the oldest change
// first.
func (l *loads) since(version int64) []agent.Load {
	var out []agent.Load
	for u := l.newest; u != nil && u.version > version; u = u.older {
		out = append(out, u.Load)
	}
	slices.Reverse(out)
	return out
}
