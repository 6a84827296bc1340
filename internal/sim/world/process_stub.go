package world

type process struct{}
