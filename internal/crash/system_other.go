//go:build !linux

package main

import (
	"errors"
	"os"
)

// supported says why the program cannot run here; nil: it can.
func supported() error {
	return errors.New("crash: it runs on Linux only, whose signals and limits it uses")
}

func ignoreFileSize() {}

func halt(*os.Process) error              { return errors.ErrUnsupported }
func resume(*os.Process) error            { return errors.ErrUnsupported }
func limitFiles(*os.Process, int64) error { return errors.ErrUnsupported }

type disk struct{}

func mountDisk(string) (*disk, error) { return nil, errors.ErrUnsupported }
func (*disk) fill() error             { return errors.ErrUnsupported }
func (*disk) free() error             { return errors.ErrUnsupported }
func (*disk) unmount() error          { return errors.ErrUnsupported }
