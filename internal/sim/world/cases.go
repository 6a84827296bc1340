package world

import (
	"slices"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// Case is a storm that is written by hand: it breaks no promise with all rules
// and guards on, and a certain one with some of them off. Cases hold what
// storms found once, and prove that a guard which storms run into rarely is
// seen to be off.
type Case struct {
	// Name is what the case is about.
	Name string
	// Off are the guards that it needs, Breaks the promise that breaks without
	// them.
	Off    []switches.Guard
	Breaks string
	Plan   Plan
}

// Run runs the case, with its guards on or off.
func (c Case) Run(off bool) (res StormResult, err error) {
	w, err := NewWorld(Config{})
	if err != nil {
		return res, err
	}
	run := func() { res = w.runPlan(c.Plan, onlyHappenings(c.Plan)) }
	if off {
		switches.With(run, c.Off...)
	} else {
		run()
	}
	return res, nil
}

// onlyHappenings keeps what a plan says, and nothing of what chance would
// decide against the usual.
func onlyHappenings(p Plan) *Keep {
	k := &Keep{Happenings: map[int]bool{}, Decisions: map[uint32]bool{}}
	for i := range p.Happenings {
		k.Happenings[i] = true
	}
	return k
}

// on is a plan of happenings on one conversation of a channel, in a calm world.
func on(channel string, hs ...Happening) Plan {
	p := Plan{Seed: 1, Workers: 2, Idempotent: true, Happenings: hs}
	for i := range p.Happenings {
		h := &p.Happenings[i]
		if h.Kind != "freeze" && h.Kind != "outage" && h.Kind != "jump" && h.Kind != "save" {
			h.Channel, h.Contact = channel, "al"
		}
		p.End = max(p.End, h.At+h.For)
	}
	slices.SortStableFunc(p.Happenings, func(a, b Happening) int { return int(a.At - b.At) })
	return p
}

// with adds cues to a plan.
func (p Plan) with(cues ...Cue) Plan {
	p.Cues = cues
	return p
}

// echoed has the channel show us what it delivered.
func (p Plan) echoed(e EchoCue) Plan {
	p.Echo = &e
	return p
}

// Cases are all of them.
func Cases() []Case {
	in := func(at time.Duration, n int, text string) Happening {
		return Happening{At: at, Kind: "inbound", N: n, Text: text}
	}
	is := func(at time.Duration, kind string, n int) Happening { return Happening{At: at, Kind: kind, N: n} }
	froze := func(n int, d time.Duration) Happening { return Happening{Kind: "freeze", N: n, For: d} }
	guard := func(gs ...switches.Guard) []switches.Guard { return gs }
	return []Case{
		{
			// A human answers without taking over while a message waits, and
			// hands back: the message was forgotten.
			"hand back", guard(switches.HandBack), "I1",
			on("sms", froze(1, time.Minute), froze(2, time.Minute), in(time.Second, 1, "hi"), is(3*time.Second, "reply kept", 1), is(9*time.Second, "hand back", 0)),
		},
		{"a call written as text", guard(switches.Unsendable), "I22", on("sms", in(0, 1, "json"))},
		{"fallback", guard(switches.Fallback), "I32", on("sms", in(0, 1, "empty"))},
		{"names", guard(switches.Names), "I19", on("sms", in(0, 1, "stage"))},
		{"split", guard(switches.Split), "I25", on("sms", in(0, 1, "long"))},
		{"keys", guard(switches.Keys), "rule 6", on("sms", in(0, 1, "price"))},
		{
			// The claim of a message takes half a minute.
			"a late claim", guard(switches.SendWindow), "rule 5",
			on("sms", in(0, 1, "hi")).with(Cue{Op: "commit:claim", N: 1, Pause: 30 * time.Second}),
		},
		{
			// The contact writes while the LLM thinks.
			"superseded", guard(switches.Supersede), "S7.3",
			on("sms", in(0, 1, "hi"), in(3*time.Second, 2, "more")).with(Cue{Op: "llm", N: 1, Pause: 5 * time.Second}),
		},
		{
			// A human takes over while the LLM thinks about a charge.
			"a call after a takeover", guard(switches.Owns), "S1.2",
			on("sms", in(0, 1, "price"), is(5*time.Second, "takeover", 1)).with(Cue{Op: "llm", N: 2, Pause: 10 * time.Second}),
		},
		{
			// A human takes over between what the worker looks at first and the
			// approved call.
			"an approved call after a takeover", guard(switches.Owns), "S1.2",
			on("sms", in(0, 1, "refund"), is(20*time.Second, "resolve", 1), is(22*time.Second, "takeover", 1)).with(Cue{Op: "load", N: 9, Pause: 5 * time.Second}),
		},
		{
			// A person approves a call; another refuses it after it has run.
			"resolved again", guard(switches.ResolveOnce), "S6.9",
			on("sms", in(0, 1, "refund"), is(20*time.Second, "resolve", 1), is(40*time.Second, "resolve again", 1)),
		},
		{
			// The contact reads, and only then the channel reports the delivery.
			"a status goes back", guard(switches.Forward), "S10.1",
			on("chat", in(0, 1, "hi"), is(20*time.Second, "receipt", 14), is(40*time.Second, "receipt", 8)),
		},
		{
			// The process dies between an answer of no use and the next request:
			// the LLM was not told then, and gave the same answer again.
			"the hint after a crash", guard(switches.Hint), "rule 2",
			on("sms", in(0, 1, "empty")).with(Cue{Op: "llm", N: 2, Fault: Crash}),
		},
		{
			// The first attempt got through and nobody was told; the second is
			// rejected. It counted as failed.
			"a rejection after a doubtful attempt", guard(switches.Doubt), "S10.1",
			on("chat", in(0, 1, "hi")).with(Cue{Op: "send", N: 1, Fault: After}, Cue{Op: "send", N: 2, Fault: Reject}),
		},
		{
			// The channel shows our message, in its own spelling, before it has
			// told us the ID under which it knows it.
			"an echo during a send", guard(switches.EchoHold), "S10.3",
			on("sms", in(0, 1, "hi")).with(Cue{Op: "commit:outcome", N: 1, Pause: 5 * time.Second}).echoed(EchoCue{After: time.Second, Changed: true}),
		},
		{
			// Nobody knows whether the message went out; its echo says so, within
			// the window in which echoes are held.
			"an echo of an unknown message", guard(switches.EchoText), "S10.3",
			on("sms", in(0, 1, "hi")).with(Cue{Op: "send", N: 1, Fault: After}).echoed(EchoCue{After: time.Second}),
		},
		{
			// The same after that window: it was taken for a takeover.
			"a late echo of an unknown message", guard(switches.EchoText), "S10.3",
			on("sms", in(0, 1, "hi")).with(Cue{Op: "send", N: 1, Fault: After}).echoed(EchoCue{After: time.Minute}),
		},
		{
			// The process dies when the charge is done and its result not recorded.
			"a crash behind a call", guard(switches.AtMostOnce), "S6.8",
			on("sms", in(0, 1, "price")).with(Cue{Op: "append", N: 5, Fault: Crash}),
		},
		{
			// An approved call has its outcome when the window is closed.
			"the reply window", guard(switches.Window), "S10.4",
			on("sms", in(0, 1, "refund"), is(3*time.Hour, "resolve", 1)),
		},
	}
}
