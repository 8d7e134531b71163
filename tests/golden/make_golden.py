"""Writes the expected C of small networks: ``python tests/golden/make_golden.py`` after a change that is meant.

Read the difference before you commit it: it is the product.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from gated_layers import grouped_gru, slim_attention  # noqa: E402
from networks import Network  # noqa: E402
from spectral_networks import SpectralNetwork  # noqa: E402

from slimse_mcu.graph import QuantizedGraph  # noqa: E402

HERE = Path(__file__).resolve().parent
VERSION_MARK = "VERSION"


def golden_files() -> Mapping[str, str]:
    """The generated files of fixed networks by path below this folder, the tool's version replaced by a word."""
    from slimse_mcu.emit import emit
    from slimse_mcu.plan import plan
    from slimse_mcu.version import VERSION

    return {
        f"{folder}/{name}": text.replace(VERSION, VERSION_MARK)
        for folder, quantized in (("gated_block", _gated_block()), ("slimmable_block", slimmable_block()))
        for name, text in emit(plan(quantized)).files.items()
        if name.startswith("model") or name == "project.json"
    }


def _of_few_digits(network: Network) -> None:
    """Weights of few digits: the files must not depend on the machine's floating-point library."""
    network.normal = lambda *shape, fan_in=1: network.rng.integers(-8, 9, shape) / 8.0  # type: ignore[method-assign]
    network.bias = lambda channels: network.rng.integers(-4, 5, channels) / 4.0  # type: ignore[method-assign]


def _gated_block() -> QuantizedGraph:
    """A block of dynamic channel pruning."""
    from slimse_mcu.quantize import quantize

    network = Network(4, seed=0)
    _of_few_digits(network)
    x = network.dense(network.input, 6, "relu", name="front")
    gate = network.add(
        "slimse>ChannelGate",
        {"channels": 10},
        [network.dense(x, 3, "relu", name="b0_gate_hidden")],
        10,
        [network.normal(3, 10), network.bias(10)],
        name="b0_gate",
    )
    hidden = network.close(network.dense(x, 10, "relu", name="b0_expand"), gate)
    hidden = network.close(network.depthwise(hidden, 3, 2, activation="relu", name="b0_depthwise"), gate)
    x = network.combine("Add", x, network.dense(hidden, 6, name="b0_project"), name="b0_add")
    graph = network.graph(network.dense(x, 4, "sigmoid", name="back"))
    features = (np.arange(80).reshape(20, 4) * 7 % 17 / 16.0).astype(np.float32)
    return quantize(graph, [features], calibration_hash="c" * 64)


def slimmable_block() -> QuantizedGraph:
    """Parts of each kind and rule behind a policy, over four frequencies; all ranges given."""
    from slimse_mcu.ops.arithmetic import choose_quantization
    from slimse_mcu.quantize import quantize_with

    network = SpectralNetwork(4, 2, seed=0)
    _of_few_digits(network)
    names = ["convolution", "group", "head", "mix"]
    policy = network.policy(network.input, names, name="policy")
    x = network.conv2d(network.spectrum, 4, (2, 3), padding=(1, 1), activation="relu6", name="encode")
    x = network.gate_parts(x, policy, [None, 0], ["zero", "zero"])
    x = slim_attention(network, x, policy, [None, 2], 2, name="attend")
    x = grouped_gru(network, x, policy, 4, [None, 1], "hold", name="remember")
    mixed = network.gate_parts(network.dense(x, 4, name="mix"), policy, [None, 3], ["bypass", "bypass"], x)
    graph = network.graph(network.dense(network.reshape(mixed, 0, 16), 3, "sigmoid", name="back"))
    return quantize_with(graph, {name: choose_quantization(-4.0, 4.0) for name in graph.tensors})


def main() -> None:
    """Write the files."""
    for name, text in golden_files().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
