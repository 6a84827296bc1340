package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/seed-a71cb1d8/frontdesk/actions"
	"github.com/seed-a71cb1d8/frontdesk/agent"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
	"github.com/seed-a71cb1d8/frontdesk/agent/knowledge"
	"github.com/seed-a71cb1d8/frontdesk/agent/langchain"
	"github.com/seed-a71cb1d8/frontdesk/agent/offline"
	"github.com/seed-a71cb1d8/frontdesk/agent/sqlitestore"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/scenario"
	"github.com/seed-a71cb1d8/frontdesk/cmd/frontdesk/internal/session"
)

func chatCommand() command {
	c := command{
		name:    "chat",
		summary: "talk to an agent on the console",
		usage:   "-llm openai|ollama|anthropic|offline|scripted [-workspace FILE] [-agent NAME] [PROMPT]",
		help: `Reads what the contact writes, a line at a time, and prints what the agent
answers. Nothing is sent anywhere but to the model. Everything is kept in memory,
or with -db in a file: the next chat with it goes on with the same conversation,
and what fell due meanwhile is done when it begins.

With -knowledge the agent answers from documents: text, Markdown, CSV, HTML and
PDF. /turn lists what was found for an answer.

The provider's usual variables are read: OPENAI_API_KEY, ANTHROPIC_API_KEY,
OLLAMA_HOST. -llm offline needs no model: it follows the prompt by rules, as far
as the compiler understood it. With -llm scripted the answers come from the -script file, a line
each: say TEXT, call NAME {JSON}, fail KIND.

Without -workspace, the names in the prompt are taken for teams, stages and
fields. Lines that begin with a slash are for the program:

  /advance 2m      let time pass: follow-ups come as they fall due
  /turn            show the record of the last turn, /turn json all of it
  /state           show who has the conversation, and what is known
  /assign TARGET   assign as a human would; /close, /reopen likewise
  /help            list these
  /quit            end, as the end of input does
`,
	}
	c.run = func(e *env, args []string) int { return e.chat(c, args) }
	return c
}

const chatHelp = "/advance DURATION  /turn [json]  /state  /assign TARGET  /close [NOTE]  /reopen  /help  /quit\n"

// chat is a chat under way.
type chat struct {
	e       *env
	session *session.Session
	script  *session.Script // nil: a real model
	last    *agent.Turn
}

func (e *env) chat(c command, args []string) int {
	fs := e.flags(c)
	var m modelFlags
	m.register(fs)
	fs.Lookup("llm").Usage = "`provider` of the model: openai, ollama, anthropic, offline or scripted"
	script := fs.String("script", "", "`file` with the answers of -llm scripted")
	delay := fs.Duration("default-delay", 0, "`time` of follow-ups for which the prompt gives none; 0: they do not run")
	db := fs.String("db", "", "`file` that keeps the chat, to go on with it; empty: memory")
	documents := fs.String("knowledge", "", "`directory` or file with documents that the agent answers from")
	proposals := fs.String("proposals", "", "`file` with accepted proposals for the prompt, from frontdesk propose")
	var w workspaceFlags
	w.register(fs)
	paths, code, ok := e.parse(c, fs, args)
	if !ok {
		return code
	}
	ch, cfg := &chat{e: e}, session.Config{Agent: w.agent, DefaultDelay: *delay}
	var err error
	if err = ch.configure(&cfg, w, paths, *script); err != nil {
		return e.usageError(c.name, err)
	}
	if cfg.Proposals, err = e.readProposals(*proposals); err != nil {
		return e.usageError(c.name, err)
	}
	if ch.script != nil != (m.provider == "scripted") {
		return e.usageError(c.name, errors.New("-script and -llm scripted go together: give both, or neither"))
	}
	cfg.Clock = session.NewRunningClock(e.clock)
	switch {
	case m.provider == "offline":
		cfg.NewLLM = func(pb *instructions.Playbook) agent.LLM { return offline.New(pb) }
	case ch.script == nil:
		llm, err := newLLM(m.provider, m.name, m.baseURL)
		if err != nil {
			return e.usageError(c.name, err)
		}
		cfg.LLM = llm
	default:
		cfg.LLM, cfg.Clock = ch.script, session.NewClock() // a script is played the same way each time
	}
	cfg.OnTurn, cfg.OnMessage = ch.turn, ch.message
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := ch.open(ctx, cfg, *db, *documents); err != nil {
		return e.usageError(c.name, err)
	}
	return exitOK
}

// open runs the chat with its store and its documents.
func (ch *chat) open(ctx context.Context, cfg session.Config, db, documents string) (err error) {
	if documents != "" {
		base, err := ch.e.knowledge(ctx, documents)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, base.Close()) }()
		cfg.Knowledge = base
	}
	if db != "" {
		store, err := sqlitestore.Open(db, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		cfg.Store = store
	}
	if ch.session, err = session.New(cfg); err != nil {
		return err
	}
	if err := ch.resume(ctx); err != nil {
		return err
	}
	return ch.run(ctx)
}

// shownBefore is how many messages of an earlier chat are shown.
const shownBefore = 10

// resume shows the end of an earlier chat, and does what fell due since.
func (ch *chat) resume(ctx context.Context) error {
	before, err := ch.session.Resume(ctx)
	if err != nil || len(before) == 0 {
		return err
	}
	fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("2", fmt.Sprintf("(%d messages so far)", len(before))))
	for _, m := range before[max(0, len(before)-shownBefore):] {
		who := m.Author.Name
		if who == "" {
			who = string(m.Author.Kind)
		}
		fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("2", "  "+who+": "+m.Text))
	}
	return errors.Join(ch.session.Advance(ctx, 0), ch.unsent(ctx))
}

// knowledge indexes a directory, or one file, in memory. Documents that are not
// understood are told of and left out.
func (e *env) knowledge(ctx context.Context, path string) (*knowledge.Base, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	base, err := knowledge.Open(knowledge.Memory, nil)
	if err != nil {
		return nil, err
	}
	documents, passages := 0, 0
	told := func(p knowledge.Progress) {
		if p.Outcome == knowledge.Added {
			documents, passages = documents+1, passages+p.Passages
		}
	}
	if info.IsDir() {
		err = base.Sync(ctx, "", os.DirFS(path), told)
	} else {
		var data []byte
		if data, err = os.ReadFile(path); err == nil {
			err = base.Put(ctx, []knowledge.Document{{Source: filepath.Base(path), Data: data}}, told)
		}
	}
	if documents == 0 {
		if err == nil {
			err = fmt.Errorf("there is no document in %s: give text, Markdown, CSV, HTML or PDF", path)
		}
		return nil, errors.Join(err, base.Close())
	}
	if err != nil {
		fmt.Fprintln(e.stderr, err) // the others are there
	}
	fmt.Fprintf(e.stderr, "knowledge: %s, %s\n", plural(documents, "document"), plural(passages, "passage"))
	return base, nil
}

// configure reads the files.
func (ch *chat) configure(cfg *session.Config, w workspaceFlags, paths []string, script string) (err error) {
	if len(paths) > 1 {
		return errors.New("a chat has one prompt: name one file")
	}
	if cfg.File, err = ch.e.readWorkspace(w.workspace); err != nil {
		return err
	}
	if len(paths) == 1 && paths[0] == "-" {
		return errors.New("standard input is for the chat: give the prompt as a file")
	}
	if len(paths) == 0 && cfg.File == nil {
		return errors.New("no prompt is named: give its file")
	}
	for _, path := range paths {
		s, err := ch.e.readSource(path)
		if err != nil {
			return err
		}
		cfg.Prompt = s.text
	}
	if script == "" {
		return nil
	}
	text, err := ch.e.read(script)
	if err != nil {
		return err
	}
	ch.script = &session.Script{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		step, err := session.ParseStep(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", script, i+1, err)
		}
		ch.script.Add(step)
	}
	return nil
}

// newLLM makes the model of a provider. Keys come from the environment, as
// the providers' own tools take them.
func newLLM(provider, name, baseURL string) (agent.LLM, error) {
	var model llms.Model
	var err error
	client := langchain.HTTPClient()
	switch provider {
	case "openai":
		opts := []openai.Option{openai.WithHTTPClient(client)}
		if name != "" {
			opts = append(opts, openai.WithModel(name))
		}
		if baseURL != "" {
			opts = append(opts, openai.WithBaseURL(baseURL))
		}
		model, err = openai.New(opts...)
	case "anthropic":
		opts := []anthropic.Option{anthropic.WithHTTPClient(client)}
		if name != "" {
			opts = append(opts, anthropic.WithModel(name))
		}
		if baseURL != "" {
			opts = append(opts, anthropic.WithBaseURL(baseURL))
		}
		model, err = anthropic.New(opts...)
	case "ollama":
		// By the protocol of OpenAI, which Ollama speaks: langchaingo's own
		// package for it drops the tools.
		if name == "" {
			return nil, errors.New("ollama has no usual model: name one with -model")
		}
		model, err = openai.New(openai.WithHTTPClient(client), openai.WithModel(name), openai.WithToken("ollama"),
			openai.WithBaseURL(ollamaURL(baseURL, os.Getenv("OLLAMA_HOST"))))
	case "":
		return nil, errors.New("no model is named: add -llm openai, ollama, anthropic, offline or scripted")
	default:
		return nil, fmt.Errorf("there is no provider %q: use openai, ollama, anthropic, offline or scripted", provider)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return langchain.New(model), nil
}

// ollamaURL is where Ollama answers: at the given URL, or at OLLAMA_HOST,
// which may be a bare host and port, or where it does by default.
func ollamaURL(baseURL, host string) string {
	switch {
	case baseURL != "":
		return baseURL
	case host == "":
		host = "http://localhost:11434"
	case !strings.Contains(host, "://"):
		host = "http://" + host
	}
	return strings.TrimSuffix(host, "/") + "/v1"
}

func (ch *chat) turn(t agent.Turn) {
	ch.last = &t
	switch {
	case t.Exit == agent.ExitNotOurs:
		fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("33", fmt.Sprintf("(no agent answers: %s; /state tells who has the conversation, /assign gives it back)", t.Failure)))
	case t.Failure != "":
		fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("33", fmt.Sprintf("(%s: %s)", t.Exit, t.Failure)))
	}
	for _, c := range t.Calls {
		if c.Outcome != agent.CallDone {
			fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("33", fmt.Sprintf("(%s was %s: %s)", c.Name, c.Outcome, c.Detail)))
		}
	}
	for _, c := range t.Changes {
		fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("2", fmt.Sprintf("(%s: %s)", c.What, emptyIsNone(c.New))))
	}
}

func emptyIsNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (ch *chat) message(m agent.Outbound) {
	who := m.Author.Name
	if who == "" {
		who = string(m.Author.Kind)
	}
	fmt.Fprintf(ch.e.stdout, "%s: %s\n", ch.e.paint("1", who), m.Text)
}

// unsent says what should have reached the contact and did not.
func (ch *chat) unsent(ctx context.Context) error {
	list, err := ch.session.Unsent(ctx)
	for _, m := range list {
		fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("33", fmt.Sprintf("(not sent: %s: %s)", m.Reason, m.Text)))
	}
	return err
}

// run reads lines until the input or the patience ends. What falls due while
// nobody writes comes as soon as it is due, not with the next line.
func (ch *chat) run(ctx context.Context) error {
	if ch.e.terminal {
		fmt.Fprint(ch.e.stderr, "Write as the contact would. ", chatHelp)
	}
	lines, failed := make(chan string), make(chan error, 1)
	go func() { // a read from a terminal cannot be cancelled
		defer close(lines)
		in := bufio.NewReader(ch.e.stdin)
		for {
			line, err := in.ReadString('\n')
			if line != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					failed <- err
				}
				return
			}
		}
	}()
	for {
		timer := ch.timer(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-timer:
			if err := errors.Join(ch.session.Advance(ctx, 0), ch.unsent(ctx)); err != nil {
				return err
			}
		case line, ok := <-lines:
			if !ok {
				select {
				case err := <-failed:
					return err
				default:
					return nil
				}
			}
			quit, err := ch.line(ctx, strings.TrimSpace(line))
			if quit || ctx.Err() != nil {
				return nil
			}
			if err != nil {
				fmt.Fprintf(ch.e.stdout, "(%s)\n", err)
			}
			if err := ch.unsent(ctx); err != nil {
				return err
			}
		}
	}
}

// timer tells when something falls due by itself; nil, which blocks for ever,
// when nothing does.
func (ch *chat) timer(ctx context.Context) <-chan time.Time {
	next, ok, err := ch.session.Next(ctx)
	if err != nil || !ok || ch.script != nil {
		return nil
	}
	return time.After(max(next.Sub(ch.session.Clock.Now()), 50*time.Millisecond))
}

// line does what a line says.
func (ch *chat) line(ctx context.Context, line string) (quit bool, err error) {
	if line == "" {
		return false, nil
	}
	if !strings.HasPrefix(line, "/") {
		return false, ch.session.Say(ctx, line)
	}
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "/quit", "/exit":
		return true, nil
	case "/help":
		fmt.Fprint(ch.e.stdout, chatHelp)
		return false, nil
	case "/advance":
		d, err := scenario.ParseDuration(rest)
		if err != nil {
			return false, err
		}
		return false, ch.session.Advance(ctx, d)
	case "/turn":
		return false, ch.showTurn(rest)
	case "/state":
		return false, scenario.WriteState(ctx, ch.e.stdout, ch.session)
	case "/assign":
		return false, ch.operate(ctx, func(m *agent.Mux, id string) error { return m.Assign(ctx, id, ch.session.Target(rest), "") })
	case "/close":
		return false, ch.operate(ctx, func(m *agent.Mux, id string) error {
			return m.Close(ctx, id, actions.Closing{Note: rest}, "")
		})
	case "/reopen":
		return false, ch.operate(ctx, func(m *agent.Mux, id string) error { return m.Reopen(ctx, id, "") })
	}
	return false, fmt.Errorf("there is no command %s: /help lists those there are", verb)
}

// operate does what a person does, and says how things stand then.
func (ch *chat) operate(ctx context.Context, do func(m *agent.Mux, conversation string) error) error {
	if err := ch.session.Operate(ctx, do); err != nil {
		return err
	}
	var state strings.Builder
	if err := scenario.WriteState(ctx, &state, ch.session); err != nil {
		return err
	}
	conversation, _, _ := strings.Cut(strings.TrimSpace(state.String()), "\n")
	fmt.Fprintf(ch.e.stdout, "%s\n", ch.e.paint("2", "("+conversation+")"))
	return nil
}

func (ch *chat) showTurn(form string) error {
	switch {
	case ch.last == nil:
		return errors.New("there was no turn yet")
	case form == "json":
		enc := json.NewEncoder(ch.e.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(ch.last)
	}
	_, err := fmt.Fprint(ch.e.stdout, scenario.FormatTurn(*ch.last, ""))
	return err
}
