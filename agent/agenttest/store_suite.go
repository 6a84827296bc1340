package agenttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// TestStore tests that a Store keeps the contract of agent.Store. Open
// returns an empty Store for each promise; what it holds is given back with
// t.Cleanup. A failure prints the promise that was broken.
//
// Run it under the race detector too: many promises are about callers that
// come at once.
func TestStore(t *testing.T, open func(t *testing.T) agent.Store) {
	for _, p := range storePromises() {
		t.Run(p.name, func(t *testing.T) {
			under := open(t)
			if under == nil {
				t.Fatal("agenttest: open returned no Store: what it opens is what is tested")
			}
			judge(t, "a Store", p.promise, p.check(under))
		})
	}
}

// storePromise is one promise of the contract.
type storePromise struct {
	name    string
	promise string // completes "a Store …"
	run     func(c *storeCase)
}

func storePromises() []storePromise {
	return slices.Concat(commitPromises, refusalPromises, fencePromises, claimPromises, nextPromises, journalPromises, loadPromises,
		loadsPromises, textPromises, concurrencyPromises)
}

// check runs a promise and returns how it was broken.
func (p storePromise) check(s agent.Store) (err error) {
	c := &storeCase{Store: s, ctx: context.Background(), now: time.Date(2025, 3, 10, 9, 0, 0, 0, time.UTC)}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(caseOver); !ok {
				c.Errorf("panic, in the store or over what it gave: %v\n%s", r, debug.Stack())
			}
		}
		err = errors.Join(c.faults...)
	}()
	p.run(c)
	return nil
}

// caseOver ends a promise at its first fault: what follows from it would only
// confuse.
type caseOver struct{}

// storeCase is a running promise.
type storeCase struct {
	agent.Store
	collector
	ctx context.Context
	now time.Time
}

// failf reports a fault and ends the promise.
func (c *storeCase) failf(format string, args ...any) {
	c.Errorf(format, args...)
	panic(caseOver{})
}

// at is a time some seconds from the start.
func (c *storeCase) at(seconds int) time.Time {
	return c.now.Add(time.Duration(seconds) * time.Second)
}

// commit makes a commit that has to succeed.
func (c *storeCase) commit(what string, commit agent.Commit) {
	if err := c.Commit(c.ctx, commit); err != nil {
		c.failf("%s: Commit returned %v", what, err)
	}
}

// load makes a Load that has to succeed.
func (c *storeCase) load(q agent.Query) agent.View {
	v, err := c.Load(c.ctx, q)
	if err != nil {
		c.failf("Load(%s) returned %v", canon(q), err)
	}
	return v
}

// all reads everything about a conversation.
func (c *storeCase) all(conversationID string) agent.View {
	return c.load(agent.Query{ConversationID: conversationID, History: 1000, Turns: true, Waiting: true, Outbox: true, Tasks: true})
}

// claim claims from all conversations, for a minute.
func (c *storeCase) claim(now time.Time, limit int) agent.Claimed {
	return c.claims(agent.ClaimQuery{Now: now, Until: now.Add(time.Minute), Worker: "worker", Max: limit})
}

// claimOf claims from one conversation, for a minute.
func (c *storeCase) claimOf(conversationID string, now time.Time) agent.Claimed {
	return c.claims(agent.ClaimQuery{Now: now, Until: now.Add(time.Minute), Worker: "worker", Max: 10, ConversationID: conversationID})
}

func (c *storeCase) claims(q agent.ClaimQuery) agent.Claimed {
	got, err := c.Claim(c.ctx, q)
	if err != nil {
		c.failf("Claim(%s) returned %v", canon(q), err)
	}
	return got
}

// claimOne claims what has to be the only due task, and returns it.
func (c *storeCase) claimOne(now time.Time, conversationID string, kind agent.TaskKind) agent.ClaimedTask {
	got := c.claimOf(conversationID, now)
	c.claimed(got, conversationID+"/"+string(kind))
	return got.Tasks[0]
}

// claimed checks which tasks were claimed, as "conversation/kind".
func (c *storeCase) claimed(got agent.Claimed, want ...string) {
	var have []string
	for _, t := range got.Tasks {
		have = append(have, t.ConversationID+"/"+string(t.Kind))
		if t.Fence.ConversationID != t.ConversationID || t.Fence.Lane != t.Kind.Lane() {
			c.failf("the fence of a claimed task %s/%s is of %s, lane %s", t.ConversationID, t.Kind, t.Fence.ConversationID, t.Fence.Lane)
		}
	}
	c.equal("claimed tasks", want, have)
}

// next checks when there may be more.
func (c *storeCase) next(got agent.Claimed, want time.Time) {
	if !got.Next.Equal(want) {
		c.failf("Next is %s; expected %s", c.rel(got.Next), c.rel(want))
	}
}

// rel prints a time as seconds from the start.
func (c *storeCase) rel(t time.Time) string {
	if t.IsZero() {
		return "zero"
	}
	return "start+" + t.Sub(c.now).String()
}

// equal compares two values as stores have to keep them.
func (c *storeCase) equal(what string, want, got any) {
	w, g := canon(want), canon(got)
	if w != g {
		c.failf("%s: got\n\t%s\nexpected\n\t%s", what, shortenAround(g, w), shortenAround(w, g))
	}
}

// is checks for an error of the contract.
func (c *storeCase) is(what string, err, want error) {
	if !errors.Is(err, want) {
		c.failf("%s: got the error %v; expected one that wraps %v", what, err, want)
	}
}

// refuse makes a commit that has to fail with an error and to write nothing.
func (c *storeCase) refuse(what string, commit agent.Commit, want error) {
	before := c.traces(commit)
	err := c.Commit(c.ctx, commit)
	c.is(what, err, want)
	after := c.traces(commit)
	for i := range before {
		if before[i] != after[i] {
			c.failf("%s: the commit was refused and yet it wrote: before it, one could read\n\t%s\nand after it\n\t%s",
				what, shortenAround(before[i], after[i]), shortenAround(after[i], before[i]))
		}
	}
}

// traces reads all that a commit could have written.
func (c *storeCase) traces(commit agent.Commit) []string {
	queries := []agent.Query{{Loads: true}}
	id := ""
	if commit.Fence != nil {
		id = commit.Fence.ConversationID
	}
	if commit.Conversation != nil {
		id = commit.Conversation.ID
	}
	everything := agent.Query{ConversationID: id, History: 1000, Turns: true, Waiting: true, Outbox: true, Tasks: true}
	queries = append(queries, everything)
	for _, key := range slices.Sorted(maps.Keys(commit.Dedupe)) {
		queries = append(queries, agent.Query{DedupeKey: key})
	}
	if commit.Contact != nil {
		for _, i := range commit.Contact.Identities {
			queries = append(queries, agent.Query{Identity: i})
		}
	}
	for _, m := range commit.Messages {
		queries = append(queries, agent.Query{MessageID: m.ID})
	}
	for _, t := range commit.Turns {
		queries = append(queries, agent.Query{ConversationID: t.ConversationID, TurnID: t.ID})
	}
	for _, e := range commit.Journal {
		queries = append(queries, agent.Query{ConversationID: id, TurnID: e.TurnID})
	}
	for _, a := range commit.Approvals {
		queries = append(queries, agent.Query{CallID: a.ID})
	}
	for _, r := range commit.Rotations {
		queries = append(queries, agent.Query{Rotations: []string{r.Name}})
	}
	var out []string
	for _, q := range queries {
		out = append(out, canon(c.load(q)))
	}
	return out
}

// person is a contact with the conversation that the fixtures make for it.
func person(id string) *frontdesk.Contact {
	return &frontdesk.Contact{
		ID: "contact-" + id, Created: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC),
		Identities: []frontdesk.Identity{identity(id)},
	}
}

func identity(id string) frontdesk.Identity {
	return frontdesk.Identity{Channel: "chat", Address: "address-" + id}
}

func opened(id string) *frontdesk.Conversation {
	return &frontdesk.Conversation{
		ID: id, ContactID: "contact-" + id, Channel: "chat", Status: frontdesk.Open, Epoch: 1,
		Created: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC),
	}
}

// conversation makes a contact and a conversation with these tasks, and
// returns the latter as it is stored.
func (c *storeCase) conversation(id string, tasks ...agent.Task) frontdesk.Conversation {
	for i := range tasks {
		tasks[i].ConversationID = id
	}
	c.commit("a new contact and conversation", agent.Commit{Contact: person(id), Conversation: opened(id), Put: tasks})
	return c.stored(id)
}

// stored returns a conversation that has to be there.
func (c *storeCase) stored(id string) frontdesk.Conversation {
	v := c.load(agent.Query{ConversationID: id})
	if v.Conversation == nil {
		c.failf("conversation %q was committed and cannot be loaded", id)
	}
	return *v.Conversation
}

// taskOf returns a task that has to be there.
func (c *storeCase) taskOf(id string, kind agent.TaskKind) agent.Task {
	v := c.all(id)
	t := v.Task(kind)
	if t == nil {
		c.failf("conversation %q has lost its task %s", id, kind)
	}
	return *t
}

// put replaces tasks of a conversation.
func (c *storeCase) put(id string, tasks ...agent.Task) {
	conv := c.stored(id)
	for i := range tasks {
		tasks[i].ConversationID = id
	}
	c.commit("tasks of a conversation", agent.Commit{Conversation: &conv, Put: tasks})
}

// turnTask is a task of the turn lane.
func turnTask(due time.Time) agent.Task {
	return agent.Task{Kind: agent.TaskTurn, Due: due, TurnID: "turn", Trigger: agent.Trigger{Kind: agent.TriggerInbound}}
}

// task is a task of any kind.
func task(kind agent.TaskKind, due time.Time) agent.Task {
	return agent.Task{Kind: kind, Due: due}
}

// inbound and outbound are messages of a conversation.
func inbound(conversationID string, seq int64) frontdesk.Message {
	return frontdesk.Message{
		ID: fmt.Sprintf("%s-%d", conversationID, seq), ConversationID: conversationID, Seq: seq,
		Direction: frontdesk.DirInbound, Author: frontdesk.Author{Kind: frontdesk.AuthorContact, ID: "contact-" + conversationID},
		Text: fmt.Sprintf("text %d", seq), At: time.Date(2025, 3, 10, 8, 0, int(seq), 0, time.UTC),
	}
}

func outbound(conversationID string, seq int64, status frontdesk.DeliveryStatus) frontdesk.Message {
	m := inbound(conversationID, seq)
	m.Direction, m.Status = frontdesk.DirOutbound, status
	m.Author = frontdesk.Author{Kind: frontdesk.AuthorAgent, ID: "sales"}
	return m
}

// messages adds messages to a conversation.
func (c *storeCase) messages(id string, messages ...frontdesk.Message) {
	conv := c.stored(id)
	c.commit("messages of a conversation", agent.Commit{Conversation: &conv, Messages: messages})
}

// canon writes a value in the one form that all stores have to agree on: as
// JSON with times in UTC, and without whatever is nil or empty.
func canon(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("agenttest: cannot marshal %T: %v", v, err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return fmt.Sprintf("agenttest: cannot read %T back: %v", v, err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(prune(tree)); err != nil {
		return fmt.Sprintf("agenttest: cannot marshal %T again: %v", v, err)
	}
	return strings.TrimSpace(out.String())
}

func prune(v any) any {
	switch x := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	case []any:
		if len(x) == 0 {
			return nil
		}
		for i := range x {
			x[i] = prune(x[i])
		}
	case map[string]any:
		for k, e := range x {
			if x[k] = prune(e); x[k] == nil {
				delete(x, k)
			}
		}
		if len(x) == 0 {
			return nil
		}
	}
	return v
}

// shortenAround keeps of a long text what stands around its first difference
// from the other.
func shortenAround(text, other string) string {
	const around, limit = 200, 1000
	if len(text) <= limit {
		return text
	}
	at := 0
	for at < len(text) && at < len(other) && text[at] == other[at] {
		at++
	}
	from, to := max(0, at-around), min(len(text), at+limit-around)
	return "…" + strings.ToValidUTF8(text[from:to], "") + "…"
}
