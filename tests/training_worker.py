"""Trains a tiny network as one worker of several: ``python training_worker.py DATA OUT [STOP]``.

With STOP the last worker gets SIGTERM while it makes its second batch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from training_data import tiny_config, tiny_data

from slimse_mcu.training.batches import Batches
from slimse_mcu.training.train import Unwatched, train

#: Noise, gates, batch norm, and gradients whose norm is clipped: all that could differ between slices and whole.
CONFIG = tiny_config(
    network={"gate_noise": 0.3, "feature_noise": 0.05}, training={"batch": 4, "clip_norm": 0.5, "seconds": 0.2}
)


class Notes(Unwatched):
    """Writes the losses of every step to stdout."""

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        print(json.dumps({"step": step, **logs}), flush=True)


class Interrupted(Batches):
    """Ends its process as a scheduler would."""

    def slice(self, index: int, part: int, of: int):
        if part == of - 1 and index == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().slice(index, part, of)


if __name__ == "__main__":
    if "STOP" in sys.argv:
        sys.modules["slimse_mcu.training.train"].Batches = Interrupted
    result = train(CONFIG, tiny_data(Path(sys.argv[1])), Path(sys.argv[2]), resume=True, watch=Notes())
    print(json.dumps({"finished": result.finished, "history": result.history}))
