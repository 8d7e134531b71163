"""Dutch."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "mijn broer", "de oude lerares", "een jonge dokter", "onze buurvrouw", "de bakker", "het kleine meisje",
        "een vermoeide chauffeur", "zijn grootvader", "de postbode", "een vriendelijke ober", "de nieuwe baas",
        "mevrouw Schuurman", "meneer Van Gogh",
    ),
    "thing": (
        "de gele paraplu", "de kapotte radio", "zes verse eieren", "een zware koffer", "het zilveren horloge",
        "een landkaart", "de houten stoel", "een kom soep", "de blauwe fiets", "een paar schoenen", "de sleutel",
        "een bos bloemen", "de verjaardagstaart",
    ),
    "where": (
        "in de tuin", "op het station", "in de keuken", "op de markt", "achter de school", "langs de rivier",
        "op de derde verdieping", "op de brug", "in een klein dorp", "voor het postkantoor", "in de bergen",
        "naast het gemeentehuis",
    ),
    "did": (
        "verkocht", "zocht", "vond", "repareerde", "vergat", "vroeg om", "toonde", "kocht", "schilderde", "bracht",
        "verloor", "beschreef",
    ),
    "adjective": (
        "rustig", "duur", "vrolijk", "enorm", "moeilijk", "nogal koud", "verrassend goed", "half leeg", "gevaarlijk",
        "heel licht", "veel te lang", "een beetje droevig",
    ),
    "time": (
        "gisterochtend", "op vrijdag", "vlak voor middernacht", "iedere zomer", "na de storm", "vorige week",
        "om half acht", "tijdens de vakantie", "twee keer per maand", "veel te vroeg", "op één juni",
    ),
    "number": (
        "vier", "elf", "drieëntwintig", "achtendertig", "vijfenzestig", "honderdtwee", "negenduizend", "nul",
        "vijftien", "zeven", "tachtig", "een half miljoen",
    ),
    "verb": (
        "zingen", "reizen", "het raam openen", "goed luisteren", "schaken", "de afwas doen", "een kleur kiezen",
        "langzaam ademen", "van onderwerp veranderen", "vroeger opstaan", "naar huis gaan",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time} {did} {person} {thing}.",
        "Het is {adjective} {where}, en {person} weet dat.",
        "We zouden kunnen {verb}, of gewoon {where} wachten.",
        "De prijs is {number} euro en {number} cent.",
        "{number}, {number}, {number}, en dan nog {number}.",
        "Heb je {person} gezien? Ik denk dat we moeten {verb}.",
        "Waarom zou iemand {time} willen {verb}?",
        "Ja, {person} {did} {thing}, maar het was {adjective}.",
        "Wat een dag! Laten we {verb}.",
    ),
    "valid": (
        "Ik wist niet dat {person} {time} {thing} {did}.",
        "{where} was alles {adjective}, zei {person}.",
        "Eerst {number}, daarna {number}: zo stond het {where}.",
    ),
    "test": (
        "Wie {did} {thing} {where}?",
        "{number} minuten later {did} {person} {thing}.",
        "Ze zeggen dat het {time} {where} {adjective} was.",
        "Vraag of {person} ook kan {verb}.",
    ),
}

LANGUAGE = Language("nl", ("nl",), _WORDS, _TEMPLATES)
