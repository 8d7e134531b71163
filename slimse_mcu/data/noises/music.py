"""Music-like: chords and a melody of a random key, plucked or held, perhaps with drums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.noises.shaping import Audio, Signal, above_floor, unit

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10))
_TONE_HARMONICS = 12
_REST = 0.2


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    beat = int(SAMPLE_RATE_HZ * 60 / rng.uniform(60, 180))
    scale = _SCALES[rng.integers(len(_SCALES))]
    key = int(rng.integers(40, 56))
    timbres = [_timbre(rng) for _ in range(2)]
    total = np.zeros(samples)
    for start in range(-int(rng.integers(4 * beat)), samples, 4 * beat):
        degree = int(rng.integers(len(scale)))
        for step in (0, 2, 4):
            _add(total, start, _tone(_pitch(key, scale, degree + step), 4 * beat, *timbres[0]), 0.5)
    melody, length = int(rng.integers(len(scale))), beat // int(rng.integers(1, 4))
    for start in range(-int(rng.integers(length)), samples, length):
        melody = int(np.clip(melody + rng.integers(-3, 4), -3, 2 * len(scale)))
        if rng.random() > _REST:
            _add(total, start, _tone(_pitch(key + 12, scale, melody), 2 * length, *timbres[1]), 0.8)
    if rng.random() < 0.6:
        total = unit(total) + rng.uniform(0.2, 1.2) * unit(_drums(samples, beat, rng))
    return above_floor(total, (-45.0, -20.0), rng)


def _timbre(rng: np.random.Generator) -> tuple[Signal, float, float]:
    """Amplitudes of the harmonics, time constant of the decay as a part of the tone, attack in seconds."""
    amplitudes = np.arange(1, _TONE_HARMONICS + 1) ** -rng.uniform(0.5, 2.0) * rng.uniform(0.2, 1, _TONE_HARMONICS)
    return amplitudes, rng.uniform(0.15, 2.0), rng.uniform(0.003, 0.08)


def _pitch(key: int, scale: tuple[int, ...], degree: int) -> float:
    """Frequency of a degree of a scale."""
    octave, within = divmod(degree, len(scale))
    return float(440.0 * 2 ** ((key + 12 * octave + scale[within] - 69) / 12))


def _tone(hz: float, samples: int, amplitudes: Signal, decay: float, attack_s: float) -> Signal:
    """One tone; higher harmonics fade sooner."""
    t = np.arange(samples) / SAMPLE_RATE_HZ
    tone = np.zeros(samples)
    for number, amplitude in enumerate(amplitudes, 1):
        if number * hz < 0.47 * SAMPLE_RATE_HZ:
            fade = np.exp(-t * (1 + 0.3 * number) / (decay * samples / SAMPLE_RATE_HZ))
            tone += amplitude * fade * np.sin(2 * np.pi * number * hz * t)
    ends: Signal = np.minimum(1.0, t / attack_s) * np.minimum(1.0, (t[-1] - t) / 0.01)
    return tone * ends


def _drums(samples: int, beat: int, rng: np.random.Generator) -> Signal:
    """A low drum on the beats and a bright one in between."""
    total = np.zeros(samples)
    t = np.arange(SAMPLE_RATE_HZ // 4) / SAMPLE_RATE_HZ
    low = np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-t * 30)))) * np.exp(-t * 14)
    for number, start in enumerate(range(0, samples, max(beat // 2, 1))):
        if number % 2 == 0:
            _add(total, start, low, 1.0)
        if rng.random() < 0.7:
            bright = np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t * rng.uniform(25, 80))
            _add(total, start, bright, rng.uniform(0.1, 0.5))
    return total


def _add(total: Signal, start: int, part: Signal, amplitude: float) -> None:
    """Add a part that may stick out at either end."""
    first, last = max(start, 0), min(start + len(part), len(total))
    if first < last:
        total[first:last] += amplitude * part[first - start : last - start]
