"""What closing components saves on a board: MACs by the plan's table for every gate vector, and instructions."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from gated_layers import grouped_gru, slim_attention
from networks import Jitter, Value, quantized_features, random_quantization
from spectral_networks import SpectralNetwork

from slimse_mcu.board import board
from slimse_mcu.build import build as build_image
from slimse_mcu.emit import emit
from slimse_mcu.harness.session import Session
from slimse_mcu.plan import plan
from slimse_mcu.streaming import count_macs

pytestmark = [
    pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is missing"),
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is missing"),
]

POSITIONS, CHANNELS = 12, 32
PARTS = [None, 0, 1, 2]
#: Share of the instructions that must go with the MACs, of the network as a whole.
LEAST_ETA = 0.80

Layer = Callable[[SpectralNetwork, Value, Value], Value]


def _gated(layer: Callable[[SpectralNetwork, Value], Value]) -> Layer:
    """A plain layer whose output's channels are four parts."""
    return lambda network, x, policy: network.gate_parts(layer(network, x), policy, PARTS, ["zero"] * 4)


KINDS: dict[str, Layer] = {
    "dense units": _gated(lambda network, x: network.dense(x, 64, "relu")),
    "convolution channels": _gated(lambda network, x: network.conv2d(x, 32, (2, 3), padding=(1, 1))),
    "depthwise channels": _gated(lambda network, x: network.depthwise2d(x, (3, 5), padding=(2, 2))),
    "transposed convolution channels": _gated(lambda network, x: network.transposed(x, 32, (1, 3), 2, "same")),
    "recurrent groups along time": lambda network, x, policy: network.activation(
        grouped_gru(network, x, policy, 32, PARTS, "hold"), "relu"
    ),
    "recurrent groups along frequency": lambda network, x, policy: grouped_gru(
        network, x, policy, 16, PARTS, axis="frequency", bidirectional=True
    ),
    "heads along frequency": lambda network, x, policy: slim_attention(network, x, policy, PARTS, 8),
    "heads along time": lambda network, x, policy: slim_attention(network, x, policy, PARTS, 8, window=8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_closed_components_cost_nothing(kind, tmp_path):
    network = SpectralNetwork(POSITIONS, CHANNELS, seed=1)
    policy = network.policy(network.input, ["a", "b", "c"])
    graph = network.graph(KINDS[kind](network, network.spectrum, policy))
    target = board("virtual-m4")
    planned = plan(random_quantization(graph, Jitter(1, 0.0)), target)
    vectors = np.array(list(itertools.product([1, 0], repeat=3)), bool)
    patterns = np.stack([planned.gates.pack({policy.layer: vector}) for vector in vectors])
    macs, counts = [], []
    with Session(target, build_image(emit(planned), target, tmp_path)) as session:
        for pattern in patterns:
            session.configure("features", gates=pattern)
            session.reset()
            *_, result = session.frames(list(quantized_features(planned.quantized, 3, 0)))
            macs.append(result.macs)
            counts.append(result.count)
    np.testing.assert_array_equal(macs, count_macs(graph, patterns))
    assert len(set(macs)) >= 4
    for index in range(1, len(vectors)):
        eta = (1 - counts[index] / counts[0]) / (1 - macs[index] / macs[0])
        assert eta >= LEAST_ETA, f"{vectors[index].astype(int)}: eta {eta:.3f}"
