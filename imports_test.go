package frontdesk_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/seed-a71cb1d8/frontdesk"

// layers is the order of the packages: each may import those that stand below
// it, and what its own line allows from outside the module. A prefix ending in
// "/" stands for everything under it.
var layers = []struct {
	pkg     string
	outside []string
}{
	{"examples", nil}, // its tests alone
	{"examples/", []string{"github.com/tmc/langchaingo/"}},
	{"cmd/frontdesk", []string{"github.com/tmc/langchaingo/"}},
	{"cmd/frontdesk/internal/scenario", []string{"golang.org/x/tools/txtar"}},
	{"cmd/frontdesk/internal/session", nil},
	{"cmd/frontdesk/internal/workspacefile", []string{"go.yaml.in/yaml/v3"}},
	{"internal/sim", nil},
	{"internal/sim/world", nil},
	{"internal/crash", nil},
	{"internal/storediff", []string{"github.com/stretchr/testify/"}},
	{"internal/storebench", []string{"github.com/stretchr/testify/"}},
	{"agent/agenttest", []string{"github.com/stretchr/testify/"}},
	{"agent/offline", nil},
	{"agent/langchain", []string{"github.com/tmc/langchaingo/llms", "github.com/tmc/langchaingo/schema"}},
	{"agent/knowledge", []string{"modernc.org/sqlite", "modernc.org/sqlite/lib", "golang.org/x/net/html", "golang.org/x/net/html/atom", "golang.org/x/net/html/charset", "github.com/ledongthuc/pdf"}},
	{"agent/memstore", nil},
	{"agent/pgstore", []string{"github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/pgconn", "github.com/jackc/pgx/v5/pgxpool"}},
	{"agent/sqlitestore", []string{"modernc.org/sqlite", "modernc.org/sqlite/lib"}},
	{"internal/sqlrow", nil},
	{"agent", []string{"github.com/google/uuid"}},
	{"agent/instructions", nil},
	{"actions", []string{"github.com/google/jsonschema-go/jsonschema", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/santhosh-tekuri/jsonschema/v6/kind", "github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext"}},
	{"followup", nil},
	{"routing", nil},
	{"variables", nil},
	{"internal/textsplit", []string{"github.com/rivo/uniseg"}},
	{"internal/pgtest", []string{"github.com/jackc/pgx/v5"}},
	{"internal/", nil},
	{"", nil}, // the nouns
}

// text is allowed everywhere but in the nouns: folding is one thing.
var text = []string{"golang.org/x/text/cases", "golang.org/x/text/language", "golang.org/x/text/unicode/norm", "golang.org/x/text/message"}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []pkg {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	require.NoError(t, err)
	var pkgs []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		require.NoError(t, err)
		pkgs = append(pkgs, p)
	}
}

// layer finds the line of a package of the module, the most exact one; -1 if it
// has none.
func layer(path string) int {
	rel := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	found := -1
	for i, l := range layers {
		if rel == l.pkg || strings.HasSuffix(l.pkg, "/") && strings.HasPrefix(rel, l.pkg) {
			if found < 0 || len(l.pkg) > len(layers[found].pkg) {
				found = i
			}
		}
	}
	return found
}

// Imports only ever point down the table above.
func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t) {
		from := layer(p.ImportPath)
		if from < 0 {
			t.Errorf("%s has no line in the import table: give it one", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				continue // standard library
			}
			if imp == module || strings.HasPrefix(imp, module+"/") {
				if to := layer(imp); to <= from && !(to == from && strings.HasPrefix(layers[from].pkg, "internal/")) {
					t.Errorf("%s imports %s, which does not stand below it", p.ImportPath, imp)
				}
				continue
			}
			if !allowed(from, imp) {
				t.Errorf("%s imports %s, which its line in the table does not allow", p.ImportPath, imp)
			}
		}
	}
}

func allowed(from int, imp string) bool {
	for _, a := range layers[from].outside {
		if imp == a || strings.HasSuffix(a, "/") && strings.HasPrefix(imp, a) {
			return true
		}
	}
	for _, a := range text {
		if imp == a && layers[from].pkg != "" {
			return true
		}
	}
	return false
}

// The agent's dependencies hold no database driver, no RPC, no web framework
// and no test code.
func TestAgentStaysLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./agent").Output()
	require.NoError(t, err)
	for _, dep := range strings.Fields(string(out)) {
		for _, bad := range []string{"database/sql", "google.golang.org/", "net/http/httptest", "testing", "github.com/stretchr/", "github.com/tmc/", "modernc.org/", "github.com/jackc/"} {
			if dep == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(dep, bad) {
				t.Errorf("package agent depends on %s", dep)
			}
		}
	}
}

// What helps tests reaches no program: besides agent/agenttest, which is for the
// tests of users, only packages that nobody outside can import hold test code.
func TestNoTestCodeInPrograms(t *testing.T) {
	for _, p := range list(t) {
		rel := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if strings.HasPrefix(rel, "internal/") || strings.HasPrefix(rel, "examples") || rel == "agent/agenttest" {
			continue
		}
		for _, dep := range p.Deps {
			if dep == "testing" || strings.HasPrefix(dep, "github.com/stretchr/") {
				t.Errorf("%s depends on %s", p.ImportPath, dep)
			}
		}
	}
}
