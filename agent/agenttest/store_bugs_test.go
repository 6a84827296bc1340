package agenttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// bent is a store of which some methods are replaced.
type bent struct {
	agent.Store
	load   func(ctx context.Context, q agent.Query) (agent.View, error)
	claim  func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error)
	append func(ctx context.Context, a agent.Append) error
	commit func(ctx context.Context, c agent.Commit) error
}

func (b *bent) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	if b.load == nil {
		return b.Store.Load(ctx, q)
	}
	return b.load(ctx, q)
}

func (b *bent) Claim(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
	if b.claim == nil {
		return b.Store.Claim(ctx, q)
	}
	return b.claim(ctx, q)
}

func (b *bent) Append(ctx context.Context, a agent.Append) error {
	if b.append == nil {
		return b.Store.Append(ctx, a)
	}
	return b.append(ctx, a)
}

func (b *bent) Commit(ctx context.Context, c agent.Commit) error {
	if b.commit == nil {
		return b.Store.Commit(ctx, c)
	}
	return b.commit(ctx, c)
}

// views bends what is loaded, claims what is claimed, commits what is
// committed.
func views(f func(q agent.Query, v *agent.View)) func(s *bent) {
	return func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			v, err := s.Store.Load(ctx, q)
			f(q, &v)
			return v, err
		}
	}
}

func claims(before func(q *agent.ClaimQuery), after func(c *agent.Claimed)) func(s *bent) {
	return func(s *bent) {
		s.claim = func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
			if before != nil {
				before(&q)
			}
			c, err := s.Store.Claim(ctx, q)
			if after != nil {
				after(&c)
			}
			return c, err
		}
	}
}

func commits(f func(c *agent.Commit)) func(s *bent) {
	return func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error {
			c.Messages, c.Put, c.Journal = slices.Clone(c.Messages), slices.Clone(c.Put), slices.Clone(c.Journal)
			f(&c)
			return s.Store.Commit(ctx, c)
		}
	}
}

// refused does something to a commit that was refused with an error, and
// tries again.
func refused(with error, f func(s *bent, c *agent.Commit)) func(s *bent) {
	return func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error {
			err := s.Store.Commit(ctx, c)
			if errors.Is(err, with) {
				f(s, &c)
				return s.Store.Commit(ctx, c)
			}
			return err
		}
	}
}

// leaves writes part of a refused commit all the same.
func leaves(with error, part func(c agent.Commit) agent.Commit) func(s *bent) {
	return func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error {
			err := s.Store.Commit(ctx, c)
			if errors.Is(err, with) {
				return errors.Join(err, s.Store.Commit(ctx, part(c)))
			}
			return err
		}
	}
}

func texts(f func(string) string) func(s *bent) {
	return commits(func(c *agent.Commit) {
		for i := range c.Messages {
			c.Messages[i].Text = f(c.Messages[i].Text)
		}
	})
}

// storeBugs are faults that a store could have, and the promises that they
// break.
var storeBugs = []struct {
	name   string
	plant  func(s *bent)
	broken []string
}{
	{"a conflict leaves the dedupe key", leaves(agent.ErrConflict, func(c agent.Commit) agent.Commit { return agent.Commit{Dedupe: c.Dedupe} }),
		[]string{"refuse/contact-stale", "refuse/rotation-stale", "refuse/loads-stale"}},
	{"a conflict leaves an approval", leaves(agent.ErrConflict, func(c agent.Commit) agent.Commit { return agent.Commit{Approvals: c.Approvals} }),
		[]string{"refuse/conversation-stale"}},
	{"a lost fence leaves a turn", leaves(agent.ErrFenced, func(c agent.Commit) agent.Commit { return agent.Commit{Turns: c.Turns} }),
		[]string{"refuse/fence-token"}},
	{"a lost fence leaves a rotation", leaves(agent.ErrFenced, func(c agent.Commit) agent.Commit { return agent.Commit{Rotations: c.Rotations} }),
		[]string{"refuse/fence-lane"}},
	{"a refused commit releases the lane", leaves(agent.ErrConflict, func(c agent.Commit) agent.Commit { return agent.Commit{Fence: c.Fence, Release: c.Release} }),
		[]string{"refuse/contact-ahead"}},
	{"the dedupe key is looked at after writing", leaves(agent.ErrDuplicate, func(c agent.Commit) agent.Commit { c.Dedupe = nil; return c }),
		[]string{"refuse/duplicate"}},
	{"the dedupe key is not looked at", refused(agent.ErrDuplicate, func(_ *bent, c *agent.Commit) { c.Dedupe = nil }),
		[]string{"refuse/duplicate", "refuse/order-duplicate"}},
	{"fences are not looked at by Commit", refused(agent.ErrFenced, func(_ *bent, c *agent.Commit) { c.Fence, c.Release = nil, false }),
		[]string{"fence/taken-over", "fence/released", "refuse/fence-token"}},
	{"fences are not looked at by Append", func(s *bent) {
		s.append = func(ctx context.Context, a agent.Append) error {
			if err := s.Store.Append(ctx, a); !errors.Is(err, agent.ErrFenced) {
				return err
			}
			return nil
		}
	}, []string{"append/fenced", "fence/taken-over"}},
	{"the end of the lease breaks the fence", func(s *bent) {
		var mu sync.Mutex
		var now time.Time
		until := map[agent.Fence]time.Time{}
		s.claim = func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
			c, err := s.Store.Claim(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			now = q.Now
			for _, t := range c.Tasks {
				until[t.Fence] = q.Now.Add(time.Second)
			}
			return c, err
		}
		s.commit = func(ctx context.Context, c agent.Commit) error {
			mu.Lock()
			late := c.Fence != nil && until[*c.Fence].Before(now)
			mu.Unlock()
			if late {
				return agent.ErrFenced
			}
			return s.Store.Commit(ctx, c)
		}
	}, []string{"fence/expired"}},
	{"tokens do not rise", claims(nil, func(c *agent.Claimed) {
		for i := range c.Tasks {
			c.Tasks[i].Fence.Token = 1
		}
	}), []string{"fence/tokens"}},
	{"releases are forgotten", commits(func(c *agent.Commit) { c.Release = false }), []string{"fence/released", "next/released"}},
	{"each commit releases", commits(func(c *agent.Commit) { c.Release = c.Fence != nil }), []string{"fence/kept"}},
	{"one lease for both lanes", claims(nil, func(c *agent.Claimed) {
		seen := map[string]bool{}
		c.Tasks = slices.DeleteFunc(c.Tasks, func(t agent.ClaimedTask) bool {
			twice := seen[t.ConversationID]
			seen[t.ConversationID] = true
			return twice
		})
	}), []string{"fence/lanes"}},
	{"errors are not wrapped", func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error {
			if err := s.Store.Commit(ctx, c); err != nil {
				return fmt.Errorf("broken: %v", err)
			}
			return nil
		}
	}, []string{"refuse/duplicate", "refuse/seq", "fence/taken-over"}},
	{"the last writer wins", refused(agent.ErrConflict, func(s *bent, c *agent.Commit) {
		if c.Conversation != nil {
			v, _ := s.Store.Load(context.Background(), agent.Query{ConversationID: c.Conversation.ID})
			if v.Conversation != nil {
				conv := *c.Conversation
				conv.Version = v.Conversation.Version
				c.Conversation = &conv
			}
		}
	}), []string{"refuse/conversation-stale", "parallel/version"}},
	{"an identity is taken from its contact", refused(agent.ErrConflict, func(_ *bent, c *agent.Commit) {
		if c.Contact != nil {
			p := c.Contact.Clone()
			p.Identities = p.Identities[:1]
			c.Contact = &p
		}
	}), []string{"refuse/identity-new", "refuse/identity-old"}},
	{"the load version is not looked at", commits(func(c *agent.Commit) { c.Loads = nil }), []string{"refuse/loads-stale", "loads/checked"}},
	{"rotations are not compared", refused(agent.ErrConflict, func(s *bent, c *agent.Commit) {
		for i := range c.Rotations {
			v, _ := s.Store.Load(context.Background(), agent.Query{Rotations: []string{c.Rotations[i].Name}})
			c.Rotations = slices.Clone(c.Rotations)
			c.Rotations[i].Version = v.Rotations[c.Rotations[i].Name].Version
		}
	}), []string{"refuse/rotation-stale", "parallel/rotation"}},
	{"a Seq may be taken twice", refused(agent.ErrConflict, func(_ *bent, c *agent.Commit) {
		c.Messages = slices.DeleteFunc(slices.Clone(c.Messages), func(m frontdesk.Message) bool { return m.ID == "a-intruder" })
	}), []string{"refuse/seq"}},
	{"a journal comes in the order of its writing", func(s *bent) {
		var mu sync.Mutex
		written := map[string][]int{}
		s.append = func(ctx context.Context, a agent.Append) error {
			err := s.Store.Append(ctx, a)
			mu.Lock()
			defer mu.Unlock()
			for _, r := range a.Rows {
				if err == nil {
					written[r.TurnID] = append(written[r.TurnID], r.N)
				}
			}
			return err
		}
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			v, err := s.Store.Load(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			v.Journal = slices.Clone(v.Journal)
			slices.SortStableFunc(v.Journal, func(a, b agent.Entry) int {
				return slices.Index(written[q.TurnID], a.N) - slices.Index(written[q.TurnID], b.N)
			})
			return v, err
		}
	}, []string{"append/by-number"}},
	{"a journal row may come twice", func(s *bent) {
		s.append = func(ctx context.Context, a agent.Append) error {
			if err := s.Store.Append(ctx, a); !errors.Is(err, agent.ErrConflict) {
				return err
			}
			return nil
		}
	}, []string{"append/twice"}},
	{"contexts are not looked at", func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error { return s.Store.Commit(context.WithoutCancel(ctx), c) }
	}, []string{"refuse/done-context"}},
	{"blocked tasks are given", commits(func(c *agent.Commit) {
		for i := range c.Put {
			if c.Put[i].Due.IsZero() {
				c.Put[i].Due = time.Unix(1, 0)
			}
		}
	}), []string{"claim/blocked", "claim/block-again", "next/blocked"}},
	{"Next is always zero", claims(nil, func(c *agent.Claimed) { c.Next = time.Time{} }), []string{"next/due", "next/lease", "next/leads"}},
	{"Next does not know of leases", func(s *bent) {
		s.claim = func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
			c, err := s.Store.Claim(ctx, q)
			if len(c.Tasks) > 0 && !c.Next.IsZero() {
				c.Next = c.Tasks[0].Due
			}
			return c, err
		}
	}, []string{"next/lease"}},
	{"Next is now for ever", func(s *bent) {
		s.claim = func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
			c, err := s.Store.Claim(ctx, q)
			c.Next = q.Now
			return c, err
		}
	}, []string{"next/leads", "next/done"}},
	{"Max is not looked at", claims(func(q *agent.ClaimQuery) { q.Max += 5 }, nil), []string{"claim/max", "claim/order"}},
	{"the conversation is not looked at", claims(func(q *agent.ClaimQuery) { q.ConversationID = "" }, nil), []string{"claim/conversation"}},
	{"the newest is given first", claims(nil, func(c *agent.Claimed) { slices.Reverse(c.Tasks) }), []string{"claim/order"}},
	{"leases end at once", claims(func(q *agent.ClaimQuery) { q.Until = q.Now }, nil), []string{"claim/lease-end", "claim/same-worker", "parallel/claim"}},
	{"leases end late", claims(func(q *agent.ClaimQuery) { q.Until = q.Until.Add(time.Second) }, nil), []string{"claim/lease-end"}},
	{"tasks are due late", claims(func(q *agent.ClaimQuery) { q.Now = q.Now.Add(-time.Millisecond) }, nil), []string{"claim/due"}},
	{"tasks are due early", claims(func(q *agent.ClaimQuery) { q.Now = q.Now.Add(time.Millisecond) }, nil), []string{"claim/due"}},
	{"Attempts do not rise", claims(nil, func(c *agent.Claimed) {
		for i := range c.Tasks {
			c.Tasks[i].Attempts--
		}
	}), []string{"claim/attempts"}},
	{"a put keeps the Attempts", func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error {
			c.Put = slices.Clone(c.Put)
			for i := range c.Put {
				v, _ := s.Store.Load(ctx, agent.Query{ConversationID: c.Put[i].ConversationID, Tasks: true})
				if old := v.Task(c.Put[i].Kind); old != nil {
					c.Put[i].Attempts = old.Attempts
				}
			}
			return s.Store.Commit(ctx, c)
		}
	}, []string{"commit/task-replace", "claim/attempts"}},
	{"puts come before deletes", commits(func(c *agent.Commit) {
		c.Put = slices.DeleteFunc(c.Put, func(t agent.Task) bool { return slices.Contains(c.Delete, t.Kind) })
	}), []string{"commit/task-delete-put"}},
	{"a lane gives all its tasks", func(s *bent) {
		s.claim = func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
			c, err := s.Store.Claim(ctx, q)
			for _, t := range slices.Clone(c.Tasks) {
				v, _ := s.Store.Load(ctx, agent.Query{ConversationID: t.ConversationID, Tasks: true})
				for _, o := range v.Tasks {
					if o.Kind != t.Kind && o.Kind.Lane() == t.Kind.Lane() {
						c.Tasks = append(c.Tasks, agent.ClaimedTask{Task: o, Fence: t.Fence})
					}
				}
			}
			return c, err
		}
	}, []string{"claim/one-a-lane", "fence/lane-kinds"}},
	{"leased lanes count against Max", func(s *bent) {
		var mu sync.Mutex
		var leases []time.Time
		s.claim = func(ctx context.Context, q agent.ClaimQuery) (agent.Claimed, error) {
			mu.Lock()
			defer mu.Unlock()
			taken := 0
			for _, until := range leases {
				if until.After(q.Now) {
					taken++
				}
			}
			limit := q.Max
			if q.Max = q.Max - taken; q.Max <= 0 {
				q.Now, q.Max = time.Time{}, limit
			}
			c, err := s.Store.Claim(ctx, q)
			for range c.Tasks {
				leases = append(leases, q.Until)
			}
			return c, err
		}
	}, []string{"claim/starvation"}},
	{"Append does not renew", func(s *bent) {
		s.append = func(ctx context.Context, a agent.Append) error {
			a.Until = time.Time{}
			return s.Store.Append(ctx, a)
		}
	}, []string{"append/renews", "next/renewed"}},
	{"the journal comes backwards", views(func(_ agent.Query, v *agent.View) {
		v.Journal = slices.Clone(v.Journal)
		slices.Reverse(v.Journal)
	}), []string{"append/rows", "append/many"}},
	{"the journal's JSON is written anew", views(func(_ agent.Query, v *agent.View) {
		v.Journal = slices.Clone(v.Journal)
		for i := range v.Journal {
			var b bytes.Buffer
			if json.Compact(&b, v.Journal[i].Data) == nil {
				v.Journal[i].Data = b.Bytes()
			}
		}
	}), []string{"append/rows"}},
	{"History is all there is", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			q.History *= 1000
			return s.Store.Load(ctx, q)
		}
	}, []string{"load/history"}},
	{"History is the oldest messages", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			n := q.History
			q.History *= 1000
			v, err := s.Store.Load(ctx, q)
			v.History = v.History[:min(n, len(v.History))]
			return v, err
		}
	}, []string{"load/history"}},
	{"History comes newest first", views(func(_ agent.Query, v *agent.View) { slices.Reverse(v.History) }), []string{"load/history", "commit/message-put"}},
	{"History goes by time", views(func(_ agent.Query, v *agent.View) {
		slices.SortFunc(v.History, func(a, b frontdesk.Message) int { return a.At.Compare(b.At) })
	}), []string{"load/history"}},
	{"Waiting lacks what came back", views(func(_ agent.Query, v *agent.View) {
		v.Waiting = slices.DeleteFunc(v.Waiting, func(m frontdesk.Message) bool { return m.Seq == 2 })
	}), []string{"load/waiting"}},
	{"Outbox lacks what is being sent", views(func(_ agent.Query, v *agent.View) {
		v.Outbox = slices.DeleteFunc(v.Outbox, func(m frontdesk.Message) bool { return m.Status == frontdesk.Sending })
	}), []string{"load/outbox"}},
	{"Turns come twice", views(func(_ agent.Query, v *agent.View) { v.Turns = append(v.Turns, v.Turns...) }), []string{"load/turns"}},
	{"Found is not set", views(func(_ agent.Query, v *agent.View) { v.Found = nil }), []string{"load/names", "commit/message"}},
	{"a contact without a conversation is not found", views(func(_ agent.Query, v *agent.View) {
		if v.Conversation == nil {
			v.Contact = nil
		}
	}), []string{"load/contact-alone"}},
	{"a rotation that does not exist is there", views(func(q agent.Query, v *agent.View) {
		for _, name := range q.Rotations {
			if v.Rotations == nil {
				v.Rotations = map[string]agent.Rotation{}
			}
			if _, ok := v.Rotations[name]; !ok {
				v.Rotations[name] = agent.Rotation{Name: name}
			}
		}
	}), []string{"load/rotations", "load/nothing"}},
	{"a query for nothing reads all", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			q.Tasks, q.Waiting = true, true
			return s.Store.Load(ctx, q)
		}
	}, []string{"load/asked"}},
	{"keys are compared without case", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			q.DedupeKey = strings.ToLower(q.DedupeKey)
			return s.Store.Load(ctx, q)
		}
	}, []string{"load/duplicate", "text/ids"}},
	{"a View changes afterwards", func(s *bent) {
		var mu sync.Mutex
		buffer := make([]frontdesk.Message, 0, 100)
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			mu.Lock()
			defer mu.Unlock()
			v, err := s.Store.Load(ctx, q)
			if len(v.History) > 0 {
				v.History = append(buffer[:0], v.History...)
			}
			return v, err
		}
		inner := s.Store
		s.commit = func(ctx context.Context, c agent.Commit) error {
			err := inner.Commit(ctx, c)
			for _, m := range c.Messages {
				_, _ = s.load(ctx, agent.Query{ConversationID: m.ConversationID, History: 2})
			}
			return err
		}
	}, []string{"commit/snapshot"}},
	{"Load reads twice", func(s *bent) {
		var n atomic.Int64
		s.commit = func(ctx context.Context, c agent.Commit) error {
			defer n.Add(1)
			return s.Store.Commit(ctx, c)
		}
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			v, err := s.Store.Load(ctx, q)
			if q.History < 1000 {
				return v, err
			}
			for before := n.Load(); n.Load() == before && before < 61; {
				runtime.Gosched()
			}
			later, err := s.Store.Load(ctx, q)
			v.History = later.History
			return v, err
		}
	}, []string{"parallel/moment"}},
	{"Turn.Next is stored", views(func(_ agent.Query, v *agent.View) {
		if v.Turn != nil {
			t := *v.Turn
			t.Next = &agent.Turn{ID: "next"}
			v.Turn = &t
		}
	}), []string{"commit/turn"}},
	{"a field of a message is forgotten", commits(func(c *agent.Commit) {
		for i := range c.Messages {
			c.Messages[i].ClaimedAt = time.Time{}
		}
	}), []string{"commit/message"}},
	{"a field of a task is forgotten", commits(func(c *agent.Commit) {
		for i := range c.Put {
			c.Put[i].Echoes = nil
		}
	}), []string{"commit/task"}},
	{"texts are trimmed", texts(strings.TrimSpace), []string{"text/kept"}},
	{"line separators are lost", texts(func(s string) string { return strings.ReplaceAll(s, "\u2028", "\n") }), []string{"text/kept"}},
	{"four bytes are too many", texts(func(s string) string { return strings.ReplaceAll(s, "😀", "?") }), []string{"text/kept"}},
	{"long keys are cut", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			q.DedupeKey = q.DedupeKey[:min(len(q.DedupeKey), 255)]
			return s.Store.Load(ctx, q)
		}
	}, []string{"text/long-ids"}},
	{"long texts are cut", texts(func(s string) string { return s[:min(len(s), 65535)] }), []string{"text/long"}},
	{"noncharacters are replaced", texts(func(s string) string { return strings.ReplaceAll(s, "\ufdd0", "\ufffd") }), []string{"text/code-points"}},
	{"a plane is not known", texts(func(s string) string { return strings.ReplaceAll(s, "\U000e0001", "") }), []string{"text/code-points"}},
	{"long rows are cut", commits(func(c *agent.Commit) {
		c.Journal = slices.Clone(c.Journal)
		for i := range c.Journal {
			c.Journal[i].Data = c.Journal[i].Data[:min(len(c.Journal[i].Data), 1<<20)]
		}
	}), []string{"text/long-journal"}},
	{"times are kept to the second", commits(func(c *agent.Commit) {
		for i := range c.Messages {
			c.Messages[i].At = c.Messages[i].At.Truncate(time.Second)
		}
	}), []string{"time/instant"}},
	{"times lose their zone", commits(func(c *agent.Commit) {
		for i := range c.Put {
			if d := c.Put[i].Due; !d.IsZero() {
				c.Put[i].Due = time.Date(d.Year(), d.Month(), d.Day(), d.Hour(), d.Minute(), d.Second(), d.Nanosecond(), time.UTC)
			}
		}
	}), []string{"time/instant"}},
	{"a close does not move the loads", func(s *bent) {
		var mu sync.Mutex
		extra := map[string]int{}
		s.commit = func(ctx context.Context, c agent.Commit) error {
			err := s.Store.Commit(ctx, c)
			if v := c.Conversation; err == nil && v != nil && v.Status == frontdesk.Closed {
				mu.Lock()
				defer mu.Unlock()
				extra[v.Assignee.ID]++
			}
			return err
		}
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			v, err := s.Store.Load(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			for i := range v.Loads {
				v.Loads[i].Open += extra[v.Loads[i].UserID]
			}
			return v, err
		}
	}, []string{"loads/counts"}},
	{"loads of zero are left out", views(func(_ agent.Query, v *agent.View) {
		v.Loads = slices.DeleteFunc(v.Loads, func(l agent.Load) bool { return l.Open == 0 })
	}), []string{"loads/counts"}},
	{"LoadsSince is not looked at", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			q.LoadsSince = 0
			return s.Store.Load(ctx, q)
		}
	}, []string{"loads/since", "loads/counts"}},
	{"the load version stands still", views(func(_ agent.Query, v *agent.View) { v.LoadVersion = min(v.LoadVersion, 1) }), []string{"loads/counts", "loads/since"}},
	{"arguments are written to", func(s *bent) {
		s.commit = func(ctx context.Context, c agent.Commit) error {
			err := s.Store.Commit(ctx, c)
			if c.Conversation != nil {
				c.Conversation.Version++
			}
			return err
		}
	}, []string{"commit/arguments"}},
	{"turns are found under any conversation", func(s *bent) {
		s.load = func(ctx context.Context, q agent.Query) (agent.View, error) {
			v, err := s.Store.Load(ctx, q)
			if id, ok := strings.CutSuffix(q.TurnID, "-turn"); ok && v.Turn == nil {
				other, _ := s.Store.Load(ctx, agent.Query{ConversationID: id, TurnID: q.TurnID})
				v.Turn, v.Journal = other.Turn, other.Journal
			}
			return v, err
		}
	}, []string{"load/turn-of-conversation"}},
	{"an empty store has work", claims(nil, func(c *agent.Claimed) { c.Next = c.Next.Add(1) }), []string{"claim/empty"}},
	{"a second conversation is dropped", refused(agent.ErrConflict, func(_ *bent, c *agent.Commit) {
		if v := c.Conversation; v != nil && v.Version == 0 {
			c.Conversation = nil
		}
	}), []string{"refuse/conversation-second"}},
}

// TestStoreSuiteCatchesPlantedBugs is the test of the tester.
func TestStoreSuiteCatchesPlantedBugs(t *testing.T) {
	promises := map[string]storePromise{}
	for _, p := range storePromises() {
		require.NotContains(t, promises, p.name, "two promises of one name")
		promises[p.name] = p
	}
	for _, bug := range storeBugs {
		t.Run(bug.name, func(t *testing.T) {
			require.NotEmpty(t, bug.broken)
			for _, name := range bug.broken {
				p, ok := promises[name]
				require.True(t, ok, "there is no promise %q", name)
				require.NoError(t, p.check(memstore.New()), "%s without the bug", name)
				// What goes on in parallel shows a bug only when it falls that
				// way; on a busy machine it takes a few tries.
				tries := 1
				if strings.HasPrefix(name, "parallel/") {
					tries = 100
				}
				var err error
				for range tries {
					s := &bent{Store: memstore.New()}
					bug.plant(s)
					if err = p.check(s); err != nil {
						break
					}
				}
				assert.Error(t, err, "%s was not seen to be broken", name)
			}
		})
	}
}

// Each promise is broken by a store that does nothing at all, except those
// that a store keeps by doing nothing.
func TestStoreSuiteCatchesAStoreThatDoesNothing(t *testing.T) {
	idle := &bent{
		load:   func(context.Context, agent.Query) (agent.View, error) { return agent.View{}, nil },
		claim:  func(context.Context, agent.ClaimQuery) (agent.Claimed, error) { return agent.Claimed{}, nil },
		append: func(context.Context, agent.Append) error { return nil },
		commit: func(context.Context, agent.Commit) error { return nil },
	}
	for _, p := range storePromises() {
		switch p.name {
		case "claim/empty", "commit/arguments", "load/asked", "load/nothing", "load/turn-of-conversation":
			continue
		}
		assert.Error(t, p.check(idle), p.name)
	}
}
