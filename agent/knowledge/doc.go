// Package knowledge is an [agent.Knowledge] of documents: it keeps them in an
// SQLite file and searches them by their words (S12.2).
//
//	base, err := knowledge.Open("knowledge.db", nil)
//	…
//	err = base.Sync(ctx, "", os.DirFS("docs"), nil)
//	…
//	agent.Config{Knowledge: base}
//
// Documents are plain text, Markdown, CSV, HTML and PDF. Each is cut into
// passages: at headings, rows or pages, and where these are too long at a
// paragraph or a sentence, never inside a character. A passage's source names
// its document and the part of it, as in "returns.md: Shoes > Sizes".
//
// # How it searches
//
// Words are compared without regard to case and accents, and with their
// endings: "deliveries" finds "delivery", "harganya" finds "harga". What stands
// before a word makes another one: "pengiriman" does not find "kirim". Where
// words are not divided by spaces (Chinese, Japanese, Korean, Thai, Lao,
// Khmer, Burmese) every two neighbouring characters count as one. Passages
// that hold rare words of the question come first; words that are everywhere
// count next to nothing, and stop words of English and Indonesian nothing at
// all unless the question has no others. The order of words and their meaning
// are not looked at, nor are words of another language: a retriever over a
// vector store does that, by package langchain.
//
// # Hostile input
//
// A question is never read as a query of the search engine: it is taken apart
// into words first. Documents are trusted more, since somebody chose to index
// them, but what they can cost is bounded: their size, the size of what is
// unpacked, their pages and parts, and the time, by the context.
package knowledge
