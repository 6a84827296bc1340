package instructions

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnifiedDiff(t *testing.T) {
	assert.Empty(t, unifiedDiff("a\nb", "a\nb"))
	before := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n"
	after := strings.Replace(strings.Replace(before, "2\n", "two\n", 1), "\n15\n", "\n", 1)
	assert.Equal(t, `--- original
+++ rewrite
@@ -1,5 +1,5 @@
 1
-2
+two
 3
 4
 5
@@ -12,5 +12,4 @@
 12
 13
 14
-15
 16
`, unifiedDiff(before, after))
	assert.Equal(t, "--- original\n+++ rewrite\n@@ -0,0 +1,1 @@\n+a\n", unifiedDiff("", "a"))
}

// The lines that a diff keeps and takes away are the original, those that it
// keeps and adds the rewrite.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\nc", "b\nc\nd")
	f.Add("", "x\n\n")
	f.Add(strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000))
	f.Fuzz(func(t *testing.T, before, after string) {
		var old, rewrite []string
		for _, e := range lineEdits(splitLines(before), splitLines(after)) {
			if e.op != '+' {
				old = append(old, e.text)
			}
			if e.op != '-' {
				rewrite = append(rewrite, e.text)
			}
		}
		require.Equal(t, splitLines(before), old)
		require.Equal(t, splitLines(after), rewrite)
		unifiedDiff(before, after)
	})
}
