package main

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// desk is the agents of a worker on a clock that stands still.
type desk struct {
	t       *testing.T
	clock   *agenttest.FakeClock
	store   agent.Store
	channel *agenttest.RecordingChannel
	mux     *agent.Mux
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, clock: agenttest.NewFakeClock(), store: memstore.New(), channel: &agenttest.RecordingChannel{}}
	d.channel.Caps = agent.Capabilities{Idempotent: true}
	d.start(d.store)
	return d
}

// start makes the agents anew, as a process that starts does.
func (d *desk) start(store agent.Store) {
	p := parts{
		store: store, channel: d.channel, clock: d.clock, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		llm: agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) { return generate(req), nil }),
		act: func(context.Context, actions.Call, string) error { return nil },
	}
	var err error
	d.mux, err = p.newMux()
	require.NoError(d.t, err)
}

func inbound(word, token string) frontdesk.Inbound {
	return frontdesk.Inbound{Channel: "chat", ID: token, From: "c1", Text: word + " " + token}
}

func (d *desk) accept(word, token string) {
	d.t.Helper()
	require.NoError(d.t, d.mux.Accept(d.t.Context(), inbound(word, token)))
}

// pass lets time go by, less than the ladder waits, and does what is due.
func (d *desk) pass(by time.Duration) {
	d.t.Helper()
	d.clock.Advance(by)
	_, err := d.mux.RunDue(d.t.Context())
	require.NoError(d.t, err)
}

func (d *desk) view() *agent.View {
	d.t.Helper()
	v, err := d.store.Load(d.t.Context(), agent.Query{Identity: frontdesk.Identity{Channel: "chat", Address: "c1"}, History: 100, Turns: true, Waiting: true})
	require.NoError(d.t, err)
	return &v
}

// answered are the tokens whose answer reached the contact.
func (d *desk) answered() (out []string) {
	for _, text := range d.channel.Texts() {
		out = append(out, answers(text)...)
	}
	return out
}

// S9.1: whatever comes together in a turn, the model answers all of it or
// gives it to the agent who does. Of two assignments the last is carried out,
// so that a message for the agent must not be left to it when a human gets the
// conversation.
func TestModelLeavesNothingBehind(t *testing.T) {
	words := []string{"hello", "quote", "help", "demo"}
	for _, first := range words {
		for _, second := range words {
			for _, apart := range []bool{false, true} {
				d := newDesk(t)
				d.accept(first, "c1-1")
				if apart {
					d.pass(20 * time.Millisecond)
				}
				d.accept(second, "c1-2")
				d.pass(20 * time.Millisecond)
				v := d.view()
				assert.Empty(t, v.Waiting, "%s, %s", first, second)
				answered := d.answered()
				for _, m := range v.History {
					if m.Direction == frontdesk.DirInbound && m.TurnID != "" {
						assert.Contains(t, answered, m.ProviderID, "%s, %s, apart=%v: %q", first, second, apart, d.channel.Texts())
					}
				}
			}
		}
	}
}

// I1, S7.5: a process that dies at any write leaves a turn that goes on from
// its journal. What the contact writes before it does is answered with the
// rest, also when the turn hands the conversation over.
func TestCrashWhileHandingOver(t *testing.T) {
	for _, words := range [][2]string{{"help", "hello"}, {"help", "demo"}, {"demo", "quote"}, {"quote", "help"}} {
		writes := 0
		for ; ; writes++ {
			d := newDesk(t)
			d.accept(words[0], "c1-1")
			nth := writes
			d.start(agenttest.NewFaultyStore(d.store, agenttest.CrashAfter(func(op agenttest.Op) bool {
				if op.Name == agenttest.OpAppend || op.Name == agenttest.OpCommit {
					nth--
				}
				return nth < 0
			})))
			d.clock.Advance(20 * time.Millisecond)
			if _, err := d.mux.RunDue(t.Context()); err == nil && nth >= 0 {
				break
			}
			d.start(d.store)
			d.accept(words[1], "c1-2")
			for range 3 {
				d.pass(2 * lease)
			}
			v := d.view()
			require.Empty(t, v.Waiting)
			for _, m := range v.History {
				if m.Direction == frontdesk.DirInbound && m.TurnID != "" && !overtaken(v, m.ProviderID) {
					assert.Contains(t, d.answered(), m.ProviderID, "%v, write %d: %s", words, writes, transcript(v))
				}
			}
		}
		assert.Greater(t, writes, 4, "a turn has more writes than that")
	}
}

// S7.4: an answer that waits for its retry does not go out when a later turn
// gives the conversation to somebody else. That is all that excuses one that
// never arrived.
func TestOvertakenAnswer(t *testing.T) {
	d := newDesk(t)
	d.channel.FailNext(1000, agenttest.NotSent("busy"))
	d.accept("hello", "c1-1")
	d.pass(20 * time.Millisecond)
	assert.False(t, overtaken(d.view(), "c1-1"), "it is still to be sent")
	d.accept("demo", "c1-2")
	d.pass(20 * time.Millisecond)
	for range 3 {
		d.pass(lease)
	}
	v := d.view()
	require.Equal(t, frontdesk.AssigneeUser, v.Conversation.Assignee.Kind)
	assert.True(t, overtaken(v, "c1-1"), transcript(v))
	assert.False(t, overtaken(v, "c1-2"), "the closing words of a handoff are its own")
	assert.False(t, overtaken(v, "c1-3"), "nobody said that")
	for i := range v.History {
		v.History[i].Epoch = v.Conversation.Epoch
	}
	assert.False(t, overtaken(v, "c1-1"), "nothing came between")
}
