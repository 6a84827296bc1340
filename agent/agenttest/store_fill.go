package agenttest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/seed-a71cb1d8/frontdesk"
)

// filled returns a T in which every field that JSON shows has a value of its
// own. A store that forgets a field, one that was added yesterday among them,
// is found out by what comes back.
func filled[T any](seed int) T { return marked[T](seed, "text") }

// marked is filled with texts that hold the mark, so that they can be searched
// for.
func marked[T any](seed int, mark string) T {
	var v T
	f := filler{n: seed * 1000, mark: mark}
	f.fill(reflect.ValueOf(&v).Elem())
	return v
}

type filler struct {
	n    int
	mark string
}

func (f *filler) next() int {
	f.n++
	return f.n
}

func (f *filler) fill(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		at := time.Date(2025, 2, 1, 0, 0, 0, 123456000, time.UTC)
		v.Set(reflect.ValueOf(at.Add(time.Duration(f.next()) * time.Second)))
		return
	case reflect.TypeFor[frontdesk.Value]():
		v.Set(reflect.ValueOf(frontdesk.Text(fmt.Sprintf("%s value %d", f.mark, f.next()))))
		return
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes(fmt.Appendf(nil, `{"n":%d,"t":%q}`, f.next(), f.mark))
		return
	case reflect.TypeFor[[]byte]():
		// Not in the form that a JSON encoder would give it.
		v.SetBytes(fmt.Appendf(nil, `{"z" : %d,  "a":[1.0, 1e2], "t":%q}`, f.next(), f.mark))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d", f.mark, f.next()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.next()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key)
			f.fill(elem)
			v.SetMapIndex(key, elem)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Tag.Get("json") != "-" {
				f.fill(v.Field(i))
			}
		}
	default:
		panic(fmt.Sprintf("agenttest: cannot fill a %s: teach filler.fill how", v.Type()))
	}
}
