package main

import (
	"testing"

	"go.uber.org/goleak"
)

// I27: whatever the tests of this package do, no goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
