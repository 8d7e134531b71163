"""Levels of speech and noise, in the one way that mixing, synthesis and tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16000
"""Rate of all audio inside this package."""

NOMINAL_DBFS = -26.0
"""Active level of speech before level augmentation, relative to full scale (1.0)."""

_FRAME = SAMPLE_RATE_HZ // 50
_ACTIVE_RANGE = 1e-3


def rms(audio: NDArray[Any]) -> float:
    """Root mean square; 0 of no samples."""
    if audio.size == 0:
        return 0.0
    flat = audio.astype(np.float32, copy=False).ravel()
    return float(np.sqrt(np.dot(flat, flat) / flat.size))


def active_rms(audio: NDArray[Any]) -> float:
    """Root mean square over the 20 ms frames within 30 dB of the loudest one: the level of speech without its pauses.

    Args:
        audio: ``[samples]`` at 16 kHz.

    Returns:
        The level, 0 for silence or less than one frame.
    """
    whole = audio[: len(audio) // _FRAME * _FRAME].astype(np.float32, copy=False).reshape(-1, _FRAME)
    power = np.einsum("ij,ij->i", whole, whole) / _FRAME
    if power.size == 0 or power.max() == 0.0:
        return 0.0
    return float(np.sqrt(np.mean(power[power > power.max() * _ACTIVE_RANGE], dtype=np.float64)))


def gain(decibel: float) -> float:
    """Factor on amplitudes."""
    return float(10.0 ** (decibel / 20.0))


def at_level(audio: NDArray[np.float32], dbfs: float, *, level: float | None = None) -> NDArray[np.float32]:
    """Scale to an active level; silence stays silence.

    Args:
        audio: ``[samples]`` at 16 kHz.
        dbfs: The wanted active level relative to full scale.
        level: The present level where it is known or not the active one.
    """
    now = active_rms(audio) if level is None else level
    return audio if now == 0.0 else (audio * np.float32(gain(dbfs) / now)).astype(np.float32, copy=False)


def pcm(audio: NDArray[Any]) -> NDArray[np.int16]:
    """Float in [-1, 1) to int16, rounded and clipped."""
    scaled: NDArray[np.float64] = np.round(audio * 32768.0)
    return np.clip(scaled, -32768, 32767).astype(np.int16)
