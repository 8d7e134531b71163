"""Curves for TensorBoard; ``tensorboard --logdir FOLDER`` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tensorboard.summary import Writer

EVERY_STEPS = 50


class Log:
    """Writes event files into a folder; a continued training adds one.

    Args:
        folder: Made if it is missing; None writes nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._writer = None if folder is None else Writer(str(folder))

    def step(self, step: int, logs: Mapping[str, float], learning_rate: float) -> None:
        """Means since the epoch's start; only every 50th step is kept."""
        if step % EVERY_STEPS == 0:
            self._add("train", step, {**logs, "learning_rate": learning_rate})

    def epoch(self, record: Mapping[str, float]) -> None:
        """What validation came to."""
        scores = {key.removeprefix("val_"): value for key, value in record.items() if key.startswith(("val_", "pesq"))}
        self._add("validation", int(record["step"]), scores)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()

    def _add(self, group: str, step: int, values: Mapping[str, float]) -> None:
        if self._writer is None:
            return
        for key, value in values.items():
            self._writer.add_scalar(f"{group}/{key}", value, step)
        self._writer.flush()
