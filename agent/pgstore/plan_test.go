package pgstore

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/internal/cursor"
)

// crowd fills the tables with 5,000 contacts, for whom most is over.
const crowd = `
INSERT INTO frontdesk.contacts SELECT 'p' || i, 1, 'Lead', i, '[]', '[]', '{}' FROM generate_series(1, 5000) i;
INSERT INTO frontdesk.identities SELECT 'chat', 'a' || i, 'p' || i FROM generate_series(1, 5000) i;
INSERT INTO frontdesk.conversations SELECT 'c' || i, 'p' || i, 'chat', CASE WHEN i % 20 = 0 THEN 'open' ELSE 'closed' END, CASE WHEN i % 3 = 0 THEN 't' || i % 5 ELSE '' END,
	CASE WHEN i % 2 = 0 THEN 'user' ELSE '' END, CASE WHEN i % 2 = 0 THEN 'u' || i % 50 ELSE '' END, i % 100 = 0, false, 1, 1, 10, i, 0, '', '', i, i FROM generate_series(1, 5000) i;
INSERT INTO frontdesk.messages SELECT 'c' || i, n, 'm' || i || '-' || n, CASE WHEN n % 2 = 0 THEN 'outbound' ELSE 'inbound' END, '', '', '', 'hello', i, 't' || i || '-' || n, '',
	CASE WHEN i % 500 = 0 THEN 'failed' ELSE 'sent' END, '', 'x' || i || '-' || n, 'chat', 1, false, false, '', 1, i, i, CASE WHEN n = 10 AND i % 20 = 0 THEN 'waiting' END
	FROM generate_series(1, 5000) i, generate_series(1, 10) n;
INSERT INTO frontdesk.dedupe SELECT 'k' || id, id FROM frontdesk.messages;
INSERT INTO frontdesk.turns SELECT conversation, turn_id, '{}' FROM frontdesk.messages WHERE direction = 'outbound';
INSERT INTO frontdesk.journal SELECT conversation, id, n, 'answer', 1, '{}' FROM frontdesk.turns, generate_series(1, 4) n;
INSERT INTO frontdesk.lanes SELECT 'c' || i, lane, 1, CASE WHEN i % 100 = 0 THEN i END, '', CASE WHEN i % 5 = 0 THEN i END, '{}' FROM generate_series(1, 5000) i, (VALUES ('send'), ('turn')) l(lane);
INSERT INTO frontdesk.approvals SELECT 'call' || i, 'c' || i, '', '', '', '', '', '', 1, CASE WHEN i % 100 = 0 THEN 'pending' ELSE 'approved' END, '', '', 1 FROM generate_series(1, 5000) i;
INSERT INTO frontdesk.rotations SELECT 'r' || i, '', 1 FROM generate_series(1, 2000) i;
INSERT INTO frontdesk.loads SELECT 'w' || i, 1, i FROM generate_series(1, 2000) i;
`

// node is a node of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Plans    []node `json:"Plans"`
}

// Every statement finds what it needs by an index: reading costs what there is
// to read, and not what there is. (Protocol rule 9 for those of a claim.)
func TestStatementsGoByIndex(t *testing.T) {
	s := temporary(t, nil)
	for _, sql := range []string{crowd, "VACUUM ANALYZE"} {
		_, err := s.pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	all := map[string]string{}
	for _, st := range statements {
		all[fmt.Sprintf("statement %d", st.n)] = s.sql[st.n]
	}
	for _, q := range listings() {
		all[q.name] = qualified(listing(&q.ConversationQuery, q.status, q.from).String(), s.schema)
	}
	require.NoError(t, s.pool.AcquireFunc(t.Context(), func(c *pgxpool.Conn) error {
		for name, sql := range all {
			if regexp.MustCompile(`^(BEGIN|COMMIT|VACUUM)`).MatchString(sql) {
				continue
			}
			for _, fault := range faults(t, c.Conn(), sql) {
				t.Errorf("%s: %s\n\t%s", name, sql, fault)
			}
		}
		return nil
	}))
}

// faults explains a statement as it is run: once for all parameters.
func faults(t *testing.T, c *pgx.Conn, sql string) []string {
	ctx := context.Background()
	_, err := c.Exec(ctx, "PREPARE p AS "+sql)
	require.NoError(t, err, sql)
	defer func() {
		_, err := c.Exec(ctx, "DEALLOCATE p")
		require.NoError(t, err)
	}()
	var n int
	require.NoError(t, c.QueryRow(ctx, "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'p'").Scan(&n))
	execute := "EXPLAIN (FORMAT JSON) EXECUTE p"
	if n > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL,", n), ",") + ")"
	}
	var text string
	require.NoError(t, c.QueryRow(ctx, execute).Scan(&text), sql)
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	var out []string
	for _, p := range plans {
		p.Plan.faults(false, &out)
	}
	return out
}

func (n *node) faults(limited bool, out *[]string) {
	oneRow := n.Relation == "load_version" || n.Relation == "purge"
	catalog := strings.HasPrefix(n.Relation, "pg_")
	switch {
	case oneRow || catalog:
	case n.Index == "approvals_pending", n.Index == "conversations_waiting": // all that is in it is asked for
	case n.Type == "Seq Scan":
		*out = append(*out, "reads all of "+n.Relation)
	// In the order of the index, and only as far as LIMIT goes.
	case n.Index != "" && n.Cond == "" && !limited:
		*out = append(*out, "reads all of the index "+n.Index)
	}
	for i := range n.Plans {
		n.Plans[i].faults(n.Type == "Limit" || limited && n.Type == "LockRows", out)
	}
}

type listed struct {
	agent.ConversationQuery
	name   string
	status frontdesk.Status
	from   *cursor.Place
}

// listings are the forms that the query for a list can take.
func listings() (out []listed) {
	for bits := range 1 << 8 {
		l := listed{name: fmt.Sprintf("list %b", bits)}
		has := func(bit int) bool { return bits&(1<<bit) != 0 }
		if has(0) {
			l.ContactID = "p1"
		}
		if has(1) {
			l.AwaitsApproval = true
		}
		if has(2) {
			l.Assignee = &frontdesk.Assignee{}
		}
		if has(3) {
			l.AwaitsHuman = true
		}
		if has(4) {
			l.TeamID = "t1"
		}
		if has(5) {
			l.Channel = "chat"
		}
		if has(6) {
			l.LongestFirst = true
		}
		if has(7) {
			l.from = &cursor.Place{}
		}
		if !has(0) && !has(1) || has(5) {
			l.status = frontdesk.Open
		}
		out = append(out, l)
	}
	return out
}

// Time is the library's: a database's clock is asked for nothing.
func TestNoClockOfTheDatabase(t *testing.T) {
	clock := regexp.MustCompile(`(?i)\bnow\s*\(|current_(time|date)|localtime|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|'now'`)
	assert.True(t, clock.MatchString("SELECT now()"))
	texts := append([]string{settings}, migrations...)
	for _, st := range statements {
		texts = append(texts, st.sql)
	}
	for _, sql := range texts {
		assert.Empty(t, clock.FindString(sql), sql)
	}
}
