package pgstore

import (
	"os"
	"testing"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
