package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// transcript prints what happens. It is the Channel of the agent, so what the
// contact reads is what was really sent, and it is told of each turn, whose
// record says what the agent did and what it was not allowed to do.
type transcript struct {
	mu    sync.Mutex    // in a live chat, turns and sends come from several goroutines
	w     *bufio.Writer // keeps its first error: whoever flushes last returns it
	clock frontdesk.Clock
	zone  *time.Location
	names map[string]string // by address
}

func newTranscript(w io.Writer, clock frontdesk.Clock, lang string) (*transcript, error) {
	ws := workspace(lang)
	zone, err := ws.Location()
	return &transcript{w: bufio.NewWriter(w), clock: clock, zone: zone, names: map[string]string{}}, err
}

// line prints who did what at this time.
func (t *transcript) line(who, text string) {
	text = strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 24))
	fmt.Fprintf(t.w, "%s  %-16s %s\n", t.clock.Now().In(t.zone).Format("15:04"), who, text)
}

// detail prints what stands behind the line before.
func (t *transcript) detail(format string, args ...any) {
	fmt.Fprintf(t.w, "%s%s\n", strings.Repeat(" ", 9), fmt.Sprintf(format, args...))
}

// Send implements agent.Channel.
func (t *transcript) Send(_ context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line(msg.Author.Name+" >", msg.Text)
	return agent.SendReceipt{}, t.w.Flush()
}

// Capabilities implements agent.Channel: a console has no limits.
func (t *transcript) Capabilities(string) agent.Capabilities { return agent.Capabilities{} }

// turn prints the record of a turn.
func (t *transcript) turn(turn agent.Turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn.Trigger.Kind == agent.TriggerFollowUp {
		t.line("(no answer)", fmt.Sprintf("follow-up %d is due", turn.Trigger.Step+1))
	}
	for _, source := range turn.Sources {
		t.detail("? found %s", source)
	}
	for _, name := range turn.Missing {
		t.detail("? $%s has no value and is left out", name)
	}
	for _, c := range turn.Calls {
		if c.Outcome == agent.CallDone {
			t.detail("+ %s %s", c.Name, c.Arguments)
		} else {
			t.detail("x %s %s\n           %s: %s", c.Name, c.Arguments, c.Outcome, c.Detail)
		}
	}
	for _, c := range turn.Changes {
		switch {
		case c.Old == "":
			t.detail("= %s: %s", c.What, c.New)
		case c.New == "":
			t.detail("= %s: %s taken away", c.What, c.Old)
		default:
			t.detail("= %s: %s, was %s", c.What, c.New, c.Old)
		}
	}
	if turn.Exit != agent.ExitReplied {
		t.detail("= the turn ended: %s", strings.TrimSpace(string(turn.Exit)+" "+turn.Failure))
	}
	_ = t.w.Flush() // for a live chat; the writer keeps the error for the next to flush
}

// compiled prints what the compiler made of the prompt, and its warnings.
func (t *transcript) compiled(a *agent.Agent) {
	pb := a.Playbook()
	fmt.Fprintf(t.w, "The prompt: %d characters in %d sections.\n", pb.Characters, len(pb.Sections))
	for _, target := range pb.Targets {
		fmt.Fprintf(t.w, "  may be assigned   %s\n", target.Target.Name)
	}
	for _, c := range pb.Constraints {
		fmt.Fprintf(t.w, "  condition         %s (line %d)\n", strings.TrimSpace(fmt.Sprint(c.Field, " ", c.Op, " ", c.Value)), c.Line)
	}
	for _, l := range pb.Ladders {
		for i, s := range l.Steps {
			fmt.Fprintf(t.w, "  follow-up %d       after %v: %s\n", i+1, time.Duration(s.Delay), describe(s.Messages, s.Actions))
		}
	}
	infos := 0
	for _, d := range a.Diagnostics() {
		if d.Severity == instructions.SeverityInfo {
			infos++
			continue
		}
		fmt.Fprintf(t.w, "  %v\n", d)
	}
	fmt.Fprintf(t.w, "  and %d remarks of no weight\n", infos)
}
