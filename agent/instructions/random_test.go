package instructions_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

// pieces are what prompts are made of. In an order that nobody writes they get
// to places that a fuzzer of bytes does not find.
var pieces = strings.Split("update contact field~the~field~\"~'~“~”~«~»~> ~\n~\n> ~\n1. ~\n- ~# FLOW\n~# Follow-up\n~close the conversation~assign to~@Sales Team~@Salez~"+
	"$contact.email~update the lifecycle stage to~Hot Lead~Hot Led~with the closing note~Done~if~if not~,~.~:~;~→~no reply~doesn't reply~for~after~another~2~hours~minutes~0~99999999999~"+
	"days~½~T+~and~or~send~say~like~follow up~twice~3 times~then~finally~silently~not~never~do not~budget~≥~100.000~email~ends with~@x.com~name~minta nama~save~jika tidak ada balasan~"+
	"selama~jam~lagi~tutup percakapan~schließe~die Konversation~“a~\"b\"~{{~}}~(~)~**~a week~every~wait~give them~still~Can:~Cannot:~中~关闭对话~é~\u00a0", "~")

// Any order of what prompts are made of compiles without a panic, to positions
// inside the text, and to the same playbook when it is compiled again. S2.5.
func TestRandomPieces(t *testing.T) {
	opts := instructions.Options{Workspace: shop(), Actions: allActions()}
	rng := rand.New(rand.NewPCG(7, 11))
	for range 1500 {
		var b strings.Builder
		for range 3 + rng.IntN(40) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
			if rng.IntN(4) > 0 {
				b.WriteByte(' ')
			}
		}
		p, ds := instructions.Compile(b.String(), opts)
		checkPositions(t, p, ds)
		first, err := json.Marshal(p)
		require.NoError(t, err)
		again, _ := instructions.Compile(p.Text, opts)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(first), string(second), b.String())
		for _, l := range p.Ladders {
			for _, s := range l.Steps {
				require.GreaterOrEqual(t, int64(s.Delay), int64(0), b.String())
			}
		}
	}
}
