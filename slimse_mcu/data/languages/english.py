"""English, in the accents that espeak-ng has; flite and festival speak American and Scottish English."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "my brother", "the old teacher", "a young nurse", "our neighbour", "the pilot", "her cousin",
        "the baker", "a tired driver", "the new doctor", "your uncle", "the violin player",
        "a quiet child", "the shopkeeper", "his grandmother", "the engineer", "a friendly waiter",
        "the mayor", "the fisherman", "two students",
    ),
    "place": (
        "the harbour", "a small village", "the railway station", "the kitchen", "the northern valley",
        "the library", "a crowded market", "the garden", "the third floor", "the football ground",
        "the river bank", "an airport", "the old bridge", "the school yard", "a mountain hut",
        "the post office", "the edge of the forest",
    ),
    "thing": (
        "a yellow umbrella", "the broken radio", "six fresh eggs", "a heavy suitcase", "the silver key",
        "a paper map", "his winter jacket", "the wooden chair", "a bowl of soup", "the telephone",
        "a bunch of flowers", "some cheap furniture", "the birthday cake", "a box of matches",
        "the blue bicycle", "a pair of shoes",
    ),
    "did": (
        "carried", "forgot", "noticed", "repaired", "sold", "found", "wanted", "described", "painted",
        "borrowed", "dropped", "measured", "recognised", "returned", "asked for", "searched for",
        "photographed", "pushed",
    ),
    "adjective": (
        "quiet", "expensive", "cheerful", "enormous", "difficult", "smooth", "rather cold",
        "surprisingly good", "half empty", "dangerous", "very bright", "extremely slow", "famous",
        "narrow", "juicy", "rough",
    ),
    "time": (
        "yesterday morning", "on Friday", "just before midnight", "every summer", "after the storm",
        "last week", "at half past seven", "in the year nineteen sixty", "during the holidays",
        "twice a month", "too early", "while it was raining", "on the first of June", "for several hours",
    ),
    "number": (
        "four", "eleven", "twenty three", "thirty eight", "sixty five", "one hundred and two",
        "nine thousand", "zero", "fifteen", "seven", "eighty", "half a million",
    ),
    "verb": (
        "sing", "travel", "measure the temperature", "open the window", "wash the dishes",
        "listen carefully", "hurry", "play chess", "choose a colour", "change the subject",
        "join the club", "breathe slowly", "check the oil",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} near {place} {time}.",
        "{time}, {person} was at {place} with {thing}.",
        "Have you seen {person}? I think they {did} {thing}.",
        "It is {adjective} in {place}, and {person} knows it.",
        "There were {number} people at {place} {time}.",
        "Please {verb} before {person} arrives.",
        "{number}, {number}, {number}, and then {number} more.",
        "Why would anyone {verb} {time}?",
        "{person} told me to {verb}, but {thing} was {adjective}.",
        "The price is {number} pounds and {number} pence.",
        "We could {verb} together, or just wait at {place}.",
        "Nobody {did} {thing}, although it looked {adjective}.",
        "What a {adjective} day! Let us go to {place}.",
        "Between {place} and {place} you will find {thing}.",
        "If {person} can {verb}, then so can you.",
        "{thing} costs more than {number} dollars {time}.",
        "This road to {place} is {adjective}.",
        "Yes, {person} {did} it.",
        "Call {number} {number} {number} {number}.",
    ),
    "valid": (
        "Somebody at {place} asked whether {person} could {verb}.",
        "Look, {thing}! It was {adjective} {time}.",
        "We counted {number} boats and {number} birds {time}.",
        "Did {person} really walk from {place} to {place}?",
        "Do not {verb} now, {person} is asleep.",
    ),
    "test": (
        "I never knew that {person} could {verb}.",
        "Behind {place} stood {thing}, {adjective} as ever.",
        "{number} minutes later {person} {did} the same box again.",
        "Who left {thing} at {place}?",
        "She shut the door because {place} felt {adjective}.",
        "Tell {person} that gate {number} is now open.",
        "Thank you for waiting, we will {verb} shortly.",
        "They say {person} once {did} {thing} for {number} coins.",
    ),
}

LANGUAGE = Language(
    "en",
    (
        "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029",
        "en-us-nyc",
    ),
    _WORDS,
    _TEMPLATES,
)  # fmt: skip
