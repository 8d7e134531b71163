"""A plan on a board, every frame held against the specification."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from slimse_mcu.board import board
from slimse_mcu.build import build as build_image
from slimse_mcu.emit import emit
from slimse_mcu.harness.session import Session
from slimse_mcu.plan import Plan
from slimse_mcu.streaming import run_int8


def run_on_board(planned: Plan, name: str, integers: NDArray[np.int8], folder: Path) -> None:
    """Build for a board, stream features through it, and compare every frame with the specification."""
    target = board(name)
    if shutil.which(target.compiler) is None or (target.emulator == "qemu" and not shutil.which("qemu-system-arm")):
        pytest.skip("the toolchain or the emulator is missing")
    trace = run_int8(planned.quantized, integers)
    image = build_image(emit(planned), target, folder)
    with Session(target, image) as session:
        session.configure("features")
        for index, result in enumerate(session.frames(list(integers))):
            np.testing.assert_array_equal(result.output, trace.output[index])
            np.testing.assert_array_equal(result.gates[: planned.gates.size], trace.gates[index])
            assert result.macs == trace.macs[index]
