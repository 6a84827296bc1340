package memstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// A Store applies a commit only if nothing it was decided from has changed
// since: who comes second reads again.
func ExampleNew() {
	ctx := context.Background()
	var store agent.Store = memstore.New()

	who := frontdesk.Identity{Channel: "whatsapp", Address: "+62811"}
	err := store.Commit(ctx, agent.Commit{
		Contact:      &frontdesk.Contact{ID: "c1", Identities: []frontdesk.Identity{who}},
		Conversation: &frontdesk.Conversation{ID: "v1", ContactID: "c1", Channel: "whatsapp", Status: frontdesk.Open},
	})
	fmt.Println(err)

	view, err := store.Load(ctx, agent.Query{Identity: who})
	fmt.Println(view.Conversation.ID, view.Conversation.Version, err)
	first, second := *view.Conversation, *view.Conversation
	first.TeamID, second.TeamID = "sales", "support"
	fmt.Println(store.Commit(ctx, agent.Commit{Conversation: &first}))
	fmt.Println(errors.Is(store.Commit(ctx, agent.Commit{Conversation: &second}), agent.ErrConflict))
	// Output:
	// <nil>
	// v1 1 <nil>
	// <nil>
	// true
}
