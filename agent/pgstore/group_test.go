package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

// gathering is a store all of whose connections are taken, so that whoever
// commits has to wait: one alone, two who lead, and all others in the queue.
type gathering struct {
	*Store
	t     *testing.T
	taken []*pgxpool.Conn
	// first are those who lead, and the one who is alone.
	first []<-chan error
	// cancel ends the context of those who lead.
	cancel context.CancelFunc
}

func gather(t *testing.T, s *Store) *gathering {
	g := &gathering{Store: s, t: t}
	for i := range leadersLimit + 1 {
		begin(t, s, fmt.Sprint("first-", i))
	}
	for range s.pool.Config().MaxConns {
		c, err := s.pool.Acquire(t.Context())
		require.NoError(t, err)
		g.taken = append(g.taken, c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	g.cancel = cancel
	for i := range leadersLimit + 1 {
		who := ctx
		if i == 0 {
			who = t.Context()
		}
		g.first = append(g.first, g.add(who, storebench.Inbound(fmt.Sprint("first-", i), 1)))
	}
	return g
}

// places are how many callers have one.
func (g *gathering) places() (all, queued int) {
	g.group.mu.Lock()
	defer g.group.mu.Unlock()
	all = len(g.group.queue) + g.group.leaders
	if g.group.alone {
		all++
	}
	return all, len(g.group.queue)
}

// add has somebody commit, and returns when they wait.
func (g *gathering) add(ctx context.Context, c agent.Commit) <-chan error {
	before, _ := g.places()
	got := make(chan error, 1)
	go func() { got <- g.Commit(ctx, c) }()
	for now := before; now == before; now, _ = g.places() {
		runtime.Gosched()
	}
	return got
}

// nobodyIsLeft waits until nobody has a place: the last of them is just leaving.
func (g *gathering) nobodyIsLeft() {
	for all, _ := g.places(); all > 0; all, _ = g.places() {
		runtime.Gosched()
	}
}

func (g *gathering) release() {
	for _, c := range g.taken {
		c.Release()
	}
}

// over waits until those have committed who were first.
func (g *gathering) over() {
	g.t.Helper()
	for _, got := range g.first {
		require.NoError(g.t, <-got)
	}
}

// transactions counts those that wrote the messages there are.
func (s *Store) transactions(t *testing.T) string {
	t.Helper()
	return s.value(t, "SELECT count(DISTINCT xmin::text)::text FROM frontdesk.messages")
}

// stored reports whether a message of storebench is there.
func (s *Store) stored(t *testing.T, name string, n int64) bool {
	t.Helper()
	v, err := s.Load(context.WithoutCancel(t.Context()), agent.Query{MessageID: fmt.Sprintf("%s-%d", name, n)})
	require.NoError(t, err)
	return v.Found != nil
}

// Those who wait at the same time share a transaction.
func TestGroupSharesOneTransaction(t *testing.T) {
	s := temporary(t, nil)
	const n = 20
	for i := range n {
		begin(t, s, fmt.Sprint(i))
	}
	g := gather(t, s)
	var all []<-chan error
	for i := range n {
		all = append(all, g.add(t.Context(), storebench.Inbound(fmt.Sprint(i), 1)))
	}
	g.release()
	g.over()
	for i, got := range all {
		require.NoError(t, <-got)
		assert.True(t, s.stored(t, fmt.Sprint(i), 1))
	}
	assert.Equal(t, fmt.Sprint(leadersLimit+1), s.transactions(t), "one alone, and one for each who leads")
}

// S8.9: whoever is refused in a group is refused with their own error, and
// nobody else is, however many they are and however the store talks to the
// database.
func TestGroupKeepsVerdictsApart(t *testing.T) {
	modes := map[string]*Store{}
	dsn := pgtest.DSN(t)
	for _, mode := range []string{"", "exec", "simple_protocol"} {
		modes[mode] = opened(t, inMode(t, dsn, mode), nil)
	}
	fault := map[string]func(c *agent.Commit){
		"":          func(*agent.Commit) {},
		"conflict":  func(c *agent.Commit) { c.Conversation.Version = 7 },
		"duplicate": func(c *agent.Commit) { c.Dedupe["taken"] = "m" },
		"fenced": func(c *agent.Commit) {
			c.Fence = &agent.Fence{ConversationID: c.Conversation.ID, Lane: agent.LaneTurn, Token: 9}
		},
		"impossible": func(c *agent.Commit) { c.Messages[0].Text = "no text has a \x00" },
		// It is refused when all others were written: at the commit.
		"late": func(c *agent.Commit) { c.Messages[0].Text = "refused at the end" },
	}
	want := map[string]error{"conflict": agent.ErrConflict, "duplicate": agent.ErrDuplicate, "fenced": agent.ErrFenced}
	says := map[string]string{"impossible": "SQLSTATE", "late": "at the end"}
	for name, faults := range map[string][]string{
		"one conflict":           {"", "", "conflict", "", ""},
		"one duplicate":          {"duplicate", "", "", "", ""},
		"one fenced":             {"", "", "", "", "fenced"},
		"one that is impossible": {"", "", "impossible", ""},
		"one at the end":         {"", "late", "", ""},
		"two":                    {"", "fenced", "", "conflict", ""},
		"more than are put off":  {"conflict", "", "duplicate", "", "fenced", "", "late", "conflict", ""},
		"everybody":              {"conflict", "duplicate", "fenced", "impossible"},
	} {
		for mode, s := range modes {
			t.Run(name+" "+mode, func(t *testing.T) {
				s.empty(t)
				_, err := s.pool.Exec(t.Context(), refuseAtTheEnd)
				require.NoError(t, err)
				require.NoError(t, s.Commit(t.Context(), agent.Commit{Dedupe: map[string]string{"taken": "m"}}))
				for i := range faults {
					begin(t, s, fmt.Sprint(i))
				}
				g := gather(t, s)
				var all []<-chan error
				for i, f := range faults {
					c := storebench.Inbound(fmt.Sprint(i), 1)
					fault[f](&c)
					all = append(all, g.add(t.Context(), c))
				}
				g.release()
				g.over()
				for i, f := range faults {
					err := <-all[i]
					switch {
					case f == "":
						require.NoError(t, err)
					case want[f] != nil:
						require.ErrorIs(t, err, want[f])
					default:
						require.ErrorContains(t, err, says[f])
						require.True(t, cut(err), "it is none of the errors that mean something")
					}
					assert.Equal(t, f == "", s.stored(t, fmt.Sprint(i), 1), "%d, %s", i, f)
				}
			})
		}
	}
}

const refuseAtTheEnd = `
CREATE OR REPLACE FUNCTION frontdesk.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'at the end'; END $$;
DROP TRIGGER IF EXISTS refuse ON frontdesk.messages;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON frontdesk.messages DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.text = 'refused at the end') EXECUTE FUNCTION frontdesk.refuse()`

// The others of one that was refused share a transaction all the same, whichever
// of them it was.
func TestGroupGoesOnTogether(t *testing.T) {
	s := temporary(t, nil)
	const n = 5
	for bad := range n {
		s.empty(t)
		for i := range n {
			begin(t, s, fmt.Sprint(i))
		}
		g := gather(t, s)
		var all []<-chan error
		for i := range n {
			c := storebench.Inbound(fmt.Sprint(i), 1)
			if i == bad {
				c.Conversation.Version = 7
			}
			all = append(all, g.add(t.Context(), c))
		}
		g.release()
		g.over()
		for i, got := range all {
			if err := <-got; i == bad {
				require.ErrorIs(t, err, agent.ErrConflict)
			} else {
				require.NoError(t, err)
			}
		}
		g.nobodyIsLeft()
		assert.Equal(t, fmt.Sprint(leadersLimit+1), s.transactions(t), "one alone, and one for each who leads, without %d", bad)
	}
}

// What one would have written before it was refused is in nobody's way.
func TestGroupForgetsWhatARefusedOneWrote(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a")
	begin(t, s, "b")
	g := gather(t, s)
	bad, good := storebench.Inbound("a", 1), storebench.Inbound("b", 1)
	bad.Dedupe, good.Dedupe = map[string]string{"key": "a-1"}, map[string]string{"key": "b-1"}
	bad.Conversation.Version = 7
	refused, written := g.add(t.Context(), bad), g.add(t.Context(), good)
	g.release()
	g.over()
	require.NoError(t, <-written, "the key was not taken after all")
	// Whoever was first: the other one had the version wrong, or the key is taken by now.
	require.True(t, lost(<-refused))
	assert.False(t, s.stored(t, "a", 1))
}

// Who waits for a lock lets nobody else wait, neither in its group nor after
// it; and it is written when the lock is gone.
func TestGroupDoesNotWaitForALock(t *testing.T) {
	s := temporary(t, nil)
	for _, name := range []string{"a", "b", "c"} {
		begin(t, s, name)
	}
	lock := held(t, s, "SELECT FROM frontdesk.lanes WHERE conversation = 'b' FOR UPDATE")
	g := gather(t, s)
	a, b, c := g.add(t.Context(), storebench.Inbound("a", 1)), g.add(t.Context(), storebench.Inbound("b", 1)), g.add(t.Context(), storebench.Inbound("c", 1))
	g.release()
	g.over()
	require.NoError(t, <-a)
	require.NoError(t, <-c)
	lock.delays(s, false)
	for n := int64(2); n < 10; n++ {
		var all sync.WaitGroup
		for _, name := range []string{"a", "c"} {
			all.Go(func() { assert.NoError(t, s.Commit(t.Context(), storebench.Inbound(name, n))) })
		}
		all.Wait()
	}
	require.Empty(t, b)
	lock.end()
	require.NoError(t, <-b)
	assert.True(t, s.stored(t, "b", 1))
}

// The one who found nobody writing waits for a lock as long as it takes, and
// the others go on.
func TestGroupGoesOnBesideOneThatWaitsAlone(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a")
	begin(t, s, "b")
	lock := held(t, s, "SELECT FROM frontdesk.lanes WHERE conversation = 'a' FOR UPDATE")
	a := make(chan error, 1)
	go func() { a <- s.Commit(t.Context(), storebench.Inbound("a", 1)) }()
	lock.delays(s, false)
	for n := range int64(10) {
		require.NoError(t, s.Commit(t.Context(), storebench.Inbound("b", n+1)))
	}
	require.Empty(t, a)
	lock.end()
	require.NoError(t, <-a)
}

// slowAtTheEnd lets the commit of a message of the conversation "slow" wait for
// as long as somebody holds a lock.
const slowAtTheEnd = `
CREATE FUNCTION frontdesk.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	PERFORM set_config('lock_timeout', '0', true);
	PERFORM pg_advisory_xact_lock(4711);
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON frontdesk.messages DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.conversation = 'slow') EXECUTE FUNCTION frontdesk.slow()`

// A context ends what was called with it, and nothing else.
func TestGroupMemberGivesUp(t *testing.T) {
	s := temporary(t, nil)
	for _, name := range []string{"queued", "sent", "slow"} {
		begin(t, s, name)
	}
	_, err := s.pool.Exec(t.Context(), slowAtTheEnd)
	require.NoError(t, err)
	lock := held(t, s, "SELECT pg_advisory_xact_lock(4711)")
	g := gather(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	queued := g.add(ctx, storebench.Inbound("queued", 1))
	cancel()
	require.ErrorIs(t, <-queued, context.Canceled, "while all connections are taken")
	ctx, cancel = context.WithCancel(t.Context())
	sent, slow := g.add(ctx, storebench.Inbound("sent", 1)), g.add(t.Context(), storebench.Inbound("slow", 1))
	g.release()
	lock.delays(s, false)
	cancel()
	require.ErrorIs(t, <-sent, context.Canceled, "while the group commits")
	g.cancel()
	require.Empty(t, slow)
	lock.end()
	require.NoError(t, <-slow)
	assert.False(t, s.stored(t, "queued", 1), "it was taken back")
	assert.True(t, s.stored(t, "sent", 1), "nobody knew: it had been sent")
}

// A leader whose context ends while all connections are taken leaves, and
// another one leads.
func TestGroupLeaderGivesUp(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a")
	begin(t, s, "b")
	g := gather(t, s)
	a, b := g.add(t.Context(), storebench.Inbound("a", 1)), g.add(t.Context(), storebench.Inbound("b", 1))
	g.cancel()
	for i, got := range g.first[1:] {
		require.ErrorIs(t, <-got, context.Canceled)
		defer func() { assert.False(t, s.stored(t, fmt.Sprint("first-", i+1), 1)) }()
	}
	g.release()
	require.NoError(t, <-a)
	require.NoError(t, <-b)
	require.NoError(t, <-g.first[0])
	g.nobodyIsLeft()
}

// A leader is not kept for ever by a database that does not answer: it gives
// up, and nobody in its group is told that anything was written or refused.
func TestGroupLeaderWaitsALittle(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a")
	begin(t, s, "slow")
	_, err := s.pool.Exec(t.Context(), slowAtTheEnd)
	require.NoError(t, err)
	lock := held(t, s, "SELECT pg_advisory_xact_lock(4711)")
	g := gather(t, s)
	a, slow := g.add(t.Context(), storebench.Inbound("a", 1)), g.add(t.Context(), storebench.Inbound("slow", 1))
	g.release()
	lock.delays(s, false)
	g.cancel()
	for _, got := range []<-chan error{a, slow} {
		err := <-got
		require.ErrorIs(t, err, errNoAnswer)
		require.True(t, cut(err), err)
		require.NotErrorIs(t, err, context.Canceled, "their own are not done")
	}
	gaveUp := 0
	for _, got := range g.first {
		if errors.Is(<-got, context.Canceled) {
			gaveUp++
		}
	}
	assert.Positive(t, gaveUp)
	lock.end()
}

// S8.9: if the connection is lost in the commit, the outcome is not known to
// anybody of the group, and nothing is done again.
func TestGroupLosesItsConnection(t *testing.T) {
	s := temporary(t, nil)
	for _, name := range []string{"a", "dies", "z"} {
		begin(t, s, name)
	}
	_, err := s.pool.Exec(t.Context(), `
CREATE TABLE frontdesk.deaths (n int);
CREATE FUNCTION frontdesk.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER die AFTER INSERT ON frontdesk.messages DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.conversation = 'dies') EXECUTE FUNCTION frontdesk.die()`)
	require.NoError(t, err)
	g := gather(t, s)
	var all []<-chan error
	for _, name := range []string{"a", "dies", "z"} {
		all = append(all, g.add(t.Context(), storebench.Inbound(name, 1)))
	}
	g.release()
	for i, name := range []string{"a", "dies", "z"} {
		err := <-all[i]
		require.Error(t, err)
		require.True(t, cut(err), err)
		assert.False(t, s.stored(t, name, 1))
	}
	require.NoError(t, s.Commit(t.Context(), storebench.Inbound("a", 1)), "the next one has another connection")
}

// When no connection can be had, everybody who waits hears of it, and nobody for
// ever. Afterwards nobody is left in a place.
func TestGroupHasNoConnection(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a")
	begin(t, s, "b")
	to := s.pool.Config().ConnConfig
	database := pgx.Identifier{to.Database}.Sanitize()
	to.Database = "postgres"
	admin, err := pgx.ConnectConfig(t.Context(), to)
	require.NoError(t, err)
	allow := func(yes bool) {
		_, err := admin.Exec(context.WithoutCancel(t.Context()), fmt.Sprintf("ALTER DATABASE %s WITH ALLOW_CONNECTIONS %t", database, yes))
		require.NoError(t, err)
	}
	t.Cleanup(func() { require.NoError(t, admin.Close(context.Background())) })
	g := gather(t, s)
	all := append(g.first, g.add(t.Context(), storebench.Inbound("a", 1)), g.add(t.Context(), storebench.Inbound("b", 1)))
	allow(false)
	for _, c := range g.taken {
		require.NoError(t, c.Conn().Close(t.Context()))
	}
	g.release()
	for _, got := range all {
		err := <-got
		require.ErrorContains(t, err, "not currently accepting connections")
		require.True(t, cut(err), err)
	}
	allow(true)
	assert.Equal(t, "0", s.value(t, "SELECT count(*)::text FROM frontdesk.messages"))
	g.nobodyIsLeft()
	require.NoError(t, s.Commit(t.Context(), storebench.Inbound("a", 1)))
}

// Somebody whose context ends in the moment in which they are told to lead
// passes it on.
func TestGroupLeavesTheLead(t *testing.T) {
	one := func() *request { return &request{wake: make(chan bool, 1)} }
	first, second, led := one(), one(), &request{leads: true}
	g := group{leaders: leadersLimit, queue: []*request{first, second}}
	g.pass() // the first is told, and has not heard yet
	require.True(t, g.leave(first))
	require.Len(t, second.wake, 1)
	require.True(t, <-second.wake)
	assert.Equal(t, leadersLimit, g.leaders)
	require.True(t, g.leave(second))
	assert.Equal(t, leadersLimit-1, g.leaders, "nobody waits")
	require.True(t, g.leave(led))
	assert.Equal(t, leadersLimit-2, g.leaders)
	require.False(t, g.leave(one()), "somebody has taken it along")
	assert.Equal(t, leadersLimit-2, g.leaders)
}

// broken is a connection whose driver panics.
type broken struct{}

func (broken) SendBatch(context.Context, *pgx.Batch) pgx.BatchResults { panic("broken") }

// I27: if a leader panics, nobody in its group waits for ever, or hears that
// anything was written or refused.
func TestGroupLeaderPanics(t *testing.T) {
	s := &Store{sql: make([]string, len(statements))}
	var all []*request
	for _, name := range []string{"a", "lead", "z"} {
		c := changeOf(s)
		c.only = name
		all = append(all, &request{change: &c, wake: make(chan bool, 1)})
	}
	require.PanicsWithValue(t, "broken", func() { s.writeAll(t.Context(), broken{}, slices.Clone(all), all[1]) })
	for _, r := range []*request{all[0], all[2]} {
		require.Len(t, r.wake, 1, r.only)
		require.False(t, <-r.wake, "it is not told to lead")
		require.ErrorContains(t, r.err, "panicked")
		require.True(t, cut(r.err), r.err)
		require.NotErrorIs(t, r.err, errAlone)
	}
}

// written is a connection that keeps what it was sent.
type written struct{ queries []*pgx.QueuedQuery }

func (w *written) SendBatch(_ context.Context, b *pgx.Batch) pgx.BatchResults {
	w.queries = b.QueuedQueries
	return done{}
}

// done is the results of statements that were all done.
type done struct{ pgx.BatchResults }

func (done) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, nil }

func (done) Close() error { return nil }

// A group locks in the order in which every transaction does: all lanes by
// conversation, then all keys, then the rest, however those came who are in it.
func TestGroupLocksInOrder(t *testing.T) {
	s := &Store{sql: make([]string, len(statements))}
	for _, st := range statements {
		s.sql[st.n] = st.sql
	}
	var all []*request
	for _, name := range []string{"c", "a", "b"} {
		c := storebench.Inbound(name, 1)
		key := map[string]string{"a": "k2", "b": "k3", "c": "k1"}[name]
		c.Dedupe = map[string]string{key: name, "z" + key: name}
		c.Put = append(c.Put, agent.Task{ConversationID: name, Kind: agent.TaskSend, Due: start})
		w := writer{change: changeOf(s), c: &c}
		require.NoError(t, w.apply())
		all = append(all, &request{change: &w.change, wake: make(chan bool, 1)})
	}
	c := &written{}
	s.writeAll(t.Context(), c, all, all[0])
	var got []string
	for _, q := range c.queries {
		switch q.SQL {
		case waitLess.sql:
			got = append(got, "wait less")
		case putTasks.sql:
			got = append(got, fmt.Sprintf("lane %s %s", q.Arguments[0], q.Arguments[1]))
		case addKey.sql:
			got = append(got, fmt.Sprintf("key %s", q.Arguments[0]))
		case setConversation.sql:
			got = append(got, fmt.Sprintf("conversation %s", q.Arguments[0]))
		case putMessage.sql:
			got = append(got, fmt.Sprintf("message %s", q.Arguments[0]))
		default:
			t.Error("unexpected: ", q.SQL)
		}
	}
	assert.Equal(t, []string{
		"wait less", "lane a send", "lane a turn", "lane b send", "lane b turn", "lane c send", "lane c turn",
		"key k1", "key k2", "key k3", "key zk1", "key zk2", "key zk3",
		"conversation a", "message a", "conversation b", "message b", "conversation c", "message c",
	}, got)
}

// A group has a limit, in changes and in bytes, and one change of each
// conversation; what does not go with it keeps its place.
func TestGroupTakes(t *testing.T) {
	s := &Store{sql: make([]string, len(statements))}
	change := func(home string, size int) *request {
		b := s.batch()
		b.do(addKey, strings.Repeat("x", size), "m")
		b.journal(home, []agent.Entry{{Data: make([]byte, size)}})
		c := changeOf(s)
		c.batch, c.only = b, home
		return &request{change: &c, size: c.bytes(), wake: make(chan bool, 1)}
	}
	names := func(all []*request) (out []string) {
		for _, r := range all {
			out = append(out, r.only)
		}
		return out
	}
	g := group{queue: []*request{change("a", 10), change("lead", 10), change("a", 10), change("b", groupBytes/2), change("c", 10)}}
	assert.Equal(t, []string{"lead", "a", "c"}, names(g.take(change("lead", 10))))
	assert.Equal(t, []string{"lead", "a", "b"}, names(g.queue))
	assert.Equal(t, []string{"big"}, names(g.take(change("big", groupBytes))), "a large one goes alone")
	for i := range 2 * groupLimit {
		g.queue = append(g.queue, change(fmt.Sprint(i), 1))
	}
	assert.Len(t, g.take(change("another", 1)), groupLimit)
	assert.Len(t, g.queue, 3+2*groupLimit-(groupLimit-1))
}

// While many are refused, fewer share a transaction, so that not many are sent
// in vain; and more again when they are written.
func TestGroupLearnsItsSize(t *testing.T) {
	size := func(g *group) int {
		g.queue = nil
		for i := range 2 * groupLimit {
			g.queue = append(g.queue, &request{change: &change{only: fmt.Sprint(i)}})
		}
		return len(g.take(&request{change: &change{only: "lead"}}))
	}
	g := &group{}
	for _, want := range []int{groupLimit, groupLimit / 2, groupLimit / 4} {
		assert.Equal(t, want, size(g))
		g.learn(true)
	}
	for range 10 {
		g.learn(true)
	}
	assert.Equal(t, groupLeast, size(g))
	for i := range groupLimit {
		assert.Equal(t, groupLeast+min(i, groupLimit-groupLeast), size(g))
		g.learn(false)
	}

	s := temporary(t, nil)
	begin(t, s, "a")
	begin(t, s, "b")
	s.group.less = 10
	gathered := gather(t, s)
	bad := storebench.Inbound("a", 1)
	bad.Conversation.Version = 7
	a, b := gathered.add(t.Context(), bad), gathered.add(t.Context(), storebench.Inbound("b", 1))
	gathered.release()
	gathered.over()
	require.ErrorIs(t, <-a, agent.ErrConflict)
	require.NoError(t, <-b)
	gathered.nobodyIsLeft()
	// It was halved once. One group or more was written before and after.
	assert.InDelta(t, groupLimit-(groupLimit-10)/2, s.group.less, leadersLimit+1)
}

// Whoever writes what is another conversation's too, or everybody's, shares no
// transaction.
func TestWhoSharesATransaction(t *testing.T) {
	s := &Store{sql: make([]string, len(statements))}
	for what, change := range map[string]func(c *agent.Commit){
		"":               func(*agent.Commit) {},
		"contact":        func(c *agent.Commit) { c.Contact = &frontdesk.Contact{ID: "p"} },
		"a new one":      func(c *agent.Commit) { c.Conversation.Version = 0 },
		"another fence":  func(c *agent.Commit) { c.Fence = &agent.Fence{ConversationID: "b", Lane: agent.LaneTurn} },
		"another's text": func(c *agent.Commit) { c.Messages[0].ConversationID = "b" },
		"another's turn": func(c *agent.Commit) { c.Turns = []agent.Turn{{ConversationID: "b"}} },
		"approval":       func(c *agent.Commit) { c.Approvals = []agent.Approval{{ConversationID: "a"}} },
		"rotation":       func(c *agent.Commit) { c.Rotations = []agent.Rotation{{Name: "r"}} },
		"loads":          func(c *agent.Commit) { c.Loads = new(int64) },
		"nobody's":       func(c *agent.Commit) { c.Conversation, c.Put = nil, nil },
	} {
		c := storebench.Inbound("a", 1)
		change(&c)
		w := writer{change: changeOf(s), c: &c}
		require.NoError(t, w.apply(), what)
		assert.Equal(t, what == "", w.only == "a", what)
	}
}

func changeOf(s *Store) change { return change{batch: s.batch()} }

// Two programs write many conversations, each with its own and in any order, in
// groups and alone, and claim them all the while: none waits in a circle.
func TestGroupsDoNotLockEachOther(t *testing.T) {
	u, err := url.Parse(pgtest.DSN(t))
	require.NoError(t, err)
	q := u.Query()
	q.Set("deadlock_timeout", "10ms") // it is seen before anybody stops waiting
	u.RawQuery = q.Encode()
	stores := []*Store{opened(t, u.String(), &Options{Connections: 6}), opened(t, u.String(), &Options{Connections: 6})}
	const conversations, writers = 12, 24
	for i := range conversations {
		begin(t, stores[0], fmt.Sprint(i), agent.Task{Kind: agent.TaskFollowUp, Due: start})
	}
	var all sync.WaitGroup
	for w := range uint64(writers) {
		all.Go(func() {
			r, s := rand.New(rand.NewPCG(11, w)), stores[w%2]
			for i := range 40 {
				assert.NoError(t, writesSomething(t.Context(), s, r, fmt.Sprintf("%d-%d", w, i), conversations))
			}
		})
	}
	all.Wait()
	s := stores[0]
	assert.Equal(t, "0", s.value(t, "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()"))
	assert.Equal(t, "0", s.value(t, `SELECT count(*)::text FROM frontdesk.conversations v WHERE last_seq <> (SELECT count(*) FROM frontdesk.messages WHERE conversation = v.id)`))
	assert.Equal(t, "true", s.value(t, "SELECT (count(DISTINCT xmin::text) < count(*))::text FROM frontdesk.messages"), "some shared one")
}

// writesSomething accepts a message, or claims something and releases it, on
// one of so many conversations. That others were faster is no error.
func writesSomething(ctx context.Context, s *Store, r *rand.Rand, id string, conversations int) error {
	name := fmt.Sprint(r.IntN(conversations))
	if r.IntN(4) == 0 {
		q := agent.ClaimQuery{Now: start, Until: start.Add(time.Hour), Max: 3}
		if r.IntN(2) == 0 {
			q.ConversationID = name
		}
		got, err := s.Claim(ctx, q)
		for i := 0; i < len(got.Tasks) && err == nil; i++ {
			err = s.Commit(ctx, agent.Commit{Fence: &got.Tasks[i].Fence, Release: true})
		}
		return err
	}
	v, err := s.Load(ctx, agent.Query{ConversationID: name})
	if err != nil {
		return err
	}
	c := storebench.Inbound(name, v.Conversation.Version)
	c.Messages[0].ID = id
	c.Dedupe = map[string]string{id: id, fmt.Sprint("any-", r.IntN(2000)): id, fmt.Sprint("any-", r.IntN(2000)): id}
	if r.IntN(3) == 0 { // it locks no lane
		c.Put = nil
	}
	if err := s.Commit(ctx, c); !lost(err) {
		return err
	}
	return nil
}
