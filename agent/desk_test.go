package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

// eraser deletes every contact at the n-th point of a run: before or after any
// call of the store, the channel, the LLM or an action.
type eraser struct {
	t     *testing.T
	store *memstore.Store
	at, n int
	where string

	// What there was of those who were deleted.
	contacts map[string]bool
	homes    map[string]bool
	texts    []string
	claimed  map[string]bool // messages that were claimed for sending

	// What came afterwards.
	sent, asked, run int
}

func (e *eraser) point(where string) {
	if e.n++; e.n != e.at {
		return
	}
	e.where = where
	ctx := context.Background()
	page, err := e.store.Conversations(ctx, agent.ConversationQuery{})
	require.NoError(e.t, err)
	var ids []string
	for _, l := range page.Items {
		ids = append(ids, l.Contact.ID)
		e.contacts[l.Contact.ID], e.homes[l.Conversation.ID] = true, true
		x, err := e.store.Export(ctx, l.Contact.ID)
		require.NoError(e.t, err)
		for _, c := range x.Conversations {
			for _, m := range c.Messages {
				if m.Direction == frontdesk.DirInbound {
					e.texts = append(e.texts, m.Text)
				}
				if m.Status == frontdesk.Sending {
					e.claimed[m.ID] = true
				}
			}
		}
	}
	require.NoError(e.t, e.store.Delete(ctx, ids...))
}

// after reports whether the deletion has been.
func (e *eraser) after() bool { return e.n >= e.at }

// life plays a conversation with everything that a conversation may have. After
// the deletion the contact says nothing more.
func (e *eraser) life(sendFails bool) *kit {
	var log bytes.Buffer
	k := &kit{t: e.t, ctx: e.t.Context(), clock: agenttest.NewFakeClock(), channel: &agenttest.RecordingChannel{}}
	plan := &agenttest.Plan{
		Before: func(_ context.Context, op agenttest.Op) error {
			e.point("before " + op.String())
			if out, ok := op.Arg.(agent.Outbound); ok {
				if e.after() && e.homes[out.ConversationID] {
					e.sent++
					assert.True(e.t, e.claimed[out.Key], "%s: a message was sent that had not been claimed", e.where)
				}
				if sendFails && op.Nth%2 == 1 {
					return &agent.SendError{Outcome: agent.NotSent, Err: errors.New("busy")}
				}
			}
			return nil
		},
		After: func(_ context.Context, op agenttest.Op, err error) error {
			e.point("after " + op.String())
			return err
		},
	}
	k.store = agenttest.NewFaultyStore(e.store, plan)
	llm := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		data, err := json.Marshal(req)
		require.NoError(e.t, err)
		for _, text := range e.texts {
			if e.after() && strings.Contains(string(data), text) {
				e.asked++
				break
			}
		}
		e.point("before an answer of the LLM")
		defer e.point("after an answer of the LLM")
		last := req.Messages[len(req.Messages)-1]
		switch {
		case len(req.Tools) == 0 || last.Role == agent.RoleTool:
			return &agent.Response{Text: "An answer."}, nil
		case strings.Contains(last.Text, "refund"):
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("refund", args{})}}, nil
		case strings.Contains(last.Text, "order"):
			return &agent.Response{Calls: []agent.ToolCall{agenttest.Call("order", args{}), agenttest.Call("update_stage", args{"stage": "Hot Lead"})}}, nil
		}
		return &agent.Response{Text: "An answer."}, nil
	})
	outside := func(name string, approval bool) actions.Action {
		a, err := actions.Func(name, "Do something outside.", func(_ context.Context, c actions.Call, _ struct{}) (actions.Result, error) {
			if e.after() && e.homes[c.Conversation.ID] {
				e.run++
			}
			e.point("before action " + name)
			defer e.point("after action " + name)
			return actions.Result{Content: "done"}, nil
		})
		require.NoError(e.t, err)
		a.NeedsApproval = approval
		return a
	}
	k.build(llm, func(c *agent.Config) {
		c.Channel = agenttest.NewFaultyChannel(k.channel, plan)
		c.Instructions = prompt + "# FOLLOW-UP\nIf the contact does not reply after 2 minutes, remind them of the demo. If there is still no reply after another 2 minutes, close the conversation and say \"Bye.\"\n"
		c.Actions = append(c.Actions, outside("order", false), outside("refund", true))
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	for _, step := range []func(home string){
		func(string) { k.say("Text one: my order?") },
		func(string) { k.pass(2 * time.Minute) }, // the first follow-up
		func(string) { k.accept("Text two: a refund please"); k.pass(2 * time.Second) },
		func(home string) {
			p, err := e.store.Pending(k.ctx, home)
			require.NoError(e.t, err)
			for _, a := range p.Approvals {
				if err := k.mux.Resolve(k.ctx, a.ID, true, "ana"); !errors.Is(err, agent.ErrNoCall) {
					require.NoError(e.t, err)
				}
			}
			k.runDue()
		},
		func(string) { k.pass(2 * time.Minute); k.pass(2 * time.Minute) }, // both follow-ups: it is closed
		func(string) { k.say("Text three: hello again") },
		func(home string) {
			m, err := k.mux.Reply(k.ctx, agent.HumanReply{ConversationID: home, UserID: "ana", Text: "Ana here."})
			if !errors.Is(err, agent.ErrNoConversation) {
				require.NoError(e.t, err)
			}
			k.runDue()
			require.NoError(e.t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: m.ID, Status: frontdesk.Delivered}))
			require.NoError(e.t, k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "test", ProviderID: "phone", To: "+62811", Text: "From the phone."}))
			k.pass(time.Minute)
		},
	} {
		if !e.after() {
			home := ""
			page, err := e.store.Conversations(k.ctx, agent.ConversationQuery{})
			require.NoError(e.t, err)
			if len(page.Items) > 0 {
				home = page.Items[0].Conversation.ID
			}
			step(home)
		}
	}
	for range 50 { // what is left of a new contact, whose message came in between
		due, ok, err := k.mux.NextDue(k.ctx)
		require.NoError(e.t, err)
		if !ok {
			break
		}
		k.clock.Set(due)
		k.runDue()
	}
	_, waits, err := k.mux.NextDue(k.ctx)
	require.NoError(e.t, err)
	assert.False(e.t, waits, "%s: something is tried for ever", e.where)
	assert.NotContains(e.t, log.String(), "level=ERROR", e.where)
	return k
}

// S13.1, I3, I24: whenever a contact is deleted, nothing of theirs is written
// back, nothing is sent that was not claimed, what is under way ends quietly.
func TestDeletionAtEveryPoint(t *testing.T) {
	for _, sendFails := range []bool{false, true} {
		deletions := 0
		for at := 1; ; at++ {
			e := &eraser{t: t, store: memstore.New(), at: at, contacts: map[string]bool{}, homes: map[string]bool{}, claimed: map[string]bool{}}
			k := e.life(sendFails)
			if !e.after() {
				assert.Greater(t, at, 150, "the conversation had few points")
				break
			}
			where := fmt.Sprintf("deleted at point %d, %s", at, e.where)
			if len(e.contacts) > 0 {
				deletions++
			}
			for id := range e.contacts {
				_, err := e.store.Export(k.ctx, id)
				assert.ErrorIs(t, err, agent.ErrNoContact, where)
			}
			for id := range e.homes {
				v, err := e.store.Load(k.ctx, agent.Query{ConversationID: id, History: 10, Tasks: true})
				require.NoError(t, err)
				assert.Equal(t, agent.View{}, v, where)
			}
			// At most what had begun: the window that cannot be closed.
			assert.LessOrEqual(t, e.sent, 1, "%s: sends", where)
			assert.LessOrEqual(t, e.asked, 1, "%s: LLM calls", where)
			assert.LessOrEqual(t, e.run, 1, "%s: actions", where)
			if t.Failed() {
				t.FailNow()
			}
		}
		assert.Greater(t, deletions, 140)
	}
}

// S7.1, S13.1: the provider sends a message again after the deletion: it is
// that of a new contact.
func TestAMessageThatComesAgainAfterDeletionIsOfANewContact(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello."), agenttest.Say("Hello, whoever you are.")))
	first := k.say("Hi")
	old := k.view()
	require.NoError(t, k.store.(agent.Desk).Delete(k.ctx, old.Contact.ID))
	k.n-- // the same ID
	again := k.say("Hi")
	assert.Equal(t, agent.ExitReplied, again.Exit)
	assert.NotEqual(t, first.ConversationID, again.ConversationID)
	v := k.view()
	assert.NotEqual(t, old.Contact.ID, v.Contact.ID)
	assert.Len(t, v.History, 2, "the new contact has none of the old history")
}

// A deletion in the middle of Handle ends the turn as dropped, and Handle says
// so.
func TestHandleOfADeletedContact(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.LLMFunc(func(context.Context, *agent.Request) (*agent.Response, error) {
		require.NoError(t, k.store.(agent.Desk).Delete(k.ctx, k.view().Contact.ID))
		return &agent.Response{Text: "Too late."}, nil
	}))
	turn := k.say("Hi")
	assert.Equal(t, agent.ExitDropped, turn.Exit)
	assert.Empty(t, k.sent())
	assert.Nil(t, k.view().Contact)
}
