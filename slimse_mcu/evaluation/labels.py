"""What models are called in tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slimse_mcu.errors import ModelError

_ANONYMOUS = {"model", "best", "last"}
"""File names that say nothing; the folder's name does."""


def labelled(models: Sequence[str]) -> list[tuple[str, str]]:
    """A unique label for each model, with the model.

    ``LABEL=MODEL`` is taken apart; else a zoo model's label is its name, a file's is its name without suffix, or its
    folder's name where the file is called ``model.keras`` or the like.

    Raises:
        ModelError: Two models have the same label, or a label is empty.
    """
    found = [_labelled(one) for one in models]
    labels = [label for label, _ in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ModelError(f"Two models are called {twice}.", hint="Name one of them: LABEL=MODEL.")
    return found


def _labelled(given: str) -> tuple[str, str]:
    label, equals, model = given.partition("=")
    if equals and not Path(given).exists():
        if not label or not model:
            raise ModelError(f"{given} names no model.", hint="Write LABEL=MODEL.")
        return label, model
    if given.startswith("zoo:"):
        return given.removeprefix("zoo:"), given
    path = Path(given)
    if path.stem in _ANONYMOUS:
        return path.resolve().parent.name or path.stem, given
    return path.stem, given
