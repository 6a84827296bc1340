package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/followup"
)

// ladder is what a pending follow-up waits with.
var ladder = followup.Ladder{Steps: []followup.Step{
	{Delay: followup.Delay(2 * time.Hour), Messages: []followup.Message{{Text: "Is there anything else I can help you with?", Verbatim: true}}},
	{
		Delay: followup.Delay(2 * time.Hour), Messages: []followup.Message{{Text: "I will close this for now. Write to us whenever you like.", Verbatim: true}},
		Actions: []followup.Action{{Name: "close_conversation", NoSummary: true}},
	},
}}

// followUp is a follow-up of the person that is due at that time.
func (p *person) followUp(due time.Time) agent.Task {
	state, _ := followup.Arm(ladder, followup.ArmOptions{Agent: agentID, Epoch: 1, At: due.Add(-time.Duration(ladder.Steps[0].Delay))})
	return agent.Task{
		ConversationID: "conversation-" + p.name, Kind: agent.TaskFollowUp, Due: due, TurnID: "follow-up-" + p.name,
		Trigger: agent.Trigger{Kind: agent.TriggerFollowUp}, Ladder: &state,
	}
}

// arms is the commit that arms a follow-up.
func (p *person) arms(due time.Time) agent.Commit {
	c := agent.Commit{Conversation: p.conversation(), Put: []agent.Task{p.followUp(due)}}
	p.version++
	return c
}

// cancels is the commit that cancels it.
func (p *person) cancels() agent.Commit {
	c := agent.Commit{Conversation: p.conversation(), Delete: []agent.TaskKind{agent.TaskFollowUp}}
	p.version++
	return c
}

// ends is the commit that ends the work on a claimed task: the message that
// the agent sends, the record of its turn, and the end of the task.
func (p *person) ends(t agent.ClaimedTask, text string) agent.Commit {
	m, turn := p.answer(text, t.Trigger)
	c := agent.Commit{Fence: &t.Fence, Release: true, Conversation: p.conversation(), Delete: []agent.TaskKind{t.Kind}}
	c.Messages = append(c.Messages, m)
	c.Turns = append(c.Turns, turn)
	p.version++
	return c
}

// crowd is people by the ID of their conversation.
type crowd map[string]*person

func crowdOf(people []*person) crowd {
	c := make(crowd, len(people))
	for _, p := range people {
		c["conversation-"+p.name] = p
	}
	return c
}

// lease is longer than anything here takes.
const lease = time.Hour

// workers is how many tasks are worked on at once, as by Mux.Run.
const workers = 64

// work claims what is due, as Mux.Run does: as many as there are workers free,
// until so many are done. wake tells that there may be more; nil: all are due
// already.
func work(ctx context.Context, s agent.Store, now time.Time, tasks int, wake <-chan struct{}, do func(agent.ClaimedTask) error) (timing, error) {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		t     timing
		first error
		slots = make(chan struct{}, workers)
	)
	begun := time.Now()
	for claimed := 0; claimed < tasks; {
		slots <- struct{}{} // until one is free
		<-slots
		got, err := s.Claim(ctx, agent.ClaimQuery{Now: now, Until: now.Add(lease), Worker: "perf", Max: max(workers-len(slots), 1)})
		mu.Lock()
		if first == nil {
			first = err
		}
		if len(got.Tasks) == 0 && first == nil && wake == nil {
			first = fmt.Errorf("only %d of %d tasks are due", claimed, tasks)
		}
		stop := first != nil
		mu.Unlock()
		if stop {
			break
		}
		if len(got.Tasks) == 0 {
			select {
			case <-wake:
			case <-time.After(answerLimit):
				return t, fmt.Errorf("only %d of %d tasks fell due in %s", claimed, tasks, answerLimit)
			}
		}
		claimed += len(got.Tasks)
		for _, task := range got.Tasks {
			slots <- struct{}{}
			all.Go(func() {
				before := time.Now()
				err := do(task)
				mu.Lock()
				t.each = append(t.each, time.Since(before))
				if first == nil {
					first = err
				}
				mu.Unlock()
				<-slots
			})
		}
	}
	all.Wait()
	t.took = time.Since(begun)
	return t, first
}
