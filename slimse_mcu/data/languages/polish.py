"""Polish."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "mój brat", "stary nauczyciel", "młody lekarz", "nasz sąsiad", "piekarz", "mały chłopiec", "zmęczony kierowca",
        "jego dziadek", "listonosz", "uprzejmy kelner", "nowy szef", "pan Grzegorz", "inżynier Szczepański",
    ),
    "thing": (
        "żółty parasol", "zepsute radio", "sześć świeżych jajek", "ciężką walizkę", "srebrny zegarek",
        "mapę miasta", "drewniane krzesło", "miskę zupy", "niebieski rower", "parę butów", "klucz do garażu",
        "bukiet kwiatów", "tort urodzinowy",
    ),
    "where": (
        "w ogrodzie", "na dworcu", "w kuchni", "na targu", "za szkołą", "nad rzeką", "na trzecim piętrze",
        "na moście", "w małej wsi", "przed pocztą", "w górach", "obok ratusza",
    ),
    "did": (
        "sprzedał", "znalazł", "naprawił", "zgubił", "pokazał", "kupił", "namalował", "przyniósł", "opisał", "zamówił",
        "wyrzucił", "pożyczył",
    ),
    "adjective": (
        "spokojnie", "drogo", "wesoło", "trudno", "dosyć zimno", "zaskakująco dobrze", "prawie pusto", "niebezpiecznie",
        "bardzo jasno", "zbyt głośno", "trochę smutno", "okropnie nudno",
    ),
    "time": (
        "wczoraj rano", "w piątek", "tuż przed północą", "każdego lata", "po burzy", "w zeszłym tygodniu",
        "o wpół do ósmej", "podczas wakacji", "dwa razy w miesiącu", "zbyt wcześnie", "pierwszego czerwca",
    ),
    "number": (
        "cztery", "jedenaście", "dwadzieścia trzy", "trzydzieści osiem", "sześćdziesiąt pięć", "sto dwa",
        "dziewięć tysięcy", "zero", "piętnaście", "siedem", "osiemdziesiąt", "pół miliona",
    ),
    "verb": (
        "śpiewać", "podróżować", "otworzyć okno", "słuchać uważnie", "grać w szachy", "zmywać naczynia",
        "wybrać kolor", "oddychać powoli", "zmienić temat", "wstawać wcześniej", "wracać do domu",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time} {person} {did} {thing}.",
        "{where} jest {adjective}, wszyscy o tym wiedzą.",
        "Moglibyśmy {verb} albo po prostu poczekać {where}.",
        "Cena wynosi {number} złotych i {number} groszy.",
        "{number}, {number}, {number}, a potem jeszcze {number}.",
        "Czy to {person}? Chyba trzeba {verb}.",
        "Dlaczego ktoś miałby {verb} {time}?",
        "Tak, {person} {did} {thing}, ale było {adjective}.",
        "Jaki piękny dzień! Chodźmy {verb}.",
    ),
    "valid": (
        "Nie wiedziałem, że {person} {did} {thing} {time}.",
        "Podobno {where} było {adjective}, mówił {person}.",
        "Najpierw {number}, później {number}: tak było napisane {where}.",
    ),
    "test": (
        "Kto {did} {thing} {where}?",
        "{number} minut później {person} {did} {thing}.",
        "Mówią, że {time} {where} było {adjective}.",
        "Zapytaj, czy {person} umie także {verb}.",
    ),
}

LANGUAGE = Language("pl", ("pl",), _WORDS, _TEMPLATES)
