package knowledge

import (
	"context"
	"regexp"
	"strings"
)

// mostPart is the longest name of a part in code points; what is longer is no
// name.
const mostPart = 120

// outline collects sections under headings. What stands under a heading is
// told apart by all headings above it.
type outline struct {
	headings []heading
	text     strings.Builder
	out      collector
}

type heading struct {
	level int
	text  string
}

// head begins a section. Level 1 is the highest.
func (o *outline) head(level int, text string) {
	o.flush()
	for n := len(o.headings); n > 0 && o.headings[n-1].level >= level; n = len(o.headings) {
		o.headings = o.headings[:n-1]
	}
	// What stands under it repeats it, as often as there is something.
	if text = clipPart(text); text != "" {
		o.headings = append(o.headings, heading{level, text})
	}
}

// flush ends the section under way. A heading with nothing under it is no
// section.
func (o *outline) flush() {
	text := o.text.String()
	o.text.Reset()
	if strings.TrimSpace(text) == "" {
		return
	}
	var parts []string
	for _, h := range o.headings {
		parts = append(parts, h.text)
	}
	o.out.add(section{part: clipPart(strings.Join(parts, " > ")), text: text})
}

// sections ends the document.
func (o *outline) sections() ([]section, error) {
	o.flush()
	return o.out.sections, o.out.err
}

var (
	atx    = regexp.MustCompile(`^ {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$`)
	setext = regexp.MustCompile(`^ {0,3}(?:(=+)|-{2,})[ \t]*$`)
	fence  = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})")
)

// readMarkdown cuts at headings; all else stays as it is written, which models
// read well. Front matter and comments are not text.
func readMarkdown(_ context.Context, data []byte) ([]section, error) {
	text, err := decode(data)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(text, "---\n"); ok {
		if _, body, ok := strings.Cut("\n"+rest, "\n---\n"); ok {
			text = body
		}
	}
	o := &outline{}
	code, before := "", "" // the fence that is open, and the line before if it may be a heading
	for line := range strings.Lines(withoutComments(text)) {
		line = strings.TrimSuffix(line, "\n")
		mark := fence.FindStringSubmatch(line)
		head := atx.FindStringSubmatch(line)
		switch {
		case code != "":
			if mark != nil && strings.HasPrefix(mark[1], code) {
				code = ""
			}
			o.text.WriteString(line + "\n")
			continue
		case before != "" && setext.MatchString(line):
			level := 2
			if setext.FindStringSubmatch(line)[1] != "" {
				level = 1
			}
			o.head(level, before)
			before = ""
			continue
		}
		if before != "" {
			o.text.WriteString(before + "\n")
			before = ""
		}
		switch {
		case mark != nil:
			code = mark[1]
			o.text.WriteString(line + "\n")
		case head != nil:
			o.head(len(head[1]), strings.Trim(head[2], "*_ "))
		case strings.TrimSpace(line) == "" || strings.ContainsAny(line[:1], "|-*+> \t"):
			o.text.WriteString(line + "\n")
		default:
			before = line
		}
	}
	if before != "" {
		o.text.WriteString(before + "\n")
	}
	return o.sections()
}

// withoutComments takes <!-- … --> away; one that is not closed is text.
func withoutComments(text string) string {
	if !strings.Contains(text, "<!--") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "<!--")
		_, after, closed := strings.Cut(rest, "-->")
		if !ok || !closed {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(before)
		text = after
	}
}
