package world

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a71cb1d8/frontdesk/internal/switches"
)

// Control is a rule or guard that is switched off, alone or with another, to
// prove that storms see what it prevents.
type Control struct {
	Name   string
	Holds  string // which rule of the protocol or of the semantics it is
	Rules  Rules
	Guards []switches.Guard
	// Harmless ones break no promise alone: they save money. At most a worker
	// spins that the lease would have made wait.
	Harmless bool
}

// Controls are all that can be switched off, and the known pairs.
func Controls() []Control {
	rule := func(name, holds string, r Rules) Control { return Control{Name: name, Holds: holds, Rules: r} }
	out := []Control{
		rule("NoDedupe", "rule 1", Rules{NoDedupe: true}),
		rule("NoJournal", "rule 2", Rules{NoJournal: true}),
		rule("Torn", "rule 3", Rules{Torn: true}),
		rule("NoFence", "rule 4", Rules{NoFence: true}),
		rule("NoVersion", "rule 4", Rules{NoVersion: true}),
		rule("NoRecheck", "rule 5", Rules{NoRecheck: true}),
		rule("ClaimBlocked", "rules 8, 9", Rules{ClaimBlocked: true}),
		rule("NoDelete", "I24", Rules{NoDelete: true}),
		rule("NoOrder", "I8", Rules{NoOrder: true}),
	}
	holds := map[switches.Guard]string{
		switches.Keys: "rule 6", switches.Targets: "rule 7", switches.LadderWaits: "rule 8", switches.Epochs: "rule 4, S7.4",
		switches.SendWindow: "rule 5", switches.Supersede: "S7.3", switches.Handoffs: "I20", switches.Limits: "I2",
		switches.Unsendable: "I22", switches.Clean: "I25", switches.Fill: "I22", switches.Split: "I25", switches.Schemas: "I14",
		switches.Names: "I19", switches.Approvals: "S6.9", switches.ResolveOnce: "S6.9", switches.AtMostOnce: "I13",
		switches.OneVersion: "I29", switches.EndLadder: "I9", switches.Dispose: "I1", switches.OptOut: "I11, S8.13",
		switches.EchoHold: "S10.3", switches.EchoText: "S10.3", switches.Forward: "S10.1", switches.Fallback: "I32",
		switches.Hint: "rule 2", switches.HandBack: "I1", switches.Doubt: "S10.1",
		switches.Owns: "S1.2", switches.Window: "S10.4",
	}
	for _, g := range switches.All() {
		out = append(out, Control{Name: g.String(), Holds: holds[g], Guards: []switches.Guard{g}})
	}
	pair := func(r Rules, gs ...switches.Guard) {
		c := Control{Holds: "pair", Rules: r, Guards: gs}
		var names []string
		for _, g := range gs {
			names = append(names, g.String())
		}
		if r.NoLease {
			names = append(names, "NoLease")
		}
		if r.NoFence {
			names = append(names, "NoFence")
		}
		if r.NoVersion {
			names = append(names, "NoVersion")
		}
		c.Name = strings.Join(names, "+")
		out = append(out, c)
	}
	out = append(out, Control{Name: "NoLease", Holds: "rule 4", Rules: Rules{NoLease: true}, Harmless: true})
	pair(Rules{NoLease: true, NoFence: true})
	pair(Rules{NoFence: true, NoVersion: true})
	pair(Rules{NoVersion: true}, switches.Epochs)
	pair(Rules{NoVersion: true}, switches.Supersede)
	pair(Rules{}, switches.EchoHold, switches.EchoText)
	pair(Rules{}, switches.Approvals, switches.Schemas)
	pair(Rules{}, switches.Unsendable, switches.Fill)
	return out
}

// ControlResult is what storms saw of a control.
type ControlResult struct {
	Control
	Runs, Hits uint64
	First      uint64 // the first seed that failed, if Hits is not zero
	Saw        string // what it broke
	// Wasted counts the hits that were a worker that spins, and nothing else.
	Wasted uint64
	// Scripted are the cases that see it, by name, whether storms do or not.
	Scripted []string
}

// AsExpected reports whether storms or a scripted case saw that it was off, or
// nothing but waste of what is harmless.
func (r ControlResult) AsExpected() bool {
	if r.Harmless {
		return r.Hits == r.Wasted && len(r.Scripted) == 0
	}
	return r.Hits > 0 || len(r.Scripted) > 0
}

func (r ControlResult) String() string {
	first, saw := "-", r.Saw
	switch {
	case r.Hits > 0:
		first = fmt.Sprint(r.First)
	case len(r.Scripted) > 0:
		first = "scripted"
	}
	if len(saw) > 90 {
		saw = saw[:90] + "…"
	}
	return fmt.Sprintf("%-22s %-12s %8s %8.1f  %s", r.Name, r.Holds, first, float64(r.Hits)*1000/float64(max(r.Runs, 1)), saw)
}

// ControlHeader is the head of a table of results.
const ControlHeader = "switched off           holds           first  in 1000  breaks"

// Run runs storms without the rule or guard. Nothing else that uses the engine
// may run at the same time.
func (c Control) Run(seeds uint64, workers int, all bool) (ControlResult, error) {
	res := ControlResult{Control: c}
	var sum Summary
	var err error
	switches.With(func() {
		sum, err = Campaign{First: 1, Seeds: seeds, Workers: workers, Rules: c.Rules, All: all, Brief: true}.Run()
	}, c.Guards...)
	res.Runs, res.Hits = sum.Runs, sum.Failed
	if err != nil {
		return res, err
	}
	if len(sum.Failures) > 0 {
		res.First, res.Saw = sum.Failures[0].Seed, sum.Failures[0].Violations[0]
	}
	for _, f := range sum.Failures {
		if !slices.ContainsFunc(f.Violations, func(v string) bool { return !strings.HasPrefix(v, spins) }) {
			res.Wasted++
		}
	}
	for _, s := range Cases() {
		if c.Rules != (Rules{}) || !slices.Equal(s.Off, c.Guards) {
			continue
		}
		saw, err := s.Run(true)
		if err != nil {
			return res, err
		}
		if promise(saw.Violations) == s.Breaks {
			res.Scripted = append(res.Scripted, s.Name)
			if res.Saw == "" {
				res.Saw = saw.Violations[0]
			}
		}
	}
	return res, nil
}
