"""Writing mixtures as a set of pairs: to evaluate on speech and noise that are mixed on the fly in training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from slimse_mcu.data.audio_files import write_flac
from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.mixing import Mixer
from slimse_mcu.data.sets.index import INDEX
from slimse_mcu.errors import SlimseError


def write_mixtures(mixer: Mixer, count: int, out: Path, advance: Callable[[str, int, int], None] | None = None) -> None:
    """Write mixtures 0, 1, ... into ``OUT/noisy`` and ``OUT/clean``, their ratios into ``OUT/index.csv``.

    Args:
        mixer: Draws them; mixtures without speech have no place in such a set.
        count: How many.
        out: A folder that does not exist yet; it is there whole or not at all.
        advance: Called with ``"mixtures"``, how many are written, and of how many.

    Raises:
        SlimseError: The folder exists, or the recordings cannot be used.
    """
    if out.exists():
        raise SlimseError(f"{out} exists already.", hint="Name a new folder.")
    work = out.with_name(f".{out.name}.{os.getpid()}.part")
    rows = ["name,snr_db"]
    try:
        for number in range(count):
            one, name = mixer.mixture(number), f"mixed{number:04d}"
            write_flac(work / "noisy" / f"{name}.flac", one.gain * (one.speech + one.noise))
            write_flac(work / "clean" / f"{name}.flac", one.gain * one.speech)
            rows.append(f"{name},{one.snr_db:.2f}")
            if advance is not None:
                advance("mixtures", number + 1, count)
        (work / INDEX).write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
        work.replace(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def describe(mixer: Mixer, count: int) -> str:
    """One line: how much was written of what."""
    return f"{count} mixtures of {mixer.samples / SAMPLE_RATE_HZ:g} s of {mixer.sources.describe()}"
