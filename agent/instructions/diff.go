package instructions

import (
	"fmt"
	"strings"
)

// maxDiff bounds the work of a diff, in lines times lines. Past it all between
// the common beginning and end counts as replaced.
const maxDiff = 4_000_000

// edit is a line of a diff: ' ' kept, '-' taken away, '+' added.
type edit struct {
	op   byte
	text string
}

// unifiedDiff writes the difference between two texts by lines, with three
// lines of context; empty when there is none.
func unifiedDiff(before, after string) string {
	if before == after {
		return ""
	}
	edits := lineEdits(splitLines(before), splitLines(after))
	var b strings.Builder
	b.WriteString("--- original\n+++ rewrite\n")
	const context = 3
	oldLine, newLine := 1, 1
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			oldLine, newLine, i = oldLine+1, newLine+1, i+1
			continue
		}
		// A hunk goes on while the next change is close.
		from, to, kept := max(0, i-context), i, 0
		for k := i; k < len(edits) && kept <= 2*context; k++ {
			if edits[k].op == ' ' {
				kept++
				continue
			}
			to, kept = k+1, 0
		}
		to = min(len(edits), to+context)
		lead := i - from
		oldStart, newStart := oldLine-lead, newLine-lead
		oldCount, newCount := 0, 0
		var hunk strings.Builder
		for _, e := range edits[from:to] {
			if e.op != '+' {
				oldCount++
			}
			if e.op != '-' {
				newCount++
			}
			fmt.Fprintf(&hunk, "%c%s\n", e.op, e.text)
		}
		fmt.Fprintf(&b, "@@ -%s +%s @@\n%s", hunkRange(oldStart, oldCount), hunkRange(newStart, newCount), hunk.String())
		oldLine, newLine, i = oldStart+oldCount, newStart+newCount, to
	}
	return b.String()
}

// hunkRange writes where a hunk stands, as patch(1) reads it.
func hunkRange(start, count int) string {
	if count == 0 {
		start--
	}
	return fmt.Sprintf("%d,%d", start, count)
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// lineEdits finds a longest common subsequence of lines.
func lineEdits(a, b []string) []edit {
	var out, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		out = append(out, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, edit{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	i, k := 0, 0
	if len(a)*len(b) <= maxDiff {
		width := len(b) + 1
		common := make([]int32, (len(a)+1)*width) // of a[i:] and b[k:]
		for i := len(a) - 1; i >= 0; i-- {
			for k := len(b) - 1; k >= 0; k-- {
				if a[i] == b[k] {
					common[i*width+k] = common[(i+1)*width+k+1] + 1
				} else {
					common[i*width+k] = max(common[(i+1)*width+k], common[i*width+k+1])
				}
			}
		}
		for i < len(a) && k < len(b) {
			switch {
			case a[i] == b[k]:
				out = append(out, edit{' ', a[i]})
				i, k = i+1, k+1
			case common[(i+1)*width+k] >= common[i*width+k+1]:
				out = append(out, edit{'-', a[i]})
				i++
			default:
				out = append(out, edit{'+', b[k]})
				k++
			}
		}
	}
	for ; i < len(a); i++ {
		out = append(out, edit{'-', a[i]})
	}
	for ; k < len(b); k++ {
		out = append(out, edit{'+', b[k]})
	}
	for n := len(tail) - 1; n >= 0; n-- {
		out = append(out, tail[n])
	}
	return out
}
