"""Makes the held-out clips of the tests and the zoo's calibration clip.

Written by ``python -m slimse_mcu.training.clips``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import soundfile
from numpy.typing import NDArray

from slimse_mcu.training.noise import KINDS, make_noise
from slimse_mcu.training.speech import SAMPLE_RATE_HZ, Utterance, plan_utterances, synthesize

HELD_OUT_SEED = 2
CALIBRATION_SEED = 777
_BABBLE_VOICES = 40


@dataclass(frozen=True, slots=True)
class Clip:
    """Noisy and clean audio of one sentence or two.

    Attributes:
        noisy: ``[samples]`` int16 at 16 kHz.
        clean: The speech in it.
        snr_db: Ratio of active speech to noise.
        noise: Kind of the noise.
        voice: Who speaks.
    """

    noisy: NDArray[np.int16]
    clean: NDArray[np.int16]
    snr_db: float
    noise: str
    voice: str


def held_out_clips(
    count: int, *, seed: int = HELD_OUT_SEED, snr_db: tuple[float, float] = (0.0, 15.0)
) -> Iterator[Clip]:
    """Yield clips of 3 to 5 s with voices, sentences and noise that no training saw.

    Args:
        count: Number of clips; the ratios spread evenly over ``snr_db``, the kinds of noise take turns.
        seed: Same seed, same clips.
        snr_db: Least and greatest ratio.
    """
    ratios = np.linspace(*snr_db, count)
    yield from _clips("test", count, seed, ratios, level_db=(-6.0, 6.0), seconds=(3.0, 5.0))


def calibration_audio(*, seed: int = CALIBRATION_SEED) -> NDArray[np.int16]:
    """About 30 s of mixtures like the training's: -5 to 20 dB, levels from -18 to +8 dB around -26 dBFS."""
    ratios = np.linspace(-5.0, 20.0, 10)[np.random.default_rng(seed).permutation(10)]
    clips = _clips("train", 10, seed, ratios, level_db=(-18.0, 8.0), seconds=(2.5, 3.5))
    return np.concatenate([clip.noisy for clip in clips])


def _clips(
    split: str,
    count: int,
    seed: int,
    ratios_db: NDArray[np.float64],
    *,
    level_db: tuple[float, float],
    seconds: tuple[float, float],
) -> Iterator[Clip]:
    """Mix sentences of a fitting length with noise of all kinds in turn."""
    rng = np.random.default_rng([seed, len(split), 3])
    kinds = list(KINDS)
    planned = plan_utterances(split, 4 * count + _BABBLE_VOICES, seed)
    spoken = list(zip(planned, synthesize(planned), strict=True))
    babble = [audio for _, audio in spoken[:_BABBLE_VOICES]]
    fitting = _of_length(spoken[_BABBLE_VOICES:], seconds)
    for index, ((utterance, speech), snr_db) in enumerate(zip(fitting, ratios_db, strict=False)):
        kind = kinds[index % len(kinds)]
        noise = make_noise(kind, len(speech), babble, rng) * np.float32(10 ** (-snr_db / 20))
        gain = 10 ** (rng.uniform(*level_db) / 20)
        gain = min(gain, 0.95 / float(np.max(np.abs(speech + noise))))
        noisy, clean = (_pcm(gain * audio) for audio in (speech + noise, speech))
        yield Clip(noisy, clean, float(snr_db), kind, utterance.voice)


def _of_length(
    spoken: list[tuple[Utterance, NDArray[np.float32]]], seconds: tuple[float, float]
) -> Iterator[tuple[Utterance, NDArray[np.float32]]]:
    """Sentences whose length, with a third of a second before and after, lies in a range."""
    margin = SAMPLE_RATE_HZ // 3
    for utterance, audio in spoken:
        if seconds[0] <= (len(audio) + 2 * margin) / SAMPLE_RATE_HZ <= seconds[1]:
            yield utterance, np.pad(audio, margin)


def _pcm(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Float in [-1, 1) to int16."""
    return np.clip(np.round(audio * 32768), -32768, 32767).astype(np.int16)


@click.command()
@click.option("--held-out", type=click.Path(path_type=Path), default=Path("tests/data"), show_default=True)
@click.option("--calibration", type=click.Path(path_type=Path), default=Path("slimse_mcu/zoo/calibration.flac"))
@click.option("--count", default=6, show_default=True, help="Held-out clips.")
def main(held_out: Path, calibration: Path, count: int) -> None:
    """Write held-out clips into HELD_OUT/noisy and HELD_OUT/clean, and the calibration clip."""
    for folder in ("noisy", "clean"):
        (held_out / folder).mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(held_out_clips(count), 1):
        name = f"clip{number:02}.wav"
        soundfile.write(held_out / "noisy" / name, clip.noisy, SAMPLE_RATE_HZ, subtype="PCM_16")
        soundfile.write(held_out / "clean" / name, clip.clean, SAMPLE_RATE_HZ, subtype="PCM_16")
        length = len(clip.noisy) / SAMPLE_RATE_HZ
        click.echo(f"{name}: {length:.1f} s, {clip.voice}, {clip.noise} noise at {clip.snr_db:.0f} dB")
    audio = calibration_audio()
    soundfile.write(calibration, audio, SAMPLE_RATE_HZ, subtype="PCM_16")
    click.echo(f"{calibration.name}: {len(audio) / SAMPLE_RATE_HZ:.1f} s")


if __name__ == "__main__":
    main()
