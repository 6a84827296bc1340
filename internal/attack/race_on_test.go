//go:build race

package attack_test

// underRace is set when the race detector runs. It makes the attacks many
// times slower, and a sample of them takes the same paths: the whole runs
// without it.
const underRace = true
