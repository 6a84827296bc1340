package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// redeliver is how long a message may stay unacknowledged before it comes
// again.
const redeliver = 600 * time.Millisecond

// beat is something that a contact says, and what they wait for before.
type beat struct {
	word string
	// after is the follow-up whose text they wait for, from 1. 0: the answer
	// to what they said before.
	after int
	// along is said in the same moment. Empty: nothing.
	along string
}

// person is a contact with what they say. After the last of it they are silent,
// so that the ladder runs to its end, unless a human has the conversation.
type person struct {
	address string
	beats   []beat
	said    int
	tokens  []string // of all that they said
	waits   string   // the token whose answer is waited for
	follows int      // the follow-up that is waited for
	human   bool     // they asked for a demo
}

// mail is a message on its way to the workers.
type mail struct {
	in    frontdesk.Inbound
	token string
	word  string
	acked bool
	// sent is when it was given to a worker last.
	sent time.Time
	// again is set for a second delivery of one that was acknowledged.
	again bool
}

// people are the contacts of a run. It is safe for concurrent use.
type people struct {
	mu    sync.Mutex
	r     *rand.Rand
	all   map[string]*person
	mails []*mail
	open  []int // indexes of mails that are not acknowledged, oldest first
	// active are the contacts who still have something to say.
	active      int
	redelivered int
	timers      sync.WaitGroup
}

func newPeople(r *rand.Rand) *people { return &people{r: r, all: map[string]*person{}} }

// come lets contacts come until so many are talking.
func (p *people) come(talking int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.active < talking {
		p.active++
		c := &person{address: fmt.Sprint("c", len(p.all)+1)}
		c.beats = p.script()
		p.all[c.address] = c
		p.speak(c)
	}
}

// script makes up what a contact will say.
func (p *people) script() []beat {
	word := func() string { return []string{"hello", "hello", "quote", "quote", "charge", "help"}[p.r.IntN(6)] }
	beats := []beat{{word: word()}}
	for range p.r.IntN(3) {
		b := beat{word: word()}
		if p.r.IntN(2) == 0 {
			b.after = 1 + p.r.IntN(len(followUps))
		}
		beats = append(beats, b)
	}
	for i := range beats {
		if p.r.IntN(6) == 0 {
			beats[i].along = []string{"hello", "quote"}[p.r.IntN(2)]
		}
	}
	if p.r.IntN(3) == 0 {
		beats = append(beats, beat{word: "demo"})
		if p.r.IntN(3) == 0 {
			beats = append(beats, beat{word: "hello"}) // to a human
		}
	}
	return beats
}

// speak lets a contact say the next of their beats. The mutex is held.
func (p *people) speak(c *person) {
	b := c.beats[c.said]
	c.said++
	c.waits = p.write(c, b.word)
	if b.along != "" {
		c.waits = p.write(c, b.along)
	}
	c.human = c.human || b.word == "demo"
	c.follows = 0
	if c.said == len(c.beats) {
		c.waits = ""
		p.active--
		return
	}
	if next := c.beats[c.said]; next.after > 0 {
		c.waits, c.follows = "", next.after
	}
}

// write posts a message, and returns its token.
func (p *people) write(c *person, word string) string {
	token := fmt.Sprintf("%s-%d", c.address, len(c.tokens)+1)
	c.tokens = append(c.tokens, token)
	p.post(&mail{in: frontdesk.Inbound{Channel: "chat", ID: token, From: c.address, Text: word + " " + token}, token: token, word: word})
	return token
}

func (p *people) post(m *mail) {
	p.mails = append(p.mails, m)
	p.open = append(p.open, len(p.mails)-1)
}

// saw tells a contact of a message that reached them.
func (p *people) saw(address, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.all[address]
	if c == nil || c.said == len(c.beats) {
		return
	}
	answered := c.waits != "" && slices.Contains(answers(text), c.waits)
	followed := c.follows > 0 && text == followUps[c.follows-1]
	if !answered && !followed {
		return
	}
	c.waits, c.follows = "", 0
	// Some take about as long as the next follow-up does.
	wait := time.Duration(p.r.Int64N(int64(ladderDelay * 5 / 4)))
	if answered && p.r.IntN(2) == 0 {
		wait = 0
	}
	p.timers.Add(1)
	time.AfterFunc(wait, func() {
		defer p.timers.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.speak(c)
	})
}

// next gives a message that a worker has to accept: one that is new, or whose
// acknowledgement did not come.
func (p *people) next() Given {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, n := range p.open {
		m := p.mails[n]
		if now.Sub(m.sent) < redeliver {
			continue
		}
		if m.again || !m.sent.IsZero() {
			p.redelivered++
		}
		m.sent = now
		return Given{OK: true, N: n, In: m.in}
	}
	return Given{}
}

// acknowledge takes note that a message is safe. Some providers deliver one
// twice all the same.
func (p *people) acknowledge(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.mails[n]
	if m.acked {
		return
	}
	m.acked = true
	p.open = slices.DeleteFunc(p.open, func(o int) bool { return o == n })
	if !m.again && p.r.IntN(10) == 0 {
		p.post(&mail{in: m.in, token: m.token, word: m.word, again: true})
	}
}

// ackedSince are the messages that were given to a worker since then, not
// before, and are acknowledged.
func (p *people) ackedSince(from time.Time, known map[int]bool) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, m := range p.mails {
		if m.acked && !m.again && !known[n] && m.sent.After(from) {
			out = append(out, m.token)
		}
	}
	return out
}

// givenBefore are the messages that any worker has had so far.
func (p *people) givenBefore() map[int]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[int]bool{}
	for n, m := range p.mails {
		if !m.sent.IsZero() {
			out[n] = true
		}
	}
	return out
}

// stored is how many messages are acknowledged.
func (p *people) stored() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mails) - len(p.open)
}

// quiet reports whether everybody has said everything and all of it is
// acknowledged.
func (p *people) quiet() (bool, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active == 0 && len(p.open) == 0, fmt.Sprintf("%d contacts have not said everything, %d messages are not acknowledged", p.active, len(p.open))
}
