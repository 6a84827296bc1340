package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

func (k *kit) echo(e agent.Echo) {
	k.t.Helper()
	e.Channel, e.To = "test", "+62811"
	require.NoError(k.t, k.mux.AcceptEcho(k.ctx, e))
}

// S10.3: what we sent is recognised by its key or by the provider's ID.
func TestOwnEcho(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.say("Hi")
	before := k.conversation()
	m := k.lastOutbound()
	k.echo(agent.Echo{ProviderID: m.ProviderID, Text: "Hello!"})
	k.echo(agent.Echo{Key: m.ID, ProviderID: "another", Text: "Hello!"})
	assert.Len(t, k.outbound(), 1)
	assert.Equal(t, before.Epoch, k.conversation().Epoch)
	assert.Equal(t, before.Assignee, k.conversation().Assignee)
	assert.Nil(t, func() *agent.Task { v := k.view(); return v.Task(agent.TaskEcho) }())
}

// S10.3: a reply from the phone is a takeover by somebody whom nobody named:
// the agent is silent until it is given the conversation back.
func TestPhoneReplyIsATakeover(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Say("Me again.").Expect(func(t agenttest.TB, req *agent.Request) {
		all := ""
		for _, m := range req.Messages {
			all += m.Text + "\n"
		}
		assert.Contains(t, all, "Ana from the shop here", "the agent knows what the human wrote")
	})), withLadders(goLadder()))
	k.say("Hi")
	k.echo(agent.Echo{ProviderID: "phone-1", Text: "Ana from the shop here"})
	conv := k.conversation()
	assert.True(t, conv.AwaitsHuman)
	assert.Equal(t, frontdesk.Assignee{}, conv.Assignee)
	m := k.lastOutbound()
	assert.Equal(t, frontdesk.Author{Kind: frontdesk.AuthorUser}, m.Author)
	assert.Equal(t, frontdesk.Sent, m.Status)
	k.runDue()
	assert.Equal(t, []string{"Hello!"}, k.sent(), "it is not sent again")

	turn := k.say("thanks")
	assert.Equal(t, agent.ExitNotOurs, turn.Exit)
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!"}, k.sent(), "and there is no follow-up")

	k.echo(agent.Echo{ProviderID: "phone-1", Text: "Ana from the shop here"})
	assert.Len(t, k.outbound(), 2, "the same echo again changes nothing")

	require.NoError(t, k.mux.Assign(k.ctx, conv.ID, frontdesk.Target{Name: "Sales Agent"}, "ana"))
	k.runDue()
	assert.Equal(t, []string{"Hello!", "Me again."}, k.sent())
}

// S10.3: a colleague who has the conversation keeps it.
func TestPhoneReplyOfTheAssignee(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.say("Hi")
	k.takeover("ana", "Ana here")
	k.runDue()
	before := k.conversation()
	k.echo(agent.Echo{ProviderID: "phone-1", Text: "and from my phone"})
	assert.Equal(t, user("ana"), k.conversation().Assignee)
	assert.Equal(t, before.Epoch, k.conversation().Epoch)
	assert.False(t, k.conversation().AwaitsHuman)
}

// S10.3: while a send is under way an echo that nothing matches is held; ours
// is recognised when the send has answered, and a human's is a takeover then.
func TestEchoDuringASend(t *testing.T) {
	for name, e := range map[string]agent.Echo{
		"ours":      {ProviderID: "p1", Text: "Hello!"},
		"a human's": {ProviderID: "phone-1", Text: "Ana here"},
	} {
		t.Run(name, func(t *testing.T) {
			var k *kit
			ch := channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) {
				k.echo(e)
				k.echo(e) // a channel may say it twice
				v := k.view()
				require.NotNil(t, v.Task(agent.TaskEcho), "held")
				assert.Len(t, v.Task(agent.TaskEcho).Echoes, 1)
				assert.Equal(t, aiAgent("a-sales"), v.Conversation.Assignee, "not decided yet")
				return agent.SendReceipt{ProviderID: "p1"}, nil
			})
			k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withChannel(ch))
			k.say("Hi")
			k.runDue() // the send has resolved: nothing is held any longer
			v := k.view()
			assert.Nil(t, v.Task(agent.TaskEcho))
			if name == "ours" {
				assert.Equal(t, aiAgent("a-sales"), v.Conversation.Assignee)
				assert.Len(t, k.outbound(), 1)
			} else {
				assert.True(t, v.Conversation.AwaitsHuman)
				assert.Len(t, k.outbound(), 2)
			}
			assert.Zero(t, k.pass(time.Hour))
		})
	}
}

// S10.3: an echo that came during a send is held to the end of the window if the
// outcome of that send is unknown, though nothing else is to be sent: what the
// provider says meanwhile explains it.
func TestEchoDuringASendOfUnknownOutcome(t *testing.T) {
	var k *kit
	ch := channelFunc(func(context.Context, agent.Outbound) (agent.SendReceipt, error) {
		k.echo(agent.Echo{ProviderID: "p1", Text: "HELLO!"})
		return agent.SendReceipt{}, agenttest.ErrUnknown
	})
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withChannel(ch))
	k.say("Hi")
	k.runDue()
	require.Equal(t, frontdesk.Unknown, k.lastOutbound().Status)
	v := k.view()
	require.NotNil(t, v.Task(agent.TaskEcho), "held")
	require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: k.lastOutbound().ID, ProviderID: "p1", Status: frontdesk.Delivered}))
	k.pass(time.Minute)
	assert.Empty(t, k.view().Tasks)
	assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
	assert.Len(t, k.outbound(), 1)
}

// S8.2, S10.3: a program is stopped in the middle of a send, and an echo shows
// what became of the message before another goes on. The ladder that waits for
// it has its time.
func TestEchoAfterACrashTellsTheLadder(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	k := newKit(t, nobody(t))
	k.build(agenttest.Script(t, agenttest.Say("Hello!")), withChannel(&stopping{k.channel, cancel}), withLadders(steps(after(time.Hour, "Still there?"))))
	_, err := k.mux.Handle(ctx, k.inbound("Hi"))
	require.NoError(t, err)
	require.Equal(t, frontdesk.Sending, k.lastOutbound().Status)
	k.clock.Advance(30 * time.Second)
	k.echo(agent.Echo{ProviderID: "p1", Text: "Hello!"})
	assert.Equal(t, frontdesk.Sent, k.lastOutbound().Status)
	k.build(nobody(t), withLadders(steps(after(time.Hour, "Still there?"))))
	k.runDue()
	k.pass(time.Hour - time.Nanosecond)
	assert.Empty(t, k.sent())
	k.pass(time.Nanosecond)
	assert.Equal(t, []string{"Still there?"}, k.sent())
}

// S10.3: an echo after a send of unknown outcome is held for the send window;
// one of the same text is ours, and proves the delivery.
func TestEchoOfAnUnknownSend(t *testing.T) {
	build := func(t *testing.T) *kit {
		k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")), withLadders(goLadder()))
		k.channel.LoseNext(1)
		k.say("Hi")
		require.Equal(t, frontdesk.Unknown, k.lastOutbound().Status)
		return k
	}
	t.Run("ours", func(t *testing.T) {
		k := build(t)
		k.echo(agent.Echo{ProviderID: "p9", Text: "Hello!"})
		assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
		k.pass(10 * time.Second)
		assert.Equal(t, aiAgent("a-sales"), k.conversation().Assignee)
		m := k.lastOutbound()
		assert.Equal(t, frontdesk.Sent, m.Status)
		assert.Equal(t, "p9", m.ProviderID)
		assert.Len(t, k.outbound(), 1)
		k.echo(agent.Echo{ProviderID: "p9", Text: "Hello!"})
		assert.Len(t, k.outbound(), 1)
	})
	t.Run("a human's", func(t *testing.T) {
		k := build(t)
		k.echo(agent.Echo{ProviderID: "phone-1", Text: "Ana here"})
		assert.False(t, k.conversation().AwaitsHuman)
		k.pass(10*time.Second - 1)
		assert.False(t, k.conversation().AwaitsHuman)
		k.pass(1)
		assert.True(t, k.conversation().AwaitsHuman, "at most the send window")
		assert.Equal(t, frontdesk.Unknown, k.outbound()[0].Status)
		assert.Nil(t, k.pending())
	})
	t.Run("both, and each once", func(t *testing.T) {
		k := build(t)
		k.echo(agent.Echo{ProviderID: "p9", Text: "Hello!"})
		k.echo(agent.Echo{ProviderID: "p10", Text: "Hello!"}) // a human who says the same
		k.pass(10 * time.Second)
		assert.True(t, k.conversation().AwaitsHuman)
		assert.Len(t, k.outbound(), 2)
	})
	t.Run("after the window", func(t *testing.T) {
		k := build(t)
		k.clock.Advance(time.Minute)
		k.echo(agent.Echo{ProviderID: "phone-1", Text: "Ana here"})
		assert.True(t, k.conversation().AwaitsHuman)
	})
}

// S10.3: an echo of ours that comes after it could have been held, and one that
// comes after a receipt which did not bring the provider's ID, are ours all the
// same. They were taken for takeovers.
func TestLateEchoOfOurs(t *testing.T) {
	for name, receipt := range map[string]bool{"nothing before": false, "a receipt before": true} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
			k.channel.LoseNext(1)
			k.say("Hi")
			before := k.conversation()
			want := frontdesk.Sent
			if receipt {
				want = frontdesk.Delivered
				require.NoError(t, k.mux.AcceptReceipt(k.ctx, agent.Receipt{Channel: "test", Key: k.lastOutbound().ID, Status: want}))
			}
			k.clock.Advance(time.Minute)
			k.echo(agent.Echo{ProviderID: "p9", Text: "Hello!"})
			require.Len(t, k.outbound(), 1)
			assert.Equal(t, want, k.lastOutbound().Status)
			assert.Equal(t, "p9", k.lastOutbound().ProviderID)
			assert.Equal(t, before.Epoch, k.conversation().Epoch)
			assert.Equal(t, before.Assignee, k.conversation().Assignee)
		})
	}
}

// S10.3: two messages from a phone that were held together are one takeover.
func TestTwoHeldEchoesAreOneTakeover(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.LoseNext(1)
	k.say("Hi")
	before := k.conversation()
	k.echo(agent.Echo{ProviderID: "phone-1", Text: "Ana here"})
	k.echo(agent.Echo{ProviderID: "phone-2", Text: "What do you need?"})
	v := k.view()
	require.Len(t, v.Task(agent.TaskEcho).Echoes, 2)
	k.pass(10 * time.Second)
	assert.Len(t, k.outbound(), 3)
	assert.True(t, k.conversation().AwaitsHuman)
	assert.Equal(t, before.Epoch+1, k.conversation().Epoch)
	for _, m := range k.outbound()[1:] {
		assert.Equal(t, before.Epoch+1, m.Epoch)
	}
}

// S10.3: of echoes that were held, one that the channel reports again when its
// time is over takes none of the others with it.
func TestAHeldEchoThatComesAgainHidesNoOther(t *testing.T) {
	k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
	k.channel.LoseNext(1)
	k.say("Hi")
	first := agent.Echo{ProviderID: "phone-1", Text: "Ana here"}
	k.echo(first)
	k.echo(agent.Echo{ProviderID: "phone-2", Text: "What do you need?"})
	k.clock.Advance(10 * time.Second)
	k.echo(first) // before a worker has decided
	k.runDue()
	var texts []string
	for _, m := range k.outbound() {
		texts = append(texts, m.Text)
	}
	assert.Equal(t, []string{"Hello!", "Ana here", "What do you need?"}, texts)
	assert.Empty(t, k.view().Tasks)
}

// A phone reply to a closed conversation reopens it, in a new epoch.
func TestPhoneReplyToAClosedConversation(t *testing.T) {
	for name, assign := range map[string]bool{"an agent had it": false, "a user had it": true} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, agenttest.Script(t, agenttest.Say("Hello!")))
			k.say("Hi")
			id := k.conversation().ID
			if assign {
				require.NoError(t, k.mux.Assign(k.ctx, id, frontdesk.Target{Name: "Ana"}, "ana"))
			}
			require.NoError(t, k.mux.Close(k.ctx, id, actions.Closing{}, "ana"))
			before := k.conversation().Epoch
			k.echo(agent.Echo{ProviderID: "phone-1", Text: "One more thing"})
			conv := k.conversation()
			assert.Equal(t, frontdesk.Open, conv.Status)
			assert.Greater(t, conv.Epoch, before)
			assert.Equal(t, agent.ExitNotOurs, k.say("yes?").Exit)
		})
	}
}

// An echo that says too little, and one to somebody unknown.
func TestEchoEdges(t *testing.T) {
	k := newKit(t, nobody(t))
	require.ErrorContains(t, k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "test", To: "+62811"}), "one of Echo.Key and Echo.ProviderID")
	require.ErrorContains(t, k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "test", ProviderID: "x"}), "Echo.To")
	require.NoError(t, k.mux.AcceptEcho(k.ctx, agent.Echo{Channel: "test", To: "+1", ProviderID: "x", Text: "hello"}))
	v := k.view()
	assert.Nil(t, v.Conversation, "nothing comes of it")
}

// S7.4: a phone reply while the turn thinks drops the turn.
func TestPhoneReplyDropsTheTurn(t *testing.T) {
	var k *kit
	k = newKit(t, agenttest.Script(t, agenttest.Say("Hello!"), agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
		k.echo(agent.Echo{ProviderID: "phone-1", Text: "I have it"})
		return &agent.Response{Text: "must not be sent"}, nil
	})))
	k.say("Hi")
	turn := k.say("Help")
	assert.Equal(t, agent.ExitNotOurs, turn.Exit)
	k.pass(time.Hour)
	assert.Equal(t, []string{"Hello!"}, k.sent())
}
