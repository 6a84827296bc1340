package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
	"github.com/seed-a71cb1d8/frontdesk/internal/storebench"
)

// throng is many callers on a few contacts, who write, work and delete.
type throng struct {
	t      *testing.T
	n      atomic.Int64 // of IDs
	mu     sync.Mutex
	holder map[string]bool  // lanes that somebody works on
	tokens map[string]int64 // the newest of each lane
	done   atomic.Int64     // turns
}

func (c *throng) id() string { return fmt.Sprint("id-", c.n.Add(1)) }

// lost reports whether a call lost against another one, as it may.
func lost(err error) bool {
	return errors.Is(err, agent.ErrConflict) || errors.Is(err, agent.ErrFenced) || errors.Is(err, agent.ErrDuplicate)
}

// writes has a contact write.
func (c *throng) writes(ctx context.Context, s *Store, r *rand.Rand) error {
	who := frontdesk.Identity{Channel: []string{"chat", "mail"}[r.IntN(2)], Address: fmt.Sprint(r.IntN(3))}
	v, err := s.Load(ctx, agent.Query{Identity: who, Tasks: true})
	if err != nil {
		return err
	}
	id := c.id()
	commit := agent.Commit{Dedupe: map[string]string{id: id}}
	contact := v.Contact
	if contact == nil {
		contact = &frontdesk.Contact{ID: c.id(), Created: start, Identities: []frontdesk.Identity{{Channel: "chat", Address: who.Address}, {Channel: "mail", Address: who.Address}}}
		commit.Contact = contact
	}
	conv := frontdesk.Conversation{ID: c.id(), ContactID: contact.ID, Channel: who.Channel, Status: frontdesk.Open, Epoch: 1}
	if v.Conversation != nil {
		conv = *v.Conversation
	}
	conv.LastSeq++
	commit.Conversation = &conv
	commit.Messages = []frontdesk.Message{{ID: id, ConversationID: conv.ID, Seq: conv.LastSeq, Direction: frontdesk.DirInbound, At: start}}
	commit.Put = []agent.Task{{ConversationID: conv.ID, Kind: agent.TaskTurn, Due: start, TurnID: id}, {ConversationID: conv.ID, Kind: agent.TaskSend, Due: start}}
	return s.Commit(ctx, commit)
}

// works claims, and assigns what it got to the next user.
func (c *throng) works(ctx context.Context, s *Store, r *rand.Rand) error {
	got, err := s.Claim(ctx, agent.ClaimQuery{Now: start, Until: start.Add(time.Hour), Worker: "w", Max: 1 + r.IntN(3)})
	if err != nil {
		return err
	}
	for i := range got.Tasks {
		if err := c.work(ctx, s, got.Tasks[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *throng) work(ctx context.Context, s *Store, task agent.ClaimedTask) error {
	f := task.Fence
	lane := f.ConversationID + "/" + string(f.Lane)
	c.mu.Lock()
	assert.False(c.t, c.holder[lane], "%s is held twice", lane)
	assert.Greater(c.t, f.Token, c.tokens[lane], lane)
	c.holder[lane], c.tokens[lane] = true, f.Token
	c.mu.Unlock()
	// It is let go before the commit that releases it, or else when nobody can
	// hold it any more: the contact was deleted.
	leave := func() {
		c.mu.Lock()
		c.holder[lane] = false
		c.mu.Unlock()
	}
	turn := c.id()
	if err := s.Append(ctx, agent.Append{Fence: f, Until: start.Add(2 * time.Hour), Rows: []agent.Entry{{TurnID: turn, N: 1, At: start}}}); err != nil {
		return err
	}
	for {
		v, err := s.Load(ctx, agent.Query{ConversationID: f.ConversationID, Rotations: []string{"team"}, Loads: true, Tasks: true})
		if err != nil || v.Conversation == nil {
			return err
		}
		conv, pos := *v.Conversation, v.Rotations["team"]
		pos.Name = "team"
		pos.Last = map[string]string{"": "a", "a": "b", "b": "c", "c": "a"}[pos.Last]
		conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: pos.Last}
		conv.LastSeq++
		leave()
		err = s.Commit(ctx, agent.Commit{
			Fence: &f, Release: true, Conversation: &conv, Loads: &v.LoadVersion, Rotations: []agent.Rotation{pos}, Delete: []agent.TaskKind{task.Kind},
			Messages: []frontdesk.Message{{ID: c.id(), ConversationID: conv.ID, Seq: conv.LastSeq, Direction: frontdesk.DirOutbound, TurnID: turn, At: start}},
			Turns:    []agent.Turn{{ID: turn, ConversationID: conv.ID}},
		})
		if err == nil {
			c.done.Add(1)
		}
		if !errors.Is(err, agent.ErrConflict) {
			return err
		}
	}
}

// Whoever comes at once, nothing is done twice, nothing is lost, and nothing of
// a deleted contact is left or written back.
func TestManyAtOnce(t *testing.T) {
	dsn := pgtest.DSN(t)
	stores := []*Store{opened(t, dsn, &Options{PurgeLater: true, Connections: 3}), opened(t, dsn, &Options{PurgeLater: true, Connections: 6})}
	c := &throng{t: t, holder: map[string]bool{}, tokens: map[string]int64{}}
	var all sync.WaitGroup
	for i := range uint64(12) {
		all.Go(func() {
			r, s := rand.New(rand.NewPCG(7, i)), stores[i%2]
			for range 40 {
				var err error
				switch n := r.IntN(20); {
				case n < 9:
					err = c.writes(t.Context(), s, r)
				case n < 19:
					err = c.works(t.Context(), s, r)
				default:
					var v agent.View
					if v, err = s.Load(t.Context(), agent.Query{Identity: frontdesk.Identity{Channel: "chat", Address: fmt.Sprint(r.IntN(3))}}); err == nil && v.Contact != nil {
						err = s.Delete(t.Context(), v.Contact.ID)
					}
				}
				if err != nil && !lost(err) {
					assert.NoError(t, err)
				}
			}
		})
	}
	all.Wait()
	require.Positive(t, c.done.Load())
	s := stores[0]
	for what, sql := range map[string]string{
		"conversations of nobody": `SELECT count(*) FROM frontdesk.conversations WHERE contact NOT IN (SELECT id FROM frontdesk.contacts)`,
		"identities of nobody":    `SELECT count(*) FROM frontdesk.identities WHERE contact NOT IN (SELECT id FROM frontdesk.contacts)`,
		"messages left":           `SELECT count(*) FROM frontdesk.messages WHERE conversation NOT IN (SELECT id FROM frontdesk.conversations)`,
		"journal left":            `SELECT count(*) FROM frontdesk.journal WHERE conversation NOT IN (SELECT id FROM frontdesk.conversations)`,
		"turns left":              `SELECT count(*) FROM frontdesk.turns WHERE conversation NOT IN (SELECT id FROM frontdesk.conversations)`,
		"lanes left":              `SELECT count(*) FROM frontdesk.lanes WHERE conversation NOT IN (SELECT id FROM frontdesk.conversations)`,
		"keys left":               `SELECT count(*) FROM frontdesk.dedupe WHERE message_id NOT IN (SELECT id FROM frontdesk.messages)`,
		"messages that are lost":  `SELECT count(*) FROM frontdesk.conversations v WHERE last_seq <> (SELECT count(*) FROM frontdesk.messages WHERE conversation = v.id) OR last_seq <> version`,
		"due times that are wrong": `SELECT count(*) FROM frontdesk.lanes l
			WHERE due IS DISTINCT FROM (SELECT min((value->>'d')::bigint) FROM jsonb_each(l.tasks))`,
		"loads that are wrong": `SELECT count(*) FROM frontdesk.loads l
			WHERE open <> (SELECT count(*) FROM frontdesk.conversations WHERE status = 'open' AND assignee_kind = 'user' AND assignee_id = l.user_id)`,
	} {
		assert.Equal(t, "0", s.value(t, "SELECT ("+sql+")::text"), what)
	}
	assert.Equal(t, fmt.Sprint(c.done.Load()), s.value(t, "SELECT coalesce(max(version), 0)::text FROM frontdesk.rotations"), "the rotation moves with each assignment")
	t.Log(c.done.Load(), "turns; deadlocks:", s.value(t, "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()"))
}

// S7.1: while another transaction holds the key of a message nobody knows
// whether it was accepted: a commit waits. If that one is rolled back, it is
// accepted, and if not, it is a duplicate, whatever else is wrong with it.
func TestKeyThatIsJustBeingWritten(t *testing.T) {
	s := temporary(t, nil)
	begin(t, s, "a")
	for end, c := range map[string]agent.Commit{"ROLLBACK": storebench.Inbound("a", 1), "COMMIT": storebench.Inbound("a", 99)} {
		var key string
		for key = range c.Dedupe {
		}
		other := held(t, s, "INSERT INTO frontdesk.dedupe VALUES ($1, 'other')", key)
		got := make(chan error, 1)
		go func() { got <- s.Commit(t.Context(), c) }()
		other.delays(s, false)
		_, err := other.Exec(t.Context(), end)
		require.NoError(t, err)
		if end == "ROLLBACK" {
			require.NoError(t, <-got)
		} else {
			require.ErrorIs(t, <-got, agent.ErrDuplicate)
		}
	}
}
