package agent

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

// What an LLM writes goes to people and into the store, so it is looked at
// first (I22): it must not show what only the LLM should know, and it must not
// be an action call written out as text.

// shield knows what must not leave: the canary, the rules of the frame and the
// instructions. All is compared as letters and digits alone, so that quoting
// marks, spacing, case and invisible characters change nothing.
type shield struct {
	canary []string // as it is, reversed, in rot13
	frame  []string
}

// The pieces that are looked for, in bytes of letters and digits: every second
// one begins in the middle of the one before, so a run of one and a half
// pieces is always found. Nobody says the rules of the frame by chance; of the
// instructions more may be said, since they tell what to say.
const (
	framePiece = 64
	textPiece  = 128
)

// newShield knows the canary and the frame, which are the agent's; the text is
// a turn's, and made when something is long enough to show it.
func newShield(canary, frame string) *shield {
	return &shield{canary: ways(canary), frame: ways(frame)}
}

// ways are the forms in which a secret is looked for.
func ways(s string) []string {
	s = bareLetters(s)
	return []string{s, reverse(s), rot13(s)}
}

// shows reports whether a text gives something away, as it stands, backwards,
// in rot13, or behind the usual encodings. An encoding that is not among them
// cannot be seen through: what must stay secret from contacts does not belong
// into instructions.
func (s *shield) shows(text string, secret func() []string) bool {
	for _, reading := range decodings(text, 2) {
		plain := bareLetters(reading)
		for i := range s.canary {
			if strings.Contains(plain, s.canary[i]) || holdsPiece(s.frame[i], plain, framePiece) {
				return true
			}
			if len(plain) >= textPiece && holdsPiece(secret()[i], plain, textPiece) {
				return true
			}
		}
	}
	return false
}

func holdsPiece(secret, text string, size int) bool {
	for i := 0; i+size <= len(text); i += size / 2 {
		if strings.Contains(secret, text[i:i+size]) {
			return true
		}
	}
	return false
}

// bareLetters keeps the letters and digits of a text, folded, and NUL, which
// stands for what was taken out.
func bareLetters(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < utf8.RuneSelf
	}
	if !ascii {
		s = norm.NFKC.String(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == 0:
			b.WriteByte(byte(r))
		case r >= 'A' && r <= 'Z':
			b.WriteByte(byte(r) + 'a' - 'A')
		case r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func reverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// rot13 of folded letters.
func rot13(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return 'a' + (r-'a'+13)%26
		}
		return r
	}, s)
}

var (
	base64Run   = regexp.MustCompile(`[A-Za-z0-9+/_-]{24,}`)
	hexRun      = regexp.MustCompile(`(?:[0-9A-Fa-f]{2}){12,}`)
	jsonEscapes = regexp.MustCompile(`(?:\\u[0-9A-Fa-f]{4})+`)
	hexMarks    = strings.NewReplacer(`\x`, "", "0x", "", " ", "", ":", "", ",", "", "%", "", "\n", "", "\t", "")
	lineBreaks  = strings.NewReplacer("\n", "", "\r", "", "\t", "", " ", "")
	urlAlphabet = strings.NewReplacer("-", "+", "_", "/")
)

// decodings returns a text and what it may hold encoded, to the given depth.
func decodings(text string, depth int) []string {
	out := []string{text}
	if depth == 0 {
		return out
	}
	add := func(s string) {
		if len(s) >= 8 {
			out = append(out, decodings(s, depth-1)...)
		}
	}
	if strings.Contains(text, "%") {
		if s, err := url.PathUnescape(text); err == nil && s != text {
			add(s)
		}
	}
	if strings.Contains(text, "&") {
		if s := html.UnescapeString(text); s != text {
			add(s)
		}
	}
	if strings.Contains(text, `\u`) {
		add(jsonEscapes.ReplaceAllStringFunc(text, func(run string) string {
			var s string
			if json.Unmarshal([]byte(`"`+run+`"`), &s) != nil {
				return run
			}
			return s
		}))
	}
	runs := base64Run.FindAllString(text, -1)
	if len(runs) > 0 { // encoders break their lines
		runs = append(runs, base64Run.FindAllString(lineBreaks.Replace(text), -1)...)
	}
	for _, run := range runs {
		run = urlAlphabet.Replace(run)
		for skip := range 4 { // letters may stand right before it
			part := run[skip:]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			if b, err := base64.RawStdEncoding.DecodeString(part); err == nil {
				add(strings.ToValidUTF8(string(b), ""))
			}
		}
	}
	for _, run := range hexRun.FindAllString(hexMarks.Replace(text), -1) {
		if b, err := hex.DecodeString(run); err == nil {
			add(strings.ToValidUTF8(string(b), ""))
		}
	}
	return out
}

// leaks reports whether a text gives away what only the LLM should know: the
// canary, or a long piece of the rules or the instructions. What these quote
// is there to be said, and so is what knowledge sources hold.
func (r *run) leaks(text string) bool {
	return r.a.shield.shows(text, func() []string {
		if r.secret == nil {
			var b strings.Builder
			env := r.env()
			for _, t := range append([]*variables.Template{r.a.text}, r.promptTexts()...) {
				expanded, _ := t.Expand(env)
				b.WriteString(withoutQuotes(expanded))
				b.WriteByte(0)
			}
			r.secret = ways(b.String())
		}
		return r.secret
	})
}

func (r *run) promptTexts() []*variables.Template {
	out := make([]*variables.Template, len(r.a.prompts))
	for i, p := range r.a.prompts {
		out[i] = p.text
	}
	return out
}

// leaksIn is leaks for the arguments of a call: their texts one by one,
// without the escapes of JSON, and joined, should they hold it in pieces.
func (r *run) leaksIn(args json.RawMessage) bool {
	var v any
	if json.Unmarshal(args, &v) != nil {
		return r.leaks(string(args))
	}
	var texts []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, k := range sortedKeys(v) {
				texts = append(texts, k)
				walk(v[k])
			}
		}
	}
	walk(v)
	for _, text := range texts {
		if r.leaks(text) {
			return true
		}
	}
	return len(texts) > 1 && r.leaks(strings.Join(texts, ""))
}

// The forms in which models write calls out, whatever the action.
var (
	callMarks = []string{"<tool_call", "<function=", "<function_call", "<|tool", "[TOOL_CALLS]", "<invoke ", "```tool_code", "default_api."}
	nameKey   = regexp.MustCompile(`(?i)["'](?:name|tool|function|action|tool_name|function_name)["']\s*:`)
	argsKey   = regexp.MustCompile(`(?i)["'](?:arguments|parameters|args|input|tool_input|action_input)["']\s*:`)
	called    = regexp.MustCompile(`\b[a-z0-9]+(?:_[a-z0-9]+)+\(\s*\{`)
	reAct     = regexp.MustCompile(`(?im)^\W*action\s*:[^\n]*\n\W*action[ _]input\s*:`)
)

// calledNames recognises a call of one of the named actions: name({…}),
// name(target=…), functions.name, <name>, {"name": {…}}.
func calledNames(names []string) *regexp.Regexp {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	all := "(?:" + strings.Join(quoted, "|") + ")"
	return regexp.MustCompile(`(?i)\b` + all + `\s?\(\s*(?:\)|[\[{"']|\w+\s*[=:])` +
		`|\bfunctions\.` + all + `\b|</?` + all + `(?:\s[^>]*)?/?>|["']` + all + `["']\s*:\s*\{|\b` + all + `\s?\{\s*["']`)
}

// callAsText reports whether a text is a tool call that the LLM wrote out
// instead of making it: it is neither run nor sent.
func (a *Agent) callAsText(text string) bool {
	if !strings.ContainsAny(text, "({<[:｛＜（") {
		return false
	}
	if !isASCII(text) { // full-width braces and characters in between hide nothing
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, norm.NFKC.String(text))
	}
	for _, mark := range callMarks {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return nameKey.MatchString(text) && argsKey.MatchString(text) || reAct.MatchString(text) ||
		called.MatchString(text) || a.called.MatchString(text) || callObject(text)
}

// expand replaces the variables of a text of the configuration that a contact
// will read. Values that would make it look like a call are left out.
func (r *run) expand(text string) string {
	t, env := variables.Parse(text), r.env()
	out, missing := t.Expand(env)
	r.missing = append(r.missing, missing...)
	if r.a.callAsText(out) && !r.a.callAsText(text) {
		env.Lookup = func(string, string) (string, bool) { return "", false }
		out, _ = t.Expand(env)
	}
	return out
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// callObject reports whether a text holds a JSON object with the keys of a
// call.
func callObject(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '{' {
			continue
		}
		var obj map[string]json.RawMessage
		dec := json.NewDecoder(strings.NewReader(text[i:]))
		if dec.Decode(&obj) != nil {
			continue
		}
		name, args := false, false
		for k := range obj {
			switch strings.ToLower(k) {
			case "name", "tool", "function", "action", "tool_name", "function_name":
				name = true
			case "arguments", "parameters", "args", "input", "tool_input", "action_input":
				args = true
			case "tool_calls", "function_call", "tool_call":
				name, args = true, true
			}
		}
		if name && args {
			return true
		}
		i += int(dec.InputOffset()) - 1
	}
	return false
}

// withoutLabels marks the lines of a message that begin like the label of
// another one: providers may join the messages of one role, and then nobody
// could tell "[system]" from what a contact wrote below a line break (I16).
func withoutLabels(text string) string {
	if !strings.ContainsAny(text, "\n\u2028\u2029") || !strings.ContainsAny(text, "[［﹇") {
		return text
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		end := strings.IndexAny(rest, "\n\u2028\u2029")
		if end < 0 {
			end = len(rest)
		} else {
			_, size := utf8.DecodeRuneInString(rest[end:])
			end += size
		}
		line := rest[:end]
		if b.Len() > 0 && isLabel(line) {
			b.WriteString("> ")
		}
		b.WriteString(line)
		rest = rest[end:]
	}
	return b.String()
}

// isLabel reports whether a line begins like "[system]" and its like.
func isLabel(line string) bool {
	start := strings.TrimLeftFunc(line, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	r, size := utf8.DecodeRuneInString(start)
	if r != '[' && r != '［' && r != '﹇' {
		return false
	}
	word := bareLetters(clipBytes(start[size:], 200))
	for _, who := range []string{"system", "contact", "human", "aiagent", "note"} {
		if strings.HasPrefix(word, who) {
			return true
		}
	}
	return false
}

// plain makes the texts of a built-in action's result fit to be stored (I22):
// no call stands in them, and in values no raw variable; in the others the
// commit sees to that, which knows the assignee. An assignment or a close is
// worth more than what is said about it, so there a call is left out (S6.5); a
// note or a value is refused.
func (a *Agent) plain(res actions.Result) (actions.Result, error) {
	written := func(s string) string {
		if a.callAsText(s) {
			return ""
		}
		return s
	}
	if res.Assign != nil {
		as := *res.Assign
		as.Reason, as.Summary = written(as.Reason), written(as.Summary)
		res.Assign = &as
	}
	if res.Close != nil {
		cl := *res.Close
		cl.Summary = written(cl.Summary)
		res.Close = &cl
	}
	res.StopFollowUps = clip(variables.Defuse(res.StopFollowUps), 200)
	refused := errors.New("nothing was changed: a text is an action call written out: write it in words")
	if a.callAsText(res.Comment) {
		return res, refused
	}
	if len(res.Set) == 0 {
		return res, nil
	}
	set := make(map[string]frontdesk.Value, len(res.Set))
	for name, v := range res.Set {
		if v.Type() == frontdesk.TypeText {
			if a.callAsText(v.String()) {
				return res, refused
			}
			if s := v.String(); !v.IsZero() {
				if defused := variables.Defuse(s); defused != s {
					v = frontdesk.Text(defused)
				}
			}
		}
		set[name] = v
	}
	res.Set = set
	return res, nil
}
