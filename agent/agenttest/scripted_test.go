package agenttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-a71cb1d8/frontdesk/agent"
)

func ask(text string) *agent.Request {
	return &agent.Request{Messages: []agent.ChatMessage{{Role: agent.RoleUser, Text: text}}}
}

func TestScriptPlaysStepsInOrder(t *testing.T) {
	boom := errors.New("boom")
	llm := Script(t,
		CallTool("assign", map[string]string{"to": "Sales Team"}).ExpectLast("hello"),
		Say("Done."),
		Fail(boom),
		Calls(Call("a", nil), Call("b", `{"x":`)),
		Raw(agent.Response{Text: "cut", Stop: agent.StopLength}),
	)
	ctx := context.Background()

	r, err := llm.Generate(ctx, ask("well, hello"))
	require.NoError(t, err)
	require.Len(t, r.Calls, 1)
	assert.Equal(t, agent.StopCalls, r.Stop)
	assert.Equal(t, "call_1", r.Calls[0].ID)
	assert.JSONEq(t, `{"to":"Sales Team"}`, string(r.Calls[0].Arguments))

	r, err = llm.Generate(ctx, ask("x"))
	require.NoError(t, err)
	assert.Equal(t, "Done.", r.Text)

	_, err = llm.Generate(ctx, ask("x"))
	assert.Same(t, boom, err)

	r, err = llm.Generate(ctx, ask("x"))
	require.NoError(t, err)
	assert.Equal(t, []string{"call_2", "call_3"}, []string{r.Calls[0].ID, r.Calls[1].ID})
	assert.Empty(t, r.Calls[0].Arguments)
	assert.Equal(t, `{"x":`, string(r.Calls[1].Arguments))

	r, err = llm.Generate(ctx, ask("x"))
	require.NoError(t, err)
	assert.Equal(t, agent.StopLength, r.Stop)
	assert.NoError(t, llm.Done())
	assert.Equal(t, 5, llm.Count())
}

func TestScriptReportsMissingAndUnusedSteps(t *testing.T) {
	tb := &collector{}
	llm := Script(tb, Say("one"))
	_, err := llm.Generate(context.Background(), ask("a"))
	require.NoError(t, err)
	_, err = llm.Generate(context.Background(), ask("where is it"))
	var le *agent.LLMError
	require.ErrorAs(t, err, &le)
	assert.Equal(t, agent.LLMInvalid, le.Kind, "a turn must not retry a script that is too short")
	tb.finish()
	require.Len(t, tb.faults, 1)
	assert.ErrorContains(t, tb.faults[0], "where is it")

	tb = &collector{}
	Script(tb, Say("one"), Say("two").Times(3), Say("ever").Times(-1))
	tb.finish()
	require.Len(t, tb.faults, 1)
	assert.ErrorContains(t, tb.faults[0], "2 steps are unused")
	assert.ErrorContains(t, tb.faults[0], `Say("one"), Say("two")`)
}

func TestScriptWithoutATest(t *testing.T) {
	llm := Script(nil, Say("one").ExpectLast("price").ExpectSystem("be kind").ExpectTools("close"), Say("two"))
	_, err := llm.Generate(context.Background(), ask("hi"))
	assert.ErrorContains(t, err, `does not contain "price"`)
	assert.ErrorContains(t, err, `does not contain "be kind"`)
	assert.ErrorContains(t, err, `expected ["close"]`)
	assert.ErrorContains(t, llm.Done(), "1 steps are unused")
	_, err = llm.Generate(context.Background(), ask("hi"))
	require.NoError(t, err)
	_, err = llm.Generate(context.Background(), ask("hi"))
	assert.ErrorContains(t, err, "request 3 has no step")
	assert.NotContains(t, llm.Done().Error(), "unused")
}

func TestScriptExpectations(t *testing.T) {
	tb := &collector{}
	llm := Script(tb, Say("one").Expect(func(t TB, req *agent.Request) {
		assert.Len(t, req.Messages, 2)
	}).ExpectLast("nobody"))
	r, err := llm.Generate(context.Background(), ask("hi"))
	require.NoError(t, err, "with a test, the turn goes on")
	assert.Equal(t, "one", r.Text)
	require.Len(t, tb.faults, 1)
	assert.ErrorContains(t, tb.faults[0], "should have 2 item(s)")
	assert.ErrorContains(t, tb.faults[0], "nobody")

	none := Say("x").ExpectLast("x")
	llm = Script(nil, none)
	_, err = llm.Generate(context.Background(), &agent.Request{})
	assert.ErrorContains(t, err, "has no messages")
}

func TestScriptGrows(t *testing.T) {
	llm := Script(nil)
	_, err := llm.Generate(context.Background(), &agent.Request{})
	assert.ErrorContains(t, err, "(no messages)")
	llm.Add(Say("later"), Fail(nil))
	require.NoError(t, llm.play("x"))
	assert.ErrorContains(t, llm.play("x"), "give the error that the LLM is to return")
}

func TestStepOptionsDoNotShare(t *testing.T) {
	base := Say("x").ExpectLast("a")
	one, two := base.ExpectLast("b"), base.ExpectLast("c")
	assert.Len(t, base.expects, 1)
	require.NoError(t, Script(nil, two).play("a c"))
	require.NoError(t, Script(nil, one).play("a b"))
	require.Error(t, Script(nil, one).play("a c"))
}

func (l *ScriptedLLM) play(text string) error {
	_, err := l.Generate(context.Background(), ask(text))
	return err
}

func TestScriptChecksTheContextFirst(t *testing.T) {
	llm := Script(t, Say("x"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := llm.Generate(ctx, ask("hi"))
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoError(t, llm.play("hi"), "a cancelled request uses no step up")
}

func TestScriptRecordsOnRequest(t *testing.T) {
	llm := Script(t, Say("x").Times(2))
	require.NoError(t, llm.play("a"))
	assert.Empty(t, llm.Requests())
	llm.Record()
	req := ask("b")
	req.Tools = []agent.Tool{{Name: "t", Schema: []byte(`{}`)}}
	req.Messages = append(req.Messages, agent.ChatMessage{Role: agent.RoleAssistant, Calls: []agent.ToolCall{{ID: "1", Arguments: []byte(`{"a":1}`)}}})
	_, err := llm.Generate(context.Background(), req)
	require.NoError(t, err)
	req.Messages[0].Text = "changed"
	req.Messages[1].Calls[0].Arguments[0] = 'X'
	req.Tools[0].Schema[0] = 'X'
	got := llm.Requests()
	require.Len(t, got, 1)
	assert.Equal(t, "b", got[0].Messages[0].Text)
	assert.Equal(t, `{"a":1}`, string(got[0].Messages[1].Calls[0].Arguments))
	assert.Equal(t, `{}`, string(got[0].Tools[0].Schema))
}

func TestScriptAnswerBelongsToTheCaller(t *testing.T) {
	llm := Script(t, CallTool("a", nil).Times(2))
	one, err := llm.Generate(context.Background(), ask("x"))
	require.NoError(t, err)
	one.Calls[0].Name = "changed"
	two, err := llm.Generate(context.Background(), ask("x"))
	require.NoError(t, err)
	assert.Equal(t, "a", two.Calls[0].Name)
}

func TestScriptFromSeveralGoroutines(t *testing.T) {
	llm := Script(t, CallTool("a", nil).Times(50))
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for range 5 {
		wg.Go(func() {
			for range 10 {
				r, err := llm.Generate(context.Background(), ask("x"))
				if assert.NoError(t, err) {
					mu.Lock()
					ids[r.Calls[0].ID] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	assert.Len(t, ids, 50)
}

func TestCallArguments(t *testing.T) {
	for _, tt := range []struct {
		args any
		want string
	}{
		{nil, ""},
		{`{"a":1}`, `{"a":1}`},
		{[]byte("nonsense"), "nonsense"},
		{struct{ A int }{1}, `{"A":1}`},
	} {
		assert.Equal(t, tt.want, string(Call("n", tt.args).Arguments))
	}
	assert.Contains(t, string(Call("n", make(chan int)).Arguments), "cannot marshal")
	assert.Equal(t, `"`+strings.Repeat("é", 30)+`"…`, excerpt(strings.Repeat("é", 40)))
}

func BenchmarkScriptedLLM(b *testing.B) {
	llm := Script(nil, Say("x").Times(-1))
	req := ask("hello")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := llm.Generate(context.Background(), req); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleScript() {
	llm := Script(nil,
		CallTool("assign", `{"to":"Sales Team"}`).ExpectLast("price"),
		Say("Our sales team will write to you."),
	)
	for _, text := range []string{"What is the price?", "Assigned."} {
		r, err := llm.Generate(context.Background(), ask(text))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, %d calls, %q\n", r.Stop, len(r.Calls), r.Text)
	}
	fmt.Println(llm.Done())
	// Output:
	// calls, 1 calls, ""
	// end, 0 calls, "Our sales team will write to you."
	// <nil>
}
