"""Trained reference checkpoints.  A folder with ``model.keras`` and ``card.md`` is a model; adding it adds one.

``calibration.wav`` is noisy speech that is none of the models' training or test material: what activation ranges are
measured on when the user names nothing better.
"""

from __future__ import annotations

from pathlib import Path

from slimse_mcu.errors import ModelError, QuantizeError

_HERE = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """Names of the bundled models, sorted."""
    return tuple(sorted(found.parent.name for found in _HERE.glob("*/model.keras")))


def path(name: str) -> Path:
    """Return the ``.keras`` file of a bundled model.

    Raises:
        ModelError: There is no such model.
    """
    if name not in names():
        known = ", ".join(names()) or "none"
        raise ModelError(f"The zoo has no model {name!r}.", hint=f"Bundled: {known}.")
    return _HERE / name / "model.keras"


def card(name: str) -> str:
    """Return the model card, Markdown: what it is, what data it saw, how good it is.

    Raises:
        ModelError: There is no such model.
    """
    return (path(name).parent / "card.md").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """Return the card's first paragraph, one line.

    Raises:
        ModelError: There is no such model.
    """
    paragraphs = [part for part in card(name).split("\n\n") if part.strip() and not part.startswith("#")]
    return " ".join(paragraphs[0].split()) if paragraphs else ""


def calibration_clip() -> Path:
    """Return the noisy recording that models are calibrated on by default.

    Raises:
        QuantizeError: The installation carries none.
    """
    clip = _HERE / "calibration.wav"
    if not clip.is_file():
        raise QuantizeError("The zoo's calibration clip is missing.", hint="Give recordings: --calibration PATH.")
    return clip
