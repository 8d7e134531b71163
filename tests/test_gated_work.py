"""What decisions weigh in training: the MACs that they save on the device."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from slimse_mcu.load import load
from slimse_mcu.models import conv_fsenet, dsn_ftf
from slimse_mcu.streaming import count_macs, gate_layout
from slimse_mcu.training.gated_work import gate_weights, in_order, open_share


def small_dsn() -> keras.Model:
    return dsn_ftf(bands=16, encoder=4, channels=12, key_dim=4, policy_features=8, policy_hidden=6)


def test_channels_that_cost_the_same_weigh_the_same():
    network = conv_fsenet(bottleneck=4, hidden=6, stacks=1, dilations=(1, 2))
    weights = gate_weights(network)
    assert len(weights) == 2
    for one in weights.values():
        np.testing.assert_allclose(one, np.full(6, 1 / 12), rtol=1e-6)
    for given, alike in zip(in_order(network, weights), in_order(network, None), strict=True):
        np.testing.assert_allclose(given, alike, rtol=1e-6)


def test_components_weigh_what_they_save_on_the_device(tmp_path: Path):
    network = small_dsn()
    ((name, weights),) = gate_weights(network).items()
    network.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    layout = gate_layout(graph)
    whole = int(count_macs(graph, layout.constant(True)[None])[0])
    saved = []
    for bit in range(len(weights)):
        bits = np.ones(len(weights), bool)
        bits[bit] = False
        saved.append(whole - int(count_macs(graph, layout.pack({name: bits})[None])[0]))
    np.testing.assert_allclose(weights, np.array(saved) / sum(saved), rtol=1e-6)
    assert max(weights) > 2 * min(weights)


def test_share_is_that_of_the_macs_of_each_frame():
    network = small_dsn()
    weights = in_order(network, gate_weights(network))
    gates = np.ones((1, 3, len(weights[0])), np.float32)
    gates[0, 1, 0] = 0.0
    gates[0, 2] = 0.0
    share = np.asarray(open_share([gates], weights))
    np.testing.assert_allclose(share, [[1.0, 1.0 - weights[0][0], 0.0]], atol=1e-6)


def test_networks_without_gates_have_no_weights():
    assert gate_weights(conv_fsenet(bottleneck=2, hidden=2, stacks=1, dilations=(1,), gates=False)) == {}
