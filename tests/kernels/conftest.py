"""Where the kernels' tests run them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from kernels.machines import Emulated, Host, Machine, optimised_boards


@pytest.fixture(scope="session", params=["host", *optimised_boards()])
def library(request, tmp_path_factory) -> Iterator[Machine]:
    """All kernels: the portable ones here, and those of each search order on an emulated board."""
    folder = tmp_path_factory.mktemp("kernels")
    if request.param == "host":
        yield Host(folder)
        return
    board = optimised_boards()[request.param]
    if shutil.which(board.compiler) is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("the toolchain or the emulator is missing")
    machine = Emulated(board, folder)
    yield machine
    machine.close()
