// Package routing decides who gets a conversation (S5).
package routing

import "github.com/seed-a71cb1d8/frontdesk"

// Directory is an index of a workspace's names.
type Directory struct{ ws *frontdesk.Workspace }

// NewDirectory indexes the workspace.
func NewDirectory(ws *frontdesk.Workspace) *Directory { return &Directory{ws: ws} }
