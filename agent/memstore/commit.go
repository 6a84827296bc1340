package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// Append implements [agent.Store].
func (s *Store) Append(ctx context.Context, a agent.Append) error {
	if err := s.begin(ctx, "append"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	l := s.held(a.Fence)
	if l == nil {
		return fenced("append", a.Fence)
	}
	if err := s.checkJournal(a.Rows); err != nil {
		return err
	}
	s.addJournal(a.Fence.ConversationID, a.Rows)
	if !a.Until.IsZero() {
		l.until = a.Until.Round(0)
		s.queue.place(l)
	}
	return nil
}

// Commit implements [agent.Store]. All that can fail is checked before
// anything is written: that is what makes it atomic.
func (s *Store) Commit(ctx context.Context, c agent.Commit) error {
	if err := s.begin(ctx, "commit"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	var held *lane
	if c.Fence != nil {
		if held = s.held(*c.Fence); held == nil {
			return fenced("commit", *c.Fence)
		}
	}
	for key, id := range c.Dedupe {
		if old, ok := s.dedupe[key]; ok {
			return fmt.Errorf("memstore: commit: message %s came before as %s: %w", id, old, agent.ErrDuplicate)
		}
	}
	if err := s.checkVersions(&c); err != nil {
		return err
	}
	if err := s.checkParts(&c); err != nil {
		return err
	}
	s.apply(&c)
	if held != nil && c.Release {
		held.held, held.worker = false, ""
		s.queue.place(held)
	}
	return nil
}

// held returns the lane of a fence that holds, else nil.
func (s *Store) held(f agent.Fence) *lane {
	conv := s.conversations[f.ConversationID]
	if conv == nil {
		return nil
	}
	if l := conv.lane(f.Lane); l != nil && l.holds(f.Token) {
		return l
	}
	return nil
}

func (c *conversation) lane(name agent.Lane) *lane {
	switch name {
	case agent.LaneTurn:
		return &c.turn
	case agent.LaneSend:
		return &c.send
	}
	return nil
}

func fenced(op string, f agent.Fence) error {
	return fmt.Errorf("memstore: %s: %s lane of conversation %s under token %d: %w", op, f.Lane, f.ConversationID, f.Token, agent.ErrFenced)
}

func conflict(format string, args ...any) error {
	return fmt.Errorf("memstore: commit: "+format+": %w", append(args, agent.ErrConflict)...)
}

// checkVersions finds out whether what the commit was decided from is still
// so.
func (s *Store) checkVersions(c *agent.Commit) error {
	if p := c.Contact; p != nil {
		stored := s.contacts[p.ID]
		if stored == nil && p.Version != 0 || stored != nil && stored.data.Version != p.Version {
			return conflict("contact %s is not at version %d", p.ID, p.Version)
		}
		for _, id := range p.Identities {
			if other := s.identities[id]; other != nil && other != stored {
				return conflict("an identity of contact %s belongs to contact %s", p.ID, other.data.ID)
			}
		}
	}
	if v := c.Conversation; v != nil {
		stored := s.conversations[v.ID]
		if stored == nil && v.Version != 0 || stored != nil && stored.data.Version != v.Version {
			return conflict("conversation %s is not at version %d", v.ID, v.Version)
		}
		if p := s.contacts[v.ContactID]; p != nil {
			if other := p.on(v.Channel); other != nil && other != stored {
				return conflict("contact %s has conversation %s on that channel", v.ContactID, other.data.ID)
			}
		}
	}
	for _, r := range c.Rotations {
		if s.rotations[r.Name].Version != r.Version {
			return conflict("rotation %s is not at version %d", r.Name, r.Version)
		}
	}
	if c.Loads != nil && *c.Loads != s.loads.version {
		return conflict("the loads are not at version %d", *c.Loads)
	}
	return nil
}

// checkParts finds out whether the parts fit together. What does not is a
// fault of the caller, except where two made the same thing.
func (s *Store) checkParts(c *agent.Commit) error {
	if v := c.Conversation; v != nil {
		stored := s.conversations[v.ID]
		if stored != nil && (stored.data.ContactID != v.ContactID || stored.data.Channel != v.Channel) {
			return fmt.Errorf("memstore: commit: conversation %s cannot change its contact or channel: make another", v.ID)
		}
		if s.contacts[v.ContactID] == nil && (c.Contact == nil || c.Contact.ID != v.ContactID) {
			return fmt.Errorf("memstore: commit: conversation %s is of contact %q, whom the store does not know: put the contact too", v.ID, v.ContactID)
		}
	}
	if err := s.checkMessages(c); err != nil {
		return err
	}
	home := homeOf(c)
	for i := range c.Put {
		if c.Put[i].ConversationID != home {
			return fmt.Errorf("memstore: commit: a task of conversation %q in a commit of %q: commit them apart", c.Put[i].ConversationID, home)
		}
	}
	if len(c.Put)+len(c.Delete)+len(c.Journal) > 0 && s.conversations[home] == nil && c.Conversation == nil {
		return fmt.Errorf("memstore: commit: tasks or journal rows of conversation %q, which the store does not know: give the conversation or the fence", home)
	}
	return s.checkJournal(c.Journal)
}

func (s *Store) checkMessages(c *agent.Commit) error {
	for i := range c.Messages {
		m := &c.Messages[i]
		conv := s.conversations[m.ConversationID]
		if conv == nil && (c.Conversation == nil || c.Conversation.ID != m.ConversationID) {
			return fmt.Errorf("memstore: commit: message %s is of conversation %q, which the store does not know: put the conversation too", m.ID, m.ConversationID)
		}
		if old, ok := s.messages[m.ID]; ok {
			if old.conversation != conv || old.seq != m.Seq {
				return moved(m)
			}
		} else if conv != nil {
			if at := conv.index(m.Seq); at < len(conv.messages) && conv.messages[at].Seq == m.Seq {
				return conflict("message %s has the Seq %d of message %s", m.ID, m.Seq, conv.messages[at].ID)
			}
		}
		for j := range c.Messages[:i] {
			switch o := &c.Messages[j]; {
			case o.ConversationID == m.ConversationID && o.Seq == m.Seq && o.ID != m.ID:
				return conflict("message %s has the Seq %d of message %s", m.ID, m.Seq, o.ID)
			case o.ID == m.ID && (o.ConversationID != m.ConversationID || o.Seq != m.Seq):
				return moved(m)
			}
		}
	}
	return nil
}

func moved(m *frontdesk.Message) error {
	return fmt.Errorf("memstore: commit: message %s cannot change its conversation or Seq: make another", m.ID)
}

// homeOf is the conversation that a commit is about.
func homeOf(c *agent.Commit) string {
	switch {
	case c.Conversation != nil:
		return c.Conversation.ID
	case c.Fence != nil:
		return c.Fence.ConversationID
	}
	return ""
}

func (s *Store) checkJournal(rows []agent.Entry) error {
	for i := range rows {
		r := &rows[i]
		same := func(o agent.Entry) bool { return o.TurnID == r.TurnID && o.N == r.N }
		taken := slices.ContainsFunc(rows[:i], same)
		if t := s.turns[r.TurnID]; t != nil && !taken {
			n := len(t.journal)
			taken = n > 0 && t.journal[n-1].N >= r.N && slices.ContainsFunc(t.journal, same)
		}
		if taken {
			return fmt.Errorf("memstore: row %d of the journal of turn %s is there: %w", r.N, r.TurnID, agent.ErrConflict)
		}
	}
	return nil
}

func (s *Store) addJournal(conversationID string, rows []agent.Entry) {
	for _, r := range rows {
		t := s.turnOf(r.TurnID, conversationID)
		t.journal = append(t.journal, r)
		if n := len(t.journal); n > 1 && t.journal[n-2].N > r.N {
			// In a new slice: this one may have been handed out.
			t.journal = slices.Clone(t.journal)
			slices.SortFunc(t.journal, func(a, b agent.Entry) int { return a.N - b.N })
		}
	}
}

func (s *Store) turnOf(id, conversationID string) *turn {
	t := s.turns[id]
	if t == nil {
		t = &turn{conversation: conversationID}
		s.turns[id] = t
	}
	return t
}

// apply writes a commit that was checked.
func (s *Store) apply(c *agent.Commit) {
	for key, id := range c.Dedupe {
		s.dedupe[key] = id
	}
	if c.Contact != nil {
		s.putContact(c.Contact)
	}
	if c.Conversation != nil {
		s.putConversation(c.Conversation)
	}
	for i := range c.Messages {
		s.putMessage(&c.Messages[i])
	}
	for i := range c.Turns {
		t := c.Turns[i]
		t.Next = nil // not stored
		s.turnOf(t.ID, t.ConversationID).data = &t
	}
	if len(c.Journal) > 0 {
		s.addJournal(homeOf(c), c.Journal)
	}
	if len(c.Put)+len(c.Delete) > 0 {
		s.putTasks(s.conversations[homeOf(c)], c)
	}
	for i := range c.Approvals {
		a := c.Approvals[i]
		s.approvals[a.ID] = &a
	}
	for _, r := range c.Rotations {
		r.Version++
		s.rotations[r.Name] = r
	}
}

func (s *Store) putContact(data *frontdesk.Contact) {
	next := *data
	next.Version++
	p := s.contacts[next.ID]
	if p == nil {
		p = &contact{}
		s.contacts[next.ID] = p
	} else if !slices.Equal(p.data.Identities, next.Identities) {
		for _, id := range p.data.Identities {
			delete(s.identities, id)
		}
	}
	p.data = &next
	for _, id := range next.Identities {
		s.identities[id] = p
	}
}

func (s *Store) putConversation(data *frontdesk.Conversation) {
	next := *data
	next.Version++
	c := s.conversations[next.ID]
	if c == nil {
		c = &conversation{contact: s.contacts[next.ContactID]}
		c.turn = lane{conversation: c, name: agent.LaneTurn}
		c.send = lane{conversation: c, name: agent.LaneSend}
		c.contact.conversations = append(c.contact.conversations, c)
		s.conversations[next.ID] = c
	}
	s.loads.change(owner(c.data), owner(&next))
	c.data = &next
}

func (s *Store) putMessage(m *frontdesk.Message) {
	c := s.conversations[m.ConversationID]
	i := c.index(m.Seq)
	if i < len(c.messages) && c.messages[i].Seq == m.Seq {
		old := &c.messages[i]
		if old.ProviderID != m.ProviderID {
			s.dropProvider(c, old)
		}
		*old = *m
	} else {
		c.messages = slices.Insert(c.messages, i, *m)
		s.messages[m.ID] = messageRef{c, m.Seq}
	}
	if m.ProviderID != "" {
		s.provider[providerKey{c.data.Channel, m.ProviderID}] = m.ID
	}
	mark(&c.waiting, m.Seq, m.Direction == frontdesk.DirInbound && m.TurnID == "" && m.Disposition == "")
	mark(&c.outbox, m.Seq, m.Direction == frontdesk.DirOutbound && !m.Status.Settled())
}

func (s *Store) dropProvider(c *conversation, m *frontdesk.Message) {
	key := providerKey{c.data.Channel, m.ProviderID}
	if s.provider[key] == m.ID {
		delete(s.provider, key)
	}
}

// mark puts a Seq into a sorted list, or takes it out.
func mark(list *[]int64, seq int64, in bool) {
	i, found := slices.BinarySearch(*list, seq)
	switch {
	case in && !found:
		*list = slices.Insert(*list, i, seq)
	case !in && found:
		*list = slices.Delete(*list, i, i+1)
	}
}

// putTasks deletes and puts the commit's tasks, in this order.
func (s *Store) putTasks(c *conversation, commit *agent.Commit) {
	var lanes [2]bool
	touch := func(k agent.TaskKind) {
		if k.Lane() == agent.LaneSend {
			lanes[1] = true
		} else {
			lanes[0] = true
		}
	}
	for _, k := range commit.Delete {
		if i := c.task(k); i >= 0 {
			c.tasks = slices.Delete(c.tasks, i, i+1)
			touch(k)
		}
	}
	for i := range commit.Put {
		t := commit.Put[i]
		if at := c.task(t.Kind); at >= 0 {
			*c.tasks[at] = t
		} else {
			c.tasks = append(c.tasks, &t)
		}
		touch(t.Kind)
	}
	if lanes[0] {
		s.queue.place(&c.turn)
	}
	if lanes[1] {
		s.queue.place(&c.send)
	}
}

func (c *conversation) task(k agent.TaskKind) int {
	return slices.IndexFunc(c.tasks, func(t *agent.Task) bool { return t.Kind == k })
}
