package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

// waiting is the job that waits: a follow-up, or an answer.
type waiting struct {
	Person string `json:"person"`
	// Text is what the agent says. Empty: the job has nothing to do.
	Text    string        `json:"text"`
	Trigger agent.Trigger `json:"trigger"`
	// Task is what a store would keep of a follow-up: the frozen ladder.
	Task json.RawMessage `json:"task,omitempty"`
}

func (waiting) Kind() string { return "waiting" }

// riverSide is a database with river in it, and people in tables of their own.
type riverSide struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	people map[string]*person
	// begun tells when the first job begins.
	begun chan time.Time
}

// openRiver sets river up in a database. Its settings are those with which it
// was fastest here: it looks for jobs as often as it may.
func openRiver(ctx context.Context, dsn string) (_ *riverSide, err error) {
	r := &riverSide{people: map[string]*person{}, begun: make(chan time.Time, 1)}
	if r.pool, err = connect(ctx, dsn); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.pool.Close()
		}
	}()
	d := riverpgxv5.New(r.pool)
	quiet := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(d, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	if _, err := r.pool.Exec(ctx, ownTables); err != nil {
		return nil, err
	}
	jobs := river.NewWorkers()
	river.AddWorker(jobs, &riverWorker{riverSide: r})
	r.client, err = river.NewClient(d, &river.Config{
		Logger: quiet, Workers: jobs, FetchCooldown: river.FetchCooldownMin, FetchPollInterval: 50 * time.Millisecond,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
	})
	return r, err
}

// riverWorker does a job: it writes the agent's message and the record of the
// turn in the transaction that completes the job.
type riverWorker struct {
	river.WorkerDefaults[waiting]
	*riverSide
}

func (w *riverWorker) Work(ctx context.Context, job *river.Job[waiting]) error {
	select {
	case w.begun <- time.Now():
	default:
	}
	if job.Args.Text == "" {
		return nil // river completes it, many in one statement
	}
	p := w.people[job.Args.Person]
	m, turn := p.answer(job.Args.Text, job.Args.Trigger)
	record, err := json.Marshal(turn)
	if err != nil {
		return err
	}
	return w.transaction(ctx, func(b *pgx.Batch) {
		p.change(b)
		insertMessage(b, m)
		b.Queue(`INSERT INTO turns (id, conversation_id, record) VALUES ($1, $2, $3)`, turn.ID, turn.ConversationID, string(record))
	}, func(tx pgx.Tx) error {
		_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}

// transaction sends the program's own statements, all in one go, and then
// what is river's.
func (r *riverSide) transaction(ctx context.Context, own func(b *pgx.Batch), rivers func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		own(&b)
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		return rivers(tx)
	})
}

// accept stores a message of the person together with the job that answers.
func (r *riverSide) accept(ctx context.Context, p *person) error {
	return r.transaction(ctx, func(b *pgx.Batch) { p.accepted(b) }, func(tx pgx.Tx) error {
		_, err := r.client.InsertTx(ctx, tx, waiting{Person: p.name, Text: reply, Trigger: agent.Trigger{Kind: agent.TriggerInbound}}, nil)
		return err
	})
}

// meet makes people known.
func (r *riverSide) meet(ctx context.Context, name string, n int) ([]*person, error) {
	people, err := meet(ctx, r.pool, name, n)
	for _, p := range people {
		r.people[p.name] = p
	}
	return people, err
}

// job is the job of a person's follow-up. An empty text: it does nothing.
func (p *person) job(text string) (waiting, error) {
	task, err := json.Marshal(p.followUp(begin))
	return waiting{Person: p.name, Text: text, Trigger: agent.Trigger{Kind: agent.TriggerFollowUp}, Task: task}, err
}

// insert adds a job for each of so many people at once, by COPY.
func (r *riverSide) insert(ctx context.Context, n int, of func(i int) (waiting, time.Time, error)) error {
	const batch = 5000
	for from := 0; from < n; from += batch {
		params := make([]river.InsertManyParams, 0, batch)
		for i := from; i < min(n, from+batch); i++ {
			job, at, err := of(i)
			if err != nil {
				return err
			}
			params = append(params, river.InsertManyParams{Args: job, InsertOpts: &river.InsertOpts{ScheduledAt: at}})
		}
		if _, err := r.client.InsertManyFast(ctx, params); err != nil {
			return err
		}
	}
	return nil
}

// work lets river work until n jobs are completed, and returns how many that
// were in a second. meanwhile is done beside it.
func (r *riverSide) work(ctx context.Context, n int, meanwhile func() error) (perSecond float64, err error) {
	events, unsubscribe := r.client.SubscribeConfig(&river.SubscribeConfig{
		Kinds: []river.EventKind{river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled}, ChanSize: n,
	})
	defer unsubscribe()
	for len(r.begun) > 0 {
		<-r.begun
	}
	if err := r.client.Start(ctx); err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, r.client.Stop(context.WithoutCancel(ctx)))
	}()
	beside := make(chan error, 1)
	begun := time.Now()
	go func() { beside <- meanwhile() }()
	giveUp := time.After(10 * time.Minute)
	for range n {
		select {
		case e := <-events:
			if e.Kind != river.EventKindJobCompleted {
				return 0, fmt.Errorf("river: a job ended as %s: %v", e.Kind, e.Job.Errors)
			}
		case <-giveUp:
			return 0, errors.New("river: the jobs were not done in ten minutes")
		}
	}
	took := time.Since(begun)
	if first := <-r.begun; first.After(begun) {
		took -= first.Sub(begun) // it takes a moment to start
	}
	return float64(n) / took.Seconds(), <-beside
}

func nothing() error { return nil }

// riverWith measures river on an own database with so many jobs scheduled for
// tomorrow.
func (b *bench) riverWith(ctx context.Context, r *riverSide, more int) (f found, err error) {
	tomorrow := time.Now().Add(24 * time.Hour)
	err = r.insert(ctx, more, func(i int) (waiting, time.Time, error) {
		p := &person{name: fmt.Sprint("waiting-", i)}
		job, err := p.job(reply)
		return job, tomorrow.Add(time.Duration(i) * time.Millisecond), err
	})
	if err != nil {
		return f, err
	}
	each := max(b.active/atOnce, 1)
	ids := make([]int64, each*atOnce)
	people, err := r.meet(ctx, fmt.Sprintf("active-%d-", more), len(ids))
	if err != nil {
		return f, err
	}
	t, err := together(atOnce, each, func(w, i int) error {
		n := w*each + i
		job, err := people[n].job(reply)
		if err != nil {
			return err
		}
		res, err := r.client.Insert(ctx, job, &river.InsertOpts{ScheduledAt: tomorrow.Add(time.Duration(n*37%(more+1)) * time.Millisecond)})
		if err == nil {
			ids[n] = res.Job.ID
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f.armed = t.perSecond()
	if t, err = together(atOnce, each, func(w, i int) error { _, err := r.client.JobCancel(ctx, ids[w*each+i]); return err }); err != nil {
		return f, err
	}
	f.cancelled = t.perSecond()
	for _, part := range []struct {
		text string
		into *float64
	}{{ladder.Steps[0].Messages[0].Text, &f.fired}, {"", &f.bare}} {
		err := r.insert(ctx, len(people), func(i int) (waiting, time.Time, error) {
			job, err := people[i].job(part.text)
			return job, time.Time{}, err
		})
		if err != nil {
			return f, err
		}
		if *part.into, err = r.work(ctx, len(people), nothing); err != nil {
			return f, err
		}
	}
	return f, nil
}

// riverTurns is how many turns a second river does: messages are accepted
// while earlier ones are answered.
func (b *bench) riverTurns(ctx context.Context, r *riverSide, n int) (float64, error) {
	people, err := r.meet(ctx, "turns-", n)
	if err != nil {
		return 0, err
	}
	return r.work(ctx, n, func() error {
		_, err := share(atOnce, n, func(i int) error { return r.accept(ctx, people[i]) })
		return err
	})
}
