"""What a synthetic corpus consists of: every file's voice, room, noise and ratio, drawn before anything is made.

A file's recipe and its content depend on the corpus' seed and the file's number only, so files can be made in any
order, by any number of processes, and again where work was interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slimse_mcu.data import noises
from slimse_mcu.data.engines import Engine, Manner, Voice
from slimse_mcu.data.rooms import DRY, Room, draw_room
from slimse_mcu.errors import SlimseError

SPLITS = ("train", "valid", "test")
ROLES = ("babble", "clean", "noise", "pair")
RATIOS_DB = (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0)
CLEAN_DB = 60.0
"""Ratio of the recordings of clean speech."""

_ENGLISH = 0.55
_HIGH = 0.45
_IN_ROOM = 0.65
_NOISE_IN_ROOM = 0.5
_RATE = (0.82, 1.25)
_PITCH = (0.8, 1.25)
_SHIFT = (0.88, 1.14)


@dataclass(frozen=True, slots=True)
class Preset:
    """How much of everything.

    Attributes:
        clean_files: Training files of speech, 10 to 20 s each.
        noise_files: Training files of noise; all kinds in turn.
        noise_s: Length of each.
        babble_files: Recordings per split that babble is made of.
        pairs_per_ratio: Valid and test recordings at each of :data:`RATIOS_DB`, by split.
        clean_pairs: Of clean speech, by split.
    """

    clean_files: int
    noise_files: int
    noise_s: float
    babble_files: int
    pairs_per_ratio: dict[str, int]
    clean_pairs: dict[str, int]


PRESETS = {
    "full": Preset(1920, 480, 15.0, 48, {"valid": 16, "test": 40}, {"valid": 8, "test": 20}),
    "small": Preset(240, 64, 15.0, 24, {"valid": 8, "test": 16}, {"valid": 4, "test": 4}),
    "smoke": Preset(6, 8, 6.0, 3, {"valid": 1, "test": 1}, {"valid": 1, "test": 1}),
}


@dataclass(frozen=True, slots=True)
class Talk:
    """Who speaks how and where.

    Attributes:
        voice: The engine's voice.
        manner: Rate and pitch.
        shift: Factor on all frequencies, formants too: another length of the vocal tract.
        room: Where.
    """

    voice: Voice
    manner: Manner
    shift: float
    room: Room


@dataclass(frozen=True, slots=True)
class Noise:
    """A kind of noise in a room."""

    kind: str
    room: Room


@dataclass(frozen=True, slots=True)
class Recipe:
    """One file, or one pair of files.

    Attributes:
        split: Of the corpus.
        role: One of :data:`ROLES`: ``"babble"`` (raw material), ``"clean"`` and ``"noise"`` to train on, ``"pair"``.
        number: Counts within split and role.
        seed: The corpus'.
        talk: The speaker; None in noise.
        noise: The noise; None in speech.
        snr_db: Ratio of a pair.
        seconds: Length of noise; 0 otherwise.
    """

    split: str
    role: str
    number: int
    seed: int
    talk: Talk | None = None
    noise: Noise | None = None
    snr_db: float = 0.0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Path below the corpus without suffix; of a pair below ``noisy`` and ``clean``."""
        if self.role == "pair":
            return f"{self.split}{self.number:04d}"
        # Who makes babble of it has to know whose voice it is.
        speaker = f" {self.talk.voice.speaker}" if self.role == "babble" and self.talk is not None else ""
        return f"{self.split}/{self.role}/{self.number:05d}{speaker}"

    def rng(self, purpose: int) -> np.random.Generator:
        """Randomness for one purpose of this file alone."""
        return np.random.default_rng(
            [self.seed, SPLITS.index(self.split), ROLES.index(self.role), self.number, purpose]
        )


def recipes(preset: Preset, seed: int, engines: Sequence[Engine]) -> list[Recipe]:
    """All files of a corpus.

    Raises:
        SlimseError: The engines have no voice for one of the splits.
    """
    for split in SPLITS:
        if not any(voice.split == split for engine in engines for voice in engine.voices):
            raise SlimseError(
                f"The engines {', '.join(engine.name for engine in engines)} have no voice for the {split} split.",
                hint="Add espeak-ng to --engines; it has voices for all splits.",
            )
    planned = [
        _speech(split, "babble", number, seed, engines) for split in SPLITS for number in range(preset.babble_files)
    ]
    planned += [_speech("train", "clean", number, seed, engines) for number in range(preset.clean_files)]
    kinds = list(noises.kinds())
    for number in range(preset.noise_files):
        recipe = Recipe("train", "noise", number, seed, seconds=preset.noise_s)
        planned.append(_with_noise(recipe, kinds[number % len(kinds)]))
    for split in ("valid", "test"):
        count = preset.pairs_per_ratio[split]
        ratios = [ratio for ratio in RATIOS_DB for _ in range(count)] + [CLEAN_DB] * preset.clean_pairs[split]
        for number, snr_db in enumerate(ratios):
            speech = _speech(split, "pair", number, seed, engines, snr_db)
            # Few recordings: neighbouring ratios go on with other kinds.
            planned.append(_with_noise(speech, kinds[number % len(kinds)] if snr_db < CLEAN_DB else "coloured"))
    return planned


def _speech(split: str, role: str, number: int, seed: int, engines: Sequence[Engine], snr_db: float = 0.0) -> Recipe:
    recipe = Recipe(split, role, number, seed, snr_db=snr_db)
    rng = recipe.rng(0)
    voice = _voice(split, engines, rng)
    manner = Manner(round(float(rng.uniform(*_RATE)), 3), round(float(rng.uniform(*_PITCH)), 3))
    shift = round(float(np.exp(rng.uniform(*np.log(_SHIFT)))), 3)
    room = draw_room(rng) if role != "babble" and rng.random() < _IN_ROOM else DRY
    return Recipe(split, role, number, seed, talk=Talk(voice, manner, shift, room), snr_db=snr_db)


def _voice(split: str, engines: Sequence[Engine], rng: np.random.Generator) -> Voice:
    """A voice: first the engine by its share, then the language, then how high, then any such voice."""
    able = [engine for engine in engines if any(voice.split == split for voice in engine.voices)]
    shares = np.array([engine.share for engine in able])
    engine = able[rng.choice(len(able), p=shares / shares.sum())]
    voices = [voice for voice in engine.voices if voice.split == split]
    foreign = sorted({voice.language for voice in voices} - {"en"})
    language = "en" if not foreign or rng.random() < _ENGLISH else foreign[rng.integers(len(foreign))]
    fitting = [voice for voice in voices if voice.language == language]
    wanted = rng.random() < _HIGH
    alike = [voice for voice in fitting if voice.high == wanted] or fitting
    return alike[rng.integers(len(alike))]


def _with_noise(recipe: Recipe, kind: str) -> Recipe:
    rng = recipe.rng(1)
    outdoors = getattr(noises.kinds()[kind], "OUTDOORS", False)
    inside = not outdoors and rng.random() < _NOISE_IN_ROOM
    noise = Noise(kind, draw_room(rng, distance_m=(1.0, 3.0)) if inside else DRY)
    return Recipe(
        recipe.split, recipe.role, recipe.number, recipe.seed, recipe.talk, noise, recipe.snr_db, recipe.seconds
    )
