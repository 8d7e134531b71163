"""The kernel that obeys a limit against its specification."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import WARNINGS
from numpy.typing import NDArray

from slimse_mcu import assets
from slimse_mcu.limit import Limit, in_bytes

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
THOROUGH = settings(max_examples=300)


class LimitFields(ctypes.Structure):
    """``slimse_limit_t``."""

    _fields_ = (("decisions", ctypes.c_uint16), ("group", ctypes.c_uint16), ("order", ctypes.c_void_p))


class GateFields(ctypes.Structure):
    """``slimse_gate_t``."""

    _fields_ = (
        ("open_count", ctypes.c_uint16),
        ("group", ctypes.c_uint16),
        ("open", ctypes.c_void_p),
        ("bits", ctypes.c_void_p),
        ("forced", ctypes.c_void_p),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> ctypes.CDLL:
    firmware = assets.path("firmware")
    target = tmp_path_factory.mktemp("limit") / "limit.so"
    options = ["-O2", "-fPIC", "-shared", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    source = str(firmware / "kernels" / "slimse_limit.c")
    subprocess.run(["gcc", *WARNINGS, *options, f"-I{firmware}", source, "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))


def limited(
    library: ctypes.CDLL,
    is_open: NDArray[np.bool_],
    order: NDArray[np.uint16],
    most: int,
    *,
    group: int = 1,
    forced: bool = False,
) -> tuple[list[int], list[int]]:
    """The list of open channels, and the bits, behind the kernel; both have room for one more, which stays."""
    indices = np.full(len(is_open) + 1, 0xABCD, np.uint16)
    indices[: is_open.sum()] = np.flatnonzero(is_open)
    bits = np.append(np.packbits(is_open, bitorder="little"), np.uint8(0x5A))
    pattern = bits.copy()
    kept: list[Any] = [indices, bits, pattern, in_bytes(order)]
    gate = GateFields(
        int(is_open.sum()), group, *(one.ctypes.data for one in kept[:2]), pattern.ctypes.data if forced else None
    )
    layer = LimitFields(len(order), group, kept[3].ctypes.data)
    library.slimse_limit(ctypes.byref(layer), ctypes.c_uint16(most), ctypes.byref(gate))
    assert (indices[-1], bits[-1]) == (0xABCD, 0x5A)
    return indices[: gate.open_count].tolist(), bits[:-1].tolist()


@THOROUGH
@given(
    st.integers(0, 2**32 - 1),
    st.one_of(st.integers(1, 70), st.integers(254, 600)),
    st.sampled_from([1, 2, 3, 4, 8]),
    st.integers(0, 600),
    st.sampled_from([0.1, 0.5, 0.9, 1.0]),
)
def test_limit(library, seed, decisions, group, most, share):
    rng = np.random.default_rng(seed)
    is_open = np.repeat(rng.random(decisions) < share, group)
    order = rng.permutation(decisions).astype(np.uint16)
    wanted = Limit(most, {"gate": order}, {"gate": group}).keep("gate", is_open.astype(np.int8)).astype(bool)
    assert wanted.sum() == min(most // group * group, is_open.sum())
    assert not (wanted & ~is_open).any()
    assert (wanted.reshape(-1, group) == wanted[::group, None]).all()
    indices, bits = limited(library, is_open, order, most, group=group)
    assert indices == np.flatnonzero(wanted).tolist()
    assert bits == np.packbits(wanted, bitorder="little").tolist()


def test_what_comes_first_in_the_order_stays(library):
    order = np.array([3, 1, 0, 2], np.uint16)
    assert limited(library, np.array([True, True, True, False]), order, 1)[0] == [1]
    assert limited(library, np.array([True, True, True, True]), order, 2)[0] == [1, 3]
    assert limited(library, np.ones(4, bool), order, 0xFFFF)[0] == [0, 1, 2, 3]


def test_forced_gates_are_not_limited(library):
    order = np.arange(9, dtype=np.uint16)
    assert limited(library, np.ones(9, bool), order, 2, forced=True)[0] == list(range(9))
