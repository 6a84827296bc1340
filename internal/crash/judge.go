package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// judge looks at what the store has and what arrived outside, when all is done.
type judge struct {
	*supervisor
	store opened
	// by conversation and key
	messages map[string]frontdesk.Message
	arrived  map[string]arrival // the first of each key
	texts    map[string][]string
	turns    map[string]*agent.Turn
	assigned map[string]int
	answered []*mail
	counts   struct{ messages, disposed, overtaken, followUps, silences, conversations int }
}

func (s *supervisor) judge(ctx context.Context) (res result, err error) {
	store, err := openStore(ctx, s.job.Store, s.job.DSN)
	if err != nil {
		return res, fmt.Errorf("crash: judge: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	j := &judge{
		supervisor: s, store: store, messages: map[string]frontdesk.Message{}, arrived: map[string]arrival{}, texts: map[string][]string{},
		turns: map[string]*agent.Turn{}, assigned: map[string]int{},
	}
	// Nobody writes any more: the workers have ended.
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	for _, a := range s.journal.arrivals {
		if a.First {
			j.arrived[a.Key] = a
			j.texts[a.Conversation+"\x00"+a.Text] = append(j.texts[a.Conversation+"\x00"+a.Text], a.Key)
		}
	}
	for _, address := range slices.Sorted(maps.Keys(s.people.all)) {
		if err := j.contact(ctx, s.people.all[address]); err != nil {
			return res, fmt.Errorf("crash: judge: %w", err)
		}
	}
	j.channel()
	j.actions()
	if err := j.routing(ctx); err != nil {
		return res, fmt.Errorf("crash: judge: %w", err)
	}
	return result{s.wrong, j.String()}, nil
}

// contact checks everything about one contact.
func (j *judge) contact(ctx context.Context, c *person) error {
	v, err := j.store.Load(ctx, agent.Query{
		Identity: frontdesk.Identity{Channel: "chat", Address: c.address}, History: 1 << 20, Turns: true, Waiting: true, Outbox: true, Tasks: true,
	})
	if err != nil {
		return err
	}
	stored := map[string][]frontdesk.Message{}
	for _, m := range v.History {
		j.messages[m.ID] = m
		if m.Direction == frontdesk.DirInbound {
			stored[m.ProviderID] = append(stored[m.ProviderID], m)
		}
	}
	for _, t := range v.Turns {
		j.turns[t.ID] = t
	}
	for _, m := range j.people.mails {
		if m.in.From != c.address || m.again {
			continue
		}
		switch got := stored[m.token]; {
		case len(got) == 0 && m.acked:
			j.violate("I28: %s was acknowledged and is not stored", m.token)
		case len(got) > 1:
			j.violate("S7.1: %s is stored %d times", m.token, len(got))
		case len(got) == 1:
			j.inbound(&v, m, &got[0])
		}
	}
	if v.Conversation == nil {
		return nil
	}
	j.counts.conversations++
	j.counts.messages += len(v.History)
	if n := len(v.Waiting) + len(v.Outbox) + len(v.Tasks); n > 0 {
		j.violate("I32: %s is at rest with %d messages waiting, %d in its outbox, tasks %v", c.address, len(v.Waiting), len(v.Outbox), v.Tasks)
	}
	if v.Conversation.Assignee.Kind == frontdesk.AssigneeUser {
		j.assigned[v.Conversation.Assignee.ID]++
	}
	j.order(&v)
	if len(v.Tasks) == 0 { // else it has not ended, and that is said already
		j.silences(&v, c)
	}
	return nil
}

// inbound checks that a message that is stored has one end.
func (j *judge) inbound(v *agent.View, m *mail, got *frontdesk.Message) {
	var keys []string
	for _, a := range j.arrived {
		if a.To == m.in.From && slices.Contains(answers(a.Text), m.token) {
			keys = append(keys, a.Key)
		}
	}
	switch {
	case len(keys) > 1:
		j.violate("I5: %s was answered under two keys or more: %v", m.token, keys)
	case got.TurnID == "" && got.Disposition == "":
		j.violate("I1: %s has neither a turn nor a disposition, and nothing is pending", m.token)
	case got.TurnID != "" && len(keys) == 0 && overtaken(v, m.token):
		j.counts.overtaken++
	case got.TurnID != "" && len(keys) == 0:
		exit := "no record"
		if t := j.turn(v, got.TurnID); t != nil {
			exit = fmt.Sprintf("%s %s, superseded %d times, %q", t.Exit, t.Failure, t.Superseded, t.Reply())
		}
		j.violate("I1: %s %q was consumed by turn %s (%s) and not answered; %s", m.token, m.word, got.TurnID, exit, transcript(v))
	case got.TurnID == "" && len(keys) > 0:
		j.violate("I1: %s was answered and has no turn", m.token)
	case got.TurnID != "":
		j.answered = append(j.answered, m)
	default:
		j.counts.disposed++
	}
}

// overtaken reports whether a message was answered, and the answer stopped
// because the conversation was handed over before it went out (S7.4): nothing
// that stands behind it is of its epoch.
func overtaken(v *agent.View, token string) bool {
	for i, m := range v.History {
		// One that was claimed before may have gone out, as far as anybody knows.
		stopped := m.Status == frontdesk.Cancelled || m.Status == frontdesk.Unknown
		if m.Direction != frontdesk.DirOutbound || !stopped || !slices.Contains(answers(m.Text), token) {
			continue
		}
		for _, next := range v.History[i+1:] {
			if next.Direction == frontdesk.DirOutbound {
				return next.Epoch > m.Epoch
			}
		}
	}
	return false
}

func (j *judge) turn(v *agent.View, id string) *agent.Turn {
	for _, t := range v.Turns {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// transcript is a conversation in short.
func transcript(v *agent.View) string {
	var b strings.Builder
	for _, m := range v.History {
		fmt.Fprintf(&b, "%d %s %q %s %s %s; ", m.Seq, m.Direction, m.Text, m.TurnID, m.Status, m.Reason)
	}
	return b.String()
}

// order checks that messages arrived in the order of the conversation.
func (j *judge) order(v *agent.View) {
	var last arrival
	var lastSeq int64
	for _, m := range v.History {
		a, ok := j.arrived[m.ID]
		if !ok {
			continue
		}
		if a.At.Before(last.At) {
			j.violate("I6: message %d of %s arrived before message %d", m.Seq, a.To, lastSeq)
		}
		last, lastSeq = a, m.Seq
	}
}

// silences checks the follow-ups between the messages of the contact.
func (j *judge) silences(v *agent.View, c *person) {
	step, replied, human := 0, false, false
	var last arrival // the message before, if it arrived
	for _, m := range v.History {
		switch {
		case m.Direction == frontdesk.DirInbound:
			step, replied, last = 0, false, arrival{}
			if m.TurnID == "" {
				human = true
			}
		case m.Direction == frontdesk.DirOutbound && m.FollowUp:
			j.counts.followUps++
			if !replied {
				j.violate("S8.4: follow-up %q to %s without a reply before it", m.Text, c.address)
			}
			if step >= len(followUps) || m.Text != followUps[step] {
				j.violate("S8.9: follow-up %d of a silence of %s is %q", step+1, c.address, m.Text)
			}
			step++
			a, ok := j.arrived[m.ID]
			if ok && !last.At.IsZero() && a.At.Sub(last.At) < ladderDelay-time.Millisecond {
				j.violate("S8.3: follow-up %d to %s came %v after the message before", step, c.address, a.At.Sub(last.At))
			}
			last = a
		case m.Direction == frontdesk.DirOutbound:
			replied, step, last = true, 0, j.arrived[m.ID]
			if strings.Contains(m.Text, "will help you.") {
				human = true
			}
		}
	}
	switch {
	case human && step > 0:
		j.violate("S8.4: %s got a follow-up after a human had the conversation", c.address)
	case human || !replied:
	case step != len(followUps):
		j.violate("S8.9: %s was silent and got %d of %d follow-ups", c.address, step, len(followUps))
	case v.Conversation.Status != frontdesk.Closed:
		j.violate("S8.5: the ladder of %s ended and did not close the conversation", c.address)
	default:
		j.counts.silences++
	}
}

// channel checks what arrived against what is stored.
func (j *judge) channel() {
	for key, a := range j.arrived {
		m, ok := j.messages[key]
		switch {
		case !ok:
			j.violate("I5: %q arrived under the key %s, which is not stored", a.Text, key)
		case m.Status != frontdesk.Sent && m.Status != frontdesk.Unknown:
			j.violate("S10.1: %q arrived and is %s", a.Text, m.Status)
		case m.Text != a.Text:
			j.violate("S10.1: %q was stored and %q arrived", m.Text, a.Text)
		}
	}
	for id, m := range j.messages {
		if _, ok := j.arrived[id]; !ok && m.Direction == frontdesk.DirOutbound && m.Status != frontdesk.Cancelled && m.Status != frontdesk.Unknown {
			j.violate("S10.2: %q is %s and never arrived", m.Text, m.Status)
		}
	}
	for text, keys := range j.texts {
		_, text, _ = strings.Cut(text, "\x00")
		if len(keys) > 1 && !slices.Contains(followUps, text) { // those come once in each silence
			j.violate("I5: %q arrived under two keys or more: %v", text, keys)
		}
	}
}

// actions checks what was done outside.
func (j *judge) actions() {
	keys, runs := map[string][]string{}, map[string]int{}
	for _, d := range j.journal.deeds {
		call := d.Name + " " + d.Token
		if d.Name == "archive" { // once in each silence, which has a turn
			turn, _, _ := strings.Cut(d.Key, "/")
			call = d.Name + " " + turn
		}
		if !slices.Contains(keys[call], d.Key) {
			keys[call] = append(keys[call], d.Key)
		}
		runs[call]++
	}
	for call, k := range keys {
		if len(k) > 1 {
			j.violate("I13: %s ran under %d keys: %v", call, len(k), k)
		}
		if strings.HasPrefix(call, "charge") && runs[call] > 1 {
			j.violate("S6.8: %s is to run at most once, and ran %d times", call, runs[call])
		}
	}
	for _, m := range j.answered {
		if m.word == "quote" && len(keys["quote "+m.token]) == 0 {
			j.violate("S6.8: quote %s never ran, and was answered: %s", m.token, j.calls(m.token))
		}
	}
	for _, m := range j.messages {
		if m.FollowUp && m.Text == followUps[len(followUps)-1] && len(keys["archive "+m.TurnID]) == 0 {
			j.violate("S8.3: the actions of the last step of turn %s never ran", m.TurnID)
		}
	}
}

// calls tells what became of the calls with a token.
func (j *judge) calls(token string) string {
	var out []string
	for _, t := range j.turns {
		for _, c := range t.Calls {
			if strings.Contains(string(c.Arguments), `"`+token+`"`) {
				out = append(out, fmt.Sprintf("turn %s of %s: %s %s %s", t.ID, t.Agent, c.Name, c.Outcome, c.Detail))
			}
		}
	}
	return strings.Join(out, "; ")
}

// routing checks the rotation over the team and the numbers of open
// conversations.
func (j *judge) routing(ctx context.Context) error {
	least, most := 1<<30, 0
	for _, m := range members {
		least, most = min(least, j.assigned[m]), max(most, j.assigned[m])
	}
	if most-least > 1 {
		j.violate("S5.4: the rotation is unfair: %v", j.assigned)
	}
	v, err := j.store.Load(ctx, agent.Query{Loads: true})
	if err != nil {
		return err
	}
	for _, l := range v.Loads {
		if l.Open != j.assigned[l.UserID] { // those of humans are never closed here
			j.violate("S5.5: %s has %d open conversations, and the count says %d", l.UserID, j.assigned[l.UserID], l.Open)
		}
	}
	return nil
}

// String tells what the run was.
func (j *judge) String() string {
	var b strings.Builder
	t := &j.tally
	fmt.Fprintf(&b, "%d workers: %d killed, %d stopped past their lease, %d times beside another; files were limited %d times, the disk was full %d times, the database away %d times; %d times a message could not be stored\n",
		t.started, t.kills, t.stops, t.together, t.limited, t.full, t.outages, t.notStored)
	fmt.Fprintf(&b, "struck at:")
	for _, at := range slices.Sorted(maps.Keys(t.at)) {
		fmt.Fprintf(&b, " %s %d;", at, t.at[at])
	}
	acked, inbound := 0, 0
	for _, m := range j.people.mails {
		if !m.again {
			inbound++
		}
		if m.acked && !m.again {
			acked++
		}
	}
	fmt.Fprintf(&b, "\n%d conversations, %d messages; %d inbound, %d acknowledged, %d deliveries were repeated; %d answered, %d left to humans, %d answers stopped by a handover\n",
		j.counts.conversations, j.counts.messages, inbound, acked, j.people.redelivered, len(j.answered), j.counts.disposed, j.counts.overtaken)
	fmt.Fprintf(&b, "%d sends reached the channel under %d keys, %d refused, %d without an answer; %d runs of actions\n",
		len(j.journal.arrivals), len(j.arrived), j.journal.refused, j.journal.unknown, len(j.journal.deeds))
	fmt.Fprintf(&b, "%d follow-ups, %d silences to their end; assigned %v\n", j.counts.followUps, j.counts.silences, j.assigned)
	return b.String()
}
