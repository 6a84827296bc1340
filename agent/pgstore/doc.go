// Package pgstore is an [agent.Store] in a PostgreSQL database.
package pgstore
