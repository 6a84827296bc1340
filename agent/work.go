package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// errDropped ends a run whose conversation went elsewhere meanwhile.
var errDropped = errors.New("agent: the conversation went elsewhere")

// work does one claimed task and returns the turn that came of it, if any. It
// never panics and reports failures to the log only: a task that could not be
// done is tried again later.
func (m *Mux) work(ctx context.Context, t ClaimedTask) (turn *Turn) {
	var err error
	defer func() {
		if p := recover(); p != nil {
			// One conversation is harmed, not the process (I28).
			m.log.Error("panic", "conversation", t.ConversationID, "task", t.Kind, "panic", m.loggablePanic(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("agent: panic: %s", m.loggablePanic(p))
		}
		if err != nil {
			m.giveBack(ctx, t, err)
		}
	}()
	switch t.Kind {
	case TaskTurn:
		turn, err = m.runTurn(ctx, t)
	case TaskFollowUp:
		turn, err = m.runFollowUp(ctx, t)
	case TaskApproval:
		turn, err = m.runApproval(ctx, t)
	case TaskSend:
		err = m.runSend(ctx, t)
	case TaskEcho:
		err = m.runEcho(ctx, t)
	default:
		err = fmt.Errorf("agent: task of unknown kind %q: a newer version wrote it", t.Kind)
	}
	if turn != nil {
		m.report(turn)
	}
	return turn
}

// report tells the log and the program of a turn.
func (m *Mux) report(t *Turn) {
	m.log.Info("turn", "turn", t.ID, "conversation", t.ConversationID, "agent", t.Agent, "trigger", t.Trigger.Kind,
		"exit", t.Exit, "rounds", t.Rounds, "calls", len(t.Calls), "replies", len(t.Replies),
		"input_tokens", t.Usage.InputTokens, "output_tokens", t.Usage.OutputTokens)
	cfg := m.cfg
	for _, a := range m.agents {
		if a.cfg.Name == t.Agent {
			cfg = &a.cfg
		}
	}
	if cfg.OnTurn != nil {
		cfg.OnTurn(*t)
	}
}

// giveBack returns a task that could not be done, to be tried again after a
// while that grows with its attempts. If even that fails the lease runs out
// and the task is claimed again.
func (m *Mux) giveBack(ctx context.Context, t ClaimedTask, cause error) {
	if errors.Is(cause, ErrFenced) {
		m.log.Debug("lease lost", "conversation", t.ConversationID, "task", t.Kind)
		return
	}
	stopping := ctx.Err() != nil
	if !stopping {
		m.log.Error("task failed", "conversation", t.ConversationID, "task", t.Kind, "attempt", t.Attempts, "error", cause)
	}
	// A program that is stopping gives its work back all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.Timeouts.Send)
	defer cancel()
	for range 3 {
		view, err := m.store.Load(ctx, Query{ConversationID: t.ConversationID, Tasks: true})
		if err != nil {
			break
		}
		c := Commit{Fence: &t.Fence, Release: true}
		now := view.Task(t.Kind)
		switch {
		case view.Conversation == nil: // deleted
		case now == nil || now.TurnID != t.TurnID:
			// It was taken away meanwhile, and will not be tried again; what
			// stands in its place has done nothing to be put off. What a turn had
			// done by then is told now or never.
			var turn *Turn
			if t.Kind == TaskTurn {
				turn, err = m.left(ctx, t.Task)
			}
			if turn != nil {
				c.Conversation, c.Turns = clone(view.Conversation), []Turn{*turn}
			}
		case !now.Due.IsZero() && !stopping:
			again := *now
			if again.Due = m.now().Add(m.backoff(t.Attempts)); again.Due.Before(now.Due) {
				again.Due = now.Due // claimed by a clock that was set back since: a retry hurries no step (I10)
			}
			c.Conversation, c.Put = clone(view.Conversation), []Task{again}
		}
		if err != nil {
			break
		}
		if err = m.store.Commit(ctx, c); !errors.Is(err, ErrConflict) {
			break
		}
	}
}

// loggable is what the log may hold of an error from outside: an action, an
// LLM, a channel may quote what a contact wrote, so only its kind is logged,
// unless Config.LogErrors asks for the text (S13.3).
func (m *Mux) loggable(err error) string {
	if m.cfg.LogErrors {
		return err.Error()
	}
	var le *LLMError
	var se *SendError
	switch {
	case errors.As(err, &le):
		return "LLM: " + string(le.Kind)
	case errors.As(err, &se):
		return "channel: " + string(se.Outcome)
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded.Error()
	}
	return fmt.Sprintf("%T", err)
}

// loggablePanic is loggable for the value of a panic. What the runtime itself
// panics with quotes nobody.
func (m *Mux) loggablePanic(p any) string {
	if re, ok := p.(runtime.Error); ok {
		return re.Error()
	}
	if m.cfg.LogErrors {
		return fmt.Sprint(p)
	}
	return fmt.Sprintf("%T", p)
}

// backoff is how long to wait before the n-th retry, from 1.
func (m *Mux) backoff(n int) time.Duration {
	d := m.cfg.Retry.First
	for i := 1; i < n && d < m.cfg.Retry.Max; i++ {
		d *= 2
	}
	return min(d, m.cfg.Retry.Max)
}
