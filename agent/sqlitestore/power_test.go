package sqlitestore_test

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
	"github.com/seed-a71cb1d8/frontdesk/internal/race"
)

// power runs stores on a disk that loses power.
type power struct {
	t     *testing.T
	disk  *powerDisk
	name  string // of the file system
	boots int
}

// newPower puts the store's SQLite onto a disk of its own. With weak set it
// syncs less than the store asks for.
func newPower(t *testing.T, seed uint64, weak bool) *power {
	p := &power{t: t, name: "power-" + t.Name()}
	t.Cleanup(sqlitestore.UseEngine(func(dsn string) (driver.Conn, error) {
		connector, err := (&sqlitedriver.SQLite{}).OpenConnector(dsn + "?vfs=" + p.name)
		if err != nil {
			return nil, err
		}
		c, err := connector.Connect(context.Background())
		if err != nil {
			return nil, err
		}
		return &powerConn{c, weak}, nil
	}, func(err error) (int, bool) {
		var e *sqlite3.Error
		if !errors.As(err, &e) {
			return 0, false
		}
		return int(e.Code()), true
	}))
	t.Cleanup(func() { vfs.Unregister(p.name) })
	p.empty(seed)
	return p
}

// empty begins with a new disk.
func (p *power) empty(seed uint64) {
	p.boot(&powerDisk{
		r: rand.New(rand.NewPCG(seed, 1)), files: map[string]*powerFile{}, removed: map[string]*powerFile{}, left: 1 << 40, indexes: p.indexes(),
	})
}

func (p *power) boot(d *powerDisk) {
	p.disk = d
	vfs.Register(p.name, d)
}

// indexes is the directory of the shared memory of one boot: no other boot
// finds what is in it.
func (p *power) indexes() string {
	p.boots++
	dir := filepath.Join(p.t.TempDir(), strconv.Itoa(p.boots))
	require.NoError(p.t, os.Mkdir(dir, 0o700))
	return dir
}

const powerPath = "/power/frontdesk.db"

// powerConn is a connection of the other driver, whose values live no longer
// than their row and may be times: the store's driver gives neither.
type powerConn struct {
	driver.Conn
	weak bool
}

func (c *powerConn) ExecContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	if c.weak {
		sql = strings.ReplaceAll(sql, "synchronous = FULL", "synchronous = NORMAL")
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, sql, args)
}

func (c *powerConn) PrepareContext(ctx context.Context, sql string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	return &powerStmt{s}, nil
}

type powerStmt struct{ driver.Stmt }

func (s *powerStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *powerStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	return &powerRows{rows}, nil
}

type powerRows struct{ driver.Rows }

func (r *powerRows) Next(values []driver.Value) error {
	err := r.Rows.Next(values)
	for i, v := range values {
		if b, ok := v.([]byte); ok {
			values[i] = append([]byte{}, b...)
		}
	}
	return err
}

// open opens the store. It fails only when the power is gone.
func (p *power) open() (*sqlitestore.Store, error) {
	return sqlitestore.Open(powerPath, &sqlitestore.Options{BusyTimeout: time.Second})
}

// run commits from several goroutines until the power goes, and keeps which
// commits were acknowledged. It returns how many.
func (p *power) run(acknowledged map[string]int64) int {
	s, err := p.open()
	if err != nil {
		require.True(p.t, p.disk.down, "%v", err)
		return 0
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for w := range 4 {
		all.Go(func() {
			id := fmt.Sprint("c", w)
			for {
				n, err := commitNext(p.t.Context(), s, id)
				if err != nil {
					assert.True(p.t, p.disk.down, "%v", err)
					return
				}
				mu.Lock()
				acknowledged[id] = n
				total++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	_ = s.Close() // there is no power
	return total
}

// check restarts the machine and reads what the disk has. It returns how many
// acknowledged commits are not there.
func (p *power) check(acknowledged map[string]int64) (lost int64) {
	p.boot(p.disk.restart(p.indexes()))
	s, err := p.open()
	require.NoError(p.t, err)
	for id, n := range acknowledged {
		v, err := s.Load(p.t.Context(), agent.Query{ConversationID: id, History: 1 << 20, Tasks: true})
		require.NoError(p.t, err)
		last := int64(0)
		if v.Conversation != nil {
			last = v.Conversation.LastSeq
			require.Len(p.t, v.Tasks, 1)
			assert.True(p.t, time.Unix(last, 0).Equal(v.Tasks[0].Due), "a commit is there whole")
			assert.Equal(p.t, last, v.Conversation.Version)
		}
		require.LessOrEqual(p.t, last, n+1, "one commit of each was under way")
		require.Len(p.t, v.History, int(last), "a commit is there whole")
		for i, m := range v.History {
			require.Equal(p.t, messageText(id, int64(i+1)), m.Text)
		}
		lost += max(0, n-last)
		acknowledged[id] = last
	}
	require.NoError(p.t, s.Close())
	text, err := sqlitestore.Integrity(powerPath)
	require.NoError(p.t, err)
	require.Equal(p.t, "ok", text)
	return lost
}

// cuts takes the power away again and again, at a random call to the disk.
func (p *power) cuts(n int, seed uint64) (commits int, lost int64) {
	var acknowledged map[string]int64
	for i := range n {
		if i%25 == 0 { // the longer the file, the slower the check
			p.empty(seed + uint64(i))
			acknowledged = map[string]int64{}
		}
		// Often early, so that it strikes while the file is made or recovered;
		// sometimes so late that the WAL is written back before.
		limit := []int{60, 600, 6000}[p.disk.r.IntN(3)]
		p.disk.cut(p.disk.r.IntN(limit))
		commits += p.run(acknowledged)
		require.True(p.t, p.disk.down)
		lost += p.check(acknowledged)
	}
	return commits, lost
}

// powerRuns is how many times the power goes: FRONTDESK_POWER_CUTS, else a
// few. FRONTDESK_SEED repeats a run's places, though not the order in which the
// goroutines get on.
func powerRuns(t *testing.T) (cuts int, seed uint64) {
	usual := "50"
	if race.On {
		usual = "15"
	}
	cuts, err := strconv.Atoi(cmp.Or(os.Getenv("FRONTDESK_POWER_CUTS"), usual))
	require.NoError(t, err)
	seed = uint64(time.Now().UnixNano())
	if s := os.Getenv("FRONTDESK_SEED"); s != "" {
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("FRONTDESK_SEED=%d", seed)
	return cuts, seed
}

// I28: an acknowledged commit survives the loss of power, and the file is
// sound.
func TestLossOfPower(t *testing.T) {
	cuts, seed := powerRuns(t)
	p := newPower(t, seed, false)
	commits, lost := p.cuts(cuts, seed)
	t.Logf("%d power cuts, %d acknowledged commits, %d lost", cuts, commits, lost)
	assert.Zero(t, lost)
	assert.Positive(t, commits)
}

// The test of that test: a store that syncs less does lose commits.
func TestLossOfPowerIsSeen(t *testing.T) {
	cuts, seed := powerRuns(t)
	p := newPower(t, seed, true)
	commits, lost := p.cuts(cuts, seed)
	t.Logf("synchronous = NORMAL: %d power cuts, %d acknowledged commits, %d lost", cuts, commits, lost)
	assert.Positive(t, lost)
}

// The other SQLite keeps the contract too: what is seen on it is the store's
// doing.
func TestStoreOnTheOtherEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED with -short: the whole suite for stores on the other engine; run without -short")
	}
	p := newPower(t, 1, false)
	agenttest.TestStore(t, func(t *testing.T) agent.Store {
		p.empty(1)
		s, err := p.open()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	})
}

// commitNext adds the next message to a conversation, and returns its number.
func commitNext(ctx context.Context, s *sqlitestore.Store, id string) (int64, error) {
	v, err := s.Load(ctx, agent.Query{ConversationID: id})
	if err != nil {
		return 0, err
	}
	c := agent.Commit{Conversation: v.Conversation}
	if v.Conversation == nil {
		c.Contact = &frontdesk.Contact{ID: "p" + id, Identities: []frontdesk.Identity{{Channel: "chat", Address: id}}}
		c.Conversation = &frontdesk.Conversation{ID: id, ContactID: c.Contact.ID, Channel: "chat", Status: frontdesk.Open}
	}
	c.Conversation.LastSeq++
	n := c.Conversation.LastSeq
	m := frontdesk.Message{
		ID: fmt.Sprintf("%s-%d", id, n), ConversationID: id, Seq: n, Direction: frontdesk.DirInbound, Text: messageText(id, n),
	}
	c.Messages, c.Dedupe = []frontdesk.Message{m}, map[string]string{"key " + m.ID: m.ID}
	c.Put = []agent.Task{{ConversationID: id, Kind: agent.TaskTurn, Due: time.Unix(n, 0)}}
	return n, s.Commit(ctx, c)
}

func messageText(id string, n int64) string {
	return strings.Repeat(fmt.Sprintf("%s-%d ", id, n), 50)
}
