// Package switches lets the simulator switch off one guard of the engine at a
// time, to prove that it would see what the guard prevents. Nothing outside of
// the module can reach it, and nothing in it but tests and the simulator's
// table of controls sets a switch: a guard that is on costs one comparison.
package switches

// Guard is a guard of the engine.
type Guard int

// The guards. Each says what is done without it.
const (
	// Keys: an effect's key is the LLM's call ID alone (protocol rule 6).
	Keys Guard = iota
	// Targets: whatever the workspace has may be assigned (rule 7).
	Targets
	// LadderWaits: a step's delay counts from when the one before fired (rule 8).
	LadderWaits
	// Epochs: a turn goes on though the conversation changed hands (rule 4).
	Epochs
	// SendWindow: a send starts however long ago it was claimed (rule 5).
	SendWindow
	// Supersede: a reply goes out though the contact wrote meanwhile (S7.3).
	Supersede
	// Handoffs: agents hand over to each other without end (S9.3).
	Handoffs
	// Limits: a turn calls as often as the LLM likes (S6.10).
	Limits
	// Unsendable: calls written as text and the prompt itself are sent (I22).
	Unsendable
	// Clean: texts are stored and sent as they come (I25).
	Clean
	// Fill: variables in an answer are sent raw (I22).
	Fill
	// Split: texts are sent however long they are (S10.4).
	Split
	// Schemas: arguments are not checked (I14).
	Schemas
	// Names: stages, notes and tags need not exist (I19).
	Names
	// Approvals: actions that need approval run without it (S6.9).
	Approvals
	// ResolveOnce: a call may be resolved again (S6.9).
	ResolveOnce
	// AtMostOnce: a call that was started runs again after a crash (S6.8).
	AtMostOnce
	// OneVersion: a turn goes on under changed instructions (I29).
	OneVersion
	// EndLadder: a message of the contact does not end the ladder (S8.4).
	EndLadder
	// Dispose: messages that no agent may answer any more get no disposition
	// (I1).
	Dispose
	// OptOut: agents write to contacts who opted out (S8.13).
	OptOut
	// EchoHold: an echo that nothing matches is a human's at once (S10.3).
	EchoHold
	// EchoText: an echo is ours only if its IDs say so (S10.3).
	EchoText
	// Forward: a status may go backwards (S10.1).
	Forward
	// Fallback: a turn that cannot end leaves the conversation as it is (S7.6).
	Fallback
	// Hint: an answer that was refused is not told to the LLM after a crash.
	Hint
	// HandBack: a message that waits is forgotten when a human hands back (I1).
	HandBack
	// Doubt: a send that is refused after one of unknown outcome counts as
	// failed (S10.1).
	Doubt
	// Owns: an outside action is run whoever has the conversation by then (S1.2).
	Owns
	// Window: an agent writes after the channel's reply window (S10.4).
	Window
	guards
)

var names = [guards]string{
	"Keys", "Targets", "LadderWaits", "Epochs", "SendWindow", "Supersede", "Handoffs", "Limits", "Unsendable", "Clean", "Fill", "Split",
	"Schemas", "Names", "Approvals", "ResolveOnce", "AtMostOnce", "OneVersion", "EndLadder", "Dispose", "OptOut", "EchoHold", "EchoText",
	"Forward", "Fallback", "Hint", "HandBack", "Doubt", "Owns", "Window",
}

func (g Guard) String() string { return names[g] }

// All are the guards, in order.
func All() []Guard {
	out := make([]Guard, guards)
	for i := range out {
		out[i] = Guard(i)
	}
	return out
}

var off [guards]bool

// Off reports whether a guard is off.
func Off(g Guard) bool { return off[g] }

// With runs f with guards off. Nothing else that uses the engine may run at the
// same time.
func With(f func(), gs ...Guard) {
	for _, g := range gs {
		off[g] = true
	}
	defer func() {
		for _, g := range gs {
			off[g] = false
		}
	}()
	f()
}
