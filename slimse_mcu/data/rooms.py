"""Rooms: impulse responses of shoe-box rooms by the image-source method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data.levels import SAMPLE_RATE_HZ

_FROM_WALL_M = 0.4
_LEAD = SAMPLE_RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class Room:
    """A talker and a microphone in a room.

    Attributes:
        name: ``"dry"`` or the reverberation time in words, such as ``"rt60 0.32 s"``.
        size_m: Length, width, height.
        rt60_s: Reverberation time; 0 is no room at all.
        source_m: Where the sound comes from.
        microphone_m: Where it is picked up.
    """

    name: str
    size_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rt60_s: float = 0.0
    source_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    microphone_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


DRY = Room("dry")


def draw_room(rng: np.random.Generator, *, distance_m: tuple[float, float] = (0.3, 2.0)) -> Room:
    """A random room.

    Args:
        rng: Source of all randomness.
        distance_m: Least and greatest distance from source to microphone.
    """
    size = np.array([rng.uniform(3, 8), rng.uniform(3, 6), rng.uniform(2.4, 3.5)])
    # Less than this no walls of the room could reach (Sabine); large rooms ring longer.
    least_s = 0.19 * float(np.cbrt(size.prod())) / 4.0
    rt60_s = float(np.exp(rng.uniform(np.log(least_s), np.log(0.6))))
    low, high = np.full(3, _FROM_WALL_M), size - _FROM_WALL_M
    microphone = source = rng.uniform(low, high)
    while source is microphone or not (np.all(source >= low) and np.all(source <= high)):
        direction = rng.standard_normal(3) * (1.0, 1.0, 0.3)
        source = microphone + rng.uniform(*distance_m) * direction / np.linalg.norm(direction)
    return Room(f"rt60 {rt60_s:.2f} s", _point(size), rt60_s, _point(source), _point(microphone))


def impulse_response(room: Room) -> NDArray[np.float32]:
    """The response from source to microphone at 16 kHz, from just before the direct sound on, peak 1.

    Raises:
        ModuleNotFoundError: pyroomacoustics is not installed.
    """
    if room.rt60_s == 0.0:
        return np.ones(1, np.float32)
    import pyroomacoustics

    # One thread: the order of summation, and with it the last bit, shall not depend on the machine's cores.
    pyroomacoustics.constants.set("num_threads", 1)
    absorption, order = pyroomacoustics.inverse_sabine(room.rt60_s, room.size_m)
    simulated = pyroomacoustics.ShoeBox(
        room.size_m, fs=SAMPLE_RATE_HZ, materials=pyroomacoustics.Material(absorption), max_order=order
    )
    simulated.add_source(room.source_m)
    simulated.add_microphone(room.microphone_m)
    simulated.compute_rir()
    response = np.asarray(simulated.rir[0][0], np.float64)
    direct = int(np.argmax(np.abs(response)))
    kept = response[max(direct - _LEAD, 0) : direct + int(room.rt60_s * SAMPLE_RATE_HZ)]
    return np.asarray(kept / np.abs(kept).max(), np.float32)


def in_room(audio: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Audio behind an impulse response, of the same length."""
    if len(response) == 1:
        return audio
    from scipy import signal

    return np.asarray(signal.fftconvolve(audio, response)[: len(audio)], np.float32)


def _point(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
