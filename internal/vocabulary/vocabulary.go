// Package vocabulary holds the words that instructions are read by: headings,
// action terms, silence phrases, durations, negations, conditions. One data
// file per language; all languages are looked up together, because prompts mix
// them. A language is added by adding a file (S2.2).
package vocabulary

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
)

//go:embed *.json
var files embed.FS

// Kind is what a phrase means.
type Kind string

// The kinds that carry a value in Token.Value. All other kinds are the names
// of the "terms" lists of the data files.
const (
	Unit     Kind = "unit"     // Value: second, minute, hour, day, week, month
	Number   Kind = "number"   // Value: "2", "0.5"
	Duration Kind = "duration" // Value: a Go duration
	Times    Kind = "times"    // Value: how often
	Field    Kind = "field"    // Value: the ID of a standard field
	Typo     Kind = "typo"     // Value: the right spelling
)

// file is a language as it stands in its data file. Phrases are written as
// people write them; "(a|b|)" stands for alternatives, a final "*" for any end
// of the word, and "…" between two words for other words of the same clause.
type file struct {
	Language string `json:"language"`
	// Headings maps kinds of sections to titles.
	Headings map[string][]string `json:"headings"`
	// Terms maps kinds to phrases.
	Terms     map[string][]string `json:"terms"`
	Units     map[string][]string `json:"units"`
	Numbers   map[string][]string `json:"numbers"`
	Durations map[string][]string `json:"durations"`
	Times     map[string][]string `json:"times"`
	Fields    map[string][]string `json:"fields"`
	// Endings maps kinds to the ends of words that mean them, for languages that
	// build them in ("isterse" is "if they want" in Turkish).
	Endings map[string][]string `json:"endings"`
	// Magnitudes maps what a number is multiplied by to the words and letters
	// that stand behind it: "1000" to "k".
	Magnitudes map[string][]string `json:"magnitudes"`
	// Values maps what words do in a condition on a value ("only if it is
	// between 1 and 5") to the words: see [Vocabulary.ValueWord].
	Values map[string][]string `json:"values"`
	// Asides maps kinds to words that are looked up only in the words between
	// two phrases: see [Vocabulary.ScanAll].
	Asides map[string][]string `json:"asides"`
	Typos  map[string]string   `json:"typos"`
	// Canonical names the actions as the product shows them in the language.
	Canonical map[string]string `json:"canonical"`
	// ClosingMessage is said when a ladder closes and the prompt gives no
	// words (S8.6).
	ClosingMessage string `json:"closing_message"`
	// FollowUpMessage is said when a step of a ladder has no words and the LLM
	// cannot be had (S8.8).
	FollowUpMessage string `json:"follow_up_message"`
}

// Meaning is one meaning of a phrase.
type Meaning struct {
	Kind     Kind
	Value    string
	Language string
}

// Token is a phrase of the vocabulary found in a text. A phrase may have
// several meanings: "a" is a number and an article.
type Token struct {
	Meanings   []Meaning
	Start, End int
}

// Is reports whether one of the meanings is of the kind.
func (t Token) Is(k Kind) bool {
	_, ok := t.Value(k)
	return ok
}

// Value returns the value of the meaning of that kind.
func (t Token) Value(k Kind) (string, bool) {
	for _, m := range t.Meanings {
		if m.Kind == k {
			return m.Value, true
		}
	}
	return "", false
}

// Vocabulary is the words of some languages. It is read-only.
type Vocabulary struct {
	nodes  []node     // while it is loaded
	root   [256]int32 // the places under the first, by byte
	places []place
	wide   [][256]int32 // the places under one with many edges, by byte
	keys   []byte       // of all edges, in the order of the places that they lead to

	asides    *Vocabulary                   // the words that only ScanAll finds
	gaps      map[string][]gap              // by the first half
	endings   map[string][]ending           // by language
	magnitude map[string]map[string]float64 // by word and language
	values    map[string]map[Kind]bool      // by word
	headings  map[string]string
	canonical map[string]map[Kind]string
	closing   map[string]string
	following map[string]string
	languages []string

	// What is written without its accents, while it is loaded.
	plain, plainHeadings []plain
}

// plain is a phrase without its accents.
type plain struct {
	phrase string
	Meaning
}

type node struct {
	keys     []byte
	kids     []int32
	meanings []Meaning
	prefix   []Meaning // of phrases that end in "*"
}

// typedPlain are the languages that many people type without accents, and whose
// words are still the same words then. Vietnamese is not one of them: without
// its tones most words are others.
var typedPlain = map[string]bool{"es": true, "fr": true, "it": true, "pt": true, "tr": true}

// withoutAccents returns a phrase as people type it who leave the accents out;
// empty: it has none, or is too short to be told from other words.
func withoutAccents(language, phrase string) string {
	if !typedPlain[language] || utf8.RuneCountInString(phrase) < 3 || strings.Contains(phrase, "…") {
		return ""
	}
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(phrase))
	if bare == norm.NFC.String(phrase) {
		return ""
	}
	return bare
}

// addPlain enters the phrases without accents that mean nothing else.
func (v *Vocabulary) addPlain() {
	taken := map[int32]bool{}
	for _, p := range v.plain {
		at := v.at(fold.Phrase(strings.TrimSuffix(p.phrase, "*")))
		taken[at] = len(v.nodes[at].meanings)+len(v.nodes[at].prefix) > 0
	}
	for _, p := range v.plain {
		if !taken[v.at(fold.Phrase(strings.TrimSuffix(p.phrase, "*")))] {
			v.insert(p.phrase, p.Meaning)
		}
	}
	for _, p := range v.plainHeadings {
		if _, ok := v.headings[fold.Phrase(p.phrase)]; !ok {
			v.headings[fold.Phrase(p.phrase)] = string(p.Kind)
		}
	}
	v.plain, v.plainHeadings = nil, nil
}

// place is a node as it is searched: small, and the edges of all in one slice,
// so that a scan stays in the processor's caches. Breadth first, edge i leads to
// place i+1.
type place struct {
	edge int32 // the first of its edges
	wide int32 // its table in wide, plus one; 0: its edges are few
	n    int16 // how many it has
	ends bool  // a phrase ends here
	node int32
}

// flatten lays the nodes out for the search, breadth first.
func (v *Vocabulary) flatten() {
	v.places = append(make([]place, 0, len(v.nodes)), place{})
	for i := 0; i < len(v.places); i++ {
		p := &v.places[i]
		n := &v.nodes[p.node]
		p.edge, p.n, p.ends = int32(len(v.keys)), int16(len(n.keys)), len(n.meanings)+len(n.prefix) > 0
		const few = 6
		if len(n.keys) > few {
			v.wide = append(v.wide, [256]int32{})
			p.wide = int32(len(v.wide))
		}
		wide := p.wide
		for k, key := range n.keys {
			at := int32(len(v.places))
			if wide > 0 {
				v.wide[wide-1][key] = at
			}
			v.keys = append(v.keys, key)
			if i == 0 {
				v.root[key] = at
			}
			v.places = append(v.places, place{node: n.kids[k]})
		}
	}
}

// gap is the second half of a phrase with "…" and what the whole means.
type gap struct {
	second string
	Meaning
}

// ending is the end of a word and what such words mean.
type ending struct {
	end      string
	meanings []Meaning
}

// Default returns the vocabulary of all languages that are built in.
var Default = sync.OnceValue(func() *Vocabulary {
	v, err := Load(files)
	if err != nil {
		// The files are part of the program, and a test loads them: a build
		// that gets here was never tested. It reads no language then.
		v, _ = Load(embed.FS{})
	}
	return v
})

// Load reads every *.json file of the file systems' roots as a language. It
// reports all that is wrong in them at once.
func Load(systems ...fs.FS) (*Vocabulary, error) {
	v := &Vocabulary{
		nodes:     []node{{}},
		asides:    &Vocabulary{nodes: []node{{}}},
		gaps:      map[string][]gap{},
		endings:   map[string][]ending{},
		magnitude: map[string]map[string]float64{},
		values:    map[string]map[Kind]bool{},
		headings:  map[string]string{},
		canonical: map[string]map[Kind]string{},
		closing:   map[string]string{},
		following: map[string]string{},
	}
	var errs []error
	for _, system := range systems {
		names, err := fs.Glob(system, "*.json")
		if err != nil {
			return nil, fmt.Errorf("vocabulary: %w", err)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := v.loadFile(system, name); err != nil {
				errs = append(errs, fmt.Errorf("vocabulary: %s: %w", path.Base(name), err))
			}
		}
	}
	v.addPlain()
	v.flatten()
	v.asides.flatten()
	return v, errors.Join(errs...)
}

func (v *Vocabulary) loadFile(system fs.FS, name string) error {
	data, err := fs.ReadFile(system, name)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	var f file
	if err := dec.Decode(&f); err != nil {
		return err
	}
	if f.Language == "" {
		return errors.New("no language: give its code in \"language\"")
	}
	return v.add(f)
}

func (v *Vocabulary) add(f file) error {
	var errs []error
	v.languages = append(v.languages, f.Language)
	v.closing[f.Language] = f.ClosingMessage
	v.following[f.Language] = f.FollowUpMessage
	v.canonical[f.Language] = map[Kind]string{}
	for k, s := range f.Canonical {
		v.canonical[f.Language][Kind(k)] = s
	}
	for _, kind := range sorted(f.Headings) {
		for _, p := range f.Headings[kind] {
			for _, title := range expand(p) {
				key := fold.Phrase(title)
				if _, ok := v.headings[key]; !ok {
					v.headings[key] = kind
				}
				if bare := withoutAccents(f.Language, key); bare != "" {
					v.plainHeadings = append(v.plainHeadings, plain{bare, Meaning{Kind: Kind(kind)}})
				}
			}
		}
	}
	put := func(kind Kind, value string, phrases []string) {
		for _, p := range phrases {
			for _, phrase := range expand(p) {
				v.insert(phrase, Meaning{kind, value, f.Language})
				if bare := withoutAccents(f.Language, phrase); bare != "" {
					v.plain = append(v.plain, plain{bare, Meaning{kind, value, f.Language}})
				}
			}
		}
	}
	for _, kind := range sorted(f.Terms) {
		put(Kind(kind), "", f.Terms[kind])
	}
	for _, kind := range sorted(f.Asides) {
		for _, p := range f.Asides[kind] {
			for _, phrase := range expand(p) {
				v.asides.insert(phrase, Meaning{Kind: Kind(kind), Language: f.Language})
			}
		}
	}
	for _, valued := range []struct {
		kind  Kind
		lists map[string][]string
		check func(string) error
	}{
		{Unit, f.Units, checkUnit},
		{Number, f.Numbers, checkNumber},
		{Duration, f.Durations, checkDuration},
		{Times, f.Times, checkNumber},
		{Field, f.Fields, func(string) error { return nil }},
	} {
		for _, value := range sorted(valued.lists) {
			if err := valued.check(value); err != nil {
				errs = append(errs, fmt.Errorf("%s %q: %w", valued.kind, value, err))
			}
			put(valued.kind, value, valued.lists[value])
		}
	}
	for _, kind := range sorted(f.Endings) {
		for _, end := range f.Endings[kind] {
			v.endings[f.Language] = append(v.endings[f.Language], ending{fold.Phrase(end), []Meaning{{Kind: Kind(kind), Language: f.Language}}})
		}
	}
	for _, value := range sorted(f.Magnitudes) {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("magnitude %q: %w", value, err))
		}
		for _, p := range f.Magnitudes[value] {
			for _, word := range expand(p) {
				word = fold.Phrase(word)
				if v.magnitude[word] == nil {
					v.magnitude[word] = map[string]float64{}
				}
				v.magnitude[word][f.Language] = n
			}
		}
	}
	for _, kind := range sorted(f.Values) {
		if !valueKinds[Kind(kind)] {
			errs = append(errs, fmt.Errorf("values %q: no such kind", kind))
		}
		for _, p := range f.Values[kind] {
			for _, word := range expand(p) {
				word = fold.Phrase(word)
				if v.values[word] == nil {
					v.values[word] = map[Kind]bool{}
				}
				v.values[word][Kind(kind)] = true
			}
		}
	}
	for _, typo := range sorted(f.Typos) {
		put(Typo, f.Typos[typo], []string{typo})
	}
	return errors.Join(errs...)
}

func checkUnit(s string) error {
	if _, ok := unitLength[s]; !ok {
		return errors.New("no unit: use second, minute, hour, day, week or month")
	}
	return nil
}

func checkNumber(s string) error {
	_, err := strconv.ParseFloat(s, 64)
	return err
}

func checkDuration(s string) error {
	_, err := time.ParseDuration(s)
	return err
}

var unitLength = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour,
	"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
}

// UnitLength returns how long a unit is.
func UnitLength(unit string) time.Duration { return unitLength[unit] }

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// expand writes out the alternatives of a phrase; they may nest.
func expand(p string) []string {
	open := strings.IndexByte(p, '(')
	if open < 0 {
		return []string{p}
	}
	depth, start := 0, open+1
	var alternatives []string
	for i := open; i < len(p); i++ {
		switch p[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 || depth == 1 && p[i] == '|' {
			alternatives = append(alternatives, p[start:i])
			start = i + 1
		}
		if depth == 0 {
			var out []string
			for _, alt := range alternatives {
				out = append(out, expand(p[:open]+alt+p[i+1:])...)
			}
			return out
		}
	}
	return []string{p} // a bracket without its partner is itself
}

func (v *Vocabulary) insert(phrase string, m Meaning) {
	if first, second, ok := strings.Cut(phrase, "…"); ok {
		first, second = fold.Phrase(first), fold.Phrase(second)
		v.gaps[first] = append(v.gaps[first], gap{second, m})
		open := Meaning{"gap", first, m.Language}
		if n := &v.nodes[v.at(first)]; !slices.Contains(n.meanings, open) {
			n.meanings = append(n.meanings, open)
		}
		return
	}
	phrase, isPrefix := strings.CutSuffix(phrase, "*")
	n := &v.nodes[v.at(fold.Phrase(phrase))]
	list := &n.meanings
	if isPrefix {
		list = &n.prefix
	}
	if !slices.ContainsFunc(*list, func(o Meaning) bool { return o == m }) {
		*list = append(*list, m)
	}
}

// at returns the node of a phrase, made when there is none.
func (v *Vocabulary) at(phrase string) int32 {
	cur := int32(0)
	for i := 0; i < len(phrase); i++ {
		n := &v.nodes[cur]
		k, ok := slices.BinarySearch(n.keys, phrase[i])
		if !ok {
			v.nodes = append(v.nodes, node{})
			n = &v.nodes[cur]
			n.keys = slices.Insert(n.keys, k, phrase[i])
			n.kids = slices.Insert(n.kids, k, int32(len(v.nodes)-1))
		}
		cur = n.kids[k]
	}
	return cur
}

// Heading returns the kind of section that a folded title names.
func (v *Vocabulary) Heading(folded string) (kind string, ok bool) {
	kind, ok = v.headings[folded]
	return kind, ok
}

// Magnitude returns what a number before a folded word is multiplied by: 1000
// for "k". The word of the language counts, else that of the others where they
// agree; certain is not set where they do not ("mil" is a thousand in Spanish
// and a million in English).
func (v *Vocabulary) Magnitude(word, language string) (value float64, known, certain bool) {
	byLanguage := v.magnitude[word]
	if n, ok := byLanguage[language]; ok {
		return n, true, true
	}
	certain = true
	for _, n := range byLanguage {
		certain = certain && (value == 0 || value == n)
		value = n
	}
	return value, value != 0, value != 0 && certain
}

// What words do in a condition on a value. They are read only there, and are
// no phrases that [Vocabulary.Scan] finds: "a" and "is" are everywhere.
const (
	Copula     Kind = "copula"   // "is"
	Has        Kind = "has"      // "has", of a value that has ten digits
	It         Kind = "it"       // a pronoun for the value
	ValueNoun  Kind = "value"    // "value", "answer"
	ValueOf    Kind = "of"       // "the value of City"
	ItsEnding  Kind = "ending"   // the end of a noun that means "its"
	Between    Kind = "between"  // before the first number of a range
	Through    Kind = "through"  // between the two
	Either     Kind = "either"   // before a list of values
	Particle   Kind = "particle" // small words within a name: "Rio de Janeiro"
	LengthUnit Kind = "length"   // "characters": what is counted, not the value
	NoValue    Kind = "no_value" // "Friday", "OK": said of the day or of anything
	OrMore     Kind = "or_more"  // behind a lower limit: "18 or older"
	OrLess     Kind = "or_less"  // behind an upper one
	Older      Kind = "older"    // "older than": of a person's age
	Younger    Kind = "younger"  // "younger than"
	AgeName    Kind = "age"      // the name of a field that holds an age
)

var valueKinds = map[Kind]bool{Copula: true, Has: true, It: true, ValueNoun: true, ValueOf: true, ItsEnding: true, Between: true, Through: true, Either: true, Particle: true, LengthUnit: true, NoValue: true, OrMore: true, OrLess: true, Older: true, Younger: true, AgeName: true}

// ValueWord reports whether a folded word, of any language, does this in a
// condition on a value.
func (v *Vocabulary) ValueWord(word string, kind Kind) bool { return v.values[word][kind] }

// Languages returns the codes of the languages, in the order of their files.
func (v *Vocabulary) Languages() []string { return slices.Clone(v.languages) }

// Canonical returns the product's label of an action in a language, in English
// where the language has none.
func (v *Vocabulary) Canonical(language string, action Kind) string {
	if s := v.canonical[language][action]; s != "" {
		return s
	}
	return v.canonical["en"][action]
}

// ClosingMessage returns what a closing message says in a language, in English
// where the language has none.
func (v *Vocabulary) ClosingMessage(language string) string {
	if s := v.closing[language]; s != "" {
		return s
	}
	return v.closing["en"]
}

// FollowUpMessage returns what a follow-up without words of its own says in a
// language, in English where the language has none.
func (v *Vocabulary) FollowUpMessage(language string) string {
	if s := v.following[language]; s != "" {
		return s
	}
	return v.following["en"]
}

// Scan finds the phrases in a folded text: at each word start the longest one,
// less those that stand wholly inside a longer one. It takes time linear in
// the text, as phrases are of bounded length.
func (v *Vocabulary) Scan(text string) []Token {
	out := make([]Token, 0, len(text)/8+1)
	covered := 0
	prev := rune(' ')
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		if startsWord(text, i, prev, r) {
			if t, ok := v.longest(text, i); ok && t.End > covered {
				covered = t.End
				out = append(out, t)
			}
		}
		prev = r
		i += n
	}
	return v.closeGaps(text, out)
}

// ScanAll finds the phrases in a folded text and the asides too: words such as
// "should" and "so", which a prompt is full of and which matter only where a
// question about them comes up. What begins and ends at one place is one token.
func (v *Vocabulary) ScanAll(text string) []Token {
	phrases, asides := v.Scan(text), v.asides.Scan(text)
	if len(asides) == 0 {
		return phrases
	}
	out := make([]Token, 0, len(phrases)+len(asides))
	for len(phrases)+len(asides) > 0 {
		switch {
		case len(asides) == 0 || len(phrases) > 0 && (phrases[0].Start < asides[0].Start || phrases[0].Start == asides[0].Start && phrases[0].End > asides[0].End):
			out, phrases = append(out, phrases[0]), phrases[1:]
		case len(phrases) > 0 && phrases[0].Start == asides[0].Start && phrases[0].End == asides[0].End:
			both := phrases[0]
			both.Meanings = slices.Concat(both.Meanings, asides[0].Meanings)
			out, phrases, asides = append(out, both), phrases[1:], asides[1:]
		default:
			out, asides = append(out, asides[0]), asides[1:]
		}
	}
	return out
}

// Ended adds to the tokens of a text in that language the words that mean
// something by how they end, where no phrase begins.
func (v *Vocabulary) Ended(text, language string, tokens []Token) []Token {
	const shortest = 5 // letters: "masa" is a table, and no condition
	endings := v.endings[language]
	if len(endings) == 0 {
		return tokens
	}
	out := make([]Token, 0, len(tokens)+len(tokens)/8)
	next := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !fold.WordRune(r) || fold.Unspaced(r) {
			i += n
			continue
		}
		end := wordEnd(text, i+n)
		for next < len(tokens) && tokens[next].Start < i {
			out = append(out, tokens[next])
			next++
		}
		taken := next < len(tokens) && tokens[next].Start == i || len(out) > 0 && out[len(out)-1].End > i
		if word := text[i:end]; !taken && utf8.RuneCountInString(word) >= shortest {
			if k := slices.IndexFunc(endings, func(e ending) bool { return strings.HasSuffix(word, e.end) }); k >= 0 {
				out = append(out, Token{endings[k].meanings, i, end})
			}
		}
		i = end
	}
	return append(out, tokens[next:]...)
}

func startsWord(text string, i int, prev, r rune) bool {
	if r == ' ' || r == '\n' {
		return false
	}
	if prev < utf8.RuneSelf && r < utf8.RuneSelf { // the common case
		return !asciiWord(prev) || !asciiWord(r) || digit(prev) && !digit(r)
	}
	if !fold.WordRune(prev) || !fold.WordRune(r) || fold.Unspaced(prev) || fold.Unspaced(r) {
		return true
	}
	if digit(prev) && !digit(r) { // "30min"
		return true
	}
	// Arabic writes "and", "so" and "then" onto the next word.
	if prev == 'و' || prev == 'ف' || prev == 'ل' || prev == 'ب' {
		before, _ := utf8.DecodeLastRuneInString(text[:i-utf8.RuneLen(prev)])
		return !fold.WordRune(before)
	}
	return false
}

func asciiWord(r rune) bool {
	return r == '_' || digit(r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func digit(r rune) bool { return '0' <= r && r <= '9' }

func (v *Vocabulary) longest(text string, start int) (Token, bool) {
	var best Token
	found := false
	inNumber := start > 0 && digit(rune(text[start-1])) // the h of "1h30"
	cur := v.root[text[start]]
	for i := start + 1; cur != 0; i++ {
		p := &v.places[cur]
		if p.ends {
			n := &v.nodes[p.node]
			end := wordEnd(text, i)
			if inNumber && i < len(text) && digit(rune(text[i])) {
				end = i
			}
			if len(n.meanings) > 0 && end == i {
				best, found = Token{n.meanings, start, i}, true
			} else if len(n.prefix) > 0 {
				best, found = Token{n.prefix, start, end}, true
			}
		}
		if i >= len(text) {
			break
		}
		if p.wide > 0 {
			cur = v.wide[p.wide-1][text[i]]
			continue
		}
		cur = 0
		for k, key := range v.keys[p.edge : p.edge+int32(p.n)] {
			if key == text[i] {
				cur = p.edge + int32(k) + 1
				break
			}
		}
	}
	return best, found
}

// wordEnd returns i when a word ends there, else where the word goes on to.
func wordEnd(text string, i int) int {
	if i == len(text) || !utf8.RuneStart(text[i]) {
		return i
	}
	if text[i-1] < utf8.RuneSelf && text[i] < utf8.RuneSelf && (!asciiWord(rune(text[i-1])) || !asciiWord(rune(text[i]))) {
		return i // the common case
	}
	last, _ := utf8.DecodeLastRuneInString(text[:i])
	if !fold.WordRune(last) || fold.Unspaced(last) {
		return i
	}
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !fold.WordRune(r) || fold.Unspaced(r) {
			break
		}
		i += n
	}
	return i
}

// closeGaps turns the first half of a phrase with a gap into a token of the
// whole where the second half follows in the same clause.
func (v *Vocabulary) closeGaps(text string, tokens []Token) []Token {
	const reach = 120 // bytes: a clause, and a bound on the work per token
	out := tokens[:0]
	for _, t := range tokens {
		first, isGap := t.Value("gap")
		if !isGap {
			out = append(out, t)
			continue
		}
		rest := text[t.End:min(len(text), t.End+reach)]
		if i := strings.IndexAny(rest, "\n,;!?"); i >= 0 {
			rest = rest[:i]
		}
		meanings := slices.DeleteFunc(slices.Clone(t.Meanings), func(m Meaning) bool { return m.Kind == "gap" })
		for _, g := range v.gaps[first] {
			if containsWord(rest, g.second) {
				meanings = append(meanings, g.Meaning)
			}
		}
		if len(meanings) > 0 {
			out = append(out, Token{meanings, t.Start, t.End})
		}
	}
	return out
}

func containsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		prev, _ := utf8.DecodeLastRuneInString(text[:i])
		if (i == 0 || !fold.WordRune(prev) || fold.Unspaced(prev)) && wordEnd(text, i+len(word)) == i+len(word) {
			return true
		}
		from = i + len(word)
	}
}
