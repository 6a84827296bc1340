package agent_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

// keyStore checks whatever a store is asked to find by, or to be found by.
type keyStore struct {
	agent.Store
	t *testing.T
}

func (s keyStore) check(texts ...string) {
	for _, text := range texts {
		assert.LessOrEqual(s.t, len(text), 1024, "%.60q", text)
		assert.True(s.t, utf8.ValidString(text) && !strings.Contains(text, "\x00"), "%.60q", text)
	}
}

func (s keyStore) Load(ctx context.Context, q agent.Query) (agent.View, error) {
	s.check(q.ConversationID, q.Identity.Channel, q.Identity.Address, q.MessageID, q.ProviderID, q.CallID, q.DedupeKey)
	return s.Store.Load(ctx, q)
}

func (s keyStore) Commit(ctx context.Context, c agent.Commit) error {
	s.check(slices.Collect(maps.Keys(c.Dedupe))...)
	for i := range c.Messages {
		s.check(c.Messages[i].ID, c.Messages[i].ProviderID)
	}
	if c.Contact != nil {
		for _, id := range c.Contact.Identities {
			s.check(id.Channel, id.Address)
		}
	}
	return s.Store.Commit(ctx, c)
}

// longText is a text that cannot be compressed.
func longText(r *rand.Rand, bytes int) string {
	var b strings.Builder
	for b.Len() < bytes {
		b.WriteRune(rune(0x4e00 + r.IntN(0x5000)))
	}
	return b.String()
}

// S7.1: the length of an ID is the provider's affair.
func TestLongIDs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	k := newKit(t, nobody(t))
	k.store = keyStore{k.store, t}
	k.build(agenttest.Script(t, agenttest.Say("hi"), agenttest.Say("hi again")))
	id := longText(r, 5000)
	in := k.inbound("hello")
	var turns []string
	for _, end := range []string{"a", "a", "b"} {
		in.ID = id + end
		turn, err := k.mux.Handle(k.ctx, in)
		require.NoError(t, err)
		turns = append(turns, turn.ID)
	}
	assert.Equal(t, turns[0], turns[1])
	assert.NotEqual(t, turns[0], turns[2])
	assert.Equal(t, []string{"hi", "hi again"}, k.sent())

	// A receipt and an echo are found by the same ID as the send gave.
	msg := k.lastOutbound()
	long := longText(r, 3000)
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: in.Channel, Key: msg.ID, ProviderID: long, Status: frontdesk.Delivered}))
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: in.Channel, ProviderID: long, Status: frontdesk.Read}))
	assert.Equal(t, frontdesk.Read, k.lastOutbound().Status)
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: in.Channel, Key: "\x00" + long, Status: frontdesk.Read}))
	require.NoError(t, k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: in.Channel, To: in.From, Key: long + "k", ProviderID: long + "p", Text: "by phone"}))
}

func TestLongAddresses(t *testing.T) {
	k := newKit(t, nobody(t))
	long := strings.Repeat("é", 513)
	in := k.inbound("hello")
	in.From = long
	err := k.mux.Accept(k.ctx, in)
	require.ErrorContains(t, err, "Inbound.From has 1026 bytes, and may have 1024")
	in = k.inbound("hello")
	in.Channel = long
	err = k.mux.Accept(k.ctx, in)
	require.ErrorContains(t, err, "Inbound.Channel has 1026 bytes, and may have 1024")
	err = k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "chat", To: long, Key: "k"})
	require.ErrorContains(t, err, "Echo.To has 1026 bytes, and may have 1024")
}
