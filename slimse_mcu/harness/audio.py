"""Audio files: reading, pairing and writing.

Whatever a file holds becomes mono int16 at the model's rate, and the clip says in words what was done to it.
Files come from outside: sizes are bounded before anything is decoded, and values are checked after.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from slimse_mcu.errors import AudioError

SUFFIXES = (".wav", ".flac")
"""File names that a folder is searched for, in any case."""

_MOST_VALUES = 1 << 28
_MOST_CHANNELS = 64
_RATES_HZ = (1000, 768000)
_FULL_SCALE = 32768.0
_RESAMPLING_SLACK = 16


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording at the model's rate.

    Attributes:
        name: File name without folder and suffix.
        samples: int16, mono.
        sample_rate_hz: Rate of ``samples``.
        notes: What was done to the file's samples, in words; empty when they are untouched.
    """

    name: str
    samples: NDArray[np.int16]
    sample_rate_hz: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A noisy recording and, where there is one, its clean reference of the same length."""

    noisy: Clip
    clean: Clip | None


def read_audio(path: Path, sample_rate_hz: int) -> Clip:
    """A file as mono int16 at a given rate.

    Args:
        path: A WAV or FLAC file of any rate and number of channels.
        sample_rate_hz: The rate that the model was trained at.

    Raises:
        AudioError: The file cannot be read, is empty, too long, or holds values that are not finite.
    """
    samples, rate_hz = _decode(path)
    notes = []
    channels = samples.shape[1]
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1)
    if channels > 1:
        notes.append(f"mixed down from {channels} channels")
    if rate_hz != sample_rate_hz:
        mono = soxr.resample(mono, rate_hz, sample_rate_hz, quality="HQ")
        notes.append(f"resampled from {rate_hz} Hz to {sample_rate_hz} Hz")
        if len(mono) == 0:
            raise AudioError(f"{path} holds no sample at {sample_rate_hz} Hz.", hint="Give a longer recording.")
    scaled = np.floor(mono * _FULL_SCALE + 0.5)
    clipped = int(np.count_nonzero((scaled > 32767) | (scaled < -32768)))
    if clipped:
        notes.append(f"{clipped} samples beyond full scale clipped")
    pcm = np.clip(scaled, -32768, 32767).astype(np.int16)
    return Clip(path.stem, pcm, sample_rate_hz, tuple(notes))


def _decode(path: Path) -> tuple[NDArray[np.float64], int]:
    """All samples ``[frames, channels]`` as float64 in [-1, 1) and the file's rate."""
    if not path.is_file():
        raise AudioError(f"There is no audio file {path}.", hint="Give a WAV or FLAC file, or a folder of them.")
    try:
        with soundfile.SoundFile(path) as file:
            rate_hz, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
            _check_size(path, rate_hz, channels, frames)
            samples = file.read(frames, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise AudioError(
            f"{path} cannot be read as audio ({str(error).rpartition(': ')[2].strip().rstrip('.')}).",
            hint="Give a WAV or FLAC file that a player opens.",
        ) from error
    if len(samples) == 0:
        raise AudioError(f"{path} holds no samples.", hint="Remove the file or record it again.")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path} holds samples that are not finite numbers.", hint="Write the file again.")
    return samples, rate_hz


def _check_size(path: Path, rate_hz: int, channels: int, frames: int) -> None:
    low, high = _RATES_HZ
    if not low <= rate_hz <= high:
        raise AudioError(f"{path} has a rate of {rate_hz} Hz.", hint=f"Give audio of {low} to {high} Hz.")
    if channels > _MOST_CHANNELS:
        raise AudioError(f"{path} has {channels} channels.", hint=f"Give at most {_MOST_CHANNELS}.")
    if frames * channels > _MOST_VALUES:
        raise AudioError(
            f"{path} holds {frames} samples of {channels} channels, more than fit.",
            hint="Cut the recording into shorter files.",
        )


def files(path: Path) -> tuple[Path, ...]:
    """The file itself, or all WAV and FLAC files of a folder, sorted by name.

    Raises:
        AudioError: Nothing is there, or the folder holds no audio.
    """
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise AudioError(
            f"There is no audio file or folder {path}.", hint="Give a WAV or FLAC file, or a folder of them."
        )
    found = tuple(sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file()))
    if not found:
        raise AudioError(f"The folder {path} holds no .wav or .flac file.", hint="Give a folder of recordings.")
    stems = [one.stem for one in found]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise AudioError(
            f"The folder {path} holds {twice} both as WAV and as FLAC.",
            hint="Remove or rename one of the two.",
        )
    return found


def read_pairs(noisy: Path, reference: Path | None, sample_rate_hz: int) -> tuple[Pair, ...]:
    """All noisy recordings, each with its clean reference.

    Args:
        noisy: A file or a folder.
        reference: A file (for one noisy file), a folder that holds a file of the same name for each, or None.
        sample_rate_hz: The rate that the model was trained at.

    Raises:
        AudioError: A file cannot be used, has no partner, or differs from its partner in length.
    """
    noisy_files = files(noisy)
    if reference is None:
        return tuple(Pair(read_audio(one, sample_rate_hz), None) for one in noisy_files)
    partners = _partners(noisy_files, noisy, reference)
    return tuple(_read_pair(*both, sample_rate_hz) for both in zip(noisy_files, partners, strict=True))


def _partners(noisy_files: tuple[Path, ...], noisy: Path, reference: Path) -> list[Path]:
    if noisy.is_file() and reference.is_file():
        return [reference]
    by_stem = {one.stem: one for one in files(reference)}
    missing = [one for one in noisy_files if one.stem not in by_stem]
    if missing:
        more = f" ({len(missing)} such files)" if len(missing) > 1 else ""
        raise AudioError(
            f"{missing[0].name} has no reference of the same name in {reference}{more}.",
            hint="Give each noisy file a clean file of the same name, or leave the reference out.",
        )
    return [by_stem[one.stem] for one in noisy_files]


def _read_pair(noisy_file: Path, clean_file: Path, sample_rate_hz: int) -> Pair:
    noisy, clean = read_audio(noisy_file, sample_rate_hz), read_audio(clean_file, sample_rate_hz)
    shorter, longer = sorted((len(noisy.samples), len(clean.samples)))
    resampled = any("resampled" in note for note in noisy.notes + clean.notes)
    if longer - shorter > (_RESAMPLING_SLACK if resampled else 0):
        raise AudioError(
            f"{noisy_file.name} has {len(noisy.samples)} samples and its reference {clean_file.name} "
            f"{len(clean.samples)} (at {sample_rate_hz} Hz).",
            hint="Give a reference of the same length that is aligned with the noisy file.",
        )
    return Pair(_shortened(noisy, shorter), _shortened(clean, shorter))


def _shortened(clip: Clip, samples: int) -> Clip:
    if len(clip.samples) == samples:
        return clip
    note = f"{len(clip.samples) - samples} samples cut from the end"
    return Clip(clip.name, clip.samples[:samples], clip.sample_rate_hz, (*clip.notes, note))


def write(path: Path, pcm: NDArray[np.int16], sample_rate_hz: int) -> None:
    """A mono 16-bit WAV file, whole or not at all; same samples, same bytes.

    Raises:
        AudioError: The folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        soundfile.write(temporary, pcm, sample_rate_hz, subtype="PCM_16", format="WAV")
        temporary.replace(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path} cannot be written ({error}).", hint="Choose another --out folder.") from error
    finally:
        temporary.unlink(missing_ok=True)
