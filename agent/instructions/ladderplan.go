package instructions

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/followup"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// order is the order in which a step performs: message, then fields, tags and
// comments, then lifecycle, then assign or close (grammar 18).
var order = map[string]int{actField: 1, actTags: 1, actComment: 1, actStage: 2, actAssign: 3, actUnassign: 3, actClose: 4}

func (c *compiler) buildLadder(p *plan) {
	drafts := p.drafts
	for len(drafts) > 0 && !drafts[len(drafts)-1].hasContent() {
		last := drafts[len(drafts)-1]
		if len(last.delays) > 0 && !c.says(last, "do_nothing") {
			c.report("followup-not-understood", SeverityWarning, last.start, last.end, "this says when the contact has been silent for long, and not what to do then: add a message or an action", "")
		}
		drafts = drafts[:len(drafts)-1]
	}
	if len(drafts) == 0 {
		return
	}
	start, end := drafts[0].start, drafts[0].end
	for _, d := range drafts {
		start, end = min(start, d.start), max(end, d.end)
	}
	out := LadderSource{Span: c.span(start, end)}
	out.Condition = p.condition
	var total, previous time.Duration
	anyDelay := slices.ContainsFunc(drafts, func(d *draft) bool { return len(d.delays) > 0 })
	for i, d := range drafts {
		steps := c.stepsOf(d, &total, &previous, i, anyDelay)
		if d.times > 1 && i+1 < len(drafts) && c.closes(drafts[i+1]) {
			c.report("followup-extra-message", SeverityInfo, min(d.start, drafts[i+1].start), max(d.end, drafts[i+1].end), fmt.Sprintf("this sends %d messages: %d follow-ups and the one of the close", d.times+1, d.times), "")
		}
		out.Steps = append(out.Steps, steps...)
	}
	if !anyDelay {
		c.report("followup-no-delay", SeverityWarning, drafts[0].start, max(drafts[0].start, drafts[0].head), "these follow-ups have no time, and run only with the default delay of the configuration: write how long the contact must be silent, such as \"after 2 hours\"", "")
	}
	c.pb.Ladders = append(c.pb.Ladders, out)
}

func (c *compiler) says(d *draft, kind vocabulary.Kind) bool {
	l := c.lines[d.line]
	k, _ := slices.BinarySearchFunc(c.tokens, l.body, func(t token, o int) int { return t.start - o })
	const most = 200 // a line may be the whole text
	for n := 0; n < most && k < len(c.tokens) && c.tokens[k].start < l.end; k, n = k+1, n+1 {
		if c.tokens[k].any(kind) {
			return true
		}
	}
	return false
}

func (c *compiler) closes(d *draft) bool {
	return slices.ContainsFunc(d.sites, func(s *site) bool { return s.Name == actClose })
}

// stepsOf makes the steps of a draft: one, or as many as it repeats.
func (c *compiler) stepsOf(d *draft, total, previous *time.Duration, i int, anyDelay bool) []followup.Step {
	base := followup.Step{Messages: d.messages, Mode: d.mode, Silent: d.silent && len(d.messages) == 0, Line: d.line + 1}
	if len(base.Messages) > 1 && base.Mode == "" {
		base.Mode = followup.Sequence
	}
	actions := c.actionsInOrder(d)
	delays := d.delays
	inherited := false
	zero := len(delays) > 0 && slices.Max(delays) == 0
	if len(delays) == 0 || zero {
		delays = []time.Duration{*previous}
		inherited = *previous > 0
		switch {
		case zero:
			start, end := d.waits()
			c.report("followup-no-delay", SeverityWarning, start, end, fmt.Sprintf("%q is no time to be silent: a follow-up comes more than 0 and at most 24h after the message before", c.text[d.timeStart:d.timeEnd]), "")
		case inherited:
			c.report("followup-inherited-delay", SeverityWarning, d.start, max(d.start, d.head), fmt.Sprintf("this step has no time of its own and takes that of the one before, %s: write it", short(*previous)), "")
		case anyDelay:
			c.report("followup-no-delay", SeverityWarning, d.start, max(d.start, d.head), "this step has no time: write how long the contact must be silent, such as \"after 2 hours\"", "")
		}
	}
	if d.vague || i > 0 && !zero && len(d.delays) == 1 && !d.offsets && !d.relative && d.delays[0] > *total && *total > 0 {
		start, end := d.waits()
		c.report("followup-ambiguous-delay", SeverityWarning, start, end,
			fmt.Sprintf("this is read as %s after the message before: write \"another %s\", or the time since the contact's last message as \"T+…\"", short(d.delays[0]), short(d.delays[0])), "")
	}
	var steps []followup.Step
	for n, delay := range delays {
		st := base
		wait := delay
		if d.offsets && delay > *total {
			wait = delay - *total
		}
		st.Delay, st.Inherited = followup.Delay(wait), inherited
		if n == len(delays)-1 && d.times <= 1 {
			st.Actions = actions
		}
		if wait > followup.MaxDelay && !inherited {
			start, end := d.waits()
			written := short(wait)
			if delay == longest {
				const most = 40 // characters of a number that somebody's key was stuck on
				if written = c.text[d.timeStart:d.timeEnd]; len(written) > most {
					written = strings.ToValidUTF8(written[:most], "") + "..."
				}
			}
			c.report("followup-too-late", SeverityError, start, end, fmt.Sprintf("this step comes %s after the message before, and at most 24h is possible: shorten it", written), "")
		}
		*total = min(*total+wait, 100*longest)
		if wait > 0 {
			*previous = wait
		}
		steps = append(steps, st)
	}
	for n := 1; n < min(d.times, 12); n++ {
		st := steps[len(steps)-1]
		st.Inherited = st.Delay > 0
		*total = min(*total+time.Duration(st.Delay), 100*longest)
		steps = append(steps, st)
	}
	if d.times > 1 {
		steps[len(steps)-1].Actions = actions
	}
	return steps
}

// short writes a duration without its zero parts: "2h", "1h30m".
func short(d time.Duration) string {
	s := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "" || !unicode.IsLetter(rune(s[len(s)-1])) {
		return d.String()
	}
	return s
}

// actionsInOrder gives a step's actions in the order in which they are
// performed, and reports when the text has another.
func (c *compiler) actionsInOrder(d *draft) []followup.Action {
	var out []followup.Action
	seen := map[string]bool{}
	reordered := (*site)(nil)
	for i, s := range d.sites {
		if i > 0 && order[s.Name] < order[d.sites[i-1].Name] && reordered == nil {
			reordered = s
		}
	}
	sites := slices.Clone(d.sites)
	slices.SortStableFunc(sites, func(a, b *site) int { return order[a.Name] - order[b.Name] })
	for _, s := range sites {
		if s.Name == actField && s.Value == "" {
			s.Value = s.variable
		}
		if why := c.undoable(s); why != "" {
			c.report("followup-not-understood", SeverityWarning, s.start, s.end, why, "")
		}
		key := s.Name + "\x00" + s.Target + "\x00" + s.Field + "\x00" + s.Value
		if !seen[key] {
			seen[key] = true
			out = append(out, s.Action)
		}
	}
	if reordered == nil && len(d.sites) > 0 && len(d.messages) > 0 && d.messageAt > d.sites[0].start {
		reordered = d.sites[0]
	}
	if reordered != nil {
		c.report("action-reordered", SeverityWarning, reordered.start, reordered.end, "a follow-up sends its message first, then updates fields and tags, then the lifecycle stage, then assigns or closes: it is done in this order, write it so", "")
	}
	return out
}

// undoable says why a step cannot do what the text wants, as the model, which
// could find a way, is not asked (S8.8); empty: nothing is known against it.
// What other actions name is reported wherever it stands.
func (c *compiler) undoable(s *site) string {
	switch {
	case s.Name == actField && s.Value == "":
		return "a follow-up sets fields without the model, and this does not say for certain which one to what, so it is left out: name the field, and write the value in quotes or as a variable"
	case !c.known || len(variables.Parse(s.Value).Variables()) > 0: // what it will be is not known
	case s.Name == actField:
		if err := c.fits(s.Field, s.Value); err != nil {
			return fmt.Sprintf("the field %q cannot be set to %q, so the step will not be done: %s", s.Field, s.Value, strings.TrimPrefix(err.Error(), "frontdesk: "))
		}
	case s.Name == actTags && s.Value != "" && len(c.opts.Workspace.Tags) > 0 && !has(c.opts.Workspace.Tags, s.Value):
		return fmt.Sprintf("there is no tag %q in the workspace, so the step will not be done: name one of its tags", s.Value)
	}
	return ""
}

// fits reports what keeps a value from being one of the field.
func (c *compiler) fits(field, value string) error {
	kind := c.names.fieldTypes[field]
	if kind == "" {
		return nil // there is no such field, which is reported
	}
	if options := c.names.fieldOptions[field]; len(options) > 0 && !has(options, value) {
		return errors.New("it is none of the field's values")
	}
	_, err := frontdesk.ParseValue(kind, value)
	return err
}

// has reports whether a name is among others, however it is written.
func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return fold.Phrase(n) == fold.Phrase(name) })
}

// checkLadders reports what concerns all ladders together.
func (c *compiler) checkLadders() {
	counted := 0
	for i := range c.pb.Ladders {
		l := &c.pb.Ladders[i]
		var total time.Duration
		past := false
		for k, st := range l.Steps {
			total = min(total+time.Duration(st.Delay), 100*longest)
			untimedClose := k == len(l.Steps)-1 && k > 0 && (st.Inherited || st.Delay == 0) && slices.ContainsFunc(st.Actions, func(a followup.Action) bool { return a.Name == actClose || a.Name == actAssign })
			if !untimedClose {
				counted++
			}
			at := c.lineStarts[max(0, st.Line-1)]
			if counted == followup.MaxSteps+1 {
				c.report("too-many-followups", SeverityError, max(at, l.Offset), l.End, fmt.Sprintf("there are more than %d follow-ups: a prompt has at most %d, a closing step without a time not counted", followup.MaxSteps, followup.MaxSteps), "")
				counted++
			}
			if w := c.opts.ReplyWindow; w > 0 && total > w && !past {
				past = true
				c.report("followup-past-window", SeverityWarning, max(at, l.Offset), l.End, fmt.Sprintf("this comes %s after the contact's last message, when the channel's reply window of %s is closed: the message may fail, the actions are done all the same", short(total), short(w)), "")
			}
		}
	}
}

// checkScheduled reports an assignment at a time of day or after a while: only
// a follow-up can wait.
func (c *compiler) checkScheduled() {
	for _, st := range c.sites {
		if st.Name != actAssign || st.followUp {
			continue
		}
		s := &c.sentences[st.sentence]
		if start, end, ok := c.timeOfDay(s, st); ok {
			c.report("scheduled-assignment", SeverityWarning, start, end, "an assignment cannot be scheduled: it is made when the condition holds; only a follow-up on silence waits", "")
		}
	}
}

func (c *compiler) timeOfDay(s *sentence, st *site) (start, end int, ok bool) {
	if c.sentenceHas(s, "silence") {
		return 0, 0, false
	}
	for t := st.token + 1; t < s.hi; t++ {
		tok := c.tokens[t]
		switch {
		case tok.any("clock"):
			return tok.start, tok.end, true
		case tok.any("clock_at") && t+1 < s.hi && c.tokens[t+1].any(vocabulary.Number) && c.gap(t) == "" && !c.is(t+2, vocabulary.Unit):
			return tok.start, c.tokens[t+1].end, true
		}
	}
	return 0, 0, false
}
