//go:build !race

package attack_test

// underRace is set when the race detector runs.
const underRace = false
