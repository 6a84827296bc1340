package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// maxKey is how many bytes an ID, an address or a key may have when it comes to
// a store, which finds by it: two have to fit a row of an index, and one of
// PostgreSQL takes about 2,700 bytes. A longer one would make the commit fail
// each time the channel delivers the message again.
const maxKey = 1024

// shortKey is a text that stores can find by: the text itself, or of one with
// more than maxKey bytes the beginning and a hash of the whole. It is always
// the same for the same text.
func shortKey(s string) string {
	if len(s) <= maxKey {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return clipBytes(s, maxKey/2) + "#sha256:" + hex.EncodeToString(sum[:])
}

// cleanKey is shortKey of a text that came from outside.
func cleanKey(s string) string { return shortKey(cleanText(s, len(s))) }

// tooLong is ErrMalformed for an address that has more than maxKey bytes: nothing
// can stand for it, as messages go to it.
func tooLong(name, text string) error {
	if len(text) <= maxKey {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes, and may have %d: fix the channel's code", ErrMalformed, name, len(text), maxKey)
}
