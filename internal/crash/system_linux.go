package main

import (
	"errors"
	"fmt"
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

// disk is a small file system of its own, in memory, that can be full. Only
// root may mount one.
type disk struct{ path string }

// diskSize is its size when it is not full.
const diskSize = 2 << 30

func mountDisk(path string) (*disk, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	if err := syscall.Mount("frontdesk-crash", path, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		return nil, fmt.Errorf("mount a file system on %s: %w", path, err)
	}
	return &disk{path}, nil
}

// fill leaves no free block.
func (d *disk) fill() error {
	for {
		var st syscall.Statfs_t
		if err := syscall.Statfs(d.path, &st); err != nil {
			return err
		}
		err := d.resize(int64(st.Blocks-st.Bfree) * st.Bsize)
		if !errors.Is(err, syscall.EINVAL) { // else it has grown meanwhile
			return err
		}
	}
}

func (d *disk) free() error { return d.resize(diskSize) }

func (d *disk) resize(size int64) error {
	return syscall.Mount("", d.path, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", max(size, 1)))
}

func (d *disk) unmount() error { return syscall.Unmount(d.path, syscall.MNT_DETACH) }
