//go:build !linux

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Elsewhere nothing ends a server whose program died, so none is started:
// FRONTDESK_TEST_POSTGRES names one.

type account struct{}

func accountToUse() (*account, error) {
	return nil, fmt.Errorf("%w: servers are started on Linux only", ErrUnavailable)
}

func (*account) own(...string) error { return nil }

func (s *Server) command(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

func lockDir(string) (*os.File, error) { return nil, errors.ErrUnsupported }

type process struct{ ended chan struct{} }

func startProcess(*exec.Cmd) (*process, error) { return nil, errors.ErrUnsupported }

func (*process) interrupt(time.Duration) error { return errors.ErrUnsupported }

func (*process) kill() error { return errors.ErrUnsupported }
