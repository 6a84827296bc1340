package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/memstore"
)

// turns measures whole turns: accepted, thought, committed, sent.
func (b *bench) turns(ctx context.Context) (table, error) {
	t := table{
		title:   "Whole turns",
		columns: []string{"store, conversations at once", "turns/s", "p50", "p99", "the store alone, turns/s", "of that"},
	}
	for _, kind := range b.kinds {
		for _, level := range b.levels {
			b.say("turns on %s, %d conversations at once", kind, level.conversations)
			engine, alone, err := b.turnsOf(ctx, kind, level.conversations, level.turns)
			if err != nil {
				return t, fmt.Errorf("turns on %s: %w", kind, err)
			}
			p50, p99 := latencies(engine)
			t.add(fmt.Sprintf("%s, %d", kind, level.conversations), rate(engine.perSecond()), p50, p99, rate(alone.perSecond()),
				ratio(engine.perSecond()/alone.perSecond()))
		}
		last := b.levels[len(b.levels)-1]
		b.say("turns by Accept and Run on %s", kind)
		running, err := b.turnsByRun(ctx, kind, last.conversations, last.turns)
		if err != nil {
			return t, fmt.Errorf("turns by Run on %s: %w", kind, err)
		}
		p50, p99 := latencies(running)
		t.add(fmt.Sprintf("%s, %d, by Accept and Run", kind, last.conversations), rate(running.perSecond()), p50, p99, none, none)
	}
	return t, nil
}

// warm is how many turns each conversation has behind it when measuring
// begins: those that make it, and one that finds it.
const warm = 2

// turnsOf measures turns of the engine on a store, and the same calls of a
// store without the engine.
func (b *bench) turnsOf(ctx context.Context, kind string, conversations, turns int) (engine, alone timing, err error) {
	each := max(turns/conversations, 1)
	err = b.with(ctx, kind, func(s store) error {
		m, err := newMux(s, nil)
		if err != nil {
			return err
		}
		if _, err := together(conversations, warm, func(w, i int) error { return handle(ctx, m, inbound(w, i)) }); err != nil {
			return err
		}
		engine, err = together(conversations, each, func(w, i int) error { return handle(ctx, m, inbound(w, warm+i)) })
		return err
	})
	if err != nil {
		return engine, alone, err
	}
	recorded, err := record(ctx, conversations, warm+each)
	if err != nil {
		return engine, alone, err
	}
	err = b.with(ctx, kind, func(s store) error {
		players := make([]*player, conversations)
		_, err := together(conversations, warm, func(w, i int) error {
			if i == 0 {
				players[w] = newPlayer(s)
			}
			return players[w].play(ctx, recorded[w][i])
		})
		if err != nil {
			return err
		}
		alone, err = together(conversations, each, func(w, i int) error { return players[w].play(ctx, recorded[w][warm+i]) })
		return err
	})
	return engine, alone, err
}

// record lets the engine do turns of conversations in memory, and returns
// what it asked the store, by conversation and turn.
func record(ctx context.Context, conversations, turns int) ([][][]call, error) {
	r := &recorder{Store: memstore.New()}
	m, err := newMux(r, nil)
	if err != nil {
		return nil, err
	}
	out := make([][][]call, conversations)
	for w := range conversations {
		for i := range turns {
			if err := handle(ctx, m, inbound(w, i)); err != nil {
				return nil, err
			}
			out[w] = append(out[w], r.take())
		}
	}
	return out, nil
}

// callsPerTurn is what one turn asks of a store.
func callsPerTurn(ctx context.Context) (reads, writes int, err error) {
	recorded, err := record(ctx, 1, warm+1)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range recorded[0][warm] {
		if c.writes() {
			writes++
		} else {
			reads++
		}
	}
	return reads, writes, nil
}

// answerLimit is how long a contact waits before the measurement is given up.
const answerLimit = 5 * time.Minute

// turnsByRun measures turns as a server does them: messages are accepted, and
// Run answers. Each contact writes again when the answer has come.
func (b *bench) turnsByRun(ctx context.Context, kind string, conversations, turns int) (t timing, err error) {
	each := max(turns/conversations, 1)
	err = b.with(ctx, kind, func(s store) error {
		answers := make(map[string]chan struct{}, conversations)
		for w := range conversations {
			answers[inbound(w, 0).From] = make(chan struct{}, 1)
		}
		m, err := newMux(s, func(c *agent.Config) {
			c.Channel = channel{sent: func(o agent.Outbound) { answers[o.To] <- struct{}{} }}
		})
		if err != nil {
			return err
		}
		ask := func(w, i int) error {
			in := inbound(w, i)
			if err := m.Accept(ctx, in); err != nil {
				return err
			}
			select {
			case <-answers[in.From]:
				return nil
			case <-time.After(answerLimit):
				return fmt.Errorf("perf: message %s was not answered in %s", in.ID, answerLimit)
			}
		}
		return running(ctx, m, func() error {
			if _, err := together(conversations, warm, ask); err != nil {
				return err
			}
			t, err = together(conversations, each, func(w, i int) error { return ask(w, warm+i) })
			return err
		})
	})
	return t, err
}

// running lets a Mux run while f does.
func running(ctx context.Context, m *agent.Mux, f func() error) error {
	ctx, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = m.Run(ctx) // it ends with ctx, and says nothing else
	}()
	err := f()
	stop()
	<-stopped
	return err
}
