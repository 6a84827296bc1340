package pgstore

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// statement is one SQL statement of the package. Its tables stand in schema
// frontdesk, which a store replaces by its own.
type statement struct {
	sql string
	n   int // its place in statements
}

// statements are all statements of the package, so that a test can read the
// plan of each.
var statements []*statement

func define(sql string) *statement {
	s := &statement{sql: sql, n: len(statements)}
	statements = append(statements, s)
	return s
}

// qualified writes the name of a store's schema into SQL.
func qualified(sql, schema string) string {
	return strings.ReplaceAll(sql, defaultSchema+".", pgx.Identifier{schema}.Sanitize()+".")
}
