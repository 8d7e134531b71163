"""German."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "mein Bruder", "die alte Lehrerin", "ein junger Arzt", "unsere Nachbarin", "der Bäcker", "das kleine Mädchen",
        "ein müder Fahrer", "die Ingenieurin", "sein Großvater", "der Briefträger", "eine fröhliche Kellnerin",
        "der neue Chef", "Frau Schröder", "Herr Zwölfer",
    ),
    "thing": (
        "den gelben Schirm", "das kaputte Radio", "sechs frische Eier", "einen schweren Koffer", "die silberne Uhr",
        "eine Landkarte", "den hölzernen Stuhl", "eine Schüssel Suppe", "das blaue Fahrrad", "ein Paar Schuhe",
        "den Schlüssel", "einen Strauß Blumen", "das Geburtstagsgeschenk",
    ),
    "where": (
        "im Garten", "am Bahnhof", "in der Küche", "auf dem Markt", "hinter der Schule", "am Flussufer",
        "im dritten Stock", "auf der Brücke", "in einem kleinen Dorf", "vor der Post", "in den Bergen",
        "neben dem Rathaus", "an der Haltestelle",
    ),
    "did": (
        "verkaufte", "suchte", "fand", "reparierte", "vergaß", "brauchte", "zeigte", "kaufte", "malte", "holte",
        "verlor", "fotografierte", "beschrieb",
    ),
    "adjective": (
        "ruhig", "teuer", "fröhlich", "riesig", "schwierig", "ziemlich kalt", "überraschend gut", "halb leer",
        "gefährlich", "sehr hell", "schrecklich langweilig", "neblig", "zu laut",
    ),
    "time": (
        "gestern Morgen", "am Freitag", "kurz vor Mitternacht", "jeden Sommer", "nach dem Sturm", "letzte Woche",
        "um halb acht", "in den Ferien", "zweimal im Monat", "zu früh", "einige Stunden lang", "am ersten Juni",
    ),
    "number": (
        "vier", "elf", "dreiundzwanzig", "achtunddreißig", "fünfundsechzig", "hundertzwei", "neuntausend", "null",
        "fünfzehn", "sieben", "achtzig", "zwölf",
    ),
    "verb": (
        "singen", "verreisen", "das Fenster öffnen", "genau zuhören", "Schach spielen", "das Geschirr spülen",
        "eine Farbe aussuchen", "langsam atmen", "das Thema wechseln", "früher aufstehen", "nach Hause gehen",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time} {did} {person} {thing}.",
        "Es ist {adjective} {where}, und {person} weiß das.",
        "Wir könnten {verb} oder einfach {where} warten.",
        "Der Preis beträgt {number} Euro und {number} Cent.",
        "{number}, {number}, {number} und dann noch {number}.",
        "Hast du {person} gesehen? Ich glaube, wir wollten {verb}.",
        "Warum sollte jemand {time} {verb}?",
        "Ja, {person} {did} {thing}, aber es war {adjective}.",
        "Heute ist es {adjective}, gehen wir nach draußen!",
    ),
    "valid": (
        "Ich wusste nicht, dass {person} {time} {thing} {did}.",
        "{where} war es {adjective}, sagte {person}.",
        "Zuerst {number}, danach {number}: so stand es {where}.",
    ),
    "test": (
        "Wer {did} {thing} {where}?",
        "{number} Minuten später {did} {person} {thing}.",
        "Man erzählt sich, {where} sei es {time} {adjective}.",
        "Bitte sag, ob {person} auch {verb} kann.",
    ),
}

LANGUAGE = Language("de", ("de",), _WORDS, _TEMPLATES)
