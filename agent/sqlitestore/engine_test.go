package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
)

const prompt = `# CONTEXT
* You talk with someone who visits our pricing page.
# ROLE AND COMMUNICATION STYLE
* Warm and short.
# FLOW
1. Greet the contact.
2. If they want a demo, assign to @Sales Team and update the lifecycle stage to Hot Lead.
3. If they are done, close the conversation.
# BOUNDARIES
* Can: recommend plans.
* Cannot: offer discounts.
# FOLLOW-UP
If the contact does not reply after 2 minutes, say "Still there?". If there is still no reply after another 2 minutes, update the lifecycle stage to Cold Lead, close the conversation without a summary and say "I will close this for now."
`

// desk is an agent on a file. A process that starts again is another desk on
// the same file, clock and channel.
type desk struct {
	t       *testing.T
	path    string
	clock   *agenttest.FakeClock
	channel *agenttest.RecordingChannel
	store   *sqlitestore.Store
	mux     *agent.Mux
}

func newDesk(t *testing.T, llm agent.LLM) *desk {
	t.Helper()
	d := &desk{
		t: t, path: filepath.Join(t.TempDir(), "frontdesk.db"), clock: agenttest.NewFakeClock(),
		channel: &agenttest.RecordingChannel{Caps: agent.Capabilities{Idempotent: true}},
	}
	return d.start(llm)
}

var ids atomic.Int64

// start opens the file once more.
func (d *desk) start(llm agent.LLM) *desk {
	d.t.Helper()
	next := *d
	next.store = open(d.t, d.path)
	a, err := agent.New(agent.Config{
		Name: "Sales Agent", Instructions: prompt, LLM: llm, Store: next.store, Channel: d.channel, Clock: d.clock,
		Workspace: frontdesk.Workspace{
			ID: "ws", Name: "Acme", Users: []frontdesk.User{{ID: "ana", Name: "Ana"}, {ID: "ben", Name: "Ben"}},
			Teams:           []frontdesk.Team{{ID: "sales", Name: "Sales Team", Members: []string{"ana", "ben"}}},
			AIAgents:        []frontdesk.AIAgent{{ID: "a-sales", Name: "Sales Agent"}},
			LifecycleStages: []string{"Hot Lead", "Cold Lead"},
		},
		Actions: []actions.Action{actions.Assign(), actions.Close(), actions.UpdateStage()},
		NewID:   func() string { return fmt.Sprintf("id-%d", ids.Add(1)) },
	})
	require.NoError(d.t, err)
	next.mux, err = agent.NewMux(a)
	require.NoError(d.t, err)
	return &next
}

func (d *desk) stop() {
	d.t.Helper()
	require.NoError(d.t, d.store.Close())
}

func from(who, id, text string) frontdesk.Inbound {
	return frontdesk.Inbound{Channel: "test", ID: id, From: who, Text: text}
}

func (d *desk) say(who, id, text string) agent.Turn {
	d.t.Helper()
	turn, err := d.mux.Handle(d.t.Context(), from(who, id, text))
	require.NoError(d.t, err)
	return turn
}

func (d *desk) pass(by time.Duration) {
	d.t.Helper()
	d.clock.Advance(by)
	_, err := d.mux.RunDue(d.t.Context())
	require.NoError(d.t, err)
}

func (d *desk) view(who string) agent.View {
	d.t.Helper()
	v, err := d.store.Load(d.t.Context(), agent.Query{
		Identity: frontdesk.Identity{Channel: "test", Address: who}, History: 1000, Waiting: true, Outbox: true, Tasks: true, Loads: true,
		Rotations: []string{"team:sales"},
	})
	require.NoError(d.t, err)
	require.NotNil(d.t, v.Conversation)
	return v
}

// S6.3, S6.7, S5.4, S5.5: a turn with actions, each time by another process.
func TestTurnWithActions(t *testing.T) {
	script := func() *agenttest.ScriptedLLM {
		return agenttest.Script(t, agenttest.Calls(
			agenttest.Call("assign", map[string]any{"target": "Sales Team", "reason": "wants a demo"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"}),
		), agenttest.Say("$assignee.name will help you."))
	}
	d := newDesk(t, script())
	for i, want := range []string{"Ana", "Ben", "Ana"} {
		who := fmt.Sprint("contact ", i)
		turn := d.say(who, who, "A demo please")
		require.Equal(t, agent.ExitHandedOff, turn.Exit, turn.Failure)
		v := d.view(who)
		assert.Equal(t, "Hot Lead", v.Contact.Stage)
		assert.EqualValues(t, i+1, v.Rotations["team:sales"].Version)
		assert.Equal(t, want+" will help you.", turn.Reply(), "S5.4: round robin goes on over a restart")
		again := d.say(who, who, "A demo please")
		assert.Equal(t, turn.ID, again.ID, "S7.1")
		d.stop()
		d = d.start(script())
	}
	assert.Equal(t, []string{"Ana will help you.", "Ben will help you.", "Ana will help you."}, d.channel.Texts())
	open := map[string]int{}
	for _, l := range d.view("contact 0").Loads {
		open[l.UserID] = l.Open
	}
	assert.Equal(t, map[string]int{"ana": 2, "ben": 1}, open)
	d.say("contact 3", "contact 3", "A demo please") // what is left of the script
}

// S8.3, S8.9: a ladder goes on in another process, also when its step fell due
// while none ran.
func TestLadderOverRestarts(t *testing.T) {
	d := newDesk(t, agenttest.Script(t, agenttest.Say("Hello!")))
	d.say("ann", "m1", "Hi")
	d.stop()
	nobody := agenttest.Script(t)
	d = d.start(nobody)
	d.pass(2*time.Minute - time.Second)
	assert.Equal(t, []string{"Hello!"}, d.channel.Texts())
	d.stop()
	d.clock.Advance(time.Hour)
	d = d.start(nobody)
	d.pass(0)
	assert.Equal(t, []string{"Hello!", "Still there?"}, d.channel.Texts(), "once, and what follows counts from then")
	d.pass(2 * time.Minute)
	assert.Equal(t, []string{"Hello!", "Still there?", "I will close this for now."}, d.channel.Texts())
	v := d.view("ann")
	assert.Equal(t, frontdesk.Closed, v.Conversation.Status)
	assert.Equal(t, "Cold Lead", v.Contact.Stage)
	assert.Empty(t, v.Tasks)
}

// S8.4: a message of the contact ends the ladder, whoever armed it.
func TestReplyEndsTheLadder(t *testing.T) {
	d := newDesk(t, agenttest.Script(t, agenttest.Say("Hello!")))
	d.say("ann", "m1", "Hi")
	d.stop()
	d = d.start(agenttest.Script(t, agenttest.Say("Good.")))
	d.clock.Advance(time.Minute)
	d.say("ann", "m2", "I am here")
	d.pass(time.Minute)
	assert.Equal(t, []string{"Hello!", "Good."}, d.channel.Texts())
}

// S7.5: a process that dies in the middle of a turn is followed by one that
// goes on from what was recorded.
func TestRestartInTheMiddleOfATurn(t *testing.T) {
	var d *desk
	dies := errors.New("the process dies")
	d = newDesk(t, agenttest.Script(t,
		agenttest.CallTool("update_stage", map[string]any{"stage": "Hot Lead"}),
		agenttest.Func(func(context.Context, *agent.Request) (*agent.Response, error) {
			d.stop() // nothing of this process is written any more
			return nil, dies
		}),
	))
	_, err := d.mux.Handle(t.Context(), from("ann", "m1", "A demo please"))
	require.NoError(t, err, "it was stored")
	d = d.start(agenttest.Script(t, agenttest.Say("Done.").Expect(func(t agenttest.TB, req *agent.Request) {
		last := req.Messages[len(req.Messages)-1]
		assert.Equal(t, "update_stage", last.Name, "the call that was recorded is not asked for again")
	})))
	d.pass(0)
	assert.Empty(t, d.channel.Texts(), "the lease of the dead process holds")
	d.pass(time.Hour)
	assert.Equal(t, "Done.", d.channel.Texts()[0])
	assert.Equal(t, "Hot Lead", d.view("ann").Contact.Stage)
}

// S7.2, I1, I6: two processes on one file share the work, and each message is
// answered once.
func TestTwoMuxesOnOneFile(t *testing.T) {
	var asked sync.Map
	llm := agenttest.LLMFunc(func(_ context.Context, req *agent.Request) (*agent.Response, error) {
		text := req.Messages[len(req.Messages)-1].Text
		if n, twice := asked.LoadOrStore(text, 1); twice {
			return nil, fmt.Errorf("%q was asked again after %v", text, n)
		}
		return &agent.Response{Text: "re: " + text, Stop: agent.StopEnd}, nil
	})
	first := newDesk(t, llm)
	second := first.start(llm)
	const contacts = 30
	var all sync.WaitGroup
	errs := make([]error, 2*contacts)
	for i := range contacts {
		for j, d := range []*desk{first, second} { // each webhook comes twice
			all.Go(func() {
				errs[2*i+j] = d.mux.Accept(t.Context(), from(fmt.Sprint(i), fmt.Sprint(i), fmt.Sprintf("hello from %d", i)))
			})
		}
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	first.clock.Advance(time.Minute)
	for i, d := range []*desk{first, second} {
		all.Go(func() { _, errs[i] = d.mux.RunDue(t.Context()) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs[:2]...))
	texts := first.channel.Texts()
	assert.Len(t, texts, contacts)
	for i := range contacts {
		v := second.view(fmt.Sprint(i))
		require.Len(t, v.History, 2)
		assert.Equal(t, fmt.Sprintf("re: [contact] hello from %d", i), v.History[1].Text)
		assert.Empty(t, v.Waiting)
		assert.Empty(t, v.Outbox)
	}
}
