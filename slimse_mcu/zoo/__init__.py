"""Trained reference checkpoints that come with the package.

Each is a folder with ``model.keras`` and ``card.md``.  A folder put beside this file is an entry; there is
no list.
"""

from __future__ import annotations

from pathlib import Path

from slimse_mcu.errors import ModelError

_ROOT = Path(__file__).parent
_MODEL = "model.keras"
_CARD = "card.md"
_CALIBRATION = "calibration.flac"


def entries() -> tuple[str, ...]:
    """Names of the bundled models, sorted."""
    return tuple(sorted(folder.parent.name for folder in _ROOT.glob(f"*/{_MODEL}")))


def path(name: str) -> Path:
    """The ``.keras`` file of a bundled model.

    Raises:
        ModelError: There is no such model.
    """
    return _entry(name) / _MODEL


def card(name: str) -> str:
    """The model card, Markdown: what it is, what data it saw, how it was trained, what it measured.

    Raises:
        ModelError: There is no such model, or it has no card.
    """
    file = _entry(name) / _CARD
    if not file.is_file():
        raise ModelError(f"The zoo's model {name!r} has no card.", hint="Install slimse-mcu again.")
    return file.read_text(encoding="utf-8")


def calibration_clip() -> Path:
    """About 30 s of noisy synthetic speech, 16 kHz mono: calibrates where a user gives no recordings.

    Raises:
        ModelError: The clip is missing from the installation.
    """
    file = _ROOT / _CALIBRATION
    if not file.is_file():
        raise ModelError("The zoo's calibration clip is missing.", hint="Install slimse-mcu again.")
    return file


def _entry(name: str) -> Path:
    """The folder of a bundled model."""
    if name not in entries():
        known = ", ".join(entries()) or "none"
        raise ModelError(f"There is no model {name!r} in the zoo.", hint=f"Bundled models: {known}.")
    return _ROOT / name
