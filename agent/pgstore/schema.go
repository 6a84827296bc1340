package pgstore

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
)

// defaultSchema is the schema that the SQL of the package names.
const defaultSchema = "frontdesk"

// migrations lead from each version of the schema to the next. Those that
// were released are never changed: a database remembers only how many it has
// seen.
//
// Times are microseconds since 1970 in UTC, NULL for none. JSON is text where
// the store never looks into it. Whatever is compared or sorted has the
// collation "C", which is that of Go.
var migrations = []string{`
-- What a statement demands. A commit is sent whole, so its checks are made here.
CREATE FUNCTION frontdesk.must(ok boolean, code text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF ok IS NOT TRUE THEN
		RAISE EXCEPTION 'frontdesk: %', what USING ERRCODE = code;
	END IF;
	RETURN true;
END $$;

CREATE TABLE frontdesk.contacts (
	id         text COLLATE "C" PRIMARY KEY,
	version    bigint NOT NULL,
	stage      text NOT NULL,
	created    bigint,
	identities text NOT NULL, -- JSON, as it was given; table identities finds by it
	tags       text NOT NULL, -- JSON
	fields     text NOT NULL  -- JSON
) WITH (fillfactor = 80);

CREATE TABLE frontdesk.identities (
	channel text COLLATE "C" NOT NULL,
	address text COLLATE "C" NOT NULL,
	contact text COLLATE "C" NOT NULL,
	PRIMARY KEY (channel, address)
);
CREATE INDEX identities_contact ON frontdesk.identities (contact);

CREATE TABLE frontdesk.conversations (
	id            text COLLATE "C" PRIMARY KEY,
	contact       text COLLATE "C" NOT NULL,
	channel       text COLLATE "C" NOT NULL,
	status        text COLLATE "C" NOT NULL,
	team_id       text COLLATE "C" NOT NULL,
	assignee_kind text COLLATE "C" NOT NULL,
	assignee_id   text COLLATE "C" NOT NULL,
	awaits_human  boolean NOT NULL,
	opted_out     boolean NOT NULL,
	epoch         bigint NOT NULL,
	version       bigint NOT NULL,
	last_seq      bigint NOT NULL,
	last_inbound  bigint,
	unanswered    bigint NOT NULL,
	summary       text NOT NULL,
	closing_note  text NOT NULL,
	created       bigint,
	closed_at     bigint,
	UNIQUE (contact, channel)
) WITH (fillfactor = 70);

CREATE TABLE frontdesk.messages (
	conversation text COLLATE "C" NOT NULL,
	seq          bigint NOT NULL,
	id           text COLLATE "C" NOT NULL,
	direction    text NOT NULL,
	author_kind  text NOT NULL,
	author_id    text NOT NULL,
	author_name  text NOT NULL,
	text         text NOT NULL,
	at           bigint,
	turn_id      text COLLATE "C" NOT NULL,
	disposition  text NOT NULL,
	status       text NOT NULL,
	reason       text NOT NULL,
	provider_id  text COLLATE "C", -- NULL: none
	channel      text COLLATE "C", -- the conversation's, where there is a provider_id
	epoch        bigint NOT NULL,
	exempt       boolean NOT NULL,
	follow_up    boolean NOT NULL,
	template     text NOT NULL,
	attempts     bigint NOT NULL,
	claimed_at   bigint,
	settled_at   bigint,
	pending      text,             -- 'waiting', 'outbox' or NULL
	PRIMARY KEY (conversation, seq)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX messages_id ON frontdesk.messages (id);
CREATE INDEX messages_provider ON frontdesk.messages (provider_id, channel) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_pending ON frontdesk.messages (conversation, seq) WHERE pending IS NOT NULL;

CREATE TABLE frontdesk.dedupe (
	key        text COLLATE "C" PRIMARY KEY,
	message_id text COLLATE "C" NOT NULL
);

-- Records of turns that ended.
CREATE TABLE frontdesk.turns (
	conversation text COLLATE "C" NOT NULL,
	id           text COLLATE "C" NOT NULL,
	record       text NOT NULL, -- JSON
	PRIMARY KEY (conversation, id)
);

CREATE TABLE frontdesk.journal (
	conversation text COLLATE "C" NOT NULL,
	turn         text COLLATE "C" NOT NULL,
	n            bigint NOT NULL,
	kind         text NOT NULL,
	at           bigint,
	data         bytea,
	PRIMARY KEY (conversation, turn, n)
);

-- Each conversation has its two lanes, with their tasks: an object for each
-- kind, of d (due; null: blocked), a (attempts) and t (the rest, JSON as text).
-- A lane that has a task with a due time stands in one of two indexes, any
-- other in none: whatever is blocked or leased is in nobody's way.
CREATE TABLE frontdesk.lanes (
	conversation text COLLATE "C" NOT NULL,
	lane         text COLLATE "C" NOT NULL,
	token        bigint NOT NULL, -- of the newest claim
	until        bigint,          -- end of the lease; NULL: it was released
	worker       text NOT NULL,
	due          bigint,          -- the oldest of its tasks
	tasks        jsonb NOT NULL,
	PRIMARY KEY (conversation, lane)
) WITH (fillfactor = 50);
CREATE INDEX lanes_ready ON frontdesk.lanes (due) WHERE until IS NULL AND due IS NOT NULL;
CREATE INDEX lanes_leased ON frontdesk.lanes (greatest(due, until)) WHERE until IS NOT NULL AND due IS NOT NULL;

CREATE TABLE frontdesk.approvals (
	id           text COLLATE "C" PRIMARY KEY,
	conversation text COLLATE "C" NOT NULL,
	turn_id      text NOT NULL,
	agent        text NOT NULL,
	name         text NOT NULL,
	key          text NOT NULL,
	arguments    text NOT NULL,
	instructions text NOT NULL,
	epoch        bigint NOT NULL,
	status       text NOT NULL,
	by           text NOT NULL,
	outcome      text NOT NULL,
	at           bigint
);

CREATE TABLE frontdesk.rotations (
	name    text COLLATE "C" PRIMARY KEY,
	last    text NOT NULL,
	version bigint NOT NULL
) WITH (fillfactor = 50);

-- Users stay when they have none.
CREATE TABLE frontdesk.loads (
	user_id text COLLATE "C" PRIMARY KEY,
	open    bigint NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX loads_version ON frontdesk.loads (version);

-- The newest version in loads. One row.
CREATE TABLE frontdesk.load_version (
	version bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO frontdesk.load_version VALUES (0);

-- A conversation counts for a user while it is open and assigned to them. It
-- is counted at the end of a transaction, so that the one row of load_version
-- is locked for as short as can be.
CREATE FUNCTION frontdesk.count_load() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	before text COLLATE "C";
	after   text COLLATE "C";
	v      bigint;
BEGIN
	IF TG_OP <> 'INSERT' AND OLD.status = 'open' AND OLD.assignee_kind = 'user' AND OLD.assignee_id <> '' THEN
		before := OLD.assignee_id;
	END IF;
	IF TG_OP <> 'DELETE' AND NEW.status = 'open' AND NEW.assignee_kind = 'user' AND NEW.assignee_id <> '' THEN
		after := NEW.assignee_id;
	END IF;
	IF before IS NOT DISTINCT FROM after THEN
		RETURN NULL;
	END IF;
	UPDATE frontdesk.load_version SET version = version + 1 RETURNING version INTO v;
	INSERT INTO frontdesk.loads AS l (user_id, open, version)
		SELECT u, n, v FROM (VALUES (before, -1), (after, 1)) x(u, n) WHERE u IS NOT NULL
		ON CONFLICT (user_id) DO UPDATE SET open = l.open + excluded.open, version = excluded.version;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER count_new AFTER INSERT ON frontdesk.conversations DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.assignee_kind = 'user') EXECUTE FUNCTION frontdesk.count_load();
CREATE CONSTRAINT TRIGGER count_moved AFTER UPDATE ON frontdesk.conversations DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN ((OLD.status, OLD.assignee_kind, OLD.assignee_id) IS DISTINCT FROM (NEW.status, NEW.assignee_kind, NEW.assignee_id))
	EXECUTE FUNCTION frontdesk.count_load();
CREATE CONSTRAINT TRIGGER count_gone AFTER DELETE ON frontdesk.conversations DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (OLD.assignee_kind = 'user') EXECUTE FUNCTION frontdesk.count_load();
`, `
-- The desk's. Those who never wrote, and outcomes without a time, sort as the
-- zero time. The status stands before the time, so that a few open
-- conversations are found among many closed ones.
CREATE INDEX conversations_recent ON frontdesk.conversations (status, coalesce(last_inbound, -62135596800000000), id);
CREATE INDEX conversations_assignee ON frontdesk.conversations (assignee_kind, assignee_id, status, coalesce(last_inbound, -62135596800000000), id);
CREATE INDEX conversations_team ON frontdesk.conversations (team_id, status, coalesce(last_inbound, -62135596800000000), id) WHERE team_id <> '';
CREATE INDEX conversations_waiting ON frontdesk.conversations (status, coalesce(last_inbound, -62135596800000000), id) WHERE awaits_human;
CREATE INDEX messages_undelivered ON frontdesk.messages (coalesce(settled_at, -62135596800000000), id)
	WHERE direction = 'outbound' AND status IN ('failed', 'unknown');
CREATE INDEX approvals_conversation ON frontdesk.approvals (conversation);
CREATE INDEX approvals_pending ON frontdesk.approvals (conversation) WHERE status = 'pending';
CREATE INDEX dedupe_message ON frontdesk.dedupe (message_id);

-- How often the bytes of something deleted had to be taken out of the tables,
-- and how many of these were; and the last transaction that deleted. One row.
CREATE TABLE frontdesk.purge (
	wanted      bigint NOT NULL,
	done        bigint NOT NULL,
	transaction xid8
);
INSERT INTO frontdesk.purge VALUES (0, 0);

-- Statistics are samples of what people wrote, in a catalog where no deletion
-- reaches. The plans do not depend on them.
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT a.attrelid::regclass AS t, a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
		WHERE r.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = 'frontdesk.contacts'::regclass) AND r.relkind = 'r' AND a.attnum > 0 AND a.atttypid IN ('text'::regtype, 'bytea'::regtype, 'jsonb'::regtype)
	LOOP
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', c.t, c.attname);
	END LOOP;
END $$;
`}

// migrate brings a schema to the newest version, each step in a transaction
// of its own. It refuses a schema that a newer version of the package made,
// or that is somebody else's.
func migrate(ctx context.Context, c *pgx.Conn, schema string, steps []string) error {
	for {
		// A schema that is up to date needs no lock and no rights.
		version, err := schemaOf(ctx, c, schema, len(steps))
		if err != nil || version == len(steps) {
			return err
		}
		if err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return advance(ctx, tx, schema, steps) }); err != nil {
			return err
		}
	}
}

// advance makes one step, under a lock: somebody else may have been faster.
func advance(ctx context.Context, tx pgx.Tx, schema string, steps []string) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockOf(schema)); err != nil {
		return err
	}
	version, err := schemaOf(ctx, tx, schema, len(steps))
	if err != nil || version == len(steps) {
		return err
	}
	if version == 0 {
		if err := prepare(ctx, tx, schema); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, qualified(steps[version], schema)); err != nil {
		return fmt.Errorf("migration %d: %w", version+1, err)
	}
	_, err = tx.Exec(ctx, qualified("UPDATE frontdesk.schema_version SET version = $1", schema), version+1)
	return err
}

// prepare makes an empty schema of ours.
func prepare(ctx context.Context, tx pgx.Tx, schema string) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", pgx.Identifier{schema}.Sanitize()).Scan(&there); err != nil {
		return err
	}
	if !there { // the check spares those who have a schema a right on the database
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, qualified("CREATE TABLE frontdesk.schema_version (version bigint NOT NULL); INSERT INTO frontdesk.schema_version VALUES (0)", schema))
	return err
}

// lockOf is the advisory lock of a schema.
func lockOf(schema string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("frontdesk migrations of " + schema)) // never fails
	return int64(h.Sum64())
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schemaOf returns how many migrations the schema has seen, of those that
// there are.
func schemaOf(ctx context.Context, q querier, schema string, known int) (version int, err error) {
	var ours, others bool
	err = q.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL, EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = to_regnamespace($2))`,
		pgx.Identifier{schema, "schema_version"}.Sanitize(), pgx.Identifier{schema}.Sanitize()).Scan(&ours, &others)
	switch {
	case err != nil:
		return 0, err
	case !ours && others:
		return 0, errors.New("it has tables of another program: give Options.Schema a name of its own")
	case !ours:
		return 0, nil
	}
	if err = q.QueryRow(ctx, qualified("SELECT version FROM frontdesk.schema_version", schema)).Scan(&version); err != nil {
		return 0, err
	}
	if version > known {
		return 0, fmt.Errorf("its version is %d and this program knows versions up to %d: a newer program has used it; run that one, or restore a backup from before", version, known)
	}
	return version, nil
}
