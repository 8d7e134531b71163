"""festival: diphone voices and a statistical (HTS) one of recorded English speakers."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slimse_mcu.data.engines.engine import Engine, Manner, Voice, Waveform
from slimse_mcu.errors import SlimseError


@dataclass(frozen=True, slots=True)
class _Speaker:
    """A voice of festival.

    Attributes:
        speaker: Whose voice it is.
        split: Where it belongs.
        package: The Debian package that has it.
        hz: Usual mean fundamental frequency; None where it cannot be changed.
        spread_hz: Its standard deviation.
    """

    speaker: str
    split: str
    package: str
    hz: float | None = None
    spread_hz: float = 0.0


_SPEAKERS = {
    "kal_diphone": _Speaker("kal", "train", "festvox-kallpc16k", 105, 14),
    "ked_diphone": _Speaker("ked", "valid", "festvox-kdlpc16k", 105, 15),
    "cmu_us_slt_arctic_hts": _Speaker("slt", "train", "festvox-us-slt-hts"),
}
_LIST = '(mapcar (lambda (voice) (format t "voice %s\\n" voice)) (voice.list))'


class _Festival(Engine):
    name = "festival"
    share = 0.15
    voices = tuple(
        Voice("festival", name, one.speaker, "en", one.split, one.speaker == "slt") for name, one in _SPEAKERS.items()
    )

    def lacks(self) -> tuple[str, ...]:
        if not shutil.which("festival"):
            return ("festival", *(one.package for one in _SPEAKERS.values()))
        listed = set(re.findall(r"voice (\S+)", self.run(["festival", "-b", _LIST]).decode(errors="replace")))
        return tuple(one.package for name, one in _SPEAKERS.items() if name not in listed)

    def version(self) -> str:
        match = re.search(r"System: (\S+)", self.run(["festival", "--version"]).decode(errors="replace"))
        return match[1] if match else "unknown"

    def speak(self, voice: Voice, manner: Manner, texts: Sequence[str]) -> list[Waveform]:
        with tempfile.TemporaryDirectory(prefix="slimse-festival-") as folder:
            wavs = [Path(folder, f"{number}.wav") for number in range(len(texts))]
            script = Path(folder, "script.scm")
            script.write_text("\n".join([*_settings(voice, manner), *map(_say, texts, wavs)]), encoding="ascii")
            self.run(["festival", "-b", str(script)])
            missing = next((text for text, wav in zip(texts, wavs, strict=True) if not wav.is_file()), None)
            if missing is not None:
                raise SlimseError(f'festival did not speak "{missing}" with the voice {voice.name}.')
            return [self.decoded(wav.read_bytes(), voice) for wav in wavs]


def _settings(voice: Voice, manner: Manner) -> list[str]:
    """Scheme that chooses a voice, its speed and its pitch."""
    speaker = _SPEAKERS[voice.name]
    chosen = [f"(voice_{voice.name})", f"(Parameter.set 'Duration_Stretch {1 / manner.rate:.4f})"]
    if speaker.hz is None:
        return [*chosen, f'(set! hts_engine_params (append hts_engine_params (list (list "-r" {manner.rate:.4f}))))']
    pitch = f"(target_f0_mean {speaker.hz * manner.pitch:.2f}) (target_f0_std {speaker.spread_hz})"
    return [*chosen, f"(set! int_lr_params '({pitch} (model_f0_mean 170) (model_f0_std 34)))"]


def _say(text: str, wav: Path) -> str:
    """Scheme that writes a sentence to a file."""
    return f"(utt.save.wave (SynthText {_quoted(text)}) {_quoted(str(wav))} 'riff)"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


ENGINE = _Festival()
