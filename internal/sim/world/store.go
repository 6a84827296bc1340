package world

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"slices"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// store is the world's store as the engine sees it: each call is a point, what
// was written is logged, and rules may be off.
type store World

var _ agent.Store = (*store)(nil)

// Load implements agent.Store.
func (s *store) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	w := (*World)(s)
	if f := w.point("load"); f != None {
		w.learn("load", 0, ErrInjected)
		return agent.View{}, ErrInjected
	}
	v, err := w.store.Load(ctx, q)
	told := w.log.stored
	if q.TurnID != "" {
		told = mix(told, w.log.journals)
	}
	w.learn("load", told, err)
	if err != nil {
		return v, err
	}
	if a := w.log.actor(); a != nil && v.Conversation != nil {
		if a.looked == nil {
			a.looked = map[string]int64{}
		}
		a.looked[v.Conversation.ID] = v.Conversation.Epoch
	}
	if w.cfg.Rules.NoDedupe {
		v.Duplicate = ""
	}
	if w.cfg.Rules.NoRecheck && v.Conversation != nil {
		for i := range v.Outbox {
			v.Outbox[i].Epoch = v.Conversation.Epoch
			v.Outbox[i].FollowUp = false
		}
	}
	return v, nil
}

// Claim implements agent.Store.
func (s *store) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	w := (*World)(s)
	if a := w.sched.current; a != nil && q.ConversationID == "" {
		a.seen = 1 // whatever it knew before, it has let go
	}
	f := w.point("claim")
	if f == Before {
		w.learn("claim", 0, ErrInjected)
		return agent.Claimed{}, ErrInjected
	}
	c, err := w.choose(ctx, q)
	for _, t := range c.Tasks {
		w.log.claim(t, q.Now)
		if w.cfg.Rules.NoLease && t.Fence.Lane == agent.LaneTurn && err == nil {
			err = w.store.Append(ctx, agent.Append{Fence: t.Fence, Until: q.Now})
		}
	}
	if f == After {
		err, c = ErrInjected, agent.Claimed{}
	}
	w.learn("claim", mix(w.log.stored, w.log.lanes), err)
	return c, err
}

// Append implements agent.Store.
func (s *store) Append(ctx context.Context, a agent.Append) error {
	w := (*World)(s)
	f := w.point("append")
	if f == Before {
		w.learn("append", 0, ErrInjected)
		return ErrInjected
	}
	fence, rows := a.Fence, a.Rows
	if w.cfg.Rules.NoJournal {
		a.Rows = nil
	}
	if w.cfg.Rules.NoLease && fence.Lane == agent.LaneTurn {
		a.Until = w.now
	}
	err := w.store.Append(ctx, a)
	if errors.Is(err, agent.ErrFenced) && w.cfg.Rules.NoFence {
		a.Fence.Token = w.log.token(fence)
		err = w.store.Append(ctx, a)
	}
	if err == nil {
		w.log.append(fence, rows)
	}
	if f == After && err == nil {
		err = ErrInjected
	}
	w.learn("append", 0, err)
	return err
}

// Commit implements agent.Store.
func (s *store) Commit(ctx context.Context, c agent.Commit) error {
	w := (*World)(s)
	if a := w.sched.current; a != nil {
		a.kind = kindOf(&c)
	}
	f := w.point("commit")
	if f == Before {
		w.learn("commit", 0, ErrInjected)
		return ErrInjected
	}
	err := s.commit(ctx, c)
	if f == After && err == nil {
		err = ErrInjected
	}
	w.learn("commit", 0, err)
	return err
}

// kindOf tells commits apart for the cues of a plan.
func kindOf(c *agent.Commit) string {
	if len(c.Turns) > 0 {
		return "turn"
	}
	for i := range c.Messages {
		switch m := &c.Messages[i]; {
		case m.Direction != frontdesk.DirOutbound || c.Fence == nil:
		case m.Status == frontdesk.Sending:
			return "claim"
		case m.Status.Settled():
			return "outcome"
		}
	}
	return "other"
}

func (s *store) commit(ctx context.Context, c agent.Commit) error {
	w := (*World)(s)
	rules := w.cfg.Rules
	if rules.NoDedupe {
		c.Dedupe = nil
	}
	c.Put = slices.Clone(c.Put)
	for i := range c.Put {
		t := &c.Put[i]
		if rules.ClaimBlocked && t.Due.IsZero() {
			t.Due = w.now
		}
		if rules.NoOrder && t.Kind == agent.TaskFollowUp && t.Ladder.Step == 0 {
			l := *t.Ladder
			l.Step, t.Ladder = 1, &l
		}
		if w.storm != nil && t.Kind.Lane() == agent.LaneSend && !t.Due.IsZero() && t.Due.Equal(even(t.Due)) {
			t.Due = t.Due.Add(-tick / 2)
		}
	}
	if rules.Torn && c.Fence != nil && c.Conversation != nil && len(c.Turns) > 0 && len(c.Put) > 0 {
		return s.torn(ctx, c)
	}
	err := w.store.Commit(ctx, c)
	as := c
	if errors.Is(err, agent.ErrFenced) && rules.NoFence {
		fence := *c.Fence
		fence.Token = w.log.token(fence)
		as.Fence = &fence
		err = w.store.Commit(ctx, as)
		if errors.Is(err, agent.ErrFenced) && c.Conversation != nil {
			as.Fence, as.Release = nil, false
			err = w.store.Commit(ctx, as)
		}
	}
	if errors.Is(err, agent.ErrConflict) && rules.NoVersion {
		err = s.overwrite(ctx, as)
	}
	if err == nil {
		w.log.commit(c)
	}
	return err
}

// overwrite applies a commit whatever happened since it was decided.
func (s *store) overwrite(ctx context.Context, c agent.Commit) error {
	w := (*World)(s)
	if c.Conversation == nil {
		return agent.ErrConflict
	}
	v, err := w.store.Load(ctx, agent.Query{ConversationID: c.Conversation.ID})
	if err != nil || v.Conversation == nil {
		return agent.ErrConflict
	}
	conv := *c.Conversation
	shift := v.Conversation.LastSeq - (conv.LastSeq - int64(added(c.Messages)))
	conv.Version = v.Conversation.Version
	conv.LastSeq += shift
	messages := make([]frontdesk.Message, len(c.Messages))
	for i, m := range c.Messages {
		if w.log.messages[m.ID] == nil {
			m.Seq += shift
		}
		messages[i] = m
	}
	c.Conversation, c.Messages = &conv, messages
	if c.Contact != nil {
		contact := *c.Contact
		contact.Version = v.Contact.Version
		c.Contact = &contact
	}
	return w.store.Commit(ctx, c)
}

func added(messages []frontdesk.Message) int {
	n := 0
	for _, m := range messages {
		if m.Direction != frontdesk.DirInbound && m.Status != frontdesk.Sending {
			n++
		}
	}
	return n
}

// torn consumes the inbound in one transaction, and does the rest in another.
func (s *store) torn(ctx context.Context, c agent.Commit) error {
	w := (*World)(s)
	first, rest := c, c
	conv := *c.Conversation
	first.Messages, rest.Messages = nil, nil
	for _, m := range c.Messages {
		if m.Direction == frontdesk.DirInbound {
			first.Messages = append(first.Messages, m)
		} else {
			rest.Messages = append(rest.Messages, m)
		}
	}
	first.Put, first.Release = nil, false
	conv.LastSeq -= int64(len(rest.Messages))
	first.Conversation = &conv
	if err := w.store.Commit(ctx, first); err != nil {
		return err
	}
	w.log.commit(first)
	w.sched.step("commit, second half")
	conv2 := *c.Conversation
	conv2.Version++
	rest.Conversation, rest.Turns, rest.Journal, rest.Delete, rest.Contact = &conv2, nil, nil, nil, nil
	err := w.store.Commit(ctx, rest)
	if err == nil {
		w.log.commit(rest)
	}
	return err
}

// hashOf hashes a value by its JSON, in which maps are sorted.
func hashOf(v any) uint64 {
	h := fnv.New64a()
	if err := json.NewEncoder(h).Encode(v); err != nil {
		panic(err) // what is hashed are plain values
	}
	return h.Sum64()
}
