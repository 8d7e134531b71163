"""A language: word lists, sentence templates, accents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Language:
    """Makes sentences; no template belongs to two splits.

    Attributes:
        code: ISO 639-1, such as ``"de"``.
        accents: Voices of espeak-ng that speak it, without variant.
        words: Word or phrase lists by the name of their slot.
        templates: By split, sentences with ``{slot}``.
    """

    code: str
    accents: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    templates: Mapping[str, tuple[str, ...]]

    def sentence(self, split: str, rng: np.random.Generator) -> str:
        """A random sentence.

        Args:
            split: ``"train"``, ``"valid"`` or ``"test"``.
            rng: Source of the choice.
        """
        templates = self.templates[split]
        text = _SLOT.sub(lambda slot: self._word(slot[1], rng), templates[rng.integers(len(templates))])
        return text[0].upper() + text[1:]

    def _word(self, slot: str, rng: np.random.Generator) -> str:
        words = self.words[slot]
        return words[rng.integers(len(words))]
