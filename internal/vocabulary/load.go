package vocabulary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-a71cb1d8/frontdesk/internal/fold"
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

// plain is a phrase without its accents.
type plain struct {
	phrase string
	Meaning
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
