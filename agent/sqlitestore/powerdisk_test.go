package sqlitestore_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// sector is what a disk writes whole: a write that the power cuts off is torn
// between two of them.
const sector = 512

// errNoPower is what every call gets once the power is gone.
var errNoPower = errors.New("the power is gone")

// powerDisk is a file system in memory that loses power. It keeps apart what
// was synced and what was only written: of the latter any part may be there
// afterwards, in sectors, the later without the earlier.
type powerDisk struct {
	mu    sync.Mutex
	r     *rand.Rand
	files map[string]*powerFile
	// removed are files whose removal the directory does not know for good: they
	// may come back.
	removed map[string]*powerFile
	// left is how many more calls that change something are served.
	left    int
	down    bool
	syncs   int
	lost    int    // sectors that were written and never got to the disk
	indexes string // the directory of the WAL-indexes, which are shared memory
}

// powerFile is a file as it is seen, and as the disk has it.
type powerFile struct {
	data, synced []byte
	pending      []powerWrite
	// entered is set once the directory knows it for good.
	entered bool
	locks   powerLocks
}

// powerWrite is a write that was not synced. Without data it cuts the file.
type powerWrite struct {
	at   int64
	data []byte
}

type powerLocks struct {
	shared   int
	reserved *powerHandle
	pending  *powerHandle
}

// spend takes note of a call that changes something. It is called with the
// mutex held.
func (d *powerDisk) spend() error {
	if d.left--; d.left < 0 {
		d.down = true
	}
	return d.dead()
}

func (d *powerDisk) dead() error {
	if d.down {
		return vfs.SystemError(errNoPower, sqlite3.IOERR)
	}
	return nil
}

// cut takes the power away after some calls more.
func (d *powerDisk) cut(after int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.down = after, false
}

// restart is what the next boot finds on the disk.
func (d *powerDisk) restart(indexes string) *powerDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := &powerDisk{r: d.r, files: map[string]*powerFile{}, removed: map[string]*powerFile{}, left: 1 << 40, indexes: indexes}
	// Now and then all of what was written arrives, or nothing.
	arrives := []float64{0, 0.5, 0.9, 1}[d.r.IntN(4)]
	keep := func(name string, f *powerFile) {
		if next.files[name] != nil || !f.entered && d.r.Float64() >= arrives {
			return
		}
		data := f.synced
		for _, w := range f.pending {
			data = w.tear(d.r, data, arrives, &d.lost)
		}
		next.files[name] = &powerFile{data: data, synced: append([]byte(nil), data...), entered: true}
	}
	for name, f := range d.files {
		keep(name, f)
	}
	for name, f := range d.removed {
		if d.r.IntN(2) == 0 {
			keep(name, f)
		}
	}
	return next
}

// tear applies what of a write got to the disk.
func (w powerWrite) tear(r *rand.Rand, data []byte, arrives float64, lost *int) []byte {
	if w.data == nil {
		if r.Float64() < arrives {
			return resize(data, w.at)
		}
		return data
	}
	for from := int64(0); from < int64(len(w.data)); {
		// Sectors are those of the disk, not of the write.
		to := min(int64(len(w.data)), from+sector-(w.at+from)%sector)
		if r.Float64() < arrives {
			data = put(data, w.data[from:to], w.at+from)
		} else {
			*lost++
		}
		from = to
	}
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func put(data, part []byte, at int64) []byte {
	if end := at + int64(len(part)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[at:], part)
	return data
}

// Open implements vfs.VFS.
func (d *powerDisk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.dead(); err != nil {
		return nil, flags, err
	}
	f := d.files[name]
	if f == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, flags, sqlite3.CANTOPEN
		}
		f = &powerFile{}
		if name != "" { // nobody else sees one without a name
			d.files[name] = f
		}
	}
	h := &powerHandle{disk: d, file: f, journal: flags&(vfs.OPEN_MAIN_JOURNAL|vfs.OPEN_SUPER_JOURNAL|vfs.OPEN_WAL) != 0}
	if flags&vfs.OPEN_MAIN_DB != 0 {
		h.index = vfs.NewSharedMemory(filepath.Join(d.indexes, filepath.Base(name)+"-shm"), flags)
	}
	return h, flags, nil
}

// Delete implements vfs.VFS.
func (d *powerDisk) Delete(name string, syncDir bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.spend(); err != nil {
		return err
	}
	f := d.files[name]
	if f == nil {
		return sqlite3.IOERR_DELETE_NOENT
	}
	delete(d.files, name)
	if !syncDir && f.entered {
		d.removed[name] = f
	}
	return nil
}

// Access implements vfs.VFS.
func (d *powerDisk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, d.dead()
}

// FullPathname implements vfs.VFS.
func (*powerDisk) FullPathname(name string) (string, error) { return name, nil }

// powerHandle is an open file.
type powerHandle struct {
	disk  *powerDisk
	file  *powerFile
	lock  vfs.LockLevel
	index vfs.SharedMemory
	// journal is set for a rollback journal and a WAL.
	journal bool
}

var _ vfs.FileSharedMemory = (*powerHandle)(nil)

// SharedMemory implements vfs.FileSharedMemory.
func (h *powerHandle) SharedMemory() vfs.SharedMemory { return h.index }

// Close implements io.Closer.
func (h *powerHandle) Close() error {
	err := h.Unlock(vfs.LOCK_NONE)
	if h.index != nil {
		err = errors.Join(err, h.index.Close())
	}
	return err
}

// ReadAt implements io.ReaderAt.
func (h *powerHandle) ReadAt(b []byte, off int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if err := h.disk.dead(); err != nil {
		return 0, err
	}
	n := 0
	if off < int64(len(h.file.data)) {
		n = copy(b, h.file.data[off:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt.
func (h *powerHandle) WriteAt(b []byte, off int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	err := h.disk.spend()
	if err != nil && h.disk.left != -1 {
		return 0, err
	}
	// The write in which the power goes may be on the disk in part.
	w := powerWrite{off, append([]byte{}, b...)}
	h.file.pending = append(h.file.pending, w)
	h.file.data = put(h.file.data, b, off)
	return len(b), err
}

// Truncate implements vfs.File.
func (h *powerHandle) Truncate(size int64) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if err := h.disk.spend(); err != nil {
		return err
	}
	h.file.pending = append(h.file.pending, powerWrite{at: size})
	h.file.data = resize(h.file.data, size)
	return nil
}

// Sync implements vfs.File. The first one of a new journal syncs the directory
// too, with all that was made and removed there, as SQLite's own file system
// does on Unix.
func (h *powerHandle) Sync(vfs.SyncFlag) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if err := h.disk.spend(); err != nil {
		return err
	}
	h.disk.syncs++
	f := h.file
	for _, w := range f.pending {
		if w.data == nil {
			f.synced = resize(f.synced, w.at)
		} else {
			f.synced = put(f.synced, w.data, w.at)
		}
	}
	f.pending = nil
	if h.journal && !f.entered {
		for _, other := range h.disk.files {
			other.entered = true
		}
		clear(h.disk.removed)
	}
	return nil
}

// Size implements vfs.File.
func (h *powerHandle) Size() (int64, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	return int64(len(h.file.data)), h.disk.dead()
}

// Lock implements vfs.File.
func (h *powerHandle) Lock(lock vfs.LockLevel) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	l := &h.file.locks
	if h.lock >= lock {
		return nil
	}
	switch lock {
	case vfs.LOCK_SHARED:
		if l.pending != nil {
			return sqlite3.BUSY
		}
		l.shared++
	case vfs.LOCK_RESERVED:
		if l.reserved != nil {
			return sqlite3.BUSY
		}
		l.reserved = h
	case vfs.LOCK_EXCLUSIVE:
		if l.pending != nil && l.pending != h || l.reserved != nil && l.reserved != h {
			return sqlite3.BUSY
		}
		l.pending = h
		if l.shared > 1 {
			h.lock = max(h.lock, vfs.LOCK_PENDING)
			return sqlite3.BUSY
		}
	}
	h.lock = lock
	return nil
}

// Unlock implements vfs.File.
func (h *powerHandle) Unlock(lock vfs.LockLevel) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	l := &h.file.locks
	if h.lock <= lock {
		return nil
	}
	if l.reserved == h {
		l.reserved = nil
	}
	if l.pending == h {
		l.pending = nil
	}
	if lock < vfs.LOCK_SHARED {
		l.shared--
	}
	h.lock = lock
	return nil
}

// CheckReservedLock implements vfs.File.
func (h *powerHandle) CheckReservedLock() (bool, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	return h.file.locks.reserved != nil, nil
}

// SectorSize implements vfs.File.
func (*powerHandle) SectorSize() int { return 4096 }

// DeviceCharacteristics are those that SQLite assumes of a disk: a write
// harms no byte beside it.
func (*powerHandle) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_POWERSAFE_OVERWRITE
}
