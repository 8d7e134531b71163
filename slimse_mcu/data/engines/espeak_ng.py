"""espeak-ng: formant synthesis, many languages; its variants are the speakers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from slimse_mcu.data.engines.engine import Engine, Manner, Voice, Waveform
from slimse_mcu.data.languages import languages

# Low voices, and high ones (women, children); robots, whispers and demons are left out.
_LOW = {
    "train": (
        "m1", "m2", "m3", "m4", "m5", "Alex", "Andy", "Denis", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee",
        "Marco", "Mario", "Michael", "adam", "antonio", "benjamin", "boris", "caleb", "ed", "edward", "edward2",
        "iven", "iven2", "iven3", "john", "kaukovalta", "klatt", "klatt2", "klatt3", "marcelo", "max", "michel",
        "miguel", "norbert", "pablo", "paul", "quincy", "rob", "sandro", "travis", "victor", "RicishayMax",
        "RicishayMax3", "Tweaky", "announcer", "croak", "fast",
    ),
    "valid": ("m7", "Mike", "david", "grandpa", "pedro", "robert", "klatt5", "AnxiousAndy"),
    "test": ("m6", "m8", "Diogo", "gustave", "iven4", "klatt4", "RicishayMax2"),
}  # fmt: skip
_HIGH = {
    "train": (
        "f1", "f2", "f3", "Alicia", "Nguyen", "anika", "aunty", "belinda", "grandma", "shelby", "steph", "zac",
    ),
    "valid": ("f5", "Annie", "steph2"),
    "test": ("f4", "Andrea", "linda", "steph3"),
}  # fmt: skip
# At the usual 100 some variants are clipped.
_AMPLITUDE = "30"
_USUAL_WORDS_PER_MINUTE = 165
_USUAL_PITCH = 50


class _EspeakNg(Engine):
    name = "espeak-ng"
    share = 0.6
    voices = tuple(
        Voice("espeak-ng", f"{accent}+{variant}", f"espeak-ng {variant}", language.code, split, high)
        for high, splits in ((False, _LOW), (True, _HIGH))
        for split, variants in splits.items()
        for language in languages().values()
        for accent in language.accents
        for variant in variants
    )

    def lacks(self) -> tuple[str, ...]:
        return () if shutil.which("espeak-ng") else ("espeak-ng",)

    def version(self) -> str:
        match = re.search(r"text-to-speech: (\S+)", self.run(["espeak-ng", "--version"]).decode(errors="replace"))
        return match[1] if match else "unknown"

    def speak(self, voice: Voice, manner: Manner, texts: Sequence[str]) -> list[Waveform]:
        speed = round(_USUAL_WORDS_PER_MINUTE * manner.rate)
        pitch = min(max(round(_USUAL_PITCH * (1 + 2 * (manner.pitch - 1))), 0), 99)
        command = ["espeak-ng", "-v", voice.name, "-s", str(speed), "-p", str(pitch), "-a", _AMPLITUDE]
        return [self.decoded(self.run([*command, "--stdin", "--stdout"], text), voice) for text in texts]


ENGINE = _EspeakNg()
