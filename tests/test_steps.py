"""Quantization by a table of steps: buckets and two comparisons find what a search through all thresholds finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimse_mcu.dsp.features_f32 import MagnitudeFeatures
from slimse_mcu.dsp.features_s32 import MagnitudeFeaturesS32
from slimse_mcu.dsp.steps import Steps
from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import FrontEnd, Quantization


def step_of(steps: Steps, number: int) -> int:
    """``slimse_step_of`` as it stands in C, on the tables as they are printed."""
    thresholds = [int(one) for one in steps.thresholds] + [0xFFFFFFFF] * 2
    level = int(steps.starts[max(0, (number >> steps.shift) - steps.first)])
    if number >= thresholds[level + 1 + 128]:
        level += 2
    if number >= thresholds[level + 128]:
        level += 1
    return level


def check(steps: Steps, numbers: list[int]) -> None:
    wanted = steps.quantize(np.array(numbers, np.uint32))
    assert [step_of(steps, number) for number in numbers] == wanted.tolist()


def interesting(steps: Steps, reach: int) -> list[int]:
    """Every threshold and bucket's begin that occurs, with both neighbours."""
    edges = [int(one) for one in steps.thresholds]
    edges += [(steps.first + n) << steps.shift for n in range(len(steps.starts))]
    near = {edge + step for edge in edges for step in (-1, 0, 1)} | {0, 1, reach - 1, reach}
    return sorted(number for number in near if 0 <= number <= reach)


@settings(max_examples=30)
@given(st.data())
def test_any_thresholds(data: st.DataObject) -> None:
    """As near to each other as they like, anywhere among the numbers."""
    spread = data.draw(st.sampled_from([2**6, 2**12, 2**15]))
    lowest = data.draw(st.integers(0, 2**32 - 2 - spread))
    reach = lowest + data.draw(st.integers(1, spread))
    drawn = data.draw(st.lists(st.integers(lowest, lowest + spread), min_size=255, max_size=255))
    steps = Steps.of(np.sort(np.array(drawn, np.uint32)), reach, data.draw(st.sampled_from([7, 23])))
    chosen = interesting(steps, reach)
    check(steps, chosen[:: max(1, len(chosen) // 500)])


def test_thresholds_that_need_too_large_a_table_are_refused() -> None:
    near = np.append(np.arange(254, dtype=np.uint32), np.uint32(2**31))
    with pytest.raises(QuantizeError, match="too finely"):
        Steps.of(near, 2**32 - 2, 23)


@pytest.mark.parametrize("scale", [0.1, 4.9 / 255, 1e-4, 1e-9])
@pytest.mark.parametrize("zero_point", [-128, -100, 127])
@pytest.mark.parametrize(("exponent", "epsilon"), [(0.3, 1e-9), (1.0, 0.0), (0.05, 0.0), (0.5, 0.3)])
def test_steps_of_front_ends(exponent: float, epsilon: float, zero_point: int, scale: float) -> None:
    feature = Quantization(float(np.float32(scale)), zero_point)
    for fft in (64, 512, 2048):
        front = FrontEnd(exponent=exponent, epsilon=epsilon, fft=fft, hop=fft // 2)
        for kind in (MagnitudeFeatures, MagnitudeFeaturesS32):
            steps = kind.of(front, feature).steps
            reach = ((steps.first + len(steps.starts)) << steps.shift) - 1
            assert len(steps.starts) <= 4096 or scale < 1e-4
            assert steps.first < 2**16
            check(steps, interesting(steps, reach)[::31])
