"""Italian."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "mio fratello", "la vecchia maestra", "un giovane medico", "la nostra vicina", "il fornaio", "la bambina",
        "un autista stanco", "suo nonno", "il postino", "una cameriera gentile", "il nuovo capo", "la signora Bianchi",
        "il dottor Zucchi",
    ),
    "thing": (
        "l'ombrello giallo", "la radio rotta", "sei uova fresche", "una valigia pesante", "l'orologio d'argento",
        "una carta geografica", "la sedia di legno", "una ciotola di zuppa", "la bicicletta azzurra",
        "un paio di scarpe", "la chiave del garage", "un mazzo di fiori", "la torta di compleanno",
    ),
    "where": (
        "nel giardino", "alla stazione", "in cucina", "al mercato", "dietro la scuola", "lungo il fiume",
        "al terzo piano", "sul ponte", "in un piccolo paese", "davanti alla posta", "in montagna",
        "vicino al municipio",
    ),
    "did": (
        "ha venduto", "ha cercato", "ha trovato", "ha riparato", "ha dimenticato", "ha chiesto", "ha mostrato",
        "ha comprato", "ha dipinto", "ha portato", "ha perso", "ha descritto",
    ),
    "adjective": (
        "tranquillo", "caro", "allegro", "enorme", "difficile", "piuttosto freddo", "sorprendentemente buono",
        "mezzo vuoto", "pericoloso", "molto chiaro", "troppo lungo", "un po' triste",
    ),
    "time": (
        "ieri mattina", "venerdì scorso", "poco prima di mezzanotte", "ogni estate", "dopo il temporale",
        "la settimana scorsa", "alle sette e mezza", "durante le vacanze", "due volte al mese", "troppo presto",
        "il primo giugno",
    ),
    "number": (
        "quattro", "undici", "ventitré", "trentotto", "sessantacinque", "centodue", "novemila", "zero", "quindici",
        "sette", "ottanta", "mezzo milione",
    ),
    "verb": (
        "cantare", "viaggiare", "aprire la finestra", "ascoltare con attenzione", "giocare a scacchi",
        "lavare i piatti", "scegliere un colore", "respirare piano", "cambiare argomento", "alzarsi prima",
        "tornare a casa",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time} {person} {did} {thing}.",
        "Qui è {adjective}, e {person} lo sa.",
        "Potremmo {verb}, o semplicemente aspettare {where}.",
        "Il prezzo è di {number} euro e {number} centesimi.",
        "{number}, {number}, {number}, e poi ancora {number}.",
        "Hai visto {person}? Credo che si debba {verb}.",
        "Perché qualcuno vorrebbe {verb} {time}?",
        "Sì, {person} {did} {thing}, ma era {adjective}.",
        "Che giornata! Andiamo a {verb}.",
    ),
    "valid": (
        "Non sapevo che {person} {did} {thing} {time}.",
        "{where} sembrava tutto {adjective}, diceva {person}.",
        "Prima {number}, poi {number}: così era scritto {where}.",
    ),
    "test": (
        "Chi {did} {thing} {where}?",
        "{number} minuti dopo {person} {did} {thing}.",
        "Dicono che fosse {adjective} {where} {time}.",
        "Chiedi se anche {person} sa {verb}.",
    ),
}

LANGUAGE = Language("it", ("it",), _WORDS, _TEMPLATES)
