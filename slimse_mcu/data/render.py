"""Making the files of a synthetic corpus from their recipes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from slimse_mcu.data import noises
from slimse_mcu.data.audio_files import write_flac
from slimse_mcu.data.engines import Waveform, engines
from slimse_mcu.data.languages import languages
from slimse_mcu.data.levels import NOMINAL_DBFS, SAMPLE_RATE_HZ, active_rms, at_level, gain, rms
from slimse_mcu.data.recipe import Recipe, Talk
from slimse_mcu.data.rooms import impulse_response, in_room
from slimse_mcu.errors import SlimseError

Audio = NDArray[np.float32]

_CLEAN_S = (10.0, 20.0)
_PAIR_S = (4.0, 8.0)
_LEVEL_DB = (-12.0, 6.0)
_SENTENCE_DB = 2.0
_PEAK = 0.95
_MARGIN = SAMPLE_RATE_HZ // 20
_FADE = SAMPLE_RATE_HZ // 50
_ATTEMPTS = 40


def render(recipe: Recipe, root: Path, babble: Path) -> None:
    """Make a file, or the two of a pair.

    Args:
        recipe: Which one.
        root: Folder of the corpus.
        babble: Folder that holds ``SPLIT/babble`` already, unless that is what is made.

    Raises:
        SlimseError: A speech engine failed.
    """
    if recipe.role == "babble":
        write_flac(babble / f"{recipe.name}.flac", _speech(recipe, _CLEAN_S))
    elif recipe.role == "clean":
        write_flac(root / f"{recipe.name}.flac", _speech(recipe, _CLEAN_S))
    elif recipe.role == "noise":
        noise = _noise(recipe, int(recipe.seconds * SAMPLE_RATE_HZ), babble)
        write_flac(root / f"{recipe.name}.flac", _below_peak(noise * np.float32(gain(NOMINAL_DBFS))))
    else:
        noisy, clean = _pair(recipe, babble)
        for folder, audio in (("clean", clean), ("noisy", noisy)):
            write_flac(root / recipe.split / folder / f"{recipe.name}.flac", audio)


def is_rendered(recipe: Recipe, root: Path, babble: Path) -> bool:
    """Whether the file, or both files, are there."""
    if recipe.role == "pair":
        return all((root / recipe.split / one / f"{recipe.name}.flac").is_file() for one in ("noisy", "clean"))
    return ((babble if recipe.role == "babble" else root) / f"{recipe.name}.flac").is_file()


def _speech(recipe: Recipe, seconds: tuple[float, float]) -> Audio:
    """Sentences of one voice with pauses, in a room, at the nominal level."""
    talk = recipe.talk
    assert talk is not None
    rng = recipe.rng(2)
    spoken = _sentences(talk, recipe.split, rng)
    dry = _short(spoken, rng, seconds) if recipe.role == "pair" else _long(spoken, rng, seconds)
    return _below_peak(at_level(in_room(dry, impulse_response(talk.room)), NOMINAL_DBFS))


def _noise(recipe: Recipe, samples: int, babble: Path) -> Audio:
    """Noise of unit level, other voices than the recipe's in its babble."""
    noise = recipe.noise
    assert noise is not None
    speaker = recipe.talk.voice.speaker if recipe.talk is not None else ""
    recorded = _babble(babble / recipe.split / "babble")
    voices = [audio for name, audio in recorded if name != speaker] or [audio for _, audio in recorded]
    audio = noises.make_noise(noise.kind, samples, voices, recipe.rng(3))
    reverberant = in_room(audio, impulse_response(noise.room))
    return at_level(reverberant, 0.0, level=rms(reverberant))


def _pair(recipe: Recipe, babble: Path) -> tuple[Audio, Audio]:
    """A noisy recording at its ratio and its clean reference."""
    speech = _speech(recipe, _PAIR_S)
    noise = _noise(recipe, len(speech), babble) * np.float32(active_rms(speech) * gain(-recipe.snr_db))
    level = np.float32(gain(recipe.rng(4).uniform(*_LEVEL_DB)))
    level = min(level, np.float32(_PEAK) / np.max(np.abs(speech + noise)))
    return level * (speech + noise), level * speech


def _sentences(talk: Talk, split: str, rng: np.random.Generator) -> Iterator[Audio]:
    """Sentence after sentence, trimmed, at 16 kHz and about one level."""
    language = languages()[talk.voice.language]
    engine = engines()[talk.voice.engine]
    silent = 0
    while True:
        texts = [language.sentence(split, rng) for _ in range(4)]
        for wave in engine.speak(talk.voice, talk.manner, texts):
            audio = _trimmed(_at_rate(wave, talk.shift))
            silent += active_rms(audio) == 0.0
            if silent > _ATTEMPTS:
                raise SlimseError(f"{engine.name} says nothing with the voice {talk.voice.name}.")
            if len(audio):
                yield at_level(audio, NOMINAL_DBFS + rng.uniform(-_SENTENCE_DB, _SENTENCE_DB))


def _at_rate(wave: Waveform, shift: float) -> Audio:
    """Resampled to 16 kHz with all frequencies multiplied, without offset."""
    audio = soxr.resample(wave.samples - wave.samples.mean(), wave.rate_hz * shift, SAMPLE_RATE_HZ)
    return np.asarray(audio, np.float32)


def _trimmed(audio: Audio) -> Audio:
    """Leading and trailing silence cut down to 50 ms."""
    loud = np.flatnonzero(np.abs(audio) > 0.01 * np.max(np.abs(audio), initial=1e-6))
    return audio[max(0, loud[0] - _MARGIN) : loud[-1] + _MARGIN] if len(loud) else audio[:0]


def _long(spoken: Iterator[Audio], rng: np.random.Generator, seconds: tuple[float, float]) -> Audio:
    """Sentences with pauses, most of them short, some of two seconds; ends anywhere."""
    wanted = int(rng.uniform(*seconds) * SAMPLE_RATE_HZ)
    parts = [_silence(min(2.0, rng.exponential(0.4)))]
    while sum(map(len, parts)) < wanted:
        parts += [next(spoken), _silence(min(2.5, 0.1 + rng.exponential(0.5)))]
    whole = np.concatenate(parts)[:wanted]
    whole[-_FADE:] *= np.linspace(1, 0, _FADE, dtype=np.float32)
    return whole


def _short(spoken: Iterator[Audio], rng: np.random.Generator, seconds: tuple[float, float]) -> Audio:
    """One or two whole sentences with pauses of half a second to two seconds before, between and after."""
    least, most = (int(one * SAMPLE_RATE_HZ) for one in seconds)
    wanted = rng.uniform(least, most)
    parts = [_silence(rng.uniform(0.5, 1.0))]
    for sentence in spoken:
        pause = _silence(rng.uniform(0.5, 2.0))
        length = sum(map(len, parts)) + len(sentence) + len(pause)
        if length <= most:
            parts += [sentence, pause]
            if length >= wanted:
                break
        elif sum(map(len, parts)) >= least:
            break
    return np.concatenate(parts)


def _silence(seconds: float) -> Audio:
    return np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)


def _below_peak(audio: Audio) -> Audio:
    """The same, softer where it would leave full scale."""
    peak = float(np.max(np.abs(audio)))
    return audio if peak <= _PEAK else (audio * np.float32(_PEAK / peak)).astype(np.float32)


@cache
def _babble(folder: Path) -> list[tuple[str, Audio]]:
    """Speech of other voices, each with its speaker."""
    return [
        (path.stem.partition(" ")[2], soundfile.read(path, dtype="float32")[0])
        for path in sorted(folder.glob("*.flac"))
    ]
