package main

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"
)

// supported says why the program cannot run here; nil: it can.
func supported() error { return nil }

// ignoreFileSize lets writes past the limit fail, where the system would
// rather end the process.
func ignoreFileSize() { signal.Ignore(syscall.SIGXFSZ) }

func halt(p *os.Process) error   { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// limitFiles lets a process write files up to a size only; negative: any.
func limitFiles(p *os.Process, size int64) error {
	limit := syscall.Rlimit{Cur: uint64(size), Max: ^uint64(0)} // -1 is no limit
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
