package instructions

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// refKind is what a ref is.
type refKind int

const (
	refMention  refKind = iota
	refHole             // {{select team}}: the author did not fill it in
	refPool             // "any team", "anyone"
	refForeign          // a placeholder of another tool
	refVariable         // $contact.x
)

// ref is a reference in the text: a mention, a variable, a placeholder.
type ref struct {
	kind       refKind
	start, end int
	name       string
	target     frontdesk.Target
	near       []string // names spelt almost so, of a mention of nobody
	unknown    bool     // a mention of nobody
	ambiguous  bool     // a mention of several
	quoted     bool
	heading    bool
	fallback   string
	governed   bool // an action phrase governs it
	certain    bool // and that phrase is canonical and performs
}

// scanReferences finds all that sigils mark, in one pass over the text.
func (c *compiler) scanReferences() {
	for i := 0; i < len(c.text); {
		switch c.text[i] {
		case '{':
			i = c.readBraces(i)
		case '$':
			i = c.readDollar(i, i, 0)
		case '@':
			i = c.readAt(i)
		case '[':
			i = c.readBracket(i)
		default:
			i++
		}
	}
}

func (c *compiler) addRef(r ref) {
	_, r.quoted = c.quoteAt(r.start)
	r.quoted = r.quoted || c.isStruck(r.start)
	l := c.lines[c.lineAt(r.start)]
	r.heading = l.heading != nil
	if r.kind == refVariable {
		c.variables = append(c.variables, r)
		return
	}
	c.refs = append(c.refs, r)
}

var serialised = regexp.MustCompile(`^@(user|team|ai[-_]?agent|agent)\.([\w-]+)$`)

// readBraces reads {{…}} and {x}.
func (c *compiler) readBraces(i int) int {
	const longest = 80
	double := strings.HasPrefix(c.text[i:], "{{")
	open, close := "{", "}"
	if double {
		open, close = "{{", "}}"
	}
	window := c.text[i+len(open) : min(len(c.text), i+longest)]
	k := strings.Index(window, close)
	if k < 0 || strings.ContainsAny(window[:k], "\n{") {
		return i + 1
	}
	inner := strings.TrimSpace(window[:k])
	end := i + len(open) + k + len(close)
	at := i + len(open) + strings.Index(window[:k], inner)
	switch {
	case inner == "":
		return i + 1
	case double && serialised.MatchString(inner):
		c.addRef(c.resolveID(i, end, inner))
	case double && strings.HasPrefix(inner, "$") && !strings.HasPrefix(inner, "$json"):
		if got := c.readDollar(at, i, end); got == end {
			return end
		}
		c.addRef(ref{kind: refForeign, start: i, end: end, name: inner})
	case double && knownNamespace(inner):
		if got := c.readVariable(at, at, i, end); got == end {
			return end
		}
		c.addRef(ref{kind: refForeign, start: i, end: end, name: inner})
	case double && c.isHole(inner):
		c.addRef(ref{kind: refHole, start: i, end: end, name: inner})
	case double || isIdentifier(inner):
		c.addRef(ref{kind: refForeign, start: i, end: end, name: inner})
	default:
		return i + 1
	}
	return end
}

func isIdentifier(s string) bool {
	for _, r := range s {
		if !fold.WordRune(r) && r != '.' && r != '-' && r != '$' {
			return false
		}
	}
	return s != "" && strings.ContainsFunc(s, unicode.IsLetter)
}

func (c *compiler) isHole(inner string) bool {
	s := fold.Phrase(strings.NewReplacer("@", "", "_", " ", "-", " ").Replace(inner))
	if strings.HasPrefix(inner, "@") {
		return true
	}
	for _, t := range c.vocab.Scan(s) {
		if t.Is("hole") && t.Start == 0 && t.End == len(s) {
			return true
		}
	}
	return false
}

// resolveID reads a serialised mention such as @team.43.
func (c *compiler) resolveID(start, end int, inner string) ref {
	m := serialised.FindStringSubmatch(inner)
	kind := frontdesk.TargetAIAgent
	switch m[1] {
	case "user":
		kind = frontdesk.TargetUser
	case "team":
		kind = frontdesk.TargetTeam
	}
	r := ref{kind: refMention, start: start, end: end, name: m[2]}
	if t, ok := c.dir.ByID(kind, m[2]); ok {
		r.target, r.name = t, t.Name
	} else if c.known {
		r.unknown = true
		r.name = inner[1:]
	} else {
		r.target = frontdesk.Target{Kind: kind, ID: m[2], Name: m[2]}
	}
	return r
}

// readBracket reads [team] and [Name]. Markdown links, footnotes and check
// boxes are not placeholders.
func (c *compiler) readBracket(i int) int {
	const longest = 40
	window := c.text[i+1 : min(len(c.text), i+1+longest)]
	k := strings.IndexByte(window, ']')
	if k < 2 || c.lines[c.lineAt(i)].heading != nil {
		return i + 1
	}
	inner, end := window[:k], i+k+2
	if strings.ContainsAny(inner, "\n[{@$,.;:!?/|\"") || !strings.ContainsFunc(inner, unicode.IsLetter) || len(strings.Fields(inner)) > 4 {
		return i + 1
	}
	if next, _ := utf8.DecodeRuneInString(c.text[end:]); next == '(' || next == '[' {
		return i + 1
	}
	kind := refForeign
	if c.isHole(inner) {
		kind = refHole
	}
	c.addRef(ref{kind: kind, start: i, end: end, name: inner})
	return end
}

// namespaces are those of variables (S4.1).
var namespaces = map[string]bool{"contact": true, "assignee": true, "system": true}

func knownNamespace(s string) bool {
	ns, rest, ok := strings.Cut(s, ".")
	return ok && rest != "" && namespaces[strings.ToLower(strings.TrimSpace(ns))]
}

// readDollar reads a variable that begins with the "$" at i. In braces, start
// and braceEnd are those of the braces.
func (c *compiler) readDollar(i, start, braceEnd int) int {
	if strings.HasPrefix(c.text[i:], "$$") {
		// An escape: what follows is literal text.
		i += 2
		for i < len(c.text) && (isNameByte(c.text[i]) || c.text[i] == '.') {
			i++
		}
		return i
	}
	if prev, _ := utf8.DecodeLastRuneInString(c.text[:i]); i > 0 && braceEnd == 0 && fold.WordRune(prev) && !fold.Unspaced(prev) {
		return i + 1 // US$5
	}
	return c.readVariable(i, i+1, start, braceEnd)
}

func isNameByte(b byte) bool {
	return b == '_' || b == '-' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// readVariable reads namespace.path at from. It returns where it ended, or i+1
// when there is no variable.
func (c *compiler) readVariable(i, from, start, braceEnd int) int {
	limit := len(c.text)
	if braceEnd > 0 {
		limit = braceEnd - 2
	}
	var parts []string
	end := from
	for end < limit {
		k := end
		for k < limit {
			r, n := utf8.DecodeRuneInString(c.text[k:limit])
			if r < utf8.RuneSelf && !isNameByte(byte(r)) || r >= utf8.RuneSelf && (fold.Unspaced(r) || !fold.WordRune(r)) {
				break
			}
			k += n
		}
		part := strings.TrimRight(c.text[end:k], "-")
		if part == "" || len(parts) == 0 && !unicode.IsLetter(rune(part[0])) {
			break
		}
		if len(parts) > 1 && c.isField(parts) && !c.isField(append(parts[:len(parts):len(parts)], part)) {
			end-- // "$contact.email.Thanks": the full stop ended it
			return c.putVariable(parts, start, end, braceEnd, limit)
		}
		parts = append(parts, part)
		end += len(part)
		if end >= limit || c.text[end] != '.' || end+1 >= limit {
			return c.putVariable(parts, start, end, braceEnd, limit)
		}
		end++
	}
	if len(parts) > 0 {
		end--
	}
	return c.putVariable(parts, start, end, braceEnd, limit)
}

func (c *compiler) isField(parts []string) bool {
	if strings.ToLower(parts[0]) != "contact" {
		return false
	}
	_, ok := c.fieldID(strings.Join(parts[1:], "."))
	return ok
}

func (c *compiler) putVariable(parts []string, start, end, braceEnd, limit int) int {
	if len(parts) < 2 {
		return start + 1
	}
	r := ref{kind: refVariable, start: start, end: end, name: strings.ToLower(parts[0]) + "." + strings.Join(parts[1:], ".")}
	if end < limit && c.text[end] == '|' {
		k := end + 1
		for k < limit && !strings.ContainsRune(" \t\n.,!?;:)}\"|", rune(c.text[k])) {
			k++
		}
		if braceEnd > 0 {
			k = limit
		}
		r.fallback = strings.TrimSpace(c.text[end+1 : k])
		r.end = k
	}
	if braceEnd > 0 {
		if strings.TrimSpace(c.text[r.end:limit]) != "" {
			return start + 1
		}
		r.end = braceEnd
	}
	if id, ok := c.fieldID(strings.Join(parts[1:], ".")); ok && strings.EqualFold(parts[0], "contact") {
		r.name = "contact." + id
	}
	c.addRef(r)
	return r.end
}

// fieldID returns the ID of a contact field: of the workspace's and the
// standard ones.
func (c *compiler) fieldID(name string) (string, bool) {
	if id, ok := c.names.fields.find(name); ok {
		return id, true
	}
	id, ok := c.names.fieldIDs[frontdesk.FoldField(name)]
	return id, ok
}

var (
	// A capital behind the last full stop begins a sentence ("@Sales.Then close"),
	// unless all of it is in capitals.
	domain    = regexp.MustCompile(`^([A-Za-z0-9-]+\.)+[a-z0-9-]+|^([A-Z0-9-]+\.)+[A-Z]{2,}\b`)
	idBehind  = regexp.MustCompile(`^ ?\(?\{\{ ?(@[\w-]+\.[\w-]+) ?\}\}\)?`)
	endOfName = ".,;:!?()[]{}<>\"“”«»「」|/*_`→\n\t。，、；：！？（）"
)

// nameBreaks are the ASCII characters of endOfName.
var nameBreaks = func() (t [utf8.RuneSelf]bool) {
	for _, r := range endOfName {
		if r < utf8.RuneSelf {
			t[r] = true
		}
	}
	return t
}()

// nameEnd returns the index of the first character of endOfName, or -1.
func nameEnd(s string) int {
	for i, r := range s {
		if r < utf8.RuneSelf && nameBreaks[r] || r >= utf8.RuneSelf && strings.ContainsRune(endOfName, r) {
			return i
		}
	}
	return -1
}

// readAt reads the mention at i.
func (c *compiler) readAt(i int) int {
	prev, size := utf8.DecodeLastRuneInString(c.text[:i])
	if size > 0 && fold.WordRune(prev) && !fold.Unspaced(prev) || prev == '.' || prev == '@' {
		return i + 1 // an e-mail address
	}
	start := i
	name := i + 1
	for name < len(c.text) && (c.text[name] == '*') {
		name++ // @**Sales Team**
	}
	targets, end := c.dir.Match(c.text, name)
	switch {
	case len(targets) > 0:
		r := ref{kind: refMention, start: start, end: end, name: targets[0].Name, target: targets[0]}
		if len(targets) > 1 {
			r.ambiguous = true
			r.target = frontdesk.Target{}
		}
		c.checkLonger(r)
		return c.withID(r)
	}
	if n := domainLength(c.text[name:min(len(c.text), name+80)]); n > 0 {
		return name + n
	}
	return c.readUnknown(start, name)
}

// domainLength returns how long the name of a host at the start of s is; 0: none
// is there.
func domainLength(s string) int {
	i := 0
	for i < len(s) && (isWordByte(s[i]|0x20) || s[i] == '-') {
		i++
	}
	if i == len(s) || s[i] != '.' {
		return 0 // most are none, and need no expression
	}
	return len(domain.FindString(s))
}

// checkLonger reports a name whose next words make it almost a longer one:
// "@Sales Taem" is @Sales, and was meant to be @Sales Team.
func (c *compiler) checkLonger(r ref) {
	const most = 60 // bytes
	rest := strings.ToValidUTF8(c.text[r.end:min(len(c.text), r.end+most)], "")
	if _, quoted := c.quoteAt(r.start); quoted || !c.known || len(rest) < 2 || rest[0] != ' ' || !startsUpper(rest[1:]) {
		return
	}
	if k := nameEnd(rest); k >= 0 {
		rest = rest[:k]
	}
	ends := wordEnds(rest)
	for n := min(2, len(ends)); n > 0; n-- {
		run := r.name + rest[:ends[n-1]]
		near := c.nearest(run)
		if i := slices.IndexFunc(near, func(s string) bool { return strings.HasPrefix(fold.Name(s), fold.Name(r.name)+" ") }); i >= 0 {
			c.report("near-canonical", SeverityWarning, r.start, r.end+ends[n-1],
				fmt.Sprintf("%q is read as @%s, and is spelt almost like @%s: write the one that you mean", c.text[r.start:r.end+ends[n-1]], r.name, near[i]), "@"+near[i])
			return
		}
	}
}

// withID takes an ID behind a name into the mention: "@Name ({{@team.9}})".
func (c *compiler) withID(r ref) int {
	window := c.text[r.end:min(len(c.text), r.end+60)]
	m := idBehind.FindStringSubmatch(window)
	if m == nil || !serialised.MatchString(m[1]) {
		c.addRef(r)
		return r.end
	}
	byID := c.resolveID(r.start, r.end, m[1])
	r.end += len(m[0])
	switch {
	case r.ambiguous && !byID.unknown && fold.Name(byID.target.Name) == fold.Name(r.name):
		r.ambiguous, r.target = false, byID.target
	case !r.unknown && !r.ambiguous && c.known && !byID.target.Same(r.target):
		who := "nobody"
		if !byID.unknown {
			who = fmt.Sprintf("%q", byID.target.Name)
		}
		c.report("mention-id-mismatch", SeverityError, r.start, r.end,
			fmt.Sprintf("the name says %q and the ID %s is that of %s: keep the one that you mean", r.name, m[1], who), "")
		r.target = frontdesk.Target{}
		r.ambiguous = true
	case r.unknown && !byID.unknown:
		c.report("mention-id-mismatch", SeverityError, r.start, r.end,
			fmt.Sprintf("nobody is called %q, and the ID %s is that of %q: keep the one that you mean", r.name, m[1], byID.target.Name), "")
		r.unknown, r.ambiguous = false, true
	case !c.known:
		r.target = byID.target
		r.target.Name = r.name
	}
	c.addRef(r)
	return r.end
}

// readUnknown reads a mention of nobody in the workspace: up to the first
// punctuation, markup or line end, the beginning of it that is spelt almost
// like a name; else the words that look like one.
func (c *compiler) readUnknown(start, name int) int {
	const longest = 80
	run := c.text[name:min(len(c.text), name+longest)]
	if k := nameEnd(run); k >= 0 {
		run = run[:k]
		if c.text[name+k] == '_' {
			// A handle such as @jane_doe.
			for k < longest && name+k < len(c.text) && isNameByte(c.text[name+k]) {
				k++
			}
			run = c.text[name : name+k]
		}
	}
	run = strings.ToValidUTF8(run, "")
	ends := wordEnds(run)
	if len(ends) == 0 {
		return name
	}
	r := ref{kind: refMention, start: start, unknown: c.known}
	if c.known {
		for n := min(len(ends), 6); n > 0 && r.near == nil; n-- {
			if near := c.nearest(run[:ends[n-1]]); near != nil {
				r.near, r.end = near, name+ends[n-1]
			}
		}
	}
	if r.near == nil {
		r.end = name + nameLength(run, ends)
	}
	r.name = strings.TrimSpace(c.text[name:r.end])
	if !c.known {
		r.target = frontdesk.Target{}
	}
	return c.withID(r)
}

// wordEnds returns where the words of s end.
func wordEnds(s string) []int {
	var ends []int
	in := false
	for i, r := range s {
		space := unicode.IsSpace(r)
		if in && space {
			ends = append(ends, i)
		}
		in = !space
	}
	if in {
		ends = append(ends, len(s))
	}
	return ends
}

// nameLength is how much of a run of words looks like a name: the first, and
// those after it that begin with a capital or a digit.
func nameLength(run string, ends []int) int {
	end := ends[0]
	for i, r := range run[:end] {
		if fold.Unspaced(r) && i > 0 {
			continue
		}
		if r == '\'' || r == '’' {
			return i
		}
	}
	for _, e := range ends[1:] {
		word := strings.TrimSpace(run[end:e])
		r, _ := utf8.DecodeRuneInString(word)
		if !unicode.IsUpper(r) && !unicode.IsDigit(r) && r != '&' {
			break
		}
		if k := strings.IndexAny(word, "'’"); k > 0 {
			return e - len(word) + k
		}
		end = e
	}
	return end
}

// checkMentions reports faulty references, once it is known which of them an
// action phrase governs.
func (c *compiler) checkMentions() {
	for _, r := range c.refs {
		switch {
		case r.kind == refHole:
			c.report("unfilled-placeholder", severity(!r.quoted && (r.governed || c.text[r.start] == '{')), r.start, r.end,
				fmt.Sprintf("%q was never filled in: put the name that you mean here, such as @Sales Team", c.text[r.start:r.end]), "")
		case r.kind == refForeign:
			c.report("foreign-placeholder", severity(r.certain), r.start, r.end,
				fmt.Sprintf("%q is a placeholder of another tool and will be read as it stands: use a variable such as $contact.firstname, or write the text itself", c.text[r.start:r.end]), "")
		case r.kind != refMention || r.quoted:
		case r.ambiguous && r.target.Kind == "" && len(c.dir.Lookup(r.name)) > 1:
			c.report("ambiguous-mention", severity(!r.heading), r.start, r.end, c.ambiguity(r), "")
		case r.unknown:
			c.reportUnknown(r)
		}
		if r.kind == refMention && !r.quoted {
			c.checkLookAlikes(r)
		}
	}
}

func (c *compiler) ambiguity(r ref) string {
	var kinds []string
	for _, t := range c.dir.Lookup(r.name) {
		kinds = append(kinds, fmt.Sprintf("%s (%s)", strings.ReplaceAll(string(t.Kind), "_", " "), t.ID))
	}
	return fmt.Sprintf("%q is the name of several: %s: say which with its ID, such as @%s ({{@team.ID}}), or rename one", r.name, strings.Join(kinds, ", "), r.name)
}

func (c *compiler) reportUnknown(r ref) {
	what, fix := fmt.Sprintf("nobody in the workspace is called %q", r.name), ""
	switch len(r.near) {
	case 0:
		what += ": write the name of a team, user or AI agent as the workspace spells it"
	case 1:
		what += fmt.Sprintf(": did you mean @%s?", r.near[0])
		fix = "@" + r.near[0]
	default:
		what += ": did you mean @" + strings.Join(r.near, " or @") + "?"
	}
	certain := !r.heading && (r.certain || r.governed && len(r.near) > 0)
	c.report("unknown-mention", severity(certain), r.start, r.end, what, fix)
	if len(r.near) > 0 {
		c.report("near-canonical", SeverityWarning, r.start, r.end, fmt.Sprintf("%q is spelt almost like @%s: write that", r.name, r.near[0]), fix)
	}
}

// checkLookAlikes reports characters in a mention that show nothing, or look
// like a letter of another script.
func (c *compiler) checkLookAlikes(r ref) {
	latin, other := false, rune(0)
	for _, x := range c.text[r.start:r.end] {
		switch {
		case fold.Invisible(x):
			c.report("confusable-name", SeverityWarning, r.start, r.end, fmt.Sprintf("the name holds the invisible character U+%04X: take it out", x), "")
			return
		case unicode.Is(unicode.Latin, x):
			latin = true
		case unicode.In(x, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee):
			if other == 0 {
				other = x
			}
		}
	}
	next, _ := utf8.DecodeRuneInString(c.text[r.end:])
	if fold.Invisible(next) {
		c.report("confusable-name", SeverityWarning, r.start, r.end, fmt.Sprintf("the invisible character U+%04X follows the name: take it out", next), "")
		return
	}
	if latin && other != 0 || r.unknown && other != 0 && c.looksLikeName(r.name) {
		c.report("confusable-name", SeverityWarning, r.start, r.end, fmt.Sprintf("the name holds %q (U+%04X), which looks like a letter of another alphabet: type the name anew", other, other), "")
	}
}

// lookAlike maps the letters that are most often taken for Latin ones.
var lookAlike = strings.NewReplacer("а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "і", "i", "ѕ", "s", "ј", "j", "к", "k", "м", "m", "т", "t", "в", "b", "н", "h", "ο", "o", "α", "a", "ι", "i", "ν", "v", "ρ", "p", "τ", "t", "υ", "u", "κ", "k", "ε", "e")

func (c *compiler) looksLikeName(name string) bool {
	return len(c.dir.Lookup(lookAlike.Replace(fold.Name(name)))) > 0
}

// checkVariables reports variables that do not exist or that stand without
// saying what they are.
func (c *compiler) checkVariables() {
	for _, v := range c.variables {
		ns, path, _ := strings.Cut(v.name, ".")
		switch ns {
		case "contact":
			c.checkContactVariable(v, path)
		case "assignee", "system":
			if !valued(ns, path) {
				names := "$" + ns + "." + strings.Join(variables.Names(ns), ", $"+ns+".")
				c.report("unknown-field", SeverityError, v.start, v.end, fmt.Sprintf("$%s has no %q: there is %s", ns, path, names), "")
			}
		default:
			c.report("unknown-namespace", SeverityError, v.start, v.end, fmt.Sprintf("there is no namespace %q: variables begin with $contact, $assignee or $system; write $$ for a literal dollar sign", "$"+ns), "")
		}
	}
}

// valued reports whether a variable that is no field has a value all the same.
func valued(namespace, name string) bool {
	return slices.ContainsFunc(variables.Names(namespace), func(known string) bool { return frontdesk.FoldField(known) == frontdesk.FoldField(name) })
}

func (c *compiler) checkContactVariable(v ref, path string) {
	id, ok := c.fieldID(path)
	if !ok && valued("contact", path) {
		id, ok = path, true
	}
	if !ok {
		if !c.known {
			return
		}
		message, fix := fmt.Sprintf("there is no contact field %q", path), ""
		if near := c.names.fields.nearest(path); near != "" {
			nearID, _ := c.names.fields.find(near)
			message += fmt.Sprintf(": did you mean $contact.%s?", nearID)
			fix = "$contact." + nearID
		} else {
			message += ": the fields are " + c.names.fields.list()
		}
		c.report("unknown-field", SeverityError, v.start, v.end, message, fix)
		return
	}
	if !v.quoted && !c.labelled(v, id) {
		c.report("variable-without-label", SeverityInfo, v.start, v.end,
			fmt.Sprintf("the model sees the value alone: say what it is, such as \"%s: $contact.%s\"", id, id), "")
	}
}

// labelled reports whether the text before a variable says what it is: with a
// colon, or by the field's name within the last words.
func (c *compiler) labelled(v ref, id string) bool {
	l := c.lines[c.lineAt(v.start)]
	before := c.text[max(l.start, v.start-60):v.start]
	trimmed := strings.TrimRight(before, " *\"“'«「`(")
	if strings.HasSuffix(trimmed, ":") || strings.HasSuffix(trimmed, "：") {
		return true
	}
	folded := fold.Phrase(strings.ToValidUTF8(before, ""))
	if strings.Contains(folded, fold.Phrase(strings.ReplaceAll(id, "_", " "))) {
		return true
	}
	for _, t := range c.vocab.Scan(folded) {
		if f, ok := t.Value("field"); ok && (f == id || f == "name" && strings.HasSuffix(id, "name")) {
			return true
		}
	}
	return false
}
