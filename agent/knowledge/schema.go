package knowledge

// applicationID marks our files in their header ("frkn").
const applicationID = 0x66726b6e

// migrations lead from each version of the schema to the next. Those that
// were released are never changed: a file remembers only how many it has
// seen.
//
// The words of a passage come from this package and not from a tokenizer of
// SQLite: what FTS5 is given are words without case and accents, with a space
// between them, which its tokenizer "ascii" leaves as they are. So the index
// holds no text, only words; the text stands in the passages.
var migrations = []string{`
CREATE TABLE documents (
	n        INTEGER PRIMARY KEY,
	source   TEXT NOT NULL UNIQUE,
	format   TEXT NOT NULL,
	digest   BLOB NOT NULL, -- of what the passages were made of
	bytes    INTEGER NOT NULL,
	passages INTEGER NOT NULL
) STRICT;

CREATE TABLE passages (
	n        INTEGER PRIMARY KEY,
	document INTEGER NOT NULL,
	at       INTEGER NOT NULL, -- its place in the document, from 0
	part     TEXT NOT NULL,    -- the heading, row or page; may be empty
	text     TEXT NOT NULL,
	words    INTEGER NOT NULL,
	UNIQUE (document, at)
) STRICT;

-- Sums over all passages. One row.
CREATE TABLE totals (
	n        INTEGER PRIMARY KEY,
	passages INTEGER NOT NULL,
	words    INTEGER NOT NULL
) STRICT;
INSERT INTO totals (n, passages, words) VALUES (1, 0, 0);

CREATE VIRTUAL TABLE word_index USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE VIRTUAL TABLE word_counts USING fts5vocab (word_index, 'row');
`}
