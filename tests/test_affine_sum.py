"""Short forms of sums: found for the scales of real tensors, equal to the specification on all inputs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from slimse_mcu.graph import Node, Quantization
from slimse_mcu.kernels.affine_sum import affine_sum
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import QuantizeContext

GRID = np.arange(-128, 128, dtype=np.int64)


def parameters_of(scales: tuple[float, float, float], zero_points: tuple[int, int, int], activation: str = "linear"):
    tensors = [Quantization(scale, zero) for scale, zero in zip(scales, zero_points, strict=True)]
    node = Node("add", "add", ("a", "b"), "add", {"channels": 1, "positions": 1}, activation=activation)
    return node, operators()["add"].quantize(node, QuantizeContext(tensors[:2], tensors[2]))


SCALES = st.floats(1e-3, 1.0)
ZEROS = st.integers(-128, 127)


@settings(max_examples=40)
@given(SCALES, SCALES, st.floats(0.5, 2.0), ZEROS, ZEROS, ZEROS, st.sampled_from(["linear", "relu"]))
def test_a_form_that_is_found_equals_the_specification(first, second, ratio, zero0, zero1, zero2, activation):
    scales = (first, second, max(first, second) * ratio)
    node, parameters = parameters_of(scales, (zero0, zero1, zero2), activation)
    found = affine_sum(parameters)
    if found is None:
        return
    a, b = (grid.ravel() for grid in np.meshgrid(GRID, GRID, indexing="ij"))
    total = a * found.a + b * found.b + found.c
    assert np.abs(total).max() < 2**31
    clamped = np.clip(total >> found.shift, parameters["output_min"], parameters["output_max"])
    expected = operators()["add"].step_integer(node, parameters, [a.astype(np.int8), b.astype(np.int8)], ())
    np.testing.assert_array_equal(clamped, expected)


def test_a_residual_connection_has_a_short_form():
    _, parameters = parameters_of((0.041, 0.033, 0.047), (3, -7, 1))
    assert affine_sum(parameters) is not None


def test_scales_that_differ_by_orders_of_magnitude_are_no_error():
    _, parameters = parameters_of((1e-6, 1.0, 1.0), (0, 0, 0))
    affine_sum(parameters)
