package instructions

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
	"github.com/seed-a71cb1d8/frontdesk/internal/vocabulary"
	"github.com/seed-a71cb1d8/frontdesk/routing"
)

// Compile reads instructions and returns the playbook and all that there is to
// say of the text, sorted by position (S2.5). It is deterministic, needs no
// model and no network, does not panic on any input and takes time linear in
// the text. The playbook is never nil; that of a text over the limit holds its
// hash and length only, and is reported as too-long.
//
// CRLF becomes LF, invalid UTF-8 and NUL become U+FFFD before anything else, and
// are reported as invalid-text: positions point into [Playbook.Text].
func Compile(text string, opts Options) (*Playbook, Diagnostics) {
	return compile(text, opts, "")
}

// CompileActionPrompt reads the prompt of an action with the same grammar
// (S2.7). Positions are relative to the prompt. A prompt is a rule, not a
// script: nothing is said of its structure, and the mentions in the prompt of
// the assign action are targets even where no assign phrase stands by them,
// unless they are negated or quoted.
func CompileActionPrompt(name, prompt string, opts Options) (*Playbook, Diagnostics) {
	if name == "" {
		name = "custom"
	}
	return compile(prompt, opts, name)
}

// compiler is the state of one compilation. Its fields are filled in the order
// of the pipeline; each stage reads only what earlier ones wrote.
type compiler struct {
	opts   Options
	action string // the action whose prompt is compiled; empty: instructions
	ws     *frontdesk.Workspace
	known  bool // a workspace was given
	dir    *routing.Directory
	vocab  *vocabulary.Vocabulary
	names  names

	text       string
	shadow     *fold.Shadow
	lineStarts []int
	language   string // the text's, as far as the vocabulary can tell

	lines     []line
	sections  []*section
	steps     []*step // all, in text order
	quotes    []quote
	struck    [][2]int // what the author crossed or commented out
	tokens    []token
	remarks   []int // the tokens that may say that something is not in force
	hedges    bool  // some token leaves something open
	sentences []sentence
	clauses   []clause // of all sentences

	refs      []ref        // mentions and other targets, in text order
	forbidden []ref        // mentions that the text forbids to assign, whatever the case
	lost      []ref        // mentions that a sentence forbids, which may be meant to allow them in some case
	variables []ref        // variables, in text order
	values    map[int]bool // quotations that an action took as its value, by their start
	delays    []delay
	valued    [][2]int // what a set of values or a range was read from
	sites     []*site
	acting    [][]*site // the sites of each sentence

	runes   []int32             // code points before every runeStep-th byte
	lookups int                 // searches for names spelt almost so
	similar map[string][]string // what they found

	pb    *Playbook
	diags Diagnostics
}

func compile(source string, opts Options, action string) (*Playbook, Diagnostics) {
	c := compiled(source, opts, action)
	return c.pb, c.finish()
}

// compiled runs the pipeline, as far as the length of the text allows.
func compiled(source string, opts Options, action string) *compiler {
	limit := opts.MaxCharacters
	if limit <= 0 {
		limit = MaxCharacters
	}
	text := clean(source)
	c := &compiler{
		opts: opts, action: action, text: text,
		pb: &Playbook{
			Grammar: GrammarVersion, Text: text, Characters: utf8.RuneCountInString(text),
			Sections: []Section{}, Mentions: []Mention{}, Variables: []Variable{}, Actions: []ActionSite{},
			Constraints: []Constraint{}, Ladders: []LadderSource{}, Targets: []AllowedTarget{},
			Closing:    Closing{Summary: "default", Notes: []string{}},
			Boundaries: Boundaries{Can: []string{}, Cannot: []string{}},
		},
	}
	sum := sha256.Sum256([]byte(text))
	c.pb.Hash = hex.EncodeToString(sum[:])
	if over := c.pb.Characters - limit; over > 0 {
		c.pb.Text = ""
		c.lineStarts = []int{0}
		c.report("too-long", SeverityError, 0, 0, fmt.Sprintf("the text has %d characters, %d over the limit of %d: shorten it", c.pb.Characters, over, limit), "")
		return c
	}
	c.setWorkspace()
	c.run()
	return c
}

// clean makes the text safe to store and to point into.
func clean(s string) string {
	if strings.ContainsRune(s, '\r') {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

func (c *compiler) setWorkspace() {
	c.dir = c.opts.Directory
	c.ws = c.opts.Workspace
	if c.ws == nil && c.dir != nil {
		c.ws = c.dir.Workspace()
	}
	c.known = c.ws != nil
	if c.dir == nil {
		c.dir = routing.NewDirectory(c.ws)
	}
	if c.ws == nil {
		c.ws = &frontdesk.Workspace{}
	}
	c.vocab = vocabulary.Default()
	c.names = newNames(c.ws)
}

// run is the pipeline.
func (c *compiler) run() {
	c.countRunes()
	c.shadow = fold.NewShadow(c.text)
	c.scanLines()
	c.buildSections()
	c.findQuotes()
	c.buildLists()
	c.findStruck()
	c.scanReferences()
	c.scanTokens()
	c.splitSentences()
	c.findTakenBack()
	c.findDelays()
	c.findActions()
	c.findConstraints()
	c.findClosing()
	c.findLadders()
	c.readBoundaries()
	c.emit()
	c.checkCharacters()
	c.check()
}

// checkCharacters reports what stands for bytes that were no UTF-8, or for a
// character that an earlier program lost: the model reads a hole there.
func (c *compiler) checkCharacters() {
	const lost, most = "\uFFFD", 20
	n := strings.Count(c.text, lost)
	for i, at := 0, 0; i < min(n, most); i++ {
		at += strings.Index(c.text[at:], lost)
		message := "this is no character: the text was saved in another encoding than UTF-8, or the character was lost before; write it anew, and save as UTF-8"
		if i == most-1 && n > most {
			message += fmt.Sprintf(" (%d more follow)", n-most)
		}
		c.report("invalid-text", SeverityWarning, at, at+len(lost), message, "")
		at += len(lost)
	}
}

// finish sorts the diagnostics and drops those said twice.
func (c *compiler) finish() Diagnostics {
	slices.SortStableFunc(c.diags, func(a, b Diagnostic) int {
		if a.Offset != b.Offset {
			return a.Offset - b.Offset
		}
		if a.End != b.End {
			return a.End - b.End
		}
		return strings.Compare(a.Code, b.Code)
	})
	return slices.CompactFunc(c.diags, func(a, b Diagnostic) bool { return a.Code == b.Code && a.Span == b.Span && a.Message == b.Message })
}

// report adds a diagnostic about text[start:end].
func (c *compiler) report(code string, severity Severity, start, end int, message, fix string) {
	c.diags = append(c.diags, Diagnostic{Code: code, Severity: severity, Span: c.span(start, end), Message: message, Fix: fix})
}

// severity is an error where the meaning is certain, else a warning (S3).
func severity(certain bool) Severity {
	if certain {
		return SeverityError
	}
	return SeverityWarning
}

// span gives the position of text[start:end].
func (c *compiler) span(start, end int) Span {
	i := c.lineAt(start)
	return Span{Line: i + 1, Column: c.runesBefore(start) - c.runesBefore(c.lineStarts[i]) + 1, Offset: start, End: end}
}

const runeStep = 64

// countRunes prepares for columns: a line may be the whole text, and counting
// from its start for every position would not be linear.
func (c *compiler) countRunes() {
	c.runes = make([]int32, 0, len(c.text)/runeStep+1)
	n := int32(0)
	for i := range len(c.text) {
		if i%runeStep == 0 {
			c.runes = append(c.runes, n)
		}
		if utf8.RuneStart(c.text[i]) {
			n++
		}
	}
}

func (c *compiler) runesBefore(offset int) int {
	k := min(offset/runeStep, len(c.runes)-1)
	if k < 0 {
		return 0
	}
	n := int(c.runes[k])
	for i := k * runeStep; i < offset; i++ {
		if utf8.RuneStart(c.text[i]) {
			n++
		}
	}
	return n
}

// maxLookups bounds the searches for names spelt almost so: in a workspace of
// 100,000 names each costs milliseconds.
const maxLookups = 60

// nearest returns the names spelt almost like this one.
func (c *compiler) nearest(name string) []string {
	if found, ok := c.similar[name]; ok {
		return found
	}
	if c.lookups++; c.lookups > maxLookups {
		return nil
	}
	if c.similar == nil {
		c.similar = map[string][]string{}
	}
	found := c.dir.Nearest(name)
	c.similar[name] = found
	return found
}

// lineAt returns the index of the line that holds the offset.
func (c *compiler) lineAt(offset int) int {
	i, ok := slices.BinarySearch(c.lineStarts, offset)
	if !ok {
		i--
	}
	return i
}

// names indexes what a workspace calls its stages, closing notes and fields.
type names struct {
	stages, notes, fields nameIndex
	fieldTypes            map[string]frontdesk.FieldType // by ID
	fieldOptions          map[string][]string            // by ID, of fields that have some
	fieldIDs              map[string]string              // by folded ID
}

func newNames(ws *frontdesk.Workspace) names {
	n := names{fieldTypes: map[string]frontdesk.FieldType{}, fieldOptions: map[string][]string{}, fieldIDs: map[string]string{}}
	for _, s := range ws.LifecycleStages {
		n.stages.add(s, s)
	}
	for _, s := range ws.ClosingNotes {
		n.notes.add(s, s)
	}
	for _, f := range ws.AllFields() {
		n.fields.add(f.Key(), f.Key())
		if strings.Contains(f.Key(), "_") {
			n.fields.add(strings.ReplaceAll(f.Key(), "_", " "), f.Key())
		}
		n.fields.add(f.Label(), f.Key())
		n.fieldTypes[f.Key()] = f.Kind()
		if len(f.Options) > 0 {
			n.fieldOptions[f.Key()] = f.Options
		}
		if folded := frontdesk.FoldField(f.Key()); n.fieldIDs[folded] == "" {
			n.fieldIDs[folded] = f.Key()
		}
	}
	return n
}

// nameIndex finds names at a place of a folded text, the longest first.
type nameIndex struct {
	byName  map[string]string
	first   [256]bool // the bytes that a name begins with
	lengths []int
	order   []string // as the workspace lists them
	last    string   // the value of the last of them
}

func (x *nameIndex) add(name, value string) {
	key := fold.Phrase(name)
	if key == "" {
		return
	}
	if x.byName == nil {
		x.byName = map[string]string{}
	}
	if _, ok := x.byName[key]; ok {
		return
	}
	x.byName[key] = value
	x.first[key[0]] = true
	if len(x.order) == 0 || x.last != value {
		x.order, x.last = append(x.order, name), value
	}
	if i, ok := slices.BinarySearchFunc(x.lengths, len(key), func(a, b int) int { return b - a }); !ok {
		x.lengths = slices.Insert(x.lengths, i, len(key))
	}
}

// match returns the value of the longest name at folded[at:], which must end
// with a word.
func (x *nameIndex) match(folded string, at int) (value string, end int, ok bool) {
	if at >= len(folded) || !x.first[folded[at]] {
		return "", 0, false
	}
	if at > 0 {
		prev, _ := utf8.DecodeLastRuneInString(folded[:at])
		next, _ := utf8.DecodeRuneInString(folded[at:])
		if fold.WordRune(prev) && fold.WordRune(next) && !fold.Unspaced(prev) && !fold.Unspaced(next) {
			return "", 0, false
		}
	}
	for _, n := range x.lengths {
		if at+n > len(folded) {
			continue
		}
		v, found := x.byName[folded[at:at+n]]
		if !found {
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(folded[:at+n])
		next, _ := utf8.DecodeRuneInString(folded[at+n:])
		if at+n < len(folded) && fold.WordRune(next) && fold.WordRune(last) && !fold.Unspaced(next) && !fold.Unspaced(last) {
			continue
		}
		return v, at + n, true
	}
	return "", 0, false
}

// find returns the value of a name as a whole.
func (x *nameIndex) find(name string) (string, bool) {
	v, ok := x.byName[fold.Phrase(name)]
	return v, ok
}

// nearest returns the name spelt almost like this one; empty: none is.
func (x *nameIndex) nearest(name string) string {
	key := fold.Phrase(name)
	best, bestDist := "", 0
	for _, n := range x.order {
		if d, ok := routing.Near(key, fold.Phrase(n)); ok && (best == "" || d < bestDist) {
			best, bestDist = n, d
		}
	}
	return best
}

// known ends a message about a name that does not exist: what there is.
func (x *nameIndex) known(what string) string {
	if len(x.order) == 0 {
		return ": the workspace has no " + what + ": add it there, or take this out"
	}
	return ": the " + what + " are " + x.list()
}

// list writes names for a message: a few, and how many more.
func (x *nameIndex) list() string {
	const most = 6
	s := strings.Join(x.order[:min(most, len(x.order))], ", ")
	if more := len(x.order) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
