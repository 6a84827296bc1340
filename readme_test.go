package frontdesk_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

// The README's program is the package example of agent, which is compiled and
// run, and its output is that example's.
func TestReadmeShowsTheExample(t *testing.T) {
	body := regexp.MustCompile(`(?ms)^func Example\(\) \{\n(.*?)^\}\n`).FindStringSubmatch(read(t, "agent/example_test.go"))
	require.Len(t, body, 2)
	code, output, ok := strings.Cut(body[1], "\t// Output:\n")
	require.True(t, ok)
	code = regexp.MustCompile(`(?m)^\t`).ReplaceAllString(code, "")
	output = regexp.MustCompile(`(?m)^\t// ?`).ReplaceAllString(output, "")
	readme := read(t, "README.md")
	assert.Contains(t, readme, "```go\n"+code+"```\n")
	assert.Contains(t, readme, "```\n"+output+"```\n")
}

// The faults that the README shows are those of the example of New.
func TestReadmeShowsTheFaults(t *testing.T) {
	faults := regexp.MustCompile(`(?m)^\d+:\d+: error: .*$`).FindAllString(read(t, "README.md"), -1)
	require.NotEmpty(t, faults)
	for _, f := range faults {
		assert.Contains(t, read(t, "agent/example_test.go"), "\t// "+f+"\n")
	}
}

// Links of the documents lead to files, and to headings, that are there.
func TestDocumentsLinkToFiles(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	link := regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)]*)?\)`)
	for _, doc := range append(docs, "README.md", "CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			to := doc
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(doc), m[1])
			}
			_, err := os.Stat(to)
			if assert.NoError(t, err, "%s links to %s", doc, m[1]) && m[2] != "" {
				assert.Contains(t, anchors(read(t, to)), m[2], "%s links to %s", doc, m[0])
			}
		}
	}
}

// anchors are what links to the headings of a document end in.
func anchors(text string) (out []string) {
	text = regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

// What a document names as a Go test, example or package of the module is
// there.
func TestDocumentsNamePackages(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	run := regexp.MustCompile(`go (?:run|test) (\./[a-z/]+[a-z])`)
	for _, doc := range append(docs, "README.md") {
		for _, m := range run.FindAllStringSubmatch(read(t, doc), -1) {
			info, err := os.Stat(m[1])
			if assert.NoError(t, err, "%s names %s", doc, m[1]) {
				assert.True(t, info.IsDir(), "%s names %s", doc, m[1])
			}
		}
	}
}

// Each Go snippet of the guide stands, indented as it may be, in a file that
// is compiled.
func TestGuideSnippetsAreCompiled(t *testing.T) {
	var sources []string
	require.NoError(t, filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") && path != "readme_test.go" {
			sources = append(sources, dedent(read(t, path)))
		}
		return err
	}))
	all := strings.Join(sources, "\n")
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "docs/guide.md"), -1)
	require.NotEmpty(t, snippets)
	for _, s := range snippets {
		assert.Contains(t, all, dedent(s[1]), "this snippet of the guide is in no Go file")
	}
}

// dedent takes the white space from the beginning of each line.
func dedent(text string) string { return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "") }
