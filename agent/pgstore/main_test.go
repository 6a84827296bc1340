package pgstore

import (
	"flag"
	"os"
	"testing"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

// The tests make hundreds of schemas, and none of them takes the power away:
// what survives a kill is shown by internal/crash. Benchmarks pay for the disk.
func TestMain(m *testing.M) {
	flag.Parse()
	bench := flag.Lookup("test.bench").Value.String()
	os.Exit(pgtest.RunWith(m, pgtest.Options{NoSync: bench == ""}))
}
