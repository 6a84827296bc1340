package offline

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-a71cb1d8/frontdesk/agent/instructions"
)

func TestAmounts(t *testing.T) {
	for text, want := range map[string]float64{
		"100.000": 100000, "100,000": 100000, "100 000": 100000, "200 ribu": 200000, "200rb": 200000, "2 juta": 2000000,
		"1,5 juta": 1500000, "2.5jt": 2500000, "5k": 5000, "Rp 250.000 per bulan": 250000, "$1,250.50": 1250.5,
		"1.250.000": 1250000, "sekitar 250.000, tim 12 orang": 250000, "team of 12, about 250,000": 250000,
		"0812-3456-7890, budget 50 ribu": 50000, "１００．０００": 100000, "50": 50, "a@b2.co 75": 75, "12 months, 3000": 12,
		"two hundred thousand": 200000, "a thousand and five hundred dollars": 1500, "half a million": 500000, "twenty-five": 25,
		"dua ratus lima puluh ribu": 250000, "seratus ribu": 100000, "satu setengah juta": 1500000, "sejuta": 1000000, "lima belas": 15,
	} {
		got, ok := pickAmount(text, nil)
		assert.True(t, ok, text)
		assert.Equal(t, [3]float64{want, want, want}, [3]float64{got.low, got.high, got.said}, text)
	}
	for _, text := range []string{"", "none", "a1b2", "this one", "saya mau satu", "ribu", "+62 812 3456 7890", "me@10.example.com"} {
		_, ok := pickAmount(text, nil)
		assert.False(t, ok, text)
	}
	near, _ := pickAmount("harga 90.000? anggaran saya 300 ribu", []string{"anggaran"})
	assert.InDelta(t, 300000, near.said, 1e-9)
}

// A range keeps both its ends, and one of a single end is open to the other side.
func TestRanges(t *testing.T) {
	least, most := math.Inf(-1), math.Inf(1)
	for text, want := range map[string][3]float64{ // the ends, and what was said
		"between 50k and 150k": {50000, 150000, 50000}, "50-60k": {50000, 60000, 50000}, "50k - 60k": {50000, 60000, 50000}, "$50-60k a month": {50000, 60000, 50000},
		"from 50,000 to 150,000": {50000, 150000, 50000}, "antara 50 dan 60 ribu": {50000, 60000, 50000}, "Rp 50.000 sampai Rp 150.000": {50000, 150000, 50000},
		"50rb s/d 150rb": {50000, 150000, 50000}, "50k or 60k": {50000, 60000, 50000}, "fifty to sixty thousand": {50000, 60000, 50000},
		"between fifty and sixty thousand": {50000, 60000, 50000}, "one or two million": {1e6, 2e6, 1e6},
		"under 100k": {least, 100000, 100000}, "up to $100k": {least, 100000, 100000}, "no more than 100k": {least, 100000, 100000}, "100k max": {least, 100000, 100000},
		"at least 100k": {100000, most, 100000}, "100k+": {100000, most, 100000}, "100k or more": {100000, most, 100000}, "over 50k": {50000, most, 50000},
		"di bawah 100 ribu": {least, 100000, 100000}, "minimal Rp 100 ribu": {100000, most, 100000}, "lebih dari 1 juta": {1e6, most, 1e6},
		"not less than 50k": {50000, most, 50000}, "no less than 50k": {50000, most, 50000}, "nothing over 100k": {least, 100000, 100000}, "not above 100k": {least, 100000, 100000},
		"never more than 100k": {least, 100000, 100000}, "tidak kurang dari 100 ribu": {100000, most, 100000}, "tidak lebih dari 100 ribu": {least, 100000, 100000},
		"gak lebih dari 100 ribu": {least, 100000, 100000}, "not sure, over 100k": {100000, most, 100000}, "no, less than 100k": {least, 100000, 100000},
		"I can't go over 150k": {least, most, 150000}, "we don't have more than 150k": {least, most, 150000}, "aku tidak mau keluar lebih dari 100 ribu": {least, most, 100000},
		"<100k": {least, 100000, 100000}, ">= 100k": {100000, most, 100000}, "≤ $100k": {least, 100000, 100000}, "-> 100k": {100000, 100000, 100000},
		"less than or equal to 100k": {least, 100000, 100000}, "maximum of 100k": {least, 100000, 100000}, "up to around 100k": {least, 100000, 100000}, "sampai dengan 100rb": {least, 100000, 100000},
		"between 150k and 50k": {50000, 150000, 50000}, "150k to 50k": {50000, 150000, 50000}, "100 ribu sampai 150": {100000, 150000, 100000}, "between about 50k and 60k": {50000, 60000, 50000},
		"around 50k": {50000, 50000, 50000}, "sekitar 50 ribu": {50000, 50000, 50000}, "team of 12, about 250,000": {250000, 250000, 250000},
		"two hundred and fifty thousand": {250000, 250000, 250000}, "we moved to 100k": {100000, 100000, 100000}, "discover 100k": {100000, 100000, 100000},
	} {
		got, ok := pickAmount(text, nil)
		assert.True(t, ok, text)
		assert.Equal(t, want, [3]float64{got.low, got.high, got.said}, text)
	}
}

// A range counts where all comparisons come out the same over the whole of it.
func TestRangesCompared(t *testing.T) {
	atLeast := []instructions.Constraint{{Field: "budget", Op: instructions.OpAtLeast, Value: "100000"}}
	both := append(atLeast, instructions.Constraint{Field: "Budget", Op: instructions.OpGreater, Value: "120000"}, instructions.Constraint{Field: "team", Op: instructions.OpLess, Value: "130000"})
	equal := []instructions.Constraint{{Field: "budget", Op: instructions.OpEqual, Value: "55000"}}
	for _, c := range []struct {
		text        string
		constraints []instructions.Constraint
		want        float64
		ok          bool
	}{
		{"50-60k", atLeast, 50000, true},
		{"between 50k and 150k", atLeast, 0, false},
		{"between 100k and 150k", atLeast, 100000, true},
		{"between 110k and 150k", both, 0, false},
		{"between 130k and 150k", both, 130000, true},
		{"at least 100k", atLeast, 100000, true},
		{"over 50k", atLeast, 0, false},
		{"under 100k", atLeast, 0, false},
		{"up to 90k", atLeast, 90000, true},
		{"around 50k", atLeast, 50000, true},
		{"50-60k", equal, 0, false},
		{"56-60k", equal, 56000, true},
		{"50k to 500k", nil, 50000, true},
	} {
		p := &plan{pb: &instructions.Playbook{Constraints: c.constraints}}
		a, found := pickAmount(c.text, nil)
		assert.True(t, found, c.text)
		got, ok := p.number(&topic{key: "budget"}, a)
		assert.Equal(t, c.ok, ok, c.text)
		assert.InDelta(t, c.want, got, 1e-9, c.text)
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"my name is Sari Wijaya": "Sari Wijaya", "Nama saya Dewi Lestari, email d@x.example": "Dewi Lestari", "I'm Kim": "Kim",
		"Sari Wijaya, sari@x.example, 0812-3456-7890": "Sari Wijaya", "halo saya Budi": "Budi", "Hi, Sari here.": "", "O’Neil Jean-Luc": "O'Neil Jean-Luc",
		"李小龙": "李小龙", "I'm looking for a plan": "", "12345": "", "yes": "", "terima kasih": "", "saya mau tanya dulu": "",
		"What do you sell?": "", "Sari": "Sari",
		"looks great": "", "how much is it": "", "berapa harganya kak": "", "bob": "bob",
	} {
		assert.Equal(t, want, findName(text, true), text)
	}
	for text, want := range map[string]string{"Sari": "", "I am tired": "", "my name is Sari": "Sari", "Saya lihat iklan": "", "hello, I'm Bob Smith, a@x.example": "Bob Smith", "Hi, I'm New here": ""} {
		assert.Equal(t, want, findName(text, false), text)
	}
}

func TestEmailsAndPhones(t *testing.T) {
	assert.Equal(t, "sari@kopi-nusa.example", findEmail("it is sari@kopi-nusa.example."))
	assert.Equal(t, "", findEmail("@ sari at example"))
	for text, want := range map[string]string{
		"+62 812 3456 7890": "+62 812 3456 7890", "call 0812-3456-7890 please": "0812-3456-7890", "250.000.000": "", "(021) 555 1234": "(021) 555 1234",
	} {
		assert.Equal(t, want, findPhone(text, false), text)
	}
	assert.Equal(t, "555 123 4567", findPhone("555 123 4567", true))
}

func TestYesNo(t *testing.T) {
	for text, want := range map[string]reply{
		"yes": yes, "Iya, demo dong": yes, "boleh": yes, "no problem": yes, "tidak apa-apa": yes, "Sure!": yes,
		"no": no, "Belum, nanti saja": no, "tidak tertarik": no, "yes, but not now": no, "gak": no, "I don’t": no,
		"not sure": unclear, "blue": unclear, "": unclear, "yesterday": unclear,
	} {
		assert.Equal(t, want, readYesNo(text), text)
	}
}

func TestQuestions(t *testing.T) {
	for text, want := range map[string]bool{
		"how much": true, "Halo, berapa harganya": true, "ok?": true, "fine": false, "what": false, "Sari Wijaya": false,
	} {
		assert.Equal(t, want, isQuestion(text), text)
	}
}

// Words are matched by their forms, not by chance.
func TestAlike(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"refund", "refunds"}: true, {"hilang", "kehilangan"}: true, {"deliver", "delivery"}: true, {"blocked", "block"}: true,
		{"data", "date"}: false, {"cat", "category"}: false, {"order", "border"}: true, {"plan", "play"}: false,
	} {
		assert.Equal(t, want, alike(pair[0], pair[1]), "%v", pair)
		assert.Equal(t, want, alike(pair[1], pair[0]), "%v", pair)
	}
}
