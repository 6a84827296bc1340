package agenttest

import (
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// fencePromises are about leases and who may write under them.
var fencePromises = []storePromise{
	{"fence/taken-over", "refuses the old holder of a lane that was claimed again (ErrFenced), in Commit and Append", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		old := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		fresh := c.claimOne(c.at(60), "a", agent.TaskTurn).Fence
		conv := c.stored("a")
		conv.Summary = "by the old holder"
		c.refuse("a commit under the old token", agent.Commit{Fence: &old, Conversation: &conv, Delete: []agent.TaskKind{agent.TaskTurn}}, agent.ErrFenced)
		row := agent.Entry{TurnID: "turn", N: 1, Kind: agent.EntryStart, Data: []byte(`{}`)}
		c.is("Append under the old token", c.Append(c.ctx, agent.Append{Fence: old, Until: c.at(999), Rows: []agent.Entry{row}}), agent.ErrFenced)
		c.is("renewal under the old token", c.Append(c.ctx, agent.Append{Fence: old, Until: c.at(999)}), agent.ErrFenced)
		c.is("release under the old token", c.Commit(c.ctx, agent.Commit{Fence: &old, Release: true}), agent.ErrFenced)
		c.equal("journal", nil, c.load(agent.Query{ConversationID: "a", TurnID: "turn"}).Journal)
		c.claimed(c.claimOf("a", c.at(119)))
		c.commit("a commit under the new token", agent.Commit{Fence: &fresh, Conversation: &conv})
	}},
	{"fence/expired", "lets the holder of a lease that ran out go on, as long as nobody claimed the lane", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		got := c.claim(c.at(30), 1) // somebody looks and gets nothing
		c.claimed(got)
		c.commit("a commit", agent.Commit{Fence: &fence, Dedupe: map[string]string{"k": "m"}})
		if err := c.Append(c.ctx, agent.Append{Fence: fence, Until: c.at(500)}); err != nil {
			c.failf("a renewal after the end of the lease returned %v", err)
		}
		c.claimed(c.claimOf("a", c.at(499)))
	}},
	{"fence/released", "refuses the holder of a lane after its release (ErrFenced)", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.commit("release", agent.Commit{Fence: &fence, Release: true})
		c.refuse("a commit after the release", agent.Commit{Fence: &fence, Dedupe: map[string]string{"k": "m"}}, agent.ErrFenced)
		c.is("Append after the release", c.Append(c.ctx, agent.Append{Fence: fence, Until: c.at(99)}), agent.ErrFenced)
		c.claimed(c.claimOf("a", c.at(0)), "a/turn")
	}},
	{"fence/kept", "keeps the lease over commits that do not release it", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		for i := range 3 {
			c.commit("a commit", agent.Commit{Fence: &fence, Dedupe: map[string]string{fmt.Sprint(i): "m"}})
		}
		c.claimed(c.claimOf("a", c.at(59)))
		c.claimed(c.claimOf("a", c.at(60)), "a/turn")
	}},
	{"fence/put", "leaves the lease alone when the lane's tasks are put, deleted and put again by others", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.put("a", turnTask(c.at(1)))
		c.claimed(c.claimOf("a", c.at(2)))
		conv := c.stored("a")
		c.commit("deleting", agent.Commit{Conversation: &conv, Delete: []agent.TaskKind{agent.TaskTurn}})
		c.put("a", turnTask(c.at(1)))
		c.claimed(c.claimOf("a", c.at(2)))
		c.commit("a commit of the holder", agent.Commit{Fence: &fence, Release: true})
		c.claimed(c.claimOf("a", c.at(2)), "a/turn")
	}},
	{"fence/lanes", "leases the two lanes of a conversation apart", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskSend, c.at(1)))
		got := c.claim(c.at(1), 10)
		c.claimed(got, "a/turn", "a/send")
		turn, send := got.Tasks[0].Fence, got.Tasks[1].Fence
		c.commit("release of the turn lane", agent.Commit{Fence: &turn, Release: true})
		c.claimed(c.claimOf("a", c.at(1)), "a/turn")
		c.commit("a commit in the send lane", agent.Commit{Fence: &send, Release: true, Delete: []agent.TaskKind{agent.TaskSend}})
		c.claimed(c.claimOf("a", c.at(2)))
	}},
	{"fence/lane-kinds", "lets follow-ups and approvals wait for a turn, and echoes for a send", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskFollowUp, c.at(1)), task(agent.TaskApproval, c.at(2)),
			task(agent.TaskSend, c.at(0)), task(agent.TaskEcho, c.at(1)))
		c.equal("number of claimed tasks", 2, len(c.claim(c.at(10), 10).Tasks))
		c.claimed(c.claim(c.at(11), 10))
	}},
	{"fence/tokens", "gives each lane tokens that only rise: over releases, leases that ran out, and tasks that were deleted", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		now, last := c.at(0), int64(0)
		for i := range 6 {
			f := c.claimOne(now, "a", agent.TaskTurn).Fence
			if f.Token <= last {
				c.failf("claim %d gave token %d after token %d; expected a larger one", i+1, f.Token, last)
			}
			last = f.Token
			switch i % 3 {
			case 0:
				c.commit("release", agent.Commit{Fence: &f, Release: true})
			case 1:
				now = now.Add(time.Minute)
			case 2:
				c.commit("end of the task", agent.Commit{Fence: &f, Release: true, Delete: []agent.TaskKind{agent.TaskTurn}})
				c.put("a", turnTask(now))
			}
		}
	}},
}

// claimPromises are about which tasks a claim gets.
var claimPromises = []storePromise{
	{"claim/empty", "gives nothing when there is nothing, and zero as Next", func(c *storeCase) {
		c.equal("a claim from an empty store", agent.Claimed{}, c.claim(c.at(0), 10))
	}},
	{"claim/due", "gives a task at its due time and not before", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(10)))
		c.claimed(c.claim(c.at(10).Add(-time.Millisecond), 10))
		c.claimed(c.claim(c.at(10), 10), "a/turn")
	}},
	{"claim/blocked", "never gives a task whose Due is zero, until a commit gives it a time", func(c *storeCase) {
		c.conversation("a", turnTask(time.Time{}))
		c.claimed(c.claim(c.at(0), 10))
		c.claimed(c.claimOf("a", c.at(1_000_000)))
		c.put("a", turnTask(c.at(5)))
		c.claimed(c.claim(c.at(5), 10), "a/turn")
	}},
	{"claim/block-again", "stops giving a task that a commit blocked", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.put("a", turnTask(time.Time{}))
		c.claimed(c.claim(c.at(10), 10))
	}},
	{"claim/order", "gives the oldest due first, whatever the order of their making", func(c *storeCase) {
		for _, i := range []int{5, 1, 4, 0, 3, 2} {
			c.conversation(fmt.Sprintf("c%d", i), turnTask(c.at(i)))
		}
		c.claimed(c.claim(c.at(10), 4), "c0/turn", "c1/turn", "c2/turn", "c3/turn")
		c.claimed(c.claim(c.at(10), 4), "c4/turn", "c5/turn")
	}},
	{"claim/order-expired", "gives the oldest due first, not the lease that ended first", func(c *storeCase) {
		c.conversation("late", turnTask(c.at(9)))
		c.claims(agent.ClaimQuery{Now: c.at(9), Until: c.at(20), Worker: "w", Max: 1})
		c.conversation("early", turnTask(c.at(1)))
		c.claims(agent.ClaimQuery{Now: c.at(9), Until: c.at(30), Worker: "w", Max: 1})
		c.conversation("middle", turnTask(c.at(5)))
		c.claimed(c.claim(c.at(40), 10), "early/turn", "middle/turn", "late/turn")
	}},
	{"claim/one-a-lane", "gives one task a lane, the oldest, and another after the release", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(5)), task(agent.TaskFollowUp, c.at(3)), task(agent.TaskApproval, c.at(4)))
		got := c.claim(c.at(10), 10)
		c.claimed(got, "a/follow_up")
		fence := got.Tasks[0].Fence
		c.commit("the follow-up is done", agent.Commit{Fence: &fence, Release: true, Delete: []agent.TaskKind{agent.TaskFollowUp}})
		c.claimed(c.claim(c.at(10), 10), "a/approval")
	}},
	{"claim/moved", "goes by the due time that was put last", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(1)))
		c.conversation("b", turnTask(c.at(2)))
		c.put("a", turnTask(c.at(3)))
		c.claimed(c.claim(c.at(2), 10), "b/turn")
		c.put("a", turnTask(c.at(0)))
		c.claimed(c.claim(c.at(0), 10), "a/turn")
	}},
	{"claim/lease-end", "keeps a leased lane from others until the end of the lease, and gives it then", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.claims(agent.ClaimQuery{Now: c.at(0), Until: c.at(30), Worker: "one", Max: 1})
		c.claimed(c.claim(c.at(30).Add(-time.Millisecond), 10))
		c.claimed(c.claimOf("a", c.at(30).Add(-time.Millisecond)))
		c.claimed(c.claim(c.at(30), 10), "a/turn")
	}},
	{"claim/same-worker", "keeps a leased lane from its own worker too", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		q := agent.ClaimQuery{Now: c.at(0), Until: c.at(30), Worker: "one", Max: 5}
		c.claimed(c.claims(q), "a/turn")
		c.claimed(c.claims(q))
	}},
	{"claim/clock-back", "keeps a lane from a claimer whose clock is behind, before the end of the lease", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.conversation("b", turnTask(c.at(1)))
		c.claims(agent.ClaimQuery{Now: c.at(1), Until: c.at(30), Worker: "w", Max: 2})
		// The fast clock sees both leases run out and takes one lane; for the
		// slow clock the other is leased still.
		c.claimed(c.claims(agent.ClaimQuery{Now: c.at(40), Until: c.at(99), Worker: "fast", Max: 1}), "a/turn")
		got := c.claim(c.at(20), 10)
		c.claimed(got)
		c.next(got, c.at(30))
		c.claimed(c.claim(c.at(30), 10), "b/turn")
	}},
	{"claim/attempts", "counts the claims of a task in Attempts, from what was put", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		for i := range 3 {
			got := c.claimOne(c.at(60*i), "a", agent.TaskTurn)
			c.equal("Attempts of the claimed task", i+1, got.Attempts)
			c.equal("Attempts of the stored task", i+1, c.taskOf("a", agent.TaskTurn).Attempts)
		}
		c.put("a", turnTask(c.at(0)))
		c.equal("Attempts after a put of 0", 1, c.claimOne(c.at(300), "a", agent.TaskTurn).Attempts)
	}},
	{"claim/attempts-others", "leaves the Attempts of tasks alone that it did not give", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskFollowUp, c.at(1)), task(agent.TaskSend, c.at(100)))
		c.conversation("b", turnTask(c.at(2)))
		c.claim(c.at(10), 1)
		v := c.all("a")
		c.equal("Attempts of the task in the same lane", 0, v.Task(agent.TaskFollowUp).Attempts)
		c.equal("Attempts of the task in the other lane", 0, v.Task(agent.TaskSend).Attempts)
		c.equal("Attempts of another conversation's task", 0, c.taskOf("b", agent.TaskTurn).Attempts)
	}},
	{"claim/keeps", "does not move, block or delete a task by giving it", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(3)))
		before := c.all("a").Tasks[0]
		c.claim(c.at(5), 1)
		before.Attempts = 1
		c.equal("the task after the claim", []agent.Task{before}, c.all("a").Tasks)
	}},
	{"claim/versions", "does not touch the versions of contact and conversation", func(c *storeCase) {
		conv := c.conversation("a", turnTask(c.at(0)))
		c.claim(c.at(0), 1)
		c.commit("a commit with the version from before the claim", agent.Commit{Conversation: &conv})
	}},
	{"claim/max", "gives at most Max", func(c *storeCase) {
		for i := range 5 {
			c.conversation(fmt.Sprintf("c%d", i), turnTask(c.at(i)), task(agent.TaskSend, c.at(i)))
		}
		for _, n := range []int{1, 3, 6} {
			c.equal("number of claimed tasks", n, len(c.claim(c.at(9), n).Tasks))
		}
		c.equal("number of tasks after all were claimed", 0, len(c.claim(c.at(9), 5).Tasks))
	}},
	{"claim/conversation", "claims from one conversation alone when asked to", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.conversation("b", turnTask(c.at(5)), task(agent.TaskSend, c.at(6)))
		c.claimed(c.claims(agent.ClaimQuery{Now: c.at(9), Until: c.at(60), Max: 1, ConversationID: "b"}), "b/turn")
		c.claimed(c.claims(agent.ClaimQuery{Now: c.at(9), Until: c.at(60), Max: 9, ConversationID: "b"}), "b/send")
		c.claimed(c.claim(c.at(9), 10), "a/turn")
		c.equal("a claim from a conversation that does not exist", agent.Claimed{}, c.claimOf("nobody", c.at(9)))
	}},
	{"claim/starvation", "finds the one task that can be claimed behind 1,000 that cannot: blocked, leased or not due", func(c *storeCase) {
		for i := range 1000 {
			t := turnTask(c.at(i % 100))
			switch i % 3 {
			case 0:
				t.Due = time.Time{}
			case 1:
				t.Due = c.at(1_000_000 + i)
			}
			c.conversation(fmt.Sprintf("c%03d", i), t)
		}
		c.equal("number of claimed tasks", 333, len(c.claims(agent.ClaimQuery{Now: c.at(100), Until: c.at(5000), Worker: "w", Max: 1000}).Tasks))
		c.conversation("z", turnTask(c.at(4000)))
		got := c.claims(agent.ClaimQuery{Now: c.at(4000), Until: c.at(9000), Worker: "w", Max: 1})
		c.claimed(got, "z/turn")
		c.next(got, c.at(5000))
	}},
}

// nextPromises are about Claimed.Next.
var nextPromises = []storePromise{
	{"next/due", "says as Next when the next task is due", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(20)))
		c.conversation("b", turnTask(c.at(10)), task(agent.TaskSend, c.at(15)))
		c.conversation("blocked", turnTask(time.Time{}))
		c.next(c.claim(c.at(0), 10), c.at(10))
	}},
	{"next/blocked", "says zero as Next when all tasks are blocked", func(c *storeCase) {
		c.conversation("a", turnTask(time.Time{}))
		c.next(c.claim(c.at(0), 10), time.Time{})
		c.next(c.claimOf("a", c.at(0)), time.Time{})
	}},
	{"next/done", "says zero as Next when no tasks are left", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.commit("the end", agent.Commit{Fence: &fence, Delete: []agent.TaskKind{agent.TaskTurn}})
		c.next(c.claim(c.at(0), 10), time.Time{})
		c.next(c.claim(c.at(1000), 10), time.Time{})
	}},
	{"next/lease", "says the end of the lease as Next, where a task waits for nothing else", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		got := c.claims(agent.ClaimQuery{Now: c.at(0), Until: c.at(30), Max: 1})
		c.next(got, c.at(30)) // its holder may die
		c.next(c.claim(c.at(1), 10), c.at(30))
		c.next(c.claimOf("a", c.at(1)), c.at(30))
	}},
	{"next/lease-and-due", "says as Next the due time of a task that is due after the end of its lane's lease", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.commit("a later task", agent.Commit{Fence: &fence, Put: []agent.Task{{ConversationID: "a", Kind: agent.TaskTurn, Due: c.at(500)}}})
		c.next(c.claim(c.at(1), 10), c.at(500))
		c.next(c.claimOf("a", c.at(1)), c.at(500))
	}},
	{"next/renewed", "says the new end of a lease as Next after it was renewed", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		if err := c.Append(c.ctx, agent.Append{Fence: fence, Until: c.at(200)}); err != nil {
			c.failf("a renewal returned %v", err)
		}
		c.next(c.claim(c.at(1), 10), c.at(200))
	}},
	{"next/released", "says the due time as Next after the release", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		fence := c.claimOne(c.at(0), "a", agent.TaskTurn).Fence
		c.commit("try again soon", agent.Commit{Fence: &fence, Release: true, Put: []agent.Task{{ConversationID: "a", Kind: agent.TaskTurn, Due: c.at(5)}}})
		c.next(c.claim(c.at(1), 10), c.at(5))
	}},
	{"next/lanes", "does not let the lease of one lane delay the other", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)), task(agent.TaskSend, c.at(20)))
		c.next(c.claim(c.at(0), 10), c.at(20))
		c.next(c.claimOf("a", c.at(1)), c.at(20))
	}},
	{"next/max", "says a Next that is not after now when Max left something", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(0)))
		c.conversation("b", turnTask(c.at(1)))
		for _, conversation := range []string{"", "c"} {
			if conversation != "" {
				c.conversation("c", turnTask(c.at(2)), task(agent.TaskSend, c.at(3)))
			}
			got := c.claims(agent.ClaimQuery{Now: c.at(5), Until: c.at(60), Max: 1, ConversationID: conversation})
			if got.Next.IsZero() || got.Next.After(c.at(5)) {
				c.failf("Max was 1, two tasks were due, and Next is %s; expected a time up to now", c.rel(got.Next))
			}
		}
	}},
	{"next/conversation", "says the Next of the conversation that was asked for", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(5)))
		c.conversation("b", turnTask(c.at(50)), task(agent.TaskSend, c.at(40)))
		c.next(c.claimOf("b", c.at(0)), c.at(40))
	}},
	{"next/zero-now", "answers a claim at the zero time, which gives nothing, with Next alone", func(c *storeCase) {
		c.conversation("a", turnTask(c.at(5)))
		got := c.claims(agent.ClaimQuery{Max: 1})
		c.claimed(got)
		c.next(got, c.at(5))
		c.claimed(c.claim(c.at(5), 1), "a/turn")
	}},
	{"next/leads", "leads a worker that sleeps until Next each time to every task at the time it may be claimed", func(c *storeCase) {
		want := map[string]time.Time{}
		for i := range 40 {
			id := fmt.Sprintf("c%02d", i)
			due := c.at(i * 7 % 40)
			c.conversation(id, turnTask(due))
			want[id] = due
		}
		now := c.at(-1)
		for range 200 {
			got := c.claim(now, 3)
			for _, t := range got.Tasks {
				if due, ok := want[t.ConversationID]; !ok || due.After(now) {
					c.failf("%s was given at %s; it is due at %s", t.ConversationID, c.rel(now), c.rel(due))
				}
				delete(want, t.ConversationID)
				fence := t.Fence
				c.commit("the end", agent.Commit{Fence: &fence, Release: true, Delete: []agent.TaskKind{agent.TaskTurn}})
			}
			if len(got.Tasks) > 0 {
				continue
			}
			if got.Next.IsZero() {
				break
			}
			if !got.Next.After(now) {
				c.failf("nothing was claimed at %s and Next is %s: a worker would spin", c.rel(now), c.rel(got.Next))
			}
			now = got.Next
		}
		c.equal("tasks that were never given", 0, len(want))
	}},
}
