// Package vocabulary holds the words that instructions are read by: headings,
// action terms, silence phrases, durations, negations, conditions. One data
// file per language; all languages are looked up together, because prompts mix
// them. A language is added by adding a file (S2.2).
package vocabulary

import (
	"embed"
	"slices"
	"sync"
	"time"
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

var unitLength = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour,
	"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
}

// UnitLength returns how long a unit is.
func UnitLength(unit string) time.Duration { return unitLength[unit] }

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
