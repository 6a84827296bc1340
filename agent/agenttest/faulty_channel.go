package agenttest

import (
	"context"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// FaultyChannel is a Channel that goes wrong by a plan. Sends that the plan
// lets through are those of the inner channel, and so are the capabilities.
//
// An error of the plan that is no *agent.SendError leaves the outcome
// unknown to the caller, whether it came before the effect or after it.
type FaultyChannel struct {
	inner agent.Channel
	plan  *Plan
}

var _ agent.Channel = (*FaultyChannel)(nil)

// NewFaultyChannel returns a Channel that goes wrong by the plan and is
// otherwise the inner one. A nil plan changes nothing.
func NewFaultyChannel(inner agent.Channel, plan *Plan) *FaultyChannel {
	if plan == nil {
		plan = &Plan{}
	}
	return &FaultyChannel{inner, plan}
}

// Send implements [agent.Channel].
func (c *FaultyChannel) Send(ctx context.Context, msg agent.Outbound) (agent.SendReceipt, error) {
	r, err := do(ctx, c.plan, OpSend, msg, func(ctx context.Context) (agent.SendReceipt, error) { return c.inner.Send(ctx, msg) })
	if err != nil {
		return agent.SendReceipt{}, err
	}
	return r, nil
}

// Capabilities implements [agent.Channel].
func (c *FaultyChannel) Capabilities(channel string) agent.Capabilities {
	return c.inner.Capabilities(channel)
}
