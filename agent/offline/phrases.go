package offline

// phrases is what the model says by itself in a language. What the prompt
// says in quotes is never one of these.
type phrases struct {
	greet, greetName  string // %s: the name
	thanks            string
	sorry             string // before a question that was not answered
	cannot            string // before one whose answer may not be saved
	understand        string // before one that the contact would rather not answer
	howMuch           string
	name, email       string
	phone             string
	field             string // %s: the field
	know, mayHave     string // %s: what is asked for
	wantTo            string // %s: what is offered
	recommend         string // before passages
	noPassages        string
	reaction          string // after a recommendation
	found             string // before a passage that answers a question
	colleague         string // a question that nobody here can answer
	handed, handedTo  string // %s: the target
	closed            string
	goodbye           string
	anything          string
	pending           string
	done, refused     string
	helped            string
	summary, saidThis string
	assignReason      string
}

var english = phrases{
	greet: "Hello, and welcome!", greetName: "Hello %s, and welcome!",
	thanks: "Thank you.", sorry: "Sorry, I did not get that.", cannot: "I am sorry, I cannot take that.", understand: "I understand. It would help us to get back to you, though.", howMuch: "About how much would that be?",
	name: "May I have your full name?", email: "May I have your e-mail address?", phone: "May I have your phone number?",
	field: "May I ask for your %s?", know: "Could you tell me %s?", mayHave: "Could you give me %s?", wantTo: "Would you like %s?",
	recommend: "This should suit you:", noPassages: "Thank you, that helps us to find what suits you.", reaction: "What do you think?",
	found: "This is what I have on that:", colleague: "I will ask a colleague about that.",
	handed: "A colleague of mine will go on with you shortly.", handedTo: "%s will go on with you shortly.",
	closed: "Thank you for writing. You are welcome to write again at any time.", goodbye: "You are welcome. I am here if you need anything else.",
	anything: "Is there anything else that I can help you with?", pending: "Thank you, that is being looked at. We will let you know.",
	done: "Good news: that has been approved and is done.", refused: "I am sorry, that was not possible. Please tell me if I can help you otherwise.",
	helped: "Did that help?", summary: "Known of the contact: %s.", saidThis: "The contact wrote: %s", assignReason: "The contact asked for a person, or the agent could not go on.",
}

var indonesian = phrases{
	greet: "Halo, selamat datang!", greetName: "Halo %s, selamat datang!",
	thanks: "Terima kasih.", sorry: "Maaf, saya belum menangkapnya.", cannot: "Maaf, saya tidak dapat menerima itu.", understand: "Saya mengerti. Namun itu membantu kami untuk menghubungi Anda.", howMuch: "Kira-kira berapa jumlahnya?",
	name: "Boleh saya tahu nama lengkap Anda?", email: "Boleh saya minta alamat email Anda?", phone: "Boleh saya minta nomor telepon Anda?",
	field: "Boleh saya tahu %s Anda?", know: "Boleh saya tahu %s?", mayHave: "Boleh saya minta %s?", wantTo: "Apakah Anda ingin %s?",
	recommend: "Ini yang cocok untuk Anda:", noPassages: "Terima kasih, itu membantu kami menemukan yang cocok untuk Anda.", reaction: "Bagaimana menurut Anda?",
	found: "Ini yang saya temukan:", colleague: "Saya akan menanyakannya kepada rekan saya.",
	handed: "Rekan saya akan segera melanjutkan dengan Anda.", handedTo: "%s akan segera melanjutkan dengan Anda.",
	closed: "Terima kasih sudah menghubungi kami. Silakan hubungi kami lagi kapan saja.", goodbye: "Sama-sama. Saya di sini jika Anda membutuhkan sesuatu.",
	anything: "Ada lagi yang bisa saya bantu?", pending: "Terima kasih, itu sedang kami periksa. Kami akan mengabari Anda.",
	done: "Kabar baik: itu sudah disetujui dan selesai.", refused: "Maaf, itu tidak bisa dilakukan. Beri tahu saya jika ada hal lain yang bisa saya bantu.",
	helped: "Apakah itu membantu?", summary: "Data kontak: %s.", saidThis: "Kontak menulis: %s", assignReason: "Kontak ingin berbicara dengan seseorang, atau agen tidak bisa melanjutkan.",
}

// The word lists. All are folded; both languages are looked up together, as
// contacts mix them.
var (
	yesPhrases = set("no problem", "why not", "kenapa tidak", "tidak masalah", "tidak apa-apa", "tidak apa apa", "gak masalah", "ga masalah", "please do", "of course", "sounds good", "go ahead", "tentu saja")
	yesWords   = set("yes", "y", "ya", "iya", "yup", "yep", "yeah", "ok", "oke", "okay", "okey", "sure", "boleh", "tentu", "mau", "setuju", "siap", "silakan", "silahkan", "sip", "lanjut", "benar", "betul", "great", "good", "absolutely", "definitely", "please", "dong", "yuk", "ayo", "gas", "sudah", "yoi")
	noPhrases  = set("kurang tertarik", "kurang berminat", "kurang minat", "less interested", "not really", "no budget", "tidak ada", "not yet", "not now", "no thanks", "no thank you", "not interested", "not sure", "tidak tertarik", "lain kali", "another time", "do not", "not ready", "tidak jadi")
	noWords    = set("no", "none", "nope", "nah", "not", "never", "don't", "dont", "tidak", "tdk", "nggak", "enggak", "ngga", "gak", "ga", "nga", "belum", "blm", "jangan", "nanti", "later", "bukan", "ndak", "kagak")
	goodbyes   = set("bye", "goodbye", "good bye", "that is all", "that's all", "thats all", "nothing else", "cukup", "sekian", "sampai jumpa", "dadah", "not interested", "tidak tertarik", "tidak jadi", "sudah cukup", "itu saja", "nanti saya kabari", "no longer interested")
	thanksSet  = set("thanks", "thank you", "thx", "terima kasih", "makasih", "trims", "terimakasih")
	greetings  = set("hi", "hello", "hey", "halo", "hai", "hallo", "hei", "pagi", "siang", "sore", "malam", "selamat pagi", "selamat siang", "selamat sore", "selamat malam", "good morning", "good afternoon", "good evening", "morning", "permisi", "assalamualaikum")
	persons    = set("a human", "a real human", "live agent", "an operator", "your manager", "real agent", "human being", "dengan cs", "ke cs", "sama cs", "dengan manusia", "admin manusia", "talk to a human", "talk to a person", "talk to someone", "talk to an agent", "speak to a human", "speak to someone", "speak with someone", "speak to a person", "real person", "human agent", "human please", "customer service", "bicara dengan orang", "bicara dengan manusia", "bicara dengan seseorang", "bicara dengan admin", "bicara sama orang", "bicara sama admin", "berbicara dengan seseorang", "berbicara dengan orang", "berbicara dengan manusia", "hubungkan dengan admin", "mau ke cs", "orang asli", "manusia asli")
	askers     = set("what", "how", "when", "where", "why", "which", "who", "can", "could", "do", "does", "is", "are", "berapa", "apa", "apakah", "bagaimana", "gimana", "kapan", "dimana", "di", "mana", "kenapa", "mengapa", "siapa", "bisa", "ada", "bolehkah", "bisakah", "adakah")

	conditionWords  = set("if", "when", "unless", "otherwise", "once", "in case", "jika", "kalau", "apabila", "bila", "ketika", "bilamana")
	askVerbs        = set("ask", "asks", "collect", "request", "confirm", "find out", "gather", "offer", "tanyakan", "tanya", "tanyailah", "minta", "mintalah", "kumpulkan", "konfirmasi", "konfirmasikan", "tawarkan")
	saveVerbs       = set("save", "store", "record", "simpan", "simpanlah", "catat", "catatlah")
	saveGuards      = set("not", "don't", "never", "jangan", "tidak", "tanpa")
	saveObjects     = set("it", "them", "both", "these", "those", "everything", "keduanya", "semuanya", "semua", "datanya", "jawabannya", "itu")
	recommendVerbs  = set("recommend", "suggest", "propose", "rekomendasikan", "sarankan", "rekomendasi")
	answerVerbs     = set("answer", "answering", "share", "give", "provide", "explain", "jawab", "menjawab", "bagikan", "berikan", "jelaskan")
	sayVerbs        = set("say", "tell", "reply", "respond", "inform", "let them know", "katakan", "ucapkan", "beri tahu", "beritahu", "balas", "sampaikan", "informasikan")
	ownName         = set("", "their", "your", "his", "her", "full", "first", "contact's", "customer's", "guest's", "patient's", "the", "and", "for", "ask", "collect")
	otherNames      = set("perusahaan", "produk", "toko", "hewan", "sekolah", "anak", "barang", "usaha", "bisnis", "brand", "merek", "kota", "kursus", "kelas", "paket", "dokter", "hotel")
	greetVerbs      = set("greet", "welcome", "sapa", "sambut", "salam", "sapalah")
	guardWords      = set("do not", "don't", "never", "avoid", "jangan", "hindari")
	yesConditions   = set("yes", "so", "they agree", "they confirm", "they accept", "they say yes", "they are ready", "ya", "iya", "setuju", "mau", "bersedia", "sudah siap", "mengonfirmasi")
	noConditions    = set("no", "not", "otherwise", "else", "not ready", "are not", "aren't", "they decline", "they refuse", "tidak", "belum", "menolak", "bukan")
	interest        = set("interest", "interested", "minat", "tertarik", "berminat")
	resolved        = set("resolved", "solved", "fixed", "confirm they are done", "confirm that they are done", "confirmed", "terselesaikan", "terpecahkan", "selesai", "teratasi")
	emptyWords      = set("choose", "chooses", "chose", "pick", "picks", "select", "selects", "type", "types", "reply", "replies", "answer", "answers", "mention", "mentions", "memilih", "pilih", "pilihan", "menjawab", "mengetik", "option", "opsi", "the", "they", "them", "their", "there", "this", "that", "with", "from", "have", "has", "what", "contact", "customer", "customers", "client", "wants", "want", "need", "needs", "asks", "asked", "about", "says", "said", "only", "when", "show", "shows", "some", "more", "your", "you", "would", "like", "please", "mereka", "anda", "yang", "untuk", "dengan", "kontak", "pelanggan", "ingin", "butuh", "membutuhkan", "minta", "meminta", "diminta", "tentang", "menanyakan", "bertanya", "hanya", "adalah", "atau", "jika", "kalau", "apabila", "dari", "pada", "sudah", "saya", "akan", "bisa", "tidak", "belum", "tolong", "dan")
	nameStops       = set("stop", "unsubscribe", "berhenti", "unsub", "looking", "interested", "here", "from", "fine", "good", "not", "just", "a", "an", "the", "mau", "ingin", "lihat", "tertarik", "sedang", "dari", "tidak", "belum", "bisa", "butuh", "cari", "need", "want", "having", "trying", "calling", "happy", "in", "at", "on", "to", "so", "very", "also", "still", "going", "looks", "sounds", "great", "nice", "perfect", "cool", "maybe", "please", "budget", "price", "prices", "buy", "order", "how", "would", "is", "are", "was", "you", "your", "it", "that", "this", "new", "again", "sorry", "berapa", "harga", "kak", "bagus", "menarik", "nanti", "lagi", "anggaran", "aja", "saja", "baru", "juga", "sudah", "maaf", "pesan", "beli", "itu", "ini")
	nameTitles      = set("mr", "mrs", "ms", "dr", "prof", "ir", "drs", "dra", "h", "hj", "st", "bpk", "sdr")
	yesNoOpeners    = set("would", "do", "does", "are", "is", "can", "could", "did", "have", "has", "shall", "should", "may", "will", "apakah", "mau", "maukah", "boleh", "bolehkah", "bisa", "bisakah", "ada", "adakah", "sudah", "sudahkah", "ingin")
	currencyUnits   = map[string]float64{"k": 1e3, "rb": 1e3, "ribu": 1e3, "thousand": 1e3, "jt": 1e6, "juta": 1e6, "m": 1e6, "million": 1e6, "mio": 1e6, "milyar": 1e9, "miliar": 1e9, "billion": 1e9}
	indonesianWords = set("yang", "dan", "jika", "untuk", "anda", "mereka", "pelanggan", "kontak", "tanyakan", "tidak", "dengan", "ke", "dari", "setiap", "atau", "sapa", "minta", "ini", "itu", "adalah", "pada", "jangan", "bisa", "menjadi")
	englishWords    = set("the", "and", "if", "for", "you", "they", "them", "customer", "ask", "not", "with", "to", "from", "each", "or", "greet", "is", "are", "on", "do", "can", "of", "a", "an")
	sameWords       = [][]string{{"budget", "anggaran", "bujet"}, {"age", "umur", "usia"}, {"quantity", "jumlah"}, {"guests", "tamu"}}
	nameIntroducers = []string{"im", "i m", "nama aku", "nama gue", "nama ku", "nama sy", "perkenalkan saya", "perkenalkan nama saya", "my name is", "my name's", "name is", "nama lengkap saya", "nama saya adalah", "nama saya", "namaku", "nama:", "name:", "this is", "call me", "panggil saya", "i'm", "i am", "saya", "it's", "it is", "aku"}
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
