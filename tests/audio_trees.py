"""Tiny data sets for tests: recordings, broken files, the one smoke corpus that all workers of a run share."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 16000

needs_engines = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("espeak-ng", "flite")), reason="espeak-ng or flite is missing"
)


def tone(seconds: float, hz: float = 440.0, *, rate_hz: int = RATE_HZ, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """A tone that comes and goes, over a little noise: something with an active level."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 1.5 * t)
    return level * (envelope * np.sin(2 * np.pi * hz * t) + 0.05 * np.random.default_rng(seed).standard_normal(len(t)))


def put(path: Path, audio: np.ndarray, *, rate_hz: int = RATE_HZ, subtype: str = "PCM_16") -> Path:
    """Write a recording, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate_hz, subtype=subtype)
    return path


def put_pair(root: Path, name: str, seconds: float = 1.0, *, noisy: str = "noisy", clean: str = "clean", **how) -> None:
    """A clean tone and the same with noise at about 10 dB."""
    rate_hz = how.get("rate_hz", RATE_HZ)
    reference = tone(seconds, 300 + 10 * (len(name) % 7), rate_hz=rate_hz, seed=sum(map(ord, name)))
    noise = 0.02 * np.random.default_rng(sum(map(ord, name))).standard_normal(len(reference))
    put(root / clean / f"{name}.wav", reference, **how)
    put(root / noisy / f"{name}.wav", reference + noise, **how)


def put_broken(folder: Path) -> dict[str, str]:
    """Files that nobody can use; returns a word of the reason by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = put(folder / "ends_early.flac", tone(2.0))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    put(folder / "silent.wav", np.zeros(RATE_HZ))
    put(folder / "short.wav", tone(0.1))
    put(folder / "not_finite.wav", np.full(RATE_HZ, np.nan), subtype="FLOAT")
    put(folder / "no_samples.wav", np.zeros(0))
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.flac").write_text("this is no audio")
    (folder / "riff.wav").write_bytes(b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0")
    return {
        "ends_early.flac": "",
        "silent.wav": "silent",
        "short.wav": "too short",
        "not_finite.wav": "not finite",
        "no_samples.wav": "too short",
        "empty.wav": "empty",
        "text.flac": "cannot be read",
        "riff.wav": "cannot be read",
    }


def smoke_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smoke corpus with espeak-ng and flite, made once for all workers of a test run; read it, do not write."""
    from slimse_mcu.data.synthesis import synthesize

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with (shared / "smoke-corpus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first makes it, the others find it complete
        return synthesize(shared / "smoke-corpus", preset="smoke", engine_names=("espeak-ng", "flite")).path
