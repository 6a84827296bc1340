package main

import "time"

// sizes say how much is measured.
type sizes struct {
	// name tells one from another on the page.
	name string
	// syncing is how often a page is synced.
	syncing int
	levels  []level
	// pending is how many follow-ups wait, active with how many more things are
	// done meanwhile. Up to apart people are made before their follow-ups are
	// armed, so that it is seen what these take alone.
	pending       []int
	active, apart int
	// fired is how many follow-ups are due at once, timed how many fall due one
	// by one over a time.
	fired, timed int
	over         time.Duration
}

// level is a number of conversations at once, and how many turns and commits
// they have together.
type level struct{ conversations, turns, commits int }

var full = sizes{
	name:    "full",
	syncing: 2000,
	levels:  []level{{1, 1000, 2000}, {16, 4000, 16000}, {256, 8192, 51200}},
	pending: []int{1000, 100_000, 1_000_000}, active: 8000, apart: 100_000,
	fired: 4000, timed: 1000, over: 10 * time.Second,
}

var quickly = sizes{
	name:    "short (`-quick`)",
	syncing: 200,
	levels:  []level{{1, 100, 200}, {16, 320, 1600}, {256, 768, 5120}},
	pending: []int{1000, 10_000}, active: 1600, apart: 10_000,
	fired: 400, timed: 200, over: 2 * time.Second,
}
