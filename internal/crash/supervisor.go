package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/seed-a71cb1d8/frontdesk/internal/pgtest"
)

// The stores.
const (
	storeSQLite   = "sqlite"
	storePostgres = "postgres"
)

// config is one run.
type config struct {
	store string
	kills int
	seed  uint64
	// talking is how many contacts talk at once.
	talking int
	// outages is whether the disk fills up and the database goes away.
	outages bool
	// mounts is whether the store's files are on a disk of their own, which
	// only root can mount. Without it a full disk is a limit on the size of
	// files.
	mounts  bool
	control *control
	// patience is how long nothing may get on at the end before all is done.
	patience time.Duration
	log      io.Writer // what workers print
}

// processTime is how long a worker may take to begin or to end, on a machine
// however busy.
const processTime = 5 * time.Minute

// process is a worker that runs.
type process struct {
	n     int
	cmd   *exec.Cmd
	ready chan struct{} // closed when it has said hello
	ended chan struct{}
	shot  *shot // nil: it is left alone
}

// shot strikes a worker at a moment.
type shot struct {
	at    string
	after int // announcements of that moment that pass before
	stop  bool
	hit   chan struct{}
}

// tally counts what was done to the workers.
type tally struct {
	started, kills, stops, limited, full, outages int
	at                                            map[string]int // kills by moment
	notStored                                     int            // messages that a worker could not accept
	together                                      int            // kills and stops while another worker ran
}

// supervisor runs workers, strikes them, and keeps the world outside.
type supervisor struct {
	config
	dir        string
	job        Job
	server     *pgtest.Server // of PostgreSQL
	disk       *disk          // nil: it is the system's
	people     *people
	journal    *journal
	background sync.WaitGroup

	mu      sync.Mutex
	r       *rand.Rand
	workers map[int]*process
	last    int
	rests   []Rest // since somebody asked
	tally   tally

	faults sync.Mutex
	wrong  []string
}

// moments are where workers are struck.
var moments = []string{
	"accepted", "llm", "answered", "send", "sent", "act", "acted", "append", "appended", "claimed",
	"commit inbound", "committed inbound", "commit turn", "committed turn", "commit assignment", "committed assignment", "commit claim", "committed claim",
	"commit outcome", "committed outcome", "commit other", "committed other",
}

// result is what a run found.
type result struct {
	wrong  []string
	report string
}

// run makes one run.
func run(ctx context.Context, cfg config) (res result, err error) {
	s := &supervisor{
		config: cfg, r: rand.New(rand.NewPCG(cfg.seed, 0)), workers: map[int]*process{},
		people: newPeople(rand.New(rand.NewPCG(cfg.seed, 1))), tally: tally{at: map[string]int{}},
	}
	if s.dir, err = os.MkdirTemp("", "frontdesk-crash-"); err != nil {
		return res, fmt.Errorf("crash: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if s.journal, err = newJournal(filepath.Join(s.dir, "journal"), rand.New(rand.NewPCG(cfg.seed, 2)), s.people.saw); err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, s.journal.close()) }()
	s.job = Job{Store: cfg.store, DSN: filepath.Join(s.dir, "frontdesk.db")}
	if cfg.mounts && cfg.store == storeSQLite {
		if s.disk, err = mountDisk(filepath.Join(s.dir, "disk")); err != nil {
			return res, fmt.Errorf("crash: %w", err)
		}
		defer func() { err = errors.Join(err, s.disk.unmount()) }()
		s.job.DSN = filepath.Join(s.dir, "disk", "frontdesk.db")
	}
	if cfg.control != nil {
		s.job.Fault = cfg.control.fault
	}
	if cfg.store == storePostgres {
		if s.server, err = pgtest.Start(pgtest.Options{}); err != nil {
			return res, fmt.Errorf("crash: %w", err)
		}
		defer func() { err = errors.Join(err, s.server.Stop()) }()
		name, err := s.server.CreateDatabase(ctx, "")
		if err != nil {
			return res, fmt.Errorf("crash: %w", err)
		}
		s.job.DSN = s.server.DSN(name)
	}
	l, err := s.listen(s.socket())
	if err != nil {
		return res, err
	}
	defer s.background.Wait()
	defer s.people.timers.Wait()
	defer func() { err = errors.Join(err, l.Close()) }()
	defer s.endAll()
	if err := s.strikeAll(ctx); err != nil {
		return res, err
	}
	if err := s.settle(ctx); err != nil {
		return res, err
	}
	if err := s.stopAll(); err != nil {
		return res, err
	}
	return s.judge(ctx)
}

func (s *supervisor) socket() string { return filepath.Join(s.dir, "link") }

// start starts a worker and waits for its hello.
func (s *supervisor) start() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("crash: start a worker: %w", err)
	}
	s.mu.Lock()
	s.last++
	s.tally.started++
	p := &process{n: s.last, cmd: exec.Command(self), ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d:%s", workerVariable, p.n, s.socket()))
	p.cmd.Stdout, p.cmd.Stderr = s.log, s.log
	s.workers[p.n] = p
	s.mu.Unlock()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("crash: start a worker: %w", err)
	}
	s.background.Go(func() {
		_ = p.cmd.Wait() // how it ended is what others look at
		close(p.ended)
	})
	select {
	case <-p.ready:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("crash: worker %d ended by itself: %v", p.n, p.cmd.ProcessState)
	case <-time.After(processTime):
		return nil, fmt.Errorf("crash: worker %d does not begin", p.n)
	}
}

func (s *supervisor) hello(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.workers[n]; p != nil {
		close(p.ready)
	}
}

// moment strikes the worker if that is its moment. The worker waits for the
// answer meanwhile.
func (s *supervisor) moment(m Moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.workers[m.Worker]
	if p == nil || p.shot == nil || p.shot.at != m.Name {
		return
	}
	if p.shot.after--; p.shot.after >= 0 {
		return
	}
	s.strike(p)
}

// strike fires the shot of a worker. The mutex is held.
func (s *supervisor) strike(p *process) {
	shot := p.shot
	p.shot = nil
	what := p.cmd.Process.Kill
	if shot.stop {
		what = func() error { return halt(p.cmd.Process) }
	}
	if err := what(); err != nil {
		s.violate("worker %d ended by itself: %v", p.n, err)
	}
	close(shot.hit)
}

func (s *supervisor) report(r Rest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests = append(s.rests, r)
}

// violate takes note of a promise that was broken.
func (s *supervisor) violate(format string, args ...any) {
	s.faults.Lock()
	defer s.faults.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func (s *supervisor) chance(n int) bool { return s.number(n) == 0 }

func (s *supervisor) number(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.IntN(n)
}

// running returns one of the workers, or nil, and how many there are.
func (s *supervisor) running() (*process, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var any *process
	for n := range s.last + 1 { // in a fixed order
		if p := s.workers[n]; p != nil && (any == nil || s.r.IntN(2) == 0) {
			any = p
		}
	}
	return any, len(s.workers)
}

// strikeAll strikes workers until enough of them are dead.
func (s *supervisor) strikeAll(ctx context.Context) error {
	for s.tally.kills < s.kills && ctx.Err() == nil {
		s.people.come(s.talking)
		s.reap()
		want := 1 + s.number(2)
		for _, n := s.running(); n < want; n++ {
			if _, err := s.start(); err != nil {
				return err
			}
		}
		p, n := s.running()
		if n > 1 {
			s.tally.together++
		}
		var err error
		stop := s.control != nil && s.control.stop
		switch {
		case s.outages && s.chance(25):
			err = s.outage()
		case stop || s.control == nil && s.chance(15):
			err = s.pause(p)
		default:
			err = s.kill(p)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// reap finds workers that ended though nobody struck them.
func (s *supervisor) reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, p := range s.workers {
		select {
		case <-p.ended:
			s.violate("worker %d ended by itself: %v", n, p.cmd.ProcessState)
			delete(s.workers, n)
		default:
		}
	}
}

// aim picks a moment.
func (s *supervisor) aim(stop bool) *shot {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := moments
	if s.control != nil && s.control.at != nil {
		at = s.control.at
	}
	return &shot{at: at[s.r.IntN(len(at))], after: s.r.IntN(3), stop: stop, hit: make(chan struct{})}
}

// shoot strikes a worker at a moment, or if that does not come, at any time.
func (s *supervisor) shoot(p *process, sh *shot) {
	patience := 2 * time.Second
	if s.control != nil {
		patience = 10 * time.Second // it is that moment or nothing
	}
	if s.control == nil && s.chance(4) {
		sh.at, patience = "", time.Duration(1+s.number(300))*time.Millisecond // any time
	}
	s.mu.Lock()
	p.shot = sh
	s.mu.Unlock()
	at := sh.at
	select {
	case <-sh.hit:
	case <-time.After(patience):
		s.mu.Lock()
		if p.shot != nil {
			at = ""
			s.strike(p)
		}
		s.mu.Unlock()
	}
	if at == "" {
		at = "any time"
	}
	s.tally.at[at]++
}

func (s *supervisor) kill(p *process) error {
	s.shoot(p, s.aim(false))
	s.tally.kills++
	return s.gone(p)
}

// gone waits until a worker is dead.
func (s *supervisor) gone(p *process) error {
	select {
	case <-p.ended:
	case <-time.After(processTime):
		return fmt.Errorf("crash: worker %d does not end", p.n)
	}
	s.mu.Lock()
	delete(s.workers, p.n)
	s.mu.Unlock()
	return nil
}

// pause stops a worker, lets its leases run out while another one works, and
// lets it go on: then two think that they hold a lease.
func (s *supervisor) pause(p *process) error {
	if _, n := s.running(); n < 2 {
		if _, err := s.start(); err != nil {
			return err
		}
	}
	s.shoot(p, s.aim(true))
	s.tally.stops++
	if s.control != nil {
		s.tally.kills++ // it counts as one
	}
	time.Sleep(lease + lease/3)
	if err := resume(p.cmd.Process); err != nil {
		return fmt.Errorf("crash: worker %d: %w", p.n, err)
	}
	time.Sleep(lease / 10) // what it does now is what is looked at
	return nil
}

// outage fills the disk, or takes the database away, for a while.
func (s *supervisor) outage() error {
	if s.store == storePostgres {
		s.tally.outages++
		end := s.server.Kill
		if s.chance(2) {
			end = s.server.Shutdown
		}
		if err := end(); err != nil {
			return fmt.Errorf("crash: %w", err)
		}
		time.Sleep(time.Duration(s.number(600)) * time.Millisecond)
		if err := s.server.Restart(); err != nil {
			return fmt.Errorf("crash: %w", err)
		}
		return nil
	}
	if s.disk != nil && s.chance(2) {
		return s.fillDisk()
	}
	s.tally.limited++
	// With no byte left nothing can be acknowledged. With some, a transaction
	// fails in its middle.
	size := int64(0)
	if s.chance(2) {
		size = int64(s.number(200)) << 10
	}
	s.mu.Lock()
	var all []*process
	for _, p := range s.workers {
		all = append(all, p)
	}
	s.mu.Unlock()
	for _, p := range all {
		if err := limitFiles(p.cmd.Process, size); err != nil {
			return fmt.Errorf("crash: fill the disk: %w", err)
		}
	}
	known, from := s.people.givenBefore(), time.Now()
	time.Sleep(time.Duration(100+s.number(500)) * time.Millisecond)
	if acked := s.people.ackedSince(from, known); size == 0 && len(acked) > 0 {
		s.violate("the disk was full, and %v were acknowledged", acked)
	}
	for _, p := range all {
		if err := limitFiles(p.cmd.Process, -1); err != nil {
			return fmt.Errorf("crash: free the disk: %w", err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	return nil
}

// fillDisk leaves no free block on the disk for a while. What is written over
// needs none, so that some commits still come through.
func (s *supervisor) fillDisk() error {
	s.tally.full++
	if err := s.disk.fill(); err != nil {
		return fmt.Errorf("crash: fill the disk: %w", err)
	}
	time.Sleep(time.Duration(200+s.number(1000)) * time.Millisecond)
	if err := s.disk.free(); err != nil {
		return fmt.Errorf("crash: free the disk: %w", err)
	}
	return nil
}

// notStored takes note of a message that a worker could not accept.
func (s *supervisor) notStored() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.notStored++
}

// settle waits until everything is done.
func (s *supervisor) settle(ctx context.Context) error {
	s.journal.mu.Lock()
	s.journal.calm = true
	s.journal.mu.Unlock()
	if _, n := s.running(); n == 0 {
		if _, err := s.start(); err != nil {
			return err
		}
	}
	idle, done, limit := 0, 0, time.Now().Add(20*s.patience)
	for until := time.Now().Add(s.patience); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		s.mu.Lock()
		rests := s.rests
		s.rests = nil
		s.mu.Unlock()
		quiet, why := s.people.quiet()
		if quiet && len(rests) > 0 && !rests[len(rests)-1].Waits {
			if idle++; idle == 3 {
				return nil
			}
			continue
		}
		idle = 0
		now := time.Now()
		if n := s.journal.size() + s.people.stored(); n > done { // a slow machine gets on, too
			done, until = n, now.Add(s.patience)
		}
		if now.After(until) || now.After(limit) {
			s.violate("it did not come to rest, with nothing done in %v: %s; %+v", s.patience, why, rests)
			return nil
		}
	}
	return ctx.Err()
}

// stopAll ends the workers in good order.
func (s *supervisor) stopAll() error {
	for p, n := s.running(); n > 0; p, n = s.running() {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("crash: stop worker %d: %w", p.n, err)
		}
		if err := s.gone(p); err != nil {
			return err
		}
		if !p.cmd.ProcessState.Success() {
			s.violate("worker %d did not end in good order: %v", p.n, p.cmd.ProcessState)
		}
	}
	return nil
}

// endAll ends what is left of the workers.
func (s *supervisor) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.workers {
		_ = p.cmd.Process.Kill() // it may be dead
	}
}
