package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// arrival is a message that the channel received.
type arrival struct {
	At           time.Time `json:"at"`
	Worker       int       `json:"worker"`
	Key          string    `json:"key"`
	Conversation string    `json:"conversation"`
	To           string    `json:"to"`
	Text         string    `json:"text"`
	// First is set for the first of its key: the contact sees only that one.
	First bool `json:"first"`
}

// deed is a run of an outside action.
type deed struct {
	At time.Time `json:"at"`
	Acting
}

// journal is the world outside: a channel that deduplicates by key, and what
// outside actions did. It outlives all workers.
type journal struct {
	mu       sync.Mutex
	r        *rand.Rand
	file     *os.File
	err      error // of the file
	arrivals []arrival
	seen     map[string]bool
	deeds    []deed
	saw      func(to, text string)
	// refused and unknown count the sends that were answered so.
	refused, unknown int
	// calm is set when the channel makes no more trouble.
	calm bool
}

func newJournal(path string, r *rand.Rand, saw func(to, text string)) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("crash: journal: %w", err)
	}
	return &journal{r: r, file: f, seen: map[string]bool{}, saw: saw}, nil
}

func (j *journal) write(v any) {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	j.err = errors.Join(j.err, err)
}

// send receives a message.
func (j *journal) send(m Sending) Sent {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.calm && j.r.IntN(40) == 0 {
		j.refused++
		return Sent{Refused: true}
	}
	a := arrival{
		At: time.Now(), Worker: m.Worker, Key: m.Msg.Key, Conversation: m.Msg.ConversationID, To: m.Msg.To, Text: m.Msg.Text, First: !j.seen[m.Msg.Key],
	}
	j.arrivals = append(j.arrivals, a)
	j.write(a)
	if a.First {
		j.seen[a.Key] = true
		j.saw(a.To, a.Text)
	}
	if !j.calm && j.r.IntN(40) == 0 {
		j.unknown++
		return Sent{Unknown: true}
	}
	return Sent{ProviderID: "p-" + a.Key}
}

// act does what an action does outside.
func (j *journal) act(a Acting) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	d := deed{time.Now(), a}
	j.deeds = append(j.deeds, d)
	j.write(d)
	return nil
}

// size is how much happened.
func (j *journal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.arrivals) + len(j.deeds)
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.err, j.file.Close())
}
