"""What a measurement that broke off leaves: every frame that the board had answered."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import LinkError, SlimseError
from slimse_mcu.harness import audio
from slimse_mcu.run import Run

FOLDER = "partial"
"""Where it lies, in the folder that the report would have gone to."""

_MARK = "partial.json"


def is_partial(folder: Path) -> bool:
    """Whether a folder holds what :func:`keep` wrote."""
    try:
        told = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and {"error", "recordings"} <= told.keys()


def keep(
    out: Path,
    error: LinkError,
    runs: Sequence[tuple[str, int, Run]],
    *,
    sample_rate_hz: int | None,
    provenance: Mapping[str, Any],
) -> LinkError:
    """Write what a board had answered when it failed.

    ``partial.json`` says what happened and how far each recording came, ``NAME.npz`` holds gates, MACs, counts and
    output of its frames, and ``NAME.wav`` the audio that came from the board, one hop behind the input.

    Args:
        out: The folder of the measurement.
        error: Why it ended.
        runs: Of each recording that was begun: its name, its frames in all, and those that were answered.
        sample_rate_hz: Of the audio; None where features were sent.
        provenance: Of model and board.

    Returns:
        The error, which now says where all this is.
    """
    frames = sum(run.frames for _, _, run in runs)
    if not frames:
        return error
    temporary = out / f".{FOLDER}.{os.getpid()}.part"
    try:
        temporary.mkdir(parents=True)
        _write(temporary, error, runs, sample_rate_hz, provenance)
        shutil.rmtree(out / FOLDER, ignore_errors=True)
        temporary.rename(out / FOLDER)
    except (OSError, SlimseError) as problem:
        return LinkError(f"{error.message} What was measured so far could not be kept: {problem}", hint=error.hint)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return LinkError(
        f"{error.message} The {frames} frames measured so far are kept in {out / FOLDER}.", hint=error.hint
    )


def _write(
    folder: Path,
    error: LinkError,
    runs: Sequence[tuple[str, int, Run]],
    sample_rate_hz: int | None,
    provenance: Mapping[str, Any],
) -> None:
    for name, _, run in runs:
        arrays: dict[str, NDArray[Any]] = {"gates": run.gates, "macs": run.macs, "output": run.output}
        if run.count is not None and run.count_total is not None:
            arrays |= {"count": run.count, "count_total": run.count_total}
        np.savez(folder / f"{name}.npz", **arrays)
        if sample_rate_hz is not None:
            audio.write(folder / f"{name}.wav", run.output.reshape(-1), sample_rate_hz)
    told = {
        "error": error.message,
        "hint": error.hint,
        "provenance": dict(provenance),
        "recordings": {name: {"frames": total, "measured": run.frames} for name, total, run in runs},
    }
    (folder / _MARK).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
