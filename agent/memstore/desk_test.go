package memstore

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/agent/agenttest"
)

func TestDesk(t *testing.T) {
	agenttest.TestDesk(t, func(*testing.T) agenttest.DeskHarness {
		s := New()
		return agenttest.DeskHarness{Store: s, Bytes: func() []byte { return dump(s) }}
	})
}

// dump writes down everything that can be reached from the store.
func dump(s *Store) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := dumper{seen: map[uintptr]bool{}}
	d.value(reflect.ValueOf(s).Elem())
	return []byte(d.out.String())
}

type dumper struct {
	out  strings.Builder
	seen map[uintptr]bool
}

func (d *dumper) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		fmt.Fprintln(&d.out, v.String())
	case reflect.Pointer:
		if v.IsNil() || d.seen[v.Pointer()] {
			return
		}
		d.seen[v.Pointer()] = true
		d.value(v.Elem())
	case reflect.Interface:
		if !v.IsNil() {
			d.value(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(&d.out, "%s\n", v.Bytes())
			return
		}
		v = v.Slice(0, v.Cap()) // what was cut off is still there
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			d.value(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			d.value(it.Key())
			d.value(it.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			d.value(v.Field(i))
		}
	}
}

// What is kept behind the end of a slice is found too.
func TestDumpSeesWhatIsReachable(t *testing.T) {
	s := New()
	s.dedupe["key"] = "message"
	lanes := []*lane{{worker: "behind"}}
	s.queue.ready.lanes = lanes[:0]
	got := string(dump(s))
	for _, want := range []string{"key", "message", "behind"} {
		assert.Contains(t, got, want)
	}
}
