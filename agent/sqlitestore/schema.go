package sqlitestore

// applicationID marks our files in their header ("frdk").
const applicationID = 0x6672646b

// migrations lead from each version of the schema to the next. Those that
// were released are never changed: a file remembers only how many it has
// seen.
//
// What belongs to a conversation goes by its number and not by its ID, which
// is a third of the size. Times are microseconds since 1970 in UTC, NULL for
// none. JSON is what the store never looks into.
var migrations = []string{`
CREATE TABLE contacts (
	n          INTEGER PRIMARY KEY,
	id         TEXT NOT NULL UNIQUE,
	version    INTEGER NOT NULL,
	stage      TEXT NOT NULL,
	created    INTEGER,
	identities TEXT NOT NULL, -- JSON, as it was given; table identities finds by it
	tags       TEXT NOT NULL, -- JSON
	fields     TEXT NOT NULL  -- JSON
) STRICT;

CREATE TABLE identities (
	channel TEXT NOT NULL,
	address TEXT NOT NULL,
	contact INTEGER NOT NULL,
	PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
	n             INTEGER PRIMARY KEY,
	id            TEXT NOT NULL UNIQUE,
	contact       INTEGER NOT NULL,
	channel       TEXT NOT NULL,
	status        TEXT NOT NULL,
	team_id       TEXT NOT NULL,
	assignee_kind TEXT NOT NULL,
	assignee_id   TEXT NOT NULL,
	awaits_human  INTEGER NOT NULL,
	opted_out     INTEGER NOT NULL,
	epoch         INTEGER NOT NULL,
	version       INTEGER NOT NULL,
	last_seq      INTEGER NOT NULL,
	last_inbound  INTEGER,
	unanswered    INTEGER NOT NULL,
	summary       TEXT NOT NULL,
	closing_note  TEXT NOT NULL,
	created       INTEGER,
	closed_at     INTEGER,
	UNIQUE (contact, channel)
) STRICT;

-- Clustered, so that the newest messages of a conversation lie side by side.
CREATE TABLE messages (
	conversation INTEGER NOT NULL,
	seq          INTEGER NOT NULL,
	id           TEXT NOT NULL,
	direction    TEXT NOT NULL,
	author_kind  TEXT NOT NULL,
	author_id    TEXT NOT NULL,
	author_name  TEXT NOT NULL,
	text         TEXT NOT NULL,
	at           INTEGER,
	turn_id      TEXT NOT NULL,
	disposition  TEXT NOT NULL,
	status       TEXT NOT NULL,
	reason       TEXT NOT NULL,
	provider_id  TEXT,           -- NULL: none
	channel      TEXT,           -- the conversation's, where there is a provider_id
	epoch        INTEGER NOT NULL,
	exempt       INTEGER NOT NULL,
	follow_up    INTEGER NOT NULL,
	template     TEXT NOT NULL,
	attempts     INTEGER NOT NULL,
	claimed_at   INTEGER,
	settled_at   INTEGER,
	pending      TEXT,           -- 'waiting', 'outbox' or NULL
	PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE INDEX messages_provider ON messages (provider_id, channel) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_pending ON messages (conversation, pending, seq) WHERE pending IS NOT NULL;

CREATE TABLE dedupe (
	key        TEXT NOT NULL PRIMARY KEY,
	message_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A turn has a row from its first line in the journal, its record at its end.
CREATE TABLE turns (
	n            INTEGER PRIMARY KEY,
	id           TEXT NOT NULL UNIQUE,
	conversation INTEGER NOT NULL,
	record       TEXT -- JSON
) STRICT;
CREATE INDEX turns_conversation ON turns (conversation);

CREATE TABLE journal (
	turn INTEGER NOT NULL,
	n    INTEGER NOT NULL,
	kind TEXT NOT NULL,
	at   INTEGER,
	data BLOB,
	PRIMARY KEY (turn, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
	conversation INTEGER NOT NULL,
	kind         TEXT NOT NULL,
	lane         TEXT NOT NULL,
	due          INTEGER, -- NULL: blocked
	attempts     INTEGER NOT NULL,
	turn_id      TEXT NOT NULL,
	failures     INTEGER NOT NULL,
	detail       TEXT NOT NULL, -- JSON: trigger, ladder, calls, echoes
	PRIMARY KEY (conversation, kind)
) STRICT, WITHOUT ROWID;

-- A lane that has a task with a due time stands in one of two indexes, any
-- other in none: whatever is blocked or leased is in nobody's way.
CREATE TABLE lanes (
	conversation INTEGER NOT NULL,
	lane         TEXT NOT NULL,
	token        INTEGER NOT NULL, -- of the newest claim
	until        INTEGER,          -- end of the lease; NULL: it was released
	worker       TEXT NOT NULL,
	due          INTEGER,          -- the oldest of its tasks
	ready        INTEGER,          -- due, if it may be claimed from then on
	leased       INTEGER,          -- else when it may be: due or until, whichever is later
	PRIMARY KEY (conversation, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_ready ON lanes (ready) WHERE ready IS NOT NULL;
CREATE INDEX lanes_leased ON lanes (leased) WHERE leased IS NOT NULL;

CREATE TABLE approvals (
	id           TEXT NOT NULL PRIMARY KEY,
	conversation INTEGER NOT NULL,
	turn_id      TEXT NOT NULL,
	agent        TEXT NOT NULL,
	name         TEXT NOT NULL,
	key          TEXT NOT NULL,
	arguments    TEXT NOT NULL,
	instructions TEXT NOT NULL,
	epoch        INTEGER NOT NULL,
	status       TEXT NOT NULL,
	by           TEXT NOT NULL,
	outcome      TEXT NOT NULL,
	at           INTEGER
) STRICT;

CREATE TABLE rotations (
	name    TEXT NOT NULL PRIMARY KEY,
	last    TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The load version is the newest one here: users stay when they have none.
CREATE TABLE loads (
	user_id TEXT NOT NULL PRIMARY KEY,
	open    INTEGER NOT NULL,
	version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loads_version ON loads (version);
`, `
-- The desk's. Those who never wrote, and outcomes without a time, sort as the
-- zero time: NULL compares with nothing. The status stands before the time, so
-- that a few open conversations are found among many closed ones.
CREATE INDEX conversations_recent ON conversations (status, ifnull(last_inbound, -62135596800000000), id);
CREATE INDEX conversations_assignee ON conversations (assignee_kind, assignee_id, status, ifnull(last_inbound, -62135596800000000), id);
CREATE INDEX conversations_team ON conversations (team_id, status, ifnull(last_inbound, -62135596800000000), id) WHERE team_id <> '';
CREATE INDEX conversations_waiting ON conversations (status, ifnull(last_inbound, -62135596800000000), id) WHERE awaits_human = 1;
CREATE INDEX messages_undelivered ON messages (ifnull(settled_at, -62135596800000000), id)
	WHERE direction = 'outbound' AND status IN ('failed', 'unknown');
CREATE INDEX approvals_conversation ON approvals (conversation);
CREATE INDEX approvals_pending ON approvals (conversation) WHERE status = 'pending';
CREATE INDEX dedupe_message ON dedupe (message_id);

-- How often the bytes of something deleted had to be taken out of the file,
-- and how many of these were. One row.
CREATE TABLE purge (
	n      INTEGER PRIMARY KEY,
	wanted INTEGER NOT NULL,
	done   INTEGER NOT NULL
) STRICT;
INSERT INTO purge (n, wanted, done) VALUES (1, 0, 0);
`}
