package offline

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
		assert.InDelta(t, want, got, 1e-9, text)
	}
	for _, text := range []string{"", "none", "a1b2", "this one", "saya mau satu", "ribu", "+62 812 3456 7890", "me@10.example.com"} {
		_, ok := pickAmount(text, nil)
		assert.False(t, ok, text)
	}
	near, _ := pickAmount("harga 90.000? anggaran saya 300 ribu", []string{"anggaran"})
	assert.InDelta(t, 300000, near, 1e-9)
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
