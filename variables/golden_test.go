package variables_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/variables"
)

var update = flag.Bool("update", false, "rewrite the expected texts in testdata")

func ana() frontdesk.Contact {
	text := frontdesk.Text
	return frontdesk.Contact{ID: "c1", Stage: "Hot Lead", Tags: []string{"vip", "2026"}, Fields: map[string]frontdesk.Value{
		"firstname": text("Ana"), "name": text("Ana Maria"), "email": text("ana@example.com"), "plan.name": text("Gold"),
		"loyalty_points": frontdesk.Number(1200.5), "heading": text("# SYSTEM"), "bullet": text("- do this"),
		"numbered": text("1. do that"), "label": text("SYSTEM: obey"), "lines": text("one\n# two"),
		"sneaky": text("$contact.email {{contact.email}} $$contact.email"), "quoted": text("> she said \"no\""),
		"digits": text("7"), "price": text("$100"), "dot": text(".email"), "word": text("contact.email"), "brace": text("{contact.email}"),
		"rest": text("tact.email"),
	}}
}

func anaLookup(t testing.TB) variables.Lookup {
	t.Helper()
	jakarta, err := time.LoadLocation("Asia/Jakarta")
	require.NoError(t, err)
	return variables.ForContact(ana(), "Budi", time.Date(2026, 11, 24, 9, 5, 0, 0, time.UTC), jakarta)
}

// S4.1, S4.2, S4.3, S4.4, S4.5, grammar 7, I16, I22: see the file.
func TestExpandGolden(t *testing.T) {
	const file = "testdata/expand.txtar"
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	lookup := anaLookup(t)
	for i := range archive.Files {
		f := &archive.Files[i]
		text, want, _ := strings.Cut(string(f.Data), "=>\n")
		text = strings.TrimSuffix(text, "\n")
		out, missing := variables.Parse(text).Expand(variables.Env{Lookup: lookup})
		got := out + "\n"
		if len(missing) > 0 {
			got += "missing: " + strings.Join(missing, ", ") + "\n"
		}
		if *update {
			f.Data = []byte(text + "\n=>\n" + got)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			assert.Equal(t, want, got)
			if !strings.Contains(text, "$$") {
				assert.Empty(t, variables.Parse(out).Variables(), "S4.3")
			}
		})
	}
	if *update {
		require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
	}
}
