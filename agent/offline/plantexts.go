package offline

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// askFor makes a question of "ask for their needs". The question is finished
// when it is known whether it asks for yes or no.
func (p *plan) askFor(body string) (question string, yesNo bool) {
	lower := lowered(body)
	at, verb := -1, ""
	for v := range askVerbs {
		if i := wordIndex(lower, v); i >= 0 && (at < 0 || i < at || i == at && len(v) > len(verb)) {
			at, verb = i, v
		}
	}
	if at < 0 {
		return "", false
	}
	rest := strings.Trim(body[at+len(verb):], " .,;:!?*")
	words := wordsOf(rest)
	for len(words) > 0 {
		switch words[0] {
		case "for", "about", "them", "the", "contact", "customer", "tentang", "kontak", "pelanggan", "kepada", "mereka", "and", "dan", "save", "simpan", "perbarui", "update", "to":
			rest = strings.TrimLeft(strings.TrimLeft(rest, " &,"), " ")
			rest = strings.TrimSpace(rest[min(len(rest), len(strings.Fields(rest)[0])):])
			words = words[1:]
			continue
		}
		break
	}
	rest = strings.Trim(p.swap(rest), " .,;:!?*&")
	if rest == "" || len(wordsOf(rest)) == 0 {
		return "", false
	}
	rest = clipText(rest, 120)
	if first := firstWord(rest); first == "if" || first == "whether" || first == "apakah" {
		if first == "apakah" {
			return upperFirst(rest) + "?", true
		}
		return fmt.Sprintf(p.say.know, rest), true
	}
	if verb == "konfirmasi" || verb == "konfirmasikan" || verb == "confirm" || verb == "offer" || verb == "tawarkan" {
		words := phrased(rest)
		offer := !slices.ContainsFunc(p.topics, func(t *topic) bool {
			return t.numeric && slices.ContainsFunc(t.words, func(w string) bool { return strings.Contains(words, " "+w) })
		})
		return "\x00" + rest, offer
	}
	return "\x00" + rest, false
}

func (p *plan) request(body, what string) string {
	if strings.Contains(phrased(body), " minta ") {
		return fmt.Sprintf(p.say.mayHave, what)
	}
	if p.say == &indonesian && len(wordsOf(what)) <= 2 && !strings.HasSuffix(what, "Anda") {
		what += " Anda"
	}
	if p.say == &english && !strings.HasPrefix(what, "your ") && len(wordsOf(what)) <= 2 {
		what = "your " + strings.TrimPrefix(what, "a ")
	}
	return fmt.Sprintf(p.say.know, what)
}

// tell makes the message of "tell them that you are here".
func (p *plan) tell(body string) string {
	lower := lowered(body)
	for _, that := range []string{" that ", " bahwa "} {
		if i := strings.Index(lower, that); i >= 0 {
			text := strings.Trim(p.swap(body[i+len(that):]), " .,;:*")
			if text != "" {
				return clipText(upperFirst(text), 150) + "."
			}
		}
	}
	return ""
}

var swaps = map[string]map[string]string{
	"en": {"you": "I", "your": "our", "they": "you", "them": "you", "their": "your", "you're": "I'm", "they're": "you're", "yourself": "myself"},
	"id": {"anda": "saya", "mereka": "Anda", "kontak": "Anda", "pelanggan": "Anda"},
}

// swap turns what the prompt says to the agent of the contact into what the
// agent says to the contact.
func (p *plan) swap(s string) string {
	table := swaps["en"]
	if p.say == &indonesian {
		table = swaps["id"]
	}
	words := strings.Fields(s)
	for i, w := range words {
		bare := strings.TrimRight(w, ".,;:!?")
		to, ok := table[strings.ToLower(bare)]
		if !ok {
			continue
		}
		if to == "I" && i+1 < len(words) && strings.EqualFold(words[i+1], "are") {
			words[i+1] = "am"
		}
		words[i] = to + w[len(bare):]
	}
	return strings.Join(words, " ")
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// expand replaces the variables of a text of the prompt (S4). What the store
// alone knows is left to the engine.
func (p *plan) expand(text string, known map[string]string, now time.Time) string {
	c := frontdesk.Contact{Fields: make(map[string]frontdesk.Value, len(known))}
	for k, v := range known {
		c.Fields[k] = frontdesk.Text(v)
	}
	lookup := variables.ForContact(c, "", now, nil)
	out, _ := variables.Parse(text).Expand(variables.Env{Lookup: lookup, Deferred: func(ns, name string) bool { return ns == "assignee" }})
	return strings.TrimSpace(out)
}
