"""flite: diphones and statistical voices of recorded English speakers."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from slimse_mcu.data.engines.engine import Engine, Manner, Voice, Waveform

# kal and slt speak in festival, too.
_SPEAKERS = {"kal16": "train", "awb": "train", "slt": "train", "rms": "test"}
_USUAL_HZ = {"kal16": 100, "awb": 115, "slt": 170, "rms": 100}


class _Flite(Engine):
    name = "flite"
    share = 0.25
    voices = tuple(
        Voice("flite", name, name.rstrip("0123456789"), "en", split, name == "slt") for name, split in _SPEAKERS.items()
    )

    def lacks(self) -> tuple[str, ...]:
        return () if shutil.which("flite") else ("flite",)

    def version(self) -> str:
        match = re.search(r"version: (\S+)", self.run(["flite", "--version"], usual=(0, 1)).decode(errors="replace"))
        return match[1] if match else "unknown"

    def speak(self, voice: Voice, manner: Manner, texts: Sequence[str]) -> list[Waveform]:
        hz = round(_USUAL_HZ[voice.name] * manner.pitch)
        settings = ["--setf", f"duration_stretch={1 / manner.rate:.4f}", "--setf", f"int_f0_target_mean={hz}"]
        with tempfile.TemporaryDirectory(prefix="slimse-flite-") as folder:
            wav = Path(folder, "spoken.wav")
            spoken = []
            for text in texts:
                self.run(["flite", "-voice", voice.name, *settings, "-t", text, "-o", str(wav)])
                spoken.append(self.decoded(wav.read_bytes(), voice))
            return spoken


ENGINE = _Flite()
