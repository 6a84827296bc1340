package knowledge

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Document is something to search in.
type Document struct {
	// Source is its name, for people and for replacing it: a file's name, an
	// address. Agents show it to their model, and turns list it.
	Source string
	// Format says how Data is read. Empty: by the ending of Source.
	Format Format
	Data   []byte
}

// Outcome is what became of a document.
type Outcome string

// The outcomes.
const (
	Added     Outcome = "added"
	Replaced  Outcome = "replaced"
	Unchanged Outcome = "unchanged" // it was there, as it is
	Removed   Outcome = "removed"
	Skipped   Outcome = "skipped" // a file in a format that is not read
	Failed    Outcome = "failed"  // what was there of it before stays
)

// Progress is told after each document.
type Progress struct {
	Source  string
	Outcome Outcome
	// Passages is how many the document has now.
	Passages int
	// Err is set when it Failed.
	Err error
	// Done counts the documents up to this one, of Total.
	Done, Total int
}

// Put adds documents, and replaces those whose source is there: one that did
// not change costs a look. Each is put in a transaction of its own, so that a
// search sees it whole, as it was or as it is. progress is called after each,
// on the caller's goroutine; nil: nobody is told.
//
// A document that cannot be read does not stop the others; the error is all of
// theirs. When ctx is done, those that were put stay.
func (b *Base) Put(ctx context.Context, docs []Document, progress func(Progress)) error {
	b.indexing.Lock()
	defer b.indexing.Unlock()
	t := &teller{tell: progress, total: len(docs)}
	for _, d := range docs {
		if err := b.put(ctx, d, t); err != nil {
			return fmt.Errorf("knowledge: put %s: %w", d.Source, err)
		}
	}
	return t.result()
}

// teller counts documents, tells of each and keeps the errors.
type teller struct {
	tell        func(Progress)
	done, total int
	errs        []error
}

func (t *teller) add(p Progress) {
	t.done++
	p.Done, p.Total = t.done, t.total
	if p.Err != nil {
		p.Outcome = Failed
		t.errs = append(t.errs, fmt.Errorf("knowledge: %s: %w", p.Source, p.Err))
	}
	if t.tell != nil {
		t.tell(p)
	}
}

func (t *teller) result() error { return errors.Join(t.errs...) }

// put puts one document. What is wrong with the document is told; an error
// that is returned stops the rest.
func (b *Base) put(ctx context.Context, d Document, t *teller) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := Progress{Source: d.Source}
	format, err := b.check(d)
	if err != nil {
		p.Err = err
		t.add(p)
		return nil
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %d %s\n%s", cutVersion, b.options.PassageLength, format, d.Data))
	old, err := b.find(ctx, b.write, d.Source)
	if err != nil {
		return err
	}
	if old != nil && string(old.digest) == string(digest[:]) {
		p.Outcome, p.Passages = Unchanged, old.passages
		t.add(p)
		return nil
	}
	sections, err := formats[format](ctx, d.Data)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.Err = err
		t.add(p)
		return nil
	}
	passages := cut(sections, b.options.PassageLength)
	p.Outcome, p.Passages = Added, len(passages)
	if old != nil {
		p.Outcome = Replaced
	}
	if err := b.store(ctx, d, format, digest[:], passages); err != nil {
		return err
	}
	t.add(p)
	return nil
}

// check says how a document is read.
func (b *Base) check(d Document) (Format, error) {
	format := d.Format
	if format == "" {
		format, _ = FormatOf(d.Source)
	}
	switch {
	case strings.TrimSpace(d.Source) == "" || strings.ContainsRune(d.Source, 0):
		return "", errors.New("it has no name: set Document.Source")
	case format == "":
		return "", errors.New("the ending of its name stands for no format: set Document.Format")
	case formats[format] == nil:
		return "", fmt.Errorf("there is no format %q", format)
	case int64(len(d.Data)) > b.options.MaxBytes:
		return "", fmt.Errorf("it has %d bytes: divide it, or raise Options.MaxBytes above %d", len(d.Data), b.options.MaxBytes)
	}
	return format, nil
}

// stored is a document as the file knows it.
type stored struct {
	n        int64
	digest   []byte
	passages int
}

func (b *Base) find(ctx context.Context, q querier, source string) (*stored, error) {
	found, err := collect(ctx, q, func(rows *sql.Rows) (d stored, err error) {
		return d, rows.Scan(&d.n, &d.digest, &d.passages)
	}, "SELECT n, digest, passages FROM documents WHERE source = ?", source)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// change runs f in a transaction.
func (b *Base) change(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := b.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the error that led here says more
		return err
	}
	return tx.Commit()
}

// store replaces a document by its passages.
func (b *Base) store(ctx context.Context, d Document, format Format, digest []byte, passages []passage) error {
	return b.change(ctx, func(tx *sql.Tx) error {
		if _, err := b.drop(ctx, tx, d.Source); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO documents (source, format, digest, bytes, passages) VALUES (?, ?, ?, ?, ?)",
			d.Source, string(format), digest, len(d.Data), len(passages))
		if err != nil {
			return err
		}
		document, err := res.LastInsertId()
		if err != nil {
			return err
		}
		return insertPassages(ctx, tx, document, passages)
	})
}

func insertPassages(ctx context.Context, tx *sql.Tx, document int64, passages []passage) (err error) {
	text, err := tx.PrepareContext(ctx, "INSERT INTO passages (document, at, part, text, words) VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	index, err := tx.PrepareContext(ctx, "INSERT INTO word_index (rowid, words) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	total := 0
	for i, p := range passages {
		list := wordsOf(p.part, p.text)
		total += len(list)
		res, err := text.ExecContext(ctx, document, i, p.part, p.text, len(list))
		if err != nil {
			return err
		}
		n, err := res.LastInsertId()
		if err != nil {
			return err
		}
		if _, err := index.ExecContext(ctx, n, strings.Join(list, " ")); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "UPDATE totals SET passages = passages + ?, words = words + ?", len(passages), total)
	return err
}

// drop removes a document with its passages, and reports whether it was there.
func (b *Base) drop(ctx context.Context, tx *sql.Tx, source string) (bool, error) {
	d, err := b.find(ctx, tx, source)
	if err != nil || d == nil {
		return false, err
	}
	for _, q := range []string{
		"DELETE FROM word_index WHERE rowid IN (SELECT n FROM passages WHERE document = ?)",
		`UPDATE totals SET passages = passages - (SELECT count(*) FROM passages WHERE document = ?1),
			words = words - (SELECT ifnull(sum(words), 0) FROM passages WHERE document = ?1)`,
		"DELETE FROM passages WHERE document = ?",
		"DELETE FROM documents WHERE n = ?",
	} {
		if _, err := tx.ExecContext(ctx, q, d.n); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Remove removes documents by their sources, and returns how many of them were
// there.
func (b *Base) Remove(ctx context.Context, sources ...string) (int, error) {
	b.indexing.Lock()
	defer b.indexing.Unlock()
	n, err := b.remove(ctx, sources)
	if err != nil {
		return 0, fmt.Errorf("knowledge: remove: %w", err)
	}
	return n, nil
}

// remove removes all of them or none.
func (b *Base) remove(ctx context.Context, sources []string) (n int, err error) {
	return n, b.change(ctx, func(tx *sql.Tx) error {
		n = 0
		for _, s := range sources {
			was, err := b.drop(ctx, tx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			if was {
				n++
			}
		}
		return nil
	})
}

// Sync makes the documents under a name those of a file system: it puts what
// is new or changed and removes what is gone. Sources are the paths of the
// files below the name: with "help", "help/returns.md". The empty name and "."
// stand for the whole base.
//
// Files in other formats, and those whose names or directories begin with a
// dot, are skipped. So are symbolic links, to files and to directories: a link
// counts as no file, and what was put from its place goes. A file that cannot
// be read, or is not understood, does not stop the others; what was there of it
// before stays, and the error is all of theirs. progress is as in Put.
func (b *Base) Sync(ctx context.Context, name string, fsys fs.FS, progress func(Progress)) error {
	b.indexing.Lock()
	defer b.indexing.Unlock()
	if name = path.Clean(name); name == "." { // sources are named by path.Join, which cleans too
		name = ""
	}
	files, gone, err := b.compare(ctx, name, fsys)
	if err != nil {
		return fmt.Errorf("knowledge: sync %s: %w", name, err)
	}
	t := &teller{tell: progress, total: len(files) + len(gone)}
	changed := len(gone) > 0
	tell := t.tell
	t.tell = func(p Progress) {
		changed = changed || p.Outcome == Added || p.Outcome == Replaced
		if tell != nil {
			tell(p)
		}
	}
	for _, file := range files {
		if err := b.syncFile(ctx, fsys, file, path.Join(name, file), t); err != nil {
			return fmt.Errorf("knowledge: sync %s: %w", path.Join(name, file), err)
		}
	}
	if len(gone) > 0 {
		if _, err := b.remove(ctx, gone); err != nil {
			return fmt.Errorf("knowledge: sync: remove: %w", err)
		}
	}
	for _, source := range gone {
		t.add(Progress{Source: source, Outcome: Removed})
	}
	if changed {
		// Many small pieces of the index become one, which is searched faster.
		if _, err := b.write.ExecContext(ctx, "INSERT INTO word_index (word_index) VALUES ('optimize')"); err != nil {
			return fmt.Errorf("knowledge: sync: optimize: %w", err)
		}
	}
	return t.result()
}

// compare lists the files of a file system, and the sources below a name for
// which there is no file.
func (b *Base) compare(ctx context.Context, name string, fsys fs.FS) (files, gone []string, err error) {
	there := map[string]bool{}
	err = fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case file != "." && strings.HasPrefix(path.Base(file), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			files = append(files, file)
			there[path.Join(name, file)] = true
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	known, err := b.Sources(ctx)
	for _, s := range known {
		below := name == "" || strings.HasPrefix(s.Source, strings.TrimSuffix(name, "/")+"/")
		if below && !there[s.Source] {
			gone = append(gone, s.Source)
		}
	}
	slices.Sort(files)
	return files, gone, err
}

func (b *Base) syncFile(ctx context.Context, fsys fs.FS, file, source string, t *teller) error {
	if _, ok := FormatOf(file); !ok {
		t.add(Progress{Source: source, Outcome: Skipped})
		return ctx.Err()
	}
	data, err := readFile(fsys, file, b.options.MaxBytes)
	if err != nil {
		t.add(Progress{Source: source, Err: err})
		return ctx.Err()
	}
	return b.put(ctx, Document{Source: source, Data: data}, t)
}

// readFile reads no more than one byte over the limit, by which put knows that
// it is too long.
func readFile(fsys fs.FS, name string, most int64) (data []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, most+1))
}
