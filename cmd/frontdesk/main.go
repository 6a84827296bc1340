// Command frontdesk compiles, checks, tries and tests instructions of AI
// agents. Run "frontdesk help" for what it does; docs/cli.md shows it at work.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// The exit codes. A fault of the prompt is told apart from a fault of the
// call, so that CI can tell "fix the prompt" from "fix the job".
const (
	exitOK    = 0
	exitFound = 1 // errors were found, scenarios failed
	exitUsage = 2 // could not run
)

// command is a subcommand.
type command struct {
	name    string
	summary string
	// usage follows the name in the first line of the help.
	usage string
	// help is what the help says besides the flags.
	help string
	// run gets what follows the name.
	run func(env *env, args []string) int
}

// commands are those that "help" lists, in this order.
func commands() []command {
	return []command{compileCommand(), lintCommand(), chatCommand(), testCommand(), optimizeCommand(), proposeCommand()}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// env is the world around a command.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	stdinUsed      bool
	colour         bool // of stdout
	terminal       bool // stderr is one
	clock          frontdesk.Clock
}

func (e *env) now() time.Time { return e.clock.Now() }

// run performs a command line, without the program's name, and returns the
// exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{
		stdin: stdin, stdout: stdout, stderr: stderr, clock: frontdesk.SystemClock{},
		colour: isTerminal(stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", terminal: isTerminal(stderr),
	}
	if len(args) == 0 {
		fmt.Fprint(stderr, overview())
		return exitUsage
	}
	switch name := args[0]; name {
	case "help", "-h", "-help", "--help":
		return e.help(args[1:])
	case "version", "-version", "--version":
		fmt.Fprintln(e.stdout, version())
		return exitOK
	default:
		for _, c := range commands() {
			if c.name == name {
				return c.run(e, args[1:])
			}
		}
		return e.usageError("", fmt.Errorf("there is no command %q: run \"frontdesk help\" for those there are", name))
	}
}

// version is the module's, as the build recorded it, and the grammar that
// playbooks are compiled with.
func version() string {
	v := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return fmt.Sprintf("frontdesk %s, grammar %d, %s", v, instructions.GrammarVersion, runtime.Version())
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

func overview() string {
	var b strings.Builder
	b.WriteString("frontdesk works on the instructions of AI agents in customer messaging.\n\nUsage:\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  frontdesk %-8s  %s\n", c.name, c.summary)
	}
	fmt.Fprintf(&b, "  frontdesk %-8s  %s\n", "version", "print the version")
	b.WriteString("\nRun \"frontdesk help COMMAND\" for its flags.\n\n" + exitCodes)
	return b.String()
}

const exitCodes = `Exit codes: 0 all is well; 1 errors were found; 2 the command could not run.
`

func (e *env) help(args []string) int {
	if len(args) == 0 {
		fmt.Fprint(e.stdout, overview())
		return exitOK
	}
	if args[0] == "version" {
		fmt.Fprintln(e.stdout, "Usage: frontdesk version\n\nPrints the version of the module, of the grammar and of Go.")
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			// A command prints its own help: its flags are made in its run.
			return c.run(e, []string{"-h"})
		}
	}
	return e.usageError("", fmt.Errorf("there is no command %q: run \"frontdesk help\" for those there are", args[0]))
}

// usageError says why a command could not run.
func (e *env) usageError(command string, err error) int {
	name := "frontdesk"
	if command != "" {
		name += " " + command
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(e.stderr, "%s: %s\n", name, line)
	}
	return exitUsage
}

// flags makes the flag set of a command.
func (e *env) flags(c command) *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs
}

// parse reads flags wherever they stand among the arguments. ok is false when
// the command ends here with the code: help was asked for, or a flag is wrong.
func (e *env) parse(c command, fs *flag.FlagSet, args []string) (rest []string, code int, ok bool) {
	for {
		err := fs.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			e.printHelp(c, fs)
			return nil, exitOK, false
		case err != nil:
			return nil, e.usageError(c.name, fmt.Errorf("%w: run \"frontdesk help %s\" for its flags", err, c.name)), false
		case fs.NArg() == 0:
			return rest, exitOK, true
		}
		if used := len(args) - fs.NArg(); used > 0 && args[used-1] == "--" {
			return append(rest, fs.Args()...), exitOK, true
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// printHelp writes the help of a command with its flags.
func (e *env) printHelp(c command, fs *flag.FlagSet) {
	fmt.Fprintf(e.stdout, "Usage: frontdesk %s %s\n\n%s\nFlags:\n\n", c.name, c.usage, c.help)
	fs.SetOutput(e.stdout)
	fs.PrintDefaults()
	fs.SetOutput(io.Discard)
}
