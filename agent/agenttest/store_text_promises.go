package agenttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// hostileTexts are valid texts that stores and channels got wrong before.
var hostileTexts = []string{
	"line\nline\r\nline\ttab",
	"  spaces around  ",
	"' \" ` \\ % _ ; -- /* */ $1 ? :name {{.}} <b>&amp;</b>",
	"'; DROP TABLE messages; --",
	"separators \u2028 and \u2029, no-break \u00a0, zero width \u200b\u200d\ufeff",
	"emoji 👩‍👩‍👧‍👦 🇮🇩 👍🏽",
	"combining e\u0301 and é, ſ and s, İ and i",
	"right to left: שלום עליכם مرحبا \u202ereversed\u202c",
	"Bahasa Indonesia: jam 5 sore, Rp 5.000.000",
	"中文 日本語 한국어 ไทย हिन्दी",
	"noncharacters \ufffe\uffff \U0010ffff and the replacement character \ufffd",
	"controls \x01\x02\x1b[31m\x7f\u0085",
	"null", "true", "0", "NaN", "{}", "[]", `{"a":1}`, "2025-03-10T09:00:00Z", "\\u0000", "\\x00", "%00",
	"𐀀 four bytes, 😀",
}

// noise is a text that hardly gets shorter by compression, always the same for
// the same name.
func noise(name string, size int) string {
	r := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(name))))
	out := make([]byte, size)
	for i := range out {
		out[i] = byte('!' + r.IntN('~'-'!'+1))
	}
	return string(out)
}

// textPromises are about the values that are kept.
var textPromises = []storePromise{
	{"text/kept", "gives every text back as it was: any valid UTF-8 without NUL", func(c *storeCase) {
		for i, text := range hostileTexts {
			id := fmt.Sprintf("c%02d", i)
			p, conv, m := person(id), opened(id), inbound(id, 1)
			p.Stage, p.Tags = text, []string{text, text + "2"}
			p.Fields = map[string]frontdesk.Value{text: frontdesk.Text(text)}
			conv.Summary, conv.ClosingNote, conv.TeamID = text, text, text
			m.Text, m.Author.Name, m.Reason = text, text, text
			turn := agent.Turn{ID: id + "-turn", ConversationID: id, Failure: text, Missing: []string{text}}
			put := agent.Task{ConversationID: id, Kind: agent.TaskTurn, Trigger: agent.Trigger{Reason: text, Summary: text}}
			c.commit(fmt.Sprintf("texts %q", text), agent.Commit{
				Contact: p, Conversation: conv, Messages: []frontdesk.Message{m}, Turns: []agent.Turn{turn}, Put: []agent.Task{put},
				Journal: []agent.Entry{{TurnID: turn.ID, N: 1, Data: fmt.Appendf(nil, "{\"t\":%q}", "x"+text)}},
			})
			v := c.load(agent.Query{ConversationID: id, History: 1, Tasks: true, TurnID: turn.ID})
			if len(v.History) != 1 || v.Turn == nil || len(v.Tasks) != 1 || len(v.Journal) != 1 || len(v.Turn.Missing) != 1 || len(v.Contact.Tags) != 2 {
				c.failf("%q: something of the commit is missing", text)
			}
			for what, got := range map[string]string{
				"stage": v.Contact.Stage, "tag": v.Contact.Tags[0], "field": v.Contact.Fields[text].String(),
				"summary": v.Conversation.Summary, "note": v.Conversation.ClosingNote, "team": v.Conversation.TeamID,
				"message": v.History[0].Text, "author": v.History[0].Author.Name, "reason": v.History[0].Reason,
				"failure": v.Turn.Failure, "missing": v.Turn.Missing[0],
				"trigger's reason": v.Tasks[0].Trigger.Reason, "trigger's summary": v.Tasks[0].Trigger.Summary,
			} {
				if want := strings.TrimSpace(text); got != text && (what != "field" || got != want) {
					c.failf("the %s was %q and came back as %q", what, text, got)
				}
			}
			if got, want := string(v.Journal[0].Data), fmt.Sprintf("{\"t\":%q}", "x"+text); got != want {
				c.failf("the data of a row was %q and came back as %q", want, got)
			}
		}
	}},
	{"text/ids", "takes any text as an ID, a key or an address, and tells all of them apart", func(c *storeCase) {
		for _, id := range hostileTexts {
			m, conv := inbound(id, 1), opened(id)
			m.ProviderID = id
			c.commit(fmt.Sprintf("IDs %q", id), agent.Commit{
				Contact: person(id), Conversation: conv, Messages: []frontdesk.Message{m}, Dedupe: map[string]string{id: m.ID},
				Turns:     []agent.Turn{{ID: id, ConversationID: id}},
				Approvals: []agent.Approval{{ID: id, ConversationID: id}},
				Rotations: []agent.Rotation{{Name: id, Last: id}},
				Put:       []agent.Task{{ConversationID: id, Kind: agent.TaskTurn, Due: c.at(0), TurnID: id}},
			})
		}
		for _, id := range hostileTexts {
			for _, q := range []agent.Query{
				{Identity: identity(id)}, {MessageID: id + "-1"}, {CallID: id}, {ProviderID: id, Identity: frontdesk.Identity{Channel: "chat"}},
			} {
				if v := c.load(q); v.Conversation == nil || v.Conversation.ID != id {
					c.failf("Load(%s) found the conversation %s; expected %q", canon(q), canon(v.Conversation), id)
				}
			}
			v := c.load(agent.Query{ConversationID: id, TurnID: id, DedupeKey: id, Rotations: []string{id}})
			if v.Turn == nil || v.Turn.ID != id || v.Duplicate != id+"-1" || v.Rotations[id].Last != id {
				c.failf("the turn, key or rotation %q came back as %s, %q, %s", id, canon(v.Turn), v.Duplicate, canon(v.Rotations))
			}
			c.claimed(c.claimOf(id, c.at(0)), id+"/turn")
		}
	}},
	{"text/long-ids", "takes IDs, keys, names and addresses of 1,024 bytes, and tells those apart that differ in the last", func(c *storeCase) {
		ends := []string{"a", "b"}
		beginnings := map[string]string{}
		long := func(what, end string) string { // each of its own, so that no compression makes it short
			if beginnings[what] == "" {
				beginnings[what] = noise(what, 1023)
			}
			return beginnings[what] + end
		}
		at := func(end string) frontdesk.Identity {
			return frontdesk.Identity{Channel: long("channel", ""), Address: long("address", end)}
		}
		for _, end := range ends {
			id, m := long("conversation", end), inbound(end, 1)
			p, conv := person(end), opened(id)
			p.ID, p.Identities = long("contact", end), []frontdesk.Identity{at(end)}
			conv.ContactID, conv.Channel, conv.TeamID = p.ID, at(end).Channel, long("team", end)
			conv.Assignee = frontdesk.Assignee{Kind: frontdesk.AssigneeUser, ID: long("user", end)}
			m.ID, m.ConversationID, m.ProviderID = long("message", end), id, long("provider", end)
			c.commit("long IDs", agent.Commit{
				Contact: p, Conversation: conv, Messages: []frontdesk.Message{m}, Dedupe: map[string]string{long("key", end): m.ID},
				Turns:     []agent.Turn{{ID: long("turn", end), ConversationID: id}},
				Journal:   []agent.Entry{{TurnID: long("turn", end), N: 1, Kind: agent.EntryStart, Data: []byte(`{}`)}},
				Approvals: []agent.Approval{{ID: long("call", end), ConversationID: id}},
				Rotations: []agent.Rotation{{Name: long("rotation", end), Last: long("user", end)}},
				Put:       []agent.Task{{ConversationID: id, Kind: agent.TaskTurn, Due: c.at(0), TurnID: long("turn", end)}},
			})
		}
		for _, end := range ends {
			id := long("conversation", end)
			for _, q := range []agent.Query{
				{Identity: at(end)}, {MessageID: long("message", end)}, {CallID: long("call", end)},
				{ProviderID: long("provider", end), Identity: frontdesk.Identity{Channel: at(end).Channel}},
			} {
				if v := c.load(q); v.Conversation == nil || v.Conversation.ID != id {
					c.failf("a query by a long ID did not find its conversation")
				}
			}
			v := c.load(agent.Query{ConversationID: id, TurnID: long("turn", end), DedupeKey: long("key", end), Rotations: []string{long("rotation", end)}})
			if v.Turn == nil || len(v.Journal) != 1 || v.Duplicate != long("message", end) || v.Rotations[long("rotation", end)].Last != long("user", end) {
				c.failf("a turn, its journal, a key or a rotation with a long ID was not found")
			}
			if got := c.claimOf(id, c.at(0)).Tasks; len(got) != 1 {
				c.failf("the task of a conversation with a long ID was not claimed")
			}
		}
	}},
	{"text/long", "keeps a message of 1 MB", func(c *storeCase) {
		c.conversation("a")
		m := inbound("a", 1)
		m.Text = strings.Repeat("0123456789 héllo 👋 ", 50_000)
		c.messages("a", m)
		got := c.all("a")
		if len(got.History) != 1 || got.History[0].Text != m.Text {
			c.failf("a text of %d bytes came back changed", len(m.Text))
		}
	}},
	{"text/code-points", "gives back every code point of Unicode but NUL and the surrogates, noncharacters among them", func(c *storeCase) {
		const size = 1 << 14
		for first := rune(1); first <= unicode.MaxRune; first += size {
			var b strings.Builder
			for r := first; r < first+size && r <= unicode.MaxRune; r++ {
				if utf8.ValidRune(r) {
					b.WriteRune(r)
				}
			}
			if b.Len() == 0 {
				continue // surrogates alone
			}
			text, id := b.String(), fmt.Sprintf("c%06x", first)
			p, conv, m := person(id), opened(id), inbound(id, 1)
			p.Tags, m.Text, conv.Summary = []string{text}, text, text
			c.commit(fmt.Sprintf("the code points from %U", first), agent.Commit{
				Contact: p, Conversation: conv, Messages: []frontdesk.Message{m}, Turns: []agent.Turn{{ID: id, ConversationID: id, Failure: text}},
			})
			v := c.load(agent.Query{ConversationID: id, History: 1, TurnID: id})
			if len(v.History) != 1 || v.Turn == nil || len(v.Contact.Tags) != 1 {
				c.failf("the code points from %U: something of the commit is missing", first)
			}
			for what, got := range map[string]string{"message": v.History[0].Text, "summary": v.Conversation.Summary, "tag": v.Contact.Tags[0], "turn": v.Turn.Failure} {
				if got != text {
					c.failf("the code points from %U came back changed in the %s: %q for %q", first, what, shortenAround(got, text), shortenAround(text, got))
				}
			}
		}
	}},
	{"text/long-journal", "keeps a journal row and a turn of 1 MB", func(c *storeCase) {
		c.conversation("a")
		text := strings.Repeat("0123456789 héllo 👋 ", 50_000)
		row := agent.Entry{TurnID: "turn", N: 1, Kind: agent.EntryAnswer, Data: fmt.Appendf(nil, `{"t":%q}`, text)}
		conv := c.stored("a")
		c.commit("a long row", agent.Commit{Conversation: &conv, Journal: []agent.Entry{row}, Turns: []agent.Turn{{ID: "turn", ConversationID: "a", Failure: text}}})
		v := c.load(agent.Query{ConversationID: "a", TurnID: "turn"})
		if len(v.Journal) != 1 || !bytes.Equal(v.Journal[0].Data, row.Data) || v.Turn == nil || v.Turn.Failure != text {
			c.failf("a journal row and a turn of %d bytes came back changed", len(text))
		}
	}},
	{"time/instant", "gives times back as the same instant to the microsecond, whatever zone they came in", func(c *storeCase) {
		zone := time.FixedZone("somewhere", 7*3600)
		at := time.Date(2025, 7, 1, 23, 59, 59, 123456000, zone)
		conv := c.conversation("a")
		conv.LastInbound = at
		m := inbound("a", 1)
		m.At = at
		c.commit("times", agent.Commit{Conversation: &conv, Messages: []frontdesk.Message{m}, Put: []agent.Task{{ConversationID: "a", Kind: agent.TaskTurn, Due: at}}})
		v := c.all("a")
		for what, got := range map[string]time.Time{"LastInbound": v.Conversation.LastInbound, "At": v.History[0].At, "Due": v.Tasks[0].Due} {
			if !got.Equal(at) {
				c.failf("%s was %s and came back as %s", what, at, got)
			}
		}
		if !v.Conversation.ClosedAt.IsZero() || !v.History[0].SettledAt.IsZero() {
			c.failf("a zero time came back as %s and %s", v.Conversation.ClosedAt, v.History[0].SettledAt)
		}
		c.claimed(c.claim(at.Add(-time.Microsecond), 1))
		c.claimed(c.claim(at.UTC(), 1), "a/turn")
	}},
}

// concurrencyPromises are about callers that come at once.
var concurrencyPromises = []storePromise{
	{"parallel/claim", "gives each lane to one of several that claim at once", func(c *storeCase) {
		const lanes = 120
		for i := range lanes / 2 {
			c.conversation(fmt.Sprintf("c%03d", i), turnTask(c.at(i%7)), task(agent.TaskSend, c.at(i%5)))
		}
		var mu sync.Mutex
		given, times := 0, map[string]int{}
		c.parallel(8, func(int) error {
			for {
				got, err := c.Claim(c.ctx, agent.ClaimQuery{Now: c.at(10), Until: c.at(70), Worker: "w", Max: 3})
				if err != nil || len(got.Tasks) == 0 {
					return err
				}
				mu.Lock()
				for _, t := range got.Tasks {
					times[t.ConversationID+"/"+string(t.Kind)]++
					given++
				}
				enough := given > 2*lanes // it gives the same ones for ever
				mu.Unlock()
				if enough {
					return nil
				}
			}
		})
		for lane, n := range times {
			if n != 1 {
				c.failf("%s was given %d times at once", lane, n)
			}
		}
		c.equal("number of tasks that were given", lanes, len(times))
	}},
	{"parallel/version", "lets one of several commits on the same version through, and refuses the others (ErrConflict)", func(c *storeCase) {
		c.conversation("a")
		const rounds = 15
		c.contest(rounds, func(worker int) (agent.Commit, error) {
			v, err := c.Load(c.ctx, agent.Query{ConversationID: "a"})
			if err != nil {
				return agent.Commit{}, err
			}
			conv := *v.Conversation
			conv.Unanswered++
			conv.Summary = fmt.Sprint(worker)
			return agent.Commit{Conversation: &conv}, nil
		})
		c.equal("commits that were counted", rounds, c.stored("a").Unanswered)
		c.equal("the version", rounds+1, c.stored("a").Version)
	}},
	{"parallel/accept", "stores a message once that several accept at once, with one contact and one conversation", func(c *storeCase) {
		var mu sync.Mutex
		won := 0
		c.parallel(8, func(i int) error {
			p, v, m := person("a"), opened("a"), inbound("a", 1)
			p.ID, v.ID, m.ID = fmt.Sprintf("contact-%d", i), fmt.Sprintf("conv-%d", i), fmt.Sprintf("m-%d", i)
			v.ContactID, m.ConversationID = p.ID, v.ID
			err := c.Commit(c.ctx, agent.Commit{Dedupe: map[string]string{"key": m.ID}, Contact: p, Conversation: v, Messages: []frontdesk.Message{m}})
			switch {
			case err == nil:
				mu.Lock()
				won++
				mu.Unlock()
			case !errors.Is(err, agent.ErrDuplicate) && !errors.Is(err, agent.ErrConflict):
				return err
			}
			return nil
		})
		c.equal("number of commits that went through", 1, won)
		v := c.load(agent.Query{Identity: identity("a"), DedupeKey: "key", History: 9})
		if v.Conversation == nil || len(v.History) != 1 || v.History[0].ID != v.Duplicate || v.Conversation.ContactID != v.Contact.ID {
			c.failf("of the commit that went through one can read %s", canon(v))
		}
	}},
	{"parallel/rotation", "moves a rotation once for each commit, without a gap and without a repeat", func(c *storeCase) {
		const rounds = 15
		c.contest(rounds, func(int) (agent.Commit, error) {
			v, err := c.Load(c.ctx, agent.Query{Rotations: []string{"r"}})
			r := v.Rotations["r"]
			r.Name, r.Last = "r", r.Last+"."
			return agent.Commit{Rotations: []agent.Rotation{r}}, err
		})
		got := c.load(agent.Query{Rotations: []string{"r"}}).Rotations["r"]
		c.equal("the rotation", agent.Rotation{Name: "r", Last: strings.Repeat(".", rounds), Version: rounds}, got)
	}},
	{"parallel/moment", "reads everything in a View as of one moment", func(c *storeCase) {
		c.conversation("a")
		const writes = 60
		stop := make(chan struct{})
		c.parallel(4, func(i int) error {
			if i == 0 {
				defer close(stop)
				for n := 1; n <= writes; n++ {
					if err := c.lockstep("a", n); err != nil {
						return err
					}
				}
				return nil
			}
			for {
				v, err := c.Load(c.ctx, agent.Query{ConversationID: "a", History: 1000, Tasks: true, TurnID: "turn", Rotations: []string{"r"}, DedupeKey: "none"})
				if err != nil {
					return err
				}
				n := int(v.Conversation.LastSeq)
				task := v.Task(agent.TaskTurn)
				if len(v.History) != n || len(v.Journal) != n || v.Contact.Stage != stage(n) || int(v.Rotations["r"].Version) != n || n > 0 && (task == nil || task.Failures != n) {
					return fmt.Errorf("a View shows %d commits by the conversation, %d by messages, %d by journal, %q by contact, %d by rotation, and the task %s",
						n, len(v.History), len(v.Journal), v.Contact.Stage, v.Rotations["r"].Version, canon(task))
				}
				select {
				case <-stop:
					return nil
				default:
				}
			}
		})
		c.equal("commits that were counted", writes, c.stored("a").LastSeq)
	}},
	{"parallel/fence", "lets nobody write under a token once a newer one was given", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.parallel(6, func(int) error {
			for round := range 15 {
				now := c.at(100 * (round + 1))
				got, err := c.Claim(c.ctx, agent.ClaimQuery{Now: now, Until: now.Add(time.Second), Worker: "w", Max: 1, ConversationID: "a"})
				if err != nil {
					return err
				}
				for _, t := range got.Tasks {
					// The row's number is the token, so that a journal out of
					// order shows a writer who was too late.
					row := agent.Entry{TurnID: "turn", N: int(t.Fence.Token), Kind: agent.EntryStart, Data: []byte(`{}`)}
					err := c.Append(c.ctx, agent.Append{Fence: t.Fence, Rows: []agent.Entry{row}})
					if err != nil && !errors.Is(err, agent.ErrFenced) {
						return err
					}
					v, err := c.Load(c.ctx, agent.Query{ConversationID: "a", TurnID: "turn", Tasks: true})
					if err != nil {
						return err
					}
					if last := v.Journal; len(last) > 0 && last[len(last)-1].N < int(t.Fence.Token) && c.Append(c.ctx, agent.Append{Fence: t.Fence}) == nil {
						return fmt.Errorf("the holder of token %d wrote a row and cannot read it", t.Fence.Token)
					}
				}
			}
			return nil
		})
	}},
}

func stage(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("stage %d", n)
}

// lockstep is the n-th of commits that move everything by one.
func (c *storeCase) lockstep(id string, n int) error {
	v, err := c.Load(c.ctx, agent.Query{ConversationID: id})
	if err != nil {
		return err
	}
	conv, p := *v.Conversation, v.Contact.Clone()
	conv.LastSeq, p.Stage = int64(n), stage(n)
	return c.Commit(c.ctx, agent.Commit{
		Contact: &p, Conversation: &conv, Messages: []frontdesk.Message{inbound(id, int64(n))},
		Journal:   []agent.Entry{{TurnID: "turn", N: n, Kind: agent.EntryAnswer, Data: []byte(`{}`)}},
		Put:       []agent.Task{{ConversationID: id, Kind: agent.TaskTurn, Due: c.at(n), Failures: n}},
		Rotations: []agent.Rotation{{Name: "r", Version: int64(n - 1)}},
	})
}

// contest lets several prepare a commit from what they read, and only then
// commit, all at once: one of them has to get through each round.
func (c *storeCase) contest(rounds int, prepare func(worker int) (agent.Commit, error)) {
	const workers = 8
	for round := range rounds {
		var read sync.WaitGroup
		read.Add(workers)
		var mu sync.Mutex
		won := 0
		c.parallel(workers, func(i int) error {
			commit, err := func() (agent.Commit, error) {
				defer read.Done()
				return prepare(i)
			}()
			read.Wait()
			if err != nil {
				return err
			}
			switch err := c.Commit(c.ctx, commit); {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				won++
			case !errors.Is(err, agent.ErrConflict):
				return err
			}
			return nil
		})
		c.equal(fmt.Sprintf("number of commits that went through in round %d", round+1), 1, won)
	}
}

// parallel runs f n times at once and reports the errors.
func (c *storeCase) parallel(n int, f func(i int) error) {
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	old := c.ctx
	c.ctx = ctx
	defer func() { c.ctx = old }()
	errs := make([]error, n)
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			defer func() {
				if r := recover(); r != nil {
					errs[i] = fmt.Errorf("panic: %v", r)
				}
			}()
			errs[i] = f(i)
		})
	}
	close(begin)
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		c.failf("%w", err)
	}
}
