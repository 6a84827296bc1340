package main

import "github.com/seed-a71cb1d8/frontdesk/agent/agenttest"

// dayInIndonesian is what contacts write on that day and what the model makes
// of it. The model is not always right; the agent does not let it.
func dayInIndonesian(d *day) {
	sari := contact{"+628111111", "Sari Wijaya"}
	budi := contact{"+628222222", "Budi"}
	stranger := contact{"+628333333", ""}
	dewi := contact{"+628444444", "Dewi Lestari"}

	d.scene("Sari qualifies and wants a demo")
	d.says(sari, "Halo, saya lihat iklan CRM kalian",
		agenttest.Say("Halo Sari, selamat datang! Boleh saya minta nama lengkap, email, dan nomor telepon Anda?"))
	d.at("09:01")
	d.says(sari, "Sari Wijaya, sari@kopinusa.example, 0812-3456-7890",
		agenttest.CallTool("update_field", fields("name", "Sari Wijaya", "email", "sari@kopinusa.example", "phone", "0812-3456-7890")),
		agenttest.Say("Terima kasih, Sari! Apakah Anda memiliki anggaran dalam pikiran? 🙂"))
	d.at("09:02")
	d.says(sari, "Sekitar 250.000 per bulan, tim saya 12 orang dan butuh laporan",
		agenttest.CallTool("update_field", fields("budget", "250000")).ExpectSystem("Paket Tim"),
		agenttest.Say("Untuk tim 12 orang, Paket Tim (200.000 per bulan) pas: penugasan otomatis dan laporan. Apakah Anda ingin memesan demo atau berbicara dengan seseorang?"))
	d.at("09:03")
	d.says(sari, "Iya, demo dong",
		// The prompt allows @Sales Team and nobody else, whatever the model
		// thinks; and what was called after a refused call is not done.
		agenttest.Calls(
			agenttest.Call("assign", map[string]any{"target": "Support Team", "reason": "Minta demo"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"})),
		agenttest.Calls(
			agenttest.Call("assign", map[string]any{"target": "Sales Team", "reason": "Minta demo", "summary": "12 orang, 250.000 per bulan, Paket Tim"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"})),
		agenttest.Say("Siap! $assignee.name dari tim kami akan mengatur demo dengan Anda."))
	d.at("09:06")
	d.answers("andi", sari, "Halo Sari, saya Andi. Demo besok jam 10, cocok?")
	d.at("09:07")
	d.says(sari, "Cocok, terima kasih")

	d.scene("Budi goes silent")
	d.at("10:30")
	d.says(budi, "Harganya berapa ya?",
		agenttest.Say("Halo Budi, selamat datang! Boleh saya minta email Anda supaya saya kirimkan pilihannya?"))
	d.at("11:00",
		agenttest.Say("Hei Budi, Anda masih di sana?\n---\nTidak terburu-buru, hanya mengecek."),
		agenttest.Say("Budi menanyakan harga dan tidak membalas lagi."))

	d.scene("somebody without a name, and without the budget")
	d.says(stranger, "Toko kecil, anggaran 50.000. Ada WhatsApp bersama?",
		// There is no such stage. The prompt also says that they must not hear
		// of it, and they do not.
		agenttest.Calls(
			agenttest.Call("update_field", fields("budget", "50000")),
			agenttest.Call("update_stage", map[string]any{"stage": "Tidak Terkualifikasi"})),
		agenttest.Say("Ada! Paket Rintis (45.000 per bulan) memberi kotak masuk WhatsApp bersama untuk 2 orang. Ada lagi yang ingin Anda ketahui?"))
	d.at("11:01")
	d.says(stranger, "Cukup, nanti saya kabari",
		agenttest.CallTool("stop_follow_ups", map[string]any{"reason": "goodbye"}),
		agenttest.Say("Baik, saya di sini kalau Anda butuh bantuan nanti."))

	d.scene("Budi is back: his conversation is opened again")
	d.at("14:00")
	d.says(budi, "Maaf, tadi rapat. Minggu depan saya hubungi lagi",
		agenttest.CallTool("stop_follow_ups", map[string]any{"reason": "goodbye"}),
		agenttest.Say("Tidak apa-apa, Budi. Sampai minggu depan!"))

	d.scene("Dewi qualifies: the next of the team takes her")
	d.at("15:00")
	d.says(dewi, "Dewi, dewi@batik.example, 0813-9876-5432. Anggaran 800.000, banyak cabang. Bisa bicara dengan orang?",
		agenttest.Calls(
			agenttest.Call("update_field", fields("email", "dewi@batik.example", "phone", "0813-9876-5432", "budget", "800000")),
			agenttest.Call("assign", map[string]any{"target": "@Sales Team", "reason": "Minta bicara dengan seseorang"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"})),
		agenttest.Say("Tentu, Dewi! $assignee.name akan menghubungi Anda tentang Paket Bisnis."))
	d.at("17:00")
}
