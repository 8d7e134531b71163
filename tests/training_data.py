"""Tiny data and configs to train on."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from slimse_mcu.data import SpeechAndNoise
from slimse_mcu.data.audio_files import Recording, probe
from slimse_mcu.training.config import Config, parse_config
from slimse_mcu.training.train import Data, Unwatched

RATE_HZ = 16000


def write_corpus(folder: Path, files: int = 3, seconds: float = 3.0, seed: int = 5) -> None:
    """Files in ``folder/clean`` and ``folder/noise``: below 2.5 kHz in syllables, and white."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * RATE_HZ)
    for role in ("clean", "noise"):
        (folder / role).mkdir(parents=True, exist_ok=True)
    for number in range(files):
        spectrum = np.fft.rfft(rng.normal(0, 0.1, samples))
        spectrum[int(2500 * seconds) :] *= 0.01
        syllables = np.repeat(rng.random(samples // 1600 + 1) > 0.3, 1600)[:samples]
        speech = np.fft.irfft(spectrum, samples) * syllables
        soundfile.write(folder / "clean" / f"{number}.wav", speech, RATE_HZ, subtype="PCM_16")
        soundfile.write(folder / "noise" / f"{number}.wav", rng.normal(0, 0.05, samples), RATE_HZ, subtype="PCM_16")


def write_pairs(folder: Path) -> None:
    """A data set with pairs to train on and to validate on."""
    for seed, split in enumerate(("train", "valid")):
        write_corpus(folder / split, files=2, seed=seed)
        (folder / split / "noisy").mkdir()
        for clean in (folder / split / "clean").iterdir():
            noise = folder / split / "noise" / clean.name
            mixed = soundfile.read(clean)[0] + soundfile.read(noise)[0]
            soundfile.write(folder / split / "noisy" / clean.name, mixed, RATE_HZ, subtype="PCM_16")


def tiny_data(folder: Path) -> Data:
    """The corpus of a folder, written if it is not there; the first file is to validate on."""
    if not (folder / "clean").is_dir():
        write_corpus(folder)
    found = {role: [probe(path) for path in sorted((folder / role).glob("*.wav"))] for role in ("clean", "noise")}
    assert all(isinstance(one, Recording) for files in found.values() for one in files)

    def part(split: str, files: slice) -> SpeechAndNoise:
        return SpeechAndNoise(folder, "dns", split, speech=found["clean"][files], noise=found["noise"][files])

    return Data(part("train", slice(1, None)), part("valid", slice(0, 1)))


NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "convfsenet": {"bottleneck": 8, "hidden": 12, "stacks": 1, "dilations": [2], "gating_width": 4},
    "dsn_ftf": {"bands": 8, "encoder": 4, "channels": 6, "key_dim": 2, "policy_features": 4, "policy_hidden": 4},
}
GUIDANCE: Mapping[str, Mapping[str, Any]] = {
    "convfsenet": {"kind": "gating", "ramp_steps": 5},
    "dsn_ftf": {"kind": "metric-guidance", "metric": "snr", "ramp_steps": 5, "cool_steps": 5},
}


def tiny_config(architecture: str = "convfsenet", *, gates: bool = True, **tables: Any) -> Config:
    """A config of a tiny network; ``tables`` are merged into it."""
    values: dict[str, Any] = {
        "name": "tiny",
        "architecture": architecture,
        "network": {**NETWORKS[architecture], "gates": gates},
        "training": {
            "steps": 4,
            "steps_per_epoch": 2,
            "batch": 2,
            "seconds": 0.1,
            "warmup_steps": 2,
            "learning_rate": 0.01,
            "jit": False,
        },
        "validation": {"clips": 1, "seconds": 0.5},
    }
    if gates:
        values["guidance"] = dict(GUIDANCE[architecture])
    for name, table in tables.items():
        values[name] = {**values.get(name, {}), **table} if isinstance(table, dict) else table
    return parse_config(values, "tiny.toml")


class StopsAfter(Unwatched):
    """Sends this process a signal after a step, as a user or a scheduler would."""

    def __init__(self, step: int, number: int) -> None:
        self._step, self._signal = step, number

    def step(self, step: int, logs: Any) -> None:
        if step == self._step:
            signal.raise_signal(self._signal)
