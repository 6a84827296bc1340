package instructions_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// S11.2 in the languages of the vocabulary: a rewrite that loses a mention, a
// number, a time, a boundary, a quoted text or a prohibition is refused and the
// loss named, and one that only words the prose anew is taken.
func TestOptimizeInEveryLanguage(t *testing.T) {
	type change struct{ old, new, fault string }
	for language, c := range map[string]struct {
		text string
		good [2]string
		bad  []change
	}{
		"id": {"# KONTEKS\nAnda melayani orang-orang yang datang dari halaman harga kami.\n# ALUR\n1. Sapa: \"Selamat datang!\"\n2. Jika anggaran ≥ 100000, tetapkan ke @Sales Team.\n3. Simpan Budget hanya jika antara 100 dan 5000.\n4. Tunggu tiga hari untuk pengiriman.\n# BATASAN\n* Tidak bisa: menawarkan diskon.\n* Jangan pernah membagikan harga internal.\n# TINDAK LANJUT\nJika kontak tidak membalas selama 2 menit, katakan \"Masih di sana?\". Jika masih tidak ada balasan setelah 2 menit lagi, tutup percakapan dan katakan \"Sampai jumpa\".\n",
			[2]string{"Anda melayani orang-orang yang datang dari halaman harga kami.", "Anda melayani pengunjung halaman harga kami."},
			[]change{
				{"@Sales Team", "tim penjualan", "the mention"}, {"≥ 100000", "≥ 10000", "the comparison"}, {"antara 100 dan 5000", "antara 100 dan 50000", "the comparison"},
				{"tiga hari", "empat hari", "the number"}, {"tiga hari", "tiga minggu", "the duration"}, {"selama 2 menit", "selama 20 menit", "the follow-up"}, {"* Tidak bisa: menawarkan diskon.\n", "", "the boundary"},
				{"Jangan pernah membagikan", "Usahakan tidak membagikan", "the prohibition"}, {"Masih di sana?", "Halo?", "the quoted text"}, {"Selamat datang!", "Halo!", "the quoted text"}, {"tutup percakapan dan ", "", "the follow-up"},
			}},
		"es": {"# CONTEXTO\nAtiendes a personas que vienen de nuestra página de precios.\n# FLUJO\n1. Saluda: «¡Bienvenido!»\n2. Si quieren una demo, asignar a @Sales Team.\n3. Guarda el campo Company solo si es Acme o Globex.\n4. El envío tarda tres días.\n# LÍMITES\n* No ofrezcas descuentos.\n# SEGUIMIENTO\nSi el contacto no responde en 2 minutos, di «¿Sigues ahí?».\n",
			[2]string{"Atiendes a personas que vienen de nuestra página de precios.", "Atiendes a los visitantes de nuestra página de precios."},
			[]change{
				{"@Sales Team", "@Support Team", "the mention"}, {"Acme o Globex", "Acme o Initech", "the comparison"}, {"tres días", "cuatro días", "the number"}, {"tres días", "tres horas", "the duration"},
				{"* No ofrezcas descuentos.\n", "* Sé amable.\n", "the boundary"}, {"¿Sigues ahí?", "¿Hola?", "the quoted text"}, {"en 2 minutos", "en 2 horas", "the follow-up"}, {"Si quieren una demo, asignar", "Asignar", "the action"},
			}},
		"de": {"# KONTEXT\nDu betreust Leute, die von unserer Preisseite kommen.\n# ABLAUF\n1. Begrüße: „Willkommen!“\n2. Wenn sie eine Demo möchten, zuweisen an @Sales Team.\n3. Der Versand dauert drei Tage.\n# GRENZEN\n* Biete niemals Rabatte an.\n# NACHFASSEN\nWenn der Kontakt 2 Minuten nicht antwortet, sage „Noch da?“.\n",
			[2]string{"Du betreust Leute, die von unserer Preisseite kommen.", "Du betreust Besucher unserer Preisseite."},
			[]change{{"@Sales Team", "den Vertrieb", "the mention"}, {"drei Tage", "vier Tage", "the number"}, {"drei Tage", "drei Wochen", "the duration"}, {"* Biete niemals Rabatte an.", "* Biete gerne Rabatte an.", "the boundary"}, {"Noch da?", "Hallo?", "the quoted text"}, {"2 Minuten", "20 Minuten", "the follow-up"}}},
		"fr": {"# CONTEXTE\nVous servez des gens qui viennent de notre page de prix.\n# DÉROULEMENT\n1. Saluez : « Bienvenue ! »\n2. S'ils veulent une démo, attribuer à @Sales Team.\n3. La livraison prend trois jours.\n# LIMITES\n* Ne proposez jamais de remises.\n# RELANCE\nSi le contact ne répond pas pendant 2 minutes, dites « Toujours là ? ».\n",
			[2]string{"Vous servez des gens qui viennent de notre page de prix.", "Vous servez les visiteurs de notre page de prix."},
			[]change{{"@Sales Team", "l'équipe", "the mention"}, {"trois jours", "quatre jours", "the number"}, {"trois jours", "trois heures", "the duration"}, {"* Ne proposez jamais de remises.", "* Proposez des remises.", "the boundary"}, {"Toujours là ?", "Allô ?", "the quoted text"}, {"2 minutes", "2 heures", "the follow-up"}}},
		"pt": {"# CONTEXTO\nVocê atende pessoas que vêm da nossa página de preços.\n# FLUXO\n1. Cumprimente: \"Bem-vindo!\"\n2. Se quiserem uma demo, atribuir a @Sales Team.\n3. A entrega leva três dias.\n# LIMITES\n* Nunca ofereça descontos.\n# ACOMPANHAMENTO\nSe o contato não responder em 2 minutos, diga \"Ainda está aí?\".\n",
			[2]string{"Você atende pessoas que vêm da nossa página de preços.", "Você atende visitantes da nossa página de preços."},
			[]change{{"@Sales Team", "vendas", "the mention"}, {"três dias", "quatro dias", "the number"}, {"três dias", "três horas", "the duration"}, {"* Nunca ofereça descontos.", "* Seja gentil.", "the boundary"}, {"Ainda está aí?", "Oi?", "the quoted text"}, {"2 minutos", "3 minutos", "the follow-up"}}},
		"ru": {"# КОНТЕКСТ\nВы общаетесь с людьми, которые пришли со страницы цен.\n# СЦЕНАРИЙ\n1. Скажите: «Добро пожаловать!»\n2. Если хотят демо, назначить на @Sales Team.\n3. Доставка занимает три дня.\n# ОГРАНИЧЕНИЯ\n* Никогда не предлагайте скидки.\n# ПОВТОРНЫЕ СООБЩЕНИЯ\nЕсли контакт не отвечает 2 минуты, скажите «Вы ещё здесь?».\n",
			[2]string{"Вы общаетесь с людьми, которые пришли со страницы цен.", "Вы общаетесь с посетителями страницы цен."},
			[]change{{"@Sales Team", "отдел продаж", "the mention"}, {"три дня", "четыре дня", "the number"}, {"три дня", "три часа", "the duration"}, {"Никогда не предлагайте скидки", "Предлагайте скидки", "the boundary"}, {"Вы ещё здесь?", "Алло?", "the quoted text"}, {"2 минуты", "20 минут", "the follow-up"}}},
		"zh": {"# 背景\n你在接待来自价格页面的人们。\n# 流程\n1. 说：“欢迎！”\n2. 如果客户想要演示，分配给 @Sales Team。\n3. 配送需要3天。\n# 限制\n* 不要提供折扣。\n# 跟进\n如果客户2分钟没有回复，说“还在吗？”。\n",
			[2]string{"你在接待来自价格页面的人们。", "你接待价格页面的访客。"},
			[]change{{"@Sales Team", "销售团队", "the mention"}, {"3天", "4天", "the number"}, {"3天", "3小时", "the duration"}, {"* 不要提供折扣。", "* 要友好。", "the boundary"}, {"还在吗？", "喂？", "the quoted text"}, {"2分钟", "20分钟", "the follow-up"}}},
		"tr": {"# BAĞLAM\nFiyat sayfamızdan gelen kişilerle konuşuyorsun.\n# AKIŞ\n1. De ki: \"Hoş geldiniz!\"\n2. Demo isterse @Sales Team'e ata.\n3. Teslimat üç gün sürer.\n# SINIRLAR\n* Asla indirim teklif etme.\n# TAKİP\nKişi 2 dakika yanıt vermezse \"Orada mısınız?\" de.\n",
			[2]string{"Fiyat sayfamızdan gelen kişilerle konuşuyorsun.", "Fiyat sayfamızın ziyaretçileriyle konuşuyorsun."},
			[]change{{"@Sales Team", "satış ekibi", "the mention"}, {"üç gün", "dört gün", "the number"}, {"üç gün", "üç saat", "the duration"}, {"* Asla indirim teklif etme.", "* İndirim teklif et.", "the boundary"}, {"Orada mısınız?", "Alo?", "the quoted text"}, {"2 dakika", "20 dakika", "the follow-up"}}},
	} {
		require.Contains(t, c.text, c.good[0], language)
		var asked []string
		_, err := optimize(answers(&asked, rewritten(strings.Replace(c.text, c.good[0], c.good[1], 1))), c.text)
		assert.NoError(t, err, "%s: a good rewrite is taken", language)
		for _, b := range c.bad {
			require.Contains(t, c.text, b.old, language)
			bad := rewritten(strings.Replace(c.text, b.old, b.new, 1))
			var asked []string
			_, err := optimize(answers(&asked, bad, bad, bad), c.text)
			if assert.Error(t, err, "%s: %s", language, b.new) {
				assert.Contains(t, err.Error(), b.fault, "%s: %s", language, b.new)
			}
		}
	}
}
