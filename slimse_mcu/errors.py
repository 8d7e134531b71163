"""The one exception tree of slimse-mcu.

Every error is one sentence that names the layer, file or port, what was expected, and the way out.  Only
``cli.py`` turns an error into an exit code; the library raises and never prints.
"""

from __future__ import annotations


class SlimseError(Exception):
    """Base of all errors that a user can cause or mend.

    Args:
        message: One sentence: what is wrong with which layer, file or port, and what was expected.
        hint: The way out, an imperative sentence; empty when the message already says it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ModelError(SlimseError):
    """The model file cannot be read, or holds something that cannot be compiled."""


class QuantizeError(SlimseError):
    """Calibration data is missing or unfit, or a tensor cannot be quantized."""


class PlanError(SlimseError):
    """The model does not fit the board."""


class BuildError(SlimseError):
    """The toolchain is missing or refused the sources."""


class BoardError(SlimseError):
    """A board is unknown, its description is wrong, or it could not be started."""


class FlashError(SlimseError):
    """A board could not be loaded with firmware: the tool is missing, finds no probe, or failed."""


class LinkError(SlimseError):
    """The serial link failed, or the device answered something else than was asked."""


class AudioError(SlimseError):
    """An audio file cannot be read, is empty, or does not fit the model."""
