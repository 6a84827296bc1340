// Package storediff compares a store with the reference, agent/memstore: both
// are told the same, at random, and have to answer the same.
package storediff

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// start is when it begins.
var start = time.Date(2025, 1, 6, 9, 0, 0, 0, time.UTC)

// pair is the reference store and another, which are told the same.
type pair struct {
	t     *testing.T
	r     *rand.Rand
	want  *memstore.Store
	got   agent.Store
	now   time.Time
	n     int64
	fence [][2]agent.Fence // each with its token in either store
	// done counts what went through, by what it was.
	done map[string]int
}

// Test compares a store with the reference. Open returns an empty one.
func Test(t *testing.T, open func(t *testing.T) agent.Store) {
	done := map[string]int{}
	for seed := range uint64(8) {
		p := &pair{t: t, r: rand.New(rand.NewPCG(seed, 1)), want: memstore.New(), got: open(t), now: start, done: done}
		for range 250 {
			switch p.r.IntN(6) {
			case 0, 1, 2:
				p.commit()
			case 3:
				p.claim()
			case 4:
				p.append()
			case 5:
				p.now = p.now.Add(time.Duration(p.r.IntN(90)-20) * time.Second) // sometimes back
			}
		}
		for i := range 4 {
			p.load(agent.Query{ConversationID: conversationName(i)})
		}
	}
	for what, least := range map[string]int{"commit": 200, "append": 50, "claim": 100, "task": 50, "fenced commit": 30} {
		require.Greater(t, done[what], least, "%s that went through: the test has become too wild to test anything: %v", what, done)
	}
}

func conversationName(i int) string { return fmt.Sprint("c", i) }

func (p *pair) chance(n int) bool { return p.r.IntN(n) == 0 }

// next is a number, and next time a larger one.
func (p *pair) next() int64 {
	p.n++
	return p.n
}

// same compares two answers as JSON, without what stores may order as they
// like.
func (p *pair) same(what string, want, got any, werr, gerr error) {
	p.t.Helper()
	for _, sentinel := range []error{agent.ErrFenced, agent.ErrDuplicate, agent.ErrConflict} {
		require.Equal(p.t, errors.Is(werr, sentinel), errors.Is(gerr, sentinel), "%s: %v and %v", what, werr, gerr)
	}
	require.Equal(p.t, werr == nil, gerr == nil, "%s: %v and %v", what, werr, gerr)
	if werr == nil {
		p.done[what]++
	}
	w, err := json.Marshal(want)
	require.NoError(p.t, err)
	g, err := json.Marshal(got)
	require.NoError(p.t, err)
	require.JSONEq(p.t, string(w), string(g), what)
}

func (p *pair) load(q agent.Query) agent.View {
	p.t.Helper()
	q.History, q.Turns, q.Waiting, q.Outbox, q.Tasks, q.Loads = 1000, true, true, true, true, true
	q.TurnID, q.Rotations = "turn-"+q.ConversationID, []string{"r0", "r1"}
	want, werr := p.want.Load(p.t.Context(), q)
	got, gerr := p.got.Load(p.t.Context(), q)
	for _, v := range []*agent.View{&want, &got} {
		slices.SortFunc(v.Tasks, func(a, b agent.Task) int { return cmp.Compare(a.Kind, b.Kind) })
		slices.SortFunc(v.Loads, func(a, b agent.Load) int { return cmp.Compare(a.UserID, b.UserID) })
	}
	p.same("load", want, got, werr, gerr)
	return want
}

func (p *pair) due() time.Time {
	if p.chance(4) {
		return time.Time{}
	}
	return start.Add(time.Duration(p.r.IntN(600))*time.Second + time.Duration(p.next())*time.Microsecond)
}

// commit makes a commit from what is stored, mostly one that is in order.
func (p *pair) commit() {
	i := p.r.IntN(4)
	id := conversationName(i)
	v := p.load(agent.Query{ConversationID: id})
	c := agent.Commit{}
	conv := frontdesk.Conversation{ID: id, ContactID: fmt.Sprint("p", i/2), Channel: fmt.Sprint("ch", i%2), Created: start}
	if v.Conversation != nil {
		conv = *v.Conversation
	}
	if v.Contact == nil || p.chance(4) {
		c.Contact = p.contact(conv.ContactID)
	}
	conv.Status = []frontdesk.Status{frontdesk.Open, frontdesk.Closed}[p.r.IntN(2)]
	conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: fmt.Sprint("u", p.r.IntN(3))}
	if p.chance(3) {
		conv.Assignee = frontdesk.Assignee{}
	}
	if p.chance(15) {
		conv.Version++
	}
	for range p.r.IntN(3) {
		conv.LastSeq++
		c.Messages = append(c.Messages, p.message(id, conv.LastSeq))
	}
	if len(v.History) > 0 && p.chance(2) { // a status, or what took an inbound
		m := p.message(id, v.History[p.r.IntN(len(v.History))].Seq)
		m.ID = fmt.Sprintf("%s-%d", id, m.Seq)
		c.Messages = append(c.Messages, m)
	}
	c.Conversation = &conv
	for _, k := range []agent.TaskKind{agent.TaskTurn, agent.TaskFollowUp, agent.TaskSend, agent.TaskEcho} {
		switch p.r.IntN(5) {
		case 0:
			c.Delete = append(c.Delete, k)
		case 1, 2:
			c.Put = append(c.Put, agent.Task{ConversationID: id, Kind: k, Due: p.due(), Attempts: p.r.IntN(3), TurnID: "turn-" + id})
		}
	}
	if p.chance(5) {
		c.Dedupe = map[string]string{fmt.Sprint("key", p.r.IntN(12)): "m"}
	}
	if p.chance(4) {
		name := fmt.Sprint("r", p.r.IntN(2))
		c.Rotations = []agent.Rotation{{Name: name, Last: fmt.Sprint(p.next()), Version: v.Rotations[name].Version}}
	}
	if p.chance(4) {
		version := v.LoadVersion - int64(p.r.IntN(5)/4)
		c.Loads = &version
	}
	if p.chance(3) {
		c.Turns = []agent.Turn{{ID: "turn-" + id, ConversationID: id, Rounds: int(p.next())}}
		c.Journal = []agent.Entry{p.entry(id)}
	}
	if p.chance(6) {
		c.Approvals = []agent.Approval{{ID: "call-" + id, ConversationID: id, Outcome: fmt.Sprint(p.next())}}
	}
	both := [2]agent.Commit{c, c}
	if len(p.fence) > 0 && p.chance(2) {
		f := p.fence[p.r.IntN(len(p.fence))]
		release := p.chance(2)
		for i := range both {
			both[i].Fence, both[i].Release = &f[i], release
		}
	}
	err := p.want.Commit(p.t.Context(), both[0])
	p.same("commit", nil, nil, err, p.got.Commit(p.t.Context(), both[1]))
	if err == nil && both[0].Fence != nil {
		p.done["fenced commit"]++
	}
	p.load(agent.Query{ConversationID: id})
	for _, q := range []agent.Query{
		{CallID: "call-" + id}, {MessageID: id + "-1"}, {DedupeKey: fmt.Sprint("key", p.r.IntN(12))},
		{Identity: frontdesk.Identity{Channel: fmt.Sprint("ch", p.r.IntN(2)), Address: fmt.Sprint("a", p.r.IntN(4))}},
	} {
		p.load(q)
	}
}

func (p *pair) contact(id string) *frontdesk.Contact {
	c := &frontdesk.Contact{ID: id, Stage: fmt.Sprint(p.next()), Created: start}
	for _, address := range []string{"a0", "a1", "a2", "a3"} {
		if p.chance(3) {
			c.Identities = append(c.Identities, frontdesk.Identity{Channel: fmt.Sprint("ch", p.r.IntN(2)), Address: address})
		}
	}
	for i := range 4 { // its version, if one of its conversations says it
		v, err := p.want.Load(p.t.Context(), agent.Query{ConversationID: conversationName(i)})
		require.NoError(p.t, err)
		if v.Contact != nil && v.Contact.ID == id {
			c.Version = v.Contact.Version
		}
	}
	return c
}

func (p *pair) message(conversation string, seq int64) frontdesk.Message {
	m := frontdesk.Message{
		ID: fmt.Sprintf("%s-%d", conversation, seq), ConversationID: conversation, Seq: seq, Text: fmt.Sprint(p.next()), At: p.now,
		Direction: []frontdesk.Direction{frontdesk.DirInbound, frontdesk.DirOutbound, frontdesk.DirInternal}[seq%3],
	}
	if m.Direction == frontdesk.DirOutbound {
		m.Status = []frontdesk.DeliveryStatus{frontdesk.Queued, frontdesk.Sending, frontdesk.Sent}[p.r.IntN(3)]
	}
	if p.chance(2) {
		m.TurnID = "turn-" + conversation
	}
	if p.chance(20) {
		m.ID += "-another"
	}
	return m
}

func (p *pair) entry(conversation string) agent.Entry {
	return agent.Entry{TurnID: "turn-" + conversation, N: 1 + p.r.IntN(40), Kind: agent.EntryAnswer, At: p.now, Data: fmt.Appendf(nil, `{ "n": %d}`, p.next())}
}

func (p *pair) claim() {
	q := agent.ClaimQuery{Now: p.now, Until: p.now.Add(time.Duration(1+p.r.IntN(120)) * time.Second), Worker: "w", Max: 1 + p.r.IntN(4)}
	if p.chance(3) {
		q.ConversationID = conversationName(p.r.IntN(4))
	}
	want, werr := p.want.Claim(p.t.Context(), q)
	got, gerr := p.got.Claim(p.t.Context(), q)
	require.Len(p.t, got.Tasks, len(want.Tasks))
	for i := range want.Tasks {
		w, g := want.Tasks[i].Fence, got.Tasks[i].Fence
		p.fence = append(p.fence, [2]agent.Fence{w, g})
		got.Tasks[i].Fence.Token = w.Token // each store counts as it likes
	}
	if len(p.fence) > 6 {
		p.fence = p.fence[len(p.fence)-6:]
	}
	if want.Next.Before(p.now) && got.Next.Before(p.now) {
		want.Next, got.Next = time.Time{}, time.Time{} // now, or before
	}
	p.done["task"] += len(want.Tasks)
	p.same("claim", want, got, werr, gerr)
}

func (p *pair) append() {
	if len(p.fence) == 0 {
		return
	}
	f := p.fence[p.r.IntN(len(p.fence))]
	a := agent.Append{Fence: f[0]}
	if p.chance(2) {
		a.Until = p.now.Add(time.Duration(1+p.r.IntN(120)) * time.Second)
	}
	for range p.r.IntN(3) {
		a.Rows = append(a.Rows, p.entry(f[0].ConversationID))
	}
	b := a
	b.Fence = f[1]
	p.same("append", nil, nil, p.want.Append(p.t.Context(), a), p.got.Append(p.t.Context(), b))
	p.load(agent.Query{ConversationID: f[0].ConversationID})
}
