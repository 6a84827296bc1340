package world

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// The page on reliability has a row for each invariant, and names only tests
// and checks that are there.
func TestReliabilityPageNamesWhatIsThere(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	require.NoError(t, err)
	for n := 1; n <= 32; n++ {
		assert.Contains(t, string(page), fmt.Sprintf("\n| I%d |", n), "the row of the invariant")
	}
	source := readGo(t)
	names := regexp.MustCompile("`(?:[a-z]+\\.)?((?:Test|Log\\.)[A-Za-z]+)`").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(names), 60)
	for _, m := range names {
		declared := "func " + m[1] + "("
		if name, isCheck := strings.CutPrefix(m[1], "Log."); isCheck {
			declared = "func (l *Log) " + name + "("
		}
		assert.True(t, strings.Contains(source, declared), "%s is on the page and nowhere else", m[1])
	}
	for _, c := range Cases() {
		assert.Contains(t, string(page), c.Name, "the case is on the page")
	}
}

// readGo reads all Go files of the module.
func readGo(t *testing.T) string {
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}))
	return all.String()
}
