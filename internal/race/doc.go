// Package race tells a test whether the race detector runs. It makes code many
// times slower: a test that repeats one thing with many seeds then takes a
// sample, which sees the same pairs of goroutines, and does the whole without it.
package race
