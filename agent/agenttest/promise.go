package agenttest

import (
	"errors"
	"testing"
)

// untested says why a promise could not be tested: the harness gives no means
// to, or what is under test does not promise it.
type untested string

func (u untested) Error() string { return "NOT TESTED: " + string(u) }

// judge reports how a promise came out: one that was not tested is skipped, so
// that nobody takes it for kept.
func judge(t *testing.T, who, promise string, err error) {
	t.Helper()
	var why untested
	switch {
	case errors.As(err, &why):
		t.Skipf("%s %s: %v", who, promise, why)
	case err != nil:
		t.Errorf("%s %s\n%v", who, promise, err)
	}
}
