package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// S7.1: what can never be accepted is told apart from what a store could not
// take now: of the one a provider that sends it again would never be rid.
func TestMalformedIsToldApart(t *testing.T) {
	plan := &agenttest.Plan{}
	k := &kit{t: t, ctx: t.Context(), clock: agenttest.NewFakeClock(), channel: &agenttest.RecordingChannel{}}
	k.store = agenttest.NewFaultyStore(memstore.New(), plan)
	k.build(nobody(t))
	long := strings.Repeat("x", 2000)
	in := func(change func(*frontdesk.Inbound)) error {
		m := k.inbound("Hello")
		change(&m)
		_, herr := k.mux.Handle(k.ctx, m)
		err := k.mux.Accept(k.ctx, m)
		assert.Equal(t, err, herr)
		return err
	}
	for name, err := range map[string]error{
		"no ID":        in(func(m *frontdesk.Inbound) { m.ID = "" }),
		"no From":      in(func(m *frontdesk.Inbound) { m.From = "" }),
		"long From":    in(func(m *frontdesk.Inbound) { m.From = long }),
		"control":      in(func(m *frontdesk.Inbound) { m.ID = "a\x00b" }),
		"long channel": in(func(m *frontdesk.Inbound) { m.Channel = long }),
		"echo of none": k.mux.AcceptEcho(k.ctx, agent.Echo{Text: "hi"}),
		"long echo":    k.mux.AcceptEcho(k.ctx, agent.Echo{To: long, ProviderID: "p"}),
		"receipt":      k.mux.AcceptReceipt(k.ctx, agent.Receipt{Key: "k", Status: frontdesk.Queued}),
	} {
		require.ErrorIs(t, err, agent.ErrMalformed, name)
		assert.Contains(t, err.Error(), "agent: malformed: ", name)
	}
	plan.Before = func(context.Context, agenttest.Op) error { return errors.New("disk full") }
	err := k.mux.Accept(k.ctx, k.inbound("Hello"))
	require.Error(t, err)
	assert.NotErrorIs(t, err, agent.ErrMalformed)
}

// S13.2: a channel that takes milliseconds for seconds gives a year that JSON
// cannot write, and the contact could never be exported. Such a time is none.
func TestTimeThatCannotBe(t *testing.T) {
	for name, at := range map[string]time.Time{
		"milliseconds as seconds": time.Unix(1_700_000_000_000, 0), "microseconds as seconds": time.Unix(1_700_000_000_000_000, 0),
		"before the year 1": time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
		in := k.inbound("hi")
		in.At = at
		_, err := k.mux.Handle(k.ctx, in)
		require.NoError(t, err)
		v := k.view()
		assert.Equal(t, k.clock.Now(), v.History[0].At, name)
		out, err := k.store.(agent.Desk).Export(k.ctx, v.Contact.ID)
		require.NoError(t, err)
		_, err = json.Marshal(out)
		assert.NoError(t, err, name)
	}
}
