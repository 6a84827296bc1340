// Package langchain makes an agent.LLM of any langchaingo llms.Model, and an
// agent.Knowledge of any of its retrievers.
//
//	model, err := openai.New(openai.WithHTTPClient(langchain.HTTPClient()))
//	…
//	llm := langchain.New(model)
//
// The providers of langchaingo differ in what they accept and in what they
// give back. The adapter takes llms.Model as it is and evens the differences
// out: it renders the history in the one form that all of them carry whole,
// gives them schemas that all of them understand, merges the choices of an
// answer, and classifies errors by what a turn does about them. It makes one
// attempt and never streams; retrying is the turn's.
//
// [HTTPClient] is optional. A provider that was given it lets the adapter see
// the status and the Retry-After header of a failure, which langchaingo's own
// errors do not carry; without it both are read from the error's text.
//
// [Knowledge] makes an agent.Knowledge of any schema.Retriever in the same way.
//
// Which provider is good for what is in docs/llm-providers.md.
package langchain
