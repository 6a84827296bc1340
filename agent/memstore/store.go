// Package memstore is the reference [agent.Store]: all of it in memory, gone
// with the process. It is what tests, examples and a first run use, and what
// the other stores are compared with.
package memstore

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Store is an [agent.Store] in memory. It is safe for concurrent use. Make
// one with [New].
//
// One mutex guards everything: each operation takes a microsecond or so, and
// a transaction that nobody can look into is the simplest one to get right.
type Store struct {
	mu            sync.Mutex
	contacts      map[string]*contact
	identities    map[frontdesk.Identity]*contact
	conversations map[string]*conversation
	messages      map[string]messageRef
	provider      map[providerKey]string // to message ID
	dedupe        map[string]string      // to message ID
	turns         map[string]*turn
	approvals     map[string]*agent.Approval
	rotations     map[string]agent.Rotation
	loads         loads
	queue         queue
}

// contact is a contact and its conversations, of which it has one or two.
// The contact itself is never changed in place, as it is handed out.
type contact struct {
	data          *frontdesk.Contact
	conversations []*conversation
}

// conversation is a conversation and all that belongs to it. data is never
// changed in place, as it is handed out.
type conversation struct {
	data    *frontdesk.Conversation
	contact *contact
	// messages are sorted by Seq. They are copied when read, so that a status
	// can be changed in place.
	messages []frontdesk.Message
	// waiting and outbox are the Seqs of the messages that Query.Waiting and
	// Query.Outbox ask for, sorted.
	waiting, outbox []int64
	tasks           []*agent.Task
	turn, send      lane
}

// messageRef says where a message is.
type messageRef struct {
	conversation *conversation
	seq          int64
}

type providerKey struct{ channel, id string }

// turn is a turn's record, if it has one yet, and its journal.
type turn struct {
	conversation string
	data         *agent.Turn
	journal      []agent.Entry
}

// New returns an empty Store.
func New() *Store {
	return &Store{
		contacts:      map[string]*contact{},
		identities:    map[frontdesk.Identity]*contact{},
		conversations: map[string]*conversation{},
		messages:      map[string]messageRef{},
		provider:      map[providerKey]string{},
		dedupe:        map[string]string{},
		turns:         map[string]*turn{},
		approvals:     map[string]*agent.Approval{},
		rotations:     map[string]agent.Rotation{},
		loads:         loads{users: map[string]*userLoad{}},
	}
}

var _ agent.Store = (*Store)(nil)

// begin takes the lock, unless the context is done.
func (s *Store) begin(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %s: %w", op, err)
	}
	s.mu.Lock()
	return nil
}

// Load implements [agent.Store].
func (s *Store) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	if err := s.begin(ctx, "load"); err != nil {
		return agent.View{}, err
	}
	defer s.mu.Unlock()
	var v agent.View
	if q.DedupeKey != "" {
		v.Duplicate = s.dedupe[q.DedupeKey]
	}
	for _, name := range q.Rotations {
		if r, ok := s.rotations[name]; ok {
			if v.Rotations == nil {
				v.Rotations = make(map[string]agent.Rotation, len(q.Rotations))
			}
			v.Rotations[name] = r
		}
	}
	if q.Loads {
		v.Loads, v.LoadVersion = s.loads.since(q.LoadsSince), s.loads.version
	}
	c := s.find(&q, &v)
	if c == nil {
		return v, nil
	}
	v.Conversation = c.data
	v.Contact = c.contact.data
	s.read(c, &q, &v)
	return v, nil
}

// find returns the conversation that the query names, if it is there, and
// fills in what the query finds on the way.
func (s *Store) find(q *agent.Query, v *agent.View) *conversation {
	switch {
	case q.ConversationID != "":
		return s.conversations[q.ConversationID]
	case q.MessageID != "":
		return s.found(q.MessageID, v)
	case q.ProviderID != "":
		return s.found(s.provider[providerKey{q.Identity.Channel, q.ProviderID}], v)
	case q.CallID != "":
		if a := s.approvals[q.CallID]; a != nil {
			v.Approval = a
			return s.conversations[a.ConversationID]
		}
	case q.Identity != (frontdesk.Identity{}):
		if p := s.identities[q.Identity]; p != nil {
			v.Contact = p.data
			return p.on(q.Identity.Channel)
		}
	}
	return nil
}

func (s *Store) found(messageID string, v *agent.View) *conversation {
	ref, ok := s.messages[messageID]
	if !ok {
		return nil
	}
	m := ref.conversation.messages[ref.conversation.index(ref.seq)]
	v.Found = &m
	return ref.conversation
}

// on returns the contact's conversation on the channel.
func (p *contact) on(channel string) *conversation {
	for _, c := range p.conversations {
		if c.data.Channel == channel {
			return c
		}
	}
	return nil
}

// read fills in what the query asks for of a conversation.
func (s *Store) read(c *conversation, q *agent.Query, v *agent.View) {
	if q.History > 0 {
		from := max(0, len(c.messages)-q.History)
		v.History = slices.Clone(c.messages[from:])
	}
	if q.Turns {
		v.Turns = s.turnsOf(v.History)
	}
	if q.Waiting {
		v.Waiting = c.pick(c.waiting)
	}
	if q.Outbox {
		v.Outbox = c.pick(c.outbox)
	}
	if q.TurnID != "" {
		if t := s.turns[q.TurnID]; t != nil && t.conversation == c.data.ID {
			v.Turn = t.data
			v.Journal = slices.Clip(t.journal)
		}
	}
	if q.Tasks && len(c.tasks) > 0 {
		v.Tasks = make([]agent.Task, len(c.tasks))
		for i, t := range c.tasks {
			v.Tasks[i] = *t
		}
	}
}

// turnsOf returns the turns that wrote the outbound ones of the messages,
// each once.
func (s *Store) turnsOf(messages []frontdesk.Message) []*agent.Turn {
	var out []*agent.Turn
	last := ""
	for i := range messages {
		m := &messages[i]
		// The messages of a turn mostly stand together.
		if m.Direction != frontdesk.DirOutbound || m.TurnID == "" || m.TurnID == last {
			continue
		}
		last = m.TurnID
		if t := s.turns[m.TurnID]; t != nil && t.data != nil && !slices.Contains(out, t.data) {
			out = append(out, t.data)
		}
	}
	return out
}

// index returns where the message with this Seq is or would be.
func (c *conversation) index(seq int64) int {
	n := len(c.messages)
	if n == 0 || c.messages[n-1].Seq < seq {
		return n
	}
	// Seqs have no gaps, so this is nearly always it.
	if i := seq - c.messages[0].Seq; i >= 0 && i < int64(n) && c.messages[i].Seq == seq {
		return int(i)
	}
	return sort.Search(n, func(i int) bool { return c.messages[i].Seq >= seq })
}

// pick returns copies of the messages with these Seqs.
func (c *conversation) pick(seqs []int64) []frontdesk.Message {
	if len(seqs) == 0 {
		return nil
	}
	out := make([]frontdesk.Message, 0, len(seqs))
	for _, seq := range seqs {
		out = append(out, c.messages[c.index(seq)])
	}
	return out
}
