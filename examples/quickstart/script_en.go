package main

import "github.com/seed-a71cb1d8/frontdesk/agent/agenttest"

// dayInEnglish is the same day in English.
func dayInEnglish(d *day) {
	sari := contact{"+628111111", "Sari Wijaya"}
	budi := contact{"+628222222", "Budi"}
	stranger := contact{"+628333333", ""}
	dewi := contact{"+628444444", "Dewi Lestari"}

	d.scene("Sari qualifies and wants a demo")
	d.says(sari, "Hi, I saw your CRM ad",
		agenttest.Say("Hi Sari, welcome! May I have your full name, email and phone number?"))
	d.at("09:01")
	d.says(sari, "Sari Wijaya, sari@kopinusa.example, 0812-3456-7890",
		agenttest.CallTool("update_field", fields("name", "Sari Wijaya", "email", "sari@kopinusa.example", "phone", "0812-3456-7890")),
		agenttest.Say("Thank you, Sari! Do you have a budget in mind? 🙂"))
	d.at("09:02")
	d.says(sari, "About 250,000 a month. We are 12 people and need reports",
		agenttest.CallTool("update_field", fields("budget", "250000")).ExpectSystem("Team plan"),
		agenttest.Say("For 12 people the Team plan (200,000 a month) fits: automatic assignment and reports. Would you like to book a demo or talk to someone?"))
	d.at("09:03")
	d.says(sari, "Yes, a demo please",
		// The prompt allows @Sales Team and nobody else, whatever the model
		// thinks; and what was called after a refused call is not done.
		agenttest.Calls(
			agenttest.Call("assign", map[string]any{"target": "Support Team", "reason": "Wants a demo"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"})),
		agenttest.Calls(
			agenttest.Call("assign", map[string]any{"target": "Sales Team", "reason": "Wants a demo", "summary": "12 people, 250,000 a month, Team plan"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"})),
		agenttest.Say("Great! $assignee.name from our team will set up the demo with you."))
	d.at("09:06")
	d.answers("andi", sari, "Hi Sari, Andi here. Tomorrow at 10, does that suit you?")
	d.at("09:07")
	d.says(sari, "It does, thanks")

	d.scene("Budi goes silent")
	d.at("10:30")
	d.says(budi, "How much is it?",
		agenttest.Say("Hi Budi, welcome! May I have your email, so that I can send you the choices?"))
	d.at("11:00",
		agenttest.Say("Hey Budi, are you still there?\n---\nNo rush, just checking in."),
		agenttest.Say("Budi asked for prices and did not answer again."))

	d.scene("somebody without a name, and without the budget")
	d.says(stranger, "Small shop, budget 50,000. Is there a shared WhatsApp?",
		// There is no such stage. The prompt also says that they must not hear
		// of it, and they do not.
		agenttest.Calls(
			agenttest.Call("update_field", fields("budget", "50000")),
			agenttest.Call("update_stage", map[string]any{"stage": "Not Qualified"})),
		agenttest.Say("There is! The Starter plan (45,000 a month) has a shared WhatsApp inbox for 2 people. What else would you like to know?"))
	d.at("11:01")
	d.says(stranger, "That is all, I will let you know",
		agenttest.CallTool("stop_follow_ups", map[string]any{"reason": "goodbye"}),
		agenttest.Say("Of course, I am here if you need help later."))

	d.scene("Budi is back: his conversation is opened again")
	d.at("14:00")
	d.says(budi, "Sorry, I was in a meeting. I will write next week",
		agenttest.CallTool("stop_follow_ups", map[string]any{"reason": "goodbye"}),
		agenttest.Say("No problem, Budi. Until next week!"))

	d.scene("Dewi qualifies: the next of the team takes her")
	d.at("15:00")
	d.says(dewi, "Dewi, dewi@batik.example, 0813-9876-5432. Budget 800,000, many branches. Can I talk to someone?",
		agenttest.Calls(
			agenttest.Call("update_field", fields("email", "dewi@batik.example", "phone", "0813-9876-5432", "budget", "800000")),
			agenttest.Call("assign", map[string]any{"target": "@Sales Team", "reason": "Wants to talk to someone"}),
			agenttest.Call("update_stage", map[string]any{"stage": "Hot Lead"})),
		agenttest.Say("Sure, Dewi! $assignee.name will contact you about the Business plan."))
	d.at("17:00")
}
