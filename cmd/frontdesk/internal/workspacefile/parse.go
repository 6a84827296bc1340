package workspacefile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed-a71cb1d8/frontdesk"
)

// Parse reads a file's text. The name is for messages, and one that ends in
// .json says that it is JSON. The error joins all faults; see [Faults].
func Parse(name string, data []byte) (*File, error) {
	root, err := parseNode(name, data)
	if err != nil {
		return nil, err
	}
	p := &parser{file: &File{Name: name}, lines: strings.Split(string(data), "\n"), seen: map[string]string{}}
	p.root(root)
	if len(p.faults) == 0 {
		// The checks above give each fault its place; this is for those that
		// the library may come to know besides.
		if err := p.file.Workspace.Validate(); err != nil {
			for msg := range strings.SplitSeq(err.Error(), "\n") {
				p.faults = append(p.faults, &Fault{name, 1, 1, strings.TrimPrefix(msg, "frontdesk: ")})
			}
		}
	}
	if len(p.faults) == 0 {
		return p.file, nil
	}
	slices.SortStableFunc(p.faults, func(a, b *Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	errs := make([]error, len(p.faults))
	for i, f := range p.faults {
		errs[i] = f
	}
	return nil, errors.Join(errs...)
}

// parser walks the tree and collects faults.
type parser struct {
	file    *File
	lines   []string
	faults  []*Fault
	members []member
	seen    map[string]string // where each kind and key stands
}

// member is a member of a team, to be resolved when all users are known.
type member struct {
	node *yaml.Node
	team int
}

func (p *parser) fault(n *yaml.Node, format string, args ...any) {
	p.faults = append(p.faults, &Fault{p.file.Name, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// keys are the keys of a mapping with what reads each.
type keys map[string]func(*yaml.Node)

// mapping reads a mapping strictly. A null value counts as absent.
func (p *parser) mapping(n *yaml.Node, where string, known keys) bool {
	n = target(n)
	if n.Kind != yaml.MappingNode {
		p.fault(n, "%s must be an object with the keys %s", where, names(known))
		return false
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], target(n.Content[i+1])
		read := known[key.Value]
		switch {
		case seen[key.Value]:
			p.fault(key, "the key %q stands twice in %s: keep one", key.Value, where)
		case read == nil:
			p.fault(key, "unknown key %q in %s: known are %s", key.Value, where, names(known))
		case !isNull(value):
			read(value)
		}
		seen[key.Value] = true
	}
	return true
}

func (p *parser) sequence(n *yaml.Node, where string, read func(i int, n *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n, "%s must be a list", where)
		return
	}
	for i, item := range n.Content {
		read(i, target(item))
	}
}

// scalar gives the text of a scalar as it is written: an ID of 0012 stays so,
// and a stage called No is not a boolean.
func (p *parser) scalar(n *yaml.Node, where string) string {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		p.fault(n, "%s must be a text", where)
		return ""
	}
	return n.Value
}

// unique reports what stands twice among its kind.
func (p *parser) unique(n *yaml.Node, kind, where, key string) {
	if key == "" {
		return // reported as nameless
	}
	if first, ok := p.seen[kind+"\x00"+key]; ok {
		p.fault(n, "%s is %q, as %s is: give each its own", where, key, first)
		return
	}
	p.seen[kind+"\x00"+key] = where
}

func (p *parser) into(s *string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) { *s = p.scalar(n, where) }
}

func (p *parser) intoList(s *[]string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*s = []string{}
		p.sequence(n, where, func(i int, n *yaml.Node) {
			item := fmt.Sprintf("%s[%d]", where, i)
			v := p.scalar(n, item)
			if n.Kind == yaml.ScalarNode && !isNull(n) {
				p.named(n, item, v)
				p.unique(n, where, item, v)
			}
			*s = append(*s, v)
		})
	}
}

func (p *parser) intoText(t *Text, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*t = Text{Value: p.scalar(n, where), Line: n.Line, Column: n.Column}
		if n.Style&yaml.LiteralStyle == 0 || n.Line >= len(p.lines) {
			return
		}
		// The node stands at its | sign; the text begins on the next line,
		// unless its first lines are blank.
		first := p.lines[n.Line]
		if trimmed := strings.TrimLeft(first, " "); strings.TrimSpace(trimmed) != "" {
			t.block, t.indent = true, len(first)-len(trimmed)
			if own := strings.TrimLeft(t.Value, " "); len(own) < len(t.Value) { // an indentation indicator
				t.indent -= len(t.Value) - len(own)
			}
			t.Line, t.Column = n.Line+1, t.indent+1
		}
	}
}

func (p *parser) root(n *yaml.Node) {
	ws := &p.file.Workspace
	p.mapping(n, "the workspace", keys{
		"id":               p.into(&ws.ID, "id"),
		"name":             p.into(&ws.Name, "name"),
		"teams":            func(n *yaml.Node) { p.sequence(n, "teams", p.team) },
		"users":            func(n *yaml.Node) { p.sequence(n, "users", p.user) },
		"ai_agents":        func(n *yaml.Node) { p.sequence(n, "ai_agents", p.agent) },
		"fields":           func(n *yaml.Node) { p.sequence(n, "fields", p.field) },
		"lifecycle_stages": p.intoList(&ws.LifecycleStages, "lifecycle_stages"),
		"closing_notes":    p.intoList(&ws.ClosingNotes, "closing_notes"),
		"tags":             p.intoList(&ws.Tags, "tags"),
		"time_zone":        p.timeZone,
		"enabled_actions":  p.intoList(&p.file.EnabledActions, "enabled_actions"),
		"reply_window":     p.replyWindow,
	})
	p.resolveMembers()
}

func (p *parser) timeZone(n *yaml.Node) {
	ws := &p.file.Workspace
	ws.TimeZone = p.scalar(n, "time_zone")
	if _, err := ws.Location(); err != nil {
		p.fault(n, "%s", strings.TrimPrefix(err.Error(), "frontdesk: "))
	}
}

func (p *parser) replyWindow(n *yaml.Node) {
	s := p.scalar(n, "reply_window")
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		p.fault(n, "reply_window %q is no duration: write one such as \"24h\"", s)
	}
	p.file.ReplyWindow = d
}

func (p *parser) named(n *yaml.Node, where, name string) {
	if strings.TrimSpace(name) == "" {
		p.fault(n, "%s has no name: give it one", where)
	}
}

func (p *parser) team(i int, n *yaml.Node) {
	where := fmt.Sprintf("teams[%d]", i)
	var t frontdesk.Team
	ok := p.mapping(n, where, keys{
		"id": p.into(&t.ID, where+".id"), "name": p.into(&t.Name, where+".name"),
		"members": func(n *yaml.Node) {
			p.sequence(n, where+".members", func(j int, n *yaml.Node) {
				if p.scalar(n, fmt.Sprintf("%s.members[%d]", where, j)) != "" {
					p.members = append(p.members, member{n, i})
				}
			})
		},
	})
	if ok {
		p.named(n, where, t.Name)
		p.unique(n, "team", where, t.Key())
	}
	p.file.Workspace.Teams = append(p.file.Workspace.Teams, t)
}

// resolveMembers turns the names that members may be written with into IDs.
func (p *parser) resolveMembers() {
	ws := &p.file.Workspace
	for _, m := range p.members {
		var found []string
		byID := slices.IndexFunc(ws.Users, func(u frontdesk.User) bool { return u.Key() == m.node.Value })
		if byID >= 0 {
			found = []string{ws.Users[byID].Key()}
		} else {
			for _, u := range ws.Users {
				if u.Name == m.node.Value {
					found = append(found, u.Key())
				}
			}
		}
		team := &ws.Teams[m.team]
		switch {
		case len(found) == 0:
			p.fault(m.node, "team %q has the member %q, who is no user: list them under users", team.Name, m.node.Value)
		case len(found) > 1:
			p.fault(m.node, "team %q has the member %q, and %d users are called so: write the ID", team.Name, m.node.Value, len(found))
		case slices.Contains(team.Members, found[0]):
			p.fault(m.node, "team %q lists the member %q twice: once is enough", team.Name, m.node.Value)
		default:
			team.Members = append(team.Members, found[0])
		}
	}
}

func (p *parser) user(i int, n *yaml.Node) {
	where := fmt.Sprintf("users[%d]", i)
	var u frontdesk.User
	if p.mapping(n, where, keys{"id": p.into(&u.ID, where+".id"), "name": p.into(&u.Name, where+".name")}) {
		p.named(n, where, u.Name)
		p.unique(n, "user", where, u.Key())
	}
	p.file.Workspace.Users = append(p.file.Workspace.Users, u)
}

func (p *parser) agent(i int, n *yaml.Node) {
	where := fmt.Sprintf("ai_agents[%d]", i)
	var a Agent
	ok := p.mapping(n, where, keys{
		"id": p.into(&a.ID, where+".id"), "name": p.into(&a.Name, where+".name"),
		"instructions": p.intoText(&a.Instructions, where+".instructions"),
		"actions": func(n *yaml.Node) {
			a.Actions = []Action{}
			seen := map[string]bool{}
			p.sequence(n, where+".actions", func(j int, n *yaml.Node) {
				where := fmt.Sprintf("%s.actions[%d]", where, j)
				var act Action
				if !p.mapping(n, where, keys{"action": p.into(&act.Name, where+".action"), "prompt": p.intoText(&act.Prompt, where+".prompt")}) {
					return
				}
				switch {
				case act.Name == "":
					p.fault(n, "%s names no action: add one, such as action: assign", where)
				case seen[act.Name]:
					p.fault(n, "%s: the action %q stands twice: keep one", where, act.Name)
				}
				seen[act.Name] = true
				a.Actions = append(a.Actions, act)
			})
		},
	})
	if ok {
		p.named(n, where, a.Name)
		p.unique(n, "agent", where, a.Key())
	}
	p.file.Agents = append(p.file.Agents, a)
	p.file.Workspace.AIAgents = append(p.file.Workspace.AIAgents, a.AIAgent)
}

func (p *parser) field(i int, n *yaml.Node) {
	where := fmt.Sprintf("fields[%d]", i)
	var f frontdesk.Field
	var kind string
	ok := p.mapping(n, where, keys{
		"id": p.into(&f.ID, where+".id"), "name": p.into(&f.Name, where+".name"), "type": p.into(&kind, where+".type"),
		"options": p.intoList(&f.Options, where+".options"),
	})
	f.Type = frontdesk.FieldType(kind)
	switch {
	case ok && f.Key() == "":
		p.fault(n, "%s has neither id nor name: give it one", where)
	case ok:
		p.unique(n, "field", where, frontdesk.FoldField(f.Key()))
		if err := (&frontdesk.Workspace{Fields: []frontdesk.Field{f}}).Validate(); err != nil {
			p.fault(n, "%s", strings.TrimPrefix(err.Error(), "frontdesk: workspace: "))
		}
	}
	p.file.Workspace.Fields = append(p.file.Workspace.Fields, f)
}

// target follows an alias of YAML. An alias inside its own anchor cannot loop:
// the walk goes no deeper than the keys it knows.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func names(known keys) string {
	var out []string
	for k := range known {
		out = append(out, k)
	}
	slices.Sort(out)
	return list(out)
}

func list(items []string) string { return strings.Join(items, ", ") }
